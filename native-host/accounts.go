package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"codefob/internal/account"
	"codefob/internal/prompt"
	"codefob/internal/site"
	"codefob/internal/vault"
)

func (c *cli) add(args []string) error {
	fs := c.flags("add")
	uriFile := fs.String("uri-file", "", "read an otpauth URI from this `FILE` (- for standard input)")
	secretFile := fs.String("secret-file", "", "read the secret from this `FILE` (- for standard input)")
	picture := fs.String("qr", "", "read the QR codes in this `IMAGE`: a PNG, JPEG or GIF file (- for standard input)")
	ofScreen := fs.Bool("screen", false, "read the QR codes on the screen")
	issuer := fs.String("issuer", "", "`NAME` of who the account is with, as in GitHub")
	name := fs.String("name", "", "your `NAME` there")
	sites := fs.StringArray("site", nil, "a `HOST` where the account logs in; may be given several times")
	kind := fs.String("type", "totp", "`KIND` of codes: totp, hotp, steam, motp or yandex")
	algorithm := fs.String("algorithm", "SHA1", "`NAME` of the hash: SHA1, SHA256 or SHA512")
	digits := fs.Int("digits", 0, "a code has `N` characters (default 6)")
	period := fs.Int("period", 0, "a code lasts `N` seconds (default 30)")
	counter := fs.Uint64("counter", 0, "`N` is the counter of the next code, for hotp")
	pinFile := fs.String("pin-file", "", "read the PIN of motp or yandex from this `FILE`")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	ways := 0
	for _, way := range []string{"uri-file", "secret-file", "qr", "screen"} {
		if fs.Changed(way) {
			ways++
		}
	}
	if ways > 1 {
		return misused("--uri-file, --secret-file, --qr and --screen are ways to say the same: take one")
	}
	origins, err := origins(*sites)
	if err != nil {
		return err
	}
	var found []account.Account
	if *ofScreen || *picture != "" { // before a question covers the screen
		content, err := c.picture(*picture, *ofScreen)
		if err != nil {
			return err
		}
		if found, err = c.fromPicture(content); err != nil {
			return err
		}
	}
	v, err := c.openVault()
	if err != nil {
		return err
	}
	if len(found) > 1 {
		for _, option := range []string{"issuer", "name", "site", "pin-file"} {
			if fs.Changed(option) {
				return withHint(fmt.Errorf("--%s is for one account, and the picture holds %d: %s", option, len(found), labels(found)),
					"show one QR code alone, or add all of them without --%s and change them with: codefob edit", option)
			}
		}
		return c.addAll(v, found)
	}
	var text []byte
	switch {
	case len(found) == 1:
	case *uriFile != "":
		text, err = readSecretFile(*uriFile)
	case *secretFile != "":
		text, err = readSecretFile(*secretFile)
	default:
		c.ui.say("Paste the setup key that the site shows beside its QR code, or a whole otpauth:// address.")
		text, err = c.ask.Passphrase(c.ctx, "Setup key: ")
		if errors.Is(err, prompt.ErrUnavailable) {
			err = withHint(err, "give it with --uri-file, --secret-file or --qr")
		}
	}
	if err != nil {
		return err
	}
	var a account.Account
	if len(found) == 1 {
		a = found[0]
	} else if isURI := strings.Contains(string(text), "://") || strings.HasPrefix(strings.ToLower(string(text)), "otpauth:"); isURI || *uriFile != "" {
		if a, err = account.ParseURI(string(text)); err != nil {
			err = withHint(err, "copy the whole address again, from otpauth:// to its end")
		}
	} else {
		a, err = newAccount(string(text), *kind, *algorithm, *digits, *period, *counter)
	}
	clear(text)
	if err != nil {
		return err
	}
	if fs.Changed("issuer") {
		a.Issuer = *issuer
	}
	if fs.Changed("name") {
		a.Name = *name
	}
	if ways == 0 {
		if err := c.askLabels(&a, &origins); err != nil {
			return err
		}
	}
	a.Sites = origins
	if err := givePIN(&a, *pinFile); err != nil {
		return err
	}
	if err := a.Validate(); err != nil {
		return err
	}
	if old, ok := twin(v, a); ok {
		return withHint(fmt.Errorf("%s has this very secret already", old.Label()), "see it with: codefob show %s", old.ID)
	}
	var id string
	if err := v.Update(func(tx *vault.Tx) error { id, err = tx.Add(a); return err }); err != nil {
		return err
	}
	c.ui.print("%s  %s\n", id, a.Label())
	c.ui.say("added; its code: codefob code %s", id)
	if len(a.Sites) == 0 {
		c.ui.say("the browser will ask on which site it is for; or say it now: codefob edit %s --site HOST", id)
	}
	return nil
}

func newAccount(secret, kind, algorithm string, digits, period int, counter uint64) (account.Account, error) {
	read := account.ParseSecret
	if kind == string(account.MOTP) {
		read = account.ParseHex
	}
	secret, err := account.CutCheck(secret)
	if err != nil {
		return account.Account{}, withHint(err, "read it again from the sheet: groups of four, then / and three characters that check them")
	}
	s, err := read(secret)
	if err != nil {
		return account.Account{}, withHint(err, "copy the key again from the site's page; spaces, dashes and lower case do not matter")
	}
	a := account.New(account.Type(kind), "", "", s)
	switch a.Type {
	case account.TOTP, account.HOTP, account.Steam:
	case account.MOTP, account.Yandex:
		return a, nil // whose settings are always the same
	default:
		return account.Account{}, misused("there is no type %q: it is totp, hotp, steam, motp or yandex", kind)
	}
	if a.Algorithm, err = account.ParseAlgorithm(algorithm); err != nil {
		return a, misused("%s", err)
	}
	if digits != 0 {
		a.Digits = digits
	}
	if period != 0 {
		a.Period = time.Duration(period) * time.Second
	}
	if a.Type == account.HOTP {
		a.Counter = counter
	}
	return a, nil
}

