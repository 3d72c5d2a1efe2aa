package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/sirupsen/logrus"
)

// config is config.json in the home folder; the user writes it, all of it may be
// left out. The extension cannot read or change it.
type config struct {
	LogLevel    string `json:"logLevel"`    // of logrus, "info" if left out
	Pinentry    string `json:"pinentry"`    // absolute path of the program that asks for the passphrase
	IdleMinutes int    `json:"idleMinutes"` // until an idle host forgets the keys; 10 if left out
}

func readConfig(home string) (config, error) {
	c := config{LogLevel: "info", IdleMinutes: 10}
	name := filepath.Join(home, "config.json")
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = withHint(fmt.Errorf("%s is no file", name), "remove it: without it the host does well")
	}
	// It names a program to run, and whoever can change it could name another.
	if err = cmp.Or(err, own(home), own(name)); err != nil {
		return c, err
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(content, &c, json.RejectUnknownMembers(true)); err != nil {
		return c, fmt.Errorf("%s is not valid: %w", name, err)
	}
	if _, err := logrus.ParseLevel(c.LogLevel); err != nil {
		return c, fmt.Errorf("%s: logLevel is %q: it must be error, warn, info or debug", name, c.LogLevel)
	}
	switch {
	case c.Pinentry != "" && !filepath.IsAbs(c.Pinentry):
		return c, fmt.Errorf("%s: pinentry is %q: it must be an absolute path", name, c.Pinentry)
	case c.IdleMinutes < 1 || c.IdleMinutes > 24*60:
		return c, fmt.Errorf("%s: idleMinutes is %d: it must be from 1 to 1440", name, c.IdleMinutes)
	}
	if c.Pinentry != "" {
		if err := own(c.Pinentry); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c, fmt.Errorf("%s: pinentry: %w", name, err)
		}
	}
	return c, nil
}
