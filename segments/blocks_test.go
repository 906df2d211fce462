package segments

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"enishi"
)

// TestBlocks: what a marketer would build, both ways.
func TestBlocks(t *testing.T) {
	t.Parallel()
	f := func(expression string, want Block) {
		t.Helper()
		got, err := Blocks(expression)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", expression, err, d)
		}
		text, err := Print(got)
		if err != nil || strings.Join(strings.Fields(text), " ") != expression {
			t.Errorf("%s: printed %s, %v", expression, text, err)
		}
	}
	value := func(field, operator, as, value string) Block {
		return Block{Kind: BlockValue, Field: field, Operator: operator, As: as, Value: value}
	}
	group := func(kind string, blocks ...Block) Block { return Block{Kind: kind, Blocks: blocks} }
	list := func(name, quantity, n string, blocks ...Block) Block {
		return Block{Kind: BlockList, List: name, Quantity: quantity, Value: n, Blocks: blocks}
	}
	year := value("placed_at", ">", asAgo, "365d")
	f(`ltv >= 5000`, value("ltv", ">=", asNumber, "5000"))
	f(`points < -12.5`, value("points", "<", asNumber, "-12.5"))
	f(`last_order_at < ago("90d")`, value("last_order_at", "<", asAgo, "90d"))
	f(`last_order_at <= now()`, value("last_order_at", "<=", asNow, ""))
	f(`signed_up_at >= date("2026-04-01")`, value("signed_up_at", ">=", asDate, "2026-04-01"))
	f(`(signed_up_at >= date("2026-04-01") && signed_up_at < date("2026-05-01"))`, Block{Kind: BlockValue, Field: "signed_up_at", Operator: "between", As: asDate, Value: "2026-04-01", To: "2026-04-30"})
	f(`last_order_at >= this_month()`, value("last_order_at", ">=", asPeriod, "this_month"))
	f(`any(views, .at < today())`, list("views", "at_least", "1", value("at", "<", asPeriod, "today")))
	f(`birthday_within("7d") && !in_segment("vip")`, group(BlockAll, value("birthday_within", "true", asAgo, "7d"), value("in_segment", "false", asText, "vip")))
	f(`in_list("fair-2026") && !in_list("staff") && top("best")`, group(BlockAll, value("in_list", "true", asText, "fair-2026"), value("in_list", "false", asText, "staff"), value("top", "true", asText, "best")))
	f(`rank("rfm-monetary") >= 4 && distance("ginza") < 10`, group(BlockAll, value("rank.rfm-monetary", ">=", asNumber, "4"), value("distance.ginza", "<", asNumber, "10")))
	f(`missing(rank("a.b")) && !top("best")`, group(BlockAll, value("rank.a.b", "missing", "", ""), value("top", "false", asText, "best")))
	f(`!(in_segment("vip") || held)`, group(BlockNone, value("in_segment", "true", asText, "vip"), value("held", "true", "", "")))
	f(`line_friend && !consent.email`, group(BlockAll, value("line_friend", "true", "", ""), value("consent.email", "false", "", "")))
	f(`prefecture in ["東京都", "大阪府"]`, Block{Kind: BlockValue, Field: "prefecture", Operator: "in", As: asText, Values: []string{"東京都", "大阪府"}})
	f(`prefecture not in ["東京都"]`, Block{Kind: BlockValue, Field: "prefecture", Operator: "not in", As: asText, Values: []string{"東京都"}})
	f(`prefecture not contains "都"`, value("prefecture", "not contains", asText, "都"))
	f(`fold(family_name_kana) == "サトウ"`, Block{Kind: BlockValue, Field: "family_name_kana", Operator: "==", Fold: true, As: asText, Value: "サトウ"})
	f(`any(lines, fold(.name) contains "シャツ") && fold(traits.size) not in ["ｓ", "M"]`, group(BlockAll, list("lines", "at_least", "1", Block{Kind: BlockValue, Field: "name", Operator: "contains", Fold: true, As: asText, Value: "シャツ"}),
		Block{Kind: BlockValue, Field: "traits.size", Operator: "not in", Fold: true, As: asText, Values: []string{"ｓ", "M"}}))
	f(`"reseller" not in risks`, value("risks", "not has", asText, "reseller"))
	f(`traits.size == "M" || traits["身長"] >= 170`, group(BlockAny, value("traits.size", "==", asText, "M"), value("traits.身長", ">=", asNumber, "170")))
	f(`traits.vip == true`, value("traits.vip", "true", "", ""))
	f(`missing(last_order_at)`, value("last_order_at", "missing", "", ""))
	f(`!(held || ltv < 1)`, group(BlockNone, value("held", "true", "", ""), value("ltv", "<", asNumber, "1")))
	f(`count(orders, .total >= 5000 && .placed_at > ago("365d")) >= 2`, list("orders", "at_least", "2", value("total", ">=", asNumber, "5000"), year))
	f(`count(views) >= 1`, list("views", "at_least", "1"))
	f(`any(views, .category in ["shoes"] || .brand == "x")`, list("views", "at_least", "1", group(BlockAny, Block{Kind: BlockValue, Field: "category", Operator: "in", As: asText, Values: []string{"shoes"}}, value("brand", "==", asText, "x"))))
	f(`none(orders, .placed_at > ago("365d"))`, list("orders", "none", "", year))
	f(`count(orders) == 0`, list("orders", "none", ""))
	f(`all(orders, !.is_gift)`, list("orders", "all", "", value("is_gift", "false", "", "")))
	f(`count(orders, .valid) <= 3`, list("orders", "at_most", "3", value("valid", "true", "", "")))
	sum := list("orders", "sum", "100000", year)
	sum.Field, sum.Operator, sum.As = "revenue", ">=", asNumber
	f(`sum(filter(orders, .placed_at > ago("365d")), .revenue) >= 100000`, sum)
	latest := list("orders", "max", "60d")
	latest.Field, latest.Operator, latest.As = "placed_at", "<", asAgo
	f(`max(orders, .placed_at) < ago("60d")`, latest)
	f(`any(views, .at > last_order_at)`, list("views", "at_least", "1", Block{Kind: BlockText, Text: ".at > last_order_at"}))
	f(`ltv / orders_count > 8000 && held`, group(BlockAll, Block{Kind: BlockText, Text: "ltv / orders_count > 8000"}, value("held", "true", "", "")))
	f(`ltv > 1 /* whales */ && held`, Block{Kind: BlockText, Text: "ltv > 1 /* whales */ && held"})
}

