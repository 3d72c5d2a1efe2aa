package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"codefob/manifests"
)

// What [System.Check] finds, for callers that say what to do about it.
var (
	ErrNotRegistered = errors.New("codefob is not registered")        // codefob install
	ErrConfined      = errors.New("the browser cannot start codefob") // see Found.Fix
)

// Check finds out whether the browser would start this host: the manifest is
// there, valid and ours, and names a program that the user may run and that no
// other user can change.
func (s System) Check(f Found, host string) error {
	if f.ManifestPath == "" {
		return fmt.Errorf("%w: %s", ErrConfined, f.Fix)
	}
	m, err := readManifest(f.ManifestPath)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s", ErrNotRegistered, f.ManifestPath)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.ManifestPath, err)
	}
	if err := s.checkManifest(m, manifestFor(f.Browser.Family, host)); err != nil {
		return fmt.Errorf("%s: %w", f.ManifestPath, err)
	}
	return nil
}

// checkManifest compares a manifest with the one that Install would write.
func (s System) checkManifest(got, want manifests.Manifest) error {
	if got.Name != want.Name || got.Type != want.Type {
		return fmt.Errorf("is for the host %q of type %q, not %q of type %q", got.Name, got.Type, want.Name, want.Type)
	}
	gotIDs, wantIDs := slices.Concat(got.AllowedOrigins, got.AllowedExtensions), slices.Concat(want.AllowedOrigins, want.AllowedExtensions)
	if !slices.Equal(got.AllowedOrigins, want.AllowedOrigins) || !slices.Equal(got.AllowedExtensions, want.AllowedExtensions) {
		return fmt.Errorf("lets %q start codefob, not %q alone", gotIDs, wantIDs)
	}
	if !filepath.IsAbs(got.Path) {
		return fmt.Errorf("names the program %q, which is not an absolute path", got.Path)
	}
	program, err := os.Stat(got.Path)
	if err != nil {
		return fmt.Errorf("names a program that cannot be found: %w", err)
	}
	if !program.Mode().IsRegular() {
		return fmt.Errorf("names %s, which is not a program", got.Path)
	}
	if s.OS != "windows" {
		if err := checkModes(got.Path, program); err != nil {
			return err
		}
	}
	if this, err := os.Stat(want.Path); err != nil || !os.SameFile(program, this) {
		return fmt.Errorf("names another program, %s, not %s", got.Path, want.Path)
	}
	return nil
}

func checkModes(path string, program fs.FileInfo) error {
	if program.Mode()&0o111 == 0 {
		return fmt.Errorf("names %s, which is not executable", path)
	}
	if program.Mode()&0o002 != 0 {
		return fmt.Errorf("names %s, which every user can change", path)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if dir.Mode()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("names %s, in a folder that every user can change", path)
	}
	return nil
}

func readManifest(path string) (manifests.Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return manifests.Manifest{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, manifests.MaxSize+1))
	if err != nil {
		return manifests.Manifest{}, err
	}
	return manifests.Parse(data)
}
