package product

import (
	"regexp"
	"slices"
	"strings"
)

// Finding is one thing that makes a text a letter (信書).
type Finding struct {
	Place  string `json:"place"` // of the text within the template
	What   string `json:"what"`  // the variable or the words
	Reason Text   `json:"reason"`
}

// impersonal are the variables of templates that are alike for everybody; all others are of one person.
var impersonal = []string{"brand", "links", "language", "no_emoji", "shop", "store", "stores", "today", "now", "forloop", "preview", "piece"}

var (
	output = regexp.MustCompile(`(?s)\{\{-?(.*?)-?\}\}|\{%-?(.*?)-?%\}`)
	quotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	member = regexp.MustCompile(`\b([a-z_][a-z0-9_]*)(?:\.[a-z_]|\[)`)
	locals = regexp.MustCompile(`\b(?:assign|capture|for|tablerow)\s+([a-z_][a-z0-9_]*)`)
)

// dealing are words that speak of the reader's own dealings with the shop. The guideline's example of a mailing that is a
// letter is one whose words make clear that it is meant for a particular addressee, as one who bought or has a contract.
var dealing = []string{"お買い上げ", "お買上げ", "ご購入いただ", "ご注文いただ", "ご利用いただいた", "ご契約", "お誕生日おめでとう", "お誕生月", "あなた様", "ポイント残高", "保有ポイント", "会員番号", "前回の", "ご請求", "ご入会いただ"}

// Letter tells what in a template's text makes the pieces letters. The source is the Liquid text as written: a variable of one
// person (their name outside of the address block, an order, points, a birthday) makes it one, and so do words about the reader's
// own dealings. Nothing found is no legal advice: the template may declare itself.
func Letter(place, source string) []Finding {
	var found []Finding
	own := []string{}
	for _, m := range locals.FindAllStringSubmatch(source, -1) {
		own = append(own, m[1])
	}
	for _, part := range output.FindAllStringSubmatch(source, -1) {
		inside := quotes.ReplaceAllString(part[1]+part[2], "")
		for _, m := range member.FindAllStringSubmatchIndex(inside, -1) {
			if m[0] > 0 && inside[m[0]-1] == '.' {
				continue // a member of what stands before
			}
			root := inside[m[2]:m[3]]
			if slices.Contains(impersonal, root) || slices.Contains(own, root) || slices.ContainsFunc(found, func(f Finding) bool { return f.What == path(inside[m[2]:]) }) {
				continue
			}
			what := path(inside[m[2]:])
			found = append(found, Finding{Place: place, What: what, Reason: Text{
				"「" + what + "」は受取人ひとりについての事実です(宛名欄の外に個人の内容がある文書は信書)", "" + what + " tells of this person: a text that names its addressee beyond the address block is a letter (信書)"}})
		}
	}
	plain := output.ReplaceAllString(source, "")
	for _, words := range dealing {
		if strings.Contains(plain, words) {
			found = append(found, Finding{Place: place, What: words, Reason: Text{
				"「" + words + "」は受取人との利用関係・契約関係を前提にした文言です", "the words " + words + " speak of the reader's own dealings with the shop"}})
		}
	}
	return found
}

// path is the dotted name at the front of a text.
func path(s string) string {
	for i, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.' {
			return strings.TrimRight(s[:i], ".")
		}
	}
	return s
}
