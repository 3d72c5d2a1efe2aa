package vaultsync

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	mrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
)

var soak, _ = strconv.Atoi(os.Getenv("CODEFOB_SOAK"))

// memStore is a disk in memory. One that is told to breaks at a later write, halfway.
type memStore struct {
	files  map[string][]byte
	breaks int // writes until it does; 0 is never
}

var errBroken = errors.New("the disk is full")

func (m *memStore) broken() bool {
	if m.breaks == 0 {
		return false
	}
	m.breaks = max(1, m.breaks-1)
	return m.breaks == 1
}

func (m *memStore) read(name string) ([]byte, error) {
	b, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

func (m *memStore) replace(name string, content []byte) error {
	if m.broken() {
		return errBroken
	}
	m.files[name] = bytes.Clone(content)
	return nil
}

func (m *memStore) appendAt(name string, at int64, content []byte) error {
	broken := m.broken()
	if broken {
		content = content[:len(content)/2]
	}
	m.files[name] = append(m.files[name][:at], content...)
	if broken {
		return errBroken
	}
	return nil
}

func (m *memStore) clone() *memStore {
	c := &memStore{files: map[string][]byte{}}
	for name, b := range m.files {
		c.files[name] = bytes.Clone(b)
	}
	return c
}

// wire is a carrier as bad as one likes. All devices of a test see the same one.
type wire struct {
	name  string
	r     *mrand.Rand
	bad   bool // loses, repeats, reorders, damages, and is older now and then
	items []item
	epoch int // counts the times when all was lost
}

type item struct {
	entry bool
	bytes []byte
}

func (w *wire) Name() string                   { return w.name }
func (w *wire) Wait(ctx context.Context) error { return nil }

func (w *wire) Enter(_ context.Context, _ uint64, record []byte) error {
	w.items = append(w.items, item{true, record})
	return nil
}

func (w *wire) Push(_ context.Context, records [][]byte) error {
	if w.bad && w.r.IntN(8) == 0 {
		return errors.New("the line is dead")
	}
	for _, record := range records {
		if w.bad && w.r.IntN(10) < 3 {
			continue // lost, though it said that it has it
		}
		w.items = append(w.items, item{false, record})
	}
	return nil
}

func (w *wire) Pull(_ context.Context, position string) (b Batch, err error) {
	if w.bad && w.r.IntN(8) == 0 {
		return b, errors.New("the line is dead")
	}
	if w.bad && w.r.IntN(40) == 0 { // an older state
		w.items, w.epoch = w.items[:len(w.items)*w.r.IntN(100)/100], w.epoch+1
	}
	var epoch, at int
	if position != "" {
		fmt.Sscanf(position, "%d.%d", &epoch, &at)
	}
	if epoch != w.epoch {
		return Batch{Older: position != "", Position: fmt.Sprintf("%d.0", w.epoch)}, nil
	}
	end := len(w.items)
	if w.bad && end > at {
		end = at + w.r.IntN(end-at+1)
	}
	for _, i := range w.items[at:end] {
		b.add(i)
		if !w.bad {
			continue
		}
		switch w.r.IntN(12) {
		case 0:
			b.add(i) // twice
		case 1:
			hurt := bytes.Clone(i.bytes)
			hurt[w.r.IntN(len(hurt))] ^= 1 << w.r.IntN(8)
			b.add(item{i.entry, hurt})
		case 2:
			b.add(item{i.entry, i.bytes[:w.r.IntN(len(i.bytes))]})
		case 3:
			b.add(w.items[w.r.IntN(len(w.items))]) // a replay
		}
	}
	if w.bad {
		w.r.Shuffle(len(b.Records), func(i, j int) { b.Records[i], b.Records[j] = b.Records[j], b.Records[i] })
		w.r.Shuffle(len(b.Entries), func(i, j int) { b.Entries[i], b.Entries[j] = b.Entries[j], b.Entries[i] })
	}
	b.Position = fmt.Sprintf("%d.%d", w.epoch, end)
	return b, nil
}

func (b *Batch) add(i item) {
	if i.entry {
		b.Entries = append(b.Entries, i.bytes)
	} else {
		b.Records = append(b.Records, i.bytes)
	}
}

// edit is one thing that a person did. The reference model knows nothing else.
type edit struct {
	at      int64
	device  DeviceID
	account string
	what    string // "add", "count", "use", "sheet", "code", or a register
	text    string
	number  uint64
}

// reference is what a sorted list of all that was done comes to: another program than
// the fold, that knows only lists.
func reference(edits []edit) map[string]map[string]string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.at, b.at), bytes.Compare(a.device[:], b.device[:]))
	})
	out := map[string]map[string]string{}
	sheets := map[string]int64{}
	for _, e := range edits {
		if out[e.account] == nil {
			out[e.account] = map[string]string{}
		}
		if e.what == "sheet" {
			sheets[e.account] = max(sheets[e.account], e.at)
		}
	}
	for _, e := range edits {
		of := out[e.account]
		switch e.what {
		case "add":
			of["secret"] = e.text
		case "count":
			if was, _ := strconv.ParseUint(of["counter"], 10, 64); e.number > was {
				of["counter"] = strconv.FormatUint(e.number, 10)
			}
		case "code":
			if int64(e.number) == sheets[e.account] && of["code "+e.text] == "" {
				of["code "+e.text] = "unused"
			}
		case "sheet":
		case "use":
		default:
			of[e.what] = e.text
		}
	}
	for _, e := range edits {
		if _, there := out[e.account]["code "+e.text]; e.what == "use" && there {
			out[e.account]["code "+e.text] = "used"
		}
	}
	return out
}

