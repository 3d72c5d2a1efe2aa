package host

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"codefob/internal/account"
	"codefob/internal/protocol"
)

func (r *rig) list(p protocol.ListParams) protocol.ListResult {
	r.Helper()
	return get[protocol.ListResult](r, protocol.MethodList, p)
}

func TestAllAccountsPageByPage(t *testing.T) {
	r := newRig(t, totp("zeta", "a"), totp("Alpha", "b", example, "gopher://newer", "https://a.example in https://b.example"), totp("beta", "c"), account.New(account.MOTP, "Delta", "", rfcSecret))
	for _, tt := range []struct {
		p    protocol.ListParams
		want string // issuers and the total
	}{
		{protocol.ListParams{Limit: 50}, "Alpha beta Delta zeta 4"},
		{protocol.ListParams{Limit: 2}, "Alpha beta 4"},
		{protocol.ListParams{Offset: 2, Limit: 1}, "Delta 4"},
		{protocol.ListParams{Offset: 3, Limit: 50}, "zeta 4"},
		{protocol.ListParams{Offset: 4, Limit: 50}, "4"},
		{protocol.ListParams{Offset: 1 << 40, Limit: 50}, "4"},
		{protocol.ListParams{Query: "ETA", Limit: 50}, "beta zeta 2"},
		{protocol.ListParams{Query: "eta", Offset: 1, Limit: 50}, "zeta 2"},
	} {
		got := r.list(tt.p)
		said := ""
		for _, d := range got.Accounts {
			said += d.Account.Issuer + " "
		}
		if said += fmt.Sprint(got.Total); said != tt.want {
			t.Errorf("%+v: %s, want %s", tt.p, said, tt.want)
		}
	}
	d := r.list(protocol.ListParams{Query: "Alpha", Limit: 1}).Accounts[0]
	if d.Algorithm != "SHA1" || !slices.Equal(d.Sites, []string{example, "https://a.example in https://b.example"}) || d.Account.Handle != r.handle("alpha") {
		t.Errorf("%+v", d)
	}
	for _, bad := range []protocol.ListParams{{}, {Limit: 51}, {Limit: -1}, {Limit: 1, Offset: -1}, {Limit: 1, Query: strings.Repeat("q", 257)}} {
		r.fails(protocol.MethodList, bad, protocol.ErrBadRequest)
	}
}

// The longest labels and sites, each as many as there may be: attack N6.
func TestTenThousandAccountsOfManySitesInParts(t *testing.T) {
	long := strings.Repeat("<", account.MaxTextBytes)
	host := "https://" + strings.Repeat(strings.Repeat("a", 62)+".", 3) + strings.Repeat("a", 50)
	var sites []string
	for i := range maxSites + 20 {
		sites = append(sites, fmt.Sprintf("%s.x%03d:65535 in %s.y%03d:65535", host, i, host, i))
	}
	accounts := slices.Repeat([]account.Account{totp(long, long)}, 10_000)
	for i := range 60 {
		accounts[i].Sites = sites
	}
	r := newRig(t, accounts...)
	seen := map[string]bool{}
	for offset := 0; offset < 200; {
		s := r.call(protocol.MethodList, protocol.ListParams{Offset: offset, Limit: protocol.MaxAccounts})
		var got protocol.ListResult
		r.check(json.Unmarshal(s.Result, &got))
		if got.Total != 10_000 || len(got.Accounts) == 0 || len(s.Result) > protocol.MaxReply-100 {
			t.Fatalf("from %d: %d of %d in %d bytes", offset, len(got.Accounts), got.Total, len(s.Result))
		}
		for _, d := range got.Accounts {
			seen[d.Account.Handle] = true
		}
		offset += len(got.Accounts)
	}
	if len(seen) < 200 {
		t.Errorf("%d accounts were seen", len(seen))
	}
	// The sites beyond those that are shown are kept.
	d := r.list(protocol.ListParams{Limit: 1}).Accounts[0]
	if len(d.Sites) != maxSites {
		t.Fatalf("%d sites", len(d.Sites))
	}
	p := protocol.EditParams{Handle: d.Account.Handle, Issuer: "x", Sites: d.Sites[:1]}
	get[protocol.Detail](r, protocol.MethodEdit, p)
	v := r.openVault()
	i := slices.IndexFunc(v.Accounts(), func(a account.Account) bool { return a.Issuer == "x" })
	if got := v.Accounts()[i].Sites; len(got) != 21 {
		t.Errorf("then %d sites", len(got))
	}
}

