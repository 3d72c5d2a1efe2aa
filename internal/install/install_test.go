package install

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codefob/manifests"
)

// tree describes everything below a folder: type, mode, and content or target.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case d.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(data)
		case d.Type() == fs.ModeSymlink:
			content, err = os.Readlink(path)
		}
		all[path] = info.Mode().String() + " " + content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func names(done []Done) (list string) {
	for _, d := range done {
		list += fmt.Sprintf("%s/%s ", d.Browser.Name, d.Kind)
	}
	return strings.TrimSpace(list)
}

func TestUninstallLeavesNothing(t *testing.T) {
	everyone := []string{"chrome", "chromium", "brave", "edge", "vivaldi", "opera", "firefox", "librewolf"}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, system := range []bool{false, true} {
			for _, before := range []string{"nothing", "folders", "other hosts"} {
				s := ann(t, goos, nil)
				s.Env = func(name string) string {
					return map[string]string{"PROGRAMDATA": filepath.Join(s.Root, "programdata")}[name]
				}
				for i := range table {
					dir := filepath.Dir(s.target(i, system).file)
					switch before {
					case "folders": // empty ones, which are not ours to remove
						makeDir(t, dir)
					case "other hosts":
						makeFile(t, filepath.Join(dir, "other.json"), 0o644)
					}
				}
				was := tree(t, s.Root)
				for range 2 { // the second time everything is there
					done, err := s.Install("/opt/codefob", everyone, system)
					if err != nil || len(done) != len(table) {
						t.Fatalf("%s, system %v, %s: %s, %v", goos, system, before, names(done), err)
					}
				}
				if goos == "windows" && len(s.Registry.(fakeRegistry)) != 4 {
					t.Errorf("registry: %v; want the keys of Chrome, Chromium, Edge and Mozilla", s.Registry)
				}
				if _, err := s.Uninstall(system); err != nil {
					t.Errorf("%s, system %v, %s: %v", goos, system, before, err)
				}
				if is := tree(t, s.Root); !maps.Equal(was, is) {
					t.Errorf("%s, system %v, %s: before %v, after %v", goos, system, before, was, is)
				}
				if n := len(s.Registry.(fakeRegistry)); n > 0 {
					t.Errorf("registry: %d values are left", n)
				}
				if done, err := s.Uninstall(system); err != nil || len(done) > 0 {
					t.Errorf("a second uninstall: %s, %v; want nothing done", names(done), err)
				}
			}
		}
	}
}

func TestUninstallKeepsWhatOthersPutThere(t *testing.T) {
	s := ann(t, "linux", nil)
	if _, err := s.Install("/opt/codefob", []string{"brave"}, false); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(s.Root, "/home/ann/.config/BraveSoftware/Brave-Browser/Local State")
	makeFile(t, other, 0o600)
	if _, err := s.Uninstall(false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(other) + "/NativeMessagingHosts"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of the manifests is still there: %v", err)
	}
}

func TestInstallChooses(t *testing.T) {
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, "chromium/native brave/flatpak firefox/snap"},
		{[]string{"chromium"}, "chromium/native"},
		{[]string{"opera", "edge"}, "edge/native opera/native"},
		{[]string{"firefox"}, "firefox/native firefox/snap"},
		{[]string{"brave"}, "brave/native brave/flatpak"},
	} {
		s := ann(t, "linux", nil)
		makeFile(t, s.Root+"/home/ann/.config/chromium/Local State", 0o600)
		makeDir(t, s.Root+"/home/ann/snap/firefox")
		makeDir(t, s.Root+"/home/ann/.var/app/com.brave.Browser")
		done, err := s.Install("/opt/codefob", tt.names, false)
		if err != nil || names(done) != tt.want {
			t.Errorf("Install(%q): %s, %v; want %s", tt.names, names(done), err, tt.want)
		}
		for _, d := range done {
			if (d.Path == "") != (d.Kind == Flatpak) || (d.Fix == "") != (d.Kind == Native) {
				t.Errorf("Install(%q): %+v", tt.names, d)
			}
			if d.Path == "" {
				continue
			}
			if m, err := readManifest(d.Path); err != nil || m.Path != "/opt/codefob" {
				t.Errorf("Install(%q): %s names %q, %v", tt.names, d.Path, m.Path, err)
			}
		}
	}
}

