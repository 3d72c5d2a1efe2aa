package host

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
)

// ErrPanic says that a defect of ours stopped what was done.
var ErrPanic = errors.New("panic")

// Caught does something, and turns a panic into an error that wraps [ErrPanic] and
// says where it was. What the panic says is left out: it may hold anything.
func Caught[T any](do func() (T, error)) (result T, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w%s", ErrPanic, callers())
		}
	}()
	return do()
}

// callers are the places in our own code that a panic came through, the innermost first.
func callers() (text string) {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // without this, and who asks for it
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.Contains(f.Function, "/host.Caught[") { // how it came there is always the same
			return text
		}
		if strings.HasPrefix(f.Function, "codefob/") || strings.HasPrefix(f.Function, "main.") {
			text += fmt.Sprintf(" %s:%d", path.Base(f.File), f.Line)
		}
	}
	return text
}
