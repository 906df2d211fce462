package meta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
	"enishi/ingest/mapping"
	"enishi/internal/signature"
	sim "enishi/internal/sim/social"
	"enishi/internal/stream"

	"go.yaml.in/yaml/v3"
)

const page, formID = "1001", "7001"

// rig is a source of leads behind the real address of hooks, with a log in memory, and Meta's simulator before it.
type rig struct {
	*sim.Server
	t      *testing.T
	hooks  *hooks.Hooks
	leads  *Leads
	now    time.Time
	log    []enishi.Event
	ids    []string
	dead   []ingest.DeadLetter
	calls  []hooks.Received
	alerts []enishi.Alert
	url    string
}

func newRig(t *testing.T, own *mapping.Mapping) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return r.now }
	r.Server = sim.New(sim.Config{AppSecret: "app", Now: clock, Accounts: []sim.Account{{ID: page, Platform: sim.Messenger, Token: "page token"}}})
	api := httptest.NewServer(r.Server)
	t.Cleanup(api.Close)
	m := BuiltIn()
	if own != nil {
		m = *own
	}
	program, err := mapping.Compile(m, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r.leads, err = New(Config{Name: "leads", Token: "page token", Secret: "app", Endpoint: api.URL, Now: clock, Alert: func(a enishi.Alert) { r.alerts = append(r.alerts, a) },
		Map: func(_ context.Context, d *hooks.Delivery) (hooks.Taken, error) {
			body, err := mapping.Decode(d.Body)
			if err != nil {
				return hooks.Taken{}, err
			}
			var out hooks.Taken
			events, problems := program.Events(body, nil)
			for _, e := range events {
				out.JSON = append(out.JSON, e.JSON)
			}
			for _, p := range problems {
				out.Refused = ingest.Refuse(ingest.CodeValue, p.Field, p.Reason, p.ReasonJA)
			}
			return out, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	r.hooks, err = hooks.New(hooks.Config{Parser: ingest.NewParser(ingest.ParserConfig{}), Now: clock,
		Sources: []hooks.Source{{Name: "leads", Kind: "meta_leads", Secrets: []string{"app"}, Scheme: hooks.HMACHex, Header: signature.MetaHeader, VerifyToken: "verify", Translate: r.leads.Translate}},
		Append: func(_ context.Context, recs []stream.Record) error {
			for _, x := range recs {
				var e enishi.Event
				if err := json.Unmarshal(x.Value, &e); err != nil {
					return err
				}
				r.log = append(r.log, e)
				r.ids = append(r.ids, e.Message)
			}
			return nil
		},
		Dead: func(_ context.Context, l ingest.DeadLetter) error { r.dead = append(r.dead, l); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/{source}", r.hooks)
	here := httptest.NewServer(mux)
	t.Cleanup(here.Close)
	r.url = here.URL + "/hooks/leads"
	r.SetWebhookURL(r.url)
	r.PutForm(sim.Form{ID: formID, Page: page, Name: "肌診断", Policy: "https://shop.example/privacy", Title: "個人情報の取り扱い", Text: "縁コスメがお預かりします。",
		Boxes: []sim.Box{{Key: "news", Text: "お得な情報をメールで受け取る"}, {Key: "terms", Text: "利用規約に同意する", Required: true}, {Key: "never", Text: "メールを受け取らない"}}})
	return r
}

func hanako(ticked ...string) sim.Lead {
	return sim.Lead{Form: formID, Ticked: ticked, Answers: [][2]string{{"full_name", "山田 花子"}, {"email", "hanako@example.jp"}, {"phone_number", "+819012345678"}, {"お肌の悩みは？", "乾燥"}, {"お肌の悩みは？", "くすみ"}}}
}

func (r *rig) fill(l sim.Lead) string {
	r.t.Helper()
	id, err := r.Fill(l)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// flush delivers what waits, and wants it taken or not.
func (r *rig) flush(taken bool) {
	r.t.Helper()
	if err := r.Flush(r.t.Context()); (err == nil) != taken {
		r.t.Fatalf("webhooks taken: %v, want %t", err, taken)
	}
}

// TestHandshake: the challenge comes back to who knows the verify token only, and a source without one knows no GET.
func TestHandshake(t *testing.T) {
	r := newRig(t, nil)
	if err := r.Verify(t.Context(), "verify"); err != nil {
		t.Error(err)
	}
	for _, token := range []string{"", "other"} {
		if err := r.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// TestLead: a lead becomes a person with the evidence of a permission, and an event with all that is known of it.
func TestLead(t *testing.T) {
	r := newRig(t, nil)
	id := r.fill(hanako("news", "terms", "!never"))
	r.flush(true)
	if len(r.log) != 2 || len(r.dead) != 0 {
		t.Fatalf("%+v\n%+v", r.log, r.dead)
	}
	who, what := r.log[0], r.log[1]
	if p := who.Person; who.Type != "person.identified" || p.Email != "hanako@example.jp" || p.Phone != "+819012345678" || p.Traits["name"].Text != "山田 花子" || !who.At.Equal(r.now) || who.Source != "leads" {
		t.Errorf("%+v %+v", who, p)
	}
	if len(who.Consent) != 1 {
		t.Fatalf("permissions: %+v", who.Consent)
	}
	c := who.Consent[0]
	if c.Channel != "email" || c.Purpose != "marketing" || c.State != "in" || c.Method != "form:"+formID {
		t.Errorf("%+v", c)
	}
	for _, part := range []string{formID, "肌診断", "お得な情報をメールで受け取る", "個人情報の取り扱い", "縁コスメがお預かりします。", id, "2026-11-20T03:00:00Z"} {
		if !strings.Contains(c.Text, part) {
			t.Errorf("no %s in the evidence %s", part, c.Text)
		}
	}
	for name, want := range map[string]string{"lead_id": id, "form_id": formID, "form_name": "肌診断", "ad_name": "秋の肌診断", "campaign_name": "秋の新規", "platform": "facebook"} {
		if got := what.Properties[name].Text; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if what.Type != "custom.lead_submitted" || what.Person.Email != "hanako@example.jp" || !strings.Contains(what.Properties["answers"].Text, "お肌の悩みは？: 乾燥, くすみ") {
		t.Errorf("%+v", what)
	}
}

// TestPermission: nothing but a ticked checkbox that asks for mail gives a permission.
func TestPermission(t *testing.T) {
	f := func(want int, ticked ...string) {
		t.Helper()
		r := newRig(t, nil)
		r.fill(hanako(ticked...))
		r.flush(true)
		if len(r.log) != 2 || len(r.log[0].Consent) != want {
			t.Errorf("%v: %+v", ticked, r.log)
		}
	}
	f(0)
	f(0, "terms")
	f(0, "!news", "terms")
	f(0, "never")
	f(1, "news")
}

// TestOwnMapping: the mapping of the source's name has the shop's own questions.
func TestOwnMapping(t *testing.T) {
	r := newRig(t, &mapping.Mapping{Title: mapping.Title{EN: "Leads", JA: "リード"}, Format: mapping.JSON, Rules: []mapping.Rule{{Event: "person.identified", Fields: map[string]string{
		"occurred_at": "body.created_time", "person.email": "body.fields.email", "person.traits.skin": `body.fields["お肌の悩みは？"]`}}}})
	r.fill(hanako())
	r.flush(true)
	if len(r.log) != 1 || r.log[0].Person.Traits["skin"].Text != "乾燥, くすみ" {
		t.Errorf("%+v", r.log)
	}
}

// TestForged: what is not signed by the app is answered with 401, before Meta is asked and without a trace.
func TestForged(t *testing.T) {
	r := newRig(t, nil)
	body := `{"object":"page","entry":[{"id":"1001","changes":[{"field":"leadgen","value":{"leadgen_id":"1"}}]}]}`
	for _, signature := range []string{"", "sha256=00", sim.Signature("other", []byte(body)), sim.Signature("app", []byte(body+" "))} {
		req := httptest.NewRequest(http.MethodPost, r.url, strings.NewReader(body))
		req.RequestURI = ""
		req.Header.Set("X-Hub-Signature-256", signature)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q is answered with %d", signature, res.StatusCode)
		}
	}
	if len(r.log)+len(r.dead)+len(r.Calls()) != 0 {
		t.Errorf("%v %v %v", r.log, r.dead, r.Calls())
	}
}

// TestRepeats: a webhook that comes again, and one that tells the lead beside others, make the same events.
func TestRepeats(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.fill(hanako("news")), r.fill(sim.Lead{Form: formID, Organic: true, Platform: "ig", Answers: [][2]string{{"email", "taro@example.jp"}}})
	r.flush(true)
	first := slices.Clone(r.ids)
	change := func(id string) string {
		return `{"field":"leadgen","value":{"leadgen_id":` + id + `,"page_id":1001,"form_id":7001,"created_time":1793592246}}`
	}
	if err := r.Again(t.Context(), []byte(`{"object":"page","entry":[{"id":"1001","time":1,"changes":[`+change(b)+`,`+change(a)+`]}]}`)); err != nil {
		t.Fatal(err)
	}
	again := slices.Clone(r.ids[len(first):])
	slices.Sort(first)
	slices.Sort(again)
	if len(first) != 4 || !slices.Equal(first, again) {
		t.Errorf("%v and then %v", first, again)
	}
	for i, id := range slices.Compact(first) {
		if !strings.HasPrefix(id, "meta:leads:") || i > 3 {
			t.Error(id)
		}
	}
}

// TestOutage: what may pass lets Meta come again, and nothing is a dead letter or there twice; after half an hour it is one, and is
// taken again by its replay.
func TestOutage(t *testing.T) {
	faults := map[string]sim.Fault{"application limit": {Status: 400, Code: 4, Message: "Application request limit reached"}, "page limit": {Status: 400, Code: 32, Message: "Page request limit reached"},
		"business limit": {Status: 400, Code: 80005, Message: "too many calls"}, "own trouble": {Status: 500, Code: 2, Message: "temporarily unavailable"}, "gateway": {Status: 502}, "reset": {Reset: true}}
	for name, fault := range faults {
		for _, endpoint := range []string{"lead", "form"} {
			t.Run(name+" "+endpoint, func(t *testing.T) {
				r := newRig(t, nil)
				fault.Endpoint = endpoint
				fault.Times = 3 // also where the client of HTTP asks again by itself
				r.Inject(fault)
				r.fill(hanako("news"))
				r.flush(false)
				if len(r.log)+len(r.dead) != 0 {
					t.Fatalf("%v %v", r.log, r.dead)
				}
				r.ClearFaults()
				r.now = r.now.Add(5 * time.Minute)
				r.flush(true)
				if len(r.log) != 2 || len(r.dead) != 0 {
					t.Errorf("%v %v", r.log, r.dead)
				}
			})
		}
	}
	r := newRig(t, nil)
	r.Inject(sim.Fault{Endpoint: "lead", Times: -1, Status: 400, Code: 4, Message: "Application request limit reached"})
	r.fill(hanako("news"))
	r.flush(false)
	r.now = r.now.Add(Patience)
	r.flush(true)
	if len(r.log) != 0 || len(r.dead) != 1 || !strings.Contains(r.dead[0].Reason, "half an hour") || !strings.Contains(r.dead[0].ReasonJA, "30 分間") {
		t.Fatalf("%v %+v", r.log, r.dead)
	}
	r.ClearFaults()
	if err := r.hooks.Replay(t.Context(), &r.dead[0], r.dead[0].Raw); err != nil || len(r.log) != 2 {
		t.Errorf("%v %v", err, r.log)
	}
}

// TestRefused: what would not pass is a dead letter at once, with what to do; its replay takes the lead when that was done. Leads beside it come.
func TestRefused(t *testing.T) {
	f := func(want string, alerts int, spoil, mend func(r *rig, id string)) {
		t.Helper()
		r := newRig(t, nil)
		id := r.fill(hanako("news"))
		spoil(r, id)
		r.flush(true)
		if len(r.log) != 0 || len(r.dead) != 1 || !strings.Contains(r.dead[0].Reason, want) || !strings.Contains(r.dead[0].Reason, id) || r.dead[0].ReasonJA == r.dead[0].Reason || len(r.alerts) != alerts {
			t.Fatalf("%s: %+v %+v %v", want, r.log, r.dead, r.alerts)
		}
		var refusal *ingest.Refusal
		if err := r.hooks.Replay(t.Context(), &r.dead[0], r.dead[0].Raw); !errors.As(err, &refusal) {
			t.Fatalf("%s: a replay before it is mended: %v", want, err)
		}
		mend(r, id)
		if err := r.hooks.Replay(t.Context(), &r.dead[0], r.dead[0].Raw); err != nil || len(r.log) != 2 || len(r.log[0].Consent) != 1 {
			t.Errorf("%s: %v %v", want, err, r.log)
		}
	}
	f("sources.leads.token", 1, func(r *rig, _ string) { r.Revoke(page, true) }, func(r *rig, _ string) { r.Revoke(page, false) })
	f("90 days", 0, func(r *rig, id string) { r.Lose(id, true) }, func(r *rig, id string) { r.Lose(id, false) })
	f("leads_retrieval", 0, func(r *rig, _ string) {
		r.Inject(sim.Fault{Endpoint: "lead", Times: -1, Status: 403, Code: 200, Message: "Requires leads_retrieval permission"})
	}, func(r *rig, _ string) { r.ClearFaults() })
	f("another app than the one whose secret stands at sources.leads.secret", 0, func(r *rig, _ string) { r.leads.cfg.Secret = "another" }, func(r *rig, _ string) { r.leads.cfg.Secret = "app" })
	f("its form", 0, func(r *rig, _ string) {
		r.Inject(sim.Fault{Endpoint: "form", Times: -1, Status: 403, Code: 10, Message: "Requires pages_manage_ads permission"})
	}, func(r *rig, _ string) { r.ClearFaults() })

	r := newRig(t, nil)
	a, b := r.fill(hanako()), r.fill(sim.Lead{Form: formID, Answers: [][2]string{{"email", "taro@example.jp"}}})
	r.Lose(a, true)
	if err := r.Again(t.Context(), []byte(fmt.Sprintf(`{"object":"page","entry":[{"id":"1001","changes":[{"field":"leadgen","value":{"leadgen_id":"%s"}},{"field":"leadgen","value":{"leadgen_id":"%s"}}]}]}`, a, b))); err != nil {
		t.Fatal(err)
	}
	if len(r.log) != 2 || r.log[0].Person.Email != "taro@example.jp" || len(r.dead) != 1 {
		t.Errorf("%v %v", r.log, r.dead)
	}
}

// TestBesideLeads: leads without what tells the ad, leads of nobody, tests and other webhooks.
func TestBesideLeads(t *testing.T) {
	r := newRig(t, nil)
	r.PutForm(sim.Form{ID: "7002", Page: page, Name: "資料請求", NoAds: true})
	r.fill(sim.Lead{Form: "7002", Answers: [][2]string{{"email", "a@example.jp"}}})
	r.flush(true)
	if len(r.log) != 2 || r.log[1].Properties["form_name"].Text != "資料請求" || r.log[1].Properties["ad_name"].Text != "" {
		t.Errorf("%+v %+v", r.log, r.dead)
	}
	r.log = nil
	r.fill(sim.Lead{Form: "7002", Answers: [][2]string{{"full_name", "誰か"}}})
	r.flush(true)
	if len(r.log) != 0 || len(r.dead) != 1 {
		t.Errorf("a lead of nobody: %+v %+v", r.log, r.dead)
	}
	r.dead = nil
	r.fill(sim.Lead{Form: "7002", Answers: [][2]string{{"email", "<test lead: dummy data for email>"}}})
	r.flush(true)
	for _, body := range []string{`{"object":"page","entry":[{"id":"0","changes":[{"field":"leadgen","value":{"leadgen_id":"444444444444","page_id":"444444444444"}}]}]}`,
		`{"object":"page","entry":[{"id":"1001","messaging":[{}]}]}`, `{"object":"page","entry":[{"id":"1001","changes":[{"field":"feed","value":{}}]}]}`} {
		if err := r.Again(t.Context(), []byte(body)); err != nil {
			t.Error(err)
		}
	}
	if len(r.log)+len(r.dead) != 0 {
		t.Errorf("%+v %+v", r.log, r.dead)
	}
	if err := r.Again(t.Context(), []byte(`{"object":"page","entry":[{"id":"1001","changes":[{"field":"leadgen","value":{}}]}]}`), []byte(`no JSON`)); err != nil || len(r.dead) != 2 || !strings.Contains(r.dead[0].Field, "leadgen_id") {
		t.Errorf("%v %+v", err, r.dead)
	}
}

// TestDocs takes a lead by the mapping of docs/sources.md.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "```yaml mapping\n")
	block, _, _ = strings.Cut(block, "```")
	var d struct{ Body mapping.Mapping }
	if err := yaml.Unmarshal([]byte(block), &d); err != nil || !ok {
		t.Fatal(err, ok)
	}
	r := newRig(t, &d.Body)
	r.PutForm(sim.Form{ID: formID, Page: page, Name: "肌診断", Boxes: []sim.Box{{Key: "optional_1", Text: "LINEとメールでのご案内に同意する"}}})
	lead := hanako("optional_1")
	r.fill(lead)
	r.flush(true)
	lead.Answers = append(lead.Answers, [2]string{"date_of_birth", "04/01/1990"})
	r.fill(lead)
	r.flush(true)
	if len(r.log) != 4 || len(r.dead) != 0 {
		t.Fatalf("%+v %+v", r.log, r.dead)
	}
	for i, birthday := range []string{"", "1990-04-01"} {
		e := r.log[2*i]
		if e.Person.Traits["skin"].Text != "乾燥, くすみ" || e.Person.Traits["birthday"].Text != birthday || len(e.Consent) != 1 || e.Consent[0].Channel != "email" {
			t.Errorf("%+v %+v", e.Person, e.Consent)
		}
	}
}
