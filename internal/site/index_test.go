package site

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Find gives what Match gives for each account, over every account and document
// of the tables and many made at random.
func TestIndexFindsWhatMatchFinds(t *testing.T) {
	var entries []Entry
	var documents []document
	for _, tt := range matchTests {
		entries = append(entries, Entry{strings.Split(tt.sites, "; "), tt.issuer})
		documents = append(documents, document{origin(t, tt.origin), origins(t, tt.ancestors)})
	}
	checkIndex(t, entries, documents)

	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		entries, documents := make([]Entry, 40), make([]document, 20)
		for i := range entries {
			for range r.IntN(3) {
				s := Site{Origin: randomOrigin(t, r)}
				if r.IntN(4) == 0 {
					s.Top = randomOrigin(t, r)
				}
				entries[i].Sites = append(entries[i].Sites, pick(r, s.String(), s.String(), s.String(), "from a newer version: github.com"))
			}
			entries[i].Issuer = pick(r, "", "GitHub", "git-hub", "X", "Twitter", "x.com", "Acme", "My Bank", "my-bank.co.uk",
				"alice.github.io", "github.com", "www.acme.com", "Amazon", "amazon.de", "Acme.Local")
		}
		for i := range documents {
			documents[i].o = randomOrigin(t, r)
			for range r.IntN(3) {
				documents[i].ancestors = append(documents[i].ancestors, randomOrigin(t, r))
			}
		}
		checkIndex(t, entries, documents)
	}
}

type document struct {
	o         Origin
	ancestors []Origin
}

func checkIndex(t *testing.T, entries []Entry, documents []document) {
	t.Helper()
	x := NewIndex(len(entries), func(i int) Entry { return entries[i] })
	for _, d := range documents {
		var want []Found
		for i, e := range entries {
			if s := Match(Stored(e.Sites), e.Issuer, d.o, d.ancestors); s > None {
				want = append(want, Found{i, s})
			}
		}
		slices.SortStableFunc(want, func(a, b Found) int { return int(b.Strength - a.Strength) })
		if got := x.Find(d.o, d.ancestors); !slices.Equal(got, want) {
			t.Fatalf("Find(%s, %s) = %v, Match gives %v", d.o, d.ancestors, got, want)
		}
	}
}

func randomOrigin(t *testing.T, r *rand.Rand) Origin {
	host := pick(r, "github.com", "x.com", "twitter.com", "acme.com", "acme.co.uk", "mybank.com", "my-bank.co.uk", "github.io",
		"alice.github.io", "www.amazon.de", "amazon.de", "acme.local", "intranet", "localhost", "192.168.1.1", "[::1]", "com")
	if r.IntN(4) == 0 && !isIP(host) {
		host = pick(r, "www.", "a.b.") + host
	}
	if r.IntN(5) == 0 {
		host += ":8443"
	}
	return origin(t, "https://"+host)
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

func TestEmptyIndex(t *testing.T) {
	x := NewIndex(0, nil)
	if got := x.Find(origin(t, "https://github.com"), nil); got != nil {
		t.Errorf("Find in an empty index = %v", got)
	}
}

// tenThousand are accounts as in a large vault: most with a site and an issuer
// of their own, some at services of the directory, some imported without a site.
func tenThousand(b *testing.B) []Entry {
	var hosts, names []string
	for line := range strings.Lines(servicesText) {
		columns := strings.Split(line, "|")
		if len(columns) < 3 || line[0] == '#' {
			continue
		}
		for host := range items(columns[2]) {
			names, hosts = append(names, strings.TrimSpace(columns[0])), append(hosts, host)
			break
		}
	}
	entries := make([]Entry, 10_000)
	for i := range entries {
		n := i % len(hosts)
		switch i % 20 {
		case 0:
			entries[i] = Entry{[]string{"https://" + hosts[n]}, names[n]}
		case 1:
			entries[i] = Entry{nil, names[n]}
		default:
			s := fmt.Sprintf("https://login.company-%d.%s", i, []string{"com", "co.uk", "example", "de"}[i%4])
			entries[i] = Entry{[]string{s}, fmt.Sprintf("Company %d", i)}
		}
	}
	return entries
}

func BenchmarkNewIndex(b *testing.B) {
	entries := tenThousand(b)
	services()
	b.ReportAllocs()
	for b.Loop() {
		NewIndex(len(entries), func(i int) Entry { return entries[i] })
	}
}

func BenchmarkFind(b *testing.B) {
	entries := tenThousand(b)
	x := NewIndex(len(entries), func(i int) Entry { return entries[i] })
	for _, s := range []string{
		"https://github.com", "https://login.company-4002.example", "https://www.company-4004.com", "https://login.company-4005.co.uk",
		"https://nowhere.example", "https://nowhere.co.uk", "http://localhost:8080",
	} {
		o := origin(b, s)
		b.Run(o.Display(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Find(o, nil)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	sites := []Site{{Origin: origin(b, "https://github.com")}}
	o := origin(b, "https://gist.github.com")
	for b.Loop() {
		Match(sites, "GitHub", o, nil)
	}
}

func BenchmarkParseStored(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseStored("https://accounts.google.com"); err != nil {
			b.Fatal(err)
		}
	}
}
