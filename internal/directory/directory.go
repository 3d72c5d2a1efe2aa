// Package directory says what services take beside a password, and which of
// their pages tell how it is set up and got back.
//
// It knows the built-in directory of package site, and the facts of a list of
// 2fa.directory where the user has fetched one. Such a list changes methods and
// pages, and adds services; names and login hosts are the built-in ones alone,
// so that no list makes an account known anywhere.
package directory

import (
	"slices"
	"sync"

	"codefob/internal/site"
)

// Directory finds services. Its zero value is the built-in directory alone. It
// may be used by several goroutines.
type Directory struct {
	home string
	once sync.Once
	kept kept
	err  error
}

// kept is what the kept file changes.
type kept struct {
	instead map[string]Fact         // of built-in services, by name
	further map[string]site.Service // services that only the file knows, by domain
}

// Open returns the directory whose kept file, if there is one, is in home. It
// is read at the first lookup.
func Open(home string) *Directory { return &Directory{home: home} }

// At returns the service of a host as a [site.Origin] has it: by login host,
// else by the longest domain that the host is or is under.
func (d *Directory) At(host string) (site.Service, bool) {
	d.load()
	if s, ok := site.ServiceAt(host); ok {
		return d.kept.apply(s), true
	}
	return site.Longest(d.kept.further, host)
}

// Of returns the service of an account: by its issuer's name, else by its
// sites. A site inside a document of another one says nothing of the service.
func (d *Directory) Of(issuer string, sites []site.Site) (site.Service, bool) {
	if s, ok := site.ServiceNamed(issuer); ok {
		d.load()
		return d.kept.apply(s), true
	}
	for _, s := range sites {
		if s.Top != (site.Origin{}) || s.Origin.Port != 0 {
			continue
		}
		if s, ok := d.At(s.Origin.Host); ok {
			return s, true
		}
	}
	return site.Service{}, false
}

// Check returns what is wrong with the kept file, if anything: the lookups do
// without it then.
func (d *Directory) Check() error {
	d.load()
	return d.err
}

func (d *Directory) load() {
	d.once.Do(func() {
		if d.home == "" {
			return
		}
		var file File
		if file, d.err = Read(d.home); d.err == nil {
			d.kept = merge(file.Services)
		}
	})
}

// merge sorts facts by what they change. Those of a part of a built-in service
// (pay.amazon.com) that the built-in directory does not tell apart change nothing.
//
// A name stands for one service, as reminders are kept by it: where a built-in
// service, or another one of the list, goes by a service's name, its domain does.
func merge(facts []Fact) kept {
	k := kept{map[string]Fact{}, map[string]site.Service{}}
	var further []Fact
	owners := map[string]int{} // further services that have it as their name or domain
	rank := map[string]int{}   // of what stands in instead: which of the service's domains it was found by
	for _, f := range facts {
		ours := false
		for _, domain := range f.domains() {
			s, ok := site.ServiceAt(domain)
			if !ok {
				continue
			}
			ours = true
			i := slices.Index(slices.Concat(s.Domains, s.Hosts), domain)
			if before, ok := rank[s.Name]; i >= 0 && (!ok || i < before) {
				k.instead[s.Name], rank[s.Name] = f, i
			}
		}
		if ours {
			continue
		}
		further = append(further, f)
		names := f.domains()
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
		for _, name := range names {
			owners[name]++
		}
	}
	for _, f := range further {
		s := site.Service{Name: f.Name, Domains: f.domains(), Methods: f.Methods, Setup: f.Setup, Recovery: f.Recovery}
		if _, builtIn := site.ServiceNamed(f.Name); builtIn || owners[f.Name] > 1 {
			s.Name = f.Domain
		}
		for _, domain := range s.Domains {
			k.further[domain] = s
		}
	}
	return k
}

// apply puts the kept facts of a built-in service in the place of its own.
func (k kept) apply(s site.Service) site.Service {
	f, ok := k.instead[s.Name]
	if !ok {
		return s
	}
	s.Methods = f.Methods
	if f.Setup != "" {
		s.Setup = f.Setup
	}
	if f.Recovery != "" {
		s.Recovery = f.Recovery
	}
	return s
}
