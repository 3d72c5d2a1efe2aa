package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/keybase/dbus"
	"github.com/keybase/go-keychain/secretservice"
)

// This file speaks to the Secret Service (freedesktop.org, Secret Service API
// 0.2) over the session bus.
//
// Writing, unlocking and deleting go through package secretservice. Reading,
// which stands on the path of a browser's first code, goes through the D-Bus
// library below it: one connection that ends with the context and is closed
// again (secretservice has neither), two requests on their way at a time, no
// subscription to prompts, and a search over all collections that tells locked
// items from unlocked ones. That is 2.4 ms in a new process instead of 2.9 ms.
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
		if err := unlock(ctx, found.items); err != nil {
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
		if err := s.Unlock([]dbus.ObjectPath{wallet}); err != nil {
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
	conn.Close()
	if err != nil {
		return err
	}
	return transact(ctx, func(s *secretservice.SecretService) error {
		if err := s.Unlock(found.items); err != nil {
			return err
		}
		for _, item := range found.items {
			if err := s.DeleteItem(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// unlock lets the Secret Service ask the user for the password of a collection.
func unlock(ctx context.Context, items []dbus.ObjectPath) error {
	return transact(ctx, func(s *secretservice.SecretService) error { return s.Unlock(items) })
}

// transact does work that may show a prompt. Package secretservice knows no
// contexts and restarts its own timer at every signal, hence [within]; its
// connection stays until the process ends.
func transact(ctx context.Context, work func(*secretservice.SecretService) error) error {
	address, err := busAddress()
	if err != nil {
		return err
	}
	// NewService would run dbus-launch, from PATH, if it had to look for a bus.
	if err := os.Setenv(busVariable, address); err != nil {
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
	address, err := busAddress()
	if err != nil {
		return nil, err
	}
	// Naming the one method that local buses use saves a look into the home folder for the other's cookies.
	external := dbus.AuthExternal(strconv.Itoa(os.Geteuid()))
	conn, err := dbus.Connect(address, dbus.WithContext(ctx), dbus.WithAuth(external))
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return conn, nil
}

const busVariable = "DBUS_SESSION_BUS_ADDRESS"

// busAddress returns the address of the session bus, if that is a local socket:
// D-Bus addresses can also name other computers and programs to run.
func busAddress() (string, error) {
	address := os.Getenv(busVariable)
	if address == "" {
		address = fmt.Sprintf("unix:path=/run/user/%d/bus", os.Getuid())
	}
	for one := range strings.SplitSeq(address, ";") {
		if !strings.HasPrefix(one, "unix:") {
			return "", fmt.Errorf("%w: the session bus is not a local socket", ErrUnavailable)
		}
	}
	return address, nil
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
		return ErrLocked
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
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Timeout":
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	if strings.HasPrefix(reply.Name, "org.freedesktop.DBus.Error.Spawn.") {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("secret service: %w", err)
}
