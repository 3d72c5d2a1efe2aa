package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"codefob/internal/relay/wire"
)

func TestRecordsComeToAllOfTheStreamInOrder(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	listening := r.store.nc.NumSubscriptions()
	k := key(t)
	one, two, stranger := r.dial(k, wire.Position{}), r.dial(k, wire.Position{}), r.dial(key(t), wire.Position{})
	var previous uint64
	for _, text := range []string{"a", "b", string(bytes.Repeat([]byte{'c'}, wire.MaxRecord))} {
		n := add(t, one, text)
		for _, c := range []*wire.Conn{one, two} {
			if got := next(t, c); got.Sequence != n || got.Previous != previous || string(got.Data) != text {
				t.Errorf("record %d after %d of %d bytes, want %d after %d", got.Sequence, got.Previous, len(got.Data), n, previous)
			}
		}
		previous = n
	}
	// Who comes later reads from the beginning, or from where they were.
	late := r.dial(k, wire.Position{})
	if w := late.Welcome(); w.Last != previous || w.From.Sequence != 0 {
		t.Errorf("welcome %+v", w)
	}
	first, second := next(t, late), next(t, late)
	back := r.dial(k, wire.Position{Store: late.Welcome().From.Store, Sequence: first.Sequence})
	if got := next(t, back); got.Sequence != second.Sequence {
		t.Errorf("back at %d, want %d", got.Sequence, second.Sequence)
	}
	add(t, stranger, "x")
	if got := next(t, stranger); string(got.Data) != "x" || got.Previous != 0 {
		t.Errorf("the stranger's first record is %q after %d", got.Data, got.Previous)
	}
	for _, c := range []*wire.Conn{one, two, stranger, late, back} {
		c.Close()
	}
	for end := time.Now().Add(20 * time.Second); r.store.nc.NumSubscriptions() > listening; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the relay still listens to streams that nobody has open")
		}
	}
}

func TestAnAppendAfterIsOnlyThat(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	k := key(t)
	one, two := r.dial(k, wire.Position{}), r.dial(k, wire.Position{})
	n, err := one.AppendAfter(t.Context(), 0, []byte("genesis"))
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []uint64{0, n - 1, n + 1, 1 << 60} {
		_, err = two.AppendAfter(t.Context(), after, []byte("other"))
		if after == n-1 && after == 0 {
			continue
		}
		if e := refused(t, err, wire.CodeConflict); e.Value != n {
			t.Errorf("after %d: the last is %d, want %d", after, e.Value, n)
		}
	}
	if _, err = two.AppendAfter(t.Context(), n, []byte("second")); err != nil {
		t.Error(err)
	}
}

// What was acknowledged is there again, in the same places, when the relay starts anew.
func TestPositionsOutliveTheRelayButNotItsStorage(t *testing.T) {
	t.Parallel()
	k, folder := key(t), t.TempDir()
	r := start(t, func(c *Config) { c.Folder = folder })
	c := r.dial(k, wire.Position{})
	add(t, c, "a")
	n := add(t, c, "b")
	at := wire.Position{Store: c.Welcome().From.Store, Sequence: n}
	r.Stop(0)
	if e := refused(t, ended(t, c), wire.CodeGoing); !strings.Contains(e.Text, "stop") {
		t.Error(e)
	}
	if _, err := c.Append(t.Context(), []byte("late")); err == nil {
		t.Error("an append after the end")
	}

	r = start(t, func(c *Config) { c.Folder = folder })
	c = r.dial(k, at)
	if w := c.Welcome(); w.From != at || w.Last != n {
		t.Errorf("welcome %+v, want from %+v", w, at)
	}
	r.Stop(0)

	if err := os.RemoveAll(filepath.Join(folder, "jetstream")); err != nil {
		t.Fatal(err)
	}
	r = start(t, func(c *Config) { c.Folder = folder })
	c = r.dial(k, at)
	if w := c.Welcome(); w.From.Store == at.Store || w.From.Sequence != 0 || w.Last != 0 {
		t.Errorf("the storage was lost, and the welcome is %+v", w)
	}
	for range at.Sequence + 1 {
		add(t, c, "a") // filled again
	}
	if w := r.dial(k, at).Welcome(); w.From.Sequence != 0 || w.Last < at.Sequence {
		t.Errorf("a position in what was lost counts: the welcome is %+v", w)
	}
}

