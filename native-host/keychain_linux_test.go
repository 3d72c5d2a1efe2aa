package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codefob/internal/keystore"
	"codefob/internal/keystore/keyringtest"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// keychainHost is a host whose vault has a slot in the keyring, and a pinentry that
// knows the passphrase.
func keychainHost(t *testing.T, k *keyringtest.Keyring) *process {
	t.Helper()
	p := hostCommand(t, "codefob", chromiumArgs...)
	p.withPinentry()
	for _, v := range k.Env {
		if !strings.HasPrefix(v, "HOME=") {
			p.Env = append(p.Env, v)
		}
	}
	p.makeSlot()
	return p
}

func (p *process) makeSlot() {
	p.Helper()
	c := exec.Command("codefob", "keychain", "--vault-passphrase-file", "-")
	c.Env, c.Stdin = p.Env, strings.NewReader(passphrase)
	if out, err := c.CombinedOutput(); err != nil {
		p.Fatalf("%v: %s", err, out)
	}
}

// Attack U3: whatever has become of the keychain, two browsers that ask at once get in
// with the passphrase, and what the keychain holds stays as it is.
func TestThePassphraseWorksWhateverTheKeychainDoes(t *testing.T) {
	if _, err := exec.LookPath("secret-tool"); err != nil {
		t.Skip("SKIPPED: needs secret-tool (Debian: libsecret-tools)")
	}
	k := keyringtest.Start(t)
	model := keychainHost(t, k)
	slotFile := filepath.Join(model.home, "vault", "slots", "keychain.json")
	slot, err := os.ReadFile(slotFile)
	if err != nil {
		t.Fatal(err)
	}
	var named struct{ Account string }
	if err := json.Unmarshal(slot, &named); err != nil {
		t.Fatal(err)
	}
	tool := func(stdin string, args ...string) string {
		// Of a locked keychain it may wait for ever: the end of the question can come before it listens for that.
		within, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c := exec.CommandContext(within, "secret-tool", append(args, "service", "codefob", "account", named.Account)...)
		c.Env, c.Stdin = append(os.Environ(), k.Env...), strings.NewReader(stdin)
		out, _ := c.Output() // it fails where there is no item
		return string(out)
	}
	store := func(secret string) func() { return func() { tool(secret, "store", "--label=x") } }
	for _, tt := range []struct {
		name  string
		spoil func()
		mend  func()
	}{
		{"it is locked, and its question closed", func() { k.Lock(t) }, func() { k.StopDaemon(t); k.StartDaemon(t) }},
		{"the item is deleted", func() { tool("", "clear") }, model.makeSlot},
		{"the item is empty", store(""), model.makeSlot},
		{"the item is garbage", store("garbage"), model.makeSlot},
		{"the item is another vault's", store("AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33"), model.makeSlot},
		{"it is gone", func() { k.StopDaemon(t) }, func() { k.StartDaemon(t) }},
	} {
		tt.spoil()
		var hosts []*process
		for _, args := range [][]string{chromiumArgs, firefoxArgs} {
			p := hostCommand(t, "codefob", args...)
			p.home, p.Env = model.home, model.Env
			p.start()
			hosts = append(hosts, p)
		}
		before := tool("", "lookup")
		for _, p := range hosts {
			if got := result[protocol.HelloResult](p, hello).Vault; got != protocol.VaultLocked {
				t.Errorf("%s: the vault is %s", tt.name, got)
			}
		}
		for _, p := range hosts {
			p.write(frame(`{"id":2,"method":"vault.unlock"}`))
		}
		for _, p := range hosts {
			if r, err := p.read(); err != nil || r.Error != nil {
				t.Errorf("%s: unlock: %+v, %v", tt.name, r.Error, err)
			}
			p.in.Close()
			p.end(0)
		}
		if now, err := os.ReadFile(slotFile); err != nil || !bytes.Equal(now, slot) {
			t.Errorf("%s: the slot is %s, %v", tt.name, now, err)
		}
		if tool("", "lookup") != before {
			t.Errorf("%s: the item was changed", tt.name)
		}
		tt.mend()
		p := hostCommand(t, "codefob", chromiumArgs...)
		p.home, p.Env = model.home, model.Env
		p.start()
		if got := result[protocol.HelloResult](p, hello).Vault; got != protocol.VaultOpen {
			t.Errorf("%s: mended, the vault is %s", tt.name, got)
		}
	}
}

// Attack U3: people can tell them apart, and know what to do.
func TestEachStateOfTheKeychainHasItsWords(t *testing.T) {
	var said []string
	for _, err := range []error{
		keystore.ErrUnavailable, keystore.ErrTimeout, keystore.ErrLocked, keystore.ErrDismissed, keystore.ErrNotFound,
		keystore.ErrRestarted, keystore.ErrEmpty, vault.ErrItem, vault.ErrLockedByUs,
	} {
		if slices.Contains(said, err.Error()) {
			t.Errorf("%q is said of two", err)
		}
		said = append(said, err.Error())
		if hintFor(errors.Join(err)) == "" {
			t.Errorf("%q says nothing of what to do", err)
		}
	}
}
