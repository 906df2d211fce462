package segments

import (
	"time"

	"enishi"
	"enishi/profiles"
)

// collections is the table of lists. Tables and columns are those of internal/clickhouse/migrations.
func collections() []*Collection {
	return []*Collection{
		{Name: "orders", EN: "Orders", JA: "注文", table: "orders", Inputs: orderInputs, Max: profiles.MaxOrders, sorted: "placed_at", ties: "e.order_id", Fields: orderFields(),
			length: func(v *view) int { return len(v.Orders) }},
		{Name: "lines", EN: "Lines of orders", JA: "注文明細", table: "order_lines", Inputs: profiles.ChangedOrders, Max: profiles.MaxLines, sorted: "placed_at", ties: "e.order_id, e.line", Fields: lineFields(),
			length: func(v *view) int { return v.CountLines() }},
		{Name: "shipments", EN: "Parcels", JA: "出荷", table: "shipments", Inputs: profiles.ChangedShipments, Max: profiles.MaxShipments, Fields: shipmentFields(),
			length: func(v *view) int { return len(v.Shipments) }},
		visitList("views", "Product views", "商品閲覧", `.type == "product.viewed"`),
		visitList("visits", "Site and app events", "サイト・アプリの行動", ""),
		visitList("searches", "Searches", "検索", `.type == "search.performed"`),
		visitList("carts", "Carts filled", "カートへの追加・更新", `.type in ["cart.item_added", "cart.updated"]`),
		visitList("wishlist", "Products added to the wishlist", "お気に入り追加", `.type == "wishlist.added"`),
		{Name: "store_visits", EN: "Store visits", JA: "来店", table: "store_visits", Inputs: profiles.ChangedStores, Max: profiles.MaxCollection, sorted: "at", ties: "e.event_id", keyed: true, Fields: storeFields(),
			length: func(v *view) int { return len(v.Stores) }},
		{Name: "reviews", EN: "Reviews", JA: "レビュー", table: "reviews", Inputs: profiles.ChangedReviews, Max: profiles.MaxCollection, Fields: reviewFields(),
			length: func(v *view) int { return len(v.Reviews) }},
		{Name: "returns", EN: "Returns", JA: "返品", table: "returns", Inputs: profiles.ChangedReturns, Max: profiles.MaxCollection, Fields: returnFields(),
			length: func(v *view) int { return len(v.Returns) }},
		{Name: "contacts", EN: "Contacts with the service", JA: "問い合わせ", table: "contacts", Inputs: profiles.ChangedContacts, Max: profiles.MaxCollection, Fields: contactFields(),
			length: func(v *view) int { return len(v.Contacts) }},
		{Name: "surveys", EN: "Answered surveys", JA: "アンケート回答", table: "surveys", Inputs: profiles.ChangedSurveys, Max: profiles.MaxCollection, sorted: "at", ties: "e.event_id", keyed: true, Fields: surveyFields(),
			length: func(v *view) int { return len(v.Surveys) }},
		{Name: "subscriptions", EN: "Subscriptions", JA: "定期購入", table: "subscriptions", Inputs: profiles.ChangedContracts, Max: profiles.MaxCollection, Fields: contractFields(),
			length: func(v *view) int { return len(v.Contracts) }},
		{Name: "points", EN: "Movements of points", JA: "ポイントの増減", table: "point_moves", Inputs: profiles.ChangedMoves, Max: profiles.MaxCollection, sorted: "at", ties: "e.event_id", keyed: true, Fields: moveFields(),
			length: func(v *view) int { return len(v.Moves) }},
		{Name: "messages", EN: "Messages sent", JA: "配信メッセージ", table: "sends", Inputs: profiles.ChangedMessages, Max: profiles.MaxCollection, Fields: messageFields(),
			length: func(v *view) int { return len(v.Messages) }},
	}
}

// visitList is the events on site and in app that fulfil a condition.
func visitList(name, en, ja, only string) *Collection {
	return &Collection{Name: name, EN: en, JA: ja, table: "visits", Inputs: profiles.ChangedVisits, Max: profiles.MaxVisits, Window: profiles.VisitWindow, sorted: "at", ties: "e.event_id", keyed: true,
		only: only, Fields: visitFields(), length: func(v *view) int { return len(v.Visits) }}
}

