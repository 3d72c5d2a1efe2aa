package interchange

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20"
	//lint:ignore SA1019 as in kdbx.go
	"golang.org/x/crypto/twofish"
)

// kdbxFile is a database to be written. In its text, «…» are values to be protected.
type kdbxFile struct {
	major    uint16
	cipher   string
	kdf      string            // UUID
	settings map[string][]byte // of the KDF, but for the salt
	packed   bool
	inner    uint32
	key      []byte // composite; that of the password "right" if nil
	text     string
	padding  []byte // packed after the text
	extra    string // header fields, in front
}

var protectedText = regexp.MustCompile(`«[^»]*»`)

func le(size int, n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n)[:size] }

func (f kdbxFile) write(t testing.TB) []byte {
	t.Helper()
	key := f.key
	if key == nil {
		key = sum256(sum256([]byte("right")))
	}
	seed, salt, start, innerKey := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32), bytes.Repeat([]byte{4}, 64)
	iv := bytes.Repeat([]byte{5}, 16)
	if f.cipher == kdbxChaCha {
		iv = iv[:12]
	}
	var header bytes.Buffer
	header.WriteString(kdbxMagic)
	header.Write(le(2, 1))
	header.Write(le(2, uint64(f.major)))
	header.WriteString(f.extra)
	field := func(id byte, value []byte) {
		header.WriteByte(id)
		if f.major == 3 {
			header.Write(le(2, uint64(len(value))))
		} else {
			header.Write(le(4, uint64(len(value))))
		}
		header.Write(value)
	}
	field(kdbxCipher, []byte(f.cipher))
	field(kdbxPacked, le(4, map[bool]uint64{true: 1}[f.packed]))
	field(kdbxSeed, seed)
	field(kdbxIV, iv)
	k := kdbx{major: f.major, fields: map[byte][]byte{kdbxRoundSeed: salt, kdbxRounds: f.settings["R"]}}
	if f.major == 3 {
		field(kdbxRoundSeed, salt)
		field(kdbxRounds, f.settings["R"])
		field(kdbxInnerKey, innerKey[:32])
		field(kdbxStart, start)
		field(kdbxInnerStream, le(4, uint64(f.inner)))
		innerKey = innerKey[:32]
	} else {
		k.kdf = map[string][]byte{"$UUID": []byte(f.kdf), "S": salt}
		settings := le(2, 0x100)
		member := func(kind byte, name string, value []byte) {
			settings = append(settings, kind)
			settings = append(append(settings, le(4, uint64(len(name)))...), name...)
			settings = append(append(settings, le(4, uint64(len(value)))...), value...)
		}
		member(0x42, "$UUID", []byte(f.kdf))
		member(0x42, "S", salt)
		for name, value := range f.settings {
			member(map[int]byte{4: 4, 8: 5}[len(value)], name, value)
			k.kdf[name] = value
		}
		field(kdbxKDF, append(settings, 0))
	}
	field(0, []byte("\r\n\r\n"))

	inner, err := innerStream(uint64(f.inner), innerKey)
	if err != nil {
		t.Fatal(err)
	}
	text := protectedText.ReplaceAllStringFunc(f.text, func(marked string) string {
		value := []byte(strings.Trim(marked, "«»"))
		inner.XORKeyStream(value, value)
		return base64.StdEncoding.EncodeToString(value)
	})
	text = strings.ReplaceAll(text, "HEADERHASH", base64.StdEncoding.EncodeToString(sum256(header.Bytes())))
	if f.major == 4 {
		const attachment = "\x03\x04\x00\x00\x00\x00abc"
		text = "\x01\x04\x00\x00\x00" + string(le(4, uint64(f.inner))) + "\x02\x40\x00\x00\x00" + string(innerKey) + attachment + "\x00\x00\x00\x00\x00" + text
	}
	plain := append([]byte(text), f.padding...)
	if f.packed {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		z.Write(plain)
		z.Close()
		plain = b.Bytes()
	}
	if f.major == 3 {
		cut := bytes.Clone(start)
		n := uint64(0)
		for at := 0; at < len(plain); at += 1 << 20 {
			part := plain[at:min(at+1<<20, len(plain))]
			cut = append(append(append(append(cut, le(4, n)...), sum256(part)...), le(4, uint64(len(part)))...), part...)
			n++
		}
		plain = append(append(append(cut, le(4, n)...), make([]byte, 32)...), 0, 0, 0, 0)
	}
	derived, err := k.derive(key)
	if err != nil {
		t.Fatal(err)
	}
	dataKey := sum256(append(bytes.Clone(seed), derived...))
	sealed := sealKDBX(t, f.cipher, dataKey, iv, plain)
	if f.major == 3 {
		return append(header.Bytes(), sealed...)
	}
	base := sha512.Sum512(append(append(bytes.Clone(seed), derived...), 1))
	out := append(bytes.Clone(header.Bytes()), sum256(header.Bytes())...)
	out = append(out, blockMAC(base[:], ^uint64(0), header.Bytes())...)
	for n, at := uint64(0), 0; ; n++ {
		part := sealed[at:min(at+1<<20, len(sealed))]
		out = append(append(append(out, blockMAC(base[:], n, le(8, n), le(4, uint64(len(part))), part)...), le(4, uint64(len(part)))...), part...)
		if at += len(part); len(part) == 0 {
			return out
		}
	}
}

