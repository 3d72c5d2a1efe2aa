package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// RecoveryKey opens the vault when the passphrase is lost: 160 random bits. It
// prints as [recovery key]; Text is the one way out.
type RecoveryKey struct {
	_ [0]func() // not comparable with ==

	// Behind two pointers, because fmt does not ask the Formatter under %w and %p.
	bits **[recoveryBytes]byte
}

const recoveryBytes = 20

// recoveryAlphabet is Crockford's base32: no I, L, O and U.
var recoveryAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// ErrRecoveryText says that a text cannot be a recovery key.
var ErrRecoveryText = errors.New("this is not a recovery key")

// NewRecoveryKey makes one from the system's random numbers.
func NewRecoveryKey() RecoveryKey {
	bits := new([recoveryBytes]byte)
	rand.Read(bits[:]) // never fails
	return RecoveryKey{bits: &bits}
}

// ParseRecoveryKey reads a recovery key in any spacing or case, with O for 0
// and I or L for 1. It returns [ErrRecoveryText] with what is wrong.
func ParseRecoveryKey(text string) (RecoveryKey, error) {
	clean := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\n', '\r', '\u00a0', '\u2010', '\u2011', '\u2013':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(text))
	if n := utf8.RuneCountInString(clean); n != 36 {
		return RecoveryKey{}, fmt.Errorf("%w: it has 36 letters and digits, this has %d", ErrRecoveryText, n)
	}
	bits := new([recoveryBytes]byte)
	if _, err := recoveryAlphabet.Decode(bits[:], []byte(clean[:32])); err != nil {
		return RecoveryKey{}, fmt.Errorf("%w: it has letters and digits only, no U", ErrRecoveryText)
	}
	if checksum(bits[:]) != clean[32:] {
		return RecoveryKey{}, fmt.Errorf("%w: a character is wrong (the checksum differs)", ErrRecoveryText)
	}
	return RecoveryKey{bits: &bits}, nil
}

// checksum is the first 20 bits of the SHA-256 of the key's bytes.
func checksum(bits []byte) string {
	sum := sha256.Sum256(bits)
	return recoveryAlphabet.EncodeToString(sum[:5])[:4]
}

// Text is the key as it is written on paper: nine groups of four, the last one a
// checksum. The age tool takes it as the passphrase of slots/recovery.age.
func (k RecoveryKey) Text() string {
	if k.bits == nil {
		return ""
	}
	text := recoveryAlphabet.EncodeToString((**k.bits)[:]) + checksum((**k.bits)[:])
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, "-")
}

// Format keeps the key out of logs and errors.
func (RecoveryKey) Format(f fmt.State, _ rune) { io.WriteString(f, "[recovery key]") }
