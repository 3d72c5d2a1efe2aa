//go:build !bench

package main

import (
	"context"

	"codefob/internal/vault"
)

var budget = vault.DefaultBudget

// unlockSilently opens the vault with the keychain slot.
func unlockSilently(ctx context.Context, v *vault.Vault) error { return v.UnlockKeychain(ctx) }
