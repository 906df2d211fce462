package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"enishi"
	"enishi/internal/definitions"
)

// titles gives the names that people gave to definitions. What has no title, or is gone, has a general word: its internal
// name is nothing to read.
type titles struct {
	log *definitions.Log

	mu    sync.Mutex
	known map[[2]string]titled // by kind and name
}

// titled is a definition as far as it is shown.
type titled struct {
	version int64
	title   Text
	nodes   map[string]nodeTitle // of a journey, those of earlier versions included
}

type nodeTitle struct {
	kind  string
	title Text
}

// body is what all kinds of definitions have in common, and the nodes of a journey.
type body struct {
	Title Text                       `json:"title"`
	Nodes map[string]json.RawMessage `json:"nodes"`
}

func (t *titles) get(kind, name string) (titled, bool) {
	d, ok := t.log.Current(kind, name)
	if !ok {
		return titled{}, false
	}
	key := [2]string{kind, name}
	t.mu.Lock()
	defer t.mu.Unlock()
	if x, ok := t.known[key]; ok && x.version == d.Version {
		return x, true
	}
	x := titled{version: d.Version}
	if kind == "journey" {
		x.nodes = map[string]nodeTitle{}
		for _, old := range t.log.History(kind, name) {
			x.read(old.Body)
		}
	}
	x.read(d.Body)
	t.known[key] = x
	return x, true
}

func (x *titled) read(raw json.RawMessage) {
	var b body
	if json.Unmarshal(raw, &b) != nil {
		return
	}
	x.title = b.Title.complete()
	for id, raw := range b.Nodes {
		x.nodes[id] = nodeTitleOf(raw)
	}
}

// nodeTitleOf is a node's own title, or what it does in words.
func nodeTitleOf(raw json.RawMessage) nodeTitle {
	var n struct {
		Type       string          `json:"type"`
		Title      Text            `json:"title"`
		For        string          `json:"for"`
		Until      json.RawMessage `json:"until"`
		UntilEvent json.RawMessage `json:"until_event"`
		UntilTrue  string          `json:"until_true"`
	}
	if json.Unmarshal(raw, &n) != nil {
		return nodeTitle{"", word("node", "")}
	}
	kind := n.Type
	switch {
	case n.Type != "wait":
	case len(n.UntilEvent) > 0:
		kind = "until_event"
	case len(n.Until) > 0:
		kind = "until"
	case n.UntilTrue != "":
		kind = "until_true"
	}
	title := n.Title.complete()
	switch {
	case !title.isZero():
	case n.For != "":
		d := durationText(n.For)
		title = Text{d.JA + "待つ", "Wait " + d.EN}
	default:
		title = word("node", kind)
	}
	return nodeTitle{n.Type, title}
}

// durationText writes 3d as 3 日.
func durationText(s string) Text {
	if s == "" {
		return Text{}
	}
	number, unit := s[:len(s)-1], s[len(s)-1:]
	if _, err := strconv.Atoi(number); err != nil {
		return word("node", "wait")
	}
	u := word("unit", unit)
	en := u.EN
	if number == "1" {
		en = strings.TrimSuffix(en, "s")
	}
	return Text{number + " " + u.JA, number + " " + en}
}

func (t *titles) of(kind, name string) Text {
	x, ok := t.get(kind, name)
	if !ok || x.title.isZero() {
		return word("gone", kind)
	}
	return x.title
}

func (t *titles) journey(name string) Text  { return t.of("journey", name) }
func (t *titles) segment(name string) Text  { return t.of("segment", name) }
func (t *titles) template(name string) Text { return t.of("template", name) }

// node is the title of a step of a journey, in whatever version it was.
func (t *titles) node(journey, id string) Text {
	x, _ := t.get("journey", journey)
	if n, ok := x.nodes[id]; ok && !n.title.isZero() {
		return n.title
	}
	return word("gone", "node")
}

// definitionTitle is the title in a definition's body.
func definitionTitle(d *enishi.Definition) Text {
	var b body
	if json.Unmarshal(d.Body, &b) != nil {
		return Text{}
	}
	return b.Title.complete()
}
