package line

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"enishi/channels"
)

// Statistics are what LINE says of the messages of one aggregation unit: people, each once. Nil: fewer than 20, which LINE does
// not tell.
type Statistics struct {
	Seen    *int64 `json:"uniqueImpression"`
	Clicked *int64 `json:"uniqueClick"`
	Played  *int64 `json:"uniqueMediaPlayed"`
	Watched *int64 `json:"uniqueMediaPlayed100Percent"`
}

// MaxStatisticsDays is how far apart the first and the last day of a question may lie.
const MaxStatisticsDays = 30

// Statistics asks for a unit, from one day of Japan to another, both included.
func (c *Channel) Statistics(ctx context.Context, unit string, from, to time.Time) (Statistics, error) {
	q := url.Values{"customAggregationUnit": {unit}, "from": {from.In(japan()).Format("20060102")}, "to": {to.In(japan()).Format("20060102")}}
	var out struct {
		Overview Statistics `json:"overview"`
	}
	_, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/insight/message/event/aggregation?" + q.Encode()}, &out)
	return out.Overview, err
}

// RequestStatistics asks for the messages of one narrowcast by the id of its request; LINE tells of the last 14 days.
func (c *Channel) RequestStatistics(ctx context.Context, id string) (Statistics, error) {
	var out struct {
		Overview Statistics `json:"overview"`
	}
	_, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/insight/message/event?" + url.Values{"requestId": {id}}.Encode()}, &out)
	return out.Overview, err
}

// Units is how many names of units the account has used this month.
func (c *Channel) Units(ctx context.Context) (int, error) {
	var out struct {
		N int `json:"numOfCustomAggregationUnits"`
	}
	_, err := c.request(ctx, call{method: http.MethodGet, path: "/v2/bot/message/aggregation/info"}, &out)
	return out.N, err
}

// counted is m with its unit only where LINE has approved the account for statistics by unit: it refuses all others.
func (o *Official) counted(m *channels.Rendered) *channels.Rendered {
	if m.Unit == "" || o.Statistics() {
		return m
	}
	plain := *m
	plain.Unit = ""
	return &plain
}

// Statistics tells whether LINE has approved the account for statistics by unit, as its settings say.
func (o *Official) Statistics() bool { return o.Simulated || o.Settings().Statistics }
