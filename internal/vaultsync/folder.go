package vaultsync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-json-experiment/json"
)

// Folder is a carrier: a folder that something else brings to all computers, or a stick. Each
// device writes files of its own only, whole, and never changes one.
type Folder struct {
	path, base string
	mine       string // the name of this device's folder; another one whenever files were lost, so that no name comes twice
	poll       time.Duration
	watcher    *fsnotify.Watcher // nil where there is none
	watched    map[string]bool   // what it watches, or did
}

const (
	folderMagic = "codefob\x01"
	maxFile     = 8 << 20 // bytes
	maxContent  = 4 << 20 // that we write
	filesAtOnce = 100
	bytesAtOnce = 16 << 20
	pollEvery   = 15 * time.Second // network shares tell nothing
	maxWatched  = 100              // folders: the system has so many watches for all programs
)

var (
	deviceFolder = regexp.MustCompile(`^[0-9a-fA-F]{16}$`)
	recordFile   = regexp.MustCompile(`^([0-9]{8})\.(rec|REC)$`) // so no conflict copy, no temporary file
)

// Folder gives the carrier of the folder path, which must be there: it may be one that comes and goes.
func (r *Replica) Folder(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	id := r.firstKey().derive("folder")
	return &Folder{path: path, base: filepath.Join(path, "codefob", hex.EncodeToString(id[:8])),
		poll: pollEvery, watched: map[string]bool{}}, nil
}

// Name is the folder's path.
func (f *Folder) Name() string { return f.path }

// Close ends the watching.
func (f *Folder) Close() error {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Close()
}

// there returns [ErrGone] where the person's folder is not there. It is never made: it may be a stick that is
// not plugged in.
func (f *Folder) there() error {
	if info, err := os.Stat(f.path); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: %s", ErrGone, f.path)
	}
	return nil
}

// folderPosition is the position in a folder, which is told as JSON.
type folderPosition struct {
	Mine   string           `json:"mine"`            // the name of this device's folder
	Next   map[string]int   `json:"next"`            // the number of the first file that was not read, by the folder of a device
	Behind map[string][]int `json:"behind,omitzero"` // those behind it that were
}

// name gives this device's folder a name, if it has none.
func (f *Folder) name(was string) {
	if f.mine == "" && deviceFolder.MatchString(was) {
		f.mine = was
	}
	if f.mine == "" {
		k := newKey()
		f.mine = hex.EncodeToString(k[:8])
	}
}

// numbers lists the files of a device's folder, by number. There may be several of one where a file system
// tells upper case from lower.
func (f *Folder) numbers(device string) (map[int][]string, error) {
	files := map[int][]string{}
	folders, err := os.ReadDir(f.base)
	if err != nil {
		return nil, err
	}
	for _, d := range folders {
		if !d.IsDir() || strings.ToLower(d.Name()) != device {
			continue
		}
		list, err := os.ReadDir(filepath.Join(f.base, d.Name()))
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if m := recordFile.FindStringSubmatch(e.Name()); m != nil && e.Type().IsRegular() {
				n, _ := strconv.Atoi(m[1])
				files[n] = append(files[n], filepath.Join(f.base, d.Name(), e.Name()))
			}
		}
	}
	return files, nil
}

// Pull reads the files that came since. One that is not whole yet is read again the next time.
func (f *Folder) Pull(ctx context.Context, position string) (b Batch, err error) {
	if err := f.there(); err != nil {
		return b, err
	}
	var p folderPosition
	if json.Unmarshal([]byte(position), &p) != nil || p.Next == nil {
		p.Next = map[string]int{}
	}
	f.name(p.Mine)
	next := p.Next
	folders, err := os.ReadDir(f.base)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	devices := map[string]bool{}
	for device := range next {
		devices[device] = true
	}
	for _, d := range folders {
		if d.IsDir() && deviceFolder.MatchString(d.Name()) {
			devices[strings.ToLower(d.Name())] = true
		}
	}
	read, size := 0, 0
	for device := range devices {
		files, err := f.numbers(device)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
		for n := 1; n < next[device]; n++ {
			if len(files[n]) == 0 {
				f.mine = ""
				return Batch{Older: true}, nil
			}
		}
		done := map[int]bool{}
		for _, n := range p.Behind[device] {
			done[n] = len(files[n]) > 0
		}
		numbers := slices.Sorted(maps.Keys(files))
		for _, n := range numbers {
			if n < max(next[device], 1) || done[n] {
				continue
			}
			if read == filesAtOnce || size >= bytesAtOnce || read > 0 && ctx.Err() != nil { // a slow one is read piece by piece
				b.More = true
				break
			}
			whole := false
			for _, name := range files[n] {
				more, ok := f.readFile(name, &b)
				size, whole = size+more, ok || whole
			}
			if done[n] = whole; whole { // others are read again the next time: they must not fill this one
				read++
			}
			b.Damaged = b.Damaged || !whole
		}
		for next[device] = max(next[device], 1); done[next[device]]; next[device]++ {
		}
		if p.Behind == nil {
			p.Behind = map[string][]int{}
		}
		delete(p.Behind, device)
		for _, n := range numbers {
			if n > next[device] && done[n] {
				p.Behind[device] = append(p.Behind[device], n)
			}
		}
	}
	p.Mine = f.mine
	raw, err := json.Marshal(p, json.Deterministic(true))
	b.Position = string(raw)
	return b, err
}

