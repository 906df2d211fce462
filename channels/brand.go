package channels

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"enishi"
)

// BrandField is one value of the brand kit, the setting brand. Every value is a text, or a text for each language
// ({"ja": ..., "en": ...}); templates read it as brand.NAME.
type BrandField struct {
	Name     string
	JA, EN   string
	Kind     string // text, colour, address of a page or picture, words
	Required bool   // an advertisement by mail owes it
}

// BrandFields are the values that a brand kit may have.
func BrandFields() []BrandField {
	return []BrandField{
		{"name", "送信者の名称", "name of the sender", "text", true},
		{"address", "送信者の住所", "postal address of the sender", "text", true},
		{"contact", "苦情・問い合わせ先（電話、メール、URL）", "where to complain or ask (phone, mail, page)", "text", true},
		{"refuse", "配信を断る方法の説明", "how to refuse further mail, in words", "text", false},
		{"url", "サイトの URL", "address of the site", "url", false},
		{"privacy_url", "プライバシーポリシーの URL", "address of the privacy policy", "url", false},
		{"logo", "ロゴ画像の URL", "address of the logo", "url", false},
		{"logo_alt", "ロゴの代替テキスト", "alternative text of the logo", "text", false},
		{"logo_width", "ロゴの幅（px）", "width of the logo in pixels", "text", false},
		{"colour", "ブランドの色", "main colour", "colour", false},
		{"colour_text", "文字の色", "colour of text", "colour", false},
		{"colour_background", "背景の色", "colour of the background", "colour", false},
		{"font", "書体（CSS の font-family）", "font family, as CSS has it", "text", false},
		{"tone", "らしい言葉（編集の手がかり）", "words that sound like the brand, for who writes", "words", false},
		{"avoid", "使わない言葉（送信前チェックで知らせます）", "words that the brand does not use: the check before sending tells", "words", false},
	}
}

var colour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// CheckBrand tells what is wrong with the body of the setting brand.
func CheckBrand(body []byte) error {
	var values map[string]json.RawMessage
	if err := decodeBody(body, &values); err != nil {
		return err
	}
	fields := BrandFields()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(fields, func(f BrandField) bool { return f.Name == name })
		if i < 0 {
			return enishi.FieldError(name, "a brand kit has no "+name, "ブランド設定に「"+name+"」はありません")
		}
		if err := fields[i].check(values[name]); err != nil {
			return err
		}
	}
	return nil
}

func (f *BrandField) check(raw json.RawMessage) error {
	if f.Kind == "words" {
		var words []string
		if json.Unmarshal(raw, &words) != nil {
			return enishi.FieldError(f.Name, "write a list of words", "言葉の一覧を書いてください")
		}
		return nil
	}
	byLanguage := map[string]string{}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		byLanguage[""] = one
	} else if json.Unmarshal(raw, &byLanguage) != nil {
		return enishi.FieldError(f.Name, `write a text, or one for each language: {"ja": "...", "en": "..."}`, `文字、または言語ごとの文字 {"ja": "...", "en": "..."} を書いてください`)
	}
	for _, s := range byLanguage {
		switch {
		case s == "":
		case f.Kind == "colour" && !colour.MatchString(s):
			return enishi.FieldError(f.Name, "write a colour as #rrggbb", "色は #rrggbb のように書いてください")
		case f.Kind == "url" && !webURL(s):
			return enishi.FieldError(f.Name, "write a whole address such as https://shop.example/", "https://shop.example/ のような URL を書いてください")
		case strings.ContainsAny(s, "\x00"):
			return enishi.FieldError(f.Name, "the text has control characters", "使えない文字が入っています")
		}
	}
	return nil
}

// kit is the setting brand as one language reads it.
type kit map[string]any

// brandVars is the brand kit in a language, over the defaults of the configuration. The map is not to be changed.
func (r *Renderer) brandVars(language string) kit {
	d, _ := r.cfg.Definitions.Current("setting", "brand")
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.Version != r.brandAt {
		r.brands, r.brandAt = map[string]kit{}, d.Version
	}
	if k := r.brands[language]; k != nil {
		return k
	}
	k := kit{}
	maps.Copy(k, r.cfg.Brand)
	var set map[string]any
	dec := json.NewDecoder(bytes.NewReader(d.Body))
	dec.UseNumber()
	if dec.Decode(&set) == nil {
		for name, v := range set {
			if by, ok := v.(map[string]any); ok {
				for _, lang := range [...]string{language, r.cfg.Language, "ja", "en"} {
					if v, ok = by[lang]; ok && v != "" {
						break
					}
				}
			}
			if v != nil && v != "" {
				k[name] = v
			}
		}
	}
	r.brands[language] = k
	return k
}

// text is a value of the kit as text; "" when it has none.
func (k kit) text(name string) string {
	s, _ := k[name].(string)
	return s
}

// Settings are what a marketer sets for all templates: the setting templates.
type Settings struct {
	Languages []string `json:"languages,omitempty"` // tried in this order when a template lacks the person's language
	Missing   string   `json:"missing,omitempty"`   // of templates that do not say; refuse
	Charset   string   `json:"charset,omitempty"`   // of mail, for the check before sending: utf-8 (default), iso-2022-jp
}

// ParseSettings reads the body of the setting templates.
func ParseSettings(body []byte) (*Settings, error) {
	s := new(Settings)
	if err := decodeBody(body, s); err != nil {
		return nil, err
	}
	if !isMissing(s.Missing) {
		return nil, enishi.FieldError("missing", "use refuse, blank or default", "refuse（送らない）、blank（空にする）、default（代わりの言葉）のどれかにしてください")
	}
	if s.Charset != "" && s.Charset != "utf-8" && s.Charset != "iso-2022-jp" {
		return nil, enishi.FieldError("charset", "use utf-8 or iso-2022-jp", "utf-8 か iso-2022-jp にしてください")
	}
	for _, lang := range s.Languages {
		if !language.MatchString(lang) {
			return nil, enishi.FieldError("languages", "write languages such as ja, en or zh-TW", "言語は ja、en、zh-TW のように書いてください")
		}
	}
	return s, nil
}

var language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// settings are the setting templates, or the defaults. What it points to is not to be changed.
func (r *Renderer) settings() *Settings {
	d, _ := r.cfg.Definitions.Current("setting", "templates")
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.Version != r.settingsAt {
		s, err := ParseSettings(d.Body)
		if err != nil { // none, or from a foreign writer
			s = &Settings{}
		}
		r.set, r.settingsAt = s, d.Version
	}
	return r.set
}

// Brand is the name of the sender in a language, as public pages show it.
func (r *Renderer) Brand(language string) string { return r.brandVars(language).text("name") }

// BrandTexts are the values of the brand kit in a language, by name; words that guide who writes are not among them.
func (r *Renderer) BrandTexts(language string) map[string]string {
	k := r.brandVars(language)
	out := map[string]string{}
	for _, f := range BrandFields() {
		if s := k.text(f.Name); s != "" {
			out[f.Name] = s
		}
	}
	return out
}
