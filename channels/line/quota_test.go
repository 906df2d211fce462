package line

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	linesim "enishi/internal/sim/line"
)

// accounts is the default account on the fixture's simulator, with a setting that may change.
type accounts struct {
	*Official
	f *fixture

	mu      sync.Mutex
	version int64
	setting string
	alerts  []enishi.Alert
}

func newAccount(t *testing.T, cfg linesim.Config, clock func() time.Time, setting string) *accounts {
	t.Helper()
	x := &accounts{f: newFixture(t, cfg, nil)}
	x.set(setting)
	all, err := NewAccounts(AccountsConfig{Secrets: map[string]Secret{DefaultAccount: {Token: "token", Endpoint: x.f.http.URL}}, Timeout: 5 * time.Second, Now: clock,
		Setting: func() (int64, []byte) { x.mu.Lock(); defer x.mu.Unlock(); return x.version, []byte(x.setting) },
		Alert:   func(a enishi.Alert) { x.mu.Lock(); defer x.mu.Unlock(); x.alerts = append(x.alerts, a) }})
	if err != nil {
		t.Fatal(err)
	}
	x.Official, _ = all.Get("")
	return x
}

func (x *accounts) set(plan string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.version++; plan != "" {
		x.setting = `{"accounts": [{"name": "default", "title": {"ja": "縁", "en": "Enishi"}, ` + plan + `}]}`
	} else {
		x.setting = `{"accounts": []}`
	}
}

func (x *accounts) push(n int, purpose string) string {
	m := x.f.message(n, "x")
	m.Purpose = purpose
	_, err := x.Send(context.Background(), m)
	return verdict(err)
}

// TestQuota: advertising leaves the reserve to notices, what would be refused is never tried, LINE is asked sparingly, and a
// new month in Japan begins anew.
func TestQuota(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	x := newAccount(t, linesim.Config{MonthlyQuota: 20, Now: clock}, clock, `"reserve": 3`)
	other := x.f.sim.UserID("taro")
	if err := x.f.sim.Befriend(other, ""); err != nil {
		t.Fatal(err)
	}
	n := 0
	send := func(purpose string) string { n++; return x.push(n, purpose) }
	two := []channels.Recipient{{To: x.f.to}, {To: other}}
	group := func() error {
		n++
		m := x.f.message(n, "x")
		m.Purpose = "marketing"
		_, err := x.SendGroup(context.Background(), m, two)
		return err
	}
	for range 8 {
		if err := group(); err != nil {
			t.Fatal(err)
		}
	}
	if len(x.alerts) != 1 || !strings.Contains(x.alerts[0].TextJA, "80%") {
		t.Errorf("at 16 of 20: %+v", x.alerts)
	}
	if got := verdict(group()); got != "refused quota" { // 17 are left to advertising
		t.Errorf("a group over the quota: %s", got)
	}
	var e *channels.SendError
	if err := group(); !errors.As(err, &e) || e.Code != "" || e.After != time.Hour {
		t.Errorf("until the month ends in Japan: %+v", e)
	}
	if got := send("marketing"); got != "sent" {
		t.Errorf("the last one: %s", got)
	}
	if got := send("marketing"); got != "refused quota" {
		t.Errorf("of the reserve: %s", got)
	}
	for i := range 3 {
		if got := send("transactional"); got != "sent" {
			t.Errorf("notice %d: %s", i, got)
		}
	}
	if got := send("transactional"); got != "refused quota" {
		t.Errorf("over everything: %s", got)
	}
	if len(x.alerts) != 3 { // 80 %, refused, 95 %
		t.Errorf("%d alerts: %+v", len(x.alerts), x.alerts)
	}
	calls := x.f.sim.Counts().Calls
	if calls["quota 200"] != 1 || calls["quota/consumption 200"] != 1 || calls["push 429"]+calls["multicast 429"] != 0 {
		t.Errorf("LINE was asked too much: %v", calls)
	}
	if u := x.Quota.Usage(context.Background()); u.Used != 20 || u.Limit != 20 || u.Month != "2026-11" || u.Left != 0 || !u.Known {
		t.Errorf("%+v", u)
	}
	mu.Lock()
	now = now.Add(time.Hour) // midnight in Japan
	mu.Unlock()
	if got := send("marketing"); got != "sent" {
		t.Errorf("in the new month: %s", got)
	}
	if u := x.Quota.Usage(context.Background()); u.Used != 1 || u.Month != "2026-12" || u.Left != 16 {
		t.Errorf("%+v", u)
	}
}

// TestQuotaIsAskedSparingly: over an hour of a message every ten seconds LINE is asked 12 times.
func TestQuotaIsAskedSparingly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	x := newAccount(t, linesim.Config{MonthlyQuota: 1000}, func() time.Time { return now }, "")
	for i := range 360 {
		if got := x.push(i+1, "marketing"); got != "sent" {
			t.Fatalf("%d: %s", i, got)
		}
		now = now.Add(10 * time.Second)
	}
	if calls := x.f.sim.Counts().Calls; calls["quota 200"] != 12 || calls["quota/consumption 200"] != 12 {
		t.Errorf("%v", calls)
	}
}