func sealKDBX(t testing.TB, kind string, key, iv, plain []byte) []byte {
	t.Helper()
	if kind == kdbxChaCha {
		c, err := chacha20.NewUnauthenticatedCipher(key, iv)
		if err != nil {
			t.Fatal(err)
		}
		c.XORKeyStream(plain, plain)
		return plain
	}
	var block cipher.Block
	var err error
	if block, err = aes.NewCipher(key); kind == kdbxTwofish {
		block, err = twofish.NewCipher(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(plain)%16
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	return plain
}

func argonSettings(passes, memory, lanes uint64) map[string][]byte {
	return map[string][]byte{"I": le(8, passes), "M": le(8, memory), "P": le(4, lanes), "V": le(4, 0x13)}
}

// keePassEntry has fields in turn: name, value.
func keePassEntry(id byte, rest string, fields ...string) string {
	text := "<Entry><UUID>" + base64.StdEncoding.EncodeToString(append(make([]byte, 15), id)) + "</UUID>"
	for i := 0; i < len(fields); i += 2 {
		protected := ""
		if strings.HasPrefix(fields[i+1], "«") {
			protected = ` Protected="True"`
		}
		text += "<String><Key>" + fields[i] + "</Key><Value" + protected + ">" + fields[i+1] + "</Value></String>"
	}
	return text + rest + "</Entry>"
}

func keePassText(entries string) string {
	return `<?xml version="1.0" encoding="utf-8" standalone="yes"?><KeePassFile><Meta><Generator>test</Generator><RecycleBinUUID>AAAAAAAAAAAAAAAAAAAAYw==</RecycleBinUUID></Meta>` +
		`<Root><Group><UUID>AAAAAAAAAAAAAAAAAAAAYg==</UUID><Name>Root</Name>` + entries + `</Group></Root></KeePassFile>`
}

// ordered has protected values before, within and after what is not taken: a former
// state, the bin, an entry without codes.
func ordered() (text, want string) {
	otp := "otpauth://totp/Shop:bob?secret=" + secretText
	return keePassText(keePassEntry(1, "<History>"+keePassEntry(1, "", "Title", "Shop", "Password", "«older»", "otp", "«otpauth://totp/Old:bob?secret=AAAAAAAA»")+"</History>",
			"Title", "Shop", "UserName", "bob", "Password", "«"+strings.Repeat("long ", 50)+"»", "otp", "«"+otp+"»") +
			`<Group><UUID>AAAAAAAAAAAAAAAAAAAAYw==</UUID><Name>Recycle Bin</Name><Group><UUID>AAAAAAAAAAAAAAAAAAAAZA==</UUID><Name>deep</Name>` +
			keePassEntry(2, "", "Title", "Thrown away", "otp", "«otpauth://totp/a?secret=AAAAAAAA»") + `</Group></Group>` +
			`<Group><UUID>AAAAAAAAAAAAAAAAAAAAZQ==</UUID><Name>Sub</Name>` +
			keePassEntry(3, "", "Title", "No codes", "Password", "«x»") +
			keePassEntry(4, "", "Title", "Last", "UserName", "eve", "TimeOtp-Secret-Base32", "«"+secretText+"»", "TimeOtp-Period", "60", "TimeOtp-Algorithm", "HMAC-SHA-256") + `</Group>`),
		uri("Shop:bob", plainSettings) + "\n" + uri("Last:eve", "&algorithm=SHA256&digits=6&period=60") + "\n2 others"
}

// kdbxKinds are files of all kinds, of small derivations.
func kdbxKinds() map[string]kdbxFile {
	text, _ := ordered()
	files := make(map[string]kdbxFile)
	aesKDF := map[string][]byte{"R": le(8, 100)}
	add := func(name string, f kdbxFile) {
		f.text = text
		files[name] = f
	}
	add("3, AES, Salsa20", kdbxFile{major: 3, cipher: kdbxAES, settings: aesKDF, packed: true, inner: innerSalsa20})
	add("3, Twofish, not packed", kdbxFile{major: 3, cipher: kdbxTwofish, settings: aesKDF, inner: innerSalsa20})
	add("3, ChaCha20", kdbxFile{major: 3, cipher: kdbxChaCha, settings: aesKDF, packed: true, inner: innerSalsa20})
	add("4, AES, AES-KDF", kdbxFile{major: 4, cipher: kdbxAES, kdf: kdbxAESKDF, settings: aesKDF, packed: true, inner: innerChaCha20})
	add("4, AES, AES-KDF by its other name", kdbxFile{major: 4, cipher: kdbxAES, kdf: kdbxAESKDF4, settings: aesKDF, packed: true, inner: innerChaCha20})
	add("4, ChaCha20, Argon2d", kdbxFile{major: 4, cipher: kdbxChaCha, kdf: kdbxArgon2d, settings: argonSettings(2, 1<<20, 2), packed: true, inner: innerChaCha20})
	add("4, Twofish, Argon2id, not packed", kdbxFile{major: 4, cipher: kdbxTwofish, kdf: kdbxArgon2id, settings: argonSettings(2, 1<<20, 2), inner: innerChaCha20})
	add("4, AES, Argon2id", kdbxFile{major: 4, cipher: kdbxAES, kdf: kdbxArgon2id, settings: argonSettings(2, 1<<20, 2), packed: true, inner: innerChaCha20})
	return files
}

func TestKDBX(t *testing.T) {
	_, want := ordered()
	for name, f := range kdbxKinds() {
		data := f.write(t)
		asked := 0
		r, err := Read(Source{Data: data, Password: func() ([]byte, error) { asked++; return []byte("right"), nil }}, "")
		if got := full(r); err != nil || got != want || r.Format != "kdbx" || asked != 1 {
			t.Errorf("%s: Read = %s\n%s, %v, asked %d times\nwant %s", name, r.Format, got, err, asked, want)
		}
		if _, err := Read(Source{Data: data, Password: givePassword("wrong")}, ""); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s: %v; want ErrWrongPassword", name, err)
		}
		if _, err := Read(Source{Data: data}, ""); !errors.Is(err, ErrNeedsPassword) {
			t.Errorf("%s: %v; want ErrNeedsPassword", name, err)
		}
	}
}

// TestKDBXSpoilt changes every byte of a file. Version 4 tells a damaged file from a
// wrong password; version 3 tells it where the password was right.
func TestKDBXSpoilt(t *testing.T) {
	_, want := ordered()
	for _, name := range []string{"3, AES, Salsa20", "4, AES, AES-KDF"} {
		f := kdbxKinds()[name]
		f.text = strings.Replace(f.text, "<Meta>", "<Meta><HeaderHash>HEADERHASH</HeaderHash>", map[uint16]int{3: 1}[f.major])
		data := f.write(t)
		k, err := parseKDBX(data)
		if err != nil {
			t.Fatal(err)
		}
		mac := len(k.header) + 32 // of version 4
		for i := range data {
			spoilt := bytes.Clone(data)
			spoilt[i] ^= 0x04
			r, err := Read(Source{Data: spoilt, Password: givePassword("right")}, "kdbx")
			named := errors.Is(err, ErrRefused) || errors.Is(err, ErrUnsupported)
			wrong := errors.Is(err, ErrWrongPassword)
			switch {
			case f.major == 4 && i >= mac && i < mac+32 && wrong:
			case f.major == 4 && named:
			case f.major == 3 && (named || wrong):
			case f.major == 3 && i > len(data)-100 && err == nil && full(r) == want: // what follows the text is not looked at
			default:
				t.Errorf("%s, byte %d of %d changed: %s, %v", name, i, len(data), full(r), err)
			}
		}
		for i := 0; i < len(data); i += 7 {
			r, err := Read(Source{Data: data[:i], Password: givePassword("right")}, "kdbx")
			if err == nil && (f.major == 4 || i < len(data)-100) || r.Accounts != nil && err != nil {
				t.Errorf("%s, cut at %d of %d: %s, %v", name, i, len(data), full(r), err)
			}
		}
	}
}

func TestKDBXKeyFile(t *testing.T) {
	raw := bytes.Repeat([]byte{7}, 31)
	raw = append(raw, 8)
	xml1 := `<?xml version="1.0" encoding="utf-8"?><KeyFile><Meta><Version>1.00</Version></Meta><Key><Data>` + base64.StdEncoding.EncodeToString(raw) + `</Data></Key></KeyFile>`
	sum := sum256(raw)
	xml2 := fmt.Sprintf("\ufeff<KeyFile>\n<Meta><Version>2.0</Version></Meta><Key><Data Hash=\"%X\">\n\t%X\n\t%x</Data></Key></KeyFile>", sum[:4], raw[:16], raw[16:])
	for _, tt := range []struct {
		name, file string
		key        []byte // nil for an error
	}{
		{"32 bytes", string(raw), raw},
		{"64 digits", fmt.Sprintf("%x", raw), raw},
		{"64 digits in upper case", fmt.Sprintf("%X", raw), raw},
		{"any other file", "a picture", sum256([]byte("a picture"))},
		{"64 characters", strings.Repeat("x", 64), sum256([]byte(strings.Repeat("x", 64)))},
		{"an empty file", "", sum256(nil)},
		{"XML 1", xml1, raw},
		{"XML 2", xml2, raw},
		{"XML of something else", "<svg><Key>a</Key></svg>", sum256([]byte("<svg><Key>a</Key></svg>"))},
		{"no XML, though it begins so", "<x", sum256([]byte("<x"))},
		{"XML 2 with another hash", strings.Replace(xml2, fmt.Sprintf("%X", sum[:4]), "00000000", 1), nil},
		{"XML 2 without a hash", strings.Replace(xml2, "Hash", "hash", 1), nil},
		{"XML 3", strings.Replace(xml2, "2.0", "3.0", 1), nil},
		{"XML 1, cut short", xml1[:len(xml1)-12], nil},
		{"XML 1 of 3 bytes", strings.Replace(xml1, base64.StdEncoding.EncodeToString(raw), "AAAA", 1), nil},
	} {
		got, err := keePassKeyFile([]byte(tt.file))
		if !bytes.Equal(got, tt.key) || (err == nil) != (tt.key != nil) || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %x, %v; want %x", tt.name, got, err, tt.key)
		}
	}

	_, want := ordered()
	for _, tt := range []struct {
		name     string
		key      []byte
		password func() ([]byte, error)
		file     []byte
		want     error
	}{
		{"both", sum256(append(sum256([]byte("right")), raw...)), givePassword("right"), raw, nil},
		{"the file alone, as KeePassXC does it", sum256(raw), givePassword(""), raw, nil},
		{"an empty password beside the file", sum256(append(sum256(nil), raw...)), givePassword(""), raw, nil},
		{"an empty password", sum256(sum256(nil)), givePassword(""), nil, nil},
		{"nobody to ask", sum256(raw), nil, raw, nil},
		{"nobody to ask, and a password is needed", sum256(append(sum256([]byte("right")), raw...)), nil, raw, ErrNeedsPassword},
		{"no file", sum256(append(sum256([]byte("right")), raw...)), givePassword("right"), nil, ErrWrongPassword},
		{"another file", sum256(append(sum256([]byte("right")), raw...)), givePassword("right"), raw[1:], ErrWrongPassword},
		{"a file too many", sum256(sum256([]byte("right"))), givePassword("right"), raw, ErrWrongPassword},
	} {
		f := kdbxKinds()["4, AES, AES-KDF"]
		f.key = tt.key
		r, err := Read(Source{Data: f.write(t), Password: tt.password, KeyFile: tt.file}, "")
		if !errors.Is(err, tt.want) || err == nil && full(r) != want {
			t.Errorf("%s: %s, %v; want %v", tt.name, full(r), err, tt.want)
		}
	}
}

