package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/journeys"
)

// A broadcast is a journey of one message that starts for everybody in a segment by a sweep: its rules, decisions and
// results are those of every other journey.

// broadcastBody is what a marketer says of one.
type broadcastBody struct {
	Title     textInput         `json:"title"`
	Purpose   string            `json:"purpose,omitempty" enum:",marketing,transactional" doc:"marketing unless said."`
	Segment   string            `json:"segment,omitempty" maxLength:"64" doc:"Whom it goes to; or list."`
	List      string            `json:"list,omitempty" maxLength:"64" doc:"A static list instead of a segment: everybody who is on it when it is sent."`
	Exclude   []string          `json:"exclude,omitempty" maxItems:"20" doc:"Segments whose people are left out."`
	Channels  []string          `json:"channels" minItems:"1" maxItems:"2" doc:"In order: each person gets it by the first that can be reached." enum:"email,line"`
	Templates map[string]string `json:"templates" doc:"By channel."`
	Accounts  map[string]string `json:"accounts,omitempty" doc:"By channel, the account that sends; silent: as the setting journeys has it."`
	SendBy    string            `json:"send_by,omitempty" maxLength:"8" doc:"Not sent later than this after its decision, as 12h; 24h unless said."`
	At        time.Time         `json:"at,omitzero" required:"false" doc:"Not before; at once unless said."`
}

