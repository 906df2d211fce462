package channels

import (
	"context"
	"fmt"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/internal/clickhouse"
)

// Deliveries reads the ledger for people: lists, counts, one message.
type Deliveries struct{ db *clickhouse.DB }

// NewDeliveries reads from the table deliveries.
func NewDeliveries(db *clickhouse.DB) *Deliveries { return &Deliveries{db} }

// Filter chooses deliveries; empty fields choose all.
type Filter struct {
	Channel, Purpose, State, Journey, Template, Destination string
	Profile, SendID                                         enishi.ID
	Since                                                   time.Time // updated at or after
	Before                                                  Cursor    // the page after this row
	Limit                                                   int       // 0: 50, at most 1,000
}

// Cursor is where a list goes on: the last row of the page before.
type Cursor struct {
	UpdatedAt time.Time
	SendID    enishi.ID
	Round     int
}

// Cursor is the place of the row in a list.
func (r *Row) Cursor() Cursor { return Cursor{r.UpdatedAt, r.SendID, r.Round} }

// List returns rows, newest first. Their Message is left out: see [Deliveries.Message].
func (d *Deliveries) List(ctx context.Context, f Filter) ([]Row, error) {
	where, args := f.where()
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	columns := strings.Replace(readColumns, "message", "''", 1)
	rows, err := readRows(ctx, d.db, "SELECT "+columns+" FROM deliveries FINAL WHERE "+where+
		" ORDER BY updated_at DESC, send_id DESC, round DESC LIMIT {limit:UInt32}", append(args, ch.Named("limit", min(limit, 1000)))...)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return rows, nil
}

func (f *Filter) where() (string, []any) {
	where, args := []string{"1"}, []any(nil)
	add := func(cond, name string, value any) {
		where, args = append(where, cond), append(args, ch.Named(name, value))
	}
	for _, x := range [...][2]string{{"channel", f.Channel}, {"purpose", f.Purpose}, {"state", f.State}, {"journey", f.Journey},
		{"template", f.Template}, {"destination", f.Destination}} {
		if x[1] != "" {
			add(x[0]+" = {"+x[0]+":String}", x[0], x[1])
		}
	}
	if !f.Profile.IsZero() {
		add("profile_id = unhex({profile:String})", "profile", f.Profile.String())
	}
	if !f.SendID.IsZero() {
		add("send_id = unhex({send:String})", "send", f.SendID.String())
	}
	if !f.Since.IsZero() {
		add("updated_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')", "since", f.Since.UnixMilli())
	}
	if !f.Before.SendID.IsZero() {
		add("(updated_at, send_id, round) < (fromUnixTimestamp64Milli({at:Int64}, 'UTC'), toFixedString(unhex({id:String}), 16), {n:UInt32})",
			"at", f.Before.UpdatedAt.UnixMilli())
		args = append(args, ch.Named("id", f.Before.SendID.String()), ch.Named("n", f.Before.Round))
	}
	return strings.Join(where, " AND "), args
}

// Count is how many rounds of a channel ended, or stand, in one way.
type Count struct {
	Channel, Purpose, State, Reason string
	Deliveries                      int64
}

// Counts counts rounds by channel, purpose, state and reason.
func (d *Deliveries) Counts(ctx context.Context, f Filter) ([]Count, error) {
	where, args := f.where()
	rows, err := d.db.Query(ctx, `SELECT channel, purpose, state, if(state IN ('decided', 'intent'), '', reason) AS why, count()
		FROM deliveries FINAL WHERE `+where+` GROUP BY channel, purpose, state, why ORDER BY channel, purpose, state, why`, args...)
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	defer rows.Close()
	var out []Count
	for rows.Next() {
		var c Count
		var n uint64
		if err := rows.Scan(&c.Channel, &c.Purpose, &c.State, &c.Reason, &n); err != nil {
			return nil, fmt.Errorf("count deliveries: %w", err)
		}
		c.Deliveries = int64(n)
		out = append(out, c)
	}
	return out, rows.Err()
}

