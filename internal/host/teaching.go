package host

import (
	"context"
	"slices"
	"unicode"

	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// marks tells what the user taught of the document's site, its exact origin: a
// frame is taught by its own.
func (h *Host) marks(ctx context.Context, p protocol.MarksParams) (any, error) {
	o, _, err := place(p.Context)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	return h.marksOf(o)
}

// mark keeps what the user says of one field.
func (h *Host) mark(ctx context.Context, p protocol.MarkParams) (any, error) {
	o, _, err := place(p.Context)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(protocol.MarksAs, p.As) {
		return nil, badRequest("A field cannot be marked as that.")
	}
	if p.Field == "" || len(p.Field) > protocol.MaxField || slices.ContainsFunc([]rune(p.Field), unicode.IsControl) {
		return nil, badRequest("The field's name is not valid.")
	}
	as := string(p.As)
	if p.As == protocol.MarkForget {
		as = ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	marks, err := h.vault.Marks(o.String())
	if err != nil {
		return nil, err
	}
	if as != "" || slices.ContainsFunc(marks, func(m vault.Mark) bool { return m.Field == p.Field }) {
		if err := h.update(func(tx *vault.Tx) error { return tx.Mark(o.String(), p.Field, as) }); err != nil {
			return nil, err
		}
	}
	return h.marksOf(o)
}

// marksOf lists the marks of an origin; what a newer version taught is passed
// over. h.mu is held.
func (h *Host) marksOf(o site.Origin) (any, error) {
	marks, err := h.vault.Marks(o.String())
	if err != nil {
		return nil, err
	}
	r := protocol.MarksResult{Marks: []protocol.Mark{}}
	for _, m := range marks {
		if as := protocol.MarkAs(m.As); slices.Contains(protocol.MarksAs, as) && len(r.Marks) < protocol.MaxMarks {
			r.Marks = append(r.Marks, protocol.Mark{Field: m.Field, As: as})
		}
	}
	return r, nil
}

// update saves a change of the vault, and takes in what others had changed. h.mu
// is held.
func (h *Host) update(change func(*vault.Tx) error) error {
	h.index = nil // before the save, which needs the memory
	return h.vault.Update(change)
}
