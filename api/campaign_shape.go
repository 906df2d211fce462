package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/journeys"
)

// campaignTest is a comparison of variants, as a marketer says it.
type campaignTest struct {
	Share    float64           `json:"share" minimum:"1" maximum:"90" doc:"Per cent of the people who get a variant first."`
	After    string            `json:"after" maxLength:"8" doc:"How long after the first message the winner is chosen, as 4h."`
	By       string            `json:"by" enum:"click,order"`
	Least    int               `json:"least" minimum:"1" doc:"Messages of each variant without which nothing is chosen by itself."`
	Auto     bool              `json:"auto,omitempty" doc:"The winner is chosen and sent by itself."`
	Winner   string            `json:"winner,omitempty" readOnly:"true" doc:"The variant that was chosen: a, b, ..."`
	Variants []campaignVariant `json:"variants" minItems:"2" maxItems:"5" doc:"In order a, b, ..."`
}

// campaignVariant is what differs in a variant; what it does not say is as in the campaign.
type campaignVariant struct {
	Weight    int               `json:"weight,omitempty" minimum:"0" maximum:"1000" doc:"Its part of those who are asked first; 1 unless said."`
	Subject   string            `json:"subject,omitempty" maxLength:"500" doc:"Of a mail."`
	Templates map[string]string `json:"templates,omitempty" doc:"By channel."`
	Accounts  map[string]string `json:"accounts,omitempty" doc:"By channel: the sender."`
	Time      string            `json:"time,omitempty" maxLength:"5" doc:"Not before this time of day, as 19:00, in the person's time zone."`
}

const testSplit = "variants"

// variantName is a, b, ...
func variantName(i int) string { return string(rune('a' + i)) }

// variantAt is the variant of a name; -1: it is none's.
func variantAt(name string) int {
	if len(name) != 1 || name[0] < 'a' {
		return -1
	}
	return int(name[0] - 'a')
}

// graph adds the nodes of a broadcast: one message, or a split with a message for each variant.
func (b *broadcastBody) graph(d *journeys.Definition) {
	message := func(subject string, templates, accounts map[string]string) *journeys.Node {
		return &journeys.Node{Type: "message", Channels: b.Channels, Templates: templates, SendBy: b.SendBy, Subject: subject, Accounts: accounts, Next: "end"}
	}
	d.Nodes = map[string]*journeys.Node{"end": {Type: "exit"}}
	if b.Test == nil {
		d.Start, d.Nodes["message"] = "message", message(b.Subject, b.Templates, nil)
		return
	}
	t := b.Test
	d.Start = testSplit
	d.Entry.Test = &journeys.Test{Split: testSplit, Share: t.Share, After: t.After, By: t.By, Least: t.Least, Auto: t.Auto}
	split := &journeys.Node{Type: "split"}
	d.Nodes[testSplit] = split
	for i := range t.Variants {
		v, name := &t.Variants[i], variantName(i)
		templates := map[string]string{}
		for _, channel := range b.Channels {
			templates[channel] = b.Templates[channel]
			if own := v.Templates[channel]; own != "" {
				templates[channel] = own
			}
		}
		subject := b.Subject
		if v.Subject != "" {
			subject = v.Subject
		}
		d.Nodes["message_"+name] = message(subject, templates, v.Accounts)
		way := journeys.Way{Weight: max(v.Weight, 1), Next: "message_" + name}
		if v.Time != "" {
			d.Nodes["wait_"+name] = &journeys.Node{Type: "wait", Until: &journeys.Until{Time: v.Time}, Next: way.Next}
			way.Next = "wait_" + name
		}
		if t.Winner == name {
			d.Entry.Test.Winner = way.Next
		}
		split.Ways = append(split.Ways, way)
	}
}

// shape reads the nodes of a broadcast; false: somebody drew another graph.
func (b *broadcastBody) shape(d *journeys.Definition) bool {
	n := d.Nodes[d.Start]
	if n == nil {
		return false
	}
	if n.Type == "message" {
		b.Channels, b.Templates, b.SendBy, b.Subject = n.Channels, n.Templates, n.SendBy, n.Subject
		return true
	}
	t := d.Entry.Test
	if t == nil || n.Type != "split" {
		return false
	}
	b.Test = &campaignTest{Share: t.Share, After: t.After, By: t.By, Least: t.Least, Auto: t.Auto}
	for i, way := range n.Ways {
		v := campaignVariant{Weight: way.Weight}
		m := d.Nodes[way.Next]
		if m != nil && m.Type == "wait" && m.Until != nil {
			v.Time = m.Until.Time
			m = d.Nodes[m.Next]
		}
		if m == nil || m.Type != "message" {
			return false
		}
		if t.Winner == way.Next {
			b.Test.Winner = variantName(i)
		}
		v.Subject, v.Templates, v.Accounts = m.Subject, m.Templates, m.Accounts
		if i == 0 {
			b.Channels, b.SendBy, b.Templates = m.Channels, m.SendBy, maps.Clone(m.Templates)
		}
		b.Test.Variants = append(b.Test.Variants, v)
	}
	for i := range b.Test.Variants { // what the first has is the campaign's, the others say what differs
		v := &b.Test.Variants[i]
		v.Templates = maps.Clone(v.Templates)
		maps.DeleteFunc(v.Templates, func(channel, name string) bool { return b.Templates[channel] == name })
	}
	return true
}

