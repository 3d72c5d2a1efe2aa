// Package install registers the native host with the browsers of a computer,
// takes the registrations away again, and checks them as far as a browser would
// go: up to a host.hello answered by the program that a manifest names.
package install

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"codefob/internal/protocol"
)

// System is the computer to register on. Everything that differs between
// computers comes in through it.
type System struct {
	OS       string              // as GOOS: "linux", "darwin" or "windows"
	Home     string              // the user's home folder
	Data     string              // Codefob's data folder; on Windows the manifests stand below it
	Env      func(string) string // the environment, as os.Getenv
	Root     string              // put before every absolute path of Linux and macOS; "" outside tests
	Registry Registry            // of Windows; unused elsewhere
}

// Registry is the part of the Windows registry that registration needs: the
// default value of a key below HKEY_LOCAL_MACHINE or, per user, HKEY_CURRENT_USER.
type Registry interface {
	// Value returns "" for a key that is not there.
	Value(system bool, key string) (string, error)
	Set(system bool, key, value string) error
	// Delete removes the key, and the keys above it that are then empty.
	// A key that is not there is no error.
	Delete(system bool, key string) error
}

// Here is the computer that this program runs on; data is Codefob's data folder.
func Here(data string) (System, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return System{}, err
	}
	return System{OS: runtime.GOOS, Home: home, Data: data, Env: os.Getenv, Registry: registryHere}, nil
}

// Found is a browser that is on the computer.
type Found struct {
	Browser Browser
	Kind    Kind
	// ManifestPath is where the browser reads, or would read, our manifest. It
	// is empty for a snap or flatpak that no registration reaches.
	ManifestPath string
	// Fix says in words what a snap or flatpak needs besides the registration,
	// or instead of it when there is no ManifestPath.
	Fix string
}

// Browsers returns every browser that Codefob knows, whether it is there or not.
func (s System) Browsers() []Browser {
	if _, ok := s.places(0); !ok {
		return nil
	}
	list := make([]Browser, len(table))
	for i, row := range table {
		list[i] = row.Browser
	}
	return list
}

// Find returns the browsers that are there, in the order of the table.
func (s System) Find() []Found {
	var found []Found
	for i := range table {
		found = append(found, s.found(i, false)...)
	}
	return found
}

// found returns what there is of browser i: native, or taken to be so, and boxed.
func (s System) found(i int, named bool) []Found {
	p, ok := s.places(i)
	if !ok {
		return nil
	}
	row := table[i]
	var found []Found
	if named || s.present(p) {
		found = append(found, Found{row.Browser, Native, s.manifestPath(i), ""})
	}
	if s.OS != "linux" {
		return found
	}
	for _, b := range row.boxes {
		if !s.any(b.signs()) {
			continue
		}
		f := Found{Browser: row.Browser, Kind: b.kind, Fix: b.fix(row.Browser)}
		if row.Family == Firefox && b.hosts == "" {
			f.ManifestPath = s.manifestPath(i)
		}
		found = append(found, f)
	}
	return found
}

func (b box) signs() []string {
	if b.kind == Snap {
		return []string{"$HOME/snap/" + b.id, "/snap/" + b.id}
	}
	return []string{"$HOME/.var/app/" + b.id, "$HOME/.local/share/flatpak/app/" + b.id, "/var/lib/flatpak/app/" + b.id}
}

