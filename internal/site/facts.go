package site

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Method is a way to prove oneself beside the password, by the wire's word.
type Method string

// The methods.
const (
	MethodSMS   Method = "sms"
	MethodCall  Method = "call"
	MethodEmail Method = "email"
	MethodTOTP  Method = "totp" // an authenticator app of the user's choice
	MethodApp   Method = "app"  // the service's own app, or one that it prescribes
	MethodKey   Method = "key"  // a security key, a passkey or another device
)

// Methods are all methods, in the order in which they are written.
var Methods = []Method{MethodSMS, MethodCall, MethodEmail, MethodTOTP, MethodApp, MethodKey}

// Service is what the directory knows of one service. No name, host or domain
// belongs to two services.
type Service struct {
	Name     string
	Hosts    []string // login hosts; may be empty
	Domains  []string // never empty, the main one first
	Methods  []Method // in the order of [Methods]; empty if not known
	Setup    string   // https URL of the page about setting up; may be empty
	Recovery string   // https URL of the page for those who lost access; may be empty
	Note     string   // a sentence or two of plain text; may be empty
}

// Takes reports whether the service is known to take the method.
func (s Service) Takes(m Method) bool { return slices.Contains(s.Methods, m) }

// Caps in bytes on what a service says of itself.
const (
	maxName = 100
	maxNote = 200
	maxPage = 500
)

// facts is the whole built-in directory. A test holds services.txt to its
// rules, so it reads without an error.
var facts = sync.OnceValue(func() (d struct {
	list                     []Service
	byName, byHost, byDomain map[string]int
}) {
	d.list, _ = readServices(servicesText)
	d.byName, d.byHost, d.byDomain = map[string]int{}, map[string]int{}, map[string]int{}
	for i, s := range d.list {
		d.byName[s.Name] = i
		for _, host := range s.Hosts {
			d.byHost[host] = i
		}
		for _, domain := range s.Domains {
			d.byDomain[domain] = i
		}
	}
	return d
})

// Services returns the built-in directory, sorted by name. It is not to be changed.
func Services() []Service { return facts().list }

// ServiceAt returns the service of a host as an [Origin] has it: by login host,
// else by the longest domain that the host is or is under.
func ServiceAt(host string) (Service, bool) {
	d := facts()
	i, ok := d.byHost[host]
	if !ok {
		i, ok = Longest(d.byDomain, host)
	}
	if !ok {
		return Service{}, false
	}
	return d.list[i], true
}

// ServiceNamed returns the service that enrolls under this issuer.
func ServiceNamed(issuer string) (Service, bool) {
	s := servicesByIssuer()[fold(issuer, "")]
	if s == nil {
		return Service{}, false
	}
	i, ok := facts().byName[strings.TrimSpace(s.name)]
	if !ok {
		return Service{}, false
	}
	return facts().list[i], true
}

// Longest returns the value of the longest domain that the host is or is under.
func Longest[T any](byDomain map[string]T, host string) (value T, ok bool) {
	for domain := host; domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		if value, ok = byDomain[domain]; ok {
			return value, true
		}
	}
	return value, false
}

// ParseDomain reads a domain that one owner registered, or a host under one:
// no address, no public suffix, nothing of the local network. It returns it as
// a browser writes it. Errors wrap [ErrRefused].
func ParseDomain(s string) (string, error) {
	host, err := canonicalHost(s)
	if err != nil {
		return "", err
	}
	domain, icann := registrable(host)
	if domain == "" || !icann && strings.Count(domain, ".") == 1 { // the list does not know its last label
		return "", refuse("%.60q is not a registered domain", s)
	}
	return host, nil
}

// ParsePage reads the address of a page that people may be sent to: https, the
// scheme's own port, a registered domain, no user name; at most 500 bytes. It
// returns it in ASCII. Errors wrap [ErrRefused].
func ParsePage(s string) (string, error) {
	if len(s) > maxPage {
		return "", refuse("an address of %d bytes", len(s))
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", refuse("%.60q is not an address", s)
	case u.Scheme != "https" || u.Opaque != "":
		return "", refuse("%.60q is not https", s)
	case u.User != nil || u.Port() != "":
		return "", refuse("%.60q has a user name or a port", s)
	}
	if u.Host, err = ParseDomain(u.Host); err != nil {
		return "", err
	}
	s = u.String()
	if i := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }); i >= 0 || len(s) > maxPage {
		return "", refuse("%.60q is not an address in ASCII", s)
	}
	return s, nil
}

