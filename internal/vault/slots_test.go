package vault

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"codefob/internal/keystore"
	"codefob/internal/keystore/keyringtest"
)

// TestTheAgeToolOpensTheVault: nothing of ours is needed to get at the accounts.
func TestTheAgeToolOpensTheVault(t *testing.T) {
	for _, program := range []string{"age", "script"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: needs %s (Debian: age, bsdutils)", program)
		}
	}
	v, key, err := Create(t.TempDir(), []byte(passphrase)) // at its real cost
	check(t, err)
	mustAdd(t, v, hotp(41))
	for _, tt := range []struct{ name, slot, secret string }{
		{"passphrase", v.passphraseFile(), passphrase},
		{"recovery key", v.recoveryFile(), key.Text()},
	} {
		// In two steps, as docs/vault.md says.
		identity := filepath.Join(t.TempDir(), "identity")
		ageTool(t, tt.secret, "-d", "-o", identity, tt.slot)
		text, err := os.ReadFile(identity)
		check(t, err)
		if !strings.HasPrefix(string(text), "# Codefob vault identity\nAGE-SECRET-KEY-1") {
			t.Errorf("%s: the slot holds %d bytes that are no identity file", tt.name, len(text))
		}
		plain, err := exec.Command("age", "-d", "-i", identity, v.accountsFile()).Output()
		if err != nil || !strings.Contains(string(plain), `"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","digits":6,"counter":41`) {
			t.Errorf("%s: age: %v; the accounts are %q", tt.name, err, plain)
		}
		// And in one.
		accounts := filepath.Join(t.TempDir(), "accounts.json")
		ageTool(t, tt.secret, "-d", "-i", tt.slot, "-o", accounts, v.accountsFile())
		if once, err := os.ReadFile(accounts); err != nil || !bytes.Equal(once, plain) {
			t.Errorf("%s: in one step: %v, %q", tt.name, err, once)
		}
	}
}

// ageTool runs age on a terminal, the only place where it takes a passphrase.
func ageTool(t *testing.T, secret string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "script", "--quiet", "--return", "--command", "age '"+strings.Join(args, "' '")+"'", "/dev/null")
	in, err := c.StdinPipe()
	check(t, err)
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	var said bytes.Buffer
	for one := make([]byte, 1); !bytes.HasSuffix(said.Bytes(), []byte(": ")); {
		if _, err := out.Read(one); err != nil {
			t.Fatalf("age says %q, and ends: %v", said.String(), c.Wait())
		}
		said.Write(one)
	}
	io.WriteString(in, secret+"\n")
	io.Copy(&said, out)
	in.Close()
	if err := c.Wait(); err != nil {
		t.Fatalf("age says %q: %v", said.String(), err)
	}
}

func TestWhichSecretOpens(t *testing.T) {
	makeCheap(t)
	v, old, err := Create(t.TempDir(), []byte(passphrase))
	check(t, err)
	open := func(what string, err, want error) {
		t.Helper()
		wantError(t, what, err, want)
		if v.IsOpen() != (want == nil) {
			t.Errorf("%s: the vault is open: %v", what, v.IsOpen())
		}
		v.Lock()
	}
	open("the passphrase", v.UnlockPassphrase(t.Context(), []byte(passphrase)), nil)
	open("another one", v.UnlockPassphrase(t.Context(), []byte("wrong")), ErrPassphrase)
	open("an empty one", v.UnlockPassphrase(t.Context(), nil), ErrPassphrase)
	open("the recovery key", v.UnlockRecovery(old), nil)
	open("another one", v.UnlockRecovery(NewRecoveryKey()), ErrRecovery)
	open("no recovery key", v.UnlockRecovery(RecoveryKey{}), ErrRecovery)
	open("no keychain slot", v.UnlockKeychain(t.Context()), ErrNoSlot)
	open("no identity", v.UnlockIdentity([]byte("noise")), ErrItem)
	open("an identity of another vault", v.UnlockIdentity([]byte(newVault(t).identity.String())), ErrItem)

	check(t, v.UnlockRecovery(old))
	check(t, v.SetPassphrase([]byte("new one")))
	key, err := v.SetRecoveryKey()
	check(t, err)
	wantError(t, "the old passphrase, of an open vault", v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrPassphrase)
	if !v.IsOpen() {
		t.Error("a wrong passphrase locks the open vault")
	}
	v.Lock()
	open("the old passphrase", v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrPassphrase)
	open("the new passphrase", v.UnlockPassphrase(t.Context(), []byte("new one")), nil)
	open("the old recovery key", v.UnlockRecovery(old), ErrRecovery)
	open("the new recovery key", v.UnlockRecovery(key), nil)

	check(t, os.Remove(v.passphraseFile()))
	open("no passphrase slot", v.UnlockPassphrase(t.Context(), []byte("new one")), ErrNoSlot)
	check(t, os.Remove(v.recoveryFile()))
	open("no recovery slot", v.UnlockRecovery(key), ErrNoSlot)
}

