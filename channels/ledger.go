package channels

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/internal/clickhouse"
)

// Ledger is where the sender keeps what became of each message: all of its storage. [NewLedger] is the table deliveries.
type Ledger struct {
	// Insert stores rows; of one (partition, send id, round) the row with the highest version is the one that counts.
	Insert func(ctx context.Context, rows []Row) error
	// Unfinished returns the open rows of a partition and those whose end is not reported, oldest decision first; of
	// decided ones at most perDestination of each destination.
	Unfinished func(ctx context.Context, partition, perDestination int) ([]Row, error)
	// Waiting returns the oldest decided rows of a destination, without those that the stops hold.
	Waiting func(ctx context.Context, partition int, destination string, held []Stop, limit int) ([]Row, error)
	// Parked returns the oldest parked rows of a destination, of all that were parked until an instant; zero: of all. "" as
	// the destination gives one of each.
	Parked func(ctx context.Context, partition int, destination string, until time.Time, limit int) ([]Row, error)
	// Find returns all rounds of sends.
	Find func(ctx context.Context, partition int, sends []enishi.ID) ([]Row, error)
	// Recent returns the rounds that were decided last: all after since.
	Recent func(ctx context.Context, partition int) (rounds []Round, since time.Time, err error)
	// Used counts what was sent to a destination, or may have been, from day and from month on until an instant, by the
	// sender's clock.
	Used func(ctx context.Context, partition int, destination string, day, month, until time.Time) (today, thisMonth int, err error)
}

// Round names one round of a send.
type Round struct {
	SendID    enishi.ID
	Round     int
	DecidedAt time.Time
}

const (
	recentRounds = 200_000
	recentWindow = time.Hour // of decided_at
)

type ledger struct{ db *clickhouse.DB }

// NewLedger is the ledger in the table deliveries.
func NewLedger(db *clickhouse.DB) Ledger {
	l := ledger{db}
	return Ledger{Insert: l.insert, Unfinished: l.unfinished, Waiting: l.waiting, Find: l.find, Recent: l.recent, Used: l.used, Parked: l.parked}
}

var ledgerColumns = []string{"partition", "send_id", "round", "version", "state", "attempt", "destination", "channel", "purpose", "journey",
	"template", "prefecture", "profile_id", "next_try_at", "decided_at", "updated_at", "reported", "code", "reason", "provider_id", "message", "group_id", "owner", "variant"}

// readColumns are ledgerColumns without version.
const readColumns = `partition, send_id, round, state, attempt, destination, channel, purpose, journey, template, prefecture, profile_id,
	next_try_at, decided_at, updated_at, reported, code, reason, provider_id, message, group_id, owner, variant`

func (l ledger) insert(ctx context.Context, rows []Row) error {
	n := len(rows)
	var (
		partition                                          = make([]uint16, n)
		send, profile, group, owner                        = make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
		round, attempt                                     = make([]uint32, n), make([]uint32, n)
		version                                            = make([]uint64, n)
		state, destination, channel, purpose               = make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		journey, template, code, reason, provider, message = make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		prefecture, variant                                = make([]string, n), make([]string, n)
		next, decided, updated                             = make([]int64, n), make([]int64, n), make([]int64, n)
		reported                                           = make([]uint8, n)
	)
	for i := range rows {
		r := &rows[i]
		partition[i], send[i], profile[i], group[i], owner[i] = uint16(r.Partition), r.SendID[:], r.Profile[:], r.Group[:], r.Owner[:]
		round[i], attempt[i], version[i] = uint32(r.Round), uint32(r.Attempt), r.version()
		state[i], destination[i], channel[i], purpose[i] = r.State, r.Destination, r.Channel, r.Purpose
		variant[i] = r.Variant
		journey[i], template[i], prefecture[i], code[i], reason[i], provider[i], message[i] = r.Journey, r.Template, r.Prefecture, r.Code, r.Reason, r.ProviderID, r.Message
		next[i], decided[i], updated[i] = millis(r.NextTryAt), millis(r.DecidedAt), millis(r.UpdatedAt)
		if r.Reported {
			reported[i] = 1
		}
	}
	return l.db.Insert(ctx, "deliveries", ledgerColumns, n, partition, send, round, version, state, attempt, destination, channel, purpose, journey,
		template, prefecture, profile, next, decided, updated, reported, code, reason, provider, message, group, owner, variant)
}

// millis is an instant as DateTime64(3) takes it; a missing one is the epoch.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// unfinished finds the keys first, under FINAL over narrow columns, and reads the wide ones for these alone.
func (l ledger) unfinished(ctx context.Context, partition, perDestination int) ([]Row, error) {
	return l.rows(ctx, `SELECT `+readColumns+` FROM deliveries
		WHERE partition = {p:UInt16} AND (send_id, round, version) IN (
			SELECT send_id, round, version FROM deliveries FINAL
			WHERE partition = {p:UInt16} AND state = 'decided' ORDER BY decided_at LIMIT {n:UInt32} BY destination
			UNION ALL
			SELECT send_id, round, version FROM deliveries FINAL
			WHERE partition = {p:UInt16} AND state NOT IN ('decided', 'parked') AND (state = 'intent' OR reported = 0))
		ORDER BY decided_at, send_id, round LIMIT 1 BY send_id, round`,
		ch.Named("p", partition), ch.Named("n", perDestination))
}

