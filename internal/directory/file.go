package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/site"
)

// File is the kept list: directory.json in the home folder.
type File struct {
	Version  int    `json:"version"` // of the file's form, 1
	Date     string `json:"date"`    // when it was fetched: "2026-11-22"
	Services []Fact `json:"services"`
}

// ErrFile is the error of a kept file that is damaged, or not ours.
var ErrFile = errors.New("the kept directory cannot be used")

var errTooBig = fmt.Errorf("over %d MiB", MaxBytes>>20)

// FileName is the kept file in a home folder.
func FileName(home string) string { return filepath.Join(home, "directory.json") }

// NewFile returns the file that keeps a list of that day.
func NewFile(list List, day time.Time) File {
	return File{1, day.UTC().Format(time.DateOnly), list.Facts}
}

// JSON returns the bytes of the file, an error if they are more than [Read] takes.
func (f File) JSON() ([]byte, error) {
	content, err := json.Marshal(f, jsontext.Multiline(true))
	if err == nil && len(content) > MaxBytes {
		err = errTooBig
	}
	return content, err
}

// Read returns the kept file, the zero File if there is none. Errors wrap [ErrFile].
func Read(home string) (File, error) {
	info, err := os.Stat(FileName(home))
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil
	}
	var content []byte
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("it is not a file")
	case info.Size() > MaxBytes:
		err = errTooBig
	}
	if err == nil {
		content, err = os.ReadFile(FileName(home))
	}
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return parseFile(content)
}

// parseFile takes exactly what [File.JSON] writes of a cleaned list.
func parseFile(content []byte) (File, error) {
	var f File
	if err := json.Unmarshal(content, &f, json.RejectUnknownMembers(true)); err != nil {
		return File{}, fmt.Errorf("%w: it is not its JSON", ErrFile)
	}
	if _, err := time.Parse(time.DateOnly, f.Date); err != nil || f.Version != 1 || len(f.Services) > maxServices {
		return File{}, fmt.Errorf("%w: its version is %d and its date %.20q", ErrFile, f.Version, f.Date)
	}
	taken := map[string]bool{}
	for i, s := range f.Services {
		ok := s.clean() && (i == 0 || f.Services[i-1].Domain < s.Domain)
		for _, domain := range s.domains() {
			ok = ok && !taken[domain]
			taken[domain] = true
		}
		if !ok {
			return File{}, fmt.Errorf("%w: service %d is not as we write it", ErrFile, i+1)
		}
	}
	return f, nil
}

// clean reports whether the fact is as [Parse] returns it.
func (f Fact) clean() bool {
	if name, err := site.ParseName(f.Name); err != nil || name != f.Name || len(f.Also) > maxDomains {
		return false
	}
	for _, domain := range f.domains() {
		if d, err := site.ParseDomain(domain); err != nil || d != domain {
			return false
		}
	}
	for _, page := range []string{f.Setup, f.Recovery} {
		if p, err := site.ParsePage(page); page != "" && (err != nil || p != page) {
			return false
		}
	}
	for i, m := range f.Methods {
		if !slices.Contains(site.Methods, m) || i > 0 && byOrder(f.Methods[i-1], m) >= 0 {
			return false
		}
	}
	return len(f.Methods) > 0
}
