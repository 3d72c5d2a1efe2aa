package interchange

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
	"unicode/utf16"
)

const (
	maxObjects    = 200_000 // of a property list
	maxPlistText  = 4096    // characters
	maxPlistNames = 32      // of a dictionary
)

var errPlist = refused("its property list is damaged")

// plist is a binary property list (opensource.apple.com, CFBinaryPList.c), read
// object by object as somebody asks: nothing in it is followed by itself, so that
// it cannot go in circles.
type plist struct {
	data      []byte // up to the table of offsets
	offsets   []byte
	wide, ref int // bytes of an offset, and of a reference
	count     int
	top       int
}

// plistValue is one object; of a kind that nothing here needs, it is empty.
type plistValue struct {
	number int64          // a whole number
	uid    int            // of NSKeyedArchiver, where isUID
	isUID  bool           //
	bytes  []byte         // a view of data
	text   string         //
	list   []int          // references
	dict   map[string]int // references
}

func parsePlist(data []byte) (*plist, error) {
	const tail = 32
	if !bytes.HasPrefix(data, []byte("bplist00")) || len(data) < 8+tail {
		return nil, errPlist
	}
	end := data[len(data)-tail:]
	p := &plist{wide: int(end[6]), ref: int(end[7])}
	count, top, table := binary.BigEndian.Uint64(end[8:]), binary.BigEndian.Uint64(end[16:]), binary.BigEndian.Uint64(end[24:])
	body := uint64(len(data) - tail)
	if p.wide < 1 || p.wide > 8 || p.ref < 1 || p.ref > 8 || count > maxObjects || top >= count || table > body || count*uint64(p.wide) > body-table {
		return nil, errPlist
	}
	p.data, p.offsets, p.count, p.top = data[:table], data[table:body], int(count), int(top)
	return p, nil
}

// bigEndian reads a number of 1 to 8 bytes.
func bigEndian(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// object reads one object. A list of over most entries is an error.
func (p *plist) object(i, most int) (v plistValue, err error) {
	if i < 0 || i >= p.count {
		return v, errPlist
	}
	at := bigEndian(p.offsets[i*p.wide : (i+1)*p.wide])
	if at >= uint64(len(p.data)) {
		return v, errPlist
	}
	kind, low, rest := p.data[at]>>4, int(p.data[at]&15), p.data[at+1:]
	size := low
	if low == 15 && kind >= 4 && kind != 8 { // the size stands behind, as a number
		if len(rest) == 0 || rest[0]>>4 != 1 || rest[0]&15 > 3 || len(rest) < 1+1<<(rest[0]&15) {
			return v, errPlist
		}
		wide := 1 << (rest[0] & 15)
		long := bigEndian(rest[1 : 1+wide])
		if long > uint64(len(p.data)) {
			return v, errPlist
		}
		size, rest = int(long), rest[1+wide:]
	}
	take := func(n int) (b []byte) {
		if n > len(rest) {
			err = errPlist
			return nil
		}
		b, rest = rest[:n], rest[n:]
		return b
	}
	refs := func(n, most int) (list []int) {
		if n > most {
			err = errPlist
			return nil
		}
		b := take(n * p.ref)
		for ; len(b) > 0; b = b[p.ref:] {
			list = append(list, int(min(bigEndian(b[:p.ref]), math.MaxInt32)))
		}
		return list
	}
	switch kind {
	case 0: // null, true, false
		if low == 9 {
			v.number = 1
		}
	case 1:
		if low > 3 {
			return v, errPlist
		}
		v.number = int64(bigEndian(take(1 << low)))
	case 4:
		v.bytes = take(size)
	case 5:
		if size > maxPlistText {
			return v, errPlist
		}
		v.text = string(take(size))
	case 6:
		if size > maxPlistText {
			return v, errPlist
		}
		b := take(2 * size)
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(b[2*i:])
		}
		v.text = string(utf16.Decode(units))
	case 8:
		v.uid, v.isUID = int(min(bigEndian(take(min(low+1, 8))), math.MaxInt32)), true
	case 10, 12:
		v.list = refs(size, most)
	case 13:
		names, values := refs(size, maxPlistNames), refs(size, maxPlistNames)
		if err != nil {
			return v, err
		}
		v.dict = make(map[string]int, size)
		for i, n := range names {
			v.dict[p.name(n)] = values[i]
		}
	}
	return v, err
}

// name is a short text as dictionaries have them for names; empty for anything else.
func (p *plist) name(i int) string {
	if i >= p.count {
		return ""
	}
	at := bigEndian(p.offsets[i*p.wide : (i+1)*p.wide])
	if at >= uint64(len(p.data)) || p.data[at]>>4 != 5 {
		return ""
	}
	size, rest := int(p.data[at]&15), p.data[at+1:]
	if size == 15 && len(rest) >= 2 && rest[0] == 0x10 {
		size, rest = int(rest[1]), rest[2:]
	}
	if size > len(rest) {
		return ""
	}
	return string(rest[:size])
}

// archive is a property list that NSKeyedArchiver wrote: all objects stand in one
// list, and refer to each other by their places there.
type archive struct {
	*plist
	objects []int
	root    plistValue
}

func openArchive(data []byte) (*archive, error) {
	p, err := parsePlist(data)
	if err != nil {
		return nil, err
	}
	top, err := p.object(p.top, 0)
	if err != nil {
		return nil, err
	}
	list, err := p.object(p.at(top, "$objects"), maxObjects)
	if err != nil {
		return nil, err
	}
	first, err := p.object(p.at(top, "$top"), 0)
	if err != nil {
		return nil, err
	}
	a := &archive{plist: p, objects: list.list}
	a.root = a.member(first, "root")
	return a, nil
}

// at is the place of a member, -1 for none.
func (p *plist) at(v plistValue, name string) int {
	if i, found := v.dict[name]; found {
		return i
	}
	return -1
}

// follow reads the object at a place, and if that refers to another, that one. It is
// empty for none, and for a list of over most entries.
func (a *archive) follow(i, most int) plistValue {
	v, err := a.object(i, most)
	if err == nil && v.isUID {
		if v.uid <= 0 || v.uid >= len(a.objects) { // 0 stands for nothing
			return plistValue{}
		}
		v, err = a.object(a.objects[v.uid], most)
	}
	if err != nil {
		return plistValue{}
	}
	return v
}

// member is a member of a dictionary that is no list itself.
func (a *archive) member(v plistValue, name string) plistValue { return a.follow(a.at(v, name), 0) }

func (a *archive) refs(v plistValue, name string) []int {
	return a.follow(a.at(v, name), MaxEntries).list
}

// value is what an NSDictionary has under a text.
func (a *archive) value(v plistValue, name string) plistValue {
	values := a.refs(v, "NS.objects")
	for i, k := range a.refs(v, "NS.keys") {
		if i < len(values) && a.follow(k, 0).text == name {
			return a.follow(values[i], 0)
		}
	}
	return plistValue{}
}

// list is what an NSArray holds.
func (a *archive) list(v plistValue) iter.Seq2[int, plistValue] {
	return func(yield func(int, plistValue) bool) {
		for n, i := range a.refs(v, "NS.objects") {
			if !yield(n, a.follow(i, 0)) {
				return
			}
		}
	}
}

// bytes is what an NSData holds, or the data itself.
func (a *archive) bytes(v plistValue) ([]byte, error) {
	if v.dict != nil {
		v = a.member(v, "NS.data")
	}
	if len(v.bytes) == 0 {
		return nil, errPlist
	}
	return v.bytes, nil
}
