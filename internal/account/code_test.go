package account

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	key20 = "12345678901234567890"
	key32 = key20 + "123456789012"
	key64 = key20 + key20 + key20 + "1234"
)

// of returns an account without labels.
func of(typ Type, key string, alg Algorithm, digits int, period time.Duration) Account {
	a := New(typ, "", "", NewSecret([]byte(key)))
	a.Algorithm, a.Digits, a.Period = alg, digits, period
	return a
}

func TestHOTPCodes(t *testing.T) {
	tests := []struct {
		counter uint64
		digits  int
		want    string
	}{
		{0, 6, "755224"}, // RFC 4226, appendix D
		{1, 6, "287082"},
		{2, 6, "359152"},
		{3, 6, "969429"},
		{4, 6, "338314"},
		{5, 6, "254676"},
		{6, 6, "287922"},
		{7, 6, "162583"},
		{8, 6, "399871"},
		{9, 6, "520489"},
		{0, 4, "5224"}, // the same, its decimals cut elsewhere
		{0, 10, "1284755224"},
		{7, 10, "0082162583"},
		{1 << 32, 6, "999456"}, // computed; checked against oathtool
		{1<<53 + 1, 6, "354518"},
		{math.MaxInt64, 6, "181742"},
		{math.MaxUint64, 6, "094451"},
	}
	for _, tt := range tests {
		got, err := of(HOTP, key20, SHA1, tt.digits, 0).CodeAt(tt.counter)
		if err != nil || got != tt.want {
			t.Errorf("CodeAt(%d) of %d digits = %q, %v; want %q", tt.counter, tt.digits, got, err, tt.want)
		}
	}
}

func TestTOTPCodes(t *testing.T) {
	keys := map[Algorithm]string{SHA1: key20, SHA256: key32, SHA512: key64}
	tests := []struct {
		unix int64
		alg  Algorithm
		want string
	}{
		{59, SHA1, "94287082"}, // RFC 6238, appendix B
		{59, SHA256, "46119246"},
		{59, SHA512, "90693936"},
		{1111111109, SHA1, "07081804"},
		{1111111109, SHA256, "68084774"},
		{1111111109, SHA512, "25091201"},
		{1111111111, SHA1, "14050471"},
		{1111111111, SHA256, "67062674"},
		{1111111111, SHA512, "99943326"},
		{1234567890, SHA1, "89005924"},
		{1234567890, SHA256, "91819424"},
		{1234567890, SHA512, "93441116"},
		{2000000000, SHA1, "69279037"},
		{2000000000, SHA256, "90698825"},
		{2000000000, SHA512, "38618901"},
		{20000000000, SHA1, "65353130"},
		{20000000000, SHA256, "77737706"},
		{20000000000, SHA512, "47863826"},
	}
	for _, tt := range tests {
		got, _, _, err := of(TOTP, keys[tt.alg], tt.alg, 8, 30*time.Second).Code(time.Unix(tt.unix, 0))
		if err != nil || got != tt.want {
			t.Errorf("Code(%d) with %s = %q, %v; want %q", tt.unix, tt.alg, got, err, tt.want)
		}
	}
}

func TestSteamCodes(t *testing.T) {
	tests := []struct {
		secret string
		unix   int64
		want   string
	}{
		{"63BEDWCQZKTQWPESARIERL5DTTQFCJTK", 1511200518, "FR8RV"}, // stratumauth/app, SteamOtpTest.cs
		{"63BEDWCQZKTQWPESARIERL5DTTQFCJTK", 1511200714, "9P3VP"},
		{"POMP2O7EV7SLBKBZW36PQ4EVNYTOJACU", 29, "TJKM9"}, // computed
		{"KFU3FABDMXBUV4U7ZN7NLPUAOAXFCT46", 253402300799, "Y7G7F"},
	}
	for _, tt := range tests {
		secret, err := ParseSecret(tt.secret)
		if err != nil {
			t.Fatal(err)
		}
		a := New(Steam, "Steam", "", secret)
		got, _, _, err := a.Code(time.Unix(tt.unix, 0))
		if err != nil || got != tt.want {
			t.Errorf("Code(%d) = %q, %v; want %q", tt.unix, got, err, tt.want)
		}
		if got, err := a.CodeAt(uint64(tt.unix / 30)); err != nil || got != tt.want {
			t.Errorf("CodeAt(%d) = %q, %v; want %q", tt.unix/30, got, err, tt.want)
		}
	}
}

