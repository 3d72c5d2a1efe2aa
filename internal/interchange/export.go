package interchange

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"codefob/internal/account"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Loss is what a format does not hold of an account.
type Loss struct {
	Account account.Account
	Out     bool   // the account is left out as a whole
	What    string // what is lost, as in "its sites"; or why it is left out
}

// holds is what a format holds.
type holds struct {
	fits     func(account.Account) string // "" or why the account cannot be held
	sites    bool
	settings bool
	recovery bool
}

// maxQRText is what one QR code takes, in bytes (ISO/IEC 18004, table 7: version 40, level L).
const maxQRText = 2953

var exports = map[string]holds{
	"uri":       {fits: all},
	"codefob":   {all, true, true, true},
	"aegis":     {fits: all},
	"bitwarden": {fits: fitsBitwarden, sites: true},
	"cxf":       {fits: fitsCXF, sites: true},
	"google-qr": {fits: fitsMigration},
	"qr":        {fits: fitsQR},
	"paper":     {fitsQR, true, true, true},
}

// Fit tells what an export in that format would lose, and which accounts it holds.
func Fit(format string, accounts []account.Account) (kept []account.Account, losses []Loss) {
	h := exports[format]
	for _, a := range accounts {
		if why := h.fits(a); why != "" {
			losses = append(losses, Loss{a, true, why})
			continue
		}
		kept = append(kept, a)
		if len(a.Sites) > 0 && !h.sites {
			losses = append(losses, Loss{Account: a, What: "sites"})
		}
		if hasSettings(a) && !h.settings {
			losses = append(losses, Loss{Account: a, What: "settings for filling"})
		}
		if len(a.RecoveryCodes) > 0 && !h.recovery {
			losses = append(losses, Loss{Account: a, What: "recovery codes"})
		}
	}
	return kept, losses
}

func hasSettings(a account.Account) bool { return a.Append || a.Submit || a.Ask }

func all(account.Account) string { return "" }

func fitsQR(a account.Account) string {
	if len(a.URI()) > maxQRText {
		return "it is too long for a QR code"
	}
	return ""
}

func fitsBitwarden(a account.Account) string {
	if a.Type != account.TOTP && a.Type != account.Steam {
		return "bitwarden has no " + string(a.Type)
	}
	return ""
}

func fitsCXF(a account.Account) string {
	switch {
	case a.Type != account.TOTP:
		return "cxf has no " + string(a.Type)
	case a.Period > 255*time.Second:
		return "cxf has no period of " + a.Period.String()
	}
	return ""
}

func fitsMigration(a account.Account) string {
	switch {
	case a.Type != account.TOTP && a.Type != account.HOTP:
		return "Google Authenticator has no " + string(a.Type)
	case a.Digits != 6 && a.Digits != 8:
		return fmt.Sprintf("Google Authenticator has no codes of %d digits", a.Digits)
	case a.Type == account.TOTP && a.Period != 30*time.Second:
		return "Google Authenticator has no period of " + a.Period.String()
	case a.Counter > math.MaxInt64:
		return "its counter is too high for Google Authenticator"
	case len(partURI([][]byte{formatMigrated(a)}, 1, 0, math.MaxInt32)) > maxQRText:
		return "it is too long for a QR code"
	}
	return ""
}

// backup is the JSON of Codefob's own exports: all that is known of the accounts.
type backup struct {
	Version  int            `json:"codefob"` // 1
	Written  string         `json:"written"` // RFC 3339
	Accounts jsontext.Value `json:"accounts"`
}

type backupAccount struct {
	URI      string           `json:"uri"`
	Sites    []string         `json:"sites,omitzero"`
	Append   bool             `json:"append,omitzero"`
	Submit   bool             `json:"submit,omitzero"`
	Ask      bool             `json:"ask,omitzero"`
	Recovery []backupRecovery `json:"recovery,omitzero"`
}

type backupRecovery struct {
	Code string `json:"code"`
	Used int64  `json:"usedAt,omitzero"` // ms since 1970
}

const backupVersion = 1

