package postal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels/dm/postal/layout"
	"enishi/internal/address"
	"enishi/internal/clickhouse"
	"enishi/internal/definitions"
	"enishi/internal/stream"
)

// Config is what an Office needs.
type Config struct {
	DB          *clickhouse.DB
	Stream      *stream.Client
	Definitions *definitions.Log
	// People tells how people stand, by the ids that pieces have; one who is not in the answer is erased.
	People func(ctx context.Context, ids []enishi.ID) (map[enishi.ID]*Person, error)
	// Append puts results on the log.
	Append func(ctx context.Context, events []enishi.Event) error
	Table  func() *address.Table // postal codes in place of the imported ones; for tests. Nil: the imported ones
	Key    []byte                // of piece codes
	Base   string                // public address of the workspace: QR codes lead to BASE/d/CODE
	Dir    string                // where files are kept; made when it is missing
	// Targets are where batches may be delivered, by name.
	Targets map[string]Target
	// Image reads a picture of a layout by its id or address; nil: layouts have none.
	Image  func(ctx context.Context, name string) ([]byte, error)
	ByHand bool   // who has the Office calls Keep at instants of their own, and nothing else does; for tests
	Fonts  string // folder with fonts; empty: the system's

	Zone func() *time.Location
	Now  func() time.Time // the shop's clock
	Log  *slog.Logger
}

// Office works at batches. Its methods may be called at any time, by several goroutines.
type Office struct {
	cfg    Config
	Pieces Pieces
	log    *slog.Logger
	id     string // of this process, for claims

	zips      zips
	fonts     *layout.Fonts
	fontsOnce sync.Mutex
	checking  sync.Mutex // of everybody's addresses
	work      sync.Mutex // one batch at a time
	kick      chan struct{}
	looked    time.Time            // when gone people were counted last
	final     map[string]int64     // batches by name, at the version at which nothing is left to do
	tries     map[string]time.Time // of deliveries, by batch

	// Fault fails at a named point; for tests. Nil: none.
	Fault func(point string) error
}

// System is who changes batches when no person does.
const System = "enishi"

// New makes an Office; it starts nothing.
func New(cfg Config) (*Office, error) {
	if cfg.DB == nil || cfg.Stream == nil || cfg.Definitions == nil || cfg.People == nil || cfg.Append == nil || len(cfg.Key) < 16 || cfg.Dir == "" {
		return nil, errors.New("postal: DB, Stream, Definitions, People, Append, Dir and a Key of at least 16 bytes are required")
	}
	if cfg.Zone == nil {
		cfg.Zone = func() *time.Location { return time.UTC }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("postal: %w", err)
	}
	return &Office{cfg: cfg, Pieces: Pieces{cfg.DB}, log: cfg.Log.With("component", "postal"), id: hex.EncodeToString(id[:]), kick: make(chan struct{}, 1), final: map[string]int64{}, tries: map[string]time.Time{}}, nil
}

// Settings are the postal accounts as they are set now. What cannot be read counts as nothing set.
func (o *Office) Settings() *Settings {
	d, ok := o.cfg.Definitions.Current("setting", SettingName)
	if !ok {
		return &Settings{}
	}
	s, err := ParseSettings(d.Body)
	if err != nil {
		o.log.Error("the postal setting cannot be read", "version", d.Version, "err", err)
		return &Settings{}
	}
	return s
}

func (o *Office) account(name string) *Account {
	a, _ := o.Settings().Account(name)
	return a
}

func (o *Office) now() time.Time { return o.cfg.Now().UTC().Truncate(time.Millisecond) }

// Now is the shop's clock.
func (o *Office) Now() time.Time { return o.now() }

// Kick lets Keep be called soon: something was changed.
func (o *Office) Kick() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// ByHand tells whether only its owner calls Keep.
func (o *Office) ByHand() bool { return o.cfg.ByHand }

// Kicked is when somebody wants Keep to be called.
func (o *Office) Kicked() <-chan struct{} { return o.kick }

// Batches are all batches, the newest cut-off first: those that still collect are told by their pieces alone.
func (o *Office) Batches(ctx context.Context) ([]*Batch, error) {
	heads, err := o.Pieces.Heads(ctx, "state = 'collected'")
	if err != nil {
		return nil, err
	}
	var out []*Batch
	for _, h := range heads {
		if _, ok := Current(o.cfg.Definitions, h.Batch); !ok {
			out = append(out, h.batch())
		}
	}
	list := o.cfg.Definitions.List(Kind)
	for i := range list {
		if b, err := ParseBatch(&list[i]); err == nil {
			out = append(out, b)
		}
	}
	return out, nil
}

// batch is a batch that still collects.
func (h *Head) batch() *Batch {
	return &Batch{Name: h.Batch, Account: h.Account, Template: h.Template, Cutoff: h.Cutoff, State: Collecting, Tally: &Tally{Pieces: h.Pieces}}
}

