// Package keystore keeps one secret item in the keychain of the operating
// system: the Secret Service on Linux, the Keychain on macOS, the Credential
// Manager on Windows.
//
// Every call ends at the deadline of its context, however long the keychain
// would take; what it started by then (an unlock dialog, say) may still go on.
package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

var (
	ErrUnavailable = errors.New("no keychain service here")
	ErrNotFound    = errors.New("no such keychain item")
	ErrLocked      = errors.New("keychain is locked") // and the user did not unlock it
	ErrDismissed   = fmt.Errorf("%w: its question was closed", ErrLocked)
	ErrRestarted   = errors.New("keychain ended before it answered")
	ErrEmpty       = errors.New("keychain item reads back empty")  // it exists: never a reason to make a new key
	ErrTimeout     = errors.New("keychain did not answer in time") // the context's deadline passed
)

// Item names one item of the keychain. Nothing in it is secret.
type Item struct {
	Service string // "codefob"
	Account string // the vault's id
	Label   string // shown in the keychain's own window
}

// Name names this system's keychain to people, e.g. "Secret Service".
func Name() string { return name }

// Get reads the secret of an item. Its errors are this package's sentinels,
// or the keychain's own, wrapped.
func Get(ctx context.Context, it Item) ([]byte, error) {
	secret, err := get(ctx, it)
	if err != nil {
		return nil, err
	}
	if len(secret) == 0 {
		return nil, ErrEmpty
	}
	return secret, nil
}

// Set stores the secret of an item, replacing what was there. It reads the
// item back and compares before it returns nil.
func Set(ctx context.Context, it Item, secret []byte) error {
	if len(secret) == 0 {
		return ErrEmpty
	}
	if err := set(ctx, it, secret); err != nil {
		return err
	}
	back, err := Get(ctx, it)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer clear(back)
	if !bytes.Equal(back, secret) {
		return errors.New("read back: another secret")
	}
	return nil
}

// Delete removes an item. It returns [ErrNotFound] when there was none.
func Delete(ctx context.Context, it Item) error { return remove(ctx, it) }
