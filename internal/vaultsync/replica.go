package vaultsync

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
)

// The files of a device.
const (
	deviceFile  = "device.age"  // its keys, and those of the epochs
	membersFile = "members.log" // the entries
	recordsFile = "records.log" // the operations, its own and those of others
	memoryFile  = "memory.json" // what it remembers of carriers
)

// maxAhead is how far the clock of an operation may be ahead of ours.
const maxAhead = 10 * time.Minute

// What is kept of what cannot be used yet.
const (
	maxRivals = 4    // operations of one number, of one device
	maxLoose  = 1000 // records of one carrier; entries
	maxBytes  = 8 << 20
)

// Device is the keys of a device. No other device ever has them.
type Device struct {
	key      ed25519.PrivateKey
	identity *age.X25519Identity
}

// NewDevice makes the keys of a new device.
func NewDevice() (*Device, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return &Device{key, identity}, err
}

// Member is the device as others know it, under the name that it has for people.
func (d *Device) Member(name string) Member {
	return Member{Key: d.key.Public().(ed25519.PublicKey), Recipient: d.identity.Recipient().String(), Name: name}
}

// Welcome is what a new member needs to know, and nobody else may.
type Welcome struct {
	Vault  Hash              `json:"vault"`  // of the genesis entry: the vault's name in syncing
	Anchor Head              `json:"anchor"` // the entry that let it in
	Epochs map[uint32][]byte `json:"epochs"` // the keys
}

// kept is device.age.
type kept struct {
	Key      []byte `json:"key"`
	Identity string `json:"identity"`
	Welcome
}

// Replica is what one device has of the vault's operations and members. One program at a
// time may use it for more than looking: callers hold a lock. It is not for concurrent use.
type Replica struct {
	store store
	owner *age.X25519Identity // the vault's: opens and seals device.age
	now   func() time.Time

	device *Device
	self   DeviceID
	known  Welcome
	chain  chain
	ring   map[uint32]*sealer
	seal   *sealer // of entries

	records, entries logFile

	ops     map[DeviceID][]*signed // what is proved to follow from its beginning, and may be applied
	waiting map[DeviceID]map[uint64][]waiting
	early   []earlyEntry
	loose   map[string][]loose // by carrier
	held    []*signed          // with a clock ahead
	strayed []*signed          // of removed devices, of a history that does not lead to what counts
	anew    bool               // all carriers are to be read from their beginning
	lost    bool               // so they are, as the logs have lost what they had; nothing is made before
	newer   map[DeviceID]bool
	state   *State
	clock   int64
	told    map[DeviceID]uint64 // which heads our operations have told
	toldOf  *Head               // and of the members

	carriers map[string]*carried
	lasting  map[troubleKey]bool
	noted    map[troubleKey]int64
	memory   []byte // as it was written last
}

// waiting is an operation that is signed well, and follows one that has not come.
type waiting struct {
	*signed
	carrier string
}

// earlyEntry is one before which entries are missing.
type earlyEntry struct {
	entry
	hash           Hash
	packed, record []byte
	carrier        string
}

// loose is a record of which nothing can be made, now.
type loose struct {
	record  []byte
	isEntry bool
	kind    Kind
	device  DeviceID
}

// carried is what a device remembers of a carrier.
type carried struct {
	Position string              `json:"position,omitzero"` // up to which all was understood
	Has      map[DeviceID]uint64 `json:"has,omitzero"`      // operations that were seen up to there: all up to one; entries stand under no device
	OlderAt  int64               `json:"olderAt,omitzero"`  // when it had lost what it had
	Began    int64               `json:"began,omitzero"`    // when it was last read from its beginning

	position string             // up to which it was read
	has      map[DeviceID]*span // up to there
	pushed   map[number]int64
	damaged  bool // there is something that is not whole
	dropped  bool // there was more than is kept
}

// number is that of an operation; or of an entry: no device, and its index + 1.
type number struct {
	device DeviceID
	seq    uint64
}

// wasPushed tells whether what was pushed lately may show yet. Only what a carrier shows, it has.
func (c *carried) wasPushed(device DeviceID, seq uint64, since int64) bool {
	at, ok := c.pushed[number{device, seq}]
	return ok && at > since
}

func (c *carried) push(device DeviceID, seq uint64, now int64) {
	if c.pushed == nil {
		c.pushed = map[number]int64{}
	}
	c.pushed[number{device, seq}] = now
}

