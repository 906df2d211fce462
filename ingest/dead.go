package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// States of a dead letter.
const (
	DeadWaiting   = "waiting"
	DeadReplayed  = "replayed"
	DeadDiscarded = "discarded"
)

// Stages of a dead letter: where it could not be taken.
const (
	StageIngest = "ingest" // a record of a source topic
	StageLog    = "log"    // a batch of any topic that cannot be decoded
	StageMail   = "mail"   // a mail that came in and says of nobody whom it is about; its Topic is "mail"
	StageSource = "source" // a call of a source that cannot be made into events; its Topic is FromSource(name), its Type what the call is about
	StageStream = "stream" // a change that the receiver of a stream refused; its Topic is stream:NAME, its Raw the change as it was sent
)

// DeadLetter is a source record that could not be taken: the JSON on the topic dead and the row of the table dead_letters.
type DeadLetter struct {
	ID        enishi.ID `json:"id"` // hash of topic, partition and offset: a repeat is the same letter
	At        time.Time `json:"at"` // of the source record
	Version   uint64    `json:"version"`
	State     string    `json:"state"`
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Stage     string    `json:"stage"` // one of the Stage constants
	Code      string    `json:"code"`  // one of the Code constants
	Field     string    `json:"field"`
	Reason    string    `json:"reason"`
	ReasonJA  string    `json:"reason_ja"`
	Type      string    `json:"type"`
	Source    string    `json:"source,omitempty"` // that the record names, as far as it could be read
	Raw       []byte    `json:"raw"`              // the record's value as it came, base64 in JSON: it may be no text
	Actor     string    `json:"actor,omitempty"`
}

// DeadRecord is the letter of a record that was refused.
func DeadRecord(r *stream.Record, why *Refusal) DeadLetter {
	return DeadLetter{ID: enishi.NewID("dead", r.Topic, strconv.Itoa(r.Partition), strconv.FormatInt(r.Offset, 10)), At: r.Time.UTC(), Version: 1,
		State: DeadWaiting, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Stage: StageIngest,
		Code: why.Code, Field: why.Field, Reason: why.Reason, ReasonJA: why.ReasonJA, Type: why.Type, Source: sourceName(r.Value), Raw: r.Value}
}

// DeadConfig is what DeadLetters needs.
type DeadConfig struct {
	Append func(ctx context.Context, recs []stream.Record) error
	Load   func(ctx context.Context, id enishi.ID) (DeadLetter, error) // newest version; enishi.NotFound
	Save   func(ctx context.Context, letters []DeadLetter) error
	Parser *Parser
	// Source takes the mended body of a call of a source (package hooks); nil: there are no sources.
	Source func(ctx context.Context, l *DeadLetter, body []byte) error
	// Stream sends a change that a receiver refused again (package outflow); nil: there are no streams.
	Stream func(ctx context.Context, l *DeadLetter, body []byte) error
	Now    func() time.Time // default: time.Now
}

// DeadLetters puts dead letters right.
type DeadLetters struct{ cfg DeadConfig }

