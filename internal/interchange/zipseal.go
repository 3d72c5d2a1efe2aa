package interchange

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash/crc32"
)

// methodAES stands for WinZip's encryption in place of how a member is packed.
const methodAES = 99

// openAES opens a member sealed in WinZip's way (winzip.com/en/support/aes-encryption):
// PBKDF2 of 1000 rounds, AES in counter mode, HMAC-SHA1 over what is sealed. It tells
// how the content is packed, and whether its checksum is in the directory.
func (m zipMember) openAES(password []byte) (packed []byte, method uint16, checked bool, err error) {
	const rounds, verifier, mac = 1000, 2, 10
	damaged := refused("the archive is damaged")
	field := extraField(m.extra, 0x9901)
	if len(field) != 7 || field[4] < 1 || field[4] > 3 {
		return nil, 0, false, damaged
	}
	salt, size := 4+4*int(field[4]), 8+8*int(field[4])
	if len(m.packed) < salt+verifier+mac {
		return nil, 0, false, damaged
	}
	keys, err := pbkdf2Key(sha1.New, password, m.packed[:salt], rounds, 2*size+verifier)
	if err != nil {
		return nil, 0, false, err
	}
	defer clear(keys)
	if string(keys[2*size:]) != string(m.packed[salt:salt+verifier]) {
		return nil, 0, false, ErrWrongPassword
	}
	sealed, sum := m.packed[salt+verifier:len(m.packed)-mac], m.packed[len(m.packed)-mac:]
	h := hmac.New(sha1.New, keys[size:2*size])
	h.Write(sealed)
	if !hmac.Equal(h.Sum(nil)[:mac], sum) {
		return nil, 0, false, errWrongOrDamaged // one in 65,536 wrong passwords gets here
	}
	block, err := aes.NewCipher(keys[:size])
	if err != nil {
		return nil, 0, false, err
	}
	packed = make([]byte, len(sealed))
	var counter, pad [aes.BlockSize]byte
	for i := 0; i < len(sealed); i += aes.BlockSize {
		binary.LittleEndian.PutUint64(counter[:], uint64(i/aes.BlockSize)+1) // Go's counter mode is big-endian
		block.Encrypt(pad[:], counter[:])
		for j := i; j < min(i+aes.BlockSize, len(sealed)); j++ {
			packed[j] = sealed[j] ^ pad[j-i]
		}
	}
	version := binary.LittleEndian.Uint16(field)
	return packed, binary.LittleEndian.Uint16(field[5:]), version == 1, nil
}

// openZipCrypto opens a member sealed in the first way of all (PKWARE, APPNOTE.TXT,
// section 6.1), which is weak, has no MAC, and is what WinAuth and old tools write.
func (m zipMember) openZipCrypto(password []byte) ([]byte, error) {
	const head = 12
	if len(m.packed) < head {
		return nil, refused("the archive is damaged")
	}
	k := [3]uint32{0x12345678, 0x23456789, 0x34567890}
	update := func(b byte) {
		k[0] = crc32.IEEETable[byte(k[0])^b] ^ k[0]>>8
		k[1] = (k[1]+k[0]&0xff)*134775813 + 1
		k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
	}
	for _, b := range password {
		update(b)
	}
	plain := make([]byte, len(m.packed))
	for i, b := range m.packed {
		t := uint16(k[2] | 2)
		plain[i] = b ^ byte(uint32(t)*uint32(t^1)>>8)
		update(plain[i])
	}
	check := byte(m.crc >> 24)
	if m.flags&8 != 0 { // written before the checksum was known
		check = byte(m.time >> 8)
	}
	if plain[head-1] != check {
		clear(plain)
		return nil, ErrWrongPassword
	}
	return plain[head:], nil
}
