package host

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

func TestMatch(t *testing.T) {
	r := newRig(t,
		totp("GitHub", "alice", "https://github.com"),
		totp("GitHub", "unbound"),
		totp("Example", "alice", example),
		totp("Example", "related", "https://www.example.com"),
		totp("Unreadable", "", "gopher://from.a.newer.version"),
	)
	for _, tt := range []struct {
		context protocol.Context
		want    string // names and strengths, or the error
	}{
		{page("https://github.com"), "alice bound, unbound known"},
		{page(example), "alice bound, related related"},
		{page(example, example), "alice bound, related related"},
		{page(example, "https://www.example.com", example), "alice bound, related related"},
		{page(example, "https://evil.example"), "frame_refused"},
		{page("https://evil.example"), ""},
		{page("https://example.com:8443"), "alice related, related related"},
		{page("http://localhost:8080"), ""},
		{page("http://example.com"), "origin_refused"},
		{page("null"), "origin_refused"},
		{page(""), "origin_refused"},
		{page("file://"), "origin_refused"},
		{page("https://com"), ""},
		{page("https://EXAMPLE.com"), "origin_refused"},
		{page("https://example.com/"), "origin_refused"},
		{page(example, "null"), "origin_refused"},
		{protocol.Context{Origin: example}, "bad_request"}, // no document
		{protocol.Context{Origin: example, Document: strings.Repeat("d", 65)}, "bad_request"},
		{protocol.Context{Origin: example, Document: "d", Ancestors: slices.Repeat([]string{example}, 33)}, "bad_request"},
	} {
		got := ""
		s := r.call(protocol.MethodMatch, protocol.MatchParams{Context: tt.context})
		if s.Error != nil {
			got = string(s.Error.Code)
		} else {
			var found protocol.MatchResult
			r.check(json.Unmarshal(s.Result, &found))
			var list []string
			for _, a := range found.Accounts {
				list = append(list, a.Account+" "+string(a.Strength))
			}
			got = strings.Join(list, ", ")
		}
		if got != tt.want {
			t.Errorf("match in %q %q: %q, want %q", tt.context.Origin, tt.context.Ancestors, got, tt.want)
		}
	}
}

func TestTheLastUsedOfEqualsComesFirst(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example), totp("Example", "bob", example), totp("Example", "carol", example))
	for _, name := range []string{"carol", "bob"} {
		get[protocol.ReleaseResult](r, protocol.MethodCode, fill(r.handle(name), page(example)))
		if got := r.match(page(example)); got[0].Account != name {
			t.Errorf("after %s was used %s comes first", name, got[0].Account)
		}
	}
}

