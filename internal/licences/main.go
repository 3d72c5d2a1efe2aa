// Command licences prints the licences of all that is linked into the programs on
// any system, with their texts: docs/licences.txt. It fails on one that it does
// not know. Nothing of others is bundled in the extension.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	text, err := licences(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
	os.Stdout.WriteString(text)
}

// kinds are the licences that we may link with, and how their texts are told
// apart: the first that holds all of these words.
var kinds = []struct {
	name  string
	words []string
}{
	{"Apache-2.0", []string{"Apache License Version 2.0, January 2004"}},
	{"MIT", []string{"Permission is hereby granted, free of charge,", "THE SOFTWARE IS PROVIDED \"AS IS\""}},
	{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "endorse or promote products"}},
	{"BSD-2-Clause", []string{"Redistribution and use in source and binary forms", "THIS SOFTWARE IS PROVIDED"}},
}

// kindOf names the licence of a text.
func kindOf(text string) (string, error) {
	words := strings.Join(strings.Fields(text), " ")
	for _, k := range kinds {
		if !slices.ContainsFunc(k.words, func(w string) bool { return !strings.Contains(words, w) }) {
			return k.name, nil
		}
	}
	return "", errors.New("not a licence that we know: read it, and add it to internal/licences if we may link with it")
}

// module is one that is linked.
type module struct{ path, version, folder string }

// linked lists the modules of the programs of all systems, in the order of their
// paths, and Go itself. Root is the folder of go.mod.
func linked(root string) (list []module, err error) {
	for _, system := range []string{"linux", "windows", "darwin"} {
		// Without cgo, go list leaves out what only cgo would link.
		cgo := "0"
		if system == "darwin" {
			cgo = "1"
		}
		format := "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"
		cmd := exec.Command("go", "list", "-deps", "-f", format, "./native-host", "./native-host/codefob-relay")
		cmd.Dir, cmd.Stderr = root, os.Stderr
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED="+cgo)
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		for line := range strings.Lines(string(out)) {
			if part := strings.Split(strings.TrimSpace(line), "\t"); len(part) == 3 {
				list = append(list, module{part[0], part[1], part[2]})
			}
		}
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(list), nil
}

// licences is a list of the modules with their licences, and then the texts.
func licences(root string) (string, error) {
	modules, err := linked(root)
	if err != nil {
		return "", err
	}
	var list, texts bytes.Buffer
	fmt.Fprintln(&list, "What is linked into codefob and codefob-relay, on one system or another, beside the standard library of Go (BSD-3-Clause).\nmake generate writes this file.")
	fmt.Fprintln(&list)
	for _, m := range modules {
		kind, err := m.write(&texts)
		if err != nil {
			return "", fmt.Errorf("%s: %w", m.path, err)
		}
		fmt.Fprintf(&list, "%-12s  %s %s\n", kind, m.path, m.version)
	}
	return list.String() + texts.String(), nil
}

// write writes the texts of a module, and returns the name of its licence.
func (m module) write(w io.Writer) (kind string, err error) {
	for _, name := range []string{"LICENSE", "LICENSE.txt", "NOTICE", "PATENTS"} {
		text, err := os.ReadFile(filepath.Join(m.folder, name))
		switch {
		case errors.Is(err, os.ErrNotExist) && (kind != "" || name == "LICENSE"):
			continue
		case err != nil:
			return "", err
		case kind == "":
			if kind, err = kindOf(string(text)); err != nil {
				return "", err
			}
		}
		text = bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\r\n"), []byte("\n"))
		fmt.Fprintf(w, "\n---- %s: %s\n\n%s\n", m.path, name, text)
	}
	return kind, nil
}
