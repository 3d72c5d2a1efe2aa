package host

import (
	"context"
	"errors"
	"testing"
	"time"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// wary is an account of example.com that wants the person to be asked, with two
// recovery codes.
func wary() account.Account {
	a := withRecovery(2)
	a.Ask = true
	return a
}

func (r *rig) editOf(handle string, change func(*protocol.EditParams)) protocol.EditParams {
	r.Helper()
	list := get[protocol.ListResult](r, protocol.MethodList, protocol.ListParams{Limit: protocol.MaxAccounts})
	for _, d := range list.Accounts {
		if d.Account.Handle == handle {
			p := protocol.EditParams{Handle: handle, Issuer: d.Account.Issuer, Account: d.Account.Account, Sites: d.Sites,
				Append: d.Account.Append, Submit: d.Account.Submit, Ask: d.Account.Ask}
			change(&p)
			return p
		}
	}
	r.Fatal("the handle is of no account")
	return protocol.EditParams{}
}

func TestAnAccountThatAsksIsAskedFor(t *testing.T) {
	const frame, top = "https://login.example.net", "https://shop.example"
	yes, no := agreement{yes: true}, agreement{}
	show := func(handle string) protocol.ReleaseParams {
		return protocol.ReleaseParams{Handle: handle, Nonce: nonce(), Purpose: protocol.PurposeShow}
	}
	for _, tt := range []struct {
		name   string
		method protocol.Method
		params func(*rig, string) any
		want   Question
	}{
		{"a code to fill", protocol.MethodCode, func(_ *rig, h string) any { return fill(h, page(example)) }, Question{ActFill, "Example (alice)", "example.com", false}},
		{"in a frame of its site", protocol.MethodCode, func(_ *rig, h string) any { return fill(h, page(example, "https://www.example.com")) }, Question{ActFill, "Example (alice)", "example.com", false}},
		{"in a frame that was allowed", protocol.MethodCode, func(_ *rig, h string) any { return fill(h, page(frame, top)) }, Question{ActFill, "Example (alice)", "login.example.net in shop.example", false}},
		{"on a port", protocol.MethodCode, func(_ *rig, h string) any { return fill(h, page("https://example.com:8443")) }, Question{ActFill, "Example (alice)", "example.com:8443", false}},
		{"a code to show", protocol.MethodCode, func(_ *rig, h string) any { return show(h) }, Question{ActShow, "Example (alice)", "", false}},
		{"a recovery code", protocol.MethodRecovery, func(_ *rig, h string) any { return nextOf(h, page(example)) }, Question{ActRecovery, "Example (alice)", "example.com", false}},
		{"asking no more", protocol.MethodEdit, func(r *rig, h string) any {
			return r.editOf(h, func(p *protocol.EditParams) { p.Ask, p.Issuer = false, "Another" })
		}, Question{ActStopAsking, "Example (alice)", "", false}},
	} {
		for _, answer := range []struct {
			agreement
			want protocol.ErrorCode
		}{
			{no, protocol.ErrDeclined},
			{agreement{err: errNoDialog}, protocol.ErrDeclined},
			{agreement{yes: true, err: errNoDialog}, protocol.ErrDeclined},
			{yes, "no error"},
		} {
			a := wary()
			a.Sites = append(a.Sites, "https://example.com:8443", frame+" in "+top)
			r := newRig(t, a)
			params := tt.params(r, r.handle("alice"))
			r.agrees <- answer.agreement
			s := r.call(tt.method, params)
			if s.code() != answer.want || s.Error != nil && s.Error.Hint == "" {
				t.Errorf("%s, %+v: %s, want %s", tt.name, answer.agreement, s.code(), answer.want)
			}
			if got := <-r.asked; got != tt.want {
				t.Errorf("%s: asked %+v, want %+v", tt.name, got, tt.want)
			}
			on := r.openVault().Accounts()[0]
			if answer.want != "no error" && (on.RecoveryLeft() != 2 || !on.Ask || on.Issuer != "Example") {
				t.Errorf("%s was declined, and left %+v", tt.name, on)
			}
			if answer.want == "no error" && tt.method == protocol.MethodEdit && (on.Ask || on.Issuer != "Another") {
				t.Errorf("it was agreed to, and left %+v", on)
			}
		}
	}
}

// Beyond the budget the person decides, of each code; and is left alone for a minute
// after anything but a yes.
func TestBeyondTheBudgetThePersonIsAsked(t *testing.T) {
	over := Question{ActFill, "Example (alice)", "example.com", true}
	r := newRig(t, withRecovery(3), hotp("Counter", example))
	r.clock = time.Unix(1_000_000_000, 0)
	alice, counter := r.handle("alice"), r.handle("counter")
	for range vault.DefaultBudget.PerMinute {
		if got := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, page(example))); got.Asked {
			t.Errorf("%+v within the budget", got)
		}
	}
	for range 2 {
		r.agrees <- agreement{yes: true}
		if got := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, page(example))); !got.Asked {
			t.Errorf("%+v after a yes", got)
		}
		if got := <-r.asked; got != over {
			t.Errorf("asked %+v", got)
		}
	}
	r.agrees <- agreement{yes: true}
	if got := get[protocol.RecoveryResult](r, protocol.MethodRecovery, nextOf(alice, page(example))); !got.Asked || got.Left != 2 {
		t.Errorf("%+v after a yes", got)
	}
	if got := <-r.asked; got != (Question{ActRecovery, "Example (alice)", "example.com", true}) {
		t.Errorf("asked %+v", got)
	}
	for _, no := range []struct {
		agreement
		want protocol.ErrorCode
	}{{agreement{}, protocol.ErrDeclined}, {agreement{err: errNoDialog}, protocol.ErrBudget}} {
		r.agrees <- no.agreement
		r.fails(protocol.MethodCode, fill(counter, page(example)), no.want)
		<-r.asked
		r.fails(protocol.MethodCode, fill(counter, page(example)), protocol.ErrBudget)
		r.clock = r.clock.Add(overRetry)
	}
	p := fill(alice, page(example)) // one question at a time, and others are served meanwhile
	id := r.send(protocol.MethodCode, p)
	<-r.asked
	r.fails(protocol.MethodCode, fill(counter, page(example)), protocol.ErrBudget)
	r.agrees <- agreement{yes: true}
	if s := r.next(); s.ID != id || s.Error != nil {
		t.Errorf("%s", s.code())
	}
	r.fails(protocol.MethodCode, p, protocol.ErrBadRequest) // its confirmation was used
	if n := len(r.asked); n != 0 {
		t.Errorf("asked %d times more", n)
	}
	if a := r.openVault().Accounts()[1]; a.Counter != 0 {
		t.Errorf("a release that was refused raised the counter to %d", a.Counter)
	}
}

