package vaultsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// line is a carrier that works.
func line(name string) *wire { return &wire{name: name} }

func fixed(int) time.Time { return epochStart }

// rounds carries until all have seen all.
func rounds(t testing.TB, w Carrier, list ...*computer) {
	t.Helper()
	for range 3 {
		for _, c := range list {
			if err := c.sync(w); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// add puts an account into a vault.
func (c *computer) add(id, secret string) {
	now := c.now().UnixMilli()
	labels, _ := Set([]string{"Issuer", id}, now)
	c.vault.Accounts[id] = Account{Fixed: &Fixed{Type: "totp", Secret: secret, Digits: 6, Period: 30, Created: now}, Set: map[string]Register{"labels": labels}}
}

// rename gives an account another name.
func (c *computer) rename(id, name string) {
	a := c.vault.Accounts[id]
	set := map[string]Register{}
	for n, r := range a.Set {
		set[n] = r
	}
	set["labels"], _ = Set([]string{"Issuer", name}, max(c.now().UnixMilli(), set["labels"].At+1))
	a.Set = set
	c.vault.Accounts[id] = a
}

func (c *computer) label(id string) string { return string(c.vault.Accounts[id].Set["labels"].Value) }

// kinds are the troubles of a device, late ones included.
func (c *computer) kinds() (list []Kind) {
	for k := range c.noted {
		list = append(list, k.kind)
	}
	return list
}

func (c *computer) has(k Kind) bool { return strings.Contains(join2(c.kinds()), string(k)) }

func join2(list []Kind) string {
	var b strings.Builder
	for _, k := range list {
		b.WriteString(string(k) + " ")
	}
	return b.String()
}

// forged is the next entry of c's chain, which somebody made who may not.
func forged(t *testing.T, c *computer, by *Device, change func(*entry)) []byte {
	t.Helper()
	head := c.chain.head()
	e := entry{Index: head.Seq + 1, Prev: head.Hash, Epoch: c.chain.epoch, At: 1, Signer: by.Member("x").ID()}
	change(&e)
	packed, err := signEntry(by.key, e)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// R4: nobody but a member makes a member, an epoch or a removal, whatever key they sign with,
// and no member does what the rules forbid.
func TestNoCarrierChangesTheMembers(t *testing.T) {
	all := copies(t, fixed)
	c, other := all[0], all[1]
	stranger, err := NewDevice()
	if err != nil {
		t.Fatal(err)
	}
	m := stranger.Member("mallory")
	keys, err := sealKey(newKey(), []*membership{{Member: m}})
	if err != nil {
		t.Fatal(err)
	}
	victim := other.Self()
	for _, tt := range []struct {
		name   string
		by     *Device
		change func(*entry)
	}{
		{"a stranger adds itself", stranger, func(e *entry) { e.Kind, e.Member = entryAdd, &m }},
		{"a stranger signs as a member", stranger, func(e *entry) { e.Kind, e.Member, e.Signer = entryAdd, &m, c.self }},
		{"a stranger makes an epoch", stranger, func(e *entry) { e.Kind, e.Epoch, e.Keys = entryEpoch, 2, keys }},
		{"a stranger removes a member", stranger, func(e *entry) { e.Kind, e.Device, e.Epoch, e.Keys = entryRemove, victim, 2, keys }},
		{"a stranger begins anew", stranger, func(e *entry) {
			*e = entry{Kind: entryGenesis, Member: &m, Epoch: 1, Keys: keys, Signer: m.ID()}
		}},
		{"a second genesis", c.device, func(e *entry) { e.Kind, e.Member, e.Epoch, e.Keys = entryGenesis, &m, 2, keys }},
		{"a member that is one already", c.device, func(e *entry) {
			was := other.device.Member("again")
			e.Kind, e.Member = entryAdd, &was
		}},
		{"an epoch is left out", c.device, func(e *entry) { e.Kind, e.Epoch, e.Keys = entryEpoch, 3, keys }},
		{"an epoch without keys", c.device, func(e *entry) { e.Kind, e.Epoch = entryEpoch, 2 }},
		{"a removal without an epoch", c.device, func(e *entry) { e.Kind, e.Device = entryRemove, victim }},
		{"a device that removes itself", c.device, func(e *entry) { e.Kind, e.Device, e.Epoch, e.Keys = entryRemove, c.self, 2, keys }},
		{"a removal of nobody", c.device, func(e *entry) { e.Kind, e.Device, e.Epoch, e.Keys = entryRemove, m.ID(), 2, keys }},
		{"an addition with an epoch", c.device, func(e *entry) { e.Kind, e.Member, e.Epoch, e.Keys = entryAdd, &m, 2, keys }},
		{"another history", c.device, func(e *entry) { e.Kind, e.Member, e.Prev = entryAdd, &m, Hash{1} }},
		{"a name that is none", c.device, func(e *entry) {
			bad := m
			bad.Name = "a\nb"
			e.Kind, e.Member = entryAdd, &bad
		}},
		{"a kind that is not known", c.device, func(e *entry) { e.Kind = "adopt" }},
	} {
		record, err := c.seal.seal(DeviceID{}, c.chain.head().Seq+1, forged(t, c, tt.by, tt.change))
		if err != nil {
			t.Fatal(err)
		}
		reader := copies(t, fixed)[2]
		before := reader.chain.head()
		if err := reader.Take("w", Batch{Entries: [][]byte{record}}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if after := reader.chain.head(); after != before {
			t.Errorf("%s: it is in the chain", tt.name)
		}
		if len(reader.noted) == 0 {
			t.Errorf("%s: no trouble", tt.name)
		}
	}
}

func TestTwoEntriesInOnePlaceAreAForkAndTheFirstStays(t *testing.T) {
	all := copies(t, fixed)
	w := line("folder")
	d1, _ := NewDevice()
	d2, _ := NewDevice()
	for i, d := range []*Device{d1, d2} { // neither saw the other's
		if _, err := all[i].Add(context.Background(), d.Member("new")); err != nil {
			t.Fatal(err)
		}
	}
	rounds(t, w, all...)
	if !all[1].has(Fork) {
		t.Errorf("the second says %v", all[1].kinds())
	}
	if err := all[1].Greet(); err != nil { // tells what it has seen
		t.Fatal(err)
	}
	rounds(t, w, all...)
	for i, c := range all {
		if !c.has(Fork) {
			t.Errorf("device %d says %v, not that there is a fork", i, c.kinds())
		}
	}
	if all[0].chain.members[d1.Member("").ID()] == nil || all[1].chain.members[d2.Member("").ID()] == nil {
		t.Error("a device has left its chain")
	}
	all[0].add("A", "SECRET")
	if err := all[0].sync(w); err != nil {
		t.Errorf("the vault of a device that sees a fork: %v", err)
	}
	// It is over where the other one is removed.
	if err := all[0].Remove(context.Background(), all[1].self, w); err != nil {
		t.Fatal(err)
	}
	rounds(t, w, all[0], all[2])
	for _, c := range []*computer{all[0], all[2]} {
		if c.has(Fork) {
			t.Errorf("%v, though who made the other chain is removed", c.kinds())
		}
	}
}

// A device that is to go cannot keep itself by filling the carrier.
func TestARemovalWaitsForNoCarrier(t *testing.T) {
	for _, why := range []error{ErrTaken, errors.New("it is full")} {
		all := copies(t, fixed)
		w := &away{line("w"), why}
		if err := all[0].Remove(context.Background(), all[1].self, w); err != nil {
			t.Fatal(err)
		}
		if d := all[0].Devices()[1]; !d.Removed || all[0].Epoch() != 2 {
			t.Errorf("%+v, in epoch %d", d, all[0].Epoch())
		}
	}
}

// Who was removed can still seal entries, though not sign them: none of them takes the place of one to come.
func TestForgedEntriesAheadKeepNobodyFromTheTrueOnes(t *testing.T) {
	all := copies(t, fixed)
	w, other := line("w"), line("other")
	for _, name := range []string{"one", "two", "three"} {
		d, _ := NewDevice()
		if _, err := all[0].Add(context.Background(), d.Member(name), other); err != nil {
			t.Fatal(err)
		}
	}
	stranger, _ := NewDevice()
	m := stranger.Member("stranger")
	forgery := func(index uint64) []byte {
		packed := forged(t, all[1], stranger, func(e *entry) { e.Kind, e.Member, e.Index = entryAdd, &m, index })
		record, err := all[1].seal.seal(DeviceID{}, index, packed)
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	var entries [][]byte
	for _, i := range slices.Backward(other.items) {
		entries = append(entries, i.bytes)
	}
	c := all[2]
	n := uint64(len(c.chain.entries))
	for _, batch := range [][][]byte{{forgery(n + 2)}, entries[:2], {forgery(n + 1), forgery(n + 2)}, entries[2:]} {
		if err := c.Take(w.Name(), Batch{Entries: batch}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(c.Devices()); got != 8 {
		t.Errorf("%d devices, want 8", got)
	}
	// Where there are only forgeries, the true ones are given.
	for range 3 {
		w.Enter(context.Background(), 0, forgery(n))
	}
	rounds(t, w, all[0], all[3])
	if got := len(all[3].Devices()); got != 8 {
		t.Errorf("%d devices by a carrier with forgeries, want 8", got)
	}
}

func TestOneOfTwoRefusedByTheCarrierIsMadeAnew(t *testing.T) {
	all := copies(t, fixed)
	w := &strict{wire: line("relay")}
	rounds(t, w, all...)
	d1, _ := NewDevice()
	d2, _ := NewDevice()
	first := true
	w.before = func() { // the other gets in between looking and entering
		if first {
			first = false
			if _, err := all[1].Add(context.Background(), d2.Member("two"), w); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := all[0].Add(context.Background(), d1.Member("one"), w); err != nil {
		t.Fatal(err)
	}
	rounds(t, w, all...)
	for i, c := range all {
		if len(c.Devices()) != 7 || c.has(Fork) {
			t.Errorf("device %d knows %d devices, and says %v", i, len(c.Devices()), c.kinds())
		}
	}
}

// strict is a carrier that takes one entry of an index.
type strict struct {
	*wire
	before  func()
	entries uint64
}

func (s *strict) Enter(ctx context.Context, index uint64, record []byte) error {
	if s.before != nil {
		s.before()
	}
	if index != s.entries {
		return ErrTaken
	}
	s.entries++
	return s.wire.Enter(ctx, index, record)
}

func TestARemovedDeviceIsOut(t *testing.T) {
	all := copies(t, fixed)
	w := line("w")
	gone := all[4]
	gone.add("A", "KNOWN")
	rounds(t, w, all...)
	// It has a change that some have seen when another removes it, without having seen it.
	gone.rename("A", "late")
	if err := gone.sync(w); err != nil {
		t.Fatal(err)
	}
	if err := all[1].sync(w); err != nil {
		t.Fatal(err)
	}
	if all[1].label("A") != `["Issuer","late"]` {
		t.Fatalf("the label is %s", all[1].label("A"))
	}
	all[1].add("C", "MADE BY ONE WHO SAW IT") // builds on what will not count
	if err := all[1].sync(w); err != nil {
		t.Fatal(err)
	}
	private := line("in between")
	if err := all[0].Remove(context.Background(), gone.Self(), private); err != nil {
		t.Fatal(err)
	}
	apart := copies(t, fixed)[3] // hears of the removal, and has nothing of the device that counts
	rounds(t, private, all[0])
	if err := apart.Take("private", Batch{Entries: [][]byte{private.items[len(private.items)-1].bytes}}); err != nil {
		t.Fatal(err)
	}
	for _, i := range private.items {
		if i.entry {
			apart.Take("private", Batch{Entries: [][]byte{i.bytes}})
		}
	}
	if !apart.has(Hole) {
		t.Errorf("operations that count are missing: %v", apart.kinds())
	}
	w.items = append(w.items, private.items...)
	all[0].add("B", "UNKNOWN TO IT")
	rounds(t, w, all[:4]...)
	gone.rename("A", "later still")
	gone.sync(w)
	rounds(t, w, all[:4]...)

	for i, c := range all[:4] {
		if got := c.label("A"); got != `["Issuer","A"]` {
			t.Errorf("device %d has the label %s, made after the removal", i, got)
		}
		if c.vault.Accounts["A"].Fixed.Secret != "KNOWN" || c.vault.Accounts["B"].Fixed == nil || c.vault.Accounts["C"].Fixed == nil {
			t.Errorf("device %d has lost a secret", i)
		}
		if c.State().Hash() != all[0].State().Hash() {
			t.Errorf("device %d has another state", i)
		}
		if c.Epoch() != 2 {
			t.Errorf("device %d is in epoch %d", i, c.Epoch())
		}
	}
	if err := gone.Greet(); !errors.Is(err, ErrRemoved) {
		t.Errorf("the removed device gets %v", err)
	}
	if _, has := gone.vault.Accounts["B"]; has {
		t.Error("the removed device can read what came after")
	}
	if _, has := gone.Stream(2); has {
		t.Error("the removed device has the key of the new epoch")
	}
	// It makes no members, and is removed once.
	m := gone.device.Member("again")
	m.Key = bytes.Repeat([]byte{7}, 32)
	keys, err := sealKey(newKey(), all[0].chain.present(DeviceID{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{
		"adds":          forged(t, all[0], gone.device, func(e *entry) { e.Kind, e.Member = entryAdd, &m }),
		"removed again": forged(t, all[0], all[1].device, func(e *entry) { e.Kind, e.Device, e.Epoch, e.Keys = entryRemove, gone.self, 3, keys }),
	} {
		if isNew, err := all[0].takeEntry(packed); isNew || err == nil {
			t.Errorf("the removed device %s: %t, %v", name, isNew, err)
		}
	}
	// And all is so after a start.
	for i, c := range all[:4] {
		before := c.State().Hash()
		if err := c.restart(); err != nil {
			t.Fatal(err)
		}
		if c.State().Hash() != before {
			t.Errorf("device %d has another state after a start", i)
		}
	}
}

// What it sets first of all, and too late, does not come in by a device that has seen it before the removal.
func TestWhatARemovedDeviceSetFirstDoesNotStay(t *testing.T) {
	all := copies(t, fixed)
	w := line("w")
	all[0].add("A", "SECRET")
	rounds(t, w, all...)
	gone := all[4]
	a := gone.vault.Accounts["A"]
	a.Set = maps.Clone(a.Set)
	a.Set[Removed], _ = Set(true, a.Set["labels"].At+1)
	a.Set["sites"], _ = Set([]string{"https://evil.example"}, a.Set["labels"].At+1)
	gone.vault.Accounts["A"] = a
	gone.vault.Shared = map[string]Register{"mark": a.Set["sites"]}
	gone.sync(w)
	all[1].sync(w)
	if string(all[1].vault.Accounts["A"].Set[Removed].Value) != "true" {
		t.Fatal("it has not seen it")
	}
	other := line("other")
	if err := all[0].Remove(context.Background(), gone.Self(), other); err != nil {
		t.Fatal(err)
	}
	rounds(t, other, all[:4]...)
	for i, c := range all[:4] {
		a, has := c.vault.Accounts["A"], false
		if _, has = a.Set["sites"]; has || string(a.Set[Removed].Value) == "true" {
			t.Errorf("device %d has %s and %s", i, a.Set["sites"].Value, a.Set[Removed].Value)
		}
		if _, has = c.vault.Shared["mark"]; has || a.Fixed == nil {
			t.Errorf("device %d: the mark has stayed, or the account is gone", i)
		}
	}
}

// What waited for one that is missing, of a device that was removed since, is no hole: not after a start, either.
func TestWhatComesAfterTheEndOfARemovedDeviceIsNoHole(t *testing.T) {
	all := copies(t, fixed)
	w, other := line("w"), line("other")
	gone, c := all[4], all[1]
	gone.add("A", "SECRET")
	rounds(t, w, all...)
	n := len(w.items)
	gone.rename("A", "one")
	gone.sync(w)
	gone.rename("A", "two")
	gone.sync(w)
	w.items = slices.Delete(w.items, n, n+1)
	c.sync(w)
	if !c.has(Hole) {
		t.Fatalf("%v: nothing is missing", c.kinds())
	}
	if err := all[0].Remove(context.Background(), gone.self, other); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.sync(other)
		if c.has(Hole) || c.Devices()[4].Waiting > 0 {
			t.Errorf("%v, %+v", c.kinds(), c.Devices()[4])
		}
		if err := c.restart(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAccountAddedByARemovedDeviceIsNotLost(t *testing.T) {
	all := copies(t, fixed)
	w := line("w")
	rounds(t, w, all...)
	gone := all[4]
	gone.add("A", "SEEN BY ONE")
	gone.sync(w)
	all[1].sync(w) // has it in its vault
	other := line("other")
	if err := all[0].Remove(context.Background(), gone.Self(), other); err != nil {
		t.Fatal(err)
	}
	rounds(t, other, all[:4]...)
	for i, c := range all[:4] {
		if a := c.vault.Accounts["A"]; a.Fixed == nil || a.Fixed.Secret != "SEEN BY ONE" {
			t.Errorf("device %d has lost the account", i)
		}
	}
}

// A home that was put back from a backup makes two histories of a device: of two others, each has seen another one.
// The way out, to remove it, brings them together again.
func TestRemovingADeviceWithTwoHistoriesHeals(t *testing.T) {
	for name, remover := range map[string]int{"by who has seen the one": 0, "by who has seen the other": 1} {
		t.Run(name, func(t *testing.T) {
			clock := epochStart
			all := copies(t, func(int) time.Time { return clock })
			w, left, right := line("w"), line("left"), line("right")
			x := all[4]
			x.add("A", "SECRET")
			rounds(t, w, all...)
			twin := &computer{store: x.store.clone(), owner: x.owner, now: x.now, vault: View{Accounts: maps.Clone(x.vault.Accounts)}}
			if err := twin.restart(); err != nil {
				t.Fatal(err)
			}
			x.rename("A", "left")
			x.add("L", "LEFT")
			rounds(t, left, x, all[0])
			clock = clock.Add(time.Second)
			twin.rename("A", "right")
			twin.add("R", "RIGHT")
			rounds(t, right, twin, all[1])
			for i, c := range all[:2] {
				c.add(fmt.Sprint("after ", i), "SEEN")
			}
			rounds(t, left, all[0])
			rounds(t, right, all[1])
			w.items = append(append(w.items, left.items...), right.items...)
			rounds(t, w, all[:4]...)
			for i, c := range all[:4] {
				for _, tr := range c.Troubles() {
					if tr.Kind == Fork && tr.Device != x.self {
						t.Errorf("device %d says that %v has two histories, not %v", i, tr.Device, x.self)
					}
				}
				if !c.has(Fork) {
					t.Errorf("device %d says %v, not that there is a fork", i, c.kinds())
				}
			}
			if err := all[remover].Remove(context.Background(), x.self, w); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				rounds(t, w, all[:4]...)
				clock = clock.Add(settles + time.Second)
			}
			for i, c := range all[:4] {
				for range 2 { // and after a start
					if c.State().Hash() != all[0].State().Hash() {
						t.Errorf("device %d has another state", i)
					}
					if got, want := c.label("A"), []string{`["Issuer","left"]`, `["Issuer","right"]`}[remover]; got != want {
						t.Errorf("device %d has the label %s, want %s", i, got, want)
					}
					for _, id := range []string{"A", "L", "R", "after 0", "after 1"} {
						if c.vault.Accounts[id].Fixed == nil {
							t.Errorf("device %d has lost %s", i, id)
						}
					}
					if c.has(Fork) || c.has(Hole) {
						t.Errorf("device %d says %v", i, c.kinds())
					}
					if err := c.restart(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// A new device takes only the chain that it was told of.
func TestANewDeviceTakesNoOtherChain(t *testing.T) {
	all := copies(t, fixed)
	d, _ := NewDevice()
	owner, _ := age.GenerateX25519Identity()
	w := line("w")
	welcome, err := all[0].Add(context.Background(), d.Member("new"), w)
	if err != nil {
		t.Fatal(err)
	}
	welcome.Anchor.Hash[0] ^= 1
	r, err := join(&memStore{files: map[string][]byte{}}, d, welcome, owner, func() time.Time { return epochStart })
	if err != nil {
		t.Fatal(err)
	}
	rounds(t, w, all[0])
	if err := r.Round(context.Background(), w); err != nil {
		t.Fatal(err)
	}
	if err := r.Greet(); !errors.Is(err, ErrNotMember) {
		t.Errorf("Greet = %v", err)
	}
	if !(&computer{Replica: r}).has(Hole) {
		t.Errorf("no hole: %v", r.noted)
	}

	// Of two, it takes the one of the device that let it in, whichever comes first.
	welcome.Anchor.Hash[0] ^= 1
	other, _ := NewDevice()
	rival := line("rival")
	if _, err := all[1].Add(context.Background(), other.Member("other"), rival); err != nil {
		t.Fatal(err)
	}
	r, err = join(&memStore{files: map[string][]byte{}}, d, welcome, owner, func() time.Time { return epochStart })
	if err != nil {
		t.Fatal(err)
	}
	w.items = append(rival.items, w.items...)
	for range 2 {
		if err := r.Round(context.Background(), w); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Greet(); err != nil || !(&computer{Replica: r}).has(Fork) {
		t.Errorf("Greet = %v; %v", err, r.noted)
	}
}

func TestEveryBitOfAnEntryCounts(t *testing.T) {
	c := copies(t, fixed)[0]
	packed := c.chain.packed[1]
	for i := 0; i < len(packed)*8; i += 7 {
		hurt := bytes.Clone(packed)
		hurt[i/8] ^= 1 << (i % 8)
		fresh := chain{}
		fresh.take(c.chain.packed[0])
		if isNew, err := fresh.take(hurt); isNew || err == nil {
			t.Fatalf("bit %d of an entry may be changed", i)
		}
	}
}
