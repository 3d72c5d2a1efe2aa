package vault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"codefob/internal/account"
)

// fault is how one operation of the disk goes wrong.
type fault struct {
	name   string
	err    error // what it returns; nil for a disk that lies
	after  bool  // it is done and fails all the same
	lasts  bool  // all operations after it fail too
	dies   bool  // the program ends there
	breaks func(d *faultyDisk, op, file string, b []byte) []byte
}

var errDied = errors.New("the program died")

var faults = []fault{
	{name: "EIO", err: syscall.EIO},
	{name: "ENOSPC", err: syscall.ENOSPC},
	{name: "EINTR", err: syscall.EINTR},
	{name: "EDQUOT from there on", err: syscall.EDQUOT, lasts: true},
	{name: "EIO after it was done", err: syscall.EIO, after: true},
	{name: "EIO after it was done, and from there on", err: syscall.EIO, after: true, lasts: true},
	{name: "end of the program before it", err: errDied, dies: true},
	{name: "end of the program after it", err: errDied, dies: true, after: true},
	{name: "short write", err: syscall.ENOSPC, after: true, breaks: halved},
	{name: "short write that is not told", breaks: halved},
	{name: "read back differently", breaks: flipped},
}

func halved(_ *faultyDisk, op, _ string, b []byte) []byte {
	if op == "write" {
		return b[:len(b)/2]
	}
	return b
}

func flipped(_ *faultyDisk, op, _ string, b []byte) []byte {
	if op == "read" {
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
	}
	return b
}

// faultyDisk is a real disk whose nth operation, from 0, has a fault.
type faultyDisk struct {
	osDisk
	fault fault
	n     int
	ops   []string
}

// tells whether the operation with the fault is one that a save needs, and the
// fault one that it can notice.
func (d *faultyDisk) tells() bool {
	op, _, _ := strings.Cut(d.ops[d.n], " ")
	switch {
	case d.fault.err != nil:
		return op != "link" && op != "remove" // there is another way; the next save does it
	case d.fault.name == "read back differently":
		return op == "read"
	}
	return op == "write"
}

// do does one operation, or not. Bytes go through it, where it has any.
func (d *faultyDisk) do(op, file string, b []byte, f func([]byte) error) error {
	i := len(d.ops)
	d.ops = append(d.ops, op+" "+filepath.Base(file))
	if i < d.n || i > d.n && !d.fault.lasts {
		return f(b)
	}
	if d.fault.breaks != nil && i == d.n {
		b = d.fault.breaks(d, op, file, b)
	}
	if d.fault.err == nil || d.fault.after && i == d.n {
		if err := f(b); err != nil {
			return err
		}
	}
	if d.fault.dies {
		panic(errDied)
	}
	return d.fault.err
}

func (d *faultyDisk) ReadFile(name string, most int64) (content []byte, err error) {
	b, err := d.osDisk.ReadFile(name, most)
	if err != nil {
		return nil, err
	}
	err = d.do("read", name, b, func(b []byte) error { content = b; return nil })
	return content, err
}

func (d *faultyDisk) Mkdir(name string) error {
	return d.do("mkdir", name, nil, func([]byte) error { return d.osDisk.Mkdir(name) })
}

func (d *faultyDisk) Create(name string) (f diskFile, err error) {
	err = d.do("create", name, nil, func([]byte) error { f, err = d.osDisk.Create(name); return err })
	if err != nil {
		return nil, err
	}
	return &faultyFile{d, f, name}, nil
}

func (d *faultyDisk) Link(from, to string) error {
	return d.do("link", to, nil, func([]byte) error { return d.osDisk.Link(from, to) })
}
func (d *faultyDisk) Rename(from, to string) error {
	return d.do("rename", to, nil, func([]byte) error { return d.osDisk.Rename(from, to) })
}
func (d *faultyDisk) Remove(name string) error {
	return d.do("remove", name, nil, func([]byte) error { return d.osDisk.Remove(name) })
}
func (d *faultyDisk) SyncFolder(name string) error {
	return d.do("sync folder", name, nil, func([]byte) error { return d.osDisk.SyncFolder(name) })
}

func (d *faultyDisk) OpenShared(name string) (f sharedFile, err error) {
	err = d.do("open", name, nil, func([]byte) error { f, err = d.osDisk.OpenShared(name); return err })
	if err != nil {
		return nil, err
	}
	return &faultyShared{d, f, name}, nil
}

// faultyShared is never mapped: all bytes go through the disk.
type faultyShared struct {
	disk *faultyDisk
	sharedFile
	name string
}

func (f *faultyShared) Map(int) []byte { return nil }

