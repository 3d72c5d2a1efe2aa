package site

import (
	"slices"
	"strings"
	"testing"
)

// The directory keeps to the rules at its head.
func TestServicesTable(t *testing.T) {
	var names []string
	owner := map[string]string{}
	for line := range strings.Lines(servicesText) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		if len(columns) != 3 {
			t.Errorf("%q has %d columns, want 3", line, len(columns))
			continue
		}
		name, hosts := strings.TrimSpace(columns[0]), slices.Collect(items(columns[2]))
		names = append(names, strings.ToLower(name))
		if len(hosts) == 0 {
			t.Errorf("%s has no login host", name)
		}
		for _, issuer := range append([]string{name}, slices.Collect(items(columns[1]))...) {
			key := fold(issuer, "")
			if key == "" {
				t.Errorf("%s has a name %q without letters", name, issuer)
			}
			if before := owner[key]; before != "" {
				t.Errorf("issuer %q stands under %s and %s", issuer, before, name)
			}
			owner[key] = name
		}
		for _, host := range hosts {
			o, err := ParseOrigin("https://" + host)
			if err != nil || o.Port != 0 {
				t.Errorf("%s: host %q: %v, port %d", name, host, err, o.Port)
				continue
			}
			if o.Registrable() == "" {
				t.Errorf("%s: %s is a public suffix or no domain", name, host)
			}
			if before := owner["host "+host]; before != "" {
				t.Errorf("host %s stands under %s and %s", host, before, name)
			}
			owner["host "+host] = name
		}
	}
	if !slices.IsSorted(names) {
		for i := 1; i < len(names); i++ {
			if names[i] < names[i-1] {
				t.Errorf("%q stands after %q", names[i], names[i-1])
			}
		}
	}
	if len(names) < 250 {
		t.Errorf("%d services, want at least 250", len(names))
	}
	if d := services(); len(d.byHost)+len(d.byIssuer) != len(owner) {
		t.Errorf("parsed %d hosts and %d issuers, the table has %d of both", len(d.byHost), len(d.byIssuer), len(owner))
	}
}

func BenchmarkParseServices(b *testing.B) {
	for b.Loop() {
		parseServices(servicesText)
	}
}
