// Package localbus connects to the D-Bus buses of this computer.
package localbus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/keybase/dbus"
)

// SessionVariable and SystemVariable are the names of the variables with the buses' addresses.
const (
	SessionVariable = "DBUS_SESSION_BUS_ADDRESS"
	SystemVariable  = "DBUS_SYSTEM_BUS_ADDRESS"
)

// Session is the address of the bus of the person's session.
func Session() (address string, err error) {
	return local(SessionVariable, fmt.Sprintf("unix:path=/run/user/%d/bus", os.Getuid()))
}

// System is the address of the bus that all users share.
func System() (address string, err error) {
	return local(SystemVariable, "unix:path=/run/dbus/system_bus_socket")
}

// local takes only addresses of local sockets: D-Bus addresses can also name other
// computers and programs to run.
func local(variable, usual string) (address string, err error) {
	if address = os.Getenv(variable); address == "" {
		address = usual
	}
	for one := range strings.SplitSeq(address, ";") {
		if !strings.HasPrefix(one, "unix:") {
			return "", errors.New("the bus is not a local socket")
		}
	}
	return address, nil
}

// Connect connects to the bus at an address. The connection is closed when ctx ends.
func Connect(ctx context.Context, address string) (*dbus.Conn, error) {
	// Naming the one method that local buses use saves a look into the home folder for the other's cookies.
	external := dbus.AuthExternal(strconv.Itoa(os.Geteuid()))
	return dbus.Connect(address, dbus.WithContext(ctx), dbus.WithAuth(external))
}