// fix words what is known of snaps and flatpaks (November 2026): Firefox asks
// the desktop to start the host outside of the box, by Ubuntu's WebExtensions
// portal or, from Firefox 157 and switched off, by xdg-native-messaging-proxy
// (bugs 1661935 and 1955255). Chromium's family has nothing of the kind
// (flatpak/xdg-desktop-portal issue 655).
func (b box) fix(br Browser) string {
	proxy := "install xdg-native-messaging-proxy, set widget.use-xdg-desktop-portal.native-messaging-proxy to 2 in about:config (Firefox 157 or later)"
	switch {
	case br.Family == Firefox && b.kind == Snap:
		return "on Ubuntu allow it when Firefox asks whether the extension may start codefob; elsewhere " + proxy +
			", or use Firefox from a package that is not a snap"
	case br.Family == Firefox && b.hosts == "":
		return proxy + ", or use Firefox from a package that is not a flatpak"
	case b.kind == Snap:
		return fmt.Sprintf("a snap cannot start programs outside of it: use %s from a package that is not a snap", br.Title)
	}
	dir := "~/.var/app/" + b.id
	return fmt.Sprintf("use %s from a package that is not a flatpak; or open its sandbox: "+
		"(1) flatpak override --user --talk-name=org.freedesktop.Flatpak %s, "+
		"(2) make the executable script %s/data/codefob with the two lines \"#!/bin/sh\" and \"exec flatpak-spawn --host /path/to/codefob \\\"$@\\\"\", "+
		"(3) copy the manifest of another browser of this family to %s/%s/%s and let its path name the script, in full",
		br.Title, b.id, dir, dir, b.hosts, manifestName)
}

// manifestName is the file that browsers look for.
const manifestName = protocol.HostName + ".json"

// places returns where browser i of the table looks on this system.
func (s System) places(i int) (place, bool) {
	switch s.OS {
	case "linux":
		return table[i].linux, true
	case "darwin":
		return table[i].darwin, true
	case "windows":
		return table[i].windows, true
	}
	return place{}, false
}

// target is one registration: the manifest and, on Windows, the key that names it.
type target struct {
	file   string
	key    string
	system bool
}

func (s System) target(i int, system bool) target {
	p, _ := s.places(i)
	where := p.user
	if system {
		where = p.system
	}
	if s.OS != "windows" {
		return target{file: filepath.Join(s.expand(where), manifestName), system: system}
	}
	data := s.Data
	if system {
		data = filepath.Join(cmp.Or(s.Env("PROGRAMDATA"), `C:\ProgramData`), "codefob")
	}
	file := filepath.Join(data, "native-messaging", string(table[i].Family)+".json")
	return target{file, where + `\` + protocol.HostName, system}
}

// manifestPath returns the manifest that browser i would read: the user's, else
// the system's, else the place where the user's would be.
func (s System) manifestPath(i int) string {
	for _, system := range []bool{false, true} {
		t := s.target(i, system)
		if t.key != "" {
			if file, err := s.Registry.Value(system, t.key); err == nil && file != "" {
				return file
			}
		} else if _, err := os.Lstat(t.file); err == nil {
			return t.file
		}
	}
	return s.target(i, false).file
}

func (s System) present(p place) bool {
	if s.any(p.signs) {
		return true
	}
	for _, dir := range filepath.SplitList(s.Env("PATH")) {
		if !filepath.IsAbs(dir) || strings.Contains(dir, "/snap/") {
			continue // a snap's command is not the native browser
		}
		for _, command := range p.commands {
			if info, err := os.Stat(filepath.Join(s.Root, dir, command)); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
	}
	return false
}

func (s System) any(signs []string) bool {
	for _, sign := range signs {
		if path := s.expand(sign); path != "" {
			if _, err := os.Stat(path); err == nil {
				return true
			}
		}
	}
	return false
}

// expand fills in a path of the table; it returns "" when a variable has no value.
func (s System) expand(path string) string {
	missing := false
	path = os.Expand(path, func(name string) string {
		value := ""
		switch name {
		case "HOME":
			value = s.Home
		case "CONFIG":
			// A relative path is to be ignored (XDG Base Directory Specification).
			if value = s.Env("XDG_CONFIG_HOME"); !filepath.IsAbs(value) {
				value = filepath.Join(s.Home, ".config")
			}
		case "LIB":
			// Firefox has the folder of the machine that it was built on built in.
			value = "/usr/lib"
			if _, err := os.Stat(filepath.Join(s.Root, "/usr/lib64/mozilla")); !errors.Is(err, fs.ErrNotExist) {
				value = "/usr/lib64"
			}
		default:
			value = s.Env(name)
		}
		missing = missing || value == ""
		return value
	})
	if missing {
		return ""
	}
	if s.OS == "windows" {
		return path
	}
	return filepath.Join(s.Root, path)
}
