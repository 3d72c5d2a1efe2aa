package host

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"codefob/internal/account"
	"codefob/internal/directory"
	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// keepList gives the host a directory that knows a service more than the built-in one.
func (r *rig) keepList() {
	list := directory.List{Facts: []directory.Fact{{Domain: "bank-of-tests.com", Name: "Bank of Tests", Also: []string{"bot-online.com"}, Methods: []site.Method{"sms", "call"}}}}
	content, err := directory.NewFile(list, r.host.Now()).JSON()
	r.check(err)
	r.check(os.WriteFile(directory.FileName(r.home), content, 0o600))
	r.host.Directory = directory.Open(r.home)
}

func (r *rig) remind(origin string, to protocol.Reminder) string {
	r.Helper()
	return strings.Join(get[protocol.RemindResult](r, protocol.MethodRemind, protocol.RemindParams{Context: page(origin), Reminder: to}).Hosts, " ")
}

func TestFacts(t *testing.T) {
	r := newRig(t, totp("Twitter", "alice"), totp("", "bob", "https://twitter.com"), totp("Shop", "alice", "https://shop.example"))
	r.keepList()
	for _, tt := range []struct{ origin, want string }{ // name, methods, pages, accounts
		{"https://x.com", "X [sms totp key] help.x.com help.x.com 2 none"},
		{"https://mobile.twitter.com", "X [sms totp key] help.x.com help.x.com 2 none"},
		{"https://www.canva.com", "Canva [sms] www.canva.com  0 none"},
		{"https://login.bot-online.com", "Bank of Tests [sms call]   0 none"},
		{"https://login.aol.com", "AOL []   0 none"}, // methods that nobody knows
		{"https://www.shop.example", "shop.example: 1 none"},
		{"https://a.b.unheard.co.uk", "unheard.co.uk: 0 none"},
		{"http://localhost:8080", "localhost: 0 none"},
	} {
		got := get[protocol.FactsResult](r, protocol.MethodFacts, protocol.FactsParams{Context: page(tt.origin)})
		text := got.Name + ":"
		if s := got.Service; s != nil {
			text = fmt.Sprint(s.Name, " ", s.Methods, " ", hostOf(t, s.Setup), " ", hostOf(t, s.Recovery))
			if s.Name != got.Name || s.Methods == nil {
				t.Errorf("%s: %+v of %q", tt.origin, *s, got.Name)
			}
		}
		if text += fmt.Sprint(" ", got.Accounts, " ", got.Reminder); text != tt.want {
			t.Errorf("%s: %s, want %s", tt.origin, text, tt.want)
		}
	}
	// What the article about codes that do not arrive is about.
	x := get[protocol.FactsResult](r, protocol.MethodFacts, protocol.FactsParams{Context: page("https://x.com")})
	if !strings.Contains(x.Service.Note, "40404") {
		t.Errorf("X: %q", x.Service.Note)
	}
	r.fails(protocol.MethodFacts, protocol.FactsParams{Context: page("http://x.com")}, protocol.ErrOrigin)
}

