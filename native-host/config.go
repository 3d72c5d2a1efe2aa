package main

import (
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
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
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
	return c, nil
}
