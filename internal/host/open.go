package host

import (
	"context"
	"errors"
	"time"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

const (
	askTries     = 3
	askTimeout   = 2 * time.Minute // for one answer
	silentRetry  = 30 * time.Second
	keychainWait = 5 * time.Second
)

// Warm opens the vault if that needs nobody's answer, to have it ready for the
// first request.
func (h *Host) Warm(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil && !errors.Is(err, vault.ErrMissing) && !errors.Is(err, vault.ErrLocked) {
		h.Log("open", err)
	}
}

// ensureOpen makes the accounts ready, as they are on disk now. It returns
// [vault.ErrMissing], an error that wraps [vault.ErrLocked], or what is wrong
// with the vault. h.mu is held.
func (h *Host) ensureOpen(ctx context.Context) error {
	if h.vault != nil && h.vault.IsOpen() {
		changed, err := h.vault.Refresh()
		if changed {
			h.index = nil
		}
		if errors.Is(err, vault.ErrLockedByUs) {
			h.forget()
			return vault.ErrLocked
		}
		if err != nil {
			h.forget()
			if _, gone := h.Open(); gone != nil {
				return gone
			}
		}
		return err
	}
	v, err := h.Open() // each time: it may have been removed, or made anew
	if err != nil {
		return err
	}
	h.vault = v
	if h.away || h.Now().Sub(h.silentAt) < silentRetry {
		return vault.ErrLocked
	}
	ctx, cancel := context.WithTimeout(ctx, keychainWait)
	defer cancel()
	err = h.Unlock(ctx, h.vault)
	switch {
	case err == nil, errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrUnread), errors.Is(err, vault.ErrNewer):
		return err
	case errors.Is(err, vault.ErrNoSlot), errors.Is(err, vault.ErrLockedByUs): // told from a look at the folder
	default:
		h.Log("keychain", err)
		h.silentAt = h.Now()
	}
	return vault.ErrLocked
}

// forget ends the session and the syncing, and drops the keys. h.mu is held.
func (h *Host) forget() {
	h.stopSync()
	if h.withdraw != nil {
		h.withdraw(vault.ErrLocked)
	}
	h.session.drop(func(ticket) bool { return true })
	h.index, h.session = nil, newSession()
	if h.vault != nil {
		h.vault.Lock()
	}
}

// Away tells that the person has left the computer, which locks the vault once what
// they confirmed is done, or that they are back. In between only a passphrase opens it:
// a page that asks would else have the keychain open it at once.
func (h *Host) Away(away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = away
	if away {
		h.left++
		h.Log("away", nil)
		h.forget()
	}
}

// Glance looks whether another program has locked the vault, without being asked, and
// has an open one synced: that begins here, so that nothing that is asked waits for it.
func (h *Host) Glance() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.vault == nil || !h.vault.IsOpen() {
		return
	}
	if h.vault.LockedByUser() {
		h.forget()
		return
	}
	h.sync()
}

func (h *Host) lock() (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, err := h.Open()
	if err != nil {
		return nil, err
	}
	h.forget()
	if err := v.LockForAll(); err != nil {
		return nil, err
	}
	return protocol.VaultResult{Vault: protocol.VaultLocked}, nil
}

// unlock asks the person, in a dialog of the system's and never in the browser.
func (h *Host) unlock(ctx context.Context) (any, error) {
	if !h.asking.TryLock() {
		return nil, &protocol.Error{Code: protocol.ErrUnlock, Message: "Codefob is asking you something already.",
			Hint: "Look for its window."}
	}
	defer h.asking.Unlock()
	for try := range askTries {
		h.mu.Lock()
		h.silentAt = time.Time{} // the keychain may work by now
		err := h.ensureOpen(ctx)
		h.mu.Unlock()
		if err == nil {
			return protocol.VaultResult{Vault: protocol.VaultOpen}, nil
		}
		if !errors.Is(err, vault.ErrLocked) {
			return nil, err
		}
		passphrase, err := h.ask(ctx, try > 0)
		if err != nil {
			return nil, unlockError(err)
		}
		err = h.open(ctx, passphrase)
		clear(passphrase)
		if err == nil {
			return protocol.VaultResult{Vault: protocol.VaultOpen}, nil
		}
		if !errors.Is(err, vault.ErrPassphrase) {
			return nil, err
		}
	}
	return nil, &protocol.Error{Code: protocol.ErrUnlock, Message: "The passphrase was wrong three times.",
		Hint: "Try again, or set a new one with: codefob passphrase --recovery-key"}
}

// open opens the vault with its passphrase. Others are served meanwhile: it takes a
// second, and longer after wrong ones.
func (h *Host) open(ctx context.Context, passphrase []byte) error {
	h.mu.Lock()
	left := h.left
	h.mu.Unlock()
	v, err := h.Open()
	if err == nil {
		err = v.UnlockPassphrase(ctx, passphrase)
	}
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left != left {
		v.Lock()
		return vault.ErrLocked
	}
	if h.vault != nil {
		h.vault.Lock() // it may be open again, by the keychain
	}
	h.vault, h.index, h.away = v, nil, false
	return nil
}

func (h *Host) ask(ctx context.Context, wrong bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return h.Ask(ctx, wrong)
}
