package main

// own does nothing: what lies in the user's profile is the user's on Windows.
func own(string) error { return nil }
