//go:build !race

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"codefob/internal/account"
	"codefob/internal/protocol"
	"codefob/internal/syncing"
	"codefob/internal/vault"
)

// This file kills hosts that sync, and a real relay.

// buildRelay builds the program, once, as make relay does.
var buildRelay = sync.OnceValues(func() (program string, err error) {
	program, err = filepath.Abs("../build/codefob-relay")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(program), 0o755)
	}
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "./codefob-relay").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

// server is a codefob-relay.
type server struct {
	*testing.T
	program, data, address, admin string
	cmd                           *exec.Cmd
}

func serveRelay(t *testing.T) *server {
	t.Helper()
	program, err := buildRelay()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{T: t, program: program, data: filepath.Join(t.TempDir(), "relay")}
	for _, to := range []*string{&s.address, &s.admin} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		*to = l.Addr().String()
	}
	return s
}

func (s *server) url() string { return "ws://" + s.address }

func (s *server) start() {
	s.Helper()
	s.cmd = exec.Command(s.program, "--listen", s.address, "--admin", s.admin, "--data", s.data, "--partitions", "1", "--appends", "1000", "--new-streams", "10000", "--log-level", "error")
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(s.kill)
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", s.admin)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			s.Fatal(err)
		}
	}
}

func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// metric is a number that the relay tells.
func (s *server) metric(name string) (n int) {
	s.Helper()
	r, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	if found := regexp.MustCompile(`(?m)^codefob_relay_` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text); found != nil {
		n, _ = strconv.Atoi(string(found[1]))
	}
	return n
}

// desk is a computer of the person's, with what was answered there.
type desk struct {
	*testing.T
	name string
	p    *process // the model of its hosts
	v    *vault.Vault

	mu       sync.Mutex
	accounts map[string]*fate // by issuer
	codes    []string         // of the account that counts
	recovery []string         // recovery codes
	lost     int              // requests for a code that were not answered
	refused  map[protocol.ErrorCode]int
}

// fate is what an account is, by the last answer: its name, "removed", or "" for none; and what it may be instead,
// when that was asked for and not answered.
type fate struct{ is, maybe string }

func newDesk(t *testing.T, name string) *desk {
	t.Helper()
	d := &desk{T: t, name: name, p: hostCommand(t, "codefob", chromiumArgs...), accounts: map[string]*fate{}, refused: map[protocol.ErrorCode]int{}}
	pinentry := d.p.withPinentry()
	d.must(os.WriteFile(pinentry+".confirm", nil, 0o600)) // yes, also beyond the budget
	d.must(os.WriteFile(filepath.Join(d.p.home, "pass"), []byte(passphrase+"\n"), 0o600))
	var err error
	d.v, err = vault.Open(d.p.home)
	d.must(err)
	d.must(d.v.UnlockPassphrase(t.Context(), []byte(passphrase)))
	return d
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// withSyncing does something with its syncing, beside all hosts.
func (d *desk) withSyncing(do func(*syncing.Syncing) error) {
	d.Helper()
	s, err := syncing.Open(d.v)
	d.must(err)
	defer s.Close()
	d.must(do(s))
}

// admit lets another computer in.
func (d *desk) admit(other *desk, where string) {
	d.Helper()
	d.withSyncing(func(s *syncing.Syncing) error {
		i, err := s.Invite(d.Context(), syncing.Relay)
		if err != nil {
			return err
		}
		defer i.Close()
		entered := make(chan error, 1)
		go func() {
			s, err := syncing.Open(other.v)
			if err != nil {
				entered <- err
				return
			}
			defer s.Close()
			visit, err := s.Knock(d.Context(), syncing.Relay, where, i.Words, other.name)
			if err == nil {
				defer visit.Close()
				err = visit.Enter(d.Context())
			}
			entered <- err
		}()
		if _, _, err := i.Meet(d.Context()); err != nil {
			return err
		}
		if err := i.Admit(d.Context(), other.name); err != nil {
			return err
		}
		return <-entered
	})
}

// browser is one at that computer, which starts a host again whenever it is gone.
type browser struct {
	*desk
	name string
	args []string

	mu   sync.Mutex
	host *process
	n    int
}

func (b *browser) start() {
	b.Helper()
	p := &process{T: b.T, Cmd: exec.Command("codefob", b.args...), home: b.p.home, ended: make(chan struct{})}
	p.Env, p.Stderr = b.p.Env, &p.stderr
	p.start()
	b.mu.Lock()
	b.host = p
	b.mu.Unlock()
}

// kill kills the host that runs now.
func (b *browser) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.host.Process.Kill()
}

