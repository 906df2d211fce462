package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
	"enishi/internal/clickhouse"
)

// DeadTable is the table dead_letters as package ingest wants it: Load and Save of its DeadConfig, and SaveDead.
type DeadTable struct{ DB *clickhouse.DB }

// Save stores versions of letters; repeats collapse.
func (t DeadTable) Save(ctx context.Context, letters []ingest.DeadLetter) error {
	n := len(letters)
	ids, at, version, state := make([]enishi.ID, n), make([]time.Time, n), make([]uint64, n), make([]string, n)
	topic, partition, offset, stage := make([]string, n), make([]uint16, n), make([]int64, n), make([]string, n)
	code, field, reason, reasonJA := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	typ, raw, actor, source := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range letters {
		l := &letters[i]
		ids[i], at[i], version[i], state[i] = l.ID, l.At, l.Version, l.State
		topic[i], partition[i], offset[i], stage[i] = l.Topic, uint16(l.Partition), l.Offset, l.Stage
		code[i], field[i], reason[i], reasonJA[i] = l.Code, l.Field, l.Reason, l.ReasonJA
		typ[i], raw[i], actor[i], source[i] = l.Type, string(l.Raw), l.Actor, l.Source
	}
	return t.DB.Insert(ctx, "dead_letters", []string{"id", "at", "version", "state", "topic", "partition", "offset", "stage", "code", "field", "reason", "reason_ja", "type", "raw", "actor", "source"}, n,
		ids, at, version, state, topic, partition, offset, stage, code, field, reason, reasonJA, typ, raw, actor, source)
}

