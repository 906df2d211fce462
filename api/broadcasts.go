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
	Channels  []string          `json:"channels" minItems:"1" maxItems:"6" doc:"In order: each person gets it by the first that can be reached." enum:"email,line,sms,push,social,postal"`
	Templates map[string]string `json:"templates" doc:"By channel."`
	Accounts  map[string]string `json:"accounts,omitempty" doc:"By channel, the account that sends; silent: as the setting journeys has it."`
	SendBy    string            `json:"send_by,omitempty" maxLength:"8" doc:"Not sent later than this after its decision, as 12h; 24h unless said."`
	At        time.Time         `json:"at,omitzero" required:"false" doc:"Not before; at once unless said."`
	Subject   string            `json:"subject,omitempty" maxLength:"500" doc:"Of a mail, in place of the template's own; Liquid."`
	// Schedule, Again and UTM are as in the journey's definition: docs/campaigns.md.
	Schedule *journeys.Schedule `json:"schedule,omitempty" doc:"Again at each of these moments, instead of once."`
	Again    *journeys.Again    `json:"again,omitempty" doc:"Those whom another campaign reached in vain, in place of or within segment."`
	UTM      *journeys.UTM      `json:"utm,omitempty" doc:"For its links, before those of the setting journeys."`
	Test     *campaignTest      `json:"test,omitempty" doc:"Variants that are compared on a share of the people first."`
}

