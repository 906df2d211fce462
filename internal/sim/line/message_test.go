package line

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// samples are message objects LINE takes, one for each kind and corner.
func samples() []string {
	const (
		area   = `"area":{"x":0,"y":0,"width":520,"height":520}`
		uri    = `{"type":"uri","label":"詳しく見る","uri":"https://shop.example/p?q=%E7%B8%81","altUri":{"desktop":"https://shop.example/pc"}}`
		column = `{"thumbnailImageUrl":"https://shop.example/1.jpg","imageBackgroundColor":"#FFFFFF","title":"化粧水","text":"しっとり","defaultAction":` + uri + `,"actions":[` + uri + `]}`
	)
	return []string{
		`{"type":"text","text":"こんにちは😀"}`,
		`{"type":"text","text":"` + strings.Repeat("😀", 2500) + `"}`,
		`{"type":"text","text":"$😀$","emojis":[{"index":0,"productId":"p","emojiId":"001"},{"index":3,"productId":"p","emojiId":"002"}]}`,
		`{"type":"text","text":"a","sender":{"name":"縁","iconUrl":"https://shop.example/i.png"},"quickReply":{"items":[` +
			`{"type":"action","imageUrl":"https://shop.example/i.png","action":{"type":"cameraRoll","label":"写真"}},` +
			`{"type":"action","action":{"type":"location","label":"現在地"}},` +
			`{"type":"action","action":{"type":"datetimepicker","label":"日時","data":"d","mode":"date","initial":"2026-11-20"}},` +
			`{"type":"action","action":{"type":"postback","label":"買う","data":"buy","displayText":"買う","inputOption":"openKeyboard","fillInText":"住所"}}]}}`,
		`{"type":"textV2","text":"{{ようこそ}} {smile}","substitution":{"smile":{"type":"emoji","productId":"p","emojiId":"001"}}}`,
		`{"type":"sticker","packageId":"446","stickerId":"1988"}`,
		`{"type":"image","originalContentUrl":"https://shop.example/a.jpg","previewImageUrl":"https://shop.example/b.jpg"}`,
		`{"type":"video","originalContentUrl":"https://shop.example/a.mp4","previewImageUrl":"https://shop.example/b.jpg","trackingId":"track-id"}`,
		`{"type":"audio","originalContentUrl":"https://shop.example/a.m4a","duration":60000}`,
		`{"type":"location","title":"表参道店","address":"東京都渋谷区神宮前","latitude":35.67,"longitude":139.71}`,
		`{"type":"coupon","couponId":"01JYNW8JMQVFBNWF1APF8Z3FS7","deliveryTag":"winter_2026"}`,
		`{"type":"imagemap","baseUrl":"https://shop.example/m","altText":"a","baseSize":{"width":1040,"height":520},"actions":[` +
			`{"type":"uri","linkUri":"tel:0312345678",` + area + `},{"type":"clipboard","clipboardText":"CODE",` + area + `}],` +
			`"video":{"originalContentUrl":"https://shop.example/a.mp4","previewImageUrl":"https://shop.example/b.jpg",` + area + `}}`,
		`{"type":"template","altText":"a","template":{"type":"buttons","thumbnailImageUrl":"https://shop.example/1.jpg","imageAspectRatio":"square","imageSize":"contain","title":"a","text":"b","defaultAction":` + uri + `,"actions":[` + uri + `]}}`,
		`{"type":"template","altText":"a","template":{"type":"confirm","text":"よろしいですか","actions":[` + say + `,` + say + `]}}`,
		`{"type":"template","altText":"a","template":{"type":"carousel","columns":[` + column + `,` + column + `],"imageSize":"cover"}}`,
		`{"type":"template","altText":"a","template":{"type":"image_carousel","columns":[{"imageUrl":"https://shop.example/1.jpg","action":{"type":"uri","uri":"line://app/1"}}]}}`,
		`{"type":"flex","altText":"ご注文の確認","contents":{"type":"bubble","size":"kilo","direction":"ltr",` +
			`"hero":{"type":"video","url":"https://shop.example/a.mp4","previewUrl":"https://shop.example/p.jpg","altContent":{"type":"image","url":"https://shop.example/p.jpg","size":"full","aspectRatio":"20:13","aspectMode":"cover"},"aspectRatio":"20:13"},` +
			`"body":{"type":"box","layout":"vertical","spacing":"md","contents":[` +
			`{"type":"text","contents":[{"type":"span","text":"合計 "},{"type":"span","text":"1,200円","weight":"bold","color":"#4f8f00","size":"xxl"}],"wrap":true},` +
			`{"type":"separator","margin":"lg"},{"type":"box","layout":"baseline","contents":[{"type":"icon","url":"https://shop.example/i.png"},{"type":"text","text":"4.0","size":"14px"},{"type":"filler"}]},` +
			`{"type":"box","layout":"vertical","contents":[],"background":{"type":"linearGradient","angle":"0deg","startColor":"#FFFF00","endColor":"#0080ff"}}]},` +
			`"footer":{"type":"box","layout":"vertical","contents":[{"type":"button","style":"primary","height":"sm","action":` + uri + `}]},` +
			`"styles":{"footer":{"separator":true,"separatorColor":"#000000"}},"action":{"type":"uri","uri":"https://shop.example/"}}}`,
		`{"type":"flex","altText":"a","contents":{"type":"carousel","contents":[{"type":"bubble","size":"mega"},{"type":"bubble"}]}}`,
	}
}

