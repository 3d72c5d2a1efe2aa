package vault

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var plenty = Budget{1 << 30, 1 << 30}

// filled is a code that was filled in at a host of that number.
func filled(i int) Record {
	return Record{Act: ActFill, Account: "an id", Label: "GitHub (alice)", Host: fmt.Sprint("host", i, ".example"), By: "firefox"}
}

// told is the log in short: hosts, or why it was refused and how often, and what is missing.
func told(t *testing.T, v *Vault) string {
	t.Helper()
	list, missing, err := v.Log()
	check(t, err)
	var words []string
	for _, r := range list {
		word := strings.TrimSuffix(strings.TrimPrefix(r.Host, "host"), ".example")
		if r.Refused != "" {
			word = fmt.Sprintf("%s×%d", r.Refused, r.Times)
		}
		words = append(words, word)
	}
	if missing > 0 {
		words = append(words, fmt.Sprint("missing ", missing))
	}
	return strings.Join(words, " ")
}

// logOf is a vault with a log of the codes 1 to n, a second apart.
func logOf(t testing.TB, n int) *Vault {
	v := newVault(t)
	for i := range n {
		v.now = func() time.Time { return noon.Add(time.Duration(i) * time.Second) }
		check(t, v.Spend(filled(i+1), rand.Text(), plenty))
	}
	return v
}

func TestLog(t *testing.T) {
	v := logOf(t, 2)
	v.now = func() time.Time { return noon.Add(time.Minute) }
	check(t, v.Note(Record{Act: ActExport, Accounts: 12, By: CommandLine}))
	got, missing, err := again(t, v).Log()
	at := func(s time.Duration) (t time.Time, since time.Time, times int) {
		return time.UnixMilli(noon.Add(s).UnixMilli()), time.UnixMilli(noon.Add(s).UnixMilli()), 1
	}
	want := []Record{{Act: ActExport, Accounts: 12, By: CommandLine}, filled(2), filled(1)}
	for i, s := range []time.Duration{time.Minute, time.Second, 0} {
		want[i].At, want[i].Since, want[i].Times = at(s)
	}
	if err != nil || missing != 0 || !slices.Equal(got, want) {
		t.Errorf("Log = %v, %d missing, %v; want %v", got, missing, err, want)
	}
	content, err := os.ReadFile(v.LogFile())
	if err != nil || len(content) != logSize {
		t.Errorf("the file has %d bytes, %v", len(content), err)
	}
	for _, text := range []string{"an id", "alice", "host", "firefox", "fill", "2026"} {
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("the file holds %q in the clear", text)
		}
	}
	v.Lock()
	wantError(t, "Note while locked", v.Note(filled(1)), ErrLocked)
	_, _, err = v.Log()
	wantError(t, "Log while locked", err, ErrLocked)
}

// What is refused is counted, and never pushes out what was released.
func TestTheLogIsBoundedAndItsRingsApart(t *testing.T) {
	v := logOf(t, 1005)
	other := again(t, v)
	for i := range 104 {
		r := filled(0)
		r.Refused = "budget_used"
		at := noon.Add(time.Hour + time.Duration(i)*time.Second)
		by := []*Vault{v, other}[i%2]
		by.now = func() time.Time { return at }
		check(t, by.Note(r))
	}
	list, missing, err := v.Log()
	if err != nil || missing != 0 || len(list) != 1001 || list[0].Times != 104 || !list[0].Since.Equal(noon.Add(time.Hour)) || !list[0].At.Equal(noon.Add(time.Hour+103*time.Second)) {
		t.Fatalf("%d records, %d missing, %v, the first %+v", len(list), missing, err, list[0])
	}
	for i := range 205 {
		r := filled(i)
		r.Refused = "not_allowed"
		check(t, v.Note(r))
	}
	list, missing, err = v.Log()
	of := func(host string) bool {
		return slices.ContainsFunc(list, func(r Record) bool { return r.Refused == "" && r.Host == host+".example" })
	}
	if err != nil || missing != 0 || len(list) != 1200 || !of("host6") || !of("host1005") || of("host5") {
		t.Errorf("after 205 others %d records, %d missing, %v", len(list), missing, err)
	}
}

