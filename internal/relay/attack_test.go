package relay

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"codefob/internal/relay/wire"
)

// hurry makes the relay impatient.
func hurry(c *Config) {
	c.times.hello, c.times.message, c.times.write, c.times.ping = 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
}

// raw is a client that does not keep to the rules.
type raw struct {
	*testing.T
	*websocket.Conn
	challenge wire.Challenge
}

func (r *rig) raw(header http.Header) (*raw, error) {
	ws, response, err := (&websocket.Dialer{EnableCompression: true}).Dial(r.url+"/"+wire.Path, header)
	if err != nil {
		return nil, err
	}
	r.Cleanup(func() { ws.Close() })
	if e := response.Header.Get("Sec-Websocket-Extensions"); e != "" {
		r.Errorf("the relay agreed to %q", e)
	}
	w := &raw{T: r.T, Conn: ws}
	f, err := w.frame()
	w.challenge, _ = f.(wire.Challenge)
	return w, err
}

func (w *raw) frame() (wire.Frame, error) {
	w.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, b, err := w.ReadMessage()
	if err != nil {
		return nil, err
	}
	return wire.Decode(b)
}

func (w *raw) send(f wire.Frame) {
	w.Helper()
	if err := w.WriteMessage(websocket.BinaryMessage, wire.Encode(f)); err != nil {
		w.Error(err)
	}
}

// opened is a client that has kept to the rules so far.
func (r *rig) opened(k ed25519.PrivateKey) *raw {
	r.Helper()
	w, err := r.raw(nil)
	if err != nil {
		r.Fatal(err)
	}
	w.send(wire.Sign(k, wire.Lasting, w.challenge.Nonce, "127.0.0.1", wire.Position{}))
	if f, err := w.frame(); err != nil {
		r.Fatal(f, err)
	}
	return w
}

// closed waits until the relay closes the connection, and returns what it said.
func closed(t *testing.T, c net.Conn, after string) []byte {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	said, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open after %s", after)
	}
	return said
}

// served shows that others are.
func (r *rig) served() {
	r.Helper()
	c := r.dial(key(r.T), wire.Position{})
	add(r.T, c, "x")
	next(r.T, c)
	c.Close()
}

// header of a WebSocket frame, with a mask of zeros.
func frameHeader(first byte, size uint64) []byte {
	b := append([]byte{first, 0x80 | 127}, binary.BigEndian.AppendUint64(nil, size)...)
	return append(b, 0, 0, 0, 0)
}

// R10: what is meant to fill the memory, or to hold the relay up.
func TestFramesThatAreAttacks(t *testing.T) {
	r := start(t, hurry)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var attacks sync.WaitGroup
	for name, attack := range map[string]func(net.Conn){
		"a frame of 2 GiB": func(c net.Conn) { c.Write(frameHeader(0x82, 2<<30)) },
		"a frame of 2^63":  func(c net.Conn) { c.Write(frameHeader(0x82, 1<<63)) },
		"fragments without an end": func(c net.Conn) {
			c.Write(frameHeader(0x02, 0))
			flood := bytes.Repeat(frameHeader(0x00, 0), 100)
			for {
				if _, err := c.Write(flood); err != nil {
					return
				}
			}
		},
		"fragments that grow": func(c net.Conn) {
			c.Write(frameHeader(0x02, 0))
			for range wire.MaxFrame / 1000 {
				c.Write(append(frameHeader(0x00, 1000), make([]byte, 1000)...))
			}
			c.Write(frameHeader(0x00, 1000))
		},
		"a compression bomb": func(c net.Conn) {
			var bomb bytes.Buffer
			w, _ := flate.NewWriter(&bomb, 9)
			io.Copy(w, io.LimitReader(zeros{}, 16<<20))
			w.Flush()
			c.Write(append(frameHeader(0xc2, uint64(bomb.Len())), bomb.Bytes()...))
		},
		"a flood of pings": func(c net.Conn) {
			flood := bytes.Repeat([]byte{0x89, 0x80, 0, 0, 0, 0}, 100)
			for {
				if _, err := c.Write(flood); err != nil {
					return
				}
			}
		},
		"a flood of pongs": func(c net.Conn) {
			flood := bytes.Repeat([]byte{0x8a, 0x80, 0, 0, 0, 0}, 100)
			for {
				if _, err := c.Write(flood); err != nil {
					return
				}
			}
		},
		"a message that never ends":  func(c net.Conn) { c.Write(frameHeader(0x82, 100)[:5]) },
		"a message of text":          func(c net.Conn) { c.Write(append(frameHeader(0x81, 1), 'x')) },
		"a frame of an unknown type": func(c net.Conn) { c.Write(append(frameHeader(0x82, 1), 99)) },
		"a second hello": func(c net.Conn) {
			b := wire.Encode(wire.Hello{Kind: wire.Lasting})
			c.Write(append(frameHeader(0x82, uint64(len(b))), b...))
		},
	} {
		attacks.Go(func() {
			c := r.opened(key(t)).NetConn()
			go attack(c)
			said := closed(t, c, name)
			if large := name == "a frame of 2 GiB" || name == "fragments that grow"; large && !bytes.Contains(said, tooLarge) {
				t.Errorf("%s: the relay waits for it, and says %q in the end", name, said)
			}
			r.served()
		})
	}
	attacks.Wait()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d MiB were allocated", used>>20)
	}
}

