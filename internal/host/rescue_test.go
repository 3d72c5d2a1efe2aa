package host

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// table is a directory of three services.
type table []Service

var threeServices = table{
	{Name: "X", Hosts: []string{"x.com", "twitter.com"}, Domains: []string{"x.com", "twitter.com"},
		Methods: []protocol.TwoFactor{"sms", "totp", "key"}, Setup: "https://x.com/settings", Recovery: "https://help.x.com", Note: "40404"},
	{Name: "Bank", Hosts: []string{"login.bank.example"}, Domains: []string{"bank.example"}, Methods: []protocol.TwoFactor{"sms", "call"}},
	{Name: "Example.com", Domains: []string{"example.com"}, Methods: []protocol.TwoFactor{"totp"}},
}

func (t table) At(host string) (Service, bool) {
	for _, s := range t {
		for _, d := range s.Domains {
			if host == d || strings.HasSuffix(host, "."+d) {
				return s, true
			}
		}
	}
	return Service{}, false
}

func (t table) Of(issuer string, sites []site.Site) (Service, bool) {
	for _, s := range t {
		if strings.EqualFold(s.Name, issuer) {
			return s, true
		}
	}
	for _, s := range sites {
		if s, ok := t.At(s.Origin.Host); ok {
			return s, true
		}
	}
	return Service{}, false
}

func rescueRig(t *testing.T, accounts ...account.Account) *rig {
	r := newRig(t, accounts...)
	r.host.Directory = threeServices
	return r
}

func (r *rig) remind(origin string, to protocol.Reminder) string {
	r.Helper()
	return strings.Join(get[protocol.RemindResult](r, protocol.MethodRemind, protocol.RemindParams{Context: page(origin), Reminder: to}).Hosts, " ")
}

func TestFacts(t *testing.T) {
	r := rescueRig(t, totp("X", "alice"), totp("", "bob", "https://twitter.com"), totp("Shop", "alice", "https://shop.example"))
	x := &protocol.Service{Name: "X", Methods: []protocol.TwoFactor{"sms", "totp", "key"}, Setup: "https://x.com/settings", Recovery: "https://help.x.com", Note: "40404"}
	for _, tt := range []struct {
		origin string
		want   protocol.FactsResult
	}{
		{"https://x.com", protocol.FactsResult{Name: "X", Service: x, Accounts: 2}},
		{"https://mobile.twitter.com", protocol.FactsResult{Name: "X", Service: x, Accounts: 2}},
		{"https://login.bank.example", protocol.FactsResult{Name: "Bank", Service: &protocol.Service{Name: "Bank", Methods: []protocol.TwoFactor{"sms", "call"}}}},
		{"https://www.shop.example", protocol.FactsResult{Name: "shop.example", Accounts: 1}},
		{"https://a.b.unheard.co.uk", protocol.FactsResult{Name: "unheard.co.uk"}},
		{"http://localhost:8080", protocol.FactsResult{Name: "localhost"}},
	} {
		tt.want.Reminder = "none"
		got := get[protocol.FactsResult](r, protocol.MethodFacts, protocol.FactsParams{Context: page(tt.origin)})
		if a, b := asJSON(t, got), asJSON(t, tt.want); a != b {
			t.Errorf("%s: %s, want %s", tt.origin, a, b)
		}
	}
	r.fails(protocol.MethodFacts, protocol.FactsParams{Context: page("http://x.com")}, protocol.ErrOrigin)
	r.host.Directory = table{{Name: "Unknown ways", Domains: []string{"x.com"}}}
	if s := r.call(protocol.MethodFacts, protocol.FactsParams{Context: page("https://x.com")}); !strings.Contains(string(s.Result), `"methods":[]`) {
		t.Errorf("no methods are %s", s.Result)
	}
}

