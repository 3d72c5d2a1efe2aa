package qr

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var texts = []string{
	"otpauth://totp/GitHub:alice?secret=JBSWY3DPEHPK3PXP&issuer=GitHub&algorithm=SHA1&digits=6&period=30",
	"1", "HELLO WORLD",
	"otpauth://totp/B%C3%BCro:%E5%B1%B1?secret=JBSWY3DPEHPK3PXP",
	"otpauth-migration://offline?data=" + strings.Repeat("aB3%2F", 200),
	strings.Repeat("x", 2331), // the most at level M (ISO/IEC 18004, table 7)
	strings.Repeat("x", 2953), // and at level L
}

// zbar reads a picture with a reader that is not ours.
func zbar(t *testing.T, picture []byte) string {
	t.Helper()
	program, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("SKIPPED: zbarimg is missing: install zbar-tools")
	}
	name := filepath.Join(t.TempDir(), "code.png")
	if err := os.WriteFile(name, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", name).Output()
	if err != nil {
		t.Fatalf("zbarimg: %v", err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func TestOthersReadOurPictures(t *testing.T) {
	for _, text := range texts {
		code, err := Encode(text)
		if err != nil {
			t.Fatalf("Encode of %d bytes: %v", len(text), err)
		}
		if got := zbar(t, code.PNG(4)); got != text {
			t.Errorf("zbarimg reads %d bytes of %d as %.60q", len(got), len(text), got)
		}
	}
}

func TestTooLong(t *testing.T) {
	secret := strings.Repeat("x", 2954)
	_, err := Encode(secret)
	if !errors.Is(err, ErrTooLong) || strings.Contains(err.Error(), "xx") {
		t.Errorf("Encode of 2954 bytes: %v", err)
	}
}

// What the terminal and the SVG show is drawn again, and read.
func TestTerminalAndSVGShowTheSame(t *testing.T) {
	text := texts[0]
	code, err := Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	side := code.Size + 2*quiet
	picture := image.NewGray(image.Rect(0, 0, side*4, (side+1)*4))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	lines := strings.Split(strings.TrimSuffix(code.Terminal(), "\n"), "\n")
	for row, line := range lines {
		line, ok := strings.CutPrefix(line, "\x1b[38;5;16;48;5;231m")
		line, ok2 := strings.CutSuffix(line, "\x1b[0m")
		cells := []rune(line)
		if !ok || !ok2 || len(cells) != side {
			t.Fatalf("line %d has %d characters, not %d, or not its colours", row, len(cells), side)
		}
		for x, cell := range cells {
			for dy, dark := range []bool{cell == '█' || cell == '▀', cell == '█' || cell == '▄'} {
				for i := range 16 {
					if dark {
						picture.SetGray(x*4+i%4, (row*2+dy)*4+i/4, color.Gray{})
					}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	if got := zbar(t, b.Bytes()); got != text {
		t.Errorf("the terminal shows %q", got)
	}
	dark := 0
	for y := range code.Size {
		for x := range code.Size {
			if code.Dark(x, y) {
				dark++
			}
		}
	}
	if svg := code.SVG(); dark < 100 || !strings.Contains(svg, "M4 4h7v1h-7z") { // the first line of the upper left eye
		t.Errorf("SVG = %.300s", svg)
	}
}
