package interchange

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20"
	//lint:ignore SA1019 its package above cannot go on in a stream
	"golang.org/x/crypto/salsa20/salsa"
	//lint:ignore SA1019 KeePass offers it, and there are files with it
	"golang.org/x/crypto/twofish"
)

// A KDBX file (keepass.info/help/kb/kdbx.html, keepassxreboot/keepassxc src/format) is
// a header of numbered fields, and XML that is packed, sealed and cut into blocks: in
// version 3 cut and then sealed, in version 4 sealed and then cut.
const (
	kdbMagic  = "\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5" // of KeePass 1
	kdbxMagic = "\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5"

	insteadOfKDB = "it is a database of KeePass 1: import it into KeePassXC or KeePass 2, save it there, and import that"
)

// Numbers of header fields.
const (
	kdbxCipher      = 2
	kdbxPacked      = 3
	kdbxSeed        = 4
	kdbxRoundSeed   = 5 // 5, 6, 8 to 10: version 3
	kdbxRounds      = 6
	kdbxIV          = 7
	kdbxInnerKey    = 8
	kdbxStart       = 9
	kdbxInnerStream = 10
	kdbxKDF         = 11 // version 4
)

// UUIDs of ciphers and key derivations.
const (
	kdbxAES      = "\x31\xc1\xf2\xe6\xbf\x71\x43\x50\xbe\x58\x05\x21\x6a\xfc\x5a\xff"
	kdbxTwofish  = "\xad\x68\xf2\x9f\x57\x6f\x4b\xb9\xa3\x6a\xd4\x7a\xf9\x65\x34\x6c"
	kdbxChaCha   = "\xd6\x03\x8a\x2b\x8b\x6f\x4c\xb5\xa5\x24\x33\x9a\x31\xdb\xb5\x9a"
	kdbxAESKDF   = "\xc9\xd9\xf3\x9a\x62\x8a\x44\x60\xbf\x74\x0d\x08\xc1\x8a\x4f\xea"
	kdbxAESKDF4  = "\x7c\x02\xbb\x82\x79\xa7\x4a\xc0\x92\x7d\x11\x4a\x00\x64\x82\x38" // the same, as KeePassXC names it in version 4
	kdbxArgon2d  = "\xef\x63\x6d\xdf\x8c\x29\x44\x4b\x91\xf7\xa9\xa4\x03\xe3\x0a\x0c"
	kdbxArgon2id = "\x9e\x29\x8b\x19\x56\xdb\x47\x73\xb2\x3d\xfc\x3e\xc6\xf0\xa1\xe6"
)

// Streams that protect single values.
const (
	innerSalsa20  = 2
	innerChaCha20 = 3
)

const (
	maxKDBXField  = 1 << 20 // bytes that are looked at
	maxKDFMembers = 100
)

var errKDBX = refused("it is damaged, or cut short")

func isKDBX(data []byte) bool {
	return bytes.HasPrefix(data, []byte(kdbxMagic))
}

// readKDBX reads a database of KeePass 2, KeePassXC and their kin.
func readKDBX(s Source) (Result, error) {
	k, err := parseKDBX(s.Data)
	if err != nil {
		return Result{}, err
	}
	keys, given, err := keePassKeys(s)
	if err != nil {
		return Result{}, err
	}
	for _, key := range keys {
		defer clear(key)
		derived, err := k.derive(key)
		if err != nil {
			return Result{}, err
		}
		defer clear(derived)
		plain, ok, err := k.open(derived)
		if err != nil {
			return Result{}, err
		}
		if !ok {
			continue
		}
		text, inner, err := k.unpack(plain)
		if err != nil {
			return Result{}, damagedUnless(err)
		}
		return readKeePass(text, inner, k.sum)
	}
	if !given {
		return Result{}, ErrNeedsPassword
	}
	wrong := ErrWrongPassword
	if k.major == 3 {
		wrong = errWrongOrDamaged
	}
	if s.KeyFile == nil {
		return Result{}, fmt.Errorf("%w, or it has a key file too: name it with --key-file", wrong)
	}
	return Result{}, fmt.Errorf("%w, or the key file is another", wrong)
}

// damagedUnless keeps an error of ours, and makes any other say that the file is damaged.
func damagedUnless(err error) error {
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrTooMany) {
		return err
	}
	return errKDBX
}

