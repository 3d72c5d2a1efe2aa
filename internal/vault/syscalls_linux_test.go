package vault

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// V2, V4: as the kernel would have it. At each turn of each system call of a program
// that opens a vault and takes a code, it is killed, or the call fails. Go's runtime
// makes some of them too.
func TestEachSystemCall(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if soak == 0 || err != nil {
		t.Skip("SKIPPED: make soak runs it, with strace")
	}
	makeCheap(t)
	v, _, err := Create(inMemory(t), []byte(passphrase))
	check(t, err)
	long := hotp(0)
	long.Digits = 8
	id := mustAdd(t, v, long)
	trace := filepath.Join(t.TempDir(), "trace")
	run := func(how string) (code string, err error) {
		c := child(v, "release", 1, id)
		c.Args = []string{strace, "-f", "-qq", "-o", trace, "-e", how, c.Path}
		c.Path, c.Stderr = strace, nil
		c.Env = append(c.Env, "GOMAXPROCS=1")
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err
	}
	kills, failures, codes := 0, 0, 0
	issued := map[string]bool{}
	for _, call := range strings.Fields("openat fstat newfstatat flock write fsync close read pread64 pwrite64 ftruncate mmap linkat renameat unlinkat getdents64 fchmod") {
		_, err := run("trace=" + call)
		check(t, err)
		lines, err := os.ReadFile(trace)
		check(t, err)
		for _, how := range []string{"signal=SIGKILL", "error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EINTR"} {
			for turn := range bytes.Count(lines, []byte("\n")) {
				before, _ := again(t, v).Account(id)
				check(t, v.ClearLog(CommandLine))
				code, err := run(fmt.Sprintf("inject=%s:%s:when=%d", call, how, turn+1))
				after, _ := again(t, v).Account(id)
				// The code may be used and not be printed.
				if used := after.Counter - before.Counter; used > 1 || code == "" && err == nil && used == 0 || code != "" && used != 1 || issued[code] {
					t.Fatalf("%s at turn %d of %s: code %q, %v; the counter was %d and is %d", how, turn+1, call, code, err, before.Counter, after.Counter)
				}
				list, missing, err := again(t, v).Log()
				if err != nil || code != "" && len(list)+missing != 2 || how == "signal=SIGKILL" && missing != 0 {
					t.Fatalf("%s at turn %d of %s: code %q; the log has %v, and misses %d: %v", how, turn+1, call, code, list, missing, err)
				}
				if issued[code] = code != ""; issued[code] {
					codes++
				}
				if how == "signal=SIGKILL" {
					kills++
				} else {
					failures++
				}
			}
		}
	}
	t.Logf("SOAK system calls: %d kills and %d failures, %d codes; nothing lost, nothing unreadable, no HOTP twice, each in the log or missed there", kills, failures, codes)
}
