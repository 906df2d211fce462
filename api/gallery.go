package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/docs"
	"enishi/journeys"
	"enishi/segments"
)

// galleryLooksBack is how far back an event counts as one that the shop sends.
const galleryLooksBack = 30 * 24 * time.Hour

type journeyExample struct {
	Name        string          `json:"name"`
	Group       galleryGroup    `json:"group"`
	Title       Text            `json:"title"`
	Description Text            `json:"description"`
	Purpose     string          `json:"purpose"`
	Broadcast   bool            `json:"broadcast" doc:"It goes to many at once: taken over, it is among the broadcasts."`
	Channels    []channelNeed   `json:"channels" doc:"Those by which it speaks."`
	Events      []eventNeed     `json:"events" doc:"Those that begin it, or that it waits for."`
	Segments    []segmentNeed   `json:"segments"`
	Definition  json.RawMessage `json:"definition"`
}

type galleryGroup struct {
	ID    string `json:"id"`
	Title Text   `json:"title"`
}

type channelNeed struct {
	Channel string `json:"channel" enum:"email,line,sms,push,social,postal,line_notice"`
	Title   Text   `json:"title"`
}

type eventNeed struct {
	Type  string `json:"type"`
	Title Text   `json:"title"`
	Seen  bool   `json:"seen" doc:"It came in the last 30 days."`
}

type segmentNeed struct {
	Name  string `json:"name"`
	Title Text   `json:"title"`
}

type schemaOutput struct{ Body json.RawMessage }

func (a *API) getJourneySchema(context.Context, *struct{}) (*schemaOutput, error) {
	return &schemaOutput{json.RawMessage(docs.JourneySchema)}, nil
}

func (a *API) listJourneyGallery(ctx context.Context, _ *struct{}) (*listOutput[journeyExample], error) {
	seen, err := a.seenTypes(ctx)
	if err != nil {
		return nil, err
	}
	ready, err := segments.Gallery()
	if err != nil {
		return nil, err
	}
	bodies := map[string][]byte{}
	for _, g := range journeys.Gallery() {
		if g.Kind == "journey" {
			bodies[g.Name] = g.Body
		}
	}
	out := listOf([]journeyExample{})
	for _, group := range journeys.GalleryGroups() {
		for _, name := range group.Journeys {
			h := headOf(&enishi.Definition{Body: bodies[name]})
			x := journeyExample{Name: name, Group: galleryGroup{group.ID, Text(group.Title)}, Title: h.Title, Description: h.About, Purpose: h.Purpose,
				Channels: []channelNeed{}, Events: []eventNeed{}, Segments: []segmentNeed{}, Definition: bodies[name]}
			if err := x.needs(seen, ready); err != nil {
				return nil, fmt.Errorf("gallery journey %s: %w", name, err)
			}
			out.Body.Items = append(out.Body.Items, x)
		}
	}
	return out, nil
}

// needs says what the shop must have for the journey to do something.
func (x *journeyExample) needs(seen map[string]bool, ready []segments.Template) error {
	var d journeys.Definition
	if err := json.Unmarshal(x.Definition, &d); err != nil {
		return err
	}
	x.Broadcast = d.Entry.Sweep
	event := func(types ...string) {
		for _, typ := range types {
			if typ != "" && !slices.ContainsFunc(x.Events, func(e eventNeed) bool { return e.Type == typ }) {
				x.Events = append(x.Events, eventNeed{typ, eventTitle(typ), seen[typ]})
			}
		}
	}
	event(append(d.Entry.Events, d.Entry.Event)...)
	for _, id := range sortedKeys(d.Nodes) {
		n := d.Nodes[id]
		if n.UntilEvent != nil {
			event(append(n.UntilEvent.Events, n.UntilEvent.Event)...)
		}
		for _, ch := range n.Channels {
			if !slices.ContainsFunc(x.Channels, func(c channelNeed) bool { return c.Channel == ch }) {
				x.Channels = append(x.Channels, channelNeed{ch, word("channel", ch)})
			}
		}
	}
	if i := slices.IndexFunc(ready, func(s segments.Template) bool { return s.Name == d.Entry.Segment }); i >= 0 {
		var title struct{ Title Text }
		if err := json.Unmarshal(ready[i].JSON, &title); err != nil {
			return err
		}
		x.Segments = append(x.Segments, segmentNeed{d.Entry.Segment, title.Title})
	}
	return nil
}

// eventTitle is what people call a type of event; those of the shop's own that the gallery waits for have words here.
func eventTitle(typ string) Text {
	switch typ {
	case "custom.preorder_progress":
		return Text{"予約の進み具合（独自のイベント）", "your news about a preorder"}
	}
	return typeLabel(typ)
}

// seenTypes are the types of events that came lately.
func (a *API) seenTypes(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
	args := []any{millis("since", a.now().Add(-galleryLooksBack))}
	err := a.each(ctx, "SELECT DISTINCT toString(type) AS t FROM events WHERE at > fromUnixTimestamp64Milli({since:Int64})", args, func(rows driver.Rows) error {
		var typ string
		if err := rows.Scan(&typ); err != nil {
			return err
		}
		out[typ] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the types of events: %w", err)
	}
	return out, nil
}

// galleryNeeds are the templates and segments that ready-made journeys refer to.
func (a *API) galleryNeeds() (templates, segs map[string][]byte, err error) {
	templates, segs = map[string][]byte{}, map[string][]byte{}
	for _, g := range journeys.Gallery() {
		switch g.Kind {
		case "template":
			templates[g.Name] = g.Body
		case "segment":
			segs[g.Name] = g.Body
		}
	}
	gallery, err := segments.Gallery()
	for _, g := range gallery {
		segs[g.Name] = g.JSON
	}
	return templates, segs, err
}