func TestValidMessages(t *testing.T) {
	t.Parallel()
	for _, m := range samples() {
		if r := newChannel(t, Config{}).call("POST", "message/validate/multicast", `{"messages":[`+m+`]}`); r.status != 200 || r.raw != "{}" {
			t.Errorf("%s\n%d %s", m, r.status, r.raw)
		}
	}
}

// wantFault checks that a message is refused with this text at this place.
func wantFault(t *testing.T, message, property, text string) {
	t.Helper()
	r := newChannel(t, Config{}).call("POST", "message/validate/multicast", `{"messages":[`+message+`]}`)
	if r.status != 400 {
		t.Errorf("%s\n%d %s", message, r.status, r.raw)
		return
	}
	for _, d := range r.Details {
		if d.Property == property && strings.Contains(d.Message, text) {
			return
		}
	}
	t.Errorf("%s\n%s\nhas no %q at %q", message, r.raw, text, property)
}

// The tests of invalid messages have what is no number in Limits: types,
// schemes, closed sets, and the place each answer names.
func TestInvalidMessages(t *testing.T) {
	t.Parallel()
	f := func(message, property, text string) {
		t.Helper()
		wantFault(t, message, property, text)
	}
	f(`7`, "messages[0]", invalidProperty)
	f(`{}`, "messages[0].type", "Must be one of")
	f(`{"type":"text"}`, "messages[0].text", mayNotBeEmpty)
	f(`{"type":"text","text":5}`, "messages[0].text", invalidProperty)
	f(`{"type":"text","text":"`+strings.Repeat("😀", 2501)+`"}`, "messages[0].text", "Length must be between 0 and 5000") // two UTF-16 units each
	f(`{"type":"text","text":"a$","emojis":[{"index":0,"productId":"p","emojiId":"1"}]}`, "messages[0].emojis[0].index", invalidProperty)
	f(`{"type":"text","text":"$","emojis":[{"index":0,"emojiId":"1"}]}`, "messages[0].emojis[0].productId", mayNotBeEmpty)
	f(`{"type":"sticker","packageId":"446"}`, "messages[0].stickerId", mayNotBeEmpty)
	f(`{"type":"sticker","packageId":"446","stickerId":"abc"}`, "messages[0].stickerId", invalidProperty)
	f(`{"type":"image","originalContentUrl":"http://shop.example/a.jpg","previewImageUrl":"https://shop.example/b.jpg"}`, "messages[0].originalContentUrl", invalidScheme)
	f(`{"type":"image","originalContentUrl":"https://shop.example/a.jpg"}`, "messages[0].previewImageUrl", mayNotBeEmpty)
	f(`{"type":"video","originalContentUrl":"https://shop.example/a.mp4","previewImageUrl":"https://shop.example/b.jpg","trackingId":"あ"}`, "messages[0].trackingId", invalidProperty)
	f(`{"type":"audio","originalContentUrl":"https://shop.example/a.m4a","duration":0}`, "messages[0].duration", "must be between")
	f(`{"type":"location","title":"a","address":"b","latitude":91,"longitude":0}`, "messages[0].latitude", "must be between")
	f(`{"type":"coupon","couponId":"c","deliveryTag":"a-b"}`, "messages[0].deliveryTag", invalidProperty)

	f(`{"type":"textV2","text":"{hello}"}`, "text", "is not in substitution")
	f(`{"type":"textV2","text":"{!owe}"}`, "text", "The key '!owe' enclosed in '{}' does not match")
	f(`{"type":"textV2","text":"a}"}`, "text", "no matching")
	f(`{"type":"textV2","text":"{a"}`, "text", "no matching")
	f(`{"type":"textV2","text":"{a}","substitution":{"a":{"type":"mention","mentionee":{"type":"all"}}}}`, "substitution.a", "only in group chats")
	f(`{"type":"textV2","text":"{a}","substitution":{"a":{"type":"flag"}}}`, "substitution.a.type", "mention, emoji")
	f(`{"type":"text","text":"a","quickReply":{"items":[{"action":{"type":"message","text":"a"}}]}}`, "quickReply/items/0/action/label", "must be specified")
	f(`{"type":"text","text":"a","sender":{"iconUrl":"http://shop.example/i.png"}}`, "sender/iconUrl", invalidScheme)
	f(`{"type":"imagemap","baseUrl":"https://shop.example/m","altText":"a","baseSize":{"width":1040,"height":1},"actions":[{"type":"message","text":"a"}]}`, "/actions/0/area", "must be specified")

	r := newChannel(t, Config{}).call("POST", "message/validate/push", `{"messages":[{"type":"text","text":"a"},{"type":"flex","altText":"a","contents":{"type":"bubble","size":"x"}}]}`)
	r.want(t, 400, "A message (messages[1])\u00a0in the request body is invalid")
}

