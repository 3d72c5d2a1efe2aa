package interchange

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"codefob/internal/account"
)

// Bounds on the XML of KeePass.
const (
	maxKeePassTokens = 5_000_000
	maxKeePassTag    = 64 << 10 // bytes
	maxKeePassText   = 32 << 20 // bytes of one value: an attachment, in version 3
	maxKeePassValue  = 64 << 10 // bytes of one value that is looked at
)

// isKeePassXML tells the XML that KeePass 2 and KeePassXC export.
func isKeePassXML(data []byte) bool {
	head := trimmed(data[:min(len(data), 4096)])
	return bytes.HasPrefix(head, []byte("<")) && bytes.Contains(head, []byte("<KeePassFile"))
}

func readKeePassXML(s Source) (Result, error) {
	if !isKeePassXML(s.Data) {
		return Result{}, refused("it is not the XML that KeePass exports")
	}
	return readKeePass(bytes.NewReader(bytes.TrimPrefix(s.Data, []byte("\ufeff"))), nil, nil)
}

// readKeePass reads the XML of a database: entries of named texts, in groups. inner
// protects single values, in the order of the document; an export has none.
// headerSum is the hash of the header before it, which version 3 repeats.
func readKeePass(text io.Reader, inner cipher.Stream, headerSum []byte) (Result, error) {
	r := keePassReader{inner: inner, headerSum: headerSum, fields: make(map[string]string)}
	if err := r.read(text); err != nil {
		return Result{}, damagedUnless(err)
	}
	return r.Result, nil
}

// keePassReader is where it is in the document.
type keePassReader struct {
	collector
	inner     cipher.Stream
	headerSum []byte

	path      []string // names of the open elements
	text      []byte   // of the innermost, up to its first child
	protected bool     // so is that text
	bin       string   // UUID of the recycle bin's group, as it is written
	inBin     int      // depth of that group while it is open
	inHistory int      // depth of the list of an entry's former states while it is open
	entries   int
	inEntry   bool
	fields    map[string]string // of the current entry
	key       string            // of the current field
	value     string
	locked    bool // a value of the entry is protected, and there is no stream
}

func (r *keePassReader) read(text io.Reader) error {
	in := &tagBound{in: bufio.NewReader(text)}
	d := xml.NewDecoder(in)
	for range maxKeePassTokens {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return refused("its XML has a document type, which KeePass does not write")
		case xml.StartElement:
			err = r.startElement(t)
		case xml.CharData:
			err = r.takeText(t)
		case xml.EndElement:
			if err = r.endElement(); err == nil && len(r.path) == 0 {
				return nil
			}
		}
		if err != nil {
			return err
		}
		in.next()
	}
	return refused("its XML has over %d parts", maxKeePassTokens)
}

func (r *keePassReader) startElement(t xml.StartElement) error {
	r.path = append(r.path, t.Name.Local)
	r.text, r.protected = r.text[:0], false
	switch {
	case r.path[0] != "KeePassFile":
		return refused("it is not the XML that KeePass exports")
	case len(r.path) > maxDepth:
		return refused("XML of over %d levels", maxDepth)
	}
	for _, a := range t.Attr {
		if a.Name.Local == "Protected" && strings.EqualFold(a.Value, "true") {
			r.protected = true
		}
	}
	switch name := t.Name.Local; {
	case r.inHistory > 0:
	case name == "History" && r.parent() == "Entry":
		r.inHistory = len(r.path)
	case name == "Entry":
		clear(r.fields)
		r.inEntry, r.locked = true, false
	case name == "String":
		r.key, r.value = "", ""
	}
	return nil
}

// parent is the name of the element around the innermost.
func (r *keePassReader) parent() string {
	if len(r.path) < 2 {
		return ""
	}
	return r.path[len(r.path)-2]
}