// Attack U2. The clock stands still but for the waits.
func TestWrongPassphrasesAreSlowedDown(t *testing.T) {
	makeCheap(t)
	v, key, err := Create(t.TempDir(), []byte(passphrase))
	check(t, err)
	v.Lock()
	clock := time.Unix(2e9, 0)
	var waited time.Duration
	program := func() *Vault { // each try is another program's
		v, err := Open(v.home)
		check(t, err)
		v.now = func() time.Time { return clock }
		v.sleep = func(_ context.Context, d time.Duration) error { waited, clock = d, clock.Add(d); return nil }
		return v
	}
	const s = time.Second
	for i, want := range []time.Duration{
		0, 0, 0, s, 2 * s, 4 * s, 8 * s, 16 * s, mostWait, mostWait, mostWait, mostWait, mostWait, mostWait, mostWait,
		mostWait, mostWait, mostWait, mostWait, mostWait,
	} {
		err := program().UnlockPassphrase(t.Context(), []byte(strings.Repeat("x", i+1)))
		if err != ErrPassphrase || waited != want {
			t.Errorf("try %d: %v after %s; want the same error after %s", i+1, err, waited, want)
		}
	}
	clock = clock.Add(-time.Hour) // the clock was set back
	for range 2 {
		check(t, program().UnlockPassphrase(t.Context(), []byte(passphrase)))
		if waited > mostWait {
			t.Errorf("the right one waited %s", waited)
		}
		wantError(t, "after it", program().UnlockPassphrase(t.Context(), []byte("wrong")), ErrPassphrase)
		if waited != 0 {
			t.Errorf("after the right one the next waits %s", waited)
		}
	}
	for range 9 {
		wantError(t, "once more", program().UnlockPassphrase(t.Context(), nil), ErrPassphrase)
	}
	clock = clock.Add(mostWait - s) // time that went by counts
	if wait := program().PassphraseWait(); wait != s {
		t.Errorf("after all but a second it is %s", wait)
	}
	check(t, program().UnlockRecovery(key)) // which never waits
	// Whoever gives up meanwhile has not tried.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	patient, err := Open(v.home)
	check(t, err)
	wantError(t, "given up", patient.UnlockPassphrase(ctx, []byte(passphrase)), context.Canceled)
	// What is no file of ours locks nobody out.
	check(t, os.Remove(v.wrongFile()))
	check(t, os.Mkdir(v.wrongFile(), 0o700))
	wantError(t, "a folder", program().UnlockPassphrase(t.Context(), []byte("wrong")), ErrPassphrase)
	check(t, program().UnlockPassphrase(t.Context(), []byte(passphrase)))
}

