package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"enishi"
	"enishi/channels/dm/postal"
	"enishi/channels/dm/postal/product"
)

// PostalBatchRow is a batch in a list. It and the paths below are exported because they are parts of others, which only then have their fields in the specification.
type PostalBatchRow struct {
	ID           string      `json:"id"`
	Account      string      `json:"account"`
	AccountTitle string      `json:"account_title"`
	Template     string      `json:"template"`
	Title        Text        `json:"title" doc:"Of the template."`
	State        string      `json:"state" enum:"collecting,closed,in_review,approved,exporting,exported,delivered,cancelled"`
	StateLabel   Text        `json:"state_label"`
	Cutoff       time.Time   `json:"cutoff"`
	HoldUntil    time.Time   `json:"hold_until,omitzero" doc:"Of approved: not exported before."`
	Product      string      `json:"product"`
	ProductTitle Text        `json:"product_title"`
	Tally        postalTally `json:"tally"`
	Problem      Text        `json:"problem" doc:"What stands in the way; empty: nothing."`
	ExportedAt   time.Time   `json:"exported_at,omitzero"`
	DeliveredAt  time.Time   `json:"delivered_at,omitzero"`
	Version      int64       `json:"version" doc:"0 while it collects."`
	Next         []string    `json:"next" doc:"What may be done with it now: close, prepare, approve, reopen, export, cancel."`
}

type postalTally struct {
	Pieces   int               `json:"pieces" doc:"All that were collected."`
	Ready    int               `json:"ready" doc:"To be printed, own addresses (seeds) included."`
	Seeds    int               `json:"seeds"`
	Rejected int               `json:"rejected" doc:"The address cannot be used; mended, the piece is ready."`
	LeftOut  int               `json:"left_out"`
	Warnings int               `json:"warnings" doc:"Ready, with something to look at."`
	Reasons  []postalReasonRow `json:"reasons"`
	Cost     money             `json:"cost"`
	PerPiece money             `json:"per_piece"`
}

type postalReasonRow struct {
	Reason string `json:"reason"`
	Label  Text   `json:"label"`
	State  string `json:"state" enum:"rejected,left_out"`
	Count  int    `json:"count"`
}

// postalBatchPage is one batch.
type postalBatchPage struct {
	PostalBatchRow
	Letter        bool               `json:"letter" doc:"The content is 信書, which only some products may carry."`
	Findings      []postalFinding    `json:"findings" doc:"What in the template makes it so."`
	Quotes        []postalQuote      `json:"quotes" doc:"What it would cost by each product, the cheapest allowed first; refused says why one may not be used."`
	BudgetLeft    *money             `json:"budget_left,omitempty" doc:"What it may cost; absent: no budget."`
	Delivery      string             `json:"delivery" enum:"download,directory,sftp"`
	DeliveryNote  Text               `json:"delivery_note" doc:"Why it is not delivered yet; empty: nothing went wrong."`
	Recipient     string             `json:"recipient" doc:"The print house."`
	Files         []postalFileRow    `json:"files"`
	ErasedNote    Text               `json:"erased_note" doc:"Somebody in the files was erased since: the print house has to delete them. Empty: nobody."`
	Returned      int64              `json:"returned"`
	NeedsRole     string             `json:"needs_role" doc:"Who may approve."`
	ApprovedBy    string             `json:"approved_by"`
	ApprovedAt    time.Time          `json:"approved_at,omitzero"`
	Repeats       int                `json:"repeats" doc:"How often it was exported again."`
	History       []postalHistoryRow `json:"history" doc:"Who did what, newest first."`
	ResponseUntil time.Time          `json:"response_until,omitzero"`
}

// postalFinding is something in a template that makes it 信書.
type postalFinding struct {
	Place  string `json:"place"`
	What   string `json:"what" doc:"The variable or the words."`
	Reason Text   `json:"reason"`
}

