//go:build !linux

package main

// hardenProcess does nothing here yet.
func hardenProcess() {}

// muteStderr does nothing here yet.
func muteStderr() {}
