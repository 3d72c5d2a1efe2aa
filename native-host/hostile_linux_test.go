package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"codefob/internal/account"
	"codefob/internal/hostkey"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// counting is a request for a code of the account that counts, to be shown.
func counting(handle, nonce string) string {
	return fmt.Sprintf(`{"id":9,"method":"code.release","params":{"handle":%q,"nonce":%q,"purpose":"show"}}`, handle, nonce)
}

// opened has the host open the vault, and gives the handle of the account that counts.
func (p *process) opened() (handle string) {
	p.Helper()
	result[protocol.VaultResult](p, `{"id":1,"method":"vault.unlock"}`)
	return result[protocol.SearchResult](p, `{"id":2,"method":"accounts.search","params":{"query":"Counter","limit":1}}`).Accounts[0].Handle
}

// counter is where the account that counts stands on disk.
func (p *process) counter() uint64 {
	p.Helper()
	v, err := vault.Open(p.home)
	if err == nil {
		err = v.UnlockPassphrase(p.Context(), []byte(passphrase))
	}
	if err != nil {
		p.Fatal(err)
	}
	i := slices.IndexFunc(v.Accounts(), func(a account.Account) bool { return a.Issuer == "Counter" })
	return v.Accounts()[i].Counter
}

// H11: eight browsers that ask for a thousand codes get what the budget allows one.
func TestEightHostsShareOneBudget(t *testing.T) {
	const programs, each = 8, 125
	var hosts []*process
	for i := range programs {
		p := hostCommand(t, "codefob", chromiumArgs...)
		if i == 0 {
			p.withPinentry() // which says no beyond the budget
		} else {
			p.home, p.Env = hosts[0].home, hosts[0].Env
		}
		hosts = append(hosts, p)
	}
	start := time.Now()
	for i, p := range hosts {
		p.start()
		handle := p.opened()
		var all []byte
		for k := range each {
			all = append(all, frame(counting(handle, fmt.Sprintf("nonce-%04d-%08d", i, k)))...)
		}
		go p.in.Write(all)
	}
	codes := map[string]bool{}
	for _, p := range hosts {
		for range each {
			r, err := p.read()
			var given protocol.ReleaseResult
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Error == nil:
				if json.Unmarshal(r.Result, &given) != nil || codes[given.Code] {
					t.Errorf("%s is no code, or was given twice", r.Result)
				}
				codes[given.Code] = true
			case r.Error.Code != protocol.ErrBudget && r.Error.Code != protocol.ErrDeclined:
				t.Errorf("%+v", r.Error)
			}
		}
	}
	minutes := 1 + int(time.Since(start)/time.Minute) // one, unless the machine is very slow
	if n := len(codes); n < 6 || n > 6*minutes || hosts[0].counter() != uint64(n) {
		t.Errorf("%d codes in %d minutes, and the counter is at %d", n, minutes, hosts[0].counter())
	}
}

