package interchange

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxHeader = 4096   // bytes of the first line of a CSV file
	maxCells  = 10_000 // of a row
	maxRow    = 1 << 20
)

// csvHeader is the first line of a CSV file, its cells in lower case.
func csvHeader(data []byte) map[string]int {
	line, _ := cutLine(bytes.TrimPrefix(data, []byte("\ufeff")))
	if len(line) > maxHeader || !bytes.ContainsRune(line, ',') {
		return nil
	}
	cells, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil {
		return nil
	}
	header := make(map[string]int)
	for i, c := range cells {
		header[strings.ToLower(strings.TrimSpace(c))] = i
	}
	return header
}

func hasColumns(data []byte, names ...string) bool {
	header := csvHeader(data)
	for _, n := range names {
		if _, found := header[n]; !found {
			return false
		}
	}
	return header != nil
}

func isCSV(data []byte) bool {
	return csvHeader(data) != nil && len(trimmed(data)) > 0 && trimmed(data)[0] != '{'
}

func isBitwardenCSV(data []byte) bool   { return hasColumns(data, "login_totp", "name") }
func isOnePasswordCSV(data []byte) bool { return hasColumns(data, "title", "otpauth", "favorite") }
func isAppleCSV(data []byte) bool       { return hasColumns(data, "title", "otpauth") }
func isLastPassCSV(data []byte) bool    { return hasColumns(data, "totp", "extra", "grouping") }
func isDashlaneCSV(data []byte) bool {
	return hasColumns(data, "title", "otpsecret") || hasColumns(data, "title", "otpurl")
}
func isNordPassCSV(data []byte) bool   { return hasColumns(data, "name", "cardholdername", "cardnumber") }
func isProtonPassCSV(data []byte) bool { return hasColumns(data, "totp", "createtime") }
func isKeePassXCCSV(data []byte) bool  { return hasColumns(data, "group", "title", "totp") }

func readBitwardenCSV(s Source) (Result, error) {
	return readCSV(s, "name", "login_username", "login_totp")
}
func readOnePasswordCSV(s Source) (Result, error) { return readCSV(s, "title", "username", "otpauth") }
func readAppleCSV(s Source) (Result, error)       { return readCSV(s, "title", "username", "otpauth") }
func readLastPassCSV(s Source) (Result, error)    { return readCSV(s, "name", "username", "totp") }
func readProtonPassCSV(s Source) (Result, error)  { return readCSV(s, "name", "username", "totp") }
func readKeePassXCCSV(s Source) (Result, error)   { return readCSV(s, "title", "username", "totp") }
func readDashlaneCSV(s Source) (Result, error) {
	return readCSV(s, "title", "username", "otpurl", "otpsecret")
}

// readNordPassCSV says that there is nothing to be had.
func readNordPassCSV(Source) (Result, error) {
	return Result{}, fmt.Errorf("%w: NordPass leaves the codes out of its export: enroll each account anew at its site", ErrUnsupported)
}

// readCSV reads the columns that hold an item's title, the user's name, and its code:
// the first of the latter that is not empty. Rows may be longer than the header, as
// Bitwarden Authenticator writes them: the code is then looked for by what it is.
func readCSV(s Source, title, name string, values ...string) (Result, error) {
	header := csvHeader(s.Data)
	data := bytes.TrimPrefix(s.Data, []byte("\ufeff"))
	if err := checkRows(data); err != nil {
		return Result{}, err
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	var c collector
	for row := 0; ; row++ {
		record, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return c.Result, nil
		case err != nil:
			return Result{}, refused("it is damaged: its rows cannot be told apart")
		case row == 0:
			continue
		case row > maxItems:
			return Result{}, ErrTooMany
		}
		cell := func(column string) string {
			if i, found := header[column]; found && i < len(record) {
				return strings.Clone(strings.TrimSpace(record[i]))
			}
			return ""
		}
		var value string
		for _, v := range values {
			if value == "" {
				value = cell(v)
			}
		}
		for _, text := range record {
			if len(record) > len(header) && !isURILine([]byte(value)) && isURILine([]byte(text)) {
				value = strings.Clone(text)
			}
		}
		if value == "" {
			c.Others++
			continue
		}
		c.addValue(row, value, cell(title), cell(name))
	}
}

// checkRows refuses rows that no real file has, before a reader makes a cell of each
// or looks for the end of a quote through the whole file. It divides as encoding/csv
// does with LazyQuotes.
func checkRows(data []byte) error {
	cells, row := 1, 0 // of this row; where it begins
	fresh := true      // a cell begins here
	for i := 0; i < len(data); i++ {
		if i-row > maxRow {
			return refused("it has a row of over %d KiB", maxRow>>10)
		}
		switch c := data[i]; {
		case c == '"' && fresh:
			end := quoteEnd(data[i+1 : min(len(data), row+maxRow+2)])
			i, fresh = i+end, false
		case c == ',':
			if cells++; cells > maxCells {
				return refused("it has a row of over %d cells", maxCells)
			}
			fresh = true
		case c == '\n':
			cells, row, fresh = 1, i+1, true
		default:
			fresh = false
		}
	}
	return nil
}

// quoteEnd counts the bytes up to the quote that ends a cell, that one too.
func quoteEnd(data []byte) int {
	for i := 0; ; i++ {
		next := bytes.IndexByte(data[i:], '"')
		if next < 0 {
			return len(data)
		}
		i += next
		rest := data[i+1:]
		switch {
		case len(rest) == 0 || rest[0] == ',' || rest[0] == '\n' || bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 1
		case rest[0] == '"':
			i++
		}
	}
}
