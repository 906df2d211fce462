package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
	"enishi/segments/audiences"
	adline "enishi/segments/audiences/line"
)

// narrowWorld is a workspace whose narrowcasts move only when a test says so, with a clock of its own.
type narrowWorld struct {
	*world
	sim   *linesim.Server
	users []string
	ms    atomic.Int64 // the clock
}

func (w *narrowWorld) now() time.Time { return time.UnixMilli(w.ms.Load()).UTC() }

// pass lets time go by.
func (w *narrowWorld) pass(d time.Duration) { w.ms.Add(d.Milliseconds()) }

// newNarrowWorld has 60 friends at LINE and the template spring.
func newNarrowWorld(t *testing.T, quota int, reserve int) *narrowWorld {
	t.Helper()
	w := &narrowWorld{world: newWorld(t, func(*Config) {})} // without LINE: nobody looks after narrowcasts by the clock
	w.ms.Store(time.Now().UnixMilli())
	w.sim = linesim.New(linesim.Config{MonthlyQuota: quota, Now: w.now})
	provider := httptest.NewServer(w.sim)
	t.Cleanup(provider.Close)
	accounts, err := line.NewAccounts(line.AccountsConfig{Secrets: map[string]line.Secret{line.DefaultAccount: {Token: "token", Channel: "secret", Endpoint: provider.URL}}, Now: w.now,
		Setting: func() (int64, []byte) {
			return 1, fmt.Appendf(nil, `{"accounts":[{"name":"default","title":{"ja":"店","en":"Shop"},"reserve":%d}]}`, reserve)
		}})
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.LINE, w.cfg.Now = accounts, w.now
	w.restart()
	for i := range 60 {
		w.users = append(w.users, w.sim.UserID(fmt.Sprint("n", i)))
		if err := w.sim.Befriend(w.users[i], ""); err != nil {
			t.Fatal(err)
		}
	}
	w.template("spring", "marketing", "春の新作です")
	return w
}

// restart begins anew with what is in the tables.
func (w *narrowWorld) restart() {
	w.t.Helper()
	api, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	view := *w.world
	view.api, view.server = api, httptest.NewServer(api.Mux(Parts{}))
	w.t.Cleanup(view.server.Close)
	w.world = &view
}

func (w *narrowWorld) template(name, purpose, text string) {
	w.t.Helper()
	w.write(put, "/templates/"+name, map[string]any{"expect": -1, "definition": map[string]any{"channel": "line", "purpose": purpose,
		"variants": map[string]any{"ja": map[string]any{"messages": []any{map[string]any{"type": "text", "text": text}}}}}})
}

// audience makes one of so many of the friends, which is ready.
func (w *narrowWorld) audience(n int) int64 {
	w.t.Helper()
	o, _ := w.cfg.LINE.Get("")
	id, err := o.Channel.CreateAudience(w.t.Context(), "春", w.users[:n])
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := o.Channel.Audience(w.t.Context(), id); err != nil { // the next answer says that it is ready
		w.t.Fatal(err)
	}
	return id
}

// ask asks for a narrowcast of spring to everybody, and gives its id.
func (w *narrowWorld) ask() string {
	w.t.Helper()
	return into[narrowcastRow](w.call(post, "/line/narrowcasts", map[string]any{"audience": w.audience(60), "template": "spring", "title": "春"})).ID
}

// look does what is due after a while, and gives how it stands then.
func (w *narrowWorld) look(id string, after time.Duration) narrowcastRow {
	w.t.Helper()
	w.pass(after)
	if err := w.api.keepNarrowcasts(w.t.Context(), w.now()); err != nil {
		w.t.Log(err)
	}
	return into[narrowcastRow](w.call(get, "/line/narrowcasts/"+id, nil))
}

func (w *narrowWorld) calls(name string) int { return w.sim.Counts().Calls[name] }

