package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/profiles"
)

const traitsName = "traits"

// traitMarks is the setting traits: what the shop says of its traits, by name.
type traitMarks map[string]struct {
	Label     textInput `json:"label"`
	Sensitive bool      `json:"sensitive"` // 要配慮個人情報 and the like: values are for approvers
}

func parseTraits(body json.RawMessage) (traitMarks, error) {
	var m traitMarks
	if json.Unmarshal(body, &m) != nil {
		return nil, enishi.FieldError("body.body", `traits are written as {"NAME": {"label": {"ja": "...", "en": "..."}, "sensitive": true}}`, `属性は {"名前": {"label": {"ja": "...", "en": "..."}, "sensitive": true}} の形で書いてください。`)
	}
	return m, nil
}

func (a *API) traitsSetting() traitMarks {
	var m traitMarks
	a.setting(traitsName, &m)
	return m
}

// label is the trait's name on screen: what the shop says, else as the program knows it.
func (m traitMarks) label(name string) Text {
	if l := Text(m[name].Label).complete(); !l.isZero() {
		return l
	}
	return traitLabel(name)
}

// hides reports whether a caller of this role may not see values of the trait.
func (m traitMarks) hides(name string, who role) bool {
	return m[name].Sensitive && !who.includes(approver)
}

// hideIn takes the values that a caller may not see out of an event as JSON.
func (m traitMarks) hideIn(event map[string]any, who role) {
	person, _ := event["person"].(map[string]any)
	traits, _ := person["traits"].(map[string]any)
	for name := range traits {
		if m.hides(name, who) {
			delete(traits, name)
		}
	}
}

// traitSummary is what a trait is like over everybody.
type traitSummary struct {
	Name      string         `json:"name"`
	Label     Text           `json:"label"`
	Reserved  bool           `json:"reserved" doc:"One of those that Enishi itself reads."`
	Sensitive bool           `json:"sensitive"`
	People    int64          `json:"people" doc:"Who have a value."`
	Values    int64          `json:"values" doc:"How many different ones, about."`
	Types     []traitType    `json:"types" doc:"As which type values were told, the most frequent first; several are a sign of two sources that do not agree."`
	Examples  []traitExample `json:"examples" doc:"The most frequent ones. What fewer than 5 people have is masked; of a sensitive trait there are none below approver."`
}

type traitType struct {
	Type   string `json:"type" enum:"text,number,date,boolean"`
	People int64  `json:"people"`
}

type traitExample struct {
	Value  string `json:"value"`
	Masked bool   `json:"masked"`
}

// leastShared is how many people must have a value for it to be shown.
const leastShared = 5

