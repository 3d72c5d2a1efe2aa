package qr

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"github.com/makiuchi-d/gozxing"
)

const (
	jpegMagic = "\xff\xd8\xff"
	jpegScan  = "\xff\xda" // in what is packed never

	white = 0xff
	black = 0

	maxDecoded = 4 * MaxPixels // bytes in memory, as the decoder lays a picture out
	maxPage    = 9_000_000     // pixels to look at: a screen of 4K; larger ones are scaled down

	workOfByte    = 3  // to decode what is one in memory
	workOfJPEG    = 24 // to decode a byte of a file
	workOfScan    = 2  // a pixel
	workOfFlatten = 5  // a pixel
)

// kinds of pictures by their first bytes, with the bytes that decoding takes for a
// pixel (at most).
var kinds = []struct {
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	cost   func(image.Config, []byte) int
}{
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, costOfPNG},
	{jpegMagic, jpeg.DecodeConfig, jpeg.Decode, costOfJPEG},
	{"GIF8", gif.DecodeConfig, gif.Decode, func(image.Config, []byte) int { return 1 }},
}

// IsPicture tells a picture that [Read] reads by its first bytes.
func IsPicture(data []byte) bool {
	for _, k := range kinds {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return true
		}
	}
	return false
}

// open decodes a picture, within its caps.
func (l *look) open(picture []byte) (img image.Image, err error) {
	if len(picture) > MaxBytes {
		return nil, ErrTooLarge
	}
	for _, k := range kinds {
		if !bytes.HasPrefix(picture, []byte(k.magic)) {
			continue
		}
		ok := safely(func() {
			var config image.Config
			if config, err = k.config(bytes.NewReader(picture)); err != nil {
				return
			}
			pixels := float64(config.Width) * float64(config.Height)
			if pixels > MaxPixels || pixels*float64(k.cost(config, picture)) > maxDecoded {
				err = ErrTooLarge
				return
			}
			work := int(pixels) * workOfByte * k.cost(config, picture)
			if k.magic == jpegMagic {
				work += workOfJPEG*len(picture) + int(pixels)*workOfScan*bytes.Count(picture, []byte(jpegScan))
			}
			if work > MaxWork {
				err = ErrTooLarge
			} else if err = ErrSpent; l.spend(work) {
				img, err = k.decode(bytes.NewReader(picture))
			}
		})
		switch {
		case errors.Is(err, ErrTooLarge) || errors.Is(err, ErrSpent):
			return nil, err
		case !ok || err != nil || img.Bounds().Empty():
			return nil, ErrPicture
		}
		return img, nil
	}
	return nil, ErrPicture
}

func costOfPNG(c image.Config, picture []byte) int {
	cost := 4
	switch c.ColorModel {
	case color.GrayModel:
		cost = 1
	case color.Gray16Model:
		cost = 2
	case color.RGBA64Model, color.NRGBA64Model:
		cost = 8
	}
	if _, ok := c.ColorModel.(color.Palette); ok {
		cost = 1
	}
	if len(picture) > 28 && picture[28] != 0 { // interlaced: the last pass is half of the picture, and a copy
		cost += (cost + 1) / 2
	}
	return cost
}

// costOfJPEG counts a byte for each sample, four more where they come in several
// scans, and four for pixels that are put together of four colours (ITU-T T.81, B.2.2).
func costOfJPEG(_ image.Config, picture []byte) int {
	for at := 2; at+10 < len(picture); {
		marker := picture[at+1]
		if picture[at] != 0xff || marker == 0xff { // fill
			at++
			continue
		}
		if marker >= 0xc0 && marker <= 0xc2 {
			components := int(picture[at+9])
			cost := components
			if marker == 0xc2 {
				cost *= 5
			}
			if components == 4 {
				cost += 4
			}
			return cost
		}
		at += 2
		if marker != 0 && marker != 1 && (marker < 0xd0 || marker > 0xd8) {
			at += int(picture[at])<<8 | int(picture[at+1])
		}
	}
	return 4
}

// grey is a picture in shades of grey, one byte a pixel; 0 is black.
type grey struct {
	gozxing.LuminanceSourceBase
	pixels []byte
}

func newGrey(width, height int) *grey {
	return &grey{gozxing.LuminanceSourceBase{Width: width, Height: height}, make([]byte, width*height)}
}

// GetMatrix, GetRow, Invert and String are what gozxing asks of a picture.
func (g *grey) GetMatrix() []byte { return g.pixels }

func (g *grey) GetRow(y int, row []byte) ([]byte, error) {
	return append(row[:0], g.pixels[y*g.Width:(y+1)*g.Width]...), nil
}

func (g *grey) Invert() gozxing.LuminanceSource { return g.inverse() }

