package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmbeddedExported: what is embedded in a body or in parameters has an exported name. Otherwise Huma takes none of its fields: parameters are
// lost, and fields of bodies are missing in the OpenAPI document and in the console's types.
func TestEmbeddedExported(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set, n := token.NewFileSet(), 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(x ast.Node) bool {
			s, ok := x.(*ast.StructType)
			if !ok {
				return true
			}
			tagged, embedded := false, []*ast.Ident{}
			for _, field := range s.Fields.List {
				tagged = tagged || field.Tag != nil
				if id, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 {
					embedded = append(embedded, id)
				}
			}
			for _, id := range embedded {
				if n++; tagged && !id.IsExported() {
					t.Errorf("%s: %s is embedded: give it an exported name", set.Position(id.Pos()), id.Name)
				}
			}
			return true
		})
	}
	if n == 0 {
		t.Error("nothing is embedded anywhere: this test looks at nothing")
	}
}
