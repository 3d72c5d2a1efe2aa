package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"codefob/internal/protocol"
)

func TestBothBrowsersStartTheHost(t *testing.T) {
	for _, args := range [][]string{chromiumArgs, append(chromiumArgs, "--parent-window=0"), firefoxArgs} {
		p := startHost(t, "codefob", args...)
		if r := p.answers(hello); r.ID != 1 || !strings.Contains(string(r.Result), `"vault":"locked"`) {
			t.Errorf("%q: %+v", args, r)
		}
		p.in.Close() // as the browser does at the end
		p.end(0)
		if p.stderr.Len() > 0 {
			t.Errorf("%q: stderr %s", args, &p.stderr)
		}
	}
}

func TestAnyOtherCallerIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"},
		{"chrome-extension://nfiddnekmhabbidckdaffhidhibipplp"},
		{"chrome-extension://nfiddnekmhabbidckdaffhidhibipplp/x"},
		{"chrome-extension://"},
		{firefoxArgs[0], "evil@example.com"},
		{firefoxArgs[0], "{d10d0bf8-f5b5-c8b4-a8b2-2b9879e08c5d}"},
		{"/etc/passwd.json", "/etc/shadow@x"},
	} {
		p := hostCommand(t, "codefob", args...)
		p.Stdin = bytes.NewReader(frame(hello))
		out, _ := p.Output()
		if p.ProcessState.ExitCode() != 1 || len(out) > 0 {
			t.Errorf("%q: exit status %d, stdout %q", args, p.ProcessState.ExitCode(), out)
		}
		if !strings.Contains(p.stderr.String(), "is not the Codefob extension") {
			t.Errorf("%q: stderr %s", args, &p.stderr)
		}
	}
}

// What no browser gives is for the command line, which knows no such command.
func TestWhatNoBrowserGivesIsNoCommand(t *testing.T) {
	for _, args := range [][]string{
		{firefoxArgs[0]},
		{firefoxArgs[1]},
		{firefoxArgs[1], firefoxArgs[0]},
		append(firefoxArgs[:2:2], "more"),
		{"codefob.json", firefoxArgs[1]},
		{" " + chromiumArgs[0]},
		{"--parent-window=0"},
	} {
		p := hostCommand(t, "codefob", args...)
		p.Stdin = bytes.NewReader(frame(hello))
		if out, _ := p.Output(); p.ProcessState.ExitCode() != 2 || len(out) > 0 {
			t.Errorf("%q: exit status %d, stdout %q", args, p.ProcessState.ExitCode(), out)
		}
	}
}

func TestFromATerminalItSaysWhatItIsFor(t *testing.T) {
	ptmx, tty, err := openTerminal()
	if err != nil {
		t.Skip("SKIPPED: ", err)
	}
	defer ptmx.Close()
	defer tty.Close()
	p := hostCommand(t, "codefob", chromiumArgs...)
	p.Stdin = tty
	out, _ := p.Output()
	if p.ProcessState.ExitCode() != 2 || len(out) > 0 || !strings.Contains(p.stderr.String(), "this is how a browser starts codefob") {
		t.Errorf("exit status %d, stdout %q, stderr %s", p.ProcessState.ExitCode(), out, &p.stderr)
	}
}

func TestFramesThatAreNone(t *testing.T) {
	length := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	const bad, tooLarge = protocol.ErrBadRequest, protocol.ErrTooLarge
	for _, tt := range []struct {
		name   string
		stream []byte
		want   []protocol.ErrorCode // of the replies
		status int
	}{
		{"empty", length(0), []protocol.ErrorCode{bad}, 0},
		{"one byte", frame("x"), []protocol.ErrorCode{bad}, 0},
		{"as large as allowed", frame(strings.Repeat(" ", protocol.MaxRequest)), []protocol.ErrorCode{bad}, 0},
		{"a byte more", length(protocol.MaxRequest + 1), []protocol.ErrorCode{tooLarge}, 1},
		{"2 GiB", length(0x7fffffff), []protocol.ErrorCode{tooLarge}, 1},
		{"4 GiB", length(0xffffffff), []protocol.ErrorCode{tooLarge}, 1},
		{"end in the length", []byte{1, 0, 0}, nil, 1},
		{"end in the body", frame("xx")[:5], nil, 1},
		{"end after the length", length(5), nil, 1},
		{"a good one first", append(frame(`{"id":1,"method":"x"}`), 1), []protocol.ErrorCode{protocol.ErrUnknownMethod}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startHost(t, "peak", append([]string{"codefob"}, chromiumArgs...)...)
			p.write(tt.stream)
			p.in.Close()
			for _, want := range tt.want {
				if r, err := p.read(); err != nil || r.Error == nil || r.Error.Code != want {
					t.Errorf("%+v, %v; want %s", r, err, want)
				}
			}
			if r, err := p.read(); err != io.EOF {
				t.Errorf("then %+v, %v", r, err)
			}
			p.end(tt.status)
			if kib, err := strconv.Atoi(p.stderr.String()); err != nil || kib > 64<<10 {
				t.Errorf("it took %d KiB of memory, %v", kib, err)
			}
		})
	}
}

