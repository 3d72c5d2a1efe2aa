//go:build !race

package interchange

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// TestBigNonsense fills files of 64 MiB with entries: seconds, and minutes under the race detector.
func TestBigNonsense(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is garbage does not count
	fill := func(head, piece, tail string) []byte {
		n := (MaxBytes - len(head) - len(tail)) / len(piece)
		return append(append([]byte(head), bytes.Repeat([]byte(piece), n)...), tail...)
	}
	exports := func(n int, entries string) (data []byte) {
		for batch := range n {
			data = append(data, migrationURI(entries+protoNumber(3, maxParts)+protoNumber(5, uint64(batch)))+"\n"...)
		}
		return data
	}
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"numbers", fill("[", "1,", "1]")},
		{"numbers as services", fill(`{"schemaVersion":4,"services":[`, "1,", "1]}")},
		{"numbers as a secret", fill(`{"tokens":[{"secret":[`, "1,", `1]}]}`)},
		{"members", fill("{", `"a":1,`, `"a":1}`)},
		{"names", fill(`{"accounts":{},"b":{`, `"a":{},`, `"a":1}}`)},
		{"one text", fill(`{"shared_secret":"`, "A", `"}`)},
		{"one text of escapes", fill(`{"encrypted":true,"passwordProtected":true,"data":"`, `\u0041`, `"}`)},
		{"entries of an export", []byte(migrationURI(strings.Repeat("\x0a\x00", 16<<20)))},
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
		{"fewer tags", []byte("<map><string name='tokenOrder'>" + strings.Repeat("<a/>", 4<<20-8))},
		{"entities", []byte("<map><string name='tokenOrder'>" + strings.Repeat("&amp;", 3<<20) + "</string><string name='a'>x</string></map>")},
		{"texts of Java", []byte(javaHead + "\x00\x00\x00\x00\x00\x00\x00\x00w\x08\x00\x00\x00\x10\x00\x00\x4e\x00" + strings.Repeat("t\x00\x00", 40<<10))},
		{"an archive of members", packed(t, "a", string(fill("{", `"a":1,`, `"a":1}`)))},
		{"an archive of rows", packed(t, "a", string(fill("Title,OTPAuth\n", ",\n", "")))},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := timed(t, tt.name, Source{Data: tt.data}, "")
		runtime.ReadMemStats(&after)
		if err == nil && len(r.Errors) == 0 {
			t.Errorf("%s: %s, %d accounts; want an error", tt.name, r.Format, len(r.Accounts))
		}
		if grown := int64(after.HeapSys-before.HeapSys) >> 20; grown > 256 {
			t.Errorf("%s: took %d MiB", tt.name, grown)
		}
	}
}
