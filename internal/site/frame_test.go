package site

import (
	"errors"
	"testing"
)

// frameTests: site is what NewSite stores, or "frame" or "refused" for its error;
// alone tells whether CheckFrame passes without a stored pair.
var frameTests = []struct {
	frame, ancestors string
	alone            bool
	site             string
}{
	{"https://github.com", "", true, "https://github.com"},
	{"https://github.com:8443", "", true, "https://github.com:8443"},
	{"https://github.com", "https://github.com", true, "https://github.com"},
	{"https://github.com", "https://www.github.com https://a.b.github.com", true, "https://github.com"},
	{"https://gist.github.com", "https://github.com:8443", true, "https://gist.github.com"},
	{"https://a.bbc.co.uk", "https://b.bbc.co.uk", true, "https://a.bbc.co.uk"},
	{"https://x.alice.github.io", "https://alice.github.io", true, "https://x.alice.github.io"},
	{"https://intranet", "https://intranet", true, "https://intranet"},
	{"https://192.168.1.1", "https://192.168.1.1", true, "https://192.168.1.1"},
	{"http://localhost:8080", "http://localhost:8080", true, "http://localhost:8080"},
	{"http://[::1]", "http://[::1] http://[::1]", true, "http://[::1]"},

	{"https://id.example", "https://shop.example", false, "https://id.example in https://shop.example"},
	{"https://id.example", "https://id.example https://shop.example", false, "https://id.example in https://shop.example"},
	{"https://id.example", "https://a.shop.example https://shop.example", false, "https://id.example in https://shop.example"},
	{"https://id.example", "https://shop.example:8443", false, "https://id.example in https://shop.example:8443"},
	{"https://alice.github.io", "https://bob.github.io", false, "https://alice.github.io in https://bob.github.io"},
	{"https://a.co.uk", "https://b.co.uk", false, "https://a.co.uk in https://b.co.uk"},
	{"https://192.168.1.1", "https://192.168.1.2", false, "https://192.168.1.1 in https://192.168.1.2"},
	{"https://192.168.1.1", "https://192.168.1.1:8443", false, "https://192.168.1.1 in https://192.168.1.1:8443"},
	{"http://localhost:8080", "http://localhost:8081", false, "http://localhost:8080 in http://localhost:8081"},
	{"http://localhost:8080", "https://localhost:8080", false, "http://localhost:8080 in https://localhost:8080"},
	{"http://a.localhost", "http://localhost", false, "http://a.localhost in http://localhost"},
	{"https://id.example", "http://localhost:8080", false, "https://id.example in http://localhost:8080"},
	{"https://github.com", "https://github.com.evil.example", false, "https://github.com in https://github.com.evil.example"},
	{"https://github.com", "https://com", false, "https://github.com in https://com"},

	{"https://id.example", "https://ads.example https://shop.example", false, "frame"},
	{"https://id.example", "https://shop.example https://ads.example https://shop.example", false, "frame"},
	{"https://id.example", "https://shop.example https://portal.example", false, "frame"},
	{"https://id.example", "https://ads.example https://id.example", false, "frame"},
	{"https://github.io", "", true, "refused"},
	{"https://co.uk", "https://co.uk", true, "refused"},
	{"https://github.io", "https://shop.example", false, "refused"},
}

func TestFrames(t *testing.T) {
	for _, tt := range frameTests {
		o, ancestors := origin(t, tt.frame), origins(t, tt.ancestors)
		err := CheckFrame(o, ancestors)
		if (err == nil) != tt.alone || err != nil && !errors.Is(err, ErrFrame) {
			t.Errorf("CheckFrame(%s, [%s]) = %v, want ok %v", o, tt.ancestors, err, tt.alone)
		}
		got, err := NewSite(o, ancestors)
		word := got.String()
		switch {
		case errors.Is(err, ErrFrame) && got == Site{}:
			word = "frame"
		case errors.Is(err, ErrRefused) && got == Site{}:
			word = refused
		case err != nil:
			word = err.Error()
		}
		if word != tt.site {
			t.Errorf("NewSite(%s, [%s]) = %s, %v; want %s", o, tt.ancestors, got, err, tt.site)
		}
		if err != nil {
			continue
		}
		// What is stored serves this very document, and nothing but it.
		if err := CheckFrame(o, ancestors, got); err != nil {
			t.Errorf("CheckFrame(%s, [%s], %s) = %v", o, tt.ancestors, got, err)
		}
		if got := Match([]Site{got}, "", o, ancestors); got != Bound {
			t.Errorf("Match of the site stored for %s in [%s] = %s, want bound", o, tt.ancestors, got)
		}
		thief := origin(t, "https://thief.example")
		if err := CheckFrame(o, append(ancestors[:len(ancestors):len(ancestors)], thief), got); !errors.Is(err, ErrFrame) {
			t.Errorf("%s inside %s passes as %s", o, thief, got)
		}
	}
}

// Same-site is schemeful, even for origins that no parser returns.
func TestFrameInsideHTTP(t *testing.T) {
	if err := CheckFrame(origin(t, "https://github.com"), []Origin{{Scheme: "http", Host: "github.com"}}); !errors.Is(err, ErrFrame) {
		t.Errorf("a frame over https inside http: %v", err)
	}
}

var storedTests = []struct{ in, want string }{ // "" stands for what went in
	{"https://github.com", ""},
	{"https://github.com:8443", ""},
	{"http://localhost:8080", ""},
	{"https://id.example in https://shop.example", ""},
	{"https://id.example:8443 in http://localhost:8080", ""},
	{"https://[::1] in https://[2001:db8::1]:8443", ""},
	{"https://same.example in https://same.example", ""},
	{"", refused},
	{" ", refused},
	{" in ", refused},
	{"github.com", refused},
	{"https://github.com/", refused},
	{"https://github.com ", refused},
	{"https://github.com in", refused},
	{"https://github.com in ", refused},
	{" in https://github.com", refused},
	{"https://id.example  in https://shop.example", refused},
	{"https://id.example in  https://shop.example", refused},
	{"https://id.example IN https://shop.example", refused},
	{"https://id.example in null", refused},
	{"null in https://shop.example", refused},
	{"https://id.example in http://shop.example", insecure},
	{"http://id.example in https://shop.example", insecure},
	{"https://id.example in https://shop.example in https://portal.example", refused},
	{"https://ID.example in https://shop.example", refused},
}

func TestParseStored(t *testing.T) {
	for _, tt := range storedTests {
		want := tt.want
		if want == "" {
			want = tt.in
		}
		got, err := ParseStored(tt.in)
		word := got.String()
		if err != nil {
			word = outcome(got.Origin, err)
		}
		if word != want {
			t.Errorf("ParseStored(%q) = %+v, %v; want %s", tt.in, got, err, want)
		}
	}
}

func FuzzParseStored(f *testing.F) {
	for _, tt := range storedTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		site, err := ParseStored(s)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("ParseStored(%q): %v does not wrap ErrRefused", s, err)
			}
			return
		}
		if site.String() != s {
			t.Errorf("ParseStored(%q) writes itself %q", s, site)
		}
		checkOrigin(t, site.Origin)
		if site.Top != (Origin{}) {
			checkOrigin(t, site.Top)
		}
	})
}
