package channels_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/email"
	"enishi/channels/line"
	mailsim "enishi/internal/sim/mail"
)

// TestAnswersAreDocumented: docs/delivery.md has the table of the code. ENISHI_UPDATE=1 writes it.
func TestAnswersAreDocumented(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, x := range []struct {
		name string
		list []channels.Answer
	}{{"Mail server", email.Answers()}, {"LINE", line.Answers()}} {
		fmt.Fprintf(&b, "\n| %s answers | Means | Reason | Not before |\n|---|---|---|---|\n", x.name)
		for _, a := range x.list {
			after := ""
			if a.After > 0 {
				after = strings.TrimSuffix(a.After.String(), "0s")
			}
			if a.After > 0 && a.After < time.Minute {
				after = a.After.String()
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", a.What, a.Verdict, a.Reason, after)
		}
	}
	const file = "../docs/delivery.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "<!-- answers -->\n")
	had, after, ok := strings.Cut(rest, "<!-- /answers -->")
	if !ok {
		t.Fatal("docs/delivery.md has no place for the table")
	}
	want := b.String() + "\n"
	if had == want {
		return
	}
	if os.Getenv("ENISHI_UPDATE") == "" {
		t.Fatal("docs/delivery.md is not what the code says: run ENISHI_UPDATE=1 go test ./channels -run AnswersAreDocumented")
	}
	if err := os.WriteFile(file, []byte(before+"<!-- answers -->\n"+want+"<!-- /answers -->"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOneSystemSlowsOnlyItself: a receiving system that defers and closes on the SMTP simulator slows its own queue; what goes
// to the others over the same relay leaves as on a good day, and its own mail when it is over.
func TestOneSystemSlowsOnlyItself(t *testing.T) {
	t.Parallel()
	for _, reply := range []struct {
		code int
		text string
	}{{450, "4.7.1 too many messages from your host"}, {421, "4.7.0 too many connections"}} {
		t.Run(fmt.Sprint(reply.code), func(t *testing.T) {
			t.Parallel()
			sim := mailsim.New(mailsim.Config{Addr: "127.0.0.1:0"})
			done := make(chan error, 1)
			ctx := t.Context()
			go func() { done <- sim.Run(ctx) }()
			<-sim.Ready()
			account, err := email.New(email.Config{Addr: sim.Addr(), TLS: "none", From: "shop@hana.example", Conns: 16})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(account.Close)
			w := newWorld(t)
			p := w.start(routes(map[string]channels.Route{"email": {Channel: account, RepeatTransactional: time.Hour, Limit: channels.Limit{Workers: 4}}}), nil)
			all := map[string][]*enishi.Message{}
			for i := range 200 {
				for _, domain := range []string{"docomo.ne.jp", "gmail.com"} {
					to := fmt.Sprintf("p%d@%s", i, domain)
					m := message("email:main:"+enishi.MailGroup(to), "marketing", to)
					all[domain] = append(all[domain], m)
					if domain == "docomo.ne.jp" {
						sim.Inject(mailsim.Fault{Stage: mailsim.AtRcpt, To: to, Times: -1, Code: reply.code, Text: reply.text})
					}
				}
			}
			w.put(all["docomo.ne.jp"]...)
			w.eventually("docomo defers", func() bool { st := p.Status(); return len(st) == 1 && st[0].Waiting > 150 })
			start := time.Now()
			w.put(all["gmail.com"]...)
			w.eventually("gmail has all", func() bool { return w.ended(all["gmail.com"]...) })
			if d := time.Since(start); d > 30*time.Second { // who waits for the deferred ones waits for minutes
				t.Errorf("200 mails to the other system took %v", d)
			}
			if got := w.outcomes(all["gmail.com"]); got["message.sent"] != 200 {
				t.Errorf("gmail: %v", got)
			}
			for _, m := range all["docomo.ne.jp"] {
				if row := w.row(m); row.State == "failed" || row.State == "unknown" || row.State == "sent" {
					t.Fatalf("docomo's mail is %s %s", row.State, row.Reason)
				}
			}
			if n := sim.Count(); n != 200 {
				t.Errorf("%d mails arrived", n)
			}
			p.stop()
		})
	}
}

// TestLINEAnswers: each line of LINE's table is reached.
func TestLINEAnswers(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, x := range []struct {
		code int
		body string
		want string
	}{{200, "{}", "sent"}, {429, `{"message":"You have reached your monthly limit."}`, "refused"}, {429, `{"message":"The API rate limit has been exceeded."}`, "busy"}, {401, "", "down"}, {404, "", "down"},
		{500, "", "unknown"}, {400, "", "permanent"}} {
		api, err := line.New(line.Config{Token: "t", Client: &http.Client{Transport: handlerTransport{h: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(x.code)
			_, _ = w.Write([]byte(x.body))
		})}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = api.Send(t.Context(), rendered(message("line:main", "marketing", "U1")))
		got := "sent"
		if e, ok := err.(*channels.SendError); ok {
			got = e.Verdict()
		}
		if said[got] = true; got != x.want {
			t.Errorf("%d %s: %s, want %s", x.code, x.body, got, x.want)
		}
	}
	for _, a := range line.Answers() {
		if !said[a.Verdict] {
			t.Errorf("nothing is tried for %q (%s)", a.What, a.Verdict)
		}
	}
}
