package interchange

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// bitwardenFile is an export of Bitwarden, or of Bitwarden Authenticator.
type bitwardenFile struct {
	Encrypted  bool           `json:"encrypted"`
	Protected  bool           `json:"passwordProtected"`
	Items      jsontext.Value `json:"items"` // []bitwardenItem
	Salt       string         `json:"salt"`  // used as it is written
	KDF        loose          `json:"kdfType"`
	Iterations loose          `json:"kdfIterations"`
	Memory     loose          `json:"kdfMemory"` // MiB
	Lanes      loose          `json:"kdfParallelism"`
	Check      string         `json:"encKeyValidation_DO_NOT_EDIT"`
	Data       string         `json:"data"` // a sealed bitwardenFile
}

type bitwardenItem struct {
	Name    string `json:"name"`
	Deleted loose  `json:"deletedDate"`
	Login   struct {
		Username string `json:"username"`
		TOTP     string `json:"totp"`
	} `json:"login"`
}

func isBitwarden(s shape) bool {
	return s.has("encrypted", "items") || s.has("encrypted", "passwordProtected") || s.has("encKeyValidation_DO_NOT_EDIT")
}

func isBitwardenAuthenticator(s shape) bool {
	return s.has("encrypted", "items") && s.top["encrypted"] == 'f' && !s.has("folders") && !s.has("collections")
}

func readBitwarden(s Source) (Result, error) {
	if isCSV(s.Data) {
		return readBitwardenCSV(s)
	}
	var file bitwardenFile
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	if file.Encrypted && !file.Protected {
		return Result{}, fmt.Errorf("%w: it is encrypted with your Bitwarden account's own key: export it again, "+
			"as .json (encrypted) with the type \"password protected\"", ErrUnsupported)
	}
	if file.Encrypted {
		plain, err := file.open(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(plain)
		file = bitwardenFile{}
		if err := readJSON(plain, &file); err != nil {
			return Result{}, err
		}
	}
	var c collector
	err := each(&c, file.Items, maxItems, func(n int, item bitwardenItem) {
		if item.Login.TOTP == "" || item.Deleted != "" {
			c.Others++
			return
		}
		c.addValue(n, item.Login.TOTP, item.Name, item.Login.Username)
	})
	return c.Result, err
}

func (f *bitwardenFile) open(s Source) ([]byte, error) {
	check, err := splitBitwarden(f.Check)
	if err != nil {
		return nil, err
	}
	data, err := splitBitwarden(f.Data)
	if err != nil {
		return nil, err
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	master, err := f.key(password)
	if err != nil {
		return nil, err
	}
	defer clear(master)
	enc, err1 := hkdf.Expand(sha256.New, master, "enc", 32)
	mac, err2 := hkdf.Expand(sha256.New, master, "mac", 32)
	if err1 != nil || err2 != nil {
		return nil, refused("its key cannot be derived")
	}
	if _, ok := check.open(enc, mac); !ok {
		return nil, ErrWrongPassword
	}
	plain, ok := data.open(enc, mac)
	if !ok {
		return nil, refused("it is damaged: the password is right, the content does not open")
	}
	return plain, nil
}

// key derives the key of an export from its password.
func (f *bitwardenFile) key(password []byte) ([]byte, error) {
	iterations, err1 := f.Iterations.number("iterations", 0, maxRounds)
	memory, err2 := f.Memory.number("memory", 0, 1<<20)
	lanes, err3 := f.Lanes.number("parallelism", 0, 1<<20)
	if err1 != nil || err2 != nil || err3 != nil {
		return nil, refused("the settings of its key derivation are not valid")
	}
	switch f.KDF {
	case "0":
		return pbkdf2Key(sha256.New, password, []byte(f.Salt), iterations, 32)
	case "1":
		salt := sha256.Sum256([]byte(f.Salt))
		return argon2id(password, salt[:], iterations, memory<<10, lanes, 32)
	}
	return nil, fmt.Errorf("%w: its key derivation is not known", ErrUnsupported)
}

// bitwardenSeal is an EncString of type 2: AES-256-CBC, and HMAC-SHA256 over IV and ciphertext.
type bitwardenSeal struct{ iv, sealed, mac []byte }

func splitBitwarden(text string) (seal bitwardenSeal, err error) {
	text, found := strings.CutPrefix(text, "2.")
	parts := strings.Split(text, "|")
	if !found || len(parts) != 3 {
		return seal, refused("its sealed part is damaged, or cut short")
	}
	for i, to := range []*[]byte{&seal.iv, &seal.sealed, &seal.mac} {
		if *to, err = fromBase64(parts[i]); err != nil {
			return seal, refused("its sealed part is not base64")
		}
	}
	return seal, nil
}

func (b bitwardenSeal) open(enc, mac []byte) ([]byte, bool) {
	h := hmac.New(sha256.New, mac)
	h.Write(b.iv)
	h.Write(b.sealed)
	if !hmac.Equal(h.Sum(nil), b.mac) {
		return nil, false
	}
	return openCBC(enc, b.iv, b.sealed)
}
