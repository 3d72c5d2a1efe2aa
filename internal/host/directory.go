package host

import (
	"codefob/internal/protocol"
	"codefob/internal/site"
)

// Directory knows services and how they prove who somebody is.
type Directory interface {
	// At finds the service of a host.
	At(host string) (Service, bool)
	// Of finds the service of an account.
	Of(issuer string, sites []site.Site) (Service, bool)
}

// Service is one service of a directory.
type Service struct {
	Name     string   // unique, never empty
	Hosts    []string // where it signs in; may be empty
	Domains  []string // registrable domains or hosts under them, never empty
	Methods  []protocol.TwoFactor
	Setup    string // https URL; may be empty
	Recovery string // https URL; may be empty
	Note     string // may be empty
}

// noDirectory knows nothing.
type noDirectory struct{}

func (noDirectory) At(string) (s Service, ok bool)              { return s, false }
func (noDirectory) Of(string, []site.Site) (s Service, ok bool) { return s, false }
