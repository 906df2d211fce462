package api

import (
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
)

// TestErasedTexts: an erasure takes the calls of sources that are kept for the console, and of what could not be taken all that names the
// person; what is about others, and what comes afterwards, stays.
func TestErasedTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	w.play([]enishi.Event{
		{Type: "user.signed_up", At: at, Channel: "web", Source: "shop", Person: &enishi.Person{CustomerID: "C1", Email: "Hana.O'Hara@mail.example", Phone: "090-1234-5678",
			Traits: map[string]enishi.Value{"family_name": enishi.TextValue("縁山"), "given_name": enishi.TextValue("花子")}}},
		{Type: "user.signed_up", At: at, Channel: "web", Source: "shop", Person: &enishi.Person{CustomerID: "C2", Email: "other@mail.example"}}})
	calls, dead := SourceTables{w.cfg.DB}, DeadTable{w.cfg.DB}
	keep := func(name string, at time.Time) {
		t.Helper()
		if err := calls.Keep(t.Context(), []hooks.Received{{Source: "shop", ID: enishi.NewID("call", name), At: at, Body: []byte(name)}}); err != nil {
			t.Fatal(err)
		}
	}
	letter := func(raw string, at time.Time) {
		t.Helper()
		if err := dead.Save(t.Context(), []ingest.DeadLetter{{ID: enishi.NewID("letter", raw), At: at, State: "waiting", Raw: []byte(raw)}}); err != nil {
			t.Fatal(err)
		}
	}
	later := time.Now().UTC().Add(time.Hour).Truncate(time.Millisecond)
	keep("a call about anybody", at)
	keep("a later call", later)
	letter(`{"email":"hana.o'hara@mail.example"}`, at)
	letter(`{"tel":"09012345678"}`, at)
	letter(`{"tel":"090-1234-5678","customer_id":"C2"}`, at)
	letter(`{"email":"other@mail.example","customer_id":"C1"}`, at) // too little to tell that it is hers
	letter(`{"email":"hana.o'hara@mail.example","again":true}`, later)

	erased := w.write("POST", "/people/"+w.id(enishi.Customer, "C1")+"/erase", map[string]any{"reason": "ご本人の請求", "confirm": "縁山 花子"})
	w.call("GET", "/people?after="+erased.Position, nil).want(200)
	for query, want := range map[string]int64{
		"SELECT count() FROM source_calls FINAL": 1, "SELECT count() FROM source_calls FINAL WHERE body = 'a later call'": 1, "SELECT count() FROM dead_letters FINAL": 2,
		"SELECT count() FROM dead_letters FINAL WHERE position(raw, 'again') > 0": 1, "SELECT count() FROM dead_letters FINAL WHERE position(raw, 'other@') > 0": 1} {
		if n, err := w.api.count(t.Context(), query); err != nil || n != want {
			t.Errorf("%s: %d, want %d (%v)", query, n, want, err)
		}
	}
}
