package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi/api"
	"enishi/ingest"
)

// history makes the records of a replay.
type history struct {
	t    *testing.T
	recs []api.ImportRecord
}

func (h *history) add(at time.Time, topic, typ, customer string, more map[string]any) {
	h.t.Helper()
	e := map[string]any{"type": typ, "occurred_at": at, "person": map[string]any{"customer_id": customer, "email": customer + "@customer.example"}}
	for k, v := range more {
		e[k] = v
	}
	value, err := json.Marshal(e)
	if err != nil {
		h.t.Fatal(err)
	}
	h.recs = append(h.recs, api.ImportRecord{Topic: topic, Key: customer, Value: string(value), Time: at})
}

func (h *history) order(at time.Time, customer string) {
	h.add(at, "orders", "order.placed", customer, map[string]any{"order": map[string]any{"order_id": "O-" + customer, "total": "5000",
		"lines": []any{map[string]any{"product_id": "P1", "price": "5000"}}},
		"consent": []any{map[string]any{"channel": "email", "state": "in", "source": "checkout"}}})
}

func (h *history) delivered(at time.Time, customer string) {
	h.add(at, "shipments", "shipment.delivered", customer, map[string]any{"shipment": map[string]any{"shipment_id": "S-" + customer, "order_id": "O-" + customer, "number": 1, "of": 1}})
}