// postalQuote is what a product would cost, or why it may not be used.
type postalQuote struct {
	Product   string        `json:"product"`
	Title     Text          `json:"title"`
	Price     money         `json:"price" doc:"Of a piece, before discounts."`
	Percent   enishi.Amount `json:"percent" doc:"Of the discounts together."`
	Discounts []string      `json:"discounts"`
	Total     money         `json:"total" doc:"Postage of all pieces."`
	ValidFrom string        `json:"valid_from" doc:"Since when the price is."`
	Refused   Text          `json:"refused" doc:"Why it may not be used, and what to do; empty: it may."`
	Note      Text          `json:"note"`
}

type postalFileRow struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind" enum:"csv,pdf,manifest"`
	Pieces    int       `json:"pieces"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	Encrypted string    `json:"encrypted"`
	At        time.Time `json:"at"`
	Href      string    `json:"href"`
}

type postalHistoryRow struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Role   string    `json:"role"`
	State  string    `json:"state"`
	Label  Text      `json:"label"`
	Reason string    `json:"reason"`
}

func (a *API) office() (*postal.Office, error) {
	if a.cfg.Postal == nil {
		return nil, refusal(enishi.Unavailable, "there is no post office in this process", "このサーバーでは郵送を扱えません。")
	}
	return a.cfg.Postal, nil
}

type postalBatchesInput struct {
	State   string `query:"state" enum:",collecting,closed,in_review,approved,exporting,exported,delivered,cancelled"`
	Account string `query:"account" maxLength:"32"`
	Journey string `query:"journey" maxLength:"64" doc:"Batches with pieces of a journey or campaign."`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (a *API) listPostalBatches(ctx context.Context, in *postalBatchesInput) (*listOutput[PostalBatchRow], error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	all, err := o.Batches(ctx)
	if err != nil {
		return nil, err
	}
	if in.Journey != "" {
		heads, err := o.Pieces.Heads(ctx, "journey = {journey:String}", ch.Named("journey", in.Journey))
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(b *postal.Batch) bool {
			return !slices.ContainsFunc(heads, func(h postal.Head) bool { return h.Batch == b.Name })
		})
	}
	slices.SortStableFunc(all, func(x, y *postal.Batch) int {
		if c := y.Cutoff.Compare(x.Cutoff); c != 0 {
			return c
		}
		return strings.Compare(x.Name, y.Name)
	})
	out := listOf([]PostalBatchRow{})
	for _, b := range all {
		if in.State != "" && b.State != in.State || in.Account != "" && b.Account != in.Account || len(out.Body.Items) == in.Limit {
			continue
		}
		out.Body.Items = append(out.Body.Items, a.postalRow(o, b))
	}
	return out, nil
}

func (a *API) postalRow(o *postal.Office, b *postal.Batch) PostalBatchRow {
	set, _ := o.Settings().Account(b.Account)
	r := PostalBatchRow{ID: b.Name, Account: b.Account, AccountTitle: set.Title, Template: b.Template, Title: a.titles.template(b.Template), State: b.State, StateLabel: Text(postal.StateText(b.State)), Cutoff: b.Cutoff,
		HoldUntil: b.HoldUntil, Product: b.Product, ProductTitle: productTitle(b.Product), Tally: tallyOf(b.Tally), Problem: Text(b.Problem), ExportedAt: b.ExportedAt, DeliveredAt: b.DeliveredAt, Version: b.Version, Next: nextMoves(b)}
	if r.Problem.isZero() && b.State == postal.InReview {
		r.Problem = Text(b.Refused)
	}
	if r.AccountTitle == "" {
		r.AccountTitle = b.Account
	}
	return r
}

func productTitle(name string) Text {
	if p, ok := product.Default().Product(name); ok {
		return Text(p.Title)
	}
	return Text{name, name}
}

func nextMoves(b *postal.Batch) []string {
	switch b.State {
	case postal.Collecting:
		return []string{postal.MoveClose, postal.MoveCancel}
	case postal.InReview:
		return []string{postal.MoveApprove, postal.MovePrepare, postal.MoveCancel}
	case postal.Approved:
		return []string{postal.MoveExport, postal.MoveReopen, postal.MoveCancel}
	case postal.Exported, postal.Delivered:
		return []string{postal.MoveExport}
	}
	return []string{}
}

func yen(x enishi.Amount) money { return money{x, "JPY"} }

func tallyOf(t *postal.Tally) postalTally {
	out := postalTally{Pieces: t.Pieces, Ready: t.Ready, Seeds: t.Seeds, Rejected: t.Rejected, LeftOut: t.LeftOut, Warnings: t.Warnings, Cost: yen(t.Cost), PerPiece: yen(t.PerPiece), Reasons: []postalReasonRow{}}
	for _, reason := range sortedKeys(t.Reasons) {
		state := postal.PieceLeftOut
		if postal.Rejects(reason) {
			state = postal.PieceRejected
		}
		out.Reasons = append(out.Reasons, postalReasonRow{reason, postalReason(reason), state, t.Reasons[reason]})
	}
	slices.SortStableFunc(out.Reasons, func(x, y postalReasonRow) int { return y.Count - x.Count })
	return out
}

// PostalBatchPath names a batch.
type PostalBatchPath struct {
	ID string `path:"id" maxLength:"80"`
}

type postalBatchOutput struct{ Body postalBatchPage }

func (a *API) getPostalBatch(ctx context.Context, in *PostalBatchPath) (*postalBatchOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	b, err := o.Batch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	set, _ := o.Settings().Account(b.Account)
	p := postalBatchPage{PostalBatchRow: a.postalRow(o, b), Letter: b.Letter, Findings: []postalFinding{}, Quotes: []postalQuote{}, Delivery: set.Deliver.Kind, DeliveryNote: Text(b.DeliverHow), Recipient: set.Deliver.Recipient,
		Files: []postalFileRow{}, NeedsRole: set.Approval.Role, ApprovedBy: b.ApprovedBy, ApprovedAt: b.ApprovedAt, Repeats: b.Repeats, History: []postalHistoryRow{}}
	quotes, source, err := o.Quotes(ctx, b)
	if err != nil {
		return nil, err
	}
	for i := range quotes {
		q := &quotes[i]
		row := postalQuote{Product: q.Product, Title: Text(q.Title), Price: yen(q.Price), Percent: q.Percent, Discounts: append([]string{}, q.Discounts...), Total: yen(q.Total), ValidFrom: q.ValidFrom, Note: Text(q.Note)}
		if q.Refused != nil {
			row.Refused = Text(*q.Refused)
		}
		p.Quotes = append(p.Quotes, row)
	}
	for _, f := range source.Findings {
		p.Findings = append(p.Findings, postalFinding{f.Place, f.What, Text(f.Reason)})
	}
	p.Letter = p.Letter || source.IsLetter()
	if left, bounded := o.BudgetLeft(b); bounded {
		m := yen(left)
		p.BudgetLeft = &m
	}
	for i := range b.Files {
		f := &b.Files[i]
		p.Files = append(p.Files, postalFileRow{f.Name, f.Kind, f.Pieces, f.Size, f.SHA256, f.Encrypted, f.At, a.cfg.Base + prefix + "/postal/batches/" + b.Name + "/files/" + f.Name})
	}
	if b.Erased > 0 {
		p.ErasedNote = Text{fmt.Sprintf("書き出したあとに消去された人が %d 人います。印刷会社にファイルの該当する宛先の削除を依頼してください。", b.Erased),
			fmt.Sprintf("%d people in the files were erased since: ask the print house to delete them.", b.Erased)}
	}
	if p.Returned, err = a.count(ctx, "SELECT count() FROM postal_returns FINAL WHERE batch = {batch:String}", named("batch", b.Name)); err != nil {
		return nil, err
	}
	if !b.ExportedAt.IsZero() {
		p.ResponseUntil = b.ExportedAt.AddDate(0, 0, set.Response)
	}
	for _, d := range a.cfg.Definitions.History(postal.Kind, b.Name) {
		x, err := postal.ParseBatch(&d)
		if err != nil {
			continue
		}
		p.History = append(p.History, postalHistoryRow{d.At, d.Actor, d.Role, x.State, Text(postal.StateText(x.State)), d.Reason})
	}
	slices.Reverse(p.History)
	return &postalBatchOutput{p}, nil
}

type postalMoveInput struct {
	PostalBatchPath
	Body struct {
		Move   string `json:"move" enum:"close,prepare,approve,reopen,export,cancel" doc:"close: cut it off now; prepare: look all addresses up again; approve; reopen: take the approval back; export: make the files, or make them again; cancel: nothing is printed."`
		Expect int64  `json:"expect,omitempty" minimum:"0" doc:"The version that was looked at; another one is a conflict. 0: whatever it is."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// movePostalBatch changes the state of a batch in the caller's name. The work that follows is done within seconds.
