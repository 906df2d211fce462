package journeys

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/profiles"
)

// Limit is how many messages of a purpose reach a person in a time.
type Limit struct {
	Channel string // "": all together
	Count   int
	Period  time.Duration
}

// Limits are the settings' caps of a purpose that count for a channel.
func (s *Settings) Limits(channel, purpose string) []Limit {
	var out []Limit
	if l := s.caps[purpose+"."+channel]; l.count > 0 {
		out = append(out, Limit{channel, l.count, s.scaled(l.period)})
	}
	if l := s.caps[purpose]; l.count > 0 {
		out = append(out, Limit{"", l.count, s.scaled(l.period)})
	}
	return out
}

// Chosen is how often a person gets advertising mail who chose so in the preference centre, by the value of
// [enishi.FrequencyTrait].
func Chosen() map[string]Limit {
	return map[string]Limit{"weekly": {"email", 1, 7 * 24 * time.Hour}, "monthly": {"email", 1, 30 * 24 * time.Hour}}
}

// checkCap: no more than so many messages in a time: as the person chose for advertising mail, as the journey says of itself,
// and as the settings say of a purpose and of one of its channels. What was decided counts, unless it ended without leaving or
// came back; so two journeys that decide in the same step do not both send.
func (a *attempt) checkCap() (bool, string) {
	purpose := a.j.Definition.Purpose
	if a.channel == "email" && purpose == marketing {
		if l, ok := Chosen()[a.p.View().Traits[enishi.FrequencyTrait].String()]; ok {
			full, last := a.capped(l.Count, l.Period, func(m *profiles.Message) bool { return m.Channel == l.Channel && m.Purpose == marketing })
			if full {
				return false, "1/" + itoa(int(l.Period.Hours()/24)) + "d chosen, last at " + instantText(last)
			}
		}
	}
	of := func(name string, l limit, counts func(*profiles.Message) bool) (bool, string) {
		full, first := a.capped(l.count, a.set.scaled(l.period), counts)
		if !full {
			return true, ""
		}
		return false, l.text + " " + name + ", again at " + instantText(first.Add(a.set.scaled(l.period)))
	}
	if l := a.j.cap; l.count > 0 {
		if ok, detail := of("journey", l, func(m *profiles.Message) bool { return m.Journey == a.j.Name }); !ok {
			return false, detail
		}
	}
	if l := a.set.caps[purpose+"."+a.channel]; l.count > 0 {
		if ok, detail := of(purpose+"."+a.channel, l, func(m *profiles.Message) bool { return m.Purpose == purpose && m.Channel == a.channel }); !ok {
			return false, detail
		}
	}
	if l := a.set.caps[purpose]; l.count > 0 {
		if ok, detail := of(purpose, l, func(m *profiles.Message) bool { return m.Purpose == purpose }); !ok {
			return false, detail
		}
	}
	return true, "none reached"
}

// capped reports whether as many messages count as are allowed; since is when the one was decided that has to fall out of
// the period for the next.
func (a *attempt) capped(count int, period time.Duration, counts func(*profiles.Message) bool) (full bool, since time.Time) {
	var newest []time.Time // the count newest, the oldest of them first
	messages := a.p.View().Messages
	for i := range messages {
		m := &messages[i]
		if m.SendID == a.send || m.DecidedAt.IsZero() || !a.now.Before(m.DecidedAt.Add(period)) || !counts(m) {
			continue
		}
		switch m.End {
		case "dropped", "refused", "failed", "bounced":
			continue
		}
		at := len(newest)
		for at > 0 && newest[at-1].After(m.DecidedAt) {
			at--
		}
		newest = slices.Insert(newest, at, m.DecidedAt)
		if len(newest) > count {
			newest = newest[1:]
		}
	}
	if len(newest) < count {
		return false, time.Time{}
	}
	return true, newest[0]
}

// checkHoldout: who is in the share of the shop, or of the journey, that gets nothing.
func (a *attempt) checkHoldout() (bool, string) {
	if a.k.Held {
		return false, "journey"
	}
	if h := a.set.Holdout; h > 0 && a.j.Definition.Purpose == marketing && share("holdout", a.p.ID) < h {
		return false, "all " + strconv.FormatFloat(h, 'f', -1, 64) + " %"
	}
	return true, ""
}

// share is a person's place in a whole, from 0 up to 100 (not included): by the name of what is shared and the person alone,
// so that it stays. The shares of different names are independent.
func share(name string, person enishi.ID) float64 {
	id := enishi.NewID("share", name, person.String())
	return float64(binary.BigEndian.Uint32(id[:4])) / (1 << 32) * 100
}

// checkQuiet: outside the quiet hours, on a day on which messages leave. It tells when that is, unless the message would be
// too old by then.
func (a *attempt) checkQuiet() (bool, string) {
	w := a.window(a.channel)
	opens := w.opens(a.now)
	switch {
	case opens.Equal(a.now):
		return true, ""
	case opens.IsZero() || !opens.Before(a.due.Add(a.n.sendBy)):
		return false, "too late when it ends"
	}
	a.opens = opens
	return false, "until " + instantText(opens)
}

// notAfter is until when a message may leave: its send-by, or before that the time when its hours or its window end.
func (a *attempt) notAfter() time.Time {
	limit := a.due.Add(a.n.sendBy)
	if !a.until.IsZero() && a.until.Before(limit) {
		limit = a.until
	}
	w := a.window(a.channel)
	if closes := w.closes(a.now); !closes.IsZero() && closes.Before(limit) {
		return closes
	}
	return limit
}
