package wire

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	dialTime  = 20 * time.Second // for the connection, TLS and the welcome
	writeTime = 20 * time.Second // for one frame
	quietTime = 90 * time.Second // the relay pings every 30 s
)

// What callers branch on, besides what the relay says itself.
var (
	ErrUnreached   = errors.New("nobody answers")
	ErrCertificate = errors.New("its certificate is not good")
	ErrNotRelay    = errors.New("what answers is not a relay")
)

// kindOf gives an error of the connection its kind.
func kindOf(err error) error {
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	case errors.As(err, new(net.Error)), errors.As(err, new(*websocket.CloseError)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", ErrUnreached, err)
	}
	if len(err.Error()) > 100 { // what it sent instead
		return ErrNotRelay
	}
	return fmt.Errorf("%w: %w", ErrNotRelay, err)
}

// Options say what to open.
type Options struct {
	URL   string             // wss://host[:port][/path]; ws:// on this computer only
	Key   ed25519.PrivateKey // the stream's
	Kind  Kind
	Since Position    // read from here
	TLS   *tls.Config // nil for the system's roots
}

// Conn is an open stream. Its methods may be called by several goroutines.
type Conn struct {
	welcome Welcome
	ws      *websocket.Conn
	records chan Record
	done    chan struct{} // closed when err is set

	writing sync.Mutex // not mu: a write may wait for the relay, which may wait until we have read an answer

	mu      sync.Mutex // for what follows
	next    uint32
	waiting map[uint32]chan<- Frame
	err     error
}

// ParseURL reads the address of a relay as a person gives it.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q is not the address of a relay: it goes wss://HOST", text)
	case u.Scheme == "wss":
	case u.Scheme == "ws" && onThisComputer(u.Hostname()):
	case u.Scheme == "ws":
		return nil, fmt.Errorf("%q is not encrypted on its way: use wss://", text)
	default:
		return nil, fmt.Errorf("%q is not the address of a relay: it begins with wss://", text)
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

func onThisComputer(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Dial connects, shows that it has the stream's key, and begins to read. The
// context is for Dial alone. What the relay said is an [*Error].
func Dial(ctx context.Context, o Options) (*Conn, error) {
	u, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, ReadBufferSize: 4096, WriteBufferSize: 4096}
	ws, response, err := d.DialContext(ctx, u.JoinPath(Path).String(), nil)
	if err != nil {
		return nil, dialError(u.Host, response, err)
	}
	c := &Conn{ws: ws, records: make(chan Record, 16), done: make(chan struct{}), waiting: map[uint32]chan<- Frame{}}
	ws.SetReadLimit(MaxFrame)
	stop := context.AfterFunc(ctx, func() { ws.NetConn().SetDeadline(time.Unix(1, 0)) })
	err = c.greet(o, strings.TrimSuffix(u.Hostname(), "."))
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		ws.Close()
		return nil, fmt.Errorf("relay %s: %w", u.Host, err)
	}
	ws.SetPingHandler(func(data string) error {
		c.quiet()
		err := ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTime))
		if errors.As(err, new(net.Error)) {
			return nil // a pong less: the relay pings again
		}
		return err
	})
	c.quiet()
	go c.read()
	return c, nil
}

// dialError says what a relay that did not become a WebSocket wants.
func dialError(host string, r *http.Response, err error) error {
	if r == nil {
		return fmt.Errorf("relay %s: %w", host, kindOf(err))
	}
	switch r.StatusCode {
	case http.StatusTooManyRequests:
		seconds, _ := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 16)
		err = &Error{Code: CodeSlow, Value: seconds * 1000, Text: "too many connections from this address"}
	case http.StatusServiceUnavailable:
		err = &Error{Code: CodeUnavailable, Text: "no room, or about to stop"}
	case http.StatusBadGateway, http.StatusGatewayTimeout: // the web server before it
		err = fmt.Errorf("%w behind it: HTTP status %d", ErrUnreached, r.StatusCode)
	default:
		err = fmt.Errorf("%w: HTTP status %d", ErrNotRelay, r.StatusCode)
	}
	return fmt.Errorf("relay %s: %w", host, err)
}

// greet goes from the challenge to the welcome.
func (c *Conn) greet(o Options, host string) error {
	f, err := c.frame()
	if err != nil {
		return err
	}
	challenge, ok := f.(Challenge)
	switch {
	case !ok:
		return errFrame
	case challenge.Version != Version:
		return &Error{Code: CodeVersion, Text: fmt.Sprintf("it speaks version %d, and this program version %d", challenge.Version, Version)}
	}
	if err := c.write(Sign(o.Key, o.Kind, challenge.Nonce, host, o.Since)); err != nil {
		return err
	}
	if f, err = c.frame(); err != nil {
		return err
	}
	switch f := f.(type) {
	case Welcome:
		c.welcome = f
		return nil
	case *Error:
		return f
	default:
		return errFrame
	}
}

