package interchange

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tobischo/argon2"
)

// extensionEntry is an entry of Authenticator Extension (Authenticator-Extension/Authenticator,
// src/models), or the key of its entries. Three ways of sealing are around: each
// secret under the passphrase (version 1), under a key that is sealed so (2), or each
// entry under a hash of the passphrase (3).
type extensionEntry struct {
	Type      loose  `json:"type"` // a name, or 1 to 6 for totp, hotp, battle, steam, hex, hhex
	Issuer    string `json:"issuer"`
	Account   string `json:"account"`
	Secret    string `json:"secret"`
	Algorithm loose  `json:"algorithm"` // a name, or 1 to 3
	Digits    loose  `json:"digits"`
	Period    loose  `json:"period"`
	Counter   loose  `json:"counter"`
	Index     loose  `json:"index"`
	Sealed    bool   `json:"encrypted"`

	Kind  string `json:"dataType"` // "", OTPStorage, EncOTPStorage or Key
	KeyID string `json:"keyId"`
	Data  string `json:"data"` // the entry, sealed

	ID   string `json:"id"`   // of a Key
	Salt string `json:"salt"` // one character a byte
	Enc  string `json:"enc"`  // of the key of version 2
	Hash string `json:"hash"` // of a key: an encoded Argon2 hash, to check it by
}

// What the app takes for Argon2id where a key does not say.
const (
	extensionPasses  = 2
	extensionMemory  = 19456 // KiB
	extensionHash    = 24    // bytes
	maxExtensionKeys = 8
)

func isExtension(s shape) bool {
	for name, kind := range s.top {
		if kind != '{' && name != "" {
			return false
		}
	}
	return !s.list && (s.inner["secret"] && (s.inner["type"] || s.inner["hash"]) || s.inner["data"] && s.inner["keyId"])
}

func readExtension(s Source) (Result, error) {
	var (
		c       collector
		entries []extensionEntry
		keys    []extensionEntry
		old     *extensionEntry
		bad     int
		sealed  bool
	)
	data := jsonText(s.Data)
	if err := checkDepth(data); err != nil {
		return Result{}, err
	}
	err := walk(data, MaxEntries, func(_ int, name string, raw jsontext.Value) {
		var e extensionEntry
		switch err := readPart(raw, &e); {
		case name == "UserSettings" || name == "LocalStorage":
		case err != nil:
			bad++
		case name == "key" && e.Enc != "":
			old = &e
		case e.Kind == "Key":
			keys = append(keys, e)
		default:
			entries, sealed = append(entries, e), sealed || e.Sealed || e.Kind == "EncOTPStorage"
		}
	})
	if err != nil {
		return Result{}, err
	}
	slices.SortStableFunc(entries, func(a, b extensionEntry) int {
		i, err1 := a.Index.number("index", 0, MaxEntries)
		j, err2 := b.Index.number("index", 0, MaxEntries)
		if err1 != nil || err2 != nil {
			return 0
		}
		return cmp.Compare(i, j)
	})
	if sealed {
		if err := openExtension(s, entries, keys, old); err != nil {
			return Result{}, err
		}
	}
	for i, e := range entries {
		if e.Sealed || e.Kind == "EncOTPStorage" {
			c.fail(i+1, e.Issuer, e.Account, errors.New("it does not open with this password"))
			continue
		}
		if d, err := e.draft(); err != nil {
			c.fail(i+1, d.issuer, d.name, err)
		} else {
			c.add(i+1, d)
		}
	}
	for range bad {
		c.fail(len(entries)+1, "", "", errEntry)
	}
	return c.Result, nil
}

// draft reads what an open entry says.
func (e extensionEntry) draft() (draft, error) {
	issuer, _, _ := strings.Cut(e.Issuer, "::") // the app's way to name a site
	d := draft{typ: account.TOTP, issuer: issuer, name: e.Account, secret: e.Secret, digits: e.Digits, period: e.Period, counter: e.Counter}
	switch kind := strings.ToLower(string(e.Type)); kind {
	case "", "totp", "1":
	case "hotp", "2":
		d.typ = account.HOTP
	case "battle", "3":
		d.digits = "8"
	case "steam", "4":
		d.typ = account.Steam
	case "hex", "5":
		d.hex = true
	case "hhex", "6":
		d.typ, d.hex = account.HOTP, true
	default:
		return d, errType(kind)
	}
	for _, prefix := range []string{"blz-", "bliz-"} {
		if rest, found := strings.CutPrefix(d.secret, prefix); found {
			d.secret, d.digits = rest, "8"
		}
	}
	if rest, found := strings.CutPrefix(d.secret, "stm-"); found {
		d.secret, d.typ = rest, account.Steam
	}
	if _, err := account.ParseSecret(d.secret); err != nil && !d.hex && (d.typ == account.TOTP || d.typ == account.HOTP) {
		_, err = account.ParseHex(d.secret) // as the app itself guesses
		d.hex = err == nil
	}
	switch a := string(e.Algorithm); a {
	case "", "1":
	case "2":
		d.algorithm = "SHA256"
	case "3":
		d.algorithm = "SHA512"
	case "4", "5":
		return d, errors.New("algorithm GOST is not supported")
	default:
		d.algorithm = a
	}
	for _, zero := range []*loose{&d.digits, &d.period} {
		if *zero == "0" {
			*zero = "" // the app's word for the default
		}
	}
	return d, nil
}

