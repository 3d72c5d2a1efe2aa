package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrBudget says that too many codes were released in a short time.
var ErrBudget = errors.New("too many codes in a short time")

// ErrNonce says that a code was released for this very confirmation already.
var ErrNonce = errors.New("the confirmation was used already")

// Budget bounds the codes that all hosts of a vault release together, so that a
// page or an extension gone bad cannot drain it. More than keepReleases an hour
// is no bound.
type Budget struct{ PerMinute, PerHour int }

// DefaultBudget is far above what a person needs. NoBudget is for what the person
// agreed to outside the browser.
var (
	DefaultBudget = Budget{PerMinute: 6, PerHour: 30}
	NoBudget      = Budget{PerMinute: math.MaxInt, PerHour: math.MaxInt}
)

const (
	stateSize    = 2048 // of state.json, padded: within a page, written at once
	keepReleases = 30
	keepUses     = 12
	keepNonces   = 30 // those of an hour, by the budget
)

// state is what changes at each code. It is not worth a vault save: after a
// power loss an older one does no harm. Times are in milliseconds since 1970.
type state struct {
	releases   []release // of the last hour, ascending, at most keepReleases
	uses       []use     // the last use of the accounts used last, newest first
	nonces     []string  // of the last releases, as nonceOf shortens them, ascending
	generation uint64    // the highest of accounts.age seen
	log        [2]uint64 // the last numbers of the log's two rings
}

// A release and a use keep the text that stands for them in the file: all but the
// latest are written again as they were.
type (
	release struct {
		at   int64
		text []byte
	}
	use struct {
		id   string
		at   int64
		text []byte
	}
)

func newRelease(at int64) release { return release{at, strconv.AppendInt(nil, at, 10)} }

func newUse(id string, at int64) use {
	text := append(make([]byte, 0, 64), `{"id":`...)
	text, _ = jsontext.AppendQuote(text, id) // no error: ids come out of JSON
	return use{id, at, append(strconv.AppendInt(append(text, `,"at":`...), at, 10), '}')}
}

// nonceOf is what is kept of a nonce: 64 bits of its SHA-256, in base64.
func nonceOf(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}

// UnmarshalJSON reads what [state.append] writes.
func (st *state) UnmarshalJSON(b []byte) error {
	var read struct {
		Releases []int64 `json:"releases"`
		Uses     []struct {
			ID string `json:"id"`
			At int64  `json:"at"`
		} `json:"uses"`
		Nonces     []string  `json:"nonces"`
		Generation uint64    `json:"generation"`
		Log        [2]uint64 `json:"log"`
	}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	for _, at := range read.Releases {
		st.releases = append(st.releases, newRelease(at))
	}
	for _, u := range read.Uses {
		st.uses = append(st.uses, newUse(u.ID, u.At))
	}
	st.nonces, st.generation, st.log = read.Nonces, read.Generation, read.Log
	return nil
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

	// Open, mapped and read once, for this is on the way of every code.
	file    *os.File
	mapped  []byte // the file while it has its size; nil where it cannot be mapped
	content []byte // as this process last read or wrote it, nil for never: most often nobody did since
	state   state
	read    [stateSize]byte
	sum     [sha256.Size]byte // of the last macOf: on the stack it would not stay
}

var blanks = strings.Repeat(" ", stateSize)

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
		unmap(s.mapped)
		s.file.Close()
	}
	s.file, s.mapped, s.content, s.state = nil, nil, nil, state{}
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
		if s.mapped == nil {
			s.mapped = mapFile(s.file, stateSize)
		}
		n = stateSize
		if err := s.load(s.read[:]); err != nil {
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
		err = s.store(next, n == stateSize)
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

// load reads the file, which has its size.
func (s *stateFile) load(into []byte) error {
	if s.mapped == nil {
		_, err := s.file.ReadAt(into, 0)
		return err
	}
	return copyMapped(into, s.mapped)
}

// store writes the file; hasSize says that it has its size already.
func (s *stateFile) store(content []byte, hasSize bool) error {
	if s.mapped == nil || !hasSize {
		_, err := s.file.WriteAt(content, 0)
		return err
	}
	return copyMapped(s.mapped, content)
}

// copyMapped copies from or to a mapped file. A fault is an error: the disk failed
// or is full, or somebody cut the file off without its lock.
func copyMapped(to, from []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = errFault
		}
	}()
	copy(to, from)
	return nil
}

var errFault = errors.New("memory fault in the mapped file")

