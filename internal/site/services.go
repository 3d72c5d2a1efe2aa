package site

import (
	_ "embed"
	"iter"
	"strings"
	"sync"
)

//go:embed services.txt
var servicesText string

// service is one line of services.txt: the columns that matching needs, as they
// stand there. The rest of the line is read by [readServices] when it is asked for.
type service struct{ name, others, hosts, domains string }

// The built-in directory as matching needs it. A start that finds an account
// bound to its site makes the first two alone.
var (
	services         = sync.OnceValue(func() []service { return splitServices(servicesText) })
	servicesByHost   = sync.OnceValue(func() map[string]*service { return byHost(services()) })
	servicesByIssuer = sync.OnceValue(func() map[string]*service { return byIssuer(services()) })
)

// splitServices cuts the columns out of the table that services.txt describes.
// It is ours, and a test holds it to its rules.
func splitServices(text string) []service {
	list := make([]service, 0, 512)
	for line := range strings.Lines(text) {
		if line[0] == '#' || line[0] == '\n' {
			continue
		}
		var s service
		for _, column := range []*string{&s.name, &s.others, &s.hosts, &s.domains} {
			*column, line, _ = strings.Cut(line, "|")
		}
		list = append(list, s)
	}
	return list
}

// byHost finds services by a login host; no host belongs to two.
func byHost(list []service) map[string]*service {
	found := make(map[string]*service, 2*len(list))
	for i := range list {
		for host := range items(list[i].hosts) {
			found[host] = &list[i]
		}
	}
	return found
}

// byIssuer finds services by a folded name; no name belongs to two.
func byIssuer(list []service) map[string]*service {
	found := make(map[string]*service, 2*len(list))
	for i := range list {
		for issuer := range list[i].issuers {
			found[issuer] = &list[i]
		}
	}
	return found
}

// issuers yields the folded names under which the service enrolls.
func (s *service) issuers(yield func(string) bool) {
	if !yield(fold(s.name, "")) {
		return
	}
	for name := range items(s.others) {
		if !yield(fold(name, "")) {
			return
		}
	}
}

// has reports whether one of the service's domains has this registrable domain.
func (s *service) has(domain string) bool {
	for d := range items(s.domains) {
		if registered, _ := registrable(d); registered == domain {
			return true
		}
	}
	return false
}

// items splits a column at its commas; an empty column has none.
func items(column string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for item := range strings.SplitSeq(column, ",") {
			if item = strings.TrimSpace(item); item != "" && !yield(item) {
				return
			}
		}
	}
}
