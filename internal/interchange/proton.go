package interchange

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// protonFile is an export of Proton Authenticator (protonpass/proton-pass-common,
// proton-authenticator/src/entry).
type protonFile struct {
	Version loose          `json:"version"`
	Entries jsontext.Value `json:"entries"` // []protonEntry
	Salt    string         `json:"salt"`    // of a sealed one
	Content string         `json:"content"` // nonce, then what is sealed
}

type protonEntry struct {
	Content struct {
		URI  string `json:"uri"`
		Name string `json:"name"`
	} `json:"content"`
}

// protonBound is the data that the seal is bound to.
const protonBound = "proton.authenticator.export.v1"

func isProton(s shape) bool {
	return s.has("version", "salt", "content") || s.has("version", "entries") && s.top["entries"] == '['
}

func readProton(s Source) (Result, error) {
	var file protonFile
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	if file.Version != "1" {
		return Result{}, fmt.Errorf("%w: an export of a newer version of Proton Authenticator", ErrUnsupported)
	}
	if file.Content != "" {
		plain, err := file.open(s)
		if err != nil {
			return Result{}, err
		}
		defer clear(plain)
		file.Entries = nil
		if err := readJSON(plain, &file); err != nil {
			return Result{}, err
		}
	}
	var c collector
	err := each(&c, file.Entries, MaxEntries, func(n int, e protonEntry) {
		if e.Content.URI == "" {
			c.fail(n, "", e.Content.Name, errEntry)
			return
		}
		c.addValue(n, e.Content.URI, "", e.Content.Name)
	})
	return c.Result, err
}

func (f *protonFile) open(s Source) ([]byte, error) {
	salt, err1 := fromBase64(f.Salt)
	sealed, err2 := fromBase64(f.Content)
	if err1 != nil || err2 != nil || len(sealed) < 12+16 || len(salt) < 8 {
		return nil, refused("its sealed part is damaged, or cut short")
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	key, err := argon2id(password, salt, 2, 19456, 1, 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain, ok := openGCM(key, sealed[:12], sealed[12:], []byte(protonBound))
	if !ok {
		return nil, errWrongOrDamaged
	}
	return plain, nil
}
