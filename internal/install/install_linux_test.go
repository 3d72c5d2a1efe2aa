package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestModesWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		for _, system := range []bool{false, true} {
			s := ann(t, "linux", nil)
			old := syscall.Umask(umask)
			done, err := s.Install("/opt/codefob", []string{"firefox"}, system)
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			folder := map[bool]fs.FileMode{false: 0o700, true: 0o755}[system]
			for path, want := range map[string]fs.FileMode{done[0].Path: 0o644, filepath.Dir(done[0].Path): folder} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
					t.Errorf("umask %03o: %s has %v, %v; want %v", umask, path, info.Mode().Perm(), err, want)
				}
			}
		}
	}
}

func TestReadOnlyFolderIsAnError(t *testing.T) {
	s := ann(t, "linux", nil)
	dir := s.Root + "/home/ann/.mozilla/native-messaging-hosts"
	makeDir(t, dir)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // who may write everywhere: look at files as another user
		for up := dir; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
			if err := os.Chmod(up, 0o555); err != nil {
				t.Fatal(err)
			}
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	done, err := s.Install("/opt/codefob", []string{"firefox"}, false)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "registering with Firefox") || len(done) > 0 {
		t.Errorf("Install: %v, %v; want a permission error that names Firefox", done, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("the folder holds %v, %v; want nothing", files, err)
	}
}
