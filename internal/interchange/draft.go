package interchange

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// draft is an account as a format has it, before anything of it is checked.
type draft struct {
	typ          account.Type
	issuer, name string
	secret       string         // base32; hexadecimal if hex is set
	hex          bool           //
	key          account.Secret // in place of secret, where a format has bytes
	algorithm    string         // "" for SHA1
	digits       loose          // "" for 6
	period       loose          // "" for 30
	counter      loose          // "" for 0
	pin          string
}

func errNumber(what string, most uint64) error {
	return fmt.Errorf("%s is not a whole number up to %d", what, most)
}

// account checks the draft. What Steam, MOTP and Yandex always have is not looked at:
// apps write anything there.
func (d draft) account() (a account.Account, err error) {
	key := d.key
	switch {
	case !key.IsZero():
	case strings.TrimSpace(d.secret) == "":
		return a, errors.New("no secret")
	case d.hex:
		key, err = account.ParseHex(d.secret)
	default:
		key, err = account.ParseSecret(d.secret)
	}
	if err != nil {
		return a, err
	}
	a = account.New(d.typ, d.issuer, d.name, key)
	if d.pin != "" {
		a.PIN = account.NewSecret([]byte(d.pin))
	}
	if a.Type == account.TOTP || a.Type == account.HOTP {
		if err := d.settings(&a); err != nil {
			return a, err
		}
	}
	return a, a.Validate()
}

func (d draft) settings(a *account.Account) (err error) {
	if d.algorithm != "" {
		if a.Algorithm, err = account.ParseAlgorithm(d.algorithm); err != nil {
			return err
		}
	}
	digits, err := d.digits.number("digits", uint64(a.Digits), account.MaxDigits)
	if err != nil {
		return err
	}
	a.Digits = int(digits)
	if a.Type == account.HOTP {
		a.Counter, err = d.counter.number("counter", 0, math.MaxUint64)
		return err
	}
	seconds, err := d.period.number("period", uint64(a.Period/time.Second), uint64(account.MaxPeriod/time.Second))
	a.Period = time.Duration(seconds) * time.Second
	return err
}

// collector gathers what a file holds. Entries are numbered from 1.
type collector struct{ Result }

func (c *collector) add(number int, d draft) {
	a, err := d.account()
	if err != nil {
		c.fail(number, d.issuer, d.name, err)
		return
	}
	c.Accounts = append(c.Accounts, a)
}

// addValue adds what a password manager has in its field for codes: a URI, or a
// bare secret. The labels are the item's, where the URI has none.
func (c *collector) addValue(number int, value, issuer, name string) {
	value = strings.TrimSpace(value)
	if !isURILine([]byte(value)) {
		c.add(number, draft{typ: account.TOTP, issuer: issuer, name: name, secret: value})
		return
	}
	a, err := account.ParseURI(value)
	if err != nil {
		if a.Issuer != "" || a.Name != "" {
			issuer, name = a.Issuer, a.Name
		}
		c.fail(number, issuer, name, err)
		return
	}
	if a.Issuer == "" {
		a.Issuer = strings.TrimSpace(issuer)
	}
	if a.Name == "" {
		a.Name = strings.TrimSpace(name)
	}
	if err := a.Validate(); err != nil {
		c.fail(number, issuer, name, err)
		return
	}
	c.Accounts = append(c.Accounts, a)
}

// fail says why an entry is left out.
func (c *collector) fail(number int, issuer, name string, err error) {
	c.Errors = append(c.Errors, EntryError{labelled(fmt.Sprintf("entry %d", number), issuer, name), err})
}

// labelled says where an entry is, and its labels unless they could not be shown,
// or hold what does not belong there.
func labelled(where, issuer, name string) string {
	issuer, name = strings.TrimSpace(issuer), strings.TrimSpace(name)
	if label := (account.Account{Issuer: issuer, Name: name}).Label(); issuer+name != "" &&
		account.Showable(issuer) && account.Showable(name) && !strings.Contains(label, "secret=") && !strings.Contains(label, "://") {
		where += ", " + label
	}
	return where
}

var (
	errEntry     = errors.New("it is not as this format has it")
	errAlgorithm = errors.New("its algorithm is not supported")
)

// each reads every entry of a list into a T and gives it on, with its number.
// What is no T is an error of that entry.
func each[T any](c *collector, list jsontext.Value, most int, take func(number int, entry T)) error {
	entries, err := elements(list, most)
	if err != nil {
		return err
	}
	for i, raw := range entries {
		var entry T
		if readPart(raw, &entry) != nil {
			c.fail(i+1, "", "", errEntry)
			continue
		}
		take(i+1, entry)
	}
	return nil
}
