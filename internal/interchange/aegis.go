package interchange

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// aegisFile is a vault of Aegis (beemdevelopment/Aegis, docs/vault.md).
type aegisFile struct {
	Version loose `json:"version"`
	Header  struct {
		Slots  jsontext.Value `json:"slots"` // []aegisSlot; null in a plain vault
		Params aegisSeal      `json:"params"`
	} `json:"header"`
	DB jsontext.Value `json:"db"` // aegisDB, or base64 of one that is sealed
}

type aegisSlot struct {
	Type   loose     `json:"type"` // 1 for a password, 2 for biometrics
	Key    string    `json:"key"`
	Params aegisSeal `json:"key_params"`
	Salt   string    `json:"salt"`
}

type aegisSeal struct {
	Nonce string `json:"nonce"`
	Tag   string `json:"tag"`
}

type aegisDB struct {
	Version loose          `json:"version"`
	Entries jsontext.Value `json:"entries"` // []aegisEntry
}

type aegisEntry struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Issuer string `json:"issuer"`
	Info   struct {
		Secret  string `json:"secret"`
		Algo    string `json:"algo"`
		Digits  loose  `json:"digits"`
		Period  loose  `json:"period"`
		Counter loose  `json:"counter"`
		PIN     loose  `json:"pin"`
	} `json:"info"`
}

const maxAegisSlots = 100

func isAegis(s shape) bool { return s.has("version", "header", "db") }

func readAegis(s Source) (Result, error) {
	var file aegisFile
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	if file.Version != "1" {
		return Result{}, fmt.Errorf("%w: an Aegis vault of a newer version", ErrUnsupported)
	}
	plain := []byte(file.DB)
	if file.DB.Kind() == '"' {
		var err error
		if plain, err = file.open(s); err != nil {
			return Result{}, err
		}
		defer clear(plain)
	}
	var db aegisDB
	if err := readJSON(plain, &db); err != nil {
		return Result{}, err
	}
	if v, err := db.Version.number("version", 1, 3); err != nil || v == 0 {
		return Result{}, fmt.Errorf("%w: an Aegis vault of a newer version", ErrUnsupported)
	}
	var c collector
	err := each(&c, db.Entries, MaxEntries, func(n int, e aegisEntry) {
		typ, err := aegisType(e.Type)
		if err != nil {
			c.fail(n, e.Issuer, e.Name, err)
			return
		}
		c.add(n, draft{typ: typ, issuer: e.Issuer, name: e.Name, secret: e.Info.Secret, algorithm: e.Info.Algo,
			digits: e.Info.Digits, period: e.Info.Period, counter: e.Info.Counter, pin: string(e.Info.PIN)})
	})
	return c.Result, err
}

func aegisType(text string) (account.Type, error) {
	switch t := account.Type(text); t {
	case account.TOTP, account.HOTP, account.Steam, account.MOTP, account.Yandex:
		return t, nil
	}
	return "", errType(text)
}

// errType names a type that is not known, if it is short enough to be one.
func errType(text string) error {
	if len(text) >= 16 || !account.Showable(text) {
		return fmt.Errorf("its type is not supported")
	}
	return fmt.Errorf("type %q is not supported", text)
}

// open opens the database with the first slot that the password fits.
func (f *aegisFile) open(s Source) ([]byte, error) {
	slots, costs, err := f.slots()
	if err != nil {
		return nil, err
	}
	sealed, err := base64Field(f.DB)
	if err != nil {
		return nil, refused("its content is not base64")
	}
	nonce, tag, err := f.Header.Params.bytes()
	if err != nil {
		return nil, err
	}
	password, err := askPassword(s)
	if err != nil {
		return nil, err
	}
	defer clear(password)
	for i, slot := range slots {
		master, ok, err := slot.open(password, costs[i])
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		plain, ok := openGCM(master, nonce, append(sealed, tag...), nil)
		clear(master)
		if !ok {
			return nil, refused("it is damaged: the password is right, the content does not open")
		}
		return plain, nil
	}
	return nil, ErrWrongPassword
}

// slots are those with a password, with their N, r and p, which together must not
// cost too much.
func (f *aegisFile) slots() (slots []aegisSlot, costs [][3]uint64, err error) {
	raw, err := elements(f.Header.Slots, maxAegisSlots)
	if err != nil {
		return nil, nil, refused("it has too many key slots")
	}
	var work uint64
	for _, r := range raw {
		var slot struct {
			aegisSlot
			CostN loose `json:"n"`
			CostR loose `json:"r"`
			CostP loose `json:"p"`
		}
		if err := readPart(r, &slot); err != nil {
			return nil, nil, err
		}
		if slot.Type != "1" {
			continue
		}
		var cost [3]uint64
		for i, l := range []loose{slot.CostN, slot.CostR, slot.CostP} {
			if cost[i], err = l.number("cost", 0, maxScryptWork); err != nil {
				return nil, nil, refused("the settings of its key derivation are not valid")
			}
		}
		if err := checkScrypt(cost[0], cost[1], cost[2]); err != nil {
			return nil, nil, err
		}
		if work += cost[0] * cost[1] * cost[2]; work > maxScryptWork {
			return nil, nil, refused("its key derivation would take too long")
		}
		slots, costs = append(slots, slot.aegisSlot), append(costs, cost)
	}
	if len(slots) == 0 {
		return nil, nil, fmt.Errorf("%w: it opens with the phone's biometrics only: export it from Aegis with a password", ErrUnsupported)
	}
	return slots, costs, nil
}

func (s aegisSlot) open(password []byte, cost [3]uint64) (master []byte, ok bool, err error) {
	salt, err1 := hex.DecodeString(s.Salt)
	sealed, err2 := hex.DecodeString(s.Key)
	nonce, tag, err3 := s.Params.bytes()
	if err1 != nil || err2 != nil || err3 != nil || len(sealed) != 32 {
		return nil, false, refused("a key slot of it is damaged")
	}
	key, err := scryptKey(password, salt, cost[0], cost[1], cost[2])
	if err != nil {
		return nil, false, err
	}
	defer clear(key)
	master, ok = openGCM(key, nonce, append(sealed, tag...), nil)
	return master, ok, nil
}

func (s aegisSeal) bytes() (nonce, tag []byte, err error) {
	nonce, err1 := hex.DecodeString(s.Nonce)
	tag, err2 := hex.DecodeString(s.Tag)
	if err1 != nil || err2 != nil || len(nonce) != 12 || len(tag) != 16 {
		return nil, nil, refused("the settings of its encryption are damaged")
	}
	return nonce, tag, nil
}

// base64Field reads a JSON text of base64.
func base64Field(v jsontext.Value) ([]byte, error) {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return nil, errBase64
	}
	n, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return nil, errBase64
	}
	return text[:n], nil
}
