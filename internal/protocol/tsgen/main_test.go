package main

import (
	"os"
	"strings"
	"testing"
)

// The extension's definition is the host's.
func TestProtocolDrift(t *testing.T) {
	source, err := os.ReadFile("../protocol.go")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../extension/src/protocol.ts")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("extension/src/protocol.ts is not what internal/protocol says: make generate")
	}
}

func TestGenerate(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"a constant", "// Most is it.\nconst MostOf = 1 << 4", "/** Most is it. */\nexport const MOST_OF = 16;"},
		{"a union", "// A is.\ntype A string\nconst (\n\tX A = \"x\"\n\tY A = \"y\"\n)", `export type A = "x" | "y";`},
		{"a struct", "// S is. More.\ntype S struct {\n\tF []string `json:\"f\"`\n\tG *T `json:\"g,omitempty\"`\n}\n// T is.\ntype T struct{}",
			"/** S is. */\nexport interface S {\n  readonly f: readonly string[];\n  readonly g?: T;\n}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := generate([]byte("package p\n" + tt.source + "\n"))
			if err != nil || !strings.Contains(got, tt.want) {
				t.Errorf("got %v\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
	for _, bad := range []string{"type F func()", "type S struct {\n\tM map[string]int `json:\"m\"`\n}", "type Open string"} {
		if got, err := generate([]byte("package p\n" + bad + "\n")); err == nil {
			t.Errorf("%s became\n%s", bad, got)
		}
	}
}