func (f *faultyShared) Size() (size int64, gone bool, err error) {
	err = f.disk.do("size", f.name, nil, func([]byte) error { size, gone, err = f.sharedFile.Size(); return err })
	return size, gone, err
}
func (f *faultyShared) Truncate(size int64) error {
	return f.disk.do("truncate", f.name, nil, func([]byte) error { return f.sharedFile.Truncate(size) })
}
func (f *faultyShared) ReadAt(b []byte, at int64) (n int, err error) {
	n, err = f.sharedFile.ReadAt(b, at)
	if err == nil {
		err = f.disk.do("read", f.name, b, func(read []byte) error { copy(b, read); return nil })
	}
	return n, err
}
func (f *faultyShared) WriteAt(b []byte, at int64) (int, error) {
	err := f.disk.do("write", f.name, b, func(b []byte) error { _, err := f.sharedFile.WriteAt(b, at); return err })
	return len(b), err
}

type faultyFile struct {
	disk *faultyDisk
	diskFile
	name string
}

func (f *faultyFile) Write(b []byte) (int, error) {
	err := f.disk.do("write", f.name, b, func(b []byte) error { _, err := f.diskFile.Write(b); return err })
	return len(b), err
}
func (f *faultyFile) Sync() error {
	return f.disk.do("sync", f.name, nil, func([]byte) error { return f.diskFile.Sync() })
}
func (f *faultyFile) Close() error {
	return f.disk.do("close", f.name, nil, func([]byte) error { return f.diskFile.Close() })
}

// noLinks is a disk without hard links.
type noLinks struct{ *faultyDisk }

func (noLinks) Link(string, string) error { return syscall.EPERM }

// suffer calls work on a disk with a fault at each of its operations in turn.
func suffer(t *testing.T, work func(t *testing.T, d *faultyDisk)) {
	tried := 0
	defer func() {
		t.Logf("SOAK faults, %s: each of %d faults at each index, %d in all", t.Name(), len(faults), tried)
	}()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			for n := 0; ; n++ {
				d := &faultyDisk{fault: f, n: n}
				work(t, d)
				if len(d.ops) <= n {
					if n < 5 {
						t.Fatalf("only %d operations: %v", n, d.ops)
					}
					break
				}
				tried++
				if t.Failed() {
					t.Fatalf("that was %q at operation %d of %q", f.name, n, d.ops)
				}
			}
		})
	}
}

// survive does work and reports the end of the program as an error.
func survive(work func() error) (err error) {
	defer func() {
		if r := recover(); r == errDied {
			err = errDied
		} else if r != nil {
			panic(r)
		}
	}()
	return work()
}

// V4: each operation of a save fails in each way.
func TestASaveThatGoesWrong(t *testing.T) {
	makeCheap(t)
	for _, links := range []bool{true, false} {
		t.Run(fmt.Sprintf("links %v", links), func(t *testing.T) {
			suffer(t, func(t *testing.T, d *faultyDisk) { saveOn(t, d, links) })
		})
	}
}

func saveOn(t *testing.T, d *faultyDisk, links bool) {
	v, _, err := Create(inMemory(t), []byte(passphrase))
	check(t, err)
	mustAdd(t, v, totp("old"))
	v.disk = d
	if !links {
		v.disk = noLinks{d}
	}
	err = survive(func() error { _, err := add(v, totp("new")); return err })
	hit := len(d.ops) > d.n
	renamed := strings.Contains(strings.Join(d.ops[:min(d.n, len(d.ops))], ","), "rename accounts.age") ||
		hit && d.fault.after && d.ops[d.n] == "rename accounts.age"

	if hit && err == nil && d.tells() {
		t.Errorf("the save was acknowledged")
	}
	want := "old"
	if err == nil || renamed {
		want = "old new"
	}
	if got := names(again(t, v)); got != want {
		t.Errorf("%v: the disk holds %q; want %q", err, got, want)
	}
	v.disk = osDisk{}
	switch {
	case err == nil:
	case d.fault.dies:
		v = again(t, v)
	default:
		wantError(t, "save", err, ErrStorage)
		if d.fault.err != nil {
			wantError(t, "save", err, d.fault.err)
		}
	}
	if d.fault.lasts { // it could not look at once
		_, err := v.Refresh()
		check(t, err)
	}
	if got := names(v); got != want {
		t.Errorf("%v: memory holds %q; want %q", err, got, want)
	}
	mustAdd(t, v, totp("next"))
	if got := names(again(t, v)); got != want+" next" {
		t.Errorf("after the next save: %q; want %q", got, want+" next")
	}
	check(t, filepath.WalkDir(v.home, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("after the next save there is still %s", path)
		}
		return err
	}))
	for _, name := range v.Backups() {
		sealed, err := os.ReadFile(name)
		check(t, err)
		if _, err := unseal(sealed, v.identity); err != nil {
			t.Errorf("backup %s: %v", filepath.Base(name), err)
		}
	}
}

