package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/dm/social"
	"enishi/channels/line"
	"enishi/ingest"
	"enishi/internal/demo"
	socialsim "enishi/internal/sim/social"
	"enishi/internal/stream"
	"enishi/segments/audiences"
)

const (
	demoCustomers  = 1200
	demoSeed       = 20261121
	demoAccelerate = 120 // an hour's wait is half a minute
)

// demoShop plays the demo shop in a workspace.
type demoShop struct {
	w    *workspace
	live *demo.Live

	mu      sync.Mutex
	stop    context.CancelFunc
	cleared bool
}

// storefront is the shop's page.
func (d *demoShop) storefront(writeKey string) http.Handler {
	d.w.demoKey = writeKey
	shop := demo.New(demoSeed, demoCustomers)
	shop.Base = d.w.base
	d.live = &demo.Live{Shop: shop, Append: d.append, Now: d.w.now}
	s := demo.Storefront{WriteKey: writeKey, Now: d.w.now, Ordered: d.live.Ship, Follow: func(user, name string) {
		if d.w.inbox != nil {
			if _, err := d.w.inbox.line.Follow(user, name); err != nil {
				d.w.log.Warn("demo: follow", "err", err)
			}
		}
	}}
	if d.w.inbox != nil && len(d.w.cfg.Social.Accounts) == 0 {
		s.Chat = d.chat
	}
	return s.Handler()
}

