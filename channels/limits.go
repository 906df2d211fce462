package channels

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"enishi"
)

// DeliveryName is the setting that bounds how fast and how much is sent, and says how long the ledger is kept.
const DeliveryName = "delivery"

// Delivery is that setting. The zero value leaves the presets of the routes.
type Delivery struct {
	Limits []LimitRule    `json:"limits,omitempty"`
	Shares map[string]int `json:"shares,omitempty"` // per cent of an account's mail by receiving system; see mailShares
	WarmUp []WarmUp       `json:"warm_up,omitempty"`
	// KeepDays is how long the ledger keeps what has ended; 0: [DefaultKeepDays].
	KeepDays int `json:"keep_days,omitempty"`
}

// LimitRule bounds the destinations of a name: channel:account:group, where * is any part and later parts may be missing.
// Of several rules the one with the most parts that are no * says each number; 0 leaves it to the others.
type LimitRule struct {
	Destination string  `json:"destination"`
	PerSecond   float64 `json:"per_second,omitempty"`
	Connections int     `json:"connections,omitempty"` // calls at the same time
	// PerDay and PerMonth are budgets, by the workspace's days. One of a whole account is divided over the receiving systems
	// by Shares: each of these has one owner, and no owner asks another.
	PerDay   int `json:"per_day,omitempty"`
	PerMonth int `json:"per_month,omitempty"`
}

// WarmUp raises what a new sender domain sends from day to day, so that receivers come to know it.
type WarmUp struct {
	Account string           `json:"account"`          // channel:account
	Begin   string           `json:"begin"`            // first day, 2026-04-01
	Days    []int            `json:"days,omitempty"`   // most messages to each receiving system on the first day, the second, ...; after the last there is no limit. Empty: [DefaultWarmUp]
	Groups  map[string][]int `json:"groups,omitempty"` // instead of Days for a receiving system
}

// DefaultWarmUp is a ramp that doubles, as senders use it for a domain that nobody knows yet: most messages a day to each
// receiving system.
var DefaultWarmUp = [...]int{50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 100_000}

// MailShares is how an account's budget is divided where the setting does not say it, in per cent by receiving system.
func MailShares() map[string]int { return maps.Clone(mailShares) }

// mailShares is how an account's budget is divided unless the setting says otherwise: an estimate for shops in Japan.
var mailShares = map[string]int{"gmail": 40, "yahoo_jp": 15, "icloud": 12, "docomo": 10, "softbank": 7, "au": 6, "outlook": 4, enishi.MailOther: 6}

// DefaultKeepDays is how long the ledger keeps what has ended: 13 months, so that a month can be compared with the same of the year before.
const DefaultKeepDays = 396

// MinKeepDays is the least: a link in a message names its ledger row, and the law wants the record of a month.
const MinKeepDays = 35

const (
	maxRules     = 200
	maxWarmUps   = 50
	maxRampDays  = 366
	maxPerSecond = 100_000
	maxWorkers   = 500
)

// ParseDelivery reads the setting. Its errors name the field.
func ParseDelivery(body []byte) (Delivery, error) {
	var d Delivery
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, enishi.FieldError("body.body", `limits are written as {"limits": [{"destination": "email:*:docomo", "per_second": 10, "connections": 2}], "warm_up": [{"account": "email:default", "begin": "2026-04-01"}]}: `+err.Error(),
			`送信の上限は {"limits": [{"destination": "email:*:docomo", "per_second": 10, "connections": 2}], "warm_up": [{"account": "email:default", "begin": "2026-04-01"}]} の形で書いてください。`)
	}
	if len(d.Limits) > maxRules || len(d.WarmUp) > maxWarmUps {
		return d, enishi.FieldError("body.limits", fmt.Sprintf("at most %d limits and %d warm-ups", maxRules, maxWarmUps), fmt.Sprintf("上限は %d 件、ウォームアップは %d 件までです。", maxRules, maxWarmUps))
	}
	for i := range d.Limits {
		if err := d.Limits[i].check(fmt.Sprintf("body.limits[%d]", i)); err != nil {
			return d, err
		}
	}
	for i := range d.WarmUp {
		if err := d.WarmUp[i].check(fmt.Sprintf("body.warm_up[%d]", i)); err != nil {
			return d, err
		}
	}
	if err := checkShares(d.Shares); err != nil {
		return d, err
	}
	if d.KeepDays != 0 && (d.KeepDays < MinKeepDays || d.KeepDays > 3660) {
		return d, enishi.FieldError("body.keep_days", fmt.Sprintf("the ledger is kept for %d to 3660 days", MinKeepDays), fmt.Sprintf("配信記録の保存期間は %d〜3660 日にしてください。", MinKeepDays))
	}
	return d, nil
}

