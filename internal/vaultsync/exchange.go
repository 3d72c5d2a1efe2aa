package vaultsync

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Carrier carries records between devices. It is trusted with nothing: whatever it brings is checked.
type Carrier interface {
	// Name is how people and troubles call it; the same at each start.
	Name() string
	// Pull gives what came since a position, "" being the beginning, and does not wait for more.
	// What this device pushed is among it: only what a carrier shows, it has.
	Pull(ctx context.Context, position string) (Batch, error)
	// Push hands records over, which others will get; they are durable there when it returns nil.
	Push(ctx context.Context, records [][]byte) error
	// Enter hands over the entry of an index of the members' chain. A carrier that can tell
	// returns [ErrTaken] when it has one of that index.
	Enter(ctx context.Context, index uint64, record []byte) error
	// Wait returns when there may be something to pull.
	Wait(ctx context.Context) error
}

// Batch is what a carrier brings.
type Batch struct {
	Entries  [][]byte // of the members' chain
	Records  [][]byte
	Position string // behind them
	More     bool   // there is more already
	Older    bool   // it has lost what it had: Position is where to begin again
	Damaged  bool   // there is something that is not whole, or not yet
}

const (
	pushAtOnce = 100                 // records
	grace      = time.Minute         // for others to push their own
	readAnew   = 30 * 24 * time.Hour // a relay drops what is old, and does not tell
)

func (r *Replica) carrier(name string) *carried {
	c := r.carriers[name]
	if c == nil {
		c = &carried{has: map[DeviceID]*span{}}
		r.carriers[name] = c
	}
	return c
}

func (c *carried) shows(device DeviceID, seq uint64) {
	if c.has[device] == nil {
		c.has[device] = &span{}
	}
	c.has[device].add(seq)
	delete(c.pushed, number{device, seq})
}

// Round is [Replica.Pull], and then [Replica.Push].
func (r *Replica) Round(ctx context.Context, c Carrier) error {
	if err := r.Pull(ctx, c); err != nil {
		return err
	}
	return r.Push(ctx, c)
}

// Pull takes over all that came.
func (r *Replica) Pull(ctx context.Context, c Carrier) error {
	state, now := r.carrier(c.Name()), r.now().UnixMilli()
	if state.Began != 0 && (now-state.Began > readAnew.Milliseconds() || now < state.Began) {
		*state = carried{has: map[DeviceID]*span{}, OlderAt: state.OlderAt, pushed: state.pushed}
	}
	if state.Began == 0 {
		state.Began = now
	}
	for anew := 0; ; {
		b, err := c.Pull(ctx, r.carrier(c.Name()).position)
		if err != nil {
			return err
		}
		if err := r.Take(c.Name(), b); err != nil {
			return err
		}
		if b.Older {
			anew++
		}
		switch {
		case anew > 1: // it would be given all, again and again
			return fmt.Errorf("%s loses at once what it has: use another one", c.Name())
		case !b.More && !b.Older:
			return nil
		}
	}
}

// Push hands over all that the carrier does not have, or has lost.
func (r *Replica) Push(ctx context.Context, c Carrier) error {
	if r.member() != nil {
		return nil // nothing of ours counts
	}
	state, now := r.carrier(c.Name()), r.now()
	late := now.Add(-grace).UnixMilli()
	for i, packed := range r.chain.packed {
		if n := uint64(i) + 1; state.has[DeviceID{}].has(n) || state.wasPushed(DeviceID{}, n, late) {
			continue
		}
		record, err := r.seal.seal(DeviceID{}, uint64(i), packed)
		if err != nil {
			return err
		}
		if err := c.Enter(ctx, uint64(i), record); errors.Is(err, ErrTaken) {
			break // the next pull shows by what
		} else if err != nil {
			return err
		}
		state.push(DeviceID{}, uint64(i)+1, now.UnixMilli())
	}
	for list := range slices.Chunk(r.lacking(state, late), pushAtOnce) {
		var records [][]byte
		for _, s := range list {
			record, err := r.sealed(s)
			if err != nil {
				return err
			}
			records = append(records, record)
		}
		if err := c.Push(ctx, records); err != nil {
			return err
		}
		for _, s := range list {
			state.push(s.Device, s.Seq, now.UnixMilli())
		}
	}
	return nil
}

