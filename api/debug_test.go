package api

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi/ingest"
)

// TestWatchBrowser: a watcher sees each call of the browser with her code as it came: what was refused and why, whose it became, and which
// segments it moved her in. Nobody sees a browser without the code, nor one whose watcher has not looked for an hour; what is kept is bounded.
func TestWatchBrowser(t *testing.T) {
	t.Parallel()
	now := time.Now()
	debug := ingest.NewDebug(func() time.Time { return now })
	w := newWorld(t, func(c *Config) { c.Debug = debug })
	written := w.write("PUT", "/definitions/segment/played", map[string]any{"body": map[string]any{"title": map[string]string{"ja": "見た人", "en": "Looked"}, "expression": `count(views) >= 1`}, "expect": 0})
	w.call("GET", "/segments?after="+written.Position, nil).want(200)
	collector, err := ingest.NewCollector(ingest.CollectorConfig{Append: w.cfg.Stream.Append, Keys: func(key string) (string, bool) { return "shop", key == "right" }, Parser: w.cfg.Ingester.Parser(), Debug: debug})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = collector.Run(t.Context()) }()
	send := func(path, body string) int {
		t.Helper()
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		answer := httptest.NewRecorder()
		collector.ServeHTTP(answer, r)
		return answer.Code
	}
	look := func(above int) []debugCall {
		t.Helper()
		return into[list[debugCall]](w.call("GET", fmt.Sprintf("/sources/debug/Abcd1234?above=%d", above), nil)).Items
	}
	if got := look(0); len(got) != 0 {
		t.Fatalf("before anything came: %+v", got)
	}
	const who = `"anonymousId":"browser-1","context":{"debug":"Abcd1234"}`
	if code := send("/v1/track", `{"writeKey":"right","event":"Product Viewed","properties":{"product_id":"p1"},`+who+`}`); code != 202 {
		t.Fatalf("status %d", code)
	}
	if code := send("/v1/track", `{"writeKey":"wrong","event":"Played",`+who+`}`); code != 401 {
		t.Fatalf("status %d", code)
	}
	if code := send("/v1/batch", `{"writeKey":"right","context":{"debug":"Abcd1234"},"batch":[{"type":"track","event":"Order Completed","anonymousId":"browser-1","properties":{}},{"type":"page","name":"Top","anonymousId":"browser-1"}]}`); code != 202 {
		t.Fatalf("status %d", code)
	}
	send("/v1/track", `{"writeKey":"right","event":"Played","anonymousId":"browser-2","context":{"debug":"Other5678"}}`)
	send("/v1/track", `{"writeKey":"right","event":"Played","anonymousId":"browser-3"}`)
	var got []debugCall
	eventually(t, func() bool {
		got = look(0)
		return len(got) == 4 && got[0].Folded && got[3].Folded
	})
	if x := got[0]; !x.Accepted || x.Type != "product.viewed" || x.Source != "shop" || x.Profile == nil || !strings.Contains(x.Raw, `"event":"Product Viewed"`) || len(x.Followed) != 1 || x.Followed[0].Segment != "played" {
		t.Errorf("the first: %+v", x)
	}
	if x := got[1]; x.Accepted || x.Code != ingest.CodeKey || x.Reason.JA == "" || x.Profile != nil {
		t.Errorf("by a wrong key: %+v", x)
	}
	if x := got[2]; x.Accepted || x.Field == "" || x.Reason.EN == "" {
		t.Errorf("an order without a number: %+v", x)
	}
	if x := got[3]; !x.Accepted || x.Type != "page.viewed" || *x.Profile != *got[0].Profile || len(x.Followed) != 0 {
		t.Errorf("a page: %+v", x)
	}
	if rest := look(3); len(rest) != 1 || rest[0].Number != 4 {
		t.Errorf("above 3: %+v", rest)
	}
	for range 150 {
		send("/v1/track", `{"writeKey":"wrong","event":"Played",`+who+`}`)
	}
	if kept := look(0); len(kept) != 100 || kept[99].Number != 154 {
		t.Errorf("%d are kept", len(kept))
	}
	now = now.Add(61 * time.Minute)
	send("/v1/track", `{"writeKey":"wrong","event":"Played",`+who+`}`)
	if kept := look(0); len(kept) != 0 {
		t.Errorf("after an hour %d are kept", len(kept))
	}
	w.call("GET", "/sources/debug/a", nil).want(422)
	token, _ := w.key("admin", "viewer")
	w.as(token).call("GET", "/sources/debug/Abcd1234", nil).want(403)
}
