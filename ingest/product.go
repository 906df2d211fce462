package ingest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// What a record of the topic catalogue is.
const (
	catalogueProduct = "product" // the whole product: what it does not name is not there
	catalogueUpdate  = "update"  // what it names changes, null takes away, the rest stays
)

const (
	maxProductBytes = 64 << 10
	maxImages       = 50
	maxStores       = 2_000
	maxAttributes   = 200
)

// Product is a product, or a variant of one, as a record of the topic catalogue says (docs/catalogue.md). Unknown fields are kept in the
// table catalogue and mean nothing.
type Product struct {
	Type      string    `json:"type,omitempty"` // product (also when absent) or update
	ProductID string    `json:"product_id"`
	ParentID  string    `json:"parent_id,omitempty"`  // of a variant: the product that it is one of
	Version   int64     `json:"version,omitempty"`    // of the source; the higher one wins. Absent: updated_at in milliseconds
	UpdatedAt time.Time `json:"updated_at,omitzero"`  // absent too: the later record wins
	SKU       string    `json:"sku,omitempty"`        //
	Name      string    `json:"name,omitempty"`       //
	Brand     string    `json:"brand,omitempty"`      //
	Category  string    `json:"category,omitempty"`   // a path is written "skincare > lotion"
	URL       string    `json:"url,omitempty"`        // of its page
	ImageURL  string    `json:"image_url,omitempty"`  //
	ImageURLs []string  `json:"image_urls,omitempty"` // the first one is image_url where that is absent

	Price     enishi.Amount `json:"price,omitzero"`            // tax included; absent or 0: not known
	CompareAt enishi.Amount `json:"compare_at_price,omitzero"` // the price that is crossed out
	Currency  string        `json:"currency,omitempty"`        // ISO 4217; JPY when absent

	Available  *bool             `json:"available,omitempty"` // false: it cannot be bought whatever its stock
	Stock      *int64            `json:"stock,omitempty"`     // absent: it is not counted. With stores their sum
	Stores     map[string]int64  `json:"stores,omitempty"`    // stock by store or warehouse
	Attributes map[string]string `json:"attributes,omitempty"`
	Deleted    bool              `json:"deleted,omitempty"` // it is gone; a later version may bring it back

	Import *FileRow `json:"import,omitempty"` // the last row of a file that wrote it
	ofFile bool     // the record at hand is that row
}

// FileRow is a row of an imported file: what it says of a product counts once.
type FileRow struct {
	File string `json:"file"` // 16 hexadecimal digits made of the file and its mapping
	Row  uint64 `json:"row"`  // 1-based, rising in the file
}

// Buyable reports whether it can be bought now: it is there, available, and what is counted of it is not used up.
func (p *Product) Buyable() bool {
	return !p.Deleted && (p.Available == nil || *p.Available) && (p.Stock == nil || *p.Stock > 0)
}

// Revision is the version that a later record has to reach.
func (p *Product) Revision() int64 {
	if p.Version == 0 && !p.UpdatedAt.IsZero() {
		return p.UpdatedAt.UnixMilli()
	}
	return p.Version
}

// StaleAfter reports whether had is of a later version, or has what this row of a file says.
func (p *Product) StaleAfter(had *Product) bool {
	again := p.ofFile && had.Import != nil && had.Import.File == p.Import.File && p.Import.Row <= had.Import.Row
	return again || p.Revision() != 0 && p.Revision() < had.Revision()
}

// ProductRecord is the record of the topic catalogue that says text of a product. It checks text.
func ProductRecord(text []byte, at time.Time) (stream.Record, *Refusal) {
	p, _, refusal := ParseProduct(text, nil)
	if refusal != nil {
		return stream.Record{}, refusal
	}
	if p == nil {
		return stream.Record{}, refuse(CodeValue, "type", "is product or update", "product か update にしてください")
	}
	return stream.Record{Topic: enishi.TopicCatalogue, Partition: 0, Time: at, Key: []byte(p.ProductID), Value: text}, nil
}