func TestCodesWithAPIN(t *testing.T) {
	tests := []struct {
		uri  string
		unix int64
		want string
	}{
		{"otpauth://motp/?secret=e3152afee62599c8&pin=1234", 165892298, "e7d8b6"}, // beemdevelopment/Aegis, MOTPTest.java
		{"otpauth://motp/?secret=bbb1912bb5c515be&pin=9999", 1659540022, "ced7b1"},
		{"otpauth://yaotp/?secret=" + testYandex + "&pin=GUZDGOI", 1641559648, "umozdicq"}, // YAOTPTest.java
		{"otpauth://yaotp/?secret=JBGSAU4G7IEZG6OY4UAXX62JU4AAAAAAHTSG4HXU3M&pin=GUZDCMBUHAYTEMJWGA4DMNZQGI", 1581093059, "vunyprpd"},
	}
	for _, tt := range tests {
		a, err := ParseURI(tt.uri)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _, err := a.Code(time.Unix(tt.unix, 0)); err != nil || got != tt.want {
			t.Errorf("%s: Code(%d) = %q, %v; want %q", a.Type, tt.unix, got, err, tt.want)
		}
		a.PIN = Secret{}
		if got, err := a.CodeAt(1); !errors.Is(err, ErrPIN) || got != "" || !a.NeedsPIN() {
			t.Errorf("%s: CodeAt without the PIN = %q, %v; want ErrPIN", a.Type, got, err)
		}
	}
}

func TestCodeSaysWhenItIsGood(t *testing.T) {
	tests := []struct {
		at          time.Time
		period      time.Duration
		from, until int64
	}{
		{time.Unix(0, 0), 30 * time.Second, 0, 30},
		{time.Unix(29, 999_999_999), 30 * time.Second, 0, 30},
		{time.Unix(30, 0), 30 * time.Second, 30, 60},
		{time.Unix(1700000015, 5), time.Second, 1700000015, 1700000016},
		{time.Unix(1700000015, 0), 7 * time.Second, 1700000015, 1700000022},
		{time.Unix(1700000015, 0), 24 * time.Hour, 1699920000, 1700006400},
	}
	for _, tt := range tests {
		a := of(TOTP, key20, SHA1, 6, tt.period)
		code, from, until, err := a.Code(tt.at)
		if err != nil || from.Unix() != tt.from || until.Unix() != tt.until || from.Nanosecond() != 0 || until.Nanosecond() != 0 {
			t.Errorf("Code(%v) with %s is good from %d until %d, %v; want %d until %d",
				tt.at, tt.period, from.Unix(), until.Unix(), err, tt.from, tt.until)
		}
		for _, same := range []time.Time{from, until.Add(-1)} {
			if got, _, _, _ := a.Code(same); got != code {
				t.Errorf("Code changes within its period, at %v", same)
			}
		}
	}
}

func TestCodeRefuses(t *testing.T) {
	good := of(TOTP, key20, SHA1, 6, 30*time.Second)
	tests := []struct {
		name   string
		change func(*Account)
		unix   int64
		want   string
	}{
		{"a hotp account without its counter", func(a *Account) { a.Type, a.Period = HOTP, 0 }, 0, "counter"},
		{"a time before 1970", func(*Account) {}, -1, "before 1970"},
		{"an unknown algorithm", func(a *Account) { a.Algorithm = "SHA3" }, 0, `"SHA3"`},
		{"no algorithm", func(a *Account) { a.Algorithm = "" }, 0, "algorithm"},
		{"no digits", func(a *Account) { a.Digits = 0 }, 0, "0 digits"},
		{"no period", func(a *Account) { a.Period = 0 }, 0, "period"},
		{"no secret", func(a *Account) { a.Secret = Secret{} }, 0, "no secret"},
	}
	for _, tt := range tests {
		a := good
		tt.change(&a)
		code, from, until, err := a.Code(time.Unix(tt.unix, 0))
		if err == nil || !strings.Contains(err.Error(), tt.want) || code != "" || !from.IsZero() || !until.IsZero() {
			t.Errorf("%s: Code = %q, %v, %v, %v; want only an error with %q", tt.name, code, from, until, err, tt.want)
		}
	}
	if code, _, _, err := good.Code(time.Unix(-1, 999_999_999)); err == nil {
		t.Errorf("Code a nanosecond before 1970 = %q; want an error", code)
	}
}