// BroadcastRow is one in a list.
type BroadcastRow struct {
	Name      string    `json:"name"`
	Title     Text      `json:"title"`
	Status    string    `json:"status" enum:"draft,scheduled,sending,sent,paused,cancelled"`
	Segment   string    `json:"segment"`
	List      string    `json:"list,omitempty" doc:"The static list that it goes to, instead of a segment."`
	At        time.Time `json:"at,omitzero"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	Done      int64     `json:"done" doc:"Steps through everybody, as of."`
	Of        int64     `json:"of"`
}

type broadcastOutput struct{ Body broadcastPage }

// broadcastPage is a broadcast with what came of it.
type broadcastPage struct {
	BroadcastRow
	Broadcast broadcastBody `json:"broadcast"`
	History   []versionRow  `json:"history"`
	Sent      []channelSum  `json:"sent" doc:"People for whom it was decided to send, by channel."`
	LeftOut   []reasonSum   `json:"left_out" doc:"People who get nothing, by the first reason."`
	States    []stateSum    `json:"states" doc:"Of the messages, by the sender's ledger."`
}

type channelSum struct {
	Channel string `json:"channel"`
	People  int64  `json:"people"`
}

type reasonSum struct {
	Reason string `json:"reason"`
	Text   Text   `json:"text"`
	People int64  `json:"people"`
}

type stateSum struct {
	State    string `json:"state"`
	Messages int64  `json:"messages"`
}

// definition is the journey of a broadcast.
func (b *broadcastBody) definition() ([]byte, error) {
	if b.Purpose == "" {
		b.Purpose = "marketing"
	}
	if b.SendBy == "" {
		b.SendBy = "24h"
	}
	consent := "opt_in"
	if b.Purpose == "transactional" {
		consent = "not_refused"
	}
	title := Text(b.Title).complete()
	d := journeys.Definition{Title: journeys.Text(title), Purpose: b.Purpose, Consent: consent, Accounts: b.Accounts, Start: "message",
		Entry: journeys.Entry{Segment: b.Segment, List: b.List, Sweep: true, Exclude: b.Exclude, Reentry: "never"},
		Nodes: map[string]*journeys.Node{"message": {Type: "message", Channels: b.Channels, Templates: b.Templates, SendBy: b.SendBy, Next: "end"}, "end": {Type: "exit"}}}
	if !b.At.IsZero() {
		d.Entry.At = b.At.UTC().Format(time.RFC3339)
	}
	return json.MarshalIndent(d, "", "  ")
}

// broadcastOf reads the journey of a broadcast; false when it is another journey.
func broadcastOf(d *enishi.Definition) (b broadcastBody, ok bool) {
	var def journeys.Definition
	if json.Unmarshal(d.Body, &def) != nil || !def.Entry.Sweep || def.Nodes[def.Start] == nil {
		return b, false
	}
	n := def.Nodes[def.Start]
	at, err := time.Parse(time.RFC3339, def.Entry.At)
	if err != nil {
		at = time.Time{}
	}
	return broadcastBody{Title: textInput(def.Title), Purpose: def.Purpose, Segment: def.Entry.Segment, List: def.Entry.List, Exclude: def.Entry.Exclude, Channels: n.Channels, Templates: n.Templates,
		Accounts: def.Accounts, SendBy: n.SendBy, At: at}, true
}

// broadcast is the current version of one.
func (a *API) broadcast(name string) (*enishi.Definition, broadcastBody, error) {
	if d, ok := a.cfg.Definitions.Current("journey", name); ok {
		if b, ok := broadcastOf(&d); ok {
			return &d, b, nil
		}
	}
	return nil, broadcastBody{}, notFound("broadcast", "一斉配信")
}

func (a *API) broadcastRow(d *enishi.Definition, b *broadcastBody, p *progress) BroadcastRow {
	row := BroadcastRow{Name: d.Name, Title: Text(b.Title), Segment: b.Segment, List: b.List, At: b.At, Version: d.Version, UpdatedAt: d.At, Of: buckets * int64(len(p.Markers))}
	begun := a.wentLive(d.Name)
	for n := range p.Markers {
		m := &p.Markers[n]
		i := slices.IndexFunc(m.sweeps, func(s pipeline.Sweep) bool { return s.ID == pipeline.BroadcastPrefix+d.Name })
		switch {
		case begun == 0 || m.definitions < begun: // the owner has not gone over to it
		case i >= 0:
			row.Done += int64(m.sweeps[i].Next)
		default:
			row.Done += buckets
		}
	}
	switch state := headOf(d).State; {
	case state == "archived":
		row.Status = "cancelled"
	case begun == 0:
		row.Status = "draft"
	case row.Done == row.Of:
		row.Status = "sent"
	case state == "paused":
		row.Status = "paused"
	case b.At.After(a.now()):
		row.Status = "scheduled"
	default:
		row.Status = "sending"
	}
	return row
}

// wentLive is the version by which a journey went live first; 0: it never did.
func (a *API) wentLive(name string) int64 {
	for _, d := range a.cfg.Definitions.History("journey", name) {
		if !d.Deleted && headOf(&d).State == "live" {
			return d.Version
		}
	}
	return 0
}

func (a *API) listBroadcasts(ctx context.Context, _ *struct{}) (*listOutput[BroadcastRow], error) {
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return nil, err
	}
	out := listOf([]BroadcastRow{})
	for _, d := range a.cfg.Definitions.List("journey") {
		if b, ok := broadcastOf(&d); ok {
			out.Body.Items = append(out.Body.Items, a.broadcastRow(&d, &b, p))
		}
	}
	return out, nil
}

func (a *API) getBroadcast(ctx context.Context, in *NamePath) (*broadcastOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return nil, err
	}
	out := &broadcastOutput{broadcastPage{BroadcastRow: a.broadcastRow(d, &b, p), Broadcast: b, History: a.versions("journey", in.Name), Sent: []channelSum{}, LeftOut: []reasonSum{}, States: []stateSum{}}}
	return out, a.broadcastResults(ctx, &out.Body)
}

// broadcastResults counts what was decided and what became of it.
func (a *API) broadcastResults(ctx context.Context, page *broadcastPage) error {
	journey := []any{ch.Named("journey", page.Name)}
	sums := func(query string, add func(key string, n int64)) error {
		return a.each(ctx, query, journey, func(rows driver.Rows) error {
			var key string
			var n uint64
			err := rows.Scan(&key, &n)
			add(key, int64(n))
			return err
		})
	}
	err := errors.Join(
		sums("SELECT toString(channel), uniqExact(profile_id) AS n FROM decisions FINAL WHERE journey = {journey:String} AND sent = 1 GROUP BY channel ORDER BY channel",
			func(key string, n int64) { page.Sent = append(page.Sent, channelSum{key, n}) }),
		sums(`SELECT why, count() AS n FROM (SELECT profile_id, max(sent) AS got, `+reasons()+` AS why FROM decisions FINAL
WHERE journey = {journey:String} GROUP BY profile_id) WHERE got = 0 GROUP BY why ORDER BY n DESC, why`,
			func(key string, n int64) { page.LeftOut = append(page.LeftOut, reasonSum{key, leftOut(key), n}) }),
		sums("SELECT splitByChar(':', reason)[1] AS why, uniqExact(subject) AS n FROM events FINAL WHERE type = 'journey.refused' AND journey = {journey:String} GROUP BY why ORDER BY why",
			func(key string, n int64) { page.LeftOut = append(page.LeftOut, reasonSum{key, leftOut(key), n}) }),
		sums("SELECT toString(state), count() AS n FROM deliveries FINAL WHERE journey = {journey:String} GROUP BY state ORDER BY state",
			func(key string, n int64) { page.States = append(page.States, stateSum{key, n}) }))
	if err != nil {
		return fmt.Errorf("count the results of a broadcast: %w", err)
	}
	return nil
}

// furthest is the rank of a reason in SQL: of several channels the check that came furthest says best why a person got nothing. Who
// has an address by one and is no friend by the other lacks the permission, not the address.
func furthest(reason string) string {
	at := "indexOf(['template', 'address', 'suppression', 'consent'], " + reason + ")"
	return "if(" + at + " = 0, 100, " + at + ")" // every check that follows them
}

// reasons is why a person got nothing by any channel, in SQL over decisions.
func reasons() string {
	return "argMax(toString(reason), (" + furthest("toString(reason)") + ", channel))"
}

// leftOut is a reason to be left out, in words.
func leftOut(reason string) Text {
	if reason == "address" {
		return word("check", "address.none")
	}
	return word("reason", reason)
}

func quoteAll(names []string) string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
	}
	return strings.Join(out, ", ")
}

type broadcastInput struct {
	NamePath
	Body struct {
		Broadcast broadcastBody `json:"broadcast"`
		Expect    int64         `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason    string        `json:"reason,omitempty" maxLength:"500"`
	}
}

