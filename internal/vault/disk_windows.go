package vault

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const openFlags = 0

// SyncFolder does nothing: Windows has no such call, NTFS journals renames.
func (osDisk) SyncFolder(string) error { return nil }

// lockOffset lies beyond the content: a locked range cannot be read by others.
var lockOffset = windows.Overlapped{OffsetHigh: 1}

// tryLock takes the lock of an open file, or returns [errHeld]. It ends with the file.
func tryLock(f *os.File) error {
	at := lockOffset
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return errHeld
	}
	return err
}

func unlock(f *os.File) {
	at := lockOffset
	windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &at)
}

// isGone does nothing: a file that is open cannot be removed.
func isGone(fs.FileInfo) bool { return false }

// inode does nothing: a save changes the time of writing (100 ns steps).
func inode(fs.FileInfo) uint64 { return 0 }
