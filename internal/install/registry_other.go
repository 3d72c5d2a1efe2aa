//go:build !windows

package install

var registryHere Registry