func TestNoCounterTwiceWhenASaveGoesWrong(t *testing.T) {
	makeCheap(t)
	suffer(t, func(t *testing.T, d *faultyDisk) {
		v, _, err := Create(inMemory(t), []byte(passphrase))
		check(t, err)
		id := mustAdd(t, v, hotp(0))
		issued := map[string]bool{}
		issue := func() error {
			return survive(func() error {
				code, err := v.NextCode(id)
				if (code == "") != (err != nil) {
					t.Errorf("NextCode = %q, %v", code, err)
				}
				if issued[code] {
					t.Errorf("code %s was issued twice", code)
				}
				issued[code] = code != ""
				return err
			})
		}
		check(t, issue())
		v.disk = d
		issue()
		v.disk = osDisk{}
		v = again(t, v)
		check(t, issue())
		if a, _ := again(t, v).Account(id); a.Counter < 2 {
			t.Errorf("two codes were issued, the counter is %d", a.Counter)
		}
	})
}

func TestASlotThatGoesWrong(t *testing.T) {
	makeCheap(t)
	suffer(t, func(t *testing.T, d *faultyDisk) {
		v, _, err := Create(inMemory(t), []byte(passphrase))
		check(t, err)
		v.disk = d
		err = survive(func() error { return v.SetPassphrase([]byte("new")) })
		if err != nil && !d.fault.dies {
			wantError(t, "SetPassphrase", err, ErrStorage)
		}
		if hit := len(d.ops) > d.n; hit && (err == nil) == d.tells() {
			t.Errorf("SetPassphrase: %v", err)
		}
		other, err2 := Open(v.home)
		check(t, err2)
		before, after := other.UnlockPassphrase(t.Context(), []byte(passphrase)), other.UnlockPassphrase(t.Context(), []byte("new"))
		if (before == nil) == (after == nil) || err == nil && after != nil {
			t.Errorf("SetPassphrase %v; the old one: %v; the new one: %v; want exactly one to open", err, before, after)
		}
	})
}

func TestCreateThatGoesWrong(t *testing.T) {
	makeCheap(t)
	suffer(t, func(t *testing.T, d *faultyDisk) {
		home := filepath.Join(inMemory(t), "home")
		v := at(home)
		v.disk = d
		var key RecoveryKey
		err := survive(func() (err error) { key, err = v.create([]byte(passphrase)); return err })
		if err != nil && !d.fault.dies {
			wantError(t, "create", err, ErrStorage)
		}
		if hit := len(d.ops) > d.n; hit && (err == nil) == d.tells() {
			t.Errorf("create: %v", err)
		}
		other, err2 := Open(home)
		// It can be taken back, but after a rename that is done and fails: that could be another program's vault.
		if err != nil && err2 == nil && !d.fault.dies && !d.fault.lasts && d.ops[d.n] != "rename vault" {
			t.Errorf("create: %v; and there is a vault", err)
		}
		switch {
		case errors.Is(err2, ErrMissing) && err != nil:
			again, _, err := Create(home, []byte(passphrase))
			check(t, err)
			if left, _ := filepath.Glob(filepath.Join(home, "*.tmp")); len(left) > 0 {
				t.Errorf("the next one leaves %v", left)
			}
			other = again
		case err2 != nil:
			t.Errorf("create %v; then Open %v", err, err2)
			return
		}
		check(t, other.UnlockPassphrase(t.Context(), []byte(passphrase)))
		if err == nil {
			check(t, other.UnlockRecovery(key))
		}
	})
}

