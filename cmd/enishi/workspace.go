package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/analytics"
	"enishi/api"
	"enishi/channels"
	"enishi/channels/dm/postal"
	"enishi/channels/dm/social"
	"enishi/channels/email"
	"enishi/channels/line"
	"enishi/channels/push"
	"enishi/channels/sms"
	"enishi/channels/webhook"
	"enishi/ingest"
	"enishi/ingest/catalogue"
	"enishi/ingest/hooks"
	"enishi/ingest/imports"
	"enishi/ingest/pulls"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/exports"
	"enishi/internal/outflow"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/segments/audiences"
)

// workspace is one shop: its clients, its fold, its sender. A process may hold several; they share nothing but the servers.
type workspace struct {
	name string
	cfg  *Config
	log  *slog.Logger
	now  func() time.Time
	base string // public address of its pages

	stream      *stream.Client
	db          *clickhouse.DB
	definitions *definitions.Log
	ingester    *ingest.Ingester
	collector   *ingest.Collector
	debug       *ingest.Debug // what watched browsers send to this process
	dead        *ingest.DeadLetters
	hooks       *hooks.Hooks // of the sources of the configuration
	pulls       []*pullSource
	imports     *imports.Importer
	exports     *exports.Runner // nil: the data folder cannot be written to
	filePulls   *pulls.Keeper
	store       *pipeline.Store
	folder      *pipeline.Folder
	runner      *pipeline.Runner
	sender      *channels.Sender
	outflow     *outflow.Outflow // of changes
	inHand      *channels.InHand // nil: the data folder cannot be written to
	renderer    *channels.Renderer
	links       *channels.Links
	deliveries  *channels.Deliveries
	line        *line.Accounts
	webhook     *line.Webhook
	social      *social.Accounts
	socialHook  *social.Webhook
	calls       *webhook.Channel        // of journeys
	sms         map[string]*sms.Channel // by account
	smsHook     *sms.Webhook
	push        *push.Channel
	pushPublic  *push.Public
	linePages   *line.Pages
	replier     *line.Replier
	post        *postal.Office
	postIn      *postal.Channel
	adAccounts  map[string]*audiences.Destination
	adSims      *adSims // nil: accounts are configured
	reports     *analytics.Reports
	products    *catalogue.Keeper
	replaying   sync.Mutex
	leapt       time.Time // where a replay moved the clocks of all partitions to
	mail        *email.Channel
	intake      *email.Intake
	inbox       *inbox // the development inboxes; nil where real providers are configured
	secret      []byte
	keys        *Keys

	api     *api.API
	demo    *demoShop
	health  *health // of the process
	demoKey string  // write key of the demo shop; empty: none
	ready   atomic.Bool
}

