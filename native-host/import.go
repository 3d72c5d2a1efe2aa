package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/prompt"
	"codefob/internal/vault"
)

// maxImportFiles bounds what a folder may hold.
const maxImportFiles = 1000

// imported is what --json says of an import.
type imported struct {
	Format    string   `json:"format"`   // "mixed" for files of several
	Outcome   string   `json:"outcome"`  // see outcomeOf; of several files, the first that is not ok
	Accounts  []listed `json:"accounts"` // all that the files hold
	Added     int      `json:"added"`
	Already   int      `json:"already"`   // in the vault, or twice in the files
	Completed int      `json:"completed"` // of those in the vault: they got sites or recovery codes
	Others    int      `json:"others"`    // entries that are no accounts with codes
	Errors    []string `json:"errors"`    // where it is, and the reason
}

// importing is one run of the command.
type importing struct {
	imported
	found   []account.Account
	parts   []interchange.Part // of exports of Google Authenticator
	missing []string           // parts of those that no file had; in Errors too
	fresh   []int              // of found: those that are not in the vault
	failed  error              // of the first file that could not be read
	files   int
}

func (c *cli) importFiles(args []string) error {
	fs := c.flags("import")
	format := fs.String("format", "", "the `NAME` of the format, where the file does not show it: "+strings.Join(interchange.Formats(), ", "))
	passwordFile := fs.String("password-file", "", "read the file's password from this `FILE`")
	keyFile := fs.String("key-file", "", "the `FILE` that opens it beside the password: the key file of a KeePass database, or manifest.json of an encrypted .maFile")
	dryRun := fs.Bool("dry-run", false, "show what would happen, and change nothing")
	asJSON := fs.Bool("json", false, "print JSON")
	names, err := parse(fs, args, 1, maxImportFiles)
	if err != nil {
		return err
	}
	if *format != "" && !slices.Contains(interchange.Formats(), *format) {
		return misused("there is no format %q: it is one of %s", *format, strings.Join(interchange.Formats(), ", "))
	}
	if names, err = unfold(names); err != nil {
		return err
	}
	var key []byte
	if *keyFile != "" {
		if key, err = readFile(*keyFile, interchange.MaxBytes); err != nil {
			return err
		}
	}
	run := importing{imported: imported{Accounts: []listed{}, Errors: []string{}}, files: len(names)}
	for _, name := range names {
		if err := c.readImport(&run, name, *format, *passwordFile, key); err != nil {
			return err
		}
	}
	run.noteMissing()
	if len(run.found) > 0 {
		if err := c.merge(&run, *dryRun); err != nil {
			return err
		}
	}
	if len(run.Errors) > 0 && run.Outcome == "ok" {
		run.Outcome = "partial"
	}
	if *asJSON {
		if err := c.ui.json(run.imported); err != nil {
			return err
		}
	} else {
		c.tellImport(&run, *dryRun)
	}
	return run.err()
}

// unfold puts the files of a folder in its place, those of folders below it too.
func unfold(names []string) (files []string, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if name == "-" || err != nil || !info.IsDir() {
			files = append(files, name) // what is not there is said when it is read
			continue
		}
		err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			hidden := path != name && strings.HasPrefix(d.Name(), ".")
			switch {
			case err != nil:
				return err
			case hidden && d.IsDir():
				return fs.SkipDir
			case hidden || !d.Type().IsRegular():
				return nil
			}
			files = append(files, path)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, withHint(fmt.Errorf("%s holds no file", name), "name the file that the app wrote")
		}
	}
	if len(files) > maxImportFiles {
		return nil, withHint(fmt.Errorf("over %d files", maxImportFiles), "name those that the apps wrote")
	}
	return files, nil
}

