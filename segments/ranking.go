package segments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"enishi"
)

// KindRanking is the kind of the definitions that say what people are ranked by, KindCuts that of what was computed from the
// ranking of the same name.
const (
	KindRanking = "ranking"
	KindCuts    = "cuts"
)

// Ranking is the body of a definition of kind ranking: an order of people by a measure, cut into ranks.
type Ranking struct {
	Title       Label `json:"title"`
	Description Label `json:"description,omitzero"`
	Order
	Every string `json:"every,omitempty"` // how often it is computed: a span such as 24h (the default), at least 10m, or manual
}

// Order says who is ranked and how. Greater is a higher rank.
type Order struct {
	Measure string `json:"measure"`         // a number, an amount or a time of a person
	Among   string `json:"among,omitempty"` // who is ranked; empty: everybody whose measure is known
	By      By     `json:"by"`
}

// By says where an order is cut; one of its fields is set.
type By struct {
	Quantiles   int       `json:"quantiles,omitempty"`   // as many parts of equal size
	Percentiles []float64 `json:"percentiles,omitempty"` // after so many percent of the people, rising
	Top         int       `json:"top,omitempty"`         // before the last so many people
}

// Cuts is the body of a definition of kind cuts. It has the order that it was computed by: that is what counts until the next
// computation, whatever the ranking says by then.
type Cuts struct {
	Order
	// Points are the values, rising, from which on a rank begins: rank 2 at the first, and so on. Amounts are decimal text, times
	// RFC 3339. There may be fewer than ranks: then nobody's measure is great enough for the others.
	Points     []string  `json:"points"`
	ComputedAt time.Time `json:"computed_at"` // the workspace's clock; zero: never
	Version    int64     `json:"ranking_version"`
	People     int64     `json:"people"` // who were ranked
	Through    time.Time `json:"through"`
}

// RFM are the rankings behind rfm_r, rfm_f and rfm_m, by name: made when a workspace starts for the first time, and edited like
// others.
func RFM() map[string]Ranking {
	fifths := func(ja, en, measure string) Ranking {
		return Ranking{Title: Label{JA: ja, EN: en}, Order: Order{Measure: measure, Among: "orders_count >= 1", By: By{Quantiles: 5}}, Every: "24h"}
	}
	return map[string]Ranking{rfmRecency: fifths("RFM 最終注文の新しさ", "RFM recency", "last_order_at"), rfmFrequency: fifths("RFM 注文回数", "RFM frequency", "orders_count"),
		rfmMonetary: fifths("RFM 累計購入額", "RFM monetary value", "ltv")}
}

const rfmRecency, rfmFrequency, rfmMonetary = "rfm-recency", "rfm-frequency", "rfm-monetary"

// ParseRanking reads the body of a definition of kind ranking and checks it.
func ParseRanking(body []byte) (*Ranking, error) {
	var r Ranking
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, failf(string(body), file.Location{}, "this is no definition of a ranking: %s", "ランキングの定義として読めません: %s", err.Error())
	}
	if err := r.By.check(); err != nil {
		return nil, err
	}
	if _, err := r.interval(); err != nil {
		return nil, err
	}
	_, err := Library{}.rankNode(&r.Order, nil)
	return &r, err
}

func (b By) check() error {
	bad := func(en, ja string) error { return enishi.FieldError("by", en, ja) }
	given := min(b.Quantiles, 1) + min(len(b.Percentiles), 1) + min(b.Top, 1)
	switch {
	case given != 1 || b.Quantiles < 0 || b.Top < 0:
		return bad("give one of quantiles, percentiles and top", "quantiles、percentiles、top のどれか 1 つを指定してください。")
	case b.Quantiles == 1 || b.Quantiles > 100:
		return bad("quantiles are 2 to 100 parts", "quantiles は 2～100 にしてください。")
	case len(b.Percentiles) > 99:
		return bad("at most 99 percentiles", "percentiles は 99 個までです。")
	case b.Top > 10_000_000:
		return bad("top is at most 10,000,000 people", "top は 1,000 万人までです。")
	}
	last := 0.0
	for _, p := range b.Percentiles {
		if thousandths := p * 1000; p <= last || p >= 100 || thousandths != float64(int64(thousandths)) {
			return bad("percentiles rise between 0 and 100 and have at most 3 decimals", "percentiles は 0 より大きく 100 より小さい値を小さい順に、小数 3 桁までで書いてください。")
		}
		last = p
	}
	return nil
}

// Ranks is how many ranks there are.
func (b By) Ranks() int {
	switch {
	case b.Top > 0:
		return 2
	case b.Quantiles > 0:
		return b.Quantiles
	}
	return len(b.Percentiles) + 1
}

// Due is when the ranking is to be computed that was last computed at an instant; zero: when somebody asks for it.
func (r *Ranking) Due(last time.Time) time.Time {
	every, err := r.interval()
	if err != nil || every == 0 {
		return time.Time{}
	}
	return last.Add(every)
}

