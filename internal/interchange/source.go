package interchange

import (
	"errors"
	"fmt"
)

// Source is one file to be imported.
type Source struct {
	Name     string                 // base name; says nothing of the format
	Data     []byte                 // at most [MaxBytes]
	Password func() ([]byte, error) // of the file; asked for at most once, and only where the file is sealed. An error of it is passed on
	KeyFile  []byte                 // of a KeePass database, or the manifest.json of an encrypted .maFile; nil for none

	looking *int // work that is left for pictures; nil for all that one may take
}

// format is one row of the table of formats.
type format struct {
	name       string // as --format takes it, as in "aegis"
	recognizes func(data []byte) bool
	read       func(Source) (Result, error)
}

// What a file as a whole comes to, where it holds no accounts to add. Each has a
// way out, which the command line says.
var (
	ErrNeedsPassword = errors.New("it is sealed with a password")
	ErrWrongPassword = errors.New("wrong password of the file")
	ErrUnsupported   = errors.New("this format is not supported") // wrapped: the format is known, and cannot be read
	ErrRefused       = errors.New("refused")                      // wrapped: damaged, or over a bound
	ErrNothing       = errors.New("there is no account in it")    // the format is read, and holds none
	ErrNoCode        = errors.New("no QR code in the picture")
	ErrNotOTP        = errors.New("the QR code is of no account with codes")
)

// refused says that a file is damaged, or asks for more than any real file does.
func refused(reason string, values ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(reason, values...))
}
