package api

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	order := []role{viewer, editor, approver, admin}
	for i, have := range order {
		for j, need := range order {
			if got := have.includes(need); got != (i >= j) {
				t.Errorf("%s includes %s: %v", have, need, got)
			}
		}
	}
	for _, bad := range []role{"", "root", "Admin"} {
		if bad.includes(public) || bad.includes(viewer) {
			t.Errorf("%q may do something", bad)
		}
	}
}

// TestOperations holds the table, the routes and the specification together: each has what the others have.
func TestOperations(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	spec := w.api.huma.OpenAPI()
	declared := map[string]operation{}
	for _, op := range operations() {
		if op.role.rank() < 0 || op.summary == "" || op.tag == "" {
			t.Errorf("%s declares no scope, tag or summary", op.id)
		}
		if (op.method != get) != (op.kind == writes || op.kind == secret || op.kind == asks) {
			t.Errorf("%s: %s does not go with its kind", op.id, op.method)
		}
		declared[op.method+" "+op.path] = op
	}
	for path, item := range spec.Paths {
		for method, h := range map[string]*huma.Operation{get: item.Get, post: item.Post, put: item.Put, erase: item.Delete, "PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options} {
			if h == nil {
				continue
			}
			if _, ok := declared[method+" "+path]; !ok {
				t.Errorf("%s %s is served and stands in no table", method, path)
			}
			delete(declared, method+" "+path)
			if h.Responses["default"] == nil || h.Responses["default"].Content["application/problem+json"] == nil {
				t.Errorf("%s %s does not say what its errors are", method, path)
			}
		}
	}
	for route := range declared {
		t.Errorf("%s is declared and not served", route)
	}
	for _, op := range operations() {
		probe, err := http.NewRequest(op.method, prefix+strings.NewReplacer("{id}", "x", "{name}", "x", "{kind}", "segment").Replace(op.path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, pattern := w.api.mux.Handler(probe); pattern == prefix+"/" {
			t.Errorf("%s %s leads nowhere", op.method, op.path)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	text, err := w.api.huma.OpenAPI().YAML()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.yaml", text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(golden), "\n"), strings.Split(string(text), "\n")); diff != "" {
		t.Errorf("openapi.yaml is not what the types say; go test ./api -run OpenAPI -update rewrites it:\n%s", diff)
	}
	var spec map[string]any
	if err := json.Unmarshal([]byte(w.call("GET", "/openapi.json", nil).want(200).text), &spec); err != nil {
		t.Fatal(err)
	}
	if spec["openapi"] != "3.1.0" || strings.Contains(string(text), "ErrorModel") || !strings.Contains(string(text), "Problem:") {
		t.Error("the specification is not 3.1 with one form of errors")
	}
	if a := w.call("GET", "/openapi.yaml", nil).want(200); a.text != string(golden) {
		t.Error("what is served is not the golden file")
	}
	docs := w.call("GET", "/docs", nil).want(200)
	for _, op := range operations() {
		if !strings.Contains(docs.text, op.path) {
			t.Errorf("docs do not have %s", op.path)
		}
	}
	if strings.Contains(docs.text, "://") {
		t.Error("docs load something from elsewhere")
	}
}
