package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// withRecovery is an account of example.com with the recovery codes "code-0", "code-1" …
func withRecovery(n int) account.Account {
	a := totp("Example", "alice", example)
	for i := range n {
		a.RecoveryCodes = append(a.RecoveryCodes, account.RecoveryCode{Code: account.NewSecret(fmt.Appendf(nil, "code-%d", i))})
	}
	return a
}

func nextOf(handle string, c protocol.Context) protocol.RecoveryParams {
	return protocol.RecoveryParams{Handle: handle, Context: c, Nonce: nonce()}
}

func TestRecoveryCodesComeOneByOne(t *testing.T) {
	r := newRig(t, withRecovery(3))
	for i := range 3 {
		r.start() // another host each time
		if a := r.match(page(example))[0]; a.Recovery != 3-i {
			t.Errorf("%d are left, want %d", a.Recovery, 3-i)
		}
		got := get[protocol.RecoveryResult](r, protocol.MethodRecovery, nextOf(r.handle("alice"), page(example)))
		if want := (protocol.RecoveryResult{Code: fmt.Sprint("code-", i), Left: 2 - i}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if left := r.openVault().Accounts()[0].RecoveryLeft(); left != 2-i {
			t.Errorf("on disk %d are left, want %d", left, 2-i)
		}
	}
	r.fails(protocol.MethodRecovery, nextOf(r.handle("alice"), page(example)), protocol.ErrRecoveryEmpty)
	if r.logged("code-") {
		t.Errorf("the log holds a code: %q", r.log)
	}
}

func TestARecoveryCodeNeedsAHostThatTheAccountIsBoundTo(t *testing.T) {
	r := newRig(t, withRecovery(3))
	handle := r.handle("alice")
	for _, tt := range []struct {
		name string
		p    protocol.RecoveryParams
		want protocol.ErrorCode
	}{
		{"another host", nextOf(handle, page("https://evil.example")), protocol.ErrNotAllowed},
		{"a sibling host", nextOf(handle, page("https://www.example.com")), protocol.ErrNotAllowed},
		{"another port", nextOf(handle, page("https://example.com:8443")), protocol.ErrNotAllowed},
		{"http", nextOf(handle, page("http://example.com")), protocol.ErrOrigin},
		{"a frame of another site", nextOf(handle, page(example, "https://evil.example")), protocol.ErrFrame},
		{"a sandboxed frame", nextOf(handle, page("null", example)), protocol.ErrOrigin},
		{"no document", nextOf(handle, protocol.Context{Origin: example}), protocol.ErrBadRequest},
		{"no context", nextOf(handle, protocol.Context{}), protocol.ErrBadRequest},
		{"no handle", nextOf("", page(example)), protocol.ErrHandle},
		{"the account's id", nextOf(r.other.Accounts()[0].ID, page(example)), protocol.ErrHandle},
		{"no nonce", protocol.RecoveryParams{Handle: handle, Context: page(example)}, protocol.ErrBadRequest},
		{"a short nonce", protocol.RecoveryParams{Handle: handle, Context: page(example), Nonce: strings.Repeat("n", 15)}, protocol.ErrBadRequest},
		{"a long nonce", protocol.RecoveryParams{Handle: handle, Context: page(example), Nonce: strings.Repeat("n", 65)}, protocol.ErrBadRequest},
	} {
		if got := r.call(protocol.MethodRecovery, tt.p).code(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if a := r.openVault().Accounts()[0]; a.RecoveryLeft() != 3 {
		t.Errorf("a refused request used up a code: %d left", a.RecoveryLeft())
	}
}

func TestARecoveryCodeFitsItsField(t *testing.T) {
	r := newRig(t, withRecovery(3))
	handle := r.handle("alice")
	for _, bad := range []int{-1, protocol.MaxLength + 1} {
		p := nextOf(handle, page(example))
		p.Max = bad
		r.fails(protocol.MethodRecovery, p, protocol.ErrBadRequest)
	}
	p := nextOf(handle, page(example))
	p.Max = 4 // "code0" has five
	for range vault.DefaultBudget.PerHour {
		r.fails(protocol.MethodRecovery, p, protocol.ErrRecoveryLong)
	}
	if left := r.openVault().Accounts()[0].RecoveryLeft(); left != 3 {
		t.Errorf("a code that was not given counts as used: %d left", left)
	}
	for i, tt := range []struct {
		most int
		want string
	}{{5, "code0"}, {6, "code-1"}, {protocol.MaxLength, "code-2"}} {
		p.Max = tt.most // the first with the nonce of the refusals
		got := get[protocol.RecoveryResult](r, protocol.MethodRecovery, p)
		if want := (protocol.RecoveryResult{Code: tt.want, Left: 2 - i}); got != want {
			t.Errorf("in a field of %d: %+v, want %+v", tt.most, got, want)
		}
		p.Nonce = nonce()
	}
}

func TestANonceGivesOneRecoveryCode(t *testing.T) {
	r := newRig(t, withRecovery(3))
	handle := r.handle("alice")
	p := nextOf(handle, page(example))
	get[protocol.RecoveryResult](r, protocol.MethodRecovery, p)
	r.fails(protocol.MethodRecovery, p, protocol.ErrBadRequest)
	code := fill(handle, page(example))
	code.Nonce = p.Nonce
	r.fails(protocol.MethodCode, code, protocol.ErrBadRequest)
	code.Nonce = nonce()
	get[protocol.ReleaseResult](r, protocol.MethodCode, code)
	p.Nonce = code.Nonce
	r.fails(protocol.MethodRecovery, p, protocol.ErrBadRequest)
}

func TestRecoveryCodesCountAgainstTheBudget(t *testing.T) {
	r := newRig(t, withRecovery(10))
	for range vault.DefaultBudget.PerMinute {
		get[protocol.RecoveryResult](r, protocol.MethodRecovery, nextOf(r.handle("alice"), page(example)))
		r.start() // another host
	}
	r.agrees <- agreement{err: errNoDialog}
	r.fails(protocol.MethodRecovery, nextOf(r.handle("alice"), page(example)), protocol.ErrBudget)
	if a := r.openVault().Accounts()[0]; a.RecoveryLeft() != 4 {
		t.Errorf("%d are left, want 4", a.RecoveryLeft())
	}
	r.fails(protocol.MethodCode, fill(r.handle("alice"), page(example)), protocol.ErrBudget)
}

// A save that fails gives no code, and the next one may give it.
func TestNoRecoveryCodeWithoutASave(t *testing.T) {
	r := newRig(t, withRecovery(2))
	handle := r.handle("alice")
	lock := filepath.Join(r.home, "vault", "lock") // what has to be a file is a folder
	r.check(os.RemoveAll(lock))
	r.check(os.Mkdir(lock, 0o700))
	r.fails(protocol.MethodRecovery, nextOf(handle, page(example)), protocol.ErrVaultStorage)
	r.check(os.Remove(lock))
	got := get[protocol.RecoveryResult](r, protocol.MethodRecovery, nextOf(handle, page(example)))
	if got.Code != "code-0" {
		t.Errorf("%+v", got)
	}
}
