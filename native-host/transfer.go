package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"codefob/internal/interchange"
)

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
