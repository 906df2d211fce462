package line

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"
	"time"
)

const menuForm = `{"size":{"width":2500,"height":1686},"selected":true,"name":%q,"chatBarText":%q,"areas":[%s]}`

const menuArea = `{"bounds":{"x":0,"y":0,"width":10,"height":10},"action":{"type":"uri","label":"a","uri":"https://shop.example/"}}`

func menuOf(name, bar string, areas int) string {
	return fmt.Sprintf(menuForm, name, bar, repeat(menuArea)(areas))
}

// menu makes a rich menu with a picture and gives its id.
func (c *channel) menu(name string) string {
	c.t.Helper()
	var made struct{ RichMenuID string }
	r := c.call("POST", "richmenu", menuOf(name, "メニュー", 1))
	if err := json.Unmarshal([]byte(r.raw), &made); err != nil || r.status != 200 {
		c.t.Fatal(r.raw)
	}
	if r := c.call("POST", "richmenu/"+made.RichMenuID+"/content", "png", "Content-Type: image/png"); r.status != 200 {
		c.t.Fatal(r.raw)
	}
	return made.RichMenuID
}

func couponOf(title, description string) string {
	return fmt.Sprintf(`{"title":%q,"description":%q,"startTimestamp":1,"endTimestamp":2,"maxUseCountPerTicket":1,"timezone":"ASIA_TOKYO","visibility":"UNLISTED","acquisitionCondition":{"type":"normal"}}`, title, description)
}

// audience makes an audience of n friends and gives its id.
func (c *channel) audienceOf(n int) int64 {
	c.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(`{"id":%q}`, c.friend(fmt.Sprint("a", i)))
	}
	var made struct{ AudienceGroupID int64 }
	r := c.call("POST", "audienceGroup/upload", `{"description":"a","audiences":[`+strings.Join(ids, ",")+`]}`)
	if err := json.Unmarshal([]byte(r.raw), &made); err != nil || r.status != 202 {
		c.t.Fatal(r.raw)
	}
	return made.AudienceGroupID
}

// narrow sends to an audience and gives how that ended.
func (c *channel) narrow(id int64, limit string) string {
	c.t.Helper()
	r := c.call("POST", "message/narrowcast", fmt.Sprintf(`{"messages":%s,"recipient":{"type":"audience","audienceGroupId":%d}%s}`, hello, id, limit))
	if r.status != 202 {
		c.t.Fatal(r.raw)
	}
	var p struct {
		Phase     string
		ErrorCode int
	}
	for _, want := range []string{"waiting", "sending", "failed succeeded"} {
		got := c.call("GET", "message/progress/narrowcast?requestId="+r.header.Get("X-Line-Request-Id"), "")
		if err := json.Unmarshal([]byte(got.raw), &p); err != nil || !strings.Contains(want, p.Phase) {
			c.t.Fatal(got.raw)
		}
	}
	return fmt.Sprint(p.Phase, p.ErrorCode)
}

