package outflow

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"enishi"
	"enishi/channels"
)

func TestParse(t *testing.T) {
	f := func(body, field string) {
		t.Helper()
		_, err := Parse([]byte(body))
		var e *enishi.Error
		switch {
		case field == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case field != "" && (!errors.As(err, &e) || e.Field != field || e.Msg == "" || e.MsgJA == ""):
			t.Errorf("%s: %v, want a problem of %s in both languages", body, err, field)
		}
	}
	const head = `{"title":{"ja":"CRM"},`
	f(head+`"changes":["segment","custom.quiz","order.placed"],"to":"topic"}`, "")
	f(head+`"changes":["segment"],"to":"webhook","url":"https://crm.shop.example/x","per_second":5,"when":"segment == 'vip' || amount > 100"}`, "")
	f(head+`"changes":["segment"],"segments":["vip"],"to":"topic","fields":["customer_id"]}`, "")
	f(head+`"changes":["order"],"to":"topic","fields":["email"],"purpose":"メールの配信を委託するため"}`, "")

	f(`{"changes":["segment"],"to":"topic"}`, "title")
	f(head+`"changes":[],"to":"topic"}`, "changes")
	f(head+`"changes":["segment","segmnt"],"to":"topic"}`, "changes[1]")
	f(head+`"changes":["~merge"],"to":"topic"}`, "changes[0]")
	f(head+`"changes":["note.written"],"to":"topic"}`, "changes[0]") // what the staff wrote stays with the staff
	f(head+`"changes":["order"],"segments":["vip"],"to":"topic"}`, "segments")
	f(head+`"changes":["order"],"to":"topic","fields":["password"]}`, "fields[0]")
	f(head+`"changes":["order"],"to":"topic","fields":["email"]}`, "purpose")
	f(head+`"changes":["order"],"to":"topic","when":"amout > 3"}`, "when")
	f(head+`"changes":["order"],"to":"topic","when":"amount"}`, "when")
	f(head+`"changes":["order"],"to":"mail"}`, "to")
	f(head+`"changes":["order"],"to":"topic","url":"https://x.example"}`, "to")
	f(head+`"changes":["order"],"to":"webhook"}`, "url")
	f(head+`"changes":["order"],"to":"webhook","url":"https://x.example","per_second":5000}`, "per_second")
	if _, err := Parse([]byte(head + `"changes":["order"],"to":"topic","colour":"red"}`)); err == nil {
		t.Error("an unknown member is taken")
	}
}

// Every type in a group is one that there is, and stands in one group alone.
func TestGroups(t *testing.T) {
	seen := map[string]string{}
	for _, g := range Groups() {
		for _, typ := range g.Types {
			if !known(typ) {
				t.Errorf("%s of %s is no type", typ, g.Name)
			}
			if seen[typ] != "" {
				t.Errorf("%s is of %s and of %s", typ, seen[typ], g.Name)
			}
			seen[typ] = g.Name
		}
	}
	s := Stream{Changes: []string{"order.placed"}}
	if got := s.Types(); !slices.Equal(got, []string{"order.placed", "person.erased"}) {
		t.Errorf("types %v: erasures go to everybody", got)
	}
}

