package site

import (
	"errors"
	"strings"
	"testing"
)

const refused = "refused" // in a table: an error wrapping ErrRefused, and not ErrInsecure
const insecure = "insecure"

var (
	label63 = strings.Repeat("a", 63)
	host253 = strings.Repeat(label63+".", 3) + strings.Repeat("b", 57) + ".com"
)

var parseOriginTests = []struct{ in, want string }{
	// As browsers write them: "" means that the origin comes out as it went in.
	{"https://github.com", ""},
	{"https://gist.github.com", ""},
	{"https://www.bbc.co.uk", ""},
	{"https://github.com:8443", ""},
	{"https://github.com:1", ""},
	{"https://github.com:65535", ""},
	{"https://github.com:80", ""},
	{"https://github.io", ""},
	{"https://com", ""},
	{"https://intranet", ""},
	{"https://a-b.example", ""},
	{"https://-a.example", ""}, // browsers resolve it: UTS 46 with CheckHyphens false
	{"https://a-.example", ""},
	{"https://a_b.example", ""},
	{"https://r3---sn-4g5e6nsz.example", ""},
	{"https://1password.com", ""},
	{"https://123.example", ""},
	{"https://1.2.3.4.example", ""},
	{"https://0x7f.example", ""},
	{"https://example.0xzz", ""}, // not a number
	{"https://localhost", ""},
	{"https://localhost:8443", ""},
	{"http://localhost", ""},
	{"http://localhost:8080", ""},
	{"http://localhost:443", ""},
	{"http://app.localhost", ""},
	{"http://a.b.localhost:3000", ""},
	{"http://127.0.0.1", ""},
	{"http://127.0.0.1:8080", ""},
	{"http://127.1.2.3", ""},
	{"http://127.255.255.255", ""},
	{"http://[::1]", ""},
	{"http://[::1]:8080", ""},
	{"https://192.168.1.1", ""},
	{"https://10.0.0.1:8443", ""},
	{"https://0.0.0.0", ""},
	{"https://255.255.255.255", ""},
	{"https://[2001:db8::1]", ""},
	{"https://[2001:db8::1]:8443", ""},
	{"https://[::]", ""},
	{"https://[::ffff:102:304]", ""},              // URL Standard: no dots in an IPv6 host
	{"https://[2001:db8::1:0:0:1]", ""},           // RFC 5952, section 4.2.3: the first of two runs
	{"https://[2001:db8:0:1:1:1:1:1]", ""},        // RFC 5952, section 4.2.2: one zero is not shortened
	{"https://xn--bcher-kva.example", ""},         // bücher
	{"https://xn--fa-hia.de", ""},                 // faß, not transitional
	{"https://xn--ls8h.la", ""},                   // 💩
	{"https://xn--wgv71a119e.jp", ""},             // 日本語
	{"https://login.xn--pypal-4ve.com", ""},       // pаypal with a Cyrillic а stays punycode
	{"https://xn--80ak6aa92e.com", ""},            // аррӏе, all Cyrillic
	{"https://xn--mgbh0fb.xn--kgbechtv", ""},      // example.test in Arabic, right to left
	{"https://xn--80asehdb", ""},                  // онлайн, a top-level domain
	{"https://" + host253, ""},                    //
	{"https://" + host253 + ":65535", ""},         //
	{"https://" + label63 + ".example", ""},       //
	{"https://" + label63 + "a.example", refused}, // 64

	// Not an origin.
	{"", refused},
	{"null", refused},
	{"undefined", refused},
	{"https", refused},
	{"https:", refused},
	{"https:/", refused},
	{"https://", refused},
	{"https:///", refused},
	{"://github.com", refused},
	{"//github.com", refused},
	{"github.com", refused},
	{"https:github.com", refused},
	{"https:/github.com", refused},
	{"https:\\\\github.com", refused},
	{"https://github.com https://evil.example", refused},
	{"https://github.com,https://evil.example", refused},
	{"https://github.com in https://evil.example", refused},

	// Schemes.
	{"http://github.com", insecure},
	{"http://github.com:443", insecure},
	{"http://192.168.1.1", insecure},
	{"http://10.0.0.1", insecure},
	{"http://0.0.0.0", insecure},
	{"http://128.0.0.1", insecure},
	{"http://126.255.255.255", insecure},
	{"http://12.7.0.0", insecure},
	{"http://[::2]", insecure},
	{"http://[::]", insecure},
	{"http://[::ffff:7f00:1]", insecure}, // 127.0.0.1 mapped: not among the addresses that Secure Contexts names
	{"http://[fe80::1]", insecure},
	{"http://intranet", insecure},
	{"http://nas.local", insecure},
	{"http://localhost.example.com", insecure},
	{"http://notlocalhost", insecure},
	{"http://localhost.localdomain", insecure},
	{"http://127.0.0.1.example.com", insecure},
	{"http://127.example", insecure},
	{"http://127-0-0-1.example", insecure},
	{"HTTPS://github.com", refused},
	{"Https://github.com", refused},
	{"HTTP://localhost", refused},
	{" https://github.com", refused},
	{"ftp://github.com", refused},
	{"ws://localhost", refused},
	{"wss://github.com", refused},
	{"file://", refused},
	{"file:///etc/passwd", refused},
	{"data:text/html,hi", refused},
	{"data://github.com", refused},
	{"about:blank", refused},
	{"about:srcdoc", refused},
	{"about://blank", refused},
	{"javascript:alert(1)", refused},
	{"javascript://github.com", refused},
	{"blob:https://github.com", refused},
	{"blob:https://github.com/9115d58c-bcda-ff47-86e5-083e9a215304", refused},
	{"filesystem:https://github.com", refused},
	{"view-source:https://github.com", refused},
	{"chrome-extension://nfiddnekmhabbidckdaffhidhibipplp", refused},
	{"moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", refused},
	{"chrome://settings", refused},
	{"android:apk-key-hash:abc", refused},

	// More than an origin.
	{"https://github.com/", refused},
	{"https://github.com/login", refused},
	{"https://github.com?x", refused},
	{"https://github.com?", refused},
	{"https://github.com#x", refused},
	{"https://github.com#", refused},
	{"https://github.com\\", refused},
	{"https://github.com\\@evil.example", refused},
	{"https://user@github.com", refused},
	{"https://user:pass@github.com", refused},
	{"https://@github.com", refused},
	{"https://:@github.com", refused},
	{"https://github.com@evil.example", refused},
	{"https://github.com:443@evil.example", refused},

	// Ports.
	{"https://github.com:443", refused},
	{"http://localhost:80", refused},
	{"https://github.com:", refused},
	{"https://github.com:0", refused},
	{"https://github.com:00", refused},
	{"https://github.com:08443", refused},
	{"https://github.com:65536", refused},
	{"https://github.com:99999999999999999999", refused},
	{"https://github.com:-1", refused},
	{"https://github.com:+8443", refused},
	{"https://github.com:8443a", refused},
	{"https://github.com:0x20fb", refused},
	{"https://github.com: 8443", refused},
	{"https://github.com:8443:1", refused},
	{"https://github.com:https", refused},
	{"https://github.com:８４４３", refused},
	{"https://:8443", refused},

	// Hosts that browsers write in another way.
	{"https://GitHub.com", refused},
	{"https://github.COM", refused},
	{"https://bücher.example", refused},
	{"https://xn--BCHER-kva.example", refused},
	{"https://XN--bcher-kva.example", refused},
	{"https://ｇithub.com", refused},
	{"https://github。com", refused},
	{"https://github．com", refused},
	{"https://git\u00adhub.com", refused}, // soft hyphen, dropped by IDNA
	{"https://git\u200bhub.com", refused}, // zero-width space
	{"https://git\u200dhub.com", refused}, // zero-width joiner
	{"https://github.com\u202e", refused},
	{"https://\ufeffgithub.com", refused},
	{"https://p\u0430ypal.com", refused}, // Cyrillic а
	{"https://git%68ub.com", refused},
	{"https://github%2ecom", refused},
	{"https://github.com%2f", refused},
	{"https://github.com%00", refused},
	{"https://%67ithub.com", refused},

	// Hosts that are none.
	{"https://github.com.", refused},
	{"https://github.com..", refused},
	{"https://.github.com", refused},
	{"https://github..com", refused},
	{"https://.", refused},
	{"https://localhost.", refused},
	{"http://localhost.", refused},
	{"https://127.0.0.1.", refused},
	{"https://git hub.com", refused},
	{"https://github.com ", refused},
	{"https://github.com\t", refused},
	{"https://github.com\n", refused},
	{"https://git\nhub.com", refused},
	{"https://github.com\x00", refused},
	{"https://github.com\x00.evil.example", refused},
	{"https://github.com\x7f", refused},
	{"https://github.com\xff", refused},
	{"https://*.github.com", refused},
	{"https://git*hub.com", refused},
	{"https://<github>.com", refused},
	{"https://git|hub.com", refused},
	{"https://git^hub.com", refused},
	{"https://git\"hub.com", refused},
	{"https://git'hub.com", refused},
	{"https://git`hub.com", refused},
	{"https://git(hub).com", refused},
	{"https://git,hub.com", refused},
	{"https://git;hub.com", refused},
	{"https://git=hub.com", refused},
	{"https://git!hub.com", refused},
	{"https://git$hub.com", refused},
	{"https://git&hub.com", refused},
	{"https://git+hub.com", refused},
	{"https://git~hub.com", refused},
	{"https://git{hub}.com", refused},
	{"https://xn--a-0hc.com", refused}, // aא: both directions in one label, RFC 5893
	{"https://xn--.com", refused},
	{"https://xn--a.com", refused},
	{"https://xn--abc.com", refused},
	{"https://xn--github-.com", refused}, // decodes to plain github
	{"https://xn--bcher-kva-.example", refused},
	{"https://xn--a-ecp.ru", refused},
	{"https://xn--99999999999.com", refused},
	{"https://" + host253[1:] + "aa", refused},          // 254
	{"https://" + host253 + "m", refused},               // 254
	{"https://" + strings.Repeat("a", 254), refused},    // 254, one label
	{"https://" + strings.Repeat("a.", 127), refused},   // 254, final dot
	{"https://" + strings.Repeat("a", 100000), refused}, //
	{"https://" + strings.Repeat("/", 300), refused},

	// IPv4 in odd forms: browsers write the four numbers out.
	{"https://127.1", refused},
	{"https://127.0.1", refused},
	{"https://2130706433", refused},
	{"https://0x7f000001", refused},
	{"https://0x7f.0.0.1", refused},
	{"https://0x7f.1", refused},
	{"https://0177.0.0.1", refused},
	{"https://127.0.0.01", refused},
	{"https://127.0.0.0x1", refused},
	{"https://127.0.0.0x", refused},
	{"https://0", refused},
	{"https://0x", refused},
	{"https://1.2.3", refused},
	{"https://1.2.3.4.5", refused},
	{"https://1.2.3.256", refused},
	{"https://999.999.999.999", refused},
	{"https://1.2.3.-4", ""}, // "-4" is no number to the URL Standard: a name
	{"https://foo.1", refused},
	{"https://foo.0x1f", refused},
	{"https://127.0.0.1e0", ""}, // not a number: a name
	{"https://①②⑦.0.0.1", refused},
	{"https://１２７.0.0.1", refused},
	{"http://2130706433", refused},
	{"http://0x7f.1", refused},
	{"http://127.1", refused},
	{"http://0177.0.0.1", refused},

	// IPv6 in odd forms.
	{"https://::1", refused},
	{"https://[::1", refused},
	{"https://::1]", refused},
	{"https://[]", refused},
	{"https://[", refused},
	{"https://]", refused},
	{"https://[::1]x", refused},
	{"https://[::1].com", refused},
	{"https://x[::1]", refused},
	{"https://[[::1]]", refused},
	{"https://[::1]]", refused},
	{"https://[::1]:", refused},
	{"https://[::1]:443", refused},
	{"https://[0:0:0:0:0:0:0:1]", refused},
	{"https://[0::1]", refused},
	{"https://[::01]", refused},
	{"https://[::ABCD]", refused},
	{"https://[2001:DB8::1]", refused},
	{"https://[2001:db8:0:0:1:0:0:1]", refused},
	{"https://[2001:db8::1::1]", refused},
	{"https://[2001:db8:0:0:1::1]", refused}, // RFC 5952: the first run is shortened
	{"https://[::ffff:1.2.3.4]", refused},
	{"https://[::1.2.3.4]", refused},
	{"https://[::1%25eth0]", refused},
	{"https://[fe80::1%eth0]", refused},
	{"https://[127.0.0.1]", refused},
	{"https://[github.com]", refused},
	{"https://[v1.x]", refused},
	{"https://[1:2:3:4:5:6:7]", refused},
	{"https://[1:2:3:4:5:6:7:8:9]", refused},
	{"https://[12345::]", refused},
	{"http://[0:0:0:0:0:0:0:1]", refused},
}

