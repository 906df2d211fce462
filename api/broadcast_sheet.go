package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
	"enishi/journeys"
	"enishi/profiles"
	"enishi/segments"
)

type sheetInput struct {
	NamePath
	Links string `query:"links" enum:"check" required:"false" doc:"check: ask where the links of the templates lead; takes up to 20 seconds each."`
}

type sheetOutput struct{ Body sheetPage }

// sheetPage is what somebody looks at before sending: the consequence, before the click.
type sheetPage struct {
	Version  int64                `json:"version" doc:"To be sent with the command to send."`
	People   int64                `json:"people" doc:"In the segment, or on the list."`
	Sent     []sheetSum           `json:"sent" doc:"Who gets it, by channel."`
	Currency string               `json:"currency" doc:"Of cost."`
	Quota    *sheetQuota          `json:"quota,omitempty" doc:"Of LINE, when it goes there and the account has one."`
	LeftOut  []reasonSum          `json:"left_out" doc:"Who does not, by the first reason."`
	Previews []sheetPreview       `json:"previews" doc:"Up to three real people."`
	Lint     map[string]*lintPage `json:"lint" doc:"By template."`
	Stops    []problemDetail      `json:"stops" doc:"What stands against sending; empty: it may go."`
	SendBy   string               `json:"send_by"`
	Opens    map[string]time.Time `json:"opens" doc:"By channel: when its quiet hours end, if it would begin within them. Who lives in another time zone has other hours."`
	At       time.Time            `json:"at,omitzero" doc:"When it begins; of one that recurs the next time. Absent: at once."`
	Recurs   bool                 `json:"recurs,omitempty"`
	Approver string               `json:"approver" doc:"Whose role is asked for to send."`
	May      bool                 `json:"may" doc:"The caller has it."`
	Through  time.Time            `json:"complete_through,omitzero"`
}

// sheetSum is a channel's share with what it costs.
type sheetSum struct {
	Channel string         `json:"channel"`
	People  int64          `json:"people"`
	Cost    *enishi.Amount `json:"cost,omitempty" doc:"By the setting costs; absent: it names no price for the channel."`
}

// sheetQuota is the month's quota of the LINE account.
type sheetQuota struct {
	Limit int `json:"limit" doc:"Messages a month."`
	Left  int `json:"left" doc:"Without what is kept for notices."`
}

// costs is the body of the setting costs: what a message costs by channel.
type costs struct {
	Currency string                   `json:"currency,omitempty"` // JPY unless said
	Prices   map[string]enishi.Amount `json:"prices"`             // by channel
}

func parseCosts(body []byte) (costs, error) {
	c := costs{Currency: "JPY"}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(&c)
	for channel, price := range c.Prices {
		if !slices.Contains(reachChannels, channel) || price < 0 {
			err = errors.New(channel)
		}
	}
	if err != nil || len(c.Currency) != 3 {
		return c, enishi.FieldError("body.body", `costs are written as {"currency": "JPY", "prices": {"email": "0.3", "line": "3", "sms": "8"}}, a price for each message; channels are `+strings.Join(reachChannels, ", "),
			`費用の単価は {"currency": "JPY", "prices": {"email": "0.3", "line": "3", "sms": "8"}} の形で、1 通あたりの金額を書いてください。配信手段は `+strings.Join(reachChannels, "、")+` です。`)
	}
	return c, nil
}

type sheetPreview struct {
	Profile  enishi.ID `json:"profile"`
	Name     string    `json:"name"`
	Channel  string    `json:"channel"`
	Template string    `json:"template"`
	Subject  string    `json:"subject,omitempty" doc:"Of a mail, in place of the template's own."`
	Variant  string    `json:"variant,omitempty" doc:"Of a test: which one is shown, each in turn. Who is asked first gets which is decided when it is sent."`
}

