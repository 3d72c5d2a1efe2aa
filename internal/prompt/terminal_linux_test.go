package prompt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const childVariable = "PROMPT_TEST_QUESTION"

// TestMain is also the program that asks, in a child process on a terminal of its own.
func TestMain(m *testing.M) {
	switch question := os.Getenv(childVariable); question {
	case "":
		os.Exit(m.Run())
	case "passphrase":
		report(Terminal{}.Passphrase(context.Background(), "Passphrase: "))
	case "patient":
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		report(Terminal{}.Passphrase(ctx, "Passphrase: "))
	case "line":
		report(Terminal{}.Line("Issuer: "))
	case "confirm":
		report(Terminal{}.Confirm("Remove it?"))
	}
}

// report writes the result to standard output, which is not the terminal.
func report(answer any, err error) {
	for _, sentinel := range []error{ErrCancelled, ErrTimeout, ErrUnavailable} {
		if errors.Is(err, sentinel) {
			err = sentinel
		}
	}
	if b, ok := answer.([]byte); ok {
		answer = string(b)
	}
	fmt.Printf("%v|%v", answer, err)
}

// terminal is the person's side of a pseudo-terminal, with a child asking on the other.
type terminal struct {
	*os.File
	t      *testing.T
	slave  *os.File
	child  *exec.Cmd
	result *bytes.Buffer

	mu    sync.Mutex
	shown []byte // all that the screen got so far
}

// ask starts a child that asks the question on a new terminal.
func ask(t *testing.T, question string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: needs pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(descriptor(master), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(descriptor(master), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	c := &terminal{File: master, t: t, slave: slave, result: new(bytes.Buffer)}
	c.child = exec.Command(os.Args[0])
	c.child.Env = append(os.Environ(), childVariable+"="+question, "GORACE=atexit_sleep_ms=0")
	c.child.Stdin = slave
	c.child.Stdout = c.result
	c.child.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.child.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r := bufio.NewReader(master)
		for {
			b, err := r.ReadByte()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.shown = append(c.shown, b)
			c.mu.Unlock()
		}
	}()
	return c
}

func (c *terminal) screen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.shown)
}

// await waits until the screen shows text n times.
func (c *terminal) await(text string, n int) {
	c.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); strings.Count(c.screen(), text) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("the screen shows %q; want %q", c.screen(), text)
		}
	}
}

// end waits for the child and returns its report. The terminal must be as it was.
func (c *terminal) end() string {
	c.t.Helper()
	c.child.Wait()
	state, err := unix.IoctlGetTermios(descriptor(c.slave), unix.TCGETS)
	if err != nil {
		c.t.Fatal(err)
	}
	if want := uint32(unix.ECHO | unix.ICANON | unix.ISIG); state.Lflag&want != want {
		c.t.Errorf("the terminal is left without echo or line editing: %#x", state.Lflag)
	}
	return c.result.String()
}

func TestThePassphraseIsNotEchoed(t *testing.T) {
	c := ask(t, "passphrase")
	c.await("Passphrase: ", 1)
	c.WriteString("hunterZ\x7f2 ünïcode\r")
	if got, want := c.end(), "hunter2 ünïcode|<nil>"; got != want {
		t.Errorf("Passphrase = %q; want %q", got, want)
	}
	c.await("\r\n", 1)
	if strings.Contains(c.screen(), "hunter") {
		t.Errorf("the screen shows %q", c.screen())
	}
}

func TestALineIsEchoed(t *testing.T) {
	c := ask(t, "line")
	c.await("Issuer: ", 1)
	c.WriteString("GitHub\r")
	if got, want := c.end(), "GitHub|<nil>"; got != want {
		t.Errorf("Line = %q; want %q", got, want)
	}
	c.await("GitHub", 1)
}

func TestYesOrNo(t *testing.T) {
	for typed, want := range map[string]string{
		"y\r": "true|<nil>", "YES\r": "true|<nil>", "n\r": "false|<nil>", "\r": "false|<nil>", "no\r": "false|<nil>",
	} {
		c := ask(t, "confirm")
		c.await("Remove it? [y/N] ", 1)
		c.WriteString(typed)
		if got := c.end(); got != want {
			t.Errorf("Confirm, typed %q = %q; want %q", typed, got, want)
		}
	}
	c := ask(t, "confirm")
	c.await("[y/N]", 1)
	c.WriteString("perhaps\r")
	c.await("[y/N]", 2)
	c.WriteString("y\r")
	if got := c.end(); got != "true|<nil>" {
		t.Errorf("Confirm, asked twice = %q", got)
	}
}

func TestAnInterruptedQuestionRestoresTheTerminal(t *testing.T) {
	for name, interrupt := range map[string]func(*terminal){
		"ctrl-C":    func(c *terminal) { c.WriteString("abc\x03") },
		"ctrl-D":    func(c *terminal) { c.WriteString("\x04") },
		"interrupt": func(c *terminal) { c.child.Process.Signal(syscall.SIGINT) },
		"terminate": func(c *terminal) { c.child.Process.Signal(syscall.SIGTERM) },
	} {
		for _, question := range []string{"passphrase", "line", "confirm"} {
			c := ask(t, question)
			c.await(map[string]string{"passphrase": "phrase: ", "line": "Issuer: ", "confirm": "[y/N] "}[question], 1)
			interrupt(c)
			if got, want := c.end(), "cancelled"; !strings.HasSuffix(got, want) {
				t.Errorf("%s, %s: %q; want %q", question, name, got, want)
			}
		}
	}
}

func TestAQuestionOnTheTerminalEndsAtTheDeadline(t *testing.T) {
	c := ask(t, "patient")
	if got, want := c.end(), "|"+ErrTimeout.Error(); got != want {
		t.Errorf("Passphrase = %q; want %q", got, want)
	}
}

func TestWithoutATerminalNothingIsAsked(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"=passphrase", "GORACE=atexit_sleep_ms=0")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no controlling terminal
	out, err := c.Output()
	if want := "|" + ErrUnavailable.Error(); err != nil || string(out) != want {
		t.Errorf("Passphrase = %q, %v; want %q", out, err, want)
	}
}
