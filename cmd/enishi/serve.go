package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/api"
	"enishi/channels/email"
	"enishi/ingest/moving"
	sdkjs "enishi/sdk/js"
	"enishi/web"
)

// serveCommand runs the server. A flag that is given overrides its key of the configuration.
type serveCommand struct {
	Config           string   `help:"Configuration file (YAML)." type:"existingfile" placeholder:"FILE"`
	Data             string   `help:"Folder of the embedded servers and of the keys (data)." placeholder:"DIR"`
	Listen           string   `help:"Address of the console, the API and the collector (127.0.0.1:8420)." placeholder:"HOST:PORT"`
	KafkaListen      string   `help:"Address at which the embedded broker takes other producers and a second replica (none)." placeholder:"HOST:PORT"`
	ClickhouseListen string   `help:"Address at which the embedded engine answers a second replica (none)." name:"clickhouse-listen" placeholder:"HOST:PORT"`
	Kafka            []string `help:"Addresses of a Kafka cluster instead of the embedded broker." placeholder:"HOST:PORT"`
	Clickhouse       string   `help:"URL of a ClickHouse server instead of the embedded engine." placeholder:"URL"`
	Keys             string   `help:"File of the workspace keys (keys in the data folder)." placeholder:"FILE"`
	Sending          string   `help:"on, or off: nothing leaves until a person turns it on, as after a restore (on)." enum:",on,off" default:"" placeholder:"on|off"`
	Demo             bool     `help:"Fill an empty folder with the demo shop and keep it running."`
}

// Help is what stands between the usage and the flags.
func (*serveCommand) Help() string {
	return "Each flag but --config is a key of the configuration too, with _ for -: --kafka-listen is kafka_listen there and ENISHI_KAFKA_LISTEN in the environment. A flag wins. " +
		"In brackets: what holds when nothing is said. docs/configuration.md has all keys."
}

// config reads the configuration and puts the flags over it.
func (c *serveCommand) config(environ func() []string) (Config, error) {
	cfg, err := LoadConfig(c.Config, environ)
	if err != nil {
		return cfg, err
	}
	for _, f := range []struct {
		flag string
		into *string
	}{{c.Data, &cfg.Data}, {c.Listen, &cfg.Listen}, {c.KafkaListen, &cfg.KafkaListen}, {c.ClickhouseListen, &cfg.ClickHouseListen},
		{c.Clickhouse, &cfg.ClickHouse}, {c.Keys, &cfg.Keys}, {c.Sending, &cfg.Sending}} {
		if f.flag != "" {
			*f.into = f.flag
		}
	}
	if len(c.Kafka) > 0 {
		cfg.Kafka = c.Kafka
	}
	cfg.Demo = cfg.Demo || c.Demo
	if _, err := os.Stat(filepath.Join(cfg.Data, ownData)); err == nil {
		cfg.Demo = false
	}
	return cfg, cfg.Check()
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.config(s.environ)
	if err != nil {
		return err
	}
	log, err := newLog(cfg.Log, s.err)
	if err != nil {
		return err
	}
	for {
		a, err := openApp(ctx, &cfg, log)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "Enishi is at %s\n", publicURL(a.cfg))
		err = a.Run(ctx)
		cleared := errors.Is(err, errCleared)
		if cleared {
			err = nil
		}
		if err = errors.Join(err, a.Close()); err != nil || !cleared || ctx.Err() != nil {
			return err
		}
		if err := clearData(&cfg); err != nil {
			return err
		}
		log.Info("the demo shop is cleared; starting empty")
	}
}

