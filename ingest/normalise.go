package ingest

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"enishi"
)

// MaxIDBytes bounds identifiers and all other ids but push tokens.
const MaxIDBytes = 200

// MaxTokenBytes bounds push tokens: a browser's has an address and two keys. FCM says of its own only that they may grow.
const MaxTokenBytes = 1500

// Normalise gives the form of an identifier that is compared and hashed; what came in is kept beside it for use and
// display. An empty result without an error means that there is no identifier. Errors are *Refusal: CodeReserved for
// values that stand for nobody, CodeValue for what cannot be an identifier of that kind.
//
//   - email: NFKC, trimmed, lower case. Dots and plus signs stay (two addresses are two mailboxes), and so do the ".." and
//     ".@" that Japanese carriers gave out.
//   - phone: NFKC, long-vowel signs and dashes folded, E.164, with Japan as the default country.
//   - line: "U" and 32 hexadecimal digits.
//   - push token: of a browser (web: and its PushSubscription as JSON) web: and the endpoint, for the keys are no part of who it is; of
//     an app as it is.
//   - all others: NFKC and trimmed; case is kept.
func Normalise(kind enishi.Kind, raw string) (string, error) {
	value, refusal := normalise(kind, raw)
	if refusal != nil {
		return "", refusal
	}
	return value, nil
}

func normalise(kind enishi.Kind, raw string) (string, *Refusal) {
	most := MaxIDBytes
	if kind == enishi.PushToken {
		most = MaxTokenBytes
	}
	if len(raw) > most {
		return "", refusef(CodeValue, "", "has %d bytes, the limit is %d", "%d バイトあります（上限は %d バイト）", len(raw), most)
	}
	s := raw
	if kind != enishi.PushToken {
		s = compose(s)
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if isReserved(s) {
		return "", reserved(raw)
	}
	switch kind {
	case enishi.Email:
		return normaliseEmail(s)
	case enishi.Phone:
		return normalisePhone(s)
	case enishi.LINEUser:
		return normaliseLINE(s)
	case enishi.PushToken:
		if text, web := strings.CutPrefix(s, "web:"); web {
			return normaliseSubscription(text)
		}
	}
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return "", refuse(CodeValue, "", "contains a control character", "制御文字が含まれています")
	}
	return s, nil
}

func reserved(raw string) *Refusal {
	return refusef(CodeReserved, "", "%q stands for nobody: leave the field out when there is no value",
		"%q は特定の人を表さない値です。値がないときは項目ごと省いてください", raw)
}

// compose is NFKC; ASCII is unchanged by it.
func compose(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFKC.String(s)
		}
	}
	return s
}

// isReserved tells the values that broken forms and scripts send for "nobody". After Segment's list and the complaints
// about persons with a million visits: "0", "-1", "null", zero UUIDs.
func isReserved(s string) bool {
	if s[0] == '0' || s[0] == '-' {
		return s == "-1" || strings.Trim(s, "0-") == ""
	}
	if len(s) > 15 {
		return false
	}
	switch s[0] | 0x20 { // most ids begin with something else
	case 'n', 'u', 'a', 'g', 't', 'f', '(', '[' | 0x20:
	default:
		return false
	}
	switch strings.ToLower(s) {
	case "null", "(null)", "nil", "none", "undefined", "unknown", "anonymous", "guest", "n/a", "na", "nan", "true", "false", "[object object]":
		return true
	}
	return false
}

// emailRefused are characters that no mailbox has outside quotes; a list of addresses has some of them.
const emailRefused = "<>(),;:\\\"[] \t"

func normaliseEmail(s string) (string, *Refusal) {
	s = strings.ToLower(s)
	at := strings.LastIndexByte(s, '@')
	bad := func() (string, *Refusal) {
		return "", refuse(CodeValue, "", "is no email address", "メールアドレスの形式ではありません")
	}
	if at <= 0 || at == len(s)-1 || strings.IndexByte(s, '@') != at || strings.ContainsAny(s, emailRefused) {
		return bad()
	}
	if strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) >= 0 {
		return bad()
	}
	local, domain := s[:at], s[at+1:]
	dot := strings.IndexByte(domain, '.')
	if dot <= 0 || strings.HasSuffix(domain, ".") || strings.Contains(domain, "..") {
		return bad()
	}
	if isReserved(local) || local == "test" && strings.HasPrefix(domain, "test.") {
		return "", reserved(s)
	}
	return s, nil
}

