package segments

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
)

// hanako is the example person of the reference, at noon of 22 November 2026 in Japan.
var (
	hanakoAt    = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	hanakoWords = [2]string{
		`The answers are those for Hanako Satō (サトウ) of 東京都 (lat 35.658, lon 139.751; the store ginza is 2 km away), female, born on 25 November 1990, 500 points, member since 1 February 2025, with a mail address and permission for it, friend on LINE. She placed two orders: on 10 August in a store for 12,000 yen (two 化粧水 SK-1 "しっとり化粧水" at 3,000, one 乳液 at 6,000) and on 5 November on the web for 9,000 yen (a 化粧水 SK-2, 500 off). She viewed a 化粧水 on 20 November at 18:00. The clock is 22 November 2026, 12:00 in Japan.`,
		`答えは次の例の方のものです。佐藤花子（サトウ）さん、東京都（緯度 35.658・経度 139.751、銀座店から 2 km）、女性、1990 年 11 月 25 日生まれ、500 ポイント、2025 年 2 月 1 日に会員登録、メールアドレスあり（配信許可あり）、LINE 友だち。注文は 2 回: 8 月 10 日に店舗で 12,000 円（化粧水 SK-1「しっとり化粧水」3,000 円を 2 点、乳液 6,000 円を 1 点）、11 月 5 日に Web で 9,000 円（化粧水 SK-2、500 円引き）。11 月 20 日 18 時に化粧水を閲覧。現在は 2026 年 11 月 22 日 12 時（日本時間）です。`}
)

func hanako() *profiles.View {
	day := func(month time.Month, d, hour int) time.Time {
		return time.Date(2026, month, d, hour-9, 0, 0, 0, time.UTC)
	}
	yen := func(n int64) enishi.Amount { return enishi.Amount(n) * enishi.Unit }
	order := func(n string, at time.Time, channel string, total, discount int64, lines ...enishi.Line) profiles.OrderView {
		return profiles.OrderView{Order: &enishi.Order{OrderID: n, Currency: "JPY", Total: yen(total), Discount: yen(discount), Lines: lines}, Channel: channel, Status: "delivered", PlacedAt: at,
			Revenue: yen(total), Items: int64(len(lines)), Valid: true}
	}
	text := enishi.TextValue
	first, last := day(8, 10, 15), day(11, 5, 20)
	return &profiles.View{ID: id("person", 25), OrdersCount: 2, ManualOrdersCount: 2, LTV: yen(21000), Currency: "JPY", FirstOrderAt: first, LastOrderAt: last, LastManualOrderAt: last,
		LastVisitAt: day(11, 20, 18), SignedUpAt: time.Date(2025, 1, 31, 15, 0, 0, 0, time.UTC), Points: 500,
		Traits: map[string]enishi.Value{"prefecture": text("東京都"), "gender": text("female"), "birthday": text("1990-11-25"), "family_name": text("佐藤"), "given_name": text("花子"), "family_name_kana": text("サトウ"), "lat": enishi.NumberValue(35.658), "lon": enishi.NumberValue(139.751)},
		Orders: []profiles.OrderView{
			order("1", first, "store", 12000, 0, enishi.Line{ProductID: "SK-1", Name: "しっとり化粧水", Category: "化粧水", Quantity: 2, Price: yen(3000)}, enishi.Line{ProductID: "EM-1", Category: "乳液", Quantity: 1, Price: yen(6000)}),
			order("2", last, "web", 9000, 500, enishi.Line{ProductID: "SK-2", Category: "化粧水", Quantity: 1, Price: yen(4500), Discount: yen(500)})},
		Visits: []profiles.Visit{{Event: id("visit", 25), At: day(11, 20, 18), Type: "product.viewed", Category: "化粧水"}},
		Profile: &profiles.Profile{Subjects: []profiles.Subject{
			{ID: id("s", 25), Kind: enishi.Email, Value: "h@x.example", Consents: []profiles.Consent{{Channel: "email", Purpose: "marketing", At: first}}},
			{ID: id("s", 26), Kind: enishi.LINEUser, Value: "U1", Lifetime: profiles.Lifetime{LineFollowed: first}}}}}
}

// referenceLibrary is what the examples name.
var referenceLibrary = Library{Store: storeAt, Segment: func(name string) (string, bool) { return "ltv >= 20000", name == "vip" },
	Ranking: func(name string) (*Cuts, bool) {
		c, ok := map[string]*Cuts{
			rfmMonetary: {Order: RFM()[rfmMonetary].Order, Points: []string{"3000", "8000", "20000", "50000"}, ComputedAt: hanakoAt},
			"best":      {Order: Order{Measure: "ltv", By: By{Top: 100}}, Points: []string{"80000"}, ComputedAt: hanakoAt}}[name]
		return c, ok
	}}

