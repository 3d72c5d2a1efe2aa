// Package nativemsg frames messages as browsers do for native messaging: a
// length of four bytes in native order, then that many bytes of UTF-8 JSON
// (Chrome, "Native messaging protocol"; MDN, "Native messaging").
package nativemsg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// header is the size of the length that goes before a message, in bytes.
const header = 4

// Peek is how much of a message is looked at before more than the cap is allocated.
const Peek = 64

// ErrTooLarge says that a message is over its cap. The reader cannot go on
// after it: nothing of the message was read.
var ErrTooLarge = errors.New("message is too large")

// Reader takes messages from a stream.
type Reader struct {
	r          io.Reader
	most       int
	buf        []byte
	start, end int // what was read and not yet given out

	larger int                     // the cap of messages that allows lets through
	allows func(start []byte) bool // nil for none
}

// NewReader reads messages of at most so many bytes from r. It allocates no
// more than that, whatever a message says of its length.
func NewReader(r io.Reader, most int) *Reader {
	return &Reader{r: r, most: most, buf: make([]byte, 4096)}
}

// Allow takes messages of up to so many bytes where allows says so of their first
// [Peek] bytes. The reader keeps nothing of such a message.
func (r *Reader) Allow(larger int, allows func(start []byte) bool) {
	r.larger, r.allows = larger, allows
}

// Read returns the next message, good until the next call. It returns [io.EOF]
// at the end of the stream, [io.ErrUnexpectedEOF] at an end within a message,
// and an error that wraps [ErrTooLarge].
func (r *Reader) Read() ([]byte, error) {
	if err := r.fill(header); err != nil {
		return nil, err
	}
	n := binary.NativeEndian.Uint32(r.buf[r.start:])
	if uint64(n) > uint64(r.most) {
		return r.readLarge(n)
	}
	if err := r.fill(header + int(n)); err != nil {
		return nil, err
	}
	message := r.buf[r.start+header : r.start+header+int(n)]
	r.start += header + int(n)
	return message, nil
}

// readLarge reads a message over the cap into memory of its own, if it is allowed.
func (r *Reader) readLarge(n uint32) ([]byte, error) {
	err := fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, n, r.most)
	if r.allows == nil || uint64(n) > uint64(r.larger) || n < Peek {
		return nil, err
	}
	if end := r.fill(header + Peek); end != nil {
		return nil, errors.Join(err, end)
	}
	if !r.allows(r.buf[r.start+header : r.start+header+Peek]) {
		return nil, err
	}
	message := make([]byte, n)
	got := copy(message, r.buf[r.start+header:r.end])
	r.start += header + got
	if _, err := io.ReadFull(r.r, message[got:]); err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return message, nil
}

// fill reads until the buffer holds n bytes.
func (r *Reader) fill(n int) error {
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if r.start+n > len(r.buf) {
		into := r.buf
		if n > len(r.buf) {
			into = make([]byte, header+r.most)
		}
		r.end = copy(into, r.buf[r.start:r.end])
		r.buf, r.start = into, 0
	}
	for r.end-r.start < n {
		k, err := r.r.Read(r.buf[r.end:])
		r.end += k
		if err != nil && r.end-r.start < n {
			if err == io.EOF && r.end > r.start {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// Writer puts messages on a stream, each with one write. It may be used by
// several goroutines.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	most int
	buf  []byte
}

// NewWriter writes messages of at most so many bytes to w.
func NewWriter(w io.Writer, most int) *Writer { return &Writer{w: w, most: most} }

// Write sends one message, or returns an error that wraps [ErrTooLarge].
func (w *Writer) Write(message []byte) error {
	if len(message) > w.most {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(message), w.most)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = binary.NativeEndian.AppendUint32(w.buf[:0], uint32(len(message)))
	w.buf = append(w.buf, message...)
	_, err := w.w.Write(w.buf)
	clear(w.buf) // it may have held a code
	return err
}
