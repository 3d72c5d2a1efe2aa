package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"slices"
	"strconv"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrBudget says that too many codes were released in a short time.
var ErrBudget = errors.New("too many codes in a short time")

// Budget bounds the codes that all hosts of a vault release together, so that a
// page or an extension gone bad cannot drain it. More than keepReleases an hour
// is no bound.
type Budget struct{ PerMinute, PerHour int }

// DefaultBudget is far above what a person needs.
var DefaultBudget = Budget{PerMinute: 6, PerHour: 30}

const (
	stateSize    = 2048 // of state.json, padded: within a page, written at once
	keepReleases = 30
	keepUses     = 12
)

// state is what changes at each code. It is not worth a vault save: after a
// power loss an older one does no harm. Times are in milliseconds since 1970.
type state struct {
	Releases   []int64 `json:"releases"`   // of the last hour, ascending, at most keepReleases
	Uses       []use   `json:"uses"`       // the last use of the accounts used last, newest first
	Generation uint64  `json:"generation"` // the highest of accounts.age seen
}

type use struct {
	ID string `json:"id"`
	At int64  `json:"at"`
}

// stateFile is state.json: {"mac":"…","state":{…}}, then spaces and a line feed.
// The MAC is HMAC-SHA256, in hex, over the state as it stands there, with a key
// made from the vault's identity.
//
// A state that is missing, torn or tampered with counts as empty. Whoever can
// write it could delete it as well; the budget guards against pages and
// extensions, which cannot.
type stateFile struct {
	name string
	mac  hash.Hash // nil while the vault is locked

	// Open and read once, for this is on the way of every code.
	file    *os.File
	content []byte // as this process last read or wrote it, nil for never: most often nobody did since
	state   state
	read    [stateSize]byte
}

const (
	beforeMAC   = `{"mac":"`
	beforeState = `","state":`
	afterState  = `}`
)

func (s *stateFile) unlock(identity *age.X25519Identity) {
	m := hmac.New(sha256.New, []byte(identity.String()))
	m.Write([]byte("codefob state"))
	s.mac = hmac.New(sha256.New, m.Sum(nil))
}

func (s *stateFile) forget() {
	s.close()
	s.mac = nil
}

func (s *stateFile) close() {
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.content, s.state = nil, nil, state{}
}

// change reads the state, lets fn change it and writes it back, as one with
// respect to all programs that share the vault.
func (s *stateFile) change(fn func(*state)) error {
	if s.mac == nil {
		return ErrLocked
	}
	size, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock(s.file)
	n := 0
	if size == stateSize {
		if n, err = s.file.ReadAt(s.read[:], 0); err != nil {
			return fmt.Errorf("%w: %w", ErrStorage, err)
		}
	}
	if s.content == nil || !bytes.Equal(s.content, s.read[:n]) {
		s.state = s.parse(s.read[:n])
	}
	old := s.content
	s.content = nil // until all is well
	fn(&s.state)
	next := s.marshal(&s.state, old)
	if !bytes.Equal(next, s.read[:n]) {
		_, err = s.file.WriteAt(next, 0)
	}
	if err == nil && size > stateSize {
		err = s.file.Truncate(stateSize)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	s.content = next
	return nil
}

// lock opens the file, if it is not open or was replaced, and takes its lock.
func (s *stateFile) lock() (size int64, err error) {
	for {
		if s.file == nil {
			if s.file, err = os.OpenFile(s.name, os.O_CREATE|os.O_RDWR|openFlags, 0o600); err != nil {
				s.file = nil
				return 0, fmt.Errorf("%w: %w", ErrStorage, err)
			}
		}
		err := lock(s.file)
		var info os.FileInfo
		if err == nil {
			if info, err = s.file.Stat(); err == nil && !info.Mode().IsRegular() {
				err = fmt.Errorf("%w: %s %w", ErrStorage, s.name, errNotRegular)
			}
		}
		if err != nil {
			s.close()
			return 0, err
		}
		if !isGone(info) {
			return info.Size(), nil
		}
		s.close()
	}
}

func (s *stateFile) parse(content []byte) (st state) {
	content = bytes.TrimRight(content, " \n")
	content, isState := bytes.CutPrefix(content, []byte(beforeMAC))
	if !isState || len(content) < hex.EncodedLen(sha256.Size) {
		return state{}
	}
	mac, content := content[:hex.EncodedLen(sha256.Size)], content[hex.EncodedLen(sha256.Size):]
	content, before := bytes.CutPrefix(content, []byte(beforeState))
	content, after := bytes.CutSuffix(content, []byte(afterState))
	if !before || !after || !hmac.Equal(mac, s.macOf(content)) || json.Unmarshal(content, &st) != nil {
		return state{}
	}
	return st
}

// marshal gives the file's content, in the place of an older one if there is one.
func (s *stateFile) marshal(st *state, over []byte) []byte {
	const start = len(beforeMAC) + 2*sha256.Size + len(beforeState)
	if cap(over) < stateSize {
		over = make([]byte, 0, stateSize)
	}
	b := over[:start]
	for {
		b = st.append(b[:start])
		if len(b) < stateSize-len(afterState) {
			break
		}
		st.Uses = st.Uses[:len(st.Uses)/2] // their ids are longer than ours
	}
	copy(b, beforeMAC)
	copy(b[len(beforeMAC):], s.macOf(b[start:]))
	copy(b[start-len(beforeState):], beforeState)
	b = append(b, afterState...)
	for len(b) < stateSize-1 {
		b = append(b, ' ')
	}
	return append(b, '\n')
}

// append does what json.Marshal does, in a third of the time.
func (st *state) append(b []byte) []byte {
	b = append(b, `{"releases":[`...)
	for i, at := range st.Releases {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, at, 10)
	}
	b = append(b, `],"uses":[`...)
	for i, u := range st.Uses {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(append(b, `{"id":`...), u.ID) // no error: ids come out of JSON
		b = append(strconv.AppendInt(append(b, `,"at":`...), u.At, 10), '}')
	}
	b = strconv.AppendUint(append(b, `],"generation":`...), st.Generation, 10)
	return append(b, '}')
}