// texts are all templates that a channel's messages may be made of.
func (b *broadcastBody) texts(channel string) []string {
	out := []string{b.Templates[channel]}
	if b.Test != nil {
		out = nil
		for i := range b.Test.Variants {
			name := b.Templates[channel]
			if own := b.Test.Variants[i].Templates[channel]; own != "" {
				name = own
			}
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// checkCampaign refuses what the journey's own check cannot know.
func (a *API) checkCampaign(b *broadcastBody) error {
	var problems journeys.Problems
	refuse := func(field, msg, msgJA string) {
		problems = append(problems, enishi.FieldError("body.broadcast."+field, msg, msgJA))
	}
	subject := func(field, text string) {
		if text == "" {
			return
		}
		var e *enishi.Error
		if err := channels.CheckHeadline(text); errors.As(err, &e) {
			refuse(field, e.Msg, e.MsgJA)
		}
	}
	subject("subject", b.Subject)
	if t := b.Test; t != nil {
		if t.Winner != "" {
			refuse("test.winner", "the winner is chosen after the test began, by its own command", "採用案は、比較テストを始めたあとで決めてください。")
		}
		for i := range t.Variants {
			subject("test.variants["+strconv.Itoa(i)+"].subject", t.Variants[i].Subject)
		}
	}
	if b.Again != nil {
		if _, of, err := a.broadcast(b.Again.Of); err != nil || of.Schedule != nil {
			refuse("again.of", "name a campaign that goes once: there is none of this name, or it recurs", "元の配信には、一度だけ送る一斉配信を指定してください（見つからないか、繰り返しの配信です）。")
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// inBroadcast says problems of the journey at the places of the broadcast that it was made of. Its lines and nodes are nobody's:
// nobody wrote them.
func (b *broadcastBody) inBroadcast(err error) error {
	var list journeys.Problems
	if !errors.As(err, &list) {
		return err
	}
	var out journeys.Problems
	for _, p := range list {
		q := *p
		q.Field, q.Line, q.Col = "body.broadcast."+b.place(p.Field), 0, 0
		if rest, ok := strings.CutPrefix(p.Field, "nodes."); ok {
			node, _, _ := strings.Cut(rest, ".")
			q.Msg, q.MsgJA = strings.TrimPrefix(p.Msg, "node "+strconv.Quote(node)+": "), strings.TrimPrefix(p.MsgJA, "ステップ「"+node+"」: ")
		}
		if !slices.ContainsFunc(out, func(x *enishi.Error) bool { return x.Field == q.Field && x.Msg == q.Msg }) { // of a template of all variants
			out = append(out, &q)
		}
	}
	return out
}

// place is where a marketer said what stands at a path of the journey.
func (b *broadcastBody) place(path string) string {
	rest, inNode := strings.CutPrefix(path, "nodes.")
	if !inNode {
		return strings.TrimPrefix(path, "entry.")
	}
	node, field, _ := strings.Cut(rest, ".")
	kind, name, ofVariant := strings.Cut(node, "_")
	if i := variantAt(name); ofVariant && b.Test != nil && i >= 0 && i < len(b.Test.Variants) {
		at := "test.variants[" + strconv.Itoa(i) + "]."
		v := &b.Test.Variants[i]
		channel, ofTemplate := strings.CutPrefix(field, "templates.")
		switch {
		case kind == "wait":
			return at + "time"
		case ofTemplate && v.Templates[channel] == "", field == "send_by", strings.HasPrefix(field, "channels"), field == "subject" && v.Subject == "":
			return field
		}
		return at + field
	}
	return field
}

// campaignNow is a campaign as people meet it: its newest version, and the one that acts, which differ while a draft of one that
// recurs waits.
type campaignNow struct {
	newest enishi.Definition
	acts   enishi.Definition // the newest while nothing was sent
	body   broadcastBody     // of acts
}

func (a *API) campaignNow(d *enishi.Definition) (campaignNow, bool) {
	c := campaignNow{newest: *d, acts: *d}
	if act, ok := a.acting(d.Name); ok {
		c.acts = act
	}
	var ok bool
	c.body, ok = broadcastOf(&c.acts)
	return c, ok
}

// wentLive is the version by which a journey went live first; 0: it never did.
func (a *API) wentLive(name string) int64 {
	for _, d := range a.cfg.Definitions.History("journey", name) {
		if !d.Deleted && headOf(&d).State == "live" {
			return d.Version
		}
	}
	return 0
}

// stageBegan is the version by which a campaign, or the part of it that goes to those who follow a winner, went live first; 0: it
// never did.
func (a *API) stageBegan(name, winner string) int64 {
	for _, d := range a.cfg.Definitions.History("journey", name) {
		if d.Deleted || headOf(&d).State != "live" {
			continue
		}
		var def journeys.Definition
		if json.Unmarshal(d.Body, &def) == nil && (winner == "" || def.Entry.Test != nil && def.Entry.Test.Winner != "") {
			return d.Version
		}
	}
	return 0
}

// upcoming are the next moments at which a campaign goes.
func (a *API) upcoming(b *broadcastBody, n int) []time.Time {
	if b.Schedule == nil {
		return []time.Time{}
	}
	return b.Schedule.Upcoming(a.now(), n, a.journeySettings())
}

// allTexts are the templates of all channels.
func (b *broadcastBody) allTexts() []string {
	var out []string
	for _, channel := range b.Channels {
		out = append(out, b.texts(channel)...)
	}
	return out
}

// discardDraft drops the draft that waits beside what recurs: what acts is the newest version again.
func (a *API) discardDraft(ctx context.Context, c *campaignNow, reason string) (*writtenOutput, error) {
	if c.acts.Version == c.newest.Version {
		return nil, refusal(enishi.Conflict, "no draft waits beside it", "待っている下書きはありません。")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "journey", Name: c.newest.Name, Expect: c.newest.Version, Body: c.acts.Body, Reason: reason})
	return &writtenOutput{w}, err
}
