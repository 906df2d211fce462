package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
	"enishi/ingest/mapping"
	"enishi/ingest/shopify"
)

// Connection is a source of the configuration that calls us, or whose history is pulled.
type Connection struct {
	Name    string
	Kind    string           // shopify, webhook, zendesk, meta_leads
	Mapping string           // definition that makes events of its calls; empty: it needs none
	BuiltIn *mapping.Mapping // holds while that definition is not saved; nil: its calls wait among the dead letters
	Pulls   bool             // its history can be asked for
}

// KindPull is the kind of definition that asks for the history of a source; its name is the source's.
const KindPull = "pull"

// PullOrder is the body of a definition of KindPull: the newest one holds.
type PullOrder struct {
	ID        string    `json:"id"`
	Since     time.Time `json:"since,omitzero"`
	Rate      int       `json:"rate"`
	Cancelled bool      `json:"cancelled,omitempty"`
}

const defaultPullRate = 1000

type connectionRow struct {
	Name    string           `json:"name"`
	Kind    string           `json:"kind" enum:"shopify,webhook,zendesk,meta_leads"`
	Path    string           `json:"path" doc:"What its calls go to, below the public address."`
	Mapping string           `json:"mapping,omitempty" doc:"The mapping that makes events of its calls."`
	BuiltIn *mapping.Mapping `json:"built_in,omitempty" doc:"The mapping that holds while that one is not saved; without one, its calls become dead letters until then."`
	Pulls   bool             `json:"pulls" doc:"Its history can be pulled."`
	State   hooks.State      `json:"state" doc:"Of the replica that answers, since its start."`
	Pull    *shopify.Pull    `json:"pull,omitempty" doc:"The newest pull of its history."`
	Checked *shopify.Pull    `json:"checked,omitempty" doc:"The newest look for webhooks that were lost."`
}

func (a *API) connection(name string) (Connection, error) {
	for _, c := range a.cfg.Connections {
		if c.Name == name {
			return c, nil
		}
	}
	return Connection{}, notFound("source of the configuration", "設定にデータソース")
}

func (a *API) connectionRow(ctx context.Context, c Connection) (connectionRow, error) {
	row := connectionRow{Name: c.Name, Kind: c.Kind, Path: a.cfg.Base + "/hooks/" + c.Name, Mapping: c.Mapping, BuiltIn: c.BuiltIn, Pulls: c.Pulls}
	row.State, _ = a.cfg.HookState(c.Name)
	if !c.Pulls {
		return row, nil
	}
	for live, into := range map[bool]**shopify.Pull{false: &row.Pull, true: &row.Checked} {
		p, found, err := SourceTables{a.cfg.DB}.Pull(ctx, c.Name, "", live)
		if err != nil {
			return row, err
		}
		if found {
			*into = &p
		}
	}
	return row, nil
}

