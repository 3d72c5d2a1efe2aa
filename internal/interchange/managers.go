package interchange

import (
	"path/filepath"
	"regexp"
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
