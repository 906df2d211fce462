package enishi

import (
	"sort"
	"strings"
)

// Source topics and the topics behind them.
const (
	TopicOrders      = "orders"
	TopicShipments   = "shipments"
	TopicWeb         = "web"
	TopicStore       = "store"
	TopicCatalogue   = "catalogue"
	TopicIdentities  = "identities"
	TopicEvents      = "events"
	TopicMessages    = "messages"
	TopicDefinitions = "definitions"
	TopicDead        = "dead"
	TopicChanges     = "changes" // what goes out, see docs/streams.md
)

// SourceTopics are the public way in.
func SourceTopics() []string { return []string{TopicOrders, TopicShipments, TopicWeb, TopicStore} }

// Channels are the nine touchpoints an event may name.
func Channels() []string {
	return []string{"store", "web", "social", "app", "pwa", "marketplace", "phone", "chat", "in_person"}
}

// Payload fields of an event, as their JSON names.
const (
	payloadOrder        = "order"
	payloadShipment     = "shipment"
	payloadReturn       = "return"
	payloadWeb          = "web"
	payloadStore        = "store"
	payloadContact      = "contact"
	payloadPoints       = "points"
	payloadSubscription = "subscription"
	payloadCoupon       = "coupon"
	payloadReferral     = "referral"
	payloadNote         = "note"
	payloadMessage      = "message"
	payloadControl      = "control"
)

// TypeInfo describes one type of event.
type TypeInfo struct {
	Name    string
	Topic   string   // source topic it comes in by; TopicEvents for what only Enishi itself writes
	Payload string   // JSON name of the field that must be there; "" when none
	Aliases []string // names of Segment's specification that mean the same
	About   string   // one sentence
	JA      string   // its name on screen
}

// Types lists every type of event by name.
func Types() []TypeInfo { return append([]TypeInfo(nil), types...) }

// LookupType finds a type by its name.
func LookupType(name string) (TypeInfo, bool) {
	i := sort.Search(len(types), func(i int) bool { return types[i].Name >= name })
	if i < len(types) && types[i].Name == name {
		return types[i], true
	}
	if rest, ok := strings.CutPrefix(name, "custom."); ok && rest != "" && len(name) <= 100 {
		return TypeInfo{Name: name, Topic: TopicWeb, About: "An event of the shop's own.", JA: rest}, true
	}
	return TypeInfo{}, false
}

// TypeForAlias finds the type that a name of Segment's specification means; the match ignores case.
func TypeForAlias(alias string) (TypeInfo, bool) {
	for i := range types {
		for _, a := range types[i].Aliases {
			if strings.EqualFold(a, alias) {
				return types[i], true
			}
		}
	}
	return TypeInfo{}, false
}

