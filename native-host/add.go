package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
