package host

import (
	"crypto/rand"
	"slices"
	"time"

	"codefob/internal/account"
	"codefob/internal/protocol"
)

// session is what a host remembers between requests of one extension. It ends
// with the process, and when the vault is locked.
type session struct {
	handles  map[string]string // by account id
	ids      map[string]string // by handle
	nonces   map[string]bool
	named    [2]map[release]bool // where the extension was told of an account: only there it is filled; the older second
	released map[release]int64   // when the period of the code ends, in milliseconds since 1970
	tickets  []ticket            // the oldest first
}

// ticket stands for an account that was read and is not in the vault yet.
type ticket struct {
	id    string
	of    account.Account
	until time.Time
}

// release names what a document may get once per period.
type release struct{ id, document string }

// releaseTo names the account with that id for the document of a context.
func releaseTo(id string, c protocol.Context) release {
	return release{id, c.Origin + " " + c.Document}
}

// most bounds what a session remembers of documents; the budget bounds the nonces.
const most = 4096

// What a session remembers of accounts that could be enrolled.
const (
	mostTickets = 200
	ticketLasts = 10 * time.Minute
)

func newSession() session {
	return session{handles: map[string]string{}, ids: map[string]string{}, nonces: map[string]bool{},
		named: [2]map[release]bool{{}, nil}, released: map[release]int64{}}
}

// handle names an account to this session only.
func (s *session) handle(id string) string {
	h, ok := s.handles[id]
	if !ok {
		h = rand.Text()
		s.handles[id], s.ids[h] = h, id
	}
	return h
}

// name remembers that the extension was told of an account for a document.
func (s *session) name(to release) {
	if len(s.named[0]) >= most { // whoever still needs one of the older asks again
		s.named = [2]map[release]bool{{}, s.named[0]}
	}
	s.named[0][to] = true
}

func (s *session) isNamed(to release) bool { return s.named[0][to] || s.named[1][to] }

// give remembers that a document got a code.
func (s *session) give(to release, code protocol.ReleaseResult) {
	if len(s.released) >= most {
		for k, ended := range s.released {
			if ended < code.ValidFrom {
				delete(s.released, k)
			}
		}
	}
	s.released[to] = code.ExpiresAt
}

// offer keeps an account for a while, and gives the ticket for it.
func (s *session) offer(a account.Account, now time.Time) (id string) {
	for over := len(s.tickets) + 1 - mostTickets; over > 0; over-- {
		oldest := s.tickets[0].id
		s.drop(func(t ticket) bool { return t.id == oldest })
	}
	t := ticket{rand.Text(), a, now.Add(ticketLasts)}
	s.tickets = append(s.tickets, t)
	return t.id
}

// offered is the account of a ticket that is still good.
func (s *session) offered(id string, now time.Time) (account.Account, bool) {
	s.drop(func(t ticket) bool { return !now.Before(t.until) })
	i := slices.IndexFunc(s.tickets, func(t ticket) bool { return t.id == id })
	if i < 0 {
		return account.Account{}, false
	}
	return s.tickets[i].of, true
}

// drop forgets tickets, and the secrets below them.
func (s *session) drop(old func(ticket) bool) {
	s.tickets = slices.DeleteFunc(s.tickets, func(t ticket) bool {
		if !old(t) {
			return false
		}
		t.of.Secret.Wipe()
		t.of.PIN.Wipe()
		return true
	})
}
