// Package host answers the extension: it decides which accounts may serve a
// document and releases codes. It knows nothing of browsers, terminals or
// dialogs; what it needs of them comes in as functions.
package host

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/account"
	"codefob/internal/directory"
	"codefob/internal/nativemsg"
	"codefob/internal/protocol"
	"codefob/internal/qr"
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
	// Confirm asks the person to agree to something, outside the browser. Its error
	// says why it could not be asked, or that nobody answered.
	Confirm func(context.Context, Question) (bool, error)
	// Prove gives the host's public key, and its signature of a challenge; nil where
	// there is none.
	Prove func(challenge string) (key, signature string, err error)
	// Log takes what happened, without secrets, codes and message bodies.
	Log func(event string, err error)
	// Active is told of each request that the user made, rather than a page.
	Active func()
	// Sync keeps an open vault the same on the person's other computers until ctx ends. It
	// returns at once, and is done with v then; status says how it goes, beside other
	// requests, and is nil while syncing is off. Sync is nil for a host that never does.
	Sync   func(ctx context.Context, v *vault.Vault) (status func() (protocol.SyncResult, error))
	Budget vault.Budget
	Now    func() time.Time
	// Directory tells what services take; nil for the built-in one.
	Directory *directory.Directory
}

const challengeSize = 32 // bytes

// Host serves one extension over one connection.
type Host struct {
	Config
	asking  sync.Mutex                                       // held while the person is asked
	reading sync.Mutex                                       // held while a picture is read
	readQR  func(picture []byte) (texts []string, err error) // [qr.Read]; a test holds it up

	mu       sync.Mutex // everything below
	vault    *vault.Vault
	index    *site.Index
	session  session
	away     bool                                // the person has left the computer: only a passphrase opens the vault
	left     int                                 // how often they did
	client   string                              // the browser, as it says itself
	silentAt time.Time                           // of the last silent unlock that did not work
	withdraw context.CancelCauseFunc             // the open question of ifAgreed; nil for none
	syncing  func() (protocol.SyncResult, error) // nil while nothing is synced
	endSync  context.CancelFunc                  // likewise

	refusedAt time.Time // of the last question beyond the budget that got no yes
}

// New makes a host.
func New(c Config) *Host {
	if c.Directory == nil {
		c.Directory = new(directory.Directory)
	}
	return &Host{Config: c, readQR: qr.Read, session: newSession()}
}

// NewReader reads what an extension sends: messages of at most
// [protocol.MaxRequest], and pictures of at most [protocol.MaxPicture].
func NewReader(r io.Reader) *nativemsg.Reader {
	reader := nativemsg.NewReader(r, protocol.MaxRequest)
	reader.Allow(protocol.MaxPicture, isPicture)
	return reader
}

// pictureRequest is how every qr.read begins that is larger than other requests.
var pictureRequest = regexp.MustCompile(`^\{"id":[0-9]{1,10},"method":"qr\.read",`)

func isPicture(start []byte) bool { return pictureRequest.Match(start) }

// Serve answers until the stream ends. It returns nil at its regular end, and an
// error that wraps [ErrPanic] at once after a defect of ours, which it answers too.
func (h *Host) Serve(r *nativemsg.Reader, w *nativemsg.Writer) error {
	ended := make(chan error, 1)
	end := func(err error) {
		select {
		case ended <- err:
		default: // the first one counts
		}
	}
	go func() { end(h.serve(r, w, end)) }()
	return <-ended
}

