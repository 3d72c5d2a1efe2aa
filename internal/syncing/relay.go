package syncing

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"codefob/internal/relay/wire"
	"codefob/internal/vaultsync"
)

// relayCarrier is a relay as a carrier: a stream for the members, and one for each epoch.
type relayCarrier struct {
	where    string
	replica  *vaultsync.Replica
	wake     chan struct{}
	patience time.Duration

	streams map[uint32]*stream       // by epoch; the members' is 0
	drained map[uint32]wire.Position // the ends of old epochs, which were read up to there
}

// stream is one that is open.
type stream struct {
	*wire.Conn
	at    wire.Position // up to where it was given out
	last  uint64        // that we know of: given out, or our own
	acked uint64        // the last of our own

	mu    sync.Mutex
	queue []wire.Record
	bytes int
	err   error
}

// What a relay may send before it is taken; more than all that it keeps of a stream.
const (
	maxQueue   = 128 << 20
	recordCost = 64 // bytes besides its data: tiny ones fill the memory, too
)

// onTheWay is how many records may wait for their answer at once.
const onTheWay = 16

// caughtUp is how long a relay may take to send what it has. To take what it is given it has twice as long.
const caughtUp = 30 * time.Second

var errSlow = errors.New("the relay does not answer in time: it may have too much to do; if it stays so, use another one")

// relayPosition is the position in a relay, which is told as JSON.
type relayPosition map[uint32]struct {
	Store    string `json:"store"`
	Sequence uint64 `json:"sequence"`
}

func newRelay(where string, r *vaultsync.Replica) *relayCarrier {
	return &relayCarrier{where: where, replica: r, wake: make(chan struct{}, 1), patience: caughtUp, streams: map[uint32]*stream{}, drained: map[uint32]wire.Position{}}
}

// Name is the relay's address.
func (c *relayCarrier) Name() string { return c.where }

// Close ends the connections.
func (c *relayCarrier) Close() error {
	for epoch, s := range c.streams {
		s.Conn.Close()
		delete(c.streams, epoch)
	}
	return nil
}

// failed closes all: the next try begins anew.
func (c *relayCarrier) failed(ctx context.Context, err error) error {
	c.Close()
	if context.Cause(ctx) == errSlow {
		return errSlow
	}
	var said *wire.Error
	if errors.As(err, &said) && said.Code == wire.CodeFull {
		return fmt.Errorf("%w: whoever runs it can give it more room; or use another one", err)
	}
	return err
}

// open opens the stream of an epoch, to be read from a position. It tells whether the relay has lost what
// was before that.
func (c *relayCarrier) open(ctx context.Context, epoch uint32, key ed25519.PrivateKey, since wire.Position) (s *stream, lost bool, err error) {
	conn, err := wire.Dial(ctx, wire.Options{URL: c.where, Key: key, Kind: wire.Lasting, Since: since})
	if err != nil {
		return nil, false, err
	}
	from := conn.Welcome().From
	s = &stream{Conn: conn, at: from, last: from.Sequence}
	c.streams[epoch] = s
	go s.read(c.sign)
	return s, since != wire.Position{} && from != since, nil
}

// read takes what the relay sends, so that answers come through.
func (s *stream) read(sign func()) {
	err := caught(func() error {
		for {
			r, err := s.Next(context.Background())
			if err != nil {
				return err
			}
			s.mu.Lock()
			s.queue = append(s.queue, r)
			s.bytes += len(r.Data) + recordCost
			full := s.bytes > maxQueue
			s.mu.Unlock()
			if full {
				return errors.New("the relay sends more than it may keep: use another one")
			}
			sign()
		}
	})
	s.mu.Lock()
	s.err = ended(err)
	s.mu.Unlock()
	sign()
	s.Conn.Close()
}

// ended says what the end of a connection is, where that is not what the relay said.
func ended(err error) error {
	if errors.As(err, new(*wire.Error)) || errors.Is(err, errDefect) {
		return err
	}
	return fmt.Errorf("the connection to the relay ended: %w", err)
}

