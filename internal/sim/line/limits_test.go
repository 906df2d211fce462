package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// rule tries something n times, long or late and says whether LINE allows it.
type rule struct {
	field string // of Limits
	try   func(t *testing.T, l Limits, n int) bool
	// step leads from the limit to the first refused value; 1 (or a second) unless set.
	step int
}

// TestEveryLimit proves of each field of Limits that its documented value is
// allowed, that the next one is refused, and that it is this field which
// refuses it: with the field set to the tried value the answer turns.
func TestEveryLimit(t *testing.T) {
	t.Parallel()
	rules := slices.Concat(requestRules(), messageRules(), templateRules(), timeRules(), accountRules())
	covered := map[string]bool{}
	for _, r := range rules {
		covered[r.field] = true
		t.Run(r.field, func(t *testing.T) {
			t.Parallel()
			documented := Documented()
			at := int(reflect.ValueOf(documented).FieldByName(r.field).Int())
			step := r.step
			if step == 0 {
				step = 1
				if reflect.ValueOf(documented).FieldByName(r.field).Type() == reflect.TypeFor[time.Duration]() {
					step = int(time.Second)
				}
			}
			if !r.try(t, documented, at) {
				t.Errorf("%d is refused", at)
			}
			if r.try(t, documented, at+step) {
				t.Errorf("%d is allowed", at+step)
			}
			lifted := documented
			reflect.ValueOf(&lifted).Elem().FieldByName(r.field).SetInt(int64(at + step))
			if !r.try(t, lifted, at+step) {
				t.Errorf("%d is refused by something else", at+step)
			}
		})
	}
	for f := range reflect.TypeFor[Limits]().Fields() {
		if !covered[f.Name] {
			t.Errorf("no rule tries %s", f.Name)
		}
	}
}

// valid tries message objects at an endpoint that only checks them.
func valid(t *testing.T, l Limits, messages string) bool {
	t.Helper()
	r := newChannel(t, Config{Limits: l}).call("POST", "message/validate/push", `{"messages":`+messages+`}`)
	if r.status != 200 && (r.status != 400 || len(r.Details) == 0) {
		t.Fatalf("%d %s", r.status, r.raw)
	}
	return r.status == 200
}

// message makes a rule of a message object with %s for a text of n characters
// or a list of n elements.
func message(field, format string, part func(n int) string) rule {
	return rule{field: field, try: func(t *testing.T, l Limits, n int) bool {
		return valid(t, l, "["+strings.Replace(format, "%s", part(n), 1)+"]")
	}}
}

func chars(n int) string { return strings.Repeat("縁", n) }

func letters(n int) string { return strings.Repeat("a", n) }

// urlOf is an address of exactly n characters.
func urlOf(n int) string {
	const head = "https://shop.example/"
	return head + strings.Repeat("a", n-len(head))
}