func (a *API) movePostalBatch(ctx context.Context, in *postalMoveInput) (*writtenOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	b, err := o.Batch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.Expect > 0 && in.Body.Expect != b.Version {
		return nil, refusal(enishi.Conflict, "the batch was changed since: load it and look again", "ほかの人が変更しています。読み込み直して確認してください。")
	}
	set, _ := o.Settings().Account(b.Account)
	c := callOf(ctx)
	if needs := role(set.Approval.Role); in.Body.Move == postal.MoveApprove && !c.caller.role.includes(needs) {
		return nil, refusal(enishi.Denied, "to approve needs the role "+string(needs), "承認には「"+word("role", string(needs)).JA+"」の権限が必要です。")
	}
	if slices.Contains([]string{postal.MoveExport, postal.MoveCancel, postal.MoveReopen}, in.Body.Move) && !c.caller.role.includes(approver) {
		return nil, refusal(enishi.Denied, "this needs the role approver", "この操作には「承認者」の権限が必要です。")
	}
	if err := b.Move(in.Body.Move, c.caller.name, o.Now(), o.Hold(b)); err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: postal.Kind, Name: b.Name, Expect: b.Version, Body: b.Encode(), Reason: in.Body.Reason})
	if err == nil {
		o.Kick()
	}
	return &writtenOutput{w}, err
}

