package syncing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"codefob/internal/relay/wire"
	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

// What callers branch on, besides the errors of packages vaultsync and vault.
var (
	ErrBusy   = errors.New("another program of this computer is syncing")
	ErrOthers = errors.New("the folder has the changes of computers that this one does not know")
	ErrNames  = errors.New("more than one device has that name")
)

// The kinds of carriers.
const (
	Folder = "folder"
	Relay  = "relay"
)

const (
	lockWait    = 30 * time.Second
	greetEvery  = 24 * time.Hour  // so that others hear of this device
	reachedFine = 1 * time.Minute // how exactly it is kept when a carrier was reached
)

// Syncing keeps a vault the same as those of the person's other computers. Status may be
// called while another method runs; of the others one at a time.
type Syncing struct {
	vault  *vault.Vault // a twin of the caller's
	folder string       // HOME/sync
	now    func() time.Time

	mu       sync.Mutex // for all below; not held while a carrier is waited for
	working  bool       // what is below is in use
	replica  *vaultsync.Replica
	stamp    string // of its files as they were when it was read or written last
	carriers map[string]carrier
	settings settings
	failures map[string]error // why carriers were not reached in the last round, by kind
	refused  error            // why this computer does not sync, though it runs
	met      meeting          // when the vault and the replica last had the same
}

// meeting is what a vault and a replica were when they were merged.
type meeting struct {
	generation uint64
	changes    int
	hour       int64 // what is removed is forgotten in time
}

// carrier is a [vaultsync.Carrier] that has to be closed.
type carrier interface {
	vaultsync.Carrier
	Close() error
}

// settings is carriers.json: what carries, how that went, and what did not fit.
type settings struct {
	Carriers []Carrier `json:"carriers,omitzero"` // without Pending
	Odd      []string  `json:"odd,omitzero"`      // ids of accounts that this version does not understand
	TooLarge bool      `json:"tooLarge,omitzero"` // something of the vault does not fit into an operation
}

const settingsFile = "carriers.json"

// Open gives the Syncing of an open vault, whether or not it is turned on. It has a key of its own: close it
// when the vault is locked.
func Open(v *vault.Vault) (*Syncing, error) {
	twin, err := v.Twin()
	if err != nil {
		return nil, err
	}
	return &Syncing{vault: twin, folder: Path(v.Home()), now: time.Now, carriers: map[string]carrier{}}, nil
}

// Path is the folder of syncing in the home folder.
func Path(home string) string { return filepath.Join(home, "sync") }

// Close forgets the keys. Nothing else may run any more.
func (s *Syncing) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	s.vault.Lock()
}

// forget drops what was read.
func (s *Syncing) forget() {
	if s.replica != nil {
		s.replica.Close()
	}
	for _, c := range s.carriers {
		c.Close() // a relay is told, which may take a second
	}
	clear(s.carriers)
	s.replica, s.stamp, s.met = nil, "", meeting{}
}

