// Package qr reads QR codes in pictures, and makes them.
package qr

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// Caps on what is read.
const (
	MaxBytes  = 64 << 20
	MaxPixels = 50_000_000 // by the picture's header

	patience = 4 * time.Second // for all of one picture, where a machine is slow; the caps below are reached before

	// What a page full of codes does not reach, and noise does.
	maxCorners = 120    // finder patterns
	maxChecks  = 60_000 // places that look like one in a row of pixels
	maxTries   = 1000   // of three corners as a code
)

// The errors of [Read].
var (
	ErrPicture  = errors.New("no PNG, JPEG or GIF picture, or a damaged one")
	ErrTooLarge = fmt.Errorf("a picture of over %d megapixels, or over %d MiB", MaxPixels/1_000_000, MaxBytes>>20)
	ErrNone     = errors.New("no QR code in the picture")
)

// Read reads the QR codes in a PNG, JPEG or GIF picture (of the last the first
// frame): their texts, each once, from left to right and from top to bottom. They
// may be turned, inverted, or on a transparent ground. It takes under 2 s, and
// at most 256 MB of memory. Its errors are [ErrPicture], [ErrTooLarge] and
// [ErrNone].
func Read(picture []byte) (texts []string, err error) {
	end := time.Now().Add(patience)
	img, err := open(picture, end)
	if err != nil {
		return nil, err
	}
	l := look{end: end}
	page := flatten(img, white)
	l.at(page)
	if len(l.found) == 0 && !opaque(img) {
		page = flatten(img, black)
		l.at(page)
	}
	img = nil // 200 MB of it
	for _, scaled := range []func(*grey) *grey{halved, doubled, func(g *grey) *grey { return halved(halved(g)) }} {
		if len(l.found) == 0 {
			l.at(scaled(page))
		}
	}
	if len(l.found) == 0 {
		return nil, ErrNone
	}
	return l.texts(), nil
}

// code is a QR code that was read.
type code struct {
	text                     string
	left, top, right, bottom float64 // of its corners, in pixels
}

// look is a search of one picture.
type look struct {
	end   time.Time
	tries int
	found []code
}

func (l *look) over() bool { return time.Now().After(l.end) }

// at looks at a picture and at its inverse, each with a threshold that follows the
// light and with one for all of it: each finds codes that the others miss.
func (l *look) at(page *grey) {
	for range 2 {
		for _, binarizer := range []func(gozxing.LuminanceSource) gozxing.Binarizer{
			gozxing.NewHybridBinarizer, gozxing.NewGlobalHistgramBinarizer,
		} {
			if l.over() {
				return
			}
			safely(func() {
				if m, err := binarizer(page).GetBlackMatrix(); err == nil {
					l.in(m)
				}
			})
		}
		page = page.inverse()
	}
}

// in looks for codes in black and white.
func (l *look) in(m *gozxing.BitMatrix) {
	used := make(map[*detector.FinderPattern]bool)
	for _, t := range triples(corners(m, l.over)) {
		if used[t.a] || used[t.b] || used[t.c] {
			continue
		}
		if l.tries++; l.tries > maxTries || l.over() {
			return
		}
		safely(func() {
			if c, ok := read(m, t); ok {
				used[t.a], used[t.b], used[t.c] = true, true, true
				if !slices.ContainsFunc(l.found, func(d code) bool { return d.text == c.text }) {
					l.found = append(l.found, c)
				}
			}
		})
	}
}

// texts are those of the codes that were found, in reading order: a code that
// begins above the middle of another stands in its row.
func (l *look) texts() (texts []string) {
	slices.SortFunc(l.found, func(a, b code) int { return cmp.Compare(a.top, b.top) })
	for rest := l.found; len(rest) > 0; {
		middle := (rest[0].top + rest[0].bottom) / 2
		n := 1
		for n < len(rest) && rest[n].top < middle {
			n++
		}
		row := rest[:n]
		slices.SortFunc(row, func(a, b code) int { return cmp.Compare(a.left, b.left) })
		for _, c := range row {
			texts = append(texts, c.text)
		}
		rest = rest[n:]
	}
	return texts
}

