package directory

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"codefob/internal/site"
)

var day = time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)

// keep writes a list to a home folder.
func keep(t *testing.T, list string) (home string) {
	t.Helper()
	l, err := Parse([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	content, err := NewFile(l, day).JSON()
	if err != nil {
		t.Fatal(err)
	}
	home = t.TempDir()
	if err := os.WriteFile(FileName(home), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestTheBuiltInDirectoryAlone(t *testing.T) {
	for name, d := range map[string]*Directory{"zero": {}, "no file": Open(t.TempDir())} {
		s, ok := d.At("gist.github.com")
		if !ok || s.Name != "GitHub" || !s.Takes(site.MethodTOTP) || s.Setup == "" {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
		if s, ok := d.At("example.com"); ok {
			t.Errorf("%s: example.com is %s", name, s.Name)
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeptListChangesFacts(t *testing.T) {
	home := keep(t, `[
		["Hub", {"domain": "github.com", "additional-domains": ["github.example.com"], "tfa": ["u2f"], "recovery": "https://github.com/new"}],
		["Google Account", {"domain": "accounts.google.com", "tfa": ["totp"]}],
		["Google Pay", {"domain": "pay.google.com", "tfa": ["sms"]}],
		["Able", {"domain": "able.com", "additional-domains": ["able.net"], "tfa": ["sms", "totp"], "documentation": "https://able.com/2fa", "notes": "Foreign."}],
		["Able's Shop", {"domain": "shop.able.com", "tfa": ["email"]}]
	]`)
	d := Open(home)
	builtIn, _ := site.ServiceAt("github.com")
	for _, tt := range []struct {
		host, name, methods, setup, recovery, note string
		hosts                                      int
	}{
		{"github.com", "GitHub", "[key]", builtIn.Setup, "https://github.com/new", builtIn.Note, 1},
		{"gist.github.com", "GitHub", "[key]", builtIn.Setup, "https://github.com/new", builtIn.Note, 1},
		{"github.example.com", "", "[]", "", "", "", 0}, // no new host of ours
		{"accounts.google.com", "Google", "[totp]", "https://support.google.com/accounts/answer/185839", "https://support.google.com/accounts/answer/185834", "", 1},
		{"pay.google.com", "Google", "[totp]", "https://support.google.com/accounts/answer/185839", "https://support.google.com/accounts/answer/185834", "", 1},
		{"www.able.com", "Able", "[sms totp]", "https://able.com/2fa", "", "", 0},
		{"able.net", "Able", "[sms totp]", "https://able.com/2fa", "", "", 0},
		{"shop.able.com", "Able's Shop", "[email]", "", "", "", 0},
		{"unable.com", "", "[]", "", "", "", 0},
	} {
		s, ok := d.At(tt.host)
		if ok != (tt.name != "") || s.Name != tt.name || fmt.Sprint(s.Methods) != tt.methods || s.Setup != tt.setup || s.Recovery != tt.recovery || s.Note != tt.note || len(s.Hosts) != tt.hosts {
			t.Errorf("%s: %+v", tt.host, s)
		}
	}
	// The built-in directory itself is as it was, and so is matching.
	if s, _ := site.ServiceAt("github.com"); !reflect.DeepEqual(s, builtIn) {
		t.Errorf("the built-in directory was changed: %+v", s)
	}
	for _, host := range []string{"github.example.com", "gist.github.com"} {
		if got := site.Match(nil, "GitHub", site.Origin{Scheme: "https", Host: host}, nil); got >= site.Known {
			t.Errorf("GitHub at %s is %v", host, got)
		}
	}
	if got := site.Match(nil, "Able", site.Origin{Scheme: "https", Host: "able.net"}, nil); got >= site.Known {
		t.Errorf("Able at able.net is %v", got)
	}
}

// Whoever takes a service's name would share its reminder and its accounts.
func TestANameStandsForOneService(t *testing.T) {
	d := Open(keep(t, `[
		["GitHub", {"domain": "evil.com", "additional-domains": ["evil.net"], "tfa": ["sms"]}],
		["git-hub", {"domain": "evil.org", "tfa": ["sms"]}],
		["Twin", {"domain": "one.com", "tfa": ["sms"]}],
		["Twin", {"domain": "two.com", "tfa": ["sms"]}],
		["one.com", {"domain": "three.com", "tfa": ["sms"]}],
		["able.com", {"domain": "able.com", "tfa": ["sms"]}],
		["Hub", {"domain": "github.com", "tfa": ["sms", "totp"]}],
		["Hub", {"domain": "hub.com", "tfa": ["sms"]}]
	]`))
	for host, want := range map[string]string{
		"github.com": "GitHub", "evil.com": "evil.com", "www.evil.net": "evil.com", "evil.org": "evil.org",
		"one.com": "one.com", "two.com": "two.com", "three.com": "three.com", "able.com": "able.com", "hub.com": "Hub",
	} {
		if s, _ := d.At(host); s.Name != want {
			t.Errorf("%s is of %q, want %q", host, s.Name, want)
		}
	}
}

func TestOf(t *testing.T) {
	d := Open(keep(t, `[["Able", {"domain": "able.com", "tfa": ["sms"]}]]`))
	top := func(origins ...string) (sites []site.Site) {
		for _, s := range origins {
			o, err := site.ParseOrigin(s)
			if err != nil {
				t.Fatal(err)
			}
			sites = append(sites, site.Site{Origin: o})
		}
		return sites
	}
	inside := top("https://github.com")
	inside[0].Top = top("https://example.com")[0].Origin
	for _, tt := range []struct {
		issuer string
		sites  []site.Site
		want   string
	}{
		{"github", nil, "GitHub"},
		{"GitHub", top("https://www.able.com"), "GitHub"},
		{"My Company", top("https://login.microsoftonline.com"), "Microsoft"},
		{"My Company", top("https://example.com", "https://id.able.com"), "Able"},
		{"Able", nil, ""}, // the list's names are not issuers
		{"", inside, ""},
		{"", top("https://github.com:8443"), ""},
		{"", top("http://localhost:8080"), ""},
		{"", nil, ""},
	} {
		if s, ok := d.Of(tt.issuer, tt.sites); s.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("Of(%q, %v) = %q, %v; want %q", tt.issuer, tt.sites, s.Name, ok, tt.want)
		}
	}
}

func TestADamagedFileIsSaidAndNotUsed(t *testing.T) {
	const good = `{"version": 1, "date": "2026-11-22", "services": [{"domain": "github.com", "name": "Hub", "methods": ["key"]}]}`
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, content := range map[string]string{
		"empty":            "",
		"cut short":        good[:len(good)-1],
		"a list itself":    version3,
		"another version":  change(`"version": 1`, `"version": 2`),
		"another member":   change(`"date"`, `"hosts": ["evil.com"], "date"`),
		"no date":          change("2026-11-22", "yesterday"),
		"public suffix":    change("github.com", "github.io"),
		"http page":        change(`"name"`, `"setup": "http://github.com", "name"`),
		"unknown method":   change(`"key"`, `"fax"`),
		"methods disorder": change(`"key"`, `"key", "sms"`),
		"no methods":       change(`"key"`, ``),
		"bad name":         change(`Hub`, `\u001b`),
		"a domain twice":   change(`"name"`, `"also": ["github.com"], "name"`),
		"not sorted":       change(`[{`, `[{"domain": "z.com", "name": "Z", "methods": ["sms"]}, {`),
	} {
		home := t.TempDir()
		if err := os.WriteFile(FileName(home), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		d := Open(home)
		if err := d.Check(); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
		if s, _ := d.At("github.com"); !s.Takes(site.MethodTOTP) {
			t.Errorf("%s: the built-in facts are gone: %+v", name, s)
		}
	}
	home := t.TempDir()
	if err := os.WriteFile(FileName(home), []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Open(home).Check(); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if err := os.Mkdir(FileName(t.TempDir()), 0o700); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	os.Mkdir(FileName(folder), 0o700)
	if err := Open(folder).Check(); !errors.Is(err, ErrFile) {
		t.Errorf("a folder: %v", err)
	}
}

func TestChanges(t *testing.T) {
	list := func(s string) List {
		l, err := Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	old := NewFile(list(`[["Able", {"domain": "able.com", "tfa": ["sms"]}], ["Baker", {"domain": "baker.com", "tfa": ["sms"]}], ["Same", {"domain": "same.com", "tfa": ["u2f", "sms"]}]]`), day)
	for _, tt := range []struct {
		name   string
		before File
		after  string
		want   string
	}{
		{"kept", old, `[["Able", {"domain": "able.com", "tfa": ["totp", "sms"]}], ["Charlie", {"domain": "charlie.com", "tfa": ["email"]}], ["Same", {"domain": "same.com", "tfa": ["sms", "u2f"]}]]`,
			"[{removed baker.com Baker [sms] []} {changed able.com Able [sms] [sms totp]} {added charlie.com Charlie [] [email]}]"},
		{"a main domain that was a further one", old, `[["Able", {"domain": "able.net", "additional-domains": ["able.com"], "tfa": ["sms"]}], ["Baker", {"domain": "baker.com", "tfa": ["sms"]}], ["Same", {"domain": "same.com", "tfa": ["sms", "u2f"]}]]`, "[]"},
		{"version 4 repeats", File{}, `{"amazon.com": {"methods": ["totp"]}, "amazon.de": {"methods": ["totp"]}}`, "[{changed amazon.com amazon.com [sms call totp] [totp]}]"},
		{"built in, by login host", File{}, `[["Google", {"domain": "accounts.google.com", "tfa": ["sms"]}], ["New", {"domain": "new.com", "tfa": ["sms"]}]]`,
			"[{changed accounts.google.com Google [sms call totp app key] [sms]} {added new.com New [] [sms]}]"},
	} {
		if got := fmt.Sprint(Changes(tt.before, list(tt.after))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestOneDirectoryForMany(t *testing.T) {
	d := Open(keep(t, version3))
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if s, _ := d.At("example.net"); s.Name != "Site Name" {
				t.Errorf("example.net is %q", s.Name)
			}
		})
	}
	wait.Wait()
}

func FuzzFile(f *testing.F) {
	for _, list := range []string{version3, version4} {
		l, err := Parse([]byte(list))
		if err != nil {
			f.Fatal(err)
		}
		content, err := NewFile(l, day).JSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := parseFile(content)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Error(err)
			}
			return
		}
		owner := map[string]string{} // the main domain, by name
		for domain, s := range merge(file.Services).further {
			if main := s.Domains[0]; owner[s.Name] != "" && owner[s.Name] != main {
				t.Errorf("%s is %s and %s", s.Name, main, owner[s.Name])
			}
			owner[s.Name] = s.Domains[0]
			if len(s.Hosts) > 0 || len(s.Methods) == 0 {
				t.Errorf("%s: %+v", domain, s)
			}
			if ours, ok := site.ServiceAt(domain); ok {
				t.Errorf("%s is of %s", domain, ours.Name)
			}
		}
	})
}
