package interchange

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"strconv"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// freeOTPEntry is an account as FreeOTP and FreeOTP+ write it. Its counter is the one
// of the last code; it is taken as it is, so that the first code after the import is
// one that was used.
type freeOTPEntry struct {
	Type      string         `json:"type"`
	IssuerExt string         `json:"issuerExt"`
	IssuerInt string         `json:"issuerInt"`
	Label     string         `json:"label"`
	Secret    jsontext.Value `json:"secret"` // signed bytes
	Algorithm string         `json:"algo"`
	Digits    loose          `json:"digits"`
	Period    loose          `json:"period"`
	Counter   loose          `json:"counter"`
}

func isFreeOTPPlus(s shape) bool { return s.has("tokens") && s.top["tokens"] == '[' }

// readFreeOTPPlus reads an export of FreeOTP+ (helloworld1/FreeOTPPlus).
func readFreeOTPPlus(s Source) (Result, error) {
	var file struct {
		List jsontext.Value `json:"tokens"`
	}
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	var c collector
	err := each(&c, file.List, MaxEntries, func(n int, e freeOTPEntry) { e.addTo(&c, n) })
	return c.Result, err
}

// addTo adds an entry whose secret is not sealed.
func (e freeOTPEntry) addTo(c *collector, n int) {
	key, err := signedBytes(e.Secret)
	if err != nil {
		c.fail(n, e.issuer(), e.Label, errEntry)
		return
	}
	e.addKey(c, n, key)
}

func (e freeOTPEntry) issuer() string {
	if e.IssuerExt == "" {
		return e.IssuerInt
	}
	return e.IssuerExt
}

// addKey adds an entry with that secret, and clears it.
func (e freeOTPEntry) addKey(c *collector, n int, key []byte) {
	d := draft{issuer: e.issuer(), name: e.Label, key: account.NewSecret(key), algorithm: e.Algorithm,
		digits: e.Digits, period: e.Period, counter: e.Counter}
	clear(key)
	switch kind := strings.ToUpper(e.Type); {
	case kind == "HOTP":
		d.typ = account.HOTP
	case kind == "TOTP" && strings.EqualFold(d.issuer, "Steam"):
		d.typ = account.Steam
	case kind == "TOTP":
		d.typ = account.TOTP
	default:
		c.fail(n, d.issuer, d.name, errType(e.Type))
		return
	}
	c.add(n, d)
}

// signedBytes reads a list of numbers from -128 to 127, as Java writes bytes.
func signedBytes(list jsontext.Value) ([]byte, error) {
	numbers, err := elements(list, account.MaxSecretBytes)
	if err != nil {
		return nil, err
	}
	key := make([]byte, len(numbers))
	for i, n := range numbers {
		b, err := strconv.ParseInt(string(n), 10, 8)
		if err != nil {
			return nil, errEntry
		}
		key[i] = byte(b)
	}
	return key, nil
}

// freeOTPSealed is a key under another, as FreeOTP 2 writes it.
type freeOTPSealed struct {
	Cipher string         `json:"mCipher"`
	Text   jsontext.Value `json:"mCipherText"`
	Params jsontext.Value `json:"mParameters"` // ASN.1: the nonce, and the size of the tag
	Bound  string         `json:"mToken"`
}

// open is not ok where it is damaged, or the key is another.
func (f freeOTPSealed) open(key []byte) (plain []byte, ok bool) {
	text, err1 := signedBytes(f.Text)
	params, err2 := signedBytes(f.Params)
	nonce, found := bytes.CutPrefix(params, []byte{0x30, 17, 0x04, 12})
	if err1 != nil || err2 != nil || !found || len(nonce) != 12+3 || f.Cipher != "AES/GCM/NoPadding" {
		return nil, false
	}
	return openGCM(key, nonce[:12], text, []byte(f.Bound))
}

func isFreeOTP2(data []byte) bool { return bytes.HasPrefix(data, []byte(javaMagic)) }

