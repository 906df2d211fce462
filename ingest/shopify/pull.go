package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// States of a pull.
const (
	PullRunning   = "running"
	PullDone      = "done"
	PullCancelled = "cancelled"
)

// Pull is the progress of one, as it is kept: a process that takes it over goes on where it stands.
type Pull struct {
	ID      string     `json:"id"`
	Source  string     `json:"source"`
	Live    bool       `json:"live"` // for webhooks that were lost: what is new acts; else all is historical
	Since   time.Time  `json:"since,omitzero"`
	Rate    int        `json:"rate"` // events a second, at most
	State   string     `json:"state"`
	BeganAt time.Time  `json:"began_at"`
	At      time.Time  `json:"at"`             // of this progress
	Text    string     `json:"text,omitempty"` // why it stands still
	Parts   []PullPart `json:"parts"`

	Subscriptions []Subscription `json:"subscriptions,omitempty"` // live: the shop's webhooks to the source, as they were last seen
}

// PullPart is the progress of one resource.
type PullPart struct {
	Resource  string `json:"resource"`
	Operation string `json:"operation,omitempty"` // of Shopify
	Objects   int64  `json:"objects"`             // that Shopify has found, parts included
	Lines     int64  `json:"lines"`               // of the result that are taken
	Events    int64  `json:"events"`
	Refused   int64  `json:"refused,omitempty"`
	Tries     int    `json:"tries,omitempty"` // operations that were begun
	Done      bool   `json:"done"`
}

// NewPull begins one.
func NewPull(id, source string, since time.Time, live bool, rate int, now time.Time) Pull {
	p := Pull{ID: id, Source: source, Since: since, Live: live, Rate: rate, State: PullRunning, BeganAt: now, At: now}
	resources := Resources()
	if live { // orders first: they act
		slices.Reverse(resources)
	}
	for _, r := range resources {
		p.Parts = append(p.Parts, PullPart{Resource: r})
	}
	return p
}

// Puller carries a shop's history here.
type Puller struct {
	Shop   *Shop
	Client *Client
	HTTP   *http.Client // downloads results
	Parser *ingest.Parser
	Append func(ctx context.Context, recs []stream.Record) error
	Save   func(ctx context.Context, p Pull) error
	Dead   func(ctx context.Context, source, what string, raw []byte, why *ingest.Refusal) error
	Poll   time.Duration // between looks at an operation; 3 s
	Now    func() time.Time
}

// Bounds of a pull.
const (
	pullBatch = 500
	saveEvery = time.Second
	maxBegun  = 5 // operations of one resource: results expire after 7 days, and an operation may fail
)

// errAnew is a result that is not there any more: the operation is begun anew.
var errAnew = errors.New("the result expired")

// errDenied is a resource that the app has no scope for.
var errDenied = errors.New("the app may not read")

// Run goes on with a pull until it ends or ctx does. What it appends it appends again after a crash, from the last progress on:
// the ids of the events make that harmless.
func (x *Puller) Run(ctx context.Context, p Pull) (Pull, error) {
	limit := rate.NewLimiter(rate.Limit(max(p.Rate, 1)), max(p.Rate, pullBatch))
	for i := range p.Parts {
		for !p.Parts[i].Done {
			err := x.part(ctx, &p, &p.Parts[i], limit)
			if errors.Is(err, errAnew) && p.Parts[i].Tries < maxBegun {
				p.Parts[i].Operation, p.Parts[i].Lines = "", 0
				continue
			}
			if p.Live && errors.Is(err, errDenied) { // the other parts, and later looks, go on without it
				p.Text, err = err.Error(), nil
			}
			if err != nil {
				return p, err
			}
			p.Parts[i].Done = true
			if err := x.save(ctx, &p); err != nil {
				return p, err
			}
		}
	}
	if p.Live {
		if err := x.subscriptions(ctx, &p); err != nil {
			return p, err
		}
	}
	p.State = PullDone
	return p, x.save(ctx, &p)
}

func (x *Puller) save(ctx context.Context, p *Pull) error {
	p.At = x.Now().UTC()
	kept := *p
	kept.Parts = slices.Clone(p.Parts)
	return x.Save(ctx, kept)
}

const runQuery = `mutation($query: String!) { bulkOperationRunQuery(query: $query, groupObjects: true) { bulkOperation { id status } userErrors { field message } } }`

const nodeQuery = `query($id: ID!) { node(id: $id) { ... on BulkOperation { id status errorCode objectCount url } } }`

func (x *Puller) part(ctx context.Context, p *Pull, part *PullPart, limit *rate.Limiter) error {
	if part.Operation == "" {
		var begun struct {
			Run struct {
				Operation *struct {
					ID string `json:"id"`
				} `json:"bulkOperation"`
				Errors []struct {
					Message string `json:"message"`
				} `json:"userErrors"`
			} `json:"bulkOperationRunQuery"`
		}
		if err := x.Client.Query(ctx, runQuery, map[string]any{"query": bulkQuery(part.Resource, p.Since)}, &begun); err != nil {
			return err
		}
		if begun.Run.Operation == nil {
			text := "no operation"
			if len(begun.Run.Errors) > 0 {
				text = begun.Run.Errors[0].Message
			}
			return fmt.Errorf("Shopify begins no bulk operation for %s: %s", part.Resource, text)
		}
		part.Operation = begun.Run.Operation.ID
		part.Tries++
		if err := x.save(ctx, p); err != nil {
			return err
		}
	}
	address, err := x.wait(ctx, p, part)
	if err != nil || address == "" {
		return err
	}
	return x.download(ctx, address, p, part, limit)
}

