package ingest

import (
	"strings"

	"github.com/goccy/go-json"

	"enishi"
)

// readContext takes the parts of a call's context that we keep.
func readContext(e *enishi.Event, raw []byte) *Refusal {
	if raw == nil {
		return nil
	}
	x := &reader{s: raw}
	if !x.object("context") {
		return x.err
	}
	c := &enishi.Context{}
	var traits []byte
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			break
		}
		switch k {
		case "campaign":
			readTexts(x, "context.campaign", map[string]*string{"source": &c.UTMSource, "medium": &c.UTMMedium, "name": &c.UTMCampaign, "content": &c.UTMContent, "term": &c.UTMTerm})
		case "page":
			readTexts(x, "context.page", map[string]*string{"url": &c.URL, "path": &c.Path, "title": &c.Title, "referrer": &c.Referrer})
			e.Channel = orElse(e.Channel, "web")
		case "userAgent":
			c.UserAgent = x.text("context.userAgent")
			e.Channel = orElse(e.Channel, "web")
		case "locale":
			c.Locale = x.text("context.locale")
		case "sessionId", "session_id":
			c.SessionID = x.text("context.sessionId")
		case "app", "device":
			x.raw()
			e.Channel = "app"
		case "channel":
			// Segment's libraries say how the call was sent ("server", "browser"): only a touchpoint is taken.
			if s := x.text("context.channel"); isChannel(s) {
				e.Channel = s
			}
		case "traits":
			traits = x.raw()
		default:
			x.raw()
		}
	}
	if x.err != nil {
		return x.err
	}
	if *c != (enishi.Context{}) {
		e.Context = c
	}
	if traits != nil {
		return readTraits(e, traits, "context.traits")
	}
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func readTexts(x *reader, field string, into map[string]*string) {
	if !x.object(field) {
		return
	}
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			return
		}
		if p := into[k]; p != nil {
			*p = x.text(field + "." + k)
		} else {
			x.raw()
		}
	}
}

// traitNames maps the names of Segment's specification to ours (enishi.TraitNames).
var traitNames = map[string]string{
	"firstName": "given_name", "first_name": "given_name", "firstname": "given_name",
	"lastName": "family_name", "last_name": "family_name", "lastname": "family_name",
	"firstNameKana": "given_name_kana", "lastNameKana": "family_name_kana",
	"createdAt": "signed_up_at", "created_at": "signed_up_at",
	"postalCode": "postal_code", "zip": "postal_code", "state": "prefecture", "region": "prefecture", "street": "address1",
	"memberRank": "member_rank", "mainStoreId": "main_store_id",
}

// readTraits takes identifiers, consents and traits.
func readTraits(e *enishi.Event, raw []byte, field string) *Refusal {
	if raw == nil {
		return nil
	}
	x := &reader{s: raw}
	if !x.object(field) {
		return x.err
	}
	p := e.Person
	for first := true; ; {
		k, ok := x.key(&first)
		if !ok {
			return x.err
		}
		switch k {
		case "email":
			p.Email = x.text(field + ".email")
		case "phone":
			p.Phone = x.text(field + ".phone")
		case "lineUserId", "line_user_id":
			p.LineUserID = x.text(field + "." + k)
		case "posCard", "pos_card":
			p.POSCard = x.text(field + "." + k)
		case "pushToken", "push_token":
			p.PushToken = x.text(field + "." + k)
		case "address":
			if x.peek() != '{' {
				setTrait(e, "address1", x.value())
				continue
			}
			x.object(field + ".address")
			for inner := true; ; {
				part, ok := x.key(&inner)
				if !ok {
					break
				}
				setTrait(e, ownTrait(part), x.value())
			}
		case "consent":
			readConsent(e, x, field+".consent")
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
func readConsent(e *enishi.Event, x *reader, field string) {
	take := func(raw []byte, channel, at string) {
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
				x.fail(locate(raw, &c, err).at(at))
				return
			}
		}
		if channel != "" {
			c.Channel = channel
		}
		c.Method = orElse(c.Method, "identify")
		e.Consent = append(e.Consent, c)
	}
	first := true
	if x.peek() == '[' {
		for x.list(field); x.more(']', &first); {
			if raw := x.raw(); x.err == nil {
				take(raw, "", field)
			}
		}
		return
	}
	if !x.object(field) {
		return
	}
	for {
		channel, ok := x.key(&first)
		if !ok {
			return
		}
		if raw := x.raw(); x.err == nil {
			take(raw, strings.ToLower(channel), field+"."+channel)
		}
	}
}
