package audiences

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Finding is what speaks against telling a platform of the people of a segment.
type Finding struct {
	Text string // what was found, as written
	Law  string // class: health, skin, pregnancy, creed, crime, marked
}

// sensitive are words of what a segment may not be about when it is told to an advertising platform: 要配慮個人情報 (個人情報保護法 2 条 3 項: creed, medical history,
// crime, and what a law or order adds) and what the platforms' own policies bar (health, pregnancy, trouble of skin and body). A word counts
// wherever it stands in an expression or a title; the shop marks its own traits in the setting traits.
var sensitive = []struct {
	law   string
	words []string
}{
	{"health", []string{"疾患", "病気", "病歴", "持病", "通院", "服薬", "診断", "健康診断", "障害者", "障がい", "アレルギー", "糖尿", "高血圧", "うつ病", "抑うつ", "鬱", "更年期", "disease", "illness", "medical", "diagnos", "medication", "allerg", "diabet", "depress", "disab", "menopaus"}},
	{"skin", []string{"肌荒れ", "肌トラブル", "肌悩み", "敏感肌", "乾燥肌", "アトピー", "ニキビ", "にきび", "シミ悩み", "薄毛", "脱毛症", "skin_trouble", "skin_problem", "skin_concern", "sensitive_skin", "acne", "atop", "eczema", "hair_loss"}},
	{"pregnancy", []string{"妊娠", "妊婦", "妊活", "マタニティ", "産前", "産後", "つわり", "出産予定", "授乳", "不妊", "生理周期", "pregnan", "maternity", "fertility", "due_date", "breastfeed"}},
	{"creed", []string{"宗教", "信仰", "信条", "思想", "支持政党", "人種", "国籍", "性的指向", "religio", "creed", "political", "ethnic", "sexual"}},
	{"crime", []string{"犯罪", "前科", "逮捕", "crime", "criminal"}},
}

// Sensitive finds what bars a segment, by the texts of its expressions and titles and by the names of traits that the shop has marked.
func Sensitive(texts []string, marked []string) []Finding {
	var out []Finding
	for _, text := range texts {
		lower := strings.ToLower(norm.NFKC.String(text)) // also ｱﾄﾋﾟｰ
		for _, name := range marked {
			if uses(lower, strings.ToLower(name)) {
				out = append(out, Finding{name, "marked"})
			}
		}
		for _, class := range sensitive {
			for _, w := range class.words {
				if strings.Contains(lower, w) {
					out = append(out, Finding{w, class.law})
				}
			}
		}
	}
	return out
}

// uses tells whether an expression reads a trait: traits.NAME, with no letter or digit behind it, or traits["NAME"].
func uses(expression, name string) bool {
	name = regexp.QuoteMeta(name)
	return regexp.MustCompile(`traits\s*(?:\?\.|\.)?\s*(?:` + name + `(?:[^\p{L}\p{N}_]|$)|\[\s*["'\x60]` + name + `["'\x60]\s*\])`).MatchString(expression)
}