func lineFields() []*Field {
	return []*Field{
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Line(i).Order.OrderID }),
		timeField("placed_at", "Placed", "注文日時", func(v *view, i int) time.Time { return v.Line(i).Order.PlacedAt }),
		flagField("valid", "Placed and not cancelled", "有効な注文", func(v *view, i int) bool { return v.Line(i).Order.Valid }),
		textField("product_id", "Product", "商品", func(v *view, i int) string { return v.Line(i).ProductID }),
		textField("sku", "SKU", "SKU", func(v *view, i int) string { return v.Line(i).SKU }),
		textField("name", "Product name", "商品名", func(v *view, i int) string { return v.Line(i).Name }),
		textField("brand", "Brand", "ブランド", func(v *view, i int) string { return v.Line(i).Brand }),
		textField("category", "Category", "カテゴリ", func(v *view, i int) string { return v.Line(i).Category }),
		wholeField("quantity", "Quantity", "数量", func(v *view, i int) int64 { return v.Line(i).Quantity }),
		moneyField("price", "Unit price", "単価", func(v *view, i int) enishi.Amount { return v.Line(i).Price }),
		moneyField("discount", "Discount of the line", "明細の値引き", func(v *view, i int) enishi.Amount { return v.Line(i).Discount }),
	}
}

func orderFields() []*Field {
	return []*Field{
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Orders[i].OrderID }),
		textField("status", "Status", "ステータス", func(v *view, i int) string { return v.Orders[i].Status }),
		timeField("placed_at", "Placed", "注文日時", func(v *view, i int) time.Time { return v.Orders[i].PlacedAt }),
		timeField("paid_at", "Paid", "入金日時", func(v *view, i int) time.Time { return v.Orders[i].PaidAt }),
		timeField("confirmed_at", "Confirmed", "確定日時", func(v *view, i int) time.Time { return v.Orders[i].ConfirmedAt }),
		timeField("cancelled_at", "Cancelled", "キャンセル日時", func(v *view, i int) time.Time { return v.Orders[i].CancelledAt }),
		timeField("refunded_at", "Refunded", "返金日時", func(v *view, i int) time.Time { return v.Orders[i].RefundedAt }),
		timeField("shipped_at", "First parcel shipped", "出荷日時", func(v *view, i int) time.Time { return v.Orders[i].ShippedAt }),
		timeField("delivered_at", "Last parcel delivered", "配達完了日時", func(v *view, i int) time.Time { return v.Orders[i].DeliveredAt }),
		textField("currency", "Currency", "通貨", func(v *view, i int) string { return v.Orders[i].Currency }),
		moneyField("total", "Total paid", "支払合計", func(v *view, i int) enishi.Amount { return v.Orders[i].Total }),
		moneyField("revenue", "Revenue", "売上", func(v *view, i int) enishi.Amount { return v.Orders[i].Revenue }),
		moneyField("subtotal", "Subtotal", "小計", func(v *view, i int) enishi.Amount { return v.Orders[i].Subtotal }),
		moneyField("discount", "Discount", "値引き", func(v *view, i int) enishi.Amount { return v.Orders[i].Discount }),
		textField("coupon", "Coupon", "クーポン", func(v *view, i int) string { return v.Orders[i].Coupon }),
		moneyField("coupon_amount", "Coupon discount", "クーポン値引き", func(v *view, i int) enishi.Amount { return v.Orders[i].CouponAmount }),
		moneyField("points_used", "Points used", "利用ポイント", func(v *view, i int) enishi.Amount { return v.Orders[i].PointsUsed }),
		moneyField("shipping_fee", "Shipping fee", "送料", func(v *view, i int) enishi.Amount { return v.Orders[i].ShippingFee }),
		moneyField("cod_fee", "Cash-on-delivery fee", "代引手数料", func(v *view, i int) enishi.Amount { return v.Orders[i].CODFee }),
		moneyField("refunded", "Amount refunded", "返金額", func(v *view, i int) enishi.Amount { return v.Orders[i].Refunded }),
		wholeField("items", "Items", "点数", func(v *view, i int) int64 { return v.Orders[i].Items }),
		textField("channel", "Channel", "チャネル", func(v *view, i int) string { return v.Orders[i].Channel }),
		textField("store_id", "Store", "店舗", func(v *view, i int) string { return v.Orders[i].StoreID }),
		textField("staff_id", "Staff member", "スタッフ", func(v *view, i int) string { return v.Orders[i].StaffID }),
		textField("payment_method", "Payment method", "支払方法", func(v *view, i int) string { return v.Orders[i].PaymentMethod }),
		timeField("payment_due_at", "Payment due", "支払期限", func(v *view, i int) time.Time { return v.Orders[i].PaymentDueAt }),
		textField("payment_state", "Payment", "入金状況", func(v *view, i int) string { return v.Orders[i].PaymentState }),
		textField("fulfilment_type", "Fulfilment", "受け取り方法", func(v *view, i int) string { return v.Orders[i].Fulfilment }),
		textField("subscription_id", "Subscription", "定期契約", func(v *view, i int) string { return v.Orders[i].SubscriptionID }),
		flagField("automatic", "Placed by a subscription", "定期による注文", func(v *view, i int) bool { return v.Orders[i].Automatic }),
		textField("marketplace", "Marketplace", "モール", func(v *view, i int) string { return v.Orders[i].Marketplace }),
		flagField("is_gift", "Gift", "ギフト", func(v *view, i int) bool { a := v.Orders[i].ShipTo; return a != nil && a.IsGift }),
		flagField("valid", "Placed and not cancelled", "有効な注文", func(v *view, i int) bool { return v.Orders[i].Valid }),
		wholeField("sequence", "Which order of the person (1 = first)", "何回目の注文か", func(v *view, i int) int64 { return v.Orders[i].Sequence }),
	}
}

