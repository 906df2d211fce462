package api

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/exports"
	"enishi/internal/place"
)

// TestTableExports goes through the API: tables are chosen, written, fetched, recorded; who may not is refused; a plan runs by hand and by its
// schedule, and a place gets a whole folder.
func TestTableExports(t *testing.T) {
	t.Parallel()
	needEngine(t)
	lake := t.TempDir()
	p, err := place.Open(place.Config{Dir: lake})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var w *world
	var runner *exports.Runner
	w = newWorld(t, func(cfg *Config) {
		runner, err = exports.New(exports.Config{Dir: t.TempDir(), DB: cfg.DB, Places: map[string]*place.Place{"lake": p}, Through: func(ctx context.Context) (time.Time, error) { return w.api.Through(ctx) },
			Zone: func() *time.Location { return time.UTC }, Alert: func(enishi.Alert) {}, Now: time.Now, Log: cfg.Log})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Exports = runner
		go func() { _ = runner.Run(ctx) }()
	})
	w.play(scenario(time.Now().UTC()))
	tables := into[exportTablesPage](w.call("GET", "/export-tables", nil))
	if len(tables.Items) != len(exports.Tables()) || len(tables.Places) != 1 {
		t.Fatalf("%d tables, places %v", len(tables.Items), tables.Places)
	}
	var names []string
	for _, x := range tables.Items {
		names = append(names, x.Name)
	}
	ends := func(a reply) exportRunRow {
		t.Helper()
		run := into[exportRunRow](a)
		deadline := time.Now().Add(60 * time.Second)
		for run.State == exports.Waiting || run.State == exports.Running {
			if time.Now().After(deadline) {
				t.Fatal("it does not end")
			}
			time.Sleep(30 * time.Millisecond)
			run = into[exportRunRow](w.call("GET", "/export-runs/"+run.ID.String(), nil))
		}
		return run
	}
	for _, format := range []string{"parquet", "csv", "ndjson"} { // every table of a real shop's state
		run := ends(w.call("POST", "/export-runs", map[string]any{"what": map[string]any{"tables": names, "format": format, "contacts": true}, "reason": "監査"}).want(200))
		if run.State != exports.Done || run.Rows < 10 || run.Rows != run.Expected {
			t.Fatalf("%s: %+v", format, run.Failure)
		}
	}
	run := ends(w.call("POST", "/export-runs", map[string]any{"what": map[string]any{"tables": []string{"people", "events"}, "format": "ndjson"}, "reason": "分析"}).want(200))
	for _, x := range run.Tables {
		text := w.call("GET", "/export-runs/"+run.ID.String()+"/files/"+x.Files[0].Name, nil).want(200).text
		if lines := strings.Count(text, "\n"); int64(lines) != x.Rows || lines == 0 {
			t.Errorf("%s: %d lines of %d rows", x.Name, lines, x.Rows)
		}
		if strings.Contains(text, "@") || strings.Contains(text, `"event":`) {
			t.Errorf("%s has contacts that nobody chose: %.300s", x.Name, text)
		}
	}
	w.call("GET", "/export-runs/"+run.ID.String()+"/files/..%2Freplica", nil).want(404)
	whole := ends(w.call("POST", "/export-runs", map[string]any{"what": map[string]any{"tables": []string{"events"}, "format": "ndjson", "contacts": true}, "reason": "分析"}).want(200))
	if text := w.call("GET", "/export-runs/"+whole.ID.String()+"/files/events.ndjson", nil).want(200).text; !strings.Contains(text, `"event":{`) || !strings.Contains(text, "@") {
		t.Errorf("events with contacts: %.300s", text)
	}
	for path, body := range map[string]map[string]any{
		"body.what.tables[0]": {"what": map[string]any{"tables": []string{"keys"}, "format": "csv"}, "reason": "x"},
		"body.what.place":     {"what": map[string]any{"tables": []string{"orders"}, "format": "csv", "place": "moon"}, "reason": "x"},
		"body.what.new":       {"what": map[string]any{"tables": []string{"orders"}, "format": "csv", "new": true}, "reason": "x"},
		"body.what":           {"reason": "x"},
	} {
		if a := w.call("POST", "/export-runs", body).want(422); !strings.Contains(a.text, path) {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	recorded := into[list[exportRow]](w.call("GET", "/exports", nil)).Items
	if len(recorded) != 5 || len(recorded[0].Tables) != 1 || recorded[0].Reason != "分析" || recorded[0].Count == 0 || len(recorded[0].Columns) < 10 {
		t.Errorf("recorded: %d, %+v", len(recorded), recorded[0])
	}

	plan := map[string]any{"title": map[string]any{"ja": "倉庫"}, "what": map[string]any{"tables": []string{"orders", "decisions"}, "format": "csv", "compression": "gzip", "place": "lake", "folder": "enishi", "new": true}, "expect": 0}
	w.write("PUT", "/bulk-exports/warehouse", plan)
	run = ends(w.call("POST", "/export-runs", map[string]any{"plan": "warehouse", "reason": "初回"}).want(200))
	if files, err := filepath.Glob(filepath.Join(lake, run.Folder, "*")); err != nil || run.State != exports.Done || fmt.Sprint(len(files)) != "3" {
		t.Errorf("%v at the place, %+v", files, run)
	}
	plan["schedule"], plan["expect"] = map[string]any{"every": "hour", "at": "75"}, -1
	if a := w.call("PUT", "/bulk-exports/warehouse", plan).want(422); !strings.Contains(a.text, "schedule.at") {
		t.Error(a.text)
	}
	plan["schedule"] = map[string]any{"every": "hour", "at": "15"}
	w.write("PUT", "/bulk-exports/warehouse", plan)
	rows := into[list[exportPlanRow]](w.call("GET", "/bulk-exports", nil)).Items
	if len(rows) != 1 || rows[0].Last == nil || rows[0].Last.ID != run.ID || rows[0].Next.Minute() != 15 {
		t.Errorf("%+v", rows)
	}
	d := into[definitionVersion](w.call("GET", "/definitions/bulk_export/warehouse", nil))
	w.write("PUT", "/definitions/bulk_export/other", map[string]any{"body": d.Body, "expect": 0})
	admin := into[struct{ Token string }](w.call("POST", "/keys", map[string]any{"name": "admin", "kind": "admin", "role": "admin"}))
	w.token = admin.Token
	w.token = into[struct{ Token string }](w.call("POST", "/keys", map[string]any{"name": "ed", "kind": "admin", "role": "editor"})).Token
	w.call("PUT", "/definitions/bulk_export/third", map[string]any{"body": d.Body, "expect": 0}).want(403)
	w.call("POST", "/export-runs", map[string]any{"plan": "warehouse", "reason": "x"}).want(403)
	w.call("GET", "/export-runs/"+whole.ID.String()+"/files/events.ndjson", nil).want(403)
	w.call("GET", "/export-runs", nil).want(200)
	w.token = admin.Token
	w.call("DELETE", "/bulk-exports/warehouse", nil).want(200)
}
