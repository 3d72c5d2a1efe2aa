package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// V5: TestRealDisks has a full and a read-only file system.
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
	check(t, v.Spend(filled(1), rand.Text(), plenty))
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
	for range 9 { // a page of the log has room for four
		check(t, spendOne(v, "x", plenty))
	}
	wantError(t, "clearing the log of a full disk", v.ClearLog(CommandLine), ErrStorage)
	check(t, os.Remove(filler))
	if list, missing, err := v.Log(); err != nil || missing == 0 || len(list)+missing != 10 {
		t.Errorf("of 10 releases the log has %d, and misses %d: %v", len(list), missing, err)
	}
	mustAdd(t, v, totp("bob"))
	check(t, v.Update(func(tx *Tx) error { return tx.Remove(v.Accounts()[1].ID) }))

	v.state.close() // open for writing, they keep the disk so
	v.log.close()
	check(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	refused("read-only disk", syscall.EROFS)
	check(t, v.UnlockPassphrase(t.Context(), []byte(passphrase))) // reading goes on
}

// V5: a disk with room for nothing, for a page, and so on up to more than a save needs.
func TestADiskThatIsAlmostFull(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIPPED: needs root, to mount a small disk: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	makeCheap(t)
	v, _, err := Create(filepath.Join(disk, "home"), []byte(passphrase))
	check(t, err)
	id := mustAdd(t, v, hotp(0))
	check(t, v.Update(func(tx *Tx) error {
		for i := range 100 {
			if _, err := tx.Add(totp(fmt.Sprint(i))); err != nil {
				return err
			}
		}
		return nil
	}))
	info, err := os.Stat(v.accountsFile())
	check(t, err)
	const page = 4096
	whole := info.Size()/page + 1
	filler := filepath.Join(disk, "filler")
	issued, saved, refused := map[string]bool{}, 0, 0
	for free := range 2*whole + 1 {
		f, err := os.Create(filler)
		check(t, err)
		size, err := io.Copy(f, io.LimitReader(zeros{}, 1<<21))
		wantError(t, "filling it", err, syscall.ENOSPC)
		check(t, f.Truncate(size/page*page-free*page))
		check(t, f.Close())
		before := names(again(t, v))
		for range 2 {
			code, err := v.NextCode(id)
			if err != nil {
				refused++
				wantError(t, "NextCode", err, syscall.ENOSPC)
				wantError(t, "NextCode", err, ErrStorage)
			} else {
				saved++
			}
			if issued[code] || (code == "") != (err != nil) {
				t.Errorf("with %d pages free: code %q, %v", free, code, err)
			}
			issued[code] = err == nil
			if a, _ := again(t, v).Account(id); names(again(t, v)) != before || a.Counter != uint64(saved) {
				t.Errorf("with %d pages free: %d codes, the counter is %d, accounts %q", free, saved, a.Counter, names(v))
			}
		}
		check(t, os.Remove(filler))
	}
	t.Logf("SOAK full disk: %d free sizes of 0 to %d KiB, %d codes saved, %d refused; nothing lost, no HOTP twice", 2*whole+1, 2*whole*page>>10, saved, refused)
	if saved == 0 || refused == 0 {
		t.Error("want some of each")
	}
}

// V5: no more files can be opened, or a few.
func TestNoFileDescriptors(t *testing.T) {
	var old syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)
	makeCheap(t)
	v, _, err := Create(inMemory(t), []byte(passphrase))
	check(t, err)
	id := mustAdd(t, v, hotp(0))
	issued, saved, refused := map[string]bool{}, 0, 0
	for free := range 8 {
		check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: old.Max}))
		var open []*os.File
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				wantError(t, "opening many", err, syscall.EMFILE)
				break
			}
			open = append(open, f)
		}
		for _, f := range open[:free] {
			f.Close()
		}
		code, err := v.NextCode(id)
		_, err2 := unlocked(v.home)
		for _, f := range open {
			f.Close()
		}
		if err != nil {
			refused++
			wantError(t, "NextCode", err, syscall.EMFILE)
			wantError(t, "NextCode", err, ErrStorage)
		} else {
			saved++
		}
		if free == 0 {
			wantError(t, "unlocking", err2, ErrUnread)
		}
		if issued[code] || (code == "") != (err != nil) {
			t.Errorf("with %d free: code %q, %v", free, code, err)
		}
		issued[code] = err == nil
		if a, _ := again(t, v).Account(id); a.Counter != uint64(saved) {
			t.Errorf("with %d free: %d codes, the counter is %d", free, saved, a.Counter)
		}
	}
	if saved == 0 || refused == 0 {
		t.Errorf("%d saved, %d refused; want some of each", saved, refused)
	}
}

func unlocked(home string) (*Vault, error) {
	other, err := Open(home)
	if err == nil {
		err = other.UnlockPassphrase(context.Background(), []byte(passphrase))
	}
	return other, err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// V12: what root left behind, as after sudo, and a folder that others may write to.
func TestFilesOfRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root, to leave files of root behind")
	}
	makeCheap(t)
	const nobody = 65534
	home := filepath.Join(inMemory(t), "home")
	check(t, os.Chmod(filepath.Dir(home), 0o777))
	v, _, err := Create(home, []byte(passphrase))
	check(t, err)
	mustAdd(t, v, totp("alice"))
	check(t, spendOne(v, "x", DefaultBudget))
	own := func(to int) {
		check(t, filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
			check(t, err)
			return os.Lchown(path, to, to)
		}))
	}
	as := func(uid int, work func()) { // the whole process, for a while
		check(t, syscall.Setresuid(-1, uid, -1))
		defer syscall.Setresuid(-1, 0, -1)
		work()
	}
	for _, tt := range []struct {
		name   string
		unlock error
		save   error
	}{
		{"", nil, nil}, // of root is only what an interrupted save left
		{"vault/lock", nil, ErrStorage},
		{"state.json", nil, nil},
		{"log.sealed", nil, nil},
		{"vault/accounts.age", ErrUnread, nil},
		{"vault/slots/passphrase.age", ErrUnread, nil},
		{"vault/backups", nil, ErrStorage},
		{"vault", ErrUnread, nil},
	} {
		own(nobody)
		left := filepath.Join(home, "vault", "accounts.age."+rand.Text()+".tmp")
		check(t, os.WriteFile(left, nil, 0o600))
		check(t, os.Chown(filepath.Join(home, tt.name), 0, 0))
		if tt.name == "" {
			check(t, os.Chown(home, nobody, nobody))
		}
		as(nobody, func() {
			v, err := unlocked(home)
			if !errors.Is(err, tt.unlock) {
				t.Errorf("%q is root's: unlocking: %v; want %v", tt.name, err, tt.unlock)
			}
			if tt.unlock != nil || err != nil {
				return
			}
			if _, err := add(v, totp("bob")); !errors.Is(err, tt.save) {
				t.Errorf("%q is root's: a save: %v; want %v", tt.name, err, tt.save)
			}
			if tt.name == "log.sealed" {
				check(t, spendOne(v, "x", plenty)) // the code is given
				_, _, err := v.Log()
				wantError(t, "Log of root's", err, ErrStorage)
			}
		})
		if _, err := os.Lstat(left); tt.unlock == nil && tt.save == nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is root's: what an interrupted save left is still there: %v", tt.name, err)
		}
	}
	// Somebody else gets at none of it, wherever the folder lies.
	own(nobody)
	as(65533, func() {
		_, err := unlocked(home)
		wantError(t, "another user", err, ErrUnread)
		if _, err := os.ReadDir(home); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("another user lists the folder: %v", err)
		}
	})
}
