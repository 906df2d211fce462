package channels

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/expressions"
	liquidfilters "github.com/osteele/liquid/filters"
	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
	liquidtags "github.com/osteele/liquid/tags"
)

// Limits of one rendered part.
const (
	maxRenderOutput = 512 << 10
	maxSource       = 512 << 10
	maxElements     = 10_000  // of an array that a filter makes
	maxSteps        = 100_000 // some 50 ms on a processor of its own
	// slowest is no limit of the template: whoever shares the processors with it could make a good one miss it. What takes
	// longer is tried again.
	slowest = 2 * time.Second
)

var (
	errTooLong  = fmt.Errorf("the template makes more than %d KB", maxRenderOutput>>10)
	errTooSlow  = fmt.Errorf("the template takes more than %d steps", maxSteps)
	errOverload = errors.New("filling the template in took too long")
	errMissing  = errors.New("the variable has no value")
)

// markup is text that is HTML already: what a template captured, or what the filter escape made.
type markup string

// encoded is text that is percent-encoded already.
type encoded string

// budget bounds the work of one rendering. It lies in the bindings under a name that no template can write.
type budget struct {
	begun time.Time
	steps int
	text  []byte // of the object that is being written
	now   func() time.Time
}

const (
	budgetName   = " budget"
	passagesName = " passages" // those of a part, likewise
	passageTag   = "__passage"
)

// step counts a step: a write, or a turn of a loop. A machine under load makes a good template slow and never long, so the
// count decides.
func (b *budget) step() error {
	if b.steps++; b.steps > maxSteps {
		return errTooSlow
	}
	if b.steps%16 != 0 { // looking at the clock costs more than most steps
		return nil
	}
	if b.now().Sub(b.begun) > slowest {
		return errOverload
	}
	return nil
}

// limited is the writer of one rendering.
type limited struct {
	out    strings.Builder
	budget *budget
}

func (w *limited) Write(p []byte) (int, error) {
	if w.out.Len()+len(p) > maxRenderOutput {
		return 0, errTooLong
	}
	if err := w.budget.step(); err != nil {
		return 0, err
	}
	return w.out.Write(p)
}

// WriteString spares io.WriteString a copy.
func (w *limited) WriteString(s string) (int, error) {
	if w.out.Len()+len(s) > maxRenderOutput {
		return 0, errTooLong
	}
	if err := w.budget.step(); err != nil {
		return 0, err
	}
	return w.out.WriteString(s)
}

// newEngine makes the one engine of a Renderer. It knows no way to files, no Go values, no method calls.
func newEngine() *render.Config {
	e := render.NewConfig()
	liquidfilters.AddStandardFilters(&e)
	liquidtags.AddStandardTags(e)
	e.AddTag("__tick", func(string) (func(io.Writer, render.Context) error, error) {
		return func(_ io.Writer, ctx render.Context) error {
			if b, ok := ctx.Get(budgetName).(*budget); ok {
				return b.step()
			}
			return nil
		}, nil
	})
	e.AddTag(passageTag, func(source string) (func(io.Writer, render.Context) error, error) {
		n, err := strconv.Atoi(strings.TrimSpace(source))
		return func(w io.Writer, ctx render.Context) error { return ctx.Get(passagesName).([]passage)[n].write(w, ctx) }, err
	})
	// The library knows a capture already and lets nobody replace it: the compiler writes ours instead.
	e.AddBlock("__capture").Renderer(func(_ io.Writer, ctx render.Context) error {
		s, err := ctx.InnerString()
		if err != nil {
			return err
		}
		if len(s) > maxRenderOutput {
			return errTooLong
		}
		ctx.Set(strings.TrimSpace(ctx.TagArgs()), markup(s))
		return nil
	})
	for name, escape := range escapers {
		e.AddTag(name, output(escape))
	}
	safeFilters(&e)
	moneyFilters(&e)
	return &e
}

// escaper makes a value harmless for one kind of place. s is the value as text.
type escaper func(s string, v any) (string, error)

// output is the tag that stands for an object: it writes the value of its expression, escaped.
func output(escape escaper) render.TagCompiler {
	return func(source string) (func(io.Writer, render.Context) error, error) {
		p, err := newPiece(escape, source)
		return func(w io.Writer, ctx render.Context) error { return p.write(w, ctx) }, err
	}
}

