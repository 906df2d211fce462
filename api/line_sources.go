package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
)

// lineSourceRow is a link and QR code by which people become friends, with who came by it.
type lineSourceRow struct {
	ID      string `json:"id"`
	Title   Text   `json:"title"`
	Kind    string `json:"kind" enum:"store,parcel,campaign,web"`
	Store   string `json:"store"`
	Account string `json:"account"`
	URL     string `json:"url" doc:"What the QR code says."`
	Counted bool   `json:"counted" doc:"Its account has a LIFF app: without one LINE does not tell by which link somebody came."`
	Came    int64  `json:"came" doc:"People whose first known way to us on LINE it was."`
	Friends int64  `json:"friends" doc:"Of them friends now."`
	Linked  int64  `json:"linked" doc:"Of them known as customers."`
}

func (a *API) listLineSources(ctx context.Context, _ *struct{}) (*listOutput[lineSourceRow], error) {
	rows := []lineSourceRow{}
	if a.cfg.LINEPages == nil {
		return listOf(rows), nil
	}
	type sum struct{ came, friends, linked uint64 }
	sums := map[string]sum{}
	err := a.each(ctx, "SELECT traits['"+line.SourceTrait+"'] AS source, count(), countIf(line_friend = 1), countIf(line_friend = 1 AND customer_id != '') FROM people FINAL WHERE source != '' GROUP BY source", nil,
		func(rows driver.Rows) error {
			var id string
			var s sum
			if err := rows.Scan(&id, &s.came, &s.friends, &s.linked); err != nil {
				return err
			}
			sums[id] = s
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("count friends by source: %w", err)
	}
	for _, s := range a.cfg.LINEPages.Sources() {
		o := a.lineAccount(s.Account)
		n := sums[s.ID]
		row := lineSourceRow{ID: s.ID, Title: Text(s.Title), Kind: s.Kind, Store: s.Store, Account: s.Account, URL: a.cfg.LINEPages.SourceURL(s.ID), Came: int64(n.came), Friends: int64(n.friends), Linked: int64(n.linked)}
		if row.Account == "" {
			row.Account = line.DefaultAccount
		}
		if o != nil {
			row.Counted = o.Settings().LIFF != ""
		}
		rows = append(rows, row)
	}
	return listOf(rows), nil
}

type qrInput struct {
	NamePath
	Format string `query:"format" enum:"svg,png" default:"svg"`
}

type qrOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// getLineQR draws the QR code of a source.
func (a *API) getLineQR(_ context.Context, in *qrInput) (*qrOutput, error) {
	if a.cfg.LINEPages == nil {
		return nil, notFound("source of friends", "友だち追加の経路")
	}
	for _, s := range a.cfg.LINEPages.Sources() {
		if s.ID != in.Name {
			continue
		}
		svg, png, err := line.QR(a.cfg.LINEPages.SourceURL(s.ID))
		if err != nil {
			return nil, err
		}
		if in.Format == "png" {
			return &qrOutput{"image/png", `attachment; filename="line-` + s.ID + `.png"`, png}, nil
		}
		return &qrOutput{"image/svg+xml", `inline; filename="line-` + s.ID + `.svg"`, svg}, nil
	}
	return nil, notFound("source of friends", "友だち追加の経路")
}

type lineLinkInput struct {
	NamePath
	Body struct {
		CustomerID string `json:"customer_id,omitempty" maxLength:"100" doc:"The customer who is signed in at the shop."`
		LinkToken  string `json:"link_token,omitempty" maxLength:"200" doc:"With customer_id: as LINE handed it to the shop's sign-in; without one the link leads to the LIFF app."`
		LineUserID string `json:"line_user_id,omitempty" maxLength:"64" doc:"Instead: the page on which this LINE user can link or unlink, as a message may carry it."`
	}
}

type lineLinkOutput struct {
	Body struct {
		URL   string    `json:"url" doc:"Where to send the person. Who has it may use it: it is for this person alone."`
		Until time.Time `json:"until" doc:"10 minutes and one use for a customer, 30 days for the page of a LINE user."`
	}
}

// linkLine begins to link a customer and a LINE user.
func (a *API) linkLine(_ context.Context, in *lineLinkInput) (*lineLinkOutput, error) {
	o, err := a.official(in.Name)
	if err != nil {
		return nil, err
	}
	if a.cfg.LINEPages == nil {
		return nil, notFound("LINE account", "LINE アカウント")
	}
	b, out := &in.Body, &lineLinkOutput{}
	switch {
	case (b.CustomerID == "") == (b.LineUserID == ""):
		return nil, enishi.FieldError("body.customer_id", "give either a customer_id or a line_user_id", "customer_id と line_user_id のどちらか一方を指定してください。")
	case b.LineUserID != "":
		out.Body.URL, out.Body.Until = a.cfg.LINEPages.Invite(o, b.LineUserID)
		return out, nil
	}
	out.Body.URL, out.Body.Until, err = a.cfg.LINEPages.Link(o, b.CustomerID, b.LinkToken)
	return out, err
}

type lineUnlinkInput struct {
	NamePath
	Body struct {
		LineUserID string `json:"line_user_id" minLength:"1" maxLength:"64"`
		Reason     string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// unlinkLine takes back that a LINE user is a customer.
func (a *API) unlinkLine(ctx context.Context, in *lineUnlinkInput) (*writtenOutput, error) {
	o, err := a.official(in.Name)
	if err != nil {
		return nil, err
	}
	if a.cfg.LINEPages == nil {
		return nil, notFound("LINE account", "LINE アカウント")
	}
	c := callOf(ctx)
	if err := a.cfg.LINEPages.Unlink(ctx, o, in.Body.LineUserID); err != nil {
		return nil, err
	}
	a.log.Info("LINE account unlinked", "account", o.Name, "actor", c.caller.name, "reason", in.Body.Reason, "request_id", c.request)
	return &writtenOutput{Written{RequestID: c.request}}, nil
}
