package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// loader type-checks packages from source, declarations only, and takes type errors for granted: the generated file is
// absent or stale, other packages may not compile at the moment. Of the imports only those are read that a type of a
// tagged field may come from; so it takes milliseconds and needs neither a build cache nor a compiling tree.
type loader struct {
	fset   *token.FileSet
	root   string // directory of go.mod
	module string
	pkgs   map[string]*types.Package // by import path
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)"?`)

// newLoader finds the module that dir belongs to.
func newLoader(dir string) (*loader, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for root := abs; ; root = filepath.Dir(root) {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil {
			m := moduleLine.FindSubmatch(text)
			if m == nil {
				return nil, fmt.Errorf("no module line in %s", filepath.Join(root, "go.mod"))
			}
			return &loader{token.NewFileSet(), root, string(m[1]), map[string]*types.Package{}}, nil
		}
		if filepath.Dir(root) == root {
			return nil, fmt.Errorf("no go.mod above %s", abs)
		}
	}
}

// load checks the package in dir without the file named except. Syntax errors fail only if the result has no package.
func (l *loader) load(path, dir, except string) (*types.Package, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	var broken error
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == except {
			continue
		}
		if ok, err := build.Default.MatchFile(dir, name); err != nil || !ok {
			continue
		}
		file, err := parser.ParseFile(l.fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		broken = errors.Join(broken, err)
		if file != nil && file.Name != nil && file.Name.Name != "_" {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, errors.Join(fmt.Errorf("no Go files in %s", dir), broken)
	}
	config := types.Config{
		IgnoreFuncBodies: true,
		FakeImportC:      true,
		Error:            func(error) {},
		Importer:         importer{l, usedByTypes(files)},
	}
	pkg, _ := config.Check(path, l.fset, files, nil)
	return pkg, nil
}

// importer reads the wanted imports of one package and makes up empty packages for the others.
type importer struct {
	l      *loader
	wanted map[string]bool
}

func (im importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := im.l.pkgs[path]; pkg != nil {
		return pkg, nil
	}
	if !im.wanted[path] {
		return types.NewPackage(path, baseName(path)), nil
	}
	dir, err := im.l.dir(path)
	if err != nil {
		return nil, err
	}
	pkg, err := im.l.load(path, dir, "")
	if err != nil {
		return nil, err
	}
	im.l.pkgs[path] = pkg
	return pkg, nil
}

// dir finds a package of the module or the standard library by itself and asks the go command for others.
func (l *loader) dir(path string) (string, error) {
	if path == l.module {
		return l.root, nil
	}
	if rest, ok := strings.CutPrefix(path, l.module+"/"); ok {
		return filepath.Join(l.root, filepath.FromSlash(rest)), nil
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		goroot := build.Default.GOROOT
		if goroot == "" { // a binary built with -trimpath does not know it
			text, err := exec.Command("go", "env", "GOROOT").Output()
			if err != nil {
				return "", fmt.Errorf("find GOROOT: %w", err)
			}
			goroot = strings.TrimSpace(string(text))
		}
		return filepath.Join(goroot, "src", filepath.FromSlash(path)), nil
	}
	cmd := exec.Command("go", "list", "-f", "{{.Dir}}", path)
	cmd.Dir = l.root
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find package %s: %w", path, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// usedByTypes gives the paths of the imports that a tagged field's type or a named type that is not a struct mentions.
func usedByTypes(files []*ast.File) map[string]bool {
	used := map[string]bool{}
	for _, file := range files {
		names := map[string]bool{}
		mention := func(x ast.Expr) {
			ast.Inspect(x, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if id, ok := sel.X.(*ast.Ident); ok {
						names[id.Name] = true
					}
				}
				return true
			})
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return false
			case *ast.TypeSpec:
				switch n.Type.(type) {
				case *ast.StructType, *ast.InterfaceType, *ast.FuncType:
				default:
					mention(n.Type)
				}
			case *ast.Field:
				if n.Tag != nil && strings.Contains(n.Tag.Value, "wire:") {
					mention(n.Type)
				}
			}
			return true
		})
		for _, spec := range file.Imports {
			path := strings.Trim(spec.Path.Value, "`\"")
			name := baseName(path)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if names[name] || name == "." {
				used[path] = true
			}
		}
	}
	return used
}

var versionSuffix = regexp.MustCompile(`^v[0-9]+$`)

// baseName guesses a package's name from its path.
func baseName(path string) string {
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	if versionSuffix.MatchString(last) && len(parts) > 1 {
		last = parts[len(parts)-2]
	}
	return last
}