// A release is told whatever is wrong with what is told of it.
func TestTextsOfALogThatAreTooLong(t *testing.T) {
	v := newVault(t)
	r := Record{Act: ActFill, Account: strings.Repeat("i", 1000), Label: strings.Repeat(`"é`, 200), Host: strings.Repeat("é", 200) + ".login.example", By: strings.Repeat("b", 32), Refused: "recovery_too_long"}
	for range 2 {
		check(t, v.Note(r))
	}
	check(t, v.Spend(Record{Act: ActFill, Label: "\xff\x00", Host: "\xff"}, rand.Text(), plenty))
	list, missing, err := v.Log()
	if err != nil || missing != 0 || len(list) != 2 {
		t.Fatalf("%v, %d missing, %v", list, missing, err)
	}
	i := slices.IndexFunc(list, func(r Record) bool { return r.Times == 2 })
	if got := list[i]; got.Account != "" || len(got.Label) > maxLogLabel+3 || !strings.HasSuffix(got.Label, "…") || len(got.Host) > maxLogHost+3 || !strings.HasSuffix(got.Host, ".login.example") {
		t.Errorf("%+v", got)
	}
}

// slot is where the record of a released code stands in the file.
func slot(content []byte, number uint64) []byte {
	at := slotOf(released, number) * slotSize
	return content[at : at+slotSize]
}

// Whatever somebody does to the file is told, and what is left can be read.
func TestALogThatWasChanged(t *testing.T) {
	v := logOf(t, 5)
	older, err := os.ReadFile(v.LogFile())
	check(t, err)
	ringful := rings[released].slots
	for i := range int(ringful) - 3 { // the oldest two are pushed out
		v.now = func() time.Time { return noon.Add(time.Hour) }
		if err := v.Spend(filled(9), rand.Text(), plenty); err != nil {
			t.Fatal(i, err)
		}
	}
	whole, err := os.ReadFile(v.LogFile())
	check(t, err)
	state, err := os.ReadFile(stateOf(v))
	check(t, err)
	other := logOf(t, 5)
	foreign, err := os.ReadFile(other.LogFile())
	check(t, err)
	number := func(n uint64) func(c []byte) []byte { return func(c []byte) []byte { return slot(c, n) } }
	for _, tt := range []struct {
		name   string
		change func(c []byte) []byte
		want   string // of the oldest three
		missed int
	}{
		{"as it was", func(c []byte) []byte { return c }, "5 4 3", 0},
		{"a bit of record 4", func(c []byte) []byte { number(4)(c)[700] ^= 4; return c }, "9 5 3", 1},
		{"a bit of its nonce", func(c []byte) []byte { number(4)(c)[0] ^= 1; return c }, "9 5 3", 1},
		{"a bit of its tag", func(c []byte) []byte { number(4)(c)[slotSize-1] ^= 128; return c }, "9 5 3", 1},
		{"record 4 taken out", func(c []byte) []byte { clear(number(4)(c)); return c }, "9 5 3", 1},
		{"the newest taken out", func(c []byte) []byte { clear(number(ringful + 2)(c)); return c }, "5 4 3", 1},
		{"3 and 5 swapped", func(c []byte) []byte {
			three := bytes.Clone(slot(c, 3))
			copy(slot(c, 3), slot(c, 5))
			copy(slot(c, 5), three)
			return c
		}, "9 9 4", 2},
		{"3 again in the place of 4", func(c []byte) []byte { copy(slot(c, 4), slot(c, 3)); return c }, "9 5 3", 1},
		{"an older one where it stood", func(c []byte) []byte { copy(slot(c, ringful+1), slot(older, 1)); return c }, "5 4 3", 1},
		{"a release in the place of a refusal", func(c []byte) []byte {
			copy(c[slotOf(refused, 5)*slotSize:], slot(c, 5))
			return c
		}, "5 4 3", 0},
		{"an older copy", func(c []byte) []byte { return bytes.Clone(older) }, "5 4 3", int(ringful) - 3},
		{"another vault's", func(c []byte) []byte { return bytes.Clone(foreign) }, "", int(ringful)},
		{"cut off in a record", func(c []byte) []byte { return c[:5*slotSize+100] }, "9 4 3", int(ringful) - 5},
		{"empty", func(c []byte) []byte { return nil }, "", int(ringful)},
		{"longer", func(c []byte) []byte { return append(c, c...) }, "5 4 3", 0},
		{"noise", func(c []byte) []byte { return bytes.Repeat([]byte{7}, len(c)) }, "", int(ringful)},
	} {
		for _, by := range []*Vault{v, again(t, v)} { // with the file open, and without
			check(t, os.WriteFile(v.LogFile(), tt.change(bytes.Clone(whole)), 0o600))
			check(t, os.WriteFile(stateOf(v), state, 0o600))
			list, missing, err := by.Log()
			var hosts []string
			for _, r := range list[max(0, len(list)-3):] {
				hosts = append(hosts, strings.TrimSuffix(strings.TrimPrefix(r.Host, "host"), ".example"))
			}
			if got := strings.Join(hosts, " "); err != nil || got != tt.want || missing != tt.missed {
				t.Errorf("%s: the oldest are %q, %d missing, %v; want %q, %d", tt.name, got, missing, err, tt.want, tt.missed)
			}
			check(t, by.Spend(filled(1234), rand.Text(), plenty)) // no code waits for it
			if list, _, err := by.Log(); err != nil || !slices.ContainsFunc(list, func(r Record) bool { return r.Host == "host1234.example" }) {
				t.Errorf("%s: the next record is not there: %v", tt.name, err)
			}
		}
	}
}

