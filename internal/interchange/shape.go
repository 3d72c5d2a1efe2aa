package interchange

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxDepth  = 64        // of JSON
	maxValues = 4_000_000 // of JSON, one in 16 bytes of the largest file: real ones have a third of that
	maxItems  = 100_000   // of a password manager, most of which have no codes
	lookedAt  = 20        // of a list's items, to tell the format
)

// Values are kept as they are written until somebody asks: numbers must not go
// through float64, and one bad value must not refuse the others. Doubled names are
// let pass, the last counts: looking for them takes memory without bound.
var lenient = jsontext.AllowDuplicateNames(true)

// shape is what shows of a JSON text without reading it all.
type shape struct {
	list  bool            // [...], not {...}
	top   map[string]byte // the names at the top, with the kinds of their values: { [ " 0 t f n
	inner map[string]bool // the names in the objects right below the top
	items map[string]bool // the names in the objects of the list "items" at the top
}

func (s shape) has(names ...string) bool {
	for _, n := range names {
		if s.top[n] == 0 {
			return false
		}
	}
	return !s.list
}

// shapeOf looks at data that begins like JSON. It returns an error that is
// [ErrRefused] where it does not go on like JSON, or is nested too deeply.
func shapeOf(data []byte) (s shape, looksLikeJSON bool, err error) {
	data = jsonText(data)
	if len(data) == 0 || data[0] != '{' && data[0] != '[' {
		return shape{}, false, nil
	}
	if err := checkDepth(data); err != nil {
		return shape{}, true, err
	}
	s = shape{list: data[0] == '[', top: make(map[string]byte), inner: make(map[string]bool), items: make(map[string]bool)}
	err = walk(data, maxItems, func(n int, name string, value jsontext.Value) {
		if !s.list && len(name) <= 64 {
			s.top[name] = byte(value.Kind())
		}
		if n < lookedAt && value.Kind() == '{' {
			names(value, s.inner)
		}
		if name == "items" && value.Kind() == '[' {
			_ = walk(value, lookedAt, func(_ int, _ string, item jsontext.Value) { names(item, s.items) })
		}
	})
	return s, true, err
}

// names adds the names in an object.
func names(object jsontext.Value, to map[string]bool) {
	_ = walk(object, 200, func(_ int, name string, _ jsontext.Value) {
		if len(name) <= 64 {
			to[name] = true
		}
	})
}

// jsonText is a JSON text without byte order mark, as UTF-8.
func jsonText(data []byte) []byte {
	if len(data) >= 2 && (data[0] >= 0xfe || data[0] == 0 || data[1] == 0) {
		data = utf8Text(data)
	}
	return trimmed(data)
}

// checkDepth refuses JSON that is nested too deeply, before anything recurses, or has
// more values than any real file.
func checkDepth(data []byte) error {
	depth, values, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return refused("JSON of over %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		case c == ',':
			if values++; values > maxValues {
				return refused("JSON of over %d values", maxValues)
			}
		}
	}
	return nil
}

var errJSON = refused("it is damaged, or cut short: its JSON is not whole")

// walk gives the members of an object or the elements of a list, as views of data.
// A list of over most entries is [ErrTooMany].
func walk(data []byte, most int, each func(n int, name string, value jsontext.Value)) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(data), lenient)
	open, err := d.ReadToken()
	if err != nil || open.Kind() != '{' && open.Kind() != '[' {
		return errJSON
	}
	object := open.Kind() == '{'
	for n := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; n++ {
		if n == most {
			return ErrTooMany
		}
		var name string
		if object {
			token, err := d.ReadToken()
			if err != nil {
				return errJSON
			}
			name = token.String()
		}
		v, err := d.ReadValue()
		if err != nil {
			return errJSON
		}
		end := d.InputOffset()
		each(n, name, jsontext.Value(data[end-int64(len(v)):end]))
	}
	if _, err := d.ReadToken(); err != nil {
		return errJSON
	}
	return nil
}

// elements are the entries of a list, or the values of an object, in their order.
// What is missing, or null, has none.
func elements(data jsontext.Value, most int) (list []jsontext.Value, err error) {
	if len(data) == 0 || data.Kind() == 'n' {
		return nil, nil
	}
	err = walk(data, most, func(_ int, _ string, v jsontext.Value) { list = append(list, v) })
	return list, err
}

// readJSON reads JSON into a struct. Its error says nothing of the content.
func readJSON(data []byte, into any) error {
	data = jsonText(data)
	if err := checkDepth(data); err != nil {
		return err
	}
	return readPart(data, into)
}

// readPart reads JSON whose depth was checked, as a part of what holds it.
func readPart(data []byte, into any) error {
	if err := json.Unmarshal(data, into, lenient); err != nil {
		if jsontext.Value(data).IsValid(lenient) {
			return refused("its JSON is not as this format has it")
		}
		return errJSON
	}
	return nil
}

// loose is a text or a number, as it is written; empty for null or what is left out.
type loose string

func (l *loose) UnmarshalJSON(data []byte) error {
	switch jsontext.Value(data).Kind() {
	case 'n':
		*l = ""
	case '"':
		text, err := jsontext.AppendUnquote(nil, data)
		if err != nil {
			return errJSON
		}
		*l = loose(text)
	case '0':
		*l = loose(data)
	default:
		*l = "?" // no number, and no name of anything
	}
	return nil
}

// number is the whole number up to most that l says, or fallback where it says none.
func (l loose) number(what string, fallback, most uint64) (uint64, error) {
	if l == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(string(l), ".0"), 10, 64)
	if err != nil || n > most {
		return 0, errNumber(what, most)
	}
	return n, nil
}
