package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"codefob/internal/account"
	"codefob/internal/keystore/keyringtest"
	"codefob/internal/vault"
)

// passphraseWork is package vault's. Whoever opens a vault at its real cost waits a
// second for it, and ten under the race detector; package vault's own tests do.
//
//go:linkname passphraseWork codefob/internal/vault.passphraseWork
var passphraseWork int

func TestMain(m *testing.M) {
	passphraseWork, sealWork = 8, 8
	testscript.Main(m, map[string]func(){
		"codefob": main,
		"codefob-hasty": func() { // whose minutes are short
			minute = 300 * time.Millisecond
			main()
		},
		"codefob-breaks": func() { // with a defect that shows at the first request
			calls := 0
			now = func() time.Time {
				if calls++; calls > 1 {
					panic(passphrase)
				}
				return time.Now()
			}
			main()
		},
		"codefob-late": func() { // whose minutes are over at once
			minute = 0
			main()
		},
		"peak":   peak,
		"talk":   talk,
		"status": status,
	})
}

// status runs a command and succeeds if it ends with that exit status.
func status() {
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Run()
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != os.Args[1] {
		fmt.Fprintf(os.Stderr, "status: %s, not %s\n", got, os.Args[1])
		os.Exit(1)
	}
}

// peak runs a command, and says at the end how much memory it took at the most, in
// KiB. The kernel counts in what the parent had: hence a small parent.
func peak() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Run()
	fmt.Fprint(os.Stderr, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	os.Exit(cmd.ProcessState.ExitCode())
}

// The secrets of the scripts. None may turn up in what a command prints, nor in
// a file that it leaves in the person's home or in Codefob's.
const (
	passphrase   = "canary of the vault"
	canarySecret = "CANARYCANARYCANARYCANARYCANARY22"
)

var canaries = regexp.MustCompile(`(?i)canary[- ]?(canary|of[- ]the)|GEZDGNBV`) // the latter: the secret of the RFCs

