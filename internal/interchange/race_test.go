//go:build race

package interchange

// racing says that the race detector is at work, which makes all take twenty times as long.
const racing = true
