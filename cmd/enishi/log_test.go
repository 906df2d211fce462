package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	linesim "enishi/internal/sim/line"
	mailsim "enishi/internal/sim/mail"
)

// personal is what a log must never hold: who somebody is, and what opens a door.
var personal = map[string]string{
	"address of a reader": "hana.enno@mail.example", "address that is refused": "refused.taro@mail.example", "local part": "hana.enno",
	"phone": "09012345678", "phone as written": "090-1234-5678", "phone in E.164": "+819012345678",
	"family name": "縁野", "given name": "花子", "kana": "ハナコ", "postal address": "銀座九丁目",
	"LINE user id": "U00000000000000000000000000000a11", "LINE user id of a stranger": "U00000000000000000000000000000b22",
	"LINE channel token": "channel-token-7f3a", "LINE channel secret": "channel-secret-51c9", "SMTP password": "mail-password-88d2",
	"wrong token": "adm_not-a-token-99e1", "broken link": "broken-link-token-31ab",
}

// TestLogTellsNobody runs journeys by mail and LINE, with refusals at every door, at the level debug; no value of a person and
// no secret is in the log.
func TestLogTellsNobody(t *testing.T) {
	t.Parallel()
	line := linesim.New(linesim.Config{ChannelSecret: personal["LINE channel secret"], ChannelToken: personal["LINE channel token"]})
	reader, stranger := personal["LINE user id"], personal["LINE user id of a stranger"]
	if err := line.Befriend(reader, personal["family name"]); err != nil {
		t.Fatal(err)
	}
	line.Inject(linesim.Fault{To: stranger, Times: -1, Status: 400, Message: "The user " + stranger + " cannot be reached"})
	provider := httptest.NewServer(line)
	defer provider.Close()
	mail := mailsim.New(mailsim.Config{Username: "shop", Password: personal["SMTP password"]})
	mail.Inject(mailsim.Fault{Stage: mailsim.AtRcpt, To: personal["address that is refused"], Times: -1, Code: 550, Text: "5.1.1 <" + personal["address that is refused"] + "> user unknown"})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = mail.Run(ctx) }()
	<-mail.Ready()
	s := start(t, []string{"ENISHI_LOG__LEVEL=debug", "ENISHI_LINE__ENDPOINT=" + provider.URL, "ENISHI_LINE__TOKEN=" + personal["LINE channel token"],
		"ENISHI_LINE__SECRET=" + personal["LINE channel secret"], "ENISHI_SMTP__ADDR=" + mail.Addr(), "ENISHI_SMTP__TLS=none", "ENISHI_SMTP__USER=shop",
		"ENISHI_SMTP__PASSWORD=" + personal["SMTP password"]}, "--data", t.TempDir())
	secrets := map[string]string{"write key": s.enishi("key", "create", "--write", "site")}
	publishWelcome(t, s)
	publishDeliveryNotice(t, s)
	s.settled(30 * time.Second)
	known, then := personalEvents()
	for _, events := range [][]map[string]any{known, then} { // who they are first: the topics of the others are read beside it
		if n, err := s.post(secrets["write key"], events); err != nil || n != len(events) {
			t.Fatal(n, err)
		}
		eventually(t, 20*time.Second, "it is known who they are", func() error {
			x, err := s.status()
			if err == nil && (x.Profiles != 3 || x.Events["person.identified"] != 3 || x.Events["line.followed"] != 2) {
				err = fmt.Errorf("%d profiles, events %v", x.Profiles, x.Events)
			}
			return err
		})
		s.settled(30 * time.Second)
	}
	if _, err := s.post(secrets["write key"], []map[string]any{{"type": "order.placed", "person": map[string]any{"email": personal["address of a reader"], "phone": 9012345678}}}); err == nil {
		t.Fatal("an event with a number for a phone is taken")
	}
	eventually(t, 30*time.Second, "every message has ended", func() error {
		x, err := s.status()
		if err == nil && (line.ReceivedCount(reader) == 0 || mail.Count() == 0 || x.Sends["line"]["sent"] != 1 || x.Sends["line"]["failed"] != 2 || x.Sends["email"]["sent"] != 1 || x.Sends["email"]["failed"] != 1) {
			err = fmt.Errorf("sends %v", x.Sends)
		}
		return err
	})
	s.settled(30 * time.Second)
	checkStatus(t, s)
	for name, token := range unsubscribe(t, mail) {
		secrets[name] = token
	}
	knock(t, s)
	secrets["console token"] = s.enishi("key", "create", "--role", "viewer", "reader")
	s.knockWith(t, secrets["console token"])
	s.stop()

	log := s.log.String()
	if !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, "wrong signature") {
		t.Errorf("the log is not at debug, or says too little to prove anything:\n%s", log)
	}
	for _, all := range []map[string]string{personal, secrets} {
		for what, value := range all {
			for _, form := range []string{value, strings.ToUpper(value), url.QueryEscape(value)} {
				if value == "" || strings.Contains(log, form) {
					t.Errorf("the log has the %s: %q", what, lineWith(log, form))
				}
			}
		}
	}
}

