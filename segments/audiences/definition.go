package audiences

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/segments/audiences/match"
)

// Kind is the kind of definitions that are audiences.
const Kind = "audience"

// Uses of an audience.
const (
	Include = "include" // show advertisements to them
	Exclude = "exclude" // spare them advertisements, such as buyers
	Seed    = "seed"    // find people like them (lookalike)
	Value   = "value"   // seed that says how much each is worth
)

// Uses lists the uses.
func Uses() []string { return []string{Include, Exclude, Seed, Value} }

// Definition is the body of an audience's definition.
type Definition struct {
	Title       string       `json:"title"`
	Segment     string       `json:"segment"`
	Destination string       `json:"destination"` // name of an account of the configuration (ads.NAME)
	Use         string       `json:"use,omitempty"`
	Keys        []match.Kind `json:"keys,omitempty"`  // none: email, phone and LINE, as far as the platform takes them
	Every       string       `json:"every,omitempty"` // pause between two runs: 15m to 24h; empty with no Daily: 1h
	Daily       string       `json:"daily,omitempty"` // time of day in the shop's zone: 03:30
	Minimum     int          `json:"minimum,omitempty"`
	Paused      bool         `json:"paused,omitempty"`
}

// Bounds of Every.
const (
	shortest = 15 * time.Minute
	longest  = 24 * time.Hour
)

// Parse reads a definition and checks what can be checked without knowing segments and destinations.
func Parse(body []byte) (*Definition, error) {
	var d Definition
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, enishi.FieldError("body", "is no audience: "+err.Error(), "オーディエンスの定義として読めません: "+err.Error())
	}
	if d.Use == "" {
		d.Use = Include
	}
	if len(d.Keys) == 0 {
		d.Keys = []match.Kind{match.Email, match.Phone, match.LINE}
	}
	switch {
	case strings.TrimSpace(d.Title) == "":
		return nil, enishi.FieldError("body.title", "is needed", "名前を入れてください。")
	case d.Segment == "":
		return nil, enishi.FieldError("body.segment", "name the segment", "セグメントを選んでください。")
	case d.Destination == "":
		return nil, enishi.FieldError("body.destination", "name the account at the platform", "送り先の広告アカウントを選んでください。")
	case !slices.Contains(Uses(), d.Use):
		return nil, enishi.FieldError("body.use", "is one of "+strings.Join(Uses(), ", "), "用途は include、exclude、seed、value のどれかにしてください。")
	case d.Minimum < 0:
		return nil, enishi.FieldError("body.minimum", "is a number of people, or 0 for the platform's own", "最小人数は 0 以上にしてください。")
	case d.Every != "" && d.Daily != "":
		return nil, enishi.FieldError("body.daily", "give every or daily, not both", "「間隔」と「毎日の時刻」はどちらか一方にしてください。")
	}
	for i, k := range d.Keys {
		if !slices.Contains(match.Kinds(), k) || slices.Index(d.Keys, k) != i {
			return nil, enishi.FieldError(fmt.Sprintf("body.keys[%d]", i), "is one of email, phone, line, name, customer, each once", "照合に使う項目は email、phone、line、name、customer から一度ずつ選んでください。")
		}
	}
	if d.Every != "" {
		if every, err := time.ParseDuration(d.Every); err != nil || every < shortest || every > longest {
			return nil, enishi.FieldError("body.every", "is a pause from 15m to 24h", "間隔は 15m から 24h までにしてください。")
		}
	}
	if d.Daily != "" {
		if at, err := time.Parse("15:04", d.Daily); err != nil || at.Format("15:04") != d.Daily {
			return nil, enishi.FieldError("body.daily", "is a time of day such as 03:30", "時刻は 03:30 の形で入れてください。")
		}
	}
	return &d, nil
}

// Next is when an audience is due after a run that began at last; zone is the shop's.
func (d *Definition) Next(last time.Time, zone *time.Location) time.Time {
	if last.IsZero() {
		return last
	}
	if d.Daily != "" {
		at, _ := time.Parse("15:04", d.Daily) // was checked
		l := last.In(zone)
		next := time.Date(l.Year(), l.Month(), l.Day(), at.Hour(), at.Minute(), 0, 0, zone)
		if !next.After(last) {
			next = time.Date(l.Year(), l.Month(), l.Day()+1, at.Hour(), at.Minute(), 0, 0, zone)
		}
		return next
	}
	every := time.Hour
	if d.Every != "" {
		every, _ = time.ParseDuration(d.Every) // was checked
	}
	return last.Add(every)
}