func repeat(element string) func(n int) string {
	return func(n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
}

func requestRules() []rule {
	burst := func(method, path, body string) func(*testing.T, Limits, int) bool {
		return func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l, Keep: 1})
			for range n {
				if r := c.call(method, path, body); r.status == 429 {
					return false
				}
			}
			return true
		}
	}
	user := New(Config{}).UserID("hanako")
	to := repeat(`"` + user + `"`)
	return []rule{
		{field: "BodyBytes", try: func(t *testing.T, l Limits, n int) bool {
			body := `{"messages":` + hello + `}`
			r := newChannel(t, Config{Limits: l}).call("POST", "message/validate/push", body+strings.Repeat(" ", n-len(body)))
			if r.status != 200 {
				r.want(t, 413, "Payload Too Large")
			}
			return r.status == 200
		}},
		{field: "Messages", try: func(t *testing.T, l Limits, n int) bool {
			return valid(t, l, "["+repeat(`{"type":"text","text":"a"}`)(n)+"]")
		}},
		{field: "Recipients", try: func(t *testing.T, l Limits, n int) bool {
			r := newChannel(t, Config{Limits: l}).call("POST", "message/multicast", `{"to":[`+to(n)+`],"messages":`+hello+`}`)
			return r.status == 200
		}},
		{field: "PushPerSecond", try: burst("POST", "message/push", `{"to":"`+user+`","messages":`+hello+`}`)},
		{field: "MulticastPerSecond", try: burst("POST", "message/multicast", `{"to":["`+user+`"],"messages":`+hello+`}`)},
		{field: "OtherPerSecond", try: burst("GET", "message/quota", "")},
		{field: "FollowersPage", try: func(t *testing.T, l Limits, n int) bool {
			return newChannel(t, Config{Limits: l}).call("GET", fmt.Sprintf("followers/ids?limit=%d", n), "").status == 200
		}},
		{field: "AggregationUnits", try: func(t *testing.T, l Limits, n int) bool {
			return sendUnits(newChannel(t, Config{Limits: l}), repeat(`"a"`)(n)).status == 200
		}},
		{field: "UnitName", try: func(t *testing.T, l Limits, n int) bool {
			return sendUnits(newChannel(t, Config{Limits: l}), `"`+letters(n)+`"`).status == 200
		}},
		{field: "InsightPerHour", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			for i := range n {
				c.clock.add(time.Second) // not a rate of seconds
				if r := c.call("GET", "insight/message/event/aggregation?customAggregationUnit=a&from=20261120&to=20261120", ""); r.status == 429 {
					return false
				} else if r.status != 200 {
					t.Fatal(i, r.raw)
				}
			}
			return true
		}},
		// Read the other way round: as many people as the limit are told, one less is null.
		{field: "InsightLeast", step: -1, try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			for i := range n {
				u := c.friend(fmt.Sprint("u", i))
				c.call("POST", "message/push", fmt.Sprintf(`{"to":%q,"messages":%s,"customAggregationUnits":["a"]}`, u, hello))
				c.Look(u, true)
			}
			r := c.call("GET", "insight/message/event/aggregation?customAggregationUnit=a&from=20261120&to=20261120", "")
			told := strings.Contains(r.raw, fmt.Sprintf(`"uniqueClick":%d,"uniqueImpression":%d`, n, n))
			if !told && !strings.Contains(r.raw, `"uniqueClick":null,"uniqueImpression":null`) {
				t.Fatal(r.raw)
			}
			return told
		}},
		{field: "InsightDays", try: func(t *testing.T, l Limits, n int) bool {
			to := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n)
			return newChannel(t, Config{Limits: l}).call("GET", "insight/message/event/aggregation?customAggregationUnit=a&from=20261101&to="+to.Format(dayForm), "").status == 200
		}},
		// The 1,001st name is sent, but not assigned.
		{field: "UnitsPerMonth", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l, Keep: 1})
			for i := range n {
				if r := sendUnits(c, fmt.Sprintf(`"unit%d"`, i)); r.status != 200 {
					t.Fatal(r.raw)
				}
			}
			return c.Sent()[0].Unit != ""
		}},
	}
}

func sendUnits(c *channel, units string) reply {
	return c.call("POST", "message/push", fmt.Sprintf(`{"to":%q,"messages":%s,"customAggregationUnits":[%s]}`, c.UserID("hanako"), hello, units))
}

