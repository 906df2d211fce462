package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/segments"
)

const (
	maxFill   = 100_000 // ids, or people of a segment, in one go
	fillBatch = 500     // lines looked up at a time
	fillKind  = "fill"  // of the definitions that record fillings
)

type fillInput struct {
	NamePath
	Body struct {
		Action     string `json:"action" enum:"add,remove"`
		IDs        string `json:"ids,omitempty" maxLength:"20000000" doc:"One per line, or CSV with a header that names a column id, profile_id, customer_id, email, phone or line_user_id. At most 100,000."`
		Expression string `json:"expression,omitempty" maxLength:"20000" doc:"Instead of ids: who fulfils it now."`
		Segment    string `json:"segment,omitempty" maxLength:"64" doc:"Instead of ids: who is in this segment now."`
		Measure    string `json:"measure,omitempty" maxLength:"20000" doc:"Instead of ids: the n people with the greatest. Of equals the hash of their ids decides."`
		Among      string `json:"among,omitempty" maxLength:"20000" doc:"With measure: of whom."`
		N          int    `json:"n,omitempty" minimum:"0" maximum:"100000" doc:"With expression or segment: so many of them at random."`
		Seed       string `json:"seed,omitempty" maxLength:"100" doc:"Of the choice at random; the same seed chooses the same people."`
		Upload     string `json:"upload,omitempty" maxLength:"100" doc:"Names this filling: repeated with the same name it changes nothing more."`
		Reason     string `json:"reason" minLength:"1" maxLength:"500" doc:"Why; kept with who and how many."`
	}
}

type fillOutput struct{ Body fillPage }

type fillPage struct {
	Written
	Changed  int       `json:"changed" doc:"Who were put on the list, or taken off."`
	Already  int       `json:"already" doc:"Who were on it before, or were not."`
	NotFound []fillRow `json:"not_found" doc:"Every id that nobody or more than one person has."`
}

type fillRow struct {
	Line int    `json:"line"`
	ID   string `json:"id"`
	Why  string `json:"why" enum:"unknown,several"`
}

// fillRecord is the body of the definition that records a filling. It is written before the first person is changed.
type fillRecord struct {
	List     string `json:"list"`
	Action   string `json:"action"`
	Source   string `json:"source"` // ids, segment, expression, random, top
	Changed  int    `json:"changed"`
	Already  int    `json:"already"`
	NotFound int    `json:"not_found"`
}

// fill is a filling on its way: who is meant, by which identifier, in the order of the source.
type fill struct {
	people, subjects []enishi.ID
	seen             map[enishi.ID]bool
	on               map[enishi.ID]bool // who is on the list
	missed           []fillRow
	source           string
}

// fillList finds who is meant, records it, and puts an event for each person on the log who is not there yet.
func (a *API) fillList(ctx context.Context, in *fillInput) (*fillOutput, error) {
	if _, ok := a.cfg.Definitions.Current(segments.KindList, in.Name); !ok {
		return nil, notFound("list", "リスト")
	}
	x := &fill{seen: map[enishi.ID]bool{}, on: map[enishi.ID]bool{}, missed: []fillRow{}}
	if err := a.fillSource(ctx, in, x); err != nil {
		return nil, err
	}
	out := &fillOutput{fillPage{NotFound: x.missed, Written: Written{RequestID: callOf(ctx).request}}}
	add := in.Body.Action == "add"
	var changed []int
	for i, id := range x.people {
		if x.on[id] == add {
			out.Body.Already++
		} else {
			changed = append(changed, i)
		}
	}
	out.Body.Changed = len(changed)
	body, err := json.Marshal(fillRecord{in.Name, in.Body.Action, x.source, len(changed), out.Body.Already, len(x.missed)})
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	if _, err := a.save(ctx, enishi.Definition{Kind: fillKind, Name: "fill_" + c.request.String(), Body: body, Reason: in.Body.Reason}); err != nil {
		return nil, err
	}
	upload := in.Body.Upload
	if upload == "" {
		upload = c.request.String()
	}
	now, at := a.now().Truncate(time.Millisecond), position{}
	for batch := range slices.Chunk(changed, 2000) {
		recs := make([]stream.Record, 0, len(batch))
		for _, i := range batch {
			e := enishi.Event{ID: enishi.NewID("list", in.Name, in.Body.Action, upload, x.people[i].String()), Type: map[bool]string{true: "list.added", false: "list.removed"}[add], At: now,
				Source: "console", Profile: x.people[i], Subject: x.subjects[i], List: &enishi.ListChange{List: in.Name, Reason: in.Body.Reason}}
			recs = append(recs, pipeline.EventRecord(&e, a.cfg.Stream.Partitions(enishi.TopicEvents), now))
		}
		if err := a.cfg.Stream.Append(ctx, recs); err != nil {
			return nil, fmt.Errorf("append to list %s: %w", in.Name, err)
		}
		for p, next := range positionOf(recs) {
			at[p] = max(at[p], next)
		}
	}
	if len(at) > 0 {
		out.Body.Position = at.String()
	}
	return out, nil
}