// accountRules are the limits of rich menus, coupons, audiences, narrowcasts and notification messages.
func accountRules() []rule {
	status := func(want int, f func(c *channel, n int) reply) func(*testing.T, Limits, int) bool {
		return func(t *testing.T, l Limits, n int) bool { return f(newChannel(t, Config{Limits: l}), n).status == want }
	}
	rate := func(pause time.Duration, f func(c *channel) reply) func(*testing.T, Limits, int) bool {
		return func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l, Keep: 1})
			for range n {
				c.clock.add(pause)
				if r := f(c); r.status == 429 {
					return false
				}
			}
			return true
		}
	}
	return []rule{
		{field: "RichMenusPerHour", try: rate(time.Second, func(c *channel) reply { return c.call("DELETE", "richmenu/x", "") })},
		{field: "RichMenuBatchesPerHour", try: rate(time.Minute, func(c *channel) reply {
			return c.call("POST", "richmenu/batch", `{"operations":[{"type":"unlinkAll"}]}`)
		})},
		{field: "RichMenus", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			for range n {
				c.clock.add(time.Minute)
				if r := c.call("POST", "richmenu", menuOf("a", "a", 0)); r.status != 200 {
					return false
				}
			}
			return true
		}},
		{field: "RichMenuName", try: status(200, func(c *channel, n int) reply { return c.call("POST", "richmenu", menuOf(chars(n), "a", 0)) })},
		{field: "RichMenuBar", try: status(200, func(c *channel, n int) reply { return c.call("POST", "richmenu", menuOf("a", chars(n), 0)) })},
		{field: "RichMenuAreas", try: status(200, func(c *channel, n int) reply { return c.call("POST", "richmenu", menuOf("a", "a", n)) })},
		{field: "RichMenuImage", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			id := strings.Split(c.call("POST", "richmenu", menuOf("a", "a", 0)).raw, `"`)[3]
			return c.call("POST", "richmenu/"+id+"/content", letters(n), "Content-Type: image/png").status == 200
		}},
		{field: "RichMenuUsers", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			return c.call("POST", "richmenu/bulk/link", fmt.Sprintf(`{"richMenuId":%q,"userIds":[%s]}`, c.menu("a"), repeat(`"`+c.friend("u")+`"`)(n))).status == 202
		}},
		{field: "CouponTitle", try: status(200, func(c *channel, n int) reply { return c.call("POST", "coupon", couponOf(chars(n), "")) })},
		{field: "CouponDescription", try: status(200, func(c *channel, n int) reply { return c.call("POST", "coupon", couponOf("a", chars(n))) })},
		{field: "AudiencesPerMinute", try: rate(time.Millisecond, func(c *channel) reply { return c.call("GET", "audienceGroup/1", "") })},
		{field: "Audiences", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			for range n {
				c.clock.add(time.Second)
				if r := c.call("POST", "audienceGroup/upload", `{"description":"a","audiences":[]}`); r.status != 202 {
					return false
				}
			}
			return true
		}},
		{field: "AudienceName", try: status(202, func(c *channel, n int) reply {
			return c.call("POST", "audienceGroup/upload", `{"description":"`+chars(n)+`","audiences":[]}`)
		})},
		{field: "AudienceUsers", try: status(202, func(c *channel, n int) reply {
			return c.call("POST", "audienceGroup/upload", `{"description":"a","audiences":[`+repeat(`{"id":"`+c.UserID("u")+`"}`)(n)+`]}`)
		})},
		{field: "AudienceFile", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			_ = w.WriteField("description", "a")
			f, _ := w.CreateFormFile("file", "a.txt")
			_, _ = f.Write(bytes.Repeat([]byte(c.UserID("u")+"\n"), n))
			_ = w.Close()
			return c.call("POST", "audienceGroup/upload/byFile", b.String(), "Content-Type: "+w.FormDataContentType()).status == 202
		}},
		{field: "AudiencesPage", try: status(200, func(c *channel, n int) reply {
			return c.call("GET", fmt.Sprint("audienceGroup/list?page=1&size=", n), "")
		})},
		{field: "AudienceKept", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			c.call("POST", "audienceGroup/upload", `{"description":"a","audiences":[]}`)
			c.clock.add(time.Duration(n) - time.Second)
			return c.call("PUT", "audienceGroup/upload", `{"audienceGroupId":4389303728991,"audiences":[]}`).status == 202
		}},
		{field: "NarrowcastsPerHour", try: rate(time.Second, func(c *channel) reply { return c.call("POST", "message/narrowcast", `{"messages":`+hello+`}`) })},
		{field: "NarrowcastAudiences", try: status(202, func(c *channel, n int) reply {
			return c.call("POST", "message/narrowcast", `{"messages":`+hello+`,"recipient":{"type":"operator","or":[`+repeat(`{"type":"audience","audienceGroupId":1}`)(n)+`]}}`)
		})},
		// Read the other way round: one person less is too few.
		{field: "NarrowcastLeast", step: -1, try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			got := c.narrow(c.audienceOf(n), "")
			if got != "succeeded0" && got != "failed4" {
				t.Fatal(got)
			}
			return got == "succeeded0"
		}},
		{field: "NarrowcastKept", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			id := c.call("POST", "message/narrowcast", `{"messages":`+hello+`}`).header.Get("X-Line-Request-Id")
			c.clock.add(time.Duration(n))
			return c.call("GET", "message/progress/narrowcast?requestId="+id, "").status == 200
		}},
		{field: "NoticeHeld", try: func(t *testing.T, l Limits, n int) bool {
			c := newChannel(t, Config{Limits: l})
			hash, u := strings.Repeat("0", 64), c.UserID("hanako")
			c.RegisterUnverified(u, hash)
			if r := c.call("POST", "/bot/pnp/push", fmt.Sprintf(`{"to":%q,"messages":%s}`, hash, hello)); r.status != 200 || len(c.Received(u)) != 0 {
				t.Fatal(r.raw, c.Received(u))
			}
			c.clock.add(time.Duration(n))
			c.Verify(hash)
			return len(c.Received(u)) == 1
		}},
		{field: "DeliveryTagMax", try: func(t *testing.T, l Limits, n int) bool { return notified(t, l, n) }},
		{field: "DeliveryTagMin", step: -1, try: func(t *testing.T, l Limits, n int) bool { return notified(t, l, n) }},
	}
}

