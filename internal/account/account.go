// Package account holds what one enrolled account is: its secret, its labels,
// how its one-time codes are made, and its otpauth URI.
package account

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Type is the kind of one-time code.
type Type string

// The types of accounts.
const (
	TOTP  Type = "totp"  // RFC 6238
	HOTP  Type = "hotp"  // RFC 4226
	Steam Type = "steam" // Steam Guard: TOTP with five letters and digits

	MOTP   Type = "motp"   // Mobile-OTP: MD5 of time, secret and PIN
	Yandex Type = "yandex" // Yandex Key: HMAC with a key made of PIN and secret
)

// Algorithm is the hash below the HMAC.
type Algorithm string

// The algorithms (RFC 6238, section 1.2).
const (
	SHA1   Algorithm = "SHA1"
	SHA256 Algorithm = "SHA256"
	SHA512 Algorithm = "SHA512"
	MD5    Algorithm = "MD5" // of MOTP, and nothing else
)

// What an account may hold.
const (
	MinDigits    = 4
	MaxDigits    = 10 // of a 31-bit number; the first is 0, 1 or 2
	SteamDigits  = 5
	YandexDigits = 8
	MaxPINBytes  = 64
	MaxPeriod    = 24 * time.Hour
	MaxTextBytes = 256 // issuer and name, each

	defaultDigits = 6
	defaultPeriod = 30 * time.Second
	motpPeriod    = 10 * time.Second
	yandexKey     = 16 // bytes of a secret that count
	yandexFull    = 26 // with its check sum
)

// Account is one enrolled account.
type Account struct {
	ID        string        // random, never changes; "" until the vault gives one
	Type      Type          //
	Issuer    string        // as enrolled, e.g. "GitHub"; may be empty
	Name      string        // the user's name at the issuer, e.g. "alice"; may be empty
	Secret    Secret        // prints as stars under every verb
	PIN       Secret        // MOTP and Yandex: what the user types beside the secret; kept like one
	Algorithm Algorithm     // SHA1 for Steam, SHA256 for Yandex, MD5 for MOTP
	Digits    int           // characters of a code: 4 to 10; 5 for Steam, 8 for Yandex, 6 for MOTP
	Period    time.Duration // whole seconds, 1 s to 86400 s; 30 s for Steam and Yandex, 10 s for MOTP; 0 for HOTP
	Counter   uint64        // HOTP: of the next code; 0 for the others
	Sites     []string      // origins it is bound to, e.g. "https://github.com"; opaque here
	Append    bool          // its sites take the code behind the password, in one field
	Submit    bool          // the form is sent once the code is in
	Ask       bool          // each code that a browser wants is asked for in a dialog of the system's

	RecoveryCodes []RecoveryCode // in the order in which they were given
}

// New returns an account with the defaults: SHA1, 6 digits and 30 s; no period
// for HOTP, and what Steam, MOTP and Yandex always have. Spaces around issuer and name are dropped.
func New(typ Type, issuer, name string, secret Secret) Account {
	a := Account{
		Type:      typ,
		Issuer:    strings.TrimSpace(issuer),
		Name:      strings.TrimSpace(name),
		Secret:    secret,
		Algorithm: SHA1,
		Digits:    defaultDigits,
		Period:    defaultPeriod,
	}
	switch typ {
	case HOTP:
		a.Period = 0
	case Steam:
		a.Digits = SteamDigits
	case MOTP:
		a.Algorithm, a.Period = MD5, motpPeriod
	case Yandex:
		a.Algorithm, a.Digits = SHA256, YandexDigits
	}
	return a
}

// Label names the account to people: "GitHub (alice)", "GitHub", "alice", or
// "unnamed account".
func (a Account) Label() string {
	switch {
	case a.Issuer != "" && a.Name != "":
		return a.Issuer + " (" + a.Name + ")"
	case a.Issuer != "":
		return a.Issuer
	case a.Name != "":
		return a.Name
	}
	return "unnamed account"
}

// Validate reports the first field that is out of its bounds. ID, Sites and
// RecoveryCodes are not looked at.
func (a Account) Validate() error {
	if err := checkText("issuer", a.Issuer); err != nil {
		return err
	}
	if err := checkText("name", a.Name); err != nil {
		return err
	}
	return a.checkSettings()
}

