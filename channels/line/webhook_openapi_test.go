package line

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"enishi"
)

// hookEvents are what becomes of each type of LINE's webhook.yml that has a user; "" is nothing for the log: the delivery of a
// notice goes to whoever sent it, and a link is taken when its nonce is known.
var hookEvents = map[string]string{
	"message": "line.message_received", "unsend": "line.message_unsent", "follow": "line.followed", "unfollow": "line.unfollowed", "postback": "line.message_received",
	"videoPlayComplete": "line.video_completed", "beacon": "line.beacon", "accountLink": "line.account_linked", "membership": "line.membership_changed", "delivery": "",
	"join": "line.event_received", "leave": "line.event_received", "memberJoined": "line.event_received", "memberLeft": "line.event_received", "module": "line.event_received",
	"activated": "line.event_received", "deactivated": "line.event_received", "botSuspended": "line.event_received", "botResumed": "line.event_received",
}

// example makes a value of a schema: every field, each list with one element. pick chooses of the schemas that one stands for,
// by the name of the field that tells them apart.
func example(s *openapi3.Schema, pick func(values []string) string) any {
	if d := s.Discriminator; d != nil && len(d.Mapping) > 0 {
		name := pick(slices.Sorted(maps.Keys(d.Mapping)))
		ref := d.Mapping[name]
		variant := known[strings.TrimPrefix(ref.Ref, "#/components/schemas/")].Value
		out := fields(variant, pick)
		out[d.PropertyName] = name
		return out
	}
	if len(s.AllOf) > 0 || s.Type.Is("object") {
		return fields(s, pick)
	}
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type.Is("array"):
		return []any{example(s.Items.Value, pick)}
	case s.Type.Is("integer"), s.Type.Is("number"):
		return 1_700_000_000_000
	case s.Type.Is("boolean"):
		return true
	case s.Format == "uri":
		return "https://shop.example/"
	}
	return "0123456789abcdef"
}

// fields are those of a schema and of all that it consists of.
func fields(s *openapi3.Schema, pick func([]string) string) map[string]any {
	out := map[string]any{}
	for _, part := range s.AllOf {
		maps.Copy(out, fields(part.Value, pick))
	}
	for name, p := range s.Properties {
		out[name] = example(p.Value, pick)
	}
	return out
}

// known are the schemas of webhook.yml.
var known openapi3.Schemas

// TestEveryWebhookEvent: an example of every type of event in LINE's own description, with every kind of message and source, signed
// and posted, is answered with 200 and becomes the event that it should; one that nobody knows yet is kept as it came.
func TestEveryWebhookEvent(t *testing.T) {
	dir := lineFiles()
	if dir == "" {
		t.Skip("LINE's OpenAPI files are not beside the repository")
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "webhook.yml"))
	if err != nil {
		t.Fatal(err)
	}
	known = doc.Components.Schemas
	types := slices.Sorted(maps.Keys(known["Event"].Value.Discriminator.Mapping))
	serial := 0
	// post sends one event, some of whose variants are chosen, and gives what it became.
	post := func(typ, source string, change func(map[string]any)) []enishi.Event {
		t.Helper()
		serial++
		h := newHook(t)
		e := example(known["Event"].Value, func(values []string) string {
			for _, want := range []string{typ, source} {
				if slices.Contains(values, want) {
					return want
				}
			}
			return values[0]
		}).(map[string]any)
		e["webhookEventId"] = fmt.Sprint("01HEXAMPLE", serial)
		if e["source"] == nil {
			e["source"] = map[string]any{"type": "user"}
		}
		s := e["source"].(map[string]any)
		if s["type"] = source; source == "user" {
			s["userId"] = "U0123456789abcdef0123456789abcdef"
		}
		if typ == "accountLink" {
			e["link"].(map[string]any)["result"] = "ok"
		}
		if change != nil {
			change(e)
		}
		body, err := json.Marshal(map[string]any{"destination": "U0123456789abcdef0123456789abcdef", "events": []any{e}})
		if err != nil {
			t.Fatal(err)
		}
		if code := h.post("/line/webhook/main", string(body), sign("secret", string(body))); code != 200 {
			t.Errorf("%s of a %s: %d\n%s", typ, source, code, body)
		}
		return h.events
	}
	typed := func(typ string, got []enishi.Event) string {
		t.Helper()
		if len(got) == 0 {
			return ""
		}
		if _, ok := enishi.LookupType(got[0].Type); !ok || len(got) != 1 || got[0].Person.LineUserID == "" {
			t.Errorf("%s: %+v", typ, got)
		}
		return got[0].Type
	}
	for _, typ := range types {
		want, ok := hookEvents[typ]
		if !ok {
			t.Errorf("LINE has a new type of event: %s", typ)
			continue
		}
		if got := typed(typ, post(typ, "user", nil)); got != want {
			t.Errorf("%s became %q, want %q", typ, got, want)
		}
		for _, source := range []string{"group", "room"} { // these are no person
			if got := post(typ, source, nil); len(got) > 0 {
				t.Errorf("%s of a %s: %+v", typ, source, got)
			}
		}
	}
	for kind := range known["MessageContent"].Value.Discriminator.Mapping {
		got := post("message", "user", func(e map[string]any) {
			e["message"] = example(known["MessageContent"].Value, func(values []string) string {
				if slices.Contains(values, kind) {
					return kind
				}
				return values[0]
			})
		})
		if typed(kind, got) != "line.message_received" || got[0].Properties["message_type"].Text != kind || got[0].Properties["message_id"].Text == "" {
			t.Errorf("a message of the type %s: %+v", kind, got)
		}
	}
	if got := post("unsend", "user", nil); got[0].Properties["message_id"].Text == "" || got[0].Properties["text"].Text != "" {
		t.Errorf("unsend names no message: %+v", got[0].Properties) // the fold deletes its text by this: TestRedact in internal/pipeline
	}
	got := post("follow", "user", func(e map[string]any) { e["type"], e["gift"] = "giftReceived", map[string]any{"name": "花束"} })
	if raw := got[0].Properties["raw"].Text; typed("giftReceived", got) != "line.event_received" || got[0].Properties["type"].Text != "giftReceived" || !strings.Contains(raw, `"gift":{"name":"花束"}`) || strings.Contains(raw, "replyToken") {
		t.Errorf("a type of later: %+v", got[0].Properties)
	}
}
