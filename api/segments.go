package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/segments"
)

// segmentRow is a segment with its members.
type segmentRow struct {
	Name            string         `json:"name"`
	Title           Text           `json:"title"`
	Description     Text           `json:"description"`
	Expression      string         `json:"expression"`
	Members         int64          `json:"members"`
	CompleteThrough time.Time      `json:"complete_through"`
	Progress        *sweepProgress `json:"progress,omitempty" doc:"While everybody is being evaluated anew."`
	Stale           *staleRow      `json:"stale,omitempty" doc:"Why the members may be others than the expression says. A stale segment lets nobody into journeys of whom it is not known that what they did let them in."`
	Version         int64          `json:"version"`
	Owner           string         `json:"owner"`
	Folder          string         `json:"folder" doc:"Where the list shows it; empty: in none."`
	UpdatedAt       time.Time      `json:"updated_at"`
	UsedIn          []segmentUse   `json:"used_in" doc:"Journeys, campaigns, segments and audiences that name it."`
	Sizes           []int64        `json:"sizes" doc:"Members at the end of each of the last 30 days, today's last; empty while nobody was ever in it."`
}

type sweepProgress struct {
	Done int64 `json:"done"`
	Of   int64 `json:"of"`
}

// buckets is how many steps a sweep of one partition has.
const buckets = 256

