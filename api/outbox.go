package api

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/net/html"

	"enishi"
	"enishi/ingest"
	"enishi/internal/sim/mail"
)

// OutboxRow is a message that a development inbox received.
type OutboxRow struct {
	ID      enishi.ID    `json:"id"`
	At      time.Time    `json:"at"`
	Channel string       `json:"channel"`
	From    string       `json:"from"`
	To      string       `json:"to"`
	Name    string       `json:"name,omitempty"`
	Profile string       `json:"profile,omitempty"`
	Subject string       `json:"subject"`
	Preview string       `json:"preview"`
	SendID  enishi.ID    `json:"send_id"`
	Journey string       `json:"journey,omitempty"`
	Title   Text         `json:"title" doc:"Of the journey."`
	Links   []outboxLink `json:"links"`
}

type outboxLink struct {
	Text string `json:"text"`
	Href string `json:"href"`
}

// outboxMessage is one of them with its content.
type outboxMessage struct {
	OutboxRow
	HTML     string          `json:"html" doc:"Made safe, for a sandboxed frame."`
	Text     string          `json:"text"`
	Headers  []header        `json:"headers"`
	Messages json.RawMessage `json:"messages" doc:"LINE message objects."`
	Content  json.RawMessage `json:"content,omitempty" doc:"Of SMS, push and social: as in a template's content."`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// opened is what a stored message says once it is parsed; it never changes.
type opened struct {
	subject, preview, text, html string
	headers                      []header
	links                        []outboxLink
	messages, content            json.RawMessage
}

// outboxCache keeps the newest parsed messages: the page asks every few seconds.
type outboxCache struct {
	mu   sync.Mutex
	byID map[enishi.ID]*opened
}

const outboxCacheSize = 500

func (c *outboxCache) get(id enishi.ID, channel, raw string) *opened {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.byID[id]; o != nil {
		return o
	}
	o := open(channel, raw)
	if c.byID == nil || len(c.byID) >= outboxCacheSize {
		c.byID = map[enishi.ID]*opened{}
	}
	c.byID[id] = o
	return o
}

const previewLength = 90

// open parses a stored message: a mail as RFC 5322 text, a LINE message as its array of message objects.
func open(channel, raw string) *opened {
	if channel == "line" {
		return openLINE(raw)
	}
	if channel == "sms" || channel == "push" || channel == "social" {
		return openContent(channel, raw)
	}
	o := &opened{headers: []header{}, links: []outboxLink{}}
	m, err := mail.Parse([]byte(raw))
	if err != nil && m.Subject == "" {
		o.text = raw // what cannot be parsed is shown as it came
		o.preview = clip(raw, previewLength)
		return o
	}
	o.subject, o.text, o.html = m.Subject, m.Text, sanitise(m.HTML)
	for _, h := range m.Headers {
		o.headers = append(o.headers, header{h.Name, h.Value})
	}
	o.links = linksOf(o.html)
	o.preview = clip(strings.Join(strings.Fields(m.Text), " "), previewLength)
	return o
}

// openContent reads what the channels with content have sent: the text of an SMS, the payload of a notification (of a browser, or FCM's
// message), the message object of the Graph API.
func openContent(channel, raw string) *opened {
	o := &opened{headers: []header{}, links: []outboxLink{}, messages: json.RawMessage("[]"), text: raw}
	content := map[string]any{}
	var sent map[string]any
	switch {
	case channel == "sms":
		content["text"] = raw
	case json.Unmarshal([]byte(raw), &sent) != nil:
		content["text"] = raw // what cannot be read is shown as it came
	case channel == "social":
		content["messages"] = []any{sent}
		o.text, _ = sent["text"].(string)
	default:
		content = sent
		if notice, ok := sent["notification"].(map[string]any); ok {
			content = notice
		}
		title, _ := content["title"].(string)
		body, _ := content["body"].(string)
		o.text = strings.TrimSpace(title + "\n" + body)
	}
	for _, url := range urls.FindAllString(raw, -1) {
		o.links = append(o.links, outboxLink{"", url})
	}
	o.preview = clip(strings.Join(strings.Fields(o.text), " "), previewLength)
	o.content, _ = json.Marshal(content)
	return o
}

func openLINE(raw string) *opened {
	o := &opened{headers: []header{}, links: []outboxLink{}, messages: json.RawMessage("[]")}
	var list []map[string]any
	text := []byte(raw)
	if json.Unmarshal(text, &list) != nil {
		var push struct { // the body of a push
			Messages json.RawMessage `json:"messages"`
		}
		if json.Unmarshal(text, &push) != nil || json.Unmarshal(push.Messages, &list) != nil {
			return o
		}
		text = push.Messages
	}
	o.messages = text
	var words []string
	for _, m := range list {
		for _, key := range [...]string{"text", "altText"} {
			if s, ok := m[key].(string); ok {
				words = append(words, s)
				break
			}
		}
		label := ""
		walk(m, func(key string, v any) {
			s, ok := v.(string)
			switch {
			case ok && key == "label":
				label = s
			case ok && (key == "uri" || key == "linkUri"):
				o.links = append(o.links, outboxLink{label, s})
			case ok && key == "text":
				for _, url := range urls.FindAllString(s, -1) {
					o.links = append(o.links, outboxLink{"", url})
				}
			}
		})
	}
	o.text = strings.Join(words, "\n")
	o.preview = clip(strings.Join(strings.Fields(o.text), " "), previewLength)
	return o
}

var urls = regexp.MustCompile(`https?://[^\s"'<>]+`)

// linksOf lists the links of clean HTML.
func linksOf(doc string) []outboxLink {
	out := []outboxLink{}
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		return out
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == "href" {
				out = append(out, outboxLink{textOf(n), a.Val})
			}
		}
	}
	return out
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// clip cuts a text to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

