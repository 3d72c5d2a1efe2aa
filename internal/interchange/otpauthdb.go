package interchange

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"strconv"

	"codefob/internal/account"
)

const (
	maxFolders     = 1000
	rncryptorHead  = 2 + 8 + 8 + 16 // version and options, two salts, IV
	rncryptorMAC   = 32
	rncryptorTurns = 10_000
)

// readOTPAuth reads a backup of OTP Auth for iOS (wenceslas-sanchez/decrypt-otpauth):
// an archive under a key that everybody has, in it one under the password. It has no
// magic of its own.
func readOTPAuth(s Source) (Result, error) {
	damaged := refused("it is no .otpauthdb file of OTP Auth, or damaged")
	key := sha256.Sum256([]byte("Authenticator"))
	outer, ok := openCBC(key[:], make([]byte, 16), s.Data)
	if !ok {
		return Result{}, damaged
	}
	a, err := openArchive(outer)
	if err != nil {
		return Result{}, damaged
	}
	wrapped, err := a.bytes(a.value(a.root, "WrappedData"))
	if err != nil {
		return Result{}, damaged
	}
	plain, err := openRNCryptor(s, wrapped)
	if err != nil {
		return Result{}, err
	}
	defer clear(plain)
	if a, err = openArchive(plain); err != nil {
		return Result{}, damaged
	}
	var c collector
	for i, folder := range a.list(a.value(a.root, "Folders")) {
		if i == maxFolders {
			return Result{}, ErrTooMany
		}
		for _, entry := range a.list(a.member(folder, "accounts")) {
			if len(c.Accounts)+len(c.Errors) > MaxEntries {
				return Result{}, ErrTooMany
			}
			a.addOTPAuth(&c, entry)
		}
	}
	return c.Result, nil
}

// addOTPAuth adds an account of class ACOTPAccount.
func (a *archive) addOTPAuth(c *collector, entry plistValue) {
	n := len(c.Accounts) + len(c.Errors) + 1
	number := func(name string) loose { return loose(strconv.FormatInt(a.member(entry, name).number, 10)) }
	secret, err := a.bytes(a.member(entry, "secret"))
	d := draft{issuer: a.member(entry, "issuer").text, name: a.member(entry, "label").text, digits: number("digits"), period: number("period"), counter: number("counter")}
	if err != nil {
		c.fail(n, d.issuer, d.name, errEntry)
		return
	}
	d.key = account.NewSecret(secret)
	switch a.member(entry, "type").number {
	case 1:
		d.typ = account.HOTP
	case 2:
		d.typ = account.TOTP
	default:
		c.fail(n, d.issuer, d.name, errors.New("its type is not supported"))
		return
	}
	switch a.member(entry, "algorithm").number {
	case 0, 1:
	case 2:
		d.algorithm = "SHA256"
	case 3:
		d.algorithm = "SHA512"
	default:
		c.fail(n, d.issuer, d.name, errAlgorithm)
		return
	}
	c.add(n, d)
}

// openRNCryptor opens what RNCryptor seals under a password (RNCryptor/RNCryptor-Spec,
// version 3): AES-256-CBC, with HMAC-SHA256 over all.
func openRNCryptor(s Source, sealed []byte) ([]byte, error) {
	if len(sealed) < rncryptorHead+16+rncryptorMAC || sealed[0] != 3 || sealed[1] != 1 {
		return nil, refused("its sealed part is damaged, or cut short")
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	macKey, err := pbkdf2Key(sha1.New, password, sealed[10:18], rncryptorTurns, 32)
	if err != nil {
		return nil, err
	}
	defer clear(macKey)
	body, sum := sealed[:len(sealed)-rncryptorMAC], sealed[len(sealed)-rncryptorMAC:]
	h := hmac.New(sha256.New, macKey)
	h.Write(body)
	if !hmac.Equal(h.Sum(nil), sum) {
		return nil, errWrongOrDamaged
	}
	key, err := pbkdf2Key(sha1.New, password, sealed[2:10], rncryptorTurns, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain, ok := openCBC(key, sealed[18:34], body[rncryptorHead:])
	if !ok {
		return nil, errWrongOrDamaged
	}
	return plain, nil
}
