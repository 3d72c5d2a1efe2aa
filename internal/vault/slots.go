package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"

	"codefob/internal/keystore"
)

// scrypt work factors, log2 of N (age-encryption.org/v1, "scrypt recipient").
var (
	passphraseWork = 18 // about a second
	recoveryWork   = 10 // a recovery key cannot be guessed, however fast
	mostWork       = 22 // refused before it is run
)

const keychainService = "codefob"

// keychainSlot is slots/keychain.json.
type keychainSlot struct {
	Version int    `json:"version"` // 1
	Service string `json:"service"` // keychainService
	Account string `json:"account"`
}

func (s keychainSlot) item() keystore.Item {
	return keystore.Item{Service: s.Service, Account: s.Account, Label: "Codefob vault"}
}

// Create makes a vault in the folder home, with a passphrase slot and a
// recovery slot, and returns it open. It returns [ErrExists] if there is one.
func Create(home string, passphrase []byte) (*Vault, RecoveryKey, error) {
	v := at(home)
	if _, err := os.Lstat(v.path()); err == nil {
		return nil, RecoveryKey{}, ErrExists
	}
	key, err := v.create(passphrase)
	if err != nil {
		return nil, RecoveryKey{}, err
	}
	return v, key, nil
}

func (v *Vault) create(passphrase []byte) (RecoveryKey, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return RecoveryKey{}, err
	}
	key := NewRecoveryKey()
	doc := newDocument()
	sealed, _, err := doc.seal(identity.Recipient())
	if err != nil {
		return RecoveryKey{}, err
	}
	bySlot := map[string]string{} // sealed identities
	for name, secret := range map[string]string{"passphrase.age": string(passphrase), "recovery.age": key.Text()} {
		work := passphraseWork
		if name == "recovery.age" {
			work = recoveryWork
		}
		s, err := sealSlot(identity, secret, work)
		if err != nil {
			return RecoveryKey{}, err
		}
		bySlot[name] = string(s)
	}
	// All of it under another name first: there is a whole vault, or none.
	if err := v.makeFolder(v.home); err != nil {
		return RecoveryKey{}, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	v.removeHalves()
	temp := filepath.Join(v.home, strings.Replace(half, "*", rand.Text(), 1))
	defer os.RemoveAll(temp)
	for _, name := range []string{temp, filepath.Join(temp, "slots"), filepath.Join(temp, "backups")} {
		if err == nil {
			err = v.disk.Mkdir(name)
		}
	}
	for name, s := range bySlot {
		if err == nil {
			err = replace(v.disk, filepath.Join(temp, "slots", name), []byte(s), nil)
		}
	}
	if err == nil {
		err = replace(v.disk, filepath.Join(temp, "accounts.age"), sealed, nil)
	}
	if err == nil {
		err = v.disk.Rename(temp, v.path())
		if errors.Is(err, fs.ErrExist) { // another program was faster
			return RecoveryKey{}, ErrExists
		}
	}
	if err == nil {
		if err = v.disk.SyncFolder(v.home); err != nil {
			v.disk.Rename(v.path(), temp) // take it back: nobody was told its recovery key
		}
	}
	if err != nil {
		return RecoveryKey{}, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	v.identity = identity
	v.state.unlock(identity)
	v.log.unlock(identity)
	seen, _ := stampOf(v.accountsFile()) // if it is gone already, the next Refresh tells
	v.take(doc, seen)
	return key, nil
}

// half names a folder that becomes the vault when it is whole.
const half = "vault-*.tmp"

// halfAge is older than any half that somebody is still at work on.
const halfAge = time.Hour

// removeHalves removes what an interrupted [Create] left.
func (v *Vault) removeHalves() {
	halves, _ := fs.Glob(os.DirFS(v.home), half)
	for _, name := range halves {
		name = filepath.Join(v.home, name)
		if info, err := os.Lstat(name); err == nil && v.now().Sub(info.ModTime()) > halfAge {
			os.RemoveAll(name)
		}
	}
}

// makeFolder makes a folder, and those above it, so that they stay.
func (v *Vault) makeFolder(name string) error {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := v.makeFolder(filepath.Dir(name)); err != nil {
		return err
	}
	if err := v.disk.Mkdir(name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return v.disk.SyncFolder(filepath.Dir(name))
}

// UnlockPassphrase opens the vault with its passphrase. It returns
// [ErrPassphrase] when it does not fit; the vault then stays locked. After some that
// did not fit it waits first: see [Vault.PassphraseWait].
func (v *Vault) UnlockPassphrase(ctx context.Context, passphrase []byte) error {
	if err := v.sleep(ctx, v.PassphraseWait()); err != nil {
		return err
	}
	// Not string(passphrase): that may be on the stack, which scrub does not reach.
	var text strings.Builder
	text.Write(passphrase)
	err := apart(func() error { return v.unlockSlot(v.passphraseFile(), text.String()) })
	if errors.Is(err, errWrongKey) {
		v.countWrong()
		return ErrPassphrase
	}
	if err == nil {
		v.disk.Remove(v.wrongFile())
		err = v.clearLocked()
	}
	return err
}

// UnlockRecovery opens the vault with its recovery key, or returns [ErrRecovery].
func (v *Vault) UnlockRecovery(key RecoveryKey) error {
	err := apart(func() error { return v.unlockSlot(v.recoveryFile(), key.Text()) })
	if errors.Is(err, errWrongKey) {
		return ErrRecovery
	}
	if err == nil {
		err = v.clearLocked()
	}
	return err
}

// UnlockKeychain opens the vault with what the operating system's keychain
// holds. It returns [ErrNoSlot], [ErrLockedByUs], [ErrItem] or an error of package keystore.
func (v *Vault) UnlockKeychain(ctx context.Context) error {
	slot, err := v.readKeychainSlot()
	if err != nil {
		return err
	}
	if v.LockedByUser() {
		return ErrLockedByUs
	}
	text, err := keystore.Get(ctx, slot.item())
	if err != nil {
		return err
	}
	defer clear(text)
	if err := v.UnlockIdentity(text); err != nil {
		return err
	}
	if v.LockedByUser() { // while the keychain was asked
		v.Lock()
		return ErrLockedByUs
	}
	return nil
}

// UnlockIdentity opens the vault with the text of its identity, as the slots
// hold it. It returns [ErrItem] when that is of another vault.
func (v *Vault) UnlockIdentity(text []byte) error {
	err := apart(func() error {
		identity, err := parseIdentity(text)
		if err != nil {
			return ErrItem
		}
		return v.unlock(identity)
	})
	if errors.As(err, new(*age.NoIdentityMatchError)) {
		return ErrItem
	}
	return err
}

var errWrongKey = errors.New("wrong key")

func (v *Vault) unlockSlot(file, secret string) error {
	sealed, err := v.disk.ReadFile(file, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNoSlot, file)
	}
	if err != nil {
		return unread(err)
	}
	by, err := age.NewScryptIdentity(secret)
	if err != nil {
		return errWrongKey // an empty one
	}
	by.SetMaxWorkFactor(mostWork)
	text, err := unseal(sealed, by)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return errWrongKey
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, file, err)
	}
	identity, err := parseIdentity(text)
	clear(text)
	if err != nil {
		return fmt.Errorf("%w: %s holds no vault identity", ErrDamaged, file)
	}
	return v.unlock(identity)
}