func messageRules() []rule {
	substitution := func(n int, key func(i int) string, object string) string {
		subs := make([]string, n)
		for i := range subs {
			subs[i] = fmt.Sprintf("%q:%s", key(i), object)
		}
		return strings.Join(subs, ",")
	}
	number := func(i int) string { return fmt.Sprintf("k%d", i) }
	const (
		emoji   = `{"type":"emoji","productId":"5ac1bfd5040ab15980c9b435","emojiId":"001"}`
		mention = `{"type":"mention","mentionee":{"type":"all"}}`
		image   = `"originalContentUrl":"https://shop.example/a.jpg","previewImageUrl":"https://shop.example/a.jpg"`
		area    = `"area":{"x":0,"y":0,"width":1,"height":1}`
		mapHead = `{"type":"imagemap","baseUrl":"https://shop.example/m","altText":"a","baseSize":{"width":1040,"height":1040},`
		mapOne  = `"actions":[{"type":"message","text":"a",` + area + `}]`
	)
	return []rule{
		message("Text", `{"type":"text","text":"%s"}`, chars),
		message("TextEmojis", `{"type":"text","text":"$","emojis":[%s]}`, repeat(`{"index":0,"productId":"5ac1bfd5040ab15980c9b435","emojiId":"001"}`)),
		// 20 of each kind are allowed, so 101 keys need both other limits lifted.
		{field: "Substitutions", try: func(t *testing.T, l Limits, n int) bool {
			l.SubstitutedEmojis = 1000
			return valid(t, l, `[{"type":"textV2","text":"a","substitution":{`+substitution(n, number, emoji)+`}}]`)
		}},
		message("SubstitutionKey", `{"type":"textV2","text":"a","substitution":{%s}}`, func(n int) string {
			return substitution(1, func(int) string { return letters(n) }, emoji)
		}),
		message("SubstitutedEmojis", `{"type":"textV2","text":"a","substitution":{%s}}`, func(n int) string { return substitution(n, number, emoji) }),
		message("Mentions", `{"type":"textV2","text":"a","substitution":{%s}}`, func(n int) string { return substitution(n, number, mention) }),
		message("MediaURL", `{"type":"image","originalContentUrl":"%s","previewImageUrl":"https://shop.example/a.jpg"}`, urlOf),
		message("TrackingID", `{"type":"video","trackingId":"%s",`+image+`}`, letters),
		message("LocationText", `{"type":"location","title":"a","address":"%s","latitude":35.6,"longitude":139.7}`, chars),
		message("AltText", `{"type":"template","altText":"%s","template":{"type":"confirm","text":"a","actions":[`+repeat(say)(2)+`]}}`, chars),
		message("DeliveryTag", `{"type":"coupon","couponId":"01JYNW8JMQVFBNWF1APF8Z3FS7","deliveryTag":"%s"}`, letters),
		message("QuickReplies", `{"type":"text","text":"a","quickReply":{"items":[%s]}}`, repeat(`{"type":"action","action":{"type":"camera","label":"撮影"}}`)),
		message("SenderName", `{"type":"text","text":"a","sender":{"name":"%s"}}`, chars),
		message("ImagemapWidth", `{"type":"imagemap","baseUrl":"https://shop.example/m","altText":"a","baseSize":{"width":%s,"height":1040},`+mapOne+`}`,
			func(n int) string { return fmt.Sprint(n) }),
		message("ImagemapActions", mapHead+`"actions":[%s]}`, repeat(`{"type":"message","text":"a",`+area+`}`)),
		message("ImagemapText", mapHead+`"actions":[{"type":"message","text":"%s",`+area+`}]}`, chars),
		message("ImagemapLabel", mapHead+`"actions":[{"type":"message","text":"a","label":"%s",`+area+`}]}`, chars),
		message("ImagemapLinkLabel", mapHead+mapOne+`,"video":{`+image+`,`+area+`,"externalLink":{"linkUri":"https://shop.example/","label":"%s"}}}`, chars),
	}
}

const say = `{"type":"message","label":"はい","text":"はい"}`