// settled keeps what was seen so far: all of it was understood.
func (c *carried) settled() {
	c.Position, c.Has = c.position, map[DeviceID]uint64{}
	for id, s := range c.has {
		c.Has[id] = s.upto
	}
}

// span is a set of numbers from 1: all up to one, and some beyond.
type span struct {
	upto   uint64
	beyond map[uint64]bool
}

func (s *span) has(n uint64) bool { return s != nil && (n <= s.upto || s.beyond[n]) }

func (s *span) add(n uint64) {
	if s.has(n) {
		return
	}
	if s.beyond == nil {
		s.beyond = map[uint64]bool{}
	}
	for s.beyond[n] = true; s.beyond[s.upto+1]; s.upto++ {
		delete(s.beyond, s.upto+1)
	}
}

// memory is memory.json.
type memory struct {
	Carriers map[string]*carried `json:"carriers"`
	Lasting  []Trouble           `json:"lasting,omitzero"`
	Now      []Trouble           `json:"now,omitzero"`
	Records  int64               `json:"records,omitzero"` // how long the logs were: where they are shorter, what they lost is to come again
	Entries  int64               `json:"entries,omitzero"`
}

// Create begins syncing with this computer as the first device. folder is made; it
// returns [ErrExists] if there is one. owner is the vault's identity.
func Create(folder, name string, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	s, err := makeFolder(folder)
	if err != nil {
		return nil, err
	}
	return create(s, name, owner, now)
}

// Join begins syncing as a further device, which another has let in.
func Join(folder string, d *Device, w Welcome, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	s, err := makeFolder(folder)
	if err != nil {
		return nil, err
	}
	return join(s, d, w, owner, now)
}

// Open goes on with what is in folder. It returns [ErrNone] if there is nothing, and
// changes nothing: another program may use the folder meanwhile.
func Open(folder string, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	return open(folderStore(folder), owner, now)
}

func makeFolder(folder string) (folderStore, error) {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%w: %w", ErrStorage, err)
	}
	s := folderStore(folder)
	if _, err := s.read(deviceFile); err == nil {
		return "", ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return s, nil
}

func create(s store, name string, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	d, err := NewDevice()
	if err != nil {
		return nil, err
	}
	m, k := d.Member(name), newKey()
	if err := m.check(); err != nil {
		return nil, err
	}
	keys, err := sealKey(k, []*membership{{Member: m}})
	if err != nil {
		return nil, err
	}
	packed, err := signEntry(d.key, entry{Kind: entryGenesis, Member: &m, Epoch: 1, Keys: keys, At: now().UnixMilli(), Signer: m.ID()})
	if err != nil {
		return nil, err
	}
	_, hash, err := parseEntry(packed)
	if err != nil {
		return nil, err
	}
	return begin(s, d, Welcome{hash, Head{0, hash}, map[uint32][]byte{1: k[:]}}, owner, now, packed)
}

func join(s store, d *Device, w Welcome, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	return begin(s, d, w, owner, now)
}

// begin makes the files of a device, device.age last: without it there is nothing.
func begin(s store, d *Device, w Welcome, owner *age.X25519Identity, now func() time.Time, entries ...[]byte) (*Replica, error) {
	r, err := newReplica(s, d, w, owner, now)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{membersFile, recordsFile, memoryFile} { // of an earlier time
		if _, err := s.read(name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := s.replace(name, nil); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrStorage, err)
		}
	}
	for _, packed := range entries {
		if _, err := r.takeEntry(packed); err != nil {
			return nil, err
		}
	}
	return r, r.keepKeys()
}

func newReplica(s store, d *Device, w Welcome, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	r := &Replica{store: s, owner: owner, now: now, device: d, known: w, ring: map[uint32]*sealer{}, state: newState(),
		records: logFile{store: s, name: recordsFile}, entries: logFile{store: s, name: membersFile},
		ops: map[DeviceID][]*signed{}, waiting: map[DeviceID]map[uint64][]waiting{},
		loose: map[string][]loose{}, newer: map[DeviceID]bool{}, told: map[DeviceID]uint64{}, carriers: map[string]*carried{},
		lasting: map[troubleKey]bool{}, noted: map[troubleKey]int64{}}
	r.self = idOf(d.key.Public().(ed25519.PublicKey))
	if len(w.Epochs[1]) != len(key{}) {
		return nil, fmt.Errorf("%w: the first key is missing", ErrDamaged)
	}
	for epoch, k := range w.Epochs {
		if len(k) != len(key{}) {
			return nil, fmt.Errorf("%w: a key is too short", ErrDamaged)
		}
		r.ring[epoch] = newSealer(key(k), "codefob record 1", w.Vault, epoch)
	}
	r.seal = newSealer(r.firstKey().derive("members"), "codefob entry 1", w.Vault, 0)
	return r, nil
}