// TestBlocksOtherWords: spellings that have the same blocks.
func TestBlocksOtherWords(t *testing.T) {
	t.Parallel()
	f := func(expression, want string) {
		t.Helper()
		b, err := Blocks(expression)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if text, err := Print(b); err != nil || strings.Join(strings.Fields(text), " ") != want || b.Kind == BlockText {
			t.Errorf("%s: printed %s, %v", expression, text, err)
		}
	}
	f(`5_000 <= ltv`, `ltv >= 5000`)
	f(`count(orders) > 1`, `count(orders) >= 2`)
	f(`2 < count(orders)`, `count(orders) >= 3`)
	f(`count(filter(orders, .valid), .total > 1) >= 1`, `any(orders, .valid && .total > 1)`)
	f(`(orders_count == 1) and (held)`, `orders_count == 1 && held`)
	f(`not (held)`, `!(held)`)
	f("traits['size'] == `M`", `traits.size == "M"`)
	f(`line_friend == false`, `!line_friend`)
}

// TestBlocksKeepWhatTheyMean: whatever is written means the same after it went through the builder.
func TestBlocksKeepWhatTheyMean(t *testing.T) {
	t.Parallel()
	blocks, texts := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		e := drawExpression(t)
		if b, ok := readBlocks(e); ok && !strings.Contains(e, "true") { // without the net of Blocks; a constant condition may need it
			text, err := Print(b)
			if err != nil {
				t.Fatalf("%s: %s: %v", e, text, err)
			}
			x, _, _ := checkNames(e)
			y, _, err := checkNames(text)
			if err != nil || !equivalent(x, y) {
				t.Fatalf("%s became %s: %v", e, text, err)
			}
		}
		b, err := Blocks(e)
		if err != nil {
			t.Fatal(err)
		}
		if blocks++; b.Kind == BlockText {
			texts++
		}
		text, err := Print(b)
		if _, _, wrong := checkNames(text); err != nil || wrong != nil {
			t.Fatalf("%s became %s: %v", e, text, err)
		}
		v := drawView(t)
		if x, y := evaluable(t, e), evaluable(t, text); x.Match(v, made) != y.Match(v, made) || !x.NextChange(v, made).Equal(y.NextChange(v, made)) {
			t.Fatalf("%s: %v until %v, %s: %v until %v", e, x.Match(v, made), x.NextChange(v, made), text, y.Match(v, made), y.NextChange(v, made))
		}
		again, err := Blocks(text)
		if d := cmp.Diff(b, again); err != nil || d != "" {
			t.Fatalf("%s: blocks of %s differ: %v\n%s", e, text, err, d)
		}
	})
	t.Logf("%d expressions, %d as text", blocks, texts)
}