// plain puts a view as the reference does.
func plain(v View) map[string]map[string]string {
	out := map[string]map[string]string{}
	for id, a := range v.Accounts {
		of := map[string]string{}
		out[id] = of
		if a.Fixed != nil {
			of["secret"] = a.Fixed.Secret
		}
		if a.Counter > 0 {
			of["counter"] = strconv.FormatUint(a.Counter, 10)
		}
		for name, r := range a.Set {
			of[name] = string(r.Value)
		}
		for _, c := range a.Recovery {
			of["code "+c.Code] = map[bool]string{true: "used", false: "unused"}[c.Used != 0]
		}
	}
	return out
}

// computer is a device with its vault.
type computer struct {
	*Replica
	store *memStore
	owner *age.X25519Identity
	now   func() time.Time
	vault View
}

// sync is what a host does: pull, in the vault's lock compare and apply, and push.
func (c *computer) sync(carriers ...Carrier) error {
	for _, w := range carriers {
		if err := c.Pull(context.Background(), w); errors.Is(err, ErrStorage) {
			return err
		}
	}
	if err := c.Change(c.State().Diff(c.vault)); err != nil {
		return err
	}
	c.vault = c.State().Apply(c.vault, c.now())
	for _, w := range carriers {
		if err := c.Push(context.Background(), w); errors.Is(err, ErrStorage) {
			return err
		}
	}
	return nil
}

// restart forgets all that is not on disk.
func (c *computer) restart() (err error) {
	c.store.breaks = 0
	c.Replica, err = open(c.store, c.owner, c.now)
	return err
}