// checkStatus compares what `enishi status` says with what was sent.
func checkStatus(t *testing.T, s *server) {
	t.Helper()
	eventually(t, 30*time.Second, "the status", func() error {
		text := regexp.MustCompile(` +`).ReplaceAllString(s.enishi("status"), " ")
		for _, want := range []string{"profiles 3", "orders 3", "dead 0", "lag ingest 0", "lag events 0", "oldest due none", "event person.identified 3", "event line.followed 2",
			"event order.placed 3", "event shipment.shipped 3", "sends email sent 1", "sends email failed 1", "sends line sent 1", "sends line failed 2"} {
			if !slices.Contains(lines(text), want) {
				return fmt.Errorf("it does not say %q:\n%s", want, text)
			}
		}
		var x status
		if err := json.Unmarshal([]byte(s.enishi("status", "--json")), &x); err != nil {
			return err
		}
		if x.Profiles != 3 || x.Orders != 3 || x.Events["shipment.shipped"] != 3 || x.Sends["email"]["failed"] != 1 || x.OldestDue != nil || len(x.Lag) != 3 || x.Clock.Virtual {
			return fmt.Errorf("--json says %+v", x)
		}
		return nil
	})
}

func lineWith(log, value string) string {
	for _, l := range lines(log) {
		if strings.Contains(l, value) {
			return l
		}
	}
	return ""
}

// personalEvents are a reader by both channels, one whose mail is refused, and one whom LINE does not know.
func personalEvents() (known, then []map[string]any) {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	add := func(out *[]map[string]any, user string, e map[string]any) {
		e["userId"], e["messageId"], e["timestamp"] = user, fmt.Sprintf("m-%s-%d-%d", user, len(known), len(then)), at
		*out = append(*out, e)
	}
	for user, traits := range map[string]map[string]any{
		"c1": {"email": personal["address of a reader"], "phone": personal["phone as written"], "line_user_id": personal["LINE user id"], "family_name": personal["family name"],
			"given_name": personal["given name"], "given_name_kana": personal["kana"], "address1": personal["postal address"]},
		"c2": {"email": personal["address that is refused"]},
		"c3": {"line_user_id": personal["LINE user id of a stranger"]},
	} {
		traits["consent"] = map[string]any{"line": "in", "email": "in"}
		add(&known, user, map[string]any{"type": "identify", "traits": traits})
		if id, ok := traits["line_user_id"]; ok {
			add(&known, user, map[string]any{"type": "line.followed", "id": "f-" + user, "occurred_at": at, "person": map[string]any{"line_user_id": id}})
		}
		add(&then, user, map[string]any{"type": "track", "event": "Signed Up"})
		order := map[string]any{"order_id": "o-" + user, "total": "1000", "currency": "JPY", "products": []map[string]any{{"product_id": "p1", "price": "1000", "quantity": 1}}}
		add(&then, user, map[string]any{"type": "track", "event": "Order Completed", "properties": order})
		add(&then, user, map[string]any{"type": "track", "event": "shipment.shipped", "properties": map[string]any{"shipment_id": "s-" + user, "order_id": "o-" + user, "carrier": "yamato"}})
	}
	return known, then
}