// lacking lists operations that a carrier has not shown: our own, and those of others that
// were here for a while, as when a carrier has lost them, or never had them.
func (r *Replica) lacking(c *carried, late int64) (list []*signed) {
	for _, id := range slices.SortedFunc(maps.Keys(r.ops), func(a, b DeviceID) int { return bytes.Compare(a[:], b[:]) }) {
		for _, s := range r.ops[id] {
			if c.has[id].has(s.Seq) || !r.counts(id, s.Seq) || id != r.self && s.taken > late || c.wasPushed(id, s.Seq, late) {
				continue
			}
			list = append(list, s)
		}
	}
	return list
}

// Take takes over what a carrier brought. Whatever is wrong with it becomes a [Trouble];
// an error is of this computer's disk, and nothing of the batch counts as read then.
func (r *Replica) Take(name string, b Batch) error {
	c := r.carrier(name)
	if b.Older {
		*c = carried{has: map[DeviceID]*span{}, OlderAt: r.now().UnixMilli(), Began: r.now().UnixMilli()}
		delete(r.loose, name)
	}
	grown, err := r.takeEntries(name, b.Entries)
	if err != nil {
		return err
	}
	if grown { // what could not be read may be readable now
		all := r.loose
		r.loose = map[string][]loose{}
		for other, list := range all {
			var again [][]byte
			for _, l := range list {
				if l.isEntry {
					r.putAside(other, l)
				} else {
					again = append(again, l.record)
				}
			}
			if err := r.takeRecords(other, r.carrier(other), again); err != nil {
				r.loose = all
				return err
			}
		}
	}
	if err := r.takeRecords(name, c, b.Records); err != nil {
		return err
	}
	r.unhold()
	r.settle()
	c.position, c.damaged = b.Position, b.Damaged
	for _, c := range r.carriers {
		if r.anew {
			c.Position = ""
		}
		if r.anew || grown && c.dropped { // what was passed over may be wanted now
			c.position, c.dropped = c.Position, false
		}
	}
	r.anew, r.lost = false, r.lost && (b.More || b.Older)
	if len(r.loose[name]) == 0 && len(r.early) == 0 { // else it is read again after a restart
		c.settled()
	}
	r.look()
	if r.lost { // until all has come again
		return nil
	}
	return r.remember()
}

// takeEntries tells whether the chain has grown.
func (r *Replica) takeEntries(name string, records [][]byte) (grown bool, err error) {
	early := r.early // what came before its turn
	r.early = nil
	for _, record := range records {
		_, _, packed, err := r.seal.open(record)
		var e entry
		var hash Hash
		if err == nil {
			e, hash, err = parseEntry(packed)
		}
		if err != nil {
			r.putAside(name, loose{record, true, kindOf(err), DeviceID{}})
			continue
		}
		early = append(early, earlyEntry{e, hash, packed, bytes.Clone(record), name})
	}
	slices.SortStableFunc(early, func(a, b earlyEntry) int { return cmp.Compare(a.Index, b.Index) })
	path := r.pathIn(early)
	for i, e := range early {
		isNew, err := false, errGap
		if e.Index < uint64(len(r.chain.entries)) || e.Index > r.known.Anchor.Seq || path[e.Index] == e.hash {
			isNew, err = r.takeEntry(e.packed)
		}
		grown = grown || isNew
		switch {
		case errors.Is(err, ErrStorage):
			r.early = append(r.early, early[i:]...)
			return grown, err
		case err == nil: // only what is in the chain: else nobody gave a carrier the true one any more
			r.carrier(e.carrier).shows(DeviceID{}, e.Index+1)
		case errors.Is(err, errFork):
			r.note(split, e.carrier, e.Signer)
		case errors.Is(err, errGap) && len(r.early) < maxLoose: // maybe one of several of its index
			if !slices.ContainsFunc(r.early, func(o earlyEntry) bool { return bytes.Equal(o.packed, e.packed) }) {
				r.early = append(r.early, e)
			}
		default:
			r.putAside(e.carrier, loose{e.record, true, kindOf(err), DeviceID{}})
		}
	}
	return grown, nil
}