// Somebody deletes the storage below a running relay.
func TestAStorageThatIsLostIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	k := key(t)
	c := r.dial(k, wire.Position{})
	add(t, c, "a")
	for _, p := range r.store.all {
		if err := p.js.DeleteStream(t.Context(), p.name); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, ended(t, c), wire.CodeGoing)
	again := r.dial(k, wire.Position{Store: c.Welcome().From.Store, Sequence: 1})
	if w := again.Welcome(); w.From.Sequence != 0 || w.From.Store == c.Welcome().From.Store {
		t.Errorf("welcome %+v", w)
	}
	add(t, again, "a")
}

// Who comes back while others of the stream have not left yet finds the new storage, not what was known of the old one.
func TestWhoIsFirstInANewStorageHasItsRecords(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	k := key(t)
	c := r.dial(k, wire.Position{})
	add(t, c, "a")
	add(t, c, "b")
	r.mu.Lock()
	for _, st := range r.streams {
		st.mu.Lock()
		st.sockets[new(socket)] = true // one that takes its time
		st.mu.Unlock()
	}
	r.mu.Unlock()
	for _, p := range r.store.all {
		if err := p.js.DeleteStream(t.Context(), p.name); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, ended(t, c), wire.CodeGoing)
	again := r.dial(k, wire.Position{})
	if w := again.Welcome(); w.Last != 0 {
		t.Errorf("welcome %+v", w)
	}
	add(t, again, "a")
	if got := next(t, again); string(got.Data) != "a" {
		t.Errorf("the first record is %q", got.Data)
	}
}

// A relay that stops while somebody connects.
func TestStoppingWhileSomebodyConnects(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	server, client := net.Pipe()
	defer client.Close()
	w := &slowUpgrade{httptest.NewRecorder(), server, make(chan struct{}), make(chan struct{})}
	q := httptest.NewRequest("GET", "/"+wire.Path, nil)
	q.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}}
	go io.Copy(io.Discard, client)
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		r.open(w, q)
	}()
	<-w.begun
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.Stop(0)
	}()
	for r.ended.Err() == nil { // it has told all sockets by then
		time.Sleep(time.Millisecond)
	}
	close(w.on)
	<-opened
	<-stopped
}

// slowUpgrade is a request whose connection becomes a WebSocket when it is told to.
type slowUpgrade struct {
	*httptest.ResponseRecorder
	conn      net.Conn
	begun, on chan struct{}
}

func (s *slowUpgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	close(s.begun)
	<-s.on
	return s.conn, bufio.NewReadWriter(bufio.NewReader(s.conn), bufio.NewWriter(s.conn)), nil
}

func TestOneFolderIsForOneRelay(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	if _, err := New(t.Context(), r.Config); !errors.Is(err, errLocked) {
		t.Error(err)
	}
}

func TestTheNumberOfPartitionsStays(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.Stop(0)
	c := r.Config
	c.Partitions = 3
	if _, err := New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--partitions 2") {
		t.Error(err)
	}
}

// What was acknowledged is on the disk: no client could see it if it were not.
func TestEachRecordIsSynced(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	if c := r.store.embedded.JetStreamConfig(); !c.SyncAlways || !strings.HasPrefix(c.StoreDir, r.Folder) {
		t.Errorf("JetStream runs with %+v", c)
	}
	for _, p := range r.store.lasting {
		if c := (*p.stream.Load()).CachedInfo().Config; c.Storage != jetstream.FileStorage || c.PersistMode == jetstream.AsyncPersistMode {
			t.Errorf("%s: %+v", p.name, c)
		}
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.StreamSize = 1000 })
	c := r.dial(key(t), wire.Position{})
	add(t, c, strings.Repeat("a", 600))
	_, err := c.Append(t.Context(), make([]byte, 401))
	refused(t, err, wire.CodeFull)
	add(t, c, strings.Repeat("a", 400))
	_, err = c.Append(t.Context(), make([]byte, 1))
	refused(t, err, wire.CodeFull)

	box, err := wire.Dial(t.Context(), wire.Options{URL: r.url, Key: key(t), Kind: wire.Mailbox})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	_, err = box.Append(t.Context(), make([]byte, mailRecord+1))
	refused(t, err, wire.CodeTooLarge)
	for left := mailStream; left > 0; left -= mailStream / 4 {
		add(t, box, strings.Repeat("m", mailStream/4))
	}
	_, err = box.Append(t.Context(), make([]byte, 1))
	refused(t, err, wire.CodeFull)
	if age := r.store.mail.config.MaxAge; age != 2*time.Minute {
		t.Errorf("mailboxes are kept %v", age)
	}
}

