//go:build unix

package prompt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codefob/internal/prompt/pinentrytest"
)

// soon is a deadline far beyond what a scripted pinentry takes.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAPassphraseComesBackAsTyped(t *testing.T) {
	p := pinentrytest.New(t)
	for _, want := range []string{
		"correct horse battery staple", "100 %41 %", "ünïcode ☃", `"quoted" \ and 'so'`, " spaces ", strings.Repeat("x", 900),
	} {
		p.Passphrase(want)
		got, err := Native{Pinentry: p.Path}.Passphrase(soon(t), "Codefob", "Two\nlines, 100 %", "Wrong passphrase")
		if err != nil || string(got) != want {
			t.Errorf("Passphrase = %q, %v; want %q", got, err, want)
		}
	}
	for _, want := range []string{"SETTITLE Codefob", "SETDESC Two%0Alines, 100 %25", "SETERROR Wrong passphrase"} {
		if !slices.Contains(p.Requests(), want) {
			t.Errorf("requests %q lack %q", p.Requests(), want)
		}
	}
}

func TestAConfirmation(t *testing.T) {
	p := pinentrytest.New(t)
	for _, want := range []bool{true, false} {
		p.Confirm(want)
		got, err := Native{Pinentry: p.Path}.Confirm(soon(t), "Codefob", "Release a code?", "Release", "Keep")
		if err != nil || got != want {
			t.Errorf("Confirm = %v, %v; want %v", got, err, want)
		}
	}
	if !slices.Contains(p.Requests(), "SETOK Release") || !slices.Contains(p.Requests(), "SETCANCEL Keep") {
		t.Errorf("requests %q lack the buttons", p.Requests())
	}
}

// install writes a program for the test.
func install(t *testing.T, script string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pinentry")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// Attack U7. Each script ends badly at the passphrase; none of what it says may show up in the error.
func TestABadPinentryIsACleanError(t *testing.T) {
	const polite = `#!/bin/sh
echo 'OK hello'
while read -r request; do case $request in GETPIN|CONFIRM*) break ;; *) echo OK ;; esac; done
`
	for _, tt := range []struct {
		name, script string
		want         error // nil: none of the sentinels
	}{
		{"cancelled", polite + "echo 'ERR 83886179 typed-secret'; read -r bye", ErrCancelled},
		{"window closed", polite + "echo 'ERR 83886278 typed-secret'; read -r bye", ErrCancelled},
		{"its own timeout", polite + "echo 'ERR 83886142 typed-secret'; read -r bye", ErrTimeout},
		{"no window to ask in", polite + "echo 'S ERROR x.isatty 83918950 '; echo 'ERR 83918950 typed-secret'", ErrUnavailable},
		{"no program", "", ErrUnavailable},
		{"not a program", "#!/nonexistent/shell\n", ErrUnavailable},
		{"ends at once", "#!/bin/sh\n", nil},
		{"dies at the question", polite + "kill -9 $$", nil},
		{"dies half-way through the answer", polite + "printf 'D typed-sec'; kill -9 $$", nil},
		{"garbage greeting", "#!/bin/sh\necho typed-secret; cat >/dev/null", nil},
		{"garbage answer", polite + "printf 'typed-secret\\377\\000\\n'; cat >/dev/null", nil},
		{"garbage error", polite + "echo 'ERR typed-secret'; cat >/dev/null", nil},
		{"1 MiB on a line", polite + "head -c 1048576 /dev/zero | tr '\\0' x; echo; echo OK; cat >/dev/null", nil},
		{"1 MiB of passphrase", polite + "printf 'D '; head -c 1048576 /dev/zero | tr '\\0' x; echo; echo OK", nil},
		{"1 MiB of passphrases", polite + "yes 'D typed-secret' | head -c 1048576; echo OK", nil},
		{"OK inside a long line", polite + "printf 'D '; head -c 4094 /dev/zero | tr '\\0' x; echo OK; cat >/dev/null", nil},
		{"passphrase in two pieces", polite + "echo 'D typed-'; echo 'D secret'; echo OK; cat >/dev/null", nil},
		{"comments without end", polite + "yes '# typed-secret'", nil},
		{"statuses without end", polite + "yes 'S typed-secret'", nil},
		{"empty lines without end", polite + "yes ''", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := install(t, tt.script)
			if tt.script == "" {
				os.Remove(path)
			}
			for name, ask := range map[string]func(Native) error{
				"Passphrase": func(n Native) error {
					got, err := n.Passphrase(soon(t), "Codefob", "Unlock", "")
					if got != nil {
						t.Errorf("Passphrase = %q beside the error", got)
					}
					return err
				},
				"Confirm": func(n Native) error {
					yes, err := n.Confirm(soon(t), "Codefob", "Release?", "Yes", "No")
					if yes {
						t.Error("Confirm = yes")
					}
					if err == nil { // how a refusal comes back
						err = ErrCancelled
					}
					return err
				},
			} {
				err := ask(Native{Pinentry: path})
				if tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("%s: %v; want %v", name, err, tt.want)
				}
				for _, sentinel := range []error{ErrCancelled, ErrTimeout, ErrUnavailable, context.DeadlineExceeded} {
					if tt.want == nil && (err == nil || errors.Is(err, sentinel)) {
						t.Errorf("%s: %v; want an error of its own", name, err)
					}
				}
				if err != nil && strings.Contains(err.Error(), "typed-sec") {
					t.Errorf("%s: the error quotes the program: %v", name, err)
				}
			}
		})
	}
}