// TestReferenceIsWhole: every function that the compiler takes has an entry, and every entry is taken; each example holds or
// does not hold for the example person as it says, by Match and by SQL.
func TestReferenceIsWhole(t *testing.T) {
	t.Parallel()
	known := slices.Concat([]string{"count", "any", "all", "none", "sum", "filter"}, slices.Collect(maps.Keys(signatures)))
	var named []string
	for _, f := range Functions() {
		named = append(named, f.Name)
		if !strings.Contains(f.Signature, f.Name+"(") {
			t.Errorf("the signature of %s is %s", f.Name, f.Signature)
		}
	}
	slices.Sort(known)
	slices.Sort(named)
	if !slices.Equal(known, named) {
		t.Errorf("the compiler knows the functions %v\nthe reference has %v", known, named)
	}
	v := hanako()
	var segs []*Segment
	all := slices.Concat(Functions(), Symbols())
	for _, f := range all {
		if f.EN == "" || f.JA == "" || !strings.Contains(f.Example, f.Name) {
			t.Errorf("%s is not described, or its example does not use it", f.Name)
		}
		body, err := json.Marshal(Body{Expression: f.Example})
		if err != nil {
			t.Fatal(err)
		}
		s, err := referenceLibrary.Compile("s", 1, body)
		if err != nil {
			t.Fatalf("%s: %v", f.Example, err)
		}
		if got := s.Match(v, hanakoAt); got != f.Answer {
			t.Errorf("%s: Match gives %v", f.Example, got)
		}
		segs = append(segs, s)
	}
	db := openDB(t, "reference")
	insertPeople(t, db, []*profiles.View{v})
	query, args := matrix(segs, hanakoAt)
	for k, got := range readMatrix(t, db, query, args)[text16(v.ID)] {
		if (got == 1) != all[k].Answer {
			t.Errorf("%s: SQL gives %d", all[k].Example, got)
		}
	}
}

// TestReference compares the reference pages with what the code has; -update writes them.
func TestReference(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"segments-reference.md", "segments-reference.ja.md"} {
		path := filepath.Join("..", "docs", name)
		want := reference(i)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || string(have) != want {
			t.Errorf("docs/%s is not what the code has (%v): run go test ./segments -run Reference -update", name, err)
		}
	}
}

// reference is the page in English (0) or Japanese (1).
func reference(ja int) string {
	var b strings.Builder
	say := func(en, japanese string) string { return [2]string{en, japanese}[ja] }
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s\n", say("Segments: reference", "セグメントの書き方（リファレンス）"))
	line("%s\n", say("Generated from the code by `go test ./segments -run Reference -update`; a test evaluates every example. How missing values, time and text behave: [segments.md](segments.md). 日本語: [segments-reference.ja.md](segments-reference.ja.md).",
		"コードから生成されています（`go test ./segments -run Reference -update`）。すべての例はテストで評価されます。値がないとき・時刻・文字列の扱いは [segments.md](segments.md)（英語）にあります。English: [segments-reference.md](segments-reference.md)。"))
	line("%s\n", hanakoWords[ja])
	table := func(title string, list []Function) {
		line("## %s\n\n| %s |\n|---|---|---|---|", title, say("how | what | example | answer", "書き方 | 意味 | 例 | 答え"))
		for _, f := range list {
			cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
			line("| `%s` | %s | `%s` | %s |", cell(f.Signature), say(f.EN, f.JA), cell(f.Example), map[bool]string{true: say("yes", "はい"), false: say("no", "いいえ")}[f.Answer])
		}
		line("")
	}
	table(say("Functions", "関数"), Functions())
	table(say("Operators", "演算子"), Symbols())
	kind := func(k Kind) string { return say(k.String(), k.JA()) }
	line("## %s\n\n| %s |\n|---|---|---|", say("Values of a person", "お客様の項目"), say("name | kind | what", "名前 | 種類 | 意味"))
	for _, f := range Fields() {
		line("| `%s` | %s | %s |", f.Name, kind(f.Kind), say(f.EN, f.JA))
	}
	line("| `traits.%s` | %s | %s |", say("NAME", "名前"), kind(Untyped), say("Any trait that came with an event", "イベントで届いた属性"))
	for _, ch := range Channels() {
		line("| `consent.%s` | %s | %s |", ch, kind(Bool), say("Marketing is permitted on "+ch, "配信許可（"+ch+"）"))
	}
	line("\n%s\n", say("A name that is also a list's is the list where a list is taken, else the number.", "リストと同じ名前のものは、リストを書く場所ではリスト、それ以外では数値です。"))
	line("## %s\n", say("Lists", "リスト"))
	for _, c := range Collections() {
		bound := say(fmt.Sprintf("at most %d", c.Max), fmt.Sprintf("最大 %d 件", c.Max))
		if c.Window > 0 {
			days := int(c.Window.Hours() / 24)
			bound += say(fmt.Sprintf(", of the last %d days", days), fmt.Sprintf("、過去 %d 日", days))
		}
		line("### `%s`: %s\n\n%s%s\n\n| %s |\n|---|---|---|", c.Name, say(c.EN, c.JA), bound, say(".", "。"), say("field | kind | what", "項目 | 種類 | 意味"))
		for _, f := range c.Fields {
			line("| `.%s` | %s | %s |", f.Name, kind(f.Kind), say(f.EN, f.JA))
		}
		line("")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
