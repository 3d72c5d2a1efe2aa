package prompt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/ncruces/zenity"
	"github.com/twpayne/go-pinentry/v4"
)

// Patience is how long a dialog stays open, unless its context ends earlier.
const Patience = 2 * time.Minute

// Native asks with pinentry, else with the system's own dialogs.
type Native struct {
	// Pinentry is the absolute path of the one program to ask with, from our
	// own configuration. Empty tries those in the system's folders, where there
	// is a display for them.
	Pinentry string
}

// Passphrase asks for a passphrase. lastError says why it is asked for once
// more; empty the first time. Errors: [ErrCancelled], [ErrUnavailable],
// [ErrTimeout], or that pinentry broke off; none holds what was typed.
func (n Native) Passphrase(ctx context.Context, title, description, lastError string) ([]byte, error) {
	options := []pinentry.ClientOption{
		pinentry.WithTitle(title), pinentry.WithDesc(description), pinentry.WithPrompt("Passphrase:"),
	}
	text := description
	if lastError != "" {
		options = append(options, pinentry.WithError(lastError))
		text = lastError + "\n\n" + description
	}
	var passphrase []byte
	err := n.ask(ctx, options, func(c *pinentry.Client) error {
		answer, err := c.GetPIN()
		passphrase = []byte(answer.PIN)
		return err
	}, func(common ...zenity.Option) error {
		answer, err := zenity.Entry(text, append(common, zenity.Title(title), zenity.HideText())...)
		passphrase = []byte(answer)
		return err
	})
	if err != nil {
		return nil, err
	}
	return passphrase, nil
}

// Confirm asks a question with two buttons. Closing the window is a no.
// Errors are those of [Native.Passphrase], without ErrCancelled.
func (n Native) Confirm(ctx context.Context, title, description, ok, cancel string) (bool, error) {
	options := []pinentry.ClientOption{
		pinentry.WithTitle(title), pinentry.WithDesc(description), pinentry.WithOK(ok), pinentry.WithCancel(cancel),
	}
	err := n.ask(ctx, options, func(c *pinentry.Client) error {
		_, err := c.Confirm("")
		return err
	}, func(common ...zenity.Option) error {
		return zenity.Question(description, append(common, zenity.Title(title),
			zenity.OKLabel(ok), zenity.CancelLabel(cancel), zenity.DefaultCancel())...)
	})
	if errors.Is(err, ErrCancelled) {
		return false, nil
	}
	return err == nil, err
}

// ask goes through the programs until one can show the question.
func (n Native) ask(ctx context.Context, options []pinentry.ClientOption,
	pin func(*pinentry.Client) error, dialog func(...zenity.Option) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if n.Pinentry != "" {
		if !filepath.IsAbs(n.Pinentry) {
			return fmt.Errorf("%w: pinentry: %q is not an absolute path", ErrUnavailable, n.Pinentry)
		}
		return converse(ctx, n.Pinentry, options, pin)
	}
	if !hasDisplay() {
		return fmt.Errorf("%w: no display", ErrUnavailable)
	}
	for path := range pinentries() {
		if err := converse(ctx, path, options, pin); !errors.Is(err, ErrUnavailable) {
			return err
		}
	}
	if !hasDialogs() {
		return fmt.Errorf("%w: neither pinentry nor zenity", ErrUnavailable)
	}
	switch err := dialog(zenity.Context(ctx)); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.Is(err, zenity.ErrCanceled):
		return ErrCancelled
	default: // what the program printed may hold what was typed
		return fmt.Errorf("%w: the system's dialog broke off", ErrUnavailable)
	}
}

// Folders that only an administrator writes to, and pinentries from the one
// that looks most at home. The last may be any of the others, or one for
// terminals, which then says that it cannot ask.
var (
	folders = []string{
		"/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin", "/run/current-system/sw/bin",
	}
	programs = []string{
		"pinentry-mac", "pinentry-gnome3", "pinentry-qt", "pinentry-qt6", "pinentry-qt5", "pinentry-gtk-2", "pinentry",
	}
)

// pinentries yields the paths of those that are installed. There are none on
// Windows, where the system's dialog is at home.
func pinentries() func(yield func(path string) bool) {
	return func(yield func(string) bool) {
		for _, program := range programs {
			i := slices.IndexFunc(folders, func(folder string) bool {
				info, err := os.Stat(filepath.Join(folder, program))
				return err == nil && info.Mode().IsRegular()
			})
			if i >= 0 && runtime.GOOS != "windows" && !yield(filepath.Join(folders[i], program)) {
				return
			}
		}
	}
}

// hasDisplay tells whether a window could be seen; elsewhere than on Linux and
// the BSDs it is assumed.
func hasDisplay() bool {
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin" ||
		os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// hasDialogs tells whether package zenity has what it needs, and would not
// take it from a folder of the caller's choice: it looks in PATH.
func hasDialogs() bool {
	helpers := []string{"qarma", "zenity", "matedialog"}
	switch runtime.GOOS {
	case "windows":
		return true
	case "darwin":
		helpers = []string{"osascript"}
	}
	for _, helper := range helpers {
		if path, err := exec.LookPath(helper); err == nil {
			return slices.Contains(folders, filepath.Dir(path))
		}
	}
	return false
}