func (r *Replica) firstKey() key { return key(r.known.Epochs[1]) }

// keepKeys writes device.age.
func (r *Replica) keepKeys() error {
	plain, err := json.Marshal(kept{r.device.key.Seed(), r.device.identity.String(), r.known}, json.Deterministic(true))
	if err != nil {
		return err
	}
	defer clear(plain)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r.owner.Recipient())
	if err != nil {
		return err
	}
	w.Write(plain)
	if err := w.Close(); err != nil {
		return err
	}
	if err := r.store.replace(deviceFile, out.Bytes()); err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return nil
}

func open(s store, owner *age.X25519Identity, now func() time.Time) (*Replica, error) {
	sealed, err := s.read(deviceFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	var k kept
	plain, err := age.Decrypt(bytes.NewReader(sealed), owner)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, deviceFile, err)
	}
	all, err := io.ReadAll(plain)
	defer clear(all)
	if err != nil || json.Unmarshal(all, &k) != nil || len(k.Key) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, deviceFile)
	}
	identity, err := age.ParseX25519Identity(k.Identity)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, deviceFile)
	}
	r, err := newReplica(s, &Device{ed25519.NewKeyFromSeed(k.Key), identity}, k.Welcome, owner, now)
	if err != nil {
		return nil, err
	}
	return r, r.load()
}