// Backlog is what has been decided and has not ended.
type Backlog struct {
	Open   int64
	InHand int64     // of these about to be handed over, or in doubt
	Oldest time.Time // decided at, by the shop's clock; zero: nothing is open
}

// Backlog tells how much is open and since when.
func (d *Deliveries) Backlog(ctx context.Context) (Backlog, error) {
	var b Backlog
	var open, inHand uint64
	var oldest time.Time
	err := d.db.QueryRow(ctx, `SELECT count(), countIf(state = 'intent'), min(decided_at) FROM deliveries FINAL
		WHERE state IN ('decided', 'intent')`).Scan(&open, &inHand, &oldest)
	if err != nil {
		return b, fmt.Errorf("read backlog: %w", err)
	}
	b.Open, b.InHand = int64(open), int64(inHand)
	if open > 0 {
		b.Oldest = oldest.UTC()
	}
	return b, nil
}

// OpenCount is how many messages of one kind have been decided and have not ended.
type OpenCount struct {
	Destination, Journey, Prefecture string
	Waiting, InHand                  int64     // InHand: about to be handed over, or in doubt
	Parked                           int64     // until somebody acts
	Oldest                           time.Time // decided at, of what is not parked; zero: all of it is
}

// Open counts what is open, by what stops tell apart.
func (d *Deliveries) Open(ctx context.Context) ([]OpenCount, error) {
	rows, err := d.db.Query(ctx, `SELECT toString(destination), toString(journey), toString(prefecture), countIf(state = 'decided'), countIf(state = 'intent'), countIf(state = 'parked'), minIf(decided_at, state != 'parked')
		FROM deliveries FINAL WHERE state IN ('decided', 'intent', 'parked') GROUP BY destination, journey, prefecture ORDER BY destination, journey, prefecture`)
	if err != nil {
		return nil, fmt.Errorf("count what is open: %w", err)
	}
	defer rows.Close()
	var out []OpenCount
	for rows.Next() {
		var c OpenCount
		var waiting, inHand, parked uint64
		if err := rows.Scan(&c.Destination, &c.Journey, &c.Prefecture, &waiting, &inHand, &parked, &c.Oldest); err != nil {
			return nil, fmt.Errorf("count what is open: %w", err)
		}
		c.Waiting, c.InHand, c.Parked, c.Oldest = int64(waiting), int64(inHand), int64(parked), instant(c.Oldest)
		out = append(out, c)
	}
	return out, rows.Err()
}

// SentCount is how much a destination was sent since an instant, and since a later one.
type SentCount struct {
	Destination   string
	Since, Lately int64
}

// Sent counts by destination what was sent since an instant and since a later one (lately), whichever replica sent it. It reads every row of a
// sent message once, without joining its versions: a report that was written twice counts twice.
func (d *Deliveries) Sent(ctx context.Context, since, lately time.Time) ([]SentCount, error) {
	rows, err := d.db.Query(ctx, `SELECT toString(destination), count(), countIf(updated_at >= fromUnixTimestamp64Milli({lately:Int64}, 'UTC')) FROM deliveries
		WHERE state = 'sent' AND reported = 1 AND updated_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') GROUP BY destination ORDER BY destination`,
		ch.Named("since", min(since.UnixMilli(), lately.UnixMilli())), ch.Named("lately", lately.UnixMilli()))
	if err != nil {
		return nil, fmt.Errorf("count what was sent: %w", err)
	}
	defer rows.Close()
	var out []SentCount
	for rows.Next() {
		var c SentCount
		var all, recent uint64
		if err := rows.Scan(&c.Destination, &all, &recent); err != nil {
			return nil, fmt.Errorf("count what was sent: %w", err)
		}
		c.Since, c.Lately = int64(all), int64(recent)
		out = append(out, c)
	}
	return out, rows.Err()
}

