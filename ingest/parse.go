package ingest

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"enishi"
	"enishi/internal/stream"
)

// MaxEventBytes bounds one event as JSON.
const MaxEventBytes = 512 << 10

// Parser reads and checks the JSON of source records. It is safe for concurrent use.
type Parser struct {
	cfg   ParserConfig
	rules map[string]*rule
	names map[string]string // other systems' names of types, lower case
}

// ParserConfig is what a Parser needs to know of the workspace.
type ParserConfig struct {
	LineProvider    string                               // provider of LINE user ids that name none
	Currency        string                               // of amounts that name none; JPY
	Late            time.Duration                        // web events older than this are refused; 7 days, for which repeats are recognised
	HistoricalAfter time.Duration                        // older events change facts only; 24 h
	HistoricalTypes map[string]time.Duration             // the same by type
	Blocked         func(x enishi.Identifier) bool       // identifiers of the guard settings that stand for nobody; nil: none
	Ignored         func(k enishi.Kind, reason *Refusal) // told of an identifier that was left out; may be nil
}

// rule is what the Parser knows of a type of event.
type rule struct {
	info       enishi.TypeInfo
	refusable  bool // web events: refused when late
	historical time.Duration
	product    bool // web.product must be there
}

// NewParser makes a Parser.
func NewParser(cfg ParserConfig) *Parser {
	if cfg.Currency == "" {
		cfg.Currency = "JPY"
	}
	if cfg.Late == 0 {
		cfg.Late = 7 * 24 * time.Hour
	}
	if cfg.HistoricalAfter == 0 {
		cfg.HistoricalAfter = 24 * time.Hour
	}
	p := &Parser{cfg: cfg, rules: map[string]*rule{}, names: eventNames()}
	for _, info := range enishi.Types() {
		p.rules[info.Name] = p.rule(info)
	}
	return p
}

func (p *Parser) rule(info enishi.TypeInfo) *rule {
	r := &rule{info: info, refusable: isVisit(info), product: needsProduct(info.Name), historical: p.cfg.HistoricalAfter}
	if d, ok := p.cfg.HistoricalTypes[info.Name]; ok {
		r.historical = d
	}
	return r
}

// isVisit tells the types that have no natural key and are counted: a repeat of them is recognised by id alone.
func isVisit(info enishi.TypeInfo) bool {
	if info.Payload == "web" || strings.HasPrefix(info.Name, "custom.") {
		return true
	}
	switch info.Name {
	case "page.viewed", "screen.viewed", "app.opened", "app.uninstalled":
		return true
	}
	return false
}

// needsProduct tells the web events that are about one product.
func needsProduct(name string) bool {
	switch name {
	case "product.viewed", "product.clicked", "cart.item_added", "cart.item_removed", "wishlist.added", "wishlist.removed",
		"price_alert.requested", "stock_alert.requested":
		return true
	}
	return false
}

// Parsed is an event with the identifiers of its person, strongest first; Person holds the same ones in the same order
// (what was left out for matching is taken out of it).
type Parsed struct {
	Event       enishi.Event
	Identifiers []enishi.Identifier
}

// sourceEvent is the JSON of the source topics: an event, and what importers add.
type sourceEvent struct {
	enishi.Event
	Profile json.RawMessage `json:"profile,omitempty"` // nobody may say where an event goes: read over
	Import  *importMark     `json:"import,omitempty"`
}

// importMark makes a second import of the same file harmless (enishi.Import).
type importMark struct {
	File string `json:"file"` // 16 hexadecimal digits
	Row  uint64 `json:"row"`
}

