package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mailsim "enishi/internal/sim/mail"
)

// confirms asks for mail at an address twice: one mail comes, and only the button on its page gives the permission, with its
// evidence.
func (x *mailer) confirms(t *testing.T, inbox *mailsim.Server) {
	t.Helper()
	ready, err := galleryDefinitions(startingJourneys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ready {
		if d.Name == "confirm_mail" || d.Name == "double_opt_in" {
			x.put(d.Kind, d.Name, d.Body.(map[string]any))
		}
	}
	x.quiet(time.Minute, x.tables) // the journey is known to the fold
	const who = "asks@load.example"
	for i := range 2 {
		l := &load{key: x.write, to: []*server{x.server}, sent: acknowledged{}}
		err := l.send([]map[string]any{{"~type": "consent.requested", "type": "consent.requested", "id": fmt.Sprint("asked-", i), "occurred_at": time.Now().UTC().Format(time.RFC3339Nano),
			"person": map[string]any{"email": who}, "consent": []map[string]any{{"channel": "email", "state": "asked", "method": "form:footer", "text": "新商品のご案内を受け取る"}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	consent := func() string {
		return strings.Join(x.tables.rows("SELECT consents['email.marketing'] FROM people FINAL WHERE email = '"+who+"'"), ",")
	}
	link := ""
	eventually(t, 30*time.Second, "a mail asks", func() error {
		for _, m := range inbox.Mails() {
			if !slices.Contains(m.To, who) {
				continue
			}
			parsed, err := mailsim.Parse(m.Raw)
			if err != nil {
				return err
			}
			link = regexp.MustCompile(`http://\S+/k/[\w-]+`).FindString(parsed.Text)
		}
		if link == "" {
			return fmt.Errorf("none of %d mails", len(inbox.Mails()))
		}
		return nil
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		req, err := http.NewRequest(method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Language", "ja")
		req.Header.Set("X-Forwarded-For", "198.51.100.1") // from no proxy of ours
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := map[string]string{"GET": "申し込みを確定する", "POST": "お申し込みを承りました"}[method]; err != nil || answer.StatusCode != 200 || !strings.Contains(string(page), want) {
			t.Fatalf("%s: %s %v\n%s", method, answer.Status, err, page)
		}
		if method == http.MethodGet {
			x.quiet(time.Minute, x.tables)
			if got := consent(); got != "" {
				t.Errorf("a look at the page gave %q", got)
			}
		}
	}
	eventually(t, 30*time.Second, "the permission is given", func() error {
		if got := consent(); got != "in" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
	var found struct{ Items []struct{ ID string } }
	eventually(t, 30*time.Second, "the permission's evidence", func() error {
		if err := x.call("GET", "/people?q="+who, nil, &found); err != nil || len(found.Items) != 1 {
			return fmt.Errorf("%+v %w", found, err)
		}
		var person struct {
			Consents []struct{ Channel, Purpose, State, Method string }
		}
		if err := x.call("GET", "/people/"+found.Items[0].ID, nil, &person); err != nil || len(person.Consents) != 1 || person.Consents[0].Method != "double_opt_in" {
			return fmt.Errorf("permissions %+v %w", person, err)
		}
		return nil
	})
	mails := 0
	for _, m := range inbox.Mails() {
		if slices.Contains(m.To, who) {
			mails++
		}
	}
	if mails != 1 {
		t.Errorf("%d mails asked", mails)
	}
}
