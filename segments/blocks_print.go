package segments

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/parser/lexer"

	"enishi"
)

// Print writes the expression of a block. The error, if there is one, joins an [enishi.Error] for each block that is not
// complete or not right; its Field is the place of the block: "blocks" is the outermost one, "blocks.0.2" the third member of
// its first. What is complete is written all the same, so that a builder can count while a new condition is being filled in.
func Print(b Block) (string, error) {
	w := &blockWriter{}
	text := w.block(b, "blocks", nil, 0)
	if len(w.problems) == 0 {
		if len(text) > MaxLength {
			w.fail("blocks", "the expression is longer than %d bytes: split it into several segments", "式が長すぎます（上限 %d バイト）。セグメントを分けてください", MaxLength)
		} else if _, _, err := checkNames(text); err != nil {
			w.refused("blocks", err)
		}
	}
	return text, errors.Join(w.problems...)
}

// blockWriter writes blocks and gathers what is wrong with them.
type blockWriter struct{ problems []error }

func (w *blockWriter) fail(place, en, ja string, args ...any) {
	w.problems = append(w.problems, &enishi.Error{Code: enishi.Invalid, Field: place, Msg: fmt.Sprintf(en, args...), MsgJA: fmt.Sprintf(ja, args...)})
}

// refused puts an error of the language at a block's place; its line and column are of no text that a person sees.
func (w *blockWriter) refused(place string, err error) {
	var e *enishi.Error
	if errors.As(err, &e) {
		w.problems = append(w.problems, &enishi.Error{Code: enishi.Invalid, Field: place, Msg: e.Msg, MsgJA: e.MsgJA})
		return
	}
	w.fail(place, "%s", "%s", err.Error())
}

// block writes a block; empty when nothing of it is complete. l is the list that it is a condition of.
func (w *blockWriter) block(b Block, place string, l *Collection, depth int) string {
	if depth > maxDepth {
		w.fail(place, "groups are nested deeper than %d levels", "グループの入れ子が深すぎます（上限 %d 段）", maxDepth)
		return ""
	}
	text := ""
	switch b.Kind {
	case BlockAll, BlockAny, BlockNone:
		return w.group(b, place, l, depth)
	case BlockList:
		before := len(w.problems)
		text = w.list(b, place, l, depth)
		if len(w.problems) > before {
			return ""
		}
	case BlockValue:
		text = w.value(b, place, l)
	case BlockText:
		if text = trimmed(b.Text); text == "" {
			w.fail(place, "write a condition", "条件を書いてください")
		}
	default:
		w.fail(place, "there is no block %q", "「%s」というブロックはありません", b.Kind)
	}
	if text == "" {
		return ""
	}
	alone := text
	if l != nil {
		alone = "any(" + l.Name + ", " + text + ")"
	}
	if _, _, err := checkNames(alone); err != nil {
		w.refused(place, err)
		return ""
	}
	if b.Kind == BlockText && depth > 0 && loose(text) {
		return "(" + text + ")"
	}
	return text
}

// group joins what its members give.
func (w *blockWriter) group(b Block, place string, l *Collection, depth int) string {
	if len(b.Blocks) == 0 {
		w.fail(place, "add a condition", "条件を追加してください")
	}
	sign := " && "
	if b.Kind != BlockAll {
		sign = " || "
	}
	if depth == 0 && b.Kind != BlockNone {
		sign = "\n  " + strings.TrimLeft(sign, " ")
	}
	text := strings.Join(w.members(b.Blocks, place, l, depth), sign)
	if b.Kind == BlockNone && text != "" {
		return "!(" + text + ")"
	}
	return text
}

// members writes each block as a part of a group.
func (w *blockWriter) members(blocks []Block, place string, l *Collection, depth int) []string {
	var parts []string
	for i, m := range blocks {
		text := w.block(m, place+"."+strconv.Itoa(i), l, depth+1)
		if text == "" {
			continue
		}
		if m.Kind == BlockAll || m.Kind == BlockAny {
			text = "(" + text + ")"
		}
		parts = append(parts, text)
	}
	return parts
}

