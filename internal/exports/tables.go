package exports

import (
	"fmt"
	"strings"
)

// Kind is what a column holds, and so how each format writes it.
type Kind string

// Kinds of columns.
const (
	Text    Kind = "text"
	ID      Kind = "id"      // 32 hexadecimal digits; null where there is none
	Whole   Kind = "whole"   // 64 bits
	Stock   Kind = "whole?"  // the same, or null: it is not known
	Money   Kind = "money"   // decimal with 4 places, in the unit of the row's currency
	Instant Kind = "time"    // UTC to the millisecond; null where it did not happen
	Flag    Kind = "flag"    // true or false
	Texts   Kind = "texts"   // list of text
	TextMap Kind = "map"     // text by name
	Numbers Kind = "numbers" // number by name
	Wholes  Kind = "wholes"  // whole number by name
	JSON    Kind = "json"    // an object as JSON text
)

// Column is a column of a table as it is exported.
type Column struct {
	Name     string
	Kind     Kind
	Personal bool // says something of a person by itself: left out unless asked for
	expr     string
}

// Table is a table that can be exported.
type Table struct {
	Name    string
	JA, EN  string // title
	Columns []Column
	// Time is the column by which Since and Until choose rows and by which files are split by day; empty: there is none.
	Time string
	// Grows: rows are added and stay as they are, or are written anew with a later Time: what is new since the last run can be exported alone.
	Grows bool
	// Late is by how much a row may come after its Time; less than zero: as late as the fold is (events, decisions).
	Late int // minutes

	from string
}

// Title is the table's name for people.
func (t *Table) Title(language string) string {
	if language == "ja" {
		return t.JA
	}
	return t.EN
}

// spec is one line of the contract: NAME[:KIND][!], text unless said, ! for what is personal.
func spec(name, ja, en, columns string) Table {
	t := Table{Name: name, JA: ja, EN: en, from: name + " AS x FINAL"}
	for c := range strings.FieldsSeq(columns) {
		c, personal := strings.CutSuffix(c, "!")
		column, kind, found := strings.Cut(c, ":")
		if !found {
			kind = string(Text)
		}
		t.Columns = append(t.Columns, Column{Name: column, Kind: Kind(kind), Personal: personal, expr: "x.`" + column + "`"})
	}
	return t
}

// state: rows say how things are; their time is when they came to be.
func (t Table) by(column string) Table { t.Time = column; return t }

// grows: rows are added with a time; late is how many minutes after it at most.
func (t Table) grows(column string, late int) Table {
	t.Time, t.Grows, t.Late = column, true, late
	return t
}

// foldLate: rows come with the checkpoint of the fold, which says how far it is.
const foldLate = -1

// hour is more than an insert is repeated for before somebody hears of it.
const hour = 60

func (t Table) with(column, expr string) Table {
	for i := range t.Columns {
		if t.Columns[i].Name == column {
			t.Columns[i].expr = expr
		}
	}
	return t
}

func (t Table) out(from string) Table { t.from = from; return t }

// Tables are all that can be exported, in the order in which they are shown.
func Tables() []Table { return tables }

