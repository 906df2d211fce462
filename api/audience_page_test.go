package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// idlePlatform takes nothing: what a page shows of it was written by the test.
type idlePlatform struct{ audiences.Platform }

func (idlePlatform) Facts() audiences.Facts {
	return audiences.Facts{Platform: match.MetaAds, Batch: 10, Removal: true, Minimum: 1000}
}

// TestAudiencePage: an audience's page says in words why the platform did not take people, who they are and what to do, and counts the calls of today against the budget; the
// segment says that the audience uses it, and a forecast how big it is.
func TestAudiencePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) {
		c.AdAccounts = map[string]*audiences.Destination{"ads": {Name: "ads", Title: "広告", Basis: audiences.ByConsent, Consent: "ads.marketing", CallsPerDay: 40, Platform: idlePlatform{}}}
	})
	now := time.Now().UTC()
	events := shoppers(9, now)
	for i := range events { // who does not allow it would be taken out
		events[i].Consent = append(events[i].Consent, enishi.ConsentChange{Channel: "ads", Purpose: "marketing", State: "in", Method: "form:signup"})
	}
	w.play(events)
	w.segment("buyers", `traits.prefecture == "東京都"`)
	body := map[string]any{"title": "買った人", "segment": "buyers", "destination": "ads"}
	w.write(put, "/audiences/buyers", map[string]any{"title": "買った人", "segment": "buyers", "destination": "ads", "expect": 0})
	members := into[list[personRow]](w.call(get, "/people?segment=buyers", nil)).Items
	if len(members) < 3 {
		t.Fatalf("%d members", len(members))
	}
	who := members[0]
	tables, ctx := w.api.audienceTables(), context.Background()
	entry := audiences.Entry{Profile: who.ID, Keys: []match.Key{{Kind: match.Email, Value: "aa"}}, State: audiences.Rejected, Reason: "invalid_entries", At: now}
	begun := now.Add(time.Hour) // newer than what the run of the page's own makes
	for _, err := range []error{
		tables.PutEntries(ctx, "buyers", 4, []audiences.Entry{entry}),
		tables.PutBatch(ctx, &audiences.Batch{ID: enishi.NewID("1"), Audience: "buyers", Generation: 4, Op: audiences.OpAdd, State: audiences.BatchDone, People: 9, Keys: 12, Accepted: 6, Rejected: 3, Reason: "invalid_entries", At: now, UpdatedAt: now}),
		tables.PutBatch(ctx, &audiences.Batch{ID: enishi.NewID("2"), Audience: "buyers", Generation: 4, Op: audiences.OpAdd, State: audiences.BatchDone, People: 1, Keys: 1, Rejected: 1, Reason: "NEW_REASON", At: now.AddDate(0, 0, -2), UpdatedAt: now}),
		tables.PutBatch(ctx, &audiences.Batch{ID: enishi.NewID("3"), Audience: "buyers", Generation: 4, Op: audiences.OpAdd, State: audiences.BatchDone, People: 1, Keys: 1, Rejected: 1, Reason: "OLD_REASON", At: now.AddDate(0, 0, -31), UpdatedAt: now}),
		tables.PutStanding(ctx, &audiences.Standing{Audience: "buyers", Remote: "7", Generation: 4, BeganAt: begun, EndedAt: begun, Matched: -1, Rejected: 1, Day: now.In(w.api.zone()).Format(time.DateOnly), Today: 3}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	answer := w.call(get, "/audiences/buyers", nil).want(200)
	var page adAudiencePage
	page.Body = into[struct {
		AudienceRow
		Remote  string            `json:"remote,omitempty" doc:"The list's id at the platform."`
		Runs    []audienceRunRow  `json:"runs" doc:"The newest first."`
		Calls   []audienceCallRow `json:"calls" doc:"That changed the list, the newest first."`
		Refused []audienceRefusal `json:"refused" doc:"Why people were not taken, of the last 30 days."`
	}](answer)
	p := page.Body
	if p.CallsToday != 3 || p.CallsPerDay != 40 || len(p.Refused) != 2 {
		t.Fatalf("%s", answer.text)
	}
	bad, other := p.Refused[0], p.Refused[1]
	if bad.Count != 3 || bad.Label.JA == "" || bad.Fix.JA == "" || len(bad.People) != 1 || bad.People[0] != (namedPerson{who.ID, who.Name}) {
		t.Errorf("%+v", bad)
	}
	if other.Count != 1 || !strings.Contains(other.Label.EN, "NEW_REASON") || len(other.People) != 0 {
		t.Errorf("%+v", other)
	}
	if p.Calls[0].Why != bad.Label {
		t.Errorf("the call says %+v", p.Calls[0].Why)
	}

	if uses := into[list[segmentUse]](w.call(get, "/segments/buyers/uses", nil)).Items; len(uses) != 1 || uses[0].Kind != audiences.Kind || uses[0].Title.JA != "買った人" {
		t.Errorf("uses: %+v", uses)
	}
	if a := w.call("DELETE", "/segments/buyers", nil).want(409); !strings.Contains(a.text, "買った人") {
		t.Errorf("%s", a.text)
	}
	f := into[struct {
		Segment, Minimum, Wanted int
		Stale                    bool
	}](w.call(post, "/audiences/try", map[string]any{"body": body}))
	if f.Segment != len(members) || f.Minimum != 1000 || f.Stale || f.Wanted != 6 { // two of three have an address
		t.Errorf("%+v", f)
	}
}
