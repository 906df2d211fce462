package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/api"
	"enishi/ingest"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// alert shows something in the console's bar.
func (w *workspace) alert(a enishi.Alert) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.storeAlert(ctx, a); err != nil {
		w.log.Error("store alert", "kind", a.Kind, "err", err)
	}
}

func (w *workspace) storeAlert(ctx context.Context, a enishi.Alert) error {
	if a.At.IsZero() {
		a.At = w.now().UTC()
	}
	t := pipeline.AlertTable(a)
	return w.db.Insert(ctx, t.Name, t.Columns, t.Rows, t.Cols...)
}

// openAlert reads an alert that nobody has closed.
func (w *workspace) openAlert(ctx context.Context, id enishi.ID) (a enishi.Alert, found bool, err error) {
	rows, err := w.db.Query(ctx, "SELECT at, toString(kind), toString(severity), text, text_ja FROM alerts FINAL WHERE closed_at = toDateTime64(0, 3, 'UTC') AND hex(id) = {id:String}",
		clickhouse.Named("id", strings.ToUpper(id.String())))
	if err != nil {
		return a, false, fmt.Errorf("read alert: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return a, false, rows.Err()
	}
	a.ID = id
	err = rows.Scan(&a.At, &a.Kind, &a.Severity, &a.Text, &a.TextJA)
	return a, err == nil, err
}

// closeAlert ends an alert whose cause is gone; one that is closed or never was is no matter.
func (w *workspace) closeAlert(ctx context.Context, id enishi.ID) error {
	a, found, err := w.openAlert(ctx, id)
	if err != nil || !found {
		return err
	}
	a.At, a.ClosedAt = a.At.UTC(), w.now().UTC()
	return w.storeAlert(ctx, a)
}

// maxUnreadable is what is kept of a batch that cannot be read: a record of the topic dead has to hold it.
const maxUnreadable = ingest.MaxEventBytes

// unreadable makes a dead letter of a batch of the log that no retry makes readable. The reader waits for it: what it passes
// over must not be forgotten by a crash.
func (w *workspace) unreadable(p stream.Partition, offset int64, raw []byte, cause error) {
	w.log.Error("batch of the log is unreadable and is passed over", "partition", p.String(), "offset", offset, "bytes", len(raw), "err", cause)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	now := w.now().UTC()
	kept := raw[:min(len(raw), maxUnreadable)]
	l := ingest.DeadLetter{ID: enishi.NewID("dead", p.Topic, fmt.Sprint(p.Partition), fmt.Sprint(offset)), At: now, Version: 1, State: ingest.DeadWaiting,
		Topic: p.Topic, Partition: p.Partition, Offset: offset, Stage: ingest.StageLog, Code: ingest.CodeUnreadable, Raw: kept,
		Reason:   fmt.Sprintf("a batch of %d bytes in the log cannot be read: %v", len(raw), cause),
		ReasonJA: fmt.Sprintf("イベントログのデータ（%d バイト）が壊れていて読み取れません。", len(raw))}
	if err := w.keepDead(ctx, l); err != nil {
		w.log.Error("keep dead letter", "id", l.ID, "err", err)
	}
	w.alert(enishi.Alert{ID: enishi.NewID("alert", "log_unreadable", p.String(), fmt.Sprint(offset)), Kind: "log_unreadable", Severity: "error", At: now,
		Text:   fmt.Sprintf("A batch of the log cannot be read and was passed over (%s, offset %d). It is among the dead letters.", p, offset),
		TextJA: fmt.Sprintf("イベントログの一部を読み取れず、飛ばしました（%s、位置 %d）。「取り込めなかったデータ」で確認できます。", p, offset)})
}

// keepDead stores a dead letter on the topic and in the table.
func (w *workspace) keepDead(ctx context.Context, l ingest.DeadLetter) error {
	value, err := json.Marshal(&l)
	if err == nil {
		err = w.stream.Append(ctx, []stream.Record{{Topic: enishi.TopicDead, Partition: 0, Time: l.At, Key: l.ID[:], Value: value}})
	}
	return errors.Join(err, (api.DeadTable{DB: w.db}).Save(ctx, []ingest.DeadLetter{l}))
}
