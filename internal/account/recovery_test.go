package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func texts(codes []Secret) (list []string) {
	for _, c := range codes {
		list = append(list, string(c.Bytes()))
	}
	return list
}

func TestParseRecoveryCodes(t *testing.T) {
	long := strings.Repeat("x", maxRecoveryLength)
	for _, tt := range []struct {
		name, text string
		want       string // with | between, or the error
	}{
		{"one a line", "abcd-1234\nefgh-5678\n", "abcd-1234|efgh-5678"},
		{"without an end of the last line", "abcd-1234\r\nefgh-5678", "abcd-1234|efgh-5678"},
		{"spaces around and blank lines", "\ufeff \tabcd-1234 \n\n   \n\tefgh-5678\t\n", "abcd-1234|efgh-5678"},
		{"a space within, as Google prints them", "1234 5678\n", "1234 5678"},
		{"numbered lines", "1. abcd\n 2) efgh\n12.  ijkl\n", "abcd|efgh|ijkl"},
		{"digits with a dot are a code", "12345.678\n1.2345", "12345.678|1.2345"},
		{"the same twice: the account tells", "abcd\nabcd", "abcd|abcd"},
		{"the shortest and the longest", "abcd\n" + long, "abcd|" + long},
		{"nothing", "", "no recovery code is in it"},
		{"blank lines only", " \n\t\n", "no recovery code is in it"},
		{"too short", "abcd\nabc", "line 2: 3 characters, a recovery code has 4 to 64"},
		{"a number alone", "1. \nabcd", "line 1: 2 characters"},
		{"too long", long + "x", "line 1: 65 characters"},
		{"two columns", "abcd  efgh", "line 1: there are several codes, or words"},
		{"a tab within", "abcd\tefgh", "line 1: a recovery code has letters"},
		{"a letter beyond ASCII", "abcd\nabcdé", "line 2: a recovery code has letters"},
		{"an escape sequence", "abcd\x1b[2J", "line 1: a recovery code has letters"},
		{"not UTF-8", "abcd\xff", "line 1: a recovery code has letters"},
		{"UTF-16", "a\x00b\x00c\x00d\x00", "line 1: a recovery code has letters"},
		{"as many as are kept", strings.Repeat("abcd\n", MaxRecoveryCodes), strings.Repeat("|abcd", MaxRecoveryCodes)[1:]},
		{"one more", strings.Repeat("abcd\n", MaxRecoveryCodes+1), "at most 100 recovery codes"},
	} {
		codes, err := ParseRecoveryCodes([]byte(tt.text))
		got := strings.Join(texts(codes), "|")
		if err != nil {
			got = err.Error()
			if len(tt.want) > len(got) || got[:len(tt.want)] != tt.want || len(codes) != 0 {
				t.Errorf("%s: %q and %d codes, want %q", tt.name, got, len(codes), tt.want)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestARecoveryCodeNeverPrints(t *testing.T) {
	codes, err := ParseRecoveryCodes([]byte("canary-1234"))
	if err != nil {
		t.Fatal(err)
	}
	a := like(TOTP, "GitHub", "alice", func(a *Account) { a.AddRecovery(codes) })
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		if text := fmt.Sprintf(verb, a); strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	if text, err := json.Marshal(a.RecoveryCodes); err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("JSON has %s, %v", text, err)
	}
	_, err = ParseRecoveryCodes([]byte("canary\x01"))
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error says %v", err)
	}
}

func TestRecoveryCodesAreUsedInTheirOrder(t *testing.T) {
	parse := func(text string) []Secret {
		codes, err := ParseRecoveryCodes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return codes
	}
	a := like(TOTP, "GitHub", "alice", nil)
	if _, err := a.UseRecovery(time.Unix(1, 0), 0); !errors.Is(err, ErrNoRecovery) || a.RecoveryLeft() != 0 {
		t.Errorf("an account without recovery codes: %v", err)
	}
	for _, tt := range []struct {
		add           string
		already, left int
	}{{"2222\n1111\n2222", 1, 2}, {"1111", 1, 2}, {"3333\n2222", 1, 3}} {
		already, err := a.AddRecovery(parse(tt.add))
		if already != tt.already || err != nil || a.RecoveryLeft() != tt.left {
			t.Errorf("%q: %d there already, %v, %d left; want %d and %d", tt.add, already, err, a.RecoveryLeft(), tt.already, tt.left)
		}
	}
	var order []string
	for i := range 4 {
		code, err := a.UseRecovery(time.Unix(int64(i+1), 0), 0)
		if (err == nil) != (i < 3) || a.RecoveryLeft() != max(0, 2-i) {
			t.Errorf("use %d: %v, %d left", i+1, err, a.RecoveryLeft())
		}
		order = append(order, string(code.Bytes()))
	}
	if want := []string{"2222", "1111", "3333", ""}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
	if already, _ := a.AddRecovery(parse("1111")); already != 1 || a.RecoveryLeft() != 0 {
		t.Error("a used code can be added once more")
	}
	var many strings.Builder
	for i := range MaxRecoveryCodes - 2 {
		fmt.Fprintf(&many, "more-%d\n", i)
	}
	if _, err := a.AddRecovery(parse(many.String())); !errors.Is(err, ErrRecoveryFull) || len(a.RecoveryCodes) != 3 {
		t.Errorf("one too many: %v, %d kept", err, len(a.RecoveryCodes))
	}
}

func TestARecoveryCodeFitsItsField(t *testing.T) {
	for _, tt := range []struct {
		code string
		most int
		want string // "" for too long
	}{
		{"abcd-1234", 0, "abcd-1234"},
		{"abcd-1234", 9, "abcd-1234"},
		{"abcd-1234", 8, "abcd1234"},
		{"abcd-1234", 7, ""},
		{"1234 5678", 8, "12345678"},
		{"a-b c-d e", 5, "abcde"},
		{"abcd_1234", 8, ""}, // another sign is part of the code
		{"----", 3, ""},
	} {
		a := Account{RecoveryCodes: []RecoveryCode{{Code: NewSecret([]byte("gone")), Used: time.Unix(1, 0)}, {Code: NewSecret([]byte(tt.code))}}}
		code, err := a.UseRecovery(time.Unix(2, 0), tt.most)
		if got := string(code.Bytes()); got != tt.want || errors.Is(err, ErrRecoveryLong) != (tt.want == "") {
			t.Errorf("%q in a field of %d: %q, %v; want %q", tt.code, tt.most, got, err, tt.want)
		}
		if used := a.RecoveryLeft() == 0; used != (err == nil) {
			t.Errorf("%q in a field of %d: used %v with the error %v", tt.code, tt.most, used, err)
		}
		if kept := string(a.RecoveryCodes[1].Code.Bytes()); kept != tt.code {
			t.Errorf("%q is kept as %q", tt.code, kept)
		}
	}
}

func FuzzParseRecoveryCodes(f *testing.F) {
	for _, text := range []string{"abcd-1234\nefgh", "1. 1234 5678\r\n", "\ufeff\t x y z \n\n", "12) 3) 4444", "abcd\x00", "é"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		codes, err := ParseRecoveryCodes(text)
		if err != nil {
			if len(codes) != 0 || len(err.Error()) > 120 {
				t.Fatalf("%d codes and %v", len(codes), err)
			}
			return
		}
		if len(codes) == 0 || len(codes) > MaxRecoveryCodes {
			t.Fatalf("%d codes", len(codes))
		}
		for _, c := range texts(codes) {
			if len(c) < minRecoveryLength || len(c) > maxRecoveryLength || strings.TrimSpace(c) != c || strings.ContainsFunc(c, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("code %q", c)
			}
		}
	})
}

func TestComplete(t *testing.T) {
	day := time.Unix(1764400000, 0)
	code := func(text string, used time.Time) RecoveryCode { return RecoveryCode{NewSecret([]byte(text)), used} }
	ours := like(TOTP, "GitHub", "alice", func(a *Account) {
		a.Sites = []string{"https://a.example", "https://b.example"}
		a.RecoveryCodes = []RecoveryCode{code("used here", day), code("used there", time.Time{}), code("left", time.Time{})}
	})
	theirs := like(TOTP, "GitHub", "alice", func(a *Account) {
		a.Sites = []string{"https://c.example", "https://a.example"}
		a.RecoveryCodes = []RecoveryCode{code("used here", time.Time{}), code("new", time.Time{}), code("used there", day), code("long gone", day)}
	})
	a := ours
	changed, err := a.Complete(theirs)
	var got []string
	for _, c := range a.RecoveryCodes {
		got = append(got, fmt.Sprint(string(c.Code.Bytes()), c.Used.IsZero()))
	}
	want := []string{"used herefalse", "used therefalse", "lefttrue", "newtrue"}
	if !changed || err != nil || !slices.Equal(a.Sites, []string{"https://a.example", "https://b.example", "https://c.example"}) || !slices.Equal(got, want) {
		t.Errorf("Complete = %v, %v; it has %q, %q", changed, err, a.Sites, got)
	}
	if ours.RecoveryLeft() != 2 || len(ours.Sites) != 2 {
		t.Error("Complete changed what another account shares with it")
	}
	if changed, err := a.Complete(theirs); changed || err != nil {
		t.Errorf("the second time: %v, %v", changed, err)
	}
	full := ours
	full.RecoveryCodes = nil
	for i := range MaxRecoveryCodes {
		full.RecoveryCodes = append(full.RecoveryCodes, code(fmt.Sprint("code ", i), time.Time{}))
	}
	if changed, err := full.Complete(theirs); !changed || !errors.Is(err, ErrRecoveryFull) || len(full.Sites) != 3 || full.RecoveryLeft() != MaxRecoveryCodes {
		t.Errorf("too many: %v, %v, %q, %d left", changed, err, full.Sites, full.RecoveryLeft())
	}
}
