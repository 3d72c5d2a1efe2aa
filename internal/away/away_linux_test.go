package away

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keybase/dbus"
	"golang.org/x/sys/unix"

	"codefob/internal/keystore/keyringtest"
	"codefob/internal/localbus"
)

// desktop stands in for logind and for a screen lock, on a bus of the test's own.
type desktop struct {
	*dbus.Conn
	other  *dbus.Conn // of a program that is neither
	t      *testing.T
	active bool // the screen is locked from the start
	user   int  // of all sessions

	delays bool // logind lets sleep be delayed
	mu     sync.Mutex
	asked  [4]string // what Inhibit was called with
	read   int       // the other end of the last delay, and ours
	write  int
	inTime bool // the last lock came while sleep was delayed
}

// Inhibit is of logind.
func (d *desktop) Inhibit(what, who, why, mode string) (dbus.UnixFD, *dbus.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.delays {
		return 0, dbus.MakeFailedError(errors.New("not allowed"))
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	d.asked, d.read, d.write = [4]string{what, who, why, mode}, ends[0], ends[1]
	return dbus.UnixFD(d.write), nil
}

// leaves notes whether somebody delays sleep when Watch tells that the person leaves.
func (d *desktop) leaves() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.delays {
		return
	}
	if d.write > 0 {
		unix.Close(d.write) // it was sent
		d.write = 0
	}
	_, err := unix.Read(d.read, make([]byte, 1))
	d.inTime = err == unix.EAGAIN
}

func (d *desktop) GetActive() (bool, *dbus.Error) { return d.active, nil }

// Get is of org.freedesktop.DBus.Properties.
func (d *desktop) Get(iface, property string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(struct {
		UID  uint32
		Path dbus.ObjectPath
	}{uint32(d.user), "/org/freedesktop/login1/user/x"}), nil
}

const sessionPath = dbus.ObjectPath("/org/freedesktop/login1/session/_31")

// start puts them on the bus, and gives what Watch tells.
func start(t *testing.T, d *desktop) <-chan bool {
	t.Helper()
	bus := keyringtest.StartBus(t)
	d.t, d.Conn, d.other = t, bus.Connect(t), bus.Connect(t)
	t.Setenv(localbus.SessionVariable, bus.Address())
	t.Setenv(localbus.SystemVariable, bus.Address())
	for path, iface := range map[dbus.ObjectPath]string{
		"/org/gnome/ScreenSaver": "org.gnome.ScreenSaver", sessionPath: "org.freedesktop.DBus.Properties", "/org/freedesktop/login1": manager,
	} {
		if err := d.Export(d, path, iface); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"org.gnome.ScreenSaver", logind} {
		if _, err := d.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
	told := make(chan bool, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		Watch(ctx, func(away bool) {
			if away {
				d.leaves()
			}
			told <- away
		})
		close(ended)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	if !d.active {
		d.settle(told)
	}
	return told
}

// settle waits until both buses are listened to.
func (d *desktop) settle(told <-chan bool) {
	d.t.Helper()
	for _, signal := range []func(bool){
		func(yes bool) { d.emit("/org/freedesktop/login1", manager+".PrepareForSleep", yes) },
		func(yes bool) { d.emit("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", yes) },
	} {
		for heard := false; !heard; {
			signal(true)
			select {
			case heard = <-told:
			case <-time.After(10 * time.Millisecond):
			}
		}
		signal(false)
		for <-told {
		}
	}
}

func (d *desktop) emit(path dbus.ObjectPath, signal string, body ...any) {
	d.t.Helper()
	if err := d.Emit(path, signal, body...); err != nil {
		d.t.Error(err)
	}
}

func next(t *testing.T, told <-chan bool) bool {
	t.Helper()
	select {
	case away := <-told:
		return away
	case <-time.After(60 * time.Second):
		t.Fatal("nothing was told")
		return false
	}
}

func TestWhatTellsOfAPersonWhoLeaves(t *testing.T) {
	d := &desktop{user: os.Getuid()}
	told := start(t, d)
	type step struct {
		path dbus.ObjectPath
		name string
		body []any
		want string // "away", "back", or "" for nothing
	}
	sleep := func(yes bool, want string) step {
		return step{"/org/freedesktop/login1", manager + ".PrepareForSleep", []any{yes}, want}
	}
	screen := func(desktop string, yes bool, want string) step {
		return step{"/ScreenSaver", desktop + ".ScreenSaver.ActiveChanged", []any{yes}, want}
	}
	lock, unlock := step{sessionPath, session + ".Lock", nil, "away"}, step{sessionPath, session + ".Unlock", nil, "back"}
	const gnome, kde, cinnamon = "org.gnome", "org.freedesktop", "org.cinnamon"
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"sleep", []step{sleep(true, "away"), sleep(false, "back")}},
		{"the session", []step{lock, unlock}},
		{"GNOME", []step{screen(gnome, true, "away"), screen(gnome, false, "back")}},
		{"KDE", []step{screen(kde, true, "away"), screen(kde, false, "back")}},
		{"Cinnamon", []step{screen(cinnamon, true, "away"), screen(cinnamon, false, "back")}},
		{"a lock that does not say that it was opened", []step{lock, lock, unlock}},
		{"awake, and still locked", []step{screen(gnome, true, "away"), sleep(true, "away"), sleep(false, ""), screen(gnome, false, "back")}},
		{"what is none", []step{
			{"/ScreenSaver", "org.example.Music.ActiveChanged", []any{true}, ""},
			{"/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", []any{"yes"}, ""},
			{"/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", nil, ""},
			{sessionPath, session + ".PauseDevice", []any{uint32(1)}, ""},
			screen(gnome, true, "away"), screen(gnome, false, "back"), lock, unlock,
		}},
	} {
		for i, s := range tt.steps {
			d.emit(s.path, s.name, s.body...)
			if s.want == "" {
				continue
			}
			if got := next(t, told); got != (s.want == "away") {
				t.Errorf("%s: step %d told %v, want %s", tt.name, i, got, s.want)
			}
		}
	}
}

