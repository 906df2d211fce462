package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// columnKind says how a column's cell is written.
type columnKind uint8

const (
	textColumn columnKind = iota
	wholeColumn
	moneyColumn
	timeColumn
	flagColumn
	reasonsColumn // from the person's state
	sinceColumn   // from the memberships
)

// exportColumn is one that an export may have.
type exportColumn struct {
	name  string
	label Text
	kind  columnKind
	sql   string // over people, as text; empty: from elsewhere
}

// exportColumns are all but traits, in the order in which they are offered.
var exportColumns = [...]exportColumn{
	{"profile_id", Text{"顧客 ID", "Profile id"}, textColumn, "lower(hex(profile_id))"},
	{"name", Text{"名前", "Name"}, textColumn, "trimBoth(concat(family_name, ' ', given_name))"},
	{"kana", Text{"フリガナ", "Kana"}, textColumn, "trimBoth(concat(family_name_kana, ' ', given_name_kana))"},
	{"email", Text{"メールアドレス", "Mail address"}, textColumn, "email"},
	{"phone", Text{"電話番号", "Phone"}, textColumn, "phone"},
	{"customer_id", Text{"会員番号", "Customer id"}, textColumn, "customer_id"},
	{"line_user", Text{"LINE ユーザー ID", "LINE user id"}, textColumn, "line_user"},
	{"prefecture", Text{"都道府県", "Prefecture"}, textColumn, "prefecture"},
	{"gender", Text{"性別", "Gender"}, textColumn, "gender"},
	{"birthday", Text{"誕生日", "Birthday"}, textColumn, "birthday"},
	{"language", Text{"言語", "Language"}, textColumn, "language"},
	{"member_rank", Text{"会員ランク", "Member rank"}, textColumn, "member_rank"},
	{"orders_count", Text{"注文回数", "Orders"}, wholeColumn, "toString(orders_count)"},
	{"ltv", Text{"累計購入額", "Lifetime value"}, moneyColumn, "toString(ltv)"},
	{"currency", Text{"通貨", "Currency"}, textColumn, "currency"},
	{"points", Text{"ポイント残高", "Points"}, wholeColumn, "toString(points)"},
	{"first_order_at", Text{"初回注文日時", "First order"}, timeColumn, "toString(toUnixTimestamp64Milli(first_order_at))"},
	{"last_order_at", Text{"最終注文日時", "Latest order"}, timeColumn, "toString(toUnixTimestamp64Milli(last_order_at))"},
	{"signed_up_at", Text{"会員登録日時", "Member since"}, timeColumn, "toString(toUnixTimestamp64Milli(signed_up_at))"},
	{"last_seen_at", Text{"最終接触日時", "Last seen"}, timeColumn, "toString(toUnixTimestamp64Milli(last_seen_at))"},
	{"may_email", Text{"メール配信可", "May get mail"}, flagColumn, "toString(" + reachSQL["email"] + ")"},
	{"may_line", Text{"LINE 配信可", "May get LINE"}, flagColumn, "toString(" + reachSQL["line"] + ")"},
	{"may_postal", Text{"郵送可", "May get post"}, flagColumn, "toString(" + reachSQL["postal"] + ")"},
	{"may_sms", Text{"SMS 配信可", "May get SMS"}, flagColumn, "toString(" + reachSQL["sms"] + ")"},
	{"may_push", Text{"プッシュ通知可", "May get notifications"}, flagColumn, "toString(" + reachSQL["push"] + ")"},
	{"may_social", Text{"SNS の DM 可", "May get direct messages"}, flagColumn, "toString(" + reachSQL["social"] + ")"},
	{"since", Text{"セグメントに入った日時", "In the segment since"}, sinceColumn, ""},
	{"reasons", Text{"入った理由", "Reasons"}, reasonsColumn, ""},
}

