package meta

import (
	"context"
	"encoding/json"
	"enishi/internal/signature"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// failure is an answer of the Graph API that is none.
type failure struct {
	code, subcode int // of Meta; 0: it gave none
	text          string
	passes        bool // coming again may help
}

func (f *failure) Error() string {
	if f.code == 0 {
		return f.text
	}
	return fmt.Sprintf("error %d: %s", f.code, f.text)
}

// denied: the token may not read what was asked for.
func (f *failure) denied() bool { return f.code == 10 || f.code >= 200 && f.code < 300 }

// passing tells which codes Meta gives for limits and for its own trouble
// (developers.facebook.com/docs/graph-api/guides/error-handling and /overview/rate-limiting).
func passing(code int) bool {
	switch code {
	case 1, 2, 4, 17, 32, 341, 368, 613:
		return true
	}
	return code >= 80_000 && code <= 80_014
}

// unproven: the token is of another app than the secret, or the app demands a secret and none is known.
func (f *failure) unproven() bool {
	return f.code == 100 && strings.Contains(f.text, "appsecret_proof")
}

const maxAnswer = 1 << 20

// get reads fields of an object.
func (l *Leads) get(ctx context.Context, id, fields string, into any) error {
	address := l.cfg.Endpoint + "/" + l.cfg.Version + "/" + url.PathEscape(id) + "?fields=" + url.QueryEscape(fields)
	if l.cfg.Secret != "" {
		address += "&appsecret_proof=" + signature.MetaProof(l.cfg.Token, l.cfg.Secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask Meta: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+l.cfg.Token)
	res, err := l.cfg.HTTP.Do(req)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) { // without the address
			err = asked.Err
		}
		return &failure{text: "Meta does not answer: " + err.Error(), passes: true}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return &failure{text: "Meta's answer breaks off: " + err.Error(), passes: true}
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(raw, into); err != nil {
			return &failure{text: "Meta's answer cannot be read: " + err.Error()}
		}
		return nil
	}
	var answer struct {
		Error struct {
			Message   string `json:"message"`
			Code      int    `json:"code"`
			Subcode   int    `json:"error_subcode"`
			Transient bool   `json:"is_transient"`
		} `json:"error"`
	}
	_ = json.Unmarshal(raw, &answer) // a gateway's page has none
	e := answer.Error
	return &failure{code: e.Code, subcode: e.Subcode, text: orElse(e.Message, "Meta answers "+res.Status),
		passes: e.Transient || passing(e.Code) || res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 && e.Code == 0}
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// text is a number or text of JSON; Meta writes ids both ways.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	s := strings.TrimSpace(string(raw))
	if s == "null" {
		return nil
	}
	if strings.HasPrefix(s, `"`) {
		return json.Unmarshal(raw, (*string)(t))
	}
	*t = text(s)
	return nil
}

// lead is what the API has of one (UserLeadGenInfo).
type lead struct {
	ID           text   `json:"id"`
	CreatedTime  string `json:"created_time"`
	FormID       text   `json:"form_id"`
	AdID         text   `json:"ad_id"`
	AdName       string `json:"ad_name"`
	AdsetID      text   `json:"adset_id"`
	AdsetName    string `json:"adset_name"`
	CampaignID   text   `json:"campaign_id"`
	CampaignName string `json:"campaign_name"`
	Platform     string `json:"platform"` // fb, ig
	IsOrganic    bool   `json:"is_organic"`
	Fields       []struct {
		Name   string `json:"name"`
		Values []text `json:"values"`
	} `json:"field_data"`
	Disclaimers []struct {
		Key     string `json:"checkbox_key"`
		Checked text   `json:"is_checked"` // "1"; else empty
	} `json:"custom_disclaimer_responses"`
}

// form is what the API has of a form (LeadgenForm).
type form struct {
	Name  string `json:"name"`
	Legal struct {
		Policy struct {
			URL string `json:"url"`
		} `json:"privacy_policy"`
		Disclaimer struct {
			Title string `json:"title"`
			Body  struct {
				Text string `json:"text"`
			} `json:"body"`
			Boxes []struct {
				Key      string `json:"key"`
				Text     string `json:"text"`
				Required bool   `json:"is_required"`
				Default  bool   `json:"is_checked_by_default"`
			} `json:"checkboxes"`
		} `json:"custom_disclaimer"`
	} `json:"legal_content"`
}

const (
	leadFields = "id,created_time,form_id,field_data,custom_disclaimer_responses,is_organic,platform"
	adFields   = ",ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name"
	formFields = "id,name,legal_content"
)

// fetch reads a lead. What tells the ad needs a permission of its own (ads_read): a lead comes without it too.
func (l *Leads) fetch(ctx context.Context, id string) (lead, error) {
	var out lead
	err := l.get(ctx, id, leadFields+adFields, &out)
	var f *failure
	if errors.As(err, &f) && f.denied() {
		err = l.get(ctx, id, leadFields, &out)
	}
	return out, err
}

// formOf reads a form, or remembers it: a published form does not change.
func (l *Leads) formOf(ctx context.Context, id string) (form, error) {
	now := l.cfg.Now()
	l.mu.Lock()
	x, ok := l.forms[id]
	l.mu.Unlock()
	if ok && now.Sub(x.at) < formFor {
		return x.form, nil
	}
	var out form
	if err := l.get(ctx, id, formFields, &out); err != nil {
		return out, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.forms) >= maxForms {
		clear(l.forms)
	}
	l.forms[id] = seenForm{out, now}
	return out, nil
}

type seenForm struct {
	form form
	at   time.Time
}

const (
	formFor  = time.Hour
	maxForms = 1000
)
