package imports

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/files"
	"enishi/ingest/mapping"
	"enishi/internal/stream"
)

// pass goes through a file once.
type pass struct {
	im     *Importer
	plan   Plan
	by     *compiled
	sheet  *mapping.Sheet
	hash   string // of the file
	now    time.Time
	marks  map[string]uint64 // by topic
	counts Counts
	people map[uint64]struct{}
	seed   maphash.Seed

	order    uint64          // of the event in the file
	queue    []mapping.Event // that wait for the buyers of their orders
	problems []Problem
	rejects  map[int]int // line -> index of its problem
	take     func(order uint64, r stream.Record) error
	seen     func(e *mapping.Event, typ string) // of a preview
}

func (im *Importer) pass(plan Plan, hash string, r *files.Reader) (*pass, error) {
	by, err := im.mapping(plan)
	if err != nil {
		return nil, err
	}
	p := &pass{im: im, plan: plan, by: by, hash: hash, now: im.cfg.Now().UTC(), marks: map[string]uint64{}, people: map[uint64]struct{}{}, seed: maphash.MakeSeed(), rejects: map[int]int{},
		counts: Counts{Types: map[string]int64{}}}
	switch {
	case r.Shape.Format == files.CSV && by.program == nil:
		return nil, enishi.FieldError("mapping", "is needed: choose a format, or what the columns mean", "形式を選ぶか、列の対応を決めてください")
	case r.Shape.Format == files.CSV:
		if p.sheet, err = by.program.Sheet(r.Shape.Header); err != nil {
			return nil, err
		}
	case by.program != nil && by.mapping.Format != mapping.JSON:
		return nil, enishi.FieldError("mapping", "is for rows, the file is JSON", "CSV 用の対応づけです。このファイルは JSON です")
	}
	return p, nil
}

// row takes a row through the mapping.
func (p *pass) row(row *files.Row) error {
	p.counts.Rows++
	if row.Err != nil {
		p.problem(&mapping.Problem{Line: row.Line, Lines: []int{row.Line}, Rule: -1, Reason: row.Err.Msg, ReasonJA: row.Err.MsgJA})
		return nil
	}
	if p.sheet != nil {
		return p.made(p.sheet.Add(row.Line, row.Cells))
	}
	if p.by.program == nil && row.JSON[0] == '{' {
		return p.made([]mapping.Event{{Rule: -1, Lines: []int{row.Line}, JSON: row.JSON}}, nil)
	}
	doc, err := mapping.Decode(row.JSON)
	if err != nil || p.by.program == nil {
		p.problem(&mapping.Problem{Line: row.Line, Lines: []int{row.Line}, Rule: -1, Reason: "the line is no JSON object", ReasonJA: "JSON のオブジェクト {…} ではない行です"})
		return nil
	}
	events, problems := p.by.program.Events(doc, nil)
	for i := range events {
		events[i].Lines = []int{row.Line}
	}
	for _, x := range problems {
		x.Line, x.Lines = row.Line, []int{row.Line}
	}
	return p.made(events, problems)
}

// end takes what the last rows become.
func (p *pass) end() error {
	if p.sheet == nil {
		return nil
	}
	if err := p.made(p.sheet.End()); err != nil {
		return err
	}
	return p.join()
}

