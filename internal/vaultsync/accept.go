package vaultsync

// wait puts an operation where settle finds it.
func (r *Replica) wait(w waiting) {
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
				s, rest := r.choose(bySeq[next])
				if len(rest) == 0 {
					delete(bySeq, next)
				} else {
					bySeq[next] = rest
				}
				if s == nil {
					break
				}
				for _, w := range rest { // it was second
					r.note(Fork, w.carrier, device)
				}
				delete(bySeq, next)
				r.accept(s)
				progress = true
			}
			if len(bySeq) == 0 {
				delete(r.waiting, device)
			}
		}
	}
}

// choose gives the first of the operations that can be accepted, and what is left of the others.
func (r *Replica) choose(list []waiting) (s *signed, rest []waiting) {
	for _, w := range list {
		bad, late := r.follows(w.signed)
		switch {
		case bad != "":
			r.note(bad, w.carrier, w.Device)
		case !late && s == nil:
			s = w.signed
		default:
			rest = append(rest, w)
		}
	}
	return s, rest
}

// follows tells whether all that an operation builds on is here: bad if it never will be,
// late if it may come.
func (r *Replica) follows(s *signed) (bad Kind, late bool) {
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
		if m := r.chain.members[id]; m != nil && m.removed && h.Seq > m.upto.Seq {
			continue // what it saw does not count
		}
		if have := r.ops[id]; uint64(len(have)) < h.Seq {
			late = true
		} else if have[h.Seq-1].hash != h.Hash {
			return Fork, false
		}
	}
	return "", late
}

// accept takes an operation over.
func (r *Replica) accept(s *signed) {
	r.ops[s.Device] = append(r.ops[s.Device], s)
	if m := r.chain.members[s.Device]; m != nil && m.removed && s.Seq == m.upto.Seq && s.hash != m.upto.Hash {
		r.note(Fork, "", s.Device)
	}
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
	r.state, r.held = newState(), nil
	for _, list := range r.ops {
		for _, s := range list {
			r.fold(s)
		}
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
