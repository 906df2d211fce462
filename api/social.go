package api

import (
	"context"
	"time"

	"enishi/channels/dm/social"
	"enishi/profiles"
)

// socialChat is a person's conversation with one page or Instagram account.
type socialChat struct {
	Account      string         `json:"account"`
	Platform     string         `json:"platform" doc:"messenger or instagram."`
	Open         bool           `json:"open" doc:"The messaging window is open now."`
	WindowUntil  *time.Time     `json:"window_until" doc:"When the window closes, or closed; null: it never was open."`
	LastActionAt *time.Time     `json:"last_action_at" doc:"What the person did last that opens the window."`
	Unreachable  bool           `json:"unreachable" doc:"The platform said that the person cannot be reached, and they have done nothing since."`
	Permits      []socialPermit `json:"permits" doc:"Opt-ins to marketing messages."`
}

// socialPermit is an opt-in to marketing messages of one topic. Its token is the platform's secret and is not shown.
type socialPermit struct {
	Topic     string     `json:"topic"`
	Valid     bool       `json:"valid"`
	Since     *time.Time `json:"since"`
	ExpiresAt *time.Time `json:"expires_at" doc:"null: it does not end by itself."`
	StoppedAt *time.Time `json:"stopped_at"`
}

type socialState struct {
	Consent    string       `json:"consent" enum:"in,out,unknown" doc:"Permission for advertising by direct message."`
	Reachable  bool         `json:"reachable" doc:"Advertising can reach the person by direct message now."`
	ReachUntil *time.Time   `json:"reach_until" doc:"Until when, unless they act again; null: not at all; 2200 without end."`
	Chats      []socialChat `json:"chats"`
	LastSentAt *time.Time   `json:"last_sent_at" doc:"The newest direct message to the person."`
	LastReadAt *time.Time   `json:"last_read_at" doc:"When the person last saw one."`
}

type socialStateOutput struct{ Body socialState }

func (a *API) getSocialState(ctx context.Context, in *PersonPath) (*socialStateOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := socialStateOf(p.View(), a.cfg.Now())
	return &socialStateOutput{out}, nil
}

func socialStateOf(v *profiles.View, now time.Time) socialState {
	out := socialState{Chats: []socialChat{}, Consent: profiles.Unknown}
	if state, _ := v.Consent("social", profiles.Marketing); state != "" {
		out.Consent = state
	}
	until := v.SocialReach()
	out.Reachable = now.Before(until)
	if until.Year() > 2200 {
		until = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	out.ReachUntil = instantOrNull(until)
	for _, c := range v.Chats() {
		x := socialChat{Account: c.Account, Platform: c.Platform, Open: now.Before(c.OpenTo), WindowUntil: instantOrNull(c.OpenTo), LastActionAt: instantOrNull(c.ActedAt), Permits: []socialPermit{},
			Unreachable: !c.GoneAt.IsZero() && !c.ActedAt.After(c.GoneAt)}
		for i := range c.Permits {
			m := &c.Permits[i]
			x.Permits = append(x.Permits, socialPermit{Topic: m.Topic, Valid: now.Before(m.Ends()), Since: instantOrNull(m.At), ExpiresAt: instantOrNull(m.ExpiresAt), StoppedAt: instantOrNull(m.StoppedAt)})
		}
		out.Chats = append(out.Chats, x)
	}
	var sent, read time.Time
	for i := range v.Messages {
		if m := &v.Messages[i]; m.Channel == "social" {
			if m.SentAt.After(sent) {
				sent = m.SentAt
			}
			if m.OpenedAt.After(read) {
				read = m.OpenedAt
			}
		}
	}
	out.LastSentAt, out.LastReadAt = instantOrNull(sent), instantOrNull(read)
	return out
}

// instantOrNull is an instant, or nil when there is none.
func instantOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// socialAccount is a page or an Instagram account, and whether its token works.
type socialAccount struct {
	Name     string `json:"name"`
	Platform string `json:"platform"`
	Page     string `json:"page" doc:"Id that webhooks name."`
	Webhook  string `json:"webhook" doc:"Path of the webhook under the public address."`
	OK       bool   `json:"ok" doc:"The platform takes the token."`
	Title    string `json:"title" doc:"Its name there."`
	Problem  string `json:"problem" doc:"What the platform said."`
}

const socialStateTime = 3 * time.Second

func (a *API) listSocialAccounts(ctx context.Context, _ *struct{}) (*listOutput[socialAccount], error) {
	out := []socialAccount{}
	if a.cfg.Social != nil {
		for _, name := range a.cfg.Social.Names() {
			x, _ := a.cfg.Social.Get(name)
			out = append(out, stateOfSocial(ctx, x, a.cfg.Base))
		}
	}
	return listOf(out), nil
}

func stateOfSocial(ctx context.Context, x *social.Account, base string) socialAccount {
	ctx, cancel := context.WithTimeout(ctx, socialStateTime)
	defer cancel()
	s := socialAccount{Name: x.Name, Platform: x.Platform(), Page: x.Page(), Webhook: base + "/social/webhook/" + x.Name}
	title, err := x.State(ctx)
	if s.OK, s.Title = err == nil, title; err != nil {
		s.Problem = err.Error()
	}
	return s
}
