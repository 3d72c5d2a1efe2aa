// Package manifests holds the native-host manifests: the files by which a
// browser learns which program is the host and which extension may start it
// (developer.chrome.com, "Native messaging"; MDN, "Native manifests").
package manifests

import (
	_ "embed" // the templates
	"encoding/json"
	"fmt"
)

// MaxSize is the most bytes of a manifest that anyone should read.
const MaxSize = 64 << 10

// Manifest is one native-host manifest. It has allowed origins in Chromium's
// family, allowed extensions in Firefox's, never both: Firefox refuses
// properties that it does not know.
type Manifest struct {
	Name              string   `json:"name"`
	Description       string   `json:"description"`
	Path              string   `json:"path"` // of the host; absolute
	Type              string   `json:"type"` // "stdio"
	AllowedOrigins    []string `json:"allowed_origins,omitempty"`
	AllowedExtensions []string `json:"allowed_extensions,omitempty"`
}

//go:embed chromium.json
var chromium []byte

//go:embed firefox.json
var firefox []byte

// Chromium returns the manifest for browsers of Chromium's family, naming the host at path.
func Chromium(path string) Manifest { return complete(chromium, path) }

// Firefox returns the manifest for browsers of Firefox's family, naming the host at path.
func Firefox(path string) Manifest { return complete(firefox, path) }

func complete(template []byte, path string) Manifest {
	m, err := Parse(template)
	if err != nil {
		panic(err) // the templates are part of the program, and tested
	}
	m.Path = path
	return m
}

// Parse reads a manifest. Properties that it does not know are passed over, as
// Chromium does.
func Parse(data []byte) (Manifest, error) {
	if len(data) > MaxSize {
		return Manifest{}, fmt.Errorf("manifest is larger than %d bytes", MaxSize)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest is not valid: %w", err)
	}
	return m, nil
}

// JSON returns the manifest as a file's content.
func (m Manifest) JSON() []byte {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // strings only: cannot fail
	}
	return append(data, '\n')
}
