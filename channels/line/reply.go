package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"enishi"
)

// KindReply is the kind of definition of a keyword reply.
const KindReply = "reply"

// ReplySettingName is the setting of the words that stop and start advertising.
const ReplySettingName = "replies"

// How the words of a reply are looked for in what somebody wrote. Widths, letters, hiragana and katakana are one.
const (
	matchExact    = "exact"    // it is one of the words, but for spaces and marks around it
	matchWord     = "word"     // one of the words stands in it, with spaces, marks or an end on both sides
	matchContains = "contains" // one of the words stands anywhere in it
)

// Reply is what is answered to who writes certain words. Of several that match, the one with the highest priority is sent, then
// the first by name.
type Reply struct {
	Name  string `json:"-"`
	Title struct {
		JA string `json:"ja,omitempty"`
		EN string `json:"en,omitempty"`
	} `json:"title"`
	Match    string            `json:"match"` // exact, word, contains
	Words    []string          `json:"words"`
	Account  string            `json:"account,omitempty"`  // of one official account only
	Text     map[string]string `json:"text,omitempty"`     // by language: ja, en; or
	Template string            `json:"template,omitempty"` // a LINE template
	Priority int               `json:"priority,omitempty"`
	Off      bool              `json:"off,omitempty"`
}

const (
	maxReplyWords = 50
	maxReplyWord  = 100
	maxReplyText  = 5000
)

// ParseReply reads the body of a definition. Its errors name the field.
func ParseReply(name string, body []byte) (*Reply, error) {
	r := &Reply{}
	if err := strictly(body, r); err != nil {
		return nil, enishi.FieldError("", "a reply is written as {\"title\": {\"ja\": TEXT}, \"match\": \"exact\", \"words\": [\"営業時間\"], \"text\": {\"ja\": TEXT}}: "+err.Error(),
			"自動応答は {\"title\": {\"ja\": 名前}, \"match\": \"exact\", \"words\": [\"営業時間\"], \"text\": {\"ja\": 返信文}} の形で書いてください。")
	}
	r.Name = name
	switch {
	case strings.TrimSpace(r.Title.JA+r.Title.EN) == "":
		return nil, enishi.FieldError("title", "a reply needs a title", "名前を入力してください。")
	case !slices.Contains([]string{matchExact, matchWord, matchContains}, r.Match):
		return nil, enishi.FieldError("match", "use exact, word or contains", "exact（完全に一致）、word（単語）、contains（含む）のどれかにしてください。")
	case r.Account != "" && !accountPattern.MatchString(r.Account):
		return nil, enishi.FieldError("account", "is the name of an official account", "LINE アカウントの名前を指定してください。")
	case (r.Template == "") == (len(r.Text) == 0):
		return nil, enishi.FieldError("text", "a reply has either a text or a template", "返信文かテンプレートの、どちらか一方を指定してください。")
	}
	if err := checkReplyWords("words", r.Words, 1); err != nil {
		return nil, err
	}
	return r, checkReplyText("text", r.Text)
}

func checkReplyWords(at string, words []string, least int) error {
	if len(words) < least || len(words) > maxReplyWords {
		return enishi.FieldError(at, fmt.Sprintf("has 1 to %d words", maxReplyWords), fmt.Sprintf("言葉は 1〜%d 個にしてください。", maxReplyWords))
	}
	for i, w := range words {
		if strings.TrimFunc(w, aside) == "" || len(w) > maxReplyWord {
			return enishi.FieldError(fmt.Sprintf("%s[%d]", at, i), "a word has letters and at most 100 bytes", "言葉は文字を含む 30 文字程度までにしてください。")
		}
	}
	return nil
}

func checkReplyText(at string, text map[string]string) error {
	for _, lang := range sortedLanguages(text) {
		switch s := text[lang]; {
		case lang != "ja" && lang != "en":
			return enishi.FieldError(at+"."+lang, "languages of a reply are ja and en", "返信文の言語は ja と en です。")
		case strings.TrimSpace(s) == "" || len([]rune(s)) > maxReplyText/2:
			return enishi.FieldError(at+"."+lang, "a reply has 1 to 2,500 characters", "返信文は 1〜2,500 文字にしてください。")
		}
	}
	return nil
}

func sortedLanguages(text map[string]string) []string {
	out := make([]string, 0, len(text))
	for lang := range text {
		out = append(out, lang)
	}
	slices.Sort(out)
	return out
}

