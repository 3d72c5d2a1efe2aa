//go:build !windows && !darwin

package screenshot

import (
	"os"
	"path/filepath"
)

// Folders that only an administrator writes to.
var folders = []string{"/usr/bin", "/bin", "/usr/local/bin", "/run/current-system/sw/bin"}

// Programs of desktops, from those that write no file. Those for X see nothing of Wayland.
var (
	both = []tool{
		{"gnome-screenshot", []string{"--file", "{}"}},
		{"spectacle", []string{"--background", "--nonotify", "--fullscreen", "--output", "{}"}},
	}
	forWayland = []tool{{"grim", []string{"-"}}}
	forX       = []tool{
		{"maim", nil},
		{"import", []string{"-silent", "-window", "root", "png:-"}},
		{"scrot", []string{"--silent", "--overwrite", "{}"}},
	}
)

func tools() (list []tool) {
	var programs []tool
	switch {
	case os.Getenv("WAYLAND_DISPLAY") != "":
		programs = append(forWayland, both...)
	case os.Getenv("DISPLAY") != "":
		programs = append(forX, both...)
	}
	for _, p := range programs {
		for _, folder := range folders {
			list = append(list, tool{filepath.Join(folder, p.path), p.args})
		}
	}
	return list
}
