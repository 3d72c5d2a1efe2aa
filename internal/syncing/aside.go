package syncing

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"codefob/internal/vaultsync"
)

// errDefect says that a defect of ours ended something.
var errDefect = errors.New("a defect of Codefob's stopped it")

// caught turns a panic into an error that says where it was: in a goroutine of its own it would end the program.
func caught(do func() error) (err error) {
	defer func() {
		if recover() == nil {
			return
		}
		pcs := make([]uintptr, 64)
		frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
		for more := true; more && err == nil; {
			var f runtime.Frame
			if f, more = frames.Next(); strings.HasPrefix(f.Function, "codefob/") || !more {
				err = fmt.Errorf("%w: %s:%d", errDefect, path.Base(f.File), f.Line)
			}
		}
	}()
	return do()
}

const (
	readsFor      = 20 * time.Second // before what a folder gave is taken over
	folderAnswers = time.Minute
)

// aside is a folder that is asked beside all else: a network share that is gone may never answer, and has to hold up
// neither a relay nor the end of the syncing, when the keys go.
type aside struct {
	carrier
	answers time.Duration
	gone    error         // why it is not reached
	asked   chan struct{} // full while it is
	silent  atomic.Bool   // for longer than answers
}

func newAside(c carrier) *aside {
	gone := fmt.Errorf("the folder does not answer: %s: see whether the disk or the share that it is on is still connected", c.Name())
	return &aside{carrier: c, answers: folderAnswers, gone: gone, asked: make(chan struct{}, 1)}
}

// ask does something as long as ctx lasts, and leaves it to itself then. There is one at a time.
func (a *aside) ask(ctx context.Context, do func() error) error {
	ended := func() error {
		err := context.Cause(ctx)
		if errors.Is(err, a.gone) {
			a.silent.Store(true)
		}
		return err
	}
	if a.silent.Load() && len(a.asked) > 0 {
		return a.gone
	}
	select {
	case a.asked <- struct{}{}:
		a.silent.Store(false)
	case <-ctx.Done():
		return ended()
	}
	done := make(chan error, 1)
	go func() {
		err := caught(do)
		<-a.asked
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ended()
	}
}

func (a *aside) soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, a.answers, a.gone)
}

func (a *aside) Pull(ctx context.Context, position string) (vaultsync.Batch, error) {
	ctx, cancel := a.soon(ctx)
	defer cancel()
	var b vaultsync.Batch
	err := a.ask(ctx, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, readsFor)
		defer cancel()
		b, err = a.carrier.Pull(ctx, position)
		return err
	})
	if err != nil {
		return vaultsync.Batch{}, err // b may be written yet
	}
	return b, nil
}

func (a *aside) Push(ctx context.Context, records [][]byte) error {
	ctx, cancel := a.soon(ctx)
	defer cancel()
	return a.ask(ctx, func() error { return a.carrier.Push(ctx, records) })
}

func (a *aside) Enter(ctx context.Context, index uint64, record []byte) error {
	ctx, cancel := a.soon(ctx)
	defer cancel()
	return a.ask(ctx, func() error { return a.carrier.Enter(ctx, index, record) })
}

func (a *aside) Wait(ctx context.Context) error {
	return a.ask(ctx, func() error { return a.carrier.Wait(ctx) })
}

// Close closes it once it has answered.
func (a *aside) Close() error {
	go a.ask(context.Background(), a.carrier.Close)
	return nil
}
