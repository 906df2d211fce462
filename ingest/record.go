package ingest

import (
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Record checks an event in the public JSON of docs/events.md and makes the record of its source topic, keyed by its
// strongest identifier. What is wrong is said as when the record was read; the event is not changed.
func (p *Parser) Record(value []byte, now time.Time) (stream.Record, *Refusal) {
	r := stream.Record{Partition: -1, Time: now.UTC(), Value: value}
	parsed, refusal := p.Parse(&r, now)
	if refusal != nil {
		return r, refusal
	}
	r.Topic = p.topic(parsed.Event.Type)
	r.Key = sourceKey(parsed.Identifiers)
	return r, nil
}

// Refuse makes a refusal of what a source sent; args are of both texts.
func Refuse(code, field, reason, reasonJA string) *Refusal {
	return refuse(code, field, reason, reasonJA)
}

// FromSource is the topic of dead letters of a source that calls us.
func FromSource(name string) string { return sourcePrefix + name }

const sourcePrefix = "source:"

// SourceOf is the source that a dead letter of StageSource came from.
func SourceOf(l *DeadLetter) string { return l.Topic[min(len(sourcePrefix), len(l.Topic)):] }

// letterRefused is what a person reads of a letter that cannot be replayed.
func letterRefused(en, ja string) error {
	return &enishi.Error{Code: enishi.Conflict, Msg: en, MsgJA: ja}
}
