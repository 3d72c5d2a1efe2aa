package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"codefob/internal/hostkey"
	"codefob/internal/install"
	"codefob/internal/keystore"
	"codefob/internal/vault"
)

// finding is one thing that doctor looked at.
type finding struct {
	Subject string `json:"subject"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitzero"`
}

const helloWait = 10 * time.Second

func (c *cli) doctor(args []string) error {
	fs := c.flags("doctor")
	asJSON := fs.Bool("json", false, "print JSON")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	all := c.checkVault()
	if _, err := readConfig(c.home); err != nil {
		all = append(all, bad("configuration", err, cmp.Or(hintFor(err), "correct that file, or remove it: without it the host does well")))
	}
	all = append(all, c.checkDirectory()...)
	all = append(all, checkClock(time.Now()))
	if _, err := vault.Open(c.home); !errors.Is(err, vault.ErrMissing) {
		all = append(all, c.checkBackup(time.Now()))
	}
	all = append(all, c.checkBrowsers()...)
	all = append(all, c.checkKey()...)
	bad := 0
	for _, f := range all {
		if !f.OK {
			bad++
		}
	}
	if *asJSON {
		if err := c.ui.json(all); err != nil {
			return err
		}
	} else {
		for _, f := range all {
			mark := "ok "
			if !f.OK {
				mark = "BAD"
			}
			c.ui.print("%s  %-22s %s\n", mark, f.Subject, f.Message)
			if f.Fix != "" {
				c.ui.print("     %-22s → %s\n", "", f.Fix)
			}
		}
	}
	if bad > 0 {
		return withHint(fmt.Errorf("%d of %d checks found something", bad, len(all)), "each says above what to do")
	}
	return nil
}

func good(subject, format string, args ...any) finding {
	return finding{subject, true, fmt.Sprintf(format, args...), ""}
}

func bad(subject string, err error, fix string) finding {
	if fix == "" {
		fix = hintFor(err)
	}
	return finding{subject, false, err.Error(), fix}
}

// checkVault looks at the vault as far as it opens without asking anybody.
func (c *cli) checkVault() []finding {
	v, err := vault.Open(c.home)
	if err != nil {
		f := bad("vault", err, "")
		if errors.Is(err, vault.ErrDamaged) {
			f.Fix = "restore the folder from a backup of your own"
			if copies, _ := filepath.Glob(filepath.Join(c.home, "vault", "backups", "accounts-*.age")); len(copies) > 0 {
				f.Fix = restore(copies[len(copies)-1], filepath.Join(c.home, "vault", "accounts.age"))
			}
		}
		return []finding{f}
	}
	list := []finding{c.checkFolder()}
	ctx, cancel := context.WithTimeout(c.ctx, keychainWait)
	defer cancel()
	if c.passphraseFile != "" {
		err = c.givePassphrase(v)
	} else {
		err = v.UnlockKeychain(ctx)
	}
	switch {
	case err == nil && c.passphraseFile == "":
		list = append(list, good("keychain", "the %s opens the vault", keystore.Name()))
	case err == nil:
	case errors.Is(err, vault.ErrNoSlot) && c.passphraseFile == "":
		return append(list, good("keychain", "no slot: the passphrase is asked for"),
			good("vault", "locked, in %s; to look inside: codefob doctor --vault-passphrase-file FILE", c.home))
	case c.passphraseFile != "" && !errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrUnread), errors.Is(err, vault.ErrNewer):
		return append(list, bad("vault", err, ""))
	case errors.Is(err, vault.ErrLockedByUs):
		return append(list, good("vault", "locked with \"codefob lock\", in %s", c.home))
	case errors.Is(err, vault.ErrDamaged):
		return append(list, c.damaged(v, err))
	default:
		return append(list, bad("keychain", err, ""))
	}
	list = append(list, good("vault", "opens, %s, generation %d, in %s", accounts(len(v.Accounts())), v.Generation(), c.home))
	for _, err := range v.SetAside() {
		list = append(list, bad("account", err, "it is kept as it is; enroll it again, or update Codefob if a newer one wrote it"))
	}
	if older, err := v.Older(); err != nil {
		list = append(list, bad("state", err, ""))
	} else if older {
		list = append(list, bad("vault", errors.New("it is older than one that was here before"),
			"if you put a backup back, all is well, and the next change settles it; codes that count (HOTP) then go on after the last that can have been used"))
	}
	return append(list, c.checkSync(v)...)
}

