// Command relaybench measures codefob-relay: what an idle socket costs, and how
// many records go in and come out, how fast; with the storage in the process, and
// with one and two relays over a JetStream cluster of three nodes. All run on this
// computer and share it with the clients, as make bench-relay has it.
package main

import (
	"context"
	"crypto/ed25519"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"codefob/internal/relay/wire"
)

var (
	program = flag.String("relay", "build/codefob-relay", "the relay")
	idle    = flag.Int("idle", 10_000, "idle sockets")
	streams = flag.Int("streams", 100, "streams under load, each with two readers")
	lasts   = flag.Duration("time", 8*time.Second, "of each load")
	node    = flag.String("node", "", "run a node of NATS instead: name,folder,port,route port,routes")
)

func main() {
	flag.Parse()
	var err error
	if *node != "" {
		err = runNode(strings.SplitN(*node, ",", 5))
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "relaybench:", err)
		os.Exit(1)
	}
}

func run() error {
	fmt.Printf("%s, %d cores, %s; the clients are on the same cores\n", cpu(), runtime.NumCPU(), runtime.Version())
	fmt.Printf("load average when it began: %s\n\n", firstLine("/proc/loadavg"))
	folder, err := os.MkdirTemp("", "relaybench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b := &bench{folder: folder}
	defer b.stop()

	relay, err := b.relay()
	if err != nil {
		return err
	}
	if err := holdIdle(relay); err != nil {
		return err
	}
	if err := b.loads("1 relay, its own storage, each record synced", relay); err != nil {
		return err
	}
	b.stop()

	urls, err := b.cluster()
	if err != nil {
		return err
	}
	one, err := b.relay("--nats", urls)
	if err != nil {
		return err
	}
	if err := b.loads("1 relay, 3 nodes of JetStream", one); err != nil {
		return err
	}
	two, err := b.relay("--nats", urls)
	if err != nil {
		return err
	}
	return b.loads("2 relays, 3 nodes of JetStream; readers on both", one, two)
}

// process is a relay.
type process struct {
	url string
	cmd *exec.Cmd
}

type bench struct {
	folder  string
	n       int
	started []*exec.Cmd
}

func (b *bench) stop() {
	for _, cmd := range b.started {
		cmd.Process.Kill()
		cmd.Wait()
	}
	b.started = nil
}

func (b *bench) start(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.started = append(b.started, cmd)
	return cmd, nil
}

// relay starts one without the limits that a single address runs into.
func (b *bench) relay(args ...string) (*process, error) {
	b.n++
	address, err := free()
	if err != nil {
		return nil, err
	}
	cmd, err := b.start(*program, append([]string{"--listen", address, "--data", filepath.Join(b.folder, fmt.Sprint("relay", b.n)), "--log-level", "error",
		"--appends", "1e6", "--new-streams", "1e6", "--sockets-per-address", "100000"}, args...)...)
	if err != nil {
		return nil, err
	}
	return &process{"ws://" + address, cmd}, listening(address)
}

// cluster starts three nodes of JetStream, which sync each record.
func (b *bench) cluster() (urls string, err error) {
	var at [6]string
	for i := range at {
		if at[i], err = free(); err != nil {
			return "", err
		}
	}
	routes := "nats://" + strings.Join(at[3:], ",nats://")
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	for i := range 3 {
		_, port, _ := net.SplitHostPort(at[i])
		_, route, _ := net.SplitHostPort(at[3+i])
		name := fmt.Sprint("node", i)
		if _, err := b.start(self, "-node", strings.Join([]string{name, filepath.Join(b.folder, name), port, route, routes}, ",")); err != nil {
			return "", err
		}
	}
	for _, address := range at[:3] {
		if err := listening(address); err != nil {
			return "", err
		}
	}
	return "nats://" + strings.Join(at[:3], ",nats://"), nil
}

func runNode(part []string) error {
	var port, route int
	if _, err := fmt.Sscan(part[2]+" "+part[3], &port, &route); err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{ServerName: part[0], StoreDir: part[1], Host: "127.0.0.1", Port: port, JetStream: true, SyncAlways: true,
		Cluster: server.ClusterOpts{Name: "codefob", Host: "127.0.0.1", Port: route}, Routes: server.RoutesFromStr(part[4])})
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return nil
}