// saveBroadcast keeps a draft. What is being sent is not changed.
func (a *API) saveBroadcast(ctx context.Context, in *broadcastInput) (*writtenOutput, error) {
	if err := errors.Join(checkName(in.Name), checkTitle(Text(in.Body.Broadcast.Title))); err != nil {
		return nil, err
	}
	if d, ok := a.cfg.Definitions.Current("journey", in.Name); ok {
		if _, is := broadcastOf(&d); !is {
			return nil, refusal(enishi.Conflict, "a journey has this name", "同じ名前のジャーニーがあります。")
		}
		if a.wentLive(in.Name) > 0 {
			return nil, refusal(enishi.Conflict, "it has been sent already: copy it under another name", "すでに配信を始めています。別の名前で複製してください。")
		}
	}
	body, err := in.Body.Broadcast.definition()
	if err != nil {
		return nil, err
	}
	w, err := a.putJourney(ctx, in.Name, body, "draft", in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

type broadcastSendInput struct {
	NamePath
	Body struct {
		Expect int64  `json:"expect" doc:"The version whose sheet was looked at."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// sendBroadcast lets it go, unless its sheet says what stands against it.
func (a *API) sendBroadcast(ctx context.Context, in *broadcastSendInput) (*writtenOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	if in.Body.Expect != d.Version {
		return nil, refusal(enishi.Conflict, "somebody else saved a newer version: look at its sheet and try again", "別の人が新しい版を保存しています。配信前の確認をもう一度ご覧ください。")
	}
	if a.wentLive(in.Name) > 0 {
		return nil, refusal(enishi.Conflict, "it has been sent already", "すでに配信を始めています。")
	}
	if err := a.stopsBroadcast(ctx, &b); err != nil {
		return nil, err
	}
	w, err := a.putJourney(ctx, in.Name, withoutState(d.Body), "live", d.Version, in.Body.Reason)
	return &writtenOutput{w}, err
}

type broadcastStatusInput struct {
	NamePath
	Body struct {
		Status string `json:"status" enum:"paused,sending,cancelled"`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// changeBroadcastStatus pauses, resumes or cancels what is being decided. What was handed to the sender already is the
// sender's to stop.
func (a *API) changeBroadcastStatus(ctx context.Context, in *broadcastStatusInput) (*writtenOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	p, err := a.progress(ctx, true)
	if err != nil {
		return nil, err
	}
	now := a.broadcastRow(d, &b, p).Status
	if now == "scheduled" {
		now = "sending"
	}
	allowed := map[string][]string{"sending": {"paused", "cancelled"}, "paused": {"sending", "cancelled"}, "draft": {"cancelled"}}
	if !slices.Contains(allowed[now], in.Body.Status) {
		return nil, &enishi.Error{Code: enishi.Conflict, Msg: "a broadcast that is " + now + " cannot become " + in.Body.Status,
			MsgJA: "いまの状態（" + word("broadcast_status", now).JA + "）からは変えられません。"}
	}
	status := map[string]string{"paused": "paused", "sending": "live", "cancelled": "archived"}[in.Body.Status]
	w, err := a.putJourney(ctx, in.Name, withoutState(d.Body), status, d.Version, in.Body.Reason)
	return &writtenOutput{w}, err
}
