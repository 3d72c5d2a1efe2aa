package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"codefob/internal/relay/wire"
)

const (
	recentRecords = 8
	recentBytes   = 64 << 10
	lookSoon      = time.Second      // after a subscription, which takes its time through a cluster
	lookLater     = 30 * time.Minute // for what was lost without a word
)

// stream is one that has sockets here.
type stream struct {
	r       *Relay
	part    *partition
	subject string
	limit   *rate.Limiter // of records
	adding  chan struct{} // holds one while a record is added

	ready chan struct{}      // closed when what follows is set
	sub   *nats.Subscription // nil if err
	err   error              // of the storage
	known bool               // only with adding: whether at is where the stream stands, as far as we know
	at    head               // only with adding

	mu      sync.Mutex
	sockets map[*socket]bool
	last    uint64        // the highest sequence that we have heard of
	recent  []wire.Record // the last few, for those who follow; others may be missing between
	bytes   int           // of recent
	lookAt  time.Time     // when to look for what we have not heard of; not before ready
}

// join adds a socket to its stream. The first to come has the storage asked.
func (r *Relay) join(ctx context.Context, s *socket, p *partition, subject string) (*stream, error) {
	r.mu.Lock()
	st, there := r.streams[subject]
	if !there {
		limit := r.resting[subject]
		delete(r.resting, subject)
		if limit == nil {
			limit = rate.NewLimiter(rate.Limit(r.Appends), int(atOnce*r.Appends)+1)
		}
		st = &stream{r: r, part: p, subject: subject, adding: make(chan struct{}, 1), ready: make(chan struct{}),
			limit: limit, sockets: map[*socket]bool{}}
		r.streams[subject] = st
	}
	st.mu.Lock()
	st.sockets[s] = true
	st.mu.Unlock()
	s.stream = st
	r.mu.Unlock()
	if !there {
		// The subscription goes the same way before the question: nothing falls between them.
		if st.sub, st.err = r.store.listen(subject); st.err == nil {
			st.err = st.look(r.ended, lookSoon)
		}
		close(st.ready)
	}
	select {
	case <-st.ready:
		if there && st.err == nil && r.store.embedded == nil { // another relay may have added what we have not heard of
			return st, st.look(ctx, lookSoon)
		}
		return st, st.err
	case <-ctx.Done():
		return st, ctx.Err()
	}
}

// quit takes a socket out of its stream. The last one has it forgotten, but for
// what it has used up: who comes back is not to have it anew.
func (r *Relay) quit(s *socket) {
	st := s.stream
	if st == nil {
		return
	}
	r.mu.Lock()
	st.mu.Lock()
	delete(st.sockets, s)
	empty := len(st.sockets) == 0
	st.mu.Unlock()
	if empty && r.streams[st.subject] == st {
		delete(r.streams, st.subject)
		if !isRested(st.limit) {
			r.resting[st.subject] = st.limit
		}
	}
	r.mu.Unlock()
	if empty {
		<-st.ready
		if st.sub != nil {
			_ = st.sub.Unsubscribe()
		}
	}
}

// isRested tells whether a limit is as good as a new one.
func isRested(l *rate.Limiter) bool { return l.Tokens() >= float64(l.Burst()) }

func (st *stream) due() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return !st.lookAt.IsZero() && time.Now().After(st.lookAt)
}

// look asks the storage where the stream stands, and has it asked again at next.
func (st *stream) look(ctx context.Context, next time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, st.r.times.storage)
	defer cancel()
	h, err := st.part.last(ctx, st.subject)
	if err != nil {
		return err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lookAt = time.Now().Add(next)
	st.recent, st.bytes = nil, 0 // whoever still needs them reads them
	if h.sequence > st.last {
		st.last = h.sequence
		st.wake()
	}
	return nil
}