func (a *API) listSegments(ctx context.Context, _ *struct{}) (*listOutput[segmentRow], error) {
	rows, err := a.segmentRows(ctx, a.cfg.Definitions.List("segment"))
	if err != nil {
		return nil, err
	}
	out := listOf(rows)
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

func (a *API) segmentRows(ctx context.Context, defs []enishi.Definition) ([]segmentRow, error) {
	members, err := a.memberCounts(ctx)
	if err != nil {
		return nil, err
	}
	sizes, err := a.sizesMemo.get(ctx, isFresh(ctx), time.Minute, a.recentSizes)
	if err != nil {
		return nil, err
	}
	p, err := a.progress(ctx, isFresh(ctx))
	if err != nil {
		return nil, err
	}
	held, _ := a.sweeping()
	out := []segmentRow{}
	for i := range defs {
		d := &defs[i]
		var b segments.Body
		if err := json.Unmarshal(d.Body, &b); err != nil {
			return nil, fmt.Errorf("read segment %s: %w", d.Name, err)
		}
		row := segmentRow{Name: d.Name, Title: Text(b.Title).complete(), Description: Text(b.Description).complete(), Expression: b.Expression, Members: members[d.Name],
			CompleteThrough: p.Through, Progress: p.sweep(d), Version: d.Version, Owner: b.Owner, Folder: folderOf(b.Folder), UpdatedAt: d.At, UsedIn: a.uses(d.Name), Sizes: append([]int64{}, sizes[d.Name]...)}
		if n := len(row.Sizes); n > 0 {
			row.Sizes[n-1] = row.Members
		}
		row.Stale = a.stale(p, d, row.Progress, &held)
		if row.Progress != nil {
			row.CompleteThrough = time.Time{}
		}
		out = append(out, row)
	}
	return out, nil
}

// folderOf is the folder of a segment as the list shows it: the templates' own is none.
func folderOf(folder string) string {
	if folder == "gallery" {
		return ""
	}
	return folder
}

// sweep is how far the evaluation of a new version has come; nil when it is complete.
func (p *progress) sweep(d *enishi.Definition) *sweepProgress {
	done, open := int64(0), false
	for n := range p.Markers {
		m := &p.Markers[n]
		step := int64(buckets)
		if m.definitions < d.Version {
			step = 0 // the owner has not gone over to this version
		}
		for _, s := range m.sweeps {
			if slices.Contains(s.Segments, d.Name) {
				step = min(step, int64(s.Next))
			}
		}
		done += step
		open = open || step < buckets
	}
	if !open {
		return nil
	}
	return &sweepProgress{done, buckets * int64(len(p.Markers))}
}

type previewInput struct {
	Body struct {
		Expression string    `json:"expression" maxLength:"20000"`
		At         time.Time `json:"at,omitzero" required:"false" doc:"The instant to judge at; now unless said."`
		Unit       string    `json:"unit,omitempty" enum:",person,household,line_friend" doc:"What is counted; person unless said. A household is the people of one family name at one address, and is reached when one of them is."`
	}
}

type previewOutput struct{ Body previewPage }

// previewPage is what an expression would find.
type previewPage struct {
	Valid           bool            `json:"valid"`
	Errors          []problemDetail `json:"errors"`
	Count           int64           `json:"count" doc:"In the unit that was asked for, as reach is."`
	Share           float64         `json:"share" doc:"Of all of that unit, 0 to 1."`
	Reach           previewReach    `json:"reach"`
	Sample          []sampleRow     `json:"sample"`
	Warnings        []Text          `json:"warnings" doc:"What is right and yet finds nobody, such as a rank that was never computed."`
	TookMS          int64           `json:"took_ms"`
	CompleteThrough time.Time       `json:"complete_through,omitzero"`
}

type previewReach struct {
	Email  int64 `json:"email"`
	LINE   int64 `json:"line"`
	Postal int64 `json:"postal"`
	SMS    int64 `json:"sms"`
	Push   int64 `json:"push"`
	Social int64 `json:"social"`
	None   int64 `json:"none" doc:"Not to be reached by any of these."`
}

type sampleRow struct {
	ID          enishi.ID     `json:"id"`
	Name        string        `json:"name"`
	Prefecture  string        `json:"prefecture"`
	OrdersCount int64         `json:"orders_count"`
	LTV         enishi.Amount `json:"ltv"`
}

// sampleSize is how many faces a preview shows.
const sampleSize = 12

func (a *API) previewSegment(ctx context.Context, in *previewInput) (*previewOutput, error) {
	start := time.Now()
	out := &previewOutput{previewPage{Errors: []problemDetail{}, Warnings: []Text{}, Sample: []sampleRow{}}}
	b := &out.Body
	body, err := json.Marshal(segments.Body{Expression: in.Body.Expression})
	if err != nil {
		return nil, err
	}
	s, err := a.library().Compile("preview", 0, body)
	if err != nil {
		var e *enishi.Error
		if !errors.As(err, &e) {
			return nil, err
		}
		d := detailOf(e)
		d.Line, d.Col = max(d.Line, 1), max(d.Col, 1)
		b.Errors = append(b.Errors, d)
		return out, nil
	}
	at := in.Body.At
	if at.IsZero() {
		at = a.now()
	}
	b.Valid, b.Warnings = true, warnings(s)
	if err := a.bounded(ctx, func(ctx context.Context) error { return a.preview(ctx, s, at, in.Body.Unit, b) }); err != nil {
		return nil, err
	}
	if b.CompleteThrough, err = a.through(ctx); err != nil {
		return nil, err
	}
	b.TookMS = time.Since(start).Milliseconds()
	return out, nil
}

// unitSQL is how people who fulfil a condition are counted: each, each household once, or each LINE friend. A household is
// reached when one of it is.
func unitSQL(unit string) func(cond string) string {
	return func(cond string) string {
		switch unit {
		case "household":
			return "uniqExactIf(if(household = '', toString(profile_id), household), " + cond + ")"
		case "line_friend":
			return "uniqExactIf(line_user, line_friend = 1 AND (" + cond + "))"
		}
		return "countIf(" + cond + ")"
	}
}

func (a *API) preview(ctx context.Context, s *segments.Segment, at time.Time, unit string, b *previewPage) error {
	query, args := s.SQL(at)
	counted := unitSQL(unit)
	each := make([]string, len(reachChannels))
	for i, ch := range reachChannels {
		each[i] = counted(reachSQL[ch])
	}
	var n, reached, all uint64
	var byChannel []uint64
	var sample []string
	err := a.one(ctx, fmt.Sprintf(`SELECT %s, [%s], %s, arrayMap(x -> x.2, groupArraySorted(%d)((cityHash64(profile_id), profile_id))), (SELECT %s FROM people FINAL)
FROM people FINAL PREWHERE profile_id IN (%s)`, counted("1"), strings.Join(each, ", "), counted(reachAny()), sampleSize, counted("1"), query),
		append(args, millis("now", a.now())), &n, &byChannel, &reached, &sample, &all)
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	b.Count, b.Reach = int64(n), previewReach{None: int64(n - reached)}
	for i, at := range [...]*int64{&b.Reach.Email, &b.Reach.LINE, &b.Reach.SMS, &b.Reach.Push, &b.Reach.Social, &b.Reach.Postal} { // in the order of reachChannels
		*at = int64(byChannel[i])
	}
	if all > 0 {
		b.Share = float64(n) / float64(all)
	}
	ids := make([]enishi.ID, len(sample))
	for i := range sample {
		ids[i] = idOf(sample[i])
	}
	people, err := a.personRows(ctx, ids)
	if err != nil {
		return err
	}
	for _, p := range people {
		b.Sample = append(b.Sample, sampleRow{p.ID, p.Name, p.Prefecture, p.OrdersCount, p.LTV})
	}
	return nil
}

type segmentOutput struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body segmentRow
}

func (a *API) getSegment(ctx context.Context, in *NamePath) (*segmentOutput, error) {
	d, ok := a.cfg.Definitions.Current("segment", in.Name)
	if !ok {
		return nil, notFound("segment", "セグメント")
	}
	rows, err := a.segmentRows(ctx, []enishi.Definition{d})
	if err != nil {
		return nil, err
	}
	return &segmentOutput{etag(d.Version), rows[0]}, nil
}

