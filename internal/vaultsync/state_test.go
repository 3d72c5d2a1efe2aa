package vaultsync

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

func TestTwoVaultsThatBothHaveAccountsAreJoined(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	all[0].add("MINE", "SAME SECRET")
	all[1].add("YOURS", "SAME SECRET")
	all[1].add("OTHER", "OTHER SECRET")
	for _, c := range all {
		c.add("COPIED", "OF ONE FOLDER") // the same id, as when a vault's folder was copied
	}
	all[1].vault.Accounts["COPIED"].Set["labels"], _ = Set([]string{"Issuer", "newer"}, epochStart.UnixMilli()+5)
	rounds(t, w, all...)
	for i, c := range all {
		if len(c.vault.Accounts) != 4 || len(c.noted) > 0 || c.label("COPIED") != `["Issuer","newer"]` {
			t.Errorf("device %d has %d accounts, %v, %s", i, len(c.vault.Accounts), c.noted, c.label("COPIED"))
		}
		if got := c.State().Duplicates(); len(got) != 1 || !slices.Equal(got[0], []string{"MINE", "YOURS"}) {
			t.Errorf("device %d: duplicates %v", i, got)
		}
	}
}

func TestARemovedAccountIsKeptFor90DaysAndComesBack(t *testing.T) {
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	rounds(t, w, all...)
	remove := func(c *computer, removed bool) {
		a := c.vault.Accounts["A"]
		if a.Set == nil {
			a.Set = map[string]Register{}
		}
		a.Set[Removed], _ = Set(removed, max(clock.UnixMilli(), a.Set[Removed].At+1))
		c.vault.Accounts["A"] = a
	}
	remove(all[0], true)
	rounds(t, w, all...)
	clock = clock.Add(90 * 24 * time.Hour)
	rounds(t, w, all...)
	if all[1].vault.Accounts["A"].Fixed == nil {
		t.Error("gone on the 90th day")
	}
	late := copies(t, func(int) time.Time { return clock })[2] // was off, and brought it back in time
	late.sync(w)
	remove(late, false)
	clock = clock.Add(time.Hour)
	rounds(t, w, all...)
	if a := all[1].vault.Accounts["A"]; a.Fixed != nil || string(a.Set[Removed].Value) != "true" || len(a.Set) != 1 {
		t.Errorf("after 90 days there is %+v", a)
	}
	rounds(t, w, append(all, late)...)
	for i, c := range all {
		if a := c.vault.Accounts["A"]; a.Fixed == nil || a.Fixed.Secret != "SECRET" || string(a.Set[Removed].Value) != "false" || c.label("A") == "" {
			t.Errorf("device %d, brought back: %+v", i, a)
		}
	}
}

// A clock in the vault that was set years ahead once is not told again and again, and loses
// to nothing but what is later than the operation.
func TestAClockThatWasWrongOnceHeals(t *testing.T) {
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	a := all[0].vault.Accounts["A"]
	far := epochStart.Add(5 * 365 * 24 * time.Hour).UnixMilli()
	a.Set["labels"], _ = Set([]string{"Issuer", "from 2031"}, far)
	a.RecoveryAt, a.Recovery = far, []RecoveryCode{{Code: "one"}, {Code: "two", N: 1, Used: far}}
	all[0].vault.Accounts["A"] = a
	rounds(t, w, all...)
	if n := len(all[0].ops[all[0].self]); n != 1 {
		t.Errorf("%d operations of one change", n)
	}
	for i, c := range all {
		if a := c.vault.Accounts["A"]; a.Set["labels"].At > clock.UnixMilli()+1000 {
			t.Errorf("device %d has a clock of %v", i, time.UnixMilli(a.Set["labels"].At))
		}
	}
	clock = clock.Add(time.Hour)
	all[1].rename("A", "later")
	rounds(t, w, all...)
	for i, c := range all {
		if a := c.vault.Accounts["A"]; c.label("A") != `["Issuer","later"]` || len(a.Recovery) != 2 || a.Recovery[1].Used == 0 {
			t.Errorf("device %d has %+v", i, a)
		}
	}
}

