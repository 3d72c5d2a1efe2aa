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

// picture is what the tests allow over the cap.
func picture(start []byte) bool {
	return bytes.HasPrefix(start, []byte("picture")) && len(start) == Peek
}

func TestWhatIsAllowedOverTheCap(t *testing.T) {
	const larger = 8 << 20
	of := func(start string, n int) string { return start + strings.Repeat("x", n-len(start)) }
	large, largest := of("picture", 64<<10+1), of("picture", larger)
	for _, tt := range []struct {
		name   string
		stream []byte
		want   []string
		end    error
	}{
		{"between others", frame("a", large, "b", largest, large, "c"), []string{"a", large, "b", largest, large, "c"}, io.EOF},
		{"a small one as any", frame("picture"), []string{"picture"}, io.EOF},
		{"over its own cap by one", append(length(larger+1), "picture"...), nil, ErrTooLarge},
		{"4 GiB", append(length(0xffffffff), large...), nil, ErrTooLarge},
		{"another beginning", append(length(64<<10+1), of("pictorial", Peek)...), nil, ErrTooLarge},
		{"after a good one", append(frame(large), frame(of("other", 64<<10+1))...), []string{large}, ErrTooLarge},
		{"end after the length", length(64<<10 + 1), nil, io.ErrUnexpectedEOF},
		{"end within what is looked at", append(length(64<<10+1), large[:Peek-1]...), nil, io.ErrUnexpectedEOF},
		{"end after what is looked at", append(length(64<<10+1), large[:Peek]...), nil, io.ErrUnexpectedEOF},
		{"end before the last byte", frame(large)[:header+len(large)-1], nil, io.ErrUnexpectedEOF},
	} {
		for how, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "data and end": iotest.DataErrReader,
		} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				r := NewReader(wrap(bytes.NewReader(tt.stream)), 64<<10)
				r.Allow(larger, picture)
				for i, want := range tt.want {
					if got, err := r.Read(); err != nil || string(got) != want {
						t.Fatalf("message %d: %d bytes, %v; want %d bytes", i, len(got), err, len(want))
					}
				}
				if got, err := r.Read(); !errors.Is(err, tt.end) {
					t.Fatalf("end: %d bytes, %v; want %v", len(got), err, tt.end)
				}
				if cap(r.buf) > header+64<<10 {
					t.Errorf("the reader keeps %d bytes", cap(r.buf))
				}
			})
		}
	}
}

func TestReadAllocatesNoMoreThanTheCap(t *testing.T) {
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, start := range []string{"", strings.Repeat("x", Peek)} { // neither is allowed
				r := NewReader(strings.NewReader(string(length(8<<20))+start), 64<<10)
				r.Allow(8<<20, picture)
				r.Read()
			}
			NewReader(bytes.NewReader(length(0xffffffff)), 64<<10).Read()
		}
	})
	if got.AllocedBytesPerOp() > 80<<10 {
		t.Errorf("lengths of 8 MiB and 4 GiB allocated %d bytes", got.AllocedBytesPerOp())
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
	f.Add(frame("picture"+strings.Repeat("x", 2000), "a"))
	f.Add(frame("a", strings.Repeat("x", 1025)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(iotest.HalfReader(bytes.NewReader(stream)), 1024)
		r.Allow(4096, picture)
		var again []byte
		for {
			m, err := r.Read()
			if err != nil {
				break
			}
			if len(m) > 4096 || len(m) > 1024 && !bytes.HasPrefix(m, []byte("picture")) {
				t.Errorf("%d bytes were taken", len(m))
			}
			again = append(again, frame(string(m))...)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("%x was read from %x", again, stream)
		}
	})
}
