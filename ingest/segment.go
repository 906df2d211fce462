package ingest

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"enishi"
)

// moreAliases are names in use for events that Segment's specification has no name for.
var moreAliases = map[string]string{
	"order shipped":            "shipment.shipped",
	"order out for delivery":   "shipment.out_for_delivery",
	"order delivered":          "shipment.delivered",
	"order delivery delayed":   "shipment.delayed",
	"delivery delayed":         "shipment.delayed",
	"order delivery attempted": "shipment.attempted",
	"delivery attempted":       "shipment.attempted",
	"pickup ready":             "shipment.ready_for_pickup",
	"picked up":                "shipment.picked_up",
	"back in stock requested":  "stock_alert.requested",
	"store purchase":           "store.purchased",
}

// eventNames maps lower-case names to types: Segment's, ours, and each type's own with spaces ("points earned").
func eventNames() map[string]string {
	names := map[string]string{}
	words := strings.NewReplacer(".", " ", "_", " ")
	for _, info := range enishi.Types() {
		names[words.Replace(info.Name)] = info.Name
	}
	for alias, name := range moreAliases {
		names[alias] = name
	}
	for _, info := range enishi.Types() {
		for _, alias := range info.Aliases {
			names[strings.ToLower(alias)] = info.Name
		}
	}
	return names
}

// typeForName finds the type that another system's name means.
func (p *Parser) typeForName(name string) (string, bool) {
	typ, ok := p.names[name]
	if !ok {
		typ, ok = p.names[strings.ToLower(name)]
	}
	return typ, ok
}

// customName makes the type of an event of the shop's own: "Video Played" is custom.video_played. Empty when nothing is left.
func customName(name string) string {
	const prefix = "custom."
	b := []byte(prefix)
	gap := false
	for _, r := range strings.ToLower(name) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '-' && r != '.' {
			gap = len(b) > len(prefix)
			continue
		}
		if gap {
			b = append(b, '_')
			gap = false
		}
		if len(b)+utf8.RuneLen(r) > maxNameBytes {
			break
		}
		b = utf8.AppendRune(b, r)
	}
	if len(b) == len(prefix) {
		return ""
	}
	return string(b)
}

func isSegmentType(s string) bool {
	switch s {
	case "track", "identify", "page", "screen", "group", "alias":
		return true
	}
	return false
}

// envelope is what the calls of Segment's specification have in common; the rest is read by what the call means. Its texts
// share memory with the body.
type envelope struct {
	kind, event, name, category, user, anonymous, previous, group, message, writeKey, source, agent string

	timestamp, sentAt  string
	properties, traits []byte
	context            *callContext
	raw                []byte   // the call as it came
	refusal            *Refusal // why it cannot be read
	became             struct { // of a call that was taken
		typ string
		id  enishi.ID
		who enishi.Identifier
	}
}

// read takes one call at the reader. kind is what the URL says; the body's own type is used when kind is empty.
func (v *envelope) read(x *reader, kind string) {
	x.space()
	from, depth := x.i, x.depth
	v.fields(x)
	if x.err != nil {
		// The next call of a batch can be read, if this one is JSON at all.
		v.refusal = x.err
		x.i, x.depth, x.err, x.path, x.list = from, depth, nil, "", ""
		x.raw()
	}
	v.raw = x.s[from:x.i]
	if kind != "" {
		v.kind = kind
	}
}

func (v *envelope) fields(x *reader) {
	if !x.object("") {
		x.bad("want an object", "オブジェクト {…} にしてください")
		return
	}
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			return
		}
		switch k {
		case "type":
			v.kind = x.text(k)
		case "event":
			v.event = x.text(k)
		case "name":
			v.name = x.text(k)
		case "category":
			v.category = x.text(k)
		case "userId", "user_id":
			v.user = x.text(k)
		case "anonymousId", "anonymous_id":
			v.anonymous = x.text(k)
		case "previousId", "previous_id":
			v.previous = x.text(k)
		case "groupId", "group_id":
			v.group = x.text(k)
		case "messageId", "message_id":
			v.message = x.text(k)
		case "timestamp", "originalTimestamp":
			if s := x.text(k); k == "timestamp" || v.timestamp == "" {
				v.timestamp = s
			}
		case "sentAt":
			v.sentAt = x.text(k)
		case "writeKey":
			v.writeKey = x.text(k)
		case "properties":
			v.properties = x.raw()
		case "traits":
			v.traits = x.raw()
		case "context":
			if v.kind == "" || isSegmentType(v.kind) {
				v.context = readContext(x)
			} else {
				x.raw() // of a native event
			}
		default:
			x.raw()
		}
	}
}

// segmentRecord reads a call in Segment's format that stands on a source topic.
func (p *Parser) segmentRecord(raw []byte, received time.Time) (*sourceEvent, *Refusal) {
	var v envelope
	x := &reader{s: raw}
	v.read(x, "")
	x.end()
	if x.err != nil {
		return nil, x.err
	}
	return p.translate(&v, received)
}

