package api

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/internal/stream"
	"enishi/profiles"
	"enishi/segments"
)

type membershipRow struct {
	Name    string    `json:"name"`
	Title   Text      `json:"title"`
	Since   time.Time `json:"since"`
	Reasons []Text    `json:"reasons"`
}

// memberships are the segments a person is in, each with what its conditions found.
func (a *API) memberships(p *profiles.Profile, now time.Time) []membershipRow {
	out := []membershipRow{}
	for i := range p.Memberships {
		m := &p.Memberships[i]
		row := membershipRow{m.Segment, a.titles.segment(m.Segment), m.Since, []Text{}}
		if d, ok := a.cfg.Definitions.Current("segment", m.Segment); ok {
			if s, err := a.library().Compile(d.Name, d.Version, d.Body); err == nil {
				for _, r := range s.Explain(p.View(), now) {
					if t := a.reason(r, now); r.Match && !t.isZero() {
						row.Reasons = append(row.Reasons, t)
					}
				}
			}
		}
		out = append(out, row)
	}
	return out
}

var (
	fieldNames = regexp.MustCompile(`[a-z_]+(\.[a-z_]+)?`)
	quotedText = regexp.MustCompile(`"[^"]*"`)
)

// reason says what a condition found: 最終注文日時 8/20. A condition that looks at nothing with a name gives no text.
func (a *API) reason(r segments.Reason, now time.Time) Text {
	text := quotedText.ReplaceAllString(r.Expression, "")
	var list *segments.Collection
	var label Text
	for _, name := range fieldNames.FindAllString(text, -1) {
		head, rest, dotted := strings.Cut(name, ".")
		if c := collection(head); c != nil && list == nil {
			list, label = c, Text{c.JA, c.EN}
			continue
		}
		f, kind := field(name)
		switch {
		case f != nil && list == nil:
			return foundText(Text{f.JA, f.EN}, kind, r.Found, now, a.zone())
		case head == "consent" && dotted && list == nil:
			ch := word("channel", rest)
			return Text{"配信許可（" + ch.JA + "）", "permission (" + ch.EN + ")"}
		case head == "traits" && dotted && list == nil:
			return foundText(traitLabel(rest), segments.Text, r.Found, now, a.zone())
		}
	}
	if list == nil {
		return Text{}
	}
	if strings.HasPrefix(strings.TrimLeft(text, "!( "), "sum(") {
		return foundText(label, segments.Money, r.Found, now, a.zone())
	}
	switch r.Found {
	case "", "true":
		return label
	case "0", "false":
		return Text{label.JA + "なし", "no " + strings.ToLower(label.EN)}
	}
	if strings.Trim(r.Found, "0123456789") == "" {
		return Text{label.JA + " " + r.Found + " 件", r.Found + " " + strings.ToLower(label.EN)}
	}
	return foundText(label, segments.Instant, r.Found, now, a.zone())
}

