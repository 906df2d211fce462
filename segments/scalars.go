package segments

import (
	"slices"
	"time"

	"enishi"
	"enishi/profiles"
)

type view = profiles.View

// What the parts of an order are made from: its status knows of parcels and returns.
const orderInputs = profiles.ChangedOrders | profiles.ChangedShipments | profiles.ChangedReturns

// scalars is the table of a person's single values. Column names are those of the table people.
func scalars() []*Field {
	return slices.Concat(
		inputs(orderInputs,
			moneyField("ltv", "Lifetime value", "累計購入額（LTV）", func(v *view, _ int) enishi.Amount { return v.LTV }),
			&Field{Name: "aov", Kind: Decimal, EN: "Average order value", JA: "平均注文額（AOV）", derived: "ltv / orders_count"},
			textField("currency", "Currency", "通貨", func(v *view, _ int) string { return v.Currency }),
			wholeField("orders_count", "Orders", "注文回数", func(v *view, _ int) int64 { return v.OrdersCount }),
			wholeField("manual_orders_count", "Orders without subscription orders", "注文回数（定期を除く）", func(v *view, _ int) int64 { return v.ManualOrdersCount }),
			timeField("first_order_at", "First order", "初回注文日時", func(v *view, _ int) time.Time { return v.FirstOrderAt }),
			timeField("last_order_at", "Latest order", "最終注文日時", func(v *view, _ int) time.Time { return v.LastOrderAt }),
			timeField("last_manual_order_at", "Latest order without subscription orders", "最終注文日時（定期を除く）", func(v *view, _ int) time.Time { return v.LastManualOrderAt }),
		),
		inputs(orderInputs,
			textField("favourite_category", "Category of most pieces bought", "よく買うカテゴリ", func(v *view, _ int) string { return v.Features.Category }),
			textField("favourite_brand", "Brand of most pieces bought", "よく買うブランド", func(v *view, _ int) string { return v.Features.Brand }),
			textField("favourite_size", "Size of most pieces bought", "よく買うサイズ", func(v *view, _ int) string { return v.Features.Size }),
			textField("favourite_channel", "Channel of most orders", "よく使う購入チャネル", func(v *view, _ int) string { return v.Features.Channel }),
			wholeField("order_rhythm", "Median days between own orders; 0 before the third", "購入間隔の中央値（日、3 回目までは 0）", func(v *view, _ int) int64 { return v.Features.Rhythm }),
			timeField("next_order_at", "Next order expected by the rhythm", "次の購入の見込み（購入間隔から）", func(v *view, _ int) time.Time { return v.Features.NextOrderAt }),
			wholeField("returned_orders", "Orders that came back, wholly or in part", "返品のあった注文の数", func(v *view, _ int) int64 { return v.Features.Returned }),
			&Field{Name: "return_rate", Kind: Decimal, EN: "Share of orders that came back", JA: "返品率（返品のあった注文÷注文）", derived: "returned_orders / orders_count"},
			wholeField("delivered_parcels", "Parcels delivered", "届いた荷物の数", func(v *view, _ int) int64 { return v.Features.Delivered }),
			wholeField("late_parcels", "Parcels delivered late", "遅れて届いた荷物の数", func(v *view, _ int) int64 { return v.Features.Late }),
			&Field{Name: "late_rate", Kind: Decimal, EN: "Share of parcels delivered late", JA: "配送の遅延率（遅れた荷物÷届いた荷物）", derived: "late_parcels / delivered_parcels"},
			timeField("last_late_at", "Latest late delivery", "最後に遅れて届いた日時", func(v *view, _ int) time.Time { return v.Features.LastLateAt }),
		),
		inputs(orderInputs, // as long as the rankings are as they come
			&Field{Name: "rfm_r", Kind: Whole, EN: "RFM recency, 5 is best", JA: "RFM 最終注文の新しさ（5 が最高）", op: opRank, ranking: rfmRecency},
			&Field{Name: "rfm_f", Kind: Whole, EN: "RFM frequency, 5 is best", JA: "RFM 注文回数（5 が最高）", op: opRank, ranking: rfmFrequency},
			&Field{Name: "rfm_m", Kind: Whole, EN: "RFM monetary value, 5 is best", JA: "RFM 累計購入額（5 が最高）", op: opRank, ranking: rfmMonetary},
		),
		inputs(profiles.ChangedLifetime|profiles.ChangedIdentifiers,
			timeField("first_seen_at", "First seen", "初回接触日時", func(v *view, _ int) time.Time { return v.FirstSeenAt }),
			timeField("last_seen_at", "Last seen", "最終接触日時", func(v *view, _ int) time.Time { return v.LastSeenAt }),
		),
		inputs(profiles.ChangedVisits,
			timeField("last_visit_at", "Latest visit to site or app", "最終サイト訪問日時", func(v *view, _ int) time.Time { return v.LastVisitAt }),
		),
		inputs(orderInputs|profiles.ChangedStores,
			textField("main_store", "Main store (most orders and visits)", "主な利用店舗（注文・来店の最多）", func(v *view, _ int) string { return v.MainStore }),
		),
		// Lifetime changes with every event: these count also what the lists do not keep.
		inputs(profiles.ChangedLifetime,
			wholeField("page_views", "Pages viewed", "ページ閲覧数", func(v *view, _ int) int64 { return v.PageViews }),
			wholeField("product_views", "Products viewed", "商品閲覧数", func(v *view, _ int) int64 { return v.ProductViews }),
			wholeField("store_visits", "Store visits", "来店回数", func(v *view, _ int) int64 { return v.StoreVisits }),
			wholeField("points", "Points", "ポイント残高", func(v *view, _ int) int64 { return v.Points }),
		),
		inputs(profiles.ChangedLifetime|profiles.ChangedTraits,
			timeField("signed_up_at", "Member since", "会員登録日時", func(v *view, _ int) time.Time { return v.SignedUpAt }),
		),
		inputs(profiles.ChangedIdentifiers|profiles.ChangedLifetime,
			flagField("has_email", "Has a mail address", "メールアドレスあり", func(v *view, _ int) bool { return hasAddress(v, enishi.Email) }),
			flagField("has_line", "Has a LINE user id", "LINE ユーザー ID あり", func(v *view, _ int) bool { return hasAddress(v, enishi.LINEUser) }),
			flagField("has_phone", "Has a phone number", "電話番号あり", func(v *view, _ int) bool { return hasAddress(v, enishi.Phone) }),
			flagField("line_friend", "LINE friend", "LINE 友だち", func(v *view, _ int) bool { return v.Friend() }),
			flagField("suppressed_email", "Mail address bounced or complained", "メール不達・迷惑メール報告あり", func(v *view, _ int) bool { return isSuppressed(v) }),
		),
		inputs(profiles.ChangedTraits,
			textField("family_name", "Family name", "姓", func(v *view, _ int) string { name, _, _, _ := v.Name(); return name }),
			textField("given_name", "Given name", "名", func(v *view, _ int) string { _, name, _, _ := v.Name(); return name }),
			textField("family_name_kana", "Family name (kana)", "姓（カナ）", func(v *view, _ int) string { _, _, name, _ := v.Name(); return name }),
			textField("given_name_kana", "Given name (kana)", "名（カナ）", func(v *view, _ int) string { _, _, _, name := v.Name(); return name }),
			traitField("prefecture", "Prefecture", "都道府県"),
			regionField(),
			&Field{Name: "age", Kind: Whole, EN: "Age", JA: "年齢", op: opAge},
			&Field{Name: "birthday_month", Kind: Whole, EN: "Month of birth", JA: "誕生月", op: opBirthMonth},
			traitField("gender", "Gender", "性別"),
			traitField("language", "Language", "言語"),
			traitField("member_rank", "Member rank", "会員ランク"),
		),
		inputs(profiles.ChangedHolds,
			timeField("hold_until", "Marketing held until", "配信保留の期限", func(v *view, _ int) time.Time { return v.HoldUntil }),
			&Field{Name: "held", Kind: Bool, EN: "Marketing is held", JA: "配信保留中", derived: "hold_until > now()"},
		),
		reachFields(),
		inputs(profiles.ChangedRisks,
			&Field{Name: "risks", Kind: Texts, EN: "Risk marks", JA: "リスク", texts: func(v *view) []string { return v.Risks }},
		),
		inputs(profiles.ChangedLists,
			&Field{Name: "lists", Kind: Texts, EN: "Static lists", JA: "静的リスト", texts: func(v *view) []string { return v.Lists }},
		),
	)
}

