package vault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const shop = "https://shop.example"

func teach(tb testing.TB, v *Vault, origin, field, as string) {
	tb.Helper()
	check(tb, v.Update(func(tx *Tx) error { return tx.Mark(origin, field, as) }))
}

func marksOf(tb testing.TB, v *Vault, origin string) (text string) {
	tb.Helper()
	marks, err := v.Marks(origin)
	check(tb, err)
	for _, m := range marks {
		text += m.Field + ":" + m.As + " "
	}
	return strings.TrimSpace(text)
}

func TestMarksAreKeptPerSite(t *testing.T) {
	v := newVault(t)
	other := again(t, v)
	if got := marksOf(t, v, shop); got != "" {
		t.Errorf("a new vault has the marks %q", got)
	}
	for _, step := range []struct{ origin, field, as, want string }{
		{shop, "otp", "totp", "otp:totp"},
		{shop, "card", "never", "card:never otp:totp"},
		{"https://shop.example:8443", "otp", "never", "otp:never"},
		{shop, "otp", "never", "card:never otp:never"},
		{shop, "card", "", "otp:never"},
		{shop, "unheard", "", "otp:never"},
		{shop, "card", "totp", "card:totp otp:never"},
	} {
		teach(t, v, step.origin, step.field, step.as)
		_, err := other.Refresh()
		check(t, err)
		for who, v := range map[string]*Vault{"the one": v, "another program": other, "a later one": again(t, v)} {
			if got := marksOf(t, v, step.origin); got != step.want {
				t.Errorf("after %s %s=%s %s has %q, want %q", step.origin, step.field, step.as, who, got, step.want)
			}
		}
	}
	if sealed, err := v.disk.ReadFile(v.accountsFile(), maxFile); err != nil || bytes.Contains(sealed, []byte("shop")) {
		t.Errorf("the site stands in the file in the clear: %v", err)
	}
	v.Lock()
	if v.marks != nil {
		t.Error("a locked vault still holds marks")
	}
}

func TestMarksHaveTheirCaps(t *testing.T) {
	v := newVault(t)
	check(t, v.Update(func(tx *Tx) (err error) {
		full := []taughtSite{{Origin: shop}}
		for i := range MaxMarks {
			full[0].Marks = append(full[0].Marks, mark{Field: fmt.Sprint("field ", i), As: "never"})
		}
		for i := range MaxTaught - 1 {
			full = append(full, taughtSite{Origin: fmt.Sprintf("https://%d.example", i), Marks: []mark{{Field: "otp", As: "totp"}}})
		}
		tx.doc.Taught, err = json.Marshal(full)
		check(t, err)
		wantError(t, "a mark too many", tx.Mark(shop, "more", "totp"), ErrManyMarks)
		wantError(t, "a site too many", tx.Mark("https://more.example", "otp", "totp"), ErrManyTaught)
		check(t, tx.Mark(shop, "field 1", "totp"))        // it has its place
		check(t, tx.Mark("https://1.example", "otp", "")) // and a place is free
		check(t, tx.Mark("https://more.example", "otp", "totp"))
		check(t, tx.Mark(shop, "field 2", ""))
		return tx.Mark(shop, "more", "totp")
	}))
	if got := strings.Fields(marksOf(t, again(t, v), shop)); len(got) != 2*MaxMarks-1 { // "field 1:never" are two words
		t.Errorf("%d words, want %d", len(got), 2*MaxMarks-1)
	}
	err := v.Update(func(tx *Tx) error { return tx.Mark(shop, "one more", "totp") })
	wantError(t, "Update", err, ErrManyMarks)
}

