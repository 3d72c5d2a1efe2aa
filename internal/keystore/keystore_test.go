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

// scripted is a Secret Service with one item. It stands in for a person at
// gnome-keyring's own prompt, which no test can answer, and for services that fail.
type scripted struct {
	conn    *dbus.Conn
	open    bool               // the item is not locked
	prompt  func(shown)        // a prompt is to be shown
	read    func() *dbus.Error // before the secret is given; nil for no error
	prompts atomic.Int32       // that were made
}

const itemPath = dbus.ObjectPath("/org/freedesktop/secrets/collection/login/1")

func (*scripted) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), "/org/freedesktop/secrets/session/s1", nil
}

func (s *scripted) SearchItems(map[string]string) (unlocked, locked []dbus.ObjectPath, _ *dbus.Error) {
	if s.open {
		return []dbus.ObjectPath{itemPath}, nil, nil
	}
	return nil, []dbus.ObjectPath{itemPath}, nil
}

func (s *scripted) Unlock([]dbus.ObjectPath) (unlocked []dbus.ObjectPath, prompt dbus.ObjectPath, _ *dbus.Error) {
	return nil, promptPath(s.prompts.Add(1)), nil
}

func (s *scripted) Prompt(sender dbus.Sender, message dbus.Message, window string) *dbus.Error {
	go s.prompt(shown{s.conn, string(sender), message.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)})
	return nil
}

func (s *scripted) GetSecret(session dbus.ObjectPath) (secretservice.Secret, *dbus.Error) {
	if s.read != nil {
		if err := s.read(); err != nil {
			return secretservice.Secret{}, err
		}
	}
	return secretservice.Secret{Session: session, Value: secret, ContentType: "text/plain"}, nil
}

func promptPath(n int32) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("/org/freedesktop/secrets/prompt/p%d", n))
}

// shown is a prompt that a program asked for.
type shown struct {
	conn *dbus.Conn
	to   string // that program
	path dbus.ObjectPath
}

// send sends the program a signal.
func (s shown) send(signal string, body ...any) error {
	dot := strings.LastIndexByte(signal, '.')
	message := &dbus.Message{Type: dbus.TypeSignal, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(s.to),
		dbus.FieldPath:        dbus.MakeVariant(s.path),
		dbus.FieldInterface:   dbus.MakeVariant(signal[:dot]),
		dbus.FieldMember:      dbus.MakeVariant(signal[dot+1:]),
		dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(body...)),
	}}
	return s.conn.Send(message, nil).Err
}

// end tells the program of the end of a prompt, its own or another's.
func (s shown) end(of dbus.ObjectPath, dismissed bool) {
	s.path = of
	s.send("org.freedesktop.Secret.Prompt.Completed", dismissed, dbus.MakeVariant(""))
}

// serve puts a service on a bus of its own.
func serve(t *testing.T, s *scripted) {
	t.Helper()
	k := keyringtest.StartBus(t)
	k.Setenv(t)
	s.conn = k.Connect(t)
	for path, name := range map[dbus.ObjectPath]string{
		"/org/freedesktop/secrets": "org.freedesktop.Secret.Service",
		promptPath(1):              "org.freedesktop.Secret.Prompt",
		promptPath(2):              "org.freedesktop.Secret.Prompt",
		promptPath(3):              "org.freedesktop.Secret.Prompt",
		itemPath:                   "org.freedesktop.Secret.Item",
	} {
		if err := s.conn.Export(s, path, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

// Attack U3: prompts of other programs end on the same bus, and mean nothing.
func TestALockedItemIsReadOnceThePersonUnlockedIt(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(shown)
		want error
	}{
		{"unlocked", func(s shown) { s.end(s.path, false) }, nil},
		{"dismissed", func(s shown) { s.end(s.path, true) }, ErrDismissed},
		{"unlocked after another's was dismissed", func(s shown) { s.end(promptPath(7), true); s.end(s.path, false) }, nil},
		{"dismissed after another's was answered", func(s shown) { s.end(promptPath(7), false); s.end(s.path, true) }, ErrDismissed},
		{"without an answer", func(s shown) { s.send("org.freedesktop.Secret.Prompt.Completed", "yes"); s.conn.Close() }, ErrDismissed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, &scripted{prompt: tt.end})
			if got, err := Get(soon(t), item); !errors.Is(err, tt.want) || (err == nil) != bytes.Equal(got, secret) {
				t.Errorf("Get = %q, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// Attack U3: each has its own prompt, and its own answer.
func TestTwoProgramsThatPromptAtOnce(t *testing.T) {
	both := make(chan shown, 2)
	serve(t, &scripted{prompt: func(s shown) { both <- s }})
	results := make(chan error, 2)
	for range 2 {
		go func() {
			got, err := Get(soon(t), item)
			if err == nil && !bytes.Equal(got, secret) {
				err = errors.New("another secret")
			}
			results <- err
		}()
	}
	first, second := <-both, <-both
	for _, s := range []shown{first, second} {
		s.end(second.path, true)
		s.end(first.path, false)
	}
	if a, b := <-results, <-results; errors.Is(a, ErrDismissed) == errors.Is(b, ErrDismissed) || a != nil && b != nil {
		t.Errorf("%v and %v; want one that was unlocked and one that was dismissed", a, b)
	}
}

// Attack U3: what happens between the search and the reading.
func TestAServiceThatChangesMeanwhile(t *testing.T) {
	fails := func(name string) func(*scripted) *dbus.Error {
		return func(*scripted) *dbus.Error { return dbus.NewError(name, []any{"says why"}) }
	}
	for _, tt := range []struct {
		name string
		read func(*scripted) *dbus.Error
		want error
	}{
		{"it ends", func(s *scripted) *dbus.Error { s.conn.Close(); return nil }, ErrRestarted},
		{"another one is there", fails("org.freedesktop.Secret.Error.NoSession"), ErrRestarted},
		{"it is locked", fails("org.freedesktop.Secret.Error.IsLocked"), ErrLocked},
		{"the item is deleted", fails("org.freedesktop.Secret.Error.NoSuchObject"), ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &scripted{open: true}
			s.read = func() *dbus.Error { return tt.read(s) }
			serve(t, s)
			if got, err := Get(soon(t), item); got != nil || !errors.Is(err, tt.want) {
				t.Errorf("Get = %q, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// Package secretservice restarts its own timer at every signal (attack U6).
func TestSignalsDoNotPostponeTheDeadlineOfAPrompt(t *testing.T) {
	serve(t, &scripted{prompt: func(s shown) {
		for range time.Tick(10 * time.Millisecond) {
			if s.send("org.example.Unrelated.Signal", "x") != nil {
				return
			}
		}
	}})
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