func (r *Ranking) interval() (time.Duration, error) {
	switch r.Every {
	case "":
		return 24 * time.Hour, nil
	case "manual":
		return 0, nil
	}
	d, err := time.ParseDuration(r.Every)
	if err != nil || d < 10*time.Minute || d > 366*24*time.Hour {
		return 0, enishi.FieldError("every", "write manual, or a span from 10m to a year such as 24h", "manual、または 10m 以上 1 年以内の間隔を 24h のように書いてください。")
	}
	return d, nil
}

// text is what counts of cuts for who uses them.
func (c *Cuts) text() string {
	b, err := json.Marshal(struct {
		Order
		Points   []string
		Computed bool
	}{c.Order, c.Points, !c.ComputedAt.IsZero()})
	if err != nil {
		return err.Error() // percentiles are finite: there is none
	}
	return string(b)
}

// SameRanks reports whether everybody has the same rank by both.
func (c *Cuts) SameRanks(d *Cuts) bool { return c.text() == d.text() }

// rankNode is the typed tree of the rank by cuts; of an order alone, without points, it is of one never computed.
func (l Library) rankNode(o *Order, c *Cuts) (*node, error) {
	inc := Library{Zone: l.Zone}.inclusion("")
	return inc.rankNode(o, c)
}

func (inc *inclusion) rankNode(o *Order, c *Cuts) (*node, error) {
	own := &inclusion{library: Library{Zone: inc.library.Zone}, ranking: true, path: []string{""}, roots: map[string]*node{}, took: inc.took, cuts: inc.cuts}
	measure, err := (&typing{src: o.Measure, runes: []rune(o.Measure), including: own}).measured()
	if err != nil {
		return nil, inField(err, "measure")
	}
	n := &node{op: opRank, kind: Whole, maybe: true, args: []*node{measure}}
	if o.Among != "" {
		if n.where, _, err = checkWith(o.Among, own); err != nil {
			return nil, inField(err, "among")
		}
	}
	if c != nil && !c.ComputedAt.IsZero() {
		n.b = true
		for _, text := range c.Points {
			p, err := pointOf(text, measure)
			if err != nil {
				return nil, fmt.Errorf("read cut point %q: %w", text, err)
			}
			n.args = append(n.args, p)
		}
	}
	return n.derive(), nil
}

func inField(err error, field string) error {
	if e, ok := err.(*enishi.Error); ok {
		e.Field = field
	}
	return err
}

// measured reads a measure.
func (c *typing) measured() (*node, error) {
	tree, _, err := parse(c.src, grammar())
	if err != nil {
		return nil, err
	}
	n, err := c.value(tree)
	switch {
	case err != nil:
		return nil, err
	case n.kind == Untyped:
		return traitAs(n, Decimal), nil
	case !n.number() && n.kind != Instant, n.clock(), n.op == opConst:
		return nil, c.fail(n.at, "people are ranked by a number, an amount or a time of theirs, such as ltv, last_order_at or count(orders)", "順位は人ごとの数値・金額・日時で付けます。例: ltv、last_order_at、count(orders)")
	}
	return n, nil
}

// pointOf reads a cut point as what the measure is.
func pointOf(text string, measure *node) (*node, error) {
	n := &node{op: opConst, kind: measure.kind}
	var err error
	switch measure.kind {
	case Whole:
		n.i, err = strconv.ParseInt(text, 10, 64)
	case Money:
		r, ok := new(big.Rat).SetString(text) // sums may have more digits than an amount of an event
		if ok {
			r.Mul(r, big.NewRat(int64(enishi.Unit), 1))
		}
		if !ok || !r.IsInt() || !r.Num().IsInt64() {
			return nil, fmt.Errorf("%q is no amount", text)
		}
		n.i = r.Num().Int64()
	case Instant:
		var t time.Time
		t, err = time.Parse(time.RFC3339, text)
		n.i = t.UnixMilli()
	default:
		n.f, err = strconv.ParseFloat(text, 64)
	}
	return n, err
}

// pointText is the other way round, of what the query of the cuts gave.
func pointText(value string, measure *node) (string, error) {
	if measure.kind == Whole {
		return value, nil
	}
	if measure.kind == Decimal {
		f, err := strconv.ParseFloat(value, 64)
		return strconv.FormatFloat(f, 'f', -1, 64), err
	}
	i, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", fmt.Errorf("read cut point %q: %w", value, err)
	}
	if measure.kind == Money {
		return enishi.Amount(i).String(), nil
	}
	return time.UnixMilli(i).UTC().Format("2006-01-02T15:04:05.000Z07:00"), nil
}