// expect fails unless a narrowcast stands so, with both languages where there is something to say.
func (w *narrowWorld) expect(r narrowcastRow, state, why, stop string) {
	w.t.Helper()
	if r.State != state || !strings.Contains(r.Why.EN, why) || (why == "") != r.Why.isZero() || !strings.Contains(r.Stop.EN, stop) {
		w.t.Errorf("%+v, want %s: %s; %s", r, state, why, stop)
	}
	text, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	checkTexts(w.t, "narrowcast", string(text))
}

// TestNarrowcast: from the request to LINE's figures, across a restart; the same key is one narrowcast.
func TestNarrowcast(t *testing.T) {
	t.Parallel()
	w := newNarrowWorld(t, 1000, 0)
	w.template("shop", "marketing", "{{ brand.name }} の春 {{ links.sale }}")
	w.write(put, "/settings/brand", map[string]any{"expect": -1, "body": map[string]any{"name": "花の店"}})
	set := w.write(put, "/settings/journeys", map[string]any{"expect": -1, "body": map[string]any{"links": map[string]any{"sale": "https://shop.example/sale"}}})
	w.call(get, "/settings/journeys?after="+set.Position, nil).want(200)
	body := map[string]any{"audience": w.audience(60), "template": "shop", "title": " 春 ", "limit": 55}
	w.pass(2 * time.Hour)
	made := into[narrowcastRow](w.call(post, "/line/narrowcasts", body, "Idempotency-Key", "k1"))
	if made.AudiencePeople != 60 || made.AudienceAge < 7199 || made.AudienceAge > 7201 || made.Title != "春" || made.Target != nil {
		t.Errorf("%+v", made)
	}
	w.expect(made, "intent", "", "it can be cancelled")
	if again := into[narrowcastRow](w.call(post, "/line/narrowcasts", body, "Idempotency-Key", "k1")); again.ID != made.ID {
		t.Errorf("the same key made another: %+v", again)
	}
	w.expect(w.look(made.ID, 0), "waiting", "", "a stop here does not hold it")
	if l := into[list[narrowcastRow]](w.call(get, "/line/narrowcasts", nil)).Items; len(l) != 1 || len(w.sim.Sent()) != 55 || l[0].RequestID != w.sim.Sent()[0].RequestID {
		t.Errorf("%+v, %d sent", l, len(w.sim.Sent()))
	}
	if got := string(w.sim.Sent()[0].Messages); !strings.Contains(got, "花の店 の春 https://shop.example/sale") {
		t.Errorf("%s", got)
	}
	w.look(made.ID, time.Second)
	w.look(made.ID, time.Second)
	if n := w.calls("narrowcast/progress 200"); n != 1 {
		t.Errorf("its progress was asked for %d times within seconds", n)
	}
	w.restart()
	w.expect(w.look(made.ID, time.Minute), "sending", "", "a stop here does not hold it")
	done := w.look(made.ID, time.Minute)
	w.expect(done, "succeeded", "", "It is over")
	if done.Target == nil || *done.Target != 55 || *done.Sent != 55 || *done.Failed != 0 || !done.CountedAt.IsZero() {
		t.Errorf("%+v", done)
	}
	if got := w.look(made.ID, time.Second); got.Seen != nil || got.Figures.JA != "表示 20 人未満・クリック 20 人未満" {
		t.Errorf("%+v", got)
	}
	for _, u := range w.users[:22] {
		w.sim.Look(u, false)
	}
	w.look(made.ID, time.Hour)
	if n := w.calls("insight/event 200"); n != 1 {
		t.Errorf("figures were asked for %d times within a day", n)
	}
	if got := w.look(made.ID, 20*time.Hour); got.Seen == nil || *got.Seen != 22 || got.Clicked != nil || got.Figures.EN != "seen by 22, clicked by fewer than 20" {
		t.Errorf("%+v", got)
	}
	w.look(made.ID, 15*24*time.Hour)
	if n := w.calls("insight/event 200"); n != 2 || w.calls("narrowcast 202") != 1 {
		t.Errorf("figures were asked for %d times; %d calls", n, w.calls("narrowcast 202"))
	}
	w.call(post, "/line/narrowcasts/"+made.ID+"/cancel", map[string]any{}).want(409)
	for _, id := range []string{"x", strings.Repeat("0", 32)} {
		w.call(get, "/line/narrowcasts/"+id, nil).want(404)
		w.call(post, "/line/narrowcasts/"+id+"/cancel", nil).want(404)
	}
}

