package exports

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
)

// runs is the table export_runs.
type runs struct{ db *clickhouse.DB }

// save stores a run as it stands; the later of two counts.
func (x runs) save(ctx context.Context, r *Run, now time.Time) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return x.db.Insert(ctx, "export_runs", []string{"id", "version", "name", "state", "replica", "created_at", "updated_at", "body"}, 1, []enishi.ID{r.ID}, []uint64{uint64(now.UnixNano())},
		[]string{r.Name}, []string{r.State}, []string{r.Replica}, []time.Time{r.CreatedAt}, []time.Time{now}, []string{string(body)})
}

// stored is a run with when it was stored last.
type stored struct {
	Run
	at time.Time
}

// list gives the runs that fit a condition, the newest first.
func (x runs) list(ctx context.Context, where string, limit int, args ...any) ([]stored, error) {
	rows, err := x.db.Query(ctx, fmt.Sprintf("SELECT body, updated_at FROM export_runs FINAL WHERE %s ORDER BY created_at DESC, id LIMIT %d", where, limit), args...)
	if err != nil {
		return nil, fmt.Errorf("read exports: %w", err)
	}
	defer rows.Close()
	out := []stored{}
	for rows.Next() {
		var body string
		var r stored
		if err := rows.Scan(&body, &r.at); err != nil {
			return nil, fmt.Errorf("read exports: %w", err)
		}
		if err := json.Unmarshal([]byte(body), &r.Run); err != nil {
			return nil, fmt.Errorf("read export: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (x runs) get(ctx context.Context, id enishi.ID) (*stored, error) {
	list, err := x.list(ctx, "id = toFixedString(unhex({id:String}), 16)", 1, named("id", id.String()))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "there is no such export", MsgJA: "その書き出しは見つかりません"}
	}
	return &list[0], nil
}

func (x runs) cancel(ctx context.Context, id enishi.ID, actor string, now time.Time) error {
	return x.db.Insert(ctx, "export_cancels", []string{"id", "at", "actor"}, 1, []enishi.ID{id}, []time.Time{now}, []string{actor})
}

// cancelled tells whether somebody wants a run to end.
func (x runs) cancelled(ctx context.Context, id enishi.ID) (bool, error) {
	var n uint64
	err := x.db.QueryRow(ctx, "SELECT count() FROM export_cancels WHERE id = toFixedString(unhex({id:String}), 16)", named("id", id.String())).Scan(&n)
	return n > 0, err
}
