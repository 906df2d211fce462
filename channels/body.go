package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// templateBody is the body of a definition of kind template.
type templateBody struct {
	Name    string          `json:"name"`
	Channel string          `json:"channel"` // one of enishi.MessageChannels
	Purpose string          `json:"purpose"` // marketing, transactional
	Title   json.RawMessage `json:"title,omitempty"`
	About   json.RawMessage `json:"about,omitempty"`
	// Missing says what a variable without a value gives: refuse (the message is not sent), blank, or default: the text of
	// Defaults, for names お客様 or Customer, and for the rest refuse. Empty: as the setting templates says, else refuse.
	Missing   string                       `json:"missing,omitempty"`
	Defaults  map[string]map[string]string `json:"defaults,omitempty"` // by variable ("order.order_id"), by language
	Overrides []Override                   `json:"overrides,omitempty"`
	Variants  map[string]*variant          `json:"variants"` // by language: ja, en, ...
}

// Override is a finding of the check before sending that somebody took the responsibility for. It is kept with the version.
type Override struct {
	Code    string    `json:"code"`
	Part    string    `json:"part,omitempty"`    // as the finding has it; messages: any of the LINE messages; empty: wherever it stands
	Excerpt string    `json:"excerpt,omitempty"` // likewise
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at,omitzero"`
}

// variant is a template in one language. Mail uses subject, preheader, html, text (made from html when it is absent) and
// from_name; LINE uses messages: an array of message objects whose texts are Liquid each, or one Liquid text that makes
// the array, where loops may make objects. Subject, preheader and from_name may be lists of texts to compare: each person
// always gets the same one. The other channels use content: an object of the channel's own shape (see content.go) whose texts are
// Liquid each, or one Liquid text that makes the object.
type variant struct {
	Subject   texts           `json:"subject,omitempty"`
	Preheader texts           `json:"preheader,omitempty"`
	HTML      string          `json:"html,omitempty"`
	Text      string          `json:"text,omitempty"`
	FromName  texts           `json:"from_name,omitempty"`
	Messages  json.RawMessage `json:"messages,omitempty"`
	Content   json.RawMessage `json:"content,omitempty"`
	Source    *source         `json:"source,omitempty"`
}

// source is what html was made from, kept beside it for the editor.
type source struct {
	Kind   string          `json:"kind"`             // blocks, mjml, html
	MJML   string          `json:"mjml,omitempty"`   // of mjml, and of blocks what the editor made of them
	Blocks json.RawMessage `json:"blocks,omitempty"` // of blocks: the editor's own array; each element has an id
}

// Bounds of a template.
const (
	maxBody         = 4 << 20 // bytes of JSON
	maxAlternatives = 10
)

// texts is a text, or several to compare.
type texts []string

// UnmarshalJSON reads a text or a list.
func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = nil
		if one != "" {
			*t = texts{one}
		}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	*t = many
	return nil
}

// MarshalJSON writes one text as it was written.
func (t texts) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// empty: there is no text at all.
func (t texts) empty() bool { return strings.TrimSpace(strings.Join(t, "")) == "" }

// decodeBody reads a definition's body strictly.
func decodeBody(body []byte, into any) error {
	if len(body) > maxBody {
		return enishi.FieldError("", "the definition is larger than 4 MB", "定義が 4 MB を超えています")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return jsonProblem(body, dec, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return enishi.FieldError("", "something stands after the JSON", "JSON の後に余分な文字があります")
	}
	return nil
}

// jsonProblem names the line and column of a JSON error.
func jsonProblem(body []byte, dec *json.Decoder, err error) error {
	offset := dec.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	before := body[:min(max(int(offset), 0), len(body))]
	line := 1 + bytes.Count(before, []byte("\n"))
	col := max(1, len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))))
	text := strings.TrimPrefix(err.Error(), "json: ")
	return &enishi.Error{Code: enishi.Invalid, Line: line, Col: col, Msg: text, MsgJA: "JSON が正しくありません: " + text}
}

// check tells what is wrong with the head of a template.
func (b *templateBody) check(name string) error {
	switch {
	case b.Name != "" && b.Name != name:
		return enishi.FieldError("name", "the template is named "+strconv.Quote(b.Name)+" inside and "+strconv.Quote(name)+" outside", "name がテンプレートの名前と違います")
	case !slices.Contains(enishi.MessageChannels(), b.Channel):
		list := enishi.MessageChannels()
		return enishi.FieldError("channel", "use one of "+strings.Join(list, ", "), strings.Join(list, "、")+" のどれかにしてください")
	case b.Purpose != marketing && b.Purpose != transactional:
		return enishi.FieldError("purpose", "use marketing or transactional", "marketing（販促）か transactional（お知らせ）にしてください")
	case !isMissing(b.Missing):
		return enishi.FieldError("missing", "use refuse, blank or default", "refuse（送らない）、blank（空にする）、default（代わりの言葉）のどれかにしてください")
	case len(b.Defaults) > 0 && b.Missing != missingDefault:
		return enishi.FieldError("defaults", "defaults are used with missing: default only", "defaults は missing を default にしたときだけ使えます")
	case len(b.Variants) == 0:
		return enishi.FieldError("variants", "a template needs at least one language", "少なくとも 1 つの言語が必要です")
	}
	for i := range b.Overrides {
		o := &b.Overrides[i]
		if o.Code == "" || strings.TrimSpace(o.Reason) == "" || strings.TrimSpace(o.By) == "" {
			return enishi.FieldError("overrides["+strconv.Itoa(i)+"]", "an override names the finding (code), who decided it (by) and why (reason)",
				"指摘を承知で送るには、指摘（code）、決めた人（by）、理由（reason）が必要です")
		}
	}
	return nil
}

