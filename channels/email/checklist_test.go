package email

import (
	"context"
	"errors"
	"testing"
)

// dns answers from a map; a name with "!" cannot be asked.
func dns(txt, mx map[string][]string, away bool) Lookup {
	ask := func(from map[string][]string) func(context.Context, string) ([]string, error) {
		return func(_ context.Context, name string) ([]string, error) {
			if away {
				return nil, errors.New("no route to the resolver")
			}
			return from[name], nil
		}
	}
	return Lookup{TXT: ask(txt), MX: ask(mx)}
}

func states(items []Item) map[string]string {
	out := map[string]string{}
	for _, x := range items {
		out[x.Key] = x.State
	}
	return out
}

func TestChecklist(t *testing.T) {
	t.Parallel()
	keys, err := GenerateKeys(t.TempDir(), "hana.example", "s1")
	if err != nil {
		t.Fatal(err)
	}
	sender := func(change func(*Config)) *Channel {
		cfg := Config{Addr: "relay.hana.example:587", From: "shop@news.hana.example", Bounce: "bounce.hana.example", DKIM: keys}
		if change != nil {
			change(&cfg)
		}
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	good := map[string][]string{"bounce.hana.example": {"v=spf1 a:relay.hana.example ~all", "other=1"}, "_dmarc.hana.example": {"v=DMARC1; p=reject"}}
	for i := range keys {
		name, value, _ := keys[i].Record()
		good[name] = []string{value}
	}
	with := func(name string, records ...string) map[string][]string {
		out := map[string][]string{name: records}
		for k, v := range good {
			if k != name {
				out[k] = v
			}
		}
		return out
	}
	mx := map[string][]string{"bounce.hana.example": {"cdp.hana.example"}}
	for _, x := range []struct {
		name   string
		c      *Channel
		lookup Lookup
		want   map[string]string
	}{
		{"all is set", sender(nil), dns(good, mx, false), map[string]string{"from_alignment": ItemOK, "return_path": ItemOK, "spf": ItemOK, "dkim": ItemOK, "dmarc": ItemOK, "bounce_mx": ItemConfirm, "bimi": ItemOptional}},
		{"nothing is set", sender(nil), dns(nil, nil, false), map[string]string{"spf": ItemMissing, "dkim": ItemMissing, "dmarc": ItemMissing, "bounce_mx": ItemMissing, "bimi": ItemOptional}},
		{"nobody can be asked", sender(nil), dns(good, mx, true), map[string]string{"spf": ItemUnknown, "dkim": ItemUnknown, "dmarc": ItemUnknown, "bounce_mx": ItemUnknown, "bimi": ItemUnknown}},
		{"another key", sender(nil), dns(with("s1-ed._domainkey.hana.example", "v=DKIM1; k=ed25519; p=AAAA"), mx, false), map[string]string{"dkim": ItemWrong}},
		{"SPF lets everybody in", sender(nil), dns(with("bounce.hana.example", "v=spf1 +all"), mx, false), map[string]string{"spf": ItemWrong}},
		{"two SPF records", sender(nil), dns(with("bounce.hana.example", "v=spf1 -all", "v=spf1 mx -all"), mx, false), map[string]string{"spf": ItemWrong}},
		{"SPF of a provider", sender(nil), dns(with("bounce.hana.example", "v=spf1 include:_spf.esp.example -all"), mx, false), map[string]string{"spf": ItemConfirm}},
		{"DMARC without policy", sender(nil), dns(with("_dmarc.hana.example", "v=DMARC1; rua=mailto:a@b.example"), mx, false), map[string]string{"dmarc": ItemWrong}},
		{"a logo without DMARC", sender(nil), dns(map[string][]string{"default._bimi.news.hana.example": {"v=BIMI1; l=x"}}, mx, false), map[string]string{"bimi": ItemWrong}},
		{"no signature, foreign return path", sender(func(c *Config) { c.DKIM, c.Bounce = nil, "bounce.esp.example" }), dns(good, mx, false), map[string]string{"from_alignment": ItemWrong, "return_path": ItemWrong}},
		{"the relay may sign", sender(func(c *Config) { c.DKIM = nil }), dns(good, mx, false), map[string]string{"from_alignment": ItemConfirm, "return_path": ItemOK}},
		{"no return path", sender(func(c *Config) { c.Bounce = "" }), dns(good, mx, false), map[string]string{"return_path": ItemMissing, "bounce_mx": ""}},
	} {
		items := x.c.Checklist(context.Background(), x.lookup)
		got := states(items)
		for key, state := range x.want {
			if got[key] != state {
				t.Errorf("%s: %s is %q, want %q", x.name, key, got[key], state)
			}
		}
		for _, item := range items {
			if item.Text == "" || item.TextJA == "" || item.State == "" {
				t.Errorf("%s: %s says nothing: %+v", x.name, item.Key, item)
			}
		}
	}
}
