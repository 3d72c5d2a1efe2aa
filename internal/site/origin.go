// Package site decides which account serves which site.
//
// What it takes for a site is an [Origin], as a browser reports it, together
// with the origins of the documents around it. [Match] and [Index] answer with
// a [Strength]. Registrable domains follow the public suffix list, private
// section included, so that alice.github.io and bob.github.io are strangers.
package site

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ErrRefused is wrapped by every error of a parser here: no code can ever go there.
var ErrRefused = errors.New("site refused")

// ErrInsecure is the refusal of http on a host that is not this computer. It wraps [ErrRefused].
var ErrInsecure = fmt.Errorf("%w: http is only safe on this computer itself, use https", ErrRefused)

// Caps in bytes. A host name longer than maxHost, or a label longer than
// maxLabel, is not in the DNS (RFC 1035, section 2.3.4, less the final dot).
const (
	maxHost   = 253
	maxLabel  = 63
	maxOrigin = len("https://") + maxHost + len(":65535")
	maxTyped  = 8192 // login addresses run long
)

// Origin is where a document comes from (RFC 6454, section 4).
type Origin struct {
	Scheme string // "https", or "http" on loopback only
	Host   string // as a URL writes it: lower-case ASCII, punycode, IPv6 shortened and in brackets
	Port   uint16 // 0 is the scheme's own
}

// ParseOrigin reads an origin exactly as browsers serialise it (HTML,
// "serialization of an origin"), without any leniency: what a browser would
// have written in another way did not come from one. "null", a final dot, and
// http anywhere but on loopback are refused. Errors wrap [ErrRefused].
func ParseOrigin(s string) (Origin, error) {
	if len(s) > maxOrigin {
		return Origin{}, refuse("an origin of %d bytes", len(s))
	}
	scheme, authority, ok := strings.Cut(s, "://")
	if !ok {
		return Origin{}, refuse("%.60q is not an origin", s)
	}
	o, err := parse(scheme, authority)
	if err != nil {
		return Origin{}, err
	}
	if o.String() != s {
		return Origin{}, refuse("%q is not how a browser writes %s", s, o)
	}
	return o, nil
}

// ParseSite reads what a person types or pastes as a site: "github.com",
// "GitHub.com/login", "https://github.com:8443/x", "bücher.example",
// "localhost:8080". Without a scheme it is https, or http on loopback. A public
// suffix is refused, for it is shared by strangers. Errors wrap [ErrRefused].
func ParseSite(s string) (Origin, error) {
	if len(s) > maxTyped {
		return Origin{}, refuse("a site of %d bytes", len(s))
	}
	s = strings.TrimSpace(s)
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case !ok || strings.ContainsAny(scheme, "/?#"):
		scheme, rest = "", s
	case scheme == "":
		return Origin{}, refuse("no scheme before ://")
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	o, err := parse(strings.ToLower(scheme), rest)
	if err != nil {
		return Origin{}, err
	}
	if isPublicSuffix(o.Host) {
		return Origin{}, refuse("%q is shared by many sites, name the whole host", o.Host)
	}
	return o, nil
}

// String returns the origin as browsers serialise it: "https://github.com",
// "http://localhost:8080", "https://[::1]:8443".
func (o Origin) String() string {
	return o.Scheme + "://" + o.Display()
}

// Display returns the host as shown to people, with the port unless it is the
// scheme's own. Punycode stays punycode, so that look-alikes show.
func (o Origin) Display() string {
	if o.Port == 0 {
		return o.Host
	}
	return o.Host + ":" + strconv.Itoa(int(o.Port))
}

// Registrable returns the domain that one owner registered: one label more than
// its public suffix, "github.com" for "gist.github.com". It is empty for IP
// addresses, localhost, single labels and public suffixes.
func (o Origin) Registrable() string {
	domain, _ := registrable(o.Host)
	return domain
}

// sameSite reports whether two origins belong to one owner over one scheme
// (HTML, "schemelessly same site" plus the scheme).
func (o Origin) sameSite(p Origin) bool {
	if o == p {
		return true
	}
	domain := o.Registrable()
	return domain != "" && domain == p.Registrable() && o.Scheme == p.Scheme
}

