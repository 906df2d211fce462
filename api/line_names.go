package api

import (
	"context"
	"sync"
	"time"

	"enishi"
	"enishi/channels/line"
)

// linePerson is how a person shows on LINE.
type linePerson struct {
	Account string `json:"account" doc:"The official account that LINE answered by."`
	User    string `json:"user"`
	Name    string `json:"name" doc:"As the person calls themselves on LINE: no name of theirs for anything else."`
	Picture string `json:"picture,omitempty"`
}

// lineNames keeps LINE's answers for a while. They are LINE's and change at the person's will, so they stand in no table.
type lineNames struct {
	mu    sync.Mutex
	known map[lineKey]lineAnswer
}

type lineKey struct{ account, user string }

type lineAnswer struct {
	at      time.Time
	found   bool
	profile line.UserProfile
}

const (
	lineNameAge   = time.Hour
	maxLineNames  = 10_000
	lineNameLimit = 3 * time.Second
)

// getLinePerson asks LINE by the account whose friend the person is.
func (a *API) getLinePerson(ctx context.Context, in *PersonPath) (*listOutput[linePerson], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := listOf([]linePerson{})
	if a.cfg.LINE == nil {
		return out, nil
	}
	ctx, done := context.WithTimeout(ctx, lineNameLimit)
	defer done()
	for i := range p.Subjects {
		s := &p.Subjects[i]
		if s.Kind != enishi.LINEUser || s.Value == "" {
			continue
		}
		for _, account := range s.Accounts() {
			x, found, err := a.lineName(ctx, account, s.Value)
			if err != nil {
				return nil, &enishi.Error{Code: enishi.Unavailable, Msg: "LINE does not answer now", MsgJA: "LINE から表示名を取得できませんでした。", Err: err}
			}
			if found {
				out.Body.Items = append(out.Body.Items, linePerson{account, s.Value, x.Name, x.Picture})
				break
			}
		}
	}
	return out, nil
}

func (a *API) lineName(ctx context.Context, account, user string) (p line.UserProfile, found bool, err error) {
	official, ok := a.cfg.LINE.Get(account)
	if !ok {
		return p, false, nil
	}
	key, now := lineKey{account, user}, a.cfg.Now()
	a.lineNames.mu.Lock()
	old, ok := a.lineNames.known[key]
	a.lineNames.mu.Unlock()
	if ok && now.Sub(old.at) < lineNameAge {
		return old.profile, old.found, nil
	}
	p, found, err = official.Channel.UserProfile(ctx, user)
	if err != nil {
		return p, false, err
	}
	a.lineNames.mu.Lock()
	defer a.lineNames.mu.Unlock()
	if a.lineNames.known == nil || len(a.lineNames.known) >= maxLineNames {
		a.lineNames.known = map[lineKey]lineAnswer{}
	}
	a.lineNames.known[key] = lineAnswer{now, found, p}
	return p, found, nil
}
