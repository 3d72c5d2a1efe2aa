package syncing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	"codefob/internal/account"
	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

// passphraseWork is package vault's: a vault at its real cost takes a second to make.
//
//go:linkname passphraseWork codefob/internal/vault.passphraseWork
var passphraseWork int

func TestMain(m *testing.M) {
	if args := os.Getenv(relayVariable); args != "" {
		fmt.Fprintln(os.Stderr, runRelay(args))
		os.Exit(1)
	}
	if home := os.Getenv(homeVariable); home != "" {
		fmt.Fprintln(os.Stderr, runHome(home))
		os.Exit(1)
	}
	passphraseWork, lookEvery = 8, time.Hour
	os.Exit(m.Run())
}

// computer is one with a vault of its own.
type computer struct {
	t *testing.T
	*vault.Vault
	s *Syncing
}

func newComputer(t *testing.T) *computer {
	t.Helper()
	v, _, err := vault.Create(filepath.Join(t.TempDir(), "home"), []byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &computer{t, v, s}
}

func (c *computer) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *computer) sync() *computer {
	c.t.Helper()
	c.must(c.s.Once(c.t.Context()))
	c.refresh()
	return c
}

func (c *computer) refresh() {
	c.t.Helper()
	_, err := c.Refresh()
	c.must(err)
}

func (c *computer) add(uri string) (id string) {
	c.t.Helper()
	a, err := account.ParseURI(uri)
	c.must(err)
	c.must(c.Update(func(tx *vault.Tx) error { id, err = tx.Add(a); return err }))
	return id
}

func (c *computer) edit(id string, change func(*account.Account)) {
	c.t.Helper()
	c.must(c.Update(func(tx *vault.Tx) error {
		return tx.Edit(id, func(a *account.Account) error { change(a); return nil })
	}))
}

func (c *computer) get(id string) account.Account {
	c.t.Helper()
	a, ok := c.Account(id)
	if !ok {
		c.t.Errorf("account %s is not there", id)
	}
	return a
}

func (c *computer) status() Status {
	c.t.Helper()
	st, err := c.s.Status()
	c.must(err)
	return st
}

// admit has another program of old let c in.
func (c *computer) admit(old *computer, kind, where, name string) {
	c.t.Helper()
	s, err := Open(old.Vault)
	c.must(err)
	defer s.Close()
	i, err := s.Invite(c.t.Context(), kind)
	c.must(err)
	defer i.Close()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		v, err := c.s.Knock(ctx, kind, where, i.Words, name)
		if err == nil {
			defer v.Close()
			err = v.Enter(ctx)
		}
		if done <- err; err != nil {
			cancel()
		}
	}()
	called, check, err := i.Meet(ctx)
	if errors.Is(err, context.Canceled) {
		err = <-done
	}
	c.must(err)
	if called != name || len(check) != 3 {
		c.t.Errorf("it is called %q, with the words %q", called, check)
	}
	c.must(i.Admit(c.t.Context(), called))
	c.must(<-done)
	c.refresh()
}

const (
	totp = "otpauth://totp/%s:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	hotp = "otpauth://hotp/%s:bob?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJA&counter=7"
)

// pair are two computers that sync by a folder.
func pair(t *testing.T) (a, b *computer, folder string) {
	t.Helper()
	a, b, folder = newComputer(t), newComputer(t), t.TempDir()
	a.must(a.s.Use(t.Context(), Folder, folder, "desk"))
	b.admit(a, Folder, folder, "laptop")
	return a, b, folder
}

func TestOffIsOff(t *testing.T) {
	t.Parallel()
	a := newComputer(t)
	if st := a.status(); st.On {
		t.Errorf("%+v", st)
	}
	if err := a.s.Once(t.Context()); !errors.Is(err, vaultsync.ErrNone) {
		t.Error(err)
	}
	if _, err := a.s.Invite(t.Context(), ""); !errors.Is(err, vaultsync.ErrNone) {
		t.Error(err)
	}
}

