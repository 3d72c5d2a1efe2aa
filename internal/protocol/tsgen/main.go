// Command tsgen writes the protocol's definition for TypeScript:
//
//	go run ./internal/protocol/tsgen internal/protocol/protocol.go > extension/src/protocol.ts
//
// Structs become interfaces, strings with listed constants become unions, other
// constants stay constants. What it does not know how to say is an error.
package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// lineWidth is where the extension's formatter breaks lines.
const lineWidth = 120

func main() {
	source, err := os.ReadFile(os.Args[1])
	if err == nil {
		var ts string
		if ts, err = generate(source); err == nil {
			fmt.Print(ts)
			return
		}
	}
	fmt.Fprintln(os.Stderr, "tsgen:", err)
	os.Exit(1)
}

// generate translates one Go file.
func generate(source []byte) (string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "protocol.go", source, parser.ParseComments)
	if err != nil {
		return "", err
	}
	g := &generator{info: types.Info{Defs: map[*ast.Ident]types.Object{}}, unions: map[string][]string{}}
	// The values of constants need no imports: what does not resolve is passed over here.
	(&types.Config{Error: func(error) {}}).Check("protocol", set, []*ast.File{file}, &g.info)
	for _, d := range file.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
			g.collect(d)
		}
	}
	g.line("// Code generated from internal/protocol by make generate. DO NOT EDIT.")
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				if d.Tok == token.CONST {
					g.constant(d, spec)
				}
			case *ast.TypeSpec:
				if err := g.typ(d, spec); err != nil {
					return "", fmt.Errorf("%s: %w", spec.Name, err)
				}
			}
		}
	}
	return g.out.String(), nil
}

type generator struct {
	info   types.Info
	unions map[string][]string // values of the constants by the name of their type
	out    strings.Builder
}

func (g *generator) line(format string, args ...any) { fmt.Fprintf(&g.out, format+"\n", args...) }

// collect notes the values of constants that have a type of ours.
func (g *generator) collect(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		spec := spec.(*ast.ValueSpec)
		if of, ok := spec.Type.(*ast.Ident); ok {
			for _, name := range spec.Names {
				value := g.info.Defs[name].(*types.Const).Val()
				g.unions[of.Name] = append(g.unions[of.Name], constant.StringVal(value))
			}
		}
	}
}

func (g *generator) constant(d *ast.GenDecl, spec *ast.ValueSpec) {
	if spec.Type != nil {
		return // part of a union
	}
	for _, name := range spec.Names {
		comment := d.Doc.Text()
		if spec.Comment != nil {
			comment = spec.Comment.Text()
		}
		g.line("\n/** %s */", sentence(comment))
		g.line("export const %s = %s;", upperSnake(name.Name), g.info.Defs[name].(*types.Const).Val().ExactString())
	}
}

func (g *generator) typ(d *ast.GenDecl, spec *ast.TypeSpec) error {
	g.line("\n/** %s */", sentence(d.Doc.Text()))
	switch t := spec.Type.(type) {
	case *ast.StructType:
		g.line("export interface %s {", spec.Name)
		for _, field := range t.Fields.List {
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				return err
			}
			name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			if options == "omitempty" {
				name += "?"
			}
			of, err := g.typeName(field.Type)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			g.line("  readonly %s: %s;", name, of)
		}
		g.line("}")
		return nil
	case *ast.Ident:
		if values := g.unions[spec.Name.Name]; t.Name == "string" && len(values) > 0 {
			g.union(spec.Name.Name, values)
			return nil
		}
	}
	return fmt.Errorf("is neither a struct nor a string with listed constants")
}

func (g *generator) union(name string, values []string) {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	if line := "export type " + name + " = " + strings.Join(quoted, " | ") + ";"; len(line) <= lineWidth {
		g.line("%s", line)
		return
	}
	g.line("export type %s =\n  | %s;", name, strings.Join(quoted, "\n  | "))
}

func (g *generator) typeName(t ast.Expr) (string, error) {
	switch t := t.(type) {
	case *ast.StarExpr:
		return g.typeName(t.X)
	case *ast.ArrayType:
		of, err := g.typeName(t.Elt)
		return "readonly " + of + "[]", err
	case *ast.SelectorExpr:
		if t.Sel.Name == "RawMessage" {
			return "unknown", nil
		}
	case *ast.Ident:
		switch name := t.Name; {
		case name == "string":
			return "string", nil
		case name == "bool":
			return "boolean", nil
		case name == "any":
			return "unknown", nil
		case name == "int" || name == "int64" || name == "uint32":
			return "number", nil
		case ast.IsExported(name):
			return name, nil
		}
	}
	return "", fmt.Errorf("has a type that TypeScript does not get from here")
}

// sentence is the first sentence of a comment, on one line.
func sentence(comment string) string {
	return new(doc.Package).Synopsis(strings.Join(strings.Fields(comment), " "))
}

// upperSnake turns MaxRequest into MAX_REQUEST.
func upperSnake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
