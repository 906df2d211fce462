package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

type exportInput struct {
	Body struct {
		SegmentTarget
		Columns []string `json:"columns,omitempty" maxItems:"60" doc:"In this order; traits.NAME is any trait. A useful choice unless said."`
		Format  string   `json:"format,omitempty" enum:",csv,ndjson" doc:"csv unless said; ndjson is a JSON object per line."`
		Labels  bool     `json:"labels,omitempty" doc:"CSV: the head has titles in the language of the request instead of the columns' names."`
		BOM     bool     `json:"bom,omitempty" doc:"CSV: begins with a byte order mark, by which Excel knows UTF-8."`
		Reason  string   `json:"reason" minLength:"1" maxLength:"500" doc:"Why; kept with who and how many."`
	}
}

const (
	maxExport   = 2_000_000        // people of one export
	exportBatch = 1000             // people read and written at a time
	exportWrite = 30 * time.Second // for the client to take a batch
	exportKind  = "export"         // of the definitions that record exports
)

// exportRecord is the body of the definition that records an export. It is written before the first person leaves.
type exportRecord struct {
	Segment    string    `json:"segment,omitempty"`
	Expression string    `json:"expression"`
	At         time.Time `json:"at"`
	Columns    []string  `json:"columns"`
	Format     string    `json:"format"`
	Count      int       `json:"count"`
	Tables     []string  `json:"tables,omitempty"` // of an export of tables
	Place      string    `json:"place,omitempty"`
	Person     enishi.ID `json:"person,omitzero"` // whose disclosure it was
	Run        enishi.ID `json:"run,omitzero"`    // which knows how many rows there were
}

// export is one on its way.
type export struct {
	api      *API
	segment  *segments.Segment
	at       time.Time
	language string
	columns  []exportColumn
	args     []any // of the columns
	ids      []enishi.ID
	through  time.Time
}

// exportSegment finds who is in, records that they are exported, and then sends them batch by batch: the number is known
// before the first row, and whoever is erased meanwhile is left out.
func (a *API) exportSegment(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	s, at, err := a.target(&in.Body.SegmentTarget)
	if err != nil {
		return nil, err
	}
	x := &export{api: a, segment: s, at: at, language: language(ctx)}
	if x.columns, x.args, err = chooseColumns(in.Body.Columns); err != nil {
		return nil, err
	}
	if x.through, err = a.through(ctx); err != nil {
		return nil, err
	}
	if err := a.bounded(ctx, x.find); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	format, name := in.Body.Format, "people"
	if format == "" {
		format = "csv"
	}
	if err := x.record(ctx, format, in.Body.Reason); err != nil {
		return nil, err
	}
	if in.Body.Name != "" {
		name = in.Body.Name
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}[format])
		hctx.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.%s"`, name, format))
		hctx.SetHeader("X-Enishi-Count", strconv.Itoa(len(x.ids)))
		hctx.SetHeader("X-Enishi-Complete-Through", x.through.UTC().Format(time.RFC3339Nano))
		_, w := humago.Unwrap(hctx)
		write := x.csv(in.Body.Labels)
		if format == "ndjson" {
			write = x.lines
		} else if in.Body.BOM {
			_, _ = w.Write([]byte("\ufeff")) // the client is gone: the next write tells
		}
		if err := x.send(ctx, w, write); err != nil {
			if ctx.Err() == nil {
				a.log.Warn("export ended early", "request_id", callOf(ctx).request, "err", err)
			}
			panic(http.ErrAbortHandler) // the client sees that it is not whole
		}
	}}, nil
}

// find reads the ids of everybody who is in.
func (x *export) find(ctx context.Context) error {
	query, args := x.segment.SQL(x.at)
	err := x.api.each(ctx, fmt.Sprintf("SELECT profile_id FROM (\n%s) ORDER BY profile_id LIMIT %d", query, maxExport+1), args, func(rows driver.Rows) error {
		var id string
		err := rows.Scan(&id)
		x.ids = append(x.ids, idOf(id))
		return err
	})
	if err == nil && len(x.ids) > maxExport {
		return refusal(enishi.Invalid, fmt.Sprintf("more than %d people are in it: export it in parts", maxExport), fmt.Sprintf("対象が %d 人を超えています。条件を分けて書き出してください。", maxExport))
	}
	return err
}

