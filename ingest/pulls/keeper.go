package pulls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"enishi"
	"enishi/ingest/imports"
	"enishi/internal/definitions"
	"enishi/internal/place"
)

// Config is what a Keeper needs.
type Config struct {
	Places      map[string]*place.Place
	Imports     *imports.Importer
	Definitions *definitions.Log
	Store       Store
	Mine        func() bool // this replica is the one that pulls
	Zone        func() *time.Location
	Tell        func(context.Context, enishi.Alert) error
	Over        func(context.Context, enishi.ID) error // the cause of an alert is gone
	Settle      time.Duration                          // how long a file stands still before it is taken: a minute unless said
	Now         func() time.Time                       // default: time.Now
	Log         *slog.Logger
}

const (
	settle = time.Minute
	again  = 5 * time.Minute // after a place that is away
	tick   = 5 * time.Second
)

// Keeper looks at the places when it is time. It is safe for concurrent use.
type Keeper struct {
	cfg Config

	mu    sync.Mutex
	busy  map[string]bool              // by pull
	looks map[string]Look              // the last ones
	seen  map[string]map[key]time.Time // files that may still be written: since when they stand still
}

// New makes a Keeper; Run does the work.
func New(cfg Config) *Keeper {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Settle == 0 {
		cfg.Settle = settle
	}
	return &Keeper{cfg: cfg, busy: map[string]bool{}, looks: map[string]Look{}, seen: map[string]map[key]time.Time{}}
}

// Run pulls until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var work sync.WaitGroup
	defer work.Wait()
	for ctx.Err() == nil {
		changed := k.cfg.Definitions.Changed()
		if k.cfg.Mine() {
			for _, d := range k.cfg.Definitions.List(Kind) {
				if k.begin(d.Name) {
					work.Go(func() {
						defer k.end(d.Name)
						if err := k.Due(ctx, d.Name); err != nil && ctx.Err() == nil {
							k.cfg.Log.Warn("a pull of files waits", "pull", d.Name, "err", err)
						}
					})
				}
			}
		} else {
			k.mu.Lock()
			clear(k.looks) // another replica makes newer ones
			k.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-ticker.C:
		}
	}
	return nil
}

func (k *Keeper) begin(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy[name] {
		return false
	}
	k.busy[name] = true
	return true
}

func (k *Keeper) end(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, name)
}

