package line

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"enishi"
	"enishi/channels"
)

// Quota watches what an account may still send this month. LINE counts people, not message objects, and by the Japanese
// month; it is asked sparingly, and what was sent since the last answer is counted here. An account has one destination and
// so one sender among the replicas; the others only show the quota, each by asks of its own. LINE's own limit stands behind
// it all: it refuses by 429.
type Quota struct {
	account *Official
	alert   func(enishi.Alert)
	now     func() time.Time

	mu      sync.Mutex
	asked   time.Time // when LINE was last asked, with or without an answer
	known   bool      // LINE has answered this month
	month   string    // of what is known
	says    int       // what LINE says is the limit; 0: none
	used    int       // as LINE says, and as counted here since
	spent   bool      // LINE has refused for quota since it was asked
	pending map[enishi.ID]bool
	refused string // month in which a refusal was told
	warned  int    // highest share that was told this month
	raised  []enishi.Alert
}

// Usage is how an account's month stands.
type Usage struct {
	Month   string    // 2026-11, in Japan
	Limit   int       // messages a month; 0: none is known
	Used    int       // of them
	Left    int       // without what is kept; 0 without a limit
	Reserve int       // kept for notices
	Known   bool      // LINE has answered this month; else Used is what left from here since the start
	AskedAt time.Time // when LINE was last asked
	Until   time.Time // when the next month begins
}

const (
	// quotaEvery is how often LINE is asked at most: 12 times an hour, where it allows 60.
	quotaEvery = 5 * time.Minute
	// quotaTimeout bounds how long a message waits for LINE to tell the quota.
	quotaTimeout = 5 * time.Second
	// maxPending messages whose outcome is not known are remembered.
	maxPending = 10_000
)

// quotaShares are the percentages of the month's quota at which somebody is told.
func quotaShares() [2]int { return [...]int{80, 95} }

// japan is the zone of LINE's months; Japan has no summer time.
func japan() *time.Location { return time.FixedZone("JST", 9*60*60) }

func newQuota(o *Official) *Quota {
	q := &Quota{account: o, alert: o.of.cfg.Alert, now: o.of.cfg.Now, pending: map[enishi.ID]bool{}}
	if q.now == nil {
		q.now = time.Now
	}
	if q.alert == nil {
		q.alert = func(enishi.Alert) {}
	}
	return q
}

// unlock ends what mu guards; what it raised is told after that, so that nobody waits for it.
func (q *Quota) unlock() {
	raised := q.raised
	q.raised = nil
	q.mu.Unlock()
	for _, a := range raised {
		q.alert(a)
	}
}

// limit is the smaller of what LINE says and what the plan gives; 0: neither is known. mu is held.
func (q *Quota) limit() int {
	s := q.account.Settings()
	plan := s.most()
	if plan > 0 && (q.says == 0 || plan < q.says) {
		return plan
	}
	return q.says
}

// take counts n people against the quota, all or none. An error is a refusal for quota, until the month ends. A message
// whose earlier try may have been taken was counted then. Where no limit is known, LINE decides.
func (q *Quota) take(ctx context.Context, key enishi.ID, purpose string, n int) error {
	q.mu.Lock()
	defer q.unlock()
	now := q.now()
	q.roll(now)
	q.ask(ctx, now)
	limit := q.limit()
	if q.pending[key] {
		return nil
	}
	if limit > 0 {
		left, kept := limit-q.used, q.account.Settings().Reserve
		if purpose != "transactional" {
			left -= kept
		}
		if n > left || q.spent {
			if left <= 0 || q.spent {
				q.exhausted(now, kept)
			}
			e := channels.Refused("quota", fmt.Errorf("the month's quota of %d messages is used up: %d are sent, %d are kept for notices", limit, q.used, kept))
			e.After = monthEnd(now).Sub(now)
			return e
		}
	}
	q.used += n
	q.tell(now)
	return nil
}

// settle takes back what did not count: LINE did not take the message, or had counted it when it took it before.
func (q *Quota) settle(key enishi.ID, n int, r channels.Receipt, err error) {
	var e *channels.SendError
	unknown := err != nil && (!errors.As(err, &e) || e.Verdict() == "unknown")
	q.mu.Lock()
	defer q.unlock()
	if unknown {
		if len(q.pending) >= maxPending {
			clear(q.pending) // counted twice, at worst: until LINE is asked again
		}
		q.pending[key] = true
		return
	}
	counted := q.pending[key]
	delete(q.pending, key)
	if err != nil || r.Code == "409" && !counted {
		q.used = max(q.used-n, 0)
	}
	if e != nil && e.Reason == "quota" { // LINE knows better
		now := q.now()
		q.spent = true
		q.exhausted(now, 0)
	}
}

// Usage tells how the month stands, asking LINE if it has not been asked lately.
func (q *Quota) Usage(ctx context.Context) Usage {
	q.mu.Lock()
	defer q.unlock()
	now := q.now()
	q.roll(now)
	q.ask(ctx, now)
	u := Usage{Month: q.month, Limit: q.limit(), Used: q.used, Reserve: q.account.Settings().Reserve, Known: q.known, AskedAt: q.asked, Until: monthEnd(now)}
	if u.Limit > 0 && !q.spent {
		u.Left = max(u.Limit-u.Used-u.Reserve, 0)
	}
	return u
}

// roll begins a new month. mu is held.
func (q *Quota) roll(now time.Time) {
	if month := now.In(japan()).Format("2006-01"); month != q.month {
		q.month, q.used, q.warned, q.asked, q.known, q.spent = month, 0, 0, time.Time{}, false, false
		clear(q.pending)
	}
}