// TestNarrowcastRefused: what is known to be wrong before is refused in words, and nothing is kept.
func TestNarrowcastRefused(t *testing.T) {
	t.Parallel()
	w := newNarrowWorld(t, 1000, 0)
	w.template("personal", "marketing", "{{ customer.full_name }} 様 {{ coupon.code }}")
	w.template("notice", "transactional", "お知らせ")
	w.template("leftover", "marketing", "{% raw %}{{ 名前 }}{% endraw %} 様")
	ready, small := w.audience(60), w.audience(49)
	o, _ := w.cfg.LINE.Get("")
	f := func(status int, change map[string]any, want string) {
		t.Helper()
		body := map[string]any{"audience": ready, "template": "spring", "title": "春"}
		for k, v := range change {
			body[k] = v
		}
		if got := w.call(post, "/line/narrowcasts", body).want(status); !strings.Contains(got.text, want) {
			t.Errorf("%v: %s, want %s", change, got.text, want)
		}
	}
	f(422, map[string]any{"template": "personal"}, "人によって変わる変数は使えません: coupon.code, customer.full_name")
	f(422, map[string]any{"template": "notice"}, "販促用のテンプレート")
	f(422, map[string]any{"template": "nothing"}, "テンプレート「nothing」がありません")
	f(409, map[string]any{"template": "leftover"}, "templates.leftover")
	f(422, map[string]any{"title": "　"}, "名前を付けてください")
	f(422, map[string]any{"limit": -1}, "limit")
	f(404, map[string]any{"account": "shop9"}, "LINE アカウント")
	f(404, map[string]any{"audience": 1}, "LINE 側のデータ")
	f(409, map[string]any{"audience": small}, "オーディエンスは 49 人です")
	fresh, err := o.Channel.CreateAudience(t.Context(), "new", w.users)
	if err != nil {
		t.Fatal(err)
	}
	f(409, map[string]any{"audience": fresh}, "まだ準備中です")
	w.pass(25 * time.Hour)
	f(409, nil, "先に更新してください")
	f(409, nil, "refresh it first")
	if l := into[list[narrowcastRow]](w.call(get, "/line/narrowcasts", nil)).Items; len(l) != 0 || w.calls("narrowcast 202") != 0 {
		t.Errorf("%+v", l)
	}
}

// TestNarrowcastStops: before LINE has it a stop holds it, and it can be taken back; after that neither can.
func TestNarrowcastStops(t *testing.T) {
	t.Parallel()
	w := newNarrowWorld(t, 1000, 0)
	stop := func(scope, value string) string {
		t.Helper()
		return into[steered](w.call(post, "/sending/stop", map[string]any{"scope": scope, "value": value})).Stop
	}
	lift := func(id string) {
		t.Helper()
		w.call(post, "/sending/resume", map[string]any{"stop": id}).want(200)
	}
	first := w.ask()
	for _, s := range [][2]string{{"all", ""}, {"channel", "line"}, {"destination", "line:default"}, {"prefecture", "東京都"}} {
		x := stop(s[0], s[1])
		w.expect(w.look(first, time.Minute), "stopped", "A stop holds it", "goes when the stop is lifted")
		lift(x)
	}
	w.call(post, "/sending/off", nil).want(200)
	w.expect(w.look(first, time.Minute), "stopped", "sending is off", "goes when the stop is lifted")
	if w.calls("narrowcast 202") != 0 {
		t.Fatal("what was stopped was handed to LINE")
	}
	taken := w.ask()
	if got := into[narrowcastRow](w.call(post, "/line/narrowcasts/"+taken+"/cancel", map[string]any{"reason": "やめた"})); got.State != "cancelled" {
		t.Errorf("%+v", got)
	}
	w.call(post, "/sending/on", nil).want(200)
	w.expect(w.look(first, time.Minute), "waiting", "", "a stop here does not hold it")
	w.expect(w.look(taken, 0), "cancelled", "An operator cancelled it", "It is over")

	dropped := w.ask()
	x := stop("channel", "line")
	w.call(post, "/sending/cancel", map[string]any{"stop": x}).want(200)
	w.expect(w.look(dropped, time.Minute), "cancelled", "It was dropped", "It is over")
	// What LINE has goes on under the stop, and says so.
	if got := w.call(post, "/line/narrowcasts/"+first+"/cancel", nil).want(409); !strings.Contains(got.text, "LINE には取り消しの機能がない") || !strings.Contains(got.text, "no way to take it back") {
		t.Errorf("%s", got.text)
	}
	w.look(first, time.Minute)
	w.expect(w.look(first, time.Minute), "succeeded", "", "It is over")
	lift(x)

	// What was held for long is not sent to people who may have stopped since.
	old := w.ask()
	x = stop("channel", "line")
	w.expect(w.look(old, time.Minute), "stopped", "A stop holds it", "")
	lift(x)
	w.expect(w.look(old, 24*time.Hour), "refused", "make it anew", "It is over")
	if w.calls("narrowcast 202") != 1 {
		t.Errorf("%d were handed over", w.calls("narrowcast 202"))
	}
}

