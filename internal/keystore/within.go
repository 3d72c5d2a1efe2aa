package keystore

import (
	"context"
	"errors"
)

// within runs call, which knows no deadline, and stops waiting for it when ctx
// ends. The abandoned call goes on by itself: it must own all it touches.
func within(ctx context.Context, call func() ([]byte, error)) ([]byte, error) {
	type result struct {
		secret []byte
		err    error
	}
	done := make(chan result, 1)
	go func() {
		secret, err := call()
		done <- result{secret, err}
	}()
	select {
	case r := <-done:
		return r.secret, r.err
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

// ended says why ctx ended: [ErrTimeout], or that the caller gave up.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrTimeout
	}
	return ctx.Err()
}
