package exports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// row is where a row is read into and written from: a struct with a field for each column, made when the columns are known.
type row struct {
	columns []Column
	v       reflect.Value
	into    []any // pointers to its fields
}

// newRow makes the struct. Its tags are those of parquet-go: an optional text or instant is null when it is empty.
func newRow(columns []Column) *row {
	fields := make([]reflect.StructField, len(columns))
	for i := range columns {
		c := &columns[i]
		tag, t := c.Name, reflect.TypeFor[string]()
		switch c.Kind {
		case ID:
			tag += ",optional"
		case JSON:
			tag += ",optional,json"
		case Whole:
			t = reflect.TypeFor[int64]()
		case Stock:
			t = reflect.TypeFor[*int64]()
		case Money:
			t, tag = reflect.TypeFor[int64](), tag+",decimal(4:18)"
		case Instant:
			t, tag = reflect.TypeFor[int64](), tag+",optional,timestamp(millisecond)"
		case Flag:
			t = reflect.TypeFor[bool]()
		case Texts:
			t, tag = reflect.TypeFor[[]string](), tag+",list"
		case TextMap:
			t = reflect.TypeFor[map[string]string]()
		case Numbers:
			t = reflect.TypeFor[map[string]float64]()
		case Wholes:
			t = reflect.TypeFor[map[string]int64]()
		}
		fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: t, Tag: reflect.StructTag(`parquet:"` + tag + `"`)}
	}
	r := &row{columns: columns, v: reflect.New(reflect.StructOf(fields))}
	for i := range columns {
		r.into = append(r.into, r.v.Elem().Field(i).Addr().Interface())
	}
	return r
}

// tidy makes what was read what is written: texts are UTF-8, an event is JSON.
func (r *row) tidy() error {
	for i := range r.columns {
		switch x := r.into[i].(type) {
		case *string:
			if c := &r.columns[i]; c.Kind == JSON && c.Name == "event" {
				text, err := eventText(*x)
				if err != nil {
					return err
				}
				*x = text
				continue
			}
			*x = strings.ToValidUTF8(*x, "�")
		case *[]string:
			for j, s := range *x {
				(*x)[j] = strings.ToValidUTF8(s, "�")
			}
		case *map[string]string:
			for k, s := range *x {
				if key, value := strings.ToValidUTF8(k, "�"), strings.ToValidUTF8(s, "�"); key != k || value != s {
					delete(*x, k)
					(*x)[key] = value
				}
			}
		}
	}
	return nil
}

// eventText is the stored record of an event as docs/events.md has it, without tokens; what the fold itself found has none.
func eventText(record string) (string, error) {
	if record == "" {
		return "", nil
	}
	var e enishi.Event
	if err := enishi.DecodeEvent(&e, []byte(record)); err != nil {
		return "", fmt.Errorf("read an event: %w", err)
	}
	if e.Person != nil {
		e.Person.PushToken = ""
	}
	b, err := json.Marshal(&e)
	return string(b), err
}

// size is about how many bytes the row has.
func (r *row) size() int {
	n := 0
	for _, p := range r.into {
		n += 8
		switch x := p.(type) {
		case *string:
			n += len(*x)
		case *[]string:
			for _, s := range *x {
				n += 16 + len(s)
			}
		case *map[string]string:
			for k, s := range *x {
				n += 16 + len(k) + len(s)
			}
		}
	}
	return n
}

const instantLayout = "2006-01-02T15:04:05.000Z" // RFC 3339

// line appends the row as a JSON object, its members in the order of the columns. Money is decimal text, as in events.
func (r *row) line(b *bytes.Buffer, heads [][]byte, encode func(any) error) error {
	for i := range r.columns {
		b.Write(heads[i])
		c := &r.columns[i]
		var err error
		switch x := r.into[i].(type) {
		case *string:
			switch {
			case *x == "" && (c.Kind == ID || c.Kind == JSON):
				b.WriteString("null")
			case c.Kind == JSON && json.Valid([]byte(*x)):
				err = json.Compact(b, []byte(*x))
			default:
				err = encode(*x)
			}
		case *int64:
			switch {
			case c.Kind == Money:
				b.WriteString(`"` + enishi.Amount(*x).String() + `"`)
			case c.Kind != Instant:
				b.Write(strconv.AppendInt(b.AvailableBuffer(), *x, 10))
			case *x == 0:
				b.WriteString("null")
			default:
				b.WriteString(`"` + time.UnixMilli(*x).UTC().Format(instantLayout) + `"`)
			}
		case *bool:
			b.Write(strconv.AppendBool(b.AvailableBuffer(), *x))
		case *[]string:
			if *x == nil {
				*x = []string{}
			}
			err = encode(*x)
		case **int64:
			err = encode(*x)
		case *map[string]string:
			err = encode(object(*x))
		case *map[string]float64:
			err = encode(object(*x))
		case *map[string]int64:
			err = encode(object(*x))
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	b.WriteString("}\n")
	return nil
}

// object is never null.
func object[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// cells gives the row for CSV: what a spreadsheet would calculate gets an apostrophe, lists and maps are JSON, null is empty.
func (r *row) cells(out []string) error {
	for i := range r.columns {
		var v any
		switch x := r.into[i].(type) {
		case *string:
			out[i] = notFormula(*x)
			continue
		case *int64:
			switch k := r.columns[i].Kind; {
			case k == Money:
				out[i] = enishi.Amount(*x).String()
			case k != Instant:
				out[i] = strconv.FormatInt(*x, 10)
			case *x == 0:
				out[i] = ""
			default:
				out[i] = time.UnixMilli(*x).UTC().Format(instantLayout)
			}
			continue
		case *bool:
			out[i] = strconv.FormatBool(*x)
			continue
		case **int64:
			if out[i] = ""; *x != nil {
				out[i] = strconv.FormatInt(**x, 10)
			}
			continue
		case *[]string:
			if v = *x; *x == nil {
				v = []string{}
			}
		case *map[string]string:
			v = object(*x)
		case *map[string]float64:
			v = object(*x)
		case *map[string]int64:
			v = object(*x)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("column %s: %w", r.columns[i].Name, err)
		}
		out[i] = string(text)
	}
	return nil
}

// notFormula puts an apostrophe before what a spreadsheet would calculate, as OWASP advises against CSV injection; full-width forms, which
// Japanese spreadsheets take too, and a line break at the beginning included. Exports of people do the same.
func notFormula(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s[:min(len(s), 4)])[0]) {
		return s
	}
	return "'" + s
}
