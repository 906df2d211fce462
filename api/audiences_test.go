package api

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
	"enishi/segments/audiences/meta"
)

// fewPlatform shows lists of any size.
type fewPlatform struct{ audiences.Platform }

func (p fewPlatform) Facts() audiences.Facts {
	f := p.Platform.Facts()
	f.Minimum, f.Values = 1, false
	return f
}

// adWorld is a shop with an account meta whose simulator is sim, and n people in the segment buyers, of whom every third has not agreed.
func adWorld(t *testing.T, n int) (w *world, sim *ads.Meta) {
	t.Helper()
	sim = ads.NewMeta("12", "token", time.Now)
	sim.Everybody("")
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	platform, err := meta.New(meta.Config{Base: server.URL, Account: "12", Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, func(c *Config) {
		c.AdAccounts = map[string]*audiences.Destination{
			"meta":  {Name: "meta", Title: "Meta 広告", Recipient: "Meta Platforms, Inc.", Country: "US", Basis: audiences.ByConsent, Consent: "ads.marketing", Platform: fewPlatform{platform}},
			"other": {Name: "other", Title: "別のアカウント", Recipient: "Meta Platforms, Inc.", Country: "US", Basis: audiences.ByConsent, Consent: "ads.marketing", Platform: idlePlatform{}},
		}
	})
	var events []enishi.Event
	for i := range n {
		e := enishi.Event{Type: "user.signed_up", At: time.Now().UTC().Add(-time.Hour), Channel: "web", Person: &enishi.Person{CustomerID: fmt.Sprint("A", i), Email: fmt.Sprintf("a%d@shop.example", i),
			Traits: map[string]enishi.Value{"prefecture": enishi.TextValue("東京都")}}}
		if i%3 != 2 {
			e.Consent = []enishi.ConsentChange{{Channel: "ads", Purpose: "marketing", State: "in", Method: "form:signup"}}
		}
		events = append(events, e)
	}
	w.play(events)
	w.segment("buyers", `traits.prefecture == "東京都"`)
	return w, sim
}

func (w *world) audience(name string) AudienceRow {
	w.t.Helper()
	return into[AudienceRow](w.call(get, "/audiences/"+name, nil))
}

// TestAudienceRefusals: what cannot be is refused at its field, with the fix, in both languages; so is who may not hand people over.
func TestAudienceRefusals(t *testing.T) {
	t.Parallel()
	w, sim := adWorld(t, 3)
	w.segment("expecting", `traits.prefecture == "東京都" && traits.skin_trouble == "敏感肌"`)
	f := func(field, ja string, change map[string]any) {
		t.Helper()
		body := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "meta", "expect": 0}
		for k, v := range change {
			body[k] = v
		}
		a := w.call(put, "/audiences/tokyo", body).want(422)
		if !strings.Contains(a.text, `"location":"`+field) || !strings.Contains(a.text, ja) {
			t.Errorf("%v: %s", change, a.text)
		}
		delete(body, "expect")
		if a := w.call(post, "/audiences/try", map[string]any{"body": body}).want(422); !strings.Contains(a.text, ja) {
			t.Errorf("a forecast of %v: %s", change, a.text)
		}
	}
	f("body.destination", "meta, other", map[string]any{"destination": "google"})
	f("body.segment", "というセグメントはありません", map[string]any{"segment": "nobody"})
	f("body.segment", "要配慮個人情報", map[string]any{"segment": "expecting"})
	f("body.segment", "要配慮個人情報", map[string]any{"title": "妊娠中の方"})
	f("body.keys", "email, phone, name, customer", map[string]any{"keys": []string{"line"}})
	f("body.keys[1]", "一度ずつ", map[string]any{"keys": []string{"email", "email"}})
	f("body.use", "顧客価値", map[string]any{"use": "value"})
	f("body.every", "15m", map[string]any{"every": "5m"})
	f("body.daily", "03:30", map[string]any{"daily": "3:30"})
	f("body.daily", "どちらか一方", map[string]any{"every": "1h", "daily": "03:30"})

	w.call(post, "/audiences/nothing/sync", nil).want(404)
	w.call(get, "/audiences/nothing", nil).want(404)
	body := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "meta", "expect": 0}
	for _, who := range []role{viewer, editor, approver} {
		role, want := string(who), 403
		if who == approver {
			want = 200
		}
		token, _ := w.key("admin", role)
		x := w.as(token)
		x.call(put, "/audiences/by_"+role, body).want(want)
		if want == 200 {
			x.call(put, "/audiences/by_"+role, body).want(409) // it is there
			moved := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "other", "expect": -1}
			if a := x.call(put, "/audiences/by_"+role, moved).want(422); !strings.Contains(a.text, "変更できません") {
				t.Error(a.text)
			}
		}
		x.call(post, "/audiences/by_approver/sync", nil).want(map[int]int{403: 403, 200: 200}[want])
		x.call(get, "/people/"+w.id(enishi.Customer, "A0")+"/disclosures", nil).want(want)
		x.call("DELETE", "/audiences/nothing", nil).want(map[int]int{403: 403, 200: 404}[want])
	}
	if n := len(sim.Lists()); n > 1 {
		t.Errorf("%d lists at the platform", n)
	}
}

