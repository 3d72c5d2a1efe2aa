package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

func TestWhileThePersonIsAwayOnlyThePassphraseOpens(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	locked := func(when string, want protocol.VaultState) {
		t.Helper()
		if got := r.hello().Vault; got != want {
			t.Errorf("%s the vault is %s, want %s", when, got, want)
		}
	}
	r.host.Away(true)
	if r.host.vault.IsOpen() {
		t.Error("the keys are there still")
	}
	if r.other.LockedByUser() {
		t.Error("the keychain slot is shut for good")
	}
	locked("away,", protocol.VaultLocked)
	r.fails(protocol.MethodMatch, protocol.MatchParams{Context: page(example)}, protocol.ErrVaultLocked)
	r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrVaultLocked)
	r.answers <- answer{"wrong", nil}
	r.answers <- answer{"", ErrDismissed}
	r.fails(protocol.MethodUnlock, nil, protocol.ErrUnlock)
	locked("after a wrong passphrase", protocol.VaultLocked)
	r.host.Away(false)
	locked("back,", protocol.VaultOpen)
	r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrHandle) // the session ended

	r.host.Away(true)
	r.answers <- answer{passphrase, nil}
	if got := get[protocol.VaultResult](r, protocol.MethodUnlock, nil); got.Vault != protocol.VaultOpen {
		t.Errorf("unlock: %+v", got)
	}
	locked("with the passphrase", protocol.VaultOpen)
	r.host.Away(true) // the lock before never said that it was opened
	locked("away again,", protocol.VaultLocked)
}

// A fill that was confirmed finishes first: here it waits for another program's save.
func TestWhoLeavesGetsTheCodeThatWasConfirmed(t *testing.T) {
	r := newRig(t, hotp("Counter", example))
	handle := r.handle("counter")
	left := make(chan struct{})
	r.check(r.other.Update(func(*vault.Tx) error {
		r.send(protocol.MethodCode, fill(handle, page(example)))
		for { // until the host has counted the release, and waits for the lock that we hold
			if _, err := os.Stat(filepath.Join(r.home, "state.json")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		go func() {
			r.host.Away(true)
			close(left)
		}()
		return nil
	}))
	if s := r.next(); s.Error != nil {
		t.Errorf("the code: %s", s.code())
	}
	<-left
	r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrVaultLocked)
}

func TestWhoLeavesIsNotAskedAnyMore(t *testing.T) {
	r := newRig(t, wary())
	id := r.send(protocol.MethodCode, fill(r.handle("alice"), page(example)))
	<-r.asked
	r.host.Away(true)
	if s := r.next(); s.ID != id || s.code() != protocol.ErrVaultLocked {
		t.Errorf("the question: %s", s.code())
	}
}

// The person typed the passphrase and left before it was looked at.
func TestALockDuringAnUnlockWins(t *testing.T) {
	r := newRig(t)
	r.keychain = false
	open := r.host.Open
	r.host.Open = func() (*vault.Vault, error) { // called for the passphrase without h.mu
		if r.host.mu.TryLock() {
			r.host.mu.Unlock()
			r.host.Away(true)
		}
		return open()
	}
	r.answers <- answer{passphrase, nil}
	r.fails(protocol.MethodUnlock, nil, protocol.ErrVaultLocked)
	if got := r.hello().Vault; got != protocol.VaultLocked {
		t.Errorf("the vault is %s", got)
	}
}

func TestALockOfAnotherProgramIsNoticedWithoutARequest(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	r.hello()
	r.host.Glance()
	if !r.host.vault.IsOpen() {
		t.Error("locked without a reason")
	}
	r.check(r.openVault().LockForAll())
	r.host.Glance()
	if r.host.vault.IsOpen() {
		t.Error("the keys are there still")
	}
}
