package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"codefob/internal/account"
	"codefob/internal/prompt"
	"codefob/internal/vault"
)

// fewRecovery is when it is time for a new sheet.
const fewRecovery = 3

// sheet is what --json says of an account's recovery codes.
type sheet struct {
	ID    string      `json:"id"`
	Left  int         `json:"left"`
	Codes []sheetCode `json:"codes"`
}

type sheetCode struct {
	Code string     `json:"code,omitzero"` // with --show only
	Used *time.Time `json:"used,omitzero"`
}

func (c *cli) recovery(args []string) error {
	fs := c.flags("recovery")
	add := fs.Bool("add", false, "add codes, one a line, asked for or from a FILE (- for standard input)")
	show := fs.Bool("show", false, "show the codes themselves; asks for the passphrase")
	next := fs.Bool("next", false, "print one code; it counts as used from then on")
	remove := fs.Bool("remove-all", false, "take all codes away, as when the site gave new ones")
	yes := fs.Bool("yes", false, "do not ask before taking them away")
	asJSON := fs.Bool("json", false, "print JSON")
	rest, err := parse(fs, args, 1, 2)
	if err != nil {
		return err
	}
	ways := 0
	for _, way := range []bool{*add, *show, *next, *remove} {
		if way {
			ways++
		}
	}
	switch {
	case ways > 1:
		return misused("--add, --show, --next and --remove-all are one at a time")
	case *asJSON && (*add || *next || *remove):
		return misused("--json is for the list, with or without --show")
	case len(rest) > 1 && !*add:
		return misused("recovery does not take %q", rest[1])
	}
	open := c.openVault
	if *show {
		open = c.reauthenticate
	}
	v, err := open()
	if err != nil {
		return err
	}
	a, err := one(v, rest[0])
	switch {
	case err != nil:
		return err
	case *add:
		return c.addRecovery(v, a, strings.Join(rest[1:], ""))
	case *next:
		return c.nextRecovery(v, a)
	case *remove:
		return c.removeRecovery(v, a, *yes)
	default:
		if *show {
			c.note(v, vault.ActSheet, a)
		}
		return c.listRecovery(a, *show, *asJSON)
	}
}

func (c *cli) listRecovery(a account.Account, show, asJSON bool) error {
	out := sheet{a.ID, a.RecoveryLeft(), []sheetCode{}}
	for _, r := range a.RecoveryCodes {
		var line sheetCode
		if show {
			line.Code = string(r.Code.Bytes())
		}
		if used := r.Used.UTC(); !r.Used.IsZero() {
			line.Used = &used
		}
		out.Codes = append(out.Codes, line)
	}
	if asJSON {
		return c.ui.json(out)
	}
	c.ui.print("left       %d of %d\n", out.Left, len(out.Codes))
	for _, line := range out.Codes {
		switch {
		case line.Used != nil:
			c.ui.print("%s\n", strings.TrimSpace("used       "+line.Used.Local().Format("2006-01-02 15:04")+"  "+line.Code))
		case show:
			c.ui.print("code       %s\n", line.Code)
		}
	}
	if len(out.Codes) == 0 {
		c.ui.say("there are none yet; add them with: codefob recovery %s --add", a.ID)
	} else {
		c.warnFew(a)
	}
	return nil
}

// warnFew says when it is time for a new sheet.
func (c *cli) warnFew(a account.Account) {
	left := a.RecoveryLeft()
	if left > fewRecovery {
		return
	}
	c.ui.say("warning: %s left for %s; get new ones from the site, then: codefob recovery %s --remove-all, and --add", recoveryCodes(left), a.Label(), a.ID)
}

// recoveryCodes counts recovery codes in words.
func recoveryCodes(n int) string {
	if n == 1 {
		return "1 recovery code"
	}
	return fmt.Sprintf("%d recovery codes", n)
}

func (c *cli) addRecovery(v *vault.Vault, a account.Account, file string) error {
	var text []byte
	var err error
	if file != "" {
		text, err = readSecretFile(file)
	} else {
		c.ui.say("Paste the recovery codes that the site gave you, one a line. An empty line ends.")
		text, err = c.ask.Secrets(c.ctx, "Recovery code: ")
		if errors.Is(err, prompt.ErrUnavailable) {
			err = withHint(err, "give them with --add FILE, or --add - for standard input")
		}
	}
	if err != nil {
		return err
	}
	codes, err := account.ParseRecoveryCodes(text)
	clear(text)
	if errors.Is(err, account.ErrRecoveryFull) {
		return err
	}
	if err != nil {
		return withHint(err, "nothing was added; give one code a line, as the site shows it")
	}
	var already int
	err = v.Update(func(tx *vault.Tx) error {
		return tx.Edit(a.ID, func(a *account.Account) (err error) {
			already, err = a.AddRecovery(codes)
			return err
		})
	})
	if errors.Is(err, account.ErrRecoveryFull) {
		return withHint(err, "take the old ones away first: codefob recovery %s --remove-all", a.ID)
	}
	if err != nil {
		return err
	}
	c.ui.say("%s added, %d there already", recoveryCodes(len(codes)-already), already)
	if file != "" && file != "-" {
		c.ui.say("warning: whoever reads %s can sign in with them; delete it", file)
	}
	return nil
}

func (c *cli) nextRecovery(v *vault.Vault, a account.Account) error {
	code, left, err := v.NextRecovery(a.ID, 0)
	if errors.Is(err, account.ErrNoRecovery) {
		return withHint(fmt.Errorf("%s: %w", a.Label(), err), "get new ones from the site, then: codefob recovery %s --add", a.ID)
	}
	if err != nil {
		return err
	}
	c.note(v, vault.ActRecovery, a)
	c.ui.print("%s\n", code.Bytes())
	if left > fewRecovery {
		c.ui.say("%s left", recoveryCodes(left))
		return nil
	}
	a, _ = v.Account(a.ID)
	c.warnFew(a)
	return nil
}

func (c *cli) removeRecovery(v *vault.Vault, a account.Account, yes bool) error {
	question := fmt.Sprintf("Take away all recovery codes of %s, %d of them unused?", a.Label(), a.RecoveryLeft())
	if means, err := c.meansIt(yes, question); !means {
		return err
	}
	removed := 0
	err := v.Update(func(tx *vault.Tx) error {
		return tx.Edit(a.ID, func(a *account.Account) error {
			removed, a.RecoveryCodes = len(a.RecoveryCodes), nil
			return nil
		})
	})
	if err != nil {
		return err
	}
	c.ui.say("%s removed", recoveryCodes(removed))
	return nil
}