func (r *LimitRule) check(field string) error {
	parts := strings.Split(r.Destination, ":")
	if !checkParts(parts) || len(parts) > 3 {
		return enishi.FieldError(field+".destination", "a destination is channel:account:group, such as email:*:docomo; groups of mail are "+strings.Join(enishi.MailGroups(), ", "),
			"宛先は「配信手段:アカウント:グループ」の形（例: email:*:docomo）で書いてください。メールのグループは "+strings.Join(enishi.MailGroups(), "、")+" です。")
	}
	if r.PerSecond < 0 || r.PerSecond > maxPerSecond || r.Connections < 0 || r.Connections > maxWorkers || r.PerDay < 0 || r.PerMonth < 0 {
		return enishi.FieldError(field, fmt.Sprintf("per_second is at most %d, connections at most %d, and nothing is below 0", maxPerSecond, maxWorkers),
			fmt.Sprintf("per_second は %d まで、connections は %d まで、いずれも 0 以上にしてください。", maxPerSecond, maxWorkers))
	}
	return nil
}

// checkParts tells whether a destination can exist: a slip of the pen would limit nothing.
func checkParts(parts []string) bool {
	if len(parts) == 0 || !slices.Contains(append(enishi.MessageChannels(), enishi.NoticeChannel, "*"), parts[0]) || slices.Contains(parts, "") {
		return false
	}
	return len(parts) < 3 || parts[0] == "email" && (parts[2] == "*" || slices.Contains(enishi.MailGroups(), parts[2]))
}

func (x *WarmUp) check(field string) error {
	parts := strings.Split(x.Account, ":")
	if len(parts) != 2 || !checkParts(parts) || strings.Contains(x.Account, "*") {
		return enishi.FieldError(field+".account", "the account is given as channel:account, such as email:default", "アカウントは「配信手段:アカウント」の形（例: email:default）で書いてください。")
	}
	if _, err := time.Parse(time.DateOnly, x.Begin); err != nil {
		return enishi.FieldError(field+".begin", "the first day is written as 2026-04-01", "初日は 2026-04-01 の形で書いてください。")
	}
	ramps := map[string][]int{"": x.Days}
	for group, days := range x.Groups {
		if !slices.Contains(enishi.MailGroups(), group) {
			return enishi.FieldError(field+".groups", "there is no group "+group+"; use "+strings.Join(enishi.MailGroups(), ", "), "「"+group+"」というグループはありません。"+strings.Join(enishi.MailGroups(), "、")+" のどれかにしてください。")
		}
		ramps[group] = days
	}
	for _, days := range ramps {
		if len(days) > maxRampDays || slices.ContainsFunc(days, func(n int) bool { return n < 1 }) {
			return enishi.FieldError(field+".days", fmt.Sprintf("a ramp has at most %d days of at least 1 message", maxRampDays), fmt.Sprintf("ウォームアップは %d 日まで、1 日 1 通以上にしてください。", maxRampDays))
		}
	}
	return nil
}

func checkShares(shares map[string]int) error {
	if len(shares) == 0 {
		return nil
	}
	sum := 0
	for group, n := range shares {
		if !slices.Contains(enishi.MailGroups(), group) || n < 0 {
			return enishi.FieldError("body.shares", "shares are per cent by group: "+strings.Join(enishi.MailGroups(), ", "), "配分はグループごとの % で書いてください。グループは "+strings.Join(enishi.MailGroups(), "、")+" です。")
		}
		sum += n
	}
	if sum > 100 {
		return enishi.FieldError("body.shares", "the shares are more than 100 per cent together", "配分の合計が 100% を超えています。")
	}
	return nil
}

