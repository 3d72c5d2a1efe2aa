package vaultsync

import (
	"maps"
	"slices"
)

// wait puts an operation where settle finds it, once.
func (r *Replica) wait(w waiting) {
	if has, _ := r.knows(w.signed); has {
		return
	}
	if r.waiting[w.Device] == nil {
		r.waiting[w.Device] = map[uint64][]waiting{}
	}
	r.waiting[w.Device][w.Seq] = append(r.waiting[w.Device][w.Seq], w)
}

// settle accepts what follows by now.
func (r *Replica) settle() {
	for progress := true; progress; {
		progress = false
		for device, bySeq := range r.waiting {
			for {
				next := uint64(len(r.ops[device])) + 1
				s, rest := r.choose(device, bySeq[next])
				if len(rest) == 0 {
					delete(bySeq, next)
				} else {
					bySeq[next] = rest
				}
				if s == nil {
					break
				}
				if !r.hasEnd(device) {
					for _, w := range rest { // it was second
						r.note(Fork, w.carrier, device)
					}
					delete(bySeq, next)
				}
				r.accept(s)
				progress = true
			}
			progress = r.retrace(device) || progress
			if len(bySeq) == 0 {
				delete(r.waiting, device)
			}
		}
	}
}

// hasEnd tells whether the members' chain says which operation of a device is its last that counts: of two
// histories it is then known which counts, whichever came first.
func (r *Replica) hasEnd(device DeviceID) bool {
	m := r.chain.members[device]
	return m != nil && m.removed && m.upto.Seq > 0
}

// atEnd tells whether that operation is here, and so all before it.
func (r *Replica) atEnd(device DeviceID) bool {
	upto, list := r.chain.members[device].upto, r.ops[device]
	return upto.Seq <= uint64(len(list)) && list[upto.Seq-1].hash == upto.Hash
}

// retrace takes over what leads to the last operation that counts, once all of it is here. What was accepted of
// another history counts no more.
func (r *Replica) retrace(device DeviceID) (changed bool) {
	if !r.hasEnd(device) {
		return false
	}
	mine, bySeq := r.ops[device], r.waiting[device]
	end := r.chain.members[device].upto
	var path []*signed
	at := end
	for at.Seq > 0 && (at.Seq > uint64(len(mine)) || mine[at.Seq-1].hash != at.Hash) {
		i := slices.IndexFunc(bySeq[at.Seq], func(w waiting) bool { return w.hash == at.Hash })
		if i < 0 {
			return false
		}
		s := bySeq[at.Seq][i].signed
		path = append(path, s)
		at = Head{at.Seq - 1, s.Prev}
	}
	if len(path) > 0 {
		slices.Reverse(path)
		r.strayed = append(r.strayed, mine[at.Seq:]...)
		r.ops[device] = slices.Concat(mine[:at.Seq], path)
	}
	for seq, list := range bySeq {
		if seq > end.Seq {
			continue
		}
		for _, w := range list {
			if w.hash != r.ops[device][seq-1].hash {
				r.strayed = append(r.strayed, w.signed)
			}
		}
		delete(bySeq, seq)
		changed = true
	}
	if changed {
		r.refold()
	}
	return changed
}

// choose gives the first of the operations that can be accepted, and what is left of the others.
func (r *Replica) choose(device DeviceID, list []waiting) (s *signed, rest []waiting) {
	for _, w := range list {
		bad, late := r.follows(w)
		switch {
		case bad != "" && !r.hasEnd(device):
			r.note(bad, w.carrier, device)
		case bad == "" && !late && s == nil:
			s = w.signed
		default:
			rest = append(rest, w)
		}
	}
	return s, rest
}

// follows tells whether all that an operation builds on is here: bad if it never will be,
// late if it may come.
func (r *Replica) follows(s waiting) (bad Kind, late bool) {
	mine := r.ops[s.Device]
	if n := len(mine); n > 0 {
		if last := mine[n-1]; s.Prev != last.hash {
			return Fork, false
		} else if s.Clock <= last.Clock {
			return Changed, false
		}
	}
	if m := r.chain.members[s.Device]; m == nil {
		late = true // its entry has not come
	}
	if h := s.Members; h != nil {
		if uint64(len(r.chain.hashes)) <= h.Seq {
			late = true
		} else if r.chain.hashes[h.Seq] != h.Hash {
			return Fork, false
		}
	}
	for id, h := range s.Heads {
		if m := r.chain.members[id]; m != nil && m.removed {
			continue // the members' chain says what counts of it, not who saw what
		}
		if have := r.ops[id]; uint64(len(have)) < h.Seq {
			late = true
		} else if have[h.Seq-1].hash != h.Hash {
			r.note(Fork, s.carrier, id) // not its who saw the other: it waits until that one is removed
			late = true
		}
	}
	return "", late
}

// dropLate drops what waits and will not count.
func (r *Replica) dropLate() {
	for device, bySeq := range r.waiting {
		maps.DeleteFunc(bySeq, func(seq uint64, _ []waiting) bool { return r.chain.members[device] != nil && !r.counts(device, seq) })
	}
}

// accept takes an operation over.
func (r *Replica) accept(s *signed) {
	r.ops[s.Device] = append(r.ops[s.Device], s)
	if s.Device == r.self {
		for id, h := range s.Heads {
			r.told[id] = max(r.told[id], h.Seq)
		}
		if s.Members != nil {
			r.toldOf = s.Members
		}
	}
	r.fold(s)
}

// fold applies an accepted operation, if it is time.
func (r *Replica) fold(s *signed) {
	if !r.counts(s.Device, s.Seq) {
		r.state.refuse(&s.Operation)
		return
	}
	if s.Device != r.self && s.Clock > r.now().Add(maxAhead).UnixMilli() {
		r.held = append(r.held, s)
		return
	}
	r.clock = max(r.clock, s.Clock)
	if !understands(&s.Operation) {
		r.newer[s.Device] = true
		return
	}
	r.state.join(&s.Operation)
}

// refold applies all anew.
func (r *Replica) refold() {
	changes := r.state.changes + 1
	r.state, r.held = newState(), nil
	r.state.changes = changes
	for _, list := range r.ops {
		for _, s := range list {
			r.fold(s)
		}
	}
	for _, s := range r.strayed {
		r.state.refuse(&s.Operation)
	}
}

// unhold applies what was ahead of the clock.
func (r *Replica) unhold() {
	held := r.held
	r.held = nil
	for _, s := range held {
		r.fold(s)
	}
}
