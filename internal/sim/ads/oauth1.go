package ads

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// signed tells whether a call is signed by the account's keys (RFC 5849, HMAC-SHA1), and each nonce is new. Of the timestamp there has to be one;
// it is not compared, for a test's clock is not the signer's. mu is held.
func (x *X) signed(r *http.Request) bool {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		return false
	}
	params := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		v, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			return false
		}
		params[name] = v
	}
	signature := params["oauth_signature"]
	delete(params, "oauth_signature")
	delete(params, "realm")
	nonce := params["oauth_timestamp"] + "/" + params["oauth_nonce"]
	if params["oauth_consumer_key"] != x.Keys.Consumer || params["oauth_token"] != x.Keys.Token || params["oauth_signature_method"] != "HMAC-SHA1" || params["oauth_version"] != "1.0" ||
		params["oauth_timestamp"] == "" || params["oauth_nonce"] == "" || x.nonces[nonce] {
		return false
	}
	address, err := url.ParseRequestURI(r.RequestURI) // as it was called, whatever is mounted before this handler
	if err != nil {
		return false
	}
	var pairs []string
	for name, v := range params {
		pairs = append(pairs, rfc3986(name)+"="+rfc3986(v))
	}
	for name, values := range address.Query() {
		for _, v := range values {
			pairs = append(pairs, rfc3986(name)+"="+rfc3986(v))
		}
	}
	slices.Sort(pairs)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	text = r.Method + "&" + rfc3986(scheme+"://"+strings.ToLower(r.Host)+address.EscapedPath()) + "&" + rfc3986(strings.Join(pairs, "&"))
	mac := hmac.New(sha1.New, []byte(rfc3986(x.Keys.ConsumerSecret)+"&"+rfc3986(x.Keys.TokenSecret)))
	mac.Write([]byte(text))
	if !hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(signature)) {
		return false
	}
	x.nonces[nonce] = true
	return true
}

// rfc3986 escapes everything but letters, digits and -._~.
func rfc3986(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
