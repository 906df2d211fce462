package api

import (
	"strings"
	"testing"
	"time"

	"enishi/channels/line"
)

// TestReplies: a reply is checked when it is saved, is tried before anybody writes, and keeps its template from being deleted.
func TestReplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	reply := map[string]any{"title": map[string]any{"ja": "営業時間", "en": "Hours"}, "match": "exact", "words": []string{"営業時間"}, "text": map[string]any{"ja": "10時からです", "en": "From ten"}}
	w.write(put, "/replies/hours", map[string]any{"definition": reply, "expect": 0})
	try := func(text string) triedReply {
		return into[triedReply](w.call(post, "/replies/try", map[string]any{"text": text}))
	}
	if got := try("営業時間？"); got.Reply != "hours" || !strings.Contains(string(got.Answer), "10時からです") {
		t.Errorf("%+v", got)
	}
	if got := try("stop"); got.Reply != "stop" || got.Consent != "out" || !strings.Contains(string(got.Answer), "停止しました") {
		t.Errorf("%+v", got)
	}
	if got := try("こんにちは"); got.Reply != "" || string(got.Answer) != "[]" {
		t.Errorf("%+v", got)
	}
	reply["template"] = "where"
	delete(reply, "text")
	w.call(put, "/replies/where", map[string]any{"definition": reply, "expect": 0}).want(422)
	w.write(put, "/templates/where", map[string]any{"expect": 0, "definition": map[string]any{"channel": "line", "purpose": "transactional", "missing": "default", "variants": map[string]any{
		"ja": map[string]any{"messages": []any{map[string]any{"type": "text", "text": "{{ customer.full_name }}、店舗はこちらです"}}}}}})
	reply["words"] = []string{"店舗"}
	w.call(put, "/definitions/reply/where", map[string]any{"body": reply, "expect": -1}).want(200)
	if got := try("店舗"); got.Reply != "where" || !strings.Contains(string(got.Answer), "お客様、店舗はこちらです") {
		t.Errorf("%+v", got)
	}
	w.call(erase, "/templates/where", nil).want(409)
	if l := into[list[replyRow]](w.call(get, "/replies", nil)).Items; len(l) != 2 || l[1].Template != "where" || l[0].Title.EN != "Hours" {
		t.Errorf("%+v", l)
	}
	w.call(put, "/settings/replies", map[string]any{"expect": -1, "body": map[string]any{"stop": []string{"!"}}}).want(422)
	w.write(put, "/settings/replies", map[string]any{"expect": -1, "body": map[string]any{"stop": []string{"やめる"}}})
	if got := try("ヤメル"); got.Consent != "out" {
		t.Errorf("%+v", got)
	}
	token, _ := w.key("admin", "editor")
	w.as(token).call(put, "/replies/hours", map[string]any{"definition": reply, "expect": -1}).want(403)
	token, _ = w.key("admin", "admin")
	w = w.as(token)
	w.call(erase, "/replies/where", nil).want(200)
	w.call(erase, "/templates/where", nil).want(200)

	// Who is known is spoken to by name.
	messages, err := w.api.ReplyMessages(t.Context(), line.Answer{Text: map[string]string{"en": "hello"}}, "", "U00000000000000000000000000000000")
	if err != nil || !strings.Contains(string(messages), "hello") {
		t.Errorf("%s %v", messages, err)
	}
}
