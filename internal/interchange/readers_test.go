package interchange

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"codefob/internal/account"
)

// full is what a result holds, a line each: accounts as URIs, errors, and how many
// entries are no accounts.
func full(r Result) string {
	var lines []string
	for _, a := range r.Accounts {
		lines = append(lines, a.URI())
	}
	for _, e := range r.Errors {
		lines = append(lines, e.Error())
	}
	if r.Others > 0 {
		lines = append(lines, fmt.Sprint(r.Others, " others"))
	}
	return strings.Join(lines, "\n")
}

func uri(label, settings string) string {
	issuer, _, _ := strings.Cut(label, ":")
	return "otpauth://totp/" + label + "?secret=" + secretText + "&issuer=" + issuer + settings
}

const plainSettings = "&algorithm=SHA1&digits=6&period=30"

func TestRead(t *testing.T) {
	shop := uri("Shop:bob", plainSettings)
	tests := []struct{ name, data, format, want string }{
		{"Aegis, all types", `{"version":1,"header":{"slots":null},"db":{"version":2,"entries":[
			{"type":"totp","issuer":"Shop","name":"bob","info":{"secret":"` + secretText + `","algo":"SHA512","digits":"8","period":60}},
			{"type":"motp","name":"m","info":{"secret":"` + secretText + `","pin":"1234","digits":6,"period":10,"algo":"MD5"}},
			{"type":"yandex","name":"y","info":{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY","pin":"5239"}},
			{"type":"hotp","name":"h","info":{"secret":"` + secretText + `","counter":18446744073709551615}},
			{"type":"push","name":"p","info":{}}, 7, {"type":"totp","name":"z","info":{"secret":"` + secretText + `","period":0}},
			{"type":"totp","name":"f","info":{"secret":"` + secretText + `","digits":6.5}}]}}`, "aegis",
			uri("Shop:bob", "&algorithm=SHA512&digits=8&period=60") +
				"\notpauth://motp/m?secret=48656c6c6f21deadbeef&pin=1234\notpauth://yaotp/y?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY&pin=GUZDGOI" +
				"\notpauth://hotp/h?secret=" + secretText + "&algorithm=SHA1&digits=6&counter=18446744073709551615" +
				"\nentry 5, p: type \"push\" is not supported\nentry 6: it is not as this format has it\n" +
				"entry 7, z: period of 0s, allowed are whole seconds from 1 to 86400\nentry 8, f: digits is not a whole number up to 10"},
		{"2FAS of another schema", `{"schemaVersion":5,"services":[]}`, "2fas", "error: this format is not supported: a 2FAS backup of a newer version"},
		{"Ente, with one in the bin", "otpauth://totp/Shop:bob?secret=" + secretText + "&codeDisplay=%7B%22trashed%22%3Afalse%7D\n" +
			"otpauth://totp/Old?secret=" + secretText + "&codeDisplay=%7B%22trashed%22%3Atrue%7D", "ente", shop + "\n1 others"},
		{"Bitwarden, with one in the bin", `{"encrypted":false,"folders":[],"items":[{"name":"Shop","login":{"username":"bob","totp":"jbsw y3dp ehpk 3pxp"}},
			{"name":"Old","deletedDate":"2026-01-01","login":{"totp":"` + secretText + `"}},{"name":"Note","login":null}]}`, "bitwarden", shop + "\n2 others"},
		{"andOTP, old labels", `[{"type":"TOTP","label":"Shop - bob","secret":"` + secretText + `","thumbnail":"Default"}]`, "andotp", shop},
		{"LastPass Authenticator, with a push account", `{"localDeviceId":null,"accounts":[{"originalIssuerName":"Shop","userName":"bob","secret":"` + secretText +
			`","timeStep":30,"digits":6,"algorithm":"SHA1"},{"pushNotification":true}]}`, "lastpass-authenticator", shop + "\n1 others"},
		{"Duo, with a push account", `[{"name":"x","pkey":"1"},{"name":"bob","otpGenerator":{"otpSecret":"` + secretText + `"}}]`, "duo",
			"otpauth://totp/bob?secret=" + secretText + plainSettings + "\n1 others"},
		{"Steam", `{"shared_secret":"SGVsbG8h3q2+7w==","account_name":"bob","identity_secret":"JBSWY3DP"}`, "steam-mafile",
			uri("Steam:bob", "&algorithm=SHA1&digits=5&period=30&encoder=steam")},
		{"FreeOTP+", `{"tokens":[{"algo":"SHA1","digits":6,"issuerExt":"Shop","label":"bob","period":30,"secret":[72,101,108,108,111,33,-34,-83,-66,-17],"type":"TOTP"},
			{"secret":[300]}]}`, "freeotp", shop + "\nentry 2: it is not as this format has it"},
		{"Stratum, all types", `{"Authenticators":[{"Type":3,"Username":"m","Secret":"48656c6c6f21deadbeef","Pin":"1234"},{"Type":2,"Issuer":"Shop","Username":"bob","Secret":"` + secretText +
			`","Algorithm":0,"Digits":6,"Period":30,"Counter":0},{"Type":9,"Issuer":"x"},{"Type":2,"Algorithm":7}]}`, "stratum",
			"otpauth://motp/m?secret=48656c6c6f21deadbeef&pin=1234\n" + shop + "\nentry 3, x: type \"9\" is not supported\nentry 4: its algorithm is not supported"},
		{"Stratum's page", "<!DOCTYPE html><body><code>otpauth://totp/Shop:bob?secret=" + secretText + "&amp;digits=6</code>", "stratum", shop},
		{"CXF", `{"version":{"major":1},"exporterRpId":"x.example","accounts":[{"username":"u","items":[{"title":"Shop","credentials":[{"type":"basic-auth","username":{"value":"bob"}},
			{"type":"totp","secret":"` + secretText + `","period":30,"digits":6,"algorithm":"sha1","username":"bob"}]},{"title":"Note","credentials":[{"type":"note"}]}]}]}`, "cxf", shop + "\n1 others"},
		{"CXF, one account", `{"items":[{"title":"x","credentials":[{"type":"totp","secret":"` + secretText + `","algorithm":"sha1","issuer":"Shop","username":"bob"}]}],"collections":[]}`, "cxf", shop},
		{"Enpass", `{"folders":[],"items":[{"title":"Shop","fields":[{"type":"username","value":"bob"},{"type":"totp","value":"` + secretText + `"}]},
			{"title":"Old","trashed":1,"fields":[{"type":"totp","value":"AAAA"}]},{"title":"Password"}]}`, "enpass", shop + "\n2 others"},
		{"Authenticator Extension", `{"3f1a-a":{"type":"totp","issuer":"Shop::shop.example","account":"bob","secret":"` + secretText + `","index":1,"encrypted":false,"hash":"a"},
			"b":{"type":5,"account":"hex","secret":"48656c6c6f21deadbeef","index":0,"digits":8,"algorithm":"SHA256"},
			"c":{"type":"totp","account":"blz","secret":"bliz-` + secretText + `","index":2},"d":{"type":"totp","account":"gost","secret":"AAAA","algorithm":"4","index":3}}`, "authenticator-extension",
			"otpauth://totp/hex?secret=" + secretText + "&algorithm=SHA256&digits=8&period=30\n" + shop + "\notpauth://totp/blz?secret=" + secretText +
				"&algorithm=SHA1&digits=8&period=30\nentry 4, gost: algorithm GOST is not supported"},
		{"pass", "hunter2\nuser: bob\notpauth://totp/Shop:bob?secret=" + secretText, "pass", shop},
		{"pass, with a password like JSON", "{[unter2\notpauth://totp/Shop:bob?secret=" + secretText, "pass", shop},
		{"gopass", "hunter2\ntotp: " + secretText + "\n", "pass", "otpauth://totp/entry:?secret=" + secretText + "&issuer=entry" + plainSettings},
		{"gopass, its other way", "hunter2\notpauth: //totp/Shop:bob?secret=" + secretText + "\n", "pass", shop},
		{"Bitwarden's CSV", "folder,favorite,type,name,notes,fields,login_uri,login_username,login_password,login_totp\n,,login,Shop,\"two\nlines\",,,bob,pw," + secretText + "\n,,note,Note,,,,,,\n", "bitwarden", shop + "\n1 others"},
		{"Bitwarden Authenticator's CSV, with more cells", "folder,favorite,type,name,login_uri,login_totp\n,,1,Shop,,,,," + shop + ",Shop,30,6\n", "bitwarden", shop},
		{"1Password's CSV", "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\nShop,,bob,pw," + secretText + ",false,false,,\n", "1password", shop},
		{"Apple's CSV", "Title,URL,Username,Password,Notes,OTPAuth\nx,,y,pw,," + shop + "\n", "apple-passwords", shop},
		{"LastPass's CSV", "url,username,password,totp,extra,name,grouping,fav\nhttps://shop.example,bob,pw," + secretText + ",,Shop,,0\n", "lastpass", shop},
		{"Dashlane's CSV", "\ufeffusername,username2,username3,title,password,note,url,category,otpSecret\nbob,,,Shop,pw,,,," + secretText + "\n", "dashlane", shop},
		{"Proton Pass's CSV", "type,name,url,email,username,password,note,totp,createTime,modifyTime,vault\nlogin,Shop,,,bob,pw,," + secretText + ",1,1,\n", "proton-pass", shop},
		{"KeePassXC's CSV", `"Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified","Created"` + "\n" + `"Root","Shop","bob","pw","","","` + shop + `","0","",""` + "\n", "keepassxc", shop},
		{"NordPass's CSV", "name,url,username,password,note,cardholdername,cardnumber\n", "nordpass",
			"error: this format is not supported: NordPass leaves the codes out of its export: enroll each account anew at its site"},
		{"Raivo's JSON", `[{"kind":"TOTP","algorithm":"SHA1","timer":"30","digits":"6","issuer":"Shop","account":"bob","secret":"` + secretText + `","counter":"0"},
			{"kind":"PUSH","timer":"30","issuer":"Push"},{"kind":"TOTP","timer":"-1","secret":"` + secretText + `"}]`, "raivo",
			shop + "\nentry 2, Push: type \"PUSH\" is not supported\nentry 3: period is not a whole number up to 86400"},
		{"Authy's servers, opened", `{"message":"success","authenticator_tokens":[{"account_type":"x","name":"Shop: bob","original_name":"Shop:bob","issuer":"Shop","digits":6,"decrypted_seed":"` + secretText + `"}],"deleted":[]}`, "authy", shop},
		{"Authy's own", `<?xml version='1.0'?><map><string name="` + authyOwnPrefs + `">[{"name":"Twitch","digits":7,"secretSeed":"48656c6c6f21deadbeef"},{"name":"x"}]</string></map>`, "authy",
			"otpauth://totp/Twitch:?secret=" + secretText + "&issuer=Twitch&algorithm=SHA1&digits=7&period=10\nentry 2, x: no secret"},
		{"Authy, an issuer in the name only", `<map><string name="` + authyPrefs + `">[{"originalName":"bob","name":"Shop - bob","digits":6,"decryptedSecret":"` + secretText + `"}]</string></map>`, "authy", shop},
		{"FreeOTP's settings", `<map><string name="Shop:bob">{&quot;issuerExt&quot;:&quot;Shop&quot;,&quot;label&quot;:&quot;bob&quot;,&quot;secret&quot;:[72,101,108,108,111,33,-34,-83,-66,-17],&quot;type&quot;:&quot;TOTP&quot;}</string>
			<string name="bad">{</string><string name="tokenOrder">[]</string><int name="x" value="1"/></map>`, "freeotp", shop + "\nentry 2, bad: it is not as this format has it"},
		{"Battle.net, not masked so", `<map><string name="` + battlePrefs + `DEVICE_SECRET">zz</string></map>`, "battle-net", "entry 1, Battle.net: no secret"},
		{"XML that is cut short", `<map><string name="` + authyPrefs + `">[`, "authy", "error: refused: it is damaged, or cut short: its XML is not whole"},
		{"XML of entities", `<!DOCTYPE x [<!ENTITY a "b">]><map><string name="` + authyPrefs + `">&a;</string></map>`, "authy", "error: refused: it is damaged, or cut short: its XML is not whole"},
		{"XML nested too deeply", `<map><!-- ` + authyPrefs + ` -->` + strings.Repeat("<a>", 10), "authy", "error: refused: XML of over 8 levels"},
		{"Symantec VIP", "version 1\nsecret " + secretText + "\nid VSST12345678\nexpiry 2029-01-01T00:00:00\n", "symantec-vip", strings.ReplaceAll(uri("VIP Access:VSST12345678", plainSettings), "VIP Access", "VIP%20Access")},
		{"Symantec VIP, newer", "version 2\nsecret x\n", "symantec-vip", "error: this format is not supported: a newer .vipaccess file"},
		{"UTF-16", string(asUTF16le(`{"tokens":[],"tokenOrder":[]}`)), "freeotp", "error: there is no account in it"},
		{"JSON that is cut short", `{"schemaVersion":4,"services":[`, "", "error: refused: it is damaged, or cut short: its JSON is not whole"},
		{"nested too deeply", strings.Repeat("[", 65), "", "error: refused: JSON of over 64 levels"},
		{"JSON of something else", `{"a":1}`, "", "error: no file of accounts in a known format"},
		{"nothing", "", "", "error: no file of accounts in a known format"},
		{"zeros", "\x00\x00\x00\x00", "", "error: no file of accounts in a known format"},
		{"labels that hold what they should not", `{"schemaVersion":1,"services":[{"name":"otpauth://totp/a?secret=AAAA","secret":"1"},{"name":"a\u0000b","secret":"1"}]}`, "2fas",
			"entry 1: secret has a digit at character 1 that base32 does not: base32 has no 0, 1, 8 or 9\nentry 2: secret has a digit at character 1 that base32 does not: base32 has no 0, 1, 8 or 9"},
	}
	for _, tt := range tests {
		r, err := Read(Source{Name: "entry.txt", Data: []byte(tt.data)}, "")
		got := full(r)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want || r.Format != tt.format {
			t.Errorf("%s: Read = %s\n%s\nwant %s\n%s", tt.name, r.Format, got, tt.format, tt.want)
		}
		if again, err2 := Read(Source{Name: "entry.txt", Data: []byte(tt.data)}, tt.format); tt.format != "" && (!reflect.DeepEqual(again, r) || fmt.Sprint(err2) != fmt.Sprint(err)) {
			t.Errorf("%s: Read with its name = %s, %v", tt.name, full(again), err2)
		}
	}
}