// FormatBackup writes all of the accounts, for [Read] to read back equal.
func FormatBackup(accounts []account.Account, now time.Time) ([]byte, error) {
	list := make([]backupAccount, 0, len(accounts))
	for _, a := range accounts {
		b := backupAccount{URI: a.URI(), Sites: a.Sites, Append: a.Append, Submit: a.Submit, Ask: a.Ask}
		for _, r := range a.RecoveryCodes {
			c := backupRecovery{Code: string(r.Code.Bytes())}
			if !r.Used.IsZero() {
				c.Used = r.Used.UnixMilli()
			}
			b.Recovery = append(b.Recovery, c)
		}
		list = append(list, b)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return writeJSON(backup{backupVersion, now.UTC().Format(time.RFC3339), raw})
}

func isBackup(s shape) bool { return s.has("codefob", "accounts") }

// readBackup reads what [FormatBackup] writes.
func readBackup(s Source) (Result, error) {
	var file struct {
		Version  loose          `json:"codefob"`
		Accounts jsontext.Value `json:"accounts"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	if file.Version != "1" {
		return Result{}, fmt.Errorf("%w: a backup of a newer version of Codefob", ErrUnsupported)
	}
	var c collector
	err := each(&c, file.Accounts, MaxEntries, func(n int, b backupAccount) {
		a, err := account.ParseURI(b.URI)
		if err == nil {
			a.Sites, a.Append, a.Submit, a.Ask = b.Sites, b.Append, b.Submit, b.Ask
			a.RecoveryCodes, err = b.recovery()
		}
		if err != nil {
			c.fail(n, a.Issuer, a.Name, err)
			return
		}
		c.Accounts = append(c.Accounts, a)
	})
	return c.Result, err
}

func (b backupAccount) recovery() (codes []account.RecoveryCode, err error) {
	if len(b.Recovery) > account.MaxRecoveryCodes {
		return nil, account.ErrRecoveryFull
	}
	for _, r := range b.Recovery {
		list, err := account.ParseRecoveryCodes([]byte("1. " + r.Code)) // numbered: a code may begin like a number
		if err != nil || len(list) != 1 {
			return nil, fmt.Errorf("a recovery code of it is damaged")
		}
		code := account.RecoveryCode{Code: list[0]}
		if r.Used != 0 {
			code.Used = time.UnixMilli(r.Used)
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// FormatBitwarden writes Bitwarden's JSON, not encrypted (bitwarden.com/help/condition-bitwarden-import).
func FormatBitwarden(accounts []account.Account) ([]byte, error) {
	type link struct {
		Match *int   `json:"match"`
		URI   string `json:"uri"`
	}
	type login struct {
		URIs     []link  `json:"uris"`
		Username string  `json:"username"`
		Password *string `json:"password"`
		TOTP     string  `json:"totp"`
	}
	type item struct {
		ID           string  `json:"id"`
		Organization *string `json:"organizationId"`
		Folder       *string `json:"folderId"`
		Type         int     `json:"type"` // 1 is a login
		Reprompt     int     `json:"reprompt"`
		Name         string  `json:"name"`
		Notes        *string `json:"notes"`
		Favorite     bool    `json:"favorite"`
		Login        login   `json:"login"`
	}
	file := struct {
		Encrypted bool       `json:"encrypted"`
		Folders   []struct{} `json:"folders"`
		Items     []item     `json:"items"`
	}{Folders: []struct{}{}, Items: []item{}}
	for _, a := range accounts {
		it := item{ID: uuid(), Type: 1, Name: a.Issuer, Login: login{URIs: []link{}, Username: a.Name, TOTP: a.URI()}}
		if it.Name == "" {
			it.Name = a.Label()
		}
		if a.Type == account.Steam { // which Bitwarden knows by this scheme only
			it.Login.TOTP = "steam://" + a.Secret.Base32()
		}
		for _, s := range a.Sites {
			it.Login.URIs = append(it.Login.URIs, link{URI: s})
		}
		file.Items = append(file.Items, it)
	}
	return writeJSON(file)
}

// FormatCXF writes FIDO's Credential Exchange Format, version 1.0
// (fidoalliance.org/specs/cx, sections 2 and 3.3.16).
func FormatCXF(accounts []account.Account, now time.Time) ([]byte, error) {
	type credential struct {
		Type      string `json:"type"`
		Secret    string `json:"secret"`
		Period    int    `json:"period"`
		Digits    int    `json:"digits"`
		Username  string `json:"username,omitzero"`
		Algorithm string `json:"algorithm"`
		Issuer    string `json:"issuer,omitzero"`
	}
	type scope struct {
		URLs []string   `json:"urls"`
		Apps []struct{} `json:"androidApps"`
	}
	type item struct {
		ID          string       `json:"id"`
		Title       string       `json:"title"`
		Scope       *scope       `json:"scope,omitzero"`
		Credentials []credential `json:"credentials"`
	}
	type holder struct {
		ID          string     `json:"id"`
		Username    string     `json:"username"`
		Email       string     `json:"email"`
		Collections []struct{} `json:"collections"`
		Items       []item     `json:"items"`
	}
	type version struct {
		Major int `json:"major"`
		Minor int `json:"minor"`
	}
	h := holder{ID: randomID(), Collections: []struct{}{}, Items: []item{}}
	for _, a := range accounts {
		it := item{ID: randomID(), Title: a.Label(), Credentials: []credential{{"totp", a.Secret.Base32(),
			int(a.Period / time.Second), a.Digits, a.Name, strings.ToLower(string(a.Algorithm)), a.Issuer}}}
		if len(a.Sites) > 0 {
			it.Scope = &scope{a.Sites, []struct{}{}}
		}
		h.Items = append(h.Items, it)
	}
	return writeJSON(struct {
		Version   version  `json:"version"`
		Exporter  string   `json:"exporterRpId"` // a domain by the letter; Codefob has none
		Name      string   `json:"exporterDisplayName"`
		Timestamp int64    `json:"timestamp"`
		Accounts  []holder `json:"accounts"`
	}{version{1, 0}, "codefob.invalid", "Codefob", now.Unix(), []holder{h}})
}

const (
	migrationAccounts = 10   // a code, as Google Authenticator does
	migrationBytes    = 1100 // a code: more is hard to read from a screen
)

// FormatMigration writes the texts of QR codes that Google Authenticator takes over.
func FormatMigration(accounts []account.Account) (uris []string) {
	var parts [][][]byte
	size := 0
	for _, a := range accounts {
		m := formatMigrated(a)
		if n := len(parts); n == 0 || len(parts[n-1]) == migrationAccounts || size+len(m) > migrationBytes {
			parts, size = append(parts, nil), 0
		}
		size += len(m)
		parts[len(parts)-1] = append(parts[len(parts)-1], m)
	}
	var random [4]byte
	rand.Read(random[:])
	batch := int32(binary.NativeEndian.Uint32(random[:]) >> 1)
	for i, part := range parts {
		uris = append(uris, partURI(part, len(parts), i, batch))
	}
	return uris
}

func partURI(part [][]byte, size, index int, batch int32) string {
	var b []byte
	for _, m := range part {
		b = appendBytes(b, 1, m)
	}
	for i, n := range []uint64{1, uint64(size), uint64(index), uint64(batch)} { // the first is the version
		b = appendNumber(b, uint64(i)+2, n)
	}
	return migrationScheme + "//offline?data=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b))
}

// formatMigrated writes one OtpParameters; see parseMigration.
func formatMigrated(a account.Account) (b []byte) {
	b = appendBytes(b, 1, a.Secret.Bytes())
	b = appendBytes(b, 2, []byte(a.Name))
	b = appendBytes(b, 3, []byte(a.Issuer))
	digits, kind := uint64(1), uint64(2)
	if a.Digits == 8 {
		digits = 2
	}
	if a.Type == account.HOTP {
		kind = 1
	}
	algorithms := []account.Algorithm{"", account.SHA1, account.SHA256, account.SHA512}
	b = appendNumber(b, 4, uint64(slices.Index(algorithms, a.Algorithm)))
	b = appendNumber(b, 5, digits)
	b = appendNumber(b, 6, kind)
	if a.Type == account.HOTP {
		b = appendNumber(b, 7, a.Counter)
	}
	return b
}

// appendBytes and appendNumber write a field of a protobuf message.
func appendBytes(b []byte, number uint64, data []byte) []byte {
	b = binary.AppendUvarint(b, number<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

func appendNumber(b []byte, number, value uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, number<<3), value)
}

func writeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	err := json.MarshalWrite(&b, v, jsontext.WithIndent("  "))
	b.WriteByte('\n')
	return b.Bytes(), err
}

// uuid makes a random one (RFC 9562, section 5.4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomID is an identifier as CXF has them.
func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
