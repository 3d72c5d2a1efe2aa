package interchange

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

func isCXF(s shape) bool {
	return s.has("exporterRpId") || s.has("items") && s.items["credentials"]
}

// readCXF reads a file of FIDO's Credential Exchange Format (fidoalliance.org/specs/cx),
// or one account of it, as some apps write it.
func readCXF(s Source) (Result, error) {
	type holder struct {
		Items jsontext.Value `json:"items"`
	}
	var file struct {
		holder
		Accounts jsontext.Value `json:"accounts"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	holders := []holder{file.holder}
	accounts, err := elements(file.Accounts, MaxEntries)
	if err != nil {
		return Result{}, err
	}
	for _, raw := range accounts {
		var h holder
		if err := readPart(raw, &h); err != nil {
			return Result{}, err
		}
		holders = append(holders, h)
	}
	var c collector
	for _, h := range holders {
		if err := c.addCXF(h.Items); err != nil {
			return Result{}, err
		}
	}
	return c.Result, nil
}

// addCXF takes the items of one account.
func (c *collector) addCXF(items jsontext.Value) error {
	type item struct {
		Title       string         `json:"title"`
		Credentials jsontext.Value `json:"credentials"`
	}
	return each(c, items, maxItems, func(n int, it item) {
		type credential struct {
			Type      string         `json:"type"`
			Secret    string         `json:"secret"`
			Algorithm string         `json:"algorithm"`
			Digits    loose          `json:"digits"`
			Period    loose          `json:"period"`
			Issuer    string         `json:"issuer"`
			Username  jsontext.Value `json:"username"` // a text; an object where the type is another
		}
		raw, err := elements(it.Credentials, MaxEntries)
		if err != nil {
			c.fail(n, it.Title, "", errEntry)
			return
		}
		found := false
		for _, r := range raw {
			var e credential
			if readPart(r, &e) != nil || e.Type != "totp" {
				continue
			}
			found = true
			d := draft{typ: account.TOTP, issuer: e.Issuer, secret: e.Secret, algorithm: e.Algorithm, digits: e.Digits, period: e.Period}
			if text, err := jsontext.AppendUnquote(nil, e.Username); err == nil {
				d.name = string(text)
			}
			if d.issuer == "" {
				d.issuer = it.Title
			}
			if strings.EqualFold(e.Algorithm, "steam") {
				d.typ = account.Steam
			}
			c.add(n, d)
		}
		if !found {
			c.Others++
		}
	})
}

func isEnpass(s shape) bool { return s.has("items") && s.items["fields"] && !s.has("encrypted") }

// readEnpass reads the JSON that Enpass exports.
func readEnpass(s Source) (Result, error) {
	var file struct {
		Items jsontext.Value `json:"items"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	type field struct {
		Type    string `json:"type"`
		Value   loose  `json:"value"`
		Deleted loose  `json:"deleted"`
	}
	type item struct {
		Title   string         `json:"title"`
		Trashed loose          `json:"trashed"`
		Fields  jsontext.Value `json:"fields"`
	}
	var c collector
	err := each(&c, file.Items, maxItems, func(n int, it item) {
		fields, err := elements(it.Fields, MaxEntries)
		if err != nil {
			c.fail(n, it.Title, "", errEntry)
			return
		}
		var name string
		var values []string
		for _, raw := range fields {
			var f field
			switch err := readPart(raw, &f); {
			case err != nil || f.Value == "" || f.Deleted != "" && f.Deleted != "0":
			case f.Type == "totp":
				values = append(values, string(f.Value))
			case f.Type == "username" && name == "", f.Type == "email" && name == "":
				name = string(f.Value)
			}
		}
		if len(values) == 0 || it.Trashed != "" && it.Trashed != "0" {
			c.Others++
			return
		}
		for _, v := range values {
			c.addValue(n, v, it.Title, name)
		}
	})
	return c.Result, err
}

// A line with codes in an entry of pass or gopass: an otpauth URI, or a key of
// gopass before it or before a bare secret.
var passLine = regexp.MustCompile(`(?i)^(?:(?:otpauth|totp|hotp):\s+|(otpauth://))(\S.*)$`)

func isPass(data []byte) bool {
	first := true
	for line := range textLines(data) {
		if !first && passLine.Match(line[:min(len(line), 4096)]) {
			return true
		}
		first = false
	}
	return false
}

// readPass reads one entry of pass or gopass, decrypted. Its path gives the name
// where the URI has none.
func readPass(s Source) (Result, error) {
	name := strings.TrimSuffix(filepath.Base(s.Name), filepath.Ext(s.Name))
	if !account.Showable(name) || name == "-" || name == "." {
		name = ""
	}
	var c collector
	first := true
	for line, number := range textLines(s.Data) {
		m := passLine.FindSubmatch(line)
		if m == nil || first && !isURILine(line) {
			first = false
			continue
		}
		first = false
		value := string(m[2])
		if len(m[1]) > 0 || strings.HasPrefix(value, "//") {
			value = "otpauth://" + strings.TrimPrefix(value, "//")
		}
		c.addValue(number, value, name, "")
	}
	return c.Result, nil
}

func isOnePassword(s shape) bool { return s.has("accounts") && s.top["accounts"] == '[' }

// readOnePassword reads export.data of a .1pux archive (support.1password.com/1pux-format).
func readOnePassword(s Source) (Result, error) {
	var file struct {
		Accounts jsontext.Value `json:"accounts"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	type holder struct {
		Vaults jsontext.Value `json:"vaults"`
	}
	type vault struct {
		Items jsontext.Value `json:"items"`
	}
	var c collector
	n := 0
	accounts, err := elements(file.Accounts, MaxEntries)
	for _, raw := range accounts {
		var h holder
		if readPart(raw, &h) != nil {
			return Result{}, refused("its JSON is not as this format has it")
		}
		var vaults []jsontext.Value
		if vaults, err = elements(h.Vaults, MaxEntries); err != nil {
			return Result{}, err
		}
		for _, raw := range vaults {
			var v vault
			if readPart(raw, &v) != nil {
				return Result{}, refused("its JSON is not as this format has it")
			}
			if err := each(&c, v.Items, maxItems, func(_ int, it onePasswordItem) { n++; it.addTo(&c, n) }); err != nil {
				return Result{}, err
			}
		}
	}
	return c.Result, err
}

type onePasswordItem struct {
	State    string `json:"state"` // active, archived, trashed
	Overview struct {
		Title string `json:"title"`
	} `json:"overview"`
	Details struct {
		Logins   jsontext.Value `json:"loginFields"`
		Sections jsontext.Value `json:"sections"`
	} `json:"details"`
}

// addTo adds the codes of an item, of which it may have several.
func (it onePasswordItem) addTo(c *collector, n int) {
	type login struct {
		Value string `json:"value"`
		For   string `json:"designation"`
	}
	type section struct {
		Fields jsontext.Value `json:"fields"`
	}
	type field struct {
		Value struct {
			TOTP *string `json:"totp"`
		} `json:"value"`
	}
	var name string
	var values []string
	logins, err1 := elements(it.Details.Logins, MaxEntries)
	for _, raw := range logins {
		var l login
		if readPart(raw, &l) == nil && l.For == "username" && name == "" {
			name = l.Value
		}
	}
	sections, err2 := elements(it.Details.Sections, MaxEntries)
	for _, raw := range sections {
		var s section
		if readPart(raw, &s) != nil {
			continue
		}
		fields, err := elements(s.Fields, MaxEntries)
		if err != nil {
			err2 = err
		}
		for _, raw := range fields {
			var f field
			if readPart(raw, &f) == nil && f.Value.TOTP != nil && *f.Value.TOTP != "" {
				values = append(values, *f.Value.TOTP)
			}
		}
	}
	switch {
	case err1 != nil || err2 != nil:
		c.fail(n, it.Overview.Title, name, errEntry)
	case len(values) == 0 || it.State == "trashed":
		c.Others++
	default:
		for _, v := range values {
			c.addValue(n, v, it.Overview.Title, name)
		}
	}
}

func isProtonPass(s shape) bool { return s.has("vaults") && s.top["vaults"] == '{' }

// readProtonPass reads data.json of an archive that Proton Pass exports
// (protonpass/proton-pass-common, proton-authenticator/src/parser/pass).
func readProtonPass(s Source) (Result, error) {
	var file struct {
		Vaults jsontext.Value `json:"vaults"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	type vault struct {
		Items jsontext.Value `json:"items"`
	}
	var c collector
	n := 0
	vaults, err := elements(file.Vaults, MaxEntries)
	for _, raw := range vaults {
		var v vault
		if readPart(raw, &v) != nil {
			return Result{}, refused("its JSON is not as this format has it")
		}
		if err := each(&c, v.Items, maxItems, func(_ int, it protonPassItem) { n++; it.addTo(&c, n) }); err != nil {
			return Result{}, err
		}
	}
	return c.Result, err
}

const protonPassBin = "2" // the state of what lies in the bin

type protonPassItem struct {
	State loose `json:"state"`
	Data  struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Extra   jsontext.Value `json:"extraFields"`
		Content struct {
			URI      string         `json:"totpUri"`
			Username string         `json:"itemUsername"`
			Email    string         `json:"itemEmail"`
			Sections jsontext.Value `json:"sections"` // of items of the user's own kind
		} `json:"content"`
	} `json:"data"`
}

// addTo adds the codes of an item: the one of the login, and those of extra fields.
func (it protonPassItem) addTo(c *collector, n int) {
	type section struct {
		Fields jsontext.Value `json:"sectionFields"`
	}
	type field struct {
		Data struct {
			URI string `json:"totpUri"`
		} `json:"data"`
	}
	values := []string{it.Data.Content.URI}
	lists := []jsontext.Value{it.Data.Extra}
	sections, failed := elements(it.Data.Content.Sections, MaxEntries)
	for _, raw := range sections {
		var s section
		if readPart(raw, &s) == nil {
			lists = append(lists, s.Fields)
		}
	}
	for _, list := range lists {
		fields, err := elements(list, MaxEntries)
		if err != nil {
			failed = err
		}
		for _, raw := range fields {
			var f field
			if readPart(raw, &f) == nil {
				values = append(values, f.Data.URI)
			}
		}
	}
	values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	name := it.Data.Content.Username
	if name == "" {
		name = it.Data.Content.Email
	}
	switch {
	case failed != nil:
		c.fail(n, it.Data.Metadata.Name, name, errEntry)
	case len(values) == 0 || it.State == protonPassBin:
		c.Others++
	default:
		for _, v := range values {
			c.addValue(n, v, it.Data.Metadata.Name, name)
		}
	}
}
