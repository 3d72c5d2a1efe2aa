package account

import (
	"slices"
	"testing"
)

func TestSearch(t *testing.T) {
	accounts := []Account{
		{ID: "A1", Issuer: "GitHub", Name: "alice", Sites: []string{"https://github.com"}},
		{ID: "B2", Issuer: "GitHub", Name: "bob", Sites: []string{"https://github.com"}},
		{ID: "C3", Issuer: "GitHub Enterprise", Name: "alice", Sites: []string{"https://git.example.com"}},
		{ID: "D4", Name: "github backup"},
	}
	tests := []struct {
		query string
		want  []string // ids
	}{
		{"", []string{"A1", "B2", "D4", "C3"}}, // by label, in any case
		{"github", []string{"A1", "B2"}},       // the issuer's whole name goes before a part of it
		{"GITHUB", []string{"A1", "B2"}},
		{"git", []string{"A1", "B2", "D4", "C3"}},
		{"github alice", []string{"A1", "C3"}},
		{"alice github", []string{"A1", "C3"}},
		{"git.example", []string{"C3"}},
		{"bob", []string{"B2"}},
		{"C3", []string{"C3"}},
		{"c3", nil}, // an id is exact
		{"carol", nil},
	}
	for _, tt := range tests {
		var got []string
		for _, a := range Search(accounts, tt.query) {
			got = append(got, a.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Search(%q) = %v; want %v", tt.query, got, tt.want)
		}
	}
}
