package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"enishi"
)

func itoa(n int) string { return strconv.Itoa(n) }

// source is a definition's text with the place of every value in it.
type source struct {
	body     []byte
	at       map[string]int // path ("nodes.a.next", "exit_on[0].event") -> offset of the value's first byte
	problems Problems
}

// decodeStrict reads JSON into v, a pointer to a struct. It refuses unknown fields, fields given twice and values of
// another type, all of them at once, each with its place.
func decodeStrict(body []byte, v any) *source {
	s := &source{body: body, at: map[string]int{}}
	s.scan(reflect.TypeOf(v).Elem())
	if len(s.problems) > 0 {
		return s
	}
	if err := json.Unmarshal(body, v); err != nil { // scan has found what there is to find
		s.add("", 0, "the JSON cannot be read, write it as docs/journey.schema.json says: "+err.Error(), "JSON を読み取れません。docs/journey.schema.json の形で書いてください: "+err.Error())
	}
	return s
}

// add records a problem at an offset.
func (s *source) add(path string, offset int, en, ja string) {
	line, col := s.place(offset)
	node, nodeJA := nodeNamed(path)
	s.problems = append(s.problems, &enishi.Error{Code: enishi.Invalid, Field: path, Msg: node + en, MsgJA: nodeJA + ja, Line: line, Col: col})
}

// nodeNamed begins a problem within a node, for a reader who sees no path.
func nodeNamed(path string) (en, ja string) {
	rest, ok := strings.CutPrefix(path, "nodes.")
	if id, _, _ := strings.Cut(rest, "."); ok && id != "" {
		return "node " + strconv.Quote(id) + ": ", "ステップ「" + id + "」: "
	}
	return "", ""
}

// problem records a problem with the value at a path, or with the nearest value around it that is there.
func (s *source) problem(path, en, ja string) { s.add(path, s.offset(path), en, ja) }

func (s *source) offset(path string) int {
	for p := path; p != ""; {
		if at, ok := s.at[p]; ok {
			return at
		}
		cut := strings.LastIndexAny(p, ".[")
		if cut < 0 {
			break
		}
		p = p[:cut]
	}
	return s.at[""]
}

// place turns an offset into line and column, both from 1, the column in characters.
func (s *source) place(offset int) (line, col int) {
	offset = min(offset, len(s.body))
	before := s.body[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// within is the offset of the n-th character (from 0) of the text at a path, escapes counted as what they stand for.
func (s *source) within(path string, n int) int {
	at, ok := s.at[path]
	if !ok || at >= len(s.body) || s.body[at] != '"' {
		return s.offset(path)
	}
	at++
	for ; n > 0 && at < len(s.body) && s.body[at] != '"'; n-- {
		switch {
		case s.body[at] == '\\' && at+1 < len(s.body) && s.body[at+1] == 'u':
			at += 6
		case s.body[at] == '\\':
			at += 2
		default:
			_, size := utf8.DecodeRune(s.body[at:])
			at += size
		}
	}
	return min(at, len(s.body))
}

// scan walks the tokens against a type.
func (s *source) scan(t reflect.Type) {
	dec := json.NewDecoder(bytes.NewReader(s.body))
	dec.UseNumber()
	err := s.value(dec, t, "")
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			s.add("", int(dec.InputOffset()), "there is more text after the definition: take it out", "定義の後ろに余分な文字があります。消してください")
			return
		}
	}
	at := int(dec.InputOffset())
	for at < len(s.body) && strings.IndexByte(" \t\r\n", s.body[at]) >= 0 {
		at++
	}
	s.add("", at, "this is not valid JSON: look at commas, quotes and brackets here ("+err.Error()+")", "JSON として正しくありません。この位置のコンマ、引用符、括弧を確認してください（"+err.Error()+"）")
}

// next is the offset of the next token: after white space and at most one colon or comma.
func (s *source) next(dec *json.Decoder) int {
	at, separator := int(dec.InputOffset()), false
	for ; at < len(s.body); at++ {
		switch s.body[at] {
		case ' ', '\t', '\r', '\n':
		case ':', ',':
			if separator {
				return at
			}
			separator = true
		default:
			return at
		}
	}
	return at
}

