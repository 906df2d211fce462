package line

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	linesim "enishi/internal/sim/line"
)

const menuBody = `{"size":{"width":2500,"height":1686},"selected":true,"name":"vip","chatBarText":"メニュー","areas":[{"bounds":{"x":0,"y":0,"width":1250,"height":1686},"action":{"type":"uri","label":"見る","uri":"https://shop.example/"}}]}`

// TestRichMenuCalls: by LINE's files and the simulator.
func TestRichMenuCalls(t *testing.T) {
	t.Parallel()
	f := newStrict(t, linesim.Config{})
	ctx := t.Context()
	make := func(name string) string {
		t.Helper()
		id, err := f.CreateRichMenu(ctx, json.RawMessage(strings.Replace(menuBody, `"vip"`, `"`+name+`"`, 1)), "image/png", []byte("png"))
		if err != nil || id == "" {
			t.Fatal(err)
		}
		return id
	}
	do := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.sim.RichMenu(f.to); got != want {
			t.Errorf("the friend sees %q, want %q", got, want)
		}
	}
	all, vip, next := make("all"), make("vip"), make("next")
	do("all", f.DefaultRichMenu(ctx, all))
	do("vip", f.LinkRichMenu(ctx, vip, []string{f.to}))
	do("next", f.ReplaceRichMenu(ctx, vip, next))
	do("all", f.UnlinkRichMenu(ctx, []string{f.to}))
	do("", f.DefaultRichMenu(ctx, ""))
	do("", f.DeleteRichMenu(ctx, all))
	var r *Refusal
	if err := f.DeleteRichMenu(ctx, all); !errors.As(err, &r) || r.Status != 404 {
		t.Errorf("twice: %v", err)
	}
	// One whose picture LINE does not take is not left behind.
	f.sim.Inject(linesim.Fault{Endpoint: "richmenu/content", Status: 400, Message: "bad image"})
	if id, err := f.CreateRichMenu(ctx, json.RawMessage(menuBody), "image/png", []byte("x")); err == nil || id != "" || f.sim.Counts().Calls["richmenu/delete 200"] != 2 {
		t.Errorf("%q %v %v", id, err, f.sim.Counts().Calls)
	}
}

func TestCouponCalls(t *testing.T) {
	t.Parallel()
	f := newStrict(t, linesim.Config{})
	id, err := f.CreateCoupon(t.Context(), json.RawMessage(`{"title":"春の 500 円引き","description":"1 回限り","startTimestamp":1767225600,"endTimestamp":1769904000,"maxUseCountPerTicket":1,"timezone":"ASIA_TOKYO","visibility":"UNLISTED",
		"acquisitionCondition":{"type":"normal"},"reward":{"type":"discount","priceInfo":{"type":"fixed","fixedAmount":500}}}`))
	if err != nil || id == "" {
		t.Fatal(err)
	}
	list, err := f.Coupons(t.Context())
	if err != nil || len(list) != 1 || list[0] != (Coupon{id, "春の 500 円引き"}) {
		t.Errorf("%+v %v", list, err)
	}
	if err := f.CloseCoupon(t.Context(), id); err != nil {
		t.Error(err)
	}
	if list, err := f.Coupons(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("closed: %+v %v", list, err)
	}
}

// TestAudienceCalls: small ones by JSON, large ones as a file; a narrowcast to one, and how it ends.
// TestAudienceFile: what is uploaded is whole, with its last boundary.
func TestAudienceFile(t *testing.T) {
	media, raw, err := audienceFile([]string{"U1", "U2"}, "audienceGroupId", "7")
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(media)
	if err != nil {
		t.Fatal(err)
	}
	form, err := multipart.NewReader(bytes.NewReader(raw), params["boundary"]).ReadForm(1 << 20)
	if err != nil || form.Value["audienceGroupId"][0] != "7" || len(form.File["file"]) != 1 || form.File["file"][0].Size != 5 {
		t.Errorf("%+v, %v", form, err)
	}
}

