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

// ErrTooLarge says that a message is over its cap. The reader cannot go on
// after it: nothing of the message was read.
var ErrTooLarge = errors.New("message is too large")

// Reader takes messages from a stream.
type Reader struct {
	r          io.Reader
	most       int
	buf        []byte
	start, end int // what was read and not yet given out
}

// NewReader reads messages of at most so many bytes from r. It allocates no
// more than that, whatever a message says of its length.
func NewReader(r io.Reader, most int) *Reader {
	return &Reader{r: r, most: most, buf: make([]byte, 4096)}
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
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, n, r.most)
	}
	if err := r.fill(header + int(n)); err != nil {
		return nil, err
	}
	message := r.buf[r.start+header : r.start+header+int(n)]
	r.start += header + int(n)
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
