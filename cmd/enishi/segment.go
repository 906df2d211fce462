package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

type segmentCommand struct {
	Check   segmentCheckCommand   `cmd:"" help:"Check an expression; needs no server unless --name is given."`
	Count   segmentCountCommand   `cmd:"" help:"Count the people whom an expression finds."`
	Members segmentMembersCommand `cmd:"" help:"Print the people whom an expression finds, as CSV or JSON lines."`
	Explain segmentExplainCommand `cmd:"" help:"Say why a person is in a segment, or is not."`
}

// expression is what the commands judge.
type expression struct {
	client
	Name string `help:"A saved segment instead of an expression." placeholder:"SEGMENT" name:"name"`
}

// maxExpressionFile bounds what is read of a file: more could not be an expression.
const maxExpressionFile = 1 << 20

// read gives the expression that an argument stands for: itself, or @FILE.
func readExpression(arg string) (string, error) {
	path, ok := strings.CutPrefix(arg, "@")
	if !ok {
		return arg, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read expression: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxExpressionFile))
	if err != nil {
		return "", fmt.Errorf("read expression: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// take splits the arguments of a command into the expression, which --name replaces, and as many others as are wanted.
func (x *expression) take(args []string, others int, usage string) (expr string, rest []string, err error) {
	want := others
	if x.Name == "" {
		want++
	}
	if len(args) != want {
		return "", nil, fmt.Errorf("give %s", usage)
	}
	if x.Name != "" {
		return "", args, nil
	}
	expr, err = readExpression(args[0])
	return expr, args[1:], err
}

// target is the part of a request that says whom. An expression is checked here first, so that an error has its picture.
func (x *expression) target(expr string, at time.Time, s streams) (map[string]any, error) {
	body := map[string]any{}
	if x.Name != "" {
		body["name"] = x.Name
	} else if err := namesAny().Check(expr); err != nil {
		return nil, pictured(err, expr, s.japanese())
	} else {
		body["expression"] = expr
	}
	if !at.IsZero() {
		body["at"] = at
	}
	return body, nil
}

// instantFlag is a time as people type it: RFC 3339, or a day, which is its midnight in Japan as in date("...").
type instantFlag struct{ time.Time }

// UnmarshalText reads it.
func (t *instantFlag) UnmarshalText(text []byte) (err error) {
	if t.Time, err = time.Parse(time.RFC3339Nano, string(text)); err == nil {
		return nil
	}
	if t.Time, err = time.ParseInLocation(time.DateOnly, string(text), time.FixedZone("JST", 9*60*60)); err != nil {
		return fmt.Errorf("%q is no time: write 2026-11-01 or 2026-11-01T09:00:00+09:00", text)
	}
	return nil
}

type segmentCheckCommand struct {
	expression
	Args []string `arg:"" optional:"" name:"expr" help:"The expression, or @FILE."`
}

// Run prints ok, or where the error is.
func (c *segmentCheckCommand) Run(ctx context.Context, s streams) error {
	text, _, err := c.take(c.Args, 0, "one expression, @FILE, or --name SEGMENT")
	if err != nil {
		return err
	}
	if c.Name != "" {
		var saved struct{ Expression string }
		if err := c.in(s).call(ctx, "GET", "/segments/"+url.PathEscape(c.Name), nil, &saved); err != nil {
			return err
		}
		text = saved.Expression
	}
	if err := namesAny().Check(text); err != nil {
		return pictured(err, text, s.japanese())
	}
	_, err = fmt.Fprintln(s.out, "ok")
	return err
}

// maxPictured bounds the line that an error shows.
const maxPictured = 200

// pictured adds to an error its line of the expression and a caret below the place.
func pictured(err error, text string, japanese bool) error {
	var e *enishi.Error
	if !errors.As(err, &e) || e.Line < 1 {
		return err
	}
	msg := e.Msg
	place := fmt.Sprintf("line %d, column %d: ", e.Line, e.Col)
	if japanese && e.MsgJA != "" {
		msg, place = e.MsgJA, fmt.Sprintf("%d 行 %d 文字目: ", e.Line, e.Col)
	}
	lines := strings.Split(text, "\n")
	if len(text) > segments.MaxLength || e.Line > len(lines) {
		return errors.New(place + msg)
	}
	line := []rune(strings.TrimRight(lines[e.Line-1], "\r"))
	at := min(e.Col-1, len(line))
	from := max(0, at-maxPictured/2)
	shown := line[from:min(len(line), from+maxPictured)]
	var pad strings.Builder
	for _, r := range line[from:at] {
		switch {
		case r == '\t':
			pad.WriteRune('\t')
		case wide(r):
			pad.WriteString("  ")
		default:
			pad.WriteByte(' ')
		}
	}
	return fmt.Errorf("%s%s\n  %s\n  %s^", place, msg, string(shown), pad.String())
}

// wide tells whether a terminal gives a character two columns.
func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0x303e || r >= 0x3041 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd
}

type segmentCountCommand struct {
	expression
	At   instantFlag `help:"The instant to judge at; it moves the clock, not the knowledge." placeholder:"TIME"`
	JSON bool        `help:"Print the answer as JSON." name:"json"`
	Args []string    `arg:"" optional:"" name:"expr" help:"The expression, or @FILE."`
}

// segmentCount is the answer of POST /segments/count.
type segmentCount struct {
	Count           int64     `json:"count"`
	Base            int64     `json:"base"`
	CompleteThrough time.Time `json:"complete_through"`
}

// Run counts.
func (c *segmentCountCommand) Run(ctx context.Context, s streams) error {
	text, _, err := c.take(c.Args, 0, "one expression, @FILE, or --name SEGMENT")
	if err != nil {
		return err
	}
	body, err := c.target(text, c.At.Time, s)
	if err != nil {
		return err
	}
	var n segmentCount
	if err := c.in(s).call(ctx, "POST", "/segments/count", body, &n); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(n)
	}
	labels := [3]string{"count", "base", "complete through"}
	if s.japanese() {
		labels = [3]string{"対象", "全体", "反映済み"}
	}
	_, err = fmt.Fprintf(s.out, "%s: %d\n%s: %d\n%s: %s\n", labels[0], n.Count, labels[1], n.Base, labels[2], n.CompleteThrough.Format(time.RFC3339Nano))
	return err
}