// sealSlot gives the content of a slot: an identity file of the age tool,
// sealed with a secret text.
func sealSlot(identity *age.X25519Identity, secret string, work int) ([]byte, error) {
	to, err := age.NewScryptRecipient(secret)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(work)
	return seal([]byte("# Codefob vault identity\n"+identity.String()+"\n"), to)
}

func parseIdentity(text []byte) (*age.X25519Identity, error) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return age.ParseX25519Identity(line)
		}
	}
	return nil, errors.New("no identity")
}

// SetPassphrase replaces the passphrase. The vault must be open.
func (v *Vault) SetPassphrase(passphrase []byte) error {
	return v.writeSlot(v.passphraseFile(), string(passphrase), passphraseWork)
}

// SetRecoveryKey makes a new recovery key; the old one opens nothing any more.
// The vault must be open.
func (v *Vault) SetRecoveryKey() (RecoveryKey, error) {
	key := NewRecoveryKey()
	if err := v.writeSlot(v.recoveryFile(), key.Text(), recoveryWork); err != nil {
		return RecoveryKey{}, err
	}
	return key, nil
}

func (v *Vault) writeSlot(file, secret string, work int) error {
	if v.identity == nil {
		return ErrLocked
	}
	sealed, err := sealSlot(v.identity, secret, work)
	if err != nil {
		return err
	}
	return v.replaceLocked(file, sealed)
}