// check tells what is wrong with the parts of a variant, before they are compiled.
func (v *variant) check(channel, at string) error {
	mail := len(v.Subject)+len(v.Preheader)+len(v.FromName) > 0 || v.HTML+v.Text != "" || v.Source != nil
	if hasContent(channel) {
		if mail || len(v.Messages) > 0 {
			return enishi.FieldError(at, "a template for "+channel+" has content only", channel+" のテンプレートには content だけを書きます")
		}
		return nil
	}
	if len(v.Content) > 0 {
		return enishi.FieldError(at+".content", "content is for "+strings.Join(contentChannels(), ", ")+" only: leave it out", "content は "+strings.Join(contentChannels(), "、")+" だけで使います。消してください")
	}
	if channel == "line" {
		if mail {
			return enishi.FieldError(at, "a LINE template has messages only", "LINE のテンプレートには messages だけを書きます")
		}
		return nil
	}
	n := 1
	for _, x := range [...]struct {
		name string
		list texts
	}{{"subject", v.Subject}, {"preheader", v.Preheader}, {"from_name", v.FromName}} {
		switch {
		case len(x.list) > maxAlternatives:
			return enishi.FieldError(at+"."+x.name, "compare at most 10 texts", "比べられるのは 10 案までです")
		case len(x.list) > 1 && n > 1 && len(x.list) != n:
			return enishi.FieldError(at+"."+x.name, "lists to compare must be equally long: their first texts go together, and so on", "比べる案の数をそろえてください（1 案目どうし、2 案目どうしを組み合わせて送ります）")
		}
		for i, s := range x.list {
			if len(x.list) > 1 && strings.TrimSpace(s) == "" {
				return enishi.FieldError(at+"."+x.name+"["+strconv.Itoa(i)+"]", "a text to compare is empty", "空の案があります")
			}
		}
		n = max(n, len(x.list))
	}
	switch {
	case len(v.Messages) > 0:
		return enishi.FieldError(at+".messages", "a mail template has subject, html and text", "メールのテンプレートには subject、html、text を書きます")
	case v.Subject.empty():
		return enishi.FieldError(at+".subject", "a mail needs a subject", "件名がありません")
	}
	if err := v.Source.check(at+".source", v.HTML); err != nil {
		return err
	}
	if strings.TrimSpace(v.HTML+v.Text) == "" {
		return enishi.FieldError(at+".html", "a mail needs html, text or both", "本文がありません")
	}
	return nil
}

func (s *source) check(at, html string) error {
	switch {
	case s == nil:
		return nil
	case s.Kind != "blocks" && s.Kind != "mjml" && s.Kind != "html":
		return enishi.FieldError(at+".kind", "use blocks, mjml or html", "blocks、mjml、html のどれかにしてください")
	case s.Kind == "mjml" && strings.TrimSpace(s.MJML) == "":
		return enishi.FieldError(at+".mjml", "the MJML is missing", "MJML がありません")
	case s.Kind == "html" && s.MJML+string(s.Blocks) != "":
		return enishi.FieldError(at, "what is written as HTML has no MJML and no blocks", "HTML で書いたものに mjml と blocks は付けられません")
	case s.Kind != "html" && strings.TrimSpace(html) == "":
		return enishi.FieldError(strings.TrimSuffix(at, "source")+"html", "the HTML made of this "+s.Kind+" is missing: open the template in the console and save it there, or apply the file where Node and the npm package mjml are at hand",
			s.Kind+" から作った HTML がありません。コンソールで開いて保存するか、Node と npm の mjml がある環境で enishi apply を実行してください")
	}
	if s.Kind == "blocks" {
		var blocks []struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(s.Blocks, &blocks) != nil {
			return enishi.FieldError(at+".blocks", "blocks is an array of objects", "blocks は配列で書いてください")
		}
		seen := map[string]bool{}
		for _, b := range blocks {
			if b.ID == "" || seen[b.ID] {
				return enishi.FieldError(at+".blocks", "each block needs an id of its own", "ブロックにはそれぞれ別の id が必要です")
			}
			seen[b.ID] = true
		}
	}
	return nil
}
