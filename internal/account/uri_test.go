package account

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	testB32   = "JBSWY3DPEHPK3PXP"
	testBytes = "Hello!\xde\xad\xbe\xef"

	testYandex = "6SB2IKNM6OBZPAVBVTOHDKS4FAAAAAAADFUTQMBTRY" // beemdevelopment/Aegis, YAOTPTest.java
)

// like returns an account with the test secret, the defaults, and a change.
func like(typ Type, issuer, name string, change func(*Account)) Account {
	a := New(typ, issuer, name, NewSecret([]byte(testBytes)))
	if change != nil {
		change(&a)
	}
	return a
}

func TestParseURI(t *testing.T) {
	const secret = "?secret=" + testB32
	alice := like(TOTP, "GitHub", "alice", nil)
	yandex, err := ParseSecret(testYandex)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*Account)) Account { return like(TOTP, "GitHub", "alice", change) }
	tests := []struct {
		name, text string
		want       Account
	}{
		// google-authenticator wiki, Key-Uri-Format
		{"the wiki's example", "otpauth://totp/ACME%20Co:john.doe@email.com?secret=JBSWY3DPEHPK3PXP&issuer=ACME%20Co&algorithm=SHA1&digits=6&period=30",
			like(TOTP, "ACME Co", "john.doe@email.com", nil)},
		{"all settings", "otpauth://totp/GitHub:alice" + secret + "&issuer=GitHub&algorithm=SHA512&digits=8&period=60",
			with(func(a *Account) { a.Algorithm, a.Digits, a.Period = SHA512, 8, time.Minute })},
		{"hotp", "otpauth://hotp/GitHub:alice" + secret + "&counter=18446744073709551615&period=30",
			like(HOTP, "GitHub", "alice", func(a *Account) { a.Counter = math.MaxUint64 })},
		{"hotp without a counter begins at 0", "otpauth://hotp/GitHub:alice" + secret, like(HOTP, "GitHub", "alice", nil)},
		{"a counter means nothing for totp", "otpauth://totp/GitHub:alice" + secret + "&counter=7", alice},
		{"empty parameters are not given", "otpauth://totp/GitHub:alice" + secret + "&issuer=&digits=&period&algorithm=&counter=", alice},

		{"encoded colon", "otpauth://totp/GitHub%3Aalice" + secret, alice},
		{"encoded colon in lower case", "otpauth://totp/GitHub%3aalice" + secret, alice},
		{"spaces after the colon", "otpauth://totp/GitHub:%20%20alice" + secret + "&issuer=GitHub", alice},
		{"the first colon divides", "otpauth://totp/a:b:c" + secret, like(TOTP, "a", "b:c", nil)},
		{"an issuer with a colon, known from the parameter", "otpauth://totp/a%3Ab:c" + secret + "&issuer=a%3Ab", like(TOTP, "a:b", "c", nil)},
		{"the parameter wins over the prefix", "otpauth://totp/Git:alice" + secret + "&issuer=GitHub", alice},
		{"issuer in the parameter only", "otpauth://totp/alice" + secret + "&issuer=GitHub", alice},
		{"name like the issuer", "otpauth://totp/GitHub" + secret + "&issuer=GitHub", like(TOTP, "GitHub", "GitHub", nil)},
		{"empty prefix", "otpauth://totp/:alice" + secret, like(TOTP, "", "alice", nil)},
		{"no name", "otpauth://totp/GitHub:" + secret, like(TOTP, "GitHub", "", nil)},
		{"no issuer", "otpauth://totp/alice" + secret, like(TOTP, "", "alice", nil)},
		{"empty label", "otpauth://totp/" + secret, like(TOTP, "", "", nil)},
		{"no path", "otpauth://totp" + secret, like(TOTP, "", "", nil)},
		{"slash in the label", "otpauth://totp/a/b:c" + secret, like(TOTP, "a/b", "c", nil)},

		{"secret in lower case with spaces", "otpauth://totp/GitHub:alice?secret=jbsw%20y3dp+ehpk 3pxp", alice},
		{"secret with dashes and padding", "otpauth://totp/GitHub:alice?secret=JBSW-Y3DP-EHPK-3PXP==%3D", alice},
		{"secret with spare bits", "otpauth://totp/GitHub:alice?secret=" + testB32 + "B", alice},
		{"plus in the issuer is a space", "otpauth://totp/alice" + secret + "&issuer=Air+Canada", like(TOTP, "Air Canada", "alice", nil)},
		{"plus in the label is a plus", "otpauth://totp/GitHub:alice+otp" + secret, like(TOTP, "GitHub", "alice+otp", nil)},
		{"encoded plus in the issuer", "otpauth://totp/alice" + secret + "&issuer=Canal%2B", like(TOTP, "Canal+", "alice", nil)},

		{"unencoded #", "otpauth://totp/GitHub:alice #1" + secret, like(TOTP, "GitHub", "alice #1", nil)},
		{"unencoded # in the issuer", "otpauth://totp/alice?issuer=C#&secret=" + testB32, like(TOTP, "C#", "alice", nil)},
		{"unencoded UTF-8 and &", "otpauth://totp/Crédit & Co:álice" + secret, like(TOTP, "Crédit & Co", "álice", nil)},
		{"stray %", "otpauth://totp/100%:50%2 %zz%" + secret, like(TOTP, "100%", "50%2 %zz%", nil)},
		{"&amp;", "otpauth://totp/GitHub:alice" + secret + "&amp;issuer=GitHub&amp;digits=8", with(func(a *Account) { a.Digits = 8 })},
		{"byte order mark and line end", "\ufeff otpauth://totp/GitHub:alice" + secret + "\r\n", alice},

		{"algorithm as Java names it", "otpauth://totp/GitHub:alice" + secret + "&algorithm=HmacSHA256", with(func(a *Account) { a.Algorithm = SHA256 })},
		{"algorithm as Dart prints it", "otpauth://totp/GitHub:alice" + secret + "&algorithm=Algorithm.sha512", with(func(a *Account) { a.Algorithm = SHA512 })},

		{"type steam", "otpauth://steam/Steam:alice" + secret, like(Steam, "Steam", "alice", nil)},
		{"type steam with another issuer", "otpauth://steam/Boeing:alice" + secret + "&digits=5&period=30&algorithm=SHA1", like(Steam, "Boeing", "alice", nil)},
		{"encoder=steam", "otpauth://totp/Valve:alice" + secret + "&encoder=steam", like(Steam, "Valve", "alice", nil)},
		{"steam=", "otpauth://totp/Valve:alice" + secret + "&steam=1", like(Steam, "Valve", "alice", nil)},
		{"steam=false", "otpauth://totp/Valve:alice" + secret + "&steam=false", like(TOTP, "Valve", "alice", nil)},
		{"issuer Steam", "otpauth://totp/steam:alice" + secret + "&digits=6", like(Steam, "steam", "alice", nil)},
		{"issuer Steam that has common codes", "otpauth://totp/Steam:alice" + secret + "&encoder=default", like(TOTP, "Steam", "alice", nil)},
		{"hotp of an issuer Steam", "otpauth://hotp/Steam:alice" + secret, like(HOTP, "Steam", "alice", nil)},
		{"steam://SECRET", "steam://" + testB32, like(Steam, "Steam", "", nil)},

		{"motp", "motp://GitHub:alice?secret=48656c6c6f21DEADBEEF", like(MOTP, "GitHub", "alice", nil)},
		{"motp of andOTP", "otpauth://motp/GitHub:alice?secret=48656c6c6f21deadbeef&digits=6&algorithm=MD5", like(MOTP, "GitHub", "alice", nil)},
		{"motp with its PIN", "otpauth://motp/GitHub:alice?secret=48656c6c6f21deadbeef&pin=1234",
			like(MOTP, "GitHub", "alice", func(a *Account) { a.PIN = NewSecret([]byte("1234")) })},
		{"yandex", "otpauth://yaotp/alice?secret=" + testYandex + "&issuer=Yandex&pin=GUZDGOI&pin_length=4",
			like(Yandex, "Yandex", "alice", func(a *Account) { a.Secret, a.PIN = yandex, NewSecret([]byte("5239")) })},
		{"vendors' parameters", "otpauth://totp/GitHub:alice" + secret + "&image=https%3A%2F%2Fx.example%2Fi.png&icon=a&icon=b&color=red&codeDisplay=%7B%22tags%22%3A%5B%5D%7D&serial=1&deviceid=2&data=3&tags=4", alice},
		{"the same parameter twice", "otpauth://totp/GitHub:alice" + secret + "&secret=" + testB32, alice},
		{"no slashes", "otpauth:totp/GitHub:alice" + secret, alice},
		{"Apple's scheme", "apple-otpauth://totp/GitHub:alice" + secret, alice},
		{"upper case", "OTPAUTH://TOTP/GitHub:alice?SECRET=" + testB32, alice},
	}
	for _, tt := range tests {
		got, err := ParseURI(tt.text)
		if err != nil || !reflect.DeepEqual(got, tt.want) || !got.Secret.Equal(tt.want.Secret) {
			t.Errorf("%s: ParseURI(%q) = %+v, %v; want %+v", tt.name, tt.text, got, err, tt.want)
		}
	}
}

