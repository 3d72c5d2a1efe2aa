// Package wire is what the relay and its clients say to each other: binary
// frames, one in each WebSocket message, and the client. It knows nothing of
// what the records hold.
//
// The relay begins with a [Challenge]. The client answers with a [Hello], signed
// with the key that names the stream. The relay answers with a [Welcome], then
// sends the stream's [Record]s, those that are there and each new one. The client
// sends [Append]s at any time; each is answered, in order, by an [Ack] or an
// [*Error]. An Error with the request 0 is about the connection, which ends with it.
// Pings are those of WebSocket.
package wire

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// Version is that of the frames.
	Version = 1

	// MaxRecord is the most that a record may hold, in bytes.
	MaxRecord = 64 << 10

	// MaxFrame is the most that a frame may hold, in bytes.
	MaxFrame = MaxRecord + 64

	// Path is where below the relay's address the WebSocket is.
	Path = "v1"

	maxHost = 255
	maxText = 200
)

// Frame is one of the frames below.
type Frame interface {
	append(b []byte) []byte
}

// The first byte of each frame.
const (
	isChallenge = 1 + iota
	isWelcome
	isRecord
	isAck
	isError
	isHello
	isAppend
)

// Challenge is what the relay says first.
type Challenge struct {
	Version byte
	Nonce   [32]byte
}

// Kind is what a stream is for.
type Kind byte

const (
	Lasting Kind = 1 // kept for as long as the relay keeps records
	Mailbox Kind = 2 // kept for two minutes, a few small records
)

// Hello opens a stream.
type Hello struct {
	Version   byte
	Kind      Kind
	Key       [ed25519.PublicKeySize]byte // names the stream
	Signature [ed25519.SignatureSize]byte // of signed(Kind, Nonce, Host) with the stream's key
	Since     Position
	Host      string // the name of the relay that the client means to speak to
}

// Position is a place in a stream: after the record with that sequence.
type Position struct {
	Store    [8]byte // names the relay's storage: another one means that it was lost
	Sequence uint64  // 0 is the beginning
}

// Welcome says that the stream is open.
type Welcome struct {
	From Position // where reading begins: 0 if the client's position is of another store, or beyond the end
	Last uint64   // the sequence of the last record there is; 0 if there is none
}

// Record is one record of the stream. The sequences of a stream grow, and not
// by one: Previous is that of the record before it, also where that is no longer kept.
type Record struct {
	Sequence, Previous uint64
	Data               []byte
}

// Append adds a record at the end.
type Append struct {
	Request uint32  // of the client's choice, not 0
	After   *uint64 // if set, only if this is the last sequence (0: if there is no record)
	Data    []byte
}

// Ack says that the record is in the relay's storage.
type Ack struct {
	Request  uint32
	Sequence uint64
}

// Code says what went wrong.
type Code byte

const (
	CodeConflict    Code = 1 + iota // After was not the last: Value is
	CodeFull                        // the stream's quota, or the relay, is full
	CodeTooLarge                    // the record is
	CodeSlow                        // too much from this stream or address: Value is the milliseconds to wait
	CodeUnavailable                 // the storage did not answer; whether the record was added is not known
	CodeRefused                     // the hello: late, wrongly signed, or for another host
	CodeVersion                     // the relay does not speak this version
	CodeNonsense                    // a frame that is none, or not now
	CodeGoing                       // the relay is about to stop: come again
	codeEnd
)

// Error answers an Append, or ends the connection.
type Error struct {
	Request uint32
	Code    Code
	Value   uint64
	Text    string
}

func (e *Error) Error() string { return "the relay says: " + e.Text }

// Wait is how long the relay asks to wait before the next try; 0 if it does not.
func (e *Error) Wait() time.Duration {
	if e.Code != CodeSlow {
		return 0
	}
	return time.Duration(min(e.Value, uint64(time.Hour/time.Millisecond))) * time.Millisecond
}

func (f Challenge) append(b []byte) []byte {
	return append(append(b, isChallenge, f.Version), f.Nonce[:]...)
}

func (f Hello) append(b []byte) []byte {
	b = append(b, isHello, f.Version, byte(f.Kind))
	b = append(b, f.Key[:]...)
	b = append(b, f.Signature[:]...)
	b = f.Since.append(b)
	return append(b, f.Host...)
}

func (p Position) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, p.Store[:]...), p.Sequence)
}

func (f Welcome) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(f.From.append(append(b, isWelcome)), f.Last)
}