// TestAudience: a forecast sends nothing; a saved audience is told at once, with a record of each person; a mended token counts as soon as somebody asks; a segment that becomes
// sensitive holds the audience; a deleted one is gone at the platform, and its records stay.
func TestAudience(t *testing.T) {
	t.Parallel()
	w, sim := adWorld(t, 6)
	body := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "meta"}
	forecast := into[struct {
		Wanted, Add int
		LeftOut     []leftOutRow `json:"left_out"`
		Some        []audienceChangeRow
	}](w.call(post, "/audiences/try", map[string]any{"body": body}))
	if forecast.Wanted != 4 || forecast.Add != 4 || len(forecast.LeftOut) != 1 || forecast.LeftOut[0].Reason != audiences.LeftNoConsent || forecast.LeftOut[0].Count != 2 || len(forecast.Some) != 6 {
		t.Errorf("%+v", forecast)
	}
	if calls := sim.Calls(); len(calls) > 0 {
		t.Errorf("a forecast made calls: %v", calls)
	}
	body["expect"] = 0
	w.write(put, "/audiences/tokyo", body)
	done := func(inList int) func() bool {
		return func() bool {
			row := w.audience("tokyo")
			return row.State == "done" && row.InList == inList
		}
	}
	eventually(t, done(4))
	id, silent := w.id(enishi.Customer, "A0"), w.id(enishi.Customer, "A2")
	records := into[list[disclosureRow]](w.call(get, "/people/"+id+"/disclosures", nil)).Items
	if len(records) != 1 || records[0].Recipient != "Meta Platforms, Inc." || records[0].Country != "US" || records[0].Basis != "consent" || records[0].Purpose != "ads.marketing" ||
		records[0].Op != "add" || records[0].Title != "東京の方" || len(records[0].Items) != 1 || records[0].Items[0] != string(match.Email) {
		t.Errorf("%+v", records)
	}
	if none := into[list[disclosureRow]](w.call(get, "/people/"+silent+"/disclosures", nil)).Items; len(none) != 0 {
		t.Errorf("of who never agreed: %+v", none)
	}

	sim.Revoke(true)
	w.call(post, "/audiences/tokyo/sync", nil).want(200)
	eventually(t, func() bool { p := w.audience("tokyo").Problem; return p != nil && p.Class == "auth" })
	eventually(t, func() bool {
		open := into[list[alertRow]](w.call(get, "/alerts", nil)).Items
		return len(open) == 1 && open[0].Href == "/audiences/tokyo"
	})
	sim.Revoke(false)
	if p := w.audience("tokyo").Problem; !p.Until.After(time.Now().Add(50 * time.Minute)) {
		t.Errorf("tried again at %s", p.Until)
	}
	w.call(post, "/audiences/tokyo/sync", nil).want(200)
	eventually(t, done(4))

	w.segment("buyers", `traits.prefecture == "東京都" && traits.allergy == "あり"`)
	w.call(post, "/audiences/tokyo/sync", nil).want(200)
	eventually(t, func() bool {
		p := w.audience("tokyo").Problem
		return p != nil && p.Code == "sensitive" && strings.Contains(p.Text.JA, "要配慮個人情報")
	})
	w.call("DELETE", "/audiences/tokyo", nil).want(200)
	eventually(t, func() bool { return len(sim.Lists()) == 0 })
	if records = into[list[disclosureRow]](w.call(get, "/people/"+id+"/disclosures", nil)).Items; len(records) != 1 || records[0].Title != "tokyo" {
		t.Errorf("records of a deleted audience: %+v", records)
	}
}