func TestParseURISaysWhatIsWrong(t *testing.T) {
	const good = "otpauth://totp/GitHub:alice?secret=" + testB32
	const github = "GitHub (alice)"
	tests := []struct{ text, want, label string }{
		{"", "not an otpauth URI", ""},
		{testB32, "not an otpauth URI", ""},
		{"https://example.com/?secret=" + testB32, "not an otpauth URI", ""},
		{"motp://GitHub:alice?secret=" + testB32, "secret is not hexadecimal", github},
		{"motp://GitHub:alice?secret=e3152", "secret is not hexadecimal", github},
		{"motp://GitHub:alice", "no secret", ""},
		{"otpauth://yaotp/GitHub:alice?secret=" + testB32, "yandex secret of 10 bytes", github},
		{"otpauth://yaotp/GitHub:alice?secret=" + testYandex + "&pin=5239", "the PIN is not base32", github},
		{"phonefactor://activate?code=1", "phonefactor is Microsoft's approval by push", ""},
		{"otpauth-migration://offline?data=AAAA", "put it into a file for codefob import", ""},
		{"otpauth://webauthn/GitHub:alice?secret=" + testB32, `type "webauthn" is not supported`, github},
		{"otpauth://" + testB32, "type is not supported", ""},
		{"otpauth://totp/GitHub:alice", "no secret", ""},
		{"otpauth://totp/GitHub:alice?secret=", "no secret", ""},
		{"otpauth://totp/" + testB32, "no secret", ""},
		{"otpauth://totp/GitHub:alice?secret=JBSWY3DP1", "character 9", github},
		{"otpauth://totp/GitHub:alice?secret=J", "too short", github},
		{good + "&secret=" + testB32 + "AA", "two different values for secret", ""},
		{good + "&digits=6&digits=8", "two different values for digits", ""},
		{good + "&algorithm=MD5", `algorithm "MD5" is not supported`, github},
		{good + "&algorithm=SHA3-256", `algorithm "SHA3-256" is not supported`, github},
		{good + "&algorithm=" + testB32, "algorithm is not supported", github},
		{good + "&encoder=base10", `encoder "base10" is not supported`, github},
		{good + "&digits=3", "3 digits", github},
		{good + "&digits=0", "0 digits", github},
		{good + "&digits=11", "digits is not a whole number up to 10", github},
		{good + "&digits=six", "digits is not a whole number", github},
		{good + "&digits=-6", "digits is not a whole number", github},
		{good + "&period=0", "period of 0s", github},
		{good + "&period=86401", "period is not a whole number up to 86400", github},
		{good + "&period=9223372036854775808", "period is not a whole number up to 86400", github},
		{good + "&period=30.5", "period is not a whole number", github},
		{strings.Replace(good, "totp", "hotp", 1) + "&counter=18446744073709551616", "counter is not a whole number", github},
		{strings.Replace(good, "totp", "hotp", 1) + "&counter=-1", "counter is not a whole number", github},
		{strings.Replace(good, "totp", "hotp", 1) + "&encoder=steam", "needs a time, not a counter", github},
		{strings.Replace(good, "totp", "steam", 1) + "&algorithm=SHA256", "steam codes are always", github},
		{strings.Replace(good, "totp", "steam", 1) + "&period=60", "steam codes are always", github},
		{"otpauth://totp/a%00b?secret=" + testB32, "name holds a control character", ""},
		{"otpauth://totp/caf%E9?secret=" + testB32, "name is not valid UTF-8", ""},
		{"otpauth://totp/" + strings.Repeat("a", 257) + "?secret=" + testB32, "name of 257 bytes", ""},
		{good + "&issuer=" + strings.Repeat("a", 257), "issuer of 257 bytes", ""},
		{good + "&note=" + strings.Repeat("a", 64<<10), "URI of over 65536 bytes", ""},
		{"steam://rungameid/440", "not base32", ""},
		{"steam://", "secret is empty", ""},
	}
	for _, tt := range tests {
		got, err := ParseURI(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseURI(%.200q) = %+v, %v; want an error with %q", tt.text, got, err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), "JBSWY3DP") {
			t.Errorf("ParseURI(%.200q): the error shows the secret: %v", tt.text, err)
		}
		label := ""
		if got.Issuer != "" || got.Name != "" {
			label = got.Label()
		}
		if label != tt.label || !reflect.DeepEqual(got, Account{Issuer: got.Issuer, Name: got.Name}) {
			t.Errorf("ParseURI(%.200q) comes with %+v; want only the label %q", tt.text, got, tt.label)
		}
		if errors.Is(err, ErrNotURI) != (tt.want == ErrNotURI.Error()) {
			t.Errorf("ParseURI(%.200q): is %v ErrNotURI?", tt.text, err)
		}
	}
}

