package analytics

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// Messages is what became of messages.
type Messages struct {
	Rows            []MessageRow `json:"rows"` // the most first
	CompleteThrough time.Time    `json:"complete_through"`
}

// MessageRow counts the sends decided in the range (one that was decided again, by its newest decision) of a channel, a
// journey or a template. A send may count in several columns. Failed and Refused are as its newest round ended, Bounced as
// any; of Unknown the connection broke at the end, and nothing was heard since. Opened and Clicked are by people, as far as
// can be told.
type MessageRow struct {
	Name         string `json:"name"`
	Decided      int64  `json:"decided"`
	Sent         int64  `json:"sent"`
	Delivered    int64  `json:"delivered"`
	Opened       int64  `json:"opened"`
	Clicked      int64  `json:"clicked"`
	Bounced      int64  `json:"bounced"`
	Failed       int64  `json:"failed"`
	Refused      int64  `json:"refused"`
	Unknown      int64  `json:"unknown"`
	Unsubscribed int64  `json:"unsubscribed"`
}

// Messages reports by "channel", "journey" or "template".
func (r *Reports) Messages(ctx context.Context, x Range, by string) (*Messages, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	if by != "channel" && by != "journey" && by != "template" {
		return nil, enishi.FieldError("by", "is channel, journey or template", "channel、journey、template のどれかにしてください。")
	}
	out := &Messages{Rows: []MessageRow{}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	err = r.each(ctx, "messages", x.args(clickhouse.Named("by", by)), func(rows driver.Rows) error {
		name, n, err := scanCounts(rows, 10)
		out.Rows = append(out.Rows, MessageRow{Name: name, Decided: n[0], Sent: n[1], Delivered: n[2], Opened: n[3], Clicked: n[4],
			Bounced: n[5], Failed: n[6], Refused: n[7], Unknown: n[8], Unsubscribed: n[9]})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
