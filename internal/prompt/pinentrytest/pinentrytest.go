// Package pinentrytest gives tests a pinentry program that answers by itself.
// Tests outside Go copy pinentry.sh, which says how to tell it the answers.
package pinentrytest

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed pinentry.sh
var script []byte

// Program is an installed pinentry, for prompt.Native.
type Program struct {
	Path string // absolute
	t    testing.TB
}

// New installs a pinentry that cancels every question, in a folder of the
// test's own. The test is skipped where there is no /bin/sh.
func New(t testing.TB) Program {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("SKIPPED: needs /bin/sh")
	}
	p := Program{Path: filepath.Join(t.TempDir(), "pinentry"), t: t}
	p.check(os.WriteFile(p.Path, script, 0o700))
	return p
}

// Passphrase makes GETPIN answer with a passphrase of one line; "" cancels.
func (p Program) Passphrase(passphrase string) {
	p.t.Helper()
	if passphrase == "" {
		p.check(os.RemoveAll(p.Path + ".passphrase"))
		return
	}
	p.check(os.WriteFile(p.Path+".passphrase", []byte(passphrase+"\n"), 0o600))
}

// Confirm makes CONFIRM answer with yes or no.
func (p Program) Confirm(yes bool) {
	p.t.Helper()
	if !yes {
		p.check(os.RemoveAll(p.Path + ".confirm"))
		return
	}
	p.check(os.WriteFile(p.Path+".confirm", nil, 0o600))
}

// Requests returns what it was asked so far, line by line, as in "SETTITLE Codefob".
func (p Program) Requests() []string {
	p.t.Helper()
	log, err := os.ReadFile(p.Path + ".log")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p.check(err)
	return strings.Split(strings.TrimSuffix(string(log), "\n"), "\n")
}

func (p Program) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}
