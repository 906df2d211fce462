package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
	"enishi/ingest/mapping"
	"enishi/internal/definitions"
)

// TestTickets: the body of docs/sources.md becomes a contact of who asked, a tag makes it a complaint, and without a mapping of its own
// another system's call waits among the dead letters.
func TestTickets(t *testing.T) {
	w := &workspace{definitions: definitions.NewLog()}
	parser := ingest.NewParser(ingest.ParserConfig{})
	now := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	builtIn := ticketMapping()
	take := func(m *mapped, body string) (enishi.Event, error) {
		taken, err := m.translate(context.Background(), &hooks.Delivery{Source: "help", Body: []byte(body), At: now})
		if err != nil {
			return enishi.Event{}, err
		}
		if taken.Refused != nil {
			return enishi.Event{}, taken.Refused
		}
		r, refusal := parser.Record(taken.JSON[0], now)
		if refusal != nil {
			return enishi.Event{}, refusal
		}
		parsed, refusal := parser.Parse(&r, now)
		if refusal != nil {
			return enishi.Event{}, refusal
		}
		return parsed.Event, nil
	}
	for _, c := range []struct {
		body, typ string
		complaint bool
	}{
		{`{"event":"opened","ticket_id":"35","email":"a@example.jp","phone":"","subject":"届かない","text":"まだです","tags":"vip クレーム","updated_at":"2026-11-20T11:00:00+09:00"}`, "contact.opened", true},
		{`{"event":"solved","ticket_id":35,"email":"a@example.jp","tags":"","updated_at":"2026-11-20T11:30:00+09:00"}`, "contact.solved", false},
		{`{"event":"replied","ticket_id":35,"email":"a@example.jp","updated_at":"2026-11-20T11:20:00+09:00"}`, "contact.replied", false},
	} {
		e, err := take(&mapped{w: w, name: "help", builtIn: &builtIn}, c.body)
		if err != nil || e.Type != c.typ || e.Contact.ContactID != "35" || e.Contact.Complaint != c.complaint || e.Person.Email != "a@example.jp" {
			t.Errorf("%s: %v %+v", c.body, err, e.Contact)
		}
	}
	var why *ingest.Refusal
	if _, err := take(&mapped{w: w, name: "reviews"}, `{}`); !errors.As(err, &why) || why.Code != ingest.CodeMissing || why.ReasonJA == "" {
		t.Errorf("without a mapping: %v", err)
	}
	if _, err := mapping.Compile(ticketMapping(), time.UTC); err != nil {
		t.Error(err)
	}
}
