package prompt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// Terminal asks on the terminal that the program was started from, wherever
// its standard input and output lead.
type Terminal struct{}

// Passphrase asks on one line, without echo. The terminal is as before when it
// returns, an interrupt included. Errors: [ErrCancelled], [ErrUnavailable], and
// [ErrTimeout] when ctx has a deadline.
func (t Terminal) Passphrase(ctx context.Context, question string) ([]byte, error) {
	answer, err := t.ask(ctx, func(screen *term.Terminal) (string, error) { return screen.ReadPassword(question) })
	return []byte(answer), err
}

// Secrets asks line by line, without echo, until an empty one, and returns the
// lines with their ends: a list that is pasted at once arrives whole. Errors as
// [Terminal.Passphrase].
func (t Terminal) Secrets(ctx context.Context, question string) ([]byte, error) {
	answer, err := t.ask(ctx, func(screen *term.Terminal) (string, error) {
		var lines strings.Builder
		for {
			line, err := screen.ReadPassword(question)
			if err != nil || strings.TrimSpace(line) == "" {
				return lines.String(), err
			}
			lines.WriteString(line + "\n")
		}
	})
	return []byte(answer), err
}

// Line asks for one line and returns it without its end.
func (t Terminal) Line(question string) (string, error) {
	return t.ask(context.Background(), func(screen *term.Terminal) (string, error) {
		screen.SetPrompt(question)
		return screen.ReadLine()
	})
}

// Confirm asks until it gets y or n. An empty line is a no.
func (t Terminal) Confirm(question string) (bool, error) {
	for {
		answer, err := t.Line(question + " [y/N] ")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			return false, nil
		}
	}
}

// ask puts the terminal into raw mode, where package term edits the line and
// ctrl-C is a character, and takes it out again.
func (t Terminal) ask(ctx context.Context, read func(*term.Terminal) (string, error)) (string, error) {
	in, out, err := open()
	if err != nil {
		return "", fmt.Errorf("%w: no terminal", ErrUnavailable)
	}
	defer in.Close()
	defer out.Close()
	fd := descriptor(in)
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("%w: no terminal", ErrUnavailable)
	}
	defer term.Restore(fd, before)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "")
	if width, height, err := term.GetSize(descriptor(out)); err == nil && width > 0 { // 0 on a serial line
		screen.SetSize(width, height)
	}
	type result struct {
		answer string
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := read(screen)
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, io.EOF) { // ctrl-C, ctrl-D, or the terminal went away
			io.WriteString(out, "\r\n")
			return "", ErrCancelled
		}
		return r.answer, r.err
	case <-ctx.Done(): // closing the terminal ends the read, where the system can do that
		io.WriteString(out, "\r\n")
		if err := ended(ctx); errors.Is(err, ErrTimeout) {
			return "", err
		}
		return "", ErrCancelled
	}
}

// open opens the terminal for reading and for writing.
func open() (in, out *os.File, err error) {
	names := [2]string{"/dev/tty", "/dev/tty"}
	if runtime.GOOS == "windows" {
		names = [2]string{"CONIN$", "CONOUT$"}
	}
	if in, err = os.OpenFile(names[0], os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if out, err = os.OpenFile(names[1], os.O_RDWR, 0); err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

// descriptor is f's file descriptor. Unlike f.Fd it leaves reads interruptible by Close.
func descriptor(f *os.File) (fd int) {
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd
}