// lock opens the file, if it is not open or was replaced, and takes its lock.
func (s *stateFile) lock() (size int64, err error) {
	for {
		if s.file == nil {
			if s.file, err = os.OpenFile(s.name, os.O_CREATE|os.O_RDWR|openFlags, 0o600); err != nil {
				s.file = nil
				return 0, fmt.Errorf("%w: %w", ErrStorage, err)
			}
		}
		if err := lock(s.file); err != nil {
			s.close()
			return 0, err
		}
		size, gone, err := sizeOf(s.file)
		if err == nil && !gone {
			return size, nil
		}
		s.close()
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrStorage, err)
		}
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
	if !before || !after || !hmac.Equal(mac, hex.AppendEncode(nil, s.macOf(content))) || json.Unmarshal(content, &st) != nil {
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
		st.uses = st.uses[:len(st.uses)/2] // their ids are longer than ours
	}
	copy(b, beforeMAC)
	hex.Encode(b[len(beforeMAC):], s.macOf(b[start:]))
	copy(b[start-len(beforeState):], beforeState)
	b = append(b, afterState...)
	b = append(b, blanks[len(b)+1:]...)
	return append(b, '\n')
}

// append writes the state as JSON: it is on the way of every code.
func (st *state) append(b []byte) []byte {
	b = append(b, `{"releases":[`...)
	for i, r := range st.releases {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.text...)
	}
	b = append(b, `],"uses":[`...)
	for i, u := range st.uses {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, u.text...)
	}
	b = append(b, `],"nonces":[`...)
	for i, n := range st.nonces {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), n...), '"') // base64: nothing to quote
	}
	b = strconv.AppendUint(append(b, `],"generation":`...), st.generation, 10)
	b = strconv.AppendUint(append(b, `,"log":[`...), st.log[0], 10)
	b = strconv.AppendUint(append(b, ','), st.log[1], 10)
	return append(b, "]}"...)
}

// macOf is the MAC of a state, good until the next call.
func (s *stateFile) macOf(b []byte) []byte {
	s.mac.Reset()
	s.mac.Write(b)
	return s.mac.Sum(s.sum[:0])
}

// Spend counts one release of a code against the budget, for the confirmation that the
// nonce stands for, and puts it into the log. It returns an error that wraps
// [ErrBudget] when there is none left, and [ErrNonce] when any program has spent
// for the nonce before; both count nothing.
func (v *Vault) Spend(r Record, nonce string, b Budget) error {
	id := r.Account
	now, short := v.now(), nonceOf(nonce)
	var wait time.Duration
	used := false
	err := v.state.change(func(st *state) {
		if used = slices.Contains(st.nonces, short); used {
			return
		}
		if wait = st.wait(now, b); wait > 0 {
			return
		}
		st.releases = append(st.releases, newRelease(now.UnixMilli()))
		st.releases = st.releases[max(0, len(st.releases)-keepReleases):]
		st.uses = slices.DeleteFunc(st.uses, func(u use) bool { return u.id == id })
		st.uses = slices.Insert(st.uses, 0, newUse(id, now.UnixMilli()))
		st.uses = st.uses[:min(len(st.uses), keepUses)]
		st.nonces = append(st.nonces, short)
		st.nonces = st.nonces[max(0, len(st.nonces)-keepNonces):]
		st.generation = max(st.generation, v.doc.Generation)
		v.log.add(st, v.logRecord(r)) // an error lets the log miss one
	})
	switch {
	case err == nil && used:
		err = ErrNonce
	case err == nil && wait > 0:
		err = fmt.Errorf("%w: the next one in %s", ErrBudget, wait.Round(time.Second))
	}
	return err
}

// wait forgets the releases that no longer count and tells how long to wait for
// the next one, 0 for not at all.
func (st *state) wait(now time.Time, b Budget) time.Duration {
	ms := now.UnixMilli()
	for i, r := range st.releases {
		if r.at > ms { // the clock was set back: as if it were released just now
			st.releases[i] = newRelease(ms)
		}
	}
	st.releases = slices.DeleteFunc(st.releases, func(r release) bool { return ms-r.at >= time.Hour.Milliseconds() })
	free := func(per time.Duration, most int) time.Duration {
		if most <= 0 {
			return per
		}
		if len(st.releases) < most {
			return 0
		}
		at := st.releases[len(st.releases)-most].at // the newest that must have left the window
		return max(0, per-time.Duration(ms-at)*time.Millisecond)
	}
	return max(free(time.Minute, b.PerMinute), free(time.Hour, b.PerHour))
}

// LastUses gives when the accounts used last were used, by id.
func (v *Vault) LastUses() (map[string]time.Time, error) {
	uses := map[string]time.Time{}
	err := v.state.change(func(st *state) {
		for _, u := range st.uses {
			uses[u.id] = time.UnixMilli(u.at)
		}
	})
	return uses, err
}

// Older tells whether accounts.age is older than one that was seen before: a
// backup was put back, by the user or by somebody else.
func (v *Vault) Older() (bool, error) {
	seen, err := v.highestSeen()
	return err == nil && seen > v.doc.Generation, err
}

// highestSeen is the highest generation of accounts.age that was seen, this one included.
func (v *Vault) highestSeen() (generation uint64, err error) {
	err = v.state.change(func(st *state) {
		st.generation = max(st.generation, v.doc.Generation)
		generation = st.generation
	})
	return generation, err
}