// load reads the logs. Nobody but this device can have sealed what is in them: signatures are not looked at again.
func (r *Replica) load() error {
	r.chain.trusted = true
	err := r.entries.each(func(record []byte) error {
		_, _, packed, err := r.seal.open(record)
		if err == nil {
			_, err = r.chain.take(packed)
		}
		return err
	})
	r.chain.trusted = false
	if err != nil {
		return err
	}
	r.learnKeys() // those that were to be written when the power went; they are in the log
	m, remembers := r.recall()
	err = r.records.each(func(record []byte) error {
		s, _, err := r.unseal(record)
		if err == nil {
			r.wait(waiting{s, r.bringer(s.Device)})
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.records.size < m.Records || r.entries.size < m.Entries {
		clear(r.carriers)
		r.lost, remembers = true, false
	}
	r.settle()
	r.dropLate()
	if !remembers {
		r.look()
	}
	return nil
}

// recall reads memory.json, and tells whether it could. Without it all is read again from the carriers.
func (r *Replica) recall() (m memory, ok bool) {
	raw, err := r.store.read(memoryFile)
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return memory{}, false
	}
	for name, c := range m.Carriers {
		if c != nil {
			c.position, c.has = c.Position, map[DeviceID]*span{}
			for id, n := range c.Has {
				c.has[id] = &span{upto: n}
			}
			r.carriers[name] = c
		}
	}
	for _, t := range m.Lasting {
		r.note(t.Kind, t.Carrier, t.Device)
	}
	for _, t := range m.Now { // until the next look: what the carriers brought is not here
		r.noted[troubleKey{t.Kind, t.Carrier, t.Device}] = t.Since
	}
	r.memory = raw
	return m, true
}

// bringer is the carrier that brought what there is of a device behind a hole.
func (r *Replica) bringer(device DeviceID) string {
	for k := range r.noted {
		if k.kind == Hole && k.device == device {
			return k.carrier
		}
	}
	return ""
}

// Close forgets the keys and all that was said, as far as Go lets it. The Replica is of no use then.
func (r *Replica) Close() {
	if r.device == nil { // it was closed
		return
	}
	wipe := func(s *signed) {
		clear(s.packed)
		clear(s.Fields)
	}
	for _, list := range r.ops {
		for _, s := range list {
			wipe(s)
		}
	}
	for _, s := range r.strayed {
		wipe(s)
	}
	for _, bySeq := range r.waiting {
		for _, list := range bySeq {
			for _, w := range list {
				wipe(w.signed)
			}
		}
	}
	for _, k := range r.known.Epochs {
		clear(k)
	}
	clear(r.device.key)
	*r = Replica{store: r.store, now: r.now, self: r.self}
}

// Self is the id of this device.
func (r *Replica) Self() DeviceID { return r.self }

// State is what the operations come to. It is the Replica's own: read only, good until the next change.
func (r *Replica) State() *State { return r.state }

// DeviceInfo is a device for people.
type DeviceInfo struct {
	ID      DeviceID
	Name    string
	Self    bool
	Removed bool
	Added   time.Time
	Heard   time.Time // the clock of its last operation; zero if there is none
	Heads   uint64    // how many operations of it are here
	Waiting int       // how many wait for one that is missing
}

// Devices lists all that are or were members, in the order in which they came.
func (r *Replica) Devices() (list []DeviceInfo) {
	for _, e := range r.chain.entries {
		if e.Member == nil {
			continue
		}
		id := e.Member.ID()
		m := r.chain.members[id]
		d := DeviceInfo{ID: id, Name: m.Name, Self: id == r.self, Removed: m.removed, Added: time.UnixMilli(m.at), Heads: uint64(len(r.ops[id])), Waiting: len(r.waiting[id])}
		if n := len(r.ops[id]); n > 0 {
			d.Heard = time.UnixMilli(r.ops[id][n-1].Clock)
		}
		list = append(list, d)
	}
	return list
}

// Pending counts the operations that were not seen at a carrier yet.
func (r *Replica) Pending(carrier string) (n int) {
	c := r.carrier(carrier)
	for id, list := range r.ops {
		for _, s := range list {
			if r.counts(id, s.Seq) && !c.has[id].has(s.Seq) {
				n++
			}
		}
	}
	return n
}

// member returns why this device may not change anything, if it may not.
func (r *Replica) member() error {
	n := r.known.Anchor.Seq
	m := r.chain.members[r.self]
	switch {
	case uint64(len(r.chain.hashes)) <= n || m == nil:
		return ErrNotMember
	case m.removed:
		return ErrRemoved
	}
	return nil
}

// Change makes operations of changes, which are on disk when it returns nil. What is too
// large for an operation is left out, and told in the error. Pull first where that can be: a device
// whose folder was put back from a backup then learns what it made since.
func (r *Replica) Change(changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := r.member(); err != nil {
		return err
	}
	if r.lost || len(r.waiting[r.self]) > 0 { // what it made now would be a fork
		return ErrBehind
	}
	var made []*signed
	var tooLarge error
	mine := r.ops[r.self]
	prev := Hash{}
	if len(mine) > 0 {
		prev = mine[len(mine)-1].hash
	}
	heads, members := r.heads()
	clock := r.clock
	for queue := slices.Clone(changes); len(queue) > 0; queue = queue[1:] {
		c := queue[0]
		op := Operation{Device: r.self, Seq: uint64(len(mine)+len(made)) + 1, Prev: prev, Heads: heads, Members: members,
			Clock: max(r.now().UnixMilli(), clock+1), Kind: c.Kind, Account: c.Account}
		if c.Fields != nil {
			raw, err := json.Marshal(c.Fields, json.Deterministic(true))
			if err != nil {
				return err
			}
			op.Fields = raw
		}
		s, err := sign(r.device.key, r.known.Vault, op)
		if err != nil {
			if parts := c.split(); parts != nil {
				queue = append(queue, parts...)
			} else {
				tooLarge = fmt.Errorf("account %s: %w", c.Account, err)
			}
			continue
		}
		if !understands(&s.Operation) {
			tooLarge = fmt.Errorf("account %s: %w", c.Account, errShape)
			continue
		}
		made = append(made, s)
		prev, clock, heads, members = s.hash, op.Clock, nil, nil
	}
	if err := r.keep(made...); err != nil {
		return err
	}
	for _, s := range made {
		r.accept(s)
	}
	return tooLarge
}

// Greet makes an operation that changes nothing, so that others hear of this device, and what it has seen.
func (r *Replica) Greet() error { return r.Change([]Change{{Kind: kindSeen}}) }

// split cuts a change that is too large in parts, or returns nil if that cannot be.
func (c Change) split() (parts []Change) {
	a, ok := c.Fields.(Account)
	if !ok || c.Kind != kindAccount || len(a.Set)+len(a.Recovery) == 0 || a.Fixed == nil && len(a.Set) == 1 && len(a.Recovery) == 0 {
		return nil
	}
	set, recovery := a.Set, a.Recovery
	if a.Set, a.Recovery = nil, nil; a.Fixed != nil || a.Counter > 0 {
		parts = append(parts, Change{c.Kind, c.Account, Account{Fixed: a.Fixed, Counter: a.Counter}})
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		parts = append(parts, Change{c.Kind, c.Account, Account{Set: map[string]Register{name: set[name]}}})
	}
	if len(recovery) > 0 {
		parts = append(parts, Change{c.Kind, c.Account, Account{RecoveryAt: a.RecoveryAt, Recovery: recovery}})
	}
	if len(parts) == 1 {
		return nil
	}
	return parts
}

// heads are those that our operations have not told yet.
func (r *Replica) heads() (heads map[DeviceID]Head, members *Head) {
	for id, list := range r.ops {
		n := uint64(len(list))
		if m := r.chain.members[id]; id == r.self || m == nil || n <= r.told[id] || m.removed {
			continue
		}
		if heads == nil {
			heads = map[DeviceID]Head{}
		}
		heads[id] = Head{n, list[n-1].hash}
	}
	if h := r.chain.head(); r.toldOf == nil || r.toldOf.Seq < h.Seq {
		members = &h
	}
	return heads, members
}

// keep writes operations to the log.
func (r *Replica) keep(list ...*signed) error {
	if len(list) == 0 {
		return nil
	}
	var records [][]byte
	for _, s := range list {
		record, err := r.sealed(s)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	return r.records.add(records...)
}

// sealed makes a record of an operation, with the key of the newest epoch that this device has.
func (r *Replica) sealed(s *signed) ([]byte, error) {
	return r.ring[slices.Max(slices.Collect(maps.Keys(r.ring)))].seal(s.Device, s.Seq, s.packed)
}

// unseal reads a record, the newest epoch's first. device is told where the header opened.
func (r *Replica) unseal(record []byte) (s *signed, device DeviceID, err error) {
	err = errUnopened
	for _, epoch := range slices.Backward(slices.Sorted(maps.Keys(r.ring))) {
		var seq uint64
		var packed []byte
		device, seq, packed, err = r.ring[epoch].open(record)
		if errors.Is(err, errUnopened) {
			continue
		}
		if err != nil {
			return nil, device, err
		}
		s, err = parseOperation(r.known.Vault, packed)
		if err == nil && (s.Device != device || s.Seq != seq) {
			err = errShape
		}
		return s, device, err
	}
	return nil, device, err
}

// counts tells whether an operation of that number does, of a device that may have been removed.
func (r *Replica) counts(device DeviceID, seq uint64) bool {
	m := r.chain.members[device]
	return m != nil && (!m.removed || seq <= m.upto.Seq)
}

// takeEntry applies an entry, and keeps it.
func (r *Replica) takeEntry(packed []byte) (isNew bool, err error) {
	if e, _, err := parseEntry(packed); err == nil && e.Index < uint64(len(r.chain.entries)) {
		return r.chain.take(packed) // changes nothing
	}
	next := r.chain
	next.packed, next.hashes, next.entries = slices.Clip(next.packed), slices.Clip(next.hashes), slices.Clip(next.entries)
	next.members = map[DeviceID]*membership{}
	for id, m := range r.chain.members {
		next.members[id] = new(*m)
	}
	if isNew, err = next.take(packed); err != nil || !isNew {
		return isNew, err
	}
	n := uint64(len(next.hashes)) - 1
	if n == 0 && next.hashes[0] != r.known.Vault || n == r.known.Anchor.Seq && next.hashes[n] != r.known.Anchor.Hash {
		return false, errFork
	}
	record, err := r.seal.seal(DeviceID{}, n, packed)
	if err != nil {
		return false, err
	}
	if err := r.entries.add(record); err != nil {
		return false, err
	}
	r.chain = next
	if r.learnKeys() {
		err = r.keepKeys()
	}
	if e := next.entries[n]; e.Kind == entryRemove { // what it made later counts no more
		r.dropLate()
		for k := range r.lasting { // we may have the wrong one of two histories, and have passed the other over
			if k.kind == Fork && k.device == e.Device && r.hasEnd(e.Device) && !r.atEnd(e.Device) {
				r.anew = true
			}
		}
		r.refold()
	}
	return true, err
}

// learnKeys opens the keys of epochs that came with entries, and tells whether there were some.
func (r *Replica) learnKeys() (learnt bool) {
	for _, e := range r.chain.entries {
		if len(e.Keys) == 0 || r.ring[e.Epoch] != nil {
			continue
		}
		k, err := unsealKey(e.Keys, r.device.identity)
		if err != nil {
			continue // from before we came, or after we went
		}
		r.known.Epochs[e.Epoch] = k[:]
		r.ring[e.Epoch] = newSealer(k, "codefob record 1", r.known.Vault, e.Epoch)
		learnt = true
	}
	return learnt
}
