// Package vault keeps the accounts in a folder of age files, so that the stock
// age tool opens it without us. docs/vault.md describes the files.
//
// A Vault is one process's view. Processes share the folder through its lock
// and notice each other's changes by [Vault.Refresh]; a Vault itself is not for
// concurrent use.
package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"filippo.io/age"

	"codefob/internal/account"
)

// What callers branch on. Every error of this package wraps one of these, or
// [keystore]'s for the keychain slot.
var (
	ErrMissing    = errors.New("there is no vault")
	ErrExists     = errors.New("there is a vault already")
	ErrLocked     = errors.New("vault is locked")
	ErrPassphrase = errors.New("wrong passphrase")
	ErrRecovery   = errors.New("wrong recovery key")
	ErrNoSlot     = errors.New("no such key slot")
	ErrLockedByUs = errors.New("vault was locked by the user") // the keychain slot waits for a passphrase
	ErrItem       = errors.New("keychain item does not hold the identity of this vault")
	ErrDamaged    = errors.New("vault is damaged")
	ErrNewer      = errors.New("vault was written by a newer version of Codefob")
	ErrUnread     = errors.New("vault cannot be read") // it may be as good as ever
	ErrStorage    = errors.New("vault cannot be saved")
	ErrBusy       = errors.New("another program is saving the vault")
	ErrNoAccount  = errors.New("no such account")
	ErrCounterEnd = errors.New("the counter is at its end")
)

// maxFile is the most that is read of any file of the vault, in bytes.
const maxFile = 64 << 20

// Vault is one process's view of the vault in a folder.
type Vault struct {
	home  string
	names struct{ accounts, locked string } // put together once: they are looked at for every code
	disk  disk
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	state *stateFile
	log   *logFile

	tried *age.X25519Identity // that did not open the accounts

	// While open:
	identity *age.X25519Identity
	doc      *document
	seen     stamp // accounts.age as it was when doc was read
	accounts []account.Account
	byID     map[string]int    // into accounts
	marks    map[string][]Mark // by origin; nil until they are asked for
}

// Open finds the vault in the folder home. It returns [ErrMissing] when there
// is none. The vault is locked.
func Open(home string) (*Vault, error) {
	v := at(home)
	if _, err := os.Lstat(v.accountsFile()); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(v.path()); err == nil {
			return nil, fmt.Errorf("%w: %s is gone", ErrDamaged, v.accountsFile())
		}
		return nil, ErrMissing
	} else if err != nil {
		return nil, unread(err)
	}
	return v, nil
}

func at(home string) *Vault {
	v := &Vault{home: home, disk: osDisk{}, now: time.Now, sleep: sleep, state: &stateFile{name: filepath.Join(home, "state.json")}, log: &logFile{name: filepath.Join(home, "log.sealed"), disk: osDisk{}}}
	v.names.accounts, v.names.locked = v.path("accounts.age"), filepath.Join(home, "locked")
	return v
}

// Home is the folder that holds the vault, the state and the configuration.
func (v *Vault) Home() string { return v.home }

// AccountsFile is the path of the file that holds the accounts.
func (v *Vault) AccountsFile() string { return v.accountsFile() }

func (v *Vault) path(elem ...string) string {
	return filepath.Join(append([]string{v.home, "vault"}, elem...)...)
}
func (v *Vault) accountsFile() string   { return v.names.accounts }
func (v *Vault) passphraseFile() string { return v.path("slots", "passphrase.age") }
func (v *Vault) recoveryFile() string   { return v.path("slots", "recovery.age") }
func (v *Vault) keychainFile() string   { return v.path("slots", "keychain.json") }
func (v *Vault) backupsFolder() string  { return v.path("backups") }

// IsOpen tells whether the accounts can be read.
func (v *Vault) IsOpen() bool { return v.doc != nil }

// ID is the vault's random name. The vault must be open.
func (v *Vault) ID() string { return v.doc.Vault }

// Generation counts the saves. The vault must be open.
func (v *Vault) Generation() uint64 { return v.doc.Generation }

