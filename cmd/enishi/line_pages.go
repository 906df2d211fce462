package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels/line"
	"enishi/internal/stream"
)

// buildLINEPages makes the pages that people come to from LINE.
func (w *workspace) buildLINEPages() error {
	var err error
	w.linePages, err = line.NewPages(line.PagesConfig{Accounts: w.line, Key: w.secret, BaseURL: w.base, Ingest: w.ingest, Used: w.nonceUsed, Unlink: w.unlinkLINE, Known: w.lineKnown,
		Setting: func() []byte {
			d, ok := w.definitions.Current("setting", line.SourcesName)
			if !ok {
				return nil
			}
			return d.Body
		},
		Brand: w.renderer.Brand, Now: w.now, Log: w.log})
	return err
}

// nonceUsed notes that an event uses a nonce. It is true when no other event does: of two at the same time neither may.
func (w *workspace) nonceUsed(ctx context.Context, nonce, by enishi.ID) (bool, error) {
	if err := w.db.Insert(ctx, "line_nonces", []string{"nonce", "used_by", "at"}, 1, []enishi.ID{nonce}, []enishi.ID{by}, []time.Time{w.now().UTC()}); err != nil {
		return false, fmt.Errorf("note a nonce: %w", err)
	}
	rows, err := w.db.Query(ctx, "SELECT uniqExact(used_by) FROM line_nonces WHERE nonce = toFixedString(unhex({nonce:String}), 16)", clickhouse.Named("nonce", nonce.String()))
	if err != nil {
		return false, fmt.Errorf("read a nonce: %w", err)
	}
	defer rows.Close()
	var n uint64
	if rows.Next() {
		err = rows.Scan(&n)
	}
	if err == nil {
		err = rows.Err()
	}
	return n == 1, err
}

// lineSubject is a LINE user as the log and the tables know one.
func (w *workspace) lineSubject(provider, userID string) enishi.ID {
	return w.hasher().Hash(enishi.Identifier{Kind: enishi.LINEUser, Scope: provider, Value: userID})
}

// lineKnown is what is known of a LINE user.
func (w *workspace) lineKnown(ctx context.Context, provider, userID string) (known line.Known, err error) {
	subject := w.lineSubject(provider, userID)
	rows, err := w.db.Query(ctx, `SELECT traits['`+line.SourceTrait+`'], customer_id != '', (SELECT min(at) FROM events WHERE subject = toFixedString(unhex({subject:String}), 16) AND type = 'line.followed')
FROM people FINAL WHERE profile_id = toFixedString(unhex({profile:String}), 16)`, clickhouse.Named("subject", subject.String()), clickhouse.Named("profile", w.ingester.Graph().Resolve(subject).String()))
	if err != nil {
		return known, fmt.Errorf("read what is known of a LINE user: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		var customer uint8
		var followed time.Time
		if err := rows.Scan(&known.Source, &customer, &followed); err != nil {
			return known, fmt.Errorf("read what is known of a LINE user: %w", err)
		}
		if known.Customer = customer == 1; followed.Unix() > 0 {
			known.FollowedAt = followed
		}
	}
	return known, rows.Err()
}

// unlinkLINE takes every link back that joins a LINE user to others.
func (w *workspace) unlinkLINE(ctx context.Context, provider, userID string) (int, error) {
	subject, now := w.lineSubject(provider, userID), w.now().UTC().Truncate(time.Millisecond)
	var recs []stream.Record
	for _, l := range w.ingester.Graph().Component(subject).Links {
		if l.State != "merged" || l.A != subject && l.B != subject {
			continue
		}
		link := enishi.Link{Op: "unlink", Link: l.Offset, Event: enishi.NewID("line unlink", subject.String(), fmt.Sprint(l.Offset)), Source: "line", At: now, Actor: "line", Reason: "the person took the link back"}
		recs = append(recs, stream.Record{Topic: enishi.TopicIdentities, Partition: 0, Time: now, Value: enishi.EncodeLink(nil, &link)})
	}
	if len(recs) == 0 {
		return 0, nil
	}
	if err := w.stream.Append(ctx, recs); err != nil {
		return 0, fmt.Errorf("append unlink: %w", err)
	}
	return len(recs), nil
}
