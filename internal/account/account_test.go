package account

import (
	"strings"
	"testing"
	"time"
)

func TestNewHasTheDefaults(t *testing.T) {
	tests := []struct {
		typ    Type
		digits int
		period time.Duration
	}{
		{TOTP, 6, 30 * time.Second},
		{HOTP, 6, 0},
		{Steam, 5, 30 * time.Second},
		{MOTP, 6, 10 * time.Second},
		{Yandex, 8, 30 * time.Second},
	}
	algorithms := map[Type]Algorithm{MOTP: MD5, Yandex: SHA256, TOTP: SHA1, HOTP: SHA1, Steam: SHA1}
	for _, tt := range tests {
		a := New(tt.typ, " GitHub", "alice ", NewSecret(make([]byte, 16)))
		if a.Type != tt.typ || a.Digits != tt.digits || a.Period != tt.period || a.Algorithm != algorithms[tt.typ] || a.Issuer != "GitHub" || a.Name != "alice" {
			t.Errorf("New(%s) = %+v; want %d digits, %s, %s", tt.typ, a, tt.digits, tt.period, algorithms[tt.typ])
		}
		if err := a.Validate(); err != nil {
			t.Errorf("New(%s) is not valid: %v", tt.typ, err)
		}
	}
}

func TestLabel(t *testing.T) {
	for _, tt := range []struct{ issuer, name, want string }{
		{"GitHub", "alice", "GitHub (alice)"},
		{"GitHub", "", "GitHub"},
		{"", "alice", "alice"},
		{"", "", "unnamed account"},
	} {
		if got := New(TOTP, tt.issuer, tt.name, Secret{}).Label(); got != tt.want {
			t.Errorf("Label of %q, %q = %q; want %q", tt.issuer, tt.name, got, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	as := func(typ Type) func(*Account) {
		return func(a *Account) { *a = New(typ, a.Issuer, a.Name, a.Secret) }
	}
	both := func(first, then func(*Account)) func(*Account) {
		return func(a *Account) { first(a); then(a) }
	}
	tests := []struct {
		name   string
		change func(*Account)
		want   string // in the error; "" for a valid account
	}{
		{"the defaults", func(*Account) {}, ""},
		{"labels of 256 bytes", func(a *Account) { a.Issuer, a.Name = strings.Repeat("é", 128), strings.Repeat("n", 256) }, ""},
		{"letters of other scripts, joiners and marks", func(a *Account) { a.Issuer, a.Name = "גוגל\u200f", "👩\u200d💻" }, ""},
		{"4 digits", func(a *Account) { a.Digits = 4 }, ""},
		{"10 digits", func(a *Account) { a.Digits = 10 }, ""},
		{"period of 1 s", func(a *Account) { a.Period = time.Second }, ""},
		{"period of a day", func(a *Account) { a.Period = 86400 * time.Second }, ""},
		{"SHA512", func(a *Account) { a.Algorithm = SHA512 }, ""},
		{"secret of 1 byte", func(a *Account) { a.Secret = NewSecret([]byte{0}) }, ""},
		{"secret of 1024 bytes", func(a *Account) { a.Secret = NewSecret(make([]byte, 1024)) }, ""},
		{"counter 2^64-1", both(as(HOTP), func(a *Account) { a.Counter = 1<<64 - 1 }), ""},
		{"Steam", as(Steam), ""},
		{"motp with a PIN", both(as(MOTP), func(a *Account) { a.PIN = NewSecret([]byte("1234")) }), ""},
		{"motp without one", as(MOTP), ""},

		{"long issuer", func(a *Account) { a.Issuer = strings.Repeat("é", 129) }, "issuer of 258 bytes"},
		{"long name", func(a *Account) { a.Name = strings.Repeat("n", 257) }, "name of 257 bytes"},
		{"invalid UTF-8", func(a *Account) { a.Name = "caf\xe9" }, "name is not valid UTF-8"},
		{"line break", func(a *Account) { a.Name = "a\nb" }, "name holds a control character"},
		{"escape sequence", func(a *Account) { a.Issuer = "a\x1b[31m" }, "issuer holds a control character"},
		{"C1 control", func(a *Account) { a.Issuer = "a\u009bm" }, "issuer holds a control character"},
		{"text turned round", func(a *Account) { a.Name = "a\u202emoc" }, "name holds a control character"},
		{"text set apart", func(a *Account) { a.Name = "a\u2067moc\u2069" }, "name holds a control character"},
		{"space at the end", func(a *Account) { a.Name = "alice " }, "begins or ends with a space"},
		{"no secret", func(a *Account) { a.Secret = Secret{} }, "no secret"},
		{"secret of 1025 bytes", func(a *Account) { a.Secret = NewSecret(make([]byte, 1025)) }, "1025 bytes"},
		{"no type", func(a *Account) { a.Type = "" }, `type "" is not supported`},
		{"unknown type", func(a *Account) { a.Type = "push" }, `type "push" is not supported`},
		{"MD5 elsewhere", func(a *Account) { a.Algorithm = MD5 }, `algorithm "MD5" is not supported`},
		{"a PIN elsewhere", func(a *Account) { a.PIN = NewSecret([]byte("1234")) }, "totp has no PIN"},
		{"long PIN", both(as(MOTP), func(a *Account) { a.PIN = NewSecret(make([]byte, 65)) }), "PIN of 65 bytes"},
		{"PIN of other characters", both(as(Yandex), func(a *Account) { a.PIN = NewSecret([]byte("12\x0034")) }), "PIN holds a character"},
		{"motp of 8 digits", both(as(MOTP), func(a *Account) { a.Digits = 8 }), "motp codes are always"},
		{"yandex of 6 digits", both(as(Yandex), func(a *Account) { a.Digits = 6 }), "yandex codes are always"},
		{"short yandex secret", both(as(Yandex), func(a *Account) { a.Secret = NewSecret(make([]byte, 15)) }), "yandex secret of 15 bytes"},
		{"algorithm in another spelling", func(a *Account) { a.Algorithm = "sha1" }, `algorithm "sha1" is not supported`},
		{"3 digits", func(a *Account) { a.Digits = 3 }, "3 digits"},
		{"11 digits", func(a *Account) { a.Digits = 11 }, "11 digits"},
		{"period of 0", func(a *Account) { a.Period = 0 }, "period of 0s"},
		{"half seconds", func(a *Account) { a.Period = 1500 * time.Millisecond }, "period of 1.5s"},
		{"period over a day", func(a *Account) { a.Period = 86401 * time.Second }, "period of 24h0m1s"},
		{"negative period", func(a *Account) { a.Period = -30 * time.Second }, "period of -30s"},
		{"totp with a counter", func(a *Account) { a.Counter = 1 }, "totp has no counter"},
		{"hotp with a period", func(a *Account) { a.Type = HOTP }, "hotp has no period"},
		{"Steam of 6 digits", both(as(Steam), func(a *Account) { a.Digits = 6 }), "steam codes are always"},
		{"Steam with SHA256", both(as(Steam), func(a *Account) { a.Algorithm = SHA256 }), "steam codes are always"},
	}
	for _, tt := range tests {
		a := New(TOTP, "GitHub", "alice", newCanary())
		tt.change(&a)
		err := a.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: Validate = %v; want %q", tt.name, err, tt.want)
		}
	}
}

func TestParseAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Algorithm // "" for an error
	}{
		{"SHA1", SHA1}, {"sha1", SHA1}, {"SHA-1", SHA1}, {"HmacSHA1", SHA1}, {"HMAC-SHA-1", SHA1}, {"Algorithm.sha1", SHA1},
		{"SHA256", SHA256}, {"sha-256", SHA256}, {"HmacSHA256", SHA256}, {"hmac_sha_256", SHA256}, {"Algorithm.sha256", SHA256},
		{" SHA512 ", SHA512}, {"HMAC-SHA-512", SHA512},
		{"MD5", ""}, {"HmacMD5", ""}, {"SHA224", ""}, {"SHA384", ""}, {"SHA512/256", ""}, {"SHA3-256", ""},
		{"SHA", ""}, {"1", ""}, {"SHA2", ""}, {"SHA10", ""}, {"", ""}, {"steam", ""},
	} {
		got, err := ParseAlgorithm(tt.text)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ParseAlgorithm(%q) = %q, %v; want %q", tt.text, got, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), `"`+tt.text+`"`) {
			t.Errorf("ParseAlgorithm(%q): the error does not name it: %v", tt.text, err)
		}
	}
	if _, err := ParseAlgorithm("JBSWY3DPEHPK3PXP"); err == nil || strings.Contains(err.Error(), "JBSW") {
		t.Errorf("ParseAlgorithm of what may be a secret: %v; want an error without it", err)
	}
}
