package syncing

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A relay that keeps the connection, and answers no more.
func TestARelayThatHangs(t *testing.T) {
	t.Parallel()
	r, folder := startRelay(t), t.TempDir()
	a, b := newComputer(t), newComputer(t)
	a.must(a.s.Use(t.Context(), Relay, r.url(), "desk"))
	a.must(a.s.Use(t.Context(), Folder, folder, ""))
	b.admit(a, Folder, folder, "laptop")
	a.sync().s.carriers[Relay].(*relayCarrier).patience = 10 * time.Millisecond
	a.must(r.cmd.Process.Signal(syscall.SIGSTOP))
	id := a.add(fmt.Sprintf(totp, "Meanwhile"))
	a.sync()
	b.sync().get(id) // by the folder
	if st := a.status(); !strings.Contains(st.Carriers[0].Error, "does not answer in time") || st.Carriers[1].Error != "" {
		t.Errorf("%+v", st.Carriers)
	}
	a.must(r.cmd.Process.Signal(syscall.SIGCONT))
	a.s.carriers[Relay].(*relayCarrier).patience = caughtUp
	a.sync()
	if st := a.status(); st.Carriers[0].Error != "" {
		t.Errorf("%+v", st.Carriers)
	}
}
