package account

import (
	"slices"
	"strings"
)

// Search finds the accounts that a person means: the one with that id, else those
// whose issuer or name is the query, else those that hold every word of it in
// issuer, name or sites, in any case. An empty query finds all. They come in the
// order of their labels.
func Search(accounts []Account, query string) []Account {
	words := strings.Fields(strings.ToLower(query))
	var exact, hits []Account
	for _, a := range accounts {
		if a.ID == query && query != "" {
			return []Account{a}
		}
		if strings.EqualFold(a.Issuer, query) || strings.EqualFold(a.Name, query) {
			exact = append(exact, a)
		}
		if a.holds(words) {
			hits = append(hits, a)
		}
	}
	if len(exact) > 0 && query != "" {
		hits = exact
	}
	return byLabel(hits)
}

// byLabel sorts accounts by their labels, in any case.
func byLabel(accounts []Account) []Account {
	type labelled struct {
		Account
		label string // made once: there may be 10,000
	}
	sorted := make([]labelled, len(accounts))
	for i, a := range accounts {
		sorted[i] = labelled{a, strings.ToLower(a.Label())}
	}
	slices.SortStableFunc(sorted, func(a, b labelled) int { return strings.Compare(a.label, b.label) })
	for i, a := range sorted {
		accounts[i] = a.Account
	}
	return accounts
}

// holds tells whether each word is part of issuer, name or a site.
func (a Account) holds(words []string) bool {
	text := strings.ToLower(a.Issuer + "\n" + a.Name + "\n" + strings.Join(a.Sites, "\n"))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