// checkSettings checks all that a code depends on.
func (a Account) checkSettings() error {
	if n := a.Secret.Len(); n == 0 {
		return errors.New("no secret")
	} else if n > MaxSecretBytes {
		return fmt.Errorf("secret of %d bytes, at most %d are allowed", n, MaxSecretBytes)
	}
	if err := a.checkPIN(); err != nil {
		return err
	}
	switch a.Algorithm {
	case SHA1, SHA256, SHA512:
	case MD5:
		if a.Type != MOTP {
			return errAlgorithm(string(a.Algorithm))
		}
	default:
		return errAlgorithm(string(a.Algorithm))
	}
	if a.Digits < MinDigits || a.Digits > MaxDigits {
		return fmt.Errorf("%d digits, allowed are %d to %d", a.Digits, MinDigits, MaxDigits)
	}
	switch a.Type {
	case HOTP:
		if a.Period != 0 {
			return errors.New("hotp has no period")
		}
		return nil
	case TOTP:
	case Steam:
		if a.Algorithm != SHA1 || a.Digits != SteamDigits || a.Period != defaultPeriod {
			return errors.New("steam codes are always SHA1, 5 characters, 30 s")
		}
	case MOTP:
		if a.Algorithm != MD5 || a.Digits != defaultDigits || a.Period != motpPeriod {
			return errors.New("motp codes are always MD5, 6 characters, 10 s")
		}
	case Yandex:
		if a.Algorithm != SHA256 || a.Digits != YandexDigits || a.Period != defaultPeriod {
			return errors.New("yandex codes are always SHA256, 8 characters, 30 s")
		}
		if n := a.Secret.Len(); n != yandexKey && n != yandexFull {
			return fmt.Errorf("yandex secret of %d bytes, it has to have %d or %d", n, yandexKey, yandexFull)
		}
	default:
		return errType(string(a.Type))
	}
	if a.Period < time.Second || a.Period > MaxPeriod || a.Period%time.Second != 0 {
		return fmt.Errorf("period of %s, allowed are whole seconds from 1 to 86400", a.Period)
	}
	if a.Counter != 0 {
		return fmt.Errorf("%s has no counter", a.Type)
	}
	return nil
}

// NeedsPIN reports whether codes cannot be made for want of a PIN. An account may
// be kept so: other apps' exports leave the PIN out.
func (a Account) NeedsPIN() bool {
	return (a.Type == MOTP || a.Type == Yandex) && a.PIN.IsZero()
}

func (a Account) checkPIN() error {
	pin := a.PIN.Bytes()
	switch {
	case len(pin) == 0:
		return nil
	case a.Type != MOTP && a.Type != Yandex:
		return fmt.Errorf("%s has no PIN", a.Type)
	case len(pin) > MaxPINBytes:
		return fmt.Errorf("PIN of %d bytes, at most %d are allowed", len(pin), MaxPINBytes)
	}
	for _, c := range pin {
		if c <= ' ' || c > '~' {
			return errors.New("PIN holds a character that is not visible ASCII")
		}
	}
	return nil
}

// checkText refuses labels that could not be shown, or not told from others:
// control characters, line breaks, and characters that reorder the text around them.
func checkText(what, s string) error {
	switch {
	case len(s) > MaxTextBytes:
		return fmt.Errorf("%s of %d bytes, at most %d are allowed", what, len(s), MaxTextBytes)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s is not valid UTF-8", what)
	case strings.ContainsFunc(s, isUnshowable):
		return fmt.Errorf("%s holds a control character", what)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%s begins or ends with a space", what)
	}
	return nil
}

// Showable reports whether a text could be a label: short, and without what [Account.Validate] refuses.
func Showable(text string) bool { return checkText("", text) == nil }

func isUnshowable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || // line and paragraph separator
		'\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' // bidirectional embedding, override, isolate
}

// ParseAlgorithm reads the names in use: SHA256, sha-256, HmacSHA256,
// HMAC-SHA-256, Algorithm.sha256. Any other is an error, MD5 by name.
func ParseAlgorithm(text string) (Algorithm, error) {
	name := strings.ToUpper(strings.TrimSpace(text))
	name = strings.TrimPrefix(name, "ALGORITHM.") // as Dart prints an enum
	name = strings.NewReplacer("-", "", "_", "", " ", "").Replace(name)
	name = strings.TrimPrefix(name, "HMAC")
	switch a := Algorithm(name); a {
	case SHA1, SHA256, SHA512:
		return a, nil
	}
	return "", errAlgorithm(text)
}

func errAlgorithm(text string) error {
	return fmt.Errorf("algorithm%s is not supported, only SHA1, SHA256 and SHA512", quoted(text))
}

func errType(text string) error {
	return fmt.Errorf("type%s is not supported, only totp, hotp, steam, motp and yandex", quoted(text))
}

// quoted quotes a short foreign text for an error. A longer one could be a
// secret in the wrong place, which no error may show.
func quoted(text string) string {
	if len(text) >= 16 {
		return ""
	}
	return fmt.Sprintf(" %q", text)
}