// readFile adds what a file holds to b, and tells how much, and whether it is whole.
func (f *Folder) readFile(name string, b *Batch) (size int, whole bool) {
	content, ok := readWhole(name)
	if !ok {
		return 0, false
	}
	for rest := content; len(rest) > 0; {
		kind := rest[0]
		record, after, ok := unframe(rest[1:])
		if !ok {
			return len(content), false
		}
		switch kind {
		case 'e':
			b.Entries = append(b.Entries, record)
		case 'r':
			b.Records = append(b.Records, record)
		} // else a newer version's
		rest = after
	}
	return len(content), true
}

// wholeFile is the file of some content, by which a reader knows whether it is whole.
func wholeFile(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append(append([]byte(folderMagic), sum[:]...), content...)
}

// readWhole reads what wholeFile gave.
func readWhole(name string) (content []byte, ok bool) {
	file, err := os.Open(name)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	all, err := readRegular(file, maxFile)
	if err != nil {
		return nil, false
	}
	content, ok = bytes.CutPrefix(all, []byte(folderMagic))
	if !ok || len(content) < sha256.Size || sha256.Sum256(content[sha256.Size:]) != [sha256.Size]byte(content) {
		return nil, false
	}
	return content[sha256.Size:], true
}

// Push writes a file of records, or several.
func (f *Folder) Push(_ context.Context, records [][]byte) error {
	var content []byte
	for i, record := range records {
		content = frame(append(content, 'r'), record)
		if i == len(records)-1 || len(content) > maxContent {
			if err := f.write(content); err != nil {
				return err
			}
			content = nil
		}
	}
	return nil
}

// Enter writes a file of one entry. A folder cannot tell whether another device wrote one.
func (f *Folder) Enter(_ context.Context, _ uint64, record []byte) error {
	return f.write(frame([]byte{'e'}, record))
}

// write puts a new file into this device's folder.
func (f *Folder) write(content []byte) error {
	if err := f.there(); err != nil {
		return err
	}
	f.name("")
	folder := filepath.Join(f.base, f.mine)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	files, err := f.numbers(f.mine)
	if err != nil {
		return err
	}
	last := 0
	for n := range files {
		last = max(last, n)
	}
	if err := writeWhole(folder, fmt.Sprintf("%08d.rec", last+1), wholeFile(content)); err != nil {
		return err
	}
	syncFolder(folder) // where it can be; a record that is lost is pushed again
	return nil
}

// Wait returns when a file may have come, or after some time: not every folder tells.
func (f *Folder) Wait(ctx context.Context) error {
	if f.watch() {
		return nil // before it was watched, something may have come
	}
	var events chan fsnotify.Event
	var failures chan error
	if f.watcher != nil {
		events, failures = f.watcher.Events, f.watcher.Errors
	}
	timer := time.NewTimer(f.poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-events:
	case <-failures: // too many at once: look
	case <-timer.C:
	}
	return nil
}

// watch has the system tell of changes in the folders that there are by now. It tells whether some are new.
func (f *Folder) watch() (isNew bool) {
	if f.watcher == nil {
		w, err := fsnotify.NewWatcher()
		if err != nil {
			return false
		}
		f.watcher = w
	}
	list := []string{filepath.Dir(f.base), f.base}
	if _, err := os.Stat(f.base); err != nil {
		list = append(list, f.path) // only then: much else may change there
	}
	folders, _ := os.ReadDir(f.base)
	for _, d := range folders {
		if d.IsDir() && deviceFolder.MatchString(d.Name()) && len(list) < maxWatched {
			list = append(list, filepath.Join(f.base, d.Name()))
		}
	}
	for _, name := range list {
		if !slices.Contains(f.watcher.WatchList(), name) && f.watcher.Add(name) == nil { // polled, if it cannot be
			isNew, f.watched[name] = isNew || !f.watched[name], true
		}
	}
	return isNew
}