// A child of the program keeps the pipes open after the program was killed.
func TestASilentPinentryEndsAtTheDeadline(t *testing.T) {
	for name, script := range map[string]string{
		"before its greeting": "#!/bin/sh\nsleep 30\n",
		"at the question":     "#!/bin/sh\necho OK\nwhile read -r r; do case $r in GETPIN) sleep 30 ;; *) echo OK ;; esac; done\n",
		"never reading":       "#!/bin/sh\necho OK\necho OK\necho OK\necho OK\nsleep 30 <&-\n",
	} {
		t.Run(name, func(t *testing.T) {
			const deadline = 300 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			_, err := Native{Pinentry: install(t, script)}.Passphrase(ctx, "Codefob", "Unlock", "")
			if d := time.Since(start); !errors.Is(err, ErrTimeout) || d > deadline+20*time.Second {
				t.Errorf("%v after %v; want ErrTimeout after %v", err, d, deadline)
			}
		})
	}
}

func TestACallerMayGiveUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Native{Pinentry: pinentrytest.New(t).Path}.Passphrase(ctx, "Codefob", "Unlock", "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want context.Canceled", err)
	}
}

func TestOnlyAnAbsolutePathIsRun(t *testing.T) {
	path := pinentrytest.New(t).Path
	t.Setenv("PATH", filepath.Dir(path))
	t.Chdir(filepath.Dir(path))
	for _, name := range []string{"pinentry", "./pinentry", " " + path} {
		if _, err := (Native{Pinentry: name}).Passphrase(soon(t), "", "", ""); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%q: %v; want ErrUnavailable", name, err)
		}
	}
}

func TestWithoutADisplayNothingIsRun(t *testing.T) {
	if hasDisplay() && os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" {
		t.Skip("SKIPPED: this system always has a display")
	}
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	start := time.Now()
	if _, err := (Native{}).Passphrase(soon(t), "Codefob", "Unlock", ""); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v; want ErrUnavailable", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// Neither pinentry nor the dialogs are ever taken from the caller's PATH.
func TestProgramsAreNotTakenFromPATH(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pinentry", "pinentry-gnome3", "zenity", "qarma", "matedialog", "osascript"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if hasDialogs() {
		t.Errorf("hasDialogs = true with a zenity in %s", dir)
	}
	for path := range pinentries() {
		if !slices.Contains(folders, filepath.Dir(path)) {
			t.Errorf("pinentries has %s", path)
		}
	}
}

