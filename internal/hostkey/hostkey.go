// Package hostkey keeps the key by which the extension knows its host again: it
// notices when another program answers under the host's name.
package hostkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

var (
	// ErrMissing says that no key was made yet.
	ErrMissing = errors.New("there is no host key")
	// ErrUnusable says that something else stands where the key should. It is never
	// replaced by itself: the user would be asked to trust another key, and could not
	// tell why.
	ErrUnusable = errors.New("the host key cannot be used")
	// ErrOthers says, wrapped in [ErrUnusable], that other users can read the key.
	ErrOthers = errors.New("is open to other users")
)

const (
	mostBytes = 4 << 10
	pemType   = "PRIVATE KEY" // PKCS #8, RFC 7468
)

// Key is a key for ECDSA on P-256.
type Key struct {
	private *ecdsa.PrivateKey
	public  []byte // the uncompressed point, 65 bytes
}

// File is where the key of a home folder is.
func File(home string) string { return filepath.Join(home, "host-key.pem") }

// Open reads the key. It returns [ErrMissing], or an error that wraps [ErrUnusable].
func Open(home string) (*Key, error) {
	name := File(home)
	content, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	block, rest := pem.Decode(content)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return nil, fmt.Errorf("%w: %s is damaged", ErrUnusable, name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: %s holds no key for P-256", ErrUnusable, name)
	}
	public, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return &Key{private, public}, nil
}

// read reads a regular file that only its owner can read, never through a link.
func read(name string) ([]byte, error) {
	named, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !named.Mode().IsRegular() { // before it is opened: a FIFO would wait
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !os.SameFile(named, info):
		return nil, fmt.Errorf("%s was replaced while it was read", name)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s %w (%#o)", name, ErrOthers, info.Mode().Perm())
	case info.Size() > mostBytes:
		return nil, fmt.Errorf("%s is larger than %d KiB", name, mostBytes>>10)
	}
	return io.ReadAll(f)
}

// Ensure is [Open], and makes the key where there is none. Of several programs that
// make it at once, all get the same.
func Ensure(home string) (*Key, error) {
	k, err := Open(home)
	if !errors.Is(err, ErrMissing) {
		return k, err
	}
	if err := makeKey(home); err != nil {
		return nil, fmt.Errorf("making the host key: %w", err)
	}
	return Open(home)
}

func makeKey(home string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(home, "host-key-*.tmp") // 0600, O_EXCL
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link, and not a rename, does not take the place of what another program made meanwhile.
	err = os.Link(f.Name(), File(home))
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(f.Name(), File(home)) // a file system without links
}

// Public is the public key as the wire has it: the uncompressed point, in base64.
func (k *Key) Public() string { return base64.StdEncoding.EncodeToString(k.public) }

// crockford leaves out I, L, O and U, which are misread (https://www.crockford.com/base32.html).
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Code is what people compare: 60 bits of the SHA-256 of the public key, as in
// "K7QD-2M9X-41TR".
func (k *Key) Code() string {
	sum := sha256.Sum256(k.public)
	text := crockford.EncodeToString(sum[:])
	return text[:4] + "-" + text[4:8] + "-" + text[8:12]
}

// Prove signs a challenge, in base64, for one caller and version of the protocol.
// The signature is r and s, 32 bytes each, in base64.
func (k *Key) Prove(version int, caller, challenge string) (signature string, err error) {
	sum := sha256.Sum256(message(version, caller, challenge))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return "", err
	}
	both := make([]byte, 64)
	r.FillBytes(both[:32])
	s.FillBytes(both[32:])
	return base64.StdEncoding.EncodeToString(both), nil
}

// message is what is signed: it can be nothing else's. No caller has a line feed.
func message(version int, caller, challenge string) []byte {
	return []byte("codefob host.hello\n" + strconv.Itoa(version) + "\n" + caller + "\n" + challenge)
}
