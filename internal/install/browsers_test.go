package install

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeRegistry stands for the Windows registry, which is not there on the
// other systems: values by hive and key.
type fakeRegistry map[string]string

func (r fakeRegistry) id(system bool, key string) string {
	if system {
		return `HKLM\` + key
	}
	return `HKCU\` + key
}
func (r fakeRegistry) Value(system bool, key string) (string, error) {
	return r[r.id(system, key)], nil
}
func (r fakeRegistry) Set(system bool, key, value string) error {
	r[r.id(system, key)] = value
	return nil
}
func (r fakeRegistry) Delete(system bool, key string) error {
	delete(r, r.id(system, key))
	return nil
}

// ann is a computer with nothing on it, below a folder of the test.
func ann(t *testing.T, goos string, env map[string]string) System {
	t.Helper()
	home := map[string]string{"linux": "/home/ann", "darwin": "/Users/ann", "windows": `C:\Users\ann`}[goos]
	root := t.TempDir()
	if goos != "windows" {
		makeDir(t, filepath.Join(root, home))
	}
	return System{
		OS: goos, Home: home, Root: root, Data: filepath.Join(root, "data"),
		Env: func(name string) string { return env[name] }, Registry: fakeRegistry{},
	}
}

func makeDir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func makeFile(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	makeDir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte("x"), mode); err != nil {
		t.Fatal(err)
	}
}

func TestPlaces(t *testing.T) {
	const (
		chrome   = "developer.chrome.com, Native messaging, host location"
		chromium = "chrome_paths.cc, DIR_NATIVE_MESSAGING and DIR_USER_NATIVE_MESSAGING"
		edge     = "learn.microsoft.com, Native messaging, step 3"
		mdn      = "MDN, Native manifests, manifest location"
		keepass  = "keepassxc, NativeMessageInstaller.cpp"
		opera    = "Opera, Passing messages in extensions, native messaging host"
		wolf     = "librewolf, mozilla_dirs.patch"
		win      = "native_process_launcher_win.cc"
	)
	for _, tt := range []struct{ os, browser, user, system, source string }{
		{"linux", "chrome", "/home/ann/.config/google-chrome/NativeMessagingHosts", "/etc/opt/chrome/native-messaging-hosts", chrome},
		{"linux", "chromium", "/home/ann/.config/chromium/NativeMessagingHosts", "/etc/chromium/native-messaging-hosts", chrome},
		{"linux", "brave", "/home/ann/.config/BraveSoftware/Brave-Browser/NativeMessagingHosts", "/etc/chromium/native-messaging-hosts", chromium},
		{"linux", "edge", "/home/ann/.config/microsoft-edge/NativeMessagingHosts", "/etc/opt/edge/native-messaging-hosts", edge},
		{"linux", "vivaldi", "/home/ann/.config/vivaldi/NativeMessagingHosts", "/etc/chromium/native-messaging-hosts", chromium},
		{"linux", "opera", "/home/ann/.config/opera/NativeMessagingHosts", "/etc/opt/chrome/native-messaging-hosts", opera},
		{"linux", "firefox", "/home/ann/.mozilla/native-messaging-hosts", "/usr/lib/mozilla/native-messaging-hosts", mdn},
		{"linux", "librewolf", "/home/ann/.librewolf/native-messaging-hosts", "/usr/lib/librewolf/native-messaging-hosts", wolf},
		{"darwin", "chrome", "/Users/ann/Library/Application Support/Google/Chrome/NativeMessagingHosts", "/Library/Google/Chrome/NativeMessagingHosts", chrome},
		{"darwin", "chromium", "/Users/ann/Library/Application Support/Chromium/NativeMessagingHosts", "/Library/Application Support/Chromium/NativeMessagingHosts", chrome},
		{"darwin", "brave", "/Users/ann/Library/Application Support/BraveSoftware/Brave-Browser/NativeMessagingHosts", "/Library/Application Support/Chromium/NativeMessagingHosts", keepass},
		{"darwin", "edge", "/Users/ann/Library/Application Support/Microsoft Edge/NativeMessagingHosts", "/Library/Microsoft/Edge/NativeMessagingHosts", edge},
		{"darwin", "vivaldi", "/Users/ann/Library/Application Support/Vivaldi/NativeMessagingHosts", "/Library/Application Support/Chromium/NativeMessagingHosts", keepass},
		{"darwin", "opera", "/Users/ann/Library/Application Support/com.operasoftware.Opera/NativeMessagingHosts", "/Library/Google/Chrome/NativeMessagingHosts", opera},
		{"darwin", "firefox", "/Users/ann/Library/Application Support/Mozilla/NativeMessagingHosts", "/Library/Application Support/Mozilla/NativeMessagingHosts", mdn},
		{"darwin", "librewolf", "/Users/ann/Library/Application Support/LibreWolf/NativeMessagingHosts", "/Library/Application Support/LibreWolf/NativeMessagingHosts", wolf},
		{"windows", "chrome", `Software\Google\Chrome\NativeMessagingHosts`, `Software\Google\Chrome\NativeMessagingHosts`, chrome},
		{"windows", "chromium", `Software\Chromium\NativeMessagingHosts`, `Software\Chromium\NativeMessagingHosts`, win},
		{"windows", "brave", `Software\Google\Chrome\NativeMessagingHosts`, `Software\Google\Chrome\NativeMessagingHosts`, win},
		{"windows", "edge", `Software\Microsoft\Edge\NativeMessagingHosts`, `Software\Microsoft\Edge\NativeMessagingHosts`, edge},
		{"windows", "vivaldi", `Software\Google\Chrome\NativeMessagingHosts`, `Software\Google\Chrome\NativeMessagingHosts`, keepass},
		{"windows", "opera", `Software\Google\Chrome\NativeMessagingHosts`, `Software\Google\Chrome\NativeMessagingHosts`, opera},
		{"windows", "firefox", `Software\Mozilla\NativeMessagingHosts`, `Software\Mozilla\NativeMessagingHosts`, mdn},
		{"windows", "librewolf", `Software\Mozilla\NativeMessagingHosts`, `Software\Mozilla\NativeMessagingHosts`, keepass},
	} {
		s := ann(t, tt.os, nil)
		i := slices.IndexFunc(s.Browsers(), func(b Browser) bool { return b.Name == tt.browser })
		for _, system := range []bool{false, true} {
			want := map[bool]string{false: tt.user, true: tt.system}[system]
			got := s.target(i, system)
			if tt.os == "windows" {
				if got.key != want+`\codefob` {
					t.Errorf("%s on %s, system %v: key %q; want %q (%s)", tt.browser, tt.os, system, got.key, want, tt.source)
				}
			} else if got.file != filepath.Join(s.Root, want, "codefob.json") {
				t.Errorf("%s on %s, system %v: %q; want it in %q (%s)", tt.browser, tt.os, system, got.file, want, tt.source)
			}
		}
	}
}

func TestEveryBrowserIsOnEverySystem(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		s := ann(t, goos, nil)
		if n := len(s.Browsers()); n != 8 {
			t.Errorf("%d browsers on %s; want 8", n, goos)
		}
		for i, b := range s.Browsers() {
			if p, _ := s.places(i); p.user == "" || p.system == "" || len(p.signs) == 0 {
				t.Errorf("%s on %s: %+v lacks something", b.Name, goos, p)
			}
		}
	}
	if b := (System{OS: "plan9"}).Browsers(); b != nil {
		t.Errorf("browsers on plan9: %v; want none", b)
	}
}

func TestFolderFromTheEnvironment(t *testing.T) {
	for _, tt := range []struct{ xdg, want string }{
		{"", "/home/ann/.config/chromium"},
		{"/srv/config", "/srv/config/chromium"},
		{"relative", "/home/ann/.config/chromium"}, // XDG Base Directory Specification: ignore
	} {
		s := ann(t, "linux", map[string]string{"XDG_CONFIG_HOME": tt.xdg})
		if got := s.expand("$CONFIG/chromium"); got != s.Root+tt.want {
			t.Errorf("XDG_CONFIG_HOME=%q: %q; want %q", tt.xdg, got, tt.want)
		}
	}
	s := ann(t, "linux", nil)
	makeDir(t, s.Root+"/usr/lib64/mozilla") // Fedora
	if got := s.expand("$LIB/mozilla"); got != s.Root+"/usr/lib64/mozilla" {
		t.Errorf("with /usr/lib64/mozilla: %q", got)
	}
	w := ann(t, "windows", nil)
	if got := w.expand(`$LOCALAPPDATA\Chromium`); got != "" {
		t.Errorf("without LOCALAPPDATA: %q; want nothing", got)
	}
	w.Env = func(string) string { return `C:\L` }
	if got := w.expand(`$LOCALAPPDATA\Chromium\User Data`); got != `C:\L\Chromium\User Data` {
		t.Errorf("with LOCALAPPDATA: %q", got)
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct{ os, path, want, fix string }{
		{"linux", "", "", ""},
		{"linux", "/home/ann/.config/chromium/Local State", "chromium native /home/ann/.config/chromium/NativeMessagingHosts", ""},
		{"linux", "/home/ann/.config/chromium/NativeMessagingHosts/other.json", "", ""}, // some program's, no browser's
		{"linux", "/usr/bin/brave-browser", "brave native /home/ann/.config/BraveSoftware/Brave-Browser/NativeMessagingHosts", ""},
		{"linux", "/usr/bin/firefox-esr", "firefox native /home/ann/.mozilla/native-messaging-hosts", ""},
		{"linux", "/home/ann/.config/mozilla/firefox/profiles.ini", "firefox native /home/ann/.mozilla/native-messaging-hosts", ""}, // Firefox 147 and later
		{"linux", "/home/ann/snap/firefox/common/x", "firefox snap /home/ann/.mozilla/native-messaging-hosts", "Ubuntu"},
		{"linux", "/home/ann/.var/app/org.mozilla.firefox/x", "firefox flatpak /home/ann/.mozilla/native-messaging-hosts", "xdg-native-messaging-proxy"},
		{"linux", "/snap/bin/chromium", "", ""}, // found in PATH, but not native
		{"linux", "/home/ann/snap/chromium/common/x", "chromium snap ", "not a snap"},
		{"linux", "/var/lib/flatpak/app/com.brave.Browser/x", "brave flatpak ", "~/.var/app/com.brave.Browser/config/BraveSoftware/Brave-Browser/NativeMessagingHosts/codefob.json"},
		{"linux", "/home/ann/.var/app/io.gitlab.librewolf-community/x", "librewolf flatpak ", "--talk-name=org.freedesktop.Flatpak io.gitlab.librewolf-community"},
		{"darwin", "/Applications/Vivaldi.app/x", "vivaldi native /Users/ann/Library/Application Support/Vivaldi/NativeMessagingHosts", ""},
		{"darwin", "/Users/ann/snap/firefox/x", "", ""},
	} {
		s := ann(t, tt.os, map[string]string{"PATH": "/usr/bin:/snap/bin:bin"})
		if tt.path != "" {
			makeFile(t, s.Root+tt.path, 0o755)
		}
		var got, fix string
		for _, f := range s.Find() {
			dir := strings.TrimSuffix(strings.TrimPrefix(f.ManifestPath, s.Root), "/codefob.json")
			got += f.Browser.Name + " " + string(f.Kind) + " " + dir
			fix += f.Fix
		}
		if got != tt.want {
			t.Errorf("with %q on %s: found %q; want %q", tt.path, tt.os, got, tt.want)
		}
		if !strings.Contains(fix, tt.fix) || (tt.fix == "") != (fix == "") {
			t.Errorf("with %q: fix %q; want one with %q", tt.path, fix, tt.fix)
		}
	}
}