// readImport reads one file. What is wrong with the file is kept; an error is what
// ends the command.
func (c *cli) readImport(run *importing, name, format, passwordFile string, key []byte) error {
	content, err := readFile(name, interchange.MaxBytes)
	if err != nil {
		return err
	}
	defer clear(content)
	r, err := interchange.Read(interchange.Source{Name: filepath.Base(name), Data: content, KeyFile: key, Password: func() ([]byte, error) {
		if passwordFile != "" {
			return c.filePassword(passwordFile)
		}
		password, err := c.ask.Passphrase(c.ctx, "Password of "+fileName(name)+": ")
		if errors.Is(err, prompt.ErrUnavailable) {
			return nil, interchange.ErrNeedsPassword
		}
		return password, err
	}}, format)
	outcome, known := outcomeOf(r, err)
	if !known {
		return fmt.Errorf("%s: %w", fileName(name), err)
	}
	run.note(r, outcome)
	run.checkSites(name, r.Accounts)
	run.found = append(run.found, r.Accounts...)
	run.parts = append(run.parts, r.Parts...)
	for _, e := range r.Errors {
		run.Errors = append(run.Errors, fileName(name)+": "+e.Error())
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", fileName(name), err)
		run.Errors = append(run.Errors, err.Error())
		if run.failed == nil {
			run.failed = err
		}
	}
	return nil
}

// filePassword reads the password of a file that is imported. One that is empty is tried too: a KeePass
// database may have none beside its key file. Standard input that is empty was read already.
func (c *cli) filePassword(name string) ([]byte, error) {
	password, err := readSecretFile(name)
	if errors.Is(err, errEmpty) && name != "-" {
		c.ui.say("%s is empty: the password is taken to be so", name)
		return nil, nil
	}
	return password, err
}

// checkSites takes away what could not be given with --site. Only Codefob's own
// exports have sites.
func (run *importing) checkSites(name string, list []account.Account) {
	for i, a := range list {
		sites, err := origins(a.Sites)
		if err != nil {
			run.Errors = append(run.Errors, fmt.Sprintf("%s: %s, without its sites: %s", fileName(name), a.Label(), err))
		}
		list[i].Sites = sites
	}
}

// note takes the format and the outcome of one file into those of all.
func (run *importing) note(r interchange.Result, outcome string) {
	run.Others += r.Others
	switch {
	case run.Format == "" || r.Format == "":
		run.Format += r.Format
	case run.Format != r.Format:
		run.Format = "mixed"
	}
	if run.Outcome == "" || run.Outcome == "ok" {
		run.Outcome = outcome
	}
}

// noteMissing says which parts of exports of Google Authenticator no file had.
func (run *importing) noteMissing() {
	run.missing = interchange.MissingParts(run.parts)
	for _, part := range run.missing {
		run.Errors = append(run.Errors, "export of Google Authenticator: "+part)
	}
}

// outcomeOf names what became of a file; known is false for what has no name,
// as when the person gave up.
func outcomeOf(r interchange.Result, err error) (outcome string, known bool) {
	for _, o := range []struct {
		err  error
		name string
	}{
		{interchange.ErrNeedsPassword, "needs-password"},
		{interchange.ErrWrongPassword, "wrong-password"},
		{interchange.ErrUnsupported, "unsupported"},
		{interchange.ErrUnrecognized, "unsupported"},
		{interchange.ErrRefused, "refused"},
		{interchange.ErrTooLarge, "refused"},
		{interchange.ErrTooMany, "refused"},
		{interchange.ErrNothing, "nothing-to-import"},
		{interchange.ErrNoCode, "no-code"},
		{interchange.ErrNotOTP, "not-otp"},
	} {
		if errors.Is(err, o.err) {
			return o.name, true
		}
	}
	switch {
	case err != nil:
		return "", false
	case len(r.Accounts) == 0:
		return "nothing-to-import", true
	case len(r.Errors) > 0:
		return "partial", true
	}
	return "ok", true
}