func TestWhatTheExtensionLearnsOfAnAccount(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example), account.New(account.HOTP, "Counter", "", rfcSecret), account.New(account.Steam, "Steam", "gabe", rfcSecret))
	for _, want := range []protocol.Account{
		{Issuer: "Example", Account: "alice", Strength: "none", Type: "totp", Digits: 8, Period: 30, Site: "example.com"},
		{Issuer: "Counter", Strength: "none", Type: "hotp", Digits: 6},
		{Issuer: "Steam", Account: "gabe", Strength: "none", Type: "steam", Digits: 5, Period: 30},
	} {
		got := get[protocol.SearchResult](r, protocol.MethodSearch, protocol.SearchParams{Query: want.Issuer, Limit: 1}).Accounts
		if len(got) == 1 {
			want.Handle = got[0].Handle
		}
		if len(got) != 1 || got[0] != want || len(want.Handle) < 20 {
			t.Errorf("%s: %+v, want %+v", want.Issuer, got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	r := newRig(t, totp("Zeta", "alice", example), totp("Alpha", "bob"), totp("Beta", "alice"))
	here := page(example)
	sandboxed := page("null")
	for _, tt := range []struct {
		p    protocol.SearchParams
		want string // issuers and the total, or the error
	}{
		{protocol.SearchParams{Limit: 50}, "Alpha Beta Zeta 3"},
		{protocol.SearchParams{Limit: 2}, "Alpha Beta 3"},
		{protocol.SearchParams{Query: "ALICE", Limit: 50}, "Beta Zeta 2"},
		{protocol.SearchParams{Query: "nobody", Limit: 50}, "0"},
		{protocol.SearchParams{Limit: 50, Context: &here}, "Zeta Alpha Beta 3"}, // what serves the page comes first
		{protocol.SearchParams{Limit: 50, Context: &sandboxed}, "Alpha Beta Zeta 3"},
		{protocol.SearchParams{Query: strings.Repeat("q", 257), Limit: 1}, "bad_request"},
		{protocol.SearchParams{Limit: 0}, "bad_request"},
		{protocol.SearchParams{Limit: -1}, "bad_request"},
		{protocol.SearchParams{Limit: protocol.MaxAccounts + 1}, "bad_request"},
	} {
		s := r.call(protocol.MethodSearch, tt.p)
		got := ""
		if s.Error != nil {
			got = string(s.Error.Code)
		} else {
			var found protocol.SearchResult
			r.check(json.Unmarshal(s.Result, &found))
			for _, a := range found.Accounts {
				got += a.Issuer + " "
			}
			got += fmt.Sprint(found.Total)
		}
		if got != tt.want {
			t.Errorf("search %+v: %q, want %q", tt.p, got, tt.want)
		}
	}
}

// The longest labels, characters that JSON writes as six bytes, and every
// account on the same site: attack N6.
func TestTenThousandAccountsOnOneSite(t *testing.T) {
	long := strings.Repeat("<", account.MaxTextBytes)
	accounts := slices.Repeat([]account.Account{totp(long, long, example)}, 10_000)
	r := newRig(t, accounts...)
	for m, params := range map[protocol.Method]any{
		protocol.MethodMatch:  protocol.MatchParams{Context: page(example)},
		protocol.MethodSearch: protocol.SearchParams{Limit: protocol.MaxAccounts},
	} {
		s := r.call(m, params)
		if s.Error != nil || len(s.Result) > protocol.MaxReply {
			t.Errorf("%s: %s, %d bytes", m, s.code(), len(s.Result))
		}
		if got := strings.Count(string(s.Result), `"handle"`); got != protocol.MaxAccounts {
			t.Errorf("%s lists %d accounts, want %d", m, got, protocol.MaxAccounts)
		}
	}
}

func TestFillNeedsAHostThatTheAccountIsBoundTo(t *testing.T) {
	r := newRig(t, totp("GitHub", "alice", example))
	handle := r.handle("alice")
	for _, tt := range []struct {
		name string
		c    protocol.Context
		want protocol.ErrorCode
	}{
		{"its own host", page(example), "no error"},
		{"a frame of the same site", page(example, "https://www.example.com"), "no error"},
		{"another host", page("https://evil.example"), protocol.ErrNotAllowed},
		{"a sibling host", page("https://www.example.com"), protocol.ErrNotAllowed},
		{"another port", page("https://example.com:8443"), protocol.ErrNotAllowed},
		{"its issuer's host", page("https://github.com"), protocol.ErrNotAllowed},
		{"its host over http", page("http://example.com"), protocol.ErrOrigin},
		{"its host in a frame of another site", page(example, "https://evil.example"), protocol.ErrFrame},
		{"deeper", page(example, example, "https://evil.example"), protocol.ErrFrame},
		{"another site's frame on its host", page("https://evil.example", example), protocol.ErrFrame},
		{"a sandboxed frame", page("null", example), protocol.ErrOrigin},
		{"in a sandboxed frame", page(example, "null"), protocol.ErrOrigin},
		{"http, not this computer", page("http://192.168.0.1"), protocol.ErrOrigin},
		{"no document", protocol.Context{Origin: example}, protocol.ErrBadRequest},
	} {
		if got := r.call(protocol.MethodCode, fill(handle, tt.c)).code(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAMatchForOneHostIsNoneForAnother(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.match(page(example))[0].Handle
	r.fails(protocol.MethodCode, fill(handle, page("https://evil.example")), protocol.ErrNotAllowed)
	r.fails(protocol.MethodCode, fill(handle, page(example, "https://evil.example")), protocol.ErrFrame)
}

// H12: without a match of this session in this very document there is no code for it,
// be it of a host that the account is bound to.
func TestAHandleIsOfTheDocumentsThatItWasGivenFor(t *testing.T) {
	const second = "https://second.example"
	enrolling := func(r *rig, c protocol.Context) protocol.Account {
		offers := get[protocol.OffersResult](r, protocol.MethodURI, protocol.URIParams{Text: carol().URI()}).Offers
		return get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: offers[0].Ticket, Issuer: "a", Account: "b", Context: &c}).Account
	}
	for _, tt := range []struct {
		name  string
		named func(*rig, protocol.Context) string // its handle
	}{
		{"matched", func(r *rig, c protocol.Context) string { return r.match(c)[0].Handle }},
		{"found for it", func(r *rig, c protocol.Context) string {
			return get[protocol.SearchResult](r, protocol.MethodSearch, protocol.SearchParams{Query: "alice", Limit: 1, Context: &c}).Accounts[0].Handle
		}},
		{"allowed", func(r *rig, c protocol.Context) string {
			handle := r.handle("alice")
			get[protocol.AllowResult](r, protocol.MethodAllow, protocol.AllowParams{Handle: handle, Context: c})
			return handle
		}},
		{"enrolled", func(r *rig, c protocol.Context) string { return enrolling(r, c).Handle }},
	} {
		a := withRecovery(3)
		a.Sites = append(a.Sites, second)
		r := newRig(t, a)
		r.outOfOrder = true
		here, there, other := page(example), page(second), page(example)
		handle := r.handle("alice")
		r.fails(protocol.MethodCode, fill(handle, here), protocol.ErrHandle)
		r.fails(protocol.MethodRecovery, nextOf(handle, here), protocol.ErrHandle)
		handle = tt.named(r, here)
		if got := r.call(protocol.MethodCode, fill(handle, there)).code(); got != protocol.ErrHandle && got != protocol.ErrNotAllowed {
			t.Errorf("%s, and released for another host: %s", tt.name, got)
		}
		r.fails(protocol.MethodCode, fill(handle, other), protocol.ErrHandle)
		r.fails(protocol.MethodRecovery, nextOf(handle, other), protocol.ErrHandle)
		get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, here))
		r.start() // another host
		r.fails(protocol.MethodCode, fill(handle, here), protocol.ErrHandle)
		r.fails(protocol.MethodCode, fill(r.handle("alice"), here), protocol.ErrHandle)
	}
}

func TestAHandleIsOfOneSession(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	id := r.other.Accounts()[0].ID
	handle := r.handle("alice")
	if handle == id {
		t.Error("the handle is the account's id")
	}
	for _, h := range []string{"", "x", id, handle + "x", strings.Repeat("h", 1000)} {
		r.fails(protocol.MethodCode, fill(h, page(example)), protocol.ErrHandle)
		r.fails(protocol.MethodAllow, protocol.AllowParams{Handle: h, Context: page(example)}, protocol.ErrHandle)
	}
	r.start() // another host
	r.fails(protocol.MethodCode, fill(handle, page(example)), protocol.ErrHandle)
	if again := r.handle("alice"); again == handle {
		t.Error("two hosts use the same handle")
	}
}

func TestAllow(t *testing.T) {
	const top, frame = "https://shop.example", "https://login.example.net"
	for _, tt := range []struct {
		name string
		at   protocol.Context
		want string // on disk
	}{
		{"a related host", page("https://www.example.com"), "https://www.example.com"},
		{"a host with a port", page("https://example.com:8443"), "https://example.com:8443"},
		{"this computer", page("http://localhost:8080"), "http://localhost:8080"},
		{"an unrelated host, found by searching", page("https://example.org"), "https://example.org"},
		{"a frame of another site: the pair", page(frame, top), frame + " in " + top},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, totp("Example", "alice", example))
			handle := r.handle("alice")
			if got := r.call(protocol.MethodCode, fill(handle, tt.at)).code(); got != protocol.ErrNotAllowed && got != protocol.ErrFrame {
				t.Fatalf("before: %s", got)
			}
			for range 2 {
				get[protocol.AllowResult](r, protocol.MethodAllow, protocol.AllowParams{Handle: handle, Context: tt.at})
			}
			get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, tt.at))
			if got := r.openVault().Accounts()[0].Sites; !slices.Equal(got, []string{example, tt.want}) {
				t.Errorf("on disk: %q, want %q", got, tt.want)
			}
			if got := r.match(tt.at); len(got) != 1 || got[0].Strength != protocol.StrengthBound {
				t.Errorf("match: %+v", got)
			}
		})
	}
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	for _, c := range []protocol.Context{page("null"), page("http://example.com"), page("https://co.uk"), page(example, "null")} {
		r.fails(protocol.MethodAllow, protocol.AllowParams{Handle: handle, Context: c}, protocol.ErrOrigin)
	}
}