func TestInvalidTemplates(t *testing.T) {
	t.Parallel()
	template := func(inner, property, text string) {
		t.Helper()
		wantFault(t, `{"type":"template","altText":"a","template":`+inner+`}`, property, text)
	}
	buttons := func(action, property, text string) {
		t.Helper()
		template(`{"type":"buttons","text":"a","actions":[`+action+`]}`, property, text)
	}
	template(`{"type":"menu"}`, "template/type", "Must be one of")
	template(`{"type":"buttons","text":"a","actions":[]}`, "template/actions", "size must be between 1 and 4")
	template(`{"type":"confirm","text":"a","actions":[`+say+`]}`, "template/actions", "size must be between 2 and 2")
	template(`{"type":"carousel","columns":[{"text":"a","actions":[`+say+`]},{"text":"a","actions":[`+say+`,`+say+`]}]}`, "template/columns/1/actions", "the same in all columns")
	template(`{"type":"carousel","columns":[{"text":"a","title":"t","actions":[`+say+`]},{"text":"a","actions":[`+say+`]}]}`, "template/columns/1/title", "in all columns or in none")
	template(`{"type":"image_carousel","columns":[{"imageUrl":"https://shop.example/1.jpg"}]}`, "template/columns/0/action", "must be specified")
	buttons(`{"type":"uri","label":"a","uri":"ftp://shop.example/"}`, "template/actions/0/uri", invalidScheme)
	buttons(`{"type":"uri","label":"a","uri":"https://shop.example/縁"}`, "template/actions/0/uri", invalidURI)
	buttons(`{"type":"uri","label":"a","uri":"https://"}`, "template/actions/0/uri", invalidURI)
	buttons(`{"type":"uri","label":"a","uri":"/cart"}`, "template/actions/0/uri", invalidScheme)
	buttons(`{"type":"uri","label":"a"}`, "template/actions/0/uri", "must be specified")
	buttons(`{"type":"uri","uri":"https://shop.example/"}`, "template/actions/0/label", "must be specified")
	buttons(`{"type":"camera","label":"a"}`, "template/actions/0/type", "only in quick replies")
	buttons(`{"type":"richmenuswitch","label":"a","richMenuAliasId":"b","data":"c"}`, "template/actions/0/type", invalidProperty)
	buttons(`{"type":"postback","label":"a","data":"b","displayText":"c","text":"d"}`, "template/actions/0/text", "together")
	buttons(`{"type":"datetimepicker","label":"a","data":"b","mode":"year"}`, "template/actions/0/mode", "date, time, datetime")
	buttons(`{"type":"clipboard","label":"a"}`, "template/actions/0/clipboardText", "must be specified")

}

