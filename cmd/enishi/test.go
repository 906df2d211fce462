package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"enishi"
	"enishi/journeys"
	"enishi/segments"
)

// testCommand runs scenarios without a server.
type testCommand struct {
	client
	Definitions []string `help:"Definition files or folders of them, as of apply; those in the folders of the scenarios are taken anyway." placeholder:"PATH" type:"existingpath"`
	Server      bool     `help:"Take what no file has from the running server, before the gallery is asked."`
	JSON        bool     `help:"Print the results as JSON." name:"json"`
	Paths       []string `arg:"" optional:"" help:"Files NAME.scenario, or folders of them." default:"." type:"existingpath"`
}

// scenarioReport is what is told of one file.
type scenarioReport struct {
	File string `json:"file"`
	*journeys.ScenarioResult
}

// Run plays each scenario and tells what does not hold, with its line.
func (c *testCommand) Run(ctx context.Context, s streams) error {
	files, err := scenarioFiles(c.Paths)
	if err != nil {
		return err
	}
	bad := 0
	reports := []scenarioReport{}
	for _, file := range files {
		r, err := c.play(ctx, file)
		if err != nil {
			return err
		}
		reports = append(reports, scenarioReport{file, r})
		if len(r.Failures) > 0 {
			bad++
		}
		if !c.JSON {
			tellScenario(s, file, r)
		}
	}
	if c.JSON {
		text, err := json.MarshalIndent(map[string]any{"items": reports}, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, string(text))
	}
	if bad > 0 && s.japanese() {
		return fmt.Errorf("%d 件中 %d 件のシナリオが期待どおりではありません", len(files), bad)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d scenarios do not hold", bad, len(files))
	}
	return nil
}

// scenarioFiles lists the scenarios that paths name.
func scenarioFiles(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read scenarios: %w", err)
		}
		if !info.IsDir() {
			out = append(out, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*.scenario"))
		if err != nil {
			return nil, fmt.Errorf("read scenarios: %w", err)
		}
		sort.Strings(found)
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no scenario is there: name files that end in .scenario, or folders of them")
	}
	return out, nil
}

// tellScenario prints what came of a file.
func tellScenario(s streams, file string, r *journeys.ScenarioResult) {
	words := map[bool][4]string{
		false: {"ok    %s  %d expectations\n", "FAIL  %s\n", "  expected  %s\n", "  happened  %s\n"},
		true:  {"成功  %s  %d 件\n", "失敗  %s\n", "  期待  %s\n", "  実際  %s\n"},
	}[s.japanese()]
	if len(r.Failures) == 0 {
		fmt.Fprintf(s.out, words[0], file, r.Checks)
		return
	}
	fmt.Fprintf(s.out, words[1], file)
	in := func(t journeys.Text) string {
		if s.japanese() {
			return t.JA
		}
		return t.EN
	}
	for _, f := range r.Failures {
		fmt.Fprintf(s.out, "%s:%d: %s\n", file, f.Line, f.Text)
		if f.Expected != nil {
			fmt.Fprintf(s.out, words[2], in(*f.Expected))
		}
		fmt.Fprintf(s.out, words[3], in(f.Happened))
	}
}

// play runs one file with the definitions beside it.
func (c *testCommand) play(ctx context.Context, file string) (*journeys.ScenarioResult, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	all := &scenarioDefinitions{c: c, ctx: ctx, asked: map[[2]string][]byte{}}
	if all.files, err = definitionsBeside(file); err != nil {
		return nil, err
	}
	for _, path := range c.Definitions {
		ds, err := readDefinitions(path)
		if err != nil {
			return nil, err
		}
		all.files = append(ds, all.files...) // what is named comes first
	}
	if all.ready, err = galleryDefinitions(nil, nil); err != nil {
		return nil, err
	}
	x := journeys.Scenario{Text: text, Journey: all.journey, Templates: all.template, Segment: all.segment, Library: libraryWith(all.find)}
	if body, ok := all.find("setting", "journeys"); ok {
		if x.Settings, err = journeys.ParseSettings(body); err != nil {
			return nil, fmt.Errorf("setting journeys: %w", err)
		}
	}
	r := x.Run()
	return r, all.err
}

