package audiences

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/segments/audiences/match"
)

// Tables are the ledger, the batches, the runs and the disclosures, and the tables of the fold that tell who is wanted.
type Tables struct {
	DB *clickhouse.DB
	// Number is the E.164 form of a number as it came in: the tables of the fold keep what customers wrote. Nil: numbers came in that form.
	Number func(raw string) (string, error)
	last   atomic.Uint64
}

// version rises with each write of this process; another that takes over begins at its own clock, after [Takeover].
func (t *Tables) version() uint64 {
	for {
		last := t.last.Load()
		next := max(last+1, uint64(time.Now().UnixNano()))
		if t.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

func column[T, V any](list []T, of func(*T) V) []V {
	out := make([]V, len(list))
	for i := range list {
		out[i] = of(&list[i])
	}
	return out
}

func repeat[V any](n int, v V) []V {
	out := make([]V, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func packKeys(keys []match.Key) []string {
	return column(keys, func(k *match.Key) string { return packKey(*k) })
}

// bounds are the first id of a range and the one behind its last one.
func bounds(from, to byte) (args []any, where string) {
	args = append(args, ch.Named("from", fmt.Sprintf("%02x%030d", from, 0)), ch.Named("to", fmt.Sprintf("%02x%s", to, strings.Repeat("f", 30))))
	return args, "profile_id >= toFixedString(unhex({from:String}), 16) AND profile_id <= toFixedString(unhex({to:String}), 16)"
}

func idList(ids []enishi.ID) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("toFixedString(unhex('" + id.String() + "'), 16)")
	}
	b.WriteByte(')')
	return b.String()
}

func collect[T any](ctx context.Context, db *clickhouse.DB, what string, scan func(driver.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return out, nil
}

// Members are the members of a segment in a range of ids.
func (t *Tables) Members(ctx context.Context, q *query, from, to byte) ([]candidate, error) {
	args, where := bounds(from, to)
	return t.candidates(ctx, q, where, "SELECT profile_id FROM memberships FINAL WHERE segment = {segment:String} AND "+where, append(args, ch.Named("segment", q.Segment))...)
}

// People are those of some ids, also those of whom nothing is known.
func (t *Tables) People(ctx context.Context, q *query, ids []enishi.ID) ([]candidate, error) {
	var out []candidate
	const most = 2000
	for len(ids) > 0 {
		n := min(most, len(ids))
		in := idList(ids[:n])
		page, err := t.candidates(ctx, q, "profile_id IN "+in, "SELECT arrayJoin(["+in[1:len(in)-1]+"]) AS profile_id")
		if err != nil {
			return nil, err
		}
		out, ids = append(out, page...), ids[n:]
	}
	return out, nil
}

// candidates joins people and their identifiers to ids; where bounds the other tables as the ids are. Somebody is told as one text: a row of many columns costs more to
// take apart than it does to read.
func (t *Tables) candidates(ctx context.Context, q *query, where, ids string, args ...any) ([]candidate, error) {
	args = append(args, ch.Named("consent", q.Consent), ch.Named("provider", q.LINE), ch.Named("currency", q.Currency))
	who := []string{"'' AS family", "'' AS given", "'' AS born", "'' AS sex", "'' AS zip", "'' AS country"}
	if q.Names { // the traits are the widest column
		who = []string{"family_name AS family", "given_name AS given", "birthday AS born", "toString(gender) AS sex", "traits['postal_code'] AS zip", "traits['country'] AS country"}
	}
	if who = append(who, "'' AS customer"); q.Customer {
		who[len(who)-1] = "customer_id AS customer"
	}
	scan := func(rows driver.Rows) (c candidate, err error) {
		var text string
		if err = rows.Scan(&text); err != nil {
			return c, err
		}
		u, p := unpacker{text: text}, &c.Person
		c.Profile, c.Found, c.Consent = u.id(), u.number() == 1, u.next()
		c.HoldUntil, c.Value = time.UnixMilli(u.number()).UTC(), enishi.Amount(u.number())
		p.Emails, p.Phones, p.LINE = split(u.next()), t.numbers(split(u.next())), u.next()
		p.Family, p.Given, p.Birthday, p.Gender, p.Zip, p.Country, p.Customer = u.next(), u.next(), u.next(), u.next(), u.next(), u.next(), u.next()
		return c, u.err
	}
	out, err := collect(ctx, t.DB, "who belongs into an audience", scan, "SELECT concat(m.profile_id, "+packed("p.found", "p.consent", "p.hold", "p.value", "i.emails", "i.phones", "i.line",
		"p.family", "p.given", "p.born", "p.sex", "p.zip", "p.country", "p.customer")+`)
		FROM (`+ids+`) AS m
		LEFT JOIN (SELECT profile_id, 1 AS found, consents[{consent:String}] AS consent, toUnixTimestamp64Milli(hold_until) AS hold, if(currency IN ('', {currency:String}), ltv, 0) AS value, `+strings.Join(who, ", ")+`
			FROM people FINAL WHERE `+where+`) AS p ON p.profile_id = m.profile_id
		LEFT JOIN (SELECT profile_id, arrayStringConcat(groupArrayIf(value, kind = 'email'), '\0') AS emails, arrayStringConcat(groupArrayIf(value, kind = 'phone'), '\0') AS phones,
			anyIf(value, kind = 'line' AND scope = {provider:String}) AS line FROM identifiers FINAL WHERE (`+where+`) AND kind IN ('email', 'phone', 'line') GROUP BY profile_id) AS i ON i.profile_id = m.profile_id`, args...)
	slices.SortFunc(out, func(a, b candidate) int { return a.Profile.Compare(b.Profile) })
	return out, err
}

// numbers leaves out what is none.
func (t *Tables) numbers(raw []string) []string {
	if t.Number == nil {
		return raw
	}
	out := raw[:0]
	for _, r := range raw {
		if n, err := t.Number(r); err == nil && n != "" {
			out = append(out, n)
		}
	}
	return out
}

// split takes texts apart that a query put together, which costs less than a list in each row.
func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

// entries are those of some ids, which the key bounds, that fit a condition too (no PREWHERE: with FINAL it would find what was deleted). They are told as one text each: a row of many columns costs more to take apart than it
// does to read.
func (t *Tables) entries(ctx context.Context, audience string, generation int, ids, where string, args ...any) ([]Entry, error) {
	scan := func(rows driver.Rows) (e Entry, err error) {
		var text string
		if err = rows.Scan(&text); err != nil {
			return e, err
		}
		u := unpacker{text: text}
		e.Profile, e.Batch = u.id(), u.id()
		e.Value, e.At, e.State, e.Reason = enishi.Amount(u.number()), time.UnixMilli(u.number()).UTC(), state(u.next()), u.next()
		for u.text != "" && u.err == nil {
			e.Keys = append(e.Keys, unpackKey(u.next()))
		}
		return e, u.err
	}
	out, err := collect(ctx, t.DB, "the members of an audience", scan, "SELECT concat(profile_id, batch, "+packed("value", "toUnixTimestamp64Milli(at)", "state", "reason")+", arrayStringConcat(arrayMap(k -> "+packed("k")+`, keys)))
		FROM audience_members FINAL WHERE audience = {audience:String} AND generation = {generation:UInt32} AND (`+ids+") AND "+where, append(args, ch.Named("audience", audience), ch.Named("generation", uint32(generation)))...)
	slices.SortFunc(out, func(a, b Entry) int { return a.Profile.Compare(b.Profile) }) // in the engine it would read in the order of the key, several times as slow
	return out, err
}

// Entries are those of a range of ids, by id.
func (t *Tables) Entries(ctx context.Context, audience string, generation int, from, to byte) ([]Entry, error) {
	args, where := bounds(from, to)
	return t.entries(ctx, audience, generation, where, "1", args...)
}

// found are entries of people that a query without FINAL names: FINAL reads a table whole unless the ids are bounded.
func (t *Tables) found(ctx context.Context, audience string, generation int, inner, where string, args ...any) ([]Entry, error) {
	return t.entries(ctx, audience, generation, "profile_id IN (SELECT profile_id FROM audience_members WHERE audience = {audience:String} AND generation = {generation:UInt32} AND "+inner+")", where, args...)
}

const ofBatch = "batch = toFixedString(unhex({batch:String}), 16)"

// BatchEntries are those that a batch told of last.
func (t *Tables) BatchEntries(ctx context.Context, audience string, generation int, batch enishi.ID) ([]Entry, error) {
	return t.found(ctx, audience, generation, ofBatch, ofBatch, ch.Named("batch", batch.String()))
}

// Sharing are those that were told one of the keys which a batch tells, and are not of it.
func (t *Tables) Sharing(ctx context.Context, audience string, generation int, batch enishi.ID) ([]Entry, error) {
	return t.found(ctx, audience, generation, `arrayExists(k -> k IN (SELECT arrayJoin(keys) FROM audience_members WHERE audience = {audience:String} AND generation = {generation:UInt32} AND `+ofBatch+`), keys)`,
		"NOT ("+ofBatch+")", ch.Named("batch", batch.String()))
}

// PutEntries stores entries as they are now.
func (t *Tables) PutEntries(ctx context.Context, audience string, generation int, list []Entry) error {
	return t.putEntries(ctx, audience, generation, list, 0)
}

// Forget deletes the entries of those who were taken out, with what was known of them: a row that says so stays.
func (t *Tables) Forget(ctx context.Context, audience string, generation int, list []Entry) error {
	return t.putEntries(ctx, audience, generation, column(list, func(e *Entry) Entry { return Entry{Profile: e.Profile, At: e.At} }), 1)
}

func (t *Tables) putEntries(ctx context.Context, audience string, generation int, list []Entry, gone uint8) error {
	return t.DB.Insert(ctx, "audience_members", []string{"audience", "generation", "profile_id", "version", "is_deleted", "keys", "value", "state", "reason", "batch", "at"}, len(list),
		repeat(len(list), audience), repeat(len(list), uint32(generation)), column(list, func(e *Entry) enishi.ID { return e.Profile }), repeat(len(list), t.version()), repeat(len(list), gone),
		column(list, func(e *Entry) []string { return packKeys(e.Keys) }), column(list, func(e *Entry) int64 { return int64(e.Value) }), column(list, func(e *Entry) string { return e.State }),
		column(list, func(e *Entry) string { return e.Reason }), column(list, func(e *Entry) enishi.ID { return e.Batch }), column(list, func(e *Entry) int64 { return e.At.UnixMilli() }))
}

// Drop forgets the entries of a generation: at once, and their room is given back later.
func (t *Tables) Drop(ctx context.Context, audience string, generation int) error {
	const of = " WHERE audience = {audience:String} AND generation = {generation:UInt32}"
	args := []any{ch.Named("audience", audience), ch.Named("generation", uint32(generation)), ch.Named("version", t.version())}
	err := t.DB.Exec(ctx, "INSERT INTO audience_members (audience, generation, profile_id, version, is_deleted) SELECT audience, generation, profile_id, {version:UInt64}, 1 FROM audience_members FINAL"+of, args...)
	if err == nil {
		err = t.DB.Exec(ctx, "DELETE FROM audience_members"+of, args[:2]...)
	}
	if err != nil {
		return fmt.Errorf("forget a list of %s: %w", audience, err)
	}
	return nil
}

// OpenBatches are those whose end is not known, the oldest first.
func (t *Tables) OpenBatches(ctx context.Context, audience string) ([]Batch, error) {
	return t.Batches(ctx, "audience = {audience:String} AND state IN ('open', 'asked') ORDER BY at, id", ch.Named("audience", audience))
}

// Batches are those that fit a condition.
func (t *Tables) Batches(ctx context.Context, where string, args ...any) ([]Batch, error) {
	scan := func(rows driver.Rows) (b Batch, err error) {
		var id string
		var generation, people, keys, accepted, rejected, unnamed, tries uint32
		if err = rows.Scan(&b.Audience, &b.At, &id, &generation, &b.Op, &b.State, &b.Remote, &b.Call, &people, &keys, &accepted, &rejected, &unnamed, &b.Reason, &tries, &b.UpdatedAt); err != nil {
			return b, err
		}
		copy(b.ID[:], id)
		b.Generation, b.People, b.Keys, b.Accepted, b.Rejected, b.Unnamed, b.Tries = int(generation), int(people), int(keys), int(accepted), int(rejected), int(unnamed), int(tries)
		b.At, b.UpdatedAt = b.At.UTC(), b.UpdatedAt.UTC()
		return b, nil
	}
	return collect(ctx, t.DB, "calls of audiences", scan, "SELECT toString(audience), at, id, generation, toString(op), toString(state), remote, call, people, keys, accepted, rejected, unnamed, reason, tries, updated_at FROM audience_batches FINAL WHERE "+where, args...)
}

// PutBatch stores a batch as it is now.
func (t *Tables) PutBatch(ctx context.Context, b *Batch) error {
	one := []Batch{*b}
	number := func(of func(*Batch) int) []uint32 {
		return column(one, func(b *Batch) uint32 { return uint32(of(b)) })
	}
	return t.DB.Insert(ctx, "audience_batches", []string{"audience", "at", "id", "version", "generation", "op", "state", "remote", "call", "people", "keys", "accepted", "rejected", "unnamed", "reason", "tries", "updated_at"}, 1,
		[]string{b.Audience}, []int64{b.At.UnixMilli()}, []enishi.ID{b.ID}, []uint64{t.version()}, number(func(b *Batch) int { return b.Generation }), []string{b.Op}, []string{b.State}, []string{b.Remote}, []string{b.Call},
		number(func(b *Batch) int { return b.People }), number(func(b *Batch) int { return b.Keys }), number(func(b *Batch) int { return b.Accepted }), number(func(b *Batch) int { return b.Rejected }), number(func(b *Batch) int { return b.Unnamed }), []string{b.Reason},
		number(func(b *Batch) int { return b.Tries }), []int64{b.UpdatedAt.UnixMilli()})
}

// Unnamed is how many people of some batches were not taken without anybody knowing who.
func (t *Tables) Unnamed(ctx context.Context, audience string, batches []enishi.ID) (map[enishi.ID]int, error) {
	list, err := t.Batches(ctx, "audience = {audience:String} AND unnamed > 0 AND id IN "+idList(batches), ch.Named("audience", audience))
	out := make(map[enishi.ID]int, len(list))
	for i := range list {
		out[list[i].ID] = list[i].Unnamed
	}
	return out, err
}

// CallsOn is how many calls other audiences of an account made on a day.
func (t *Tables) CallsOn(ctx context.Context, account, day, but string) (int, error) {
	list, err := t.Standings(ctx, "audience != {but:String} ORDER BY began_at DESC LIMIT 1 BY audience", ch.Named("but", but))
	n := 0
	for i := range list {
		if list[i].Account == account && list[i].Day == day {
			n += list[i].Today
		}
	}
	return n, err
}

// Disclose stores that identifiers leave; what is stored already is not stored twice.
func (t *Tables) Disclose(ctx context.Context, list []Disclosure) error {
	text := func(of func(*Disclosure) string) []string { return column(list, of) }
	return t.DB.Insert(ctx, "disclosures", []string{"profile_id", "batch", "at", "audience", "destination", "platform", "recipient", "country", "basis", "purpose", "op", "told"}, len(list),
		column(list, func(d *Disclosure) enishi.ID { return d.Profile }), column(list, func(d *Disclosure) enishi.ID { return d.Batch }), column(list, func(d *Disclosure) int64 { return d.At.UnixMilli() }),
		text(func(d *Disclosure) string { return d.Audience }), text(func(d *Disclosure) string { return d.Destination }), text(func(d *Disclosure) string { return d.Platform }), text(func(d *Disclosure) string { return d.Recipient }),
		text(func(d *Disclosure) string { return d.Country }), text(func(d *Disclosure) string { return d.Basis }), text(func(d *Disclosure) string { return d.Purpose }), text(func(d *Disclosure) string { return d.Op }),
		column(list, func(d *Disclosure) []string { return packKeys(d.Keys) }))
}

// Standing is how an audience stands; nil when it never ran.
func (t *Tables) Standing(ctx context.Context, audience string) (*Standing, error) {
	list, err := t.Standings(ctx, "audience = {audience:String} ORDER BY began_at DESC LIMIT 1", ch.Named("audience", audience))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// Standings are those that fit a condition, one for each run.
func (t *Tables) Standings(ctx context.Context, where string, args ...any) ([]Standing, error) {
	scan := func(rows driver.Rows) (s Standing, err error) {
		var generation, wanted, in, added, taken, refreshed, rejected, unnamed, calls, today uint32
		var matched int64
		var left map[string]uint32
		var rebuilt uint8
		var p Problem
		var class string
		if err = rows.Scan(&s.Audience, &s.BeganAt, &s.EndedAt, &s.Remote, &generation, &s.Next, &s.Old, &s.MadeAt, &wanted, &in, &matched, &added, &taken, &refreshed, &rejected, &left, &calls, &rebuilt,
			&s.Account, &unnamed, &s.Day, &today, &class, &p.Code, &p.Msg, &p.MsgJA, &s.RetryAt); err != nil {
			return s, err
		}
		s.Generation, s.Wanted, s.InList, s.Matched, s.Added, s.Taken, s.Refreshed, s.Rejected = int(generation), int(wanted), int(in), int(matched), int(added), int(taken), int(refreshed), int(rejected)
		s.Unnamed = int(unnamed)
		s.Calls, s.Today, s.Rebuilt, s.LeftOut = int(calls), int(today), rebuilt == 1, make(map[string]int, len(left))
		for reason, n := range left {
			s.LeftOut[reason] = int(n)
		}
		if class != "" {
			p.Class = Class(class)
			s.Problem = &p
		}
		s.BeganAt, s.EndedAt, s.RetryAt, s.MadeAt = zeroed(s.BeganAt), zeroed(s.EndedAt), zeroed(s.RetryAt), zeroed(s.MadeAt)
		return s, nil
	}
	return collect(ctx, t.DB, "how audiences stand", scan, `SELECT toString(audience), began_at, ended_at, remote, generation, next, old, made_at, wanted, in_list, matched, added, taken, refreshed, rejected,
		mapApply((k, v) -> (toString(k), v), left_out), calls, rebuilt, account, unnamed, day, today, toString(problem), code, message, message_ja, retry_at FROM audience_runs FINAL WHERE `+where, args...)
}

// zeroed is a time as UTC; the beginning of 1970 stands for none.
func zeroed(at time.Time) time.Time {
	if at.UnixMilli() == 0 {
		return time.Time{}
	}
	return at.UTC()
}

func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// PutStanding stores how an audience stands.
func (t *Tables) PutStanding(ctx context.Context, s *Standing) error {
	p := Problem{}
	if s.Problem != nil {
		p = *s.Problem
	}
	left := make(map[string]uint32, len(s.LeftOut))
	for reason, n := range s.LeftOut {
		left[reason] = uint32(n)
	}
	n := func(i int) []uint32 { return []uint32{uint32(i)} }
	var rebuilt uint8
	if s.Rebuilt {
		rebuilt = 1
	}
	return t.DB.Insert(ctx, "audience_runs", []string{"audience", "began_at", "version", "ended_at", "remote", "generation", "next", "old", "made_at", "wanted", "in_list", "matched", "added", "taken", "refreshed", "rejected", "left_out", "calls", "rebuilt",
		"account", "unnamed", "day", "today", "problem", "code", "message", "message_ja", "retry_at"}, 1,
		[]string{s.Audience}, []int64{millis(s.BeganAt)}, []uint64{t.version()}, []int64{millis(s.EndedAt)}, []string{s.Remote}, n(s.Generation), []string{s.Next}, []string{s.Old}, []int64{millis(s.MadeAt)}, n(s.Wanted), n(s.InList), []int64{int64(s.Matched)},
		n(s.Added), n(s.Taken), n(s.Refreshed), n(s.Rejected), []map[string]uint32{left}, n(s.Calls), []uint8{rebuilt}, []string{s.Account}, n(s.Unnamed), []string{s.Day}, n(s.Today), []string{string(p.Class)}, []string{p.Code}, []string{p.Msg}, []string{p.MsgJA}, []int64{millis(s.RetryAt)})
}
