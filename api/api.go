package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/analytics"
	"enishi/channels"
	"enishi/channels/dm/postal"
	"enishi/channels/dm/social"
	"enishi/channels/email"
	"enishi/channels/line"
	"enishi/ingest"
	"enishi/ingest/hooks"
	"enishi/ingest/imports"
	"enishi/ingest/moving"
	"enishi/ingest/pulls"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/exports"
	"enishi/internal/outflow"
	"enishi/internal/pipeline"
	"enishi/internal/simulation"
	"enishi/internal/stream"
	"enishi/segments/audiences"
)

// Config is what an API needs. Fields are required unless they say otherwise. One process can hold several.
type Config struct {
	Workspace string // name shown to people; empty for the first one
	Base      string // path under which it is served: "/w/NAME", or empty
	Version   string // of the program

	DB          *clickhouse.DB
	Stream      *stream.Client      // opened with every topic but messages at least
	Definitions *definitions.Log    // followed by the caller
	Folder      *pipeline.Folder    // of this replica
	Ingester    *ingest.Ingester    // of this replica: the identity graph and the parser
	Dead        *ingest.DeadLetters // puts dead letters right
	Debug       *ingest.Debug       // what watched browsers sent to this process; nil: nothing is watched
	Hasher      *enishi.Hasher      // of the workspace's identifier key
	Reports     *analytics.Reports  // its zone is the shop's
	Renderer    *channels.Renderer  // for previews
	Key         []byte              // signs sessions; at least 32 bytes, shared by replicas

	// IngestPassed gives how far the source topics are handled by all replicas: the next offset of each partition, absent
	// where nothing was ever handled. Default: Ingester.Passed, which knows what this process handled since its start; a
	// partition that it does not name is then taken as up to date.
	IngestPassed func(ctx context.Context) (map[stream.Partition]int64, error)
	// MessagesPassed is the same for the topic messages and the sender; nil: its lag is what the ledger has open.
	MessagesPassed func(ctx context.Context) (map[stream.Partition]int64, error)
	// Moves keeps moves in from other tools; nil: there are none.
	Moves *moving.Desk
	// Import appends records of an importer to their source topics; nil: refused.
	Import func(ctx context.Context, x ImportRequest) (ImportAnswer, error)

	Connections []Connection // sources of the configuration
	// HookState is what this replica has seen of one of them; nil: there are none.
	HookState func(name string) (hooks.State, bool)
	Imports   *imports.Importer // of files; nil: none are taken
	Exports   *exports.Runner   // of tables; nil: there are none
	Pulls     *pulls.Keeper     // of files that come by themselves; nil: none do
	Outflow   *outflow.Outflow  // of changes to other systems; nil: nothing leaves
	// AdAccounts are the accounts at advertising platforms, by name.
	AdAccounts map[string]*audiences.Destination

	// MailSender is the mail account of a name, nil when there is none; nil: there are none.
	MailSender func(name string) *email.Channel
	// TakeMail takes a mail that a mail server pipes in: email.Intake.Take; nil: refused.
	TakeMail  func(ctx context.Context, from, to string, raw []byte) (what string, err error)
	Postal    *postal.Office   // batches of direct mail; nil: there are none
	LINE      *line.Accounts   // official accounts; nil: there are none
	LINEPages *line.Pages      // its public pages; nil: there are none
	Social    *social.Accounts // pages and Instagram accounts; nil: there are none
	// TakeEvents hands facts of our own to the source topic of their type; nil: refused.
	TakeEvents func(ctx context.Context, events []enishi.Event) error
	Lookup     email.Lookup // of checklists; default: the machine's resolver

	// Reach tells where the check of links may connect; nil: the ports 80 and 443 of the public internet.
	Reach func(netip.AddrPort) bool
	// Webhook tells what is wrong with a call of another system; nil: nothing is looked at.
	Webhook func(*channels.Request) error

	LINEProvider string                        // of LINE user ids that people search for
	Queues       func() []channels.QueueStatus // of the sender in this process; nil: none
	// Limits are the limit of a destination where the setting delivery says nothing, and the one that stands; false: there is no
	// such account. Nil: none.
	Limits    func(destination string) (preset, now channels.Limit, ok bool)
	Troubles  func() []enishi.Alert       // what this replica cannot work without and is away now; nil: nothing
	MailReady bool                        // a mail server is configured
	LINEReady bool                        // a LINE account is configured
	Demo      bool                        // the demo shop is running
	ClearDemo func(context.Context) error // clears it; required with Demo

	Loopback bool             // the listener is a loopback address without a proxy: the local admin is let in while there are no tokens
	Secure   bool             // people come by https, also when a proxy ends it: cookies are marked so
	Now      func() time.Time // default: time.Now
	Log      *slog.Logger     // default: discard
}