func TestEdit(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example, "gopher://newer"), totp("Other", "bob"))
	handle := r.handle("alice")
	here := page("https://shop.example:8443")
	r.match(here)
	got := get[protocol.Detail](r, protocol.MethodEdit, protocol.EditParams{Handle: handle, Issuer: " Shop", Account: "carol ",
		Sites:  []string{"Shop.example:8443/login", "https://shop.example:8443", "https://f.example in https://t.example", "bücher.example"},
		Append: true, Submit: true, Ask: true})
	want := protocol.Detail{Algorithm: "SHA1",
		Account: protocol.Account{Handle: handle, Issuer: "Shop", Account: "carol", Strength: "none", Type: "totp", Digits: 8, Period: 30, Site: "shop.example:8443", Append: true, Submit: true, Ask: true},
		Sites:   []string{"https://shop.example:8443", "https://f.example in https://t.example", "https://xn--bcher-kva.example"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	a := r.openVault().Accounts()[0]
	if !slices.Equal(a.Sites, append(want.Sites, "gopher://newer")) || a.Issuer != "Shop" || !a.Append || !a.Submit || !a.Ask {
		t.Errorf("on disk %+v", a)
	}
	if found := r.match(here); len(found) != 1 || found[0].Strength != "bound" || !found[0].Submit || !found[0].Ask {
		t.Errorf("match: %+v", found)
	}
	if got := get[protocol.Detail](r, protocol.MethodEdit, protocol.EditParams{Handle: r.handle("bob"), Sites: []string{}}); got.Account.Issuer+got.Account.Account != "" || got.Sites == nil {
		t.Errorf("with nothing in it: %+v", got)
	}
}

func TestAnEditIsWholeOrNone(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	fine := protocol.EditParams{Handle: handle, Issuer: "New", Account: "new", Sites: []string{"new.example"}, Submit: true}
	for _, tt := range []struct {
		change func(*protocol.EditParams)
		want   protocol.ErrorCode
		says   string
	}{
		{func(p *protocol.EditParams) { p.Issuer = strings.Repeat("x", 257) }, protocol.ErrNotValid, "issuer of 257 bytes"},
		{func(p *protocol.EditParams) { p.Account = "a\x00b" }, protocol.ErrNotValid, "name holds a control character"},
		{func(p *protocol.EditParams) { p.Sites = []string{"new.example", "co.uk"} }, protocol.ErrNotValid, `site "co.uk"`},
		{func(p *protocol.EditParams) { p.Sites = []string{""} }, protocol.ErrNotValid, `site ""`},
		{func(p *protocol.EditParams) { p.Sites = []string{"http://example.org"} }, protocol.ErrNotValid, "use https"},
		{func(p *protocol.EditParams) { p.Sites = []string{"file:///etc/passwd"} }, protocol.ErrNotValid, "scheme"},
		{func(p *protocol.EditParams) { p.Sites = []string{"https://co.uk in https://t.example"} }, protocol.ErrNotValid, "co.uk"},
		{func(p *protocol.EditParams) { p.Sites = make([]string, maxSites+1) }, protocol.ErrNotValid, "101 sites"},
		{func(p *protocol.EditParams) { p.Handle = "" }, protocol.ErrHandle, ""},
	} {
		p := fine
		tt.change(&p)
		if s := r.call(protocol.MethodEdit, p); s.code() != tt.want || !strings.Contains(s.Error.Message, tt.says) || s.Error.Hint == "" {
			t.Errorf("%+v: %+v", p, s.Error)
		}
		if a := r.openVault().Accounts()[0]; a.Label() != "Example (alice)" || !slices.Equal(a.Sites, []string{example}) || a.Submit {
			t.Errorf("%+v left %+v", p, a)
		}
	}
	get[protocol.Detail](r, protocol.MethodEdit, fine)
}

func TestRemoveAndRestore(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	for range 2 {
		if got := get[protocol.HandleResult](r, protocol.MethodRemove, protocol.HandleParams{Handle: handle}); got.Handle != handle {
			t.Errorf("removed: %+v", got)
		}
		if got := r.match(page(example)); len(got) != 0 {
			t.Errorf("it still matches: %+v", got)
		}
		r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrHandle)
		r.fails(protocol.MethodRemove, protocol.HandleParams{Handle: handle}, protocol.ErrHandle)
		if got := get[protocol.Detail](r, protocol.MethodRestore, protocol.HandleParams{Handle: handle}); got.Account.Handle != handle || !slices.Equal(got.Sites, []string{example}) {
			t.Errorf("restored: %+v", got)
		}
		get[protocol.Detail](r, protocol.MethodRestore, protocol.HandleParams{Handle: handle}) // it is there
		get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, page(example)))
	}
	get[protocol.HandleResult](r, protocol.MethodRemove, protocol.HandleParams{Handle: handle})
	for _, h := range []string{"", "x", r.other.Accounts()[0].ID} {
		r.fails(protocol.MethodRestore, protocol.HandleParams{Handle: h}, protocol.ErrHandle)
		r.fails(protocol.MethodRemove, protocol.HandleParams{Handle: h}, protocol.ErrHandle)
	}
	// Enrolled anew meanwhile: not a second time.
	ticket := read(r, rfcURI).Offers[0].Ticket
	get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket, Issuer: "Anew"})
	if s := r.call(protocol.MethodRestore, protocol.HandleParams{Handle: handle}); s.code() != protocol.ErrExists || !strings.Contains(s.Error.Message, "Anew") {
		t.Errorf("restored beside itself: %+v", s.Error)
	}
	if got := len(r.openVault().Accounts()); got != 1 {
		t.Errorf("%d accounts", got)
	}
}

