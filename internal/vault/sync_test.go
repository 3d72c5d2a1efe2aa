package vault

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What another computer has is taken under the rules of every change, or not at all.
func TestPutHoldsToTheRules(t *testing.T) {
	v := newVault(t)
	good := record{ID: "ONE", Type: "hotp", Issuer: "Bank", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Digits: 6, Counter: 5, Created: 1}
	check(t, v.Update(func(tx *Tx) error { return tx.Put(good) }))
	for _, tt := range []struct {
		change func(*record)
		want   string
	}{
		{func(r *record) { r.Name, r.LabelsAt, r.Counter = "alice", 7, 6 }, ""},
		{func(r *record) { r.Counter = 4 }, "the counter only moves forward: it is 6"},
		{func(r *record) { r.Secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJA" }, "the secret of an account never changes"},
		{func(r *record) { r.ID = "" }, "needs an id"},
		{func(r *record) { r.ID, r.Type = "TWO", "quantum" }, `type "quantum" is not supported`},
		{func(r *record) { r.ID, r.Issuer = "TWO", "a\nb" }, "control character"},
		{func(r *record) { r.ID, r.Issuer, r.RemovedAt = "TWO", "a\nb", 9 }, "control character"},
		{func(r *record) { *r = record{ID: "TWO", RemovedAt: 9} }, ""},
	} {
		r := good
		tt.change(&r)
		err := v.Update(func(tx *Tx) error { return tx.Put(r) })
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	a, _ := v.Account("ONE")
	if a.Counter != 6 || a.Name != "alice" || len(v.Accounts()) != 1 || len(v.Records()) != 2 {
		t.Errorf("%+v, %d records", a, len(v.Records()))
	}
}

func TestPutMarksAndRemindersHaveTheirLimits(t *testing.T) {
	v := newVault(t)
	now := v.now().UnixMilli()
	var marks []TaughtMark
	for i := range MaxMarks + 1 {
		marks = append(marks, TaughtMark{shop, Mark{fmt.Sprint(i), "totp"}, now})
	}
	marks = append(marks, TaughtMark{"https://old.example", Mark{"x", ""}, now - keepRemoved.Milliseconds() - 1})
	var reminders []KeptReminder
	for i := range MaxReminders + 1 {
		reminders = append(reminders, KeptReminder{Reminder{Domain: fmt.Sprintf("d%d.example", i), State: "wanted"}, now})
	}
	for _, again := range []bool{false, true} {
		check(t, v.Update(func(tx *Tx) error {
			took, err := tx.PutMarks(marks)
			took2, err2 := tx.PutReminders(reminders)
			if took == again || took2 == again {
				t.Errorf("took %v and %v, again %v", took, took2, again)
			}
			return errors.Join(err, err2)
		}))
	}
	all, err := v.AllMarks()
	check(t, err)
	kept, err := v.AllReminders()
	check(t, err)
	if len(all) != MaxMarks || len(kept) != MaxReminders {
		t.Errorf("%d marks and %d reminders", len(all), len(kept))
	}
	check(t, v.Update(func(tx *Tx) error { // what is not understood keeps no account from being merged
		tx.doc.Taught, tx.doc.Reminders = []byte("3"), []byte("3")
		_, err := tx.PutMarks(nil)
		_, err2 := tx.PutReminders(nil)
		return errors.Join(err, err2)
	}))
}

// Whoever makes one waits for nothing: the host has requests to answer.
func TestATwinIsReadWhenItIsNeeded(t *testing.T) {
	v := newVault(t)
	id := mustAdd(t, v, totp("alice"))
	twin, err := v.Twin()
	check(t, err)
	defer twin.Lock()
	if twin.doc != nil {
		t.Error("it was read before anybody asked")
	}
	changed, err := twin.Refresh()
	check(t, err)
	if _, ok := twin.Account(id); !ok || !changed {
		t.Errorf("after Refresh: the account is there: %v, changed: %v", ok, changed)
	}
	v.Lock()
	if _, ok := twin.Account(id); !ok {
		t.Error("it was locked with the other")
	}
	_, err = v.Twin()
	wantError(t, "of a locked vault", err, ErrLocked)
}
