//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// own refuses a file that somebody else than this user and root could have written:
// one that belongs to another user, or that all may write.
func own(name string) error {
	var s unix.Stat_t
	if err := unix.Stat(name, &s); err != nil {
		return &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	switch {
	case s.Uid != uint32(os.Geteuid()) && s.Uid != 0:
		return withHint(fmt.Errorf("%s belongs to another user", name), "only your own files are used: move it away, or make it yours with chown")
	case s.Mode&0o002 != 0 && s.Mode&unix.S_ISVTX == 0:
		return withHint(fmt.Errorf("everybody may write to %s", name), "take that away: chmod o-w %s", name)
	}
	return nil
}
