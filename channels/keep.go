package channels

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// forgetAtOnce is how many rounds one statement deletes.
const forgetAtOnce = 200_000

// Forget deletes the rounds that ended and were last written before an instant, by the sender's clock, with all their
// states. What is open, parked or not reported stays, however old. It returns how many rounds it deleted.
func (d *Deliveries) Forget(ctx context.Context, before time.Time) (n int64, err error) {
	const old = `SELECT partition, send_id, round FROM deliveries FINAL
		WHERE state NOT IN ('decided', 'intent', 'parked') AND reported = 1 AND updated_at < fromUnixTimestamp64Milli({before:Int64}, 'UTC')
		ORDER BY partition, send_id, round LIMIT {n:UInt32}`
	args := []any{ch.Named("before", before.UnixMilli()), ch.Named("n", forgetAtOnce)}
	for {
		var found uint64
		if err := d.db.QueryRow(ctx, "SELECT count() FROM ("+old+")", args...).Scan(&found); err != nil {
			return n, fmt.Errorf("count old deliveries: %w", err)
		}
		if found == 0 {
			return n, nil
		}
		// By key: a state that stood under the last one must not come back to life.
		if err := d.db.Exec(ctx, "DELETE FROM deliveries WHERE (partition, send_id, round) IN ("+old+")", args...); err != nil {
			return n, fmt.Errorf("delete old deliveries: %w", err)
		}
		if n += int64(found); found < forgetAtOnce {
			return n, nil
		}
	}
}

// Owns tells whether this replica has a partition of the topic messages.
func (s *Sender) Owns(partition int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shards[partition] != nil
}