// givePIN sets the PIN from a file, if one is named.
func givePIN(a *account.Account, file string) error {
	if file == "" {
		return nil
	}
	pin, err := readSecretFile(file)
	if err != nil {
		return err
	}
	a.PIN = account.NewSecret(pin)
	clear(pin)
	return nil
}

// askLabels asks for what neither the URI nor an option said.
func (c *cli) askLabels(a *account.Account, origins *[]string) error {
	for _, q := range []struct {
		into     *string
		question string
	}{
		{&a.Issuer, "Who is it with (for example GitHub): "},
		{&a.Name, "Your name there (may be empty): "},
	} {
		if *q.into != "" {
			continue
		}
		line, err := c.ask.Line(q.question)
		if err != nil {
			return err
		}
		*q.into = strings.TrimSpace(line)
	}
	for len(*origins) == 0 {
		line, err := c.ask.Line("Host where you log in (for example github.com; may be empty): ")
		if err != nil || strings.TrimSpace(line) == "" {
			return err
		}
		o, err := site.ParseSite(strings.TrimSpace(line))
		if err != nil {
			c.ui.say("%s", err)
			continue
		}
		*origins = []string{o.String()}
	}
	return nil
}

// origins reads the hosts that a person typed.
func origins(hosts []string) ([]string, error) {
	var list []string
	for _, text := range hosts {
		o, err := site.ParseSite(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, o.String()) {
			list = append(list, o.String())
		}
	}
	return list, nil
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
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ISSUER\tACCOUNT\tTYPE\tSITES\tID")
	for _, a := range accounts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a.Issuer, a.Name, a.Type, strings.Join(shown(a.Sites), " "), a.ID)
	}
	w.Flush()
	c.ui.print("%s", table.String())
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

func (c *cli) show(args []string) error {
	fs := c.flags("show")
	asJSON := fs.Bool("json", false, "print JSON")
	query, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	_, a, err := c.openOne(query[0])
	if err != nil {
		return err
	}
	if *asJSON {
		return c.ui.json(listedOf(a))
	}
	c.ui.print("id         %s\nissuer     %s\naccount    %s\ntype       %s\nalgorithm  %s\ndigits     %d\n", a.ID, a.Issuer, a.Name, a.Type, a.Algorithm, a.Digits)
	if a.Type == account.HOTP {
		c.ui.print("counter    %d\n", a.Counter)
	} else {
		c.ui.print("period     %s\n", a.Period)
	}
	if a.NeedsPIN() {
		c.ui.print("pin        not known\n")
	}
	for _, s := range a.Sites {
		c.ui.print("site       %s\n", s)
	}
	c.ui.print("append     %s\nsubmit     %s\nask        %s\n", onOff(a.Append), onOff(a.Submit), onOff(a.Ask))
	if len(a.RecoveryCodes) > 0 {
		c.ui.print("recovery   %d of %d left\n", a.RecoveryLeft(), len(a.RecoveryCodes))
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

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

func (c *cli) remove(args []string) error {
	fs := c.flags("remove")
	yes := fs.Bool("yes", false, "do not ask")
	query, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	v, a, err := c.openOne(query[0])
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Remove %s? You will need its codes to log in there, unless you turned that off.", a.Label())
	if means, err := c.meansIt(*yes, question); !means {
		return err
	}
	if err := v.Update(func(tx *vault.Tx) error { return tx.Remove(a.ID) }); err != nil {
		return err
	}
	c.ui.say("removed %s", a.Label())
	c.ui.say("for 90 days, this brings it back: codefob restore %s", a.ID)
	return nil
}

// removed is an account that can be brought back, as --json shows it.
type removed struct {
	listed
	Removed time.Time `json:"removed"`
}

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
	if i := slices.IndexFunc(v.Accounts(), func(b account.Account) bool { return a.Type == b.Type && a.Secret.Equal(b.Secret) }); i >= 0 {
		b := v.Accounts()[i]
		return withHint(fmt.Errorf("%s has this very secret already", b.Label()), "see it with: codefob show %s", b.ID)
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
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REMOVED\tISSUER\tACCOUNT\tID")
	for _, r := range gone {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.At.Local().Format("2006-01-02 15:04"), r.Issuer, r.Name, r.ID)
	}
	w.Flush()
	c.ui.print("%s", table.String())
	return nil
}

// meansIt asks before something is taken away, unless yes was said before.
func (c *cli) meansIt(yes bool, question string) (bool, error) {
	if yes {
		return true, nil
	}
	means, err := c.ask.Confirm(question)
	if errors.Is(err, prompt.ErrUnavailable) {
		return false, withHint(err, "say --yes if you mean it")
	}
	if err == nil && !means {
		c.ui.say("nothing removed")
	}
	return means, err
}
