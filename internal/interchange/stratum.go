package interchange

import (
	"bytes"
	"crypto/sha1"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// The first bytes of sealed backups of Stratum (stratumauth/app, doc/BACKUP_FORMAT.md).
const (
	stratumStrong = "AUTHENTICATORPRO"
	stratumLegacy = "AuthenticatorPro"
)

func isStratum(s shape) bool { return s.has("Authenticators") }

func isStratumSealed(data []byte) bool {
	return bytes.HasPrefix(data, []byte(stratumStrong)) || bytes.HasPrefix(data, []byte(stratumLegacy))
}

type stratumEntry struct {
	Type      loose  `json:"Type"`
	Issuer    string `json:"Issuer"`
	Name      string `json:"Username"`
	Secret    string `json:"Secret"`
	PIN       string `json:"Pin"`
	Algorithm loose  `json:"Algorithm"`
	Digits    loose  `json:"Digits"`
	Period    loose  `json:"Period"`
	Counter   loose  `json:"Counter"`
}

var (
	stratumTypes      = map[loose]account.Type{"1": account.HOTP, "2": account.TOTP, "3": account.MOTP, "4": account.Steam, "5": account.Yandex}
	stratumAlgorithms = map[loose]string{"": "SHA1", "0": "SHA1", "1": "SHA256", "2": "SHA512"}
)

func readStratum(s Source) (Result, error) {
	if isStratumPage(s.Data) {
		return readStratumPage(s)
	}
	data := s.Data
	if isStratumSealed(data) {
		plain, err := openStratum(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(plain)
		data = plain
	}
	var file struct {
		Entries jsontext.Value `json:"Authenticators"`
	}
	if err := readJSON(data, &file); err != nil {
		return Result{}, err
	}
	var c collector
	err := each(&c, file.Entries, MaxEntries, func(n int, e stratumEntry) {
		typ, known := stratumTypes[e.Type]
		algorithm, named := stratumAlgorithms[e.Algorithm]
		switch {
		case !known:
			c.fail(n, e.Issuer, e.Name, errType(string(e.Type)))
		case !named:
			c.fail(n, e.Issuer, e.Name, errAlgorithm)
		default:
			c.add(n, draft{typ: typ, issuer: e.Issuer, name: e.Name, secret: e.Secret, hex: typ == account.MOTP, pin: e.PIN,
				algorithm: algorithm, digits: e.Digits, period: e.Period, counter: e.Counter})
		}
	})
	return c.Result, err
}

func openStratum(s Source) ([]byte, error) {
	body := s.Data[len(stratumStrong):]
	strong := bytes.HasPrefix(s.Data, []byte(stratumStrong))
	salt, iv := 16, 12
	if !strong {
		salt, iv = 20, 16
	}
	if len(body) < salt+iv+16 {
		return nil, refused("it is cut short")
	}
	sealed := body[salt+iv:]
	if !strong && len(sealed)%16 != 0 {
		return nil, refused("it is cut short")
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	if strong {
		key, err := argon2id(password, body[:salt], 3, 64<<10, 4, 32)
		if err != nil {
			return nil, err
		}
		defer clear(key)
		plain, ok := openGCM(key, body[salt:salt+iv], sealed, nil)
		if !ok {
			return nil, errWrongOrDamaged
		}
		return plain, nil
	}
	key, err := pbkdf2Key(sha1.New, password, body[:salt], 64_000, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain, ok := openCBC(key, body[salt:salt+iv], sealed)
	if !ok || !bytes.HasPrefix(plain, []byte("{")) { // there is no MAC
		return nil, errWrongOrDamaged
	}
	return plain, nil
}

var (
	stratumCode = []byte("<code>")
	htmlText    = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'") // package html has a table of 2,000 names
)

// isStratumPage tells Stratum's page for people, which has the URIs in <code>.
func isStratumPage(data []byte) bool {
	head := bytes.ToLower(trimmed(data[:min(len(data), 200)]))
	return (bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))) && bytes.Contains(data, stratumCode)
}

// readStratumPage reads the URIs of the page; its pictures say the same.
func readStratumPage(s Source) (Result, error) {
	var list bytes.Buffer
	for rest := s.Data; ; {
		_, after, found := bytes.Cut(rest, stratumCode)
		if !found {
			break
		}
		text, after, found := bytes.Cut(after, []byte("</code>"))
		if !found {
			return Result{}, refused("it is cut short")
		}
		list.WriteString(htmlText.Replace(string(bytes.ReplaceAll(text, []byte("\n"), nil))))
		list.WriteByte('\n')
		rest = after
	}
	return ParseURIList(list.Bytes())
}