// types is sorted by name (a test holds that).
var types = []TypeInfo{
	{"app.opened", TopicWeb, "", []string{"Application Opened"}, "The app came to the front.", "アプリ起動"},
	{"app.uninstalled", TopicWeb, "", []string{"Application Uninstalled"}, "The app was removed.", "アプリ削除"},
	{"cart.item_added", TopicWeb, payloadWeb, []string{"Product Added", "Wishlist Product Added to Cart"}, "A product was put into the cart.", "カート追加"},
	{"cart.item_removed", TopicWeb, payloadWeb, []string{"Product Removed"}, "A product was taken out of the cart.", "カート削除"},
	{"cart.updated", TopicWeb, payloadWeb, []string{"Cart Updated"}, "The cart as it now stands.", "カート更新"},
	{"cart.viewed", TopicWeb, payloadWeb, []string{"Cart Viewed"}, "The cart was looked at.", "カート閲覧"},
	{"checkout.completed_step", TopicWeb, payloadWeb, []string{"Checkout Step Completed", "Payment Info Entered", "Checkout Step Viewed"}, "A step of the checkout was reached or done.", "購入手続きの進行"},
	{"checkout.started", TopicWeb, payloadWeb, []string{"Checkout Started"}, "The checkout was begun.", "購入手続き開始"},
	{"consent.changed", TopicWeb, "consent", nil, "A permission was given or withdrawn.", "配信許可の変更"},
	{"consent.requested", TopicWeb, "consent", nil, "Somebody asked for mail at an address that is to confirm it (double opt-in): no permission yet.", "配信の申し込み（確認待ち）"},
	{"contact.opened", TopicStore, payloadContact, nil, "A conversation with the service began.", "問い合わせ"},
	{"contact.replied", TopicStore, payloadContact, nil, "The service or the customer wrote.", "問い合わせ返信"},
	{"contact.solved", TopicStore, payloadContact, nil, "The conversation was closed.", "問い合わせ解決"},
	{"coupon.applied", TopicWeb, payloadCoupon, []string{"Coupon Applied", "Coupon Entered"}, "A coupon was entered.", "クーポン適用"},
	{"coupon.issued", TopicOrders, payloadCoupon, nil, "A coupon was given out.", "クーポン発行"},
	{"coupon.redeemed", TopicOrders, payloadCoupon, []string{"Coupon Redeemed"}, "A coupon was used in an order.", "クーポン利用"},
	{"hold.placed", TopicStore, "hold", nil, "Marketing to the person is held.", "配信保留"},
	{"hold.released", TopicStore, "hold", nil, "The hold ended.", "配信保留の解除"},
	{"line.account_linked", TopicWeb, "", nil, "The person linked the LINE account with the shop's own; \"linked\" false: took the link back.", "LINE連携"},
	{"line.beacon", TopicWeb, "", nil, "The person came near a LINE Beacon (\"hwid\"; \"action\" enter, banner or stay).", "LINEビーコン"},
	{"line.event_received", TopicWeb, "", nil, "LINE told something that Enishi knows no name for: \"type\", and all of it as \"raw\".", "その他のLINEイベント"},
	{"line.followed", TopicWeb, "", nil, "The person added the LINE account as a friend, or unblocked it.", "LINE友だち追加"},
	{"line.link_opened", TopicWeb, "", nil, "The person came by a link or QR code of the shop for LINE (\"link\", \"source\", \"store\").", "LINEリンク経由の来訪"},
	{"line.membership_changed", TopicWeb, "", nil, "The person joined, left or renewed a paid membership of the LINE account (\"action\", \"membership\").", "LINEメンバーシップ変更"},
	{"line.message_received", TopicWeb, "", nil, "The person wrote on LINE.", "LINE受信"},
	{"line.message_unsent", TopicWeb, "", nil, "The person took a message on LINE back (\"message_id\").", "LINE送信取消"},
	{"line.unfollowed", TopicWeb, "", nil, "The person blocked the LINE account.", "LINEブロック"},
	{"line.video_completed", TopicWeb, "", nil, "The person watched a video of a LINE message to its end (\"tracking\").", "LINE動画視聴完了"},
	{"list.added", TopicStore, "list", nil, "The person was put on a static list.", "リスト追加"},
	{"list.removed", TopicStore, "list", nil, "The person was taken off a static list.", "リスト除外"},
	{"list.viewed", TopicWeb, payloadWeb, []string{"Product List Viewed", "Product List Filtered"}, "A list of products was looked at.", "商品一覧閲覧"},
	{"message.bounced", TopicEvents, payloadMessage, []string{"Email Bounced"}, "The message came back.", "不達"},
	{"message.clicked", TopicEvents, payloadMessage, []string{"Email Link Clicked"}, "A link of the message was opened.", "クリック"},
	{"message.complained", TopicEvents, payloadMessage, []string{"Email Marked as Spam"}, "The person reported the message.", "迷惑メール報告"},
	{"message.deferred", TopicEvents, payloadMessage, nil, "The message waited too long and is decided again.", "送信延期"},
	{"message.delivered", TopicEvents, payloadMessage, []string{"Email Delivered"}, "The provider delivered the message.", "到達"},
	{"message.dropped", TopicEvents, payloadMessage, nil, "The message was cancelled before it left.", "送信取消"},
	{"message.failed", TopicEvents, payloadMessage, nil, "The provider refused the message for good.", "送信失敗"},
	{"message.opened", TopicEvents, payloadMessage, []string{"Email Opened"}, "The message was opened.", "開封"},
	{"message.refused", TopicEvents, payloadMessage, nil, "The sender refused the message (quota, rate, expired, suppressed).", "送信見送り"},
	{"message.sent", TopicEvents, payloadMessage, nil, "The provider took the message.", "送信"},
	{"message.unknown", TopicEvents, payloadMessage, nil, "The connection broke at the final dot: sent or not is not known.", "送信結果不明"},
	{"message.unsubscribed", TopicEvents, payloadMessage, []string{"Unsubscribed"}, "The person unsubscribed by the message's link.", "配信停止"},
	{"note.removed", TopicStore, payloadNote, nil, "The staff took a note about the person away.", "メモの削除"},
	{"note.written", TopicStore, payloadNote, nil, "The staff noted something about the person, or changed a note of the same id.", "メモ"},
	{"order.cancelled", TopicOrders, payloadOrder, []string{"Order Cancelled"}, "The order was cancelled.", "注文キャンセル"},
	{"order.confirmed", TopicOrders, payloadOrder, nil, "Paid and stock allocated (注文確定).", "注文確定"},
	{"order.paid", TopicOrders, payloadOrder, nil, "The payment arrived.", "入金"},
	{"order.payment_failed", TopicOrders, payloadOrder, nil, "The payment was refused.", "決済失敗"},
	{"order.payment_overdue", TopicOrders, payloadOrder, nil, "The payment is past its due date.", "支払期限超過"},
	{"order.payment_pending", TopicOrders, payloadOrder, nil, "The payment is awaited.", "入金待ち"},
	{"order.placed", TopicOrders, payloadOrder, []string{"Order Completed"}, "The order was received (注文確認).", "注文"},
	{"order.refunded", TopicOrders, payloadOrder, []string{"Order Refunded"}, "Money was given back.", "返金"},
	{"order.updated", TopicOrders, payloadOrder, []string{"Order Updated"}, "The order's contents changed.", "注文変更"},
	{"page.viewed", TopicWeb, "", nil, "A page was looked at.", "ページ閲覧"},
	{"person.erased", TopicEvents, payloadControl, nil, "Everything about the person is deleted.", "個人データの消去"},
	{"person.identified", TopicWeb, "", nil, "Identifiers and traits of a person.", "顧客情報の登録"},
	{"points.adjusted", TopicOrders, payloadPoints, nil, "Points were given or taken by hand.", "ポイント調整"},
	{"points.earned", TopicOrders, payloadPoints, nil, "Points were earned.", "ポイント獲得"},
	{"points.expired", TopicOrders, payloadPoints, nil, "Points ran out.", "ポイント失効"},
	{"points.redeemed", TopicOrders, payloadPoints, nil, "Points were used.", "ポイント利用"},
	{"postal.collected", TopicEvents, payloadMessage, nil, "A piece of post was put into its batch: it is sent when the batch is exported (\"provider_id\" is the batch).", "郵送の発送単位に追加"},
	{"postal.returned", TopicEvents, payloadMessage, nil, "A piece of post came back: \"code\" is the piece's, \"reason\" unknown_address, moved, refused or expired; the property \"address_key\" names the address, which gets no post any more.", "郵便物の返戻"},
	{"price_alert.requested", TopicWeb, payloadWeb, nil, "The person wants to hear of a lower price.", "値下げ通知の登録"},
	{"product.back_in_stock", TopicEvents, payloadWeb, nil, "A product that the person waits for can be bought again. The property \"reason\" is asked, cart, wishlist or viewed.", "再入荷"},
	{"product.clicked", TopicWeb, payloadWeb, []string{"Product Clicked"}, "A product was clicked in a list.", "商品クリック"},
	{"product.low_stock", TopicEvents, payloadWeb, nil, "Few are left of a product that the person waits for (\"stock\"; \"reason\" as of product.back_in_stock).", "残りわずか"},
	{"product.price_dropped", TopicEvents, payloadWeb, nil, "The price of a product that the person waits for went down (\"old_price\", \"price\"; \"reason\" as of product.back_in_stock).", "値下げ"},
	{"product.viewed", TopicWeb, payloadWeb, []string{"Product Viewed"}, "A product page was looked at.", "商品閲覧"},
	{"referral.converted", TopicOrders, payloadReferral, nil, "An invited friend bought.", "紹介成立"},
	{"referral.shared", TopicWeb, payloadReferral, []string{"Cart Shared", "Product Shared"}, "The person invited a friend.", "紹介"},
	{"return.approved", TopicOrders, payloadReturn, nil, "The shop agreed to the return.", "返品承認"},
	{"return.exchanged", TopicOrders, payloadReturn, nil, "The goods were exchanged.", "交換"},
	{"return.received", TopicOrders, payloadReturn, nil, "The goods came back.", "返品到着"},
	{"return.requested", TopicOrders, payloadReturn, nil, "The person asked to return goods.", "返品申請"},
	{"review.written", TopicWeb, "review", []string{"Product Reviewed"}, "A review was written.", "レビュー投稿"},
	{"risk.flagged", TopicOrders, "risk", nil, "A risk mark was set or taken away.", "リスク"},
	{"screen.viewed", TopicWeb, "", nil, "A screen of the app was looked at.", "画面閲覧"},
	{"search.performed", TopicWeb, payloadWeb, []string{"Products Searched"}, "The shop was searched.", "検索"},
	{"shipment.attempted", TopicShipments, payloadShipment, nil, "Nobody was there (持戻).", "不在持ち戻り"},
	{"shipment.created", TopicShipments, payloadShipment, nil, "The parcel was made ready.", "出荷準備"},
	{"shipment.delayed", TopicShipments, payloadShipment, nil, "The parcel is late.", "配送遅延"},
	{"shipment.delivered", TopicShipments, payloadShipment, nil, "The parcel arrived.", "配達完了"},
	{"shipment.held", TopicShipments, payloadShipment, nil, "The carrier keeps the parcel (保管中).", "保管中"},
	{"shipment.in_transit", TopicShipments, payloadShipment, nil, "The parcel is on its way.", "輸送中"},
	{"shipment.out_for_delivery", TopicShipments, payloadShipment, nil, "The parcel is on the van.", "配達中"},
	{"shipment.picked_up", TopicShipments, payloadShipment, nil, "The customer collected the goods.", "受け取り済み"},
	{"shipment.ready_for_pickup", TopicShipments, payloadShipment, nil, "The goods can be collected.", "受け取り準備完了"},
	{"shipment.returned", TopicShipments, payloadShipment, nil, "The parcel went back to the sender.", "返送"},
	{"shipment.shipped", TopicShipments, payloadShipment, nil, "The carrier took the parcel.", "出荷"},
	{"shipment.updated", TopicShipments, payloadShipment, nil, "Estimated delivery or contents changed.", "配送予定の変更"},
	{"sms.received", TopicWeb, "", nil, "The person answered an SMS (\"text\", \"account\").", "SMS受信"},
	{"social.commented", TopicWeb, "", nil, "The person commented on a post of the page (\"post\", \"text\", \"comment_id\").", "SNSコメント"},
	{"social.event_received", TopicWeb, "", nil, "The platform told something that Enishi knows no name for: \"type\".", "その他のSNSイベント"},
	{"social.message_received", TopicWeb, "", nil, "The person wrote by Messenger or Instagram (\"text\", \"payload\" of a quick reply).", "SNSのDM受信"},
	{"social.opted_in", TopicWeb, "", nil, "The person allowed marketing messages, by a word or for one topic (\"method\", \"topic\").", "SNSの配信許可"},
	{"social.opted_out", TopicWeb, "", nil, "The person stopped marketing messages, by a word or for one topic (\"method\", \"topic\").", "SNSの配信停止"},
	{"social.postback", TopicWeb, "", nil, "The person tapped a button of a message (\"payload\", \"title\").", "SNSボタンのタップ"},
	{"social.reacted", TopicWeb, "", nil, "The person reacted to a message, or took that back (\"action\", \"emoji\").", "SNSリアクション"},
	{"social.read", TopicWeb, "", nil, "The person has seen the messages of the page.", "SNS既読"},
	{"social.referred", TopicWeb, "", nil, "The person came to the chat by a link or an ad (\"ref\", \"ad\"; \"linked\": by a link that we sent).", "SNSリンク経由の来訪"},
	{"social.story_mentioned", TopicWeb, "", nil, "The person mentioned the shop in a story.", "ストーリーズでのメンション"},
	{"social.story_replied", TopicWeb, "", nil, "The person answered a story of the shop (\"text\", \"story\").", "ストーリーズへの返信"},
	{"stock_alert.requested", TopicWeb, payloadWeb, nil, "The person wants to hear when it is back in stock.", "再入荷通知の登録"},
	{"store.attended", TopicStore, payloadStore, nil, "The person took part in a store event.", "店舗イベント参加"},
	{"store.purchased", TopicStore, payloadStore, nil, "A purchase at the till.", "店舗購入"},
	{"store.returned", TopicStore, payloadStore, nil, "A return at the till.", "店舗返品"},
	{"store.visited", TopicStore, payloadStore, nil, "A visit to a store.", "来店"},
	{"subscription.cancelled", TopicOrders, payloadSubscription, nil, "The contract ended.", "定期購入の解約"},
	{"subscription.changed", TopicOrders, payloadSubscription, nil, "Product, cycle, amount or next date changed.", "定期購入の変更"},
	{"subscription.paused", TopicOrders, payloadSubscription, nil, "The contract rests until it is resumed.", "定期購入の休止"},
	{"subscription.payment_failed", TopicOrders, payloadSubscription, nil, "The payment of a delivery was refused.", "定期購入の決済失敗"},
	{"subscription.renewed", TopicOrders, payloadSubscription, nil, "The next order of the contract was made.", "定期購入の継続"},
	{"subscription.resumed", TopicOrders, payloadSubscription, nil, "The contract goes on after a pause or an end.", "定期購入の再開"},
	{"subscription.skipped", TopicOrders, payloadSubscription, nil, "One delivery is left out.", "定期購入のスキップ"},
	{"subscription.started", TopicOrders, payloadSubscription, nil, "The contract was made.", "定期購入の開始"},
	{"survey.answered", TopicWeb, "survey", nil, "A questionnaire was answered.", "アンケート回答"},
	{"user.signed_up", TopicWeb, "", []string{"Signed Up"}, "The person registered as a member.", "会員登録"},
	{"webhook.answered", TopicEvents, payloadMessage, nil, "A step of a journey called another system, which took it: \"code\" is the status, \"provider_id\" the JSON that it answered.", "外部連携の応答"},
	{"webhook.deferred", TopicEvents, payloadMessage, nil, "A call waited too long and is decided again.", "外部連携の延期"},
	{"webhook.failed", TopicEvents, payloadMessage, nil, "A call of another system failed for good, or its time was over.", "外部連携の失敗"},
	{"wishlist.added", TopicWeb, payloadWeb, []string{"Product Added to Wishlist"}, "A product was remembered.", "お気に入り追加"},
	{"wishlist.removed", TopicWeb, payloadWeb, []string{"Product Removed from Wishlist"}, "A product was forgotten.", "お気に入り削除"},
}

