//go:build !linux && !windows && !(darwin && cgo && !ios)

package keystore

import "context"

// A build for macOS without cgo cannot reach the Keychain.
const name = "keychain"

func get(context.Context, Item) ([]byte, error) { return nil, ErrUnavailable }
func set(context.Context, Item, []byte) error   { return ErrUnavailable }
func remove(context.Context, Item) error        { return ErrUnavailable }
