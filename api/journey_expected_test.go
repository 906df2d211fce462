package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestExpectedEntries: how many entries a month a journey may expect is counted from what happened: an event by person or by the
// thing that it is about, moves of a segment without those of a sweep, a date, a campaign that returns. With less than a week of
// history nothing is said.
func TestExpectedEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC().Truncate(time.Second)
	w.api.cfg.Now = func() time.Time { return now }
	n := 0
	insert := func(typ string, person int, days int, segment, order string, initial uint8) {
		t.Helper()
		n++
		at, id := now.AddDate(0, 0, -days), enishi.NewID("expected", fmt.Sprint(n))
		if err := w.cfg.DB.Insert(t.Context(), "events", []string{"subject", "at", "event_id", "type", "appended_at", "version", "segment", "order_id", "historical"}, 1,
			[]enishi.ID{enishi.NewID("person", fmt.Sprint(person))}, []time.Time{at}, []enishi.ID{id}, []string{typ}, []time.Time{at}, []uint64{1}, []string{segment}, []string{order}, []uint8{initial}); err != nil {
			t.Fatal(err)
		}
	}
	for person := range 30 { // each orders twice in different months, the first of them known by two identifiers
		insert("order.placed", person, 10, "", fmt.Sprint("a", person), 0)
		insert("order.placed", person, 50, "", fmt.Sprint("b", person), 0)
		insert("order.placed", person, 100, "", fmt.Sprint("c", person), 0) // before the days that count
		insert("segment.entered", person, 60, "vip", "", 1)                 // found by a sweep
	}
	for _, person := range []int{0, 1} {
		if err := w.cfg.DB.Exec(t.Context(), fmt.Sprintf("INSERT INTO identifiers (profile_id, subject, version, kind) VALUES (unhex('%s'), unhex('%s'), 1, 'email')",
			enishi.NewID("person", "0"), enishi.NewID("person", fmt.Sprint(person)))); err != nil {
			t.Fatal(err)
		}
	}
	for person := range 8 {
		insert("segment.entered", person, 20, "vip", "", 0)
	}
	insert("segment.left", 3, 5, "vip", "", 0)
	insert("custom.new", 1, 2, "", "", 0)
	for _, q := range []string{
		`INSERT INTO people (profile_id, version, traits) SELECT MD5(toString(number)), 1, if(number < 24, map('birthday', '1990-05-01'), map('joined_on', toString(today() + number))) FROM numbers(60)`,
		`INSERT INTO memberships (profile_id, segment, version) SELECT MD5(toString(number)), 'vip', 1 FROM numbers(12)`,
	} {
		if err := w.cfg.DB.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for entry, want := range map[string]string{
		`{"event":"order.placed","reentry":"never"}`:                                                  "10 90 true 月に約 10 人（直近 90 日から）",
		`{"event":"order.placed","reentry":"after_exit"}`:                                             "19 90 false 月に約 19 人（直近 90 日から）",
		`{"event":"order.placed","key":"order_id","reentry":"never"}`:                                 "20 90 true 月に約 20 件（直近 90 日から）",
		`{"events":["order.placed","custom.new"],"reentry":"always"}`:                                 "20 90 true 月に約 20 件（直近 90 日から）",
		`{"event":"order.placed","where":"event.order.totl > 1","reentry":"never"}`:                   "10 90 false 月に約 10 人（直近 90 日から、条件で絞る前の数）",
		`{"event":"custom.new","reentry":"never"}`:                                                    "- 2 false まだ履歴が足りません（7 日分から人数の目安を出します）。",
		`{"event":"cart.updated","reentry":"never"}`:                                                  "0 60 true 直近 60 日には 1 人もいませんでした。",
		`{"segment":"vip","reentry":"never"}`:                                                         "4 60 true 月に約 4 人（直近 60 日から）",
		`{"segment":"vip","entered":false,"reentry":"after_exit"}`:                                    "1 60 false 月に約 1 件（直近 60 日から）",
		`{"segment":"none","reentry":"never"}`:                                                        "- 0 false まだ履歴が足りません（7 日分から人数の目安を出します）。",
		`{"date":"birthday","yearly":true,"reentry":"never"}`:                                         "2 0 false 月に約 2 人（この日付がある 24 人の 12 分の 1）",
		`{"date":"joined_on","reentry":"never"}`:                                                      "6 0 false 月に約 6 人（この日付が 30 日以内に来る人から）",
		`{"sweep":true,"segment":"vip","schedule":{"every":"day","time":"10:00"},"reentry":"always"}`: "360 0 false 月に約 360 件（いまの対象 12 人 × 30 日に 30 回）",
		`{"sweep":true,"segment":"vip","reentry":"never"}`:                                            "- 0 false 1 回だけ、いまの対象は 12 人です。",
		`{"called":true,"reentry":"never"}`:                                                           "- 0 false ほかのジャーニーなどから呼ばれた人が始めます。人数は前もって分かりません。",
		`{"reentry":"never"}`:                                                                         "- 0 false 開始のきっかけがまだ決まっていません。",
	} {
		a := w.call("POST", "/journeys/draft/expected", map[string]any{"definition": json.RawMessage(`{"entry":` + entry + `}`)})
		x := into[journeyExpected](a)
		checkTexts(t, "expected", a.text)
		month := "-"
		if x.PerMonth != nil {
			month = fmt.Sprint(*x.PerMonth)
		}
		if got := fmt.Sprint(month, " ", x.Days, " ", x.Exact, " ", x.Sentence.JA); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", entry, got, want)
		}
	}
	w.call("POST", "/journeys/draft/expected", map[string]any{}).want(404)
	w.call("POST", "/journeys/draft/expected", map[string]any{"definition": json.RawMessage(`{"entry":3}`)}).want(422)
	saved := w.write("PUT", "/journeys/thanks", map[string]any{"definition": json.RawMessage(strings.Replace(thanks, `"order_id", "reentry"`, `"order_id", "where": "orders_count > 1", "reentry"`, 1)), "status": "draft", "expect": 0})
	w.write("PUT", "/journeys/thanks", map[string]any{"definition": json.RawMessage(thanks), "status": "draft", "expect": saved.Version})
	if x := into[journeyExpected](w.call("POST", "/journeys/thanks/expected", map[string]any{})); !x.Exact || *x.PerMonth != 20 || x.Sentence.EN != "about 20 entries a month (from the last 90 days)" {
		t.Errorf("the newest: %+v", x)
	}
	if x := into[journeyExpected](w.call("POST", "/journeys/thanks/expected", map[string]any{"version": saved.Version})); x.PerMonth == nil || *x.PerMonth != 0 { // nobody of these rows has a past
		t.Errorf("the version before: %+v", x)
	}
}

