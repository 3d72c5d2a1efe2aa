package main

import (
	"os"
	"slices"
	"strings"
)

// dropEnvironment takes out of the environment what the host has no need of, before
// a dialog is run with it: a library to load, above all.
func dropEnvironment() {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !needed(name) {
			os.Unsetenv(name)
		}
	}
}

func needed(name string) bool {
	return slices.Contains([]string{
		"HOME", "PATH", "LANG", "LANGUAGE", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_SESSION_ID", "XDG_SESSION_TYPE",
		"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
	}, name) || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "CODEFOB_")
}
