package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"codefob/internal/hostkey"
	"codefob/internal/install"
	"codefob/internal/vault"
)

// next says what to do next.
func (c *cli) next() error {
	_, err := vault.Open(c.home)
	switch {
	case errors.Is(err, vault.ErrMissing):
		c.ui.print("Codefob keeps your two-factor accounts on this computer and fills their codes.\n\n")
		c.ui.print("There is no vault yet. Make one:            codefob init\n")
	case err != nil:
		return err
	case !c.registered():
		c.ui.print("No browser knows Codefob yet. Register it:  codefob install\n")
	default:
		c.ui.print("Add an account:                             codefob add\n")
		c.ui.print("Print a code:                               codefob code QUERY\n")
		c.ui.print("See whether all is well:                    codefob doctor\n")
	}
	c.ui.print("All commands:                               codefob help\n")
	return nil
}

// registered tells whether any browser found has our manifest.
func (c *cli) registered() bool {
	system, err := install.Here(c.home)
	if err != nil {
		return false
	}
	for _, f := range system.Find() {
		if _, err := os.Stat(f.ManifestPath); f.ManifestPath != "" && err == nil {
			return true
		}
	}
	return false
}

func (c *cli) install(args []string) error {
	fs := c.flags("install")
	names := fs.StringSlice("browser", nil, "register with this browser `NAME`, found or not; may be given several times")
	system := fs.Bool("system", false, "for all users of this computer")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	program, err := thisProgram()
	if err != nil {
		return err
	}
	here, err := install.Here(c.home)
	if err != nil {
		return err
	}
	done, err := here.Install(program, *names, *system)
	c.tell(done)
	if err != nil {
		return err
	}
	c.tellHowToLoad(done, extensionFolder(program))
	if *system { // each user has a key of their own
		c.ui.say("the extension then asks once whether its host has the code that this shows: codefob doctor")
		return nil
	}
	key, err := hostkey.Ensure(c.home)
	if err != nil {
		return withHint(err, "see what is wrong with it: codefob doctor")
	}
	c.ui.say("the extension then asks once whether its host has this code: %s", key.Code())
	c.ui.say("see whether all is well: codefob doctor")
	return nil
}

// tellHowToLoad says how each browser gets the extension, as long as it is not
// in the stores.
func (c *cli) tellHowToLoad(done []install.Done, folder string) {
	titles := map[install.Family][]string{}
	for _, d := range done {
		if d.Path != "" && !slices.Contains(titles[d.Browser.Family], d.Browser.Title) {
			titles[d.Browser.Family] = append(titles[d.Browser.Family], d.Browser.Title)
		}
	}
	if list := titles[install.Chromium]; len(list) > 0 {
		c.ui.say("next, in %s: open chrome://extensions, switch on Developer mode, press Load unpacked, and choose the folder\n  %s",
			strings.Join(list, ", "), folder)
	}
	if list := titles[install.Firefox]; len(list) > 0 {
		c.ui.say("next, in %s: open about:debugging#/runtime/this-firefox, press Load Temporary Add-on, and choose\n  %s\n(it stays until the browser is closed)",
			strings.Join(list, ", "), filepath.Join(folder, "manifest.json"))
	}
}

// extensionFolder is where make install, or make, puts the extension beside the program.
func extensionFolder(program string) string {
	installed := filepath.Join(filepath.Dir(program), "..", "share", "codefob", "extension")
	built := filepath.Join(filepath.Dir(program), "..", "extension", "dist")
	if _, err := os.Stat(filepath.Join(built, "manifest.json")); err == nil {
		return built
	}
	return installed
}

func (c *cli) uninstall(args []string) error {
	fs := c.flags("uninstall")
	system := fs.Bool("system", false, "the registrations for all users of this computer")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	here, err := install.Here(c.home)
	if err != nil {
		return err
	}
	done, err := here.Uninstall(*system)
	c.tell(done)
	if err != nil {
		return err
	}
	c.ui.say("not registered with your browsers any more")
	if _, err := vault.Open(c.home); !errors.Is(err, vault.ErrMissing) {
		c.ui.say("the vault stays in %s", c.home)
	}
	return nil
}

// thisProgram is the absolute path of the running program, links followed: what
// a manifest names must not change under it.
func thisProgram() (string, error) {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	return program, nil
}

// tell says what was done with each browser.
func (c *cli) tell(done []install.Done) {
	for _, d := range done {
		name := d.Browser.Title
		if d.Kind != install.Native {
			name += " (" + string(d.Kind) + ")"
		}
		if d.Path != "" {
			c.ui.print("%s  %s\n", name, d.Path)
		} else {
			c.ui.say("%s was not registered", name)
		}
		if d.Was != "" {
			c.ui.say("%s: it named another program before: %s", name, d.Was)
		}
		if d.Fix != "" {
			c.ui.say("%s: %s", name, d.Fix)
		}
	}
}
