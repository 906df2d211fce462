package segments

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"enishi"
)

func TestCheckSuccess(t *testing.T) {
	t.Parallel()
	f := func(expression string) {
		t.Helper()
		if err := Check(expression); err != nil {
			t.Errorf("%s\n  %v", expression, err)
		}
	}
	f(`true`)
	f(`ltv >= 30000`)
	f(`30000 <= ltv`)
	f(`1000 <= ltv < 30_000.5`)
	f(`aov > 5000 and not (orders_count < 2 or held)`)
	f(`consent.email && !consent.line && consent.line == false && consent["sms"] != true`)
	f(`traits.size == "M" || traits["靴のサイズ"] >= 24.5 || traits.vip || traits.vip == false`)
	f(`traits.score * 2 > points`)
	f(`prefecture in ["東京都", "大阪府"] && gender not in ["male"] && points in [1, 2.5]`)
	f(`"reseller" in risks`)
	f(`last_order_at < ago("90d") && date("2026-11-01") > ago("7d") && signed_up_at > date("2026-11-01T09:00:00+09:00")`)
	f(`first_order_at == last_order_at && now() > last_seen_at`)
	f(`missing(last_order_at) && present(traits.size) && present(aov) && missing(max(orders, .placed_at)) && present(avg(orders, .total))`)
	f(`count(orders) >= 2 && any(orders, .valid && .total >= 5000) && none(shipments, .status == "delayed") && all(orders, .is_gift == false)`)
	f(`count(orders, .total >= 5000 && .placed_at > ago("90d")) >= 2 && none(shipments, .status == "delayed") && any(views, .category == "shoes" && .at > ago("7d")) && !consent.email`)
	f(`sum(orders, .revenue) > 100000 && sum(filter(orders, .placed_at > ago("365d")), .total - .shipping_fee) >= ltv / 2`)
	f(`max(orders, .placed_at) < ago("30d") && min(reviews, .rating) <= 2 && avg(orders, .total) > aov && max(orders, .total / .items) > 1000`)
	f(`max(map(orders, .total)) > 5`)
	f(`orders | filter(.valid) | max(.total) > 5 && (orders | count(.valid)) > 1`)
	f(`any(views, .at > last_order_at) && count(orders, .placed_at > signed_up_at) > 0`)
	f(`store_visits >= 3 && count(store_visits, .store_id == "ginza") >= 2`)
	f(`any(visits, .path contains "/shoes" && .query startsWith "靴" && .utm_source endsWith "ads" && .at >= ago("180d"))`)
	f(`any(messages, .clicked_at > ago("30d") && .end == "") && any(returns, .amount > 0) && any(contacts, .complaint) && any(surveys, .score >= 9)`)
	f(`ltv >= orders_count * 5000 && ltv * 2 > -1 && -points < 5 && (ltv + 1) * 3 > 0 && ltv - 0.5 > 3 && orders_count + 0.5 > 2`)
	f(`age >= 20 && age < 25 && birthday_month == 11 && region in ["関東", "近畿"] && birthday_within("7d") && birthday_within("0d")`)
	f(`count(orders, .placed_at >= this_month()) >= 1 && last_order_at < fiscal_year() && any(views, .at >= last_month() && age > 20) && today() > last_seen_at`)
	f(`first(orders, .channel) == "store" && last(filter(orders, .valid), .total) > 5000 && last(orders, .automatic) && !first(orders, .is_gift)`)
	f(`distinct(lines, .category) >= 3 && distinct(orders, .channel) == 1 && (orders | filter(.valid) | last(.placed_at)) < ago("30d") && missing(first(visits, .at))`)
	f(`first(map(orders, .channel)) == "store"`)
	f("// a comment\nltv >= 1 /* another */ && true")
	f(`count(orders) == 0 || count(orders) != 3 || count(orders) <= 1000 || count(views) < 500`)
	f(strings.Repeat("ltv >= 1 && ", 300) + "true")
}

