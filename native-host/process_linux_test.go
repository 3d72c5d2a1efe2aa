package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codefob/internal/nativemsg"
	"codefob/internal/protocol"
)

// What browsers give the host as its arguments.
var (
	chromiumArgs = []string{"chrome-extension://nfiddnekmhabbidckdaffhidhibipplp/"}
	firefoxArgs  = []string{"/home/alice/.mozilla/native-messaging-hosts/codefob.json", "extension@codefob"}
)

// process is a host that a browser has started, as a process.
type process struct {
	*testing.T
	*exec.Cmd
	home   string
	in     io.WriteCloser
	out    io.ReadCloser
	frames *nativemsg.Reader
	stderr bytes.Buffer
	ended  chan struct{} // closed at its end
}

// hostCommand is the host over a copy of the model vault.
func hostCommand(t *testing.T, program string, args ...string) *process {
	t.Helper()
	model, err := makeModel()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "codefob")
	if err := os.CopyFS(home, model.files); err != nil {
		t.Fatal(err)
	}
	p := &process{T: t, Cmd: exec.Command(program, args...), home: home, ended: make(chan struct{})}
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CODEFOB_HOME=" + home, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}
	p.Stderr = &p.stderr
	return p
}

func startHost(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := hostCommand(t, program, args...)
	p.start()
	return p
}

func (p *process) start() {
	p.Helper()
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		p.Fatal(err)
	}
	out, write, err := os.Pipe() // not StdoutPipe: Wait would close it
	if err != nil {
		p.Fatal(err)
	}
	p.Stdout, p.out = write, out
	if err := p.Start(); err != nil {
		p.Fatal(err)
	}
	write.Close()
	p.frames = nativemsg.NewReader(out, protocol.MaxReply)
	go func() {
		p.Wait()
		close(p.ended)
	}()
	p.Cleanup(func() {
		p.Process.Kill()
		<-p.ended
		out.Close()
	})
}

func frame(message string) []byte {
	return append(binary.NativeEndian.AppendUint32(nil, uint32(len(message))), message...)
}

func (p *process) write(stream []byte) {
	p.Helper()
	if _, err := p.in.Write(stream); err != nil {
		p.Fatal(err)
	}
}

type reply struct {
	ID     uint32
	Result json.RawMessage
	Error  *protocol.Error
}

func (p *process) read() (r reply, err error) {
	b, err := p.frames.Read()
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err
}

// answers sends a request and wants its reply.
func (p *process) answers(message string) reply {
	p.Helper()
	p.write(frame(message))
	r, err := p.read()
	if err != nil {
		p.Fatalf("%.80s: %v; stderr %s", message, err, &p.stderr)
	}
	return r
}

// end waits for the process's end and wants an exit status: -1 for a signal.
func (p *process) end(want int) {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(60 * time.Second):
		p.Fatal("the host runs on")
	}
	if got := p.ProcessState.ExitCode(); got != want {
		p.Errorf("exit status %d, want %d; stderr %s", got, want, &p.stderr)
	}
}

// peakMemory of the running process, in KiB.
func (p *process) peakMemory() (kib int) {
	p.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		p.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		p.Fatal(err)
	}
	return kib
}

const hello = `{"id":1,"method":"host.hello","params":{"client":"chromium","version":"0.1.0"}}`

// withPinentry configures a pinentry that answers by itself, and gives its path.
func (p *process) withPinentry() (path string) {
	p.Helper()
	path = filepath.Join(p.home, "pinentry")
	script, err := os.ReadFile("../internal/prompt/pinentrytest/pinentry.sh")
	if err != nil {
		p.Fatal(err)
	}
	for name, content := range map[string]string{
		path:                                 string(script),
		path + ".passphrase":                 passphrase + "\n",
		filepath.Join(p.home, "config.json"): fmt.Sprintf(`{"logLevel":"trace","pinentry":%q}`, path),
	} {
		if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
			p.Fatal(err)
		}
	}
	return path
}

// result wants one.
func result[T any](p *process, message string) (into T) {
	p.Helper()
	r := p.answers(message)
	if r.Error != nil {
		p.Fatalf("%.100s: %+v", message, r.Error)
	}
	if err := json.Unmarshal(r.Result, &into); err != nil {
		p.Fatal(err)
	}
	return into
}
