package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
)

// replayTime is how long the first answer to an Idempotency-Key is given again.
const replayTime = 24 * time.Hour

// kept is a row of the table outcomes: the first answer to a request with an Idempotency-Key.
type kept struct {
	Operation string          `json:"operation"`
	Hash      string          `json:"hash"` // of everything the caller sent
	Answer    json.RawMessage `json:"answer,omitempty"`
	Problem   *problem        `json:"problem,omitempty"`
	Secret    bool            `json:"secret,omitempty"` // the answer was shown once and is not kept
}

// replays keeps two requests with one key from running side by side.
type replays struct {
	mu   sync.Mutex
	busy map[enishi.ID]chan struct{}
}

func (r *replays) enter(ctx context.Context, id enishi.ID) error {
	for {
		r.mu.Lock()
		running := r.busy[id]
		if running == nil {
			if r.busy == nil {
				r.busy = map[enishi.ID]chan struct{}{}
			}
			r.busy[id] = make(chan struct{})
			r.mu.Unlock()
			return nil
		}
		r.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *replays) leave(id enishi.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.busy[id])
	delete(r.busy, id)
}

// once runs a write for the first request with its key and gives every repeat the first answer.
func once[I, O any](ctx context.Context, a *API, c *call, in *I, handle func(ctx context.Context, in *I) (*O, error)) (*O, error) {
	id := enishi.NewID("idempotency", c.request.String())
	sent, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("hash the request: %w", err)
	}
	sum := sha256.Sum256(append([]byte(c.op.id+"\x00"), sent...))
	hash := hex.EncodeToString(sum[:])
	if err := a.replays.enter(ctx, id); err != nil {
		return nil, err
	}
	defer a.replays.leave(id)
	first, err := a.kept(ctx, id)
	if err != nil {
		return nil, err
	}
	if first != nil {
		return replay[O](c, first, hash)
	}
	out, err := handle(ctx, in)
	k := kept{Operation: c.op.id, Hash: hash, Secret: c.op.kind == secret}
	switch {
	case err != nil:
		p, internal := problemOf(err)
		if internal || p.Code != string(enishi.Conflict) { // nothing was done: the caller may mend it and use the key again
			return nil, err
		}
		p.RequestID = c.request.String()
		k.Problem = p
	case !k.Secret:
		if k.Answer, err = json.Marshal(out); err != nil {
			return nil, fmt.Errorf("keep the answer: %w", err)
		}
	}
	// The write is done whatever becomes of the row: a repeat then runs again and changes nothing, by its ids.
	if kerr := a.keep(context.WithoutCancel(ctx), id, &k); kerr != nil {
		a.log.Warn("answer is not kept for repeats", "request_id", c.request, "err", kerr)
	}
	return out, err
}

func replay[O any](c *call, first *kept, hash string) (*O, error) {
	switch {
	case first.Operation != c.op.id || first.Hash != hash:
		return nil, refusal(enishi.Conflict, "this Idempotency-Key was used for another request", "この Idempotency-Key は別の内容の操作に使われています。")
	case first.Secret:
		return nil, refusal(enishi.Conflict, "this was done before and its secret was shown then: revoke it and make another", "この操作は完了していて、トークンは一度表示されました。控えていない場合は無効にして作り直してください。")
	case first.Problem != nil:
		return nil, first.Problem
	}
	out := new(O)
	if err := json.Unmarshal(first.Answer, out); err != nil {
		return nil, fmt.Errorf("read the kept answer: %w", err)
	}
	return out, nil
}

// kept reads the first answer; nil when there is none, or none that is young enough.
func (a *API) kept(ctx context.Context, id enishi.ID) (*kept, error) {
	var text string
	err := a.one(ctx, "SELECT outcome FROM outcomes FINAL WHERE request_id = "+idLiteral(id)+" AND at > fromUnixTimestamp64Milli({since:Int64}) LIMIT 1",
		[]any{clickhouse.Named("since", fmt.Sprint(a.cfg.Now().Add(-replayTime).UnixMilli()))}, &text)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kept answer: %w", err)
	}
	k := &kept{}
	if err := json.Unmarshal([]byte(text), k); err != nil {
		return nil, fmt.Errorf("read the kept answer: %w", err)
	}
	return k, nil
}

func (a *API) keep(ctx context.Context, id enishi.ID, k *kept) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return a.cfg.DB.Insert(ctx, "outcomes", []string{"request_id", "at", "ok", "outcome"}, 1,
		[]enishi.ID{id}, []time.Time{a.cfg.Now().UTC()}, []uint8{1}, []string{string(text)})
}