// RFC 6238, appendix B, for SHA-1 and 8 digits.
func TestACodeAndWhenItIsGood(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	r.clock = time.Unix(59, 0)
	handle := r.handle("alice")
	const first, second = "94287082", "37359152" // of 30 to 60 s and, by the reference algorithm, of 60 to 90 s
	for _, tt := range []struct {
		now     float64
		purpose protocol.Purpose
		want    protocol.ReleaseResult
	}{
		{30, protocol.PurposeFill, protocol.ReleaseResult{Code: first, ValidFrom: 30_000, ExpiresAt: 60_000}},
		{57, protocol.PurposeFill, protocol.ReleaseResult{Code: first, ValidFrom: 30_000, ExpiresAt: 60_000}},
		{57.001, protocol.PurposeFill, protocol.ReleaseResult{Code: second, ValidFrom: 60_000, ExpiresAt: 90_000}},
		{59.999, protocol.PurposeFill, protocol.ReleaseResult{Code: second, ValidFrom: 60_000, ExpiresAt: 90_000}},
		{59, protocol.PurposeShow, protocol.ReleaseResult{Code: first, ValidFrom: 30_000, ExpiresAt: 60_000}},
		{59, protocol.PurposeCopy, protocol.ReleaseResult{Code: first, ValidFrom: 30_000, ExpiresAt: 60_000}},
	} {
		r.clock = time.UnixMilli(int64(tt.now * 1000))
		p := fill(handle, page(example))
		p.Purpose = tt.purpose
		if tt.purpose != protocol.PurposeFill {
			p.Context = nil
		}
		if got := get[protocol.ReleaseResult](r, protocol.MethodCode, p); got != tt.want {
			t.Errorf("%s at %v s: %+v, want %+v", tt.purpose, tt.now, got, tt.want)
		}
	}
}

