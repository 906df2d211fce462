package profiles

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// Export is everything that is kept of a person, for the person's page, for 開示 (a copy for the person asked about) and
// for what an erasure deletes: the identifiers with all that came with each, evidence of permissions included, memberships
// and runs. It marshals to JSON; keys are the field names in lower case with underscores (those of the public JSON where
// there is one), what is empty is left out, instants are RFC 3339 in UTC, ids hexadecimal, amounts decimal text. Remembered
// event ids and rows of files are left out: they say nothing about the person.
func Export(p *Profile) map[string]any {
	out, _ := exported(reflect.ValueOf(*p)).(map[string]any)
	if out == nil {
		out = map[string]any{}
	}
	if subjects, ok := out["subjects"].([]any); ok {
		for i := range subjects {
			s := subjects[i].(map[string]any)
			s["kind"] = p.Subjects[i].Kind.String()
			delete(s, "seen")
			delete(s, "files")
		}
	}
	return out
}

// exported turns a value into maps, lists and scalars.
func exported(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case json.Marshaler, encoding.TextMarshaler:
		return x
	}
	switch v.Kind() {
	case reflect.Pointer:
		return exported(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !isEmpty(v.Field(i)) {
				out[jsonName(f)] = exported(v.Field(i))
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = exported(v.Index(i))
		}
		return out
	}
	return v.Interface()
}

func isEmpty(v reflect.Value) bool {
	if t, ok := v.Interface().(time.Time); ok {
		return t.IsZero()
	}
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

// jsonName is the name of a field in JSON: that of its tag, or its own as LineFollowed -> line_followed, OrderID -> order_id.
func jsonName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
		return name
	}
	var b strings.Builder
	name := []rune(f.Name)
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(name[i-1]) || i+1 < len(name) && unicode.IsLower(name[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