// Accounts are the accounts as of the last read, in the order of enrollment.
// The slice is the vault's own: read only, good until the next change. It is
// nil while the vault is locked.
func (v *Vault) Accounts() []account.Account { return v.accounts }

// Account is the account with that id.
func (v *Vault) Account(id string) (account.Account, bool) {
	i, ok := v.byID[id]
	if !ok {
		return account.Account{}, false
	}
	return v.accounts[i], true
}

// RemovedAccount is an account that [Tx.Restore] can bring back.
type RemovedAccount struct {
	account.Account
	At time.Time // of the removal
}

// Removed lists the accounts that can be brought back, the last removed first. The
// vault must be open.
func (v *Vault) Removed() (list []RemovedAccount) {
	for _, r := range v.doc.Accounts {
		if r.RemovedAt == 0 || !r.restorable(v.now().UnixMilli()) {
			continue
		}
		if a, err := r.account(); err == nil {
			list = append(list, RemovedAccount{a, time.UnixMilli(r.RemovedAt)})
		}
	}
	slices.SortStableFunc(list, func(a, b RemovedAccount) int { return b.At.Compare(a.At) })
	return list
}

// SetAside lists the accounts of the file that could not be understood. They
// stay in the file as they are.
func (v *Vault) SetAside() []error {
	if v.doc == nil {
		return nil
	}
	return v.doc.asideErrors
}

// Lock forgets the keys and the accounts.
func (v *Vault) Lock() {
	for _, a := range v.accounts {
		a.Secret.Wipe()
		a.PIN.Wipe()
		for _, c := range a.RecoveryCodes {
			c.Code.Wipe()
		}
	}
	wipeIdentity(v.identity)
	wipeIdentity(v.tried)
	held := v.identity != nil || v.tried != nil
	v.identity, v.tried, v.doc, v.accounts, v.byID, v.marks = nil, nil, nil, nil, nil, nil
	v.state.forget()
	v.log.forget()
	if held {
		scrub()
	}
}

// Refresh reads the accounts again if another program has changed them, and
// tells whether it did. It locks the vault and returns [ErrLockedByUs] if the
// user locked it meanwhile. The vault must be open.
func (v *Vault) Refresh() (changed bool, err error) {
	if v.identity == nil {
		return false, ErrLocked
	}
	if v.LockedByUser() {
		v.Lock()
		return true, ErrLockedByUs
	}
	now, err := stampOf(v.accountsFile())
	if err == nil && now == v.seen {
		return false, nil
	}
	return true, apart(func() error { return v.read(v.identity) })
}

// unlock opens the accounts with the vault's identity. When that does not open
// them, the vault stays as it was.
func (v *Vault) unlock(identity *age.X25519Identity) error {
	if err := v.read(identity); err != nil {
		v.tried = identity
		return err
	}
	v.hold(identity)
	return nil
}

// hold has the vault's key from now on.
func (v *Vault) hold(identity *age.X25519Identity) {
	v.identity, v.tried = identity, nil
	v.state.unlock(identity)
	v.log.unlock(identity)
}

// read takes in accounts.age.
func (v *Vault) read(identity *age.X25519Identity) error {
	// The stamp first: a change in between is then noticed, not missed.
	seen, err := stampOf(v.accountsFile())
	if err != nil {
		return unread(err)
	}
	sealed, err := v.disk.ReadFile(v.accountsFile(), maxFile)
	if err != nil {
		return unread(err)
	}
	plain, err := unseal(sealed, identity)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, v.accountsFile(), err)
	}
	defer clear(plain)
	doc, err := parseDocument(plain)
	if err != nil {
		return err
	}
	v.take(doc, seen)
	return nil
}

// unread tells a file that may not be read, or not now, from one that is bad.
func unread(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("%w: %w", ErrUnread, err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

func (v *Vault) take(doc *document, seen stamp) {
	v.doc, v.seen, v.accounts, v.byID, v.marks = doc, seen, nil, nil, nil
	v.accounts, v.byID = doc.live()
}

// stamp tells one version of a file from the next. A save renames a new file
// into place, so the inode changes even when the clock does not.
type stamp struct {
	size     int64
	modified int64 // ns
	inode    uint64
}
