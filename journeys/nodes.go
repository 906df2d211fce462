package journeys

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of nodes.
const (
	maxWays   = 10
	maxTraits = 20
	maxPoints = 1_000_000
)

var (
	journeyPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}$`)
	traitPattern   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// waitNode checks a wait: one thing that it waits for, and a time limit where it could wait for ever.
func (c *compiler) waitNode(n *node) {
	kinds := 0
	for _, given := range []bool{n.For != "", n.Until != nil, n.UntilEvent != nil, n.UntilTrue != ""} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		c.nodeProblem(n.id, "", "a wait needs one of for, until, until_event and until_true", "待ち方を for、until、until_event、until_true のどれか 1 つで指定してください")
		return
	}
	path := "nodes." + n.id + "."
	switch {
	case n.For != "":
		n.wait, n.timed = c.duration(path+"for", n.For), true
	case n.Until != nil:
		n.when = c.moment(n, n.Until)
	case n.UntilEvent != nil:
		n.until = c.condition(path+"until_event", n.UntilEvent)
	default:
		n.holds = c.expression(path+"until_true", n.UntilTrue, !c.def.Entry.eventless())
	}
	limited := n.UntilEvent != nil || n.UntilTrue != ""
	switch {
	case limited && n.Timeout == "":
		c.nodeProblem(n.id, "", "timeout is missing, without which a person would stand here for ever: add one, such as 3d", "timeout がありません（永久に待ち続けます）。3d のように指定してください")
	case limited:
		n.wait, n.timed = c.duration(path+"timeout", n.Timeout), true
	case n.Timeout != "":
		c.nodeProblem(n.id, "timeout", "timeout belongs to until_event and until_true: leave it out", "timeout は until_event か until_true と一緒に使います。ほかでは消してください")
	case n.OnTimeout != "" && (n.Until == nil || n.Until.Date == ""):
		c.nodeProblem(n.id, "on_timeout", "on_timeout belongs to timeout, or to a date that the person may not have: leave it out", "on_timeout は timeout か、until の date と一緒に使います。ほかでは消してください")
	}
	if n.ResetOn != nil {
		if !n.timed {
			c.nodeProblem(n.id, "reset_on", "only for and timeout begin anew: leave reset_on out", "reset_on は for か timeout と一緒に使います。ほかでは消してください")
		}
		n.reset = c.condition(path+"reset_on", n.ResetOn)
	}
}

// moment is a compiled [Until].
type moment struct {
	*Until
	minutes int // of Time, -1: not given
	offset  time.Duration
}

func (c *compiler) moment(n *node, u *Until) *moment {
	m := &moment{Until: u, minutes: -1}
	problem := func(field, en, ja string) { c.nodeProblem(n.id, "until"+field, en, ja) }
	leads := 0
	for _, given := range []bool{u.Date != "", u.ShopHours, u.Cutoff, u.BestHour} {
		if given {
			leads++
		}
	}
	if leads > 1 || leads == 0 && u.Time == "" {
		problem("", "until needs one of time, date, shop_hours, cutoff and best_hour", "until には time、date、shop_hours、cutoff、best_hour のどれか 1 つを指定してください")
	}
	if u.Time != "" {
		if m.minutes = minutes(u.Time); m.minutes < 0 || u.ShopHours || u.Cutoff {
			problem(".time", "a time of day is written as 10:00, and shop_hours and cutoff have none", "時刻は 10:00 のように書いてください（shop_hours と cutoff には指定できません）")
		}
	}
	for i, name := range u.Weekdays {
		if !slices.Contains(weekdays(), name) {
			problem(".weekdays["+itoa(i)+"]", "use one of "+strings.Join(weekdays(), ", "), strings.Join(weekdays(), "、")+" のどれかにしてください")
		}
	}
	if u.Day != "" && !slices.Contains([]string{"business", "open", "payday"}, u.Day) {
		problem(".day", "use business, open or payday", "business、open、payday のどれかにしてください")
	}
	if leads > 0 && (len(u.Weekdays) > 0 || u.Day != "") {
		problem("", "weekdays and day belong to time alone: leave them out", "weekdays と day は time だけのときに使えます。消してください")
	}
	if u.Date != "" && !traitPattern.MatchString(u.Date) {
		problem(".date", "date names a trait that holds a date, such as birthday", "date には日付が入った顧客項目の名前を書いてください")
	}
	if u.Date == "" && (u.Offset != "" || u.Yearly) {
		problem("", "offset and yearly belong to date: leave them out", "offset と yearly は date と一緒に使います。ほかでは消してください")
	}
	if u.Offset != "" {
		text, before := strings.CutPrefix(u.Offset, "-")
		if m.offset = c.duration("nodes."+n.id+".until.offset", text); before {
			m.offset = -m.offset
		}
	}
	return m
}

func (c *compiler) splitNode(n *node) {
	if len(n.Ways) < 2 || len(n.Ways) > maxWays {
		c.nodeProblem(n.id, "ways", "a split has 2 to "+itoa(maxWays)+" ways", "分け方は 2〜"+itoa(maxWays)+" 個にしてください")
	}
	for i := range n.Ways {
		if w := &n.Ways[i]; w.Weight < 1 || w.Weight > 1000 {
			c.nodeProblem(n.id, "ways["+itoa(i)+"].weight", "a weight is 1 to 1000", "重みは 1〜1000 にしてください")
		} else if w.Title != nil {
			c.title("nodes."+n.id+".ways["+itoa(i)+"].title", w.Title)
		}
	}
}

func (c *compiler) updateNode(n *node) {
	if len(n.Set)+len(n.Clear) == 0 || len(n.Set)+len(n.Clear) > maxTraits {
		c.nodeProblem(n.id, "set", "set or clear 1 to "+itoa(maxTraits)+" traits", "設定・消去する項目は 1〜"+itoa(maxTraits)+" 個にしてください")
	}
	check := func(field, name string) {
		if !traitPattern.MatchString(name) {
			c.nodeProblem(n.id, field, "a trait's name has letters, digits and _", "顧客項目の名前は英数字と _ で書いてください")
		}
	}
	for _, name := range sortedKeys(n.Set) {
		if check("set."+name, name); n.Set[name].Any() == nil || len(n.Set[name].Text) > 1000 {
			c.nodeProblem(n.id, "set."+name, "a value is a text of at most 1,000 bytes, a number, true, false or an instant", "値は 1,000 バイトまでの文字、数値、true、false、日時のどれかにしてください")
		}
	}
	for i, name := range n.Clear {
		if check("clear["+itoa(i)+"]", name); n.Set[name].Any() != nil {
			c.nodeProblem(n.id, "clear["+itoa(i)+"]", name+" is set and cleared: do one of them", name+" が設定と消去の両方にあります。どちらか一方にしてください")
		}
	}
}

func (c *compiler) pointsNode(n *node) {
	p := n.Points
	switch {
	case p == nil || p.Amount < 1 || p.Amount > maxPoints:
		c.nodeProblem(n.id, "points", "1 to 1,000,000 points are given: {\"amount\": 500, \"reason\": \"…\"}", "付与するポイントは 1〜1,000,000 にしてください: {\"amount\": 500, \"reason\": \"…\"}")
		return
	case p.Reason == "" || len(p.Reason) > 300:
		c.nodeProblem(n.id, "points.reason", "give a reason of at most 300 bytes, as the person will read it", "お客様に見える理由（reason）を 300 バイトまでで書いてください")
	}
	if p.Expires != "" {
		n.expires = c.duration("nodes."+n.id+".points.expires", p.Expires)
	}
}

// next is when the expression may become true by time alone; zero: never.
func (x *expression) next(s *scope) time.Time {
	if x.op == "" {
		if x.person == nil {
			return time.Time{}
		}
		return x.person.NextChange(s.p.View(), s.now)
	}
	at := x.a.next(s)
	if x.b != nil {
		if b := x.b.next(s); at.IsZero() || !b.IsZero() && b.Before(at) {
			at = b
		}
	}
	return at
}

// wait lets a run rest at a wait node that nothing ends yet.
func (w *walk) wait(n *node) (next string, rests bool) {
	switch {
	case n.when != nil:
		at, known := w.moment(n.when)
		if !known && n.OnTimeout != "" {
			return n.OnTimeout, false
		}
		if !at.After(w.now) {
			return n.Next, false
		}
		w.r.Wait = newWait(w.now.Add(w.set.scaled(at.Sub(w.now))), w.now)
		return "", true
	case n.until != nil && w.already(n), n.holds != nil && n.holds.eval(w.scope(nil)):
		return n.Next, false
	}
	w.arm(n, w.now)
	return "", true
}

// arm sets the timer of a wait that begins at an instant.
func (w *walk) arm(n *node, from time.Time) {
	w.r.Wait = newWait(from.Add(w.set.scaled(n.wait)), from)
	if n.until != nil {
		w.r.Wait.Events = slices.Clone(n.until.types)
	}
	if n.holds != nil {
		w.watch(n)
	}
}

// watch brings the timer of a wait for a condition to when time alone may make it true.
func (w *walk) watch(n *node) {
	limit := w.r.Wait.Armed.Add(w.set.scaled(n.wait))
	if at := n.holds.next(w.scope(nil)); !at.IsZero() && at.After(w.now) && at.Before(limit) {
		limit = at
	}
	w.r.Wait.Until = limit
}

// moment is the first instant that fits, in whole minutes of the person's day; known is false when the person does not have
// the date.
func (w *walk) moment(m *moment) (at time.Time, known bool) {
	zone := w.zone()
	switch {
	case m.Date != "":
		return w.date(m, zone)
	case m.ShopHours:
		return w.opening(), true
	case m.Cutoff:
		return w.first(w.set.zone, w.set.almanac.cutoff, w.set.almanac.business), true
	case m.BestHour:
		if hour, ok := w.bestHour(zone); ok {
			return w.first(zone, hour*60, always), true
		}
		return w.first(zone, orElse(m.minutes, 12*60), always), true
	}
	return w.first(zone, m.minutes, func(d day) bool {
		a := w.set.almanac
		return (len(m.Weekdays) == 0 || slices.Contains(m.Weekdays, d.weekday())) &&
			(m.Day == "" || m.Day == "business" && a.business(d) || m.Day == "open" && !a.shut(d) || m.Day == "payday" && a.pays(d))
	}), true
}

func always(day) bool { return true }

func orElse(minutes, other int) int {
	if minutes < 0 {
		return other
	}
	return minutes
}

// first is the first instant from now on at a time of a day that fits; now when no day of a year does.
func (w *walk) first(zone *time.Location, minutes int, fits func(day) bool) time.Time {
	today := dayOf(w.now.In(zone))
	for i := range 366 {
		d := today.add(i)
		if at := d.at(minutes, zone); !at.Before(w.now) && fits(d) {
			return at
		}
	}
	return w.now
}

// opening is now while the shop is open, else when it opens.
func (w *walk) opening() time.Time {
	a := w.set.almanac
	today := dayOf(w.now.In(w.set.zone))
	if a.business(today) && !w.now.Before(today.at(a.from, w.set.zone)) && w.now.Before(today.at(a.to, w.set.zone)) {
		return w.now
	}
	return w.first(w.set.zone, a.from, a.business)
}

// date is a moment by a date of the person. One that is past is now, so that the run goes on.
func (w *walk) date(m *moment, zone *time.Location) (time.Time, bool) {
	year, in := w.anniversary(m, zone)
	if in == nil {
		return time.Time{}, false
	}
	if !m.Yearly {
		return later(in(year), w.now), true
	}
	this := w.now.In(zone).Year()
	for y := this - 1; y <= this+2; y++ {
		if t := in(y); !t.Before(w.now) {
			return t, true
		}
	}
	return w.now, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// leastReads is from how many reads on a person's hour is known.
const leastReads = 3

// bestHour is the hour of the day at which the person opened and clicked messages most, and came to the shop's pages; of equal
// ones the earliest from nine o'clock on.
func (w *walk) bestHour(zone *time.Location) (int, bool) {
	var hours [24]int
	n := 0
	count := func(at time.Time) {
		if !at.IsZero() {
			hours[at.In(zone).Hour()]++
			n++
		}
	}
	v := w.p.View()
	for i := range v.Messages {
		count(v.Messages[i].OpenedAt)
		count(v.Messages[i].ClickedAt)
	}
	for i := range v.Visits {
		count(v.Visits[i].At)
	}
	best := 9
	for i := range 24 {
		if h := (9 + i) % 24; hours[h] > hours[best] {
			best = h
		}
	}
	return best, n >= leastReads
}