func (*grey) String() string { return "picture" }

func (g *grey) inverse() *grey {
	out := newGrey(g.Width, g.Height)
	for i, p := range g.pixels {
		out.pixels[i] = ^p
	}
	return out
}

// flatten lays a picture on a ground of one shade, in at most maxPage pixels. It is
// nil where the work does not do for that.
func (l *look) flatten(img image.Image, ground uint32) *grey {
	b := img.Bounds()
	if !l.spend(workOfFlatten * b.Dx() * b.Dy()) {
		return nil
	}
	step := int(math.Ceil(math.Sqrt(float64(b.Dx()) * float64(b.Dy()) / maxPage)))
	shade := shadeOf(img, ground)
	out := newGrey(max(b.Dx()/step, 1), max(b.Dy()/step, 1))
	for y := range out.Height {
		for x := range out.Width {
			var sum, n uint32
			for v := y * step; v < min((y+1)*step, b.Dy()); v++ {
				for u := x * step; u < min((x+1)*step, b.Dx()); u++ {
					sum += shade(b.Min.X+u, b.Min.Y+v)
					n++
				}
			}
			out.pixels[y*out.Width+x] = byte(sum / n)
		}
	}
	return out
}

// shadeOf gives the shade of a pixel, quickly for the usual kinds of pictures.
func shadeOf(img image.Image, ground uint32) func(x, y int) uint32 {
	of := func(c color.Color) uint32 {
		r, g, b, a := c.RGBA() // with the alpha in it
		return ((r+2*g+b)/4 + (0xffff-a)*ground/0xff) >> 8
	}
	switch img := img.(type) {
	case *image.Gray:
		return func(x, y int) uint32 { return uint32(img.Pix[img.PixOffset(x, y)]) }
	case *image.YCbCr:
		return func(x, y int) uint32 { return uint32(img.Y[img.YOffset(x, y)]) }
	case *image.Paletted:
		var shades [256]uint32
		for i, c := range img.Palette {
			shades[i] = of(c)
		}
		return func(x, y int) uint32 { return shades[img.Pix[img.PixOffset(x, y)]] }
	case *image.RGBA:
		return func(x, y int) uint32 {
			p := img.Pix[img.PixOffset(x, y):][:4:4]
			return (uint32(p[0])+2*uint32(p[1])+uint32(p[2]))/4 + (0xff-uint32(p[3]))*ground/0xff
		}
	case *image.NRGBA:
		return func(x, y int) uint32 {
			p := img.Pix[img.PixOffset(x, y):][:4:4]
			a := uint32(p[3])
			return ((uint32(p[0])+2*uint32(p[1])+uint32(p[2]))/4*a + (0xff-a)*ground) / 0xff
		}
	case image.RGBA64Image:
		return func(x, y int) uint32 {
			c := img.RGBA64At(x, y)
			return ((uint32(c.R)+2*uint32(c.G)+uint32(c.B))/4 + (0xffff-uint32(c.A))*ground/0xff) >> 8
		}
	}
	return func(x, y int) uint32 { return of(img.At(x, y)) }
}

// opaque tells that nothing of the ground shows.
func opaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// halved has half the width and height: what is noisy gets smoother.
func halved(g *grey) *grey {
	out := newGrey(max(g.Width/2, 1), max(g.Height/2, 1))
	for y := range out.Height {
		for x := range out.Width {
			v, u := min(2*y+1, g.Height-1), min(2*x+1, g.Width-1)
			sum := int(g.pixels[2*y*g.Width+2*x]) + int(g.pixels[2*y*g.Width+u]) + int(g.pixels[v*g.Width+2*x]) + int(g.pixels[v*g.Width+u])
			out.pixels[y*out.Width+x] = byte(sum / 4)
		}
	}
	return out
}

// doubled has twice the width and height, with smooth steps: a corner of under
// 7 pixels is not found. It is nil for large pictures.
func doubled(g *grey) *grey {
	if 4*len(g.pixels) > maxPage {
		return nil
	}
	out := newGrey(2*g.Width, 2*g.Height)
	for y := range out.Height {
		for x := range out.Width {
			// A pixel's middle lies a quarter from that of the one that it comes from.
			near := g.pixels[y/2*g.Width+x/2]
			u := min(max(x/2+x%2*2-1, 0), g.Width-1)
			v := min(max(y/2+y%2*2-1, 0), g.Height-1)
			sum := 9*int(near) + 3*int(g.pixels[y/2*g.Width+u]) + 3*int(g.pixels[v*g.Width+x/2]) + int(g.pixels[v*g.Width+u])
			out.pixels[y*out.Width+x] = byte(sum / 16)
		}
	}
	return out
}