// TestNarrowcastAnswers: each answer of LINE's; what may have been taken is tried again under the same key, and never twice.
func TestNarrowcastAnswers(t *testing.T) {
	t.Parallel()
	w := newNarrowWorld(t, 1000, 0)
	fault := func(f linesim.Fault) { f.Endpoint = "narrowcast"; w.sim.Inject(f) }

	fault(linesim.Fault{Reset: true, After: true}) // taken, and nobody heard of it
	cut := w.ask()
	w.expect(w.look(cut, 0), "intent", "tried again under the same key", "may have accepted it")
	w.restart()
	w.expect(w.look(cut, time.Second), "intent", "tried again under the same key", "may have accepted it")
	if got := w.look(cut, time.Minute); got.State != "waiting" || got.RequestID != w.sim.Sent()[0].RequestID || len(w.sim.Sent()) != 60 || w.calls("narrowcast 409") != 1 {
		t.Errorf("%+v, %d sent, %v", got, len(w.sim.Sent()), w.sim.Counts().Calls)
	}

	fault(linesim.Fault{Status: 429})
	busy := w.ask()
	w.expect(w.look(busy, 0), "intent", "takes no more for now", "it can be cancelled")
	w.expect(w.look(busy, 10*time.Second), "intent", "takes no more for now", "")
	w.expect(w.look(busy, time.Minute), "waiting", "", "")

	for f, why := range map[*linesim.Fault]string{{Status: 429, Message: "You have reached your monthly limit."}: "not enough for everybody", {Status: 400, Message: "The property is wrong"}: "LINE refuses what is in it",
		{Status: 403, Message: "Access denied"}: "LINE refuses the account"} {
		fault(*f)
		got := w.look(w.ask(), time.Minute)
		if w.expect(got, "refused", why, "It is over"); got.Problem != f.Message {
			t.Errorf("%+v", got)
		}
		w.pass(6 * time.Minute) // the quota is asked anew
	}

	fault(linesim.Fault{Status: 500, Times: -1})
	doubt, taken := w.ask(), w.ask()
	w.expect(w.look(doubt, time.Minute), "intent", "tried again", "may have accepted it")
	if got := into[narrowcastRow](w.call(post, "/line/narrowcasts/"+taken+"/cancel", nil)); got.State != "unknown" {
		t.Errorf("%+v", got)
	}
	w.expect(w.look(taken, 0), "unknown", "An operator cancelled it", "nothing can stop")
	w.look(doubt, time.Hour)
	w.sim.ClearFaults()
	w.expect(w.look(doubt, 22*time.Hour+time.Minute), "unknown", "not answered for 24 hours", "nothing can stop")

	for _, u := range w.users[:15] {
		if _, err := w.sim.Block(u); err != nil {
			t.Fatal(err)
		}
	}
	few := w.ask()
	for range 3 { // taken, waiting, sending
		w.look(few, time.Minute)
	}
	w.expect(w.look(few, time.Minute), "failed", "not enough recipients", "It is over")
}

