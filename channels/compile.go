package channels

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"

	"enishi"
)

// part is one compiled text of a template.
type part struct {
	name string      // where in the body, e.g. variants.ja.html
	root render.Node // nil: there are no tags
	raw  string      // the source, when there is nothing to fill in at all
	cfg  *render.Config
	size atomic.Int64 // about what it gives
	text []passage    // by the numbers that tags name; without root there is one, or none
}

// allowedTags are the tags a template may use. What reads files or grows without bound is not among them.
var allowedTags = map[string]bool{"assign": true, "capture": true, "endcapture": true, "case": true, "when": true, "endcase": true,
	"comment": true, "endcomment": true, "for": true, "endfor": true, "break": true, "continue": true, "cycle": true, "if": true, "elsif": true,
	"else": true, "endif": true, "unless": true, "endunless": true, "raw": true, "endraw": true}

// compilePart compiles a source so that each object is escaped for the place where it stands, and each loop counts its
// steps. The error is an [enishi.Error] with the line.
func (l *library) compilePart(name, source string, at place) (*part, error) {
	if len(source) > maxSource {
		return nil, problem(name, 0, "the template is larger than 512 KB", "テンプレートが 512 KB を超えています")
	}
	if !strings.Contains(source, "{{") && !strings.Contains(source, "{%") {
		return &part{name: name, raw: source}, nil
	}
	w := &rewriter{name: name, at: at, lib: l}
	for _, tok := range scan(source) {
		if err := w.token(tok); err != nil {
			return nil, err
		}
	}
	if len(w.blocks) > 0 {
		b := w.blocks[len(w.blocks)-1]
		return nil, problem(name, b.line, "this "+b.tag+" has no end"+b.tag, "この "+b.tag+" に対応する end"+b.tag+" がありません")
	}
	if w.flush(); !w.other {
		return &part{name: name, cfg: l.engine, text: w.done}, nil
	}
	root, err := l.engine.Compile(w.out.String(), parser.SourceLoc{LineNo: 1})
	if err != nil {
		return nil, problem(name, err.LineNumber(), clean(err), "テンプレートの書き方が正しくありません: "+clean(err))
	}
	return &part{name: name, root: root, cfg: l.engine, text: w.done}, nil
}

func problem(name string, line int, msg, ja string) *enishi.Error {
	col := 0
	if line > 0 {
		col = 1
	}
	return &enishi.Error{Code: enishi.Invalid, Field: name, Line: line, Col: col, Msg: msg, MsgJA: ja}
}

// rewriter writes a source anew, token by token.
type rewriter struct {
	name   string
	at     place
	out    strings.Builder
	blocks []block
	raw    string // the tag that ends what is not looked at
	lib    *library
	block  string // the shared block whose tokens are being written; "" outside
	taken  int    // the line of its tag

	done  []passage
	text  passage // that is being put together
	lines int     // line ends in it
	other bool    // something else stands in out
}

// breaks are line ends that keep the library's line numbers right. A block's own lines are not the template's.
func (w *rewriter) breaks(n int) string {
	if w.block != "" {
		return ""
	}
	return strings.Repeat("\n", n)
}

// flush ends a passage: one tag stands for it by its number, and keeps its line ends.
func (w *rewriter) flush() {
	if len(w.text) == 0 {
		return
	}
	fmt.Fprintf(&w.out, "{%% %s %d%s %%}", passageTag, len(w.done), strings.Repeat("\n", w.lines))
	w.done = append(w.done, w.text)
	w.text, w.lines = nil, 0
}

// block is an open block tag.
type block struct {
	tag   string
	line  int
	start place // where it began
	ends  place // of the branches so far, merged; nil: none yet
	full  bool  // one of its branches is always taken
}

func (w *rewriter) token(tok parser.Token) error {
	line := tok.SourceLoc.LineNo
	switch {
	case w.raw != "":
		w.out.WriteString(tok.Source)
		if tok.Type == parser.TagTokenType && tok.Name == w.raw {
			w.raw = ""
		} else if w.raw == "endraw" {
			w.at.text(tok.Source)
		}
	case tok.Type == parser.TextTokenType:
		if i := strings.Index(tok.Source, "{{"); i >= 0 {
			return problem(w.name, line+strings.Count(tok.Source[:i], "\n"), "{{ has no }}", "{{ に対応する }} がありません")
		}
		if i := strings.Index(tok.Source, "{%"); i >= 0 {
			return problem(w.name, line+strings.Count(tok.Source[:i], "\n"), "{% has no %}", "{% に対応する %} がありません")
		}
		w.at.text(tok.Source)
		w.text = append(w.text, piece{text: []byte(tok.Source)})
		w.lines += len(w.breaks(strings.Count(tok.Source, "\n")))
	case tok.Type == parser.ObjTokenType:
		return w.object(tok)
	case tok.Type == parser.TagTokenType:
		return w.tag(tok)
	}
	return nil
}

