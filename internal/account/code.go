package account

import (
	"encoding/base32"
	"errors"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// Code returns the one-time code for the period that holds t, when that period
// began, and the moment it ends (RFC 6238, section 4.2). HOTP accounts have no
// periods: that is an error, as is a time before 1970.
func (a Account) Code(t time.Time) (code string, from, until time.Time, err error) {
	if a.Type == HOTP {
		return "", from, until, errors.New("a hotp code needs a counter, not a time")
	}
	if err := a.checkSettings(); err != nil {
		return "", from, until, err
	}
	now := t.Unix()
	if now < 0 {
		return "", from, until, errors.New("the clock stands before 1970")
	}
	period := int64(a.Period / time.Second)
	start := now - now%period
	from = time.Unix(start, 0).In(t.Location())
	code, err = a.truncated(uint64(start / period))
	return code, from, from.Add(a.Period), err
}

// CodeAt returns the one-time code of a counter (RFC 4226, section 5.3). For
// TOTP and Steam the counter is the number of periods since 1970.
func (a Account) CodeAt(counter uint64) (string, error) {
	if err := a.checkSettings(); err != nil {
		return "", err
	}
	return a.truncated(counter)
}

// truncated makes the code. It must follow checkSettings: the library takes 0
// digits for 6, does not bound them, and knows MD5.
func (a Account) truncated(counter uint64) (string, error) {
	opts := hotp.ValidateOpts{Digits: otp.Digits(a.Digits)}
	switch a.Algorithm {
	case SHA1:
		opts.Algorithm = otp.AlgorithmSHA1
	case SHA256:
		opts.Algorithm = otp.AlgorithmSHA256
	case SHA512:
		opts.Algorithm = otp.AlgorithmSHA512
	}
	if a.Type == Steam {
		opts.Encoder = otp.EncoderSteam
	}
	// With its padding, which the library would append.
	return hotp.GenerateCodeCustom(base32.StdEncoding.EncodeToString(a.Secret.Bytes()), counter, opts)
}
