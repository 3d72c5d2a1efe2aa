package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRealDisks has a full and a read-only file system.
func TestRealDisks(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("SKIPPED: needs root, to mount a small disk: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	makeCheap(t)
	v, _, err := Create(filepath.Join(disk, "home"), []byte(passphrase))
	check(t, err)
	id := mustAdd(t, v, hotp(0))
	refused := func(what string, want error) {
		t.Helper()
		_, err := add(v, totp("bob"))
		wantError(t, "Update on a "+what, err, ErrStorage)
		wantError(t, "Update on a "+what, err, want)
		code, err := v.NextCode(id)
		wantError(t, "NextCode on a "+what, err, want)
		wantError(t, "SetPassphrase on a "+what, v.SetPassphrase([]byte("new")), want)
		if code != "" || names(v) != "alice" || names(again(t, v)) != "alice" {
			t.Errorf("a %s has changed the vault: %q, code %q", what, names(v), code)
		}
		_, _, err = Create(filepath.Join(disk, "second"), []byte(passphrase))
		wantError(t, "Create on a "+what, err, ErrStorage)
		_, err = os.Stat(filepath.Join(disk, "second", "vault"))
		wantError(t, "half a vault on a "+what, err, fs.ErrNotExist)
	}
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	refused("full disk", syscall.ENOSPC)
	check(t, os.Remove(filler))
	mustAdd(t, v, totp("bob"))
	check(t, v.Update(func(tx *Tx) error { return tx.Remove(v.Accounts()[1].ID) }))

	check(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	refused("read-only disk", syscall.EROFS)
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase))) // reading goes on
}