func TestURI(t *testing.T) {
	tests := []struct {
		account Account
		want    string
	}{
		{like(TOTP, "ACME Co", "a+b@c.d", nil), "otpauth://totp/ACME%20Co:a%2Bb%40c.d?secret=JBSWY3DPEHPK3PXP&issuer=ACME%20Co&algorithm=SHA1&digits=6&period=30"},
		{like(HOTP, "", "alice", func(a *Account) { a.Counter = 42 }), "otpauth://hotp/alice?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&counter=42"},
		{like(Steam, "Steam", "alice", nil), "otpauth://totp/Steam:alice?secret=JBSWY3DPEHPK3PXP&issuer=Steam&algorithm=SHA1&digits=5&period=30&encoder=steam"},
		{like(TOTP, "Steam", "alice", nil), "otpauth://totp/Steam:alice?secret=JBSWY3DPEHPK3PXP&issuer=Steam&algorithm=SHA1&digits=6&period=30&encoder=default"},
		{like(MOTP, "Work", "", func(a *Account) { a.PIN = NewSecret([]byte("1&4")) }), "otpauth://motp/Work:?secret=48656c6c6f21deadbeef&issuer=Work&pin=1%264"},
		{like(MOTP, "Work", "", nil), "otpauth://motp/Work:?secret=48656c6c6f21deadbeef&issuer=Work"},
		{like(Yandex, "", "a", func(a *Account) { a.Secret, a.PIN = NewSecret([]byte("1234567890123456")), NewSecret([]byte("5239")) }),
			"otpauth://yaotp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY&pin=GUZDGOI"},
	}
	for _, tt := range tests {
		if got := tt.account.URI(); got != tt.want {
			t.Errorf("URI() = %q; want %q", got, tt.want)
		}
	}
}

