// Command echo is the floor that the host is measured against: the least a Go
// native-messaging host can do. It reads a framed message and writes it back.
package main

import (
	"encoding/binary"
	"os"
)

func main() {
	buf := make([]byte, 64<<10)
	for {
		n, need := 0, 4
		for n < need {
			k, err := os.Stdin.Read(buf[n:])
			if err != nil {
				return
			}
			n += k
			if n >= 4 && need == 4 {
				if need = 4 + int(binary.NativeEndian.Uint32(buf)); need > len(buf) {
					os.Exit(1)
				}
			}
		}
		if _, err := os.Stdout.Write(buf[:need]); err != nil {
			return
		}
	}
}
