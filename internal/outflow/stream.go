package outflow

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/channels"
)

// Kind is that of the definitions of streams.
const Kind = "stream"

// Destinations of a stream.
const (
	ToTopic   = "topic"   // the topic changes
	ToWebhook = "webhook" // an address
)

// Bounds of a stream.
const (
	maxChanges  = 100
	maxSegments = 100
	MaxRate     = 1000 // changes a second
)

// Text is a text in both languages; one is enough.
type Text struct {
	JA string `json:"ja,omitempty"`
	EN string `json:"en,omitempty"`
}

// Stream is the body of a definition of kind stream.
type Stream struct {
	Title    Text     `json:"title"`
	Changes  []string `json:"changes"`            // groups (Groups) and types of events
	Segments []string `json:"segments,omitempty"` // of segment.entered and segment.left those of these alone; empty: of all
	When     string   `json:"when,omitempty"`     // expression over Facts; what it is false for is left out
	Fields   []string `json:"fields,omitempty"`   // what goes out beside the plain facts (Fields); empty: nothing that is personal
	Purpose  string   `json:"purpose,omitempty"`  // why personal data is handed over, and to whom; required with fields that are personal
	History  bool     `json:"history,omitempty"`  // also what was imported, and who was in a segment when it was made

	To        string            `json:"to"`
	URL       string            `json:"url,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`    // as those of a journey's calls: ${NAME} is a secret of the configuration
	PerSecond int               `json:"per_second,omitempty"` // at most so many calls; 0: as many as are answered
	Key       int               `json:"key,omitempty"`        // number of the signing key; one more makes a new one, and both sign

	Paused bool      `json:"paused,omitempty"`
	Since  time.Time `json:"since,omitzero"`   // where it begins: changes recorded from then on; absent: when it is first saved
	Replay int       `json:"replay,omitempty"` // one more begins again at Since
}

// Group is several types of changes under one name.
type Group struct {
	Name  string
	Types []string
}

// Groups are the names that stand for several types, in the order in which they are shown.
func Groups() []Group {
	return []Group{
		{"profile", []string{"person.identified", "user.signed_up", "consent.changed", "consent.requested", "list.added", "list.removed", "points.earned", "points.redeemed", "points.expired",
			"points.adjusted", "hold.placed", "hold.released", "risk.flagged", "line.followed", "line.unfollowed", "line.account_linked", "line.membership_changed", "social.opted_in", "social.opted_out", "app.uninstalled"}},
		{"identity", []string{enishi.TypePersonMerged, enishi.TypePersonUnmerged}},
		{"segment", []string{enishi.TypeSegmentEntered, enishi.TypeSegmentLeft}},
		{"journey", []string{enishi.TypeJourneyEntered, enishi.TypeJourneyExited}},
		{"message", []string{"message.sent", "message.delivered", "message.bounced", "message.failed", "message.refused", "message.deferred", "message.dropped", "message.unknown", "postal.collected", "postal.returned"}},
		{"feedback", []string{"message.opened", "message.clicked", "message.complained", "message.unsubscribed", "review.written", "survey.answered", "contact.opened", "contact.replied", "contact.solved",
			"line.message_received", "line.video_completed", "sms.received", "social.message_received", "social.commented", "social.postback", "social.reacted", "social.story_replied", "social.story_mentioned"}},
		{"order", []string{"order.placed", "order.paid", "order.confirmed", "order.updated", "order.cancelled", "order.refunded", "order.payment_pending", "order.payment_overdue", "order.payment_failed",
			"return.requested", "return.approved", "return.received", "return.exchanged", "store.purchased", "store.returned",
			"subscription.started", "subscription.renewed", "subscription.changed", "subscription.paused", "subscription.resumed", "subscription.skipped", "subscription.cancelled", "subscription.payment_failed"}},
		{"shipment", []string{"shipment.created", "shipment.shipped", "shipment.in_transit", "shipment.out_for_delivery", "shipment.attempted", "shipment.held", "shipment.delayed", "shipment.ready_for_pickup",
			"shipment.picked_up", "shipment.delivered", "shipment.returned", "shipment.updated"}},
	}
}

// groupOf is the group that a type is of; the part before the dot where it is of none.
func groupOf(typ string) string {
	for _, g := range Groups() {
		if slices.Contains(g.Types, typ) {
			return g.Name
		}
	}
	if typ == enishi.TypeErased {
		return "identity"
	}
	family, _, _ := strings.Cut(typ, ".")
	return family
}

