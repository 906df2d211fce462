package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"enishi/ingest"
	"enishi/ingest/hooks"
	"enishi/ingest/mapping"
)

// ticketMapping makes contacts of tickets: the body that docs/sources.md has for a trigger of Zendesk, and that any help desk can
// send. A mapping of the source's name takes its place.
func ticketMapping() mapping.Mapping {
	return mapping.Mapping{Title: mapping.Title{EN: "Tickets", JA: "問い合わせ"}, Format: mapping.JSON, Rules: []mapping.Rule{{
		Event: `= body.event == "solved" ? "contact.solved" : body.event == "replied" ? "contact.replied" : "contact.opened"`,
		Fields: map[string]string{"person.email": "body.email", "person.phone": "body.phone", "person.customer_id": "body.customer_id", "occurred_at": "body.updated_at",
			"contact.contact_id": "body.ticket_id", "contact.topic": "body.subject", "contact.text": "body.text", "contact.order_id": "body.order_id",
			"contact.complaint": `any(["complaint", "claim", "クレーム", "苦情"], {lower(string(body.tags ?? "")) contains #})`},
	}}}
}

// mapped makes events of a source's calls by the mapping of a name, as it is saved now; built in is what holds while none is.
type mapped struct {
	w       *workspace
	name    string
	builtIn *mapping.Mapping

	mu      sync.Mutex
	version int64
	program *mapping.Program
}

// compiled is the program of the mapping that holds.
func (m *mapped) compiled() (*mapping.Program, error) {
	d, ok := m.w.definitions.Current(mapping.Kind, m.name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.program != nil && m.version == d.Version {
		return m.program, nil
	}
	var x mapping.Mapping
	switch {
	case ok:
		if err := json.Unmarshal(d.Body, &x); err != nil {
			return nil, ingest.Refuse(ingest.CodeJSON, "", "the mapping "+m.name+" cannot be read: "+err.Error(), "変換ルール「"+m.name+"」を読み取れません: "+err.Error())
		}
	case m.builtIn != nil:
		x = *m.builtIn
	default:
		return nil, ingest.Refuse(ingest.CodeMissing, "", "the mapping "+m.name+" is not saved yet: save it, then take this again", "変換ルール「"+m.name+"」がまだありません。保存してから、再取り込みしてください")
	}
	program, err := mapping.Compile(x, (&shopZone{definitions: m.w.definitions}).location())
	if err != nil {
		return nil, ingest.Refuse(ingest.CodeValue, "", "the mapping "+m.name+" does not work: "+err.Error(), "変換ルール「"+m.name+"」に誤りがあります: "+err.Error())
	}
	m.program, m.version = program, d.Version
	return program, nil
}

// translate makes events of a call.
func (m *mapped) translate(_ context.Context, d *hooks.Delivery) (hooks.Taken, error) {
	program, err := m.compiled()
	if err != nil {
		return hooks.Taken{}, err
	}
	body, err := mapping.Decode(d.Body)
	if err != nil {
		return hooks.Taken{}, ingest.Refuse(ingest.CodeJSON, "", "the body is no JSON: "+err.Error(), "本文を JSON として読み取れません: "+err.Error())
	}
	events, problems := program.Events(body, flat(d.Headers))
	if len(events) == 0 && len(problems) == 0 {
		return hooks.Taken{Left: "no rule of the mapping is for it", LeftJA: "変換ルールの対象ではありません"}, nil
	}
	var out hooks.Taken
	for _, e := range events {
		if !mapping.OfCatalogue(e.Type) {
			out.JSON = append(out.JSON, e.JSON)
			continue
		}
		r, refusal := ingest.ProductRecord(e.JSON, d.At)
		if refusal != nil {
			out.Refused = refusal
			continue
		}
		out.Catalogue = append(out.Catalogue, r)
	}
	if len(problems) > 0 {
		p := problems[0]
		out.Refused = ingest.Refuse(ingest.CodeValue, p.Field, p.Reason, p.ReasonJA)
	}
	return out, nil
}

func flat(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		out[name] = strings.Join(values, ", ")
	}
	return out
}
