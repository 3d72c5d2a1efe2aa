package host

import (
	"context"
	"errors"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// sync has the open vault synced from now on, unless it is or that is off. h.mu is held.
func (h *Host) sync() {
	if h.Sync == nil || h.syncing != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	if h.syncing = h.Sync(ctx, h.vault); h.syncing == nil {
		cancel()
		return
	}
	h.endSync = cancel
}

// stopSync ends that, and does not wait for it: what syncs forgets its keys by itself. h.mu is held.
func (h *Host) stopSync() {
	if h.syncing != nil {
		h.endSync()
		h.syncing, h.endSync = nil, nil
	}
}

// syncStatus says how it is with the person's other computers. It may read files, and so
// runs beside other requests.
func (h *Host) syncStatus(ctx context.Context) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	h.sync()
	status := h.syncing
	return later(func() (any, error) {
		result := protocol.SyncResult{Devices: []protocol.SyncDevice{}, Carriers: []protocol.SyncCarrier{}, Troubles: []protocol.SyncTrouble{}}
		if status == nil {
			return result, nil
		}
		result, err := status()
		if err != nil && !errors.Is(err, vault.ErrLocked) {
			h.Log("sync", err)
			return nil, &protocol.Error{Code: protocol.ErrInternal, Message: "It cannot be told how syncing goes: " + err.Error() + ".",
				Hint: "Run this in a terminal, it says what is wrong: codefob doctor"}
		}
		return result, err
	}), nil
}