// ask sends a request. There is no answer from a host that was killed.
func ask[T any](b *browser, method protocol.Method, params any) (into T, refused *protocol.Error, answered bool) {
	b.n++
	raw, err := json.Marshal(params)
	if err != nil {
		b.Error(err)
	}
	raw, err = json.Marshal(protocol.Request{ID: uint32(b.n), Method: method, Params: raw})
	if err != nil {
		b.Error(err)
	}
	if _, err := b.host.in.Write(frame(string(raw))); err != nil {
		return into, nil, false
	}
	r, err := b.host.read()
	if err != nil {
		return into, nil, false
	}
	if r.Error != nil {
		b.desk.mu.Lock()
		b.refused[r.Error.Code]++
		b.desk.mu.Unlock()
		return into, r.Error, true
	}
	if err := json.Unmarshal(r.Result, &into); err != nil {
		b.Errorf("%s: %v", method, err)
	}
	return into, nil, true
}

// open has the host open the vault and begin to sync.
func (b *browser) open() {
	ask[protocol.VaultResult](b, protocol.MethodUnlock, struct{}{})
	ask[protocol.SyncResult](b, protocol.MethodSync, struct{}{})
}

// change asks for one and keeps what came of it.
func change[T any](b *browser, issuer, to string, method protocol.Method, params any) (into T, done bool) {
	b.desk.mu.Lock()
	f := b.accounts[issuer]
	if f == nil {
		f = &fate{}
		b.accounts[issuer] = f
	}
	f.maybe = to
	b.desk.mu.Unlock()
	into, refused, answered := ask[T](b, method, params)
	b.desk.mu.Lock()
	defer b.desk.mu.Unlock()
	switch {
	case !answered:
	case refused != nil:
		f.maybe = f.is
	default:
		f.is, f.maybe, done = to, to, true
	}
	return into, done
}

// use does what a person does with it: it adds, changes, removes and brings back an account, and takes codes.
func (b *browser) use(n int) {
	issuer := fmt.Sprintf("%s %s %d", b.desk.name, b.name, n)
	offers, _, _ := ask[protocol.OffersResult](b, protocol.MethodURI, protocol.URIParams{Text: "otpauth://totp/x?secret=" + rand.Text()})
	if len(offers.Offers) == 0 {
		return
	}
	e, ok := change[protocol.EnrollResult](b, issuer, "new", protocol.MethodEnroll, protocol.EnrollParams{Ticket: offers.Offers[0].Ticket, Issuer: issuer, Account: "new"})
	handle := e.Account.Handle
	if ok && n%2 == 0 {
		_, ok = change[protocol.Detail](b, issuer, "edited", protocol.MethodEdit, protocol.EditParams{Handle: handle, Issuer: issuer, Account: "edited", Sites: []string{}})
	}
	if ok && n%3 == 0 {
		var gone protocol.HandleResult
		gone, ok = change[protocol.HandleResult](b, issuer, "removed", protocol.MethodRemove, protocol.HandleParams{Handle: handle})
		if name := []string{"edited", "new"}[n%2]; ok && n%4 < 2 {
			change[protocol.Detail](b, issuer, name, protocol.MethodRestore, protocol.HandleParams(gone))
		}
	}
	b.take()
}

var sheetPage = protocol.Context{Origin: "https://sheet.example", Document: "d"}

