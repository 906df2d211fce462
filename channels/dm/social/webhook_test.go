package social

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi"
	socialsim "enishi/internal/sim/social"
	"enishi/profiles"
)

// hooked is a fixture whose simulator posts to our webhook over real HTTP.
type hooked struct {
	*fixture
	url       string
	events    []enishi.Event
	delivered []string
	read      []string
	fail      error
}

func newHooked(t *testing.T) *hooked {
	h := &hooked{fixture: newFixture(t, nil)}
	w, err := NewWebhook(WebhookConfig{Accounts: h.Accounts, Fold: profiles.Fold, Now: func() time.Time { return h.now },
		Ingest: func(_ context.Context, events []enishi.Event) error {
			if h.fail == nil {
				h.events = append(h.events, events...)
			}
			return h.fail
		},
		Known: func(_ context.Context, ref string) (enishi.Person, bool, error) {
			return enishi.Person{CustomerID: "c1"}, ref == "ours", nil
		},
		Delivered: func(_ context.Context, account string, mids []string) error {
			h.delivered = append(h.delivered, mids...)
			return nil
		},
		Read: func(_ context.Context, account, user, mid string, until time.Time) error {
			h.read = append(h.read, fmt.Sprint(account, " ", user, " ", mid, " ", until.UnixMilli()))
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/social/webhook/{account}", w)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL + "/social/webhook/default"
	h.sim.SetWebhookURL(h.url)
	return h
}

func (h *hooked) do(account string, a socialsim.Act) {
	h.t.Helper()
	if _, err := h.sim.Do(account, person, a); err != nil {
		h.t.Fatal(err)
	}
	if err := h.sim.Flush(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// TestEvents: what each thing that a person does becomes.
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		account string
		act     socialsim.Act
		want    string // types with properties beside account and platform, and consents
	}{
		{page, socialsim.Act{Text: "こんにちは"}, "social.message_received message_type=text text=こんにちは"},
		{page, socialsim.Act{Text: "はい", Quick: "yes"}, "social.message_received message_type=text payload=yes text=はい"},
		{page, socialsim.Act{Image: "https://cdn.example/a.jpg"}, "social.message_received message_type=image url=https://cdn.example/a.jpg"},
		{page, socialsim.Act{Unsupported: true}, "social.message_received message_type=unsupported"},
		{page, socialsim.Act{Postback: "start", Title: "開始"}, "social.postback payload=start title=開始"},
		{page, socialsim.Act{React: "m9", Emoji: "❤"}, "social.reacted action=react emoji=❤ reaction=love"},
		{page, socialsim.Act{React: "m9", Unreact: true}, "social.reacted action=unreact reaction=love"},
		{page, socialsim.Act{Ref: "flyer"}, "social.referred ref=flyer ref_source=SHORTLINK"},
		{page, socialsim.Act{Ref: "ours"}, "social.referred linked=true ref_source=SHORTLINK customer=c1"},
		{page, socialsim.Act{Ad: "ad1", Ref: "r"}, "social.referred ad=ad1 ref=r ref_source=ADS"},
		{page, socialsim.Act{Postback: "start", Title: "開始", Ref: "ours"}, "social.postback linked=true payload=start ref_source=SHORTLINK title=開始 customer=c1"},
		{gram, socialsim.Act{Mention: "https://cdn.example/s.jpg"}, "social.story_mentioned message_type=story_mention url=https://cdn.example/s.jpg"},
		{gram, socialsim.Act{Text: "素敵", Story: "s1"}, "social.story_replied message_type=text story=s1 text=素敵"},
		{gram, socialsim.Act{Comment: "いくらですか", Post: "p1"}, "social.commented post=p1 text=いくらですか"},
		{page, socialsim.Act{Comment: "いくらですか", Post: "p1"}, "social.commented post=p1 text=いくらですか"},
		{gram, socialsim.Act{Seen: "m9"}, "social.read"},
		{page, socialsim.Act{OptIn: "新作"}, "social.opted_in method=marketing_message payload=新作 topic=新作 marketing:in"},
		{page, socialsim.Act{StopOf: "新作"}, "social.opted_out method=marketing_message payload=新作 topic=新作"},
		{page, socialsim.Act{Text: " 配信停止 "}, "social.message_received message_type=text text= 配信停止 ; social.opted_out method=word marketing:out"},
		{page, socialsim.Act{Text: "ＳＴＯＰ！"}, "social.message_received message_type=text text=ＳＴＯＰ！; social.opted_out method=word marketing:out"},
		{page, socialsim.Act{Text: "停止してください"}, "social.message_received message_type=text text=停止してください; social.opted_out method=word marketing:out"},
		{page, socialsim.Act{Text: "start"}, "social.message_received message_type=text text=start; social.opted_in method=word marketing:in"},
		{page, socialsim.Act{Text: "この商品は販売停止ですか"}, "social.message_received message_type=text text=この商品は販売停止ですか"},
	} {
		h := newHooked(t)
		h.do(c.account, c.act)
		var all []string
		for i := range h.events {
			e := &h.events[i]
			if _, ok := enishi.LookupType(e.Type); !ok || e.ID.IsZero() || e.Person.SocialID != person || e.Person.SocialPage != c.account || !e.At.Equal(h.now.Truncate(time.Millisecond)) && e.Type != "social.commented" {
				t.Errorf("%+v: %+v %+v", c.act, e, e.Person)
			}
			var parts []string
			for _, key := range []string{"action", "ad", "emoji", "linked", "message_type", "method", "payload", "post", "reaction", "ref", "ref_source", "story", "text", "title", "topic", "url"} {
				if v, ok := e.Properties[key]; ok {
					parts = append(parts, " "+key+"="+v.String())
				}
			}
			if e.Person.CustomerID != "" {
				parts = append(parts, " customer="+e.Person.CustomerID)
			}
			for _, x := range e.Consent {
				parts = append(parts, " "+x.Purpose+":"+x.State)
			}
			all = append(all, e.Type+strings.Join(parts, ""))
		}
		if got := strings.Join(all, "; "); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.act, got, c.want)
		}
	}
}

// TestHandshake: the challenge comes back to who knows the token.
func TestHandshake(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	if err := h.sim.Verify(t.Context(), "v"); err != nil {
		t.Error(err)
	}
	if err := h.sim.Verify(t.Context(), "another"); err == nil {
		t.Error("a wrong token passes")
	}
	h.sim.SetWebhookURL(strings.Replace(h.url, "default", "nobody", 1))
	if err := h.sim.Verify(t.Context(), "v"); err == nil {
		t.Error("an account that is not there")
	}
}

// TestTrust: only what the app signed is looked at, only entries of the accounts that it signs for are taken, echoes say
// nothing, and what comes twice is one event.
func TestTrust(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	post := func(body, signature string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Hub-Signature-256", signature)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	body := func(object, entry string) string {
		return `{"object":"` + object + `","entry":[{"id":"` + entry + `","messaging":[{"sender":{"id":"5"},"recipient":{"id":"` + entry + `"},"timestamp":1760000000000,"message":{"mid":"m1","text":"a"}}]}]}`
	}
	good := body("page", page)
	for _, signature := range []string{"", "sha256=", "sha256=zz", socialsim.Signature("another", []byte(good)), "sha1=" + socialsim.Signature("app", []byte(good))[7:], socialsim.Signature("app", []byte(good+" "))} {
		if got := post(good, signature); got != http.StatusForbidden {
			t.Errorf("%q: %d", signature, got)
		}
	}
	if len(h.events) != 0 {
		t.Fatalf("%+v", h.events)
	}
	sign := func(body string) string { return socialsim.Signature("app", []byte(body)) }
	for _, c := range []struct {
		body   string
		status int
		events int
	}{
		{good, 200, 1},
		{body("page", "9999"), 200, 0},    // a page that is not ours
		{body("instagram", page), 200, 0}, // an id of the other platform
		{body("instagram", gram), 200, 1}, // another account of the same app, at this account's address
		{`{"object":"page","entry":[{"id":"` + page + `","messaging":[{"sender":{"id":"` + page + `"},"recipient":{"id":"5"},"timestamp":1,"message":{"mid":"e1","is_echo":true,"text":"a"}}]}]}`, 200, 0},
		{`{"object":"page","entry":[{"id":"` + page + `","messaging":[7,{"sender":{"id":"5"},"timestamp":1760000000000,"message":{"mid":"m2","text":"b"}}]}]}`, 200, 1},
		{`{"object":"page","entry":[]}`, 200, 0},
		{`no JSON`, 400, 0},
	} {
		h.events = nil
		if got := post(c.body, sign(c.body)); got != c.status || len(h.events) != c.events {
			t.Errorf("%s: %d, %d events", c.body, got, len(h.events))
		}
	}
	h.events = nil
	post(good, sign(good))
	post(good, sign(good))
	if len(h.events) != 2 || h.events[0].ID != h.events[1].ID || h.events[0].Message != h.events[1].Message {
		t.Errorf("twice: %+v", h.events)
	}
	h.fail = errors.New("the log is away")
	if got := post(good, sign(good)); got != http.StatusServiceUnavailable {
		t.Errorf("not stored: %d", got)
	}
}

// TestReceipts: a delivery and what was read are told on, with the ids of the messages.
func TestReceipts(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	if got := h.send("", person, "marketing", text("a")); got != "sent" {
		t.Fatal(got)
	}
	h.do(page, socialsim.Act{Seen: "m"})
	h.do(gram, socialsim.Act{Seen: "m7"})
	if mid := h.sim.Sent()[0].MessageID; len(h.delivered) != 1 || h.delivered[0] != mid {
		t.Errorf("%v, sent %s", h.delivered, mid)
	}
	if want := fmt.Sprintf("default 77  %d", h.now.UnixMilli()); len(h.read) != 2 || h.read[0] != want || !strings.HasPrefix(h.read[1], "gram 77 m7 ") {
		t.Errorf("%q, want %q", h.read, want)
	}
	for _, e := range h.events {
		if e.Type != "social.read" {
			t.Errorf("%+v", e)
		}
	}
}
