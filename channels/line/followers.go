package line

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"enishi"
)

// followersPage is how many ids LINE gives at a time.
const followersPage = 1000

// Followers reads the user ids of all friends of the account, page by page, as LINE lists them. LINE gives them to verified
// and premium accounts only.
func (c *Channel) Followers(ctx context.Context, each func(ids []string) error) error {
	next := ""
	for {
		path := "/v2/bot/followers/ids?limit=" + strconv.Itoa(followersPage)
		if next != "" {
			path += "&start=" + url.QueryEscape(next)
		}
		var page struct {
			IDs  []string `json:"userIds"`
			Next string   `json:"next"`
		}
		if _, err := c.request(ctx, call{method: http.MethodGet, path: path}, &page); err != nil {
			return followersError(err)
		}
		if err := each(page.IDs); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		next = page.Next
	}
}

func followersError(err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	switch r.Status {
	case http.StatusForbidden:
		return &enishi.Error{Code: enishi.Conflict, Msg: "LINE lists the friends of verified and premium accounts only: apply for verification in the LINE Official Account Manager",
			MsgJA: "友だちの一覧を取得できるのは、認証済アカウントとプレミアムアカウントだけです。LINE Official Account Manager で認証を申請してください。", Err: err}
	case http.StatusUnauthorized:
		return &enishi.Error{Code: enishi.Conflict, Msg: "LINE does not accept the channel access token", MsgJA: "LINE がチャネルアクセストークンを受け付けません。トークンを確認してください。", Err: err}
	case http.StatusTooManyRequests:
		return &enishi.Error{Code: enishi.Unavailable, Msg: "LINE limits the rate of requests: try again in a while", MsgJA: "LINE への問い合わせが多すぎます。しばらくしてからもう一度お試しください。", Err: err}
	}
	return &enishi.Error{Code: enishi.Unavailable, Msg: "LINE does not list the friends now", MsgJA: "LINE から友だちの一覧を取得できませんでした。", Err: err}
}

// Differences is what a comparison with LINE found.
type Differences struct {
	Listed int // friends at LINE
	New    []string
	Gone   []string
}

// Compare tells who is a friend at LINE and not here, and the other way round.
func Compare(listed, held map[string]bool) Differences {
	d := Differences{Listed: len(listed)}
	for id := range listed {
		if !held[id] {
			d.New = append(d.New, id)
		}
	}
	for id := range held {
		if !listed[id] {
			d.Gone = append(d.Gone, id)
		}
	}
	return d
}

// SyncEvents are what a comparison that began at start tells of people: facts that start no journey. Whatever LINE tells of
// the time after start outdoes them.
func (o *Official) SyncEvents(ids []string, followed bool, start time.Time) []enishi.Event {
	typ, provider := "line.unfollowed", o.Settings().Provider
	if followed {
		typ = "line.followed"
	}
	start = start.UTC().Truncate(time.Millisecond)
	out := make([]enishi.Event, len(ids))
	for i, id := range ids {
		key := "line-sync:" + o.Name + ":" + start.Format("20060102T150405.000") + ":" + id
		out[i] = enishi.Event{Version: enishi.EventVersion, ID: enishi.EventID(key), Message: key, Type: typ, Source: "line:" + o.Name, Channel: "social", At: start, Historical: true,
			Person:     &enishi.Person{LineUserID: id, LineProvider: provider},
			Properties: map[string]enishi.Value{"account": enishi.TextValue(o.Name), "sync": enishi.BoolValue(true)}}
	}
	return out
}
