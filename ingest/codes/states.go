package codes

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Parcel gives the type of event that a carrier's word for the state of a parcel means (配達完了: shipment.delivered), or
// shipment.updated for a word that is not known: the shop keeps it as the reason. No word means shipment.shipped, for a
// file of slips lists what was handed over. The words are those of the carriers' public tracking pages (ヤマト運輸, 佐川急便,
// 日本郵便, 西濃運輸, 福山通運); arrows in front and a remark in brackets behind are read over.
func Parcel(word string) string {
	s := strings.Join(strings.Fields(norm.NFKC.String(word)), "")
	s = strings.TrimLeft(s, "↓⇒→▼・*")
	if s == "" {
		return "shipment.shipped"
	}
	for _, p := range parcels {
		if s == p.word {
			return p.event
		}
	}
	if base, _, remark := strings.Cut(s, "("); remark && base != "" {
		return Parcel(base)
	}
	return "shipment.updated"
}

// parcels are the words, after NFKC and without spaces.
var parcels = [...]struct{ word, event string }{
	{"出荷指示", "shipment.created"}, {"伝票番号登録", "shipment.created"}, {"送り状発行済", "shipment.created"}, {"発行済", "shipment.created"}, {"集荷待ち", "shipment.created"}, {"出荷準備中", "shipment.created"},

	{"荷物受付", "shipment.shipped"}, {"集荷", "shipment.shipped"}, {"引受", "shipment.shipped"}, {"受付", "shipment.shipped"}, {"発送", "shipment.shipped"}, {"出荷済み", "shipment.shipped"}, {"出荷済", "shipment.shipped"}, {"出荷完了", "shipment.shipped"}, {"出荷確定", "shipment.shipped"}, {"発送完了", "shipment.shipped"},

	{"発送済み", "shipment.in_transit"}, {"輸送中", "shipment.in_transit"}, {"作業店通過", "shipment.in_transit"}, {"配達店到着", "shipment.in_transit"}, {"到着", "shipment.in_transit"}, {"中継", "shipment.in_transit"}, {"通過", "shipment.in_transit"}, {"国際交換局から発送", "shipment.in_transit"}, {"国際交換局に到着", "shipment.in_transit"}, {"通関手続中", "shipment.in_transit"},

	{"配達中", "shipment.out_for_delivery"}, {"持出中", "shipment.out_for_delivery"}, {"持ち出し中", "shipment.out_for_delivery"}, {"配達準備中", "shipment.in_transit"},

	{"配達完了", "shipment.delivered"}, {"投函完了", "shipment.delivered"}, {"お届け済み", "shipment.delivered"}, {"お届け先にお届け済み", "shipment.delivered"}, {"お届け済", "shipment.delivered"}, {"配達済み", "shipment.delivered"}, {"配達済", "shipment.delivered"}, {"配達終了", "shipment.delivered"}, {"宅配ボックスに配達", "shipment.delivered"}, {"置き配完了", "shipment.delivered"},

	{"持戻", "shipment.attempted"}, {"持戻り", "shipment.attempted"}, {"持ち戻り", "shipment.attempted"}, {"ご不在", "shipment.attempted"}, {"ご不在連絡", "shipment.attempted"}, {"ご不在のため持ち戻り", "shipment.attempted"}, {"不在持戻り", "shipment.attempted"}, {"不在", "shipment.attempted"}, {"配達予定調整中", "shipment.attempted"},

	{"保管中", "shipment.held"}, {"保管", "shipment.held"}, {"郵便局保管", "shipment.held"}, {"局留", "shipment.held"}, {"営業所保管", "shipment.held"},
	{"ご来店予定", "shipment.ready_for_pickup"}, {"店舗保管中", "shipment.ready_for_pickup"}, {"コンビニ保管中", "shipment.ready_for_pickup"}, {"窓口でお渡し", "shipment.picked_up"}, {"受取完了", "shipment.picked_up"}, {"お客様引渡完了", "shipment.picked_up"},

	{"返品", "shipment.returned"}, {"返送", "shipment.returned"}, {"返送中", "shipment.returned"}, {"差出人に返送", "shipment.returned"}, {"差出人に返送済み", "shipment.returned"}, {"返品完了", "shipment.returned"},

	{"遅延", "shipment.delayed"}, {"配達遅延", "shipment.delayed"}, {"輸送遅延", "shipment.delayed"}, {"お届け遅延", "shipment.delayed"},
}
