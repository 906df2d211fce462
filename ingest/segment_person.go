package ingest

import (
	"net/url"
	"strings"

	"github.com/goccy/go-json"

	"enishi"
)

// callContext is the part of a call's context that we keep.
type callContext struct {
	enishi.Context
	channel string
	traits  []byte
	debug   string // the code of somebody who watches this browser
}

func readContext(x *reader) *callContext {
	if !x.object("context") {
		return nil
	}
	c := &callContext{}
	x.path = "context."
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		switch k {
		case "campaign":
			readCampaign(x, c)
		case "page":
			readPage(x, c)
			c.channel = orElse(c.channel, "web")
		case "userAgent":
			c.UserAgent = x.text(k)
			c.channel = orElse(c.channel, "web")
		case "locale":
			c.Locale = x.text(k)
		case "sessionId", "session_id":
			c.SessionID = x.text(k)
		case "clickIds":
			readClickIDs(x, c)
		case "debug":
			c.debug = x.text(k)
		case "bot":
			c.Bot = x.truth(k)
		case "app", "device":
			x.raw()
			c.channel = "app"
		case "channel":
			// Segment's libraries say how the call was sent ("server", "browser"): only a touchpoint is taken.
			if s := x.text(k); isChannel(s) {
				c.channel = s
			}
		case "traits":
			c.traits = x.raw()
		default:
			x.raw()
		}
	}
	if x.err == nil {
		x.path = ""
	}
	return c
}

func readCampaign(x *reader, c *callContext) {
	if !x.object("campaign") {
		return
	}
	x.path = "context.campaign."
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		switch k {
		case "source":
			c.UTMSource = x.text(k)
		case "medium":
			c.UTMMedium = x.text(k)
		case "name":
			c.UTMCampaign = x.text(k)
		case "content":
			c.UTMContent = x.text(k)
		case "term":
			c.UTMTerm = x.text(k)
		default:
			x.raw()
		}
	}
	x.path = "context."
}

// readClickIDs takes {"gclid": "X", "yclid": "Y"}.
func readClickIDs(x *reader, c *callContext) {
	if !x.object("clickIds") {
		return
	}
	x.path = "context.clickIds."
	ids := url.Values{}
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		ids.Set(k, x.text(k))
	}
	c.ClickIDs = ids.Encode()
	x.path = "context."
}

func readPage(x *reader, c *callContext) {
	if !x.object("page") {
		return
	}
	x.path = "context.page."
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		switch k {
		case "url":
			c.URL = x.text(k)
		case "path":
			c.Path = x.text(k)
		case "title":
			c.Title = x.text(k)
		case "referrer":
			c.Referrer = x.text(k)
		default:
			x.raw()
		}
	}
	x.path = "context."
}

// give puts the context into an event. agent is that of the HTTP request.
func (c *callContext) give(e *enishi.Event, agent string) *Refusal {
	e.Channel = c.channel
	if c.Context != (enishi.Context{}) {
		own := c.Context // a batch's context is that of several events
		if own.UserAgent == "" && c.channel == "web" {
			own.UserAgent = agent
		}
		e.Context = &own
	}
	return readTraits(e, c.traits, "context.traits.")
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// traitNames maps the names of Segment's specification to ours (enishi.TraitNames).
var traitNames = map[string]string{
	"firstName": "given_name", "first_name": "given_name", "firstname": "given_name",
	"lastName": "family_name", "last_name": "family_name", "lastname": "family_name",
	"firstNameKana": "given_name_kana", "lastNameKana": "family_name_kana",
	"createdAt": "signed_up_at", "created_at": "signed_up_at",
	"postalCode": "postal_code", "zip": "postal_code", "state": "prefecture", "region": "prefecture", "street": "address1",
	"memberRank": "member_rank", "mainStoreId": "main_store_id", "latitude": "lat", "longitude": "lon", "lng": "lon",
}

// readTraits takes identifiers, consents and traits.
func readTraits(e *enishi.Event, raw []byte, path string) *Refusal {
	if raw == nil {
		return nil
	}
	x := &reader{s: raw}
	if !x.object(path[:len(path)-1]) {
		return x.err
	}
	x.path = path
	p := e.Person
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			return x.err
		}
		switch k {
		case "email":
			p.Email = x.text(k)
		case "phone":
			p.Phone = x.text(k)
		case "lineUserId", "line_user_id":
			p.LineUserID = x.text(k)
		case "posCard", "pos_card":
			p.POSCard = x.text(k)
		case "pushToken", "push_token":
			p.PushToken = x.text(k)
		case "address":
			if x.peek() != '{' {
				setTrait(e, "address1", x.value())
				continue
			}
			x.object(k)
			for inner := true; ; {
				part, ok := x.key(&inner)
				if !ok {
					break
				}
				setTrait(e, ownTrait(part), x.value())
			}
		case "consent":
			readConsent(e, x)
		default:
			if v := x.value(); v.Kind != enishi.Null {
				setTrait(e, ownTrait(k), v)
			}
		}
	}
}

func ownTrait(name string) string {
	if own, ok := traitNames[name]; ok {
		return own
	}
	return name
}

// readConsent takes {"email": true, "line": "out", "sms": {"state": "in", "method": "form:top", "text": "..."}} or a list of
// enishi.ConsentChange.
func readConsent(e *enishi.Event, x *reader) {
	take := func(raw []byte, channel string) {
		var c enishi.ConsentChange
		switch s := string(raw); {
		case s == "true" || s == `"in"`:
			c.State = "in"
		case s == "false" || s == `"out"`:
			c.State = "out"
		case s == "null":
			return
		default:
			if err := json.Unmarshal(raw, &c); err != nil {
				x.fail(locate(raw, &c, err).at(x.place("consent" + channel)))
				return
			}
		}
		if channel != "" {
			c.Channel = strings.ToLower(channel[1:])
		}
		c.Method = orElse(c.Method, "identify")
		e.Consent = append(e.Consent, c)
	}
	first := true
	if x.peek() == '[' {
		for x.array("consent"); x.more(']', &first); {
			if raw := x.raw(); x.err == nil {
				take(raw, "")
			}
		}
		return
	}
	if !x.object("consent") {
		return
	}
	for {
		channel, ok := x.key(&first)
		if !ok {
			return
		}
		if raw := x.raw(); x.err == nil {
			take(raw, "."+channel)
		}
	}
}
