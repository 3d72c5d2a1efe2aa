// Package host answers the extension: it decides which accounts may serve a
// document and releases codes. It knows nothing of browsers, terminals or
// dialogs; what it needs of them comes in as functions.
package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/account"
	"codefob/internal/directory"
	"codefob/internal/nativemsg"
	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// Config is what a host is made of.
type Config struct {
	Version string // of the program
	// Open finds the vault, locked; it returns [vault.ErrMissing] if there is none.
	Open func() (*vault.Vault, error)
	// Unlock opens the vault without asking anybody, or says why it cannot.
	Unlock func(context.Context, *vault.Vault) error
	// Ask asks the person for the passphrase, outside the browser. wrong says that
	// the last answer was wrong. It returns [ErrDismissed] when the person does not
	// want to answer.
	Ask func(ctx context.Context, wrong bool) ([]byte, error)
	// Log takes what happened, without secrets, codes and message bodies.
	Log func(event string, err error)
	// Active is told of each request that the user made, rather than a page.
	Active func()
	Budget vault.Budget
	Now    func() time.Time
	// Directory tells what services take; nil for the built-in one.
	Directory *directory.Directory
}

const (
	askTries     = 3
	askTimeout   = 2 * time.Minute // for one answer
	silentRetry  = 30 * time.Second
	keychainWait = 5 * time.Second
)

// Host serves one extension over one connection.
type Host struct {
	Config
	asking sync.Mutex // held while the person is asked

	mu       sync.Mutex // everything below
	vault    *vault.Vault
	index    *site.Index
	session  session
	silentAt time.Time // of the last silent unlock that did not work
}

// New makes a host.
func New(c Config) *Host {
	if c.Directory == nil {
		c.Directory = new(directory.Directory)
	}
	return &Host{Config: c, session: newSession()}
}

// Serve answers until the stream ends. It returns nil at its regular end.
func (h *Host) Serve(r *nativemsg.Reader, w *nativemsg.Writer) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // of the prompts, before waiting for them
	for {
		message, err := r.Read()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, nativemsg.ErrTooLarge):
			return errors.Join(err, h.write(w, protocol.Reply{Error: &protocol.Error{Code: protocol.ErrTooLarge, Message: "The request is too large."}}))
		case err != nil:
			return err
		}
		req, err := readRequest(message)
		if err != nil {
			h.Log("bad request", nil)
			if err := h.write(w, protocol.Reply{Error: badRequest("The request is not valid.")}); err != nil {
				return err
			}
			continue
		}
		if req.Method == protocol.MethodUnlock { // takes as long as the person does
			waiting.Go(func() {
				if err := h.write(w, h.reply(ctx, req)); err != nil {
					h.Log("write", err)
				}
			})
			continue
		}
		if err := h.write(w, h.reply(ctx, req)); err != nil {
			return err
		}
	}
}

func (h *Host) write(w *nativemsg.Writer, reply protocol.Reply) error {
	b, err := encode(reply)
	if err != nil {
		return err
	}
	return w.Write(b)
}

// decode reads one JSON object strictly: no unknown or doubled members, no null,
// valid UTF-8, nothing behind it. Its errors may quote the message: not for logs.
func decode(message []byte, into any) error {
	if bytes.Contains(message, []byte("null")) && holdsNull(message) {
		return errNull
	}
	return json.Unmarshal(message, into, json.RejectUnknownMembers(true))
}

var errNull = errors.New("nothing in a request is null")

// holdsNull tells whether a null stands before the end, or the first error.
func holdsNull(message []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(message))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		if token.Kind() == 'n' {
			return true
		}
	}
}

func (h *Host) reply(ctx context.Context, req request) protocol.Reply {
	result, err := h.handle(ctx, req)
	if err != nil {
		e := errorFor(err)
		event := string(e.Code)
		if e.Code != protocol.ErrUnknownMethod { // its name can be anything
			event = string(req.Method) + ": " + event
		}
		h.Log(event, nil)
		return protocol.Reply{ID: req.ID, Error: e}
	}
	return protocol.Reply{ID: req.ID, Result: result}
}

