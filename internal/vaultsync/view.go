package vaultsync

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// View is what a vault holds, in plain registers: what is compared with a [State], and
// what a State gives back. Times are in milliseconds since 1970.
type View struct {
	Accounts map[string]Account
	Shared   map[string]Register // what belongs to no account, by a name that the caller chooses
}

// Account is one account, or the part of one that an operation changes.
type Account struct {
	Fixed      *Fixed              `json:"fixed,omitzero"` // nil where a tombstone keeps it no longer
	Set        map[string]Register `json:"set,omitzero"`   // by name: "labels", "sites" … as the caller chooses; and Removed
	Counter    uint64              `json:"counter,omitzero"`
	RecoveryAt int64               `json:"recoveryAt,omitzero"` // when recovery codes were last taken away
	Recovery   []RecoveryCode      `json:"recovery,omitzero"`   // in their order
}

// Removed is the register that tells whether an account is removed. Its time is that
// of the removal, or of the restoring.
const Removed = "removed"

// Fixed is what never changes under an id.
type Fixed struct {
	Type      string `json:"type"`
	Secret    string `json:"secret"`
	Algorithm string `json:"algorithm,omitzero"`
	Digits    int    `json:"digits"`
	Period    int    `json:"period,omitzero"`
	Created   int64  `json:"created,omitzero"`
}

// same tells whether both make the same codes.
func (f Fixed) same(g Fixed) bool {
	f.Created, g.Created = 0, 0
	return f == g
}

// Register is a value that is replaced as a whole: the later one wins.
type Register struct {
	Value jsontext.Value `json:"value"`
	At    int64          `json:"at"`
}

// Set gives a register of a value.
func Set(value any, at int64) (Register, error) {
	raw, err := json.Marshal(value)
	v := jsontext.Value(raw)
	if err == nil {
		err = v.Canonicalize()
	}
	return Register{v, at}, err
}

// RecoveryCode is one of a sheet.
type RecoveryCode struct {
	Code string `json:"code"`
	N    int    `json:"n,omitzero"`    // its place; two of the same place stand by their text
	Used int64  `json:"used,omitzero"` // when it was given out
}

// Change is what one operation will say.
type Change struct {
	Kind    string
	Account string
	Fields  any
}

// keepRemoved is how long a removed account can be brought back.
const keepRemoved = 90 * 24 * time.Hour

// Diff tells what was changed in a vault since the state was applied to it: what is
// later there, what counts further, and what is new.
func (s *State) Diff(v View) []Change {
	var list []Change
	for _, id := range slices.Sorted(maps.Keys(v.Accounts)) {
		was, ok := s.accounts[id]
		if !ok {
			was = &merged{}
		}
		if part := s.later(id, was, v.Accounts[id]); part != nil {
			list = append(list, Change{kindAccount, id, *part})
		}
	}
	if set := s.laterSet("", s.shared, v.Shared); set != nil {
		// Any number of them: one operation each, as a record is small.
		for _, name := range slices.Sorted(maps.Keys(set)) {
			list = append(list, Change{kindShared, "", Account{Set: map[string]Register{name: set[name]}}})
		}
	}
	return list
}

// later is the part of a that m does not have, or nil.
func (s *State) later(id string, m *merged, a Account) *Account {
	var part Account
	changed := false
	if m.fixed == nil && a.Fixed != nil {
		part.Fixed, changed = a.Fixed, true
	}
	if part.Set = s.laterSet(id, m.set, a.Set); part.Set != nil {
		changed = true
	}
	if a.Counter > m.counter {
		part.Counter, changed = a.Counter, true
	}
	a.RecoveryAt = m.sheetAt(a)
	if a.RecoveryAt > m.recoveryAt {
		part.RecoveryAt, changed = a.RecoveryAt, true
	}
	for _, c := range a.Recovery {
		_, has := m.codes[c.Code]
		has = has && a.RecoveryAt == m.recoveryAt
		used := c.Used != 0 && (m.used[c.Code] == 0 || c.Used < m.used[c.Code])
		if a.RecoveryAt > m.recoveryAt || a.RecoveryAt == m.recoveryAt && !has || used {
			part.Recovery = append(part.Recovery, c)
			part.RecoveryAt, changed = a.RecoveryAt, true
		}
	}
	if !changed {
		return nil
	}
	return &part
}

