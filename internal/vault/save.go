package vault

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"codefob/internal/account"
)

const keepBackups = 10 // generations of accounts.age

var lockWait = 10 * time.Second // for another program's save

// Tx is a change to the vault that has not been saved yet.
type Tx struct {
	doc *document
	now int64 // ms
}

// Add enrolls a and returns the id it gets.
func (tx *Tx) Add(a account.Account) (id string, err error) {
	if err := a.Validate(); err != nil {
		return "", err
	}
	r := record{ID: rand.Text(), Created: tx.now}
	r.set(a, tx.now)
	r.LabelsAt, r.SitesAt, r.AppendAt, r.SubmitAt, r.AskAt = 0, 0, 0, 0, 0 // as created
	tx.doc.Accounts = append(tx.doc.Accounts, r)
	return r.ID, nil
}

// Edit changes the account with that id. A counter only moves forward, a used
// recovery code stays used, and a secret never changes under an id.
func (tx *Tx) Edit(id string, change func(*account.Account) error) error {
	r, err := tx.find(id, false)
	if err != nil {
		return err
	}
	a, err := r.account()
	if err != nil {
		return err
	}
	old := a
	a.Sites = slices.Clone(a.Sites)
	if err := change(&a); err != nil {
		return err
	}
	if a.ID != id || !a.Secret.Equal(old.Secret) {
		return errors.New("the id and the secret of an account never change")
	}
	if a.Counter < old.Counter {
		return fmt.Errorf("the counter only moves forward: it is %d", old.Counter)
	}
	if err := a.Validate(); err != nil {
		return err
	}
	r.set(a, tx.now)
	return nil
}

// Remove leaves a tombstone of the account, which keeps it for 90 days.
func (tx *Tx) Remove(id string) error {
	r, err := tx.find(id, false)
	if err == nil {
		r.RemovedAt = max(tx.now, r.RestoredAt+1)
	}
	return err
}

// Restore brings a removed account back, as it was. It returns [ErrNoAccount] for
// one that is not removed, or not kept any more.
func (tx *Tx) Restore(id string) error {
	r, err := tx.find(id, true)
	if err != nil {
		return err
	}
	if r.Secret == "" || !r.restorable(tx.now) {
		return ErrNoAccount
	}
	if _, err := r.account(); err != nil {
		return err
	}
	r.RestoredAt, r.RemovedAt = max(tx.now, r.RemovedAt+1), 0
	return nil
}

func (tx *Tx) find(id string, removed bool) (*record, error) {
	for i := range tx.doc.Accounts {
		if r := &tx.doc.Accounts[i]; r.ID == id && (r.RemovedAt != 0) == removed {
			return r, nil
		}
	}
	return nil, ErrNoAccount
}

// Update saves what change does, as one: all of it is on disk when Update
// returns nil, and none of it otherwise (but see [ErrStorage] after a failed
// fsync of the folder: then the old or the new vault is there, whole). What
// another program saved in between is kept: change works on the latest.
func (v *Vault) Update(change func(*Tx) error) error {
	unlock, err := v.lockFolder()
	if err != nil {
		return err
	}
	defer unlock()
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // the accounts are there twice for a moment: let no more pile up
	if _, err := v.Refresh(); err != nil {
		return err
	}
	doc := *v.doc
	doc.Accounts = slices.Clone(doc.Accounts)
	// After a backup was put back, the copies of the other branch keep their numbers.
	latest := v.latest()
	if latest > doc.Generation {
		v.passOver(&doc, latest)
	}
	tx := &Tx{&doc, v.now().UnixMilli()}
	if err := change(tx); err != nil {
		return err
	}
	doc.forgetRemoved(tx.now)
	doc.Generation = latest + 1
	if err := apart(func() error { return v.save(&doc) }); err != nil {
		v.Refresh() // the rename may have happened: see what is there
		return err
	}
	v.highestSeen() // remembers it; the save is good without
	return nil
}

// latest is the highest generation that there was, as far as can be told: seen
// here, or followed by another, for it has a backup.
func (v *Vault) latest() uint64 {
	latest := v.doc.Generation
	if last := v.lastBackup(); last > latest {
		latest = last + 1
	}
	seen, err := v.highestSeen()
	if err != nil { // then the backups alone tell
		return latest
	}
	return max(latest, seen)
}

// passOver raises the counters of a vault that is older than the latest one: no
// value that was used since is used again. Each save uses one at most, so that a
// backup in between tells the counters all but exactly.
func (v *Vault) passOver(doc *document, latest uint64) {
	counters := map[string]uint64{} // by id
	raise := func(d *document) {
		for _, r := range d.Accounts {
			if missed := latest - d.Generation; r.Type == string(account.HOTP) {
				counters[r.ID] = r.Counter + min(missed, math.MaxUint64-r.Counter)
			}
		}
	}
	raise(doc)
	for _, name := range slices.Backward(v.Backups()) { // what a later one says is nearer
		if b, err := v.readBackup(name, v.identity); err == nil && b.Vault == doc.Vault && b.Generation > doc.Generation && b.Generation <= latest {
			raise(b)
		}
	}
	for i := range doc.Accounts {
		r := &doc.Accounts[i]
		r.Counter = max(r.Counter, counters[r.ID])
	}
}