// translate turns a call into an event. received is when it reached us: it corrects the sender's clock.
func (p *Parser) translate(v *envelope, received time.Time) (*sourceEvent, *Refusal) {
	if v.refusal != nil {
		return nil, v.refusal
	}
	src := &sourceEvent{}
	e := &src.Event
	e.Message, e.Source = v.message, v.source
	e.Person = &enishi.Person{CustomerID: v.user, AnonymousID: v.anonymous}
	var refusal *Refusal
	if e.At, refusal = v.occurredAt(received); refusal != nil {
		return nil, refusal
	}
	if v.context != nil {
		if refusal := v.context.give(e, v.agent); refusal != nil {
			return nil, refusal
		}
	}
	switch v.kind {
	case "track":
		refusal = p.track(e, v)
	case "identify":
		e.Type = "person.identified"
		refusal = readTraits(e, v.traits, "traits.")
	case "page", "screen":
		refusal = page(e, v)
	case "group":
		refusal = group(e, v)
	case "alias":
		refusal = alias(e, v)
	case "":
		refusal = missing("type")
	default:
		refusal = refusef(CodeUnknown, "type", "%q is none of track, identify, page, screen, group, alias", "%q は track・identify・page・screen・group・alias のいずれでもありません", clip(v.kind))
	}
	if refusal != nil {
		return nil, refusal
	}
	return src, nil
}

// occurredAt is the event's time by our clock: Segment's clients send when they sent (sentAt) beside when it happened, so
// a clock that is off by more than a minute shows. Zero when the call has no time.
func (v *envelope) occurredAt(received time.Time) (time.Time, *Refusal) {
	if v.timestamp == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, v.timestamp)
	if err != nil {
		return at, refusef(CodeType, "timestamp", "is %q, want a time such as 2026-01-31T09:00:00.000Z", "%q は日時として読めません。2026-01-31T09:00:00.000Z の形にしてください", clip(v.timestamp))
	}
	if v.sentAt == "" {
		return at, nil
	}
	sent, err := time.Parse(time.RFC3339, v.sentAt)
	if err != nil {
		return at, refusef(CodeType, "sentAt", "is %q, want a time such as 2026-01-31T09:00:00.000Z", "%q は日時として読めません。2026-01-31T09:00:00.000Z の形にしてください", clip(v.sentAt))
	}
	if skew := received.Sub(sent); skew > time.Minute || skew < -time.Minute {
		at = at.Add(skew)
	}
	return at, nil
}

func (p *Parser) track(e *enishi.Event, v *envelope) *Refusal {
	if v.event == "" {
		return missing("event")
	}
	r := p.rules[v.event]
	if r == nil {
		if typ, ok := p.typeForName(v.event); ok {
			r = p.rules[typ]
		}
	}
	if r == nil {
		name := v.event
		if rest, ok := strings.CutPrefix(name, "custom."); ok {
			name = rest
		}
		if e.Type = customName(name); e.Type == "" {
			return refusef(CodeUnknown, "event", "%q is no name of an event", "%q はイベント名に使えません", clip(v.event))
		}
		return readProperties(e, v.properties, nil)
	}
	e.Type = r.info.Name
	if r.info.Topic == enishi.TopicEvents {
		return nil // the check refuses it with its reason
	}
	return readPayload(e, r, v.properties)
}

func page(e *enishi.Event, v *envelope) *Refusal {
	e.Type = "page.viewed"
	if v.kind == "screen" {
		e.Type = "screen.viewed"
		if e.Channel == "" || e.Channel == "web" {
			e.Channel = "app"
		}
	}
	if e.Context == nil {
		e.Context = &enishi.Context{}
	}
	c := e.Context
	refusal := readProperties(e, v.properties, func(k string, x *reader) bool {
		switch k {
		case "url":
			c.URL = x.text(k)
		case "path":
			c.Path = x.text(k)
		case "title":
			c.Title = x.text(k)
		case "referrer":
			c.Referrer = x.text(k)
		case "search":
			x.raw() // a part of the URL
		default:
			return false
		}
		return true
	})
	if c.Title == "" {
		c.Title = v.name
	}
	if v.category != "" {
		setProperty(e, "category", enishi.TextValue(v.category))
	}
	if v.name != "" && v.name != c.Title {
		setProperty(e, "name", enishi.TextValue(v.name))
	}
	return refusal
}

// group keeps a group's traits on the person: a company, a household, a club.
func group(e *enishi.Event, v *envelope) *Refusal {
	e.Type = "person.identified"
	if v.group == "" {
		return missing("groupId")
	}
	setTrait(e, "group_id", enishi.TextValue(v.group))
	if v.traits == nil {
		return nil
	}
	x := &reader{s: v.traits, path: "traits."}
	if x.object("") {
		for first := true; ; {
			k, ok := x.key(&first)
			if !ok {
				break
			}
			setTrait(e, "group_"+k, x.value())
		}
	}
	return x.err
}

// alias links the id that a person had before to the one they have now.
func alias(e *enishi.Event, v *envelope) *Refusal {
	e.Type = "person.identified"
	if v.previous == "" {
		return missing("previousId")
	}
	if v.user == "" {
		return missing("userId")
	}
	e.Person.AnonymousID = v.previous
	return nil
}

func setTrait(e *enishi.Event, name string, v enishi.Value) {
	if e.Person.Traits == nil {
		e.Person.Traits = map[string]enishi.Value{}
	}
	e.Person.Traits[name] = v
}

func setProperty(e *enishi.Event, name string, v enishi.Value) {
	if e.Properties == nil {
		e.Properties = map[string]enishi.Value{}
	}
	e.Properties[name] = v
}
