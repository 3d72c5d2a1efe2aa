package interchange

import (
	"strconv"
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

func isFreeOTPPlus(s shape) bool { return s.has("tokens") && s.top["tokens"] == '[' }

// readFreeOTPPlus reads an export of FreeOTP+ (helloworld1/FreeOTPPlus). Its counter
// is the one of the last code; it is taken as it is, so that the first code after the
// import is one that was used.
func readFreeOTPPlus(s Source) (Result, error) {
	var file struct {
		Tokens jsontext.Value `json:"tokens"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	type entry struct {
		Type      string         `json:"type"`
		IssuerExt string         `json:"issuerExt"`
		IssuerInt string         `json:"issuerInt"`
		Label     string         `json:"label"`
		Secret    jsontext.Value `json:"secret"` // signed bytes
		Algorithm string         `json:"algo"`
		Digits    loose          `json:"digits"`
		Period    loose          `json:"period"`
		Counter   loose          `json:"counter"`
	}
	var c collector
	err := each(&c, file.Tokens, MaxEntries, func(n int, e entry) {
		if e.IssuerExt == "" {
			e.IssuerExt = e.IssuerInt
		}
		key, err := signedBytes(e.Secret)
		if err != nil {
			c.fail(n, e.IssuerExt, e.Label, errEntry)
			return
		}
		d := draft{issuer: e.IssuerExt, name: e.Label, key: account.NewSecret(key), algorithm: e.Algorithm,
			digits: e.Digits, period: e.Period, counter: e.Counter}
		clear(key)
		switch kind := strings.ToUpper(e.Type); {
		case kind == "HOTP":
			d.typ = account.HOTP
		case kind == "TOTP" && strings.EqualFold(d.issuer, "Steam"):
			d.typ = account.Steam
		case kind == "TOTP":
			d.typ = account.TOTP
		default:
			c.fail(n, d.issuer, d.name, errType(e.Type))
			return
		}
		c.add(n, d)
	})
	return c.Result, err
}

// signedBytes reads a list of numbers from -128 to 127, as Java writes bytes.
func signedBytes(list jsontext.Value) ([]byte, error) {
	numbers, err := elements(list, account.MaxSecretBytes)
	if err != nil {
		return nil, err
	}
	key := make([]byte, len(numbers))
	for i, n := range numbers {
		b, err := strconv.ParseInt(string(n), 10, 8)
		if err != nil {
			return nil, errEntry
		}
		key[i] = byte(b)
	}
	return key, nil
}
