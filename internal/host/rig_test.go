package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	"filippo.io/age"

	"codefob/internal/account"
	"codefob/internal/nativemsg"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// passphraseWork is package vault's. Whoever opens a vault at its real cost waits a
// second for it, and ten under the race detector; package vault's own tests do.
//
//go:linkname passphraseWork codefob/internal/vault.passphraseWork
var passphraseWork int

// The tests share one vault, made once: each works on a copy of the folder.
var model struct {
	files    fs.FS
	identity []byte // as the slots hold it
}

const passphrase = "a passphrase of the tests"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		home, err := os.MkdirTemp("", "codefob-host")
		if err == nil {
			defer os.RemoveAll(home)
			passphraseWork = 8
			err = makeModel(home)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func makeModel(home string) error {
	v, _, err := vault.Create(home, []byte(passphrase))
	if err != nil {
		return err
	}
	v.Lock()
	sealed, err := os.Open(filepath.Join(home, "vault", "slots", "passphrase.age"))
	if err != nil {
		return err
	}
	defer sealed.Close()
	by, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return err
	}
	plain, err := age.Decrypt(sealed, by)
	if err != nil {
		return err
	}
	model.files = os.DirFS(home)
	model.identity, err = io.ReadAll(plain)
	return err
}

// rig is a host over a vault of its own, and the extension's end of the line.
type rig struct {
	testing.TB
	home  string
	other *vault.Vault // another program's view of the vault, open
	host  *Host

	keychain bool // whether the vault opens without asking
	answers  chan answer
	agrees   chan agreement // what the person says to a question of yes or no
	asked    chan Question  // that were put
	clock    time.Time      // stands still; zero for the real time

	outOfOrder bool // the extension may ask for codes where it was told of no account

	mu  sync.Mutex
	log []string

	ask  *nativemsg.Writer
	hear *nativemsg.Reader
	end  func() error // closes the line and returns what Serve returned
	id   uint32
}

// answer is what the person does when asked for the passphrase.
type answer struct {
	passphrase string
	err        error
}

// agreement is what the person does when asked to agree.
type agreement struct {
	yes bool
	err error
}

func newRig(t testing.TB, accounts ...account.Account) *rig {
	r := &rig{TB: t, home: t.TempDir(), keychain: true, answers: make(chan answer, 10), agrees: make(chan agreement, 10), asked: make(chan Question, 10)}
	r.check(os.CopyFS(r.home, model.files))
	r.other = r.openVault()
	if len(accounts) > 0 {
		r.add(accounts...)
	}
	r.start()
	return r
}

func (r *rig) openVault() *vault.Vault {
	r.Helper()
	v, err := vault.Open(r.home)
	r.check(err)
	r.check(v.UnlockIdentity(model.identity))
	return v
}

