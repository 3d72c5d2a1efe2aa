package main

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// checkClock asks the kernel whether something keeps the clock right: a code
// from a clock that is 30 seconds off is refused.
func checkClock(now time.Time) finding {
	state, err := unix.Adjtimex(&unix.Timex{})
	return judgeClock(now, state, err)
}

func judgeClock(now time.Time, state int, err error) finding {
	switch {
	case now.Year() < 2026 || now.Year() > 2099: // whatever the kernel says
		return bad("clock", errors.New("it says "+now.Format(time.RFC1123)), "set it: timedatectl set-ntp true")
	case err != nil:
		return good("clock", "%s; whether it is right cannot be told here", now.Format(time.RFC1123))
	case state == unix.TIME_ERROR:
		f := good("clock", "%s; nothing on this computer keeps it right", now.Format(time.RFC1123))
		f.Fix = "if sites refuse your codes: timedatectl set-ntp true"
		return f
	}
	return good("clock", "%s, kept right by the network", now.Format(time.RFC1123))
}
