package host

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// crowd is a rig with 10,000 accounts, each on a site of its own.
func crowd(b *testing.B) *rig {
	accounts := make([]account.Account, 10_000)
	for i := range accounts {
		accounts[i] = totp(fmt.Sprint("Issuer ", i), "alice", fmt.Sprintf("https://login%d.example", i))
	}
	r := newRig(b, accounts...)
	r.host.Budget = vault.Budget{PerMinute: 1 << 30, PerHour: 1 << 30}
	r.hello()
	return r
}

func asking(b *testing.B, m protocol.Method, params any) request {
	p, err := json.Marshal(params)
	if err != nil {
		b.Fatal(err)
	}
	return request{Request: protocol.Request{ID: 1, Method: m, Params: p}}
}

// BenchmarkMatch finds the account for a host among 10,000.
func BenchmarkMatch(b *testing.B) {
	r := crowd(b)
	req := asking(b, protocol.MethodMatch, protocol.MatchParams{Context: page("https://login5000.example")})
	for b.Loop() {
		if got, err := r.host.handle(context.Background(), req); err != nil || len(got.(protocol.MatchResult).Accounts) != 1 {
			b.Fatalf("%+v, %v", got, err)
		}
	}
}

// BenchmarkRelease releases codes of one account among 10,000, to the popup.
func BenchmarkRelease(b *testing.B) {
	r := crowd(b)
	handle := r.handle("login5000")
	for b.Loop() {
		r.host.session.nonces = map[string]bool{}
		req := asking(b, protocol.MethodCode, protocol.ReleaseParams{Handle: handle, Nonce: nonce(), Purpose: protocol.PurposeShow})
		if _, err := r.host.handle(context.Background(), req); err != nil {
			b.Fatal(err)
		}
	}
}