func TestASlotOfTooMuchWorkIsRefusedBeforeItIsRun(t *testing.T) {
	v := newVault(t)
	sealed, err := os.ReadFile(v.passphraseFile())
	check(t, err)
	line, rest, _ := bytes.Cut(sealed, []byte("\n"))
	stanza, rest, _ := bytes.Cut(rest, []byte("\n"))
	for _, work := range []string{"23", "30", "62", "99", "9999999999999999999999", "-1", "0x17", "", "0", "+1"} {
		changed := bytes.Join([][]byte{line, append(bytes.TrimSuffix(stanza, []byte(" 1")), " "+work...), rest}, []byte("\n"))
		check(t, os.WriteFile(v.passphraseFile(), changed, 0o600))
		start := time.Now()
		wantError(t, "work factor "+work, v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrDamaged)
		if took := time.Since(start); took > 10*time.Second { // a minute, if it were run
			t.Errorf("work factor %s: refused after %s", work, took)
		}
	}
	// Sealed so by the real thing, but never run.
	to, err := age.NewScryptRecipient(passphrase)
	check(t, err)
	to.SetWorkFactor(1)
	toAnyone, err := seal([]byte("no identity"), to)
	check(t, err)
	check(t, os.WriteFile(v.passphraseFile(), toAnyone, 0o600))
	wantError(t, "a slot without an identity", v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrDamaged)
}

func TestKeychainSlot(t *testing.T) {
	keyring := keyringtest.Start(t)
	keyring.Setenv(t)
	if _, err := exec.LookPath("secret-tool"); err != nil {
		t.Skip("SKIPPED: needs secret-tool (Debian: libsecret-tools)")
	}
	ctx := t.Context()
	v := newVault(t)
	id := mustAdd(t, v, totp("alice"))
	item := keychainSlot{Version: 1, Service: "codefob", Account: v.ID()}.item()
	identity := v.identity.String()
	byKeychain := func() error {
		other, err := Open(v.home)
		check(t, err)
		err = other.UnlockKeychain(ctx)
		if _, ok := other.Account(id); ok != (err == nil) {
			t.Errorf("UnlockKeychain = %v, and the account is there: %v", err, ok)
		}
		return err
	}
	holds := func(what, want string) {
		t.Helper()
		got, err := exec.Command("secret-tool", "lookup", "service", item.Service, "account", item.Account).Output()
		if string(got) != want {
			t.Errorf("%s: the item holds %d bytes, %v; want %d", what, len(got), err, len(want))
		}
	}
	store := func(secret string) {
		t.Helper()
		c := exec.Command("secret-tool", "store", "--label=x", "service", item.Service, "account", item.Account)
		c.Stdin = strings.NewReader(secret)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("secret-tool: %v: %s", err, out)
		}
	}

	wantError(t, "before there is a slot", byKeychain(), ErrNoSlot)
	if v.HasKeychain() {
		t.Error("HasKeychain before there is a slot")
	}
	check(t, v.SetKeychain(ctx))
	check(t, byKeychain())
	holds("a new slot", identity)
	slot, err := os.ReadFile(v.keychainFile())
	check(t, err)
	if want := `{"version":1,"service":"codefob","account":"` + v.ID() + `"}`; string(slot) != want {
		t.Errorf("keychain.json = %s; want %s", slot, want)
	}

	check(t, v.LockForAll())
	wantError(t, "locked by the user", byKeychain(), ErrLockedByUs)
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	check(t, byKeychain())

	other := newVault(t).identity.String()
	for _, tt := range []struct {
		name, secret string
		want         error
	}{
		{"empty", "", keystore.ErrEmpty},
		{"garbage", "garbage", ErrItem},
		{"cut off", identity[:40], ErrItem},
		{"of another vault", other, ErrItem},
	} {
		store(tt.secret)
		wantError(t, "an item that is "+tt.name, byKeychain(), tt.want)
		holds("an item that is "+tt.name+" is left alone", tt.secret)
		check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
		if now, _ := os.ReadFile(v.keychainFile()); !bytes.Equal(now, slot) || v.identity.String() != identity {
			t.Errorf("an item that is %s: the slot is %s, or the identity is new", tt.name, now)
		}
	}

	if out, err := exec.Command("secret-tool", "clear", "service", item.Service, "account", item.Account).CombinedOutput(); err != nil {
		t.Fatalf("secret-tool: %v: %s", err, out)
	}
	wantError(t, "an item that was deleted", byKeychain(), keystore.ErrNotFound)
	holds("a deleted item", "")
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	check(t, v.SetKeychain(ctx))
	check(t, byKeychain())

	keyring.StopDaemon(t)
	wantError(t, "no keychain service", byKeychain(), keystore.ErrUnavailable)
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	keyring.StartDaemon(t)

	check(t, os.WriteFile(v.keychainFile(), []byte("{"), 0o600))
	wantError(t, "a damaged slot", byKeychain(), ErrDamaged)
	check(t, v.SetKeychain(ctx))
	check(t, v.RemoveKeychain(ctx))
	holds("a removed slot", "")
	wantError(t, "a removed slot", byKeychain(), ErrNoSlot)
	wantError(t, "removing it again", v.RemoveKeychain(ctx), ErrNoSlot)
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
}

