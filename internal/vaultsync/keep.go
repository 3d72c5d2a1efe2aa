package vaultsync

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// store is what a device needs of a disk. It is an interface so that the model test needs none.
type store interface {
	read(name string) ([]byte, error) // an error that is fs.ErrNotExist where it is not there
	replace(name string, content []byte) error
	appendAt(name string, at int64, content []byte) error // drops what is behind at first
}

// folderStore keeps the files in a folder of this computer.
type folderStore string

const maxKept = 1 << 30 // bytes of one file

func (f folderStore) read(name string) ([]byte, error) {
	file, err := os.Open(filepath.Join(string(f), name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readRegular(file, maxKept)
}

func (f folderStore) replace(name string, content []byte) error {
	if err := writeWhole(string(f), name, content); err != nil {
		return err
	}
	return syncFolder(string(f))
}

func (f folderStore) appendAt(name string, at int64, content []byte) (err error) {
	path := filepath.Join(string(f), name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := file.Close(); err == nil {
			err = e
		}
	}()
	if err := file.Truncate(at); err != nil {
		return err
	}
	if _, err := file.WriteAt(content, at); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if at == 0 {
		return syncFolder(string(f))
	}
	return nil
}

// writeWhole puts a file into a folder: all of it, or nothing.
func writeWhole(folder, name string, content []byte) (err error) {
	temp := filepath.Join(folder, "."+name+".tmp")
	os.Remove(temp) // left over by a program that was killed
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(folder, name))
}

// syncFolder makes renames durable, where the system has a call for that.
func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// readRegular reads an open regular file of at most so many bytes.
func readRegular(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is no file of at most %d MiB", f.Name(), most>>20)
	}
	b := make([]byte, info.Size())
	n, err := f.ReadAt(b, 0)
	if n == len(b) {
		err = nil
	}
	return b[:n], err
}

// logFile is a file of records, each with its length in four bytes before it. The end may be
// torn by a power cut, or full of zeros, and is dropped then: it was not acknowledged.
type logFile struct {
	store store
	name  string
	size  int64  // up to the end of the last good one
	torn  []byte // what is behind it
}

// each reads the records.
func (l *logFile) each(take func(record []byte) error) error {
	all, err := l.store.read(l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	defer func() { l.torn = bytes.Clone(all[l.size:]) }() // not all of the file for as long as there is a program
	var bad error
	for rest := all; len(rest) >= 4; {
		record, after, ok := unframe(rest)
		if !ok {
			return nil
		}
		switch err := take(record); {
		case err == nil && bad == nil:
			l.size += int64(4 + len(record))
		case errors.Is(err, errUnopened), err != nil && len(after) == 0: // the torn end, where nothing good follows
			bad = err
		default:
			return fmt.Errorf("%w: %s at %d: %w", ErrDamaged, l.name, l.size, cmp.Or(bad, err))
		}
		rest = after
	}
	return nil
}

// add appends records, on disk when it returns nil.
func (l *logFile) add(records ...[]byte) error {
	if len(l.torn) > 0 { // it may be more than a torn end: a file system gone bad
		if err := l.store.replace(l.name+".torn", l.torn); err != nil {
			return fmt.Errorf("%w: %w", ErrStorage, err)
		}
		l.torn = nil
	}
	var b []byte
	for _, r := range records {
		b = frame(b, r)
	}
	if err := l.store.appendAt(l.name, l.size, b); err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	l.size += int64(len(b))
	return nil
}

// frame appends a record with its length before it.
func frame(b, record []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(record))), record...)
}

// unframe reads what frame wrote.
func unframe(b []byte) (record, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n == 0 || n > MaxRecord || n > int64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}