// take takes a code of the account that counts, and a recovery code.
func (b *browser) take() {
	found, _, _ := ask[protocol.MatchResult](b, protocol.MethodMatch, protocol.MatchParams{Context: sheetPage})
	if len(found.Accounts) == 0 {
		return
	}
	handle := found.Accounts[0].Handle
	code, refused, answered := ask[protocol.ReleaseResult](b, protocol.MethodCode, protocol.ReleaseParams{Handle: handle, Nonce: rand.Text(), Purpose: protocol.PurposeShow})
	b.desk.mu.Lock()
	switch {
	case !answered:
		b.lost++
	case refused == nil:
		b.codes = append(b.codes, code.Code)
	}
	b.desk.mu.Unlock()
	used, refused, answered := ask[protocol.RecoveryResult](b, protocol.MethodRecovery, protocol.RecoveryParams{Handle: handle, Context: sheetPage, Nonce: rand.Text()})
	if answered && refused == nil {
		b.desk.mu.Lock()
		b.recovery = append(b.recovery, used.Code)
		b.desk.mu.Unlock()
	}
}

// surf uses one host after the other until the context ends.
func (b *browser) surf(ctx context.Context) {
	b.open()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-b.host.ended:
			b.start()
			b.open()
		default:
		}
		b.use(n)
	}
}

// command adds accounts by the command line until the context ends.
func (d *desk) command(ctx context.Context) {
	folder := d.TempDir()
	for n := 0; ctx.Err() == nil; n++ {
		issuer := fmt.Sprintf("%s command %d", d.name, n)
		uri := filepath.Join(folder, "uri.txt")
		if err := os.WriteFile(uri, []byte("otpauth://totp/"+strings.ReplaceAll(issuer, " ", "%20")+":new?secret="+rand.Text()+"\n"), 0o600); err != nil {
			d.Error(err)
		}
		args := [][]string{{"add", "--uri-file", uri}, {"import", uri}}[n%2]
		cmd := exec.Command("codefob", append(args, "--vault-passphrase-file", filepath.Join(d.p.home, "pass"))...)
		cmd.Env = d.p.Env
		out, err := cmd.CombinedOutput()
		f := &fate{maybe: "new"}
		if err == nil {
			f.is = "new"
		} else {
			d.Logf("%s: %v: %s", args[0], err, out)
		}
		d.mu.Lock()
		d.accounts[issuer] = f
		d.mu.Unlock()
	}
}

// countingAccount is an account that counts, in 9 digits of which none of the first come twice, and what those are worth.
func countingAccount(t *testing.T) (a account.Account, worth map[string]uint64) {
	for {
		a = account.New(account.HOTP, "Sheet", "bob", account.NewSecret([]byte(rand.Text())))
		a.Digits, a.Sites, worth = 9, []string{sheetPage.Origin}, map[string]uint64{}
		for n := range uint64(5000) {
			code, err := a.CodeAt(n)
			if err != nil {
				t.Fatal(err)
			}
			worth[code] = n
		}
		if len(worth) == 5000 {
			return a, worth
		}
	}
}

// state is all that a vault has of accounts, by id.
func (d *desk) state() map[string]string {
	d.Helper()
	_, err := d.v.Refresh()
	d.must(err)
	all := map[string]string{}
	for _, r := range d.v.Records() {
		raw, err := jsonv2.Marshal(r)
		d.must(err)
		all[r.ID] = string(raw)
	}
	return all
}

// rests tells whether all that was changed has gone everywhere, or what is left.
func rests(desks []*desk, browsers []*browser) error {
	for _, b := range browsers {
		st, refused, answered := ask[protocol.SyncResult](b, protocol.MethodSync, struct{}{})
		if !answered || refused != nil || !st.On {
			return fmt.Errorf("%s: %v, %+v", b.name, refused, st)
		}
		for _, c := range st.Carriers {
			if c.Pending > 0 || c.Error != "" {
				return fmt.Errorf("%s: %+v", b.name, c)
			}
		}
		for _, d := range st.Devices {
			if d.Waiting > 0 {
				return fmt.Errorf("%s: %+v", b.name, d)
			}
		}
	}
	first := desks[0].state()
	for _, d := range desks[1:] {
		all := d.state()
		for id := range first {
			if all[id] != first[id] {
				return fmt.Errorf("%s has %s\n%s has %s", desks[0].name, first[id], d.name, all[id])
			}
		}
		if len(all) != len(first) {
			return fmt.Errorf("%s has %d accounts, and %s %d", desks[0].name, len(first), d.name, len(all))
		}
	}
	return nil
}

