package codes

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Payment gives our word (enishi.Order.PaymentMethod) for the name of a way to pay as Japanese shop systems write it, by what
// the name holds: card, konbini, bank_transfer, pay_later, cod, paypay, amazon_pay; other for a name that is not known, "" for
// none.
func Payment(name string) string { return first(payments[:], name, "other") }

// payments are looked through in order: コンビニ後払い is pay_later, コンビニ is konbini.
var payments = [...]word{
	{"後払い", "pay_later"}, {"あと払い", "pay_later"}, {"ペイディ", "pay_later"}, {"paidy", "pay_later"}, {"atone", "pay_later"}, {"deferred", "pay_later"},
	{"代引", "cod"}, {"代金引換", "cod"}, {"cash on delivery", "cod"}, {"(cod)", "cod"}, {"コレクト", "cod"},
	{"paypay", "paypay"}, {"amazon", "amazon_pay"},
	{"コンビニ", "konbini"}, {"konbini", "konbini"}, {"セブンイレブン", "konbini"}, {"ローソン", "konbini"}, {"ファミリーマート", "konbini"},
	{"銀行", "bank_transfer"}, {"振込", "bank_transfer"}, {"振替", "bank_transfer"}, {"ペイジー", "bank_transfer"}, {"bank", "bank_transfer"},
	{"クレジット", "card"}, {"カード", "card"}, {"card", "card"}, {"shopify payments", "card"}, {"shopify_payments", "card"}, {"stripe", "card"}, {"sbペイメント", "card"}, {"gmo", "card"}, {"visa", "card"},
}

// Carrier gives the short name of a carrier: yamato, sagawa, japanpost, seino, fukuyama; any other name as it is, "" for none.
// Names of its services count too (ネコポス, 飛脚宅配便, ゆうパケット).
func Carrier(name string) string { return first(carriers[:], name, strings.TrimSpace(name)) }

var carriers = [...]word{
	{"ヤマト", "yamato"}, {"クロネコ", "yamato"}, {"ネコポス", "yamato"}, {"宅急便", "yamato"}, {"yamato", "yamato"},
	{"佐川", "sagawa"}, {"飛脚", "sagawa"}, {"sagawa", "sagawa"},
	{"日本郵便", "japanpost"}, {"郵便", "japanpost"}, {"ゆうパ", "japanpost"}, {"ゆうメール", "japanpost"}, {"レターパック", "japanpost"}, {"クリックポスト", "japanpost"}, {"定形外", "japanpost"}, {"ems", "japanpost"}, {"japan post", "japanpost"}, {"japanpost", "japanpost"},
	{"西濃", "seino"}, {"カンガルー", "seino"}, {"seino", "seino"}, {"福山", "fukuyama"}, {"fukuyama", "fukuyama"},
}

// Marketplace gives the short name of the marketplace in the name of a shop (rakuten, amazon, yahoo, aupay, qoo10, zozotown);
// "" for a shop of one's own.
func Marketplace(shop string) string { return first(marketplaces[:], shop, "") }

var marketplaces = [...]word{
	{"楽天", "rakuten"}, {"rakuten", "rakuten"}, {"amazon", "amazon"}, {"アマゾン", "amazon"}, {"yahoo", "yahoo"}, {"ヤフー", "yahoo"},
	{"aupay", "aupay"}, {"au pay", "aupay"}, {"wowma", "aupay"}, {"qoo10", "qoo10"}, {"zozo", "zozotown"},
}

type word struct{ has, means string }

// first is what the first word means that the name holds.
func first(words []word, name, otherwise string) string {
	s := strings.ToLower(norm.NFKC.String(strings.TrimSpace(name)))
	if s == "" {
		return ""
	}
	for _, w := range words {
		if strings.Contains(s, w.has) {
			return w.means
		}
	}
	return otherwise
}