func evaluable(t *rapid.T, expression string) *Segment {
	root, tree, err := checkNames(expression)
	if err != nil {
		t.Fatal(err)
	}
	return &Segment{root: root, tree: tree, match: testOf(root), verdict: verdictOf(root)}
}

// TestBlocksAreKept: what the builder makes is there again after a look at the expression.
func TestBlocksAreKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawBlock(t, nil, rapid.IntRange(0, 3).Draw(t, "depth"))
		text, err := Print(b)
		if err != nil { // a number that the field cannot have
			t.Skip(text, err)
		}
		again, err := Blocks(text)
		if d := cmp.Diff(b, again); err != nil || d != "" {
			t.Fatalf("%s: %v\n%s", text, err, d)
		}
	})
}

func drawBlock(t *rapid.T, l *Collection, depth int) Block {
	if depth > 0 {
		b := Block{Kind: pick(t, []string{BlockAll, BlockAny, BlockNone})}
		for range rapid.IntRange(2, 3).Draw(t, "members") {
			m := drawBlock(t, l, depth-1)
			b.Blocks = append(b.Blocks, m)
		}
		return b
	}
	if l == nil && rapid.Bool().Draw(t, "list") {
		return drawListBlock(t)
	}
	if l == nil && rapid.IntRange(0, 9).Draw(t, "question") == 0 {
		return pick(t, []Block{{Kind: BlockValue, Field: "in_segment", As: asText, Value: "vip", Operator: pick(t, Operators(Bool))}, {Kind: BlockValue, Field: "birthday_within", As: asAgo, Value: "7d", Operator: pick(t, Operators(Bool))},
			{Kind: BlockValue, Field: "in_list", As: asText, Value: "fair-2026", Operator: pick(t, Operators(Bool))}, {Kind: BlockValue, Field: "top", As: asText, Value: "best", Operator: pick(t, Operators(Bool))}})
	}
	if l == nil && rapid.IntRange(0, 9).Draw(t, "asked") == 0 {
		b := Block{Kind: BlockValue, Field: pick(t, []string{"rank.best", "rank.rfm-monetary", "distance.ginza"})}
		drawOperand(t, &b, Decimal)
		return b
	}
	fields := Fields()
	if l != nil {
		fields = l.Fields
	}
	f := pick(t, fields)
	b := Block{Kind: BlockValue, Field: f.Name}
	kind := f.Kind
	if l == nil && rapid.IntRange(0, 3).Draw(t, "other") == 0 {
		b.Field, kind = "consent."+pick(t, Channels()), Bool
		if rapid.Bool().Draw(t, "trait") {
			b.Field, kind = "traits."+pick(t, names), Untyped
		}
	}
	drawOperand(t, &b, kind)
	return b
}

func drawOperand(t *rapid.T, b *Block, kind Kind) {
	b.Operator = pick(t, Operators(kind))
	switch b.Operator {
	case "true", "false", "present", "missing":
		return
	case "between":
		b.As, b.Value, b.To = asDate, "2026-02-27", pick(t, []string{"2026-02-27", "2026-02-28", "2026-12-31"})
		return
	}
	switch kind {
	case Whole, Money, Decimal:
		b.As, b.Value = asNumber, pick(t, amounts)
	case Instant:
		switch b.As = pick(t, []string{asAgo, asDate, asNow, asPeriod}); b.As {
		case asPeriod:
			b.Value = pick(t, calendars()).Name
		case asAgo:
			b.Value = pick(t, spans)
		case asDate:
			b.Value = pick(t, []string{"2026-11-01", "2026-11-01T09:00:00+09:00"})
		}
	default:
		b.Fold = foldable(kind) && rapid.Bool().Draw(t, "folded")
		if b.As, b.Value = asText, pick(t, texts); b.Operator == "in" || b.Operator == "not in" {
			b.Values, b.Value = []string{b.Value, pick(t, texts)}, ""
		}
	}
}