// TestPlanIsABudget: the plan bounds what LINE would allow, a change acts at once, and what the plan does not give LINE refuses.
func TestPlanIsABudget(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	x := newAccount(t, linesim.Config{}, func() time.Time { return now }, `"plan": "free"`)
	u := x.Quota.Usage(context.Background())
	if u.Limit != 200 || u.Left != 200 { // LINE has no limit of its own
		t.Errorf("%+v", u)
	}
	x.set(`"plan": "standard", "extra": 500, "reserve": 100`)
	if u := x.Quota.Usage(context.Background()); u.Limit != 30_500 || u.Left != 30_400 {
		t.Errorf("%+v", u)
	}
}

// TestLINEKnowsBetter: what LINE refuses for the month is told apart from its rate, refuses everything until LINE is asked
// again, and somebody who bought more goes on.
func TestLINEKnowsBetter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	x := newAccount(t, linesim.Config{MonthlyQuota: 100}, func() time.Time { return now }, "")
	x.f.sim.Inject(linesim.Fault{Endpoint: "push", Status: 429, Message: "The API rate limit has been exceeded. Try again later."})
	x.f.sim.Inject(linesim.Fault{Endpoint: "push", Status: 429, Message: "You have reached your monthly limit."})
	for i, want := range []string{"busy", "refused quota", "refused quota"} {
		if got := x.push(i+1, "transactional"); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	if calls := x.f.sim.Counts().Calls; calls["push 429"] != 2 {
		t.Errorf("tried again within the month: %v", calls)
	}
	if u := x.Quota.Usage(context.Background()); u.Left != 0 || u.Used != 0 || len(x.alerts) != 1 {
		t.Errorf("%+v %+v", u, x.alerts)
	}
	now = now.Add(quotaEvery)
	if got := x.push(9, "marketing"); got != "sent" {
		t.Errorf("after LINE was asked: %s", got)
	}
}

// TestQuotaCountsOnce: a message whose try is in doubt counts once, however often it is tried, and is tried again also when
// nothing is left; what LINE refuses does not count.
func TestQuotaCountsOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	x := newAccount(t, linesim.Config{MonthlyQuota: 2}, func() time.Time { return now }, "")
	x.f.sim.Inject(linesim.Fault{Endpoint: "push", Status: 500, After: true})
	x.f.sim.Inject(linesim.Fault{Endpoint: "push", Status: 400})
	used := func(want int) {
		t.Helper()
		if u := x.Quota.Usage(context.Background()); u.Used != want {
			t.Errorf("used %d, want %d", u.Used, want)
		}
	}
	for i, step := range []struct {
		message int
		want    string
		used    int
	}{{1, "unknown", 1}, {2, "permanent content", 1}, {3, "sent", 2}, {1, "sent", 2}, {4, "refused quota", 2}} {
		if got := x.push(step.message, "marketing"); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
		used(step.used)
	}
}

// TestQuotaWithoutAnswer: while LINE does not tell, messages go to LINE, which decides.
func TestQuotaWithoutAnswer(t *testing.T) {
	t.Parallel()
	x := newAccount(t, linesim.Config{MonthlyQuota: 1}, time.Now, "")
	x.f.sim.Inject(linesim.Fault{Endpoint: "quota", Status: 500, Times: -1})
	for i, want := range []string{"sent", "refused quota"} {
		if got := x.push(i+1, "marketing"); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	if u := x.Quota.Usage(context.Background()); u.Known || u.Limit != 0 || u.Used != 1 {
		t.Errorf("%+v", u)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	one := func(rest string) []byte {
		return []byte(`{"accounts": [{"name": "shop2", "title": {"ja": "二号店", "en": "Second"}` + rest + `}]}`)
	}
	if s, err := ParseSettings(one(`, "plan": "standard", "extra": 10000, "reserve": 500, "provider": "p2", "channel_id": "165", "basic_id": "@shop2", "login": "166", "liff": "16600-AbCdEf", "login_url": "https://shop.example/login"`)); err != nil || s.Accounts[0].most() != 40_000 {
		t.Errorf("%+v %v", s, err)
	}
	f := func(body []byte, field string) {
		t.Helper()
		_, err := ParseSettings(body)
		var e *enishi.Error
		if !errors.As(err, &e) || !strings.HasSuffix(e.Field, field) || e.MsgJA == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
	f(one(`, "plan": "light", "extra": 1`), ".extra") // only the largest may buy more
	f(one(`, "plan": "free", "reserve": 201`), ".reserve")
	f(one(`, "plan": "gold"`), ".plan")
	f(one(`, "basic_id": "shop"`), ".basic_id")
	f(one(`, "liff": "16600-AbCdEf"`), ".login")
	f(one(`, "login_url": "http://shop.example/"`), ".login_url")
	f(one(`, "token": "secret"`), "body.body") // secrets stand in the configuration
	f([]byte(`{"accounts": [{"name": "A", "title": {"ja": "x", "en": "x"}}]}`), ".name")
	f([]byte(`{"accounts": [{"name": "a", "title": {"ja": "x"}}]}`), ".title")
	f([]byte(`{"accounts": [{"name": "a", "title": {"ja": "x", "en": "x"}}, {"name": "a", "title": {"ja": "x", "en": "x"}}]}`), "[1].name")
}