func TestFactsNeedNoVault(t *testing.T) {
	r := newRig(t, totp("GitHub", "alice"))
	ask := func(name string, accounts int) {
		t.Helper()
		got := get[protocol.FactsResult](r, protocol.MethodFacts, protocol.FactsParams{Context: page("https://github.com")})
		if got.Service == nil || got.Service.Name != "GitHub" || got.Accounts != accounts || got.Reminder != "none" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	ask("open", 1)
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	ask("locked", 0)
	r.fails(protocol.MethodRemind, protocol.RemindParams{Context: page("https://github.com"), Reminder: "wanted"}, protocol.ErrVaultLocked)
	r.fails(protocol.MethodServices, nil, protocol.ErrVaultLocked)
	r.fails(protocol.MethodMarks, protocol.MarksParams{Context: page(example)}, protocol.ErrVaultLocked)
	r.check(os.RemoveAll(filepath.Join(r.home, "vault")))
	ask("missing", 0)
	r.fails(protocol.MethodRemind, protocol.RemindParams{Context: page("https://github.com"), Reminder: "wanted"}, protocol.ErrVaultMissing)
}

func hostOf(t *testing.T, page string) string {
	u, err := url.Parse(page)
	if err != nil || page != "" && u.Scheme != "https" {
		t.Errorf("page %q: %v", page, err)
	}
	return u.Host
}

func TestTheWireHasTheMethodsOfTheDirectory(t *testing.T) {
	if got, want := fmt.Sprint(protocol.TwoFactors), fmt.Sprint(site.Methods); got != want {
		t.Errorf("the wire has %s, the directory %s", got, want)
	}
}

func TestRemind(t *testing.T) {
	const x = "mobile.twitter.com mobile.x.com twitter.com x.com" // login hosts and domains
	r := newRig(t)
	r.keepList()
	for _, step := range []struct {
		origin string
		to     protocol.Reminder
		hosts  string            // that come back
		then   protocol.Reminder // that facts tell
	}{
		{"https://twitter.com", "seen", "", "seen"},
		{"https://x.com", "wanted", x, "wanted"},
		{"https://mobile.twitter.com", "seen", x, "wanted"}, // no wish is lowered
		{"https://www.shop.example", "wanted", "shop.example " + x, "wanted"},
		{"https://login.bot-online.com", "wanted", "bank-of-tests.com bot-online.com shop.example " + x, "wanted"},
		{"https://bank-of-tests.com", "dismissed", "shop.example " + x, "dismissed"},
		{"https://bank-of-tests.com", "seen", "shop.example " + x, "dismissed"},
		{"https://x.com", "done", "shop.example", "done"},
		{"https://x.com", "seen", "shop.example", "done"},
		{"https://x.com", "wanted", "shop.example " + x, "wanted"},
		{"https://shop.example", "none", x, "none"},
		{"http://localhost:8080", "wanted", "localhost " + x, "wanted"},
	} {
		hosts := strings.Fields(step.hosts)
		slices.Sort(hosts)
		if got := r.remind(step.origin, step.to); got != strings.Join(hosts, " ") {
			t.Errorf("%s at %s: hosts %q, want %q", step.to, step.origin, got, hosts)
		}
		r.start() // another host
		r.keepList()
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
	r := newRig(t)
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
	r := newRig(t,
		totp("Shop", "alice", "https://www.shop.example"), totp("Shop", "bob", "https://shop.example"),
		totp("Nowhere", "alice"), totp("GitHub", "alice"), totp("", "carol", "https://gist.github.com"), totp("<odd>", "", "gopher://from.a.newer.version"))
	r.remind("https://x.com", "wanted")
	r.remind("https://unheard.example", "seen")
	r.remind("https://moved.example", "done")
	r.remind("https://github.com", "wanted") // which has an account by now
	r.check(r.other.Update(func(tx *vault.Tx) error {
		r.check(tx.Remind(vault.Reminder{Service: "Gone", Domain: "gone.example", State: "wanted"})) // from the directory
		return tx.Remind(vault.Reminder{Domain: "newer.example", State: "snoozed"})                  // by a newer version
	}))
	got := get[protocol.ServicesResult](r, protocol.MethodServices, nil)
	x, _ := r.host.Directory.At("x.com")
	github, _ := r.host.Directory.At("github.com")
	want := []protocol.ServiceState{
		{Name: "gone.example", Host: "gone.example", State: "sms", Reminder: "wanted"},
		{Name: "newer.example", Host: "newer.example", State: "sms", Reminder: "none"},
		{Name: "unheard.example", Host: "unheard.example", State: "sms", Reminder: "seen"},
		{Name: "X", Host: "x.com", State: "app_possible", Setup: x.Setup, Reminder: "wanted"},
		{Name: "<odd>", State: "done", Reminder: "none", Accounts: 1},
		{Name: "GitHub", Host: "github.com", State: "done", Setup: github.Setup, Reminder: "wanted", Accounts: 2},
		{Name: "moved.example", Host: "moved.example", State: "done", Reminder: "done"},
		{Name: "Nowhere (alice)", State: "done", Reminder: "none", Accounts: 1},
		{Name: "shop.example", Host: "www.shop.example", State: "done", Reminder: "none", Accounts: 2},
	}
	if !slices.Equal(got.Services, want) {
		t.Errorf("%+v\nwant %+v", got.Services, want)
	}
	if hosts := strings.Join(got.Hosts, " "); hosts != "gone.example mobile.twitter.com mobile.x.com twitter.com x.com" {
		t.Errorf("hosts %s", hosts)
	}
	if empty := newRig(t).call(protocol.MethodServices, nil); string(empty.Result) != `{"services":[],"hosts":[],"taught":[]}` {
		t.Errorf("an empty vault: %s", empty.Result)
	}
}

// What service.facts counts as an account of the service is what services.list
// and the hosts of the reminders go by; the wish itself stays as it was kept.
func TestAWishIsDoneWithAnAccount(t *testing.T) {
	r := newRig(t, totp("Company", "alice", "https://a.example", "https://login.b.example"), totp("Unheard", "alice"), totp("GitHub", "alice"))
	for _, origin := range []string{"https://a.example", "https://b.example", "https://unheard.com", "https://github.com"} {
		if hosts := r.remind(origin, "wanted"); hosts != "" {
			t.Errorf("%s: a reminder shows at %s", origin, hosts)
		}
		got := get[protocol.FactsResult](r, protocol.MethodFacts, protocol.FactsParams{Context: page(origin)})
		if got.Accounts != 1 || got.Reminder != "wanted" {
			t.Errorf("%s: %+v", origin, got)
		}
	}
	for _, s := range get[protocol.ServicesResult](r, protocol.MethodServices, nil).Services {
		if s.State != "done" || s.Accounts != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// An account that only goes by the name of a service of the list is none of it,
// as service.facts has it.
func TestNoAccountOfAServiceByTheListsName(t *testing.T) {
	r := newRig(t, totp("Bank of Tests", ""))
	r.keepList()
	hosts := r.remind("https://bank-of-tests.com", "wanted")
	if hosts != "bank-of-tests.com bot-online.com" {
		t.Errorf("hosts %q", hosts)
	}
	for _, s := range get[protocol.ServicesResult](r, protocol.MethodServices, nil).Services {
		if s.Accounts > 0 != (s.Host == "") {
			t.Errorf("%+v", s)
		}
	}
}

// The extension asks for them after an update, to run at those sites again.
func TestServicesListTheSitesWhereAFieldTakesCodes(t *testing.T) {
	r := newRig(t)
	r.teach("https://shop.example", "otp", "totp")
	r.teach("https://shop.example", "card", "never")
	r.teach("http://localhost:8080", "otp", "totp")
	r.teach("https://never.example", "card", "never")
	r.teach("https://forgot.example", "otp", "totp")
	r.teach("https://forgot.example", "otp", "forget")
	r.check(r.other.Update(func(tx *vault.Tx) error { return tx.Mark("gopher://from.a.newer.version", "otp", "totp") }))
	ask := func() []string { return get[protocol.ServicesResult](r, protocol.MethodServices, nil).Taught }
	if got := strings.Join(ask(), " "); got != "http://localhost:8080 https://shop.example" {
		t.Errorf("taught: %s", got)
	}
	r.teach("https://shop.example", "otp", "forget")
	if got := strings.Join(ask(), " "); got != "http://localhost:8080" {
		t.Errorf("then: %s", got)
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
	taught := protocol.MaxTaught * len(`"https://`+strings.Repeat("o", 253)+`:65535",`) // to keep so many takes long
	if n := len(s.Result) + taught; n > protocol.MaxReply || len(got.Hosts) != protocol.MaxServices-1 {
		t.Errorf("a reply of %d bytes with %d hosts", n, len(got.Hosts))
	}
	many := make([]string, 5*maxHosts)
	for i := range many {
		many[i] = fmt.Sprint(i, ".example")
	}
	if got := hostsOf([]listed{{protocol.ServiceState{State: "sms", Reminder: "wanted"}, many}}); len(got) != maxHosts {
		t.Errorf("%d hosts of a directory that lists %d", len(got), len(many))
	}
}