// makeModel makes the vault that the scripts copy.
var makeModel = sync.OnceValues(func() (m struct {
	files    fs.FS
	identity *age.X25519Identity
	recovery string
}, err error) {
	home, err := os.MkdirTemp("", "codefob-model")
	if err != nil {
		return m, err
	}
	v, key, err := vault.Create(home, []byte(passphrase))
	if err != nil {
		return m, err
	}
	m.files, m.recovery = os.DirFS(home), key.Text()
	err = v.Update(func(tx *vault.Tx) error {
		for _, uri := range []string{
			"otpauth://totp/GitHub:alice?secret=" + canarySecret,
			"otpauth://totp/RFC:sha1?digits=8&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
			"otpauth://hotp/Counter:bob?counter=0&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		} {
			a, err := account.ParseURI(uri)
			if err != nil {
				return err
			}
			if a.Issuer == "GitHub" {
				a.Sites = []string{"https://github.com"}
			}
			if _, err := tx.Add(a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return m, err
	}
	sealed, err := os.Open(filepath.Join(home, "vault", "slots", "passphrase.age"))
	if err != nil {
		return m, err
	}
	defer sealed.Close()
	by, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return m, err
	}
	plain, err := age.Decrypt(sealed, by)
	if err != nil {
		return m, err
	}
	ids, err := age.ParseIdentities(plain)
	if err != nil {
		return m, err
	}
	m.identity = ids[0].(*age.X25519Identity)
	return m, nil
})

func sealTo(name string, plain []byte, to age.Recipient) error {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o600)
}

// params are those of all scripts. HOME is $WORK/user, without a browser in it
// or in PATH; CODEFOB_HOME is $WORK/codefob, without a vault until the command
// "vault" copies one there. The file "pass" holds its passphrase.
func params(t *testing.T, dir string, vars ...string) testscript.Params {
	model, err := makeModel()
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			bin, _, _ := strings.Cut(os.Getenv("PATH"), ":") // of the commands above
			work := env.WorkDir
			env.Vars = append(env.Vars, append([]string{
				"HOME=" + filepath.Join(work, "user"), "CODEFOB_HOME=" + filepath.Join(work, "codefob"),
				"PATH=" + bin + ":" + filepath.Join(work, "bin"), "RECOVERY=" + model.recovery, "TAB=\t",
				"DISPLAY=", "WAYLAND_DISPLAY=", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "XDG_RUNTIME_DIR=", "XDG_DATA_HOME=", "XDG_CONFIG_HOME=",
			}, vars...)...)
			for _, dir := range []string{"user", "bin"} {
				if err := os.Mkdir(filepath.Join(work, dir), 0o700); err != nil {
					return err
				}
			}
			for _, tool := range []string{"sh", "cp", "find", "mkdir", "chmod", "sort", "tr", "grep", "age", "secret-tool", "zbarimg", "keepassxc-cli"} {
				if path, err := exec.LookPath(tool); err == nil {
					if err := os.Symlink(path, filepath.Join(work, "bin", tool)); err != nil {
						return err
					}
				}
			}
			for _, home := range []string{"user", "codefob"} {
				env.Defer(func() { searchFiles(env.T(), filepath.Join(work, home)) })
			}
			return os.WriteFile(filepath.Join(work, "pass"), []byte(passphrase+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"qr":     scriptQR,
			"enroll": enroll,
			"relay":  relayCommand,
			"until":  until,
			// vault [NAME=CONTENT] puts the vault in place.
			"vault": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.CopyFS(ts.Getenv("CODEFOB_HOME"), model.files))
				ts.Check(os.Chmod(ts.Getenv("CODEFOB_HOME"), 0o700))
				ts.Check(os.Chmod(filepath.Join(ts.Getenv("CODEFOB_HOME"), "vault", "slots", "passphrase.age"), 0o600))
			},
			// accounts FILE puts other JSON into the vault.
			"accounts": func(ts *testscript.TestScript, _ bool, args []string) {
				name := filepath.Join(ts.Getenv("CODEFOB_HOME"), "vault", "accounts.age")
				ts.Check(sealTo(name, []byte(ts.ReadFile(args[0])), model.identity.Recipient()))
			},
			// mode MODE FILE… checks permissions.
			"mode": func(ts *testscript.TestScript, _ bool, args []string) {
				for _, name := range args[1:] {
					info, err := os.Stat(ts.MkAbs(name))
					ts.Check(err)
					if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
						ts.Fatalf("mode of %s is %s", name, got)
					}
				}
			},
			// unbase64 FROM TO writes a file that a script cannot hold.
			"unbase64": func(ts *testscript.TestScript, _ bool, args []string) {
				data, err := base64.StdEncoding.DecodeString(ts.ReadFile(args[0])) // which skips line ends
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o600))
			},
			// truncate FILE N cuts a file short.
			"truncate": func(ts *testscript.TestScript, _ bool, args []string) {
				n, err := strconv.ParseInt(args[1], 10, 64)
				ts.Check(err)
				ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
			},
			// set NAME REGEXP keeps what the first group finds in the last stdout.
			"set": func(ts *testscript.TestScript, _ bool, args []string) {
				found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
				if found == nil {
					ts.Fatalf("stdout does not hold %s", args[1])
				}
				ts.Setenv(args[0], found[1])
			},
			// fix runs the shell command that doctor printed last.
			"fix": func(ts *testscript.TestScript, _ bool, args []string) {
				found := regexp.MustCompile(`→.*?((?:cp|chmod) .*)`).FindStringSubmatch(ts.ReadFile("stdout"))
				if found == nil {
					ts.Fatalf("doctor names no command")
				}
				ts.Check(ts.Exec("/bin/sh", "-c", found[1]))
			},
		},
	}
}

// recorder passes on what the scripts print, and looks for secrets in it.
type recorder struct{ *testing.T }

func (recorder) Verbose() bool { return true }

func (r recorder) Run(name string, f func(testscript.T)) {
	r.T.Run(name, func(t *testing.T) { f(recorder{t}) })
}

func (r recorder) Log(args ...any) {
	r.T.Helper()
	r.T.Log(args...)
	if found := canaries.FindString(fmt.Sprint(args...)); found != "" {
		r.T.Errorf("a secret was printed: %s", found)
	}
}

func searchFiles(t testscript.T, folder string) {
	filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil || canaries.Match(content) {
			t.Log("a secret is in the file, or it cannot be read: ", name, err)
			t.FailNow()
		}
		return nil
	})
}

// TestScripts runs the transcripts of the command line.
func TestScripts(t *testing.T) {
	testscript.RunT(recorder{t}, params(t, "testdata/script"))
}

// TestKeychainScripts runs those that need a real gnome-keyring.
func TestKeychainScripts(t *testing.T) {
	k := keyringtest.Start(t)
	var bus []string
	for _, v := range k.Env {
		if !strings.HasPrefix(v, "HOME=") {
			bus = append(bus, v)
		}
	}
	p := params(t, "testdata/keychain", bus...)
	p.Cmds["keyring"] = func(ts *testscript.TestScript, _ bool, args []string) {
		switch args[0] {
		case "lock":
			k.Lock(t)
		case "stop":
			k.StopDaemon(t)
		case "start":
			k.StartDaemon(t)
		}
	}
	t.Run("scripts", func(t *testing.T) { testscript.RunT(recorder{t}, p) })
}
