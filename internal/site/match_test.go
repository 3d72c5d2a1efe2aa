package site

import (
	"strings"
	"testing"
)

// matchTests: sites are separated by "; ", ancestors go from the parent up to the top, separated by spaces.
var matchTests = []struct {
	sites, issuer, origin, ancestors string
	want                             Strength
}{
	// Bound: the same origin.
	{"https://github.com", "", "https://github.com", "", Bound},
	{"https://github.com", "GitHub", "https://github.com", "", Bound},
	{"https://github.com", "Somebody Else", "https://github.com", "", Bound},
	{"https://gitlab.com; https://github.com", "", "https://github.com", "", Bound},
	{"https://gist.github.com; https://github.com", "", "https://gist.github.com", "", Bound},
	{"https://github.com:8443", "", "https://github.com:8443", "", Bound},
	{"https://alice.github.io", "", "https://alice.github.io", "", Bound},
	{"https://intranet", "", "https://intranet", "", Bound},
	{"https://xn--bcher-kva.example", "", "https://xn--bcher-kva.example", "", Bound},
	{"http://localhost:8080", "", "http://localhost:8080", "", Bound},
	{"http://localhost", "", "http://localhost", "", Bound},
	{"http://127.0.0.1:8080", "", "http://127.0.0.1:8080", "", Bound},
	{"http://[::1]:8080", "", "http://[::1]:8080", "", Bound},
	{"https://192.168.1.1", "", "https://192.168.1.1", "", Bound},
	{"https://[2001:db8::1]:8443", "", "https://[2001:db8::1]:8443", "", Bound},

	// Related: the same registrable domain.
	{"https://github.com", "", "https://gist.github.com", "", Related},
	{"https://gist.github.com", "", "https://github.com", "", Related},
	{"https://gist.github.com", "", "https://api.github.com", "", Related},
	{"https://a.b.c.github.com", "", "https://x.github.com", "", Related},
	{"https://github.com", "", "https://github.com:8443", "", Related},
	{"https://github.com:8443", "", "https://github.com", "", Related},
	{"https://github.com:8443", "", "https://gist.github.com:9443", "", Related},
	{"https://www.bbc.co.uk", "", "https://account.bbc.co.uk", "", Related},
	{"https://alice.github.io", "", "https://x.alice.github.io", "", Related},
	{"https://login.xn--bcher-kva.example", "", "https://xn--bcher-kva.example", "", Related},
	{"https://a.www.ck", "", "https://www.ck", "", Related},
	{"https://signin.account.gov.uk", "", "https://home.account.gov.uk", "", Related},
	{"https://nas.home.local", "", "https://tv.home.local", "", Related},
	{"https://unrelated.example; https://github.com", "", "https://gist.github.com", "", Related},

	// Strangers that look alike, or share a suffix.
	{"https://github.com", "", "https://github.com.evil.example", "", None},
	{"https://github.com", "", "https://evilgithub.com", "", None},
	{"https://github.com", "", "https://github.co", "", None},
	{"https://github.com", "", "https://github.com.co", "", None},
	{"https://github.com", "", "https://github.net", "", None},
	{"https://github.com", "", "https://git.hub.com", "", None},
	{"https://github.com", "", "https://githuh.com", "", None},
	{"https://github.com", "", "https://github-com.example", "", None},
	{"https://github.com", "", "https://com", "", None},
	{"https://github.com", "", "https://github", "", None},
	{"https://github.com", "", "https://xn--gthub-n4a.com", "", None}, // gıthub.com
	{"https://www.paypal.com", "PayPal", "https://www.paypa1.com", "", None},
	{"https://www.paypal.com", "PayPal", "https://www.xn--pypal-4ve.com", "", None},
	{"https://www.paypal.com", "PayPal", "https://paypal.com.login.example", "", None},
	{"https://www.paypal.com", "PayPal", "https://paypal-login.com", "", None},
	{"https://apple.com", "", "https://xn--80ak6aa92e.com", "", None},
	{"https://bbc.co.uk", "", "https://itv.co.uk", "", None},
	{"https://bbc.co.uk", "", "https://co.uk", "", None},
	{"https://alice.github.io", "", "https://bob.github.io", "", None},
	{"https://alice.github.io", "", "https://github.io", "", None},
	{"https://alice.github.io", "", "https://github.com", "", None},
	{"https://alice.blogspot.com", "", "https://bob.blogspot.com", "", None},
	{"https://alice.vercel.app", "", "https://bob.vercel.app", "", None},
	{"https://alice.herokuapp.com", "", "https://bob.herokuapp.com", "", None},
	{"https://a.s3.amazonaws.com", "", "https://b.s3.amazonaws.com", "", None},
	{"https://amazonaws.com", "", "https://b.s3.amazonaws.com", "", None},
	{"https://a.foo.ck", "", "https://a.bar.ck", "", None},
	{"https://x.foo.kawasaki.jp", "", "https://x.bar.kawasaki.jp", "", None},
	{"https://intranet", "", "https://wiki", "", None},
	{"https://intranet", "", "https://www.intranet", "", None},

	// A public suffix is no site, whatever the vault says.
	{"https://github.io", "", "https://github.io", "", None},
	{"https://github.io", "", "https://alice.github.io", "", None},
	{"https://co.uk", "", "https://co.uk", "", None},
	{"https://com", "", "https://com", "", None},
	{"https://com", "", "https://github.com", "", None},
	{"", "github.io", "https://github.io", "", None},
	{"", "com", "https://com", "", None},

	// Loopback and addresses: the very same, port included.
	{"http://localhost:8080", "", "http://localhost:8081", "", None},
	{"http://localhost:8080", "", "http://localhost", "", None},
	{"http://localhost:8080", "", "https://localhost:8080", "", None},
	{"https://localhost:8080", "", "http://localhost:8080", "", None},
	{"http://localhost:8080", "", "http://127.0.0.1:8080", "", None},
	{"http://127.0.0.1:8080", "", "http://[::1]:8080", "", None},
	{"http://127.0.0.1:8080", "", "http://127.0.0.2:8080", "", None},
	{"http://localhost:8080", "", "http://app.localhost:8080", "", None},
	{"http://a.app.localhost", "", "http://b.app.localhost", "", None},
	{"http://app.localhost:3000", "", "http://app.localhost:3001", "", None},
	{"https://192.168.1.1", "", "https://192.168.1.1:8443", "", None},
	{"https://192.168.1.1", "", "https://192.168.1.2", "", None},
	{"https://10.168.1.1", "", "https://192.168.1.1", "", None},
	{"https://[2001:db8::1]", "", "https://[2001:db8::1]:8443", "", None},
	{"https://[2001:db8::1]", "", "https://[2001:db8::2]", "", None},
	{"https://intranet", "", "https://intranet:8443", "", None},

	// Known: the directory lists the very host, on https's own port.
	{"", "GitHub", "https://github.com", "", Known},
	{"", "github", "https://github.com", "", Known},
	{"", "Git Hub", "https://github.com", "", Known},
	{"", "Google", "https://accounts.google.com", "", Known},
	{"", "YouTube", "https://accounts.google.com", "", Known},
	{"", "Microsoft", "https://login.live.com", "", Known},
	{"", "Microsoft", "https://login.microsoftonline.com", "", Known},
	{"", "Twitter", "https://x.com", "", Known},
	{"", "Twitter", "https://twitter.com", "", Known},
	{"", "X", "https://x.com", "", Known},
	{"", "X", "https://twitter.com", "", Known},
	{"", "x (twitter)", "https://x.com", "", Known},
	{"", "gitlab.com", "https://gitlab.com", "", Known}, // GitLab names itself by its host
	{"", "ProtonMail", "https://account.proton.me", "", Known},
	{"", "Amazon", "https://www.amazon.de", "", Known},
	{"", "Amazon", "https://www.amazon.co.jp", "", Known},
	{"", "npm", "https://www.npmjs.com", "", Known},
	{"", "Binance.US", "https://www.binance.us", "", Known},
	{"https://twitter.com", "Twitter", "https://x.com", "", Known},
	{"https://gitlab.corp.example", "GitLab", "https://gitlab.com", "", Known},
	{"https://old.reddit.com", "Reddit", "https://www.reddit.com", "", Known}, // and related: the stronger
	{"", "Twitter", "https://x.com:8443", "", None},
	{"", "GitHub", "https://github.com:8443", "", Suggested},
	{"", "Google", "https://mail.google.com", "", Suggested},
	{"", "GitLab", "https://github.com", "", None},
	{"", "", "https://github.com", "", None},
	{"", "Amazon Web Services", "https://www.amazon.com", "", None},
	{"", "Binance", "https://www.binance.us", "", None},

	// Suggested: the issuer's name is the label that its owner registered.
	{"", "Acme", "https://acme.com", "", Suggested},
	{"", "ACME", "https://login.acme.com", "", Suggested},
	{"", "acme", "https://acme.com:8443", "", Suggested},
	{"", "Acme", "https://acme.co.uk", "", Suggested},
	{"", "  Acme! ", "https://acme.com", "", Suggested},
	{"", "My Bank", "https://mybank.com", "", Suggested},
	{"", "My Bank", "https://my-bank.com", "", Suggested},
	{"", "My-Bank", "https://www.my-bank.com", "", Suggested},
	{"", "Node.js", "https://nodejs.org", "", Suggested}, // "js" is no top-level domain
	{"", "Q9", "https://q9.com", "", Suggested},
	{"", "Twitter", "https://help.twitter.com", "", Suggested},
	{"", "MyBank", "https://my-bank.com", "", None},
	{"", "Acme", "https://acme-login.com", "", None},
	{"", "Acme", "https://acmee.com", "", None},
	{"", "Acme", "https://acm3.com", "", None},
	{"", "Acme", "https://acme.evil.com", "", None},
	{"", "Acme", "https://evil.com", "", None},
	{"", "Acme Inc", "https://acme.com", "", None},
	{"", "Acme (work)", "https://acme.com", "", None},
	{"", "A", "https://a.com", "", None},
	{"", "!", "https://a.com", "", None},
	{"", "com", "https://acme.com", "", None},
	{"", "www", "https://www.acme.com", "", None},
	{"", "co", "https://acme.co.uk", "", None},
	{"", "Bücher", "https://xn--bcher-kva.com", "", None},
	{"", "xn--bcher-kva", "https://xn--bcher-kva.com", "", None},
	{"", "P\u0430yPal", "https://www.paypal.com", "", None}, // Cyrillic а
	{"", "PayPal", "https://www.paypa1.com", "", None},
	{"", "PayPal", "https://xn--pypal-4ve.com", "", None},
	{"", "alice", "https://alice.github.io", "", None}, // anybody can be alice there
	{"", "GitHub", "https://github.github.io", "", None},
	{"", "Acme", "https://acme.local", "", None}, // no registry sold it
	{"", "Acme", "https://acme", "", None},
	{"", "localhost", "http://localhost", "", None},
	{"", "app", "http://app.localhost", "", None},
	{"", "127", "http://127.0.0.1", "", None},
	{"", "192", "https://192.168.1.1", "", None},
	{"", "GitHub", "https://github.xyz", "", None}, // the directory knows GitHub better
	{"", "GitHub", "https://github.co", "", None},
	{"", "Amazon", "https://amazon.example", "", None},
	{"", "PayPal", "https://paypal.net", "", None},
	{"https://acme.com", "Acme", "https://acme.net", "", None}, // it has its site
	{"https://acme.com", "Acme", "https://acme.com", "", Bound},
	{"https://acme.com", "Acme", "https://login.acme.com", "", Related},

	// An issuer that is a domain.
	{"", "twitter.com", "https://twitter.com", "", Suggested},
	{"", "twitter.com", "https://mobile.twitter.com", "", Suggested},
	{"", "accounts.google.com", "https://accounts.google.com", "", Suggested},
	{"", "accounts.google.com", "https://mail.google.com", "", Suggested},
	{"", "Acme.com", "https://acme.com", "", Suggested},
	{"", "gitlab.acme.co.uk", "https://sso.acme.co.uk", "", Suggested},
	{"", "alice.github.io", "https://alice.github.io", "", Suggested},
	{"", "alice.github.io", "https://bob.github.io", "", None},
	{"", "acme.com", "https://acme.net", "", None},
	{"", "acme.com", "https://acmecom.net", "", None},
	{"", "acme.com", "https://acme.com.evil.net", "", None},
	{"", "twitter.com", "https://x.com", "", None},
	{"", "192.168.1.1", "https://192.168.1.1", "", None},
	{"", "localhost", "https://localhost", "", None},
	{"", "p\u0430ypal.com", "https://paypal.com", "", None},
	{"https://acme.net", "acme.com", "https://acme.com", "", None},

	// Frames. All of its own site: as a top document.
	{"https://github.com", "", "https://github.com", "https://github.com", Bound},
	{"https://github.com", "", "https://github.com", "https://gist.github.com", Bound},
	{"https://github.com", "", "https://github.com", "https://gist.github.com:8443 https://github.com", Bound},
	{"https://github.com", "", "https://gist.github.com", "https://github.com", Related},
	{"", "GitHub", "https://github.com", "https://gist.github.com", Known},
	{"", "Acme", "https://acme.com", "https://www.acme.com", Suggested},
	{"http://localhost:8080", "", "http://localhost:8080", "http://localhost:8080", Bound},
	// Inside another site: nothing, however well the account fits.
	{"https://github.com", "GitHub", "https://github.com", "https://evil.example", None},
	{"https://github.com", "GitHub", "https://github.com", "https://github.com https://evil.example", None},
	{"https://github.com", "GitHub", "https://github.com", "https://evil.example https://github.com", None},
	{"https://github.com", "GitHub", "https://gist.github.com", "https://evil.example", None},
	{"", "GitHub", "https://github.com", "https://evil.example", None},
	{"", "Acme", "https://acme.com", "https://evil.example", None},
	{"https://alice.github.io", "", "https://alice.github.io", "https://bob.github.io", None},
	{"https://alice.github.io", "", "https://alice.github.io", "https://github.io", None},
	{"https://192.168.1.1", "", "https://192.168.1.1", "https://192.168.1.1:8443", None},
	{"http://localhost:8080", "", "http://localhost:8080", "http://localhost:8081", None},
	{"http://localhost:8080", "", "http://localhost:8080", "https://localhost:8080", None},
	// A frame of another site on a matching page gets nothing either.
	{"https://github.com", "", "https://evil.example", "https://github.com", None},
	// The pair that the user allowed.
	{"https://id.example in https://shop.example", "", "https://id.example", "https://shop.example", Bound},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://id.example https://shop.example", Bound},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://a.shop.example https://b.id.example https://shop.example", Bound},
	{"https://id.example in https://shop.example; https://id.example", "", "https://id.example", "https://shop.example", Bound},
	{"https://id.example in https://shop.example; https://id.example", "", "https://id.example", "", Bound},
	{"https://id.example in http://localhost:8080", "", "https://id.example", "http://localhost:8080", Bound},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://evil.example https://shop.example", None},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://shop.example https://evil.example", None},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://other.example", None},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://www.shop.example", None},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://shop.example:8443", None},
	{"https://id.example in https://shop.example", "", "https://www.id.example", "https://shop.example", None},
	{"https://id.example in https://shop.example", "", "https://id.example", "", None},
	{"https://id.example in https://shop.example", "", "https://www.id.example", "", None},
	{"https://id.example in https://shop.example", "", "https://shop.example", "", None},
	{"https://id.example in https://shop.example", "", "https://shop.example", "https://id.example", None},
	{"https://id.example in https://shop.example", "", "https://id.example", "https://id.example", None},
	{"https://github.io in https://shop.example", "", "https://github.io", "https://shop.example", None},
}

