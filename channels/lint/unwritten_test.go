package lint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUnwritten: whatever the console's editors put into a new block or LINE message, for a marketer to write over, stops the
// message while it stands; what may be sent as it is, does not. The texts are the console's own.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	mayStay := []string{"mail.begun_button", "line.begun_label", "line.begun_reply"} // "See more": a word that a button may have
	rules := &Rules{Lists: allLists(t)}
	for _, lang := range [...]string{"ja", "en"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "web", "src", "i18n", lang+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]json.RawMessage
		if err := json.Unmarshal(text, &words); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, part := range [...]string{"mail", "line"} {
			var own map[string]string
			if err := json.Unmarshal(words[part], &own); err != nil {
				t.Fatal(err)
			}
			for key, begun := range own {
				if !strings.HasPrefix(key, "begun_") {
					continue
				}
				seen++
				message, err := json.Marshal([]map[string]string{{"type": "text", "text": begun}})
				if err != nil {
					t.Fatal(err)
				}
				content := Content{Messages: message}
				for channel, m := range map[string]*Message{"email": mail(body("<h1>" + begun + "</h1>")), "line": {Channel: "line", Purpose: "marketing", Language: lang, Rendered: content, Source: content}} {
					stops := slices.ContainsFunc(Check(m, rules), func(f Finding) bool { return f.Code == "words.unwritten" && f.Severity == Error })
					if want := !slices.Contains(mayStay, part+"."+key); stops != want {
						t.Errorf("%s.%s in %s, %q as %s: stops %v, want %v", part, key, lang, begun, channel, stops, want)
					}
				}
			}
		}
		if seen < 9 {
			t.Errorf("%d texts to begin with in %s", seen, lang)
		}
	}
	for _, s := range [...]string{"〇〇様", "ダミーテキスト", "Lorem ipsum dolor", "TODO: 画像"} {
		if !slices.ContainsFunc(Check(mail(body(s)), rules), func(f Finding) bool { return f.Code == "words.unwritten" && f.Excerpt != "" }) {
			t.Errorf("%s is not found", s)
		}
	}
}
