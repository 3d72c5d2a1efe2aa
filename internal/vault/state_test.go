package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func stateOf(v *Vault) string { return filepath.Join(v.home, "state.json") }

// spendOne spends for a confirmation of its own.
func spendOne(v *Vault, id string, b Budget) error {
	return v.Spend(Record{Act: ActFill, Account: id}, rand.Text(), b)
}

func TestBudget(t *testing.T) {
	type spend struct {
		at   time.Duration // after noon
		want time.Duration // to wait; 0 for none
	}
	b := Budget{PerMinute: 2, PerHour: 4}
	tests := []struct {
		name   string
		spends []spend
	}{
		{"two a minute", []spend{{0, 0}, {20 * time.Second, 0}, {30 * time.Second, 30 * time.Second}, {time.Minute - time.Millisecond, time.Millisecond}, {time.Minute, 0}, {70 * time.Second, 10 * time.Second}, {80 * time.Second, 0}}},
		{"four an hour", []spend{{0, 0}, {time.Minute, 0}, {2 * time.Minute, 0}, {3 * time.Minute, 0}, {4 * time.Minute, 56 * time.Minute}, {time.Hour - time.Millisecond, time.Millisecond}, {time.Hour, 0}, {time.Hour + time.Second, 59 * time.Second}}},
		{"the clock is set back by 10 minutes", []spend{{0, 0}, {time.Second, 0}, {-10 * time.Minute, time.Minute}, {-9 * time.Minute, 0}}},
		{"the clock was years ahead", []spend{{24 * 3000 * time.Hour, 0}, {24*3000*time.Hour + 1, 0}, {0, time.Minute}, {time.Minute, 0}}},
		{"the clock is set forward", []spend{{0, 0}, {0, 0}, {0, time.Minute}, {24 * time.Hour, 0}}},
	}
	for _, tt := range tests {
		v := newVault(t)
		for i, s := range tt.spends {
			v.now = func() time.Time { return noon.Add(s.at) }
			err := spendOne(v, "an id", b)
			if s.want == 0 && err != nil {
				t.Errorf("%s: release %d: %v", tt.name, i, err)
			}
			if wait := fmt.Sprintf("%s: the next one in %s", ErrBudget, s.want.Round(time.Second)); s.want != 0 && (!errors.Is(err, ErrBudget) || err.Error() != wait) {
				t.Errorf("%s: release %d: %v; want %q", tt.name, i, err, wait)
			}
		}
	}
	v := newVault(t)
	wantError(t, "a budget of nothing", spendOne(v, "an id", Budget{}), ErrBudget)
}

func TestStateFitsOnePage(t *testing.T) {
	v := newVault(t)
	long := strings.Repeat("\u0001é", 100)
	for i := range 200 {
		id := fmt.Sprintf("%026d", i)
		if i%50 == 49 {
			id = long + id
		}
		check(t, spendOne(v, id, Budget{1 << 30, 1 << 30}))
		content, err := os.ReadFile(stateOf(v))
		check(t, err)
		if !json.Valid(content) {
			t.Fatalf("after release %d state.json is no JSON: %s", i, content)
		}
		if len(content) != stateSize || !bytes.HasSuffix(content, []byte("\n")) {
			t.Fatalf("after release %d state.json has %d bytes, ending %q", i, len(content), content[len(content)-1:])
		}
		fresh := again(t, v)
		if uses, err := fresh.LastUses(); err != nil || len(uses) == 0 || len(id) < 100 && uses[id].IsZero() {
			t.Fatalf("after release %d: %d uses, %v", i, len(uses), err)
		}
	}
	wantError(t, "after many", spendOne(v, "x", Budget{PerMinute: 1 << 30, PerHour: keepReleases}), ErrBudget)
}

