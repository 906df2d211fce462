package outflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/internal/clickhouse"
)

// tables reads changes and keeps positions.
type tables struct{ db *clickhouse.DB }

// position is how far a stream is in a partition: all versions of rows up to At have gone out.
type position struct {
	partition               int
	written                 uint64
	born                    int64 // version of the definition with which the stream of this name began
	replay                  int
	at                      uint64
	sent, leftOut, dead     uint64
	sentAt, updatedAt       time.Time
	code, problem, japanese string
	since, next             time.Time // of the problem: since when, and when it is tried again
}

const positionColumns = "partition, written, born, replay, position, sent, left_out, dead, sent_at, updated_at, code, problem, problem_ja, failing_since, next_try_at"

// positions are those of a stream.
func (t tables) positions(ctx context.Context, stream string) ([]position, error) {
	rows, err := t.db.Query(ctx, "SELECT "+positionColumns+" FROM stream_positions FINAL WHERE stream = {stream:String} ORDER BY partition", ch.Named("stream", stream))
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	defer rows.Close()
	var out []position
	for rows.Next() {
		var p position
		var partition uint16
		var replay uint32
		if err := rows.Scan(&partition, &p.written, &p.born, &replay, &p.at, &p.sent, &p.leftOut, &p.dead, &p.sentAt, &p.updatedAt, &p.code, &p.problem, &p.japanese, &p.since, &p.next); err != nil {
			return nil, fmt.Errorf("read positions: %w", err)
		}
		p.partition, p.replay = int(partition), int(replay)
		p.sentAt, p.updatedAt, p.since, p.next = moment(p.sentAt), moment(p.updatedAt), moment(p.since), moment(p.next)
		out = append(out, p)
	}
	return out, rows.Err()
}

// save writes positions; each is a write later than the one that was read.
func (t tables) save(ctx context.Context, stream string, list []*position) error {
	n := len(list)
	names, partitions, written, born, replay := make([]string, n), make([]uint16, n), make([]uint64, n), make([]int64, n), make([]uint32, n)
	at, sent, leftOut, dead := make([]uint64, n), make([]uint64, n), make([]uint64, n), make([]uint64, n)
	sentAt, updated, since, next := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	code, problem, japanese := make([]string, n), make([]string, n), make([]string, n)
	for i, p := range list {
		p.written++
		names[i], partitions[i], written[i], born[i], replay[i], at[i], sent[i], leftOut[i], dead[i] = stream, uint16(p.partition), p.written, p.born, uint32(p.replay), p.at, p.sent, p.leftOut, p.dead
		sentAt[i], updated[i], since[i], next[i] = ms(p.sentAt), ms(p.updatedAt), ms(p.since), ms(p.next)
		code[i], problem[i], japanese[i] = p.code, p.problem, p.japanese
	}
	return t.db.Insert(ctx, "stream_positions", []string{"stream", "partition", "written", "born", "replay", "position", "sent", "left_out", "dead", "sent_at", "updated_at", "code", "problem", "problem_ja", "failing_since", "next_try_at"}, n,
		names, partitions, written, born, replay, at, sent, leftOut, dead, sentAt, updated, code, problem, japanese, since, next)
}

// markers are up to which version the rows of each partition stand in the tables.
func (t tables) markers(ctx context.Context) (map[int]uint64, error) {
	rows, err := t.db.Query(ctx, "SELECT partition, max(seq) FROM partitions GROUP BY partition")
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	defer rows.Close()
	out := map[int]uint64{}
	for rows.Next() {
		var partition uint16
		var seq uint64
		if err := rows.Scan(&partition, &seq); err != nil {
			return nil, fmt.Errorf("read markers: %w", err)
		}
		out[int(partition)] = seq
	}
	return out, rows.Err()
}

// before is the position right before what was recorded from an instant on, by partition. marker was read before.
func (t tables) before(ctx context.Context, from time.Time, marker map[int]uint64) (map[int]uint64, error) {
	rows, err := t.db.Query(ctx, fmt.Sprintf("SELECT partition, min(version) FROM events WHERE appended_at >= fromUnixTimestamp64Milli(toInt64(%d), 'UTC') GROUP BY partition", from.UnixMilli()))
	if err != nil {
		return nil, fmt.Errorf("find where to begin: %w", err)
	}
	defer rows.Close()
	out := map[int]uint64{}
	for n, m := range marker {
		out[n] = m
	}
	for rows.Next() {
		var partition uint16
		var version uint64
		if err := rows.Scan(&partition, &version); err != nil {
			return nil, fmt.Errorf("find where to begin: %w", err)
		}
		// What stands after the marker may not be whole yet.
		out[int(partition)] = min(out[int(partition)], version-1)
	}
	return out, rows.Err()
}

// span is versions of a partition: after from, up to to.
type span struct {
	partition int
	from, to  uint64
}

// wanted is the condition of the rows of a stream within spans. Values stand as numbers, or as names that were checked.
func wanted(s *Stream, spans []span) string {
	types := make([]string, 0, 64)
	for _, t := range s.Types() {
		types = append(types, quote(t))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "type IN (%s) AND (", strings.Join(types, ", "))
	for i, x := range spans {
		if i > 0 {
			b.WriteString(" OR ")
		}
		fmt.Fprintf(&b, "(partition = %d AND version > %d AND version <= %d)", x.partition, x.from, x.to)
	}
	b.WriteByte(')')
	if !s.History {
		fmt.Fprintf(&b, " AND (historical = 0 OR type IN ('%s', '%s', '%s'))", enishi.TypeErased, enishi.TypePersonMerged, enishi.TypePersonUnmerged)
	}
	if len(s.Segments) > 0 {
		names := make([]string, len(s.Segments))
		for i, n := range s.Segments {
			names[i] = quote(n)
		}
		fmt.Fprintf(&b, " AND (type NOT IN ('%s', '%s') OR segment IN (%s))", enishi.TypeSegmentEntered, enishi.TypeSegmentLeft, strings.Join(names, ", "))
	}
	return b.String()
}

