// Package qr reads QR codes in pictures, and makes them.
package qr

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// Caps on what is read.
const (
	MaxBytes  = 64 << 20
	MaxPixels = 50_000_000 // by the picture's header

	// MaxWork is what one picture may take, in units of about a nanosecond. It is
	// counted, not timed: the same picture always has the same answer.
	MaxWork = 1_500_000_000

	maxSeen    = 4000 // corners that a look finds,
	maxCorners = 320  // of which it keeps those that were seen the most: a page of 100 codes
)

// What things take of the work.
const (
	workOfLook   = 12 // at one pixel
	workOfStep   = 3  // to look at a pixel again
	workOfTriple = 15
	workOfOrder  = 150    // to put a triple in order
	workOfTry    = 20_000 // to measure one
	workOfModule = 30     // to read one
)

// The errors of [Read].
var (
	ErrPicture  = errors.New("no PNG, JPEG or GIF picture, or a damaged one")
	ErrTooLarge = fmt.Errorf("a picture of over %d megapixels, or over %d MiB", MaxPixels/1_000_000, MaxBytes>>20)
	ErrNone     = errors.New("no QR code in the picture")
	ErrSpent    = errors.New("the work that is allowed is spent") // of [ReadWithin]
)

// Read reads the QR codes in a PNG, JPEG or GIF picture (of the last the first
// frame): their texts, each once, from left to right and from top to bottom. They
// may be turned, inverted, or on a transparent ground. It takes [MaxWork], under 2 s
// on a usual computer, and 256 MB of memory at most; what it has found by then is
// the answer. Its errors are [ErrPicture], [ErrTooLarge] and [ErrNone].
func Read(picture []byte) ([]string, error) {
	left := MaxWork
	texts, err := ReadWithin(picture, &left)
	switch {
	case errors.Is(err, ErrSpent) && len(texts) > 0:
		return texts, nil
	case errors.Is(err, ErrSpent):
		return nil, ErrNone
	}
	return texts, err
}

