package api

import (
	"context"
	"fmt"
	"time"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// Written is what every write answers.
type Written struct {
	Position  string    `json:"position,omitempty" doc:"For ?after= of a read that must show the write."`
	Version   int64     `json:"version,omitempty" doc:"Of the definition that was saved."`
	RequestID enishi.ID `json:"request_id"`
	Warnings  []Text    `json:"warnings,omitempty" doc:"What is right and yet may not be what was meant."`
}

type writtenOutput struct{ Body Written }

// list is a page of things.
type list[T any] struct {
	Items           []T       `json:"items"`
	Next            string    `json:"next,omitempty" doc:"Where the next page begins: the value for cursor or before."`
	Total           *int64    `json:"total,omitempty"`
	CompleteThrough time.Time `json:"complete_through,omitzero" doc:"Facts up to this instant are in the answer."`
}

type listOutput[T any] struct{ Body list[T] }

func listOf[T any](items []T) *listOutput[T] { return &listOutput[T]{list[T]{Items: items}} }

// save appends a definition in the caller's name and waits for its outcome.
func (a *API) save(ctx context.Context, d enishi.Definition) (Written, error) {
	return a.saveAs(ctx, d)
}

// saveAs is save for one of several tries of a request, which parts tell apart.
func (a *API) saveAs(ctx context.Context, d enishi.Definition, parts ...string) (Written, error) {
	c := callOf(ctx)
	d.Actor, d.Role, d.RequestID = c.caller.name, string(c.caller.role), enishi.NewID("save", append([]string{c.request.String(), d.Kind, d.Name}, parts...)...)
	if d.At.IsZero() {
		d.At = a.cfg.Now().UTC()
	}
	version, err := a.cfg.Definitions.Save(ctx, a.cfg.Stream, d)
	if err != nil {
		return Written{}, err
	}
	at := position{stream.Partition{Topic: enishi.TopicDefinitions}: version}
	return Written{Position: at.String(), Version: version, RequestID: c.request}, nil
}

// append puts an event of a person on the log: straight to its profile's partition, where a merge's redirect sends it on.
func (a *API) append(ctx context.Context, e enishi.Event) (Written, error) { return a.appendAs(ctx, e) }

// appendAs is append for one of several events of a request; its id follows from the request, its type and parts, so that
// a repeat is known as one.
func (a *API) appendAs(ctx context.Context, e enishi.Event, parts ...string) (Written, error) {
	c := callOf(ctx)
	now := a.now().Truncate(time.Millisecond)
	e.ID = enishi.NewID("api", append([]string{c.request.String(), e.Type}, parts...)...)
	if e.At.IsZero() {
		e.At = now
	}
	e.Source = "console"
	recs := []stream.Record{pipeline.EventRecord(&e, a.cfg.Stream.Partitions(enishi.TopicEvents), now)}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return Written{}, fmt.Errorf("append %s: %w", e.Type, err)
	}
	return Written{Position: positionOf(recs).String(), RequestID: c.request}, nil
}