var tables = []Table{
	spec("people", "顧客", "People", "profile_id:id family_name! given_name! family_name_kana! given_name_kana! email! phone! line_user! customer_id! prefecture gender! birthday! language member_rank"+
		" first_seen_at:time last_seen_at:time last_visit_at:time signed_up_at:time orders_count:whole manual_orders_count:whole ltv:money currency first_order_at:time last_order_at:time last_manual_order_at:time"+
		" page_views:whole product_views:whole store_visits:whole points:whole has_email:flag has_line:flag has_phone:flag line_friend:flag suppressed_email:flag consents:map traits:map! traits_number:numbers!"+
		" hold_until:time hold_reason! risks:texts household! main_store lists:texts line_accounts:texts reach_email:flag reach_line:flag reach_sms:flag reach_push:flag reach_postal:flag social_reach_until:time"+
		" social_window_until:time social_action_at:time favourite_category favourite_brand favourite_size favourite_channel order_rhythm:whole next_order_at:time returned_orders:whole delivered_parcels:whole"+
		" late_parcels:whole last_late_at:time mixed:texts").by("first_seen_at"),
	spec("identifiers", "識別子", "Identifiers", "profile_id:id subject:id kind scope value! first_seen_at:time last_seen_at:time").by("first_seen_at").
		with("value", "if(x.kind = 'push_token', '', x.value)"), // a token lets its holder send
	spec("consents", "配信の許可（現在）", "Permissions now", "profile_id:id channel purpose state").
		with("channel", "splitByChar('.', x.permission.1)[1]").with("purpose", "splitByChar('.', x.permission.1)[2]").with("state", "x.permission.2").
		out("(SELECT profile_id, arrayJoin(arrayZip(mapKeys(consents), mapValues(consents))) AS permission FROM people FINAL) AS x"),
	spec("orders", "注文", "Orders", "profile_id:id order_id status placed_at:time paid_at:time confirmed_at:time cancelled_at:time refunded_at:time shipped_at:time delivered_at:time currency total:money revenue:money"+
		" subtotal:money discount:money coupon coupon_amount:money points_used:money shipping_fee:money cod_fee:money tax:money refunded:money items:whole channel store_id staff_id payment_method payment_due_at:time"+
		" payment_state fulfilment_type subscription_id automatic:flag marketplace is_gift:flag valid:flag sequence:whole order_number").by("placed_at"),
	spec("order_lines", "注文明細", "Order lines", "profile_id:id order_id line:whole placed_at:time product_id sku name brand category quantity:whole price:money discount:money valid:flag").by("placed_at"),
	spec("shipments", "出荷", "Shipments", "profile_id:id order_id shipment_id status carrier tracking! number:whole of:whole created_at:time shipped_at:time delivered_at:time delayed_at:time returned_at:time estimated_at:time store_id").by("created_at"),
	spec("returns", "返品", "Returns", "profile_id:id order_id return_id status requested_at:time received_at:time amount:money reason").by("requested_at"),
	spec("subscriptions", "定期購入", "Subscriptions", "profile_id:id subscription_id status product_id name category quantity:whole cycle_days:whole amount:money currency deliveries:whole reason started_at:time next_at:time"+
		" renewed_at:time skipped_at:time paused_at:time cancelled_at:time payment_failed_at:time").by("started_at"),
	spec("point_moves", "ポイントの増減", "Points", "profile_id:id at:time event_id:id kind amount:whole reason order_id expires_at:time").by("at"),
	spec("visits", "サイト・アプリの行動", "Visits of site and app", "profile_id:id at:time event_id:id type product_id category brand path query! cart_id value:money utm_source utm_campaign").by("at"),
	spec("store_visits", "来店", "Store visits", "profile_id:id at:time event_id:id type store_id").by("at"),
	spec("contacts", "問い合わせ", "Enquiries", "profile_id:id contact_id channel topic order_id complaint:flag opened_at:time solved_at:time").by("opened_at"),
	spec("reviews", "レビュー", "Reviews", "profile_id:id review_id order_id product_id rating:whole at:time").by("at"),
	spec("surveys", "アンケート", "Surveys", "profile_id:id at:time event_id:id survey_id kind score:whole").by("at"),
	spec("memberships", "セグメントの所属", "Segment memberships", "profile_id:id segment definition:whole since:time initial:flag").by("since"),
	spec("runs", "ジャーニーの進行", "Journey runs", "profile_id:id run_id:id journey definition:whole key entered_at:time node since:time wait_until:time ended_at:time end steps:whole").by("entered_at"),
	spec("sends", "送ったメッセージと反応", "Messages and what became of them", "profile_id:id send_id:id round:whole channel purpose journey node template run_id:id decided_at:time sent_at:time delivered_at:time opened_at:time"+
		" clicked_at:time ended_at:time end reason").by("decided_at"),
	spec("events", "行動（イベント）", "Events", "subject:id at:time event_id:id type appended_at:time offset:whole historical:flag source channel order_id shipment_id product_id category amount:money currency store_id"+
		" segment journey node run_id:id send_id:id message_channel reason event:json!").grows("appended_at", foldLate).with("event", "x.record"),
	spec("decisions", "配信判定", "Decisions", "subject:id send_id:id round:whole profile_id:id at:time journey definition:whole node run_id:id channel purpose template sent:flag reason checks").grows("at", foldLate),
	spec("deliveries", "配信の台帳", "Delivery ledger", "send_id:id round:whole state attempt:whole destination channel purpose journey template prefecture profile_id:id decided_at:time updated_at:time code reason! provider_id group_id:id variant").
		grows("updated_at", hour),
	spec("consent_evidence", "消去した方の同意の記録", "Consent evidence of erased people", "subject:id at:time event_id:id channel purpose state account method text! source actor erased_at:time").grows("erased_at", hour),
	spec("catalogue", "商品", "Products", "product_id parent_id sku name brand category price:money compare_at_price:money currency url image_url stock:whole? stores:wholes buyable:flag deleted:flag updated_at:time").grows("updated_at", hour),
	spec("catalogue_history", "商品の価格と在庫の推移", "Price and stock of products over time", "product_id at:time price:money compare_at_price:money currency stock:whole? buyable:flag").grows("at", hour),
	spec("catalogue_changes", "知らせた商品の変化", "Announced changes of products", "product_id at:time id:id kind old_price:money price:money stock:whole? addressed:whole").grows("at", hour),
	spec("postal_pieces", "郵便 DM の宛先ごとの記録", "Pieces of direct mail", "batch send_id:id state reason profile_id:id subject:id round:whole account destination purpose journey definition:whole node run_id:id template template_version:whole"+
		" language variant decided_at:time cutoff_at:time updated_at:time address:json! household! rank:whole postal_code! prefecture barcode! code cost:money sequence:whole seed:flag").grows("updated_at", hour),
	spec("postal_provisions", "郵便 DM の委託の記録", "Addresses given to print houses", "id:id at:time batch account recipient way file pieces:whole size:whole sha256 items:texts actor").grows("at", hour),
	spec("postal_returns", "戻ってきた郵便 DM", "Direct mail that came back", "code batch send_id:id reason returned_at:time taken_at:time actor").grows("taken_at", hour),
	spec("disclosures", "広告媒体などへの提供の記録", "Identifiers given to advertising platforms", "profile_id:id batch:id at:time audience destination platform recipient country basis purpose op keys:texts!").grows("at", hour),
	spec("line_statistics", "LINE の反応（送信単位）", "Reactions on LINE by unit", "account unit journey template month:whole messages:whole last_at:time seen:whole clicked:whole played:whole watched:whole asked_at:time").grows("asked_at", hour),
}