// clearData deletes what the embedded servers hold. The keys stay: write keys are definitions and go with the log, but the
// file may be shared.
func clearData(cfg *Config) error {
	cfg.Demo = false
	for _, dir := range []string{"broker", "engine"} {
		if err := os.RemoveAll(filepath.Join(cfg.Data, dir)); err != nil {
			return fmt.Errorf("clear the demo shop: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, ownData), []byte("The demo shop was cleared here: --demo does not fill this folder again.\n"), 0o600); err != nil {
		return fmt.Errorf("clear the demo shop: %w", err)
	}
	return nil
}

// ownData marks a folder whose demo shop was cleared.
const ownData = "own-data"

// app is the process: the servers, the workspaces, the listener.
type app struct {
	cfg        *Config
	log        *slog.Logger
	keys       *Keys
	servers    *servers
	workspaces []*workspace
	listener   net.Listener
	intake     net.Listener // for mail that comes in; nil: none
	handler    http.Handler
	metrics    *metrics
	health     *health

	mu      sync.Mutex
	pending []enishi.Alert // raised and not stored yet
	raised  chan struct{}
}

// openApp opens everything; it serves nothing yet. The listen address is bound first: two processes on it must not both
// touch the data.
func openApp(ctx context.Context, cfg *Config, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, raised: make(chan struct{}, 1)}
	fail := func(err error) (*app, error) { return nil, errors.Join(err, a.Close()) }
	var err error
	if a.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if cfg.Listen = a.listener.Addr().String(); cfg.Proxy && cfg.URL == "" {
		log.Warn("config: url is not set: links in messages point to the listen address")
	}
	embedded := len(cfg.Kafka) == 0 || cfg.ClickHouse == ""
	if a.keys, err = OpenKeys(cfg.Keys, embedded); err != nil {
		return fail(err)
	}
	if a.servers, err = openServers(cfg, a.keys, log, a.raise); err != nil {
		return fail(err)
	}
	if err = a.openIntake(); err != nil {
		return fail(err)
	}
	a.metrics = newMetrics()
	for _, name := range append([]string{""}, cfg.Workspaces...) {
		w, err := openWorkspace(ctx, a.servers, cfg, a.keys, name, log)
		if err != nil {
			return fail(fmt.Errorf("workspace %q: %w", name, err))
		}
		a.workspaces = append(a.workspaces, w)
		a.metrics.add(w)
	}
	a.health = healthOf(a)
	for _, w := range a.workspaces {
		w.health = a.health
	}
	if a.handler, err = a.routes(); err != nil {
		return fail(err)
	}
	return a, nil
}

// raise takes alerts of the embedded servers; they are stored in the first workspace, which may not be open yet or be slow.
func (a *app) raise(kind, text string) {
	if kind == "disk" {
		return // told by the health checks, which also find its end
	}
	ja := map[string]string{
		"log_damaged":     "イベントログの一部が壊れていたため、読み取れないデータがあります。壊れたファイルは別に保管しました。",
		"log_padded":      "イベントログの末尾が失われていました。失われた位置は空の記録で埋めてあります。",
		"topic_lost":      "イベントログの一部（トピック）が失われたため、作り直しました。",
		"commits_damaged": "どこまで処理したかの記録が失われました。処理済みのイベントをもう一度確認しますが、二重には数えません。",
		"parts_detached":  "テーブルのデータの一部が壊れていたため、切り離されました。バックアップからの復元を検討してください。",
	}[kind]
	if ja == "" {
		ja = "内蔵のサーバーに異常がありました。"
	}
	a.mu.Lock()
	a.pending = append(a.pending, enishi.Alert{ID: enishi.NewID("alert", kind, text), Kind: kind, Severity: "error", Text: text,
		TextJA: ja + "（" + text + "）", At: time.Now().UTC()})
	a.mu.Unlock()
	select {
	case a.raised <- struct{}{}:
	default:
	}
}

// storeRaised stores what is raised until ctx ends.
func (a *app) storeRaised(ctx context.Context) error {
	pause := time.NewTicker(healthEvery)
	defer pause.Stop()
	for {
		a.mu.Lock()
		rows := a.pending
		a.mu.Unlock()
		for _, alert := range rows {
			storing, cancel := context.WithTimeout(ctx, healthTimeout)
			err := a.workspaces[0].storeAlert(storing, alert)
			cancel()
			if err != nil {
				break // the tables are away or full: in a second
			}
			a.mu.Lock()
			a.pending = a.pending[1:]
			a.mu.Unlock()
		}
		a.mu.Lock()
		left := len(a.pending)
		a.mu.Unlock()
		again := a.raised
		if left > 0 {
			again = nil // the pause is enough
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		case <-again:
		}
	}
}

// routes puts the workspaces under their paths.
func (a *app) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	for _, w := range a.workspaces {
		h, err := a.workspaceHandler(w)
		if err != nil {
			return nil, err
		}
		if w.name == "" {
			mux.Handle("/", h)
			continue
		}
		prefix := "/w/" + w.name
		mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
		mux.Handle(prefix, http.RedirectHandler(prefix+"/", http.StatusMovedPermanently))
	}
	return mux, nil
}