// takeText takes text, and opens it where it is protected: that of attachments and of
// former states too, as the stream goes on through them.
func (r *keePassReader) takeText(text []byte) error {
	switch {
	case !r.protected:
		text = text[:min(len(text), maxKeePassValue+1-len(r.text))]
		r.text = append(r.text, text...)
		return nil
	case r.inner == nil:
		r.locked = true
		return nil
	}
	in := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text))
	var part [4096]byte
	for {
		n, err := in.Read(part[:])
		r.inner.XORKeyStream(part[:n], part[:n])
		r.text = append(r.text, part[:min(n, maxKeePassValue+1-len(r.text))]...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// endElement takes the innermost element, which is whole.
func (r *keePassReader) endElement() error {
	depth := len(r.path)
	name, parent := r.path[depth-1], r.parent()
	var text string
	if len(r.text) <= maxKeePassValue {
		text = string(r.text)
	}
	switch {
	case r.inHistory == depth:
		r.inHistory = 0
	case r.inHistory > 0:
	case name == "RecycleBinUUID":
		r.bin = text
	case name == "HeaderHash" && r.headerSum != nil:
		if sum, err := fromBase64(strings.TrimSpace(text)); err != nil || !bytes.Equal(sum, r.headerSum) {
			return errKDBX
		}
	case name == "UUID" && parent == "Group" && r.inBin == 0 && text != "" && text == r.bin:
		r.inBin = depth - 1
	case name == "Group" && r.inBin == depth:
		r.inBin = 0
	case name == "Key" && parent == "String":
		r.key = text
	case name == "Value" && parent == "String":
		r.value = text
	case name == "String" && parent == "Entry" && r.inEntry && isKeePassField(r.key):
		r.fields[r.key] = r.value
	case name == "Entry" && r.inEntry:
		r.entries++
		r.takeEntry()
		r.inEntry = false
	}
	clear(r.text)
	r.path, r.text, r.protected = r.path[:depth-1], r.text[:0], false
	if len(r.Accounts)+len(r.Errors) > MaxEntries {
		return ErrTooMany
	}
	return nil
}

// takeEntry takes the current entry. Fields for codes are of several programs: otp of
// KeePassXC and of KeeOtp, TimeOtp and HmacOtp of KeePass, TOTP Seed of
// KeeTrayTOTP and earlier KeePassXC. KeePassXC, too, looks at otp first.
func (r *keePassReader) takeEntry() {
	f := r.fields
	issuer, name := strings.TrimSpace(f["Title"]), strings.TrimSpace(f["UserName"])
	if strings.HasPrefix(name, "{REF:") { // to another entry
		name = ""
	}
	before := len(r.Accounts) + len(r.Errors)
	n := r.entries
	switch {
	case r.inBin > 0:
		r.Others++
		return
	case r.locked:
		r.fail(n, issuer, name, errors.New("its values are protected: import the database itself"))
		return
	}
	d := draft{typ: account.TOTP, issuer: issuer, name: name}
	encoding, secret := timeOtp.secret(f)
	switch otp := strings.TrimSpace(f["otp"]); {
	case isKeeOtp(otp):
		r.addKeeOtp(n, d, otp)
	case otp != "":
		r.addValue(n, otp, issuer, name)
	case secret != "":
		d.digits, d.period, d.algorithm = loose(f["TimeOtp-Length"]), loose(f["TimeOtp-Period"]), f["TimeOtp-Algorithm"]
		r.addEncoded(n, d, encoding, secret)
	case strings.TrimSpace(f["TOTP Seed"]) != "":
		settings := strings.Split(strings.TrimSpace(f["TOTP Settings"]), ";") // period;digits, and the address of a clock
		d.secret, d.period = f["TOTP Seed"], loose(settings[0])
		if len(settings) > 1 {
			d.digits = loose(settings[1])
		}
		if d.digits == "S" {
			d.typ = account.Steam
		}
		r.add(n, d)
	}
	if encoding, secret := hmacOtp.secret(f); secret != "" {
		r.addEncoded(n, draft{typ: account.HOTP, issuer: issuer, name: name, counter: loose(f["HmacOtp-Counter"])}, encoding, secret)
	}
	if len(r.Accounts)+len(r.Errors) == before {
		r.Others++
	}
}

// secretField is the name of a field for a secret; the encoding follows it.
type secretField string

const (
	timeOtp secretField = "TimeOtp-Secret"
	hmacOtp secretField = "HmacOtp-Secret"
)

var keePassEncodings = []string{"", "-Hex", "-Base32", "-Base64"}

func (s secretField) secret(fields map[string]string) (encoding, text string) {
	for _, e := range keePassEncodings {
		if text := fields[string(s)+e]; text != "" {
			return strings.TrimPrefix(e, "-"), text
		}
	}
	return "", ""
}

// isKeePassField tells the fields that are kept.
func isKeePassField(key string) bool {
	switch key {
	case "Title", "UserName", "otp", "TOTP Seed", "TOTP Settings", "TimeOtp-Length", "TimeOtp-Period", "TimeOtp-Algorithm", "HmacOtp-Counter":
		return true
	}
	return slices.Contains(keePassEncodings, strings.TrimPrefix(key, string(timeOtp))) ||
		slices.Contains(keePassEncodings, strings.TrimPrefix(key, string(hmacOtp)))
}

// addEncoded adds an account whose secret is written in one of several ways; without
// a name of one it is the text's bytes.
func (c *collector) addEncoded(number int, d draft, encoding, secret string) {
	switch strings.ToLower(encoding) {
	case "", "utf8":
		d.key = account.NewSecret([]byte(secret))
	case "hex":
		d.secret, d.hex = strings.TrimSpace(secret), true
	case "base32":
		d.secret = secret
	case "base64":
		key, err := fromBase64(strings.TrimSpace(secret))
		if err != nil {
			c.fail(number, d.issuer, d.name, errors.New("secret is not base64"))
			return
		}
		d.key = account.NewSecret(key)
		clear(key)
	default:
		c.fail(number, d.issuer, d.name, errors.New("the encoding of its secret is not supported"))
		return
	}
	c.add(number, d)
}

func isKeeOtp(text string) bool {
	return !isURILine([]byte(text)) && strings.Contains(strings.ToLower(text), "key=")
}

// addKeeOtp adds what KeeOtp and its successor KeeOtp2 write: key=…&size=6&step=30, the
// hash, and for counters the type.
func (c *collector) addKeeOtp(number int, d draft, text string) {
	values, err := url.ParseQuery(text)
	if err != nil {
		c.fail(number, d.issuer, d.name, errEntry) // whose own error has a part of the text
		return
	}
	get := func(name string) string {
		for k, v := range values {
			if strings.EqualFold(k, name) {
				return strings.TrimSpace(v[0])
			}
		}
		return ""
	}
	switch kind := strings.ToLower(get("type")); kind {
	case "", "totp":
	case "hotp":
		d.typ = account.HOTP
	case "steam":
		d.typ = account.Steam
	default:
		c.fail(number, d.issuer, d.name, errType(kind))
		return
	}
	d.digits, d.period, d.counter, d.algorithm = loose(get("size")), loose(get("step")), loose(get("counter")), get("otpHashMode")
	encoding := get("encoding")
	if encoding == "" {
		encoding = "base32"
	}
	c.addEncoded(number, d, encoding, get("key"))
}

// tagBound reads for an [xml.Decoder], byte by byte, and refuses tags and texts that
// are too long before they are held.
type tagBound struct {
	in   *bufio.Reader
	tag  bool // from < on
	n    int  // bytes of the tag or the text
	last byte
}

// next says that a token was read whole. After a text its end, which begins the next
// one, was read as well.
func (t *tagBound) next() {
	if t.last != '<' {
		t.tag, t.n = false, 0
	}
}

func (t *tagBound) ReadByte() (byte, error) {
	c, err := t.in.ReadByte()
	if err != nil {
		return 0, err
	}
	if c == '<' && !t.tag {
		t.tag, t.n = true, 0
	}
	t.n++
	switch t.last = c; {
	case t.tag && t.n > maxKeePassTag:
		return 0, refused("its XML has a tag of over %d KiB", maxKeePassTag>>10)
	case t.n > maxKeePassText:
		return 0, refused("a value of over %d MiB", maxKeePassText>>20)
	}
	return c, nil
}

// Read is here for [xml.NewDecoder]'s sake, which uses ReadByte.
func (t *tagBound) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