var (
	ownNames = regexp.MustCompile(`\b__[a-z]`)
	ranges   = regexp.MustCompile(`\.\.`)
	quotes   = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	filters  = regexp.MustCompile(`\|\s*(\w*)`)
)

// allowedFilters are the filters a template may use. The library would find an unknown one only while it sends.
var allowedFilters = map[string]bool{"default": true, "json": true, "compact": true, "concat": true, "join": true, "map": true, "reverse": true, "sort": true,
	"first": true, "last": true, "uniq": true, "date": true, "abs": true, "ceil": true, "floor": true, "modulo": true, "minus": true, "plus": true,
	"times": true, "divided_by": true, "round": true, "size": true, "append": true, "capitalize": true, "downcase": true, "escape": true,
	"escape_once": true, "newline_to_br": true, "prepend": true, "remove": true, "remove_first": true, "replace": true, "replace_first": true,
	"slice": true, "split": true, "strip_html": true, "strip_newlines": true, "strip": true, "lstrip": true, "rstrip": true, "truncate": true,
	"truncatewords": true, "upcase": true, "url_encode": true, "url_decode": true, "number": true, "yen": true, "sama": true}

// expression refuses what a template may not say.
func (w *rewriter) expression(args string, line int, rangeAllowed bool) error {
	bare := quotes.ReplaceAllString(args, `""`)
	if ownNames.MatchString(bare) {
		return problem(w.name, line, "names may not begin with __", "__ で始まる名前は使えません")
	}
	for _, m := range filters.FindAllStringSubmatch(bare, -1) {
		if !allowedFilters[m[1]] {
			return problem(w.name, line, "there is no filter "+m[1], "「"+m[1]+"」というフィルターは使えません")
		}
	}
	if ranges.MatchString(bare) && (!rangeAllowed || strings.Contains(bare, "|")) {
		return problem(w.name, line, "a range such as (1..5) may stand in a for only", "(1..5) のような範囲は for の中でだけ使えます")
	}
	return nil
}

func (w *rewriter) object(tok parser.Token) error {
	line := tok.SourceLoc.LineNo
	if err := w.expression(tok.Args, line, false); err != nil {
		return err
	}
	w.lib.asked.note("", tok.Args)
	filter, err := w.at.object()
	if err != nil {
		return problem(w.name, line, err.Error()+": "+tok.Source, "ここに変数は置けません: "+tok.Source)
	}
	if strings.Contains(tok.Args, "%}") {
		return problem(w.name, line, "%} may not stand in {{ }}", "{{ }} の中に %} は書けません")
	}
	// The same as without: what is written here is escaped anyway.
	args := tok.Args
	if bare, ok := strings.CutSuffix(args, "escape"); ok && (filter == escHTML || filter == escAttr) {
		if bare, ok = strings.CutSuffix(strings.TrimSpace(bare), "|"); ok {
			args = strings.TrimSpace(bare)
		}
	}
	if !strings.HasPrefix(tok.Source, "{{-") && !strings.HasSuffix(tok.Source, "-}}") {
		if w.block != "" {
			line = w.taken
		}
		p, err := objectPiece(filter, args, line)
		if err != nil {
			return problem(w.name, line, clean(err), "テンプレートの書き方が正しくありません: "+clean(err))
		}
		w.text = append(w.text, p)
		w.lines += len(w.breaks(strings.Count(tok.Source, "\n")))
		return nil
	}
	w.flush()
	w.other = true
	open, end := "{% ", " %}" // the library takes white space away
	if strings.HasPrefix(tok.Source, "{{-") {
		open = "{%- "
	}
	if strings.HasSuffix(tok.Source, "-}}") {
		end = " -%}"
	}
	// Line ends within the object stay, so that the library's line numbers are right.
	w.out.WriteString(open + filter + " " + args + w.breaks(strings.Count(tok.Source, "\n")-strings.Count(args, "\n")) + end)
	return nil
}

func (w *rewriter) tag(tok parser.Token) error {
	line := tok.SourceLoc.LineNo
	if tok.Name == "block" {
		return w.take(tok.Args, line)
	}
	if !allowedTags[tok.Name] {
		return problem(w.name, line, "there is no tag "+tok.Name, "「"+tok.Name+"」というタグは使えません")
	}
	if err := w.expression(tok.Args, line, tok.Name == "for"); err != nil {
		return err
	}
	w.lib.asked.note(tok.Name, tok.Args)
	w.flush()
	w.other = true
	if strings.HasSuffix(tok.Name, "capture") {
		w.out.WriteString(strings.Replace(tok.Source, "capture", "__capture", 1))
	} else {
		w.out.WriteString(tok.Source)
	}
	switch tok.Name {
	case "raw", "comment":
		w.raw = "end" + tok.Name
	case "for":
		w.open(tok)
		w.out.WriteString("{% __tick %}")
	case "if", "unless", "case":
		w.open(tok)
	case "capture":
		w.open(tok)
		if _, ok := w.at.(*htmlPlace); ok {
			w.at = &htmlPlace{}
		}
	case "elsif", "else", "when":
		return w.branch(tok)
	case "endfor", "endif", "endunless", "endcase", "endcapture":
		return w.close(tok)
	}
	return nil
}