// listTraits finds the types over the whole base: nobody declares a trait before telling it.
func (a *API) listTraits(ctx context.Context, _ *struct{}) (*listOutput[traitSummary], error) {
	marks, who := a.traitsSetting(), callOf(ctx).caller.role
	out := listOf([]traitSummary{})
	err := a.bounded(ctx, func(ctx context.Context) error {
		out.Body.Items = out.Body.Items[:0]
		return a.each(ctx, traitQuery, nil, func(rows driver.Rows) error {
			x := traitSummary{Types: []traitType{}, Examples: []traitExample{}}
			var people, values uint64
			var types, shared []uint64
			var examples []string
			if err := rows.Scan(&x.Name, &people, &values, &types, &examples, &shared); err != nil {
				return err
			}
			x.People, x.Values, x.Label, x.Sensitive = int64(people), int64(values), marks.label(x.Name), marks[x.Name].Sensitive
			x.Reserved = slices.Contains(enishi.TraitNames[:], x.Name)
			for i, n := range types {
				if n > 0 {
					x.Types = append(x.Types, traitType{[...]string{"text", "number", "date", "boolean"}[i], int64(n)})
				}
			}
			slices.SortStableFunc(x.Types, func(a, b traitType) int { return cmp.Compare(b.People, a.People) })
			if !marks.hides(x.Name, who) {
				for i, value := range examples {
					x.Examples = append(x.Examples, exampleOf(value, shared[i]))
				}
			}
			out.Body.Items = append(out.Body.Items, x)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read traits: %w", err)
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// traitQuery reads what each trait is like. A trait's text form and whether it is a number say its type; what looks like a day is one.
const traitQuery = `SELECT name, count() AS people, uniq(value), [countIf(k = 'text'), countIf(k = 'number'), countIf(k = 'date'), countIf(k = 'boolean')] AS types,
  arrayMap(x -> x.1, topK(3, 10, 'counts')(value) AS top), arrayMap(x -> x.2 - x.3, top)
FROM (
  SELECT kv.1 AS name, kv.2 AS value,
    multiIf(NOT mapContains(traits_number, name), if(match(value, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'), 'date', 'text'),
      value IN ('true', 'false'), 'boolean', match(value, '^[0-9]{4}-[0-9]{2}-[0-9]{2}T'), 'date', 'number') AS k
  FROM (SELECT arrayJoin(CAST(traits, 'Array(Tuple(String, String))')) AS kv, traits_number FROM people FINAL))
GROUP BY name ORDER BY people DESC, name LIMIT 1000`

// exampleOf shows a value that enough people share, else its first letter and how long it is.
func exampleOf(value string, shared uint64) traitExample {
	if shared >= leastShared || value == "true" || value == "false" {
		return traitExample{Value: value}
	}
	first, n := utf8.DecodeRuneInString(value)
	if n == 0 {
		return traitExample{}
	}
	return traitExample{string(first) + strings.Repeat("＊", min(utf8.RuneCountInString(value)-1, 10)), true}
}

// traitSource is a value of a trait with where it comes from.
type traitSource struct {
	Name      string      `json:"name"`
	Label     Text        `json:"label"`
	Type      string      `json:"type" enum:"text,number,date,boolean"`
	Hidden    bool        `json:"hidden,omitempty"`
	Sensitive bool        `json:"sensitive,omitempty"`
	Newest    traitTold   `json:"newest" doc:"The value that counts."`
	Others    []traitTold `json:"others" doc:"What other identifiers of the person told, newest first: it counts again when the person is parted from the newest."`
}

// traitTold is what one identifier told last of a trait.
type traitTold struct {
	Value      string    `json:"value" doc:"In the language of the request; empty: it was taken away."`
	At         time.Time `json:"at"`
	Event      enishi.ID `json:"event_id"`
	Type       string    `json:"event_type,omitempty"`
	TypeLabel  Text      `json:"event_label"`
	Source     string    `json:"source,omitempty"`
	Actor      string    `json:"actor,omitempty" doc:"Of the staff, who changed it by hand."`
	Reason     string    `json:"reason,omitempty"`
	Identifier string    `json:"identifier" doc:"The kind of identifier that it came with."`
	Address    string    `json:"identifier_value"`
}

func (a *API) listPersonTraits(ctx context.Context, in *PersonPath) (*listOutput[traitSource], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	marks, who, lang := a.traitsSetting(), callOf(ctx).caller.role, language(ctx)
	type told struct {
		trait   *profiles.Trait
		subject *profiles.Subject
	}
	byName, events := map[string][]told{}, []enishi.ID{}
	for i := range p.Subjects {
		for k := range p.Subjects[i].Traits {
			t := &p.Subjects[i].Traits[k]
			byName[t.Name] = append(byName[t.Name], told{t, &p.Subjects[i]})
			events = append(events, t.Event)
		}
	}
	sources, err := a.traitEvents(ctx, subjects(p), events)
	if err != nil {
		return nil, err
	}
	out := listOf([]traitSource{})
	for _, row := range a.traitRows(p, who, lang) {
		list := byName[row.Name]
		slices.SortStableFunc(list, func(x, y told) int {
			return cmp.Or(y.trait.At.Compare(x.trait.At), y.trait.Event.Compare(x.trait.Event))
		})
		x := traitSource{Name: row.Name, Label: row.Label, Type: typeOf(list[0].trait.Value), Hidden: row.Hidden, Sensitive: marks[row.Name].Sensitive, Others: []traitTold{}}
		for i, t := range list {
			y := sources[t.trait.Event]
			y.At, y.Event, y.Identifier, y.Address = t.trait.At, t.trait.Event, t.subject.Kind.String(), t.subject.Value
			if !row.Hidden && t.trait.Value.Kind != enishi.Null {
				y.Value = a.traitValue(row.Name, t.trait.Value).in(lang)
			}
			if i == 0 {
				x.Newest = y
			} else {
				x.Others = append(x.Others, y)
			}
		}
		out.Body.Items = append(out.Body.Items, x)
	}
	return out, nil
}

// typeOf is the type of a value: a text that is written as a day is one.
func typeOf(v enishi.Value) string {
	switch v.Kind {
	case enishi.Number:
		return "number"
	case enishi.Bool:
		return "boolean"
	case enishi.Instant:
		return "date"
	}
	if _, err := time.Parse(time.DateOnly, v.Text); err == nil {
		return "date"
	}
	return "text"
}

// traitEvents reads where events came from. What came before an address was known stands under it all the same; an event that is not
// there any more is left out.
func (a *API) traitEvents(ctx context.Context, ids, events []enishi.ID) (map[enishi.ID]traitTold, error) {
	out := map[enishi.ID]traitTold{}
	slices.SortFunc(events, enishi.ID.Compare)
	err := a.each(ctx, "SELECT "+eventColumns+" FROM events FINAL WHERE subject IN "+idList(ids)+" AND event_id IN "+idList(slices.Compact(events)), nil, func(rows driver.Rows) error {
		row, err := scanEvent(rows)
		x := traitTold{Type: row.typ, TypeLabel: typeLabel(row.typ), Source: row.source}
		var e enishi.Event
		if row.source == "console" && enishi.DecodeEvent(&e, []byte(row.record)) == nil {
			x.Actor, x.Reason = e.Properties["actor"].String(), e.Properties["reason"].String()
		}
		out[row.id] = x
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of traits: %w", err)
	}
	return out, nil
}

type traitInput struct {
	PersonPath
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"100"`
		Value  any    `json:"value" doc:"A text, a number, true or false; null takes the trait away."`
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, as it stands beside the value from then on."`
	}
}

// changeTrait tells a trait by hand: a fact like any other, newer than the others.
func (a *API) changeTrait(ctx context.Context, in *traitInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if a.traitsSetting().hides(in.Body.Name, callOf(ctx).caller.role) {
		return nil, refusal(enishi.Denied, "to change a sensitive trait needs the role approver", "要配慮の属性の変更には「承認者」の権限が必要です。")
	}
	value := enishi.Value{}
	switch x := in.Body.Value.(type) {
	case nil:
	case string:
		if len(x) > maxTraitText {
			return nil, enishi.FieldError("body.value", fmt.Sprintf("has %d bytes, the limit is %d", len(x), maxTraitText), fmt.Sprintf("%d バイトあります（上限は %d バイト）。", len(x), maxTraitText))
		}
		value = enishi.TextValue(strings.TrimSpace(x))
	case float64:
		value = enishi.NumberValue(x)
	case bool:
		value = enishi.BoolValue(x)
	default:
		return nil, enishi.FieldError("body.value", "is a text, a number, true, false or null", "文字列・数値・true・false・null のいずれかにしてください。")
	}
	w, err := a.append(ctx, enishi.Event{Type: "person.identified", Profile: p.ID, Subject: mainSubject(p), Person: &enishi.Person{Traits: map[string]enishi.Value{in.Body.Name: value}},
		Properties: map[string]enishi.Value{"actor": enishi.TextValue(callOf(ctx).caller.name), "reason": enishi.TextValue(strings.TrimSpace(in.Body.Reason))}})
	return &writtenOutput{w}, err
}

// maxTraitText is how many bytes a trait written by hand may have.
const maxTraitText = 2000
