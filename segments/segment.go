package segments

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"enishi/profiles"
)

// Label is a text in both languages; either may be empty.
type Label struct {
	JA string `json:"ja,omitempty"`
	EN string `json:"en,omitempty"`
}

// Body is the body of a definition of kind segment.
type Body struct {
	Title       Label  `json:"title"`
	Description Label  `json:"description,omitzero"`
	Expression  string `json:"expression"`
	Owner       string `json:"owner,omitempty"`
	Folder      string `json:"folder,omitempty"`
}

// Segment is one version of a definition, ready to be evaluated. It is immutable.
type Segment struct {
	Name    string
	Version int64
	Body    Body

	root    *node
	tree    ast.Node
	took    map[Reference]string // what the expression took in from the library, also by way of others
	cuts    map[string]*Cuts     // of the rankings among it
	zone    *time.Location
	match   test
	verdict verdict // nil: time changes nothing
}

// Check reports what is wrong with an expression: an [enishi.Error] with line and column of the expression, and the fix in
// words, in both languages. nil: every evaluator can have it.
func Check(expression string) error {
	_, _, err := check(expression)
	return err
}

// ParseBody reads the body of a definition. Unknown keys are refused; an error names the line and column of the JSON.
func ParseBody(body []byte) (Body, error) {
	var b Body
	place := func(offset int64, en, ja string, args ...any) (Body, error) {
		return Body{}, failf(string(body), file.Location{From: len([]rune(string(body[:min(max(int(offset), 0), len(body))])))}, en, ja, args...)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(&b)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
	case errors.As(err, &syntax):
		return place(syntax.Offset-1, "this is no valid JSON: %s", "JSON として読めません%.0s", syntax.Error()) // the place says it; the words are English
	case errors.As(err, &kind):
		return Body{}, wrongKind(body, kind)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return place(int64(len(body)), "the definition ends too early", "定義が途中で終わっています")
	default:
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			key := strings.Trim(name, `"`)
			en, ja := suggest(key, []string{"title", "description", "expression", "owner", "folder", "ja", "en"})
			return place(int64(bytes.Index(body, []byte(name))), "there is no key %[1]q%[2]s", "「%[1]s」というキーはありません%[3]s", key, en, ja)
		}
		return place(0, "this is no definition of a segment: %s", "セグメントの定義として読めません: %s", err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return place(d.InputOffset()-1, "something follows the definition", "定義の後に余分な文字があります")
	}
	return b, nil
}

func wrongKind(body []byte, e *json.UnmarshalTypeError) error {
	at := file.Location{From: len([]rune(string(body[:min(max(int(e.Offset)-1, 0), len(body))])))}
	err := failf(string(body), at, "a text is expected here, not %[1]s", "ここには文字列が必要です（%[1]s ではありません）", e.Value)
	if e.Type.Kind().String() == "struct" {
		err = failf(string(body), at, "an object such as {\"ja\": \"...\", \"en\": \"...\"} is expected here, not %[1]s", "ここには {\"ja\": \"...\", \"en\": \"...\"} が必要です（%[1]s ではありません）", e.Value)
	}
	err.Field = e.Field
	return err
}

// Compile makes a segment from the body of version version of the definition name; it cannot name other segments
// ([Library.Compile] can). Errors in the expression have the field "expression" and its line and column.
func Compile(name string, version int64, body []byte) (*Segment, error) {
	return Library{}.Compile(name, version, body)
}

// Match reports whether the person is in the segment at now.
func (s *Segment) Match(v *profiles.View, now time.Time) bool { return s.match(v, now.UnixMilli(), 0) }

// NextChange is the earliest instant after now at which the clock alone may change the answer: perhaps too early, never too
// late. Zero: never.
func (s *Segment) NextChange(v *profiles.View, now time.Time) time.Time {
	_, until := s.evaluate(v, now.UnixMilli())
	return instant(until)
}

func instant(ms int64) time.Time {
	if ms == never {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// evaluate is Match and NextChange in one.
func (s *Segment) evaluate(v *view, now int64) (bool, int64) {
	if s.verdict == nil {
		return s.match(v, now, 0), never
	}
	return s.verdict(v, now, 0)
}

// Depends are the parts of a profile that the answer is made from.
func (s *Segment) Depends() profiles.Change { return s.root.inputs }

// Timed reports whether the clock alone can change the answer.
func (s *Segment) Timed() bool { return s.root.timed }
