package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

type contactInput struct {
	Month string `query:"month" maxLength:"7" doc:"As 2026-11, in the shop's time zone; this month unless said."`
}

type contactOutput struct{ Body contactPage }

// contactPage is how often people hear from the shop: advertising that left, by person.
type contactPage struct {
	Month     string           `json:"month"`
	Channels  []contactChannel `json:"channels" doc:"Each channel that may reach anybody or did in the month, mail and LINE always, and all together."`
	Overlaps  []contactOverlap `json:"overlaps" doc:"Who got messages of both in the month, the most first; at most 20 pairs."`
	Several   int64            `json:"several" doc:"People who got messages of two or more campaigns or journeys."`
	Unreached int64            `json:"unreached" doc:"People who may get advertising and got none for 90 days."`
	Through   time.Time        `json:"complete_through,omitzero"`
}

type contactChannel struct {
	Channel string         `json:"channel" enum:"email,line,sms,push,social,postal,all"`
	Counts  []contactCount `json:"counts" doc:"From 0 on; the last is that many or more."`
}

type contactCount struct {
	Messages int   `json:"messages"`
	People   int64 `json:"people" doc:"Of 0: who may get advertising and got none."`
}

type contactOverlap struct {
	A      string `json:"a"`
	ATitle Text   `json:"a_title"`
	B      string `json:"b"`
	BTitle Text   `json:"b_title"`
	People int64  `json:"people"`
}

const (
	mostContacts  = 10 // from here on counts are joined
	unreachedDays = 90
)

// contactMonth is a month of the shop: its first instant and the one after its last.
func (a *API) contactMonth(text string) (month string, from, to time.Time, err error) {
	zone := a.journeySettings().Zone()
	if text == "" {
		text = a.now().In(zone).Format("2006-01")
	}
	from, err = time.ParseInLocation("2006-01", text, zone)
	if err != nil {
		return "", from, to, enishi.FieldError("query.month", "write a month such as 2026-11", "月は 2026-11 のように書いてください。")
	}
	return text, from.UTC(), from.AddDate(0, 1, 0).UTC(), nil
}

// got are the advertisements that left in a range, of a channel unless it is "all".
func got(channel string) string {
	cond := "FROM sends FINAL WHERE purpose = 'marketing' AND sent_at > " + never + " AND sent_at >= fromUnixTimestamp64Milli({from:Int64}) AND sent_at < fromUnixTimestamp64Milli({to:Int64})"
	if channel != "all" {
		cond += " AND channel = '" + channel + "'"
	}
	return cond
}

// mayGet is whether advertising may go to a person by a channel.
func mayGet(channel string) string {
	if sql, ok := reachSQL[channel]; ok {
		return sql
	}
	return reachAny()
}

// contacted is the condition for the people with a number of messages in a month.
func contacted(channel string, n int) string {
	switch {
	case n == 0:
		return mayGet(channel) + " AND profile_id NOT IN (SELECT profile_id " + got(channel) + ")"
	case n >= mostContacts:
		return fmt.Sprintf("profile_id IN (SELECT profile_id %s GROUP BY profile_id HAVING count() >= %d)", got(channel), n)
	}
	return fmt.Sprintf("profile_id IN (SELECT profile_id %s GROUP BY profile_id HAVING count() = %d)", got(channel), n)
}