// NextCode raises the counter of a HOTP account on disk, and then gives the
// code of the old counter (RFC 4226, section 7.2): no counter is used twice.
func (v *Vault) NextCode(id string) (code string, err error) {
	err = v.Update(func(tx *Tx) error {
		return tx.Edit(id, func(a *account.Account) error {
			if a.Counter == math.MaxUint64 {
				return ErrCounterEnd
			}
			code, err = a.CodeAt(a.Counter)
			a.Counter++
			return err
		})
	})
	if err != nil {
		return "", err
	}
	return code, nil
}

func (v *Vault) save(doc *document) error {
	sealed, sum, err := doc.seal(v.identity.Recipient())
	if err != nil {
		return err
	}
	if len(sealed) > maxFile {
		return fmt.Errorf("%w: it would be larger than %d MiB", ErrStorage, maxFile>>20)
	}
	err = replace(v.disk, v.accountsFile(), sealed, func(written []byte) error {
		if err := holds(written, sum, v.identity); err != nil {
			return err
		}
		return v.backup()
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	seen, err := stampOf(v.accountsFile())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	v.take(doc, seen)
	v.tidy()
	return nil
}

var errDiffers = errors.New("reads back differently")

// replace writes a file whole: another name, fsync, read back and check, rename,
// fsync of the folder. check may be nil.
func replace(d disk, name string, content []byte, check func(written []byte) error) (err error) {
	temp := name + "." + rand.Text() + ".tmp"
	f, err := d.Create(temp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.Remove(temp) // gone already if it was renamed
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	written, err := d.ReadFile(temp, maxFile)
	if err == nil && !bytes.Equal(written, content) {
		err = errDiffers
	}
	if err == nil && check != nil {
		err = check(written)
	}
	if err != nil {
		return err
	}
	if err := d.Rename(temp, name); err != nil {
		return err
	}
	return d.SyncFolder(filepath.Dir(name))
}

// backup keeps the file that a save is about to replace.
func (v *Vault) backup() error {
	name := filepath.Join(v.backupsFolder(), fmt.Sprintf(backupName, v.doc.Generation))
	err := v.disk.Link(v.accountsFile(), name)
	if err == nil || errors.Is(err, fs.ErrExist) { // a save that failed after this step
		return nil
	}
	// No hard links on this file system: copy.
	old, err := v.disk.ReadFile(v.accountsFile(), maxFile)
	if err == nil {
		_, err = unseal(bytes.Clone(old), v.identity)
	}
	if err != nil {
		return err
	}
	return replace(v.disk, name, old, nil)
}

// Backups lists the older generations of accounts.age, the latest first.
func (v *Vault) Backups() []string {
	var names []string
	files, _ := os.ReadDir(v.backupsFolder()) // in the order of their names
	for _, f := range slices.Backward(files) {
		if _, ok := generationOf(f.Name()); ok {
			names = append(names, filepath.Join(v.backupsFolder(), f.Name()))
		}
	}
	return names
}

// lastBackup is the generation of the latest backup, 0 if there is none.
func (v *Vault) lastBackup() (generation uint64) {
	if names := v.Backups(); len(names) > 0 {
		generation, _ = generationOf(filepath.Base(names[0]))
	}
	return generation
}

// backupName is wide enough for a save every second for 30 years.
const backupName = "accounts-%09d.age"

func generationOf(name string) (generation uint64, ok bool) {
	digits, _ := strings.CutPrefix(name, "accounts-")
	generation, err := strconv.ParseUint(strings.TrimSuffix(digits, ".age"), 10, 32)
	return generation, err == nil && name == fmt.Sprintf(backupName, generation)
}

// LatestGoodBackup is the latest backup that opens with the identity that was
// last tried, as after [ErrDamaged].
func (v *Vault) LatestGoodBackup() (name string, ok bool) {
	if v.tried == nil {
		return "", false
	}
	for _, name := range v.Backups() {
		if _, err := v.readBackup(name, v.tried); err == nil {
			return name, true
		}
	}
	return "", false
}

func (v *Vault) readBackup(name string, identity age.Identity) (*document, error) {
	sealed, err := v.disk.ReadFile(name, maxFile)
	if err != nil {
		return nil, err
	}
	plain, err := unseal(sealed, identity)
	if err != nil {
		return nil, err
	}
	return parseDocument(plain)
}

// tidy removes the oldest backups and what an interrupted save left. It is
// called with the lock held, so nobody else is writing.
func (v *Vault) tidy() {
	if b := v.Backups(); len(b) > keepBackups {
		for _, name := range b[keepBackups:] {
			v.disk.Remove(name)
		}
	}
	for _, folder := range []string{v.path(), v.path("slots"), v.backupsFolder()} {
		left, _ := os.ReadDir(folder)
		for _, e := range left {
			if isTemp(e.Name()) {
				v.disk.Remove(filepath.Join(folder, e.Name()))
			}
		}
	}
}

// isTemp tells whether replace makes files of that name. Others are left alone.
func isTemp(name string) bool {
	parts := strings.Split(name, ".")
	return len(parts) > 2 && parts[len(parts)-1] == "tmp" && len(parts[len(parts)-2]) == len(rand.Text())
}

// lockFolder waits for the vault's lock.
func (v *Vault) lockFolder() (release func(), err error) {
	f, err := os.OpenFile(v.path("lock"), os.O_CREATE|os.O_RDWR|openFlags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	if info, e := f.Stat(); e != nil || !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %w", ErrStorage, cmp.Or(e, fmt.Errorf("%s %w", f.Name(), errNotRegular)))
	} else {
		err = lock(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
