package account

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
)

// ErrCheck says that a secret was copied wrong from paper.
var ErrCheck = errors.New("a character of the secret is wrong: its check characters differ")

// Grouped writes a secret's text for paper: in groups of four, and behind a slash
// the first three digits of the SHA-256 of the text in hexadecimal. With
// printf %s SECRET | sha256sum anybody can check it.
func Grouped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += 4 {
		b.WriteString(text[i:min(i+4, len(text))] + " ")
	}
	return b.String() + "/" + check(text)
}

// CutCheck takes the check characters off a text as [Grouped] writes it, in any
// spacing and case. It returns [ErrCheck] when they differ. A text without them is
// returned as it is.
func CutCheck(text string) (secret string, err error) {
	secret, want, found := strings.Cut(text, "/")
	if !found {
		return text, nil
	}
	plain := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, secret)
	want = strings.ToLower(strings.TrimSpace(want))
	// Base32 is in upper case there, hexadecimal in lower.
	if want != check(strings.ToUpper(plain)) && want != check(strings.ToLower(plain)) {
		return "", ErrCheck
	}
	return plain, nil
}

func check(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:2])[:3]
}
