package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"enishi"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
	"enishi/internal/stream"
)

// lineWorld is a workspace with two accounts, each on a simulated LINE of one provider.
func lineWorld(t *testing.T, sims map[string]*linesim.Server) *world {
	t.Helper()
	secrets := map[string]line.Secret{}
	for name, sim := range sims {
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		secrets[name] = line.Secret{Token: "token", Channel: "secret", Endpoint: server.URL}
	}
	return newWorld(t, func(c *Config) {
		client, log := c.Stream, c.Definitions
		c.TakeEvents = func(ctx context.Context, events []enishi.Event) error {
			var recs []stream.Record
			for i := range events {
				info, _ := enishi.LookupType(events[i].Type)
				value, err := json.Marshal(&events[i])
				if err != nil {
					return err
				}
				recs = append(recs, stream.Record{Topic: info.Topic, Partition: -1, Time: time.Now(), Key: []byte(events[i].Person.LineUserID), Value: value})
			}
			return client.Append(ctx, recs)
		}
		var err error
		c.LINE, err = line.NewAccounts(line.AccountsConfig{Secrets: secrets, Provider: "main", Setting: func() (int64, []byte) {
			d, _ := log.Current("setting", line.SettingName)
			return d.Version, d.Body
		}})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func (w *world) accountRows() map[string]lineAccountRow {
	w.t.Helper()
	out := map[string]lineAccountRow{}
	for _, r := range into[list[lineAccountRow]](w.call("GET", "/line/accounts", nil)).Items {
		out[r.Name] = r
	}
	return out
}

// compare runs a comparison to its end.
func (w *world) compare(account string) syncRow {
	w.t.Helper()
	w.call("POST", "/line/accounts/"+account+"/sync", map[string]any{}).want(200)
	var got syncRow
	eventually(w.t, func() bool { got = w.accountRows()[account].Sync; return got.State != "running" })
	return got
}

// TestLineAccounts: each account has friends and a quota of its own; comparing with LINE finds who followed and left while
// nobody listened, starts nothing, and changes nothing when it is run again.
func TestLineAccounts(t *testing.T) {
	t.Parallel()
	sims := map[string]*linesim.Server{line.DefaultAccount: linesim.New(linesim.Config{MonthlyQuota: 1000}), "shop2": linesim.New(linesim.Config{})}
	w := lineWorld(t, sims)
	w.t = t
	user := func(i int) string { return sims[line.DefaultAccount].UserID(fmt.Sprint("friend", i)) }
	now := time.Now().UTC().Add(-time.Minute)
	follow := func(i int, account, customer string) enishi.Event {
		return enishi.Event{Type: "line.followed", At: now, Person: &enishi.Person{LineUserID: user(i), CustomerID: customer}, Channel: "social", Source: "line:" + account,
			Properties: map[string]enishi.Value{"account": enishi.TextValue(account)}}
	}
	w.play([]enishi.Event{follow(0, "default", "c-0"), follow(1, "default", ""), follow(1, "shop2", ""), follow(2, "shop2", "")})
	rows := w.accountRows()
	if d, s := rows["default"], rows["shop2"]; len(rows) != 2 || d.Friends != 2 || d.Linked != 1 || s.Friends != 2 || s.Linked != 0 || d.HookAt.IsZero() || d.Webhook != "/line/webhook/default" || d.Sync.State != "none" {
		t.Errorf("%+v", rows)
	}
	if q := rows["default"].Quota; q.Limit != 1000 || q.Remaining != 1000 || q.State != "ok" || rows["shop2"].Quota.State != "unknown" {
		t.Errorf("%+v %+v", q, rows["shop2"].Quota)
	}

	for _, i := range []int{1, 2, 3, 4, 5} { // at LINE; 0 has left
		if err := sims[line.DefaultAccount].Befriend(user(i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.compare("default"); got.State != "done" || got.Listed != 5 || got.Added != 4 || got.Gone != 1 {
		t.Fatalf("%+v", got)
	}
	eventually(t, func() bool { r := w.accountRows()["default"]; return r.Friends == 5 && r.Linked == 0 })
	if got := w.accountRows()["default"].HookAt; !got.Equal(rows["default"].HookAt) {
		t.Errorf("a comparison passes for a webhook: %s, before %s", got, rows["default"].HookAt)
	}
	if got := w.accountRows()["shop2"]; got.Friends != 2 {
		t.Errorf("the other account: %+v", got)
	}
	if got := w.compare("default"); got.State != "done" || got.Added != 0 || got.Gone != 0 {
		t.Errorf("again: %+v", got)
	}
	sims["shop2"].Inject(linesim.Fault{Endpoint: "followers", Status: 403, Message: "Access to this API is not available for your account"})
	if got := w.compare("shop2"); got.State != "failed" || got.Doubted || got.Problem.JA == "" || got.Problem.EN == "" {
		t.Errorf("an account that is not verified: %+v", got)
	}
	w.call("POST", "/line/accounts/none/sync", map[string]any{}).want(404)

	w.write("PUT", "/settings/line", map[string]any{"body": map[string]any{"accounts": []any{map[string]any{"name": "shop2", "title": map[string]any{"ja": "二号店", "en": "Second"}, "plan": "light", "reserve": 100}}}, "expect": 0})
	eventually(t, func() bool { return w.accountRows()["shop2"].Quota.Remaining == 4900 })
	w.call("PUT", "/settings/line", map[string]any{"body": map[string]any{"accounts": []any{map[string]any{"name": "shop2", "title": map[string]any{"ja": "二号店", "en": "Second"}, "plan": "light", "extra": 1}}}, "expect": 1}).want(422)
}

// TestSyncDoesNotEmptyAnAccount: a list that lacks most of the friends is not believed without force.
func TestSyncDoesNotEmptyAnAccount(t *testing.T) {
	t.Parallel()
	sim := linesim.New(linesim.Config{})
	w := lineWorld(t, map[string]*linesim.Server{line.DefaultAccount: sim})
	w.t = t
	var events []enishi.Event
	for i := range syncFewGone + 1 {
		events = append(events, enishi.Event{Type: "line.followed", At: time.Now().UTC().Add(-time.Minute), Person: &enishi.Person{LineUserID: sim.UserID(fmt.Sprint(i))}, Channel: "social"})
	}
	w.play(events)
	if got := w.compare("default"); got.State != "failed" || !got.Doubted || got.Gone != 0 || w.accountRows()["default"].Friends != syncFewGone+1 {
		t.Errorf("%+v", got)
	}
	w.call("POST", "/line/accounts/default/sync", map[string]any{"force": true}).want(200)
	eventually(t, func() bool { return w.accountRows()["default"].Friends == 0 })
}
