package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"enishi"
)

// SourcesName is the setting of where friends come from.
const SourcesName = "line_sources"

// SourceTrait is the trait that keeps by which source somebody became a friend.
const SourceTrait = "line_source"

// Sources are the links and QR codes by which people become friends.
type Sources struct {
	Sources []Source `json:"sources"`
}

// Source is one of them: a counter, a parcel, a campaign.
type Source struct {
	ID    string `json:"id"`
	Title struct {
		JA string `json:"ja"`
		EN string `json:"en"`
	} `json:"title"`
	Kind    string `json:"kind"`              // store, parcel, campaign, web
	Store   string `json:"store,omitempty"`   // id of a store
	Account string `json:"account,omitempty"` // empty: the default one
}

// SourceKinds are the kinds of sources.
func SourceKinds() []string { return []string{"store", "parcel", "campaign", "web"} }

const maxSources = 1000

var sourcePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// ParseSources reads the setting. Its errors name the field.
func ParseSources(body []byte) (Sources, error) {
	var s Sources
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, enishi.FieldError("body.body", "sources are written as {\"sources\": [{\"id\": ID, \"title\": {\"ja\": TEXT, \"en\": TEXT}, \"kind\": \"store\"}]}: "+err.Error(),
			"友だち追加の経路は {\"sources\": [{\"id\": ID, \"title\": {\"ja\": 名前, \"en\": 名前}, \"kind\": \"store\"}]} の形で書いてください。")
	}
	if len(s.Sources) > maxSources {
		return s, enishi.FieldError("body.sources", fmt.Sprintf("has more than %d sources", maxSources), fmt.Sprintf("友だち追加の経路は %d 件までです。", maxSources))
	}
	seen := map[string]bool{}
	for i := range s.Sources {
		x := &s.Sources[i]
		field := func(name, en, ja string) error {
			return enishi.FieldError(fmt.Sprintf("body.sources[%d].%s", i, name), en, ja)
		}
		switch {
		case !sourcePattern.MatchString(x.ID):
			return s, field("id", "has 1-40 of a-z, 0-9 and _, and begins with a letter", "ID は英小文字で始め、英小文字・数字・_ の 40 文字までにしてください。")
		case seen[x.ID]:
			return s, field("id", "is there twice: "+x.ID, "ID「"+x.ID+"」が重複しています。")
		case strings.TrimSpace(x.Title.JA) == "" || strings.TrimSpace(x.Title.EN) == "":
			return s, field("title", "needs a Japanese and an English text", "名前を日本語と英語で入力してください。")
		case !slices.Contains(SourceKinds(), x.Kind):
			return s, field("kind", "is store, parcel, campaign or web", "種類は store（店舗）、parcel（同梱物）、campaign（キャンペーン）、web（サイト）のどれかです。")
		case x.Account != "" && !accountPattern.MatchString(x.Account):
			return s, field("account", "is the name of an official account", "LINE アカウントの名前を指定してください。")
		}
		seen[x.ID] = true
	}
	return s, nil
}
