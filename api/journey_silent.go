package api

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

const (
	silentKind  = "journey_silent"
	silentEvery = 10 * time.Minute
	// silentFrom is from how many entries on a usual day a day without any is told: by chance it comes about once in 20,000 days
	// (e to the power of -10), so a journey that people enter seldom is left alone.
	silentFrom = 10
)

// checkSilent tells somebody when nobody entered a live journey for 24 hours although its last four weeks, on the same day of the
// week, had entries each time: its event does not come any more, or its condition holds for nobody. Once for each silence; the alert
// ends when somebody enters, or when the journey does not take entries any more. A journey that was published within the day is left
// alone, it may be meant to.
func (a *API) checkSilent(ctx context.Context) error {
	now := a.now()
	entries, err := a.dailyEntries(ctx, now)
	if err != nil {
		return err
	}
	told, err := a.raised(ctx, silentKind, now.Add(-48*time.Hour))
	if err != nil {
		return err
	}
	for _, d := range a.cfg.Definitions.List("journey") {
		e, head := entries[d.Name], headOf(&d)
		if head.State != "live" || now.Sub(d.At) < 24*time.Hour || e.today > 0 {
			continue
		}
		id, still := a.silentID(d.Name, now), false
		for old, x := range told {
			if a.silentID(d.Name, x.At) == old && x.ClosedAt.IsZero() {
				delete(told, old)
				still = true
			}
		}
		usual := e.usual()
		if _, today := told[id]; still || today || usual < silentFrom {
			continue
		}
		n := strconv.Itoa(int(math.Round(usual)))
		err := a.storeAlert(ctx, enishi.Alert{ID: id, Kind: silentKind, Severity: "warning", At: now,
			Text:   "Nobody entered the journey " + head.Title.EN + " for 24 hours; usually it is about " + n + " a day. Look whether its event still arrives, and at its condition.",
			TextJA: "ジャーニー「" + head.Title.JA + "」が 24 時間だれも開始していません。ふだんは 1 日に約 " + n + " 人です。開始のきっかけになる行動が届いているか、条件が合っているかを確認してください。"})
		if err != nil {
			return err
		}
	}
	for _, x := range told { // not true any more
		if x.ClosedAt.IsZero() {
			x.ClosedAt = now
			if err := a.storeAlert(ctx, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// entryDays are a journey's entries of the last 24 hours, and of the same hours one to four weeks before.
type entryDays struct {
	today  uint64
	before [4]uint64
}

// usual is the mean of the days before; 0 when one of them had none.
func (e *entryDays) usual() float64 {
	var sum uint64
	for _, n := range e.before {
		if n == 0 {
			return 0
		}
		sum += n
	}
	return float64(sum) / float64(len(e.before))
}

func (a *API) dailyEntries(ctx context.Context, now time.Time) (map[string]*entryDays, error) {
	day := func(weeks int) string {
		end := "fromUnixTimestamp64Milli({now:Int64}) - INTERVAL " + strconv.Itoa(7*weeks) + " DAY"
		return "countIf(at > " + end + " - INTERVAL 1 DAY AND at <= " + end + ")"
	}
	out := map[string]*entryDays{}
	for _, d := range a.cfg.Definitions.List("journey") {
		out[d.Name] = &entryDays{}
	}
	err := a.each(ctx, "SELECT toString(journey), "+day(0)+", "+day(1)+", "+day(2)+", "+day(3)+", "+day(4)+` FROM events FINAL
WHERE type = 'journey.entered' AND at > fromUnixTimestamp64Milli({now:Int64}) - INTERVAL 29 DAY GROUP BY journey`, []any{millis("now", now)}, func(rows driver.Rows) error {
		var name string
		var e entryDays
		err := rows.Scan(&name, &e.today, &e.before[0], &e.before[1], &e.before[2], &e.before[3])
		out[name] = &e
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count entries of journeys: %w", err)
	}
	return out, nil
}

// silentID is the id of a journey's alert that is raised at an instant: one a day, also when somebody closed it.
func (a *API) silentID(journey string, at time.Time) enishi.ID {
	return enishi.NewID("alert", silentKind, journey, at.In(a.zone()).Format(time.DateOnly))
}

func (a *API) silentHref(x *alertRow) string {
	for _, d := range a.cfg.Definitions.List("journey") {
		if a.silentID(d.Name, x.At) == x.ID {
			return "/journeys/" + d.Name
		}
	}
	return ""
}