// merge adds what is not in the vault yet, and to what is there the sites and recovery
// codes that it lacks; all of it or nothing.
func (c *cli) merge(run *importing, dryRun bool) error {
	v, err := c.openVault()
	if err != nil {
		return err
	}
	known := slices.Clone(v.Accounts())
	inVault := len(known)
	labels := make(map[string]bool)
	for _, a := range known {
		labels[a.Label()] = true
	}
	completed := make(map[int]bool) // of known
	for i, a := range run.found {
		run.Accounts = append(run.Accounts, listedOf(a))
		if at := indexSame(known, a); at >= 0 {
			run.Accounts[i].ID = known[at].ID
			run.Already++
			changed, err := known[at].Complete(a)
			if err != nil {
				run.Errors = append(run.Errors, fmt.Sprintf("recovery codes of %s: %s", a.Label(), err))
			}
			if changed && at < inVault {
				completed[at] = true
			}
			continue
		}
		if labels[a.Label()] {
			c.ui.say("%s is there already with another secret: both are kept", a.Label())
		}
		labels[a.Label()] = true
		known, run.fresh = append(known, a), append(run.fresh, i)
	}
	run.Added, run.Completed = len(run.fresh), len(completed)
	if dryRun || run.Added+run.Completed == 0 {
		return nil
	}
	return v.Update(func(tx *vault.Tx) error {
		for n, i := range run.fresh {
			id, err := tx.Add(known[inVault+n])
			if err != nil {
				return fmt.Errorf("%s: %w", run.found[i].Label(), err)
			}
			run.Accounts[i].ID = id
		}
		for at := range completed {
			err := tx.Edit(known[at].ID, func(a *account.Account) error {
				_, err := a.Complete(known[at])
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", known[at].Label(), err)
			}
		}
		return nil
	})
}

// indexSame finds the account that gives the same codes as a; of several, the one with
// the same names.
func indexSame(list []account.Account, a account.Account) int {
	at := slices.IndexFunc(list, func(b account.Account) bool { return same(a, b) && a.Label() == b.Label() })
	if at < 0 {
		at = slices.IndexFunc(list, func(b account.Account) bool { return same(a, b) })
	}
	return at
}

// same tells whether two accounts give the same codes.
func same(a, b account.Account) bool {
	return a.Type == b.Type && a.Algorithm == b.Algorithm && a.Digits == b.Digits && a.Period == b.Period &&
		a.Secret.Equal(b.Secret) && bytes.Equal(a.PIN.Bytes(), b.PIN.Bytes())
}

// tellImport says to a person what happened.
func (c *cli) tellImport(run *importing, dryRun bool) {
	for _, i := range run.fresh {
		c.ui.print("%s\n", run.found[i].Label())
	}
	last := run.failed != nil && run.files == 1 || len(run.Errors) == len(run.missing) // the command ends with them
	for _, e := range run.Errors {
		if !last {
			c.ui.say("not added: %s", e)
		}
	}
	if run.Others > 0 {
		c.ui.say("left out, as they are no accounts with codes: %d", run.Others)
	}
	added, got := "added", "got"
	if dryRun {
		added, got = "would be added", "would get"
	}
	if len(run.found) > 0 {
		c.ui.say("%s %s, %d there already", accounts(run.Added), added, run.Already)
	}
	if run.Completed > 0 {
		c.ui.say("%s %s sites or recovery codes that were missing", accounts(run.Completed), got)
	}
	for _, i := range run.fresh {
		if a := run.found[i]; a.NeedsPIN() {
			c.ui.say("%s needs its PIN before it makes codes: codefob edit QUERY --pin-file FILE", a.Label())
		}
	}
}

// err is what the command ends with: of the only file, what is wrong with it.
func (run *importing) err() error {
	switch n := len(run.Errors) - len(run.missing); {
	case run.failed != nil && run.files == 1:
		return run.failed
	case run.failed != nil:
		return withHint(errors.New("not every file could be read"), "%s: %s", run.failed, hintFor(run.failed))
	case n > 0:
		return withHint(fmt.Errorf("%s could not be read", accounts(n)), "correct them and import the file again: what is there already is not added twice")
	case len(run.missing) > 0:
		return withHint(errors.New("an export of Google Authenticator is not whole: "+strings.Join(run.missing, ", ")), "import its other codes too, in any order: what is there already is not added twice")
	}
	return nil
}