func TestWhoAnswersNoPingsIsSentAway(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.times.ping = 300 * time.Millisecond })
	closed(t, r.opened(key(t)).NetConn(), "three pings without an answer")
}

// tooLarge is how a WebSocket is closed before the whole message has come.
var tooLarge = append([]byte{0x88, 2}, websocket.FormatCloseMessage(websocket.CloseMessageTooBig, "")...)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// R10: slow loris, before there is a socket and after.
func TestWhoIsSlowOnPurposeIsSentAway(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { hurry(c); c.SocketsPerAddress = 40 })
	var slow []net.Conn
	for i := range 60 {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "ws://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /v1 HTTP/1.1\r\nX-%d: ", i)
		go func() { // a byte now and then
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
		slow = append(slow, c)
	}
	silent, err := r.raw(nil) // never answers the challenge
	for ; err != nil; silent, err = r.raw(nil) {
		if _, there := errors.AsType[*net.OpError](err); !there && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	closed(t, silent.NetConn(), "no answer")
	for _, c := range slow {
		closed(t, c, "slow headers")
	}
	r.served()
}

// R10: many sockets that do nothing, and many that no longer read.
func TestReadersThatStopAreDroppedAndOthersAreServed(t *testing.T) {
	r := start(t, func(c *Config) { hurry(c); c.times.ping, c.Folder = time.Minute, quick(t) })
	const idle, stopped, records = 200, 40, 60
	for range idle {
		r.opened(key(t))
	}
	k := key(t)
	for range stopped {
		r.opened(k).NetConn().(*net.TCPConn).SetReadBuffer(4096)
	}
	one, two := r.dial(k, wire.Position{}), r.dial(k, wire.Position{})
	go skip(one)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range records {
		data := make([]byte, wire.MaxRecord)
		data[0] = byte(i)
		if _, err := one.Append(t.Context(), data); err != nil {
			t.Fatal(err)
		}
		if got := next(t, two); got.Data[0] != byte(i) {
			t.Fatalf("record %d came for %d", got.Data[0], i)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	// JetStream keeps what was written for ten seconds, and each socket has a record on its way.
	grown, sent := int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(records*wire.MaxRecord)
	if grown > 4*sent {
		t.Errorf("%d KiB are held after %d that %d do not read", grown>>10, sent>>10, stopped)
	}
	left := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.sockets) == idle+2
	}
	for deadline := time.Now().Add(20 * time.Second); !left(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("those that stopped are still there")
		}
	}
}

// quick is a folder whose writes need no disk, for tests that are not about it.
func quick(t *testing.T) string {
	folder, err := os.MkdirTemp("/dev/shm", "codefob-relay")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// R11: pages.
func TestNoPageConnects(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, origin := range []string{"https://evil.example", "null", r.url, "chrome-extension://x", ""} {
		_, err := r.raw(http.Header{"Origin": {origin}})
		if !errors.Is(err, websocket.ErrBadHandshake) {
			t.Errorf("from %q: %v", origin, err)
		}
	}
}

// R11: who does not have the key.
func TestNoStreamWithoutItsKey(t *testing.T) {
	t.Parallel()
	r := start(t, hurry)
	k := key(t)
	good := r.opened(k)
	hello := func(w *raw, host string) wire.Hello {
		return wire.Sign(k, wire.Lasting, w.challenge.Nonce, host, wire.Position{})
	}
	for name, tt := range map[string]struct {
		frame func(w *raw) wire.Frame
		code  wire.Code
	}{
		"a good one, to see":        {func(w *raw) wire.Frame { return hello(w, "127.0.0.1") }, 0},
		"no answer":                 {func(w *raw) wire.Frame { return nil }, wire.CodeRefused},
		"an append first":           {func(w *raw) wire.Frame { return wire.Append{Request: 1, Data: []byte("x")} }, wire.CodeNonsense},
		"another connection's":      {func(w *raw) wire.Frame { return hello(good, "127.0.0.1") }, wire.CodeRefused},
		"one for another relay":     {func(w *raw) wire.Frame { return hello(w, "localhost") }, wire.CodeRefused},
		"one for no relay":          {func(w *raw) wire.Frame { return hello(w, "") }, wire.CodeRefused},
		"another stream's name":     {func(w *raw) wire.Frame { h := hello(w, "127.0.0.1"); h.Key[0] ^= 1; return h }, wire.CodeRefused},
		"another kind than signed":  {func(w *raw) wire.Frame { h := hello(w, "127.0.0.1"); h.Kind = wire.Mailbox; return h }, wire.CodeRefused},
		"a host changed afterwards": {func(w *raw) wire.Frame { h := hello(w, "localhost"); h.Host = "127.0.0.1"; return h }, wire.CodeRefused},
		"a version that is none":    {func(w *raw) wire.Frame { h := hello(w, "127.0.0.1"); h.Version = 9; return h }, wire.CodeVersion},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := r.raw(nil)
			if err != nil {
				t.Fatal(err)
			}
			if f := tt.frame(w); f != nil {
				w.send(f)
			}
			f, err := w.frame()
			if _, welcome := f.(wire.Welcome); tt.code == 0 && welcome {
				return
			}
			if e, ok := f.(*wire.Error); !ok || e.Code != tt.code {
				t.Fatalf("%v, %v; want code %d", f, err, tt.code)
			}
			closed(t, w.NetConn(), name)
		})
	}
}

