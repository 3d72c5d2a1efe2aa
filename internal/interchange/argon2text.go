package interchange

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// argon2Hash is an encoded hash of Argon2id, $argon2id$v=19$m=…,t=…,p=…$SALT$HASH
// (P-H-C/phc-winner-argon2).
type argon2Hash struct {
	passes, memory, lanes uint64 // memory in KiB
	salt, sum             []byte
}

func parseArgon2(text string) (h argon2Hash, ok bool) {
	parts := strings.Split(text, "$")
	if len(text) > 1024 || len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v=19" {
		return h, false
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); n != 3 || err != nil {
		return h, false
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	return h, err1 == nil && err2 == nil && len(h.sum) >= 4 && len(h.sum) <= 64
}
