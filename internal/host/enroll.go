package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// shortestKey is the least of a bare setup key, in bytes: shorter ones are words, not keys.
const shortestKey = 10

// pictureParams are [protocol.QRParams], read into memory that can be cleared.
type pictureParams struct {
	Picture []byte `json:"picture"`
}

// readPicture offers the accounts of the QR codes in a picture. That takes seconds
// for a large one: codes do not wait for it, and one is read at a time.
func (h *Host) readPicture(ctx context.Context, picture []byte) (any, error) {
	if !h.reading.TryLock() {
		clear(picture)
		return nil, errReading
	}
	return later(func() (any, error) {
		defer h.reading.Unlock()
		defer func() { clear(picture); picture = nil }() // nothing of it is kept
		h.mu.Lock()
		err := h.ensureOpen(ctx)
		h.mu.Unlock() // not held while the picture is looked at
		if err != nil {
			return nil, err
		}
		texts, err := h.readQR(picture)
		if err != nil {
			return nil, err
		}
		return h.offers(ctx, texts, errNoAccountCode)
	}), nil
}

var errReading = &protocol.Error{Code: protocol.ErrBusy, Message: "Codefob is reading another picture.", Hint: "Wait a moment, and try again."}

// readText offers the accounts of what the user pasted or clicked.
func (h *Host) readText(ctx context.Context, p protocol.URIParams) (any, error) {
	if len(p.Text) > protocol.MaxText {
		return nil, &protocol.Error{Code: protocol.ErrTooLarge, Message: "The text is too long.",
			Hint: "Paste the key or the address of one account; for many, run this in a terminal: codefob import FILE"}
	}
	return h.offers(ctx, []string{p.Text}, nil)
}

var errNoAccountCode = &protocol.Error{Code: protocol.ErrNotOTP, Message: "The QR code is none for an authenticator app.",
	Hint: "Look for the one that the site shows to set up an authenticator app, or paste the setup key beside it."}

// offers keeps the accounts that texts hold, and shows them without their secrets.
// If there is none, the error is what is wrong with the first text; other is for one
// that is nothing of the kind, nil to say why it is no setup key.
func (h *Host) offers(ctx context.Context, texts []string, other *protocol.Error) (any, error) {
	var (
		read   []account.Account
		others int
		parts  []interchange.Part
		first  error
	)
	for _, text := range texts {
		r, err := readAccounts(text)
		if errors.Is(err, errNoKey) && other != nil {
			err = other
		}
		if first == nil {
			first = err
		}
		others += r.Others
		parts = append(parts, r.Parts...)
		for _, a := range r.Accounts {
			if _, twice := sameSecret(read, a); !twice {
				read = append(read, a)
			}
		}
	}
	if len(read) > protocol.MaxAccounts {
		return nil, interchange.ErrTooMany
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	if len(read) == 0 {
		return nil, notOTP(first)
	}
	r := protocol.OffersResult{Offers: []protocol.Offer{}, Others: others, Parts: lacking(parts)}
	for _, a := range read {
		o := protocol.Offer{Ticket: h.session.offer(a, h.Now()), Issuer: a.Issuer, Account: a.Name, Type: protocol.AccountType(a.Type),
			Algorithm: string(a.Algorithm), Digits: a.Digits, Period: int(a.Period / time.Second)}
		if have, ok := sameSecret(h.vault.Accounts(), a); ok {
			d := h.describe(have, site.None)
			o.Have = &d
		}
		r.Offers = append(r.Offers, o)
	}
	return r, nil
}

// lacking tells of the first export of which parts were not read, nil where there is none.
func lacking(parts []interchange.Part) *protocol.Parts {
	read := map[int32][]int{} // by batch
	for _, p := range parts {
		if !slices.Contains(read[p.Batch], p.Index+1) {
			read[p.Batch] = append(read[p.Batch], p.Index+1)
		}
	}
	for _, p := range parts {
		if numbers := read[p.Batch]; len(numbers) < p.Size {
			slices.Sort(numbers)
			return &protocol.Parts{Read: numbers, Size: p.Size}
		}
	}
	return nil
}

// What a text is that holds no account.
var (
	errNoKey = errors.New("no setup key") // nor an address of any kind; wrapped
	errPush  = errors.New("approval by push message, of Microsoft's app")
)

// readAccounts reads a text: otpauth URIs and their kin, one a line, or a bare setup
// key. Others counts all that is no account; the error is the reason of the first.
func readAccounts(text string) (r interchange.Result, err error) {
	none := interchange.Result{Others: 1}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "phonefactor:") {
		return none, errPush
	}
	r, err = interchange.ParseURIList([]byte(text))
	if errors.Is(err, interchange.ErrUnrecognized) {
		secret, err := account.ParseSecret(text)
		if err == nil && secret.Len() < shortestKey {
			err = errors.New("it is too short")
		}
		if err != nil {
			return none, fmt.Errorf("%w: %w", errNoKey, err)
		}
		return interchange.Result{Accounts: []account.Account{account.New(account.TOTP, "", "", secret)}}, nil
	}
	if err != nil {
		return none, err
	}
	if len(r.Errors) > 0 {
		err = r.Errors[0].Err
	}
	r.Others += len(r.Errors)
	return r, err
}