// NewDeadLetters checks cfg.
func NewDeadLetters(cfg DeadConfig) (*DeadLetters, error) {
	if cfg.Append == nil || cfg.Load == nil || cfg.Save == nil || cfg.Parser == nil {
		return nil, errors.New("ingest: Append, Load, Save and Parser of dead letters are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &DeadLetters{cfg}, nil
}

// Replay appends the mended text of a letter to its source topic. The event keeps the id and the time that the first record
// would have had unless the text names others, so doing it twice counts once. A text that is still wrong is refused with
// the place (*Refusal) and nothing is appended.
func (d *DeadLetters) Replay(ctx context.Context, id enishi.ID, fixed []byte, actor string) error {
	l, err := d.cfg.Load(ctx, id)
	if err != nil {
		return fmt.Errorf("read dead letter %s: %w", id, err)
	}
	if l.State == DeadDiscarded {
		return &enishi.Error{Code: enishi.Conflict, Msg: "the dead letter was discarded", MsgJA: "このデータは破棄済みです"}
	}
	if l.Stage == StageLog {
		return &enishi.Error{Code: enishi.Conflict, Msg: "a damaged batch of the log cannot be replayed: send its events again and discard it", MsgJA: "壊れたログのデータは再取り込みできません。元のイベントを送り直し、このデータは破棄してください"}
	}
	if l.Stage == StageMail {
		return &enishi.Error{Code: enishi.Conflict, Msg: "a mail that came in cannot be replayed: look into it and discard it", MsgJA: "受信したメールは再取り込みできません。内容を確認し、破棄してください"}
	}
	if l.Stage == StageSource {
		if d.cfg.Source == nil {
			return letterRefused("no source of the configuration takes it", "設定にデータソースがありません")
		}
		if err := d.cfg.Source(ctx, &l, fixed); err != nil {
			return err
		}
		return d.close(ctx, l, DeadReplayed, actor)
	}
	if l.Stage == StageStream {
		if d.cfg.Stream == nil {
			return letterRefused("no stream takes it", "データの送り出しがありません")
		}
		if err := d.cfg.Stream(ctx, &l, fixed); err != nil {
			return err
		}
		return d.close(ctx, l, DeadReplayed, actor)
	}
	now := d.cfg.Now()
	if l.Topic == enishi.TopicCatalogue {
		r, refusal := ProductRecord(fixed, now)
		if refusal != nil {
			return refusal
		}
		if err := d.cfg.Append(ctx, []stream.Record{r}); err != nil {
			return fmt.Errorf("append to %s: %w", l.Topic, err)
		}
		return d.close(ctx, l, DeadReplayed, actor)
	}
	value, refusal := keepIdentity(&l, fixed)
	if refusal != nil {
		return refusal
	}
	r := stream.Record{Topic: l.Topic, Partition: -1, Value: value, Time: now}
	parsed, refusal := d.cfg.Parser.Parse(&r, now)
	if refusal != nil {
		return refusal
	}
	r.Key = sourceKey(parsed.Identifiers)
	if err := d.cfg.Append(ctx, []stream.Record{r}); err != nil {
		return fmt.Errorf("append to %s: %w", l.Topic, err)
	}
	return d.close(ctx, l, DeadReplayed, actor)
}

// Discard marks a letter as not to be mended.
func (d *DeadLetters) Discard(ctx context.Context, id enishi.ID, actor string) error {
	l, err := d.cfg.Load(ctx, id)
	if err != nil {
		return fmt.Errorf("read dead letter %s: %w", id, err)
	}
	return d.close(ctx, l, DeadDiscarded, actor)
}

func (d *DeadLetters) close(ctx context.Context, l DeadLetter, state, actor string) error {
	l.State, l.Actor = state, actor
	l.Version++
	if err := d.cfg.Save(ctx, []DeadLetter{l}); err != nil {
		return fmt.Errorf("save dead letter %s: %w", l.ID, err)
	}
	return nil
}

// keepIdentity gives a mended text the event id and the time of the first record where it names none.
func keepIdentity(l *DeadLetter, fixed []byte) ([]byte, *Refusal) {
	if refusal := checkRaw(fixed); refusal != nil {
		return nil, refusal
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(fixed, &fields); err != nil || fields == nil {
		return nil, locate(fixed, &fields, errors.New("not an object"))
	}
	id, at := "id", "occurred_at"
	if isSegmentType(typeName(fixed)) {
		id, at = "messageId", "timestamp"
	}
	if isAbsent(fields[id]) {
		first := enishi.NewID("record", l.Topic, strconv.Itoa(l.Partition), strconv.FormatInt(l.Offset, 10))
		fields[id] = json.RawMessage(strconv.Quote(first.UUID()))
	}
	if isAbsent(fields[at]) {
		fields[at] = json.RawMessage(strconv.Quote(l.At.Format(time.RFC3339Nano)))
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return nil, refuse(CodeJSON, "", err.Error(), err.Error())
	}
	return out, nil
}

func isAbsent(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" || string(v) == `""` }

// sourceKey is the key of a source record: the strongest identifier, so that one person's records keep their order.
func sourceKey(found []enishi.Identifier) []byte {
	if len(found) == 0 {
		return nil
	}
	x := found[0]
	key := make([]byte, 0, 64)
	key = append(key, x.Kind.String()...)
	key = append(key, ':')
	if x.Scope != "" {
		key = append(key, x.Scope...)
		key = append(key, ':')
	}
	return append(key, x.Value...)
}
