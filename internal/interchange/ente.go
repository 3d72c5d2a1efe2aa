package interchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/url"

	"crypto/subtle"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/poly1305" //lint:ignore SA1019 secretstream pads what it authenticates in its own way, which chacha20poly1305 does not do
)

// enteFile is a sealed export of Ente Auth (ente-io/ente, mobile/apps/auth/lib/models/export/ente.dart).
type enteFile struct {
	Version loose `json:"version"`
	KDF     struct {
		Memory loose  `json:"memLimit"` // bytes
		Passes loose  `json:"opsLimit"`
		Salt   string `json:"salt"`
	} `json:"kdfParams"`
	Data  string `json:"encryptedData"`
	Nonce string `json:"encryptionNonce"` // the header of the stream
}

func isEnte(s shape) bool { return s.has("kdfParams", "encryptedData", "encryptionNonce") }

// isEntePlain tells Ente's list of URIs by a parameter that only Ente writes.
func isEntePlain(data []byte) bool {
	return bytes.Contains(data, []byte("codeDisplay=")) && beginsWithURI(data)
}

func readEntePlain(s Source) (Result, error) { return parseURIs(s.Data, isTrashed) }

// isTrashed tells whether a line's codeDisplay says that it lies in the bin.
func isTrashed(line []byte) bool {
	_, rest, found := bytes.Cut(line, []byte("codeDisplay="))
	if !found {
		return false
	}
	value, _, _ := bytes.Cut(rest, []byte("&"))
	text, err := url.QueryUnescape(string(value))
	var display struct {
		Trashed bool `json:"trashed"`
	}
	return err == nil && readJSON([]byte(text), &display) == nil && display.Trashed
}

func readEnte(s Source) (Result, error) {
	if beginsWithURI(s.Data) {
		return readEntePlain(s)
	}
	var file enteFile
	if err := readJSON(s.Data, &file); err != nil {
		return Result{}, err
	}
	if file.Version != "1" {
		return Result{}, fmt.Errorf("%w: an Ente export of a newer version", ErrUnsupported)
	}
	salt, err1 := fromBase64(file.KDF.Salt)
	sealed, err2 := fromBase64(file.Data)
	header, err3 := fromBase64(file.Nonce)
	memory, err4 := file.KDF.Memory.number("memory", 0, 1<<40)
	passes, err5 := file.KDF.Passes.number("passes", 0, 1<<20)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return Result{}, refused("its sealed part is damaged: %s", err)
		}
	}
	if len(header) != secretstreamHeader || len(sealed) <= secretstreamOverhead {
		return Result{}, refused("its sealed part is cut short")
	}
	password, err := askPassword(s)
	if err != nil {
		return Result{}, err
	}
	defer clear(password)
	key, err := argon2id(password, salt, passes, memory>>10, 1, 32)
	if err != nil {
		return Result{}, err
	}
	defer clear(key)
	plain, ok := openSecretstream(key, header, sealed)
	if !ok {
		return Result{}, errWrongOrDamaged
	}
	defer clear(plain)
	return parseURIs(plain, isTrashed)
}

const (
	secretstreamHeader   = 24
	secretstreamOverhead = 17 // a tag byte and the MAC
)

// openSecretstream opens a stream of one message of libsodium's
// crypto_secretstream_xchacha20poly1305 (libsodium, secretstream_xchacha20poly1305.c).
func openSecretstream(key, header, sealed []byte) (plain []byte, ok bool) {
	sub, err := chacha20.HChaCha20(key, header[:16])
	if err != nil || len(sealed) < secretstreamOverhead {
		return nil, false
	}
	defer clear(sub)
	nonce := append([]byte{1, 0, 0, 0}, header[16:secretstreamHeader]...)
	stream, err := chacha20.NewUnauthenticatedCipher(sub, nonce)
	if err != nil {
		return nil, false
	}
	message, mac := sealed[1:len(sealed)-16], sealed[len(sealed)-16:]
	var first, tag [64]byte
	stream.XORKeyStream(first[:], first[:]) // block 0: the key of the MAC
	tag[0] = sealed[0]
	stream.XORKeyStream(tag[:], tag[:]) // block 1: the tag, and zeros
	kind := tag[0]
	tag[0] = sealed[0]

	sum := poly1305.New((*[32]byte)(first[:32]))
	sum.Write(tag[:])
	sum.Write(message)
	sum.Write(make([]byte, len(message)%16)) // not what pads to 16: libsodium keeps its mistake
	sum.Write(binary.LittleEndian.AppendUint64(make([]byte, 8), uint64(64+len(message))))
	if subtle.ConstantTimeCompare(sum.Sum(nil), mac) != 1 || kind&^3 != 0 {
		return nil, false
	}
	plain = make([]byte, len(message))
	stream.XORKeyStream(plain, message)
	return plain, true
}
