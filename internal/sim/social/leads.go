package social

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Form is a form of lead ads (LeadgenForm).
type Form struct {
	ID, Page, Name string
	Policy         string // address of the privacy policy
	Title, Text    string // of the custom disclaimer
	Boxes          []Box
	NoAds          bool // the token may not read what tells the ad (ads_read)
}

// Box is a checkbox of a disclaimer.
type Box struct {
	Key, Text         string
	Required, Default bool
}

// Lead is what a person fills in.
type Lead struct {
	Form     string
	Answers  [][2]string // name of the question, answer; a name again: one more of its answers
	Ticked   []string    // keys of checkboxes; with ! before it the box was left empty
	Organic  bool        // of no ad
	Platform string      // fb (default), ig
}

// filled is a lead that was filled in.
type filled struct {
	Lead
	id, page string
	at       time.Time
	lost     bool
}

// leadsFor is how long Meta keeps leads.
const leadsFor = 90 * 24 * time.Hour

// PutForm publishes a form.
func (s *Server) PutForm(f Form) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forms[f.ID] = &f
}

// Fill lets somebody fill in a form at the clock's now: the webhook that tells it is on its way. It gives the lead's id.
func (s *Server) Fill(l Lead) (string, error) {
	now := s.cfg.Now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.forms[l.Form]
	if f == nil {
		return "", fmt.Errorf("social simulator: there is no form %s", l.Form)
	}
	u, err := s.meet(f.Page, "lead")
	if err != nil {
		return "", err
	}
	if l.Platform == "" {
		l.Platform = "fb"
	}
	x := &filled{Lead: l, id: fmt.Sprint(880_000_000_000_000 + len(s.leads) + 1), page: f.Page, at: now}
	s.leads[x.id] = x
	value := map[string]any{"leadgen_id": x.id, "page_id": x.page, "form_id": f.ID, "created_time": now.Unix()}
	if !l.Organic {
		value["ad_id"], value["adgroup_id"] = leadAd, leadAd
	}
	s.post(u.account, map[string]any{"id": x.page, "time": now.Unix(), "changes": []any{map[string]any{"field": "leadgen", "value": value}}}, now)
	return x.id, nil
}

const leadAd = "6012345678901"

// Lose makes a lead as one that is not there.
func (s *Server) Lose(id string, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.leads[id]; x != nil {
		x.lost = lost
	}
}

// kindOf is what an id is of: lead, form, else account.
func (s *Server) kindOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leads[id] != nil {
		return "lead"
	}
	if s.forms[id] != nil {
		return "form"
	}
	return "account"
}

// pageOf is whose a lead or form is; empty for anything else.
func (s *Server) pageOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.leads[id]; x != nil {
		return x.page
	}
	if f := s.forms[id]; f != nil {
		return f.Page
	}
	return ""
}

// read answers with the fields of a lead or form that were asked for; id alone where none were.
func (s *Server) read(id, fields string) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all map[string]any
	x, f := s.leads[id], s.forms[id]
	if x != nil {
		if x.lost || s.cfg.Now().Sub(x.at) > leadsFor {
			return refuse(http.StatusBadRequest, 100, 33, "Unsupported get request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation", id)
		}
		if s.forms[x.Form].NoAds && strings.Contains(fields, "ad_id") {
			return refuse(http.StatusForbidden, 200, 0, "Requires ads_read permission to read ad fields of a lead")
		}
		all = x.fields()
	} else {
		all = f.fields()
	}
	out := map[string]any{"id": id}
	for _, name := range strings.Split(fields, ",") {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	return &answer{status: http.StatusOK, body: out}
}

func (x *filled) fields() map[string]any {
	out := map[string]any{"created_time": x.at.Format("2006-01-02T15:04:05-0700"), "form_id": x.Form, "is_organic": x.Organic, "platform": x.Platform}
	if !x.Organic {
		out["ad_id"], out["ad_name"], out["adset_id"], out["adset_name"], out["campaign_id"], out["campaign_name"] = leadAd, "秋の肌診断", leadAd+"1", "20代女性", leadAd+"2", "秋の新規"
	}
	type field struct {
		Name   string   `json:"name"`
		Values []string `json:"values"`
	}
	var data []*field
next:
	for _, a := range x.Answers {
		for _, d := range data {
			if d.Name == a[0] {
				d.Values = append(d.Values, a[1])
				continue next
			}
		}
		data = append(data, &field{a[0], []string{a[1]}})
	}
	out["field_data"] = data
	var ticked []json.RawMessage
	for _, key := range x.Ticked {
		state := "1"
		if rest, off := strings.CutPrefix(key, "!"); off { // a box that was left empty is told too
			key, state = rest, ""
		}
		ticked = append(ticked, json.RawMessage(fmt.Sprintf(`{"checkbox_key":%q,"is_checked":%q}`, key, state)))
	}
	if ticked != nil {
		out["custom_disclaimer_responses"] = ticked
	}
	return out
}

func (f *Form) fields() map[string]any {
	type box struct {
		Key      string `json:"key"`
		Text     string `json:"text"`
		Required bool   `json:"is_required"`
		Default  bool   `json:"is_checked_by_default"`
	}
	boxes := []box{}
	for _, b := range f.Boxes {
		boxes = append(boxes, box(b))
	}
	legal := map[string]any{"privacy_policy": map[string]string{"url": f.Policy}}
	if f.Text != "" || len(boxes) > 0 {
		legal["custom_disclaimer"] = map[string]any{"title": f.Title, "body": map[string]string{"text": f.Text}, "checkboxes": boxes}
	}
	return map[string]any{"name": f.Name, "legal_content": legal}
}
