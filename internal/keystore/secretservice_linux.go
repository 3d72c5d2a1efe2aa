package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/keybase/dbus"
	"github.com/keybase/go-keychain/secretservice"

	"codefob/internal/localbus"
)

// This file speaks to the Secret Service (freedesktop.org, Secret Service API
// 0.2) over the session bus.
//
// Writing and deleting go through package secretservice. Reading, which stands on
// the path of a browser's first code, goes through the D-Bus library below it: one
// connection that ends with the context and is closed again (secretservice has
// neither), two requests on their way at a time, no subscription to prompts, and a
// search over all collections that tells locked items from unlocked ones. That is
// 2.4 ms in a new process instead of 2.9 ms. So does unlocking: secretservice takes
// the end of any program's prompt for the end of its own.
//
// Sessions are "plain". The other kind hides the secret from the bus, a socket
// that only this user and root can read: both are out of scope (they could ask
// the Secret Service themselves). It would cost 3 ms of arithmetic.

const name = "Secret Service"

const (
	iface   = "org.freedesktop.Secret."
	plain   = secretservice.AuthenticationInsecurePlain
	service = secretservice.SecretServiceObjectPath
	wallet  = secretservice.DefaultCollection
)

func get(ctx context.Context, it Item) ([]byte, error) {
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	open := call(ctx, conn, service, "Service.OpenSession", plain, dbus.MakeVariant(""))
	found, err := find(ctx, conn, it)
	if err != nil {
		return nil, err
	}
	var session dbus.ObjectPath
	var none dbus.Variant
	if err := (<-open.Done).Store(&none, &session); err != nil {
		return nil, explain(ctx, err)
	}
	if found.locked {
		if err := unlock(ctx, conn, found.items); err != nil {
			return nil, err
		}
	}
	var secret secretservice.Secret
	read := call(ctx, conn, found.items[0], "Item.GetSecret", session)
	if err := (<-read.Done).Store(&secret); err != nil {
		return nil, explain(ctx, err)
	}
	return secret.Value, nil
}

func set(ctx context.Context, it Item, secret []byte) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	err = unlock(ctx, conn, []dbus.ObjectPath{wallet})
	conn.Close()
	if err != nil {
		return err
	}
	secret = bytes.Clone(secret)
	return transact(ctx, func(s *secretservice.SecretService) error {
		defer clear(secret)
		session, err := s.OpenSession(plain)
		if err != nil {
			return err
		}
		sealed, err := session.NewSecret(secret)
		if err != nil {
			return err
		}
		properties := secretservice.NewSecretProperties(it.Label, attributes(it))
		_, err = s.CreateItem(wallet, properties, sealed, secretservice.ReplaceBehaviorReplace)
		return err
	})
}

func remove(ctx context.Context, it Item) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	found, err := find(ctx, conn, it)
	if err == nil && found.locked {
		err = unlock(ctx, conn, found.items)
	}
	conn.Close()
	if err != nil {
		return err
	}
	return transact(ctx, func(s *secretservice.SecretService) error {
		for _, item := range found.items {
			if err := s.DeleteItem(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// unlock lets the Secret Service ask the person for the password of a collection.
// Only the end of its own prompt counts: those of other programs end on the same bus.
func unlock(ctx context.Context, conn *dbus.Conn, items []dbus.ObjectPath) error {
	var open []dbus.ObjectPath
	var prompt dbus.ObjectPath
	ask := call(ctx, conn, service, "Service.Unlock", items)
	if err := (<-ask.Done).Store(&open, &prompt); err != nil {
		return explain(ctx, err)
	}
	if prompt == secretservice.NullPrompt {
		return nil
	}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals) // which closes it at its end
	err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(iface+"Prompt"), dbus.WithMatchObjectPath(prompt))
	if err == nil {
		err = (<-call(ctx, conn, prompt, "Prompt.Prompt", "").Done).Err
	}
	if err != nil {
		return explain(ctx, err)
	}
	for s := range signals {
		if s.Path != prompt || s.Name != iface+"Prompt.Completed" || len(s.Body) == 0 {
			continue
		}
		if dismissed, ok := s.Body[0].(bool); !ok || dismissed {
			return ErrDismissed
		}
		return nil
	}
	return explain(ctx, dbus.ErrClosed)
}

// transact does work that may show a prompt. Package secretservice knows no
// contexts and restarts its own timer at every signal, hence [within]; its
// connection stays until the process ends.
func transact(ctx context.Context, work func(*secretservice.SecretService) error) error {
	address, err := localbus.Session()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// NewService would run dbus-launch, from PATH, if it had to look for a bus.
	if err := os.Setenv(localbus.SessionVariable, address); err != nil {
		return err
	}
	_, err = within(ctx, func() ([]byte, error) {
		s, err := secretservice.NewService()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return nil, work(s)
	})
	return explain(ctx, err)
}

// matches are the items that carry our attributes: all unlocked, or all locked.
type matches struct {
	items  []dbus.ObjectPath // at least one
	locked bool
}

// find looks in every collection. It returns [ErrNotFound] rather than no items.
func find(ctx context.Context, conn *dbus.Conn, it Item) (matches, error) {
	var unlocked, locked []dbus.ObjectPath
	search := call(ctx, conn, service, "Service.SearchItems", attributes(it))
	if err := (<-search.Done).Store(&unlocked, &locked); err != nil {
		return matches{}, explain(ctx, err)
	}
	switch {
	case len(unlocked) > 0:
		return matches{items: unlocked}, nil
	case len(locked) > 0:
		return matches{items: locked, locked: true}, nil
	}
	return matches{}, ErrNotFound
}

func attributes(it Item) map[string]string {
	return map[string]string{"service": it.Service, "account": it.Account}
}

func call(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return conn.Object(secretservice.SecretServiceInterface, path).GoWithContext(ctx, iface+method, 0, nil, args...)
}

// dial connects to the session bus. The connection is closed when ctx ends.
func dial(ctx context.Context) (*dbus.Conn, error) {
	address, err := localbus.Session()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	conn, err := localbus.Connect(ctx, address)
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return conn, nil
}

// explain turns what D-Bus and package secretservice return into this package's errors.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	var dismissed secretservice.PromptDismissedError
	if errors.As(err, &dismissed) {
		return ErrDismissed
	}
	if errors.Is(err, dbus.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var reply dbus.Error
	if !errors.As(err, &reply) {
		return fmt.Errorf("secret service: %w", err)
	}
	switch reply.Name {
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.Disconnected":
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case iface + "Error.IsLocked":
		return ErrLocked
	case iface + "Error.NoSuchObject":
		return ErrNotFound
	case "org.freedesktop.DBus.Error.NoReply", iface + "Error.NoSession": // what the bus says when the service ends, and the next one
		return fmt.Errorf("%w: %w", ErrRestarted, err)
	case "org.freedesktop.DBus.Error.Timeout":
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	if strings.HasPrefix(reply.Name, "org.freedesktop.DBus.Error.Spawn.") {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("secret service: %w", err)
}