func (l ledger) waiting(ctx context.Context, partition int, destination string, held []Stop, limit int) ([]Row, error) {
	but := map[string][]string{ScopeJourney: {}, ScopePrefecture: {}}
	for i := range held {
		if values, ok := but[held[i].Scope]; ok {
			but[held[i].Scope] = append(values, held[i].Value, shortPrefecture(held[i].Value))
		}
	}
	return l.rows(ctx, `SELECT `+readColumns+` FROM deliveries
		WHERE partition = {p:UInt16} AND (send_id, round, version) IN (
			SELECT send_id, round, version FROM deliveries FINAL
			WHERE partition = {p:UInt16} AND destination = {d:String} AND state = 'decided'
				AND NOT has({journeys:Array(String)}, toString(journey)) AND NOT has({prefectures:Array(String)}, toString(prefecture)) ORDER BY decided_at LIMIT {n:UInt32})
		ORDER BY decided_at, send_id, round LIMIT 1 BY send_id, round`,
		ch.Named("p", partition), ch.Named("d", destination), ch.Named("n", limit), ch.Named("journeys", but[ScopeJourney]), ch.Named("prefectures", but[ScopePrefecture]))
}

func (l ledger) parked(ctx context.Context, partition int, destination string, until time.Time, limit int) ([]Row, error) {
	each := "LIMIT {n:UInt32}"
	if destination == "" {
		each = "LIMIT 1 BY destination"
	}
	return l.rows(ctx, `SELECT `+readColumns+` FROM deliveries
		WHERE partition = {p:UInt16} AND (send_id, round, version) IN (
			SELECT send_id, round, version FROM deliveries FINAL
			WHERE partition = {p:UInt16} AND state = 'parked' AND {d:String} IN ('', toString(destination))
				AND ({u:Int64} = 0 OR updated_at <= fromUnixTimestamp64Milli({u:Int64}, 'UTC')) ORDER BY decided_at `+each+`)
		ORDER BY decided_at, send_id, round LIMIT 1 BY send_id, round`,
		ch.Named("p", partition), ch.Named("d", destination), ch.Named("u", millis(until)), ch.Named("n", limit))
}

func (l ledger) find(ctx context.Context, partition int, sends []enishi.ID) ([]Row, error) {
	if len(sends) == 0 {
		return nil, nil
	}
	hex := make([]string, len(sends))
	for i, id := range sends {
		hex[i] = id.String()
	}
	return l.rows(ctx, `SELECT `+readColumns+` FROM deliveries FINAL
		WHERE partition = {p:UInt16} AND send_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
		ORDER BY decided_at, send_id, round`,
		ch.Named("p", partition), ch.Named("ids", hex))
}

func (l ledger) recent(ctx context.Context, partition int) ([]Round, time.Time, error) {
	rows, err := l.db.Query(ctx, `SELECT send_id, round, decided_at FROM deliveries
		WHERE partition = {p:UInt16} AND decided_at > (
			SELECT max(decided_at) - toIntervalSecond({w:UInt32}) FROM deliveries WHERE partition = {p:UInt16})
		ORDER BY decided_at DESC LIMIT 1 BY send_id, round LIMIT {n:UInt32}`,
		ch.Named("p", partition), ch.Named("w", int(recentWindow/time.Second)), ch.Named("n", recentRounds))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read recent deliveries: %w", err)
	}
	defer rows.Close()
	var out []Round
	for rows.Next() {
		var id []byte
		var round uint32
		var r Round
		if err := rows.Scan(&id, &round, &r.DecidedAt); err != nil {
			return nil, time.Time{}, fmt.Errorf("read recent deliveries: %w", err)
		}
		r.SendID, r.Round = enishi.ID(id), int(round)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, time.Time{}, fmt.Errorf("read recent deliveries: %w", err)
	}
	if len(out) == 0 {
		return nil, time.Time{}, nil
	}
	if len(out) == recentRounds { // others may have been decided at the same instant as the oldest one
		return out, out[len(out)-1].DecidedAt, nil
	}
	return out, out[0].DecidedAt.Add(-recentWindow), nil
}

func (l ledger) used(ctx context.Context, partition int, destination string, day, month, until time.Time) (today, thisMonth int, err error) {
	var d, m uint64
	err = l.db.QueryRow(ctx, `SELECT countIf(updated_at >= fromUnixTimestamp64Milli({day:Int64}, 'UTC')), count() FROM deliveries FINAL
		WHERE partition = {p:UInt16} AND destination = {d:String} AND state IN ('sent', 'unknown')
			AND updated_at >= fromUnixTimestamp64Milli({month:Int64}, 'UTC') AND updated_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')`,
		ch.Named("p", partition), ch.Named("d", destination), ch.Named("day", day.UnixMilli()), ch.Named("month", month.UnixMilli()), ch.Named("until", until.UnixMilli())).Scan(&d, &m)
	if err != nil {
		return 0, 0, fmt.Errorf("count what was sent: %w", err)
	}
	return int(d), int(m), nil
}

func (l ledger) rows(ctx context.Context, query string, args ...any) ([]Row, error) {
	return readRows(ctx, l.db, query, args...)
}
