package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

const root = "../.."

func TestTheListIsOfWhatIsLinked(t *testing.T) {
	want, err := licences(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs/licences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/licences.txt is not of this go.mod: run make generate")
	}
}

func TestALicenceThatNobodyLookedAt(t *testing.T) {
	for _, text := range []string{"", "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007", "You may use it as you like."} {
		if kind, err := kindOf(text); err == nil {
			t.Errorf("%q is taken for %s", text, kind)
		}
	}
}

// What the extension is built from is ours alone, and what builds and tests it is fixed.
func TestNothingIsBundledInTheExtension(t *testing.T) {
	var manifest struct{ Dependencies map[string]string }
	read(t, "extension/package.json", &manifest)
	if len(manifest.Dependencies) > 0 {
		t.Errorf("the extension bundles %v: list their licences", manifest.Dependencies)
	}
	for _, name := range []string{"extension/package-lock.json", "extension/e2e/widgets/package-lock.json"} {
		var lock struct {
			Packages map[string]struct{ Version, Integrity string }
		}
		read(t, name, &lock)
		if len(lock.Packages) < 10 {
			t.Errorf("%s: only %d packages", name, len(lock.Packages))
		}
		for path, p := range lock.Packages {
			if path != "" && (p.Version == "" || p.Integrity == "") {
				t.Errorf("%s: %s has no version or no hash", name, path)
			}
		}
	}
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