func TestRecoveryCodesAreSaved(t *testing.T) {
	r := newRig(t, withRecovery(2))
	handle := r.handle("alice")
	save := func(codes ...string) said {
		return r.call(protocol.MethodSave, protocol.SaveParams{Handle: handle, Codes: codes})
	}
	var got protocol.SaveResult
	r.check(json.Unmarshal(save("1. abcd-1111", "  efgh 2222 ", "code-1", "abcd-1111").Result, &got))
	if want := (protocol.SaveResult{Added: 2, Already: 2, Left: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, tt := range []struct {
		codes []string
		want  protocol.ErrorCode
		says  string
	}{
		{[]string{"good-1234", "abc"}, protocol.ErrNotValid, "Recovery code 2 cannot be kept: 3 characters"},
		{[]string{""}, protocol.ErrNotValid, "Recovery code 1 cannot be kept: 0 characters"},
		{[]string{"good-1234", "abcd\nefgh"}, protocol.ErrNotValid, "English keyboard"},
		{[]string{"two  words-1234"}, protocol.ErrNotValid, "several codes"},
		{[]string{strings.Repeat("x", 65)}, protocol.ErrNotValid, "65 characters"},
		{[]string{"canary-é"}, protocol.ErrNotValid, ""},
		{[]string{}, protocol.ErrBadRequest, ""},
		{slices.Repeat([]string{"abcd"}, protocol.MaxRecovery+1), protocol.ErrBadRequest, ""},
	} {
		s := save(tt.codes...)
		if s.code() != tt.want || !strings.Contains(s.Error.Message, tt.says) || s.Error.Hint == "" || strings.Contains(s.Error.Message, "canary") {
			t.Errorf("%q: %+v, want %s", tt.codes, s.Error, tt.want)
		}
	}
	var many []string
	for i := range account.MaxRecoveryCodes - 3 {
		many = append(many, fmt.Sprint("many-", i))
	}
	if s := save(many...); s.code() != protocol.ErrNotValid || !strings.Contains(s.Error.Message, "100") {
		t.Errorf("one too many: %+v", s.Error)
	}
	r.fails(protocol.MethodSave, protocol.SaveParams{Handle: "x", Codes: []string{"abcd-1234"}}, protocol.ErrHandle)
	if left := r.openVault().Accounts()[0].RecoveryLeft(); left != 4 {
		t.Errorf("%d are left", left)
	}
	if s := save(many[1:]...); s.Error != nil {
		t.Errorf("as many as fit: %+v", s.Error)
	}
	if r.logged("abcd") || r.logged("many-") {
		t.Errorf("the log holds a code: %q", r.log)
	}
}

func TestAChangeThatCannotBeSaved(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	ticket := read(r, carolURI).Offers[0].Ticket
	lock := filepath.Join(r.home, "vault", "lock") // what has to be a file is a folder
	r.check(os.RemoveAll(lock))
	r.check(os.Mkdir(lock, 0o700))
	r.fails(protocol.MethodEdit, protocol.EditParams{Handle: handle, Sites: []string{}}, protocol.ErrVaultStorage)
	r.fails(protocol.MethodRemove, protocol.HandleParams{Handle: handle}, protocol.ErrVaultStorage)
	r.fails(protocol.MethodSave, protocol.SaveParams{Handle: handle, Codes: []string{"abcd-1234"}}, protocol.ErrVaultStorage)
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket}, protocol.ErrVaultStorage)
	r.check(os.Remove(lock))
	get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket}) // still good
	if a := r.openVault().Accounts()[0]; a.Label() != "Example (alice)" || a.RecoveryLeft() != 0 {
		t.Errorf("left is %+v", a)
	}
}