func (s *stateFile) macOf(b []byte) []byte {
	s.mac.Reset()
	s.mac.Write(b)
	var sum [sha256.Size]byte
	return hex.AppendEncode(nil, s.mac.Sum(sum[:0]))
}

// Spend counts one release of a code of the account against the budget. It
// returns an error that wraps [ErrBudget] when there is none left.
func (v *Vault) Spend(id string, b Budget) error {
	now := v.now()
	var wait time.Duration
	err := v.state.change(func(st *state) {
		if wait = st.wait(now, b); wait > 0 {
			return
		}
		st.Releases = append(st.Releases, now.UnixMilli())
		st.Releases = st.Releases[max(0, len(st.Releases)-keepReleases):]
		st.Uses = slices.DeleteFunc(st.Uses, func(u use) bool { return u.ID == id })
		st.Uses = slices.Insert(st.Uses, 0, use{id, now.UnixMilli()})
		st.Uses = st.Uses[:min(len(st.Uses), keepUses)]
		st.Generation = max(st.Generation, v.doc.Generation)
	})
	if err == nil && wait > 0 {
		err = fmt.Errorf("%w: the next one in %s", ErrBudget, wait.Round(time.Second))
	}
	return err
}

// wait forgets the releases that no longer count and tells how long to wait for
// the next one, 0 for not at all.
func (st *state) wait(now time.Time, b Budget) time.Duration {
	ms := now.UnixMilli()
	for i, at := range st.Releases {
		st.Releases[i] = min(at, ms) // the clock was set back: as if it were released just now
	}
	st.Releases = slices.DeleteFunc(st.Releases, func(at int64) bool { return ms-at >= time.Hour.Milliseconds() })
	free := func(per time.Duration, most int) time.Duration {
		if most <= 0 {
			return per
		}
		if len(st.Releases) < most {
			return 0
		}
		at := st.Releases[len(st.Releases)-most] // the newest that must have left the window
		return max(0, per-time.Duration(ms-at)*time.Millisecond)
	}
	return max(free(time.Minute, b.PerMinute), free(time.Hour, b.PerHour))
}

// LastUses gives when the accounts used last were used, by id.
func (v *Vault) LastUses() (map[string]time.Time, error) {
	uses := map[string]time.Time{}
	err := v.state.change(func(st *state) {
		for _, u := range st.Uses {
			uses[u.ID] = time.UnixMilli(u.At)
		}
	})
	return uses, err
}

// Older tells whether accounts.age is older than one that was seen before: a
// backup was put back, by the user or by somebody else.
func (v *Vault) Older() (bool, error) {
	older := false
	err := v.state.change(func(st *state) {
		older = st.Generation > v.doc.Generation
		st.Generation = max(st.Generation, v.doc.Generation)
	})
	return older, err
}
