package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/vault"
)

const (
	maxImport = 64 << 20
	ageMagic  = "age-encryption.org/v1\n"
)

// imported is what --json says of an import.
type imported struct {
	Format   string   `json:"format"`
	Accounts []listed `json:"accounts"`
	Added    int      `json:"added"`
	Already  int      `json:"already"` // in the vault, or twice in the files
	Errors   []string `json:"errors"`
}

func (c *cli) importFiles(args []string) error {
	fs := c.flags("import")
	passwordFile := fs.String("password-file", "", "read the file's passphrase from this `FILE`")
	dryRun := fs.Bool("dry-run", false, "show what would happen, and change nothing")
	asJSON := fs.Bool("json", false, "print JSON")
	files, err := parse(fs, args, 1, 1000)
	if err != nil {
		return err
	}
	out := imported{Format: "uri", Accounts: []listed{}, Errors: []string{}}
	var found []account.Account
	for _, name := range files {
		r, err := c.readURIs(name, *passwordFile)
		if err != nil {
			return fmt.Errorf("%s: %w", fileName(name), err)
		}
		found = append(found, r.Accounts...)
		for _, e := range r.Errors {
			out.Errors = append(out.Errors, fileName(name)+": "+e.Error())
		}
	}
	v, err := c.openVault()
	if err != nil {
		return err
	}
	known := slices.Clone(v.Accounts())
	var fresh []account.Account
	for _, a := range found {
		if slices.ContainsFunc(known, func(b account.Account) bool { return same(a, b) }) {
			out.Already++
			continue
		}
		known, fresh = append(known, a), append(fresh, a)
		out.Accounts = append(out.Accounts, listedOf(a))
	}
	if !*dryRun && len(fresh) > 0 {
		err := v.Update(func(tx *vault.Tx) error {
			for i, a := range fresh {
				id, err := tx.Add(a)
				if err != nil {
					return fmt.Errorf("%s: %w", a.Label(), err)
				}
				out.Accounts[i].ID = id
			}
			return nil
		})
		if err != nil {
			return err
		}
		out.Added = len(fresh)
	}
	if *asJSON {
		if err := c.ui.json(out); err != nil {
			return err
		}
	} else {
		for _, a := range fresh {
			c.ui.print("%s\n", a.Label())
		}
		for _, e := range out.Errors {
			c.ui.say("not added: %s", e)
		}
		verb := "added"
		if *dryRun {
			verb = "would be added"
		}
		c.ui.say("%s %s, %d there already", accounts(len(fresh)), verb, out.Already)
	}
	if n := len(out.Errors); n > 0 {
		return withHint(fmt.Errorf("%s could not be read", accounts(n)), "correct them and import the file again: what is there already is not added twice")
	}
	return nil
}

// same tells whether two accounts give the same codes.
func same(a, b account.Account) bool {
	return a.Type == b.Type && a.Algorithm == b.Algorithm && a.Digits == b.Digits && a.Period == b.Period && a.Secret.Equal(b.Secret)
}

// readURIs reads a file of otpauth URIs, plain or as codefob export seals it.
func (c *cli) readURIs(name, passwordFile string) (interchange.Result, error) {
	content, err := readFile(name, maxImport)
	if err != nil {
		return interchange.Result{}, err
	}
	if bytes.HasPrefix(content, []byte(ageMagic)) {
		if content, err = c.openSealed(content, passwordFile); err != nil {
			return interchange.Result{}, err
		}
	}
	return interchange.ParseURIList(content)
}

func (c *cli) openSealed(content []byte, passwordFile string) (plain []byte, err error) {
	var password []byte
	if passwordFile != "" {
		password, err = readSecretFile(passwordFile)
	} else {
		password, err = c.ask.Passphrase(c.ctx, "Passphrase of the file: ")
	}
	if err != nil {
		return nil, err
	}
	by, err := age.NewScryptIdentity(string(password))
	if err != nil {
		return nil, err
	}
	by.SetMaxWorkFactor(22) // minutes: more is refused before it is run
	r, err := age.Decrypt(bytes.NewReader(content), by)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, withHint(errors.New("wrong passphrase of the file"), "it is the one given when the file was written; nothing was changed")
	}
	if err != nil {
		return nil, err
	}
	plain, err = io.ReadAll(io.LimitReader(r, maxImport+1))
	if err == nil && len(plain) > maxImport {
		err = fmt.Errorf("it holds more than %d MiB", maxImport>>20)
	}
	return plain, err
}

func (c *cli) export(args []string) error {
	fs := c.flags("export")
	output := fs.StringP("output", "o", "", "the `FILE` to write")
	queries := fs.StringArray("account", nil, "only the account that fits this `QUERY`; may be given several times")
	plain := fs.Bool("plain", false, "write the secrets as they are, for every program to read")
	sealFile := fs.String("password-file", "", "read the passphrase that seals the file from this `FILE`")
	force := fs.Bool("force", false, "write over an existing file")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	if *output == "" {
		return misused("export needs -o FILE")
	}
	if *output == "-" {
		return misused("export writes to a file, not to standard output: name one with -o")
	}
	if _, err := os.Lstat(*output); err == nil && !*force {
		return withHint(fmt.Errorf("%s exists", *output), "name another file, or say --force to write over it")
	}
	v, err := c.reauthenticate()
	if err != nil {
		return err
	}
	list := v.Accounts()
	if len(*queries) > 0 {
		list = nil
		for _, q := range *queries {
			a, err := one(v, q)
			if err != nil {
				return err
			}
			list = append(list, a)
		}
	}
	content := interchange.FormatURIList(list)
	if !*plain {
		c.ui.say("The file will be sealed with a passphrase of its own.")
		if content, err = c.sealExport(content, *sealFile); err != nil {
			return err
		}
	}
	if err := writeNew(*output, content, *force); err != nil {
		return err
	}
	c.ui.say("wrote %s to %s", accounts(len(list)), *output)
	if *plain {
		c.ui.say("warning: whoever reads this file can make your codes; delete it when you are done")
	} else {
		c.ui.say("open it with \"codefob import\", or with the age tool: age --decrypt %s", *output)
	}
	return nil
}

func (c *cli) sealExport(content []byte, passwordFile string) ([]byte, error) {
	passphrase, err := c.newPassphrase(passwordFile)
	if err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

// writeNew writes a file that only its owner can read, whole or not at all.
func writeNew(name string, content []byte, force bool) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".codefob-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if !force {
		err := os.Link(f.Name(), name) // fails if there is one by now
		if err == nil || errors.Is(err, os.ErrExist) {
			return err
		}
		// No hard links on this file system.
	}
	return os.Rename(f.Name(), name)
}
