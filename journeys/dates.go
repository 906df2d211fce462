package journeys

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// defaultWithin is how late a date entry may still begin, where the definition does not say.
const defaultWithin = 24 * time.Hour

// dateEntry checks an entry by a date of the person.
func (c *compiler) dateEntry(e *Entry) {
	if e.Date == "" {
		if e.Offset != "" || e.Time != "" || e.Yearly || e.Within != "" {
			c.problem("entry", "offset, time, yearly and within belong to date: leave them out", "offset、time、yearly、within は date と一緒に使います。ほかでは消してください")
		}
		return
	}
	m := &moment{Until: &Until{Date: e.Date, Offset: e.Offset, Time: e.Time, Yearly: e.Yearly}, minutes: -1}
	if !traitPattern.MatchString(e.Date) {
		c.problem("entry.date", "date names a trait that holds a date, such as birthday", "date には birthday のような、日付が入った顧客項目の名前を書いてください")
	}
	if len(c.j.entryTypes) > 0 || e.Segment != "" || e.Sweep || e.Key != "" {
		c.problem("entry", "an entry by a date has no event, segment, sweep or key: leave them out, and say by where who enters", "日付で始まるジャーニーに event、segment、sweep、key は使えません。消して、対象は where で絞ってください")
	}
	if e.Time != "" {
		if m.minutes = minutes(e.Time); m.minutes < 0 {
			c.problem("entry.time", "a time of day is written as 10:00", "時刻は 10:00 のように書いてください")
		}
	}
	if e.Offset != "" {
		text, before := strings.CutPrefix(e.Offset, "-")
		if m.offset = c.duration("entry.offset", text); before {
			m.offset = -m.offset
		}
		if m.offset < -maxOffset || m.offset > maxOffset {
			c.problem("entry.offset", "an offset is at most 180 days", "offset は 180 日までにしてください")
		}
	}
	c.j.within = defaultWithin
	if e.Within != "" {
		if c.j.within = c.duration("entry.within", e.Within); c.j.within > maxWithin {
			c.problem("entry.within", "within is at most 30 days: a greeting that late is none", "within は 30 日までにしてください")
		}
	}
	c.j.date = m
}

// Bounds of an entry by a date: so that a year has one moment, and no two years meet.
const (
	maxOffset = 180 * 24 * time.Hour
	maxWithin = 30 * 24 * time.Hour
)

// eventless: no event is at hand where a run begins.
func (e *Entry) eventless() bool { return e.Segment != "" || e.Date != "" }

// dates keeps when the journeys that begin on a date are due for the person, and begins those whose moment has come. What a
// moment follows from stands beside it and is compared in each step: what the step is for would not do, because a trait may be
// told of as changed or not by what happens to be in memory.
func (s *stepper) dates(t *Trigger) {
	js, p := s.env.Journeys, s.p
	if len(js.dated)+len(p.Dates) == 0 {
		return
	}
	for i := 0; i < len(p.Dates); i++ {
		switch d := &p.Dates[i]; {
		case js.datedBy(d.Journey):
		case d.Done == "" || js.current[d.Journey] == nil:
			p.Dates = slices.Delete(slices.Clone(p.Dates), i, i+1)
			i--
		case !d.At.IsZero(): // paused or archived: it keeps for what year the person has entered
			p.Dates = slices.Clone(p.Dates)
			p.Dates[i] = profiles.DateEntry{Journey: d.Journey, Done: d.Done}
		}
	}
	zone := s.zone()
	for _, j := range js.dated {
		of := s.p.View().Traits[j.date.Date].String()
		at, known := slices.BinarySearchFunc(p.Dates, j.Name, func(d profiles.DateEntry, name string) int { return strings.Compare(d.Journey, name) })
		if of == "" && !known {
			continue
		}
		d := profiles.DateEntry{Journey: j.Name}
		if known {
			d = p.Dates[at]
			if due := !d.At.IsZero() && !d.At.After(s.now); !due && d.Version == j.Version && d.Of == of && d.Zone == zone.String() {
				continue
			}
		}
		s.dated(j, &d, zone, t.Event != nil && t.Event.Historical)
		if d.At.IsZero() && d.Done == "" && of == "" {
			if known {
				p.Dates = slices.Delete(slices.Clone(p.Dates), at, at+1)
			}
			continue
		}
		d.Version, d.Of, d.Zone = j.Version, strings.Clone(of), zone.String()
		if p.Dates = slices.Clone(p.Dates); known {
			p.Dates[at] = d
		} else {
			p.Dates = slices.Insert(p.Dates, at, d)
		}
	}
}

