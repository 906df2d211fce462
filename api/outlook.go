package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/journeys"
)

// outlookDays is how far ahead the page of the setting looks: the week on either side of a payday or a run of holidays fits.
const outlookDays = 14

type outlookInput struct {
	Body struct {
		Body json.RawMessage `json:"body" doc:"The setting journeys, as it would be saved."`
	}
}

// openHours is from one local time to a later one, up to 24:00.
type openHours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type outlookChannel struct {
	Channel string      `json:"channel" enum:"email,line,sms,push,social,postal"`
	Open    []openHours `json:"open" doc:"When advertising leaves; empty: not on this day."`
}

type outlookDay struct {
	Date     string           `json:"date"`
	Weekday  string           `json:"weekday" enum:"mon,tue,wed,thu,fri,sat,sun"`
	Holiday  string           `json:"holiday,omitempty" doc:"Name of the national holiday, in Japanese; of one that the setting adds, its date."`
	Closed   bool             `json:"closed" doc:"The shop's closed day."`
	Business bool             `json:"business" doc:"Neither weekend nor holiday nor closed."`
	Payday   bool             `json:"payday"`
	Channels []outlookChannel `json:"channels"`
}

// outlookPage is what a setting means.
type outlookPage struct {
	Problems    []problemDetail `json:"problems" doc:"What is wrong with it, each with its place, as caps.marketing: the rest is then about the setting as it is saved."`
	Days        []outlookDay    `json:"days" doc:"The next 14, from today of the shop's zone."`
	Timezone    string          `json:"timezone"`
	Hours       openHours       `json:"hours" doc:"Of the shop, on business days."`
	Cutoff      string          `json:"cutoff" doc:"Until when an order leaves on a business day."`
	HolidaysEnd string          `json:"holidays_end" doc:"The last national holiday that is known."`
	Accelerated bool            `json:"accelerated" doc:"Time is shortened for a demonstration: hours and days do not apply."`
	People      uint64          `json:"people" doc:"Everybody there is."`
	Held        uint64          `json:"held" doc:"About how many of them get no advertising at all."`
	May         bool            `json:"may" doc:"The caller may change the setting."`
}

type outlookOutput struct{ Body outlookPage }

// getOutlook says what the setting journeys, as it is or as it is being written, means for the days ahead. Nothing is refused: somebody
// is in the middle of writing.
func (a *API) getOutlook(ctx context.Context, in *outlookInput) (*outlookOutput, error) {
	if members(in.Body.Body) == nil {
		return nil, enishi.FieldError("body.body", "is no JSON object", "JSON オブジェクトにしてください。")
	}
	problems := []problemDetail{}
	set, err := journeys.ParseSettings(in.Body.Body)
	if err != nil {
		p, _ := problemOf(err)
		set, problems = a.journeySettings(), p.Errors
	}
	var people uint64
	if err := a.one(ctx, "SELECT count() FROM people FINAL", nil, &people); err != nil {
		return nil, fmt.Errorf("count people: %w", err)
	}
	hours, cutoff := set.ShopHours()
	page := outlookPage{Problems: problems, Timezone: set.Zone().String(), Hours: openHours(hours), Cutoff: cutoff, HolidaysEnd: set.HolidaysEnd().Format(time.DateOnly), Accelerated: set.Accelerate > 1,
		People: people, Held: uint64(float64(people)*set.Holdout/100 + 0.5), May: callOf(ctx).caller.role.includes(approver)}
	for _, d := range set.Outlook(a.now(), outlookDays) {
		x := outlookDay{Date: d.Date, Weekday: d.Weekday, Holiday: d.Holiday, Closed: d.Closed, Business: d.Business, Payday: d.Payday}
		for _, channel := range reachChannels {
			open := []openHours{}
			for _, h := range d.Open[channel] {
				open = append(open, openHours(h))
			}
			x.Channels = append(x.Channels, outlookChannel{channel, open})
		}
		page.Days = append(page.Days, x)
	}
	return &outlookOutput{page}, nil
}
