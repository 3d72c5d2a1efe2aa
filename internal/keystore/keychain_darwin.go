//go:build darwin && cgo && !ios

package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/keybase/go-keychain"
)

const name = "macOS Keychain"

// query names the item: a generic password of this user's default keychain.
func query(it Item) keychain.Item {
	q := keychain.NewItem()
	q.SetSecClass(keychain.SecClassGenericPassword)
	q.SetService(it.Service)
	q.SetAccount(it.Account)
	return q
}

func get(ctx context.Context, it Item) ([]byte, error) {
	return within(ctx, func() ([]byte, error) {
		q := query(it)
		q.SetMatchLimit(keychain.MatchLimitOne)
		q.SetReturnData(true)
		found, err := keychain.QueryItem(q)
		if err != nil {
			return nil, explain(err)
		}
		if len(found) == 0 {
			return nil, ErrNotFound
		}
		return found[0].Data, nil
	})
}

func set(ctx context.Context, it Item, secret []byte) error {
	secret = bytes.Clone(secret)
	_, err := within(ctx, func() ([]byte, error) {
		defer clear(secret)
		added := query(it)
		added.SetLabel(it.Label)
		added.SetData(secret)
		added.SetSynchronizable(keychain.SynchronizableNo) // never to iCloud
		added.SetAccessible(keychain.AccessibleWhenUnlockedThisDeviceOnly)
		err := keychain.AddItem(added)
		if errors.Is(err, keychain.ErrorDuplicateItem) {
			changed := keychain.NewItem()
			changed.SetLabel(it.Label)
			changed.SetData(secret)
			err = keychain.UpdateItem(query(it), changed)
		}
		return nil, explain(err)
	})
	return err
}

func remove(ctx context.Context, it Item) error {
	_, err := within(ctx, func() ([]byte, error) {
		return nil, explain(keychain.DeleteItem(query(it)))
	})
	return err
}

func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keychain.ErrorItemNotFound):
		return ErrNotFound
	case errors.Is(err, keychain.ErrorUserCanceled), errors.Is(err, keychain.ErrorAuthFailed),
		errors.Is(err, keychain.ErrorInteractionNotAllowed): // no window to ask in, as over ssh
		return ErrLocked
	case errors.Is(err, keychain.ErrorNotAvailable), errors.Is(err, keychain.ErrorNoSuchKeychain):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("keychain: %w", err)
}
