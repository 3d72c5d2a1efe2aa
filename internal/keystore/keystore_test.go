//go:build linux

package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"codefob/internal/keystore/keyringtest"

	"github.com/keybase/dbus"
	"github.com/keybase/go-keychain/secretservice"
)

var (
	item   = Item{Service: "codefob", Account: "vault-1", Label: "Codefob vault"}
	secret = []byte("AGE-SECRET-KEY-1EXAMPLE")
)

// soon is a deadline far beyond what a live keyring takes, on a busy machine too.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestASecretIsKeptReplacedAndDeleted(t *testing.T) {
	keyringtest.Start(t).Setenv(t)
	ctx := soon(t)
	other := Item{Service: "codefob", Account: "vault-2", Label: "Another vault"}

	if _, err := Get(ctx, item); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get before Set: %v; want ErrNotFound", err)
	}
	if err := Delete(ctx, item); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete before Set: %v; want ErrNotFound", err)
	}
	for _, want := range [][]byte{secret, []byte("second"), {0, 0xff, '\n', 0}, bytes.Repeat([]byte("x"), 32<<10)} {
		if err := Set(ctx, item, want); err != nil {
			t.Fatalf("Set %d bytes: %v", len(want), err)
		}
		if got, err := Get(ctx, item); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Get = %q, %v; want %q", got, err, want)
		}
	}
	if err := Set(ctx, other, []byte("other")); err != nil {
		t.Fatal(err)
	}
	if err := Delete(ctx, item); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := Get(ctx, item); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get after Delete: %v; want ErrNotFound", err)
	}
	if got, err := Get(ctx, other); string(got) != "other" {
		t.Errorf("Get of the other vault = %q, %v", got, err)
	}
}

func TestAnItemChangedByAnotherProgram(t *testing.T) {
	if _, err := exec.LookPath("secret-tool"); err != nil {
		t.Skip("SKIPPED: needs secret-tool (Debian: libsecret-tools)")
	}
	tool := func(stdin string, args ...string) {
		t.Helper()
		c := exec.Command("secret-tool", args...)
		c.Stdin = strings.NewReader(stdin)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("secret-tool %v: %v\n%s", args, err, out)
		}
	}
	keyringtest.Start(t).Setenv(t)
	ctx := soon(t)
	name := []string{"service", item.Service, "account", item.Account}

	tool("from outside", append([]string{"store", "--label=x"}, name...)...)
	if got, err := Get(ctx, item); string(got) != "from outside" {
		t.Errorf("Get = %q, %v; want what the other program stored", got, err)
	}
	tool("", append([]string{"clear"}, name...)...)
	if _, err := Get(ctx, item); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of a cleared item: %v; want ErrNotFound", err)
	}
}

// An item that exists but holds nothing differs from no item.
func TestAnEmptySecretIsAnError(t *testing.T) {
	keyringtest.Start(t).Setenv(t)
	ctx := soon(t)
	if err := set(ctx, item, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := Get(ctx, item); !errors.Is(err, ErrEmpty) {
		t.Errorf("Get = %q, %v; want ErrEmpty", got, err)
	}
	if err := Set(ctx, item, nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("Set of nothing: %v; want ErrEmpty", err)
	}
}

func TestALockedKeyring(t *testing.T) {
	k := keyringtest.Start(t)
	k.Setenv(t)
	if err := Set(soon(t), item, secret); err != nil {
		t.Fatal(err)
	}
	k.Lock(t)
	for _, tt := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"Get", func(ctx context.Context) error { _, err := Get(ctx, item); return err }},
		{"Set", func(ctx context.Context) error { return Set(ctx, item, []byte("another")) }},
		{"Delete", func(ctx context.Context) error { return Delete(ctx, item) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			err := tt.do(ctx)
			if !errors.Is(err, ErrLocked) && !errors.Is(err, ErrTimeout) {
				t.Errorf("%v; want ErrLocked or ErrTimeout", err)
			}
			t.Log(err)
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v with a deadline of 1s", d)
			}
		})
	}
	k.StopDaemon(t)
	k.StartDaemon(t) // unlocked again
	if got, err := Get(soon(t), item); !bytes.Equal(got, secret) {
		t.Errorf("Get after the keyring was unlocked = %q, %v; want the old secret", got, err)
	}
}

