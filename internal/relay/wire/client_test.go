package wire

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// fake is a relay that says what a test has it say, all but the first after the hello.
func fake(t *testing.T, answers ...[]byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		ws, err := new(websocket.Upgrader).Upgrade(w, q, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		for i, b := range answers {
			if i == 1 {
				if _, _, err := ws.ReadMessage(); err != nil {
					return
				}
			}
			ws.WriteMessage(websocket.BinaryMessage, b)
		}
		for err := error(nil); err == nil; {
			_, _, err = ws.ReadMessage()
		}
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http", "ws", 1)
}

func options(url string) Options {
	_, k, _ := ed25519.GenerateKey(nil)
	return Options{URL: url, Key: k, Kind: Lasting}
}

var (
	hi   = Encode(Challenge{Version: Version})
	open = Encode(Welcome{Last: 3})
)

// A relay that answers nonsense: the connection ends with a reason, and nothing is taken over.
func TestNonsenseFromTheRelay(t *testing.T) {
	for name, tt := range map[string]struct {
		answers [][]byte
		want    string
	}{
		"no challenge":       {[][]byte{{0}}, "not a frame"},
		"another version":    {[][]byte{Encode(Challenge{Version: 2})}, "version 2"},
		"no welcome":         {[][]byte{hi, hi}, "not a frame"},
		"a refusal":          {[][]byte{hi, Encode(&Error{Code: CodeRefused, Text: "this relay goes by another name"})}, "goes by another name"},
		"a frame too large":  {[][]byte{hi, make([]byte, MaxFrame+1)}, "read limit"},
		"a record backwards": {[][]byte{hi, open, Encode(Record{2, 1, []byte("x")}), Encode(Record{2, 1, []byte("x")})}, "twice"},
		"an answer to none":  {[][]byte{hi, open, Encode(Ack{99, 1})}, "was not asked"},
		"an append":          {[][]byte{hi, open, Encode(Append{1, nil, []byte("x")})}, "not a frame"},
		"an end":             {[][]byte{hi, open, Encode(&Error{Code: CodeGoing, Text: "the relay is about to stop"})}, "about to stop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := Dial(t.Context(), options(fake(t, tt.answers...)))
			if err == nil {
				defer c.Close()
				for err == nil {
					_, err = c.Next(t.Context())
				}
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestWhatIsNoRelay(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusNotFound:           "is not a relay",
		http.StatusBadGateway:         "nobody answers behind it",
		http.StatusTooManyRequests:    "too many connections",
		http.StatusServiceUnavailable: "no room",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}))
		defer s.Close()
		_, err := Dial(t.Context(), options(strings.Replace(s.URL, "http", "ws", 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want %q", status, err, want)
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeSlow && e.Wait() != 7*time.Second {
			t.Errorf("wait %v", e.Wait())
		}
	}
}

// A relay that says nothing holds nobody up: the caller's context ends it all.
func TestTheContextEndsWhatWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, options(fake(t, hi))); err == nil {
		t.Error("no welcome, and no error")
	}
	c, err := Dial(t.Context(), options(fake(t, hi, open)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Append(ctx, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for _, data := range [][]byte{nil, make([]byte, MaxRecord+1)} {
		if _, err := c.Append(t.Context(), data); err == nil {
			t.Errorf("a record of %d bytes", len(data))
		}
	}
}

// A relay that reads no further until its answer is taken: others who append at the same time do not keep it out.
func TestAnAnswerIsTakenWhileOthersWrite(t *testing.T) {
	all := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		ws, err := new(websocket.Upgrader).Upgrade(w, q, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		ws.WriteMessage(websocket.BinaryMessage, hi)
		ws.ReadMessage()
		ws.WriteMessage(websocket.BinaryMessage, open)
		ws.ReadMessage()
		<-all
		ws.WriteMessage(websocket.BinaryMessage, Encode(Ack{1, 4}))
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
	}))
	defer s.Close()
	c, err := Dial(t.Context(), options(strings.Replace(s.URL, "http", "ws", 1)))
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	asked := func(n int) {
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if c.mu.TryLock() {
				there := len(c.waiting)
				if c.mu.Unlock(); there == n {
					return
				}
			}
			if time.Now().After(deadline) {
				t.Fatal("who writes keeps others out")
			}
		}
	}
	go func() {
		_, err := c.Append(t.Context(), []byte("x"))
		first <- err
	}()
	asked(1)
	var others sync.WaitGroup
	for range 200 { // more than the system takes
		others.Go(func() { c.Append(t.Context(), make([]byte, MaxRecord)) })
	}
	asked(201)
	close(all)
	if err := <-first; err != nil {
		t.Error(err)
	}
	c.Close()
	others.Wait()
}

// FuzzClient: whatever a relay sends, the client ends without a panic, and gives
// out records in their order only.
func FuzzClient(f *testing.F) {
	f.Add(append(open, Encode(Record{5, 4, []byte("x")})...), 17)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		at = max(0, min(at, len(b)))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if ws, err := new(websocket.Upgrader).Upgrade(w, q, nil); err == nil {
				for _, m := range [][]byte{hi, b[:at], b[at:]} {
					ws.WriteMessage(websocket.BinaryMessage, m)
				}
				ws.Close()
			}
		}))
		defer s.Close()
		c, err := Dial(ctx, options(strings.Replace(s.URL, "http", "ws", 1)))
		if err != nil {
			return
		}
		defer c.Close()
		last := c.Welcome().From.Sequence
		for {
			r, err := c.Next(ctx)
			if err != nil {
				return
			}
			if r.Sequence <= last || !bytes.Equal(Encode(r), b[at:]) {
				t.Errorf("record %d after %d", r.Sequence, last)
			}
			last = r.Sequence
		}
	})
}

// TestWhy: whoever asks is told the same by each relay that cannot be used.
func TestWhy(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	sealed := httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = log.New(io.Discard, "", 0) // of a handshake that the client ends
	sealed.StartTLS()
	defer sealed.Close()
	noise, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer noise.Close()
	go func() {
		for {
			c, err := noise.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220 welcome to something else\r\n\r\n")
			c.Close()
		}
	}()
	for url, want := range map[string]error{
		strings.Replace(plain.URL, "http", "ws", 1):    ErrNotRelay,
		strings.Replace(plain.URL, "http", "wss", 1):   ErrNotRelay,
		"ws://" + noise.Addr().String():                ErrNotRelay,
		strings.Replace(sealed.URL, "https", "wss", 1): ErrCertificate,
		"ws://127.0.0.1:1":                             ErrUnreached,
		fake(t, hi, []byte("x")):                       ErrNotRelay,
	} {
		if _, err := Dial(t.Context(), options(url)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", url, err, want)
		}
	}
}
