package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/prompt"
	"codefob/internal/vault"
)

// backupAge is when it is time for a new backup.
const backupAge = 90 * 24 * time.Hour

// backedUp is backup.json in the home folder: the last backup that was good.
type backedUp struct {
	Folder   string    `json:"folder"`   // where backups go
	File     string    `json:"file"`     //
	Written  time.Time `json:"written"`  //
	Verified time.Time `json:"verified"` // when it was last seen to hold the whole vault
}

func (c *cli) backupRecord() string { return filepath.Join(c.home, "backup.json") }

func (c *cli) lastBackup() (last backedUp, err error) {
	content, err := os.ReadFile(c.backupRecord())
	if err == nil {
		err = json.Unmarshal(content, &last)
	}
	return last, err
}

func (c *cli) rememberBackup(last backedUp) error {
	content, err := json.Marshal(last)
	if err != nil {
		return err
	}
	return writeNew(c.backupRecord(), append(content, '\n'), true)
}

func (c *cli) backup(args []string) error {
	fs := c.flags("backup")
	passwordFile := fs.String("password-file", "", "seal it, or open it, with the passphrase in this `FILE` in place of the vault's")
	rest, err := parse(fs, args, 0, 2)
	if err != nil {
		return err
	}
	if len(rest) > 0 && rest[0] == "verify" {
		if len(rest) != 2 {
			return misused("backup verify needs a FILE")
		}
		return c.verifyBackup(rest[1], *passwordFile)
	}
	if len(rest) > 1 {
		return misused("backup does not take %q", rest[1])
	}
	last, _ := c.lastBackup()
	if len(rest) == 1 {
		if last.Folder, err = filepath.Abs(rest[0]); err != nil {
			return err
		}
	}
	if last.Folder == "" {
		return withHint(errors.New("backup does not know the folder yet"), "name it once: codefob backup FOLDER; best on another disk, or one that is copied elsewhere")
	}
	if info, err := os.Stat(last.Folder); err != nil || !info.IsDir() {
		return withHint(fmt.Errorf("%s is no folder here", last.Folder), "plug the disk in, or name another folder: codefob backup FOLDER")
	}
	now := time.Now() // before the vault is read: what changes from here on may not be in it
	v, passphrase, err := c.reauthenticateFor(*passwordFile)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	content, err := interchange.FormatBackup(v.Accounts(), now)
	if err != nil {
		return err
	}
	defer clear(content)
	sealed, err := sealExport(content, passphrase)
	if err != nil {
		return err
	}
	c.note(v, vault.ActBackup, v.Accounts()...)
	if last.File, err = writeDated(last.Folder, now, sealed); err != nil {
		return err
	}
	read, err := readBackupFile(last.File, func() ([]byte, error) { return slices.Clone(passphrase), nil })
	if err == nil && !compare(v.Accounts(), read).whole() {
		err = errors.New("it does not hold what the vault does")
	}
	if err != nil {
		return withHint(fmt.Errorf("%s cannot be read back: %w", last.File, err), "do not rely on it; look at the disk, and back up to another folder")
	}
	last.Written, last.Verified = now, now
	if err := c.rememberBackup(last); err != nil {
		return err
	}
	c.ui.print("%s\n", last.File)
	c.ui.say("wrote and read back %s, with sites, settings and recovery codes", accounts(len(v.Accounts())))
	if *passwordFile == "" {
		c.ui.say("it opens with the passphrase that the vault has now; to put it back: codefob import %s", last.File)
	}
	return nil
}

// reauthenticateFor opens the vault and gives the passphrase of a backup: the one in
// the file if there is one, else the vault's.
func (c *cli) reauthenticateFor(passwordFile string) (*vault.Vault, []byte, error) {
	v, err := vault.Open(c.home)
	if err != nil {
		return nil, nil, err
	}
	passphrase, err := c.passphraseOf(v)
	if errors.Is(err, vault.ErrLocked) {
		err = withHint(err, "this needs the passphrase: run it in a terminal, or name a file with --vault-passphrase-file")
	}
	if err == nil && passwordFile != "" {
		clear(passphrase)
		if passphrase, err = readSecretFile(passwordFile); err == nil {
			err = checkPassphrase(passphrase)
		}
	}
	return v, passphrase, err
}

