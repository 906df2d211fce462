package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// allowed lists, for each package, the packages of this module that its non-test files may import (those below a listed
// folder included). A package that is not listed is a mistake: add it here with its place in the flow.
var allowed = map[string][]string{
	"enishi":                     {"internal/wire"},
	"internal/wire":              {},
	"internal/wire/gen":          {"internal/wire"},
	"internal/stream":            {"enishi"},
	"internal/clickhouse":        {"enishi"},
	"internal/embedded":          {"enishi"},
	"internal/sim/line":          {"enishi"},
	"internal/sim/mail":          {"enishi"},
	"internal/sim/push":          {},
	"internal/sim/sms":           {},
	"internal/sim/social":        {},
	"internal/definitions":       {"enishi", "internal/stream"},
	"internal/outward":           {},
	"internal/signature":         {},
	"internal/place":             {"enishi"},
	"internal/exports":           {"enishi", "internal/clickhouse", "internal/place"},
	"internal/demo":              {"enishi"},
	"profiles":                   {"enishi", "internal/wire", "internal/address"},
	"segments":                   {"enishi", "profiles"},
	"segments/audiences":         {"enishi", "internal/clickhouse", "segments/audiences/match"},
	"segments/audiences/match":   {},
	"segments/audiences/google":  {"segments/audiences", "segments/audiences/match"},
	"segments/audiences/meta":    {"enishi", "internal/signature", "segments/audiences", "segments/audiences/match"},
	"segments/audiences/line":    {"channels/line", "segments/audiences", "segments/audiences/match"},
	"segments/audiences/webhook": {"enishi", "channels/webhook", "internal/outward", "segments/audiences", "segments/audiences/match"},
	"segments/audiences/file":    {"enishi", "internal/place", "segments/audiences", "segments/audiences/match"},
	"segments/audiences/yahoo":   {"segments/audiences", "segments/audiences/match"},
	"segments/audiences/tiktok":  {"segments/audiences", "segments/audiences/match"},
	"segments/audiences/x":       {"segments/audiences", "segments/audiences/match"},
	"segments/audiences/criteo":  {"segments/audiences", "segments/audiences/match"},
	"internal/sim/ads":           {},
	"journeys":                   {"enishi", "profiles", "segments", "internal/wire"},
	"ingest":                     {"enishi", "internal/stream"},
	"ingest/hooks":               {"enishi", "ingest", "internal/signature", "internal/stream"},
	"ingest/meta":                {"enishi", "ingest", "ingest/hooks", "ingest/mapping", "internal/signature"},
	"ingest/shopify":             {"enishi", "ingest", "ingest/hooks", "internal/address", "internal/stream"},
	"internal/sim/shopify":       {},
	"ingest/codes":               {"enishi"},
	"ingest/files":               {"enishi", "internal/address"},
	"ingest/imports":             {"enishi", "ingest", "ingest/files", "ingest/mapping", "ingest/presets", "internal/stream"},
	"ingest/pulls":               {"enishi", "ingest/files", "ingest/imports", "ingest/mapping", "internal/clickhouse", "internal/definitions", "internal/place"},
	"ingest/mapping":             {"enishi", "ingest", "ingest/codes", "internal/address"},
	"ingest/presets":             {"ingest/mapping"},
	"ingest/moving":              {"enishi", "ingest", "ingest/mapping", "ingest/presets", "internal/stream"},
	"analytics":                  {"enishi"},
	"channels/lint":              {},
	"channels":                   {"enishi", "channels/lint", "channels/dm/postal/layout", "internal/stream", "internal/clickhouse", "internal/definitions"},
	"channels/email":             {"enishi", "channels"},
	"channels/line":              {"enishi", "channels"},
	"channels/push":              {"enishi", "channels", "internal/outward"},
	"channels/sms":               {"enishi", "channels", "channels/lint", "internal/outward"},
	"channels/dm/social":         {"enishi", "channels", "internal/signature"},
	"channels/webhook":           {"enishi", "channels", "internal/outward", "internal/signature"},
	"web":                        {},
	"sdk/js":                     {},
	"sdk/go":                     {},
	"internal/pipeline":          {"enishi", "profiles", "segments", "journeys", "ingest", "channels", "channels/dm/postal", "internal/definitions", "internal/stream", "internal/clickhouse"},
	"internal/simulation":        {"enishi", "internal/pipeline", "internal/clickhouse"},
	"docs":                       {},
	"api":                        {"enishi", "segments/audiences", "segments/audiences/match", "internal/exports", "ingest/files", "ingest/imports", "ingest/pulls", "ingest/mapping", "ingest/moving", "ingest/presets", "sdk/js", "ingest/catalogue", "docs", "internal/simulation", "profiles", "segments", "journeys", "ingest", "ingest/hooks", "ingest/shopify", "channels", "channels/lint", "channels/email", "channels/line", "channels/dm/social", "channels/dm/postal", "channels/dm/postal/code", "channels/dm/postal/layout", "channels/dm/postal/product", "internal/address", "analytics", "internal/outflow", "internal/outward", "internal/pipeline", "internal/definitions", "internal/stream", "internal/clickhouse", "internal/sim/mail", "ingest/mapping"},
	"cmd/enishi":                 {""}, // wires everything
	"internal/mix":               {"enishi", "segments", "journeys"},
	"internal/bench":             {"enishi", "segments/audiences", "segments/audiences/google", "segments/audiences/meta", "internal/sim/ads", "ingest/files", "ingest/imports", "ingest/mapping", "ingest/presets", "internal/simulation", "api", "internal/mix", "profiles", "segments", "journeys", "ingest", "channels", "channels/email", "channels/line", "channels/push", "channels/sms", "channels/dm/social", "internal/sim/push", "internal/sim/sms", "internal/sim/social", "analytics", "internal/pipeline", "internal/definitions", "internal/stream", "internal/clickhouse", "internal/embedded", "internal/sim/line", "internal/sim/mail", "internal/address", "channels/dm/postal/barcode", "channels/dm/postal/house", "channels/dm/postal/layout"},
	"internal/wire/testdata":     {"internal/wire"},

	"internal/outflow": {"enishi", "channels", "channels/webhook", "ingest", "internal/definitions", "internal/stream", "internal/clickhouse"},

	"ingest/catalogue": {"enishi", "ingest", "profiles", "internal/stream", "internal/clickhouse"},

	// libraries of direct mail
	"internal/address":           {"enishi"},
	"channels/dm/postal/barcode": {"enishi", "internal/address"},
	"channels/dm/postal":         {"enishi", "channels", "channels/dm/postal/barcode", "channels/dm/postal/code", "channels/dm/postal/house", "channels/dm/postal/layout", "channels/dm/postal/product", "internal/address", "internal/clickhouse", "internal/definitions", "internal/place", "internal/stream"},
	"channels/dm/postal/code":    {"enishi"},
	"internal/place/placetest":   {},
	"channels/dm/postal/product": {"enishi"},
	"channels/dm/postal/layout":  {"enishi", "internal/address", "channels/dm/postal/barcode", "channels/dm/postal/product"},
	"channels/dm/postal/house":   {"enishi", "internal/address"},
}

// TestImportsGoOneWay holds the direction of docs/architecture.md.
func TestImportsGoOneWay(t *testing.T) {
	root := ".."
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git" || d.Name() == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() && path != root {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own
			}
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(dir)
		if pkg == "." {
			pkg = "enishi"
		}
		may, listed := allowed[pkg]
		if !listed {
			t.Errorf("package %s has no place in internal/arch_test.go", pkg)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range file.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			if name != "enishi" && !strings.HasPrefix(name, "enishi/") {
				continue
			}
			seen++
			name = strings.TrimPrefix(name, "enishi/")
			if !permitted(may, name) {
				t.Errorf("%s: %s must not import %s", path, pkg, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("saw only %d imports: is the walk broken?", seen)
	}
}

func permitted(may []string, name string) bool {
	for _, m := range may {
		if m == "" || m == name {
			return true
		}
	}
	return false
}