// ReplySettings are the words by which a person stops advertising on LINE and starts it again, and what is answered. The words
// must be all that is written: 「配信停止の方法は？」 is a question.
type ReplySettings struct {
	Stop    []string          `json:"stop,omitempty"`
	Start   []string          `json:"start,omitempty"`
	Stopped map[string]string `json:"stopped,omitempty"` // by language
	Started map[string]string `json:"started,omitempty"`
}

// ParseReplySettings reads the setting; what it does not say is filled in. Nil gives the defaults.
func ParseReplySettings(body []byte) (ReplySettings, error) {
	var s ReplySettings
	if len(body) > 0 {
		if err := strictly(body, &s); err != nil {
			return s, enishi.FieldError("body.body", "replies are written as {\"stop\": [\"配信停止\"], \"start\": [\"配信再開\"], \"stopped\": {\"ja\": TEXT}, \"started\": {\"ja\": TEXT}}: "+err.Error(),
				"{\"stop\": [\"配信停止\"], \"start\": [\"配信再開\"], \"stopped\": {\"ja\": 返信文}, \"started\": {\"ja\": 返信文}} の形で書いてください。")
		}
	}
	for _, err := range []error{checkReplyWords("body.stop", s.Stop, 0), checkReplyWords("body.start", s.Start, 0), checkReplyText("body.stopped", s.Stopped), checkReplyText("body.started", s.Started)} {
		if err != nil {
			return s, err
		}
	}
	if len(s.Stop) == 0 {
		s.Stop = []string{"配信停止", "配信を停止", "配信解除", "停止", "stop", "unsubscribe"}
	}
	if len(s.Start) == 0 {
		s.Start = []string{"配信再開", "配信を再開", "start", "subscribe"}
	}
	if len(s.Stopped) == 0 {
		s.Stopped = map[string]string{"ja": "お知らせの配信を停止しました。再開するときは「" + s.Start[0] + "」と送ってください。ご注文や発送のご連絡は、これまでどおりお送りします。",
			"en": "You will get no more news from us. To get it again, write \"" + s.Start[len(s.Start)-1] + "\". Messages about your orders go on."}
	}
	if len(s.Started) == 0 {
		s.Started = map[string]string{"ja": "お知らせの配信を再開しました。停止するときは「" + s.Stop[0] + "」と送ってください。", "en": "You will get our news again. To stop it, write \"" + s.Stop[len(s.Stop)-1] + "\"."}
	}
	return s, nil
}

func strictly(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// Answer is what is answered to a text.
type Answer struct {
	Rule     string // name of the reply, or stop, start
	Consent  string // out, in: what the text says about advertising; empty: nothing
	Text     map[string]string
	Template string
}

// Match finds the answer to what somebody wrote to an account. Stopping goes before everything else.
func Match(account, text string, replies []*Reply, s ReplySettings, fold func(string) string) (Answer, bool) {
	whole := fold(strings.TrimFunc(text, aside))
	is := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return fold(strings.TrimFunc(w, aside)) == whole })
	}
	switch {
	case is(s.Stop):
		return Answer{Rule: "stop", Consent: "out", Text: s.Stopped}, true
	case is(s.Start):
		return Answer{Rule: "start", Consent: "in", Text: s.Started}, true
	}
	var best *Reply
	for _, r := range replies {
		if !r.Off && (r.Account == "" || r.Account == account) && r.matches(text, whole, fold) &&
			(best == nil || r.Priority > best.Priority || r.Priority == best.Priority && r.Name < best.Name) {
			best = r
		}
	}
	if best == nil {
		return Answer{}, false
	}
	return Answer{Rule: best.Name, Text: best.Text, Template: best.Template}, true
}

func (r *Reply) matches(text, whole string, fold func(string) string) bool {
	parts := []string{whole}
	if r.Match == matchWord {
		parts = strings.FieldsFunc(text, aside)
		for i, p := range parts {
			parts[i] = fold(p)
		}
	}
	for _, w := range r.Words {
		if r.Match == matchWord { // words of several parts stand in a row
			want := strings.FieldsFunc(w, aside)
			for i := range want {
				want[i] = fold(want[i])
			}
			for i := 0; i+len(want) <= len(parts); i++ {
				if slices.Equal(parts[i:i+len(want)], want) {
					return true
				}
			}
			continue
		}
		w = fold(strings.TrimFunc(w, aside))
		if w == whole || r.Match == matchContains && strings.Contains(whole, w) {
			return true
		}
	}
	return false
}

// aside is what does not belong to a word: spaces and marks, not letters of any script and their long marks.
func aside(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != 'ー' && r != 'ｰ' && !unicode.IsMark(r)
}