// ParseProduct reads a record of the topic catalogue about a product of which body is known (nil: nothing). It returns the product as it is
// then and its text with everything that it was told. A record of something else than a product gives nil and no refusal.
func ParseProduct(raw, body []byte) (*Product, []byte, *Refusal) {
	if refusal := checkRaw(raw); refusal != nil {
		return nil, nil, refusal
	}
	if len(raw) > maxProductBytes {
		return nil, nil, refusef(CodeSize, "", "the product has %d bytes, the limit is %d", "商品データが %d バイトあります（上限は %d バイト）", len(raw), maxProductBytes)
	}
	p := &Product{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, nil, locate(raw, p, err)
	}
	ofFile := p.Import != nil
	switch p.Type {
	case "", catalogueProduct:
		p.Type = ""
		body = raw
	case catalogueUpdate:
		merged, refusal := mergeProduct(raw, body)
		if refusal != nil {
			return nil, nil, refusal
		}
		p, body = &Product{}, merged
		if err := json.Unmarshal(body, p); err != nil {
			return nil, nil, locate(body, p, err)
		}
	default:
		return nil, nil, nil
	}
	if refusal := p.check(); refusal != nil {
		refusal.Type = orElse(p.Type, catalogueProduct)
		return nil, nil, refusal
	}
	p.ofFile = ofFile
	return p, body, nil
}

// mergeProduct changes in body what an update names (RFC 7396, one level deep: stores and attributes merge by their names).
func mergeProduct(raw, body []byte) ([]byte, *Refusal) {
	all, change := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &change); err != nil {
		return nil, locate(raw, &change, err)
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, locate(body, &all, err)
		}
	}
	delete(change, "type")
	for name, value := range change {
		switch {
		case isNull(value):
			delete(all, name)
		case name == "stores" || name == "attributes":
			was, now := map[string]json.RawMessage{}, map[string]json.RawMessage{}
			if all[name] != nil && json.Unmarshal(all[name], &was) != nil || json.Unmarshal(value, &now) != nil {
				all[name] = value // the check says what is wrong
				continue
			}
			maps.Copy(was, now)
			maps.DeleteFunc(was, func(_ string, v json.RawMessage) bool { return isNull(v) })
			all[name], _ = json.Marshal(was) // texts that were read
		default:
			all[name] = value
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		return nil, refuse(CodeJSON, "", "cannot be written: "+err.Error(), "書き出せません")
	}
	return out, nil
}

func isNull(v json.RawMessage) bool { return string(bytes.TrimSpace(v)) == "null" }

// check says what of a product cannot be, and completes it.
func (p *Product) check() *Refusal {
	if p.ProductID == "" {
		return missing("product_id")
	}
	if len(p.ProductID) > maxNameBytes*2 {
		return refusef(CodeValue, "product_id", "is longer than %d bytes", "%d バイト以内にしてください", maxNameBytes*2)
	}
	if p.Currency == "" {
		p.Currency = "JPY"
	}
	p.Currency = strings.ToUpper(p.Currency)
	if len(p.Currency) != 3 || strings.Trim(p.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return refuse(CodeValue, "currency", "is no currency: use the three letters of ISO 4217, such as JPY", "通貨は JPY のような ISO 4217 の 3 文字で指定してください")
	}
	for _, x := range [...]struct {
		field string
		value enishi.Amount
	}{{"price", p.Price}, {"compare_at_price", p.CompareAt}} {
		if x.value < 0 {
			return refuse(CodeValue, x.field, "is below 0", "0 以上にしてください")
		}
	}
	if len(p.ImageURLs) > maxImages || len(p.Stores) > maxStores || len(p.Attributes) > maxAttributes {
		return refusef(CodeValue, "", "has more than %d images, %d stores or %d attributes", "画像は %d 個、店舗は %d 件、属性は %d 個までです", maxImages, maxStores, maxAttributes)
	}
	links := append([]string{p.URL, p.ImageURL}, p.ImageURLs...)
	for i, link := range links {
		if link != "" && !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") || len(link) > maxURLBytes {
			field := [...]string{"url", "image_url"}[min(i, 1)]
			if i > 1 {
				field = "image_urls[" + strconv.Itoa(i-2) + "]"
			}
			return refuse(CodeValue, field, "write a whole address such as https://shop.example/p/1", "https://shop.example/p/1 のような URL を書いてください")
		}
	}
	if p.ImageURL == "" && len(p.ImageURLs) > 0 {
		p.ImageURL = p.ImageURLs[0]
	}
	if len(p.Stores) > 0 {
		sum := int64(0)
		for _, n := range slices.Sorted(maps.Values(p.Stores)) {
			sum += max(n, 0)
		}
		p.Stock = &sum
	}
	return nil
}
