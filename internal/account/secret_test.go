package account

import (
	"bytes"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// canary is a secret that no output may hold, in any spelling.
const canary = "canary-of-the-secret"

func newCanary() Secret { return NewSecret([]byte(canary)) }

func checkHidden(t *testing.T, what, got string) {
	t.Helper()
	b := []byte(canary)
	for _, leak := range []string{
		canary,
		hex.EncodeToString(b),
		base32.StdEncoding.EncodeToString(b)[:16],
		strings.Trim(fmt.Sprint(b), "[]"), // 99 97 110 …
		strings.Trim(fmt.Sprintf("%#v", b), "[]byte{}"),
		strings.Trim(fmt.Sprintf("% x", b), " "),
		strings.Trim(fmt.Sprintf("%o", b), "[]"),
		strings.Trim(fmt.Sprintf("%b", b), "[]"),
	} {
		if strings.Contains(strings.ToLower(got), strings.ToLower(leak)) {
			t.Errorf("%s shows the secret: %s", what, got)
		}
	}
}

func TestSecretPrintsAsSecretUnderEveryVerb(t *testing.T) {
	s := newCanary()
	for _, verb := range "vsqxXdobcUeEfFgGtO" {
		for _, flags := range []string{"", "+", "#", " ", "0", "-30", "30.5", "+#"} {
			format := "%" + flags + string(verb)
			for _, arg := range []any{s, &s} {
				if got := fmt.Sprintf(format, arg); got != "*****" {
					t.Errorf("Sprintf(%q, %T) = %q; want *****", format, arg, got)
				}
			}
		}
	}
	for got, want := range map[string]string{
		fmt.Sprint(s):                                 "*****",
		s.String():                                    "*****",
		fmt.Errorf("enrolling: %v", s).Error():        "enrolling: *****",
		fmt.Sprintf("%v", []Secret{s, s}):             "[***** *****]",
		fmt.Sprintf("%+v", map[string]Secret{"a": s}): "map[a:*****]",
		fmt.Sprintf("%T", s):                          "account.Secret",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

// holder keeps a secret where fmt cannot call its Format.
type holder struct {
	secret Secret
	list   []Secret
	deep   *Account
	any    any
}

func TestSecretStaysHiddenWhereverItSits(t *testing.T) {
	s := newCanary()
	a := New(TOTP, "GitHub", "alice", s)
	hidden := holder{s, []Secret{s}, &a, s}
	for _, arg := range []any{s, &s, a, &a, []Account{a}, []*Account{&a}, map[string]Account{"a": a}, hidden, &hidden, []any{s, a}} {
		for _, verb := range "vsqxXdobcUeEfFgGtOpwTz" {
			for _, flags := range []string{"", "+", "#", "# "} {
				format := "%" + flags + string(verb)
				checkHidden(t, fmt.Sprintf("%s of %T", format, arg), fmt.Sprintf(format, arg))
				checkHidden(t, fmt.Sprintf("Errorf %s of %T", format, arg), fmt.Errorf(format, arg).Error())
			}
		}
	}
	if got := fmt.Sprintf("%+v", a); !strings.Contains(got, "Secret:*****") {
		t.Errorf("Sprintf(%%+v, account) = %s; want Secret:***** in it", got)
	}
}

func TestSecretIsMarshalledAsSecret(t *testing.T) {
	a := New(TOTP, "GitHub", "alice", newCanary())
	got, err := json.Marshal(map[string]any{"account": a, "pointer": &a, "list": []Secret{a.Secret}})
	if err != nil {
		t.Fatal(err)
	}
	checkHidden(t, "json", string(got))
	if n := bytes.Count(got, []byte(`"*****"`)); n != 5 {
		t.Errorf("json = %s; want ***** five times, for three secrets and two PINs", got)
	}
	got, err = json.Marshal(map[string]error{"error": fmt.Errorf("of %v: %w", a, errors.New("x"))})
	if err != nil {
		t.Fatal(err)
	}
	checkHidden(t, "json of an error", string(got))
}

func TestSecretIsLoggedAsSecret(t *testing.T) {
	a := New(TOTP, "GitHub", "alice", newCanary())
	for name, formatter := range map[string]logrus.Formatter{"text": &logrus.TextFormatter{}, "json": &logrus.JSONFormatter{}} {
		var out bytes.Buffer
		log := logrus.New()
		log.SetOutput(&out)
		log.SetFormatter(formatter)
		log.WithFields(logrus.Fields{
			"secret": a.Secret, "pointer": &a.Secret, "account": a, "reference": &a, "list": []Account{a}, "holder": holder{secret: a.Secret},
		}).WithError(fmt.Errorf("with %v", a.Secret)).Errorf("message %v %+v", a.Secret, a)
		checkHidden(t, "logrus "+name, out.String())
		if !strings.Contains(out.String(), "*****") {
			t.Errorf("logrus %s = %s; want ***** in it", name, out.String())
		}
	}
	for name, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"json": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out, nil)).Error("message", "secret", a.Secret, "account", a, "holder", holder{secret: a.Secret})
		checkHidden(t, "slog "+name, out.String())
	}
}