// V4: whatever goes wrong with the log, the codes are given and the accounts are
// there; what is not in the log is missed, or the caller is told.
func TestALogThatGoesWrong(t *testing.T) {
	makeCheap(t)
	lies := func(d *faultyDisk) bool { return d.fault.err == nil }
	bad := func(d *faultyDisk) *Vault {
		v, _, err := Create(inMemory(t), []byte(passphrase))
		check(t, err)
		mustAdd(t, v, totp("alice"))
		check(t, v.Spend(filled(1), rand.Text(), plenty))
		v.log.close()
		v.log.disk = d
		return v
	}
	// good is how another program finds it then: with so many told, and so many missing.
	good := func(t *testing.T, v *Vault) (list []Record, missing int) {
		other := again(t, v)
		if names(other) != "alice" {
			t.Errorf("the accounts are %q", names(other))
		}
		list, missing, err := other.Log()
		check(t, err)
		check(t, other.Spend(filled(99), rand.Text(), plenty))
		if after, _, err := other.Log(); err != nil || len(after) < len(list) || !slices.ContainsFunc(after, func(r Record) bool { return r.Host == filled(99).Host }) {
			t.Errorf("after %d the next one is not told: %d, %v", len(list), len(after), err)
		}
		return list, missing
	}
	t.Run("records", func(t *testing.T) {
		suffer(t, func(t *testing.T, d *faultyDisk) {
			v := bad(d)
			acknowledged, refusals := 1, 0
			no := filled(50)
			no.Refused = "declined"
			survive(func() error {
				for i := range 2 {
					check(t, v.Spend(filled(i+2), rand.Text(), plenty)) // no code waits for it
					acknowledged++
				}
				for range 2 {
					err := v.Note(no)
					if err == nil {
						refusals++
					} else {
						wantError(t, "Note", err, ErrStorage)
						wantError(t, "Note", err, d.fault.err)
					}
				}
				list, missing, err := v.Log()
				if err != nil {
					wantError(t, "Log", err, ErrStorage)
				} else if released := acknowledged + min(refusals, 1); len(list)+missing < released {
					t.Errorf("%d records and %d missing; want %d in all", len(list), missing, released)
				}
				return nil
			})
			list, missing := good(t, v)
			released := slices.DeleteFunc(slices.Clone(list), func(r Record) bool { return r.Refused != "" })
			lost := acknowledged - len(released)
			if lost > missing || lost > 0 && d.fault.dies || lost > 1 && !d.fault.lasts || len(d.ops) <= d.n && missing > 0 {
				t.Errorf("%d releases, %d told, %d missing", acknowledged, len(released), missing)
			}
			i := slices.IndexFunc(list, func(r Record) bool { return r.Refused != "" })
			if refusals > 0 && !lies(d) && missing == 0 && (i < 0 || list[i].Times < refusals) {
				t.Errorf("%d refusals were noted: %v", refusals, list)
			}
		})
	})
	t.Run("clearing", func(t *testing.T) {
		suffer(t, func(t *testing.T, d *faultyDisk) {
			v := bad(d)
			err := survive(func() error { return v.ClearLog(CommandLine) })
			list, missing := good(t, v)
			cleared := len(list) == 1 && list[0].Act == ActClear
			switch {
			case err == nil && !cleared && !lies(d):
				t.Errorf("it was cleared: %v, %d missing", list, missing)
			case err != nil && len(list)+missing != 1 && !d.fault.dies:
				t.Errorf("%v: %v, %d missing", err, list, missing)
			case err != nil && !d.fault.dies:
				wantError(t, "ClearLog", err, ErrStorage)
			}
		})
	})
}

// The order of the operations is what makes a save durable and whole; faults
// alone would not tell that one is missing.
func TestTheOrderOfOperations(t *testing.T) {
	makeCheap(t)
	home := filepath.Join(t.TempDir(), "first", "second")
	d := &faultyDisk{n: 1 << 30}
	v := at(home)
	v.disk = d
	_, err := v.create([]byte(passphrase))
	check(t, err)
	all := strings.Join(d.ops, ", ")
	if !strings.HasPrefix(all, "mkdir first, sync folder 001, mkdir second, sync folder first, mkdir vault-") || !strings.HasSuffix(all, ".tmp, rename vault, sync folder second") {
		t.Errorf("a new vault: %s", all)
	}
	d.ops = nil
	mustAdd(t, v, totp("alice"))
	for i, op := range d.ops {
		if strings.HasSuffix(op, ".tmp") {
			d.ops[i] = strings.Fields(op)[0]
		}
	}
	want := "create, write, sync, close, read, link accounts-000000000.age, rename accounts.age, sync folder vault"
	if got := strings.Join(d.ops, ", "); got != want {
		t.Errorf("a save: %s; want %s", got, want)
	}
}

func TestReadingThatGoesWrong(t *testing.T) {
	v := newVault(t)
	id := mustAdd(t, v, totp("alice"))
	check(t, again(t, v).Update(func(tx *Tx) error {
		return tx.Edit(id, func(a *account.Account) error { a.Name = "bob"; return nil })
	}))
	v.disk = &faultyDisk{fault: faults[0]}
	_, err := v.Refresh()
	wantError(t, "Refresh", err, ErrDamaged)
	wantError(t, "Refresh", err, syscall.EIO)
	if changed, err := v.Refresh(); !changed || err != nil || names(v) != "bob" {
		t.Errorf("the next Refresh = %v, %v with %q; want it to read the file", changed, err, names(v))
	}
}
