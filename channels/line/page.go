package line

import (
	"crypto/rand"
	pages "html/template"
	"net/http"
	"strings"
)

// Pages that a person may see.
const (
	pageAsk      = "ask"
	pageLinked   = "linked"
	pageUnlinked = "unlinked"
	pageWelcome  = "welcome"
	pageRefused  = "refused"
	pageGone     = "gone"
	pageLater    = "later"
	pageNotReady = "not_ready"
	pageWait     = "wait"
)

// pageWords is what a page shows.
type pageWords struct {
	Kind   string
	Action string // of the button: link, unlink; empty: none
	FormTo string // where the answer to the button goes on to, beside here
}

// said are title, text and button of a page.
type said struct{ Title, Text, Button string }

// words of the pages, by language.
func words(lang string) map[string]said {
	if lang == "en" {
		return map[string]said{
			pageAsk:      {"Link your LINE account", "Press the button and sign in to our shop. Your orders and your LINE account are then known as one, and we can tell you about your parcel here. You can take it back at any time on this page.", "Link"},
			pageLinked:   {"Your LINE account is linked", "We can tell you about your orders here. You can take the link back at any time.", "Take the link back"},
			pageUnlinked: {"The link was taken back", "Your LINE account is no longer linked with your account at our shop. You stay our friend on LINE.", ""},
			pageWelcome:  {"Welcome", "Add us as a friend to get our news on LINE.", "Add as a friend"},
			pageRefused:  {"The link could not be made", "It was used already, or more than ten minutes have passed. Please start again from your account page at our shop.", ""},
			pageGone:     {"This link does not work", "It was cut off or is too old. Please try the link or the QR code again.", ""},
			pageLater:    {"We cannot do this right now", "Please try again in a moment.", ""},
			pageNotReady: {"Not ready yet", "Our shop has not set this up yet. Please ask us on LINE.", ""},
			pageWait:     {"One moment", "We are connecting to LINE.", ""},
		}
	}
	return map[string]said{
		pageAsk:      {"LINE アカウントを連携しますか？", "下のボタンを押して、当店の会員としてログインしてください。ご注文と LINE アカウントが結び付き、お届け状況などを LINE でお知らせできるようになります。連携は、このページでいつでも解除できます。", "連携する"},
		pageLinked:   {"LINE アカウントは連携済みです", "ご注文に関するお知らせを LINE でお届けできます。連携はいつでも解除できます。", "連携を解除する"},
		pageUnlinked: {"連携を解除しました", "LINE アカウントと当店の会員情報の結び付きを解除しました。LINE の友だちはそのまま続きます。", ""},
		pageWelcome:  {"ようこそ", "友だちに追加すると、お知らせを LINE で受け取れます。", "友だちに追加する"},
		pageRefused:  {"連携できませんでした", "すでに使われたか、10 分の期限が過ぎています。お手数ですが、当店のマイページからもう一度お試しください。", ""},
		pageGone:     {"このリンクは使えません", "リンクが途中で切れているか、期限が過ぎています。お手数ですが、リンクや QR コードをもう一度お試しください。", ""},
		pageLater:    {"ただいま処理できません", "しばらくしてから、もう一度お試しください。", ""},
		pageNotReady: {"準備中です", "この機能は準備中です。ご不明な点は LINE でお問い合わせください。", ""},
		pageWait:     {"しばらくお待ちください", "LINE に接続しています。", ""},
	}
}

const pageStyle = `body{margin:0;background:#f6f5f3;color:#2b2b2b;font-family:"Noto Sans JP","Hiragino Sans","Yu Gothic UI",Meiryo,sans-serif;line-height:1.7;word-break:auto-phrase}
main{max-width:480px;margin:12vh auto 0;padding:32px 24px;background:#fff;border-radius:8px}h1{font-size:20px;margin:0 0 16px}p{margin:0 0 24px}
small{color:#5f5f5f}button,.button{display:inline-block;font:inherit;padding:12px 24px;border:0;border-radius:8px;background:#2b2b2b;color:#fff;cursor:pointer;text-decoration:none}
:focus-visible{outline:3px solid #1f6fb5;outline-offset:2px}[hidden]{display:none}`