// checkRoundTrip writes an account and reads it back.
func checkRoundTrip(t *testing.T, a Account) {
	t.Helper()
	got, err := ParseURI(a.URI())
	if err != nil || !reflect.DeepEqual(got, a) || !got.Secret.Equal(a.Secret) {
		t.Fatalf("ParseURI(%q) = %+v, %v; want %+v", a.URI(), got, err, a)
	}
}

func FuzzParseURI(f *testing.F) {
	for _, text := range []string{
		"otpauth://totp/ACME%20Co:john@example.com?secret=JBSWY3DPEHPK3PXP&issuer=ACME+Co&algorithm=SHA-256&digits=8&period=60",
		"otpauth://hotp/a:b:c?secret=jbsw+y3dp&counter=18446744073709551615",
		"otpauth://totp/:a:b?secret=JBSWY3DP&amp;issuer=",
		"otpauth://steam/Steam:alice?secret=JBSWY3DP", "otpauth://totp/steam?issuer=STEAM&secret=JBSWY3DP&encoder=default",
		"apple-otpauth:totp?secret=AA", "steam://JBSWY3DP", "motp://a:b?secret=00&pin=1", "otpauth://yaotp/a?secret=" + testYandex + "&pin=GUZDGOI", "otpauth://totp/100%#?secret=AA&issuer=%", "\ufeffOTPAUTH:///",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseURI(text)
		if err != nil {
			if !reflect.DeepEqual(a, Account{Issuer: a.Issuer, Name: a.Name}) || checkText("", a.Issuer) != nil || checkText("", a.Name) != nil {
				t.Fatalf("ParseURI(%q) = %+v with the error %v; want only what can be shown", text, a, err)
			}
			if len(err.Error()) > 200 {
				t.Fatalf("ParseURI(%q): the error quotes too much: %v", text, err)
			}
			return
		}
		if err := a.Validate(); err != nil {
			t.Fatalf("ParseURI(%q) is not valid: %v", text, err)
		}
		if _, err := a.CodeAt(1); err != nil && !(a.NeedsPIN() && errors.Is(err, ErrPIN)) {
			t.Fatalf("ParseURI(%q) makes no codes: %v", text, err)
		}
		checkRoundTrip(t, a)
	})
}

