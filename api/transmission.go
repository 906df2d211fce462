package api

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"enishi"
)

// transmissionPath is the public page that article 27-12 of the Telecommunications Business Act asks for (外部送信規律): what a
// shop's pages make a browser send, to whom, why, and how to stop it.
const transmissionPath = "/external-transmission"

// transmissionName is the setting that the page is made of, with the brand kit.
const transmissionName = "transmission"

// Transmission is the body of the setting transmission.
type Transmission struct {
	ShopURL string    `json:"shop_url,omitempty"` // of a page with the browser SDK: who opts out is led there when the shop is on another domain
	Others  []Another `json:"others,omitempty"`   // other services to which the shop's pages make browsers send
}

// Another is another service.
type Another struct {
	Service   string `json:"service"`           // Google アナリティクス
	Recipient string `json:"recipient"`         // Google LLC（米国）
	Items     string `json:"items"`             // what is sent
	Purpose   string `json:"purpose"`           // why, of the shop and of the recipient
	OptOut    string `json:"opt_out,omitempty"` // page on which a person stops it
}

const maxOthers = 100

func parseTransmission(body []byte) (Transmission, error) {
	var t Transmission
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return t, enishi.FieldError("body.body", "is written as {\"shop_url\": URL, \"others\": [{\"service\", \"recipient\", \"items\", \"purpose\", \"opt_out\"}]}: "+err.Error(),
			"外部送信の設定は {\"shop_url\": URL, \"others\": [{\"service\", \"recipient\", \"items\", \"purpose\", \"opt_out\"}]} の形で書いてください: "+err.Error())
	}
	if len(t.Others) > maxOthers {
		return t, enishi.FieldError("others", fmt.Sprintf("has more than %d services", maxOthers), fmt.Sprintf("サービスは %d 件までです。", maxOthers))
	}
	page := func(field, address string) error {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil) {
			return enishi.FieldError(field, "is no address of a page: write https://...", "ページの URL（https://…）を書いてください。")
		}
		return nil
	}
	if err := page("shop_url", t.ShopURL); err != nil {
		return t, err
	}
	for i, o := range t.Others {
		at := fmt.Sprintf("others[%d].", i)
		for _, f := range [...][2]string{{"service", o.Service}, {"recipient", o.Recipient}, {"items", o.Items}, {"purpose", o.Purpose}} {
			if strings.TrimSpace(f[1]) == "" {
				return t, enishi.FieldError(at+f[0], "is missing: the law asks for what is sent, to whom and why", "入力してください（送信される情報・送信先・利用目的は法律で示す必要があります）。")
			}
		}
		if err := page(at+"opt_out", o.OptOut); err != nil {
			return t, err
		}
	}
	return t, nil
}

//go:embed transmission.html
var transmissionFile embed.FS

var transmissionTemplate = template.Must(template.ParseFS(transmissionFile, "transmission.html"))

// serveTransmission answers GET /external-transmission?lang=ja|en. The opt-out button is on the page itself where the shop's
// pages see the choice (a cookie of the same domain); else it leads to the shop.
func (a *API) serveTransmission(w http.ResponseWriter, r *http.Request) {
	lang := r.URL.Query().Get("lang")
	if lang != "ja" && lang != "en" {
		lang = "ja"
		if strings.HasPrefix(r.Header.Get("Accept-Language"), "en") {
			lang = "en"
		}
	}
	var t Transmission
	a.setting(transmissionName, &t)
	var brand map[string]any
	a.setting("brand", &brand)
	nonce := rand.Text()
	v := struct {
		Lang, Nonce, Base, Name, Contact, Privacy, Shop string
		Here                                            bool
		Others                                          []Another
	}{lang, nonce, a.cfg.Base, brandText(brand["name"], lang), brandText(brand["contact"], lang), brandText(brand["privacy_url"], lang), "", true, t.Others}
	if u, err := url.Parse(t.ShopURL); err == nil && u.Host != "" && !sameSite(u.Hostname(), r.Host) {
		q := u.Query()
		q.Set("enishi_optout", "1")
		u.RawQuery = q.Encode()
		v.Shop, v.Here = u.String(), false
	}
	if u, err := url.Parse(v.Privacy); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		v.Privacy = ""
	}
	var b bytes.Buffer
	if err := transmissionTemplate.Execute(&b, v); err != nil {
		a.log.Error("write the page of external transmission", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'; base-uri 'none'; form-action 'none'; frame-ancestors *")
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

// brandText is a value of the brand kit in a language: a text, or one for each language.
func brandText(v any, lang string) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if s, ok := v[lang].(string); ok {
			return s
		}
		s, _ := v["ja"].(string)
		return s
	}
	return ""
}

// sameSite tells whether a cookie can be seen on both hosts.
func sameSite(a, host string) bool {
	b := host
	if name, _, err := net.SplitHostPort(host); err == nil {
		b = name
	}
	if strings.EqualFold(a, b) {
		return true
	}
	one, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(a))
	if err != nil {
		return false
	}
	other, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(b))
	return err == nil && one == other
}
