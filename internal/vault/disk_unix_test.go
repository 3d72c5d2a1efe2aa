//go:build unix

package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// V12: umask 000.
func TestCreateMakesTheFilesForTheUserAlone(t *testing.T) {
	makeCheap(t)
	defer syscall.Umask(syscall.Umask(0))
	home := filepath.Join(t.TempDir(), "some", "where")
	v, _, err := Create(home, []byte(passphrase))
	check(t, err)
	mustAdd(t, v, totp("alice"))
	mustAdd(t, v, totp("bob"))
	check(t, spendOne(v, "x", DefaultBudget))
	check(t, v.LockForAll())
	var got []string
	check(t, filepath.WalkDir(filepath.Dir(home), func(path string, d fs.DirEntry, err error) error {
		check(t, err)
		info, err := d.Info()
		check(t, err)
		rel, _ := filepath.Rel(filepath.Dir(home), path)
		got = append(got, fmt.Sprintf("%#o %s", info.Mode().Perm(), rel))
		return nil
	}))
	want := []string{
		"0700 .", "0700 where", "0600 where/locked", "0600 where/log.sealed", "0600 where/state.json", "0700 where/vault",
		"0600 where/vault/accounts.age", "0700 where/vault/backups",
		"0600 where/vault/backups/accounts-000000000.age", "0600 where/vault/backups/accounts-000000001.age",
		"0600 where/vault/lock", "0700 where/vault/slots", "0600 where/vault/slots/passphrase.age", "0600 where/vault/slots/recovery.age",
	}
	if !slices.Equal(got, want) {
		t.Errorf("files:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// V12: links and other things in the place of the vault's files and folders. Nothing
// hangs, nothing elsewhere is written or removed, and the error says what it is.
func TestWhatIsNotAFile(t *testing.T) {
	makeCheap(t)
	root := inMemory(t)
	elsewhere := filepath.Join(root, "elsewhere")
	check(t, os.Mkdir(elsewhere, 0o700))
	precious := filepath.Join(elsewhere, "precious.age.tmp")
	check(t, os.WriteFile(precious, bytes.Repeat([]byte("p"), 3000), 0o600))
	before, err := os.ReadFile(precious)
	check(t, err)
	for _, thing := range []struct {
		name string
		put  func(string) error
	}{
		{"symbolic link", func(name string) error { return os.Symlink(precious, name) }},
		{"symbolic link to nothing", func(name string) error { return os.Symlink(filepath.Join(elsewhere, "new"), name) }},
		{"symbolic link to a folder", func(name string) error { return os.Symlink(elsewhere, name) }},
		{"hard link", func(name string) error { return os.Link(precious, name) }},
		{"FIFO", func(name string) error { return syscall.Mkfifo(name, 0o600) }},
		{"device", func(name string) error {
			if err := syscall.Mknod(name, syscall.S_IFCHR|0o600, 1<<8|5); err != nil { // as /dev/zero
				return err
			}
			f, err := os.Open(name)
			if err == nil {
				f.Close()
			}
			return err
		}},
		{"folder", func(name string) error { return os.Mkdir(name, 0o700) }},
	} {
		home := filepath.Join(root, thing.name)
		if thing.name == "device" { // memory has none
			home = t.TempDir()
		}
		v, _, err := Create(home, []byte(passphrase))
		check(t, err)
		mustAdd(t, v, totp("alice"))
		kept := v.path() + ".kept"
		instead := func(name string) bool {
			t.Helper()
			check(t, os.RemoveAll(v.path()))
			check(t, os.CopyFS(v.path(), os.DirFS(kept)))
			check(t, os.RemoveAll(stateOf(v)))
			check(t, os.RemoveAll(v.LogFile()))
			check(t, os.RemoveAll(name))
			err := thing.put(name)
			if thing.name == "device" && err != nil {
				t.Logf("SKIPPED: no devices here: %v", err)
				return false
			}
			check(t, err)
			return true
		}
		check(t, os.CopyFS(kept, os.DirFS(v.path())))
		if !instead(v.home + "/state.json") {
			continue
		}
		wantError(t, thing.name+" for state.json", spendOne(v, "x", DefaultBudget), ErrStorage)
		if _, err := add(v, totp("bob")); err != nil {
			t.Errorf("%s for state.json: a save: %v", thing.name, err)
		}
		instead(v.LogFile())
		check(t, spendOne(v, "x", DefaultBudget)) // the code is given
		wantError(t, thing.name+" for log.sealed", v.Note(filled(1)), ErrStorage)
		_, _, err = v.Log()
		wantError(t, thing.name+" for log.sealed", err, ErrStorage)
		wantError(t, thing.name+" for log.sealed", v.ClearLog(CommandLine), ErrStorage)
		if _, err := add(v, totp("bob")); err != nil {
			t.Errorf("%s for log.sealed: a save: %v", thing.name, err)
		}
		check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
		instead(v.passphraseFile())
		wantError(t, thing.name+" for passphrase.age", v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrDamaged)
		instead(v.recoveryFile())
		wantError(t, thing.name+" for recovery.age", v.UnlockRecovery(NewRecoveryKey()), ErrDamaged)
		instead(v.keychainFile())
		wantError(t, thing.name+" for keychain.json", v.UnlockKeychain(t.Context()), ErrDamaged)
		instead(v.accountsFile())
		_, err = v.Refresh()
		wantError(t, thing.name+" for accounts.age", err, ErrDamaged)
		_, err = add(v, totp("bob"))
		wantError(t, thing.name+" for accounts.age", err, ErrDamaged)

		instead(v.path("lock"))
		if _, err = add(v, totp("bob")); thing.name != "hard link" || err != nil { // it is locked, and not written
			wantError(t, thing.name+" for lock", err, ErrStorage)
		}
		instead(v.backupsFolder())
		if _, err = add(v, totp("bob")); !strings.HasSuffix(thing.name, "folder") || err != nil { // there it can be kept as well
			wantError(t, thing.name+" for backups", err, ErrStorage)
			if got := names(again(t, v)); got != "alice" {
				t.Errorf("%s for backups: the vault holds %q", thing.name, got)
			}
		}
		instead(v.path("slots"))
		if err := v.UnlockPassphrase(t.Context(), []byte(passphrase)); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoSlot) {
			t.Errorf("%s for slots: %v", thing.name, err)
		}
		instead(v.lockedFile())
		if !v.LockedByUser() {
			t.Errorf("%s for locked does not lock", thing.name)
		}
		check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase)))
		_, err = v.Refresh()
		check(t, err)
		if thing.name == "folder" {
			check(t, os.MkdirAll(filepath.Join(v.lockedFile(), "full"), 0o700))
			wantError(t, "a full folder for locked", v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrStorage)
			if v.IsOpen() {
				t.Error("it is open all the same")
			}
		}
	}
	if b, _ := os.ReadFile(precious); !bytes.Equal(b, before) {
		t.Errorf("what a link pointed to holds %d other bytes now", len(b))
	}
	left, _ := os.ReadDir(elsewhere)
	for _, e := range left {
		if _, backup := generationOf(e.Name()); !backup && e.Name() != filepath.Base(precious) {
			t.Errorf("a link to nothing has made %s", e.Name())
		}
	}
}

