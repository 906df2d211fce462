package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// refusalSite is a place of the source that refuses a journey.
type refusalSite struct {
	at             string // FILE:LINE
	en             string // its text, … for what differs
	enForm, jaForm *regexp.Regexp
	met            bool
}

// unreachable are refusals that no request comes to, because the API hands on objects only: files come to them, and the compiler's own tests.
func (s *refusalSite) unreachable() bool {
	for _, text := range []string{"this is not valid JSON", "there is more text after", "the JSON cannot be read", "the number is too large"} {
		if strings.HasPrefix(s.en, text) {
			return true
		}
	}
	return false
}

// refusalSites finds them: calls of problem, nodeProblem and add, expressionError, and of the channel of calls FieldError. What only
// the settings' own check and scenarios (world.go) say is not about a journey.
func refusalSites(t *testing.T) []*refusalSite {
	t.Helper()
	var out []*refusalSite
	files, err := filepath.Glob("../journeys/*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	set := token.NewFileSet()
	add := func(at ast.Node, en, ja ast.Expr) {
		x, y := textForm(en), textForm(ja)
		if strings.Trim(x, "…") == "" {
			return // what another site says
		}
		form := func(text string) *regexp.Regexp {
			return regexp.MustCompile("(?s)^.{0,80}?" + strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*") + "$")
		}
		out = append(out, &refusalSite{at: set.Position(at.Pos()).String(), en: x, enForm: form(x), jaForm: form(y)})
	}
	for _, file := range append(files, "../channels/webhook/webhook.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || filepath.Base(file) == "world.go" || f.Recv != nil && strings.Contains(receiver(f), "Settings") {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch x := n.(type) {
				case *ast.CallExpr:
					if name := called(x); len(x.Args) >= 3 && (name == "problem" || name == "nodeProblem" || name == "add" && f.Name.Name != "problem" || name == "FieldError") {
						add(x, x.Args[len(x.Args)-2], x.Args[len(x.Args)-1])
					}
				case *ast.CompositeLit:
					if id, ok := x.Type.(*ast.Ident); ok && id.Name == "expressionError" && len(x.Elts) == 3 {
						add(x, x.Elts[1], x.Elts[2])
					}
				}
				return true
			})
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d places that refuse were found: the source is written otherwise by now", len(out))
	}
	return out
}

func receiver(f *ast.FuncDecl) string {
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, _ := typ.(*ast.Ident)
	return id.Name
}

func called(x *ast.CallExpr) string {
	switch f := x.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// textForm is a text that is put together, with … for what is not written out.
func textForm(x ast.Expr) string {
	switch e := x.(type) {
	case *ast.BinaryExpr:
		return textForm(e.X) + textForm(e.Y)
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	}
	return "…"
}
