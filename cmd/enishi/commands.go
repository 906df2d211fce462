package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	"enishi/ingest/mapping"
	"enishi/ingest/pulls"
	"enishi/internal/exports"
	"enishi/internal/outflow"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/segments"
	"enishi/segments/audiences"
)

type statusCommand struct {
	client
	JSON bool `help:"Print the answer as JSON." name:"json"`
}

// status is the answer of GET /status.
type status struct {
	Profiles  int64                       `json:"profiles"`
	Orders    int64                       `json:"orders"`
	Events    map[string]int64            `json:"events"`
	Dead      int64                       `json:"dead"`
	Lag       map[string]int64            `json:"lag"`
	OldestDue *time.Time                  `json:"oldest_due,omitempty"`
	Sends     map[string]map[string]int64 `json:"sends"`
	Clock     struct {
		Virtual bool      `json:"virtual"`
		At      time.Time `json:"at"`
	} `json:"clock"`
}

// Run prints the status.
func (c *statusCommand) Run(ctx context.Context, s streams) error {
	var raw json.RawMessage
	if err := c.call(ctx, "GET", "/status", nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(s.out, string(raw))
		return err
	}
	var x status
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "profiles\t%d\norders\t%d\ndead\t%d\n", x.Profiles, x.Orders, x.Dead)
	for _, name := range sortedKeys(x.Lag) {
		fmt.Fprintf(w, "lag %s\t%d\n", name, x.Lag[name])
	}
	due := "none"
	if x.OldestDue != nil && !x.OldestDue.IsZero() {
		due = x.OldestDue.Format(time.RFC3339)
	}
	fmt.Fprintf(w, "oldest due\t%s\n", due)
	if x.Clock.Virtual {
		fmt.Fprintf(w, "clock\tvirtual, %s\n", x.Clock.At.Format(time.RFC3339))
	}
	for _, name := range sortedKeys(x.Events) {
		fmt.Fprintf(w, "event %s\t%d\n", name, x.Events[name])
	}
	for _, channel := range sortedKeys(x.Sends) {
		for _, outcome := range sortedKeys(x.Sends[channel]) {
			fmt.Fprintf(w, "sends %s %s\t%d\n", channel, outcome, x.Sends[channel][outcome])
		}
	}
	return w.Flush()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Make a key and print it once."`
}

type keyCreateCommand struct {
	client
	Write bool   `help:"A write key: lets a site or app send events and reads nothing."`
	Role  string `help:"A console token with this role: viewer, editor, approver or admin." enum:",viewer,editor,approver,admin" default:"" placeholder:"ROLE"`
	Name  string `arg:"" optional:"" help:"What it is for." default:"key"`
}

// Run makes the key.
func (c *keyCreateCommand) Run(ctx context.Context, s streams) error {
	ask := map[string]string{"name": c.Name, "kind": "admin", "role": c.Role}
	switch {
	case c.Write && c.Role != "":
		return fmt.Errorf("--write and --role do not go together: a write key reads nothing")
	case c.Write:
		ask["kind"] = "write"
		delete(ask, "role")
	case c.Role == "":
		return fmt.Errorf("say what the key is for: --write, or --role viewer|editor|approver|admin")
	}
	var k struct {
		Token string `json:"token"`
	}
	if err := c.call(ctx, "POST", "/keys", ask, &k); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, k.Token)
	return err
}

type clockCommand struct {
	Show clockShowCommand `cmd:"" default:"1" help:"Show whether the clock is virtual."`
	Go   clockRunCommand  `cmd:"" name:"run" help:"Let the clock follow the wall clock again."`
}

type clockShowCommand struct{ client }

// Run prints the clock.
func (c *clockShowCommand) Run(ctx context.Context, s streams) error {
	var raw json.RawMessage
	if err := c.call(ctx, "GET", "/clock", nil, &raw); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, string(raw))
	return err
}

type clockRunCommand struct{ client }

// Run lets the clock run.
func (c *clockRunCommand) Run(ctx context.Context, s streams) error {
	return c.call(ctx, "POST", "/clock", map[string]bool{"live": true}, nil)
}

// definitionFile is a file of `enishi apply`: one definition, or several as YAML documents.
type definitionFile struct {
	Kind   string `yaml:"kind" json:"kind"`
	Name   string `yaml:"name" json:"name"`
	Body   any    `yaml:"body" json:"body"`
	Reason string `yaml:"reason" json:"reason"`
	// Version is that of the server from which the file was exported: it is not saved over another. 0: over whatever there is.
	Version int64 `yaml:"version" json:"version"`

	file string     // where it stands; empty: in none
	node *yaml.Node // its document there
}

