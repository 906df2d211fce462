package email

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // ISO-2022-JP, Shift_JIS and the others
	rfc822 "github.com/emersion/go-message/mail"
)

// Kinds of mail that comes in.
const (
	KindBounce    = "bounce"
	KindDelayed   = "delayed"   // still being tried by another server, or delivered: nothing to do
	KindComplaint = "complaint" // a receiver's "this is spam" (RFC 5965)
	KindOptOut    = "opt_out"   // a feedback report that asks to stop, without blame
	KindAuto      = "auto"      // out of office and the like
	KindReply     = "reply"
)

// Inbound is a mail that came in, read.
type Inbound struct {
	Kind       string
	Class      string // of a bounce: Hard, Soft, Block
	Reason     string // of a bounce, finer
	Status     string // as 5.1.1
	Diagnostic string // the receiver's words
	Reporter   string // who tells it: Reporting-MTA, User-Agent
	Feedback   string // Feedback-Type
	From       string // address
	Subject    string
	Text       string
	// Senders are local parts and links of the original that may be ours: who it is about.
	Senders []string
	Links   []string
	// Refers are the Message-IDs that it answers or brings back.
	Refers []string

	ofReport bool // what it brings back is itself a report or an answer by a program: none of ours
}

const (
	maxDepth = 6
	maxText  = 8000 // bytes that are kept of what a person wrote
)

// ReadInbound reads a mail that came in from an envelope sender ("" is <>). The error says that it is no mail.
func ReadInbound(sender string, raw []byte) (*Inbound, error) {
	e, err := message.Read(bytes.NewReader(raw))
	if tolerable(err) != nil {
		return nil, fmt.Errorf("read mail: %w", err)
	}
	header := rfc822.Header{Header: e.Header}
	in := &Inbound{}
	in.Subject, _ = header.Subject()
	if list, err := header.AddressList("From"); err == nil && len(list) > 0 {
		in.From = list[0].Address
	}
	for _, field := range [...]string{"In-Reply-To", "References"} {
		in.Refers = append(in.Refers, angled(e.Header.Get(field))...)
	}
	in.part(e, 0)
	in.decide(sender, &e.Header)
	return in, nil
}

// tolerable drops the errors of unknown charsets and encodings: the text stays undecoded then.
func tolerable(err error) error {
	if message.IsUnknownCharset(err) || message.IsUnknownEncoding(err) {
		return nil
	}
	return err
}

// part takes what a part tells. Bounces are often cut off or broken: what can be read of them counts.
func (in *Inbound) part(e *message.Entity, depth int) {
	if parts := e.MultipartReader(); parts != nil && depth < maxDepth {
		for {
			sub, _ := parts.NextPart()
			if sub == nil {
				return
			}
			in.part(sub, depth+1)
		}
	}
	body, _ := io.ReadAll(e.Body)
	kind, _, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		in.status(string(body))
	case "message/feedback-report":
		in.feedback(string(body))
	case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
		head, _, _ := strings.Cut(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n\n")
		in.original(fields(head))
	case "text/plain":
		if in.Text == "" {
			in.Text = string(body)
		}
	}
}

// status reads a delivery status (RFC 3464): the first recipient that failed, for there is one in a mail of ours.
func (in *Inbound) status(text string) {
	in.Kind = KindDelayed
	groups := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	for _, group := range groups {
		f := fields(group)
		if v := f["reporting-mta"]; v != "" {
			in.Reporter = typed(v)
		}
		in.Senders = append(in.Senders, localPart(typed(f["x-postfix-sender"])))
		if action := strings.ToLower(f["action"]); action == "failed" || action == "" && strings.HasPrefix(f["status"], "5") {
			in.Kind = KindBounce
			in.Status, _, _ = strings.Cut(strings.TrimSpace(f["status"]), " ")
			in.Diagnostic = typed(f["diagnostic-code"])
			return
		}
	}
}

// feedback reads a feedback report (RFC 5965).
func (in *Inbound) feedback(text string) {
	f := fields(text)
	in.Feedback, in.Reporter = strings.ToLower(f["feedback-type"]), f["user-agent"]
	switch in.Feedback {
	case "not-spam":
		in.Kind = KindDelayed
	case "opt-out", "opt-out-list":
		in.Kind = KindOptOut
	default: // abuse, fraud, virus, other, and what will be thought of later
		in.Kind = KindComplaint
	}
	in.Senders = append(in.Senders, localPart(strings.Trim(f["original-mail-from"], "<> ")))
}

// original takes from the header of what comes back how to know it again.
func (in *Inbound) original(f map[string]string) {
	in.Senders = append(in.Senders, localPart(strings.Trim(f["return-path"], "<> ")))
	in.Links = append(in.Links, angled(f["list-unsubscribe"])...)
	in.Refers = append(in.Refers, angled(f["message-id"])...)
	if strings.HasPrefix(strings.ToLower(f["content-type"]), "multipart/report") || strings.HasPrefix(strings.ToLower(f["auto-submitted"]), "auto-replied") || f["return-path"] == "<>" {
		in.ofReport = true
	}
}

