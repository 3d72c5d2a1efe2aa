//go:build !race

package interchange

const slowdown = 1