func TestADaemonThatDied(t *testing.T) {
	k := keyringtest.Start(t)
	k.Setenv(t)
	if err := Set(soon(t), item, secret); err != nil {
		t.Fatal(err)
	}
	k.StopDaemon(t)
	if _, err := Get(soon(t), item); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Get: %v; want ErrUnavailable", err)
	}
	if err := Set(soon(t), item, secret); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Set: %v; want ErrUnavailable", err)
	}
	k.StartDaemon(t)
	if got, err := Get(soon(t), item); !bytes.Equal(got, secret) {
		t.Errorf("Get after its return = %q, %v", got, err)
	}
}

func TestNoSecretServiceIsSaidAtOnce(t *testing.T) {
	nobody := keyringtest.StartBus(t)
	dead := filepath.Join(t.TempDir(), "dead")
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	afar, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp := fmt.Sprintf("tcp:host=127.0.0.1,port=%d", afar.Addr().(*net.TCPAddr).Port)
	go func() {
		if c, err := afar.Accept(); err == nil {
			c.Close()
			t.Error("another computer was called")
		}
	}()
	defer afar.Close()
	for _, tt := range []struct{ name, address string }{
		{"no session bus", ""},
		{"no socket", "unix:path=/nonexistent"},
		{"no socket but a file", "unix:path=" + dead},
		{"a bus without the service", nobody.Address()},
		{"another computer", tcp},
		{"another computer second", "unix:path=/nonexistent;" + tcp},
		{"a program", "unixexec:path=/bin/false"},
		{"launch one", "autolaunch:"},
		{"nonsense", ";;=\xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", tt.address)
			t.Setenv("PATH", trap(t, "dbus-launch"))
			start := time.Now()
			if _, err := Get(soon(t), item); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Get: %v; want ErrUnavailable", err)
			}
			if err := Set(soon(t), item, secret); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Set: %v; want ErrUnavailable", err)
			}
			if err := Delete(soon(t), item); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Delete: %v; want ErrUnavailable", err)
			}
			if d := time.Since(start); d > 20*time.Second { // soon enough
				t.Errorf("took %v", d)
			}
		})
	}
}

// trap returns a folder with a program that must not be run: the test fails if it was.
func trap(t *testing.T, program string) (dir string) {
	dir = t.TempDir()
	sprung := filepath.Join(dir, "sprung")
	script := "#!/bin/sh\n: >" + sprung + "\n"
	if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := os.Stat(sprung); err == nil {
			t.Errorf("%s was run", program)
		}
	})
	return dir
}

func TestAHungBusEndsAtTheDeadline(t *testing.T) {
	path := filepath.Join(shortDir(t), "bus")
	l, err := net.Listen("unix", path) // accepts, in the kernel, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	endsAtTheDeadline(t)
}

// hungService owns the Secret Service's name, takes calls and answers none.
func hungService(t *testing.T, k *keyringtest.Keyring) *dbus.Conn {
	t.Helper()
	conn := k.Connect(t)
	calls := make(chan *dbus.Message, 64)
	if _, err := conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	conn.Eavesdrop(calls)
	return conn
}

func TestAHungServiceEndsAtTheDeadline(t *testing.T) {
	k := keyringtest.StartBus(t)
	k.Setenv(t)
	hungService(t, k)
	endsAtTheDeadline(t)
}

// lockedService is a Secret Service with one item, locked behind a prompt. It
// stands in for a person at gnome-keyring's own prompt, which no test can answer.
type lockedService struct {
	conn   *dbus.Conn
	prompt func(send func(signal string, body ...any) error)
}

func (lockedService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), "/org/freedesktop/secrets/session/s1", nil
}

func (lockedService) SearchItems(map[string]string) (unlocked, locked []dbus.ObjectPath, _ *dbus.Error) {
	return nil, []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login/1"}, nil
}