func stop(t *testing.T, p *os.Process)   { check(t, p.Signal(syscall.SIGSTOP)) }
func resume(t *testing.T, p *os.Process) { check(t, p.Signal(syscall.SIGCONT)) }

func TestALargeFileIsNotRead(t *testing.T) {
	v := newVault(t)
	check(t, os.Truncate(v.accountsFile(), maxFile+1))
	_, err := v.Refresh()
	wantError(t, "Refresh", err, ErrDamaged)
}

// TestAMappedFileThatIsCutOff: a program that does not keep to the lock cuts the
// state off between our look at its size and our reading it.
func TestAMappedFileThatIsCutOff(t *testing.T) {
	v := newVault(t)
	for range 2 { // the first makes the file
		check(t, spendOne(v, "x", DefaultBudget))
	}
	check(t, os.Truncate(stateOf(v), 0))
	wantError(t, "reading", copyMapped(make([]byte, stateSize), v.state.mapped), errFault)
	wantError(t, "writing", copyMapped(v.state.mapped, make([]byte, stateSize)), errFault)
	check(t, spendOne(v, "x", Budget{PerMinute: 1, PerHour: 1})) // it counts as empty
	wantError(t, "the one after", spendOne(v, "x", Budget{PerMinute: 1, PerHour: 1}), ErrBudget)
}
