package moving

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/mapping"
	"enishi/internal/stream"
)

// Config is what a move needs.
type Config struct {
	Parser       *ingest.Parser
	Begun        time.Time                                             // when it began: the day of refusals that name none
	LineProvider string                                                // of LINE user ids whose file names none; empty: the workspace's
	Append       func(ctx context.Context, recs []stream.Record) error // to the source topics; kept when it returns
	Progress     func(r *Report)                                       // told after each batch; may be nil
	Now          func() time.Time                                      // default: time.Now
}

// batch is how many records are appended at a time.
const batch = 500

// maxRefused bounds the lines that are kept of a file for the rows to mend.
const maxRefused = 100_000

// move is one on its way.
type move struct {
	cfg     Config
	plan    *Plan
	report  *Report
	refused map[[2]string]struct{} // (channel, address) that somebody refuses
	allowed map[[2]string]struct{} // the same that allows
	people  map[string]struct{}
	bad     []map[int]bool // lines that were refused, by file
	recs    []stream.Record
}

// Run takes the files of a plan. It is begun again from the start when it was broken off. The report is whole also with an error.
func Run(ctx context.Context, plan *Plan, cfg Config) (*Report, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &move{cfg: cfg, plan: plan, report: newReport(plan), refused: map[[2]string]struct{}{}, allowed: map[[2]string]struct{}{}, people: map[string]struct{}{}}
	for range plan.Files {
		m.bad = append(m.bad, map[int]bool{})
	}
	if plan.Stop != nil {
		return m.report, &enishi.Error{Code: enishi.Conflict, Msg: plan.Stop.EN, MsgJA: plan.Stop.JA}
	}
	m.report.Phase = "suppressions"
	for i := range plan.Files {
		if err := m.file(ctx, i, true); err != nil {
			return m.report, err
		}
	}
	m.report.Suppressed = len(m.refused)
	m.report.Phase = "rest"
	for i := range plan.Files {
		if err := m.file(ctx, i, false); err != nil {
			return m.report, err
		}
	}
	m.report.Phase, m.report.People = "done", len(m.people)
	m.tell()
	return m.report, nil
}

func (m *move) tell() {
	if m.cfg.Progress != nil {
		m.cfg.Progress(m.report)
	}
}

// file goes through one file: for the refusals in it, or for all else.
func (m *move) file(ctx context.Context, i int, refusals bool) error {
	x, r := &m.plan.Files[i], &m.report.Files[i]
	if x.Preset == "" {
		return nil
	}
	in, err := x.open()
	if err != nil {
		return fmt.Errorf("open %s: %w", x.Name, err)
	}
	defer in.Close()
	rows, err := newReader(in)
	if err != nil {
		return fmt.Errorf("read %s: %w", x.Name, err)
	}
	sheet, err := x.made.Sheet(rows.header)
	if err != nil {
		return err
	}
	p := &pass{move: m, file: x, report: r, refusals: refusals, rows: map[string]uint64{}, bad: m.bad[i]}
	for {
		line, row, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", x.Name, err)
		}
		if !refusals {
			r.Rows++
		}
		events, problems := sheet.Add(line, row)
		if err := p.take(ctx, events, problems); err != nil {
			return err
		}
	}
	events, problems := sheet.End()
	if err := p.take(ctx, events, problems); err != nil {
		return err
	}
	if !refusals {
		r.Refused = len(p.bad)
		r.Taken = r.Rows - r.Refused
	}
	return m.flush(ctx)
}

func (m *move) flush(ctx context.Context) error {
	if len(m.recs) > 0 {
		if err := m.cfg.Append(ctx, m.recs); err != nil {
			return fmt.Errorf("append: %w", err)
		}
		m.recs = m.recs[:0]
	}
	m.tell()
	return ctx.Err()
}

// pass is one way through one file.
type pass struct {
	*move
	file     *Planned
	report   *FileReport
	refusals bool
	rows     map[string]uint64 // numbers given, by topic
	bad      map[int]bool      // lines of the file that were refused, on either way
}

func (p *pass) take(ctx context.Context, events []mapping.Event, problems []*mapping.Problem) error {
	for _, x := range problems {
		if p.refusals {
			break // the second way tells
		}
		p.refuse(x.Lines, Problem{x.Reason, x.ReasonJA}, x.Field)
	}
	for i := range events {
		p.event(&events[i])
	}
	if len(p.recs) < batch {
		return nil
	}
	return p.flush(ctx)
}

// refuse counts rows that do not come, each line once.
func (p *pass) refuse(lines []int, why Problem, field string) {
	lines = slices.DeleteFunc(slices.Clone(lines), func(line int) bool { return p.bad[line] || len(p.bad) >= maxRefused })
	if len(lines) == 0 {
		return
	}
	for _, line := range lines {
		p.bad[line] = true
	}
	p.report.refuse(lines, why, field)
}

