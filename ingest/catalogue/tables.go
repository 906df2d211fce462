package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/ingest"
	"enishi/internal/clickhouse"
	"enishi/internal/stream"
	"enishi/profiles"
)

type tables struct{ db *clickhouse.DB }

// OpenTables are the tables of a workspace.
func OpenTables(db *clickhouse.DB) Tables {
	t := tables{db}
	return Tables{Load: t.load, Due: t.due, Waiting: t.waiting, Save: t.save}
}

// productID is the product that a record is about; "" when it does not say.
func productID(r *stream.Record) string {
	if len(r.Value) == 0 {
		return string(r.Key)
	}
	var head struct {
		ProductID string `json:"product_id"`
	}
	_ = json.Unmarshal(r.Value, &head) // the parser says what is wrong
	return head.ProductID
}

const rowColumns = "version, next_offset, updated_at, body, state, due_at, deleted"

func (t tables) load(ctx context.Context, ids []string) ([]Row, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return t.read(ctx, "product_id IN (SELECT arrayJoin(JSONExtract({ids:String}, 'Array(String)')))", ch.Named("ids", string(list)))
}

func (t tables) due(ctx context.Context, now time.Time) ([]Row, error) {
	return t.read(ctx, "due_at > toDateTime64(0, 3) AND due_at <= fromUnixTimestamp64Milli({now:Int64}) LIMIT 1000", ch.Named("now", fmt.Sprint(now.UnixMilli())))
}

func (t tables) read(ctx context.Context, where string, args ...any) ([]Row, error) {
	rows, err := t.db.Query(ctx, "SELECT "+rowColumns+" FROM catalogue FINAL WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var body, state string
		var deleted uint8
		if err := rows.Scan(&r.Version, &r.Next, &r.At, &body, &state, &r.DueAt, &deleted); err != nil {
			return nil, err
		}
		if r.DueAt.Unix() <= 0 {
			r.DueAt = time.Time{}
		}
		p, _, refusal := ingest.ParseProduct([]byte(body), nil)
		if refusal != nil || p == nil {
			return nil, fmt.Errorf("the table catalogue has a product that cannot be read: %v", refusal)
		}
		if err := json.Unmarshal([]byte(state), &r.state); err != nil {
			return nil, fmt.Errorf("read the state of product %s: %w", p.ProductID, err)
		}
		r.gone = deleted == 1 && !p.Deleted
		p.Deleted = deleted == 1
		r.Product, r.Body, r.At, r.DueAt = p, []byte(body), r.At.UTC(), r.DueAt.UTC()
		out = append(out, r)
	}
	return out, rows.Err()
}