// covers tells whether a destination is meant, and how narrowly.
func (r *LimitRule) covers(destination string) (weight int, ok bool) {
	parts := strings.Split(destination, ":")
	rule := strings.Split(r.Destination, ":")
	if len(rule) > len(parts) {
		return 0, false
	}
	for i, x := range rule {
		if x != "*" && x != parts[i] {
			return 0, false
		}
		if x != "*" {
			weight++
		}
	}
	return weight, true
}

// of is what the rules make of a route's own limit.
func (d *Delivery) of(destination string, l Limit) Limit {
	best := [4]int{-1, -1, -1, -1}
	parts := strings.Split(destination, ":")
	for i := range d.Limits {
		r := &d.Limits[i]
		weight, ok := r.covers(destination)
		if !ok {
			continue
		}
		narrower := func(at int, set bool) bool {
			if !set || weight <= best[at] {
				return false
			}
			best[at] = weight
			return true
		}
		if narrower(0, r.PerSecond > 0) {
			l.PerSecond, l.Burst = r.PerSecond, 0
		}
		if narrower(1, r.Connections > 0) {
			l.Workers = r.Connections
		}
		if narrower(2, r.PerDay > 0) {
			l.PerDay = d.share(r, parts, r.PerDay)
		}
		if narrower(3, r.PerMonth > 0) {
			l.PerMonth = d.share(r, parts, r.PerMonth)
		}
	}
	return l
}

// share is the part of a budget that a destination has: all of it, or of an account's one its group's.
func (d *Delivery) share(r *LimitRule, parts []string, n int) int {
	if len(parts) < 3 || strings.Count(r.Destination, ":") == 2 && !strings.HasSuffix(r.Destination, ":*") {
		return n
	}
	shares := d.Shares
	if len(shares) == 0 {
		shares = mailShares
	}
	return max(n*shares[parts[2]]/100, 1)
}

// warmUp is the day of the ramp that a destination is on, from 1, and how much may go that day. day 0: there is no ramp, or
// it is over. Before it begins nothing may go.
func (d *Delivery) warmUp(destination string, now time.Time) (day, most int) {
	parts := strings.Split(destination, ":")
	for i := range d.WarmUp {
		x := &d.WarmUp[i]
		if !matches(x.Account, destination) {
			continue
		}
		group := ""
		if len(parts) > 2 {
			group = parts[2]
		}
		days, n := x.Ramp(group), x.Day(now)
		switch {
		case n < 1:
			return 1, 0
		case n <= len(days):
			return n, days[n-1]
		}
	}
	return 0, 0
}

// Ramp is the most messages of each day to a receiving system; of no one (""), to those that have none of their own.
func (x *WarmUp) Ramp(group string) []int {
	if days := x.Groups[group]; len(days) > 0 {
		return days
	}
	if len(x.Days) > 0 {
		return x.Days
	}
	return DefaultWarmUp[:]
}

// Day is the day of the ramp at an instant of the workspace's clock, from 1; below 1 it has not begun.
func (x *WarmUp) Day(now time.Time) int {
	begin, err := time.ParseInLocation(time.DateOnly, x.Begin, now.Location())
	if err != nil { // none is saved that does not read
		return maxRampDays + 1
	}
	return daysBetween(begin, now) + 1
}

// Allowed is what may go to a destination at an instant of the workspace's clock: a day and a month by budget (0: no limit),
// and the day of the warm-up (0: none) with what it lets go.
func (d *Delivery) Allowed(destination string, now time.Time) (perDay, perMonth, warmUpDay, warmUp int) {
	l := d.of(destination, Limit{})
	warmUpDay, warmUp = d.warmUp(destination, now)
	return l.PerDay, l.PerMonth, warmUpDay, warmUp
}

// daysBetween counts calendar days, whatever their length.
func daysBetween(from, to time.Time) int {
	civil := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return int(civil(to).Sub(civil(from)).Hours() / 24)
}

// Keep is how long the ledger keeps what has ended.
func (d *Delivery) Keep() time.Duration {
	days := d.KeepDays
	if days == 0 {
		days = DefaultKeepDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// limiterOf is the limiter of a rate; nil: no limit.
func limiterOf(l Limit) *rate.Limiter {
	if l.PerSecond <= 0 {
		return nil
	}
	burst := l.Burst
	if burst <= 0 {
		burst = max(1, int(l.PerSecond/10))
	}
	return rate.NewLimiter(rate.Limit(l.PerSecond), burst)
}