// Due looks at a pull's place if it is time, or somebody asked for it, and says when no file came.
func (k *Keeper) Due(ctx context.Context, name string) error {
	d, ok := k.cfg.Definitions.Current(Kind, name)
	if !ok {
		return nil
	}
	p, err := Parse(d.Body)
	if err != nil {
		return err
	}
	l, err := k.last(ctx, name)
	if err != nil {
		return err
	}
	run, now := k.asked(name), k.cfg.Now().UTC().Truncate(time.Millisecond)
	fresh := run != "" && run != l.Run
	if due := !p.Paused && (l.Version != d.Version || !now.Before(l.Next)); due || fresh {
		next := Look{Pull: name, At: now, Version: d.Version, Run: run, Next: p.next(now, k.cfg.Zone()), LastFile: l.LastFile, Late: l.Late}
		err := k.look(ctx, name, &p, &next, fresh)
		if ctx.Err() != nil {
			return ctx.Err() // it goes on at the next start
		}
		if err != nil {
			next.Problem, next.ProblemJA = said(err)
			next.Next = earlier(next.Next, now.Add(again))
			k.cfg.Log.Warn("a pull of files failed", "pull", name, "place", p.Place, "err", err)
		}
		if err := k.tellProblem(ctx, &p, name, &l, &next); err != nil {
			return err
		}
		if err := k.keep(ctx, next); err != nil {
			return err
		}
		l = next
	}
	return k.tellLate(ctx, &p, name, d.At, l, now)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// said is an error for people.
func said(err error) (en, ja string) {
	var known *enishi.Error
	if errors.As(err, &known) {
		return known.Error(), known.MsgJA
	}
	return "the place does not answer as it should: " + err.Error(), "置き場所から読み取れません（" + err.Error() + "）"
}

func (k *Keeper) asked(name string) string {
	d, ok := k.cfg.Definitions.Current(RunKind, name)
	var run Run
	if !ok || json.Unmarshal(d.Body, &run) != nil {
		return ""
	}
	return run.ID
}

func (k *Keeper) last(ctx context.Context, name string) (Look, error) {
	k.mu.Lock()
	l, ok := k.looks[name]
	k.mu.Unlock()
	if ok {
		return l, nil
	}
	l, _, err := k.cfg.Store.Look(ctx, name)
	if err == nil {
		k.remember(l, name)
	}
	return l, err
}

func (k *Keeper) remember(l Look, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looks[name] = l
}

func (k *Keeper) keep(ctx context.Context, l Look) error {
	if err := k.cfg.Store.KeepLook(ctx, &l); err != nil {
		return err
	}
	k.remember(l, l.Pull)
	return nil
}

// title is a pull's name for people.
func (p *FilePull) title(name string) (en, ja string) {
	t := p.Title
	for _, x := range [...]string{t.EN, t.JA, name} {
		if en == "" {
			en = x
		}
	}
	for _, x := range [...]string{t.JA, t.EN, name} {
		if ja == "" {
			ja = x
		}
	}
	return en, ja
}

// AlertKind is the kind of the alerts about pulls.
const AlertKind = "file_pull"

// tellProblem raises an alert at the first look in a row that did not go well, and ends it with the first one that does.
func (k *Keeper) tellProblem(ctx context.Context, p *FilePull, name string, was, now *Look) error {
	id := enishi.NewID("alert", AlertKind, name)
	bad := func(l *Look) bool { return l.Problem != "" || l.Refused > 0 }
	if !bad(now) {
		if bad(was) {
			return k.cfg.Over(ctx, id)
		}
		return nil
	}
	if bad(was) && was.Problem == now.Problem && was.Refused >= now.Refused {
		return nil
	}
	en, ja := p.title(name)
	a := enishi.Alert{ID: id, Kind: AlertKind, Severity: "error", At: now.At, Text: "The pull \"" + en + "\": " + now.Problem, TextJA: "定期取り込み「" + ja + "」: " + now.ProblemJA}
	if now.Problem == "" {
		a.Text, a.TextJA = fmt.Sprintf("The pull %q refused %d files as a whole: look why, mend the file or the mapping.", en, now.Refused), fmt.Sprintf("定期取り込み「%s」で、取り込めないファイルが %d 件あります。理由を確認して、ファイルか対応づけを直してください。", ja, now.Refused)
	}
	return k.cfg.Tell(ctx, a)
}

// tellLate raises an alert once a day when no file came in time, and ends it when one comes.
func (k *Keeper) tellLate(ctx context.Context, p *FilePull, name string, since time.Time, l Look, now time.Time) error {
	id := enishi.NewID("alert", AlertKind, name, "late")
	if l.Late != "" && (p.By == "" || !l.LastFile.IsZero() && l.LastFile.After(onDayOf(l.Late, p.By, k.cfg.Zone()).AddDate(0, 0, -1))) {
		if err := k.cfg.Over(ctx, id); err != nil {
			return err
		}
		l.Late = ""
		return k.keep(ctx, l)
	}
	if p.By == "" || p.Paused {
		return nil
	}
	zone := k.cfg.Zone()
	by, day := onDay(p.By, now, zone), now.In(zone).Format(time.DateOnly)
	if now.Before(by) || l.Late == day || !since.Before(by) || l.LastFile.After(by.AddDate(0, 0, -1)) {
		return nil
	}
	en, ja := p.title(name)
	err := k.cfg.Tell(ctx, enishi.Alert{ID: id, Kind: AlertKind, Severity: "error", At: now, Text: fmt.Sprintf("No file came for %q until %s. Ask whoever sends it whether its export ran.", en, p.By),
		TextJA: fmt.Sprintf("毎日 %s までに届くはずの「%s」のファイルが来ていません。送信元の出力処理が動いているかを確認してください。", p.By, ja)})
	if err != nil {
		return err
	}
	l.Pull, l.Late = name, day
	return k.keep(ctx, l)
}

// onDayOf is a time of a day as YYYY-MM-DD.
func onDayOf(day, clock string, zone *time.Location) time.Time {
	t, _ := time.ParseInLocation(time.DateOnly, day, zone) // it was written so
	return onDay(clock, t, zone)
}

// Place finds a pull's place.
func (k *Keeper) place(p *FilePull) (*place.Place, error) {
	x, ok := k.cfg.Places[p.Place]
	if !ok {
		return nil, enishi.FieldError("place", "there is no place "+p.Place+" in the configuration (places)", "設定（places）に置き場所「"+p.Place+"」がありません")
	}
	return x, nil
}

// whole reports whether a file stands still for long enough, or the file that says so is there.
func (k *Keeper) whole(name string, p *FilePull, f *place.File, markers map[string]bool, now time.Time) bool {
	if p.Ready != "" {
		m := p.markers(f.Name)
		return markers[m[0]] || markers[m[1]]
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen[name] == nil {
		k.seen[name] = map[key]time.Time{}
	}
	since, ok := k.seen[name][keyOfFile(f)]
	if !ok {
		k.seen[name][keyOfFile(f)] = now
		return false
	}
	return now.Sub(since) >= k.cfg.Settle
}

// forget drops what was seen of files that are not there any more, or were taken.
func (k *Keeper) forget(name string, waiting map[key]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.seen[name], func(x key, _ time.Time) bool { return !waiting[x] })
}

// PlaceInfo is a place that files can come from.
type PlaceInfo struct{ Name, Kind string }

// Places are those of the configuration by name.
func (k *Keeper) Places() []PlaceInfo {
	var out []PlaceInfo
	for _, name := range slices.Sorted(maps.Keys(k.cfg.Places)) {
		out = append(out, PlaceInfo{name, k.cfg.Places[name].Kind()})
	}
	return out
}

// CheckUse says whether what a pull names is there.
func (k *Keeper) CheckUse(p *FilePull) error {
	if _, err := k.place(p); err != nil {
		return err
	}
	_, err := k.cfg.Imports.How(p.Plan())
	return err
}
