package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/internal/stream"
	"enishi/profiles"
)

// checkMessage looks at a message when it is appended.
func (w *world) checkMessage(r *stream.Record) {
	var m enishi.Message
	if err := enishi.DecodeMessage(&m, r.Value); err != nil {
		w.violate("unreadable message: %v", err)
	}
	if m.Cancel {
		return
	}
	// Nothing is decided in the future, as far as the clocks of all nodes and machines go.
	newest := time.Time{}
	for p := range w.log {
		for _, r := range w.log[p] {
			if r.Time.After(newest) {
				newest = r.Time
			}
		}
	}
	if m.DecidedAt.After(newest) {
		w.violate("%s/%s is decided at %v: the newest record is of %v", m.Journey, m.Node, m.DecidedAt, newest)
	}
	// Nothing goes out before its wait is over, but for the difference of clocks.
	if e, ok := w.shop.entries[m.RunID]; ok && e.node == m.Node && m.DecidedAt.Before(e.from.Add(-MaxSkew)) {
		w.violate("%s/%s is sent at %v: it is due at %v", m.Journey, m.Node, m.DecidedAt, e.from)
	}
	w.checkMarketed(&m)
	if m.Purpose != profiles.Marketing {
		return
	}
	for _, p := range w.people {
		if m.To != p.person.Email && m.To != p.person.LineUserID {
			continue
		}
		if !slices.ContainsFunc(p.consents, func(c consentGiven) bool { return c.channel == m.Channel && c.state == "in" }) {
			w.violate("%s/%s goes to %s by %s without a permission", m.Journey, m.Node, m.To, m.Channel)
		}
		return
	}
	w.violate("a message to nobody: %s", m.To)
}

// check looks at a world that has come to rest.
func (w *world) check() {
	w.checkRepeats()
	w.checkMarkers()
	w.checkReference()
	w.checkFacts()
	w.checkEvents()
	w.checkTruth()
}

// checkRepeats: what was decided twice is the same.
func (w *world) checkRepeats() {
	type decided struct {
		send, profile enishi.ID
		round         int
		cancel        bool
	}
	first, gone := map[decided]string{}, w.erased()
	for _, r := range w.messages {
		var m enishi.Message
		if err := enishi.DecodeMessage(&m, r.Value); err != nil {
			w.violate("unreadable message: %v", err)
		}
		if gone[m.Subject] {
			continue // a run may start again that is forgotten; the sender knows it
		}
		key := decided{m.SendID, m.Profile, m.Round, m.Cancel}
		if before, again := first[key]; again && before != string(r.Value) && !m.Cancel {
			w.violate("send %s round %d of %s/%s was decided twice:\n%+v\n%q", m.SendID, m.Round, m.Journey, m.Node, m, before)
		}
		first[key] = string(r.Value)
	}
	// A run that starts from an event sends once per node, visit and channel: another id would be another run.
	once := map[string]enishi.ID{}
	for _, r := range w.messages {
		var m enishi.Message
		_ = enishi.DecodeMessage(&m, r.Value) // it was read above
		if m.Cancel || m.Journey != "delivery_notice" {
			continue
		}
		key := m.Node + "/" + m.Channel + "/" + m.Variables[:0] + shipmentOf(&m)
		if id, other := once[key]; other && id != m.SendID {
			w.violate("%s of one parcel was decided as %s and as %s", key, id, m.SendID)
		}
		once[key] = m.SendID
	}
}

