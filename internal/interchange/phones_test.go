package interchange

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// sealCBC seals as openCBC opens.
func sealCBC(t testing.TB, key, iv, plain []byte) []byte {
	t.Helper()
	pad := 16 - len(plain)%16
	data := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return data
}

func pbkdf2SHA1(t testing.TB, password, salt string, rounds int) []byte {
	t.Helper()
	key, err := pbkdf2.Key(sha1.New, password, []byte(salt), rounds, 32)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestSealedAuthy seals as Authy's servers do, one entry with an IV and one without.
func TestSealedAuthy(t *testing.T) {
	iv := []byte("sixteen bytes...")
	entry := func(iv []byte, hexIV, seed, rounds string) string {
		sealed := sealCBC(t, pbkdf2SHA1(t, "right", "a salt", 2000), iv, []byte(seed))
		return fmt.Sprintf(`{"account_type":"x","name":"Shop:bob","original_name":"Shop:bob","digits":6,"encrypted_seed":%q,"salt":"a salt","key_derivation_iterations":%s,"unique_iv":%s}`,
			base64.StdEncoding.EncodeToString(sealed), rounds, hexIV)
	}
	good := entry(make([]byte, 16), "null", secretText, "2000")
	withIV := entry(iv, fmt.Sprintf("%q", fmt.Sprintf("%x", iv)), secretText, `"2000"`)
	file := func(entries ...string) Source {
		return Source{Data: []byte(`{"authenticator_tokens":[` + strings.Join(entries, ",") + `]}`), Password: givePassword("right")}
	}
	shop := uri("Shop:bob", plainSettings)
	const closed = ", Shop (bob): it does not open with this password"
	bad := entry(iv, "null", secretText, "2000")
	for _, tt := range []struct {
		name string
		s    Source
		want string
	}{
		{"two", file(good, withIV), shop + "\n" + shop},
		{"one that is damaged", file(bad, good, entry(iv, `"zz"`, "A", "2000")), shop + "\nentry 1" + closed + "\nentry 3, Shop (bob): it is not as this format has it"},
		{"all damaged", file(bad, bad), errWrongOrDamaged.Error()},
		{"too many rounds for one", file(entry(iv, "null", secretText, "10000001")), "entry 1, Shop (bob): it is not as this format has it"},
		{"no password", Source{Data: file(good).Data}, ErrNeedsPassword.Error()},
		{"wrong password", Source{Data: file(good, good, good, good).Data, Password: givePassword("wrong")}, errWrongOrDamaged.Error()},
	} {
		r, err := Read(tt.s, "")
		got := full(r)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
	e := authyEntry{Sealed: base64.StdEncoding.EncodeToString(make([]byte, 16)), Salt: "x", Rounds: "10000000"}
	left := uint64(9_999_999)
	if _, err := e.open(file(), &left); !errors.Is(err, ErrRefused) {
		t.Errorf("more rounds than are left: %v; want ErrRefused", err)
	}
}

// javaMapOf writes a map as FreeOTP 2 does. A text of 0x7e… is a reference.
func javaMapOf(count uint32, texts ...string) []byte {
	data := append([]byte(javaHead), make([]byte, 8)...)
	data = append(data, 'w', 8, 0, 0, 0, 16)
	data = binary.BigEndian.AppendUint32(data, count)
	for _, text := range texts {
		if strings.HasPrefix(text, "\x00\x7e") {
			data = append(append(data, 'q'), text...)
			continue
		}
		if len(text) > 1<<16-1 {
			data = binary.BigEndian.AppendUint64(append(data, '|'), uint64(len(text)))
		} else {
			data = binary.BigEndian.AppendUint16(append(data, 't'), uint16(len(text)))
		}
		data = append(data, text...)
	}
	return append(data, 'x')
}

func TestJavaMap(t *testing.T) {
	long := strings.Repeat("y", 70_000)
	pairs, err := javaMap(javaMapOf(2, "a", long, "b", "\x00\x7e\x00\x03"))
	if err != nil || len(pairs) != 2 || pairs[0] != (pref{"a", long}) || pairs[1] != (pref{"b", long}) {
		t.Errorf("%d pairs, %v", len(pairs), err)
	}
	huge := append(javaMapOf(1, "a"), "|\x7f\xff\xff\xff\xff\xff\xff\xff"...)
	for name, data := range map[string][]byte{
		"fewer pairs than it says":     javaMapOf(3, "a", "b"),
		"more pairs than it says":      javaMapOf(1, "a", "b", "c", "d"),
		"a reference to what comes":    javaMapOf(1, "a", "\x00\x7e\x00\x03"),
		"a reference to the class":     javaMapOf(1, "a", "\x00\x7e\x00\x00"),
		"a text of 2^63 bytes":         huge,
		"another class":                bytes.Replace(javaMapOf(0), []byte("HashMap"), []byte("HashSet"), 1),
		"an object in place of a text": bytes.Replace(javaMapOf(1, "a", "b"), []byte("t\x00\x01b"), []byte("sr\x00\x01"), 1),
		"nothing":                      []byte(javaMagic),
	} {
		if pairs, err := javaMap(data); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, %v; want ErrRefused", name, pairs, err)
		}
	}
	if _, err := javaMap(javaMapOf(1<<31, "a", "b")); !errors.Is(err, ErrTooMany) {
		t.Errorf("2^31 pairs: %v; want ErrTooMany", err)
	}
	bomb := `{"mAlgorithm":"PBKDF2withHmacSHA512","mEncryptedKey":{},"mIterations":2000000000,"mSalt":[1]}`
	if _, err := Read(Source{Data: javaMapOf(1, "masterKey", bomb), Password: givePassword("x")}, ""); !errors.Is(err, ErrRefused) {
		t.Errorf("2,000,000,000 rounds: %v; want ErrRefused", err)
	}
}

// plistOf writes a property list of objects, with references of 2 bytes; the last is the top.
func plistOf(objects ...string) []byte {
	data := []byte("bplist00")
	var offsets []byte
	for _, o := range objects {
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(len(data)))
		data = append(data, o...)
	}
	table := len(data)
	data = append(data, offsets...)
	data = append(data, 0, 0, 0, 0, 0, 0, 4, 2)
	for _, n := range []int{len(objects), len(objects) - 1, table} {
		data = binary.BigEndian.AppendUint64(data, uint64(n))
	}
	return data
}

