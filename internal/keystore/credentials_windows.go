package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/danieljoos/wincred"
)

const name = "Windows Credential Manager"

// target is the name of a generic credential, unique for this user (wincred.h, CREDENTIALW).
func target(it Item) string { return it.Service + ":" + it.Account }

func get(ctx context.Context, it Item) ([]byte, error) {
	return within(ctx, func() ([]byte, error) {
		c, err := wincred.GetGenericCredential(target(it))
		if err != nil {
			return nil, explain(err)
		}
		return c.CredentialBlob, nil
	})
}

func set(ctx context.Context, it Item, secret []byte) error {
	c := wincred.NewGenericCredential(target(it)) // kept on this computer only
	c.UserName = it.Account
	c.Comment = it.Label
	c.CredentialBlob = bytes.Clone(secret)
	_, err := within(ctx, func() ([]byte, error) {
		defer clear(c.CredentialBlob)
		return nil, explain(c.Write())
	})
	return err
}

func remove(ctx context.Context, it Item) error {
	_, err := within(ctx, func() ([]byte, error) {
		return nil, explain(wincred.NewGenericCredential(target(it)).Delete())
	})
	return err
}

func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wincred.ErrElementNotFound):
		return ErrNotFound
	}
	return fmt.Errorf("credential manager: %w", err)
}
