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
	released map[release]int64 // when the period of the code ends, in milliseconds since 1970
	tickets  []ticket          // the oldest first
}

// ticket stands for an account that was read and is not in the vault yet.
type ticket struct {
	id    string
	of    account.Account
	until time.Time
}

// release names what a document may get once per period.
type release struct{ id, document string }

// most bounds what a session remembers of the codes it gave; the budget bounds the nonces.
const most = 4096

// What a session remembers of accounts that could be enrolled.
const (
	mostTickets = 200
	ticketLasts = 10 * time.Minute
)

func newSession() session {
	return session{map[string]string{}, map[string]string{}, map[string]bool{}, map[release]int64{}, nil}
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
