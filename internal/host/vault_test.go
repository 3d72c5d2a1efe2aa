package host

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"filippo.io/age"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

const example = "https://example.com"

func TestHello(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	want := protocol.HelloResult{Version: "1.2.3", Protocol: protocol.Version, Platform: runtime.GOOS, Vault: protocol.VaultOpen, Accounts: 1}
	if got := r.hello(); got != want {
		t.Errorf("hello: %+v, want %+v", got, want)
	}
	r.fails(protocol.MethodHello, protocol.HelloParams{Client: string(make([]byte, 33))}, protocol.ErrBadRequest)
}

// The extension sends nothing to a host that does not prove who it is.
func TestHelloProves(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	var problem error
	r.host.Prove = func(challenge string) (string, string, error) { return "key", "signed " + challenge, problem }
	challenge := base64.StdEncoding.EncodeToString(make([]byte, 32))
	params := protocol.HelloParams{Challenge: challenge}
	prove := func(want protocol.VaultState) {
		t.Helper()
		got := get[protocol.HelloResult](r, protocol.MethodHello, params)
		if got.Key != "key" || got.Signature != "signed "+challenge || got.Vault != want {
			t.Errorf("hello: %+v, want a proof, vault %s", got, want)
		}
	}
	prove(protocol.VaultOpen)
	if got := r.hello(); got.Key != "" || got.Signature != "" {
		t.Errorf("not asked for a proof: %+v", got)
	}
	for _, bad := range []string{"A", "AAAA", challenge + "AAAA", " " + challenge, challenge[:43], challenge[:42] + "B=", "\n" + challenge[1:]} {
		r.fails(protocol.MethodHello, protocol.HelloParams{Challenge: bad}, protocol.ErrBadRequest)
	}
	r.check(os.WriteFile(filepath.Join(r.home, "vault", "accounts.age"), []byte("damaged"), 0o600))
	r.fails(protocol.MethodHello, protocol.HelloParams{}, protocol.ErrVaultDamaged)
	prove(protocol.VaultLocked)
	problem = errors.New("no key")
	r.fails(protocol.MethodHello, params, protocol.ErrInternal)
}

func TestAVaultMadeLaterIsFound(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	away := filepath.Join(t.TempDir(), "vault")
	here := filepath.Join(r.home, "vault")
	for range 2 {
		if got := r.hello(); got.Vault != protocol.VaultOpen || got.Accounts != 1 {
			t.Errorf("with the vault: %+v", got)
		}
		r.check(os.Rename(here, away))
		if got := r.hello(); got.Vault != protocol.VaultNone || got.Accounts != 0 {
			t.Errorf("without: %+v", got)
		}
		r.fails(protocol.MethodMatch, protocol.MatchParams{Context: page(example)}, protocol.ErrVaultMissing)
		r.fails(protocol.MethodUnlock, nil, protocol.ErrVaultMissing)
		r.fails(protocol.MethodLock, nil, protocol.ErrVaultMissing)
		r.check(os.Rename(away, here))
	}
	r.keychain = false // a locked one that is removed
	r.other.LockForAll()
	if got := r.hello(); got.Vault != protocol.VaultLocked {
		t.Errorf("locked: %+v", got)
	}
	r.check(os.Rename(here, away))
	if got := r.hello(); got.Vault != protocol.VaultNone {
		t.Errorf("locked, then removed: %+v", got)
	}
}

func TestWhatAnotherProgramSavesIsNoticed(t *testing.T) {
	r := newRig(t)
	if got := r.match(page(example)); len(got) != 0 {
		t.Fatalf("%d accounts at first", len(got))
	}
	ids := r.add(totp("Example", "alice", example))
	found := r.match(page(example))
	if len(found) != 1 {
		t.Fatalf("%d accounts after one was added", len(found))
	}
	r.check(r.other.Update(func(tx *vault.Tx) error { return tx.Remove(ids[0]) }))
	if got := r.match(page(example)); len(got) != 0 {
		t.Errorf("%d accounts after it was removed", len(got))
	}
	r.fails(protocol.MethodCode, fill(found[0].Handle, page(example)), protocol.ErrHandle)
}