func asUTF16le(text string) (data []byte) {
	for _, c := range []byte(text) {
		data = append(data, c, 0)
	}
	return data
}

// sealCryptoJS seals as openCryptoJS opens.
func sealCryptoJS(plain string, phrase []byte) string {
	salt := []byte("saltsalt")
	var derived, last []byte
	for len(derived) < 48 {
		sum := md5.Sum(append(append(append([]byte(nil), last...), phrase...), salt...))
		last = sum[:]
		derived = append(derived, last...)
	}
	pad := 16 - len(plain)%16
	data := append([]byte(plain), strings.Repeat(string(rune(pad)), pad)...)
	block, _ := aes.NewCipher(derived[:32])
	cipher.NewCBCEncrypter(block, derived[32:48]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(append([]byte("Salted__saltsalt"), data...))
}

const opensslSealed = "U2FsdGVkX18BAgMEBQYHCAUz8/jigyZyD04QHb3/TnbgLYL+7POXnisXQCacuBa2"

func TestOpenCryptoJSOfOpenSSL(t *testing.T) {
	// printf JBSWY3DPEHPK3PXP | openssl enc -aes-256-cbc -md md5 -S 0102030405060708 -pass pass:test -base64, the head put before it
	got, ok := openCryptoJS(opensslSealed, []byte("test"))
	if !ok || string(got) != secretText {
		t.Errorf("openCryptoJS = %q, %v; want %q", got, ok, secretText)
	}
}

// TestSealedExtension seals in the app's three ways.
func TestSealedExtension(t *testing.T) {
	const entry = `{"type":"totp","issuer":"Shop","account":"bob","secret":"` + secretText + `","encrypted":true,"dataType":"OTPStorage"}`
	v1 := `{"a":{"type":"totp","issuer":"Shop","account":"bob","encrypted":true,"hash":"x","secret":"` + sealCryptoJS(secretText, []byte("right")) + `"}}`

	key := []byte("0123456789abcdef0123456789abcdef")
	v2 := `{"a":{"type":"totp","issuer":"Shop","account":"bob","encrypted":true,"secret":"` + sealCryptoJS(secretText, hex.AppendEncode(nil, key)) + `"},
		"key":{"enc":"` + sealCryptoJS(string(key), []byte("right")) + `","hash":"$argon2id$x"}}`

	salt := []byte("\x01\xff\x80salt of it")
	phrase := base64.RawStdEncoding.AppendEncode(nil, argon2.IDKey([]byte("right"), salt, 1, 64, 1, 24))
	check := argon2.IDKey(phrase, []byte("another salt"), 1, 64, 1, 24)
	v3 := `{"k":{"dataType":"Key","id":"k","salt":"\u0001ÿ\u0080salt of it","version":3,"hash":"$argon2id$v=19$m=64,t=1,p=1$` +
		base64.RawStdEncoding.EncodeToString([]byte("another salt")) + "$" + base64.RawStdEncoding.EncodeToString(check) + `"},
		"a":{"dataType":"EncOTPStorage","keyId":"k","index":0,"data":"` + sealCryptoJS(entry, phrase) + `"},
		"b":{"dataType":"EncOTPStorage","keyId":"lost","index":1,"data":"` + sealCryptoJS(entry, []byte("x")) + `"}}`

	want := uri("Shop:bob", plainSettings)
	for i, data := range []string{v1, v2, v3} {
		r, err := Read(Source{Data: []byte(data), Password: givePassword("right")}, "")
		expected := want
		if i == 2 {
			expected += "\nentry 2: it does not open with this password"
		}
		if got := full(r); err != nil || got != expected || r.Format != "authenticator-extension" {
			t.Errorf("version %d: %s %s, %v; want %s", i+1, r.Format, got, err, expected)
		}
		if _, err := Read(Source{Data: []byte(data), Password: givePassword("wrong")}, ""); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("version %d: %v; want ErrWrongPassword", i+1, err)
		}
		if _, err := Read(Source{Data: []byte(data)}, ""); !errors.Is(err, ErrNeedsPassword) {
			t.Errorf("version %d: %v; want ErrNeedsPassword", i+1, err)
		}
	}
	bomb := strings.Replace(v3, "m=64,", "m=4194304,", 1)
	if _, err := Read(Source{Data: []byte(bomb), Password: givePassword("right")}, ""); !errors.Is(err, ErrRefused) {
		t.Errorf("4 GiB of memory: %v; want ErrRefused", err)
	}
}

