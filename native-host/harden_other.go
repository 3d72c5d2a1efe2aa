//go:build !linux

package main

// hardenProcess does nothing here yet.
func hardenProcess() {}
