package install

// Family says how a browser starts a host: Chromium's gives it the extension's
// origin, Firefox's the manifest's path and the add-on's id.
type Family string

// The families; also what the extension calls itself in host.hello.
const (
	Chromium Family = "chromium"
	Firefox  Family = "firefox"
)

// Kind says how a browser came onto the computer.
type Kind string

// The kinds. Snap and Flatpak exist on Linux only.
const (
	Native  Kind = "native"
	Snap    Kind = "snap"
	Flatpak Kind = "flatpak"
)

// Browser is one browser as far as registration goes.
type Browser struct {
	Name   string // as typed after --browser, e.g. "chromium"
	Title  string // as shown, e.g. "Chromium"
	Family Family
}

// place is where one browser looks for hosts on one operating system.
//
// $HOME, $CONFIG (XDG_CONFIG_HOME), $LIB (/usr/lib or /usr/lib64) and the
// environment's variables are filled in by [System.expand].
type place struct {
	user, system string   // folder of the manifests; on Windows the key below HKCU and HKLM
	signs        []string // a file or folder any of which shows that the browser is there
	commands     []string // programs any of which, found in PATH, shows the same
}

// box is a browser's snap or flatpak.
type box struct {
	kind Kind
	id   string // of the snap or flatpak
	// hosts is the manifests' folder inside the flatpak, below ~/.var/app/ID.
	// It is empty where the browser asks the desktop to start the host outside,
	// for then it is the place of the native browser that counts.
	hosts string
}

