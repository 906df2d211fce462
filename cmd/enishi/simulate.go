package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"
)

// simulateCommand tries a journey on the past.
type simulateCommand struct {
	client
	Journey    string      `arg:"" help:"A file with a journey (as of apply, or its body alone), or the name of a saved one."`
	From       instantFlag `help:"From when on it is live." required:"" placeholder:"DATE"`
	To         instantFlag `help:"Up to when, not included; now unless said." placeholder:"DATE"`
	Segment    string      `help:"Who is in this segment now; everybody unless said." placeholder:"NAME" xor:"whom"`
	Expression string      `help:"Instead of a segment, or @FILE." placeholder:"EXPR" xor:"whom"`
	Sample     float64     `help:"Per cent of these people." default:"100"`
	Days       int         `help:"For so many days after a message orders are observed." default:"7"`
	Compare    bool        `help:"Beside it the live version, on the same people."`
	AsReceived bool        `help:"Imported and late events start nothing, as in live work. Unless said they act at the moment at which they happened." name:"as-received"`
	JSON       bool        `help:"Print the answer as JSON." name:"json"`
}

// simulated is what of the answer is printed.
type simulated struct {
	ID       string
	Journey  string
	State    string
	From, To time.Time
	Progress struct{ People, Of, Left int64 }
	Problem  *sidedText
	Result   *simulatedResult
	Live     *simulatedResult
	Words    map[string]sidedText
}

type sidedText struct{ JA, EN string }

type simulatedNumber struct {
	Of            string
	Count, People int64
}

type simulatedResult struct {
	People, Events                  int64
	Entered, Running, Sent, Shifted simulatedNumber
	NotEntered                      []simulatedNumber `json:"not_entered"`
	NotSent                         []simulatedNumber `json:"not_sent"`
	Ends                            []struct {
		simulatedNumber
		Why string
	}
	Channels []struct {
		simulatedNumber
		Channel, Cost string
	}
	Cost, Currency string
	Unpriced       []string
	Observed       struct {
		Days     int
		Orders   simulatedNumber
		Revenue  []struct{ Amount, Currency string }
		Complete bool
	}
	Month struct {
		Entered, Sent int64
		Cost          string
	}
}

// simulatePoll is how often the command asks how far it is.
const simulatePoll = 300 * time.Millisecond

// Run tries it and prints what would have happened. Whoever interrupts the command ends the simulation.
func (c *simulateCommand) Run(ctx context.Context, s streams) error {
	name, body, err := c.body()
	if err != nil {
		return err
	}
	api, path := c.in(s), "/journeys/"+url.PathEscape(name)+"/simulations"
	var x simulated
	if err := api.call(ctx, "POST", path, body, &x); err != nil {
		return err
	}
	path += "/" + x.ID
	var raw json.RawMessage
	for {
		if err := api.call(ctx, "GET", path, nil, &raw); err != nil {
			return errors.Join(err, c.giveUp(ctx, api, path))
		}
		x = simulated{}
		if err := json.Unmarshal(raw, &x); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if x.State != "running" {
			break
		}
		pause := time.NewTimer(simulatePoll)
		select {
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), c.giveUp(ctx, api, path))
		case <-pause.C:
		}
	}
	switch {
	case x.State == "failed" && x.Problem != nil && s.japanese():
		return errors.New(x.Problem.JA)
	case x.State == "failed" && x.Problem != nil:
		return errors.New(x.Problem.EN)
	case x.State != "done" && s.japanese():
		return errors.New("試算は中止されました")
	case x.State != "done":
		return errors.New("the simulation was cancelled")
	case c.JSON:
		_, err := fmt.Fprintln(s.out, string(raw))
		return err
	}
	return x.print(s)
}

// giveUp ends a simulation for which nobody waits any more.
func (c *simulateCommand) giveUp(ctx context.Context, api *client, path string) error {
	if ctx.Err() == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return api.call(ctx, "DELETE", path, nil, nil)
}

// body is the request, and the journey's name.
func (c *simulateCommand) body() (name string, body map[string]any, err error) {
	body = map[string]any{"from": c.From.Time, "to": c.To.Time, "sample": c.Sample, "days": c.Days, "compare": c.Compare, "as_received": c.AsReceived}
	if c.To.IsZero() {
		body["to"] = time.Now()
	}
	if c.Segment != "" {
		body["segment"] = c.Segment
	}
	if c.Expression != "" {
		if body["expression"], err = readExpression(c.Expression); err != nil {
			return "", nil, err
		}
	}
	text, err := os.ReadFile(c.Journey)
	if errors.Is(err, fs.ErrNotExist) && filepath.Ext(c.Journey) == "" && filepath.Base(c.Journey) == c.Journey {
		return c.Journey, body, nil // a saved one
	}
	if err != nil {
		return "", nil, fmt.Errorf("read journey: %w", err)
	}
	var d struct {
		Kind string `yaml:"kind"`
		Name string `yaml:"name"`
		Body any    `yaml:"body"`
	}
	if err := yaml.Unmarshal(text, &d); err != nil { // JSON is YAML
		return "", nil, fmt.Errorf("%s: %w", c.Journey, err)
	}
	switch {
	case d.Kind == "journey" && d.Name != "" && d.Body != nil:
		name = d.Name
	case d.Kind != "" && d.Kind != "journey":
		return "", nil, fmt.Errorf("%s: a journey is tried, this is a %s", c.Journey, d.Kind)
	default: // the body alone, under the file's name
		name = strings.ToLower(strings.TrimSuffix(filepath.Base(c.Journey), filepath.Ext(c.Journey)))
		if err := yaml.Unmarshal(text, &d.Body); err != nil {
			return "", nil, fmt.Errorf("%s: %w", c.Journey, err)
		}
	}
	body["definition"] = d.Body
	return name, body, nil
}

