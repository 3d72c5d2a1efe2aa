package interchange

import (
	"errors"
	"strings"
	"testing"
)

func TestKeePassFields(t *testing.T) {
	const labels = "Shop:bob"
	hotp := func(counter string) string {
		return "otpauth://hotp/Shop:bob?secret=" + secretText + "&issuer=Shop&algorithm=SHA1&digits=6&counter=" + counter
	}
	steam := uri(labels, "&algorithm=SHA1&digits=5&period=30&encoder=steam")
	for _, tt := range []struct {
		name   string
		fields []string // beside Title and UserName
		want   string
	}{
		// keepassxreboot/keepassxc src/totp/totp.cpp
		{"otp, a URI with labels", []string{"otp", "otpauth://totp/Mart:eve?secret=" + secretText}, uri("Mart:eve", plainSettings)},
		{"otp, a URI without", []string{"otp", "otpauth://totp/?secret=" + secretText + "&amp;digits=8"}, uri(labels, "&algorithm=SHA1&digits=8&period=30")},
		{"otp, Steam", []string{"otp", "otpauth://totp/Shop:bob?secret=" + secretText + "&amp;period=30&amp;digits=5&amp;encoder=steam"}, steam},
		{"otp, a bare secret", []string{"otp", secretText}, uri(labels, plainSettings)},
		{"otp before older fields", []string{"TOTP Seed", "AAAAAAAA", "otp", secretText}, uri(labels, plainSettings)},
		{"KeeOtp", []string{"otp", "key=" + secretText + "&amp;size=8&amp;step=60&amp;otpHashMode=Sha256"}, uri(labels, "&algorithm=SHA256&digits=8&period=60")},
		{"KeeOtp, the key alone", []string{"otp", "key=" + secretText}, uri(labels, plainSettings)},
		{"KeeOtp, padded", []string{"otp", "key=" + secretText + "%3d%3d&amp;step=30"}, uri(labels, plainSettings)},
		{"KeeOtp2, a counter", []string{"otp", "type=Hotp&amp;key=" + secretText + "&amp;counter=7"}, hotp("7")},
		{"KeeOtp2, hexadecimal", []string{"otp", "key=48656c6c6f21deadbeef&amp;encoding=Hex"}, uri(labels, plainSettings)},
		{"KeeOtp2, Steam", []string{"otp", "type=Steam&amp;key=" + secretText + "&amp;size=5"}, steam},
		{"KeeOtp2, a type that is not known", []string{"otp", "type=Yaotp&amp;key=" + secretText}, `entry 1, Shop (bob): type "yaotp" is not supported`},
		{"KeeOtp, damaged", []string{"otp", "key=" + secretText + "&amp;step=%zz"}, "entry 1, Shop (bob): it is not as this format has it"},
		{"TOTP Seed", []string{"TOTP Seed", secretText, "TOTP Settings", "60;8"}, uri(labels, "&algorithm=SHA1&digits=8&period=60")},
		{"TOTP Seed without settings", []string{"TOTP Seed", secretText}, uri(labels, plainSettings)},
		{"TOTP Seed, Steam", []string{"TOTP Seed", secretText, "TOTP Settings", "30;S"}, steam},
		{"TOTP Seed, with a clock", []string{"TOTP Seed", secretText, "TOTP Settings", "30;6;https://shop.example"}, uri(labels, plainSettings)},
		{"TOTP Seed, bad settings", []string{"TOTP Seed", secretText, "TOTP Settings", "x;6"}, "entry 1, Shop (bob): period is not a whole number up to 86400"},
		// keepass.info/help/base/placeholders.html#otp
		{"TimeOtp, text", []string{"TimeOtp-Secret", "12345678901234567890"}, strings.ReplaceAll(uri(labels, plainSettings), secretText, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")},
		{"TimeOtp, hexadecimal", []string{"TimeOtp-Secret-Hex", "48656C6C6F21DEADBEEF", "TimeOtp-Length", "8"}, uri(labels, "&algorithm=SHA1&digits=8&period=30")},
		{"TimeOtp, base64", []string{"TimeOtp-Secret-Base64", "SGVsbG8h3q2+7w==", "TimeOtp-Algorithm", "HMAC-SHA-512"}, uri(labels, "&algorithm=SHA512&digits=6&period=30")},
		{"TimeOtp, no base64", []string{"TimeOtp-Secret-Base64", "!"}, "entry 1, Shop (bob): secret is not base64"},
		{"TimeOtp, an algorithm that is not known", []string{"TimeOtp-Secret-Base32", secretText, "TimeOtp-Algorithm", "HMAC-SHA-3"}, "entry 1, Shop (bob): algorithm \"HMAC-SHA-3\" is not supported, only SHA1, SHA256 and SHA512"},
		{"HmacOtp", []string{"HmacOtp-Secret-Base32", secretText, "HmacOtp-Counter", "18446744073709551615"}, hotp("18446744073709551615")},
		{"both", []string{"HmacOtp-Secret-Base32", secretText, "TimeOtp-Secret-Base32", secretText}, uri(labels, plainSettings) + "\n" + hotp("0")},
		{"none", []string{"Password", "x", "TimeOtp-Period", "30"}, "1 others"},
		{"an empty one", []string{"otp", ""}, "error: there is no account in it"},
	} {
		text := keePassText(keePassEntry(1, "", append([]string{"Title", "Shop", "UserName", "bob"}, tt.fields...)...))
		r, err := Read(Source{Data: []byte(text)}, "")
		got := full(r)
		if err != nil && (!errors.Is(err, ErrNothing) || !strings.HasPrefix(tt.want, "error") && tt.want != "1 others") {
			got = "error: " + err.Error()
		}
		if strings.HasPrefix(tt.want, "error") && err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want || r.Format != "keepass-xml" {
			t.Errorf("%s: %s %s, %v; want %s", tt.name, r.Format, got, err, tt.want)
		}
	}
}

func TestKeePassXML(t *testing.T) {
	entry := keePassEntry(1, "", "Title", "Shop", "UserName", "{REF:U@I:46C9B1FFBD4ABC4BBB260C6190BAD20C}", "otp", secretText)
	locked := strings.Replace(keePassEntry(1, "", "Title", "Shop", "otp", "AAAA"), "<Value>AAAA", `<Value Protected="True">AAAA`, 1)
	entity := strings.Replace(keePassText(entry), "<KeePassFile>", `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><KeePassFile>`, 1)
	for _, tt := range []struct{ name, data, want string }{
		{"the name is of another entry", keePassText(entry), "otpauth://totp/Shop:?secret=" + secretText + "&issuer=Shop" + plainSettings},
		{"a byte order mark", "\ufeff" + keePassText(entry), "otpauth://totp/Shop:?secret=" + secretText + "&issuer=Shop" + plainSettings},
		{"protected, without the database", keePassText(locked), "entry 1, Shop: its values are protected: import the database itself"},
		{"an entity", entity, "error: refused: its XML has a document type, which KeePass does not write"},
		{"an entity that is not known", strings.Replace(keePassText(entry), "Shop", "&shop;", 1), "error: refused: it is damaged, or cut short"},
		{"cut short", keePassText(entry)[:300], "error: refused: it is damaged, or cut short"},
		{"another root", "<a><KeePassFile/></a>", "error: refused: it is not the XML that KeePass exports"},
		{"no entry", keePassText(""), "error: there is no account in it"},
		{"groups without end", strings.Repeat("<KeePassFile>", 65), "error: refused: XML of over 64 levels"},
	} {
		r, err := Read(Source{Data: []byte(tt.data)}, "")
		got := full(r)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

// TestKDBXBombs asks for more work than any real file does, before anything shows
// that the file is not real.
func TestKDBXBombs(t *testing.T) {
	file := func(kdf string, settings map[string][]byte) []byte {
		f := kdbxFile{major: 4, cipher: kdbxAES, kdf: kdbxAESKDF, settings: map[string][]byte{"R": le(8, 1)}, packed: true, inner: innerChaCha20}
		text := string(f.write(t))
		k, err := parseKDBX([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var made string
		add := func(kind, name string, value []byte) {
			made += kind + string(le(4, uint64(len(name)))) + name + string(le(4, uint64(len(value)))) + string(value)
		}
		add("\x42", "$UUID", []byte(kdf))
		add("\x42", "S", make([]byte, 32))
		for name, value := range settings {
			add("\x04", name, value)
		}
		made = "\x00\x01" + made + "\x00"
		old := string(k.fields[kdbxKDF])
		header := strings.Replace(string(k.header), string(le(4, uint64(len(old))))+old, string(le(4, uint64(len(made))))+made, 1)
		return []byte(header + string(sum256([]byte(header))) + string(k.mac) + string(k.body))
	}
	v3 := func(rounds uint64) []byte {
		f := kdbxFile{major: 3, cipher: kdbxAES, settings: map[string][]byte{"R": le(8, 0x7a7a7a)}, inner: innerSalsa20}
		return []byte(strings.Replace(string(f.write(t)), string(le(8, 0x7a7a7a)), string(le(8, rounds)), 1))
	}
	argon := func(passes, memory, lanes uint64) map[string][]byte { return argonSettings(passes, memory, lanes) }
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"Argon2d, 2 GiB", file(kdbxArgon2d, argon(1, 2<<30, 1)), ErrRefused},
		{"Argon2d, 2^63 bytes", file(kdbxArgon2d, argon(1, 1<<63, 1)), ErrRefused},
		{"Argon2id, 1 GiB, 100 passes", file(kdbxArgon2id, argon(100, 1<<30, 1)), ErrRefused},
		{"Argon2id, 2^64-1 passes", file(kdbxArgon2id, argon(1<<64-1, 1<<20, 1)), ErrRefused},
		{"Argon2id, 17 lanes", file(kdbxArgon2id, argon(1, 1<<20, 17)), ErrRefused},
		{"Argon2id, no lanes", file(kdbxArgon2id, argon(1, 1<<20, 0)), ErrRefused},
		{"Argon2id, 1023 bytes", file(kdbxArgon2id, argon(1, 1023, 1)), ErrRefused},
		{"Argon2id, no settings but the version", file(kdbxArgon2id, map[string][]byte{"V": le(4, 0x13)}), ErrRefused},
		{"Argon2 of version 1.0", file(kdbxArgon2d, map[string][]byte{"V": le(4, 0x10)}), ErrUnsupported},
		{"AES, 2^64-1 rounds", file(kdbxAESKDF, map[string][]byte{"R": le(8, 1<<64-1)}), ErrRefused},
		{"a derivation that is not known", file(strings.Repeat("x", 16), nil), ErrUnsupported},
		{"1,000 settings", file(kdbxArgon2d, manySettings(1000)), ErrRefused},
		{"version 3, 2^64-1 rounds", v3(1<<64 - 1), ErrRefused},
		{"version 3, 100 million rounds and one", v3(100_000_001), ErrRefused},
		{"a field of 4 GiB", []byte(kdbxMagic + "\x00\x00\x04\x00\x0b\xff\xff\xff\xff"), ErrRefused},
		{"fields without end", []byte(kdbxMagic + "\x00\x00\x04\x00" + strings.Repeat("\x01\x00\x00\x00\x00", 12<<20)), ErrRefused},
	} {
		if _, err := timed(t, tt.name, Source{Data: tt.data, Password: givePassword("right")}, ""); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.name, err, tt.want)
		}
	}
}

func manySettings(n int) map[string][]byte {
	settings := make(map[string][]byte)
	for i := range n {
		settings[string(le(2, uint64(i)))] = []byte{1, 2, 3, 4}
	}
	return settings
}

func FuzzKDBX(f *testing.F) {
	kinds := kdbxKinds()
	fuzzReader(f, readKDBX, "", string(kinds["3, AES, Salsa20"].write(f)), string(kinds["4, AES, AES-KDF"].write(f)), string(kinds["4, AES, Argon2id"].write(f)))
}

// FuzzKDBXBlocks fuzzes what a key opens: the blocks, what they hold, and the XML.
func FuzzKDBXBlocks(f *testing.F) {
	for _, k := range kdbxKinds() {
		f.Add(k.major, k.packed, []byte(k.text))
	}
	f.Add(uint16(4), false, []byte("\x01\x04\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, major uint16, packed bool, plain []byte) {
		k := kdbx{major: 3 + major%2, fields: map[byte][]byte{kdbxPacked: le(4, map[bool]uint64{true: 1}[packed]), kdbxInnerStream: {innerSalsa20}}}
		var in readerFunc
		if blocks := (&hashBlocks{in: strings.NewReader(string(plain)), most: len(plain)}); len(plain)%2 == 0 {
			in = blocks.Read
		} else {
			in = strings.NewReader(string(plain)).Read
		}
		text, inner, err := k.unpack(in)
		if err != nil {
			return
		}
		if r, err := readKeePass(text, inner, nil); err == nil {
			checkShown(t, r)
		} else if len(err.Error()) > 300 {
			t.Fatalf("the error %q", err)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func FuzzKeePassXML(f *testing.F) {
	text, _ := ordered()
	fuzzReader(f, readKeePassXML, "", text, "<KeePassFile><!DOCTYPE a>", keePassText(keePassEntry(1, "", "otp", "key=AA&amp;size=6")))
}

func FuzzKeePassKeyFile(f *testing.F) {
	f.Add([]byte(`<KeyFile><Meta><Version>2.0</Version></Meta><Key><Data Hash="00000000">AA</Data></Key></KeyFile>`))
	f.Add([]byte(`<KeyFile><Meta><Version>1.00</Version></Meta><Key><Data>AAAA</Data></Key></KeyFile>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := keePassKeyFile(data); err == nil && len(key) != 32 {
			t.Fatalf("a key of %d bytes", len(key))
		}
	})
}
