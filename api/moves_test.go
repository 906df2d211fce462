package api

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/ingest/moving"
)

// exportOfKlaviyo are the fixtures of presets under names that Klaviyo gives.
var exportOfKlaviyo = map[string]string{"suppressed_profiles.csv": "klaviyo-suppressed", "all_profiles.csv": "klaviyo-profiles", "orders_export.csv": "shopify-orders"}

func withMoves(t *testing.T) func(*Config) {
	dir := t.TempDir()
	return func(c *Config) {
		var err error
		c.Moves, err = moving.NewDesk(moving.DeskConfig{Dir: dir, Parser: c.Ingester.Parser(), Zone: func() *time.Location { return time.UTC }, Append: c.Stream.Append})
		if err != nil {
			t.Error(err)
		}
	}
}

// bring sends a file in two pieces.
func (w *world) bring(id, name string, text []byte) {
	w.t.Helper()
	half := len(text) / 2
	for i, piece := range [][]byte{text[:half], text[half:]} {
		w.call(post, "/moves/"+id+"/files", map[string]any{"name": name, "offset": i * half, "data": piece}).want(200)
	}
}

func (w *world) moveIn(leave ...string) movePage {
	w.t.Helper()
	m := into[movePage](w.call(post, "/moves", map[string]any{"from": "klaviyo"}))
	for name, preset := range exportOfKlaviyo {
		text, err := os.ReadFile(filepath.Join("..", "ingest", "presets", "testdata", preset+".csv"))
		if err != nil {
			w.t.Fatal(err)
		}
		if !slices.Contains(leave, name) {
			w.bring(m.ID, name, text)
		}
	}
	return into[movePage](w.call(get, "/moves/"+m.ID, nil))
}

func (w *world) moved(id string) movePage {
	w.t.Helper()
	var m movePage
	eventually(w.t, func() bool {
		m = into[movePage](w.call(get, "/moves/"+id, nil))
		return m.State != "running"
	})
	if m.State != "done" {
		w.t.Fatalf("%s: %+v", m.State, m.Problem)
	}
	return m
}

// allowed is who may get marketing by mail, and how each word about an address stands.
func (w *world) allowed() string {
	w.t.Helper()
	var out []string
	for _, address := range []string{"hanako", "jiro", "never", "undated", "left", "bounced", "angry", "nodate"} {
		id := w.id(enishi.Email, address+"@example.jp")
		var b strings.Builder
		for _, x := range into[list[permissionItem]](w.call(get, "/people/"+id+"/consents", nil)).Items {
			fmt.Fprintf(&b, " %s.%s=%s", x.Channel, x.Purpose, x.State)
		}
		for _, r := range into[personPage](w.call(get, "/people/"+id, nil)).Reach {
			if r.Channel == "email" {
				fmt.Fprintf(&b, " may=%v", r.OK)
			}
		}
		out = append(out, address+b.String())
	}
	return strings.Join(out, "\n")
}

// TestMoveIn: a move turns sending off and keeps it so; who refused in the old tool cannot be sent to by a campaign; nothing leaves;
// the same move once more changes nothing.
func TestMoveIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMoves(t))

	m := w.moveIn("suppressed_profiles.csv")
	if m.Stop == nil || !strings.Contains(m.Stop.JA, "配信停止") {
		t.Fatalf("a move without suppressions may begin: %+v", m)
	}
	w.call(post, "/moves/"+m.ID+"/start", nil).want(409)
	if into[sendingPage](w.call(get, "/sending", nil)).State != "on" {
		t.Error("a move that may not begin turned sending off")
	}
	if said := into[movePage](w.call(put, "/moves/"+m.ID, map[string]any{"no_suppressions": true})); said.Stop != nil {
		t.Errorf("a person said that there are none: %+v", said.Stop)
	}
	w.call(erase, "/moves/"+m.ID, nil).want(200)
	w.call(get, "/moves/"+m.ID, nil).want(404)

	m = w.moveIn()
	if m.Stop != nil || m.Files[0].Name != "suppressed_profiles.csv" || m.Of != 11 {
		t.Fatalf("%+v", m)
	}
	w.call(post, "/moves/"+m.ID+"/files", map[string]any{"name": "all_profiles.csv", "offset": 7, "data": []byte("x")}).want(409)
	w.call(post, "/moves/"+m.ID+"/start", nil).want(200)
	m = w.moved(m.ID)
	if m.Suppressed != 5 || m.Overruled != 1 || m.After == nil || m.After.Sending != "off" {
		t.Errorf("%+v", m)
	}
	if r := w.call(get, "/moves/"+m.ID+"/report", nil).want(200); !strings.Contains(r.text, "suppressed_profiles.csv") {
		t.Error(r.text)
	}
	w.call(get, "/moves/"+m.ID+"/refused?file=all_profiles.csv", nil).want(404)

	const want = `hanako email.marketing=in sms.marketing=out email.marketing=in may=true
jiro may=false
never may=false
undated email.marketing=in may=true
left email.marketing=out email.marketing=out may=false
bounced email.marketing=out email.transactional=out may=false
angry email.marketing=out email.transactional=out may=false
nodate email.marketing=out may=false`
	eventually(t, func() bool {
		return w.api.folded(t) && len(into[list[personRow]](w.call(get, "/people", nil)).Items) == 8
	})
	if diff := cmp.Diff(want, w.allowed()); diff != "" {
		t.Error(diff)
	}
	people := into[list[personRow]](w.call(get, "/people", nil)).Items
	w.segment("all", `true`)
	w.write(put, "/templates/news", map[string]any{"definition": marketingMail("<p>お知らせです。</p>"), "expect": -1})
	w.write(put, "/broadcasts/first", map[string]any{"broadcast": map[string]any{"title": map[string]any{"ja": "はじめまして", "en": "Hello"}, "segment": "all", "channels": []string{"email"}, "templates": map[string]any{"email": "news"}}, "expect": 0})
	sheet := into[sheetPage](w.call(get, "/broadcasts/first/sheet", nil))
	if sheet.People != int64(len(people)) || len(sheet.Sent) != 1 || sheet.Sent[0].People != 2 {
		t.Errorf("a campaign would go to %+v of %d", sheet.Sent, sheet.People)
	}
	ends, err := w.cfg.Stream.Ends(t.Context(), enishi.TopicMessages)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range ends {
		if end != 0 {
			t.Error("a move sent something")
		}
	}

	again := w.moveIn()
	w.call(post, "/moves/"+again.ID+"/start", nil).want(200)
	w.moved(again.ID)
	eventually(t, func() bool {
		return w.api.folded(t) && len(into[list[personRow]](w.call(get, "/people", nil)).Items) == 8
	})
	if diff := cmp.Diff(want, w.allowed()); diff != "" {
		t.Error("the second time:", diff)
	}
	if n := len(into[list[personRow]](w.call(get, "/people", nil)).Items); n != len(people) {
		t.Errorf("%d people, %d the second time", len(people), n)
	}
	if into[sendingPage](w.call(get, "/sending", nil)).State != "off" {
		t.Error("sending is on again")
	}
	w.call(post, "/sending/on", nil).want(200)
}

// folded tells whether all that was appended has been folded.
func (a *API) folded(t *testing.T) bool {
	t.Helper()
	p, err := a.progress(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	return p.Ingest+p.Events == 0 && !a.cfg.Folder.Busy()
}
