package site

import (
	_ "embed"
	"iter"
	"strings"
	"sync"
)

//go:embed services.txt
var servicesText string

// service is one line of services.txt, its columns as they stand there.
type service struct {
	name, others string
	hosts        string
}

// directory finds services; no name and no host belongs to two.
type directory struct {
	byIssuer map[string]*service // by folded name
	byHost   map[string]*service // by login host
}

// services returns the built-in directory, parsed when it is first needed.
var services = sync.OnceValue(func() directory { return parseServices(servicesText) })

// parseServices reads the table that services.txt describes. It is ours, and a
// test holds it to its rules; lines that are not of that shape are passed over.
func parseServices(text string) directory {
	d := directory{make(map[string]*service, 512), make(map[string]*service, 512)}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, "|")
		others, hosts, ok := strings.Cut(rest, "|")
		if line[0] == '#' || !ok {
			continue
		}
		s := &service{name, others, hosts}
		for issuer := range s.issuers {
			d.byIssuer[issuer] = s
		}
		for host := range items(hosts) {
			d.byHost[host] = s
		}
	}
	return d
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

// has reports whether a login host of the service has this registrable domain.
func (s *service) has(domain string) bool {
	for host := range items(s.hosts) {
		if d, _ := registrable(host); d == domain {
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