func shipmentFields() []*Field {
	return []*Field{
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Shipments[i].OrderID }),
		textField("shipment_id", "Parcel", "出荷番号", func(v *view, i int) string { return v.Shipments[i].ShipmentID }),
		textField("status", "Status", "ステータス", func(v *view, i int) string { return v.Shipments[i].Status }),
		textField("carrier", "Carrier", "配送会社", func(v *view, i int) string { return v.Shipments[i].Carrier }),
		wholeField("number", "Parcel n of m: n", "個口番号", func(v *view, i int) int64 { return int64(v.Shipments[i].Number) }),
		wholeField("of", "Parcel n of m: m", "個口数", func(v *view, i int) int64 { return int64(v.Shipments[i].Of) }),
		timeField("created_at", "Made ready", "出荷準備日時", func(v *view, i int) time.Time { return v.Shipments[i].CreatedAt }),
		timeField("shipped_at", "Shipped", "出荷日時", func(v *view, i int) time.Time { return v.Shipments[i].ShippedAt }),
		timeField("delivered_at", "Delivered", "配達完了日時", func(v *view, i int) time.Time { return v.Shipments[i].DeliveredAt }),
		timeField("delayed_at", "Delayed", "遅延日時", func(v *view, i int) time.Time { return v.Shipments[i].DelayedAt }),
		timeField("returned_at", "Sent back", "返送日時", func(v *view, i int) time.Time { return v.Shipments[i].ReturnedAt }),
		timeField("estimated_at", "Estimated delivery", "配達予定日時", func(v *view, i int) time.Time { return v.Shipments[i].EstimatedAt }),
		textField("store_id", "Store", "店舗", func(v *view, i int) string { return v.Shipments[i].StoreID }),
	}
}

func visitFields() []*Field {
	return []*Field{
		textField("type", "Event", "種別", func(v *view, i int) string { return v.Visits[i].Type }),
		timeField("at", "Time", "日時", func(v *view, i int) time.Time { return v.Visits[i].At }),
		textField("category", "Category", "カテゴリ", func(v *view, i int) string { return v.Visits[i].Category }),
		textField("brand", "Brand", "ブランド", func(v *view, i int) string { return v.Visits[i].Brand }),
		textField("product_id", "Product", "商品", func(v *view, i int) string { return v.Visits[i].ProductID }),
		textField("path", "Page", "ページ", func(v *view, i int) string { return v.Visits[i].Path }),
		textField("query", "Search words", "検索語", func(v *view, i int) string { return v.Visits[i].Query }),
		textField("cart_id", "Cart", "カート", func(v *view, i int) string { return v.Visits[i].CartID }),
		moneyField("value", "Value of the cart", "カート金額", func(v *view, i int) enishi.Amount { return v.Visits[i].Value }),
		textField("utm_source", "utm_source", "utm_source", func(v *view, i int) string { return v.Visits[i].Source }),
		textField("utm_campaign", "utm_campaign", "utm_campaign", func(v *view, i int) string { return v.Visits[i].Campaign }),
	}
}