// V9: flipped bits of a record, and lengths of the file; in make soak all of them. What
// is damaged is missed, and no other.
func TestDamageOfTheLogIsNoticed(t *testing.T) {
	v := logOf(t, 5)
	whole, err := os.ReadFile(v.LogFile())
	check(t, err)
	tried, quiet := 0, 0
	try := func(what string, damaged []byte, want int) {
		tried++
		first := damaged[:rings[released].slots*slotSize]
		list, missing := v.log.list([2][]byte{first, damaged[len(first):]}, [2]uint64{5, 0})
		if len(list) != want || missing != 5-want {
			quiet++
			t.Errorf("%s: %d records and %d missing; want %d", what, len(list), missing, want)
		}
	}
	for n := range slotSize {
		for bit := range 8 {
			if soak == 0 && bit != n%8 {
				continue
			}
			slot(whole, 3)[n] ^= 1 << bit
			try(fmt.Sprintf("bit %d of byte %d flipped", bit, n), whole, 4)
			slot(whole, 3)[n] ^= 1 << bit
		}
	}
	try("mended", whole, 5)
	step := 64
	if soak > 0 {
		step = 1
	}
	for n := 6*slotSize - step; n >= 0; n -= step {
		clear(whole[n : n+step]) // as what is cut off comes back
		try(fmt.Sprintf("%d bytes", n), whole, max(0, n/slotSize-1))
	}
	t.Logf("SOAK damage of the log: %d truncations and flipped bits; %d unnoticed", tried, quiet)
}