// The computer waits until the vault is locked, each time.
func TestSleepIsDelayedUntilTheLock(t *testing.T) {
	d := &desktop{user: os.Getuid(), delays: true}
	told := start(t, d)
	for range 2 {
		d.emit("/org/freedesktop/login1", manager+".PrepareForSleep", true)
		if !next(t, told) {
			t.Error("told false")
		}
		d.mu.Lock()
		if want := [4]string{"sleep", "codefob", "lock the vault", "delay"}; !d.inTime || d.asked != want {
			t.Errorf("locked in time: %v, by %q; want %q", d.inTime, d.asked, want)
		}
		read := []unix.PollFd{{Fd: int32(d.read)}}
		d.mu.Unlock()
		if n, err := unix.Poll(read, 60_000); n != 1 || read[0].Revents&unix.POLLHUP == 0 {
			t.Fatalf("sleep is delayed after the lock: %v", err)
		}
		d.emit("/org/freedesktop/login1", manager+".PrepareForSleep", false)
		if next(t, told) {
			t.Error("told true")
		}
	}
}

func TestAnotherUsersSessionDoesNotMatter(t *testing.T) {
	d := &desktop{user: os.Getuid() + 1}
	told := start(t, d)
	d.emit(sessionPath, session+".Lock")
	d.emit("/org/freedesktop/login1", manager+".PrepareForSleep", true)
	if !next(t, told) {
		t.Error("told false")
	}
	d.emit(sessionPath, session+".Unlock")
	d.emit("/org/freedesktop/login1", manager+".PrepareForSleep", false)
	if next(t, told) || len(told) != 0 {
		t.Error("another user's session counts")
	}
}

// forge has another program send a signal of logind's to everybody by name.
func forge(t *testing.T, other *dbus.Conn, path dbus.ObjectPath, iface, member string, body ...any) {
	t.Helper()
	var names []string
	if err := other.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		other.Send(&dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(name), dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldInterface: dbus.MakeVariant(iface),
			dbus.FieldMember: dbus.MakeVariant(member), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...)),
		}, Body: body}, nil)
	}
	if err := other.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil { // they are out by now
		t.Fatal(err)
	}
}

func TestAnotherProgramIsNotLogind(t *testing.T) {
	d := &desktop{user: os.Getuid()}
	told := start(t, d)
	forge(t, d.other, "/org/freedesktop/login1", manager, "PrepareForSleep", true)
	forge(t, d.other, sessionPath, session, "Lock")
	d.emit("/org/freedesktop/login1", manager+".PrepareForSleep", false)
	if next(t, told) {
		t.Error("another program has us think that the person is away")
	}
	d.emit(sessionPath, session+".Lock")
	if !next(t, told) {
		t.Error("told false")
	}
	forge(t, d.other, sessionPath, session, "Unlock")
	d.emit(sessionPath, session+".Lock")
	if !next(t, told) {
		t.Error("another program has us think that the person is back")
	}
}

func TestAScreenThatIsLockedAlready(t *testing.T) {
	told := start(t, &desktop{active: true})
	if !next(t, told) {
		t.Error("told false")
	}
}

// Nothing to listen to is no error, and nobody waits for a bus that hangs.
func TestWithoutABusNothingIsTold(t *testing.T) {
	dir, err := os.MkdirTemp("", "bus") // t.TempDir is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	hung := filepath.Join(dir, "bus")
	l, err := net.Listen("unix", hung) // accepts, in the kernel, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, address := range []string{"unix:path=/nonexistent", "tcp:host=127.0.0.1,port=1", "unixexec:path=/bin/false", "nonsense", "unix:path=" + hung} {
		t.Setenv(localbus.SessionVariable, address)
		t.Setenv(localbus.SystemVariable, address)
		ctx, cancel := context.WithCancel(t.Context())
		if address == "unix:path="+hung {
			time.AfterFunc(100*time.Millisecond, cancel)
		}
		Watch(ctx, func(away bool) { t.Errorf("%s: told %v", address, away) })
		cancel()
	}
}
