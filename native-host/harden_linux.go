package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// hardenProcess keeps the keys out of core dumps and away from other programs'
// debuggers. It does what it can: the host works without, too.
func hardenProcess() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	// Go interrupts what runs for long with this signal, and the kernel then puts all
	// registers on a stack that nobody clears, with the keys that were in them. Without
	// it Go waits for the next call of a function.
	signal.Ignore(unix.SIGURG)
}

// muteStderr has a crash print nothing: a stack trace holds what functions were given,
// and how much of it is printed is up to the variables that the caller sets.
func muteStderr() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		unix.Dup3(int(null.Fd()), 2, 0)
		null.Close()
	}
}
