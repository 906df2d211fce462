package channels

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNoEmojiMail: who is in a segment without emoji gets none in any part of a mail, by character or by number; addresses stay
// whole. Everybody else gets them.
func TestNoEmojiMail(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	body, err := json.Marshal(map[string]any{"channel": "email", "purpose": "transactional", "variants": map[string]any{"ja": map[string]any{
		"subject": "🎁 冬の{% if no_emoji %}【特典】{% else %}✨{% endif %}", "preheader": "雪❄️の日に", "from_name": "花の店 🌸", "text": "本文 💌",
		"html": `<p title="🌸">冬 &#x1F381; の &#127873;贈り物 &amp; &#60;b&#62;</p><a href="https://shop.example/🎁?x=1">見る ✨</a><style>.a{content:"✨"}</style>`}}})
	if err != nil {
		t.Fatal(err)
	}
	show := func(vars string) *Rendered {
		t.Helper()
		out, err := r.Preview(body, testMessage("t", "email", vars), -1, false)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := show(`{"no_emoji":true}`)
	if got := []string{out.Subject, out.Preheader, out.FromName, strings.SplitN(out.Text, "\n", 2)[0]}; !cmp.Equal(got, []string{"冬の【特典】", "雪の日に", "花の店", "本文"}) {
		t.Errorf("%q", got)
	}
	for _, want := range [...]string{`<p title="🌸">冬 の 贈り物 &amp; &#60;b&#62;</p>`, ">見る</a>", `.a{content:"✨"}`, `href="https://shop.example/🎁?x=1"`} {
		if !strings.Contains(out.HTML, want) {
			t.Errorf("no %s in %s", want, out.HTML)
		}
	}
	for _, vars := range [...]string{`{}`, `{"no_emoji":false}`} {
		if out := show(vars); out.Subject != "🎁 冬の✨" || !strings.Contains(out.HTML, "見る ✨") || out.FromName != "花の店 🌸" {
			t.Errorf("with %s: %q %q", vars, out.Subject, out.FromName)
		}
	}
}

// TestNoEmojiLINE: likewise of LINE messages, with LINE's own emoji; what a button says and what would be empty stay.
func TestNoEmojiLINE(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	messages := `[
		{"type":"text","text":"冬の🎁 $ 贈り物$","emojis":[{"index":5,"productId":"p","emojiId":"1"},{"index":10,"productId":"p","emojiId":"2"}]},
		{"type":"textV2","text":"{who} へ {heart} 🎁","substitution":{"heart":{"type":"emoji","productId":"p","emojiId":"1"},"who":{"type":"mention","mentionee":{"type":"user","userId":"U1"}}}},
		{"type":"text","text":"🎉"},
		{"type":"template","altText":"✨ 新作","template":{"type":"buttons","title":"冬 ❄️","text":"お手入れ 🌸","actions":[{"type":"message","label":"相談 💬","text":"相談 💬"},{"type":"uri","label":"見る👀","uri":"https://shop.example/🎁"}]}}]`
	want := `[
		{"type":"text","text":"冬の  贈り物"},
		{"type":"textV2","text":"{who} へ","substitution":{"who":{"type":"mention","mentionee":{"type":"user","userId":"U1"}}}},
		{"type":"text","text":"🎉"},
		{"type":"template","altText":"新作","template":{"type":"buttons","title":"冬","text":"お手入れ","actions":[{"type":"message","label":"相談","text":"相談 💬"},{"type":"uri","label":"見る","uri":"https://shop.example/🎁"}]}}]`
	body := []byte(`{"channel":"line","purpose":"transactional","variants":{"ja":{"messages":` + messages + `}}}`)
	parse := func(s string) (v any) {
		t.Helper()
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for vars, want := range map[string]string{`{"no_emoji":true}`: want, `{}`: messages} {
		out, err := r.Preview(body, testMessage("t", "line", vars), -1, false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parse(want), parse(string(out.Messages))); diff != "" {
			t.Errorf("%s: %s", vars, diff)
		}
	}
}
