package api

import (
	"context"
	"maps"
	"slices"

	"enishi"
	"enishi/profiles"
)

// testerList is a list of testers with what each of them can be sent.
type testerList struct {
	Name    string      `json:"name"`
	Testers []testerRow `json:"testers"`
}

type testerRow struct {
	Tester   string         `json:"tester" doc:"As the list has it: the id of a customer or of a profile."`
	Profile  string         `json:"profile,omitempty" doc:"Empty: nobody has this id."`
	Name     string         `json:"name,omitempty"`
	Channels []channelReach `json:"channels" doc:"Whether a test may go to them, and why not. Consent is not asked for, as it is not for a test."`
}

// listTesters tells of each tester by which channels a test reaches them.
func (a *API) listTesters(ctx context.Context, _ *struct{}) (*listOutput[testerList], error) {
	out := listOf([]testerList{})
	d, ok := a.cfg.Definitions.Current("setting", testersName)
	if !ok {
		return out, nil
	}
	set, err := parseTesters(d.Body)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(set.Lists)) {
		list := testerList{Name: name, Testers: []testerRow{}}
		for _, who := range set.Lists[name] {
			row := testerRow{Tester: who, Channels: []channelReach{}}
			v, err := a.tester(ctx, who)
			if err != nil && enishi.ErrorCode(err) != enishi.NotFound {
				return nil, err
			}
			if err == nil {
				family, given, _, _ := v.Name()
				row.Profile, row.Name = v.Profile.ID.String(), fullName(family, given)
				for _, channel := range enishi.MessageChannels() {
					why := a.noTest(v, channel)
					row.Channels = append(row.Channels, channelReach{channel, why.isZero(), why})
				}
			}
			list.Testers = append(list.Testers, row)
		}
		out.Body.Items = append(out.Body.Items, list)
	}
	return out, nil
}

// noTest is why no test can go to somebody by a channel; zero when one can.
func (a *API) noTest(v *profiles.View, channel string) Text {
	account, _ := a.journeySettings().Destination(channel, profiles.Marketing, "")
	if to, ok := v.AddressOf(channel, account); !ok || to.Value == "" {
		return word("reach", "no_address."+channel)
	}
	if why, suppressed := v.SuppressedOf(channel, account); suppressed {
		return word("reason", why)
	}
	return Text{}
}