func templateRules() []rule {
	template := func(field, format string, part func(int) string) rule {
		return message(field, `{"type":"template","altText":"a","template":`+format+`}`, part)
	}
	quick := func(field, action string, part func(int) string) rule {
		return message(field, `{"type":"text","text":"a","quickReply":{"items":[{"type":"action","action":`+action+`}]}}`, part)
	}
	flex := func(field, contents string, part func(int) string) rule {
		return message(field, `{"type":"flex","altText":"a","contents":`+contents+`}`, part)
	}
	const (
		bubble = `{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[{"type":"text","text":"a"}]}}`
		head   = `{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[{"type":"text","text":"`
		tail   = `"}]}}`
	)
	sized := func(n int) string { return head + strings.Repeat("a", n-len(head)-len(tail)) + tail }
	return []rule{
		template("Title", `{"type":"buttons","title":"%s","text":"a","actions":[`+say+`]}`, chars),
		template("ButtonsText", `{"type":"buttons","text":"%s","actions":[`+say+`]}`, chars),
		template("ButtonsTextShort", `{"type":"buttons","title":"a","text":"%s","actions":[`+say+`]}`, chars),
		template("ButtonsActions", `{"type":"buttons","text":"a","actions":[%s]}`, repeat(say)),
		template("ConfirmText", `{"type":"confirm","text":"%s","actions":[`+say+`,`+say+`]}`, chars),
		template("ConfirmActions", `{"type":"confirm","text":"a","actions":[%s]}`, repeat(say)),
		template("Columns", `{"type":"carousel","columns":[%s]}`, repeat(`{"text":"a","actions":[`+say+`]}`)),
		template("ColumnText", `{"type":"carousel","columns":[{"text":"%s","actions":[`+say+`]}]}`, chars),
		template("ColumnTextShort", `{"type":"carousel","columns":[{"thumbnailImageUrl":"https://shop.example/a.jpg","text":"%s","actions":[`+say+`]}]}`, chars),
		template("ColumnActions", `{"type":"carousel","columns":[{"text":"a","actions":[%s]}]}`, repeat(say)),
		template("ActionLabel", `{"type":"buttons","text":"a","actions":[{"type":"message","label":"%s","text":"a"}]}`, chars),
		template("ImageCarouselLabel", `{"type":"image_carousel","columns":[{"imageUrl":"https://shop.example/a.jpg","action":{"type":"message","label":"%s","text":"a"}}]}`, chars),
		flex("FlexLabel", `{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[{"type":"button","action":{"type":"message","label":"%s","text":"a"}}]}}`, chars),
		quick("ActionURI", `{"type":"uri","label":"a","uri":"%s"}`, urlOf),
		quick("PostbackData", `{"type":"postback","label":"a","data":"%s"}`, chars),
		quick("ActionText", `{"type":"message","label":"a","text":"%s"}`, chars),
		quick("ClipboardText", `{"type":"clipboard","label":"a","clipboardText":"%s"}`, chars),
		flex("BubbleBytes", `%s`, sized),
		flex("CarouselBytes", `%s`, func(n int) string {
			const around = len(`{"type":"carousel","contents":[,]}`)
			half := (n - around) / 2
			return `{"type":"carousel","contents":[` + sized(half) + `,` + sized(n-around-half) + `]}`
		}),
		flex("Bubbles", `{"type":"carousel","contents":[%s]}`, repeat(bubble)),
		flex("AnimatedImages", `{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[%s]}}`,
			repeat(`{"type":"image","url":"https://shop.example/a.png","animated":true}`)),
	}
}