// kdbx is a file whose header is read, and nothing derived or opened.
type kdbx struct {
	major  uint16
	header []byte // as it stands in the file
	sum    []byte // SHA-256 of it
	mac    []byte // version 4: keyed with what the key comes to
	body   []byte // what follows
	fields map[byte][]byte
	kdf    map[string][]byte // version 4: the settings of the key derivation
}

// parseKDBX reads the header, and checks all that shows without a key.
func parseKDBX(data []byte) (k kdbx, err error) {
	switch {
	case bytes.HasPrefix(data, []byte(kdbMagic)):
		return k, fmt.Errorf("%w: %s", ErrUnsupported, insteadOfKDB)
	case !isKDBX(data):
		return k, refused("it does not begin as KDBX files do")
	}
	in := cursor{rest: data[len(kdbxMagic):]}
	in.number(2) // minor version
	k.major = uint16(in.number(2))
	if in.short {
		return k, errKDBX
	}
	size := 4 // bytes of the size of a field
	switch k.major {
	case 3:
		size = 2
	case 4:
	default:
		return k, fmt.Errorf("%w: it is KDBX of version %d: versions 3 and 4 are read", ErrUnsupported, k.major)
	}
	k.fields = make(map[byte][]byte)
	for id := byte(1); id != 0; {
		id = byte(in.number(1))
		value := in.take(in.number(size))
		if in.short {
			return k, errKDBX
		}
		if len(value) <= maxKDBXField {
			k.fields[id] = value
		}
	}
	k.header = data[:len(data)-len(in.rest)]
	sum := sha256.Sum256(k.header)
	k.sum = sum[:]
	if k.major == 4 {
		stored := in.take(sha256.Size)
		k.mac = in.take(sha256.Size)
		if in.short || !bytes.Equal(stored, k.sum) {
			return k, errKDBX
		}
		if k.kdf, err = parseKDF(k.fields[kdbxKDF]); err != nil {
			return k, err
		}
	}
	k.body = in.rest
	if len(k.fields[kdbxSeed]) != 32 || len(k.fields[kdbxPacked]) != 4 || k.major == 3 && len(k.fields[kdbxStart]) != 32 {
		return k, errKDBX
	}
	_, err = k.decrypt(nil, make([]byte, 32))
	return k, err
}

// parseKDF reads the settings of a key derivation, each with its type, which its
// length shows as well.
func parseKDF(data []byte) (map[string][]byte, error) {
	in := cursor{rest: data}
	if version := in.number(2); version>>8 != 1 {
		return nil, refused("the settings of its key derivation are not valid")
	}
	members := make(map[string][]byte)
	for range maxKDFMembers {
		if in.number(1) == 0 && !in.short {
			return members, nil
		}
		name := in.take(in.number(4))
		value := in.take(in.number(4))
		if in.short || len(name) > 64 {
			break
		}
		members[string(name)] = value
	}
	return nil, refused("the settings of its key derivation are not valid")
}

// derive makes the key that all others come from, which takes long by design.
func (k kdbx) derive(key []byte) ([]byte, error) {
	if k.major == 3 {
		return aesKDF(key, k.fields[kdbxRoundSeed], number(k.fields[kdbxRounds]))
	}
	salt := k.kdf["S"]
	switch id := string(k.kdf["$UUID"]); id {
	case kdbxAESKDF, kdbxAESKDF4:
		return aesKDF(key, salt, number(k.kdf["R"]))
	case kdbxArgon2d, kdbxArgon2id:
		if number(k.kdf["V"]) != 0x13 || len(k.kdf["K"])+len(k.kdf["A"]) != 0 {
			return nil, fmt.Errorf("%w: its Argon2 is another than version 1.3: save it again in KeePassXC or KeePass 2", ErrUnsupported)
		}
		derive := argon2d
		if id == kdbxArgon2id {
			derive = argon2id
		}
		return derive(key, salt, number(k.kdf["I"]), number(k.kdf["M"])>>10, number(k.kdf["P"]), 32)
	}
	return nil, fmt.Errorf("%w: its key derivation is not known: save it again in KeePassXC or KeePass 2", ErrUnsupported)
}

