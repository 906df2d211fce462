package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi/channels"
	"enishi/channels/lint"
	"enishi/internal/outward"
)

// Bounds of one check of links: somebody waits for it, and the asked servers are not ours.
const (
	maxAddresses  = 50
	addressesTime = 20 * time.Second
	atOnce        = 4
)

// askedLink is a link that was asked where it leads.
type askedLink struct {
	URL    string `json:"url"`
	Part   string `json:"part" doc:"Of the template, as variants.ja.html."`
	Status int    `json:"status" doc:"Of the answer, after redirects; 0: there was none, or the link was not asked."`
	Code   string `json:"code" enum:",link.dead,link.unsure,link.silent,link.private" doc:"Of its finding; empty: it leads to a page."`
	Text   Text   `json:"text" doc:"What was found, in words; empty: it leads to a page."`
}

// deadLinks asks where the links of a template lead, and finds those that do not answer as a page does. All are warnings: a
// page may be published later, and a server may refuse programs.
func (a *API) deadLinks(ctx context.Context, name string, body []byte) ([]askedLink, []channels.Finding, error) {
	list, err := a.cfg.Renderer.Addresses(name, body, func(language string) (string, error) {
		b, err := json.Marshal(a.sampleVariables(nil, language))
		return string(b), err
	})
	if err != nil {
		return nil, nil, notShown(err)
	}
	left := list[min(len(list), maxAddresses):]
	list = list[:len(list)-len(left)]
	ctx, cancel := context.WithTimeout(ctx, addressesTime)
	defer cancel()
	client := outward.New(a.cfg.Reach)
	found, asked := make([]*lint.Finding, len(list)), make([]askedLink, len(list))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, x := range list {
		g.Go(func() error {
			status, err := client.Status(ctx, x.URL)
			found[i], asked[i] = deadLink(x, status, err), askedLink{URL: x.URL, Part: x.Part, Status: status}
			if f := found[i]; f != nil {
				asked[i].Code, asked[i].Text = f.Code, Text(f.Text)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var out []channels.Finding
	for _, f := range found {
		if f != nil {
			out = append(out, channels.Finding{Finding: *f})
		}
	}
	if len(left) > 0 {
		out = append(out, channels.Finding{Finding: lint.Finding{Code: "link.unasked", Severity: lint.Warning,
			Text: lint.Text{JA: fmt.Sprintf("リンクが多いため、残りの %d 件は確認していません。", len(left)), EN: fmt.Sprintf("There are many links: the last %d were not asked.", len(left))},
			Fix:  lint.Text{JA: "残りのリンクを開いて確かめてください。", EN: "Open the others yourself."}}})
	}
	return asked, out, nil
}

// deadLink puts an answer into words; nil: the link is good.
func deadLink(x channels.Address, status int, err error) *lint.Finding {
	f := &lint.Finding{Severity: lint.Warning, Part: x.Part, Excerpt: x.URL, Fix: lint.Text{JA: "リンク先を開いて確かめ、必要なら直してください。", EN: "Open the link, and mend it if needed."}}
	switch {
	case errors.Is(err, outward.ErrForbidden):
		f.Code, f.Text = "link.private", lint.Text{JA: "公開されたサイトの URL ではないため、確認していません。", EN: "This is no address of the public web; it was not asked."}
	case err != nil:
		f.Code, f.Text = "link.silent", lint.Text{JA: "リンク先のサイトから応答がありません。", EN: "The site of this link does not answer."}
	case status == http.StatusNotFound || status == http.StatusGone:
		f.Code, f.Text = "link.dead", lint.Text{JA: fmt.Sprintf("リンク先のページがありません（%d）。", status), EN: fmt.Sprintf("There is no such page (%d).", status)}
	case status >= 300:
		f.Code, f.Text = "link.unsure", lint.Text{JA: fmt.Sprintf("リンク先が %d を返しました。ページが開けないか、プログラムからの確認を断っています。", status), EN: fmt.Sprintf("The link answers %d: the page fails, or it refuses programs.", status)}
	default:
		return nil
	}
	return f
}