func TestMatch(t *testing.T) {
	for _, tt := range matchTests {
		o, ancestors := origin(t, tt.origin), origins(t, tt.ancestors)
		if got := Match(sites(t, tt.sites), tt.issuer, o, ancestors); got != tt.want {
			t.Errorf("Match([%s], %q, %s, [%s]) = %s, want %s", tt.sites, tt.issuer, o, tt.ancestors, got, tt.want)
		}
	}
}

// What no parser returns matches nothing.
func TestMatchZero(t *testing.T) {
	github := origin(t, "https://github.com")
	for _, tt := range []struct {
		o         Origin
		ancestors []Origin
	}{
		{Origin{}, nil}, {Origin{}, []Origin{{}}}, {github, []Origin{{}}}, {Origin{}, []Origin{github}},
	} {
		if got := Match([]Site{{}, {Origin: github}}, "GitHub", tt.o, tt.ancestors); got != None {
			t.Errorf("Match(%+v, %+v) = %s, want none", tt.o, tt.ancestors, got)
		}
	}
}

func TestStrengthWords(t *testing.T) {
	tests := map[Strength]string{None: "none", Suggested: "suggested", Related: "related", Known: "known", Bound: "bound"}
	for s, want := range tests {
		if s.String() != want {
			t.Errorf("Strength(%d) = %q, want %q", s, s, want)
		}
	}
}

func sites(t testing.TB, list string) []Site {
	t.Helper()
	var sites []Site
	for s := range strings.SplitSeq(list, "; ") {
		if s == "" {
			continue
		}
		site, err := ParseStored(s)
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, site)
	}
	return sites
}

func origins(t testing.TB, list string) []Origin {
	t.Helper()
	var origins []Origin
	for _, s := range strings.Fields(list) {
		origins = append(origins, origin(t, s))
	}
	return origins
}
