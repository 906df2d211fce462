package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// The lifecycle of people is an ordered list of stages, each with a condition as segments have it: who fulfils several is in the first.
// It is the setting lifecycle; until that is saved, defaultStages.

// lifecycleSetting is the body of the setting lifecycle.
type lifecycleSetting struct {
	Stages []stage `json:"stages"`
}

// stage is one of the lifecycle.
type stage struct {
	Name  string    `json:"name"`
	Title textInput `json:"title"`
	Rule  textInput `json:"rule,omitzero"` // in words
	When  string    `json:"when"`
}

const (
	lifecycleName = "lifecycle"
	maxStages     = 20
)

// defaultStages are 消費者, 見込み客, 会員, 顧客, リピーター, ロイヤル顧客, and those who are going or gone.
var defaultStages = []stage{
	{"lapsed", textInput{"休眠", "Lapsed"}, textInput{"最後の注文から 365 日が過ぎている", "the latest order is more than 365 days ago"}, `orders_count >= 1 && last_order_at < ago("365d")`},
	{"at_risk", textInput{"離脱の恐れ", "At risk"}, textInput{"2 回以上注文し、180 日注文がない。または、購入間隔から見込まれる日を 60 日過ぎても注文がない", "two or more orders and none for 180 days, or 60 days past the order expected by the rhythm"},
		`orders_count >= 2 && (last_order_at < ago("180d") || next_order_at < ago("60d") && last_order_at < ago("60d"))`},
	{"loyal", textInput{"ロイヤル顧客", "Loyal"}, textInput{"5 回以上注文している", "five or more orders"}, `orders_count >= 5`},
	{"repeat", textInput{"リピーター", "Repeat customer"}, textInput{"2 回以上注文している", "two or more orders"}, `orders_count >= 2`},
	{"customer", textInput{"顧客", "Customer"}, textInput{"1 回注文している", "one order"}, `orders_count >= 1`},
	{"registered", textInput{"会員", "Registered"}, textInput{"会員登録、メールアドレス、LINE 友だちのいずれかがある（注文はまだ）", "a member, a mail address or a LINE friend, without an order so far"}, `present(signed_up_at) || has_email || line_friend`},
	{"visitor", textInput{"見込み客（訪問者）", "Visitor"}, textInput{"サイト・アプリ・店舗に来たことがある", "has been on the site, in the app or in a store"}, `page_views >= 1 || product_views >= 1 || store_visits >= 1`},
	{"consumer", textInput{"消費者", "Consumer"}, textInput{"まだ接点がない", "no contact so far"}, `true`},
}

// stageRow is the stage of a person.
type stageRow struct {
	Name  string `json:"name"`
	Title Text   `json:"title"`
	Rule  Text   `json:"rule" doc:"What puts people there, in words; its condition where the shop wrote none."`
	Where string `json:"where" doc:"The condition of this stage and none before it: for GET /people?where=."`
}

// lifecycle keeps the stages compiled for as long as their setting and what it names stand.
type lifecycle struct {
	mu       sync.Mutex
	version  int64
	read     bool
	stages   []stageRow
	compiled []*segments.Segment
}

// stagesOf reads a setting and checks it.
func (a *API) stagesOf(body json.RawMessage) ([]stageRow, []*segments.Segment, error) {
	set := lifecycleSetting{Stages: defaultStages}
	if body != nil {
		set.Stages = nil
		if err := json.Unmarshal(body, &set); err != nil || len(set.Stages) == 0 || len(set.Stages) > maxStages {
			return nil, nil, enishi.FieldError("body.body.stages", `is written as [{"name": "loyal", "title": {"ja": "...", "en": "..."}, "when": "orders_count >= 5"}, ...], with up to 20 stages`,
				`[{"name": "loyal", "title": {"ja": "...", "en": "..."}, "when": "orders_count >= 5"}, ...] の形で、20 段階までで書いてください。`)
		}
	}
	library := a.library()
	rows, compiled, before := []stageRow{}, []*segments.Segment{}, []string{}
	for i, s := range set.Stages {
		text, _ := json.Marshal(segments.Body{Expression: s.When})
		c, err := library.Compile("", 0, text)
		if err != nil {
			return nil, nil, fmt.Errorf("body.body.stages[%d].when: %w", i, err)
		}
		title := Text(s.Title).complete()
		if s.Name == "" || title.isZero() {
			return nil, nil, enishi.FieldError(fmt.Sprintf("body.body.stages[%d]", i), "needs a name and a title", "name と title を書いてください。")
		}
		rule := Text(s.Rule).complete()
		if rule.isZero() {
			rule = plain(s.When)
		}
		where := s.When
		if len(before) > 0 {
			where = strings.Join(before, " && ") + " && (" + s.When + ")"
		}
		rows, compiled = append(rows, stageRow{s.Name, title, rule, where}), append(compiled, c)
		before = append(before, "!("+s.When+")")
	}
	return rows, compiled, nil
}

// stage is where in the lifecycle a person stands now; nil: in none.
func (a *API) stage(v *profiles.View, now time.Time) *stageRow {
	d, saved := a.cfg.Definitions.Current("setting", lifecycleName)
	l := &a.lifecycle
	l.mu.Lock()
	defer l.mu.Unlock()
	library := a.library()
	stale := func(c *segments.Segment) bool { return !c.Current(library) }
	if !l.read || l.version != d.Version || slices.ContainsFunc(l.compiled, stale) {
		var body json.RawMessage
		if saved {
			body = d.Body
		}
		rows, compiled, err := a.stagesOf(body)
		if err != nil {
			a.log.Error("the setting lifecycle does not hold", "err", err)
			rows, compiled = nil, nil
		}
		l.stages, l.compiled, l.version, l.read = rows, compiled, d.Version, true
	}
	for i, c := range l.compiled {
		if c.Match(v, now) {
			return &l.stages[i]
		}
	}
	return nil
}