func (a *API) getBroadcastSheet(ctx context.Context, in *sheetInput) (*sheetOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	out := &sheetOutput{sheetPage{Version: d.Version, Sent: []sheetSum{}, LeftOut: []reasonSum{}, Previews: []sheetPreview{}, Lint: map[string]*lintPage{}, Stops: []problemDetail{},
		Opens: a.sheetOpens(&b), SendBy: b.SendBy, At: a.begins(&b), Recurs: b.Schedule != nil, Approver: string(approver), May: callOf(ctx).caller.role.includes(approver)}}
	page := &out.Body
	if err := a.sheetCounts(ctx, &b, page); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(page.Sent, func(s sheetSum) bool { return s.Channel == "line" }) {
		if account := a.lineAccount(line.DefaultAccount); account != nil {
			if u := account.Quota.Usage(ctx); u.Limit > 0 {
				page.Quota = &sheetQuota{u.Limit, u.Left}
			}
		}
	}
	for _, name := range b.allTexts() {
		body, ok := a.current("template", name)
		if !ok {
			continue // said below
		}
		found, err := a.lint(name, body)
		if err != nil && enishi.ErrorCode(err) != enishi.Invalid {
			return nil, err
		}
		refused, err := a.preflight(ctx, name, body)
		if err != nil && enishi.ErrorCode(err) != enishi.Invalid {
			return nil, err
		}
		found = append(found, refused...)
		var links []askedLink
		if in.Links != "" {
			asked, dead, err := a.deadLinks(ctx, name, body)
			if err != nil && enishi.ErrorCode(err) != enishi.Invalid {
				return nil, err
			}
			found, links = append(found, dead...), asked
		}
		l := lintPageOf(found)
		l.Links = links
		page.Lint[name] = &l
	}
	if err := a.stopsBroadcast(ctx, &b); err != nil {
		var many interface{ Unwrap() []error }
		list := []error{err}
		if errors.As(err, &many) {
			list = many.Unwrap()
		}
		for _, err := range list {
			var e *enishi.Error
			if !errors.As(err, &e) {
				return nil, err
			}
			page.Stops = append(page.Stops, detailOf(e))
		}
	}
	page.Through, err = a.through(ctx)
	return out, err
}

// begins is when a broadcast that is not sent yet would begin; zero: at once.
func (a *API) begins(b *broadcastBody) time.Time {
	if next := a.upcoming(b, 1); len(next) > 0 {
		return next[0]
	}
	return b.At
}

// sheetOpens are the channels that would wait for the end of their quiet hours.
func (a *API) sheetOpens(b *broadcastBody) map[string]time.Time {
	settings, begin := a.journeySettings(), a.now()
	if at := a.begins(b); at.After(begin) {
		begin = at.UTC()
	}
	out := map[string]time.Time{}
	for _, channel := range b.Channels {
		if at := settings.Opens(&journeys.Definition{Purpose: cmp.Or(b.Purpose, profiles.Marketing)}, channel, begin); at.After(begin) {
			out[channel] = at
		}
	}
	return out
}

// stopsBroadcast is what stands against sending; nil: nothing.
func (a *API) stopsBroadcast(ctx context.Context, b *broadcastBody) error {
	var problems []error
	p, err := a.progress(ctx, true)
	if err != nil {
		return err
	}
	held, _ := a.sweeping()
	if b.List != "" {
		if _, ok := a.cfg.Definitions.Current(segments.KindList, b.List); !ok {
			problems = append(problems, &enishi.Error{Code: enishi.Conflict, Field: "list", Msg: "there is no list " + b.List, MsgJA: "リスト「" + b.List + "」がありません。"})
		}
	}
	names := slices.Clone(b.Exclude)
	if b.Segment != "" {
		names = append([]string{b.Segment}, names...)
	}
	for _, name := range names {
		d, ok := a.cfg.Definitions.Current("segment", name)
		if !ok {
			problems = append(problems, &enishi.Error{Code: enishi.Conflict, Field: "segment", Msg: "there is no segment " + name, MsgJA: "セグメント「" + name + "」がありません。"})
			continue
		}
		if s := a.stale(p, &d, p.sweep(&d), &held); s != nil {
			problems = append(problems, &enishi.Error{Code: enishi.Conflict, Field: "segment", Msg: "the segment " + name + " is not up to date: " + s.Text.EN, MsgJA: "セグメント「" + name + "」が最新ではありません: " + s.Text.JA})
		}
	}
	var templates []string
	for _, name := range b.allTexts() {
		if _, ok := a.current("template", name); !ok {
			problems = append(problems, &enishi.Error{Code: enishi.Conflict, Field: "templates", Msg: "there is no template " + name, MsgJA: "テンプレート「" + name + "」がありません。"})
		}
		templates = append(templates, name)
	}
	err = a.checkOpen(ctx, templates, func(name string) ([]byte, bool) { return a.current("template", name) })
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		problems = append(problems, many.Unwrap()...)
	} else if err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// sheetSQL is why a channel does not reach a person, in the order of the fold's checks; empty when it does.