// definitionsBeside reads the definition files of a scenario's folder. A journey's bare JSON, as the console shows it, is the journey of
// that file's name.
func definitionsBeside(file string) ([]definitionFile, error) {
	var out []definitionFile
	for _, pattern := range []string{"*.json", "*.yaml", "*.yml"} {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(file), pattern))
		if err != nil {
			return nil, fmt.Errorf("read definitions: %w", err)
		}
		for _, path := range found {
			if text, err := os.ReadFile(path); err == nil && pattern == "*.json" {
				var body map[string]any
				if json.Unmarshal(text, &body) == nil && body["kind"] == nil && body["nodes"] != nil {
					out = append(out, definitionFile{Kind: "journey", Name: strings.TrimSuffix(filepath.Base(path), ".json"), Body: body})
					continue
				}
			}
			ds, err := readDefinitions(path)
			if err != nil {
				return nil, err
			}
			out = append(out, ds...)
		}
	}
	return out, nil
}

// scenarioDefinitions finds definitions for a scenario: in files, on the server if it is to be asked, in the gallery.
type scenarioDefinitions struct {
	c            *testCommand
	ctx          context.Context
	files, ready []definitionFile
	asked        map[[2]string][]byte // what the server said; nil: it has none
	err          error                // the first that the server, or a file, gave
}

// find is the body of a definition.
func (d *scenarioDefinitions) find(kind, name string) ([]byte, bool) {
	if body, ok := d.among(d.files, kind, name); ok {
		return body, true
	}
	if d.c.Server {
		if body := d.ask(kind, name); body != nil {
			return body, true
		}
	}
	return d.among(d.ready, kind, name)
}

func (d *scenarioDefinitions) among(all []definitionFile, kind, name string) ([]byte, bool) {
	i := slices.IndexFunc(all, func(x definitionFile) bool { return x.Kind == kind && x.Name == name })
	if i < 0 {
		return nil, false
	}
	body, err := json.Marshal(all[i].Body)
	if err != nil && d.err == nil {
		d.err = err
	}
	return body, err == nil
}

// ask reads the newest version from the server, once.
func (d *scenarioDefinitions) ask(kind, name string) []byte {
	key := [2]string{kind, name}
	if body, known := d.asked[key]; known || d.err != nil {
		return body
	}
	d.asked[key] = nil
	var versions struct {
		Items []struct {
			Version int64
			Deleted bool
		}
	}
	err := d.c.call(d.ctx, "GET", "/definitions?"+url.Values{"kind": {kind}, "name": {name}}.Encode(), nil, &versions)
	if err == nil && len(versions.Items) > 0 && !versions.Items[0].Deleted {
		var one struct{ Body json.RawMessage }
		err = d.c.call(d.ctx, "GET", fmt.Sprintf("/definitions/%s/%s?version=%d", kind, url.PathEscape(name), versions.Items[0].Version), nil, &one)
		d.asked[key] = one.Body
	}
	if err != nil {
		d.err = err
	}
	return d.asked[key]
}

// journey is live, whatever its state is: a scenario tries drafts, too.
func (d *scenarioDefinitions) journey(name string) ([]byte, error) {
	body, ok := d.find("journey", name)
	if !ok {
		return nil, enishi.FieldError("", "there is no journey "+name+": no file, nor the gallery has it", "「"+name+"」というジャーニーはファイルにもギャラリーにもありません")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("journey %s: %w", name, err)
	}
	fields["state"] = json.RawMessage(`"live"`)
	return json.MarshalIndent(fields, "", "  ")
}

// segment is the expression of a segment.
func (d *scenarioDefinitions) segment(name string) (string, bool) {
	body, ok := d.find("segment", name)
	if !ok {
		return "", false
	}
	b, err := segments.ParseBody(body)
	return b.Expression, err == nil
}

// template is the channel of a template.
func (d *scenarioDefinitions) template(name string) (int64, string, bool) {
	body, ok := d.find("template", name)
	var t struct {
		Channel string `json:"channel"`
	}
	if !ok || json.Unmarshal(body, &t) != nil {
		return 0, "", false
	}
	return 1, t.Channel, t.Channel != ""
}
