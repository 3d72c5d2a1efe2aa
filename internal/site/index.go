package site

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
)

// Entry is what an [Index] needs to know of one account.
type Entry struct {
	Sites  []string // as stored; see [Stored]
	Issuer string
}

// Index finds the accounts for a document among many. It never changes, and may
// be used by several goroutines.
//
// Making one parses no site, for it stands before the first code of a process:
// accounts that may serve a document are parsed when one is asked for.
type Index struct {
	entry    func(i int) Entry
	byHost   chains // by the tail of each site's host
	byIssuer chains // by the issuer's folded name, and the domain of one that is a domain
}

// Found is an account that serves a document.
type Found struct {
	I        int // the account's number, as given to NewIndex
	Strength Strength
}

// NewIndex returns the index of n accounts; entry returns the i-th, the same one
// each time.
func NewIndex(n int, entry func(i int) Entry) *Index {
	x := &Index{entry, newChains(n), newChains(n)}
	for i := range n {
		e := entry(i)
		for _, text := range e.Sites {
			x.byHost.add(tail(hostIn(text)), i)
		}
		if domain := issuerDomain(e.Issuer); domain != "" {
			x.byIssuer.add(domain, i)
		}
		x.byIssuer.add(fold(e.Issuer, ""), i)
	}
	return x
}

// hostIn cuts the host out of a stored site.
func hostIn(stored string) string {
	_, authority, _ := strings.Cut(stored, "://")
	authority, _, _ = strings.Cut(authority, " ")
	host, _, _ := splitPort(authority)
	return host
}

// tail is a host's last two labels. Hosts of one registrable domain, which has at
// least two, share it; to find it takes no look at the list of suffixes.
func tail(host string) string {
	dot := strings.LastIndexByte(host, '.')
	return host[strings.LastIndexByte(host[:max(dot, 0)], '.')+1:]
}

// Find returns every account that [Match] gives more than None for, the
// strongest first, then by number.
func (x *Index) Find(o Origin, ancestors []Origin) []Found {
	q := newQuery(o, ancestors)
	if q.refused {
		return nil
	}
	candidates := x.byHost.append(nil, tail(o.Host))
	domain := cmp.Or(q.domain, o.Host)
	candidates = slices.DeleteFunc(candidates, func(i int32) bool { // all the strangers under .co.uk
		return !slices.ContainsFunc(x.entry(int(i)).Sites, func(text string) bool { return strings.Contains(text, domain) })
	})
	if q.domain != "" {
		candidates = x.byIssuer.append(candidates, q.domain)
	}
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
		e := x.entry(int(i))
		if s := q.strength(Stored(e.Sites), e.Issuer); s > None {
			found = append(found, Found{int(i), s})
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int { return cmp.Compare(b.Strength, a.Strength) })
	return found
}

// chains maps a key to numbers of accounts, in linked lists inside one slice: a
// slice for each of 10,000 keys would cost more than all the rest. Of a key only
// the hash is kept, so what it finds may be of another.
type chains struct {
	seed  maphash.Seed
	first map[uint64]int32 // position in links plus one, by the key's hash
	links []link
}

type link struct{ account, next int32 }

func newChains(n int) chains {
	return chains{maphash.MakeSeed(), make(map[uint64]int32, n), make([]link, 0, n)}
}

func (c *chains) add(key string, account int) {
	hash := maphash.String(c.seed, key)
	c.links = append(c.links, link{int32(account), c.first[hash]})
	c.first[hash] = int32(len(c.links))
}

func (c *chains) append(accounts []int32, key string) []int32 {
	for at := c.first[maphash.String(c.seed, key)]; at > 0; at = c.links[at-1].next {
		accounts = append(accounts, c.links[at-1].account)
	}
	return accounts
}
