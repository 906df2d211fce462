package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/ingest/imports"
	db "enishi/internal/clickhouse"
)

// Buyers finds whose orders are in the tables.
type Buyers struct{ DB *db.DB }

// owner is who has an order, as the tables tell it.
type owner struct {
	imports.Buyer
	profile string
	kind    enishi.Kind
	several bool // orders or people
}

// Find gives, of orders, the id and an identifier of the person who has it: by the order's id, or else by the number that people see, with or
// without a # before it. An order that nobody has, that more than one person has, or whose number more than one order has, is left out.
func (t Buyers) Find(ctx context.Context, orders []string) (map[string]imports.Buyer, error) {
	numbers := make([]string, 0, 2*len(orders))
	for _, o := range orders {
		bare := strings.TrimPrefix(o, "#")
		numbers = append(numbers, bare, "#"+bare)
	}
	rows, err := t.DB.Query(ctx, `WITH o AS (SELECT 0 AS by_number, order_id AS asked, order_id, profile_id FROM orders FINAL PREWHERE order_id IN {orders:Array(String)}
  UNION ALL SELECT 1, trim(LEADING '#' FROM order_number), order_id, profile_id FROM orders FINAL
  PREWHERE profile_id IN (SELECT profile_id FROM orders WHERE order_number IN {numbers:Array(String)}) WHERE order_number IN {numbers:Array(String)})
SELECT o.by_number, o.asked, o.order_id, hex(o.profile_id), toString(i.kind), i.scope, i.value
FROM o INNER JOIN (SELECT profile_id, kind, scope, value FROM identifiers FINAL WHERE profile_id IN (SELECT profile_id FROM o)) AS i ON i.profile_id = o.profile_id
ORDER BY o.by_number, o.asked, o.order_id, o.profile_id, i.kind, i.scope, i.value`, clickhouse.Named("orders", orders), clickhouse.Named("numbers", numbers))
	if err != nil {
		return nil, fmt.Errorf("find buyers: %w", err)
	}
	defer rows.Close()
	found := [2]map[string]*owner{{}, {}} // by id, by number
	for rows.Next() {
		var byNumber uint8
		var asked, order, profile, name, scope, value string
		if err := rows.Scan(&byNumber, &asked, &order, &profile, &name, &scope, &value); err != nil {
			return nil, fmt.Errorf("find buyers: %w", err)
		}
		x := found[byNumber][asked]
		if x == nil {
			x = &owner{Buyer: imports.Buyer{OrderID: order}, profile: profile}
			found[byNumber][asked] = x
		}
		x.several = x.several || x.profile != profile || x.OrderID != order
		x.take(name, scope, value)
	}
	out := map[string]imports.Buyer{}
	for _, o := range orders {
		x := found[0][o]
		if x == nil {
			x = found[1][strings.TrimPrefix(o, "#")]
		}
		if x != nil && !x.several && x.kind != 0 {
			out[o] = x.Buyer
		}
	}
	return out, rows.Err()
}

// take keeps the strongest identifier.
func (x *owner) take(name, scope, value string) {
	kind, ok := enishi.ParseKind(name)
	if !ok || x.kind != 0 && x.kind <= kind { // a smaller one is stronger
		return
	}
	var p enishi.Person
	switch kind {
	case enishi.Customer:
		p.CustomerID = value
	case enishi.POSCard:
		p.POSCard = value
	case enishi.LINEUser:
		p.LineUserID, p.LineProvider = value, scope
	case enishi.Email:
		p.Email = value
	case enishi.Phone:
		p.Phone = value
	default:
		return
	}
	x.kind, x.Person = kind, p
}