// Field is something of a change that goes out only where a stream asks for it.
type Field struct {
	Name     string
	Personal bool // needs a purpose
}

// Fields are what a stream may ask for, in the order in which they are shown.
func Fields() []Field {
	return []Field{{"customer_id", false}, {"email", true}, {"phone", true}, {"line_user_id", true}, {"name", true}, {"traits", true}, {"address", true}, {"text", true}, {"context", true}, {"properties", true}}
}

// derivedTypes are those that only the fold writes.
var derivedTypes = []string{enishi.TypePersonMerged, enishi.TypePersonUnmerged, enishi.TypeErased, enishi.TypeSegmentEntered, enishi.TypeSegmentLeft, enishi.TypeJourneyEntered, enishi.TypeJourneyExited}

// Types are the types of changes of a stream, sorted. Erasures go to every stream: whoever got something of a person has to hear of them.
func (s *Stream) Types() []string {
	out := []string{enishi.TypeErased}
	for _, c := range s.Changes {
		if i := slices.IndexFunc(Groups(), func(g Group) bool { return g.Name == c }); i >= 0 {
			out = append(out, Groups()[i].Types...)
			continue
		}
		out = append(out, c)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// has tells whether a field goes out.
func (s *Stream) has(field string) bool { return slices.Contains(s.Fields, field) }

// Request is the call that carries nothing yet: what channels/webhook checks.
func (s *Stream) Request() *channels.Request {
	return &channels.Request{URL: s.URL, Headers: s.Headers}
}

// Parse reads and checks the body of a definition. What only the server knows is not looked at: the address and the segments.
func Parse(body []byte) (*Stream, error) {
	var s Stream
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, enishi.FieldError(wrong.Field, "is no "+wrong.Type.String(), "値の型が違います。")
		}
		return nil, enishi.FieldError("", "is no stream: "+err.Error(), "データの送り出しの定義として読めません: "+err.Error())
	}
	return &s, s.check()
}

func (s *Stream) check() error {
	if strings.TrimSpace(s.Title.JA+s.Title.EN) == "" {
		return enishi.FieldError("title", "is required: say for whom it is", "名前を入れてください（送り先がわかるように）。")
	}
	if len([]rune(s.Title.JA)) > 200 || len([]rune(s.Title.EN)) > 200 {
		return enishi.FieldError("title", "has at most 200 characters", "200 文字までにしてください。")
	}
	if len(s.Changes) == 0 || len(s.Changes) > maxChanges {
		return enishi.FieldError("changes", "name 1 to 100 groups or types of changes", "送る変化を 1〜100 個選んでください。")
	}
	for i, c := range s.Changes {
		if !known(c) {
			at := fmt.Sprintf("changes[%d]", i)
			return enishi.FieldError(at, fmt.Sprintf("%q is neither a group (%s) nor a type of event: see docs/streams.md", c, strings.Join(groupNames(), ", ")),
				fmt.Sprintf("「%s」はまとまり（%s）でも、行動の種類でもありません。", c, strings.Join(groupNames(), "、")))
		}
	}
	if len(s.Segments) > maxSegments {
		return enishi.FieldError("segments", "has at most 100", "100 個までにしてください。")
	}
	if len(s.Segments) > 0 && !slices.Contains(s.Types(), enishi.TypeSegmentEntered) && !slices.Contains(s.Types(), enishi.TypeSegmentLeft) {
		return enishi.FieldError("segments", "says of which segments changes go out, but changes has none of segments: add segment, or take this out",
			"セグメントを選んでいますが、送る変化に「セグメント」がありません。変化に加えるか、セグメントの指定を消してください。")
	}
	personal := ""
	for i, f := range s.Fields {
		at := slices.IndexFunc(Fields(), func(x Field) bool { return x.Name == f })
		if at < 0 {
			return enishi.FieldError(fmt.Sprintf("fields[%d]", i), fmt.Sprintf("%q is none: use %s", f, strings.Join(fieldNames(), ", ")), fmt.Sprintf("「%s」という項目はありません。使える項目: %s", f, strings.Join(fieldNames(), "、")))
		}
		if Fields()[at].Personal {
			personal = f
		}
	}
	if personal != "" && len([]rune(strings.TrimSpace(s.Purpose))) < 5 {
		return enishi.FieldError("purpose", "is required, for "+personal+" is personal data: say to whom it is handed over and why, as your privacy policy does",
			"個人データ（"+personal+"）を送るため、提供先と利用目的を書いてください（プライバシーポリシーの記載と合わせます）。")
	}
	if len([]rune(s.Purpose)) > 1000 {
		return enishi.FieldError("purpose", "has at most 1,000 characters", "1,000 文字までにしてください。")
	}
	if _, err := compile(s.When); err != nil {
		return err
	}
	if s.Replay < 0 || s.Key < 0 || s.Key > 1000 {
		return enishi.FieldError("key", "and replay count up from 0", "0 以上の数にしてください。")
	}
	return s.checkDestination()
}