// What is forgotten leaves its clock, so that a vault that is merged with this
// one does not teach it again; after 90 days nothing is left.
func TestClocksOfMarksAndReminders(t *testing.T) {
	v := newVault(t)
	now := time.UnixMilli(1_000_000)
	v.now = func() time.Time { return now }
	do := func(as, state string) string {
		check(t, v.Update(func(tx *Tx) error {
			if err := tx.Mark(shop, "otp", as); err != nil {
				return err
			}
			return tx.Remind(Reminder{"", "shop.example", state})
		}))
		return string(v.doc.Taught) + string(v.doc.Reminders)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"first", do("totp", "seen"), `[{"origin":"https://shop.example","marks":[{"field":"otp","as":"totp","at":1000000}]}]` +
			`[{"domain":"shop.example","state":"seen","at":1000000}]`},
		{"at the same moment", do("never", "wanted"), `[{"origin":"https://shop.example","marks":[{"field":"otp","as":"never","at":1000001}]}]` +
			`[{"domain":"shop.example","state":"wanted","at":1000001}]`},
		{"forgotten", do("", ""), `[{"origin":"https://shop.example","marks":[{"field":"otp","at":1000002}]}]` +
			`[{"domain":"shop.example","at":1000002}]`},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, tt.got, tt.want)
		}
	}
	now = now.Add(keepRemoved + time.Minute)
	check(t, v.Update(func(tx *Tx) error {
		check(t, tx.Remind(Reminder{"", "b.example", "seen"}))
		return tx.Mark("https://b.example", "otp", "totp")
	}))
	if text := string(v.doc.Taught) + string(v.doc.Reminders); strings.Contains(text, "shop") {
		t.Errorf("after 90 days there is still %s", text)
	}
}

func TestReminders(t *testing.T) {
	v := newVault(t)
	for _, step := range []struct {
		to   Reminder
		want string
	}{
		{Reminder{"", "x.com", "seen"}, "[{ x.com seen}]"},
		{Reminder{"X", "x.com", "wanted"}, "[{X x.com wanted}]"}, // the directory learned of it
		{Reminder{"X", "twitter.com", "done"}, "[{X x.com done}]"},
		{Reminder{"", "x.com", "seen"}, "[{X x.com seen}]"}, // and forgot it
		{Reminder{"Y", "x.com", "seen"}, "[{X x.com seen} {Y x.com seen}]"},
		{Reminder{"X", "x.com", ""}, "[{Y x.com seen}]"},
		{Reminder{"", "bank.example", "wanted"}, "[{Y x.com seen} { bank.example wanted}]"},
	} {
		check(t, v.Update(func(tx *Tx) error { return tx.Remind(step.to) }))
		got, err := again(t, v).Reminders()
		if fmt.Sprint(got) != step.want || err != nil {
			t.Errorf("after %v: %v, %v; want %s", step.to, got, err, step.want)
		}
	}
	for _, domain := range []string{"", "https://x.com", "x com"} {
		if err := v.Update(func(tx *Tx) error { return tx.Remind(Reminder{"X", domain, "seen"}) }); err == nil {
			t.Errorf("the domain %q is kept", domain)
		}
	}
}

// A service that waits for nothing makes room: the oldest, and first of all one
// that was only seen.
func TestRemindersMakeRoom(t *testing.T) {
	v := newVault(t)
	check(t, v.Update(func(tx *Tx) (err error) {
		full := []reminder{{Domain: "dismissed", State: "dismissed", At: 2}, {Domain: "seen late", State: "seen", At: 9},
			{Domain: "done", State: "done", At: 1}, {Domain: "seen", State: "seen", At: 3}, {Domain: "newer", State: "snoozed"}}
		for i := len(full); i < MaxReminders; i++ {
			full = append(full, reminder{Domain: fmt.Sprint("w", i), State: "wanted"})
		}
		tx.doc.Reminders, err = json.Marshal(full)
		check(t, err)
		for _, step := range []struct{ domain, state, gone string }{
			{"a", "seen", "seen"}, {"w9", "wanted", ""}, {"b", "wanted", "seen late"}, {"c", "wanted", "a"},
			{"d", "done", "done"}, {"e", "wanted", "dismissed"}, {"f", "wanted", "d"}, {"g", "wanted", "error"}, {"g", "seen", "error"},
			{"w9", "done", ""}, {"g", "wanted", "w9"}, {"h", "wanted", "error"}, {"w10", "", "w10"}, {"h", "wanted", ""},
		} {
			before, err := (&Vault{doc: tx.doc}).Reminders()
			check(t, err)
			err = tx.Remind(Reminder{"", step.domain, step.state})
			gone := ""
			if after, _ := (&Vault{doc: tx.doc}).Reminders(); errors.Is(err, ErrManyReminders) {
				gone = "error"
			} else {
				for _, r := range before {
					if !slices.ContainsFunc(after, func(a Reminder) bool { return a.Domain == r.Domain }) {
						gone += r.Domain
					}
				}
			}
			if gone != step.gone {
				t.Errorf("%s %s: %q goes, want %q; %v", step.domain, step.state, gone, step.gone, err)
			}
		}
		return nil
	}))
	if text := string(v.doc.Reminders); !strings.Contains(text, `{"domain":"seen late","at":`) {
		t.Error("what made room leaves no clock: a merge would bring it back")
	}
}

