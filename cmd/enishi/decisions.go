package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"enishi/journeys"
)

// decisionsCommand answers why somebody was sent something, or was not.
type decisionsCommand struct {
	client
	Person string `arg:"" help:"Profile id, customer id, e-mail address or phone number."`
	Limit  int    `help:"How many, the newest first; at most 500." default:"50"`
	JSON   bool   `help:"Print the answer as JSON, with every check that was made." name:"json"`
}

// Run prints one sentence for each decision, the newest first.
func (c *decisionsCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	id, err := api.profile(ctx, c.Person)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := api.call(ctx, "GET", fmt.Sprintf("/people/%s/decisions?limit=%d", url.PathEscape(id), c.Limit), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(s.out, string(raw))
		return err
	}
	var found struct {
		Items []struct {
			JourneyTitle journeys.Text `json:"journey_title"`
			Sent         bool
			Sentence     journeys.Text
		}
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	if len(found.Items) == 0 {
		none := "nothing has been decided about " + c.Person
		if s.japanese() {
			none = c.Person + " への配信は、まだ判断されていません"
		}
		_, err := fmt.Fprintln(s.out, none)
		return err
	}
	for _, d := range found.Items {
		sentence, about := d.Sentence.EN, " (“"+d.JourneyTitle.EN+"”)"
		if s.japanese() {
			sentence, about = d.Sentence.JA, "（「"+d.JourneyTitle.JA+"」）"
		}
		if d.Sent { // that sentence names the journey itself
			about = ""
		}
		if _, err := fmt.Fprintln(s.out, sentence+about); err != nil {
			return err
		}
	}
	return nil
}

// profile is the id of the one person whom a word finds: an id, a customer id, an address or a phone number. What finds nobody is taken
// for an id.
func (c *client) profile(ctx context.Context, word string) (string, error) {
	var found struct {
		Items []struct{ ID string }
	}
	if err := c.call(ctx, "GET", "/people?"+url.Values{"q": {word}, "limit": {"2"}}.Encode(), nil, &found); err != nil {
		return "", err
	}
	switch len(found.Items) {
	case 0:
		return word, nil
	case 1:
		return found.Items[0].ID, nil
	}
	if c.language == "ja" {
		return "", fmt.Errorf("「%s」に当てはまる方が複数います。プロファイル ID で指定してください", word)
	}
	return "", fmt.Errorf("several people are found by %q: name one by profile id", word)
}
