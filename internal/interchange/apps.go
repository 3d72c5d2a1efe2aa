package interchange

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// Apps whose files are plain JSON, each a list of accounts.

func isLastPassAuthenticator(s shape) bool { return s.has("localDeviceId", "accounts") }

// readLastPassAuthenticator reads an export of LastPass Authenticator
// (stratumauth/app, LastPassBackupConverter).
func readLastPassAuthenticator(s Source) (Result, error) {
	var file struct {
		Accounts jsontext.Value `json:"accounts"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	type entry struct {
		Issuer         string `json:"issuerName"`
		OriginalIssuer string `json:"originalIssuerName"`
		Name           string `json:"userName"`
		OriginalName   string `json:"originalUserName"`
		Secret         string `json:"secret"`
		Algorithm      string `json:"algorithm"`
		Digits         loose  `json:"digits"`
		Period         loose  `json:"timeStep"`
		Push           bool   `json:"pushNotification"`
	}
	var c collector
	err := each(&c, file.Accounts, MaxEntries, func(n int, e entry) {
		if e.Push && e.Secret == "" {
			c.Others++
			return
		}
		if e.Issuer == "" {
			e.Issuer = e.OriginalIssuer
		}
		if e.Name == "" {
			e.Name = e.OriginalName
		}
		c.add(n, draft{typ: account.TOTP, issuer: e.Issuer, name: e.Name, secret: e.Secret, algorithm: e.Algorithm, digits: e.Digits, period: e.Period})
	})
	return c.Result, err
}

func isDuo(s shape) bool { return s.list && (s.inner["otpGenerator"] || s.inner["pkey"]) }

// readDuo reads Duo Mobile's accounts (beemdevelopment/Aegis, DuoImporter). Those
// that are approved by push have no generator.
func readDuo(s Source) (Result, error) {
	type entry struct {
		Name      string `json:"name"`
		Generator *struct {
			Secret  string `json:"otpSecret"`
			Counter loose  `json:"counter"`
		} `json:"otpGenerator"`
	}
	data := jsonText(s.Data)
	if err := checkDepth(data); err != nil {
		return Result{}, err
	}
	var c collector
	err := each(&c, jsontext.Value(data), MaxEntries, func(n int, e entry) {
		if e.Generator == nil {
			c.Others++
			return
		}
		d := draft{typ: account.TOTP, name: e.Name, secret: e.Generator.Secret, counter: e.Generator.Counter}
		if d.counter != "" {
			d.typ = account.HOTP
		}
		c.add(n, d)
	})
	return c.Result, err
}

func isRaivo(s shape) bool { return s.list && s.inner["kind"] && s.inner["timer"] }

// readRaivo reads what is in the archive that Raivo exports
// (raivo-otp/ios-application, DataExportFeature). All values are texts.
func readRaivo(s Source) (Result, error) {
	type entry struct {
		Kind      string `json:"kind"`
		Issuer    string `json:"issuer"`
		Account   string `json:"account"`
		Secret    string `json:"secret"`
		Algorithm string `json:"algorithm"`
		Digits    loose  `json:"digits"`
		Period    loose  `json:"timer"`
		Counter   loose  `json:"counter"`
	}
	data := jsonText(s.Data)
	if err := checkDepth(data); err != nil {
		return Result{}, err
	}
	var c collector
	err := each(&c, jsontext.Value(data), MaxEntries, func(n int, e entry) {
		d := draft{issuer: e.Issuer, name: e.Account, secret: e.Secret, algorithm: e.Algorithm, digits: e.Digits, period: e.Period, counter: e.Counter}
		switch kind := account.Type(strings.ToLower(e.Kind)); kind {
		case account.TOTP, account.HOTP, account.Steam:
			d.typ = kind
		default:
			c.fail(n, d.issuer, d.name, errType(e.Kind))
			return
		}
		c.add(n, d)
	})
	return c.Result, err
}

// totpKey is what TOTP Authenticator takes where the user gave no password.
const totpKey = "TotpAuthenticator"

// readTOTPAuthenticator reads a backup of TOTP Authenticator: base64 of AES-256-CBC under
// a hash of the password, without a MAC (beemdevelopment/Aegis,
// TotpAuthenticatorImporter). The app knows 6 digits and 30 s only, whatever it writes.
func readTOTPAuthenticator(s Source) (Result, error) {
	sealed, err := fromBase64(string(trimmed(s.Data)))
	if err != nil || len(sealed) == 0 || len(sealed)%16 != 0 {
		return Result{}, refused("it is no backup of TOTP Authenticator, or damaged")
	}
	open := func(password []byte) ([]byte, bool) {
		key := sha256.Sum256(password)
		defer clear(key[:])
		plain, ok := openCBC(key[:], make([]byte, 16), sealed)
		return plain, ok && bytes.HasPrefix(plain, []byte("{"))
	}
	plain, ok := open([]byte(totpKey))
	if !ok {
		password, err := askPassword(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(password)
		if plain, ok = open(password); !ok {
			return Result{}, errWrongOrDamaged
		}
	}
	defer clear(plain)
	if err := checkDepth(plain); err != nil {
		return Result{}, err
	}
	var list []byte // the name of the only member
	if err := walk(plain, maxItems, func(_ int, name string, _ jsontext.Value) {
		if list == nil {
			list = []byte(name)
		}
	}); err != nil {
		return Result{}, err
	}
	if err := checkDepth(list); err != nil {
		return Result{}, err
	}
	type entry struct {
		Issuer string `json:"issuer"`
		Name   string `json:"name"`
		Key    string `json:"key"`
		Base   loose  `json:"base"`
	}
	var c collector
	err = each(&c, list, MaxEntries, func(n int, e entry) {
		d := draft{typ: account.TOTP, issuer: e.Issuer, name: e.Name, secret: e.Key}
		switch e.Base {
		case "16":
			d.hex = true
		case "32":
		case "64":
			key, err := fromBase64(e.Key)
			if err != nil {
				c.fail(n, d.issuer, d.name, errBase64)
				return
			}
			d.key = account.NewSecret(key)
			clear(key)
		default:
			c.fail(n, d.issuer, d.name, errEntry)
			return
		}
		c.add(n, d)
	})
	return c.Result, err
}

func isVIP(data []byte) bool {
	first, second := true, false
	for line := range textLines(data) {
		if first && !bytes.HasPrefix(line, []byte("version ")) {
			return false
		}
		first = false
		if second = second || bytes.HasPrefix(line, []byte("secret ")); second || len(line) > 200 {
			break
		}
	}
	return second
}

// readVIP reads a .vipaccess file of Symantec VIP (dlenski/python-vipaccess): lines
// of a name, a space and a value.
func readVIP(s Source) (Result, error) {
	d := draft{typ: account.TOTP, issuer: "VIP Access"}
	for line := range textLines(s.Data) {
		name, value, _ := strings.Cut(string(line[:min(len(line), 4096)]), " ")
		switch name {
		case "version":
			if value = strings.TrimSpace(value); value != "1" {
				return Result{}, fmt.Errorf("%w: a newer .vipaccess file", ErrUnsupported)
			}
		case "secret":
			d.secret = value
		case "id":
			d.name = value
		}
	}
	var c collector
	c.add(1, d)
	return c.Result, nil
}

// readAuthenticatorPlus reads the list that Authenticator Plus puts into its archives.
func readAuthenticatorPlus(s Source) (Result, error) {
	r, err := ParseURIList(s.Data)
	if errors.Is(err, ErrUnrecognized) {
		return Result{}, fmt.Errorf("%w: the sealed database of Authenticator Plus: export from the app to a file, and import that", ErrUnsupported)
	}
	return r, err
}
