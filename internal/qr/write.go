package qr

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// ErrTooLong says that a text does not fit into one QR code.
var ErrTooLong = errors.New("too long for a QR code")

// quiet is the width of the light border that readers want, in modules (ISO/IEC
// 18004, section 6.3.8).
const quiet = 4

// Code is a QR code to be shown.
type Code struct {
	Size int // modules on a side, without the border
	code barcode.Barcode
}

// Encode makes the QR code of a text: at level M, which stands a crease in paper, or
// at L where M has no room. It returns [ErrTooLong] over about 2900 bytes.
func Encode(text string) (Code, error) {
	for _, level := range []qr.ErrorCorrectionLevel{qr.M, qr.L} {
		if code, err := qr.Encode(text, level, qr.Auto); err == nil {
			return Code{code.Bounds().Dx(), code}, nil
		}
	}
	return Code{}, ErrTooLong // the library's error would quote the text
}

// Dark tells the colour of a module. Outside of the code all is light.
func (c Code) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.Size && y < c.Size && c.code.At(x, y) == color.Black
}

// PNG is a picture with border, scale pixels a module.
func (c Code) PNG(scale int) []byte {
	side := (c.Size + 2*quiet) * scale
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if c.Dark(x/scale-quiet, y/scale-quiet) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, picture) // writing to memory does not fail
	return b.Bytes()
}

// Terminal is the code for a terminal: two modules a character, black on white
// whatever the terminal's own colours are.
func (c Code) Terminal() string {
	var b strings.Builder
	for y := -quiet; y < c.Size+quiet; y += 2 {
		b.WriteString("\x1b[38;5;16;48;5;231m")
		for x := -quiet; x < c.Size+quiet; x++ {
			switch upper, lower := c.Dark(x, y), c.Dark(x, y+1); {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}

// SVG is the code with border as an element for HTML, one unit a module.
func (c Code) SVG() string {
	var b strings.Builder
	side := c.Size + 2*quiet
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, side, side, side, side)
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for c.Dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}
