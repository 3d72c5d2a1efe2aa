package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// minLeft is the shortest validity worth filling: with less of a period left,
// the code of the next one is given.
const minLeft = 3 * time.Second

func (h *Host) match(ctx context.Context, p protocol.MatchParams) (any, error) {
	o, ancestors, err := place(p.Context)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	accounts := h.vault.Accounts()
	hits := h.matcher().Find(o, ancestors)
	if len(hits) == 0 { // then say so if no account ever could
		if err := site.CheckFrame(o, ancestors); err != nil {
			return nil, err
		}
	}
	if len(hits) > 1 {
		uses, err := h.vault.LastUses()
		if err != nil {
			h.Log("last uses", err) // only the order suffers
		}
		slices.SortStableFunc(hits, func(a, b site.Found) int {
			return cmp.Or(cmp.Compare(b.Strength, a.Strength), uses[accounts[b.I].ID].Compare(uses[accounts[a.I].ID]))
		})
	}
	r := protocol.MatchResult{Host: o.Display(), Accounts: []protocol.Account{}}
	for _, f := range hits[:min(len(hits), protocol.MaxAccounts)] {
		r.Accounts = append(r.Accounts, h.describe(accounts[f.I], f.Strength))
		h.session.name(releaseTo(accounts[f.I].ID, p.Context))
	}
	return r, nil
}

func (h *Host) search(ctx context.Context, p protocol.SearchParams) (any, error) {
	if len(p.Query) > 256 || p.Limit < 1 || p.Limit > protocol.MaxAccounts {
		return nil, badRequest("The search is not valid.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	accounts := h.vault.Accounts()
	strengths := map[string]site.Strength{} // by id
	if p.Context != nil {
		// A context that cannot get codes changes nothing: they can still be shown.
		if o, ancestors, err := place(*p.Context); err == nil {
			for _, f := range h.matcher().Find(o, ancestors) {
				strengths[accounts[f.I].ID] = f.Strength
			}
		}
	}
	hits := account.Search(accounts, p.Query)
	slices.SortStableFunc(hits, func(a, b account.Account) int { return cmp.Compare(strengths[b.ID], strengths[a.ID]) })
	r := protocol.SearchResult{Total: len(hits), Accounts: []protocol.Account{}}
	for _, a := range hits[:min(len(hits), p.Limit)] {
		r.Accounts = append(r.Accounts, h.describe(a, strengths[a.ID]))
		if p.Context != nil {
			h.session.name(releaseTo(a.ID, *p.Context))
		}
	}
	return r, nil
}

func (h *Host) allow(ctx context.Context, p protocol.AllowParams) (any, error) {
	s, err := siteOf(p.Context)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.account(ctx, p.Handle)
	if err != nil {
		return nil, err
	}
	err = h.update(func(tx *vault.Tx) error {
		return tx.Edit(a.ID, func(a *account.Account) error {
			if !slices.Contains(a.Sites, s.String()) {
				a.Sites = append(a.Sites, s.String())
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	h.session.name(releaseTo(a.ID, p.Context))
	return protocol.AllowResult{Host: s.Origin.Display()}, nil
}

// release gives one code. agreed says that the person was asked, and said yes.
func (h *Host) release(ctx context.Context, p protocol.ReleaseParams, agreed bool) (any, error) {
	if len(p.Nonce) < 16 || len(p.Nonce) > 64 {
		return nil, badRequest("The nonce is not valid.")
	}
	if !slices.Contains(protocol.Purposes, p.Purpose) || p.Purpose == protocol.PurposeFill && p.Context == nil {
		return nil, badRequest("The purpose is not valid.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.account(ctx, p.Handle)
	if err != nil {
		return nil, err
	}
	var given release
	q := Question{Act: ActShow, Account: a.Label()}
	if p.Purpose == protocol.PurposeFill {
		if err := h.mayFill(a, *p.Context); err != nil {
			return nil, err
		}
		given = releaseTo(a.ID, *p.Context)
		q.Act, q.Host = ActFill, shownPlace(*p.Context)
	}
	if h.session.nonces[p.Nonce] {
		return nil, vault.ErrNonce
	}
	rest := func() (any, error) { return h.release(ctx, p, true) }
	if a.Ask && !agreed {
		return h.ifAgreed(ctx, q, rest)
	}
	r, err := h.next(a, p.Purpose)
	if err != nil {
		return nil, err
	}
	r.Asked = agreed
	if given != (release{}) && a.Type != account.HOTP && h.session.released[given] == r.ExpiresAt {
		return nil, fmt.Errorf("%w: this page got this code already; the next one in %s",
			vault.ErrBudget, time.UnixMilli(r.ExpiresAt).Sub(h.Now()).Round(time.Second))
	}
	record := vault.Record{Act: vault.Act(p.Purpose), Account: a.ID, Label: a.Label(), By: h.client}
	if p.Purpose == protocol.PurposeFill {
		record.Host = whereTo(*p.Context)
	}
	if asked, err := h.spend(ctx, record, p.Nonce, agreed, q, rest); asked != nil || err != nil {
		return asked, err
	}
	if a.Type == account.HOTP {
		h.index = nil // the save took in what others had changed
		if r.Code, err = h.vault.NextCode(a.ID); err != nil {
			return nil, err
		}
	} else if given != (release{}) {
		h.session.give(given, r)
	}
	return r, nil
}

// mayFill decides, at the release once more, whether the account serves the
// document, and was named for it. h.mu is held.
func (h *Host) mayFill(a account.Account, c protocol.Context) error {
	o, ancestors, err := place(c)
	if err != nil {
		return err
	}
	s, err := site.NewSite(o, ancestors)
	switch bound := err == nil && slices.Contains(a.Sites, s.String()); {
	case !bound:
		return cmp.Or(site.CheckFrame(o, ancestors, site.Stored(a.Sites)...), errNotAllowed)
	case !h.session.isNamed(releaseTo(a.ID, c)):
		return errHandle
	}
	return nil
}

// shownPlace names the place of a context that mayFill has looked at.
func shownPlace(c protocol.Context) string {
	s, _ := siteOf(c)
	if s.Top != (site.Origin{}) {
		return s.Origin.Display() + " in " + s.Top.Display()
	}
	return s.Origin.Display()
}

// next is the code to release now. For a HOTP account it is empty: its counter
// has to be raised first.
func (h *Host) next(a account.Account, purpose protocol.Purpose) (r protocol.ReleaseResult, err error) {
	if a.Type == account.HOTP {
		return r, nil
	}
	now := h.Now()
	code, from, until, err := a.Code(now)
	if purpose == protocol.PurposeFill && err == nil && until.Sub(now) < minLeft && a.Period > minLeft {
		code, from, until, err = a.Code(until)
	}
	return protocol.ReleaseResult{Code: code, ValidFrom: from.UnixMilli(), ExpiresAt: until.UnixMilli()}, err
}

var (
	errHandle     = errors.New("unknown handle")
	errNotAllowed = errors.New("account does not serve this host")
)
