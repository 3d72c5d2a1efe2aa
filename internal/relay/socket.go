package relay

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"codefob/internal/relay/wire"
)

// socket is one client on one stream. It holds no records: it has a place in the
// stream, and reads on from there as fast as its client takes them.
type socket struct {
	r      *Relay
	peer   *peer
	ws     *websocket.Conn
	ctx    context.Context // ends with the socket, for a *wire.Error that the client is told
	cancel context.CancelCauseFunc
	stream *stream // set under the relay's mu

	at      uint64          // its place; the writer's
	wake    chan struct{}   // there may be something after it
	replies chan wire.Frame // for the client's appends
	inside  bool            // a message, which has a time to end; the reader's
	owed    atomic.Bool     // a pong: others are a flood
}

var (
	errFlood = errors.New("pings and pongs that nobody asked for")
	errText  = errors.New("a message of text")
)

// run serves the socket from the challenge to its end.
func (s *socket) run() {
	defer s.r.left(s)
	defer s.r.quit(s)
	defer s.cancel(nil)
	defer s.ws.Close()
	small(s.ws.NetConn())
	s.ws.SetReadLimit(wire.MaxFrame)
	s.ws.SetPongHandler(func(string) error {
		if !s.owed.Swap(false) {
			return errFlood
		}
		if !s.inside {
			s.awake()
		}
		return nil
	})
	s.ws.SetPingHandler(func(string) error { return errFlood })
	welcome, refusal := s.greet()
	if refusal != nil {
		s.r.metrics.refused.WithLabelValues("hello").Inc()
		s.goodbye(refusal)
		return
	}
	if s.send(welcome) != nil {
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write()
	}()
	s.read()
	s.cancel(nil)
	<-written
}

// small keeps the kernel from holding megabytes for who does not read.
func small(c net.Conn) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetWriteBuffer(wire.MaxFrame)
		_ = t.SetReadBuffer(wire.MaxFrame)
	}
}

// greet has the client show that it has the stream's key.
func (s *socket) greet() (wire.Welcome, *wire.Error) {
	challenge := wire.Challenge{Version: wire.Version}
	rand.Read(challenge.Nonce[:])
	refuse := func(code wire.Code, text string) (wire.Welcome, *wire.Error) {
		return wire.Welcome{}, &wire.Error{Code: code, Text: text}
	}
	if s.send(challenge) != nil {
		return refuse(wire.CodeGoing, "")
	}
	s.ws.SetReadDeadline(time.Now().Add(s.r.times.hello))
	stop := context.AfterFunc(s.ctx, func() { s.ws.SetReadDeadline(time.Now()) }) // the relay stops
	f, err := s.frame()
	stop()
	if bye, ok := context.Cause(s.ctx).(*wire.Error); ok {
		return wire.Welcome{}, bye
	}
	if err != nil {
		return refuse(wire.CodeRefused, "no answer to the challenge in time")
	}
	hello, ok := f.(wire.Hello)
	switch {
	case !ok:
		return refuse(wire.CodeNonsense, "not an answer to the challenge")
	case hello.Version != wire.Version:
		return refuse(wire.CodeVersion, "the relay does not speak this version")
	case !slices.Contains(s.r.Hosts, hello.Host):
		return refuse(wire.CodeRefused, "this relay goes by another name: whoever runs it can give it this one with --host")
	case !hello.Verify(challenge.Nonce):
		return refuse(wire.CodeRefused, "the signature is wrong")
	}
	sum := sha256.Sum256(append([]byte("codefob stream\x00"), hello.Key[:]...))
	id := [16]byte(sum[:16])
	part := s.r.partOf(hello.Kind, id)
	st, err := s.r.join(s.ctx, s, part, part.subject(id))
	if err != nil {
		return refuse(wire.CodeUnavailable, "the relay's storage did not answer")
	}
	st.mu.Lock()
	last := st.last
	st.mu.Unlock()
	w := wire.Welcome{From: wire.Position{Store: *part.id.Load()}, Last: last}
	if hello.Since.Store == w.From.Store && hello.Since.Sequence <= last {
		w.From.Sequence = hello.Since.Sequence
	}
	s.at = w.From.Sequence
	return w, nil
}

// frame reads one. The first byte may be long in coming, the rest not.
func (s *socket) frame() (wire.Frame, error) {
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.BinaryMessage {
		return nil, errText
	}
	s.ws.SetReadDeadline(time.Now().Add(s.r.times.message))
	s.inside = true
	b, err := io.ReadAll(r)
	s.inside = false
	if err != nil {
		return nil, err
	}
	s.r.metrics.received.Add(float64(len(b)))
	return wire.Decode(b)
}