// sign wakes who waits.
func (c *relayCarrier) sign() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take gives out what came. It waits until there is all that there was when the stream was opened, and what we added since.
func (s *stream) take(ctx context.Context, wake <-chan struct{}) ([]wire.Record, error) {
	until := max(s.Welcome().Last, s.acked)
	for {
		s.mu.Lock()
		list, err := s.queue, s.err
		end := s.at.Sequence
		if len(list) > 0 {
			end = list[len(list)-1].Sequence
		}
		if end >= until || err != nil {
			s.queue, s.bytes = nil, 0
		}
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case end >= until:
			s.at.Sequence = end
			s.last = max(s.last, end)
			return list, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Pull gives what came in all streams.
func (c *relayCarrier) Pull(ctx context.Context, position string) (b vaultsync.Batch, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.patience, errSlow)
	defer cancel()
	p := relayPosition{}
	if json.Unmarshal([]byte(position), &p) != nil {
		p = relayPosition{}
	}
	newest := c.replica.Epoch()
	for epoch := uint32(0); epoch <= newest; epoch++ {
		key, ok := c.replica.Stream(epoch)
		isOld := epoch > 0 && epoch+1 < newest // no member writes there any more
		var since wire.Position
		if was, known := p[epoch]; known {
			store, _ := hex.DecodeString(was.Store)
			copy(since.Store[:], store)
			since.Sequence = was.Sequence
		}
		if !ok || isOld && (since != wire.Position{}) && c.drained[epoch] == since {
			continue
		}
		s := c.streams[epoch]
		if s != nil && (since != wire.Position{}) && s.at != since { // what was given out was not taken
			s.Conn.Close()
			s = nil
		}
		if s != nil && since == (wire.Position{}) && s.at.Sequence != 0 { // it is to begin anew
			s.Conn.Close()
			s = nil
		}
		if s == nil {
			var lost bool
			if s, lost, err = c.open(ctx, epoch, key, since); err != nil {
				return b, c.failed(ctx, err)
			}
			if lost {
				c.Close()
				clear(c.drained)
				return vaultsync.Batch{Older: true}, nil
			}
		}
		list, err := s.take(ctx, c.wake)
		if err != nil {
			return b, c.failed(ctx, err)
		}
		for _, r := range list {
			if epoch == 0 {
				b.Entries = append(b.Entries, bytes.Clone(r.Data))
			} else {
				b.Records = append(b.Records, bytes.Clone(r.Data))
			}
		}
		p[epoch] = struct {
			Store    string `json:"store"`
			Sequence uint64 `json:"sequence"`
		}{hex.EncodeToString(s.at.Store[:]), s.at.Sequence}
		if isOld {
			s.Conn.Close()
			delete(c.streams, epoch)
			c.drained[epoch] = s.at
		}
	}
	for _, s := range c.streams {
		s.mu.Lock()
		if len(s.queue) > 0 || s.err != nil { // its sign may have been taken for that of another
			c.sign()
		}
		s.mu.Unlock()
	}
	raw, err := json.Marshal(p, json.Deterministic(true))
	b.Position = string(raw)
	return b, err
}

// current is the open stream of an epoch.
func (c *relayCarrier) current(ctx context.Context, epoch uint32) (*stream, error) {
	if s := c.streams[epoch]; s != nil {
		return s, nil
	}
	key, ok := c.replica.Stream(epoch)
	if !ok {
		return nil, errors.New("the key of this epoch has not come yet")
	}
	s, _, err := c.open(ctx, epoch, key, wire.Position{})
	return s, err
}

// Push adds records to the stream of the newest epoch, several at once, as the way to the relay may be long.
// It is about as slow as the relay wants.
func (c *relayCarrier) Push(ctx context.Context, records [][]byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.patience, errSlow)
	defer cancel()
	s, err := c.current(ctx, c.replica.Epoch())
	if err != nil {
		return c.failed(ctx, err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var last [onTheWay]uint64
	var all sync.WaitGroup
	for i := range last {
		all.Go(func() {
			for n := next.Add(1); n <= int64(len(records)) && ctx.Err() == nil; n = next.Add(1) {
				err := caught(func() error {
					return patiently(ctx, func() (err error) {
						last[i], err = s.Append(ctx, records[n-1])
						return err
					})
				})
				if err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	s.acked = max(s.acked, slices.Max(last[:]))
	if ctx.Err() != nil {
		return c.failed(ctx, ended(context.Cause(ctx)))
	}
	return nil
}

// patiently does what the relay may want to be done later, if that is soon.
func patiently(ctx context.Context, do func() error) error {
	for {
		err := do()
		var said *wire.Error
		if !errors.As(err, &said) || said.Wait() == 0 || said.Wait() > caughtUp {
			return err
		}
		select {
		case <-time.After(said.Wait()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Enter adds an entry behind the last one that was given out, and behind no other.
func (c *relayCarrier) Enter(ctx context.Context, _ uint64, record []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.patience, errSlow)
	defer cancel()
	s, err := c.current(ctx, 0)
	if err != nil {
		return c.failed(ctx, err)
	}
	err = patiently(ctx, func() error {
		last, err := s.AppendAfter(ctx, s.last, record)
		if err == nil {
			s.last, s.acked = last, last
		}
		return err
	})
	var said *wire.Error
	if errors.As(err, &said) && said.Code == wire.CodeConflict {
		return vaultsync.ErrTaken
	}
	if err != nil {
		return c.failed(ctx, ended(err))
	}
	return nil
}

// Wait returns when something came.
func (c *relayCarrier) Wait(ctx context.Context) error {
	select {
	case <-c.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// relayBox is a mailbox at a relay: a stream where each message is behind the one before.
type relayBox struct {
	*wire.Conn
	messages []wire.Record
}

func relayMailbox(ctx context.Context, where string, code vaultsync.Code) (mailbox, error) {
	conn, err := wire.Dial(ctx, wire.Options{URL: where, Key: code.Rendezvous(), Kind: wire.Mailbox})
	if err != nil {
		return mailbox{}, err
	}
	return mailbox{&relayBox{Conn: conn}, conn.Close}, nil
}

func (b *relayBox) Read(ctx context.Context, place int) ([]byte, error) {
	for len(b.messages) <= place {
		r, err := b.Next(ctx)
		if err != nil {
			return nil, err
		}
		b.messages = append(b.messages, r)
	}
	return b.messages[place].Data, nil
}

func (b *relayBox) Post(ctx context.Context, place int, message []byte) error {
	after := uint64(0)
	if place > 0 {
		if _, err := b.Read(ctx, place-1); err != nil {
			return err
		}
		after = b.messages[place-1].Sequence
	}
	_, err := b.AppendAfter(ctx, after, message)
	var said *wire.Error
	if errors.As(err, &said) && said.Code == wire.CodeConflict {
		return vaultsync.ErrTaken
	}
	return err
}
