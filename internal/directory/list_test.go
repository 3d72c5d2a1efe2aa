package directory

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"codefob/internal/site"
)

// The forms of 2fa.directory/api.
const (
	version3 = `[
		["AT&amp;T", {"domain": "att.com", "url": "https://www.att.com/", "tfa": ["sms"], "keywords": ["utilities"], "regions": ["us"]}],
		["Site Name", {
			"domain": "Example.com", "additional-domains": ["example.net"], "img": "example.svg",
			"tfa": ["custom-hardware", "u2f", "totp", "call", "sms", "email", "custom-software"], "custom-software": ["Authy"],
			"documentation": "https://example.com/2fa", "recovery": "https://example.com/lost", "notes": "A note.", "keywords": ["other"]
		}],
		["Off", {"domain": "example.org", "contact": {"twitter": "off"}, "keywords": ["other"]}]
	]`
	version4 = `{
		"example.com": {"methods": ["totp", "u2f"], "documentation": "https://example.com/2fa", "custom-software": ["Authy"]},
		"example.net": {"methods": ["totp", "u2f"], "documentation": "https://example.com/2fa"},
		"example.org": {}
	}`
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, list string
		want       []Fact
		without    int
	}{
		{"version 3", version3, []Fact{
			{Domain: "att.com", Name: "AT&T", Methods: []site.Method{"sms"}},
			{
				Domain: "example.com", Name: "Site Name", Also: []string{"example.net"},
				Methods: []site.Method{"sms", "call", "email", "totp", "app", "key"},
				Setup:   "https://example.com/2fa", Recovery: "https://example.com/lost",
			},
		}, 1},
		{"version 4", version4, []Fact{
			{Domain: "example.com", Name: "example.com", Methods: []site.Method{"totp", "key"}, Setup: "https://example.com/2fa"},
			{Domain: "example.net", Name: "example.net", Methods: []site.Method{"totp", "key"}, Setup: "https://example.com/2fa"},
		}, 1},
		{"empty, version 3", `[]`, nil, 0},
		{"empty, version 4", `{}`, nil, 0},
	} {
		l, err := Parse([]byte(tt.list))
		if err != nil || !reflect.DeepEqual(l, List{Facts: tt.want, Without: tt.without}) {
			t.Errorf("%s: %+v, %v", tt.name, l, err)
		}
	}
}

