package api

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
)

// limitPair is how fast may be sent.
type limitPair struct {
	PerSecond   float64 `json:"per_second" doc:"0: no limit."`
	Connections int     `json:"connections" doc:"Calls at the same time; 0: not known here."`
}

// limitRow is a receiving system of an account with what may go there.
type limitRow struct {
	Destination string    `json:"destination"`
	Label       Text      `json:"label"`
	Preset      limitPair `json:"preset" doc:"Where the setting says nothing."`
	Now         limitPair `json:"now"`
	PerDay      int       `json:"per_day" doc:"Budget; 0: none."`
	PerMonth    int       `json:"per_month" doc:"Budget; 0: none."`
	Today       int64     `json:"today" doc:"Sent since midnight of the workspace."`
	Month       int64     `json:"month" doc:"Sent since the month began."`
	WarmUpDay   int       `json:"warm_up_day" doc:"From 1; 0: no warm-up, or it is over."`
	WarmUp      int       `json:"warm_up" doc:"Most advertising today by the warm-up; 0 before it begins."`
	Left        *int64    `json:"left,omitempty" doc:"Advertising that may still go today; absent: no limit."`
}

// rampRow is an account's warm-up.
type rampRow struct {
	Begin string `json:"begin" doc:"First day."`
	Day   int    `json:"day" doc:"Today's, from 1; 0 or below: it has not begun."`
	Days  []int  `json:"days" doc:"Most advertising to each receiving system that has no ramp of its own."`
	Over  bool   `json:"over" doc:"For every receiving system."`
}

type limitAccount struct {
	Account string     `json:"account" doc:"As email:default."`
	Channel string     `json:"channel" enum:"email,line,sms,push,social,postal,line_notice"`
	Rows    []limitRow `json:"rows"`
	WarmUp  *rampRow   `json:"warm_up,omitempty"`
}

// limitsPage is the setting delivery with what it makes of each destination.
type limitsPage struct {
	Delivery  channels.Delivery `json:"delivery" doc:"As saved."`
	Version   int64             `json:"version" doc:"0 while it was never saved."`
	History   []VersionRow      `json:"history"`
	May       bool              `json:"may" doc:"The caller may change it."`
	Inbox     bool              `json:"inbox" doc:"Mail goes to the inbox of development: the presets do not stand."`
	Virtual   bool              `json:"virtual" doc:"The shop's clock is virtual: nothing is limited."`
	Accounts  []limitAccount    `json:"accounts"`
	Ramp      []int             `json:"ramp" doc:"Of a warm-up that names no days."`
	Shares    map[string]int    `json:"shares" doc:"How a mail account's budget is divided unless the setting says it, in per cent."`
	KeepDays  int               `json:"keep_days" doc:"How long the ledger keeps what has ended, unless the setting says it."`
	KeepLeast int               `json:"keep_least"`
}

type limitsOutput struct{ Body limitsPage }

// getDeliveryLimits says for each destination what may go there, and where that comes from.
func (a *API) getDeliveryLimits(ctx context.Context, _ *struct{}) (*limitsOutput, error) {
	set, now := a.delivery(), a.now().In(a.zone())
	y, m, d := now.Date()
	sent, err := a.deliveries().Sent(ctx, time.Date(y, m, 1, 0, 0, 0, 0, a.zone()), time.Date(y, m, d, 0, 0, 0, 0, a.zone()))
	if err != nil {
		return nil, err
	}
	_, virtual := a.cfg.Folder.Clock().Virtual()
	page := limitsPage{Delivery: set, History: a.versions("setting", channels.DeliveryName), May: callOf(ctx).caller.role.includes(approver), Inbox: !a.cfg.MailReady, Virtual: virtual,
		Accounts: []limitAccount{}, Ramp: channels.DefaultWarmUp[:], Shares: channels.MailShares(), KeepDays: channels.DefaultKeepDays, KeepLeast: channels.MinKeepDays}
	if d, ok := a.cfg.Definitions.Current("setting", channels.DeliveryName); ok {
		page.Version = d.Version
	}
	counts := map[string]channels.SentCount{}
	for _, c := range sent {
		counts[c.Destination] = c
	}
	for _, name := range a.limitedAccounts(&set, slices.Sorted(maps.Keys(counts))) {
		page.Accounts = append(page.Accounts, a.limitsOf(name, &set, counts, now))
	}
	return &limitsOutput{page}, nil
}

// limitedAccounts are the accounts that the settings send by, that the setting delivery names, or that sent this month: mail
// first.
func (a *API) limitedAccounts(set *channels.Delivery, destinations []string) []string {
	names := map[string]bool{}
	for _, account := range a.mailAccounts() {
		names["email:"+account] = true
	}
	if a.cfg.LINE != nil {
		for _, account := range a.cfg.LINE.Names() {
			names["line:"+account] = true
		}
	}
	for i := range set.Limits {
		destinations = append(destinations, set.Limits[i].Destination)
	}
	for i := range set.WarmUp {
		destinations = append(destinations, set.WarmUp[i].Account)
	}
	for _, d := range destinations {
		if parts := strings.Split(d, ":"); len(parts) > 1 && parts[0] != "*" && parts[1] != "*" {
			names[parts[0]+":"+parts[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (a *API) limitsOf(name string, set *channels.Delivery, counts map[string]channels.SentCount, now time.Time) limitAccount {
	channel, account, _ := strings.Cut(name, ":")
	x := limitAccount{Account: name, Channel: channel}
	destinations := map[string]Text{name: word("channel", channel)}
	order := []string{name}
	if channel == "email" {
		order = order[:0]
		for _, group := range enishi.MailGroups() {
			d := name + ":" + group
			destinations[d], order = word("mail_group", group), append(order, d)
		}
	} else if o := a.lineAccount(account); o != nil {
		if s := o.Settings(); s.Title.JA != "" || s.Title.EN != "" {
			destinations[name] = Text(s.Title)
		}
	}
	running := false
	for _, d := range order {
		r := limitRow{Destination: d, Label: destinations[d], Today: counts[d].Lately, Month: counts[d].Since}
		preset, stands, _ := a.cfg.Limits(d)
		r.Preset, r.Now = limitPair{preset.PerSecond, preset.Workers}, limitPair{stands.PerSecond, stands.Workers}
		r.PerDay, r.PerMonth, r.WarmUpDay, r.WarmUp = set.Allowed(d, now)
		r.left()
		running = running || r.WarmUpDay > 0
		x.Rows = append(x.Rows, r)
	}
	if i := slices.IndexFunc(set.WarmUp, func(w channels.WarmUp) bool { return w.Account == name }); i >= 0 {
		w := &set.WarmUp[i]
		x.WarmUp = &rampRow{Begin: w.Begin, Day: w.Day(now), Days: w.Ramp(""), Over: !running}
	}
	return x
}

// left is the least of what the budgets and the warm-up leave for advertising today.
func (r *limitRow) left() {
	take := func(n int64) {
		n = max(n, 0)
		if r.Left == nil || n < *r.Left {
			r.Left = &n
		}
	}
	if r.PerDay > 0 {
		take(int64(r.PerDay) - r.Today)
	}
	if r.PerMonth > 0 {
		take(int64(r.PerMonth) - r.Month)
	}
	if r.WarmUpDay > 0 {
		take(int64(r.WarmUp) - r.Today)
	}
}
