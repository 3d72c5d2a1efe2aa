package vaultsync

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
)

// Member is a device of the vault, as the one that let it in named it.
type Member struct {
	Key       []byte `json:"key"`       // Ed25519
	Recipient string `json:"recipient"` // age's X25519, for the keys of epochs
	Name      string `json:"name"`      // for people, at most 64 bytes
}

// ID is the id of the device.
func (m Member) ID() DeviceID { return idOf(m.Key) }

// check tells whether it can be a member.
func (m Member) check() error {
	if len(m.Key) != ed25519.PublicKeySize {
		return errShape
	}
	if _, err := age.ParseX25519Recipient(m.Recipient); err != nil {
		return errShape
	}
	if m.Name == "" || len(m.Name) > 64 || !utf8.ValidString(m.Name) || bytes.ContainsFunc([]byte(m.Name), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("the name of a device has 1 to 64 bytes, without control characters")
	}
	return nil
}

// The kinds of entries.
const (
	entryGenesis = "genesis" // the first member, and epoch 1
	entryAdd     = "add"     // one more member
	entryRemove  = "remove"  // one less, and a new epoch
	entryEpoch   = "epoch"   // a new epoch
)

// entry is one link of the members' chain.
type entry struct {
	Version int      `json:"version,omitzero"`
	Index   uint64   `json:"index"`
	Prev    Hash     `json:"prev,omitzero"`
	Kind    string   `json:"kind"`
	Member  *Member  `json:"member,omitzero"` // genesis and add
	Device  DeviceID `json:"device,omitzero"` // remove: which
	Upto    Head     `json:"upto,omitzero"`   // remove: its last operation that counts; zero for none
	Epoch   uint32   `json:"epoch"`           // from here on
	Keys    []byte   `json:"keys,omitzero"`   // the key of a new epoch, sealed by age to each member from here on
	At      int64    `json:"at"`              // ms since 1970
	Signer  DeviceID `json:"signer"`
}

// membership is what the chain says of a device.
type membership struct {
	Member
	at      int64 // when it came, ms
	removed bool
	upto    Head // of a removed one
}

// chain is who was and is a member. A device never leaves one that it has applied.
type chain struct {
	trusted bool     // signatures need not be looked at: read from our own log
	packed  [][]byte // the entries, each with its signature
	hashes  []Hash
	entries []entry
	members map[DeviceID]*membership
	epoch   uint32
}

func (c *chain) head() Head {
	n := len(c.hashes)
	return Head{uint64(n - 1), c.hashes[n-1]}
}

func entryMessage(raw []byte) []byte { return append([]byte("codefob entry 1\x00"), raw...) }

func signEntry(key ed25519.PrivateKey, e entry) ([]byte, error) {
	raw, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	packed := append(raw, ed25519.Sign(key, entryMessage(raw))...)
	if len(packed) > maxPacked {
		return nil, errors.New("too many devices for one entry")
	}
	return packed, nil
}

func parseEntry(packed []byte) (e entry, hash Hash, err error) {
	n := len(packed) - ed25519.SignatureSize
	if n < 0 || len(packed) > maxPacked {
		return e, hash, errShape
	}
	if err := json.Unmarshal(packed[:n], &e); err != nil || e.At < 0 || e.At > maxClock {
		return e, hash, errShape
	}
	if e.Member != nil {
		if err := e.Member.check(); err != nil {
			return e, hash, err
		}
	}
	return e, sha256.Sum256(entryMessage(packed[:n])), nil
}

// errFork says that there is another entry at that place already.
var errFork = errors.New("another entry is in its place")

// errGap says that entries before it are missing.
var errGap = errors.New("entries before it are missing")

// take appends an entry, and tells whether it was new. It returns errFork, errGap,
// errNewer, or what is wrong with it.
func (c *chain) take(packed []byte) (isNew bool, err error) {
	e, hash, err := parseEntry(packed)
	if err != nil {
		return false, err
	}
	next := uint64(len(c.entries))
	if e.Index < next {
		if c.hashes[e.Index] == hash {
			return false, nil
		}
		if s := c.members[e.Signer]; s == nil || !verifyEntry(packed, s.Key) {
			return false, errShape // nobody's: no fork, only noise
		}
		return false, errFork
	}
	if e.Index > next {
		return false, errGap
	}
	signer := c.members[e.Signer]
	if e.Index == 0 && e.Member != nil && e.Member.ID() == e.Signer {
		signer = &membership{Member: *e.Member}
	}
	switch {
	case signer == nil || signer.removed:
		return false, errors.New("signed by no member")
	case !c.trusted && !verifyEntry(packed, signer.Key):
		return false, errors.New("the signature is wrong")
	case next > 0 && e.Prev != c.hashes[next-1]:
		return false, errFork
	case e.Version > 0:
		return false, errNewer
	}
	if err := c.allows(e); err != nil {
		return false, err
	}
	if c.members == nil {
		c.members = map[DeviceID]*membership{}
	}
	switch e.Kind {
	case entryGenesis, entryAdd:
		c.members[e.Member.ID()] = &membership{Member: *e.Member, at: e.At}
	case entryRemove:
		m := c.members[e.Device]
		m.removed, m.upto = true, e.Upto
	}
	c.epoch = e.Epoch
	c.packed, c.hashes, c.entries = append(c.packed, packed), append(c.hashes, hash), append(c.entries, e)
	return true, nil
}

func verifyEntry(packed []byte, key ed25519.PublicKey) bool {
	n := len(packed) - ed25519.SignatureSize
	return ed25519.Verify(key, entryMessage(packed[:n]), packed[n:])
}

// allows tells whether the rules let e come next.
func (c *chain) allows(e entry) error {
	first, newEpoch := e.Index == 0, false
	switch e.Kind {
	case entryGenesis:
		newEpoch = true
		if !first || e.Member == nil || (e.Prev != Hash{}) {
			return errShape
		}
	case entryAdd:
		if e.Member == nil {
			return errShape
		}
		if c.members[e.Member.ID()] != nil {
			return errors.New("the device is, or was, a member")
		}
	case entryRemove:
		newEpoch = true
		m := c.members[e.Device]
		if m == nil || m.removed {
			return ErrNoDevice
		}
		if e.Device == e.Signer {
			return errors.New("a device does not remove itself: another one does")
		}
	case entryEpoch:
		newEpoch = true
	default:
		return errNewer
	}
	want := c.epoch
	if newEpoch {
		want++
	}
	switch {
	case first != (e.Kind == entryGenesis), e.Epoch != want, newEpoch != (len(e.Keys) > 0):
		return errShape
	}
	return nil
}

// present are the members now, but for one.
func (c *chain) present(but DeviceID) (list []*membership) {
	for id, m := range c.members {
		if !m.removed && id != but {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *membership) int { return bytes.Compare(a.Key, b.Key) })
	return list
}

// sealKey seals the key of a new epoch to members.
func sealKey(k key, to []*membership) ([]byte, error) {
	var recipients []age.Recipient
	for _, m := range to {
		r, err := age.ParseX25519Recipient(m.Recipient)
		if err != nil {
			return nil, fmt.Errorf("recipient of %q: %w", m.Name, err)
		}
		recipients = append(recipients, r)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return nil, err
	}
	w.Write(k[:])
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unsealKey opens the key of an epoch. It fails where it was not sealed to identity.
func unsealKey(sealed []byte, identity age.Identity) (k key, err error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return k, err
	}
	if _, err := io.ReadFull(r, k[:]); err != nil {
		return k, err
	}
	return k, nil
}
