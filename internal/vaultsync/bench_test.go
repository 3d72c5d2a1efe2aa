package vaultsync

import (
	"fmt"
	"testing"
)

// A device with 10,000 accounts, each of one operation.
func many(b *testing.B) *computer {
	c := copies(b, fixed)[0]
	for i := range 10_000 {
		c.add(fmt.Sprint("ID", i), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	}
	if err := c.Change(c.State().Diff(c.vault)); err != nil {
		b.Fatal(err)
	}
	c.vault = c.State().Apply(c.vault, epochStart)
	return c
}

func BenchmarkOpen(b *testing.B) {
	c := many(b)
	for b.Loop() {
		if err := c.restart(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiffAndApply(b *testing.B) {
	c := many(b)
	for b.Loop() {
		if len(c.State().Diff(c.vault)) > 0 {
			b.Fatal("something changed")
		}
		c.State().Apply(c.vault, epochStart)
	}
}

// One change, as one code of a HOTP account makes it.
func BenchmarkChange(b *testing.B) {
	c := many(b)
	for n := uint64(1); b.Loop(); n++ {
		if err := c.Change([]Change{{kindAccount, "ID7", Account{Counter: n}}}); err != nil {
			b.Fatal(err)
		}
	}
}
