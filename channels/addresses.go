package channels

import (
	"encoding/json"
	"slices"
	"strings"

	"enishi"
)

// Address is where a link of a template leads.
type Address struct{ Part, URL string }

// Addresses are the links of the body of a template, filled in for the made-up person of [Renderer.Lint], in every language
// and every text that is compared: each once, without our own pages.
func (r *Renderer) Addresses(name string, body []byte, variables func(language string) (string, error)) ([]Address, error) {
	var b templateBody
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	t, err := compileTemplate(r.engine, r.block, name, body)
	if err != nil {
		return nil, err
	}
	var out []Address
	for _, lang := range t.languages {
		vars, err := variables(lang)
		if err != nil {
			return nil, err
		}
		for choice := range t.variants[lang].alternatives {
			got, err := r.fill(t, &enishi.Message{Template: name, Channel: b.Channel, Purpose: b.Purpose, Language: lang, Variables: vars}, how{choice: choice, blanks: true})
			if err != nil {
				return nil, err
			}
			part := "variants." + lang + ".html"
			add := func(to string) string {
				own := r.cfg.BaseURL != "" && strings.HasPrefix(to, r.cfg.BaseURL+"/")
				if webURL(to) && !own && !slices.ContainsFunc(out, func(x Address) bool { return x.URL == to }) {
					out = append(out, Address{part, to})
				}
				return to
			}
			if _, err := finish(got.HTML, "", "", add); err != nil {
				return nil, err
			}
			if len(got.Messages) > 0 {
				part = "variants." + lang + ".messages"
				var list any
				if err := json.Unmarshal(got.Messages, &list); err != nil {
					return nil, err
				}
				eachURI(list, add)
			}
		}
	}
	return out, nil
}

// eachURI visits the addresses of LINE's actions.
func eachURI(v any, visit func(string) string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			eachURI(x, visit)
		}
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && (k == "uri" || k == "linkUri") {
				visit(s)
			}
			eachURI(x, visit)
		}
	}
}
