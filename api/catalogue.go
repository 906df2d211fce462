package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/catalogue"
	"enishi/internal/stream"
	"enishi/profiles"
)

// ProductRow is a product in a list, and the head of its page: exported because huma reads no others where they are embedded.
type ProductRow struct {
	ProductID string        `json:"product_id"`
	Name      string        `json:"name"`
	SKU       string        `json:"sku"`
	Brand     string        `json:"brand"`
	Category  string        `json:"category"`
	ImageURL  string        `json:"image_url"`
	URL       string        `json:"url"`
	Price     enishi.Amount `json:"price" doc:"0: it is not known."`
	CompareAt enishi.Amount `json:"compare_at_price"`
	Currency  string        `json:"currency"`
	Stock     *int64        `json:"stock" doc:"null: it is not counted."`
	Buyable   bool          `json:"buyable" doc:"It is there, available and in stock."`
	Deleted   bool          `json:"deleted"`
	Low       bool          `json:"low" doc:"Few are left, by the setting catalogue."`
	UpdatedAt time.Time     `json:"updated_at"`
}

const productColumns = "product_id, name, sku, brand, category, image_url, url, price, compare_at_price, currency, stock, buyable, deleted, updated_at"

func (a *API) scanProduct(rows driver.Rows, extra ...any) (ProductRow, error) {
	var p ProductRow
	var price, compare int64
	var buyable, deleted uint8
	err := rows.Scan(append([]any{&p.ProductID, &p.Name, &p.SKU, &p.Brand, &p.Category, &p.ImageURL, &p.URL, &price, &compare, &p.Currency, &p.Stock, &buyable, &deleted, &p.UpdatedAt}, extra...)...)
	p.Price, p.CompareAt, p.Buyable, p.Deleted, p.UpdatedAt = enishi.Amount(price), enishi.Amount(compare), buyable == 1, deleted == 1, p.UpdatedAt.UTC()
	p.Low = p.Buyable && p.Stock != nil && *p.Stock <= a.catalogueSettings().LowStock
	return p, err
}

func (a *API) catalogueSettings() catalogue.Settings {
	d, _ := a.cfg.Definitions.Current("setting", catalogue.SettingName)
	set, _ := catalogue.ParseSettings(d.Body) // it was checked when it was saved
	return set
}

