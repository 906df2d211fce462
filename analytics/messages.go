package analytics

import (
	"context"
	"fmt"
	"time"

	"enishi"
)

// Journeys is what journeys did.
type Journeys struct {
	Rows            []JourneyRow `json:"rows"`
	CompleteThrough time.Time    `json:"complete_through"`
}

// JourneyRow counts one journey's runs that were entered in the range, and its sends that were decided in it. Converted is
// observed, not caused: people with a valid, not automatic order after a message of the journey, within 7 days.
type JourneyRow struct {
	Journey   string           `json:"journey"`
	Entered   int64            `json:"entered"`
	Running   int64            `json:"running"` // of those entered
	Completed int64            `json:"completed"`
	Exited    int64            `json:"exited"`
	Sent      int64            `json:"sent"`
	Opened    int64            `json:"opened"`
	Clicked   int64            `json:"clicked"`
	Converted int64            `json:"converted"`
	Skipped   map[string]int64 `json:"skipped_by_reason"`
}

// Journeys reports all journeys that had a run or a decision in the range.
func (r *Reports) Journeys(ctx context.Context, x Range) (*Journeys, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	out := &Journeys{Rows: []JourneyRow{}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	rows, err := r.Conn.Query(ctx, query("journeys"), r.args(x)...)
	if err != nil {
		return nil, fmt.Errorf("report journeys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var j JourneyRow
		var entered, running, completed, exited, sent, opened, clicked, converted uint64
		var skipped map[string]uint64
		if err := rows.Scan(&j.Journey, &entered, &running, &completed, &exited, &sent, &opened, &clicked, &converted, &skipped); err != nil {
			return nil, fmt.Errorf("report journeys: %w", err)
		}
		j.Entered, j.Running, j.Completed, j.Exited = int64(entered), int64(running), int64(completed), int64(exited)
		j.Sent, j.Opened, j.Clicked, j.Converted = int64(sent), int64(opened), int64(clicked), int64(converted)
		j.Skipped = map[string]int64{}
		for k, v := range skipped {
			j.Skipped[k] = int64(v)
		}
		out.Rows = append(out.Rows, j)
	}
	return out, rows.Err()
}

// Messages is what became of messages.
type Messages struct {
	Rows            []MessageRow `json:"rows"`
	CompleteThrough time.Time    `json:"complete_through"`
}

// MessageRow counts the sends decided in the range by channel, journey or template.
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
	rows, err := r.Conn.Query(ctx, fmt.Sprintf(query("messages"), by), r.args(x)...)
	if err != nil {
		return nil, fmt.Errorf("report messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m MessageRow
		var n [10]uint64
		if err := rows.Scan(&m.Name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9]); err != nil {
			return nil, fmt.Errorf("report messages: %w", err)
		}
		m.Decided, m.Sent, m.Delivered, m.Opened, m.Clicked = int64(n[0]), int64(n[1]), int64(n[2]), int64(n[3]), int64(n[4])
		m.Bounced, m.Failed, m.Refused, m.Unknown, m.Unsubscribed = int64(n[5]), int64(n[6]), int64(n[7]), int64(n[8]), int64(n[9])
		out.Rows = append(out.Rows, m)
	}
	return out, rows.Err()
}
