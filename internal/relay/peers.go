package relay

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	mostPeers   = 100_000 // that are remembered
	mostWaiting = 4096    // connections that are not yet sockets
	forgetAfter = time.Hour
)

// peers are the addresses that sockets come from.
type peers struct {
	c *Config

	unheard sync.Once // an X-Forwarded-For that was not believed

	mu      sync.Mutex
	all     map[netip.Prefix]*peer
	waiting map[net.Conn]*peer // connections that are not yet sockets; nil for a proxy's
}

// peer is one address; of IPv6 a /64, which is what one customer gets.
type peer struct {
	connects, appends, streams *rate.Limiter

	// Under the mutex of peers.
	sockets, waiting int
	seen             time.Time
}

func newPeers(c *Config) *peers {
	return &peers{c: c, all: map[netip.Prefix]*peer{}, waiting: map[net.Conn]*peer{}}
}

// address is where a request comes from: the last address that no proxy of ours
// has, as each proxy adds the one that it was called from.
func (p *peers) address(q *http.Request) netip.Addr {
	at := remote(q.RemoteAddr)
	if q.Header.Get("X-Forwarded-For") != "" && !p.isProxy(at) {
		p.unheard.Do(func() {
			p.c.Log.Warn("X-Forwarded-For from an address that --proxy does not name: if that is your web server, all who come by it count as one address")
		})
	}
	hops := strings.Split(strings.Join(q.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.isProxy(at); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = next.Unmap()
	}
	return at
}

func remote(text string) netip.Addr {
	at, _ := netip.ParseAddrPort(text)
	return at.Addr().Unmap()
}

func (p *peers) isProxy(at netip.Addr) bool {
	for _, n := range p.c.Proxies {
		if n.Contains(at) {
			return true
		}
	}
	return false
}

// get finds the peer of an address; with mu. It is nil when there are too many.
func (p *peers) get(at netip.Addr) *peer {
	bits := at.BitLen()
	if at.Is6() {
		bits = 64
	}
	network, _ := at.WithZone("").Prefix(bits)
	found := p.all[network]
	if found == nil {
		if len(p.all) >= mostPeers && !p.forget(0) {
			return nil
		}
		c := p.c
		found = &peer{
			connects: rate.NewLimiter(rate.Limit(float64(c.SocketsPerAddress)/60), c.SocketsPerAddress),
			appends:  rate.NewLimiter(rate.Limit(5*c.Appends), int(5*atOnce*c.Appends)+1),
			streams:  rate.NewLimiter(rate.Limit(c.NewStreams/3600), int(c.NewStreams)),
		}
		p.all[network] = found
	}
	found.seen = time.Now()
	return found
}

// enter counts a new socket, or says why there is to be none.
func (p *peers) enter(at netip.Addr) (*peer, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.get(at)
	switch {
	case found == nil:
		return nil, "too many addresses"
	case found.sockets >= p.c.SocketsPerAddress:
		return nil, "too many sockets"
	case !found.connects.Allow():
		return nil, "too many connects"
	}
	found.sockets++
	return found, ""
}

func (p *peers) leave(of *peer) {
	p.mu.Lock()
	of.sockets--
	of.seen = time.Now()
	p.mu.Unlock()
}

// newStream counts a stream that the address makes, or says how long to wait.
func (of *peer) newStream() time.Duration {
	reserved := of.streams.Reserve()
	wait := reserved.Delay()
	if !reserved.OK() || wait > 0 {
		reserved.Cancel()
		return max(wait, time.Second)
	}
	return 0
}

// state counts the connections that are not yet sockets, and closes those that
// are too many: who opens connections and says nothing is not to hold them all.
func (p *peers) state(c net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		var from *peer
		if at := remote(c.RemoteAddr().String()); !p.isProxy(at) {
			from = p.get(at)
			if from == nil || from.waiting >= p.c.SocketsPerAddress {
				c.Close()
				return
			}
			from.waiting++
		}
		p.waiting[c] = from
		if len(p.waiting) > mostWaiting {
			c.Close() // the server says so, and it is taken out
		}
	case http.StateHijacked, http.StateClosed:
		if from, there := p.waiting[c]; there {
			delete(p.waiting, c)
			if from != nil {
				from.waiting--
			}
		}
	}
}

func (p *peers) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(forgetAfter)
}

// forget drops the peers that have nothing open and were not seen for as long;
// with mu. It says whether there was one.
func (p *peers) forget(quiet time.Duration) (some bool) {
	for network, of := range p.all {
		if of.sockets == 0 && of.waiting == 0 && time.Since(of.seen) >= quiet {
			delete(p.all, network)
			some = true
			if quiet == 0 {
				break
			}
		}
	}
	return some
}