var sheetSQL = map[string]string{
	"email": "multiIf(has_email = 0, 'address', suppressed_email = 1, 'suppression', NOT (%s), 'consent', %s, 'hold', {holdout}, 'holdout', {cap}, 'cap', '')",
	// What stands against these beside the permission is one flag in the table: without an address nothing else is told.
	"sms":    "multiIf(has_phone = 0, 'address', NOT (%s), 'consent', reach_sms = 0 AND consents['sms.marketing'] = 'in', 'suppression', %s, 'hold', {holdout}, 'holdout', {cap}, 'cap', '')",
	"push":   "multiIf(reach_push = 0 AND consents['push.marketing'] = 'in', 'address', NOT (%s), 'consent', %s, 'hold', {holdout}, 'holdout', {cap}, 'cap', '')",
	"social": "multiIf(social_action_at <= fromUnixTimestamp64Milli(0), 'address', NOT (%s), 'consent', social_reach_until <= fromUnixTimestamp64Milli({now:Int64}), 'window', %s, 'hold', {holdout}, 'holdout', {cap}, 'cap', '')",
	"postal": "multiIf(NOT (" + hasPostal + "), 'address', NOT (%s), 'consent', reach_postal = 0 AND consents['postal.marketing'] != 'out', 'suppression', %s, 'hold', {holdout}, 'holdout', {cap}, 'cap', '')",
	"line":   "multiIf(has_line = 0, 'address', NOT {friend}, 'suppression', NOT (%s), 'consent', %s, 'hold', {holdout}, 'holdout', {cap}, 'cap', '')",
}

// senderOf is the account by which a broadcast's messages on a channel leave.
func (a *API) senderOf(b *broadcastBody, channel string) string {
	if own := b.Accounts[channel]; own != "" {
		return own
	}
	account, _ := a.journeySettings().Destination(channel, cmp.Or(b.Purpose, "marketing"), "")
	return account
}

// friendSQL tells whether a person is a friend of a LINE account. Rows from before there were several tell of the default one.
func friendSQL(account string) string {
	friend := "has(line_accounts, " + quoteAll([]string{account}) + ")"
	if account == profiles.DefaultAccount {
		return "(" + friend + " OR empty(line_accounts) AND line_friend = 1)"
	}
	return friend
}

// capSQL tells who got as many messages as the settings allow, or as they chose to, as the fold's check "cap" does.
func capSQL(settings *journeys.Settings, channel, purpose string) string {
	full := func(l journeys.Limit) string {
		of := "purpose = '" + purpose + "'"
		if l.Channel != "" {
			of += " AND channel = '" + l.Channel + "'"
		}
		return fmt.Sprintf("profile_id IN (SELECT profile_id FROM sends FINAL WHERE %s AND end NOT IN ('dropped', 'refused', 'failed', 'bounced') AND decided_at > fromUnixTimestamp64Milli({now:Int64}) - toIntervalMillisecond(%d) GROUP BY profile_id HAVING count() >= %d)",
			of, l.Period.Milliseconds(), l.Count)
	}
	conds := []string{}
	for _, l := range settings.Limits(channel, purpose) {
		conds = append(conds, full(l))
	}
	if channel == "email" && purpose == profiles.Marketing {
		for chosen, l := range journeys.Chosen() {
			conds = append(conds, "traits['"+enishi.FrequencyTrait+"'] = '"+chosen+"' AND "+full(l))
		}
		slices.Sort(conds)
	}
	if len(conds) == 0 {
		return "0"
	}
	return "((" + strings.Join(conds, ") OR (") + "))"
}

// holdoutSQL tells who is in the holdout of the shop: journeys.Share, in SQL.
func holdoutSQL(settings *journeys.Settings, purpose string) string {
	if settings.Holdout <= 0 || purpose != profiles.Marketing {
		return "0"
	}
	hash := "SHA1(concat('share', char(0, 0, 0, 7), 'holdout', char(0, 0, 0, 32), lower(hex(profile_id))))"
	return fmt.Sprintf("reinterpretAsUInt32(reverse(substring(%s, 1, 4))) / 4294967296 * 100 < %v", hash, settings.Holdout)
}

// sheetWay is the way of a person in the segment, over the tables by the rules of the fold: '+CHANNEL' by which it goes, or why it
// does not.
func (a *API) sheetWay(b *broadcastBody) string {
	held := "NOT (" + notHeld + ")"
	if b.Purpose == "transactional" {
		held = "0"
	}
	settings, purpose := a.journeySettings(), cmp.Or(b.Purpose, profiles.Marketing)
	var each []string
	ways := ""
	for _, channel := range b.Channels {
		consent := "consents['" + channel + "." + b.Purpose + "'] = 'in'"
		if b.Purpose == "transactional" || channel == enishi.PostalChannel || channel == "social" { // as the fold has it
			consent = "consents['" + channel + "." + b.Purpose + "'] != 'out'"
		}
		why := strings.NewReplacer("{friend}", friendSQL(a.senderOf(b, channel)), "{holdout}", holdoutSQL(settings, purpose), "{cap}", capSQL(settings, channel, purpose)).Replace(fmt.Sprintf(sheetSQL[channel], consent, held))
		each = append(each, why)
		ways += why + " = '', '+" + channel + "', "
	}
	exclude := "0"
	if len(b.Exclude) > 0 {
		exclude = "profile_id IN (SELECT profile_id FROM memberships FINAL WHERE segment IN (" + quoteAll(b.Exclude) + "))"
	}
	return fmt.Sprintf("multiIf(%s, 'excluded', %sarraySort(x -> -%s, [%s])[1])", exclude, ways, furthest("x"), strings.Join(each, ", "))
}