func (w *rewriter) open(tok parser.Token) {
	w.blocks = append(w.blocks, block{tag: tok.Name, line: tok.SourceLoc.LineNo, start: w.at.clone()})
	w.at = w.at.clone()
}

// branch ends one branch and begins the next where the block began.
func (w *rewriter) branch(tok parser.Token) error {
	if len(w.blocks) == 0 {
		return problem(w.name, tok.SourceLoc.LineNo, tok.Name+" stands in no block", tok.Name+" の前に if などがありません")
	}
	b := &w.blocks[len(w.blocks)-1]
	if b.tag == "case" && tok.Name == "when" && b.ends == nil {
		b.ends = b.start.clone() // nothing stands before the first when
	} else if err := w.join(b, tok); err != nil {
		return err
	}
	b.full = b.full || tok.Name == "else" && b.tag != "for" // a loop's body goes on where it began
	w.at = b.start.clone()
	return nil
}

func (w *rewriter) join(b *block, tok parser.Token) error {
	if b.ends == nil {
		b.ends = w.at
		return nil
	}
	if !b.ends.merge(w.at) {
		return problem(w.name, tok.SourceLoc.LineNo, "the branches of this "+b.tag+" (line "+fmt.Sprint(b.line)+") end at different places: keep whole tags and attributes in each",
			"この "+b.tag+"（"+fmt.Sprint(b.line)+" 行目）の各分岐で、タグや属性の開閉をそろえてください")
	}
	return nil
}

func (w *rewriter) close(tok parser.Token) error {
	line := tok.SourceLoc.LineNo
	if len(w.blocks) == 0 || "end"+w.blocks[len(w.blocks)-1].tag != tok.Name {
		return problem(w.name, line, tok.Name+" ends nothing", tok.Name+" に対応する開始タグがありません")
	}
	b := &w.blocks[len(w.blocks)-1]
	w.blocks = w.blocks[:len(w.blocks)-1]
	if b.tag == "capture" {
		if h, ok := w.at.(*htmlPlace); ok && h.state != htmlText {
			return problem(w.name, line, "a capture must hold whole tags", "capture の中ではタグを閉じてください")
		}
		w.at = b.start
		return nil
	}
	if err := w.join(b, tok); err != nil {
		return err
	}
	if !b.full { // it may be passed over
		w.at = b.start
		if err := w.join(b, tok); err != nil {
			return err
		}
	}
	w.at = b.ends
	return nil
}

// render fills a part in. The library works on a copy of vars.
func (p *part) render(vars map[string]any, now func() time.Time) (out string, err error) {
	if p.root == nil && len(p.text) == 0 {
		return p.raw, nil
	}
	b := &budget{begun: now(), now: now}
	vars[budgetName], vars[passagesName] = b, p.text
	w := &limited{budget: b}
	w.out.Grow(int(p.size.Load()))
	defer func() {
		if r := recover(); r != nil { // the library panics on wrong types of filters' arguments, and when writing fails
			err = p.failed(fmt.Errorf("%v", r))
			if e, ok := r.(error); ok {
				err = p.failed(e)
			}
			out = ""
		}
	}()
	if p.root == nil {
		err = p.text[0].write(w, bindings{vars, p.cfg})
	} else if e := render.Render(p.root, w, vars, *p.cfg); e != nil {
		err = e
	}
	if err != nil {
		return "", p.failed(err)
	}
	if n := int64(w.out.Len()); n > p.size.Load() {
		p.size.Store(n + n/8)
	}
	return w.out.String(), nil
}

func (p *part) failed(err error) error {
	for _, limit := range [...]error{errTooLong, errTooSlow, errOverload} {
		if errors.Is(err, limit) || strings.Contains(err.Error(), limit.Error()) {
			return fmt.Errorf("%s: %w", p.name, limit)
		}
	}
	return fmt.Errorf("%s: %s", p.name, clean(err))
}

var (
	ownOutput    = regexp.MustCompile(`\{%-? __[a-z]+ (.*?)\s*-?%\}`)
	lineOf       = regexp.MustCompile(`^\(line (\d+)\)`)
	quotedReason = regexp.MustCompile(`\("([^"]*)"\)`)
)

// clean takes our own additions out of the library's words, and its stack traces.
func clean(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\nOriginal stacktrace")
	text = strings.TrimLeft(strings.TrimPrefix(text, "Liquid error"), ": ")
	text = ownOutput.ReplaceAllString(text, "{{ $1 }}")
	text = lineOf.ReplaceAllString(text, "line $1")
	text = quotedReason.ReplaceAllString(text, "$1")
	return clip(text, 300)
}
