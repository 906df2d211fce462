package channels

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"enishi"
)

// Alike makes the messages of a LINE template that everybody gets in the same words, from one provider call for all of them:
// nothing in it may depend on who reads it, and no link is tracked. links are the shop's own by name; those that hold a
// person's key ({order_id}) count as personal. A variable that depends on the person is an [enishi.Error] that names it.
func (r *Renderer) Alike(name string, body []byte, language string, links map[string]string) (json.RawMessage, error) {
	lib := &library{engine: r.engine, blocks: r.block, asked: &asked{}}
	t, err := compileWith(lib, name, body)
	if err != nil {
		return nil, err
	}
	if t.channel != "line" || t.purpose != marketing {
		return nil, enishi.FieldError("body.template", "a narrowcast needs a LINE template for advertising (purpose marketing)", "LINE の販促用のテンプレートを指定してください。")
	}
	same := map[string]any{}
	for link, url := range links {
		if !strings.Contains(url, "{") {
			same[link] = url
		}
	}
	if found := lib.asked.personal(same); len(found) > 0 {
		all := strings.Join(found, ", ")
		return nil, enishi.FieldError("body.template", "everybody gets the same words, so it may not use what differs from person to person: "+all,
			"全員に同じ内容が届くため、人によって変わる変数は使えません: "+all)
	}
	variables, err := json.Marshal(map[string]any{"language": language, "links": same})
	if err != nil {
		return nil, err
	}
	m := &enishi.Message{Template: name, Channel: t.channel, Purpose: t.purpose, Language: language, Variables: string(variables)}
	out, err := r.fill(t, m, how{choice: 0})
	if err != nil {
		return nil, &enishi.Error{Code: enishi.Invalid, Field: "body.template", Msg: fmt.Sprintf("the message cannot be made: %v", err), MsgJA: "この内容では送れません: " + err.Error(), Err: err}
	}
	return out.Messages, nil
}

// asked collects what the expressions of a template ask for.
type asked struct {
	paths map[string]bool // customer.family_name, links.shop
	own   map[string]bool // names that the template gives to values itself
}

var (
	askedPath   = regexp.MustCompile(`\.?[A-Za-z_][\w-]*(?:\.[\w-]+)*`)
	askedFilter = regexp.MustCompile(`\|\s*\w*`)
	askedName   = regexp.MustCompile(`^\s*([A-Za-z_][\w-]*)\s*(.*)$`)
	inBrackets  = strings.NewReplacer("[", " ", "]", " ")
)

// notPaths are the words of Liquid's own that stand where a variable may.
var notPaths = []string{"and", "or", "in", "contains", "true", "false", "nil", "null", "empty", "blank", "limit", "offset", "reversed"}

// note takes an expression in, of a tag or, with an empty tag, of an object. A nil asked collects nothing.
func (a *asked) note(tag, args string) {
	if a == nil {
		return
	}
	if a.paths == nil {
		a.paths, a.own = map[string]bool{}, map[string]bool{}
	}
	if tag == "comment" || tag == "raw" {
		return
	}
	args = quotes.ReplaceAllString(args, `""`)
	if tag == "assign" || tag == "capture" || tag == "for" {
		if m := askedName.FindStringSubmatch(args); m != nil {
			a.own[m[1]], args = true, m[2]
		}
	}
	for _, p := range askedPath.FindAllString(inBrackets.Replace(askedFilter.ReplaceAllString(args, " ")), -1) {
		if p[0] != '.' && !slices.Contains(notPaths, p) { // .name is of what stood in brackets before it
			a.paths[p] = true
		}
	}
}

// personal are the paths whose values depend on the person, sorted: all but the brand's, the language, links that are the
// same for all, and what the template names itself.
func (a *asked) personal(links map[string]any) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(a.paths)), func(p string) bool {
		root, rest, _ := strings.Cut(p, ".")
		_, known := links[rest]
		return root == "brand" || root == "language" || root == "forloop" || a.own[root] || root == "links" && (known || rest == "shop")
	})
}
