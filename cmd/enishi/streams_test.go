package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	linesim "enishi/internal/sim/line"
)

// taken is a change as a receiver in the test reads it: by what docs/streams.md says, not by the code that made it.
type taken struct {
	ID, Type, Subject, Sequence string
	Data                        struct {
		Into   string
		Event  struct{ Order map[string]any }
		Person map[string]any
	}
}

// inbound keeps what arrived, in the order of arrival.
type inbound struct {
	mu     sync.Mutex
	first  []taken        // the first arrival of each
	times  map[string]int // arrivals by id
	bodies []string
	wrong  []string
}

func (x *inbound) add(body []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var c taken
	if err := json.Unmarshal(body, &c); err != nil || c.ID == "" {
		x.wrong = append(x.wrong, fmt.Sprintf("%v: %s", err, body))
		return
	}
	if x.times == nil {
		x.times = map[string]int{}
	}
	if x.times[c.ID]++; x.times[c.ID] == 1 {
		x.first = append(x.first, c)
		x.bodies = append(x.bodies, string(body))
	}
}

func (x *inbound) ids() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for id := range x.times {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// ordered tells where a person's change came before an earlier one of the same partition.
func (x *inbound) ordered() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := map[string]string{}
	for _, c := range x.first {
		key := c.Subject + c.Sequence[:5]
		if c.Sequence < last[key] {
			return fmt.Errorf("%s of %s came at %s, after %s", c.Type, c.Subject, c.Sequence, last[key])
		}
		last[key] = c.Sequence
	}
	return nil
}

func (x *inbound) of(typ string) (out []taken) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.first {
		if c.Type == typ {
			out = append(out, c)
		}
	}
	return out
}