// Types of control records: only the fold reads them. The comment names the fields of [Control] that each uses.
const (
	TypeTimer    = "~timer"        // what of the addressed profile is due by the partition's clock acts
	TypeSwitch   = "~switch"       // Offset: the partition goes over to the definitions up to this offset of the topic definitions
	TypeMerge    = "~merge"        // Offset (of the link), Loser, Winner: the loser's state moves to the winner, a redirect stays
	TypeSplit    = "~split"        // Offset (of the unlink), Loser (the profile that keeps its id), Winner (the new profile), Subjects: these leave
	TypeAbsorb   = "~absorb"       // Offset, Loser, Winner, Chunk, Chunks, State: what a merge or split moves
	TypeSweep    = "~sweep"        // Sweep, Bucket, Segments: evaluate the profiles of a bucket
	TypeClock    = "~clock"        // Clock, Live: the partition's clock is virtual and stands at Clock; Live: it follows the records' times again
	TypeErased   = "person.erased" // the public name of the record that erases
	TypeRunExit  = "~exit"         // Journey, RunID: an operator takes a run out
	TypeRunEnter = "~enter"        // Journey, Key: the person is taken into a journey that may be called
)

// Types of derived rows: the fold writes them to the table events; they act in the step that makes them. TypeErased is one too. Those of
// person.* have no Subject, for the rows of a person go with the person: their Reason names ids.
const (
	TypeSegmentEntered = "segment.entered"
	TypeSegmentLeft    = "segment.left"
	TypeJourneyEntered = "journey.entered"
	TypeJourneyStep    = "journey.step"
	TypeJourneyExited  = "journey.exited"
	TypePersonMerged   = "person.merged"   // Reason: who, and whose the data are now
	TypePersonUnmerged = "person.unmerged" // Reason: who, and who left
)
