package site

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// The directory keeps to the rules at its head.
func TestServicesTable(t *testing.T) {
	list, err := readServices(servicesText)
	if err != nil {
		t.Error(err)
	}
	hosts, names, checked, totp := 0, 0, 0, 0
	for _, s := range list {
		hosts += len(s.Hosts)
		if len(s.Methods) > 0 {
			checked++
		}
		if s.Takes(MethodTOTP) {
			totp++
		}
		if strings.ContainsAny(s.Note, "\"") || s.Note != "" && !strings.HasSuffix(s.Note, ".") {
			t.Errorf("%s: the note is not a sentence: %s", s.Name, s.Note)
		}
	}
	for _, s := range services() {
		for range s.issuers {
			names++
		}
	}
	if checked < 250 || totp < 200 {
		t.Errorf("%d services with methods, %d with totp: want at least 250 and 200", checked, totp)
	}
	if got := len(servicesByHost()); got != hosts {
		t.Errorf("matching has %d login hosts, the table %d", got, hosts)
	}
	if got := len(servicesByIssuer()); got != names || len(services()) != len(list) {
		t.Errorf("matching has %d names of %d services, the table %d of %d", got, len(services()), names, len(list))
	}
}

func TestReadServicesSaysWhichLineIsWrong(t *testing.T) {
	const ok = "Able | | login.able.com | able.com | totp | https://able.com/2fa | | It is so.\n"
	for _, tt := range []struct{ name, text, want string }{
		{"good", "# comment\n\n" + ok, ""},
		{"only what must be there", "Able | | | able.com | | | |\n", ""},
		{"columns", ok + "Baker | baker.com\n", "line 2: 2 columns, not 8"},
		{"no name", " | | | able.com | | | |\n", `line 1: site refused: "" is not a name`},
		{"name without letters", "!? | | | able.com | | | |\n", "is not a name"},
		{"name with a direction mark", "Able\u202e | | | able.com | | | |\n", "is not a name"},
		{"no domain", "Able | | | | | | |\n", "line 1: Able has no domain"},
		{"order", "Baker | | | baker.com | | | |\n" + ok, "line 2: Able stands after Baker"},
		{"name twice", ok + "Able. | | | baker.com | | | |\n", "line 2: name able stands under Able and Able."},
		{"other name twice", "Able | A B, ab | | able.com | | | |\n", "line 1: Able has something twice"},
		{"host twice", ok + "Baker | | login.able.com | baker.com | | | |\n", "host login.able.com stands under Able and Baker"},
		{"domain twice", ok + "Baker | | | able.com | | | |\n", "domain able.com stands under Able and Baker"},
		{"host of another domain", "Able | | login.baker.com | able.com | | | |\n", "login host login.baker.com is not under"},
		{"host under another's longer domain", "Able | | x.eu.able.com | able.com | | | |\nBaker | | | eu.able.com | | | |\n", "x.eu.able.com is not under"},
		{"public suffix", "Able | | | co.uk | | | |\n", `"co.uk" is not a host`},
		{"private suffix", "Able | | | github.io | | | |\n", `"github.io" is not a host`},
		{"local name", "Able | | | able.internal | | | |\n", `"able.internal" is not a host`},
		{"address", "Able | | | 192.0.2.1 | | | |\n", `"192.0.2.1" is not a host`},
		{"capitals", "Able | | | Able.com | | | |\n", `"Able.com" is not a host`},
		{"scheme", "Able | | https://able.com | able.com | | | |\n", `"https://able.com" is not a host`},
		{"port", "Able | | able.com:8443 | able.com | | | |\n", `"able.com:8443" is not a host`},
		{"unknown method", "Able | | | able.com | fax | | |\n", `method "fax"`},
		{"methods out of order", "Able | | | able.com | totp, sms | | |\n", `method "sms"`},
		{"method twice", "Able | | | able.com | sms, sms | | |\n", `method "sms"`},
		{"http page", "Able | | | able.com | | http://able.com/ | |\n", "is not https"},
		{"script page", "Able | | | able.com | | | javascript:alert(1) |\n", "is not https"},
		{"page with a user", "Able | | | able.com | | https://able.com@evil.example/ | |\n", "user name or a port"},
		{"long note", "Able | | | able.com | | | | " + strings.Repeat("x", 201) + "\n", "too long"},
	} {
		list, err := readServices(tt.text)
		if tt.want == "" {
			if err != nil || len(list) != 1 {
				t.Errorf("%s: %d services, %v", tt.name, len(list), err)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestServiceAt(t *testing.T) {
	for _, tt := range []struct{ host, want string }{
		{"github.com", "GitHub"},
		{"gist.github.com", "GitHub"},
		{"github.com.evil.example", ""},
		{"notgithub.com", ""},
		{"bob.github.io", ""},
		{"github.io", ""},
		{"com", ""},
		{"", ""},
		{"x.com", "X"},
		{"mobile.twitter.com", "X"},
		{"netflix.com", ""},
		{"smile.amazon.co.uk", "Amazon"},
		{"aws.amazon.com", "Amazon Web Services"},
		{"signin.aws.amazon.com", "Amazon Web Services"},
		{"test.pypi.org", "TestPyPI"},
		{"pypi.org", "PyPI"},
		{"signin.account.gov.uk", "GOV.UK One Login"},
		{"www.tax.service.gov.uk", ""},
		{"secure.chase.com", "Chase"},
		{"127.0.0.1", ""},
		{"[::1]", ""},
		{"localhost", ""},
	} {
		if got, ok := ServiceAt(tt.host); got.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("ServiceAt(%q) = %q, %v; want %q", tt.host, got.Name, ok, tt.want)
		}
	}
}

func TestServiceNamed(t *testing.T) {
	for _, tt := range []struct{ issuer, want string }{
		{"GitHub", "GitHub"},
		{"github.com", "GitHub"},
		{"X (formerly Twitter)", "X"},
		{"TWITTER", "X"},
		{"Gmail", "Google"},
		{"Nobody's Bank", ""},
		{"", ""},
	} {
		if got, ok := ServiceNamed(tt.issuer); got.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("ServiceNamed(%q) = %q, %v; want %q", tt.issuer, got.Name, ok, tt.want)
		}
	}
}

// What a text-message prompt of X is helped with.
func TestXTakesAnAuthenticatorApp(t *testing.T) {
	for _, host := range []string{"x.com", "twitter.com", "mobile.x.com"} {
		s, _ := ServiceAt(host)
		if !s.Takes(MethodSMS) || !s.Takes(MethodTOTP) || s.Setup == "" || s.Recovery == "" || !strings.Contains(s.Note, "40404") {
			t.Errorf("%s: %+v", host, s)
		}
	}
}

// A service without login hosts is known by its domains: its name suggests them, and never becomes known anywhere.
func TestDomainsMakeNothingKnown(t *testing.T) {
	for _, tt := range []struct {
		issuer, host string
		want         Strength
	}{
		{"SoFi", "www.sofi.com", Suggested},
		{"SoFi", "sofi.xyz", None},
		{"H&R Block", "www.hrblock.com", Suggested},
		{"GitHub", "gist.github.com", Suggested},
	} {
		if got := Match(nil, tt.issuer, Origin{"https", tt.host, 0}, nil); got != tt.want {
			t.Errorf("%s at %s is %v, want %v", tt.issuer, tt.host, got, tt.want)
		}
	}
}

func TestParsePage(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://help.example.com/a?b=c#d", "https://help.example.com/a?b=c#d"},
		{"https://EXAMPLE.com", "https://example.com"},
		{"https://bücher.com/ü", "https://xn--bcher-kva.com/%C3%BC"},
		{"https://example.com/#:~:text=two%20steps", "https://example.com/#:~:text=two%20steps"},
		{"http://example.com/", ""},
		{"HTTPS://example.com/", "https://example.com/"},
		{"https:example.com", ""},
		{"//example.com/", ""},
		{"https://user@example.com/", ""},
		{"https://example.com:8443/", ""},
		{"https://localhost/", ""},
		{"https://192.0.2.1/", ""},
		{"https://[::1]/", ""},
		{"https://github.io/", ""},
		{"https://example.com/a b", "https://example.com/a%20b"},
		{"https://example.com/\n", ""},
		{"data:text/html,x", ""},
		{"https://example.com/" + strings.Repeat("a", 500), ""},
		{"", ""},
	} {
		got, err := ParsePage(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("ParsePage(%.60q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzReadServices(f *testing.F) {
	for i, line := range strings.Split(servicesText, "\n") {
		if i%40 == 30 {
			f.Add(line + "\n")
		}
	}
	f.Add("# x\nA | | a.b.com | b.com | sms, key | https://b.com/%20 | | \xff.\nA||||||\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := readServices(text)
		for _, s := range list {
			if s.Name == "" || len(s.Domains) == 0 || len(s.Note) > maxNote {
				t.Errorf("%+v", s)
			}
			for _, host := range slices.Concat(s.Hosts, s.Domains) {
				o, err := ParseOrigin("https://" + host)
				if err != nil || o.Registrable() == "" {
					t.Errorf("host %q: %v", host, err)
				}
			}
			for _, page := range []string{s.Setup, s.Recovery} {
				if again, err := ParsePage(page); page != "" && (err != nil || again != page) {
					t.Errorf("page %q becomes %q, %v", page, again, err)
				}
			}
		}
		byIssuer(splitServices(text)) // what matching reads does not fail
		byHost(splitServices(text))
	})
}

func BenchmarkServices(b *testing.B) {
	b.Run("hosts", func(b *testing.B) {
		for b.Loop() {
			byHost(splitServices(servicesText))
		}
	})
	b.Run("issuers", func(b *testing.B) {
		for b.Loop() {
			byIssuer(splitServices(servicesText))
		}
	})
	b.Run("facts", func(b *testing.B) {
		for b.Loop() {
			readServices(servicesText)
		}
	})
}