func (h *Host) serve(r *nativemsg.Reader, w *nativemsg.Writer, end func(error)) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // of the prompts, before waiting for them
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stopSync()
	}()
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
		result, err := Caught(func() (any, error) { return h.handle(ctx, req) })
		large := len(message) > protocol.MaxRequest
		if large { // of a picture nothing is kept
			clear(message)
			clear(req.Params)
			req.Params = nil
		}
		answer := func(result any, err error) error {
			if large {
				defer debug.FreeOSMemory()
			}
			failed := h.write(w, h.reply(req, result, err))
			if errors.Is(err, ErrPanic) {
				return err
			}
			return failed
		}
		if rest, takesLong := result.(later); takesLong {
			waiting.Go(func() {
				if err := answer(Caught(rest)); errors.Is(err, ErrPanic) {
					end(err)
				} else if err != nil {
					h.Log("write", err)
				}
			})
			continue
		}
		if err := answer(result, err); err != nil {
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

func (h *Host) reply(req request, result any, err error) protocol.Reply {
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

// handle does one request, or gives a [later]. The set of methods is closed.
func (h *Host) handle(ctx context.Context, req request) (any, error) {
	switch req.Method {
	case protocol.MethodUnlock, protocol.MethodSearch, protocol.MethodAllow, protocol.MethodCode, protocol.MethodMark,
		protocol.MethodRecovery, protocol.MethodSave, protocol.MethodQR, protocol.MethodURI, protocol.MethodEnroll,
		protocol.MethodList, protocol.MethodEdit, protocol.MethodRemove, protocol.MethodRestore,
		protocol.MethodLog:
		h.Active()
	}
	switch req.Method {
	case protocol.MethodHello:
		return with(req, func(p protocol.HelloParams) (any, error) { return h.hello(ctx, p) })
	case protocol.MethodUnlock:
		return with(req, func(struct{}) (any, error) { return later(func() (any, error) { return h.unlock(ctx) }), nil })
	case protocol.MethodLock:
		return with(req, func(struct{}) (any, error) { return h.lock() })
	case protocol.MethodMatch:
		return with(req, func(p protocol.MatchParams) (any, error) { return h.match(ctx, p) })
	case protocol.MethodSearch:
		return with(req, func(p protocol.SearchParams) (any, error) { return h.search(ctx, p) })
	case protocol.MethodAllow:
		return with(req, func(p protocol.AllowParams) (any, error) { return h.allow(ctx, p) })
	case protocol.MethodCode:
		return with(req, func(p protocol.ReleaseParams) (any, error) {
			result, err := h.release(ctx, p, false)
			return h.noted(vault.Act(p.Purpose), p.Handle, p.Context, result, err)
		})
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
		return with(req, func(p protocol.RecoveryParams) (any, error) {
			result, err := h.recovery(ctx, p, false)
			return h.noted(vault.ActRecovery, p.Handle, &p.Context, result, err)
		})
	case protocol.MethodSave:
		return with(req, func(p protocol.SaveParams) (any, error) { return h.saveRecovery(ctx, p) })
	case protocol.MethodQR:
		return with(req, func(p pictureParams) (any, error) { return h.readPicture(ctx, p.Picture) })
	case protocol.MethodURI:
		return with(req, func(p protocol.URIParams) (any, error) { return h.readText(ctx, p) })
	case protocol.MethodEnroll:
		return with(req, func(p protocol.EnrollParams) (any, error) { return h.enroll(ctx, p) })
	case protocol.MethodList:
		return with(req, func(p protocol.ListParams) (any, error) { return h.accounts(ctx, p) })
	case protocol.MethodEdit:
		return with(req, func(p protocol.EditParams) (any, error) { return h.edit(ctx, p, false) })
	case protocol.MethodRemove:
		return with(req, func(p protocol.HandleParams) (any, error) { return h.remove(ctx, p) })
	case protocol.MethodRestore:
		return with(req, func(p protocol.HandleParams) (any, error) { return h.restore(ctx, p) })
	case protocol.MethodLog:
		return with(req, func(p protocol.LogParams) (any, error) { return h.listLog(ctx, p) })
	case protocol.MethodSync:
		return with(req, func(struct{}) (any, error) { return h.syncStatus(ctx) })
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
	r := protocol.HelloResult{Version: h.Version, Protocol: protocol.Version, Platform: runtime.GOOS}
	if p.Challenge != "" && h.Prove != nil {
		if random, err := base64.StdEncoding.Strict().DecodeString(p.Challenge); err != nil || len(random) != challengeSize || strings.ContainsAny(p.Challenge, "\r\n") {
			return nil, badRequest("The challenge is not valid.")
		}
		var err error
		if r.Key, r.Signature, err = h.Prove(p.Challenge); err != nil {
			h.Log("host key", err)
			return nil, &protocol.Error{Code: protocol.ErrInternal, Message: "The host key cannot be used.",
				Hint: "Run this in a terminal, it says what is wrong with it: codefob doctor"}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.client = plainText(p.Client, 32)
	err := h.ensureOpen(ctx)
	switch {
	case err == nil:
		r.Vault, r.Accounts = protocol.VaultOpen, len(h.vault.Accounts())
	case errors.Is(err, vault.ErrMissing):
		r.Vault = protocol.VaultNone
	case errors.Is(err, vault.ErrLocked):
		r.Vault = protocol.VaultLocked
	case r.Signature != "": // who we are is proved whatever the vault is like; the next request says what is wrong
		h.Log("open", err)
		r.Vault = protocol.VaultLocked
	default:
		return nil, err
	}
	return r, nil
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

// siteOf is the site that an account is bound to at a context.
func siteOf(c protocol.Context) (site.Site, error) {
	o, ancestors, err := place(c)
	if err != nil {
		return site.Site{}, err
	}
	return site.NewSite(o, ancestors)
}

// account opens the vault, and finds the account of a handle. h.mu is held.
func (h *Host) account(ctx context.Context, handle string) (account.Account, error) {
	if err := h.ensureOpen(ctx); err != nil {
		return account.Account{}, err
	}
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
		Append: a.Append, Submit: a.Submit, Ask: a.Ask, Recovery: a.RecoveryLeft(),
	}
	if sites := site.Stored(a.Sites); len(sites) > 0 {
		d.Site = sites[0].Origin.Display()
	}
	return d
}