// read takes what the client sends, one append at a time: who sends more than may
// be added waits, as TCP has it.
func (s *socket) read() {
	for {
		s.awake()
		f, err := s.frame()
		if err != nil {
			s.leave(&wire.Error{Code: wire.CodeNonsense, Text: "not a frame, or too slow"})
			return
		}
		a, ok := f.(wire.Append)
		if !ok {
			s.leave(&wire.Error{Code: wire.CodeNonsense, Text: "not a frame for now"})
			return
		}
		var reply wire.Frame
		started := time.Now()
		if sequence, refusal := s.add(a); refusal != nil {
			refusal.Request, reply = a.Request, refusal
			s.r.metrics.appends.WithLabelValues(codeNames[refusal.Code]).Inc()
		} else {
			reply = wire.Ack{Request: a.Request, Sequence: sequence}
			s.r.metrics.appends.WithLabelValues("ok").Inc()
			s.r.metrics.appendSeconds.Observe(time.Since(started).Seconds())
		}
		select {
		case s.replies <- reply:
		case <-s.ctx.Done():
			return
		}
	}
}

// add keeps to the limits, then adds the record. Who is a little too fast is slowed
// down; who is much too fast is, too, and is then told how much longer to wait.
func (s *socket) add(a wire.Append) (uint64, *wire.Error) {
	now := time.Now()
	reserved := [...]*rate.Reservation{s.stream.limit.ReserveN(now, 1), s.peer.appends.ReserveN(now, 1)}
	wait := max(reserved[0].DelayFrom(now), reserved[1].DelayFrom(now))
	later := wait - s.r.times.wait
	if later > 0 { // it takes nothing from either
		wait = s.r.times.wait
		for _, r := range reserved {
			r.CancelAt(now)
		}
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.ctx.Done():
		}
	}
	if later > 0 {
		return 0, slow(later, "too many records from this stream or address")
	}
	return s.stream.add(s.ctx, s, a)
}

// awake gives the client until two pings were not answered.
func (s *socket) awake() { s.ws.SetReadDeadline(time.Now().Add(s.r.times.ping * 5 / 2)) }

// write sends what there is: answers first, then records. It ends the socket when
// the client does not take it in time.
func (s *socket) write() {
	defer s.ws.Close() // ends read
	ping := time.NewTicker(jitter(s.r.times.ping))
	defer ping.Stop()
	for {
		// One of each in turn, so that nothing waits for ever.
		rec, ok, on, err := s.stream.after(s.ctx, s.at)
		if err != nil && s.ctx.Err() == nil {
			s.leave(&wire.Error{Code: wire.CodeUnavailable, Text: "the relay's storage did not answer"})
		}
		if s.at = on; ok {
			if s.send(rec) != nil {
				s.r.metrics.dropped.Inc()
				return
			}
			s.at = rec.Sequence
			s.r.metrics.pushed.Inc()
		}
		var more chan struct{}
		if ok {
			more = ready
		}
		select {
		case <-s.ctx.Done():
			if bye, ok := context.Cause(s.ctx).(*wire.Error); ok {
				s.goodbye(bye)
			}
			return
		default:
		}
		select {
		case <-s.ctx.Done():
		case reply := <-s.replies:
			err = s.send(reply)
		case <-ping.C:
			s.owed.Store(true)
			err = s.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.r.times.write))
		case <-s.wake:
			err = nil
		case <-more:
			err = nil
		}
		if err != nil && s.ctx.Err() == nil {
			s.r.metrics.dropped.Inc()
			return
		}
	}
}

// ready is always ready.
var ready = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (s *socket) send(f wire.Frame) error {
	b := wire.Encode(f)
	s.ws.SetWriteDeadline(time.Now().Add(s.r.times.write))
	s.r.metrics.sent.Add(float64(len(b)))
	return s.ws.WriteMessage(websocket.BinaryMessage, b)
}

// leave ends the socket, and has the writer say why.
func (s *socket) leave(why *wire.Error) { s.cancel(why) }

// goodbye says why, and that nothing follows.
func (s *socket) goodbye(why *wire.Error) {
	if s.send(why) != nil {
		return
	}
	code := websocket.ClosePolicyViolation
	if why.Code == wire.CodeGoing || why.Code == wire.CodeUnavailable {
		code = websocket.CloseServiceRestart
	}
	_ = s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(s.r.times.write))
}
