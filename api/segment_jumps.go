package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest/pulls"
	"enishi/internal/pipeline"
)

// A segment's size against the one a day ago: what changes by much and by many in a day is more often a mistake (a condition,
// an import, a tag that is gone) than the shop, and messages go to whoever is in.

// jumpKind is the kind of its alerts.
const jumpKind = "segment_jump"

const (
	jumpEvery  = time.Minute
	jumpSpan   = 24 * time.Hour
	jumpLate   = 5 * time.Minute // facts that are more behind than this say nothing about sizes
	jumpNewest = 5               // how many times as many, or as few, after a new version: it is meant to change the size
)

// JumpSetting is the setting "segments": from where on a change of size is a jump.
type JumpSetting struct {
	Share  float64 `json:"jump_share"`  // of the size a day ago; 0.3 unless said
	People int64   `json:"jump_people"` // and at least so many; 50 unless said
}

// parseJumpSetting reads the setting "segments".
func parseJumpSetting(body []byte) (JumpSetting, error) {
	s := JumpSetting{Share: 0.3, People: 50}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if d.Decode(&s) != nil || s.Share <= 0 || s.Share > 100 || s.People < 1 {
		return s, enishi.FieldError("body.body", `segments are set as {"jump_share": 0.3, "jump_people": 50}: a share above 0 and at most 100, and at least 1 person`,
			`{"jump_share": 0.3, "jump_people": 50} の形で、割合は 0 より大きく 100 以下、人数は 1 以上にしてください。`)
	}
	return s, nil
}

// resized is a segment's size then and now.
type resized struct {
	then, now int64
	published time.Time // of a version in between; zero: none
}

// jumped reports whether a change is to be told. slack below 1 asks whether one that was told still is.
func (s JumpSetting) jumped(r resized, slack float64) bool {
	change := max(r.now-r.then, r.then-r.now)
	if float64(change) < slack*float64(s.People) || float64(change) <= slack*s.Share*float64(r.then) {
		return false
	}
	return r.published.IsZero() || max(r.now, r.then) > jumpNewest*max(1, min(r.now, r.then))
}

