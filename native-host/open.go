package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"codefob/internal/account"
	"codefob/internal/prompt"
	"codefob/internal/vault"
)

const (
	shortestPassphrase = 8 // characters
	passphraseTries    = 3
	keychainWait       = 20 * time.Second // a dialog of the keychain may be open
)

// openVault opens the vault: with the file of --vault-passphrase-file, else the
// keychain, else a passphrase asked for on the terminal.
func (c *cli) openVault() (*vault.Vault, error) {
	v, err := vault.Open(c.home)
	if err != nil {
		return nil, err
	}
	if c.passphraseFile == "" {
		ctx, cancel := context.WithTimeout(c.ctx, keychainWait)
		defer cancel()
		err := v.UnlockKeychain(ctx)
		switch {
		case err == nil:
			c.report(v)
			return v, nil
		case errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrUnread), errors.Is(err, vault.ErrNewer):
			return nil, err
		case !errors.Is(err, vault.ErrNoSlot) && !errors.Is(err, vault.ErrLockedByUs):
			c.ui.say("the keychain slot does not work: %s", err)
		}
	}
	if err := c.givePassphrase(v); err != nil {
		if errors.Is(err, vault.ErrLocked) && !v.HasKeychain() {
			err = withHint(err, "unlock it with its passphrase: run this in a terminal, or name a file with --vault-passphrase-file")
		}
		return nil, err
	}
	c.report(v)
	return v, nil
}

// reauthenticate opens the vault with its passphrase, whatever the keychain holds.
func (c *cli) reauthenticate() (*vault.Vault, error) {
	v, err := vault.Open(c.home)
	if err != nil {
		return nil, err
	}
	err = c.givePassphrase(v)
	if errors.Is(err, vault.ErrLocked) {
		err = withHint(err, "this needs the passphrase: run it in a terminal, or name a file with --vault-passphrase-file")
	}
	return v, err
}

func (c *cli) givePassphrase(v *vault.Vault) error {
	passphrase, err := c.passphraseOf(v)
	clear(passphrase)
	return err
}

// passphraseOf opens the vault with its passphrase, and gives it.
func (c *cli) passphraseOf(v *vault.Vault) ([]byte, error) {
	if c.passphraseFile != "" {
		passphrase, err := readSecretFile(c.passphraseFile)
		if err != nil {
			return nil, err
		}
		return passphrase, c.tryPassphrase(v, passphrase)
	}
	for try := 1; ; try++ {
		passphrase, err := c.ask.Passphrase(c.ctx, "Passphrase of the vault: ")
		if errors.Is(err, prompt.ErrUnavailable) {
			return nil, vault.ErrLocked
		}
		if err != nil {
			return nil, err
		}
		err = c.tryPassphrase(v, passphrase)
		if err == nil {
			return passphrase, nil
		}
		clear(passphrase)
		if !errors.Is(err, vault.ErrPassphrase) || try == passphraseTries {
			return nil, err
		}
		c.ui.say("that was not the passphrase")
	}
}

func (c *cli) tryPassphrase(v *vault.Vault, passphrase []byte) error {
	if wait := v.PassphraseWait(); wait > 0 {
		c.ui.say("several passphrases were wrong: the next one is tried in %s", max(time.Second, wait.Round(time.Second)))
	}
	return v.UnlockPassphrase(c.ctx, passphrase)
}

// report tells what is not as it should be in a vault that opens.
func (c *cli) report(v *vault.Vault) {
	for _, err := range v.SetAside() {
		c.ui.say("warning: set aside, kept in the vault as it is: %s", err)
	}
}

// newPassphrase asks for a new passphrase, twice.
func (c *cli) newPassphrase(file string) ([]byte, error) {
	if file != "" {
		passphrase, err := readSecretFile(file)
		if err != nil {
			return nil, err
		}
		return passphrase, checkPassphrase(passphrase)
	}
	for {
		first, err := c.ask.Passphrase(c.ctx, "New passphrase: ")
		if err != nil {
			return nil, err
		}
		if err := checkPassphrase(first); err != nil {
			c.ui.say("%s", err)
			continue
		}
		second, err := c.ask.Passphrase(c.ctx, "Once more: ")
		if err != nil {
			return nil, err
		}
		if bytes.Equal(first, second) {
			clear(second)
			return first, nil
		}
		c.ui.say("the two differ")
	}
}

func checkPassphrase(p []byte) error {
	if n := len([]rune(string(p))); n < shortestPassphrase {
		return fmt.Errorf("the passphrase needs at least %d characters; a few words make a good one", shortestPassphrase)
	}
	return nil
}

// errEmpty is of a file that should hold a secret.
var errEmpty = errors.New("is empty")

// readSecretFile reads a secret from a file, "-" being standard input; the end
// of its last line is not part of it. It returns [errEmpty] where nothing is left.
func readSecretFile(name string) ([]byte, error) {
	content, err := readFile(name, 64<<10)
	if err != nil {
		return nil, err
	}
	content = bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
	if len(content) == 0 {
		return nil, fmt.Errorf("%s %w", fileName(name), errEmpty)
	}
	return content, nil
}

// readFile reads a file, "-" being standard input, of at most so many bytes.
func readFile(name string, most int64) ([]byte, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	var b bytes.Buffer
	if n, err := b.ReadFrom(&limited{f, most}); err != nil {
		return nil, err
	} else if n > most {
		return nil, fmt.Errorf("%s is larger than %d KiB", fileName(name), most>>10)
	}
	return b.Bytes(), nil
}

func fileName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// limited reads at most one byte more than left.
type limited struct {
	f    *os.File
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.f.Read(b)
	l.left -= int64(n)
	return n, err
}

// openOne opens the vault and finds the account that a query means.
func (c *cli) openOne(query string) (*vault.Vault, account.Account, error) {
	v, err := c.openVault()
	if err != nil {
		return nil, account.Account{}, err
	}
	a, err := one(v, query)
	return v, a, err
}

// one finds the account that a query means: its id, else the words of it in
// issuer, name or sites.
func one(v *vault.Vault, query string) (account.Account, error) {
	hits := account.Search(v.Accounts(), query)
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return account.Account{}, withHint(fmt.Errorf("no account fits %q", query), `"codefob list" shows them all`)
	}
	var labels bytes.Buffer
	for _, a := range hits {
		fmt.Fprintf(&labels, "\n  %s  %s", a.ID, a.Label())
	}
	return account.Account{}, withHint(fmt.Errorf("%d accounts fit %q:%s", len(hits), query, labels.String()), "say more of the name, or give the id")
}
