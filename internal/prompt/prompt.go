// Package prompt asks a person outside any browser: on the terminal
// ([Terminal]) or with a dialog ([Native]).
package prompt

import (
	"context"
	"errors"
)

var (
	ErrCancelled   = errors.New("cancelled")
	ErrUnavailable = errors.New("nothing here to ask with") // no terminal, no pinentry, no display
	ErrTimeout     = errors.New("nobody answered in time")
)

// ended says why ctx ended: [ErrTimeout], or that the caller gave up.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrTimeout
	}
	return ctx.Err()
}
