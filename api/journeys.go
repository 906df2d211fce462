package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"enishi"
	"enishi/analytics"
	"enishi/channels"
	"enishi/journeys"
	"enishi/segments"
)

// journeyStates are the states that the API names, with the word of the definition.
var journeyStates = map[string]string{"draft": "draft", "in_review": "review", "approved": "approved", "live": "live", "paused": "paused", "archived": "archived"}

// statusOf is the API's word for a definition's state; a definition without one is live.
func statusOf(state string) string {
	for status, s := range journeyStates {
		if s == state {
			return status
		}
	}
	return "live"
}

// journeyChanges are the states that each state may go to.
var journeyChanges = map[string][]string{
	"draft": {"in_review", "approved", "live", "archived"}, "in_review": {"draft", "approved", "live", "archived"}, "approved": {"draft", "live", "archived"},
	"live": {"paused", "archived"}, "paused": {"live", "archived", "draft"}, "archived": {"draft"},
}

// journeyHead is what lists need of a definition.
type journeyHead struct {
	Title   Text   `json:"title"`
	About   Text   `json:"about"`
	State   string `json:"state"`
	Purpose string `json:"purpose"`
}

func headOf(d *enishi.Definition) journeyHead {
	var h journeyHead
	if json.Unmarshal(d.Body, &h) != nil {
		return journeyHead{}
	}
	h.Title, h.About, h.State = h.Title.complete(), h.About.complete(), statusOf(h.State)
	return h
}

// journeyRow is a journey in a list.
type journeyRow struct {
	Name      string    `json:"name"`
	Title     Text      `json:"title"`
	Status    string    `json:"status" enum:"draft,in_review,approved,live,paused,archived"`
	Purpose   string    `json:"purpose"`
	Version   int64     `json:"version"`
	Entered   int64     `json:"entered"`
	Running   int64     `json:"running"`
	Completed int64     `json:"completed"`
	Sent      int64     `json:"sent"`
	Converted int64     `json:"converted" doc:"Observed, not caused."`
	UpdatedAt time.Time `json:"updated_at"`
}

// journeyCounts are the results of a journey over all time.
type journeyCounts = analytics.JourneyRow

// allTime is a range that holds everything, of the length that reports allow.
func allTime(now time.Time) analytics.Range {
	return analytics.Range{From: now.AddDate(-15, 0, 0), To: now.AddDate(1, 0, 0)}
}

// journeyResults are the counts of all journeys by name.
func (a *API) journeyResults(ctx context.Context) (map[string]journeyCounts, error) {
	return a.runsMemo.get(ctx, isFresh(ctx), time.Second, func(ctx context.Context) (map[string]journeyCounts, error) {
		return a.journeyReport(ctx, allTime(a.now()))
	})
}

func (a *API) journeyReport(ctx context.Context, x analytics.Range) (map[string]journeyCounts, error) {
	report, err := a.cfg.Reports.Journeys(ctx, x)
	if err != nil {
		return nil, err
	}
	out := map[string]journeyCounts{}
	for _, row := range report.Rows {
		out[row.Journey] = row
	}
	return out, nil
}