// corners finds what looks like the corners of codes: in a row, and then across,
// black and white in runs of 1:1:3:1:1. It goes through every second row, for codes
// may be small, and keeps those that were seen the most.
func corners(m *gozxing.BitMatrix, over func() bool) []*detector.FinderPattern {
	finder := detector.NewFinderPatternFinder(m, nil)
	width, checks := m.GetWidth(), 0
	for y := 1; y < m.GetHeight() && checks < maxChecks && !over(); y += 2 {
		var runs [5]int
		state := 0
		for x := range width + 1 {
			if black := x < width && m.Get(x, y); black == (state%2 == 0) && x < width {
				runs[state]++
				continue
			}
			switch {
			case state < 4 && (state > 0 || runs[0] > 0):
				state++
				runs[state] = 1
			case state == 4:
				found := false
				if detector.FinderPatternFinder_foundPatternCross(runs[:]) {
					checks++
					found = finder.HandlePossibleCenter(runs[:], y, x)
				}
				if found {
					runs, state = [5]int{}, 0
				} else {
					runs, state = [5]int{runs[2], runs[3], runs[4], 1}, 3
				}
			}
		}
	}
	list := slices.Clone(finder.GetPossibleCenters())
	slices.SortStableFunc(list, func(a, b *detector.FinderPattern) int { return cmp.Compare(b.GetCount(), a.GetCount()) })
	return list[:min(len(list), maxCorners)]
}

// triple is three corners that may belong to one code.
type triple struct {
	a, b, c *detector.FinderPattern
	crooked float64 // how far it is from a right angle between equal sides; 0 is not at all
}

// triples are those that might be codes, the straightest first.
func triples(list []*detector.FinderPattern) (all []triple) {
	slices.SortFunc(list, func(a, b *detector.FinderPattern) int {
		return cmp.Compare(a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize())
	})
	for i, a := range list {
		for j := i + 1; j < len(list); j++ {
			b := list[j]
			if b.GetEstimatedModuleSize() > 1.5*a.GetEstimatedModuleSize() {
				break
			}
			for _, c := range list[j+1:] {
				if c.GetEstimatedModuleSize() > 1.5*a.GetEstimatedModuleSize() {
					break
				}
				if t, ok := asTriple(a, b, c); ok {
					all = append(all, t)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(s, t triple) int { return cmp.Compare(s.crooked, t.crooked) })
	return all
}

func asTriple(a, b, c *detector.FinderPattern) (triple, bool) {
	sides := [3]float64{distance(a, b), distance(b, c), distance(c, a)}
	slices.Sort(sides[:])
	modules := sides[0] / b.GetEstimatedModuleSize()
	if modules < 8 || modules > 250 { // 14 to 170 between centers, and they are estimates
		return triple{}, false
	}
	t := triple{a, b, c, math.Abs(sides[1]/sides[0]-1) + math.Abs(sides[2]/math.Hypot(sides[0], sides[1])-1)}
	return t, t.crooked < 0.6
}

func distance(a, b gozxing.ResultPoint) float64 {
	return math.Hypot(a.GetX()-b.GetX(), a.GetY()-b.GetY())
}

// read reads the code between three corners.
func read(m *gozxing.BitMatrix, t triple) (code, bool) {
	var p [3]*detector.FinderPattern
	for i, point := range orderedCorners(t) {
		p[i] = point.(*detector.FinderPattern)
	}
	grid, err := detector.NewDetector(m).ProcessFinderPatternInfo(detector.NewFinderPatternInfo(p[0], p[1], p[2]))
	if err != nil {
		return code{}, false
	}
	// Without a word on it, today's codes are UTF-8, not what is likely by their bytes.
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"}
	result, err := decoder.NewDecoder().Decode(grid.GetBits(), hints)
	if err != nil {
		return code{}, false
	}
	c := code{text: strings.ToValidUTF8(result.GetText(), "\ufffd"), left: math.Inf(1), top: math.Inf(1), right: math.Inf(-1), bottom: math.Inf(-1)}
	for _, q := range p {
		c.left, c.right = min(c.left, q.GetX()), max(c.right, q.GetX())
		c.top, c.bottom = min(c.top, q.GetY()), max(c.bottom, q.GetY())
	}
	return c, true
}

// orderedCorners are the corners bottom left, top left, top right.
func orderedCorners(t triple) [3]gozxing.ResultPoint {
	bottomLeft, topLeft, topRight := gozxing.ResultPoint_OrderBestPatterns(t.a, t.b, t.c)
	return [3]gozxing.ResultPoint{bottomLeft, topLeft, topRight}
}

// safely does without what panics: the libraries read foreign bytes.
func safely(f func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	f()
	return true
}
