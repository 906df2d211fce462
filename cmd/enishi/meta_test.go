package main

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	socialsim "enishi/internal/sim/social"
)

// TestMetaLeads connects lead ads: a lead becomes a person who may get mail, by the source's own address and by that of the page's
// messages; one that cannot be fetched waits among the dead letters and is taken again; the source's mapping has the shop's questions.
func TestMetaLeads(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	engine, dir := freePort(t), t.TempDir()
	sim := socialsim.New(socialsim.Config{AppSecret: "app", Accounts: []socialsim.Account{{ID: "1001", Platform: "messenger", Token: "token"}}})
	provider := httptest.NewServer(sim)
	t.Cleanup(provider.Close)
	sim.PutForm(socialsim.Form{ID: "7001", Page: "1001", Name: "肌診断", Text: "縁コスメがお預かりします。", Boxes: []socialsim.Box{{Key: "news", Text: "お得な情報をメールで受け取る"}}})
	env, account := "ENISHI_SOURCES__LEADS__", "ENISHI_SOCIAL__ACCOUNTS__DEFAULT__"
	s := start(t, []string{env + "KIND=meta_leads", env + "SECRET=app", env + "TOKEN=token", env + "VERIFY_TOKEN=verify", env + "ENDPOINT=" + provider.URL,
		account + "PLATFORM=messenger", account + "PAGE=1001", account + "TOKEN=token", account + "APP_SECRET=app", account + "VERIFY_TOKEN=verify", account + "ENDPOINT=" + provider.URL},
		"--data", dir, "--clickhouse-listen", engine)
	rows := tablesOf(t, engine, filepath.Join(dir, "keys"))
	fill := func(email string) {
		t.Helper()
		if _, err := sim.Fill(socialsim.Lead{Form: "7001", Ticked: []string{"news"}, Answers: [][2]string{{"full_name", "山田 花子"}, {"email", email}, {"skin", "乾燥"}}}); err != nil {
			t.Fatal(err)
		}
		if err := sim.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	there := func(what, where, want string) {
		t.Helper()
		eventually(t, time.Minute, what, func() error {
			if got := rows.rows("SELECT count() FROM people FINAL WHERE " + where); got[0] != want {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
	}
	for i, path := range []string{"/hooks/leads", "/social/webhook/default"} {
		sim.SetWebhookURL(s.base + path)
		if err := sim.Verify(t.Context(), "verify"); err != nil {
			t.Fatal(path, err)
		}
		email := fmt.Sprintf("lead%d@example.jp", i)
		fill(email)
		there("the lead is a person", "email = '"+email+"'", "1")
	}
	sim.SetWebhookURL(s.base + "/hooks/leads")

	t.Log("a token that does not hold")
	sim.Revoke("1001", true)
	fill("late@example.jp")
	var letters struct {
		Items []struct{ ID, Reason string }
	}
	eventually(t, time.Minute, "the lead waits", func() error {
		if err := s.call("GET", "/dead", nil, &letters); err != nil || len(letters.Items) != 1 || !strings.Contains(letters.Items[0].Reason, "sources.leads.token") {
			return fmt.Errorf("%+v %v", letters, err)
		}
		return nil
	})
	sim.Revoke("1001", false)
	if err := s.call("POST", "/dead/replay", map[string]any{"ids": []string{letters.Items[0].ID}}, nil); err != nil {
		t.Fatal(err)
	}
	there("the lead was taken again", "email = 'late@example.jp'", "1")
	var given struct {
		Items []struct{ Channel, State, Method, Text, Source string }
	}
	eventually(t, time.Minute, "the permission has its evidence", func() error {
		if err := s.call("GET", "/consents?q=late@example.jp", nil, &given); err != nil || len(given.Items) != 1 {
			return fmt.Errorf("%+v %v", given, err)
		}
		return nil
	})
	if c := given.Items[0]; c.Channel != "email" || c.State != "in" || c.Method != "form:7001" || c.Source != "leads" || !strings.Contains(c.Text, "お得な情報をメールで受け取る") || !strings.Contains(c.Text, "縁コスメがお預かりします。") {
		t.Errorf("%+v", c)
	}

	t.Log("a mapping of the shop's own")
	s.put("mapping", "leads", map[string]any{"title": title("leads"), "format": "json", "rules": []any{map[string]any{"event": "person.identified", "fields": map[string]any{
		"occurred_at": "body.created_time", "person.email": "body.fields.email", "person.traits.skin": "body.fields.skin"}}}})
	fill("own@example.jp")
	there("the answer is a trait", "email = 'own@example.jp'", "1")
	var source struct {
		Kind  string
		State struct{ Calls int }
	}
	eventually(t, time.Minute, "the source counts its calls", func() error {
		if err := s.call("GET", "/connections/leads", nil, &source); err != nil || source.Kind != "meta_leads" || source.State.Calls < 4 {
			return fmt.Errorf("%+v %w", source, err)
		}
		return nil
	})
	if out := s.enishi("sources"); !strings.Contains(out, "meta_leads") {
		t.Error(out)
	}
}