func storeFields() []*Field {
	return []*Field{
		textField("type", "Event", "種別", func(v *view, i int) string { return v.Stores[i].Type }),
		timeField("at", "Time", "日時", func(v *view, i int) time.Time { return v.Stores[i].At }),
		textField("store_id", "Store", "店舗", func(v *view, i int) string { return v.Stores[i].StoreID }),
	}
}

func reviewFields() []*Field {
	return []*Field{
		textField("review_id", "Review", "レビュー番号", func(v *view, i int) string { return v.Reviews[i].Review.ReviewID }),
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Reviews[i].Review.OrderID }),
		textField("product_id", "Product", "商品", func(v *view, i int) string { return v.Reviews[i].Review.ProductID }),
		wholeField("rating", "Stars", "評価", func(v *view, i int) int64 { return int64(v.Reviews[i].Review.Rating) }),
		timeField("at", "Time", "日時", func(v *view, i int) time.Time { return v.Reviews[i].At }),
	}
}

func returnFields() []*Field {
	return []*Field{
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Returns[i].OrderID }),
		textField("return_id", "Return", "返品番号", func(v *view, i int) string { return v.Returns[i].ReturnID }),
		textField("status", "Status", "ステータス", func(v *view, i int) string { return v.Returns[i].Status }),
		timeField("requested_at", "Requested", "申請日時", func(v *view, i int) time.Time { return v.Returns[i].RequestedAt }),
		timeField("received_at", "Received", "到着日時", func(v *view, i int) time.Time { return v.Returns[i].ReceivedAt }),
		moneyField("amount", "Amount", "金額", func(v *view, i int) enishi.Amount { return v.Returns[i].Amount }),
		textField("reason", "Reason", "理由", func(v *view, i int) string { return v.Returns[i].Reason }),
	}
}

func contactFields() []*Field {
	return []*Field{
		textField("contact_id", "Contact", "問い合わせ番号", func(v *view, i int) string { return v.Contacts[i].ContactID }),
		textField("channel", "Channel", "チャネル", func(v *view, i int) string { return v.Contacts[i].Channel }),
		textField("topic", "Topic", "用件", func(v *view, i int) string { return v.Contacts[i].Topic }),
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Contacts[i].OrderID }),
		flagField("complaint", "Complaint", "苦情", func(v *view, i int) bool { return v.Contacts[i].Complaint }),
		timeField("opened_at", "Opened", "受付日時", func(v *view, i int) time.Time { return v.Contacts[i].OpenedAt }),
		timeField("solved_at", "Solved", "解決日時", func(v *view, i int) time.Time { return v.Contacts[i].SolvedAt }),
	}
}

func surveyFields() []*Field {
	return []*Field{
		textField("survey_id", "Survey", "アンケート", func(v *view, i int) string { return v.Surveys[i].SurveyID }),
		textField("kind", "Kind", "種類", func(v *view, i int) string { return v.Surveys[i].Kind }),
		wholeField("score", "Score", "点数", func(v *view, i int) int64 { return int64(v.Surveys[i].Score) }),
		timeField("at", "Time", "日時", func(v *view, i int) time.Time { return v.Surveys[i].At }),
	}
}

