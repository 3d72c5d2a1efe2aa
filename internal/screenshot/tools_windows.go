package screenshot

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// script copies all screens into the file that the environment names: no path is
// put into it.
const script = `$ErrorActionPreference = 'Stop'
Add-Type -AssemblyName System.Windows.Forms, System.Drawing
Add-Type 'using System.Runtime.InteropServices; public class Dpi { [DllImport("user32.dll")] public static extern bool SetProcessDPIAware(); }'
[void][Dpi]::SetProcessDPIAware()
$s = [System.Windows.Forms.SystemInformation]::VirtualScreen
$b = New-Object System.Drawing.Bitmap $s.Width, $s.Height
$g = [System.Drawing.Graphics]::FromImage($b)
$g.CopyFromScreen($s.Location, [System.Drawing.Point]::Empty, $s.Size)
$b.Save($env:` + fileVariable + `, [System.Drawing.Imaging.ImageFormat]::Png)`

func tools() []tool {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return nil
	}
	return []tool{{filepath.Join(system, "WindowsPowerShell", "v1.0", "powershell.exe"),
		[]string{"-NoProfile", "-NonInteractive", "-Command", script}}}
}
