package channels

import (
	pages "html/template"
	"net/http"
)

// page names one of the pages that a person may see.
type page string

const (
	pageAsk   page = "ask"
	pageDone  page = "done"
	pageGone  page = "gone"
	pageLater page = "later"
	pageSaved page = "saved"

	pageConfirm   page = "confirm"
	pageConfirmed page = "confirmed"
)

type pageWords struct{ Title, Text, Button string }

var pageTexts = map[string]map[page]pageWords{
	"ja": {
		pageAsk:       {"配信を停止しますか？", "下のボタンを押すと、このご案内の配信を停止します。ご注文に関するお知らせは、引き続きお送りします。", "配信を停止する"},
		pageDone:      {"配信を停止しました", "これまでご覧いただき、ありがとうございました。行き違いで届くことがありましたら、お許しください。", ""},
		pageGone:      {"このリンクは使えません", "リンクが途中で切れているか、期限が過ぎています。お手数ですが、メッセージのリンクをもう一度お試しください。", ""},
		pageSaved:     {"設定を保存しました", "ご希望を承りました。行き違いで届くことがありましたら、お許しください。", ""},
		pageConfirm:   {"メールの配信を申し込みますか？", "下のボタンを押すと、このメールアドレスに、当店からのご案内（広告・宣伝を含みます）をお送りします。配信はいつでも停止できます。お心当たりがなければ、このページを閉じてください。", "申し込みを確定する"},
		pageConfirmed: {"お申し込みを承りました", "ご案内をお送りします。配信は、メールの中のリンクからいつでも停止できます。", ""},
		pageLater:     {"ただいま処理できません", "しばらくしてから、もう一度お試しください。", ""},
	},
	"en": {
		pageAsk:       {"Unsubscribe?", "Press the button and we will not send you this kind of message any more. Notices about your orders will still reach you.", "Unsubscribe"},
		pageDone:      {"You are unsubscribed", "Thank you for having read us. A message that is already on its way may still arrive.", ""},
		pageGone:      {"This link does not work", "It was cut off or is too old. Please try the link in your message again.", ""},
		pageSaved:     {"Saved", "Thank you for telling us. A message that is already on its way may still arrive.", ""},
		pageConfirm:   {"Do you want our mail?", "Press the button and we will send news and offers to this mail address. You can stop them at any time. If it was not you who asked, close this page.", "Confirm"},
		pageConfirmed: {"Thank you", "You will hear from us. You can stop it at any time by a link in the mail.", ""},
		pageLater:     {"We cannot do this right now", "Please try again in a moment.", ""},
	},
}

var pageTemplate = pages.Must(pages.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.Words.Title}}</title>
<style>body{margin:0;background:#f6f5f3;color:#2b2b2b;font-family:"Noto Sans JP","Hiragino Sans","Yu Gothic UI",Meiryo,sans-serif;line-height:1.7;word-break:auto-phrase}
main{max-width:480px;margin:12vh auto 0;padding:32px 24px;background:#fff;border-radius:8px}h1{font-size:20px;margin:0 0 16px}p{margin:0 0 24px}
small{color:#6b6b6b}button{font:inherit;padding:12px 24px;border:0;border-radius:8px;background:#2b2b2b;color:#fff;cursor:pointer}
button:focus-visible{outline:3px solid #7aa7d9;outline-offset:2px}</style></head>
<body><main><h1>{{.Words.Title}}</h1><p>{{.Words.Text}}</p>{{if .Words.Button}}<form method="post"><button type="submit">{{.Words.Button}}</button></form>{{end}}{{if .More}}<p><a href="{{.More}}">{{.MoreWords}}</a></p>{{end}}{{if .Brand}}<p><small>{{.Brand}}</small></p>{{end}}</main></body></html>
`))

// page shows a page in the language of the message, else in what the browser asks for. t may be nil.
func (l *Links) page(w http.ResponseWriter, r *http.Request, status int, t *token, which page) {
	lang := l.language(t, r)
	brand := l.cfg.Renderer.brandVars(lang).text("name")
	pageHeaders(w)
	w.WriteHeader(status)
	more := ""
	if code := r.PathValue("token"); which == pageAsk && code != "" {
		more = l.cfg.Renderer.cfg.BaseURL + "/p/" + code
	}
	// The only error is a reader who has gone.
	_ = pageTemplate.Execute(w, map[string]any{"Lang": lang, "Words": pageTexts[lang][which], "Brand": brand, "More": more, "MoreWords": preferenceTexts[lang].Title})
}
