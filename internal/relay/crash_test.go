package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"

	"codefob/internal/relay/wire"
)

// soak is how many times as much is tried; 0 in make test.
var soak, _ = strconv.Atoi(os.Getenv("CODEFOB_SOAK"))

// child is a program that the tests start, to kill it: a relay, or a node of NATS.
type child struct {
	Listen, Folder string // of a relay
	Conf           string // of a node
}

const childVariable = "CODEFOB_RELAY_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var c child
		err := json.Unmarshal([]byte(text), &c)
		if err == nil {
			err = c.run()
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func (c child) run() error {
	if c.Conf != "" {
		o, err := server.ProcessConfigFile(c.Conf)
		if err != nil {
			return err
		}
		o.NoSigs = true
		s, err := server.NewServer(o)
		if err != nil {
			return err
		}
		s.Start()
		s.WaitForShutdown()
		return errors.New("NATS ended")
	}
	config := Default
	config.Hosts, config.Folder, config.Partitions = []string{"127.0.0.1"}, c.Folder, 2
	config.Appends, config.NewStreams, config.SocketsPerAddress = 1e6, 1e6, 10_000
	config.Log = logrus.New()
	r, err := New(context.Background(), config)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	return r.Serve(l)
}

// start runs the program, until kill.
func (c child) start(t *testing.T) (kill func()) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(kill)
	return kill
}

// ports finds some that nobody listens on.
func ports(t *testing.T, n int) (list []int) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		list = append(list, l.Addr().(*net.TCPAddr).Port)
	}
	return list
}

// writer appends to a stream until the context ends, or so many were acknowledged, coming back whenever the
// connection breaks, and keeps what was acknowledged.
func writer(ctx context.Context, o wire.Options, name string, most int) (acked map[uint64]string) {
	acked = map[uint64]string{}
	for n := 0; ctx.Err() == nil && len(acked) < most; {
		c, err := wire.Dial(ctx, o)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		go skip(c)
		for ctx.Err() == nil && len(acked) < most {
			n++
			text := fmt.Sprintf("%s %d", name, n)
			sequence, err := c.Append(ctx, []byte(text))
			if err != nil {
				break
			}
			acked[sequence] = text
		}
		c.Close()
	}
	return acked
}

// whole reads a stream from its beginning and sees that it has no gap.
func whole(t *testing.T, o wire.Options) map[uint64]string {
	t.Helper()
	var c *wire.Conn
	var err error
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if c, err = wire.Dial(t.Context(), o); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	defer c.Close()
	all := map[uint64]string{}
	var at uint64
	for at < c.Welcome().Last {
		r := next(t, c)
		if r.Previous != at {
			t.Fatalf("record %d comes after %d, not %d", r.Sequence, r.Previous, at)
		}
		at, all[r.Sequence] = r.Sequence, string(r.Data)
	}
	return all
}

// lost counts what was acknowledged and is not there.
func lost(t *testing.T, acked []map[uint64]string, there map[uint64]string) (count int) {
	t.Helper()
	for _, list := range acked {
		for sequence, text := range list {
			count++
			if there[sequence] != text {
				t.Errorf("%q was acknowledged as %d, where %q is", text, sequence, there[sequence])
			}
		}
	}
	return count
}

// load has several write to one stream while disturb runs, and sees that nothing
// acknowledged was lost.
func load(t *testing.T, disturb func(), urls ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k := key(t)
	acked := make([]map[uint64]string, 4)
	var writers sync.WaitGroup
	for i := range acked {
		writers.Go(func() {
			o := wire.Options{URL: urls[i%len(urls)], Key: k, Kind: wire.Lasting}
			acked[i] = writer(ctx, o, fmt.Sprint("writer ", i), math.MaxInt)
		})
	}
	disturb()
	cancel()
	writers.Wait()
	there := whole(t, wire.Options{URL: urls[0], Key: k, Kind: wire.Lasting})
	count := lost(t, acked, there)
	if count == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("SOAK relay: %d records acknowledged, %d there, none lost", count, len(there))
}

// kill -9 of the relay under load: nothing acknowledged is lost.
func TestTheRelayKilledAtRandom(t *testing.T) {
	t.Parallel()
	c := child{Listen: fmt.Sprint("127.0.0.1:", ports(t, 1)[0]), Folder: t.TempDir()}
	kill := c.start(t)
	load(t, func() {
		for range 3 + soak/100 {
			up(t, c.Listen)
			time.Sleep(rand.N(500 * time.Millisecond)) // the moment is what is random
			kill()
			kill = c.start(t)
		}
	}, "ws://"+c.Listen)
}