// open gives what the blocks hold, still packed. It is not ok where the key is wrong,
// which version 3 does not tell from damage.
func (k kdbx) open(derived []byte) (plain io.Reader, ok bool, err error) {
	seed := k.fields[kdbxSeed]
	key := sha256.Sum256(append(bytes.Clone(seed), derived...))
	defer clear(key[:])
	if k.major == 4 {
		long := append(append(bytes.Clone(seed), derived...), 1)
		base := sha512.Sum512(long)
		clear(long)
		if !hmac.Equal(blockMAC(base[:], ^uint64(0), k.header), k.mac) {
			return nil, false, nil
		}
		if _, err := io.Copy(io.Discard, &macBlocks{in: cursor{rest: k.body}, key: base[:]}); err != nil { // the last block too, which nothing below reads
			return nil, false, err
		}
		plain, err = k.decrypt(&macBlocks{in: cursor{rest: k.body}, key: base[:]}, key[:])
		return plain, true, err
	}
	plain, err = k.decrypt(bytes.NewReader(k.body), key[:])
	if err != nil {
		return nil, false, err
	}
	start := make([]byte, 32)
	if _, err := io.ReadFull(plain, start); err != nil || !bytes.Equal(start, k.fields[kdbxStart]) {
		return nil, false, nil
	}
	return &hashBlocks{in: plain, most: len(k.body)}, true, nil
}

// decrypt opens the cipher of the whole. It checks the header even where there is
// nothing to read yet.
func (k kdbx) decrypt(sealed io.Reader, key []byte) (io.Reader, error) {
	var block cipher.Block
	var err error
	iv := k.fields[kdbxIV]
	switch string(k.fields[kdbxCipher]) {
	case kdbxChaCha:
		stream, err := chacha20.NewUnauthenticatedCipher(key, iv)
		if err != nil {
			return nil, errKDBX
		}
		return cipher.StreamReader{S: stream, R: sealed}, nil
	case kdbxAES:
		block, err = aes.NewCipher(key)
	case kdbxTwofish:
		block, err = twofish.NewCipher(key)
	default:
		return nil, fmt.Errorf("%w: its cipher is none of AES, ChaCha20 and Twofish: save it again in KeePassXC or KeePass 2", ErrUnsupported)
	}
	if err != nil || len(iv) != block.BlockSize() {
		return nil, errKDBX
	}
	return &cbcReader{in: sealed, mode: cipher.NewCBCDecrypter(block, iv)}, nil
}

// unpack gives the XML, and the stream that protects single values of it.
func (k kdbx) unpack(packed io.Reader) (text io.Reader, inner cipher.Stream, err error) {
	switch number(k.fields[kdbxPacked]) {
	case 0:
	case 1:
		if packed, err = gzip.NewReader(packed); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, refused("it is packed in a way that is not known")
	}
	text = &unpackBound{in: packed, left: MaxBytes}
	kind, key := number(k.fields[kdbxInnerStream]), k.fields[kdbxInnerKey]
	if k.major == 4 {
		if kind, key, err = innerHeader(text); err != nil {
			return nil, nil, err
		}
	}
	inner, err = innerStream(kind, key)
	return text, inner, err
}

// innerHeader reads the fields before the XML of version 4, of which attachments are
// skipped.
func innerHeader(in io.Reader) (stream uint64, key []byte, err error) {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return 0, nil, err
		}
		size := int64(number(head[1:]))
		var value bytes.Buffer
		to := io.Discard
		if size <= 1024 {
			to = &value
		}
		if _, err := io.CopyN(to, in, size); err != nil {
			return 0, nil, err
		}
		switch head[0] {
		case 0:
			return stream, key, nil
		case 1:
			stream = number(value.Bytes())
		case 2:
			key = value.Bytes()
		}
	}
}

func innerStream(kind uint64, key []byte) (cipher.Stream, error) {
	switch kind {
	case innerSalsa20:
		s := &salsaStream{key: sha256.Sum256(key), used: salsaBlock}
		copy(s.counter[:], "\xe8\x30\x09\x4b\x97\x20\x5d\x2a")
		return s, nil
	case innerChaCha20:
		sum := sha512.Sum512(key)
		return chacha20.NewUnauthenticatedCipher(sum[:32], sum[32:44])
	}
	return nil, refused("its values are protected in a way that is not known")
}

const salsaBlock = 64