// damaged says which of the backups opens still.
func (c *cli) damaged(v *vault.Vault, err error) finding {
	f := bad("vault", err, "no backup opens: restore the folder from a backup of your own")
	if name, ok := v.LatestGoodBackup(); ok {
		f.Fix = restore(name, v.AccountsFile())
	}
	return f
}

// restore says how to put a copy of the accounts back.
func restore(backup, accounts string) string {
	return fmt.Sprintf("the last copy that opens: cp '%s' '%s'", backup, accounts)
}

func (c *cli) checkFolder() finding {
	info, err := os.Stat(c.home)
	if err != nil {
		return bad("folder", err, "")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && os.PathSeparator == '/' {
		return bad("folder", fmt.Errorf("%s is open to other users (%#o)", c.home, mode), fmt.Sprintf("chmod 700 '%s'", c.home))
	}
	return good("folder", "only you can read %s", c.home)
}

// checkBrowsers starts each registered host as the browser would.
func (c *cli) checkBrowsers() []finding {
	here, err := install.Here(c.home)
	if err != nil {
		return []finding{bad("browsers", err, "")}
	}
	program, err := thisProgram()
	if err != nil {
		return []finding{bad("browsers", err, "")}
	}
	browsers := here.Find()
	if len(browsers) == 0 {
		return []finding{bad("browsers", errors.New("none was found"), "install one, or name it: codefob install --browser firefox")}
	}
	var list []finding
	for _, b := range browsers {
		name := b.Browser.Title
		if b.Kind != install.Native {
			name += " (" + string(b.Kind) + ")"
		}
		if b.ManifestPath == "" {
			list = append(list, bad(name, errors.New("it cannot start the host"), b.Fix))
			continue
		}
		if err := here.Check(b, program); err != nil {
			list = append(list, bad(name, err, "codefob install --browser "+b.Browser.Name))
			continue
		}
		ctx, cancel := context.WithTimeout(c.ctx, helloWait)
		hello, err := install.Hello(ctx, b.ManifestPath, b.Browser.Family)
		cancel()
		if err != nil {
			fix := "codefob install --browser " + b.Browser.Name
			if _, err := hostkey.Open(c.home); errors.Is(err, hostkey.ErrUnusable) {
				fix = "mend the host key, below"
			}
			if _, err := readConfig(c.home); err != nil {
				fix = "mend the configuration, above"
			}
			list = append(list, bad(name, err, fix))
			continue
		}
		if key, err := hostkey.Open(c.home); err != nil || hello.Key != key.Public() {
			list = append(list, bad(name, errors.New("the host does not have the key in "+hostkey.File(c.home)), ""))
			continue
		}
		f := good(name, "the host answers: version %s, vault %s", hello.Version, hello.Vault)
		f.Fix = b.Fix
		list = append(list, f)
	}
	return list
}

// checkKey shows the code of the host key. Hosts make it, so they come first.
func (c *cli) checkKey() []finding {
	key, err := hostkey.Open(c.home)
	switch file := hostkey.File(c.home); {
	case errors.Is(err, hostkey.ErrMissing):
		return nil
	case errors.Is(err, hostkey.ErrOthers):
		return []finding{bad("host key", err, fmt.Sprintf("chmod 600 '%s'", file))}
	case err != nil:
		return []finding{bad("host key", err, fmt.Sprintf(
			"put %s back from a backup, or remove it: codefob install then makes another, and you compare its code in the extension", file))}
	}
	return []finding{good("host key", "its code is %s: the extension shows the same, or talks to another program", key.Code())}
}
