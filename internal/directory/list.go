package directory

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/site"
)

// Caps on a list. The one of November 2026 has some 3,000 services in 1.5 MB.
const (
	MaxBytes    = 8 << 20
	maxServices = 20_000
	maxDomains  = 100 // of one service
)

// Fact is what a list says of one service.
type Fact struct {
	Domain   string        `json:"domain"`
	Name     string        `json:"name"`               // the domain where the list has no names
	Also     []string      `json:"also,omitempty"`     // further domains
	Methods  []site.Method `json:"methods"`            // never empty, in the order of [site.Methods]
	Setup    string        `json:"setup,omitempty"`    // as [site.ParsePage] returns it
	Recovery string        `json:"recovery,omitempty"` // likewise
}

// domains are all of the service's, the main one first.
func (f Fact) domains() []string { return append([]string{f.Domain}, f.Also...) }

// List is a list of 2fa.directory, cleaned.
type List struct {
	Facts   []Fact // sorted by domain; no domain belongs to two
	Refused []Refusal
	Without int // services that take nothing beside the password, or only what we do not know
	Methods int // unknown methods that were left out
	Pages   int // pages that were left out: not https, or not of a registered domain
	Domains int // further domains that were left out: not registered, or of another service
}

// Refusal is a service that was left out of a list.
type Refusal struct {
	Name string `json:"name"` // as the list has it, quoted
	Why  string `json:"why"`
}

// ErrForm is the error of bytes that are no list of 2fa.directory.
var ErrForm = errors.New("not a list of 2fa.directory")

// methods of 2fa.directory.
var methods = map[string]site.Method{
	"sms": site.MethodSMS, "call": site.MethodCall, "email": site.MethodEmail, "totp": site.MethodTOTP,
	"custom-software": site.MethodApp, "u2f": site.MethodKey, "custom-hardware": site.MethodKey,
}

// record is one service in either form; we take what we know.
type record struct {
	Domain        string   `json:"domain"`
	Also          []string `json:"additional-domains"`
	TFA           []string `json:"tfa"`     // version 3
	Methods       []string `json:"methods"` // version 4
	Documentation string   `json:"documentation"`
	Recovery      string   `json:"recovery"`
}

// Parse reads a list of 2fa.directory: version 3, an array of [name, service],
// or version 4, an object of services by domain (2fa.directory/api). A service
// that is not of this form is refused and the others are read. The error is
// [ErrForm] for all that is not such a list as a whole.
func Parse(content []byte) (List, error) {
	if len(content) > MaxBytes {
		return List{}, fmt.Errorf("%w: %w", ErrForm, errTooBig)
	}
	var p parser
	if err := p.read(content); err != nil {
		return List{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	p.settle()
	return p.List, nil
}

// parser is a list while it is read.
type parser struct {
	List
	n int // services so far
}

func (p *parser) read(content []byte) error {
	// What is doubled inside one service refuses that service, below.
	dec := jsontext.NewDecoder(bytes.NewReader(content), jsontext.AllowDuplicateNames(true))
	start, err := dec.ReadToken()
	if err != nil {
		return err
	}
	kind := start.Kind()
	if kind != '[' && kind != '{' {
		return errors.New("neither an array nor an object")
	}
	for dec.PeekKind() != ']' && dec.PeekKind() != '}' {
		if p.n++; p.n > maxServices {
			return fmt.Errorf("over %d services", maxServices)
		}
		key := ""
		if kind == '{' {
			token, err := dec.ReadToken()
			if err != nil {
				return err
			}
			key = token.String()
		}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		p.add(key, value)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return errors.New("something follows it")
	}
	return nil
}

// add reads one service; domain is its key in version 4.
func (p *parser) add(domain string, value jsontext.Value) {
	name := domain
	var r record
	if domain == "" {
		var pair []jsontext.Value
		if err := json.Unmarshal(value, &pair, jsontext.AllowDuplicateNames(true)); err != nil || len(pair) != 2 || json.Unmarshal(pair[0], &name) != nil {
			p.refuse(fmt.Sprintf("number %d", p.n), errors.New("not a pair of a name and a service"))
			return
		}
		value, name = pair[1], html.UnescapeString(name) // "AT&amp;T" in older lists
	}
	if err := json.Unmarshal(value, &r); err != nil {
		p.refuse(name, errors.New("not of the form of a service"))
		return
	}
	if domain != "" {
		r.Domain = domain
	}
	f, err := p.fact(name, r)
	switch {
	case err != nil:
		p.refuse(name, err)
	case len(f.Methods) == 0:
		p.Without++
	default:
		p.Facts = append(p.Facts, f)
	}
}

// fact cleans a service.
func (p *parser) fact(name string, r record) (f Fact, err error) {
	if f.Name, err = site.ParseName(name); err != nil {
		return f, err
	}
	if f.Domain, err = site.ParseDomain(r.Domain); err != nil {
		return f, err
	}
	if len(r.Also) > maxDomains {
		return f, fmt.Errorf("%d further domains", len(r.Also))
	}
	for _, also := range r.Also {
		if also, err := site.ParseDomain(also); err == nil {
			f.Also = append(f.Also, also)
		} else {
			p.Domains++
		}
	}
	for _, word := range append(r.TFA, r.Methods...) {
		if m, ok := methods[word]; ok {
			f.Methods = append(f.Methods, m)
		} else {
			p.Methods++
		}
	}
	slices.SortFunc(f.Methods, byOrder)
	f.Methods = slices.Compact(f.Methods)
	f.Setup, f.Recovery = p.page(r.Documentation), p.page(r.Recovery)
	return f, nil
}

func byOrder(a, b site.Method) int {
	return slices.Index(site.Methods, a) - slices.Index(site.Methods, b)
}

// page cleans an address; one that is not fit for people is left out.
func (p *parser) page(s string) string {
	if s == "" {
		return ""
	}
	page, err := site.ParsePage(s)
	if err != nil {
		p.Pages++
	}
	return page
}

func (p *parser) refuse(name string, why error) {
	p.Refused = append(p.Refused, Refusal{fmt.Sprintf("%.60q", name), why.Error()})
}

// settle sorts the services, and gives each domain to one: the first whose main
// domain it is, else the first that has it.
func (p *parser) settle() {
	slices.SortStableFunc(p.Facts, func(a, b Fact) int { return strings.Compare(a.Domain, b.Domain) })
	taken := make(map[string]bool, 2*len(p.Facts))
	p.Facts = slices.DeleteFunc(p.Facts, func(f Fact) bool {
		if taken[f.Domain] {
			p.refuse(f.Name, fmt.Errorf("%s stands twice", f.Domain))
			return true
		}
		taken[f.Domain] = true
		return false
	})
	for i := range p.Facts {
		p.Facts[i].Also = slices.DeleteFunc(p.Facts[i].Also, func(domain string) bool {
			if taken[domain] {
				p.Domains++
				return true
			}
			taken[domain] = true
			return false
		})
	}
}