// API answers the requests of one workspace.
type API struct {
	cfg       Config
	log       *slog.Logger
	mux       *http.ServeMux
	huma      huma.API
	ops       map[string]*operation // by id
	titles    *titles
	keys      *keyRing
	hub       *hub
	outbox    outboxCache
	replays   replays
	links     linkCache
	syncs     syncs
	lifecycle lifecycle
	lineNames lineNames

	ownPassed bool          // IngestPassed is the default
	waitLimit time.Duration // of ?after=; tests shorten it
	bounds    queryBounds   // of queries over what somebody wrote; tests tighten them

	lab *simulation.Lab

	audiences *audiences.Syncer
	adTables  *audiences.Tables

	progressMemo memo[*progress]
	mixedMemo    memo[[]mixed]
	homeMemo     memo[*homePage]
	segmentUses  usesMemo
	sourcesMemo  memo[*sourceWorld]
	statusMemo   memo[*statusPage]
	runsMemo     memo[map[string]journeyCounts]
	sizesMemo    memo[map[string][]int64]
}

// New checks cfg and builds the API. It starts nothing: see [API.Run].
func New(cfg Config) (*API, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Troubles == nil {
		cfg.Troubles = func() []enishi.Alert { return nil }
	}
	if cfg.Lookup.TXT == nil || cfg.Lookup.MX == nil {
		cfg.Lookup = email.SystemLookup()
	}
	if cfg.Queues == nil {
		cfg.Queues = func() []channels.QueueStatus { return nil }
	}
	if cfg.Limits == nil {
		cfg.Limits = func(string) (preset, now channels.Limit, ok bool) { return preset, now, false }
	}
	own := cfg.IngestPassed == nil
	if own {
		cfg.IngestPassed = func(context.Context) (map[stream.Partition]int64, error) { return cfg.Ingester.Passed(), nil }
	}
	a := &API{cfg: cfg, ownPassed: own, waitLimit: maxWait, bounds: queryBounds{20 * time.Second, 2 << 30}, links: linkCache{known: map[int64]enishi.Link{}}, log: cfg.Log.With("component", "api"), mux: http.NewServeMux(), ops: map[string]*operation{}}
	a.titles = &titles{log: cfg.Definitions, known: map[[2]string]titled{}}
	a.keys = &keyRing{log: cfg.Definitions}
	a.hub = newHub(a)
	lab, err := simulation.New(simulation.Config{DB: cfg.DB, Now: cfg.Now, Log: a.log})
	if err != nil {
		return nil, fmt.Errorf("build api: %w", err)
	}
	a.lab = lab
	a.adTables = &audiences.Tables{DB: cfg.DB, Number: func(raw string) (string, error) { return ingest.Normalise(enishi.Phone, raw) }}
	a.audiences = audiences.New(audiences.Config{Tables: a.adTables, Segment: a.audienceSegment, Currency: a.currency, Destinations: cfg.AdAccounts, Owner: enishi.NewID("audiences", cfg.Hasher.Hash(enishi.Identifier{Kind: enishi.Customer, Scope: "audiences"}).String()).String()[:8], Zone: a.zone, Now: cfg.Now, Log: a.log,
		Mine: func() bool { return slices.Contains(cfg.Folder.Owned(), 0) }})
	if err := a.build(); err != nil {
		return nil, fmt.Errorf("build api: %w", err)
	}
	return a, nil
}