// start connects a new host.
func (r *rig) start() {
	toHost, extensionOut := io.Pipe()
	extensionIn, fromHost := io.Pipe()
	host := New(Config{
		Version: "1.2.3",
		Open:    func() (*vault.Vault, error) { return vault.Open(r.home) },
		Unlock: func(_ context.Context, v *vault.Vault) error {
			if v.LockedByUser() {
				return vault.ErrLockedByUs
			}
			if !r.keychain {
				return vault.ErrNoSlot
			}
			return v.UnlockIdentity(model.identity)
		},
		Active: func() {},
		Ask: func(ctx context.Context, wrong bool) ([]byte, error) {
			select {
			case a := <-r.answers:
				return []byte(a.passphrase), a.err
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		Confirm: func(ctx context.Context, q Question) (bool, error) {
			r.asked <- q
			select {
			case a := <-r.agrees:
				return a.yes, a.err
			case <-ctx.Done():
				return false, ctx.Err()
			}
		},
		Log: func(event string, err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.log = append(r.log, fmt.Sprint(event, " ", err))
		},
		Budget: vault.DefaultBudget,
		Now: func() time.Time {
			if r.clock.IsZero() {
				return time.Now()
			}
			return r.clock
		},
	})
	r.host = host
	done := make(chan error, 1)
	go func() {
		err := host.Serve(NewReader(toHost), nativemsg.NewWriter(fromHost, protocol.MaxReply))
		fromHost.Close()
		done <- err
	}()
	r.ask, r.hear = nativemsg.NewWriter(extensionOut, 1<<30), nativemsg.NewReader(extensionIn, protocol.MaxReply)
	r.end = sync.OnceValue(func() error { extensionOut.Close(); return <-done })
	r.Cleanup(func() { extensionIn.Close(); r.end() })
}

func (r *rig) check(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// add enrolls accounts as another program.
func (r *rig) add(accounts ...account.Account) (ids []string) {
	r.Helper()
	r.check(r.other.Update(func(tx *vault.Tx) error {
		for _, a := range accounts {
			id, err := tx.Add(a)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	}))
	return ids
}

// said is a reply as the extension reads it.
type said struct {
	ID     uint32          `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *protocol.Error `json:"error"`
}

func (s said) code() protocol.ErrorCode {
	if s.Error == nil {
		return "no error"
	}
	return s.Error.Code
}

// raw sends a message as it is.
func (r *rig) raw(message string) said {
	r.Helper()
	r.check(r.ask.Write([]byte(message)))
	return r.next()
}

func (r *rig) next() (s said) {
	r.Helper()
	b, err := r.hear.Read()
	r.check(err)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil || (s.Error == nil) == (s.Result == nil) {
		r.Fatalf("reply %s: %v", b, err)
	}
	return s
}

func (r *rig) send(m protocol.Method, params any) uint32 {
	r.Helper()
	r.id++
	request := protocol.Request{ID: r.id, Method: m}
	switch p := params.(type) { // the extension was told of the account before, unless it is out of order
	case protocol.ReleaseParams:
		if p.Context != nil {
			r.named(p.Handle, *p.Context)
		}
	case protocol.RecoveryParams:
		r.named(p.Handle, p.Context)
	}
	if params != nil {
		b, err := json.Marshal(params)
		r.check(err)
		request.Params = b
	}
	b, err := json.Marshal(request)
	r.check(err)
	r.check(r.ask.Write(b))
	return r.id
}

// named has the host think that it named an account for a document.
func (r *rig) named(handle string, c protocol.Context) {
	r.host.mu.Lock()
	defer r.host.mu.Unlock()
	if !r.outOfOrder {
		r.host.session.name(releaseTo(r.host.session.ids[handle], c))
	}
}

func (r *rig) call(m protocol.Method, params any) said {
	r.Helper()
	id := r.send(m, params)
	s := r.next()
	if s.ID != id {
		r.Fatalf("%s: reply to %d, want %d", m, s.ID, id)
	}
	return s
}

// fails wants one error.
func (r *rig) fails(m protocol.Method, params any, want protocol.ErrorCode) {
	r.Helper()
	if s := r.call(m, params); s.code() != want {
		r.Errorf("%s: %s %s, want %s", m, s.code(), s.Result, want)
	} else if s.Error.Message == "" || s.Error.Hint == "" {
		r.Errorf("%s: %s says %q and hints %q", m, want, s.Error.Message, s.Error.Hint)
	}
}

// get wants a result.
func get[T any](r *rig, m protocol.Method, params any) (result T) {
	r.Helper()
	s := r.call(m, params)
	if s.Error != nil {
		r.Fatalf("%s: %s: %s", m, s.Error.Code, s.Error.Message)
	}
	d := json.NewDecoder(bytes.NewReader(s.Result))
	d.DisallowUnknownFields()
	r.check(d.Decode(&result))
	return result
}

func (r *rig) hello() protocol.HelloResult {
	r.Helper()
	return get[protocol.HelloResult](r, protocol.MethodHello, protocol.HelloParams{Client: "chromium", Version: "1"})
}

func (r *rig) match(c protocol.Context) []protocol.Account {
	r.Helper()
	return get[protocol.MatchResult](r, protocol.MethodMatch, protocol.MatchParams{Context: c}).Accounts
}

// handle is that of the one account which fits the query.
func (r *rig) handle(query string) string {
	r.Helper()
	found := get[protocol.SearchResult](r, protocol.MethodSearch, protocol.SearchParams{Query: query, Limit: 2}).Accounts
	if len(found) != 1 {
		r.Fatalf("%d accounts fit %q", len(found), query)
	}
	return found[0].Handle
}

var nonces int

func nonce() string {
	nonces++
	return fmt.Sprintf("nonce-%012d", nonces)
}

// fill asks for a code to fill, at a new document unless c names one.
func fill(handle string, c protocol.Context) protocol.ReleaseParams {
	return protocol.ReleaseParams{Handle: handle, Context: &c, Nonce: nonce(), Purpose: protocol.PurposeFill}
}

func page(origin string, ancestors ...string) protocol.Context {
	return protocol.Context{Origin: origin, Ancestors: ancestors, Tab: 1, Document: nonce()}
}

// endsWhileAsking closes the line, and wants the host to end though nobody answers its question.
func (r *rig) endsWhileAsking() {
	r.Helper()
	go r.hear.Read()
	done := make(chan error)
	go func() { done <- r.end() }()
	select {
	case err := <-done:
		r.check(err)
	case <-time.After(60 * time.Second):
		r.Fatal("the host waits for an answer that nobody hears")
	}
}

// rfcSecret is the secret of RFC 4226, appendix D, and RFC 6238, appendix B.
var rfcSecret = account.NewSecret([]byte("12345678901234567890"))

func totp(issuer, name string, sites ...string) account.Account {
	a := account.New(account.TOTP, issuer, name, rfcSecret)
	a.Digits, a.Sites = 8, sites
	return a
}

func hotp(issuer string, sites ...string) account.Account {
	a := account.New(account.HOTP, issuer, "", rfcSecret)
	a.Sites = sites
	return a
}

// logged tells whether the log holds a text.
func (r *rig) logged(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.log, "\n"), text)
}

var errNoDialog = errors.New("no dialog here")
