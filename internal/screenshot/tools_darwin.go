package screenshot

// tools is what macOS comes with. Without the permission to record the screen, the
// picture shows the background and no window.
func tools() []tool {
	return []tool{{"/usr/sbin/screencapture", []string{"-x", "-t", "png", "{}"}}}
}