// Dropped counts what stops dropped, by the stop's id.
func (d *Deliveries) Dropped(ctx context.Context) (map[string]int64, error) {
	rows, err := d.db.Query(ctx, `SELECT substring(reason, {from:UInt32}) AS stop, count() FROM deliveries FINAL
		WHERE state IN ('dropped', 'unknown') AND startsWith(reason, {prefix:String}) GROUP BY stop`, ch.Named("prefix", droppedBy), ch.Named("from", len(droppedBy)+1))
	if err != nil {
		return nil, fmt.Errorf("count what stops dropped: %w", err)
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var stop string
		var n uint64
		if err := rows.Scan(&stop, &n); err != nil {
			return nil, fmt.Errorf("count what stops dropped: %w", err)
		}
		out[stop] = int64(n)
	}
	return out, rows.Err()
}

// Message returns a message as it was decided, of the newest round; its error is not_found when the ledger does not have it.
func (d *Deliveries) Message(ctx context.Context, send enishi.ID) (*enishi.Message, error) {
	rows, err := readRows(ctx, d.db, "SELECT "+readColumns+" FROM deliveries FINAL WHERE send_id = unhex({send:String}) ORDER BY round DESC LIMIT 1",
		ch.Named("send", send.String()))
	if err != nil {
		return nil, fmt.Errorf("read delivery: %w", err)
	}
	if len(rows) == 0 || rows[0].Message == "" {
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "there is no such message", MsgJA: "そのメッセージはありません。"}
	}
	m := new(enishi.Message)
	if err := enishi.DecodeMessage(m, []byte(rows[0].Message)); err != nil {
		return nil, fmt.Errorf("read delivery: %w", err)
	}
	return m, nil
}

// ByProviderID finds who got what a provider knows under ids, among what was sent to a destination since an instant.
func (d *Deliveries) ByProviderID(ctx context.Context, destination string, ids []string, since time.Time) (sends, profiles []enishi.ID, err error) {
	rows, err := readRows(ctx, d.db, "SELECT "+strings.Replace(readColumns, "message", "''", 1)+` FROM deliveries FINAL
		WHERE provider_id IN {ids:Array(String)} AND destination = {destination:String} AND state = 'sent' AND updated_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')`,
		ch.Named("ids", ids), ch.Named("destination", destination), ch.Named("since", since.UnixMilli()))
	if err != nil {
		return nil, nil, fmt.Errorf("find deliveries by the provider's ids: %w", err)
	}
	for i := range rows {
		sends, profiles = append(sends, rows[i].SendID), append(profiles, rows[i].Profile)
	}
	return sends, profiles, nil
}

// readRows reads readColumns.
func readRows(ctx context.Context, db *clickhouse.DB, query string, args ...any) ([]Row, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var partition uint16
		var send, profile, group, owner []byte
		var round, attempt uint32
		var reported uint8
		err := rows.Scan(&partition, &send, &round, &r.State, &attempt, &r.Destination, &r.Channel, &r.Purpose, &r.Journey, &r.Template, &r.Prefecture,
			&profile, &r.NextTryAt, &r.DecidedAt, &r.UpdatedAt, &reported, &r.Code, &r.Reason, &r.ProviderID, &r.Message, &group, &owner, &r.Variant)
		if err != nil {
			return nil, err
		}
		r.Partition, r.SendID, r.Profile, r.Group, r.Owner = int(partition), enishi.ID(send), enishi.ID(profile), enishi.ID(group), enishi.ID(owner)
		r.Round, r.Attempt, r.Reported = int(round), int(attempt), reported != 0
		r.NextTryAt, r.DecidedAt, r.UpdatedAt = instant(r.NextTryAt), instant(r.DecidedAt), instant(r.UpdatedAt)
		out = append(out, r)
	}
	return out, rows.Err()
}

// instant undoes millis.
func instant(t time.Time) time.Time {
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
