package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

type clockOutput struct{ Body clockPage }

// clockPage is the workspace's clock and what it waits for.
type clockPage struct {
	ClockState
	NextDue *time.Time `json:"next_due" doc:"The next timer within the next minutes of this replica's partitions."`
	Busy    bool       `json:"busy" doc:"Something is being handled, or due: a replay waits until nothing is."`
}

func (a *API) getClock(ctx context.Context, _ *struct{}) (*clockOutput, error) {
	out := &clockOutput{clockPage{ClockState: a.clockState()}}
	if due, ok := a.cfg.Folder.NextDue(); ok {
		due = due.UTC()
		out.Body.NextDue = &due
	}
	p, err := a.progress(ctx, true)
	if err != nil {
		return nil, err
	}
	messages, err := a.openMessages(ctx)
	if err != nil {
		return nil, err
	}
	out.Body.Busy = p.Ingest+p.Events > 0 || messages > 0 && !a.sending().Off || a.cfg.Folder.Busy()
	return out, nil
}

type setClockInput struct {
	Body struct {
		At     time.Time `json:"at,omitzero" required:"false" doc:"Where the clock stands from now on."`
		Live   bool      `json:"live,omitempty" doc:"Follow the wall clock again."`
		Reason string    `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) setClock(ctx context.Context, in *setClockInput) (*writtenOutput, error) {
	at, live := in.Body.At.UTC().Truncate(time.Millisecond), in.Body.Live
	stands, virtual := a.cfg.Folder.Clock().Virtual()
	switch {
	case live == !in.Body.At.IsZero():
		return nil, enishi.FieldError("body", "give either at or live", "at か live のどちらかを指定してください。")
	case live && !virtual:
		return nil, refusal(enishi.Conflict, "the clock is not virtual", "時計は実時間で動いています。")
	case !live && virtual && at.Before(stands):
		return nil, refusal(enishi.Conflict, "the clock does not go back: it stands at "+stands.UTC().Format(time.RFC3339), "時計は戻せません。")
	case !live && !virtual:
		if err := a.refuseProfiles(ctx); err != nil {
			return nil, err
		}
	}
	c := callOf(ctx)
	now := a.cfg.Now().UTC().Truncate(time.Millisecond)
	stamp := now
	if !live {
		stamp = at
	}
	control := enishi.Control{Clock: at, Live: live, Actor: c.caller.name, Reason: in.Body.Reason}
	if live {
		control.Clock = now
	}
	var recs []stream.Record
	partitions := a.cfg.Stream.Partitions(enishi.TopicEvents)
	for n := range partitions {
		e := enishi.Event{ID: enishi.NewID("clock", c.request.String(), strconv.Itoa(n)), Type: enishi.TypeClock, At: stamp, Partition: n, Control: &control}
		recs = append(recs, pipeline.EventRecord(&e, partitions, stamp))
	}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return nil, fmt.Errorf("append clock: %w", err)
	}
	return &writtenOutput{Written{Position: positionOf(recs).String(), RequestID: c.request}}, nil
}

// refuseProfiles keeps a virtual clock from people who live by the real one.
func (a *API) refuseProfiles(ctx context.Context) error {
	n, err := a.count(ctx, "SELECT count() FROM profiles FINAL")
	if err != nil {
		return err
	}
	if n > 0 {
		return refusal(enishi.Conflict, "a replay needs a server without profiles: this one has "+strconv.FormatInt(n, 10), "再生は、顧客データのない状態でだけ始められます。")
	}
	return nil
}

type importInput struct {
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"100" doc:"What is imported, for people to read."`
		Replay bool   `json:"replay,omitempty" doc:"Play it on a virtual clock: only without profiles."`
	}
}

type importOutput struct {
	Body struct {
		ID enishi.ID `json:"id"`
	}
}

func (a *API) beginImport(ctx context.Context, in *importInput) (*importOutput, error) {
	if in.Body.Replay {
		if _, virtual := a.cfg.Folder.Clock().Virtual(); !virtual {
			if err := a.refuseProfiles(ctx); err != nil {
				return nil, err
			}
		}
	}
	c := callOf(ctx)
	out := &importOutput{}
	out.Body.ID = enishi.NewID("import", c.request.String(), in.Body.Name)
	a.log.Info("import begins", "name", in.Body.Name, "replay", in.Body.Replay, "actor", c.caller.name, "request_id", c.request)
	return out, nil
}

// ImportRequest is a slice of an import: records for the source topics, in order of time.
type ImportRequest struct {
	Records []ImportRecord `json:"records" maxItems:"20000"`
	Clock   time.Time      `json:"clock,omitzero" required:"false" doc:"Of a replay: the records carry their own times, the clock is moved here after them, and the answer comes when nothing is due; without records, when all is sent too."`
	Slice   int            `json:"slice,omitempty" minimum:"0" maximum:"86400" doc:"Of a replay: seconds of virtual time that are played at once; 3600."`
}

// ImportRecord is one record of a source topic.
type ImportRecord struct {
	Topic string    `json:"topic" enum:"orders,shipments,web,store"`
	Key   string    `json:"key,omitempty"`
	Value string    `json:"value" doc:"JSON of an event (docs/events.md)."`
	Time  time.Time `json:"time,omitzero" required:"false"`
}

// ImportAnswer says what became of a slice.
type ImportAnswer struct {
	Appended int `json:"appended"`
}

type importRecordsInput struct{ Body ImportRequest }

type importRecordsOutput struct{ Body ImportAnswer }

func (a *API) importRecords(ctx context.Context, in *importRecordsInput) (*importRecordsOutput, error) {
	if a.cfg.Import == nil {
		return nil, refusal(enishi.Conflict, "this server takes no imports over HTTP", "このサーバーでは HTTP による取り込みは行えません。")
	}
	answer, err := a.cfg.Import(ctx, in.Body)
	return &importRecordsOutput{answer}, err
}

type clearInput struct {
	Body struct {
		Confirm bool   `json:"confirm" doc:"Must be true: everything is deleted."`
		Reason  string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) clearDemo(ctx context.Context, in *clearInput) (*writtenOutput, error) {
	switch {
	case !a.cfg.Demo:
		return nil, refusal(enishi.Conflict, "this is not the demo shop", "デモショップではないため、消去できません。")
	case !in.Body.Confirm:
		return nil, enishi.FieldError("body.confirm", "must be true", "confirm に true を指定してください。")
	}
	c := callOf(ctx)
	a.log.Info("demo shop is cleared", "actor", c.caller.name, "request_id", c.request)
	if err := a.cfg.ClearDemo(ctx); err != nil {
		return nil, fmt.Errorf("clear the demo shop: %w", err)
	}
	a.homeMemo.forget()
	a.statusMemo.forget()
	return &writtenOutput{Written{RequestID: c.request}}, nil
}
