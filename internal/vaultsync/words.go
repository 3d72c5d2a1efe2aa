package vaultsync

import (
	"crypto/ed25519"
	"crypto/rand"
	_ "embed"
	"fmt"
	"strings"
)

// The English list of BIP-39 (bip-0039/english.txt): 2,048 words, told apart by their first four letters.
//
//go:embed words.txt
var wordsText string

const (
	wordBits   = 11
	codeWords  = 10
	checkWords = 3
)

func wordList() []string { return strings.Fields(wordsText) }

// Code is the ten words by which a new device finds an old one, and shuts out everybody else: 110
// random bits. They are good once, for two minutes.
type Code struct{ bits [14]byte } // the last two bits are 0

// NewCode makes a code.
func NewCode() (c Code) {
	rand.Read(c.bits[:])
	c.bits[13] &^= 3
	return c
}

// Words are the words, with spaces between them.
func (c Code) Words() string { return strings.Join(wordsOf(c.bits[:], codeWords), " ") }

func (Code) String() string   { return "[code]" }
func (Code) GoString() string { return "[code]" }

// wordsOf says the first bits as words.
func wordsOf(bits []byte, n int) (words []string) {
	list := wordList()
	for i := range n {
		word := 0
		for b := i * wordBits; b < (i+1)*wordBits; b++ {
			word = word<<1 | int(bits[b/8]>>(7-b%8)&1)
		}
		words = append(words, list[word])
	}
	return words
}

// ParseCode reads ten words as they are typed: in any case and spacing, or only the first four letters of each.
func ParseCode(text string) (c Code, err error) {
	typed := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	if len(typed) != codeWords {
		return c, fmt.Errorf("%d words, a code has %d", len(typed), codeWords)
	}
	list := wordList()
	for i, t := range typed {
		word := -1
		for n, w := range list {
			if w == t || len(t) >= 4 && strings.HasPrefix(w, t) {
				word = n
				break
			}
		}
		if word < 0 {
			return Code{}, fmt.Errorf("word %d is not one of the list: look at it again", i+1)
		}
		for b := range wordBits {
			at := i*wordBits + b
			c.bits[at/8] |= byte(word>>(wordBits-1-b)&1) << (7 - at%8)
		}
	}
	return c, nil
}

// key is what both derive from the words.
func (c Code) key() (k key) {
	copy(k[:], c.bits[:])
	return k.derive("code")
}

// Rendezvous is the key of the stream at a relay where both meet.
func (c Code) Rendezvous() ed25519.PrivateKey {
	k := c.key().derive("rendezvous")
	return ed25519.NewKeyFromSeed(k[:])
}
