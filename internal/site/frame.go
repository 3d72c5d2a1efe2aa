package site

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrFrame is wrapped when a frame stands inside documents of other sites and
// nobody allowed that.
var ErrFrame = errors.New("frame inside another site")

// Site is a place that an account serves because the user said so.
type Site struct {
	Origin Origin
	// Top is zero for a document at the top or inside documents of its own site.
	// Else the site is served only as a frame inside this top document, though
	// Top is of another site: the user allowed this very pair.
	Top Origin
}

// NewSite returns the site to store when the user lets an account serve the
// document at o: the origin, or with ancestors of another site the pair of top
// and frame. Ancestors are the origins from its parent up to the top. It
// returns an error wrapping [ErrFrame] when a third site stands between the
// two, and one wrapping [ErrRefused] for a public suffix.
func NewSite(o Origin, ancestors []Origin) (Site, error) {
	if o.Host == "" || isPublicSuffix(o.Host) {
		return Site{}, refuse("%q is no site of its own", o.Host)
	}
	if CheckFrame(o, ancestors) == nil {
		return Site{Origin: o}, nil
	}
	pair := Site{o, ancestors[len(ancestors)-1]}
	if err := CheckFrame(o, ancestors, pair); err != nil {
		return Site{}, err
	}
	return pair, nil
}

// ParseStored reads a site as [Site.String] writes it: "https://github.com", or
// "https://frame.example in https://top.example". Errors wrap [ErrRefused].
func ParseStored(s string) (Site, error) {
	frame, top, framed := strings.Cut(s, " in ")
	var site Site
	var err error
	if site.Origin, err = ParseOrigin(frame); err != nil {
		return Site{}, err
	}
	if !framed {
		return site, nil
	}
	if site.Top, err = ParseOrigin(top); err != nil {
		return Site{}, fmt.Errorf("top document: %w", err)
	}
	return site, nil
}

// Stored reads the sites of an account, passing over what a newer version wrote there.
func Stored(texts []string) []Site {
	sites := make([]Site, 0, len(texts))
	for _, text := range texts {
		if s, err := ParseStored(text); err == nil {
			sites = append(sites, s)
		}
	}
	return sites
}

// String returns the site as it is stored in the vault. [ParseStored] reads no
// other text for it.
func (s Site) String() string {
	if s.Top == (Origin{}) {
		return s.Origin.String()
	}
	return s.Origin.String() + " in " + s.Top.String()
}

// CheckFrame reports whether a document may get codes, given the origins of its
// ancestors from its parent up to the top (none for a top document). They are
// all of its own site, or one of the sites is the pair of the top and the frame
// and nothing else stands between. Else the error wraps [ErrFrame].
func CheckFrame(frame Origin, ancestors []Origin, sites ...Site) error {
	stranger := strangerAmong(ancestors, frame)
	if stranger == nil {
		return nil
	}
	top := ancestors[len(ancestors)-1]
	if top != (Origin{}) && slices.Contains(sites, Site{frame, top}) {
		if stranger = strangerAmong(ancestors, frame, top); stranger == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %s in %s", ErrFrame, frame, stranger)
}

// strangerAmong returns the first ancestor that is of none of the given sites.
func strangerAmong(ancestors []Origin, sites ...Origin) *Origin {
	for i, a := range ancestors {
		if !slices.ContainsFunc(sites, a.sameSite) {
			return &ancestors[i]
		}
	}
	return nil
}
