package api

import (
	"context"
	"strings"
	"time"

	"enishi"
	"enishi/channels/dm/postal"
	"enishi/channels/dm/postal/code"
)

type postalReturnsInput struct {
	Body struct {
		Lines  string `json:"lines" minLength:"1" maxLength:"8000000" doc:"Scanned codes, one a line; or CSV with code, reason and date (2026-11-22), with a head or without. Reasons: unknown_address, moved, refused, expired, other, or the words of the stamp."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type postalReturnsOutput struct{ Body postalReturnsPage }

// postalReturnsPage is what became of each line.
type postalReturnsPage struct {
	Taken   int                `json:"taken" doc:"New: nothing is sent to these addresses any more."`
	Known   int                `json:"known" doc:"They came back before."`
	Unknown int                `json:"unknown" doc:"No piece that left has this code."`
	Foreign int                `json:"foreign" doc:"No code of this shop: another brand's, or mistyped."`
	Erased  int                `json:"erased" doc:"The person was erased since."`
	Lines   []postalReturnLine `json:"lines" doc:"At most 1,000, those that were not taken first."`
}

type postalReturnLine struct {
	Line        int    `json:"line"`
	Text        string `json:"text" doc:"As it was sent."`
	Code        string `json:"code"`
	State       string `json:"state" enum:"taken,known,unknown,foreign,erased"`
	StateLabel  Text   `json:"state_label"`
	Reason      string `json:"reason"`
	ReasonLabel Text   `json:"reason_label"`
	Batch       string `json:"batch"`
}

// takePostalReturns takes pieces in that came back.
func (a *API) takePostalReturns(ctx context.Context, in *postalReturnsInput) (*postalReturnsOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	lines, err := postal.ParseReturns(strings.NewReader(in.Body.Lines), a.zone())
	if err != nil {
		return nil, err
	}
	list, err := o.Take(ctx, lines, callOf(ctx).caller.name)
	if err != nil {
		return nil, err
	}
	out := &postalReturnsOutput{postalReturnsPage{Lines: []postalReturnLine{}}}
	b := &out.Body
	counts := map[string]*int{postal.ReturnTaken: &b.Taken, postal.ReturnKnown: &b.Known, postal.ReturnNoCode: &b.Unknown, postal.ReturnForeign: &b.Foreign, postal.ReturnGone: &b.Erased}
	for _, taken := range []bool{false, true} {
		for i := range list {
			x := &list[i]
			if (x.State == postal.ReturnTaken) != taken {
				continue
			}
			*counts[x.State]++
			if len(b.Lines) < 1000 {
				b.Lines = append(b.Lines, postalReturnLine{x.Number, x.Text, code.Code(x.Code).String(), x.State, word("postal_return", x.State), x.Reason, word("postal_back", x.Reason), x.Batch})
			}
		}
	}
	return out, nil
}

// postalReturnRow is a piece that came back.
type postalReturnRow struct {
	Code        string    `json:"code"`
	Batch       string    `json:"batch"`
	SendID      enishi.ID `json:"send_id"`
	Reason      string    `json:"reason"`
	ReasonLabel Text      `json:"reason_label"`
	ReturnedAt  time.Time `json:"returned_at"`
	TakenAt     time.Time `json:"taken_at"`
	Actor       string    `json:"actor"`
}

func (a *API) listPostalReturns(ctx context.Context, in *postalProvisionsInput) (*listOutput[postalReturnRow], error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	list, err := o.Returns(ctx, in.Batch, in.Limit)
	if err != nil {
		return nil, err
	}
	out := listOf([]postalReturnRow{})
	for _, x := range list {
		out.Body.Items = append(out.Body.Items, postalReturnRow{code.Code(x.Code).String(), x.Batch, x.SendID, x.Reason, word("postal_back", x.Reason), x.ReturnedAt, x.TakenAt, x.Actor})
	}
	return out, nil
}

type postalResponseOutput struct{ Body postalResponsePage }

// postalResponsePage is what a batch brought about.
type postalResponsePage struct {
	From            time.Time           `json:"from,omitzero" doc:"The export; absent: not exported yet."`
	Until           time.Time           `json:"until,omitzero" doc:"Orders count until then."`
	Pieces          int                 `json:"pieces"`
	Returned        int                 `json:"returned"`
	Scanned         int                 `json:"scanned" doc:"People who opened the QR code."`
	Scans           int                 `json:"scans"`
	Coupons         int                 `json:"coupons" doc:"Codes of pieces that were redeemed, at a till or on the web."`
	Direct          postalOrders        `json:"direct" doc:"Orders with the code of a piece."`
	Matched         postalOrders        `json:"matched" doc:"Orders of people who got a piece, without its code."`
	Household       postalOrders        `json:"household" doc:"Orders of others in their household."`
	Responses       int                 `json:"responses" doc:"Direct and matched orders, and codes that a till told of without an order."`
	Rate            float64             `json:"rate" doc:"People with a direct or matched order or a redeemed code, of the pieces: 0 to 1."`
	Cost            money               `json:"cost"`
	CostPerResponse *money              `json:"cost_per_response,omitempty" doc:"Cost by responses; absent: there are none."`
	ROI             *float64            `json:"roi,omitempty" doc:"(revenue - cost) / cost, of direct and matched orders; absent: it cost nothing."`
	Variants        []postalVariantRow  `json:"variants" doc:"Empty: one text."`
	Holdout         *postalHoldout      `json:"holdout,omitempty" doc:"People whom the journey keeps out for comparison; absent: it does not."`
	Returns         []postalReasonCount `json:"returns"`
}

type postalOrders struct {
	Orders  int   `json:"orders"`
	People  int   `json:"people"`
	Revenue money `json:"revenue" doc:"Tax included, after discounts and refunds."`
}

type postalVariantRow struct {
	Variant string       `json:"variant"`
	Pieces  int          `json:"pieces"`
	Scanned int          `json:"scanned"`
	Direct  postalOrders `json:"direct"`
	Matched postalOrders `json:"matched"`
}

type postalHoldout struct {
	People int          `json:"people"`
	Orders postalOrders `json:"orders"`
	Rate   float64      `json:"rate"`
}

type postalReasonCount struct {
	Reason string `json:"reason"`
	Label  Text   `json:"label"`
	Count  int    `json:"count"`
}

func (a *API) getPostalResponse(ctx context.Context, in *PostalBatchPath) (*postalResponseOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	b, err := o.Batch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := o.Response(ctx, b)
	if err != nil {
		return nil, err
	}
	orders := func(x postal.Orders) postalOrders {
		return postalOrders{x.Orders, x.People, money{x.Revenue, r.Currency}}
	}
	p := postalResponsePage{From: r.From, Until: r.Until, Pieces: r.Pieces, Returned: r.Returned, Scanned: r.Scanned, Scans: r.Scans, Coupons: r.Coupons, Direct: orders(r.Direct), Matched: orders(r.Matched), Household: orders(r.Household),
		Cost: yen(r.Cost), Variants: []postalVariantRow{}, Returns: []postalReasonCount{}}
	rate := func(n, of int) float64 {
		if of == 0 {
			return 0
		}
		return float64(n) / float64(of)
	}
	p.Rate = rate(r.Direct.People+r.Matched.People+r.Alone, r.Pieces)
	if p.Responses = r.Direct.Orders + r.Matched.Orders + r.Alone; p.Responses > 0 {
		each := yen(r.Cost / enishi.Amount(p.Responses))
		p.CostPerResponse = &each
	}
	if r.Cost > 0 && r.Currency == "JPY" {
		roi := float64(r.Direct.Revenue+r.Matched.Revenue-r.Cost) / float64(r.Cost)
		p.ROI = &roi
	}
	for _, v := range r.Variants {
		p.Variants = append(p.Variants, postalVariantRow{v.Variant, v.Pieces, v.Scanned, orders(v.Direct), orders(v.Matched)})
	}
	if h := r.Holdout; h != nil {
		p.Holdout = &postalHoldout{h.People, orders(h.Orders), rate(h.Orders.People, h.People)}
	}
	list, err := o.Returns(ctx, b.Name, 100_000)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, x := range list {
		counts[x.Reason]++
	}
	for _, reason := range postal.ReturnReasons() {
		if counts[reason] > 0 {
			p.Returns = append(p.Returns, postalReasonCount{reason, word("postal_back", reason), counts[reason]})
		}
	}
	return &postalResponseOutput{p}, nil
}
