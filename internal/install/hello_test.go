package install

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"codefob/internal/protocol"
)

// TestMain makes the test binary a host too, of the manner that hostVar names.
func TestMain(m *testing.M) {
	if manner := os.Getenv(hostVar); manner != "" {
		os.Exit(beHost(manner))
	}
	os.Exit(m.Run())
}

const hostVar = "CODEFOB_TEST_HOST"

func frame(body string) string {
	return string(binary.NativeEndian.AppendUint32(nil, uint32(len(body)))) + body
}

func helloReply(version string) string {
	return frame(fmt.Sprintf(`{"id":1,"result":{"version":%q,"protocol":%d,"platform":"p","vault":"locked","accounts":0}}`, version, protocol.Version))
}

func beHost(manner string) (status int) {
	say := func(s string) { _, _ = io.WriteString(os.Stdout, s) }
	untilClosed := func() { _, _ = io.Copy(io.Discard, os.Stdin) }
	var head [4]byte
	if manner != "silent" && manner != "hangs" {
		_, _ = io.ReadFull(os.Stdin, head[:])
	}
	body := make([]byte, binary.NativeEndian.Uint32(head[:]))
	_, _ = io.ReadFull(os.Stdin, body)
	switch manner {
	case "good":
		dir, _ := os.Getwd()
		say(helloReply(strings.Join(append(os.Args[1:], dir, string(body)), " ")))
		untilClosed()
	case "loud":
		_, _ = io.WriteString(os.Stderr, strings.Repeat("noise\n", 1<<17))
		say(helloReply("loud"))
		untilClosed()
	case "silent":
		fmt.Fprintf(os.Stderr, "one\n%s\x1b[31mlast\n\n", strings.Repeat("x", 2*tailSize))
		return 3
	case "hangs":
		time.Sleep(time.Hour) // it is killed
	case "hangs half way":
		say(helloReply("1")[:9])
		time.Sleep(time.Hour) // it is killed
	case "leaves a child":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), hostVar+"=hangs until closed")
		child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
		_ = child.Start()
	case "hangs until closed":
		untilClosed()
	case "stays":
		say(helloReply("1"))
		time.Sleep(time.Hour) // it is killed
	case "fails late":
		say(helloReply("1"))
		untilClosed()
		return 5
	default:
		say(manner)
	}
	return 0
}

func testManifest(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "codefob.json")
	if err := os.WriteFile(path, manifestFor(Chromium, self).JSON(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var challenge = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`)

func TestHelloStartsTheHostAsTheBrowserWould(t *testing.T) {
	path := testManifest(t)
	self, _ := os.Executable()
	t.Setenv(hostVar, "good")
	for _, tt := range []struct {
		family Family
		args   string
	}{
		{Chromium, "chrome-extension://nfiddnekmhabbidckdaffhidhibipplp/"},
		{Firefox, path + " extension@codefob"},
	} {
		want := tt.args + " " + filepath.Dir(self) + ` {"id":1,"method":"host.hello","params":{"client":"` + string(tt.family) + `","version":"doctor","challenge":"…"}}`
		got, err := Hello(t.Context(), path, tt.family)
		got.Version = challenge.ReplaceAllString(got.Version, "…")
		if err != nil || got.Version != want || got.Vault != protocol.VaultLocked {
			t.Errorf("Hello(%s) = %+v, %v; want the host to see %q", tt.family, got, err, want)
		}
	}
	t.Setenv(hostVar, "loud")
	if got, err := Hello(t.Context(), path, Chromium); err != nil || got.Version != "loud" {
		t.Errorf("a host that fills its standard error: %+v, %v", got, err)
	}
}

func TestHelloTellsFailuresApart(t *testing.T) {
	path := testManifest(t)
	refused := errors.New("")
	for _, tt := range []struct {
		manner string
		is     error // refused stands for none of the exported ones
		want   string
	}{
		{"silent", ErrSilent, `(exit status 3); its last words: "xxx`},
		{"hangs", ErrTimeout, "to answer"},
		{"hangs half way", ErrTimeout, "to answer"},
		{"leaves a child", ErrTimeout, "to answer"},
		{"stays", ErrTimeout, "to end"},
		{"fails late", refused, "exit status 5"},
		{"Usage: codefob", ErrNonsense, `"Usag`},
		{"abc", ErrNonsense, "ends after 3 bytes"},
		{frame("{}")[:5], ErrNonsense, "ends after 1 of 2 bytes"},
		{frame(""), ErrNonsense, ""},
		{frame("[]"), ErrNonsense, ""},
		{frame("{}"), ErrNonsense, "request 0"},
		{frame(`{"id":2,"result":{"version":"1","protocol":1}}`), ErrNonsense, "request 2"},
		{frame(`{"id":1}`), ErrNonsense, "without a version"},
		{frame(`{"id":1,"result":null}`), ErrNonsense, "without a version"},
		{frame(`{"id":1,"result":{"version":"1","protocol":9}}`), refused, "version 9 of the protocol"},
		{frame(`{"id":1,"error":{"code":"internal","message":"oh \u0007"}}`), refused, `refuses: "oh \a"`},
	} {
		if strings.ContainsRune(tt.manner, 0) { // cannot stand in an environment variable
			if _, err := readHello(strings.NewReader(tt.manner)); err == nil || !strings.Contains(err.Error(), tt.want) ||
				(tt.is != refused) != errors.Is(err, ErrNonsense) {
				t.Errorf("readHello(%q): %v; want %v, %q", tt.manner, err, tt.is, tt.want)
			}
			continue
		}
		t.Setenv(hostVar, tt.manner)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		if tt.is == ErrTimeout {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		}
		_, err := Hello(ctx, path, Firefox)
		cancel()
		if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != refused && !errors.Is(err, tt.is) {
			t.Errorf("a host that %q: %v; want %v, %q", tt.manner, err, tt.is, tt.want)
		}
		if err != nil && len(err.Error()) > tailSize+300 {
			t.Errorf("a host that %q: an error of %d bytes", tt.manner, len(err.Error()))
		}
	}
}

func TestHelloCannotStart(t *testing.T) {
	dir := t.TempDir()
	makeFile(t, dir+"/plain", 0o644)
	for _, program := range []string{dir + "/gone", dir + "/plain", dir, "sh", ""} {
		path := dir + "/codefob.json"
		if err := os.WriteFile(path, manifestFor(Firefox, program).JSON(), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Hello(t.Context(), path, Firefox); !errors.Is(err, ErrCannotStart) {
			t.Errorf("Hello of %q: %v; want %v", program, err, ErrCannotStart)
		}
	}
	if _, err := Hello(t.Context(), dir+"/none.json", Firefox); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Hello without a manifest: %v", err)
	}
}

func FuzzReadHello(f *testing.F) {
	f.Add([]byte(helloReply("1")))
	f.Add([]byte(frame(`{"id":1,"error":{"code":"internal","message":"no"}}`)))
	f.Add([]byte("\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readHello(bytes.NewReader(data))
		if err == nil && (got.Version == "" || got.Protocol != protocol.Version) {
			t.Errorf("readHello(%q) = %+v, nil", data, got)
		}
	})
}