// normaliseSubscription takes a browser's PushSubscription (W3C Push API, toJSON).
func normaliseSubscription(text string) (string, *Refusal) {
	var s struct {
		Endpoint string
		Keys     struct{ Auth, P256DH string }
	}
	if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") { // the endpoint alone, as a name of what is known
		return "web:" + text, nil
	}
	err := json.Unmarshal([]byte(text), &s)
	u, bad := url.Parse(s.Endpoint)
	if err != nil || bad != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || s.Keys.Auth == "" || s.Keys.P256DH == "" {
		return "", refuse(CodeValue, "", "is no push subscription: want web: and the browser's PushSubscription as JSON, with endpoint and keys", "プッシュの購読情報ではありません。web: に続けて、ブラウザの PushSubscription（endpoint と keys）を JSON で入れてください")
	}
	return "web:" + s.Endpoint, nil
}

func normaliseLINE(s string) (string, *Refusal) {
	ok := len(s) == 33 && s[0] == 'U'
	for i := 1; ok && i < len(s); i++ {
		ok = s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
	}
	if !ok {
		return "", refuse(CodeValue, "", "is no LINE user id: want U and 32 hexadecimal digits", "LINE ユーザー ID の形式（U と 16 進数 32 桁）ではありません")
	}
	return s, nil
}

// normalisePhone gives E.164. Numbers of Japanese mobiles, nearly all of what comes in, take a short way that a test holds
// equal to the library.
func normalisePhone(s string) (string, *Refusal) {
	folded := make([]byte, 0, len(s))
	for _, r := range s {
		switch r {
		case 'ー', '―', '—', '–', '‐', '‑', '‒', '−', '─', 'ｰ', '〜', '~', '·', '・':
			r = '-'
		}
		if r >= utf8.RuneSelf {
			return "", noPhone()
		}
		folded = append(folded, byte(r))
	}
	digits := make([]byte, 0, len(folded))
	plain := true
	for i, c := range folded {
		switch {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '+' && i == 0, c == '-', c == ' ', c == '(', c == ')', c == '.', c == '/':
		default:
			plain = false
		}
	}
	if !plain || len(digits) < 8 {
		return "", noPhone()
	}
	if strings.Trim(string(digits), "0") == "" {
		return "", reserved(s)
	}
	e164 := ""
	if national, ok := strings.CutPrefix(string(digits), "81"); ok && folded[0] == '+' && mobile("0"+national) {
		e164 = "+81" + national
	} else if folded[0] != '+' && mobile(string(digits)) {
		e164 = "+81" + string(digits[1:])
	} else {
		n, err := phonenumbers.Parse(string(folded), "JP")
		if err != nil || !phonenumbers.IsValidNumber(n) {
			return "", noPhone()
		}
		e164 = phonenumbers.Format(n, phonenumbers.E164)
	}
	if national, ok := strings.CutPrefix(e164, "+81"); ok {
		if len(national) > 2 && strings.Trim(national[2:], "0") == "" {
			return "", reserved(s) // 090-0000-0000
		}
		if strings.HasPrefix(national, "120") || strings.HasPrefix(national, "800") || strings.HasPrefix(national, "570") {
			return "", refuse(CodeReserved, "", "is a free-phone number: it is nobody's own", "フリーダイヤルなどの番号は個人の識別に使えません")
		}
	}
	return e164, nil
}

// mobile tells 060 (opened in 2026, not in every table yet), 070, 080 and 090 numbers; 0800 is free-phone.
func mobile(d string) bool {
	return len(d) == 11 && d[0] == '0' && d[1] >= '6' && d[1] <= '9' && d[2] == '0' && !(d[1] == '8' && d[3] == '0')
}

func noPhone() *Refusal {
	return refuse(CodeValue, "", "is no phone number", "電話番号の形式ではありません")
}
