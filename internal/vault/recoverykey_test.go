package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseRecoveryKey(t *testing.T) {
	// The bytes 0, 1, 2 … 19 in Crockford's base32; their SHA-256 begins e7aeb.
	const text = "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-WYQB"
	bits := new([recoveryBytes]byte)
	for i := range bits {
		bits[i] = byte(i)
	}
	want, zero := RecoveryKey{bits: &bits}, RecoveryKey{}
	if got := want.Text(); got != text {
		t.Errorf("Text = %q; want %q", got, text)
	}
	tests := []struct {
		name, text string
		key        RecoveryKey
		err        string // "" for none
	}{
		{"as printed", text, want, ""},
		{"lower case", strings.ToLower(text), want, ""},
		{"no dashes", strings.ReplaceAll(text, "-", ""), want, ""},
		{"other groups, lines and tabs", "\t" + strings.ReplaceAll(text[:20], "-", "") + "\r\n " + strings.ReplaceAll(text[20:], "-", "  ") + "\n", want, ""},
		{"typographic dashes", strings.ReplaceAll(text, "-", "\u2011"), want, ""},
		{"O for 0", strings.ReplaceAll(text, "0", "O"), want, ""},
		{"o for 0", strings.ReplaceAll(text, "0", "o"), want, ""},
		{"I for 1", strings.ReplaceAll(text, "1", "I"), want, ""},
		{"l for 1", strings.ReplaceAll(text, "1", "l"), want, ""},

		{"empty", "", zero, "this has 0"},
		{"a character short", text[:len(text)-1], zero, "this has 35"},
		{"without its checksum", text[:len(text)-5], zero, "this has 32"},
		{"a character more", text + "0", zero, "this has 37"},
		{"U", "U" + text[1:], zero, "letters and digits only, no U"},
		{"a sign", "." + text[1:], zero, "letters and digits only, no U"},
		{"not ASCII", "é" + text[1:], zero, "letters and digits only, no U"},
		{"another first character", "1" + text[1:], zero, "a character is wrong"},
		{"another checksum", text[:len(text)-1] + "Z", zero, "a character is wrong"},
		{"U in the checksum", text[:len(text)-1] + "U", zero, "a character is wrong"},
		{"two characters exchanged", text[:5] + "04" + text[7:], zero, "a character is wrong"},
	}
	for _, tt := range tests {
		got, err := ParseRecoveryKey(tt.text)
		if got.Text() != tt.key.Text() || (err == nil) != (tt.err == "") || err != nil && !(errors.Is(err, ErrRecoveryText) && strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, got.Text(), err, tt.key.Text(), tt.err)
		}
	}
}

// Each wrong character is noticed: any one of 32, at any of 36 places.
func TestRecoveryKeyChecksum(t *testing.T) {
	key := NewRecoveryKey()
	text := strings.ReplaceAll(key.Text(), "-", "")
	missed := 0
	for i := range text {
		for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			if byte(c) == text[i] {
				continue
			}
			if _, err := ParseRecoveryKey(text[:i] + string(c) + text[i+1:]); err == nil {
				missed++
			}
		}
	}
	if missed > 2 { // by chance one in a million each
		t.Errorf("%d of %d wrong characters were accepted", missed, 36*31)
	}
}

func TestRecoveryKeyDoesNotPrint(t *testing.T) {
	key := NewRecoveryKey()
	type sheet struct {
		Key RecoveryKey
		key RecoveryKey // fmt does not ask the Formatter of an unexported field
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T%v", "%t", "%p", "%w"} {
		for _, arg := range []any{key, &key, sheet{key, key}, &sheet{key, key}, []RecoveryKey{key}, map[string]RecoveryKey{"a": key}} {
			args := []any{arg}
			if verb == "%T%v" {
				args = []any{arg, arg}
			}
			got := fmt.Sprintf(verb, args...)
			if leaks(got, key) {
				t.Errorf("%s of %T prints the key: %q", verb, arg, got)
			}
			if _, alone := arg.(RecoveryKey); alone && !strings.Contains("%T%p%w", verb) && !strings.HasSuffix(got, "[recovery key]") {
				t.Errorf("%s prints %q; want [recovery key]", verb, got)
			}
		}
	}
	if b, err := json.Marshal(sheet{key, key}); err != nil || leaks(string(b), key) {
		t.Errorf("as JSON: %s, %v", b, err)
	}
	if err := fmt.Errorf("%w: %v", ErrRecovery, key); leaks(err.Error(), key) {
		t.Errorf("in an error: %v", err)
	}
}

func leaks(text string, key RecoveryKey) bool {
	for _, form := range []string{key.Text(), key.Text()[:4], fmt.Sprintf("%x", (**key.bits)[:3]), strings.Trim(fmt.Sprint((**key.bits)[:3]), "[]")} {
		if strings.Contains(strings.ToUpper(text), strings.ToUpper(form)) {
			return true
		}
	}
	return false
}

func FuzzParseRecoveryKey(f *testing.F) {
	f.Add("0000-0000-0000-0000-0000-0000-0000-0000-VS3W")
	f.Add("0000 oooo iiii llll")
	f.Add(strings.Repeat("ſ", 36))
	f.Add("ııııııııııııııııııııııııııııııııııııııı")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseRecoveryKey(text)
		if err != nil {
			if key.Text() != "" || !errors.Is(err, ErrRecoveryText) {
				t.Fatalf("ParseRecoveryKey(%q) = %q, %v", text, key.Text(), err)
			}
			return
		}
		if again, err := ParseRecoveryKey(key.Text()); err != nil || again.Text() != key.Text() {
			t.Fatalf("%q reads as %q, and that as %q, %v", text, key.Text(), again.Text(), err)
		}
	})
}