// ask asks LINE, if that is due. What it does not answer is asked for again when it is due the next time. mu is held:
// whoever sends meanwhile waits for the answer, at most quotaTimeout.
func (q *Quota) ask(ctx context.Context, now time.Time) {
	if !q.asked.IsZero() && now.Sub(q.asked) < quotaEvery {
		return
	}
	q.asked = now
	limit, used, err := q.account.Channel.quota(ctx)
	if err != nil {
		q.account.of.cfg.Log.Warn("LINE does not tell its quota", "account", q.account.Name, "err", err)
		return
	}
	q.known, q.says, q.used, q.spent = true, limit, used, false
	clear(q.pending) // LINE has counted what it took
	q.tell(now)
}

// tell warns once a month at each share of the quota. mu is held.
func (q *Quota) tell(now time.Time) {
	limit := q.limit()
	if limit == 0 {
		return
	}
	told := 0
	for _, share := range quotaShares() {
		if q.warned < share && q.used*100 >= limit*share {
			told = share
		}
	}
	if told == 0 {
		return
	}
	q.warned = told
	title := q.account.Settings().Title
	q.raised = append(q.raised, enishi.Alert{ID: enishi.NewID("alert", "line_quota", q.account.Name, q.month, fmt.Sprint(told)), Kind: "line_quota", Severity: "warning", At: now.UTC(),
		Text: fmt.Sprintf("%s has used %d of the %d LINE messages of this month (%d %%). When they are used up, messages are refused until %s; journeys take their next channel.",
			title.EN, q.used, limit, told, monthEnd(now).Format("2 January")),
		TextJA: fmt.Sprintf("「%s」は、今月の LINE メッセージ %d 通のうち %d 通（%d%%）を使いました。使い切ると %s まで LINE では送らず、ジャーニーの次のチャネルで送ります。",
			title.JA, limit, q.used, told, monthEnd(now).Format("1月2日"))})
}

// exhausted tells once a month that messages are refused from now on. mu is held.
func (q *Quota) exhausted(now time.Time, kept int) {
	if q.refused == q.month {
		return
	}
	q.refused = q.month
	title := q.account.Settings().Title
	but, butJA := "", ""
	if kept > 0 {
		but, butJA = fmt.Sprintf(" but for %d that are kept for notices", kept), fmt.Sprintf("（お知らせ用の %d 通を除く）", kept)
	}
	q.raised = append(q.raised, enishi.Alert{ID: enishi.NewID("alert", "line_quota", q.account.Name, q.month, "refused"), Kind: "line_quota", Severity: "error", At: now.UTC(),
		Text:   fmt.Sprintf("%s: the LINE messages of this month are used up%s. More are refused until %s; journeys take their next channel.", title.EN, but, monthEnd(now).Format("2 January")),
		TextJA: fmt.Sprintf("「%s」は今月の LINE メッセージを使い切りました%s。%s まで LINE では送らず、ジャーニーの次のチャネルで送ります。", title.JA, butJA, monthEnd(now).Format("1月2日"))})
}

// monthEnd is when LINE's quota begins anew.
func monthEnd(now time.Time) time.Time {
	d := now.In(japan())
	return time.Date(d.Year(), d.Month()+1, 1, 0, 0, 0, 0, japan())
}

// quota asks LINE for the month's limit (0: none) and what of it is used.
func (c *Channel) quota(ctx context.Context) (limit, used int, err error) {
	ctx, cancel := context.WithTimeout(ctx, min(quotaTimeout, c.cfg.Timeout))
	defer cancel()
	api, err := c.api(ctx)
	if err != nil {
		return 0, 0, err
	}
	most, err := api.GetMessageQuota()
	if err != nil {
		return 0, 0, fmt.Errorf("read quota: %w", plain(err))
	}
	spent, err := api.GetMessageQuotaConsumption()
	if err != nil {
		return 0, 0, fmt.Errorf("read consumption: %w", plain(err))
	}
	if most.Type == messaging_api.QuotaType_LIMITED {
		limit = int(most.Value)
	}
	return limit, int(spent.TotalUsage), nil
}

// api is a client for one call: WithContext changes the client it is called on.
func (c *Channel) api(ctx context.Context) (*messaging_api.MessagingApiAPI, error) {
	api, err := messaging_api.NewMessagingApiAPI(c.cfg.Token, messaging_api.WithEndpoint(c.cfg.BaseURL), messaging_api.WithHTTPClient(c.client))
	if err != nil {
		return nil, plain(err)
	}
	return api.WithContext(ctx), nil
}

// Send pushes, if the quota allows.
func (o *Official) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	if err := o.Quota.take(ctx, m.Key, m.Purpose, 1); err != nil {
		return channels.Receipt{}, err
	}
	r, err := o.Channel.Send(ctx, o.counted(m))
	o.Quota.settle(m.Key, 1, r, err)
	return r, err
}

// SendGroup sends to all, if the quota allows it for all.
func (o *Official) SendGroup(ctx context.Context, m *channels.Rendered, to []channels.Recipient) (channels.Receipt, error) {
	if err := o.Quota.take(ctx, m.Key, m.Purpose, len(to)); err != nil {
		return channels.Receipt{}, err
	}
	r, err := o.Channel.SendGroup(ctx, o.counted(m), to)
	o.Quota.settle(m.Key, len(to), r, err)
	return r, err
}