func TestAFullRelaySaysSo(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Partitions, c.Storage = 1, 100_000 })
	c := r.dial(key(t), wire.Position{})
	add(t, c, strings.Repeat("a", 60_000))
	_, err := c.Append(t.Context(), make([]byte, 60_000))
	if e := refused(t, err, wire.CodeFull); !strings.Contains(e.Text, "relay is full") {
		t.Error(e)
	}
	next(t, c)
	add(t, c, "small ones still go")
}

func TestRecordsAreKeptAsLongAsIsSaid(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Keep = time.Second })
	k := key(t)
	c := r.dial(k, wire.Position{})
	n := add(t, c, "a")
	at := wire.Position{Store: c.Welcome().From.Store, Sequence: n}
	c.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c = r.dial(k, at); c.Welcome().Last == 0 {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
	// The place in the stream is gone with it, which the welcome says.
	if w := c.Welcome(); w.From.Sequence != 0 {
		t.Errorf("welcome %+v", w)
	}
	if m := add(t, c, "b"); m <= n {
		t.Errorf("sequence %d after %d", m, n)
	}
}

// A vault is handed over at once, and then the limits of its stream and of its address hold, also for who comes back.
func TestRates(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) {
		c.Appends, c.Folder, c.times.wait = 0.1, quick(t), 0 // at once 11 of a stream, 51 of the address
	})
	many := func(c *wire.Conn) (taken int) { // on a slow day one more than can be at once
		t.Helper()
		go skip(c)
		for {
			_, err := c.Append(t.Context(), []byte("a"))
			if err == nil {
				taken++
				continue
			}
			if e := refused(t, err, wire.CodeSlow); e.Wait() < time.Millisecond {
				t.Errorf("wait %v", e.Wait())
			}
			return taken
		}
	}
	k := key(t)
	c := r.dial(k, wire.Position{})
	all := many(c)
	if all < 11 || all > 15 {
		t.Errorf("%d records at once", all)
	}
	c.Close()
	for left := false; !left; { // it was the last of its stream
		r.mu.Lock()
		left = len(r.streams) == 0
		r.mu.Unlock()
	}
	again := many(r.dial(k, wire.Position{}))
	if again > 5 {
		t.Errorf("%d more after coming back", again)
	}
	all += again
	var last int
	for range 7 {
		c = r.dial(key(t), wire.Position{})
		last = many(c)
		all += last
	}
	if all < 51 || all > 65 {
		t.Errorf("%d records of one address", all)
	}
	for range 20 {
		last += many(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	most := 0.0
	for _, st := range r.streams {
		most = max(most, st.limit.Tokens())
	}
	if most < float64(10-last) {
		t.Errorf("what the address may not do took from the stream: it may do %.1f", most)
	}
}

func TestNewStreamsAndSocketsOfAnAddress(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.NewStreams, c.SocketsPerAddress = 2, 3 })
	one, two, three := r.dial(key(t), wire.Position{}), r.dial(key(t), wire.Position{}), r.dial(key(t), wire.Position{})
	add(t, one, "a")
	add(t, two, "a")
	_, err := three.Append(t.Context(), []byte("a"))
	if e := refused(t, err, wire.CodeSlow); !strings.Contains(e.Text, "new streams") || e.Wait() < time.Minute {
		t.Errorf("%v, wait %v", e, e.Wait())
	}
	add(t, one, "b")
	_, err = wire.Dial(t.Context(), wire.Options{URL: r.url, Key: key(t), Kind: wire.Lasting})
	if e := refused(t, err, wire.CodeSlow); e.Wait() != 10*time.Second {
		t.Errorf("wait %v", e.Wait())
	}
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Partitions, c.times.storage = 1, 2*time.Second })
	c := r.dial(key(t), wire.Position{})
	add(t, c, "a")
	next(t, c)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		r.Admin().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	if status, text := get("/healthz"); status != http.StatusOK {
		t.Error(status, text)
	}
	_, text := get("/metrics")
	for _, want := range []string{`codefob_relay_appends_total{result="ok"} 1`, "codefob_relay_sockets 1", "codefob_relay_streams 1", "codefob_relay_pushed_records_total 1"} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q", want)
		}
	}
	public, err := http.Get(strings.Replace(r.url, "ws", "http", 1) + "/metrics")
	if err != nil || public.StatusCode != http.StatusNotFound {
		t.Errorf("metrics in public: %v, %v", public.Status, err)
	}
	if err := r.store.embedded.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	r.check()
	if status, text := get("/healthz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "storage does not answer") {
		t.Errorf("without its storage it says %d, %s", status, text)
	}
	r.Stop(0)
	if status, text := get("/healthz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "stopping") {
		t.Errorf("after the end it says %d, %s", status, text)
	}
}

