package line

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func newClock() *clock               { return &clock{time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time      { return c.t }
func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

// reply is an answer as a caller sees it.
type reply struct {
	status int
	header http.Header
	problem
	raw string
}

// channel is a Server called without a network.
type channel struct {
	*Server
	clock *clock
	t     *testing.T
}

func newChannel(t *testing.T, cfg Config) *channel {
	c := newClock()
	cfg.Now = c.now
	return &channel{New(cfg), c, t}
}

// call makes one API call; headers are "Name: value".
func (c *channel) call(method, path, body string, headers ...string) reply {
	c.t.Helper()
	if !strings.HasPrefix(path, "/") {
		path = "/v2/bot/" + path
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token")
	if method == http.MethodPost || method == http.MethodPut {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header[http.CanonicalHeaderKey(k)] = []string{v}
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Result().Body)
	if err != nil {
		c.t.Fatal(err)
	}
	out := reply{status: w.Code, header: w.Header(), raw: string(raw)}
	_ = json.Unmarshal(raw, &out.problem) // answers of success have another form
	if id := w.Header().Get("X-Line-Request-Id"); !uuids.MatchString(id) {
		c.t.Errorf("%s %s: request id %q", method, path, id)
	}
	return out
}

const hello = `[{"type":"text","text":"こんにちは"}]`

func (c *channel) push(to, messages string, headers ...string) reply {
	c.t.Helper()
	return c.call("POST", "message/push", fmt.Sprintf(`{"to":%q,"messages":%s}`, to, messages), headers...)
}

func (c *channel) friend(name string) string {
	c.t.Helper()
	id := c.UserID(name)
	if _, err := c.Follow(id, name); err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (r reply) want(t *testing.T, status int, message string) {
	t.Helper()
	if r.status != status || r.Message != message {
		t.Errorf("got %d %q, want %d %q", r.status, r.Message, status, message)
	}
}

const (
	key1 = "123e4567-e89b-12d3-a456-426614174000"
	key2 = "123e4567-e89b-12d3-a456-426614174001"
)

func TestAuthorization(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{ChannelToken: "token"})
	u := c.friend("hanako")
	if r := c.push(u, hello); r.status != 200 {
		t.Fatalf("right token: %d %s", r.status, r.raw)
	}
	for _, h := range []string{"Bearer other", "Bearer ", "Basic token", "token", ""} {
		if r := c.push(u, hello, "Authorization: "+h); r.status != 401 || !strings.HasPrefix(r.Message, "Authentication failed") {
			t.Errorf("%q: %d %s", h, r.status, r.raw)
		}
	}
	if n := c.ReceivedCount(u); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestRequestForm(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	u := c.friend("hanako")
	other := c.UserID("jiro")
	f := func(method, path, body string, status int, message string, headers ...string) {
		t.Helper()
		c.call(method, path, body, headers...).want(t, status, message)
	}
	f("GET", "message/push", "", 405, "Method not allowed")
	f("GET", "nothing", "", 404, "Not found")
	f("POST", "message/push", "{}", 415, "The content type, text/plain, is not supported", "Content-Type: text/plain")
	f("POST", "message/push", "{\n\"to\": x", 400, "The request body could not be parsed as JSON (line: 2, column: 7)")
	f("POST", "message/push", "{}", 400, "The request body has 2 error(s)")
	f("POST", "message/push", `{"to":1,"messages":`+hello+`}`, 400, "The property, 'to', in the request body is invalid (line: -, column: -)")
	f("POST", "message/push", `{"to":"hanako","messages":`+hello+`}`, 400, "The property, 'to', in the request body is invalid (line: -, column: -)")
	f("POST", "message/push", `{"to":"C`+u[1:]+`","messages":`+hello+`}`, 400, "Failed to send messages")
	f("POST", "message/push", `{"to":"`+u+`","messages":`+hello+`,"notificationDisabled":"yes"}`, 400,
		"The property, 'notificationDisabled', in the request body is invalid (line: -, column: -)")
	f("POST", "message/multicast", `{"to":["`+u+`","x"],"messages":`+hello+`}`, 400, "The property, to[1], in the request body is invalid (line: -, column: -)")
	f("POST", "message/multicast", `{"to":[],"messages":`+hello+`}`, 400, "The request body has 1 error(s)")
	f("POST", "message/validate/push", "[]", 400, "The request body could not be parsed as JSON (line: -, column: -)")
	f("POST", "message/validate/push", "{}", 400, "The request body has 1 error(s)")
	f("GET", "profile/hanako", "", 400, "The value for the 'userId' parameter is invalid")
	f("GET", "profile/"+other, "", 404, "Not found")
	f("GET", "followers/ids?limit=x", "", 400, "The value for the 'limit' parameter is invalid")
	f("GET", "followers/ids?start=%21", "", 400, "The value for the 'start' parameter is invalid")
	f("POST", "user/"+other+"/linkToken", "", 404, "Not found")
	if err := c.Foreign(other); err != nil {
		t.Fatal(err)
	}
	f("POST", "message/push", `{"to":"`+other+`","messages":`+hello+`}`, 400, "Failed to send messages")

	r := c.call("POST", "message/push", `{"messages":[{"type":"text","text":""},{"type":"fax"}],"to":""}`)
	r.want(t, 400, "The request body has 1 error(s)")
	r = c.push(u, `[{"type":"text","text":""},{"type":"fax"}]`)
	r.want(t, 400, "The request body has 2 error(s)")
	if len(r.Details) != 2 || r.Details[0] != (detail{"May not be empty", "messages[0].text"}) || r.Details[1].Property != "messages[1].type" {
		t.Errorf("details %v", r.Details)
	}
	if got := c.Sent(); len(got) != 0 {
		t.Errorf("refused calls sent %v", got)
	}
}

func TestRetryKey(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	u, v := c.friend("hanako"), c.friend("jiro")
	first := c.push(u, hello, "X-Line-Retry-Key: "+key1)
	if first.status != 200 || len(first.Sent) != 1 || first.Sent[0].ID == "" || first.Sent[0].QuoteToken == "" {
		t.Fatalf("first: %d %s", first.status, first.raw)
	}
	for _, again := range []reply{
		c.push(u, hello, "X-Line-Retry-Key: "+key1),
		c.push(u, hello, "X-Line-Retry-Key: "+strings.ToUpper(key1)),
		c.push(v, `[{"type":"text","text":"other"}]`, "X-Line-Retry-Key: "+key1), // the body is not compared
	} {
		again.want(t, 409, "The retry key is already accepted")
		if again.header.Get("X-Line-Accepted-Request-Id") != first.header.Get("X-Line-Request-Id") ||
			again.header.Get("X-Line-Request-Id") == first.header.Get("X-Line-Request-Id") {
			t.Errorf("request ids of the repeat: %v", again.header)
		}
		if len(again.Sent) != 1 || again.Sent[0] != first.Sent[0] {
			t.Errorf("sentMessages %v, want %v", again.Sent, first.Sent)
		}
	}
	multicast := fmt.Sprintf(`{"to":[%q,%q],"messages":%s}`, u, v, hello)
	if r := c.call("POST", "message/multicast", multicast, "X-Line-Retry-Key: "+key2); r.status != 200 || r.raw != "{}" {
		t.Fatalf("multicast: %d %s", r.status, r.raw)
	}
	again := c.call("POST", "message/multicast", multicast, "X-Line-Retry-Key: "+key2)
	if again.status != 409 || again.Sent != nil {
		t.Errorf("multicast repeat: %d %s", again.status, again.raw)
	}
	if n, m := c.ReceivedCount(u), c.ReceivedCount(v); n != 2 || m != 1 {
		t.Errorf("hanako got %d, jiro %d; want 2 and 1", n, m)
	}

	for _, bad := range []string{"", "abc", key1 + "0", strings.ReplaceAll(key1, "-", "")} {
		if r := c.push(u, hello, "X-Line-Retry-Key: "+bad); r.status != 400 {
			t.Errorf("key %q: %d", bad, r.status)
		}
	}
	for _, path := range []string{"message/reply", "message/validate/push", "message/quota"} {
		method := "POST"
		if path == "message/quota" {
			method = "GET"
		}
		if r := c.call(method, path, "{}", "X-Line-Retry-Key: "+key1); r.status != 400 {
			t.Errorf("key on %s: %d", path, r.status)
		}
	}
}

// A refused call does not freeze its key, but its 24 hours have begun.
func TestRetryKeyOfFailedCall(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{MonthlyQuota: 1})
	u := c.friend("hanako")
	c.Inject(Fault{Endpoint: "push", Status: 500})
	c.push(u, hello, "X-Line-Retry-Key: "+key1).want(t, 500, "Internal Server Error")
	c.clock.add(23 * time.Hour)
	if r := c.push(u, hello, "X-Line-Retry-Key: "+key1); r.status != 200 {
		t.Fatalf("after a failure: %d %s", r.status, r.raw)
	}
	c.push(u, hello, "X-Line-Retry-Key: "+key1).want(t, 409, "The retry key is already accepted")
	c.push(u, hello, "X-Line-Retry-Key: "+key2).want(t, 429, "You have reached your monthly limit.")
	c.SetQuota(0)
	if r := c.push(u, hello, "X-Line-Retry-Key: "+key2); r.status != 200 {
		t.Errorf("after 429: %d", r.status)
	}
	c.clock.add(time.Hour + time.Second) // two hours after acceptance, a day after the first use
	if r := c.push(u, hello, "X-Line-Retry-Key: "+key1); r.status != 200 {
		t.Errorf("a day after the first use: %d", r.status)
	}
	if n := c.ReceivedCount(u); n != 3 {
		t.Errorf("%d messages, want 3: a key used too late delivers twice", n)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{MonthlyQuota: 4})
	c.clock.t = time.Date(2026, 11, 30, 14, 59, 0, 0, time.UTC) // 23:59 in Japan
	usage := func(want string) {
		t.Helper()
		if r := c.call("GET", "message/quota/consumption", ""); r.raw != want {
			t.Errorf("usage %s, want %s", r.raw, want)
		}
	}
	if r := c.call("GET", "message/quota", ""); r.raw != `{"type":"limited","value":4}` {
		t.Errorf("quota %s", r.raw)
	}
	u, v := c.friend("hanako"), c.friend("jiro")
	if _, err := c.Block(v); err != nil {
		t.Fatal(err)
	}
	stranger := c.UserID("nobody")
	c.push(u, `[{"type":"text","text":"1"},{"type":"text","text":"2"}]`) // counts one: per recipient
	usage(`{"totalUsage":1}`)
	for _, silent := range []string{v, stranger} { // 200, not delivered, not counted
		if r := c.push(silent, hello); r.status != 200 || len(r.Sent) != 1 {
			t.Errorf("silent drop: %d %s", r.status, r.raw)
		}
	}
	usage(`{"totalUsage":1}`)
	c.call("POST", "message/multicast", fmt.Sprintf(`{"to":[%q,%q,%q],"messages":%s}`, u, v, stranger, hello))
	usage(`{"totalUsage":2}`)
	w, x := c.friend("saburo"), c.friend("shiro")
	three := fmt.Sprintf(`{"to":[%q,%q,%q],"messages":%s}`, u, w, x, hello)
	c.call("POST", "message/multicast", three).want(t, 429, "You have reached your monthly limit.")
	usage(`{"totalUsage":2}`) // all or none
	c.push(u, hello)
	c.push(u, hello)
	c.push(u, hello).want(t, 429, "You have reached your monthly limit.")
	c.push(v, hello).want(t, 429, "You have reached your monthly limit.")
	usage(`{"totalUsage":4}`)
	c.clock.add(2 * time.Minute) // December in Japan, November elsewhere
	usage(`{"totalUsage":0}`)
	if r := c.push(u, hello); r.status != 200 {
		t.Errorf("new month: %d", r.status)
	}
	c.SetQuota(0)
	if r := c.call("GET", "message/quota", ""); r.raw != `{"type":"none"}` {
		t.Errorf("quota %s", r.raw)
	}
	counts := c.Counts()
	if counts.Delivered != 5 || counts.Silent != 4 || counts.Calls["push 429"] != 2 || counts.Calls["multicast 429"] != 1 {
		t.Errorf("counts %+v", counts)
	}
}

func TestRateLimitsStandAlone(t *testing.T) {
	t.Parallel()
	limits := Documented()
	limits.PushPerSecond = 3
	c := newChannel(t, Config{Limits: limits})
	u := c.friend("hanako")
	try := func(status int) {
		t.Helper()
		if r := c.push(u, hello); r.status != status {
			t.Errorf("push: %d, want %d", r.status, status)
		}
	}
	try(200)
	c.clock.add(600 * time.Millisecond)
	try(200)
	try(200)
	try(429)
	if r := c.call("GET", "info", ""); r.status != 200 {
		t.Errorf("another endpoint: %d", r.status)
	}
	c.clock.add(400 * time.Millisecond) // the first has left the second, the two others have not
	try(200)
	r := c.push(u, hello)
	r.want(t, 429, "The API rate limit has been exceeded. Try again later.")
}

func TestFriends(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{DisplayName: "縁ショップ"})
	for i := range 5 {
		c.friend(fmt.Sprint("user", i))
	}
	two := c.UserID("user2")
	if _, err := c.Block(two); err != nil {
		t.Fatal(err)
	}
	var pages []string
	path := "followers/ids?limit=2"
	for {
		var p struct {
			UserIDs []string
			Next    string
		}
		if err := json.Unmarshal([]byte(c.call("GET", path, "").raw), &p); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, fmt.Sprint(len(p.UserIDs)))
		for _, id := range p.UserIDs {
			if id == two {
				t.Error("a user who blocked is listed")
			}
		}
		if p.Next == "" {
			break
		}
		path = "followers/ids?limit=2&start=" + p.Next
	}
	if got := strings.Join(pages, " "); got != "2 2" {
		t.Errorf("pages of %s, want 2 2", got)
	}
	if r := c.call("GET", "profile/"+c.UserID("user1"), ""); !strings.Contains(r.raw, `"displayName":"user1"`) {
		t.Errorf("profile %s", r.raw)
	}
	if r := c.call("GET", "profile/"+two, ""); r.status != 404 {
		t.Errorf("profile of a blocker: %d", r.status)
	}
	guest := c.UserID("guest")
	if _, err := c.Say(guest, "hi"); err != nil {
		t.Fatal(err)
	}
	if r := c.call("GET", "profile/"+guest, ""); r.status != 200 {
		t.Errorf("profile of one who wrote: %d", r.status)
	}
	if _, err := c.Say(two, "hi"); err == nil {
		t.Error("one who blocked could write")
	}
	if _, err := c.Follow("hanako", ""); err == nil {
		t.Error("an ill-formed id was taken")
	}
	c.call("POST", "message/multicast", fmt.Sprintf(`{"to":[%q],"messages":%s}`, guest, hello))
	c.push(guest, hello)
	if n := c.ReceivedCount(guest); n != 1 {
		t.Errorf("one who wrote got %d messages, want the push and not the multicast", n)
	}
	if r := c.call("GET", "info", ""); !strings.Contains(r.raw, `"displayName":"縁ショップ"`) || !strings.Contains(r.raw, c.botID) {
		t.Errorf("info %s", r.raw)
	}
	if other := New(Config{ProviderID: "another"}).UserID("guest"); other == guest {
		t.Error("user ids are equal at two providers")
	}
	users := c.Users()
	if len(users) != 6 || users[0].Name != "user0" || !users[2].Blocked || users[5].ID != guest || users[5].Friend {
		t.Errorf("users %v", users)
	}
}

func TestSentIsKeptInOrderAndBounded(t *testing.T) {
	t.Parallel()
	var hooked []uint64
	c := newChannel(t, Config{Keep: 10, OnSent: func(m Sent) { hooked = append(hooked, m.Seq) }})
	u := c.friend("hanako")
	for i := range 101 {
		c.push(u, fmt.Sprintf(`[{"type":"text","text":"%d"}]`, i))
	}
	got := c.Sent()
	if len(got) != 10 || cap(c.sent) > 40 {
		t.Fatalf("kept %d, room for %d", len(got), cap(c.sent))
	}
	for i, m := range got {
		want := fmt.Sprintf(`[{"type":"text","text":"%d"}]`, 91+i)
		if string(m.Messages) != want || m.To != u || !m.Delivered || m.At != c.clock.t || len(m.IDs) != 1 || m.Endpoint != "push" {
			t.Errorf("%d: %+v", i, m)
		}
	}
	if len(hooked) != 101 || hooked[0] != 1 || hooked[100] != 101 {
		t.Errorf("hook saw %v", hooked)
	}
	if n := c.ReceivedCount(u); n != 101 {
		t.Errorf("received %d", n)
	}
	if n := len(c.Received(u)); n != 10 {
		t.Errorf("remembered %d", n)
	}
}

func TestAggregationUnits(t *testing.T) {
	t.Parallel()
	c := newChannel(t, Config{})
	u := c.friend("hanako")
	send := func(units string) reply {
		return c.call("POST", "message/push", fmt.Sprintf(`{"to":%q,"messages":%s,"customAggregationUnits":%s}`, u, hello, units))
	}
	for _, fine := range []string{"null", "[]", `["a"]`, `["A"]`, `["a"]`} {
		if r := send(fine); r.status != 200 {
			t.Errorf("%s: %d %s", fine, r.status, r.raw)
		}
	}
	for _, bad := range []string{`["a b"]`, `["é"]`, `[""]`, `["a","b"]`, `"a"`, `[1]`} {
		if r := send(bad); r.status != 400 || !strings.HasPrefix(r.Details[0].Property, "customAggregationUnits") {
			t.Errorf("%s: %d %s", bad, r.status, r.raw)
		}
	}
	if r := c.call("GET", "message/aggregation/info", ""); r.raw != `{"numOfCustomAggregationUnits":2}` {
		t.Errorf("info %s", r.raw)
	}
	if r := c.call("GET", "message/aggregation/list?limit=1", ""); !strings.Contains(r.raw, `["a"]`) || !strings.Contains(r.raw, "next") {
		t.Errorf("list %s", r.raw)
	}
	if m := c.Sent()[2]; m.Unit != "a" {
		t.Errorf("unit %q", m.Unit)
	}
}

// flush is for tests whose webhook target always takes.
func (c *channel) flush() {
	c.t.Helper()
	if err := c.Flush(context.Background()); err != nil {
		c.t.Fatal(err)
	}
}
