package qr

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

const uri = "otpauth://totp/Example:alice@example.com?secret=JBSWY3DPEHPK3PXP&issuer=Example&algorithm=SHA1&digits=6&period=30"

// made is a QR code by another library, of so many pixels and with a margin of 20.
func made(t testing.TB, text string, side int) *image.NRGBA {
	t.Helper()
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		t.Fatal(err)
	}
	if code, err = barcode.Scale(code, side, side); err != nil {
		t.Fatal(err)
	}
	page := blank(side+40, side+40, color.White)
	draw.Draw(page, code.Bounds().Add(image.Pt(20, 20)), code, image.Point{}, draw.Src)
	return page
}

func blank(width, height int, c color.Color) *image.NRGBA {
	page := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(page, page.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return page
}

// changed gives each pixel another colour.
func changed(img *image.NRGBA, to func(x, y int, c color.NRGBA) color.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(img.Bounds())
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.SetNRGBA(x, y, to(x, y, img.NRGBAAt(x, y)))
		}
	}
	return out
}

// turned is a picture turned around its middle, on white.
func turned(img *image.NRGBA, degrees float64) *image.NRGBA {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	n := int(1.5 * float64(img.Rect.Dx()))
	out := blank(n, n, color.White)
	half, from := float64(n)/2, float64(img.Rect.Dx())/2
	for y := range n {
		for x := range n {
			dx, dy := float64(x)-half, float64(y)-half
			if p := image.Pt(int(from+cos*dx+sin*dy), int(from-sin*dx+cos*dy)); p.In(img.Rect) {
				out.Set(x, y, img.At(p.X, p.Y))
			}
		}
	}
	return out
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asGIF(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := gif.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	usual := made(t, uri, 240)
	inverse := func(_, _ int, c color.NRGBA) color.NRGBA { return color.NRGBA{^c.R, ^c.G, ^c.B, c.A} }
	cleared := func(gone uint8) func(int, int, color.NRGBA) color.NRGBA {
		return func(_, _ int, c color.NRGBA) color.NRGBA {
			if c.R == gone {
				return color.NRGBA{}
			}
			return c
		}
	}
	noisy := func(_, _ int, c color.NRGBA) color.NRGBA {
		v := uint8(min(max(int(c.R)*5/8+50+random.IntN(60)-30, 0), 255))
		return color.NRGBA{v, v, v, 255}
	}
	// A page with lines of text, a dark bar, and the code at its side.
	page := blank(1920, 1080, color.NRGBA{240, 242, 245, 255})
	draw.Draw(page, image.Rect(0, 0, 1920, 80), image.Black, image.Point{}, draw.Src)
	for range 4000 {
		x, y := random.IntN(1200), 120+random.IntN(45)*20
		draw.Draw(page, image.Rect(x, y, x+2+random.IntN(4), y+4+random.IntN(9)), image.Black, image.Point{}, draw.Src)
	}
	draw.Draw(page, image.Rect(1400, 300, 1680, 580), usual, image.Point{}, draw.Src)
	// Three codes, one of them inverted.
	three := blank(900, 700, color.White)
	draw.Draw(three, image.Rect(10, 30, 310, 330), made(t, "one", 240), image.Point{}, draw.Src)
	draw.Draw(three, image.Rect(500, 10, 800, 310), changed(made(t, "two", 240), inverse), image.Point{}, draw.Src)
	draw.Draw(three, image.Rect(200, 380, 500, 680), made(t, "three", 240), image.Point{}, draw.Src)

	// A page of them, three times as many corners as there are codes.
	page64 := image.NewGray(image.Rect(0, 0, 8*120, 8*120))
	var texts []string
	for i := range 64 {
		texts = append(texts, fmt.Sprintf("otpauth://totp/%02d?secret=JBSWY3DPEHPK3PXP", i))
		small := made(t, texts[i], 80)
		draw.Draw(page64, small.Rect.Add(image.Pt(i%8*120, i/8*120)), small, image.Point{}, draw.Src)
	}

	tests := []struct {
		name    string
		picture []byte
		want    string
	}{
		{"PNG", asPNG(t, usual), uri},
		{"JPEG", asJPEG(t, usual, 80), uri},
		{"GIF", asGIF(t, usual), uri},
		{"inverted", asPNG(t, changed(usual, inverse)), uri},
		{"on a transparent ground", asPNG(t, changed(usual, cleared(255))), uri},
		{"white on a transparent ground", asPNG(t, changed(changed(usual, inverse), cleared(0))), uri},
		{"turned by 90", asPNG(t, turned(usual, 90)), uri},
		{"turned by 180", asPNG(t, turned(usual, 180)), uri},
		{"turned by 270", asPNG(t, turned(usual, 270)), uri},
		{"turned by 7", asPNG(t, turned(usual, 7)), uri},
		{"turned by -12", asPNG(t, turned(usual, -12)), uri},
		{"small", asPNG(t, made(t, "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP", 58)), "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP"},
		{"large", asPNG(t, made(t, uri, 3600)), uri},
		{"a noisy JPEG", asJPEG(t, changed(usual, noisy), 30), uri},
		{"on a page", asPNG(t, page), uri},
		{"several", asPNG(t, three), "one\ntwo\nthree"},
		{"64 codes", asPNG(t, page64), strings.Join(texts, "\n")},
		{"UTF-8", asPNG(t, made(t, "otpauth://totp/Zürich:Жанна 東京", 240)), "otpauth://totp/Zürich:Жанна 東京"},
	}
	for _, tt := range tests {
		start := time.Now()
		got, err := Read(tt.picture)
		if err != nil || strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
		t.Logf("%s: %s", tt.name, time.Since(start).Round(time.Millisecond))
	}
}

// pngOf is a PNG of one's own making: a header, and compressed data.
func pngOf(width, height uint32, depth, kind, interlace byte, data []byte) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, body []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
		out = append(out, name...)
		out = append(out, body...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[len(out)-len(body)-4:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(header, depth, kind, 0, 0, interlace))
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write(data)
	z.Close()
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return out
}

func TestHostilePictures(t *testing.T) {
	striped := blank(3000, 3000, color.White)
	for x := range 3000 { // every seven pixels what a corner looks like
		if strings.ContainsRune("#.###.#", rune("#.###.#."[x%8])) && "#.###.#."[x%8] == '#' {
			draw.Draw(striped, image.Rect(x, 0, x+1, 3000), image.Black, image.Point{}, draw.Src)
		}
	}
	// A code whose corners are right, and its data is not.
	damaged := made(t, uri, 160)
	for i := range 10 {
		at := image.Pt(20+i*12, 70+i*7%30)
		draw.Draw(damaged, image.Rect(0, 0, 12, 30).Add(at), image.NewUniform(color.Gray{uint8(i % 2 * 255)}), image.Point{}, draw.Src)
	}
	codes := image.NewGray(image.Rect(0, 0, 2000, 2000))
	for i := range 100 {
		draw.Draw(codes, damaged.Rect.Add(image.Pt(i%10*200, i/10*200)), damaged, image.Point{}, draw.Src)
	}
	// A JPEG with the same scan again and again.
	flat := asJPEG(t, blank(3000, 3000, color.White), 50)
	scan := bytes.Index(flat, []byte(jpegScan))
	scans := slices.Concat(flat[:scan], bytes.Repeat(flat[scan:len(flat)-2], 100), flat[len(flat)-2:])
	whole := asJPEG(t, made(t, uri, 240), 80)
	tests := []struct {
		name    string
		picture []byte
		want    error
	}{
		{"nothing", nil, ErrPicture},
		{"a text", []byte("otpauth://totp/a"), ErrPicture},
		{"a header alone", []byte("\x89PNG\r\n\x1a\n"), ErrPicture},
		{"over 50 megapixels", pngOf(50_001, 1000, 1, 0, 0, nil), ErrTooLarge},
		{"2^31 pixels wide", pngOf(1<<31-1, 1<<31-1, 8, 2, 0, nil), ErrPicture}, // the library says that it overflows
		{"50 megapixels of 8 bytes", pngOf(50_000, 1000, 16, 6, 0, nil), ErrTooLarge},
		{"50 megapixels interlaced", pngOf(50_000, 1000, 8, 6, 1, nil), ErrTooLarge},
		{"a header that lies", pngOf(7000, 7000, 8, 0, 0, make([]byte, 100)), ErrPicture},
		{"no pixels", pngOf(0, 0, 8, 0, 0, nil), ErrPicture},
		{"a bomb in a small picture", pngOf(10, 10, 8, 0, 0, make([]byte, 100<<20)), ErrPicture},
		{"49 megapixels of white", pngOf(7000, 7000, 1, 0, 0, bytes.Repeat(append([]byte{0}, bytes.Repeat([]byte{255}, 875)...), 7000)), ErrNone},
		{"one pixel", asPNG(t, blank(1, 1, color.Black)), ErrNone},
		{"a line", asPNG(t, blank(5000, 1, color.White)), ErrNone},
		{"half a JPEG", whole[:len(whole)/2], ErrPicture},
		{"over 64 MiB", make([]byte, MaxBytes+1), ErrTooLarge},
		{"stripes", asPNG(t, striped), ErrNone},
		{"a JPEG of 100 scans", scans, ErrTooLarge},
		{"corners and nothing else", asPNG(t, corners(2000, 2, 20)), ErrSpent},
		{"large corners and nothing else", asPNG(t, corners(3000, 20, 160)), ErrSpent},
		{"100 codes with damaged data", asPNG(t, codes), ErrSpent},
	}
	for _, tt := range tests {
		start := time.Now()
		left := MaxWork
		got, err := ReadWithin(tt.picture, &left)
		if !errors.Is(err, tt.want) || len(got) != 0 {
			t.Errorf("%s: %q, %v; want %v", tt.name, got, err, tt.want)
		}
		t.Logf("%s: %s", tt.name, time.Since(start).Round(time.Millisecond)) // 2 s are wanted, on a machine at rest
	}
}

// corners draws what codes have in three corners, so many pixels a module and every so many pixels.
func corners(side, module, every int) *image.Gray {
	page := image.NewGray(image.Rect(0, 0, side, side))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	for y := 0; y < side; y += every {
		for x := 0; x < side; x += every {
			for i, c := range []*image.Uniform{image.Black, image.White, image.Black} {
				draw.Draw(page, image.Rect(x+i*module, y+i*module, x+(7-i)*module, y+(7-i)*module), c, image.Point{}, draw.Src)
			}
		}
	}
	return page
}

// TestReadWithin reads pictures with what others left of the work.
func TestReadWithin(t *testing.T) {
	usual := asPNG(t, made(t, uri, 240))
	left := MaxWork
	got, err := ReadWithin(usual, &left)
	if err != nil || !slices.Equal(got, []string{uri}) {
		t.Fatalf("%q, %v", got, err)
	}
	takes := MaxWork - left
	for _, tt := range []struct {
		left int
		want error
		rest int
	}{
		{takes, nil, 0},
		{1, ErrSpent, 1}, // for a smaller one
	} {
		left := tt.left
		if _, err := ReadWithin(usual, &left); !errors.Is(err, tt.want) || left != tt.rest {
			t.Errorf("with %d: %v, left %d; want %v, %d", tt.left, err, left, tt.want, tt.rest)
		}
	}
	left = takes - 1
	if got, err := ReadWithin(usual, &left); !errors.Is(err, ErrSpent) || !slices.Equal(got, []string{uri}) {
		t.Errorf("with too little for all looks: %q, %v; want what was found, and ErrSpent", got, err)
	}
	hostile := asPNG(t, corners(2000, 2, 20))
	if got, err := Read(hostile); !errors.Is(err, ErrNone) {
		t.Errorf("corners alone: %q, %v", got, err)
	}
}

// TestSpoiltPictures flips bits, and cuts short: either the text is right, or there
// is an error of ours.
func TestSpoiltPictures(t *testing.T) {
	small := made(t, uri, 120)
	for name, picture := range map[string][]byte{"PNG": asPNG(t, small), "JPEG": asJPEG(t, small, 60), "GIF": asGIF(t, small)} {
		for i := range 60 {
			at := len(picture) * i / 60
			flipped := bytes.Clone(picture)
			flipped[at] ^= 1 << (i % 8)
			for what, data := range map[string][]byte{"cut": picture[:at], "flipped": flipped} {
				got, err := Read(data)
				ours := errors.Is(err, ErrPicture) || errors.Is(err, ErrNone) || errors.Is(err, ErrTooLarge)
				if err != nil && !ours || err == nil && !slices.Equal(got, []string{uri}) {
					t.Errorf("%s %s at %d: %q, %v", name, what, at, got, err)
				}
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	small := made(f, "otpauth://totp/a?secret=AA", 58)
	f.Add(asPNG(f, small))
	f.Add(asJPEG(f, small, 50))
	f.Add(asGIF(f, small))
	f.Add([]byte(fmt.Sprintf("GIF89a%s", strings.Repeat("\x01\x00", 10))))
	f.Fuzz(func(t *testing.T, data []byte) {
		texts, err := Read(data)
		if (err == nil) != (len(texts) > 0) {
			t.Fatalf("%q, %v", texts, err)
		}
	})
}
