package interchange

import (
	"errors"
	"fmt"
	"strings"

	"codefob/internal/qr"
)

var errPictures = refused("the pictures of the archive take too long: unpack it, and import this one by itself")

// readPicture reads the QR codes of a picture: each may hold an otpauth URI or one
// of its kin. Others are counted. It is [ErrNoCode] without a QR code, and
// [ErrNotOTP] with no other.
func readPicture(s Source) (r Result, err error) {
	read := qr.Read
	if s.looking != nil {
		read = func(picture []byte) ([]string, error) { return qr.ReadWithin(picture, s.looking) }
	}
	texts, err := read(s.Data)
	switch {
	case errors.Is(err, qr.ErrSpent):
		return r, errPictures
	case errors.Is(err, qr.ErrNone):
		return r, ErrNoCode
	case err != nil:
		return r, refused("%s", err)
	}
	for i, text := range texts {
		text = strings.TrimSpace(text)
		if !isURILine([]byte(text)) {
			r.Others++
			continue
		}
		where := "QR code"
		if len(texts) > 1 {
			where = fmt.Sprintf("QR code %d", i+1)
		}
		if _, err := r.addURI(where, text); err != nil {
			return Result{}, err
		}
	}
	if r.Others == len(texts) {
		return Result{}, ErrNotOTP
	}
	return r, nil
}
