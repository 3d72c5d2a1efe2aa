package vault

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/account"
)

// recovery is what a record holds of recovery codes. Two of the same RecoveryAt
// can be merged: the union by code, and a used code stays used.
type recovery struct {
	Recovery   []recoveryCode `json:"recovery,omitzero"`   // in the order in which they were given
	RecoveryAt int64          `json:"recoveryAt,omitzero"` // when codes were last taken away, ms
}

type recoveryCode struct {
	Code    string         `json:"code"`
	UsedAt  int64          `json:"usedAt,omitzero"` // ms
	Unknown jsontext.Value `json:",embed"`
}

func (r *recovery) codes() []account.RecoveryCode {
	if len(r.Recovery) == 0 {
		return nil
	}
	codes := make([]account.RecoveryCode, len(r.Recovery))
	for i, c := range r.Recovery {
		codes[i].Code = account.NewSecret([]byte(c.Code))
		if c.UsedAt != 0 {
			codes[i].Used = time.UnixMilli(c.UsedAt)
		}
	}
	return codes
}

// set takes the codes over. It makes a new slice: the old one is the last save's.
func (r *recovery) set(codes []account.RecoveryCode, now int64) {
	if len(codes) == 0 && len(r.Recovery) == 0 {
		return
	}
	var next []recoveryCode
	kept := 0
	for _, c := range codes {
		k := recoveryCode{Code: string(c.Code.Bytes())}
		if i := slices.IndexFunc(r.Recovery, func(old recoveryCode) bool { return old.Code == k.Code }); i >= 0 {
			k = r.Recovery[i]
			kept++
		}
		if !c.Used.IsZero() && k.UsedAt == 0 {
			k.UsedAt = c.Used.UnixMilli()
		}
		next = append(next, k)
	}
	if kept < len(r.Recovery) {
		r.RecoveryAt = max(now, r.RecoveryAt+1)
	}
	r.Recovery = next
}

// NextRecovery marks the account's next recovery code as used, on disk, and then
// gives it for a field that takes so many characters, and how many are left: no
// code is given twice. Errors are those of [account.Account.NextRecovery], too.
func (v *Vault) NextRecovery(id string, most int) (code account.Secret, left int, err error) {
	err = v.Update(func(tx *Tx) error {
		return tx.Edit(id, func(a *account.Account) (err error) {
			code, err = a.UseRecovery(time.UnixMilli(tx.now), most)
			left = a.RecoveryLeft()
			return err
		})
	})
	if err != nil {
		return account.Secret{}, 0, err
	}
	return code, left, nil
}
