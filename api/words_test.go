package api

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/definitions"
	"enishi/journeys"
	"enishi/segments"
)

var (
	japanese = regexp.MustCompile(`[ぁ-んァ-ヶ一-龠]`)
	// Words of other languages that stand in Japanese texts by right: names, units, and what the shop itself wrote.
	foreign = regexp.MustCompile(`Gmail|iCloud|Outlook・Hotmail|Yahoo!|NTT|DMARC|DKIM|SPF|BIMI|MX|LINE|Instagram|Messenger|LTV|AOV|VIP|SMS|SNS|NPS|PWA|Kafka|DM|JSON|PayPay|Amazon Pay|https?://\S+|EN\d+(-\d+)?|ginza(:[\d:-]+)?|DEMO-\S+|Q1`)
	latin   = regexp.MustCompile(`[A-Za-z_]{3,}`)
	hexID   = regexp.MustCompile(`[0-9a-f]{32}`)
)

// checkJA fails for a Japanese text with an id or a word of another language in it.
func checkJA(t testing.TB, where, text string) {
	t.Helper()
	if hexID.MatchString(text) {
		t.Errorf("%s: an id in %q", where, text)
	}
	if word := latin.FindString(foreign.ReplaceAllString(text, "")); word != "" {
		t.Errorf("%s: %q in the Japanese text %q", where, word, text)
	}
}