// defaultColumns are those of an export that names none.
var defaultColumns = []string{"profile_id", "name", "email", "customer_id", "prefecture", "orders_count", "ltv", "last_order_at", "may_email", "may_line", "may_postal", "may_sms", "reasons"}

const (
	maxTraitLength = 100
)

// chooseColumns finds the columns by name; traits.NAME is any trait. args bind the traits' names.
func chooseColumns(names []string) (columns []exportColumn, args []any, err error) {
	if len(names) == 0 {
		names = defaultColumns
	}
	seen := map[string]bool{}
	for i, name := range names {
		place := fmt.Sprintf("body.columns[%d]", i)
		if seen[name] {
			return nil, nil, enishi.FieldError(place, fmt.Sprintf("%q stands there twice", name), fmt.Sprintf("「%s」が重複しています。", name))
		}
		seen[name] = true
		if trait, ok := strings.CutPrefix(name, "traits."); ok && trait != "" && len(trait) <= maxTraitLength {
			bound := "trait" + strconv.Itoa(i)
			columns, args = append(columns, exportColumn{name, traitLabel(trait), textColumn, "traits[{" + bound + ":String}]"}), append(args, named(bound, trait))
			continue
		}
		found := false
		for _, c := range exportColumns {
			if c.name == name {
				columns, found = append(columns, c), true
			}
		}
		if !found {
			return nil, nil, enishi.FieldError(place, fmt.Sprintf("there is no column %q: one of %s, or traits.NAME", name, strings.Join(columnNames(), ", ")),
				fmt.Sprintf("「%s」という列はありません。使える列: %s、traits.属性名", name, strings.Join(columnNames(), "、")))
		}
	}
	return columns, args, nil
}

func columnNames() []string {
	out := make([]string, len(exportColumns))
	for i, c := range exportColumns {
		out[i] = c.name
	}
	return out
}

// cell is a value as a spreadsheet shows it: nothing that somebody else wrote is taken for a formula.
func (c *exportColumn) cell(value string, zone *time.Location) string {
	switch c.kind {
	case moneyColumn:
		return amountText(value)
	case timeColumn, sinceColumn:
		return instantText(value, zone)
	case textColumn, reasonsColumn:
		return notFormula(value)
	}
	return value
}

// json is the value in a line of JSON.
func (c *exportColumn) json(value string) ([]byte, error) {
	switch c.kind {
	case wholeColumn:
		return []byte(value), nil
	case flagColumn:
		return strconv.AppendBool(nil, value == "1"), nil
	case moneyColumn:
		return json.Marshal(amountText(value))
	case timeColumn, sinceColumn:
		if text := instantText(value, time.UTC); text != "" {
			return json.Marshal(text)
		}
		return []byte("null"), nil
	}
	return json.Marshal(value)
}

func amountText(tenthousandths string) string {
	n, _ := strconv.ParseInt(tenthousandths, 10, 64) // a column of whole numbers
	return enishi.Amount(n).String()
}

func instantText(millis string, zone *time.Location) string {
	n, _ := strconv.ParseInt(millis, 10, 64)
	if n <= 0 {
		return ""
	}
	return time.UnixMilli(n).In(zone).Format(time.RFC3339)
}

// notFormula puts an apostrophe before what a spreadsheet would calculate, as OWASP advises against CSV injection; its
// full-width forms, which Japanese spreadsheets take too, and a line break at the beginning included.
func notFormula(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s[:min(len(s), 4)])[0]) {
		return s
	}
	return "'" + s
}

// columnRow is a column that an export may have.
type columnRow struct {
	Name    string `json:"name"`
	Label   Text   `json:"label"`
	Default bool   `json:"default" doc:"Of an export that names no columns."`
}

func (a *API) listExportColumns(context.Context, *struct{}) (*listOutput[columnRow], error) {
	out := listOf([]columnRow{})
	for _, c := range exportColumns {
		out.Body.Items = append(out.Body.Items, columnRow{c.name, c.label, slices.Contains(defaultColumns, c.name)})
	}
	return out, nil
}