func TestOneByteAtATime(t *testing.T) {
	p := startHost(t, "codefob", chromiumArgs...)
	for range 3 {
		for _, b := range frame(hello) {
			p.write([]byte{b})
		}
		if r, err := p.read(); err != nil || r.Error != nil {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

// N3: coalesced, and more than fits into any pipe. A hundred thousand where there is time.
func TestTenThousandRequestsAtOnce(t *testing.T) {
	p := startHost(t, "codefob", chromiumArgs...)
	n := 10_000
	if os.Getenv("CODEFOB_SOAK") != "" {
		n = 100_000
		defer func() { t.Logf("SOAK N3: %d requests at once, answered in their order", n) }()
	}
	var all []byte
	for i := range n {
		all = append(all, frame(fmt.Sprintf(`{"id":%d,"method":"host.hello"}`, i+1))...)
	}
	go func() {
		p.in.Write(all)
		p.in.Close()
	}()
	for i := range n {
		if r, err := p.read(); err != nil || r.ID != uint32(i+1) || r.Error != nil {
			t.Fatalf("reply %d: %+v, %v", i+1, r, err)
		}
	}
	if _, err := p.read(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
	p.end(0)
}

// N5: the host stops reading, too: nothing piles up in it, and nobody waits for
// it. It goes on when the browser does, and ends with it.
func TestABrowserThatStopsReading(t *testing.T) {
	p := hostCommand(t, "codefob", chromiumArgs...)
	p.withPinentry()
	p.start()
	p.opened()
	wrote := make(chan int)
	const n = 20_000
	go func() {
		for i := range n {
			if _, err := p.in.Write(frame(fmt.Sprintf(`{"id":%d,"method":"host.hello"}`, i+1))); err != nil {
				t.Error(err)
				break
			}
			wrote <- i
		}
		close(wrote)
	}()
	stuck := 0
	for more := true; more; {
		select {
		case i, ok := <-wrote:
			if !ok {
				t.Fatal("the host reads without end")
			}
			stuck = i
		case <-time.After(time.Second): // longer than a read and a reply take
			more = false
		}
	}
	if stuck > n/2 {
		t.Errorf("it took in %d requests whose replies nobody read", stuck)
	}
	if kib := p.peakMemory(); kib > 64<<10 {
		t.Errorf("it took %d KiB of memory", kib)
	}
	lock := exec.Command("codefob", "lock")
	lock.Env = p.Env
	if out, err := lock.CombinedOutput(); err != nil {
		t.Fatalf("codefob lock meanwhile: %v, %s", err, out)
	}
	go func() {
		for range wrote { // lets the writer go on
		}
	}()
	for i := range n {
		r, err := p.read()
		if err != nil || r.ID != uint32(i+1) {
			t.Fatalf("reply %d: %+v, %v", i+1, r, err)
		}
		if want := map[int]string{0: "open", n - 1: "locked"}[i]; !strings.Contains(string(r.Result), `"vault":"`+want) {
			t.Errorf("reply %d of %d: %s, want %s", i+1, n, r.Result, want)
		}
	}
	p.in.Close()
	p.end(0)
}

func TestABrokenPipeEndsTheHost(t *testing.T) {
	p := startHost(t, "codefob", chromiumArgs...)
	p.answers(hello)
	p.out.Close()
	p.write(frame(hello))
	select {
	case <-p.ended: // by the signal SIGPIPE, or after the failed write
	case <-time.After(60 * time.Second):
		t.Fatal("the host runs on")
	}
}

func TestASignalEndsTheHost(t *testing.T) {
	for _, each := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(each) { // as under nohup; the host then ignores it too
			t.Logf("%s is ignored here: not tried", each)
			continue
		}
		p := startHost(t, "codefob", chromiumArgs...)
		p.answers(hello)
		p.Process.Signal(each)
		p.end(-1)
	}
}

// search is a request that the user makes; a page makes the others.
const search = `{"id":1,"method":"accounts.search","params":{"query":"","limit":1}}`

func TestAnIdleHostEnds(t *testing.T) {
	for _, said := range []bool{false, true} {
		p := hostCommand(t, "codefob-hasty", chromiumArgs...)
		if err := os.WriteFile(filepath.Join(p.home, "config.json"), []byte(`{"idleMinutes":4}`), 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p.start()
		if said {
			p.answers(search)
			start = time.Now()
		}
		p.end(0)
		if d := time.Since(start); d < 1150*time.Millisecond { // four short minutes, less the start
			t.Errorf("it ended after %s", d)
		}
	}
}

func TestAHostThatTheUserTalksToStays(t *testing.T) {
	p := hostCommand(t, "codefob-hasty", chromiumArgs...)
	if err := os.WriteFile(filepath.Join(p.home, "config.json"), []byte(`{"idleMinutes":6}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	for start := time.Now(); time.Since(start) < 3*time.Second; {
		p.answers(search)
	}
}

func TestPagesDoNotKeepAHostOpen(t *testing.T) {
	p := hostCommand(t, "codefob-hasty", chromiumArgs...)
	if err := os.WriteFile(filepath.Join(p.home, "config.json"), []byte(`{"idleMinutes":2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	match := `{"id":1,"method":"accounts.match","params":{"context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"}}}`
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if _, err := p.in.Write(frame(match)); err != nil {
			break
		}
		if _, err := p.read(); err != nil {
			break
		}
	}
	p.end(0)
}

func TestAConfigurationThatIsNotValid(t *testing.T) {
	for content, want := range map[string]string{
		`{`:                          "is not valid",
		`{"loglevel":"debug"}`:       "is not valid",
		`{"logLevel":"chatty"}`:      `logLevel is "chatty"`,
		`{"pinentry":"pinentry"}`:    "must be an absolute path",
		`{"idleMinutes":0}`:          "must be from 1 to 1440",
		`{"idleMinutes":1441}`:       "must be from 1 to 1440",
		`{"idleMinutes":1,"more":1}`: "is not valid",
	} {
		p := hostCommand(t, "codefob", chromiumArgs...)
		if err := os.WriteFile(filepath.Join(p.home, "config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := p.Output()
		if !errors.As(err, new(*exec.ExitError)) || len(out) > 0 || !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%s: %v, stdout %q, stderr %s", content, err, out, &p.stderr)
		}
	}
}

// A real program asks, and says what for.
func TestAnAccountIsAskedForByPinentry(t *testing.T) {
	p := hostCommand(t, "codefob", chromiumArgs...)
	pinentry := p.withPinentry()
	p.start()
	result[protocol.VaultResult](p, `{"id":1,"method":"vault.unlock"}`)
	const context = `{"origin":"https://github.com","tab":1,"frame":0,"document":"d"}`
	handle := result[protocol.MatchResult](p, `{"id":2,"method":"accounts.match","params":{"context":`+context+`}}`).Accounts[0].Handle
	edit := func(ask bool) string {
		return fmt.Sprintf(`{"id":3,"method":"account.edit","params":{"handle":%q,"issuer":"GitHub","account":"alice","sites":["github.com"],"append":false,"submit":false,"ask":%v}}`, handle, ask)
	}
	if d := result[protocol.Detail](p, edit(true)); !d.Account.Ask {
		t.Errorf("%+v", d)
	}
	release := func(nonce string) string {
		return fmt.Sprintf(`{"id":4,"method":"code.release","params":{"handle":%q,"context":%s,"nonce":"0123456789abcde%s","purpose":"fill"}}`, handle, context, nonce)
	}
	for _, message := range []string{release("a"), edit(false)} { // the pinentry says no
		if r := p.answers(message); r.Error == nil || r.Error.Code != protocol.ErrDeclined {
			t.Errorf("%s: %+v %s", message, r.Error, r.Result)
		}
	}
	if err := os.WriteFile(pinentry+".confirm", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := result[protocol.ReleaseResult](p, release("b")).Code; len(code) != 6 {
		t.Errorf("the code is %q", code)
	}
	log, err := os.ReadFile(pinentry + ".log")
	if err != nil || !strings.Contains(string(log), "one-time code of GitHub (alice),%0Ato fill it in at github.com.") || !strings.Contains(string(log), "SETCANCEL No") {
		t.Errorf("it was asked %s, %v", log, err)
	}
	if d := result[protocol.Detail](p, edit(false)); d.Account.Ask {
		t.Errorf("%+v", d)
	}
	if err := os.Remove(pinentry); err != nil {
		t.Fatal(err)
	}
	result[protocol.Detail](p, edit(true))
	if r := p.answers(release("c")); r.Error == nil || r.Error.Code != protocol.ErrDeclined || !strings.Contains(r.Error.Hint, "--ask off") {
		t.Errorf("with nothing to ask with: %+v", r.Error)
	}
}

// Two browsers that ask at the same time get the first codes of the sheet, each
// in their order, and none twice.
func TestTwoBrowsersGetDifferentRecoveryCodes(t *testing.T) {
	const context = `{"origin":"https://github.com","tab":1,"frame":0,"document":"d"}`
	hosts := []*process{hostCommand(t, "codefob", chromiumArgs...), hostCommand(t, "codefob", firefoxArgs...)}
	hosts[0].withPinentry()
	hosts[1].home, hosts[1].Env = hosts[0].home, hosts[0].Env
	handles := make([]string, len(hosts))
	for i, p := range hosts {
		p.start()
		result[protocol.VaultResult](p, `{"id":1,"method":"vault.unlock"}`)
		handles[i] = result[protocol.MatchResult](p, `{"id":2,"method":"accounts.match","params":{"context":`+context+`}}`).Accounts[0].Handle
	}
	sheet := []string{"ffff-0", "eeee-1", "dddd-2", "cccc-3", "bbbb-4", "aaaa-5", "gggg-6"}
	result[protocol.SaveResult](hosts[0], fmt.Sprintf(`{"id":3,"method":"recovery.save","params":{"handle":%q,"codes":["%s"]}}`, handles[0], strings.Join(sheet, `","`)))
	const each = 3 // of both: what a minute's budget allows
	for i := range each {
		for j, p := range hosts {
			p.write(frame(fmt.Sprintf(`{"id":4,"method":"recovery.next","params":{"handle":%q,"context":%s,"nonce":"0123456789abcd%d%d"}}`, handles[j], context, j, i)))
		}
	}
	var all []string
	for i, p := range hosts {
		var own []int
		for range each {
			r, err := p.read()
			var next protocol.RecoveryResult
			if err != nil || r.Error != nil || json.Unmarshal(r.Result, &next) != nil {
				t.Fatalf("%+v, %v", r.Error, err)
			}
			own = append(own, slices.Index(sheet, next.Code))
			all = append(all, next.Code)
		}
		if !slices.IsSorted(own) {
			t.Errorf("browser %d got %v of the sheet", i, own)
		}
	}
	want := slices.Sorted(slices.Values(sheet[:len(hosts)*each]))
	if slices.Sort(all); !slices.Equal(all, want) {
		t.Errorf("given were %q, want %q", all, want)
	}
}

// With every line logged, and a vault that opens through a real program that
// asks: no code, no label, no page, no passphrase is in the log or on stderr.
func TestTheLogHoldsNoMessage(t *testing.T) {
	p := hostCommand(t, "codefob", chromiumArgs...)
	p.withPinentry()
	p.start()
	if r := p.answers(`{"id":1,"method":"vault.unlock"}`); r.Error != nil {
		t.Fatalf("unlock: %+v", r.Error)
	}
	const context = `{"origin":"https://github.com","tab":1,"frame":0,"document":"canary-document"}`
	var found protocol.MatchResult
	if err := json.Unmarshal(p.answers(`{"id":2,"method":"accounts.match","params":{"context":`+context+`}}`).Result, &found); err != nil || len(found.Accounts) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	release := fmt.Sprintf(`{"id":3,"method":"code.release","params":{"handle":%q,"context":%s,"nonce":"canary-nonce-123","purpose":"fill"}}`, found.Accounts[0].Handle, context)
	var code protocol.ReleaseResult
	if err := json.Unmarshal(p.answers(release).Result, &code); err != nil || len(code.Code) != 6 {
		t.Fatalf("%v, %v", code, err)
	}
	for _, message := range []string{release, `{"id":4,"canary":1}`, `{"id":4,"method":"canary"}`, `{"id":4,"method":"vault.lock"}`, release} {
		if r := p.answers(message); r.Error == nil && !strings.Contains(message, "lock") {
			t.Errorf("%s: %s", message, r.Result)
		}
	}
	p.write(frame("canary")[:7])
	p.in.Close()
	p.end(1)
	log, err := os.ReadFile(filepath.Join(p.home, "log", "codefob.log"))
	if err != nil || !bytes.Contains(log, []byte("bad request")) || !bytes.Contains(log, []byte("connection")) {
		t.Fatalf("log %s, %v", log, err)
	}
	said := strings.ToLower(string(log) + p.stderr.String())
	for _, text := range []string{"canary", code.Code, found.Accounts[0].Handle, "github", "alice"} {
		if strings.Contains(said, strings.ToLower(text)) {
			t.Errorf("log or stderr hold %q:\n%s", text, said)
		}
	}
}