func (s *Stream) checkDestination() error {
	switch s.To {
	case ToTopic:
		if s.URL != "" || len(s.Headers) > 0 || s.PerSecond != 0 || s.Key != 0 {
			return enishi.FieldError("to", "is topic: url, headers, per_second and key are of a webhook, take them out", "送り先がトピックのときは、url・headers・per_second・key を消してください。")
		}
	case ToWebhook:
		if s.URL == "" {
			return enishi.FieldError("url", "is required", "送り先のアドレスを入れてください。")
		}
		if s.PerSecond < 0 || s.PerSecond > MaxRate {
			return enishi.FieldError("per_second", "is 1 to 1,000, or 0 for no limit", "1〜1,000 で指定してください（0 は制限なし）。")
		}
	default:
		return enishi.FieldError("to", "is topic or webhook", "topic か webhook にしてください。")
	}
	return nil
}

// known tells whether a name is one of a group or of a type that a stream may have.
func known(change string) bool {
	if slices.Contains(groupNames(), change) || slices.Contains(derivedTypes, change) {
		return true
	}
	info, ok := enishi.LookupType(change)
	return ok && !strings.HasPrefix(info.Name, "note.")
}

func groupNames() (out []string) {
	for _, g := range Groups() {
		out = append(out, g.Name)
	}
	return out
}

func fieldNames() (out []string) {
	for _, f := range Fields() {
		out = append(out, f.Name)
	}
	return out
}

// Facts are what a stream's condition may ask of a change; what a change does not have is empty.
type Facts struct {
	Type       string  `expr:"type"`
	Group      string  `expr:"group"`
	Historical bool    `expr:"historical"`
	Source     string  `expr:"source"`
	Segment    string  `expr:"segment"`
	Journey    string  `expr:"journey"`
	Node       string  `expr:"node"`
	Channel    string  `expr:"channel"` // of a message: email, line, ...; of others the touchpoint
	Reason     string  `expr:"reason"`
	Order      string  `expr:"order_id"`
	Product    string  `expr:"product_id"`
	Category   string  `expr:"category"`
	Store      string  `expr:"store_id"`
	Amount     float64 `expr:"amount"` // of an order, cart or return, in whole units of its currency; only compared
	Currency   string  `expr:"currency"`
}

// compile reads a condition; nil: there is none.
func compile(when string) (*vm.Program, error) {
	if strings.TrimSpace(when) == "" {
		return nil, nil
	}
	if len(when) > 2000 {
		return nil, enishi.FieldError("when", "has at most 2,000 bytes", "2,000 バイトまでにしてください。")
	}
	p, err := expr.Compile(when, expr.Env(Facts{}), expr.AsBool(), expr.MaxNodes(200), expr.DisableBuiltin("now"))
	if err == nil {
		return p, nil
	}
	e := enishi.FieldError("when", err.Error(), "条件の式が正しくありません: "+err.Error())
	var at *file.Error
	if errors.As(err, &at) {
		e = enishi.FieldError("when", at.Message+": see docs/streams.md for what may be asked", "条件の式が正しくありません（"+at.Message+"）。使える項目は docs/streams.md にあります。")
		e.Line, e.Col = at.Line, at.Column+1
	}
	return nil, e
}

// SigningKey is the key of a number by which calls of a stream are signed: whsec_ and base64. secret is the workspace's.
func SigningKey(secret []byte, stream string, number int) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("stream:" + stream + ":" + strconv.Itoa(number)))
	return "whsec_" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// SigningKeys are those that sign now: the newest, and the one before it for receivers that still have it.
func SigningKeys(secret []byte, stream string, number int) []string {
	out := []string{SigningKey(secret, stream, number)}
	if number > 0 {
		out = append(out, SigningKey(secret, stream, number-1))
	}
	return out
}