// value writes a condition on a field.
func (w *blockWriter) value(b Block, place string, l *Collection) string {
	if _, ok := questionOf(b.Field); ok && l == nil {
		return w.question(b, place)
	}
	path, kind, ok := written(b.Field, l)
	switch {
	case b.Field == "":
		w.fail(place, "choose a field", "項目を選んでください")
		return ""
	case !ok:
		w.fail(place, "there is no field %q", "「%s」という項目はありません", b.Field)
		return ""
	}
	if b.Operator == "false" && kind == Bool {
		return "!" + path
	}
	if b.Fold {
		if !foldable(kind) || slices.Contains([]string{"present", "missing", "true", "false"}, b.Operator) {
			w.fail(place, "%s is no text to be folded", "「%s」は表記ゆれを無視して比べられません", path)
			return ""
		}
		path, kind = "fold("+path+")", Text
	}
	return w.comparison(b, place, path, kind)
}

// question writes a call that is a condition by itself.
func (w *blockWriter) question(b Block, place string) string {
	if b.Value == "" {
		w.fail(place, "choose a value", "値を選んでください")
		return ""
	}
	text := b.Field + "(" + strconv.Quote(b.Value) + ")"
	switch b.Operator {
	case "true":
		return text
	case "false":
		return "!" + text
	}
	w.fail(place, "choose how %s is compared", "「%s」の比べ方を選んでください", b.Field)
	return ""
}

// written is a field as an expression names it.
func written(field string, l *Collection) (string, Kind, bool) {
	if l != nil {
		f := l.field(field)
		if f == nil {
			return "", 0, false
		}
		return "." + field, f.Kind, true
	}
	if name, ok := strings.CutPrefix(field, "traits."); ok && name != "" {
		if plainName.MatchString(name) && !reserved(name) {
			return field, Untyped, true
		}
		return "traits[" + strconv.Quote(name) + "]", Untyped, true
	}
	if channel, ok := strings.CutPrefix(field, "consent."); ok {
		return field, Bool, slices.Contains(Channels(), channel)
	}
	if function, name, ok := strings.Cut(field, "."); ok && name != "" && slices.Contains(askedOf(), function) {
		return function + "(" + strconv.Quote(name) + ")", Decimal, true
	}
	f := language().scalar[field]
	if f == nil {
		return "", 0, false
	}
	return field, f.Kind, true
}

// reserved reports whether the lexer takes a name for something else.
func reserved(name string) bool {
	tokens, err := lex(name)
	return err != nil || len(tokens) != 1 || tokens[0].Kind != lexer.Identifier
}

// comparison writes what is said of a path.
func (w *blockWriter) comparison(b Block, place, path string, kind Kind) string {
	if !slices.Contains(Operators(kind), b.Operator) {
		w.fail(place, "choose how %s is compared", "「%s」の比べ方を選んでください", path)
		return ""
	}
	switch b.Operator {
	case "present", "missing":
		return b.Operator + "(" + path + ")"
	case "true", "false":
		if kind == Untyped {
			return path + " == " + b.Operator
		}
		return path
	case "in", "not in":
		return w.oneOf(b, place, path)
	case "between":
		return w.between(b, place, path)
	case "has", "not has":
		text := w.constant(b.As, b.Value, place)
		return strings.TrimSpace(text + " " + strings.Replace(b.Operator, "has", "in", 1) + " " + path)
	}
	text := w.constant(b.As, b.Value, place)
	if text == "" {
		return ""
	}
	return path + " " + b.Operator + " " + text
}

func (w *blockWriter) oneOf(b Block, place, path string) string {
	if len(b.Values) == 0 {
		w.fail(place, "choose a value", "値を選んでください")
		return ""
	}
	parts := make([]string, len(b.Values))
	for i, v := range b.Values {
		if parts[i] = w.constant(b.As, v, place); parts[i] == "" {
			return ""
		}
	}
	return path + " " + b.Operator + " [" + strings.Join(parts, ", ") + "]"
}

