package syncing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"codefob/internal/vaultsync"
)

// stuck is a folder of a share that is gone: the system does not come back from it until it is freed.
type stuck struct {
	carrier
	reached, freed chan struct{}
}

func (s stuck) Pull(ctx context.Context, position string) (vaultsync.Batch, error) {
	s.reached <- struct{}{}
	<-s.freed
	return s.carrier.Pull(context.WithoutCancel(ctx), position)
}

func TestAFolderThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t)
	folder := a.sync().s.carriers[Folder].(*aside)
	s := stuck{folder.carrier, make(chan struct{}, 9), make(chan struct{})}
	slow := newAside(s)
	a.s.carriers[Folder] = slow

	// What ends the syncing does not wait for it.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.s.Run(ctx, func(error) {}) }()
	<-s.reached
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	// It is told once it lasts, and at once from then on. The vault works.
	id := a.add(fmt.Sprintf(totp, "Meanwhile"))
	slow.answers = time.Millisecond
	for range 2 {
		a.sync().get(id)
		if st := a.status(); !strings.Contains(st.Carriers[0].Error, "does not answer") {
			t.Errorf("%+v", st.Carriers)
		}
		slow.answers = time.Hour
	}

	close(s.freed)
	slow.asked <- struct{}{} // it has answered
	<-slow.asked
	a.sync()
	b.sync().get(id)
	if st := a.status(); st.Carriers[0].Error != "" {
		t.Errorf("%+v", st.Carriers)
	}
}

type broken struct{ carrier }

func (broken) Wait(context.Context) error { panic("a defect") }
func (broken) Pull(context.Context, string) (vaultsync.Batch, error) {
	panic("a defect")
}

// A defect in what runs beside the syncing ends neither that nor the program.
func TestADefectIsCaught(t *testing.T) {
	t.Parallel()
	a, _, _ := pair(t)
	a.sync().s.carriers[Folder] = newAside(broken{a.s.carriers[Folder]})
	a.sync()
	if st := a.status(); !strings.Contains(st.Carriers[0].Error, "aside_test.go:") || strings.Contains(st.Carriers[0].Error, "a defect\n") {
		t.Errorf("%+v", st.Carriers)
	}
	a.s.carriers[Folder] = broken{a.s.carriers[Folder]}
	a.s.wait(t.Context(), time.Millisecond, nil)
}