// checkJumps raises an alert for each segment that jumped, once a day, and closes those of which it is not true any more. It
// says nothing while facts are late, and of a segment that is younger than a day or whose
// sweep runs.
func (a *API) checkJumps(ctx context.Context) error {
	p, err := a.progress(ctx, false)
	if err != nil {
		return err
	}
	now := a.now()
	if now.Sub(p.Through) > jumpLate {
		return nil
	}
	setting := JumpSetting{Share: 0.3, People: 50}
	if d, ok := a.cfg.Definitions.Current("setting", "segments"); ok {
		if setting, err = parseJumpSetting(d.Body); err != nil {
			return err
		}
	}
	sizes, err := a.resized(ctx, now)
	if err != nil {
		return err
	}
	told, err := a.raised(ctx, jumpKind, now.Add(-jumpSpan-time.Hour))
	if err != nil {
		return err
	}
	for _, d := range a.cfg.Definitions.List("segment") {
		r, known := sizes[d.Name]
		if !known || p.sweep(&d) != nil {
			for id, x := range told {
				if a.jumpID(d.Name, x.At) == id {
					delete(told, id) // as it is
				}
			}
			continue
		}
		id := a.jumpID(d.Name, now)
		still := false
		for old, x := range told {
			if a.jumpID(d.Name, x.At) == old && setting.jumped(r, 2.0/3) {
				delete(told, old)
				still = true
			}
		}
		if _, today := told[id]; !still && !today && setting.jumped(r, 1) {
			if err := a.storeAlert(ctx, a.jumpAlert(id, d.Name, r, now)); err != nil {
				return err
			}
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

// resized are the sizes of the segments that are older than a day.
func (a *API) resized(ctx context.Context, now time.Time) (map[string]resized, error) {
	day := []stretch{{now.Add(-jumpSpan), now}}
	members, err := a.memberCounts(ctx)
	if err != nil {
		return nil, err
	}
	within, after, err := a.since(ctx, "", day)
	if err != nil {
		return nil, err
	}
	out := map[string]resized{}
	for _, d := range a.cfg.Definitions.List("segment") {
		r := resized{now: members[d.Name]}
		young := true // since it was made, or made again
		for _, v := range a.cfg.Definitions.History("segment", d.Name) {
			switch before := !v.At.After(day[0].from); {
			case v.Deleted:
				young = true
			case before:
				young = false
			default:
				r.published = v.At
			}
		}
		if young {
			continue
		}
		r.then = r.now - after[d.Name].entered + after[d.Name].left
		if m := within[d.Name]; m != nil {
			r.then += m[0].left - m[0].entered
		}
		r.then = max(r.then, 0)
		out[d.Name] = r
	}
	return out, nil
}

// jumpID is the id of a segment's alert that is raised at an instant: one a day, also when somebody closed it.
func (a *API) jumpID(segment string, at time.Time) enishi.ID {
	return enishi.NewID("alert", jumpKind, segment, at.In(a.zone()).Format(time.DateOnly))
}

// raised are the alerts of a kind raised since an instant and those that are open, by id.
func (a *API) raised(ctx context.Context, kind string, since time.Time) (map[enishi.ID]enishi.Alert, error) {
	out := map[enishi.ID]enishi.Alert{}
	err := a.each(ctx, "SELECT id, at, toString(kind), toString(severity), text, text_ja, closed_at FROM alerts FINAL WHERE kind = '"+kind+"' AND (closed_at = "+never+" OR at >= fromUnixTimestamp64Milli({since:Int64}))",
		[]any{millis("since", since)}, func(rows driver.Rows) error {
			var id string
			var x enishi.Alert
			err := rows.Scan(&id, &x.At, &x.Kind, &x.Severity, &x.Text, &x.TextJA, &x.ClosedAt)
			x.ID, x.ClosedAt = idOf(id), known(x.ClosedAt)
			out[x.ID] = x
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return out, nil
}

func (a *API) storeAlert(ctx context.Context, x enishi.Alert) error {
	t := pipeline.AlertTable(x)
	if err := a.cfg.DB.Insert(ctx, t.Name, t.Columns, t.Rows, t.Cols...); err != nil {
		return fmt.Errorf("store alert: %w", err)
	}
	a.log.Info("alert", "kind", x.Kind, "id", x.ID, "closed", !x.ClosedAt.IsZero())
	a.homeMemo.forget()
	return nil
}

// jumpAlert says what happened and where to look.
func (a *API) jumpAlert(id enishi.ID, segment string, r resized, now time.Time) enishi.Alert {
	title := a.titles.segment(segment)
	grew, ja := "grew", "増えました"
	if r.now < r.then {
		grew, ja = "shrank", "減りました"
	}
	why := Text{"条件のもとになるデータの取り込みやタグに変わったことがないか確認してください。", "Look whether the data that the condition is about still arrives as it did."}
	if !r.published.IsZero() {
		at := timeText(r.published, now, a.zone())
		why = Text{"条件を " + at.JA + " に変更しています。変更が意図どおりか確認してください。", "Its condition was changed at " + at.EN + ": look whether it finds whom it should."}
	}
	return enishi.Alert{ID: id, Kind: jumpKind, Severity: "warning", At: now.UTC(),
		Text:   fmt.Sprintf("The segment “%s” %s from %s to %s people within 24 hours. %s", title.EN, grew, grouped(r.then), grouped(r.now), why.EN),
		TextJA: fmt.Sprintf("セグメント「%s」の人数が 24 時間で %s 人から %s 人に%s。%s", title.JA, grouped(r.then), grouped(r.now), ja, why.JA)}
}

// alertHref is the page that an alert is about; empty: none.
func (a *API) alertHref(x *alertRow) string {
	switch x.Kind {
	case jumpKind:
	case silentKind:
		return a.silentHref(x)
	case sourceSilentKind:
		return "/sources"
	case pulls.AlertKind:
		return "/imports"
	case deliverabilityKind:
		return "/deliverability"
	case floodKind:
		return "/identity"
	case audienceKind:
		return "/audiences"
	case "export_failed":
		return "/outflow"
	case "line_quota":
		return "/line-accounts"
	case "stream":
		return "/outflow"
	case "mail_blocked":
		return "/deliverability/sender"
	default:
		return ""
	}
	for _, d := range a.cfg.Definitions.List("segment") {
		if a.jumpID(d.Name, x.At) == x.ID {
			return "/segments/" + d.Name
		}
	}
	return ""
}
