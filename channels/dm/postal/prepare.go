package postal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
)

// version of rows that the work under a claim writes: those of a later claim win.
func (b *Batch) version(pass uint64) uint64 { return uint64(b.Version)<<8 | pass<<4 }

// prepare looks every person of a closed batch up, checks the address, and leaves out who need not or may not get a piece.
func (o *Office) prepare(ctx context.Context, b *Batch) error {
	now, set := o.now(), o.account(b.Account)
	if err := o.fault("prepare"); err != nil {
		return err
	}
	cost, err := o.chooseProduct(ctx, b, set)
	if err != nil {
		return err
	}
	table, err := o.table(ctx)
	if err != nil {
		return err
	}
	err = o.eachWith(ctx, b.Name, "seed = 0", func(page []Piece, people map[enishi.ID]*Person, gone []enishi.ID) error {
		sends := make([]enishi.ID, len(page))
		for i := range page {
			sends[i] = page[i].SendID
		}
		others, err := o.Pieces.Elsewhere(ctx, b.Name, sends)
		if err != nil {
			return err
		}
		out := page[:0]
		for i := range page {
			x := &page[i]
			if x.State == PieceLeftOut && (x.Reason == LeftErased || x.Reason == LeftByHand) {
				continue
			}
			x.Version, x.UpdatedAt, x.Cost, x.State, x.Reason, x.Problems = b.version(1), now, cost, PieceReady, "", nil
			p := people[x.Profile]
			if p == nil || p.Erased {
				continue // Erase says so
			}
			x.Code, x.Rank = o.code(x), p.rank(x, set.Prefer)
			x.look(p, table)
			if other := others[x.SendID]; other != "" && other < b.Name {
				x.State, x.Reason = PieceLeftOut, LeftDuplicate
			} else if why := p.Reason(x, set, now); why != "" {
				x.State, x.Reason = PieceLeftOut, why
			}
			if x.State == PieceReady {
				o.fit(ctx, b, x, set)
			}
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
	if set.Keep == HouseholdOne {
		if err := o.leaveOut(ctx, b, 2, LeftHousehold, `SELECT send_id FROM (SELECT send_id, row_number() OVER (PARTITION BY household ORDER BY rank DESC, decided_at, send_id) AS place
			FROM postal_pieces FINAL WHERE batch = {batch:String} AND state = 'ready' AND household != '' AND seed = 0) WHERE place > 1`); err != nil {
			return err
		}
	}
	if err := o.keepBudget(ctx, b, set, cost); err != nil {
		return err
	}
	if err := o.addSeeds(ctx, b, set, cost, now); err != nil {
		return err
	}
	if b.Tally, err = o.tally(ctx, b.Name); err != nil {
		return err
	}
	b.Tally.PerPiece = cost
	b.State, b.Claim, b.Tries, b.Problem = InReview, "", 0, Text{}
	if err := o.fault("prepared"); err != nil {
		return err
	}
	o.log.Info("a batch of post is prepared", "batch", b.Name, "pieces", b.Tally.Pieces, "ready", b.Tally.Ready, "rejected", b.Tally.Rejected, "left_out", b.Tally.LeftOut)
	return o.save(ctx, b, "prepared")
}

// eachWith calls do for all pieces of a batch that fit, a page at a time, with how their people stand now. gone are the people
// who were erased.
func (o *Office) eachWith(ctx context.Context, batch, where string, do func(page []Piece, people map[enishi.ID]*Person, gone []enishi.ID) error) error {
	return o.Pieces.Each(ctx, batch, where, func(page []Piece) error {
		var ids []enishi.ID
		for i := range page {
			if !page[i].Profile.IsZero() {
				ids = append(ids, page[i].Profile)
			}
		}
		slices.SortFunc(ids, enishi.ID.Compare)
		ids = slices.Compact(ids)
		people, err := o.cfg.People(ctx, ids)
		if err != nil {
			return err
		}
		var gone []enishi.ID
		for _, id := range ids {
			if p := people[id]; p == nil || p.Erased {
				gone = append(gone, id)
			}
		}
		return do(page, people, gone)
	})
}

// leaveOut leaves out the ready pieces that a query names.
func (o *Office) leaveOut(ctx context.Context, b *Batch, pass uint64, reason, query string, args ...any) error {
	rows, err := o.cfg.DB.Query(ctx, query, append(args, ch.Named("batch", b.Name))...)
	if err != nil {
		return fmt.Errorf("find whom to leave out (%s): %w", reason, err)
	}
	var ids []enishi.ID
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return fmt.Errorf("find whom to leave out (%s): %w", reason, err)
		}
		ids = append(ids, enishi.ID([]byte(id)))
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find whom to leave out (%s): %w", reason, err)
	}
	for chunk := range slices.Chunk(ids, 2000) {
		list, err := o.Pieces.read(ctx, "batch = {batch:String} AND state = 'ready' AND send_id IN "+idSet(chunk), ch.Named("batch", b.Name))
		if err != nil {
			return err
		}
		for i := range list {
			list[i].State, list[i].Reason, list[i].Version = PieceLeftOut, reason, b.version(pass)
		}
		if err := o.Pieces.Insert(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

// keepBudget leaves out what the budgets do not pay: of the rest those come first who rank highest.
func (o *Office) keepBudget(ctx context.Context, b *Batch, set *Account, cost enishi.Amount) error {
	left, bounded := o.budgetLeft(b, set)
	if !bounded || cost <= 0 {
		return nil
	}
	most := max(int64(left/cost)-int64(len(set.Seeds)), 0)
	return o.leaveOut(ctx, b, 3, LeftBudget, fmt.Sprintf(`SELECT send_id FROM postal_pieces FINAL WHERE batch = {batch:String} AND state = 'ready' AND seed = 0 ORDER BY rank DESC, decided_at, send_id LIMIT 100000000 OFFSET %d`, most))
}

// budgetLeft is what a batch may cost; false when nothing bounds it. Of a month counts what is approved, or gone.
func (o *Office) budgetLeft(b *Batch, set *Account) (enishi.Amount, bool) {
	left, bounded := enishi.Amount(0), false
	if set.Budget.Batch > 0 {
		left, bounded = set.Budget.Batch, true
	}
	if set.Budget.Month > 0 {
		month := func(t time.Time) string { return t.In(o.cfg.Zone()).Format("2006-01") }
		rest := set.Budget.Month
		list := o.cfg.Definitions.List(Kind)
		for i := range list {
			x, err := ParseBatch(&list[i])
			if err != nil || x.Name == b.Name || x.Account != b.Account || month(x.Cutoff) != month(b.Cutoff) {
				continue
			}
			switch x.State {
			case Approved, Exporting, Exported, Delivered:
				rest -= x.Tally.Cost
			}
		}
		if rest = max(rest, 0); !bounded || rest < left {
			left, bounded = rest, true
		}
	}
	return left, bounded
}

// addSeeds puts the shop's own addresses into the batch.
func (o *Office) addSeeds(ctx context.Context, b *Batch, set *Account, cost enishi.Amount, now time.Time) error {
	if len(set.Seeds) == 0 {
		return nil
	}
	some, err := o.Pieces.Page(ctx, b.Name, enishi.ID{}, 1, "state = 'ready' AND seed = 0")
	if err != nil || len(some) == 0 {
		return err
	}
	table, err := o.table(ctx)
	if err != nil {
		return err
	}
	list := make([]Piece, 0, len(set.Seeds))
	for i := range set.Seeds {
		a := set.Seeds[i].Address
		x := Piece{Batch: b.Name, SendID: seedID(b.Name, i), Version: b.version(1), State: PieceReady, Account: b.Account, Purpose: "test", Template: b.Template, TemplateVersion: some[0].TemplateVersion,
			Language: some[0].Language, DecidedAt: b.ClosedAt, Cutoff: b.Cutoff, UpdatedAt: now, Cost: cost, Seed: true, Content: some[0].Content}
		x.Code = o.code(&x)
		x.look(&Person{Address: &a}, table)
		if x.State == PieceReady {
			o.fit(ctx, b, &x, set)
		}
		list = append(list, x)
	}
	return o.Pieces.Insert(ctx, list)
}

// tally counts the pieces of a batch.
func (o *Office) tally(ctx context.Context, name string) (*Tally, error) {
	rows, err := o.cfg.DB.Query(ctx, `SELECT toString(state), toString(reason), seed, count(), countIf(problems != ''), sum(cost), max(cost) FROM postal_pieces FINAL
		WHERE batch = {batch:String} AND state != 'moved' GROUP BY state, reason, seed`, ch.Named("batch", name))
	if err != nil {
		return nil, fmt.Errorf("count pieces: %w", err)
	}
	defer rows.Close()
	t := &Tally{Reasons: map[string]int{}}
	for rows.Next() {
		var state, reason string
		var seed uint8
		var n, warned uint64
		var cost, each int64
		if err := rows.Scan(&state, &reason, &seed, &n, &warned, &cost, &each); err != nil {
			return nil, fmt.Errorf("count pieces: %w", err)
		}
		if seed == 0 {
			t.Pieces += int(n)
		}
		switch state {
		case PieceReady, PieceExported:
			t.Ready += int(n)
			t.Warnings += int(warned)
			t.Cost += enishi.Amount(cost)
			t.PerPiece = max(t.PerPiece, enishi.Amount(each))
			if seed == 1 {
				t.Seeds += int(n)
			}
		case PieceRejected:
			t.Rejected += int(n)
			t.Reasons[reason] += int(n)
		case PieceLeftOut:
			t.LeftOut += int(n)
			t.Reasons[reason] += int(n)
		}
	}
	return t, rows.Err()
}

// LeaveOut takes a piece out of a batch that is not exported yet, or back in, by hand. The caller saves b, whose counts follow.
func (o *Office) LeaveOut(ctx context.Context, b *Batch, x *Piece, out bool) (err error) {
	switch {
	case b.State != InReview && (b.State != Approved || !out):
		return &enishi.Error{Code: enishi.Conflict, Msg: "pieces can be left out while the batch is in review or approved, and taken in again while it is in review", MsgJA: "宛先を外せるのは承認待ちか承認済みのとき、戻せるのは承認待ちのときだけです。"}
	case x.Reason == LeftErased:
		return &enishi.Error{Code: enishi.Conflict, Msg: "the person was erased", MsgJA: "この顧客の情報は消去されています。"}
	}
	x.State, x.Reason = PieceLeftOut, LeftByHand
	if !out {
		x.State, x.Reason = PieceCollected, "" // preparing judges it anew
		b.State, b.ClosedAt, b.Claim = Closed, o.now(), ""
	}
	x.Version, x.UpdatedAt = max(x.Version, b.version(8))+2, o.now()
	if err = o.Pieces.Insert(ctx, []Piece{*x}); err != nil {
		return err
	}
	cost := b.Tally.PerPiece
	if b.Tally, err = o.tally(ctx, b.Name); err != nil {
		return err
	}
	b.Tally.PerPiece = cost
	return nil
}

// Rejects tells whether a reason is about an address that can be mended.
func Rejects(reason string) bool {
	return strings.HasPrefix(reason, "address:") || reason == LeftNoAddress || reason == LeftMoved || reason == LeftContent
}

// BudgetLeft is what a batch may cost; false when nothing bounds it.
func (o *Office) BudgetLeft(b *Batch) (enishi.Amount, bool) {
	return o.budgetLeft(b, o.account(b.Account))
}

// ReasonCode is the part of a reason that is about an address: zip.unknown of address:zip.unknown.
func ReasonCode(reason string) (code string, ok bool) { return strings.CutPrefix(reason, "address:") }
