package interchange

import (
	"bytes"
	"errors"
	"io"

	"filippo.io/age"
)

const ageMagic = "age-encryption.org/v1\n"

func isSealed(data []byte) bool { return bytes.HasPrefix(data, []byte(ageMagic)) }

// readSealed reads what codefob export or the age tool sealed with a passphrase: a backup
// of Codefob, JSON of Bitwarden, CXF, or a list of URIs.
func readSealed(s Source) (Result, error) {
	if !isSealed(s.Data) {
		return Result{}, refused("it does not begin as files of age do")
	}
	password, err := askPassword(s)
	if err != nil {
		return Result{}, err
	}
	defer clear(password)
	if len(password) == 0 { // which age refuses to look at
		return Result{}, ErrWrongPassword
	}
	by, err := age.NewScryptIdentity(string(password))
	if err != nil {
		return Result{}, err
	}
	by.SetMaxWorkFactor(22) // minutes: more is refused before it is run
	r, err := age.Decrypt(bytes.NewReader(s.Data), by)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return Result{}, ErrWrongPassword
	}
	if err != nil {
		return Result{}, refused("%s", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return Result{}, refused("it is damaged, or cut short")
	}
	defer clear(plain)
	// What codefob export seals, and no password: what may open another seal could go on without end.
	if s, ok, err := shapeOf(plain); ok && err == nil {
		switch inside := (Source{Data: plain}); {
		case isBackup(s):
			return readBackup(inside)
		case isBitwarden(s):
			return readBitwarden(inside)
		case isCXF(s):
			return readCXF(inside)
		}
	}
	return ParseURIList(plain)
}
