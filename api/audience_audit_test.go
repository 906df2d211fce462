package api

import (
	"strings"
	"testing"
	"time"

	"enishi"
)

// alertsOf are the open alerts about audiences.
func (w *world) alertsOf() string {
	w.t.Helper()
	var out []string
	told, err := w.api.raised(w.t.Context(), audienceKind, time.Now().AddDate(0, 0, -1))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range told {
		if x.ClosedAt.IsZero() {
			out = append(out, x.TextJA)
		}
	}
	return strings.Join(out, "\n")
}

// withdraw has somebody take the permission back.
func (w *world) withdraw(customer string) {
	w.t.Helper()
	w.play([]enishi.Event{{Type: "consent.changed", At: time.Now().UTC(), Channel: "web", Person: &enishi.Person{CustomerID: customer}, Consent: []enishi.ConsentChange{{Channel: "ads", Purpose: "marketing", State: "out", Method: "form:account"}}}})
}

// TestAudienceStandsStill: from an audience that stands still, for its segment became sensitive, who withdraws goes all the same; that it stands still is said. What takes a list in
// whose title is sensitive is refused like a sensitive condition. Whether values are told is settled when a list is made.
func TestAudienceStandsStill(t *testing.T) {
	t.Parallel()
	w, sim := adWorld(t, 6)
	body := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "meta", "expect": 0}
	w.write(put, "/audiences/tokyo", body)
	eventually(t, func() bool { return w.audience("tokyo").InList == 4 })
	lists := sim.Lists()
	if len(lists) != 1 {
		t.Fatalf("%v", lists)
	}
	var list string
	for _, list = range lists {
	}
	w.segment("buyers", `traits.prefecture == "東京都" && traits.allergy != "あり"`)
	w.call(post, "/audiences/tokyo/sync", nil).want(200)
	eventually(t, func() bool { p := w.audience("tokyo").Problem; return p != nil && p.Code == "sensitive" })
	w.withdraw("A0")
	deadline := time.Now().Add(3 * time.Minute)
	for {
		if users, _ := sim.Members(list); len(users) == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("who withdrew is still in the list: %+v", w.audience("tokyo"))
		}
		time.Sleep(500 * time.Millisecond)
	}
	eventually(t, func() bool { p := w.audience("tokyo").Problem; return p != nil && p.Code == "sensitive" })
	eventually(t, func() bool { return strings.Contains(w.alertsOf(), "要配慮個人情報") })

	w.segment("buyers", `traits.prefecture == "東京都"`)
	body["expect"], body["use"] = -1, "value"
	if a := w.call(put, "/audiences/tokyo", body).want(422); !strings.Contains(a.text, "body.use") {
		t.Error(a.text)
	}
}

// TestAudienceLeftBehind: an audience that is deleted while the platform does not let us says so until its list is gone; until then its name is not free. One whose account is not in
// the configuration says so too.
func TestAudienceLeftBehind(t *testing.T) {
	t.Parallel()
	w, sim := adWorld(t, 6)
	body := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "meta", "expect": 0}
	w.write(put, "/audiences/tokyo", body)
	eventually(t, func() bool { return w.audience("tokyo").InList == 4 })
	sim.Revoke(true)
	w.call("DELETE", "/audiences/tokyo", nil).want(200)
	eventually(t, func() bool {
		return strings.Contains(w.alertsOf(), "「東京の方」を削除しましたが、「Meta 広告」のリスト")
	})
	calls := len(sim.Calls())
	time.Sleep(3 * audiencesLook)
	if more := len(sim.Calls()) - calls; more > 1 {
		t.Errorf("%d calls in three looks", more)
	}
	body["expect"] = -1
	if a := w.call(put, "/audiences/tokyo", body).want(409); !strings.Contains(a.text, "まだ媒体に残っています") {
		t.Error(a.text)
	}
	sim.Revoke(false)
	st, err := w.api.audienceTables().Standing(t.Context(), "tokyo")
	if err != nil {
		t.Fatal(err)
	}
	st.RetryAt = time.Now() // an hour later
	if err := w.api.audienceTables().PutStanding(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(sim.Lists()) == 0 && w.alertsOf() == "" })
	w.write(put, "/audiences/tokyo", body)
	eventually(t, func() bool { return w.audience("tokyo").InList == 4 })
	delete(w.api.cfg.AdAccounts, "meta")
	if err := w.api.alertAudiences(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := w.alertsOf(); !strings.Contains(text, "設定に広告アカウント「meta」がありません") {
		t.Error(text)
	}
	if s, err := w.api.audienceTables().Standing(t.Context(), "tokyo"); err != nil || s.Generation != 2 || s.Unnamed != 0 || s.Problem != nil {
		t.Errorf("%+v %v", s, err)
	}
}
