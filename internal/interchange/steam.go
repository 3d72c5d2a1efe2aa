package interchange

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

func isSteam(s shape) bool {
	return s.has("shared_secret") || s.has("accounts") && s.top["accounts"] == '{'
}

// readSteam reads a .maFile of Steam Desktop Authenticator, or the Steam app's own
// file, which holds several. What is worth more than the codes in there
// (identity_secret, revocation_code) is not even looked at.
func readSteam(s Source) (Result, error) {
	type entry struct {
		Name   string `json:"account_name"`
		Secret string `json:"shared_secret"`
	}
	var file struct {
		entry
		Accounts jsontext.Value `json:"accounts"`
	}
	data := jsonText(s.Data)
	if len(data) > 0 && data[0] != '{' {
		plain, err := openSteam(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(plain)
		data = plain
	}
	if err := readJSON(data, &file); err != nil {
		return Result{}, err
	}
	var c collector
	take := func(n int, e entry) {
		key, err := base64.StdEncoding.DecodeString(e.Secret)
		if err != nil {
			c.fail(n, "Steam", e.Name, errBase64)
			return
		}
		c.add(n, draft{typ: account.Steam, issuer: "Steam", name: e.Name, key: account.NewSecret(key)})
		clear(key)
	}
	if file.Accounts == nil {
		take(1, file.entry)
		return c.Result, nil
	}
	err := each(&c, file.Accounts, MaxEntries, take)
	return c.Result, err
}

const (
	steamRounds     = 50_000
	maxSteamEntries = 1000
)

// openSteam opens an encrypted .maFile, which is base64 and nothing else: salt and IV
// stand in manifest.json beside it (Jessecar96/SteamDesktopAuthenticator,
// FileEncryptor.cs), which is given as the key file.
func openSteam(s Source) ([]byte, error) {
	sealed, err := fromBase64(string(s.Data))
	if err != nil || len(sealed) == 0 || len(sealed)%16 != 0 {
		return nil, refused("it is neither JSON nor an encrypted .maFile")
	}
	if len(s.KeyFile) == 0 {
		return nil, fmt.Errorf("%w: it is encrypted: name the manifest.json beside it with --key-file", ErrUnsupported)
	}
	salt, iv, err := steamManifest(s.KeyFile, s.Name)
	if err != nil {
		return nil, err
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	key, err := pbkdf2Key(sha1.New, password, salt, steamRounds, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain, ok := openCBC(key, iv, sealed)
	if !ok || !bytes.HasPrefix(plain, []byte("{")) { // there is no MAC
		return nil, errWrongOrDamaged
	}
	return plain, nil
}

// steamManifest finds salt and IV of a file in a manifest: by its name, or where the
// manifest has only one.
func steamManifest(manifest []byte, name string) (salt, iv []byte, err error) {
	var file struct {
		Entries jsontext.Value `json:"entries"`
	}
	if err := readJSON(manifest, &file); err != nil {
		return nil, nil, err
	}
	list, err := elements(file.Entries, maxSteamEntries)
	if err != nil {
		return nil, nil, err
	}
	for _, raw := range list {
		var e struct {
			Name string `json:"filename"`
			Salt string `json:"encryption_salt"`
			IV   string `json:"encryption_iv"`
		}
		if readPart(raw, &e) != nil || e.Name != name && len(list) > 1 {
			continue
		}
		salt, err1 := fromBase64(e.Salt)
		iv, err2 := fromBase64(e.IV)
		if err1 != nil || err2 != nil || len(salt) < 8 || len(iv) != 16 {
			return nil, nil, refused("the manifest is damaged")
		}
		return salt, iv, nil
	}
	return nil, nil, refused("the manifest does not name this file")
}

// isSteamManifest tells the manifest itself.
func isSteamManifest(s shape) bool { return s.has("encrypted", "entries", "first_run") }

func readSteamManifest(Source) (Result, error) {
	return Result{}, fmt.Errorf("%w: it only names the .maFile files beside it: import those, encrypted ones with "+
		"--format steam-mafile --key-file manifest.json", ErrUnsupported)
}