func (cfg *Config) check() error {
	missing := map[string]bool{"DB": cfg.DB == nil, "Stream": cfg.Stream == nil, "Definitions": cfg.Definitions == nil, "Folder": cfg.Folder == nil,
		"Ingester": cfg.Ingester == nil, "Dead": cfg.Dead == nil, "Hasher": cfg.Hasher == nil, "Reports": cfg.Reports == nil,
		"Renderer": cfg.Renderer == nil, "ClearDemo": cfg.Demo && cfg.ClearDemo == nil}
	for name, absent := range missing {
		if absent {
			return fmt.Errorf("api: %s is required", name)
		}
	}
	if len(cfg.Key) < 32 {
		return errors.New("api: Key must have at least 32 bytes")
	}
	if cfg.Base != "" && (!strings.HasPrefix(cfg.Base, "/") || strings.HasSuffix(cfg.Base, "/")) {
		return fmt.Errorf("api: Base %q must be empty or like /w/NAME", cfg.Base)
	}
	return nil
}

// Run follows the log for people who watch it live, and looks after the sizes of segments. It ends with ctx.
func (a *API) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.hub.run(ctx) })
	g.Go(func() error { return a.lab.Run(ctx) })
	if a.cfg.Moves != nil {
		g.Go(func() error { return a.cfg.Moves.Run(ctx) })
	}
	watch := func(every time.Duration, failed string, do func(context.Context) error) {
		g.Go(func() error { return a.watch(ctx, every, failed, do) })
	}
	watch(jumpEvery, "sizes of segments are not checked", a.checkJumps)
	watch(floodEvery, "floods of identifiers are not checked", a.checkFloods)
	watch(holidaysLook, "the table of holidays is not checked", a.checkHolidays)
	watch(silentEvery, "entries of journeys are not checked", a.checkSilent)
	watch(sourcesEvery, "sources are looked at later", a.checkSources)
	watch(deliverabilityEvery, "thresholds of mail are not checked", a.checkDeliverability)
	if a.cfg.Exports != nil {
		watch(exportsLook, "scheduled exports wait", a.keepExports)
	}
	if len(a.cfg.AdAccounts) > 0 {
		for name := range a.cfg.AdAccounts {
			k := &audienceKeeper{API: a, account: name, work: map[string]*audienceWork{}}
			watch(audiencesLook, "audiences wait", k.keep)
		}
		watch(audiencesLook, "alerts about audiences are raised later", a.alertAudiences)
	}
	if a.cfg.Postal != nil {
		if !a.cfg.Postal.ByHand() {
			g.Go(func() error { return a.keepPostal(ctx) })
		}
		watch(qualityLook, "addresses are looked at later", a.cfg.Postal.KeepQuality)
	}
	if a.cfg.LINE != nil {
		watch(statisticsLook, "statistics of LINE are asked for later", func(ctx context.Context) error { return a.askLineStatistics(ctx, a.cfg.Now().UTC()) })
		watch(narrowcastLook, "narrowcasts wait", func(ctx context.Context) error { return a.keepNarrowcasts(ctx, a.cfg.Now().UTC()) })
		watch(menusLook, "rich menus wait", func(ctx context.Context) error { return a.keepRichMenus(ctx, a.cfg.Now().UTC()) })
	}
	return g.Wait()
}

// watch does something every so often until ctx ends. Of several replicas the one that folds the first partition does it, and none
// while a replay moves the clock.
func (a *API) watch(ctx context.Context, every time.Duration, failed string, do func(context.Context) error) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if _, virtual := a.cfg.Folder.Clock().Virtual(); virtual || !slices.Contains(a.cfg.Folder.Owned(), 0) {
			continue
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn(failed, "err", err)
		}
	}
}

// Handler answers everything under /api/v1.
func (a *API) Handler() http.Handler { return a.guard(a.mux) }

// now is the workspace's clock: the wall clock, or the virtual one of a replay.
func (a *API) now() time.Time { return a.cfg.Folder.Clock().Now(a.cfg.Now()).UTC() }

// zone is the shop's zone.
func (a *API) zone() *time.Location { return a.cfg.Reports.Location() }