func asJSON(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRemind(t *testing.T) {
	r := rescueRig(t)
	for _, step := range []struct {
		origin string
		to     protocol.Reminder
		hosts  string            // that come back
		then   protocol.Reminder // that facts tell
	}{
		{"https://twitter.com", "seen", "", "seen"},
		{"https://x.com", "wanted", "twitter.com x.com", "wanted"},
		{"https://mobile.twitter.com", "seen", "twitter.com x.com", "wanted"}, // no wish is lowered
		{"https://www.shop.example", "wanted", "shop.example twitter.com x.com", "wanted"},
		{"https://login.bank.example", "wanted", "bank.example login.bank.example shop.example twitter.com x.com", "wanted"},
		{"https://bank.example", "dismissed", "shop.example twitter.com x.com", "dismissed"},
		{"https://bank.example", "seen", "shop.example twitter.com x.com", "dismissed"},
		{"https://x.com", "done", "shop.example", "done"},
		{"https://x.com", "seen", "shop.example", "done"},
		{"https://x.com", "wanted", "shop.example twitter.com x.com", "wanted"},
		{"https://shop.example", "none", "twitter.com x.com", "none"},
		{"http://localhost:8080", "wanted", "localhost twitter.com x.com", "wanted"},
	} {
		if got := r.remind(step.origin, step.to); got != step.hosts {
			t.Errorf("%s at %s: hosts %q, want %q", step.to, step.origin, got, step.hosts)
		}
		r.start() // another host
		r.host.Directory = threeServices
		got := get[protocol.FactsResult](r, protocol.MethodFacts, protocol.FactsParams{Context: page(step.origin)}).Reminder
		if got != step.then {
			t.Errorf("%s at %s: then it is %s, want %s", step.to, step.origin, got, step.then)
		}
	}
	for _, bad := range []protocol.Reminder{"", "Wanted", "later"} {
		r.fails(protocol.MethodRemind, protocol.RemindParams{Context: page(example), Reminder: bad}, protocol.ErrBadRequest)
	}
	r.fails(protocol.MethodRemind, protocol.RemindParams{Context: page("null"), Reminder: "wanted"}, protocol.ErrOrigin)
}

// What changes nothing is not saved; and a private window leaves no trace that
// the user did not ask for.
func TestSeenSavesOnceAndNothingInPrivate(t *testing.T) {
	r := rescueRig(t)
	private := page("https://x.com")
	private.Private = true
	for _, step := range []struct {
		c    protocol.Context
		to   protocol.Reminder
		want uint64 // generation
	}{
		{private, "seen", 0}, {page("https://x.com"), "seen", 1}, {page("https://x.com"), "seen", 1}, {page("https://twitter.com"), "seen", 1},
		{private, "wanted", 2}, {page("https://x.com"), "wanted", 2}, {page("https://bank.example"), "none", 2},
	} {
		get[protocol.RemindResult](r, protocol.MethodRemind, protocol.RemindParams{Context: step.c, Reminder: step.to})
		if got := r.openVault().Generation(); got != step.want {
			t.Errorf("%s at %s, private %v: generation %d, want %d", step.to, step.c.Origin, step.c.Private, got, step.want)
		}
	}
}

func TestServices(t *testing.T) {
	r := rescueRig(t,
		totp("Shop", "alice", "https://www.shop.example"), totp("Shop", "bob", "https://shop.example"),
		totp("Nowhere", "alice"), totp("Bank", "alice"), totp("", "carol", "https://pay.bank.example"), totp("<odd>", "", "gopher://from.a.newer.version"))
	r.remind("https://x.com", "wanted")
	r.remind("https://unheard.example", "seen")
	r.remind("https://moved.example", "done")
	r.remind("https://bank.example", "wanted") // which has an account by now
	r.check(r.other.Update(func(tx *vault.Tx) error {
		r.check(tx.Remind(vault.Reminder{Service: "Gone", Domain: "gone.example", State: "wanted"})) // from the directory
		return tx.Remind(vault.Reminder{Domain: "newer.example", State: "snoozed"})                  // by a newer version
	}))
	got := get[protocol.ServicesResult](r, protocol.MethodServices, nil)
	want := []protocol.ServiceState{
		{Name: "gone.example", Host: "gone.example", State: "sms", Reminder: "wanted"},
		{Name: "newer.example", Host: "newer.example", State: "sms", Reminder: "none"},
		{Name: "unheard.example", Host: "unheard.example", State: "sms", Reminder: "seen"},
		{Name: "X", Host: "x.com", State: "app_possible", Setup: "https://x.com/settings", Reminder: "wanted"},
		{Name: "<odd>", State: "done", Reminder: "none", Accounts: 1},
		{Name: "Bank", Host: "login.bank.example", State: "done", Reminder: "wanted", Accounts: 2},
		{Name: "moved.example", Host: "moved.example", State: "done", Reminder: "done"},
		{Name: "Nowhere (alice)", State: "done", Reminder: "none", Accounts: 1},
		{Name: "shop.example", Host: "www.shop.example", State: "done", Reminder: "none", Accounts: 2},
	}
	if !slices.Equal(got.Services, want) {
		t.Errorf("%+v\nwant %+v", got.Services, want)
	}
	if hosts := strings.Join(got.Hosts, " "); hosts != "gone.example twitter.com x.com" {
		t.Errorf("hosts %s", hosts)
	}
	if empty := newRig(t).call(protocol.MethodServices, nil); string(empty.Result) != `{"services":[],"hosts":[]}` {
		t.Errorf("an empty vault: %s", empty.Result)
	}
}

// As many services as there can be, with the longest names, fit into one reply;
// those that still wait for messages come first.
func TestTheLongestListOfServices(t *testing.T) {
	long := strings.Repeat("<", 240)
	var accounts []account.Account
	for i := range 2000 {
		accounts = append(accounts, totp(fmt.Sprint(long, i), long))
	}
	r := newRig(t, accounts...)
	r.check(r.other.Update(func(tx *vault.Tx) error {
		for i := range protocol.MaxServices - 1 {
			r.check(tx.Remind(vault.Reminder{Domain: fmt.Sprint(strings.Repeat("d", 240), ".", i), State: "wanted"}))
		}
		return nil
	}))
	s := r.call(protocol.MethodServices, nil)
	var got protocol.ServicesResult
	r.check(json.Unmarshal(s.Result, &got))
	if n := len(got.Services); n != protocol.MaxServices || got.Services[n-2].State != "sms" || got.Services[n-1].State != "done" {
		t.Errorf("%d services", n)
	}
	if len(s.Result) > protocol.MaxReply || len(got.Hosts) != protocol.MaxServices-1 {
		t.Errorf("a reply of %d bytes with %d hosts", len(s.Result), len(got.Hosts))
	}
	many := make([]string, 5*maxHosts)
	for i := range many {
		many[i] = fmt.Sprint(i, ".example")
	}
	if got := hostsOf([]listed{{protocol.ServiceState{State: "sms", Reminder: "wanted"}, many}}); len(got) != maxHosts {
		t.Errorf("%d hosts of a directory that lists %d", len(got), len(many))
	}
}
