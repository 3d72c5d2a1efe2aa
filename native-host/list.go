package main

import (
	"strings"
	"time"

	"codefob/internal/account"
)

func (c *cli) list(args []string) error {
	fs := c.flags("list")
	asJSON := fs.Bool("json", false, "print JSON")
	query, err := parse(fs, args, 0, 1)
	if err != nil {
		return err
	}
	v, err := c.openVault()
	if err != nil {
		return err
	}
	accounts := account.Search(v.Accounts(), strings.Join(query, ""))
	if *asJSON {
		out := []listed{}
		for _, a := range accounts {
			out = append(out, listedOf(a))
		}
		return c.ui.json(out)
	}
	if len(accounts) == 0 {
		if len(v.Accounts()) == 0 {
			c.ui.say("there are no accounts yet; add one with: codefob add")
		} else {
			c.ui.say("no account fits")
		}
		return nil
	}
	table := [][]string{{"ISSUER", "ACCOUNT", "TYPE", "SITES", "ID"}}
	for _, a := range accounts {
		table = append(table, []string{a.Issuer, a.Name, string(a.Type), strings.Join(shown(a.Sites), " "), a.ID})
	}
	c.ui.table(table)
	return nil
}

// shown are sites as people read them.
func shown(sites []string) []string {
	list := make([]string, len(sites))
	for i, s := range sites {
		list[i] = strings.TrimPrefix(s, "https://")
	}
	return list
}

// listed is an account as --json shows it. There is no secret in it.
type listed struct {
	ID        string   `json:"id"`
	Issuer    string   `json:"issuer"`
	Account   string   `json:"account"`
	Type      string   `json:"type"`
	Algorithm string   `json:"algorithm"`
	Digits    int      `json:"digits"`
	Period    int      `json:"period,omitzero"`  // seconds
	Counter   *uint64  `json:"counter,omitzero"` // of the next code
	Sites     []string `json:"sites"`
	Append    bool     `json:"append"`   // the code goes behind the password
	Submit    bool     `json:"submit"`   // the form is sent once the code is in
	Ask       bool     `json:"ask"`      // each code is asked for in a dialog of the system's
	Recovery  int      `json:"recovery"` // recovery codes left
}

func listedOf(a account.Account) listed {
	l := listed{a.ID, a.Issuer, a.Name, string(a.Type), string(a.Algorithm), a.Digits, int(a.Period / time.Second), nil, a.Sites, a.Append, a.Submit, a.Ask, a.RecoveryLeft()}
	if a.Type == account.HOTP {
		l.Counter = &a.Counter
	}
	return l
}