// E27: all that is asked of hosts together.
func TestTheTablesOfHostsAreLong(t *testing.T) {
	if n := len(parseOriginTests) + len(parseSiteTests) + len(matchTests) + len(frameTests); n < 400 {
		t.Errorf("%d rows of hosts", n)
	} else {
		t.Logf("%d rows of hosts", n)
	}
}

func TestParseOrigin(t *testing.T) {
	for _, tt := range parseOriginTests {
		got, err := ParseOrigin(tt.in)
		want := tt.want
		if want == "" {
			want = tt.in
		}
		if outcome(got, err) != want {
			t.Errorf("ParseOrigin(%q) = %+v, %v; want %s", tt.in, got, err, want)
		}
	}
}

// outcome is an origin as a word of these tables.
func outcome(o Origin, err error) string {
	switch {
	case err == nil:
		return o.String()
	case o != Origin{}:
		return "an origin beside an error"
	case errors.Is(err, ErrInsecure) && errors.Is(err, ErrRefused):
		return insecure
	case errors.Is(err, ErrRefused):
		return refused
	}
	return err.Error()
}

func TestParseOriginFields(t *testing.T) {
	tests := []struct {
		in   string
		want Origin
	}{
		{"https://github.com", Origin{"https", "github.com", 0}},
		{"https://github.com:8443", Origin{"https", "github.com", 8443}},
		{"http://localhost:8080", Origin{"http", "localhost", 8080}},
		{"https://[::1]:8443", Origin{"https", "[::1]", 8443}},
	}
	for _, tt := range tests {
		if got, err := ParseOrigin(tt.in); err != nil || got != tt.want {
			t.Errorf("ParseOrigin(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestDisplayAndRegistrable(t *testing.T) {
	tests := []struct{ origin, display, registrable string }{
		{"https://github.com", "github.com", "github.com"},
		{"https://gist.github.com", "gist.github.com", "github.com"},
		{"https://a.b.c.github.com:8443", "a.b.c.github.com:8443", "github.com"},
		{"https://www.bbc.co.uk", "www.bbc.co.uk", "bbc.co.uk"},
		{"https://co.uk", "co.uk", ""},
		{"https://com", "com", ""},
		{"https://alice.github.io", "alice.github.io", "alice.github.io"},
		{"https://x.alice.github.io", "x.alice.github.io", "alice.github.io"},
		{"https://github.io", "github.io", ""},
		{"https://alice.blogspot.com", "alice.blogspot.com", "alice.blogspot.com"},
		{"https://blogspot.com", "blogspot.com", ""},
		{"https://bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"},
		{"https://a.foo.ck", "a.foo.ck", "a.foo.ck"},
		{"https://foo.ck", "foo.ck", ""},
		{"https://www.ck", "www.ck", "www.ck"},
		{"https://a.www.ck", "a.www.ck", "www.ck"},
		{"https://city.kawasaki.jp", "city.kawasaki.jp", "city.kawasaki.jp"},
		{"https://x.foo.kawasaki.jp", "x.foo.kawasaki.jp", "x.foo.kawasaki.jp"},
		{"https://signin.account.gov.uk", "signin.account.gov.uk", "account.gov.uk"},
		{"https://login.xn--bcher-kva.example", "login.xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"https://a.xn--55qx5d.cn", "a.xn--55qx5d.cn", "a.xn--55qx5d.cn"},
		{"https://nas.home.local", "nas.home.local", "home.local"}, // unknown top-level domain: rule "*"
		{"https://intranet", "intranet", ""},
		{"http://localhost:8080", "localhost:8080", ""},
		{"http://a.app.localhost", "a.app.localhost", ""},
		{"https://192.168.1.1:8443", "192.168.1.1:8443", ""},
		{"https://[2001:db8::1]", "[2001:db8::1]", ""},
		{"https://[::1]:8443", "[::1]:8443", ""},
	}
	for _, tt := range tests {
		o := origin(t, tt.origin)
		if got := o.Display(); got != tt.display {
			t.Errorf("%s: Display() = %q, want %q", o, got, tt.display)
		}
		if got := o.Registrable(); got != tt.registrable {
			t.Errorf("%s: Registrable() = %q, want %q", o, got, tt.registrable)
		}
	}
}

// An error quotes little of foreign text, and nothing of a password.
func TestRefusalsAreShort(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("x", 1<<20), strings.Repeat("x", 8000), "https://" + strings.Repeat("\x01", 250),
		"https://" + strings.Repeat("é", 500), strings.Repeat("x", 8000) + "://x", "x:" + strings.Repeat("9", 8000),
		"https://alice:hunter2@github.com",
	} {
		for _, parse := range []func(string) (Origin, error){ParseOrigin, ParseSite} {
			_, err := parse(in)
			if err == nil || len(err.Error()) > 400 || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("for an input of %d bytes: %v", len(in), err)
			}
		}
	}
}

func origin(t testing.TB, s string) Origin {
	t.Helper()
	o, err := ParseOrigin(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// checkOrigin holds what is true of every origin that a parser returns.
func checkOrigin(t *testing.T, o Origin) {
	t.Helper()
	if again, err := ParseOrigin(o.String()); err != nil || again != o {
		t.Errorf("ParseOrigin(%q) = %+v, %v; want %+v", o, again, err, o)
	}
	if o.Scheme != "https" && (o.Scheme != "http" || !isLoopback(o.Host)) {
		t.Errorf("%q is allowed", o)
	}
	if o.Host == "" || len(o.Host) > maxHost {
		t.Errorf("host of %d bytes", len(o.Host))
	}
	for _, r := range o.Host {
		if r > 0x7e || 'A' <= r && r <= 'Z' || strings.ContainsRune(" /\\@%?#<>|^", r) {
			t.Errorf("host %q holds %q", o.Host, r)
		}
	}
	if domain := o.Registrable(); domain != "" && o.Host != domain && !strings.HasSuffix(o.Host, "."+domain) {
		t.Errorf("%q has the registrable domain %q", o.Host, domain)
	}
}

func FuzzParseOrigin(f *testing.F) {
	for _, tt := range parseOriginTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseOrigin(s)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("ParseOrigin(%q): %v does not wrap ErrRefused", s, err)
			}
			return
		}
		if o.String() != s {
			t.Errorf("ParseOrigin(%q) writes itself %q", s, o)
		}
		checkOrigin(t, o)
	})
}
