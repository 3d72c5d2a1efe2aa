package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"codefob/internal/protocol"
	"codefob/internal/syncing"
)

// The protocol has the kinds of trouble that there are.
func TestTroubleKinds(t *testing.T) {
	var kinds []string
	for _, name := range []string{"vaultsync", "syncing"} {
		source, err := os.ReadFile("../internal/" + name + "/trouble.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Kind(?: =|:) +"([a-z-]+)"`).FindAllSubmatch(source, -1) {
			kinds = append(kinds, string(m[1]))
		}
	}
	for _, kind := range kinds {
		if !slices.Contains(protocol.SyncTroubleKinds, protocol.SyncTroubleKind(kind)) {
			t.Errorf("no %q on the wire", kind)
		}
	}
	for _, kind := range protocol.SyncTroubleKinds {
		if !slices.Contains(kinds, string(kind)) {
			t.Errorf("there is no %q", kind)
		}
	}
}

// The protocol has the reasons that there are, and each has its way out.
func TestWhyACarrierIsNotReached(t *testing.T) {
	source, err := os.ReadFile("../internal/syncing/why.go")
	if err != nil {
		t.Fatal(err)
	}
	var whys []protocol.CarrierWhy
	for _, m := range regexp.MustCompile(`return "([a-z-]+)"`).FindAllSubmatch(source, -1) {
		whys = append(whys, protocol.CarrierWhy(m[1]))
	}
	if !slices.Equal(whys, protocol.CarrierWhys) {
		t.Errorf("%q, on the wire %q", whys, protocol.CarrierWhys)
	}
	for _, why := range whys {
		if (syncing.Carrier{Why: string(why)}).WayOut() == "" {
			t.Errorf("no way out of %q", why)
		}
	}
}

func TestSyncResult(t *testing.T) {
	at := time.UnixMilli(1767355200000)
	r := syncResult(syncing.Status{On: true, Duplicates: 2,
		Devices:  []syncing.Device{{Name: "desk", Self: true}, {Name: "laptop", Removed: true, Heard: at, Waiting: 3}},
		Carriers: []syncing.Carrier{{Kind: "relay", Where: "wss://r.example", Reached: at, Pending: 4, Error: "gone", Why: "gone"}},
		Troubles: []syncing.Trouble{{Kind: "fork", Foul: true, Carrier: "wss://r.example", Device: "laptop", Text: "Two."}}})
	if !r.On || r.Duplicates != 2 ||
		!slices.Equal(r.Devices, []protocol.SyncDevice{{Name: "desk", Self: true}, {Name: "laptop", Removed: true, Heard: at.UnixMilli(), Waiting: 3}}) ||
		!slices.Equal(r.Carriers, []protocol.SyncCarrier{{Kind: protocol.CarrierRelay, Where: "wss://r.example", Reached: at.UnixMilli(), Pending: 4, Error: "gone", Why: "gone"}}) ||
		!slices.Equal(r.Troubles, []protocol.SyncTrouble{{Kind: protocol.TroubleFork, Foul: true, Carrier: "wss://r.example", Device: "laptop", Text: "Two."}}) {
		t.Errorf("%+v", r)
	}
	if off := syncResult(syncing.Status{}); off.On || off.Devices == nil || off.Carriers == nil || off.Troubles == nil {
		t.Errorf("off: %+v", off)
	}
}
