//go:build race

package interchange

// slowdown is what the race detector makes of time and memory.
const slowdown = 20
