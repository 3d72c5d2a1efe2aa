package directory

import (
	"cmp"
	"slices"

	"codefob/internal/site"
)

// Change is a service whose methods a new list changes. Before is empty for one
// that was not there, After for one that is there no more.
type Change struct {
	Domain string        `json:"domain"`
	Name   string        `json:"name"`
	Before []site.Method `json:"before,omitempty"`
	After  []site.Method `json:"after,omitempty"`
}

// Changes compares a new list with the kept one, or with the built-in directory
// when none is kept; what is built in does not go away. They are sorted by domain.
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
			changes = append(changes, Change{f.Domain, f.Name, nil, f.Methods})
		case !slices.Equal(o.Methods, f.Methods):
			changes = append(changes, Change{f.Domain, f.Name, o.Methods, f.Methods})
		}
		found[o] = o != nil
	}
	for i := range was {
		if f := &was[i]; before.Version != 0 && !found[f] {
			changes = append(changes, Change{f.Domain, f.Name, f.Methods, nil})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(a.Domain, b.Domain) })
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
