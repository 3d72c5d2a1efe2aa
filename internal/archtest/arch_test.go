// Package archtest holds the directions in which packages import each other, as
// docs/architecture.md tells them.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const (
	module = "codefob/"
	root   = "../.."
)

// may lists what each package imports of ours. What is missing here may not be
// imported; a new package needs a line. Programs (package main) may use all and
// are used by none, and tests may use what they like.
//
// It is a little tighter and a little wider than the sentence in the design: the
// host also takes its frames from nativemsg, install speaks one host.hello and so
// knows the protocol, and the small packages at the end know nobody.
var may = map[string][]string{
	"internal/host": {"internal/protocol", "internal/nativemsg", "internal/vault", "internal/site", "internal/directory", "internal/account",
		"internal/interchange", "internal/qr"},
	"internal/vault":       {"internal/account", "internal/keystore"},
	"internal/vaultsync":   {},
	"internal/syncing":     {"internal/vault", "internal/vaultsync", "internal/relay/wire"}, // the one place where these meet
	"internal/interchange": {"internal/account", "internal/qr"},
	"internal/paper":       {"internal/account", "internal/qr"},
	"internal/install":     {"manifests", "internal/protocol"},
	"internal/protocol":    {},
	"internal/nativemsg":   {},
	"internal/qr":          {},
	"internal/screenshot":  {},
	"internal/account":     {},
	"internal/site":        {},
	"internal/directory":   {"internal/site"},
	"internal/keystore":    {"internal/localbus"},
	"internal/away":        {"internal/localbus"},
	"internal/localbus":    {},
	"internal/hostkey":     {},
	"internal/prompt":      {},
	"internal/logging":     {},
	"manifests":            {},

	// The server that syncing goes through sees records, and nothing of what is in them.
	"internal/relay":      {"internal/relay/wire"},
	"internal/relay/wire": {},

	// Real programs that tests talk to; only tests import them.
	"internal/keystore/keyringtest": {},
	"internal/prompt/pinentrytest":  {},
}

// only names the packages that alone may import a library.
var only = map[string][]string{
	"github.com/sirupsen/logrus":   {"internal/logging", "internal/relay"},
	"github.com/spf13/pflag":       nil, // programs
	"github.com/gorilla/websocket": {"internal/relay", "internal/relay/wire"},
	"log":                          {"internal/relay"}, // net/http wants one
	"log/slog":                     nil,
}

// source is one file that is not a test.
type source struct {
	pkg  string // its folder
	path string
	*ast.File
}

func sources(t *testing.T) (list []source) {
	t.Helper()
	for _, top := range []string{"internal", "native-host", "manifests"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name, err = filepath.Rel(root, name)
			name = filepath.ToSlash(name)
			list = append(list, source{path.Dir(name), name, f})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(list) < 20 {
		t.Fatalf("only %d files were found", len(list))
	}
	return list
}

func (s source) isProgram() bool { return s.Name.Name == "main" }

func (s source) imports(t *testing.T) (list []string) {
	for _, spec := range s.File.Imports {
		text, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

func TestImportsPointOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.pkg] = true
		if s.isProgram() {
			continue
		}
		allowed, known := may[s.pkg]
		if !known {
			t.Errorf("%s is a new package: say in this test what it may import", s.pkg)
		}
		for _, i := range s.imports(t) {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", s.path, ours)
			}
			if packages, kept := only[i]; kept && !slices.Contains(packages, s.pkg) {
				t.Errorf("%s imports %s", s.path, i)
			}
		}
	}
	for pkg := range may {
		if !seen[pkg] {
			t.Errorf("%s is not there any more: take its line out", pkg)
		}
	}
}

