package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"codefob/internal/account"
)

const passphrase = "correct horse battery staple"

// soak is how often make soak kills a program; 0 in make test, where all that is
// long is short.
var soak, _ = strconv.Atoi(os.Getenv("CODEFOB_SOAK"))

// TestMain lets the test binary be the other program that shares a vault.
func TestMain(m *testing.M) {
	if work := os.Getenv("VAULT_TEST_CHILD"); work != "" {
		if err := children[work](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// makeCheap lets a passphrase cost no time, until the test ends.
func makeCheap(tb testing.TB) {
	p, r := passphraseWork, recoveryWork
	tb.Cleanup(func() { passphraseWork, recoveryWork = p, r })
	passphraseWork, recoveryWork = 1, 1
}

// inMemory is a folder for what makes thousands of files and needs no real disk.
func inMemory(tb testing.TB) string {
	tb.Helper()
	name, err := os.MkdirTemp("/dev/shm", "vault")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { os.RemoveAll(name) })
	return name
}

func newVault(tb testing.TB) *Vault {
	tb.Helper()
	makeCheap(tb)
	v, _, err := Create(tb.TempDir(), []byte(passphrase))
	check(tb, err)
	return v
}

// again is what another program sees of v.
func again(tb testing.TB, v *Vault) *Vault {
	tb.Helper()
	other, err := Open(v.home)
	check(tb, err)
	check(tb, other.UnlockIdentity([]byte(v.identity.String())))
	return other
}

func totp(name string) account.Account {
	return account.New(account.TOTP, "GitHub", name, account.NewSecret([]byte("12345678901234567890")))
}

func hotp(counter uint64) account.Account {
	a := account.New(account.HOTP, "Bank", "alice", account.NewSecret([]byte("12345678901234567890"))) // RFC 4226, appendix D
	a.Counter = counter
	return a
}

func add(v *Vault, a account.Account) (id string, err error) {
	err = v.Update(func(tx *Tx) error { id, err = tx.Add(a); return err })
	return id, err
}

func mustAdd(tb testing.TB, v *Vault, a account.Account) (id string) {
	tb.Helper()
	id, err := add(v, a)
	check(tb, err)
	return id
}

func names(v *Vault) string {
	var all []string
	for _, a := range v.Accounts() {
		all = append(all, a.Name)
	}
	return strings.Join(all, " ")
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantError(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%s: %v; want %v", what, err, want)
	}
}

func TestNoVaultOrAWholeOne(t *testing.T) {
	v := newVault(t)
	_, _, err := Create(v.home, []byte("another"))
	wantError(t, "Create where there is a vault", err, ErrExists)
	_, err = Open(t.TempDir())
	wantError(t, "Open in an empty folder", err, ErrMissing)
	_, err = Open(filepath.Join(t.TempDir(), "gone"))
	wantError(t, "Open without a folder", err, ErrMissing)

	for _, left := range []string{"slots/passphrase.age", "slots/recovery.age", "backups", ""} {
		home := t.TempDir()
		check(t, os.MkdirAll(filepath.Join(home, "vault", filepath.Dir(left)), 0o700))
		if strings.HasSuffix(left, ".age") {
			check(t, os.WriteFile(filepath.Join(home, "vault", left), nil, 0o600))
		}
		_, err = Open(home)
		wantError(t, fmt.Sprintf("Open of a vault with no more than %q", left), err, ErrDamaged)
		_, _, err = Create(home, []byte(passphrase))
		wantError(t, fmt.Sprintf("Create over a vault with no more than %q", left), err, ErrExists)
	}

	_, _, err = Create(filepath.Join(v.accountsFile(), "below a file"), []byte(passphrase))
	wantError(t, "Create below a file", err, ErrStorage)
	home := t.TempDir()
	if _, _, err = Create(home, nil); err == nil {
		t.Error("Create takes an empty passphrase")
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("Create that came to nothing leaves %v", left)
	}
	killed, atWork := filepath.Join(home, "vault-123.tmp"), filepath.Join(home, "vault-456.tmp")
	check(t, os.MkdirAll(filepath.Join(killed, "slots"), 0o700))
	check(t, os.MkdirAll(filepath.Join(atWork, "slots"), 0o700))
	long := time.Now().Add(-2 * halfAge)
	check(t, os.Chtimes(killed, long, long))
	makeCheap(t)
	_, _, err = Create(home, []byte(passphrase))
	check(t, err)
	if left, _ := os.ReadDir(home); len(left) != 2 || left[0].Name() != "vault" || left[1].Name() != filepath.Base(atWork) {
		t.Errorf("the next Create leaves %v", left)
	}
}

func TestALockedVaultTellsNothing(t *testing.T) {
	v := newVault(t)
	id := mustAdd(t, v, totp("alice"))
	a, _ := v.Account(id)
	v.Lock()
	if v.IsOpen() || v.Accounts() != nil || v.SetAside() != nil || !a.Secret.IsZero() {
		t.Error("a locked vault still holds accounts")
	}
	if _, ok := v.Account(id); ok {
		t.Error("a locked vault gives an account")
	}
	_, err := v.Refresh()
	wantError(t, "Refresh", err, ErrLocked)
	_, err = add(v, totp("bob"))
	wantError(t, "Update", err, ErrLocked)
	_, err = v.NextCode(id)
	wantError(t, "NextCode", err, ErrLocked)
	wantError(t, "Spend", spendOne(v, id, DefaultBudget), ErrLocked)
	_, err = v.LastUses()
	wantError(t, "LastUses", err, ErrLocked)
	_, err = v.Older()
	wantError(t, "Older", err, ErrLocked)
	wantError(t, "SetPassphrase", v.SetPassphrase([]byte("x")), ErrLocked)
	_, err = v.SetRecoveryKey()
	wantError(t, "SetRecoveryKey", err, ErrLocked)
	wantError(t, "SetKeychain", v.SetKeychain(t.Context()), ErrLocked)
}

func TestTransactions(t *testing.T) {
	v := newVault(t)
	now := time.UnixMilli(1_800_000_000_000)
	v.now = func() time.Time { return now }
	id := mustAdd(t, v, totp("alice"))
	counted := mustAdd(t, v, hotp(7))
	failed := errors.New("thought better of it")
	edit := func(id string, change func(*account.Account)) func(*Tx) error {
		return func(tx *Tx) error { return tx.Edit(id, func(a *account.Account) error { change(a); return nil }) }
	}
	before, err := os.ReadFile(v.accountsFile())
	check(t, err)
	tests := []struct {
		name   string
		change func(*Tx) error
		want   string // in the error
	}{
		{"a change that fails after it did something", func(tx *Tx) error {
			tx.Remove(id)
			tx.Add(totp("bob"))
			return failed
		}, failed.Error()},
		{"an edit that fails half way", func(tx *Tx) error {
			return tx.Edit(id, func(a *account.Account) error { a.Name = "bob"; return failed })
		}, failed.Error()},
		{"a bad account", func(tx *Tx) error { _, err := tx.Add(account.Account{}); return err }, "no secret"},
		{"an edit that makes it bad", edit(id, func(a *account.Account) { a.Digits = 99 }), "99 digits"},
		{"an unknown id", edit("nobody", func(*account.Account) {}), ErrNoAccount.Error()},
		{"removing an unknown id", func(tx *Tx) error { return tx.Remove("nobody") }, ErrNoAccount.Error()},
		{"another id", edit(id, func(a *account.Account) { a.ID = "x" }), "never change"},
		{"another secret", edit(id, func(a *account.Account) { a.Secret = account.NewSecret([]byte("x")) }), "never change"},
		{"a counter that goes back", edit(counted, func(a *account.Account) { a.Counter = 6 }), "only moves forward: it is 7"},
	}
	for _, tt := range tests {
		err := v.Update(tt.change)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
		after, err := os.ReadFile(v.accountsFile())
		check(t, err)
		if !bytes.Equal(before, after) || v.Generation() != 2 || names(v) != "alice alice" {
			t.Errorf("%s: has changed the vault", tt.name)
		}
	}

	now = now.Add(-time.Minute) // the clock is set back
	check(t, v.Update(edit(id, func(a *account.Account) { a.Name = "bob" })))
	if r := v.doc.Accounts[0]; r.LabelsAt != r.Created+1 || r.SitesAt != 0 || r.Created != 1_800_000_000_000 {
		t.Errorf("labels changed: clocks %d, %d of an account of %d; want them to move forward", r.LabelsAt, r.SitesAt, r.Created)
	}
	now = now.Add(time.Hour)
	check(t, v.Update(edit(id, func(a *account.Account) { a.Sites = append(a.Sites, "https://github.com") })))
	if r := v.doc.Accounts[0]; r.SitesAt != now.UnixMilli() || r.LabelsAt != r.Created+1 {
		t.Errorf("sites changed: clocks %d, %d; want the sites' alone to be %d", r.LabelsAt, r.SitesAt, now.UnixMilli())
	}
}

func TestRemovalLeavesATombstoneAndThenDropsTheSecret(t *testing.T) {
	v := newVault(t)
	now := time.Now()
	v.now = func() time.Time { return now }
	id := mustAdd(t, v, totp("alice"))
	check(t, v.Update(func(tx *Tx) error { return tx.Remove(id) }))
	if _, ok := v.Account(id); ok || len(v.Accounts()) != 0 {
		t.Error("a removed account is still listed")
	}
	wantError(t, "removing it again", v.Update(func(tx *Tx) error { return tx.Remove(id) }), ErrNoAccount)
	for _, tt := range []struct {
		after  time.Duration
		secret string
	}{
		{keepRemoved, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
		{keepRemoved + time.Millisecond, ""},
	} {
		now = now.Add(-now.Sub(time.UnixMilli(v.doc.Accounts[0].RemovedAt))).Add(tt.after)
		mustAdd(t, v, totp("bob"))
		r := again(t, v).doc.Accounts[0]
		if r.ID != id || r.RemovedAt == 0 || r.Secret != tt.secret || (r.Name == "") != (tt.secret == "") {
			t.Errorf("%s after the removal, a save leaves %+v; want the secret %q", tt.after, r, tt.secret)
		}
	}
}

func TestARemovedAccountIsBroughtBack(t *testing.T) {
	v := newVault(t)
	now := time.UnixMilli(1_000_000)
	v.now = func() time.Time { return now }
	a := totp("alice")
	a.Sites, a.Ask = []string{"https://example.com"}, true
	id, other := mustAdd(t, v, a), mustAdd(t, v, totp("bob"))
	remove := func() { check(t, v.Update(func(tx *Tx) error { return tx.Remove(id) })) }
	restore := func() error { return v.Update(func(tx *Tx) error { return tx.Restore(id) }) }
	wantError(t, "restoring what is there", restore(), ErrNoAccount)
	wantError(t, "restoring nobody", v.Update(func(tx *Tx) error { return tx.Restore("nobody") }), ErrNoAccount)

	for range 2 { // the clock stands still, and the order shows all the same
		before := v.doc.Accounts[0].RestoredAt
		remove()
		if got := v.Removed(); len(got) != 1 || got[0].ID != id || got[0].Name != "alice" || got[0].At.UnixMilli() != v.doc.Accounts[0].RemovedAt {
			t.Errorf("removed are %+v", got)
		}
		removed := v.doc.Accounts[0].RemovedAt
		check(t, restore())
		r := again(t, v).doc.Accounts[0]
		if r.RemovedAt != 0 || r.RestoredAt <= removed || removed <= before {
			t.Errorf("removed at %d after %d, then %+v", removed, before, r)
		}
	}
	got, _ := again(t, v).Account(id)
	if !got.Secret.Equal(a.Secret) || !got.Ask || len(got.Sites) != 1 || len(v.Accounts()) != 2 || len(v.Removed()) != 0 {
		t.Errorf("it came back as %+v beside %d", got, len(v.Accounts()))
	}

	remove()
	check(t, v.Update(func(tx *Tx) error { return tx.Remove(other) }))
	now = now.Add(keepRemoved + time.Second)
	if got := v.Removed(); len(got) != 0 {
		t.Errorf("after 90 days %d can be brought back", len(got))
	}
	wantError(t, "after 90 days", restore(), ErrNoAccount)
	mustAdd(t, v, totp("carol")) // drops what they held
	now = time.UnixMilli(1_000_000)
	wantError(t, "once it is forgotten", restore(), ErrNoAccount)
}

func TestNextCodeIsOnDiskFirst(t *testing.T) {
	v := newVault(t)
	id := mustAdd(t, v, hotp(0))
	other := again(t, v)
	// RFC 4226, appendix D; two programs in turn.
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314"} {
		by := []*Vault{v, other}[i%2]
		if got, err := by.NextCode(id); got != want || err != nil {
			t.Fatalf("NextCode of counter %d = %q, %v; want %q", i, got, err, want)
		}
		if a, _ := again(t, v).Account(id); a.Counter != uint64(i+1) {
			t.Errorf("after counter %d the disk holds %d", i, a.Counter)
		}
	}
	_, err := v.NextCode("nobody")
	wantError(t, "an unknown id", err, ErrNoAccount)
	if code, err := v.NextCode(mustAdd(t, v, totp("alice"))); err == nil || code != "" {
		t.Errorf("NextCode of a totp account = %q, %v", code, err)
	}
	last := mustAdd(t, v, hotp(1<<64-2))
	if _, err := v.NextCode(last); err != nil {
		t.Errorf("counter 2^64-2: %v", err)
	}
	if a, _ := again(t, v).Account(last); a.Counter != 1<<64-1 {
		t.Errorf("after counter 2^64-2 the disk holds %d", a.Counter)
	}
	if code, err := v.NextCode(last); err == nil || code != "" {
		t.Errorf("NextCode at the end of the counter = %q, %v; want an error", code, err)
	}
}

func TestBackups(t *testing.T) {
	makeCheap(t)
	v, _, err := Create(filepath.Join(t.TempDir(), "a[b]*?"), []byte(passphrase)) // no pattern
	check(t, err)
	for i := range keepBackups + 5 {
		mustAdd(t, v, totp(fmt.Sprint(i)))
	}
	b := v.Backups()
	if len(b) != keepBackups || filepath.Base(b[0]) != "accounts-000000014.age" {
		t.Fatalf("backups: %v; want the last %d, from generation 14 down", b, keepBackups)
	}

	// The vault is damaged; the newest backup that opens is the one before the newest.
	identity := []byte(v.identity.String())
	check(t, os.WriteFile(v.accountsFile(), []byte("noise"), 0o600))
	check(t, os.WriteFile(b[0], []byte("noise"), 0o600))
	v, err = Open(v.home)
	check(t, err)
	wantError(t, "unlock of a damaged vault", v.UnlockIdentity(identity), ErrDamaged)
	if name, ok := v.LatestGoodBackup(); !ok || name != b[1] {
		t.Errorf("LatestGoodBackup = %q, %v; want %q", name, ok, b[1])
	}
	v.Lock()
	if _, ok := v.LatestGoodBackup(); ok {
		t.Error("a locked vault still knows its identity")
	}

	// Put back: noticed, and later saves do not mix with the backups of the other branch.
	old, err := os.ReadFile(b[4])
	check(t, err)
	check(t, os.WriteFile(v.accountsFile(), old, 0o600))
	check(t, v.UnlockIdentity(identity))
	if v.Generation() != 10 {
		t.Fatalf("generation %d was put back; want 10", v.Generation())
	}
	mustAdd(t, v, totp("new"))
	mustAdd(t, v, totp("newer"))
	if v.Generation() != 17 {
		t.Errorf("generation %d after two saves; want 17, above all that were", v.Generation())
	}
	if got := v.Backups(); len(got) != keepBackups || filepath.Base(got[0]) != "accounts-000000016.age" {
		t.Errorf("backups: %v; want generation 16 first", got)
	}
}

func TestOlder(t *testing.T) {
	v := newVault(t)
	mustAdd(t, v, totp("alice"))
	old, err := os.ReadFile(v.accountsFile())
	check(t, err)
	want := func(what string, want bool) {
		t.Helper()
		if older, err := v.Older(); older != want || err != nil {
			t.Errorf("%s: Older = %v, %v; want %v", what, older, err, want)
		}
	}
	want("at first", false)
	mustAdd(t, v, totp("bob"))
	want("after a save", false)
	check(t, os.WriteFile(v.accountsFile(), old, 0o600))
	if changed, err := v.Refresh(); !changed || err != nil {
		t.Errorf("Refresh = %v, %v; want it to notice the backup", changed, err)
	}
	want("after a backup was put back", true)
	want("and asked again", true)
	mustAdd(t, v, totp("carol"))
	want("after the next save", false)
	if names(v) != "alice carol" {
		t.Errorf("accounts %q; want those of the backup and the new one", names(v))
	}
}

// V15: whichever copy is put back, no counter is used twice; where each save was a
// code, none is passed over.
func TestAnOlderVaultUsesNoCounterAgain(t *testing.T) {
	const codes = keepBackups + 4
	v := newVault(t)
	id := mustAdd(t, v, hotp(0))
	copies := make([][]byte, codes+1) // as they were before so many codes
	issued := map[string]bool{}
	for i := range copies {
		b, err := os.ReadFile(v.accountsFile())
		check(t, err)
		copies[i] = b
		if i < codes {
			code, err := v.NextCode(id)
			check(t, err)
			issued[code] = true
		}
	}
	for _, tt := range []struct {
		back    int
		lost    string // beside accounts.age
		noticed bool
	}{
		{1, "", true}, {2, "", true}, {keepBackups, "", true}, {keepBackups + 1, "", true}, {codes, "", true},
		{1, "vault/backups", true}, {codes, "vault/backups", true},
		{2, "state.json", false}, {codes, "state.json", false}, // not noticed, but the backups tell
		{0, "vault/backups", false},
	} {
		what := fmt.Sprintf("the copy before the last %d codes, without %q", tt.back, tt.lost)
		home := t.TempDir()
		check(t, os.CopyFS(home, os.DirFS(v.home)))
		if tt.lost != "" {
			check(t, os.RemoveAll(filepath.Join(home, tt.lost)))
			check(t, os.MkdirAll(filepath.Join(home, "vault/backups"), 0o700))
		}
		check(t, os.WriteFile(filepath.Join(home, "vault/accounts.age"), copies[codes-tt.back], 0o600))
		other, err := Open(home)
		check(t, err)
		check(t, other.UnlockIdentity([]byte(v.identity.String())))
		if older, err := other.Older(); older != tt.noticed || err != nil {
			t.Errorf("%s: Older = %v, %v", what, older, err)
		}
		mustAdd(t, other, totp("bob")) // any save settles it
		if older, err := other.Older(); older || err != nil || other.Generation() <= v.Generation() {
			t.Errorf("%s: after a save Older = %v, %v, generation %d", what, older, err, other.Generation())
		}
		code, err := other.NextCode(id)
		check(t, err)
		if a, _ := other.Account(id); issued[code] || a.Counter != codes+1 {
			t.Errorf("%s: code %s, issued before: %v; the counter is %d then, want %d", what, code, issued[code], a.Counter, codes+1)
		}
	}
}

func TestLockForAll(t *testing.T) {
	v := newVault(t)
	other := again(t, v)
	check(t, v.LockForAll())
	check(t, v.LockForAll())
	if v.IsOpen() || !v.LockedByUser() || !other.LockedByUser() {
		t.Error("the lock is not seen by both")
	}
	wantError(t, "wrong passphrase", v.UnlockPassphrase(t.Context(), []byte("wrong")), ErrPassphrase)
	if !v.LockedByUser() {
		t.Error("a wrong passphrase ends the lock")
	}
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	if other.LockedByUser() {
		t.Error("the right passphrase does not end the lock")
	}
}

func TestADefectInWorkWithKeysReachesTheCaller(t *testing.T) {
	defer func() {
		if got := recover(); got != "a defect" {
			t.Errorf("recovered %v", got)
		}
	}()
	apart(func() error { panic("a defect") })
}