func TestALogFileThatIsTakenAway(t *testing.T) {
	v := logOf(t, 2)
	check(t, os.Remove(v.LogFile()))
	check(t, v.Spend(filled(3), rand.Text(), plenty))
	if got := told(t, again(t, v)); got != "3 missing 2" {
		t.Errorf("gone: %s", got)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	check(t, os.WriteFile(elsewhere, []byte("precious"), 0o600))
	check(t, os.Remove(v.LogFile()))
	check(t, os.Symlink(elsewhere, v.LogFile()))
	check(t, v.Spend(filled(4), rand.Text(), plenty))
	wantError(t, "Note through a link", v.Note(filled(5)), ErrStorage)
	_, _, err := v.Log()
	wantError(t, "Log through a link", err, ErrStorage)
	if b, _ := os.ReadFile(elsewhere); string(b) != "precious" {
		t.Errorf("what a link pointed to holds %q now", b)
	}
	check(t, os.Remove(v.LogFile()))
	check(t, v.Spend(filled(6), rand.Text(), plenty))
	if got := told(t, v); got != "6 missing 5" {
		t.Errorf("then: %s", got)
	}
}

// Without the state the numbers are found again, and no record is written over.
func TestALogWhoseStateIsLost(t *testing.T) {
	v := logOf(t, 3)
	r := filled(0)
	r.Refused = "declined"
	check(t, v.Note(r))
	check(t, os.Remove(stateOf(v)))
	if got := told(t, v); got != "3 declined×1 2 1" {
		t.Errorf("without the state: %s", got)
	}
	v = again(t, v)
	v.now = func() time.Time { return noon.Add(time.Minute) }
	check(t, v.Spend(filled(4), rand.Text(), plenty))
	check(t, v.Note(r))
	if got := told(t, v); got != "4 declined×2 3 2 1" {
		t.Errorf("then: %s", got)
	}
}

func TestClearLog(t *testing.T) {
	v := logOf(t, 3)
	other := again(t, v)
	check(t, other.Spend(filled(4), rand.Text(), plenty))
	check(t, v.ClearLog(CommandLine))
	check(t, other.Spend(filled(5), rand.Text(), plenty))
	list, missing, err := again(t, v).Log()
	if err != nil || missing != 0 || len(list) != 2 || list[0].Host != "host5.example" || list[1].Act != ActClear || list[1].By != CommandLine {
		t.Errorf("%v, %d missing, %v", list, missing, err)
	}
}

func TestManyProgramsShareOneLog(t *testing.T) {
	v := newVault(t)
	if spent := together(t, v, 3, "log", 50, ""); len(spent) != 150 {
		t.Errorf("%d releases", len(spent))
	}
	list, missing, err := v.Log()
	if err != nil || missing != 0 || len(list) != 151 || !slices.ContainsFunc(list, func(r Record) bool { return r.Times == 150 && r.Refused != "" }) {
		t.Errorf("%d records, %d missing, %v", len(list), missing, err)
	}
}

// What was released is told, however the program ends. A write that is cut short tears
// one slot: that of the oldest of a full log, or a count of refusals.
func TestKilledAfterARelease(t *testing.T) {
	v := newVault(t)
	given, torn, trials := 0, 0, cmp.Or(soak, 5)
	for range trials {
		c := child(v, "log", 1<<30, "")
		out, err := c.StdoutPipe()
		check(t, err)
		check(t, c.Start())
		lines := bufio.NewScanner(out)
		for range 20 {
			lines.Scan()
			given++
		}
		check(t, c.Process.Kill())
		for lines.Scan() {
			given++
		}
		c.Wait()
		_, missing, err := v.Log()
		check(t, err)
		torn = max(torn, missing)
		var numbers []uint64
		check(t, v.withLog(func(*state) error {
			slots, err := v.log.read(released)
			for _, r := range v.log.records(slots, released) {
				numbers = append(numbers, r.Number)
			}
			return err
		}))
		slices.Sort(numbers)
		newest := numbers[max(0, len(numbers)-999):]
		if last := newest[len(newest)-1]; last < uint64(given) || len(newest) < min(given, 999) || last-newest[0] != uint64(len(newest)-1) {
			t.Fatalf("%d releases: the last is %d, and of the %d before some are gone; %d missing", given, last, len(newest), missing)
		}
	}
	t.Logf("SOAK kill -9 after a release: %d trials, %d releases, none untold, at most %d slots torn at once", trials, given, torn)
}

// FuzzLog opens slots of any content, and records of any content that are sealed.
func FuzzLog(f *testing.F) {
	v := logOf(f, 3)
	whole, err := os.ReadFile(v.LogFile())
	check(f, err)
	f.Add(whole[:4*slotSize], []byte(`{"n":1,"at":1767355200000,"act":"fill","times":3,"since":1}`), uint64(3), uint64(0))
	f.Add([]byte{}, []byte(`{"n":1000,"at":-1,"act":"fill"}`), uint64(1)<<63, uint64(1))
	f.Add([]byte{1}, []byte(`{"n":18446744073709551615,"at":1,"act":null}`), uint64(1000), uint64(1000))
	var slots [2][]byte
	for ring := range slots {
		slots[ring] = make([]byte, rings[ring].slots*slotSize)
	}
	f.Fuzz(func(t *testing.T, content, plain []byte, last, where uint64) {
		for ring := range slots {
			clear(slots[ring])
			copy(slots[ring], content[:min(len(content), 8*slotSize)])
		}
		if len(plain) <= recordSize {
			at := where % rings[released].slots
			padded := append(bytes.Clone(plain), blanks[:recordSize-len(plain)]...)
			copy(slots[released][at*slotSize:], v.log.key.Seal(nil, nil, padded, place(at)))
		}
		list, missing := v.log.list(slots, [2]uint64{last, last})
		if missing < 0 || len(list)+missing > 1200 {
			t.Errorf("%d records, %d missing", len(list), missing)
		}
		for _, r := range list {
			if _, err := r.At.MarshalJSON(); err != nil || r.Times < 1 || r.Accounts < 0 {
				t.Errorf("%+v: %v", r, err)
			}
		}
	})
}
