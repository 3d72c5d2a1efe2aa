package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/keystore"
	"codefob/internal/prompt"
	"codefob/internal/site"
	"codefob/internal/syncing"
	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

// ui is the only part that talks to a person: results on stdout, everything
// else on stderr with the program's name in front.
type ui struct {
	out, err io.Writer
	lost     error // why a result could not be written; nil if all were
}

func newUI() *ui { return &ui{out: os.Stdout, err: os.Stderr} }

// print writes a result.
func (u *ui) print(format string, args ...any) {
	_, err := fmt.Fprintf(u.out, format, args...)
	u.lost = cmp.Or(u.lost, err)
}

// table writes a result in columns, each as wide as its longest cell; the first row is the head.
func (u *ui) table(rows [][]string) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	u.print("%s", b.String())
}

// accounts counts accounts in words.
func accounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}

// json writes a result for programs.
func (u *ui) json(v any) error {
	err := json.MarshalWrite(u.out, v, jsontext.WithIndent("  "), json.Deterministic(true))
	u.print("\n")
	return err
}

// say tells what happens.
func (u *ui) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintf(u.err, "codefob: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// failed reports an error with its way out, and gives the exit status: 0 done,
// 1 failed, 2 misused.
func (u *ui) failed(err error) int {
	if err == nil && u.lost != nil {
		err = withHint(fmt.Errorf("the result could not be written: %w", u.lost), "what was done is done, and a code that was to be used once is used; look at where the output goes")
	}
	if err == nil {
		return 0
	}
	u.say("error: %s", err)
	if hint := hintFor(err); hint != "" {
		u.say("hint: %s", hint)
	}
	if errors.As(err, new(misuse)) {
		return 2
	}
	return 1
}

// misuse is a wrong use of the command line.
type misuse struct{ error }

func misused(format string, args ...any) error {
	return misuse{fmt.Errorf(format, args...)}
}

// hinted is an error that knows its way out.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func withHint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// hints are the ways out of errors that can come from anywhere, the first that fits.
var hints = []struct {
	err  error
	hint string
}{
	{vault.ErrMissing, `make one with "codefob init"`},
	{vault.ErrExists, `see it with "codefob list"; to start anew, move the folder away first`},
	{vault.ErrLocked, `unlock it with "codefob unlock", or name a file with --vault-passphrase-file`},
	{vault.ErrLockedByUs, `unlock it with "codefob unlock"`},
	{account.ErrPIN, "give it with: codefob edit QUERY --pin-file FILE"},
	{vault.ErrCounterEnd, "enroll the account anew at its site"},
	{vault.ErrPassphrase, `if it is lost, set a new one with "codefob passphrase --recovery-key"`},
	{vault.ErrNoSlot, `set a new passphrase with "codefob passphrase --recovery-key"`},
	{vault.ErrRecovery, "it may be an older sheet: a new recovery key replaces the one before it"},
	{vault.ErrRecoveryText, "it is the nine groups of four on the sheet that codefob init asked you to keep"},
	{vault.ErrNewer, "update Codefob on this computer; nothing was changed"},
	{vault.ErrDamaged, `nothing was changed; "codefob doctor" says which older copy still opens and how to put it back`},
	{vault.ErrUnread, "give its files back to yourself (sudo chown -R $USER FOLDER), or end programs that have too many files open"},
	{vault.ErrBusy, "try again in a moment; if it goes on, end the codefob process that hangs"},
	{vault.ErrStorage, "nothing was changed; make room on the disk, or make its folder writable, and try again"},
	{keystore.ErrUnavailable, "the passphrase works without a keychain"},
	{keystore.ErrNotFound, `unlock with the passphrase and make the slot again: codefob keychain`},
	{vault.ErrItem, "unlock with the passphrase and make the slot again: codefob keychain"},
	{keystore.ErrEmpty, `unlock with the passphrase and make the slot again: codefob keychain`},
	{keystore.ErrLocked, "unlock the keychain, or use the passphrase"},
	{keystore.ErrRestarted, "try again, or use the passphrase"},
	{keystore.ErrTimeout, "look for a dialog of the keychain, or use the passphrase"},
	{prompt.ErrUnavailable, "run it in a terminal"},
	{site.ErrRefused, "name the host where you log in, as the address bar shows it: github.com"},
	{vaultsync.ErrGone, "plug it in or mount it, and try again; your accounts are safe here"},
	{vaultsync.ErrRemoved, `to take part again: "codefob devices add" on another computer, and "codefob devices join" here`},
	{vaultsync.ErrNotMember, "wait until the folder is copied, or the relay can be reached, and try again: codefob sync"},
	{vaultsync.ErrBehind, "let the others hand over what they have: codefob sync; if that does not help: codefob devices remove on another computer, and codefob devices join here"},
	{vaultsync.ErrStorage, "your accounts are as they were; make room on the disk, or make its folder writable, and try again"},
	{vaultsync.ErrDamaged, "your accounts are as they were; move the folder sync in Codefob's folder away, and let this computer in anew: codefob devices join; then, on another one, remove what it was before: codefob devices remove"},
	{vaultsync.ErrTaken, "try again"},
	{syncing.ErrBusy, "try again in a moment; if it goes on, end the codefob process that hangs"},
	{interchange.ErrUnrecognized, `say with --format which app wrote it; "codefob import --help" names those that are known`},
	{interchange.ErrNeedsPassword, "name a file that holds it with --password-file, or run it in a terminal"},
	{interchange.ErrWrongPassword, "it is the one given when the file was written; nothing was changed"},
	{interchange.ErrUnsupported, "nothing was changed"},
	{interchange.ErrRefused, "export it again from the app that wrote it; nothing was changed"},
	{interchange.ErrTooLarge, "export fewer accounts at once; nothing was changed"},
	{interchange.ErrTooMany, "export fewer accounts at once; nothing was changed"},
	{interchange.ErrNothing, "look into the app that wrote it: the accounts may be in another vault of it, or left out of its exports"},
	{interchange.ErrNoCode, "show the whole QR code with some white around it, larger and sharper"},
	{interchange.ErrNotOTP, "take the one that the site shows when codes are set up, or that the app shows for its export"},
}

func hintFor(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.hint
	}
	for _, h := range hints {
		if errors.Is(err, h.err) {
			return h.hint
		}
	}
	if errors.As(err, new(misuse)) {
		return `"codefob help" lists the commands and "codefob COMMAND --help" their options`
	}
	return ""
}