func (v *Vault) replaceLocked(file string, content []byte) error {
	unlock, err := v.lockFolder()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := v.Refresh(); err != nil { // it may be another vault by now
		return err
	}
	if err := replace(v.disk, file, content, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return nil
}

// SetKeychain puts the vault's identity into the operating system's keychain.
// The vault must be open.
func (v *Vault) SetKeychain(ctx context.Context) error {
	if v.identity == nil {
		return ErrLocked
	}
	slot := keychainSlot{Version: 1, Service: keychainService, Account: v.doc.Vault}
	if err := keystore.Set(ctx, slot.item(), []byte(v.identity.String())); err != nil {
		return err
	}
	content, err := json.Marshal(slot)
	if err != nil {
		return err
	}
	return v.replaceLocked(v.keychainFile(), content)
}

// RemoveKeychain takes the identity out of the keychain. The passphrase slot
// remains: a lost keychain must not lose the vault.
func (v *Vault) RemoveKeychain(ctx context.Context) error {
	slot, err := v.readKeychainSlot()
	if err != nil {
		return err
	}
	err = keystore.Delete(ctx, slot.item())
	if err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return err
	}
	if err := v.disk.Remove(v.keychainFile()); err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return nil
}

// HasKeychain tells whether there is a keychain slot.
func (v *Vault) HasKeychain() bool {
	_, err := v.readKeychainSlot()
	return !errors.Is(err, ErrNoSlot)
}

func (v *Vault) readKeychainSlot() (keychainSlot, error) {
	content, err := v.disk.ReadFile(v.keychainFile(), 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return keychainSlot{}, fmt.Errorf("%w: keychain", ErrNoSlot)
	}
	if err != nil {
		return keychainSlot{}, unread(err)
	}
	var slot keychainSlot
	if err := json.Unmarshal(content, &slot); err != nil || slot.Version != 1 || slot.Service != keychainService { // no item of another program's
		return keychainSlot{}, fmt.Errorf("%w: %s is not readable", ErrDamaged, v.keychainFile())
	}
	return slot, nil
}

// A file named wrong counts the passphrases that did not fit since the last that did,
// a byte for each, for all programs that share the vault.

const (
	freeTries = 3 // wrong passphrases in a row that cost nothing
	mostWait  = 30 * time.Second
)

func (v *Vault) wrongFile() string { return filepath.Join(v.home, "wrong") }

// PassphraseWait is how long [Vault.UnlockPassphrase] waits now: a second after the
// third wrong passphrase in a row, twice as long after each further one, and never so
// long that it locks the person out. It slows down whoever types; against those who
// can read the slot, and try elsewhere, there is scrypt.
func (v *Vault) PassphraseWait() time.Duration {
	info, err := os.Lstat(v.wrongFile())
	if err != nil || !info.Mode().IsRegular() || info.Size() < freeTries {
		return 0
	}
	wait := min(time.Second<<min(info.Size()-freeTries, 10), mostWait)
	return max(0, min(wait, wait-v.now().Sub(info.ModTime()))) // also with a clock that was set back
}

// countWrong does what it can: a folder that cannot be written locks nobody out.
func (v *Vault) countWrong() {
	f, err := os.OpenFile(v.wrongFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY|openFlags, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteString(".")
	os.Chtimes(v.wrongFile(), time.Time{}, v.now())
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A file named locked says that the user locked the vault: the keychain then
// opens it only after the passphrase has been given once.

func (v *Vault) lockedFile() string { return v.names.locked }

// LockForAll locks the vault for every program that has it open: each looks for
// the file before it uses the accounts.
func (v *Vault) LockForAll() error {
	v.Lock()
	f, err := v.disk.Create(v.lockedFile())
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = v.disk.SyncFolder(v.home)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return nil
}

// LockedByUser tells whether [Vault.LockForAll] was the last word.
func (v *Vault) LockedByUser() bool {
	_, err := stampOf(v.lockedFile())
	return err == nil
}

// clearLocked ends that. Where it cannot, the vault is locked again at once.
func (v *Vault) clearLocked() error {
	if err := v.disk.Remove(v.lockedFile()); err != nil && v.LockedByUser() {
		v.Lock()
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return nil
}
