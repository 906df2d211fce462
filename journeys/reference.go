package journeys

import (
	"reflect"
	"strings"
)

// Variable is a value that templates may use.
type Variable struct {
	Name    string // as a template has it; "order.lines[].name" is that of each element of the list order.lines
	Kind    string // text, number, truth, list, map
	JA, EN  string // what it is
	Example string
}

// Variables are those that a message brings along, in the order of a reference. They are the fields of what is written into
// messages, so that there are no others.
func Variables() []Variable { return fieldsOf(reflect.TypeFor[variables](), "", "") }

// fieldsOf lists the fields of a struct under a path; shape is the path as the words have it.
func fieldsOf(t reflect.Type, path, shape string) []Variable {
	var out []Variable
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		at, of := f.Type, join(shape, name)
		if at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		switch {
		case at.Kind() == reflect.Struct:
			out = append(out, fieldsOf(at, join(path, name), of)...)
		case at.Kind() == reflect.Slice:
			out = append(out, variable(join(path, name), "list", of))
			out = append(out, fieldsOf(at.Elem(), join(path, name)+"[]", "line")...)
		default:
			if shape == "product" { // a product is a line by itself
				of = join("line", name)
			}
			out = append(out, variable(join(path, name), kindOf(at), of))
		}
	}
	return out
}

func variable(name, kind, shape string) Variable {
	w := variableWords[shape]
	return Variable{Name: name, Kind: kind, JA: w[0], EN: w[1], Example: w[2]}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "truth"
	case reflect.Int, reflect.Int64:
		return "number"
	case reflect.Map:
		return "map"
	}
	return "text"
}