func (w *blockWriter) between(b Block, place, path string) string {
	if !plainDay.MatchString(b.Value) || !plainDay.MatchString(b.To) {
		w.fail(place, "choose the first and the last day", "最初の日と最後の日を選んでください")
		return ""
	}
	end, ok := shiftDay(b.To, 1)
	if !ok || b.To < b.Value {
		w.fail(place, "the last day is before the first", "最後の日が最初の日より前です")
		return ""
	}
	return fmt.Sprintf("(%[1]s >= date(%[2]q) && %[1]s < date(%[3]q))", path, b.Value, end)
}

// constant writes a value; empty, with a problem, when there is none.
func (w *blockWriter) constant(as, value, place string) string {
	switch as {
	case asNow:
		return "now()"
	case asText: // the empty text is one
		return strconv.Quote(value)
	case asNumber:
		if plainNumber.MatchString(value) {
			return value
		}
		w.fail(place, "enter a number", "数値を入力してください")
		return ""
	case asAgo, asDate:
		if value != "" {
			return as + "(" + strconv.Quote(value) + ")"
		}
	case asPeriod:
		if _, known := calendarOf(value); known {
			return value + "()"
		}
	}
	w.fail(place, "enter a value", "値を入力してください")
	return ""
}

// list writes a condition on a list.
func (w *blockWriter) list(b Block, place string, in *Collection, depth int) string {
	l := language().list[b.List]
	switch {
	case in != nil:
		w.fail(place, "a list cannot stand inside the conditions of another list", "リストの条件の中に別のリストは入れられません")
		return ""
	case l == nil:
		w.fail(place, "there is no list %q", "「%s」というリストはありません", b.List)
		return ""
	}
	where := strings.Join(w.members(b.Blocks, place, l, depth), " && ")
	if len(b.Blocks) == 1 && (b.Blocks[0].Kind == BlockAny || b.Blocks[0].Kind == BlockAll) {
		where = strings.TrimSuffix(strings.TrimPrefix(where, "("), ")")
	}
	args := l.Name
	if where != "" {
		args += ", " + where
	}
	if b.Quantity == "all" && where == "" {
		w.fail(place, "add what all of them fulfil", "すべてが満たす条件を追加してください")
		return ""
	}
	switch b.Quantity {
	case "none":
		if where == "" {
			return "count(" + args + ") == 0"
		}
		return "none(" + args + ")"
	case "all":
		return "all(" + args + ")"
	case "at_least", "at_most", "exactly":
		n, err := strconv.Atoi(b.Value)
		if err != nil || n < 0 {
			w.fail(place, "enter how many", "件数を入力してください")
			return ""
		}
		if b.Quantity == "at_least" && n == 1 && where != "" {
			return "any(" + args + ")"
		}
		return "count(" + args + ") " + map[string]string{"at_least": ">=", "at_most": "<=", "exactly": "=="}[b.Quantity] + " " + strconv.Itoa(n)
	case "sum", "avg", "min", "max":
		return w.measure(b, place, l, where)
	}
	w.fail(place, "choose how many", "件数の条件を選んでください")
	return ""
}

func (w *blockWriter) measure(b Block, place string, l *Collection, where string) string {
	f := l.field(b.Field)
	if f == nil {
		w.fail(place, "choose what is measured", "集計する項目を選んでください")
		return ""
	}
	source, kind := l.Name, f.Kind
	if where != "" {
		source = "filter(" + l.Name + ", " + where + ")"
	}
	if kind != Instant || b.Operator == "between" {
		kind = Decimal // a measure can be missing
	}
	return w.comparison(b, place, b.Quantity+"("+source+", ."+b.Field+")", kind)
}

// trimmed is a text without what stands around its first and last token: a comment there would swallow what follows.
func trimmed(text string) string {
	tokens, err := lex(text)
	if err != nil || len(tokens) == 0 {
		return strings.TrimSpace(text)
	}
	return string([]rune(text)[tokens[0].From:tokens[len(tokens)-1].To])
}

// loose reports whether a text would be torn apart by what stands beside it in a group.
func loose(text string) bool {
	r, ok := newBlockReader(text)
	return !ok || len(r.split(0, len(r.tokens), "||", "or", "&&", "and", "|", "?", ":", ";", "??", "let", "if", "else")) > 1
}