type segmentInput struct {
	NamePath
	Precondition
	Body struct {
		Title       textInput `json:"title"`
		Description textInput `json:"description,omitzero" required:"false"`
		Expression  string    `json:"expression" maxLength:"20000"`
		Folder      *string   `json:"folder,omitempty" maxLength:"64" doc:"Where the list shows it; it stays where it is unless said."`
		Owner       *string   `json:"owner,omitempty" maxLength:"100" doc:"Who answers for it: whoever made it unless said."`
		Expect      int64     `json:"expect,omitempty" doc:"The version this replaces; 0 for a new one, or with If-Match."`
		Reason      string    `json:"reason,omitempty" maxLength:"500"`
	}
}

// namePattern is what definitions may be named; the words of routes are taken.
var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	takenNames  = []string{"new", "preview", "gallery", "language", "blocks", "values", "count", "explain", "export", "overlap", "rankings", "lists", "lint", "words"}
)

func checkName(name string) error {
	if !namePattern.MatchString(name) || slices.Contains(takenNames, name) {
		return enishi.FieldError("path.name", "a name begins with a small letter and has small letters, digits, _ and -; new, preview, gallery, language, blocks, values, count, explain, export, overlap, rankings, lists, lint and words are taken",
			"内部名は英小文字で始め、英小文字・数字・_・- だけにしてください（new、preview、gallery、language、blocks、values、count、explain、export、overlap、rankings、lists、lint、words は使えません）。")
	}
	return nil
}

func checkTitle(t Text) error {
	if strings.TrimSpace(t.JA+t.EN) == "" {
		return enishi.FieldError("body.title", "give it a title that people read", "名前を入力してください。")
	}
	return nil
}

func (a *API) saveSegment(ctx context.Context, in *segmentInput) (*writtenOutput, error) {
	if err := errors.Join(checkName(in.Name), checkTitle(Text(in.Body.Title))); err != nil {
		return nil, err
	}
	b := segments.Body{Title: segments.Label(in.Body.Title), Description: segments.Label(in.Body.Description), Expression: in.Body.Expression, Owner: callOf(ctx).caller.name}
	if d, ok := a.cfg.Definitions.Current("segment", in.Name); ok {
		var old segments.Body
		if json.Unmarshal(d.Body, &old) == nil {
			b.Owner, b.Folder = cmp.Or(old.Owner, b.Owner), folderOf(old.Folder)
		}
	}
	if in.Body.Folder != nil {
		b.Folder = strings.TrimSpace(*in.Body.Folder)
	}
	if in.Body.Owner != nil {
		b.Owner = cmp.Or(strings.TrimSpace(*in.Body.Owner), b.Owner)
	}
	body, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	if err := a.checkSegment(in.Name, body); err != nil {
		return nil, err
	}
	return a.replaced("segment", in.Name, in.Precondition, in.Body.Expect, func(expect int64) (*writtenOutput, error) {
		w, err := a.save(ctx, enishi.Definition{Kind: "segment", Name: in.Name, Expect: expect, Body: body, Reason: in.Body.Reason})
		if s, broken := a.library().Compile(in.Name, 0, body); broken == nil {
			w.Warnings = warnings(s)
		}
		return &writtenOutput{w}, err
	})
}

type deleteInput struct {
	NamePath
	Expect int64  `query:"expect" default:"-1" doc:"The version to delete; -1 for whatever it is."`
	Reason string `query:"reason" maxLength:"500"`
	UsedBy string `query:"used_by" maxLength:"4000" doc:"Names of what uses it, comma-separated, as /uses answers them: confirms that they were seen. Without one of them it is 409."`
}

func (a *API) deleteSegment(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	if err := a.checkUnused(in.Name, in.UsedBy); err != nil {
		return nil, err
	}
	if menus := a.menusOf(in.Name); len(menus) > 0 {
		all := strings.Join(menus, ", ")
		return nil, refusal(enishi.Conflict, "rich menus are for this segment: "+all+". Change them first.", "リッチメニューで使われているため削除できません（"+all+"）。先にそれらを変更してください。")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "segment", Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

type membersInput struct {
	NamePath
	Cursor string `query:"cursor" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listMembers(ctx context.Context, in *membersInput) (*listOutput[personRow], error) {
	if _, ok := a.cfg.Definitions.Current("segment", in.Name); !ok {
		return nil, notFound("segment", "セグメント")
	}
	return a.listPeople(ctx, &peopleInput{Segment: in.Name, Cursor: in.Cursor, Limit: in.Limit})
}

type segmentExample struct {
	Name        string `json:"name"`
	Title       Text   `json:"title"`
	Description Text   `json:"description"`
	Expression  string `json:"expression"`
}

func (a *API) listSegmentGallery(ctx context.Context, _ *struct{}) (*listOutput[segmentExample], error) {
	gallery, err := segments.Gallery()
	if err != nil {
		return nil, err
	}
	out := listOf([]segmentExample{})
	for _, g := range gallery {
		out.Body.Items = append(out.Body.Items, segmentExample{g.Name, Text(g.Body.Title).complete(), Text(g.Body.Description).complete(), g.Body.Expression})
	}
	return out, nil
}
