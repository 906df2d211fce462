package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"enishi"
	"enishi/channels"
	linesim "enishi/internal/sim/line"
)

// TestLineStatistics: what LINE says comes into the report, below 20 people in words; each unit is asked for once a day until
// two weeks after its last message.
func TestLineStatistics(t *testing.T) {
	t.Parallel()
	sim := linesim.New(linesim.Config{})
	server, with := withLINE(t, sim)
	w := newWorld(t, with)
	now := time.Now().UTC().Truncate(time.Millisecond)
	push, err := messaging_api.NewMessagingApiAPI("token", messaging_api.WithEndpoint(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	var rows []channels.Row
	send := func(journey string, n, look int) {
		for i := range n {
			to := sim.UserID(fmt.Sprint(journey, i))
			if err := sim.Befriend(to, ""); err != nil {
				t.Fatal(err)
			}
			_, err := push.PushMessage(&messaging_api.PushMessageRequest{To: to, Messages: []messaging_api.MessageInterface{messaging_api.TextMessage{Text: "a"}},
				CustomAggregationUnits: []string{channels.UnitName(journey, "news", "", now)}}, enishi.NewID(journey, fmt.Sprint(i)).UUID())
			if err != nil {
				t.Fatal(err)
			}
			if i < look {
				sim.Look(to, false)
			}
			rows = append(rows, channels.Row{SendID: enishi.NewID("send", journey, fmt.Sprint(i)), Round: 1, State: "sent", Destination: "line:default", Channel: "line", Purpose: "marketing",
				Journey: journey, Template: "news", Profile: enishi.NewID(to), DecidedAt: now, UpdatedAt: now, Attempt: 1})
		}
	}
	send("spring", 25, 22)
	send("small", 5, 5)
	if err := channels.NewLedger(w.cfg.DB).Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	calls := func() int { return sim.Counts().Calls["insight/aggregation 200"] }
	ask := func(at time.Time) {
		t.Helper()
		if err := w.api.askLineStatistics(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	ask(now)
	page := func(journey string) []lineStatisticsRow {
		return into[list[lineStatisticsRow]](w.call(get, "/line/statistics?journey="+journey, nil)).Items
	}
	if got := page("spring"); len(got) != 1 || got[0].Messages != 25 || got[0].Seen == nil || *got[0].Seen != 22 || got[0].Clicked != nil || got[0].Text.JA != "表示 22 人・クリック 20 人未満" || got[0].Text.EN != "seen by 22, clicked by fewer than 20" {
		t.Errorf("%+v", got)
	}
	if got := page("small"); len(got) != 1 || got[0].Seen != nil {
		t.Errorf("%+v", got)
	}
	if len(page("")) != 2 || calls() != 2 {
		t.Errorf("%d rows, %d calls", len(page("")), calls())
	}
	ask(now.Add(time.Hour))
	if calls() != 2 {
		t.Error("asked again within the day")
	}
	ask(now.Add(25 * time.Hour))
	if calls() != 4 {
		t.Errorf("the next day: %d calls", calls())
	}
	ask(now.Add(16 * 24 * time.Hour))
	if calls() != 4 {
		t.Errorf("after two weeks: %d calls", calls())
	}
}
