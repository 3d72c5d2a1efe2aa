package vault

import (
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"

	"filippo.io/age"
)

// This file has keys leave the memory of the program after a lock, as far as Go lets
// it. A test of the host looks for them in all of its memory.

// wipeIdentity overwrites the key itself, which package age gives no way to.
func wipeIdentity(identity *age.X25519Identity) {
	if identity == nil {
		return
	}
	if key := reflect.ValueOf(identity).Elem().FieldByName("secretKey"); key.IsValid() {
		clear(key.Bytes())
	}
}

// scrub overwrites what was dropped, as far as that can be. Go frees memory without
// clearing it, and clears it when it gives it out again: so give whole pages back to
// the system, and take what is free of each size between things that are in use.
func scrub() {
	scrubbing.Lock()
	defer scrubbing.Unlock()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // not in between
	// Each processor has free memory of its own at hand, which would be passed by.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what a sync.Pool keeps goes with the second
	var taken [][]byte   // so that they are on the heap
	for size := 8; size <= scrubMost; size += max(8, size/16) {
		taken = taken[:0]
		for range scrubEach / size {
			taken = append(taken, make([]byte, size))
		}
	}
	debug.FreeOSMemory()
}

var scrubbing sync.Mutex // for what is set for all of the program meanwhile

const (
	scrubMost = 8 << 10   // the largest size, in bytes
	scrubEach = 128 << 10 // of each size, in bytes
)

// apart does what handles keys on a stack of its own: large enough not to move, for a
// stack that grows leaves its old self behind, and cleared at the end.
func apart(work func() error) (err error) {
	var defect any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			defect = recover()
			clearStack(0)
		}()
		clearStack(0)
		err = work()
	}()
	<-done
	if defect != nil {
		panic(defect) // where the caller can deal with it
	}
	return err
}

// clearStack clears what is below its caller. It gives a byte of it, so that the
// compiler does not leave it out.
//
//go:noinline
func clearStack(i int) byte {
	var space [32 << 10]byte
	return space[i]
}
