//go:build !linux

package main

// dropEnvironment does nothing here: other systems' dialogs want much of it.
func dropEnvironment() {}
