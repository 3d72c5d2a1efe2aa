package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"codefob/internal/host"
	"codefob/internal/protocol"
	"codefob/internal/syncing"
	"codefob/internal/vault"
)

// syncs is what [host.Config] wants for syncing. Like others it logs no secrets; a defect of ours there
// ends the syncing, and not the codes.
func syncs(log func(event string, err error)) func(context.Context, *vault.Vault) func() (protocol.SyncResult, error) {
	return func(ctx context.Context, v *vault.Vault) func() (protocol.SyncResult, error) {
		if _, err := os.Stat(syncing.Path(v.Home())); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		s, err := syncing.Open(v)
		if err != nil {
			log("sync", err)
			return func() (protocol.SyncResult, error) { return protocol.SyncResult{}, err }
		}
		go func() {
			defer s.Close()
			_, err := host.Caught(func() (any, error) { return nil, s.Run(ctx, func(err error) { log("sync", err) }) })
			if err != nil && ctx.Err() == nil {
				log("sync", err)
			}
		}()
		return func() (protocol.SyncResult, error) {
			status, err := s.Status()
			return syncResult(status), err
		}
	}
}

// syncResult is a status as the extension gets it.
func syncResult(s syncing.Status) protocol.SyncResult {
	r := protocol.SyncResult{On: s.On, Devices: []protocol.SyncDevice{}, Carriers: []protocol.SyncCarrier{}, Troubles: []protocol.SyncTrouble{}, Duplicates: s.Duplicates}
	for _, d := range s.Devices {
		r.Devices = append(r.Devices, protocol.SyncDevice{Name: d.Name, Self: d.Self, Removed: d.Removed, Heard: milli(d.Heard), Waiting: d.Waiting})
	}
	for _, c := range s.Carriers {
		r.Carriers = append(r.Carriers, protocol.SyncCarrier{Kind: protocol.CarrierKind(c.Kind), Where: c.Where, Reached: milli(c.Reached), Pending: c.Pending, Error: c.Error, Why: protocol.CarrierWhy(c.Why)})
	}
	for _, t := range s.Troubles {
		r.Troubles = append(r.Troubles, protocol.SyncTrouble{Kind: protocol.SyncTroubleKind(t.Kind), Foul: t.Foul, Carrier: t.Carrier, Device: t.Device, Text: t.Text})
	}
	return r
}

// milli is a time for the extension; 0 for none.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