// up waits for somebody to listen.
func up(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// cluster starts three nodes of NATS as docs/relay/nats.conf has them: what a relay
// does, it may do with those permissions.
func cluster(t *testing.T, folder string) (nodes []child, kill []func(), urls []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/relay/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	p := ports(t, 6)
	for i, name := range []string{"a", "b", "c"} {
		here := func(n int) string { return fmt.Sprint("127.0.0.1:", p[n]) }
		conf := strings.NewReplacer("server_name: a", "server_name: "+name, "0.0.0.0:4222", here(i), "/var/lib/nats", filepath.Join(folder, name),
			"0.0.0.0:6222", here(3+i), "a:6222", here(3), "b:6222", here(4), "c:6222", here(5), "$RELAY_PASSWORD", "word").Replace(string(text))
		n := child{Conf: filepath.Join(folder, name+".conf")}
		if err := os.WriteFile(n.Conf, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		nodes, kill = append(nodes, n), append(kill, n.start(t))
		urls = append(urls, "nats://relay:word@"+here(i))
	}
	for i := range nodes {
		up(t, fmt.Sprint("127.0.0.1:", p[i]))
	}
	return nodes, kill, urls
}

// A relay needs JetStream's leader, which takes a moment to be found.
func gateways(t *testing.T, n int, urls []string) (list []*rig) {
	t.Helper()
	for range n {
		list = append(list, start(t, func(c *Config) { c.NATS, c.Partitions = urls, 1 }))
	}
	return list
}

// Two relays over three nodes, one of which is killed under load.
func TestANodeOfTheClusterKilledAtRandom(t *testing.T) {
	t.Parallel()
	if soak == 0 {
		t.Skip("in make soak: leaders take seconds to be found")
	}
	nodes, kill, urls := cluster(t, t.TempDir())
	g := gateways(t, 2, urls)
	load(t, func() {
		for range 2 + soak/1000 {
			time.Sleep(time.Second + rand.N(2*time.Second))
			i := rand.N(3)
			kill[i]()
			time.Sleep(rand.N(5 * time.Second))
			kill[i] = nodes[i].start(t)
			up(t, strings.TrimPrefix(urls[i], "nats://relay:word@"))
			time.Sleep(10 * time.Second) // until it has caught up: with two gone nothing can be written
		}
	}, g[0].url, g[1].url)
}

// R12: two clients race to append after the same record.
func TestTwoWhoAppendAfterTheSameRecord(t *testing.T) {
	t.Parallel()
	writes := 2000
	if soak > 0 {
		writes = 100_000
	}
	r := start(t, func(c *Config) { c.Folder = quick(t) })
	race(t, writes, r.url, r.url)
}

func race(t *testing.T, writes int, urls ...string) {
	t.Helper()
	k := key(t)
	acked := make([]map[uint64]string, len(urls))
	conflicts := make([]int, len(urls))
	var writers sync.WaitGroup
	for i, url := range urls {
		acked[i] = map[uint64]string{}
		c, err := wire.Dial(t.Context(), wire.Options{URL: url, Key: k, Kind: wire.Lasting})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go skip(c)
		writers.Go(func() {
			var last uint64
			for n := 0; n < writes/len(urls); {
				text := fmt.Sprintf("writer %d record %d after %d", i, n, last)
				sequence, err := c.AppendAfter(t.Context(), last, []byte(text))
				if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == wire.CodeConflict {
					conflicts[i]++
					last = e.Value
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				acked[i][sequence] = text
				last = sequence
				n++
			}
		})
	}
	writers.Wait()
	there := whole(t, wire.Options{URL: urls[0], Key: k, Kind: wire.Lasting})
	if count := lost(t, acked, there); count != len(there) {
		t.Errorf("%d were acknowledged, %d are there", count, len(there))
	}
	if conflicts[0]+conflicts[1] == 0 {
		t.Error("nobody was ever second: it was no race")
	}
	t.Logf("SOAK relay: %d records in a race, %v conflicts, no gap, none lost", len(there), conflicts)
}

// R12 over two relays that know nothing of each other; in make soak a node then goes
// for good, and it takes up to ten seconds until there are leaders again.
func TestTwoRelaysOverOneCluster(t *testing.T) {
	t.Parallel()
	_, kill, urls := cluster(t, quick(t))
	g := gateways(t, 2, urls)
	for _, part := range g[0].store.all {
		if c := (*part.stream.Load()).CachedInfo().Config; c.Replicas != 3 {
			t.Errorf("%s is kept on %d nodes", part.name, c.Replicas)
		}
	}
	race(t, 200+soak, g[0].url, g[1].url)
	for _, r := range g {
		if text := r.logs.String(); strings.Contains(text, "permissions") || strings.Contains(text, "codefob.0.") {
			t.Error(text)
		}
	}
	g[0].dial(key(t), wire.Position{})
	looks := func() (now bool) {
		g[0].check()
		g[0].mu.Lock()
		defer g[0].mu.Unlock()
		for _, st := range g[0].streams {
			st.mu.Lock()
			now = now || time.Now().After(st.lookAt)
			st.lookAt = time.Now().Add(time.Hour)
			st.mu.Unlock()
		}
		return now
	}
	looks()
	if looks() {
		t.Error("it looks for what was not pushed, for no reason")
	}
	if _, err := g[0].store.nc.Request("$JS.API.STREAM.LEADER.STEPDOWN.CODEFOB_0", nil, 10*time.Second); err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(20 * time.Second); !looks(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("another node leads, and nothing was looked for")
		}
	}
	if soak == 0 {
		return
	}
	kill[rand.N(3)]()
	k := key(t)
	var acked []map[uint64]string
	for i := range g {
		o := wire.Options{URL: g[i].url, Key: k, Kind: wire.Lasting}
		acked = append(acked, writer(t.Context(), o, fmt.Sprint("writer ", i), 3))
	}
	lost(t, acked, whole(t, wire.Options{URL: g[0].url, Key: k, Kind: wire.Lasting}))
}