// TestSealedSteam seals as Steam Desktop Authenticator does.
func TestSealedSteam(t *testing.T) {
	salt, iv := []byte("8 bytes."), []byte("sixteen bytes...")
	key, err := pbkdf2.Key(sha1.New, "right", salt, 50_000, 32)
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte(`{"shared_secret":"SGVsbG8h3q2+7w==","account_name":"bob"}`)
	pad := 16 - len(plain)%16
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, _ := aes.NewCipher(key)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	entry := func(name string) string {
		return fmt.Sprintf(`{"filename":%q,"encryption_salt":%q,"encryption_iv":%q}`, name, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(iv))
	}
	s := Source{Name: "1.maFile", Data: []byte(base64.StdEncoding.EncodeToString(plain)), Password: givePassword("right"),
		KeyFile: []byte(`{"encrypted":true,"first_run":false,"entries":[` + entry("0.maFile") + "," + entry("1.maFile") + `]}`)}
	r, err := Read(s, "steam-mafile")
	if want := uri("Steam:bob", "&algorithm=SHA1&digits=5&period=30&encoder=steam"); err != nil || full(r) != want {
		t.Errorf("Read = %s, %v; want %s", full(r), err, want)
	}
	for _, tt := range []struct {
		name   string
		change func(*Source)
		want   error
	}{
		{"wrong password", func(s *Source) { s.Password = givePassword("wrong") }, ErrWrongPassword},
		{"no password", func(s *Source) { s.Password = nil }, ErrNeedsPassword},
		{"no manifest", func(s *Source) { s.KeyFile = nil }, ErrUnsupported},
		{"a manifest without it", func(s *Source) { s.Name = "2.maFile" }, ErrRefused},
		{"a manifest that is none", func(s *Source) { s.KeyFile = []byte("[") }, ErrRefused},
		{"cut short", func(s *Source) { s.Data = s.Data[:20] }, ErrRefused},
		{"the manifest itself", func(s *Source) { s.Data = s.KeyFile }, ErrUnsupported},
	} {
		changed := s
		tt.change(&changed)
		if r, err := Read(changed, map[bool]string{true: "steam-mafile"}[tt.name != "the manifest itself"]); !errors.Is(err, tt.want) {
			t.Errorf("%s: Read = %s, %v; want %v", tt.name, full(r), err, tt.want)
		}
	}
}