// Batch is one batch; not_found when there is none.
func (o *Office) Batch(ctx context.Context, name string) (*Batch, error) {
	if b, ok := Current(o.cfg.Definitions, name); ok {
		return b, nil
	}
	heads, err := o.Pieces.Heads(ctx, "batch = {batch:String}", ch.Named("batch", name))
	if err != nil {
		return nil, err
	}
	if len(heads) == 0 {
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "there is no batch " + name, MsgJA: "「" + name + "」という発送単位はありません。"}
	}
	return heads[0].batch(), nil
}

// save replaces the version that b was read from; conflict when somebody was faster.
func (o *Office) save(ctx context.Context, b *Batch, reason string) error {
	var nonce [8]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	version, err := o.cfg.Definitions.Save(ctx, o.cfg.Stream, enishi.Definition{Kind: Kind, Name: b.Name, Expect: b.Version, Body: b.Encode(), Actor: System, Role: "system", Reason: reason,
		RequestID: enishi.NewID("postal batch", b.Name, fmt.Sprint(b.Version), hex.EncodeToString(nonce[:])), At: o.cfg.Now().UTC()})
	if err != nil {
		return fmt.Errorf("save batch %s: %w", b.Name, err)
	}
	b.Version = version
	return nil
}

// Keep does what is due for every batch. What is wrong with one holds up no other. One replica at a time calls it; should
// two, the log lets one of them finish.
func (o *Office) Keep(ctx context.Context) error {
	o.work.Lock()
	defer o.work.Unlock()
	errs := []error{o.cutOff(ctx)}
	list := o.cfg.Definitions.List(Kind)
	for i := range list {
		if o.final[list[i].Name] == list[i].Version {
			continue
		}
		b, err := ParseBatch(&list[i])
		if err != nil {
			continue // a foreign writer's
		}
		for range 10 { // one state after another
			before := b.Version
			if err := o.step(ctx, b); err != nil {
				if enishi.ErrorCode(err) != enishi.Conflict { // else somebody was faster
					errs = append(errs, fmt.Errorf("batch %s: %w", b.Name, err))
				}
				break
			}
			if b.Version == before {
				break
			}
		}
	}
	errs = append(errs, o.countGone(ctx))
	return errors.Join(errs...)
}

// step does what a batch waits for, if anything.
func (o *Office) step(ctx context.Context, b *Batch) error {
	now := o.now()
	switch {
	case b.Busy():
		if b.Tries > 0 && now.Before(b.ClosedAt.Add(retryPause(b.Tries))) && b.Problem != (Text{}) {
			return nil
		}
		return o.tried(ctx, b, o.toil)
	case b.State == InReview && o.account(b.Account).Approval.Off && b.Tally.Ready > b.Tally.Seeds && b.Refused == (Text{}) && b.Problem == (Text{}):
		if err := b.Move(MoveApprove, System, now, o.Hold(b)); err != nil {
			return err
		}
		return o.save(ctx, b, "approval is off")
	case b.State == Approved && o.account(b.Account).Deliver.Kind != ByDownload && !now.Before(b.HoldUntil):
		if err := b.Move(MoveExport, System, now, 0); err != nil {
			return err
		}
		return o.save(ctx, b, "the hold is over")
	case (b.State == Exported || b.State == Cancelled) && !b.Told:
		return o.tell(ctx, b)
	case b.State == Exported && o.account(b.Account).Deliver.Kind != ByDownload:
		return o.deliver(ctx, b)
	case b.Final() && b.Told:
		o.final[b.Name] = b.Version
	}
	return nil
}

// Hold is how long an approved batch waits.
func (o *Office) Hold(b *Batch) time.Duration {
	return time.Duration(o.account(b.Account).Hold) * time.Hour
}

// toil is the work of closed and exporting.
func (o *Office) toil(ctx context.Context, b *Batch) error {
	switch {
	case b.State == Closed:
		return o.prepare(ctx, b)
	case b.Step == stepJudge:
		return o.judge(ctx, b)
	}
	return o.print(ctx, b)
}

// mostTries is how often work that fails is begun again before somebody has to look.
const mostTries = 5

func retryPause(tries int) time.Duration { return time.Duration(tries) * 10 * time.Second }

// tried claims a batch, works, and notes what went wrong. Work that always fails goes back to where people can act.
func (o *Office) tried(ctx context.Context, b *Batch, work func(context.Context, *Batch) error) error {
	if b.Claim != o.id {
		b.Claim = o.id
		if err := o.save(ctx, b, "begun"); err != nil {
			return err
		}
	}
	err := work(ctx, b)
	if err == nil || ctx.Err() != nil || enishi.ErrorCode(err) == enishi.Conflict {
		return err
	}
	again, ok := Current(o.cfg.Definitions, b.Name)
	if !ok || again.Version != b.Version {
		return err
	}
	var known *enishi.Error
	again.Problem = Text{"作業に失敗しました。しばらくしてからやり直します。", "The work failed and is tried again in a moment."}
	if errors.As(err, &known) {
		again.Problem = Text{known.MsgJA, known.Msg}
		again.Tries = mostTries
	}
	if again.Tries++; again.Tries > mostTries {
		again.Claim, again.Tries = "", 0
		switch again.State {
		case Closed:
			again.State = InReview
		default:
			again.State, again.Step = Approved, ""
			if !again.ExportedAt.IsZero() {
				again.State = Exported
			}
		}
		if known == nil {
			again.Problem = Text{"作業に何度も失敗しました。ログを確認してください。", "The work failed several times: look into the log."}
		}
	}
	return errors.Join(err, o.save(ctx, again, "failed"))
}

