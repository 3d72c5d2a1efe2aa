//go:build !race

package interchange

const racing = false
