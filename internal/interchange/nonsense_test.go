//go:build !race

package interchange

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBigNonsense fills files of 64 MiB with entries: seconds, and minutes under the race detector.
func TestBigNonsense(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is garbage does not count
	fill := func(head, piece, tail string) func() []byte {
		return func() []byte {
			n := (MaxBytes - len(head) - len(tail)) / len(piece)
			return slices.Concat([]byte(head), bytes.Repeat([]byte(piece), n), []byte(tail))
		}
	}
	exports := func(n int, entries string) func() []byte {
		return func() (data []byte) {
			for batch := range n {
				data = append(data, migrationURI(entries+protoNumber(3, maxParts)+protoNumber(5, uint64(batch)))+"\n"...)
			}
			return data
		}
	}
	text := func(parts ...string) func() []byte {
		return func() []byte { return []byte(strings.Join(parts, "")) }
	}
	archive := func(data func() []byte) func() []byte {
		return func() []byte { return packed(t, "a", string(data())) }
	}
	for _, tt := range []struct {
		name string
		data func() []byte // made when it is its turn: what lives beside it lets more garbage be
	}{
		{"numbers", fill("[", "1,", "1]")},
		{"numbers as services", fill(`{"schemaVersion":4,"services":[`, "1,", "1]}")},
		{"numbers as a secret", fill(`{"tokens":[{"secret":[`, "1,", `1]}]}`)},
		{"members", fill("{", `"a":1,`, `"a":1}`)},
		{"names", fill(`{"accounts":{},"b":{`, `"a":{},`, `"a":1}}`)},
		{"one text", fill(`{"shared_secret":"`, "A", `"}`)},
		{"one text of escapes", fill(`{"encrypted":true,"passwordProtected":true,"data":"`, `\u0041`, `"}`)},
		{"entries of an export", func() []byte { return []byte(migrationURI(strings.Repeat("\x0a\x00", 16<<20))) }},
		{"exports without entries", exports(100_000, "")},
		{"exports of small entries", exports(1000, strings.Repeat("\x0a\x00", 9000))},
		{"lines", fill("otpauth://totp/a?secret=AA\n", "x\n", "")},
		{"blank lines", fill("", "\n", "otpauth://totp/a?secret=AA")},
		{"lines without end", fill("x\n", "y", "")},
		{"rows", fill("Title,OTPAuth\n", ",\n", "")},
		{"one row", fill("Title,OTPAuth\n", ",", "")},
		{"an open quote", fill("Title,OTPAuth\n\"", "a\n", "")},
		{"KeePass's entries", fill("<KeePassFile>", "<Entry></Entry>", "")},
		{"KeePass's fields", fill("<KeePassFile><Entry>", "<String><Key>otp</Key><Value>A</Value></String>", "")},
		{"KeePass's attributes", fill("<KeePassFile ", `a="" `, ">")},
		{"KeePass's text", fill("<KeePassFile>", "a", "")},
		{"a page", fill("<html>", "<code>a</code>", "")},
		{"tags", fill("<map><string name='tokenOrder'>", "<a/>", "")},
		{"fewer tags", text("<map><string name='tokenOrder'>" + strings.Repeat("<a/>", 4<<20-8))},
		{"entities", text("<map><string name='tokenOrder'>" + strings.Repeat("&amp;", 3<<20) + "</string><string name='a'>x</string></map>")},
		{"texts of Java", text(javaHead + "\x00\x00\x00\x00\x00\x00\x00\x00w\x08\x00\x00\x00\x10\x00\x00\x4e\x00" + strings.Repeat("t\x00\x00", 40<<10))},
		{"an archive of members", archive(fill("{", `"a":1,`, `"a":1}`))},
		{"an archive of rows", archive(fill("Title,OTPAuth\n", ",\n", ""))},
	} {
		s := Source{Data: tt.data()}
		peak := watchHeap()
		r, err := timed(t, tt.name, s, "")
		grown := peak() >> 20
		if err == nil && len(r.Errors) == 0 {
			t.Errorf("%s: %s, %d accounts; want an error", tt.name, r.Format, len(r.Accounts))
		}
		if grown > 256 {
			t.Errorf("%s: took %d MiB", tt.name, grown)
		}
		t.Logf("%s: %d MiB", tt.name, grown)
	}
}

// watchHeap tells, when asked, how many bytes the heap grew by at most until then.
func watchHeap() (peak func() uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	now := func() uint64 {
		metrics.Read(heap)
		return heap[0].Value.Uint64()
	}
	runtime.GC()
	before := now()
	most := before
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, now())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		return max(most, now()) - before
	}
}