func (c *typing) rank(t *ast.CallNode, function string) (*node, error) {
	name, err := c.text1(t, function+`("best-customers")`)
	if err != nil {
		return nil, err
	}
	n, cuts, err := c.ranked(name, t.Arguments[0].Location(), t.Location())
	if err != nil || function == "rank" {
		return n, err
	}
	if cuts.By.Top == 0 {
		return nil, c.fail(t.Arguments[0].Location(), "%[1]q is cut into several ranks: write rank(%[1]q) >= 4", "「%[1]s」は複数の順位に分かれています。rank(\"%[1]s\") >= 4 のように書いてください", name)
	}
	two := &node{op: opConst, kind: Whole, i: 2, exact: big.NewRat(2, 1), at: t.Location()}
	return c.numbers(ge, n, two, t.Location())
}

// ranked is the rank by a ranking of the library.
func (c *typing) ranked(name string, nameAt, at file.Location) (*node, *Cuts, error) {
	inc := c.including
	switch {
	case c.in != nil:
		return nil, nil, c.fail(at, "a rank is about the person and cannot stand inside the condition of a list: join it by &&", "順位は人についての値なので、リストの条件の中には書けません。リストの外に && でつないでください")
	case inc.ranking:
		return nil, nil, c.fail(at, "a ranking cannot build on another", "ランキングの中で別のランキングは使えません")
	}
	cuts := inc.library.cuts(name)
	if cuts == nil {
		return nil, nil, c.fail(nameAt, "there is no ranking %q: write the name of one that is there, or make it first", "「%s」というランキングはありません。既存のランキングの内部名を書くか、先に作成してください", name)
	}
	n, err := inc.rankNode(&cuts.Order, cuts)
	if err != nil {
		en, ja := err.Error(), err.Error()
		if e, ok := err.(*enishi.Error); ok {
			en, ja = e.Msg, e.MsgJA
		}
		return nil, nil, c.fail(nameAt, "the ranking %[1]s cannot be used: %[2]s", "ランキング「%[1]s」は使えません: %[3]s", name, en, ja)
	}
	inc.took[Reference{KindRanking, name}], inc.cuts[name] = cuts.text(), cuts
	n.at = at
	return n, cuts, nil
}

// rankOf computes a rank: 1 and one more for each point that the measure has reached.
func rankOf(n *node) maybe {
	among := func(*view, int64, int) bool { return true }
	if n.where != nil {
		among = testOf(n.where)
	}
	if !n.b {
		return func(*view, int64, int) (int64, bool) { return 0, false }
	}
	measure, points := n.args[0], n.args[1:]
	if measure.kind == Decimal {
		of := floatOf(measure)
		return func(v *view, now int64, i int) (int64, bool) {
			x, ok := of(v, now, i)
			if !ok || !among(v, now, i) {
				return 0, false
			}
			rank := int64(1)
			for _, p := range points {
				rank += bit(x >= p.f)
			}
			return rank, true
		}
	}
	var of maybe
	if measure.kind == Instant {
		at := valueOf(measure)
		of = func(v *view, now int64, i int) (int64, bool) { t := at(v, now, i); return t, t != 0 }
	} else {
		of = maybeOf(measure)
	}
	return func(v *view, now int64, i int) (int64, bool) {
		x, ok := of(v, now, i)
		if !ok || !among(v, now, i) {
			return 0, false
		}
		rank := int64(1)
		for _, p := range points {
			rank += bit(x >= p.i)
		}
		return rank, true
	}
}

// horizonOfRank is when the measure or who is ranked may change.
func horizonOfRank(n *node) horizon {
	measure := horizonOf(n.args[0])
	if n.where == nil {
		return measure
	}
	among := verdictOf(n.where)
	return func(v *view, now int64, i int) int64 {
		_, until := among(v, now, i)
		return min(until, measure(v, now, i))
	}
}

// measure writes a rank's measure as a number: of a time its milliseconds. It is null, or the condition false, where it is
// missing.
func (q *statement) ranking(n *node) (measure, condition string) {
	m := n.args[0]
	condition = q.present(m)
	if m.kind == Instant {
		measure = "toUnixTimestamp64Milli(" + q.instant(m) + ")"
	} else {
		measure = q.number(m)
	}
	if n.where != nil {
		condition = "(" + condition + " AND " + q.condition(n.where) + ")"
	}
	return measure, condition
}

func (q *statement) rank(n *node) string {
	if !n.b {
		return "CAST(NULL, 'Nullable(Int64)')"
	}
	measure, condition := q.ranking(n)
	var points []string
	for _, p := range n.args[1:] {
		if p.kind == Decimal {
			points = append(points, q.number(p))
		} else {
			points = append(points, q.whole(p.i))
		}
	}
	rank := "1"
	if len(points) > 0 {
		rank = "1 + arrayCount(point -> point <= assumeNotNull(" + measure + "), [" + strings.Join(points, ", ") + "])"
	}
	return "if(" + condition + ", toInt64(" + rank + "), NULL)"
}
