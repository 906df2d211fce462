package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// TestExportTable: the command writes a table of a running server to a file and to a place, runs an export of a definition file, and says what
// is wrong in the reader's language; a killed server writes what it was at when it is back.
func TestExportTable(t *testing.T) {
	t.Parallel()
	lake, dir := t.TempDir(), t.TempDir()
	s := start(t, []string{"ENISHI_PLACES__LAKE__DIR=" + lake}, "--data", t.TempDir())
	var products []any
	for i := range 50 {
		products = append(products, map[string]any{"product_id": fmt.Sprintf("P-%03d", i), "name": "玉露", "price": "1200.5"})
	}
	if err := s.call("POST", "/catalogue/products", map[string]any{"products": products}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the products", func() error {
		var got struct{ Total int64 }
		if err := s.call("GET", "/catalogue", nil, &got); err != nil || got.Total != 50 {
			return fmt.Errorf("%d products: %w", got.Total, err)
		}
		return nil
	})
	file := filepath.Join(dir, "all.parquet")
	s.enishi("export-table", "catalogue", "--to", file, "--reason", "test", "--quiet")
	rows, err := parquet.ReadFile[struct {
		Product string `parquet:"product_id"`
		Name    string `parquet:"name"`
		Price   int64  `parquet:"price"`
		Stock   *int64 `parquet:"stock"`
	}](file)
	if err != nil || len(rows) != 50 || rows[7].Product != "P-007" || rows[7].Name != "玉露" || rows[7].Price != 12_005_000 || rows[7].Stock != nil {
		t.Fatalf("%d rows, %v: %+v", len(rows), err, rows[:min(len(rows), 8)])
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if out := s.enishi("export-table", "catalogue", "--to", "lake", "--folder", "once", "--format", "csv", "--reason", "test", "--quiet"); !strings.Contains(out, "lake:once/once/") {
		t.Error(out)
	}
	plan := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(plan, []byte("kind: bulk_export\nname: nightly\nbody:\n  title: {ja: 夜間}\n  tables: [catalogue, orders]\n  format: ndjson\n  compression: zstd\n  place: lake\n  schedule: {every: day, at: \""+halfADayAway()+"\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	if code := run([]string{"check", plan}, streams{&out, &errs, os.Environ, nil}); code != 0 {
		t.Errorf("check: %d: %s", code, errs.String())
	}
	s.enishi("apply", plan)
	s.enishi("export-table", "--plan", "nightly", "--reason", "test", "--quiet")
	s.kill()
	s.launch()
	s.waitReady()
	s.enishi("export-table", "--plan", "nightly", "--reason", "test", "--quiet")
	if files, err := filepath.Glob(filepath.Join(lake, "nightly", "*", "catalogue.ndjson.zst")); err != nil || len(files) != 2 {
		t.Errorf("%v %v", files, err)
	}
}