// What the relay is made of would make the host larger, and slower to start.
func TestTheHostIsWithoutTheRelay(t *testing.T) {
	linked := func(program string) []string {
		cmd := exec.Command("go", "list", "-deps", "./native-host"+program)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	theirs := func(pkg string) bool {
		return strings.HasPrefix(pkg, "github.com/nats-io/") || strings.HasPrefix(pkg, "github.com/prometheus/") || pkg == module+"internal/relay"
	}
	if i := slices.IndexFunc(linked(""), theirs); i >= 0 {
		t.Errorf("codefob links %s", linked("")[i])
	}
	relay := linked("/codefob-relay")
	if !slices.ContainsFunc(relay, theirs) {
		t.Error("codefob-relay links nothing of the relay: this test looks for the wrong names")
	}
	for _, pkg := range relay {
		if ours, ok := strings.CutPrefix(pkg, module); ok && ours != "native-host/codefob-relay" && !strings.HasPrefix(ours, "internal/relay") {
			t.Errorf("codefob-relay links %s", pkg)
		}
	}
}

// Types only: go vet would compile the standard library for each system, which takes minutes. Its other checks are
// made by make dist, which builds for them.
func TestTypesHoldOnOtherSystems(t *testing.T) {
	for _, system := range []string{"windows", "darwin"} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			pkgs, err := packages.Load(&packages.Config{
				Mode:  packages.LoadAllSyntax,
				Dir:   root,
				Env:   append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0"),
				Tests: true,
				ParseFile: func(set *token.FileSet, name string, src []byte) (*ast.File, error) {
					file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
					if here, _ := filepath.Abs(root); file == nil || strings.HasPrefix(name, here+string(filepath.Separator)) {
						return file, err
					}
					for _, decl := range file.Decls { // what others' functions do inside is not asked
						if f, ok := decl.(*ast.FuncDecl); ok {
							f.Body = nil
						}
					}
					return file, err
				},
			}, "./...")
			if err != nil || len(pkgs) < 40 {
				t.Fatalf("%d packages, %v", len(pkgs), err)
			}
			for _, pkg := range pkgs {
				if strings.HasSuffix(pkg.ID, ".test") {
					continue // the main that go test writes
				}
				for _, e := range pkg.Errors {
					t.Error(e)
				}
			}
		})
	}
}

// The wire's definition is read by a generator and by other programs.
func TestTheProtocolUsesTheStandardLibraryOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg != "internal/protocol" {
			continue
		}
		for _, i := range s.imports(t) {
			if strings.Contains(strings.Split(i, "/")[0], ".") || strings.HasPrefix(i, module) {
				t.Errorf("%s imports %s", s.path, i)
			}
		}
	}
}

// banned is what only programs do: print, log, end the process.
var banned = []string{
	"os.Exit", "os.Stdout", "os.Stderr", "fmt.Print", "fmt.Printf", "fmt.Println", "syscall.Exit", "runtime.Goexit",
}

func TestLeavesDoNotPrintOrExit(t *testing.T) {
	for _, s := range sources(t) {
		if s.isProgram() {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && slices.Contains(banned, x.Name+"."+n.Sel.Name) {
					t.Errorf("%s uses %s.%s", s.path, x.Name, n.Sel.Name)
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
					t.Errorf("%s calls %s", s.path, f.Name)
				}
			}
			return true
		})
	}
}

// The Makefile names the packages that run under the race detector, which is slow,
// and finds nothing where there is one goroutine.
func TestWhatStartsGoroutinesRunsUnderTheRaceDetector(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var raced []string
	for line := range strings.Lines(string(makefile)) {
		if strings.Contains(line, "go test") && strings.Contains(line, "-race") {
			raced = append(raced, strings.Fields(line)...)
		}
	}
	for _, s := range sources(t) {
		ast.Inspect(s.File, func(n ast.Node) bool {
			_, starts := n.(*ast.GoStmt)
			if call, ok := n.(*ast.SelectorExpr); ok {
				starts = call.Sel.Name == "Go" // of a sync.WaitGroup
			}
			if starts && s.pkg != "internal/relaybench" /* which has no tests */ && !slices.Contains(raced, "./"+s.pkg) {
				t.Errorf("%s starts a goroutine, and the Makefile does not test ./%s with -race", s.path, s.pkg)
			}
			return true
		})
	}
}
