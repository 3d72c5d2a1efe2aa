package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
	"golang.org/x/term"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/paper"
	"codefob/internal/qr"
	"codefob/internal/vault"
)

// How an export keeps others from reading it.
const (
	byAge   = "sealed with age"
	byAegis = "sealed as Aegis does itself"
	never   = "" // for eyes and cameras
)

// exportFormats as --format takes them, the usual one first.
var exportFormats = []struct{ name, seal string }{
	{"codefob", byAge},
	{"uri", byAge},
	{"aegis", byAegis},
	{"bitwarden", byAge},
	{"cxf", byAge},
	{"google-qr", never},
	{"qr", never},
	{"paper", never},
}

// exportFile is one file of an export.
type exportFile struct {
	name    string // in the folder; "" for an export that is one file
	content []byte
	code    qr.Code // of a picture
	title   string  // says whose it is
}

func (c *cli) export(args []string) error {
	var names []string
	for _, f := range exportFormats {
		names = append(names, f.name)
	}
	fs := c.flags("export")
	format := fs.String("format", "codefob", "the `NAME` of the format: "+strings.Join(names, ", ")+"; qr and google-qr write pictures into a folder")
	output := fs.StringP("output", "o", "", "the `FILE` or folder to write; - shows QR codes on the terminal")
	queries := fs.StringArray("account", nil, "only the account that fits this `QUERY`; may be given several times")
	plain := fs.Bool("plain", false, "write the secrets as they are, for everybody to read; pictures and paper cannot be had otherwise")
	sealFile := fs.String("password-file", "", "read the passphrase that seals the file from this `FILE`")
	force := fs.Bool("force", false, "write over an existing file")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	i := slices.Index(names, *format)
	pictures := *format == "qr" || *format == "google-qr"
	show := *output == "-"
	switch {
	case i < 0:
		return misused("there is no format %q: it is one of %s", *format, strings.Join(names, ", "))
	case *output == "":
		return misused("export needs -o FILE")
	case show && !pictures:
		return misused("export writes to a file, not to standard output: name one with -o")
	case show && !term.IsTerminal(int(os.Stdout.Fd())):
		return misused("-o - shows QR codes on a terminal, and standard output is none: name a folder with -o")
	case !show && exportFormats[i].seal == never && !*plain:
		return misused("%s is for eyes and cameras, and cannot be sealed: say --plain, and keep it like a key", *format)
	case *plain && *sealFile != "":
		return misused("--plain and --password-file say the opposite")
	}
	if err := hasFolder(*output); err != nil && !show {
		return err
	}
	if info, err := os.Stat(*output); err == nil && !show {
		fits, kind := info.Mode().IsRegular(), "file"
		if pictures {
			fits, kind = info.IsDir(), "folder"
		}
		if !fits {
			return withHint(fmt.Errorf("%s is there, and no %s", *output, kind), "name another %s with -o", kind)
		}
	}
	if _, err := os.Lstat(*output); err == nil && !*force && !show {
		return withHint(fmt.Errorf("%s exists", *output), "name another one, or say --force to write over it")
	}
	v, err := c.reauthenticate()
	if err != nil {
		return err
	}
	given := time.Now()
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
	kept, losses := interchange.Fit(*format, list)
	c.tellLosses(*format, losses)
	if len(kept) == 0 {
		return withHint(errors.New("there is no account to write"), "nothing was written")
	}
	var passphrase []byte
	if !*plain && !show {
		c.ui.say("The file will be sealed with a passphrase of its own.")
		if passphrase, err = c.newPassphrase(*sealFile); err != nil {
			return err
		}
		defer clear(passphrase)
	}
	// At a terminal that was left alone somebody else may sit by now.
	if c.passphraseFile == "" && time.Since(given) > minute {
		c.ui.say("it took more than a minute: the passphrase of the vault once more")
		if _, err := c.reauthenticate(); err != nil {
			return err
		}
	}
	files, err := exportFiles(*format, kept, passphrase)
	if err != nil {
		return err
	}
	c.note(v, vault.ActExport, kept...) // before it is out
	if show {
		for _, f := range files {
			c.ui.print("%s\n%s\n", f.title, f.code.Terminal())
		}
		c.ui.say("warning: whoever sees these can make your codes; clear the terminal when you are done")
		return nil
	}
	if len(passphrase) > 0 && exportFormats[i].seal == byAge {
		if files[0].content, err = sealExport(files[0].content, passphrase); err != nil {
			return err
		}
	}
	if pictures {
		err = writeFolder(*output, files)
	} else {
		err = writeNew(*output, files[0].content, *force)
	}
	if err != nil {
		return err
	}
	c.ui.say("wrote %s to %s", accounts(len(kept)), *output)
	switch {
	case *plain:
		c.ui.say("warning: whoever reads %s can make your codes; delete it when you are done", *output)
	case exportFormats[i].seal == byAegis:
		c.ui.say("Aegis and \"codefob import\" open it with its passphrase")
	default:
		c.ui.say("open it with \"codefob import\", or with the age tool: age --decrypt %s", *output)
	}
	return nil
}