func TestTwoVaultsBecomeOne(t *testing.T) {
	t.Parallel()
	a, b, folder := newComputer(t), newComputer(t), t.TempDir()
	one, both := a.add(fmt.Sprintf(totp, "One")), a.add(fmt.Sprintf(totp, "Both"))
	_ = both
	two := b.add(fmt.Sprintf(hotp, "Two"))
	a.must(a.s.Use(t.Context(), Folder, folder, "desk"))
	if err := b.s.Use(t.Context(), Folder, folder, "laptop"); err != nil {
		t.Error(err) // nothing is there yet
	}
	a.sync()
	b.admit(a, Folder, folder, "laptop") // though it has begun alone
	a.sync()
	for _, c := range []*computer{a, b} {
		if got := c.get(one); got.Issuer != "One" {
			t.Errorf("%+v", got)
		}
		if got := c.get(two); got.Counter != 7 || got.Type != account.HOTP {
			t.Errorf("%+v", got)
		}
		if st := c.status(); st.Duplicates != 1 || len(st.Troubles) != 0 || len(st.Devices) != 2 {
			t.Errorf("%+v", st)
		}
		groups, err := c.s.Duplicates()
		c.must(err)
		if len(groups) != 1 || !slices.Contains(groups[0], one) {
			t.Errorf("duplicates %q", groups)
		}
	}

	// A computer that takes part does not begin anew.
	if _, err := b.s.Knock(t.Context(), Folder, folder, strings.Repeat("zoo ", 10), "x"); !errors.Is(err, vaultsync.ErrExists) {
		t.Error(err)
	}
	c := newComputer(t)
	if err := c.s.Use(t.Context(), Folder, folder, "new"); !errors.Is(err, ErrOthers) {
		t.Error(err)
	}
}

func TestEditsOfBothSides(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	id, count := a.add(fmt.Sprintf(totp, "GitHub")), a.add(fmt.Sprintf(hotp, "Bank"))
	a.sync()
	b.sync()
	a.edit(id, func(a *account.Account) {
		a.Sites, a.Submit = []string{"https://github.com"}, true
		a.RecoveryCodes = []account.RecoveryCode{{Code: account.NewSecret([]byte("first"))}, {Code: account.NewSecret([]byte("second"))}}
	})
	b.edit(id, func(a *account.Account) { a.Name, a.Ask = "bob", true })
	for range 3 {
		_, err := a.NextCode(count)
		a.must(err)
	}
	_, err := b.NextCode(count)
	b.must(err)
	a.sync()
	b.sync()
	a.sync()
	code, left, err := b.NextRecovery(id, 100)
	b.must(err)
	if string(code.Bytes()) != "first" || left != 1 {
		t.Errorf("%s, %d left", code.Bytes(), left)
	}
	b.sync()
	a.sync()
	for _, c := range []*computer{a, b} {
		got := c.get(id)
		if got.Name != "bob" || !got.Ask || !got.Submit || !slices.Equal(got.Sites, []string{"https://github.com"}) || got.RecoveryLeft() != 1 {
			t.Errorf("%+v", got)
		}
		if got := c.get(count); got.Counter != 10 {
			t.Errorf("counter %d, want 10", got.Counter)
		}
	}
	if x, y := recordsOf(a), recordsOf(b); !reflect.DeepEqual(x, y) {
		t.Errorf("a has %+v\nb has %+v", x, y)
	}

	// What is settled is not saved again.
	was := a.Generation()
	if a.sync(); a.Generation() != was {
		t.Errorf("generation %d after %d: nothing was changed", a.Generation(), was)
	}
	if st := a.status(); st.Carriers[0].Pending != 0 || st.Carriers[0].Reached.IsZero() || st.Carriers[0].Error != "" {
		t.Errorf("%+v", st.Carriers)
	}

	// Removal and undo.
	a.must(a.Update(func(tx *vault.Tx) error { return tx.Remove(id) }))
	a.sync()
	b.sync()
	if gone := b.Removed(); len(gone) != 1 || gone[0].ID != id {
		t.Fatalf("removed: %+v", gone)
	}
	b.must(b.Update(func(tx *vault.Tx) error { return tx.Restore(id) }))
	b.sync()
	a.sync()
	if got := a.get(id); got.RecoveryLeft() != 1 || got.Name != "bob" {
		t.Errorf("%+v", got)
	}
}

func recordsOf(c *computer) map[string]vault.AccountRecord {
	all := map[string]vault.AccountRecord{}
	for _, r := range c.Records() {
		all[r.ID] = r
	}
	return all
}