// publishGallery makes the ready-made journeys live.
func (s *server) publishGallery() {
	s.t.Helper()
	definitions, err := galleryDefinitions(startingJourneys(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	// Advertisements go out for a shop that says who it is.
	definitions = slices.Insert(definitions, 0, definitionFile{Kind: "setting", Name: "brand", Body: map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"}})
	for i := range definitions {
		s.put(definitions[i].Kind, definitions[i].Name, definitions[i].Body)
	}
	s.settled(30 * time.Second)
}

// TestReplayKeepsTime: on the virtual clock each timer acts at its instant among what happens, however long the stretches are
// and whatever is sent in one request: a cancellation before it is heeded, one after it comes too late.
func TestReplayKeepsTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--data", t.TempDir())
	s.publishGallery()
	day := 24 * time.Hour
	begin := time.Date(2025, 3, 3, 1, 0, 0, 0, time.UTC)
	delivery := begin.Add(3*day + 20*time.Minute)
	due := delivery.Add(5 * day)
	h := &history{t: t}
	for _, who := range []string{"asked", "early", "late", "alone"} {
		h.order(begin, who)
	}
	for _, who := range []string{"asked", "early", "late", "alone"} {
		h.delivered(delivery, who)
	}
	cancelled := func(at time.Time, who string) {
		h.add(at, "orders", "order.cancelled", who, map[string]any{"order": map[string]any{"order_id": "O-" + who}})
	}
	cancelled(due.Add(-time.Minute), "early")
	cancelled(due.Add(time.Minute), "late")
	h.add(due.Add(40*day), "web", "page.viewed", "asked", map[string]any{"web": map[string]any{"url": "https://shop.example/"}}) // a long silence
	if err := s.call("POST", "/import/begin", map[string]any{"name": "test", "replay": true}, nil); err != nil {
		t.Fatal(err)
	}
	last := h.recs[len(h.recs)-1].Time
	for _, recs := range [][]api.ImportRecord{h.recs, {}} {
		if err := s.call("POST", "/import/records", api.ImportRequest{Records: recs, Clock: last}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for who, want := range map[string]bool{"asked": true, "early": false, "late": true, "alone": true} {
		var found struct{ Items []struct{ ID string } }
		if err := s.call("GET", "/people?q="+who, nil, &found); err != nil || len(found.Items) != 1 {
			t.Fatalf("%s: %d people, %v", who, len(found.Items), err)
		}
		var decisions struct {
			Items []struct {
				Journey  string
				At       time.Time
				Sent     bool
				Delivery *struct{ State string }
			}
		}
		if err := s.call("GET", "/people/"+found.Items[0].ID+"/decisions", nil, &decisions); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for _, d := range decisions.Items {
			if d.Journey != "review_request" || !d.Sent {
				continue
			}
			sent++
			// At night it waits until the morning; nothing comes before its time.
			if d.At.Before(due) || d.At.After(due.Add(day)) {
				t.Errorf("%s is asked at %v, due at %v", who, d.At, due)
			}
			if d.Delivery == nil || d.Delivery.State != "sent" {
				t.Errorf("%s: delivery %+v", who, d.Delivery)
			}
		}
		if sent > 0 != want {
			t.Errorf("%s is asked %d times, want %v", who, sent, want)
		}
	}
	x, err := s.status()
	if err != nil || !x.Clock.Virtual || x.Clock.At.Before(last) {
		t.Errorf("clock %+v, want it at %v: %v", x.Clock, last, err)
	}
}

// olistDir is where the dataset lies, which is not part of the product.
func olistDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ENISHI_OLIST")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data", "olist")
	}
	if _, _, err := ingest.OlistEvents(dir); err != nil {
		t.Skipf("the Olist dataset is away (ENISHI_OLIST names its folder): %v", err)
	}
	return dir
}

// TestImportOlist: real orders without --replay are facts and send nothing.
func TestImportOlist(t *testing.T) {
	t.Parallel()
	dir := olistDir(t)
	s := start(t, nil, "--data", t.TempDir())
	s.publishGallery()
	s.enishi("import", "olist", dir, "--quiet")
	checkOlist(t, s, false)
	simulateOlist(t, s)
}

// simulateOlist tries a journey on the imported past: it would have begun for each of the delivered parcels, at the time of the
// delivery, and every one would have been told: nobody refuses what is about an own order.
func simulateOlist(t *testing.T, s *server) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "parcel.yaml")
	err := os.WriteFile(file, []byte(`kind: journey
name: parcel
body:
  title: {ja: 配達, en: Parcel}
  purpose: transactional
  consent: not_refused
  entry: {event: shipment.delivered, key: shipment_id, reentry: always}
  start: wait
  nodes:
    wait: {type: wait, for: 2d, next: say}
    say: {type: message, template: delivery_arrived_mail, next: out}
    out: {type: exit}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var x simulated
	var steps []struct {
		Came, Sent simulatedNumber
		NotSent    simulatedNumber `json:"not_sent"`
	}
	text := s.enishi("simulate", file, "--from", "2016-01-01", "--to", "2019-01-01", "--json")
	answer := struct {
		*simulated
		Result struct {
			*simulatedResult
			Nodes any `json:"nodes"`
		}
	}{simulated: &x}
	answer.Result.simulatedResult, answer.Result.Nodes = &simulatedResult{}, &steps
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	r := answer.Result
	if r.People != 8016 || r.Entered.Count != 5170 || len(steps) != 3 || steps[1].Came.Count != 5170 || steps[1].Sent.Count != 5170 || len(r.NotSent) != 0 || r.Sent.Count != 5170 || r.Observed.Orders.Count == 0 {
		t.Errorf("tried on %d people: %d entered, steps %+v, not sent %+v, sent %+v, observed %+v", r.People, r.Entered.Count, steps, r.NotSent, r.Sent, r.Observed)
	}
	if table := s.enishi("simulate", file, "--from", "2016-01-01", "--to", "2019-01-01", "--as-received"); !strings.Contains(table, "entered") || !strings.Contains(table, "8016") {
		t.Errorf("printed\n%s", table)
	}
}

// TestReplayOlist plays them on the virtual clock.
func TestReplayOlist(t *testing.T) {
	if os.Getenv("ENISHI_FULL") == "" {
		t.Skip("takes minutes: ENISHI_FULL=1")
	}
	dir := olistDir(t)
	data, engine := t.TempDir(), freePort(t)
	s := start(t, nil, "--data", data, "--clickhouse-listen", engine)
	s.enishi("import", "olist", dir, "--replay", "--quiet")
	checkOlist(t, s, true)
	keys, err := OpenKeys(filepath.Join(data, "keys"), false)
	if err != nil {
		t.Fatal(err)
	}
	// Each person's first request comes after that person's first delivered parcel, and nobody is asked about a cancelled order.
	text := query(t, engine, keys.Engine, `SELECT countIf(asked < arrived), count(), countIf(arrived = 0) FROM
		(SELECT profile_id, min(decided_at) AS asked FROM enishi.deliveries WHERE journey = 'review_request' GROUP BY profile_id) AS m
		LEFT JOIN (SELECT profile_id, min(delivered_at) AS arrived FROM enishi.shipments FINAL WHERE delivered_at > 0 GROUP BY profile_id) AS s USING profile_id`)
	var early, asked, never int
	if _, err := fmt.Sscan(text, &early, &asked, &never); err != nil || early > 0 || never > 0 || asked < 1 {
		t.Errorf("of %d people who were asked for a review, %d were before the delivery, %d have none: %v", asked, early, never, err)
	}
}

// query asks the engine's address.
func query(t *testing.T, addr, token, sql string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+"/", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-ClickHouse-Key", token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("engine answers %s: %s %v", answer.Status, text, err)
	}
	return string(text)
}

// checkOlist compares with what the files say: counted by hand from the CSVs.
func checkOlist(t *testing.T, s *server, replayed bool) {
	t.Helper()
	eventually(t, 2*time.Minute, "the import is folded", func() error {
		x, err := s.status()
		if err != nil {
			return err
		}
		for name, lag := range x.Lag {
			if lag != 0 {
				return fmt.Errorf("lag of %s is %d", name, lag)
			}
		}
		if x.Orders != 8135 || x.Profiles != 8016 || x.Events["shipment.delivered"] != 5170 || x.Events["review.written"] != 8225 || x.Dead != 0 {
			return fmt.Errorf("%d orders of 8135, %d profiles of 8016, %d delivered shipments of 5170, %d reviews of 8225, %d dead", x.Orders, x.Profiles,
				x.Events["shipment.delivered"], x.Events["review.written"], x.Dead)
		}
		return nil
	})
	x, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	sent := x.Events["message.sent"]
	if replayed != (sent > 0) || replayed != (len(x.Sends) > 0) {
		t.Errorf("%d messages sent, %v", sent, x.Sends)
	}
}