// BroadcastRow is one in a list.
type BroadcastRow struct {
	Name      string    `json:"name"`
	Title     Text      `json:"title"`
	Status    string    `json:"status" enum:"draft,in_review,approved,scheduled,recurring,sending,testing,sent,missed,paused,cancelled" doc:"testing: the first share is sent, and no winner is chosen; missed: it did not go, or not to everybody; missed says why."`
	Segment   string    `json:"segment"`
	List      string    `json:"list,omitempty" doc:"The static list that it goes to, instead of a segment."`
	At        time.Time `json:"at,omitzero"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	Done      int64     `json:"done" doc:"Steps through everybody, as of."`
	Of        int64     `json:"of"`
	Next      time.Time `json:"next,omitzero" doc:"Of one that recurs: the next time."`
	Recurs    bool      `json:"recurs,omitempty"`
	Again     string    `json:"again,omitempty" doc:"The campaign whose people get this one once more."`
	Missed    *Text     `json:"missed,omitempty" doc:"Why it did not go, or not to everybody: in one sentence."`
	Draft     string    `json:"draft,omitempty" enum:"draft,in_review,approved" doc:"Of one that recurs: the state of the draft that waits beside it."`
	// Result is what became of it; the page has it in more detail.
	Result *CampaignSum `json:"result,omitempty"`
}

type broadcastOutput struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body broadcastPage
}

// broadcastPage is a broadcast with what came of it.
type broadcastPage struct {
	BroadcastRow
	Broadcast broadcastBody   `json:"broadcast"`
	History   []VersionRow    `json:"history"`
	Sent      []channelSum    `json:"sent" doc:"People for whom it was decided to send, by channel."`
	LeftOut   []reasonSum     `json:"left_out" doc:"People who get nothing, by the first reason."`
	States    []stateSum      `json:"states" doc:"Of the messages, by the sender's ledger."`
	Upcoming  []time.Time     `json:"upcoming" doc:"Of one that recurs: the next five times."`
	Past      []occurrenceRow `json:"past" doc:"Of one that recurs: the times it went, newest first."`
	Variants  []variantRow    `json:"variants" doc:"Of a test."`
	Decides   time.Time       `json:"decides,omitzero" doc:"Of a test: when its winner is chosen at the earliest."`
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
	d := journeys.Definition{Title: journeys.Text(title), Purpose: b.Purpose, Consent: consent, Accounts: b.Accounts, UTM: b.UTM,
		Entry: journeys.Entry{Segment: b.Segment, List: b.List, Sweep: true, Exclude: b.Exclude, Schedule: b.Schedule, Again: b.Again, Reentry: "never"}}
	b.graph(&d)
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
	at, err := time.Parse(time.RFC3339, def.Entry.At)
	if err != nil {
		at = time.Time{}
	}
	b = broadcastBody{Title: textInput(def.Title), Purpose: def.Purpose, Segment: def.Entry.Segment, List: def.Entry.List, Exclude: def.Entry.Exclude, Accounts: def.Accounts,
		At: at, Schedule: def.Entry.Schedule, Again: def.Entry.Again, UTM: def.UTM}
	if !b.shape(&def) { // drawn otherwise: its list is here, its steps are in the canvas
		b.Channels, b.Templates = []string{}, map[string]string{}
	}
	return b, true
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

func (a *API) broadcastRow(c *campaignNow, p *progress, missed map[enishi.ID]*Text) BroadcastRow {
	d, b := &c.newest, &c.body
	row := BroadcastRow{Name: d.Name, Title: Text(b.Title), Segment: b.Segment, List: b.List, At: b.At, Version: d.Version, UpdatedAt: d.At, Of: buckets * int64(len(p.Markers)),
		Recurs: b.Schedule != nil}
	if c.acts.Version != d.Version {
		row.Draft = headOf(d).State
	}
	if b.Again != nil {
		row.Again = b.Again.Of
	}
	winner := ""
	if b.Test != nil {
		winner = b.Test.Winner
	}
	begun := a.stageBegan(d.Name, winner)
	var under bool
	row.Done, under = p.campaignDone(d.Name, begun, b.Schedule != nil)
	if next := a.upcoming(b, 1); len(next) > 0 {
		row.Next = next[0]
	}
	switch state := headOf(&c.acts).State; {
	case state == "archived":
		row.Status = "cancelled"
	case begun == 0 && (state == "in_review" || state == "approved"):
		row.Status = state
	case begun == 0:
		row.Status = "draft"
	case state == "paused" && (row.Recurs || row.Done < row.Of):
		row.Status = "paused"
	case under && row.Recurs:
		row.Status = "sending"
	case row.Recurs && !row.Next.IsZero():
		row.Status = "recurring"
	case row.Recurs:
		row.Status = "sent"
	case missed[pipeline.MissedID(d.Name, time.Time{})] != nil:
		row.Status, row.Missed = "missed", missed[pipeline.MissedID(d.Name, time.Time{})]
	case row.Done == row.Of && b.Test != nil && winner == "":
		row.Status = "testing"
	case row.Done == row.Of:
		row.Status = "sent"
	case b.At.After(a.now()):
		row.Status = "scheduled"
	default:
		row.Status = "sending"
	}
	return row
}

// campaignDone is how many steps of a campaign's sweep are done over all partitions, and whether one that recurs is under way: then
// the steps are those of this occurrence.
func (p *progress) campaignDone(name string, begun int64, recurs bool) (done int64, under bool) {
	var first, last time.Time // the occurrences at which partitions stand
	for n := range p.Markers {
		for _, s := range p.Markers[n].sweeps {
			if s.Journey != name {
				continue
			}
			if first.IsZero() || s.At.Before(first) {
				first = s.At
			}
			if s.At.After(last) {
				last = s.At
			}
			under = under || s.Next > 0
		}
	}
	for n := range p.Markers {
		m := &p.Markers[n]
		i := slices.IndexFunc(m.sweeps, func(s pipeline.Sweep) bool { return s.Journey == name })
		switch {
		case begun == 0 || m.definitions < begun: // the owner has not gone over to it
		case i >= 0 && (!recurs || m.sweeps[i].At.Equal(first)):
			done += int64(m.sweeps[i].Next)
		default:
			done += buckets
		}
	}
	return done, recurs && (under || !first.Equal(last))
}

func (a *API) listBroadcasts(ctx context.Context, _ *struct{}) (*listOutput[BroadcastRow], error) {
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return nil, err
	}
	missed, err := a.missedCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	out := listOf([]BroadcastRow{})
	var names []string
	for _, d := range a.cfg.Definitions.List("journey") {
		if c, ok := a.campaignNow(&d); ok {
			out.Body.Items = append(out.Body.Items, a.broadcastRow(&c, p, missed))
			names = append(names, d.Name)
		}
	}
	parts, err := a.campaignParts(ctx, names)
	if err != nil {
		return nil, err
	}
	for i := range out.Body.Items {
		row := &out.Body.Items[i]
		row.Result = &CampaignSum{}
		for k := range parts {
			if parts[k].journey == row.Name {
				row.Result.add(&parts[k].CampaignSum)
			}
		}
	}
	out.Body.CompleteThrough = p.Through
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
	missed, err := a.missedCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	c, _ := a.campaignNow(d)
	page := broadcastPage{BroadcastRow: a.broadcastRow(&c, p, missed), Broadcast: b, History: a.versions("journey", in.Name), Sent: []channelSum{}, LeftOut: []reasonSum{}, States: []stateSum{},
		Upcoming: a.upcoming(&c.body, 5), Past: []occurrenceRow{}, Variants: []variantRow{}}
	parts, err := a.campaignParts(ctx, []string{in.Name})
	if err != nil {
		return nil, err
	}
	page.Result = &CampaignSum{}
	for k := range parts {
		page.Result.add(&parts[k].CampaignSum)
	}
	if t := c.body.Test; t != nil {
		page.Variants = variantRows(t, parts)
		if first := page.Result.First; !first.IsZero() {
			page.Decides = first.Add((&journeys.Test{After: t.After}).Wait())
		}
	}
	if c.body.Schedule != nil {
		page.Past = a.occurrences(&c, parts, missed)
	}
	out := &broadcastOutput{etag(d.Version), page}
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
		sums("SELECT splitByChar(':', reason)[1] AS why, uniqExact(subject) AS n FROM events FINAL WHERE type = 'journey.refused' AND journey = {journey:String} AND reason NOT LIKE 'reentry:%' GROUP BY why ORDER BY why", // who was asked first is in it already
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
	Precondition
	Body struct {
		Broadcast broadcastBody `json:"broadcast"`
		Expect    int64         `json:"expect,omitempty" doc:"The version this replaces; 0 for a new one, or with If-Match."`
		Reason    string        `json:"reason,omitempty" maxLength:"500"`
	}
}

// saveBroadcast keeps a draft. What is being sent is not changed; of what recurs a draft waits beside it.
func (a *API) saveBroadcast(ctx context.Context, in *broadcastInput) (*writtenOutput, error) {
	b := &in.Body.Broadcast
	if err := errors.Join(checkName(in.Name), checkTitle(Text(b.Title)), a.checkCampaign(b)); err != nil {
		return nil, err
	}
	if d, ok := a.cfg.Definitions.Current("journey", in.Name); ok {
		c, is := a.campaignNow(&d)
		switch {
		case !is:
			return nil, refusal(enishi.Conflict, "a journey has this name", "同じ名前のジャーニーがあります。")
		case a.wentLive(in.Name) > 0 && (c.body.Schedule == nil || b.Schedule == nil):
			return nil, refusal(enishi.Conflict, "it has been sent already: copy it under another name", "すでに配信を始めています。別の名前で複製してください。")
		}
	}
	body, err := b.definition()
	if err != nil {
		return nil, err
	}
	return a.replaced("journey", in.Name, in.Precondition, in.Body.Expect, func(expect int64) (*writtenOutput, error) {
		w, err := a.putJourney(ctx, in.Name, body, "draft", expect, in.Body.Reason)
		return &writtenOutput{w}, b.inBroadcast(err)
	})
}

type broadcastSendInput struct {
	NamePath
	Precondition
	Body struct {
		Expect int64  `json:"expect,omitempty" doc:"The version whose sheet was looked at; it may be left out with If-Match alone."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// sendBroadcast lets it go, unless its sheet says what stands against it. Of one that recurs the draft that waits takes the place
// of what goes.
func (a *API) sendBroadcast(ctx context.Context, in *broadcastSendInput) (*writtenOutput, error) {
	return a.replaced("journey", in.Name, in.Precondition, in.Body.Expect, func(expect int64) (*writtenOutput, error) { return a.letGo(ctx, in, expect) })
}

func (a *API) letGo(ctx context.Context, in *broadcastSendInput, expect int64) (*writtenOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	if expect != d.Version {
		return nil, refusal(enishi.Conflict, "somebody else saved a newer version: look at its sheet and try again", "別の人が新しい版を保存しています。配信前の確認をもう一度ご覧ください。")
	}
	if act, ok := a.acting(in.Name); ok && act.Version == d.Version || a.wentLive(in.Name) > 0 && b.Schedule == nil {
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
	Precondition
	Body struct {
		Status string `json:"status" enum:"draft,in_review,approved,paused,sending,cancelled,discarded" doc:"in_review, back to draft, and discarded (the draft that waits beside what recurs): an editor may; the others: an approver."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// broadcastChanges are the statuses that each may go to.
var broadcastChanges = map[string][]string{
	"draft": {"in_review", "approved", "cancelled"}, "in_review": {"draft", "approved", "cancelled"}, "approved": {"draft", "cancelled"},
	"sending": {"paused", "cancelled"}, "scheduled": {"paused", "cancelled"}, "recurring": {"paused", "cancelled"}, "testing": {"paused", "cancelled"}, "paused": {"sending", "cancelled"},
}

// changeBroadcastStatus asks for review, approves, pauses, resumes or cancels what is being decided. What was handed to the sender
// already is the sender's to stop.
func (a *API) changeBroadcastStatus(ctx context.Context, in *broadcastStatusInput) (*writtenOutput, error) {
	return a.replaced("journey", in.Name, in.Precondition, 0, func(expect int64) (*writtenOutput, error) { return a.broadcastStatus(ctx, in, expect) })
}

func (a *API) broadcastStatus(ctx context.Context, in *broadcastStatusInput, expect int64) (*writtenOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	if expect > 0 && expect != d.Version {
		return nil, notMatched()
	}
	p, err := a.progress(ctx, true)
	if err != nil {
		return nil, err
	}
	missed, err := a.missedCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	c, _ := a.campaignNow(d)
	to := in.Body.Status
	if to == "discarded" {
		return a.discardDraft(ctx, &c, in.Body.Reason)
	}
	if to != "in_review" && to != "draft" && !callOf(ctx).caller.role.includes(approver) {
		return nil, refusal(enishi.Denied, "to approve, pause, resume or cancel a broadcast needs the role approver", "一斉配信の承認・一時停止・再開・中止には「承認者」の権限が必要です。")
	}
	draft := c.acts.Version != d.Version && (to == "in_review" || to == "draft" || to == "approved") // the one that waits beside what recurs
	now := a.broadcastRow(&c, p, missed).Status
	if draft {
		now = headOf(d).State
	}
	if !slices.Contains(broadcastChanges[now], to) {
		return nil, &enishi.Error{Code: enishi.Conflict, Msg: "a broadcast that is " + now + " cannot become " + to,
			MsgJA: "いまの状態（" + word("broadcast_status", now).JA + "）からは変えられません。"}
	}
	status := map[string]string{"draft": "draft", "in_review": "in_review", "approved": "approved", "paused": "paused", "sending": "live", "cancelled": "archived"}[to]
	if status == "approved" {
		if err := a.stopsBroadcast(ctx, &b); err != nil {
			return nil, err
		}
	}
	var w Written
	if c.acts.Version != d.Version && !draft {
		w, err = a.changeActing(ctx, *d, c.acts, status, in.Body.Reason)
	} else {
		w, err = a.putJourney(ctx, in.Name, withoutState(d.Body), status, d.Version, in.Body.Reason)
	}
	return &writtenOutput{w}, err
}