func (p *pass) made(events []mapping.Event, problems []*mapping.Problem) error {
	for _, x := range problems {
		p.problem(x)
	}
	if p.sheet != nil && p.im.cfg.Buyers != nil {
		if p.queue = append(p.queue, events...); len(p.queue) < batch {
			return nil
		}
		return p.join()
	}
	for i := range events {
		if err := p.event(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// event checks an event as ingest will, counts it and hands it on.
func (p *pass) event(e *mapping.Event) error {
	p.order++
	text, typ := e.JSON, e.Type
	if typ == "" {
		var head struct {
			Type      string `json:"type"`
			ProductID string `json:"product_id"`
		}
		_ = json.Unmarshal(text, &head) // the parser tells what is wrong
		if typ = head.Type; typ == "product" || typ == "" && head.ProductID != "" {
			typ = mapping.Product
		} else if typ == "update" {
			typ = mapping.Update
		}
		if info, ok := enishi.TypeForAlias(typ); ok {
			typ = info.Name
		}
	}
	if mapping.OfCatalogue(typ) {
		return p.product(e, typ)
	}
	topic := enishi.TopicWeb
	if info, ok := enishi.LookupType(typ); ok {
		topic = info.Topic
	}
	value := p.marked(text, topic)
	r := stream.Record{Topic: topic, Key: []byte("import:" + p.hash[:16]), Value: value}
	parsed, refusal := p.im.cfg.Parser.Parse(&stream.Record{Topic: topic, Value: value, Time: p.now}, p.now)
	if refusal != nil {
		p.refused(e, refusal)
		return nil
	}
	if p.seen != nil {
		p.seen(e, parsed.Event.Type)
	}
	p.count(&parsed)
	if p.take != nil {
		return p.take(p.order, r)
	}
	return nil
}

// refused keeps why ingest would not take an event.
func (p *pass) refused(e *mapping.Event, refusal *ingest.Refusal) {
	x := &mapping.Problem{Line: e.Lines[0], Lines: e.Lines, Rule: e.Rule, Field: refusal.Field, Reason: refusal.Reason, ReasonJA: refusal.ReasonJA}
	if p.by.program != nil {
		x.Expression, x.Columns = p.by.program.Source(e.Rule, refusal.Field)
	}
	p.problem(x)
}

// mark is that of this file for a topic.
func (p *pass) mark(topic string) uint64 {
	mark, ok := p.marks[topic]
	if !ok {
		h := sha256.New()
		how, _ := json.Marshal(p.by.mapping) // it was read from JSON or YAML
		fmt.Fprintf(h, "%s|%s|%s", p.hash, how, topic)
		mark = binary.BigEndian.Uint64(h.Sum(nil))
		p.marks[topic] = mark
	}
	return mark
}

// opened is the text of an object without its closing bracket.
func opened(text []byte) []byte {
	text = bytes.TrimRight(text, " \t\r\n")
	return text[: len(text)-1 : len(text)-1]
}

// marked adds to an event what makes it one of this file.
func (p *pass) marked(text []byte, topic string) []byte {
	text = opened(text)
	historical := ""
	if !p.plan.Live {
		historical = `,"historical":true`
	}
	source := ""
	if p.plan.Source != "" {
		quoted, _ := json.Marshal(p.plan.Source)
		source = `,"source":` + string(quoted)
	}
	return fmt.Appendf(text, `%s%s,"import":{"file":"%016x","row":%d}}`, historical, source, p.mark(topic), p.order)
}

func (p *pass) count(x *ingest.Parsed) {
	c := &p.counts
	c.Events++
	c.Types[x.Event.Type]++
	if c.From.IsZero() || x.Event.At.Before(c.From) {
		c.From = x.Event.At
	}
	if x.Event.At.After(c.To) {
		c.To = x.Event.At
	}
	if p.now.Sub(x.Event.At) < 24*time.Hour {
		c.Newer++
	}
	if len(x.Identifiers) > 0 {
		id := x.Identifiers[0]
		h := maphash.String(p.seed, fmt.Sprintf("%d\x00%s\x00%s", id.Kind, id.Scope, id.Value))
		if len(p.people) < maxPeople {
			p.people[h] = struct{}{}
		}
		c.People = int64(len(p.people))
	}
}

// problem keeps what is wrong; a line counts once.
func (p *pass) problem(x *mapping.Problem) {
	at := -1
	if len(p.problems) < maxProblems {
		at = len(p.problems)
		p.problems = append(p.problems, Problem{Line: x.Line, Columns: x.Columns, Field: x.Field, Value: x.Value, Reason: x.Reason, ReasonJA: x.ReasonJA})
	}
	for _, line := range x.Lines {
		if _, there := p.rejects[line]; there {
			continue
		}
		p.counts.Rejected++
		if len(p.rejects) < maxRejects {
			p.rejects[line] = at
		}
	}
}

// through takes the rows of a file, at most most of them (0: all); tick is called after each.
func (p *pass) through(r *files.Reader, most int, tick func() error) error {
	for n := 0; most == 0 || n < most; n++ {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := p.row(&row); err != nil {
			return err
		}
		p.counts.Part = r.Progress()
		if tick != nil {
			if err := tick(); err != nil {
				return err
			}
		}
	}
	return p.end()
}