// suppressed are the answers that Exchange asks for none of (X-Auto-Response-Suppress), in what a program wrote.
var suppressed = regexp.MustCompile(`(?i)\b(all|oof|autoreply)\b`)

// machine tells whether a program wrote a mail: by RFC 3834, and by what was and is in use beside it.
func (in *Inbound) machine(h *message.Header) bool {
	for _, name := range [...]string{"X-Autoreply", "X-Autoreply-From", "X-Autorespond", "X-Autogenerated", "X-Vacation", "X-Boxtrapper", "X-TMDA-Fingerprint"} {
		if h.Get(name) != "" {
			return true
		}
	}
	submitted := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted")))
	switch precedence := strings.ToLower(strings.TrimSpace(h.Get("Precedence"))); {
	case submitted != "" && submitted != "no" && !strings.HasPrefix(submitted, "no;") && !strings.HasPrefix(submitted, "no "):
		return true
	case strings.Contains(precedence, "auto"), precedence == "bulk", precedence == "junk", precedence == "list":
		return true
	}
	return suppressed.MatchString(h.Get("X-Auto-Response-Suppress")) || autoSubject.MatchString(in.Subject)
}

var (
	statusPattern = regexp.MustCompile(`\b([245])\.(\d{1,3})\.(\d{1,3})\b`)
	// Out of office, and programs that want a sender to confirm.
	autoSubject = regexp.MustCompile(`(?i)^\s*(auto(matic)?( ?reply|: |-reply)|out of (the )?office|away from|vacation|(please )?confirm (your|the|this) (message|e-?mail))|verify#|自動返信|自動応答|自動送信|不在(の|にし|です|通知)|休暇中`)
	daemon      = regexp.MustCompile(`(?i)^(mailer-daemon|postmaster|mail-daemon|mdaemon|mail delivery)`)
	failure     = regexp.MustCompile(`(?i)undeliver|delivery (status notification )?\(?(failure|failed)|returned mail|failure notice|could(n't| not) be delivered|was(n't| not) delivered|delivery to the following recipient|配信(できません|に失敗)|送信できません|届けられません|お届けできません`)
)

// decide tells the kind where no part of the mail did.
func (in *Inbound) decide(sender string, h *message.Header) {
	in.Text = strings.ToValidUTF8(clip(strings.TrimSpace(in.Text), maxText), "")
	if in.Kind == "" {
		machine := in.machine(h)
		notice := failure.MatchString(in.Subject) || failure.MatchString(clip(in.Text, 2000))
		switch {
		case notice && (daemon.MatchString(in.From) || sender == "" && !machine) && !autoSubject.MatchString(in.Subject):
			in.Kind = KindBounce // as servers wrote before there was a form for it
		case machine || sender == "":
			in.Kind = KindAuto
		default:
			in.Kind = KindReply
		}
	}
	if in.Kind == KindBounce && in.ofReport {
		in.Kind = KindDelayed // somebody's report came back, not our mail
	}
	if in.Kind != KindBounce {
		return
	}
	said := cmp.Or(in.Diagnostic, in.Text)
	if in.Status == "" || in.Status == "5.0.0" { // the words may know more
		in.Status = cmp.Or(statusPattern.FindString(said), in.Status)
	}
	in.Class, in.Reason = Classify(in.Status, said)
	if in.Reason == "unknown" && in.Diagnostic != "" { // "see the message above"
		in.Class, in.Reason = Classify(in.Status, in.Text)
	}
}

// fields reads fields as a header has them, as well as it can: names in small letters, values unfolded, the first of each.
func fields(text string) map[string]string {
	out := map[string]string{}
	last := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			if last != "" {
				out[last] += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if last = ""; !ok || name == "" || strings.ContainsAny(name, " \t") {
			continue
		}
		if _, twice := out[name]; !twice {
			out[name], last = strings.TrimSpace(value), name
		}
	}
	return out
}

// typed drops the type before a value: "dns; mx.example" is mx.example.
func typed(v string) string {
	if _, rest, ok := strings.Cut(v, ";"); ok {
		return strings.TrimSpace(rest)
	}
	return v
}

// localPart is what stands before the @ of an address.
func localPart(address string) string {
	if parsed, err := mail.ParseAddress(address); err == nil {
		address = parsed.Address
	}
	local, _, ok := strings.Cut(address, "@")
	if !ok {
		return ""
	}
	return local
}

// angled lists what stands in angle brackets; folding may have broken a long one.
func angled(s string) (out []string) {
	for {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			return out
		}
		in, after, ok := strings.Cut(rest, ">")
		if !ok {
			return out
		}
		out, s = append(out, strings.Join(strings.Fields(in), "")), after
	}
}

// clip cuts a text, at the end of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
