// Package interchange reads and writes accounts in the formats of other programs.
package interchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"codefob/internal/account"
)

// Caps on what an import looks at.
const (
	MaxBytes   = 64 << 20
	MaxEntries = 10_000 // accounts and entries that cannot be read, together

	maxLines = 1_000_000 // of a text, blank ones and comments included; what follows is not looked at
)

// The errors of an import as a whole.
var (
	ErrUnrecognized = errors.New("no file of accounts in a known format")
	ErrTooLarge     = fmt.Errorf("over %d MiB", MaxBytes>>20)
	ErrTooMany      = fmt.Errorf("over %d accounts", MaxEntries)
)

// Result is what an import found: the accounts in their order, without ids, and
// what could not be read.
type Result struct {
	Format   string // its name, as --format takes it
	Accounts []account.Account
	Errors   []EntryError
	Others   int    // entries that are no accounts with codes: passwords, approvals by push, what lies in the bin
	Parts    []Part // of exports of Google Authenticator; see [MissingParts]
}

// EntryError says why one entry was left out. It never holds a secret.
type EntryError struct {
	Where string // "line 3", or "line 3, GitHub (alice)" where the label could be read
	Err   error
}

func (e EntryError) Error() string { return e.Where + ": " + e.Err.Error() }

func (e EntryError) Unwrap() error { return e.Err }

// ParseURIList reads otpauth URIs, one a line, as [account.ParseURI] takes them.
// It skips blank lines and those that begin with #. The text is UTF-8 or UTF-16,
// with any line ends. It returns [ErrUnrecognized] when no line is an otpauth
// URI or one of its kin, [ErrTooLarge] or [ErrTooMany].
func ParseURIList(data []byte) (Result, error) {
	return parseURIs(data, func([]byte) bool { return false })
}

// parseURIs reads a list; lines for which other is true are counted as no accounts.
func parseURIs(data []byte, other func(line []byte) bool) (Result, error) {
	if len(data) > MaxBytes {
		return Result{}, ErrTooLarge
	}
	var (
		result     Result
		recognized bool
		entries    int
	)
	for line, number := range textLines(data) {
		if entries++; entries > MaxEntries {
			break
		}
		if other(line) {
			result.Others++
			recognized = true
			continue
		}
		known, err := result.addURI(fmt.Sprintf("line %d", number), string(line))
		if err != nil {
			return Result{}, err
		}
		recognized = recognized || known
	}
	switch {
	case !recognized:
		return Result{}, ErrUnrecognized
	case entries > MaxEntries:
		return Result{}, ErrTooMany
	}
	return result, nil
}

// addURI adds what one URI holds, or why it cannot be read. It tells whether it is
// an otpauth URI or one of its kin at all; its error is [ErrTooMany].
func (r *Result) addURI(where, uri string) (known bool, err error) {
	if isMigrationURI([]byte(uri)) {
		return true, r.addMigration(where, uri)
	}
	a, err := account.ParseURI(uri)
	if err != nil {
		if a.Issuer != "" || a.Name != "" {
			where += ", " + a.Label()
		}
		r.Errors = append(r.Errors, EntryError{where, err})
		return !errors.Is(err, account.ErrNotURI), nil
	}
	r.Accounts = append(r.Accounts, a)
	return true, nil
}

// textLines gives the lines of a text that are not blank and no comments, without
// spaces around, and their numbers.
func textLines(data []byte) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		data := utf8Text(data)
		for number, line := 1, []byte(nil); len(data) > 0 && number <= maxLines; number++ {
			line, data = cutLine(data)
			if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
				continue
			}
			if !yield(line, number) {
				return
			}
		}
	}
}

// isURILine tells whether a line begins as otpauth URIs and their kin do.
func isURILine(line []byte) bool {
	scheme, _, found := bytes.Cut(line[:min(len(line), 20)], []byte(":"))
	if !found {
		return false
	}
	switch strings.ToLower(string(scheme)) {
	case "otpauth", "apple-otpauth", "steam", "motp", "otpauth-migration", "phonefactor":
		return true
	}
	return false
}

// FormatURIList writes one otpauth URI a line, secrets included.
func FormatURIList(accounts []account.Account) []byte {
	var out bytes.Buffer
	for _, a := range accounts {
		out.WriteString(a.URI())
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// cutLine divides text after its first line, which ends in LF, CRLF, CR or the text's end.
func cutLine(text []byte) (line, rest []byte) {
	i := 0
	for i < len(text) && text[i] != '\n' && text[i] != '\r' { // twice as fast as bytes.IndexAny
		i++
	}
	if i == len(text) {
		return text, nil
	}
	line, rest = text[:i], text[i+1:]
	if text[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest
}

// utf8Text returns the text as UTF-8 without a byte order mark. UTF-16 shows by
// its mark, or by the zero in its first character, as every list begins in ASCII.
func utf8Text(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case len(data) < 2:
		return data
	case data[0] == 0xff && data[1] == 0xfe:
		data, order = data[2:], binary.LittleEndian
	case data[0] == 0xfe && data[1] == 0xff:
		data, order = data[2:], binary.BigEndian
	case data[0] != 0 && data[1] == 0:
		order = binary.LittleEndian
	case data[0] == 0 && data[1] != 0:
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	text := make([]byte, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		r := rune(order.Uint16(data))
		if utf16.IsSurrogate(r) && len(data) >= 4 {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(data[2:]))); pair != utf8.RuneError {
				r, data = pair, data[2:]
			}
		}
		text = utf8.AppendRune(text, r) // U+FFFD for half a pair
	}
	return text
}
