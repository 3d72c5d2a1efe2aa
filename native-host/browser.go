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
	"syscall"
	"time"

	"golang.org/x/term"

	"codefob/internal/away"
	"codefob/internal/directory"
	"codefob/internal/host"
	"codefob/internal/hostkey"
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
// returns the exit status. Nothing but protocol goes to stdout, and nothing that a
// defect of ours could spill to stderr.
func serveBrowser(caller string) int {
	status, err := host.Caught(func() (int, error) { return serve(caller), nil })
	if err != nil {
		fmt.Fprintln(os.Stderr, "codefob: a defect:", err)
		return 1
	}
	return status
}

// now is another in tests.
var now = time.Now

func serve(caller string) int {
	if !ours(caller) {
		fmt.Fprintf(os.Stderr, "codefob: %q is not the Codefob extension\n", caller)
		return 1
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "codefob: this is how a browser starts codefob; in a terminal, run codefob alone to see what to do next")
		return 2
	}
	hardenProcess()
	dropEnvironment()
	home, err := homeFolder()
	if err != nil {
		fmt.Fprintln(os.Stderr, "codefob:", err)
		return 1
	}
	conf, err := readConfig(home)
	if err != nil {
		return newUI().failed(err)
	}
	log, err := logging.New(home, conf.LogLevel)
	if err != nil {
		fmt.Fprintln(os.Stderr, "codefob:", err)
		return 1
	}
	muteStderr() // the log tells the rest
	idle := newIdle()
	go idle.watch(time.Duration(conf.IdleMinutes)*minute, os.Exit)
	tell := func(event string, err error) {
		if err != nil {
			log.WithError(err).Warn(event)
		} else {
			log.Debug(event)
		}
	}
	h := host.New(host.Config{
		Version: version,
		Open:    func() (*vault.Vault, error) { return vault.Open(home) },
		Unlock:  unlockSilently,
		Ask: func(ctx context.Context, wrong bool) ([]byte, error) {
			defer idle.wait()()
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
		Confirm: func(ctx context.Context, q host.Question) (bool, error) {
			defer idle.wait()()
			return prompt.Native{Pinentry: conf.Pinentry}.Confirm(ctx, "Codefob", questionOf(q), "Yes", "No")
		},
		Prove: func(challenge string) (string, string, error) {
			key, err := hostkey.Ensure(home)
			if err != nil {
				return "", "", err
			}
			signature, err := key.Prove(protocol.Version, caller, challenge)
			return key.Public(), signature, err
		},
		Log:       tell,
		Sync:      syncs(tell),
		Active:    idle.active,
		Budget:    budget,
		Now:       func() time.Time { return now() },
		Directory: directory.Open(home),
	})
	h.Warm(context.Background())
	out := &replies{os.Stdout, sync.OnceFunc(func() {
		go away.Watch(context.Background(), h.Away)
		go glance(h)
	})}
	err = h.Serve(host.NewReader(os.Stdin), nativemsg.NewWriter(out, protocol.MaxReply))
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		log.WithError(err).Warn("connection")
		return 1
	}
	return 0
}

// replies writes them, and calls first after the first: nothing of it delays a code.
type replies struct {
	io.Writer
	first func()
}

func (r *replies) Write(b []byte) (int, error) {
	defer r.first()
	return r.Writer.Write(b)
}

// glance has the host forget the keys soon after another program has locked the
// vault, though nobody asks it anything.
func glance(h *host.Host) {
	for range time.Tick(time.Second) {
		h.Glance()
	}
}

// questionOf asks a question in words.
func questionOf(q host.Question) string {
	over := ""
	if q.Over {
		over = "Your browser has had more codes in a short time than a person needs.\nIf you did not ask for this one, say no.\n\n"
	}
	switch q.Act {
	case host.ActFill:
		return over + fmt.Sprintf("Your browser asks for a one-time code of %s,\nto fill it in at %s.\n\nGive it the code?", q.Account, q.Host)
	case host.ActRecovery:
		return over + fmt.Sprintf("Your browser asks for a recovery code of %s,\nto fill it in at %s. It counts as used then.\n\nGive it the code?", q.Account, q.Host)
	case host.ActStopAsking:
		return fmt.Sprintf("From now on, your browser may get one-time codes of %s without this question.\n\nStop asking?", q.Account)
	default:
		return over + fmt.Sprintf("Your browser asks to show or copy a one-time code of %s.\n\nGive it the code?", q.Account)
	}
}

// minute is shorter in tests.
var minute = time.Minute

// idle ends the host when the user has done nothing for long, whatever pages ask:
// the keys are gone with the process, and the next request starts a new one. It
// also ends one whose browser died without closing the pipe.
type idle struct {
	mu     sync.Mutex
	last   time.Time // when the user did something
	asking int       // dialogs that are open
}

func newIdle() *idle { return &idle{last: time.Now()} }

func (i *idle) active() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last = time.Now()
}

// wait holds the end off while a dialog is open; done closes it.
func (i *idle) wait() (done func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asking++
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.asking--
		i.last = time.Now()
	}
}

// left is how long it is until the end.
func (i *idle) left(most time.Duration) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.asking > 0 {
		return most
	}
	return most - time.Since(i.last)
}

func (i *idle) watch(most time.Duration, exit func(int)) {
	for left := most; left > 0; left = i.left(most) {
		time.Sleep(left)
	}
	exit(0)
}