func TestWhatNewerVersionsTaughtIsKept(t *testing.T) {
	v := newVault(t)
	const rest = `"vault":"V","accounts":[` + good + `]`
	put(t, v, `{"schema":1,`+rest+`,"taught":[{"origin":"https://shop.example","why":7,"marks":[{"field":"otp","as":"totp","at":5,"by":"x"},{"field":"new","as":"pin","at":6}]}],`+
		`"reminders":[{"domain":"x.com","state":"snoozed","at":5,"until":18446744073709551615}]}`)
	check(t, v.read(v.identity))
	if got := marksOf(t, v, shop); got != "new:pin otp:totp" {
		t.Errorf("marks %q", got)
	}
	mustAdd(t, v, totp("bob"))
	check(t, v.Update(func(tx *Tx) error {
		check(t, tx.Mark(shop, "otp", "never"))
		return tx.Remind(Reminder{"", "y.com", "seen"})
	}))
	plain := string(plainOf(t, v))
	for _, want := range []string{`"why":7`, `"by":"x"`, `{"field":"new","as":"pin","at":6}`, `"until":18446744073709551615`} {
		if !strings.Contains(plain, want) {
			t.Errorf("the vault holds\n%s\nwant in it %s", plain, want)
		}
	}
}

// What newer versions keep stays, also where nothing is left that this one knows.
func TestWhatIsForgottenStaysWhereANewerVersionKeepsMoreOfIt(t *testing.T) {
	v := newVault(t)
	const taught = `[{"origin":"https://a.example","marks":[],"why":7},{"origin":"https://b.example","marks":[{"field":"otp","at":5,"by":"x"}]},`
	const reminders = `[{"domain":"a.example","at":5,"why":7},`
	put(t, v, `{"schema":1,"vault":"V","accounts":[],"taught":`+taught+`{"origin":"https://c.example","marks":[{"field":"otp","at":5}]},{"origin":"https://d.example","marks":[]}],`+
		`"reminders":`+reminders+`{"domain":"b.example","at":5}]}`)
	check(t, v.read(v.identity))
	check(t, v.Update(func(tx *Tx) error {
		check(t, tx.Mark(shop, "otp", "totp"))
		return tx.Remind(Reminder{"", "shop.example", "seen"})
	}))
	if got, want := string(v.doc.Taught), taught+`{"origin":"https://shop.example",`; !strings.HasPrefix(got, want) {
		t.Errorf("taught %s\nwant %s…", got, want)
	}
	if got, want := string(v.doc.Reminders), reminders+`{"domain":"shop.example",`; !strings.HasPrefix(got, want) {
		t.Errorf("reminders %s\nwant %s…", got, want)
	}
}