func FuzzURIRoundTrip(f *testing.F) {
	f.Add("GitHub", "alice", []byte(testBytes), uint8(0), uint8(6), uint64(30))
	f.Add("a:b", ":c&amp;d", []byte{0}, uint8(1), uint8(10), uint64(math.MaxUint64))
	f.Add("STEAM", "a%41+b c#?/&=", []byte{255}, uint8(2), uint8(4), uint64(86400))
	f.Add("", "a:b", []byte{1, 2}, uint8(3), uint8(8), uint64(1))
	f.Add("é", "", []byte{1, 2}, uint8(5), uint8(5), uint64(7))
	f.Fuzz(func(t *testing.T, issuer, name string, key []byte, kind, digits uint8, n uint64) {
		a := New([]Type{TOTP, HOTP, Steam, MOTP, Yandex}[kind%5], issuer, name, NewSecret(key))
		switch a.Type {
		case HOTP:
			a.Counter = n
		case TOTP:
			a.Period = time.Duration(n%86400+1) * time.Second
		case MOTP, Yandex:
			a.PIN = NewSecret(strconv.AppendUint(nil, n, 36))
		}
		if a.Type == TOTP || a.Type == HOTP {
			a.Algorithm, a.Digits = []Algorithm{SHA1, SHA256, SHA512}[kind/5%3], int(digits)
		}
		if a.Validate() == nil {
			checkRoundTrip(t, a)
		}
	})
}