// fillSource finds the people of a filling.
func (a *API) fillSource(ctx context.Context, in *fillInput, x *fill) error {
	b := &in.Body
	given := 0
	for _, s := range []string{b.IDs, b.Expression, b.Segment, b.Measure} {
		if s != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return enishi.FieldError("body.ids", "give one of ids, expression, segment and measure", "ids、expression、segment、measure のどれか 1 つを指定してください。")
	case b.IDs != "":
		x.source = "ids"
		return a.fillIDs(ctx, in.Name, b.IDs, x)
	case b.Measure != "":
		if b.N == 0 {
			return enishi.FieldError("body.n", "say how many people", "人数を指定してください。")
		}
		ranked, err := a.library().Rank(segments.Order{Measure: b.Measure, Among: b.Among})
		if err != nil {
			return err
		}
		x.source = "top"
		query, args := ranked.TopSQL(a.now(), b.N)
		return a.fillQuery(ctx, in.Name, query, args, x)
	}
	s, at, err := a.target(&SegmentTarget{Expression: b.Expression, Name: b.Segment})
	if err != nil {
		return err
	}
	query, args := s.SQL(at)
	x.source = "segment"
	if b.Expression != "" {
		x.source = "expression"
	}
	if b.N > 0 {
		x.source = "random"
		query = fmt.Sprintf("SELECT profile_id FROM (\n%s) ORDER BY sipHash64(concat({seed:String}, profile_id)), profile_id LIMIT %d", query, b.N)
		args = append(args, named("seed", b.Seed))
	}
	return a.fillQuery(ctx, in.Name, query, args, x)
}

// fillQuery takes who a query finds.
func (a *API) fillQuery(ctx context.Context, list, query string, args []any, x *fill) error {
	err := a.bounded(ctx, func(ctx context.Context) error {
		query := fmt.Sprintf("SELECT profile_id, has(lists, {list_name:String}) FROM people FINAL WHERE profile_id IN (\n%s) LIMIT %d", query, maxFill+1)
		return a.each(ctx, query, append(args, named("list_name", list)), func(rows driver.Rows) error {
			var id string
			var on uint8
			err := rows.Scan(&id, &on)
			x.take(idOf(id), idOf(id), on == 1)
			return err
		})
	})
	if err == nil && len(x.people) > maxFill {
		return refusal(enishi.Invalid, fmt.Sprintf("more than %d people: fill the list in parts, or use in_segment", maxFill), fmt.Sprintf("対象が %d 人を超えています。分けて追加するか、in_segment を使ってください。", maxFill))
	}
	return err
}

func (x *fill) take(person, subject enishi.ID, on bool) {
	x.on[person] = on
	if !x.seen[person] {
		x.seen[person] = true
		x.people, x.subjects = append(x.people, person), append(x.subjects, subject)
	}
}

