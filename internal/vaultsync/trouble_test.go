package vaultsync

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// say has a device sign what it never would.
func (c *computer) say(t *testing.T, change func(*Operation)) []byte {
	t.Helper()
	mine := c.ops[c.self]
	op := Operation{Device: c.self, Seq: uint64(len(mine)) + 1, Clock: c.now().UnixMilli() + 1, Kind: kindSeen}
	if len(mine) > 0 {
		op.Prev, op.Clock = mine[len(mine)-1].hash, mine[len(mine)-1].Clock+1
	}
	change(&op)
	s, err := sign(c.device.key, c.known.Vault, op)
	if err != nil {
		t.Fatal(err)
	}
	record, err := c.sealed(s)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func labels(name string, at int64) jsontext.Value {
	r, _ := Set([]string{"Issuer", name}, at)
	raw, _ := json.Marshal(Account{Set: map[string]Register{"labels": r}})
	return raw
}

// What a bad carrier, or a bad member, does: it is noticed, named, and changes nothing.
func TestWhatIsWrongIsNoticedAndNotApplied(t *testing.T) {
	now := epochStart.UnixMilli()
	for _, tt := range []struct {
		name string
		want Kind
		do   func(t *testing.T, bad, reader *computer, w *wire)
	}{
		{"a device with two histories", Fork, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) { op.Seq, op.Prev, op.Clock = 1, Hash{}, now })})
		}},
		{"an operation that follows another than ours", Fork, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Prev, op.Kind, op.Account, op.Fields = Hash{1}, kindAccount, "A", labels("changed", op.Clock)
			})})
		}},
		{"two histories, the second told by heads", Fork, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Heads = map[DeviceID]Head{reader.Self(): {1, Hash{1}}}
			})})
		}},
		{"other members, told by an operation", Fork, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) { op.Members = &Head{2, Hash{1}} })})
		}},
		{"a hole", Hole, func(t *testing.T, bad, reader *computer, w *wire) {
			bad.rename("A", "one")
			bad.sync(w)
			lost := len(w.items) - 1
			bad.rename("A", "changed")
			bad.sync(w)
			w.items = slices.Delete(w.items, lost, lost+1)
		}},
		{"what another saw is withheld", Hole, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock)
				op.Heads = map[DeviceID]Head{reader.Self(): {99, Hash{1}}}
			})})
		}},
		{"an entry is withheld", Hole, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock)
				op.Members = &Head{9, Hash{1}}
			})})
		}},
		{"an older state", Older, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items, w.epoch = w.items[:len(w.items)-1], w.epoch+1
		}},
		{"a changed record", Changed, func(t *testing.T, bad, reader *computer, w *wire) {
			record := bad.say(t, func(op *Operation) { op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock) })
			record[len(record)-100] ^= 1
			w.items = append(w.items, item{false, record})
		}},
		{"a member who signs as another", Changed, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Device, op.Seq = reader.Self(), 2
				op.Prev = reader.ops[reader.self][0].hash
				op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock)
			})})
		}},
		{"a clock that goes back", Changed, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Clock -= 1000
				op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock)
			})})
		}},
		{"a clock that is ahead", ClockOff, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Clock = now + maxAhead.Milliseconds() + 1
				op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock)
			})})
		}},
		{"a stranger with the key", Stranger, func(t *testing.T, bad, reader *computer, w *wire) {
			d, _ := NewDevice()
			bad.device, bad.self = d, d.Member("").ID()
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				op.Kind, op.Account, op.Fields = kindAccount, "A", labels("changed", op.Clock)
			})})
		}},
		{"another secret under an id", TwoSecret, func(t *testing.T, bad, reader *computer, w *wire) {
			w.items = append(w.items, item{false, bad.say(t, func(op *Operation) {
				raw, _ := json.Marshal(Account{Fixed: &Fixed{Type: "totp", Secret: "OTHER", Digits: 6}})
				op.Clock, op.Kind, op.Account, op.Fields = op.Clock+1, kindAccount, "A", raw
			})})
		}},
		{"a version that is not known", Newer, func(t *testing.T, bad, reader *computer, w *wire) {
			record := bad.say(t, func(op *Operation) {})
			record[0] = 2
			w.items = append(w.items, item{false, record})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := epochStart
			all := copies(t, func(int) time.Time { return clock })[:3]
			bad, reader, w := all[0], all[1], line("w")
			bad.add("A", "SECRET")
			reader.add("B", "SECRET TOO")
			rounds(t, w, all...)
			before := reader.State().Hash()
			tt.do(t, bad, reader, w)
			for range 2 {
				if err := reader.Round(context.Background(), w); err != nil {
					t.Fatal(err)
				}
			}
			if !reader.has(tt.want) {
				t.Errorf("the troubles are %v, not %s", reader.kinds(), tt.want)
			}
			reader.vault = reader.State().Apply(reader.vault, clock)
			if got := reader.label("A"); got != `["Issuer","A"]` {
				t.Errorf("it was applied: %s", got)
			}
			if tt.want != TwoSecret && reader.State().Hash() != before {
				t.Error("the state is another")
			}
			if got := reader.vault.Accounts["A"].Fixed.Secret; got != "SECRET" {
				t.Errorf("the secret is %s now", got)
			}
			// The vault works on, and others hear of it.
			reader.rename("B", "mine")
			if err := reader.sync(w); err != nil {
				t.Fatal(err)
			}
			clock = clock.Add(settles + time.Second)
			if err := all[2].sync(w); err != nil {
				t.Fatal(err)
			}
			if got := all[2].label("B"); got != `["Issuer","mine"]` {
				t.Errorf("another device has %s", got)
			}
			reader.Round(context.Background(), w)
			if err := reader.restart(); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(reader.Troubles(), func(tr Trouble) bool { return tr.Kind == tt.want }) && tt.want != ClockOff {
				t.Errorf("after a start the troubles are %v, not %s", reader.Troubles(), tt.want)
			}
		})
	}
}

