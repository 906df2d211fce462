package channels

import (
	pages "html/template"
	"net/http"
	"strings"
)

// preferenceWords are those of the preference centre.
type preferenceWords struct {
	Title, Intro, Topics, Often, Usual, Weekly, Monthly, More, Pause, Line, SMS, Push, Postal, All, AllNote, Save string
}

var preferenceTexts = map[string]preferenceWords{
	"ja": {"配信設定", "ご希望に合わせて、お送りする内容と回数を変えられます。ご注文に関するお知らせは、引き続きお送りします。", "受け取りたいテーマ", "メールの回数",
		"通常どおり受け取る", "週に 1 通まで", "月に 1 通まで", "そのほか", "30 日間、配信を休む", "メールの代わりに LINE で受け取る（LINE の友だち追加が必要です）", "SMS のご案内を停止する", "プッシュ通知のご案内を停止する", "郵送のご案内を停止する",
		"すべてのご案内を停止する", "チェックすると、ほかの選択にかかわらず、メール・LINE・SMS・郵送などのご案内をすべて停止します。", "保存する"},
	"en": {"Your preferences", "Choose what we send you and how often. Notices about your orders will still reach you.", "Topics you want to hear about", "How often by mail",
		"As usual", "At most once a week", "At most once a month", "More", "Pause for 30 days", "Send me LINE messages instead of mail (you need to be our LINE friend)", "Stop SMS", "Stop notifications on my devices", "Stop mailings by post",
		"Stop all advertising", "Whatever else you chose: no more advertising by mail, LINE, SMS, post or anything else.", "Save"},
}

var preferenceTemplate = pages.Must(pages.New("preferences").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.W.Title}}</title>
<style>body{margin:0;background:#f6f5f3;color:#2b2b2b;font-family:"Noto Sans JP","Hiragino Sans","Yu Gothic UI",Meiryo,sans-serif;line-height:1.7;word-break:auto-phrase}
main{max-width:520px;margin:6vh auto;padding:32px 24px;background:#fff;border-radius:8px}h1{font-size:20px;margin:0 0 16px}p{margin:0 0 16px}
fieldset{border:0;margin:0 0 24px;padding:0}legend{font-weight:700;padding:0;margin:0 0 8px}label{display:flex;gap:8px;align-items:flex-start;padding:8px 0}
input{flex:none;width:20px;height:20px;margin:4px 0 0}small{color:#5f5f5f}button{font:inherit;padding:12px 24px;border:0;border-radius:8px;background:#2b2b2b;color:#fff;cursor:pointer}
:focus-visible{outline:3px solid #1f6fb5;outline-offset:2px}</style></head>
<body><main><h1>{{.W.Title}}</h1><p>{{.W.Intro}}</p><form method="post">
{{if .Topics}}<fieldset><legend>{{.W.Topics}}</legend>{{range .Topics}}<input type="hidden" name="shown" value="{{.ID}}">
<label><input type="checkbox" name="topic" value="{{.ID}}"{{if .On}} checked{{end}}><span>{{.Title}}</span></label>{{end}}</fieldset>{{end}}
<fieldset><legend>{{.W.Often}}</legend>
<label><input type="radio" name="frequency" value="usual"{{if eq .Frequency "usual"}} checked{{end}}><span>{{.W.Usual}}</span></label>
<label><input type="radio" name="frequency" value="weekly"{{if eq .Frequency "weekly"}} checked{{end}}><span>{{.W.Weekly}}</span></label>
<label><input type="radio" name="frequency" value="monthly"{{if eq .Frequency "monthly"}} checked{{end}}><span>{{.W.Monthly}}</span></label></fieldset>
<fieldset><legend>{{.W.More}}</legend>
<label><input type="checkbox" name="pause" value="1"><span>{{.W.Pause}}</span></label>
<label><input type="checkbox" name="line" value="1"><span>{{.W.Line}}</span></label>
{{if .Phone}}<label><input type="checkbox" name="sms" value="1"{{if .NoSMS}} checked{{end}}><span>{{.W.SMS}}</span></label>
{{end}}{{if .Devices}}<label><input type="checkbox" name="push" value="1"{{if .NoPush}} checked{{end}}><span>{{.W.Push}}</span></label>
{{end}}<label><input type="checkbox" name="postal" value="1"{{if .NoPost}} checked{{end}}><span>{{.W.Postal}}</span></label>
<label><input type="checkbox" name="all" value="1" aria-describedby="all"><span>{{.W.All}}</span></label><p id="all"><small>{{.W.AllNote}}</small></p></fieldset>
<button type="submit">{{.W.Save}}</button></form>{{if .Brand}}<p><small>{{.Brand}}</small></p>{{end}}</main></body></html>
`))

// shownTopic is a topic as the form has it.
type shownTopic struct {
	ID, Title string
	On        bool
}

// language is that of the message, else what the browser asks for: ja or en. t may be nil.
func (l *Links) language(t *token, r *http.Request) string {
	lang := r.Header.Get("Accept-Language")
	if t != nil && t.Language != "" {
		lang = t.Language
	}
	if lang == "" || strings.HasPrefix(strings.ToLower(lang), "ja") {
		return "ja"
	}
	return "en"
}

// preferencePage shows the form as things stand.
func (l *Links) preferencePage(w http.ResponseWriter, r *http.Request, t *token, known Chosen) {
	lang := l.language(t, r)
	var list []shownTopic
	for _, x := range l.topics() {
		title := x.Title.JA
		if lang == "en" {
			title = x.Title.EN
		}
		list = append(list, shownTopic{x.ID, title, known.Consents["email."+marketing] != "out" && known.Consents["email."+marketing+":"+x.ID] != "out"})
	}
	frequency := known.Frequency
	if frequency != "weekly" && frequency != "monthly" {
		frequency = "usual"
	}
	brand := l.cfg.Renderer.brandVars(lang).text("name")
	pageHeaders(w)
	// The only error is a reader who has gone.
	_ = preferenceTemplate.Execute(w, map[string]any{"Lang": lang, "W": preferenceTexts[lang], "Topics": list, "Frequency": frequency,
		"Phone": known.Consents["sms."+marketing] != "", "NoSMS": known.Consents["sms."+marketing] == "out",
		"Devices": known.Consents["push."+marketing] != "", "NoPush": known.Consents["push."+marketing] == "out",
		"NoPost": known.Consents["postal."+marketing] == "out", "Brand": brand})
}

func pageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
}