// pathIn is what leads to the entry that let this device in: until that is here, no other is taken, as there may be
// two chains. It is nil where some of it is missing.
func (r *Replica) pathIn(early []earlyEntry) map[uint64]Hash {
	path := map[uint64]Hash{}
	for at := r.known.Anchor; at.Seq >= uint64(len(r.chain.entries)); at.Seq-- {
		i := slices.IndexFunc(early, func(e earlyEntry) bool { return e.Index == at.Seq && e.hash == at.Hash })
		if i < 0 {
			return nil
		}
		path[at.Seq], at.Hash = at.Hash, early[i].Prev
		if at.Seq == 0 {
			break
		}
	}
	return path
}

// takeRecords checks records, keeps what is new, and has it wait for its turn.
func (r *Replica) takeRecords(name string, c *carried, records [][]byte) error {
	var fresh []*signed
	inBatch := map[Hash]bool{}
	now := r.now().UnixMilli()
	for _, record := range records {
		s, device, err := r.unseal(record)
		if err != nil {
			r.putAside(name, loose{record, false, kindOf(err), device})
			continue
		}
		m := r.chain.members[device]
		if m == nil {
			r.putAside(name, loose{record, false, Stranger, device})
			continue
		}
		if !r.counts(device, s.Seq) {
			continue
		}
		has, rivals := r.knows(s)
		if has || inBatch[s.hash] {
			c.shows(device, s.Seq)
			continue
		}
		switch {
		case !s.verify(r.known.Vault, m.Key):
			r.putAside(name, loose{record, false, Changed, device})
		case rivals:
			r.note(Fork, name, device)
		default:
			s.taken, inBatch[s.hash] = now, true
			fresh = append(fresh, s)
			c.shows(device, s.Seq)
		}
	}
	if err := r.keep(fresh...); err != nil {
		return err
	}
	for _, s := range fresh {
		r.wait(waiting{s, name})
	}
	return nil
}

// knows tells whether an operation is here, and else whether others are in its place.
func (r *Replica) knows(s *signed) (has, rivals bool) {
	if list := r.ops[s.Device]; s.Seq <= uint64(len(list)) {
		has = list[s.Seq-1].hash == s.hash
		if has || !r.hasEnd(s.Device) || r.atEnd(s.Device) {
			return has, !has
		}
	}
	list := r.waiting[s.Device][s.Seq]
	return slices.ContainsFunc(list, func(w waiting) bool { return w.hash == s.hash }), len(list) >= maxRivals
}

// putAside keeps what may be understood later.
func (r *Replica) putAside(name string, l loose) {
	list, size := r.loose[name], len(l.record)
	for _, o := range list {
		if size += len(o.record); bytes.Equal(o.record, l.record) {
			return
		}
	}
	if len(list) == maxLoose || size > maxBytes {
		r.carrier(name).dropped = true
		return
	}
	l.record = bytes.Clone(l.record) // it may be a piece of a large file
	r.loose[name] = append(list, l)
}

// kindOf says what an error is to people.
func kindOf(err error) Kind {
	if errors.Is(err, errNewer) {
		return Newer
	}
	return Changed
}

// remember writes memory.json.
func (r *Replica) remember() error {
	m := memory{Carriers: map[string]*carried{}, Records: r.records.size, Entries: r.entries.size}
	for name, c := range r.carriers {
		m.Carriers[name] = c
	}
	for k := range r.lasting {
		m.Lasting = append(m.Lasting, Trouble{k.kind, k.carrier, k.device, 0})
	}
	for k, since := range r.noted {
		m.Now = append(m.Now, Trouble{k.kind, k.carrier, k.device, since})
	}
	raw, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		return err
	}
	if bytes.Equal(raw, r.memory) {
		return nil
	}
	if err := r.store.replace(memoryFile, raw); err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	r.memory = raw
	return nil
}