// Load reads the newest version of a letter; its error is not_found when there is none.
func (t DeadTable) Load(ctx context.Context, id enishi.ID) (ingest.DeadLetter, error) {
	rows, err := t.DB.Query(ctx, "SELECT "+deadColumns+" FROM dead_letters FINAL WHERE id = "+idLiteral(id)+" LIMIT 1")
	if err != nil {
		return ingest.DeadLetter{}, fmt.Errorf("read dead letter: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return ingest.DeadLetter{}, errors.Join(rows.Err(), notFound("dead letter", "データ"))
	}
	return scanDead(rows)
}

const deadColumns = "id, at, version, state, topic, partition, offset, stage, code, field, reason, reason_ja, type, raw, actor, source"

func scanDead(rows driver.Rows) (ingest.DeadLetter, error) {
	var l ingest.DeadLetter
	var id, raw string
	var partition uint16
	err := rows.Scan(&id, &l.At, &l.Version, &l.State, &l.Topic, &partition, &l.Offset, &l.Stage, &l.Code, &l.Field, &l.Reason, &l.ReasonJA, &l.Type, &raw, &l.Actor, &l.Source)
	l.ID, l.At, l.Partition, l.Raw = idOf(id), l.At.UTC(), int(partition), []byte(raw)
	return l, err
}

// deadRow is a record that could not be taken.
type deadRow struct {
	ID        enishi.ID `json:"id"`
	At        time.Time `json:"at"`
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Stage     string    `json:"stage"`
	Code      string    `json:"code"`
	Field     string    `json:"field"`
	Reason    string    `json:"reason"`
	ReasonJA  string    `json:"reason_ja"`
	Type      string    `json:"type"`
	Source    string    `json:"source" doc:"That the record names, as far as it could be read."`
	Raw       string    `json:"raw" doc:"As it came; base64 after \"base64:\" when it is no text."`
	State     string    `json:"state" enum:"waiting,replayed,discarded"`
	Actor     string    `json:"actor,omitempty"`
}

func deadRowOf(l *ingest.DeadLetter) deadRow {
	raw := string(l.Raw)
	if !utf8.ValidString(raw) {
		raw = "base64:" + base64.StdEncoding.EncodeToString(l.Raw)
	}
	return deadRow{l.ID, l.At, l.Topic, l.Partition, l.Offset, l.Stage, l.Code, l.Field, l.Reason, l.ReasonJA, l.Type, l.Source, raw, l.State, l.Actor}
}

type deadInput struct {
	State  string `query:"state" enum:",waiting,replayed,discarded"`
	Source string `query:"source" maxLength:"200" doc:"A source as GET /sources names it."`
	Cursor string `query:"cursor" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listDeadLetters(ctx context.Context, in *deadInput) (*listOutput[deadRow], error) {
	cond, err := before(in.Cursor, "at", "id")
	if err != nil {
		return nil, err
	}
	var args []any
	state := "1"
	if in.State != "" {
		state, args = "state = {state:String}", append(args, named("state", in.State))
	}
	if in.Source != "" {
		state, args = state+" AND "+deadSource+" = {source:String}", append(args, named("source", in.Source))
	}
	out := listOf([]deadRow{})
	total, err := a.count(ctx, "SELECT count() FROM dead_letters FINAL WHERE "+state, args...)
	if err != nil {
		return nil, err
	}
	out.Body.Total = &total
	err = a.each(ctx, fmt.Sprintf("SELECT %s FROM dead_letters FINAL WHERE %s AND %s ORDER BY at DESC, id DESC LIMIT %d", deadColumns, state, cond, in.Limit+1), args, func(rows driver.Rows) error {
		l, err := scanDead(rows)
		if err != nil {
			return err
		}
		if len(out.Body.Items) == in.Limit {
			last := out.Body.Items[in.Limit-1]
			out.Body.Next = cursorOf(last.At, last.ID)
			return nil
		}
		out.Body.Items = append(out.Body.Items, deadRowOf(&l))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return out, nil
}

type deadOutput struct{ Body deadRow }

func (a *API) getDeadLetter(ctx context.Context, in *IDPath) (*deadOutput, error) {
	l, err := a.deadLetter(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &deadOutput{deadRowOf(&l)}, nil
}

func (a *API) deadLetter(ctx context.Context, text string) (ingest.DeadLetter, error) {
	id, err := enishi.ParseID(text)
	if err != nil {
		return ingest.DeadLetter{}, notFound("dead letter", "データ")
	}
	return DeadTable{a.cfg.DB}.Load(ctx, id)
}

type replayInput struct {
	IDPath
	Body struct {
		Raw string `json:"raw" maxLength:"1048576" doc:"The record as it should have been."`
	}
}

func (a *API) replayDeadLetter(ctx context.Context, in *replayInput) (*writtenOutput, error) {
	l, err := a.deadLetter(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Dead.Replay(ctx, l.ID, []byte(in.Body.Raw), callOf(ctx).caller.name); err != nil {
		return nil, err
	}
	return a.replayed(ctx, l.Topic)
}

// replayed is the position behind records that were appended to source topics just now.
func (a *API) replayed(ctx context.Context, topics ...string) (*writtenOutput, error) {
	p := position{}
	if slices.ContainsFunc(topics, func(topic string) bool { return !slices.Contains(enishi.SourceTopics(), topic) }) {
		topics = enishi.SourceTopics() // a call of a source may have become anything
	}
	for _, topic := range topics {
		ends, err := a.cfg.Stream.Ends(ctx, topic)
		if err != nil {
			return nil, err
		}
		for n, end := range ends {
			if end > 0 {
				p[partitionOf(topic, n)] = end
			}
		}
	}
	return &writtenOutput{Written{Position: p.String(), RequestID: callOf(ctx).request}}, nil
}

type replaysInput struct {
	Body struct {
		IDs []string `json:"ids" minItems:"1" maxItems:"1000"`
	}
}

type replaysOutput struct {
	Body struct {
		Written
		Replayed int             `json:"replayed"`
		Refused  []problemDetail `json:"refused" doc:"Those that are still wrong; location is the id."`
	}
}

// replayDeadLetters takes letters again as they came: what they lacked may be there now.
func (a *API) replayDeadLetters(ctx context.Context, in *replaysInput) (*replaysOutput, error) {
	out := &replaysOutput{}
	out.Body.Refused = []problemDetail{}
	topics := map[string]bool{}
	for _, id := range in.Body.IDs {
		l, err := a.deadLetter(ctx, id)
		if err == nil {
			err = a.cfg.Dead.Replay(ctx, l.ID, l.Raw, callOf(ctx).caller.name)
		}
		var e *enishi.Error
		switch {
		case err == nil:
			topics[l.Topic] = true
			out.Body.Replayed++
		case errors.As(err, &e):
			d := detailOf(e)
			d.Location = id
			out.Body.Refused = append(out.Body.Refused, d)
		default:
			return nil, err
		}
	}
	w, err := a.replayed(ctx, sortedKeys(topics)...)
	if err != nil {
		return nil, err
	}
	out.Body.Written = w.Body
	return out, nil
}

type discardInput struct {
	IDPath
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) discardDeadLetter(ctx context.Context, in *discardInput) (*writtenOutput, error) {
	l, err := a.deadLetter(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if l.State == ingest.DeadReplayed {
		return nil, refusal(enishi.Conflict, "the dead letter was taken already", "このデータはすでに取り込み済みです。")
	}
	c := callOf(ctx)
	if err := a.cfg.Dead.Discard(ctx, l.ID, c.caller.name); err != nil {
		return nil, err
	}
	a.log.Info("dead letter discarded", "id", l.ID, "actor", c.caller.name, "reason", in.Body.Reason, "request_id", c.request)
	return &writtenOutput{Written{RequestID: c.request}}, nil
}