// readDefinitions reads a file, or all .json, .yaml and .yml files of a folder.
func readDefinitions(path string) ([]definitionFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		files = nil
		for _, pattern := range []string{"*.json", "*.yaml", "*.yml"} {
			found, err := filepath.Glob(filepath.Join(path, pattern))
			if err != nil {
				return nil, fmt.Errorf("read definitions: %w", err)
			}
			files = append(files, found...)
		}
		sort.Strings(files)
	}
	var out []definitionFile
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read definitions: %w", err)
		}
		decoder := yaml.NewDecoder(f) // JSON is YAML
		for {
			var doc yaml.Node
			err := decoder.Decode(&doc)
			if errors.Is(err, io.EOF) {
				break
			}
			var d definitionFile
			if err == nil {
				daysAreText(&doc)
				err = doc.Decode(&d)
			}
			if err == nil {
				err = d.whole(&doc)
			}
			if err != nil {
				f.Close()
				return nil, inFile(file, err)
			}
			d.file, d.node = file, doc.Content[0]
			out = append(out, d)
		}
		f.Close()
	}
	return out, nil
}

// whole checks what stands around the body.
func (d *definitionFile) whole(doc *yaml.Node) error {
	at := doc.Content[0]
	if d.Kind == "" || d.Name == "" || d.Body == nil {
		return fmt.Errorf("yaml: line %d: a definition has kind, name and body", at.Line)
	}
	for i := 0; i+1 < len(at.Content); i += 2 {
		if name := at.Content[i]; !slices.Contains([]string{"kind", "name", "body", "reason", "version"}, name.Value) {
			return fmt.Errorf("yaml: line %d: %q does not belong here: a definition has kind, name, body, reason and version", name.Line, name.Value)
		}
	}
	return nil
}