func (o *Office) fault(point string) error {
	if o.Fault == nil {
		return nil
	}
	return o.Fault(point)
}

// cutOff closes batches whose time has come and finds a place for pieces that came late.
func (o *Office) cutOff(ctx context.Context) error {
	heads, err := o.Pieces.Heads(ctx, "state = 'collected'")
	if err != nil {
		return err
	}
	var errs []error
	now := o.now()
	for i := range heads {
		h := &heads[i]
		b, ok := Current(o.cfg.Definitions, h.Batch)
		switch {
		case !ok && h.Cutoff.After(now):
		case !ok && h.Pieces < o.account(h.Account).Least:
			errs = append(errs, o.move(ctx, h.Batch, o.nextBatch(h, now), "rolled"))
		case !ok:
			b = h.batch()
			b.State, b.ClosedAt = Closed, now
			errs = append(errs, o.save(ctx, b, "cut-off"))
		case b.State == InReview && b.Problem == (Text{}): // before anybody approved
			b.State, b.ClosedAt = Closed, now
			errs = append(errs, o.save(ctx, b, "pieces came late"))
		case b.State != Closed && b.State != InReview:
			errs = append(errs, o.move(ctx, h.Batch, o.nextBatch(h, now), "late"))
		}
	}
	return errors.Join(errs...)
}

// nextBatch is the batch that takes what cannot stay in one: that of the next cut-off which is still open.
func (o *Office) nextBatch(h *Head, now time.Time) Head {
	set := o.account(h.Account)
	cutoff := h.Cutoff
	if now.After(cutoff) {
		cutoff = now
	}
	if set.Schedule.Every == EveryManual { // the month's batch was closed by hand: another one of the same month
		for n := 2; ; n++ {
			name := fmt.Sprintf("%s-%d", BatchName(h.Account, h.Template, h.Cutoff, o.cfg.Zone()), n)
			if _, taken := Current(o.cfg.Definitions, name); !taken {
				end := set.Schedule.Cutoff(now, o.cfg.Zone())
				return Head{Batch: name, Cutoff: end}
			}
		}
	}
	for {
		cutoff = set.Schedule.Cutoff(cutoff, o.cfg.Zone())
		name := BatchName(h.Account, h.Template, cutoff, o.cfg.Zone())
		if _, taken := Current(o.cfg.Definitions, name); !taken && name != h.Batch {
			return Head{Batch: name, Cutoff: cutoff}
		}
	}
}

// move puts the collected pieces of a batch into another one: first there, then away from here, so that a crash between
// leaves a piece in both and never in none; preparing finds it in both ([Pieces.Elsewhere]).
func (o *Office) move(ctx context.Context, from string, to Head, why string) error {
	n := 0
	err := o.Pieces.Each(ctx, from, "state = 'collected'", func(page []Piece) error {
		moved := make([]Piece, len(page))
		for i := range page {
			moved[i] = page[i]
			moved[i].Batch, moved[i].Cutoff = to.Batch, to.Cutoff
		}
		if err := o.Pieces.Insert(ctx, moved); err != nil {
			return err
		}
		for i := range page {
			page[i].State, page[i].Reason, page[i].Version = PieceMoved, why, page[i].Version+1
			page[i].Content, page[i].Address, page[i].Problems = nil, nil, nil
		}
		n += len(page)
		return o.Pieces.Insert(ctx, page)
	})
	if n > 0 {
		o.log.Info("pieces of post were moved", "from", from, "to", to.Batch, "pieces", n, "why", why)
	}
	return err
}

// countGone counts, once a minute, who of exported batches was erased since: the print house has to delete them too, and our
// own files with them go at once.
func (o *Office) countGone(ctx context.Context) error {
	if o.cfg.Now().Sub(o.looked).Abs() < time.Minute {
		return nil
	}
	o.looked = o.cfg.Now()
	rows, err := o.cfg.DB.Query(ctx, "SELECT toString(batch), count() FROM postal_pieces FINAL WHERE state = 'exported' AND seed = 0 AND profile_id = toFixedString('', 16) GROUP BY batch")
	if err != nil {
		return fmt.Errorf("count who was erased: %w", err)
	}
	defer rows.Close()
	gone := map[string]int{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return fmt.Errorf("count who was erased: %w", err)
		}
		gone[name] = int(n)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("count who was erased: %w", err)
	}
	var errs []error
	for name, n := range maps.All(gone) {
		b, ok := Current(o.cfg.Definitions, name)
		if !ok || !b.Final() || n <= b.Gone {
			continue
		}
		b.Erased, b.Gone = b.Erased+n-b.Gone, n
		errs = append(errs, o.forgetFiles(b.Name), o.save(ctx, b, "people in its files were erased"))
	}
	return errors.Join(errs...)
}
