package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi/channels/line"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// TestAdsConfig: each platform says what its account lacks, and secrets come from the environment.
func TestAdsConfig(t *testing.T) {
	check := func(yaml string) error {
		t.Helper()
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte("ads:\n  main: "+yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := LoadConfig(file, func() []string { return []string{"A=a", "B=b", "C=c", "D=d"} })
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Check()
	}
	for yaml, want := range map[string]string{
		`{platform: tiktk}`:                                             "ads.main.platform: give one of criteo",
		`{platform: google, account: 1-2}`:                              "needs account and key",
		`{platform: meta, token: t}`:                                    "meta needs account and token",
		`{platform: tiktok, account: 1}`:                                "tiktok needs account and token",
		`{platform: x, account: a, client_id: b}`:                       "token_secret",
		`{platform: criteo, account: 1, token: t}`:                      "client_secret",
		`{platform: line, basis: guess}`:                                "basis",
		`{platform: yahoo, account: 1, client_id: a, client_secret: b}`: "the refresh token",
		`{platform: file, place: depot, recipient: R, country: JP}`:     "place: give a name of places",
		`{platform: line_ads}`:                                          "place: give a name of places",
		`{platform: line_ads, format: csv}`:                             "leave it out of line_ads",
		`{platform: file, format: xlsx}`:                                "csv and parquet",
		`{platform: webhook, endpoint: "https://cdp.example/"}`:         "give recipient and country",
		`{platform: webhook, recipient: R, country: JP}`:                "needs the address",
		`{platform: line, consent: ads}`:                                "CHANNEL.PURPOSE",
		`{platform: line, country: Japan}`:                              "two letters",
	} {
		if err := check(yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
	for _, yaml := range []string{
		`{platform: tiktok, account: 1, token: "${A}"}`,
		`{platform: x, account: a, client_id: "${A}", client_secret: "${B}", token: "${C}", token_secret: "${D}"}`,
		`{platform: criteo, account: 1, client_id: "${A}", client_secret: "${B}"}`,
	} {
		if err := check(yaml); err != nil {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

// TestAdSimulators: without an account each platform has its simulator in the process, with a company that receives; a list can be made, filled and deleted there.
func TestAdSimulators(t *testing.T) {
	accounts, err := line.NewAccounts(line.AccountsConfig{Secrets: map[string]line.Secret{line.DefaultAccount: {Token: "t", Channel: "s"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := &workspace{cfg: &Config{}, now: time.Now, line: accounts}
	if err := w.buildAds(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = w.adSims.Run(t.Context()) }()
	for _, name := range slices.Sorted(maps.Keys(w.adAccounts)) {
		d := w.adAccounts[name]
		if d.Recipient == "" || len(d.Country) != 2 || d.Title == "" || d.Platform.Facts().Platform != name || companies[name].name == "" || !strings.Contains(adPlatforms(), name) {
			t.Errorf("%s: %+v", name, d)
		}
		if name == match.LINEOA { // the account's own audiences
			continue
		}
		rules, ok := match.For(name)
		if !ok {
			t.Fatal(name)
		}
		spec := &audiences.Spec{Audience: "vip", Title: "優良顧客"}
		id, err := d.Platform.Create(t.Context(), spec)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		member := audiences.Member{Keys: rules.Keys(&match.Person{Emails: []string{"a@example.jp"}}, match.Kinds())}
		var a audiences.Answer
		if whole, ok := d.Platform.(audiences.Whole); ok {
			a, err = whole.Write(t.Context(), id, spec, func(yield func(*audiences.Member, error) bool) {
				for range d.Platform.Facts().Minimum {
					if !yield(&member, nil) {
						return
					}
				}
			})
		} else {
			a, err = d.Platform.Add(t.Context(), id, spec, []audiences.Member{member})
		}
		if err != nil || a.Refused > 0 || len(a.Rejected) > 0 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		if err := d.Platform.Delete(t.Context(), id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