func TestForgettingWhatWasNeverTaughtChangesNothing(t *testing.T) {
	v := newVault(t)
	forget := func(origin, field, domain string) string {
		check(t, v.Update(func(tx *Tx) error {
			check(t, tx.Remind(Reminder{"", domain, ""}))
			return tx.Mark(origin, field, "")
		}))
		return string(v.doc.Taught) + string(v.doc.Reminders)
	}
	if got := forget(shop, "otp", "shop.example"); got != "" {
		t.Errorf("an empty vault holds %s", got)
	}
	teach(t, v, shop, "otp", "totp")
	check(t, v.Update(func(tx *Tx) error { return tx.Remind(Reminder{"", "shop.example", "seen"}) }))
	before := string(v.doc.Taught) + string(v.doc.Reminders)
	for _, at := range [][3]string{{shop, "card", "b.example"}, {"https://b.example", "otp", "b.example"}} {
		if got := forget(at[0], at[1], at[2]); got != before {
			t.Errorf("after forgetting %s: %s\nbefore: %s", at, got, before)
		}
	}
	forgot := forget(shop, "otp", "shop.example")
	if got := forget(shop, "otp", "shop.example"); forgot == before || got != forgot {
		t.Errorf("forgotten twice: %s\nonce: %s", got, forgot)
	}
}

// What is not understood stays as it is, and leaves the accounts alone.
func TestOddMarksLeaveTheAccountsAlone(t *testing.T) {
	for _, odd := range []string{`7`, `{"a":1}`, `[7]`, `[{"origin":7,"domain":7}]`, `[{"domain":7,"origin":"o","marks":{}}]`} {
		for _, account := range []string{good, strings.Replace(good, `"digits":6`, `"digits":"six"`, 1)} {
			v := newVault(t)
			put(t, v, `{"schema":1,"vault":"V","accounts":[`+account+`],"taught":`+odd+`,"reminders":`+odd+`}`)
			check(t, v.read(v.identity))
			mustAdd(t, v, totp("bob"))
			_, err := v.Marks(shop)
			wantError(t, "Marks of "+odd, err, ErrDamaged)
			_, err = v.Reminders()
			wantError(t, "Reminders of "+odd, err, ErrDamaged)
			wantError(t, "Mark in "+odd, v.Update(func(tx *Tx) error { return tx.Mark(shop, "otp", "totp") }), ErrDamaged)
			wantError(t, "Remind in "+odd, v.Update(func(tx *Tx) error { return tx.Remind(Reminder{"", "d", "seen"}) }), ErrDamaged)
			if plain := plainOf(t, v); !bytes.Contains(plain, []byte(`"taught":`+odd)) || !bytes.Contains(plain, []byte(`"reminders":`+odd)) {
				t.Errorf("after a save: %s", plain)
			}
		}
	}
}

func FuzzTaught(f *testing.F) {
	f.Add([]byte(`[{"origin":"https://shop.example","marks":[{"field":"otp","as":"totp","at":5}]}]`), "otp", "never")
	f.Add([]byte(`[{"origin":"o","marks":[{"field":"","at":-9223372036854775808}]},{"origin":"o"}]`), "", "")
	f.Add([]byte(`[{"domain":"x.com","service":"X","state":"seen","at":1}]`), "x", "y")
	f.Fuzz(func(t *testing.T, raw []byte, field, as string) {
		if !jsontext.Value(raw).IsValid() {
			return
		}
		tx := &Tx{&document{}, noon.UnixMilli()}
		tx.doc.Taught, tx.doc.Reminders = raw, bytes.Clone(raw)
		if err := tx.Mark(shop, field, as); err == nil {
			marks, err := (&Vault{doc: tx.doc}).Marks(shop)
			if has := slices.Contains(marks, Mark{field, as}); err != nil || has != (as != "") {
				t.Errorf("taught %q of %q: %v, %v", as, field, marks, err)
			}
		} else if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrManyMarks) && !errors.Is(err, ErrManyTaught) && !jsonCannotHold(field, as) {
			t.Errorf("Mark: %v", err)
		}
		if err := tx.Remind(Reminder{"X", "x.com", as}); err == nil {
			if _, err := (&Vault{doc: tx.doc}).Reminders(); err != nil {
				t.Errorf("Reminders: %v", err)
			}
		}
	})
}

// jsonCannotHold tells whether a text is not UTF-8; the host lets none through.
func jsonCannotHold(texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return strings.ToValidUTF8(s, "") != s })
}
