package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels"
	"enishi/segments"
)

// HeldCount is how many messages were decided and have not ended.
type HeldCount struct {
	Waiting int64 `json:"waiting"`
	InHand  int64 `json:"in_hand" doc:"At the provider or about to be; after a stop only calls that had begun end."`
}

// stopRow is a stop and what it holds.
type stopRow struct {
	ID         string    `json:"id"`
	Scope      string    `json:"scope" enum:"all,channel,destination,journey,prefecture"`
	ScopeLabel Text      `json:"scope_label"`
	Value      string    `json:"value"`
	Title      Text      `json:"title" doc:"Of what it names."`
	Since      time.Time `json:"since"`
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	Cancelled  bool      `json:"cancelled" doc:"What it holds and what still comes is dropped."`
	Dropped    int64     `json:"dropped" doc:"By this stop, so far."`
	HeldCount
}

// destinationRow is where messages go, and how that is.
type destinationRow struct {
	Destination string    `json:"destination"`
	Channel     Text      `json:"channel"`
	State       string    `json:"state" enum:"running,open,quota,budget,down,stopped,off,elsewhere" doc:"open: nobody answers and it is tried again in a moment; budget: what may go today or this month has gone; down: the account is refused; elsewhere: another replica sends, and how it stands there is not known here."`
	StateLabel  Text      `json:"state_label"`
	Problem     string    `json:"problem" doc:"The provider's words, of down."`
	PerSecond   float64   `json:"per_second" doc:"As lately measured; of another replica's, over the last minute by the ledger; 0: not known."`
	Limit       float64   `json:"limit" doc:"Most a second, where this replica sends; 0: none."`
	Connections int       `json:"connections" doc:"Most at the same time, where this replica sends."`
	Parked      int64     `json:"parked" doc:"Cannot leave until somebody acts: the account is refused or not configured, or a template is missing. In the ledger as parked."`
	Today       int64     `json:"today" doc:"Sent since midnight of the workspace, by the ledger: by all replicas."`
	PerDay      int       `json:"per_day" doc:"Most a day, by budget and warm-up; 0: no limit."`
	PerMonth    int       `json:"per_month" doc:"Most a month; 0: no limit."`
	WarmUpDay   int       `json:"warm_up_day" doc:"Day of the sender's warm-up, from 1; 0: none."`
	Oldest      time.Time `json:"oldest,omitzero" doc:"When the oldest that waits was decided."`
	HeldCount
}

// sendingPage is what may leave and what waits.
type sendingPage struct {
	State        string           `json:"state" enum:"on,off"`
	StateLabel   Text             `json:"state_label"`
	Version      int64            `json:"version" doc:"Of the setting sending; 0 while it was never saved."`
	Open         HeldCount        `json:"open" doc:"All that is decided and has not ended."`
	Incoming     int64            `json:"incoming" doc:"Decided, and not in the ledger yet."`
	Stops        []stopRow        `json:"stops"`
	Destinations []destinationRow `json:"destinations"`
}

type sendingOutput struct{ Body sendingPage }

// sending is what may leave, as it is saved.
func (a *API) sending() channels.Sending {
	s, _ := a.savedSending()
	return s
}

func (a *API) savedSending() (s channels.Sending, version int64) {
	d, ok := a.cfg.Definitions.Current("setting", channels.SendingName)
	if !ok {
		return s, 0
	}
	s, err := channels.ParseSending(d.Body)
	if err != nil {
		return channels.Sending{Off: true}, d.Version // as the sender takes it
	}
	return s, d.Version
}

// delivery is how fast and how much is sent, as it is saved.
func (a *API) delivery() channels.Delivery {
	d, ok := a.cfg.Definitions.Current("setting", channels.DeliveryName)
	if !ok {
		return channels.Delivery{}
	}
	x, _ := channels.ParseDelivery(d.Body) // none is saved that does not read
	return x
}

func (a *API) sendingState() string {
	if a.sending().Off {
		return "off"
	}
	return "on"
}