// Hosts of browsers, and the relay, are killed at any moment while they work, and the relay's storage is deleted: all that
// was answered is on all computers, and no code of a computer is given there again.
func TestHostsKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	soak, _ := strconv.Atoi(os.Getenv("CODEFOB_SOAK"))
	trials, kills := 1, 6
	if soak > 0 {
		trials, kills = 1+soak/400, 40
	}
	var sum struct{ hosts, relays, deleted, accounts, codes int }
	for trial := range trials {
		r := serveRelay(t)
		r.start()
		var desks []*desk
		for i := range 2 + trial%2 {
			desks = append(desks, newDesk(t, fmt.Sprintf("desk%d", i)))
		}
		counts, worth := countingAccount(t)
		for i := range 100 {
			counts.RecoveryCodes = append(counts.RecoveryCodes, account.RecoveryCode{Code: account.NewSecret(fmt.Appendf(nil, "code-%03d", i))})
		}
		var id string
		desks[0].must(desks[0].v.Update(func(tx *vault.Tx) (err error) { id, err = tx.Add(counts); return err }))
		desks[0].withSyncing(func(s *syncing.Syncing) error { return s.Use(t.Context(), syncing.Relay, r.url(), desks[0].name) })
		for _, d := range desks[1:] {
			desks[0].admit(d, r.url())
		}
		if trial%3 == 0 {
			folder := t.TempDir()
			for _, d := range desks {
				d.withSyncing(func(s *syncing.Syncing) error { return s.Use(t.Context(), syncing.Folder, folder, "") })
			}
		}

		var all sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		var browsers []*browser
		for _, d := range desks {
			for _, b := range []*browser{{desk: d, name: "chromium", args: chromiumArgs}, {desk: d, name: "firefox", args: firefoxArgs}} {
				b.start()
				browsers = append(browsers, b)
				all.Go(func() { b.surf(ctx) })
			}
			all.Go(func() { d.command(ctx) })
		}
		deleted := 0
		for range kills {
			time.Sleep(mrand.N(300 * time.Millisecond)) // so that it is any moment
			if mrand.N(5) > 0 {
				browsers[mrand.N(len(browsers))].kill()
				sum.hosts++
				continue
			}
			r.kill()
			if sum.relays++; mrand.N(2) == 0 {
				desks[0].must(os.RemoveAll(r.data))
				deleted++
			}
			time.Sleep(mrand.N(100 * time.Millisecond))
			r.start()
		}
		sum.deleted += deleted
		stop()
		all.Wait()
		for _, b := range browsers {
			select {
			case <-b.host.ended:
				b.start()
			default:
			}
			b.open()
		}
		await(t, func() error { return rests(desks, browsers) })

		most, lost := uint64(0), 0
		used := map[string]bool{}
		for _, d := range desks {
			given := map[string]bool{}
			for _, code := range d.codes {
				n, ok := worth[code]
				if !ok || given[code] {
					t.Errorf("%s: the code %d, %v, was given again", d.name, n, ok)
				}
				given[code], most = true, max(most, n+1)
			}
			for _, code := range d.recovery {
				if given[code] {
					t.Errorf("%s: %s was given again", d.name, code)
				}
				given[code], used[code] = true, true
			}
			lost += d.lost
			sum.codes += len(given)
		}
		for _, d := range desks {
			a, _ := d.v.Account(id)
			if a.Counter < most || a.Counter > most+uint64(lost) {
				t.Errorf("%s: the counter is %d, after %d, and %d that were not answered", d.name, a.Counter, most, lost)
			}
			for _, c := range a.RecoveryCodes {
				if used[string(c.Code.Bytes())] && c.Used.IsZero() {
					t.Errorf("%s: a recovery code that was given is not used", d.name)
				}
			}
			is := map[string]string{}
			for _, a := range d.v.Accounts() {
				is[a.Issuer] += a.Name
			}
			for _, a := range d.v.Removed() {
				is[a.Issuer] += "removed"
			}
			for _, other := range desks {
				for issuer, f := range other.accounts {
					if is[issuer] != f.is && is[issuer] != f.maybe {
						t.Errorf("%s: %s is %q; want %q or %q", d.name, issuer, is[issuer], f.is, f.maybe)
					}
				}
			}
			d.sound(deleted > 0)
			t.Logf("%s: refused %v, not answered %d", d.name, d.refused, d.lost)
			sum.accounts += len(d.accounts)
		}
		for _, b := range browsers {
			b.host.in.Close()
			b.host.end(0)
		}
		r.kill()
		if t.Failed() {
			t.Fatalf("trial %d", trial)
		}
	}
	t.Logf("SOAK %d hosts and %d relays killed at any moment, the relay's storage deleted %d times: all of %d accounts on all computers, none of %d codes given again",
		sum.hosts, sum.relays, sum.deleted, sum.accounts, sum.codes)
}

