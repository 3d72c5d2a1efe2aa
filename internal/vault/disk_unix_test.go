//go:build unix

package vault

import (
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
		"0700 .", "0700 where", "0600 where/locked", "0600 where/state.json", "0700 where/vault",
		"0600 where/vault/accounts.age", "0700 where/vault/backups",
		"0600 where/vault/backups/accounts-000000000.age", "0600 where/vault/backups/accounts-000000001.age",
		"0600 where/vault/lock", "0700 where/vault/slots", "0600 where/vault/slots/passphrase.age", "0600 where/vault/slots/recovery.age",
	}
	if !slices.Equal(got, want) {
		t.Errorf("files:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWhatIsNotAFile has links and other things in the place of the vault's files.
func TestWhatIsNotAFile(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	check(t, os.WriteFile(elsewhere, []byte("precious"), 0o600))
	things := map[string]func(string) error{
		"symbolic link": func(name string) error { return os.Symlink(elsewhere, name) },
		"FIFO":          func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"folder":        func(name string) error { return os.Mkdir(name, 0o700) },
	}
	for thing, put := range things {
		v := newVault(t)
		mustAdd(t, v, totp("alice"))
		instead := func(name string) {
			t.Helper()
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			check(t, put(name))
		}
		instead(v.home + "/state.json")
		wantError(t, thing+" for state.json", spendOne(v, "x", DefaultBudget), ErrStorage)
		instead(v.passphraseFile())
		wantError(t, thing+" for passphrase.age", v.UnlockPassphrase(t.Context(), []byte(passphrase)), ErrDamaged)
		instead(v.accountsFile())
		_, err := v.Refresh()
		wantError(t, thing+" for accounts.age", err, ErrDamaged)
		if thing != "FIFO" { // a FIFO can be locked as well as a file
			instead(v.path("lock"))
			_, err = add(v, totp("bob"))
			wantError(t, thing+" for lock", err, ErrStorage)
		}
	}
	if b, _ := os.ReadFile(elsewhere); string(b) != "precious" {
		t.Errorf("what a link pointed to holds %q now", b)
	}
}

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