func TestLocking(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("example")
	everything := func() {
		t.Helper()
		if got := r.hello(); got.Vault != protocol.VaultLocked || got.Accounts != 0 {
			t.Errorf("hello: %+v", got)
		}
		r.fails(protocol.MethodMatch, protocol.MatchParams{Context: page(example)}, protocol.ErrVaultLocked)
		r.fails(protocol.MethodSearch, protocol.SearchParams{Limit: 1}, protocol.ErrVaultLocked)
		r.fails(protocol.MethodAllow, protocol.AllowParams{Handle: handle, Context: page(example)}, protocol.ErrVaultLocked)
		r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrVaultLocked)
	}
	if got := get[protocol.VaultResult](r, protocol.MethodLock, nil); got.Vault != protocol.VaultLocked {
		t.Errorf("lock: %+v", got)
	}
	everything()
	if !r.other.LockedByUser() {
		t.Error("the lock is not for all")
	}
	r.answers <- answer{passphrase, nil}
	if got := get[protocol.VaultResult](r, protocol.MethodUnlock, nil); got.Vault != protocol.VaultOpen {
		t.Errorf("unlock: %+v", got)
	}
	r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrHandle) // lock ended the session

	// By another program, and unlocked by it: noticed at once, without a question.
	handle = r.handle("example")
	r.check(r.openVault().LockForAll())
	everything()
	v, err := vault.Open(r.home)
	r.check(err)
	r.check(v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	if got := r.hello(); got.Vault != protocol.VaultOpen {
		t.Errorf("unlocked elsewhere: %+v", got)
	}
}

// U1: the passphrase comes from a dialog of the host's, and never over the wire.
func TestU1NoPassphraseComesFromTheBrowser(t *testing.T) {
	r := newRig(t)
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	for _, m := range []protocol.Method{protocol.MethodUnlock, protocol.MethodHello, protocol.MethodLock, protocol.MethodMatch} {
		r.fails(m, map[string]string{"passphrase": passphrase}, protocol.ErrBadRequest)
	}
	if got := r.hello(); got.Vault != protocol.VaultLocked {
		t.Errorf("the vault is %s", got.Vault)
	}
}

func TestUnlock(t *testing.T) {
	right, wrong := answer{passphrase, nil}, answer{"something else", nil}
	for _, tt := range []struct {
		name    string
		answers []answer
		want    protocol.ErrorCode
	}{
		{"right", []answer{right}, "no error"},
		{"wrong, then right", []answer{wrong, wrong, right}, "no error"},
		{"empty, then right", []answer{{}, right}, "no error"},
		{"wrong three times", []answer{wrong, wrong, wrong}, protocol.ErrUnlock},
		{"closed", []answer{{"", ErrDismissed}}, protocol.ErrUnlock},
		{"wrong, then closed", []answer{wrong, {"", ErrDismissed}}, protocol.ErrUnlock},
		{"nothing to ask with", []answer{{"", errNoDialog}}, protocol.ErrUnlock},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.keychain = false
			for _, a := range tt.answers {
				r.answers <- a
			}
			if got := r.call(protocol.MethodUnlock, nil).code(); got != tt.want {
				t.Errorf("unlock: %s, want %s", got, tt.want)
			}
			if n := len(r.answers); n != 0 {
				t.Errorf("%d answers were not asked for", n)
			}
			want := protocol.VaultLocked
			if tt.want == "no error" {
				want = protocol.VaultOpen
			}
			if got := r.hello().Vault; got != want {
				t.Errorf("then the vault is %s, want %s", got, want)
			}
		})
	}
}

func TestWhileThePersonIsAsked(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	r.keychain = false
	first := r.send(protocol.MethodUnlock, nil)
	// One question at a time. Which of the two comes first, the scheduler decides.
	second := r.send(protocol.MethodUnlock, nil)
	if s := r.next(); s.code() != protocol.ErrUnlock || s.ID != first && s.ID != second {
		t.Errorf("the second question: %s", s.code())
	}
	// Others are served meanwhile.
	if got := r.hello().Vault; got != protocol.VaultLocked {
		t.Errorf("meanwhile: %s", got)
	}
	r.fails(protocol.MethodMatch, protocol.MatchParams{Context: page(example)}, protocol.ErrVaultLocked)
	r.answers <- answer{passphrase, nil}
	if s := r.next(); s.Error != nil {
		t.Errorf("the first question: %s", s.code())
	}
	if got := r.match(page(example)); len(got) != 1 {
		t.Errorf("then %d accounts", len(got))
	}
}

func TestTheEndOfTheLineEndsTheQuestion(t *testing.T) {
	r := newRig(t)
	r.keychain = false
	r.send(protocol.MethodUnlock, nil)
	r.send(protocol.MethodHello, nil)
	r.next() // hello: the question was read by now
	r.endsWhileAsking()
}

func TestASilentKeychainIsNotAskedAgainAtOnce(t *testing.T) {
	r := newRig(t)
	asked := 0
	r.host.Unlock = func(_ context.Context, v *vault.Vault) error { asked++; return errNoDialog }
	r.clock = time.Unix(1e9, 0)
	for range 3 {
		r.hello()
	}
	if asked != 1 || !r.logged("keychain no dialog here") {
		t.Errorf("asked %d times in an instant; log %q", asked, r.log)
	}
	r.clock = r.clock.Add(silentRetry)
	r.hello()
	if asked != 2 {
		t.Errorf("asked %d times after %s", asked, silentRetry)
	}
}