type productsInput struct {
	Q      string `query:"q" maxLength:"200" doc:"A part of the name, id, SKU, brand or category; kana and width do not matter."`
	Filter string `query:"filter" enum:",out,low,deleted" doc:"Sold out, few left, or gone; those that are gone are left out otherwise."`
	Cursor string `query:"cursor" maxLength:"200" doc:"The id after which the page begins."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listProducts(ctx context.Context, in *productsInput) (*listOutput[ProductRow], error) {
	where, args := "deleted = 0", []any{}
	switch in.Filter {
	case "out":
		where += " AND buyable = 0"
	case "low":
		where += " AND buyable = 1 AND stock <= {low:Int64}"
		args = append(args, named("low", fmt.Sprint(a.catalogueSettings().LowStock)))
	case "deleted":
		where = "deleted = 1"
	}
	if q := profiles.Fold(in.Q); q != "" {
		where += " AND position(search, {q:String}) > 0"
		args = append(args, named("q", q))
	}
	out := listOf([]ProductRow{})
	total, err := a.count(ctx, "SELECT count() FROM catalogue FINAL WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	out.Body.Total = &total
	args = append(args, named("after", in.Cursor))
	err = a.each(ctx, fmt.Sprintf("SELECT %s FROM catalogue FINAL WHERE %s AND product_id > {after:String} ORDER BY product_id LIMIT %d", productColumns, where, in.Limit+1), args, func(rows driver.Rows) error {
		p, err := a.scanProduct(rows)
		if err != nil {
			return err
		}
		if len(out.Body.Items) == in.Limit {
			out.Body.Next = out.Body.Items[in.Limit-1].ProductID
			return nil
		}
		out.Body.Items = append(out.Body.Items, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	return out, nil
}

// ProductPath names a product in a path.
type ProductPath struct {
	ID string `path:"id" maxLength:"200" doc:"The product's id, as events have it."`
}

// productPoint is a product's price and stock from an instant on.
type productPoint struct {
	At      time.Time     `json:"at"`
	Price   enishi.Amount `json:"price"`
	Stock   *int64        `json:"stock"`
	Buyable bool          `json:"buyable"`
}

// productChange is a change that people were told of.
type productChange struct {
	At        time.Time     `json:"at"`
	Kind      string        `json:"kind" doc:"product.back_in_stock, product.price_dropped or product.low_stock"`
	Title     Text          `json:"title"`
	OldPrice  enishi.Amount `json:"old_price"`
	Price     enishi.Amount `json:"price"`
	Stock     *int64        `json:"stock"`
	Addressed int64         `json:"addressed" doc:"People whom it may have concerned."`
	Told      int64         `json:"told" doc:"People whom it concerned."`
}

// productPeople are the people behind a product, each with an expression that lists them.
type productPeople struct {
	What       string `json:"what" enum:"viewed,wishlist,waiting,bought"`
	Expression string `json:"expression"`
	People     int64  `json:"people"`
}

type storeStock struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Stock int64  `json:"stock"`
}

func (a *API) storeStocks(stock map[string]int64) []storeStock {
	out := []storeStock{}
	for id, n := range stock {
		out = append(out, storeStock{id, a.storeName(id), n})
	}
	slices.SortFunc(out, func(x, y storeStock) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return out
}

// productPage is a product.
type productPage struct {
	ProductRow
	ParentID   string            `json:"parent_id"`
	Stores     []storeStock      `json:"stores" doc:"What each store has, in the order of their names."`
	Attributes map[string]string `json:"attributes"`
	ImageURLs  []string          `json:"image_urls"`
	Variants   []ProductRow      `json:"variants"`
	History    []productPoint    `json:"history" doc:"Oldest first; the newest 500."`
	Changes    []productChange   `json:"changes" doc:"Newest first."`
	People     []productPeople   `json:"people"`
}

type productOutput struct{ Body productPage }

func (a *API) getProduct(ctx context.Context, in *ProductPath) (*productOutput, error) {
	out := &productOutput{productPage{Stores: []storeStock{}, Attributes: map[string]string{}, ImageURLs: []string{}, Variants: []ProductRow{}, History: []productPoint{}, Changes: []productChange{}}}
	p, id, found := &out.Body, []any{named("id", in.ID)}, false
	err := a.each(ctx, "SELECT "+productColumns+", parent_id, body FROM catalogue FINAL WHERE product_id = {id:String}", id, func(rows driver.Rows) (err error) {
		var body string
		if p.ProductRow, err = a.scanProduct(rows, &p.ParentID, &body); err != nil {
			return err
		}
		found = true
		if full, _, refusal := ingest.ParseProduct([]byte(body), nil); refusal == nil && full != nil {
			p.Stores, p.Attributes, p.ImageURLs = a.storeStocks(full.Stores), orMade(full.Attributes), append([]string{}, full.ImageURLs...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read product: %w", err)
	}
	if !found {
		return nil, notFound("product", "商品")
	}
	for _, read := range []func(context.Context, *productPage, []any) error{a.productVariants, a.productHistory, a.productChanges, a.productPeople} {
		if err := read(ctx, p, id); err != nil {
			return nil, fmt.Errorf("read product %s: %w", in.ID, err)
		}
	}
	return out, nil
}

func orMade[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func (a *API) productVariants(ctx context.Context, p *productPage, id []any) error {
	return a.each(ctx, "SELECT "+productColumns+" FROM catalogue FINAL WHERE parent_id = {id:String} AND deleted = 0 ORDER BY product_id LIMIT 200", id, func(rows driver.Rows) error {
		v, err := a.scanProduct(rows)
		p.Variants = append(p.Variants, v)
		return err
	})
}

func (a *API) productHistory(ctx context.Context, p *productPage, id []any) error {
	return a.each(ctx, "SELECT at, price, stock, buyable FROM (SELECT at, version, price, stock, buyable FROM catalogue_history FINAL WHERE product_id = {id:String} ORDER BY at DESC, version DESC LIMIT 500) ORDER BY at, version", id,
		func(rows driver.Rows) error {
			var x productPoint
			var price int64
			var buyable uint8
			err := rows.Scan(&x.At, &price, &x.Stock, &buyable)
			x.At, x.Price, x.Buyable = x.At.UTC(), enishi.Amount(price), buyable == 1
			p.History = append(p.History, x)
			return err
		})
}

func (a *API) productChanges(ctx context.Context, p *productPage, id []any) error {
	told := map[string]int64{}
	err := a.each(ctx, `SELECT concat(type, ' ', toString(toUnixTimestamp64Milli(at))), uniqExact(event_id) FROM events
		WHERE product_id = {id:String} AND type IN ('product.back_in_stock', 'product.price_dropped', 'product.low_stock') GROUP BY type, at`, id, func(rows driver.Rows) error {
		var key string
		var n uint64
		err := rows.Scan(&key, &n)
		told[key] = int64(n)
		return err
	})
	if err != nil {
		return err
	}
	return a.each(ctx, "SELECT at, kind, old_price, price, stock, addressed FROM catalogue_changes FINAL WHERE product_id = {id:String} ORDER BY at DESC LIMIT 50", id, func(rows driver.Rows) error {
		var x productChange
		var was, is int64
		var addressed uint32
		err := rows.Scan(&x.At, &x.Kind, &was, &is, &x.Stock, &addressed)
		x.At, x.OldPrice, x.Price, x.Addressed, x.Title = x.At.UTC(), enishi.Amount(was), enishi.Amount(is), int64(addressed), typeLabel(x.Kind)
		x.Told = told[fmt.Sprintf("%s %d", x.Kind, x.At.UnixMilli())]
		p.Changes = append(p.Changes, x)
		return err
	})
}

// productPeople counts who is behind a product, by expressions that the list of people takes.
func (a *API) productPeople(ctx context.Context, p *productPage, _ []any) error {
	id, err := json.Marshal(p.ProductID)
	if err != nil {
		return err
	}
	for _, x := range [...]struct{ what, expression string }{
		{"viewed", `any(views, .product_id == ` + string(id) + ` && .at > ago("90d"))`},
		{"wishlist", `any(wishlist, .product_id == ` + string(id) + `)`},
		{"waiting", `any(visits, .type in ["stock_alert.requested", "price_alert.requested"] && .product_id == ` + string(id) + `)`},
		{"bought", `any(lines, .product_id == ` + string(id) + `)`},
	} {
		s, err := a.library().Compile("", 0, []byte(`{"expression":`+quoteJSON(x.expression)+`}`))
		if err != nil {
			return err
		}
		query, args := s.SQL(a.now())
		n, err := a.count(ctx, "SELECT count() FROM (\n"+query+")", args...)
		if err != nil {
			return err
		}
		p.People = append(p.People, productPeople{x.what, x.expression, n})
	}
	return nil
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // a text
	return string(b)
}

type saveProductInput struct {
	ProductPath
	Body json.RawMessage `doc:"The product as docs/catalogue.md has it; type update changes a part of it."`
}

func (a *API) saveProduct(ctx context.Context, in *saveProductInput) (*writtenOutput, error) {
	var named struct {
		ProductID string `json:"product_id"`
	}
	if json.Unmarshal(in.Body, &named) == nil && named.ProductID != in.ID {
		return nil, enishi.FieldError("body.product_id", "is not the id of the path", "URL の商品 ID と一致していません。")
	}
	r, refusal := ingest.ProductRecord(in.Body, a.now())
	if refusal != nil {
		return nil, enishi.FieldError("body."+refusal.Field, refusal.Reason, refusal.ReasonJA)
	}
	recs := []stream.Record{r}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return nil, fmt.Errorf("append product: %w", err)
	}
	return &writtenOutput{Written{Position: positionOf(recs).String(), RequestID: callOf(ctx).request}}, nil
}

type saveProductsInput struct {
	Body struct {
		Products []json.RawMessage `json:"products" minItems:"1" maxItems:"1000"`
	}
}

// productsWritten is what became of a batch of products.
type productsWritten struct {
	Written
	Taken   int              `json:"taken"`
	Refused []productRefused `json:"refused"`
}

type productRefused struct {
	Index  int    `json:"index" doc:"Of the product in the request, from 0."`
	Field  string `json:"field"`
	Reason Text   `json:"reason"`
}

type productsWrittenOutput struct{ Body productsWritten }

func (a *API) saveProducts(ctx context.Context, in *saveProductsInput) (*productsWrittenOutput, error) {
	out := &productsWrittenOutput{productsWritten{Written: Written{RequestID: callOf(ctx).request}, Refused: []productRefused{}}}
	var recs []stream.Record
	for i, text := range in.Body.Products {
		r, refusal := ingest.ProductRecord(text, a.now())
		if refusal != nil {
			out.Body.Refused = append(out.Body.Refused, productRefused{i, refusal.Field, Text{refusal.ReasonJA, refusal.Reason}})
			continue
		}
		recs = append(recs, r)
	}
	if len(recs) == 0 {
		return out, nil
	}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return nil, fmt.Errorf("append %d products: %w", len(recs), err)
	}
	out.Body.Taken, out.Body.Position = len(recs), positionOf(recs).String()
	return out, nil
}
