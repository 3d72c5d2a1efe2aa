package nativemsg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func frame(messages ...string) []byte {
	var b []byte
	for _, m := range messages {
		b = binary.NativeEndian.AppendUint32(b, uint32(len(m)))
		b = append(b, m...)
	}
	return b
}

func length(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func TestRead(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	tests := []struct {
		name   string
		stream []byte
		want   []string
		end    error
	}{
		{"nothing", nil, nil, io.EOF},
		{"one message", frame(`{"id":1}`), []string{`{"id":1}`}, io.EOF},
		{"several at once", frame("a", "", "bc"), []string{"a", "", "bc"}, io.EOF},
		{"at the cap, after and before a short one", frame("a", long, "b"), []string{"a", long, "b"}, io.EOF},
		{"end within the length", []byte{1, 0}, nil, io.ErrUnexpectedEOF},
		{"end after the length", length(1), nil, io.ErrUnexpectedEOF},
		{"end within the message", append(length(3), 'a'), nil, io.ErrUnexpectedEOF},
		{"over the cap by one", length(64<<10 + 1), nil, ErrTooLarge},
		{"2 GiB", length(0x7fffffff), nil, ErrTooLarge},
		{"4 GiB", length(0xffffffff), nil, ErrTooLarge},
		{"too large after a good one", append(frame("a"), length(1<<24)...), []string{"a"}, ErrTooLarge},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":        func(r io.Reader) io.Reader { return r },
		"byte by byte": iotest.OneByteReader,
		"data and end": iotest.DataErrReader,
	}
	for _, tt := range tests {
		for how, wrap := range readers {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				r := NewReader(wrap(bytes.NewReader(tt.stream)), 64<<10)
				for i, want := range tt.want {
					if got, err := r.Read(); err != nil || string(got) != want {
						t.Fatalf("message %d: %d bytes, %v; want %d bytes", i, len(got), err, len(want))
					}
				}
				if got, err := r.Read(); !errors.Is(err, tt.end) {
					t.Fatalf("end: %q, %v; want %v", got, err, tt.end)
				}
			})
		}
	}
}

func TestReadAllocatesNoMoreThanTheCap(t *testing.T) {
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewReader(bytes.NewReader(length(0xffffffff)), 64<<10).Read()
		}
	})
	if got.AllocedBytesPerOp() > 80<<10 {
		t.Errorf("a length of 4 GiB allocated %d bytes", got.AllocedBytesPerOp())
	}
}

func TestWriteIsOneWrite(t *testing.T) {
	var writes [][]byte
	w := NewWriter(writerFunc(func(b []byte) (int, error) {
		writes = append(writes, bytes.Clone(b))
		return len(b), nil
	}), 8)
	if err := w.Write([]byte("12345678")); err != nil {
		t.Fatal(err)
	}
	if err := w.Write([]byte("123456789")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the cap: %v", err)
	}
	if len(writes) != 1 || !bytes.Equal(writes[0], frame("12345678")) {
		t.Errorf("writes = %q", writes)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// FuzzRead: no stream makes the reader panic, and what it gives out it was given.
func FuzzRead(f *testing.F) {
	f.Add(frame(`{"id":1,"method":"host.hello"}`))
	f.Add(append(frame("a", ""), length(0xffffffff)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(iotest.HalfReader(bytes.NewReader(stream)), 1024)
		var again []byte
		for {
			m, err := r.Read()
			if err != nil {
				break
			}
			again = append(again, frame(string(m))...)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("%x was read from %x", again, stream)
		}
	})
}