// R11: a server that the client trusts passes our challenge on, and would read the stream.
func TestAChallengeThatIsPassedOnIsWorthNothing(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	answer := make(chan wire.Frame, 1)
	middle := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		victim, err := new(websocket.Upgrader).Upgrade(w, q, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer victim.Close()
		// It may say what host it likes in its own request.
		ours, err := r.raw(http.Header{"Host": {"localhost"}})
		if err != nil {
			t.Error(err)
			return
		}
		victim.WriteMessage(websocket.BinaryMessage, wire.Encode(ours.challenge))
		_, hello, err := victim.ReadMessage()
		if err != nil {
			t.Error(err)
			return
		}
		ours.WriteMessage(websocket.BinaryMessage, hello)
		f, _ := ours.frame()
		answer <- f
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go middle.Serve(l)
	defer middle.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if _, err := wire.Dial(t.Context(), wire.Options{URL: "ws://localhost:" + port, Key: key(t), Kind: wire.Lasting}); err == nil {
		t.Error("the client was not told")
	}
	if e, ok := (<-answer).(*wire.Error); !ok || e.Code != wire.CodeRefused {
		t.Errorf("the relay says %v", e)
	}
}

// R13: the storage has no more of a stream than a hash of its name, and the logs
// have neither that, nor addresses, nor records, whatever goes wrong.
func TestWhatTheRelayWritesDown(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { hurry(c); c.Appends = 0.02; c.times.wait = 0 })
	k := key(t)
	const canary = "canary-of-a-record"
	c := r.dial(k, wire.Position{})
	add(t, c, canary)
	for range 30 {
		c.Append(t.Context(), []byte(canary)) // too fast, mostly
	}
	local := r.opened(k)
	port := local.LocalAddr().String()
	local.WriteMessage(websocket.TextMessage, []byte(canary))
	closed(t, local.NetConn(), "a text")
	w, err := r.raw(http.Header{"X-Canary": {canary}})
	if err != nil {
		t.Fatal(err)
	}
	w.send(wire.Sign(k, wire.Lasting, [32]byte{}, canary, wire.Position{}))
	closed(t, w.NetConn(), "a wrong hello")
	odd, err := net.Dial("tcp", strings.TrimPrefix(r.url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(odd, "%s\r\n\r\n", canary)
	bufio.NewReader(odd).ReadString('\n')
	odd.Close()
	r.Stop(0)

	public := k.Public().(ed25519.PublicKey)
	names := []string{string(public), hex.EncodeToString(public), base64.StdEncoding.EncodeToString(public), base64.RawURLEncoding.EncodeToString(public)}
	for _, part := range append(names, canary, port, "127.0.0.1:", "codefob.0.", "codefob.1.") {
		if strings.Contains(r.logs.String(), part) {
			t.Errorf("the log has %q:\n%s", part, r.logs)
		}
	}
	found := false
	err = filepath.WalkDir(r.Folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		found = found || bytes.Contains(b, []byte(canary)) // the record, which is sealed in earnest
		for _, part := range append(names, port) {
			if bytes.Contains(b, []byte(part)) || strings.Contains(name, part) {
				t.Errorf("%s has %q", name, part)
			}
		}
		return err
	})
	if err != nil || !found {
		t.Errorf("the records were not found, so nothing was searched: %v", err)
	}
}