// TestNarrowcastQuota: what is kept for notices is kept, and LINE is not called for what does not fit.
func TestNarrowcastQuota(t *testing.T) {
	t.Parallel()
	w := newNarrowWorld(t, 150, 50)
	w.expect(w.look(w.ask(), 0), "waiting", "", "")
	w.expect(w.look(w.ask(), 0), "refused", "without what is kept for notices", "It is over")
	if w.calls("narrowcast 202") != 1 || len(w.sim.Sent()) != 60 {
		t.Errorf("%v", w.sim.Counts().Calls)
	}
}

// TestNarrowcastKept: an audience that is kept at LINE is found by its name, and is as old as its last run.
func TestNarrowcastKept(t *testing.T) {
	t.Parallel()
	w := newNarrowWorld(t, 1000, 0)
	o, _ := w.cfg.LINE.Get("")
	w.cfg.AdAccounts = map[string]*audiences.Destination{"line": {Name: "line", Basis: audiences.ByProcessor, Consent: "line.marketing", Platform: adline.New(o.Channel)},
		"second": {Name: "second", Official: "second", Basis: audiences.ByProcessor, Consent: "line.marketing", Platform: adline.New(o.Channel)},
		"ads":    {Name: "ads", Basis: audiences.ByConsent, Consent: "ads.marketing", Platform: idlePlatform{}}}
	w.restart()
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	for _, account := range []string{"line", "second", "ads"} {
		w.write(put, "/audiences/at_"+account, map[string]any{"title": "東京", "segment": "tokyo", "destination": account, "expect": 0})
	}
	body := map[string]any{"kept": "at_line", "template": "spring", "title": "春"}
	if a := w.call(post, "/line/narrowcasts", body).want(409); !strings.Contains(a.text, "まだ LINE に") {
		t.Error(a.text)
	}
	id := w.audience(60)
	kept := func() {
		t.Helper()
		if err := w.api.audienceTables().PutStanding(t.Context(), &audiences.Standing{Audience: "at_line", Remote: fmt.Sprint(id), BeganAt: w.now(), EndedAt: w.now(), Matched: -1}); err != nil {
			t.Fatal(err)
		}
	}
	kept()
	w.pass(48 * time.Hour)
	if a := w.call(post, "/line/narrowcasts", body).want(409); !strings.Contains(a.text, "48 時間前") {
		t.Error(a.text)
	}
	w.pass(-time.Hour)
	kept()
	w.pass(time.Hour)
	made := into[narrowcastRow](w.call(post, "/line/narrowcasts", body))
	if made.Audience != id || made.AudienceAge < 3599 || made.AudienceAge > 3601 {
		t.Errorf("%+v", made)
	}
	for query, n := range map[string]int{"kept=at_line": 1, "kept=at_ads": 0, "account=default": 1, "account=shop2": 0, "kept=at_line&account=shop2": 0} {
		if l := into[list[narrowcastRow]](w.call(get, "/line/narrowcasts?"+query, nil)).Items; len(l) != n || n > 0 && l[0].ID != made.ID {
			t.Errorf("%s: %+v", query, l)
		}
	}
	body["kept"] = "at_second"
	if a := w.call(post, "/line/narrowcasts", body).want(404); !strings.Contains(a.text, "LINE アカウント") { // of its own account, which is not there
		t.Error(a.text)
	}
	if got := w.look(made.ID, time.Second); got.State == "refused" || got.State == "intent" {
		t.Errorf("%+v", got)
	}
	for says, change := range map[string]map[string]any{"nothing": {"kept": "nothing"}, "LINE ではありません": {"kept": "at_ads"}, "どちらか一方": {"kept": "at_line", "audience": id}} {
		change["template"], change["title"] = "spring", "春"
		if a := w.call(post, "/line/narrowcasts", change).want(422); !strings.Contains(a.text, says) {
			t.Error(a.text)
		}
	}
}
