package mapping

import (
	"encoding/json"
	"reflect"
	"sort"
	"strings"
	"time"

	"enishi"
	"enishi/ingest"
)

// shape is what a field wants.
type shape uint8

const (
	shapeText shape = iota
	shapeWhole
	shapeBool
	shapeAmount
	shapeTime
	shapeDay   // a text 2006-01-02
	shapeValue // text, number, boolean or instant
	shapeList
	shapeTexts  // a list of texts
	shapeNames  // texts by name
	shapeCounts // whole numbers by name
)

// target is a field of the public JSON.
type target struct {
	path   []string // names; of a list the name with []
	shape  shape
	list   bool // the path is a list itself: its expression gives the elements
	inList bool
}

// node is a part of the event that a rule makes.
type node struct {
	name   string
	key    []byte // `"name":`
	kids   []*node
	list   bool
	value  *code // of a leaf; of a list what gives the elements
	shape  shape
	path   string
	typ    reflect.Type // of what the field holds, for names
	inList bool
}

func (n *node) add(t *target, x *code) {
	at := n
	for i, name := range t.path {
		name, isList := strings.CutSuffix(name, "[]")
		var next *node
		for _, kid := range at.kids {
			if kid.name == name {
				next = kid
			}
		}
		if next == nil {
			key, _ := json.Marshal(name)
			next = &node{name: name, key: append(key, ':'), list: isList, path: strings.Join(t.path[:i+1], "."), inList: at.inList || at.list}
			at.kids = append(at.kids, next)
		}
		at = next
	}
	at.value, at.shape = x, t.shape
}

// closed are the fields of an event that no producer may write.
var closed = map[string]bool{"profile": true, "control": true, "message": true, "v": true, "type": true, "import": true}

// days are texts that hold a date.
var days = map[string]bool{"store.business_date": true, "person.traits.birthday": true}

// find resolves a path of the public JSON of what a rule makes.
func find(path, place, event string) (*target, error) {
	t := &target{}
	typ := reflect.TypeFor[enishi.Event]()
	if OfCatalogue(event) {
		typ = reflect.TypeFor[ingest.Product]()
	}
	rest := path
	for rest != "" {
		if typ.Kind() == reflect.Map { // names of traits, properties, attributes and stores are free
			switch typ.Elem() {
			case reflect.TypeFor[enishi.Value]():
				t.shape = shapeValue
			case reflect.TypeFor[string]():
				t.shape = shapeText
			case reflect.TypeFor[int64]():
				t.shape = shapeWhole
			default:
				return nil, unknownField(path, place, typ)
			}
			t.path = append(t.path, rest)
			return t.named(path), nil
		}
		name, more, _ := strings.Cut(rest, ".")
		rest = more
		bare, isList := strings.CutSuffix(name, "[]")
		field, ok := fieldNamed(typ, bare)
		if !ok || len(t.path) == 0 && closed[bare] {
			return nil, unknownField(path, place, typ)
		}
		next := field.Type
		for next.Kind() == reflect.Pointer {
			next = next.Elem()
		}
		if (next.Kind() == reflect.Slice) != isList {
			if isList {
				return nil, enishi.FieldError(place, bare+" is no list: leave out the []", bare+" はリストではありません。[] を取ってください")
			}
			return nil, enishi.FieldError(place, bare+" is a list: write "+bare+"[]", bare+" はリストです。"+bare+"[] と書いてください")
		}
		t.path = append(t.path, name)
		if isList && next.Elem().Kind() == reflect.String && rest == "" {
			t.path[len(t.path)-1], t.shape = bare, shapeTexts
			return t, nil
		}
		if isList {
			next, t.inList = next.Elem(), true
			if rest == "" {
				t.list, t.shape = true, shapeList
				return t, nil
			}
		}
		typ = next
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		t.shape = shapeTime
	case typ == reflect.TypeFor[enishi.Amount]():
		t.shape = shapeAmount
	case typ.Kind() == reflect.String:
		t.shape = shapeText
	case typ.Kind() == reflect.Bool:
		t.shape = shapeBool
	case typ.Kind() == reflect.Int || typ.Kind() == reflect.Int64:
		t.shape = shapeWhole
	case typ == reflect.TypeFor[map[string]string]():
		t.shape = shapeNames
	case typ == reflect.TypeFor[map[string]int64]():
		t.shape = shapeCounts
	default:
		return nil, unknownField(path, place, typ)
	}
	return t.named(path), nil
}

// named gives fields whose name says more than their type their shape.
func (t *target) named(path string) *target {
	switch {
	case days[path]:
		t.shape = shapeDay
	case path == "person.traits.signed_up_at":
		t.shape = shapeTime
	}
	return t
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct || name == "" {
		return reflect.StructField{}, false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name && tag != "-" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func unknownField(path, place string, t reflect.Type) error {
	var names []string
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if tag != "" && tag != "-" && !((t == reflect.TypeFor[enishi.Event]() || t == reflect.TypeFor[ingest.Product]()) && closed[tag]) {
				names = append(names, tag)
			}
		}
	case reflect.Map:
		names = []string{"NAME"}
	}
	sort.Strings(names)
	have := strings.Join(names, ", ")
	if have == "" {
		return enishi.FieldError(place, path+" is no field of it: it goes on after a value", path+" という項目はありません（値より先は指定できません）")
	}
	return enishi.FieldError(place, path+" is no field of it: here stand "+have, path+" という項目はありません。使えるもの: "+have)
}
