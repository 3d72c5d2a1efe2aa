package account

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// What recovery codes may be. Real ones have 6 to 32 characters, and come in
// sheets of 5 to 16.
const (
	MaxRecoveryCodes  = 100 // of one account, used ones included
	minRecoveryLength = 4
	maxRecoveryLength = 64
)

// The refusals.
var (
	ErrRecoveryFull = fmt.Errorf("at most %d recovery codes are kept of an account", MaxRecoveryCodes)
	ErrNoRecovery   = errors.New("no recovery code is left") // none that was not used
	ErrRecoveryLong = errors.New("the recovery code is longer than its field")
)

// RecoveryCode is one of the codes that an issuer hands out for the day when no
// other second factor is at hand. It works once.
type RecoveryCode struct {
	Code Secret    // 4 to 64 visible ASCII characters, single spaces between them
	Used time.Time // zero until it was given out
}

// RecoveryLeft counts the recovery codes that were not used.
func (a Account) RecoveryLeft() (left int) {
	for _, c := range a.RecoveryCodes {
		if c.Used.IsZero() {
			left++
		}
	}
	return left
}

// NextRecovery returns the first recovery code that was not used, for a field
// that takes so many characters, or any number of them if most is 0: without
// spaces and dashes where the code is too long with them. Its errors are
// [ErrNoRecovery] and [ErrRecoveryLong].
func (a Account) NextRecovery(most int) (Secret, error) {
	i := slices.IndexFunc(a.RecoveryCodes, func(c RecoveryCode) bool { return c.Used.IsZero() })
	if i < 0 {
		return Secret{}, ErrNoRecovery
	}
	code := a.RecoveryCodes[i].Code
	if most == 0 || code.Len() <= most {
		return code, nil
	}
	short := slices.DeleteFunc(slices.Clone(code.Bytes()), func(c byte) bool { return c == ' ' || c == '-' })
	if len(short) == 0 || len(short) > most {
		clear(short)
		return Secret{}, ErrRecoveryLong
	}
	return owning(short), nil
}

// UseRecovery marks the code as used that [Account.NextRecovery] returns.
func (a *Account) UseRecovery(now time.Time, most int) (Secret, error) {
	code, err := a.NextRecovery(most)
	if err != nil {
		return Secret{}, err
	}
	i := slices.IndexFunc(a.RecoveryCodes, func(c RecoveryCode) bool { return c.Used.IsZero() })
	a.RecoveryCodes[i].Used = now
	return code, nil
}

// AddRecovery appends the codes that a does not hold yet, in their order, and
// counts the others. It returns [ErrRecoveryFull] and adds none if they are too many.
func (a *Account) AddRecovery(codes []Secret) (already int, err error) {
	all := slices.Clone(a.RecoveryCodes)
	for _, code := range codes {
		if slices.ContainsFunc(all, func(c RecoveryCode) bool { return c.Code.Equal(code) }) {
			already++
			continue
		}
		all = append(all, RecoveryCode{Code: code})
	}
	if len(all) > MaxRecoveryCodes {
		return 0, ErrRecoveryFull
	}
	a.RecoveryCodes = all
	return already, nil
}

// Complete adds the sites and the unused recovery codes that b, the same account from elsewhere, has and a has not,
// and takes nothing away: a code that was used at either is used. It returns [ErrRecoveryFull] if the
// codes are too many, and adds none of them then.
func (a *Account) Complete(b Account) (changed bool, err error) {
	sites := slices.Clone(a.Sites)
	for _, s := range b.Sites {
		if !slices.Contains(sites, s) {
			sites = append(sites, s)
		}
	}
	codes := slices.Clone(a.RecoveryCodes)
	marked := false
	for _, c := range b.RecoveryCodes {
		i := slices.IndexFunc(codes, func(k RecoveryCode) bool { return k.Code.Equal(c.Code) })
		switch {
		case i < 0 && c.Used.IsZero():
			codes = append(codes, c)
		case i >= 0 && codes[i].Used.IsZero() && !c.Used.IsZero():
			codes[i].Used, marked = c.Used, true
		}
	}
	changed = len(sites) > len(a.Sites)
	a.Sites = sites
	if len(codes) > MaxRecoveryCodes {
		return changed, ErrRecoveryFull
	}
	changed = changed || marked || len(codes) > len(a.RecoveryCodes)
	a.RecoveryCodes = codes
	return changed, nil
}

// numbered is how sheets number their lines: "1. ", "12) ".
var numbered = regexp.MustCompile(`^[0-9]{1,3}[.)] +`)

// ParseRecoveryCode reads one code as a sheet or a page shows it. Spaces around it
// and the number of its line are passed over. Its errors never hold its text.
func ParseRecoveryCode(text []byte) (Secret, error) {
	text = bytes.TrimSpace(text)
	text = text[len(numbered.Find(text)):]
	switch {
	case len(text) < minRecoveryLength || len(text) > maxRecoveryLength:
		return Secret{}, fmt.Errorf("%d characters, a recovery code has %d to %d", len(text), minRecoveryLength, maxRecoveryLength)
	case bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }):
		return Secret{}, errors.New("a recovery code has letters, digits and signs of the English keyboard only")
	case bytes.Contains(text, []byte("  ")):
		return Secret{}, errors.New("there are several codes, or words: give one code a line")
	}
	return NewSecret(text), nil
}

// ParseRecoveryCodes reads one code a line, as [ParseRecoveryCode] does. Blank lines
// are passed over. Its errors name a line and never hold its text.
func ParseRecoveryCodes(text []byte) (codes []Secret, err error) {
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		number++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		code, err := ParseRecoveryCode(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if len(codes) == MaxRecoveryCodes {
			return nil, ErrRecoveryFull
		}
		codes = append(codes, code)
	}
	if len(codes) == 0 {
		return nil, errors.New("no recovery code is in it")
	}
	return codes, nil
}
