// Command nmbench times the host as a browser sees it, over stdin and stdout,
// beside the floor (package echo), the two in turn. make bench runs it.
//
//	nmbench -host build/codefob-bench -echo build/echo -shipped build/codefob
//
// The host under test is built with the tag bench: it releases more codes than
// the budget allows, and takes the vault's key from the environment ("the key at
// hand") except in the row that names the Secret Service.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"

	"codefob/internal/account"
	"codefob/internal/vault"
	"codefob/manifests"
)

const (
	warmBlocks = 40
	warmBlock  = 50 // requests before the other host has its turn
	coldStarts = 40
	passphrase = "a passphrase to measure with"
)

func main() {
	hostPath := flag.String("host", "", "the host, built with the tag bench")
	echoPath := flag.String("echo", "", "the floor")
	shipped := flag.String("shipped", "", "the host as it is shipped, for its size")
	keychain := flag.Bool("keychain", false, "also measure with the Secret Service that is running")
	flag.Parse()
	debug.SetGCPercent(-1) // no collection of ours in the middle of a sample

	temp, err := os.MkdirTemp("", "codefob-bench-")
	must(err)
	defer os.RemoveAll(temp)
	small, smallEnv := makeVault(filepath.Join(temp, "1000"), 1000)
	_, largeEnv := makeVault(filepath.Join(temp, "10000"), 10000)
	echo := target{path: *echoPath}

	fmt.Printf("%-52s %10s %10s %8s\n", "", "median", "p95", "x floor")
	warm(target{*hostPath, largeEnv}, echo)
	cold("first code after a cold start, 1,000 accounts", target{*hostPath, smallEnv}, echo)
	if *keychain {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(small.SetKeychain(ctx))
		cold("the same, key from the Secret Service", target{*hostPath, smallEnv[:1]}, echo)
		must(small.RemoveKeychain(ctx))
	}
	memory(target{*hostPath, largeEnv})
	if info, err := os.Stat(*shipped); err == nil {
		fmt.Printf("%-52s %6.2f MiB\n", "size of the shipped program", float64(info.Size())/(1<<20))
	}
}

// makeVault makes a vault of n accounts and returns the environment for a host
// that opens it: its folder, then its key.
func makeVault(home string, n int) (*vault.Vault, []string) {
	v, _, err := vault.Create(home, []byte(passphrase))
	must(err)
	must(v.Update(func(tx *vault.Tx) error {
		for i := range n {
			a := account.New(account.TOTP, fmt.Sprintf("Site %05d", i), fmt.Sprintf("user%05d@example.com", i),
				account.NewSecret(fmt.Appendf(nil, "secret number %06d", i)))
			a.Sites = []string{origin(i)}
			if _, err := tx.Add(a); err != nil {
				return err
			}
		}
		return nil
	}))
	slot, err := os.Open(filepath.Join(home, "vault", "slots", "passphrase.age"))
	must(err)
	defer slot.Close()
	by, err := age.NewScryptIdentity(passphrase)
	must(err)
	r, err := age.Decrypt(slot, by)
	must(err)
	identity, err := io.ReadAll(r)
	must(err)
	return v, []string{"CODEFOB_HOME=" + home, "CODEFOB_BENCH_IDENTITY=" + string(identity)}
}

func origin(i int) string { return fmt.Sprintf("https://login.site%05d.com", i) }

// target is a program to time.
type target struct {
	path string
	env  []string
}

// process is a running one.
type process struct {
	p        *os.Process
	in, out  *os.File
	buf      []byte
	requests int
}

func (t target) start() *process {
	r0, w0, err := os.Pipe()
	must(err)
	r1, w1, err := os.Pipe()
	must(err)
	w0.Fd() // into blocking mode: no poller between us and the pipe
	r1.Fd()
	p, err := os.StartProcess(t.path, []string{t.path, manifests.Chromium("").AllowedOrigins[0]},
		&os.ProcAttr{Files: []*os.File{r0, w1, os.Stderr}, Env: append(os.Environ(), t.env...)})
	must(err)
	r0.Close()
	w1.Close()
	return &process{p: p, in: w0, out: r1, buf: make([]byte, 64<<10)}
}

func (p *process) stop() {
	p.in.Close()
	p.p.Wait()
	p.out.Close()
}

// call sends a message and returns the reply and how long it took.
func (p *process) call(message []byte) ([]byte, time.Duration) {
	frame := append(binary.NativeEndian.AppendUint32(nil, uint32(len(message))), message...)
	start := time.Now()
	_, err := p.in.Write(frame)
	must(err)
	n, need := 0, 4
	for n < need {
		k, err := p.out.Read(p.buf[n:])
		must(err)
		n += k
		if n >= 4 && need == 4 {
			need = 4 + int(binary.NativeEndian.Uint32(p.buf))
		}
	}
	return p.buf[4:need], time.Since(start)
}