// yamlLine begins what is wrong with YAML.
var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s+)?line ([0-9]+): `)

// inFile says of an error of YAML where it is: FILE:LINE.
func inFile(file string, err error) error {
	text := err.Error()
	if at := yamlLine.FindStringSubmatch(text); at != nil {
		return fmt.Errorf("%s:%s: %s", file, at[1], text[len(at[0]):])
	}
	return fmt.Errorf("%s: %w", file, err)
}

// daysAreText keeps 2026-12-01 without quotes the text that JSON would have.
func daysAreText(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		daysAreText(child)
	}
}

// segment compiles a segment that may name what others are.
func (d *definitionFile) segment(others []definitionFile) (*segments.Segment, error) {
	body, err := json.Marshal(d.Body)
	if err != nil {
		return nil, err
	}
	return libraryOf(others).Compile(d.Name, 0, body)
}

// libraryOf is what expressions may name of definitions.
func libraryOf(others []definitionFile) segments.Library {
	return libraryWith(func(kind, name string) ([]byte, bool) {
		i := slices.IndexFunc(others, func(x definitionFile) bool { return x.Kind == kind && x.Name == name })
		if i < 0 {
			return nil, false
		}
		body, err := json.Marshal(others[i].Body)
		return body, err == nil
	})
}

// libraryWith is what expressions may name of the definitions that find has.
func libraryWith(find func(kind, name string) ([]byte, bool)) segments.Library {
	return pipeline.Library(func(kind, name string) (enishi.Definition, bool) {
		body, ok := find(kind, name)
		return enishi.Definition{Kind: kind, Name: name, Body: body}, ok
	})
}

// check compiles a definition. others are the definitions that are checked with it, calls tells what is wrong with a call of another
// system; nil: nothing.
func (d *definitionFile) check(others []definitionFile, calls func(*journeys.Webhook) error) error {
	body, err := json.Marshal(d.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", d.Kind, d.Name, err)
	}
	switch d.Kind {
	case "segment":
		_, err = d.segment(others)
	case "ranking":
		_, err = segments.ParseRanking(body)
	case "journey":
		if _, err = journeys.Compile(d.Name, 0, body, libraryOf(others)); err == nil {
			err = journeys.Check(d.Name, body, libraryOf(others), journeys.References{Webhook: calls})
		}
	case "template":
		err = channels.CheckTemplate(d.Name, body, blocksOf(others))
	case "block":
		err = channels.CheckBlock(d.Name, body)
	case line.KindRichMenu:
		_, err = line.ParseMenu(body)
	case line.KindReply:
		_, err = line.ParseReply(d.Name, body)
	case mapping.Kind:
		var m mapping.Mapping
		if m, err = mapping.Parse(body); err == nil {
			_, err = mapping.Compile(m, nil)
		}
	case audiences.Kind:
		_, err = audiences.Parse(body)
	case exports.PlanKind:
		var p *exports.Plan
		if p, err = exports.ParsePlan(body); err == nil {
			err = p.Check("", []string{p.Place}) // the server knows its places
		}
	case pulls.Kind:
		_, err = pulls.Parse(body)
	case "store":
		_, err = segments.ParseStore(body)
	case "words":
		err = channels.CheckWords(d.Name, body)
	case outflow.Kind:
		_, err = outflow.Parse(body)
	case "setting", "list":
	default:
		err = fmt.Errorf("kind is segment, list, ranking, journey, template, block, store, words, reply, richmenu, mapping, filepull, bulk_export, audience, stream or setting")
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", d.Kind, d.Name, err)
	}
	return nil
}

// blocksOf finds the shared blocks among definitions.
func blocksOf(all []definitionFile) channels.Blocks {
	return func(name string) ([]byte, int64, bool) {
		for i := range all {
			if all[i].Kind == "block" && all[i].Name == name {
				body, err := json.Marshal(all[i].Body)
				return body, 0, err == nil
			}
		}
		return nil, 0, false
	}
}

type checkCommand struct {
	Config string   `help:"Configuration file (YAML)." type:"existingfile" placeholder:"FILE"`
	Paths  []string `arg:"" optional:"" help:"Definition files or folders of them."`
}

// Run checks and says what it found.
func (c *checkCommand) Run(ctx context.Context, s streams) error {
	cfg, err := LoadConfig(c.Config, s.environ)
	if err == nil {
		err = cfg.Check()
	}
	if err != nil {
		return err
	}
	webhooks, err := newWebhooks(cfg.Webhook, webhookKey(nil), nil, nil) // nothing is called, so any key does
	if err != nil {
		return err
	}
	calls := func(h *journeys.Webhook) error {
		return webhooks.Check(&channels.Request{URL: h.URL, Method: h.Method, Headers: h.Headers, Body: h.Body})
	}
	var all []definitionFile // segments may name each other across files
	for _, path := range c.Paths {
		ds, err := readDefinitions(path)
		if err != nil {
			return err
		}
		all = append(all, ds...)
	}
	n, bad := len(all), 0
	for i := range all {
		err := all[i].withHTML(ctx)
		if err == nil {
			err = all[i].check(all, calls)
		}
		if err != nil {
			bad++
			fmt.Fprintln(s.err, all[i].placed(err, s.japanese()))
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d definitions are wrong", bad, n)
	}
	_, err = fmt.Fprintf(s.out, "configuration and %d definitions are fine\n", n)
	return err
}

type tailCommand struct {
	Kafka     []string `help:"Broker addresses (of the server's --kafka-listen, or a cluster)." required:"" env:"ENISHI_KAFKA" placeholder:"HOST:PORT"`
	Prefix    string   `help:"Prefix of the topics." placeholder:"TEXT"`
	Topic     string   `arg:"" help:"Topic, without the prefix." default:"events"`
	FromStart bool     `help:"From the first record instead of from now on."`
}

// Run prints records until it is interrupted.
func (c *tailCommand) Run(ctx context.Context, s streams) error {
	prefix := c.Prefix
	if prefix != "" && !strings.HasSuffix(prefix, ".") {
		prefix += "."
	}
	client, err := stream.Open(ctx, stream.Config{Brokers: c.Kafka, Prefix: prefix, Topics: topics()})
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := client.Ends(ctx, c.Topic)
	if err != nil {
		return err
	}
	done := make(chan error, len(ends))
	lines := make(chan []byte, 256)
	for p := range ends {
		from := ends[p]
		if c.FromStart {
			from = 0
		}
		go func() {
			done <- client.Follow(ctx, c.Topic, p, from, func(_ context.Context, recs []stream.Record, _ int64) error {
				for i := range recs {
					lines <- printable(c.Topic, &recs[i])
				}
				return nil
			})
		}()
	}
	for {
		select {
		case line := <-lines:
			fmt.Fprintln(s.out, string(line))
		case err := <-done:
			return err
		}
	}
}

// printable is a record as one line of JSON.
func printable(topic string, r *stream.Record) []byte {
	var value any = json.RawMessage(r.Value)
	switch topic {
	case enishi.TopicEvents:
		e := new(enishi.Event)
		if enishi.DecodeEvent(e, r.Value) == nil {
			copy(e.Profile[:], r.Key)
			value = e
		}
	case enishi.TopicMessages:
		m := new(enishi.Message)
		if enishi.DecodeMessage(m, r.Value) == nil {
			value = m
		}
	case enishi.TopicIdentities:
		l := new(enishi.Link)
		if enishi.DecodeLink(l, r.Value) == nil {
			value = l
		}
	}
	line, err := json.Marshal(map[string]any{"partition": r.Partition, "offset": r.Offset, "time": r.Time, "value": value})
	if err != nil {
		line, _ = json.Marshal(map[string]any{"partition": r.Partition, "offset": r.Offset, "time": r.Time, "raw": string(r.Value)})
	}
	return line
}