// reseal puts other JSON into accounts.age.
func reseal(r *rig, plain string) {
	r.Helper()
	identities, err := age.ParseIdentities(bytes.NewReader(model.identity))
	r.check(err)
	f, err := os.Create(r.other.AccountsFile())
	r.check(err)
	defer f.Close()
	w, err := age.Encrypt(f, identities[0].(*age.X25519Identity).Recipient())
	r.check(err)
	_, err = w.Write([]byte(plain))
	r.check(err)
	r.check(w.Close())
}

func TestABadVault(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*rig) error
		want  protocol.ErrorCode
	}{
		{"not age", func(r *rig) error { return os.WriteFile(r.other.AccountsFile(), []byte("hello"), 0o600) }, protocol.ErrVaultDamaged},
		{"cut short", func(r *rig) error { return os.Truncate(r.other.AccountsFile(), 300) }, protocol.ErrVaultDamaged},
		{"empty", func(r *rig) error { return os.Truncate(r.other.AccountsFile(), 0) }, protocol.ErrVaultDamaged},
		{"not JSON", func(r *rig) error { reseal(r, "hello"); return nil }, protocol.ErrVaultDamaged},
		{"accounts are gone", func(r *rig) error { return os.Remove(r.other.AccountsFile()) }, protocol.ErrVaultDamaged},
		{"newer", func(r *rig) error { reseal(r, `{"schema":2,"vault":"x","accounts":[]}`); return nil }, protocol.ErrVaultNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, open := range []bool{false, true} {
				r := newRig(t, totp("Example", "alice", example))
				if open {
					r.hello()
				}
				r.check(tt.spoil(r))
				for range 2 {
					r.fails(protocol.MethodHello, nil, tt.want)
					r.fails(protocol.MethodMatch, protocol.MatchParams{Context: page(example)}, tt.want)
					r.fails(protocol.MethodUnlock, nil, tt.want)
				}
			}
		})
	}
	t.Run("its passphrase slot is gone", func(t *testing.T) {
		r := newRig(t)
		r.keychain = false
		r.check(os.Remove(filepath.Join(r.home, "vault", "slots", "passphrase.age")))
		r.answers <- answer{passphrase, nil}
		r.fails(protocol.MethodUnlock, nil, protocol.ErrVaultDamaged)
	})
}

func TestAVaultThatCannotBeSaved(t *testing.T) {
	r := newRig(t, hotp("Counter", example), totp("Timer", ""))
	counter, timer := r.handle("counter"), r.handle("timer")
	// Also for root: what has to be a file is a folder.
	lock := filepath.Join(r.home, "vault", "lock")
	r.check(os.RemoveAll(lock))
	r.check(os.Mkdir(lock, 0o700))
	r.fails(protocol.MethodCode, fill(counter, page(example)), protocol.ErrVaultStorage)
	r.fails(protocol.MethodAllow, protocol.AllowParams{Handle: timer, Context: page(example)}, protocol.ErrVaultStorage)
	r.check(os.Remove(lock))
	if got := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(counter, page(example))).Code; got != "755224" { // RFC 4226, appendix D
		t.Errorf("the first code after a failed save is %s", got)
	}
}

func TestTheCounterIsOnDiskBeforeTheCodeLeaves(t *testing.T) {
	r := newRig(t, hotp("Counter", example))
	handle := r.handle("counter")
	for i, want := range []string{"755224", "287082", "359152", "969429"} { // RFC 4226, appendix D
		got := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, page(example)))
		if got.Code != want || got.ValidFrom != 0 || got.ExpiresAt != 0 {
			t.Errorf("code %d: %+v, want %s", i, got, want)
		}
		if a := r.openVault().Accounts()[0]; a.Counter != uint64(i)+1 {
			t.Errorf("on disk the counter is %d, want %d", a.Counter, i+1)
		}
	}
}

// A save of ours takes in what others have saved just before; accounts found
// earlier must not be looked up by their number then.
func TestAReleaseAfterAnotherProgramsSave(t *testing.T) {
	r := newRig(t, totp("Other", "", "https://other.example"), hotp("Counter", example))
	handle := r.handle("counter")
	r.match(page(example)) // makes the index
	r.check(r.other.Update(func(tx *vault.Tx) error {
		r.check(os.Remove(filepath.Join(r.home, "state.json"))) // this save has looked at it
		r.send(protocol.MethodCode, fill(handle, page(example)))
		for { // until the host has looked at the vault, and waits for the lock that we hold
			if _, err := os.Stat(filepath.Join(r.home, "state.json")); err == nil {
				return tx.Remove(r.other.Accounts()[0].ID)
			}
			time.Sleep(time.Millisecond)
		}
	}))
	if s := r.next(); s.Error != nil {
		t.Errorf("release: %s", s.code())
	}
	if got := r.match(page(example)); len(got) != 1 || got[0].Issuer != "Counter" {
		t.Errorf("match: %+v", got)
	}
}