// timeRules have n in nanoseconds.
func timeRules() []rule {
	link := func(t *testing.T, l Limits, age time.Duration, nonce string) bool {
		c := newChannel(t, Config{Limits: l})
		var token struct{ LinkToken string }
		if err := json.Unmarshal([]byte(c.call("POST", "user/"+c.friend("hanako")+"/linkToken", "").raw), &token); err != nil {
			t.Fatal(err)
		}
		c.clock.add(age)
		_, linked := c.LinkAccount(token.LinkToken, nonce)
		return linked
	}
	const nonce = "0123456789abcdef"
	return []rule{
		{field: "RetryKeyFor", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			u := c.friend("hanako")
			c.push(u, hello, "X-Line-Retry-Key: "+key1)
			c.clock.add(time.Duration(n))
			r := c.push(u, hello, "X-Line-Retry-Key: "+key1)
			if delivered := c.ReceivedCount(u) == 2; delivered != (r.status == 200) {
				t.Errorf("%d with %d deliveries", r.status, c.ReceivedCount(u))
			}
			return r.status == 409
		}},
		{field: "ReplyWithin", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			return replyAt(t, c, 0, time.Duration(n))
		}},
		{field: "ReplyAfterEvent", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			return replyAt(t, c, time.Duration(n)-30*time.Second, time.Duration(n))
		}},
		{field: "LinkTokenFor", try: func(t *testing.T, l Limits, n int) bool { return link(t, l, time.Duration(n), nonce) }},
		{field: "IDTokenFor", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			token, err := c.IDToken(c.UserID("hanako"), "1650000000")
			if err != nil {
				t.Fatal(err)
			}
			c.clock.add(time.Duration(n))
			verify := func(token, channel string) int {
				r := httptest.NewRequest("POST", "/oauth2/v2.1/verify", strings.NewReader(url.Values{"id_token": {token}, "client_id": {channel}}.Encode()))
				w := httptest.NewRecorder()
				c.ServeHTTP(w, r)
				return w.Code
			}
			if verify(token, "1650000001") != 400 || verify("x", "1650000000") != 400 || verify("", "") != 400 {
				t.Error("a token is verified for another channel, or one that is none")
			}
			return verify(token, "1650000000") == 200
		}},
		{field: "LinkNonceMin", step: -1, try: func(t *testing.T, l Limits, n int) bool { return link(t, l, 0, letters(n)) }},
		{field: "LinkNonceMax", try: func(t *testing.T, l Limits, n int) bool { return link(t, l, 0, letters(n)) }},
		{field: "NonFriendFor", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			u := c.UserID("guest")
			if _, err := c.Say(u, "在庫はありますか"); err != nil {
				t.Fatal(err)
			}
			c.clock.add(time.Duration(n))
			if r := c.push(u, hello); r.status != 200 {
				t.Fatal(r.raw)
			}
			return c.ReceivedCount(u) == 1
		}},
		{field: "WebhookAnswer", try: func(t *testing.T, l Limits, n int) bool {
			var given time.Duration
			c := newChannel(t, Config{Limits: l, Webhook: func(ctx context.Context, _ []byte, _ string) (int, error) {
				deadline, _ := ctx.Deadline()
				given = time.Until(deadline)
				return 200, nil
			}})
			c.friend("hanako")
			c.flush()
			return given > time.Duration(n)-500*time.Millisecond
		}},
	}
}

// replyAt replies to a message whose webhook was first taken at one time and
// says whether the token was still good at another, both since the event.
func replyAt(t *testing.T, c *channel, taken, replied time.Duration) bool {
	t.Helper()
	up := taken == 0
	var token string
	c.cfg.Webhook = func(_ context.Context, body []byte, _ string) (int, error) {
		if !up {
			return 0, errors.New("down")
		}
		var hook struct{ Events []struct{ ReplyToken string } }
		if err := json.Unmarshal(body, &hook); err != nil {
			t.Error(err)
		}
		token = hook.Events[0].ReplyToken
		return 200, nil
	}
	u := c.UserID("hanako")
	if _, err := c.Say(u, "a"); err != nil {
		t.Fatal(err)
	}
	if !up {
		if c.Flush(t.Context()) == nil {
			t.Error("a failed webhook is forgotten")
		}
		up = true
	}
	c.clock.add(taken)
	c.flush()
	c.clock.add(replied - taken)
	r := c.call("POST", "message/reply", fmt.Sprintf(`{"replyToken":%q,"messages":%s}`, token, hello))
	if r.status == 200 {
		again := c.call("POST", "message/reply", fmt.Sprintf(`{"replyToken":%q,"messages":%s}`, token, hello))
		again.want(t, 400, "Invalid reply token")
		if c.ReceivedCount(u) != 1 || c.usage != 0 {
			t.Errorf("%d messages, usage %d; a reply is delivered once and free", c.ReceivedCount(u), c.usage)
		}
	} else {
		r.want(t, 400, "Invalid reply token")
	}
	return r.status == 200
}
