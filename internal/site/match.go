package site

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Strength says how well an account belongs to a document. Only Bound fills on
// a plain confirm; the others ask once.
type Strength int

// The strengths, from the weakest.
const (
	None      Strength = iota // reached by searching only
	Suggested                 // the issuer's name is the registrable domain's label
	Related                   // same registrable domain as a bound site, another host or port
	Known                     // the directory of services lists this host for the issuer
	Bound                     // enrolled at exactly this origin, or allowed by the user
)

// String returns the word on the wire.
func (s Strength) String() string {
	return [...]string{"none", "suggested", "related", "known", "bound"}[s]
}

// Match says how strongly an account with these sites and this issuer serves the
// document at o, whose ancestors are the origins from its parent up to the top.
//
// A frame inside documents of another site is Bound where the pair is among the
// sites, else None. A public suffix is None. An issuer is Suggested only to an
// account that serves no site yet, and never for a host that anybody can have
// under a shared domain (bob.github.io); an issuer of the directory only at
// domains that the directory lists for it, so github.xyz is not GitHub. An issuer
// that is itself a domain ("accounts.google.com") is Suggested for the same
// registrable domain.
func Match(sites []Site, issuer string, o Origin, ancestors []Origin) Strength {
	q := newQuery(o, ancestors)
	return q.strength(sites, issuer)
}

// query is a document, with all that does not depend on the account worked out.
type query struct {
	refused bool     // no account can serve it
	framed  bool     // an ancestor is of another site
	bound   Site     // the stored site that binds an account to it
	domain  string   // registrable domain, "" if none
	label   string   // the domain's first label where registries sell it, else ""
	service *service // that lists the host, nil if none
}

func newQuery(o Origin, ancestors []Origin) query {
	bound, err := NewSite(o, ancestors)
	if err != nil {
		return query{refused: true}
	}
	q := query{bound: bound, framed: bound.Top != Origin{}}
	var icann bool
	if q.domain, icann = registrable(o.Host); icann {
		q.label, _, _ = strings.Cut(q.domain, ".")
	}
	if o.Port == 0 {
		q.service = servicesByHost()[o.Host]
	}
	return q
}

func (q *query) strength(sites []Site, issuer string) Strength {
	switch {
	case q.refused:
		return None
	case slices.Contains(sites, q.bound):
		return Bound
	case q.framed:
		return None
	case q.service != nil && q.service == servicesByIssuer()[fold(issuer, "")]:
		return Known
	case slices.ContainsFunc(sites, q.related):
		return Related
	case len(sites) == 0 && q.suggested(issuer):
		return Suggested
	}
	return None
}

// related reports whether the site, as a top document, has the query's registrable domain.
func (q *query) related(s Site) bool {
	if q.domain == "" || s.Top != (Origin{}) || !strings.HasSuffix(s.Origin.Host, q.domain) {
		return false // most sites, without asking the list
	}
	return s.Origin.Registrable() == q.domain
}

// suggested reports whether the issuer's name points to the query's domain.
func (q *query) suggested(issuer string) bool {
	if q.domain == "" {
		return false
	}
	if s := servicesByIssuer()[fold(issuer, "")]; s != nil && !s.has(q.domain) {
		return false
	}
	if domain := issuerDomain(issuer); domain != "" {
		return domain == q.domain
	}
	return len(q.label) > 1 && (q.label == fold(issuer, "") || q.label == fold(issuer, "-"))
}

// issuerDomain returns the registrable domain of an issuer that is itself a host, else "".
func issuerDomain(issuer string) string {
	if !strings.Contains(issuer, ".") {
		return ""
	}
	host, err := canonicalHost(issuer)
	if err != nil || !isPublicSuffix(host[strings.LastIndexByte(host, '.')+1:]) { // "Node.js"
		return ""
	}
	domain, _ := registrable(host)
	return domain
}

// fold returns a name in lower case with sep for every run of spaces and
// punctuation: "My Bank" is "mybank" or "my-bank". Nothing else is taken away or
// made equal: a name in Cyrillic letters stays apart from its Latin look-alike.
func fold(name, sep string) string {
	folded := make([]byte, 0, 48)
	gap := false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) {
			gap = len(folded) > 0
			continue
		}
		if gap {
			folded, gap = append(folded, sep...), false
		}
		folded = utf8.AppendRune(folded, unicode.ToLower(r))
	}
	return string(folded)
}