func TestCloseForgets(t *testing.T) {
	c := copies(t, fixed)[0]
	c.add("CANARY", "CANARYSECRET")
	if err := c.Change(c.State().Diff(c.vault)); err != nil {
		t.Fatal(err)
	}
	s, k := c.ops[c.self][0], c.known.Epochs[1]
	stray := &signed{packed: []byte("CANARY")}
	c.strayed = append(c.strayed, stray)
	c.Close()
	c.Close()
	if bytes.Contains(s.packed, []byte("CANARY")) || bytes.Contains(s.Fields, []byte("CANARY")) || stray.packed[0] != 0 || !bytes.Equal(k, make([]byte, 32)) {
		t.Error("it is still there")
	}
}

// What was changed in the vault and is no operation yet stays as it is.
func TestApplyKeepsWhatIsLaterInTheVault(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	rounds(t, w, all...)
	c := all[1]
	c.rename("A", "mine")
	a := c.vault.Accounts["A"]
	a.Counter, a.RecoveryAt, a.Recovery = 9, 5, []RecoveryCode{{Code: "one", Used: 7}, {Code: "two", N: 1}}
	c.vault.Accounts["A"] = a
	c.vault.Accounts["B"] = Account{Fixed: &Fixed{Type: "totp", Secret: "NEW"}}
	c.vault.Shared = map[string]Register{"x": {[]byte("1"), 3}}
	got := c.State().Apply(c.vault, epochStart)
	if a := got.Accounts["A"]; a.Counter != 9 || a.RecoveryAt != 5 || !slices.Equal(a.Recovery, c.vault.Accounts["A"].Recovery) ||
		string(a.Set["labels"].Value) != `["Issuer","mine"]` || got.Accounts["B"].Fixed == nil || string(got.Shared["x"].Value) != "1" {
		t.Errorf("%+v", got)
	}
	if len(c.State().Diff(got)) != 3 {
		t.Errorf("%+v", c.State().Diff(got))
	}
	rounds(t, w, c, all[0])
	if a := all[0].vault; a.Accounts["A"].Counter != 9 || a.Accounts["B"].Fixed == nil || string(a.Shared["x"].Value) != "1" {
		t.Errorf("%+v", a)
	}
}

// Two devices gave out the same recovery code before they met, and the later use was heard of first.
func TestARecoveryCodeIsUsedSinceTheEarliestTime(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	rounds(t, w, all...)
	for i, used := range []int64{9, 7} {
		a := all[i].vault.Accounts["A"]
		a.Recovery = []RecoveryCode{{Code: "one", Used: used}}
		all[i].vault.Accounts["A"] = a
	}
	rounds(t, w, all...)
	for i, c := range all {
		if got := c.vault.Accounts["A"].Recovery; len(got) != 1 || got[0].Used != 7 || len(c.State().Diff(c.vault)) > 0 {
			t.Errorf("device %d has %+v", i, got)
		}
	}
}

// An older operation that comes late, with another secret, becomes what the state says, and not what a vault has.
func TestASecretNeverChangesUnderAnID(t *testing.T) {
	say := func(clock int64, secret string) *Operation {
		raw, err := json.Marshal(Account{Fixed: &Fixed{Type: "totp", Secret: secret, Digits: 6}})
		if err != nil {
			t.Fatal(err)
		}
		return &Operation{Seq: uint64(clock), Clock: clock, Kind: kindAccount, Account: "A", Fields: raw}
	}
	s := newState()
	s.join(say(5, "ONE"))
	v := s.Apply(View{}, epochStart)
	s.join(say(3, "TWO"))
	if got := s.Apply(v, epochStart).Accounts["A"].Fixed.Secret; got != "ONE" {
		t.Errorf("the secret is %s now", got)
	}
	if got := s.Apply(View{}, epochStart).Accounts["A"].Fixed.Secret; got != "TWO" {
		t.Errorf("a new vault gets %s", got)
	}
	if got := s.Rivals(); !slices.Equal(got, []string{"A"}) || len(s.Diff(v)) > 0 {
		t.Errorf("rivals %v, changes %v", got, s.Diff(v))
	}
}
