package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"codefob/internal/host"
	"codefob/internal/logging"
	"codefob/internal/nativemsg"
	"codefob/internal/prompt"
	"codefob/internal/protocol"
	"codefob/internal/vault"
	"codefob/manifests"
)

// browserCaller recognises that a browser started the program, by its arguments:
// Chromium gives chrome-extension://ID/ (and --parent-window=… on Windows),
// Firefox the manifest's path and the add-on's id.
func browserCaller(args []string) (caller string, ok bool) {
	switch {
	case len(args) >= 1 && strings.HasPrefix(args[0], "chrome-extension://"):
		return args[0], true
	case len(args) == 2 && filepath.IsAbs(args[0]) && strings.HasSuffix(args[0], ".json") && strings.ContainsAny(args[1], "@{"):
		return args[1], true
	}
	return "", false
}

// ours tells whether the caller is our own extension.
func ours(caller string) bool {
	return slices.Contains(manifests.Chromium("").AllowedOrigins, caller) ||
		slices.Contains(manifests.Firefox("").AllowedExtensions, caller)
}

// serveBrowser is the host: it talks to the extension over stdin and stdout and
// returns the exit status. Nothing but protocol goes to stdout.
func serveBrowser(caller string) int {
	if !ours(caller) {
		fmt.Fprintf(os.Stderr, "codefob: %q is not the Codefob extension\n", caller)
		return 1
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "codefob: this is how a browser starts codefob; in a terminal, run codefob alone to see what to do next")
		return 2
	}
	hardenProcess()
	home, err := homeFolder()
	if err != nil {
		fmt.Fprintln(os.Stderr, "codefob:", err)
		return 1
	}
	conf, err := readConfig(home)
	if err != nil {
		fmt.Fprintln(os.Stderr, "codefob:", err)
		return 1
	}
	log, err := logging.New(home, conf.LogLevel)
	if err != nil {
		fmt.Fprintln(os.Stderr, "codefob:", err)
		return 1
	}
	in := &idleReader{r: os.Stdin, last: time.Now()}
	go in.watch(time.Duration(conf.IdleMinutes)*minute, os.Exit)
	h := host.New(host.Config{
		Version: version,
		Open:    func() (*vault.Vault, error) { return vault.Open(home) },
		Unlock:  unlockSilently,
		Ask: func(ctx context.Context, wrong bool) ([]byte, error) {
			in.asking.Add(1)
			defer in.asking.Add(-1)
			again := ""
			if wrong {
				again = "That was not the passphrase. Try again."
			}
			passphrase, err := prompt.Native{Pinentry: conf.Pinentry}.Passphrase(ctx, "Codefob",
				"Your browser asks for a one-time code.\nGive the passphrase of your Codefob vault to unlock it.", again)
			if errors.Is(err, prompt.ErrCancelled) {
				err = host.ErrDismissed
			}
			return passphrase, err
		},
		Log: func(event string, err error) {
			if err != nil {
				log.WithError(err).Warn(event)
			} else {
				log.Debug(event)
			}
		},
		Budget: budget,
		Now:    time.Now,
	})
	h.Warm(context.Background())
	err = h.Serve(nativemsg.NewReader(in, protocol.MaxRequest), nativemsg.NewWriter(os.Stdout, protocol.MaxReply))
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		log.WithError(err).Warn("connection")
		return 1
	}
	return 0
}

// minute is shorter in tests.
var minute = time.Minute

// idleReader ends the host when the extension has said nothing for long: the
// keys are gone with the process, and the next request starts a new one. It also
// ends one whose browser died without closing the pipe.
type idleReader struct {
	r      io.Reader
	asking atomic.Int32 // dialogs that are open

	mu   sync.Mutex
	last time.Time // when something was read
}

func (i *idleReader) Read(b []byte) (int, error) {
	n, err := i.r.Read(b)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last = time.Now()
	return n, err
}

func (i *idleReader) watch(idle time.Duration, exit func(int)) {
	for {
		i.mu.Lock()
		left := idle - time.Since(i.last)
		i.mu.Unlock()
		switch {
		case left > 0:
			time.Sleep(left)
		case i.asking.Load() > 0:
			time.Sleep(minute / 60)
		default:
			exit(0)
			return
		}
	}
}