// Parse reads one source record. now is the time at which the event will be appended: it decides what is historical or
// late. Strings of the result share memory with one copy of the record's value.
func (p *Parser) Parse(r *stream.Record, now time.Time) (Parsed, *Refusal) {
	var out Parsed
	if refusal := checkRaw(r.Value); refusal != nil {
		return out, refusal
	}
	var src sourceEvent
	if err := json.Unmarshal(r.Value, &src); err != nil {
		name := typeName(r.Value)
		if !isSegmentType(name) { // whose fields of the same names have other types
			return out, locate(r.Value, &src, err)
		}
		src = sourceEvent{Event: enishi.Event{Type: name}}
	}
	out.Event = src.Event
	e := &out.Event
	if src.Import != nil {
		file, err := strconv.ParseUint(src.Import.File, 16, 64)
		if err != nil || src.Import.Row == 0 {
			return out, refuse(CodeValue, "import", "needs the file's hash and a row number from 1", "ファイルのハッシュと 1 以上の行番号が必要です").of(e.Type)
		}
		e.Import = &enishi.Import{File: file, Row: src.Import.Row}
	}
	appended := r.Time
	if appended.Unix() <= 0 {
		appended = now // the producer's format has no time
	}
	var refusal *Refusal
	if isSegmentType(e.Type) {
		translated, refusal := p.segmentRecord(r.Value, appended)
		if refusal != nil {
			return out, refusal.of(e.Type)
		}
		translated.Event.Import = e.Import
		*e = translated.Event
	}
	if out.Identifiers, refusal = p.check(e, appended, now); refusal != nil {
		return out, refusal.of(e.Type)
	}
	if e.Message != "" {
		e.ID = enishi.EventID(e.Message)
	} else {
		e.ID = enishi.NewID("record", r.Topic, strconv.Itoa(r.Partition), strconv.FormatInt(r.Offset, 10))
	}
	return out, nil
}

func (r *Refusal) of(typ string) *Refusal {
	r.Type = typ
	return r
}

