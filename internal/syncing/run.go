package syncing

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"codefob/internal/relay/wire"
	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

var lookEvery = 15 * time.Second // where the system tells of no change; longer in tests

const (
	leadEvery = 2 * time.Second        // whether this program may lead
	rest      = 200 * time.Millisecond // between two rounds: a relay that always has something new keeps no computer busy
	firstBack = time.Second            // before a carrier that failed is tried again; twice as long each time
	lastBack  = time.Minute
)

// backOff is when a carrier that failed is tried again.
type backOff struct {
	times int
	next  time.Time
}

// failed puts the next try off, for as long as a relay asks at least.
func (b *backOff) failed(now time.Time, err error) {
	wait := min(firstBack<<min(b.times, 10), lastBack)
	wait -= rand.N(wait/4 + 1) // not all computers at once
	var said *wire.Error
	if errors.As(err, &said) {
		wait = max(wait, said.Wait())
	}
	b.times++
	b.next = now.Add(wait)
}

// Run syncs as things change, here and there, until ctx ends or the vault is locked. Of the programs of this computer one
// does it, and the next when that ends. Turned on or off meanwhile, it goes along. What this computer refuses is told, when it
// begins, and in [Syncing.Status]; it is tried again.
func (s *Syncing) Run(ctx context.Context, tell func(error)) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	changed, stop := s.watch(func() { end(vault.ErrLockedByUs) })
	defer stop()
	release, err := s.lead(ctx)
	if err != nil {
		return err
	}
	defer release()
	backs := map[string]*backOff{Folder: {}, Relay: {}}
	for isFirst := true; ; isFirst = false {
		err := s.work(ctx, func() error {
			now := s.now()
			err := s.round(ctx, func(kind string) bool { return !backs[kind].next.After(now) })
			for kind, b := range backs {
				switch i := s.indexOf(kind); {
				case b.next.After(now):
				case i >= 0 && s.settings.Carriers[i].Error != "":
					b.failed(s.now(), s.failures[kind])
				default:
					*b = backOff{}
				}
			}
			return err
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, vault.ErrLocked), errors.Is(err, vault.ErrLockedByUs):
			return err
		}
		if errors.Is(err, vaultsync.ErrNone) {
			err = nil
		}
		s.mu.Lock()
		isNew := s.refused == nil
		s.refused = err
		s.mu.Unlock()
		if err != nil && isNew {
			tell(err)
		}
		if isFirst {
			debug.FreeOSMemory() // reading all of it took several times what it holds
		}
		wait := lookEvery // also after what this computer refuses: a full disk, the lock
		if err == nil {
			for _, b := range backs {
				if b.times > 0 {
					wait = min(wait, max(0, b.next.Sub(s.now())))
				}
			}
		}
		ended := time.Now()
		s.wait(ctx, wait, changed)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(rest - time.Since(ended)):
		}
	}
}

// lead waits until no other program of this computer runs.
func (s *Syncing) lead(ctx context.Context) (release func(), err error) {
	for {
		release, err := vault.TryLock(filepath.Join(s.folder, "leader"))
		if err == nil {
			return release, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(leadEvery): // there may be no folder yet
		}
		if s.locked() {
			return nil, vault.ErrLocked
		}
	}
}

// locked tells whether the person has locked the vault meanwhile.
func (s *Syncing) locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.vault.Refresh()
	return errors.Is(err, vault.ErrLocked) || errors.Is(err, vault.ErrLockedByUs)
}

// watch tells when the vault, or what carries, is changed by any program of this computer, and when the vault is locked: no
// carrier is waited for then.
func (s *Syncing) watch(isLocked func()) (changed <-chan struct{}, stop func()) {
	out := make(chan struct{}, 1)
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return out, func() {} // looked at from time to time
	}
	home := filepath.Dir(s.folder)
	for _, name := range []string{filepath.Join(home, "vault"), s.folder, home} {
		w.Add(name)
	}
	go caught(func() error {
		for e := range w.Events {
			switch filepath.Base(e.Name) {
			case filepath.Base(s.folder):
				w.Add(s.folder) // it was made now
			case "locked":
				if s.locked() {
					isLocked()
				}
			case "accounts.age", settingsFile:
			default:
				continue
			}
			select {
			case out <- struct{}{}:
			default:
			}
		}
		return nil
	})
	go func() {
		for range w.Errors { // too many at once: looked at later
		}
	}()
	return out, func() { w.Close() }
}

// wait returns when there is something to do, or after some time.
func (s *Syncing) wait(ctx context.Context, most time.Duration, changed <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, most)
	var all sync.WaitGroup
	s.mu.Lock()
	for _, c := range s.carriers {
		all.Go(func() {
			if caught(func() error { return c.Wait(ctx) }) == nil {
				cancel()
			}
		})
	}
	s.mu.Unlock()
	select {
	case <-changed:
		cancel()
	case <-ctx.Done():
	}
	all.Wait()
	cancel()
}
