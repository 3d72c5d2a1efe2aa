package main

import (
	"fmt"
	"time"

	"codefob/internal/account"
	"codefob/internal/vault"
)

func (c *cli) restore(args []string) error {
	fs := c.flags("restore")
	asJSON := fs.Bool("json", false, "print JSON; without a QUERY")
	query, err := parse(fs, args, 0, 1)
	if err != nil {
		return err
	}
	if *asJSON && len(query) > 0 {
		return misused("--json is for the list, without a QUERY")
	}
	v, err := c.openVault()
	if err != nil {
		return err
	}
	gone := v.Removed()
	if len(query) == 0 {
		return c.listRemoved(gone, *asJSON)
	}
	accounts := make([]account.Account, len(gone))
	for i, r := range gone {
		accounts[i] = r.Account
	}
	hits := account.Search(accounts, query[0])
	switch {
	case len(hits) == 0:
		return withHint(fmt.Errorf("no removed account fits %q", query[0]), "\"codefob restore\" lists those that can be brought back")
	case len(hits) > 1:
		return withHint(fmt.Errorf("%d removed accounts fit %q", len(hits), query[0]), "give the id; \"codefob restore\" lists them")
	}
	a := hits[0]
	if old, ok := twin(v, a); ok {
		return withHint(fmt.Errorf("%s has this very secret already", old.Label()), "see it with: codefob show %s", old.ID)
	}
	if err := v.Update(func(tx *vault.Tx) error { return tx.Restore(a.ID) }); err != nil {
		return err
	}
	c.ui.say("%s is back", a.Label())
	return nil
}

func (c *cli) listRemoved(gone []vault.RemovedAccount, asJSON bool) error {
	if asJSON {
		out := []removed{}
		for _, r := range gone {
			out = append(out, removed{listedOf(r.Account), r.At.UTC()})
		}
		return c.ui.json(out)
	}
	if len(gone) == 0 {
		c.ui.say("no account was removed in the last 90 days")
		return nil
	}
	table := [][]string{{"REMOVED", "ISSUER", "ACCOUNT", "ID"}}
	for _, r := range gone {
		table = append(table, []string{r.At.Local().Format("2006-01-02 15:04"), r.Issuer, r.Name, r.ID})
	}
	c.ui.table(table)
	return nil
}

// removed is an account that can be brought back, as --json shows it.
type removed struct {
	listed
	Removed time.Time `json:"removed"`
}
