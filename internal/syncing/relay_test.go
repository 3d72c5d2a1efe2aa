package syncing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"codefob/internal/relay"
	"codefob/internal/vaultsync"
)

// relayVariable makes the test program a relay: the address, and the folder of its storage.
const relayVariable = "CODEFOB_SYNCING_RELAY"

func runRelay(args string) error {
	address, folder, _ := strings.Cut(args, " ")
	config := relay.Default
	config.Hosts, config.Folder, config.Partitions, config.Appends = []string{"127.0.0.1"}, folder, 1, 1000
	config.Log = logrus.New()
	config.Log.SetOutput(io.Discard)
	r, err := relay.New(context.Background(), config)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return r.Serve(l)
}

// server is a relay in a process of its own.
type server struct {
	t               *testing.T
	address, folder string
	cmd             *exec.Cmd
}

func startRelay(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: l.Addr().String(), folder: t.TempDir()}
	l.Close()
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) url() string { return "ws://" + s.address }

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), relayVariable+"="+s.address+" "+s.folder)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return
		} else if time.Now().After(end) {
			s.t.Fatal(err)
		}
	}
}

// kill is kill -9.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

func (c *computer) run() {
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() { done <- c.s.Run(ctx, func(error) {}) }()
	c.t.Cleanup(func() { cancel(); <-done })
}

// By a relay that is killed and loses all that it has: the devices fill it again, and a new one gets all of it.
func TestARelayThatLosesAll(t *testing.T) {
	t.Parallel()
	r := startRelay(t)
	a, b := newComputer(t), newComputer(t)
	first := a.add(fmt.Sprintf(totp, "First"))
	a.must(a.s.Use(t.Context(), Relay, r.url(), "desk"))
	b.admit(a, Relay, r.url(), "laptop")
	b.get(first)
	a.run()
	b.run()

	began := time.Now()
	second := a.add(fmt.Sprintf(totp, "Second"))
	b.await(second)
	t.Logf("an account came in %s", time.Since(began).Round(time.Millisecond))

	r.kill()
	third := b.add(fmt.Sprintf(totp, "Third"))
	b.awaitStatus(func(st Status) bool { return st.Carriers[0].Error != "" && st.Carriers[0].Pending > 0 })
	r.start()
	a.await(third)

	r.kill()
	fourth := a.add(fmt.Sprintf(totp, "Fourth"))
	if err := os.RemoveAll(filepath.Join(r.folder, "jetstream")); err != nil {
		t.Fatal(err)
	}
	r.start()
	b.await(fourth)
	for _, c := range []*computer{a, b} {
		c.awaitStatus(func(st Status) bool { return st.Carriers[0].Error == "" && st.Carriers[0].Pending == 0 })
	}
	c := newComputer(t)
	c.admit(a, Relay, r.url(), "tablet")
	for _, id := range []string{first, second, third, fourth} {
		c.get(id)
	}
	if st := a.status(); len(st.Troubles) != 1 || st.Troubles[0].Kind != "older" || !st.Troubles[0].Foul {
		t.Errorf("%+v", st.Troubles)
	}
}

func (c *computer) awaitStatus(is func(Status) bool) {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		st := c.status()
		if is(st) {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%+v", st)
		}
	}
}

// A relay and a folder at once, a removal that moves on to another stream, and a device that only has one of the two.
func TestBothCarriers(t *testing.T) {
	t.Parallel()
	r, folder := startRelay(t), t.TempDir()
	a, b, c := newComputer(t), newComputer(t), newComputer(t)
	a.must(a.s.Use(t.Context(), Folder, folder, "desk"))
	a.must(a.s.Use(t.Context(), Relay, r.url(), ""))
	a.sync()
	b.admit(a, Folder, folder, "laptop")
	c.admit(a, Relay, r.url(), "tablet")
	id := b.add(fmt.Sprintf(totp, "Passed"))
	b.sync()
	late := time.Now().Add(2 * time.Minute) // a passes on what it has had for a minute
	a.sync()
	a.s.Close()
	s, err := Open(a.Vault)
	a.must(err)
	a.s, s.now = s, func() time.Time { return late }
	a.sync()
	c.sync().get(id)

	laptop, err := a.status().Find("laptop")
	a.must(err)
	a.must(a.s.Remove(t.Context(), laptop))
	after := a.add(fmt.Sprintf(totp, "After"))
	a.sync()
	c.sync().get(after)
	if st := c.status(); len(st.Troubles) > 0 || st.Carriers[0].Pending > 0 {
		t.Errorf("%+v", st)
	}
	a.must(a.s.Use(t.Context(), Relay, "ws://127.0.0.1:1", ""))
	a.sync()
	if st := a.status(); st.Carriers[0].Error != "" || !strings.Contains(st.Carriers[1].Error, "connection refused") || st.Carriers[1].Why != "unreached" {
		t.Errorf("%+v", st.Carriers)
	}
	if was, err := a.s.Leave(t.Context(), Relay); !was || err != nil {
		t.Error(was, err)
	}
	if st := a.status(); len(st.Carriers) != 1 || st.Carriers[0].Kind != Folder {
		t.Errorf("%+v", st.Carriers)
	}
}

// Two devices that change the members at once: the second has to look first.
func TestTheRelayTakesOneEntryAtATime(t *testing.T) {
	t.Parallel()
	r := startRelay(t)
	a, b := newComputer(t), newComputer(t)
	a.must(a.s.Use(t.Context(), Relay, r.url(), "desk"))
	b.admit(a, Relay, r.url(), "laptop")
	a.sync()
	b.sync()
	a.must(a.s.carriers[Relay].Enter(t.Context(), 2, []byte("a's")))
	if err := b.s.carriers[Relay].Enter(t.Context(), 2, []byte("b's")); !errors.Is(err, vaultsync.ErrTaken) {
		t.Error(err)
	}
}

// A relay that is far away: its answers come when several records are on their way to it.
func TestRecordsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	r := startRelay(t)
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	const records = 5
	var sent atomic.Int64 // bytes, by the device
	var answers atomic.Int64
	go func() {
		for {
			here, err := far.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", r.address)
			if err != nil {
				t.Error(err)
				return
			}
			go io.Copy(writer(func(p []byte) (int, error) { sent.Add(int64(len(p))); return there.Write(p) }), here)
			go io.Copy(writer(func(p []byte) (int, error) {
				for sent.Load() < answers.Load() && t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				return here.Write(p)
			}), there)
		}
	}()
	a := newComputer(t)
	a.must(a.s.Use(t.Context(), Relay, "ws://"+far.Addr().String(), "desk"))
	a.sync()
	for i := range records {
		a.add(fmt.Sprintf(totp, fmt.Sprint("Account", i)))
	}
	answers.Store(sent.Load() + records*300) // a record has 325 bytes at least
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a.must(a.s.Once(ctx))
	if st := a.status(); st.Carriers[0].Error != "" || st.Carriers[0].Pending > 0 {
		t.Errorf("%+v", st.Carriers[0])
	}

	// R13: the relay has them, and cannot tell what they are.
	r.kill()
	var size int
	a.must(filepath.WalkDir(r.folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		size += len(b)
		for _, said := range []string{"Account", "alice", "desk", "otp", "GEZDGNBV", "account", "labels"} {
			if bytes.Contains(b, []byte(said)) {
				t.Errorf("%s has %q", name, said)
			}
		}
		return err
	}))
	if size < records*300 {
		t.Errorf("%d bytes were searched: the records are elsewhere", size)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
