package vaultsync

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// State is what all applied operations come to. It is the same for the same
// operations in every order: each part only grows, or the later of two stays.
type State struct {
	accounts map[string]*merged
	shared   map[string]register
	refused  map[place][]Register // what removed devices set too late, and this device may have applied before it knew
	changes  int                  // that were made to it
}

// place is that of a register.
type place struct{ account, name string }

// merged is one account. Its fields are in the order of [State.Hash].
type merged struct {
	fixed      *Fixed
	fixedBy    stamp
	rival      bool // another operation says that its secret is another
	set        map[string]register
	counter    uint64
	recoveryAt int64
	codes      map[string]int   // their places, those of recoveryAt
	used       map[string]int64 // when first; of all codes that there ever were
}

// register is a Register, and who set it.
type register struct {
	Register
	by stamp
}

// stamp puts operations in an order that all devices agree on.
type stamp struct {
	at     int64
	device DeviceID
	seq    uint64
}

func (a stamp) compare(b stamp) int {
	return cmp.Or(cmp.Compare(a.at, b.at), bytes.Compare(a.device[:], b.device[:]), cmp.Compare(a.seq, b.seq))
}

func newState() *State {
	return &State{accounts: map[string]*merged{}, shared: map[string]register{}, refused: map[place][]Register{}}
}

// Changes is another number whenever the State of a [Replica] is another.
func (s *State) Changes() int { return s.changes }

// understands tells whether this version can apply an operation.
func understands(op *Operation) bool {
	if op.Version > 0 {
		return false
	}
	switch op.Kind {
	case kindSeen:
		return true
	case kindShared:
		_, ok := fieldsOf(op)
		return ok && op.Account == ""
	case kindAccount:
		_, ok := fieldsOf(op)
		return ok && op.Account != ""
	}
	return false
}

// fieldsOf reads the fields of an operation. What it does not know in them is passed over.
func fieldsOf(op *Operation) (a Account, ok bool) {
	if json.Unmarshal(op.Fields, &a) != nil || a.RecoveryAt < 0 {
		return a, false
	}
	for name, r := range a.Set {
		if name == "" || len(name) > maxName || r.At < 0 || r.Value.Canonicalize() != nil {
			return a, false
		}
		if r.At > op.Clock { // a clock that was wrong once: the operation's was good
			r.At = op.Clock
		}
		a.Set[name] = r
	}
	for i := range a.Recovery {
		c := &a.Recovery[i]
		if c.Code == "" || c.N < 0 || c.Used < 0 {
			return a, false
		}
		c.Used = min(c.Used, max(op.Clock, 1))
	}
	a.RecoveryAt = min(a.RecoveryAt, op.Clock)
	return a, true
}

// join applies an operation that it understands.
func (s *State) join(op *Operation) {
	a, ok := fieldsOf(op)
	if !ok {
		return
	}
	s.changes++
	by := stamp{op.Clock, op.Device, op.Seq}
	if op.Kind == kindShared {
		joinSet(s.shared, a.Set, by)
		return
	}
	m := s.accounts[op.Account]
	if m == nil {
		m = &merged{set: map[string]register{}, codes: map[string]int{}, used: map[string]int64{}}
		s.accounts[op.Account] = m
	}
	if a.Fixed != nil {
		m.rival = m.rival || m.fixed != nil && !m.fixed.same(*a.Fixed)
		if m.fixed == nil || by.compare(m.fixedBy) < 0 { // the first stays, whenever the others come
			m.fixed, m.fixedBy = a.Fixed, by
		}
	}
	joinSet(m.set, a.Set, by)
	m.counter = max(m.counter, a.Counter)
	if a.RecoveryAt > m.recoveryAt {
		m.recoveryAt, m.codes = a.RecoveryAt, map[string]int{}
	}
	for _, c := range a.Recovery {
		if n, has := m.codes[c.Code]; a.RecoveryAt == m.recoveryAt && (!has || c.N < n) {
			m.codes[c.Code] = c.N
		}
		if used := m.used[c.Code]; c.Used != 0 && (used == 0 || c.Used < used) {
			m.used[c.Code] = c.Used
		}
	}
}

// refuse remembers the registers of an operation that does not count, so that a vault which has them gives them
// up. Accounts, counters and recovery codes stay: nothing is lost.
func (s *State) refuse(op *Operation) {
	a, ok := fieldsOf(op)
	if !ok {
		return
	}
	s.changes++
	for name, r := range a.Set {
		p := place{op.Account, name}
		s.refused[p] = append(s.refused[p], r)
	}
}

// isRefused tells whether a register of a vault came from an operation that does not count.
func (s *State) isRefused(account, name string, r Register) bool {
	return slices.ContainsFunc(s.refused[place{account, name}], func(o Register) bool { return o.At == r.At && same(o.Value, r.Value) })
}

func joinSet(to map[string]register, from map[string]Register, by stamp) {
	for name, r := range from {
		next := register{r, stamp{r.At, by.device, by.seq}}
		if was, ok := to[name]; !ok || was.by.compare(next.by) < 0 {
			to[name] = next
		}
	}
}

// Hash is the same on two devices that have applied the same operations.
func (s *State) Hash() Hash {
	h := sha256.New()
	put := func(parts ...any) {
		b, err := json.Marshal(parts, json.Deterministic(true))
		if err != nil {
			panic(err) // what was read as JSON can be written
		}
		h.Write(append(b, '\n'))
	}
	set := func(in map[string]register) {
		for _, name := range slices.Sorted(maps.Keys(in)) {
			r := in[name]
			put(name, r.Value, r.At, r.by.device, r.by.seq)
		}
	}
	set(s.shared)
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		m := s.accounts[id]
		put(id, m.fixed, m.fixedBy.at, m.fixedBy.device, m.rival, m.counter, m.recoveryAt, m.codes, m.used)
		set(m.set)
	}
	return Hash(h.Sum(nil))
}

// Rivals are the ids of accounts of which there are two secrets. Each device keeps its own.
func (s *State) Rivals() (ids []string) {
	for id, m := range s.accounts {
		if m.rival {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Duplicates are the ids of accounts that make the same codes and are not removed, as when
// two vaults that both had them are joined.
func (s *State) Duplicates() (groups [][]string) {
	by := map[Fixed][]string{}
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		m := s.accounts[id]
		if m.fixed == nil || string(m.set[Removed].Value) == "true" {
			continue
		}
		f := *m.fixed
		f.Created = 0
		by[f] = append(by[f], id)
	}
	for _, ids := range by {
		if len(ids) > 1 {
			groups = append(groups, ids)
		}
	}
	slices.SortFunc(groups, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	return groups
}