func TestAPinentryGetsAMinimalEnvironment(t *testing.T) {
	dump := filepath.Join(t.TempDir(), "env")
	path := install(t, fmt.Sprintf("#!/bin/sh\n/usr/bin/env >%s\n", dump))
	t.Setenv("DISPLAY", ":77")
	t.Setenv("LC_MESSAGES", "de_DE.UTF-8")
	t.Setenv("CODEFOB_HOME", "/somewhere")
	t.Setenv("LD_PRELOAD", "")
	t.Setenv("PINENTRY_USER_DATA", "x")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus;unixexec:path=/bin/sh")
	Native{Pinentry: path}.Passphrase(soon(t), "Codefob", "Unlock", "")
	got, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"DISPLAY=:77\n", "LC_MESSAGES=de_DE.UTF-8\n"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("the environment lacks %q", want)
		}
	}
	for _, banned := range []string{"CODEFOB_HOME", "LD_PRELOAD", "PINENTRY_USER_DATA", "DBUS_SESSION_BUS_ADDRESS", "GOCACHE", "GOROOT"} {
		if bytes.Contains(got, []byte(banned+"=")) {
			t.Errorf("the environment has %s", banned)
		}
	}
}

// The real programs of this computer, in a window that xdotool types into.
func TestARealPinentryUnderX(t *testing.T) {
	for _, program := range []string{"Xvfb", "xdotool", "/usr/bin/pinentry-gtk-2"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: needs %s (Debian: xvfb, xdotool, pinentry-gtk2)", program)
		}
	}
	display := startX(t)
	t.Setenv("DISPLAY", display)
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("HOME", t.TempDir())
	n := Native{Pinentry: "/usr/bin/pinentry-gtk-2"}
	keys := func(args ...string) {
		t.Helper()
		focus := []string{"search", "--sync", "--onlyvisible", "--name", "Codefob", "windowfocus", "--sync"}
		for _, args := range [][]string{focus, args} {
			if out, err := exec.CommandContext(soon(t), "xdotool", args...).CombinedOutput(); err != nil {
				t.Errorf("xdotool %q: %v\n%s", args, err, out)
			}
		}
	}
	type answer struct {
		passphrase []byte
		err        error
	}
	for _, tt := range []struct {
		name string
		keys []string
		want string
		err  error
	}{
		{"typed", []string{"type", "--terminator", ".", "--delay", "20", "Tr0ub4dor&3 %41", ".", "key", "Return"}, "Tr0ub4dor&3 %41", nil},
		{"escaped", []string{"key", "Escape"}, "", ErrCancelled},
	} {
		done := make(chan answer, 1)
		go func() {
			passphrase, err := n.Passphrase(soon(t), "Codefob", "Unlock the vault", "Wrong passphrase")
			done <- answer{passphrase, err}
		}()
		keys(tt.keys...)
		if got := <-done; string(got.passphrase) != tt.want || !errors.Is(got.err, tt.err) {
			t.Errorf("%s: Passphrase = %q, %v; want %q, %v", tt.name, got.passphrase, got.err, tt.want, tt.err)
		}
	}
	for _, tt := range []struct {
		keys []string // Cancel has the focus at first
		want bool
	}{
		{[]string{"key", "Tab", "Return"}, true},
		{[]string{"key", "Return"}, false},
		{[]string{"key", "Escape"}, false},
	} {
		done := make(chan bool, 1)
		go func() {
			yes, err := n.Confirm(soon(t), "Codefob", "Release a code?", "Release", "Keep")
			if err != nil {
				t.Errorf("Confirm: %v", err)
			}
			done <- yes
		}()
		keys(tt.keys...)
		if got := <-done; got != tt.want {
			t.Errorf("Confirm after %q = %v; want %v", tt.keys, got, tt.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := n.Passphrase(ctx, "Codefob", "Unlock", ""); !errors.Is(err, ErrTimeout) {
		t.Errorf("unanswered: %v; want ErrTimeout", err)
	}
}

// startX starts an X server for the test and returns its display. Without -noreset
// it starts over when its last window closes, and turns the next client away meanwhile.
func startX(t *testing.T) (display string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { x.Process.Kill(); x.Wait() })
	var number int
	if _, err := fmt.Fscan(r, &number); err != nil {
		t.Fatalf("Xvfb: %v", err)
	}
	return fmt.Sprintf(":%d", number)
}
