package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"codefob/internal/keystore"
	"codefob/internal/paper"
	"codefob/internal/vault"
)

func (c *cli) init(args []string) error {
	fs := c.flags("init")
	noKeychain := fs.Bool("no-keychain", false, "do not put the vault's key into the system's keychain")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	if _, err := vault.Open(c.home); !errors.Is(err, vault.ErrMissing) {
		if err == nil {
			err = fmt.Errorf("%w: %s", vault.ErrExists, c.home)
		}
		return err
	}
	if c.passphraseFile == "" {
		c.ui.say("Your accounts will be sealed with a passphrase. A few words make a good one.")
	}
	passphrase, err := c.newPassphrase(c.passphraseFile)
	if err != nil {
		return err
	}
	v, key, err := vault.Create(c.home, passphrase)
	clear(passphrase)
	if err != nil {
		return err
	}
	c.ui.say("made the vault in %s", c.home)
	c.printRecoveryKey(key)
	if !*noKeychain {
		switch err := c.makeKeychainSlot(v); {
		case errors.Is(err, keystore.ErrUnavailable):
			c.ui.say("no keychain service here: the passphrase will be asked for instead")
		case err != nil:
			c.ui.say("no keychain slot: %s; the passphrase will be asked for instead", err)
		}
	}
	c.ui.say("next: \"codefob install\" registers with your browsers, \"codefob add\" adds an account")
	return nil
}

// printRecoveryKey shows the key, once: it is nowhere else.
func (c *cli) printRecoveryKey(key vault.RecoveryKey) {
	c.ui.say("Write this recovery key on paper and keep it away from this computer.\nIt opens the vault when the passphrase is lost, and is not shown again:")
	c.ui.print("%s\n", key.Text())
	c.ui.say("check what you wrote with: codefob recovery-key --check")
}

func (c *cli) makeKeychainSlot(v *vault.Vault) error {
	ctx, cancel := context.WithTimeout(c.ctx, keychainWait)
	defer cancel()
	if err := v.SetKeychain(ctx); err != nil {
		return err
	}
	c.ui.say("the vault opens with your session, through the %s", keystore.Name())
	return nil
}

func (c *cli) unlock(args []string) error {
	if _, err := parse(c.flags("unlock"), args, 0, 0); err != nil {
		return err
	}
	v, err := c.reauthenticate()
	if err != nil {
		return err
	}
	c.report(v)
	if v.HasKeychain() {
		c.ui.say("unlocked: browsers open the vault by themselves again, through the %s", keystore.Name())
	} else {
		c.ui.say("the passphrase is right; without a keychain slot each browser asks for it itself (make one with: codefob keychain)")
	}
	return nil
}

func (c *cli) lock(args []string) error {
	if _, err := parse(c.flags("lock"), args, 0, 0); err != nil {
		return err
	}
	v, err := vault.Open(c.home)
	if err != nil {
		return err
	}
	if err := v.LockForAll(); err != nil {
		return err
	}
	c.ui.say("locked in every browser, until the passphrase is given again")
	return nil
}

func (c *cli) passphrase(args []string) error {
	fs := c.flags("passphrase")
	byRecovery := fs.Bool("recovery-key", false, "the passphrase is lost: use the recovery key")
	recoveryFile := fs.String("recovery-key-file", "", "read the recovery key from this `FILE`")
	newFile := fs.String("new-passphrase-file", "", "read the new passphrase from this `FILE`")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	var v *vault.Vault
	var err error
	if *byRecovery || *recoveryFile != "" {
		v, err = c.openByRecoveryKey(*recoveryFile)
	} else {
		v, err = c.reauthenticate()
	}
	if err != nil {
		return err
	}
	passphrase, err := c.newPassphrase(*newFile)
	if err != nil {
		return err
	}
	if err := v.SetPassphrase(passphrase); err != nil {
		return err
	}
	c.ui.say("the passphrase is changed; backups of the vault open with it too")
	return nil
}

func (c *cli) openByRecoveryKey(file string) (*vault.Vault, error) {
	v, err := vault.Open(c.home)
	if err != nil {
		return nil, err
	}
	var text []byte
	if file != "" {
		text, err = readSecretFile(file)
	} else {
		text, err = c.ask.Passphrase(c.ctx, "Recovery key: ")
	}
	if err != nil {
		return nil, err
	}
	key, err := vault.ParseRecoveryKey(string(text))
	if err != nil {
		return nil, err
	}
	return v, v.UnlockRecovery(key)
}

func (c *cli) recoveryKey(args []string) error {
	fs := c.flags("recovery-key")
	check := fs.Bool("check", false, "only see whether a recovery key opens the vault")
	file := fs.String("recovery-key-file", "", "with --check, read it from this `FILE`")
	sheet := fs.String("sheet", "", "write the new key to this `FILE`, a page to be printed, and not to the terminal")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	if *sheet != "" {
		if *check {
			return misused("--sheet is of a new key, and --check makes none")
		}
		if _, err := os.Lstat(*sheet); err == nil {
			return withHint(fmt.Errorf("%s exists", *sheet), "name another file")
		}
		if err := hasFolder(*sheet); err != nil {
			return withHint(err, "%s; the old recovery key still works", hintFor(err))
		}
	}
	if *file != "" && !*check {
		return misused("--recovery-key-file goes with --check; without it a new recovery key is made")
	}
	if *check {
		if _, err := c.openByRecoveryKey(*file); err != nil {
			return err
		}
		c.ui.say("this recovery key opens the vault")
		return nil
	}
	v, err := c.reauthenticate()
	if err != nil {
		return err
	}
	key, err := v.SetRecoveryKey()
	if err != nil {
		return err
	}
	c.ui.say("the old recovery key opens nothing any more")
	if *sheet != "" {
		err := writeNew(*sheet, paper.RecoveryKey(key.Text(), v.Home(), time.Now()), false)
		if err == nil {
			c.ui.say("print %s, delete it, and check what is on paper with: codefob recovery-key --check", *sheet)
			return nil
		}
		c.ui.say("the sheet could not be written: %s", err)
	}
	c.printRecoveryKey(key)
	return nil
}

func (c *cli) keychain(args []string) error {
	fs := c.flags("keychain")
	remove := fs.Bool("remove", false, "take the vault's key out of the keychain")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	v, err := c.reauthenticate()
	if err != nil {
		return err
	}
	if !*remove {
		return c.makeKeychainSlot(v)
	}
	ctx, cancel := context.WithTimeout(c.ctx, keychainWait)
	defer cancel()
	switch err := v.RemoveKeychain(ctx); {
	case errors.Is(err, vault.ErrNoSlot):
		c.ui.say("there is no keychain slot; the passphrase opens the vault")
		return nil
	case err != nil:
		return err
	}
	c.ui.say("the keychain slot is gone; the passphrase opens the vault")
	return nil
}
