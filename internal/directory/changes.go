package directory

import (
	"cmp"
	"slices"

	"codefob/internal/site"
)

// Change is a service that a new list changes.
type Change struct {
	Kind   Kind          `json:"kind"`
	Domain string        `json:"domain"`
	Name   string        `json:"name"`
	Before []site.Method `json:"before,omitempty"`
	After  []site.Method `json:"after,omitempty"`
}

// Kind says what became of a service.
type Kind string

// The kinds, as they are sorted.
const (
	Removed Kind = "removed"
	Changed Kind = "changed" // it takes other methods
	Added   Kind = "added"
)

// Changes compares a new list with the kept one, or with the built-in directory
// when none is kept; what is built in does not go away. They
// are sorted by kind, then by domain.
func Changes(before File, after List) []Change {
	was := before.Services
	if before.Version == 0 {
		was = builtIn()
	}
	old := map[string]*Fact{}
	for i := range was {
		for _, domain := range was[i].domains() {
			old[domain] = &was[i]
		}
	}
	found := map[*Fact]bool{}
	var changes []Change
	for _, f := range after.Facts {
		var o *Fact
		for _, domain := range f.domains() {
			o = cmp.Or(o, old[domain])
		}
		switch {
		case found[o]: // version 4 says all again for each further domain
		case o == nil:
			changes = append(changes, Change{Added, f.Domain, f.Name, nil, f.Methods})
		case !slices.Equal(o.Methods, f.Methods):
			changes = append(changes, Change{Changed, f.Domain, f.Name, o.Methods, f.Methods})
		}
		found[o] = o != nil
	}
	for i := range was {
		if f := &was[i]; before.Version != 0 && !found[f] {
			changes = append(changes, Change{Removed, f.Domain, f.Name, f.Methods, nil})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Domain, b.Domain))
	})
	return changes
}

// builtIn returns the built-in directory as facts.
func builtIn() []Fact {
	var facts []Fact
	for _, s := range site.Services() {
		also := slices.Concat(s.Domains[1:], s.Hosts)
		facts = append(facts, Fact{Domain: s.Domains[0], Name: s.Name, Also: also, Methods: s.Methods})
	}
	return facts
}