// A host that has nothing to do looks four times a minute: that costs the same for any number of accounts.
func TestARoundWithoutChangesComparesNothing(t *testing.T) {
	a, b, _ := pair(t)
	a.must(a.Update(func(tx *vault.Tx) error {
		for n := range 60 {
			one, err := account.ParseURI(fmt.Sprintf(totp, fmt.Sprint("S", n)))
			if err == nil {
				_, err = tx.Add(one)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	a.sync()
	b.sync()
	for _, c := range []*computer{a, b} {
		if n := testing.AllocsPerRun(3, func() { c.must(c.s.Once(t.Context())) }); n > 1500 {
			t.Errorf("%.0f allocations", n)
		}
	}
	id := b.add(fmt.Sprintf(totp, "After")) // which is seen
	b.sync()
	a.sync().get(id)
}

func TestMarksAndReminders(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	a.must(a.Update(func(tx *vault.Tx) error { return tx.Mark("https://a.example", "name=a b", "totp") }))
	a.must(a.Update(func(tx *vault.Tx) error { return tx.Remind(vault.Reminder{Domain: "bank.example", State: "seen"}) }))
	b.must(b.Update(func(tx *vault.Tx) error { return tx.Mark("https://a.example", "name=c", "never") }))
	a.sync()
	b.sync()
	b.must(b.Update(func(tx *vault.Tx) error { return tx.Mark("https://a.example", "name=a b", "") }))
	b.must(b.Update(func(tx *vault.Tx) error {
		return tx.Remind(vault.Reminder{Service: "Bank", Domain: "bank.example", State: "wanted"})
	}))
	b.sync()
	a.sync()
	for _, c := range []*computer{a, b} {
		marks, err := c.Marks("https://a.example")
		c.must(err)
		if !slices.Equal(marks, []vault.Mark{{Field: "name=c", As: "never"}}) {
			t.Errorf("marks %+v", marks)
		}
		reminders, err := c.Reminders()
		c.must(err)
		if !slices.Equal(reminders, []vault.Reminder{{Service: "Bank", Domain: "bank.example", State: "wanted"}}) {
			t.Errorf("reminders %+v", reminders)
		}
	}
	was := a.Generation()
	if a.sync(); a.Generation() != was {
		t.Error("saved again, though nothing was changed")
	}
}

func TestARemovedDeviceIsRefused(t *testing.T) {
	t.Parallel()
	a, b, folder := pair(t)
	c := newComputer(t)
	c.admit(a, Folder, folder, "tablet")
	b.sync()
	id := a.add(fmt.Sprintf(totp, "Before"))
	a.sync()
	b.sync()
	c.sync()
	laptop, err := a.status().Find("Laptop")
	a.must(err)
	a.must(a.s.Remove(t.Context(), laptop))
	late := b.add(fmt.Sprintf(totp, "Late"))
	b.edit(id, func(a *account.Account) { a.Name = "mallory" })
	b.sync()
	after := a.add(fmt.Sprintf(totp, "After"))
	a.sync()
	c.sync()
	b.sync()
	for _, x := range []*computer{a, c} {
		if _, ok := x.Account(late); ok || x.get(id).Name != "alice" {
			t.Error("what a removed device changed is there")
		}
		x.get(after)
	}
	if _, ok := b.Account(after); ok {
		t.Error("the removed device got what came after")
	}
	b.get(late) // its own vault works
	if st := b.status(); !slices.Contains(st.Troubles, removedHere) {
		t.Errorf("%+v", st.Troubles)
	}
	if d, err := a.status().Find("laptop"); err != nil || !d.Removed {
		t.Error(d, err)
	}
	if _, err := a.status().Find("nobody"); !errors.Is(err, vaultsync.ErrNoDevice) {
		t.Error(err)
	}

	b.admit(a, Folder, folder, "laptop") // again, as a new one
	a.sync()
	b.get(after)
	a.get(late)
	if name := a.status().Free("laptop"); name != "laptop 2" {
		t.Error(name)
	}
}

// What only a removed device had set is as if it had never been.
func TestARegisterThatWasTakenBack(t *testing.T) {
	r := vault.AccountRecord{ID: "1", Type: "totp", Issuer: "Example", Secret: "GEZDGNBVGY3TQOJQ", Digits: 6, Period: 30, Created: 1}
	set := r
	set.Sites, set.SitesAt, set.Submit, set.SubmitAt, set.PIN, set.PINAt = []string{"https://evil.example"}, 5, true, 5, "1", 5
	a, err := accountOf(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{sites, submit, pin} {
		if delete(a.Set, name); len(a.Set) == 0 {
			t.Fatal("it has no registers")
		}
	}
	if got, err := recordOf(set, a); err != nil || !sameRecord(got, r) {
		t.Errorf("%+v, %v; want %+v", got, err, r)
	}
}

// A relay sees to it that two devices do not change the members at once: without it nobody is let in.
func TestNobodyIsLetInPastTheRelay(t *testing.T) {
	t.Parallel()
	a, _, _ := pair(t)
	a.must(a.s.Use(t.Context(), Relay, "ws://127.0.0.1:1", "desk"))
	err := a.s.work(t.Context(), func() error {
		if list, err := a.s.reached(t.Context(), ""); err != nil || len(list) != 1 {
			t.Errorf("reached %d, %v; want the folder", len(list), err)
		}
		_, err := a.s.reached(t.Context(), Relay)
		return err
	})
	if err == nil {
		t.Error("the relay that is not there was not missed")
	}
}

// Two computers changed who takes part at once: the one that stands alone comes back.
func TestAComputerThatStandsAloneBeginsAnew(t *testing.T) {
	t.Parallel()
	a, b, folder := pair(t)
	for _, c := range []*computer{a, b} {
		c.must(c.s.work(t.Context(), func() error {
			d, err := vaultsync.NewDevice()
			if err == nil {
				_, err = c.s.replica.Add(t.Context(), d.Member("new"))
			}
			return err
		}))
	}
	id := b.add(fmt.Sprintf(totp, "Mine"))
	for range 2 {
		a.sync()
		b.sync()
	}
	forked := func(c *computer) bool {
		return slices.ContainsFunc(c.status().Troubles, func(t Trouble) bool { return t.Kind == "fork" })
	}
	if !forked(a) || !forked(b) {
		t.Errorf("%+v, %+v", a.status().Troubles, b.status().Troubles)
	}
	old, err := a.status().Find("laptop")
	a.must(err)
	a.must(a.s.Remove(t.Context(), old))
	b.admit(a, Folder, folder, "laptop")
	b.sync()
	a.sync().get(id)
	if forked(a) || forked(b) {
		t.Errorf("%+v, %+v", a.status().Troubles, b.status().Troubles)
	}
}

// The folder has not been copied yet when a computer is let in.
func TestAComputerWaitsForWhatOthersHave(t *testing.T) {
	t.Parallel()
	a, b, folder := newComputer(t), newComputer(t), t.TempDir()
	a.must(a.s.Use(t.Context(), Folder, folder, "desk"))
	v := &Visit{s: b.s, kind: Folder, where: t.TempDir()}
	var w vaultsync.Welcome
	a.must(a.s.work(t.Context(), func() (err error) {
		if v.device, err = vaultsync.NewDevice(); err == nil {
			w, err = a.s.replica.Add(t.Context(), v.device.Member("laptop"))
		}
		return err
	}))
	a.must(v.begin(t.Context(), w))
	id := b.add(fmt.Sprintf(totp, "Mine"))
	b.sync().get(id)
	if st := b.status(); !slices.Contains(st.Troubles, notYet) {
		t.Errorf("%+v", st.Troubles)
	}
	a.sync()
	a.must(b.s.Use(t.Context(), Folder, folder, "")) // it has come
	if st := b.sync().status(); len(st.Troubles) > 0 {
		t.Errorf("%+v", st.Troubles)
	}
	a.sync().get(id)
}

func TestACarrierThatIsGone(t *testing.T) {
	t.Parallel()
	a, b, folder := pair(t)
	a.must(os.Rename(folder, folder+".away"))
	id := a.add(fmt.Sprintf(totp, "Offline"))
	a.sync()
	st := a.status()
	if !strings.Contains(st.Carriers[0].Error, "the folder is not there") || st.Carriers[0].Why != "gone" || st.Carriers[0].Pending == 0 {
		t.Errorf("%+v", st.Carriers)
	}
	if _, err := a.s.Invite(t.Context(), ""); !errors.Is(err, vaultsync.ErrGone) {
		t.Error(err)
	}
	a.must(os.Rename(folder+".away", folder))
	a.sync()
	b.sync().get(id)
	if st := a.status(); st.Carriers[0].Error != "" || st.Carriers[0].Why != "" || st.Carriers[0].Pending != 0 {
		t.Errorf("%+v", st.Carriers)
	}
}

func TestTheLockKeepsOthersOut(t *testing.T) {
	t.Parallel()
	a, _, _ := pair(t)
	other, err := Open(a.Vault)
	a.must(err)
	defer other.Close()
	release, err := other.lock(t.Context())
	a.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := a.s.Once(ctx); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	a.status() // looks all the same
	release()
	id := a.add(fmt.Sprintf(totp, "Other"))
	a.must(other.Once(t.Context())) // and a goes on from what it did
	a.sync().get(id)
	if st := a.status(); len(st.Troubles) > 0 || st.Carriers[0].Pending > 0 {
		t.Errorf("%+v", st)
	}
}

func TestALockedVaultEndsIt(t *testing.T) {
	t.Parallel()
	a, _, _ := pair(t)
	hangs := stuck{a.sync().s.carriers[Folder], make(chan struct{}, 9), make(chan struct{})}
	defer close(hangs.freed)
	a.s.carriers[Folder] = newAside(hangs) // nor is a carrier waited for that does not answer
	done := make(chan error, 1)
	go func() { done <- a.s.Run(t.Context(), func(error) {}) }()
	<-hangs.reached
	a.must(a.LockForAll())
	if err := <-done; !errors.Is(err, vault.ErrLockedByUs) && !errors.Is(err, vault.ErrLocked) {
		t.Error(err)
	}
	if _, err := a.s.Status(); !errors.Is(err, vault.ErrLocked) {
		t.Error(err)
	}
}

func TestRunBringsChangesAtOnce(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	a.run()
	b.run()
	b.await(a.add(fmt.Sprintf(totp, "First")))
	a.await(b.add(fmt.Sprintf(totp, "Second")))
}

// A disk that takes nothing: it is told, once, and gone when it does again.
func TestADiskThatIsFullIsTold(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	full := filepath.Join(a.s.folder, "memory.json")
	a.must(os.Remove(full))
	a.must(os.Mkdir(full, 0o700))
	told := make(chan error, 9)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.s.Run(ctx, func(err error) { told <- err }) }()
	if err := <-told; !errors.Is(err, vaultsync.ErrStorage) {
		t.Error(err)
	}
	if st := a.status(); !strings.Contains(st.Carriers[0].Error, "make room on the disk") || st.Carriers[0].Why != "storage" {
		t.Errorf("%+v", st.Carriers)
	}
	a.must(os.Remove(full))
	b.add(fmt.Sprintf(totp, "Other"))
	b.sync() // the folder tells
	a.await(a.add(fmt.Sprintf(totp, "Mine")))
	a.awaitStatus(func(st Status) bool { return st.Carriers[0].Error == "" })
	cancel()
	<-done
	if len(told) > 0 {
		t.Errorf("told again: %v", <-told)
	}
}

// await waits until an account has come.
func (c *computer) await(id string) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c.refresh()
		if _, ok := c.Account(id); ok {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("the account has not come; %+v", c.status())
		}
	}
}

// What was changed while the clock was ahead is said once, and not in each round from then on.
func TestAClockThatWasAheadIsSaidOnce(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	id := a.add(fmt.Sprintf(totp, "Ahead"))
	at := time.Now().Add(2 * time.Hour).UnixMilli()
	a.must(a.Update(func(tx *vault.Tx) error {
		r := tx.Records()[slices.IndexFunc(tx.Records(), func(r vault.AccountRecord) bool { return r.ID == id })]
		r.LabelsAt, r.RecoveryAt = at, at // its codes were taken away
		_, err := tx.PutMarks([]vault.TaughtMark{{Origin: "https://a.example", Mark: vault.Mark{Field: "name=a", As: "totp"}, At: at}})
		_, err2 := tx.PutReminders([]vault.KeptReminder{{Reminder: vault.Reminder{Domain: "bank.example", State: "seen"}, At: at}})
		return errors.Join(err, err2, tx.Put(r))
	}))
	heads := func() (n uint64) {
		for _, d := range a.s.replica.Devices() {
			n += d.Heads
		}
		return n
	}
	a.sync()
	b.sync()
	was := heads()
	for range 3 {
		a.sync()
	}
	if n := heads(); n != was {
		t.Errorf("%d changes more, of none", n-was)
	}
}

func TestProgramsThatTurnSyncingOnAtOnceMakeOneDevice(t *testing.T) {
	c, folder := newComputer(t), t.TempDir()
	errs := make(chan error)
	const programs = 4
	for range programs {
		s, err := Open(c.Vault)
		c.must(err)
		t.Cleanup(s.Close)
		go func() { errs <- s.Use(t.Context(), Folder, folder, "laptop") }()
	}
	for range programs {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	st, err := c.sync().s.Status()
	c.must(err)
	if len(st.Devices) != 1 || len(st.Troubles) != 0 {
		t.Errorf("%+v", st)
	}
}