// shipmentOf is the parcel that a message is about.
func shipmentOf(m *enishi.Message) string {
	_, rest, _ := strings.Cut(m.Variables, `"shipment_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// checkMarkers: everything is folded and nothing is owed.
func (w *world) checkMarkers() {
	defs := w.definitions()
	for p := range w.log {
		m := w.store.markers[p]
		if len(w.log[p]) > 0 && m.Next != int64(len(w.log[p])) {
			w.violate("partition %d is stored up to %d of %d", p, m.Next, len(w.log[p]))
		}
		for _, s := range m.Sweeps {
			campaign, _ := defs.Journeys.Broadcast(s.Journey)
			if waits := s.recurs() && s.Next == 0 && s.At.After(w.now) || s.Journey != "" && !campaign.Going; !waits && !slices.Contains(w.sweeping.Cancelled, s.ID) {
				w.violate("partition %d: a sweep is left: %+v", p, s)
			}
		}
		if m.Definitions != w.defNext {
			w.violate("partition %d stands at definitions %d of %d", p, m.Definitions, w.defNext)
		}
	}
	for id, d := range w.store.due {
		if !d.At.IsZero() && !d.At.After(w.now.Add(-5*time.Second)) {
			w.violate("profile %s was due at %v, it is %v", id, d.At, w.now)
		}
	}
	for id, s := range w.store.states {
		p := w.decode(s)
		if due := p.NextDue(); !due.Equal(w.store.due[id].At) {
			w.violate("profile %s is due at %v, its row says %v", id, due, w.store.due[id].At)
		}
	}
}

func (w *world) decode(s State) *profiles.Profile {
	p, err := profiles.Decode(s.ID, s.Bytes)
	if err != nil {
		w.violate("unreadable state of %s: %v", s.ID, err)
	}
	return p
}

// checkReference folds the log from its start, in one go, on a folder that never fails, and compares all states, all that it
// gives to the log, and all rows.
func (w *world) checkReference() {
	var given []stream.Record
	tables := newMemory()
	f, err := New(Config{Partitions: w.parts, Definitions: w.defs, Merges: func(int64) ([]Move, int64) { return nil, 0 }, Workers: 1, CacheBytes: 1 << 40,
		Append: func(_ context.Context, recs []stream.Record) error {
			for _, r := range recs {
				r.Value = slices.Clone(r.Value)
				given = append(given, r)
			}
			return nil
		},
		Load: func(context.Context, Want) (Have, error) { return Have{}, nil },
		Save: func(_ context.Context, r *Rows) error {
			return r.write(w.now, func(ts []profiles.Table) (err error) {
				for i := range ts {
					err = errors.Join(err, tables.insert(&ts[i]))
				}
				return err
			}, func() error { tables.erase(r.Erased); return nil })
		}, Now: func() time.Time { return w.now.Add(1000 * time.Hour) }})
	if err != nil {
		w.violate("%v", err)
	}
	f.compiler = w.compiler
	var all []int
	for p := range w.parts {
		all = append(all, p)
	}
	if _, err := f.Gain(context.Background(), all); err != nil {
		w.violate("%v", err)
	}
	for _, a := range w.store.aside {
		part := f.parts[a.Partition]
		part.aside = append(part.aside, a.Offset)
	}
	for p := range w.log {
		if err := f.Fold(context.Background(), w.log[p]); err != nil {
			w.violate("reference: %v", err)
		}
	}
	w.checkGiven(given)
	count := 0
	for _, part := range f.order {
		for id, x := range part.cache {
			if x.p.Offset == 0 {
				continue
			}
			count++
			s, ok := w.store.states[id]
			if !ok {
				w.violate("profile %s is not stored", id)
			}
			if want := x.p.Encode(nil); string(want) != s.Bytes {
				stored, reference := difference(show(w.decode(s)), show(w.decode(State{ID: id, Bytes: string(want)})))
				w.violate("state of %s differs from a fold without crashes:\nstored    %s\nreference %s", id, stored, reference)
			}
		}
	}
	if count != len(w.store.states) {
		w.violate("%d states are stored, a fold without crashes has %d", len(w.store.states), count)
	}
	if err := f.Flush(context.Background()); err != nil {
		w.violate("reference: %v", err)
	}
	gone := map[string]bool{}
	for id := range w.erased() {
		gone[id.String()] = true
	}
	for _, name := range []string{"events", "decisions", "outcomes"} {
		want, have := live(tables.tables[name]), live(w.store.tables[name])
		// What came about the time of an erasure may be deleted or not: the clocks of partitions differ.
		maps.DeleteFunc(want, func(_, row string) bool { return gone[row[:32]] })
		maps.DeleteFunc(have, func(_, row string) bool { return gone[row[:32]] })
		for key, row := range want {
			if have[key] == "" {
				w.violate("table %s has no row %s:\n%s", name, key, row)
			}
		}
		for key, row := range have {
			if want[key] == "" {
				w.violate("table %s has a row too many: %s:\n%s", name, key, row)
			}
		}
	}
}

// checkGiven compares what a fold without crashes gives to the log with what stands there.
func (w *world) checkGiven(given []stream.Record) {
	there, wanted := map[string]bool{}, map[string]bool{}
	for p := range w.log {
		for _, r := range w.log[p] {
			there[string(r.Value)] = true
		}
	}
	for _, r := range w.messages {
		there[string(r.Value)] = true
	}
	for _, r := range given {
		if wanted[string(r.Value)] = true; !there[string(r.Value)] {
			w.violate("lost: %s", describe(&r))
		}
	}
	for i := range w.messages {
		if !wanted[string(w.messages[i].Value)] {
			w.violate("nothing gives %s", describe(&w.messages[i]))
		}
	}
}

func describe(r *stream.Record) string {
	if r.Topic == enishi.TopicMessages {
		var m enishi.Message
		_ = enishi.DecodeMessage(&m, r.Value) // it shows as empty
		return fmt.Sprintf("message %+v", m)
	}
	var e enishi.Event
	_ = enishi.DecodeEvent(&e, r.Value)
	return fmt.Sprintf("event %s of %s to %x %+v", e.Type, e.Subject, r.Key, e.Control)
}

// show writes all fields, those behind pointers too.
func show(p *profiles.Profile) string {
	x := *p
	b, err := json.Marshal(x)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// difference is where two texts begin to differ, with what is around.
func difference(a, b string) (string, string) {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, i-300):min(len(s), i+100)] }
	return cut(a), cut(b)
}

// checkFacts rebuilds all fact rows from the states.
func (w *world) checkFacts() {
	rebuilt := newMemory()
	facts := profiles.NewFacts()
	for _, s := range w.store.states {
		p := w.decode(s)
		p.MarkDirty(profiles.ChangedAll)
		facts.Add(p, s.Version)
	}
	names := map[string]bool{"memberships": true, "runs": true}
	for _, t := range facts.Tables() {
		names[t.Name] = true
		if err := rebuilt.insert(&t); err != nil {
			w.violate("%v", err)
		}
	}
	for name := range names {
		want, have := live(rebuilt.tables[name]), live(w.store.tables[name])
		for key, row := range want {
			if have[key] != row {
				w.violate("table %s, key %s:\nhave %+v\nwant %+v", name, key, w.store.tables[name][key], rebuilt.tables[name][key])
			}
		}
		for key, row := range have {
			if _, ok := want[key]; !ok {
				w.violate("table %s has a row too many: %s: %s", name, key, row)
			}
		}
	}
}

func live(rows map[string]*stored) map[string]string {
	out := map[string]string{}
	for key, s := range rows {
		if !s.deleted {
			out[key] = s.row
		}
	}
	return out
}

// checkEvents: every event that was ingested has its row.
func (w *world) checkEvents() {
	have := map[string]bool{}
	for key := range w.store.tables["events"] {
		f := strings.Split(key, "|")
		have[f[2]] = true
	}
	gone := w.erased()
	for id, e := range w.shop.events {
		if !have[id.String()] && !gone[e.Subject] {
			w.violate("event %s has no row", id)
		}
	}
	for _, s := range w.store.tables["events"] {
		f := strings.Split(s.row, "|")
		// A node that does not know that it lost a partition may still write what it had in hand.
		if at, ok := w.shop.erasures[f[0]]; ok && !w.zombies && f[4] <= fmt.Sprint(at.UnixMilli()) {
			w.violate("a row of before an erasure is there: %s", s.row)
		}
	}
	for _, id := range w.shop.commands {
		if w.store.tables["outcomes"][id.String()+"|"] == nil {
			w.violate("command %s has no outcome", id)
		}
	}
}

// erased lists the identifiers of people who were erased.
func (w *world) erased() map[enishi.ID]bool {
	out := map[enishi.ID]bool{}
	for _, p := range w.people {
		if p.erased {
			for _, x := range profiles.Identifiers(nil, &p.person) {
				out[identifierID(x.Kind, x.Raw)] = true
			}
		}
	}
	return out
}

// checkTruth compares each subject with a fold of its events alone, and looks at who is in which segment.
func (w *world) checkTruth() {
	alone := map[enishi.ID]*profiles.Profile{}
	for _, id := range w.shop.order {
		e := *w.shop.events[id]
		if alone[e.Subject] == nil {
			alone[e.Subject] = profiles.New(e.Subject)
		}
		alone[e.Subject].Apply(&e, w.began)
	}
	gone := w.erased()
	for subject, p := range alone {
		if gone[subject] {
			continue
		}
		holder := w.graph.Resolve(subject)
		if subject == holder {
			// Who it is addressed to holds it; else its redirects lead there.
		} else if to := w.follow(subject); to != holder {
			w.violate("identifier %s belongs to %s; its redirect leads to %s", subject, holder, to)
		}
		s, ok := w.store.states[holder]
		if !ok {
			w.violate("profile %s of subject %s is not stored", holder, subject)
		}
		want, have := subjectOfProfile(p, subject), subjectOfProfile(w.decode(s), subject)
		if have == nil {
			w.violate("subject %s is not in profile %s", subject, holder)
		}
		if w.marketer != nil { // a journey's steps set traits and give points, to whoever is in it
			want.Traits, have.Traits = nil, nil
			want.Lifetime.Events, want.Lifetime.Points, want.Lifetime.PointsEarned = have.Lifetime.Events, have.Lifetime.Points, have.Lifetime.PointsEarned
		}
		for _, field := range []string{"Traits", "Orders", "Shipments", "Visits", "Stores", "Contacts", "Reviews", "Surveys", "Returns", "Cart", "Holds", "Risks", "Lists", "Lifetime"} {
			want.Lifetime.LineRefused, have.Lifetime.LineRefused = time.Time{}, time.Time{} // as consents: of the address, whoever named it
			x, y := reflect.ValueOf(*want).FieldByName(field).Interface(), reflect.ValueOf(*have).FieldByName(field).Interface()
			if fmt.Sprintf("%+v", deref(x)) != fmt.Sprintf("%+v", deref(y)) {
				w.violate("subject %s of profile %s: %s\nhave %+v\nwant %+v", subject, holder, field, deref(y), deref(x))
			}
		}
	}
	w.checkMemberships()
}

func deref(v any) any {
	if c, ok := v.(*profiles.CartState); ok && c != nil {
		return *c
	}
	return v
}

func subjectOfProfile(p *profiles.Profile, id enishi.ID) *profiles.Subject {
	for i := range p.Subjects {
		if p.Subjects[i].ID == id {
			return &p.Subjects[i]
		}
	}
	return nil
}

// follow goes along redirects.
func (w *world) follow(id enishi.ID) enishi.ID {
	for range 100 {
		s, ok := w.store.states[id]
		if !ok || s.Redirect.IsZero() {
			return id
		}
		id = s.Redirect
	}
	w.violate("redirects go round: %s", id)
	return id
}

// definitions are the newest.
func (w *world) definitions() *Definitions {
	f := Folder{cfg: Config{Definitions: w.defs}, defs: map[int64]*Definitions{}, compiler: w.compiler}
	return f.definitionsAt(w.defNext)
}

// checkMemberships: who is in a segment is whom its expression holds for.
func (w *world) checkMemberships() {
	set := w.definitions().Segments
	for id, s := range w.store.states {
		p := w.decode(s)
		for _, m := range p.Memberships {
			if set.Get(m.Segment) == nil && !w.stale(id, m.Segment) {
				w.violate("profile %s is in %s, which was deleted", id, m.Segment)
			}
		}
		for _, seg := range set.Segments() {
			member := slices.ContainsFunc(p.Memberships, func(m profiles.Membership) bool { return m.Segment == seg.Name })
			holds := p.Redirect.IsZero() && len(p.Subjects) > 0 && seg.Match(p.View(), w.now)
			if member != holds && !w.stale(id, seg.Name) {
				w.violate("profile %s: %s holds is %v, member is %v", id, seg.Name, holds, member)
			}
		}
	}
}