func TestInvalidFlex(t *testing.T) {
	t.Parallel()
	flex := func(inner, property, text string) {
		t.Helper()
		wantFault(t, `{"type":"flex","altText":"a","contents":`+inner+`}`, property, text)
	}
	box := func(component, property, text string) {
		t.Helper()
		flex(`{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[`+component+`]}}`, property, text)
	}
	wantFault(t, `{"type":"flex","altText":"","contents":{"type":"bubble"}}`, "messages[0].altText", mayNotBeEmpty)
	wantFault(t, `{"type":"flex","altText":"a"}`, "messages[0].contents", mayNotBeEmpty)
	flex(`{"type":"box"}`, "/type", invalidProperty)
	flex(`{"type":"bubble","size":"huge"}`, "/size", "Must be one of")
	flex(`{"type":"bubble","colour":"red"}`, "/colour", unknownField)
	flex(`{"type":"bubble","hero":{"type":"text","text":"a"}}`, "/hero/type", invalidProperty)
	flex(`{"type":"bubble","styles":{"body":{"backgroundColor":"red"}}}`, "/styles/body/backgroundColor", invalidProperty)
	flex(`{"type":"carousel","contents":[{"type":"bubble"},{"type":"bubble","size":"nano"}]}`, "/contents/1/size", "the same size")
	flex(`{"type":"carousel","contents":[{"type":"carousel","contents":[]}]}`, "/contents/0/type", invalidProperty)
	box(`{"type":"text","text":""}`, "/body/contents/0/text", "must be non-empty text")
	box(`{"type":"text"}`, "/body/contents/0/text", "must be specified")
	box(`{"type":"text","text":"a","style":"underline"}`, "/body/contents/0/style", "Must be one of")
	box(`{"type":"text","text":"a","size":"huge"}`, "/body/contents/0/size", invalidProperty)
	box(`{"type":"text","text":"a","bold":true}`, "/body/contents/0/bold", unknownField)
	box(`{"type":"icon","url":"https://shop.example/i.png"}`, "/body/contents/0/type", invalidProperty)
	box(`{"type":"image","url":"http://shop.example/i.png"}`, "/body/contents/0/url", invalidScheme)
	box(`{"type":"image","url":"https://shop.example/i.png","aspectRatio":"1:4"}`, "/body/contents/0/aspectRatio", invalidProperty)
	box(`{"type":"image","url":"https://shop.example/i.png","aspectMode":"fill"}`, "/body/contents/0/aspectMode", "Must be one of")
	box(`{"type":"button","style":"primary"}`, "/body/contents/0/action", "must be specified")
	box(`{"type":"button","action":{"type":"uri","uri":"https://shop.example/"}}`, "/body/contents/0/action/label", "must be specified")
	box(`{"type":"box","contents":[]}`, "/body/contents/0/layout", "must be specified")
	box(`{"type":"box","layout":"baseline","contents":[{"type":"button"}]}`, "/body/contents/0/contents/0/type", invalidProperty)
}

const (
	apiFile  = "messaging-api.yml"
	hookFile = "webhook.yml"
)