func notified(t *testing.T, l Limits, tag int) bool {
	c := newChannel(t, Config{Limits: l})
	hash := strings.Repeat("0", 64)
	c.Register(c.UserID("hanako"), hash)
	return c.call("POST", "/bot/pnp/push", fmt.Sprintf(`{"to":%q,"messages":%s}`, hash, hello), "X-Line-Delivery-Tag: "+letters(tag)).status == 200
}

// TestRichMenus: a menu needs a picture before anybody sees it, and is gone for all when it is deleted.
func TestRichMenus(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	u, v := c.friend("hanako"), c.friend("jiro")
	bare := strings.Split(c.call("POST", "richmenu", menuOf("bare", "a", 0)).raw, `"`)[3]
	link := func(id string) reply {
		return c.call("POST", "richmenu/bulk/link", fmt.Sprintf(`{"richMenuId":%q,"userIds":[%q]}`, id, u))
	}
	link(bare).want(t, 400, "must upload richmenu image before applying it to user")
	vip, all := c.menu("vip"), c.menu("all")
	if link(vip).status != 202 || c.call("POST", "user/all/richmenu/"+all, "").status != 200 {
		t.Fatal("not linked")
	}
	if c.RichMenu(u) != "vip" || c.RichMenu(v) != "all" {
		t.Errorf("%q %q", c.RichMenu(u), c.RichMenu(v))
	}
	c.call("POST", "richmenu/batch", fmt.Sprintf(`{"operations":[{"type":"link","from":%q,"to":%q}]}`, vip, all))
	if c.RichMenu(u) != "all" {
		t.Error("batch")
	}
	link(vip)
	c.call("POST", "richmenu/bulk/unlink", fmt.Sprintf(`{"userIds":[%q]}`, u))
	if c.RichMenu(u) != "all" {
		t.Error("unlink")
	}
	c.call("DELETE", "richmenu/"+all, "")
	if c.RichMenu(v) != "" || c.call("DELETE", "richmenu/"+all, "").status != 404 {
		t.Error("delete")
	}
	if r := c.call("POST", "richmenu", strings.Replace(menuOf("a", "a", 0), "1686", "2500", 1)); r.status != 400 {
		t.Errorf("a square menu: %s", r.raw)
	}
}

