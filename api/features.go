package api

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// featureRow is something computed of what a person did.
type featureRow struct {
	Name  string `json:"name"`
	Group string `json:"group" enum:"purchase,taste,rhythm,delivery,points,rank"`
	Label Text   `json:"label"`
	Value Text   `json:"value"`
	About Text   `json:"about" doc:"What it counts."`
	Where string `json:"where,omitempty" doc:"Who has the same, as a condition for GET /people?where=; empty: no condition says that."`
}

// featureList collects those that are known.
type featureList struct {
	rows []featureRow
}

func (l *featureList) add(group, name string, value, about Text, where string) {
	if !value.isZero() {
		l.rows = append(l.rows, featureRow{name, group, word("feature", name), value, about, where})
	}
}

// features are what follows from all that is known of a person; what is not known is left out.
func (a *API) features(v *profiles.View, now time.Time) []featureRow {
	l, zone, f := &featureList{rows: []featureRow{}}, a.zone(), &v.Features
	orders := Text{"キャンセルを除く注文。税込・値引きとポイント利用の後・送料を除く", "orders that were not cancelled; tax included, after discounts and points, without shipping"}
	if v.OrdersCount > 0 {
		aov := (v.LTV + enishi.Amount(v.OrdersCount/2)) / enishi.Amount(v.OrdersCount)
		l.add("purchase", "aov", plain(moneyText(roundYen(aov, v.Currency), v.Currency)), orders, "")
		l.add("purchase", "first_order", dayText(v.FirstOrderAt, now, zone), Text{"キャンセルを除く最初の注文", "the first order that was not cancelled"}, "")
	}
	if v.OrdersCount > 0 {
		l.add("purchase", "return_rate", Text{percent(f.Returned, v.OrdersCount) + fmt.Sprintf("（%d 件 / %d 件）", f.Returned, v.OrdersCount), percent(f.Returned, v.OrdersCount) + fmt.Sprintf(" (%d of %d)", f.Returned, v.OrdersCount)},
			Text{"返品を受け取った注文、荷物がすべて戻った注文の割合", "orders of which a return was received, or whose parcels all went back"}, "returned_orders >= 1")
	}
	a.tastes(l, v)
	a.rhythm(l, v, now)
	if f.Delivered > 0 {
		late := Text{percent(f.Late, f.Delivered) + fmt.Sprintf("（%d 個 / %d 個）", f.Late, f.Delivered), percent(f.Late, f.Delivered) + fmt.Sprintf(" (%d of %d)", f.Late, f.Delivered)}
		if !f.LastLateAt.IsZero() {
			d := dayText(f.LastLateAt, now, zone)
			late = joined(late, Text{"最後は " + d.JA, "the last on " + d.EN})
		}
		l.add("delivery", "late_rate", late, Text{"届いた荷物のうち、遅れの連絡があったもの、到着予定を 24 時間より過ぎて届いたもの", "of the parcels that arrived, those told as delayed or more than 24 hours after the estimate"}, "late_parcels >= 1")
	}
	if f.DeliveryTime > 0 {
		n := strconv.FormatFloat(f.DeliveryTime.Hours()/24, 'f', 1, 64)
		l.add("delivery", "delivery_days", Text{n + " 日", n + " days"}, Text{"注文から最後の荷物が届くまでの日数の中央値", "median days from the order to its last parcel"}, "")
	}
	if v.Points != 0 || len(v.Moves) > 0 {
		value := Text{commas(strconv.FormatInt(v.Points, 10)) + " pt", commas(strconv.FormatInt(v.Points, 10)) + " points"}
		if n, at := v.ExpiringPoints(now); n > 0 {
			d := dayText(at, now, zone)
			value = joined(value, Text{fmt.Sprintf("うち %s pt は %s まで", commas(strconv.FormatInt(n, 10)), d.JA), fmt.Sprintf("%s of them until %s", commas(strconv.FormatInt(n, 10)), d.EN)})
		}
		l.add("points", "points", value, Text{"残高。先に失効するポイントから使われたものとして数えます", "the balance; what was used is taken from what runs out first"}, "points >= 1")
	}
	a.rfmRanks(l, v, now)
	return l.rows
}

