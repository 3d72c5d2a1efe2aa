// Package keyringtest gives a test its own session bus with a real, unlocked
// gnome-keyring on it, away from the person's own. Starting one takes about
// 50 ms.
package keyringtest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybase/dbus"
)

// Keyring is a session bus and the gnome-keyring-daemon that serves it.
type Keyring struct {
	Env []string // for child processes, on top of their own: HOME, XDG folders, DBUS_SESSION_BUS_ADDRESS

	dir     string
	address string
	daemon  *exec.Cmd
}

// StartBus starts a session bus on which nobody offers the Secret Service, nor
// can be started to. It ends with the test. The test is skipped where
// dbus-daemon or gnome-keyring-daemon is not installed.
func StartBus(t testing.TB) *Keyring {
	t.Helper()
	for _, program := range []string{"dbus-daemon", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: needs %s (Debian: dbus, gnome-keyring)", program)
		}
	}
	dir, err := os.MkdirTemp("", "keyring") // t.TempDir is too long for the path of a socket
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"home", "data", "run"} {
		check(t, os.Mkdir(filepath.Join(dir, sub), 0o700))
	}
	k := &Keyring{dir: dir, address: "unix:path=" + filepath.Join(dir, "bus")}
	k.Env = []string{
		"HOME=" + filepath.Join(dir, "home"),
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		busVariable + "=" + k.address,
	}
	config := filepath.Join(dir, "bus.conf")
	check(t, os.WriteFile(config, fmt.Appendf(nil, busConfig, k.address), 0o600))
	bus := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--print-address")
	ready, err := bus.StdoutPipe()
	check(t, err)
	check(t, bus.Start())
	t.Cleanup(func() { end(bus) })
	if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		t.Fatalf("dbus-daemon: %v", err)
	}
	return k
}

// Start starts a session bus and a gnome-keyring-daemon whose default
// collection is unlocked. Both end with the test.
func Start(t testing.TB) *Keyring {
	t.Helper()
	k := StartBus(t)
	k.StartDaemon(t)
	t.Cleanup(func() { end(k.daemon) })
	return k
}

const (
	busVariable = "DBUS_SESSION_BUS_ADDRESS"
	secrets     = "org.freedesktop.secrets"
	servicePath = "/org/freedesktop/secrets"
	password    = "the keyring's password"

	// busConfig is a session bus without folders of services that could be started.
	busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`
)

// StartDaemon starts gnome-keyring-daemon, as after [Keyring.StopDaemon]. Once in
// some hundreds of starts the daemon comes up without unlocking: it is started again
// then, three times at the most, and the test fails with what it said.
func (k *Keyring) StartDaemon(t testing.TB) {
	t.Helper()
	conn := k.connect(t)
	defer conn.Close()
	unlocked := func() bool {
		var locked dbus.Variant
		err := conn.Object(secrets, servicePath+"/aliases/default").
			Call("org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.Secret.Collection", "Locked").Store(&locked)
		return err == nil && locked.Value() == false
	}
	var said bytes.Buffer
	for range 3 {
		k.daemon = exec.Command("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
		k.daemon.Env = append(os.Environ(), k.Env...)
		k.daemon.Stdin = strings.NewReader(password)
		k.daemon.Stderr = &said
		check(t, k.daemon.Start())
		if waited(unlocked) {
			return
		}
		k.StopDaemon(t)
	}
	t.Fatalf("waited in vain for an unlocked collection; the daemon said:\n%s", said.Bytes())
}

// StopDaemon kills the daemon, as a crash would. The bus stays.
func (k *Keyring) StopDaemon(t testing.TB) {
	t.Helper()
	end(k.daemon)
	conn := k.connect(t)
	defer conn.Close()
	await(t, "the daemon's end", func() bool {
		var owned bool
		err := conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, secrets).Store(&owned)
		return err == nil && !owned
	})
}

// Lock locks the default collection, as a person would with the keyring's own
// window. On this bus nothing can ask for its password.
func (k *Keyring) Lock(t testing.TB) {
	t.Helper()
	conn := k.connect(t)
	defer conn.Close()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	collection := dbus.ObjectPath(servicePath + "/aliases/default")
	check(t, conn.Object(secrets, servicePath).
		Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{collection}).Store(&locked, &prompt))
	if len(locked) != 1 {
		t.Fatalf("the collection stays unlocked: %v, %v", locked, prompt)
	}
}

// Setenv makes this bus the session bus of the test's own process.
func (k *Keyring) Setenv(t testing.TB) {
	t.Helper()
	for _, variable := range k.Env {
		key, value, _ := strings.Cut(variable, "=")
		t.Setenv(key, value)
	}
}

// Address is the bus's D-Bus address.
func (k *Keyring) Address() string { return k.address }

// Connect returns a connection to the bus, closed with the test.
func (k *Keyring) Connect(t testing.TB) *dbus.Conn {
	t.Helper()
	conn := k.connect(t)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (k *Keyring) connect(t testing.TB) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(k.address)
	check(t, err)
	return conn
}

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !waited(done) {
		t.Fatalf("waited in vain for %s", what)
	}
}

// waited is whether it is done within 10 s.
func waited(done func() bool) bool {
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func end(c *exec.Cmd) {
	c.Process.Kill()
	c.Wait()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