func (a *API) getSending(ctx context.Context, _ *struct{}) (*sendingOutput, error) {
	s, version := a.savedSending()
	open, err := a.deliveries().Open(ctx)
	if err != nil {
		return nil, err
	}
	dropped, err := a.deliveries().Dropped(ctx)
	if err != nil {
		return nil, err
	}
	incoming, err := a.incoming(ctx)
	if err != nil {
		return nil, err
	}
	y, m, d := a.now().In(a.zone()).Date()
	sent, err := a.deliveries().Sent(ctx, time.Date(y, m, d, 0, 0, 0, 0, a.zone()), a.cfg.Now().Add(-time.Minute))
	if err != nil {
		return nil, err
	}
	page := sendingPage{State: a.sendingState(), Version: version, Open: heldBy(open, nil), Incoming: incoming, Stops: []stopRow{}, Destinations: a.destinations(open, sent, &s)}
	page.StateLabel = word("sending", page.State)
	for i := range s.Stops {
		x := &s.Stops[i]
		r := stopRow{ID: x.ID, Scope: x.Scope, ScopeLabel: word("stop", x.Scope), Value: x.Value, Title: Text{x.Value, x.Value}, Since: x.Since, By: x.By, Reason: x.Reason,
			Cancelled: x.Drop, Dropped: dropped[x.ID], HeldCount: heldBy(open, x)}
		switch x.Scope {
		case channels.ScopeAll:
			r.Title = word("stop", x.Scope)
		case channels.ScopeChannel:
			r.Title = word("channel", x.Value)
		case channels.ScopeDestination:
			channel, _, _ := strings.Cut(x.Value, ":")
			r.Title = word("channel", channel)
		case channels.ScopeJourney:
			r.Title = a.titles.journey(x.Value)
		}
		page.Stops = append(page.Stops, r)
	}
	return &sendingOutput{page}, nil
}

// heldBy counts what a stop covers; nil: everything.
func heldBy(open []channels.OpenCount, x *channels.Stop) (n HeldCount) {
	for i := range open {
		if c := &open[i]; x == nil || x.Covers(c.Destination, c.Journey, c.Prefecture) {
			n.Waiting += c.Waiting
			n.InHand += c.InHand
		}
	}
	return n
}

// worseStates are the states of a destination, the one that is shown of several partitions first.
var worseStates = [...]string{"off", "stopped", "down", "quota", "budget", "open", "running"}

// destinations joins what the ledger has, of all replicas, with how this replica's queues stand.
func (a *API) destinations(open []channels.OpenCount, sent []channels.SentCount, s *channels.Sending) []destinationRow {
	rows := map[string]*destinationRow{}
	row := func(name string) *destinationRow {
		if rows[name] == nil {
			channel, _, _ := strings.Cut(name, ":")
			rows[name] = &destinationRow{Destination: name, Channel: word("channel", channel), State: "elsewhere"}
		}
		return rows[name]
	}
	for i := range open {
		c := &open[i]
		r := row(c.Destination)
		r.Waiting, r.InHand, r.Parked = r.Waiting+c.Waiting, r.InHand+c.InHand, r.Parked+c.Parked
		if r.Oldest.IsZero() || !c.Oldest.IsZero() && c.Oldest.Before(r.Oldest) {
			r.Oldest = c.Oldest
		}
	}
	measured := map[string]bool{}
	for _, q := range a.cfg.Queues() {
		r := row(q.Destination)
		measured[q.Destination] = true
		r.PerSecond += q.PerSecond
		r.Limit += q.Limit
		r.Connections += q.Connections
		if r.State == "elsewhere" || slices.Index(worseStates[:], q.State) < slices.Index(worseStates[:], r.State) {
			r.State, r.Problem = q.State, q.Reason
		}
	}
	for _, c := range sent {
		r := row(c.Destination)
		if r.Today = c.Since; !measured[c.Destination] {
			r.PerSecond = float64(c.Lately) / 60
		}
	}
	out := []destinationRow{}
	limits, now := a.delivery(), a.now().In(a.zone())
	for _, r := range rows {
		if why := s.Standing(r.Destination); why != "" {
			r.State = why
		}
		var ramp int
		r.PerDay, r.PerMonth, r.WarmUpDay, ramp = limits.Allowed(r.Destination, now)
		if r.WarmUpDay > 0 && (r.PerDay == 0 || ramp < r.PerDay) {
			r.PerDay = ramp
		}
		r.StateLabel = word("queue", r.State)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(x, y destinationRow) int { return cmp.Compare(x.Destination, y.Destination) })
	return out
}

// steered is what a change of the setting sending answers.
type steered struct {
	Written
	Stop     string    `json:"stop,omitempty" doc:"Id of the stop: lift it by this."`
	Held     HeldCount `json:"held" doc:"What the change is about, counted in the ledger after it was saved."`
	Incoming int64     `json:"incoming" doc:"Decided, and not in the ledger yet, of whatever kind."`
}

type steeredOutput struct{ Body steered }

