package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

// A narrowcast hands one message to LINE for everybody in an audience, by one call. It is no message of the ledger: LINE does not
// tell whom it reached. What the fold decides for each person (caps, quiet hours, holdout) does not apply; the audience was made of
// people who agreed to advertising, and may be a day old at most, so that who stopped it since then are few.

// audienceAge is how old an audience may be when it is sent to.
const audienceAge = 24 * time.Hour

type narrowcastInput struct {
	Body struct {
		Account  string `json:"account,omitempty" maxLength:"32" doc:"Of LINE; of kept its own unless said."`
		Audience int64  `json:"audience,omitempty" minimum:"1" doc:"Id of an audience that is READY and was made, or kept in step, within 24 hours."`
		Kept     string `json:"kept,omitempty" maxLength:"128" doc:"Instead of audience: name of an audience (/audiences) that is kept at LINE."`
		Template string `json:"template" minLength:"1" maxLength:"64" doc:"A LINE template for advertising, without anything that differs from person to person."`
		Title    string `json:"title" minLength:"1" maxLength:"120" doc:"For lists; nobody outside reads it."`
		Limit    int    `json:"limit,omitempty" minimum:"0" maximum:"1500000" doc:"At most so many people, chosen by LINE at random; 0: everybody."`
	}
}

type narrowcastPath struct {
	ID string `path:"id" maxLength:"36"`
}

type narrowcastOutput struct{ Body narrowcastRow }

// narrowcastRow is one as people see it.
type narrowcastRow struct {
	ID             string    `json:"id"`
	Account        string    `json:"account"`
	Audience       int64     `json:"audience"`
	AudiencePeople int64     `json:"audience_people" doc:"As LINE said when it was asked for."`
	AudienceAge    int64     `json:"audience_age_seconds,omitempty" doc:"In the answer to the request: how old the audience is."`
	Template       string    `json:"template"`
	Title          string    `json:"title"`
	Limit          int64     `json:"limit" doc:"0: everybody."`
	State          string    `json:"state" enum:"intent,stopped,waiting,sending,succeeded,failed,refused,cancelled,unknown" doc:"intent: about to be handed to LINE; stopped: a stop holds it; waiting, sending: LINE has it; refused: not handed over or not taken; unknown: nobody knows whether LINE took it, and it is not repeated."`
	StateLabel     Text      `json:"state_label"`
	Why            Text      `json:"why" doc:"Of stopped, failed, refused, cancelled and unknown, and of what is tried again."`
	Problem        string    `json:"problem" doc:"The words of LINE, of refused."`
	Stop           Text      `json:"stop" doc:"What a stop or a cancel can still do."`
	Target         *int64    `json:"target" doc:"People LINE means to send to; null: not known yet."`
	Sent           *int64    `json:"sent" doc:"Who got it, as LINE says; null: not known yet."`
	Failed         *int64    `json:"failed" doc:"Who did not; null: not known yet."`
	Seen           *int64    `json:"seen" doc:"People who had it on their screen; null: not asked yet, or fewer than 20, which LINE does not tell."`
	Clicked        *int64    `json:"clicked" doc:"People who opened a link of it; null likewise."`
	Figures        Text      `json:"figures" doc:"Seen and clicked in words; empty: LINE was not asked yet."`
	RequestID      string    `json:"line_request_id" doc:"LINE's own; empty until LINE has taken it."`
	By             string    `json:"by"`
	CreatedAt      time.Time `json:"created_at"`
	AcceptedAt     time.Time `json:"accepted_at,omitzero"`
	DoneAt         time.Time `json:"done_at,omitzero"`
	CountedAt      time.Time `json:"counted_at,omitzero" doc:"When LINE was last asked for seen and clicked; they go on growing for two weeks."`
}

// narrowcast is a row of the table line_narrowcasts.
type narrowcast struct {
	id                                                     enishi.ID
	account, template, title, messages, actor              string
	audience                                               int64
	most                                                   uint32 // people; 0: all
	people                                                 uint64 // of the audience
	state, reason, problem, request                        string
	tried                                                  bool // LINE may have been called
	attempts                                               uint32
	created, triedAt, next, accepted, asked, done, counted time.Time
	target, sent, failed, seen, clicked                    int64 // -1: not known
	version                                                uint64
	cancelled                                              bool // somebody took it back
}

