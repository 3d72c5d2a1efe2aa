package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// enroll has the computer with the home OLD let that with the home NEW in, with people in front of both:
//
//	enroll OLD NEW NAME WHERE [ANSWER]
//
// ANSWER is what the one in front of OLD says when asked to compare the words: y, if it is left out. Afterwards the files "old" and "new" hold
// what was said.
func enroll(ts *testscript.TestScript, neg bool, args []string) {
	answer := "y"
	if len(args) > 4 {
		answer = args[4]
	}
	work := ts.Getenv("WORK")
	side := func(home string, args ...string) *person {
		p, err := meet(ts, filepath.Join(work, home), args...)
		ts.Check(err)
		return p
	}
	old := side(args[0], "devices", "add", "--vault-passphrase-file", filepath.Join(work, "pass"))
	defer old.cmd.Process.Kill()
	words, err := bufio.NewReader(old.out).ReadString('\n')
	ts.Check(err)
	new := side(args[1], "devices", "join", args[3], "--name", args[2], "--vault-passphrase-file", filepath.Join(work, "pass"))
	defer new.cmd.Process.Kill()
	ts.Check(new.screen.await("The ten words"))
	new.types("abandon " + words) // one too many: asked for again
	ts.Check(new.screen.await("The ten words"))
	new.types(words)
	ts.Check(old.screen.await("is it yours?"))
	old.types(answer)
	if answer == "y" {
		ts.Check(old.screen.await("Its name [" + args[2]))
		old.types("")
	}
	failed := new.ended() != nil
	failed = old.ended() != nil || failed
	for name, p := range map[string]*person{"old": old, "new": new} {
		said := p.err.String() + string(p.screen.text)
		ts.Logf("%s:\n%s", name, p.err.String())
		ts.Check(os.WriteFile(filepath.Join(work, name), []byte(said), 0o600))
	}
	check := regexp.MustCompile(`very same three words: (\w+ \w+ \w+)\n`)
	a, b := check.FindStringSubmatch(old.err.String()), check.FindStringSubmatch(new.err.String())
	if a == nil || b == nil || a[1] != b[1] {
		ts.Fatalf("the check words are %q and %q", a, b)
	}
	if failed != neg {
		ts.Fatalf("failed: %v", failed)
	}
}

// person is one in front of a terminal where codefob runs.
type person struct {
	cmd    *exec.Cmd
	ptmx   *os.File
	screen *screen
	out    io.Reader
	err    bytes.Buffer
}

func meet(ts *testscript.TestScript, home string, args ...string) (*person, error) {
	ptmx, tty, err := openTerminal()
	if err != nil {
		return nil, err
	}
	path, _, _ := strings.Cut(ts.Getenv("PATH"), ":")
	p := &person{cmd: exec.Command(filepath.Join(path, "codefob"), args...), ptmx: ptmx}
	p.cmd.Env = append(os.Environ(), "CODEFOB_HOME="+home)
	p.cmd.Stderr = &p.err
	p.cmd.ExtraFiles = []*os.File{tty}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	tty.Close()
	p.screen = newScreen(ptmx)
	return p, nil
}

func (p *person) types(text string) { fmt.Fprint(p.ptmx, strings.TrimSpace(text)+"\r") }

// ended waits for the program.
func (p *person) ended() error {
	io.Copy(io.Discard, p.out)
	err := p.cmd.Wait()
	<-p.screen.done
	return err
}

// relayCommand starts a relay, and sets RELAY to its address. It is nil under the race detector.
var relayCommand func(*testscript.TestScript, bool, []string)

// until COMMAND waits until a command, run by the shell, succeeds.
func until(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := ts.Exec("/bin/sh", "-c", args[0])
		if err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s: %v", args[0], err)
		}
	}
}
