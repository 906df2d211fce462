package email

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/definitions"
	"enishi/internal/stream"
)

// desk is an intake with what came of what it took.
type desk struct {
	*Intake
	m                  *enishi.Message
	token, unsubscribe string
	told, wrote        []enishi.Event
	dead               []Refused
	alerts             []enishi.Alert
	fail               error
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	now := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	d := &desk{m: &enishi.Message{SendID: enishi.NewID("send", "1"), Round: 1, Profile: enishi.NewID("profile", "1"), Subject: enishi.NewID("subject", "1"), Channel: "email",
		Destination: "email:default:gmail", Journey: "welcome", Node: "n1", Template: "hello", Purpose: "marketing", To: "hanako@example.jp", Language: "ja"}}
	renderer, err := channels.NewRenderer(channels.RendererConfig{Definitions: definitions.NewLog(), BaseURL: "https://cdp.hana.example", Key: make([]byte, 32), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	out, err := renderer.Preview([]byte(`{"channel":"email","purpose":"marketing","variants":{"ja":{"subject":"s","text":"t {{ links.unsubscribe }}"}}}`), d.m, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	d.token, d.unsubscribe = out.Bounce, out.Unsubscribe
	links, err := channels.NewLinks(channels.LinksConfig{Renderer: renderer, Partitions: 4, Now: func() time.Time { return now },
		Append: func(_ context.Context, recs []stream.Record) error {
			for _, r := range recs {
				var e enishi.Event
				if err := enishi.DecodeEvent(&e, r.Value); err != nil {
					return err
				}
				e.Profile = enishi.ID(r.Key)
				d.told = append(d.told, e)
			}
			return d.fail
		},
		Message: func(_ context.Context, send enishi.ID) (*enishi.Message, error) {
			if send != d.m.SendID {
				return nil, &enishi.Error{Code: enishi.NotFound, Msg: "no"}
			}
			return d.m, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	d.Intake, err = NewIntake(IntakeConfig{Links: links, Clock: func() time.Time { return now },
		Ingest: func(_ context.Context, events []enishi.Event) error {
			d.wrote = append(d.wrote, events...)
			return d.fail
		},
		Dead:  func(_ context.Context, _ []byte, why Refused) error { d.dead = append(d.dead, why); return d.fail },
		Alert: func(a enishi.Alert) { d.alerts = append(d.alerts, a) }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sample reads a mail of testdata: its first line says from whom to whom it came and what it is.
func (d *desk) sample(t *testing.T, path string) (from, to, is, reason, status string, raw []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "\n")
	for _, x := range strings.Fields(head)[1:] {
		switch name, value, ok := strings.Cut(x, "="); {
		case name == "from":
			from = strings.Trim(value, "<>")
		case name == "to":
			to = strings.Replace(value, "TOKEN", d.token+"@bounce.hana.example", 1)
		case name == "is":
			is = value
		case name == "reason":
			reason = value
		case name == "status":
			status = value
		case !ok:
			is += " " + x
		}
	}
	body = strings.NewReplacer("TOKEN", d.token, "SEND", d.m.SendID.String(), "UNSUB", d.unsubscribe).Replace(body)
	return from, to, is, reason, status, []byte(strings.ReplaceAll(body, "\n", "\r\n"))
}

// TestIntake: each sample becomes the fact that it tells, about the person whose mail it was, or a dead letter.
func TestIntake(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/inbound/*.eml")
	if err != nil || len(paths) < 15 {
		t.Fatal(len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".eml"), func(t *testing.T) {
			d := newDesk(t)
			from, to, is, reason, status, raw := d.sample(t, path)
			what, err := d.Take(context.Background(), from, to, raw)
			if err != nil || what != is {
				t.Fatalf("it is %q, want %q (%v)", what, is, err)
			}
			kind, class, _ := strings.Cut(is, " ")
			want := map[string][3]int{"bounce": {1, 0, 0}, "complaint": {1, 0, 0}, "opt_out": {1, 0, 0}, "reply": {0, 1, 0}, "auto": {0, 1, 0}, "refused": {0, 0, 1}, "delayed": {}}[kind]
			if got := [3]int{len(d.told), len(d.wrote), len(d.dead)}; got != want {
				t.Fatalf("told, wrote, dead: %v, want %v", got, want)
			}
			for _, e := range d.told {
				typ := map[string]string{"bounce": "message.bounced", "complaint": "message.complained", "opt_out": "message.unsubscribed"}[kind]
				if e.Type != typ || e.Profile != d.m.Profile || e.Subject != d.m.Subject || e.Result.SendID != d.m.SendID || e.Result.Journey != "welcome" {
					t.Errorf("told %s of %s: %+v", e.Type, e.Profile, e.Result)
				}
				if kind == "bounce" && (e.Result.Reason != class || e.Result.Code != strings.TrimSpace(status+" "+reason)) {
					t.Errorf("reason %q code %q, want %q, %q", e.Result.Reason, e.Result.Code, class, status+" "+reason)
				}
			}
			if blocked := class == Block; blocked != (len(d.alerts) == 1) || blocked && strings.Contains(d.alerts[0].Text, d.m.To) {
				t.Errorf("alerts %+v", d.alerts)
			}
			for _, e := range d.wrote {
				if e.Person.Email != d.m.To || e.Contact.Text == "" || strings.Contains(e.Contact.Text, ">") || (e.Type == "contact.opened") != (kind == "reply") || (e.Contact.Topic == "auto_reply") != (kind == "auto") {
					t.Errorf("wrote %+v %+v", e, e.Contact)
				}
			}
			for _, x := range d.dead {
				if x.Text == "" || x.TextJA == "" {
					t.Errorf("no words for %+v", x)
				}
			}
		})
	}
}

// TestIntakeAgain: what comes twice is one fact; what could not be stored is to come again; what the ledger has forgotten
// still counts, because the token says whom it is about.
func TestIntakeAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	from, to, _, _, _, raw := d.sample(t, "testdata/inbound/postfix_unknown.eml")
	for range 2 {
		if _, err := d.Take(context.Background(), from, to, raw); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.told) != 2 || d.told[0].ID != d.told[1].ID || d.told[0].ID.IsZero() {
		t.Errorf("told %+v", d.told)
	}
	d.fail = fmt.Errorf("the log is away")
	if _, err := d.Take(context.Background(), from, to, raw); err == nil {
		t.Error("a mail was taken that is stored nowhere")
	}
	d.fail = nil
	d.m.SendID = enishi.NewID("send", "2") // the ledger knows another one only
	d.told = nil
	if what, err := d.Take(context.Background(), from, to, raw); err != nil || what != "bounce hard" || len(d.told) != 1 || d.told[0].Profile != d.m.Profile {
		t.Errorf("%q %v %+v", what, err, d.told)
	}
}

func TestUnquoted(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"返品します\n\n2026年11月21日(土) 10:00 花の店 <a@b.example>:\n> x":      "返品します",
		"yes\n\nOn Sat, 21 Nov 2026, Hana <a@b.example> wrote:\n> x": "yes",
		"はい\n-----Original Message-----\nFrom: x":                    "はい",
		"> only a quotation": "> only a quotation",
	} {
		if got := unquoted(said); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}
