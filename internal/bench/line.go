package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	linesim "enishi/internal/sim/line"
	"enishi/internal/stream"
)

// linePushes is how many messages that are each person's own a round has.
const linePushes = 4000

// runLINE sends to LINE's simulator over HTTP, its rates aside: messages of one's own by pushes, and the same for many by
// multicasts of 500, from the topic messages to the results on the topic events.
func runLINE(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	s, err := openLINE(ctx, w, "line", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for i := range max(linePushes, b.people) {
		if err := s.sim.Befriend(lineUser(i), ""); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		name, purpose, one, many string
		n                        int
	}{{"push", "transactional", "push", "pushes", linePushes}, {"multicast", "marketing", "person", "people", b.people}} {
		var all []slice
		var rows []float64
		for round := range b.rounds {
			if err := s.put(ctx, x.purpose, round, x.n); err != nil {
				return err
			}
			s.rows.Store(0)
			one, err := measured(func() (slice, error) { return s.send(ctx, x.n) })
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			all = append(all, one)
			rows = append(rows, float64(s.rows.Load())/one.wall.Seconds())
		}
		b.printf("  %-28s %.0f %s/s, %.1f CPU us/%s, %.0f rows of the ledger/s, %d a round, this machine, now\n", x.name, median(each(all, (*slice).rate)), x.many,
			median(each(all, (*slice).perOp)), x.one, median(rows), x.n)
	}
	return nil
}

func lineUser(i int) string { return fmt.Sprintf("U%032x", i) }

// lineSender is the product's sender on a workspace, before LINE's simulator.
type lineSender struct {
	stream *stream.Client
	sender *channels.Sender
	sim    *linesim.Server
	close  func() error
	taken  atomic.Int64 // by people
	rows   atomic.Int64 // of the ledger
}

// openLINE makes a sender on a workspace; defs are its definitions, nil: a template for each purpose, named after it.
func openLINE(ctx context.Context, w *world, name string, defs *definitions.Log) (*lineSender, error) {
	client, db, err := w.open(ctx, name)
	if err != nil {
		return nil, err
	}
	s := &lineSender{stream: client}
	limits := linesim.Documented()
	limits.PushPerSecond, limits.MulticastPerSecond = 1<<30, 1<<30
	s.sim = linesim.New(linesim.Config{Keep: 10, Limits: limits, OnSent: func(linesim.Sent) { s.taken.Add(1) }})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: s.sim, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	hand, err := channels.OpenInHand(filepath.Join(w.dir, "in-hand-line"), w.log)
	if err != nil {
		return nil, err
	}
	s.close = func() error {
		client.Close()
		err := errors.Join(server.Close(), hand.Close(), db.Close())
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}
	account, err := line.New(line.Config{Token: "token", BaseURL: "http://" + listener.Addr().String(), Log: w.log})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.sender, err = s.open(db, hand, account, defs, w); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// lineTemplates are a template for each purpose, named after it.
func lineTemplates() ([]enishi.Definition, error) {
	var out []enishi.Definition
	for _, d := range []struct{ purpose, text string }{{"marketing", "秋の新作が届きました。店頭でもお試しいただけます。"}, {"transactional", "ご注文 {{ order.order_id }} を発送しました。"}} {
		body, err := json.Marshal(map[string]any{"name": d.purpose, "channel": "line", "purpose": d.purpose, "variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": d.text}}}}})
		if err != nil {
			return nil, err
		}
		out = append(out, enishi.Definition{Kind: "template", Name: d.purpose, Expect: -1, Body: body, RequestID: enishi.NewID("request", d.purpose), At: time.Now().UTC()})
	}
	return out, nil
}

func (s *lineSender) open(db *clickhouse.DB, hand *channels.InHand, account *line.Channel, defs *definitions.Log, w *world) (*channels.Sender, error) {
	if defs == nil {
		defs = definitions.NewLog()
		templates, err := lineTemplates()
		if err != nil {
			return nil, err
		}
		for i := range templates {
			value, err := json.Marshal(templates[i])
			if err != nil {
				return nil, err
			}
			defs.Fold(int64(i), value)
		}
	}
	renderer, err := channels.NewRenderer(channels.RendererConfig{Definitions: defs, BaseURL: "http://127.0.0.1", Key: []byte("0123456789abcdef0123456789abcdef"), Language: "ja", Now: time.Now,
		Brand: map[string]any{"name": "Enishi", "address": "", "contact": "", "colour": "#9c3d44"}})
	if err != nil {
		return nil, err
	}
	ledger := channels.NewLedger(db)
	insert := ledger.Insert
	ledger.Insert = func(ctx context.Context, rows []channels.Row) error {
		s.rows.Add(int64(len(rows)))
		return insert(ctx, rows)
	}
	return channels.New(channels.Config{Partitions: s.stream.Partitions(enishi.TopicEvents), Consume: channels.Consume(s.stream), Append: s.stream.Append, Ledger: ledger, Render: renderer.Render,
		Route: func(string, string) (channels.Route, bool) {
			return channels.Route{Channel: account, Repeat: line.Repeat, Group: line.MaxGroup, Limit: channels.Limit{Workers: 8}}, true
		}, InHand: hand, Log: w.log})
}

// put appends a round's messages to the topic messages.
func (s *lineSender) put(ctx context.Context, purpose string, round, n int) error {
	const batch = 10_000
	now := time.Now().UTC().Truncate(time.Millisecond)
	for from := 0; from < n; from += batch {
		recs := make([]stream.Record, min(batch, n-from))
		for i := range recs {
			id := enishi.NewID("line", purpose, fmt.Sprint(round), fmt.Sprint(from+i))
			m := enishi.Message{SendID: id, Round: 1, Profile: id, Subject: id, Destination: "line:default", Channel: "line", Account: "default", Purpose: purpose, Journey: "j", Node: "n", RunID: id,
				Template: purpose, To: lineUser(from + i), Language: "ja", Variables: fmt.Sprintf(`{"order":{"order_id":"A-%d"}}`, from+i), DecidedAt: now}
			recs[i] = stream.Record{Topic: enishi.TopicMessages, Partition: -1, Time: now, Key: id[:], Value: enishi.EncodeMessage(nil, &m)}
		}
		if err := s.stream.Append(ctx, recs); err != nil {
			return err
		}
	}
	return nil
}

// send runs the sender until LINE has all.
func (s *lineSender) send(ctx context.Context, n int) (slice, error) {
	want := s.taken.Load() + int64(n)
	err := while(ctx, s.sender.Run, func() error {
		return eventually(ctx, "LINE has all", 30*time.Minute, func() (bool, error) { return s.taken.Load() >= want, nil })
	})
	if got := s.taken.Load(); err == nil && got != want {
		err = fmt.Errorf("LINE has %d messages, want %d", got, want)
	}
	return slice{ops: n}, err
}