// Add lets a device in. The first of the carriers sees to it, if it can, that no other device changes the members
// at the same time: so a relay comes before a folder.
func (r *Replica) Add(ctx context.Context, m Member, carriers ...Carrier) (Welcome, error) {
	if err := m.check(); err != nil {
		return Welcome{}, err
	}
	err := r.enter(ctx, carriers, func() (entry, error) {
		return entry{Kind: entryAdd, Member: &m, Epoch: r.chain.epoch}, nil
	})
	if err != nil {
		return Welcome{}, err
	}
	w := Welcome{r.known.Vault, r.chain.head(), map[uint32][]byte{}}
	for epoch, k := range r.known.Epochs {
		w.Epochs[epoch] = bytes.Clone(k)
	}
	return w, nil
}

// Remove shuts a device out: what it makes from now on is refused, and it cannot read what others make.
func (r *Replica) Remove(ctx context.Context, device DeviceID, carriers ...Carrier) error {
	return r.enter(ctx, carriers, func() (e entry, err error) {
		if m := r.chain.members[device]; m == nil || m.removed {
			return e, ErrNoDevice
		}
		e = entry{Kind: entryRemove, Device: device, Epoch: r.chain.epoch + 1}
		if list := r.ops[device]; len(list) > 0 {
			e.Upto = Head{uint64(len(list)), list[len(list)-1].hash}
		}
		e.Keys, err = sealKey(newKey(), r.chain.present(device))
		return e, err
	})
}

// NewEpoch gives all members a new key.
func (r *Replica) NewEpoch(ctx context.Context, carriers ...Carrier) error {
	return r.enter(ctx, carriers, func() (e entry, err error) {
		e = entry{Kind: entryEpoch, Epoch: r.chain.epoch + 1}
		e.Keys, err = sealKey(newKey(), r.chain.present(DeviceID{}))
		return e, err
	})
}

// enter makes an entry of what build gives for the chain as it is then. The first carrier says whether it is the
// next one, the others get it afterwards.
func (r *Replica) enter(ctx context.Context, carriers []Carrier, build func() (entry, error)) error {
again:
	for try := 0; ; try++ {
		for _, c := range carriers {
			if err := r.Pull(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", c.Name(), err)
			}
		}
		if err := r.member(); err != nil {
			return err
		}
		e, err := build()
		if err != nil {
			return err
		}
		head := r.chain.head()
		e.Index, e.Prev, e.At, e.Signer = head.Seq+1, head.Hash, r.now().UnixMilli(), r.self
		packed, err := signEntry(r.device.key, e)
		if err != nil {
			return err
		}
		record, err := r.seal.seal(DeviceID{}, e.Index, packed)
		if err != nil {
			return err
		}
		for i, c := range carriers {
			err := c.Enter(ctx, e.Index, record)
			switch {
			case err == nil:
				r.carrier(c.Name()).push(DeviceID{}, e.Index+1, r.now().UnixMilli())
			case i > 0: // it is in the chain: Push tries again
			case errors.Is(err, ErrTaken) && try < 5: // somebody else was first: look at what they did
				continue again
			case e.Kind == entryRemove: // likewise: who is to go may see to it that the carrier is full
			default:
				return fmt.Errorf("%s: %w", c.Name(), err)
			}
		}
		_, err = r.takeEntry(packed)
		r.settle()
		r.look()
		return err
	}
}

// Stream is the key of the stream of an epoch's records at a relay; of epoch 0, of the members' chain.
func (r *Replica) Stream(epoch uint32) (ed25519.PrivateKey, bool) {
	k := r.firstKey().derive("members")
	if epoch > 0 {
		raw, ok := r.known.Epochs[epoch]
		if !ok {
			return nil, false
		}
		k = key(raw)
	}
	k = k.derive("stream")
	return ed25519.NewKeyFromSeed(k[:]), true
}

// Epoch is the number of the epoch now.
func (r *Replica) Epoch() uint32 { return r.chain.epoch }