var dotted = regexp.MustCompile(`^[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*$`)

// evaluator compiles an expression. A plain path through objects, which most are, is looked up directly: the library goes
// by reflection.
func evaluator(source string) (func(scope) (any, error), error) {
	expr, err := expressions.Parse(source)
	if err != nil {
		return nil, err
	}
	if !dotted.MatchString(source) {
		return func(ctx scope) (any, error) { return ctx.Evaluate(expr) }, nil
	}
	path := strings.Split(source, ".")
	for _, name := range path {
		switch name {
		case "size", "first", "last", "true", "false", "nil", "blank", "empty": // the library's own
			return func(ctx scope) (any, error) { return ctx.Evaluate(expr) }, nil
		}
	}
	return func(ctx scope) (any, error) {
		v := ctx.Get(path[0])
		for _, name := range path[1:] {
			m, ok := v.(map[string]any)
			if !ok {
				return ctx.Evaluate(expr)
			}
			v = m[name]
		}
		return v, nil
	}, nil
}

// escapers are by the names that the compiler writes.
var escapers = map[string]escaper{
	escText: func(s string, _ any) (string, error) { return s, nil },
	escLine: func(s string, _ any) (string, error) { return oneLine(s), nil },
	escHTML: func(s string, v any) (string, error) {
		if m, ok := v.(markup); ok {
			return string(m), nil
		}
		return html.EscapeString(s), nil
	},
	escAttr: func(s string, v any) (string, error) {
		if m, ok := v.(markup); ok {
			s = html.UnescapeString(string(m))
		}
		return html.EscapeString(s), nil
	},
	escURL: func(s string, v any) (string, error) {
		if m, ok := v.(markup); ok {
			s = html.UnescapeString(string(m))
		}
		s = strings.TrimSpace(s)
		if !safeURL(s) {
			return "", fmt.Errorf("%q is not an address that a link may have: use https, http, mailto, tel or line", clip(s, 60))
		}
		return html.EscapeString(normaliseURL(s)), nil
	},
	escPath: func(s string, _ any) (string, error) { return html.EscapeString(normaliseURL(s)), nil },
	escQuery: func(s string, v any) (string, error) {
		if x, ok := v.(encoded); ok {
			return html.EscapeString(string(x)), nil
		}
		return queryEscape(s), nil
	},
	escCSS: func(s string, _ any) (string, error) {
		if !cssValue.MatchString(s) {
			return "", fmt.Errorf("%q cannot stand in a style", clip(s, 60))
		}
		return s, nil
	},
	escJSON: func(s string, _ any) (string, error) {
		quoted, err := jsonText(s)
		if err != nil {
			return "", err
		}
		return quoted[1 : len(quoted)-1], nil
	},
	escValue: func(s string, v any) (string, error) {
		switch v.(type) {
		case markup, encoded, string:
			return jsonText(s)
		}
		b, err := json.Marshal(v)
		return string(b), err
	},
}

// cssValue is what a variable may put into a style: colours, lengths, words.
var cssValue = regexp.MustCompile(`^[#%.,\w -]{0,64}$`)

// plain is a value as a person would read it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case encoded:
		return string(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	case time.Time:
		return v.Format(time.RFC3339)
	case []any:
		var b strings.Builder
		for _, x := range v {
			b.WriteString(plain(x))
		}
		return b.String()
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// oneLine is text without line ends and control characters.
func oneLine(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) }), " ")
}

func jsonText(s string) (string, error) {
	b, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	return string(b), err
}

