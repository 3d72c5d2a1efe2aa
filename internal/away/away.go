// Package away tells when a person leaves the computer and when they are back:
// the screen is locked, or the computer sleeps.
package away

import (
	"context"
	"sync"
)

// Watch calls change with true whenever the person leaves, and with false once they
// are back, one call at a time. It returns when there is nothing to listen to (any
// more), or when ctx ends; it says nothing of what this system does not tell.
func Watch(ctx context.Context, change func(away bool)) {
	watch(ctx, &person{change: change})
}

// person is what is known of them.
type person struct {
	mu             sync.Mutex
	asleep, locked bool
	change         func(away bool)
}

// sleeps notes that the computer falls asleep, or wakes up.
func (p *person) sleeps(yes bool) { p.note(&p.asleep, yes) }

// locks notes that the screen is locked, or unlocked.
func (p *person) locks(yes bool) { p.note(&p.locked, yes) }

// note tells of each leave, also of one that never seemed to end: not every screen
// lock says that it was opened.
func (p *person) note(what *bool, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*what = yes
	if yes || !p.asleep && !p.locked {
		p.change(yes)
	}
}