// sealOTPAuth seals a property list as OTP Auth does, under "right".
func sealOTPAuth(t testing.TB, inner []byte) []byte {
	t.Helper()
	body := append([]byte{3, 1}, "encsalt.macsalt.sixteen bytes..."...)
	body = append(body, sealCBC(t, pbkdf2SHA1(t, "right", "encsalt.", 10_000), body[18:34], inner)...)
	h := hmac.New(sha256.New, pbkdf2SHA1(t, "right", "macsalt.", 10_000))
	h.Write(body)
	return sealOuter(t, h.Sum(body))
}

// sealOuter wraps what is sealed in the archive around it, under the key that everybody has.
func sealOuter(t testing.TB, wrapped []byte) []byte {
	t.Helper()
	data := append([]byte{0x4f, 0x11, byte(len(wrapped) >> 8), byte(len(wrapped))}, wrapped...)
	outer := plistOf("\x5bWrappedData", string(data), "\xa1\x00\x04", "\xa1\x00\x05", // 0 name, 1 data, 2 keys, 3 values
		"\x80\x01", "\x80\x02", // 4 and 5: places among the objects
		"\x57NS.keys", "\x5aNS.objects", "\xd2\x00\x06\x00\x07\x00\x02\x00\x03", // 8: the dictionary
		"\xa4\x00\x00\x00\x00\x00\x01\x00\x08",         // 9: $objects: nothing, the name, the data, the dictionary
		"\x80\x03", "\x54root", "\xd1\x00\x0b\x00\x0a", // 12: $top
		"\x58$objects", "\x54$top", "\xd2\x00\x0d\x00\x0e\x00\x09\x00\x0c")
	key := sha256.Sum256([]byte("Authenticator"))
	return sealCBC(t, key[:], make([]byte, 16), outer)
}