func TestInstallRefuses(t *testing.T) {
	for _, tt := range []struct {
		os, host string
		names    []string
		want     string
	}{
		{"linux", "/opt/codefob", nil, "no browser was found; name one with --browser: chrome, chromium"},
		{"linux", "/opt/codefob", []string{"firefox", "netscape"}, `browser "netscape" is unknown; known are chrome, chromium`},
		{"linux", "codefob", []string{"firefox"}, "not absolute"},
		{"linux", "/opt/code\xfffob", []string{"firefox"}, "not UTF-8"},
		{"plan9", "/opt/codefob", nil, "no browser is known on plan9"},
	} {
		s := ann(t, tt.os, nil)
		was := tree(t, s.Root)
		_, err := s.Install(tt.host, tt.names, false)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Install(%q, %q) on %s: %v; want %q", tt.host, tt.names, tt.os, err, tt.want)
		}
		if !maps.Equal(was, tree(t, s.Root)) {
			t.Errorf("Install(%q, %q) changed something", tt.host, tt.names)
		}
	}
}

func TestInstallTellsWhatItReplaces(t *testing.T) {
	for _, tt := range []struct{ old, want string }{
		{"", ""},
		{string(manifests.Firefox("/opt/codefob").JSON()), ""},
		{string(manifests.Firefox("/other/codefob").JSON()), "/other/codefob"},
		{"rubbish", "?"},
	} {
		s := ann(t, "linux", nil)
		path := s.Root + "/home/ann/.mozilla/native-messaging-hosts/codefob.json"
		if tt.old != "" {
			makeFile(t, path, 0o644)
			if err := os.WriteFile(path, []byte(tt.old), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		done, err := s.Install("/opt/codefob", []string{"firefox"}, false)
		if err != nil || done[0].Was != tt.want {
			t.Errorf("over %q: %+v, %v; want was %q", tt.old, done, err, tt.want)
		}
		if m, err := readManifest(path); err != nil || m.Path != "/opt/codefob" {
			t.Errorf("over %q: %+v, %v", tt.old, m, err)
		}
	}
}

func TestInstallReplacesLinksRatherThanFollowThem(t *testing.T) {
	s := ann(t, "linux", nil)
	path := s.Root + "/home/ann/.mozilla/native-messaging-hosts/codefob.json"
	precious := s.Root + "/home/ann/precious"
	makeFile(t, precious, 0o600)
	makeDir(t, filepath.Dir(path))
	for _, to := range []string{precious, "/nowhere/at/all"} {
		_ = os.Remove(path)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Install("/opt/codefob", []string{"firefox"}, false); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			t.Errorf("over a link to %s: %v, %v; want a file", to, info.Mode(), err)
		}
		if data, err := os.ReadFile(precious); err != nil || string(data) != "x" {
			t.Errorf("over a link to %s: its target now holds %q, %v", to, data, err)
		}
	}
	_ = os.Remove(path)
	if err := os.Symlink(precious, path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Uninstall(false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("uninstall left the link: %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("uninstall followed the link: %v", err)
	}
}

func TestDamagedNoteOfFoldersRemovesNone(t *testing.T) {
	for _, note := range []string{"", "-1", "9", "99999999999999999999", "../..", "x"} {
		s := ann(t, "linux", nil)
		dir := s.Root + "/home/ann/.mozilla/native-messaging-hosts"
		makeDir(t, dir)
		if err := os.WriteFile(dir+"/codefob.made", []byte(note), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Uninstall(false); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("note %q: %v", note, err)
		}
	}
}

func TestCheck(t *testing.T) {
	s := ann(t, "linux", nil)
	host := filepath.Join(s.Root, "bin/codefob")
	makeFile(t, host, 0o755)
	other, plain, open, openDir := s.Root+"/bin/other", s.Root+"/bin/plain", s.Root+"/bin/open", s.Root+"/open/codefob"
	makeFile(t, other, 0o755)
	makeFile(t, plain, 0o644)
	makeFile(t, open, 0o755)
	makeFile(t, openDir, 0o755)
	for _, path := range []string{open, filepath.Dir(openDir)} {
		if err := os.Chmod(path, 0o757); err != nil {
			t.Fatal(err)
		}
	}
	link := s.Root + "/bin/link"
	if err := os.Symlink(host, link); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(host, []string{"chromium"}, false); err != nil {
		t.Fatal(err)
	}
	f := Found{Browser: s.Browsers()[1], Kind: Native, ManifestPath: s.manifestPath(1)}
	with := func(change func(*manifests.Manifest)) string {
		m := manifests.Chromium(host)
		change(&m)
		return string(m.JSON())
	}
	path := func(p string) string { return with(func(m *manifests.Manifest) { m.Path = p }) }
	for _, tt := range []struct{ manifest, want string }{
		{path(host), ""},
		{path(link), ""}, // the same program
		{"", "manifest is not valid"},
		{"{", "manifest is not valid"},
		{strings.Repeat(" ", manifests.MaxSize+1), "larger than"},
		{with(func(m *manifests.Manifest) { m.Name = "other" }), `is for the host "other"`},
		{with(func(m *manifests.Manifest) { m.Type = "pipe" }), `of type "pipe"`},
		{with(func(m *manifests.Manifest) { m.AllowedOrigins = nil }), "start codefob, not"},
		{with(func(m *manifests.Manifest) {
			m.AllowedOrigins = append(m.AllowedOrigins, "chrome-extension://aaaa/")
		}), `"chrome-extension://aaaa/"`},
		{string(manifests.Firefox(host).JSON()), `lets ["extension@codefob"] start`},
		{path("codefob"), "not an absolute path"},
		{path(s.Root + "/gone"), "cannot be found"},
		{path(s.Root + "/bin"), "not a program"},
		{path(plain), "not executable"},
		{path(open), "every user can change"},
		{path(openDir), "in a folder that every user can change"},
		{path(other), "names another program"},
	} {
		if err := os.WriteFile(f.ManifestPath, []byte(tt.manifest), 0o644); err != nil {
			t.Fatal(err)
		}
		err := s.Check(f, host)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Check with %.200q: %v; want %q", tt.manifest, err, tt.want)
		}
	}
	if _, err := s.Uninstall(false); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(f, host); !errors.Is(err, ErrNotRegistered) {
		t.Errorf("Check without a manifest: %v; want %v", err, ErrNotRegistered)
	}
	if err := s.Check(Found{Kind: Snap, Fix: "use another"}, host); !errors.Is(err, ErrConfined) || !strings.Contains(err.Error(), "use another") {
		t.Errorf("Check of a snap: %v; want %v and the fix", err, ErrConfined)
	}
}

func TestSystemManifestCountsWhenTheUserHasNone(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		s := ann(t, goos, map[string]string{"PROGRAMDATA": t.TempDir()})
		user, system := s.target(6, false).file, s.target(6, true).file
		for _, tt := range []struct {
			install bool // system-wide
			want    string
		}{{true, system}, {false, user}} {
			if _, err := s.Install("/opt/codefob", []string{"firefox"}, tt.install); err != nil {
				t.Fatal(err)
			}
			if got := s.manifestPath(6); got != tt.want {
				t.Errorf("on %s after Install(system %v): %q; want %q", goos, tt.install, got, tt.want)
			}
		}
	}
}