func (f Record) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, isRecord), f.Sequence)
	b = binary.BigEndian.AppendUint64(b, f.Previous)
	return append(b, f.Data...)
}

func (f Append) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, isAppend), f.Request)
	if f.After == nil {
		b = append(b, 0)
	} else {
		b = binary.BigEndian.AppendUint64(append(b, 1), *f.After)
	}
	return append(b, f.Data...)
}

func (f Ack) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, isAck), f.Request)
	return binary.BigEndian.AppendUint64(b, f.Sequence)
}

func (e *Error) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, isError), e.Request)
	b = binary.BigEndian.AppendUint64(append(b, byte(e.Code)), e.Value)
	return append(b, e.Text...)
}

// Encode writes a frame.
func Encode(f Frame) []byte { return f.append(nil) }

var errFrame = fmt.Errorf("%w: not a frame of one", ErrNotRelay)

// Decode reads a frame. The data of a Record or an Append is a part of b.
func Decode(b []byte) (Frame, error) {
	if len(b) > MaxFrame {
		return nil, fmt.Errorf("a frame of %d bytes: the most is %d", len(b), MaxFrame)
	}
	r := reader{b: b}
	var f Frame
	switch r.byte() {
	case isChallenge:
		c := Challenge{Version: r.byte()}
		copy(c.Nonce[:], r.take(len(c.Nonce)))
		f = c
	case isHello:
		h := Hello{Version: r.byte(), Kind: Kind(r.byte())}
		copy(h.Key[:], r.take(len(h.Key)))
		copy(h.Signature[:], r.take(len(h.Signature)))
		h.Since = r.position()
		h.Host = r.text(maxHost)
		r.bad = r.bad || h.Kind != Lasting && h.Kind != Mailbox
		f = h
	case isWelcome:
		f = Welcome{r.position(), r.uint64()}
	case isRecord:
		rec := Record{r.uint64(), r.uint64(), r.record()}
		r.bad = r.bad || rec.Previous >= rec.Sequence
		f = rec
	case isAck:
		f = Ack{r.uint32(), r.uint64()}
	case isError:
		e := &Error{Request: r.uint32(), Code: Code(r.byte()), Value: r.uint64(), Text: r.text(maxText)}
		r.bad = r.bad || e.Code == 0
		f = e
	case isAppend:
		a := Append{Request: r.uint32()}
		switch r.byte() {
		case 0:
		case 1:
			after := r.uint64()
			a.After = &after
		default:
			r.bad = true
		}
		a.Data = r.record()
		r.bad = r.bad || a.Request == 0
		f = a
	default:
		r.bad = true
	}
	if r.bad || len(r.b) > 0 {
		return nil, errFrame
	}
	return f, nil
}

// reader takes a frame apart; bad says that it was too short, or wrong.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *reader) position() (p Position) {
	copy(p.Store[:], r.take(len(p.Store)))
	p.Sequence = r.uint64()
	return p
}

// record is the rest: an empty record says nothing, and is none.
func (r *reader) record() []byte {
	r.bad = r.bad || len(r.b) == 0 || len(r.b) > MaxRecord
	return r.take(len(r.b))
}

// text is the rest. It may come to a person's terminal.
func (r *reader) text(most int) string {
	s := string(r.take(len(r.b)))
	unfit := func(c rune) bool { return !unicode.IsPrint(c) } // what turns the direction of text is none
	r.bad = r.bad || len(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, unfit)
	return s
}

// signed is what the stream's key signs. The name of the host keeps another
// relay from passing on a challenge that it got itself.
func signed(kind Kind, nonce [32]byte, host string) []byte {
	return fmt.Appendf(nil, "codefob relay %d\x00%c%s%s", Version, kind, nonce[:], host)
}

// Sign answers a challenge.
func Sign(key ed25519.PrivateKey, kind Kind, nonce [32]byte, host string, since Position) Hello {
	h := Hello{Version: Version, Kind: kind, Since: since, Host: host}
	copy(h.Key[:], key.Public().(ed25519.PublicKey))
	copy(h.Signature[:], ed25519.Sign(key, signed(kind, nonce, host)))
	return h
}

// Verify says whether the owner of the stream's key answered that challenge.
func (f Hello) Verify(nonce [32]byte) bool {
	return ed25519.Verify(f.Key[:], signed(f.Kind, nonce, f.Host), f.Signature[:])
}
