//go:build bench

package main

import (
	"context"
	"os"

	"codefob/internal/vault"
)

// The host that make bench times differs in these two things only: it releases
// more codes than the budget allows, and takes the vault's identity from the
// environment where that is set ("the key at hand").

var budget = vault.Budget{PerMinute: 1 << 30, PerHour: 1 << 30}

func unlockSilently(ctx context.Context, v *vault.Vault) error {
	if identity := os.Getenv("CODEFOB_BENCH_IDENTITY"); identity != "" {
		return v.UnlockIdentity([]byte(identity))
	}
	return v.UnlockKeychain(ctx)
}