// tastes are what a person prefers.
func (a *API) tastes(l *featureList, v *profiles.View) {
	f := &v.Features
	pieces := Text{"注文した点数が最も多いもの（同じなら最近のもの）", "what most pieces bought have; of equal ones the latest"}
	for _, x := range []struct{ name, value string }{{"favourite_category", f.Category}, {"favourite_brand", f.Brand}, {"favourite_size", f.Size}} {
		l.add("taste", x.name, plain(x.value), pieces, x.name+" == "+strconv.Quote(x.value))
	}
	if v.MainStore != "" {
		l.add("taste", "main_store", plain(a.storeName(v.MainStore)), Text{"注文と来店の合計が最も多い店舗", "the store with most orders and visits together"}, "main_store == "+strconv.Quote(v.MainStore))
	}
	if f.Channel != "" {
		l.add("taste", "favourite_channel", word("touchpoint", f.Channel), Text{"注文が最も多いチャネル", "the channel of most orders"}, "favourite_channel == "+strconv.Quote(f.Channel))
	}
	hour, day := habits(v, a.zone())
	if hour >= 0 {
		l.add("taste", "favourite_hour", Text{fmt.Sprintf("%d 時台", hour), fmt.Sprintf("%d:00 to %d:59", hour, hour)}, Text{"サイト・アプリの行動（180 日以内）と注文が最も多い時間帯", "when most visits of the last 180 days and orders happened"}, "")
		l.add("taste", "favourite_weekday", word("weekday", strconv.Itoa(int(day))), Text{"サイト・アプリの行動（180 日以内）と注文が最も多い曜日", "the weekday of most visits of the last 180 days and orders"}, "")
	}
}

// leastHabit is how many visits and orders make a habit.
const leastHabit = 5

// habits are the hour and the weekday, in the shop's zone, of most visits and own orders; of equal ones the earlier, weeks from Monday.
// The hour is -1 with fewer than leastHabit.
func habits(v *profiles.View, zone *time.Location) (hour int, day time.Weekday) {
	var hours [24]int
	var days [7]int // from Monday
	n := 0
	add := func(at time.Time) {
		at = at.In(zone)
		hours[at.Hour()]++
		days[(int(at.Weekday())+6)%7]++
		n++
	}
	for i := range v.Visits {
		add(v.Visits[i].At)
	}
	for i := range v.Orders {
		if o := &v.Orders[i]; o.Valid && !o.Automatic {
			add(o.PlacedAt)
		}
	}
	if n < leastHabit {
		return -1, 0
	}
	most := func(list []int) int { return slices.Index(list, slices.Max(list)) }
	return most(hours[:]), time.Weekday((most(days[:]) + 1) % 7)
}

// rhythm is how often a person buys, and when the next order may be expected.
func (a *API) rhythm(l *featureList, v *profiles.View, now time.Time) {
	f := &v.Features
	if f.Rhythm == 0 {
		return
	}
	l.add("rhythm", "order_rhythm", Text{fmt.Sprintf("%d 日ごと", f.Rhythm), fmt.Sprintf("every %d days", f.Rhythm)},
		Text{"自分で注文した日の間隔の中央値（定期便を除く。24 時間以内の注文は 1 回と数えます）", "median days between own orders, without subscription orders; orders within 24 hours are one"}, "")
	zone := a.zone()
	d, from, to := dayText(f.NextOrderAt, now, zone), dayText(f.NextFrom, now, zone), dayText(f.NextTo, now, zone)
	value := Text{d.JA + " ごろ", "about " + d.EN}
	if from != to {
		value = Text{value.JA + "（" + from.JA + "〜" + to.JA + "）", value.EN + " (" + from.EN + " to " + to.EN + ")"}
	}
	about := Text{"最後の注文に購入間隔を足した日。かっこ内は、これまでの間隔の半分が収まる幅です。予測ではありません", "the latest order and the rhythm; in brackets the range that held half of the gaps so far. It is no prediction"}
	where := "next_order_at >= now()"
	if f.NextOrderAt.Before(now) {
		where = "next_order_at < now()"
	}
	if f.NextTo.Before(now) {
		value = joined(value, Text{"過ぎています", "past"})
	}
	l.add("rhythm", "next_order", value, about, where)
}

// ranks are the person's ranks by recency, frequency and money.
func (a *API) rfmRanks(l *featureList, v *profiles.View, now time.Time) {
	library := a.library()
	for _, name := range []string{"rfm_r", "rfm_f", "rfm_m"} {
		body, _ := json.Marshal(segments.Body{Expression: name + " >= 1"})
		s, err := library.Compile("", 0, body)
		if err != nil {
			continue // there is no such ranking any more
		}
		for _, r := range s.Explain(v, now) {
			if r.Found != "" {
				l.add("rank", name, plain(r.Found+" / 5"), Text{"全顧客を 5 つに分けた順位（5 が最高）", "among all people, cut into five; 5 is best"}, name+" == "+r.Found)
			}
		}
	}
}

// percent is a share without decimals; of a small one that is not nothing "1%".
func percent(n, of int64) string {
	x := math.Round(100 * float64(n) / float64(of))
	if x == 0 && n > 0 {
		x = 1
	}
	return strconv.FormatFloat(x, 'f', 0, 64) + "%"
}

// roundYen leaves out what the currency has no coin for.
func roundYen(m enishi.Amount, currency string) enishi.Amount {
	if c := strings.ToUpper(currency); c != "" && c != "JPY" {
		return m
	}
	return (m + enishi.Unit/2) / enishi.Unit * enishi.Unit
}
