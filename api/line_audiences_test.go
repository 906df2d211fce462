package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
	linesim "enishi/internal/sim/line"
)

// TestLineAudience: those of a segment who may get advertising on LINE, and nobody else; too few are refused in words.
func TestLineAudience(t *testing.T) {
	t.Parallel()
	sim := linesim.New(linesim.Config{})
	_, with := withLINE(t, sim)
	w := newWorld(t, with)
	now := time.Now().UTC()
	var events []enishi.Event
	for i := range 63 {
		e := enishi.Event{Type: "line.followed", At: now.Add(-time.Minute), Properties: map[string]enishi.Value{"account": enishi.TextValue("default")},
			Person:  &enishi.Person{LineUserID: sim.UserID(fmt.Sprint(i)), Traits: map[string]enishi.Value{"prefecture": enishi.TextValue("東京都")}},
			Consent: []enishi.ConsentChange{{Channel: "line", Purpose: "marketing", State: "in", Method: "line_follow"}}}
		switch {
		case i == 0:
			e.Consent[0].State = "out"
		case i >= 61:
			e.Person.Traits["prefecture"] = enishi.TextValue("大阪府")
		}
		events = append(events, e)
	}
	w.play(events)
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	w.segment("osaka", `traits.prefecture == "大阪府"`)
	if got := w.call(post, "/line/audiences", map[string]any{"segment": "osaka", "name": "大阪"}).want(409); !strings.Contains(got.text, "50 人以上") {
		t.Errorf("%s", got.text)
	}
	w.call(post, "/line/audiences", map[string]any{"segment": "nobody", "name": "x"}).want(404)
	first := into[audiencePage](w.call(post, "/line/audiences", map[string]any{"segment": "tokyo", "name": "東京"}))
	if first.People != 60 {
		t.Errorf("%+v", first)
	}
	next := into[audiencePage](w.call(post, "/line/audiences", map[string]any{"segment": "tokyo", "name": "東京 2", "replace": first.ID}))
	w.call(get, fmt.Sprintf("/line/audiences/%d", first.ID), nil).want(404)
	w.call(get, fmt.Sprintf("/line/audiences/%d", next.ID), nil).want(200)
	if got := into[audiencePage](w.call(get, fmt.Sprintf("/line/audiences/%d", next.ID), nil)); got.Status != "READY" || got.People != 60 {
		t.Errorf("%+v", got)
	}

	coupon := map[string]any{"title": "春の 500 円引き", "startTimestamp": 1, "endTimestamp": 2, "maxUseCountPerTicket": 1, "timezone": "ASIA_TOKYO", "visibility": "UNLISTED", "acquisitionCondition": map[string]any{"type": "normal"}}
	made := into[couponRow](w.call(post, "/line/coupons", map[string]any{"coupon": coupon}))
	if l := into[list[couponRow]](w.call(get, "/line/coupons", nil)).Items; len(l) != 1 || l[0] != made || made.Title != "春の 500 円引き" {
		t.Errorf("%+v %+v", l, made)
	}
	coupon["title"] = strings.Repeat("あ", 61)
	if got := w.call(post, "/line/coupons", map[string]any{"coupon": coupon}).want(422); !strings.Contains(got.text, "title") {
		t.Errorf("%s", got.text)
	}
	w.call(post, "/line/coupons/"+made.ID+"/close", map[string]any{}).want(200)
	if l := into[list[couponRow]](w.call(get, "/line/coupons", nil)).Items; len(l) != 0 {
		t.Errorf("closed: %+v", l)
	}
}
