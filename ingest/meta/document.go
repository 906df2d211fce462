package meta

import (
	"strings"
	"time"
	"unicode/utf8"

	"enishi/ingest/mapping"
)

// document is what a mapping sees as body.
type document struct {
	LeadID        string            `json:"lead_id"`
	CreatedTime   time.Time         `json:"created_time"`
	PageID        string            `json:"page_id"`
	FormID        string            `json:"form_id"`
	FormName      string            `json:"form_name"`
	Platform      string            `json:"platform"` // facebook, instagram
	IsOrganic     bool              `json:"is_organic"`
	AdID          string            `json:"ad_id"`
	AdName        string            `json:"ad_name"`
	AdsetID       string            `json:"adset_id"`
	AdsetName     string            `json:"adset_name"`
	CampaignID    string            `json:"campaign_id"`
	CampaignName  string            `json:"campaign_name"`
	Fields        map[string]string `json:"fields"`  // answers by the name of the question; several of one with ", " between
	Answers       string            `json:"answers"` // all of them, a line each
	PrivacyPolicy string            `json:"privacy_policy"`
	Disclaimer    string            `json:"disclaimer"` // title and text above the checkboxes
	Disclaimers   []checkbox        `json:"disclaimers"`
}

type checkbox struct {
	Key      string `json:"key"`
	Text     string `json:"text"` // the words beside it
	Checked  bool   `json:"checked"`
	Required bool   `json:"required"`
	Default  bool   `json:"default"`  // it is ticked from the start
	Evidence string `json:"evidence"` // form, words, lead and time, for the permission that it gives
}

func documentOf(x *lead, f *form, page string, at time.Time) *document {
	out := &document{LeadID: string(x.ID), CreatedTime: at.UTC(), PageID: page, FormID: string(x.FormID), FormName: f.Name, Platform: x.Platform, IsOrganic: x.IsOrganic, AdID: string(x.AdID), AdName: x.AdName,
		AdsetID: string(x.AdsetID), AdsetName: x.AdsetName, CampaignID: string(x.CampaignID), CampaignName: x.CampaignName, Fields: map[string]string{}, PrivacyPolicy: f.Legal.Policy.URL, Disclaimers: []checkbox{}}
	if name, ok := map[string]string{"fb": "facebook", "ig": "instagram"}[x.Platform]; ok {
		out.Platform = name
	}
	var answers []string
	for _, a := range x.Fields {
		values := make([]string, len(a.Values))
		for i, v := range a.Values {
			values[i] = string(v)
		}
		out.Fields[a.Name] = strings.Join(values, ", ")
		answers = append(answers, a.Name+": "+out.Fields[a.Name])
	}
	out.Answers = strings.Join(answers, "\n")
	d := &f.Legal.Disclaimer
	out.Disclaimer = strings.TrimSpace(d.Title + "\n" + d.Body.Text)
	for _, r := range x.Disclaimers {
		b := checkbox{Key: r.Key, Checked: r.Checked == "1" || r.Checked == "true"}
		for _, k := range d.Boxes {
			if k.Key == r.Key {
				b.Text, b.Required, b.Default = k.Text, k.Required, k.Default
			}
		}
		b.Evidence = out.evidence(&b)
		out.Disclaimers = append(out.Disclaimers, b)
	}
	return out
}

// evidence is what a permission that came by a checkbox has to show.
func (x *document) evidence(b *checkbox) string {
	parts := []string{"Meta lead form " + x.FormID, x.FormName, "☑ " + b.Text + " [" + b.Key + "]"}
	if b.Default {
		parts = append(parts, "ticked by default")
	}
	parts = append(parts, "lead "+x.LeadID, x.CreatedTime.Format(time.RFC3339), strings.ReplaceAll(x.Disclaimer, "\n", " "))
	out := strings.Join(parts, " / ")
	if len(out) > maxWords {
		out = out[:maxWords]
		for !utf8.ValidString(out) {
			out = out[:len(out)-1]
		}
	}
	return out
}

// isTest tells leads of Meta's tool for tests, whose answers are "<test lead: dummy data for email>".
func (x *lead) isTest() bool {
	for _, a := range x.Fields {
		for _, v := range a.Values {
			if strings.HasPrefix(string(v), "<test lead:") {
				return true
			}
		}
	}
	return false
}

// asksForMail finds the checkboxes by which somebody asks for mail, refusing those that say the contrary. A doubt gives no
// permission; who has other words says so in a mapping.
const (
	asksForMail = `(?i)メルマガ|メールマガジン|ニュースレター|newsletter|(メール|e-?mail).*(受け取|受取|配信|送付|届|お知らせ|案内|購読)|(receive|subscribe|send).*e-?mail`
	refusing    = `(?i)ない|ません|不要|停止|拒否|don't|do not|unsubscribe|opt.?out`
)

// BuiltIn is the mapping that holds while a source has none of its own: the person, permission for mail where a checkbox that
// asks for it is ticked, and custom.lead_submitted, which journeys can begin with.
func BuiltIn() mapping.Mapping {
	who := map[string]string{"occurred_at": "body.created_time", "person.email": "firstOf(body.fields.email, body.fields.work_email)", "person.phone": "firstOf(body.fields.phone_number, body.fields.phone, body.fields.work_phone_number)"}
	person := map[string]string{
		"person.traits.name": "body.fields.full_name", "person.traits.family_name": "body.fields.last_name", "person.traits.given_name": "body.fields.first_name",
		"person.traits.postal_code": "firstOf(body.fields.post_code, body.fields.zip_code, body.fields.zip)", "person.traits.prefecture": "prefecture(firstOf(body.fields.state, body.fields.province))", "person.traits.city": "body.fields.city", "person.traits.address1": "body.fields.street_address",
		"consent[]":         "filter(body.disclaimers, .checked && .text matches \"" + asksForMail + "\" && not (.text matches \"" + refusing + "\"))",
		"consent[].channel": `"email"`, "consent[].purpose": `"marketing"`, "consent[].state": `"in"`, "consent[].method": `join(["form", body.form_id], ":")`, "consent[].text": "line.evidence"}
	lead := map[string]string{}
	for _, name := range []string{"lead_id", "form_id", "form_name", "page_id", "platform", "is_organic", "ad_id", "ad_name", "adset_name", "campaign_id", "campaign_name", "answers"} {
		lead["properties."+name] = "body." + name
	}
	for path, x := range who {
		person[path], lead[path] = x, x
	}
	return mapping.Mapping{Title: mapping.Title{EN: "Leads of Meta", JA: "Meta のリード"}, Format: mapping.JSON,
		Rules: []mapping.Rule{{Event: "person.identified", Fields: person}, {Event: "custom.lead_submitted", Fields: lead}}}
}
