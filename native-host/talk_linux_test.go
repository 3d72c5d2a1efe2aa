package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// talk runs a program on a terminal of its own and holds a dialogue with it:
//
//	talk [-stdout] DIALOGUE PROGRAM [ARGUMENT…]
//
// Each line of the file DIALOGUE is text to wait for on the terminal, or, after
// "> ", what the person then types and ends with Enter (or, for ^C, does not).
// Afterwards the file "screen" holds what the terminal showed. Standard input and output
// are not the terminal, but for standard output with -stdout.
func talk() {
	args := os.Args[1:]
	onScreen := args[0] == "-stdout"
	if onScreen {
		args = args[1:]
	}
	status, err := converse(args[0], args[1:], onScreen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "talk:", err)
		os.Exit(125)
	}
	os.Exit(status)
}

func converse(dialogue string, args []string, onScreen bool) (status int, err error) {
	script, err := os.ReadFile(dialogue)
	if err != nil {
		return 0, err
	}
	ptmx, tty, err := openTerminal()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if onScreen {
		cmd.Stdout = tty
	}
	cmd.ExtraFiles = []*os.File{tty}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	tty.Close()
	s := newScreen(ptmx)
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSuffix(line, "\n")
		switch typed, ok := strings.CutPrefix(line, "> "); {
		case typed == "^C":
			_, err = ptmx.WriteString("\x03")
		case ok:
			_, err = ptmx.WriteString(typed + "\r")
		default:
			err = s.await(line)
		}
		if err != nil {
			cmd.Process.Kill()
			break
		}
	}
	ended := cmd.Wait()
	<-s.done
	if e := os.WriteFile("screen", s.text, 0o600); err == nil {
		err = e
	}
	if err == nil && ended != nil && !errors.As(ended, new(*exec.ExitError)) {
		err = ended
	}
	return cmd.ProcessState.ExitCode(), err
}

func openTerminal() (ptmx, tty *os.File, err error) {
	if ptmx, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return nil, nil, err
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	return ptmx, tty, err
}

// screen is what a terminal has shown.
type screen struct {
	mu   sync.Mutex
	cond *sync.Cond
	text []byte
	read int // up to where await has read
	end  bool
	done chan struct{}
}

func newScreen(ptmx *os.File) *screen {
	s := &screen{done: make(chan struct{})}
	s.cond = sync.NewCond(&s.mu)
	go func() {
		defer close(s.done)
		b := make([]byte, 1024)
		for {
			n, err := ptmx.Read(b)
			s.mu.Lock()
			s.text = append(s.text, b[:n]...)
			s.end = err != nil // the program closed its end
			s.mu.Unlock()
			s.cond.Broadcast()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// await waits for text to appear, after what was waited for before.
func (s *screen) await(text string) error {
	late := false
	timer := time.AfterFunc(60*time.Second, func() {
		s.mu.Lock()
		late = true
		s.mu.Unlock()
		s.cond.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if i := strings.Index(string(s.text[s.read:]), text); i >= 0 {
			s.read += i + len(text)
			return nil
		}
		if late || s.end {
			return fmt.Errorf("waited for %q, the terminal shows:\n%s", text, s.text)
		}
		s.cond.Wait()
	}
}
