package postal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"enishi"
	"enishi/channels"
)

// Repeat is how long a hand-over whose outcome is not known is tried again: the same send is the same row.
const Repeat = 30 * 24 * time.Hour

// Workers is how many pieces are on their way into the table at the same time; they go in together.
const Workers = 256

const (
	gather     = 20 * time.Millisecond
	mostAtOnce = 1000
)

// Channel stores pieces. It is safe for concurrent use.
type Channel struct {
	insert   func(ctx context.Context, list []Piece) error
	settings func() *Settings
	zone     func() *time.Location
	now      func() time.Time

	in chan waiting
}

type waiting struct {
	piece Piece
	done  chan error
}

// NewChannel makes the channel; [Channel.Run] stores what Send takes.
func NewChannel(pieces Pieces, settings func() *Settings, zone func() *time.Location, now func() time.Time) *Channel {
	return &Channel{insert: pieces.Insert, settings: settings, zone: zone, now: now, in: make(chan waiting)}
}

// Run stores what Send takes until ctx ends.
func (c *Channel) Run(ctx context.Context) error {
	for {
		var list []waiting
		select {
		case <-ctx.Done():
			return nil
		case w := <-c.in:
			list = append(list, w)
		}
		timer := time.NewTimer(gather)
	more:
		for len(list) < mostAtOnce {
			select {
			case w := <-c.in:
				list = append(list, w)
			case <-timer.C:
				break more
			case <-ctx.Done():
				break more
			}
		}
		timer.Stop()
		pieces := make([]Piece, len(list))
		for i := range list {
			pieces[i] = list[i].piece
		}
		err := c.insert(ctx, pieces)
		for i := range list {
			list[i].done <- err
		}
	}
}

// Send stores a piece in the batch that its decision falls into and answers when it is stored. The same send again is the
// same row, and what was made of it meanwhile stands.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	d := m.Decided
	if d == nil || len(m.Content) == 0 {
		return channels.Receipt{}, channels.Permanent(errors.New("there is no layout to print")).With("", "content")
	}
	account := m.Account
	if account == "" {
		account = DefaultAccount
	}
	set, ok := c.settings().Account(account)
	if !ok {
		return channels.Receipt{}, channels.Permanent(fmt.Errorf("there is no postal account %q in the settings", account)).With("", "account")
	}
	cutoff := set.Schedule.Cutoff(d.DecidedAt, c.zone())
	p := Piece{Batch: BatchName(account, m.Template, cutoff, c.zone()), SendID: m.SendID, State: PieceCollected, Profile: m.Profile, Subject: d.Subject, Round: m.Round, Account: account, Destination: d.Destination,
		Purpose: m.Purpose, Journey: m.Journey, Definition: int64(d.Version), Node: d.Node, RunID: d.RunID, Template: m.Template, TemplateVersion: d.TemplateVersion, Language: m.Language, Variant: m.Variant,
		DecidedAt: d.DecidedAt, Cutoff: cutoff, UpdatedAt: c.now().UTC(), Content: m.Content}
	if m.Begin != nil {
		if err := m.Begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	w := waiting{p, make(chan error, 1)}
	select {
	case c.in <- w:
	case <-ctx.Done():
		return channels.Receipt{}, channels.Busy(ctx.Err(), 0) // nothing was handed over
	}
	select {
	case err := <-w.done:
		if err != nil {
			return channels.Receipt{}, channels.Unknown(err)
		}
	case <-ctx.Done():
		return channels.Receipt{}, channels.Unknown(ctx.Err())
	}
	return channels.Receipt{Code: "collected", ProviderID: p.Batch}, nil
}

var _ channels.Channel = (*Channel)(nil)

// Test is the batch name that tests of templates have; they are shown as a proof and never printed.
const testPurpose = channels.TestPurpose

// NewPieceID is the send id of a seed of a batch.
func seedID(batch string, n int) enishi.ID { return enishi.NewID("postal seed", batch, fmt.Sprint(n)) }
