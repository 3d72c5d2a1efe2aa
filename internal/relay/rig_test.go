package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"codefob/internal/relay/wire"
)

// rig is a relay on loopback, with real sockets and a real JetStream.
type rig struct {
	*testing.T
	*Relay
	url  string
	logs *logbook
}

// logbook keeps what was logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a relay with its storage in a folder that goes with the test.
func start(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{T: t, logs: &logbook{}}
	c := Default
	c.Hosts, c.Folder, c.Partitions = []string{"127.0.0.1"}, t.TempDir(), 2
	c.Appends, c.NewStreams, c.SocketsPerAddress = 1e6, 1e6, 10_000
	c.Log = logrus.New()
	c.Log.SetOutput(r.logs)
	c.Log.SetLevel(logrus.DebugLevel)
	if change != nil {
		change(&c)
	}
	var err error
	if r.Relay, err = New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "ws://" + l.Addr().String()
	go r.Serve(l)
	t.Cleanup(func() { r.Stop(0) })
	return r
}

// key makes a stream.
func key(t *testing.T) ed25519.PrivateKey {
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (r *rig) dial(k ed25519.PrivateKey, since wire.Position) *wire.Conn {
	r.Helper()
	c, err := wire.Dial(r.Context(), wire.Options{URL: r.url, Key: k, Kind: wire.Lasting, Since: since})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Close)
	return c
}

func add(t *testing.T, c *wire.Conn, data string) uint64 {
	t.Helper()
	n, err := c.Append(t.Context(), []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func next(t *testing.T, c *wire.Conn) wire.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := c.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// skip takes what comes until the connection ends: the answers are behind it.
func skip(c *wire.Conn) {
	for {
		if _, err := c.Next(context.Background()); err != nil {
			return
		}
	}
}

// refused asserts that the relay said no with that code.
func refused(t *testing.T, err error, code wire.Code) *wire.Error {
	t.Helper()
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("%v, want code %d", err, code)
	}
	return e
}

// ended waits for the end of a connection.
func ended(t *testing.T, c *wire.Conn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, err := c.Next(ctx); err != nil {
			if ctx.Err() != nil {
				t.Fatal("the connection did not end")
			}
			return err
		}
	}
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}