// createNarrowcast checks everything that can be known before, and notes the narrowcast. It is handed to LINE within seconds.
func (a *API) createNarrowcast(ctx context.Context, in *narrowcastInput) (*narrowcastOutput, error) {
	c, b := callOf(ctx), &in.Body
	if dest := a.keptAccount(b.Kept); dest != nil && b.Account == "" {
		b.Account = dest.Official
	}
	o, err := a.official(b.Account)
	if err != nil {
		return nil, err
	}
	id := enishi.NewID("line narrowcast", c.request.String())
	if known, err := a.narrowcast(ctx, id); err == nil || !errors.Is(err, errNoRow) {
		return narrowcastAnswer(known, err) // the same request again
	}
	if strings.TrimSpace(b.Title) == "" {
		return nil, enishi.FieldError("body.title", "give it a title", "名前を付けてください。")
	}
	messages, err := a.alike(ctx, b.Template)
	if err != nil {
		return nil, err
	}
	if b.Kept != "" && b.Audience == 0 {
		if b.Audience, err = a.keptAtLINE(ctx, b.Kept); err != nil {
			return nil, err
		}
	} else if b.Kept != "" || b.Audience == 0 {
		return nil, enishi.FieldError("body.audience", "give the id of an audience, or the name of one that is kept (kept)", "オーディエンスの ID か、同期しているオーディエンスの名前（kept）のどちらか一方を指定してください。")
	}
	s, err := o.Channel.Audience(ctx, b.Audience)
	if err != nil {
		return nil, saidByLINE(err)
	}
	now := a.cfg.Now().UTC()
	of, err := a.audienceAsOf(ctx, b.Audience, &s)
	if err != nil {
		return nil, err
	}
	if why := audienceWrong(&s, now.Sub(of)); !why.isZero() {
		return nil, refusal(enishi.Conflict, why.EN, why.JA)
	}
	x := &narrowcast{id: id, account: o.Name, template: b.Template, title: strings.TrimSpace(b.Title), messages: messages, actor: c.caller.name, audience: b.Audience, most: uint32(b.Limit), people: uint64(s.People),
		state: "intent", created: now, target: -1, sent: -1, failed: -1, seen: -1, clicked: -1}
	if err := a.noteNarrowcast(ctx, x); err != nil {
		return nil, err
	}
	a.log.Info("narrowcast asked for", "account", o.Name, "audience", b.Audience, "people", s.People, "template", b.Template, "narrowcast", id, "actor", c.caller.name, "request_id", c.request)
	out := narrowcastPage(x)
	out.AudienceAge = int64(now.Sub(of).Seconds())
	return &narrowcastOutput{out}, nil
}

// alike makes the messages of a template that everybody gets in the same words; the check before sending applies as to broadcasts.
func (a *API) alike(ctx context.Context, template string) (string, error) {
	d, ok := a.cfg.Definitions.Current("template", template)
	if !ok {
		return "", enishi.FieldError("body.template", "there is no template "+template, "テンプレート「"+template+"」がありません。")
	}
	messages, err := a.cfg.Renderer.Alike(d.Name, d.Body, a.journeySettings().DefaultLanguage, a.setLinks())
	if err != nil {
		return "", err
	}
	return string(messages), a.checkOpen(ctx, []string{d.Name}, func(name string) ([]byte, bool) { return a.current("template", name) })
}

// audienceWrong says why an audience may not be sent to; empty: it may.
func audienceWrong(s *line.AudienceState, age time.Duration) Text {
	switch {
	case s.Status == "IN_PROGRESS" || s.Status == "ACTIVATING":
		return Text{"オーディエンスはまだ準備中です。しばらくしてからやり直してください。", "LINE is still preparing the audience: try again in a while"}
	case s.Status != "READY":
		return Text{"このオーディエンスは使えません（" + s.Status + "）。作り直してください。", "the audience cannot be used (" + s.Status + "): make it anew"}
	case s.People < line.LeastAudience:
		return Text{fmt.Sprintf("オーディエンスは %d 人です。LINE では %d 人以上が必要です。", s.People, line.LeastAudience), fmt.Sprintf("the audience has %d people; LINE needs at least %d", s.People, line.LeastAudience)}
	case age > audienceAge:
		h := int(age.Hours())
		return Text{fmt.Sprintf("オーディエンスは %d 時間前に作られたものです。その後に配信を停止した人が含まれるおそれがあるため、先に更新してください（24 時間以内のものだけを使えます）。", h),
			fmt.Sprintf("the audience was made %d hours ago, and people may have stopped advertising since: refresh it first (it may be 24 hours old at most)", h)}
	}
	return Text{}
}

// keptAccount is where an audience is kept; nil when there is none of this name.
func (a *API) keptAccount(name string) *audiences.Destination {
	if d, ok := a.cfg.Definitions.Current(audiences.Kind, name); ok {
		if def, err := audienceOf(&d); err == nil {
			return a.destination(def.Destination)
		}
	}
	return nil
}

