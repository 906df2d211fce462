package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var directive = regexp.MustCompile(`(?m)^//go:generate go run enishi/internal/wire/gen (.+)$`)

// TestGeneratedFilesAreCurrent runs every directive of the module again and compares with the committed file.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	l, err := newLoader(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	err = filepath.WalkDir(l.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "node_modules" || strings.HasPrefix(name, ".") && path != l.root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range directive.FindAllSubmatch(src, -1) {
			found++
			dir := filepath.Dir(path)
			names, out, err := parseArgs(strings.Fields(string(m[1])), io.Discard)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			want, err := generate(dir, names, out)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			got, err := os.ReadFile(filepath.Join(dir, out))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is stale (%v): run go generate there", filepath.Join(dir, out), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 2 {
		t.Errorf("found %d directives, at least the two samples have one", found)
	}
}

// write makes a module with one package from file names and contents.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module enishi\n\ngo 1.26\n"
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGenerateSuccess(t *testing.T) {
	t.Parallel()
	f := func(name string, files map[string]string, types string, want ...string) {
		t.Helper()
		dir := write(t, files)
		args := []string{"-types", types, "-out", "wire_gen.go"}
		if err := run(args, filepath.Join(dir, "p"), io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		first, err := os.ReadFile(filepath.Join(dir, "p", "wire_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(string(first), part) {
				t.Errorf("%s: no %q in\n%s", name, part, first)
			}
		}
		if err := run(args, filepath.Join(dir, "p"), io.Discard); err != nil {
			t.Errorf("%s: again: %v", name, err)
		}
		again, err := os.ReadFile(filepath.Join(dir, "p", "wire_gen.go"))
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s: the second run wrote another file (%v)", name, err)
		}
	}
	const a = "package p\n\ntype A struct {\n\tX int `wire:\"1\"`\n}\n"
	f("absent", map[string]string{"p/a.go": a}, "A", "func (x *A) AppendWire(b []byte) []byte {",
		"func (x *A) ParseWire(s string) error {")
	f("stale", map[string]string{"p/a.go": a, "p/wire_gen.go": "package p\n\nfunc (x *Gone) AppendWire("}, "A", "x.X")
	f("callers and others that do not compile", map[string]string{
		"p/a.go":      a,
		"p/b.go":      "package p\n\nimport \"enishi/broken\"\n\nvar x = new(A).AppendWire(broken.Y)\n\nfunc f() { undefined() }\n",
		"p/c.go":      "//go:build ignore\n\npackage other\n",
		"broken/b.go": "package broken\n\nfunc {",
	}, "A", "x.X")
	f("tagged struct of a package without its generated file", map[string]string{
		"p/a.go":     "package p\n\nimport \"enishi/q\"\n\ntype A struct {\n\tQ q.Q `wire:\"1\"`\n\tR []q.ID `wire:\"2\"`\n}\n",
		"q/q.go":     "package q\n\ntype Q struct {\n\tX int `wire:\"1\"`\n}\n\ntype ID [16]byte\n",
		"q/other.go": "package q\n\nimport \"example.invalid/missing\"\n\nvar V missing.T\n",
	}, "A", "x.Q.AppendWire(b)", "make([]q.ID, ")
	f("imports of one name", map[string]string{
		"p/a.go": "package p\n\nimport (\n\tq1 \"enishi/a/q\"\n\tq2 \"enishi/b/q\"\n)\n\n" +
			"type A struct {\n\tA []q1.A `wire:\"1\"`\n\tB []q2.B `wire:\"2\"`\n}\n",
		"a/q/q.go": "package q\n\ntype A int\n",
		"b/q/q.go": "package q\n\ntype B int\n",
	}, "A", `"enishi/a/q"`, `q2 "enishi/b/q"`, "[]q.A", "[]q2.B")
	f("standard library", map[string]string{
		"p/a.go": "package p\n\nimport \"encoding/json\"\n\ntype A struct {\n\tX json.RawMessage `wire:\"1\"`\n}\n",
	}, "A", "append(json.RawMessage(nil), p")
}