type stopInput struct {
	Body struct {
		Scope  string `json:"scope" enum:"all,channel,destination,journey,prefecture"`
		Value  string `json:"value,omitempty" maxLength:"200" doc:"email or line; channel:account[:group]; a journey's name; a prefecture as 東京都."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// stopSending holds messages back. Stopping what is stopped already changes nothing and counts again.
func (a *API) stopSending(ctx context.Context, in *stopInput) (*steeredOutput, error) {
	c, b := callOf(ctx), &in.Body
	x, err := channels.NewStop(c.request, b.Scope, b.Value, c.caller.name, b.Reason, a.cfg.Now())
	if err != nil {
		return nil, err
	}
	if err := a.checkStop(ctx, &x); err != nil {
		return nil, err
	}
	return a.steer(ctx, b.Reason, func(s *channels.Sending) (*channels.Stop, error) {
		for i := range s.Stops {
			if s.Stops[i].Scope == x.Scope && s.Stops[i].Value == x.Value {
				return &s.Stops[i], nil
			}
		}
		if len(s.Stops) == channels.MaxStops {
			return nil, refusal(enishi.Conflict, "there are "+strconv.Itoa(channels.MaxStops)+" stops: lift some, or stop everything", "停止が上限の "+strconv.Itoa(channels.MaxStops)+" 件に達しています。不要な停止を解除するか、すべてを停止してください。")
		}
		s.Stops = append(s.Stops, x)
		return &x, nil
	})
}

// checkStop refuses what could hold nothing: in an emergency a slip of the pen must not look like a stop.
func (a *API) checkStop(ctx context.Context, x *channels.Stop) error {
	switch x.Scope {
	case channels.ScopeDestination:
		known, err := a.knownDestinations(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(known, func(d string) bool { return x.Covers(d, "", "") }) {
			list := strings.Join(known, ", ")
			return enishi.FieldError("body.value", "there is no such destination, nor one that begins so; there are: "+list, "その宛先はありません。次のどれか、またはその先頭部分を指定してください: "+list)
		}
	case channels.ScopePrefecture:
		return checkPrefecture(x.Value)
	case channels.ScopeChannel:
		if _, known := words["channel."+x.Value]; !known || x.Value == "" {
			return enishi.FieldError("body.value", "there is no such channel", "その配信手段はありません。")
		}
	case channels.ScopeJourney:
		if len(a.cfg.Definitions.History("journey", x.Value)) == 0 {
			return enishi.FieldError("body.value", "there is no such journey or broadcast", "そのジャーニーや一斉配信はありません。")
		}
	}
	return nil
}

// knownDestinations are those that anything was or can be sent to.
func (a *API) knownDestinations(ctx context.Context) ([]string, error) {
	var known []string
	for _, channel := range append(enishi.MessageChannels(), enishi.NoticeChannel) {
		for _, purpose := range [...]string{"marketing", "transactional"} {
			account, _ := a.journeySettings().Destination(channel, purpose, "")
			if channel != "email" {
				known = append(known, channel+":"+account)
				continue
			}
			for _, group := range enishi.MailGroups() {
				known = append(known, channel+":"+account+":"+group)
			}
		}
	}
	err := a.each(ctx, "SELECT DISTINCT toString(destination) FROM deliveries", nil, func(rows driver.Rows) error {
		var d string
		err := rows.Scan(&d)
		known = append(known, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read destinations: %w", err)
	}
	slices.Sort(known)
	return slices.Compact(known), nil
}

// checkPrefecture refuses a name that is no prefecture, with the one that may be meant.
func checkPrefecture(name string) error {
	all := segments.Prefectures()
	if slices.Contains(all, name) {
		return nil
	}
	for _, p := range all {
		if len([]rune(name)) >= 2 && (strings.HasPrefix(p, name) || strings.HasPrefix(name, strings.TrimRight(p, "都府県"))) {
			return enishi.FieldError("body.value", "there is no prefecture "+name+": do you mean "+p+"?", "「"+name+"」という都道府県はありません。「"+p+"」のことですか。")
		}
	}
	return enishi.FieldError("body.value", "there is no prefecture "+name+": write it as in an address, such as 東京都", "「"+name+"」という都道府県はありません。「東京都」のように書いてください。")
}

type resumeInput struct {
	Body struct {
		Stop        string `json:"stop,omitempty" maxLength:"32" doc:"Id of the stop to lift."`
		Destination string `json:"destination,omitempty" maxLength:"200" doc:"Instead: lets a destination try again that is down, out of quota or not answering, and what is parked for it."`
		Reason      string `json:"reason,omitempty" maxLength:"500"`
	}
}

func noStop() error {
	return refusal(enishi.NotFound, "there is no such stop: it may have been lifted", "その停止はありません。すでに解除されている可能性があります。")
}

// resumeSending lifts a stop, or lets a destination try again.
func (a *API) resumeSending(ctx context.Context, in *resumeInput) (*steeredOutput, error) {
	b := &in.Body
	if (b.Stop == "") == (b.Destination == "") {
		return nil, enishi.FieldError("body", "give either a stop or a destination", "停止か宛先のどちらか一方を指定してください。")
	}
	return a.steer(ctx, b.Reason, func(s *channels.Sending) (*channels.Stop, error) {
		if b.Destination != "" {
			if s.Again == nil {
				s.Again = map[string]int64{}
			}
			s.Again[b.Destination]++
			return &channels.Stop{Scope: channels.ScopeDestination, Value: b.Destination}, nil
		}
		i := slices.IndexFunc(s.Stops, func(x channels.Stop) bool { return x.ID == b.Stop })
		if i < 0 {
			return nil, noStop()
		}
		x := s.Stops[i]
		s.Stops = slices.Delete(s.Stops, i, i+1)
		return &x, nil
	})
}

type cancelInput struct {
	Body struct {
		Stop        string `json:"stop,omitempty" maxLength:"32" doc:"Id of the stop whose messages are dropped."`
		Destination string `json:"destination,omitempty" maxLength:"200" doc:"Instead: drops what is parked for a destination."`
		Reason      string `json:"reason,omitempty" maxLength:"500"`
	}
}

// cancelStopped drops what a stop holds; the stop stays, and drops what still comes, until it is lifted. Or it drops what is
// parked for a destination.
func (a *API) cancelStopped(ctx context.Context, in *cancelInput) (*steeredOutput, error) {
	b := &in.Body
	if (b.Stop == "") == (b.Destination == "") {
		return nil, enishi.FieldError("body.stop", "say either a stop or a destination", "停止か宛先のどちらか一方を指定してください。")
	}
	return a.steer(ctx, b.Reason, func(s *channels.Sending) (*channels.Stop, error) {
		if b.Destination != "" {
			if s.Discard == nil {
				s.Discard = map[string]time.Time{}
			}
			s.Discard[b.Destination] = a.cfg.Now().UTC()
			return &channels.Stop{Scope: channels.ScopeDestination, Value: b.Destination}, nil
		}
		i := slices.IndexFunc(s.Stops, func(x channels.Stop) bool { return x.ID == b.Stop })
		if i < 0 {
			return nil, noStop()
		}
		s.Stops[i].Drop = true
		return &s.Stops[i], nil
	})
}

type switchInput struct {
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) turnSending(ctx context.Context, in *switchInput, off bool) (*steeredOutput, error) {
	if !off && a.cfg.Moves != nil && a.cfg.Moves.Running() {
		return nil, refusal(enishi.Conflict, "a move in from another tool is under way: wait for its end, so that everybody who refuses is known", "ほかのツールからの移行が進行中です。配信停止がすべて取り込まれるまで、送信を再開できません。")
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return a.steer(ctx, reason, func(s *channels.Sending) (*channels.Stop, error) {
		s.Off = off
		return &channels.Stop{Scope: channels.ScopeAll}, nil
	})
}

func (a *API) turnSendingOff(ctx context.Context, in *switchInput) (*steeredOutput, error) {
	return a.turnSending(ctx, in, true)
}

func (a *API) turnSendingOn(ctx context.Context, in *switchInput) (*steeredOutput, error) {
	return a.turnSending(ctx, in, false)
}

// steerTries is how often a change of what may leave is made anew because somebody else made one at the same time: an
// emergency stop is not to be refused for that.
const steerTries = 5

// steer changes the setting sending and counts what the change is about.
func (a *API) steer(ctx context.Context, reason string, change func(*channels.Sending) (*channels.Stop, error)) (*steeredOutput, error) {
	out := &steeredOutput{}
	for try := range steerTries {
		s, version := a.savedSending()
		about, err := change(&s)
		if err != nil {
			return nil, err
		}
		scope := *about
		body, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		out.Body.Written, err = a.saveAs(ctx, enishi.Definition{Kind: "setting", Name: channels.SendingName, Expect: version, Body: body, Reason: reason}, strconv.Itoa(try))
		var e *enishi.Error
		if errors.As(err, &e) && e.Code == enishi.Conflict && try < steerTries-1 {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Body.Stop = scope.ID
		a.countHeld(ctx, &scope, out)
		return out, nil
	}
	return out, nil
}

// countHeld counts what a change is about. The change stands whether or not it can be counted.
func (a *API) countHeld(ctx context.Context, x *channels.Stop, out *steeredOutput) {
	open, err := a.deliveries().Open(ctx)
	if err == nil {
		out.Body.Held = heldBy(open, x)
		out.Body.Incoming, err = a.incoming(ctx)
	}
	if err != nil {
		a.log.Warn("what is held is not counted", "err", err)
		out.Body.Warnings = append(out.Body.Warnings, Text{"変更は反映されましたが、対象の件数はまだ数えられません。", "the change is made; what it is about cannot be counted now"})
	}
}
