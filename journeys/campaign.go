package journeys

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// Test compares variants of a campaign: a share of its people goes the ways of a split first, the others follow by the way
// that is chosen. A campaign with a test goes once.
type Test struct {
	Split string  `json:"split"` // the node whose ways are the variants
	Share float64 `json:"share"` // per cent of the people who are asked first: 1 to 90
	After string  `json:"after"` // how long after the first messages the winner is chosen
	By    string  `json:"by"`    // click, order: of which the winner has most, of those who got a message
	Least int     `json:"least"` // of messages of each variant; with fewer nothing is chosen by itself
	Auto  bool    `json:"auto,omitempty"`
	// Winner is the way that was chosen, by the node it leads to: everybody who has not entered does now, and goes there.
	Winner string `json:"winner,omitempty"`
}

// Again sends to those whom another campaign reached in vain.
type Again struct {
	Of  string `json:"of"`  // the other campaign
	Not string `json:"not"` // clicked, opened: what they did not do. Programs open mails by themselves, so clicked says more
}

// What wins a test.
const (
	byClick = "click"
	byOrder = "order"
)

const (
	notClicked = "clicked"
	notOpened  = "opened"
)

// campaign checks the parts of an entry that belong to campaigns alone.
func (c *compiler) campaign(e *Entry) {
	if e.Schedule != nil {
		c.schedule(e.Schedule)
	}
	if a := e.Again; a != nil {
		c.oneOf("entry.again.not", a.Not, false, notClicked, notOpened)
		if !journeyPattern.MatchString(a.Of) || a.Of == c.j.Name {
			c.problem("entry.again.of", "name another campaign", "ほかの一斉配信の内部名を指定してください")
		}
		if e.Schedule != nil || e.List != "" {
			c.problem("entry.again", "what is sent again goes once, to those of the other campaign: leave schedule and list out", "再配信は元の配信の対象者へ一度だけ送ります。schedule と list は消してください")
		}
	}
	t := e.Test
	if t == nil {
		return
	}
	c.oneOf("entry.test.by", t.By, false, byClick, byOrder)
	c.duration("entry.test.after", t.After)
	if t.Share < 1 || t.Share > 90 {
		c.problem("entry.test.share", "a test asks 1 to 90 per cent first", "先に送る割合は 1〜90（％）にしてください")
	}
	if t.Least < 1 {
		c.problem("entry.test.least", "each variant needs 1 message or more", "案ごとの最少通数は 1 以上にしてください")
	}
	if e.Schedule != nil {
		c.problem("entry.test", "a campaign that recurs has no test: take one of them out", "繰り返す配信では比較テストを使えません。どちらか一方にしてください")
	}
	n := c.def.Nodes[t.Split]
	switch {
	case n == nil || n.Type != nodeSplit:
		c.problem("entry.test.split", "a test names the split whose ways it compares", "比較する分岐（split）のステップを指定してください")
	case t.Winner != "" && !slices.ContainsFunc(n.Ways, func(w Way) bool { return w.Next == t.Winner }):
		c.problem("entry.test.winner", "the winner is a node that a way of the split leads to", "採用案は分岐の行き先から選んでください")
	}
}

// due tells whether a person is among those whom a campaign goes to now: all, or as long as its test has no winner those who
// are asked first.
func (t *Test) due(campaign string, person enishi.ID) bool {
	return t == nil || t.Winner != "" || share("sample "+campaign, person) < t.Share
}

// missedOut tells whether another campaign reached the person in vain: a message of it was sent, none was clicked (opened),
// and nothing was ordered since.
func (s *stepper) missedOut(a *Again) bool {
	v := s.p.View()
	var since time.Time
	for i := range v.Messages {
		m := &v.Messages[i]
		if m.Journey != a.Of {
			continue
		}
		if !m.ClickedAt.IsZero() || a.Not == notOpened && !m.OpenedAt.IsZero() {
			return false
		}
		if !m.SentAt.IsZero() && (since.IsZero() || m.SentAt.Before(since)) {
			since = m.SentAt
		}
	}
	return !since.IsZero() && !slices.ContainsFunc(v.Orders, func(o profiles.OrderView) bool {
		return o.Valid && !o.Automatic && !o.PlacedAt.Before(since) // a subscription orders by itself
	})
}

// UTM is what is added to the links of messages, so that the shop's web analysis knows where a visit comes from. Values may
// hold {channel}, {account}, {journey}, {node}, {template} and {date}.
type UTM struct {
	Source   string `json:"source,omitempty"`
	Medium   string `json:"medium,omitempty"`
	Campaign string `json:"campaign,omitempty"`
	Content  string `json:"content,omitempty"`
	Term     string `json:"term,omitempty"`
	Off      bool   `json:"off,omitempty"` // of a journey: nothing is added, whatever the settings say
}

func (u *UTM) fields() [5]string {
	if u == nil {
		return [5]string{}
	}
	return [5]string{u.Source, u.Medium, u.Campaign, u.Content, u.Term}
}

const (
	maxUTM     = 200
	maxSubject = 500
)

func (src *source) utm(path string, u *UTM) {
	for i, text := range u.fields() {
		left := utmPlaces("", "", "", "", "", "").Replace(text)
		if len(text) > maxUTM || strings.ContainsAny(left, "{}\r\n") {
			src.problem(path+"."+utmNames()[i], "write at most 200 bytes, and of places {channel}, {account}, {journey}, {node}, {template} and {date} alone",
				"値は 200 バイトまでで、差し込みは {channel}、{account}、{journey}、{node}、{template}、{date} だけにしてください")
		}
	}
}

func utmNames() [5]string { return [5]string{"source", "medium", "campaign", "content", "term"} }

func utmPlaces(channel, account, journey, node, template, date string) *strings.Replacer {
	return strings.NewReplacer("{channel}", channel, "{account}", account, "{journey}", journey, "{node}", node, "{template}", template, "{date}", date)
}

// LinkTags are the parameters for a message's links, as utm_source=...&utm_medium=...: the journey's, else those of the settings
// for the channel. Empty: none.
func (s *Settings) LinkTags(own *UTM, channel, account, journey, node, template string, at time.Time) string {
	channel = enishi.ParentChannel(channel)
	if own != nil && own.Off {
		return ""
	}
	values := own.fields()
	if d, ok := s.UTM[channel]; ok {
		for i, text := range d.fields() {
			if values[i] == "" {
				values[i] = text
			}
		}
	}
	places := utmPlaces(channel, account, journey, node, template, at.In(s.zone).Format("20060102"))
	var out []string
	for i, text := range values {
		if text = places.Replace(text); text != "" {
			out = append(out, "utm_"+utmNames()[i]+"="+url.QueryEscape(text))
		}
	}
	return strings.Join(out, "&")
}

// Wait is how long after the first messages the winner is chosen.
func (t *Test) Wait() time.Duration {
	d, _ := parseDuration(t.After) // checked when it was compiled
	return d
}
