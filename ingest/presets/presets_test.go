package presets

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/japanese"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/mapping"
	"enishi/internal/stream"
)

var update = flag.Bool("update", false, "rewrite the events that the fixtures become")

// TestPresets maps the fixture of each preset, a made-up export in the encoding of the system, and compares all events. Each of
// them is one that ingest takes.
func TestPresets(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("JST", 9*3600)
	list, err := load()
	if err != nil {
		t.Fatal(err)
	}
	parser := ingest.NewParser(ingest.ParserConfig{LineProvider: "shop"})
	for _, p := range list {
		t.Run(p.Name, func(t *testing.T) {
			rows := fixture(t, p.Name, p.Encoding)
			program, err := mapping.Compile(p.Mapping, zone)
			if err != nil {
				t.Fatal(err)
			}
			sheet, err := program.Sheet(rows[0])
			if err != nil {
				t.Fatal(err)
			}
			var events []mapping.Event
			var problems []*mapping.Problem
			for i, row := range rows[1:] {
				e, p := sheet.Add(i+2, row)
				events, problems = append(events, e...), append(problems, p...)
			}
			e, q := sheet.End()
			events, problems = append(events, e...), append(problems, q...)
			for _, x := range problems {
				t.Errorf("%v (%s)", x, x.ReasonJA)
			}
			var got bytes.Buffer
			for _, e := range events {
				got.Write(e.JSON)
				got.WriteByte('\n')
				check(t, parser, e.JSON)
			}
			golden := filepath.Join("testdata", p.Name+".events")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Error(diff)
			}
			if best := RecogniseFile(p.nameOfFile(), rows[0]); len(best) == 0 || best[0].Name != p.Name {
				t.Errorf("recognised as %v", names(best))
			}
		})
	}
}

// nameOfFile is a name that the system might give the file.
func (p *Preset) nameOfFile() string {
	if len(p.Files) == 0 {
		return "export.csv"
	}
	return strings.ReplaceAll(p.Files[0], "*", "_1.csv")
}

func names(list []Preset) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.Name)
	}
	return out
}

func fixture(t *testing.T, name, encoding string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	if encoding == "cp932" {
		if text, err = japanese.ShiftJIS.NewDecoder().Bytes(text); err != nil {
			t.Fatal(err)
		}
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("fixture: %v, %d rows", err, len(rows))
	}
	return rows
}

// check gives the event to ingest as an imported row. Files of carriers name nobody: who ordered is found by the order.
func check(t *testing.T, parser *ingest.Parser, event []byte) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(event, &doc); err != nil {
		t.Fatal(err)
	}
	if _, ok := doc["shipment"]; ok && doc["person"] == nil {
		doc["person"] = map[string]any{"customer_id": "C-1"}
	}
	doc["import"] = map[string]any{"file": "00000000000000ff", "row": 1}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if doc["type"] == "update" {
		if _, refusal := ingest.ProductRecord(event, now); refusal != nil {
			t.Errorf("refused: %s: %s %s", event, refusal.Field, refusal.Reason)
		}
		return
	}
	got, refusal := parser.Parse(&stream.Record{Value: raw, Time: now}, now)
	if refusal != nil {
		t.Errorf("refused: %s: %s %s", event, refusal.Field, refusal.Reason)
		return
	}
	if got.Event.At.After(now.Add(-24*time.Hour)) && doc["occurred_at"] != nil {
		t.Errorf("%s: not in the past", event)
	}
}

// TestMarketplace: nothing of a marketplace is a permission.
func TestMarketplace(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rakuten-orders", "nextengine-orders"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".events"))
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for line := range strings.Lines(string(text)) {
			var e enishi.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Order == nil || e.Order.Marketplace == "" {
				continue
			}
			seen++
			if len(e.Consent) > 0 || e.Channel != "marketplace" || e.Person.CustomerID != "" {
				t.Errorf("%s", line)
			}
		}
		if seen == 0 {
			t.Errorf("%s: no order of a marketplace", name)
		}
	}
}

// TestRecognise: the columns alone are enough for every preset without a pattern of names, in other widths and orders too.
func TestRecognise(t *testing.T) {
	t.Parallel()
	for _, p := range All() {
		headers := slices.Clone(p.Headers)
		slices.Reverse(headers)
		for i, h := range headers {
			headers[i] = " " + strings.NewReplacer("１", "1", "(", "（", ")", "）").Replace(h)
		}
		if got := Recognise(headers); len(p.Files) == 0 && (len(got) == 0 || got[0].Name != p.Name) {
			t.Errorf("%s: recognised as %v", p.Name, names(got))
		}
	}
	if got := Recognise([]string{"a", "b"}); len(got) > 0 {
		t.Errorf("recognised %v", names(got))
	}
	for _, p := range All() {
		if p.System == "" || p.Source == "" || p.Title.EN == "" || p.Title.JA == "" || !slices.Contains(Kinds(), p.Kind) || p.About.EN == "" || p.About.JA == "" {
			t.Errorf("%s: says too little of itself", p.Name)
		}
	}
	if _, ok := Find("eccube-orders"); !ok {
		t.Error("eccube-orders is not found")
	}
	if _, ok := Find("eccube"); ok {
		t.Error("eccube is found")
	}
}

// TestReceiptsComeAgain: a receipt that comes again with more lines has the higher version, so that it counts whichever file is
// taken first.
func TestReceiptsComeAgain(t *testing.T) {
	t.Parallel()
	p, ok := Find("smaregi-receipts")
	if !ok {
		t.Fatal("no preset")
	}
	program, err := mapping.Compile(p.Mapping, time.FixedZone("JST", 9*3600))
	if err != nil {
		t.Fatal(err)
	}
	rows := fixture(t, p.Name, p.Encoding)
	receipt := func(rows [][]string) *enishi.Order {
		t.Helper()
		sheet, err := program.Sheet(rows[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows[1:] {
			if _, problems := sheet.Add(i+2, row); len(problems) > 0 {
				t.Fatal(problems[0])
			}
		}
		events, problems := sheet.End()
		if len(events) != 1 || len(problems) > 0 {
			t.Fatal(events, problems)
		}
		var e enishi.Event
		if err := json.Unmarshal(events[0].JSON, &e); err != nil {
			t.Fatal(err)
		}
		return e.Order
	}
	for _, rule := range p.Mapping.Rules {
		if rule.Fields["order.version"] == "" && rule.Fields["return.version"] == "" {
			t.Errorf("%s has no version", rule.Event)
		}
	}
	short, whole := receipt(rows[:2]), receipt(rows[:3])
	if short.OrderID != whole.OrderID || len(short.Lines) != 1 || len(whole.Lines) != 2 || short.Version == 0 || short.Version >= whole.Version {
		t.Errorf("%+v\n%+v", short, whole)
	}
}