// TestSharedVectors runs every group of ../shared/vectors/otp.json that has codes
// or base32 of ours.
func TestSharedVectors(t *testing.T) {
	data, err := os.ReadFile("../../../shared/vectors/otp.json")
	if err != nil {
		t.Skip("the shared vectors are not here: ", err)
	}
	type vector struct {
		Why, Type, Code string
		Secret          string `json:"secret_b32"`
		Algorithm       string
		Digits, Period  int
		Time            int64
		Counter         uint64
		PIN             string
		SecretHex       string `json:"secret_hex"`
	}
	type group struct {
		vector
		Seeds map[string]struct{ B32 string }
		Cases []vector
	}
	var all struct {
		HOTP   group `json:"rfc4226_appendix_d"`
		TOTP   group `json:"rfc6238_appendix_b"`
		Trap   group `json:"rfc6238_wrong_seed_trap"`
		Steam  group `json:"steam"`
		MOTP   group `json:"motp"`
		Yandex group `json:"yandex"`
		Edge   group `json:"edge_cases_computed"`
		Base32 struct {
			Cases, Either []struct{ Text, Hex string }
			Reject        []string
		} `json:"base32_tolerance"`
		Spare struct {
			Cases []struct{ Text, Hex string }
		} `json:"non_zero_spare_bits"`
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	run := func(name string, g group, typ Type) {
		t.Helper()
		if len(g.Cases) == 0 {
			t.Errorf("%s: no cases", name)
		}
		for _, v := range g.Cases {
			text, alg := g.Secret+v.Secret, v.Algorithm+g.Algorithm
			if seed, ok := g.Seeds[v.Algorithm]; ok {
				text = seed.B32
			}
			if text == "" {
				key, _ := hex.DecodeString(g.SecretHex + v.SecretHex)
				text = NewSecret(key).Base32()
			}
			secret, err := ParseSecret(text)
			if err != nil {
				t.Errorf("%s %s: %v", name, v.Why, err)
				continue
			}
			a := New(typ+Type(v.Type), "", "", secret)
			if v.PIN == "" {
				a.Algorithm, a.Digits = Algorithm(alg), v.Digits+g.Digits
			}
			a.PIN = NewSecret([]byte(v.PIN))
			var got string
			if a.Type == HOTP {
				got, err = a.CodeAt(v.Counter)
			} else {
				if v.PIN == "" {
					a.Period = time.Duration(v.Period+g.Period) * time.Second
				}
				got, _, _, err = a.Code(time.Unix(v.Time, 0))
			}
			if err != nil || got != v.Code {
				t.Errorf("%s %s: at %d, %d: %q, %v; want %q", name, v.Why, v.Time, v.Counter, got, err, v.Code)
			}
		}
	}
	run("rfc4226_appendix_d", all.HOTP, HOTP)
	run("rfc6238_appendix_b", all.TOTP, TOTP)
	run("rfc6238_wrong_seed_trap", all.Trap, TOTP)
	run("steam", all.Steam, Steam)
	run("motp", all.MOTP, MOTP)
	run("yandex", all.Yandex, Yandex)
	run("edge_cases_computed", all.Edge, "")

	texts := append(append(all.Base32.Cases, all.Base32.Either...), all.Spare.Cases...)
	for _, tt := range texts {
		want, _ := hex.DecodeString(tt.Hex)
		if got, err := ParseSecret(tt.Text); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("ParseSecret(%q) = %x, %v; want %s", tt.Text, got.Bytes(), err, tt.Hex)
		}
	}
	for _, text := range all.Base32.Reject {
		if got, err := ParseSecret(text); err == nil {
			t.Errorf("ParseSecret(%q) = %x; want an error", text, got.Bytes())
		}
	}
	if len(texts) != 15 || len(all.Base32.Reject) != 9 {
		t.Errorf("%d base32 texts and %d to reject; want 15 and 9", len(texts), len(all.Base32.Reject))
	}
}

func BenchmarkCode(b *testing.B) {
	now := time.Unix(1700000015, 0)
	for _, a := range []Account{
		of(TOTP, key20, SHA1, 6, 30*time.Second),
		of(TOTP, key64, SHA512, 8, 30*time.Second),
		of(Steam, key20, SHA1, 5, 30*time.Second),
	} {
		b.Run(string(a.Type)+string(a.Algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := a.Code(now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
