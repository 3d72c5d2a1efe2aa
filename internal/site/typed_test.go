package site

import (
	"errors"
	"strings"
	"testing"
)

var parseSiteTests = []struct{ in, want string }{
	{"github.com", "https://github.com"},
	{"GitHub.com", "https://github.com"},
	{"GITHUB.COM/login", "https://github.com"},
	{"github.com/", "https://github.com"},
	{"github.com?a=b", "https://github.com"},
	{"github.com#top", "https://github.com"},
	{"github.com/user@example", "https://github.com"},
	{"github.com/?next=https://evil.example", "https://github.com"},
	{"github.com/https://evil.example", "https://github.com"},
	{"https://github.com/?next=http://evil.example", "https://github.com"},
	{"github.com/" + strings.Repeat("a", 3000), "https://github.com"},
	{"  github.com\n", "https://github.com"},
	{"https://github.com", "https://github.com"},
	{"HTTPS://GitHub.com/", "https://github.com"},
	{"https://github.com:443/login", "https://github.com"},
	{"https://github.com:8443/x", "https://github.com:8443"},
	{"github.com:8443", "https://github.com:8443"},
	{"github.com:443", "https://github.com"},
	{"github.com:80", "https://github.com:80"},
	{"www.bbc.co.uk", "https://www.bbc.co.uk"},
	{"alice.github.io", "https://alice.github.io"},
	{"bücher.example", "https://xn--bcher-kva.example"},
	{"BÜCHER.example", "https://xn--bcher-kva.example"},
	{"bu\u0308cher.example", "https://xn--bcher-kva.example"}, // decomposed
	{"xn--bcher-kva.example", "https://xn--bcher-kva.example"},
	{"XN--BCHER-KVA.example", "https://xn--bcher-kva.example"},
	{"a-.-b.c--d.bücher.example", "https://a-.-b.c--d.xn--bcher-kva.example"}, // CheckHyphens false
	{"faß.de", "https://xn--fa-hia.de"},                                       // not fass.de
	{"日本語。jp", "https://xn--wgv71a119e.jp"},
	{"ｇｉｔｈｕｂ．ｃｏｍ", "https://github.com"},
	{"git\u00adhub.com", "https://github.com"},
	{"p\u0430ypal.com", "https://xn--pypal-4ve.com"}, // Cyrillic а shows as what it is
	{"gıthub.com", "https://xn--gthub-n4a.com"},      // dotless i
	{"intranet", "https://intranet"},
	{"nas.local:5001", "https://nas.local:5001"},
	{"localhost", "http://localhost"},
	{"localhost:8080", "http://localhost:8080"},
	{"LOCALHOST:8080/login", "http://localhost:8080"},
	{"localhost:80", "http://localhost"},
	{"https://localhost:8080", "https://localhost:8080"},
	{"http://localhost", "http://localhost"},
	{"http://app.localhost:3000/x", "http://app.localhost:3000"},
	{"127.0.0.1", "http://127.0.0.1"},
	{"127.0.0.1:8080", "http://127.0.0.1:8080"},
	{"https://127.0.0.1:8080", "https://127.0.0.1:8080"},
	{"192.168.1.1", "https://192.168.1.1"},
	{"[::1]", "http://[::1]"},
	{"[::1]:8080", "http://[::1]:8080"},
	{"[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"},
	{"[2001:DB8::1]", "https://[2001:db8::1]"},
	{"[::ffff:1.2.3.4]", "https://[::ffff:102:304]"},
	{"city.kawasaki.jp", "https://city.kawasaki.jp"}, // an exception of the list

	{"com", refused},
	{"io", refused},
	{"co.uk", refused},
	{"CO.UK", refused},
	{"https://co.uk/", refused},
	{"github.io", refused}, // private section
	{"https://github.io:8443", refused},
	{"blogspot.com", refused},
	{"vercel.app", refused},
	{"s3.amazonaws.com", refused},
	{"foo.ck", refused},       // *.ck
	{"xn--80asehdb", refused}, // онлайн
	{"онлайн", refused},       //
	{"公司.cn", refused},        // xn--55qx5d.cn
	{"", refused},             //
	{"   ", refused},          //
	{"/", refused},            //
	{"https://", refused},     //
	{"https:///x", refused},   //
	{"://github.com", refused},
	{"//github.com", refused},
	{"null", "https://null"}, // a name like intranet
	{"http://github.com", insecure},
	{"HTTP://github.com/login", insecure},
	{"http://192.168.1.1", insecure},
	{"http://intranet", insecure},
	{"ftp://github.com", refused},
	{"file:///etc/passwd", refused},
	{"chrome-extension://nfiddnekmhabbidckdaffhidhibipplp/x", refused},
	{"mailto:alice@example.com", refused},
	{"data:text/html,x", refused},
	{"about:blank", refused},
	{"alice@github.com", refused},
	{"https://alice:pw@github.com/", refused},
	{"https://github.com\\@evil.example", refused},
	{"github.com\\login", refused},
	{"github.com.", refused},
	{".github.com", refused},
	{"git..hub.com", refused},
	{"*.github.com", refused},
	{"git hub.com", refused},
	{"git%68ub.com", refused},
	{"github.com:", refused},
	{"github.com:0", refused},
	{"github.com:99999", refused},
	{"github.com:08443", refused},
	{"github.com:http", refused},
	{"127.1", refused},
	{"0x7f.0.0.1", refused},
	{"0X7F000001", refused},
	{"2130706433", refused},
	{"0177.0.0.1", refused},
	{"::1", refused},
	{"[::1", refused},
	{"[fe80::1%eth0]", refused},
	{"ex／ample.com", refused}, // a full-width slash is a slash after mapping
	{"ex％41mple.com", refused},
	{"ex＠ample.com", refused},
	{"ex：8443", refused},
	{"a\u200db.com", refused},
	{"\u05d0a.com", refused}, // RFC 5893: both directions in one label
	{"xn--github-.com", refused},
	{"\xff.com", refused},
	{"https://github.com in https://evil.example", refused},
	{strings.Repeat("a", 64) + ".com", refused},
	{strings.Repeat("a.", 126) + "com", refused},
	{strings.Repeat("ü", 63) + ".com", refused}, // too long as punycode
	{strings.Repeat("ü", 2000) + ".com", refused},
	{"github.com/" + strings.Repeat("a", 9000), refused},
}

func TestParseSite(t *testing.T) {
	for _, tt := range parseSiteTests {
		got, err := ParseSite(tt.in)
		if outcome(got, err) != tt.want {
			t.Errorf("ParseSite(%q) = %+v, %v; want %s", tt.in, got, err, tt.want)
		}
		if err != nil {
			continue
		}
		if again, err := ParseOrigin(got.String()); again != got {
			t.Errorf("ParseOrigin(%q) = %+v, %v; want what ParseSite gave", got, again, err)
		}
	}
}

func FuzzParseSite(f *testing.F) {
	for _, tt := range parseSiteTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseSite(s)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("ParseSite(%q): %v does not wrap ErrRefused", s, err)
			}
			return
		}
		checkOrigin(t, o)
		if isPublicSuffix(o.Host) {
			t.Errorf("ParseSite(%q) = %q, a public suffix", s, o)
		}
	})
}