// The keychain is never asked for what is not ours, nor told to delete it.
func TestAKeychainSlotThatNamesAnotherItem(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // were it asked, the error would be another
	v := newVault(t)
	for _, slot := range []string{
		`{"version":1,"service":"ssh","account":"` + v.ID() + `"}`,
		`{"version":1,"service":"Codefob","account":"` + v.ID() + `"}`,
		`{"version":1,"service":"","account":"` + v.ID() + `"}`,
		`{"version":1,"account":"` + v.ID() + `"}`,
		`{"version":2,"service":"codefob","account":"` + v.ID() + `"}`,
		`{"version":1,"service":"codefob","service":"ssh","account":"x"}`,
	} {
		check(t, os.WriteFile(v.keychainFile(), []byte(slot), 0o600))
		wantError(t, "opening with "+slot, v.UnlockKeychain(t.Context()), ErrDamaged)
		wantError(t, "removing "+slot, v.RemoveKeychain(t.Context()), ErrDamaged)
		if _, err := os.Stat(v.keychainFile()); err != nil {
			t.Errorf("removing %s: %v", slot, err)
		}
	}
}

// Attack U2: how long a wrong passphrase takes, by how much of it is right. Nothing is
// asserted of times; scrypt is made quick, so that a difference would show.
func TestTimesOfWrongPassphrases(t *testing.T) {
	if soak == 0 {
		t.Skip("SKIPPED: make soak runs it")
	}
	defer func(p int) { passphraseWork = p }(passphraseWork)
	passphraseWork = 10
	v, _, err := Create(inMemory(t), []byte(passphrase))
	check(t, err)
	v.Lock()
	v.sleep = func(context.Context, time.Duration) error { return nil }
	kinds := []struct{ name, text string }{
		{"last letter wrong", passphrase[:len(passphrase)-1] + "x"},
		{"first letter wrong", "x" + passphrase[1:]},
		{"all wrong", strings.Repeat("x", len(passphrase))},
		{"one letter", "x"},
		{"1,000 letters", strings.Repeat("x", 1000)},
	}
	took := make([][]time.Duration, len(kinds))
	for range soak {
		for _, i := range rand.Perm(len(kinds)) {
			start := time.Now()
			err := v.UnlockPassphrase(t.Context(), []byte(kinds[i].text))
			took[i] = append(took[i], time.Since(start))
			if err != ErrPassphrase {
				t.Fatalf("%s: %v; want the same error", kinds[i].name, err)
			}
		}
	}
	for i, kind := range kinds {
		slices.Sort(took[i])
		at := func(percent int) time.Duration { return took[i][len(took[i])*percent/100].Round(100 * time.Nanosecond) }
		t.Logf("SOAK wrong passphrase, %s: %d times, median %s, half of them from %s to %s", kind.name, soak, at(50), at(25), at(75))
	}
}