// forgetful is a carrier that has always lost what it had.
type forgetful struct{ *wire }

func (f forgetful) Pull(context.Context, string) (Batch, error) { return Batch{Older: true}, nil }

func TestACarrierThatIsAlwaysOlderDoesNotHoldOn(t *testing.T) {
	c := copies(t, fixed)[0]
	w := line("w")
	if err := c.Round(context.Background(), forgetful{w}); err == nil || !c.has(Older) || len(w.items) > 0 {
		t.Errorf("Round = %v, troubles %v; it was given %d", err, c.kinds(), len(w.items))
	}
}

func TestWhatIsLateIsNoTrouble(t *testing.T) {
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	all[0].sync(w)
	all[0].rename("A", "second")
	all[0].sync(w)
	records := w.items
	first := slices.IndexFunc(records, func(i item) bool { return !i.entry })
	late := records[first]
	w.items = slices.Delete(slices.Clone(records), first, first+1)
	all[1].sync(w)
	if got := all[1].Troubles(); len(got) > 0 {
		t.Errorf("at once: %v", got)
	}
	clock = clock.Add(settles)
	if got := all[1].Troubles(); len(got) == 0 || got[0].Kind != Hole || got[0].Device != all[0].Self() || got[0].Carrier != "w" {
		t.Errorf("after %v: %v", settles, got)
	}
	w.items = append(w.items, late)
	all[1].sync(w)
	if got := all[1].Troubles(); len(got) > 0 || all[1].label("A") != `["Issuer","second"]` {
		t.Errorf("when it came: %v, %s", got, all[1].label("A"))
	}
}