// TestNarrowcast: to whom it goes, how its limits work, and why it fails.
func TestNarrowcast(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{MonthlyQuota: 150})
	id := c.audienceOf(60)
	stranger := c.friend("stranger")
	if got := c.narrow(id, ""); got != "succeeded0" || c.ReceivedCount(stranger) != 0 || len(c.Sent()) != 60 {
		t.Errorf("%s, %d sent", got, len(c.Sent()))
	}
	if got := c.narrow(id, `,"limit":{"max":55}`); got != "succeeded0" || len(c.Sent()) != 115 {
		t.Errorf("max: %s, %d sent", got, len(c.Sent()))
	}
	if got := c.narrow(id, `,"limit":{"upToRemainingQuota":true,"forbidPartialDelivery":true}`); got != "failed5" {
		t.Errorf("all or nobody: %s", got)
	}
	if got := c.narrow(id, `,"limit":{"upToRemainingQuota":true}`); got != "succeeded0" || len(c.Sent()) != 150 {
		t.Errorf("up to the quota: %s, %d sent", got, len(c.Sent()))
	}
	if got := c.narrow(c.audienceOf(5), ""); got != "failed4" {
		t.Errorf("few: %s", got)
	}
	body := fmt.Sprintf(`{"messages":%s,"recipient":{"type":"audience","audienceGroupId":%d}}`, hello, id)
	c.call("POST", "message/narrowcast", body, "X-Line-Retry-Key: "+key1)
	if r := c.call("POST", "message/narrowcast", body, "X-Line-Retry-Key: "+key1); r.status != 409 {
		t.Errorf("repeat: %s", r.raw)
	}
}

// TestNotify: a hash that nobody has registered is answered 422; a delivery is told with its tag.
func TestNotify(t *testing.T) {
	t.Parallel()
	var told []string
	c := newChannel(t, Config{Webhook: func(_ context.Context, body []byte, _ string) (int, error) {
		told = append(told, string(body))
		return 200, nil
	}})
	hash, tag := strings.Repeat("a", 64), strings.Repeat("t", 16)
	send := func(messages string) reply {
		return c.call("POST", "/bot/pnp/push", fmt.Sprintf(`{"to":%q,"messages":%s}`, hash, messages), "X-Line-Delivery-Tag: "+tag)
	}
	if r := send(hello); r.status != 422 {
		t.Fatal(r.raw)
	}
	u := c.UserID("hanako")
	c.Register(u, hash)
	if _, err := c.Follow(u, ""); err != nil {
		t.Fatal(err)
	}
	if r := send(hello); r.status != 200 || c.ReceivedCount(u) != 1 {
		t.Fatal(r.raw)
	}
	if err := c.Flush(t.Context()); err != nil || !strings.Contains(strings.Join(told, ""), `"type":"delivery","delivery":{"data":"`+tag+`"}`) {
		t.Errorf("%v %s", err, told)
	}
	// Who blocked the account, or has not confirmed the number, is answered like any other and told nothing of.
	if _, err := c.Block(u); err != nil {
		t.Fatal(err)
	}
	other, unsure := c.UserID("taro"), strings.Repeat("b", 64)
	c.RegisterUnverified(other, unsure)
	before := len(told)
	for _, to := range []string{hash, unsure} {
		if r := c.call("POST", "/bot/pnp/push", fmt.Sprintf(`{"to":%q,"messages":%s}`, to, hello), "X-Line-Delivery-Tag: "+tag+to[:1]); r.status != 200 {
			t.Errorf("%s", r.raw)
		}
	}
	flush := func() string {
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		return strings.Join(told[before:], "")
	}
	if got := flush(); strings.Contains(got, `"delivery":{`) || len(c.Received(u))+len(c.Received(other)) != 1 {
		t.Errorf("delivered: %s", got)
	}
	c.Verify(unsure)
	if got := flush(); !strings.Contains(got, tag+"b") || len(c.Received(other)) != 1 {
		t.Errorf("not delivered: %s", got)
	}
	c.Unregister(unsure)
	if r := c.call("POST", "/bot/pnp/push", fmt.Sprintf(`{"to":%q,"messages":%s}`, unsure, hello)); r.status != 422 {
		t.Errorf("who wants none: %s", r.raw)
	}
	if r := send(`[{"type":"image","originalContentUrl":"https://shop.example/a.jpg","previewImageUrl":"https://shop.example/a.jpg"}]`); r.status != 400 {
		t.Errorf("a picture: %s", r.raw)
	}
}
