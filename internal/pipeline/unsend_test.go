package pipeline

import (
	"testing"

	"enishi"
)

// TestRedact: what was written is gone; who wrote it, when, and what it did to permissions stays.
func TestRedact(t *testing.T) {
	back := &enishi.Event{Type: "line.message_unsent", Subject: enishi.NewID("s"), Properties: map[string]enishi.Value{"message_id": enishi.TextValue("325708")}}
	u, ok := unsentOf(back)
	if !ok || u.Message != "325708" || u.Subject != back.Subject {
		t.Fatalf("%+v %v", u, ok)
	}
	if _, ok := unsentOf(&enishi.Event{Type: "line.message_received", Properties: back.Properties}); ok {
		t.Error("a message takes itself back")
	}
	if _, ok := unsentOf(&enishi.Event{Type: "line.message_unsent"}); ok {
		t.Error("a message without an id is taken back")
	}
	said := func(id string) *enishi.Event {
		return &enishi.Event{Type: "line.message_received", Properties: map[string]enishi.Value{"message_id": enishi.TextValue(id), "text": enishi.TextValue("配信停止 秘密"), "account": enishi.TextValue("default")},
			Consent: []enishi.ConsentChange{{Channel: "line", State: "out", Text: "配信停止 秘密"}}}
	}
	if other := said("1"); u.redact(other) || other.Properties["text"].Text == "" {
		t.Error("another message is taken back")
	}
	e := said("325708")
	if !u.redact(e) || e.Properties["text"].Text != "" || e.Consent[0].Text != "" || e.Consent[0].State != "out" || e.Properties["account"].Text != "default" || e.Properties["unsent"] != enishi.BoolValue(true) {
		t.Errorf("%+v", e)
	}
	if !u.redact(e) {
		t.Error("it cannot be repeated")
	}
}