// FindTable is the table of a name.
func FindTable(name string) (*Table, bool) {
	for i := range tables {
		if tables[i].Name == name {
			return &tables[i], true
		}
	}
	return nil, false
}

// Chosen are the columns of an export.
func (t *Table) Chosen(contacts bool) []Column {
	var out []Column
	for _, c := range t.Columns {
		if contacts || !c.Personal {
			out = append(out, c)
		}
	}
	return out
}

// Personal tells whether the table has columns that are left out unless asked for.
func (t *Table) Personal() bool { return len(t.Chosen(false)) < len(t.Columns) }

// sql is the column as the program reads it.
func (c *Column) sql() string {
	x := c.expr
	switch c.Kind {
	case ID:
		return "if(" + x + " = toFixedString('', 16), '', lower(hex(" + x + ")))"
	case Whole, Money:
		return "toInt64(" + x + ")"
	case Instant:
		return "toUnixTimestamp64Milli(" + x + ")" // 1970: it did not happen
	case Flag:
		return "CAST(" + x + " != 0 AS Bool)"
	case Texts:
		return "CAST(" + x + " AS Array(String))"
	case TextMap:
		return "CAST(" + x + " AS Map(String, String))"
	case Numbers:
		return "CAST(" + x + " AS Map(String, Float64))"
	case Wholes:
		return "CAST(" + x + " AS Map(String, Int64))"
	case Stock:
		return "CAST(" + x + " AS Nullable(Int64))"
	}
	return "CAST(" + x + " AS String)"
}

// query selects the columns of the rows between two instants of the table's time, in milliseconds.
func (t *Table) query(columns []Column, since, until bool) string {
	selected := make([]string, len(columns))
	for i := range columns {
		selected[i] = columns[i].sql() + fmt.Sprintf(" AS c%d", i)
	}
	return "SELECT " + strings.Join(selected, ", ") + t.rows(since, until) + " SETTINGS max_block_size = 8192"
}

// rows is what a query reads from.
func (t *Table) rows(since, until bool) string {
	q, word := " FROM "+t.from, " WHERE "
	if since {
		q, word = q+word+"x.`"+t.Time+"` >= fromUnixTimestamp64Milli({since:Int64})", " AND "
	}
	if until {
		q += word + "x.`" + t.Time + "` < fromUnixTimestamp64Milli({until:Int64})"
	}
	return q
}
