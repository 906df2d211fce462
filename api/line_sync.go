package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
)

// syncRow is how a comparison with LINE's list of friends stands, or stood at its end. It is kept by the process that does it.
type syncRow struct {
	State     string    `json:"state" enum:"none,running,done,failed"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Listed    int       `json:"listed" doc:"Friends that LINE listed, so far."`
	Added     int       `json:"added" doc:"Friends whom we did not know: known from now on; no journey starts by it."`
	Gone      int       `json:"gone" doc:"Friends whom LINE no longer lists: not written to any more."`
	Problem   Text      `json:"problem" doc:"Of failed."`
	Doubted   bool      `json:"doubted" doc:"It failed because LINE listed far fewer friends than are known here: if that is right, run it with force."`
}

// syncs are the comparisons of this process.
type syncs struct {
	mu   sync.Mutex
	rows map[string]syncRow
}

func (s *syncs) row(account string) syncRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.rows[account]; ok {
		return r
	}
	return syncRow{State: "none"}
}

func (s *syncs) change(account string, f func(*syncRow)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[account]
	f(&r)
	s.rows[account] = r
}

// begin notes that a comparison runs; false when one does already.
func (s *syncs) begin(account string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[string]syncRow{}
	}
	if s.rows[account].State == "running" {
		return false
	}
	s.rows[account] = syncRow{State: "running", StartedAt: now}
	return true
}

type syncInput struct {
	NamePath
	Body *struct {
		Force  bool   `json:"force,omitempty" doc:"Also when LINE lists far fewer friends than are known here."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type syncOutput struct{ Body syncRow }

const (
	syncLimit = 30 * time.Minute
	syncBatch = 500
	// Up to so many friends may be gone at once without a second thought, or half of them.
	syncFewGone = 100
)

// syncLineFollowers begins to compare with LINE's list of friends. How it goes stands with the account.
func (a *API) syncLineFollowers(_ context.Context, in *syncInput) (*syncOutput, error) {
	o, err := a.official(in.Name)
	if err != nil {
		return nil, err
	}
	start := a.cfg.Now().UTC().Truncate(time.Millisecond)
	if !a.syncs.begin(o.Name, start) {
		return nil, refusal(enishi.Conflict, "a comparison with LINE is running", "LINE との照合はすでに実行中です。")
	}
	force := in.Body != nil && in.Body.Force
	go func() { // it outlives the request, and ends with the process: the next one finds the same
		ctx, cancel := context.WithTimeout(context.Background(), syncLimit)
		defer cancel()
		a.endSync(o.Name, a.syncFollowers(ctx, o, start, force))
	}()
	return &syncOutput{a.syncs.row(o.Name)}, nil
}

func (a *API) endSync(account string, err error) {
	problem := Text{}
	var e *enishi.Error
	switch {
	case errors.As(err, &e):
		problem = Text{JA: e.MsgJA, EN: e.Msg}
	case err != nil:
		problem = Text{JA: "照合できませんでした。しばらくしてからもう一度お試しください。", EN: "The comparison failed. Try again in a while."}
	}
	if err != nil {
		a.log.Warn("friends are not compared with LINE", "account", account, "err", err)
	}
	now := a.cfg.Now().UTC()
	a.syncs.change(account, func(r *syncRow) {
		r.State, r.EndedAt, r.Problem = "done", now, problem
		if err != nil {
			r.State = "failed"
		}
	})
}

func (a *API) syncFollowers(ctx context.Context, o *line.Official, start time.Time, force bool) error {
	held, err := a.heldFriends(ctx, o)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	err = o.Channel.Followers(ctx, func(ids []string) error {
		for _, id := range ids {
			listed[id] = true
		}
		a.syncs.change(o.Name, func(r *syncRow) { r.Listed = len(listed) })
		return nil
	})
	if err != nil {
		return err
	}
	d := line.Compare(listed, held)
	if n := len(d.Gone); !force && n > syncFewGone && 2*n > len(held) {
		a.syncs.change(o.Name, func(r *syncRow) { r.Doubted = true })
		return &enishi.Error{Code: enishi.Conflict, Msg: fmt.Sprintf("LINE lists %d friends, %d of the %d known here are not among them: nothing was changed. If this is right, run it with force.", d.Listed, n, len(held)),
			MsgJA: fmt.Sprintf("LINE の友だちは %d 人で、登録済みの %d 人のうち %d 人が見当たりません。変更は行いませんでした。正しい場合は、強制実行（force）してください。", d.Listed, len(held), n)}
	}
	told := func(ids []string, followed bool, count func(*syncRow, int)) error {
		for at := 0; at < len(ids); at += syncBatch {
			some := ids[at:min(at+syncBatch, len(ids))]
			if err := a.takeEvents(ctx, o.SyncEvents(some, followed, start)); err != nil {
				return err
			}
			a.syncs.change(o.Name, func(r *syncRow) { count(r, len(some)) })
		}
		return nil
	}
	if err := told(d.New, true, func(r *syncRow, n int) { r.Added += n }); err != nil {
		return err
	}
	return told(d.Gone, false, func(r *syncRow, n int) { r.Gone += n })
}

// heldFriends are the LINE user ids that are known here as friends of an account. Of a person with several LINE users that
// are friends of different accounts each counts for both: the comparison tells what is so of each.
func (a *API) heldFriends(ctx context.Context, o *line.Official) (map[string]bool, error) {
	out := map[string]bool{}
	err := a.each(ctx, `SELECT DISTINCT value FROM identifiers FINAL WHERE kind = 'line' AND scope = {provider:String} AND value != ''
AND profile_id IN (SELECT profile_id FROM people FINAL WHERE `+friendSQL(o.Name)+`)`, []any{named("provider", o.Settings().Provider)}, func(rows driver.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		out[id] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the friends of %s: %w", o.Name, err)
	}
	return out, nil
}