func collection(name string) *segments.Collection {
	for _, c := range segments.Collections() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func field(name string) (*segments.Field, segments.Kind) {
	for _, f := range segments.Fields() {
		if f.Name == name {
			return f, f.Kind
		}
	}
	return nil, segments.Untyped
}

// foundText writes a label and the value found, as its kind is read.
func foundText(label Text, kind segments.Kind, found string, now time.Time, zone *time.Location) Text {
	if kind == segments.Bool {
		return flagText(label, found == "true")
	}
	value := plain(found)
	if at, err := time.Parse(time.RFC3339Nano, found); err == nil {
		value = dayText(at, now, zone)
	} else if kind == segments.Money {
		if m, err := enishi.ParseAmount(found); err == nil {
			value = plain(moneyText(m, ""))
		}
	} else if found == "true" || found == "false" {
		value = word("bool", found)
	}
	if found == "" {
		return Text{label.JA + "なし", "no " + strings.ToLower(label.EN)}
	}
	return Text{label.JA + " " + value.JA, label.EN + " " + value.EN}
}

// flagText says a yes by the label alone: 電話番号あり, and a no as people say it: 電話番号なし.
func flagText(label Text, yes bool) Text {
	if yes {
		return label
	}
	if what, ok := strings.CutSuffix(label.JA, "あり"); ok {
		return Text{what + "なし", label.EN + ": no"}
	}
	return Text{label.JA + "ではない", label.EN + ": no"}
}

type runRow struct {
	ID        enishi.ID `json:"id"`
	Journey   string    `json:"journey"`
	Title     Text      `json:"title"`
	Node      string    `json:"node"`
	NodeTitle Text      `json:"node_title"`
	Since     time.Time `json:"since"`
	WaitUntil time.Time `json:"wait_until,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	End       string    `json:"end,omitempty"`
}

// nextRow is something that comes to a person by itself.
type nextRow struct {
	At       time.Time `json:"at"`
	What     Text      `json:"what"`
	Journey  string    `json:"journey"`
	Campaign bool      `json:"campaign,omitempty" doc:"A campaign that is planned for a segment or list that the person is in now."`
}

// maxNext bounds a page; plannedDays is how far ahead it looks for campaigns.
const (
	maxNext     = 20
	plannedDays = 60
)

// planned are the campaigns to come that go to a segment or list that the person is in now and is not left out of.
func (a *API) planned(p *profiles.Profile, now time.Time) []nextRow {
	in := func(segment string) bool {
		return slices.ContainsFunc(p.Memberships, func(m profiles.Membership) bool { return m.Segment == segment })
	}
	var out []nextRow
	for _, d := range a.cfg.Definitions.List("journey") {
		if !bytes.Contains(d.Body, []byte(`"sweep"`)) {
			continue // most journeys: not read any further
		}
		c, ok := a.campaignNow(&d)
		if !ok || headOf(&c.acts).State != "live" || c.body.Again != nil || slices.ContainsFunc(c.body.Exclude, in) {
			continue
		}
		if c.body.List != "" && !slices.Contains(p.View().Lists, c.body.List) || c.body.List == "" && !in(c.body.Segment) {
			continue
		}
		times := a.upcoming(&c.body, plannedDays)
		if c.body.Schedule == nil && c.body.At.After(now) {
			times = []time.Time{c.body.At}
		}
		for _, at := range times {
			if at.Sub(now) <= plannedDays*24*time.Hour {
				out = append(out, nextRow{At: at, What: a.titles.journey(d.Name), Journey: d.Name, Campaign: true})
			}
			break // of one that recurs the next time alone
		}
	}
	return out
}

// maxShownRuns bounds a page.
const maxShownRuns = 50

// runs are a person's ways through journeys, running ones first, then the newest; and what is to come by itself.
func (a *API) runs(p *profiles.Profile) ([]runRow, []nextRow) {
	rows, next := []runRow{}, []nextRow{}
	for i := range p.Runs {
		r := &p.Runs[i]
		row := runRow{ID: r.ID, Journey: r.Journey, Title: a.titles.journey(r.Journey), Node: r.Node, NodeTitle: a.titles.node(r.Journey, r.Node), Since: r.Since, EndedAt: r.EndedAt, End: r.End}
		if r.Wait != nil && r.EndedAt.IsZero() {
			row.WaitUntil = r.Wait.Until
			if !r.Wait.Until.IsZero() {
				next = append(next, nextRow{At: r.Wait.Until, What: a.afterWait(r), Journey: r.Journey})
			}
		}
		rows = append(rows, row)
	}
	sort.SliceStable(rows, func(i, j int) bool {
		if live := rows[i].EndedAt.IsZero(); live != rows[j].EndedAt.IsZero() {
			return live
		}
		return rows[i].Since.After(rows[j].Since)
	})
	return rows[:min(len(rows), maxShownRuns)], next
}

// afterWait says what comes when a wait ends by its time.
func (a *API) afterWait(r *profiles.Run) Text {
	title := a.titles.journey(r.Journey)
	if d, ok := a.cfg.Definitions.Version("journey", r.Journey, r.Version); ok {
		if node := nodeAfterWait(d.Body, r.Node); node != "" {
			then := a.titles.node(r.Journey, node)
			return Text{title.JA + "「" + then.JA + "」", title.EN + ": " + then.EN}
		}
	}
	return title
}

// linkCache keeps records of the topic identities that were read: they never change.
type linkCache struct {
	mu    sync.Mutex
	known map[int64]enishi.Link
}

const (
	linksShown  = mergesShown
	linksCached = 10_000
)

// readLinks reads records of the topic identities for their time and author. What was trimmed is left out: the graph has
// what it did.
func (a *API) readLinks(ctx context.Context, offsets []int64) (map[int64]enishi.Link, error) {
	out := map[int64]enishi.Link{}
	var ask []int64
	a.links.mu.Lock()
	for _, offset := range offsets {
		if l, ok := a.links.known[offset]; ok {
			out[offset] = l
		} else if len(ask) < linksShown {
			ask = append(ask, offset)
		}
	}
	a.links.mu.Unlock()
	if len(ask) == 0 {
		return out, nil
	}
	firsts, err := a.cfg.Stream.Firsts(ctx, enishi.TopicIdentities)
	if err != nil {
		return nil, err
	}
	for _, offset := range ask {
		if offset < firsts[0] {
			continue
		}
		l, err := a.readLink(ctx, offset)
		if err != nil {
			return nil, err
		}
		out[offset] = l
	}
	a.links.mu.Lock()
	defer a.links.mu.Unlock()
	if len(a.links.known) > linksCached {
		clear(a.links.known)
	}
	maps.Copy(a.links.known, out)
	return out, nil
}

func (a *API) readLink(ctx context.Context, offset int64) (l enishi.Link, err error) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	err = a.cfg.Stream.Follow(ctx, enishi.TopicIdentities, 0, offset, func(_ context.Context, recs []stream.Record, _ int64) error {
		for i := range recs {
			if recs[i].Offset == offset {
				done()
				return enishi.DecodeLink(&l, recs[i].Value)
			}
		}
		done() // it is no record
		return nil
	})
	if err != nil {
		return l, fmt.Errorf("read link %d: %w", offset, err)
	}
	return l, nil
}