func (a *API) listJourneys(ctx context.Context, _ *struct{}) (*listOutput[journeyRow], error) {
	results, err := a.journeyResults(ctx)
	if err != nil {
		return nil, err
	}
	out := listOf([]journeyRow{})
	for _, d := range a.cfg.Definitions.List("journey") {
		if _, is := broadcastOf(&d); is {
			continue // they have a list of their own
		}
		h, r := headOf(&d), results[d.Name]
		out.Body.Items = append(out.Body.Items, journeyRow{d.Name, h.Title, h.State, h.Purpose, d.Version, r.Entered, r.Running, r.Completed, r.Sent, r.Converted, d.At})
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

type journeyOutput struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body journeyPage
}

// journeyPage is a journey with its versions.
type journeyPage struct {
	Name       string          `json:"name"`
	Version    int64           `json:"version"`
	Status     string          `json:"status" enum:"draft,in_review,approved,live,paused,archived"`
	Definition json.RawMessage `json:"definition" doc:"The graph, without its state."`
	// Acting is not the newest version while a draft waits beside it.
	Acting       int64        `json:"acting" doc:"The version that is live, paused or archived; 0 while there are drafts only."`
	ActingStatus string       `json:"acting_status,omitempty" doc:"Its status."`
	History      []VersionRow `json:"history"`
}

// VersionRow is who saved a version, when and why.
type VersionRow struct {
	Name      string    `json:"name,omitempty" doc:"Where several are listed."`
	Version   int64     `json:"version"`
	Actor     string    `json:"actor"`
	Role      string    `json:"role"`
	Reason    string    `json:"reason"`
	RequestID enishi.ID `json:"request_id"`
	At        time.Time `json:"at"`
	Deleted   bool      `json:"deleted"`
	Status    string    `json:"status,omitempty" doc:"Of a journey."`
}

// versions are the versions of a definition, newest first.
func (a *API) versions(kind, name string) []VersionRow {
	out := []VersionRow{}
	for _, d := range a.cfg.Definitions.History(kind, name) {
		out = append(out, versionRowOf(&d))
	}
	slices.Reverse(out)
	return out
}

func versionRowOf(d *enishi.Definition) VersionRow {
	row := VersionRow{Version: d.Version, Actor: d.Actor, Role: d.Role, Reason: d.Reason, RequestID: d.RequestID, At: d.At, Deleted: d.Deleted}
	if d.Kind == "journey" && !d.Deleted {
		row.Status = headOf(d).State
	}
	return row
}

func (a *API) getJourney(ctx context.Context, in *NamePath) (*journeyOutput, error) {
	d, ok := a.cfg.Definitions.Current("journey", in.Name)
	if !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	out := &journeyOutput{etag(d.Version), journeyPage{Name: d.Name, Version: d.Version, Status: headOf(&d).State, Definition: withoutState(d.Body), History: a.versions("journey", in.Name)}}
	if act, ok := a.acting(in.Name); ok {
		out.Body.Acting, out.Body.ActingStatus = act.Version, headOf(&act).State
	}
	return out, nil
}

type journeyInput struct {
	NamePath
	Precondition
	Body struct {
		Title      *textInput      `json:"title,omitempty" doc:"Replaces the definition's own."`
		Definition json.RawMessage `json:"definition"`
		Status     string          `json:"status,omitempty" enum:",draft,in_review,approved,live,paused,archived" doc:"draft unless said. A draft waits beside the version that is live."`
		InFlight   *inFlight       `json:"in_flight,omitempty" doc:"What becomes of people in older versions; finish unless said here or in the definition."`
		Expect     int64           `json:"expect,omitempty" doc:"The version this replaces; 0 for a new one, or with If-Match."`
		Reason     string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveJourney(ctx context.Context, in *journeyInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	status := in.Body.Status
	if status == "" {
		status = "draft"
	}
	// Two spaces, as the console writes it, so that lines and columns of errors are those of its editor.
	var text bytes.Buffer
	if err := json.Indent(&text, withoutState(in.Body.Definition), "", "  "); err != nil {
		return nil, enishi.FieldError("body.definition", "is no JSON object", "JSON オブジェクトにしてください。")
	}
	definition := text.Bytes()
	if in.Body.Title != nil {
		title, err := json.Marshal(in.Body.Title)
		if err != nil {
			return nil, err
		}
		definition = withField(definition, "title", title)
	}
	definition, err := withInFlight(definition, in.Body.InFlight)
	if err != nil {
		return nil, err
	}
	return a.replaced("journey", in.Name, in.Precondition, in.Body.Expect, func(expect int64) (*writtenOutput, error) {
		w, err := a.putJourney(ctx, in.Name, definition, status, expect, in.Body.Reason)
		return &writtenOutput{w}, err
	})
}

// putJourney checks a definition, publishes what of the galleries it needs, and saves it.
func (a *API) putJourney(ctx context.Context, name string, definition []byte, status string, expect int64, reason string) (Written, error) {
	if err := a.mayPublish(ctx, status); err != nil {
		return Written{}, err
	}
	// The state stands last, so that it moves no line of what the caller wrote.
	state, err := json.Marshal(journeyStates[status])
	if err != nil {
		return Written{}, err
	}
	full := withField(definition, "state", state)
	needs, err := a.checkJourney(name, full, status == "live")
	if err != nil {
		return Written{}, err
	}
	if status == "live" {
		body := func(name string) ([]byte, bool) {
			if b, ok := a.current("template", name); ok {
				return b, true
			}
			b, ok := needs.templates[name]
			return b, ok
		}
		if err := a.checkOpen(ctx, templatesOf(full), body); err != nil {
			return Written{}, err
		}
		if err := a.checkNotices(full, body); err != nil {
			return Written{}, err
		}
	}
	for _, d := range needs.definitions() {
		d.Reason = "needed by journey " + name
		if _, err := a.save(ctx, d); err != nil && enishi.ErrorCode(err) != enishi.Conflict { // somebody else published it just now
			return Written{}, fmt.Errorf("publish %s %s: %w", d.Kind, d.Name, err)
		}
	}
	return a.save(ctx, enishi.Definition{Kind: "journey", Name: name, Expect: expect, Body: compact(full), Reason: reason})
}

// journeyNeeds is what of the galleries a journey names and nobody has published.
type journeyNeeds struct {
	templates map[string][]byte    // all of the gallery
	need      map[[2]string][]byte // by kind and name
}

// definitions lists them, by kind and name.
func (n *journeyNeeds) definitions() []enishi.Definition {
	var out []enishi.Definition
	for _, key := range slices.SortedFunc(maps.Keys(n.need), func(x, y [2]string) int { return bytes.Compare([]byte(x[0]+x[1]), []byte(y[0]+y[1])) }) {
		out = append(out, enishi.Definition{Kind: key[0], Name: key[1], Body: compact(n.need[key])})
	}
	return out
}

// checkJourney checks a definition with everything that it names. The journeys that it starts and leaves have to be there when it goes
// live: drafts may name each other.
func (a *API) checkJourney(name string, full []byte, live bool) (*journeyNeeds, error) {
	templates, segs, err := a.galleryNeeds()
	if err != nil {
		return nil, err
	}
	n := &journeyNeeds{templates: templates, need: map[[2]string][]byte{}}
	template := func(name string) (string, bool) {
		body, ok := a.current("template", name)
		if !ok {
			if body, ok = templates[name]; !ok {
				return "", false
			}
			n.need[[2]string{"template", name}] = body
		}
		var t struct {
			Channel string `json:"channel"`
		}
		return t.Channel, json.Unmarshal(body, &t) == nil && t.Channel != ""
	}
	l := a.library()
	now := l.Segment
	l.Segment = func(name string) (string, bool) {
		if text, ok := now(name); ok {
			return text, true
		}
		body, ok := segs[name]
		if !ok {
			return "", false
		}
		n.need[[2]string{"segment", name}] = body
		b, err := segments.ParseBody(body)
		return b.Expression, err == nil
	}
	segment := func(name string) bool { _, ok := l.Segment(name); return ok }
	known := journeys.References{Template: template, Segment: segment, Webhook: a.checkWebhook}
	if live {
		known.Journey = a.mayBeCalled
	}
	if err := journeys.Check(name, full, l, known); err != nil {
		return nil, err
	}
	for key, body := range n.need {
		if key[0] != "template" {
			continue
		}
		if err := channels.CheckTemplate(key[1], body, a.block); err != nil {
			return nil, fmt.Errorf("gallery template %s: %w", key[1], err)
		}
	}
	return n, nil
}

// mayBeCalled tells whether there is a journey, and whether others may start it.
func (a *API) mayBeCalled(name string) (called, ok bool) {
	d, ok := a.cfg.Definitions.Current("journey", name)
	if act, acts := a.acting(name); acts { // what a draft beside it says counts when it is live
		d = act
	}
	var body struct {
		Entry journeys.Entry `json:"entry"`
	}
	return ok && json.Unmarshal(d.Body, &body) == nil && body.Entry.Called, ok
}

// checkWebhook tells what is wrong with a call of another system.
func (a *API) checkWebhook(h *journeys.Webhook) error {
	if a.cfg.Webhook == nil {
		return nil
	}
	return a.cfg.Webhook(&channels.Request{URL: h.URL, Method: h.Method, Headers: h.Headers, Body: h.Body})
}

// current is the body of the current version.
func (a *API) current(kind, name string) ([]byte, bool) {
	d, ok := a.cfg.Definitions.Current(kind, name)
	return d.Body, ok
}

// mayPublish refuses editors what lets messages go out.
func (a *API) mayPublish(ctx context.Context, status string) error {
	if (status == "live" || status == "approved") && !callOf(ctx).caller.role.includes(approver) {
		return refusal(enishi.Denied, "to approve a journey or let it live needs the role approver", "公開と承認には「承認者」の権限が必要です。")
	}
	return nil
}

type statusInput struct {
	NamePath
	Precondition
	Body struct {
		Status string `json:"status" enum:"draft,in_review,approved,live,paused,archived"`
		Expect int64  `json:"expect,omitempty" doc:"The version that was looked at; whatever it is unless said."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
		// Acting: a draft may wait beside the version that is live.
		Acting   bool      `json:"acting,omitempty" doc:"Of the version that is live or paused, not of a draft that waits beside it."`
		InFlight *inFlight `json:"in_flight,omitempty" doc:"With live: what becomes of people in older versions."`
	}
}

func (a *API) changeJourneyStatus(ctx context.Context, in *statusInput) (*writtenOutput, error) {
	return a.replaced("journey", in.Name, in.Precondition, in.Body.Expect, func(expect int64) (*writtenOutput, error) { return a.changeStatus(ctx, in, expect) })
}

func (a *API) changeStatus(ctx context.Context, in *statusInput, expect int64) (*writtenOutput, error) {
	d, ok := a.cfg.Definitions.Current("journey", in.Name)
	if !ok {
		return nil, notFound("journey", "ジャーニー")
	}
	if expect > 0 && expect != d.Version {
		return nil, refusal(enishi.Conflict, "somebody else saved a newer version: load it and try again", "別の人が新しい版を保存しています。読み込み直してからやり直してください。")
	}
	from, to := headOf(&d).State, in.Body.Status
	if act, ok := a.acting(in.Name); ok && act.Version != d.Version && (in.Body.Acting || to == "paused") {
		w, err := a.changeActing(ctx, d, act, to, in.Body.Reason)
		return &writtenOutput{w}, err
	}
	if !slices.Contains(journeyChanges[from], to) {
		return nil, notFromTo(from, to)
	}
	definition, err := withInFlight(withoutState(d.Body), in.Body.InFlight)
	if err != nil {
		return nil, err
	}
	w, err := a.putJourney(ctx, in.Name, definition, to, d.Version, in.Body.Reason)
	return &writtenOutput{w}, err
}

func stateWord(status string) string { return word("journey_status", status).JA }

// member is one member of a JSON object.
type member struct {
	key   string
	value json.RawMessage
}

// members reads an object in its order; nil when it is none.
func members(object []byte) []member {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	out := []member{}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return nil
		}
		out = append(out, member{name, value})
	}
	if _, err := dec.Token(); err != nil {
		return nil
	}
	return out
}

// write writes an object, its members' text as it was.
func writeMembers(list []member) []byte {
	var b bytes.Buffer
	b.WriteString("{")
	for i, m := range list {
		if i > 0 {
			b.WriteString(",")
		}
		name, err := json.Marshal(m.key)
		if err != nil {
			continue // a text always marshals
		}
		b.WriteString("\n  ")
		b.Write(name)
		b.WriteString(": ")
		b.Write(m.value)
	}
	b.WriteString("\n}")
	return b.Bytes()
}

// withoutState takes the state out of a definition: the API tells it beside.
func withoutState(definition []byte) []byte {
	list := members(definition)
	if list == nil {
		return definition
	}
	kept := slices.DeleteFunc(list, func(m member) bool { return m.key == "state" })
	return writeMembers(kept)
}

// withField sets a member, in its place or at the end.
func withField(object []byte, key string, value []byte) []byte {
	list := members(object)
	if list == nil {
		return object
	}
	if i := slices.IndexFunc(list, func(m member) bool { return m.key == key }); i >= 0 {
		list[i].value = value
	} else {
		list = append(list, member{key, value})
	}
	return writeMembers(list)
}

// compact takes white space out.
func compact(text []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return text
	}
	return b.Bytes()
}