// keptAtLINE is the id at LINE of an audience that is kept there.
func (a *API) keptAtLINE(ctx context.Context, name string) (int64, error) {
	standing, err := a.standings(ctx)
	if err != nil {
		return 0, err
	}
	if _, ok := a.cfg.Definitions.Current(audiences.Kind, name); !ok {
		return 0, enishi.FieldError("body.kept", "there is no audience "+name, "「"+name+"」というオーディエンスはありません。")
	}
	dest, s := a.keptAccount(name), standing[name]
	if dest == nil || dest.Platform.Facts().Platform != match.LINEOA {
		return 0, enishi.FieldError("body.kept", "the audience "+name+" is not at LINE", "オーディエンス「"+name+"」の送り先は LINE ではありません。")
	}
	if s == nil || s.Remote == "" || s.Remote == "?" {
		return 0, refusal(enishi.Conflict, "the audience is not at LINE yet: see its page", "このオーディエンスはまだ LINE に作られていません。オーディエンスの画面で状態を確認してください。")
	}
	return strconv.ParseInt(s.Remote, 10, 64)
}

// audienceAsOf is as of when nobody is in an audience who had stopped advertising: when it was made, or when an audience of ours was last kept in step there.
func (a *API) audienceAsOf(ctx context.Context, id int64, s *line.AudienceState) (time.Time, error) {
	runs, err := a.audienceTables().Standings(ctx, "remote = {remote:String} ORDER BY ended_at DESC LIMIT 1", named("remote", strconv.FormatInt(id, 10)))
	if err != nil || len(runs) == 0 {
		return s.MadeAt(), err
	}
	d, ok := a.cfg.Definitions.Current(audiences.Kind, runs[0].Audience)
	if !ok {
		return s.MadeAt(), nil
	}
	def, err := audienceOf(&d)
	if err != nil {
		return s.MadeAt(), err
	}
	if dest := a.destination(def.Destination); dest == nil || dest.Platform.Facts().Platform != match.LINEOA || runs[0].EndedAt.Before(s.MadeAt()) {
		return s.MadeAt(), nil
	}
	return runs[0].EndedAt, nil
}

type narrowcastsInput struct {
	Account string `query:"account" maxLength:"32"`
	Kept    string `query:"kept" maxLength:"128" doc:"Only those to an audience (/audiences) that is kept at LINE, also to its lists before."`
}

func (a *API) listNarrowcasts(ctx context.Context, in *narrowcastsInput) (*listOutput[narrowcastRow], error) {
	out := listOf([]narrowcastRow{})
	rows, err := a.narrowcasts(ctx, "({account:String} = '' OR account = {account:String}) AND ({kept:String} = '' OR audience IN (SELECT toInt64OrZero(remote) FROM audience_runs WHERE audience = {kept:String})) ORDER BY created_at DESC, id LIMIT 200",
		named("account", in.Account), named("kept", in.Kept))
	for i := range rows {
		out.Body.Items = append(out.Body.Items, narrowcastPage(&rows[i]))
	}
	return out, err
}

func (a *API) getNarrowcast(ctx context.Context, in *narrowcastPath) (*narrowcastOutput, error) {
	return a.narrowcastOf(ctx, in.ID)
}

func (a *API) narrowcastOf(ctx context.Context, text string) (*narrowcastOutput, error) {
	id, err := enishi.ParseID(text)
	if err != nil {
		return nil, notFound("narrowcast", "ナローキャスト")
	}
	return narrowcastAnswer(a.narrowcast(ctx, id))
}

func narrowcastAnswer(x *narrowcast, err error) (*narrowcastOutput, error) {
	if errors.Is(err, errNoRow) {
		return nil, notFound("narrowcast", "ナローキャスト")
	}
	if err != nil {
		return nil, err
	}
	return &narrowcastOutput{narrowcastPage(x)}, nil
}