// A confirmation is good for one code, whichever program gives it, and however
// many others came between, up to an hour's; one that the budget refused was not used.
func TestANonceIsSpentOnce(t *testing.T) {
	v := newVault(t)
	other, many := again(t, v), Budget{1 << 30, 1 << 30}
	nonce := func(i int) string { return fmt.Sprintf("nonce-%012d", i) }
	wantError(t, "what the budget refuses", v.Spend(Record{Account: "an id"}, nonce(0), Budget{}), ErrBudget)
	for i := range keepNonces {
		check(t, v.Spend(Record{Account: "an id"}, nonce(i), many))
		wantError(t, "the same", v.Spend(Record{Account: "an id"}, nonce(i), many), ErrNonce)
		for _, by := range []*Vault{other, again(t, v)} { // with a state in memory, and without
			wantError(t, "another program", by.Spend(Record{Account: "another id"}, nonce(i), many), ErrNonce)
			wantError(t, "the first", by.Spend(Record{Account: "an id"}, nonce(0), Budget{}), ErrNonce)
		}
	}
	check(t, other.Spend(Record{Account: "an id"}, "the next", many))
	check(t, v.state.change(func(st *state) {
		if len(st.releases) != keepReleases || len(st.nonces) != keepNonces {
			t.Errorf("%d releases and %d nonces are kept", len(st.releases), len(st.nonces))
		}
	}))
}

func TestLastUses(t *testing.T) {
	v := newVault(t)
	want := map[string]time.Time{}
	for i := range keepUses + 10 {
		at := noon.Add(time.Duration(i) * time.Hour)
		v.now = func() time.Time { return at }
		id := fmt.Sprint(i)
		if i == keepUses+9 {
			id = "20" // used a second time
			delete(want, "10")
		}
		if i >= 10 {
			want[id] = at
		}
		check(t, spendOne(v, id, DefaultBudget))
	}
	delete(want, "10")
	want["9"] = noon.Add(9 * time.Hour)
	want["10"] = noon.Add(10 * time.Hour)
	got, err := again(t, v).LastUses()
	equal := func(a, b time.Time) bool { return a.Equal(b) }
	if err != nil || !maps.EqualFunc(got, want, equal) {
		t.Errorf("LastUses = %v, %v; want %v", got, err, want)
	}
	before, err := os.Stat(stateOf(v))
	check(t, err)
	_, err = v.LastUses()
	check(t, err)
	if after, _ := os.Stat(stateOf(v)); !after.ModTime().Equal(before.ModTime()) {
		t.Error("LastUses writes")
	}
}

// Whoever can write the state could delete it: it then counts as empty, and
// never stops the codes.
func TestAStateThatIsNotOurs(t *testing.T) {
	v := newVault(t)
	v.now = func() time.Time { return noon }
	b := Budget{PerMinute: 1, PerHour: 1}
	check(t, spendOne(v, "x", b))
	content, err := os.ReadFile(stateOf(v))
	check(t, err)
	flipped := bytes.Clone(content)
	flipped[len(beforeMAC)+80] ^= 1
	other := newVault(t)
	other.now = v.now
	check(t, spendOne(other, "x", b))
	foreign, err := os.ReadFile(stateOf(other))
	check(t, err)
	for _, tt := range []struct {
		name    string
		content []byte
		budget  error // of the next release
	}{
		{"as it was", content, ErrBudget},
		{"gone", nil, nil},
		{"empty", []byte{}, nil},
		{"cut off", content[:100], nil},
		{"torn", append(bytes.Clone(content[:150]), make([]byte, stateSize-150)...), nil},
		{"changed", flipped, nil},
		{"longer", append(bytes.Clone(content), ' '), nil},
		{"huge", make([]byte, 1<<20), nil},
		{"of another vault", foreign, nil},
		{"not JSON", bytes.Repeat([]byte("x"), stateSize), nil},
	} {
		for _, by := range []*Vault{v, again(t, v)} { // with the state in memory, and without
			by.now = v.now
			check(t, os.RemoveAll(stateOf(v)))
			if tt.content != nil {
				check(t, os.WriteFile(stateOf(v), tt.content, 0o600))
			}
			if err := spendOne(by, "x", b); !errors.Is(err, tt.budget) {
				t.Errorf("%s: %v; want %v", tt.name, err, tt.budget)
			}
			wantError(t, tt.name+", and then", spendOne(by, "x", b), ErrBudget)
			if info, err := os.Stat(stateOf(v)); err != nil || info.Size() != stateSize {
				t.Errorf("%s: afterwards %v, %v", tt.name, info, err)
			}
		}
	}
}