func messageFields() []*Field {
	return []*Field{
		textField("channel", "Channel", "チャネル", func(v *view, i int) string { return v.Messages[i].Channel }),
		textField("purpose", "Purpose", "目的", func(v *view, i int) string { return v.Messages[i].Purpose }),
		textField("journey", "Journey", "ジャーニー", func(v *view, i int) string { return v.Messages[i].Journey }),
		textField("node", "Step", "ステップ", func(v *view, i int) string { return v.Messages[i].Node }),
		textField("template", "Template", "テンプレート", func(v *view, i int) string { return v.Messages[i].Template }),
		timeField("decided_at", "Decided", "送信決定日時", func(v *view, i int) time.Time { return v.Messages[i].DecidedAt }),
		timeField("sent_at", "Sent", "送信日時", func(v *view, i int) time.Time { return v.Messages[i].SentAt }),
		timeField("delivered_at", "Delivered", "到達日時", func(v *view, i int) time.Time { return v.Messages[i].DeliveredAt }),
		timeField("opened_at", "Opened", "開封日時", func(v *view, i int) time.Time { return v.Messages[i].OpenedAt }),
		timeField("clicked_at", "Clicked", "クリック日時", func(v *view, i int) time.Time { return v.Messages[i].ClickedAt }),
		timeField("ended_at", "Failed", "不達日時", func(v *view, i int) time.Time { return v.Messages[i].EndedAt }),
		textField("end", "How it failed", "不達の種類", func(v *view, i int) string { return v.Messages[i].End }),
		textField("reason", "Why it failed", "不達の理由", func(v *view, i int) string { return v.Messages[i].Reason }),
	}
}

func contractFields() []*Field {
	return []*Field{
		textField("subscription_id", "Subscription", "定期購入番号", func(v *view, i int) string { return v.Contracts[i].SubscriptionID }),
		textField("status", "Status", "ステータス", func(v *view, i int) string { return v.Contracts[i].Status }),
		textField("product_id", "Product", "商品", func(v *view, i int) string { return v.Contracts[i].ProductID }),
		textField("name", "Product name", "商品名", func(v *view, i int) string { return v.Contracts[i].Name }),
		textField("category", "Category", "カテゴリ", func(v *view, i int) string { return v.Contracts[i].Category }),
		wholeField("quantity", "Quantity of a delivery", "1 回の数量", func(v *view, i int) int64 { return int64(v.Contracts[i].Quantity) }),
		wholeField("cycle_days", "Days from one delivery to the next", "お届け周期（日）", func(v *view, i int) int64 { return int64(v.Contracts[i].CycleDays) }),
		moneyField("amount", "Amount of a delivery", "1 回の金額", func(v *view, i int) enishi.Amount { return v.Contracts[i].Amount }),
		textField("currency", "Currency", "通貨", func(v *view, i int) string { return v.Contracts[i].Currency }),
		wholeField("deliveries", "Deliveries so far", "お届け回数", func(v *view, i int) int64 { return int64(v.Contracts[i].Deliveries) }),
		textField("reason", "Reason of the latest change", "直近の変更の理由", func(v *view, i int) string { return v.Contracts[i].Reason }),
		timeField("started_at", "Started", "開始日時", func(v *view, i int) time.Time { return v.Contracts[i].StartedAt }),
		timeField("next_at", "Next delivery", "次回お届け日時", func(v *view, i int) time.Time { return v.Contracts[i].NextAt }),
		timeField("renewed_at", "Latest order", "直近の継続日時", func(v *view, i int) time.Time { return v.Contracts[i].RenewedAt }),
		timeField("skipped_at", "Latest skip", "直近のスキップ日時", func(v *view, i int) time.Time { return v.Contracts[i].SkippedAt }),
		timeField("paused_at", "Paused since", "休止日時", func(v *view, i int) time.Time { return v.Contracts[i].PausedAt }),
		timeField("cancelled_at", "Ended", "解約日時", func(v *view, i int) time.Time { return v.Contracts[i].CancelledAt }),
		timeField("payment_failed_at", "Payment failed, and none came since", "決済失敗日時（未回復）", func(v *view, i int) time.Time { return v.Contracts[i].PaymentFailedAt }),
	}
}

func moveFields() []*Field {
	return []*Field{
		textField("kind", "Kind (earned, redeemed, expired, adjusted)", "種類（earned・redeemed・expired・adjusted）", func(v *view, i int) string { return v.Moves[i].Kind }),
		wholeField("amount", "Points (used and expired ones are negative)", "ポイント（利用・失効は負）", func(v *view, i int) int64 { return v.Moves[i].Amount }),
		textField("reason", "Reason", "理由", func(v *view, i int) string { return v.Moves[i].Reason }),
		textField("order_id", "Order number", "注文番号", func(v *view, i int) string { return v.Moves[i].OrderID }),
		timeField("at", "Time", "日時", func(v *view, i int) time.Time { return v.Moves[i].At }),
		timeField("expires_at", "Run out", "有効期限", func(v *view, i int) time.Time { return v.Moves[i].ExpiresAt }),
	}
}