func TestAudienceCalls(t *testing.T) {
	t.Parallel()
	f := newStrict(t, linesim.Config{})
	ctx := t.Context()
	users := make([]string, maxAudienceJSON+1)
	for i := range users {
		users[i] = f.sim.UserID(fmt.Sprint("u", i))
		if i < 60 {
			if err := f.sim.Befriend(users[i], ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	large, err := f.CreateAudience(ctx, "large", users)
	if err != nil || f.sim.Counts().Calls["audience/file 202"] != 1 {
		t.Fatal(err, f.sim.Counts().Calls)
	}
	small, err := f.CreateAudience(ctx, "春のセール", users[:maxAudienceJSON])
	if err != nil || f.sim.Counts().Calls["audience/create 202"] != 1 {
		t.Fatal(err)
	}
	for i, want := range []string{"IN_PROGRESS", "READY"} {
		if s, err := f.Audience(ctx, small); err != nil || s.Status != want || s.People != maxAudienceJSON {
			t.Errorf("%d: %+v %v", i, s, err)
		}
	}
	if err := f.AddToAudience(ctx, small, users[maxAudienceJSON:]); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Audience(ctx, small); err != nil || s.Status != "IN_PROGRESS" || s.People != maxAudienceJSON+1 {
		t.Errorf("added: %+v %v", s, err)
	}
	if err := f.AddToAudience(ctx, small, users); err != nil || f.sim.Counts().Calls["audience/addfile 202"] != 1 {
		t.Fatal(err, f.sim.Counts().Calls)
	}
	if s, err := f.Audience(ctx, small); err != nil || s.People != maxAudienceJSON+1 {
		t.Errorf("added as a file: %+v %v", s, err)
	}
	for text, want := range map[string]int64{"セール": small, "LARGE": 0, "large": large, "none": 0} {
		if id, found, err := f.FindAudience(ctx, text); err != nil || id != want || found != (want != 0) {
			t.Errorf("%q finds %d %v %v", text, id, found, err)
		}
	}
	send := Narrowcast{Messages: json.RawMessage(`[{"type":"text","text":"春"}]`), Audience: small, Max: 55, UpToQuota: true, Notify: true, Idempotent: enishi.NewID("n", "1")}
	first, err := f.Narrowcast(ctx, send)
	if err != nil || first.ProviderID == "" || first.Code != "202" {
		t.Fatal(first, err)
	}
	if again, err := f.Narrowcast(ctx, send); err != nil || again != (channels.Receipt{ProviderID: first.ProviderID, Code: "409"}) || len(f.sim.Sent()) != 55 {
		t.Errorf("the same again: %+v %v, %d sent; the first was %+v", again, err, len(f.sim.Sent()), first)
	}
	phases := func(id string) (p Progress) {
		t.Helper()
		for _, want := range []string{"waiting", "sending", "succeeded failed"} {
			if p, err = f.Progress(ctx, id); err != nil || !strings.Contains(want, p.Phase) {
				t.Fatalf("%+v %v", p, err)
			}
		}
		return p
	}
	if p := phases(first.ProviderID); p.Target != 55 || p.Sent != 55 {
		t.Errorf("%+v", p)
	}
	for _, u := range users[:22] {
		f.sim.Look(u, false)
	}
	if s, err := f.RequestStatistics(ctx, first.ProviderID); err != nil || s.Seen == nil || *s.Seen != 22 || s.Clicked != nil {
		t.Errorf("statistics: %+v %v", s, err)
	}
	if err := f.DeleteAudience(ctx, large); err != nil {
		t.Error(err)
	}
	send.Audience, send.Idempotent = large, enishi.NewID("n", "2")
	second, err := f.Narrowcast(ctx, send)
	if err != nil {
		t.Fatal(err)
	}
	p := phases(second.ProviderID)
	if ja, en := p.FailureText(); p.Code != 4 || !strings.Contains(ja, "50") || !strings.Contains(en, "50") {
		t.Errorf("to nobody: %+v", p)
	}
}

// TestNarrowcastAnswers: what an answer of LINE's means for a narrowcast, and for the quota: what was not taken does not count,
// what may have been taken counts once.
func TestNarrowcastAnswers(t *testing.T) {
	t.Parallel()
	sim := linesim.New(linesim.Config{MonthlyQuota: 1000})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	accounts, err := NewAccounts(AccountsConfig{Secrets: map[string]Secret{DefaultAccount: {Token: "token", Channel: "secret", Endpoint: server.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := accounts.Get("")
	users := make([]string, 60)
	for i := range users {
		users[i] = sim.UserID(fmt.Sprint("u", i))
		if err := sim.Befriend(users[i], ""); err != nil {
			t.Fatal(err)
		}
	}
	audience, err := o.Channel.CreateAudience(t.Context(), "a", users)
	if err != nil {
		t.Fatal(err)
	}
	x := Narrowcast{Messages: json.RawMessage(`[{"type":"text","text":"春"}]`), Audience: audience, UpToQuota: true, AllOrNone: true, Notify: true}
	for i, c := range []struct {
		fault linesim.Fault
		want  string
		used  int
	}{
		{linesim.Fault{Status: 429}, "busy", 0},
		{linesim.Fault{Status: 429, Message: "You have reached your monthly limit."}, "refused quota", 0},
		{linesim.Fault{Status: 400}, "permanent content", 0},
		{linesim.Fault{Status: 403}, "down account", 0},
		{linesim.Fault{Status: 500}, "unknown", 60},
		{linesim.Fault{Reset: true, After: true}, "unknown", 60},
	} {
		o.Quota.roll(time.Now().AddDate(0, 2, 0)) // another month: nothing is known of this one
		c.fault.Endpoint = "narrowcast"
		sim.Inject(c.fault)
		x.Idempotent = enishi.NewID("n", fmt.Sprint(i))
		before := o.Quota.Usage(t.Context()).Used
		if _, err := o.Narrowcast(t.Context(), x, 60); verdict(err) != c.want {
			t.Errorf("%+v: %v", c.fault, err)
		}
		if got := o.Quota.Usage(t.Context()).Used - before; got != c.used {
			t.Errorf("%+v: %d counted, want %d", c.fault, got, c.used)
		}
	}
	// The last one was taken, and nobody heard of it.
	if r, err := o.Narrowcast(t.Context(), x, 60); err != nil || r.Code != "409" || r.ProviderID != sim.Sent()[0].RequestID || len(sim.Sent()) != 60 {
		t.Errorf("again: %+v %v, %d sent", r, err, len(sim.Sent()))
	}
	sim.Inject(linesim.Fault{Endpoint: "narrowcast", Cut: true, After: true})
	x.Idempotent = enishi.NewID("n", "cut")
	if r, err := o.Narrowcast(t.Context(), x, 60); err != nil || r.Code != "202" {
		t.Errorf("an answer that was cut off after its head: %+v %v", r, err)
	}
	x.Idempotent = enishi.NewID("n", "much")
	if _, err := o.Narrowcast(t.Context(), x, 2000); verdict(err) != "refused quota" {
		t.Errorf("more than the quota: %v", err)
	}
}

// TestNotices: by the hash of LINE's own example, once and for notices only; who has no LINE gets the next channel.
func TestNotices(t *testing.T) {
	t.Parallel()
	const phone = "+818000001234"
	if got := PhoneHash(phone); got != "d41e0ad70dddfeb68f149ad6fc61574b9c5780ab7bcb2fba5517771ffbb2409c" {
		t.Fatalf("%s", got)
	}
	f := newStrict(t, linesim.Config{})
	n := Notices{f.Channel, func(template string) bool { return template != "unread" }, func(raw string) (string, error) {
		// LINE's example would be a free-phone number here, which ingest takes for nobody's.
		switch raw {
		case phone, "080-0000-1234":
			return phone, nil
		}
		return "", errors.New("no number")
	}}
	m := f.message(1, "発送しました")
	m.To, m.Purpose, m.Profile = phone, "transactional", enishi.NewID("p")
	send := func(want string) {
		t.Helper()
		if _, err := n.Send(t.Context(), m); verdict(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	send("refused unreachable")
	f.sim.Register(f.to, PhoneHash(phone))
	send("sent")
	if got := f.sim.Received(f.to); len(got) != 1 || got[0].Endpoint != "pnp" {
		t.Errorf("%+v", got)
	}
	f.sim.Inject(linesim.Fault{Endpoint: "pnp", Status: 500, After: true})
	send("unknown")
	f.sim.Inject(linesim.Fault{Endpoint: "pnp", Status: 403, Message: "not available"})
	send("refused notice")
	f.sim.Inject(linesim.Fault{Endpoint: "pnp", Status: 401, Message: "Authentication failed"})
	send("down account")
	m.To = "080-0000-1234" // as a shop has it
	send("sent")
	m.To = "12"
	send("refused unreachable")
	m.To, m.Purpose = phone, "marketing"
	send("refused notice")
	m.Purpose, m.Template = "transactional", "unread"
	send("refused notice")
	m.Template = "t"
	begun := 0
	m.Begin = func() error { begun++; return errors.New("another has it now") }
	send("busy")
	if got := f.sim.Received(f.to); begun != 1 || len(got) != 3 {
		t.Errorf("begun %d, received %d", begun, len(got))
	}
	m.Begin = nil

	tag := NoticeTag(m.SendID, m.Profile)
	if s, p, ok := ParseNoticeTag(tag); !ok || s != m.SendID || p != m.Profile || len(tag) < 16 || len(tag) > 100 {
		t.Errorf("tag %q", tag)
	}
	if _, _, ok := ParseNoticeTag("somebody else's tag"); ok {
		t.Error("another's tag is read")
	}
}