func (x *export) record(ctx context.Context, format, reason string) error {
	names := make([]string, len(x.columns))
	for i := range x.columns {
		names[i] = x.columns[i].name
	}
	body, err := json.Marshal(exportRecord{Segment: x.segment.Name, Expression: x.segment.Body.Expression, At: x.at.UTC(), Columns: names, Format: format, Count: len(x.ids)})
	if err != nil {
		return err
	}
	c := callOf(ctx)
	if _, err := x.api.save(ctx, enishi.Definition{Kind: exportKind, Name: "export_" + c.request.String(), Body: body, Reason: reason}); err != nil {
		return err
	}
	x.api.log.Info("people exported", "segment", x.segment.Name, "people", len(x.ids), "actor", c.caller.name, "request_id", c.request)
	return nil
}

// send writes everybody, a batch at a time.
func (x *export) send(ctx context.Context, w http.ResponseWriter, write func(b *bytes.Buffer, rows [][]string) error) error {
	control := http.NewResponseController(w)
	var b bytes.Buffer
	if err := write(&b, nil); err != nil {
		return err
	}
	for batch := range slices.Chunk(x.ids, exportBatch) {
		rows, err := x.read(ctx, batch)
		if err != nil {
			return err
		}
		if err := write(&b, rows); err != nil {
			return err
		}
		_ = control.SetWriteDeadline(time.Now().Add(exportWrite)) // where it is not supported there is none
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		b.Reset()
	}
	_, err := w.Write(b.Bytes()) // the head, where nobody is in
	return err
}

// csv writes the head at first, then rows.
func (x *export) csv(labels bool) func(b *bytes.Buffer, rows [][]string) error {
	return func(b *bytes.Buffer, rows [][]string) error {
		w := csv.NewWriter(b)
		w.UseCRLF = true
		cells := make([]string, len(x.columns))
		if rows == nil {
			for i := range x.columns {
				if cells[i] = x.columns[i].name; labels {
					cells[i] = x.columns[i].label.in(x.language)
				}
				cells[i] = notFormula(cells[i])
			}
			_ = w.Write(cells) // Flush tells
		}
		for _, row := range rows {
			for i := range x.columns {
				cells[i] = x.columns[i].cell(row[i], x.api.zone())
			}
			_ = w.Write(cells)
		}
		w.Flush()
		return w.Error()
	}
}

// lines writes rows as JSON objects, their members in the order of the columns.
func (x *export) lines(b *bytes.Buffer, rows [][]string) error {
	for _, row := range rows {
		for i := range x.columns {
			name, err := json.Marshal(x.columns[i].name)
			if err != nil {
				return err
			}
			value, err := x.columns[i].json(row[i])
			if err != nil {
				return err
			}
			b.WriteByte("{,"[min(i, 1)])
			b.Write(name)
			b.WriteByte(':')
			b.Write(value)
		}
		b.WriteString("}\n")
	}
	return nil
}

// inBatch fits who is of a batch. The ids are one text: a literal for each took longer to analyse than the rows to read.
const inBatch = "profile_id IN (SELECT toFixedString(unhex(arrayJoin(splitByChar(',', {batch:String}))), 16))"

func batchArg(batch []enishi.ID) any {
	texts := make([]string, len(batch))
	for i, id := range batch {
		texts[i] = id.String()
	}
	return named("batch", strings.Join(texts, ","))
}

