package install

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"codefob/internal/protocol"
	"codefob/manifests"
)

// How a host can fail [Hello].
var (
	ErrCannotStart = errors.New("the host cannot be started")
	ErrSilent      = errors.New("the host ends without an answer")
	ErrNonsense    = errors.New("the host answers nonsense")
	ErrTimeout     = errors.New("the host takes too long")
)

// helloLimit bounds a whole Hello, unless the context ends earlier.
const helloLimit = 10 * time.Second

// Hello starts the program that a manifest names as a browser of the family
// would, says host.hello with a challenge, and waits for the program to end once its standard
// input is closed. The program gets the environment of this process, as it gets
// the browser's: CODEFOB_HOME among it.
func Hello(ctx context.Context, manifestPath string, family Family) (protocol.HelloResult, error) {
	var none protocol.HelloResult
	m, err := readManifest(manifestPath)
	if err != nil {
		return none, fmt.Errorf("%s: %w", manifestPath, err)
	}
	if !filepath.IsAbs(m.Path) {
		return none, fmt.Errorf("%w: its path %q is not absolute", ErrCannotStart, m.Path)
	}
	ctx, cancel := context.WithTimeout(ctx, helloLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, m.Path, browserArgs(manifestPath, family)...)
	cmd.Dir = filepath.Dir(m.Path) // as browsers do
	cmd.WaitDelay = time.Second    // then the pipes are closed, though a child of the host holds them
	var stderr tail
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return none, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return none, err
	}
	if err := cmd.Start(); err != nil {
		return none, fmt.Errorf("%w: %w", ErrCannotStart, err)
	}

	// A host that is gone already shows in the reading, not in the writing.
	_, _ = stdin.Write(helloFrame(family))
	result, err := readHello(stdout)
	_ = stdin.Close()
	timedOut := err != nil && ctx.Err() != nil
	if errors.Is(err, ErrNonsense) {
		cancel() // no use in waiting for it
	}
	ended := cmd.Wait()
	switch {
	case timedOut:
		return none, stderr.explain(fmt.Errorf("%w to answer", ErrTimeout))
	case errors.Is(err, ErrNonsense):
		return none, stderr.explain(err)
	case errors.Is(err, io.EOF):
		return none, stderr.explain(fmt.Errorf("%w (%s)", ErrSilent, cmd.ProcessState))
	case err != nil:
		return none, stderr.explain(err)
	case ctx.Err() != nil:
		return none, stderr.explain(fmt.Errorf("%w to end when the browser closes the connection", ErrTimeout))
	case ended != nil:
		return none, stderr.explain(fmt.Errorf("the host answers, then fails: %w", ended))
	}
	return result, nil
}

// browserArgs is what a browser passes to a host (developer.chrome.com, "Native
// messaging protocol"; MDN, "Native messaging").
func browserArgs(manifestPath string, family Family) []string {
	if family == Firefox {
		return []string{manifestPath, manifests.Firefox("").AllowedExtensions[0]}
	}
	args := manifests.Chromium("").AllowedOrigins
	if runtime.GOOS == "windows" {
		args = append(args, "--parent-window=0")
	}
	return args
}

const helloID = 1

// helloFrame is host.hello on the wire: its length in native order, then JSON.
func helloFrame(family Family) []byte {
	random := make([]byte, 32)
	rand.Read(random)
	challenge := base64.StdEncoding.EncodeToString(random)
	params, err := json.Marshal(protocol.HelloParams{Client: string(family), Version: "doctor", Challenge: challenge})
	if err != nil {
		panic(err) // strings only: cannot fail
	}
	body, err := json.Marshal(protocol.Request{ID: helloID, Method: protocol.MethodHello, Params: params})
	if err != nil {
		panic(err)
	}
	return append(binary.NativeEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// readHello reads the one reply. It returns io.EOF when there is not one byte,
// and ErrNonsense, wrapped, for anything but a reply to host.hello.
func readHello(r io.Reader) (protocol.HelloResult, error) {
	var none protocol.HelloResult
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); n == 0 {
		return none, io.EOF
	} else if err != nil {
		return none, fmt.Errorf("%w: it ends after %d bytes", ErrNonsense, n)
	}
	size := binary.NativeEndian.Uint32(head[:])
	if size > protocol.MaxReply {
		return none, fmt.Errorf("%w: it begins with %q, which announces %d bytes", ErrNonsense, head, size)
	}
	body := make([]byte, size)
	if n, err := io.ReadFull(r, body); err != nil {
		return none, fmt.Errorf("%w: it ends after %d of %d bytes", ErrNonsense, n, size)
	}
	var result protocol.HelloResult
	reply := protocol.Reply{Result: &result}
	if err := json.Unmarshal(body, &reply); err != nil {
		return none, fmt.Errorf("%w: %w", ErrNonsense, err)
	}
	switch {
	case reply.ID != helloID:
		return none, fmt.Errorf("%w: a reply to request %d, not %d", ErrNonsense, reply.ID, helloID)
	case reply.Error != nil:
		return none, fmt.Errorf("the host refuses: %q", reply.Error.Message)
	case result.Version == "":
		return none, fmt.Errorf("%w: a reply without a version", ErrNonsense)
	case result.Protocol != protocol.Version:
		return none, fmt.Errorf("the host speaks version %d of the protocol, not %d", result.Protocol, protocol.Version)
	}
	return result, nil
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

const tailSize = 1 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// explain adds the last line that the host wrote on standard error.
func (t *tail) explain(err error) error {
	lines := bytes.Split(bytes.TrimSpace(t.kept), []byte("\n"))
	line := lines[len(lines)-1]
	if len(line) == 0 {
		return err
	}
	return fmt.Errorf("%w; its last words: %q", err, line)
}
