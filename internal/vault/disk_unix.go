//go:build unix

package vault

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openFlags refuse symbolic links and do not wait for the other end of a FIFO.
const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// SyncFolder makes the renames in a folder durable.
func (osDisk) SyncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// tryLock takes the lock of an open file, or returns [errHeld]. It ends with the file.
func tryLock(f *os.File) error {
	err := uninterrupted(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return errHeld
	}
	return err
}

func unlock(f *os.File) { unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// stampOf looks at a name, not through a link. It and sizeOf are on the way of every
// code: the system's own calls take half the time of package os.
func stampOf(name string) (stamp, error) {
	var s unix.Stat_t
	if err := uninterrupted(func() error { return unix.Lstat(name, &s) }); err != nil {
		return stamp{}, err
	}
	return stamp{s.Size, s.Mtim.Nano(), s.Ino}, nil
}

// sizeOf is the size of an open file of one name; gone says that it has none any more.
func sizeOf(f *os.File) (size int64, gone bool, err error) {
	var s unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(int(f.Fd()), &s) }); err != nil {
		return 0, false, err
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, false, fmt.Errorf("%s %w", f.Name(), errNotRegular)
	}
	if s.Nlink > 1 {
		return 0, false, fmt.Errorf("%s is another file too (a hard link): delete it here", f.Name())
	}
	return s.Size, s.Nlink == 0, nil
}

// mapFile maps the first bytes of a file, which it must have, shared with all
// programs: two system calls less than reading and writing. It returns nil where
// that cannot be.
func mapFile(f *os.File, size int) []byte {
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	return b
}

func unmap(b []byte) { unix.Munmap(b) } // nil is an error that changes nothing

// uninterrupted makes a call until no signal interrupts it.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