func TestParseLeavesOutWhatIsNotSound(t *testing.T) {
	const sound = `["Sound", {"domain": "sound.com", "tfa": ["totp"]}]`
	one := func(name, fields string) string {
		return fmt.Sprintf(`[[%q, {%s}], %s]`, name, fields, sound)
	}
	for _, tt := range []struct {
		name, list, refused               string
		without, methods, pages, domains  int
		wantFurther, wantSetup, wantWords string // of the first service, if it is not refused
	}{
		{name: "public suffix", list: one("A", `"domain": "co.uk", "tfa": ["sms"]`), refused: `"A": site refused: "co.uk" is not a registered domain`},
		{name: "private suffix", list: one("A", `"domain": "github.io", "tfa": ["sms"]`), refused: `"github.io" is not a registered domain`},
		{name: "no domain", list: one("A", `"tfa": ["sms"]`), refused: `"A"`},
		{name: "an address", list: one("A", `"domain": "192.0.2.1", "tfa": ["sms"]`), refused: `"192.0.2.1" is not`},
		{name: "a URL for a domain", list: one("A", `"domain": "https://a.com", "tfa": ["sms"]`), refused: `"A"`},
		{name: "name with a direction mark", list: one("A\u202e", `"domain": "a.com", "tfa": ["sms"]`), refused: `is not a name`},
		{name: "long name", list: one(strings.Repeat("A", 101), `"domain": "a.com", "tfa": ["sms"]`), refused: `is not a name`},
		{name: "many domains", list: one("A", `"domain": "a.com", "tfa": ["sms"], "additional-domains": ["a.net"`+strings.Repeat(`, "a.net"`, 100)+`]`), refused: "101 further domains"},
		{name: "methods of version 1", list: one("A", `"domain": "a.com", "tfa": true`), refused: `"A": not of the form of a service`},
		{name: "a member twice", list: one("A", `"domain": "a.com", "domain": "b.com", "tfa": ["sms"]`), refused: "not of the form"},
		{name: "no pair", list: `[["A"], ` + sound + `]`, refused: `"number 1": not a pair`},
		{name: "a number", list: `[7, ` + sound + `]`, refused: "not a pair"},
		{name: "the same domain again", list: one("A", `"domain": "sound.com", "tfa": ["sms"]`), refused: `"Sound": sound.com stands twice`},
		{name: "the same key again", list: `{"sound.com": {"methods": ["totp"]}, "sound.com": {"methods": ["sms"]}}`, refused: "sound.com stands twice"},
		{name: "unknown method", list: one("A", `"domain": "a.com", "tfa": ["hardware", "sms"]`), methods: 1, wantWords: "sms"},
		{name: "only unknown methods", list: one("A", `"domain": "a.com", "tfa": ["hardware"]`), methods: 1, without: 1},
		{name: "http page", list: one("A", `"domain": "a.com", "tfa": ["sms"], "documentation": "http://a.com/"`), pages: 1, wantWords: "sms"},
		{name: "script page", list: one("A", `"domain": "a.com", "tfa": ["sms"], "recovery": "javascript:alert(1)", "documentation": "https://a.com/"`), pages: 1, wantWords: "sms", wantSetup: "https://a.com/"},
		{name: "page with a user", list: one("A", `"domain": "a.com", "tfa": ["sms"], "documentation": "https://a.com@evil.com/"`), pages: 1, wantWords: "sms"},
		{name: "further domain that is a suffix", list: one("A", `"domain": "a.com", "tfa": ["sms"], "additional-domains": ["github.io", "a.net"]`), domains: 1, wantFurther: "a.net", wantWords: "sms"},
		{name: "further domain of another service", list: one("A", `"domain": "a.com", "tfa": ["sms"], "additional-domains": ["sound.com"]`), domains: 1, wantWords: "sms"},
	} {
		l, err := Parse([]byte(tt.list))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		refused := ""
		for _, r := range l.Refused {
			refused += r.Name + ": " + r.Why
		}
		if (refused == "") != (tt.refused == "") || !strings.Contains(refused, tt.refused) {
			t.Errorf("%s: refused %q, want %q", tt.name, refused, tt.refused)
		}
		if l.Without != tt.without || l.Methods != tt.methods || l.Pages != tt.pages || l.Domains != tt.domains {
			t.Errorf("%s: %+v", tt.name, l)
		}
		if n := len(l.Facts); n == 0 || l.Facts[n-1].Domain != "sound.com" {
			t.Errorf("%s: the sound service is gone: %+v", tt.name, l.Facts)
		} else if f := l.Facts[0]; tt.wantWords != "" && (strings.Join(f.Also, " ") != tt.wantFurther || f.Setup != tt.wantSetup || fmt.Sprint(f.Methods) != "["+tt.wantWords+"]") {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}

func TestParseRefusesOtherFiles(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":           "",
		"a page":            "<!doctype html><title>2FA Directory</title>",
		"a string":          `"x"`,
		"null":              `null`,
		"cut short":         version3[:len(version3)-2],
		"something after":   `[] []`,
		"not UTF-8":         "[[\"\xff\", {}]]",
		"wrong end":         `[}`,
		"over 8 MiB":        "[" + strings.Repeat(" ", MaxBytes) + "]",
		"too many services": "[0" + strings.Repeat(",0", maxServices) + "]",
		"nested too deep":   strings.Repeat("[", 100_000),
	} {
		if l, err := Parse([]byte(content)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %d services, %v", name, len(l.Facts), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(version3))
	f.Add([]byte(version4))
	f.Add([]byte(`[["a",{"domain":"a.b.co.uk","tfa":["sms","x"],"additional-domains":["co.uk","A.com","xn--"]}],["b",{"domain":"a.com","tfa":["u2f"],"recovery":"https://a.com/\u00fc"}],7]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		l, err := Parse(content)
		if err != nil {
			return
		}
		// What is kept of it is read again, and the same.
		kept, err := NewFile(l, day).JSON()
		if err != nil {
			t.Fatal(err)
		}
		file, err := parseFile(kept)
		if err != nil {
			t.Fatalf("%v of %s", err, kept)
		}
		if !slices.EqualFunc(file.Services, l.Facts, func(a, b Fact) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Errorf("kept as %s", kept)
		}
		merge(l.Facts)
		Changes(File{}, l)
		if changes := Changes(file, l); len(changes) > 0 {
			t.Errorf("the same list changes %v", changes)
		}
	})
}
