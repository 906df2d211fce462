package api

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"enishi"
)

const (
	sourceSilentKind = "source_silent"
	// silentMinutes is how long nothing has to come, unless a source's setting says otherwise.
	silentMinutes = 30
	// silentEvents is how many events would usually have come in that time: of fewer, none at all may be chance. A source that brings
	// little is told of later, when so many are missing.
	silentEvents = 20
	// usualWeeks are how many weeks back tell what is usual, usualNeeded how many of them are needed.
	usualWeeks  = 4
	usualNeeded = 2
)

// SourceAlarms is the setting "source_alarms": sources by name.
type SourceAlarms map[string]SourceAlarm

// SourceAlarm says when nobody hears of a silent source.
type SourceAlarm struct {
	Off     bool `json:"off,omitempty"`     // it may be silent
	Minutes int  `json:"minutes,omitempty"` // without an event; 30 unless said
}

// SourceAlarmsName is the setting of the alarms of sources.
const SourceAlarmsName = "source_alarms"

func (s SourceAlarm) minutes() int {
	if s.Minutes == 0 {
		return silentMinutes
	}
	return s.Minutes
}

// usual is how many events a source brings in the hour that holds an instant: the median of the same hour of the week in the weeks before,
// as far as the source was there. On a holiday, and on a day on which the shop is closed, it is that of a Sunday if that is less. false:
// there are not enough weeks.
func (s *sourceRow) usual(at time.Time, holiday bool) (float64, bool) {
	n, ok := s.median(at)
	if !holiday || !ok {
		return n, ok
	}
	sunday, ok := s.median(at.AddDate(0, 0, -int(at.Weekday())))
	return min(n, sunday), ok
}

func (s *sourceRow) median(at time.Time) (float64, bool) {
	var before []int64
	for week := 1; week <= usualWeeks; week++ {
		hour := at.AddDate(0, 0, -7*week).Truncate(time.Hour)
		if !hour.Before(s.FirstAt.Truncate(time.Hour)) {
			before = append(before, s.hours[hour.Unix()])
		}
	}
	if len(before) < usualNeeded {
		return 0, false
	}
	slices.Sort(before)
	middle := len(before) / 2
	if len(before)%2 == 1 {
		return float64(before[middle]), true
	}
	if len(before) == 2 {
		return float64(before[0]), true // the lesser: one of two may be an import or a campaign
	}
	return float64(before[middle-1]+before[middle]) / 2, true
}

// expected is how many events would usually have come between two instants; false: it is not known.
func (s *sourceRow) expected(from, to time.Time, zone *time.Location, holiday func(time.Time) bool) (float64, bool) {
	from = maxTime(from, to.AddDate(0, 0, -7))
	sum, known := 0.0, false
	for hour := from.Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
		n, ok := s.usual(hour.In(zone), holiday(hour.In(zone)))
		known = known || ok
		begin, end := maxTime(from, hour), hour.Add(time.Hour)
		if to.Before(end) {
			end = to
		}
		sum += n * end.Sub(begin).Hours()
	}
	return sum, known
}

// checkSources fills the hours that are over, raises an alert for each source that is silent for as long as its setting says although it
// would usually have brought 20 events or more, and closes those of sources that bring events again. Once for each silence, also when
// somebody closed it. It says nothing while the fold is behind.
func (a *API) checkSources(ctx context.Context) error {
	if err := a.fillSources(ctx); err != nil {
		return err
	}
	now := a.now()
	p, err := a.progress(ctx, false)
	if err != nil {
		return err
	}
	if now.Sub(p.Through) > jumpLate {
		return nil
	}
	w, err := a.sourceWorld(ctx)
	if err != nil {
		return err
	}
	told, err := a.raised(ctx, sourceSilentKind, now.AddDate(0, 0, -7))
	if err != nil {
		return err
	}
	for _, s := range w.rows {
		id := enishi.NewID("alert", sourceSilentKind, s.Name)
		old, was := told[id]
		open := was && old.ClosedAt.IsZero()
		switch {
		case open && !s.silent:
			old.ClosedAt = now
			if err := a.storeAlert(ctx, old); err != nil {
				return err
			}
			continue
		case !s.silent || open || was && !s.LastAt.After(old.At): // told of this silence
			continue
		}
		n := strconv.Itoa(int(math.Round(s.Expected)))
		en, ja := spanText(now.Sub(s.LastAt))
		err := a.storeAlert(ctx, enishi.Alert{ID: id, Kind: sourceSilentKind, Severity: "error", At: now,
			Text:   fmt.Sprintf("No events from %s for %s; usually it would be about %s. Look whether the tag, the webhook or the producer still runs.", s.Label.EN, en, n),
			TextJA: fmt.Sprintf("「%s」から %s イベントがありません（ふだんは約 %s 件）。タグ・Webhook・送信元のシステムが動いているかを確認してください。", s.Label.JA, ja, n)})
		if err != nil {
			return err
		}
	}
	return nil
}

// spanText says a span as people do.
func spanText(d time.Duration) (en, ja string) {
	if m := int(d.Minutes()); m < 120 {
		return fmt.Sprintf("%d minutes", m), fmt.Sprintf("%d 分間", m)
	}
	if h := int(d.Hours()); h < 48 {
		return fmt.Sprintf("%d hours", h), fmt.Sprintf("%d 時間", h)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24)), fmt.Sprintf("%d 日間", int(d.Hours()/24))
}

// parseSourceAlarms reads the setting.
func parseSourceAlarms(body []byte) (SourceAlarms, error) {
	var s SourceAlarms
	if err := strict(body, &s); err != nil {
		return nil, enishi.FieldError("body.body", `alarms are set as {"SOURCE": {"minutes": 60}} or {"SOURCE": {"off": true}}`, `{"取り込み元": {"minutes": 60}} か {"取り込み元": {"off": true}} の形で書いてください。`)
	}
	for name, x := range s {
		if x.Minutes != 0 && (x.Minutes < 5 || x.Minutes > 7*24*60) {
			return nil, enishi.FieldError(name+".minutes", "is 5 to 10080 minutes", "5〜10080 分にしてください。")
		}
	}
	return s, nil
}
