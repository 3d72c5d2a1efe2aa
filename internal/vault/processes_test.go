package vault

import (
	"bufio"
	"cmp"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"codefob/internal/account"
)

// children are what the test binary does as the other program: the vault is in
// VAULT_TEST_HOME, VAULT_TEST_N says how often, VAULT_TEST_ID is an account.
var children = map[string]func() error{
	"add": func() error {
		return repeat(func(v *Vault, i int) error { return printed(add(v, totp(fmt.Sprint(i)))) })
	},
	"code": func() error {
		return repeat(func(v *Vault, _ int) error { return printed(v.NextCode(os.Getenv("VAULT_TEST_ID"))) })
	},
	"release": func() error { // a code as hosts give it: first it is in the log
		return repeat(func(v *Vault, _ int) error {
			if err := v.Spend(filled(1), crand.Text(), plenty); err != nil {
				return err
			}
			return printed(v.NextCode(os.Getenv("VAULT_TEST_ID")))
		})
	},
	"recover": func() error {
		return repeat(func(v *Vault, _ int) error {
			code, _, err := v.NextRecovery(os.Getenv("VAULT_TEST_ID"), 0)
			return printed(string(code.Bytes()), err)
		})
	},
	"spend": func() error {
		return repeat(func(v *Vault, _ int) error {
			v.now = func() time.Time { return noon }
			nonce := os.Getenv("VAULT_TEST_ID") // the same for all programs, but for "": then of its own
			if nonce == "" {
				nonce = crand.Text()
			}
			err := v.Spend(Record{Account: "an id"}, nonce, Budget{PerMinute: 17, PerHour: 30})
			if errors.Is(err, ErrBudget) || errors.Is(err, ErrNonce) {
				return nil
			}
			return printed("spent", err)
		})
	},
	"log": func() error {
		return repeat(func(v *Vault, i int) error {
			r := Record{Act: ActFill, Label: "GitHub", Host: fmt.Sprint(os.Getpid(), ".example"), By: "firefox"}
			if err := v.Spend(r, fmt.Sprint(os.Getpid(), i), Budget{1 << 30, 1 << 30}); err != nil {
				return err
			}
			return printed("spent", v.Note(Record{Act: ActFill, By: "firefox", Refused: "declined"}))
		})
	},
	"count": func() error { // in the account's name, and by the counter of another, until killed
		return repeat(func(v *Vault, _ int) (err error) {
			var name string
			err = v.Update(func(tx *Tx) error {
				return tx.Edit(os.Getenv("VAULT_TEST_ID"), func(a *account.Account) error {
					n, err := strconv.Atoi(a.Name)
					name = fmt.Sprint(n + 1)
					a.Name = name
					return err
				})
			})
			if printed("name "+name, err) != nil {
				return err
			}
			code, err := v.NextCode(v.Accounts()[1].ID)
			return printed("code "+code, err)
		})
	},
	"hold": func() error { // the lock, until the end of input
		return repeat(func(v *Vault, _ int) error {
			_, err := v.lockFolder()
			check := printed("held", err)
			io.Copy(io.Discard, os.Stdin)
			return check
		})
	},
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func repeat(work func(v *Vault, i int) error) error {
	v, err := Open(os.Getenv("VAULT_TEST_HOME"))
	if err != nil {
		return err
	}
	if err := v.UnlockIdentity([]byte(os.Getenv("VAULT_TEST_IDENTITY"))); err != nil {
		return err
	}
	n, err := strconv.Atoi(os.Getenv("VAULT_TEST_N"))
	if err != nil {
		return err
	}
	for i := range n {
		if err := work(v, i); err != nil {
			return err
		}
	}
	return nil
}

func printed(line string, err error) error {
	if err == nil {
		fmt.Println(line)
	}
	return err
}

func child(v *Vault, work string, n int, id string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "VAULT_TEST_CHILD="+work, "VAULT_TEST_HOME="+v.home, "VAULT_TEST_ID="+id,
		"VAULT_TEST_IDENTITY="+v.identity.String(), fmt.Sprintf("VAULT_TEST_N=%d", n))
	c.Stderr = os.Stderr
	return c
}

// together runs so many other programs at once and returns all they printed.
func together(t *testing.T, v *Vault, programs int, work string, n int, id string) (lines []string) {
	t.Helper()
	outputs := make([]string, programs)
	var all sync.WaitGroup
	for i := range outputs {
		all.Go(func() {
			out, err := child(v, work, n, id).Output()
			if err != nil {
				t.Errorf("program %d: %v", i, err)
			}
			outputs[i] = string(out)
		})
	}
	all.Wait()
	for _, out := range outputs {
		lines = append(lines, strings.Fields(out)...)
	}
	return lines
}