func TestNobodyIsAskedWithoutNeed(t *testing.T) {
	r := newRig(t, wary(), totp("Other", "bob", example))
	alice, bob := r.handle("alice"), r.handle("bob")
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(bob, page(example)))
	r.fails(protocol.MethodCode, fill(alice, page("https://evil.example")), protocol.ErrNotAllowed)
	r.fails(protocol.MethodCode, fill(alice, page(example, "https://evil.example")), protocol.ErrFrame)
	r.fails(protocol.MethodRecovery, nextOf(alice, page("https://evil.example")), protocol.ErrNotAllowed)
	p := nextOf(alice, page(example))
	p.Max = 4
	r.fails(protocol.MethodRecovery, p, protocol.ErrRecoveryLong)
	get[protocol.Detail](r, protocol.MethodEdit, r.editOf(alice, func(p *protocol.EditParams) { p.Account = "carol" }))
	get[protocol.Detail](r, protocol.MethodEdit, r.editOf(bob, func(p *protocol.EditParams) { p.Ask = true }))
	r.fails(protocol.MethodEdit, r.editOf(alice, func(p *protocol.EditParams) { p.Ask, p.Issuer = false, "\t\x00" }), protocol.ErrNotValid)
	if n := len(r.asked); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestOthersAreServedWhileThePersonDecides(t *testing.T) {
	r := newRig(t, wary(), totp("Other", "bob", example))
	alice, bob := r.handle("alice"), r.handle("bob")
	asked := r.send(protocol.MethodCode, fill(alice, page(example)))
	<-r.asked
	if got := r.match(page(example)); len(got) != 2 {
		t.Errorf("meanwhile %d match", len(got))
	}
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(bob, page(example)))
	r.fails(protocol.MethodCode, fill(alice, page(example)), protocol.ErrDeclined) // one question at a time
	r.fails(protocol.MethodUnlock, nil, protocol.ErrUnlock)
	if left := r.openVault().Accounts()[0].RecoveryLeft(); left != 2 {
		t.Errorf("%d recovery codes are left", left)
	}
	r.agrees <- agreement{yes: true}
	if s := r.next(); s.ID != asked || s.Error != nil {
		t.Errorf("then %d %s", s.ID, s.code())
	}
	r.agrees <- agreement{yes: true} // and the next may be asked
	get[protocol.RecoveryResult](r, protocol.MethodRecovery, nextOf(alice, page(example)))
}