type cancelNarrowcastInput struct {
	ID   string `path:"id" maxLength:"36"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// cancelNarrowcast takes one back that LINE has not accepted: LINE has no call for one that it has.
func (a *API) cancelNarrowcast(ctx context.Context, in *cancelNarrowcastInput) (*narrowcastOutput, error) {
	out, err := a.narrowcastOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	switch out.Body.State {
	case "cancelled":
		return out, nil
	case "intent", "stopped":
	default:
		return nil, refusal(enishi.Conflict, out.Body.Stop.EN, out.Body.Stop.JA)
	}
	c := callOf(ctx)
	id, _ := enishi.ParseID(in.ID)
	if err := a.cfg.DB.Insert(ctx, "line_narrowcast_cancels", []string{"id", "actor", "at"}, 1, []enishi.ID{id}, []string{c.caller.name}, []time.Time{a.cfg.Now().UTC()}); err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	a.log.Info("narrowcast cancelled", "narrowcast", id, "actor", c.caller.name, "reason", reason, "request_id", c.request)
	return a.narrowcastOf(ctx, in.ID)
}

// narrowcastPage is what people see of one. What somebody took back before LINE was called is cancelled from then on.
func narrowcastPage(x *narrowcast) narrowcastRow {
	state := x.state
	if x.cancelled && (state == "intent" || state == "stopped") {
		if state = "cancelled"; x.tried {
			state = "unknown"
		}
	}
	r := narrowcastRow{ID: x.id.String(), Account: x.account, Audience: x.audience, AudiencePeople: int64(x.people), Template: x.template, Title: x.title, Limit: int64(x.most), State: state, StateLabel: word("narrowcast", state),
		Target: figureOf(x.target), Sent: figureOf(x.sent), Failed: figureOf(x.failed), Seen: figureOf(x.seen), Clicked: figureOf(x.clicked), RequestID: x.request, By: x.actor, CreatedAt: x.created.UTC(),
		AcceptedAt: known(x.accepted), DoneAt: known(x.done), Problem: x.problem, CountedAt: known(x.counted), Why: narrowcastWhy(x, state)}
	if r.Stop = word("narrowcast_stop", state); state == "stopped" && x.tried || state == "intent" && x.tried {
		r.Stop = word("narrowcast_stop", "tried")
	}
	if !r.CountedAt.IsZero() {
		r.Figures = Text{"表示 " + figureText(r.Seen).JA + "・クリック " + figureText(r.Clicked).JA, "seen by " + figureText(r.Seen).EN + ", clicked by " + figureText(r.Clicked).EN}
	}
	return r
}

// narrowcastWhy says why it stands as it does; empty: there is nothing to say.
func narrowcastWhy(x *narrowcast, state string) Text {
	code, rest, _ := strings.Cut(x.reason, ":")
	switch {
	case state == "failed":
		p := line.Progress{}
		_, _ = fmt.Sscan(rest, &p.Code)
		ja, en := p.FailureText()
		return Text{ja, en}
	case state == "unknown" && x.cancelled:
		code = "cancelled"
	case code == "":
		return Text{}
	}
	return word("narrowcast_why", code)
}

// narrowcasts reads them; where is SQL that follows WHERE.
func (a *API) narrowcasts(ctx context.Context, where string, args ...any) (out []narrowcast, err error) {
	err = a.each(ctx, `SELECT id, toString(account), audience, toString(template), title, messages, most, people, actor, created_at, toString(state), toString(reason), problem, tried, tried_at, attempts, next_at,
request_id, accepted_at, asked_at, done_at, target, sent, failed, seen, clicked, counted_at, version, id IN (SELECT id FROM line_narrowcast_cancels) FROM line_narrowcasts FINAL WHERE `+where, args, func(rows driver.Rows) error {
		var x narrowcast
		var id string
		var tried, cancelled uint8
		err := rows.Scan(&id, &x.account, &x.audience, &x.template, &x.title, &x.messages, &x.most, &x.people, &x.actor, &x.created, &x.state, &x.reason, &x.problem, &tried, &x.triedAt, &x.attempts, &x.next,
			&x.request, &x.accepted, &x.asked, &x.done, &x.target, &x.sent, &x.failed, &x.seen, &x.clicked, &x.counted, &x.version, &cancelled)
		x.id, x.tried, x.cancelled = idOf(id), tried == 1, cancelled == 1
		out = append(out, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read narrowcasts: %w", err)
	}
	return out, nil
}

// narrowcast reads one; errNoRow when there is none.
func (a *API) narrowcast(ctx context.Context, id enishi.ID) (*narrowcast, error) {
	rows, err := a.narrowcasts(ctx, "id = "+idLiteral(id))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errNoRow
	}
	return &rows[0], nil
}

// noteNarrowcast writes how one stands now.
func (a *API) noteNarrowcast(ctx context.Context, x *narrowcast) error {
	x.version++
	tried := uint8(0)
	if x.tried {
		tried = 1
	}
	return a.cfg.DB.Insert(ctx, "line_narrowcasts", []string{"id", "account", "audience", "template", "title", "messages", "most", "people", "actor", "created_at", "state", "reason", "problem", "tried", "tried_at", "attempts", "next_at",
		"request_id", "accepted_at", "asked_at", "done_at", "target", "sent", "failed", "seen", "clicked", "counted_at", "version"}, 1,
		[]enishi.ID{x.id}, []string{x.account}, []int64{x.audience}, []string{x.template}, []string{x.title}, []string{x.messages}, []uint32{x.most}, []uint64{x.people}, []string{x.actor}, instant(x.created),
		[]string{x.state}, []string{x.reason}, []string{x.problem}, []uint8{tried}, instant(x.triedAt), []uint32{x.attempts}, instant(x.next), []string{x.request}, instant(x.accepted), instant(x.asked), instant(x.done),
		[]int64{x.target}, []int64{x.sent}, []int64{x.failed}, []int64{x.seen}, []int64{x.clicked}, instant(x.counted), []uint64{x.version})
}

// instant is a column of one; none is the beginning of Unix time.
func instant(t time.Time) []time.Time {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return []time.Time{t.UTC()}
}
