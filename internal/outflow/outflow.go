package outflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/channels/webhook"
	"enishi/ingest"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/stream"
)

// StageStream is the stage of a dead letter that a receiver refused; its Topic is stream:NAME, its Raw the change.
const StageStream = ingest.StageStream

// Config is what an Outflow needs. Fields are required unless they say otherwise.
type Config struct {
	DB          *clickhouse.DB
	Append      func(ctx context.Context, recs []stream.Record) error
	Definitions *definitions.Log
	Owned       func() []int                 // partitions of the topic events that this replica folds
	Resolve     func(id enishi.ID) enishi.ID // whose an identifier is now
	Base        string                       // public address of the workspace: what changes name as their source
	Secret      []byte                       // of the workspace: signing keys follow from it
	// Calls makes the client that signs with keys and reaches what the configuration lets it reach.
	Calls    func(keys []string) (*webhook.Channel, error)
	SaveDead func(ctx context.Context, letters []ingest.DeadLetter) error
	Alert    func(enishi.Alert)
	Now      func() time.Time // default: time.Now
	Log      *slog.Logger     // default: discard
}

// Outflow runs the streams of a workspace. Use [New].
type Outflow struct {
	cfg Config
	tables
}

// New checks cfg.
func New(cfg Config) (*Outflow, error) {
	if cfg.DB == nil || cfg.Append == nil || cfg.Definitions == nil || cfg.Owned == nil || cfg.Resolve == nil || cfg.Calls == nil || cfg.SaveDead == nil || cfg.Alert == nil || len(cfg.Secret) == 0 {
		return nil, errors.New("outflow: DB, Append, Definitions, Owned, Resolve, Secret, Calls, SaveDead and Alert are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("component", "outflow")
	return &Outflow{cfg: cfg, tables: tables{cfg.DB}}, nil
}

// Run keeps a worker for each stream that is on, until ctx ends.
func (o *Outflow) Run(ctx context.Context) error {
	type running struct {
		version int64
		stop    context.CancelFunc
	}
	workers := map[string]*running{}
	var group sync.WaitGroup
	defer group.Wait()
	ended := map[string]chan struct{}{} // the last worker of a name, which saves its position when it ends
	for {
		changed := o.cfg.Definitions.Changed()
		on := map[string]bool{}
		for _, d := range o.cfg.Definitions.List(Kind) {
			s, err := Parse(d.Body)
			if err != nil {
				o.cfg.Log.Error("a stream cannot be read and stands still", "stream", d.Name, "err", err)
				continue
			}
			if s.Paused {
				continue
			}
			on[d.Name] = true
			if have := workers[d.Name]; have != nil {
				if have.version == d.Version {
					continue
				}
				have.stop()
			}
			w, err := o.worker(d, s)
			if err != nil {
				o.cfg.Log.Error("a stream stands still", "stream", d.Name, "err", err)
				delete(workers, d.Name)
				continue
			}
			before, done := ended[d.Name], make(chan struct{})
			ended[d.Name] = done
			run, stop := context.WithCancel(ctx)
			workers[d.Name] = &running{d.Version, stop}
			group.Go(func() {
				defer close(done)
				defer stop()
				if before != nil {
					<-before
				}
				w.run(run)
			})
		}
		for name, have := range workers {
			if !on[name] {
				have.stop()
				delete(workers, name)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// born is the version with which the stream of a name began, and when.
func (o *Outflow) born(name string) (version int64, at time.Time) {
	for _, d := range o.cfg.Definitions.History(Kind, name) {
		switch {
		case d.Deleted:
			version = 0
		case version == 0:
			version, at = d.Version, d.At
		}
	}
	return version, at
}

// source is what the changes of a stream name as where they are from.
func (o *Outflow) source(name string) string {
	return strings.TrimSuffix(o.cfg.Base, "/") + "/streams/" + name
}

// destination makes where a stream sends to.
func (o *Outflow) destination(name string, s *Stream) (destination, error) {
	if s.To == ToTopic {
		return &topic{append: o.cfg.Append, now: o.cfg.Now}, nil
	}
	calls, err := o.cfg.Calls(SigningKeys(o.cfg.Secret, name, s.Key))
	if err != nil {
		return nil, err
	}
	return newReceiver(calls, s), nil
}

// Keys are the signing keys of a stream, the newest first.
func (o *Outflow) Keys(name string, s *Stream) []string {
	return SigningKeys(o.cfg.Secret, name, s.Key)
}

// TestType is the type of a change that is only a test.
const TestType = "stream.test"

// Test sends a made-up change to where a stream sends to. code is what was answered; the error says in words why it was not taken.
func (o *Outflow) Test(ctx context.Context, name string, s *Stream) (code string, err error) {
	to, err := o.destination(name, s)
	if err != nil {
		return "", err
	}
	now := o.cfg.Now().UTC().Truncate(time.Millisecond)
	id := enishi.NewID("test", name, now.String())
	nobody := enishi.NewID("nobody")
	c := &Change{SpecVersion: "1.0", ID: id.String(), Source: o.source(name), Type: TestType, Subject: nobody.String(), Time: now, ContentType: "application/json", Schema: Schema,
		Key: nobody.String(), Sequence: "00000-00000-000000000000000", Data: Data{Group: "stream", RecordedAt: now}}
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode a test: %w", err)
	}
	code, trouble := to.send(ctx, []outgoing{{id: id, key: nobody, typ: TestType, body: body}})
	if trouble != nil {
		return trouble.code, trouble.error()
	}
	return code, nil
}

// Replay sends a dead letter again, as it is mended; the stream must still be there.
func (o *Outflow) Replay(ctx context.Context, l *ingest.DeadLetter, body []byte) error {
	name := strings.TrimPrefix(l.Topic, deadTopic(""))
	d, ok := o.cfg.Definitions.Current(Kind, name)
	if !ok {
		return &enishi.Error{Code: enishi.Conflict, Msg: "the stream " + name + " was deleted: discard it", MsgJA: "データの送り出し「" + name + "」は削除されています。このデータは破棄してください。"}
	}
	s, err := Parse(d.Body)
	if err != nil {
		return err
	}
	var c Change
	if err := json.Unmarshal(body, &c); err != nil {
		return enishi.FieldError("raw", "is no change: "+err.Error(), "変化のデータとして読めません: "+err.Error())
	}
	id, err := enishi.ParseID(c.ID)
	if err != nil {
		return enishi.FieldError("raw.id", "is no id: leave it as it was", "id は変えないでください。")
	}
	key, err := enishi.ParseID(c.Key)
	if err != nil {
		return enishi.FieldError("raw.partitionkey", "is no id: leave it as it was", "partitionkey は変えないでください。")
	}
	to, err := o.destination(name, s)
	if err != nil {
		return err
	}
	if _, trouble := to.send(ctx, []outgoing{{id: id, key: key, typ: c.Type, body: body}}); trouble != nil {
		return trouble.error()
	}
	return nil
}

// beginOf is where a stream begins: at since if it is told, else when it was made.
func beginOf(since, made time.Time) time.Time {
	if since.IsZero() {
		return made
	}
	return since
}

// Status is how a stream stands.
type Status struct {
	State     string    // running, paused, failing, starting
	Waiting   uint64    // changes that have not gone out; conditions are not asked yet
	Oldest    time.Time // since when the oldest of them waits; zero: none does
	Sent      uint64
	LeftOut   uint64 // for which the condition was false
	Dead      uint64 // that the receiver refused; they are dead letters
	SentAt    time.Time
	Code      string // last answer of the trouble that lasts
	Problem   string
	ProblemJA string
	Since     time.Time // of the trouble
	NextTry   time.Time
}

// Status reads how a stream stands, from the tables: it is the same on every replica.
func (o *Outflow) Status(ctx context.Context, name string, s *Stream) (*Status, error) {
	born, at := o.born(name)
	list, err := o.positions(ctx, name)
	if err != nil {
		return nil, err
	}
	markers, err := o.markers(ctx)
	if err != nil {
		return nil, err
	}
	out := &Status{State: "starting"}
	var spans []span
	begun := map[int]bool{}
	for i := range list {
		p := &list[i]
		if p.born != born {
			continue
		}
		out.State = "running"
		out.Sent, out.LeftOut, out.Dead = out.Sent+p.sent, out.LeftOut+p.leftOut, out.Dead+p.dead
		if p.sentAt.After(out.SentAt) {
			out.SentAt = p.sentAt
		}
		if p.problem != "" && (out.Problem == "" || p.updatedAt.After(out.NextTry)) {
			out.Code, out.Problem, out.ProblemJA, out.Since, out.NextTry = p.code, p.problem, p.japanese, p.since, p.next
		}
		if p.replay == s.Replay {
			begun[p.partition] = true
			spans = append(spans, span{p.partition, p.at, markers[p.partition]})
		}
	}
	if len(begun) < len(markers) { // nobody has begun there, as with one that is paused from the start
		start, err := o.before(ctx, beginOf(s.Since, at), markers)
		if err != nil {
			return nil, err
		}
		for n, from := range start {
			if !begun[n] {
				spans = append(spans, span{n, from, markers[n]})
			}
		}
	}
	spans = slices.DeleteFunc(spans, func(x span) bool { return x.from >= x.to })
	switch {
	case s.Paused:
		out.State = "paused"
	case out.Problem != "":
		out.State = "failing"
	}
	if out.Waiting, out.Oldest, err = o.pending(ctx, s, spans); err != nil {
		return nil, err
	}
	return out, nil
}