func TestTwoVaultsOfOneFolder(t *testing.T) {
	a := newVault(t)
	b := again(t, a)
	mustAdd(t, a, totp("1"))
	mustAdd(t, b, totp("2"))
	mustAdd(t, a, totp("3"))
	if names(a) != "1 2 3" || names(b) != "1 2" || a.Generation() != 3 {
		t.Errorf("the one has %q of generation %d, the other %q", names(a), a.Generation(), names(b))
	}
	for _, want := range []bool{true, false} {
		if changed, err := b.Refresh(); changed != want || err != nil || names(b) != "1 2 3" {
			t.Errorf("Refresh = %v, %v with %q; want %v", changed, err, names(b), want)
		}
	}
	// Another vault in its place is noticed, and not given the slots of this one.
	other := newVault(t)
	check(t, os.RemoveAll(a.path()))
	check(t, os.Rename(other.path(), a.path()))
	_, err := a.Refresh()
	wantError(t, "Refresh", err, ErrDamaged)
	_, err = add(a, totp("4"))
	wantError(t, "Update", err, ErrDamaged)
	wantError(t, "SetPassphrase", a.SetPassphrase([]byte("new")), ErrDamaged)
	moved, err := Open(a.home)
	check(t, err)
	check(t, moved.UnlockPassphrase(t.Context(), []byte(passphrase)))
}

// V7: each has read what the others replace meanwhile.
func TestManyProgramsLoseNothing(t *testing.T) {
	const programs, adds = 16, 5
	v := newVault(t)
	ids := together(t, v, programs, "add", adds, "")
	check(t, func() error { _, err := v.Refresh(); return err }())
	for _, id := range ids {
		if _, ok := v.Account(id); !ok {
			t.Errorf("account %s was acknowledged and is not there", id)
		}
	}
	if len(ids) != programs*adds || len(v.Accounts()) != len(ids) || v.Generation() != uint64(len(ids)) {
		t.Errorf("%d accounts acknowledged, %d there, generation %d; want %d", len(ids), len(v.Accounts()), v.Generation(), programs*adds)
	}
}

func TestManyProgramsNeverIssueACounterTwice(t *testing.T) {
	const programs, codes = 4, 10
	v := newVault(t)
	id := mustAdd(t, v, hotp(0))
	got := map[string]int{}
	for _, code := range together(t, v, programs, "code", codes, id) {
		got[code]++
	}
	a, _ := v.Account(id)
	for counter := range uint64(programs * codes) {
		code, err := a.CodeAt(counter)
		check(t, err)
		if got[code]--; got[code] != 0 {
			t.Errorf("the code of counter %d was issued %d times", counter, got[code]+1)
		}
	}
	if a, _ := again(t, v).Account(id); a.Counter != programs*codes {
		t.Errorf("the counter is %d; want %d", a.Counter, programs*codes)
	}
}

// H11: no release too many, none uncounted, and one for one confirmation.
func TestManyProgramsShareOneBudget(t *testing.T) {
	v := newVault(t)
	if spent := together(t, v, 8, "spend", 25, "one nonce"); len(spent) != 1 {
		t.Errorf("%d releases for one confirmation", len(spent))
	}
	if spent := together(t, v, 8, "spend", 125, ""); len(spent) != 16 {
		t.Errorf("%d releases; want the 16 that are left of the budget", len(spent))
	}
	v.now = func() time.Time { return noon }
	check(t, v.state.change(func(st *state) {
		if len(st.releases) != 17 || len(st.nonces) != 17 || len(st.uses) != 1 {
			t.Errorf("counted are %d releases of %d confirmations; want 17", len(st.releases), len(st.nonces))
		}
	}))
}

// V8: by a program that is stopped, where there is such a thing.
func TestALockThatIsHeld(t *testing.T) {
	defer func(d time.Duration) { lockWait = d }(lockWait)
	lockWait = 50 * time.Millisecond
	v := newVault(t)
	id := mustAdd(t, v, hotp(0))
	c := child(v, "hold", 1, "")
	in, err := c.StdinPipe()
	check(t, err)
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other program: %q, %v", line, err)
	}
	stop(t, c.Process)
	start := time.Now()
	_, err = add(v, totp("bob"))
	wantError(t, "Update", err, ErrBusy)
	code, err := v.NextCode(id)
	wantError(t, "NextCode", err, ErrBusy)
	wantError(t, "SetPassphrase", v.SetPassphrase([]byte("new")), ErrBusy)
	if took := time.Since(start); took < 3*lockWait || took > 3*lockWait+30*time.Second || code != "" {
		t.Errorf("three refusals took %s, code %q; want %s each", took, code, lockWait)
	}
	if _, err := v.Refresh(); err != nil {
		t.Errorf("reading waits for the lock too: %v", err)
	}
	if a := again(t, v).Accounts(); len(a) != 1 || a[0].Counter != 0 {
		t.Errorf("opening it shows %+v", a)
	}
	// With the end of the program ends its lock.
	resume(t, c.Process)
	check(t, in.Close())
	check(t, c.Wait())
	mustAdd(t, v, totp("bob"))
}

