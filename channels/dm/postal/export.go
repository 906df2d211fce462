package postal

import (
	"context"
	"fmt"
	"slices"

	"enishi"
	"enishi/internal/address"
)

// judge decides a last time, right before printing, who may not get a piece any more, and numbers the others. Once its
// outcome stands in the batch the rows do not change any more: files follow from them alone.
func (o *Office) judge(ctx context.Context, b *Batch) error {
	now, set := o.now(), o.account(b.Account)
	table, err := o.table(ctx)
	if err != nil {
		return err
	}
	number := 0
	if err := o.fault("judge"); err != nil {
		return err
	}
	err = o.eachWith(ctx, b.Name, "state IN ('ready', 'exported')", func(page []Piece, people map[enishi.ID]*Person, gone []enishi.ID) error {
		out := page[:0]
		for i := range page {
			x := &page[i]
			if !x.Seed {
				p := people[x.Profile]
				if x.Profile.IsZero() || p == nil || p.Erased {
					continue
				}
				o.judgePiece(x, p, set, table)
				if why := p.Reason(x, set, now); why != "" {
					x.State, x.Reason = PieceLeftOut, why
				}
			}
			if x.State == PieceReady || x.State == PieceExported {
				number++
				x.State, x.Sequence = PieceExported, number
			}
			x.Version, x.UpdatedAt = b.version(1), now
			out = append(out, *x)
		}
		if err := o.Pieces.Insert(ctx, out); err != nil {
			return err
		}
		return o.Pieces.Erase(ctx, gone, now)
	})
	if err != nil {
		return err
	}
	tally, err := o.tally(ctx, b.Name)
	if err != nil {
		return err
	}
	tally.PerPiece = max(tally.PerPiece, b.Tally.PerPiece)
	b.Tally, b.Step, b.JudgedAt = tally, stepPrint, now
	if tally.Ready-tally.Seeds == 0 {
		b.State, b.Step, b.Claim = InReview, "", ""
		b.Problem = Text{"書き出しの直前の確認で、全員が対象から外れました。", "The last check before the export left everybody out."}
		return o.save(ctx, b, "nobody is left")
	}
	if err := o.fault("judged"); err != nil {
		return err
	}
	return o.save(ctx, b, "judged")
}

// judgePiece looks whether the person's address is still the one that was approved.
func (o *Office) judgePiece(x *Piece, p *Person, set *Account, t *address.Table) {
	again := *x
	again.State = PieceReady
	again.look(p, t)
	switch {
	case again.State == PieceLeftOut: // the address came back
		x.State, x.Reason = PieceLeftOut, again.Reason
	case again.State == PieceRejected || again.Key != x.Key || again.PostalCode != x.PostalCode:
		x.State, x.Reason = PieceRejected, LeftMoved
	}
}

// tell puts what became of every piece on the log: sent when it was exported, dropped with the reason when it was not. The
// ids follow from send and batch, so that a repeat is known as one.
func (o *Office) tell(ctx context.Context, b *Batch) error {
	at := b.ExportedAt
	if b.State == Cancelled {
		at = o.now()
	}
	n := 0
	err := o.Pieces.Each(ctx, b.Name, "seed = 0", func(page []Piece) error {
		var events []enishi.Event
		for i := range page {
			x := &page[i]
			if x.Profile.IsZero() {
				continue // erased: nobody is told about them
			}
			e := enishi.Event{Subject: x.Subject, Profile: x.Profile, At: at, Source: "postal", Result: &enishi.MessageResult{SendID: x.SendID, Round: x.Round, Channel: enishi.PostalChannel, Destination: x.Destination,
				Journey: x.Journey, Node: x.Node, Template: x.Template, Purpose: x.Purpose, RunID: x.RunID, ProviderID: b.Name, Variant: x.Variant}}
			switch {
			case x.State == PieceExported && b.State != Cancelled:
				e.Type, e.ID = "message.sent", enishi.NewID("result", x.SendID.String(), "exported", b.Name)
			case x.State == PieceCollected && b.State != Cancelled:
				continue // it came late and goes into another batch
			default:
				e.Type, e.ID = "message.dropped", enishi.NewID("result", x.SendID.String(), "left out", b.Name)
				if e.Result.Reason = x.Reason; b.State == Cancelled {
					e.Result.Reason = "cancelled"
				}
			}
			if x.Reason == LeftDuplicate {
				continue // its other piece tells
			}
			events = append(events, e)
		}
		n += len(events)
		for chunk := range slices.Chunk(events, 500) {
			if err := o.cfg.Append(ctx, chunk); err != nil {
				return fmt.Errorf("tell what became of pieces: %w", err)
			}
		}
		return o.fault("telling")
	})
	if err != nil {
		return err
	}
	b.Told = true
	if err := o.save(ctx, b, "told"); err != nil {
		return err
	}
	o.log.Info("what became of a batch of post is on the log", "batch", b.Name, "pieces", n)
	return nil
}