func (a *API) listConnections(ctx context.Context, _ *struct{}) (*listOutput[connectionRow], error) {
	out := listOf([]connectionRow{})
	for _, c := range a.cfg.Connections {
		row, err := a.connectionRow(ctx, c)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}

type connectionOutput struct{ Body connectionRow }

func (a *API) getConnection(ctx context.Context, in *NamePath) (*connectionOutput, error) {
	c, err := a.connection(in.Name)
	if err != nil {
		return nil, err
	}
	row, err := a.connectionRow(ctx, c)
	return &connectionOutput{row}, err
}

type sourceCall struct {
	At       time.Time `json:"at"`
	Topic    string    `json:"topic"`
	Outcome  string    `json:"outcome" enum:"taken,repeat,left,refused,later"`
	Events   int       `json:"events"`
	Field    string    `json:"field"`
	Reason   string    `json:"reason"`
	ReasonJA string    `json:"reason_ja"`
	Body     string    `json:"body" doc:"At most 64 KiB of it; personal."`
}

const maxCalls = 50

// listSourceCalls are the last calls, newest first. They are kept for three days.
func (a *API) listSourceCalls(ctx context.Context, in *NamePath) (*listOutput[sourceCall], error) {
	if _, err := a.connection(in.Name); err != nil {
		return nil, err
	}
	out := listOf([]sourceCall{})
	err := a.each(ctx, fmt.Sprintf("SELECT at, topic, outcome, events, field, reason, reason_ja, body FROM source_calls FINAL WHERE source = {source:String} ORDER BY at DESC LIMIT %d", maxCalls),
		[]any{named("source", in.Name)}, func(rows driver.Rows) error {
			var c sourceCall
			var events uint32
			if err := rows.Scan(&c.At, &c.Topic, &c.Outcome, &events, &c.Field, &c.Reason, &c.ReasonJA, &c.Body); err != nil {
				return err
			}
			c.At, c.Events = c.At.UTC(), int(events)
			out.Body.Items = append(out.Body.Items, c)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	return out, nil
}

type pullInput struct {
	NamePath
	Body struct {
		Since time.Time `json:"since,omitzero" required:"false" doc:"Only what changed from then on; everything unless said."`
		Rate  int       `json:"rate,omitempty" minimum:"1" maximum:"20000" doc:"Events a second, at most; 1,000 unless said."`
	}
}

// pullSource asks for the history of a source; all of it is historical, so nothing is sent.
func (a *API) pullSource(ctx context.Context, in *pullInput) (*writtenOutput, error) {
	c, err := a.connection(in.Name)
	if err != nil {
		return nil, err
	}
	if !c.Pulls {
		return nil, refusal(enishi.Conflict, "the configuration has no way to its API: give sources."+c.Name+".shop, and client_id or token", "設定に API の接続情報がありません。sources."+c.Name+" に shop と client_id（または token）を書いてください。")
	}
	p, found, err := SourceTables{a.cfg.DB}.Pull(ctx, c.Name, "", false)
	if err != nil {
		return nil, err
	}
	if found && p.State == shopify.PullRunning {
		return nil, refusal(enishi.Conflict, "its history is being pulled already", "すでに履歴を取り込んでいます。")
	}
	order := PullOrder{ID: callOf(ctx).request.String(), Since: in.Body.Since.UTC(), Rate: in.Body.Rate}
	if order.Rate == 0 {
		order.Rate = defaultPullRate
	}
	return a.savePull(ctx, c.Name, order)
}

func (a *API) savePull(ctx context.Context, source string, order PullOrder) (*writtenOutput, error) {
	body, err := json.Marshal(order)
	if err != nil {
		return nil, fmt.Errorf("encode pull: %w", err)
	}
	w, err := a.save(ctx, enishi.Definition{Kind: KindPull, Name: source, Body: body})
	return &writtenOutput{w}, err
}

func (a *API) cancelPull(ctx context.Context, in *NamePath) (*writtenOutput, error) {
	d, ok := a.cfg.Definitions.Current(KindPull, in.Name)
	var order PullOrder
	if !ok || json.Unmarshal(d.Body, &order) != nil || order.Cancelled {
		return nil, refusal(enishi.Conflict, "no history is being pulled", "取り込み中の履歴はありません。")
	}
	order.Cancelled = true
	return a.savePull(ctx, in.Name, order)
}

// checkMapping tells what is wrong with a mapping.
func (a *API) checkMapping(body []byte) error {
	var m mapping.Mapping
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return enishi.FieldError("body.body", "is no mapping: "+err.Error(), "変換ルールとして読めません: "+err.Error())
	}
	_, err := mapping.Compile(m, a.zone())
	return err
}

type tryInput struct {
	Body struct {
		Mapping mapping.Mapping `json:"mapping"`
		Sample  string          `json:"sample" maxLength:"65536" doc:"JSON of a call."`
	}
}

type triedProblem struct {
	Rule     int    `json:"rule"`
	Field    string `json:"field"`
	Reason   string `json:"reason"`
	ReasonJA string `json:"reason_ja"`
}

type tryOutput struct {
	Body struct {
		Events   []json.RawMessage `json:"events" doc:"What would be taken, as public JSON."`
		Problems []triedProblem    `json:"problems"`
	}
}

// tryMapping shows what a mapping makes of a sample; it keeps nothing.
func (a *API) tryMapping(_ context.Context, in *tryInput) (*tryOutput, error) {
	program, err := mapping.Compile(in.Body.Mapping, a.zone())
	if err != nil {
		return nil, err
	}
	sample, err := mapping.Decode([]byte(in.Body.Sample))
	if err != nil {
		return nil, enishi.FieldError("body.sample", "is no JSON: "+err.Error(), "JSON として読めません: "+err.Error())
	}
	out := &tryOutput{}
	out.Body.Events, out.Body.Problems = []json.RawMessage{}, []triedProblem{}
	events, problems := program.Events(sample, nil)
	for _, p := range problems {
		out.Body.Problems = append(out.Body.Problems, triedProblem{p.Rule, p.Field, p.Reason, p.ReasonJA})
	}
	for _, e := range events {
		out.Body.Events = append(out.Body.Events, e.JSON)
		check := a.cfg.Ingester.Parser().Record
		if mapping.OfCatalogue(e.Type) {
			check = ingest.ProductRecord
		}
		if _, refusal := check(e.JSON, a.now()); refusal != nil {
			out.Body.Problems = append(out.Body.Problems, triedProblem{e.Rule, refusal.Field, refusal.Reason, refusal.ReasonJA})
		}
	}
	return out, nil
}