func TestOTPAuthSpoilt(t *testing.T) {
	circle := plistOf("\x58$objects", "\x54$top", "\x54root", "\x80\x01", // 3 refers to 1 of the objects
		"\xd1\x00\x02\x00\x03", "\xa2\x00\x03\x00\x03", "\xd2\x00\x00\x00\x01\x00\x05\x00\x04")
	own := plistOf("\xd1\x00\x00\x00\x00")
	lies := bytes.Clone(own)
	copy(lies[len(lies)-24:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	for _, tt := range []struct {
		name string
		s    Source
		want error
	}{
		{"no folders", Source{Data: sealOTPAuth(t, circle), Password: givePassword("right")}, ErrNothing},
		{"a dictionary that names itself", Source{Data: sealOTPAuth(t, own), Password: givePassword("right")}, ErrRefused},
		{"2^64 objects", Source{Data: sealOTPAuth(t, lies), Password: givePassword("right")}, ErrRefused},
		{"no property list", Source{Data: sealOTPAuth(t, []byte("bplist00")), Password: givePassword("right")}, ErrRefused},
		{"wrong password", Source{Data: sealOTPAuth(t, circle), Password: givePassword("wrong")}, ErrWrongPassword},
		{"no password", Source{Data: sealOTPAuth(t, circle)}, ErrNeedsPassword},
		{"another version of the seal", Source{Data: sealOuter(t, make([]byte, 200)), Password: givePassword("right")}, ErrRefused},
		{"noise", Source{Data: bytes.Repeat([]byte("noise..."), 20), Password: givePassword("right")}, ErrRefused},
	} {
		if r, err := timed(t, tt.name, tt.s, "otp-auth"); !errors.Is(err, tt.want) {
			t.Errorf("%s: %s, %v; want %v", tt.name, full(r), err, tt.want)
		}
	}
}

// TestTOTPAuthenticator seals under the app's own key, and under a password.
func TestTOTPAuthenticator(t *testing.T) {
	list := `[{"base":32,"key":"` + secretText + `","issuer":"Shop","name":"bob","digits":"8","period":"60"},{"base":64,"key":"SGVsbG8h3q2+7w==","issuer":"Shop","name":"bob"},{"base":8,"key":"0","name":"x"}]`
	want := uri("Shop:bob", plainSettings) + "\n" + uri("Shop:bob", plainSettings) + "\nentry 3, x: it is not as this format has it"
	for _, password := range []string{totpKey, "right"} {
		key := sha256.Sum256([]byte(password))
		sealed := base64.StdEncoding.EncodeToString(sealCBC(t, key[:], make([]byte, 16), []byte(fmt.Sprintf("{%q:1}", list))))
		s := Source{Data: []byte(sealed + "\n"), Password: func() ([]byte, error) {
			if password == totpKey {
				t.Error("asked for a password that is not needed")
			}
			return []byte(password), nil
		}}
		if r, err := Read(s, "totp-authenticator"); err != nil || full(r) != want {
			t.Errorf("%s: %s, %v; want %s", password, full(r), err, want)
		}
		if r, err := Read(s, ""); !errors.Is(err, ErrUnrecognized) {
			t.Errorf("taken for %s without being told, %v", r.Format, err)
		}
	}
	if _, err := Read(Source{Data: []byte("no base64!")}, "totp-authenticator"); !errors.Is(err, ErrRefused) {
		t.Errorf("noise: %v; want ErrRefused", err)
	}
}

// TestNamedOnly reads what only --format tells.
func TestNamedOnly(t *testing.T) {
	noise := string(bytes.Repeat([]byte{0xc5, 0x17, 0x93}, 2000))
	for _, tt := range []struct {
		format, data, says string
		want               error
	}{
		{"authenticator-plus", noise, "export from the app to a file", ErrUnsupported},
		{"authenticator-plus", "otpauth://totp/a?secret=" + secretText, "", nil},
		{"winauth", "-----BEGIN PGP MESSAGE-----\nx\n", "decrypt it with gpg", ErrUnsupported},
		{"winauth", "otpauth://totp/a%3ab?secret=" + secretText + "&serial=1", "", nil},
	} {
		r, err := Read(Source{Data: []byte(tt.data)}, tt.format)
		if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) || r.Format != tt.format {
			t.Errorf("%s: %s, %v; want %v, %q", tt.format, r.Format, err, tt.want, tt.says)
		}
	}
}

func FuzzPrefs(f *testing.F) {
	fuzzReader(f, func(s Source) (Result, error) {
		if isBattleNet(s.Data) {
			return readBattleNet(s)
		}
		if isAuthyPrefs(s.Data) {
			return readAuthyPrefs(s)
		}
		return readFreeOTPPrefs(s)
	}, "x", `<map><string name="`+authyPrefs+`">[{"name":"a","decryptedSecret":"AA"},{"encryptedSecret":"AAAA","salt":"x","key_derivation_iterations":1}]</string></map>`,
		`<map><string name="a">{&quot;secret&quot;:[1,-1],&quot;type&quot;:&quot;TOTP&quot;}</string></map>`, `<map><string name="`+battlePrefs+`DEVICE_SECRET">09ec179861450806</string></map>`)
}

func FuzzAuthy(f *testing.F) {
	fuzzReader(f, readAuthy, "", `{"authenticator_tokens":[{"name":"a: b","original_name":"a:b","decrypted_seed":"AA"},{"encrypted_seed":"AAAA","salt":"x","unique_iv":"00"}]}`)
}

func FuzzFreeOTP2(f *testing.F) {
	fuzzReader(f, readFreeOTP2, "", string(javaMapOf(2, "a", "{}", "masterKey", `{"mAlgorithm":"PBKDF2withHmacSHA1","mEncryptedKey":{"mToken":"AES"},"mIterations":1,"mSalt":[1]}`)),
		string(javaMapOf(1, "a", "\x00\x7e\x00\x02")))
}

func FuzzPlist(f *testing.F) {
	f.Add(plistOf("\xd1\x00\x00\x00\x00"))
	f.Add(plistOf("\x58$objects", "\x54$top", "\xa1\x00\x00", "\xd2\x00\x00\x00\x01\x00\x02\x00\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := openArchive(data)
		if err != nil {
			return
		}
		for i, folder := range a.list(a.value(a.root, "Folders")) {
			var c collector
			for _, entry := range a.list(a.member(folder, "accounts")) {
				a.addOTPAuth(&c, entry)
			}
			checkShown(t, c.Result)
			if i == 10 {
				break
			}
		}
	})
}

func FuzzOTPAuth(f *testing.F) {
	fuzzReader(f, readOTPAuth, "", string(sealOTPAuth(f, plistOf("\xd1\x00\x00\x00\x00"))))
}

func FuzzTOTPAuthenticator(f *testing.F) {
	key := sha256.Sum256([]byte(totpKey))
	fuzzReader(f, readTOTPAuthenticator, "x", base64.StdEncoding.EncodeToString(sealCBC(f, key[:], make([]byte, 16), []byte(`{"[{\"base\":16,\"key\":\"00\"}]":1}`))))
}

func FuzzRaivo(f *testing.F) {
	fuzzReader(f, readRaivo, "", `[{"kind":"HOTP","timer":"30","digits":"6","issuer":"a","account":"b","secret":"AA","counter":"1"}]`)
}

func FuzzOnePassword(f *testing.F) {
	fuzzReader(f, readOnePassword, "", `{"accounts":[{"vaults":[{"items":[{"state":"active","overview":{"title":"a"},"details":{"loginFields":[{"designation":"username","value":"b"}],"sections":[{"fields":[{"value":{"totp":"AA"}}]}]}}]}]}]}`)
}

func FuzzProtonPass(f *testing.F) {
	fuzzReader(f, readProtonPass, "", `{"vaults":{"a":{"items":[{"state":1,"data":{"metadata":{"name":"a"},"extraFields":[{"data":{"totpUri":"AA"}}],"content":{"totpUri":"otpauth://totp/a?secret=AA"}}}]}}}`)
}

func FuzzVIP(f *testing.F) {
	fuzzReader(f, readVIP, "", "version 1\nsecret AA\nid VSST1\nexpiry 2029")
}