func FuzzSteamManifest(f *testing.F) {
	f.Add([]byte(`{"entries":[{"filename":"1.maFile","encryption_salt":"AAAAAAAAAAA=","encryption_iv":"AAAAAAAAAAAAAAAAAAAAAA=="}]}`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		if salt, iv, err := steamManifest(manifest, "1.maFile"); err == nil && (len(salt) < 8 || len(iv) != 16) {
			t.Fatalf("%d bytes of salt, %d of IV", len(salt), len(iv))
		}
	})
}

func TestFormatsAreUnique(t *testing.T) {
	names := Formats()
	if len(names) < 20 {
		t.Errorf("Formats = %v", names)
	}
	for _, n := range names {
		if n != strings.ToLower(n) || strings.ContainsAny(n, " _") || !account.Showable(n) {
			t.Errorf("format %q", n)
		}
	}
}

func TestWhatIsNotReadIsNamed(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"WebP", "RIFF\x24\x00\x00\x00WEBPVP8 ", "save it as PNG"},
		{"HEIC", "\x00\x00\x00\x18ftypheic", "save it as PNG"},
		{"PGP", "-----BEGIN PGP MESSAGE-----\n", "decrypt it with gpg"},
		{"PGP with a password", "\x8c\x0d\x04\x09\x03\x02", "decrypt it with gpg"},
		{"KDB", "\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5\x03\x00", "it is a database of KeePass 1: import it into KeePassXC"},
		{"KDBX 5", "\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x00\x00\x05\x00", "it is KDBX of version 5"},
		{"SQLite", "SQLite format 3\x00", "the database of a phone's app"},
	}
	for _, tt := range tests {
		got, err := Read(Source{Data: []byte(tt.data)}, "")
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), tt.want) || len(got.Accounts) != 0 {
			t.Errorf("%s: %+v, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}