// Beyond the budget a real program asks, and says that something may be wrong.
func TestBeyondTheBudgetPinentryAsks(t *testing.T) {
	p := hostCommand(t, "codefob", chromiumArgs...)
	pinentry := p.withPinentry()
	if err := os.WriteFile(pinentry+".confirm", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	handle := p.opened()
	for i := 1; ; i++ {
		given := result[protocol.ReleaseResult](p, counting(handle, fmt.Sprintf("nonce-%012d", i)))
		if given.Asked && i > 6 {
			break
		}
		if given.Asked || i > 60 { // a slow machine may take more than a minute
			t.Fatalf("code %d: asked %v", i, given.Asked)
		}
	}
	log, err := os.ReadFile(pinentry + ".log")
	if err != nil || !strings.Contains(string(log), "more codes in a short time") || !strings.Contains(string(log), "one-time code of Counter (bob)") {
		t.Errorf("it was asked %s, %v", log, err)
	}
}

// N7: what a parent can put into the environment: it runs nothing, opens no
// connection, writes no file, and changes nothing on stdout and stderr.
func TestTheEnvironmentChangesNothing(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	reached := make(chan string, 1)
	go func() {
		if _, err := trap.Accept(); err == nil {
			reached <- "a connection was opened"
		}
	}()
	evil := t.TempDir() // with programs of all names that could be wanted
	for _, name := range []string{"pinentry", "pinentry-gtk-2", "pinentry-gnome3", "zenity", "qarma", "matedialog", "dbus-launch", "gpg", "age", "sh"} {
		script := fmt.Sprintf("#!/bin/sh\ntouch %s/ran-$(/usr/bin/basename $0)\n", evil)
		if err := os.WriteFile(filepath.Join(evil, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath("codefob")
	if err != nil {
		t.Fatal(err)
	}
	proxy := "http://" + trap.Addr().String()
	environment := []string{
		"PATH=" + evil, "PINENTRY=" + evil + "/pinentry", "PINENTRY_PROGRAM=" + evil + "/pinentry", "GNUPGHOME=" + evil,
		"HTTP_PROXY=" + proxy, "HTTPS_PROXY=" + proxy, "ALL_PROXY=" + proxy, "SSLKEYLOGFILE=" + evil + "/keys", "SSL_CERT_FILE=" + evil + "/ca",
		"GODEBUG=netdns=go+2,http2debug=2,gctrace=0,panicnil=1", "GOTRACEBACK=crash", "GOCOVERDIR=" + evil,
		"DBUS_SESSION_BUS_ADDRESS=unixexec:path=" + evil + "/sh;tcp:host=127.0.0.1,port=" + strings.TrimPrefix(proxy, "http://127.0.0.1:"),
		"TMPDIR=" + evil, "CODEFOB_BENCH_IDENTITY=AGE-SECRET-KEY-1", "CODEFOB_PINENTRY=" + evil + "/pinentry", "CODEFOB_VAULT=" + evil,
		"DISPLAY=:65535", // where no window can be shown, but looked for
	}
	for _, configured := range []bool{true, false} {
		p := hostCommand(t, program, chromiumArgs...)
		if configured {
			p.withPinentry()
		}
		slot := filepath.Join(p.home, "vault", "slots", "keychain.json") // it looks for the session bus
		if err := os.WriteFile(slot, []byte(`{"version":1,"service":"codefob","account":"a"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		p.Dir = evil
		p.Env = append(p.Env, environment...)
		p.start()
		if !configured {
			if r := p.answers(`{"id":1,"method":"vault.unlock"}`); r.Error == nil || r.Error.Code != protocol.ErrUnlock {
				t.Errorf("with nothing to ask with: %+v", r.Error)
			}
		} else if code := result[protocol.ReleaseResult](p, counting(p.opened(), "nonce-0123456789")).Code; len(code) != 6 {
			t.Errorf("the code is %q", code)
		}
		p.in.Close()
		p.end(0)
		if p.stderr.Len() > 0 {
			t.Errorf("stderr %s", &p.stderr)
		}
	}
	left, err := filepath.Glob(evil + "/*")
	if err != nil || len(left) != 10 {
		t.Errorf("it ran or wrote something: %q, %v", left, err)
	}
	select {
	case what := <-reached:
		t.Error(what)
	default:
	}
}

// What a dialog would be run with.
func TestADialogGetsLittleOfTheEnvironment(t *testing.T) {
	keep := map[string]string{"DISPLAY": ":9", "LC_ALL": "C", "CODEFOB_HOME": "/home/x", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}
	drop := []string{"LD_PRELOAD", "LD_LIBRARY_PATH", "GTK_MODULES", "GTK_PATH", "GIO_EXTRA_MODULES", "PYTHONPATH", "SSLKEYLOGFILE", "TZ", "TMPDIR"}
	for _, variable := range os.Environ() { // all comes back after the test
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	for name, value := range keep {
		t.Setenv(name, value)
	}
	for _, name := range drop {
		t.Setenv(name, "evil")
	}
	dropEnvironment()
	for name, value := range keep {
		if got := os.Getenv(name); got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
	for _, name := range drop {
		if got, there := os.LookupEnv(name); there {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// N7: a defect under a parent that wants traces and cores: a framed answer, its
// place in the log, no word of it on stderr, no core.
func TestADefectSpillsNothing(t *testing.T) {
	for _, method := range []string{"host.hello", "vault.unlock"} { // the latter beside the others
		p := hostCommand(t, "sh", append([]string{"-c", `ulimit -c unlimited; exec codefob-breaks "$0"`}, chromiumArgs...)...)
		p.Dir = t.TempDir()
		p.Env = append(p.Env, "GOTRACEBACK=crash")
		p.start()
		r := p.answers(`{"id":7,"method":"` + method + `"}`)
		if r.ID != 7 || r.Error == nil || r.Error.Code != protocol.ErrInternal {
			t.Errorf("%s: %d %+v", method, r.ID, r.Error)
		}
		if rest, err := p.read(); err == nil {
			t.Errorf("%s: then %+v", method, rest)
		}
		p.end(1)
		log, err := os.ReadFile(filepath.Join(p.home, "log", "codefob.log"))
		if err != nil || !strings.Contains(string(log), "panic script_linux_test.go:") || canaries.Match(log) {
			t.Errorf("%s: the log holds %s, %v", method, log, err)
		}
		if left, _ := os.ReadDir(p.Dir); len(left) > 0 || p.stderr.Len() > 0 {
			t.Errorf("%s: left are %v, stderr %s", method, left, &p.stderr)
		}
	}
}

// N8: files that another user could have written are not believed.
func TestAnotherUsersFiles(t *testing.T) {
	const other = 65534
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can give files away")
	}
	for _, tt := range []struct {
		name   string
		change func(p *process, pinentry string) error
		want   string
	}{
		{"the configuration", func(p *process, _ string) error { return os.Chown(filepath.Join(p.home, "config.json"), other, other) }, "config.json belongs to another user"},
		{"the folder", func(p *process, _ string) error { return os.Chown(p.home, other, other) }, "codefob belongs to another user"},
		{"the program that asks", func(_ *process, pinentry string) error { return os.Chown(pinentry, other, other) }, "pinentry belongs to another user"},
		{"open for everybody", func(p *process, _ string) error { return os.Chmod(filepath.Join(p.home, "config.json"), 0o666) }, "everybody may write to"},
		{"a program that is", func(_ *process, pinentry string) error { return os.Chmod(pinentry, 0o777) }, "everybody may write to"},
		{"no file", func(p *process, _ string) error {
			name := filepath.Join(p.home, "config.json")
			os.Remove(name)
			return syscall.Mkfifo(name, 0o600)
		}, "config.json is no file"},
	} {
		p := hostCommand(t, "codefob", chromiumArgs...)
		if err := tt.change(p, p.withPinentry()); err != nil {
			t.Fatal(err)
		}
		out, _ := p.Output()
		if p.ProcessState.ExitCode() != 1 || len(out) > 0 || !strings.Contains(p.stderr.String(), tt.want) || !strings.Contains(p.stderr.String(), "hint: ") {
			t.Errorf("%s: exit status %d, stdout %q, stderr %s", tt.name, p.ProcessState.ExitCode(), out, &p.stderr)
		}
	}
	// And another user, who can start the program and read the folder, gets nothing out of this one's vault.
	dir, program := public(t)
	p := hostCommand(t, program, chromiumArgs...)
	home := filepath.Join(dir, "home")
	if _, err := hostkey.Ensure(p.home); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(p.home, home), os.Chmod(home, 0o755)); err != nil {
		t.Fatal(err)
	}
	p.home, p.Dir, p.Env = home, "/", append(p.Env, "CODEFOB_HOME="+home)
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, Gid: other}}
	p.start()
	for _, tt := range []struct {
		request string
		want    protocol.ErrorCode
	}{
		{`{"id":1,"method":"host.hello","params":{"client":"chromium","version":"0.1.0","challenge":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}}`, protocol.ErrInternal},
		{search, protocol.ErrVaultLocked},
		{`{"id":1,"method":"vault.lock"}`, protocol.ErrVaultStorage},
	} {
		if r := p.answers(tt.request); r.Error == nil || r.Error.Code != tt.want {
			t.Errorf("another user: %s: %s, %+v", tt.request, r.Result, r.Error)
		}
	}
}