// ParseName reads the name of a service: printable, with a letter or a number,
// at most 100 bytes. Errors wrap [ErrRefused].
func ParseName(s string) (string, error) {
	if len(s) > maxName || !printable(s) || fold(s, "") == "" {
		return "", refuse("%.60q is not a name", s)
	}
	return s, nil
}

// printable reports text without control characters, odd spaces or tricks of direction.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// readServices reads the table that services.txt describes. Every breach of its
// rules is in the error, with its line; such lines are left out.
func readServices(text string) ([]Service, error) {
	var list []Service
	var errs []error
	owner := map[string]string{} // the service's name, by "name x", "host x" and "domain x"
	byDomain := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		s, keys, err := readService(line)
		if len(list) > 0 && err == nil && strings.ToLower(s.Name) < strings.ToLower(list[len(list)-1].Name) {
			err = fmt.Errorf("%s stands after %s", s.Name, list[len(list)-1].Name)
		}
		for _, key := range keys {
			if before := owner[key]; before != "" && err == nil {
				err = fmt.Errorf("%s stands under %s and %s", key, before, s.Name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		for _, key := range keys {
			owner[key] = s.Name
		}
		for _, domain := range s.Domains {
			byDomain[domain] = s.Name
		}
		list = append(list, s)
	}
	for _, s := range list { // when all domains are known
		for _, host := range s.Hosts {
			if name, _ := Longest(byDomain, host); name != s.Name {
				errs = append(errs, fmt.Errorf("%s: login host %s is not under one of its domains", s.Name, host))
			}
		}
	}
	return list, errors.Join(errs...)
}

// readService reads one line of the table. The keys are what must stand in no
// other line: its names, hosts and domains.
func readService(line string) (s Service, keys []string, err error) {
	columns := strings.Split(line, "|")
	if len(columns) != 8 {
		return s, nil, fmt.Errorf("%d columns, not 8", len(columns))
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	s.Name, s.Note = columns[0], columns[7]
	for _, name := range append([]string{s.Name}, slices.Collect(items(columns[1]))...) {
		if _, err := ParseName(name); err != nil {
			return s, nil, err
		}
		keys = append(keys, "name "+fold(name, ""))
	}
	for host := range items(columns[2]) {
		s.Hosts = append(s.Hosts, host)
		keys = append(keys, "host "+host)
	}
	for domain := range items(columns[3]) {
		s.Domains = append(s.Domains, domain)
		keys = append(keys, "domain "+domain)
	}
	for _, host := range slices.Concat(s.Hosts, s.Domains) {
		if canonical, err := ParseDomain(host); err != nil || canonical != host {
			return s, nil, fmt.Errorf("%q is not a host of the public net in its plain form", host)
		}
	}
	last := -1
	for word := range items(columns[4]) {
		i := slices.Index(Methods, Method(word))
		if i <= last {
			return s, nil, fmt.Errorf("method %q is unknown, or not in its order", word)
		}
		last = i
		s.Methods = append(s.Methods, Methods[i])
	}
	for i, page := range []*string{&s.Setup, &s.Recovery} {
		if text := columns[5+i]; text != "" {
			if *page, err = ParsePage(text); err != nil {
				return s, nil, err
			}
		}
	}
	switch folded := slices.Sorted(slices.Values(keys)); {
	case len(s.Domains) == 0:
		return s, nil, fmt.Errorf("%s has no domain", s.Name)
	case len(s.Note) > maxNote || !printable(s.Note):
		return s, nil, fmt.Errorf("the note of %s is too long, or not plain text", s.Name)
	case len(slices.Compact(folded)) < len(keys):
		return s, nil, fmt.Errorf("%s has something twice", s.Name)
	}
	return s, keys, nil
}