// handle does one request. The set of methods is closed.
func (h *Host) handle(ctx context.Context, req request) (any, error) {
	switch req.Method {
	case protocol.MethodUnlock, protocol.MethodSearch, protocol.MethodAllow, protocol.MethodCode, protocol.MethodMark, protocol.MethodRecovery:
		h.Active()
	}
	switch req.Method {
	case protocol.MethodHello:
		return with(req, func(p protocol.HelloParams) (any, error) { return h.hello(ctx, p) })
	case protocol.MethodUnlock:
		return with(req, func(struct{}) (any, error) { return h.unlock(ctx) })
	case protocol.MethodLock:
		return with(req, func(struct{}) (any, error) { return h.lock() })
	case protocol.MethodMatch:
		return with(req, func(p protocol.MatchParams) (any, error) { return h.match(ctx, p) })
	case protocol.MethodSearch:
		return with(req, func(p protocol.SearchParams) (any, error) { return h.search(ctx, p) })
	case protocol.MethodAllow:
		return with(req, func(p protocol.AllowParams) (any, error) { return h.allow(ctx, p) })
	case protocol.MethodCode:
		return with(req, func(p protocol.ReleaseParams) (any, error) { return h.release(ctx, p) })
	case protocol.MethodMarks:
		return with(req, func(p protocol.MarksParams) (any, error) { return h.marks(ctx, p) })
	case protocol.MethodMark:
		return with(req, func(p protocol.MarkParams) (any, error) { return h.mark(ctx, p) })
	case protocol.MethodFacts:
		return with(req, func(p protocol.FactsParams) (any, error) { return h.facts(ctx, p) })
	case protocol.MethodRemind:
		return with(req, func(p protocol.RemindParams) (any, error) { return h.remind(ctx, p) })
	case protocol.MethodServices:
		return with(req, func(struct{}) (any, error) { return h.services(ctx) })
	case protocol.MethodRecovery:
		return with(req, func(p protocol.RecoveryParams) (any, error) { return h.recovery(ctx, p) })
	default:
		return nil, &protocol.Error{Code: protocol.ErrUnknownMethod, Message: "This host does not know that request.",
			Hint: "Update Codefob: the extension is newer than the host."}
	}
}

// with reads the parameters and passes them on.
func with[P any](req request, do func(P) (any, error)) (any, error) {
	var p P
	if err := req.params(&p); err != nil {
		return nil, badRequest("The parameters are not valid.")
	}
	return do(p)
}