// notice takes a record that was added, from wherever we hear of it first.
func (st *stream) notice(r wire.Record) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if r.Sequence <= st.last {
		return
	}
	st.last = r.Sequence
	st.recent = append(st.recent, r)
	st.bytes += len(r.Data)
	for len(st.recent) > recentRecords || st.bytes > recentBytes && len(st.recent) > 1 {
		st.bytes -= len(st.recent[0].Data)
		st.recent = append([]wire.Record(nil), st.recent[1:]...)
	}
	st.wake()
}

// wake has the sockets look; with mu.
func (st *stream) wake() {
	for s := range st.sockets {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// after gets the record that follows on at, if there is one. If there is none,
// it returns the sequence to go on from.
func (st *stream) after(ctx context.Context, at uint64) (r wire.Record, ok bool, on uint64, err error) {
	st.mu.Lock()
	last := st.last
	if at >= last {
		st.mu.Unlock()
		return r, false, at, nil
	}
	for _, r := range st.recent {
		if r.Previous <= at && r.Sequence > at {
			st.mu.Unlock()
			return r, true, at, nil
		}
	}
	st.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, st.r.times.storage)
	defer cancel()
	r, ok, err = st.part.read(ctx, st.subject, at)
	if err == nil && !ok {
		at = last // what was there is no longer kept
	}
	return r, ok, at, err
}

// add adds a record to the stream.
func (st *stream) add(ctx context.Context, s *socket, a wire.Append) (sequence uint64, refusal *wire.Error) {
	if len(a.Data) > st.part.record {
		return 0, &wire.Error{Code: wire.CodeTooLarge, Text: "the record is too large for this stream"}
	}
	select {
	case st.adding <- struct{}{}:
		defer func() { <-st.adding }()
	case <-ctx.Done():
		return 0, &wire.Error{Code: wire.CodeUnavailable, Text: "the connection ended"}
	}
	// From here on it is done to the end, also when the client goes.
	ctx, cancel := context.WithTimeout(st.r.ended, st.r.times.storage)
	defer cancel()
	for range 100 {
		// What we know is not newer than the truth, but may be older.
		if !st.known || a.After != nil && *a.After > st.at.sequence {
			h, err := st.part.last(ctx, st.subject)
			if err != nil {
				return 0, st.unavailable(err)
			}
			st.at, st.known = h, true
		}
		if a.After != nil && *a.After != st.at.sequence {
			return 0, &wire.Error{Code: wire.CodeConflict, Value: st.at.sequence, Text: "another record was added first"}
		}
		if st.at.size+int64(len(a.Data)) > st.part.total {
			return 0, &wire.Error{Code: wire.CodeFull, Text: "the stream has taken all that one stream may"}
		}
		if st.at.sequence == 0 {
			if wait := s.peer.newStream(); wait > 0 {
				return 0, slow(wait, "too many new streams from this address")
			}
		}
		h, err := st.part.add(ctx, st.subject, st.at, a.Data)
		switch {
		case err == nil:
			st.notice(wire.Record{Sequence: h.sequence, Previous: st.at.sequence, Data: a.Data})
			st.at = h
			return h.sequence, nil
		case errors.Is(err, errConflict): // by another relay
			st.known = false
			time.Sleep(rand.N(5 * time.Millisecond))
		case errors.Is(err, errNoRoom):
			return 0, &wire.Error{Code: wire.CodeFull, Text: "the relay is full"}
		default:
			return 0, st.unavailable(err)
		}
	}
	return 0, &wire.Error{Code: wire.CodeUnavailable, Text: "too many others add to this stream"}
}

func (st *stream) unavailable(err error) *wire.Error {
	st.known = false
	if !errors.Is(err, context.Canceled) {
		st.r.Log.WithError(err).Warn("the storage did not answer")
	}
	return &wire.Error{Code: wire.CodeUnavailable, Text: "the relay's storage did not answer"}
}

func slow(wait time.Duration, text string) *wire.Error {
	return &wire.Error{Code: wire.CodeSlow, Value: uint64(wait.Milliseconds()) + 1, Text: text}
}