// publishDeliveryNotice makes the gallery's delivery notice live.
func publishDeliveryNotice(t *testing.T, s *server) {
	t.Helper()
	all, err := galleryDefinitions(startingJourneys(), func(_ string, journey map[string]any) { delete(journey, "quiet_hours") })
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"template", "journey"} {
		for i := range all {
			if d := &all[i]; d.Kind == kind && strings.HasPrefix(d.Name, "delivery_") {
				s.put(d.Kind, d.Name, d.Body)
			}
		}
	}
}

// unsubscribe follows the links of a received mail and gives their tokens.
func unsubscribe(t *testing.T, mail *mailsim.Server) map[string]string {
	t.Helper()
	m, err := mailsim.Parse(mail.Mails()[0].Raw)
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for i, link := range regexp.MustCompile(`https?://[^\s"<>]+/[cuov]/([^\s"<>]+)`).FindAllStringSubmatch(m.HTML+m.Text, -1) {
		tokens[fmt.Sprintf("token of link %d", i)] = link[1]
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request(t, method, link[0], "", nil)
		}
	}
	if len(tokens) == 0 {
		t.Fatal("the mail has no links of ours")
	}
	return tokens
}

// knock tries what fails, and reads what has names.
func knock(t *testing.T, s *server) {
	t.Helper()
	for _, path := range []string{"/u/", "/c/", "/v/", "/k/"} {
		request(t, http.MethodGet, s.base+path+personal["broken link"], "", nil)
	}
	webhook := `{"destination":"x","events":[{"type":"follow","source":{"type":"user","userId":"` + personal["LINE user id"] + `"}}]}`
	request(t, http.MethodPost, s.base+"/line/webhook/default", webhook, map[string]string{"X-Line-Signature": "AAAA"})
	request(t, http.MethodPost, s.base+"/api/v1/session", `{"token":"`+personal["wrong token"]+`"}`, map[string]string{"Content-Type": "application/json"})
	request(t, http.MethodPost, s.base+"/v1/track", `{"event":"Signed Up","userId":"`+personal["address of a reader"]+`"}`, map[string]string{"Authorization": "Basic " + personal["wrong token"]})
	request(t, http.MethodPost, s.base+"/api/v1/segments/preview", `{"expression":"email == \"`+personal["address of a reader"]+`\" &&"}`, map[string]string{"Content-Type": "application/json"})
	for _, q := range []string{personal["address of a reader"], personal["phone as written"], personal["family name"], personal["kana"]} {
		var found struct {
			Total int
			Items []struct{ ID string }
		}
		if err := s.call("GET", "/people?q="+url.QueryEscape(q), nil, &found); err != nil || found.Total != 1 {
			t.Fatalf("%d people, %v", found.Total, err)
		}
		for _, part := range []string{"", "/timeline", "/decisions", "/export"} {
			if err := s.call("GET", "/people/"+found.Items[0].ID+part, nil, nil); err != nil {
				t.Error(err)
			}
		}
	}
}

// knockWith asks with a token, in the header and as a session.
func (s *server) knockWith(t *testing.T, token string) {
	t.Helper()
	request(t, http.MethodGet, s.base+"/api/v1/people", "", map[string]string{"Authorization": "Bearer " + token})
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	request(t, http.MethodPost, s.base+"/api/v1/session", string(body), map[string]string{"Content-Type": "application/json"})
}

func request(t *testing.T, method, url, body string, headers map[string]string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
}
