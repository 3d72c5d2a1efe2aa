// Package relay is the server that carries records between the computers of one
// person: streams that only grow, named by keys, in NATS JetStream. It learns the
// streams' names, the sizes of their records and when they come, and nothing else.
//
// A Relay keeps nothing but what its sockets need: as many as one likes may serve
// the same JetStream.
package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	stdlog "log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"

	"codefob/internal/relay/wire"
)

// Config is what a relay runs with. [Default] has what is not of the place.
type Config struct {
	Hosts []string // the names that clients know it by, without ports

	Folder string // of the JetStream in this process, unless NATS is set
	NATS   []string
	Creds  string // a file with the credentials for NATS; may be empty
	CA     string // a file with the root that NATS' certificates are checked by; may be empty

	Partitions int           // JetStream streams that the clients' streams are spread over; never changed later
	Storage    int64         // bytes, of all streams
	Keep       time.Duration // how long records are kept; 0 for ever

	StreamSize        int64   // bytes that one stream may take in its life
	Appends           float64 // a second, of one stream, see atOnce; one address may do five times as much
	NewStreams        float64 // an hour, of one address
	Sockets           int     // in all
	SocketsPerAddress int
	Proxies           []netip.Prefix // whose X-Forwarded-For is believed

	Log *logrus.Logger

	times times // tests are in a hurry
}

// atOnce is how many seconds' worth of records may come at once: so much is a vault
// that is handed over for the first time.
const atOnce = 100

// times are how long a client may take.
type times struct {
	hello   time.Duration // from the first byte to the hello
	message time.Duration // from the first byte of a message to its last
	write   time.Duration // to take what is sent
	ping    time.Duration // between pings; who is silent for two and a half is gone
	storage time.Duration // for one answer of JetStream
	wait    time.Duration // the longest that a limit slows a client down, before it is told
}

// Default is what a relay for a family or a company runs with.
var Default = Config{
	Partitions: 8, Storage: 10 << 30, Keep: 400 * 24 * time.Hour,
	StreamSize: 64 << 20, Appends: 20, NewStreams: 60, Sockets: 50_000, SocketsPerAddress: 200,
	times: times{hello: 10 * time.Second, message: 10 * time.Second, write: 10 * time.Second, ping: 30 * time.Second,
		storage: 5 * time.Second, wait: 5 * time.Second},
}

// Relay is a running relay.
type Relay struct {
	Config
	store    *store
	peers    *peers
	metrics  *metrics
	server   *http.Server
	upgrader websocket.Upgrader

	healthy  atomic.Bool
	stopping atomic.Bool
	ended    context.Context
	end      context.CancelFunc
	running  sync.WaitGroup // sockets, and what watches the storage

	mu      sync.Mutex
	streams map[string]*stream       // those with sockets, by subject
	resting map[string]*rate.Limiter // of those that had sockets a moment ago, by subject
	sockets map[*socket]bool
}

// New opens the storage.
func New(ctx context.Context, c Config) (*Relay, error) {
	if len(c.Hosts) == 0 {
		return nil, errors.New("a relay needs the names that clients know it by")
	}
	for i, h := range c.Hosts {
		c.Hosts[i] = strings.TrimSuffix(strings.ToLower(h), ".")
	}
	r := &Relay{Config: c, peers: newPeers(&c), streams: map[string]*stream{}, resting: map[string]*rate.Limiter{}, sockets: map[*socket]bool{}}
	r.metrics = newMetrics(r)
	r.upgrader = websocket.Upgrader{
		HandshakeTimeout: c.times.hello,
		ReadBufferSize:   1024,
		WriteBufferSize:  1024,
		WriteBufferPool:  new(sync.Pool),
		// Programs send none. A page of any site has no business here.
		CheckOrigin: func(q *http.Request) bool { return len(q.Header["Origin"]) == 0 },
	}
	store, err := openStore(ctx, &r.Config, r.missed)
	if err != nil {
		return nil, err
	}
	r.store = store
	r.healthy.Store(true)
	r.ended, r.end = context.WithCancel(context.Background())

	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+wire.Path, r.open)
	mux.HandleFunc("GET /healthz", r.health)
	r.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: c.times.hello, IdleTimeout: c.times.ping, WriteTimeout: c.times.message,
		MaxHeaderBytes: 8 << 10, ConnState: r.peers.state, ErrorLog: stdlog.New(io.Discard, "", 0), // it speaks of addresses
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // a WebSocket is HTTP/1.1
	}
	r.running.Go(r.deliver)
	r.running.Go(r.watch)
	return r, nil
}