func TestCheckFailure(t *testing.T) {
	t.Parallel()
	f := func(expression, place, english, japanese string) {
		t.Helper()
		err := Check(expression)
		var e *enishi.Error
		if !errors.As(err, &e) {
			t.Errorf("%.300s\n  want an error, got %v", expression, err)
			return
		}
		if got := fmt.Sprintf("%d:%d", e.Line, e.Col); got != place || e.Code != enishi.Invalid {
			t.Errorf("%s\n  at %s (%s), want %s: %s", expression, got, e.Code, place, e.Msg)
		}
		if !strings.Contains(e.Msg, english) || !strings.Contains(e.MsgJA, japanese) {
			t.Errorf("%s\n  %s\n  %s\n  want %q and %q", expression, e.Msg, e.MsgJA, english, japanese)
		}
		for _, s := range []string{e.Msg, e.MsgJA} {
			if strings.Contains(s, "%!") || strings.Contains(s, "\x00") {
				t.Errorf("%s: broken message %q", expression, s)
			}
		}
	}
	// syntax
	f("", "1:1", "empty", "空です")
	f("  \n ", "1:1", "empty", "空です")
	f("ltv >=", "1:7", "ends too early", "途中で終わって")
	f("ltv = 5", "1:5", "write ==", "「==」と書いて")
	f("ltv <> 5", "1:5", "write !=", "「!=」と書いて")
	f("has_email & has_line", "1:11", "write &&", "「&&」と書いて")
	f("has_email AND has_line", "1:11", "write &&", "「&&」と書いて")
	f("has_email OR has_line", "1:11", "write ||", "「||」と書いて")
	f("(ltv > 5", "1:1", `"(" is never closed`, "閉じられていません")
	f("any(orders, .total > 5", "1:4", `"(" is never closed`, "閉じられていません")
	f(`prefecture == "東京`, "1:18", "quotation mark", "引用符")
	f("ltv ＞ 5", "1:5", `full-width character: type ">"`, "半角の「>」")
	f("ltv >= ５", "1:8", `type "5"`, "半角の「5」")
	f("any（orders, .valid)", "1:4", `type "("`, "半角の「(」")
	f("ltv > 5 )", "1:9", `")" is not expected`, "「)」は書けません")
	f(".total > 5", "1:1", "inside a list's condition", "リストの条件")
	f("any(orders)", "1:11", "condition or a field is missing", "条件または項目")
	f("\xff", "1:1", "UTF-8", "UTF-8")
	f(strings.Repeat("x", 20_001), "1:1", "longer than 20000 bytes", "長すぎます")
	f(strings.Repeat("ltv>1&&", 2800)+"true", "1:1", "more than 3000 parts", "多すぎます")
	f(strings.Repeat("!(", 100)+"true"+strings.Repeat(")", 100), "1:101", "deeper than 50", "深すぎます")
	// names
	f("lvt > 5", "1:1", "did you mean ltv?", "「ltv」のことですか")
	f("true &&\n  orders_cuont > 5", "2:3", "did you mean orders_count?", "「orders_count」")
	f("total_spent > 5", "1:1", "did you mean ltv?", "「ltv」")
	f("zzzzzz > 5", "1:1", "zzzzzz is not known", "「zzzzzz」")
	f("any(order, .total > 5)", "1:5", "did you mean orders?", "「orders」")
	f("any(orders, .amount > 5)", "1:14", "did you mean total?", "「total」")
	f("any(orders, .totl > 5)", "1:14", "orders have no field totl: did you mean total?", "「totl」という項目はありません。「total」")
	f("any(orders, total > 5)", "1:13", "write .total", "「.total」")
	f("consent.mail", "1:9", "did you mean email?", "「email」")
	f("consent", "1:1", "consent.email", "consent.email")
	f("orders > 5", "1:1", "count(orders)", "count(orders)")
	f("orders.total > 5", "1:8", "any(orders, .total ...)", "any(orders, .total ...)")
	f("orders[0].total > 5", "1:11", "only consent.NAME", "consent.名前")
	f("cuont(orders) > 5", "1:1", "did you mean count?", "「count」")
	f("len(orders) > 5", "1:1", "write count", "count(...)")
	f(`in_segment("vip")`, "1:1", "in the expressions of segments only", "セグメントの条件式でだけ")
	f("one(orders, .valid)", "1:1", "one is not used", "one は")
	f("ltv.total > 5", "1:5", "only consent.NAME", "consent.名前")
	f("any(ltv, .x)", "1:5", "ltv is a single value", "リストではありません")
	f("any(points, .x)", "1:14", "points have no field x", "points に「x」という項目はありません")
	f("risks", "1:1", `"..." in risks`, `「"..." in risks」`)
	// types
	f("ltv", "1:1", "this is an amount: compare it", "これは金額です")
	f("prefecture && true", "1:1", "this is text", "これは文字列です")
	f("orders_count", "1:1", "a whole number", "整数")
	f(`ltv > "5"`, "1:5", "numbers without quotation marks", "引用符なし")
	f(`prefecture == 13`, "1:12", "numbers without quotation marks", "引用符なし")
	f(`last_order_at > "2026-01-01"`, "1:17", `write date("2026-11-01")`, "date(")
	f(`last_order_at > 5`, "1:15", "cannot be compared", "比較できません")
	f(`has_email == 1`, "1:11", "cannot be compared", "比較できません")
	f(`has_email == has_line`, "1:11", "true or false only", "true、false とだけ")
	f(`traits.a == traits.b`, "1:10", "two traits", "属性どうし")
	f(`traits.a > ago("1d")`, "1:10", "not with a time", "日時とは比較できません")
	f(`traits.a == has_email`, "1:10", "not with true or false", "真偽値とは")
	f(`1 == 1`, "1:3", "never changes", "固定の値")
	f(`"a" == "a"`, "1:5", "never changes", "固定の値")
	f(`ago("1d") > now()`, "1:11", "never changes", "固定の日時")
	f(`date("2026-01-01") == date("2026-01-02")`, "1:20", "never changes", "固定の")
	f(`last_order_at - first_order_at > 5`, "1:15", "times are not added", "足し算・引き算はできません")
	f(`ltv * ltv > 5`, "1:5", "multiplied by an amount", "金額どうし")
	f(`ltv / 0 > 5`, "1:5", "divides by zero", "0 で割って")
	f(`5 / 0 > ltv`, "1:3", "divides by zero", "0 で割って")
	f(`ltv > 1.00001`, "1:7", "at most 4 decimals", "4 桁まで")
	f(`ltv > 999999999999999`, "1:7", "14 digits", "14 桁まで")
	f(`ltv > 1e15`, "1:7", "15 digits", "15 桁")
	f(`points > 0.0000000001`, "1:10", "9 after", "9 桁")
	f(`prefecture > 5 / 2`, "1:12", "text is compared with a number", "文字列と数値を比較")
	f(`has_email + 1 > 2`, "1:1", "a number is expected", "数値が必要")
	f(`ltv % 2 == 0`, "1:5", "operator %", "演算子「%」")
	f(`prefecture matches "東.*"`, "1:12", "contains, startsWith or endsWith", "正規表現は使えません")
	f(`ltv contains "5"`, "1:5", "needs text on its left", "左には文字列")
	f(`prefecture contains ""`, "1:21", "at least one letter", "1 文字以上")
	f(`prefecture contains traits.x`, "1:28", "at least one letter", "1 文字以上")
	f(`prefecture in []`, "1:15", "list is empty", "リストが空")
	f(`prefecture in [ltv]`, "1:16", "texts or numbers", "文字列か数値")
	f(`prefecture in "東京都"`, "1:15", "a list", "リスト")
	f(`prefecture in ["東京都", 5]`, "1:12", "is compared with", "比較しています")
	f(`nil == ltv`, "1:1", "missing(...)", "missing(...)")
	f(`ltv > 5 ? true : false`, "1:22", "combine conditions", "&& と ||")
	f(`let x = 5; ltv > x`, "1:5", "write the condition out", "そのまま書いて")
	f(`(ltv ?? 5) > 3`, "1:6", "operator ??", "演算子「??」")
	f(`["a"] == 5`, "1:1", "only used after in", "in の後")
	// functions
	f(`last_order_at < ago("90")`, "1:21", `"90d", "12h" or "30m"`, "期間ではありません")
	f(`last_order_at < ago("-1d")`, "1:21", "no span of time", "期間ではありません")
	f(`last_order_at < ago("99999d")`, "1:21", "a hundred years", "100 年以上")
	f(`last_order_at < ago(90)`, "1:17", "a text is expected", "文字列を渡して")
	f(`last_order_at < date("2026-02-30")`, "1:22", "is no date", "日付ではありません")
	f(`last_order_at < date("1066-02-03")`, "1:22", "1971", "1971")
	f(`last_order_at < now(5)`, "1:17", "takes nothing", "引数はありません")
	f(`first(orders) > 5`, "1:1", "first takes a list and a field", "first にはリストと項目")
	f(`distinct(orders) > 5`, "1:16", "condition or a field is missing", "条件または項目")
	f(`last(shipments, .status) == "delivered"`, "1:1", "shipments have no order in time, so none is last (those that have: orders, lines,", "時間順のリストではない")
	f(`first(orders, .total / .items) > 5`, "1:22", "first(filter(orders, condition), .order_id)", "項目をそのまま")
	f(`last(orders, ltv) > 5`, "1:14", "needs a field of orders", "orders の項目")
	f(`distinct(orders, .valid) > 1`, "1:19", "any(orders, .valid)", "any(orders, .valid)")
	f(`distinct(orders, .channel)`, "1:1", "a whole number", "整数")
	f(`any(orders, first(visits, .type) == "x")`, "1:13", "inside the condition of another list", "別のリストの条件の中")
	f(`last_order_at < today(1)`, "1:17", "takes nothing", "引数はありません")
	f(`today() > this_month()`, "1:9", "never changes", "固定の日時")
	f(`present(this_week())`, "1:9", "never missing", "欠けていることは")
	f(`any(visits, .at > this_year())`, "1:19", "180 days", "180 日分")
	f(`max(views, .at) < fiscal_year()`, "1:19", "180 days", "180 日分")
	f(`birthday_within(7)`, "1:1", `birthday_within("7d")`, "文字列を渡して")
	f(`birthday_within("1w")`, "1:17", `write "7d"`, "日数ではありません")
	f(`birthday_within("181d")`, "1:17", "up to 180", "180 日以内")
	f(`age`, "1:1", "a whole number", "整数")
	f(`sum(orders, .total * age) > 5`, "1:20", "needs a field", "項目が必要")
	f(`missing(ltv)`, "1:9", "never missing", "欠けていることは")
	f(`missing(has_email)`, "1:9", "never missing", "欠けていることは")
	f(`missing(count(orders))`, "1:9", "never missing", "欠けていることは")
	f(`missing()`, "1:1", "takes one value", "値を 1 つ")
	f(`sum(orders) > 5`, "1:1", "sum(orders, .total)", "sum(orders, .total)")
	f(`sum(orders, .valid) > 5`, "1:14", "sum(filter(orders, condition), .field)", "sum(filter(orders, 条件), .項目)")
	f(`sum(orders, .total / .items) > 5`, "1:20", "take the division out", "割り算は外側で")
	f(`sum(orders, ltv) > 5`, "1:13", "needs a field of orders", "orders の項目が必要")
	f(`max(orders, ago("1d")) > now()`, "1:13", "needs a field of orders", "orders の項目")
	f(`sum(orders, .status) > 5`, "1:14", "cannot take text", "文字列は渡せません")
	f(`avg(orders, .placed_at) > ago("1d")`, "1:14", "cannot take a time", "日時は渡せません")
	f(`max(ltv, 5) > 5`, "1:5", "ltv is a single value", "リストではありません")
	f(`max(orders) > 5`, "1:11", "condition or a field is missing", "条件または項目")
	f(`filter(orders, .valid)`, "1:1", "count it", "count(filter")
	f(`any(orders, any(returns, .amount > 5))`, "1:13", "inside the condition of another list", "別のリストの条件の中")
	f(`any(orders, # > 5)`, "1:13", "# alone", "「#」だけ")
	f(`any(orders, .total.x > 5)`, "1:20", "only consent.NAME", "consent.名前")
	// bounds
	f(`any(views, .at > ago("181d"))`, "1:18", `ago("180d") at most`, "180 日分")
	f(`none(visits, ago("4321h") < .at)`, "1:14", "180 days", "180 日分")
	f(`max(views, .at) < ago("200d")`, "1:19", "180 days", "180 日分")
	f(`count(views) > 500 + 1`, "1:14", "at most 500 views", "最大 500 件")
	f(`count(orders) >= 1001`, "1:15", "at most 1000 orders", "最大 1000 件")
	f(`count(store_visits) > 250`, "1:21", "at most 200", "最大 200 件")
}

