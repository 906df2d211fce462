package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/internal/place"
	"enishi/segments/audiences"
	"enishi/segments/audiences/file"
)

// TestAudienceUploads: the files of an audience are uploaded by hand: whoever left is told of by an alert that leads to the audience, until somebody says that newer files are there, which stays on record.
// Once the segment is deleted nobody comes any more, and who refuses goes all the same; both are said.
func TestAudienceUploads(t *testing.T) {
	t.Parallel()
	dir, err := place.Open(place.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	files, err := file.New(file.Config{Place: dir, Folder: "line", Format: file.LINEAds})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) {
		c.AdAccounts = map[string]*audiences.Destination{
			"line_ads": {Name: "line_ads", Title: "LINE広告", Recipient: "LINEヤフー株式会社", Country: "JP", Basis: audiences.ByConsent, Consent: "ads.marketing", Platform: files},
			"other":    {Name: "other", Title: "別のアカウント", Basis: audiences.ByConsent, Consent: "ads.marketing", Platform: idlePlatform{}},
		}
	})
	answer := func(n int, state string, ago time.Duration) enishi.Event {
		return enishi.Event{Type: "consent.changed", At: time.Now().UTC().Add(-ago), Channel: "web", Person: &enishi.Person{CustomerID: fmt.Sprint("A", n), Email: fmt.Sprintf("a%d@shop.example", n), Traits: map[string]enishi.Value{"prefecture": enishi.TextValue("東京都")}},
			Consent: []enishi.ConsentChange{{Channel: "ads", Purpose: "marketing", State: state, Method: "form:signup"}}}
	}
	w.play([]enishi.Event{answer(0, "in", time.Hour), answer(1, "in", time.Hour), answer(2, "in", time.Hour)})
	w.segment("buyers", `traits.prefecture == "東京都"`)
	body := map[string]any{"title": "東京の方", "segment": "buyers", "destination": "line_ads", "expect": 0}
	w.write(put, "/audiences/tokyo", body)
	body["destination"], body["title"] = "other", "別の方"
	w.write(put, "/audiences/other", body)
	w.call(post, "/audiences/other/uploaded", nil).want(409)
	w.call(post, "/audiences/nothing/uploaded", nil).want(404)

	var row AudienceRow
	stands := func(state string, inList, left int) {
		t.Helper()
		eventually(t, func() bool {
			row = w.audience("tokyo")
			return row.State == state && row.InList == inList && row.Upload != nil && row.Upload.Left == left && row.Upload.Due == (state == "upload")
		})
	}
	var alerts []alertRow
	alerted := func(n int, text string) {
		t.Helper()
		eventually(t, func() bool {
			alerts = alerts[:0]
			for _, x := range into[list[alertRow]](w.call(get, "/alerts", nil)).Items {
				if x.Kind == audienceKind && strings.Contains(x.TextJA, "東京の方") {
					alerts = append(alerts, x)
				}
			}
			return len(alerts) == n && (n == 0 || strings.Contains(alerts[0].TextJA, text) && alerts[0].Href == "/audiences/tokyo")
		})
	}
	stands("upload", 3, 0)
	if row.Upload.Files != "line/tokyo/" || row.Upload.WrittenAt.IsZero() || len(row.Upload.Uploads) != 0 {
		t.Errorf("%+v", row.Upload)
	}
	alerted(0, "") // nobody left
	w.call(post, "/audiences/tokyo/uploaded", map[string]any{"written_at": time.Now().UTC().Add(time.Hour)}).want(422)
	first := row.Upload.WrittenAt
	w.write(post, "/audiences/tokyo/uploaded", map[string]any{"written_at": first})
	stands("done", 3, 0)

	w.play([]enishi.Event{answer(0, "out", 0)})
	w.write(post, "/audiences/tokyo/sync", nil)
	stands("upload", 2, 1)
	alerted(1, "手動でアップロード")
	w.write(post, "/audiences/tokyo/uploaded", map[string]any{"written_at": first}) // the old files once more
	stands("upload", 2, 1)
	w.write(post, "/audiences/tokyo/uploaded", nil)
	stands("done", 2, 0)
	alerted(0, "")
	if u := row.Upload.Uploads; len(u) != 3 || u[0].Actor == "" || !u[0].At.After(u[1].At) || !u[0].WrittenAt.Equal(row.Upload.WrittenAt) || !u[1].WrittenAt.Equal(first) {
		t.Errorf("%+v", u)
	}

	w.call("DELETE", "/segments/buyers", nil).want(409)
	w.write("DELETE", "/segments/buyers?used_by=tokyo,other", nil)
	alerted(1, "セグメントが削除されています")
	w.play([]enishi.Event{answer(1, "out", 0)})
	w.write(post, "/audiences/tokyo/sync", nil)
	eventually(t, func() bool {
		row = w.audience("tokyo")
		return row.State == "problem" && row.Problem.Code == "segment" && row.InList == 1 && row.Upload.Left == 1
	})
	alerted(2, "")
	w.write("DELETE", "/audiences/tokyo", nil)
	alerted(0, "")
	body["destination"], body["title"], body["segment"] = "line_ads", "東京の方", "again"
	w.segment("again", `traits.prefecture == "東京都"`)
	w.write(put, "/audiences/tokyo", body) // of the same name: nothing was uploaded of it
	eventually(t, func() bool {
		row = w.audience("tokyo")
		return row.State == "upload" && row.Upload.Left == 0 && len(row.Upload.Uploads) == 0
	})
}