// openExtension opens the entries in place, those that it can. There is no MAC: a
// password is wrong if it opens none.
func openExtension(s Source, entries, keys []extensionEntry, old *extensionEntry) error {
	if len(keys) > maxExtensionKeys {
		return refused("it has too many keys")
	}
	password, err := askPassword(s)
	if err != nil {
		return err
	}
	defer clear(password)
	phrases := map[string][]byte{"": password} // by the id of their key
	if old != nil {
		key, ok := openCryptoJS(old.Enc, password)
		if !ok {
			return errWrongOrDamaged
		}
		phrases[""] = hex.AppendEncode(nil, key)
		clear(key)
	}
	for _, k := range keys {
		if phrases[k.ID], err = k.phrase(password); err != nil {
			return err
		}
	}
	opened := 0
	for i := range entries {
		if e := &entries[i]; e.Sealed || e.Kind == "EncOTPStorage" {
			if phrase, known := phrases[e.KeyID]; known && e.open(phrase) {
				opened++
			}
		}
	}
	if opened == 0 {
		return errWrongOrDamaged
	}
	return nil
}

// open opens one entry, and tells whether what comes out looks like one.
func (e *extensionEntry) open(phrase []byte) bool {
	if e.Kind == "EncOTPStorage" {
		plain, ok := openCryptoJS(e.Data, phrase)
		defer clear(plain)
		var inner extensionEntry
		if !ok || readJSON(plain, &inner) != nil || inner.Secret == "" || inner.Kind == "EncOTPStorage" {
			return false
		}
		*e = inner
		e.Sealed = false
		return true
	}
	plain, ok := openCryptoJS(e.Secret, phrase)
	defer clear(plain)
	if !ok || !utf8.Valid(plain) || len(plain) == 0 {
		return false
	}
	text := string(bytes.ReplaceAll(plain, []byte(" "), nil))
	bare := text
	for _, prefix := range []string{"blz-", "bliz-", "stm-"} {
		bare = strings.TrimPrefix(bare, prefix)
	}
	_, err1 := account.ParseSecret(bare)
	if _, err2 := account.ParseHex(bare); err1 != nil && err2 != nil {
		return false
	}
	e.Secret, e.Sealed = text, false
	return true
}

// phrase derives what stands for the password under a key of version 3: the base64
// text of its Argon2id hash. The key's own hash tells the settings.
func (e extensionEntry) phrase(password []byte) ([]byte, error) {
	passes, memory, lanes, size := uint64(extensionPasses), uint64(extensionMemory), uint64(1), uint64(extensionHash)
	hash, known := parseArgon2(e.Hash)
	if known {
		passes, memory, lanes, size = hash.passes, hash.memory, hash.lanes, uint64(len(hash.sum))
	}
	binary := make([]byte, 0, len(e.Salt))
	for _, r := range e.Salt {
		if r > 255 {
			binary = []byte(e.Salt)
			break
		}
		binary = append(binary, byte(r))
	}
	var first []byte
	for _, salt := range [][]byte{binary, []byte(e.Salt)} { // the second as a text would be
		key, err := argon2id(password, salt, passes, memory, lanes, size)
		if err != nil {
			return nil, err
		}
		phrase := base64.RawStdEncoding.AppendEncode(nil, key)
		clear(key)
		if !known {
			return phrase, nil
		}
		if first == nil {
			first = phrase
		}
		check := argon2.IDKey(phrase, hash.salt, uint32(passes), uint32(memory), uint8(lanes), uint32(size))
		if bytes.Equal(check, hash.sum) {
			return phrase, nil
		}
	}
	return first, nil
}

// openCryptoJS opens what CryptoJS.AES.encrypt makes under a passphrase: base64 of
// "Salted__", 8 bytes of salt, AES-256-CBC; key and IV by OpenSSL's EVP_BytesToKey with MD5.
func openCryptoJS(text string, phrase []byte) ([]byte, bool) {
	data, err := fromBase64(text)
	body, salted := bytes.CutPrefix(data, []byte("Salted__"))
	if err != nil || !salted || len(body) < 8+16 {
		return nil, false
	}
	var derived, last []byte
	for len(derived) < 32+16 {
		h := md5.New()
		h.Write(last)
		h.Write(phrase)
		h.Write(body[:8])
		last = h.Sum(nil)
		derived = append(derived, last...)
	}
	defer clear(derived)
	return openCBC(derived[:32], derived[32:48], body[8:])
}