// reachInputs are what the reach of a channel follows from: the address, bounces and conversations, permissions; of post the traits
// and where orders went.
const reachInputs = profiles.ChangedIdentifiers | profiles.ChangedLifetime | profiles.ChangedConsents | profiles.ChangedTraits

// reachFields say by which channels marketing reaches the person now.
func reachFields() []*Field {
	reach := func(channel, en, ja string) *Field {
		f := flagField("reachable."+channel, en, ja, func(v *view, _ int) bool { return v.Reachable(channel) })
		f.column = "reach_" + channel
		return f
	}
	at := func(name, column, en, ja string, get func(v *view) time.Time) *Field {
		f := timeField(name, en, ja, func(v *view, _ int) time.Time { return upTo2200(get(v)) })
		f.column = column
		return f
	}
	post := reach("postal", "Reachable by post", "郵便が届く")
	return append(inputs(reachInputs|profiles.ChangedOrders, post), inputs(reachInputs,
		reach("email", "Reachable by mail", "メールが届く"),
		reach("line", "Reachable by LINE", "LINE が届く"),
		reach("sms", "Reachable by SMS", "SMS が届く"),
		reach("push", "Reachable by push notification", "プッシュ通知が届く"),
		&Field{Name: "reachable.social", Kind: Bool, EN: "Reachable by social DM now", JA: "SNS の DM がいま届く", derived: "social.reach_until > now()"},
		at("social.reach_until", "social_reach_until", "Reachable by social DM until", "SNS の DM が届く期限", (*view).SocialReach),
		at("social.window_until", "social_window_until", "Messaging window of social DM until", "SNS の DM の受付期限（24 時間）", (*view).SocialUntil),
		at("social.last_action_at", "social_action_at", "Latest action by social DM", "SNS の DM での最終行動日時", (*view).SocialActedAt),
	)...)
}

// lastInstant is the last instant that a column holds: what has no end ends there.
var lastInstant = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

func upTo2200(t time.Time) time.Time {
	if t.After(lastInstant) {
		return lastInstant
	}
	return t
}

// traitField is a reserved trait that has a column of its own.
func traitField(name, en, ja string) *Field {
	return textField(name, en, ja, func(v *view, _ int) string { return traitText(v.Traits[name]) })
}

// traitText is the text form of a trait; the fact tables hold the same.
func traitText(x enishi.Value) string {
	if x.Kind == enishi.Text {
		return x.Text
	}
	return x.String()
}
