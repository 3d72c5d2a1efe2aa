package account

import (
	"errors"
	"strings"
	"testing"
)

func TestGrouped(t *testing.T) {
	for _, tt := range []struct{ text, want string }{ // printf %s TEXT | sha256sum | cut -c1-3
		{"JBSWY3DPEHPK3PXP", "JBSW Y3DP EHPK 3PXP /8be"},
		{"JBSWY3DPEE", "JBSW Y3DP EE /1ff"},
		{"48656c6c6f21deadbeef", "4865 6c6c 6f21 dead beef /035"},
	} {
		got := Grouped(tt.text)
		if got != tt.want {
			t.Errorf("Grouped(%q) = %q, want %q", tt.text, got, tt.want)
		}
		for _, typed := range []string{got, strings.ToLower(got), strings.ToUpper(got), strings.ReplaceAll(got, " ", "-"), " " + strings.ReplaceAll(got, " ", "") + "\n"} {
			typed = strings.ReplaceAll(typed, "-/", "/")
			secret, err := CutCheck(typed)
			if err != nil || !strings.EqualFold(secret, tt.text) {
				t.Errorf("CutCheck(%q) = %q, %v; want %q", typed, secret, err, tt.text)
			}
		}
		for i := range got { // each character, wrong
			wrong := []byte(got)
			if wrong[i] == ' ' || wrong[i] == '/' {
				continue
			}
			wrong[i] ^= 1
			if secret, err := CutCheck(string(wrong)); !errors.Is(err, ErrCheck) {
				t.Errorf("CutCheck(%q) = %q, %v; want %v", wrong, secret, err, ErrCheck)
			}
		}
	}
	if got, err := CutCheck("jbsw y3dp"); got != "jbsw y3dp" || err != nil {
		t.Errorf("without check characters: %q, %v", got, err)
	}
}