// ReadWithin is [Read] for one of several pictures that share an allowance of work,
// which it takes from. If that runs out, [ErrSpent] stands beside what was found.
func ReadWithin(picture []byte, left *int) ([]string, error) {
	l := look{left: left}
	img, err := l.open(picture)
	if err != nil {
		return nil, err
	}
	page := l.flatten(img, white)
	l.at(page)
	if len(l.found) == 0 && !opaque(img) {
		page = l.flatten(img, black)
		l.at(page)
	}
	img = nil // 200 MB of it
	for _, scaled := range []func(*grey) *grey{halved, doubled, func(g *grey) *grey { return halved(halved(g)) }} {
		if len(l.found) == 0 && page != nil {
			l.at(scaled(page))
		}
	}
	switch {
	case l.spent:
		return l.texts(), ErrSpent
	case len(l.found) == 0:
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
	left  *int // of the work that is allowed
	spent bool
	found []code
	used  []*detector.FinderPattern // the corners of those
}

// spend takes work. Where there is not enough left, the search ends, and leaves that
// to other pictures.
func (l *look) spend(work int) bool {
	if work > *l.left {
		l.spent = true
	}
	if !l.spent {
		*l.left -= work
	}
	return !l.spent
}

// at looks at a picture and at its inverse, each with a threshold that follows the
// light and with one for all of it: each finds codes that the others miss.
func (l *look) at(page *grey) {
	for range 2 {
		for _, binarizer := range []func(gozxing.LuminanceSource) gozxing.Binarizer{
			gozxing.NewHybridBinarizer, gozxing.NewGlobalHistgramBinarizer,
		} {
			if page == nil || !l.spend(workOfLook*len(page.pixels)) {
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

// in looks for codes in black and white, with corners of none that was found.
func (l *look) in(m *gozxing.BitMatrix) {
	list := l.corners(m)
	taken := make([]bool, len(list))
	for _, t := range l.triples(list) {
		if taken[t.a] || taken[t.b] || taken[t.c] {
			continue
		}
		if !l.spend(workOfTry) {
			return
		}
		safely(func() {
			if c, ok := l.read(m, list[t.a], list[t.b], list[t.c]); ok {
				taken[t.a], taken[t.b], taken[t.c] = true, true, true
				l.used = append(l.used, list[t.a], list[t.b], list[t.c])
				if !slices.ContainsFunc(l.found, func(d code) bool { return d.text == c.text }) {
					l.found = append(l.found, c)
				}
			}
		})
	}
}

// known tells a corner of a code that was found in a look before.
func (l *look) known(a *detector.FinderPattern) bool {
	return slices.ContainsFunc(l.used, func(b *detector.FinderPattern) bool {
		return b.AboutEquals(a.GetEstimatedModuleSize(), a.GetY(), a.GetX())
	})
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
// may be small, and keeps those that were seen the most. Unlike gozxing's own
// finder it goes no further across than the pattern in the row is wide.
func (l *look) corners(m *gozxing.BitMatrix) []*detector.FinderPattern {
	var list []*detector.FinderPattern
	width := m.GetWidth()
	for y := 1; y < m.GetHeight() && len(list) < maxSeen && !l.spent; y += 2 {
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
				if c := l.corner(m, runs, x, y); c != nil {
					list = l.join(list, c)
					runs, state = [5]int{}, 0
				} else {
					runs, state = [5]int{runs[2], runs[3], runs[4], 1}, 3
				}
			}
		}
	}
	list = slices.DeleteFunc(list, l.known)
	slices.SortStableFunc(list, func(a, b *detector.FinderPattern) int { return cmp.Compare(b.GetCount(), a.GetCount()) })
	return list[:min(len(list), maxCorners)]
}

// corner checks the runs in row y that end before x; nil if they are of no corner.
func (l *look) corner(m *gozxing.BitMatrix, runs [5]int, x, y int) *detector.FinderPattern {
	if !detector.FinderPatternFinder_foundPatternCross(runs[:]) {
		return nil
	}
	size := total(runs)
	cx := float64(x-runs[4]-runs[3]) - float64(runs[2])/2
	down, off := l.across(m, int(cx), y, 0, 1, size)
	if 5*max(total(down)-size, size-total(down)) >= 2*size || !detector.FinderPatternFinder_foundPatternCross(down[:]) {
		return nil
	}
	cy := float64(y) + off
	right, off := l.across(m, int(cx), int(cy), 1, 0, size)
	if 5*max(total(right)-size, size-total(right)) >= size || !detector.FinderPatternFinder_foundPatternCross(right[:]) {
		return nil
	}
	cx = float64(int(cx)) + off
	if diagonal, _ := l.across(m, int(cx), int(cy), 1, 1, size); !detector.FinderPatternFinder_foundPatternDiagonal(diagonal[:]) {
		return nil
	}
	return detector.NewFinderPattern1(cx, cy, float64(size)/7)
}

// across counts the runs along a line through (x, y), as long as they are up to most,
// and tells how far along it from there the middle lies.
func (l *look) across(m *gozxing.BitMatrix, x, y, dx, dy, most int) (runs [5]int, middle float64) {
	at := 0
	count := func(run, step int) {
		for runs[run] <= most && m.Get(x+at*dx, y+at*dy) == (run%2 == 0) { // beyond the edge is white
			runs[run]++
			at += step
		}
	}
	for run := 2; run >= 0; run-- {
		count(run, -1)
	}
	at = 1
	for run := 2; run <= 4; run++ {
		count(run, 1)
	}
	l.spend(workOfStep * total(runs))
	return runs, float64(at-runs[4]-runs[3]) - float64(runs[2])/2
}

func total(runs [5]int) int { return runs[0] + runs[1] + runs[2] + runs[3] + runs[4] }

// join adds a corner to a list, or to what was seen of it before: in the last rows, mostly.
func (l *look) join(list []*detector.FinderPattern, c *detector.FinderPattern) []*detector.FinderPattern {
	for i, known := range slices.Backward(list) {
		if known.AboutEquals(c.GetEstimatedModuleSize(), c.GetY(), c.GetX()) {
			l.spend(workOfStep * (len(list) - i))
			list[i] = known.CombineEstimate(c.GetY(), c.GetX(), c.GetEstimatedModuleSize())
			return list
		}
	}
	l.spend(workOfStep * len(list))
	return append(list, c)
}

// triple is three corners of a list that may belong to one code.
type triple struct {
	a, b, c int16
	rank    int32 // the lower, the more likely
}

// triples are those that might be codes, the straightest first: of those about as
// straight the smallest, for larger ones are of corners of several codes.
func (l *look) triples(list []*detector.FinderPattern) (all []triple) {
	slices.SortFunc(list, func(a, b *detector.FinderPattern) int {
		return cmp.Compare(a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize())
	})
	for i, a := range list {
		most := 1.5 * a.GetEstimatedModuleSize()
		for j := i + 1; j < len(list) && list[j].GetEstimatedModuleSize() <= most && l.spend(workOfTriple*(len(list)-j)); j++ {
			for k := j + 1; k < len(list) && list[k].GetEstimatedModuleSize() <= most; k++ {
				if rank, ok := rankOf(a, list[j], list[k]); ok {
					all = append(all, triple{int16(i), int16(j), int16(k), rank})
				}
			}
		}
	}
	if !l.spend(workOfOrder * len(all)) {
		return nil
	}
	slices.SortFunc(all, func(s, t triple) int { return cmp.Compare(s.rank, t.rank) })
	return all
}

// rankOf is how far three corners are from a right angle between equal sides, in
// tenths, and then how far they are apart; not ok for those that can be no code.
func rankOf(a, b, c *detector.FinderPattern) (rank int32, ok bool) {
	x, y, z := distance(a, b), distance(b, c), distance(c, a)
	short, long := min(x, y, z), max(x, y, z)
	other := x + y + z - short - long
	modules := short / b.GetEstimatedModuleSize()
	if modules < 8 || modules > 250 { // 14 to 170 between centers, and they are estimates
		return 0, false
	}
	crooked := math.Abs(other/short-1) + math.Abs(long/math.Sqrt(short*short+other*other)-1)
	return int32(10*crooked)<<24 + int32(10*short), crooked < 0.6
}

func distance(a, b gozxing.ResultPoint) float64 {
	dx, dy := a.GetX()-b.GetX(), a.GetY()-b.GetY()
	return math.Sqrt(dx*dx + dy*dy)
}

// read reads the code between three corners.
func (l *look) read(m *gozxing.BitMatrix, corners ...*detector.FinderPattern) (code, bool) {
	points := orderedCorners(corners)
	side := max(distance(points[0], points[1]), distance(points[1], points[2]))
	grid, err := detector.NewDetector(m).ProcessFinderPatternInfo(detector.NewFinderPatternInfo(points[0], points[1], points[2]))
	if _, outside := errors.AsType[gozxing.NotFoundException](errors.Unwrap(err)); outside { // told after the search
		l.spend(searched(m, side/16))
	}
	if err != nil {
		return code{}, false
	}
	modules := grid.GetBits().GetWidth()
	l.spend(workOfModule*modules*modules + searched(m, side/float64(modules-9)))
	// Without a word on it, today's codes are UTF-8, not what is likely by their bytes.
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"}
	result, err := decoder.NewDecoder().Decode(grid.GetBits(), hints)
	if err != nil {
		return code{}, false
	}
	c := code{text: strings.ToValidUTF8(result.GetText(), "\ufffd"), left: math.Inf(1), top: math.Inf(1), right: math.Inf(-1), bottom: math.Inf(-1)}
	for _, q := range points {
		c.left, c.right = min(c.left, q.GetX()), max(c.right, q.GetX())
		c.top, c.bottom = min(c.top, q.GetY()), max(c.bottom, q.GetY())
	}
	return c, true
}

// searched is the work of gozxing's search for a code's fourth, small pattern: 16
// modules of that size each way at most, after a half and a quarter of that.
func searched(m *gozxing.BitMatrix, module float64) int {
	area := min(32*module, float64(m.GetWidth())) * min(32*module, float64(m.GetHeight()))
	return int(workOfStep * (1 + 1./4 + 1./16) * area)
}

// orderedCorners are the corners bottom left, top left, top right.
func orderedCorners(corners []*detector.FinderPattern) (ordered [3]*detector.FinderPattern) {
	bottomLeft, topLeft, topRight := gozxing.ResultPoint_OrderBestPatterns(corners[0], corners[1], corners[2])
	for i, point := range []gozxing.ResultPoint{bottomLeft, topLeft, topRight} {
		ordered[i] = point.(*detector.FinderPattern)
	}
	return ordered
}

// safely does without what panics: the libraries read foreign bytes.
func safely(f func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	f()
	return true
}