// frame reads one.
func (c *Conn) frame() (Frame, error) {
	kind, b, err := c.ws.ReadMessage()
	if err != nil {
		return nil, kindOf(err)
	}
	if kind != websocket.BinaryMessage {
		return nil, errFrame
	}
	return Decode(b)
}

// write sends one frame; only one goroutine may.
func (c *Conn) write(f Frame) error {
	c.ws.SetWriteDeadline(time.Now().Add(writeTime))
	return c.ws.WriteMessage(websocket.BinaryMessage, Encode(f))
}

func (c *Conn) quiet() { c.ws.SetReadDeadline(time.Now().Add(quietTime)) }

// read takes what the relay sends, until the connection ends.
func (c *Conn) read() {
	defer func() {
		if recover() != nil { // a defect of ours is to end the connection, and not the program
			c.end(errors.New("a defect of Codefob's ended the connection"))
		}
	}()
	at := c.welcome.From.Sequence
	for {
		f, err := c.frame()
		if err != nil {
			c.end(err)
			return
		}
		switch f := f.(type) {
		case Record:
			if f.Sequence <= at {
				c.end(fmt.Errorf("%w: it sent a record twice", ErrNotRelay))
				return
			}
			at = f.Sequence
			select {
			case c.records <- f:
			case <-c.done:
				return
			}
		case Ack:
			err = c.answer(f.Request, f)
		case *Error:
			if f.Request == 0 {
				c.end(f)
				return
			}
			err = c.answer(f.Request, f)
		default:
			err = errFrame
		}
		if err != nil {
			c.end(err)
			return
		}
		c.quiet()
	}
}

func (c *Conn) answer(request uint32, f Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, ok := c.waiting[request]
	if !ok {
		return fmt.Errorf("%w: it answered what was not asked", ErrNotRelay)
	}
	delete(c.waiting, request)
	answer <- f
	return nil
}

// end closes the connection for the reason err, the first time.
func (c *Conn) end(err error) {
	c.ws.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}

// Close ends the connection.
func (c *Conn) Close() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second))
	c.end(net.ErrClosed)
}

// Welcome is what the relay said at first: where reading began, and the last
// record there was then. Who has read up to it has all.
func (c *Conn) Welcome() Welcome { return c.welcome }

// Next waits for the next record. Somebody has to take the records while others
// append: the answers come behind them.
func (c *Conn) Next(ctx context.Context) (Record, error) {
	select { // what came is given also when the connection has ended since
	case r := <-c.records:
		return r, nil
	default:
	}
	select {
	case r := <-c.records:
		return r, nil
	case <-c.done:
		return Record{}, c.err
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
}

// Append adds a record at the end, and returns its sequence once the relay has it
// in its storage. It comes back by Next, too. After an error other than an
// [*Error] or with CodeUnavailable, it may have been added all the same.
func (c *Conn) Append(ctx context.Context, data []byte) (sequence uint64, err error) {
	return c.send(ctx, Append{Data: data})
}

// AppendAfter adds a record if the last one is still that with the sequence
// last; 0 if there is to be none. If not, the [*Error] has CodeConflict.
func (c *Conn) AppendAfter(ctx context.Context, last uint64, data []byte) (sequence uint64, err error) {
	return c.send(ctx, Append{After: &last, Data: data})
}

func (c *Conn) send(ctx context.Context, a Append) (uint64, error) {
	if len(a.Data) == 0 || len(a.Data) > MaxRecord {
		return 0, fmt.Errorf("a record of %d bytes: 1 to %d can be sent", len(a.Data), MaxRecord)
	}
	answer := make(chan Frame, 1)
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return 0, c.err
	}
	c.next++
	if c.next == 0 {
		c.next++
	}
	a.Request = c.next
	c.waiting[a.Request] = answer
	c.mu.Unlock()
	c.writing.Lock()
	err := c.write(a)
	c.writing.Unlock()
	if err != nil {
		c.end(err)
		return 0, err
	}
	select {
	case f := <-answer:
		switch f := f.(type) {
		case Ack:
			return f.Sequence, nil
		case *Error:
			return 0, f
		}
		return 0, errFrame
	case <-c.done:
		return 0, c.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
