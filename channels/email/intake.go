package email

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
)

// IntakeConfig is what an Intake needs. All but Log are required.
type IntakeConfig struct {
	Links  *channels.Links                                          // knows our tokens, and tells what came of a message
	Ingest func(ctx context.Context, events []enishi.Event) error   // takes what people wrote
	Dead   func(ctx context.Context, raw []byte, why Refused) error // keeps what could not be taken
	Alert  func(enishi.Alert)
	Clock  func() time.Time // the shop's
	Log    *slog.Logger
}

// Refused says why a mail that came in could not be taken, in both languages.
type Refused struct{ Code, Text, TextJA string }

// Codes of [Refused].
const (
	RefusedUnsigned = "unsigned" // no token of ours says whom it is about
	RefusedUnread   = "unreadable"
)

// Intake turns mail that comes in into facts: bounces and complaints about messages, replies of people. Whom it is about is
// told by the signed envelope sender that the mail went out with (VERP), never by what a stranger wrote into a report.
type Intake struct {
	cfg IntakeConfig
	log *slog.Logger
}

// NewIntake checks cfg.
func NewIntake(cfg IntakeConfig) (*Intake, error) {
	if cfg.Links == nil || cfg.Ingest == nil || cfg.Dead == nil || cfg.Alert == nil || cfg.Clock == nil {
		return nil, errors.New("email: Links, Ingest, Dead, Alert and Clock of an intake are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Intake{cfg: cfg, log: cfg.Log.With("component", "mail intake")}, nil
}

// MaxInbound is how long a mail that comes in may be, in bytes.
const MaxInbound = 1 << 20

// Claims tells whether a mail is about a message of this workspace. The error is temporary.
func (t *Intake) Claims(ctx context.Context, from, to string, raw []byte) (bool, error) {
	in, err := ReadInbound(strings.Trim(from, "<> "), raw)
	if err != nil {
		return false, nil // whoever takes it says so
	}
	m, err := t.about(ctx, in, to)
	return m != nil, err
}

// Take takes a mail from an envelope sender ("" is <>) to a recipient, and says what it was: the kind, with the class of
// a bounce, or "refused". An error is temporary: the mail is to come again.
func (t *Intake) Take(ctx context.Context, from, to string, raw []byte) (what string, err error) {
	in, err := ReadInbound(strings.Trim(from, "<> "), raw)
	if err != nil {
		return "refused", t.refuse(ctx, raw, Refused{RefusedUnread, "this is no mail: " + err.Error(), "メールとして読み取れません。"})
	}
	if in.Kind == KindDelayed {
		return in.Kind, nil
	}
	m, err := t.about(ctx, in, to)
	if err != nil {
		return "", err
	}
	if m == nil {
		return "refused", t.refuse(ctx, raw, Refused{RefusedUnsigned, "a " + in.Kind + " that no signed address of ours came with: nobody knows whom it is about, and it may be forged",
			"当社が署名した宛先のない" + kindsJA[in.Kind] + "です。どのメールについてか分からず、偽造のおそれもあるため、反映していません。"})
	}
	if m.Purpose == channels.TestPurpose {
		return in.Kind, nil
	}
	log := t.log.With("send_id", m.SendID, "kind", in.Kind)
	switch in.Kind {
	case KindBounce:
		log.Info("mail came back", "class", in.Class, "reason", in.Reason, "status", in.Status)
		return in.Kind + " " + in.Class, t.bounce(ctx, in, m)
	case KindComplaint:
		log.Info("complaint", "feedback", in.Feedback)
		return in.Kind, t.cfg.Links.Report(ctx, m, "message.complained", enishi.MessageResult{Reason: in.Feedback})
	case KindOptOut:
		return in.Kind, t.cfg.Links.Report(ctx, m, "message.unsubscribed", enishi.MessageResult{Reason: in.Feedback})
	}
	return in.Kind, t.wrote(ctx, in, m, raw)
}

var kindsJA = map[string]string{KindBounce: "不達通知", KindComplaint: "迷惑メール報告", KindOptOut: "配信停止の通知", KindAuto: "自動返信", KindReply: "返信"}

func (t *Intake) refuse(ctx context.Context, raw []byte, why Refused) error {
	t.log.Warn("mail is not taken", "why", why.Code)
	if err := t.cfg.Dead(ctx, raw, why); err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	return nil
}

// ourID is how our Message-IDs begin: a send id, which nobody can guess who has not got the mail.
var ourID = regexp.MustCompile(`^[0-9a-f]{32}@`)

// about finds the message that a mail is about; nil: nothing in it is of ours. What reports on a message must carry a signed
// token; who answers one need only name it.
func (t *Intake) about(ctx context.Context, in *Inbound, to string) (*enishi.Message, error) {
	for _, local := range append([]string{localPart(strings.Trim(to, "<> "))}, in.Senders...) {
		if send, profile, ok := t.cfg.Links.Origin(local, ""); ok {
			return t.cfg.Links.Sent(ctx, send, profile)
		}
	}
	for _, link := range in.Links {
		if send, profile, ok := t.cfg.Links.Origin("", link); ok {
			return t.cfg.Links.Sent(ctx, send, profile)
		}
	}
	if in.Kind != KindReply && in.Kind != KindAuto {
		return nil, nil
	}
	for _, id := range in.Refers {
		if !ourID.MatchString(id) {
			continue
		}
		send, err := enishi.ParseID(id[:32])
		if err != nil {
			continue
		}
		m, err := t.cfg.Links.Sent(ctx, send, enishi.ID{})
		if err == nil || enishi.ErrorCode(err) != enishi.NotFound {
			return m, err
		}
	}
	return nil, nil
}

// bounce tells the fold that a message came back; a block is also told to whoever runs the sending.
func (t *Intake) bounce(ctx context.Context, in *Inbound, m *enishi.Message) error {
	code := strings.TrimSpace(in.Status + " " + in.Reason)
	if err := t.cfg.Links.Report(ctx, m, "message.bounced", enishi.MessageResult{Reason: in.Class, Code: code}, in.Class); err != nil {
		return fmt.Errorf("report bounce: %w", err)
	}
	if in.Class != Block {
		return nil
	}
	now := t.cfg.Clock().UTC()
	said := clip(redacted(in.Diagnostic, m.To), 200)
	t.cfg.Alert(enishi.Alert{ID: enishi.NewID("alert", "mail_blocked", m.Destination, in.Reason, now.Format(time.DateOnly)), Kind: "mail_blocked", Severity: "warning", At: now,
		Text:   "A receiver of " + m.Destination + " does not want our mail (" + in.Reason + "): " + said + ". Nobody was suppressed. Look at the sender's checklist and slow down.",
		TextJA: m.Destination + " の受信側が、当社のメールを拒否しています（" + in.Reason + "）: " + said + "。宛先は配信停止にしていません。差出人の設定を確認し、送信を控えてください。"})
	return nil
}

// redacted takes a person's address out of a receiver's words.
func redacted(s, address string) string {
	if address == "" {
		return s
	}
	return regexp.MustCompile(`(?i)`+regexp.QuoteMeta(address)).ReplaceAllString(s, "…")
}

// wrote hands on what a person, or a program for a person, wrote in answer to a message. It is the one that the message
// went to: nobody else has it.
func (t *Intake) wrote(ctx context.Context, in *Inbound, m *enishi.Message, raw []byte) error {
	if m.To == "" { // the ledger has forgotten the address
		return t.refuse(ctx, raw, Refused{RefusedUnsigned, "an answer to a message that is too old to be known", "古いメッセージへの返信のため、宛先が分かりません。"})
	}
	sum := sha256.Sum256(raw)
	id := "mail:" + hex.EncodeToString(sum[:16])
	e := enishi.Event{Version: enishi.EventVersion, Type: "contact.opened", ID: enishi.EventID(id), Message: id, Source: "email", At: t.cfg.Clock().UTC().Truncate(time.Millisecond),
		Person:     &enishi.Person{Email: m.To},
		Contact:    &enishi.Contact{ContactID: id, Channel: "email", Topic: clip(in.Subject, 200), Text: unquoted(in.Text)},
		Properties: map[string]enishi.Value{"send_id": enishi.TextValue(m.SendID.String()), "journey": enishi.TextValue(m.Journey), "template": enishi.TextValue(m.Template)}}
	if in.Kind == KindAuto { // nobody is waiting for an answer
		e.Type, e.Contact.Topic = "contact.replied", "auto_reply"
	}
	if in.From != "" && !strings.EqualFold(in.From, m.To) {
		e.Properties["from"] = enishi.TextValue(in.From)
	}
	if err := t.cfg.Ingest(ctx, []enishi.Event{e}); err != nil {
		return fmt.Errorf("take reply: %w", err)
	}
	return nil
}

// quoting begins the copy of what was answered.
var quoting = regexp.MustCompile(`(?m)^(>|-{2,} ?(Original Message|Forwarded|元のメッセージ|転送)|On .{5,200}wrote:|\d{4}年\d{1,2}月\d{1,2}日.{0,120}(:|のメール|書きました|wrote)|_{20,})`)

// unquoted is what somebody wrote, without the copy of what it answers; all of it when nothing else is left.
func unquoted(s string) string {
	if at := quoting.FindStringIndex(s); at != nil && strings.TrimSpace(s[:at[0]]) != "" {
		s = s[:at[0]]
	}
	return strings.TrimSpace(s)
}