// simulateWords are what the command says around what the server found.
type simulateWords struct {
	people, entered, notEntered, running, ended, sent, shifted, notSent, cost, observed, revenue, month, here, live, note, soon, unpriced string
}

func (x *simulated) print(s streams) error {
	ja := s.japanese()
	w := simulateWords{"people looked at", "entered", "not entered", "still under way", "ended", "sent", "waited for the hours", "not sent", "cost", "orders within %d days (people)", "revenue within %d days", "a month: entered / sent", "tried", "live",
		"Orders are what happened in fact after a message would have left: observed, not caused.", "For the last messages these days are not over yet.", "no price"}
	if ja {
		w = simulateWords{"対象の人数", "開始", "開始せず", "途中", "終了", "送信", "送れる時間まで待機", "送らず", "費用", "%d 日以内の注文（人数）", "%d 日以内の売上", "1 か月あたり: 開始 / 送信", "試した版", "公開中の版",
			"注文は、送ったとしたらその後に実際にあったものです。配信の効果ではありません。", "最後のほうのメッセージは、まだこの日数がたっていません。", "単価なし"}
	}
	zone := time.FixedZone("JST", 9*60*60)
	fmt.Fprintf(s.out, "%s  %s – %s\n", x.Journey, x.From.In(zone).Format("2006-01-02 15:04"), x.To.In(zone).Format("2006-01-02 15:04"))
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	sides := []*simulatedResult{x.Result}
	if x.Live != nil {
		sides = append(sides, x.Live)
		fmt.Fprintf(t, "\t%s\t%s\n", w.here, w.live)
	}
	row := func(label string, value func(r *simulatedResult) string) {
		fmt.Fprint(t, label)
		for _, r := range sides {
			fmt.Fprintf(t, "\t%s", value(r))
		}
		fmt.Fprintln(t)
	}
	count := func(n simulatedNumber) string { return fmt.Sprintf("%d (%d)", n.Count, n.People) }
	// reasons are rows of both sides.
	reasons := func(label string, list func(r *simulatedResult) []simulatedNumber) {
		for _, of := range x.reasons(sides, list) {
			text := x.Words[of].EN
			if ja {
				text = x.Words[of].JA
			}
			row("  "+label+": "+text, func(r *simulatedResult) string { return count(numberOf(list(r), of)) })
		}
	}
	row(w.people, func(r *simulatedResult) string { return fmt.Sprint(r.People) })
	row(w.entered, func(r *simulatedResult) string { return count(r.Entered) })
	reasons(w.notEntered, func(r *simulatedResult) []simulatedNumber { return r.NotEntered })
	row(w.running, func(r *simulatedResult) string { return count(r.Running) })
	reasons(w.ended, (*simulatedResult).ends)
	row(w.sent, func(r *simulatedResult) string { return count(r.Sent) })
	for _, of := range x.reasons(sides, (*simulatedResult).channels) {
		row("  "+strings.TrimPrefix(of, "sent:"), func(r *simulatedResult) string { return count(numberOf(r.channels(), of)) })
	}
	row(w.shifted, func(r *simulatedResult) string { return count(r.Shifted) })
	reasons(w.notSent, func(r *simulatedResult) []simulatedNumber { return r.NotSent })
	row(w.cost, func(r *simulatedResult) string { return r.cost(w.unpriced) })
	row(fmt.Sprintf(w.observed, x.Result.Observed.Days), func(r *simulatedResult) string { return count(r.Observed.Orders) })
	row(fmt.Sprintf(w.revenue, x.Result.Observed.Days), (*simulatedResult).revenue)
	row(w.month, func(r *simulatedResult) string { return fmt.Sprintf("%d / %d", r.Month.Entered, r.Month.Sent) })
	if err := t.Flush(); err != nil {
		return err
	}
	if !x.Result.Observed.Complete {
		fmt.Fprintln(s.out, w.soon)
	}
	_, err := fmt.Fprintln(s.out, w.note)
	return err
}

// reasons are the names of numbers that any side has, in their order.
func (x *simulated) reasons(sides []*simulatedResult, list func(r *simulatedResult) []simulatedNumber) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range sides {
		for _, n := range list(r) {
			if !seen[n.Of] {
				seen[n.Of] = true
				out = append(out, n.Of)
			}
		}
	}
	return out
}

func numberOf(list []simulatedNumber, of string) simulatedNumber {
	for _, n := range list {
		if n.Of == of {
			return n
		}
	}
	return simulatedNumber{}
}

// ends are how runs ended, without why.
func (r *simulatedResult) ends() []simulatedNumber {
	var out []simulatedNumber
	for _, e := range r.Ends {
		if e.Why == "" {
			out = append(out, e.simulatedNumber)
		}
	}
	return out
}

func (r *simulatedResult) channels() []simulatedNumber {
	var out []simulatedNumber
	for _, c := range r.Channels {
		out = append(out, c.simulatedNumber)
	}
	return out
}

// cost is what the messages would have cost, and what of them has no price.
func (r *simulatedResult) cost(unpriced string) string {
	out := "-"
	if r.Cost != "" {
		out = r.Cost + " " + r.Currency
	}
	if len(r.Unpriced) > 0 {
		out += " (" + unpriced + ": " + strings.Join(r.Unpriced, ", ") + ")"
	}
	return out
}

func (r *simulatedResult) revenue() string {
	var sums []string
	for _, m := range r.Observed.Revenue {
		sums = append(sums, m.Amount+" "+m.Currency)
	}
	if len(sums) == 0 {
		return "0"
	}
	return strings.Join(sums, ", ")
}