// table holds every browser that Codefob knows.
//
// User folders: below the user data folder in all of Chromium's family
// (chrome_paths.cc, DIR_USER_NATIVE_MESSAGING); ~/.mozilla still in Firefox 157,
// though profiles moved to ~/.config/mozilla in 147 (bugs 259356 and 2005167).
// A ~/.mozilla without a profile in it does not draw Firefox back there.
//
// System folders: Chromium's in all builds that are not Chrome, Edge or Opera
// (chrome_paths.cc, DIR_NATIVE_MESSAGING; Brave leaves it as it is); Edge's from
// learn.microsoft.com, "Native messaging"; Chrome's in Opera (Opera's extension
// documentation, "Native messaging host").
//
// Windows: all of Chromium's family read Chrome's key, except Edge; Chromium
// reads its own first (native_process_launcher_win.cc). Firefox's family reads
// Mozilla's (NativeManifests.sys.mjs).
var table = []struct {
	Browser
	linux, darwin, windows place
	boxes                  []box
}{
	{
		Browser: Browser{"chrome", "Google Chrome", Chromium},
		linux: place{
			user: "$CONFIG/google-chrome/NativeMessagingHosts", system: "/etc/opt/chrome/native-messaging-hosts",
			signs: []string{"$CONFIG/google-chrome/Local State"}, commands: []string{"google-chrome", "google-chrome-stable"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/Google/Chrome/NativeMessagingHosts", system: "/Library/Google/Chrome/NativeMessagingHosts",
			signs: []string{"/Applications/Google Chrome.app", "$HOME/Applications/Google Chrome.app"},
		},
		windows: place{
			user: chromeKey, system: chromeKey,
			signs: []string{`$LOCALAPPDATA\Google\Chrome\User Data\Local State`, `$PROGRAMFILES\Google\Chrome\Application\chrome.exe`},
		},
		boxes: []box{{Flatpak, "com.google.Chrome", "config/google-chrome/NativeMessagingHosts"}},
	},
	{
		Browser: Browser{"chromium", "Chromium", Chromium},
		linux: place{
			user: "$CONFIG/chromium/NativeMessagingHosts", system: "/etc/chromium/native-messaging-hosts",
			// Not the command chromium-browser: Ubuntu's only starts the snap.
			signs: []string{"$CONFIG/chromium/Local State", "/usr/lib64/chromium-browser/chromium-browser"}, commands: []string{"chromium"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/Chromium/NativeMessagingHosts", system: "/Library/Application Support/Chromium/NativeMessagingHosts",
			signs: []string{"/Applications/Chromium.app", "$HOME/Applications/Chromium.app"},
		},
		windows: place{
			user: `Software\Chromium\NativeMessagingHosts`, system: `Software\Chromium\NativeMessagingHosts`,
			signs: []string{`$LOCALAPPDATA\Chromium\User Data\Local State`, `$PROGRAMFILES\Chromium\Application\chrome.exe`},
		},
		boxes: []box{{Snap, "chromium", ""}, {Flatpak, "org.chromium.Chromium", "config/chromium/NativeMessagingHosts"}},
	},
	{
		Browser: Browser{"brave", "Brave", Chromium},
		linux: place{
			user: "$CONFIG/BraveSoftware/Brave-Browser/NativeMessagingHosts", system: "/etc/chromium/native-messaging-hosts",
			signs: []string{"$CONFIG/BraveSoftware/Brave-Browser/Local State"}, commands: []string{"brave-browser", "brave-browser-stable", "brave"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/BraveSoftware/Brave-Browser/NativeMessagingHosts", system: "/Library/Application Support/Chromium/NativeMessagingHosts",
			signs: []string{"/Applications/Brave Browser.app", "$HOME/Applications/Brave Browser.app"},
		},
		windows: place{
			user: chromeKey, system: chromeKey,
			signs: []string{`$LOCALAPPDATA\BraveSoftware\Brave-Browser\User Data\Local State`, `$PROGRAMFILES\BraveSoftware\Brave-Browser\Application\brave.exe`},
		},
		boxes: []box{{Snap, "brave", ""}, {Flatpak, "com.brave.Browser", "config/BraveSoftware/Brave-Browser/NativeMessagingHosts"}},
	},
	{
		Browser: Browser{"edge", "Microsoft Edge", Chromium},
		linux: place{
			user: "$CONFIG/microsoft-edge/NativeMessagingHosts", system: "/etc/opt/edge/native-messaging-hosts",
			signs: []string{"$CONFIG/microsoft-edge/Local State"}, commands: []string{"microsoft-edge", "microsoft-edge-stable"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/Microsoft Edge/NativeMessagingHosts", system: "/Library/Microsoft/Edge/NativeMessagingHosts",
			signs: []string{"/Applications/Microsoft Edge.app", "$HOME/Applications/Microsoft Edge.app"},
		},
		windows: place{
			user: `Software\Microsoft\Edge\NativeMessagingHosts`, system: `Software\Microsoft\Edge\NativeMessagingHosts`,
			signs: []string{`$LOCALAPPDATA\Microsoft\Edge\User Data\Local State`},
		},
		boxes: []box{{Flatpak, "com.microsoft.Edge", "config/microsoft-edge/NativeMessagingHosts"}},
	},
	{
		Browser: Browser{"vivaldi", "Vivaldi", Chromium},
		linux: place{
			user: "$CONFIG/vivaldi/NativeMessagingHosts", system: "/etc/chromium/native-messaging-hosts",
			signs: []string{"$CONFIG/vivaldi/Local State"}, commands: []string{"vivaldi", "vivaldi-stable"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/Vivaldi/NativeMessagingHosts", system: "/Library/Application Support/Chromium/NativeMessagingHosts",
			signs: []string{"/Applications/Vivaldi.app", "$HOME/Applications/Vivaldi.app"},
		},
		windows: place{
			user: chromeKey, system: chromeKey,
			signs: []string{`$LOCALAPPDATA\Vivaldi\User Data\Local State`, `$LOCALAPPDATA\Vivaldi\Application\vivaldi.exe`},
		},
		boxes: []box{{Snap, "vivaldi", ""}, {Flatpak, "com.vivaldi.Vivaldi", "config/vivaldi/NativeMessagingHosts"}},
	},
	{
		Browser: Browser{"opera", "Opera", Chromium},
		linux: place{
			user: "$CONFIG/opera/NativeMessagingHosts", system: "/etc/opt/chrome/native-messaging-hosts",
			signs: []string{"$CONFIG/opera/Local State"}, commands: []string{"opera", "opera-stable"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/com.operasoftware.Opera/NativeMessagingHosts", system: "/Library/Google/Chrome/NativeMessagingHosts",
			signs: []string{"/Applications/Opera.app", "$HOME/Applications/Opera.app"},
		},
		windows: place{
			user: chromeKey, system: chromeKey,
			signs: []string{`$APPDATA\Opera Software\Opera Stable\Local State`, `$LOCALAPPDATA\Programs\Opera\opera.exe`},
		},
		boxes: []box{{Snap, "opera", ""}, {Flatpak, "com.opera.Opera", "config/opera/NativeMessagingHosts"}},
	},
	{
		Browser: Browser{"firefox", "Firefox", Firefox},
		linux: place{
			user: "$HOME/.mozilla/native-messaging-hosts", system: "$LIB/mozilla/native-messaging-hosts",
			signs:    []string{"$HOME/.mozilla/firefox/profiles.ini", "$CONFIG/mozilla/firefox/profiles.ini"},
			commands: []string{"firefox", "firefox-esr"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/Mozilla/NativeMessagingHosts", system: "/Library/Application Support/Mozilla/NativeMessagingHosts",
			signs: []string{"/Applications/Firefox.app", "$HOME/Applications/Firefox.app"},
		},
		windows: place{
			user: mozillaKey, system: mozillaKey,
			signs: []string{`$APPDATA\Mozilla\Firefox\profiles.ini`, `$PROGRAMFILES\Mozilla Firefox\firefox.exe`},
		},
		boxes: []box{{Snap, "firefox", ""}, {Flatpak, "org.mozilla.firefox", ""}},
	},
	{
		Browser: Browser{"librewolf", "LibreWolf", Firefox},
		linux: place{
			user: "$HOME/.librewolf/native-messaging-hosts", system: "$LIB/librewolf/native-messaging-hosts",
			signs:    []string{"$HOME/.librewolf/profiles.ini", "$CONFIG/librewolf/librewolf/profiles.ini"},
			commands: []string{"librewolf"},
		},
		darwin: place{
			user: "$HOME/Library/Application Support/LibreWolf/NativeMessagingHosts", system: "/Library/Application Support/LibreWolf/NativeMessagingHosts",
			signs: []string{"/Applications/LibreWolf.app", "$HOME/Applications/LibreWolf.app"},
		},
		windows: place{
			user: mozillaKey, system: mozillaKey,
			signs: []string{`$APPDATA\librewolf\profiles.ini`, `$PROGRAMFILES\LibreWolf\librewolf.exe`},
		},
		boxes: []box{{Flatpak, "io.gitlab.librewolf-community", ".librewolf/native-messaging-hosts"}},
	},
}

const (
	chromeKey  = `Software\Google\Chrome\NativeMessagingHosts`
	mozillaKey = `Software\Mozilla\NativeMessagingHosts`
)
