package prompt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/twpayne/go-pinentry/v4"
)

// converse runs the pinentry at path for one question.
func converse(ctx context.Context, path string, options []pinentry.ClientOption, ask func(*pinentry.Client) error) error {
	// Without a grab of the whole keyboard: the browser's own popup may hold one, and pinentry would give up.
	options = append([]pinentry.ClientOption{
		pinentry.WithBinaryName(path), pinentry.WithProcess(&program{ctx: ctx}), pinentry.WithNoGlobalGrab(),
	}, options...)
	client, err := pinentry.NewClient(options...)
	if err == nil {
		err = ask(client)
		client.Close() // the answer is in
	}
	return explain(ctx, err)
}

// Codes of libgpg-error (err-codes.h), the low 16 bits of what pinentry sends;
// the rest names their source.
const (
	gpgTimeout        = 62
	gpgCancelled      = 99
	gpgNotConfirmed   = 114
	gpgFullyCancelled = 198
)

// explain turns what package pinentry returns into this package's errors. Its
// own quote the line that they stumbled over, which may hold what was typed.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	var refusal *pinentry.AssuanError
	var start *startError
	switch {
	case errors.As(err, &start):
		return fmt.Errorf("%w: pinentry: %w", ErrUnavailable, start.error)
	case errors.As(err, &refusal):
		switch code := refusal.Code & 0xffff; code {
		case gpgTimeout:
			return ErrTimeout
		case gpgCancelled, gpgFullyCancelled, gpgNotConfirmed:
			return ErrCancelled
		default: // mostly that it has no window, nor a terminal instead
			return fmt.Errorf("%w: pinentry refused with error %d", ErrUnavailable, code)
		}
	case errors.As(err, new(pinentry.UnexpectedResponseError)), errors.Is(err, errReply):
		return errReply
	}
	return errors.New("pinentry ended before it was answered")
}

var errReply = errors.New("pinentry does not keep to its protocol")

// startError says that the program could not be run.
type startError struct{ error }

// maxConversation bounds what a pinentry may say, in bytes.
const maxConversation = 64 << 10

// program is a running pinentry, in place of package pinentry's own: that one
// hands on the whole environment, waits without end, takes a line of any length
// in pieces and the last of several data lines for the passphrase, and stumbles
// over status lines.
type program struct {
	ctx    context.Context
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	data   bool // a data line has come
	bye    bool // it was told to end
}

var _ pinentry.Process = (*program)(nil)

// Start runs the program at an absolute path.
func (p *program) Start(path string, args []string) error {
	p.cmd = exec.CommandContext(p.ctx, path, args...)
	p.cmd.Env = environment()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return &startError{err}
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return &startError{err}
	}
	if err := p.cmd.Start(); err != nil {
		return &startError{err}
	}
	p.stdin = stdin
	p.stdout = bufio.NewReader(io.LimitReader(stdout, maxConversation))
	// A child of the program may still hold the pipes once that has been killed.
	context.AfterFunc(p.ctx, func() {
		stdin.Close()
		stdout.Close()
	})
	return nil
}

// ReadLine returns the next line that is not a status ("S ERROR …"). Its second result is always false.
func (p *program) ReadLine() ([]byte, bool, error) {
	if p.bye {
		return []byte("OK"), false, nil
	}
	for {
		line, more, err := p.stdout.ReadLine()
		if err != nil {
			return nil, false, err
		}
		if more {
			return nil, false, errReply
		}
		if bytes.HasPrefix(line, []byte("D ")) {
			if p.data {
				return nil, false, errReply
			}
			p.data = true
		}
		if !bytes.HasPrefix(line, []byte("S ")) {
			return line, false, nil
		}
	}
}

// Write sends a line. Nobody waits for the answer to the last one: a program
// that broke the protocol may never give it.
func (p *program) Write(line []byte) (int, error) {
	p.bye = string(line) == "BYE\n"
	return p.stdin.Write(line)
}

// Close ends the program, whatever it is doing.
func (p *program) Close() error {
	p.stdin.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
	return nil
}

// environment is what a pinentry needs to find the display, and to speak the
// person's language. A session bus counts where it is a local socket: D-Bus
// addresses can also name other computers and programs to run.
func environment() []string {
	needed := []string{
		"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE", "DBUS_SESSION_BUS_ADDRESS",
		"HOME", "LANG",
	}
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		key, value, _ := strings.Cut(variable, "=")
		if key == "DBUS_SESSION_BUS_ADDRESS" {
			return slices.ContainsFunc(strings.Split(value, ";"), func(one string) bool { return !strings.HasPrefix(one, "unix:") })
		}
		return !slices.Contains(needed, key) && !strings.HasPrefix(key, "LC_")
	})
}