type segmentMembersCommand struct {
	expression
	At      instantFlag `help:"The instant to judge at; it moves the clock, not the knowledge." placeholder:"TIME"`
	Format  string      `help:"csv, or json: an object per line." enum:"csv,json" default:"csv"`
	Columns []string    `help:"Columns in this order; traits.NAME is any trait." placeholder:"NAME"`
	BOM     bool        `help:"CSV: begin with a byte order mark, by which Excel knows UTF-8." name:"bom"`
	Reason  string      `help:"Why; kept with who and how many." default:"enishi segment members" placeholder:"TEXT"`
	Args    []string    `arg:"" optional:"" name:"expr" help:"The expression, or @FILE."`
}

// Run prints the people as the server sends them.
func (c *segmentMembersCommand) Run(ctx context.Context, s streams) error {
	text, _, err := c.take(c.Args, 0, "one expression, @FILE, or --name SEGMENT")
	if err != nil {
		return err
	}
	body, err := c.target(text, c.At.Time, s)
	if err != nil {
		return err
	}
	body["format"], body["reason"] = map[string]string{"csv": "csv", "json": "ndjson"}[c.Format], c.Reason
	if c.BOM {
		body["bom"] = true
	}
	if len(c.Columns) > 0 {
		body["columns"] = c.Columns
	}
	return c.in(s).send(ctx, "POST", "/segments/export", body, func(answer *http.Response) error {
		if _, err := io.Copy(s.out, answer.Body); err != nil {
			return fmt.Errorf("the export broke off, what was printed is not whole: %w", err)
		}
		return nil
	})
}

type segmentExplainCommand struct {
	expression
	At   instantFlag `help:"The instant to judge at; it moves the clock, not the knowledge." placeholder:"TIME"`
	JSON bool        `help:"Print the answer as JSON." name:"json"`
	Args []string    `arg:"" optional:"" name:"expr profile" help:"The expression or @FILE (not with --name), and the person: a profile id, or an identifier such as a mail address or customer id."`
}

// explained is the answer of POST /segments/explain.
type explained struct {
	Person  struct{ ID, Name string }
	In      bool
	Until   time.Time
	Reasons []struct {
		Expression, Found string
		Match, Decides    bool
		Text              struct{ JA, EN string }
		Until             time.Time
	}
}

// Run prints each condition, what was found, whether it decides, and until when.
func (c *segmentExplainCommand) Run(ctx context.Context, s streams) error {
	text, rest, err := c.take(c.Args, 1, "an expression (or @FILE, or --name SEGMENT) and a person")
	if err != nil {
		return err
	}
	body, err := c.target(text, c.At.Time, s)
	if err != nil {
		return err
	}
	body["person"] = rest[0]
	var raw json.RawMessage
	if err := c.in(s).call(ctx, "POST", "/segments/explain", body, &raw); err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(s.out, string(raw))
		return err
	}
	var x explained
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return x.print(s)
}

// explainWords are what the command says around what the server found.
type explainWords struct{ in, out, until, decides, head string }

func (x *explained) print(s streams) error {
	ja := s.japanese()
	w := explainWords{"in", "not in", "until %s, unless something happens", "decides", "MATCH\tDECIDES\tCONDITION\tFOUND\tUNTIL"}
	if ja {
		w = explainWords{"入っています", "入っていません", "何もなければ %s まで", "決め手", "成立\t決め手\t条件\t実際\tこの時刻まで"}
	}
	state := w.out
	if x.In {
		state = w.in
	}
	if !x.Until.IsZero() {
		state += ", " + fmt.Sprintf(w.until, x.Until.Format(time.RFC3339))
	}
	fmt.Fprintf(s.out, "%s: %s\n", strings.TrimSpace(x.Person.ID+" "+x.Person.Name), state)
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, w.head)
	for _, r := range x.Reasons {
		mark, decides, found, until := "-", "", r.Text.EN, ""
		if ja {
			found = r.Text.JA
		}
		if found == "" {
			found = r.Found
		}
		if r.Match {
			mark = "+"
		}
		if r.Decides {
			decides = w.decides
		}
		if !r.Until.IsZero() {
			until = r.Until.Format(time.RFC3339)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", mark, decides, r.Expression, found, until)
	}
	return t.Flush()
}

// namesAny takes any name for a segment, a ranking or a store that is there: the server knows which are.
func namesAny() segments.Library {
	best := &segments.Cuts{Order: segments.Order{Measure: "ltv", By: segments.By{Top: 1}}}
	return segments.Library{Segment: func(string) (string, bool) { return "true", true }, Ranking: func(string) (*segments.Cuts, bool) { return best, true },
		Store: func(string) (profiles.Place, bool) { return profiles.Place{}, true }}
}