// sound wants no file to be damaged and no trouble but that the relay lost what it had, if it did.
func (d *desk) sound(deleted bool) {
	d.Helper()
	v, err := vault.Open(d.p.home)
	d.must(err)
	d.must(v.UnlockPassphrase(d.Context(), []byte(passphrase)))
	if aside := v.SetAside(); len(aside) > 0 {
		d.Errorf("%s: %v", d.name, aside)
	}
	if _, missing, err := v.Log(); missing > 0 || err != nil {
		d.Errorf("%s: the log lacks %d records, %v", d.name, missing, err)
	}
	d.withSyncing(func(s *syncing.Syncing) error {
		st, err := s.Status()
		for _, trouble := range st.Troubles {
			if trouble.Kind != "older" || !deleted {
				d.Errorf("%s: %+v", d.name, trouble)
			}
		}
		return err
	})
	if log, _ := os.ReadFile(filepath.Join(d.p.home, "log", "codefob.log")); bytes.Contains(log, []byte("level=warning")) {
		d.Logf("%s: %s", d.name, log)
	}
}

// Two browsers of a computer have a host each, and one of them syncs: the relay has the sockets of one and gets each change once, also
// after the one that leads was killed.
func TestOneHostOfAComputerSyncs(t *testing.T) {
	t.Parallel()
	r := serveRelay(t)
	r.start()
	d := newDesk(t, "desk")
	d.withSyncing(func(s *syncing.Syncing) error { return s.Use(t.Context(), syncing.Relay, r.url(), d.name) })
	leads, waits := &browser{desk: d, name: "chromium", args: chromiumArgs}, &browser{desk: d, name: "firefox", args: firefoxArgs}
	leads.start()
	leads.open()
	// changes adds three accounts by the one that waits.
	changes := func(when string) {
		t.Helper()
		two := func() error {
			if n := r.metric("sockets"); n != 2 { // one for the members, one for the epoch
				return fmt.Errorf("%s: %d sockets", when, n)
			}
			return rests([]*desk{d}, []*browser{leads, waits})
		}
		await(t, two)
		carried := func() [2]int { return [2]int{r.metric(`appends_total{result="ok"}`), r.metric("pushed_records_total")} }
		was := carried()
		for n := range 3 {
			waits.use(1 + 6*n)
		}
		await(t, func() error { // a host has nothing pending before it has seen that the vault was changed
			if is := carried(); is[0] < was[0]+3 || is[1] < was[1]+3 {
				return fmt.Errorf("%s: the relay got and sent %d after %d", when, is, was)
			}
			return two()
		})
		if is := carried(); is != [2]int{was[0] + 3, was[1] + 3} {
			t.Errorf("%s: after 3 changes the relay got and sent %d after %d", when, is, was)
		}
	}
	await(t, func() error { return rests([]*desk{d}, []*browser{leads}) })
	waits.start()
	waits.open()
	changes("both")
	leads.kill()
	<-leads.host.ended
	leads, waits = waits, leads
	waits.start()
	waits.open()
	changes("after one was killed")
}

// await waits until there is no error any more.
func await(t *testing.T, is func() error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := is()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