// The largest and deepest inputs are answered at once.
func TestCheckBounds(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		strings.Repeat("(", 5_000_000) + strings.Repeat(")", 5_000_000),
		strings.Repeat("(", 9_999), strings.Repeat("!", 19_990) + "true", strings.Repeat("-", 19_990) + "5 > 3",
		strings.Repeat("any(orders,", 1_500), strings.Repeat("[", 19_000), "ltv > " + strings.Repeat("9", 19_000), "ltv > 1e999999999", "ltv > 1e-999999",
		"ltv > 0." + strings.Repeat("0", 19_000) + "1", strings.Repeat("1+", 9_000) + "1 > ltv", strings.Repeat("ltv+", 4_000) + "1 > 1",
		"prefecture == \"" + strings.Repeat("あ", 6_000) + "\"", strings.Repeat("traits.x.", 2_000) + "y", "\"" + strings.Repeat(`\u`, 5000), strings.Repeat("{", 10_000),
	} {
		start := time.Now()
		err := Check(src)
		if took := time.Since(start); took > 20*time.Second { // without the bounds it would be for ever
			t.Errorf("%.40s... took %v", src, took)
		}
		var e *enishi.Error
		if err != nil && (!errors.As(err, &e) || e.Line == 0) {
			t.Errorf("%.40s...: %v", src, err)
		}
	}
}
