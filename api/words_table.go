package api

// words is the one table of what people read for the codes of the program, as FAMILY.CODE; FAMILY. is the general word.
var words = map[string]Text{
	".": {"その他", "Other"},

	"role.public": {"だれでも", "anybody"}, "role.viewer": {"閲覧者", "viewer"}, "role.editor": {"編集者", "editor"}, "role.approver": {"承認者", "approver"}, "role.admin": {"管理者", "admin"},

	"type.": {"行動", "Event"}, "type.segment.entered": {"セグメントに入った", "Entered a segment"}, "type.segment.left": {"セグメントから出た", "Left a segment"},
	"type.journey.entered": {"ジャーニー開始", "Journey entered"}, "type.journey.step": {"ジャーニーが進んだ", "Journey step"},
	"type.journey.exited": {"ジャーニー終了", "Journey ended"}, "type.journey.refused": {"ジャーニーを開始せず", "Journey not entered"},

	"channel.": {"その他の手段", "another channel"}, "channel.email": {"メール", "E-mail"}, "channel.line": {"LINE", "LINE"}, "channel.sms": {"SMS", "SMS"}, "channel.push": {"プッシュ通知", "Push"},
	"channel.postal": {"郵送", "Post"}, "channel.social": {"SNS", "Social"}, "channel.ads": {"広告連携", "Ads"}, "channel.phone": {"電話", "Phone"}, "channel.chat": {"チャット", "Chat"}, "channel.store": {"店舗", "Store"},
	"touchpoint.web": {"通販サイト", "Web shop"}, "touchpoint.app": {"アプリ", "App"}, "touchpoint.pwa": {"アプリ（PWA）", "App (PWA)"}, "touchpoint.store": {"店舗", "Store"}, "touchpoint.phone": {"電話", "Phone"},
	"touchpoint.chat": {"チャット", "Chat"}, "touchpoint.social": {"SNS", "Social"}, "touchpoint.marketplace": {"モール", "Marketplace"}, "touchpoint.in_person": {"店頭対面", "In person"},
	"purpose.": {"配信", "messages"}, "purpose.marketing": {"販促", "marketing"}, "purpose.transactional": {"お知らせ（取引）", "transactional"},
	"consent.": {"未確認", "not asked"}, "consent.in": {"許可", "given"}, "consent.out": {"配信停止", "withdrawn"},

	"order_status.": {"受付", "Received"}, "order_status.placed": {"注文受付", "Placed"}, "order_status.pending": {"入金待ち", "Awaiting payment"}, "order_status.overdue": {"支払期限超過", "Payment overdue"},
	"order_status.payment_failed": {"決済失敗", "Payment failed"}, "order_status.paid": {"入金済み", "Paid"}, "order_status.confirmed": {"注文確定", "Confirmed"}, "order_status.shipped": {"発送済み", "Shipped"},
	"order_status.delivered": {"配達完了", "Delivered"}, "order_status.cancelled": {"キャンセル", "Cancelled"}, "order_status.refunded": {"返金済み", "Refunded"}, "order_status.returned": {"返品", "Returned"},
	"shipment_status.": {"配送中", "On its way"}, "shipment_status.created": {"出荷準備", "Being prepared"}, "shipment_status.updated": {"配送予定の変更", "Rescheduled"}, "shipment_status.shipped": {"発送済み", "Shipped"},
	"shipment_status.in_transit": {"輸送中", "In transit"}, "shipment_status.out_for_delivery": {"配達中", "Out for delivery"}, "shipment_status.attempted": {"不在持ち戻り", "Delivery attempted"},
	"shipment_status.held": {"保管中", "Held"}, "shipment_status.delayed": {"遅延", "Delayed"}, "shipment_status.ready_for_pickup": {"受け取り準備完了", "Ready for pickup"},
	"shipment_status.picked_up": {"受け取り済み", "Picked up"}, "shipment_status.delivered": {"配達完了", "Delivered"}, "shipment_status.returned": {"返送", "Sent back"},
	"carrier.": {"配送会社", "Carrier"}, "carrier.yamato": {"ヤマト運輸", "Yamato Transport"}, "carrier.sagawa": {"佐川急便", "Sagawa Express"}, "carrier.japanpost": {"日本郵便", "Japan Post"},
	"carrier.seino": {"西濃運輸", "Seino Transportation"}, "carrier.fukuyama": {"福山通運", "Fukuyama Transporting"},
	"payment.": {"その他の支払方法", "Other payment"}, "payment.card": {"クレジットカード", "Card"}, "payment.konbini": {"コンビニ払い", "Convenience store"}, "payment.bank_transfer": {"銀行振込", "Bank transfer"},
	"payment.pay_later": {"後払い", "Pay later"}, "payment.cod": {"代金引換", "Cash on delivery"}, "payment.paypay": {"PayPay", "PayPay"}, "payment.amazon_pay": {"Amazon Pay", "Amazon Pay"},
	"risk.": {"要注意", "Risk"}, "risk.reseller": {"転売の疑い", "Reseller"}, "risk.refused_parcel": {"受取拒否", "Refused parcel"}, "risk.chargeback": {"チャージバック", "Chargeback"},
	"identifier.": {"識別子", "identifier"}, "identifier.customer": {"会員番号", "customer number"}, "identifier.pos_card": {"会員カード", "member card"}, "identifier.line": {"LINE", "LINE"}, "identifier.email": {"メール", "e-mail"},
	"identifier.phone": {"電話番号", "phone"}, "identifier.social": {"SNS", "social account"}, "identifier.push_token": {"アプリ通知", "push token"}, "identifier.anonymous": {"ブラウザ", "browser"},

	"trait.family_name": {"姓", "Family name"}, "trait.given_name": {"名", "Given name"}, "trait.family_name_kana": {"姓（カナ）", "Family name (kana)"}, "trait.given_name_kana": {"名（カナ）", "Given name (kana)"},
	"trait.name": {"氏名", "Name"}, "trait.gender": {"性別", "Gender"}, "trait.birthday": {"生年月日", "Birthday"}, "trait.prefecture": {"都道府県", "Prefecture"}, "trait.postal_code": {"郵便番号", "Postal code"},
	"trait.city": {"市区町村", "City"}, "trait.address1": {"住所", "Address"}, "trait.address2": {"建物名", "Building"}, "trait.language": {"言語", "Language"}, "trait.timezone": {"時間帯", "Time zone"},
	"trait.member_rank": {"会員ランク", "Member rank"}, "trait.main_store_id": {"主な店舗", "Main store"}, "trait.signed_up_at": {"会員登録日", "Member since"},
	"value.gender.female": {"女性", "Female"}, "value.gender.male": {"男性", "Male"}, "value.gender.": {"その他", "Other"},
	"value.language.ja": {"日本語", "Japanese"}, "value.language.en": {"英語", "English"}, "value.language.zh": {"中国語", "Chinese"}, "value.language.ko": {"韓国語", "Korean"},
	"bool.true": {"はい", "yes"}, "bool.false": {"いいえ", "no"},

	"run_end.": {"終了", "ended"}, "run_end.completed": {"完了", "completed"}, "run_end.goal": {"目標達成", "goal reached"}, "run_end.exited": {"離脱条件に当てはまった", "an exit applied"}, "run_end.merged": {"名寄せで終了", "ended by a merge"},
	"run_end.cancelled": {"担当者が取り消し", "taken out by an operator"}, "run_end.error": {"エラーで終了", "ended by an error"}, "run_end.timeout": {"時間切れ", "timed out"},
	"journey_status.draft": {"下書き", "draft"}, "journey_status.in_review": {"確認中", "in review"}, "journey_status.approved": {"承認済み", "approved"}, "journey_status.live": {"公開中", "live"},
	"journey_status.paused": {"一時停止", "paused"}, "journey_status.archived": {"終了", "archived"},
	"node.": {"ステップ", "Step"}, "node.wait": {"待つ", "Wait"}, "node.until_event": {"行動を待つ", "Wait for an event"}, "node.branch": {"条件で分ける", "Branch"}, "node.message": {"メッセージ", "Message"}, "node.exit": {"終わり", "End"},
	"unit.s": {"秒", "s"}, "unit.m": {"分", "min"}, "unit.h": {"時間", "h"}, "unit.d": {"日", "days"}, "unit.w": {"週間", "weeks"},

	"check.": {"その他の確認", "Other check"}, "check.template": {"テンプレート", "Template"}, "check.address": {"宛先", "Address"}, "check.suppression": {"配信停止リスト", "Suppression list"}, "check.consent": {"同意", "Consent"},
	"check.hold": {"配信保留", "Hold"}, "check.run": {"ジャーニーの進行", "Journey run"}, "check.freshness": {"送信期限", "Send-by"}, "check.window": {"送信可能な期間", "Sending window"}, "check.cap": {"配信回数の上限", "Frequency cap"},
	"check.quiet_hours": {"送らない時間帯", "Quiet hours"}, "check.holdout": {"比較用に送らない人", "Holdout"}, "check.sender": {"送信時の確認", "Sender"},
	"reason.": {"その他の理由", "another reason"}, "reason.bounced": {"メールが届かない宛先", "the address bounced or complained"}, "reason.hard": {"宛先が存在しない", "the address does not exist"}, "reason.soft": {"一時的に届かない", "a temporary failure"},
	"reason.blocked": {"LINE をブロック中", "the LINE account is blocked"}, "reason.not_friend": {"LINE の友だちではない", "this person is not a LINE friend"}, "reason.erased": {"個人データを消去済み", "the person was erased"},
	"reason.quota": {"今月の LINE 送信枠を使い切った", "the monthly LINE quota is used up"}, "reason.rate": {"送信速度の上限", "the rate limit"}, "reason.expired": {"送信期限切れ", "too late to send"}, "reason.suppressed": {"配信停止リスト", "the suppression list"},
	"reason.policy": {"受信側の方針", "the receiver's policy"}, "reason.content": {"内容が受け付けられない", "the content was refused"}, "reason.address": {"宛先が正しくない", "the address is wrong"}, "reason.account": {"送信アカウントの問題", "a problem of the sending account"},
	"reason.paused": {"送信を一時停止中", "sending was paused"}, "reason.waited": {"待ち時間が長くなった", "it waited too long"}, "reason.consent": {"同意なし", "no permission"}, "reason.hold": {"配信保留中", "a hold"}, "reason.suppression": {"配信停止リスト", "the suppression list"},
	"reason.cancel": {"取り消し", "cancelled"}, "reason.render": {"内容を作れなかった", "it could not be rendered"}, "reason.run": {"ジャーニーを離脱済み", "the run had ended"}, "reason.freshness": {"送信期限切れ", "too late to send"},
	"refused.": {"開始条件に合わない", "the entry rules"}, "refused.reentry": {"再開始の条件に合わない", "the re-entry rule"}, "refused.already": {"離脱条件か目標にすでに当てはまっている", "an exit or the goal holds already"}, "refused.too_many_runs": {"進行中のジャーニーが多すぎる", "too many runs"},
	"delivery.": {"処理中", "in progress"}, "delivery.decided": {"送信待ち", "waiting"}, "delivery.intent": {"送信中", "being sent"}, "delivery.sent": {"送信済み", "sent"}, "delivery.failed": {"失敗", "failed"},
	"delivery.unknown": {"結果不明", "outcome unknown"}, "delivery.refused": {"見送り", "refused"}, "delivery.deferred": {"延期", "deferred"}, "delivery.dropped": {"取り消し", "dropped"}, "delivery.parked": {"保留", "parked"},

	"reach.no_address.email": {"メールアドレスなし", "no e-mail address"}, "reach.no_address.line": {"LINE 連携なし", "no LINE account"}, "reach.no_address.postal": {"住所なし", "no postal address"}, "reach.no_address.sms": {"電話番号なし", "no phone number"},
	"reach.no_consent": {"同意なし", "no permission"}, "reach.withdrawn": {"配信停止", "permission withdrawn"}, "reach.held": {"配信保留中", "on hold"},
	"merge.automatic": {"自動", "automatic"},
	"survey.":         {"アンケート", "survey"}, "survey.nps": {"推奨度（NPS）", "NPS"}, "survey.csat": {"満足度", "CSAT"}, "survey.quiz": {"診断", "quiz"},
	"gone.journey": {"削除されたジャーニー", "a deleted journey"}, "gone.segment": {"削除されたセグメント", "a deleted segment"}, "gone.template": {"削除されたテンプレート", "a deleted template"},
	"gone.node": {"以前の版のステップ", "a step of an earlier version"},
}
