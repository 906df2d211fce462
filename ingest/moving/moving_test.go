package moving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

var update = flag.Bool("update", false, "rewrite the permissions that the exports become")

var (
	jst   = time.FixedZone("JST", 9*3600)
	begun = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

// exports are made-up exports of each tool: names of files and the fixtures of presets that they hold.
var exports = map[string]map[string]string{
	"klaviyo":    {"suppressed_profiles.csv": "klaviyo-suppressed", "all.csv": "klaviyo-profiles", "shopify.csv": "shopify-orders", "line.csv": "line-ids"},
	"mailchimp":  {"subscribed_export_1.csv": "mailchimp-subscribed", "nonsubscribed_export_1.csv": "mailchimp-nonsubscribed", "unsubscribed_export_1.csv": "mailchimp-unsubscribed", "cleaned_export_1.csv": "mailchimp-cleaned"},
	"karte":      {"users.csv": "karte-users", "events.csv": "karte-events", "line_ids.csv": "line-ids", "配信停止リスト.csv": "suppression-list"},
	"salesforce": {"All Subscribers.csv": "salesforce-subscribers", "Contact.csv": "salesforce-contacts"},
}

func export(t testing.TB, tool string) []File {
	t.Helper()
	var files []File
	for name, preset := range exports[tool] {
		text, err := os.ReadFile(filepath.Join("..", "presets", "testdata", preset+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, of(name, text))
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

func of(name string, text []byte) File {
	return File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

// move runs a plan and gives what was appended.
func run(t testing.TB, plan *Plan) (*Report, []stream.Record) {
	t.Helper()
	var recs []stream.Record
	report, err := Run(context.Background(), plan, Config{Parser: ingest.NewParser(ingest.ParserConfig{LineProvider: "own"}), Begun: begun, Now: func() time.Time { return begun },
		Append: func(_ context.Context, batch []stream.Record) error { recs = append(recs, batch...); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return report, recs
}

func plan(t testing.TB, tool string, files []File) *Plan {
	t.Helper()
	p, err := Look(tool, files, false, jst)
	if err != nil {
		t.Fatal(err)
	}
	if p.Stop != nil {
		t.Fatalf("%s: %s", tool, p.Stop.EN)
	}
	return p
}

// words are the permissions and refusals in records, one a line, in their order.
func words(t testing.TB, recs []stream.Record) []string {
	t.Helper()
	var out []string
	for _, r := range recs {
		var e enishi.Event
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatal(err)
		}
		if !e.Historical || e.Source == "" || !bytes.Contains(r.Value, []byte(`"import":{"file":"`)) {
			t.Errorf("%s: is no imported row of the past", r.Value)
		}
		for _, c := range e.Consent {
			address := map[string]string{"email": e.Person.Email, "sms": e.Person.Phone}[c.Channel]
			out = append(out, fmt.Sprintf("%s %s %s %s at %s by %s %s %q", address, c.Channel, c.Purpose, c.State, e.At.UTC().Format(time.RFC3339), c.Method, c.IP, c.Text))
		}
	}
	return out
}

// TestExports: each tool's export becomes exactly these permissions and refusals, refusals first.
func TestExports(t *testing.T) {
	t.Parallel()
	for _, tool := range Tools() {
		t.Run(tool, func(t *testing.T) {
			report, recs := run(t, plan(t, tool, export(t, tool)))
			var b strings.Builder
			for _, w := range words(t, recs) {
				b.WriteString(w + "\n")
			}
			fmt.Fprintf(&b, "people %d, suppressed %d, overruled %d, %v\n", report.People, report.Suppressed, report.Overruled, report.Consents)
			for _, f := range report.Files {
				fmt.Fprintf(&b, "%s: %s, %d of %d rows, %d refused, %d events, kept %v, left %v\n", f.Name, f.Preset, f.Taken, f.Of, f.Refused, f.Events, f.Kept, f.Left)
				for _, r := range f.Reasons {
					fmt.Fprintf(&b, "  %d × %s %s, lines %v\n", r.Count, r.Field, r.EN, r.First)
				}
			}
			golden := filepath.Join("testdata", tool+".txt")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
				t.Error(diff)
			}
			last := -1 // the last refusal stands before the first permission
			for i, w := range words(t, recs) {
				if strings.Contains(w, " out at ") {
					if last >= 0 {
						t.Errorf("a refusal comes after a permission: %s", w)
					}
				} else {
					last = i
				}
			}
		})
	}
}

// TestRefusedStayRefused: an address that any file refuses is allowed by no record, in whatever order the files come.
func TestRefusedStayRefused(t *testing.T) {
	t.Parallel()
	for _, tool := range Tools() {
		files := export(t, tool)
		_, first := run(t, plan(t, tool, files))
		for turn := range 3 {
			other := slices.Clone(files)
			slices.Reverse(other)
			other = append(other[turn:], other[:turn]...)
			_, recs := run(t, plan(t, tool, other))
			if diff := cmp.Diff(values(first), values(recs)); diff != "" {
				t.Error("the order of the files matters:", diff)
			}
		}
		refused := map[string]bool{}
		for _, w := range words(t, first) {
			f := strings.Fields(w)
			key := strings.ToLower(f[0]) + " " + f[1]
			if strings.Contains(w, " out at ") {
				refused[key] = true
			} else if refused[key] {
				t.Errorf("%s: allowed after all: %s", tool, w)
			}
		}
		if len(refused) == 0 {
			t.Errorf("%s: nobody refuses", tool)
		}
	}
}

func values(recs []stream.Record) []string {
	var out []string
	for _, r := range recs {
		out = append(out, r.Topic+" "+string(r.Key)+" "+string(r.Value))
	}
	return out
}

// TestStops: what may not begin, and why.
func TestStops(t *testing.T) {
	t.Parallel()
	all := export(t, "klaviyo")
	only := func(names ...string) []File {
		return slices.DeleteFunc(slices.Clone(all), func(f File) bool { return !slices.Contains(names, f.Name) })
	}
	for _, c := range []struct {
		name, want string
		files      []File
		none       bool
	}{
		{"no suppressions", "there is no file of suppressions", only("all.csv"), false},
		{"no suppressions, said so", "", only("all.csv"), true},
		{"empty suppressions", "there is no file of suppressions", append(only("all.csv"), of("suppressed.csv", []byte("Email,Reason\n"))), false},
		{"suppressions of other columns", "suppressed.csv looks like suppressions and cannot be read", append(only("all.csv"), of("suppressed.csv", []byte("Adresse,Grund\na@b.example,x\n"))), true},
		{"an empty file", "unsubscribed.csv looks like suppressions and cannot be read", append(only("all.csv"), of("unsubscribed.csv", nil)), true},
		{"nothing known", "no file of the export is known", []File{of("x.csv", []byte("a,b\n1,2\n"))}, true},
		{"whole", "", all, false},
	} {
		p, err := Look("klaviyo", c.files, c.none, jst)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if p.Stop != nil {
			got = p.Stop.EN
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: stops with %q, want %q", c.name, got, c.want)
		}
		report, err := Run(context.Background(), p, Config{Parser: ingest.NewParser(ingest.ParserConfig{}), Begun: begun, Append: func(context.Context, []stream.Record) error { return nil }})
		var refused *enishi.Error
		if stopped := errors.As(err, &refused); stopped != (c.want != "") {
			t.Errorf("%s: Run gives %v", c.name, err)
		}
		if report == nil {
			t.Errorf("%s: there is no report", c.name)
		}
	}
	if _, err := Look("braze", nil, false, jst); err == nil {
		t.Error("an unknown tool is taken")
	}
}

// TestRowsToMend: rows that cannot be taken are told with their line, and come back as a file with what to do.
func TestRowsToMend(t *testing.T) {
	t.Parallel()
	text := "\ufeffEmail,Klaviyo ID,Email Marketing Consent,Email Marketing Consent Timestamp,Favourite colour\r\nok@example.jp,1,SUBSCRIBED,2024-01-01T00:00:00Z,赤\r\nnot an address,2,SUBSCRIBED,2024-01-01T00:00:00Z,青\r\nlate@example.jp,3,SUBSCRIBED,someday,白\r\n"
	stops := of("suppressed.csv", []byte("Email\nbad address\nstop@example.jp\n"))
	p := plan(t, "klaviyo", []File{of("profiles.csv", []byte(text)), stops})
	report, recs := run(t, p)
	profiles, suppressed := report.Files[1], report.Files[0]
	if profiles.Rows != 3 || profiles.Taken != 1 || profiles.Refused != 2 || len(profiles.Reasons) != 2 || !slices.Equal(profiles.Kept, []string{"Favourite colour"}) {
		t.Errorf("got %+v", profiles)
	}
	if suppressed.Rows != 2 || suppressed.Taken != 1 || report.Suppressed != 1 {
		t.Errorf("got %+v", suppressed)
	}
	if !strings.Contains(strings.Join(values(recs), "\n"), `"Favourite colour":"赤"`) {
		t.Error("a column of the shop's own is not kept as a trait")
	}
	var out bytes.Buffer
	if err := Refused(&out, p, report, 1, true); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], "行,問題と直し方") || !strings.HasPrefix(lines[1], "not an address,2,") || !strings.Contains(lines[1], ",3,") || !strings.Contains(lines[2], "日付として読めません") {
		t.Errorf("got\n%s", out.String())
	}
	var sheet bytes.Buffer
	if err := report.CSV(&sheet, true); err != nil || !strings.Contains(sheet.String(), "profiles.csv,Klaviyo プロフィール,3,1,2,") {
		t.Errorf("%v\n%s", err, sheet.String())
	}
}

func FuzzLook(f *testing.F) {
	for _, s := range []string{"Email\na@b.example\n", "\xef\xbb\xbfEmail,Reason\n\"a\nb\",x\n", "\x83\x81\x81[\x83\x8b\x83A\x83h\x83\x8c\x83X\n\x88\xa2@b.jp\n", "Email;Reason\na;b;c\n", "Email\tReason\n\"", "", "\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Look("klaviyo", []File{of("suppressed.csv", text)}, true, jst)
		if err != nil {
			t.Fatal(err)
		}
		if p.Stop != nil {
			return
		}
		report, recs := run(t, p)
		x := report.Files[0]
		if x.Rows != x.Of || x.Taken+x.Refused != x.Rows {
			t.Errorf("%+v", x)
		}
		words(t, recs)
	})
}