// chat lets a visitor act towards the simulated page or Instagram account.
func (d *demoShop) chat(c demo.Chat) error {
	page, account := simulatedPage, simulatedPage
	if c.Platform == social.Instagram {
		page, account = simulatedInstagram, simulatedPage+"1"
	}
	act := socialsim.Act{Text: c.Text}
	if c.Text == "" {
		act = socialsim.Act{Mention: "https://lookaside.example/story.jpg"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.live.Introduce(ctx, enishi.Person{SocialID: c.User, SocialPage: page, CustomerID: c.Customer}, c.Name, d.w.now().UTC()); err != nil {
		d.w.log.Warn("demo: chat", "err", err)
		return err
	}
	if _, err := d.w.inbox.social.sim.Do(account, c.User, act); err != nil {
		d.w.log.Warn("demo: chat", "err", err)
		return err
	}
	return nil
}

// append puts the shop's events into the source topics.
func (d *demoShop) append(ctx context.Context, recs []demo.Record) error {
	now := d.w.now().UTC()
	const most = 2000
	for len(recs) > 0 {
		n := min(len(recs), most)
		out := make([]stream.Record, n)
		for i, r := range recs[:n] {
			out[i] = stream.Record{Topic: r.Topic, Partition: -1, Time: now, Key: r.Key, Value: r.Value}
		}
		if err := d.w.stream.Append(ctx, out); err != nil {
			return err
		}
		recs = recs[n:]
	}
	return nil
}

// Run fills an empty workspace and keeps the shop running until ctx ends or the demo is cleared.
func (d *demoShop) Run(ctx context.Context) error {
	ends, err := d.w.stream.Ends(ctx, enishi.TopicDefinitions)
	if err != nil {
		return stopped(ctx, err)
	}
	if err := d.w.definitions.Wait(ctx, ends[0]); err != nil {
		return stopped(ctx, err)
	}
	running, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer func() { cancel(); beside.Wait() }()
	d.mu.Lock()
	d.stop = cancel
	d.mu.Unlock()
	state, ok := d.w.definitions.Current("setting", "demo")
	switch {
	case !ok && d.w.definitions.Next() == 0:
		if err := d.fill(running); err != nil {
			return stopped(ctx, fmt.Errorf("fill the demo shop: %w", err))
		}
	case !ok || string(state.Body) != `{"running":true}`:
		return nil // the person works with own data here
	}
	d.befriend()
	beside.Go(func() {
		if err := d.audiences(running); err != nil && running.Err() == nil {
			d.w.log.Warn("demo: audiences", "err", err)
		}
	})
	if err := d.live.Run(running); err != nil && running.Err() == nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cleared {
		return errCleared
	}
	return nil
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// befriend makes the customers with a LINE id friends of the simulated account, which forgets them with the process. Their
// phone numbers are registered at LINE, so that notification messages reach them.
func (d *demoShop) befriend() {
	if d.w.inbox == nil {
		return
	}
	for i := range d.live.Shop.Customers {
		if c := &d.live.Shop.Customers[i]; c.LINE != "" {
			if err := d.w.inbox.line.Befriend(c.LINE, c.Name()); err != nil {
				d.w.log.Warn("demo: befriend", "err", err)
			}
			if phone, err := ingest.Normalise(enishi.Phone, c.Phone); err == nil && phone != "" {
				d.w.inbox.line.Register(c.LINE, line.PhoneHash(phone))
			}
		}
	}
}

// fill publishes what a shop would have set up, then loads the shop's past.
func (d *demoShop) fill(ctx context.Context) error {
	settings := map[string]any{"timezone": "Asia/Tokyo", "default_language": "ja", "accelerate": demoAccelerate}
	brand := map[string]any{"name": "縁コスメ", "address": "〒104-0061 東京都中央区銀座 0-0-0（架空）", "contact": "0120-000-000 / help@mail.example", "colour": "#9c3d44"}
	for _, s := range demo.Stores {
		store := map[string]any{"title": map[string]string{"ja": s.Name, "en": s.English}, "prefecture": s.Prefecture, "lat": s.Lat, "lon": s.Lon, "hours": "11:00-20:00"}
		if err := d.save(ctx, "store", s.ID, store); err != nil {
			return err
		}
	}
	costs := map[string]any{"currency": "JPY", "prices": map[string]string{"email": "0.3", "line": "3"}}
	for name, body := range map[string]any{"journeys": settings, "brand": brand, "costs": costs} {
		if err := d.save(ctx, "setting", name, body); err != nil {
			return err
		}
	}
	// A newcomer may come at night.
	definitions, err := galleryDefinitions(startingJourneys(), func(name string, journey map[string]any) {
		delete(journey, "quiet_hours")
		if name == storyThanks {
			journey["accounts"] = map[string]any{channels.SocialChannel: instagramAccount} // stories are of Instagram
		}
	})
	if err != nil {
		return err
	}
	for _, x := range definitions {
		if err := d.save(ctx, x.Kind, x.Name, x.Body); err != nil {
			return err
		}
	}
	now := d.w.now().UTC().Truncate(time.Second)
	if err := d.append(ctx, d.live.Shop.Catalogue(now)); err != nil {
		return err
	}
	history := d.live.Shop.History(now)
	d.w.log.Info("loading the demo shop's past", "events", len(history))
	if err := d.append(ctx, history); err != nil {
		return err
	}
	if err := d.postcards(ctx); err != nil {
		return err
	}
	return d.save(ctx, "setting", "demo", json.RawMessage(`{"running":true}`))
}

// postcards sets up mailing by post and a campaign by it, so that a batch stands there to be looked at: collected a minute
// after the start, cut off on Friday or by hand.
func (d *demoShop) postcards(ctx context.Context) error {
	post := map[string]any{"accounts": map[string]any{"default": map[string]any{"title": "はがき（毎週金曜締め）",
		"schedule": map[string]any{"every": "week", "days": []string{"fri"}, "at": "18:00"},
		"cost":     map[string]string{"print": "25"}, "delivery": map[string]any{"pdf": true},
		"sender": map[string]string{"name": "縁コスメ", "postal_code": "104-0061", "address": "東京都中央区銀座0-0-0（架空）", "phone": "0120-000-000", "office": "京橋局"},
		"seeds":  []any{map[string]string{"name": "縁コスメ 販促担当", "postal_code": "104-0061", "prefecture": "東京都", "city": "中央区", "address1": "銀座9-9-9"}}}}}
	campaign := map[string]any{"title": map[string]string{"ja": "お久しぶりのはがき", "en": "Postcards to those who were away"}, "state": "live", "purpose": "marketing", "consent": "opt_in",
		"entry": map[string]any{"sweep": true, "segment": "lapsed-90-days", "reentry": "never", "at": d.w.now().UTC().Add(time.Minute).Format(time.RFC3339)}, "start": "postcard",
		"nodes": map[string]any{"postcard": map[string]any{"type": "message", "channels": []string{"postal"}, "templates": map[string]string{"postal": "winback_postal"}, "next": "done"},
			"done": map[string]any{"type": "exit"}}}
	if err := d.save(ctx, "setting", "postal", post); err != nil {
		return err
	}
	return d.save(ctx, "journey", "demo_postcards", campaign)
}

// audiences makes lists at the simulated advertising platforms, once the shop's past is in: before that, people come into a segment and go with each event of the past. Those that were made once, and
// perhaps deleted, are not made again.
func (d *demoShop) audiences(ctx context.Context) error {
	var due []demoAudience
	for _, x := range demoAudiences {
		if account := d.w.adAccounts[x.destination]; account != nil && account.Simulated && len(d.w.definitions.History(audiences.Kind, x.name)) == 0 {
			due = append(due, x)
		}
	}
	if len(due) == 0 {
		return nil
	}
	if err := d.w.api.CatchUp(ctx); err != nil {
		return err
	}
	for _, x := range due {
		if err := d.save(ctx, audiences.Kind, x.name, map[string]any{"title": x.title, "segment": x.segment, "destination": x.destination, "use": x.use, "every": "1h"}); err != nil {
			return err
		}
	}
	return nil
}

type demoAudience struct{ name, title, segment, destination, use string }

var demoAudiences = []demoAudience{
	{"demo_google", "お久しぶりの方への広告", "lapsed-90-days", "google", audiences.Include},
	{"demo_meta", "購入直後の方を広告から除く", "recent-buyer", "meta", audiences.Exclude},
	{"demo_line", "ロイヤル顧客（LINE）", "loyal", "line", audiences.Include},
}

func (d *demoShop) save(ctx context.Context, kind, name string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write %s %s: %w", kind, name, err)
	}
	_, err = d.w.definitions.Save(ctx, d.w.stream, enishi.Definition{Kind: kind, Name: name, Expect: -1, Body: text, Actor: "demo", Role: "admin",
		Reason: "demo shop", RequestID: enishi.NewID("demo", kind, name, d.w.now().String()), At: d.w.now().UTC()})
	return err
}

// errCleared ends the process's run because the demo shop is to be cleared.
var errCleared = errors.New("the demo shop is cleared")

// clear ends the demo shop. The process then closes the embedded servers, deletes what they hold and starts empty, in
// place: nothing of the demo can stay behind, on the log or in a table.
func (d *demoShop) clear(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop == nil {
		return &enishi.Error{Code: enishi.Conflict, Msg: "the demo shop is not running here", MsgJA: "デモショップは動いていません。"}
	}
	d.cleared = true
	d.stop()
	return nil
}