// Serve takes connections until Stop.
func (r *Relay) Serve(l net.Listener) error {
	if err := r.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Admin is what only those who run the relay should reach.
func (r *Relay) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", r.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

func (r *Relay) health(w http.ResponseWriter, _ *http.Request) {
	switch {
	case r.stopping.Load():
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	case !r.healthy.Load():
		http.Error(w, "the storage does not answer", http.StatusServiceUnavailable)
	default:
		io.WriteString(w, "ok\n")
	}
}

// open makes a socket of a request.
func (r *Relay) open(w http.ResponseWriter, q *http.Request) {
	refuse := func(reason string, status int) {
		r.metrics.refused.WithLabelValues(reason).Inc()
		w.Header().Set("Retry-After", "10")
		http.Error(w, reason, status)
	}
	if r.stopping.Load() {
		refuse("stopping", http.StatusServiceUnavailable)
		return
	}
	peer, reason := r.peers.enter(r.peers.address(q))
	if peer == nil {
		refuse(reason, http.StatusTooManyRequests)
		return
	}
	s := &socket{r: r, peer: peer, wake: make(chan struct{}, 1), replies: make(chan wire.Frame, 1)}
	s.ctx, s.cancel = context.WithCancelCause(r.ended) // before others see it
	r.mu.Lock()
	if len(r.sockets) >= r.Sockets {
		r.mu.Unlock()
		r.peers.leave(peer)
		s.cancel(nil)
		refuse("full", http.StatusServiceUnavailable)
		return
	}
	r.sockets[s] = true
	r.running.Add(1) // under mu: Stop waits for those that it saw
	r.mu.Unlock()

	ws, err := r.upgrader.Upgrade(w, q, nil)
	if err != nil { // it has answered
		r.metrics.refused.WithLabelValues("handshake").Inc()
		s.cancel(nil)
		r.left(s)
		return
	}
	s.ws = ws
	go s.run() // the handler's stack is a large one
}

// left forgets a socket.
func (r *Relay) left(s *socket) {
	r.mu.Lock()
	delete(r.sockets, s)
	r.mu.Unlock()
	r.peers.leave(s.peer)
	r.running.Done()
}

// Stop refuses new sockets, sends those there are away over the time drain, so
// that they do not all come back at once, and closes the storage.
func (r *Relay) Stop(drain time.Duration) {
	r.stopping.Store(true)
	r.mu.Lock()
	var all []*socket
	for s := range r.sockets {
		all = append(all, s)
	}
	r.mu.Unlock()
	started := time.Now()
	for i, s := range all {
		time.Sleep(time.Until(started.Add(drain * time.Duration(i) / time.Duration(len(all)))))
		s.leave(&wire.Error{Code: wire.CodeGoing, Text: "the relay is about to stop"})
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.times.write)
	defer cancel()
	_ = r.server.Shutdown(ctx)
	r.end()
	r.running.Wait()
	r.store.close()
}

// watch looks after the storage, and after streams that may have missed something.
func (r *Relay) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-r.ended.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		var due []*stream
		for _, s := range r.streams {
			if s.due() {
				due = append(due, s)
			}
		}
		maps.DeleteFunc(r.resting, func(_ string, l *rate.Limiter) bool { return isRested(l) })
		r.mu.Unlock()
		for _, s := range due {
			if s.look(r.ended, jitter(lookLater)) != nil {
				break // the next round asks again
			}
		}
		if n%5 == 0 {
			r.peers.sweep()
			r.check()
		}
	}
}

// check asks each partition how it is. One that was lost is made again, and its
// sockets sent away, as their positions mean nothing in it.
func (r *Relay) check() {
	healthy := true
	for _, p := range r.store.all {
		ctx, cancel := context.WithTimeout(r.ended, r.times.storage)
		lost, moved, err := p.check(ctx)
		cancel()
		if err != nil && r.ended.Err() == nil {
			healthy = false
			if r.healthy.Swap(false) { // at once: each of the others may take as long
				r.Log.WithError(err).Error("the storage does not answer")
			}
		}
		if moved {
			r.missed()
		}
		if lost {
			r.Log.WithField("partition", p.name).Error("the storage was lost: clients fill it again")
			r.mu.Lock()
			// Who comes back at once is not to find what was known of the old one.
			maps.DeleteFunc(r.streams, func(_ string, st *stream) bool { return st.part == p })
			for s := range r.sockets {
				if s.stream != nil && s.stream.part == p {
					s.leave(&wire.Error{Code: wire.CodeGoing, Text: "the relay's storage was lost"})
				}
			}
			r.mu.Unlock()
		}
	}
	if was := r.healthy.Swap(healthy); healthy && !was {
		r.Log.Info("the storage answers again")
	}
}

// missed has every stream looked at: NATS was away, or dropped something.
func (r *Relay) missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		s.mu.Lock()
		s.lookAt = time.Now()
		s.mu.Unlock()
	}
}

// deliver hands out what JetStream says was added.
func (r *Relay) deliver() {
	for {
		select {
		case <-r.ended.Done():
			return
		case m := <-r.store.pushed:
			rec, subject, err := readPushed(m)
			if err != nil {
				r.Log.WithError(err).Error("a message that is not ours")
				continue
			}
			r.mu.Lock()
			s := r.streams[subject]
			r.mu.Unlock()
			if s != nil {
				s.notice(rec)
			}
		}
	}
}

// jitter is d, or up to a tenth less.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/10+1) }

// partOf is where a stream is.
func (r *Relay) partOf(kind wire.Kind, id [16]byte) *partition {
	if kind == wire.Mailbox {
		return r.store.mail
	}
	return r.store.lasting[(int(id[0])<<8|int(id[1]))%len(r.store.lasting)]
}
