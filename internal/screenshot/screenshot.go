// Package screenshot takes a picture of the screen, with a program that the platform
// has for it.
package screenshot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	maxBytes = 64 << 20
	patience = 15 * time.Second // of one program; a desktop may ask the person first
)

// ErrUnavailable says that there is no screen, or no program that takes a picture of it.
var ErrUnavailable = errors.New("no program here takes a picture of the screen")

// tool is one program that takes pictures.
type tool struct {
	path string   // absolute
	args []string // {} stands for the file that it writes; without it, it writes to stdout
}

// Take takes a picture of the whole screen, as PNG. What a program has to write to
// a file goes to one of mode 0600 in a folder of its own, both gone when Take
// returns. Its errors are [ErrUnavailable], and those of making that folder.
func Take(ctx context.Context) ([]byte, error) {
	for _, t := range tools() {
		if info, err := os.Stat(t.path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		picture, err := t.take(ctx)
		if err != nil {
			return nil, err
		}
		if len(picture) > 0 {
			return picture, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, ErrUnavailable
}

// take runs the program; it returns nothing if that brings no picture.
func (t tool) take(ctx context.Context) ([]byte, error) {
	folder, err := os.MkdirTemp("", "codefob-screen-") // of mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "screen.png")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, err
	}
	args := make([]string, len(t.args))
	for i, a := range t.args {
		if args[i] = a; a == "{}" {
			args[i] = file
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.path, args...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), fileVariable+"="+file)
	out := limited{left: maxBytes}
	cmd.Stdout = &out
	if cmd.Run() != nil {
		return nil, nil
	}
	if out.Len() > 0 {
		return out.Bytes(), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	picture, err := io.ReadAll(io.LimitReader(f, maxBytes))
	if err != nil {
		return nil, nil
	}
	return picture, nil
}

// fileVariable names the file for a script that takes no arguments.
const fileVariable = "CODEFOB_SCREEN"

// limited keeps what is written, up to a bound.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, io.ErrShortBuffer
	}
	return l.Buffer.Write(p)
}