// variableWords say in Japanese and English what each variable is, with an example.
var variableWords = map[string][3]string{
	"language":                  {"メッセージの言語", "language of the message", "ja"},
	"no_emoji":                  {"絵文字を使わない相手か（設定 no_emoji のセグメント）", "is in a segment that gets no emoji (no_emoji of the setting journeys)", "false"},
	"customer.family_name":      {"姓", "family name", "佐藤"},
	"customer.given_name":       {"名", "given name", "花子"},
	"customer.full_name":        {"氏名", "full name", "佐藤 花子"},
	"customer.family_name_kana": {"姓（カナ）", "family name in kana", "サトウ"},
	"customer.given_name_kana":  {"名（カナ）", "given name in kana", "ハナコ"},
	"customer.full_name_kana":   {"氏名（カナ）", "full name in kana", "サトウ ハナコ"},
	"customer.salutation":       {"宛名（名前がなければ「お客様」）", "how the message begins; Customer where no name is known", "佐藤 花子 様"},
	"customer.member_rank":      {"会員ランク", "member rank", "ゴールド"},
	"customer.points":           {"ポイント残高", "balance of points", "1200"},
	"customer.points_expiring":  {"次に失効するポイント", "points that run out next", "300"},
	"customer.points_expire_on": {"次にポイントが失効する日", "day on which they run out", "2026年12月31日(木)"},
	"order.order_id":            {"注文番号", "number of the order", "EN1000001"},
	"order.placed_at":           {"注文日", "day of the order", "2026年11月20日(金)"},
	"order.placed_at_raw":       {"注文日時（UTC）", "instant of the order (UTC)", "2026-11-20T03:00:00Z"},
	"order.total":               {"合計", "total", "¥10,230"},
	"order.total_value":         {"合計（数値）", "total as a plain number", "10230"},
	"order.subtotal":            {"小計", "subtotal", "¥10,230"},
	"order.subtotal_value":      {"小計（数値）", "subtotal as a plain number", "10230"},
	"order.discount":            {"値引き", "discount", "¥500"},
	"order.coupon_amount":       {"クーポン値引き", "discount by a coupon", "¥500"},
	"order.points_used":         {"ポイント利用額", "paid by points", "¥300"},
	"order.shipping_fee":        {"送料", "shipping fee", "¥550"},
	"order.cod_fee":             {"代引き手数料", "fee for cash on delivery", "¥330"},
	"order.payment_method":      {"支払い方法（コード）", "payment method (code)", "card"},
	"order.is_gift":             {"ギフトか", "is a gift", "false"},
	"order.items":               {"商品の点数", "number of items", "3"},
	"order.parcels":             {"荷物の数", "number of parcels", "2"},
	"order.parcels_delivered":   {"届いた荷物の数", "parcels that were delivered", "1"},
	"order.lines":               {"注文の明細（20 行まで）", "lines of the order, at most 20", ""},
	"order.more_lines":          {"ほかの明細の数", "how many lines there are besides", "0"},
	"shipment.shipment_id":      {"荷物の ID", "id of the parcel", "EN1000001-1"},
	"shipment.number":           {"何個目の荷物か", "number of the parcel", "1"},
	"shipment.of":               {"荷物は全部で何個か", "how many parcels there are", "2"},
	"shipment.partial":          {"分割発送か", "is one of several", "true"},
	"shipment.carrier":          {"配送会社（コード）", "carrier (code)", "yamato"},
	"shipment.carrier_name":     {"配送会社", "carrier", "ヤマト運輸"},
	"shipment.tracking":         {"送り状番号", "tracking number", "4053-0000-1111"},
	"shipment.tracking_url":     {"荷物追跡ページ", "carrier's page for the parcel", "https://member.kms.kuronekoyamato.co.jp/parcel/detail?pno=405300001111"},
	"shipment.estimated_on":     {"お届け予定日", "day of arrival", "2026年11月23日(月)"},
	"cart.cart_id":              {"カートの ID", "id of the cart", "cart-1"},
	"cart.value":                {"カートの合計", "value of the cart", "¥10,230"},
	"cart.value_value":          {"カートの合計（数値）", "value of the cart as a plain number", "10230"},
	"cart.items":                {"カートの点数", "number of items in the cart", "3"},
	"cart.lines":                {"カートの明細（20 行まで）", "lines of the cart, at most 20", ""},
	"cart.more_lines":           {"ほかの明細の数", "how many lines there are besides", "0"},
	"cart.url":                  {"カートのページ", "page of the cart", "https://shop.example/cart"},
	"cart.updated_at_raw":       {"カートの更新日時（UTC）", "instant of the last change (UTC)", "2026-11-21T03:00:00Z"},
	"line.product_id":           {"商品 ID", "id of the product", "KM-101"},
	"line.name":                 {"商品名", "name of the product", "うるおい化粧水"},
	"line.variant":              {"種類（色・サイズ）", "variant", "しっとり"},
	"line.brand":                {"ブランド", "brand", "縁コスメ"},
	"line.quantity":             {"数量", "quantity", "2"},
	"line.price":                {"単価", "unit price", "¥3,300"},
	"line.price_value":          {"単価（数値）", "unit price as a plain number", "3300"},
	"line.image_url":            {"商品画像", "picture of the product", "https://shop.example/km-101.jpg"},
	"line.available":            {"送る時点で買えるか", "can be bought when the message leaves", "true"},
	"line.stock":                {"送る時点の在庫数（在庫を数える商品だけ）", "stock when the message leaves; of products whose stock is counted", "12"},
	"line.price_now":            {"送る時点の価格", "price when the message leaves", "¥2,970"},
	"line.price_now_value":      {"送る時点の価格（数値）", "price when the message leaves, as a plain number", "2970"},
	"line.url":                  {"商品ページ", "page of the product", "https://shop.example/km-101"},
	"coupon.code":               {"クーポンコード（クーポンのイベントで始まるジャーニー）", "code of the coupon; in journeys that begin by a coupon's event", "WINTER500"},
	"coupon.campaign":           {"クーポンのキャンペーン", "campaign of the coupon", "winter"},
	"coupon.amount":             {"クーポンの金額", "amount of the coupon", "¥500"},
	"coupon.amount_value":       {"クーポンの金額（数値）", "amount as a plain number", "500"},
	"coupon.expires_on":         {"クーポンの有効期限", "last day of the coupon", "2026年12月31日(木)"},
	"properties":                {"独自イベントの属性（properties.名前）", "properties of a custom entry event, as properties.NAME", ""},
	"keys":                      {"ジャーニーのキー（keys.order_id など）", "keys of the journey, as keys.order_id", ""},
	"store.store_id":            {"購入した店舗の ID", "id of the store of the purchase", "ginza"},
	"links":                     {"設定したリンク（links.review など）、links.cart、links.tracking", "links of the settings, as links.review; links.cart, links.tracking", ""},
	"run":                       {"Webhook の応答（run.ステップ.status、run.ステップ.body.項目）", "answers of the run's webhooks, as run.NODE.status and run.NODE.body.NAME", ""},
	"person.profile":            {"顧客 ID（Webhook だけ）", "id of the profile; webhooks only", "0f6b2c"},
	"person.customer_id":        {"会員番号（Webhook だけ）", "customer id; webhooks only", "C-1001"},
	"person.email":              {"メールアドレス（Webhook だけ）", "mail address; webhooks only", "hanako@shop.example"},
	"person.phone":              {"電話番号（Webhook だけ）", "phone number; webhooks only", "+819012345678"},
	"person.line_user_id":       {"LINE ユーザー ID（Webhook だけ）", "LINE user id; webhooks only", "U4af49806"},
	"person.traits":             {"顧客項目（Webhook だけ、person.traits.名前）", "traits, as person.traits.NAME; webhooks only", ""},
}
