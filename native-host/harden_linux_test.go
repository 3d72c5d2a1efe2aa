package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"codefob/internal/protocol"
)

// public makes a folder for what another user is to run and read, and gives the place of
// the program in it.
func public(t *testing.T) (dir, program string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "codefob-public")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	program = filepath.Join(dir, "codefob")
	copied, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(copied, self)
		copied.Close()
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, program
}

// Attack U9: programs of the same user, who may read any other of their programs.
func TestProgramsOfTheSameUserCannotLookIntoTheHost(t *testing.T) {
	dir, program := public(t)
	p := hostCommand(t, program, chromiumArgs...)
	home := filepath.Join(dir, "home")
	if err := os.CopyFS(home, os.DirFS(p.home)); err != nil {
		t.Fatal(err)
	}
	p.home, p.Env = home, append(p.Env, "CODEFOB_HOME="+home, "HOME="+dir)
	p.withPinentry()
	as := func(*exec.Cmd) {}
	if os.Getuid() == 0 { // who may look everywhere
		const nobody = 65534
		as = func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		filepath.WalkDir(home, func(name string, _ fs.DirEntry, _ error) error { return os.Chown(name, nobody, nobody) })
	}
	as(p.Cmd)
	p.start()
	result[protocol.VaultResult](p, `{"id":1,"method":"vault.unlock"}`)
	other := exec.Command("sleep", "60")
	as(other)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { other.Process.Kill(); other.Wait() }()
	refused := func(pid int, name string) bool {
		c := exec.Command("cat", filepath.Join("/proc", strconv.Itoa(pid), name))
		c.Dir, c.Env = "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
		as(c)
		out, _ := c.CombinedOutput()
		return bytes.Contains(out, []byte("Permission denied"))
	}
	if refused(other.Process.Pid, "environ") {
		t.Fatal("the test does not even see into another program")
	}
	for _, name := range []string{"mem", "environ", "maps", "auxv"} {
		if !refused(p.Process.Pid, name) {
			t.Errorf("%s of the host can be read", name)
		}
	}
}

// Attacks U9 and N7.
func TestACrashLeavesNothing(t *testing.T) {
	const cores = `ulimit -c unlimited; exec "$0" "$@"`
	control := exec.Command("sh", "-c", "ulimit -c unlimited; kill -ABRT $$")
	control.Dir = t.TempDir()
	control.Run()
	if !control.ProcessState.Sys().(syscall.WaitStatus).CoreDump() {
		t.Log("here no program leaves a core")
	}
	for _, with := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGQUIT, syscall.SIGBUS} {
		p := hostCommand(t, "sh", append([]string{"-c", cores, "codefob"}, chromiumArgs...)...)
		p.Dir = t.TempDir()
		p.Env = append(p.Env, "GOTRACEBACK=crash", "GODEBUG=dontfreezetheworld=1,invalidptr=1")
		p.withPinentry()
		p.start()
		result[protocol.VaultResult](p, `{"id":1,"method":"vault.unlock"}`)
		p.Process.Signal(with)
		<-p.ended
		if p.ProcessState.Sys().(syscall.WaitStatus).CoreDump() {
			t.Errorf("%s: a core was dumped", with)
		}
		if left, err := os.ReadDir(p.Dir); err != nil || len(left) > 0 {
			t.Errorf("%s left %v, %v", with, left, err)
		}
		if said := p.stderr.String(); said != "" {
			t.Errorf("%s has it say %d bytes: %s", with, len(said), said[:strings.IndexByte(said, '\n')+1])
		}
		if r, err := p.read(); err != io.EOF {
			t.Errorf("%s has it answer %+v, %v", with, r, err)
		}
	}
}
