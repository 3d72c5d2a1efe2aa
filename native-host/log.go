package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"codefob/internal/account"
	"codefob/internal/vault"
)

func (c *cli) log(args []string) error {
	fs := c.flags("log")
	query := fs.String("account", "", "only what is told of the accounts that fit this `QUERY`")
	asJSON := fs.Bool("json", false, "print JSON")
	empty := fs.Bool("clear", false, "empty the log; asks for the passphrase")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	if *empty {
		if *query != "" || *asJSON {
			return misused("--clear empties the whole log, and goes without other options")
		}
		return c.clearLog()
	}
	v, err := c.openVault()
	if err != nil {
		return err
	}
	list, missing, err := v.Log()
	if err != nil {
		return err
	}
	if *query != "" {
		list = about(list, v.Accounts(), *query)
	}
	if missing > 0 {
		c.ui.say("warning: records missing: %d; they were not written, or somebody changed %s", missing, v.LogFile())
	}
	if *asJSON {
		out := []logged{}
		for _, r := range list {
			out = append(out, loggedOf(r))
		}
		return c.ui.json(out)
	}
	switch {
	case len(list) > 0:
	case *query != "":
		c.ui.say("nothing is told of an account that fits %q", *query)
		return nil
	case missing > 0:
		return nil
	default:
		c.ui.say("nothing is told yet: no code was given out")
		return nil
	}
	table := [][]string{{"TIME", "ACCOUNT", "WHAT", "HOST", "BY"}}
	for _, r := range list {
		table = append(table, []string{r.At.Local().Format("2006-01-02 15:04:05"), dash(whose(r)), deed(r), dash(r.Host), dash(r.By)})
	}
	c.ui.table(table)
	c.ui.say("the newest first: when, whose code, what became of it, the host of the page that it went to, and who asked")
	return nil
}

func (c *cli) clearLog() error {
	v, err := c.reauthenticate()
	if err != nil {
		return err
	}
	if err := v.ClearLog(vault.CommandLine); err != nil {
		return err
	}
	c.ui.say("the log is empty but for this")
	return nil
}

// about finds what is told of the accounts that a query means, and of such as are gone
// by their labels then.
func about(list []vault.Record, accounts []account.Account, query string) []vault.Record {
	hits := account.Search(accounts, query)
	words := strings.Fields(strings.ToLower(query))
	return slices.DeleteFunc(list, func(r vault.Record) bool {
		label := strings.ToLower(r.Label)
		return r.Account != query &&
			!slices.ContainsFunc(hits, func(a account.Account) bool { return a.ID == r.Account }) &&
			(label == "" || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(label, w) }))
	})
}

// whose says of which account, or of how many, a record tells.
func whose(r vault.Record) string {
	if r.Label == "" && r.Accounts > 0 {
		return accounts(r.Accounts)
	}
	return r.Label
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

var deeds = map[vault.Act]string{
	vault.ActFill:     "code filled in",
	vault.ActShow:     "code shown",
	vault.ActCopy:     "code copied",
	vault.ActRecovery: "recovery code given out",
	vault.ActPrint:    "code printed",
	vault.ActSheet:    "recovery codes shown",
	vault.ActExport:   "exported",
	vault.ActBackup:   "backed up",
	vault.ActClear:    "log emptied",
}

// wanted says the same of what was refused.
var wanted = map[vault.Act]string{
	vault.ActFill:     "to fill in",
	vault.ActShow:     "to show",
	vault.ActCopy:     "to copy",
	vault.ActRecovery: "a recovery code",
}

// reasons are the error codes of package protocol, in words.
var reasons = map[string]string{
	"bad_request":       "the request was not valid",
	"unknown_handle":    "no such account, or the list was out of date",
	"origin_refused":    "the page has no address that is safe for a code",
	"frame_refused":     "the field is in a frame of another site",
	"not_allowed":       "the account does not serve this host",
	"budget_used":       "too many codes in a short time",
	"declined":          "no in the dialog, or no answer",
	"recovery_empty":    "no recovery code is left",
	"recovery_too_long": "the recovery code is too long for the field",
	"vault_locked":      "the vault was locked meanwhile",
	"vault_storage":     "the vault could not be saved",
	"internal":          "no code could be made",
}

// deed says what became of a code.
func deed(r vault.Record) string {
	if r.Refused == "" {
		if text, ok := deeds[r.Act]; ok {
			return text
		}
		return string(r.Act) // of a newer version
	}
	text := "refused"
	if r.Times > 1 {
		text = fmt.Sprintf("refused %d times since %s", r.Times, r.Since.Local().Format("2006-01-02 15:04"))
	}
	if what, ok := wanted[r.Act]; ok {
		text += ", " + what
	}
	reason, ok := reasons[r.Refused]
	if !ok {
		reason = r.Refused
	}
	return text + ": " + reason
}

// logged is a record as --json shows it.
type logged struct {
	At       time.Time `json:"at"`
	Since    time.Time `json:"since,omitzero"` // the first of several times
	Times    int       `json:"times"`
	Act      string    `json:"act"`
	ID       string    `json:"id,omitzero"`       // of the account
	Account  string    `json:"account,omitzero"`  // its label then
	Accounts int       `json:"accounts,omitzero"` // how many
	Host     string    `json:"host,omitzero"`
	By       string    `json:"by,omitzero"`
	Refused  string    `json:"refused,omitzero"` // the error code
}

func loggedOf(r vault.Record) logged {
	l := logged{r.At.UTC(), time.Time{}, r.Times, string(r.Act), r.Account, r.Label, r.Accounts, r.Host, r.By, r.Refused}
	if r.Times > 1 {
		l.Since = r.Since.UTC()
	}
	return l
}

// note puts what the command line gives out into the log. Where that cannot be, the
// user is told, and gets it all the same.
func (c *cli) note(v *vault.Vault, act vault.Act, of ...account.Account) {
	r := vault.Record{Act: act, By: vault.CommandLine}
	if len(of) == 1 {
		r.Account, r.Label = of[0].ID, of[0].Label()
	}
	if act == vault.ActExport || act == vault.ActBackup {
		r.Accounts = len(of)
	}
	if err := v.Note(r); err != nil {
		c.ui.say("warning: this is not in the log: %s", err)
	}
}