// value reads one value; t is nil where anything may stand.
func (s *source) value(dec *json.Decoder, t reflect.Type, path string) error {
	at := s.next(dec)
	s.at[path] = at
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n, ok := tok.(json.Number); ok {
		s.number(n, t, path, at)
	}
	if t != nil && reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) { // it reads itself
		if _, nested := tok.(json.Delim); !nested {
			return nil
		}
		s.add(path, at, "here must stand a text, a number, true or false, not an object or a list", "ここには文字列、数値、true、false のどれかを書いてください")
		t = nil
	}
	want, wantJA := kindName(t)
	got := ""
	switch x := tok.(type) {
	case json.Delim:
		if x == '{' {
			return s.object(dec, t, path, at)
		}
		return s.array(dec, t, path, at)
	case string:
		got = "text"
	case bool:
		got = "true or false"
	case json.Number:
		got = "a number"
	case nil:
		got = "null"
	}
	if t != nil && got != want {
		s.add(path, at, "here must stand "+want+", not "+got, "ここには"+wantJA+"を書いてください")
	}
	return nil
}

// number checks that a number fits where it stands.
func (s *source) number(n json.Number, t reflect.Type, path string, at int) {
	if _, err := n.Float64(); err != nil {
		s.add(path, at, "the number is too large: write a smaller one", "数が大きすぎます。小さい数にしてください")
		return
	}
	if _, err := n.Int64(); err != nil && t != nil && (t.Kind() == reflect.Int || t.Kind() == reflect.Int64) {
		s.add(path, at, "here must stand a whole number", "ここには整数を書いてください")
	}
}

func (s *source) object(dec *json.Decoder, t reflect.Type, path string, at int) error {
	if want, wantJA := kindName(t); t != nil && want != "an object" {
		s.add(path, at, "here must stand "+want+", not an object", "ここには"+wantJA+"を書いてください")
		t = nil
	}
	seen := map[string]bool{}
	for dec.More() {
		keyAt := s.next(dec)
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		name := tok.(string)
		sub := name
		if path != "" {
			sub = path + "." + name
		}
		if seen[name] {
			s.add(sub, keyAt, strconv.Quote(name)+" is given twice: keep one of them", "「"+name+"」が二度書かれています。どちらか一方にしてください")
		}
		seen[name] = true
		var ft reflect.Type
		if t != nil && t.Kind() == reflect.Map {
			ft = t.Elem()
		} else if t != nil {
			var ok bool
			if ft, ok = fieldType(t, name); !ok {
				known := fieldNames(t)
				s.add(sub, keyAt, "there is no field "+strconv.Quote(name)+" here; known: "+strings.Join(known, ", "),
					"「"+name+"」という項目はありません。次のどれかにしてください: "+strings.Join(known, "、"))
			}
		}
		if err := s.value(dec, ft, sub); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func (s *source) array(dec *json.Decoder, t reflect.Type, path string, at int) error {
	var elem reflect.Type
	if want, wantJA := kindName(t); t != nil && want != "a list" {
		s.add(path, at, "here must stand "+want+", not a list", "ここには"+wantJA+"を書いてください")
	} else if t != nil {
		elem = t.Elem()
	}
	for i := 0; dec.More(); i++ {
		if err := s.value(dec, elem, path+"["+itoa(i)+"]"); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// kindName names what JSON a Go type is read from.
func kindName(t reflect.Type) (en, ja string) {
	if t == nil {
		return "", ""
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object", "オブジェクト { }"
	case reflect.Slice:
		return "a list", "リスト [ ]"
	case reflect.String:
		return "text", "文字列"
	case reflect.Bool:
		return "true or false", " true か false "
	}
	return "a number", "数値"
}

func fieldType(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name && tag != "" {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag != "" {
			names = append(names, tag)
		}
	}
	sort.Strings(names)
	return names
}