// V14: whatever the clock is set to, the code is that of the clock then, it is good
// for as long as the reply says, and a period's code is given to a document once.
func TestTheClockIsSetBackAndForth(t *testing.T) {
	a := totp("Example", "alice", example)
	r := newRig(t, a)
	r.host.Budget = vault.Budget{PerMinute: 1000, PerHour: 1000}
	r.clock = time.Unix(1_800_000_000, 0)
	handle, here := r.handle("alice"), page(example)
	seen := map[string]bool{}
	for _, at := range []float64{
		1_800_000_000, 1_800_000_000 - 3600, 1_800_000_000 + 3600, // an hour back and forth
		1_800_003_629.999,            // 1 ms before the end of a period
		4_294_967_295, 4_294_967_310, // 2106
		0, 30,
	} {
		r.clock = time.UnixMilli(int64(at * 1000))
		got, want := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, here)), r.clock
		if left := 30 - math.Mod(at, 30); left < 3 {
			want = want.Add(minLeft)
		}
		code, from, until, err := a.Code(want)
		if err != nil || got.Code != code || got.ValidFrom != from.UnixMilli() || got.ExpiresAt != until.UnixMilli() {
			t.Errorf("at %.3f: %+v; want %s until %d", at, got, code, until.UnixMilli())
		}
		if got.ExpiresAt-r.clock.UnixMilli() < minLeft.Milliseconds() {
			t.Errorf("at %.3f: the code is good until %d", at, got.ExpiresAt)
		}
		if seen[got.Code] {
			t.Errorf("at %.3f: %s once more", at, got.Code)
		}
		seen[got.Code] = true
	}
	r.clock = time.Unix(-1, 0)
	r.fails(protocol.MethodCode, fill(handle, here), protocol.ErrInternal)
	for _, again := range []int64{30, 33} { // back in the period of the last code
		r.clock = time.Unix(again, 0)
		r.fails(protocol.MethodCode, fill(handle, here), protocol.ErrBudget)
	}
}

func TestAShortPeriodIsNotWaitedFor(t *testing.T) {
	a := totp("Example", "alice", example)
	a.Period = 3 * time.Second
	r := newRig(t, a)
	r.clock = time.Unix(61, 0)
	if got := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(r.handle("alice"), page(example))); got.ValidFrom != 60_000 {
		t.Errorf("a code good from %d", got.ValidFrom)
	}
}

func TestAReleaseThatIsNotValid(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle, here := r.handle("alice"), page(example)
	for _, p := range []protocol.ReleaseParams{
		{Handle: handle, Context: &here, Purpose: "fill"},
		{Handle: handle, Context: &here, Purpose: "fill", Nonce: strings.Repeat("n", 15)},
		{Handle: handle, Context: &here, Purpose: "fill", Nonce: strings.Repeat("n", 65)},
		{Handle: handle, Context: &here, Purpose: "", Nonce: nonce()},
		{Handle: handle, Context: &here, Purpose: "Fill", Nonce: nonce()},
		{Handle: handle, Context: &here, Purpose: "export", Nonce: nonce()},
		{Handle: handle, Purpose: "fill", Nonce: nonce()},
	} {
		r.fails(protocol.MethodCode, p, protocol.ErrBadRequest)
	}
}

