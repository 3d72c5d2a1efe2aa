package vaultsync

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"
)

// What callers branch on.
var (
	ErrNone      = errors.New("this computer does not sync")
	ErrExists    = errors.New("this computer syncs already")
	ErrDamaged   = errors.New("what this computer keeps of syncing is damaged")
	ErrStorage   = errors.New("cannot keep what is to be synced")
	ErrNoDevice  = errors.New("no such device")
	ErrRemoved   = errors.New("this device was removed by another")
	ErrTaken     = errors.New("another device was first") // pull, and try again
	ErrGone      = errors.New("the folder is not there")
	ErrNotMember = errors.New("this device is not a member yet")
	ErrBehind    = errors.New("others have operations of this device that it does not have: an older copy of its folder was put back")
)

// Kind says what is wrong with what came.
type Kind string

// The kinds of trouble. None of them stops the vault of this computer.
const (
	Fork      Kind = "fork"       // two histories of one device, or of the members
	Older     Kind = "older"      // the carrier has lost what it had; it is given again
	Hole      Kind = "hole"       // an operation is there that follows one that is not
	Changed   Kind = "changed"    // a record that no key opens, or a wrong signature
	Stranger  Kind = "stranger"   // a record of a device that is no member
	ClockOff  Kind = "clock"      // the device's clock, or this computer's, is more than 10 minutes off
	Newer     Kind = "newer"      // a newer version wrote it: kept, not applied
	TwoSecret Kind = "two-secret" // two secrets under one id: each device keeps its own
)

// split is a Fork of the members, with the device that signed the other entry. It is over when that one is removed.
const split = Kind("split")

// Trouble is something for the person to know.
type Trouble struct {
	Kind    Kind     `json:"kind"`
	Carrier string   `json:"carrier,omitzero"` // that brought it; "" where that says nothing
	Device  DeviceID `json:"device,omitzero"`  // whose; zero for the members' chain, or nobody known
	Since   int64    `json:"since"`            // ms
}

// settles is how long what may just be late is no trouble.
const settles = 2 * time.Minute

// mayBeLate tells whether waiting can mend it.
func (k Kind) mayBeLate() bool { return k == Hole || k == Changed || k == Stranger }

// troubleKey is a Trouble without its time.
type troubleKey struct {
	kind    Kind
	carrier string
	device  DeviceID
}

// Troubles are what the person should know now: forks for good, the rest while it lasts.
func (r *Replica) Troubles() (list []Trouble) {
	now := r.now().UnixMilli()
	for k, since := range r.noted {
		if k.kind.mayBeLate() && now-since < settles.Milliseconds() {
			continue
		}
		list = append(list, Trouble{k.kind, k.carrier, k.device, since})
	}
	slices.SortFunc(list, func(a, b Trouble) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Carrier, b.Carrier), bytes.Compare(a.Device[:], b.Device[:]))
	})
	return list
}

// note remembers a trouble that stays.
func (r *Replica) note(kind Kind, carrier string, device DeviceID) {
	if carrier == "" { // the log does not know who brought it
		for k := range r.lasting {
			if k.kind == kind && k.device == device {
				return
			}
		}
	}
	r.lasting[troubleKey{kind, carrier, device}] = true
}

// look finds out which troubles there are now, and keeps since when.
func (r *Replica) look() {
	is := map[troubleKey]bool{}
	for k := range r.lasting {
		if m := r.chain.members[k.device]; m != nil && m.removed { // it was dealt with
			continue
		}
		if k.kind == split {
			k = troubleKey{Fork, k.carrier, DeviceID{}}
		}
		is[k] = true
	}
	for device, bySeq := range r.waiting {
		for seq, candidates := range bySeq {
			if seq <= uint64(len(r.ops[device])) {
				continue // another history of a removed device
			}
			for _, w := range candidates {
				is[troubleKey{Hole, w.carrier, device}] = true
			}
		}
	}
	for device, m := range r.chain.members {
		if m.removed && uint64(len(r.ops[device])) < m.upto.Seq { // who removed it had more
			is[troubleKey{Hole, "", device}] = true
		}
	}
	for _, e := range r.early {
		is[troubleKey{Hole, e.carrier, DeviceID{}}] = true
	}
	for carrier, loose := range r.loose {
		for _, l := range loose {
			is[troubleKey{l.kind, carrier, l.device}] = true
		}
	}
	for _, s := range r.held {
		is[troubleKey{ClockOff, "", s.Device}] = true
	}
	for name, c := range r.carriers {
		if c.damaged {
			is[troubleKey{Changed, name, DeviceID{}}] = true
		}
		if c.OlderAt != 0 && r.now().UnixMilli()-c.OlderAt < (24*time.Hour).Milliseconds() {
			is[troubleKey{Older, name, DeviceID{}}] = true
		}
	}
	for device := range r.newer {
		is[troubleKey{Newer, "", device}] = true
	}
	if len(r.state.Rivals()) > 0 {
		is[troubleKey{TwoSecret, "", DeviceID{}}] = true
	}
	for k := range r.noted {
		if !is[k] {
			delete(r.noted, k)
		}
	}
	for k := range is {
		if _, ok := r.noted[k]; !ok {
			r.noted[k] = r.now().UnixMilli()
		}
	}
}
