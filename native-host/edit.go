package main

import (
	"fmt"
	"slices"

	"codefob/internal/account"
	"codefob/internal/site"
	"codefob/internal/vault"
)

func (c *cli) edit(args []string) error {
	fs := c.flags("edit")
	issuer := fs.String("issuer", "", "`NAME` of who the account is with")
	name := fs.String("name", "", "your `NAME` there")
	add := fs.StringArray("site", nil, "a further `HOST` where the account logs in; may be given several times")
	drop := fs.StringArray("remove-site", nil, "a `HOST` where it no longer does; may be given several times")
	behind := fs.String("append", "", "`on|off`: put the code behind the password, where a site takes both in one field")
	submit := fs.String("submit", "", "`on|off`: send the form once the browser has filled the code")
	always := fs.String("ask", "", "`on|off`: ask in a window of its own for each code that a browser wants")
	pinFile := fs.String("pin-file", "", "read the PIN of motp or yandex from this `FILE`")
	query, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc([]string{"issuer", "name", "site", "remove-site", "append", "submit", "ask", "pin-file"}, fs.Changed) {
		return misused("edit needs at least one of --issuer, --name, --site, --remove-site, --append, --submit, --ask and --pin-file")
	}
	for name, value := range map[string]string{"append": *behind, "submit": *submit, "ask": *always} {
		if fs.Changed(name) && value != "on" && value != "off" {
			return misused("--%s is on or off", name)
		}
	}
	more, err := origins(*add)
	if err != nil {
		return err
	}
	v, a, err := c.openOne(query[0])
	if err != nil {
		return err
	}
	err = v.Update(func(tx *vault.Tx) error {
		return tx.Edit(a.ID, func(a *account.Account) error {
			if fs.Changed("issuer") {
				a.Issuer = *issuer
			}
			if fs.Changed("name") {
				a.Name = *name
			}
			if fs.Changed("append") {
				a.Append = *behind == "on"
			}
			if fs.Changed("submit") {
				a.Submit = *submit == "on"
			}
			if fs.Changed("ask") {
				a.Ask = *always == "on"
			}
			if err := givePIN(a, *pinFile); err != nil {
				return err
			}
			for _, text := range *drop {
				kept := slices.DeleteFunc(slices.Clone(a.Sites), func(s string) bool {
					o, err := site.ParseSite(text)
					return s == text || err == nil && s == o.String()
				})
				if len(kept) == len(a.Sites) {
					return withHint(fmt.Errorf("%s does not serve %q", a.Label(), text), "see its sites with: codefob show %s", a.ID)
				}
				a.Sites = kept
			}
			for _, s := range more {
				if !slices.Contains(a.Sites, s) {
					a.Sites = append(a.Sites, s)
				}
			}
			return nil
		})
	})
	if err == nil {
		c.ui.say("changed")
	}
	return err
}
