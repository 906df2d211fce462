package channels

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGallery renders every template that comes with the product, in all its languages.
func TestGallery(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../journeys/gallery/templates/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	vars := `{"language":"ja","customer":{"family_name":"佐藤","full_name":"佐藤 花子","salutation":"佐藤 花子 様","member_rank":"gold","points":120},
		"order":{"order_id":"A-1","placed_at":"2026年11月1日","total":"¥5,000","items":2,"parcels":2,"parcels_delivered":1,"is_gift":false,"lines":[{"name":"化粧水 <A>","variant":"30ml","quantity":1,"price":"¥2,500"}]},
		"shipment":{"shipment_id":"S","number":1,"of":2,"partial":true,"carrier":"yamato","carrier_name":"ヤマト運輸","tracking":"444413758703","tracking_url":"https://track.example/444413758703","estimated_on":"11月3日(火)"},
		"cart":{"cart_id":"C","value":"¥3,000","items":4,"lines":[{"name":"乳液","quantity":2,"price":"¥1,500"}],"url":"https://shop.example/cart/C"},
		"product":{"product_id":"P","name":"美容液"},"keys":{"order_id":"A-1"},
		"links":{"cart":"https://shop.example/cart/C","review":"https://shop.example/r?o=A-1","shop":"https://shop.example/","tracking":"https://track.example/1","howto":"https://shop.example/how","mypage":"https://shop.example/me"}}`
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if err := CheckTemplate(name, body, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b templateBody
		_ = json.Unmarshal(body, &b) // checked above
		r := testRenderer(t, map[string]string{name: string(body)})
		for lang := range b.Variants {
			m := testMessage(name, b.Channel, vars)
			m.Language, m.Purpose, m.To = lang, b.Purpose, "x"
			out, err := r.Render(context.Background(), m)
			if err != nil {
				t.Errorf("%s %s: %v", name, lang, err)
				continue
			}
			all := out.Subject + out.HTML + out.Text + string(out.Messages)
			for _, bad := range []string{"{{", "{%", "<no value>", "化粧水 <A>", "&amp;lt;", "&amp;amp;"} {
				if strings.Contains(out.HTML, bad) || bad[0] == '{' && strings.Contains(all, bad) {
					t.Errorf("%s %s: the result has %q", name, lang, bad)
				}
			}
			if b.Channel == "email" && b.Purpose == "marketing" {
				for part, s := range map[string]string{"html": out.HTML, "text": out.Text} {
					for _, owed := range []string{out.Unsubscribe, "1-2-3", "help@hana.example"} {
						if !strings.Contains(s, owed) {
							t.Errorf("%s %s: the %s lacks %q", name, lang, part, owed)
						}
					}
				}
			}
			if b.Channel == "line" && strings.Contains(string(out.Messages), "shop.example/") {
				t.Errorf("%s %s: a link is not tracked: %s", name, lang, out.Messages)
			}
		}
	}
}

// TestGalleryWearsTheBrand: every mail that comes with the product has the colours of the brand kit and none of its own but white, and
// colours of its own for a shop that has chosen none.
func TestGalleryWearsTheBrand(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../journeys/gallery/templates/*_mail.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	colours := regexp.MustCompile(`#[0-9a-f]{6}\b`)
	used := func(name string, body []byte, lang, brand string) []string {
		t.Helper()
		r, add := testDefinitions(t)
		add("setting", "brand", `{"name":"花の店","address":"東京都"`+brand+`}`)
		m := testMessage(name, "email", `{"customer":{"salutation":"様","points":0},"order":{"lines":[{"name":"A","variant":"B"}]},"cart":{"lines":[{"name":"A","variant":"B"}]}}`)
		var b templateBody
		if err := json.Unmarshal(body, &b); err != nil {
			t.Fatal(err)
		}
		m.Language, m.Purpose = lang, b.Purpose
		out, err := r.Preview(body, m, -1, true)
		if err != nil {
			t.Fatalf("%s %s: %v", name, lang, err)
		}
		got := colours.FindAllString(out.HTML, -1)
		slices.Sort(got)
		return slices.Compact(got)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, lang := range [...]string{"ja", "en"} {
			if got := used(name, body, lang, `,"colour":"#102030","colour_text":"#112233","colour_background":"#ddeeff"`); !slices.Equal(got, []string{"#102030", "#112233", "#ddeeff", "#ffffff"}) {
				t.Errorf("%s %s with a brand: %v", name, lang, got)
			}
			if got := used(name, body, lang, ""); len(got) < 5 || !slices.Contains(got, "#8c5a4a") {
				t.Errorf("%s %s without: %v", name, lang, got)
			}
		}
	}
}

func TestLineRendering(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	line := func(messages any, vars string) (string, error) {
		b, _ := json.Marshal(map[string]any{"channel": "line", "purpose": "marketing", "variants": map[string]any{"ja": map[string]any{"messages": messages}}})
		tpl, err := compileTemplate(r.engine, nil, "t", b)
		if err != nil {
			return "", err
		}
		out, err := r.fill(tpl, testMessage("t", "line", vars), how{track: true, choice: -1})
		if err != nil {
			return "", err
		}
		return string(out.Messages), nil
	}
	for _, v := range hostile {
		vars, _ := json.Marshal(map[string]any{"v": v, "list": []string{v, "b"}})
		for _, messages := range []any{
			[]any{map[string]any{"type": "text", "text": "x {{ v }} y"}},
			`[{"type":"text","text":"x {{ v }} y"}{% for i in list %},{"type":"text","text":{{ i }}}{% endfor %}]`,
		} {
			got, err := line(messages, string(vars))
			if err != nil {
				t.Errorf("%q: %v", v, err)
				continue
			}
			var list []map[string]string
			if err := json.Unmarshal([]byte(got), &list); err != nil {
				t.Errorf("%q breaks out of the JSON: %s", v, got)
				continue
			}
			if list[0]["text"] != "x "+v+" y" || len(list[0]) != 2 || len(list) == 3 && list[1]["text"] != v {
				t.Errorf("%q became %q", v, list)
			}
		}
	}
	button := func(uri string) any {
		return []any{map[string]any{"type": "template", "altText": "x", "template": map[string]any{"type": "buttons", "text": "x",
			"actions": []any{map[string]any{"type": "uri", "label": "x", "uri": uri}}}}}
	}
	if _, err := line(button("{{ u }}"), `{"u":"javascript:alert(1)"}`); err == nil {
		t.Error("a script as the address of a button is taken")
	}
	got, err := line(button("https://shop.example/x"), `{}`)
	if err != nil || !strings.Contains(got, `"uri":"https://cdp.hana.example/c/`) {
		t.Errorf("the button's address is not tracked: %s %v", got, err)
	}
	if got, err = line(button("https://shop.example/"+strings.Repeat("x", 900)), `{}`); err != nil || strings.Contains(got, "/c/") {
		t.Errorf("an address too long to track: %v", err)
	}
	for _, bad := range []string{`[{"type":"text"`, `[]`, `{}`, `[1] []`, `{% for i in list %}{% endfor %}`} {
		if _, err := line(bad, `{"list":[1]}`); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
