package journeys

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"enishi"
	"enishi/segments"
)

// Bounds of a definition.
const (
	maxBody     = 256 << 10
	maxNodes    = 200
	maxBranches = 20
	maxDuration = 731 * 24 * time.Hour
)

// Journey is one compiled version of a definition. It is read-only but for Live, and safe for concurrent use.
type Journey struct {
	Name       string
	Version    int64
	Live       bool // set by who makes the [Set]: this is the current version; only it takes entries, and only in state live
	Definition *Definition

	key        keyInfo
	entryTypes []string
	where      *expression
	at         time.Time     // of a broadcast
	late       time.Duration // of a broadcast: it does not begin later than this after its time
	date       *moment       // of an entry by a date
	within     time.Duration // of it
	reentry    string        // rule without its period
	period     time.Duration
	exits      []*condition
	goal       *condition
	nodes      map[string]*node
	cap        limit
	keep       []field             // event fields that branches read
	listens    map[string]bool     // event types that a run of this version may act on
	segments   map[string]bool     // segments likewise
	people     []*segments.Segment // parts of conditions that are about the person
}

// node is a compiled step.
type node struct {
	*Node
	id       string
	loops    bool          // a run can come here again
	wait     time.Duration // of For, or of Timeout
	timed    bool          // it ends by wait
	until    *condition
	holds    *expression
	reset    *condition
	when     *moment
	expires  time.Duration // of points
	host     string        // of a webhook
	branches []*expression
	channels []string // of a message: in order; "" with a single template, whose own channel counts
	sendBy   time.Duration
}

// condition is a compiled Condition.
type condition struct {
	types   []string
	segment string
	entered bool
	key     keyInfo // name is keyAny, keyRun or a key
	where   *expression
}

// compiler collects what is wrong.
type compiler struct {
	*source
	j       *Journey
	def     *Definition
	fields  fields
	library segments.Library
}

// Compile checks the body of a definition and makes it ready to run. version is its definition's. The error is [Problems]:
// all that is wrong, each with its node and place. What its conditions name of the library is taken in as it is now:
// [Journey.Current] tells when to compile it anew.
func Compile(name string, version int64, body []byte, l segments.Library) (*Journey, error) {
	c := compile(name, version, body, l)
	if len(c.problems) > 0 {
		return nil, c.sorted()
	}
	return c.j, nil
}

// References tell what a definition may name. What is nil is not checked.
type References struct {
	Template func(name string) (channel string, ok bool)
	Segment  func(name string) bool
	Journey  func(name string) (called, ok bool) // called: others may start it
	Webhook  func(*Webhook) error
}

// Check compiles like [Compile] and checks what a definition refers to: templates with their channels, segments, journeys that it
// starts and leaves, and what webhooks call.
func Check(name string, body []byte, l segments.Library, known References) error {
	c := compile(name, 1, body, l)
	if len(c.problems) == 0 {
		c.references(&known)
		c.calls(known.Webhook)
	}
	if len(c.problems) > 0 {
		return c.sorted()
	}
	return nil
}