// What cannot be read yet is read again after a start: here a device's operations come before its entry.
func TestWhatCameTooEarlyIsReadAgainAfterAStart(t *testing.T) {
	all := copies(t, fixed)[:2]
	w, apart := line("w"), line("apart")
	rounds(t, w, all...)
	d, _ := NewDevice()
	welcome, err := all[0].Add(context.Background(), d.Member("new"), apart)
	if err != nil {
		t.Fatal(err)
	}
	c := &computer{store: &memStore{files: map[string][]byte{}}, owner: all[0].owner, now: all[0].now, vault: View{Accounts: map[string]Account{}}}
	if c.Replica, err = join(c.store, d, welcome, c.owner, c.now); err != nil {
		t.Fatal(err)
	}
	rounds(t, apart, all[0], c)
	if err := c.member(); err != nil {
		t.Fatal(err)
	}
	c.add("A", "SECRET")
	if err := c.Change(c.State().Diff(c.vault)); err != nil {
		t.Fatal(err)
	}
	record, err := c.sealed(c.ops[c.self][0])
	if err != nil {
		t.Fatal(err)
	}
	w.items = append(w.items, item{false, record})
	for range 3 {
		all[1].sync(w)
		if err := all[1].restart(); err != nil {
			t.Fatal(err)
		}
	}
	w.items = append(w.items, apart.items...)
	all[1].sync(w)
	if _, has := all[1].vault.Accounts["A"]; !has || all[1].has(Stranger) {
		t.Errorf("it was not read: %v", all[1].kinds())
	}
}