func (a *API) getContactLoad(ctx context.Context, in *contactInput) (*contactOutput, error) {
	month, from, to, err := a.contactMonth(in.Month)
	if err != nil {
		return nil, err
	}
	page := contactPage{Month: month, Overlaps: []contactOverlap{}}
	span := []any{millis("from", from), millis("to", to), millis("now", a.now())}
	for _, channel := range append(slices.Clone(reachChannels), "all") {
		c := contactChannel{Channel: channel, Counts: make([]contactCount, mostContacts+1)}
		for i := range c.Counts {
			c.Counts[i].Messages = i
		}
		zero, err := a.count(ctx, "SELECT count() FROM people FINAL WHERE "+contacted(channel, 0), span...)
		c.Counts[0].People = zero
		err = errors.Join(err, a.each(ctx, fmt.Sprintf("SELECT n, count() FROM (SELECT profile_id, least(count(), %d) AS n %s AND profile_id IN (SELECT profile_id FROM people FINAL) GROUP BY profile_id) GROUP BY n", mostContacts, got(channel)), span, func(rows driver.Rows) error {
			var n, people uint64
			err := rows.Scan(&n, &people)
			c.Counts[n].People = int64(people)
			return err
		}))
		if err != nil {
			return nil, fmt.Errorf("count messages by person: %w", err)
		}
		used := slices.ContainsFunc(c.Counts, func(x contactCount) bool { return x.People > 0 })
		if used || channel == "email" || channel == "line" || channel == "all" {
			page.Channels = append(page.Channels, c)
		}
	}
	journeysOf := "SELECT profile_id, arraySort(groupUniqArray(toString(journey))) AS js " + got("all") + " AND journey != '' GROUP BY profile_id HAVING length(js) > 1"
	if page.Several, err = a.count(ctx, "SELECT count() FROM ("+journeysOf+")", span...); err == nil {
		err = a.each(ctx, "SELECT pair.1, pair.2, count() AS n FROM (SELECT arrayJoin(arrayFlatten(arrayMap((x, i) -> arrayMap(y -> (x, y), arraySlice(js, i + 1)), js, arrayEnumerate(js)))) AS pair FROM ("+journeysOf+")) GROUP BY pair ORDER BY n DESC, pair LIMIT 20", span, func(rows driver.Rows) error {
			var x contactOverlap
			var n uint64
			err := rows.Scan(&x.A, &x.B, &n)
			x.People, x.ATitle, x.BTitle = int64(n), a.titles.journey(x.A), a.titles.journey(x.B)
			page.Overlaps = append(page.Overlaps, x)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("count people of several journeys: %w", err)
	}
	cond, args := a.unreached(unreachedDays)
	if page.Unreached, err = a.count(ctx, "SELECT count() FROM people FINAL WHERE "+cond, args...); err != nil {
		return nil, fmt.Errorf("count people who get nothing: %w", err)
	}
	page.Through, err = a.through(ctx)
	return &contactOutput{page}, err
}

// unreached is the condition for people who may get advertising and got none for some days.
func (a *API) unreached(days int) (cond string, args []any) {
	now := a.now()
	return contacted("all", 0), []any{millis("from", now.AddDate(0, 0, -days)), millis("to", now.Add(time.Hour)), millis("now", now)}
}

// contactPeople is the condition for the people behind a number of this page.
func (a *API) contactPeople(in *peopleInput) (cond string, args []any, err error) {
	if in.Unreached > 0 {
		cond, args = a.unreached(in.Unreached)
		return cond, args, nil
	}
	_, from, to, err := a.contactMonth(in.Month)
	if err != nil {
		return "", nil, err
	}
	args = []any{millis("from", from), millis("to", to), millis("now", a.now())}
	if in.Both != "" {
		names := strings.Split(in.Both, ",")
		return "profile_id IN (SELECT profile_id " + got("all") + " AND journey IN ({both:Array(String)}) GROUP BY profile_id HAVING uniqExact(journey) = {journeys:UInt64})",
			append(args, ch.Named("both", names), named("journeys", strconv.Itoa(len(names)))), nil
	}
	channel, number, _ := strings.Cut(in.Received, ":")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > mostContacts || channel != "all" && !slices.Contains(reachChannels, channel) {
		return "", nil, enishi.FieldError("query.received", "write a channel and a number of messages, as email:3", "email:3 のように、チャネルと通数を指定してください。")
	}
	return contacted(channel, n), args, nil
}