// Took lists what the conditions took in of a kind ([segments.KindSegment] and its like), also by way of others, and the list that
// a broadcast goes to; by name.
func (j *Journey) Took(kind string) []string {
	var names []string
	for _, s := range j.people {
		names = append(names, s.Took(kind)...)
	}
	if list := j.Definition.Entry.List; kind == segments.KindList && list != "" {
		names = append(names, list)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Follows lists the segments whose members decide about its people: of its entry, its exits, its goal and its waits; by name.
func (j *Journey) Follows() []string {
	names := slices.Clone(j.Definition.Entry.Exclude)
	if s := j.Definition.Entry.Segment; s != "" {
		names = append(names, s)
	}
	names = append(names, sortedKeys(j.segments)...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Tried is the journey as if it were live by itself, from the beginning: for trying it on the past.
func (j *Journey) Tried() *Journey {
	own, def := *j, *j.Definition
	def.State, def.InFlight = "live", nil
	own.Live, own.Definition = true, &def
	return &own
}

// Current reports whether the library still has what the conditions took in.
func (j *Journey) Current(l segments.Library) bool {
	return !slices.ContainsFunc(j.people, func(s *segments.Segment) bool { return !s.Current(l) })
}

func (c *compiler) sorted() Problems {
	sort.SliceStable(c.problems, func(i, j int) bool {
		a, b := c.problems[i], c.problems[j]
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	return c.problems
}

func compile(name string, version int64, body []byte, l segments.Library) *compiler {
	def := &Definition{}
	c := &compiler{def: def, library: l, j: &Journey{Name: name, Version: version, Definition: def, nodes: map[string]*node{},
		listens: map[string]bool{}, segments: map[string]bool{}}}
	if len(body) > maxBody {
		c.source = &source{at: map[string]int{}}
		c.problem("", "the definition is larger than 256 KB: split it into journeys that start each other", "定義が 256 KB を超えています。複数のジャーニーに分けてください")
		return c
	}
	c.source = decodeStrict(body, def)
	if len(c.problems) > 0 {
		return c
	}
	c.fields = newFields()
	c.fields.webhooks(def)
	c.head()
	c.entry()
	for i := range def.ExitOn {
		c.j.exits = append(c.j.exits, c.condition("exit_on["+itoa(i)+"]", &def.ExitOn[i]))
	}
	if def.Goal != nil {
		c.j.goal = c.condition("goal", def.Goal)
	}
	c.allNodes()
	if len(c.problems) == 0 {
		c.graph()
	}
	c.collect()
	return c
}

func (c *compiler) oneOf(path, got string, empty bool, allowed ...string) {
	if got == "" && empty || slices.Contains(allowed, got) {
		return
	}
	list := strings.Join(allowed, ", ")
	if got == "" {
		c.problem(path, "this must be given: one of "+list, "指定が必要です。"+list+" のどれかにしてください")
		return
	}
	c.problem(path, strconv.Quote(got)+" is not known: use one of "+list, "「"+got+"」は使えません。"+list+" のどれかにしてください")
}

var (
	capPattern   = regexp.MustCompile(`^(none|[1-9][0-9]{0,2}/[1-9][0-9]{0,2}[hdw])$`)
	clockPattern = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	idPattern    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	segmentName  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
)

// head checks what describes the journey.
func (c *compiler) head() {
	d := c.def
	c.title("title", &d.Title)
	if d.About != nil {
		c.title("about", d.About)
	}
	c.oneOf("state", d.State, true, "draft", "review", "approved", "live", "paused", "archived")
	c.oneOf("purpose", d.Purpose, false, marketing, transactional)
	c.oneOf("consent", d.Consent, false, consentOptIn, consentNotRefused)
	c.accounts("", d.Accounts)
	c.utm("utm", d.UTM)
	if d.Topic != "" && (d.Purpose != marketing || !idPattern.MatchString(d.Topic)) {
		c.problem("topic", "only a marketing journey has a topic: small letters, digits and _", "配信テーマは販促のジャーニーだけに、英小文字・数字・_ で指定してください")
	}
	if d.Purpose == marketing && d.Consent == consentNotRefused {
		c.problem("consent", "a marketing journey needs consent \"opt_in\": 特定電子メール法 asks for permission before the first message",
			"販促のジャーニーでは consent を opt_in にしてください（特定電子メール法：事前の同意が必要です）")
	}
	c.j.cap = d.Cap.limit()
	if d.Cap != nil && !capPattern.MatchString(d.Cap.Default) {
		c.problem("cap.default", "write a cap as COUNT/PERIOD such as 2/7d, or none", "上限は 2/7d（7 日に 2 通）のように書くか、none にしてください")
	}
	c.quiet("quiet_hours", d.Quiet)
	c.sendDays("send_days", d.Days)
	if f := d.InFlight; f != nil {
		c.oneOf("in_flight.then", f.Then, false, inFlightFinish, inFlightMove, inFlightExit)
		for _, from := range sortedKeys(f.Nodes) {
			if f.Then != inFlightMove || d.Nodes[f.Nodes[from]] == nil {
				c.problem("in_flight.nodes."+from, "only people who move have nodes, and they go to one of this version", "移動先は move のときだけ、この版のステップから選んでください")
			}
		}
	}
	if d.Priority < 0 || d.Priority > 9 {
		c.problem("priority", "a priority is 1 to 9; 5 when it is left out", "優先度は 1〜9 にしてください（省略時は 5）")
	}
}

// accounts checks those by which messages leave; at is where they stand, ending with a dot.
func (c *compiler) accounts(at string, accounts map[string]string) {
	for _, ch := range sortedKeys(accounts) {
		if !slices.Contains(accountChannels(), ch) || !idPattern.MatchString(accounts[ch]) {
			c.problem(at+"accounts."+ch, "accounts are written as {\"line\": NAME}, with a name of the accounts of that channel", "accounts は {\"line\": アカウント名} の形で書いてください")
		}
	}
}

func (c *compiler) title(path string, t *Text) {
	if t.JA == "" || t.EN == "" {
		c.problem(path, "give this in Japanese (ja) and English (en)", "日本語（ja）と英語（en）の両方を書いてください")
	}
}

// entry checks how a run begins.
func (c *compiler) entry() {
	e, j := &c.def.Entry, c.j
	j.entryTypes = c.eventTypes("entry", e.Event, e.Events)
	switch {
	case len(j.entryTypes) > 0 && e.Segment != "":
		c.problem("entry", "an entry has an event or a segment, not both: take one out", "開始条件は行動かセグメントのどちらか一方にしてください")
	case len(j.entryTypes) == 0 && e.Segment == "" && e.List == "" && e.Again == nil && e.Date == "" && !e.Called:
		c.problem("entry", "an entry needs an event, a segment or a date, or is called", "開始条件に行動（event）、セグメント（segment）、日付（date）のどれかを指定するか、呼び出し（called）にしてください")
	}
	c.dateEntry(e)
	if e.Sweep {
		c.sweep(e)
	} else if len(e.Exclude) > 0 || e.At != "" || e.List != "" || e.Schedule != nil || e.Test != nil || e.Again != nil {
		c.problem("entry", "exclude, at, list, schedule, test and again belong to a broadcast: leave them out, or add sweep", "exclude、at、list、schedule、test、again は一斉配信（sweep）でだけ使えます。消すか、sweep を true にしてください")
	}
	if e.Segment == "" && (e.Entered != nil || e.PeopleIn) {
		c.problem("entry", "entered and include_people_in belong to a segment: leave them out", "entered と include_people_in はセグメントの開始条件でだけ使えます。消してください")
	}
	if e.Key != "" {
		j.key = c.key("entry.key", e.Key, j.entryTypes)
		if e.Segment != "" {
			c.problem("entry.key", "a segment has no key, which comes from an event: leave it out", "セグメントの開始条件に key は使えません（key は行動から取ります）。消してください")
		}
	}
	if e.Where != "" {
		j.where = c.expression("entry.where", e.Where, !e.eventless())
	}
	c.reentry(e.Reentry)
}

// sweep checks the entry of a broadcast.
func (c *compiler) sweep(e *Entry) {
	switch {
	case e.List != "" && (e.Segment != "" || len(c.j.entryTypes) > 0):
		c.problem("entry", "a broadcast goes to a segment or to a list, not both", "一斉配信の対象は、セグメントかリストのどちらか一方にしてください")
	case e.Entered != nil || e.PeopleIn:
		c.problem("entry", "a broadcast takes everybody in the segment: leave entered and include_people_in out", "一斉配信はセグメントの全員が対象です。entered と include_people_in は消してください")
	case e.Reentry != reentryNever:
		c.problem("entry.reentry", "a broadcast reaches nobody twice: use never", "一斉配信は一人に一度だけ届きます。never にしてください")
	}
	if e.At != "" {
		at, err := time.Parse(time.RFC3339, e.At)
		if err != nil {
			c.problem("entry.at", "write an instant such as 2026-12-01T01:00:00Z", "2026-12-01T10:00:00+09:00 のように書いてください")
		}
		c.j.at = at.UTC()
	}
	c.campaign(e)
}

func (c *compiler) reentry(rule string) {
	const path = "entry.reentry"
	if rest, ok := strings.CutPrefix(rule, reentryAfter); ok {
		c.j.reentry, c.j.period = reentryAfter, c.duration(path, rest)
		return
	}
	c.j.reentry = rule
	c.oneOf(path, rule, false, reentryNever, reentryExit, reentryAfter+"30d", reentryAlways)
}

// eventTypes checks and joins Event and Events.
func (c *compiler) eventTypes(path, one string, many []string) []string {
	if one != "" && len(many) > 0 {
		c.problem(path, "use event or events, not both", "event と events はどちらか一方にしてください")
	}
	check := func(path, name string) {
		info, ok := enishi.LookupType(name)
		if !ok || info.Payload == "control" {
			c.problem(path, "there is no event "+strconv.Quote(name)+": see the list of events", "「"+name+"」という行動はありません。行動の一覧を確認してください")
		}
	}
	if one != "" {
		check(path+".event", one)
		return []string{one}
	}
	for i, name := range many {
		check(path+".events["+itoa(i)+"]", name)
	}
	return many
}

// key checks a key's name against the events it is read from.
func (c *compiler) key(path, name string, types []string) keyInfo {
	k, ok := lookupKey(name)
	if !ok {
		c.problem(path, "there is no key "+strconv.Quote(name)+": use one of "+keyNames()+" or properties.NAME",
			"「"+name+"」というキーはありません。"+keyNames()+" か properties.名前 を使ってください")
		return k
	}
	for _, t := range types {
		if !k.carriedBy(t) {
			c.problem(path, t+" has no "+k.name+": use a key that it has, or leave the event out", t+" には "+k.name+" がありません。この行動にあるキーを使うか、行動を外してください")
		}
	}
	return k
}

// condition compiles an exit, a goal or what a wait waits for.
func (c *compiler) condition(path string, d *Condition) *condition {
	x := &condition{types: c.eventTypes(path, d.Event, d.Events), segment: d.Segment, entered: d.Entered == nil || *d.Entered}
	switch {
	case len(x.types) > 0 && x.segment != "":
		c.problem(path, "use events or a segment, not both", "行動かセグメントのどちらか一方にしてください")
	case len(x.types) == 0 && x.segment == "":
		c.problem(path, "an event or a segment is missing: name one", "行動（event）かセグメント（segment）を指定してください")
	case x.segment != "" && (d.Key != "" || d.Where != ""):
		c.problem(path, "key and where belong to an event: leave them out", "key と where は行動の条件でだけ使えます。消してください")
	case x.segment == "" && d.Entered != nil:
		c.problem(path, "entered belongs to a segment: leave it out", "entered はセグメントの条件でだけ使えます。消してください")
	}
	x.key = c.conditionKey(path, d.Key, x.types)
	if d.Where != "" {
		x.where = c.expression(path+".where", d.Where, true)
	}
	return x
}

// conditionKey: the entry's key unless the condition names one. An event that cannot carry it must say "any": else the
// return of another order would end this order's run.
func (c *compiler) conditionKey(path, name string, types []string) keyInfo {
	messages := len(types) > 0
	for _, t := range types {
		messages = messages && strings.HasPrefix(t, "message.")
	}
	switch {
	case name == keyAny:
		return keyInfo{name: keyAny}
	case name != "":
		return c.key(path+".key", name, types)
	case messages:
		return keyInfo{name: keyRun}
	case c.j.key.name == "":
		return keyInfo{name: keyAny}
	}
	for _, t := range types {
		if !c.j.key.carriedBy(t) {
			c.problem(path, t+" has no "+c.j.key.name+", the entry's key: name another key, or \"any\" for whatever it is about",
				t+" には開始条件のキー "+c.j.key.name+" がありません。別の key を指定するか、何についてでもよければ \"any\" と書いてください")
		}
	}
	return c.j.key
}

// expression compiles a condition; withEvent is false where no event is at hand.
func (c *compiler) expression(path, text string, withEvent bool) *expression {
	x, err := compileExpression(text, c.fields, c.library)
	if err != nil {
		c.add(path, c.within(path, err.at), err.en, err.ja)
		return nil
	}
	c.j.people = x.people(c.j.people)
	if !withEvent {
		used := map[string]field{}
		x.eventFields(used)
		for name := range used {
			c.problem(path, name+" is not there, because the journey is entered by a segment or a date: ask about the person instead", name+" は使えません（セグメントや日付で始まるジャーニーには行動がありません）。顧客についての条件にしてください")
		}
	}
	return x
}

var durationPattern = regexp.MustCompile(`^([1-9][0-9]{0,6})([smhdw])$`)

// parseDuration reads a whole number and a unit; a day has 24 hours.
func parseDuration(s string) (time.Duration, bool) {
	m := durationPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	d := time.Duration(n) * unit
	return d, d <= maxDuration
}

func (c *compiler) duration(path, text string) time.Duration {
	d, ok := parseDuration(text)
	if !ok {
		c.problem(path, strconv.Quote(text)+" is no duration: write a number and s, m, h, d or w, such as 30m or 3d, up to two years",
			"「"+text+"」は期間として読めません。30m、3d のように数と単位（s・m・h・d・w）で書いてください（2 年まで）")
	}
	return d
}

// collect gathers what runs listen to and which fields of the entry event they need later.
func (c *compiler) collect() {
	j := c.j
	listen := func(x *condition) {
		if x == nil {
			return
		}
		for _, t := range x.types {
			j.listens[t] = true
		}
		if x.segment != "" {
			j.segments[x.segment] = true
		}
	}
	for _, x := range j.exits {
		listen(x)
	}
	listen(j.goal)
	used := map[string]field{}
	for _, n := range j.nodes {
		if n.Type == nodeMessage && (j.late == 0 || n.sendBy < j.late) {
			j.late = n.sendBy
		}
		listen(n.until)
		listen(n.reset)
		if n.Type == nodeWebhook {
			j.listens["webhook.answered"], j.listens["webhook.failed"] = true, true
		}
		for _, b := range n.branches {
			b.eventFields(used)
		}
		n.holds.eventFields(used)
	}
	for _, f := range used {
		j.keep = append(j.keep, f)
	}
	sort.Slice(j.keep, func(a, b int) bool { return j.keep[a].name < j.keep[b].name })
}
