package interchange

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

type andOTPEntry struct {
	Type      string  `json:"type"`
	Secret    string  `json:"secret"`
	Issuer    *string `json:"issuer"` // left out by old versions: label is ISSUER - NAME
	Label     string  `json:"label"`
	Algorithm string  `json:"algorithm"`
	Digits    loose   `json:"digits"`
	Period    loose   `json:"period"`
	Counter   loose   `json:"counter"`
}

func isAndOTP(s shape) bool { return s.list && s.inner["secret"] && s.inner["thumbnail"] }

// readAndOTP reads a backup of andOTP. What is sealed has no magic: it is whatever
// is not JSON.
func readAndOTP(s Source) (Result, error) {
	data := jsonText(s.Data)
	if len(data) == 0 || data[0] != '[' {
		plain, err := openAndOTP(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(plain)
		data = jsonText(plain)
	}
	if err := checkDepth(data); err != nil {
		return Result{}, err
	}
	var c collector
	err := each(&c, jsontext.Value(data), MaxEntries, func(n int, e andOTPEntry) {
		d := draft{name: e.Label, secret: e.Secret, algorithm: e.Algorithm, digits: e.Digits, period: e.Period, counter: e.Counter}
		if e.Issuer != nil {
			d.issuer = *e.Issuer
		} else if issuer, name, found := strings.Cut(e.Label, " - "); found {
			d.issuer, d.name = issuer, name
		}
		switch strings.ToUpper(e.Type) {
		case "TOTP":
			d.typ = account.TOTP
		case "HOTP":
			d.typ = account.HOTP
		case "STEAM":
			d.typ = account.Steam
		case "MOTP":
			d.typ, d.hex = account.MOTP, true
		default:
			c.fail(n, d.issuer, d.name, errType(e.Type))
			return
		}
		c.add(n, d)
	})
	return c.Result, err
}

// openAndOTP opens a backup with a password: of old versions, whose key is a hash
// of it, or of new ones, which begin with the rounds of PBKDF2 and the salt.
func openAndOTP(s Source) ([]byte, error) {
	const nonce, tag, salt, head = 12, 16, 12, 4 + 12
	if len(s.Data) < nonce+tag+2 {
		return nil, refused("it is too short for a sealed backup of andOTP")
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	old := sha256.Sum256(password)
	defer clear(old[:])
	if plain, ok := openGCM(old[:], s.Data[:nonce], s.Data[nonce:], nil); ok {
		return plain, nil
	}
	rounds := uint64(binary.BigEndian.Uint32(s.Data))
	if len(s.Data) < head+nonce+tag || rounds == 0 || rounds > maxRounds {
		return nil, errWrongOrDamaged // or the head is of an old one: it looks the same
	}
	key, err := pbkdf2Key(sha1.New, password, s.Data[4:4+salt], rounds, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain, ok := openGCM(key, s.Data[head:head+nonce], s.Data[head+nonce:], nil)
	if !ok {
		return nil, errWrongOrDamaged
	}
	return plain, nil
}