// registrable returns a canonical host's registrable domain, and whether its
// suffix is one that registries sell under (the ICANN section of the list).
func registrable(host string) (domain string, icann bool) {
	if isIP(host) || isLocalhost(host) {
		return "", false
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	if len(suffix) >= len(host) {
		return "", icann
	}
	dot := strings.LastIndexByte(host[:len(host)-len(suffix)-1], '.')
	return host[dot+1:], icann
}

// isPublicSuffix reports whether the list itself names the host; a single label
// that it does not know is a name of the local network.
func isPublicSuffix(host string) bool {
	if isIP(host) {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return suffix == host && (icann || strings.Contains(suffix, "."))
}

// parse reads scheme and authority and puts them in canonical form. An empty
// scheme is chosen by the host.
func parse(scheme, authority string) (Origin, error) {
	switch {
	case scheme != "" && scheme != "http" && scheme != "https":
		return Origin{}, refuse("scheme %.60q", scheme)
	case strings.Contains(authority, "@"):
		return Origin{}, refuse("a user name before the host")
	}
	host, port, err := splitPort(authority)
	if err != nil {
		return Origin{}, err
	}
	if host, err = canonicalHost(host); err != nil {
		return Origin{}, err
	}
	if scheme == "" {
		scheme = "https"
		if isLoopback(host) {
			scheme = "http"
		}
	}
	if scheme == "http" && !isLoopback(host) {
		return Origin{}, fmt.Errorf("%w: %s", ErrInsecure, host)
	}
	if scheme == "https" && port == 443 || scheme == "http" && port == 80 {
		port = 0
	}
	return Origin{scheme, host, port}, nil
}

// splitPort cuts the port off an authority; 0 when there is none.
func splitPort(authority string) (host string, port uint16, err error) {
	end := 0
	if strings.HasPrefix(authority, "[") {
		end = strings.IndexByte(authority, ']') + 1
	}
	colon := strings.IndexByte(authority[end:], ':')
	if colon < 0 {
		return authority, 0, nil
	}
	host, digits := authority[:end+colon], authority[end+colon+1:]
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || digits[0] == '0' {
		return "", 0, refuse("port %.60q", digits)
	}
	return host, uint16(n), nil
}

// lookup is the mapping that browsers apply to a host (URL Standard, "domain to
// ASCII", beStrict false).
var lookup = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true),
	idna.CheckHyphens(false), idna.StrictDomainName(false), idna.VerifyDNSLength(false),
)

// canonicalHost returns the host as a browser writes it. IPv4 addresses in
// shortened, octal or hexadecimal forms are refused rather than expanded.
func canonicalHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") {
		return canonicalIPv6(host)
	}
	if len(host) > 4*maxHost { // before the mapping, which takes time
		return "", refuse("a host of %d bytes", len(host))
	}
	plain := true
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		case 'A' <= c && c <= 'Z', c >= utf8.RuneSelf:
			plain = false
		default:
			return "", refuse("host %.60q holds %q", host, c)
		}
	}
	if !plain || strings.Contains(host, "xn--") {
		ascii, err := lookup.ToASCII(host)
		if err != nil || !utf8.ValidString(host) {
			return "", refuse("host %.60q is not a domain name", host)
		}
		if i := strings.IndexFunc(ascii, notHost); i >= 0 {
			return "", refuse("host %.60q holds %q", host, ascii[i])
		}
		host = ascii
	}
	if len(host) > maxHost {
		return "", refuse("a host of %d bytes", len(host))
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" {
			return "", refuse("host %.60q has nothing before or after a dot", host)
		}
		if len(label) > maxLabel {
			return "", refuse("host %.60q has a label of %d bytes", host, len(label))
		}
	}
	if isIP(host) {
		if ip, err := netip.ParseAddr(host); err != nil || ip.String() != host {
			return "", refuse("host %.60q is not an IPv4 address in full", host)
		}
	}
	return host, nil
}

// canonicalIPv6 returns "[2001:db8::1]" as the URL Standard's IPv6 serializer does.
func canonicalIPv6(host string) (string, error) {
	ip, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
	if err != nil || !ip.Is6() || ip.Zone() != "" || !strings.HasSuffix(host, "]") {
		return "", refuse("host %.60q is not an IPv6 address", host)
	}
	if ip.Is4In6() { // netip keeps the dots, browsers do not
		b := ip.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), nil
	}
	return "[" + ip.String() + "]", nil
}

// notHost reports characters that no canonical domain name holds.
func notHost(r rune) bool {
	return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_')
}

// isIP reports whether browsers take the host for an IP address: in brackets,
// or with a number as its last label (URL Standard, "ends in a number checker").
func isIP(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.HasPrefix(last, "[") {
		return true
	}
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// isLocalhost reports names that always mean this computer (RFC 6761, section 6.3).
func isLocalhost(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// isLoopback reports whether a canonical host is this computer (Secure
// Contexts, "is origin potentially trustworthy").
func isLoopback(host string) bool {
	return isLocalhost(host) || host == "[::1]" || isIP(host) && strings.HasPrefix(host, "127.")
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}