// tellLosses says what the format does not hold, before anything is written.
func (c *cli) tellLosses(format string, losses []interchange.Loss) {
	var what []string // in the order in which they come
	whose := make(map[string][]string)
	for _, l := range losses {
		if l.Out {
			c.ui.say("left out: %s: %s", l.Account.Label(), l.What)
			continue
		}
		if whose[l.What] == nil {
			what = append(what, l.What)
		}
		whose[l.What] = append(whose[l.What], l.Account.Label())
	}
	for _, w := range what {
		c.ui.say("%s does not hold the %s of %s", format, w, strings.Join(whose[w], ", "))
	}
}

func exportFiles(format string, list []account.Account, passphrase []byte) (files []exportFile, err error) {
	var content []byte
	switch format {
	case "uri":
		content = interchange.FormatURIList(list)
	case "codefob":
		content, err = interchange.FormatBackup(list, time.Now())
	case "aegis":
		content, err = interchange.FormatAegis(list, passphrase)
	case "bitwarden":
		content, err = interchange.FormatBitwarden(list)
	case "cxf":
		content, err = interchange.FormatCXF(list, time.Now())
	case "paper":
		content, err = paper.Accounts(list, time.Now())
	case "google-qr":
		uris := interchange.FormatMigration(list)
		for i, uri := range uris {
			f := exportFile{name: fmt.Sprintf("google-%02d-of-%02d.png", i+1, len(uris)), title: fmt.Sprintf("code %d of %d", i+1, len(uris))}
			if f.code, err = qr.Encode(uri); err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	case "qr":
		for i, a := range list {
			f := exportFile{name: fmt.Sprintf("%02d-%s.png", i+1, safeName(a.Label())), title: a.Label()}
			if f.code, err = qr.Encode(a.URI()); err != nil {
				return nil, fmt.Errorf("%s: %w", a.Label(), err)
			}
			files = append(files, f)
		}
	}
	if files == nil {
		files = []exportFile{{content: content}}
	}
	return files, err
}

// safeName leaves of a label what every file system takes.
func safeName(label string) string {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(label), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "-")
	if r := []rune(name); len(r) > 50 {
		name = string(r[:50])
	}
	return name
}

// writeFolder writes pictures into a folder that only its owner can enter: into a new
// one all or nothing, into one that is there each file whole.
func writeFolder(folder string, files []exportFile) error {
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(folder)), ".codefob-*") // 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	info, err := os.Stat(folder)
	into := temp
	if there := err == nil && info.IsDir(); there {
		into = folder
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(into, f.name), f.code.PNG(8), into == folder); err != nil {
			return err
		}
	}
	if into == folder {
		return nil
	}
	return os.Rename(temp, folder)
}

var sealWork = 18 // of scrypt, as log2 of N: about a second

func sealExport(content, passphrase []byte) ([]byte, error) {
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(sealWork)
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

// hasFolder wants a folder for a file, or a folder, that is to be written.
func hasFolder(name string) error {
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return withHint(fmt.Errorf("there is no folder for %s", name), "name one in a folder that is there")
	}
	return nil
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
