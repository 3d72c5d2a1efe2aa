package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

const (
	// maxSites bounds the sites of an account that are shown and changed here. So
	// many of the longest fit into a request, and a reply into what browsers take.
	maxSites = 100
	// maxList bounds the accounts of a reply, in bytes.
	maxList = protocol.MaxReply - 64<<10
)

// accounts lists a part of all accounts, in the order of their labels: fewer than
// the limit where they are too large for one reply.
func (h *Host) accounts(ctx context.Context, p protocol.ListParams) (any, error) {
	if len(p.Query) > 256 || p.Offset < 0 || p.Limit < 1 || p.Limit > protocol.MaxAccounts {
		return nil, badRequest("The part of the list is not valid.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	hits := account.Search(h.vault.Accounts(), p.Query)
	r := protocol.ListResult{Accounts: []protocol.Detail{}, Total: len(hits)}
	size := 0
	rest := hits[min(p.Offset, len(hits)):]
	for _, a := range rest[:min(p.Limit, len(rest))] {
		d := h.detail(a)
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		if size += len(b) + 1; size > maxList {
			break
		}
		r.Accounts = append(r.Accounts, d)
	}
	return r, nil
}

// detail says what can be changed of an account. h.mu is held.
func (h *Host) detail(a account.Account) protocol.Detail {
	shown, _ := divide(a.Sites)
	return protocol.Detail{Account: h.describe(a, site.None), Algorithm: string(a.Algorithm), Sites: shown}
}

// divide tells the sites that are shown and changed here from those that are kept
// as they are: what a newer version wrote, and what is too many.
func divide(sites []string) (shown, kept []string) {
	shown = []string{}
	for _, text := range sites {
		if _, err := site.ParseStored(text); err == nil && len(shown) < maxSites {
			shown = append(shown, text)
		} else {
			kept = append(kept, text)
		}
	}
	return shown, kept
}

// edit changes an account, all of it or nothing. agreed says that the person was
// asked whether it shall ask no more.
func (h *Host) edit(ctx context.Context, p protocol.EditParams, agreed bool) (any, error) {
	if p.Sites == nil {
		return nil, badRequest("The sites are missing.")
	}
	sites, err := readSites(p.Sites)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.account(ctx, p.Handle)
	if err != nil {
		return nil, err
	}
	change := func(a *account.Account) error {
		_, kept := divide(a.Sites)
		a.Issuer, a.Name, a.Sites = strings.TrimSpace(p.Issuer), strings.TrimSpace(p.Account), append(slices.Clone(sites), kept...)
		a.Append, a.Submit, a.Ask = p.Append, p.Submit, p.Ask
		if err := a.Validate(); err != nil {
			return notValid(err)
		}
		return nil
	}
	if a.Ask && !p.Ask && !agreed {
		if err := change(&a); err != nil { // before anybody is asked
			return nil, err
		}
		asked, _ := h.vault.Account(a.ID) // by the name it has
		q := Question{Act: ActStopAsking, Account: asked.Label()}
		return h.ifAgreed(ctx, q, func() (any, error) { return h.edit(ctx, p, true) })
	}
	if err := h.update(func(tx *vault.Tx) error { return tx.Edit(a.ID, change) }); err != nil {
		return nil, err
	}
	a, _ = h.vault.Account(a.ID)
	return h.detail(a), nil
}

// readSites reads sites as a detail has them or a person types them.
func readSites(texts []string) (sites []string, err error) {
	if len(texts) > maxSites {
		return nil, notValid(fmt.Errorf("an account with %d sites, at most %d are allowed", len(texts), maxSites))
	}
	for _, text := range texts {
		s, err := readSite(text)
		if err != nil {
			reason := strings.TrimPrefix(err.Error(), site.ErrRefused.Error()+": ")
			return nil, &protocol.Error{Code: protocol.ErrNotValid, Message: fmt.Sprintf("The site %.60q cannot be kept: %s.", text, reason),
				Hint: "Nothing was saved. Give the host where you log in, as the address bar shows it: github.com"}
		}
		if !slices.Contains(sites, s) {
			sites = append(sites, s)
		}
	}
	return sites, nil
}

func readSite(text string) (string, error) {
	if s, err := site.ParseStored(text); err == nil && s.Top != (site.Origin{}) {
		s, err = site.NewSite(s.Origin, []site.Origin{s.Top})
		return s.String(), err
	}
	o, err := site.ParseSite(text)
	return o.String(), err
}

func (h *Host) remove(ctx context.Context, p protocol.HandleParams) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.account(ctx, p.Handle)
	if err != nil {
		return nil, err
	}
	if err := h.update(func(tx *vault.Tx) error { return tx.Remove(a.ID) }); err != nil {
		return nil, err
	}
	return protocol.HandleResult(p), nil
}

// restore brings back an account that was removed.
func (h *Host) restore(ctx context.Context, p protocol.HandleParams) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	id, ok := h.session.ids[p.Handle]
	if !ok {
		return nil, errGone
	}
	if a, ok := h.vault.Account(id); ok { // by another program
		return h.detail(a), nil
	}
	err := h.update(func(tx *vault.Tx) error {
		for _, a := range h.vault.Removed() {
			if have, twice := sameSecret(h.vault.Accounts(), a.Account); twice && a.ID == id {
				return exists(have)
			}
		}
		return tx.Restore(id)
	})
	switch a, back := h.vault.Account(id); {
	case errors.Is(err, vault.ErrNoAccount):
		return nil, errGone
	case err != nil:
		return nil, err
	case !back:
		return nil, vault.ErrNoAccount
	default:
		return h.detail(a), nil
	}
}

var errGone = &protocol.Error{Code: protocol.ErrHandle, Message: "The account cannot be brought back from here.",
	Hint: "Run this in a terminal, it lists those that can be: codefob restore"}
