package host

import (
	"context"
	"errors"
	"strings"
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
	r.host.Glance()
	r.fails(protocol.MethodSync, nil, protocol.ErrVaultLocked)
	r.answers <- answer{passphrase, nil}
	get[protocol.VaultResult](r, protocol.MethodUnlock, nil)
	r.match(page(example))
	if len(began) != 0 {
		t.Error("syncing began before a glance: somebody waited for it")
	}
	r.host.Glance()
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
	r.host.Glance()
	if len(began) != 0 || first.ctx.Err() != nil {
		t.Error("it began again, or ended, while the vault was open")
	}

	r.host.Away(true)
	<-first.ctx.Done()
	r.fails(protocol.MethodSync, nil, protocol.ErrVaultLocked)
	r.keychain = true
	r.host.Away(false)
	r.hello()
	r.host.Glance()
	second := <-began
	r.check(r.other.LockForAll())
	r.host.Glance()
	<-second.ctx.Done()
	r.answers <- answer{passphrase, nil}
	get[protocol.VaultResult](r, protocol.MethodUnlock, nil)
	r.host.Glance()
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
	began := r.syncs()
	id := r.send(protocol.MethodSync, nil)
	s := <-began // turned on meanwhile: at once
	s.status <- nil
	if s := r.next(); s.ID != id || s.Error != nil || !strings.Contains(string(s.Result), `"on":true`) {
		t.Errorf("a host that syncs: %+v", s)
	}
	for _, tt := range []struct {
		err  error
		want protocol.ErrorCode
	}{{errors.New("damaged"), protocol.ErrInternal}, {vault.ErrLocked, protocol.ErrVaultLocked}} {
		go func() { s.status <- tt.err }()
		r.fails(protocol.MethodSync, nil, tt.want)
	}
}

func TestSyncingIsTurnedOnMeanwhile(t *testing.T) {
	r := newRig(t)
	var ctxs []context.Context
	r.host.Sync = func(ctx context.Context, _ *vault.Vault) func() (protocol.SyncResult, error) {
		ctxs = append(ctxs, ctx)
		return nil
	}
	r.hello()
	r.host.Glance()
	began := r.syncs()
	r.host.Glance()
	<-began
	if len(ctxs) != 1 || ctxs[0].Err() == nil {
		t.Errorf("off, it was tried %d times, and goes on", len(ctxs))
	}
}
