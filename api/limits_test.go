package api

import (
	"strings"
	"testing"
	"time"

	"enishi/channels"
	"enishi/channels/email"
)

// TestDeliveryLimits: for each receiver what stands and where it comes from, and what a warm-up or a budget leaves today.
func TestDeliveryLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) {
		c.Limits = func(destination string) (preset, now channels.Limit, ok bool) {
			group := destination[strings.LastIndexByte(destination, ':')+1:]
			preset = channels.Limit{Workers: 10}
			if p, known := email.Presets()[group]; known {
				preset = p
			}
			now = preset
			if group == "docomo" {
				now.PerSecond = 5
			}
			return preset, now, strings.HasPrefix(destination, "email:")
		}
	})
	row := func(p *limitsPage, destination string) limitRow {
		t.Helper()
		for _, x := range p.Accounts {
			for _, r := range x.Rows {
				if r.Destination == destination {
					return r
				}
			}
		}
		t.Fatalf("no %s in %+v", destination, p.Accounts)
		return limitRow{}
	}
	read := func() *limitsPage {
		t.Helper()
		a := w.call("GET", "/delivery/limits", nil).want(200)
		checkTexts(t, "limits", a.text)
		p := into[limitsPage](a)
		return &p
	}
	fresh := read()
	if r := row(fresh, "email:default:docomo"); r.Preset != (limitPair{10, 2}) || r.Now != (limitPair{5, 2}) || r.Left != nil || r.Label.JA != "NTT ドコモ" {
		t.Errorf("nothing is saved: %+v", r)
	}
	if r := row(fresh, "email:default:other"); r.Preset != (limitPair{0, 10}) {
		t.Errorf("of the others: %+v", r)
	}
	if fresh.Version != 0 || !fresh.May || !fresh.Inbox || len(fresh.Accounts) != 1 || len(fresh.Ramp) != 12 || fresh.Shares["gmail"] != 40 || fresh.KeepDays != 396 || fresh.KeepLeast != 35 {
		t.Errorf("nothing is saved: %+v", fresh)
	}

	now := w.api.now().In(w.api.zone())
	sent := ledgerRows(3, "email:default:gmail", "welcome", "東京都", "sent")
	for i := range sent {
		sent[i].Reported, sent[i].UpdatedAt = true, now
	}
	if err := channels.NewLedger(w.cfg.DB).Insert(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	w.call("PUT", "/settings/delivery", map[string]any{"expect": 0, "reason": "新しいドメイン", "body": map[string]any{
		"limits":  []any{map[string]any{"destination": "email:default", "per_month": 1000}, map[string]any{"destination": "email:news:au", "per_day": 9}, map[string]any{"destination": "email:*:gmail", "per_day": 5}},
		"warm_up": []any{map[string]any{"account": "email:default", "begin": now.AddDate(0, 0, -1).Format(time.DateOnly), "days": []int{1, 4, 8}, "groups": map[string][]int{"au": {7}}}}}}).want(200)
	p := read()
	if r := row(p, "email:default:gmail"); r.Today != 3 || r.Month != 3 || r.PerDay != 5 || r.PerMonth != 400 || r.WarmUpDay != 2 || r.WarmUp != 4 || r.Left == nil || *r.Left != 1 {
		t.Errorf("of the warm-up's second day: %+v", r)
	}
	if r := row(p, "email:default:au"); r.WarmUpDay != 0 || r.Left == nil || *r.Left != 60 {
		t.Errorf("its own ramp is over, the budget stands: %+v", r)
	}
	if r := row(p, "email:news:au"); r.Left == nil || *r.Left != 9 {
		t.Errorf("an account that only the setting names: %+v", r)
	}
	if x := p.Accounts[0]; x.Account != "email:default" || x.WarmUp == nil || x.WarmUp.Day != 2 || x.WarmUp.Over || len(x.WarmUp.Days) != 3 || p.Accounts[1].WarmUp != nil {
		t.Errorf("the warm-up: %+v", x.WarmUp)
	}
	if p.Version == 0 || len(p.History) != 1 || p.History[0].Reason != "新しいドメイン" || len(p.Delivery.Limits) != 3 {
		t.Errorf("what is saved: %+v", p)
	}
	token, _ := w.key("admin", "editor")
	if p := into[limitsPage](w.as(token).call("GET", "/delivery/limits", nil).want(200)); p.May {
		t.Error("an editor may change it")
	}
}
