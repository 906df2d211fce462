package shopify

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Resources are what a pull brings, in this order: an order's buyer is known when it comes.
func Resources() []string { return []string{"products", "customers", "orders"} }

const addressFields = `{firstName lastName company phone zip province provinceCode city address1 address2 countryCodeV2}`
const moneyFields = `{shopMoney{amount}}`
const customerFields = `id firstName lastName state tags createdAt updatedAt
 defaultEmailAddress{emailAddress marketingState marketingOptInLevel marketingUpdatedAt}
 defaultPhoneNumber{phoneNumber marketingState marketingOptInLevel marketingUpdatedAt marketingCollectedFrom}
 defaultAddress` + addressFields

// bulkQuery is the query of a bulk operation; since restricts it to what changed from then on, zero: everything.
func bulkQuery(resource string, since time.Time) string {
	filter := ""
	if !since.IsZero() {
		filter = `(query: "updated_at:>='` + since.UTC().Format(time.RFC3339) + `'")`
	}
	fields := map[string]string{
		"customers": customerFields,
		"products": `id title vendor productType handle status updatedAt featuredMedia{preview{image{url}}}
 variants{edges{node{id sku price inventoryQuantity inventoryPolicy inventoryItem{tracked}}}}`,
		"orders": `id name email phone createdAt updatedAt processedAt cancelledAt cancelReason currencyCode taxesIncluded test sourceName tags displayFinancialStatus paymentGatewayNames discountCodes
 customAttributes{key value} totalPriceSet` + moneyFields + ` currentTotalPriceSet` + moneyFields + ` totalDiscountsSet` + moneyFields + ` totalShippingPriceSet` + moneyFields + ` taxLines{rate priceSet` + moneyFields + `}
 shippingAddress` + addressFields + ` customer{` + customerFields + `} fulfillments{id status displayStatus createdAt updatedAt trackingInfo{company number}} refunds{createdAt totalRefundedSet` + moneyFields + `}
 lineItems{edges{node{id sku title variantTitle vendor quantity currentQuantity requiresShipping originalUnitPriceSet` + moneyFields + ` product{id} taxLines{rate priceSet` + moneyFields + `}}}}`,
	}[resource]
	return "{" + resource + filter + "{edges{node{" + fields + "}}}}"
}

// maxLine is the longest line of a result that is read.
const maxLine = 8 << 20

var errUngrouped = errors.New("the result of Shopify is not grouped: a part stands before what it belongs to")

// object is a thing of a result with its parts.
type object struct {
	root  json.RawMessage
	parts []json.RawMessage
	next  int64 // the line after it, from 0
}

// objects reads the JSON lines of a bulk operation that was asked for with groupObjects: each thing is followed by its parts, which
// name it by __parentId. Things that end at or before line skip are passed over.
func objects(r io.Reader, skip int64, each func(o *object) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var at int64
	var o *object
	var id string
	flush := func() error {
		if o == nil {
			return nil
		}
		o.next = at
		if o.next <= skip {
			return nil
		}
		return each(o)
	}
	for lines.Scan() {
		raw := json.RawMessage(strings.TrimSpace(lines.Text()))
		if len(raw) == 0 {
			at++
			continue
		}
		var head struct {
			ID     string `json:"id"`
			Parent string `json:"__parentId"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return fmt.Errorf("line %d of the result: %w", at+1, err)
		}
		if head.Parent == "" {
			if err := flush(); err != nil {
				return err
			}
			o, id = &object{root: raw}, head.ID
		} else {
			if o == nil || head.Parent != id {
				return fmt.Errorf("line %d: %w", at+1, errUngrouped)
			}
			o.parts = append(o.parts, raw)
		}
		at++
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d of the result: %w", at+1, err)
	}
	return flush()
}

// found are the events or records that an object of a result makes.
func (s *Shop) found(resource string, o *object, how way, now time.Time) (events []enishi.Event, records []stream.Record, err error) {
	decode := func(raw json.RawMessage, into any) {
		if e := json.Unmarshal(raw, into); e != nil && err == nil {
			err = fmt.Errorf("read %s: %w", resource, e)
		}
	}
	switch resource {
	case "customers":
		var n customerNode
		if decode(o.root, &n); err == nil && n.ID != "" {
			events = s.customerEvents(n.customer(), how)
		}
	case "orders":
		var n orderNode
		decode(o.root, &n)
		for _, part := range o.parts {
			var l lineNode
			decode(part, &l)
			n.lines = append(n.lines, l)
		}
		if x := n.order(); err == nil && n.ID != "" && !x.Test && !nobody(s.buyer(x)) {
			events = s.orderEvents(x, how)
		}
	case "products":
		var n productNode
		decode(o.root, &n)
		for _, part := range o.parts {
			var v variantNode
			decode(part, &v)
			n.variants = append(n.variants, v)
		}
		if err != nil || n.ID == "" {
			return nil, nil, err
		}
		r, encodeErr := productRecord(n.product(), now)
		return nil, []stream.Record{r}, encodeErr
	}
	return events, nil, err
}
