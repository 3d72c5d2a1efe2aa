package host

import (
	"context"
	"errors"
	"testing"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// synced is one syncing that the host began.
type synced struct {
	ctx    context.Context
	vault  string // its id
	status chan error
}

// syncs has the host sync from now on, and tells of each time that it begins.
func (r *rig) syncs() chan synced {
	began := make(chan synced, 10)
	r.host.Sync = func(ctx context.Context, v *vault.Vault) func() (protocol.SyncResult, error) {
		s := synced{ctx, v.ID(), make(chan error)}
		began <- s
		return func() (protocol.SyncResult, error) {
			err := <-s.status
			return protocol.SyncResult{On: true, Devices: []protocol.SyncDevice{{Name: "laptop", Self: true}}, Carriers: []protocol.SyncCarrier{}, Troubles: []protocol.SyncTrouble{}}, err
		}
	}
	return began
}

func TestSyncingRunsWhileTheVaultIsOpen(t *testing.T) {
	r := newRig(t)
	began := r.syncs()
	r.keychain = false
	r.fails(protocol.MethodSync, nil, protocol.ErrVaultLocked)
	r.answers <- answer{passphrase, nil}
	get[protocol.VaultResult](r, protocol.MethodUnlock, nil)
	first := <-began
	if first.vault != r.other.ID() || first.ctx.Err() != nil {
		t.Errorf("syncing began with vault %q: %v", first.vault, first.ctx.Err())
	}
	// What reads files holds nobody up.
	id := r.send(protocol.MethodSync, nil)
	r.hello()
	first.status <- nil
	if s := r.next(); s.ID != id || s.Error != nil {
		t.Errorf("status: %+v, want the reply to %d", s, id)
	}
	r.hello()
	if len(began) != 0 || first.ctx.Err() != nil {
		t.Error("it began again, or ended, while the vault was open")
	}

	r.host.Away(true)
	<-first.ctx.Done()
	r.fails(protocol.MethodSync, nil, protocol.ErrVaultLocked)
	r.keychain = true
	r.host.Away(false)
	r.hello()
	second := <-began
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	<-second.ctx.Done()
	r.answers <- answer{passphrase, nil}
	get[protocol.VaultResult](r, protocol.MethodUnlock, nil)
	third := <-began
	r.check(r.end())
	<-third.ctx.Done()
}

func TestSyncStatus(t *testing.T) {
	r := newRig(t)
	off := get[protocol.SyncResult](r, protocol.MethodSync, nil)
	if off.On || off.Devices == nil || off.Carriers == nil || off.Troubles == nil {
		t.Errorf("a host that does not sync: %+v", off)
	}
	r.host.Away(true)
	r.host.Away(false)
	began := r.syncs()
	r.hello()
	s := <-began
	for _, tt := range []struct {
		err  error
		want protocol.ErrorCode
	}{{errors.New("damaged"), protocol.ErrInternal}, {vault.ErrLocked, protocol.ErrVaultLocked}} {
		go func() { s.status <- tt.err }()
		r.fails(protocol.MethodSync, nil, tt.want)
	}
	go func() { s.status <- nil }()
	if on := get[protocol.SyncResult](r, protocol.MethodSync, nil); !on.On || on.Devices[0].Name != "laptop" {
		t.Errorf("a host that syncs: %+v", on)
	}
}