// safeFilters replace the library's filters that panic, cut characters in two, or grow without bound.
func safeFilters(e *render.Config) {
	grown := func(s string) (string, error) {
		if len(s) > maxRenderOutput {
			return "", errTooLong
		}
		return s, nil
	}
	e.AddFilter("append", func(s, suffix string) (string, error) { return grown(s + suffix) })
	e.AddFilter("prepend", func(s, prefix string) (string, error) { return grown(prefix + s) })
	e.AddFilter("replace", func(s, old, by string) (string, error) {
		if n := strings.Count(s, old); n > 0 && len(s)+n*(len(by)-len(old)) > maxRenderOutput {
			return "", errTooLong
		}
		return strings.ReplaceAll(s, old, by), nil
	})
	e.AddFilter("concat", func(a, b []any) ([]any, error) {
		if len(a)+len(b) > maxElements {
			return nil, errTooLong
		}
		return append(append(make([]any, 0, len(a)+len(b)), a...), b...), nil
	})
	e.AddFilter("split", func(s, sep string) ([]any, error) {
		if strings.Count(s, sep) > maxElements {
			return nil, errTooLong
		}
		parts := strings.Split(s, sep)
		if sep == " " {
			parts = strings.Fields(s)
		}
		out := make([]any, len(parts))
		for i, p := range parts {
			out[i] = p
		}
		return out, nil
	})
	e.AddFilter("join", func(a []any, sep func(string) string) (string, error) {
		parts := make([]string, 0, len(a))
		for _, v := range a {
			if v != nil {
				parts = append(parts, plain(v))
			}
		}
		return grown(strings.Join(parts, sep(" ")))
	})
	e.AddFilter("capitalize", func(s string) string {
		r, n := utf8.DecodeRuneInString(s)
		return string(unicode.ToUpper(r)) + s[n:]
	})
	e.AddFilter("slice", func(s string, start int, length func(int) int) string {
		r := []rune(s)
		if start < 0 {
			start += len(r)
		}
		if start < 0 || start >= len(r) {
			return ""
		}
		return string(r[start:min(len(r), start+max(0, min(length(1), len(r))))])
	})
	e.AddFilter("truncate", func(s string, length func(int) int, ellipsis func(string) string) string {
		r, end := []rune(s), []rune(ellipsis("..."))
		n := length(50)
		if len(r) <= n {
			return s
		}
		return string(r[:max(0, n-len(end))]) + string(end)
	})
	e.AddFilter("truncatewords", func(s string, length func(int) int, ellipsis func(string) string) string {
		words, n := strings.Fields(s), length(15)
		if len(words) <= n {
			return s
		}
		return strings.Join(words[:max(0, n)], " ") + ellipsis("...")
	})
	e.AddFilter("uniq", func(a []any) (out []any) {
		seen := map[string]bool{}
		for _, v := range a {
			if key := fmt.Sprintf("%T %v", v, v); !seen[key] {
				seen[key] = true
				out = append(out, v)
			}
		}
		return out
	})
	e.AddFilter("escape", func(v any) any { return escaped(v) })
	e.AddFilter("escape_once", func(v any) any {
		return markup(html.EscapeString(html.UnescapeString(plain(v))))
	})
	e.AddFilter("newline_to_br", func(v any) any {
		return markup(strings.ReplaceAll(string(escaped(v)), "\n", "<br>\n"))
	})
	e.AddFilter("url_encode", func(s string) encoded { return encoded(queryEscape(s)) })
}

func escaped(v any) markup {
	if m, ok := v.(markup); ok {
		return m
	}
	return markup(html.EscapeString(plain(v)))
}

// moneyFilters write numbers and names as people read them.
func moneyFilters(e *render.Config) {
	e.AddFilter("sama", func(v any) string { return sama(plain(v)) })
	e.AddFilter("number", func(v any) (string, error) { return grouped(v) })
	e.AddFilter("yen", func(v any) (string, error) {
		s, err := grouped(v)
		if rest, negative := strings.CutPrefix(s, "-"); negative {
			return "-¥" + rest, err
		}
		return "¥" + s, err
	})
}

// grouped writes 12345.5 as 12,345.5.
func grouped(v any) (string, error) {
	if v == nil {
		return "", errMissing
	}
	s := strings.TrimSpace(plain(v))
	if f, err := strconv.ParseFloat(s, 64); err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(s, "eExXpP_") {
		return "", fmt.Errorf("%q is no number", clip(s, 40))
	}
	sign := ""
	if s[0] == '-' || s[0] == '+' {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	whole, frac, dotted := strings.Cut(s, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if dotted && strings.Trim(frac, "0") != "" {
		b.WriteByte('.')
		b.WriteString(frac)
	}
	return b.String(), nil
}

// scan splits a source into the library's own tokens.
func scan(source string) []parser.Token {
	return parser.Scan(source, parser.SourceLoc{LineNo: 1}, nil)
}
