package host

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

func (r *rig) teach(origin, field string, as protocol.MarkAs) string {
	r.Helper()
	return shownMarks(get[protocol.MarksResult](r, protocol.MethodMark, protocol.MarkParams{Context: page(origin), Field: field, As: as}))
}

func shownMarks(m protocol.MarksResult) (text string) {
	for _, m := range m.Marks {
		text += m.Field + ":" + string(m.As) + " "
	}
	return strings.TrimSpace(text)
}

func TestMarks(t *testing.T) {
	r := newRig(t)
	for _, step := range []struct {
		origin, field string
		as            protocol.MarkAs
		want          string
	}{
		{example, "otp", "totp", "otp:totp"},
		{example, "card", "never", "card:never otp:totp"},
		{"https://www.example.com", "otp", "never", "otp:never"},
		{"http://localhost:8080", "otp", "totp", "otp:totp"},
		{example, "otp", "never", "card:never otp:never"},
		{example, "otp", "forget", "card:never"},
		{example, "otp", "forget", "card:never"},
	} {
		if got := r.teach(step.origin, step.field, step.as); got != step.want {
			t.Errorf("%s is %s on %s: %q, want %q", step.field, step.as, step.origin, got, step.want)
		}
		r.start() // another host
		m := get[protocol.MarksResult](r, protocol.MethodMarks, protocol.MarksParams{Context: page(step.origin)})
		if got := shownMarks(m); got != step.want {
			t.Errorf("asked by another host: %q, want %q", got, step.want)
		}
	}
	s := r.call(protocol.MethodMarks, protocol.MarksParams{Context: page("https://nobody.example")})
	if string(s.Result) != `{"marks":[]}` {
		t.Errorf("a site that nobody taught: %s", s.Result)
	}
}

func TestWhatCannotBeTaught(t *testing.T) {
	r := newRig(t)
	here := page(example)
	for _, p := range []protocol.MarkParams{
		{Context: here, Field: "", As: "totp"},
		{Context: here, Field: strings.Repeat("f", 201), As: "totp"},
		{Context: here, Field: "a\nb", As: "totp"},
		{Context: here, Field: "a\u0085b", As: "totp"},
		{Context: here, Field: "f", As: ""},
		{Context: here, Field: "f", As: "TOTP"},
		{Context: here, Field: "f", As: "sms"},
		{Context: protocol.Context{Origin: example}, Field: "f", As: "totp"},
	} {
		r.fails(protocol.MethodMark, p, protocol.ErrBadRequest)
	}
	for _, origin := range []string{"null", "http://example.com", "file://", ""} {
		r.fails(protocol.MethodMark, protocol.MarkParams{Context: page(origin), Field: "f", As: "totp"}, protocol.ErrOrigin)
		r.fails(protocol.MethodMarks, protocol.MarksParams{Context: page(origin)}, protocol.ErrOrigin)
	}
	longest := strings.Repeat("é", protocol.MaxField/2)
	if got := r.teach(example, longest, "totp"); got != longest+":totp" {
		t.Errorf("the longest name: %q", got)
	}
	if got := r.teach(example, "unheard", "forget"); got != longest+":totp" {
		t.Errorf("after forgetting what was never taught: %q", got)
	}
	if got := r.openVault().Generation(); got != 1 {
		t.Errorf("generation %d: something else was saved", got)
	}
}

func TestTheCapsAreThoseOfTheWire(t *testing.T) {
	if vault.MaxMarks != protocol.MaxMarks || vault.MaxTaught != protocol.MaxTaught || vault.MaxReminders != protocol.MaxServices {
		t.Error("the vault keeps more or less than the wire says")
	}
	r := newRig(t)
	r.check(r.other.Update(func(tx *vault.Tx) error {
		for i := range protocol.MaxMarks {
			r.check(tx.Mark(example, fmt.Sprint(strings.Repeat("<", 190), i), "never"))
		}
		return tx.Mark(example, "more", "")
	}))
	r.fails(protocol.MethodMark, protocol.MarkParams{Context: page(example), Field: "more", As: "totp"}, protocol.ErrLimit)
	got := get[protocol.MarksResult](r, protocol.MethodMarks, protocol.MarksParams{Context: page(example)})
	if len(got.Marks) != protocol.MaxMarks {
		t.Errorf("%d marks", len(got.Marks))
	}
	r.check(r.other.Update(func(tx *vault.Tx) error {
		for i := range protocol.MaxServices {
			r.check(tx.Remind(vault.Reminder{Domain: fmt.Sprint(i, ".example"), State: "wanted"}))
		}
		return nil
	}))
	r.fails(protocol.MethodRemind, protocol.RemindParams{Context: page("https://more.example"), Reminder: "wanted"}, protocol.ErrLimit)
}

// The hints name buttons of the popup, in quotes, as its English words have them.
func TestTheHintsNameButtonsThatExist(t *testing.T) {
	words, err := os.ReadFile(filepath.Join("..", "..", "extension", "public", "_locales", "en", "messages.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{vault.ErrManyMarks, vault.ErrManyTaught, vault.ErrManyReminders} {
		buttons := regexp.MustCompile(`"[^"]+"`).FindAllString(errorFor(err).Hint, -1)
		if len(buttons) == 0 {
			t.Errorf("%v: no way out", err)
		}
		for _, button := range buttons {
			if !strings.Contains(string(words), `"message": `+button) {
				t.Errorf("%v: there is no %s", err, button)
			}
		}
	}
}

// A newer version may know more kinds of marks; what this one is told is what it knows.
func TestMarksOfANewerVersionArePassedOver(t *testing.T) {
	r := newRig(t)
	r.check(r.other.Update(func(tx *vault.Tx) error {
		r.check(tx.Mark(example, "a", "passkey"))
		return tx.Mark(example, "b", "totp")
	}))
	got := get[protocol.MarksResult](r, protocol.MethodMarks, protocol.MarksParams{Context: page(example)})
	if shownMarks(got) != "b:totp" {
		t.Errorf("%+v", got)
	}
}

// Pages make the extension ask; only what the user did keeps the vault open.
func TestWhichRequestsAreTheUsers(t *testing.T) {
	r := newRig(t, withRecovery(1))
	handle, active := r.handle("alice"), 0
	r.host.Active = func() { active++ }
	here := page(example)
	for _, tt := range []struct {
		m      protocol.Method
		params any
		want   int
	}{
		{protocol.MethodMatch, protocol.MatchParams{Context: here}, 0},
		{protocol.MethodMarks, protocol.MarksParams{Context: here}, 0},
		{protocol.MethodMark, protocol.MarkParams{Context: here, Field: "f", As: "totp"}, 1},
		{protocol.MethodFacts, protocol.FactsParams{Context: here}, 0},
		{protocol.MethodRemind, protocol.RemindParams{Context: here, Reminder: "seen"}, 0},
		{protocol.MethodRemind, protocol.RemindParams{Context: here, Reminder: "wanted"}, 1},
		{protocol.MethodServices, nil, 0},
		{protocol.MethodRecovery, protocol.RecoveryParams{Handle: handle, Context: here, Nonce: nonce()}, 1},
	} {
		active = 0
		if got := r.call(tt.m, tt.params).code(); active != tt.want || got != "no error" {
			t.Errorf("%s %v: %s, the user did something: %d, want %d", tt.m, tt.params, got, active, tt.want)
		}
	}
}