// work does what needs the replica, with the lock of the folder and what is in it now. It returns
// [vaultsync.ErrNone] where syncing is off.
func (s *Syncing) work(ctx context.Context, do func() error) error {
	if _, err := os.Stat(s.folder); errors.Is(err, fs.ErrNotExist) {
		return vaultsync.ErrNone
	}
	release, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working = true
	defer func() { s.working, s.stamp = false, s.stampNow() }()
	if _, err := s.vault.Refresh(); err != nil {
		s.forget()
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	return do()
}

// lock waits for the lock of the folder.
func (s *Syncing) lock(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		release, err := vault.TryLock(filepath.Join(s.folder, "lock"))
		if !errors.Is(err, vault.ErrBusy) {
			return release, err
		}
		select {
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return nil, ErrBusy
			}
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lockNew makes the folder first, if there is none.
func (s *Syncing) lockNew(ctx context.Context) (release func(), err error) {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", vaultsync.ErrStorage, err)
	}
	return s.lock(ctx)
}

// load reads what another program may have changed.
func (s *Syncing) load() error {
	if now := s.stampNow(); s.replica == nil || now != s.stamp {
		s.forget()
		r, err := vaultsync.Open(s.folder, s.vault.Identity(), s.now)
		if err != nil {
			return err
		}
		s.replica, s.stamp = r, now
	}
	var err error
	if s.settings, err = readSettings(s.folder); err != nil {
		return err
	}
	for kind, c := range s.carriers {
		if i := s.indexOf(kind); i < 0 || s.settings.Carriers[i].Where != c.Name() {
			c.Close()
			delete(s.carriers, kind)
		}
	}
	for _, set := range s.settings.Carriers {
		if s.carriers[set.Kind] != nil {
			continue
		}
		c, err := s.carrier(set.Kind, set.Where)
		if err != nil {
			return err
		}
		s.carriers[set.Kind] = c
	}
	return nil
}

func (s *Syncing) carrier(kind, where string) (carrier, error) {
	switch kind {
	case Folder:
		f, err := s.replica.Folder(where)
		if err != nil {
			return nil, err
		}
		return newAside(f), nil
	case Relay:
		return newRelay(where, s.replica), nil
	}
	return nil, fmt.Errorf("%w: a carrier of kind %q", vaultsync.ErrDamaged, kind)
}

func (s *Syncing) indexOf(kind string) int {
	return slices.IndexFunc(s.settings.Carriers, func(c Carrier) bool { return c.Kind == kind })
}

// stampNow tells one state of the files from the next.
func (s *Syncing) stampNow() (stamp string) {
	for _, name := range []string{"device.age", "members.log", "records.log", "memory.json"} {
		if info, err := os.Stat(filepath.Join(s.folder, name)); err == nil {
			stamp += fmt.Sprintf("%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return stamp
}

func readSettings(folder string) (s settings, err error) {
	raw, err := os.ReadFile(filepath.Join(folder, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%w: %s: %w", vaultsync.ErrDamaged, settingsFile, err)
	}
	return s, nil
}

// keep writes carriers.json, whole.
func (s *Syncing) keep() error {
	raw, err := json.Marshal(s.settings, json.Deterministic(true))
	if err != nil {
		return err
	}
	name := filepath.Join(s.folder, settingsFile)
	f, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(raw)
		if err == nil {
			err = f.Sync()
		}
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err == nil {
		err = os.Rename(name+".tmp", name)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", vaultsync.ErrStorage, err)
	}
	return nil
}

// polite is a carrier that others need not wait for.
type polite struct {
	carrier
	mu *sync.Mutex
}

func (p polite) Pull(ctx context.Context, position string) (vaultsync.Batch, error) {
	p.mu.Unlock()
	defer p.mu.Lock()
	return p.carrier.Pull(ctx, position)
}

func (p polite) Push(ctx context.Context, records [][]byte) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	return p.carrier.Push(ctx, records)
}

func (p polite) Enter(ctx context.Context, index uint64, record []byte) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	return p.carrier.Enter(ctx, index, record)
}

// Once takes over what came, and hands over what is new, by each carrier. What a carrier refuses is
// in [Syncing.Status]; the error is of this computer.
func (s *Syncing) Once(ctx context.Context) error {
	return s.work(ctx, func() error { return s.round(ctx, func(string) bool { return true }) })
}

// round is Once, over the carriers that now says.
func (s *Syncing) round(ctx context.Context, over func(kind string) bool) error {
	failed := map[string]error{}
	s.failures = failed
	each := func(do func(polite) error) error {
		for _, set := range s.settings.Carriers {
			if !over(set.Kind) || failed[set.Kind] != nil {
				continue
			}
			err := do(polite{s.carriers[set.Kind], &s.mu})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, vaultsync.ErrStorage) || errors.Is(err, vaultsync.ErrDamaged) {
				return err
			}
			failed[set.Kind] = err
		}
		return nil
	}
	if err := each(func(c polite) error { return s.pull(ctx, c) }); err != nil {
		return err
	}
	before := s.settings
	if err := s.merge(); err != nil {
		return err
	}
	err := each(func(c polite) error {
		if err := s.replica.Push(ctx, c); err != nil {
			return err
		}
		return s.pull(ctx, c) // only what a carrier shows, it has
	})
	if err != nil {
		return err
	}
	if err := s.merge(); err != nil { // what came meanwhile
		return err
	}
	changed := s.settings.TooLarge != before.TooLarge || !slices.Equal(s.settings.Odd, before.Odd)
	s.settings.Carriers = slices.Clone(s.settings.Carriers)
	for i := range s.settings.Carriers {
		c := &s.settings.Carriers[i]
		if !over(c.Kind) {
			continue
		}
		text, kind := "", ""
		if err := failed[c.Kind]; err != nil {
			text, kind = err.Error(), why(err)
		} else if now := s.now(); now.Sub(c.Reached).Abs() > reachedFine {
			c.Reached, changed = now.UTC().Truncate(time.Second), true
		}
		if c.Error != text {
			c.Error, c.Why, changed = text, kind, true
		}
	}
	if changed {
		return s.keep()
	}
	return nil
}

// pull takes over all that a carrier has. With a new epoch there is more.
func (s *Syncing) pull(ctx context.Context, c polite) error {
	for {
		epoch := s.replica.Epoch()
		if err := s.replica.Pull(ctx, c); err != nil || s.replica.Epoch() == epoch {
			return err
		}
	}
}

// merge makes operations of what is new in the vault, and has it hold what others did.
func (s *Syncing) merge() error {
	if _, err := s.vault.Refresh(); err != nil {
		return err
	}
	is := meeting{s.vault.Generation(), s.replica.State().Changes(), s.now().Unix() / 3600}
	if is == s.met && !s.isSilent() {
		return nil // comparing all accounts costs a thousand times as much
	}
	view, err := viewOf(s.vault)
	if err != nil {
		return err
	}
	list := s.replica.State().Diff(view)
	err = s.replica.Change(list)
	if err == nil && len(list) == 0 && s.isSilent() {
		err = s.replica.Greet()
	}
	isTold := err == nil
	is.changes = s.replica.State().Changes()
	switch {
	case errors.Is(err, vaultsync.ErrNotMember), errors.Is(err, vaultsync.ErrRemoved):
		return nil // Status tells
	case errors.Is(err, vaultsync.ErrBehind):
	case errors.Is(err, vaultsync.ErrStorage):
		return err
	default:
		s.settings.TooLarge = err != nil
	}
	s.settings.Odd, err = mergeInto(s.vault, s.replica.State(), s.now())
	if err == nil && isTold {
		s.met = is // and not what the vault is now: another program may have saved it, too
	}
	return err
}

// isSilent tells whether others have not heard of this device for long.
func (s *Syncing) isSilent() bool {
	return slices.ContainsFunc(s.replica.Devices(), func(d vaultsync.DeviceInfo) bool { return d.Self && s.now().Sub(d.Heard) > greetEvery })
}

// Use has changes carried by a folder or a relay from now on, in the place of another of that kind. It turns
// syncing on, with this computer as the first device under that name, where it is off. It returns [ErrOthers] for a
// folder that other computers use and this one, being alone, does not know.
func (s *Syncing) Use(ctx context.Context, kind, where, name string) error {
	where, err := Checked(kind, where)
	if err != nil {
		return err
	}
	err = s.work(ctx, func() error { return nil })
	if errors.Is(err, vaultsync.ErrNone) {
		if kind == Folder && isUsed(where) {
			return ErrOthers
		}
		err = s.create(ctx, name)
	}
	if err != nil {
		return err
	}
	return s.work(ctx, func() error { return s.use(kind, where) })
}

// create makes this computer the first device, if no other program does so meanwhile.
func (s *Syncing) create(ctx context.Context, name string) error {
	release, err := s.lockNew(ctx)
	if err != nil {
		return err
	}
	defer release()
	r, err := vaultsync.Create(s.folder, name, s.vault.Identity(), s.now)
	if errors.Is(err, vaultsync.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Close()
	return nil
}

// Checked is where a carrier is, as it is kept. It returns [vaultsync.ErrGone] for a folder that is not there.
func Checked(kind, where string) (string, error) {
	if kind == Relay {
		u, err := wire.ParseURL(where)
		if err != nil {
			return "", err
		}
		return u.String(), nil
	}
	where, err := filepath.Abs(where)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(where); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%w: %s", vaultsync.ErrGone, where)
	}
	return where, nil
}

// isUsed tells whether other computers carry changes by a folder.
func isUsed(where string) bool {
	found, _ := filepath.Glob(filepath.Join(where, "codefob", "????????????????", "????????????????"))
	return len(found) > 0
}

func (s *Syncing) use(kind, where string) error {
	s.settings.Carriers = slices.DeleteFunc(slices.Clone(s.settings.Carriers), func(c Carrier) bool { return c.Kind == kind })
	s.settings.Carriers = append(s.settings.Carriers, Carrier{Kind: kind, Where: where})
	return s.keep()
}

// Leave has a folder or relay not carry changes any longer, and tells whether one did. What is there stays there.
func (s *Syncing) Leave(ctx context.Context, kind string) (was bool, err error) {
	err = s.work(ctx, func() error {
		left := slices.DeleteFunc(slices.Clone(s.settings.Carriers), func(c Carrier) bool { return c.Kind == kind })
		was = len(left) < len(s.settings.Carriers)
		s.settings.Carriers = left
		return s.keep()
	})
	return was, err
}

// look has what is on the disk looked at, without the lock.
func (s *Syncing) look(at func(*vaultsync.Replica, settings)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working {
		at(s.replica, s.settings)
		return nil
	}
	if s.vault.Identity() == nil {
		return vault.ErrLocked
	}
	set, err := readSettings(s.folder)
	if err != nil {
		return err
	}
	r := s.replica
	if r == nil || s.stampNow() != s.stamp { // what waits has the other
		if r, err = vaultsync.Open(s.folder, s.vault.Identity(), s.now); err != nil {
			return err
		}
		defer r.Close()
	}
	at(r, set)
	return nil
}

// Duplicates are the ids of accounts that make the same codes, as when two vaults that both had them are joined.
func (s *Syncing) Duplicates() (groups [][]string, err error) {
	err = s.look(func(r *vaultsync.Replica, _ settings) { groups = r.State().Duplicates() })
	return groups, err
}

// Status tells how syncing stands, by what is on the disk.
func (s *Syncing) Status() (st Status, err error) {
	err = s.look(func(r *vaultsync.Replica, set settings) {
		st = statusOf(r, set)
		for i := range st.Carriers {
			if s.refused != nil {
				st.Carriers[i].Error, st.Carriers[i].Why = refusedHere(s.refused), why(s.refused)
			}
		}
	})
	if errors.Is(err, vaultsync.ErrNone) {
		return Status{}, nil
	}
	return st, err
}

func statusOf(r *vaultsync.Replica, set settings) Status {
	st := Status{On: true, Devices: []Device{}, Carriers: []Carrier{}, Troubles: []Trouble{}}
	names, takesPart := map[vaultsync.DeviceID]string{}, false
	for _, d := range r.Devices() {
		names[d.ID] = d.Name
		takesPart = takesPart || d.Self
		one := Device{ID: d.ID.String(), Name: d.Name, Self: d.Self, Removed: d.Removed, Heard: d.Heard, Waiting: d.Waiting}
		if d.Self && d.Removed {
			st.Troubles = append(st.Troubles, removedHere)
		}
		st.Devices = append(st.Devices, one)
	}
	if !takesPart {
		st.Troubles = append(st.Troubles, notYet)
	}
	for _, c := range set.Carriers {
		c.Pending = r.Pending(c.Where)
		st.Carriers = append(st.Carriers, c)
	}
	for _, t := range r.Troubles() {
		st.Troubles = append(st.Troubles, troubleOf(t, names[t.Device], r.State().Rivals()))
	}
	if len(set.Odd) > 0 {
		st.Troubles = append(st.Troubles, oddAccounts(len(set.Odd)))
	}
	if set.TooLarge {
		st.Troubles = append(st.Troubles, tooLarge)
	}
	for _, ids := range r.State().Duplicates() {
		st.Duplicates += len(ids) - 1
	}
	return st
}