// dated finds the next moment of a journey for the person, and begins the journey when it has come. A historical event starts
// nothing: the timer does.
func (s *stepper) dated(j *Journey, d *profiles.DateEntry, zone *time.Location, historical bool) {
	before := d.At
	at, key := s.occurrence(j, d.Done, zone)
	if !before.IsZero() && !before.Add(j.within).After(s.now) && !at.Equal(before) {
		s.missed(j, before)
	}
	if !at.IsZero() && !at.After(s.now) && !historical {
		d.Done = key
		s.begin(j, entry{date: key, due: at})
		at, _ = s.occurrence(j, d.Done, zone)
	}
	d.At = at.UTC()
}

// datedBy reports whether a journey begins on a date.
func (s *Set) datedBy(name string) bool {
	return slices.ContainsFunc(s.dated, func(j *Journey) bool { return j.Name == name })
}

// occurrence is the next moment of a journey's date for the person that is not over (within) nor done, and its key: the year,
// or the day of a date that does not return. Zero: there is none.
func (s *stepper) occurrence(j *Journey, done string, zone *time.Location) (at time.Time, key string) {
	year, in := s.anniversary(j.date, zone)
	if in == nil {
		return time.Time{}, ""
	}
	over := func(at time.Time) bool { return !at.Add(j.within).After(s.now) }
	if !j.date.Yearly {
		at := in(year)
		if key := at.Add(-j.date.offset).In(zone).Format(time.DateOnly); key != done && !over(at) {
			return at.Truncate(time.Millisecond), key
		}
		return time.Time{}, ""
	}
	last, _ := strconv.Atoi(done[:min(len(done), 4)])
	first := s.now.In(zone).Year() - 1 // an offset may bring a moment into the year before or after
	if year > 0 {
		first = max(first, year) // the day itself is no anniversary
	}
	for y := max(first, last+1); y <= max(first, last)+3; y++ {
		if at := in(y); !over(at) {
			return at.Truncate(time.Millisecond), strconv.Itoa(y)
		}
	}
	return time.Time{}, ""
}

// anniversary reads a date of the person: its year (0: not known), and when the moment by it is in a year. in is nil when the
// person does not have the date.
func (s *stepper) anniversary(m *moment, zone *time.Location) (year int, in func(year int) time.Time) {
	value := s.p.View().Traits[m.Date]
	at, ok := value.Any().(time.Time)
	var month, date int
	if ok {
		d := dayOf(at.In(zone))
		year, month, date = d.year, int(d.month), d.date
	} else if year, month, date = segments.ParseBirthday(value.String()); month == 0 || year == 0 && !m.Yearly {
		return 0, nil
	}
	if date == 0 {
		date = 1 // the month alone is known
	}
	return year, func(year int) time.Time {
		d := date
		if month == 2 && d == 29 && time.Date(year, 2, 29, 0, 0, 0, 0, time.UTC).Day() != 29 {
			d = 28
		}
		return day{year, time.Month(month), d}.at(orElse(m.minutes, 10*60), zone).Add(m.offset)
	}
}

// missed says that a moment passed while nobody was awake, and that it is too late now.
func (s *stepper) missed(j *Journey, at time.Time) {
	s.out.Derived = append(s.out.Derived, enishi.Derived{
		ID:   enishi.NewID("derived", TypeRefused, j.Name, s.p.ID.String(), "late", instantText(at)),
		Type: TypeRefused, Subject: s.p.ID, At: s.now, Journey: j.Name, Version: j.Version, Reason: "late:" + instantText(at)})
}