// fillIDs looks up ids of any kind, some lines at a time.
func (a *API) fillIDs(ctx context.Context, list, text string, x *fill) error {
	rows, err := readIDs(text)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(rows, fillBatch) {
		candidates := make([]map[enishi.ID]enishi.ID, len(batch)) // profile -> identifier, of each line
		var all []enishi.ID
		for i, r := range batch {
			candidates[i] = a.meant(r.ID)
			for id := range candidates[i] {
				all = append(all, id)
			}
		}
		on := map[enishi.ID]bool{}
		err := a.each(ctx, "SELECT profile_id, has(lists, {list_name:String}) FROM people FINAL WHERE "+inBatch, []any{named("list_name", list), batchArg(all)}, func(rows driver.Rows) error {
			var id string
			var is uint8
			err := rows.Scan(&id, &is)
			on[idOf(id)] = is == 1
			return err
		})
		if err != nil {
			return fmt.Errorf("look up ids: %w", err)
		}
		for i, r := range batch {
			var found []enishi.ID
			for id := range candidates[i] {
				if _, there := on[id]; there {
					found = append(found, id)
				}
			}
			switch len(found) {
			case 1:
				x.take(found[0], candidates[i][found[0]], on[found[0]])
			case 0:
				r.Why = "unknown"
				x.missed = append(x.missed, r)
			default:
				r.Why = "several"
				x.missed = append(x.missed, r)
			}
		}
	}
	return nil
}

// meant are the profiles that a text may name, each with the identifier by which.
func (a *API) meant(text string) map[enishi.ID]enishi.ID {
	graph, out := a.cfg.Ingester.Graph(), map[enishi.ID]enishi.ID{}
	if id, err := enishi.ParseID(text); err == nil {
		out[graph.Resolve(id)] = id
	}
	for _, k := range enishi.Kinds() {
		value, err := ingest.Normalise(k, text)
		if err != nil || value == "" {
			continue // it cannot be an identifier of this kind
		}
		x := enishi.Identifier{Kind: k, Value: value, Raw: text}
		if k == enishi.LINEUser {
			x.Scope = a.cfg.LINEProvider
		}
		hash := a.cfg.Hasher.Hash(x)
		if id := graph.Resolve(hash); out[id].IsZero() {
			out[id] = hash
		}
	}
	return out
}

// idColumns are the heads of a column of ids.
var idColumns = []string{"id", "profile_id", "customer_id", "email", "mail", "phone", "line_user_id"}

// readIDs reads one id per line, of CSV the column whose head is known, else the first.
func readIDs(text string) ([]fillRow, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	var out []fillRow
	column := 0
	for first := true; ; first = false {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, enishi.FieldError("body.ids", "cannot be read as lines or CSV: "+err.Error(), "行または CSV として読めません。")
		}
		if first {
			if i := slices.IndexFunc(cells, func(c string) bool { return slices.Contains(idColumns, strings.ToLower(strings.TrimSpace(c))) }); i >= 0 {
				column = i
				continue
			}
		}
		line, _ := r.FieldPos(0)
		id := ""
		if column < len(cells) {
			id = strings.TrimSpace(cells[column])
		}
		out = append(out, fillRow{Line: line, ID: id})
	}
	if len(out) > maxFill {
		return nil, enishi.FieldError("body.ids", fmt.Sprintf("has %d ids, at most %d are taken at once", len(out), maxFill), fmt.Sprintf("%d 件あります。1 回に %d 件までです。", len(out), maxFill))
	}
	return out, nil
}

// fillingRow is a recorded filling.
type fillingRow struct {
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Role     string    `json:"role"`
	Reason   string    `json:"reason"`
	Action   string    `json:"action"`
	Source   string    `json:"source" enum:"ids,segment,expression,random,top"`
	Changed  int       `json:"changed"`
	Already  int       `json:"already"`
	NotFound int       `json:"not_found"`
}

// listFillings are the fillings of a list, newest first.
func (a *API) listFillings(_ context.Context, in *NamePath) (*listOutput[fillingRow], error) {
	out := listOf([]fillingRow{})
	for _, d := range a.cfg.Definitions.List(fillKind) {
		var r fillRecord
		if err := json.Unmarshal(d.Body, &r); err != nil {
			return nil, fmt.Errorf("read filling %s: %w", d.Name, err)
		}
		if r.List == in.Name {
			out.Body.Items = append(out.Body.Items, fillingRow{d.At, d.Actor, d.Role, d.Reason, r.Action, r.Source, r.Changed, r.Already, r.NotFound})
		}
	}
	slices.SortStableFunc(out.Body.Items, func(x, y fillingRow) int { return y.At.Compare(x.At) })
	return out, nil
}