// five are five members of one vault, made once and copied.
var five = sync.OnceValues(func() (list []*computer, err error) {
	start := func() time.Time { return epochStart }
	w := &wire{name: "w"}
	for i := range 5 {
		owner, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		c := &computer{store: &memStore{files: map[string][]byte{}}, owner: owner}
		if i == 0 {
			c.Replica, err = create(c.store, "device 0", owner, start)
		} else {
			var d *Device
			var welcome Welcome
			if d, err = NewDevice(); err == nil {
				welcome, err = list[0].Add(context.Background(), d.Member(fmt.Sprint("device ", i)), w)
			}
			if err == nil {
				c.Replica, err = join(c.store, d, welcome, owner, start)
			}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	for range 2 {
		for _, c := range list {
			if err := c.Round(context.Background(), w); err != nil {
				return nil, err
			}
			c.store.files[memoryFile] = []byte("{}") // they will have other carriers
		}
	}
	return list, nil
})

var epochStart = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func copies(t testing.TB, now func(i int) time.Time) (list []*computer) {
	t.Helper()
	made, err := five()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range made {
		c := &computer{store: m.store.clone(), owner: m.owner, now: func() time.Time { return now(i) }, vault: View{Accounts: map[string]Account{}}}
		if err := c.restart(); err != nil {
			t.Fatal(err)
		}
		if err := c.member(); err != nil {
			t.Fatalf("device %d: %v", i, err)
		}
		list = append(list, c)
	}
	return list
}

// schedule is a random history of five devices and two carriers. It gives the operations.
func schedule(t *testing.T, seed uint64, steps int) (operations int) {
	r := mrand.New(mrand.NewPCG(seed, 1))
	clock := epochStart
	var off [5]time.Duration
	for i := range off {
		off[i] = time.Duration(r.IntN(540)-270) * time.Second // 9 minutes apart at the most
	}
	all := copies(t, func(i int) time.Time { return clock.Add(off[i]) })
	a, b := &wire{name: "a", r: r, bad: true}, &wire{name: "b", r: r, bad: true}
	// The first reaches both carriers, the others one or both.
	reach := [5][]Carrier{{a, b}}
	for i := 1; i < 5; i++ {
		reach[i] = [][]Carrier{{a}, {b}, {a, b}}[r.IntN(3)]
	}
	var edits []edit
	var ids []string
	fresh := 0
	for range steps {
		clock = clock.Add(time.Duration(r.IntN(40_000)) * time.Millisecond)
		i := r.IntN(5)
		c := all[i]
		switch r.IntN(20) {
		case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12:
			fresh++
			if e := change(r, c, &ids, fresh); e.what != "" {
				edits = append(edits, e)
			}
		case 13:
			if err := c.restart(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		case 14:
			c.store.breaks = 2 + r.IntN(4)
			c.sync(reach[i]...) // it breaks somewhere, or not
			if err := c.restart(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		default:
			before := counters(c.vault)
			if err := c.sync(reach[i]...); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for id, n := range counters(c.vault) {
				if n < before[id] {
					t.Fatalf("seed %d: the counter of %s went from %d to %d", seed, id, before[id], n)
				}
			}
		}
	}
	// It heals: good carriers, and time for others to push what they have.
	a.bad, b.bad = false, false
	same := func() bool {
		for i, c := range all {
			if c.State().Hash() != all[0].State().Hash() || len(c.State().Diff(c.vault)) > 0 || i > 0 && len(edits) > 0 && len(c.ops) == 0 {
				return false
			}
		}
		return true
	}
	for round := 0; round < 3 || !same(); round++ {
		if round == 20 {
			for i, c := range all {
				t.Logf("device %d: %v, %v, waiting %v", i, c.State().Hash(), c.Troubles(), c.waiting)
			}
			t.Fatalf("seed %d: they do not come together", seed)
		}
		clock = clock.Add(2 * time.Minute)
		for i, c := range all {
			if err := c.sync(reach[i]...); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
	want := reference(edits)
	for i, c := range all {
		got := plain(c.State().Apply(View{}, clock))
		if !maps.EqualFunc(got, want, maps.Equal) {
			t.Fatalf("seed %d: device %d holds\n%s\nwant\n%s", seed, i, pretty(got), pretty(want))
		}
		if !maps.EqualFunc(plain(c.vault), want, maps.Equal) {
			t.Fatalf("seed %d: the vault of device %d holds\n%s\nwant\n%s", seed, i, pretty(plain(c.vault)), pretty(want))
		}
		for _, tr := range c.Troubles() {
			if tr.Kind == Fork || tr.Kind == Hole || tr.Kind == Stranger || tr.Kind == TwoSecret {
				t.Fatalf("seed %d: device %d: %+v", seed, i, tr)
			}
		}
	}
	// And in any order, some twice.
	var list []*signed
	for _, l := range all[0].ops {
		list = append(list, l...)
	}
	again := newState()
	for range 2 {
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, s := range list {
			again.join(&s.Operation)
		}
	}
	if again.Hash() != all[0].State().Hash() {
		t.Fatalf("seed %d: the order matters", seed)
	}
	return len(list)
}

func pretty(v any) string { b, _ := json.MarshalIndent(v, "", " "); return string(b) }

func counters(v View) map[string]uint64 {
	out := map[string]uint64{}
	for id, a := range v.Accounts {
		out[id] = a.Counter
	}
	return out
}

// change does one thing to a vault, as the vault does it: a clock moves forward even if
// the computer's was set back.
func change(r *mrand.Rand, c *computer, ids *[]string, fresh int) edit {
	now := c.now().UnixMilli()
	have := slices.Sorted(maps.Keys(c.vault.Accounts))
	if len(have) == 0 || r.IntN(6) == 0 {
		id := fmt.Sprintf("ID%04d", fresh)
		*ids = append(*ids, id)
		secret := fmt.Sprintf("SECRET%d", fresh)
		c.vault.Accounts[id] = Account{Fixed: &Fixed{Type: "hotp", Secret: secret, Digits: 6, Created: now}, Set: map[string]Register{}}
		return edit{now, c.self, id, "add", secret, 0}
	}
	id := have[r.IntN(len(have))]
	a := c.vault.Accounts[id]
	a.Set, a.Recovery = maps.Clone(a.Set), slices.Clone(a.Recovery)
	if a.Set == nil {
		a.Set = map[string]Register{}
	}
	defer func() { c.vault.Accounts[id] = a }()
	set := func(name string, value any) edit {
		reg, err := Set(value, max(now, a.Set[name].At+1))
		if err != nil {
			panic(err)
		}
		a.Set[name] = reg
		return edit{reg.At, c.self, id, name, string(reg.Value), 0}
	}
	switch r.IntN(9) {
	case 0:
		return set("labels", []string{"Issuer", fmt.Sprint("name ", fresh)})
	case 1:
		return set("sites", []string{fmt.Sprintf("https://site%d.example", fresh)})
	case 2:
		return set("pin", fmt.Sprint(fresh))
	case 3:
		return set(Removed, string(a.Set[Removed].Value) != "true")
	case 4, 5:
		a.Counter++
		return edit{now, c.self, id, "count", "", a.Counter}
	case 6, 7:
		if r.IntN(3) == 0 && len(a.Recovery) > 0 { // a new sheet
			a.RecoveryAt, a.Recovery = max(now, a.RecoveryAt+1), nil
			return edit{a.RecoveryAt, c.self, id, "sheet", "", 0}
		}
		code := fmt.Sprintf("code-%d", fresh)
		a.Recovery = append(a.Recovery, RecoveryCode{Code: code, N: len(a.Recovery)})
		return edit{now, c.self, id, "code", code, uint64(a.RecoveryAt)}
	default:
		for i, code := range a.Recovery {
			if code.Used == 0 {
				a.Recovery[i].Used = now
				return edit{now, c.self, id, "use", code.Code, 0}
			}
		}
		return edit{}
	}
}

// R8, R1, with CODEFOB_SEED for one of them again: whatever carriers do, and whoever is cut off from whom, all come to the same, and
// to what the reference says.
func TestRandomSchedulesComeTogether(t *testing.T) {
	schedules, first := 250, uint64(1) // and hours of others in make soak
	if soak > 0 {
		schedules, first = soak*10, mrand.Uint64()
	}
	if s, err := strconv.ParseUint(os.Getenv("CODEFOB_SEED"), 10, 64); err == nil {
		first, schedules = s, 1
	}
	const shards = 2
	var operations [shards]int
	t.Run("", func(t *testing.T) {
		for shard := range shards {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for i := shard; i < schedules; i += shards {
					operations[shard] += schedule(t, first+uint64(i), 25)
				}
			})
		}
	})
	t.Logf("SOAK sync: %d schedules of five devices and two bad carriers, %d operations; the same everywhere, no counter lower, no secret lost", schedules, operations[0]+operations[1])
}
