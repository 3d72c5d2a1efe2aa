package interchange

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"time"

	"codefob/internal/account"

	"github.com/go-json-experiment/json"
)

// FormatAegis writes a vault of Aegis (docs/vault.md there): plain if there is no
// password, else sealed with one slot.
func FormatAegis(accounts []account.Account, password []byte) ([]byte, error) {
	db := aegisContent(accounts)
	if len(password) == 0 {
		type header struct {
			Slots  *int `json:"slots"` // null
			Params *int `json:"params"`
		}
		return writeJSON(struct {
			Version int    `json:"version"`
			Header  header `json:"header"`
			DB      any    `json:"db"`
		}{Version: 1, DB: db})
	}
	plain, err := json.Marshal(db)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	type slot struct {
		Type     int       `json:"type"`
		UUID     string    `json:"uuid"`
		Key      string    `json:"key"`
		Params   aegisSeal `json:"key_params"`
		N        int       `json:"n"`
		R        int       `json:"r"`
		P        int       `json:"p"`
		Salt     string    `json:"salt"`
		Repaired bool      `json:"repaired"`
		Backup   bool      `json:"is_backup"`
	}
	type header struct {
		Slots  []slot    `json:"slots"`
		Params aegisSeal `json:"params"`
	}
	master, salt := make([]byte, 32), make([]byte, 32)
	rand.Read(master)
	rand.Read(salt)
	defer clear(master)
	s := slot{Type: 1, UUID: uuid(), N: 1 << 15, R: 8, P: 1, Salt: hex.EncodeToString(salt), Repaired: true}
	key, err := scryptKey(password, salt, uint64(s.N), uint64(s.R), uint64(s.P))
	if err != nil {
		return nil, err
	}
	defer clear(key)
	sealed, params, err := sealGCM(key, master)
	if err != nil {
		return nil, err
	}
	s.Key, s.Params = hex.EncodeToString(sealed), params
	content, params, err := sealGCM(master, plain)
	if err != nil {
		return nil, err
	}
	return writeJSON(struct {
		Version int    `json:"version"`
		Header  header `json:"header"`
		DB      []byte `json:"db"` // base64
	}{1, header{[]slot{s}, params}, content})
}

func aegisContent(accounts []account.Account) any {
	type info struct {
		Secret  string  `json:"secret"`
		Algo    string  `json:"algo"`
		Digits  int     `json:"digits"`
		Period  int     `json:"period,omitzero"`
		Counter *uint64 `json:"counter,omitzero"`
		PIN     *string `json:"pin,omitzero"`
	}
	type entry struct {
		Type     string   `json:"type"`
		UUID     string   `json:"uuid"`
		Name     string   `json:"name"`
		Issuer   string   `json:"issuer"`
		Note     string   `json:"note"`
		Favorite bool     `json:"favorite"`
		Icon     *string  `json:"icon"`
		Info     info     `json:"info"`
		Groups   []string `json:"groups"`
	}
	db := struct {
		Version int        `json:"version"`
		Entries []entry    `json:"entries"`
		Groups  []struct{} `json:"groups"`
		Icons   bool       `json:"icons_optimized"`
	}{Version: 3, Entries: []entry{}, Groups: []struct{}{}, Icons: true}
	for _, a := range accounts {
		e := entry{Type: string(a.Type), UUID: uuid(), Name: a.Name, Issuer: a.Issuer, Groups: []string{},
			Info: info{Secret: a.Secret.Base32(), Algo: string(a.Algorithm), Digits: a.Digits, Period: int(a.Period / time.Second)}}
		if a.Type == account.HOTP {
			e.Info.Counter = &a.Counter
		}
		if a.Type == account.MOTP || a.Type == account.Yandex {
			pin := string(a.PIN.Bytes())
			e.Info.PIN = &pin
		}
		db.Entries = append(db.Entries, e)
	}
	return db
}

// sealGCM seals under a random nonce; the tag goes beside it.
func sealGCM(key, plain []byte) (sealed []byte, params aegisSeal, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, params, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, params, err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	all := gcm.Seal(nil, nonce, plain, nil)
	at := len(all) - gcm.Overhead()
	return all[:at], aegisSeal{hex.EncodeToString(nonce), hex.EncodeToString(all[at:])}, nil
}
