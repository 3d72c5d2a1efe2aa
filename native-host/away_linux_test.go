package main

import (
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keybase/dbus"

	"codefob/internal/keystore/keyringtest"
	"codefob/internal/protocol"
)

// screenLock is one, and logind, on the test's bus.
type screenLock struct {
	conn   *dbus.Conn
	active atomic.Bool
}

const screenPath, screenName = "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver"

func (s *screenLock) GetActive() (bool, *dbus.Error) { return s.active.Load(), nil }

func (s *screenLock) lock(t *testing.T, yes bool) {
	t.Helper()
	s.active.Store(yes)
	if err := s.conn.Emit(screenPath, screenName+".ActiveChanged", yes); err != nil {
		t.Fatal(err)
	}
}

// state waits until the host says that the vault is locked or open.
func (p *process) state(want protocol.VaultState, again func()) {
	p.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		again()
		var got protocol.HelloResult
		if err := json.Unmarshal(p.answers(hello).Result, &got); err != nil {
			p.Fatal(err)
		}
		if got.Vault == want {
			return
		}
		if time.Now().After(deadline) {
			p.Fatalf("the vault is %s, want %s", got.Vault, want)
		}
	}
}

// The real host, with a real keyring that opens without a question.
func TestTheScreenLockLocksTheVault(t *testing.T) {
	keyring := keyringtest.Start(t)
	s := &screenLock{conn: keyring.Connect(t)}
	if err := s.conn.Export(s, screenPath, screenName); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{screenName, "org.freedesktop.login1"} {
		if _, err := s.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
	p := keychainHost(t, keyring)
	p.Env = append(p.Env, "DBUS_SYSTEM_BUS_ADDRESS="+keyring.Address())
	nothing := func() {}
	p.start()
	p.state(protocol.VaultOpen, nothing)
	p.state(protocol.VaultLocked, func() { s.lock(t, true) }) // again and again: it may not listen yet
	// Another browser is started meanwhile.
	late := hostCommand(t, "codefob", firefoxArgs...)
	late.Env, late.home = p.Env, p.home
	late.start()
	late.state(protocol.VaultLocked, nothing)
	if r := late.answers(`{"id":2,"method":"accounts.match","params":{"context":{"origin":"https://github.com","tab":1,"frame":0,"document":"d"}}}`); r.Error == nil || r.Error.Code != protocol.ErrVaultLocked {
		t.Errorf("a page asks while the screen is locked: %+v", r)
	}
	s.lock(t, false)
	p.state(protocol.VaultOpen, nothing)
	late.state(protocol.VaultOpen, nothing)
	p.state(protocol.VaultLocked, func() { // as before the computer sleeps
		if err := s.conn.Emit("/org/freedesktop/login1", "org.freedesktop.login1.Manager.PrepareForSleep", true); err != nil {
			t.Fatal(err)
		}
	})
}
