package host

import (
	"context"
	"fmt"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// recovery releases one recovery code, under all that holds for a code to fill.
// The code counts as used before it leaves, whatever becomes of it then. agreed says
// that the person was asked, and said yes.
func (h *Host) recovery(ctx context.Context, p protocol.RecoveryParams, agreed bool) (any, error) {
	if len(p.Nonce) < 16 || len(p.Nonce) > 64 {
		return nil, badRequest("The nonce is not valid.")
	}
	if p.Max < 0 || p.Max > protocol.MaxLength {
		return nil, badRequest("The field's length is not valid.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.account(ctx, p.Handle)
	if err != nil {
		return nil, err
	}
	if err := h.mayFill(a, p.Context); err != nil {
		return nil, err
	}
	if h.session.nonces[p.Nonce] {
		return nil, vault.ErrNonce
	}
	if _, err := a.NextRecovery(p.Max); err != nil { // before anything is used up
		return nil, err
	}
	q := Question{Act: ActRecovery, Account: a.Label(), Host: shownPlace(p.Context)}
	rest := func() (any, error) { return h.recovery(ctx, p, true) }
	if a.Ask && !agreed {
		return h.ifAgreed(ctx, q, rest)
	}
	record := vault.Record{Act: vault.ActRecovery, Account: a.ID, Label: a.Label(), Host: whereTo(p.Context), By: h.client}
	if asked, err := h.spend(ctx, record, p.Nonce, agreed, q, rest); asked != nil || err != nil {
		return asked, err
	}
	h.index = nil // the save takes in what others had changed
	code, left, err := h.vault.NextRecovery(a.ID, p.Max)
	if err != nil {
		return nil, err
	}
	return protocol.RecoveryResult{Code: string(code.Bytes()), Left: left, Asked: agreed}, nil
}

// saveRecovery keeps recovery codes, all of them or none.
func (h *Host) saveRecovery(ctx context.Context, p protocol.SaveParams) (any, error) {
	if len(p.Codes) == 0 || len(p.Codes) > protocol.MaxRecovery {
		return nil, badRequest("The number of recovery codes is not valid.")
	}
	codes := make([]account.Secret, len(p.Codes))
	for i, text := range p.Codes {
		code, err := account.ParseRecoveryCode([]byte(text))
		if err != nil {
			return nil, &protocol.Error{Code: protocol.ErrNotValid, Message: fmt.Sprintf("Recovery code %d cannot be kept: %s.", i+1, err),
				Hint: "Nothing was saved. Select the codes on the page, and nothing else; or run this in a terminal: codefob recovery QUERY --add"}
		}
		codes[i] = code
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.account(ctx, p.Handle)
	if err != nil {
		return nil, err
	}
	var r protocol.SaveResult
	err = h.update(func(tx *vault.Tx) error {
		return tx.Edit(a.ID, func(a *account.Account) (err error) {
			r.Already, err = a.AddRecovery(codes)
			r.Left = a.RecoveryLeft()
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	r.Added = len(codes) - r.Already
	return r, nil
}