func TestGenerateFailure(t *testing.T) {
	t.Parallel()
	f := func(fields, want string) {
		t.Helper()
		dir := write(t, map[string]string{"p/a.go": "package p\n\nimport \"time\"\n\nvar _ time.Time\n\n" +
			"type A struct {\n" + fields + "\n}\n\ntype B struct {\n\tA []*A `wire:\"1\"`\n}\n\ntype C struct{ X int }\n\n" +
			"type D struct{ Z int `wire:\"1\"` }\n\ntype G[T any] struct{ X T `wire:\"1\"` }\n\n" +
			"func (h *H) AppendWire(b []byte) []byte { return b }\n\nfunc (h *H) ParseWire(s string) error { return nil }\n\n" +
			"type H struct{ X int `wire:\"1\"` }\n\ntype E struct{ H }\n"})
		_, err := generate(filepath.Join(dir, "p"), []string{"A", "B"}, "wire_gen.go")
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", fields, err, want)
		}
	}
	f("X int", "A has no field tagged `wire:\"N\"`")
	f("X int `wire:\"0\"`", "A.X: tag `wire:\"0\"` is not a number from 1 to 32767 with an optional \",fixed\"")
	f("X int `wire:\"1,fast\"`", "A.X: tag `wire:\"1,fast\"` is not a number from 1 to 32767 with an optional \",fixed\"")
	f("X int `wire: \"1\"`", "A.X: tag `wire: \"1\"` does not parse")
	f("X int `wire:\"1\"`\nY int `wire:\"1\"`", "A.Y: number 1 is that of X")
	f("_ struct{} `wire:\"1\"`\nY int `wire:\"1\"`", "A.Y: number 1 is that of _")
	f("X int32 `wire:\"1,fixed\"`", "A.X: int32: only integers of 64 bits can be fixed")
	f("X []string `wire:\"1,fixed\"`", "A.X: string: only integers of 64 bits can be fixed")
	f("X time.Time `wire:\"1,fixed\"`", "A.X: time.Time: only integers of 64 bits can be fixed")
	f("X float32 `wire:\"1\"`", "A.X: float32 cannot be encoded")
	f("X any `wire:\"1\"`", "A.X: any cannot be encoded")
	f("X chan int `wire:\"1\"`", "A.X: chan int cannot be encoded")
	f("X [4]int `wire:\"1\"`", "A.X: [4]int: of arrays only [N]byte can be encoded")
	f("X map[int]string `wire:\"1\"`", "A.X: map[int]string: the key of a map must be a string")
	f("X **int `wire:\"1\"`", "A.X: **int: this pointer cannot be encoded")
	f("X []*int `wire:\"1\"`", "A.X: *int: a slice or map holds pointers to structs only")
	f("X Missing `wire:\"1\"`", "A.X: invalid type: this type could not be resolved")
	f("X C `wire:\"1\"`", "A.X: C has no AppendWire and ParseWire: tag its fields and add it to -types, or write both by hand")
	f("X D `wire:\"1\"`", "A.X: D has no AppendWire and ParseWire: tag its fields and add it to -types, or write both by hand")
	f("X E `wire:\"1\"`", "A.X: E has no AppendWire and ParseWire: tag its fields and add it to -types, or write both by hand")
	f("X B `wire:\"1\"`", "A.X: B.A: A contains itself (A > B > A): write its methods by hand, with a limit of depth")

	dir := write(t, map[string]string{"p/a.go": "package p\n\ntype A struct {\n\tX int `wire:\"1\"`\n}\n\ntype G[T any] struct {\n" +
		"\tX T `wire:\"1\"`\n}\n\ntype N int\n\ntype H A\n\nfunc (h *H) AppendWire(b []byte) []byte { return b }\n\n" +
		"func (h *H) ParseWire(s string) error { return nil }\n"})
	g := func(want string, names ...string) {
		t.Helper()
		_, err := generate(filepath.Join(dir, "p"), names, "wire_gen.go")
		if err == nil || err.Error() != want {
			t.Errorf("%v: got %v, want %s", names, err, want)
		}
	}
	g("no type Z in package p", "Z")
	g("G is an alias or generic", "G")
	g("N is not a struct", "N")
	g("H has AppendWire and ParseWire in another file already", "H")
	g("A is named twice", "A", "A")
	if err := run(nil, dir, io.Discard); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
		t.Errorf("without arguments: %v", err)
	}
}
