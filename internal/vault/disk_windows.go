package vault

import (
	"fmt"
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

// stampOf looks at a name, not through a link. There is no inode: a save changes
// the time of writing (100 ns steps).
func stampOf(name string) (stamp, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return stamp{}, err
	}
	return stamp{size: info.Size(), modified: info.ModTime().UnixNano()}, nil
}

// sizeOf is the size of an open file, which is never gone: it cannot be removed.
func sizeOf(f *os.File) (size int64, gone bool, err error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s %w", f.Name(), errNotRegular)
	}
	if err != nil {
		return 0, false, err
	}
	return info.Size(), false, nil
}

// mapFile does nothing: the file is read and written.
func mapFile(*os.File, int) []byte { return nil }

func unmap([]byte) {}
