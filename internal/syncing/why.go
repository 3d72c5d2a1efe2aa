package syncing

import (
	"errors"
	"io/fs"
	"syscall"

	"codefob/internal/relay/wire"
	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

// why is of what kind the reason is that a carrier was not reached; "" where there are no words for it.
func why(err error) string {
	var said *wire.Error
	code := wire.Code(0)
	if errors.As(err, &said) {
		code = said.Code
	}
	switch {
	case errors.Is(err, vaultsync.ErrStorage), errors.Is(err, vault.ErrStorage):
		return "storage"
	case errors.Is(err, vaultsync.ErrGone):
		return "gone"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "denied"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), code == wire.CodeFull:
		return "full"
	case errors.Is(err, wire.ErrUnreached):
		return "unreached"
	case errors.Is(err, wire.ErrCertificate):
		return "certificate"
	case errors.Is(err, wire.ErrNotRelay):
		return "not-relay"
	case code == wire.CodeVersion:
		return "version"
	}
	return ""
}

// WayOut says what to do when a carrier is not reached; "" where there is nothing to say.
func WayOut(err error) string { return waysOut[why(err)] }

// WayOut says what to do when it was not reached.
func (c Carrier) WayOut() string { return waysOut[c.Why] }

var waysOut = map[string]string{
	"storage":     "make room on the disk of this computer, or make Codefob's folder writable",
	"gone":        "plug it in or mount it; if it is elsewhere now: codefob sync folder PATH",
	"denied":      "give yourself the right to write in that folder, or take another: codefob sync folder PATH",
	"full":        "make room there, or take another: codefob sync folder PATH, or codefob sync relay URL",
	"unreached":   "see that this computer is online, that the address is right, and that the relay runs",
	"certificate": "see to it at the relay, and see that the clock of this computer is right",
	"not-relay":   "see that the address is right, and where the web server before the relay sends it: codefob sync relay URL",
	"version":     "update the older of the two: the relay, or Codefob on this computer",
}