// checkTexts goes through an answer and checks each {"ja", "en"}.
func checkTexts(t testing.TB, where, text string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	walk(map[string]any{"answer": v}, func(key string, v any) {
		both, ok := v.(map[string]any)
		if !ok {
			return
		}
		if ja, ok := both["ja"].(string); ok && len(both) == 2 {
			en, _ := both["en"].(string)
			checkJA(t, where+" "+key, ja)
			if (ja == "") != (en == "") {
				t.Errorf("%s %s: one language is missing: %q, %q", where, key, ja, en)
			}
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	for key, x := range words {
		if x.JA == "" || x.EN == "" {
			t.Errorf("%s has no text in a language", key)
		}
		checkJA(t, key, x.JA)
	}
	for _, family := range []string{"order_status", "shipment_status", "carrier", "channel", "check", "reason", "delivery", "run_end", "node", "risk", "identifier", "type", "payment"} {
		if x := word(family, "no_such_code"); !japanese.MatchString(x.JA) || strings.Contains(x.JA, "no_such_code") {
			t.Errorf("an unknown %s reads %q", family, x.JA)
		}
	}
}

func TestEveryCodeHasAWord(t *testing.T) {
	t.Parallel()
	f := func(family string, codes ...string) {
		t.Helper()
		for _, c := range codes {
			if _, ok := words[family+"."+c]; !ok {
				t.Errorf("%s %s has no word", family, c)
			}
		}
	}
	f("order_status", "placed", "pending", "overdue", "payment_failed", "paid", "confirmed", "shipped", "delivered", "cancelled", "refunded", "returned")
	f("shipment_status", "created", "updated", "shipped", "in_transit", "out_for_delivery", "attempted", "held", "delayed", "ready_for_pickup", "picked_up", "delivered", "returned")
	f("channel", segments.Channels()...)
	f("channel", enishi.NoticeChannel, channels.WebhookChannel)
	f("check", "template", "address", "suppression", "consent", "hold", "run", "freshness", "window", "sender", "cap", "quiet_hours", "holdout", "notice")
	f("reason", "bounced", "blocked", "not_friend", "erased", "quota", "rate", "expired", "suppressed", "notice", "unreachable", "answer")
	f("delivery", "decided", "intent", "sent", "failed", "unknown", "refused", "deferred", "dropped")
	f("run_end", "completed", "goal", "exited", "merged", "cancelled", "error")
	f("refused", "reentry", "already", "too_many_runs", "call", "excluded", "where", "no_key", "running")
	f("node", journeys.NodeTypes()...)
	f("made", "set", "points")
	f("why", "card_expired", "card_declined", "customer")
	f("trait", enishi.TraitNames[:]...)
	for _, k := range enishi.Kinds() {
		f("identifier", k.String())
	}
	for _, status := range sortedKeys(journeyStates) {
		f("journey_status", status)
	}
	for _, op := range operations() {
		f("role", string(op.role))
	}
	for _, info := range enishi.Types() {
		x := typeLabel(info.Name)
		if x.EN == "" || x.EN == x.JA || !japanese.MatchString(x.JA) {
			t.Errorf("type %s reads %q, %q", info.Name, x.JA, x.EN)
		}
		checkJA(t, info.Name, x.JA)
		if kindOf(info.Name) == "other" && !strings.HasPrefix(info.Name, "review.") && !strings.HasPrefix(info.Name, "referral.") && !strings.HasPrefix(info.Name, "survey.") {
			t.Errorf("type %s has no kind", info.Name)
		}
	}
}

// told is a teller at noon of 21 November 2026 in Japan.
func told() *teller {
	tokyo := time.FixedZone("JST", 9*3600)
	return &teller{titles: &titles{log: definitions.NewLog(), known: map[[2]string]titled{}}, now: time.Date(2026, 11, 21, 12, 0, 0, 0, tokyo), zone: tokyo}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC) // 10:00 in Japan
	f := func(channel string, checks []enishi.Check, sent bool, reason, ja, en string) {
		t.Helper()
		d := decisionRow{At: at, Channel: channel, Journey: "gone", Sent: sent, Reason: reason}
		told().decision(&d, checks)
		if d.Sentence.JA != ja || d.Sentence.EN != en {
			t.Errorf("got  %q\n     %q\nwant %q\n     %q", d.Sentence.JA, d.Sentence.EN, ja, en)
		}
		checkJA(t, "sentence", d.Sentence.JA)
		for _, c := range d.Checks {
			checkJA(t, "check "+c.Name, c.Label.JA+c.Detail.JA)
		}
	}
	ok := enishi.Check{Name: "template", OK: true, Detail: "welcome_mail"}
	fails := func(name, detail string) []enishi.Check { return []enishi.Check{ok, {Name: name, Detail: detail}} }
	f("webhook", []enishi.Check{ok}, true, "sent", "11/20 10:00 外部連携: 「削除されたジャーニー」が外部システムを呼び出しました", "20 Nov 10:00 Webhook: “a deleted journey” called another system")
	f("webhook", fails("run", "ended"), false, "run", "11/20 10:00 外部連携: ジャーニーがすでに終わっていたため呼び出しませんでした", "20 Nov 10:00 Webhook: not called because the journey had ended for this person")
	f("webhook", nil, false, "expired", "11/20 10:00 外部連携: 送信期限切れのため呼び出しませんでした", "20 Nov 10:00 Webhook: not called: too late to send")
	f("line", fails("cap", "2/7d"), false, "cap", "11/20 10:00 LINE: 今週の上限（2 通）に達していたため送りませんでした", "20 Nov 10:00 LINE: not sent because the cap of 2 per week was reached")
	f("line", fails("cap", "5/10d"), false, "cap", "11/20 10:00 LINE: 10 日の上限（5 通）に達していたため送りませんでした", "20 Nov 10:00 LINE: not sent because the cap of 5 per 10 days was reached")
	f("email", fails("cap", "1/7d chosen, last at 2026-11-03T03:00:00Z"), false, "cap", "11/20 10:00 メール: ご本人が選んだ回数（週に 1 通まで）に達していたため送りませんでした", "20 Nov 10:00 E-mail: not sent because this person chose at most one mail a week")
	f("email", fails("cap", "1/30d chosen, last at 2026-11-03T03:00:00Z"), false, "cap", "11/20 10:00 メール: ご本人が選んだ回数（月に 1 通まで）に達していたため送りませんでした", "20 Nov 10:00 E-mail: not sent because this person chose at most one mail a month")
	f("email", fails("consent", "unknown"), false, "consent", "11/20 10:00 メール: メールの配信許可がないため送りませんでした", "20 Nov 10:00 E-mail: not sent because there is no permission for E-mail")
	f("email", fails("consent", "out since 2026-11-03T03:00:00Z"), false, "consent", "11/20 10:00 メール: 11/3 12:00 にメールの配信を停止しているため送りませんでした", "20 Nov 10:00 E-mail: not sent because the permission for E-mail was withdrawn on 3 Nov 12:00")
	f("line", fails("suppression", "not_friend"), false, "suppression", "11/20 10:00 LINE: LINE の友だちではないため送りませんでした", "20 Nov 10:00 LINE: not sent because this person is not a LINE friend")
	f("line", fails("suppression", "blocked"), false, "suppression", "11/20 10:00 LINE: LINE をブロック中のため送りませんでした", "20 Nov 10:00 LINE: not sent because the LINE account is blocked")
	f("email", fails("suppression", "bounced"), false, "suppression", "11/20 10:00 メール: 届かない宛先のため送りませんでした", "20 Nov 10:00 E-mail: not sent because the address bounced or complained")
	f("email", fails("address", "no email address"), false, "address", "11/20 10:00 メール: メールの宛先が登録されていないため送りませんでした", "20 Nov 10:00 E-mail: not sent because no E-mail address is known")
	f("email", fails("hold", "complaint until released"), false, "hold", "11/20 10:00 メール: 配信を保留しているため送りませんでした", "20 Nov 10:00 E-mail: not sent because marketing is on hold")
	f("email", fails("hold", "complaint until 2027-01-05T00:00:00Z"), false, "hold", "11/20 10:00 メール: 2027/1/5 09:00 まで配信を保留しているため送りませんでした", "20 Nov 10:00 E-mail: not sent because marketing is on hold until 5 Jan 2027 09:00")
	f("email", fails("freshness", "due 2026-11-18T01:00:00Z, send by 2026-11-19T01:00:00Z"), false, "freshness", "11/20 10:00 メール: 送信期限（11/19 10:00）を過ぎていたため送りませんでした", "20 Nov 10:00 E-mail: not sent because it was too late: send by 19 Nov 10:00")
	f("line", fails("quiet_hours", "until 2026-11-21T00:00:00Z"), false, "quiet_hours", "11/20 10:00 LINE: 送らない時間帯のため、11/21 09:00 に判断し直します", "20 Nov 10:00 LINE: quiet hours: decided again 21 Nov 09:00")
	f("line", fails("quiet_hours", "too late when it ends"), false, "quiet_hours", "11/20 10:00 LINE: 送らない時間帯が終わるころには送信期限を過ぎるため送りませんでした", "20 Nov 10:00 LINE: not sent because it would be too late when the quiet hours end")
	f("line", fails("cap", "1/7d journey, again at 2026-11-21T00:00:00Z"), false, "cap", "11/20 10:00 LINE: このジャーニーの今週の上限（1 通）に達していたため送りませんでした", "20 Nov 10:00 LINE: not sent because this journey's cap of 1 per week was reached")
	f("line", fails("holdout", "journey"), false, "holdout", "11/20 10:00 LINE: このジャーニーの効果を比べるために送らない人に選ばれているため送りませんでした", "20 Nov 10:00 LINE: not sent because this person is in the holdout of this journey")
	f("line", fails("sender", "quota"), false, "refused", "11/20 10:00 LINE: 今月の LINE 送信枠を使い切ったため送りませんでした", "20 Nov 10:00 LINE: not sent because the monthly LINE quota is used up")
	f("email", fails("run", "exited at 2026-11-19T01:00:00Z"), false, "run", "11/20 10:00 メール: ジャーニーがすでに終わっていたため送りませんでした", "20 Nov 10:00 E-mail: not sent because the journey had ended for this person")
	f("email", fails("template", "no template x for email"), false, "template", "11/20 10:00 メール: 使うテンプレートが見つからなかったため送りませんでした", "20 Nov 10:00 E-mail: not sent because its template was not there")
	f("email", fails("brand_new_rule", "internal_code"), false, "brand_new_rule", "11/20 10:00 メール: 配信の条件に合わなかったため送りませんでした", "20 Nov 10:00 E-mail: not sent because a rule did not allow it")
	f("email", []enishi.Check{ok}, true, "sent", "11/20 10:00 メール: 「削除されたジャーニー」を送りました", "20 Nov 10:00 E-mail: sent “a deleted journey”")
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	yen := func(n int) enishi.Amount { return enishi.Amount(n) * enishi.Unit }
	f := func(e enishi.Event, ja string) {
		t.Helper()
		got := told().summary(&e)
		if got.JA != ja {
			t.Errorf("%s: %q, want %q", e.Type, got.JA, ja)
		}
		if (got.JA == "") != (got.EN == "") {
			t.Errorf("%s: one language is missing: %q, %q", e.Type, got.JA, got.EN)
		}
	}
	lines := []enishi.Line{{Name: "化粧水", Quantity: 1, Price: yen(100)}, {Name: "乳液", Quantity: 2}}
	f(enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "EN1", Lines: lines, PaymentMethod: "konbini", ShipTo: &enishi.Address{IsGift: true}}}, "注文番号 EN1・化粧水 ほか 1 点・ギフト・コンビニ払い")
	f(enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "EN1", Lines: []enishi.Line{{ProductID: "p", Quantity: 3}}, PaymentMethod: "barter"}}, "注文番号 EN1・3 点・その他の支払方法")
	f(enishi.Event{Type: "shipment.shipped", Shipment: &enishi.Shipment{OrderID: "EN1", Carrier: "sagawa", Tracking: "12-34", Number: 2, Of: 3, EstimatedAt: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)}}, "佐川急便 12-34・3 個口の 2 個目・注文番号 EN1・お届け予定 11/23")
	f(enishi.Event{Type: "shipment.shipped", Shipment: &enishi.Shipment{OrderID: "EN1", Carrier: "pigeon"}}, "配送会社・注文番号 EN1")
	f(enishi.Event{Type: "search.performed", Web: &enishi.Web{Query: "化粧水", Results: 12}}, "「化粧水」・12 件")
	f(enishi.Event{Type: "product.viewed", Web: &enishi.Web{Product: &enishi.Product{Name: "乳液"}}}, "乳液")
	f(enishi.Event{Type: "consent.changed", Consent: []enishi.ConsentChange{{Channel: "email", State: "out"}, {Channel: "line", Purpose: "transactional", State: "in"}}}, "メール（販促）: 配信停止・LINE（お知らせ（取引））: 許可")
	f(enishi.Event{Type: "message.refused", Result: &enishi.MessageResult{Channel: "line", Journey: "x", Reason: "quota"}}, "LINE・削除されたジャーニー・今月の LINE 送信枠を使い切った")
	f(enishi.Event{Type: "message.dropped", Result: &enishi.MessageResult{Channel: "email", Reason: "cancel:consent:out"}}, "メール・同意なし")
	f(enishi.Event{Type: "message.failed", Result: &enishi.MessageResult{Channel: "email", Reason: "some_new_code"}}, "メール・その他の理由")
	f(enishi.Event{Type: "points.redeemed", Points: &enishi.Points{Amount: 300}}, "-300 ポイント")
	f(enishi.Event{Type: "review.written", Review: &enishi.Review{Rating: 4, Title: "良い"}}, "★4・良い")
	f(enishi.Event{Type: "risk.flagged", Risk: &enishi.Risk{Flag: "reseller", Set: false}}, "転売の疑いを解除")
	f(enishi.Event{Type: "hold.placed", Hold: &enishi.Hold{Reason: "ご不幸", Until: time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)}}, "ご不幸・2027/1/5 まで")
	f(enishi.Event{Type: "person.identified", Person: &enishi.Person{Email: "a@b.example", AnonymousID: "x"}}, "メール")
	f(enishi.Event{Type: "page.viewed", Context: &enishi.Context{Title: "トップ", Path: "/"}}, "トップ")
	f(enishi.Event{Type: "app.opened"}, "")
}

func TestMoney(t *testing.T) {
	t.Parallel()
	f := func(amount, currency, want string) {
		t.Helper()
		m, err := enishi.ParseAmount(amount)
		if err != nil {
			t.Fatal(err)
		}
		if got := moneyText(m, currency); got != want {
			t.Errorf("%s %s: %s, want %s", amount, currency, got, want)
		}
	}
	f("0", "JPY", "¥0")
	f("999", "", "¥999")
	f("84200", "JPY", "¥84,200")
	f("-1234567", "JPY", "-¥1,234,567")
	f("12.5", "USD", "$12.50")
	f("1234.56", "BRL", "1,234.56 BRL")
}