// notOTP says in words why there is no account.
func notOTP(err error) error {
	reply := &protocol.Error{Code: protocol.ErrNotOTP}
	switch e, ours := errors.AsType[*protocol.Error](err); {
	case ours:
		return e
	case errors.Is(err, interchange.ErrTooMany):
		return err
	case errors.Is(err, errPush):
		reply.Message = "This is for Microsoft's own app, which approves by push message and gives no one-time codes."
		reply.Hint = `On Microsoft's page choose "I want to use a different authenticator app": it then shows another QR code.`
	case errors.Is(err, errNoKey):
		reply.Message = "This is no otpauth address, and " + err.Error() + "."
		reply.Hint = "Copy the setup key again from the site's page; spaces, dashes and lower case do not matter."
	case err != nil:
		reply.Message = "The account cannot be kept: " + err.Error() + "."
		reply.Hint = "Ask the site for a new QR code or setup key, and try that."
	default:
		reply.Message = "There is no account in it."
		reply.Hint = "Look for the QR code that the site shows to set up an authenticator app, or paste the setup key beside it."
	}
	return reply
}

// sameSecret finds the account that gives the same codes.
func sameSecret(among []account.Account, a account.Account) (account.Account, bool) {
	i := slices.IndexFunc(among, func(b account.Account) bool { return a.Type == b.Type && a.Secret.Equal(b.Secret) })
	if i < 0 {
		return account.Account{}, false
	}
	return among[i], true
}

// exists says which account has the secret already.
func exists(a account.Account) error {
	return &protocol.Error{Code: protocol.ErrExists, Message: fmt.Sprintf("%s is in the vault already, with this very secret.", a.Label()),
		Hint: "Use that one here."}
}

// enroll adds the account of a ticket, bound to the place of the context.
func (h *Host) enroll(ctx context.Context, p protocol.EnrollParams) (any, error) {
	var sites []string
	strength := site.None
	if p.Context != nil {
		s, err := siteOf(*p.Context)
		if err != nil {
			return nil, err
		}
		sites, strength = []string{s.String()}, site.Bound
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	a, ok := h.session.offered(p.Ticket, h.Now())
	if !ok {
		return nil, errTicket
	}
	a.Issuer, a.Name, a.Sites = strings.TrimSpace(p.Issuer), strings.TrimSpace(p.Account), sites
	if err := a.Validate(); err != nil {
		return nil, notValid(err)
	}
	var id string
	err := h.update(func(tx *vault.Tx) (err error) {
		if have, ok := sameSecret(h.vault.Accounts(), a); ok { // as they are on disk now
			return exists(have)
		}
		id, err = tx.Add(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.session.drop(func(t ticket) bool { return t.id == p.Ticket })
	a, _ = h.vault.Account(id)
	if p.Context != nil {
		h.session.name(releaseTo(id, *p.Context))
	}
	return protocol.EnrollResult{Account: h.describe(a, strength)}, nil
}

// notValid says which name cannot be kept.
func notValid(err error) *protocol.Error {
	return &protocol.Error{Code: protocol.ErrNotValid, Message: "This cannot be kept: " + err.Error() + ".", Hint: "Nothing was saved. Change that, and try again."}
}

var errTicket = errors.New("unknown ticket")
