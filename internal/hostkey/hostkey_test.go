package hostkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const challenge = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestTheKeyIsMadeOnce(t *testing.T) {
	home := filepath.Join(t.TempDir(), "codefob")
	if _, err := Open(home); !errors.Is(err, ErrMissing) {
		t.Fatalf("Open: %v; want ErrMissing", err)
	}
	var made [8]string
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			if k, err := Ensure(home); err != nil {
				t.Error(err)
			} else {
				made[i] = k.Public()
			}
		})
	}
	all.Wait()
	for _, each := range made {
		if each != made[0] {
			t.Errorf("programs that make a key at once have the keys %q", made)
		}
	}
	files, err := os.ReadDir(home)
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if info, err := os.Stat(File(home)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// What others sign, or was signed for others, or for another version, does not pass.
func TestProofIsForOneChallengeAndCaller(t *testing.T) {
	k, err := Ensure(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.Prove(1, "extension@codefob", challenge)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(signature) != 64 {
		t.Fatalf("Prove = %q, %v", text, err)
	}
	public, err := base64.StdEncoding.DecodeString(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), public)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		message string
		want    bool
	}{
		{"codefob host.hello\n1\nextension@codefob\n" + challenge, true},
		{"codefob host.hello\n2\nextension@codefob\n" + challenge, false},
		{"codefob host.hello\n1\nchrome-extension://nfiddnekmhabbidckdaffhidhibipplp/\n" + challenge, false},
		{"codefob host.hello\n1\nextension@codefob\n" + strings.ToUpper(challenge), false},
	} {
		sum := sha256.Sum256([]byte(tt.message))
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		if got := ecdsa.Verify(key, sum[:], r, s); got != tt.want {
			t.Errorf("a signature of %q: %t, want %t", tt.message, got, tt.want)
		}
	}
}

// The extension makes the code of the same key by itself (extension/src/trust.test.ts).
func TestCode(t *testing.T) {
	k := &Key{public: []byte("a public key")}
	if got, want := k.Code(), "1DSM-HYG3-H5RC"; got != want { // of sha256sum, the first 60 bits
		t.Errorf("Code = %s, want %s", got, want)
	}
	if form := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}$`); !form.MatchString(k.Code()) {
		t.Errorf("Code = %s, not of the form", k.Code())
	}
}

// Whatever stands there stays there, and is named.
func TestWhatIsNoKeyIsRefusedAndKept(t *testing.T) {
	elsewhere := t.TempDir()
	if _, err := Ensure(elsewhere); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(File(elsewhere))
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string, mode os.FileMode) func(string) error {
		return func(name string) error {
			return errors.Join(os.WriteFile(name, []byte(content), mode), os.Chmod(name, mode))
		}
	}
	for _, tt := range []struct {
		name string
		make func(file string) error
		want string
	}{
		{"empty", write("", 0o600), "is damaged"},
		{"cut off", write(string(good[:100]), 0o600), "is damaged"},
		{"text behind it", write(string(good)+"more", 0o600), "is damaged"},
		{"another kind of PEM", write(strings.ReplaceAll(string(good), "PRIVATE KEY", "CERTIFICATE"), 0o600), "is damaged"},
		{"no key in it", write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600), "holds no key"},
		{"a bit flipped", write(strings.Replace(string(good), "MIGH", "MIGI", 1), 0o600), "holds no key"},
		{"too large", write(strings.Repeat(string(good), 50), 0o600), "is larger than 4 KiB"},
		{"readable by the group", write(string(good), 0o640), "is open to other users (0640)"},
		{"readable by all", write(string(good), 0o604), "is open to other users (0604)"},
		{"a link to a key", func(name string) error { return os.Symlink(File(elsewhere), name) }, "is not a regular file"},
		{"a link to nothing", func(name string) error { return os.Symlink("nowhere", name) }, "is not a regular file"},
		{"a folder", func(name string) error { return os.Mkdir(name, 0o700) }, "is not a regular file"},
	} {
		if runtime.GOOS == "windows" && strings.Contains(tt.name, "readable") {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			if err := tt.make(File(home)); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(File(home))
			_, err := Ensure(home)
			if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), File(home)) {
				t.Errorf("Ensure: %v; want ErrUnusable, %q, with the file's name", err, tt.want)
			}
			after, err := os.Lstat(File(home))
			if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
				t.Errorf("it was replaced: %v", err)
			}
		})
	}
}