// signed checks a call as the specification of Standard Webhooks says.
func signed(h http.Header, body []byte, keys []string) bool {
	for _, key := range keys {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
		if err != nil {
			return false
		}
		mac := hmac.New(sha256.New, raw)
		io.WriteString(mac, h.Get("webhook-id")+"."+h.Get("webhook-timestamp")+".")
		mac.Write(body)
		if slices.Contains(strings.Fields(h.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
			return true
		}
	}
	return false
}

// TestStreamsOut sends changes to the topic and to two receivers, one of which fails often and one of which is paused at first, while
// the process is killed: each gets every change, in the order of each person, with the ids that the tables have.
func TestStreamsOut(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a real process")
	}
	t.Parallel()
	const people = 60
	sim := linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", Keep: 100_000})
	for p := range people {
		if err := sim.Befriend(fmt.Sprintf("U%032x", p), "友だち"); err != nil {
			t.Fatal(err)
		}
	}
	provider := httptest.NewServer(sim)
	defer provider.Close()

	var crm, late, toLog inbound
	var keys sync.Map // by path
	random := rand.New(rand.NewPCG(7, 7))
	var mu sync.Mutex
	var refuseNext, badSignature int
	mux := http.NewServeMux()
	receive := func(path string, into *inbound, faulty bool) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			mu.Lock()
			chance, of := random.IntN(100), []string{}
			if v, ok := keys.Load(path); ok {
				of = v.([]string)
			}
			ok := err == nil && signed(r.Header, body, of) && r.Header.Get("webhook-id") == "msg_"+field(body, "id")
			if !ok {
				badSignature++
			}
			refuse := faulty && refuseNext > 0 && field(body, "type") == "product.viewed"
			if refuse {
				refuseNext--
			}
			mu.Unlock()
			switch {
			case !ok:
				w.WriteHeader(http.StatusUnauthorized)
			case refuse:
				w.WriteHeader(http.StatusUnprocessableEntity)
			case faulty && chance < 3:
				w.WriteHeader(http.StatusInternalServerError)
			case faulty && chance < 5: // taken, but nobody hears of it
				into.add(body)
				panic(http.ErrAbortHandler)
			case faulty && chance < 6:
				panic(http.ErrAbortHandler)
			default:
				into.add(body)
				w.WriteHeader(http.StatusNoContent)
			}
		})
	}
	receive("/crm", &crm, true)
	receive("/late", &late, false)
	shop := httptest.NewServer(mux)
	defer shop.Close()

	dir, engine, broker := t.TempDir(), freePort(t), freePort(t)
	s := start(t, []string{"ENISHI_LINE__ENDPOINT=" + provider.URL, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret", "ENISHI_WEBHOOK__INSIDE=" + strings.TrimPrefix(shop.URL, "http://")},
		"--data", dir, "--clickhouse-listen", engine, "--kafka-listen", broker)
	key := s.enishi("key", "create", "--write", "load")
	publishWelcome(t, s)
	s.put("segment", "buyers", map[string]any{"title": map[string]string{"ja": "購入者", "en": "Buyers"}, "expression": "orders_count >= 1"})
	all := []string{"profile", "identity", "segment", "journey", "message", "feedback", "order", "product.viewed"}
	s.put("stream", "log", map[string]any{"title": map[string]string{"ja": "ログ"}, "to": "topic", "changes": all})
	s.put("stream", "crm", map[string]any{"title": map[string]string{"ja": "CRM"}, "to": "webhook", "url": shop.URL + "/crm", "changes": all})
	s.put("stream", "late", map[string]any{"title": map[string]string{"en": "Late"}, "to": "webhook", "url": shop.URL + "/late", "paused": true, "changes": all, "when": "type != 'product.viewed'",
		"fields": []string{"customer_id", "email"}, "purpose": "メールの配信を委託先で行うため"})
	for _, name := range []string{"crm", "late"} {
		var k struct{ Keys []string }
		if err := s.call("GET", "/streams/"+name+"/keys", nil, &k); err != nil {
			t.Fatal(err)
		}
		keys.Store("/"+name, k.Keys)
	}
	var test struct {
		Taken bool
		Code  string
	}
	if err := s.call("POST", "/streams/late/test", nil, &test); err != nil || !test.Taken || test.Code != "204" {
		t.Fatal(test, err)
	}
	late = inbound{} // without the test
	waits := func(name string) int64 {
		var row struct{ Waiting int64 }
		if err := s.call("GET", "/streams/"+name, nil, &row); err != nil {
			return -1
		}
		return row.Waiting
	}
	starting := func(name string) string {
		var row struct{ State string }
		_ = s.call("GET", "/streams/"+name, nil, &row)
		return row.State
	}
	eventually(t, 30*time.Second, "the streams have begun", func() error {
		if a, b, c := starting("log"), starting("crm"), starting("late"); a != "running" || b != "running" || c != "paused" {
			return fmt.Errorf("%s %s %s", a, b, c)
		}
		return nil
	})
	events := loadEvents(people)
	killed := false
	for i := 0; i < len(events); i += 100 {
		eventually(t, time.Minute, "a batch is taken", func() error {
			_, err := s.post(key, events[i:min(i+100, len(events))])
			return err
		})
		if !killed && i > len(events)/2 {
			eventually(t, time.Minute, "changes are on their way", func() error {
				if n := len(crm.ids()); n < 200 {
					return fmt.Errorf("%d", n)
				}
				return nil
			})
			s.kill()
			s.launch()
			s.waitReady()
			killed = true
			// Not before: what was refused right before a crash is sent again after it, and then taken after what followed it.
			mu.Lock()
			refuseNext = 2
			mu.Unlock()
		}
	}
	// Two people turn out to be one: each was known by an identifier of its own.
	now := time.Now().UTC().Format(time.RFC3339Nano)
	for i, person := range []map[string]any{{"customer_id": "c-merge"}, {"pos_card": "P-merge"}, {"customer_id": "c-merge", "pos_card": "P-merge"}} {
		if _, err := s.post(key, []map[string]any{{"type": "person.identified", "id": fmt.Sprint("merge", i), "occurred_at": now, "person": person}}); err != nil {
			t.Fatal(err)
		}
		// Whoever is linked in the batch of their first event was never anybody else.
		eventually(t, time.Minute, "they are known", func() error {
			if n := len(crm.of("person.identified")); n < people+i+1 {
				return fmt.Errorf("%d people told", n)
			}
			return nil
		})
	}
	s.settled(time.Minute)

	reader := func() {
		for p := range 8 {
			r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{broker}, Topic: "changes", Partition: p, MaxWait: 100 * time.Millisecond})
			go func() {
				defer r.Close()
				for {
					m, err := r.ReadMessage(t.Context())
					if err != nil {
						return
					}
					toLog.add(m.Value)
					if string(m.Key) != field(m.Value, "partitionkey") {
						toLog.mu.Lock()
						toLog.wrong = append(toLog.wrong, "key "+string(m.Key))
						toLog.mu.Unlock()
					}
				}
			}()
		}
	}
	reader()
	x := tablesOf(t, engine, filepath.Join(dir, "keys"))
	// What there is to send, counted without the code that sends: by the tables of this moment.
	have := func(without string) []string {
		return x.rows(`SELECT DISTINCT lower(hex(event_id)) FROM events WHERE historical = 0 AND type IN ('person.identified', 'user.signed_up', 'line.followed', 'product.viewed', 'order.placed', 'person.merged',
			'segment.entered', 'segment.left', 'journey.entered', 'journey.exited', 'message.sent', 'message.delivered', 'consent.changed') AND type != '` + without + "'")
	}
	same := func(what string, got, want []string) error {
		if slices.Equal(got, want) {
			return nil
		}
		missing := map[string]int{}
		for _, row := range x.rows("SELECT lower(hex(event_id)), any(toString(type)) FROM events GROUP BY event_id") {
			id, typ, _ := strings.Cut(row, "\t")
			_, wanted := slices.BinarySearch(want, id)
			if _, found := slices.BinarySearch(got, id); wanted && !found {
				missing[typ]++
			}
		}
		return fmt.Errorf("%s: %d changes, want %d; missing: %v", what, len(got), len(want), missing)
	}
	var letters struct {
		Items []struct{ ID, Stage, Topic, Raw, Code string }
	}
	eventually(t, time.Minute, "every change has arrived", func() error {
		if err := s.call("GET", "/dead?state=waiting", nil, &letters); err != nil {
			return err
		}
		want, got := have(""), crm.ids()
		for _, l := range letters.Items {
			got = append(got, field([]byte(l.Raw), "id"))
		}
		slices.Sort(got)
		if err := same("the log", toLog.ids(), want); err != nil {
			return err
		}
		return same("the receiver", slices.Compact(got), want)
	})
	for what, in := range map[string]*inbound{"the receiver": &crm, "the log": &toLog} {
		if err := in.ordered(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(letters.Items) != 2 || letters.Items[0].Stage != "stream" || letters.Items[0].Topic != "stream:crm" || letters.Items[0].Code != "422" {
		t.Errorf("dead letters: %+v", letters.Items)
	}
	for _, l := range letters.Items {
		if err := s.call("POST", "/dead/"+l.ID+"/replay", map[string]any{"raw": l.Raw}, nil); err != nil {
			// The receiver fails now and then: a person would press the button again.
			eventually(t, 20*time.Second, "a dead letter goes out", func() error { return s.call("POST", "/dead/"+l.ID+"/replay", map[string]any{"raw": l.Raw}, nil) })
		}
	}
	eventually(t, time.Minute, "the receiver has what was a dead letter, and all that came since", func() error { return same("the receiver", crm.ids(), have("")) })
	eventually(t, time.Minute, "all wait for the paused stream", func() error {
		if n := waits("late"); n < int64(len(have("product.viewed"))) {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	if len(late.ids()) != 0 {
		t.Errorf("%d changes went to a paused stream", len(late.ids()))
	}

	// The independent count: by the loop that made the events.
	eventually(t, time.Minute, "as many of each type as there are", func() error {
		for typ, want := range map[string]int{"order.placed": people, "product.viewed": 16 * people, "user.signed_up": people, "line.followed": people, "segment.entered": people, "person.identified": people + 3} {
			if n := len(crm.of(typ)); n != want {
				return fmt.Errorf("%d %s, want %d", n, typ, want)
			}
		}
		if len(crm.of("message.sent")) == 0 {
			return errors.New("no message was sent")
		}
		if m := crm.of("person.merged"); len(m) != 1 || len(m[0].Data.Into) != 32 || m[0].Data.Into == m[0].Subject {
			return fmt.Errorf("merges: %+v, want one", m)
		}
		return nil
	})
	if o := crm.of("order.placed")[0]; o.Data.Event.Order["total"] != "1000" || o.Data.Person != nil {
		t.Errorf("order %+v", o)
	}
	for _, body := range crm.bodies {
		if strings.Contains(body, "@load.example") || strings.Contains(body, "U0000") {
			t.Fatalf("an address went out without being asked for: %s", body)
		}
	}

	// What was paused catches up, with what it asks for.
	if err := s.call("POST", "/streams/late/resume", map[string]any{}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, "the paused stream catches up", func() error {
		return same("late", late.ids(), have("product.viewed"))
	})
	if err := late.ordered(); err != nil {
		t.Error(err)
	}
	if o := late.of("order.placed")[0]; !strings.HasSuffix(fmt.Sprint(o.Data.Person["email"]), "@load.example") {
		t.Errorf("person %+v", o.Data.Person)
	}
	eventually(t, 20*time.Second, "its status", func() error {
		var row struct {
			State                             string
			Waiting, Sent, Dead, Lag, LeftOut int64
		}
		if err := s.call("GET", "/streams/late", nil, &row); err != nil {
			return err
		}
		if row.State != "running" || row.Waiting != 0 || row.Sent != int64(len(late.ids())) {
			return fmt.Errorf("%+v, want %d sent", row, len(late.ids()))
		}
		return nil
	})

	// Who is erased is said so, by the id alone.
	var found struct{ ID string }
	if err := s.call("GET", "/people/lookup?kind=email&value=u00003@load.example", nil, &found); err != nil {
		t.Fatal(err)
	}
	var page struct{ Header struct{ Name string } }
	if err := s.call("GET", "/people/"+found.ID, nil, &page); err != nil {
		t.Fatal(err)
	}
	confirm := page.Header.Name
	if confirm == "" {
		confirm = found.ID
	}
	if err := s.call("POST", "/people/"+found.ID+"/erase", map[string]any{"confirm": confirm, "reason": "asked"}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the erasure is told", func() error {
		for what, in := range map[string]*inbound{"crm": &crm, "late": &late, "log": &toLog} {
			got := in.of("person.erased")
			if len(got) != 1 || got[0].Subject != found.ID || got[0].Data.Person != nil {
				return fmt.Errorf("%s: %+v, want %s", what, got, found.ID)
			}
		}
		return nil
	})

	// And once more from the beginning: the same ids.
	eventually(t, time.Minute, "nothing waits for the other receiver", func() error {
		if n := waits("crm"); n != 0 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	crm.mu.Lock()
	before := maps.Clone(crm.times)
	crm.mu.Unlock()
	if err := s.call("POST", "/streams/late/replay", map[string]any{"from": time.Now().Add(-time.Hour).UTC()}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the replay", func() error {
		late.mu.Lock()
		defer late.mu.Unlock()
		twice := 0
		for _, n := range late.times {
			if n > 1 {
				twice++
			}
		}
		if want := len(late.times) - 40; twice < want { // the erased person's rows are gone
			return fmt.Errorf("%d of %d came again", twice, len(late.times))
		}
		return nil
	})
	crm.mu.Lock()
	for id, n := range before {
		if crm.times[id] != n {
			t.Errorf("a replay of one stream reached another: %s came %d times, then %d", id, n, crm.times[id])
		}
	}
	crm.mu.Unlock()
	if badSignature > 0 || len(crm.wrong)+len(late.wrong)+len(toLog.wrong) > 0 {
		t.Errorf("%d calls with a wrong signature; %v %v %v", badSignature, crm.wrong, late.wrong, toLog.wrong)
	}
	again := 0
	for _, n := range crm.times {
		again += n - 1
	}
	t.Logf("%d changes, %d of them came again to the receiver that fails", len(before), again)
}

// field is a text of a JSON object.
func field(body []byte, name string) string {
	var m map[string]any
	_ = json.Unmarshal(body, &m)
	s, _ := m[name].(string)
	return s
}
