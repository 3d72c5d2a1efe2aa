package interchange

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// twoFASFile is a backup of 2FAS (twofas/2fas-android). The parts of a sealed one are
// CIPHERTEXT:SALT:IV, each in base64.
type twoFASFile struct {
	Schema    loose          `json:"schemaVersion"`
	Services  jsontext.Value `json:"services"` // []twoFASService
	Sealed    string         `json:"servicesEncrypted"`
	Reference string         `json:"reference"` // a fixed text, sealed in the same way
}

type twoFASService struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
	OTP    struct {
		Account   string `json:"account"`
		Label     string `json:"label"`
		Issuer    string `json:"issuer"`
		TokenType string `json:"tokenType"`
		Algorithm string `json:"algorithm"`
		Digits    loose  `json:"digits"`
		Period    loose  `json:"period"`
		Counter   loose  `json:"counter"`
	} `json:"otp"`
}

const (
	twoFASSchema = 4
	twoFASRounds = 10_000
)

func isTwoFAS(s shape) bool {
	return s.has("schemaVersion", "services") || s.has("schemaVersion", "servicesEncrypted")
}

func readTwoFAS(s Source) (Result, error) {
	var file twoFASFile
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	if v, err := file.Schema.number("schema", 0, twoFASSchema); err != nil || v == 0 {
		return Result{}, fmt.Errorf("%w: a 2FAS backup of a newer version", ErrUnsupported)
	}
	services := file.Services
	if file.Sealed != "" {
		plain, err := file.open(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(plain)
		services = jsontext.Value(jsonText(plain))
		if err := checkDepth(services); err != nil {
			return Result{}, err
		}
	}
	var c collector
	err := each(&c, services, MaxEntries, func(n int, e twoFASService) {
		d := draft{issuer: e.Name, name: e.OTP.Account, secret: e.Secret, algorithm: e.OTP.Algorithm,
			digits: e.OTP.Digits, period: e.OTP.Period, counter: e.OTP.Counter}
		if d.issuer == "" {
			d.issuer = e.OTP.Issuer
		}
		switch kind := strings.ToUpper(e.OTP.TokenType); kind {
		case "", "TOTP": // left out before schema 3
			d.typ = account.TOTP
		case "HOTP":
			d.typ = account.HOTP
		case "STEAM":
			d.typ = account.Steam
		default:
			c.fail(n, d.issuer, d.name, errType(kind))
			return
		}
		c.add(n, d)
	})
	return c.Result, err
}

func (f *twoFASFile) open(s Source) ([]byte, error) {
	content, err := splitTwoFAS(f.Sealed)
	if err != nil {
		return nil, err
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	plain, ok, err := content.open(password)
	if err != nil || ok {
		return plain, err
	}
	if reference, err := splitTwoFAS(f.Reference); err == nil {
		if _, ok, err := reference.open(password); ok && err == nil {
			return nil, refused("it is damaged: the password is right, the content does not open")
		}
	}
	return nil, ErrWrongPassword
}

type twoFASSeal struct{ sealed, salt, iv []byte }

func splitTwoFAS(text string) (seal twoFASSeal, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return seal, refused("its sealed part is damaged, or cut short")
	}
	for i, to := range []*[]byte{&seal.sealed, &seal.salt, &seal.iv} {
		if *to, err = fromBase64(parts[i]); err != nil {
			return seal, refused("its sealed part is not base64")
		}
	}
	if len(seal.iv) != 12 || len(seal.salt) == 0 || len(seal.salt) > 1024 {
		return seal, refused("its sealed part is damaged, or cut short")
	}
	return seal, nil
}

func (t twoFASSeal) open(password []byte) ([]byte, bool, error) {
	key, err := pbkdf2Key(sha256.New, password, t.salt, twoFASRounds, 32)
	if err != nil {
		return nil, false, err
	}
	defer clear(key)
	plain, ok := openGCM(key, t.iv, t.sealed, nil)
	return plain, ok, nil
}
