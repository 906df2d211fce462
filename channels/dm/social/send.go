package social

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"enishi"
	"enishi/channels"
)

// Rates of one page or account (Meta: rate limiting of the Messenger Platform).
const (
	textPerSecond  = 300
	mediaPerSecond = 10
)

// tries of the parts after the first, and the longest that is waited between them.
const (
	partTries = 4
	partWait  = 3 * time.Second
)

// Channel sends by one account. It is safe for concurrent use.
type Channel struct {
	secret      Secret
	url         string
	proof       string // of the queries of calls
	client      *http.Client
	timeout     time.Duration
	tags        func() []Tag
	now         func() time.Time
	log         *slog.Logger
	text, media *rate.Limiter
}

func newChannel(s Secret, cfg AccountsConfig) *Channel {
	c := &Channel{secret: s, proof: s.proof(), url: strings.TrimSuffix(s.Endpoint, "/") + "/" + s.Version + "/" + s.Page, timeout: cfg.Timeout, tags: cfg.Tags, now: cfg.Now, log: cfg.Log,
		client: &http.Client{Transport: transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		text:   rate.NewLimiter(textPerSecond, textPerSecond/10), media: rate.NewLimiter(mediaPerSecond, 1)}
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if c.tags == nil {
		c.tags = DefaultTags
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c
}

// part is one call that sends something.
type part struct {
	body  []byte
	media bool
}

// Send hands the messages of the content over, one after the other.
func (c *Channel) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	content, err := channels.ParseSocial(m.Content)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	parts, err := c.parts(content, m)
	if err != nil {
		return channels.Receipt{}, err
	}
	if how, id := enishi.SocialAddress(m.To); content.Typing && how == "" {
		// That nobody saw it is no harm.
		if _, err := c.call(ctx, &part{body: typing(id)}); err != nil {
			c.log.Debug("typing is not shown", "err", err)
		}
	}
	if err := c.admit(ctx, &parts[0]); err != nil {
		return channels.Receipt{}, err
	}
	if m.Begin != nil {
		if err := m.Begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	receipt, err := c.call(ctx, &parts[0])
	if err != nil {
		return channels.Receipt{}, err
	}
	for i := 1; i < len(parts); i++ {
		next, err := c.follow(ctx, &parts[i])
		if err != nil {
			c.log.Warn("a part of a message did not leave", "send_id", m.SendID, "part", i+1, "of", len(parts), "err", err)
			receipt.Note = fmt.Sprintf("parts: %d of %d, then %s", i, len(parts), err)
			return receipt, nil
		}
		receipt.ProviderID = next.ProviderID // who has got the last has got them all
	}
	return receipt, nil
}

// follow sends a part after the first: what was for certain not taken is tried again for a moment.
func (c *Channel) follow(ctx context.Context, p *part) (channels.Receipt, error) {
	for try := 1; ; try++ {
		if err := c.admit(ctx, p); err != nil {
			return channels.Receipt{}, err
		}
		receipt, err := c.call(ctx, p)
		var e *channels.SendError
		if err == nil || try == partTries || !errors.As(err, &e) || e.Verdict() != "busy" && e.Verdict() != "retry" || e.After > partWait {
			return receipt, err
		}
		select {
		case <-ctx.Done():
			return receipt, err
		case <-time.After(max(e.After, time.Duration(try)*100*time.Millisecond)):
		}
	}
}

// admit waits for the account's rate.
func (c *Channel) admit(ctx context.Context, p *part) error {
	limiter := c.text
	if p.media {
		limiter = c.media
	}
	if err := limiter.Wait(ctx); err != nil {
		return channels.Busy(fmt.Errorf("wait for the rate: %w", err), 0)
	}
	return nil
}

// parts are the calls that the content makes.
func (c *Channel) parts(content *channels.SocialContent, m *channels.Rendered) ([]part, error) {
	how, id := enishi.SocialAddress(m.To)
	base := map[string]any{"recipient": map[string]string{"id": id}, "messaging_type": "UPDATE"}
	if content.Type != "" {
		base["messaging_type"] = content.Type
	}
	switch how {
	case enishi.SocialByToken:
		base = map[string]any{"recipient": map[string]string{"notification_messages_token": id}}
	case enishi.SocialOutside:
		if u := content.Utility; u != nil && c.secret.Platform == Messenger {
			base["messaging_type"] = "UTILITY"
			template := map[string]any{"name": u.Name, "language": map[string]string{"code": u.Language}}
			if len(u.Components) > 0 {
				template["components"] = u.Components
			}
			base["message"] = map[string]any{"template": template}
			p, err := partOf(base, false)
			return []part{p}, err
		}
		if content.Tag == "" {
			return nil, closed(errors.New("the window is closed, and nothing of the content may leave then")).With("", reasonWindow)
		}
		if m.Purpose == "marketing" {
			return nil, channels.Permanent(enishi.FieldError("tag", "tags are not for advertising", "タグは広告には使えません。")).With("", "policy")
		}
		if err := checkTag(c.tags(), content.Tag, c.secret.Platform, c.now()); err != nil {
			return nil, channels.Permanent(err).With("", "content")
		}
		base["messaging_type"], base["tag"] = "MESSAGE_TAG", content.Tag
	}
	var out []part
	for i := range content.Messages {
		list, err := c.message(base, &content.Messages[i], m.SendID)
		if err != nil {
			return nil, channels.Permanent(err).With("", "content")
		}
		out = append(out, list...)
	}
	if len(out) == 0 {
		return nil, channels.Permanent(enishi.FieldError("messages", "is empty, and the window is open: write what is sent then", "受付時間内に送るメッセージがありません。messages を書いてください。")).With("", "content")
	}
	if how == enishi.SocialByToken && len(out) > 1 {
		return nil, channels.Permanent(enishi.FieldError("messages", "by an opt-in to marketing messages one message leaves at a time: write it as one", "マーケティングメッセージの許可では、一度に 1 通しか送れません。1 通にまとめてください。")).With("", "content")
	}
	return out, nil
}

// message makes the calls of one message: a text that is too long for one is parted, and the quick replies stand under its end.
// The send stands in the metadata, which comes back with the echo.
func (c *Channel) message(base map[string]any, m *channels.SocialMessage, send enishi.ID) ([]part, error) {
	texts := []string{""}
	media := false
	if len(m.Attachment) > 0 && string(m.Attachment) != "null" {
		var a struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(m.Attachment, &a); err != nil {
			return nil, err
		}
		media = a.Type == "audio" || a.Type == "video"
	} else if c.secret.Platform == Instagram {
		texts = split(m.Text, channels.SocialTextBytes, func(r rune) int { return len(string(r)) })
	} else {
		texts = split(m.Text, channels.SocialText, func(rune) int { return 1 })
	}
	var out []part
	for i, text := range texts {
		message := map[string]any{"metadata": send.String()}
		if text != "" {
			message["text"] = text
		} else {
			message["attachment"] = m.Attachment
		}
		if i == len(texts)-1 && len(m.Replies) > 0 {
			replies := make([]map[string]string, len(m.Replies))
			for k, r := range m.Replies {
				replies[k] = map[string]string{"content_type": "text", "title": r.Title, "payload": r.Payload}
				if r.Payload == "" {
					replies[k]["payload"] = r.Title
				}
			}
			message["quick_replies"] = replies
		}
		base["message"] = message
		p, err := partOf(base, media)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func partOf(body map[string]any, media bool) (part, error) {
	raw, err := json.Marshal(body)
	return part{raw, media}, err
}

func typing(id string) []byte {
	raw, _ := json.Marshal(map[string]any{"recipient": map[string]string{"id": id}, "sender_action": "typing_on"})
	return raw
}

// split parts a text into pieces of at most most units, behind a line, else a sentence, else a space, where there is one in
// the second half of the piece.
func split(text string, most int, size func(rune) int) []string {
	text = strings.TrimSpace(text)
	var out []string
	for {
		used, end, best, rank := 0, -1, -1, 0
		for i, r := range text {
			if used += size(r); used > most {
				end = i
				break
			}
			if used <= most/2 {
				continue
			}
			after := i + len(string(r))
			switch {
			case r == '\n':
				best, rank = after, 3
			case strings.ContainsRune("。！？!?", r) && rank <= 2:
				best, rank = after, 2
			case (r == ' ' || r == '　' || r == '、') && rank <= 1:
				best, rank = after, 1
			}
		}
		if end < 0 {
			return append(out, text)
		}
		if best < 0 {
			best = end
		}
		out = append(out, strings.TrimSpace(text[:best]))
		text = strings.TrimSpace(text[best:])
	}
}

// graphError is how the API says no.
type graphError struct {
	Status  int
	Message string `json:"message"`
	Code    int    `json:"code"`
	Subcode int    `json:"error_subcode"`
	Trace   string `json:"fbtrace_id"`
}

// Error is the API's text; it names nobody.
func (e *graphError) Error() string {
	if e.Message == "" {
		return "the API answered " + strconv.Itoa(e.Status)
	}
	return e.Message
}

// code is the API's own code, as the ledger keeps it.
func (e *graphError) code() string {
	if e.Code == 0 {
		return strconv.Itoa(e.Status)
	}
	if e.Subcode == 0 {
		return strconv.Itoa(e.Code)
	}
	return strconv.Itoa(e.Code) + "/" + strconv.Itoa(e.Subcode)
}

const maxAnswer = 64 << 10

// call makes one call of messages and says what its answer means.
func (c *Channel) call(ctx context.Context, p *part) (channels.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/messages?"+c.proof, bytes.NewReader(p.body))
	if err != nil {
		return channels.Receipt{}, channels.Down(err).With("", "account")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.secret.Token)
	res, err := c.client.Do(req)
	if err != nil {
		return channels.Receipt{}, unanswered(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode/100 == 2 {
		var out struct {
			ID string `json:"message_id"`
		}
		// Taken: a body that was cut off on the way changes nothing.
		_ = json.Unmarshal(body, &out)
		return channels.Receipt{ProviderID: out.ID, Code: strconv.Itoa(res.StatusCode)}, nil
	}
	var refusal struct {
		Error graphError `json:"error"`
	}
	if err == nil {
		_ = json.Unmarshal(body, &refusal) // what is no Graph error has code 0
	}
	refusal.Error.Status = res.StatusCode
	return channels.Receipt{}, refusal.Error.verdict(retryAfter(res))
}

// verdict is what a refusal asks for.
func (e *graphError) verdict(after time.Duration) *channels.SendError {
	if e.Code == 100 && strings.Contains(e.Message, "appsecret_proof") { // the token is of another app than the secret
		return channels.Down(e).With(e.code(), "account")
	}
	for i := range answers {
		if x := &answers[i]; x.fits(e.Status, e.Code, e.Subcode) {
			out := x.verdict(e).With(e.code(), x.reason)
			if x.wait > 0 {
				out.After = max(after, x.wait)
			} else if out.Verdict() == "retry" {
				out.After = after
			}
			return out
		}
	}
	return channels.Permanent(e).With(e.code(), "content")
}

// unanswered is what no answer means: for certain nothing was taken only while nothing could be said.
func unanswered(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return channels.Busy(fmt.Errorf("the API cannot be reached: %w", op.Err), 0)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address
	}
	return channels.Unknown(fmt.Errorf("no answer from the API: %w", err))
}

// retryAfter reads Retry-After in seconds, at most an hour.
func retryAfter(res *http.Response) time.Duration {
	n, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}

// State asks the platform who the token stands for: nil when the account can be used.
func (c *Channel) State(ctx context.Context) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"?fields=id,name&"+c.proof, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+c.secret.Token)
	res, err := c.client.Do(req)
	if err != nil {
		return "", &enishi.Error{Code: enishi.Unavailable, Msg: "the platform does not answer", MsgJA: "SNS に接続できません。", Err: unanswered(err)}
	}
	defer res.Body.Close()
	var out struct {
		Name  string      `json:"name"`
		Error *graphError `json:"error"`
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(body, &out)
	}
	switch {
	case err != nil:
		return "", &enishi.Error{Code: enishi.Unavailable, Msg: "the platform's answer cannot be read", MsgJA: "SNS からの応答を読めません。", Err: err}
	case out.Error != nil:
		out.Error.Status = res.StatusCode
		return "", out.Error
	}
	return out.Name, nil
}
