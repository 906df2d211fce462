package segments

// Function is a function or an operator of the language as a reference shows it. A test holds the table against what the
// compiler takes, and evaluates each example on the reference's example person.
type Function struct {
	Name      string
	Signature string
	EN, JA    string // what it gives, in a line
	Example   string
	Answer    bool // of the example person
}

// Functions are the functions, in the order in which a reference shows them.
func Functions() []Function {
	return []Function{
		{"count", `count(LIST [, CONDITION])`, "how many fulfil a condition", "条件に合うものの数", `count(orders, .total >= 5000) >= 2`, true},
		{"any", `any(LIST, CONDITION)`, "at least one fulfils it", "条件に合うものがある", `any(views, .category == "化粧水" && .at > ago("7d"))`, true},
		{"all", `all(LIST, CONDITION)`, "all fulfil it; so do none at all", "すべてが条件に合う（0 件でも成り立つ）", `all(orders, .channel == "store")`, false},
		{"none", `none(LIST, CONDITION)`, "none fulfils it", "条件に合うものがない", `none(shipments, .status == "delayed")`, true},
		{"filter", `filter(LIST, CONDITION)`, "the list of those that fulfil it, wherever a list is taken", "条件に合うものだけのリスト（リストを書く場所で使う）", `sum(filter(orders, .placed_at > ago("90d")), .total) >= 10000`, false},
		{"sum", `sum(LIST, NUMBER)`, "the sum; of nothing 0", "合計（0 件なら 0）", `sum(orders, .total) > 30000`, false},
		{"min", `min(LIST, VALUE)`, "the smallest or the earliest", "最も小さい値・最も早い日時", `min(orders, .placed_at) > ago("365d")`, true},
		{"max", `max(LIST, VALUE)`, "the largest or the latest", "最も大きい値・最も遅い日時", `max(orders, .total) >= 10000`, true},
		{"avg", `avg(LIST, NUMBER)`, "the average; missing of nothing", "平均（0 件なら値なし）", `avg(orders, .total) >= 5000`, true},
		{"first", `first(LIST, FIELD)`, "a field of the earliest element", "最も古いものの項目", `first(orders, .channel) == "store"`, true},
		{"last", `last(LIST, FIELD)`, "a field of the latest element", "最も新しいものの項目", `last(orders, .total) >= 5000`, true},
		{"distinct", `distinct(LIST, FIELD)`, "how many different values there are", "値の種類の数", `distinct(lines, .category) >= 3`, false},
		{"ago", `ago("90d")`, "so many days (d), hours (h) or minutes (m) before now", "今から何日（d）・何時間（h）・何分（m）前", `last_order_at < ago("90d")`, false},
		{"now", `now()`, "now", "今", `last_order_at <= now()`, true},
		{"date", `date("2026-11-01")`, "a date at its midnight, or an instant with a time", "日付（その日の 0 時）。時刻も書ける", `signed_up_at >= date("2026-04-01")`, false},
		{"today", `today()`, "the start of today", "今日の 0 時", `last_visit_at >= today()`, false},
		{"this_week", `this_week()`, "the start of this week's Monday", "今週の月曜日の 0 時", `count(visits, .at >= this_week()) >= 1`, true},
		{"this_month", `this_month()`, "the start of this month", "今月 1 日の 0 時", `count(orders, .placed_at >= this_month()) >= 1`, true},
		{"last_month", `last_month()`, "the start of last month", "先月 1 日の 0 時", `any(orders, .placed_at >= last_month() && .placed_at < this_month())`, false},
		{"this_year", `this_year()`, "the start of this year", "今年 1 月 1 日の 0 時", `signed_up_at >= this_year()`, false},
		{"fiscal_year", `fiscal_year()`, "the start of the fiscal year, 1 April", "今年度 4 月 1 日の 0 時", `sum(filter(orders, .placed_at >= fiscal_year()), .revenue) >= 10000`, true},
		{"birthday_within", `birthday_within("7d")`, "the birthday is today or in the next days (at most 180)", "誕生日が今日から何日以内（180 日まで）", `birthday_within("7d")`, true},
		{"distance", `distance("STORE")`, "kilometres that the person lives from a store", "店舗までの距離（km）", `distance("ginza") < 10`, true},
		{"fold", `fold(TEXT)`, "text without differences of width, case and kana", "全角・半角、大文字・小文字、ひらがな・カタカナを区別しない", `fold(family_name_kana) == "さとう"`, true},
		{"in_segment", `in_segment("NAME")`, "another segment's condition holds", "別のセグメントの条件に合う", `in_segment("vip") && !has_email`, false},
		{"in_list", `in_list("NAME")`, "the person is on a static list", "静的リストに入っている", `in_list("fair-2026")`, false},
		{"rank", `rank("NAME")`, "the rank by a ranking, 1 the lowest", "ランキングの順位（1 が最も低い）", `rank("rfm-monetary") >= 4`, true},
		{"top", `top("NAME")`, "among the top of a ranking", "ランキングの上位に入っている", `top("best")`, false},
		{"present", `present(VALUE)`, "there is a value", "値がある", `present(last_order_at)`, true},
		{"missing", `missing(VALUE)`, "there is none", "値がない", `missing(traits.shoe_size)`, true},
	}
}

// Symbols are the operators, in the order in which a reference shows them.
func Symbols() []Function {
	return []Function{
		{"&&", `CONDITION && CONDITION`, "both hold", "両方が成り立つ", `orders_count >= 2 && line_friend`, true},
		{"||", `CONDITION || CONDITION`, "one of them holds", "どちらかが成り立つ", `orders_count >= 5 || ltv >= 10000`, true},
		{"!", `!CONDITION`, "it does not hold", "成り立たない", `!consent.email`, false},
		{"==", `VALUE == VALUE`, "equal", "等しい", `prefecture == "東京都"`, true},
		{"!=", `VALUE != VALUE`, "not equal; of a missing number or time false", "等しくない（値のない数値・日時では成り立たない）", `gender != "female"`, false},
		{"<", `VALUE < VALUE`, "less, earlier", "より小さい・より前", `age < 30`, false},
		{"<=", `VALUE <= VALUE`, "at most, not later", "以下・以前", `age <= 36`, true},
		{">", `VALUE > VALUE`, "more, later", "より大きい・より後", `points > 500`, false},
		{">=", `VALUE >= VALUE`, "at least, not earlier", "以上・以後", `points >= 500`, true},
		{"in", `VALUE in [VALUE, ...]`, "one of these", "いずれかに等しい", `prefecture in ["東京都", "大阪府"]`, true},
		{"contains", `TEXT contains "..."`, "has this text within", "文字列を含む", `any(lines, .name contains "化粧")`, true},
		{"startsWith", `TEXT startsWith "..."`, "begins with this text", "文字列で始まる", `any(lines, .product_id startsWith "SK-")`, true},
		{"endsWith", `TEXT endsWith "..."`, "ends with this text", "文字列で終わる", `prefecture endsWith "府"`, false},
		{"+", `NUMBER + NUMBER`, "the sum", "足し算", `sum(orders, .total + .discount) == 21500`, true},
		{"-", `NUMBER - NUMBER`, "the difference", "引き算", `orders_count - manual_orders_count >= 1`, false},
		{"*", `NUMBER * NUMBER`, "the product", "掛け算", `max(lines, .price * .quantity) == 6000`, true},
		{"/", `NUMBER / NUMBER`, "the quotient; missing of a division by zero", "割り算（0 で割ると値なし）", `ltv / orders_count >= 9000`, true},
	}
}
