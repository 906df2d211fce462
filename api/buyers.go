package api

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	db "enishi/internal/clickhouse"
)

// Buyers finds whose orders are in the tables.
type Buyers struct{ DB *db.DB }

// Find gives an identifier of the person who has an order, by the order's id. An order that nobody has, or that more than one person has,
// is left out.
func (t Buyers) Find(ctx context.Context, orders []string) (map[string]enishi.Person, error) {
	rows, err := t.DB.Query(ctx, `WITH o AS (SELECT order_id, profile_id FROM orders FINAL PREWHERE order_id IN {orders:Array(String)})
SELECT o.order_id, hex(o.profile_id), toString(i.kind), i.scope, i.value FROM o INNER JOIN (SELECT profile_id, kind, scope, value FROM identifiers FINAL WHERE profile_id IN (SELECT profile_id FROM o)) AS i ON i.profile_id = o.profile_id
ORDER BY o.order_id, o.profile_id, i.kind, i.scope, i.value`, clickhouse.Named("orders", orders))
	if err != nil {
		return nil, fmt.Errorf("find buyers: %w", err)
	}
	defer rows.Close()
	out, whose, best := map[string]enishi.Person{}, map[string]string{}, map[string]enishi.Kind{}
	for rows.Next() {
		var order, profile, name, scope, value string
		if err := rows.Scan(&order, &profile, &name, &scope, &value); err != nil {
			return nil, fmt.Errorf("find buyers: %w", err)
		}
		if who, ok := whose[order]; ok && who != profile {
			whose[order] = "" // two people have it
			delete(out, order)
			continue
		}
		whose[order] = profile
		kind, ok := enishi.ParseKind(name)
		if !ok || best[order] != 0 && best[order] <= kind { // a smaller one is stronger
			continue
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
			continue
		}
		best[order], out[order] = kind, p
	}
	return out, rows.Err()
}