// waiting asks the facts without FINAL, which would cost many times as much: a row that is not so any more only has somebody looked at.
func (t tables) waiting(ctx context.Context, q Question, each func(Whom)) error {
	list, err := json.Marshal(q.Products)
	if err != nil {
		return err
	}
	rows, err := t.db.Query(ctx, `SELECT profile_id, product_id, min(multiIf(type IN ('stock_alert.requested', 'price_alert.requested'), 0, type LIKE 'cart.%', 1, type = 'wishlist.added', 2, 3)) AS rank
FROM visits
WHERE product_id IN (SELECT arrayJoin(JSONExtract({ids:String}, 'Array(String)')))
  AND (type IN ('stock_alert.requested', 'price_alert.requested', 'cart.item_added', 'wishlist.added') AND at >= fromUnixTimestamp64Milli({since:Int64})
    OR type = 'product.viewed' AND at >= fromUnixTimestamp64Milli({viewed:Int64}))
GROUP BY profile_id, product_id ORDER BY profile_id, rank, product_id LIMIT {each:UInt32} BY profile_id`,
		ch.Named("ids", string(list)), ch.Named("since", fmt.Sprint(q.Since.UnixMilli())), ch.Named("viewed", fmt.Sprint(q.Viewed.UnixMilli())),
		ch.Named("each", fmt.Sprint(q.Each)))
	if err != nil {
		return fmt.Errorf("look for people who wait: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var profile, product string
		var rank uint8
		if err := rows.Scan(&profile, &product, &rank); err != nil {
			return fmt.Errorf("look for people who wait: %w", err)
		}
		var w Whom
		copy(w.Profile[:], profile)
		w.Product = product
		each(w)
	}
	return rows.Err()
}

func (t tables) save(ctx context.Context, rows []Row, history []History, changes []Announced) error {
	if err := t.saveHistory(ctx, history); err != nil {
		return err
	}
	if err := t.saveChanges(ctx, changes); err != nil {
		return err
	}
	c := columns{}
	for i := range rows {
		r := &rows[i]
		p := r.Product
		state, err := json.Marshal(&r.state)
		if err != nil {
			return err
		}
		c.texts(p.ProductID, p.ParentID, p.SKU, p.Name, p.Brand, p.Category, searchText(p), p.Currency, p.URL, p.ImageURL, string(r.Body), string(state))
		c.wholes(r.Next, int64(p.Price), int64(p.CompareAt), r.At.UnixMilli(), dueMillis(r.DueAt))
		c.version, c.stock, c.stores = append(c.version, r.Version), append(c.stock, p.Stock), append(c.stores, orEmpty(p.Stores))
		c.buyable, c.deleted = append(c.buyable, flag(p.Buyable())), append(c.deleted, flag(p.Deleted))
	}
	// The rows come last: they say that all this was done.
	return t.db.Insert(ctx, "catalogue", []string{"product_id", "parent_id", "sku", "name", "brand", "category", "search", "currency", "url", "image_url", "body", "state",
		"next_offset", "price", "compare_at_price", "updated_at", "due_at", "version", "stock", "stores", "buyable", "deleted"}, len(rows),
		c.text[0], c.text[1], c.text[2], c.text[3], c.text[4], c.text[5], c.text[6], c.text[7], c.text[8], c.text[9], c.text[10], c.text[11],
		c.whole[0], c.whole[1], c.whole[2], c.whole[3], c.whole[4], c.version, c.stock, c.stores, c.buyable, c.deleted)
}

// columns are the cells of rows, column by column.
type columns struct {
	text             [12][]string
	whole            [5][]int64
	version          []uint64
	stock            []*int64
	stores           []map[string]int64
	buyable, deleted []uint8
}

func (c *columns) texts(values ...string) {
	for i, v := range values {
		c.text[i] = append(c.text[i], v)
	}
}

func (c *columns) wholes(values ...int64) {
	for i, v := range values {
		c.whole[i] = append(c.whole[i], v)
	}
}

func (t tables) saveHistory(ctx context.Context, history []History) error {
	c := columns{}
	for i := range history {
		h := &history[i]
		p := h.Product
		c.texts(p.ProductID, p.Currency)
		c.wholes(h.At.UnixMilli(), int64(p.Price), int64(p.CompareAt))
		c.version, c.stock, c.buyable = append(c.version, h.Version), append(c.stock, p.Stock), append(c.buyable, flag(p.Buyable()))
	}
	return t.db.Insert(ctx, "catalogue_history", []string{"product_id", "currency", "at", "price", "compare_at_price", "version", "stock", "buyable"}, len(history),
		c.text[0], c.text[1], c.whole[0], c.whole[1], c.whole[2], c.version, c.stock, c.buyable)
}

func (t tables) saveChanges(ctx context.Context, changes []Announced) error {
	c := columns{}
	var ids []enishi.ID
	var addressed []uint32
	for i := range changes {
		x := &changes[i]
		c.texts(x.ProductID, x.Kind)
		c.wholes(x.At.UnixMilli(), int64(x.Old), int64(x.New))
		c.stock, ids, addressed = append(c.stock, x.Stock), append(ids, x.ID), append(addressed, uint32(x.Addressed))
	}
	return t.db.Insert(ctx, "catalogue_changes", []string{"product_id", "kind", "at", "old_price", "price", "stock", "id", "addressed"}, len(changes),
		c.text[0], c.text[1], c.whole[0], c.whole[1], c.whole[2], c.stock, ids, addressed)
}

// searchText is what a product is found by, written as searches are.
func searchText(p *ingest.Product) string {
	return profiles.Fold(strings.Join([]string{p.Name, p.ProductID, p.SKU, p.Brand, p.Category}, "\n"))
}

func flag(yes bool) uint8 {
	if yes {
		return 1
	}
	return 0
}

func dueMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func orEmpty(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}
