package logging

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheLogIsItsOwnersAlone(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	log, err := New(home, "info")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("below the level")
	if _, err := os.Stat(home); err == nil {
		t.Error("nothing was logged, and a folder was made")
	}
	log.WithError(errors.New("two\nlines")).Warn("keychain")
	for name, want := range map[string]os.FileMode{"": 0o700, "log": 0o700, "log/codefob.log": 0o600} {
		info, err := os.Stat(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %o, want %o", name, got, want)
		}
	}
	content, err := os.ReadFile(filepath.Join(home, "log", "codefob.log"))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(content); strings.Count(s, "\n") != 1 || !strings.Contains(s, `level=warning msg=keychain error="two\nlines"`) {
		t.Errorf("the log holds %q", s)
	}
}

func TestTheLogIsBounded(t *testing.T) {
	home := t.TempDir()
	log, err := New(home, "debug")
	if err != nil {
		t.Fatal(err)
	}
	for line := strings.Repeat("x", 100<<10); ; {
		log.Debug(line)
		files, err := filepath.Glob(filepath.Join(home, "log", "*"))
		if err != nil || len(files) > 3 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		if len(files) == 3 {
			return
		}
	}
}

func TestALevelThatIsNone(t *testing.T) {
	if _, err := New(t.TempDir(), "chatty"); err == nil {
		t.Error("no error")
	}
}
