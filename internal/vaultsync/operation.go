// Package vaultsync keeps one vault on all of a person's computers: signed operations,
// who is a member, how both are merged, what a device remembers, and how they
// travel. docs/sync.md describes the formats.
//
// It knows no vault: a caller turns the vault's accounts into a [View], and back.
package vaultsync

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DeviceID names a device: the first bytes of the SHA-256 of its key, so that it
// can never be another key's. As text it is lower-case hexadecimal, as [Hash] is.
type DeviceID [16]byte

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// idOf gives the id of the device with that Ed25519 key.
func idOf(key ed25519.PublicKey) DeviceID {
	sum := sha256.Sum256(append([]byte("codefob device 1\x00"), key...))
	return DeviceID(sum[:len(DeviceID{})])
}

func (d DeviceID) String() string                { return hex.EncodeToString(d[:]) }
func (d DeviceID) MarshalText() ([]byte, error)  { return hex.AppendEncode(nil, d[:]), nil }
func (d *DeviceID) UnmarshalText(t []byte) error { return unhex(d[:], t) }
func (h Hash) String() string                    { return hex.EncodeToString(h[:]) }
func (h Hash) MarshalText() ([]byte, error)      { return hex.AppendEncode(nil, h[:]), nil }
func (h *Hash) UnmarshalText(t []byte) error     { return unhex(h[:], t) }

// unhex reads lower-case hexadecimal of exactly that length: each value has one text.
func unhex(to, text []byte) error {
	if n, err := hex.Decode(make([]byte, len(text)), text); err != nil || n != len(to) {
		return errors.New("not hexadecimal of the right length")
	}
	hex.Decode(to, text)
	if hex.EncodeToString(to) != string(text) {
		return errors.New("hexadecimal in upper case")
	}
	return nil
}

// Head is how far a hash chain goes: the number of its last link, and its hash. For
// a device the numbers begin with 1; for the members' chain they begin with 0.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash Hash   `json:"hash"`
}

// The kinds of operations that this version applies.
const (
	kindAccount = "account" // fields are an [Account], or a part of one, to be merged
	kindShared  = "shared"  // fields are registers that belong to no account
	kindSeen    = "seen"    // none: tells only that the device is there, and what it has seen
)

// What an operation may be.
const (
	maxName  = 512  // bytes, of an account's id or a register's name
	maxHeads = 1000 // in one operation
	maxClock = 1 << 53
)

// Operation is one change by one device. The bytes that were signed are what is kept
// and passed on: whatever this version does not know in them stays.
type Operation struct {
	Version int               `json:"version,omitzero"` // 0 is the first; a greater one is kept, and not applied
	Device  DeviceID          `json:"device"`
	Seq     uint64            `json:"seq"`            // of the device, from 1 without a gap
	Prev    Hash              `json:"prev,omitzero"`  // of its operation before; zero for the first
	Heads   map[DeviceID]Head `json:"heads,omitzero"` // of other devices, seen since its operation before
	Members *Head             `json:"members,omitzero"`
	Clock   int64             `json:"clock"` // ms since 1970, and later than all that the device has applied
	Kind    string            `json:"kind"`
	Account string            `json:"account,omitzero"`
	Fields  jsontext.Value    `json:"fields,omitzero"`
}

// signed is an operation as it came or was made.
type signed struct {
	Operation
	packed []byte // the JSON, and 64 bytes of Ed25519 signature
	hash   Hash
	taken  int64 // ms; 0 if it was there before this program
}

var errShape = errors.New("not of the expected shape")

// operationMessage is what is signed and hashed: an operation of one vault is none of another's.
func operationMessage(vault Hash, raw []byte) []byte {
	m := append([]byte("codefob operation 1\x00"), vault[:]...)
	return append(m, raw...)
}

// sign makes an operation of op.
func sign(key ed25519.PrivateKey, vault Hash, op Operation) (*signed, error) {
	raw, err := json.Marshal(op, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	m := operationMessage(vault, raw)
	packed := append(raw, ed25519.Sign(key, m)...)
	if len(packed) > maxPacked {
		return nil, fmt.Errorf("an operation of %d bytes, more than %d", len(packed), maxPacked)
	}
	return parseOperation(vault, packed)
}

// parseOperation reads a packed operation. It does not look at the signature.
func parseOperation(vault Hash, packed []byte) (*signed, error) {
	n := len(packed) - ed25519.SignatureSize
	if n < 0 || len(packed) > maxPacked {
		return nil, errShape
	}
	s := &signed{packed: packed}
	if err := json.Unmarshal(packed[:n], &s.Operation); err != nil {
		return nil, errShape // the text of the error could hold a secret
	}
	if s.Version < 0 || s.Seq == 0 || s.Clock < 0 || s.Clock > maxClock || len(s.Account) > maxName || len(s.Heads) > maxHeads {
		return nil, errShape
	}
	if (s.Seq == 1) != (s.Prev == Hash{}) {
		return nil, errShape
	}
	for d, h := range s.Heads {
		if d == s.Device || h.Seq == 0 {
			return nil, errShape
		}
	}
	s.hash = sha256.Sum256(operationMessage(vault, packed[:n]))
	return s, nil
}

// verify tells whether the device with that key signed it.
func (s *signed) verify(vault Hash, key ed25519.PublicKey) bool {
	n := len(s.packed) - ed25519.SignatureSize
	return ed25519.Verify(key, operationMessage(vault, s.packed[:n]), s.packed[n:])
}