// canary fills every text of a value, so that whatever goes out of it can be seen.
func canary(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		canary(v.Elem())
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			v.Set(reflect.ValueOf(time.Unix(1_790_000_000, 0).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				canary(v.Field(i))
			}
		}
	case reflect.Array:
		v.Index(0).SetUint(7)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			canary(v.Index(0))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		x := reflect.New(v.Type().Elem()).Elem()
		canary(x)
		v.SetMapIndex(reflect.ValueOf("canary-key").Convert(v.Type().Key()), x)
	case reflect.String:
		v.SetString("canary")
	case reflect.Int64, reflect.Int:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// What an event has and no list lets out stays here: names, addresses, phones, texts, and every field that comes to be later.
func TestPlainIsAList(t *testing.T) {
	var e enishi.Event
	canary(reflect.ValueOf(&e).Elem())
	e.Control, e.Note = nil, &enishi.Note{NoteID: "n", Text: "canary note"}
	out, err := plainOf(&e, &Stream{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for name, part := range out {
		list, ok := part.([]any)
		if !ok {
			list = []any{part}
		}
		for _, x := range list {
			for field := range x.(map[string]any) {
				paths = append(paths, name+"."+field)
			}
		}
	}
	for _, path := range []string{"order.ship_to", "order.staff_id", "order.reason", "contact.text", "contact.staff_id", "review.text", "review.title", "survey.answers", "consent.ip", "consent.text", "message.to", "message.url",
		"message.provider_id", "shipment.tracking", "web.query", "web.url", "hold.reason", "hold.actor", "referral.url"} {
		if slices.Contains(paths, path) {
			t.Errorf("%s goes out without being asked for", path)
		}
	}
	for _, name := range []string{"person", "note", "context", "properties", "control"} {
		if out[name] != nil {
			t.Errorf("%s goes out without being asked for", name)
		}
	}
	// Each name of the lists is one that the event has.
	text, _ := json.Marshal(&e)
	var all map[string]any
	_ = json.Unmarshal(text, &all)
	for _, lists := range []map[string][]string{plain, asked["address"], asked["text"], asked["context"]} {
		for name, fields := range lists {
			m, ok := all[name].(map[string]any)
			if list, isList := all[name].([]any); isList {
				m, ok = list[0].(map[string]any), true
			}
			for _, f := range fields {
				if _, there := m[f]; !ok || !there {
					t.Errorf("%s.%s is no field of an event", name, f)
				}
			}
		}
	}
	out, _ = plainOf(&e, &Stream{Fields: []string{"address", "text", "context", "properties"}})
	if o := out["order"].(map[string]any); o["ship_to"] == nil || o["reason"] == nil || out["context"] == nil || out["properties"] == nil {
		t.Errorf("what is asked for: %v", out)
	}
}

// Every form of a change is one that the schema in docs has.
func TestSchemaOfChanges(t *testing.T) {
	raw, err := os.ReadFile("../../docs/change.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("change.json", doc); err != nil {
		t.Fatal(err)
	}
	schema := c.MustCompile("change.json")
	var e enishi.Event
	canary(reflect.ValueOf(&e).Elem())
	e.Control = nil
	e.Links = nil
	id := enishi.NewID("x")
	at := time.Unix(1_790_000_000, 0).UTC()
	rows := []row{
		{typ: "order.placed", id: id, subject: id, profile: id, record: string(enishi.EncodeEvent(nil, &e)), at: at, appended: at, version: 3<<48 | 42, partition: 5},
		{typ: enishi.TypeSegmentEntered, id: id, profile: id, segment: "vip", at: at, appended: at, version: 9, historical: true},
		{typ: enishi.TypePersonMerged, id: id, profile: id, reason: id.String(), at: at, appended: at, version: 9},
		{typ: enishi.TypePersonUnmerged, id: id, profile: id, reason: id.String(), at: at, appended: at, version: 9},
		{typ: enishi.TypeErased, id: id, profile: id, at: at, appended: at, version: 9},
		{typ: "message.opened", id: id, profile: id, journey: "welcome", node: "hello", run: id, send: id, channel: "email", at: at, appended: at, version: 9},
	}
	for _, fields := range [][]string{nil, {"customer_id", "email", "phone", "line_user_id", "name", "traits", "address", "text", "context", "properties"}} {
		for i := range rows {
			var person *Person
			if fields != nil {
				person = &Person{CustomerID: "1", Email: "a@b.example", Phone: "+8190", LineUserID: "U1", FamilyName: "縁", GivenName: "花", Traits: map[string]any{"size": "M"}}
			}
			x, err := rows[i].change(&Stream{Fields: fields}, "https://shop.example/streams/crm", person)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v\n%s", rows[i].typ, err, text)
			}
			if rows[i].typ == enishi.TypeErased && strings.Contains(string(text), "example\"") && x.Data.Person != nil {
				t.Errorf("an erasure names the person: %s", text)
			}
			if x.ID != id.String() {
				t.Errorf("id %s", x.ID)
			}
		}
	}
	if x, _ := rows[0].change(&Stream{}, "", nil); x.Sequence != "00005-00003-000000000000041" {
		t.Errorf("sequence %s", x.Sequence)
	}
}

// What an answer means: for the change alone, or for everything that waits behind it.
func TestTroubleOf(t *testing.T) {
	f := func(e *channels.SendError, refused, lasting bool) {
		t.Helper()
		x := troubleOf(e)
		if x.refused != refused || x.lasting != lasting || x.en == "" || x.ja == "" {
			t.Errorf("%s %s: %+v", e.Verdict(), e.Code, x)
		}
	}
	cause := errors.New("it answered")
	for _, code := range []string{"400", "409", "413", "422"} {
		f(channels.Permanent(cause).With(code, "content"), true, false)
	}
	for _, code := range []string{"301", "401", "403", "404", "405", "410"} {
		f(channels.Permanent(cause).With(code, "content"), false, true)
	}
	for _, code := range []string{"", "408", "429", "500", "503"} {
		f(channels.Busy(cause, 0).With(code, ""), false, false)
	}
	f(channels.Permanent(enishi.FieldError("url", "is inside", "社内です")).With("", "address"), false, true)
	f(channels.Permanent(cause).With("", "account"), false, true)
}

// A stream of SQL text takes no user's byte outside a literal.
func TestWanted(t *testing.T) {
	got := wanted(&Stream{Changes: []string{`custom.a' OR 1 --`}, Segments: []string{`x\'`}}, []span{{3, 1, 9}})
	if strings.Contains(got, `a' OR`) || !strings.Contains(got, `'custom.a\' OR 1 --'`) || !strings.Contains(got, `'x\\\''`) || !strings.Contains(got, "(partition = 3 AND version > 1 AND version <= 9)") {
		t.Error(got)
	}
}

func TestSigningKeys(t *testing.T) {
	a, b := SigningKeys([]byte("secret"), "crm", 0), SigningKeys([]byte("secret"), "crm", 1)
	if len(a) != 1 || len(b) != 2 || a[0] != b[1] || b[0] == b[1] || !strings.HasPrefix(a[0], "whsec_") || SigningKeys([]byte("secret"), "desk", 0)[0] == a[0] {
		t.Error(a, b)
	}
}