// TestAgainstKeePassXC lets KeePassXC write databases, and read ours.
func TestAgainstKeePassXC(t *testing.T) {
	program, err := exec.LookPath("keepassxc-cli")
	if err != nil {
		t.Skip("keepassxc-cli is not here: ", err)
	}
	dir := t.TempDir()
	run := func(input string, args ...string) []byte {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
		cmd.Env = append(os.Environ(), "HOME="+dir, "QT_QPA_PLATFORM=offscreen")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("keepassxc-cli %s: %v: %s", args, err, stderr.Bytes())
		}
		return out
	}
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	check := func(name, want string, s Source) {
		t.Helper()
		r, err := Read(s, "")
		if got := full(r); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}

	text, want := ordered()
	plain := strings.NewReplacer("«", "", "»", "", ` Protected="True"`, ` ProtectInMemory="True"`).Replace(text)
	if err := os.WriteFile(filepath.Join(dir, "in.xml"), []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	run("right\nright\n", "import", "-q", "-p", "in.xml", "password.kdbx")
	check("password", want, Source{Data: read("password.kdbx"), Password: givePassword("right")})
	run("right\nright\n", "import", "-q", "-p", "--set-key-file", "key", "in.xml", "both.kdbx")
	check("password and key file", want, Source{Data: read("both.kdbx"), Password: givePassword("right"), KeyFile: read("key")})
	run("", "import", "-q", "--set-key-file", "key", "in.xml", "key.kdbx")
	check("key file", want, Source{Data: read("key.kdbx"), Password: givePassword(""), KeyFile: read("key")})

	for name, f := range kdbxKinds() {
		file := strings.Map(func(r rune) rune {
			if r == ' ' || r == ',' {
				return '-'
			}
			return r
		}, name) + ".kdbx"
		data := f.write(t)
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
		check(name+", exported by KeePassXC", want, Source{Data: run("right\n", "export", "-q", "-f", "xml", file)})
		run("right\n", "mkdir", "-q", file, "new") // which saves it
		saved := read(file)
		if bytes.Equal(saved, data) {
			t.Errorf("%s: KeePassXC did not save it", name)
		}
		check(name+", saved by KeePassXC", want, Source{Data: saved, Password: givePassword("right")})
		before, err1 := parseKDBX(data)
		after, err2 := parseKDBX(saved)
		if err1 != nil || err2 != nil || !bytes.Equal(before.kdf["$UUID"], after.kdf["$UUID"]) && f.kdf != kdbxAESKDF4 || !bytes.Equal(before.fields[kdbxCipher], after.fields[kdbxCipher]) {
			t.Errorf("%s: KeePassXC changed the settings: %v, %v", name, err1, err2)
		}
	}
}
