package api

import (
	"context"
	"maps"
	"slices"

	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

type adAccountRow struct {
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Platform  string   `json:"platform"`
	Recipient string   `json:"recipient" doc:"Who receives, by its legal name."`
	Country   string   `json:"country"`
	Basis     string   `json:"basis" enum:"consent,processor" doc:"On what ground identifiers are handed over: 第三者提供 with consent, or 委託."`
	Consent   string   `json:"consent" doc:"The permission that counts: channel.purpose."`
	Keys      []string `json:"keys" doc:"What the platform matches by."`
	Minimum   int      `json:"minimum"`
	Rebuilds  bool     `json:"rebuilds"`
	Values    bool     `json:"values"`
	Simulated bool     `json:"simulated" doc:"A simulator of this process: nothing leaves."`
	Notice    *Text    `json:"notice,omitempty" doc:"What somebody has to do by hand, at platforms that take no list from us."`
}

// byHand says what somebody has to do at a platform that takes no list from us; nil at others.
func byHand(f *audiences.Facts) *Text {
	if !f.ByHand {
		return nil
	}
	return &Text{"出力したファイルを、広告マネージャーのオーディエンスに手動で（ハッシュ化済みのデータとして）アップロードしてください。外れた方は、新しいファイルでオーディエンスを作り直すまで媒体側に残ります。",
		"Upload the files by hand to an audience in the platform's ads manager, as hashed data. Who left stays there until an audience that is made of newer files takes its place."}
}

func (a *API) listAdAccounts(context.Context, *struct{}) (*listOutput[adAccountRow], error) {
	out := listOf([]adAccountRow{})
	for _, name := range slices.Sorted(maps.Keys(a.cfg.AdAccounts)) {
		d := a.cfg.AdAccounts[name]
		f := d.Platform.Facts()
		row := adAccountRow{Name: name, Title: d.Title, Platform: f.Platform, Recipient: d.Recipient, Country: d.Country, Basis: d.Basis, Consent: d.Consent, Keys: []string{}, Minimum: f.Minimum, Rebuilds: !f.Removal, Values: f.Values, Simulated: d.Simulated, Notice: byHand(&f)}
		if rules, ok := match.For(f.Platform); ok {
			for _, k := range rules.Kinds() {
				row.Keys = append(row.Keys, string(k))
			}
		}
		out.Body.Items = append(out.Body.Items, row)
	}
	return out, nil
}