// schemas returns a check of JSON against LINE's own schemas; it skips the test
// where no copy of line/line-openapi is at hand.
func schemas(t *testing.T) func(file, schema, text string) {
	t.Helper()
	dir := os.Getenv("ENISHI_LINE_OPENAPI")
	if dir == "" {
		t.Skip("ENISHI_LINE_OPENAPI names no folder with messaging-api.yml and webhook.yml of line/line-openapi")
	}
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{apiFile, hookFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("https://line.example/"+name, plain); err != nil {
			t.Fatal(err)
		}
	}
	return func(file, schema, text string) {
		t.Helper()
		s, err := compiler.Compile("https://line.example/" + file + "#/components/schemas/" + schema)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := s.Validate(value); err != nil {
			t.Errorf("%s %s: %v", schema, text, err)
		}
	}
}

// TestOpenAPI holds samples, answers and webhooks against the schemas.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	match := schemas(t)
	names := map[string]string{"text": "TextMessage", "textV2": "TextMessageV2", "sticker": "StickerMessage", "image": "ImageMessage",
		"video": "VideoMessage", "audio": "AudioMessage", "location": "LocationMessage", "imagemap": "ImagemapMessage",
		"template": "TemplateMessage", "flex": "FlexMessage", "coupon": "CouponMessage"}
	for _, m := range samples() {
		var o object
		if err := json.Unmarshal([]byte(m), &o); err != nil {
			t.Fatal(err)
		}
		match(apiFile, names[kind(o)], m)
	}

	c := newChannel(t, Config{MonthlyQuota: 5})
	hooks := c.record()
	u := c.friend("hanako")
	match(apiFile, "PushMessageResponse", c.push(u, hello, "X-Line-Retry-Key: "+key1).raw)
	match(apiFile, "ErrorResponse", c.push(u, hello, "X-Line-Retry-Key: "+key1).raw)
	match(apiFile, "ErrorResponse", c.push(u, `[{"type":"text"}]`).raw)
	match(apiFile, "MessageQuotaResponse", c.call("GET", "message/quota", "").raw)
	match(apiFile, "QuotaConsumptionResponse", c.call("GET", "message/quota/consumption", "").raw)
	match(apiFile, "UserProfileResponse", c.call("GET", "profile/"+u, "").raw)
	match(apiFile, "GetFollowersResponse", c.call("GET", "followers/ids", "").raw)
	match(apiFile, "BotInfoResponse", c.call("GET", "info", "").raw)
	match(apiFile, "GetAggregationUnitUsageResponse", c.call("GET", "message/aggregation/info", "").raw)
	match(apiFile, "GetAggregationUnitNameListResponse", c.call("GET", "message/aggregation/list", "").raw)
	token := c.call("POST", "user/"+u+"/linkToken", "").raw
	match(apiFile, "IssueLinkTokenResponse", token)

	var link struct{ LinkToken string }
	if err := json.Unmarshal([]byte(token), &link); err != nil {
		t.Fatal(err)
	}
	must(t)(c.Say(u, "hi"))
	must(t)(c.Tap(u, "buy"))
	must(t)(c.Block(u))
	must(t)(c.Unblock(u))
	c.LinkAccount(link.LinkToken, "0123456789")
	c.flush()
	types := map[string]string{"follow": "FollowEvent", "unfollow": "UnfollowEvent", "message": "MessageEvent", "postback": "PostbackEvent", "accountLink": "AccountLinkEvent"}
	if len(hooks.all()) != 6 {
		t.Fatalf("%d webhooks", len(hooks.all()))
	}
	for _, body := range hooks.all() {
		match(hookFile, "CallbackRequest", body)
		var w struct{ Events []json.RawMessage }
		if err := json.Unmarshal([]byte(body), &w); err != nil {
			t.Fatal(err)
		}
		var o object
		if err := json.Unmarshal(w.Events[0], &o); err != nil {
			t.Fatal(err)
		}
		match(hookFile, types[kind(o)], string(w.Events[0]))
		if kind(o) == "message" {
			match(hookFile, "TextMessageContent", string(o["message"]))
		}
	}
}