// target is the condition for the people of a broadcast, before anybody is left out.
func (b *broadcastBody) target() (cond string, args []any) {
	if b.List != "" {
		return "has(lists, {target:String})", []any{named("target", b.List)}
	}
	in := "profile_id IN (SELECT profile_id FROM memberships FINAL WHERE segment = {target:String})"
	if b.Again == nil {
		return in, []any{named("target", b.Segment)}
	}
	vain := "max(clicked_at) = " + never
	if b.Again.Not == "opened" {
		vain += " AND max(opened_at) = " + never
	}
	again := `profile_id IN (SELECT s.profile_id FROM (SELECT profile_id, minIf(sent_at, sent_at > ` + never + `) AS since, countIf(sent_at > ` + never + `) AS n FROM sends FINAL WHERE journey = {again:String} GROUP BY profile_id HAVING n > 0 AND ` + vain + `) AS s
LEFT JOIN (SELECT profile_id, max(placed_at) AS last FROM orders FINAL WHERE valid = 1 AND automatic = 0 GROUP BY profile_id) AS o ON o.profile_id = s.profile_id WHERE o.last < s.since)`
	args = []any{named("again", b.Again.Of)}
	if b.Segment == "" {
		return again, args
	}
	return again + " AND " + in, append(args, named("target", b.Segment))
}

// sheetCounts counts by the rules of the fold, over the tables.
func (a *API) sheetCounts(ctx context.Context, b *broadcastBody, page *sheetPage) error {
	cond, args := b.target()
	query := fmt.Sprintf("SELECT %s AS way, count() AS n, groupArraySample(3, 1)(profile_id) FROM people FINAL WHERE %s GROUP BY way ORDER BY n DESC, way", a.sheetWay(b), cond)
	samples := map[string][]enishi.ID{}
	prices := costs{Currency: "JPY"}
	a.setting("costs", &prices)
	page.Currency = prices.Currency
	err := a.each(ctx, query, append(args, millis("now", a.now())), func(rows driver.Rows) error {
		var way string
		var n uint64
		var sample []string
		if err := rows.Scan(&way, &n, &sample); err != nil {
			return err
		}
		page.People += int64(n)
		channel, sent := strings.CutPrefix(way, "+")
		if !sent {
			page.LeftOut = append(page.LeftOut, reasonSum{way, leftOut(way), int64(n)})
			return nil
		}
		sum := sheetSum{Channel: channel, People: int64(n)}
		if price, ok := prices.Prices[channel]; ok {
			total := price * enishi.Amount(n)
			sum.Cost = &total
		}
		page.Sent = append(page.Sent, sum)
		for _, id := range sample {
			samples[channel] = append(samples[channel], idOf(id))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count the sheet of a broadcast: %w", err)
	}
	return a.sheetPreviews(ctx, b, page, samples)
}

// sheetPreviews shows three people, of each channel in turn.
func (a *API) sheetPreviews(ctx context.Context, b *broadcastBody, page *sheetPage, samples map[string][]enishi.ID) error {
	for i := range 3 {
		for _, s := range page.Sent {
			if i >= len(samples[s.Channel]) || len(page.Previews) == 3 {
				continue
			}
			people, err := a.personRows(ctx, samples[s.Channel][i:i+1])
			if err != nil {
				return err
			}
			for _, p := range people {
				x := sheetPreview{Profile: p.ID, Name: p.Name, Channel: s.Channel, Template: b.Templates[s.Channel], Subject: b.Subject}
				if b.Test != nil {
					n := len(page.Previews) % len(b.Test.Variants)
					v := &b.Test.Variants[n]
					x.Variant, x.Template, x.Subject = variantName(n), cmp.Or(v.Templates[s.Channel], x.Template), cmp.Or(v.Subject, x.Subject)
				}
				page.Previews = append(page.Previews, x)
			}
		}
	}
	return nil
}