// writeDated writes a file with the day in its name, and a number from the second on.
func writeDated(folder string, now time.Time, content []byte) (name string, err error) {
	for n := 1; n < 100; n++ {
		name = "codefob-" + now.Format("2006-01-02")
		if n > 1 {
			name += fmt.Sprint("-", n)
		}
		name = filepath.Join(folder, name+".age")
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := writeNew(name, content, false); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", withHint(fmt.Errorf("%s holds 99 backups of today", folder), "remove some, or name another folder")
}

func readBackupFile(name string, password func() ([]byte, error)) ([]account.Account, error) {
	content, err := readFile(name, interchange.MaxBytes)
	if err != nil {
		return nil, err
	}
	r, err := interchange.Read(interchange.Source{Name: filepath.Base(name), Data: content, Password: password}, "")
	switch {
	case errors.Is(err, interchange.ErrNothing): // as of a vault without accounts
		return nil, nil
	case err == nil && len(r.Errors) > 0:
		err = fmt.Errorf("%w: %w", interchange.ErrRefused, r.Errors[0])
	}
	return r.Accounts, err
}

// comparison is what a backup holds beside what the vault does, as labels.
type comparison struct {
	agree   int      // with the same codes
	missing []string // of the vault
	changed []string // since: labels, sites, settings, recovery codes, counter
	gone    []string // that the vault does not have
}

func (d comparison) whole() bool { return len(d.missing) == 0 && len(d.changed) == 0 }

func compare(inVault, inBackup []account.Account) (d comparison) {
	left := slices.Clone(inBackup)
	for _, a := range inVault {
		at := indexSame(left, a)
		if at < 0 {
			d.missing = append(d.missing, a.Label())
			continue
		}
		if d.agree++; !alike(a, left[at]) {
			d.changed = append(d.changed, a.Label())
		}
		left = slices.Delete(left, at, at+1)
	}
	for _, a := range left {
		d.gone = append(d.gone, a.Label())
	}
	return d
}

// alike tells whether two accounts with the same codes are equal in the rest too.
func alike(a, b account.Account) bool {
	return a.URI() == b.URI() && slices.Equal(a.Sites, b.Sites) && a.Append == b.Append && a.Submit == b.Submit && a.Ask == b.Ask &&
		slices.EqualFunc(a.RecoveryCodes, b.RecoveryCodes, func(r, s account.RecoveryCode) bool {
			return r.Code.Equal(s.Code) && r.Used.Equal(s.Used)
		})
}

func (c *cli) verifyBackup(name, passwordFile string) error {
	now := time.Now() // as in backup
	v, passphrase, err := c.reauthenticateFor("")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	give := func() ([]byte, error) { return slices.Clone(passphrase), nil }
	if passwordFile != "" {
		give = func() ([]byte, error) { return readSecretFile(passwordFile) }
	}
	read, err := readBackupFile(name, give)
	if errors.Is(err, interchange.ErrWrongPassword) && passwordFile == "" {
		c.ui.say("the vault's passphrase does not open it: it may have one of its own, or the one from before a change")
		read, err = readBackupFile(name, func() ([]byte, error) {
			password, err := c.ask.Passphrase(c.ctx, "Password of "+name+": ")
			if errors.Is(err, prompt.ErrUnavailable) {
				err = interchange.ErrNeedsPassword
			}
			return password, err
		})
	}
	const other = "name one that codefob backup wrote"
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) {
		return withHint(err, other) // it names the file
	}
	if errors.Is(err, interchange.ErrUnrecognized) {
		err = withHint(err, other)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := compare(v.Accounts(), read)
	c.ui.print("opens, and the codes of %s agree with the vault's\n", accounts(d.agree))
	for _, l := range []struct {
		what   string
		labels []string
	}{{"missing in it", d.missing}, {"newer in the vault", d.changed}, {"no longer in the vault", d.gone}} {
		for _, label := range l.labels {
			c.ui.print("%s: %s\n", l.what, label)
		}
	}
	if len(d.missing) > 0 {
		return withHint(fmt.Errorf("%s of the vault missing in %s", accounts(len(d.missing)), name), "write a new one: codefob backup")
	}
	if len(d.changed) > 0 {
		c.ui.say("what is newer is in the next backup: codefob backup")
		return nil
	}
	last, _ := c.lastBackup()
	if last.File, err = filepath.Abs(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	last.Written, last.Verified = info.ModTime(), now
	if last.Folder == "" {
		last.Folder = filepath.Dir(last.File)
	}
	return c.rememberBackup(last)
}

// checkBackup tells how old the last good backup is. A missing one is nothing that
// is broken: doctor says what to do, and its exit status stays.
func (c *cli) checkBackup(now time.Time) finding {
	const fix = "codefob backup FOLDER, best on another disk"
	last, err := c.lastBackup()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return finding{"backup", true, "none yet: a lost disk loses all accounts", fix}
	case err != nil:
		return bad("backup", fmt.Errorf("%s is not valid", c.backupRecord()), fix)
	}
	old := now.Sub(last.Written)
	f := good("backup", "of %s, %s old, last seen to be good %s, in %s", last.Written.Local().Format("2006-01-02"), days(old), last.Verified.Local().Format("2006-01-02"), last.File)
	if _, err := os.Lstat(last.File); err != nil {
		f.Message += ", which is not there now"
		f.Fix = "plug the disk in and see that it is good: codefob backup verify FILE; or make another: " + fix
	}
	if accounts, err := os.Stat(filepath.Join(c.home, "vault", "accounts.age")); err == nil && accounts.ModTime().After(last.Verified) {
		f.Message += "; the vault was changed since"
		f.Fix = "codefob backup"
	}
	if old > backupAge {
		f.Fix = "codefob backup"
	}
	return f
}

// days counts whole days in words.
func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "1 day"
}