// read gives the cells of a batch in the order of its ids; who is not there any more is left out.
func (x *export) read(ctx context.Context, batch []enishi.ID) ([][]string, error) {
	since, reasons := map[enishi.ID]string{}, map[enishi.ID]string{}
	selected := make([]string, len(x.columns))
	for i := range x.columns {
		var err error
		switch selected[i] = x.columns[i].sql; x.columns[i].kind {
		case sinceColumn:
			selected[i] = "''"
			err = x.sinces(ctx, batch, since)
		case reasonsColumn:
			selected[i] = "''"
			err = x.reasons(ctx, batch, reasons)
		}
		if err != nil {
			return nil, err
		}
	}
	out := make([][]string, 0, len(batch))
	query := "SELECT profile_id, [" + strings.Join(selected, ", ") + "] FROM people FINAL WHERE " + inBatch + " ORDER BY profile_id"
	err := x.api.each(ctx, query, append(slices.Clone(x.args), millis("now", x.api.now()), batchArg(batch)), func(rows driver.Rows) error {
		var id string
		var cells []string
		if err := rows.Scan(&id, &cells); err != nil {
			return err
		}
		for i := range x.columns {
			switch x.columns[i].kind {
			case sinceColumn:
				cells[i] = since[idOf(id)]
			case reasonsColumn:
				cells[i] = reasons[idOf(id)]
			}
		}
		out = append(out, cells)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return out, nil
}

// sinces are when members of a saved segment entered it.
func (x *export) sinces(ctx context.Context, batch []enishi.ID, into map[enishi.ID]string) error {
	if x.segment.Name == "" {
		return nil
	}
	return x.api.each(ctx, "SELECT profile_id, toString(toUnixTimestamp64Milli(since)) FROM memberships FINAL WHERE segment = {segment:String} AND "+inBatch,
		[]any{named("segment", x.segment.Name), batchArg(batch)}, func(rows driver.Rows) error {
			var id, since string
			err := rows.Scan(&id, &since)
			into[idOf(id)] = since
			return err
		})
}

// reasons are what the conditions found, from the people's states.
func (x *export) reasons(ctx context.Context, batch []enishi.ID, into map[enishi.ID]string) error {
	n := x.api.cfg.Stream.Partitions(enishi.TopicEvents)
	var partitions []string
	for _, id := range batch {
		if p := strconv.Itoa(id.Partition(n)); !slices.Contains(partitions, p) {
			partitions = append(partitions, p)
		}
	}
	query := "SELECT profile_id, state FROM profiles FINAL WHERE partition IN (" + strings.Join(partitions, ",") + ") AND " + inBatch + " AND redirect = toFixedString('',16)"
	return x.api.each(ctx, query, []any{batchArg(batch)}, func(rows driver.Rows) error {
		var key, state string
		if err := rows.Scan(&key, &state); err != nil {
			return err
		}
		id := idOf(key)
		p, err := profiles.Decode(id, state)
		if err != nil {
			return fmt.Errorf("read profile %s: %w", id, err)
		}
		var texts []string
		for _, r := range x.segment.Explain(p.View(), x.at) {
			if t := x.api.reason(r, x.at).in(x.language); r.Match && t != "" {
				texts = append(texts, t)
			}
		}
		into[id] = strings.Join(texts, map[string]string{"ja": "、", "en": "; "}[x.language])
		return nil
	})
}

// exportRow is a recorded export.
type exportRow struct {
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	Role       string    `json:"role"`
	Reason     string    `json:"reason"`
	Segment    string    `json:"segment" doc:"Empty: an expression that was not saved."`
	Tables     []string  `json:"tables" doc:"Of an export of tables; else none."`
	Person     enishi.ID `json:"person,omitzero" doc:"Whose disclosure it was; absent otherwise."`
	Place      string    `json:"place,omitempty" doc:"Where tables went; absent: they were downloaded."`
	Expression string    `json:"expression"`
	Columns    []string  `json:"columns"`
	Format     string    `json:"format"`
	Count      int       `json:"count"`
	RequestID  enishi.ID `json:"request_id"`
}

// listExports are the exports, newest first.
func (a *API) listExports(ctx context.Context, _ *struct{}) (*listOutput[exportRow], error) {
	counts, scheduled, err := a.tableExports(ctx)
	if err != nil {
		return nil, err
	}
	out := listOf(append([]exportRow{}, scheduled...))
	for _, d := range a.cfg.Definitions.List(exportKind) {
		var r exportRecord
		if err := json.Unmarshal(d.Body, &r); err != nil {
			return nil, fmt.Errorf("read export %s: %w", d.Name, err)
		}
		out.Body.Items = append(out.Body.Items, exportRow{d.At, d.Actor, d.Role, d.Reason, r.Segment, append([]string{}, r.Tables...), r.Person, r.Place, r.Expression, append([]string{}, r.Columns...), r.Format, max(r.Count, int(counts[r.Run])), callRequest(d)})
	}
	slices.SortStableFunc(out.Body.Items, func(x, y exportRow) int { return y.At.Compare(x.At) })
	return out, nil
}

// callRequest is the request that an export answered, as the answer and the log name it.
func callRequest(d enishi.Definition) enishi.ID {
	id, err := enishi.ParseID(strings.TrimPrefix(d.Name, "export_"))
	if err != nil {
		return d.RequestID
	}
	return id
}
