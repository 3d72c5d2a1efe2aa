package vault

import (
	"os"
	"testing"
)

func stop(*testing.T, *os.Process)   {}
func resume(*testing.T, *os.Process) {}
