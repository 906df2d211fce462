package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// Pasts reads the raw events of people: those of a list, or (nil) of all whose ids are within From and To, both included.
type Pasts struct {
	People   []enishi.ID // up to 5,000, sorted
	From, To enishi.ID
	// Journey is left out: what was told of its messages, but for what people said and addresses refused by them.
	Journey string
	// AsReceived: imported and late events are history, as they were for live work. Else they act at the moment at which they
	// happened.
	AsReceived bool
}

// Past calls each with what is known of one person after another, by id, each one's sorted for [Replay.Play]: the events at
// the instants at which they were appended, and the messages that other journeys decided. Who is who is as known now.
func (s *Store) Past(ctx context.Context, x Pasts, each func(id enishi.ID, past []Past) error) error {
	people := fmt.Sprintf("profile_id >= unhex('%s') AND profile_id <= unhex('%s')", x.From, x.To)
	if x.People != nil {
		people = "profile_id IN " + idList(x.People)
	}
	subjects := "SELECT subject, any(profile_id) AS person FROM identifiers FINAL WHERE " + people + " GROUP BY subject"
	decided, err := s.decided(ctx, &x, subjects)
	if err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	rows, err := s.DB.Query(ctx, `SELECT m.person, e.subject, e.appended_at, e.partition, e.offset, e.record
FROM (SELECT subject, appended_at, partition, offset, record FROM events FINAL WHERE subject IN (SELECT subject FROM (`+subjects+`)) AND record != '') AS e
INNER JOIN (`+subjects+`) AS m ON m.subject = e.subject
ORDER BY m.person, e.appended_at, e.partition, e.offset`)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var person enishi.ID
	var past []Past
	give := func() error {
		if len(past) == 0 {
			return nil
		}
		whole := mergePast(past, decided[person])
		past = nil
		return each(person, whole)
	}
	for rows.Next() {
		var id, subject, record string
		var at time.Time
		var partition uint16
		var offset int64
		if err := rows.Scan(&id, &subject, &at, &partition, &offset, &record); err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		if string(person[:]) != id {
			if err := give(); err != nil {
				return err
			}
			copy(person[:], id)
		}
		e := &enishi.Event{}
		if enishi.DecodeEvent(e, []byte(record)) != nil {
			continue // written by a later version
		}
		copy(e.Subject[:], subject)
		if at, ok := x.acts(e, at.UTC()); ok {
			past = append(past, Past{At: at, Event: e})
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return give()
}

// acts says when an event acts; false: it does not.
func (x *Pasts) acts(e *enishi.Event, appended time.Time) (time.Time, bool) {
	if r := e.Result; r != nil && r.Journey == x.Journey {
		switch e.Type {
		case "message.unsubscribed", "message.complained", "message.bounced":
			// Of the person and the address, whatever message it was about.
			own := *r
			own.SendID, own.RunID = enishi.ID{}, enishi.ID{}
			e.Result = &own
		default:
			return appended, false
		}
	}
	if x.AsReceived {
		return appended, true
	}
	// The order of rows is another than that of a file: ids alone tell repeats.
	e.Import = nil
	if e.Historical {
		e.Historical, appended = false, e.At.UTC().Truncate(time.Millisecond)
	}
	return appended, true
}

// decided are the messages that other journeys decided, by person, in order; calls of other systems count for nothing.
func (s *Store) decided(ctx context.Context, x *Pasts, subjects string) (map[enishi.ID][]Past, error) {
	out := map[enishi.ID][]Past{}
	rows, err := s.DB.Query(ctx, `SELECT m.person, d.subject, d.send_id, d.round, d.at, toString(d.journey), toString(d.node), d.run_id, toString(d.channel), toString(d.purpose), toString(d.template)
FROM (SELECT * FROM decisions FINAL WHERE subject IN (SELECT subject FROM (`+subjects+`)) AND sent = 1 AND channel != 'webhook' AND journey != `+quote(x.Journey)+`) AS d
INNER JOIN (`+subjects+`) AS m ON m.subject = d.subject
ORDER BY m.person, d.at, d.send_id, d.round`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var person, subject, send, run string
		var round uint32
		m := &profiles.Message{}
		if err := rows.Scan(&person, &subject, &send, &round, &m.DecidedAt, &m.Journey, &m.Node, &run, &m.Channel, &m.Purpose, &m.Template); err != nil {
			return nil, err
		}
		var id enishi.ID
		copy(id[:], person)
		copy(m.To[:], subject)
		copy(m.SendID[:], send)
		copy(m.RunID[:], run)
		m.Round, m.DecidedAt = int(round), m.DecidedAt.UTC()
		out[id] = append(out[id], Past{At: m.DecidedAt, Decided: m})
	}
	return out, rows.Err()
}

// quote is a text as a literal of SQL.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// mergePast puts what others decided among the events. At one instant the event comes first: it is what they decided by.
func mergePast(events, decided []Past) []Past {
	byTime := func(a, b Past) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) }
	out := append(events, decided...)
	slices.SortStableFunc(out, byTime)
	return out
}