func (lockedService) Unlock([]dbus.ObjectPath) (unlocked []dbus.ObjectPath, prompt dbus.ObjectPath, _ *dbus.Error) {
	return nil, "/org/freedesktop/secrets/prompt/p1", nil
}

func (s lockedService) Prompt(sender dbus.Sender, window string) *dbus.Error {
	go s.prompt(func(signal string, body ...any) error {
		dot := strings.LastIndexByte(signal, '.')
		message := &dbus.Message{Type: dbus.TypeSignal, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(string(sender)),
			dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/secrets/prompt/p1")),
			dbus.FieldInterface:   dbus.MakeVariant(signal[:dot]),
			dbus.FieldMember:      dbus.MakeVariant(signal[dot+1:]),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(body...)),
		}}
		return s.conn.Send(message, nil).Err
	})
	return nil
}

func (lockedService) GetSecret(session dbus.ObjectPath) (secretservice.Secret, *dbus.Error) {
	return secretservice.Secret{Session: session, Value: secret, ContentType: "text/plain"}, nil
}

// serve puts a lockedService on the bus.
func serve(t *testing.T, prompt func(send func(signal string, body ...any) error)) {
	t.Helper()
	k := keyringtest.StartBus(t)
	k.Setenv(t)
	conn := k.Connect(t)
	for path, name := range map[dbus.ObjectPath]string{
		"/org/freedesktop/secrets":                    "org.freedesktop.Secret.Service",
		"/org/freedesktop/secrets/prompt/p1":          "org.freedesktop.Secret.Prompt",
		"/org/freedesktop/secrets/collection/login/1": "org.freedesktop.Secret.Item",
	} {
		if err := conn.Export(lockedService{conn, prompt}, path, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

func TestALockedItemIsReadOnceThePersonUnlockedIt(t *testing.T) {
	for _, tt := range []struct {
		name      string
		dismissed bool
		want      error
	}{
		{"unlocked", false, nil},
		{"dismissed", true, ErrLocked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var prompted atomic.Bool
			serve(t, func(send func(string, ...any) error) {
				prompted.Store(true)
				send("org.freedesktop.Secret.Prompt.Completed", tt.dismissed, dbus.MakeVariant(""))
			})
			got, err := Get(soon(t), item)
			if !errors.Is(err, tt.want) || !prompted.Load() || (err == nil) != bytes.Equal(got, secret) {
				t.Errorf("Get = %q, %v, prompted %v; want %v", got, err, prompted.Load(), tt.want)
			}
		})
	}
}

// Package secretservice restarts its own timer at every signal (attack U6).
func TestSignalsDoNotPostponeTheDeadlineOfAPrompt(t *testing.T) {
	serve(t, func(send func(string, ...any) error) {
		for range time.Tick(10 * time.Millisecond) {
			if send("org.example.Unrelated.Signal", "x") != nil {
				return
			}
		}
	})
	endsAtTheDeadline(t)
}

func endsAtTheDeadline(t *testing.T) {
	t.Helper()
	const deadline = 200 * time.Millisecond
	for name, do := range map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := Get(ctx, item); return err },
		"Set":    func(ctx context.Context) error { return Set(ctx, item, secret) },
		"Delete": func(ctx context.Context) error { return Delete(ctx, item) },
	} {
		start := time.Now() // before the deadline is set, or the wait may seem shorter than it
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		err := do(ctx)
		cancel()
		if d := time.Since(start); !errors.Is(err, ErrTimeout) || d < deadline || d > deadline+20*time.Second {
			t.Errorf("%s: %v after %v; want ErrTimeout after %v", name, err, d, deadline)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Get(ctx, item); !errors.Is(err, context.Canceled) {
		t.Errorf("Get when nobody waits: %v; want context.Canceled", err)
	}
}

// shortDir is a temporary folder whose name leaves room for a socket's (108 bytes).
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func BenchmarkGet(b *testing.B) {
	k := keyringtest.Start(b)
	k.Setenv(b)
	if err := Set(b.Context(), item, secret); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Get(b.Context(), item); err != nil {
			b.Fatal(err)
		}
	}
}