func TestANonceIsGoodOnce(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	p := fill(handle, page(example))
	get[protocol.ReleaseResult](r, protocol.MethodCode, p)
	other := page(example)
	p.Context = &other
	r.fails(protocol.MethodCode, p, protocol.ErrBadRequest)
	p.Purpose = protocol.PurposeShow
	r.fails(protocol.MethodCode, p, protocol.ErrBadRequest)
}

// Nor for another browser, whatever it calls the account and the page.
func TestANonceIsGoodOnceForAllHosts(t *testing.T) {
	r := newRig(t, withRecovery(2), totp("Example", "bob", example))
	p := fill(r.handle("alice"), page(example))
	get[protocol.ReleaseResult](r, protocol.MethodCode, p)
	r.start()
	for _, name := range []string{"alice", "bob"} {
		again := fill(r.handle(name), page(example))
		again.Nonce = p.Nonce
		r.fails(protocol.MethodCode, again, protocol.ErrBadRequest)
	}
	next := nextOf(r.handle("alice"), page(example))
	next.Nonce = p.Nonce
	r.fails(protocol.MethodRecovery, next, protocol.ErrBadRequest)
	if left := r.openVault().Accounts()[0].RecoveryLeft(); left != 2 {
		t.Errorf("%d recovery codes are left", left)
	}
}

func TestADocumentGetsAPeriodsCodeOnce(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example), totp("Example", "bob", example))
	r.clock = time.Unix(1_000_000_000, 0)
	alice, bob, here := r.handle("alice"), r.handle("bob"), page(example)
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, here))
	r.fails(protocol.MethodCode, fill(alice, here), protocol.ErrBudget)
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(bob, here))
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, page(example))) // another document
	r.clock = r.clock.Add(30 * time.Second)
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, here))
}

func TestTheBudgetIsOneForAllHosts(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example), hotp("Counter", example))
	for i := range 7 {
		if i%2 == 0 {
			r.start() // another host
		}
		p := fill(r.handle("alice"), page(example))
		if i == 3 {
			p.Purpose, p.Context = protocol.PurposeCopy, nil
		}
		want := protocol.ErrorCode("no error")
		if i == 6 {
			want = protocol.ErrBudget
			r.agrees <- agreement{err: errNoDialog}
		}
		if got := r.call(protocol.MethodCode, p).code(); got != want {
			t.Errorf("release %d in a minute: %s, want %s", i+1, got, want)
		}
	}
	r.fails(protocol.MethodCode, fill(r.handle("counter"), page(example)), protocol.ErrBudget)
	if got := r.openVault().Accounts()[1].Counter; got != 0 {
		t.Errorf("a release that the budget refused raised the counter to %d", got)
	}
}

// What the budget refuses was not given: it can be asked for again.
func TestARefusedReleaseDoesNotCountForTheDocument(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	r.clock = time.Unix(1_000_000_000, 0)
	handle, here := r.handle("alice"), page(example)
	r.host.Budget = vault.Budget{}
	r.agrees <- agreement{err: errNoDialog}
	r.fails(protocol.MethodCode, fill(handle, here), protocol.ErrBudget)
	r.host.Budget = vault.DefaultBudget
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, here))
}

func TestASessionsMemoryIsBounded(t *testing.T) {
	s := newSession()
	at := func(i int) protocol.ReleaseResult {
		return protocol.ReleaseResult{ValidFrom: int64(i), ExpiresAt: int64(i) + 1}
	}
	for i := range 3 * most {
		s.give(release{"id", fmt.Sprint(i)}, at(i))
	}
	for i := range 3 * most {
		to := release{"id", fmt.Sprint(i)}
		first := release{"id", fmt.Sprint(max(0, i-most+1))}
		if s.name(to); len(s.named[0]) > most || len(s.named[1]) > most || !s.isNamed(to) || !s.isNamed(first) {
			t.Fatalf("%d and %d are named, the last %v, the first of the last %d %v", len(s.named[0]), len(s.named[1]), s.isNamed(to), most, s.isNamed(first))
		}
	}
	if len(s.released) > most+1 {
		t.Errorf("%d releases are remembered", len(s.released))
	}
}
