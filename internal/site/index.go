package site

import (
	"cmp"
	"slices"
	"strings"
)

// Entry is what an [Index] needs to know of one account.
type Entry struct {
	Sites  []Site
	Issuer string
}

// Index finds the accounts for a document among many. It never changes, and may
// be used by several goroutines.
type Index struct {
	entries  []Entry
	byDomain chains // by each site's registrable domain, else its host, and of an issuer that is a domain
	byIssuer chains // by the issuer's folded name
}

// Found is an account that serves a document.
type Found struct {
	I        int // the account's number, as given to NewIndex
	Strength Strength
}

// NewIndex returns the index of n accounts; entry returns the i-th.
func NewIndex(n int, entry func(i int) Entry) *Index {
	x := &Index{make([]Entry, n), newChains(n), newChains(n)}
	for i := range x.entries {
		e := entry(i)
		x.entries[i] = e
		for _, s := range e.Sites {
			x.byDomain.add(cmp.Or(s.Origin.Registrable(), s.Origin.Host), i)
		}
		if domain := issuerDomain(e.Issuer); domain != "" {
			x.byDomain.add(domain, i)
		}
		x.byIssuer.add(fold(e.Issuer, ""), i)
	}
	return x
}

// Find returns every account that [Match] gives more than None for, the
// strongest first, then by number.
func (x *Index) Find(o Origin, ancestors []Origin) []Found {
	q := newQuery(o, ancestors)
	if q.refused {
		return nil
	}
	candidates := x.byDomain.append(nil, cmp.Or(q.domain, o.Host))
	if q.label != "" {
		candidates = x.byIssuer.append(candidates, strings.ReplaceAll(q.label, "-", ""))
	}
	if q.service != nil {
		for name := range q.service.issuers {
			candidates = x.byIssuer.append(candidates, name)
		}
	}
	slices.Sort(candidates)
	var found []Found
	for _, i := range slices.Compact(candidates) {
		e := x.entries[i]
		if s := q.strength(e.Sites, e.Issuer); s > None {
			found = append(found, Found{int(i), s})
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int { return cmp.Compare(b.Strength, a.Strength) })
	return found
}

// chains maps a key to numbers of accounts, in linked lists inside one slice: a
// slice for each of 10,000 keys would cost more than all the rest.
type chains struct {
	first map[string]int32 // position in links plus one
	links []link
}

type link struct{ account, next int32 }

func newChains(n int) chains {
	return chains{make(map[string]int32, n), make([]link, 0, n)}
}

func (c *chains) add(key string, account int) {
	c.links = append(c.links, link{int32(account), c.first[key]})
	c.first[key] = int32(len(c.links))
}

func (c *chains) append(accounts []int32, key string) []int32 {
	for at := c.first[key]; at > 0; at = c.links[at-1].next {
		accounts = append(accounts, c.links[at-1].account)
	}
	return accounts
}