// holdIdle opens sockets, each on a stream of its own, and weighs the relay.
func holdIdle(p *process) error {
	before, err := memory(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	started := time.Now()
	conns := make([]*wire.Conn, *idle)
	var failed atomic.Pointer[error]
	var workers sync.WaitGroup
	var n atomic.Int64
	for range 32 {
		workers.Go(func() {
			for i := n.Add(1) - 1; int(i) < len(conns) && failed.Load() == nil; i = n.Add(1) - 1 {
				c, err := open(p.url, newKey())
				if err != nil {
					failed.Store(&err)
					return
				}
				conns[i] = c
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	took := time.Since(started)
	time.Sleep(3 * time.Second) // buffers of the handshakes go
	after, err := memory(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("%d idle sockets on as many streams: opened %.0f a second; %.1f MiB of memory before, %.1f MiB with them: %.1f KiB a socket\n\n",
		len(conns), float64(len(conns))/took.Seconds(), mib(before), mib(after), float64(after-before)/1024/float64(len(conns)))
	for _, c := range conns {
		go c.Close()
	}
	return nil
}

// loads measures a heavy load, for what goes through at most, and a light one, for
// how soon a record arrives.
func (b *bench) loads(name string, relays ...*process) error {
	fmt.Println(name)
	for _, writers := range []int{*streams, 2} {
		if err := load(writers, relays); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// load has writers append, one record after the other, each to its stream of two readers.
func load(writers int, relays []*process) error {
	var (
		mu        sync.Mutex
		appended  []time.Duration
		delivered []time.Duration
		failed    error
		work      sync.WaitGroup
	)
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	var all [][]*wire.Conn
	for i := range writers {
		k := newKey()
		var list []*wire.Conn
		for j := range 3 {
			c, err := open(relays[(i+j)%len(relays)].url, k)
			if err != nil {
				return err
			}
			defer c.Close()
			list = append(list, c)
		}
		all = append(all, list)
	}
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), *lasts+30*time.Second)
	defer cancel()
	for _, list := range all {
		for i, c := range list {
			work.Go(func() { // reads
				var mine []time.Duration
				for done := false; !done; {
					r, err := c.Next(ctx)
					if err != nil {
						fail(fmt.Errorf("reading: %w", err))
						return
					}
					var sent int64
					fmt.Sscan(string(r.Data), &sent)
					if i > 0 {
						mine = append(mine, time.Since(started)-time.Duration(sent))
					}
					done = strings.HasSuffix(string(r.Data), "end")
				}
				mu.Lock()
				delivered = append(delivered, mine...)
				mu.Unlock()
			})
		}
		work.Go(func() {
			var mine []time.Duration
			for done := false; !done; {
				now := time.Since(started)
				done = now > *lasts
				mark := ""
				if done {
					mark = "end"
				}
				if _, err := list[0].Append(ctx, fmt.Appendf(nil, "%-512d%s", now, mark)); err != nil {
					fail(fmt.Errorf("appending: %w", err))
					cancel()
					return
				}
				mine = append(mine, time.Since(started)-now)
			}
			mu.Lock()
			appended = append(appended, mine...)
			mu.Unlock()
		})
	}
	work.Wait()
	if failed != nil {
		return failed
	}
	took := time.Since(started).Seconds()
	fmt.Printf("  %3d writers: %5.0f records of 512 B a second in, %6.0f out; append p50 %s p99 %s; delivery p50 %s p99 %s\n", writers,
		float64(len(appended))/took, float64(len(delivered)+len(appended))/took,
		quantile(appended, 50), quantile(appended, 99), quantile(delivered, 50), quantile(delivered, 99))
	return nil
}

func quantile(list []time.Duration, percent int) string {
	slices.Sort(list)
	return fmt.Sprintf("%.1f ms", float64(list[len(list)*percent/100].Microseconds())/1000)
}

func newKey() ed25519.PrivateKey {
	_, k, _ := ed25519.GenerateKey(nil)
	return k
}

func open(url string, k ed25519.PrivateKey) (*wire.Conn, error) {
	return wire.Dial(context.Background(), wire.Options{URL: url, Key: k, Kind: wire.Lasting})
}

func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func listening(address string) error {
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// memory is what a process has in memory, in bytes, without the pages of its file.
func memory(pid int) (bytes int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			_, err = fmt.Sscan(n, &bytes)
		}
	}
	return bytes << 10, err
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func cpu() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t: \n")
		}
	}
	return runtime.GOARCH
}

func firstLine(name string) string {
	b, _ := os.ReadFile(name)
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
