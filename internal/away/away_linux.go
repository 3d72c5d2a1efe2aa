package away

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/keybase/dbus"

	"codefob/internal/localbus"
)

// This file listens to logind on the system bus (org.freedesktop.login1(5)) and to
// the screen locks of the desktops on the session bus (the Idle Inhibition Service
// Draft of freedesktop.org, which they all follow under names of their own).

const (
	logind  = "org.freedesktop.login1"
	manager = logind + ".Manager"
	session = logind + ".Session"

	activeChanged = "ActiveChanged"
	screenSaver   = ".ScreenSaver"
)

// savers answer whether the screen is locked now.
var savers = []string{"org.gnome" + screenSaver, "org.freedesktop" + screenSaver}

// answerWait is how long a service may take for an answer.
const answerWait = 5 * time.Second

func watch(ctx context.Context, p *person) {
	var buses sync.WaitGroup
	buses.Go(func() {
		var delay *os.File // while it is open, the computer waits before it sleeps
		listen(ctx, localbus.System, [][]dbus.MatchOption{
			{dbus.WithMatchSender(logind), dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForSleep")},
			{dbus.WithMatchSender(logind), dbus.WithMatchInterface(session)},
		}, func(conn *dbus.Conn, s *dbus.Signal) {
			if !isFrom(ctx, conn, s, logind) {
				return
			}
			switch s.Name {
			case manager + ".PrepareForSleep":
				switch yes, ok := flag(s); {
				case ok && yes:
					p.sleeps(true)
					delay.Close()
				case ok:
					delay.Close()
					delay = delaySleep(ctx, conn)
					p.sleeps(false)
				}
			case session + ".Lock":
				if user, known := userOf(ctx, conn, s.Path); !known || user == os.Getuid() {
					p.locks(true)
				}
			case session + ".Unlock":
				if user, known := userOf(ctx, conn, s.Path); known && user == os.Getuid() {
					p.locks(false)
				}
			}
		}, func(conn *dbus.Conn) { delay = delaySleep(ctx, conn) })
		delay.Close()
	})
	buses.Go(func() {
		listen(ctx, localbus.Session, [][]dbus.MatchOption{
			{dbus.WithMatchMember(activeChanged)},
		}, func(_ *dbus.Conn, s *dbus.Signal) {
			if yes, ok := flag(s); ok && strings.HasSuffix(s.Name, screenSaver+"."+activeChanged) {
				p.locks(yes)
			}
		}, func(conn *dbus.Conn) {
			if locked(ctx, conn) { // before this program was started
				p.locks(true)
			}
		})
	})
	buses.Wait()
}

// listen hands on the signals that fit, until the bus is gone. at may be nil; it is
// called at the start, once no signal can be missed.
func listen(ctx context.Context, address func() (string, error), fit [][]dbus.MatchOption, heard func(*dbus.Conn, *dbus.Signal), at func(*dbus.Conn)) {
	where, err := address()
	if err != nil {
		return
	}
	conn, err := localbus.Connect(ctx, where)
	if err != nil {
		return
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals) // which closes it at its end
	for _, options := range fit {
		if conn.AddMatchSignalContext(ctx, options...) != nil {
			return
		}
	}
	if at != nil {
		at(conn)
	}
	for s := range signals {
		heard(conn, s)
	}
}

// delaySleep has the computer wait, for some seconds at most, until the file is closed.
// It returns nil where logind has none to give.
func delaySleep(ctx context.Context, conn *dbus.Conn) *os.File {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	var delay dbus.UnixFD
	err := conn.Object(logind, "/org/freedesktop/login1").CallWithContext(ctx, manager+".Inhibit", dbus.FlagNoAutoStart, "sleep", "codefob", "lock the vault", "delay").Store(&delay)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(delay), "delay")
}

// flag is what a signal of one truth value says.
func flag(s *dbus.Signal) (yes, ok bool) {
	if len(s.Body) != 1 {
		return false, false
	}
	yes, ok = s.Body[0].(bool)
	return yes, ok
}

// isFrom tells whether a signal came from the owner of a name. One that another user's
// program sends to us alone comes past what we asked the bus for.
func isFrom(ctx context.Context, conn *dbus.Conn, s *dbus.Signal, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	var owner string
	err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, name).Store(&owner)
	return err == nil && s.Sender == owner
}

// userOf is the user of a session of logind, if it says.
func userOf(ctx context.Context, conn *dbus.Conn, of dbus.ObjectPath) (uid int, known bool) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	var user struct {
		UID  uint32
		Path dbus.ObjectPath
	}
	var property dbus.Variant
	err := conn.Object(logind, of).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, session, "User").Store(&property)
	if err != nil || dbus.Store([]any{property.Value()}, &user) != nil {
		return 0, false
	}
	return int(user.UID), true
}

// locked asks the screen locks that are there.
func locked(ctx context.Context, conn *dbus.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	for _, saver := range savers {
		path := dbus.ObjectPath("/" + strings.ReplaceAll(saver, ".", "/"))
		var active bool
		if conn.Object(saver, path).CallWithContext(ctx, saver+".GetActive", dbus.FlagNoAutoStart).Store(&active) == nil && active {
			return true
		}
	}
	return false
}