var pageTemplate = pages.Must(pages.New("line page").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.Words.Title}}</title><style>{{.Style}}</style></head>
<body><main><h1>{{.Words.Title}}</h1><p>{{.Words.Text}}</p>{{if .Action}}<form method="post"><button type="submit" name="action" value="{{.Action}}">{{.Words.Button}}</button></form>{{end}}{{if .Brand}}<p><small>{{.Brand}}</small></p>{{end}}</main></body></html>
`))

// appTemplate is the LIFF app: it signs in with LINE and hands on who that is, and what the person came for.
var appTemplate = pages.Must(pages.New("line app").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.Wait.Title}}</title><style>{{.Style}}</style></head>
<body><main aria-live="polite">{{range $state, $w := .States}}<section id="{{$state}}"{{if ne $state "wait"}} hidden{{end}}><h1>{{$w.Title}}</h1><p>{{$w.Text}}</p>{{if $w.Button}}<p><a class="button" href="#">{{$w.Button}}</a></p>{{end}}</section>{{end}}{{if .Brand}}<p><small>{{.Brand}}</small></p>{{end}}</main>
<script src="https://static.line-scdn.net/liff/edge/2/sdk.js" nonce="{{.Nonce}}"></script>
<script nonce="{{.Nonce}}">
const show = (state, add) => {
  for (const s of document.querySelectorAll("section")) s.hidden = s.id !== state;
  const link = document.querySelector("#" + state + " a");
  if (link) { link.hidden = state === "welcome" && !add; if (state === "welcome") link.href = add || "#"; else link.onclick = (e) => { e.preventDefault(); tell({ unlink: true }); }; }
};
const tell = (wish) => fetch(location.pathname, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id_token: liff.getIDToken(), ...wish }) })
  .then((r) => r.ok ? r.json() : Promise.reject(r.status)).then((a) => show(a.state, a.add)).catch(() => show("later"));
if (!window.liff) show("later");
else liff.init({ liffId: {{.LIFF}} }).then(() => {
  if (!liff.isLoggedIn()) return liff.login({ redirectUri: location.href });
  const q = new URLSearchParams(location.search);
  return tell({ source: q.get("s") || "", link: q.get("link") || "", unlink: q.get("unlink") === "1" });
}).catch(() => show("later"));
</script></body></html>
`))

func language(r *http.Request) string {
	if lang := r.Header.Get("Accept-Language"); lang == "" || strings.HasPrefix(strings.ToLower(lang), "ja") {
		return "ja"
	}
	return "en"
}

func (p *Pages) page(w http.ResponseWriter, r *http.Request, status int, x pageWords) {
	lang := language(r)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.TrimSpace("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' "+x.FormTo))
	w.WriteHeader(status)
	// The only error is a reader who has gone.
	_ = pageTemplate.Execute(w, map[string]any{"Lang": lang, "Words": words(lang)[x.Kind], "Action": x.Action, "Brand": p.cfg.Brand(lang), "Style": pages.CSS(pageStyle)})
}

// app is the endpoint of the LIFF app of an account.
func (p *Pages) app(w http.ResponseWriter, r *http.Request) {
	o, ok := p.cfg.Accounts.Get(r.PathValue("account"))
	if !ok {
		p.page(w, r, http.StatusNotFound, pageWords{Kind: pageGone})
		return
	}
	s := o.Settings()
	if s.LIFF == "" {
		p.page(w, r, http.StatusOK, pageWords{Kind: pageNotReady})
		return
	}
	lang, nonce := language(r), rand.Text()
	states := words(lang)
	for _, other := range []string{pageAsk, pageGone, pageNotReady} {
		delete(states, other)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-"+nonce+"' https://static.line-scdn.net; connect-src 'self' https://api.line.me https://access.line.me https://liff.line.me https://liffsdk.line-scdn.net https://static.line-scdn.net; base-uri 'none'; form-action 'none'")
	_ = appTemplate.Execute(w, map[string]any{"Lang": lang, "Wait": states[pageWait], "States": states, "LIFF": s.LIFF, "Nonce": nonce, "Brand": p.cfg.Brand(lang), "Style": pages.CSS(pageStyle)})
}