// salsaStream is Salsa20 that goes on where it stopped.
type salsaStream struct {
	key     [32]byte
	counter [16]byte // the nonce, then the number of the next block
	block   [salsaBlock]byte
	used    int // bytes of block
}

func (s *salsaStream) XORKeyStream(dst, src []byte) {
	for i := range src {
		if s.used == salsaBlock {
			var zeros [salsaBlock]byte
			salsa.XORKeyStream(s.block[:], zeros[:], &s.counter, &s.key)
			binary.LittleEndian.PutUint64(s.counter[8:], binary.LittleEndian.Uint64(s.counter[8:])+1)
			s.used = 0
		}
		dst[i] = src[i] ^ s.block[s.used]
		s.used++
	}
}

// blockMAC is the MAC of a block of version 4; the header has the highest number.
func blockMAC(base []byte, n uint64, parts ...[]byte) []byte {
	key := sha512.Sum512(append(binary.LittleEndian.AppendUint64(nil, n), base...))
	mac := hmac.New(sha256.New, key[:])
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// macBlocks reads the blocks of version 4: a MAC, the size, the content. The last is empty.
type macBlocks struct {
	in   cursor
	key  []byte
	n    uint64 // of the next block
	rest []byte // of the current one
	end  bool
}

func (b *macBlocks) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.end {
			return 0, io.EOF
		}
		mac, size := b.in.take(sha256.Size), b.in.take(4)
		b.rest = b.in.take(number(size))
		at := binary.LittleEndian.AppendUint64(nil, b.n)
		if b.in.short || !hmac.Equal(blockMAC(b.key, b.n, at, size, b.rest), mac) {
			return 0, errKDBX
		}
		b.n++
		if b.end = len(b.rest) == 0; b.end {
			return 0, io.EOF
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// hashBlocks reads the blocks of version 3: a number, SHA-256, the size, the content.
// The last is empty.
type hashBlocks struct {
	in   io.Reader
	most int // bytes that all of them have
	n    uint64
	rest []byte
	end  bool
}

func (b *hashBlocks) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.end {
			return 0, io.EOF
		}
		head := make([]byte, 4+sha256.Size+4)
		if _, err := io.ReadFull(b.in, head); err != nil {
			return 0, errKDBX
		}
		size := number(head[4+sha256.Size:])
		if number(head[:4]) != b.n || size > uint64(b.most) {
			return 0, errKDBX
		}
		b.n++
		if b.end = size == 0; b.end {
			return 0, io.EOF
		}
		b.most -= int(size)
		b.rest = make([]byte, size)
		if _, err := io.ReadFull(b.in, b.rest); err != nil {
			return 0, errKDBX
		}
		if sum := sha256.Sum256(b.rest); !bytes.Equal(sum[:], head[4:4+sha256.Size]) {
			return 0, errKDBX
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// cbcReader opens CBC. It gives the padding too: what is inside knows where it ends.
type cbcReader struct {
	in   io.Reader
	mode cipher.BlockMode
	buf  [16 << 10]byte
	rest []byte // of buf
}

func (r *cbcReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		n, err := io.ReadFull(r.in, r.buf[:])
		switch {
		case n > 0 && errors.Is(err, io.ErrUnexpectedEOF) && n%r.mode.BlockSize() == 0:
		case errors.Is(err, io.ErrUnexpectedEOF):
			return 0, errKDBX
		case err != nil:
			return 0, err
		}
		r.rest = r.buf[:n]
		r.mode.CryptBlocks(r.rest, r.rest)
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// unpackBound reads so many bytes, and refuses more: what a packed file says of its size
// is not believed.
type unpackBound struct {
	in   io.Reader
	left int64
}

func (b *unpackBound) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, refused("it unpacks to over %d MiB", MaxBytes>>20)
	}
	return n, err
}

// cursor takes bytes from the front. It is short once there are too few, and stays so.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) take(n uint64) []byte {
	if c.short || n > uint64(len(c.rest)) {
		c.short = true
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) number(size int) uint64 { return number(c.take(uint64(size))) }

// number reads little endian of any length up to 8; anything longer is no number, and 0.
func number(data []byte) (n uint64) {
	if len(data) > 8 {
		return 0
	}
	for i, b := range data {
		n |= uint64(b) << (8 * i)
	}
	return n
}