// sheetAt is a's RecoveryAt, or m's where both have the very same codes, or had some and have none: then the clocks
// differ only because one was wrong.
func (m *merged) sheetAt(a Account) int64 {
	if a.RecoveryAt > m.recoveryAt && len(a.Recovery) == len(m.codes) && (len(m.codes) > 0 || m.recoveryAt > 0) &&
		!slices.ContainsFunc(a.Recovery, func(c RecoveryCode) bool { _, has := m.codes[c.Code]; return !has }) {
		return m.recoveryAt
	}
	return a.RecoveryAt
}

func (s *State) laterSet(id string, was map[string]register, is map[string]Register) (set map[string]Register) {
	for name, r := range is {
		// Of an account that nobody else has, what a removed device set is all there is.
		if w, ok := was[name]; was == nil || (!ok || r.At > w.At) && !s.isRefused(id, name, r) {
			if set == nil {
				set = map[string]Register{}
			}
			set[name] = r
		}
	}
	return set
}

// same tells whether two values are the same JSON.
func same(a, b jsontext.Value) bool {
	if bytes.Equal(a, b) {
		return true
	}
	a, b = a.Clone(), b.Clone()
	return a.Canonicalize() == nil && b.Canonicalize() == nil && bytes.Equal(a, b)
}

// Apply gives what a vault should hold: all of the state, and what is later in the vault
// than there (the next Diff finds it). An account never gets another secret: where the vault
// has one id with another, it keeps its own. now is for tombstones, which keep nothing after 90 days.
func (s *State) Apply(v View, now time.Time) View {
	out := View{Accounts: maps.Clone(v.Accounts), Shared: maps.Clone(v.Shared)}
	if out.Accounts == nil {
		out.Accounts = map[string]Account{}
	}
	out.Shared = s.applySet("", s.shared, out.Shared)
	for id, m := range s.accounts {
		removed := m.set[Removed]
		isRemoved := string(removed.Value) == "true"
		if m.fixed == nil && !isRemoved {
			continue // its beginning has not come yet
		}
		a := out.Accounts[id]
		a.Set = s.applySet(id, m.set, maps.Clone(a.Set))
		if r := a.Set[Removed]; isRemoved && string(r.Value) == "true" && now.UnixMilli()-r.At > keepRemoved.Milliseconds() {
			out.Accounts[id] = Account{Set: map[string]Register{Removed: r}}
			continue
		}
		if a.Fixed == nil && m.fixed != nil {
			a.Fixed = new(*m.fixed)
		}
		a.Counter = max(a.Counter, m.counter)
		a.RecoveryAt, a.Recovery = m.applyRecovery(a)
		out.Accounts[id] = a
	}
	return out
}

func (s *State) applySet(id string, from map[string]register, to map[string]Register) map[string]Register {
	if to == nil {
		to = map[string]Register{}
	}
	for name, r := range from {
		if w, ok := to[name]; !ok || w.At <= r.At || same(w.Value, r.Value) || s.isRefused(id, name, w) {
			to[name] = r.Register
		}
	}
	for name, r := range to {
		if _, ok := from[name]; ok || !s.isRefused(id, name, r) {
			continue
		}
		if delete(to, name); name == Removed { // said aloud: a vault may take nothing for no change
			to[name] = Register{jsontext.Value("false"), r.At}
		}
	}
	return to
}

func (m *merged) applyRecovery(a Account) (at int64, codes []RecoveryCode) {
	places := map[string]int{}
	a.RecoveryAt = m.sheetAt(a)
	at = max(a.RecoveryAt, m.recoveryAt)
	used := maps.Clone(m.used)
	if used == nil {
		used = map[string]int64{}
	}
	for _, c := range a.Recovery {
		if a.RecoveryAt == at {
			places[c.Code] = c.N
		}
		if c.Used != 0 && (used[c.Code] == 0 || c.Used < used[c.Code]) {
			used[c.Code] = c.Used
		}
	}
	if m.recoveryAt == at {
		for code, n := range m.codes {
			if was, ok := places[code]; !ok || n < was {
				places[code] = n
			}
		}
	}
	for code, n := range places {
		codes = append(codes, RecoveryCode{code, n, used[code]})
	}
	slices.SortFunc(codes, func(a, b RecoveryCode) int { return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.Code, b.Code)) })
	return at, codes
}