// quote writes a text as SQL.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// read are the rows of a stream within spans, each partition's in the order of the log: what happened, then what followed.
func (t tables) read(ctx context.Context, s *Stream, spans []span) ([]row, error) {
	rows, err := t.db.Query(ctx, `SELECT subject, event_id, run_id, send_id, toString(type), toString(source), toString(channel), toString(segment), toString(journey), toString(node), toString(message_channel), reason, record,
  order_id, product_id, toString(category), toString(store_id), toString(currency), amount, at, appended_at, partition, version, historical
FROM events WHERE `+wanted(s, spans)+`
ORDER BY partition, version, multiIf(record != '', 0, startsWith(type, 'person.'), 1, startsWith(type, 'segment.'), 2, 3), type, event_id LIMIT 1 BY partition, version, event_id`)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	defer rows.Close()
	var out []row
	for rows.Next() {
		var r row
		var subject, id, run, send string
		var partition uint16
		var historical uint8
		if err := rows.Scan(&subject, &id, &run, &send, &r.typ, &r.source, &r.touchpoint, &r.segment, &r.journey, &r.node, &r.channel, &r.reason, &r.record,
			&r.order, &r.product, &r.category, &r.store, &r.currency, &r.amount, &r.at, &r.appended, &partition, &r.version, &historical); err != nil {
			return nil, fmt.Errorf("read changes: %w", err)
		}
		copy(r.subject[:], subject)
		copy(r.id[:], id)
		copy(r.run[:], run)
		copy(r.send[:], send)
		r.at, r.appended, r.partition, r.historical = r.at.UTC(), r.appended.UTC(), int(partition), historical == 1
		out = append(out, r)
	}
	return out, rows.Err()
}

// pending counts what of a stream waits, and since when the oldest of it does. Conditions are not asked.
func (t tables) pending(ctx context.Context, s *Stream, spans []span) (n uint64, oldest time.Time, err error) {
	if len(spans) == 0 {
		return 0, time.Time{}, nil
	}
	err = t.db.QueryRow(ctx, "SELECT uniqExact(event_id), min(appended_at) FROM events WHERE "+wanted(s, spans)).Scan(&n, &oldest)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count changes that wait: %w", err)
	}
	return n, moment(oldest), nil
}

// people are what is known of people, as far as a stream asks.
func (t tables) people(ctx context.Context, s *Stream, ids []enishi.ID) (map[enishi.ID]*Person, error) {
	if len(ids) == 0 || !slices.ContainsFunc([]string{"customer_id", "email", "phone", "line_user_id", "name", "traits"}, s.has) {
		return nil, nil
	}
	out := map[enishi.ID]*Person{}
	for part := range slices.Chunk(ids, 1000) {
		in := make([]string, len(part))
		for i, id := range part {
			in[i] = "toFixedString(unhex('" + id.String() + "'), 16)"
		}
		rows, err := t.db.Query(ctx, "SELECT profile_id, customer_id, email, phone, line_user, family_name, given_name, toJSONString(traits) FROM people FINAL WHERE profile_id IN ("+strings.Join(in, ", ")+")")
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		for rows.Next() {
			var id, traits string
			var x, p Person
			if err := rows.Scan(&id, &x.CustomerID, &x.Email, &x.Phone, &x.LineUserID, &x.FamilyName, &x.GivenName, &traits); err != nil {
				rows.Close()
				return nil, fmt.Errorf("read people: %w", err)
			}
			take := func(field string, from string, to *string) {
				if s.has(field) {
					*to = from
				}
			}
			take("customer_id", x.CustomerID, &p.CustomerID)
			take("email", x.Email, &p.Email)
			take("phone", x.Phone, &p.Phone)
			take("line_user_id", x.LineUserID, &p.LineUserID)
			take("name", x.FamilyName, &p.FamilyName)
			take("name", x.GivenName, &p.GivenName)
			if s.has("traits") {
				if err := json.Unmarshal([]byte(traits), &p.Traits); err != nil {
					rows.Close()
					return nil, fmt.Errorf("read traits: %w", err)
				}
				for name := range p.Traits { // these are names and addresses: fields of their own
					if slices.Contains(nameTraits, name) || !s.has("address") && slices.Contains(addressTraits, name) {
						delete(p.Traits, name)
					}
				}
			}
			var pid enishi.ID
			copy(pid[:], id)
			out[pid] = &p
		}
		if err := rows.Close(); err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
	}
	return out, nil
}

var (
	nameTraits    = []string{"name", "family_name", "given_name", "family_name_kana", "given_name_kana"}
	addressTraits = []string{"postal_code", "city", "address1", "address2", "lat", "lon"}
)

// ms is an instant as a table has it; a missing one is 1970.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment undoes the missing instant of tables.
func moment(t time.Time) time.Time {
	if t.UnixMilli() <= 0 {
		return time.Time{}
	}
	return t.UTC()
}

// offsetOf is the offset in the log of a row's version.
func offsetOf(version uint64) int64 { return int64(version&(1<<48-1)) - 1 }

// deadTopic is what the dead letters of a stream name as their topic.
func deadTopic(stream string) string { return "stream:" + stream }