func drawListBlock(t *rapid.T) Block {
	l := pick(t, Collections())
	b := Block{Kind: BlockList, List: l.Name, Quantity: pick(t, []string{"at_least", "at_most", "exactly", "none", "all", "sum", "avg", "min", "max"})}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		b.Blocks = append(b.Blocks, drawBlock(t, l, pick(t, []int{0, 0, 1})))
	}
	switch b.Quantity {
	case "at_least", "at_most", "exactly":
		b.Value = pick(t, []string{"1", "2", "3", "200"})
	case "sum", "avg", "min", "max":
		f := pick(t, l.Fields)
		b.Field = f.Name
		kind := f.Kind
		if kind == Whole || kind == Money {
			kind = Decimal
		}
		if drawOperand(t, &b, kind); b.Operator == "between" {
			b.Operator, b.To = ">=", ""
		}
	}
	if len(b.Blocks) == 1 && b.Blocks[0].Kind == BlockAll {
		b.Blocks = b.Blocks[0].Blocks // the members stand one by one
	}
	return b
}

// TestPrintNamesTheBlock: what is wrong is said at its place, in both languages, and the rest is written.
func TestPrintNamesTheBlock(t *testing.T) {
	t.Parallel()
	f := func(b Block, text string, want ...string) {
		t.Helper()
		got, err := Print(b)
		var places []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				var e *enishi.Error
				if !errors.As(err, &e) || e.Msg == "" || e.MsgJA == "" {
					t.Fatalf("%#v", err)
				}
				places = append(places, e.Field+": "+e.Msg)
			}
		}
		if d := cmp.Diff(want, places); d != "" || got != text {
			t.Errorf("printed %q, want %q\n%s", got, text, d)
		}
	}
	held := Block{Kind: BlockValue, Field: "held", Operator: "true"}
	all := func(blocks ...Block) Block { return Block{Kind: BlockAll, Blocks: blocks} }
	f(all(), "", "blocks: add a condition")
	f(all(held, Block{Kind: BlockValue}), "held", "blocks.1: choose a field")
	f(all(held, all(Block{Kind: BlockValue, Field: "ltv", Operator: ">=", As: asNumber}, held)), "held\n  && (held)", "blocks.1.0: enter a number")
	f(all(held, Block{Kind: BlockText, Text: "held) || (true"}), "held", `blocks.1: ")" is not expected here`)
	f(all(held, Block{Kind: BlockText, Text: "held || true // no\n"}), "held\n  && (held || true)")
	f(all(held, Block{Kind: BlockValue, Field: `ltv > 0 || "x" == prefecture`, Operator: "true"}), "held", `blocks.1: there is no field "ltv > 0 || \"x\" == prefecture"`)
	f(all(held, Block{Kind: BlockValue, Field: "ltv", Operator: "> 1 ||", As: asNumber, Value: "1"}), "held", `blocks.1: choose how ltv is compared`)
	f(Block{Kind: BlockList, List: "orders", Quantity: "at_least", Value: "2", Blocks: []Block{held, {Kind: BlockValue, Field: "total", Operator: ">=", As: asNumber, Value: "1)"}}}, "",
		"blocks.0: there is no field \"held\"", "blocks.1: enter a number")
	f(Block{Kind: BlockList, List: "orders", Quantity: "at_least", Value: "2000"}, "", "blocks: at most 1000 orders are kept: the count never exceeds that")
	f(Block{Kind: BlockValue, Field: "signed_up_at", Operator: "between", As: asDate, Value: "2026-02-02", To: "2026-02-01"}, "", "blocks: the last day is before the first")
	f(all(held, Block{Kind: BlockValue, Field: "in_segment", Operator: "true", As: asText}), "held", "blocks.1: choose a value")
	f(all(held, Block{Kind: BlockValue, Field: "last_order_at", Operator: ">=", As: asPeriod, Value: "tomorrow"}), "held", "blocks.1: enter a value")
	f(all(held, Block{Kind: BlockValue, Field: "ltv", Operator: ">=", Fold: true, As: asNumber, Value: "1"}), "held", "blocks.1: ltv is no text to be folded")
	f(Block{Kind: "x"}, "", `blocks: there is no block "x"`)
	deep := held
	for range 60 {
		deep = all(deep, held)
	}
	if _, err := Print(deep); err == nil {
		t.Error("60 levels are taken")
	}
}

// TestGalleryHasBlocks: a template opens in the builder, not as text.
func TestGalleryHasBlocks(t *testing.T) {
	t.Parallel()
	all, err := Gallery()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if b, err := Blocks(g.Body.Expression); err != nil || b.Kind == BlockText {
			t.Errorf("%s: %v, %v", g.Name, b, err)
		}
	}
}