// event gives one event its place in the move, or leaves it out.
func (p *pass) event(made *mapping.Event) {
	var e enishi.Event
	if err := json.Unmarshal(made.JSON, &e); err != nil {
		p.refuse(made.Lines, Problem{"is no event: " + err.Error(), "イベントとして読めません（" + err.Error() + "）"}, "")
		return
	}
	outs := slices.DeleteFunc(slices.Clone(e.Consent), func(c enishi.ConsentChange) bool { return c.State != "out" })
	part := "rest"
	switch {
	case p.refusals:
		if len(outs) == 0 {
			return
		}
		part = "refusals"
		e = enishi.Event{Type: "consent.changed", At: e.At, Person: e.Person, Consent: outs}
		if e.At.IsZero() {
			e.At = p.cfg.Begun
		}
	case len(e.Consent) > 0:
		p.permissions(&e)
		if len(e.Consent) == 0 && e.Type == "consent.changed" {
			return
		}
	}
	e.Historical = true
	e.Source = p.plan.From
	if e.Person != nil && e.Person.LineUserID != "" && e.Person.LineProvider == "" {
		e.Person.LineProvider = p.cfg.LineProvider
	}
	topic := enishi.TopicWeb
	if info, ok := enishi.LookupType(e.Type); ok {
		topic = info.Topic
	}
	part += "/" + topic
	p.rows[part]++
	value, err := json.Marshal(struct {
		*enishi.Event
		Import importMark `json:"import"`
	}{&e, importMark{fmt.Sprintf("%016x", p.file.mark(part)), p.rows[part]}})
	if err != nil {
		p.refuse(made.Lines, Problem{"is no event: " + err.Error(), "イベントとして読めません（" + err.Error() + "）"}, "")
		return
	}
	now := p.cfg.Now().UTC()
	rec := stream.Record{Topic: topic, Partition: -1, Time: now, Key: []byte("moving/" + hex.EncodeToString([]byte(p.file.hash)[:8])), Value: value}
	parsed, refusal := p.cfg.Parser.Parse(&rec, now)
	if refusal != nil {
		p.refuse(made.Lines, Problem{refusal.Reason, refusal.ReasonJA}, refusal.Field)
		return
	}
	p.known(&parsed, outs)
	p.recs = append(p.recs, rec)
	if p.refusals {
		return
	}
	p.report.Events++
	p.count(p.allowed, &parsed, e.Consent, "in")
}

type importMark struct {
	File string `json:"file"`
	Row  uint64 `json:"row"`
}

// known remembers whom an event is about, and which addresses it refuses.
func (p *pass) known(parsed *ingest.Parsed, outs []enishi.ConsentChange) {
	if len(parsed.Identifiers) > 0 && !p.refusals {
		x := parsed.Identifiers[0]
		p.people[strconv.Itoa(int(x.Kind))+"\x00"+x.Scope+"\x00"+x.Value] = struct{}{}
	}
	if p.refusals {
		p.count(p.refused, parsed, outs, "out")
	}
}

// count takes the addresses that words are about into a set: each once for the report, and once for the first file of it.
func (p *pass) count(set map[[2]string]struct{}, parsed *ingest.Parsed, words []enishi.ConsentChange, state string) {
	for _, c := range words {
		for _, x := range parsed.Identifiers {
			if x.Kind != addressOf(c.Channel) {
				continue
			}
			key := [2]string{c.Channel, x.Value}
			if _, again := set[key]; !again {
				set[key] = struct{}{}
				p.report.consent(c.Channel, state)
				p.move.report.consent(c.Channel, state)
			}
		}
	}
}

// addressOf is the kind of identifier that a channel writes to; 0 for one that has none.
func addressOf(channel string) enishi.Kind {
	switch channel {
	case "email":
		return enishi.Email
	case "sms":
		return enishi.Phone
	case "line":
		return enishi.LINEUser
	case "push":
		return enishi.PushToken
	}
	return 0
}

// permissions leaves those of an event that may be taken: the refusals came before, and who refused gets none.
func (p *pass) permissions(e *enishi.Event) {
	e.Consent = slices.DeleteFunc(e.Consent, func(c enishi.ConsentChange) bool {
		if c.State != "in" {
			return true
		}
		address := ""
		if e.Person != nil {
			address = map[enishi.Kind]string{enishi.Email: e.Person.Email, enishi.Phone: e.Person.Phone, enishi.LINEUser: e.Person.LineUserID, enishi.PushToken: e.Person.PushToken}[addressOf(c.Channel)]
		}
		value, err := ingest.Normalise(addressOf(c.Channel), address)
		if err != nil || value == "" {
			return true // a permission for no address
		}
		if _, refused := p.refused[[2]string{c.Channel, value}]; refused {
			p.report.Overruled++
			p.move.report.Overruled++
			return true
		}
		return false
	})
}

// Refused writes the rows of file i that did not come, as they stand in it, and behind them their line, what is wrong and what
// to do: a file to mend and to take in again.
func Refused(w io.Writer, plan *Plan, report *Report, i int, ja bool) error {
	reasons := map[int]Problem{}
	for _, r := range report.Files[i].Reasons {
		for _, line := range r.lines {
			reasons[line] = r.Problem
		}
	}
	return writeRefused(w, &plan.Files[i], reasons, ja)
}

func writeRefused(w io.Writer, x *Planned, reasons map[int]Problem, ja bool) error {
	in, err := x.open()
	if err != nil {
		return err
	}
	defer in.Close()
	rows, err := newReader(in)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	line := func(cells []string) error {
		out.Reset()
		writeRow(&out, cells)
		_, err := w.Write(out.Bytes())
		return err
	}
	head := []string{"line", "problem"}
	if ja {
		head = []string{"行", "問題と直し方"}
	}
	if err := line(append(slices.Clone(rows.header), head...)); err != nil {
		return err
	}
	for {
		at, row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		why, bad := reasons[at]
		if !bad {
			continue
		}
		text := why.EN
		if ja {
			text = why.JA
		}
		cells := slices.Clone(row)
		for len(cells) < len(rows.header) {
			cells = append(cells, "")
		}
		if err := line(append(cells, strconv.Itoa(at), text)); err != nil {
			return err
		}
	}
}