func (p *process) match(i int) (handle string, took time.Duration) {
	p.requests++
	reply, took := p.call(fmt.Appendf(nil, `{"id":%d,"method":"accounts.match","params":{"context":{"origin":%q,"tab":1,"frame":0,"document":"d%d"}}}`,
		p.requests, origin(i), p.requests))
	var r struct {
		Result struct{ Accounts []struct{ Handle string } }
	}
	must(json.Unmarshal(reply, &r))
	if len(r.Result.Accounts) != 1 {
		fatal("match: %s", reply)
	}
	return r.Result.Accounts[0].Handle, took
}

// fill is the request for a code that fills the document of the last match.
func (p *process) fill(i int, handle string) []byte {
	document := p.requests
	p.requests++
	return fmt.Appendf(nil, `{"id":%d,"method":"code.release","params":{"handle":%q,"context":{"origin":%q,"tab":1,"frame":0,"document":"d%d"},"nonce":"nonce-%08d-%012d","purpose":"fill"}}`,
		p.requests, handle, origin(i), document, p.p.Pid, p.requests)
}

// release sends such a request, and makes sure of the code.
func (p *process) release(message []byte) time.Duration {
	reply, took := p.call(message)
	if !bytes.Contains(reply, []byte(`"code":"`)) || bytes.Contains(reply, []byte(`"error"`)) {
		fatal("release: %s", reply)
	}
	return took
}

func warm(host, echo target) {
	h, e := host.start(), echo.start()
	defer h.stop()
	defer e.stop()
	var matches, releases, floor []time.Duration
	for block := range warmBlocks + 2 { // the first two are not counted
		var messages [][]byte
		for k := range warmBlock {
			i := (block*warmBlock + k) * 7919 % 10000
			handle, took := h.match(i)
			matches, messages = append(matches, took), append(messages, h.fill(i, handle))
		}
		for _, message := range messages {
			releases = append(releases, h.release(message))
		}
		for _, message := range messages {
			_, took := e.call(message)
			floor = append(floor, took)
		}
		if block == 1 {
			matches, releases, floor = nil, nil, nil
		}
	}
	row("floor: echo of such a request", floor, nil)
	row("code.release, 10,000 accounts", releases, floor)
	row("accounts.match, 10,000 accounts", matches, floor)
}

func cold(name string, host, echo target) {
	var codes, floor []time.Duration
	for n := range coldStarts + 2 {
		start := time.Now()
		h := host.start()
		handle, _ := h.match(n)
		message := h.fill(n, handle)
		h.release(message)
		codes = append(codes, time.Since(start))
		h.stop()
		start = time.Now()
		e := echo.start()
		e.call(message)
		floor = append(floor, time.Since(start))
		e.stop()
	}
	row("floor: cold start and echo", floor[2:], nil)
	row(name, codes[2:], floor[2:])
}

// memory prints the most memory that the host had after codes, and then after saves.
func memory(host target) {
	h := host.start()
	defer h.stop()
	for i := range 50 {
		handle, _ := h.match(i)
		h.release(h.fill(i, handle))
	}
	h.peak("peak memory, 10,000 accounts")
	for i := range 5 {
		handle, _ := h.match(i)
		h.allow(handle, "https://other.example")
	}
	h.peak("the same, after five saves")
}

// allow saves a second site of an account.
func (p *process) allow(handle, origin string) {
	p.requests++
	reply, _ := p.call(fmt.Appendf(nil, `{"id":%d,"method":"site.allow","params":{"handle":%q,"context":{"origin":%q,"tab":1,"frame":0,"document":"d"}}}`,
		p.requests, handle, origin))
	if !bytes.Contains(reply, []byte(`"result"`)) {
		fatal("allow: %s", reply)
	}
}

// peak prints the most memory that the process had: VmHWM, for wait's figure
// remembers the parent's across exec.
func (p *process) peak(name string) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.p.Pid) + "/status")
	must(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	must(err)
	fmt.Printf("%-52s %6.1f MiB\n", name, float64(kib)/1024)
}

func row(name string, samples, floor []time.Duration) {
	med := median(samples)
	fmt.Printf("%-52s %10s %10s", name, med.Round(100*time.Nanosecond), quantile(samples, 0.95).Round(100*time.Nanosecond))
	if floor != nil {
		fmt.Printf(" %8.2f", float64(med)/float64(median(floor)))
	}
	fmt.Println()
}

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[int(q*float64(len(d)-1))]
}

func must(err error) {
	if err != nil {
		fatal("%s", err)
	}
}

func fatal(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "nmbench: "+format+"\n", args...)
	syscall.Exit(1)
}