// workspaceHandler is everything that one workspace answers.
func (a *app) workspaceHandler(w *workspace) (http.Handler, error) {
	base := ""
	if w.name != "" {
		base = "/w/" + w.name
	}
	d := &demoShop{w: w}
	// A replica whose servers are elsewhere may have no folder to write to.
	moves, err := moving.NewDesk(moving.DeskConfig{Dir: filepath.Join(w.cfg.Data, "moves", w.name), Parser: w.ingester.Parser(), Zone: (&shopZone{definitions: w.definitions}).location, Append: w.stream.Append, Now: w.now, Log: w.log})
	if err != nil {
		w.log.Warn("moves in from other tools cannot be done here", "err", err)
	}
	x, err := api.New(api.Config{
		Workspace: w.name, Base: base, Version: version(), DB: w.db, Stream: w.stream, Definitions: w.definitions, Folder: w.folder, Ingester: w.ingester,
		Dead: w.dead, Debug: w.debug, Hasher: w.hasher(), Reports: w.reports, Renderer: w.renderer, Key: derive(a.keys.Sessions, w.name), LINEProvider: w.cfg.LINE.Provider, TakeMail: w.intake.Take, MailSender: func(string) *email.Channel { return w.mail }, LINE: w.line, Postal: w.post, Social: w.social,
		TakeEvents: w.ingest, Connections: w.connections(), HookState: w.hooks.State, LINEPages: w.linePages, Webhook: w.calls.Check, Queues: w.sender.Status, Limits: w.sender.Limits, MailReady: w.cfg.SMTP.Addr != "", LINEReady: w.cfg.LINE.Token != "",
		IngestPassed: w.ingestPassed, MessagesPassed: w.messagesPassed, Import: w.importRecords, Imports: w.imports, Pulls: w.filePulls, Exports: w.exports, Outflow: w.outflow, AdAccounts: w.adAccounts, Moves: moves, Demo: a.cfg.Demo && w.name == "", ClearDemo: d.clear, Loopback: loopback(a.cfg.Listen) && !a.cfg.Proxy, Secure: strings.HasPrefix(publicURL(a.cfg), "https://"),
		Troubles: a.health.Troubles, Now: w.now, Log: w.log})
	if err != nil {
		return nil, fmt.Errorf("workspace %q: %w", w.name, err)
	}
	w.demo = d
	var shop http.Handler
	if a.cfg.Demo && w.name == "" {
		shop = d.storefront(a.keys.Demo)
	}
	w.api = x
	return x.Mux(api.Parts{Collector: w.collector, LINE: w.webhook, Social: w.socialHook, Hooks: w.hooks, LINEPages: w.linePages.Handler(), SMS: smsPaths(w.smsHook), Push: w.pushPublic.Handler(), SDK: sdkjs.Handler(), Links: w.links.Handler(), Post: w.post.Handler(), Shop: shop, Console: web.Files(), Metrics: a.metrics.handler(), Ready: func() (bool, string) { return a.ready(w) }}), nil
}

// Run serves until ctx ends, then stops in reverse: no new requests, then the workspaces, then the servers.
func (a *app) Run(ctx context.Context) error {
	serversCtx, stopServers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServers()
	serversDone := make(chan error, 1)
	go func() { serversDone <- a.servers.Run(serversCtx, a.keys) }()

	g, ctx := errgroup.WithContext(ctx)
	server := &http.Server{Handler: a.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)}
	g.Go(func() error {
		var err error
		if a.cfg.TLSCert != "" {
			err = server.ServeTLS(a.listener, a.cfg.TLSCert, a.cfg.TLSKey)
		} else {
			err = server.Serve(a.listener)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve: %w", err)
	})
	g.Go(func() error {
		<-ctx.Done()
		quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if server.Shutdown(quiet) != nil {
			server.Close() // live views do not end by themselves
		}
		return nil
	})
	g.Go(func() error { return a.storeRaised(ctx) })
	g.Go(func() error { return a.serveIntake(ctx) })
	g.Go(func() error { return a.health.Run(ctx) })
	for _, w := range a.workspaces {
		g.Go(func() error { return w.Run(ctx) })
	}
	if a.cfg.Demo {
		g.Go(func() error { return a.workspaces[0].demo.Run(ctx) })
	}
	err := g.Wait()
	stopServers()
	return errors.Join(err, <-serversDone)
}

// Close frees what openApp opened.
func (a *app) Close() error {
	var errs []error
	for _, w := range a.workspaces {
		errs = append(errs, w.Close())
	}
	if a.servers != nil {
		errs = append(errs, a.servers.Close())
	}
	for _, l := range [...]net.Listener{a.listener, a.intake} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