func (h *Host) hello(ctx context.Context, p protocol.HelloParams) (any, error) {
	if len(p.Client) > 32 || len(p.Version) > 32 {
		return nil, badRequest("The client's name is too long.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r := protocol.HelloResult{Version: h.Version, Protocol: protocol.Version, Platform: runtime.GOOS}
	err := h.ensureOpen(ctx)
	switch {
	case err == nil:
		r.Vault, r.Accounts = protocol.VaultOpen, len(h.vault.Accounts())
	case errors.Is(err, vault.ErrMissing):
		r.Vault = protocol.VaultNone
	case errors.Is(err, vault.ErrLocked):
		r.Vault = protocol.VaultLocked
	default:
		return nil, err
	}
	return r, nil
}

// Warm opens the vault if that needs nobody's answer, to have it ready for the
// first request.
func (h *Host) Warm(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil && !errors.Is(err, vault.ErrMissing) && !errors.Is(err, vault.ErrLocked) {
		h.Log("open", err)
	}
}

// ensureOpen makes the accounts ready, as they are on disk now. It returns
// [vault.ErrMissing], an error that wraps [vault.ErrLocked], or what is wrong
// with the vault. h.mu is held.
func (h *Host) ensureOpen(ctx context.Context) error {
	if h.vault != nil && h.vault.IsOpen() {
		changed, err := h.vault.Refresh()
		if changed {
			h.index = nil
		}
		if errors.Is(err, vault.ErrLockedByUs) {
			h.forget()
			return vault.ErrLocked
		}
		if err != nil {
			h.forget()
			if _, gone := h.Open(); gone != nil {
				return gone
			}
		}
		return err
	}
	v, err := h.Open() // each time: it may have been removed, or made anew
	if err != nil {
		return err
	}
	h.vault = v
	if h.Now().Sub(h.silentAt) < silentRetry {
		return vault.ErrLocked
	}
	ctx, cancel := context.WithTimeout(ctx, keychainWait)
	defer cancel()
	err = h.Unlock(ctx, h.vault)
	switch {
	case err == nil, errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrNewer):
		return err
	case errors.Is(err, vault.ErrNoSlot), errors.Is(err, vault.ErrLockedByUs): // told from a look at the folder
	default:
		h.Log("keychain", err)
		h.silentAt = h.Now()
	}
	return vault.ErrLocked
}

func (h *Host) forget() {
	if h.vault != nil {
		h.vault.Lock()
	}
	h.index, h.session = nil, newSession()
}

func (h *Host) lock() (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, err := h.Open()
	if err != nil {
		return nil, err
	}
	h.forget()
	if err := v.LockForAll(); err != nil {
		return nil, err
	}
	return protocol.VaultResult{Vault: protocol.VaultLocked}, nil
}

// unlock asks the person, in a dialog of the system's and never in the browser.
func (h *Host) unlock(ctx context.Context) (any, error) {
	if !h.asking.TryLock() {
		return nil, &protocol.Error{Code: protocol.ErrUnlock, Message: "Codefob is asking for the passphrase already.",
			Hint: "Look for its window."}
	}
	defer h.asking.Unlock()
	for try := range askTries {
		h.mu.Lock()
		h.silentAt = time.Time{} // the keychain may work by now
		err := h.ensureOpen(ctx)
		h.mu.Unlock()
		if err == nil {
			return protocol.VaultResult{Vault: protocol.VaultOpen}, nil
		}
		if !errors.Is(err, vault.ErrLocked) {
			return nil, err
		}
		passphrase, err := h.ask(ctx, try > 0)
		if err != nil {
			return nil, unlockError(err)
		}
		h.mu.Lock()
		err = vault.ErrLocked
		if h.vault != nil {
			err = h.vault.UnlockPassphrase(passphrase)
		}
		h.index = nil
		h.mu.Unlock()
		clear(passphrase)
		if err == nil {
			return protocol.VaultResult{Vault: protocol.VaultOpen}, nil
		}
		if !errors.Is(err, vault.ErrPassphrase) {
			return nil, err
		}
	}
	return nil, &protocol.Error{Code: protocol.ErrUnlock, Message: "The passphrase was wrong three times.",
		Hint: "Try again, or set a new one with: codefob passphrase --recovery-key"}
}

func (h *Host) ask(ctx context.Context, wrong bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return h.Ask(ctx, wrong)
}

// matcher is the index over the accounts as they are now. h.mu is held.
func (h *Host) matcher() *site.Index {
	if h.index == nil {
		accounts := h.vault.Accounts()
		h.index = site.NewIndex(len(accounts), func(i int) site.Entry {
			return site.Entry{Sites: accounts[i].Sites, Issuer: accounts[i].Issuer}
		})
	}
	return h.index
}

// place reads the origins of a context.
func place(c protocol.Context) (o site.Origin, ancestors []site.Origin, err error) {
	if c.Document == "" || len(c.Document) > 64 || len(c.Ancestors) > 32 {
		return o, nil, badRequest("The context is not valid.")
	}
	if o, err = site.ParseOrigin(c.Origin); err != nil {
		return o, nil, err
	}
	for _, text := range c.Ancestors {
		a, err := site.ParseOrigin(text)
		if err != nil {
			return o, nil, err
		}
		ancestors = append(ancestors, a)
	}
	return o, ancestors, nil
}

// account finds the account of a handle. h.mu is held.
func (h *Host) account(handle string) (account.Account, error) {
	if id, ok := h.session.ids[handle]; ok {
		if a, ok := h.vault.Account(id); ok {
			return a, nil
		}
	}
	return account.Account{}, errHandle
}

// describe says what the extension may know of an account. h.mu is held.
func (h *Host) describe(a account.Account, strength site.Strength) protocol.Account {
	d := protocol.Account{
		Handle: h.session.handle(a.ID), Issuer: a.Issuer, Account: a.Name, Strength: protocol.Strength(strength.String()),
		Type: protocol.AccountType(a.Type), Digits: a.Digits, Period: int(a.Period / time.Second),
		Append: a.Append, Recovery: a.RecoveryLeft(),
	}
	if sites := site.Stored(a.Sites); len(sites) > 0 {
		d.Site = sites[0].Origin.Display()
	}
	return d
}
