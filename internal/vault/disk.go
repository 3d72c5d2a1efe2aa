package vault

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// disk is what a save needs of a file system. It is an interface so that tests
// can let each step fail.
type disk interface {
	ReadFile(name string, most int64) ([]byte, error)
	Mkdir(name string) error              // new, 0700
	Create(name string) (diskFile, error) // new, 0600, never through a link
	Link(from, to string) error
	Rename(from, to string) error
	Remove(name string) error
	SyncFolder(name string) error
	OpenShared(name string) (sharedFile, error) // new, 0600, or not; never through a link
}

type diskFile interface {
	io.Writer
	Sync() error
	Close() error
}

// sharedFile is one that all programs write in place.
type sharedFile interface {
	io.ReaderAt
	io.WriterAt
	Size() (size int64, gone bool, err error) // as sizeOf
	Truncate(size int64) error
	Map(size int) []byte // as mapFile
	Close() error
}

type osDisk struct{}

var errNotRegular = errors.New("is not a regular file")

// ReadFile reads a regular file of at most so many bytes, never through a link.
func (osDisk) ReadFile(name string, most int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %w", name, errNotRegular)
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, most>>20)
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

func (osDisk) Mkdir(name string) error { return os.Mkdir(name, 0o700) }

func (osDisk) Create(name string) (diskFile, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil { // whatever the umask
		f.Close()
		os.Remove(name)
		return nil, err
	}
	return f, nil
}

func (osDisk) OpenShared(name string) (sharedFile, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|openFlags, 0o600)
	if err != nil {
		return nil, err
	}
	return osShared{f}, nil
}

type osShared struct{ *os.File }

func (f osShared) Size() (size int64, gone bool, err error) { return sizeOf(f.File) }
func (f osShared) Map(size int) []byte                      { return mapFile(f.File, size) }

func (osDisk) Link(from, to string) error   { return os.Link(from, to) }
func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(name string) error     { return os.Remove(name) }

var errHeld = errors.New("another program holds the lock")

// lock takes the lock of an open file, waiting for it if need be, or returns
// an error that wraps [ErrBusy] or [ErrStorage].
func lock(f *os.File) error {
	for end := time.Now().Add(lockWait); ; time.Sleep(time.Millisecond) {
		err := tryLock(f)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errHeld):
			return fmt.Errorf("%w: %s: %w", ErrStorage, f.Name(), err)
		case time.Now().After(end):
			return fmt.Errorf("%w for more than %s", ErrBusy, lockWait)
		}
	}
}
