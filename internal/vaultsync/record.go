package vaultsync

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// MaxRecord is the most that a record has, in bytes.
const MaxRecord = 64 << 10

const (
	recordVersion = 1
	nonceSize     = chacha20poly1305.NonceSizeX
	headerSize    = len(DeviceID{}) + 8
	overhead      = 1 + nonceSize + headerSize + 2*chacha20poly1305.Overhead
	smallestBody  = 256
	largestBody   = MaxRecord - overhead
	maxPacked     = largestBody - 4
)

var (
	errUnopened = errors.New("no key opens it")
	errNewer    = errors.New("of a newer version")
)

// key is the key of an epoch.
type key [32]byte

func newKey() (k key) { rand.Read(k[:]); return k }

// derive makes a key of its own for each use.
func (k key) derive(use string) key {
	b, err := hkdf.Key(sha256.New, k[:], nil, "codefob "+use, len(k))
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return key(b)
}

// sealer seals records with the key of one epoch, or entries with the members' key.
type sealer struct {
	context      []byte // what it is for: of all associated data
	header, body cipher.AEAD
}

func newSealer(k key, label string, vault Hash, epoch uint32) *sealer {
	context := append([]byte(label), vault[:]...)
	return &sealer{binary.BigEndian.AppendUint32(context, epoch), newAEAD(k.derive("header")), newAEAD(k.derive("body"))}
}

func newAEAD(k key) cipher.AEAD {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic(err) // the key has the right size
	}
	return a
}

// seal makes a record: version, nonce, sealed header (device and sequence), sealed body
// (length, packed, zeros up to the next step). The nonce is the same for both, as their keys differ.
func (s *sealer) seal(device DeviceID, seq uint64, packed []byte) ([]byte, error) {
	size, err := padded(4 + len(packed))
	if err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint64(device[:], seq)
	body := make([]byte, 4, size)
	binary.BigEndian.PutUint32(body, uint32(len(packed)))
	body = append(body, packed...)[:size]
	record := make([]byte, 1+nonceSize, overhead+size)
	record[0] = recordVersion
	nonce := record[1:]
	rand.Read(nonce)
	record = s.header.Seal(record, nonce, header, s.context)
	return s.body.Seal(record, nonce, body, s.bound(header)), nil
}

// bound is the associated data of a body.
func (s *sealer) bound(header []byte) []byte {
	return append(append(make([]byte, 0, len(s.context)+len(header)), s.context...), header...)
}

// open opens a record. It returns errUnopened for another key's, and for one that was changed.
func (s *sealer) open(record []byte) (device DeviceID, seq uint64, packed []byte, err error) {
	if len(record) > 0 && record[0] != recordVersion {
		return device, 0, nil, errNewer
	}
	if len(record) < overhead || len(record) > MaxRecord {
		return device, 0, nil, errUnopened
	}
	nonce, rest := record[1:1+nonceSize], record[1+nonceSize:]
	header, err := s.header.Open(nil, nonce, rest[:headerSize+chacha20poly1305.Overhead], s.context)
	if err != nil {
		return device, 0, nil, errUnopened
	}
	body, err := s.body.Open(nil, nonce, rest[headerSize+chacha20poly1305.Overhead:], s.bound(header))
	if err != nil || len(body) < 4 {
		return device, 0, nil, errUnopened
	}
	n := binary.BigEndian.Uint32(body)
	if uint64(n) > uint64(len(body)-4) {
		return device, 0, nil, errUnopened
	}
	return DeviceID(header), binary.BigEndian.Uint64(header[len(device):]), body[4 : 4+n], nil
}

// padded gives the step for so many bytes: 256, 512, … 32,768, and what is left of a record.
func padded(size int) (int, error) {
	for step := smallestBody; step < largestBody; step *= 2 {
		if size <= step {
			return step, nil
		}
	}
	if size > largestBody {
		return 0, fmt.Errorf("%d bytes are too many for a record", size)
	}
	return largestBody, nil
}
