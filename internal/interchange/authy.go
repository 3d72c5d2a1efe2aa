package interchange

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// authyEntry is an account of Authy, as its Android app keeps it or as its servers
// send it (beemdevelopment/Aegis, AuthyImporter; alexzorin/authy).
type authyEntry struct {
	Name     string `json:"name"`
	Issuer   string `json:"issuer"`
	Original string `json:"originalIssuer"`
	Digits   loose  `json:"digits"`
	Salt     string `json:"salt"` // as text
	Seed     string `json:"secretSeed"`
	Plain    string `json:"decryptedSecret"`
	Sealed   string `json:"encryptedSecret"`
	Sent     string `json:"encrypted_seed"`
	Opened   string `json:"decrypted_seed"`
	IV       string `json:"unique_iv"` // hexadecimal; zeros where there is none
	Rounds   loose  `json:"key_derivation_iterations"`

	OriginalName string `json:"originalName"`
	SentName     string `json:"original_name"`
}

const (
	authyRounds    = 1000
	maxAuthyRounds = 5 * maxRounds // of all entries: each has its own salt
)

func isAuthy(s shape) bool { return s.has("authenticator_tokens") }

// readAuthy reads what Authy's servers send to its apps.
func readAuthy(s Source) (Result, error) {
	var file struct {
		List jsontext.Value `json:"authenticator_tokens"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	return readAuthyLists(s, []jsontext.Value{file.List})
}

func readAuthyLists(s Source, lists []jsontext.Value) (Result, error) {
	var (
		c      collector
		left   = uint64(maxAuthyRounds)
		opened int
		closed int
		failed error // of the file as a whole
	)
	ask, forget := once(s.Password)
	defer forget()
	s.Password = ask
	take := func(n int, e authyEntry) {
		d := e.draft()
		if e.Sealed != "" && d.secret == "" && failed == nil {
			secret, err := e.open(s, &left)
			switch {
			case errors.Is(err, errWrongOrDamaged):
				if closed++; opened == 0 && closed == 3 { // the others would only take time
					failed = err
				}
				c.fail(n, d.issuer, d.name, errors.New("it does not open with this password"))
				return
			case errors.Is(err, errEntry):
				c.fail(n, d.issuer, d.name, err)
				return
			case err != nil:
				failed = err
				return
			}
			d.secret = secret
			opened++
		}
		if failed == nil {
			c.add(n, d)
		}
	}
	for _, list := range lists {
		if err := each(&c, list, MaxEntries, func(n int, e authyEntry) {
			if e.Sealed == "" {
				e.Sealed = e.Sent
			}
			take(n, e)
		}); err != nil {
			return Result{}, err
		}
	}
	switch {
	case failed != nil:
		return Result{}, failed
	case closed > 0 && opened == 0 && len(c.Accounts) == 0:
		return Result{}, errWrongOrDamaged
	}
	return c.Result, nil
}

// draft is the entry without its secret, where that is sealed. Its issuer stands in
// front of the name, in one of two ways.
func (e authyEntry) draft() draft {
	d := draft{typ: account.TOTP, issuer: e.Issuer, name: e.Name, secret: e.Plain, digits: e.Digits}
	if d.secret == "" {
		d.secret = e.Opened
	}
	if e.Seed != "" { // Authy's own
		d.secret, d.hex, d.period, d.issuer, d.name = e.Seed, true, "10", e.Name, ""
		if d.digits == "" {
			d.digits = "7"
		}
		return d
	}
	if d.issuer == "" {
		d.issuer = e.Original
	}
	if d.name == "" {
		d.name = e.OriginalName + e.SentName
	}
	if d.issuer == "" {
		issuer, _, found := strings.Cut(e.OriginalName+e.SentName, ":")
		if !found {
			issuer, _, found = strings.Cut(d.name, " - ")
		}
		if found {
			d.issuer = issuer
		}
	}
	for _, divider := range []string{":", " - "} {
		if rest, found := strings.CutPrefix(d.name, d.issuer+divider); found && d.issuer != "" {
			d.name = rest
		}
	}
	if d.name == d.issuer {
		d.name = ""
	}
	return d
}

// open opens the secret, which is base32. There is no MAC.
func (e authyEntry) open(s Source, left *uint64) (string, error) {
	sealed, err := fromBase64(e.Sealed)
	rounds, err2 := e.Rounds.number("rounds", authyRounds, maxRounds)
	iv := make([]byte, 16)
	if e.IV != "" {
		iv, _ = hex.DecodeString(e.IV)
	}
	switch {
	case err != nil || err2 != nil || len(iv) != 16 || e.Salt == "" || len(e.Salt) > 1024:
		return "", errEntry
	case rounds > *left:
		return "", refused("its key derivation would take too long")
	}
	*left -= rounds
	password, err := askPassword(s)
	if err != nil {
		return "", err
	}
	defer clear(password)
	key, err := pbkdf2Key(sha1.New, password, []byte(e.Salt), rounds, 32)
	if err != nil {
		return "", err
	}
	defer clear(key)
	plain, ok := openCBC(key, iv, sealed)
	defer clear(plain)
	if _, err := account.ParseSecret(string(plain)); !ok || err != nil {
		return "", errWrongOrDamaged
	}
	return string(plain), nil
}