// TestExpectedBehindCondition: entries are counted behind the condition of the entry, as the engine itself decides it at that moment: by the
// event, by the person as they were then, by the moves of segments; of a date by who the person is now.
func TestExpectedBehindCondition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	now := time.Now().UTC()
	w.play(pastShop(60, now)) // 30 days ago 60 signed up, every second agreed to mail; every third ordered for 5,000 four days later
	f := func(entry, want string) {
		t.Helper()
		a := w.call("POST", "/journeys/draft/expected", map[string]any{"definition": json.RawMessage(`{"entry":` + entry + `}`)})
		x := into[journeyExpected](a)
		checkTexts(t, "expected", a.text)
		month := "-"
		if x.PerMonth != nil {
			month = fmt.Sprint(*x.PerMonth)
		}
		if got := fmt.Sprint(month, " ", x.Exact, " ", x.Sentence.JA); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", entry, got, want)
		}
	}
	days := func(since int) int {
		return int(now.Sub(now.Add(-30*24*time.Hour).Truncate(24*time.Hour).Add(time.Duration(since)*24*time.Hour+3*time.Hour)) / (24 * time.Hour))
	}
	month := func(n, days int) int { return (n*30 + days/2) / days }
	counted := func(n, days int) string {
		return fmt.Sprintf("%d true 月に約 %d 人（直近 %d 日から）", month(n, days), month(n, days), days)
	}
	f(`{"event":"order.placed","reentry":"never"}`, counted(20, days(4)))
	f(`{"event":"order.placed","where":"event.order.total >= 5000","reentry":"never"}`, counted(20, days(4)))
	f(`{"event":"order.placed","where":"event.order.total > 5000","reentry":"never"}`, fmt.Sprintf("0 true 直近 %d 日には 1 人もいませんでした。", days(4)))
	f(`{"event":"order.placed","where":"consent.email","reentry":"never"}`, counted(10, days(4)))
	f(`{"event":"order.placed","where":"consent.email && event.order.total > 1000","reentry":"never"}`, counted(10, days(4)))
	// Who signed up had no order then, whatever they bought since.
	f(`{"event":"user.signed_up","where":"orders_count == 0","reentry":"never"}`, counted(60, days(0)))
	f(`{"event":"user.signed_up","where":"orders_count > 0","reentry":"never"}`, fmt.Sprintf("0 true 直近 %d 日には 1 人もいませんでした。", days(0)))
	f(`{"events":["user.signed_up","order.placed"],"where":"event.type == \"order.placed\"","reentry":"always"}`, strings.Replace(counted(20, days(0)), "人", "件", 1))
	f(`{"event":"order.placed","where":"consent.email && nonsense","reentry":"never"}`, strings.Replace(strings.Replace(counted(20, days(4)), "true", "false", 1), "日から）", "日から、条件で絞る前の数）", 1))
	// Three came into a segment, two of them may get mail.
	w.segment("buyers", "orders_count >= 1")
	for _, id := range []string{"P000", "P003", "P006"} {
		person, err := enishi.ParseID(w.id(enishi.Customer, id))
		if err != nil {
			t.Fatal(err)
		}
		at := now.AddDate(0, 0, -20)
		if err := w.cfg.DB.Insert(t.Context(), "events", []string{"subject", "at", "event_id", "type", "appended_at", "version", "segment"}, 1,
			[]enishi.ID{person}, []time.Time{at}, []enishi.ID{enishi.NewID("move", id)}, []string{"segment.entered"}, []time.Time{at}, []uint64{1}, []string{"buyers"}); err != nil {
			t.Fatal(err)
		}
	}
	f(`{"segment":"buyers","reentry":"never"}`, counted(3, 20))
	f(`{"segment":"buyers","where":"consent.email","reentry":"never"}`, counted(2, 20))
	f(`{"segment":"buyers","where":"nonsense","reentry":"never"}`, strings.Replace(strings.Replace(counted(3, 20), "true", "false", 1), "日から）", "日から、条件で絞る前の数）", 1))
	// Of people as they are now.
	f(`{"date":"given_name","yearly":true,"where":"consent.email","reentry":"never"}`, "3 false 月に約 3 人（この日付がある 30 人の 12 分の 1）")
	f(`{"date":"given_name","yearly":true,"where":"nonsense","reentry":"never"}`, "5 false 月に約 5 人（この日付がある 60 人の 12 分の 1、条件で絞る前の数）")
}
