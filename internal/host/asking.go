package host

import (
	"context"
	"errors"
	"time"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// overRetry is for how long nobody is asked about codes beyond the budget again, after a no.
const overRetry = time.Minute

// Act is what a person is asked to agree to.
type Act int

// The acts.
const (
	ActFill       Act = iota // a one-time code goes to Question.Host
	ActShow                  // the browser shows or copies a one-time code
	ActRecovery              // a recovery code goes to Question.Host
	ActStopAsking            // from now on, codes are given without such a question
)

// Question is what a person is asked about an account that wants it, outside the browser.
type Question struct {
	Act     Act
	Account string // its label
	Host    string // the exact one, as shown to people; "" where there is none
	Over    bool   // the browser has had too many codes in a short time
}

// later is the rest of a method that waits for a person, or takes long by itself. It
// runs beside other requests.
type later func() (any, error)

// ifAgreed asks the person, and then does the rest, which has to look again at all
// that may have changed meanwhile. One question is asked at a time; a lock
// withdraws it. h.mu is held, but not while the person is asked.
func (h *Host) ifAgreed(ctx context.Context, q Question, rest func() (any, error)) (any, error) {
	if !h.asking.TryLock() {
		return nil, &protocol.Error{Code: protocol.ErrDeclined, Message: "Codefob is asking you something already.", Hint: "Look for its window."}
	}
	ctx, withdraw := context.WithCancelCause(ctx)
	h.withdraw = withdraw
	return later(func() (any, error) {
		defer h.asking.Unlock()
		defer withdraw(nil)
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		agreed, err := h.Confirm(ctx, q)
		h.mu.Lock()
		h.withdraw = nil
		if q.Over && !agreed {
			h.refusedAt = h.Now()
		}
		h.mu.Unlock()
		switch {
		case errors.Is(context.Cause(ctx), vault.ErrLocked):
			return nil, vault.ErrLocked
		case err != nil:
			return nil, askError(ctx, q, err)
		case !agreed:
			return nil, &protocol.Error{Code: protocol.ErrDeclined, Message: "You said no in Codefob's window.", Hint: "Ask again when you want to."}
		}
		return rest()
	}), nil
}

// spend counts one code, and has it told in the log. Beyond the budget the person decides: then it
// gives a [later] that asks, and does the rest; not again for a while after
// anything but a yes. h.mu is held.
func (h *Host) spend(ctx context.Context, r vault.Record, nonce string, agreed bool, q Question, rest func() (any, error)) (any, error) {
	budget := h.Budget
	if agreed {
		budget = vault.NoBudget
	}
	err := h.vault.Spend(r, nonce, budget)
	if err == nil {
		h.session.nonces[nonce] = true
	}
	if !errors.Is(err, vault.ErrBudget) || h.Now().Sub(h.refusedAt) < overRetry {
		return nil, err
	}
	q.Over = true
	asked, busy := h.ifAgreed(ctx, q, rest)
	if busy != nil {
		return nil, err
	}
	return asked, nil
}

// askError says why a question was not answered.
func askError(ctx context.Context, q Question, err error) *protocol.Error {
	switch {
	case ctx.Err() != nil:
		return &protocol.Error{Code: protocol.ErrDeclined, Message: "Nobody answered in Codefob's window.", Hint: "Ask again, and look for its window."}
	case q.Over:
		return &protocol.Error{Code: protocol.ErrBudget, Message: "Too many codes in a short time, and Codefob could not ask you in a window of its own: " + err.Error() + ".",
			Hint: "Wait, and try again; or install a pinentry program, which then asks you."}
	}
	return &protocol.Error{Code: protocol.ErrDeclined, Message: "Codefob could not ask you in a window of its own: " + err.Error() + ".",
		Hint: "Install a pinentry program; or let this account do without the question: run in a terminal: codefob edit QUERY --ask off"}
}
