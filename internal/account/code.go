package account

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// ErrPIN says that an account needs its PIN to make codes, and has none.
var ErrPIN = errors.New("its codes need a PIN, which is not known")

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
// the other types the counter is the number of periods since 1970.
func (a Account) CodeAt(counter uint64) (string, error) {
	if err := a.checkSettings(); err != nil {
		return "", err
	}
	return a.truncated(counter)
}

// truncated makes the code. It must follow checkSettings: the library takes 0
// digits for 6, does not bound them, and knows MD5.
func (a Account) truncated(counter uint64) (string, error) {
	switch {
	case a.NeedsPIN():
		return "", ErrPIN
	case a.Type == MOTP:
		return a.motp(counter), nil
	case a.Type == Yandex:
		return a.yandex(counter), nil
	}
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

// motp makes the code of Mobile-OTP: the first six hexadecimal digits of the MD5
// of the time in units of 10 s, the secret in hexadecimal, and the PIN
// (motp.sourceforge.net).
func (a Account) motp(counter uint64) string {
	text := strconv.AppendUint(nil, counter, 10)
	text = hex.AppendEncode(text, a.Secret.Bytes())
	text = append(text, a.PIN.Bytes()...)
	sum := md5.Sum(text)
	clear(text)
	return hex.EncodeToString(sum[:])[:a.Digits]
}

// yandex makes the code of Yandex Key: eight letters, from 63 bits at the dynamic
// offset of an HMAC-SHA256 (beemdevelopment/Aegis, crypto/otp/YAOTP.java).
func (a Account) yandex(counter uint64) string {
	text := append(append([]byte(nil), a.PIN.Bytes()...), a.Secret.Bytes()[:yandexKey]...)
	sum := sha256.Sum256(text)
	clear(text)
	key := sum[:]
	if key[0] == 0 {
		key = key[1:]
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, counter))
	hash := mac.Sum(nil)
	clear(sum[:])
	at := hash[len(hash)-1] & 15
	number := binary.BigEndian.Uint64(hash[at:]) & (1<<63 - 1)
	code := make([]byte, a.Digits)
	for i := len(code) - 1; i >= 0; i-- {
		code[i] = 'a' + byte(number%26)
		number /= 26
	}
	return string(code)
}