// What changed while the person decided counts, not what was when they were asked.
func TestAfterTheAnswerAllIsLookedAtAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*rig)
		want   protocol.ErrorCode
	}{
		{"the account was removed", func(r *rig) {
			r.check(r.other.Update(func(tx *vault.Tx) error { return tx.Remove(r.other.Accounts()[0].ID) }))
		}, protocol.ErrHandle},
		{"the site was taken away", func(r *rig) {
			r.check(r.other.Update(func(tx *vault.Tx) error {
				return tx.Edit(r.other.Accounts()[0].ID, func(a *account.Account) error { a.Sites = nil; return nil })
			}))
		}, protocol.ErrNotAllowed},
		{"another program locked the vault", func(r *rig) { r.check(r.openVault().LockForAll()) }, protocol.ErrVaultLocked},
		{"the budget was used up", func(r *rig) { // the yes goes beyond it
			r.host.Budget = vault.Budget{}
		}, "no error"},
		{"nothing", func(*rig) {}, "no error"},
	} {
		r := newRig(t, wary())
		id := r.send(protocol.MethodCode, fill(r.handle("alice"), page(example)))
		<-r.asked
		tt.change(r)
		r.agrees <- agreement{yes: true}
		if s := r.next(); s.ID != id || s.code() != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s.code(), tt.want)
		}
	}
}

func TestALockWithdrawsTheQuestion(t *testing.T) {
	r := newRig(t, wary())
	handle := r.handle("alice")
	id := r.send(protocol.MethodCode, fill(handle, page(example)))
	<-r.asked
	locked := r.send(protocol.MethodLock, nil)
	codes := map[uint32]protocol.ErrorCode{}
	for range 2 {
		s := r.next()
		codes[s.ID] = s.code()
	}
	if codes[locked] != "no error" || codes[id] != protocol.ErrVaultLocked {
		t.Errorf("lock: %s, the code: %s", codes[locked], codes[id])
	}
	r.answers <- answer{passphrase, nil}
	get[protocol.VaultResult](r, protocol.MethodUnlock, nil) // the way is free for the next question
}

// A yes that comes after the lock is none, even with the vault open again.
func TestAnOldYesIsNone(t *testing.T) {
	r := newRig(t, wary())
	said := make(chan bool)
	r.host.Confirm = func(context.Context, Question) (bool, error) { // a dialog that does not go away
		r.asked <- Question{}
		return <-said, nil
	}
	id := r.send(protocol.MethodCode, fill(r.handle("alice"), page(example)))
	<-r.asked
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	v, err := vault.Open(r.home)
	r.check(err)
	r.check(v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	r.hello()
	said <- true
	if s := r.next(); s.ID != id || s.code() != protocol.ErrVaultLocked {
		t.Errorf("%s", s.code())
	}
}

func TestTheEndOfTheLineWithdrawsTheQuestion(t *testing.T) {
	r := newRig(t, wary())
	r.send(protocol.MethodCode, fill(r.handle("alice"), page(example)))
	<-r.asked
	r.endsWhileAsking()
}

func TestWhyTheQuestionWasNotAnswered(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if got := askError(over, Question{}, errors.New("x")); got.Message != "Nobody answered in Codefob's window." {
		t.Errorf("%+v", got)
	}
	if got := askError(context.Background(), Question{}, errNoDialog); got.Message != "Codefob could not ask you in a window of its own: no dialog here." {
		t.Errorf("%+v", got)
	}
}