// readFreeOTP2 reads a backup of FreeOTP 2 (freeotp/freeotp-android): the sealed
// secrets under their ids, the rest under ID-token, and the key they are sealed with.
func readFreeOTP2(s Source) (Result, error) {
	pairs, err := javaMap(s.Data)
	if err != nil {
		return Result{}, err
	}
	const rest = "-token"
	texts := make(map[string]string)
	var ids []string // in the order of the secrets
	for _, p := range pairs {
		if _, twice := texts[p.name]; !twice && p.name != "masterKey" && !strings.HasSuffix(p.name, rest) {
			ids = append(ids, p.name)
		}
		texts[p.name] = p.value
	}
	key, err := openFreeOTP2(s, texts["masterKey"])
	if err != nil {
		return Result{}, err
	}
	defer clear(key)
	var c collector
	for i, id := range ids {
		var e freeOTPEntry
		var outer struct {
			Key string `json:"key"` // JSON again
		}
		var inner freeOTPSealed
		if readJSON([]byte(texts[id+rest]), &e) != nil || readJSON([]byte(texts[id]), &outer) != nil || readJSON([]byte(outer.Key), &inner) != nil {
			c.fail(i+1, e.issuer(), e.Label, errEntry)
			continue
		}
		secret, ok := inner.open(key)
		if !ok {
			c.fail(i+1, e.issuer(), e.Label, errEntry)
			continue
		}
		e.addKey(&c, i+1, secret)
	}
	return c.Result, nil
}

// openFreeOTP2 opens the key of all secrets.
func openFreeOTP2(s Source, text string) ([]byte, error) {
	var master struct {
		Algorithm string         `json:"mAlgorithm"`
		Sealed    freeOTPSealed  `json:"mEncryptedKey"`
		Rounds    loose          `json:"mIterations"`
		Salt      jsontext.Value `json:"mSalt"`
	}
	if err := readJSON([]byte(text), &master); err != nil {
		return nil, refused("its key is damaged")
	}
	salt, err := signedBytes(master.Salt)
	rounds, err2 := master.Rounds.number("rounds", 0, maxRounds)
	if err != nil || err2 != nil || len(salt) == 0 {
		return nil, refused("the settings of its key derivation are not valid")
	}
	var h func() hash.Hash
	switch master.Algorithm {
	case "PBKDF2withHmacSHA512":
		h = sha512.New
	case "PBKDF2withHmacSHA1":
		h = sha1.New
	default:
		return nil, refused("the settings of its key derivation are not valid")
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	wrapping, err := pbkdf2Key(h, password, salt, rounds, 32)
	if err != nil {
		return nil, err
	}
	defer clear(wrapping)
	key, ok := master.Sealed.open(wrapping)
	if !ok {
		return nil, errWrongOrDamaged
	}
	return key, nil
}

// A serialised java.util.HashMap: the magic, the class as it always is, then its two
// numbers, the count of buckets and of pairs (docs.oracle.com, Java Object
// Serialization Specification, chapter 6).
const (
	javaMagic = "\xac\xed\x00\x05"
	javaHead  = javaMagic + "sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\x00\x02" +
		"F\x00\x0aloadFactorI\x00\x09thresholdxp"
	javaNumbers = 8 + 2 + 4 // load factor and threshold; the mark of 8 bytes; the buckets
)

// javaMap reads such a map of texts to texts, and nothing else that Java could write.
func javaMap(data []byte) ([]pref, error) {
	damaged := refused("it is damaged, or cut short, or not a backup of FreeOTP 2")
	body, found := bytes.CutPrefix(data, []byte(javaHead))
	if !found || len(body) < javaNumbers+4 || string(body[8:10]) != "w\x08" {
		return nil, damaged
	}
	count := binary.BigEndian.Uint32(body[javaNumbers:])
	if count > 2*MaxEntries+1 {
		return nil, ErrTooMany
	}
	body = body[javaNumbers+4:]
	var known []string // what a later text may refer to
	text := func() (string, bool) {
		const first = 0x7e0000 + 2 // handles before that are the class and the map
		if len(body) < 3 {
			return "", false
		}
		size, head := uint64(0), 0
		switch kind := body[0]; {
		case kind == 't':
			size, head = uint64(binary.BigEndian.Uint16(body[1:])), 3
		case kind == '|' && len(body) >= 9:
			size, head = binary.BigEndian.Uint64(body[1:]), 9
		case kind == 'q' && len(body) >= 5:
			handle := binary.BigEndian.Uint32(body[1:])
			body = body[5:]
			if handle < first || handle-first >= uint32(len(known)) {
				return "", false
			}
			return known[handle-first], true
		default:
			return "", false
		}
		if size > uint64(len(body)-head) {
			return "", false
		}
		value := string(body[head : head+int(size)])
		body = body[head+int(size):]
		known = append(known, value)
		return value, true
	}
	var pairs []pref
	for range count {
		name, ok1 := text()
		value, ok2 := text()
		if !ok1 || !ok2 {
			return nil, damaged
		}
		pairs = append(pairs, pref{name, value})
	}
	if string(body) != "x" {
		return nil, damaged
	}
	return pairs, nil
}
