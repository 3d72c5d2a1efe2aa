package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/qr"
	grab "codefob/internal/screenshot"
	"codefob/internal/vault"
)

// picture reads the picture that add is given: a file, or the screen.
func (c *cli) picture(file string, ofScreen bool) ([]byte, error) {
	if !ofScreen {
		return readFile(file, qr.MaxBytes)
	}
	content, err := grab.Take(c.ctx)
	if errors.Is(err, grab.ErrUnavailable) {
		err = withHint(err, "take one yourself, and name the file with --qr")
	}
	return content, err
}

// fromPicture reads the accounts in the QR codes of a picture. What cannot be read
// is said, beside what can; each account comes once.
func (c *cli) fromPicture(content []byte) ([]account.Account, error) {
	r, err := interchange.Read(interchange.Source{Data: content}, "qr")
	if errors.Is(err, interchange.ErrRefused) {
		return nil, withHint(err, "save the picture of the QR code as PNG, and give that")
	}
	if err != nil {
		return nil, err
	}
	if len(r.Accounts) == 0 {
		return nil, withHint(r.Errors[0], "show the site's QR code again, or give the setup key beside it with --secret-file")
	}
	for _, e := range r.Errors {
		c.ui.say("not added: %s", e)
	}
	if r.Others > 0 {
		c.ui.say("left out, as they are no accounts with codes: %d", r.Others)
	}
	for _, part := range interchange.MissingParts(r.Parts) {
		c.ui.say("export of Google Authenticator: %s: add its other QR codes too", part)
	}
	var found []account.Account
	for _, a := range r.Accounts {
		if !slices.ContainsFunc(found, func(b account.Account) bool { return same(a, b) }) {
			found = append(found, a)
		}
	}
	return found, nil
}

// addAll adds the accounts of one picture, but for those that are there already:
// all of them or nothing.
func (c *cli) addAll(v *vault.Vault, found []account.Account) error {
	c.ui.say("the picture holds %d accounts: %s", len(found), labels(found))
	var fresh []account.Account
	for _, a := range found {
		if old, ok := twin(v, a); ok {
			c.ui.say("%s has this very secret already", old.Label())
			continue
		}
		fresh = append(fresh, a)
	}
	if len(fresh) == 0 {
		return withHint(errors.New("all of them are in the vault already"), "see them with: codefob list")
	}
	ids := make([]string, len(fresh))
	err := v.Update(func(tx *vault.Tx) (err error) {
		for i, a := range fresh {
			if ids[i], err = tx.Add(a); err != nil {
				return fmt.Errorf("%s: %w", a.Label(), err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, a := range fresh {
		c.ui.print("%s  %s\n", ids[i], a.Label())
	}
	c.ui.say("%s added", accounts(len(fresh)))
	return nil
}

func labels(list []account.Account) string {
	var names []string
	for _, a := range list {
		names = append(names, a.Label())
	}
	return strings.Join(names, ", ")
}

// twin is the account in the vault that has the same secret.
func twin(v *vault.Vault, a account.Account) (account.Account, bool) {
	list := v.Accounts()
	i := slices.IndexFunc(list, func(old account.Account) bool { return old.Secret.Equal(a.Secret) && old.Type == a.Type })
	if i < 0 {
		return account.Account{}, false
	}
	return list[i], true
}