func TestSecretBytes(t *testing.T) {
	given := []byte("abc")
	s := NewSecret(given)
	given[0] = 'x'
	if got := string(s.Bytes()); got != "abc" {
		t.Errorf("Bytes() = %q after the caller's slice changed; want abc", got)
	}
	copied := s
	if !s.Equal(NewSecret([]byte("abc"))) || s.Equal(NewSecret([]byte("abd"))) || s.Equal(Secret{}) || !(Secret{}).Equal(NewSecret(nil)) {
		t.Error("Equal does not compare the bytes")
	}
	if s.Len() != 3 || s.IsZero() || s.Base32() != "MFRGG" {
		t.Errorf("Len, IsZero, Base32 = %d, %v, %q; want 3, false, MFRGG", s.Len(), s.IsZero(), s.Base32())
	}
	kept := s.Bytes()
	s.Wipe()
	if !bytes.Equal(kept, make([]byte, 3)) || !s.IsZero() || !copied.IsZero() {
		t.Errorf("after Wipe: bytes %v, zero %v, copy zero %v; want zeros, true, true", kept, s.IsZero(), copied.IsZero())
	}
	Secret{}.Wipe()
	if !(Secret{}).IsZero() || (Secret{}).Base32() != "" || fmt.Sprint(Secret{}) != "*****" {
		t.Error("the zero Secret is not empty and hidden")
	}
}

func TestParseSecret(t *testing.T) {
	tests := []struct{ text, hex string }{
		{"JBSWY3DPEHPK3PXP", "48656c6c6f21deadbeef"},
		{"jbswy3dpehpk3pxp", "48656c6c6f21deadbeef"},
		{"jbsw y3dp\tehpk\r\n3pxp ", "48656c6c6f21deadbeef"},
		{"jbsw-y3dp+ehpk-3pxp", "48656c6c6f21deadbeef"},
		{"\u00a0JBSW\u202fY3DP\u200bEHPK3PXP\u3000", "48656c6c6f21deadbeef"}, // spaces of web pages
		{"MZXW6===", "666f6f"},                                               // RFC 4648, section 10
		{"MZXW6", "666f6f"},
		{"MZXW6= =-=", "666f6f"},
		{"MZXW6YTBOI=========", "666f6f626172"},
		{"MZXW7", "666f6f"}, // spare bits that are not zero
		{"JBS", "48"},       // lengths that whole bytes do not give
		{"JBSWY3", "48656c"},
		{"JDJDBDBDDBDBBXBXB", "48d2308c23184610dc37"},
		{"AA", "00"},
	}
	for _, tt := range tests {
		got, err := ParseSecret(tt.text)
		if err != nil || hex.EncodeToString(got.Bytes()) != tt.hex {
			t.Errorf("ParseSecret(%q) = %x, %v; want %s", tt.text, got.Bytes(), err, tt.hex)
		}
	}
}

func TestParseSecretSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "empty"},
		{" - ", "empty"},
		{"=", "empty"},
		{"J", "too short"},
		{"J=", "too short"},
		{"JBSWY3DP1", "character 9 that base32 does not: base32 has no 0, 1, 8 or 9"},
		{"JBSWY3DP8", "character 9"},
		{"JBSW Y3DP 0", "character 11"},
		{"JB$WY3DP", "not base32, at character 3"},
		{"JBSWY3DPEHPK3PXP!", "at character 17"},
		{"ЈBSWY3DP", "at character 1"}, // a Cyrillic letter
		{"ſBSWY3DP", "at character 1"}, // whose upper case is an S
		{"JBSWY3D\xff", "at character 8"},
		{"MZXW6=YQ", "after its padding, at character 7"},
		{strings.Repeat("A", 1640), "1025 bytes"},
		{strings.Repeat("A", 5000), "over 4096 characters"},
	}
	for _, tt := range tests {
		got, err := ParseSecret(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseSecret(%q) = %x, %v; want an error with %q", tt.text, got.Bytes(), err, tt.want)
		} else if len(tt.text) > 4 && strings.Contains(err.Error(), tt.text[:4]) {
			t.Errorf("ParseSecret(%q): the error shows the text: %v", tt.text, err)
		}
	}
	if s, err := ParseSecret(strings.Repeat("A", 1639)); err != nil || s.Len() != MaxSecretBytes {
		t.Errorf("ParseSecret of 1024 bytes = %d bytes, %v", s.Len(), err)
	}
}

// fixedError matches all that ParseSecret says: nothing of the text fits in.
var fixedError = regexp.MustCompile(`^secret (is empty|is too short: a single character|of over 4096 characters|` +
	`of \d+ bytes, at most 1024 are allowed|goes on after its padding, at character \d+|` +
	`has a digit at character \d+ that base32 does not: base32 has no 0, 1, 8 or 9|has a character that is not base32, at character \d+)$`)

func FuzzParseSecret(f *testing.F) {
	for _, text := range []string{"", "JBSWY3DPEHPK3PXP", "jbsw y3dp-ehpk+3pxp", "MZXW6===", "JBSWY3DP1", "MZXW6=YQ", "Ј", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSecret(text)
		if err != nil {
			if !fixedError.MatchString(err.Error()) {
				t.Fatalf("ParseSecret(%q): the error is not one of the fixed sentences: %v", text, err)
			}
			return
		}
		if s.IsZero() || s.Len() > MaxSecretBytes {
			t.Fatalf("ParseSecret(%q) has %d bytes", text, s.Len())
		}
		// What it kept of the text is exactly what the library reads, spare bits aside.
		again, err := ParseSecret(s.Base32())
		if err != nil || !again.Equal(s) {
			t.Fatalf("ParseSecret(%q) does not survive Base32: %v", text, err)
		}
		kept := strings.Map(func(r rune) rune {
			switch {
			case 'a' <= r && r <= 'z':
				return r - 'a' + 'A'
			case 'A' <= r && r <= 'Z', '2' <= r && r <= '7':
				return r
			}
			return -1
		}, text)
		if whole := s.Base32(); !strings.HasPrefix(kept, whole[:len(whole)-1]) {
			t.Fatalf("ParseSecret(%q) changed the key", text)
		}
	})
}
