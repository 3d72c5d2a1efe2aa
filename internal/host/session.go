package host

import (
	"crypto/rand"

	"codefob/internal/protocol"
)

// session is what a host remembers between requests of one extension. It ends
// with the process, and when the vault is locked.
type session struct {
	handles  map[string]string // by account id
	ids      map[string]string // by handle
	nonces   map[string]bool
	released map[release]int64 // when the period of the code ends, in milliseconds since 1970
}

// release names what a document may get once per period.
type release struct{ id, document string }

// most bounds what a session remembers of the codes it gave; the budget bounds the nonces.
const most = 4096

func newSession() session {
	return session{map[string]string{}, map[string]string{}, map[string]bool{}, map[release]int64{}}
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