func TestAddressesBehindProxies(t *testing.T) {
	t.Parallel()
	c, logs := Default, &logbook{}
	c.Proxies = prefixes("10.0.0.0/8", "fd00::/8")
	c.Log = logrus.New()
	c.Log.SetOutput(logs)
	p := newPeers(&c)
	for _, tt := range []struct{ from, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.1", "192.0.2.1"}, // not a proxy: it may say what it likes
		{"10.0.0.1:5", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:5", "203.0.113.9, 198.51.100.1", "198.51.100.1"}, // the first is the client's own word
		{"[fd00::1]:5", "2001:db8::1, 10.0.0.2", "2001:db8::1"},
		{"10.0.0.1:5", "nonsense", "10.0.0.1"},
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
	} {
		q := httptest.NewRequest("GET", "/", nil)
		q.RemoteAddr = tt.from
		if tt.forwarded != "" {
			q.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := p.address(q).String(); got != tt.want {
			t.Errorf("%s by %s is %s, want %s", tt.forwarded, tt.from, got, tt.want)
		}
	}
	if n := strings.Count(logs.String(), "--proxy does not name"); n != 1 || strings.Contains(logs.String(), "192.0") {
		t.Errorf("%d warnings: %s", n, logs)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, b, other := p.get(addr("2001:db8::1")), p.get(addr("2001:db8::2")), p.get(addr("2001:db8:0:1::1"))
	if a != b || a == other {
		t.Error("a /64 is one address")
	}
	if p.forget(time.Hour); len(p.all) != 2 {
		t.Error("forgotten at once")
	}
	if p.forget(0); len(p.all) != 1 {
		t.Error("one is to make room for another")
	}
}

// Connections that are not yet sockets: so many of an address, and so many in all.
func TestConnectionsThatSayNothingYet(t *testing.T) {
	t.Parallel()
	c := Default
	c.SocketsPerAddress, c.Proxies = 3, prefixes("10.0.0.0/8")
	p := newPeers(&c)
	open := func(from string) *quiet {
		q := &quiet{from: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
		p.state(q, http.StateNew)
		return q
	}
	first := open("192.0.2.1:1")
	if open("192.0.2.1:2").closed || open("192.0.2.1:3").closed || !open("192.0.2.1:4").closed || open("192.0.2.2:1").closed {
		t.Error("an address may have three, and another one too")
	}
	p.state(first, http.StateHijacked) // it is a socket now
	if open("192.0.2.1:5").closed || !open("192.0.2.1:6").closed {
		t.Error("there is room for one more")
	}
	for len(p.waiting) < mostWaiting {
		if open("10.0.0.1:1").closed {
			t.Fatal("a proxy has them of many")
		}
	}
	if !open("10.0.0.1:1").closed || !open("192.0.2.3:1").closed {
		t.Error("there is no room for more")
	}
}

// quiet is a connection.
type quiet struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (q *quiet) RemoteAddr() net.Addr { return q.from }
func (q *quiet) Close() error         { q.closed = true; return nil }
