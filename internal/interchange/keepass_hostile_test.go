//go:build !race

package interchange

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// memoryOf reads something hostile, and says by how many MiB the heap grew meanwhile.
func memoryOf(t *testing.T, name string, s Source) (grown int64, r Result, err error) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is garbage does not count
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	r, err = timed(t, name, s, "")
	close(stop)
	<-stopped
	return int64(most-before) >> 20, r, err
}

// TestHostileKDBX opens with the right password, and is hostile within.
func TestHostileKDBX(t *testing.T) {
	small := map[string][]byte{"R": le(8, 1)}
	v4 := kdbxFile{major: 4, cipher: kdbxAES, kdf: kdbxAESKDF, settings: small, packed: true, inner: innerChaCha20}
	v3 := kdbxFile{major: 3, cipher: kdbxAES, settings: small, packed: true, inner: innerSalsa20}
	entry := keePassEntry(1, "", "Title", "Shop", "otp", secretText)
	zeros := make([]byte, MaxBytes)
	for _, tt := range []struct {
		name string
		f    kdbxFile
		text string
		more []byte
		want string
	}{
		{"unpacks to over 64 MiB of text", v4, "<KeePassFile>", append([]byte("<a>"), []byte(strings.Repeat("<b/> ", MaxBytes/5))...), "parts"},
		{"unpacks to over 64 MiB of a value", v3, "<KeePassFile><Meta><Binaries><Binary>", zeros, "damaged"},
		{"a value of 64 MiB", v4, "<KeePassFile><a>", []byte(strings.Repeat("A", MaxBytes)), "a value of over 32 MiB"},
		{"values of 31 MiB", v3, `<KeePassFile><a Protected="True">` + strings.Repeat("A", 31<<20) + `</a><a Protected="True">`, []byte(strings.Repeat("A", 32<<20)), "damaged"},
		{"spaces", v4, "<KeePassFile>", []byte(strings.Repeat(" <a> </a>", MaxBytes/9)), "its XML has over"},
		{"a tag of many attributes", v4, "<KeePassFile><a ", []byte(strings.Repeat(`b=">" `, MaxBytes/6)), "a tag of over 64 KiB"},
		{"a comment", v4, "<KeePassFile><!--", []byte(strings.Repeat(`<b>`, MaxBytes/3)), "a tag of over 64 KiB"},
		{"an open name", v4, "<KeePassFile><", []byte(strings.Repeat(`b`, MaxBytes-100)), "a tag of over 64 KiB"},
		{"levels", v4, strings.Repeat("<KeePassFile>", 100), nil, "over 64 levels"},
		{"entries", v3, strings.TrimSuffix(keePassText(strings.Repeat(entry, MaxEntries+1)), "</KeePassFile>"), nil, "over 10000"},
		{"former states", v4, "<KeePassFile><Root><Group><Entry><History>", []byte(strings.Repeat("<Entry></Entry>", 3<<20)), "its XML has over"},
		{"fields of an entry", v4, "<KeePassFile><Root><Group><Entry>", []byte(strings.Repeat("<String><Key>otp</Key></String>", 2<<20)), "its XML has over"},
		{"an empty text", v4, "", nil, "damaged"},
	} {
		tt.f.text, tt.f.padding = tt.text, tt.more
		data := tt.f.write(t)
		grown, r, err := memoryOf(t, tt.name, Source{Data: data, Password: givePassword("right")})
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(r.Accounts) != 0 || grown > 256 {
			t.Errorf("%s: %d accounts, %v, %d MiB; want %q, and at most 256", tt.name, len(r.Accounts), err, grown, tt.want)
		}
	}
}
