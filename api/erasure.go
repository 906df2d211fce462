package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/profiles"
)

// erasure is who is erased, by whom and why.
type erasure struct {
	profile       *profiles.Profile
	request       enishi.ID
	actor, reason string
	source        string
}

// Erase deletes everything about a person whom a source names, as its law or contract asks: under all that is known of them. Of
// somebody who is not known there is nothing to delete. It may be repeated.
func (a *API) Erase(ctx context.Context, person enishi.Person, request enishi.ID, source, reason string) error {
	seen := map[enishi.ID]bool{}
	for _, x := range []enishi.Identifier{{Kind: enishi.Customer, Value: person.CustomerID}, {Kind: enishi.Email, Value: person.Email}, {Kind: enishi.Phone, Value: person.Phone}} {
		value, err := ingest.Normalise(x.Kind, x.Value)
		if err != nil || value == "" {
			continue
		}
		x.Value = value
		p, _, err := a.load(ctx, a.cfg.Hasher.Hash(x).String())
		var e *enishi.Error
		if errors.As(err, &e) && e.Code == enishi.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if seen[p.ID] || p.Erased && len(p.Subjects) == 0 {
			continue
		}
		seen[p.ID] = true
		if _, err := a.appendErasures(ctx, erasure{profile: p, request: request, actor: "source:" + source, reason: reason, source: source}); err != nil {
			return err
		}
		if x.Kind == enishi.Customer {
			return nil // the address may be somebody else's by now
		}
	}
	return nil
}

// appendErasures tells every profile that an identifier of the person ever had: each deletes the rows that it wrote.
func (a *API) appendErasures(ctx context.Context, x erasure) (Written, error) {
	p := x.profile
	if err := a.allLinks(ctx); err != nil {
		return Written{}, err
	}
	now := a.now().Truncate(time.Millisecond)
	ids := []enishi.ID{p.ID}
	add := func(id enishi.ID) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for i := range p.Subjects {
		add(p.Subjects[i].ID)
	}
	for _, m := range a.cfg.Ingester.Graph().Component(p.ID).Members {
		add(m.ID)
	}
	recs := make([]stream.Record, len(ids))
	for i, id := range ids {
		e := enishi.Event{ID: enishi.NewID("api", x.request.String(), enishi.TypeErased), Type: enishi.TypeErased, At: now, Source: x.source, Profile: id, Subject: mainSubject(p),
			Control: &enishi.Control{Subjects: ids, RequestID: x.request, Actor: x.actor, Reason: x.reason}}
		recs[i] = pipeline.EventRecord(&e, a.cfg.Stream.Partitions(enishi.TopicEvents), now)
	}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return Written{}, fmt.Errorf("append %s: %w", enishi.TypeErased, err)
	}
	return Written{Position: positionOf(recs).String(), RequestID: x.request}, nil
}
