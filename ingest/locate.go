package ingest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// locate finds what is wrong with a JSON text that the fast decoder refused: the syntax, or the first value of a wrong
// type. It is slow and thorough: only bad records come here.
func locate(raw []byte, into any, cause error) *Refusal {
	var probe json.RawMessage
	if err := json.Unmarshal(raw, &probe); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at := int(min(syntax.Offset, int64(len(raw))))
			line := 1 + bytes.Count(raw[:at], []byte{'\n'})
			return refusef(CodeJSON, "", "no valid JSON: %s (line %d, byte %d)", "JSON として読めません（%[2]d 行目、%[3]d バイト目）", syntax.Error(), line, at)
		}
		return refuse(CodeJSON, "", "no valid JSON: "+err.Error(), "JSON として読めません")
	}
	if refusal := mismatch(raw, reflect.TypeOf(into).Elem(), ""); refusal != nil {
		refusal.Type = typeName(raw)
		return refusal
	}
	return refusef(CodeJSON, "", "cannot be read: %s", "読み取れません: %s", cause.Error()).of(typeName(raw))
}

func typeName(raw []byte) string { return nameAt(raw, "type") }

func sourceName(raw []byte) string { return nameAt(raw, "source") }

// nameAt reads a text of a record that may be broken elsewhere.
func nameAt(raw []byte, key string) string {
	var fields map[string]json.RawMessage
	var name string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields[key], &name) != nil {
		return ""
	}
	return clip(name)
}

// mismatch finds the first value that does not fit its Go type, with its path.
func mismatch(raw json.RawMessage, t reflect.Type, path string) *Refusal {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isLeaf(t) {
		return leaf(raw, t, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return wrongType(path, raw, "an object", "オブジェクト {…}")
		}
		return mismatchFields(fields, t, path)
	case reflect.Slice:
		var elems []json.RawMessage
		if json.Unmarshal(raw, &elems) != nil {
			return wrongType(path, raw, "a list", "配列 […]")
		}
		for i, e := range elems {
			if r := mismatch(e, t.Elem(), path+"["+strconv.Itoa(i)+"]"); r != nil {
				return r
			}
		}
	case reflect.Map:
		var entries map[string]json.RawMessage
		if json.Unmarshal(raw, &entries) != nil {
			return wrongType(path, raw, "an object", "オブジェクト {…}")
		}
		for name, e := range entries {
			if r := mismatch(e, t.Elem(), join(path, name)); r != nil {
				return r
			}
		}
	}
	return nil
}

func mismatchFields(fields map[string]json.RawMessage, t reflect.Type, path string) *Refusal {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			if r := mismatchFields(fields, f.Type, path); r != nil {
				return r
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		for key, value := range fields {
			if strings.EqualFold(key, name) {
				if r := mismatch(value, f.Type, join(path, name)); r != nil {
					return r
				}
			}
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// isLeaf tells the types that read their JSON themselves and those that are no container.
func isLeaf(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	k := t.Kind()
	return k != reflect.Struct && k != reflect.Slice && k != reflect.Map
}

func leaf(raw json.RawMessage, t reflect.Type, path string) *Refusal {
	err := json.Unmarshal(raw, reflect.New(t).Interface())
	if err == nil {
		return nil
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return wrongType(path, raw, "a time such as 2026-01-31T09:00:00+09:00", "2026-01-31T09:00:00+09:00 の形の日時")
	case reflect.TypeFor[enishi.Amount]():
		return wrongType(path, raw, `an amount such as "1234" or "12.50"`, `"1234" や "12.50" の形の金額`)
	case reflect.TypeFor[enishi.ID]():
		return wrongType(path, raw, "32 hexadecimal digits", "16 進数 32 桁")
	}
	switch t.Kind() {
	case reflect.String:
		return wrongType(path, raw, "a text", `文字列 "…"`)
	case reflect.Bool:
		return wrongType(path, raw, "true or false", "true または false")
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return wrongType(path, raw, "a whole number", "整数")
	}
	return wrongType(path, raw, "a "+t.Kind().String(), t.Kind().String())
}

func wrongType(path string, raw json.RawMessage, want, wantJA string) *Refusal {
	have := clip(string(raw))
	return refuse(CodeType, path, "is "+have+", want "+want, have+" になっています。"+wantJA+" にしてください")
}