// V1: a program that saves without end is killed at random points. What it was
// told is saved is there, the vault opens, and no counter is used twice.
func TestKilledAtAnyMoment(t *testing.T) {
	trials := cmp.Or(soak, 60)
	v := newVault(t)
	id := mustAdd(t, v, totp("0"))
	counting := hotp(0)
	counting.Digits = 8
	mustAdd(t, v, counting)
	random := rand.New(rand.NewPCG(1, 2))
	var acknowledged, codes, interrupted, lost, unreadable, twice int
	var name int       // the last that was acknowledged
	var counter uint64 // none below it may come again
	for range trials {
		c := child(v, "count", 1<<30, id)
		out, err := c.StdoutPipe()
		check(t, err)
		check(t, c.Start())
		lines := bufio.NewScanner(out)
		take := func() bool {
			if !lines.Scan() {
				return false
			}
			what, value, _ := strings.Cut(lines.Text(), " ")
			acknowledged++
			if what == "name" {
				name, err = strconv.Atoi(value)
				check(t, err)
				return true
			}
			codes++
			if code, _ := counting.CodeAt(counter); code != value {
				twice++
				t.Errorf("code %s is not that of counter %d", value, counter)
			}
			counter++
			return true
		}
		for range 1 + random.IntN(3) {
			take()
		}
		for wait := time.Now().Add(time.Duration(random.IntN(6000)) * time.Microsecond); time.Now().Before(wait); {
		}
		check(t, c.Process.Kill())
		for take() { // acknowledged meanwhile
		}
		c.Wait()
		other, err := Open(v.home)
		if err == nil {
			err = other.UnlockIdentity([]byte(v.identity.String()))
		}
		if err != nil {
			unreadable++
			t.Errorf("after name %d and counter %d: %v", name, counter, err)
			break
		}
		a := other.Accounts()
		got, err := strconv.Atoi(a[0].Name)
		if err != nil || got != name && got != name+1 || a[1].Counter != counter && a[1].Counter != counter+1 {
			lost++
			t.Errorf("name %d and counter %d were acknowledged, the vault holds %q and %d", name, counter, a[0].Name, a[1].Counter)
		}
		if left, _ := os.ReadDir(v.path()); len(left) > 4 || got > name || a[1].Counter > counter {
			interrupted++
		}
		name, counter = got, a[1].Counter // what was not acknowledged may be there
	}
	t.Logf("SOAK kill -9: %d trials, %d in the middle of a save, %d saves acknowledged, %d of them HOTP codes; %d lost, %d unreadable, %d HOTP twice",
		trials, interrupted, acknowledged, codes, lost, unreadable, twice)
	if interrupted == 0 || codes == 0 || lost+unreadable+twice > 0 {
		t.Error("none may be lost, unreadable or given twice, and some kills must come in the middle of a save")
	}
	mustAdd(t, v, totp("bob"))
	if left, _ := os.ReadDir(v.path()); len(left) != 4 {
		t.Errorf("after the next save the folder still holds %v", left)
	}
}

// Programs that make the vault at once do not take each other's apart: one makes
// it, the others are told that there is one.
func TestCreateAtOnce(t *testing.T) {
	makeCheap(t)
	for range 50 {
		home := filepath.Join(t.TempDir(), "home")
		made := make(chan *Vault, 4)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				v, _, err := Create(home, []byte("a passphrase"))
				if err == nil {
					made <- v
				} else if !errors.Is(err, ErrExists) {
					t.Errorf("Create: %v; want %v", err, ErrExists)
				}
			})
		}
		all.Wait()
		if len(made) != 1 {
			t.Fatalf("%d vaults were made", len(made))
		}
		v := at(home)
		if err := v.UnlockPassphrase(t.Context(), []byte("a passphrase")); err != nil {
			t.Fatalf("the vault that was made: %v", err)
		}
	}
}

// A lock is noticed, even one that comes while a change is on its way.
func TestALockDuringAChangeIsNoticed(t *testing.T) {
	v := newVault(t)
	other := again(t, v)
	check(t, v.Update(func(*Tx) error { return other.LockForAll() }))
	if _, err := v.Refresh(); !errors.Is(err, ErrLockedByUs) || v.IsOpen() {
		t.Errorf("Refresh: %v, open %v; want %v", err, v.IsOpen(), ErrLockedByUs)
	}
}
