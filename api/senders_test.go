package api

import (
	"context"
	"errors"
	"strings"
	"testing"

	"enishi/channels/email"
)

// TestSenderChecklist: what the DNS says stands beside what to set; what could not be looked up is never green.
func TestSenderChecklist(t *testing.T) {
	sender, err := email.New(email.Config{Addr: "relay.shop.example:587", From: "店 <hello@shop.example>", Bounce: "bounce.shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	away := false
	ask := func(_ context.Context, name string) ([]string, error) {
		if away {
			return nil, errors.New("the resolver is away")
		}
		return map[string][]string{"_dmarc.shop.example": {"v=DMARC1; p=reject"}, "bounce.shop.example": {"v=spf1 a:relay.shop.example -all"}}[name], nil
	}
	w := newWorld(t, func(c *Config) {
		c.MailSender = func(name string) *email.Channel {
			if name == "default" {
				return sender
			}
			return nil
		}
		c.Lookup = email.Lookup{TXT: ask, MX: ask}
	})
	got := w.call("GET", "/senders/default/checklist", nil).want(200)
	for _, part := range []string{`"from":"hello@shop.example"`, `"ready":true`, `"key":"dmarc","label":{"ja":"DMARC","en":"DMARC"},"state":"ok"`, `"key":"spf"`, `v=spf1 a:relay.shop.example ~all`} {
		if !strings.Contains(got.text, part) {
			t.Errorf("no %s in %s", part, got.text)
		}
	}
	away = true
	got = w.call("GET", "/senders/default/checklist", nil).want(200)
	if !strings.Contains(got.text, `"ready":false`) || strings.Contains(got.text, `"key":"dmarc","label":{"ja":"DMARC","en":"DMARC"},"state":"ok"`) || !strings.Contains(got.text, "照会できませんでした") {
		t.Errorf("without a resolver: %s", got.text)
	}
	w.call("GET", "/senders/other/checklist", nil).want(404)
}