type outboxInput struct {
	Channel string `query:"channel" enum:",email,line,sms,push,social,postal"`
	Q       string `query:"q" maxLength:"200" doc:"Part of the address, the subject or the person's name."`
	Before  string `query:"before" maxLength:"64"`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listOutbox(ctx context.Context, in *outboxInput) (*listOutput[OutboxRow], error) {
	cond, err := before(in.Before, "at", "id")
	if err != nil {
		return nil, err
	}
	args := []any{}
	if in.Channel != "" {
		cond, args = cond+" AND channel = {channel:String}", append(args, named("channel", in.Channel))
	}
	if q := strings.TrimSpace(in.Q); q != "" {
		like, more := likeNames(q)
		cond += ` AND (positionCaseInsensitiveUTF8(subject, {q:String}) > 0 OR positionCaseInsensitiveUTF8(recipient, {q:String}) > 0
  OR lower(recipient) IN (SELECT lower(email) FROM people FINAL WHERE email != '' AND ` + like + `) OR recipient IN (SELECT line_user FROM people FINAL WHERE line_user != '' AND ` + like + `))`
		args = append(append(args, named("q", q)), more...)
	}
	out := listOf([]OutboxRow{})
	err = a.each(ctx, fmt.Sprintf("SELECT id, at, channel, sender, recipient, subject, send_id, raw FROM outbox FINAL WHERE %s ORDER BY at DESC, id DESC LIMIT %d", cond, in.Limit+1), args, func(rows driver.Rows) error {
		r, _, err := a.scanOutbox(rows)
		if err != nil {
			return err
		}
		if len(out.Body.Items) == in.Limit {
			last := out.Body.Items[in.Limit-1]
			out.Body.Next = cursorOf(last.At, last.ID)
			return nil
		}
		out.Body.Items = append(out.Body.Items, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list outbox: %w", err)
	}
	return out, a.addRecipients(ctx, out.Body.Items)
}

func (a *API) scanOutbox(rows driver.Rows) (OutboxRow, *opened, error) {
	var r OutboxRow
	var id, send, raw string
	if err := rows.Scan(&id, &r.At, &r.Channel, &r.From, &r.To, &r.Subject, &send, &raw); err != nil {
		return r, nil, err
	}
	r.ID, r.SendID, r.At = idOf(id), idOf(send), r.At.UTC()
	o := a.outbox.get(r.ID, r.Channel, raw)
	if o.subject != "" {
		r.Subject = o.subject
	}
	r.Preview, r.Links = o.preview, o.links
	return r, o, nil
}

// addRecipients tells whose message each is: by its send id, else by the address.
func (a *API) addRecipients(ctx context.Context, items []OutboxRow) error {
	var sends []enishi.ID
	for i := range items {
		if !items[i].SendID.IsZero() {
			sends = append(sends, items[i].SendID)
		}
	}
	type sent struct {
		profile enishi.ID
		journey string
	}
	found := map[enishi.ID]sent{}
	if len(sends) > 0 {
		err := a.each(ctx, "SELECT send_id, profile_id, toString(journey) FROM deliveries FINAL WHERE send_id IN "+idList(sends), nil, func(rows driver.Rows) error {
			var send, profile, journey string
			err := rows.Scan(&send, &profile, &journey)
			found[idOf(send)] = sent{idOf(profile), journey}
			return err
		})
		if err != nil {
			return fmt.Errorf("read recipients: %w", err)
		}
	}
	graph := a.cfg.Ingester.Graph()
	ids := make([]enishi.ID, len(items))
	for i := range items {
		r := &items[i]
		s, ok := found[r.SendID]
		if !ok {
			s.profile = a.addressee(r.Channel, r.To)
		}
		ids[i] = graph.Resolve(s.profile)
		if r.Journey = s.journey; r.Journey != "" {
			r.Title = a.titles.journey(r.Journey)
		}
	}
	names, err := a.names(ctx, ids)
	if err != nil {
		return err
	}
	for i := range items {
		if name, ok := names[ids[i]]; ok {
			items[i].Name = name
		}
		if !ids[i].IsZero() {
			items[i].Profile = ids[i].String()
		}
	}
	return nil
}

// addressee is the profile of an address; zero when it is none.
func (a *API) addressee(channel, to string) enishi.ID {
	x := enishi.Identifier{Kind: enishi.Email, Raw: to}
	if channel == "line" {
		x.Kind, x.Scope = enishi.LINEUser, a.cfg.LINEProvider
	}
	value, err := ingest.Normalise(x.Kind, to)
	if err != nil || value == "" {
		return enishi.ID{}
	}
	x.Value = value
	return a.cfg.Ingester.Graph().Resolve(a.cfg.Hasher.Hash(x))
}

type outboxOutput struct{ Body outboxMessage }

func (a *API) getOutboxMessage(ctx context.Context, in *IDPath) (*outboxOutput, error) {
	id, err := enishi.ParseID(in.ID)
	if err != nil {
		return nil, notFound("message", "メッセージ")
	}
	var row OutboxRow
	var o *opened
	err = a.each(ctx, "SELECT id, at, channel, sender, recipient, subject, send_id, raw FROM outbox FINAL WHERE id = "+idLiteral(id)+" LIMIT 1", nil, func(rows driver.Rows) (err error) {
		row, o, err = a.scanOutbox(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read outbox message: %w", err)
	}
	if o == nil {
		return nil, notFound("message", "メッセージ")
	}
	rows := []OutboxRow{row}
	if err := a.addRecipients(ctx, rows); err != nil {
		return nil, err
	}
	out := &outboxOutput{outboxMessage{OutboxRow: rows[0], HTML: o.html, Text: o.text, Headers: o.headers, Messages: o.messages, Content: o.content}}
	if len(o.messages) == 0 {
		out.Body.Messages = json.RawMessage("[]")
	}
	return out, nil
}
