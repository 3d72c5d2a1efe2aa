package host

import (
	"context"

	"codefob/internal/protocol"
)

// recovery releases one recovery code, under all that holds for a code to fill.
// The code counts as used before it leaves, whatever becomes of it then.
func (h *Host) recovery(ctx context.Context, p protocol.RecoveryParams) (any, error) {
	if len(p.Nonce) < 16 || len(p.Nonce) > 64 {
		return nil, badRequest("The nonce is not valid.")
	}
	if p.Max < 0 || p.Max > protocol.MaxLength {
		return nil, badRequest("The field's length is not valid.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	a, err := h.account(p.Handle)
	if err != nil {
		return nil, err
	}
	if err := mayFill(a, p.Context); err != nil {
		return nil, err
	}
	if h.session.nonces[p.Nonce] {
		return nil, badRequest("The confirmation was used already.")
	}
	if _, err := a.NextRecovery(p.Max); err != nil { // before anything is used up
		return nil, err
	}
	if err := h.vault.Spend(a.ID, h.Budget); err != nil {
		return nil, err
	}
	h.session.nonces[p.Nonce] = true
	h.index = nil // the save takes in what others had changed
	code, left, err := h.vault.NextRecovery(a.ID, p.Max)
	if err != nil {
		return nil, err
	}
	return protocol.RecoveryResult{Code: string(code.Bytes()), Left: left}, nil
}