// checkRaw refuses what no JSON parser should see.
func checkRaw(raw []byte) *Refusal {
	if len(raw) > MaxEventBytes {
		return refusef(CodeSize, "", "the event has %d bytes, the limit is %d", "イベントが %d バイトあります（上限は %d バイト）", len(raw), MaxEventBytes)
	}
	if !utf8.Valid(raw) {
		at := 0
		for at < len(raw) {
			c, n := utf8.DecodeRune(raw[at:])
			if c == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return refusef(CodeUTF8, "", "invalid UTF-8 at byte %d: send the text as UTF-8", "%d バイト目が UTF-8 として正しくありません。文字コードを UTF-8 にしてください", at)
	}
	return nil
}

// typeOf finds the rule of a type, by its name or by one of Segment's, and gives e its name.
func (p *Parser) typeOf(e *enishi.Event) (*rule, *Refusal) {
	if e.Type == "" {
		return nil, missing("type")
	}
	r := p.rules[e.Type]
	if r == nil {
		name := e.Type
		if typ, ok := p.typeForName(name); ok {
			name = typ
		}
		info, ok := enishi.LookupType(name)
		if !ok {
			return nil, refusef(CodeUnknown, "type", "%q is no type of event: see the list in docs/events.md, or use custom.NAME for an event of your own",
				"%q というイベントはありません。docs/events.md の一覧から選ぶか、独自のイベントには custom.名前 を使ってください", clip(e.Type))
		}
		if refusal := checkCustomName(info.Name); refusal != nil {
			return nil, refusal
		}
		if r = p.rules[info.Name]; r == nil {
			r = p.rule(info)
		}
	}
	if r.info.Topic == enishi.TopicEvents {
		return nil, refusef(CodeUnknown, "type", "%q is written by Enishi itself and cannot be sent", "%q は Enishi 自身が記録するイベントで、外部からは送れません", r.info.Name)
	}
	e.Type = r.info.Name
	return r, nil
}

// topic is the source topic of a checked type.
func (p *Parser) topic(typ string) string {
	if r := p.rules[typ]; r != nil {
		return r.info.Topic
	}
	return enishi.TopicWeb // custom
}

// check validates an event, fills what the format leaves open, and gives the identifiers of its person. appended is the
// time of the source record, now that of the canonical one.
func (p *Parser) check(e *enishi.Event, appended, now time.Time) ([]enishi.Identifier, *Refusal) {
	r, refusal := p.typeOf(e)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := p.checkEnvelope(e); refusal != nil {
		return nil, refusal
	}
	if refusal := p.checkTime(e, r, appended, now); refusal != nil {
		return nil, refusal
	}
	if refusal := p.checkPayloads(e, r); refusal != nil {
		return nil, refusal
	}
	return p.identify(e)
}

func (p *Parser) checkEnvelope(e *enishi.Event) *Refusal {
	if e.Version < 0 || e.Version > enishi.EventVersion {
		return refusef(CodeValue, "v", "is %d: this program knows version %d", "%d は未対応の版です（対応している版: %d）", e.Version, enishi.EventVersion)
	}
	e.Version = 0
	if refusal := checkText(e.Message, "id"); refusal != nil {
		return refusal
	}
	if refusal := checkText(e.Source, "source"); refusal != nil {
		return refusal
	}
	if e.Channel != "" && !isChannel(e.Channel) {
		return refusef(CodeValue, "channel", "%q is none of %s", "%q は使えません。次のいずれかにしてください: %s", clip(e.Channel), strings.Join(enishi.Channels(), ", "))
	}
	if e.Control != nil {
		return refuse(CodeReserved, "control", "is written by Enishi itself", "Enishi 自身が使う項目です")
	}
	if e.Result != nil {
		return refuse(CodeReserved, "message", "is written by Enishi itself", "Enishi 自身が使う項目です")
	}
	return nil
}

func isChannel(s string) bool {
	switch s {
	case "store", "web", "social", "app", "pwa", "marketplace", "phone", "chat", "in_person":
		return true
	}
	return false
}

// firstInstant is the oldest time that is taken for one: most older ones are zeros of other systems.
var firstInstant = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *Parser) checkTime(e *enishi.Event, r *rule, appended, now time.Time) *Refusal {
	if e.At.IsZero() || e.At.After(appended) {
		e.At = appended
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if e.At.Before(firstInstant) {
		return refusef(CodeAncient, "occurred_at", "%s is before the year 2000", "%s は 2000 年より前です", e.At.Format(time.RFC3339))
	}
	age := now.Sub(e.At)
	if r.refusable && age > p.cfg.Late && e.Import == nil {
		return refusef(CodeLate, "occurred_at", "%s is more than %d days ago: import old web events from a file",
			"%s は %d 日以上前です。古い閲覧履歴はファイルから取り込んでください", e.At.Format(time.RFC3339), int(p.cfg.Late/(24*time.Hour)))
	}
	if age > r.historical {
		e.Historical = true
	}
	return nil
}

// identify gives the identifiers, strongest first. One that is malformed or stands for nobody is left out if another
// remains: a broken phone number must not lose an order.
func (p *Parser) identify(e *enishi.Event) ([]enishi.Identifier, *Refusal) {
	if e.Person == nil {
		return nil, missing("person")
	}
	person := *e.Person
	e.Person = &person
	found := make([]enishi.Identifier, 0, 3)
	var first *Refusal
	take := func(kind enishi.Kind, field *string, name, scope string) {
		if *field == "" {
			return
		}
		value, refusal := normalise(kind, *field)
		x := enishi.Identifier{Kind: kind, Scope: scope, Value: value, Raw: strings.TrimSpace(*field)}
		if refusal == nil && value != "" && p.cfg.Blocked != nil && p.cfg.Blocked(x) {
			refusal = refuse(CodeReserved, "", "is blocked by the identity settings", "本人確認の設定で除外されている値です")
		}
		if refusal == nil && value != "" {
			*field = x.Raw
			found = append(found, x)
			return
		}
		*field = ""
		if refusal == nil {
			return
		}
		if p.cfg.Ignored != nil {
			p.cfg.Ignored(kind, refusal)
		}
		if first == nil {
			first = refusal.at("person." + name)
		}
	}
	take(enishi.Customer, &person.CustomerID, "customer_id", "")
	take(enishi.POSCard, &person.POSCard, "pos_card", "")
	if person.LineUserID != "" && person.LineProvider == "" {
		person.LineProvider = p.cfg.LineProvider
	}
	take(enishi.LINEUser, &person.LineUserID, "line_user_id", person.LineProvider)
	take(enishi.Email, &person.Email, "email", "")
	take(enishi.Phone, &person.Phone, "phone", "")
	take(enishi.Social, &person.SocialID, "social_id", person.SocialPage)
	take(enishi.PushToken, &person.PushToken, "push_token", "")
	take(enishi.Anonymous, &person.AnonymousID, "anonymous_id", "")
	if len(found) > 0 {
		return found, nil
	}
	if first != nil {
		return nil, first
	}
	return nil, refuse(CodeMissing, "person", "names nobody: give at least one identifier (customer_id, email, phone, line_user_id, anonymous_id ...)",
		"誰のイベントか分かりません。customer_id・email・phone・line_user_id・anonymous_id などを 1 つ以上入れてください")
}

// clip keeps an error message short.
func clip(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
