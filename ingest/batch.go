package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// pending is a parsed event on its way through a batch.
type pending struct {
	event    enishi.Event
	kinds    [8]enishi.Kind // of event.Links
	at       time.Time      // of the canonical record
	from, to int            // its encoding in the batch's buffer
}

// Batch takes source records, each partition's in order, and returns when everything that follows from them is on the log:
// links, events in the order of the records, dead letters. On an error nothing or a part of it is; the caller gives the
// same records again.
func (in *Ingester) Batch(ctx context.Context, recs []stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	events, letters := in.parse(recs)
	if len(letters) > 0 && in.cfg.SaveDead != nil {
		// Before anything is appended: when the table is away, a retry repeats nothing.
		if err := in.cfg.SaveDead(ctx, letters); err != nil {
			return fmt.Errorf("save %d dead letters: %w", len(letters), err)
		}
	}
	links, err := in.link(ctx, events)
	if err != nil {
		return err
	}
	out := make([]stream.Record, 0, len(events)+len(letters))
	out = in.encode(out, events)
	for i := range letters {
		value, err := json.Marshal(&letters[i])
		if err != nil {
			return fmt.Errorf("encode dead letter: %w", err)
		}
		out = append(out, stream.Record{Topic: enishi.TopicDead, Partition: 0, Time: in.cfg.Now(), Key: letters[i].ID[:], Value: value})
	}
	if err := in.cfg.append(ctx, out); err != nil {
		return fmt.Errorf("append %d events and %d dead letters: %w", len(events), len(letters), err)
	}
	c := &in.counts
	c.records.Add(int64(len(recs)))
	c.events.Add(int64(len(events)))
	c.dead.Add(int64(len(letters)))
	c.links.Add(int64(links))
	c.batches.Add(1)
	return nil
}

// parse reads the records: events with their subject and links, and dead letters.
func (in *Ingester) parse(recs []stream.Record) ([]pending, []DeadLetter) {
	at, virtual := in.cfg.Clock()
	wall := in.cfg.Now().UTC().Truncate(time.Millisecond)
	events := make([]pending, 0, len(recs))
	var letters []DeadLetter
	for i := range recs {
		r := recs[i]
		if len(r.Value) == 0 {
			continue // a tombstone of somebody's compacted topic says nothing
		}
		now := wall
		if virtual {
			if r.Time.After(wall.Add(-liveWithin)) && r.Time.After(at.Add(liveWithin)) {
				r.Time = at
			}
			now = r.Time.UTC()
		} else if r.Time.After(wall.Add(maxAhead)) {
			r.Time = wall // a producer's clock that is ahead
		}
		parsed, refusal := in.parser.Parse(&r, now)
		if refusal != nil {
			letters = append(letters, DeadRecord(&recs[i], refusal))
			continue
		}
		events = append(events, pending{event: parsed.Event, at: now})
		p := &events[len(events)-1]
		e := &p.event
		in.catalogue.fill(e)
		e.Links = make([]enishi.ID, len(parsed.Identifiers))
		for k, x := range parsed.Identifiers {
			e.Links[k], p.kinds[k] = in.cfg.Hasher.Hash(x), x.Kind
		}
		e.Subject = e.Links[0]
	}
	return events, letters
}

// liveWithin tells what happens now from what is replayed while the clock is virtual: a record stamped by the wall clock,
// far ahead of the virtual one, happened at the virtual present. It must not pull the clock along.
const liveWithin = time.Hour

// maxAhead is how far ahead of ours the clock of a source record may be.
const maxAhead = 5 * time.Second

// link appends the links that the events show and the graph does not have, waits until they are folded, and gives each
// event its profile. An identifier is linked to the strongest one it came with; one that a guard keeps with another person
// is taken out of the event: it is no address of this one.
func (in *Ingester) link(ctx context.Context, events []pending) (int, error) {
	links := in.missing(events)
	if len(links) > 0 {
		recs := make([]stream.Record, len(links))
		for i := range links {
			recs[i] = stream.Record{Topic: enishi.TopicIdentities, Partition: 0, Time: in.cfg.Now(), Value: enishi.EncodeLink(nil, &links[i])}
		}
		if err := in.cfg.append(ctx, recs); err != nil {
			return 0, fmt.Errorf("append %d links: %w", len(links), err)
		}
		if err := in.graph.Wait(ctx, recs[len(recs)-1].Offset+1); err != nil {
			return 0, fmt.Errorf("wait for own links: %w", err)
		}
	}
	g := in.graph
	g.mu.RLock()
	defer g.mu.RUnlock()
	for i := range events {
		p := &events[i]
		e := &p.event
		e.Profile, e.Routed = g.resolve(e.Subject), g.next
		kept := 1
		for k := 1; k < len(e.Links); k++ {
			if g.resolve(e.Links[k]) != e.Profile {
				clearIdentifier(e.Person, p.kinds[k])
				in.counts.ignored.Add(1)
				continue
			}
			e.Links[kept], p.kinds[kept] = e.Links[k], p.kinds[k]
			kept++
		}
		e.Links = e.Links[:kept]
	}
	return len(links), nil
}

// clearIdentifier takes an identifier out of a person, so that Person and Links go on naming the same ones.
func clearIdentifier(p *enishi.Person, k enishi.Kind) {
	switch k {
	case enishi.Customer:
		p.CustomerID = ""
	case enishi.POSCard:
		p.POSCard = ""
	case enishi.LINEUser:
		p.LineUserID, p.LineProvider = "", ""
	case enishi.Email:
		p.Email = ""
	case enishi.Phone:
		p.Phone = ""
	case enishi.Social:
		p.SocialID, p.SocialPage = "", ""
	case enishi.PushToken:
		p.PushToken = ""
	case enishi.Anonymous:
		p.AnonymousID = ""
	}
}

func (in *Ingester) missing(events []pending) []enishi.Link {
	g := in.graph
	g.mu.RLock()
	defer g.mu.RUnlock()
	var links []enishi.Link
	var asked map[[2]enishi.ID]bool
	for i := range events {
		p := &events[i]
		e := &p.event
		for k := 1; k < len(e.Links); k++ {
			if !g.needed(e.Links[0], p.kinds[0], e.Links[k], p.kinds[k]) {
				continue
			}
			key := [2]enishi.ID{e.Links[0], e.Links[k]}
			if asked[key] {
				continue
			}
			if asked == nil {
				asked = map[[2]enishi.ID]bool{}
			}
			asked[key] = true
			links = append(links, enishi.Link{Op: opLink, A: e.Links[0], AKind: p.kinds[0], B: e.Links[k], BKind: p.kinds[k], Event: e.ID, Source: e.Source, At: e.At})
		}
	}
	return links
}

// encode appends the canonical records. All values share one buffer.
func (in *Ingester) encode(out []stream.Record, events []pending) []stream.Record {
	buf := make([]byte, 0, len(events)*256)
	for i := range events {
		events[i].from = len(buf)
		buf = enishi.EncodeEvent(buf, &events[i].event)
		events[i].to = len(buf)
	}
	for i := range events {
		p := &events[i]
		out = append(out, stream.Record{
			Topic: enishi.TopicEvents, Partition: p.event.Profile.Partition(in.cfg.partitions), Time: p.at,
			Key: p.event.Profile[:], Value: buf[p.from:p.to:p.to],
		})
	}
	return out
}