// keepPostal does what is due for batches of post.
func (a *API) keepPostal(ctx context.Context) error {
	ticker := time.NewTicker(postalLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-a.cfg.Postal.Kicked():
		}
		if !slices.Contains(a.cfg.Folder.Owned(), 0) {
			continue
		}
		if err := a.cfg.Postal.Keep(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("batches of post wait", "err", err)
		}
	}
}

// postalLook is how often it is looked what batches wait for.
const postalLook = 2 * time.Second

type postalFileInput struct {
	PostalBatchPath
	Name string `path:"name" maxLength:"120"`
}

// getPostalFile gives a file of a batch out, and records that.
func (a *API) getPostalFile(ctx context.Context, in *postalFileInput) (*huma.StreamResponse, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	b, err := o.Batch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r, f, err := o.Read(ctx, b, in.Name)
	if err != nil {
		return nil, err
	}
	if err := o.Provide(ctx, b, f, "download", callOf(ctx).caller.name); err != nil {
		r.Close()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer r.Close()
		hctx.SetHeader("Content-Type", map[string]string{postal.FileCSV: "text/csv", postal.FilePDF: "application/pdf", postal.FileManifest: "application/json"}[f.Kind])
		hctx.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, f.Name))
		hctx.SetHeader("Content-Length", fmt.Sprint(f.Size))
		hctx.SetHeader("X-Enishi-SHA256", f.SHA256)
		_, w := humago.Unwrap(hctx)
		if err := copyOut(w, r); err != nil && ctx.Err() == nil {
			a.log.Warn("a file of post was not taken to its end", "batch", b.Name, "err", err)
			panic(http.ErrAbortHandler) // the client sees that it is not whole
		}
	}}, nil
}