// More came too early than is kept, in many bytes or in many records: it is read again once the key is there.
func TestMoreThanIsKeptComesTooEarly(t *testing.T) {
	for _, tt := range []struct{ records, size int }{{maxLoose + 100, 1}, {maxBytes/50_000 + 20, 50_000}} {
		all := copies(t, fixed)
		w, members := line("w"), line("members")
		rounds(t, w, all...)
		if err := all[0].NewEpoch(context.Background(), members); err != nil {
			t.Fatal(err)
		}
		a, c := all[0], all[1]
		for i := range tt.records {
			reg, err := Set(fmt.Sprint(i, strings.Repeat("x", tt.size)), 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Change([]Change{{kindShared, "", Account{Set: map[string]Register{fmt.Sprint(i): reg}}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.pushRecords(w); err != nil {
			t.Fatal(err)
		}
		if err := c.Pull(context.Background(), w); err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, l := range c.loose["w"] {
			size += len(l.record)
		}
		if n := len(c.loose["w"]); n > maxLoose || size > maxBytes || n == 0 {
			t.Errorf("%d records of %d bytes are kept", n, size)
		}
		for _, carrier := range []Carrier{members, w} {
			if err := c.Pull(context.Background(), carrier); err != nil {
				t.Fatal(err)
			}
		}
		if c.State().Hash() != a.State().Hash() {
			t.Errorf("%d records of %d bytes: the state is another", tt.records, tt.size)
		}
	}
}

// pushRecords gives a carrier the operations alone.
func (c *computer) pushRecords(w *wire) error {
	n := len(w.items)
	err := c.Push(context.Background(), w)
	w.items = append(w.items[:n], slices.DeleteFunc(w.items[n:], func(i item) bool { return i.entry })...)
	return err
}

// A disk that breaks between the entry of a removal and its key: the removal counts at once, and the key is
// there after the next start, which writes nothing.
func TestADiskThatBreaksAtARemoval(t *testing.T) {
	all := copies(t, fixed)
	w, other := line("w"), line("other")
	gone, c := all[4], all[1]
	gone.add("A", "SECRET")
	rounds(t, w, all...)
	gone.rename("A", "late")
	gone.sync(w)
	c.sync(w)
	if err := all[0].Remove(context.Background(), gone.self, other); err != nil {
		t.Fatal(err)
	}
	c.store.breaks = 3
	if err := c.Pull(context.Background(), other); !errors.Is(err, ErrStorage) {
		t.Fatalf("a broken disk gives %v", err)
	}
	for _, when := range []string{"at once", "after a start"} {
		if got := string(c.State().accounts["A"].set["labels"].Value); got != `["Issuer","A"]` {
			t.Errorf("%s the label is %s", when, got)
		}
		if _, has := c.Stream(2); !has {
			t.Errorf("%s the key is not there", when)
		}
		before := bytes.Clone(c.store.files[deviceFile])
		if err := c.restart(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.store.files[deviceFile], before) {
			t.Error("a start has written")
		}
	}
}

// However far it comes, what is begun is there or not, and an earlier time leaves nothing behind.
func TestABeginningThatBreaks(t *testing.T) {
	owner := copies(t, fixed)[0].owner
	now := func() time.Time { return epochStart }
	for breaks := range 8 {
		s := &memStore{files: map[string][]byte{recordsFile: []byte("old"), membersFile: []byte("old"), memoryFile: []byte(`{"carriers":{"w":{"position":"0.9"}}}`)}}
		if breaks > 0 {
			s.breaks = breaks + 1
		}
		if _, err := create(s, "laptop", owner, now); err != nil {
			s.breaks = 0
			if _, err := open(s, owner, now); !errors.Is(err, ErrNone) {
				t.Errorf("broken at write %d: %v", breaks, err)
			}
			if _, err := create(s, "laptop", owner, now); err != nil {
				t.Fatal(err)
			}
		}
		s.breaks = 0
		r, err := open(s, owner, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Greet(); err != nil {
			t.Errorf("broken at write %d: %v", breaks, err)
		}
		if p := r.carrier("w").position; p != "" {
			t.Errorf("it goes on at %q", p)
		}
	}
}

// A second carrier that is away takes nothing back: it gets the entry later.
func TestAnEntryThatOneOfTwoCarriersHas(t *testing.T) {
	all := copies(t, fixed)
	one, two := line("one"), &away{line("two"), errors.New("it is away")}
	d, _ := NewDevice()
	if _, err := all[0].Add(context.Background(), d.Member("new"), one, two); err != nil {
		t.Fatal(err)
	}
	two.why = nil
	rounds(t, two, all[0], all[1])
	if n := len(all[1].Devices()); n != 6 || all[1].has(Fork) {
		t.Errorf("%d devices, and %v", n, all[1].kinds())
	}
}

type away struct {
	*wire
	why error
}

func (a *away) Enter(ctx context.Context, index uint64, record []byte) error {
	if a.why != nil {
		return a.why
	}
	return a.wire.Enter(ctx, index, record)
}

func TestAHeldOperationIsAppliedWhenItIsTime(t *testing.T) {
	clock := epochStart
	all := copies(t, func(i int) time.Time { return clock.Add(time.Duration(i) * time.Hour) })[:2]
	w := line("w")
	all[1].add("A", "SECRET") // an hour ahead
	all[1].sync(w)
	all[0].sync(w)
	if _, has := all[0].vault.Accounts["A"]; has || !all[0].has(ClockOff) {
		t.Fatalf("it was applied; %v", all[0].kinds())
	}
	clock = clock.Add(51 * time.Minute)
	all[0].sync(w)
	if _, has := all[0].vault.Accounts["A"]; !has || all[0].has(ClockOff) {
		t.Errorf("it was not applied; %v", all[0].kinds())
	}
}

// R14: what a newer version wrote is kept and passed on, byte by byte, and applied by those who know it.
func TestUnknownKindsAndFieldsAreKeptAndPassedOn(t *testing.T) {
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:3]
	newer, between, last := all[0], all[1], all[2]
	a, b := line("a"), line("b")
	for _, change := range []func(*Operation){
		func(op *Operation) { op.Kind, op.Fields = "group", jsontext.Value(`{"of":["A","B"]}`) },
		func(op *Operation) { op.Version, op.Kind = 2, kindSeen },
		func(op *Operation) { op.Kind, op.Account, op.Fields = kindAccount, "A", jsontext.Value(`{"fixed":7}`) },
		func(op *Operation) {
			op.Kind, op.Account, op.Fields = kindAccount, "A", jsontext.Value(`{"set":{"color":{"value":"red","at":1}},"icon":"x"}`)
		},
	} {
		record := newer.say(t, change)
		a.items = append(a.items, item{false, record})
		newer.Round(context.Background(), a)
	}
	between.Round(context.Background(), a)
	clock = clock.Add(2 * grace)
	between.Round(context.Background(), b)
	last.Round(context.Background(), b)
	if !last.has(Newer) {
		t.Errorf("the troubles are %v", last.kinds())
	}
	for i, want := range newer.ops[newer.self] {
		if got := last.ops[newer.self]; len(got) <= i || !bytes.Equal(got[i].packed, want.packed) {
			t.Fatalf("operation %d was not passed on as it is", i+1)
		}
	}
	if got := string(last.state.accounts["A"].set["color"].Value); got != `"red"` {
		t.Errorf("a register with a new name is %s", got)
	}
	if last.state.Hash() != newer.state.Hash() {
		t.Error("the states differ")
	}
}

// What a device made it pushes itself: others do only after a while, so that nothing is there twice.
func TestOthersPushWhatTheAuthorDoesNot(t *testing.T) {
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:3]
	a, b := line("a"), line("b")
	all[0].add("A", "SECRET")
	all[0].sync(a)
	records := func(w *wire) (n int) {
		for _, i := range w.items {
			if !i.entry {
				n++
			}
		}
		return n
	}
	for range 3 {
		all[1].sync(a, b)
		all[0].sync(a)
	}
	if records(a) != 1 || records(b) != 0 {
		t.Errorf("at once there are %d and %d records", records(a), records(b))
	}
	for range 3 {
		clock = clock.Add(grace + time.Second)
		all[1].sync(a, b)
		all[2].sync(a, b)
	}
	if records(a) != 1 || records(b) != 1 {
		t.Errorf("later there are %d and %d records", records(a), records(b))
	}
}

// A home that was put back from a backup learns its own operations again, and goes on behind them.
// A relay drops what is old without a word. It is given again before others miss it for long.
func TestWhatACarrierDropsIsGivenAgain(t *testing.T) {
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:3]
	w := line("w")
	for _, id := range []string{"A", "B"} {
		all[0].add(id, "SECRET")
		rounds(t, w, all[:2]...)
	}
	for i := range w.items {
		w.items[i] = w.items[len(w.items)-1]
	}
	clock = clock.Add(readAnew + time.Hour)
	if err := all[0].restart(); err != nil {
		t.Fatal(err)
	}
	rounds(t, w, all...)
	if got := len(all[2].vault.Accounts); got != 2 || len(all[2].noted) > 0 || len(all[0].noted) > 0 {
		t.Errorf("a third device has %d accounts; %v", got, all[2].kinds())
	}
}

func TestAnOlderHomeLearnsItsOwnOperations(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	c := all[0]
	c.add("A", "SECRET")
	rounds(t, w, all...)
	backup, vault := c.store.clone(), c.vault
	vault.Accounts = map[string]Account{"A": vault.Accounts["A"]}
	c.rename("A", "between")
	rounds(t, w, all...)
	c.rename("A", "second")
	rounds(t, w, all...)
	c.store, c.vault = backup, vault
	if err := c.restart(); err != nil {
		t.Fatal(err)
	}
	mine := all[1].ops[c.self] // the last comes first
	record, err := all[1].sealed(mine[len(mine)-1])
	if err != nil {
		t.Fatal(err)
	}
	c.rename("A", "second")
	if err := all[0].Take("w", Batch{Records: [][]byte{record}}); err != nil {
		t.Fatal(err)
	}
	if len(mine) > len(c.ops[c.self])+1 {
		if err := c.Greet(); !errors.Is(err, ErrBehind) {
			t.Errorf("with a hole in its own operations: %v", err)
		}
	} else {
		t.Error("there is no hole")
	}
	rounds(t, w, all...)
	c.rename("A", "third")
	rounds(t, w, all...)
	for i, c := range all {
		if c.label("A") != `["Issuer","third"]` || c.has(Fork) {
			t.Errorf("device %d has %s, and %v", i, c.label("A"), c.kinds())
		}
	}
}

// R1 at length: every fault at once, and 10^5 operations with CODEFOB_SOAK.
func TestManyOperationsOverABadLine(t *testing.T) {
	each := 300
	if soak > 0 {
		each = min(50_000, soak*50)
	}
	clock := epochStart
	all := copies(t, func(int) time.Time { return clock })[:3]
	w := &wire{name: "w", r: mrand.New(mrand.NewPCG(1, 2)), bad: true}
	for i := range 2 {
		all[i].add(fmt.Sprint(i), "SECRET")
	}
	for n := range each {
		for i := range 2 {
			a := all[i].vault.Accounts[fmt.Sprint(i)]
			a.Counter++
			all[i].vault.Accounts[fmt.Sprint(i)] = a
			if err := all[i].Change(all[i].State().Diff(all[i].vault)); err != nil {
				t.Fatal(err)
			}
		}
		if clock = clock.Add(time.Second); n%100 == 0 {
			all[n/100%3].sync(w)
		}
	}
	w.bad = false
	for range 6 {
		clock = clock.Add(2 * grace)
		for _, c := range all {
			if err := c.sync(w); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, c := range all {
		if got := [2]uint64{c.vault.Accounts["0"].Counter, c.vault.Accounts["1"].Counter}; got != [2]uint64{uint64(each), uint64(each)} {
			t.Errorf("device %d counts %v", i, got)
		}
		if c.State().Hash() != all[0].State().Hash() {
			t.Errorf("device %d has another state", i)
		}
	}
	t.Logf("SOAK sync: %d operations over a line that loses 30 %%, repeats, reorders and damages; all came", 2*each)
}

func TestATornLogIsMendedAndADamagedOneIsSaid(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	c := all[0]
	for i := range 3 {
		c.add(fmt.Sprint(i), "SECRET")
		rounds(t, w, all...)
	}
	whole := bytes.Clone(c.store.files[recordsFile])
	want := c.State().Hash()
	for cut := range 400 {
		c.store.files[recordsFile] = bytes.Clone(whole[:len(whole)-1-cut])
		if err := c.restart(); err != nil {
			t.Fatalf("cut by %d: %v", cut+1, err)
		}
	}
	for _, cut := range []int{1, 100, 399} { // and zeros where the rest was to be
		c.store.files[recordsFile] = append(bytes.Clone(whole[:len(whole)-cut]), make([]byte, 4096)...)
		if err := c.restart(); err != nil {
			t.Fatalf("%d zeros: %v", cut, err)
		}
	}
	torn := bytes.Clone(c.store.files[recordsFile])
	rounds(t, w, all...)
	if c.State().Hash() != want || c.has(Fork) {
		t.Errorf("it did not come back: %v", c.kinds())
	}
	if kept := c.store.files[recordsFile+".torn"]; len(kept) == 0 || !bytes.HasSuffix(torn, kept) {
		t.Errorf("%d bytes of the torn end were put aside", len(kept))
	}
	hurt := bytes.Clone(whole)
	hurt[200] ^= 1
	c.store.files[recordsFile] = hurt
	if err := c.restart(); err == nil {
		t.Error("a damaged log opens")
	}
}

// A log that lost more than its end, as by a disk gone bad: all comes again from the carriers, and nothing is made before.
func TestALogThatIsLostComesAgain(t *testing.T) {
	for _, name := range []string{recordsFile, membersFile} {
		t.Run(name, func(t *testing.T) {
			all := copies(t, fixed)[:2]
			w := line("w")
			for i, c := range all {
				c.add(fmt.Sprint(i), "SECRET")
				rounds(t, w, all...)
			}
			c := all[0]
			c.store.files[name] = []byte("nonsense")
			if err := c.restart(); err != nil {
				t.Fatal(err)
			}
			c.add("offline", "SECRET")
			if err := c.Change(c.State().Diff(c.vault)); err == nil {
				t.Error("it makes operations that it may have made otherwise")
			}
			rounds(t, w, all...)
			all[1].add("later", "SECRET")
			rounds(t, w, all...)
			if c.State().Hash() != all[1].State().Hash() || len(c.vault.Accounts) != 4 || len(all[1].vault.Accounts) != 4 {
				t.Errorf("not all came: %d and %d accounts", len(c.vault.Accounts), len(all[1].vault.Accounts))
			}
			for _, c := range all {
				if len(c.Troubles()) > 0 {
					t.Errorf("%v", c.kinds())
				}
			}
		})
	}
}

func TestRecordsShowNothingAndEveryBitCounts(t *testing.T) {
	c := copies(t, fixed)[0]
	c.add("CANARY", "CANARYSECRET")
	if err := c.Change(c.State().Diff(c.vault)); err != nil {
		t.Fatal(err)
	}
	s := c.ops[c.self][0]
	record, err := c.sealed(s)
	if err != nil {
		t.Fatal(err)
	}
	self := c.Self()
	for _, secret := range [][]byte{[]byte("CANARY"), self[:], []byte(self.String())} {
		if bytes.Contains(record, secret) {
			t.Errorf("a record holds %q", secret)
		}
	}
	for i := range len(record) * 8 {
		record[i/8] ^= 1 << (i % 8)
		if _, _, err := c.unseal(record); err == nil {
			t.Fatalf("bit %d may be changed", i)
		}
		record[i/8] ^= 1 << (i % 8)
	}
	for n := range len(record) {
		if _, _, err := c.unseal(record[:n]); err == nil {
			t.Fatalf("cut to %d bytes it opens", n)
		}
	}
	for i := 0; i < len(s.packed)*8; i += 41 {
		packed := bytes.Clone(s.packed)
		packed[i/8] ^= 1 << (i % 8)
		if p, err := parseOperation(c.known.Vault, packed); err == nil && p.verify(c.known.Vault, c.device.key.Public().(ed25519.PublicKey)) {
			t.Fatalf("bit %d of an operation may be changed", i)
		}
	}
	// One step for many lengths.
	sizes := map[int]bool{}
	for n := range 200 {
		record, err := c.ring[1].seal(c.self, 1, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		sizes[len(record)] = true
	}
	if len(sizes) != 1 {
		t.Errorf("%d sizes for 200 lengths", len(sizes))
	}
	if _, err := c.ring[1].seal(c.self, 1, make([]byte, maxPacked+1)); err == nil {
		t.Error("a record larger than the largest")
	}
	if record, err := c.ring[1].seal(c.self, 1, make([]byte, maxPacked)); err != nil || len(record) != MaxRecord {
		t.Errorf("the largest has %d bytes, %v", len(record), err)
	}
}

func TestALargeAccountIsCutInParts(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	a := all[0].vault.Accounts["A"]
	long := func(n int) Register {
		r, _ := Set(string(bytes.Repeat([]byte("x"), n)), 1)
		return r
	}
	a.Set["sites"], a.Set["notes"] = long(40_000), long(40_000)
	rounds(t, w, all...)
	if got := all[1].vault.Accounts["A"]; len(got.Set["sites"].Value) != 40_002 || len(got.Set["notes"].Value) != 40_002 || got.Fixed == nil {
		t.Error("not all of it came")
	}
	all[0].vault.Accounts["A"].Set["more"] = long(70_000)
	all[0].add("B", "SECRET")
	if err := all[0].Change(all[0].State().Diff(all[0].vault)); err == nil {
		t.Error("a register larger than a record is taken")
	}
	if _, has := all[0].State().Apply(View{}, epochStart).Accounts["B"]; !has {
		t.Error("it kept another account back")
	}
}
