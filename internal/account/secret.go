package account

import (
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"unicode"
)

// MaxSecretBytes bounds a secret. Real ones have 10 to 64 bytes.
const MaxSecretBytes = 1024

// maxSecretText bounds what ParseSecret looks at: the longest secret, twice over.
const maxSecretText = 4096

const redacted = "*****"

var unpadded = base32.StdEncoding.WithPadding(base32.NoPadding)

// Secret is the key that an account shares with its issuer. It prints as
// stars wherever it is formatted, logged or marshalled; the ways out are
// [Secret.Bytes] and [Secret.Base32]. Copies share their bytes. The zero value
// holds nothing.
type Secret struct {
	_ [0]func() // not comparable with ==: use Equal

	// Behind two pointers, because fmt does not ask the Formatter of an unexported
	// field: it prints a pointer there as an address, but follows one under a wrong verb.
	bytes **[]byte
}

// NewSecret returns a secret that holds a copy of b.
func NewSecret(b []byte) Secret { return owning(append([]byte(nil), b...)) }

// owning returns a secret that holds b itself.
func owning(b []byte) Secret {
	s := &struct { // one allocation
		bytes []byte
		at    *[]byte
	}{bytes: b}
	s.at = &s.bytes
	return Secret{bytes: &s.at}
}

// ParseSecret reads base32 (RFC 4648, section 6) as people paste it: in either
// case, with spaces, dashes or plus signs between, with or without padding.
// Bits beyond the last whole byte are dropped. Its errors never hold the text.
func ParseSecret(text string) (Secret, error) {
	if len(text) > maxSecretText {
		return Secret{}, fmt.Errorf("secret of over %d characters", maxSecretText)
	}
	var (
		out  = make([]byte, 0, len(text)*5/8)
		acc  uint32 // its low `bits` bits are not in out yet
		bits int
		at   int // position of c, for people: the first is 1
		pad  bool
	)
	for _, c := range text {
		at++
		var value uint32
		switch { // what the vault writes comes first: a start reads all accounts
		case 'A' <= c && c <= 'Z' && !pad:
			value = uint32(c - 'A')
		case '2' <= c && c <= '7' && !pad:
			value = uint32(c-'2') + 26
		case unicode.IsSpace(c) || c == '-' || c == '+' || c == '\u200b': // U+200B comes along from web pages
			continue
		case c == '=':
			pad = true
			continue
		case pad:
			return Secret{}, fmt.Errorf("secret goes on after its padding, at character %d", at)
		case 'a' <= c && c <= 'z':
			value = uint32(c - 'a')
		case c == '0' || c == '1' || c == '8' || c == '9':
			return Secret{}, fmt.Errorf("secret has a digit at character %d that base32 does not: base32 has no 0, 1, 8 or 9", at)
		default:
			return Secret{}, fmt.Errorf("secret has a character that is not base32, at character %d", at)
		}
		acc = acc<<5 | value
		if bits += 5; bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	switch {
	case len(out) == 0 && bits == 0:
		return Secret{}, errors.New("secret is empty")
	case len(out) == 0:
		return Secret{}, errors.New("secret is too short: a single character")
	case len(out) > MaxSecretBytes:
		return Secret{}, fmt.Errorf("secret of %d bytes, at most %d are allowed", len(out), MaxSecretBytes)
	}
	return owning(out), nil
}

// ParseHex reads hexadecimal in either case, with spaces and dashes between, as
// Mobile-OTP and a few apps write secrets. Its errors never hold the text.
func ParseHex(text string) (Secret, error) {
	if len(text) > maxSecretText {
		return Secret{}, fmt.Errorf("secret of over %d characters", maxSecretText)
	}
	digits := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; c != ' ' && c != '-' {
			digits = append(digits, c)
		}
	}
	defer clear(digits)
	out := make([]byte, len(digits)/2)
	switch _, err := hex.Decode(out, digits); {
	case len(digits) == 0:
		return Secret{}, errors.New("secret is empty")
	case err != nil:
		return Secret{}, errors.New("secret is not hexadecimal")
	case len(out) > MaxSecretBytes:
		return Secret{}, fmt.Errorf("secret of %d bytes, at most %d are allowed", len(out), MaxSecretBytes)
	}
	return owning(out), nil
}

// Bytes returns the bytes themselves, not a copy: do not change or keep them.
func (s Secret) Bytes() []byte {
	if s.bytes == nil {
		return nil
	}
	return **s.bytes
}

// Base32 returns the secret in upper case without padding: what the vault and
// exports write, and [ParseSecret] reads.
func (s Secret) Base32() string { return unpadded.EncodeToString(s.Bytes()) }

// Len returns the number of bytes.
func (s Secret) Len() int { return len(s.Bytes()) }

// IsZero reports whether the secret holds no byte.
func (s Secret) IsZero() bool { return s.Len() == 0 }

// Equal compares in a time that depends on the lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare(s.Bytes(), other.Bytes()) == 1
}

// Wipe overwrites the bytes with zeros and forgets them, in every copy of s.
// Nothing may use the secret at the same time.
func (s Secret) Wipe() {
	if s.bytes != nil {
		clear(**s.bytes)
		**s.bytes = nil
	}
}

// Format prints [secret], whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns [secret].
func (Secret) String() string { return redacted }

// MarshalText returns [secret]; encoding/json and most loggers come here.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[secret]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
