package analytics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestGolden keeps the JSON of each report of one made shop: the console reads these fields.
func TestGolden(t *testing.T) {
	t.Parallel()
	db := openDB(t, "golden")
	s := newShop(5, 40, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))
	for _, c := range fold(t, s) {
		insert(t, db, c)
	}
	insert(t, db, rawRows(s))
	insert(t, db, []batch{markers(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))})
	r := &Reports{Conn: db.Conn()}
	quarter := Range{time.Date(2026, 1, 1, 0, 0, 0, 0, tokyo), time.Date(2026, 4, 1, 0, 0, 0, 0, tokyo)}
	february := Range{time.Date(2026, 2, 1, 0, 0, 0, 0, tokyo), time.Date(2026, 3, 1, 0, 0, 0, 0, tokyo)}
	nothing := Range{time.Date(2020, 2, 1, 0, 0, 0, 0, tokyo), time.Date(2020, 3, 1, 0, 0, 0, 0, tokyo)}
	for name, run := range map[string]func() (any, error){
		"revenue_day":       func() (any, error) { return r.Revenue(t.Context(), february, "day", "") },
		"revenue_week":      func() (any, error) { return r.Revenue(t.Context(), quarter, "week", "JPY") },
		"revenue_month_usd": func() (any, error) { return r.Revenue(t.Context(), quarter, "month", "usd") },
		"revenue_empty":     func() (any, error) { return r.Revenue(t.Context(), nothing, "day", "") },
		"funnel":            func() (any, error) { return r.Funnel(t.Context(), quarter) },
		"funnel_empty":      func() (any, error) { return r.Funnel(t.Context(), nothing) },
		"journeys":          func() (any, error) { return r.Journeys(t.Context(), quarter) },
		"journeys_empty":    func() (any, error) { return r.Journeys(t.Context(), nothing) },
		"messages_channel":  func() (any, error) { return r.Messages(t.Context(), quarter, "channel") },
		"messages_journey":  func() (any, error) { return r.Messages(t.Context(), february, "journey") },
		"messages_template": func() (any, error) { return r.Messages(t.Context(), quarter, "template") },
		"messages_empty":    func() (any, error) { return r.Messages(t.Context(), nothing, "channel") },
	} {
		report, err := run()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs: look at it with -update and git diff\n%s", path, got)
		}
	}
}