// wait waits for the end of an operation and gives the address of its result; "" when it found nothing.
func (x *Puller) wait(ctx context.Context, p *Pull, part *PullPart) (string, error) {
	for {
		var answer struct {
			Node *struct {
				Status  string      `json:"status"`
				Error   string      `json:"errorCode"`
				Objects json.Number `json:"objectCount"`
				URL     string      `json:"url"`
			} `json:"node"`
		}
		if err := x.Client.Query(ctx, nodeQuery, map[string]any{"id": part.Operation}, &answer); err != nil {
			return "", err
		}
		if answer.Node == nil {
			return "", errAnew
		}
		n, _ := answer.Node.Objects.Int64()
		if n != part.Objects {
			part.Objects = n
			if err := x.save(ctx, p); err != nil {
				return "", err
			}
		}
		switch answer.Node.Status {
		case "COMPLETED":
			return answer.Node.URL, nil
		case "EXPIRED":
			return "", errAnew
		case "FAILED":
			if answer.Node.Error == "ACCESS_DENIED" {
				return "", fmt.Errorf("%w %s: give it the access scope read_%s", errDenied, part.Resource, part.Resource)
			}
			if part.Tries >= maxBegun {
				return "", fmt.Errorf("Shopify's bulk operation for %s failed: %s", part.Resource, answer.Node.Error)
			}
			return "", errAnew
		case "CANCELED", "CANCELING":
			return "", fmt.Errorf("the bulk operation for %s was cancelled in Shopify", part.Resource)
		}
		if err := sleep(ctx, x.Poll); err != nil {
			return "", err
		}
	}
}

func (x *Puller) download(ctx context.Context, address string, p *Pull, part *PullPart, limit *rate.Limiter) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("fetch the result: %w", err)
	}
	res, err := x.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("fetch the result: %w", err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone || res.StatusCode == http.StatusBadRequest:
		return errAnew
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("fetch the result: %s", res.Status)
	}
	how := past
	if p.Live {
		how = missed
	}
	var recs []stream.Record
	saved, lines := x.Now(), part.Lines
	flush := func() error {
		if len(recs) > 0 {
			if err := limit.WaitN(ctx, min(len(recs), limit.Burst())); err != nil {
				return err
			}
			if err := x.Append(ctx, recs); err != nil {
				return fmt.Errorf("append %s: %w", part.Resource, err)
			}
			part.Events += int64(len(recs))
			recs = nil
		}
		part.Lines = lines
		if now := x.Now(); now.Sub(saved) >= saveEvery {
			saved = now
			return x.save(ctx, p)
		}
		return nil
	}
	err = objects(res.Body, part.Lines, func(o *object) error {
		now := x.Now().UTC()
		events, records, err := x.Shop.found(part.Resource, o, how, now)
		if err != nil {
			part.Refused++
			if err := x.Dead(ctx, p.Source, "pull/"+part.Resource, o.root, ingest.Refuse(ingest.CodeJSON, "", err.Error(), "Shopify の一括取得の結果を読み取れません: "+err.Error())); err != nil {
				return err
			}
		}
		recs = append(recs, records...)
		for i := range events {
			r, refusal, err := x.record(&events[i], now)
			if err != nil {
				return err
			}
			if refusal != nil {
				part.Refused++
				if err := x.Dead(ctx, p.Source, "pull/"+part.Resource, o.root, refusal); err != nil {
					return err
				}
				continue
			}
			recs = append(recs, r)
		}
		lines = o.next
		if len(recs) >= pullBatch {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func (x *Puller) record(e *enishi.Event, now time.Time) (stream.Record, *ingest.Refusal, error) {
	e.Source = x.Shop.cfg.Name
	value, err := json.Marshal(e)
	if err != nil {
		return stream.Record{}, nil, fmt.Errorf("encode %s: %w", e.Type, err)
	}
	r, refusal := x.Parser.Record(value, now)
	return r, refusal, nil
}

const ownerQuery = `query($id: ID!) { order(id: $id) { email phone customer { ` + customerFields + ` } } }`

// AskOwner asks the shop who ordered.
func (c *Client) AskOwner(ctx context.Context, order string) (enishi.Person, bool, error) {
	var answer struct {
		Order *struct {
			Email    string        `json:"email"`
			Phone    string        `json:"phone"`
			Customer *customerNode `json:"customer"`
		} `json:"order"`
	}
	if err := c.Query(ctx, ownerQuery, map[string]any{"id": "gid://shopify/Order/" + order}, &answer); err != nil {
		return enishi.Person{}, false, err
	}
	if answer.Order == nil {
		return enishi.Person{}, false, nil
	}
	p := personOf(answer.Order.Customer.customer())
	p.Email, p.Phone = orElse(answer.Order.Email, p.Email), orElse(answer.Order.Phone, p.Phone)
	return enishi.Person{CustomerID: p.CustomerID, Email: p.Email, Phone: p.Phone}, !nobody(p), nil
}
