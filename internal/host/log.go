package host

import (
	"context"
	"slices"
	"strings"

	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// whereTo names the place of a context for the log, also one that gets no code. Nothing
// is kept of where a private window is.
func whereTo(c protocol.Context) string {
	if c.Private {
		return ""
	}
	o, ancestors, err := place(c)
	if err != nil { // what kept it from being read says more than nothing
		return plainText(c.Origin, 100)
	}
	if len(ancestors) > 0 && site.CheckFrame(o, ancestors) != nil {
		return o.Display() + " in " + ancestors[len(ancestors)-1].Display()
	}
	return o.Display()
}

// plainText leaves of a text what a log can hold: ASCII that is seen.
func plainText(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), most)]
}

// noted puts a release into the log that was refused. Those that were not are there
// already: [vault.Vault.Spend] does that. While the vault is closed, nothing can be put there.
func (h *Host) noted(act vault.Act, handle string, c *protocol.Context, result any, err error) (any, error) {
	if rest, takesLong := result.(later); takesLong {
		return later(func() (any, error) {
			result, err := rest()
			return h.noted(act, handle, c, result, err)
		}), nil
	}
	if err == nil {
		return result, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.vault == nil || !h.vault.IsOpen() {
		return nil, err
	}
	if !slices.Contains(protocol.LogActs, protocol.LogAct(act)) { // a purpose that there is not
		act = vault.ActFill
	}
	r := vault.Record{Act: act, By: h.client, Refused: string(errorFor(err).Code)}
	if a, ok := h.vault.Account(h.session.ids[handle]); ok {
		r.Account, r.Label = a.ID, a.Label()
	}
	if c != nil && (act == vault.ActFill || act == vault.ActRecovery) {
		r.Host = whereTo(*c)
	}
	if err := h.vault.Note(r); err != nil {
		h.Log("log", err)
	}
	return nil, err
}

// listLog lists a part of the log, the newest first.
func (h *Host) listLog(ctx context.Context, p protocol.LogParams) (any, error) {
	if p.Offset < 0 || p.Limit < 1 || p.Limit > protocol.MaxRecords {
		return nil, badRequest("The part of the log is not valid.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	list, missing, err := h.vault.Log()
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(r vault.Record) bool { // what a newer version wrote
		return !slices.Contains(protocol.LogActs, protocol.LogAct(r.Act)) ||
			r.Refused != "" && !slices.Contains(protocol.ErrorCodes, protocol.ErrorCode(r.Refused))
	})
	result := protocol.LogResult{Records: []protocol.LogRecord{}, Total: len(list), Missing: missing}
	list = list[min(p.Offset, len(list)):]
	for _, r := range list[:min(p.Limit, len(list))] {
		result.Records = append(result.Records, protocol.LogRecord{
			At: r.At.UnixMilli(), Since: r.Since.UnixMilli(), Times: r.Times, Act: protocol.LogAct(r.Act),
			Account: r.Label, Accounts: r.Accounts, Host: r.Host, By: r.By, Refused: protocol.ErrorCode(r.Refused),
		})
	}
	return result, nil
}