// openWorkspace connects a workspace and builds its parts; it starts nothing.
func openWorkspace(ctx context.Context, s *servers, cfg *Config, keys *Keys, name string, log *slog.Logger) (*workspace, error) {
	w := &workspace{name: name, cfg: cfg, log: log, now: time.Now, keys: keys}
	if name != "" {
		w.log = log.With("workspace", name)
	}
	w.secret = derive(keys.Links, name)
	w.base = strings.TrimSuffix(publicURL(cfg), "/")
	if name != "" {
		w.base += "/w/" + name
	}
	var err error
	if w.stream, w.db, err = s.open(ctx, name, w.unreadable); err != nil {
		return nil, err
	}
	w.definitions = definitions.NewLog()
	w.store = &pipeline.Store{DB: w.db, Now: w.now}
	w.reports = &analytics.Reports{Conn: w.db.Conn(), Zone: (&shopZone{definitions: w.definitions}).location}
	w.deliveries = channels.NewDeliveries(w.db)
	for _, build := range []func(context.Context) error{w.buildFold, w.buildIngest, w.buildImports, w.buildFilePulls, w.buildExports, w.buildCatalogue, w.buildChannels, w.buildOutflow} {
		if err := build(ctx); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

// derive gives a workspace a key of its own from the instance's.
func derive(key []byte, name string) []byte {
	h := sha256.Sum256(append(append([]byte{}, key...), "workspace:"+name...))
	return h[:]
}

func publicURL(cfg *Config) string {
	if cfg.URL != "" {
		return cfg.URL
	}
	if cfg.TLSCert != "" {
		return "https://" + cfg.Listen
	}
	return "http://" + cfg.Listen
}

// hasher keys the identifiers of this workspace.
func (w *workspace) hasher() *enishi.Hasher {
	return enishi.NewHasher(derive(w.keys.Identifiers, w.name))
}

func (w *workspace) buildIngest(context.Context) error {
	var err error
	w.ingester, err = ingest.New(ingest.Config{Stream: w.stream, Hasher: w.hasher(), Parser: ingest.ParserConfig{LineProvider: w.cfg.LINE.Provider},
		SaveDead: api.DeadTable{DB: w.db}.Save, Clock: w.folder.Clock().Virtual, Now: w.now, Log: w.log})
	if err != nil {
		return err
	}
	w.debug = ingest.NewDebug(w.now)
	w.collector, err = ingest.NewCollector(ingest.CollectorConfig{Append: w.stream.Append, Keys: w.writeKey, Debug: w.debug, Parser: w.ingester.Parser(),
		Why: func() ingest.Obstacle { return w.health.Refusing() }, Now: w.now, Log: w.log})
	if err != nil {
		return err
	}
	w.dead, err = ingest.NewDeadLetters(ingest.DeadConfig{Append: w.stream.Append, Load: api.DeadTable{DB: w.db}.Load, Save: api.DeadTable{DB: w.db}.Save, Parser: w.ingester.Parser(), Now: w.now,
		Source: func(ctx context.Context, l *ingest.DeadLetter, body []byte) error {
			return w.hooks.Replay(ctx, l, body)
		},
		Stream: func(ctx context.Context, l *ingest.DeadLetter, body []byte) error {
			return w.outflow.Replay(ctx, l, body)
		}})
	if err != nil {
		return err
	}
	return w.buildSources()
}

func (w *workspace) buildFold(context.Context) error {
	var err error
	w.runner = &pipeline.Runner{Consume: w.stream.Consume, Log: w.log}
	w.folder, err = pipeline.New(pipeline.Config{Partitions: w.stream.Partitions(enishi.TopicEvents), Definitions: w.definitions, Merges: w.merges,
		Append: w.stream.Append, Load: w.store.Load, Save: w.store.Save, Commit: w.runner.Commit, Now: w.now, CacheBytes: int64(w.cfg.CacheMB) << 20, Log: w.log})
	w.runner.Folder = w.folder
	return err
}

// merges hands the identity graph's moves to the fold.
func (w *workspace) merges(from int64) ([]pipeline.Move, int64) {
	moves, next := w.ingester.Graph().Merges(from)
	if len(moves) == 0 {
		return nil, next
	}
	out := make([]pipeline.Move, len(moves))
	for i, m := range moves {
		out[i] = pipeline.Move(m)
	}
	return out, next
}

// ingestPassed tells how far the source topics are ingested by all replicas: the group's commits, and what this process
// has done since its last one.
func (w *workspace) ingestPassed(ctx context.Context) (map[stream.Partition]int64, error) {
	out, err := w.committed(ctx, ingest.Group, enishi.SourceTopics()...)
	if err != nil {
		return nil, err
	}
	for p, next := range w.ingester.Passed() {
		out[p] = max(out[p], next)
	}
	products, err := w.committed(ctx, catalogue.Group, enishi.TopicCatalogue)
	if err != nil {
		return nil, err
	}
	maps.Copy(out, products)
	return out, nil
}

// messagesPassed is the same for the topic messages and the sender.
func (w *workspace) messagesPassed(ctx context.Context) (map[stream.Partition]int64, error) {
	return w.committed(ctx, channels.Group, enishi.TopicMessages)
}

func (w *workspace) committed(ctx context.Context, group string, topics ...string) (map[stream.Partition]int64, error) {
	out := map[stream.Partition]int64{}
	for _, topic := range topics {
		offsets, err := w.stream.Committed(ctx, group, topic)
		if err != nil {
			return nil, err
		}
		for n, next := range offsets {
			out[stream.Partition{Topic: topic, Partition: n}] = next
		}
	}
	return out, nil
}

// shopClock is the clock of what happens in the shop: virtual during a replay.
func (w *workspace) shopClock() time.Time { return w.folder.Clock().Now(w.now()) }

func (w *workspace) buildChannels(ctx context.Context) error {
	var err error
	w.renderer, err = channels.NewRenderer(channels.RendererConfig{Definitions: w.definitions, BaseURL: w.base, Key: w.secret, Language: "ja", Now: w.now, Product: w.product, Chat: w.chat,
		Brand: map[string]any{"name": "Enishi", "address": "", "contact": "", "colour": "#9c3d44"}})
	if err != nil {
		return err
	}
	partitions := w.stream.Partitions(enishi.TopicEvents)
	trusted, err := trustedProxies(w.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	w.links, err = channels.NewLinks(channels.LinksConfig{Renderer: w.renderer, Partitions: partitions, Append: w.stream.Append, Message: w.deliveries.Message, Chosen: w.chosen,
		ClientIP: func(r *http.Request) string { return clientIP(r, trusted) },
		Now:      w.now, Clock: w.shopClock, Log: w.log})
	if err != nil {
		return err
	}
	if err = w.buildIntake(); err != nil {
		return err
	}
	if w.cfg.SMTP.Addr == "" || w.cfg.LINE.Token == "" || len(w.cfg.Social.Accounts) == 0 || w.cfg.SMS.Provider == "" || w.cfg.Push.FCM == "" {
		if w.inbox, err = openInbox(w); err != nil {
			return err
		}
	}
	if w.calls, err = w.buildWebhooks(); err != nil {
		return err
	}
	if err := w.buildPost(); err != nil {
		return err
	}
	routes := map[string]channels.Route{}
	if err := w.mailRoute(routes); err != nil {
		return err
	}
	if err := w.buildLINE(); err != nil {
		return err
	}
	if err := errors.Join(w.buildSocial(), w.buildSMS(), w.buildPush(), w.buildAds()); err != nil {
		return err
	}
	// A replica whose servers are elsewhere may have no folder to write to.
	if w.inHand, err = channels.OpenInHand(filepath.Join(w.cfg.Data, "in-hand", w.name), w.log); err != nil {
		w.log.Warn("after a crash of this process more messages will be in doubt than it had in hand", "err", err)
	}
	w.sender, err = channels.New(channels.Config{Partitions: partitions, Consume: channels.Consume(w.stream), Append: w.stream.Append, Ledger: channels.NewLedger(w.db),
		Render: w.renderer.Render, Route: func(channel, account string) (channels.Route, bool) {
			switch channel {
			case "line":
				return w.lineRoute(account)
			case enishi.NoticeChannel:
				return w.noticeRoute(account)
			case channels.SocialChannel:
				return w.socialRoute(account)
			case "sms":
				return w.smsRoute(account)
			case "push":
				return w.pushRoute(), true
			case channels.WebhookChannel:
				return webhookRoute(w.calls), true
			case enishi.PostalChannel:
				return channels.Route{Channel: w.postIn, Repeat: postal.Repeat, Limit: channels.Limit{Workers: postal.Workers}}, true
			}
			r, ok := routes[channel]
			return r, ok
		},
		Now: w.now, Clock: w.shopClock, Virtual: func() bool { _, virtual := w.folder.Clock().Virtual(); return virtual }, Alert: w.alert,
		Sending: channels.Sending{Off: true}, InHand: w.inHand, Zone: (&shopZone{definitions: w.definitions}).location, Log: w.log})
	return err
}

func (w *workspace) mailRoute(routes map[string]channels.Route) error {
	c := email.Config{Addr: w.cfg.SMTP.Addr, User: w.cfg.SMTP.User, Password: w.cfg.SMTP.Password, TLS: w.cfg.SMTP.TLS, From: w.cfg.SMTP.From, ReplyTo: w.cfg.SMTP.ReplyTo, Bounce: w.bounceDomain(), ISO2022JP: w.cfg.SMTP.ISO2022JP, Conns: w.cfg.SMTP.Workers * len(enishi.MailGroups()), Now: w.now, Log: w.log}
	if c.Addr == "" {
		c.Addr, c.TLS, c.User = w.inbox.mailAddr, "none", ""
	}
	var err error
	if w.cfg.SMTP.DKIM != "" {
		if c.DKIM, err = email.ReadKeys(w.cfg.SMTP.DKIM); err != nil {
			return fmt.Errorf("config: smtp.dkim: %w", err)
		}
	}
	if w.mail, err = email.New(c); err != nil {
		return err
	}
	route := channels.Route{Channel: w.mail, RepeatTransactional: 24 * time.Hour, Limit: channels.Limit{Workers: w.cfg.SMTP.Workers}}
	if w.cfg.SMTP.Addr != "" { // the development inbox has no limits
		route.Groups = email.Presets()
	}
	routes["email"] = route
	return nil
}

// ingest appends events of our own webhooks to the source topic of their type; ingest resolves who they are about.
func (w *workspace) ingest(ctx context.Context, events []enishi.Event) error {
	recs := make([]stream.Record, 0, len(events))
	for i := range events {
		e := &events[i]
		info, ok := enishi.LookupType(e.Type)
		if !ok {
			return fmt.Errorf("ingest %s: no such type", e.Type)
		}
		if e.Message == "" && !e.ID.IsZero() {
			e.Message = e.ID.UUID()
		}
		value, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("ingest %s: %w", e.Type, err)
		}
		var key []byte
		if e.Person != nil {
			key = []byte(e.Person.CustomerID + e.Person.LineUserID + e.Person.SocialID)
		}
		recs = append(recs, stream.Record{Topic: info.Topic, Partition: -1, Time: w.now().UTC(), Key: key, Value: value})
	}
	if len(recs) == 0 {
		return nil
	}
	return w.stream.Append(ctx, recs)
}

// writeKey tells the source that a write key stands for.
func (w *workspace) writeKey(key string) (source string, ok bool) {
	if w.demoKey != "" && key == w.demoKey {
		return "demo", true
	}
	return w.api.WriteKey(key)
}

// Run works until ctx ends.
func (w *workspace) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	run := func(what string, f func(context.Context) error) {
		g.Go(func() error {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	run("definitions", func(ctx context.Context) error { return w.definitions.Follow(ctx, w.stream) })
	run("ingest", w.ingester.Run)
	run("collector", w.collector.Run)
	run("hooks", w.hooks.Run)
	run("pulls", w.followPulls)
	run("imports", w.takeFiles)
	if w.exports != nil {
		run("exports", w.exports.Run)
	}
	run("catalogue", w.products.Run)
	run("fold", w.runner.Run)
	run("channels", w.sender.Run)
	run("streams", w.outflow.Run)
	run("post", w.postIn.Run)
	run("sending", w.followSending)
	run("ledger", w.keepLedger)
	run("api", w.api.Run)
	run("rankings", w.api.KeepRankings)
	run("campaigns", w.api.KeepCampaigns)
	run("line replies", w.replier.Run)
	if w.inbox != nil {
		run("inbox", w.inbox.Run)
	}
	if w.adSims != nil {
		run("simulators of advertising platforms", w.adSims.Run)
	}
	run("readiness", w.watch)
	return g.Wait()
}

// watch says when the fold has its partitions for the first time.
func (w *workspace) watch(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !w.runner.Ready() {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
	w.ready.Store(true)
	w.log.Info("ready", "partitions", len(w.folder.Owned()))
	return nil
}

// Close ends the clients.
func (w *workspace) Close() error {
	if w.mail != nil {
		w.mail.Close()
	}
	w.stream.Close()
	var err error
	if w.inHand != nil {
		err = w.inHand.Close()
	}
	return errors.Join(err, w.db.Close())
}
