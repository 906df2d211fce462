package postal

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"enishi"
	"enishi/channels"
	"enishi/channels/dm/postal/code"
	"enishi/channels/dm/postal/layout"
)

// Pages answers the QR codes of pieces.
//
//	GET, HEAD /d/{code}   goes on to where the template, or the account, leads, and notes who came; else a page that says why not
func (o *Office) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /d/{code}", o.scan)
	return channels.Private(mux)
}

type pageWords struct{ Title, Text string }

var pageTexts = map[string]map[string]pageWords{
	"ja": {
		"foreign": {"このコードは読み取れません", "当店のはがき・お手紙のコードではないか、コードが途中で切れています。印刷されている英数字をもう一度お確かめください。"},
		"unknown": {"このコードは使えません", "該当するはがき・お手紙が見つかりません。お手数ですが、お店にお問い合わせください。"},
		"expired": {"ご案内の期間が終わりました", "お手元のはがき・お手紙のご案内は終了しました。最新のご案内はお店のサイトでご覧ください。"},
		"later":   {"ただいま表示できません", "しばらくしてから、もう一度お試しください。"},
		"thanks":  {"ご覧いただきありがとうございます", "このコードは、お会計のときにお店でご提示ください。"},
	},
	"en": {
		"foreign": {"This code cannot be read", "It is not one of our codes, or a part of it is missing. Please check the characters that are printed on the card."},
		"unknown": {"This code does not work", "We know no card or letter with this code. Please ask the shop."},
		"expired": {"This offer is over", "The offer on your card or letter has ended. Please see the shop's site for what is new."},
		"later":   {"We cannot show this right now", "Please try again in a moment."},
		"thanks":  {"Thank you for having a look", "Please show this code when you pay in the store."},
	},
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.Words.Title}}</title>
<style>body{margin:0;background:#f6f5f3;color:#2b2b2b;font-family:"Noto Sans JP","Hiragino Sans","Yu Gothic UI",Meiryo,sans-serif;line-height:1.7;word-break:auto-phrase}
main{max-width:480px;margin:12vh auto 0;padding:32px 24px;background:#fff;border-radius:8px}h1{font-size:20px;margin:0 0 16px}p{margin:0 0 16px}b{font-size:24px;letter-spacing:.08em}</style></head>
<body><main><h1>{{.Words.Title}}</h1><p>{{.Words.Text}}</p>{{if .Code}}<p><b>{{.Code}}</b></p>{{end}}</main></body></html>
`))

func page(w http.ResponseWriter, r *http.Request, status int, which, shown string) {
	lang := "ja"
	if accept := strings.ToLower(r.Header.Get("Accept-Language")); strings.HasPrefix(accept, "en") {
		lang = "en"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	// The only error is a reader who has gone.
	_ = pageTemplate.Execute(w, map[string]any{"Lang": lang, "Words": pageTexts[lang][which], "Code": shown})
}

// scan follows the QR code of a piece.
func (o *Office) scan(w http.ResponseWriter, r *http.Request) {
	c, err := code.Parse(r.PathValue("code"))
	if err != nil {
		page(w, r, http.StatusNotFound, "foreign", "")
		return
	}
	found, err := o.Pieces.ByCode(r.Context(), []string{string(c)})
	if err != nil {
		o.log.Error("a piece is not found", "err", err)
		w.Header().Set("Retry-After", "5")
		page(w, r, http.StatusServiceUnavailable, "later", "")
		return
	}
	x, ok := found[string(c)]
	if !ok || x.State != PieceExported {
		page(w, r, http.StatusNotFound, "unknown", "")
		return
	}
	set, now := o.account(x.Account), o.now()
	b, ok := Current(o.cfg.Definitions, x.Batch)
	if ok && !b.ExportedAt.IsZero() && now.After(b.ExportedAt.AddDate(0, 0, set.Response)) {
		page(w, r, http.StatusGone, "expired", "")
		return
	}
	if !x.Profile.IsZero() && !x.Seed {
		machine := r.Method == http.MethodHead || channels.Machine(r)
		e := enishi.Event{ID: enishi.NewID("postal scan", x.Code, strconv.FormatInt(now.Unix(), 10)), Type: "message.clicked", Subject: x.Subject, Profile: x.Profile, At: now, Source: "postal",
			Result: &enishi.MessageResult{SendID: x.SendID, Round: x.Round, Channel: enishi.PostalChannel, Destination: x.Destination, Journey: x.Journey, Node: x.Node, Template: x.Template, Purpose: x.Purpose, RunID: x.RunID,
				Variant: x.Variant, Code: x.Code, Machine: machine, URL: o.landing(&x, set)}}
		if err := o.cfg.Append(r.Context(), []enishi.Event{e}); err != nil { // the person shall arrive all the same
			o.log.Warn("a scan is not stored", "send_id", x.SendID, "err", err)
		}
	}
	if to := o.landing(&x, set); to != "" {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	page(w, r, http.StatusOK, "thanks", c.String())
}

// landing is where the QR code of a piece leads, with what tells analytics where the visitor came from; empty: nowhere.
func (o *Office) landing(x *Piece, set *Account) string {
	to := set.Landing
	if c, err := layout.Parse(x.Content); err == nil && c.URL != "" {
		to = c.URL
	}
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	q := u.Query()
	for name, value := range map[string]string{"utm_source": "postal", "utm_medium": "direct_mail", "utm_campaign": x.Journey, "utm_content": x.Variant} {
		if value != "" && !q.Has(name) {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
