package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"codefob/manifests"
)

// ErrNoBrowser is returned by [System.Install] when it is left to find the
// browsers and finds none.
var ErrNoBrowser = errors.New("no browser was found")

// Done is one registration made or taken away.
type Done struct {
	Browser Browser
	Kind    Kind
	Path    string // of the manifest; empty when nothing could be registered, see Fix
	Was     string // the program that the manifest named before, if another than ours; "?" if it was unreadable
	Fix     string // as in [Found]
}

// Install registers the host, an absolute path, with the named browsers, found
// or not, or with every browser found when none is named. It stops at the first
// failure and returns what was done until then. A manifest that was there is
// replaced, and named in the result when it was another program's.
func (s System) Install(host string, names []string, systemWide bool) ([]Done, error) {
	// A manifest is UTF-8: other bytes would come out as another path.
	if !filepath.IsAbs(host) || !utf8.ValidString(host) {
		return nil, fmt.Errorf("host's path is not absolute, or not UTF-8: %q", host)
	}
	var all []string
	for _, b := range s.Browsers() {
		all = append(all, b.Name)
	}
	if all == nil {
		return nil, fmt.Errorf("no browser is known on %s", s.OS)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("browser %q is unknown; known are %s", name, strings.Join(all, ", "))
		}
	}
	var done []Done
	for i, row := range table {
		named := slices.Contains(names, row.Name)
		if len(names) > 0 && !named {
			continue
		}
		for _, f := range s.found(i, named) {
			d := Done{Browser: f.Browser, Kind: f.Kind, Fix: f.Fix}
			if f.ManifestPath != "" {
				t := s.target(i, systemWide)
				was, err := s.register(t, manifestFor(row.Family, host))
				if err != nil {
					return done, fmt.Errorf("registering with %s: %w", row.Title, err)
				}
				d.Path, d.Was = t.file, was
			}
			done = append(done, d)
		}
	}
	if len(done) == 0 {
		return nil, fmt.Errorf("%w; name one with --browser: %s", ErrNoBrowser, strings.Join(all, ", "))
	}
	return done, nil
}

// Uninstall takes away the registration with every browser of the table, found
// or not, and the folders that Install made, where they are empty. It goes on
// after a failure, and joins the errors. A manifest that several browsers share
// is in the result once.
func (s System) Uninstall(systemWide bool) ([]Done, error) {
	var (
		done    []Done
		errs    []error
		folders []string
	)
	for i, row := range table {
		if _, ok := s.places(i); !ok {
			break
		}
		t := s.target(i, systemWide)
		if t.key != "" {
			if err := s.Registry.Delete(t.system, t.key); err != nil {
				errs = append(errs, fmt.Errorf("taking %s out of the registry: %w", row.Title, err))
				continue
			}
		}
		made := madeFolders(t.file)
		if err := os.Remove(t.file); err == nil {
			done = append(done, Done{Browser: row.Browser, Kind: Native, Path: t.file})
		} else if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("unregistering from %s: %w", row.Title, err))
			continue
		}
		folders = append(folders, made...)
		if err := os.Remove(madeFile(t.file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	// The deepest first: a folder may hold those of several browsers.
	slices.SortFunc(folders, func(a, b string) int { return len(b) - len(a) })
	for _, dir := range folders {
		_ = os.Remove(dir) // fails, as it should, when something else is in it
	}
	return done, errors.Join(errs...)
}

func manifestFor(f Family, host string) manifests.Manifest {
	if f == Firefox {
		return manifests.Firefox(host)
	}
	return manifests.Chromium(host)
}

// register writes the manifest and, on Windows, the key. It returns the program
// that was registered before, if another.
func (s System) register(t target, m manifests.Manifest) (was string, err error) {
	if old, err := readManifest(t.file); err == nil && old.Path != m.Path {
		was = old.Path
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		was = "?"
	}
	if err := makeFolders(t); err != nil {
		return "", err
	}
	if err := writeFile(t.file, m.JSON()); err != nil {
		return "", err
	}
	if t.key != "" {
		err = s.Registry.Set(t.system, t.key, t.file)
	}
	return was, err
}

// writeFile puts a file readable by all in the place of whatever is there; a
// link is replaced, not followed.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".codefob-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// makeFolders makes the manifest's folder, and notes beside the manifest how
// many folders it had to make, for [System.Uninstall].
func makeFolders(t target) error {
	var missing []string
	for dir := filepath.Dir(t.file); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, dir)
	}
	mode := fs.FileMode(0o700)
	if t.system {
		mode = 0o755
	}
	for _, dir := range slices.Backward(missing) {
		if err := os.Mkdir(dir, mode); err != nil {
			return err
		}
		if err := os.Chmod(dir, mode); err != nil { // whatever the umask
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return writeFile(madeFile(t.file), []byte(strconv.Itoa(len(missing))+"\n"))
}

// madeFile is where the number of folders made for a manifest is noted.
func madeFile(manifest string) string {
	return strings.TrimSuffix(manifest, ".json") + ".made"
}

// madeFolders returns the folders noted as made for a manifest, the deepest first.
func madeFolders(manifest string) []string {
	data, err := os.ReadFile(madeFile(manifest))
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || n > 8 {
		return nil
	}
	var folders []string
	for dir := filepath.Dir(manifest); n > 0; n, dir = n-1, filepath.Dir(dir) {
		folders = append(folders, dir)
	}
	return folders
}
