package interchange

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"

	"github.com/tobischo/argon2" // golang.org/x/crypto's own, which has no Argon2d
	"golang.org/x/crypto/scrypt"
)

// Bounds of what a file may ask of this computer before it opens: about twice what the
// most demanding real ones do (Ente on a desktop: 1 GiB, four times over; KeePassXC, which
// measures what takes a second: 117 passes over 16 MiB, or 40 million rounds of AES).
const (
	maxKDFMemory   = 1 << 30    // bytes
	maxArgonPasses = 10_000     // over little memory
	maxArgonLanes  = 16         //
	maxArgonWork   = 16 << 30   // bytes written over all passes
	maxScryptWork  = 1 << 25    // N·r·p, of all slots together
	maxRounds      = 10_000_000 // of PBKDF2
	maxAESRounds   = 100_000_000
)

var (
	errBase64 = errors.New("not base64")

	// errWrongOrDamaged is what a single seal can say: both look the same.
	errWrongOrDamaged = fmt.Errorf("%w, or the file is damaged", ErrWrongPassword)
)

// askPassword asks for the password of a sealed file.
func askPassword(s Source) ([]byte, error) {
	if s.Password == nil {
		return nil, ErrNeedsPassword
	}
	return s.Password()
}

// argon2id derives a key (RFC 9106). Memory is in KiB.
func argon2id(password, salt []byte, passes, memory, lanes, size uint64) ([]byte, error) {
	if err := checkArgon2(salt, passes, memory, lanes); err != nil {
		return nil, err
	}
	return argon2.IDKey(password, salt, uint32(passes), uint32(memory), uint8(lanes), uint32(size)), nil
}

// argon2d derives a key as argon2id does, in the way of RFC 9106 that only KeePass uses.
func argon2d(password, salt []byte, passes, memory, lanes, size uint64) ([]byte, error) {
	if err := checkArgon2(salt, passes, memory, lanes); err != nil {
		return nil, err
	}
	return argon2.DKey(password, salt, uint32(passes), uint32(memory), uint8(lanes), uint32(size)), nil
}

func checkArgon2(salt []byte, passes, memory, lanes uint64) error {
	switch {
	case passes == 0 || memory == 0 || lanes == 0 || len(salt) < 8 || len(salt) > 1024:
		return refused("the settings of its key derivation are not valid")
	case memory > maxKDFMemory>>10:
		return refused("its key derivation wants over %d MiB of memory", maxKDFMemory>>20)
	case passes > maxArgonPasses || lanes > maxArgonLanes || passes*(memory<<10) > maxArgonWork:
		return refused("its key derivation would take too long")
	}
	return nil
}

// aesKDF derives a key in KeePass's first way: AES over each half of it, again and again.
func aesKDF(key, seed []byte, rounds uint64) ([]byte, error) {
	block, err := aes.NewCipher(seed)
	switch {
	case err != nil || len(seed) != 32 || len(key) != 32:
		return nil, refused("the settings of its key derivation are not valid")
	case rounds > maxAESRounds:
		return nil, refused("its key derivation has %d rounds, allowed are up to %d", rounds, maxAESRounds)
	}
	key = bytes.Clone(key)
	defer clear(key)
	var halves sync.WaitGroup
	for half := range slices.Chunk(key, aes.BlockSize) {
		halves.Go(func() {
			for range rounds {
				block.Encrypt(half, half)
			}
		})
	}
	halves.Wait()
	sum := sha256.Sum256(key)
	return sum[:], nil
}

// scryptKey derives a key of 32 bytes (RFC 7914).
func scryptKey(password, salt []byte, n, r, p uint64) ([]byte, error) {
	if err := checkScrypt(n, r, p); err != nil {
		return nil, err
	}
	return scrypt.Key(password, salt, int(n), int(r), int(p), 32)
}

func checkScrypt(n, r, p uint64) error {
	switch {
	case n < 2 || n&(n-1) != 0 || r == 0 || p == 0:
		return refused("the settings of its key derivation are not valid")
	case n > maxScryptWork || r > maxScryptWork || p > maxScryptWork || n*r > maxKDFMemory/128 || n*r*p > maxScryptWork:
		return refused("its key derivation would take too long, or too much memory")
	}
	return nil
}

// pbkdf2Key derives a key (RFC 8018).
func pbkdf2Key(h func() hash.Hash, password, salt []byte, rounds uint64, size int) ([]byte, error) {
	if rounds == 0 || rounds > maxRounds {
		return nil, refused("its key derivation has %d rounds, allowed are 1 to %d", rounds, maxRounds)
	}
	return pbkdf2.Key(h, string(password), salt, int(rounds), size)
}

// openGCM opens AES-GCM, tag last, in a new slice.
func openGCM(key, nonce, sealed, bound []byte) (plain []byte, ok bool) {
	block, err := aes.NewCipher(key)
	if err != nil || len(nonce) != 12 {
		return nil, false
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, false
	}
	plain, err = gcm.Open(nil, nonce, sealed, bound)
	return plain, err == nil
}

// openCBC opens AES-CBC with PKCS #7 padding, in a new slice. It is not ok where
// the padding is wrong, as it mostly is under a wrong key.
func openCBC(key, iv, sealed []byte) (plain []byte, ok bool) {
	block, err := aes.NewCipher(key)
	if err != nil || len(iv) != aes.BlockSize || len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, false
	}
	plain = make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, sealed)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(plain[len(plain)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		clear(plain)
		return nil, false
	}
	return plain[:len(plain)-pad], true
}

// fromBase64 reads base64 with or without padding, and with line ends.
func fromBase64(text string) ([]byte, error) {
	data := bytes.TrimRight([]byte(text), "= \r\n\t")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(data)))
	n, err := base64.RawStdEncoding.Decode(out, data)
	if err != nil {
		return nil, errBase64
	}
	return out[:n], nil
}
