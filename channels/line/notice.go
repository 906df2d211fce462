package line

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"enishi"
	"enishi/channels"
)

// Notices sends LINE's notification messages (通知メッセージ) of an account: to a phone number, whether its owner is a friend or
// not, for order and shipping notices only, in Japan, after LINE has approved the account and the texts. It is a
// [channels.Channel] whose addresses are phone numbers as they came in.
//
// LINE has no retry key here: what was not answered is not repeated. Taken is not delivered: only the delivery webhook says so,
// by the tag that was sent along ([NoticeTag]). What was not delivered within 24 hours never is; the journey then takes its
// next channel.
type Notices struct {
	Channel  *Channel
	Approved func(template string) bool // by LINE, as a notification message of this account
	// Phone gives the E.164 form of a number as it came in; "" or an error: it is none.
	Phone func(raw string) (string, error)
}

// Notices sends the account's notification messages.
func (o *Official) Notices(phone func(raw string) (string, error)) Notices {
	return Notices{o.Channel, o.NoticeApproved, phone}
}

// NoticeApproved tells whether LINE has approved a template as a notification message of the account.
func (o *Official) NoticeApproved(template string) bool {
	return o.Simulated || slices.Contains(o.Settings().Notices, template)
}

// PhoneHash is how LINE takes a phone number: the lower-case SHA-256 of its E.164 form.
func PhoneHash(e164 string) string {
	sum := sha256.Sum256([]byte(e164))
	return hex.EncodeToString(sum[:])
}

// ourTag begins our tags: of a notice without one LINE sends the hash of the number back, which is as long as two ids.
const ourTag = "enishi"

// NoticeTag is what LINE sends back when a notice was delivered: send and person, 70 of the 100 characters that it may have.
func NoticeTag(send, profile enishi.ID) string { return ourTag + send.String() + profile.String() }

// ParseNoticeTag reads a tag; false when it is none of ours.
func ParseNoticeTag(tag string) (send, profile enishi.ID, ok bool) {
	tag, ours := strings.CutPrefix(tag, ourTag)
	if !ours || len(tag) != 64 {
		return send, profile, false
	}
	send, err := enishi.ParseID(tag[:32])
	if err != nil {
		return send, profile, false
	}
	profile, err = enishi.ParseID(tag[32:])
	return send, profile, err == nil
}

// Send sends one notice. A number that no user of LINE has registered, or whose owner does not want notices, is refused as
// unreachable, a text that LINE has not approved as notice: the person's next channel is taken at once.
func (n Notices) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	switch {
	case m.Purpose != "transactional":
		return channels.Receipt{}, channels.Refused("notice", errors.New("a notification message is for order and shipping notices only")).With("", "notice")
	case !n.Approved(m.Template):
		return channels.Receipt{}, channels.Refused("notice", fmt.Errorf("LINE has not approved %s as a notification message of this account", m.Template)).With("", "notice")
	}
	phone, err := n.Phone(m.To)
	if err != nil || phone == "" {
		return channels.Receipt{}, channels.Refused("unreachable", errors.New("the number is no phone number")).With("", "unreachable")
	}
	if _, err := objects(m); err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	if m.Begin != nil {
		if err := m.Begin(); err != nil {
			return channels.Receipt{}, channels.Busy(err, 0)
		}
	}
	header := http.Header{"X-Line-Delivery-Tag": {NoticeTag(m.SendID, m.Profile)}}
	id, err := n.Channel.request(ctx, call{method: http.MethodPost, path: "/bot/pnp/push", header: header, body: map[string]any{"to": PhoneHash(phone), "messages": m.Messages}}, nil)
	var r *Refusal
	switch {
	case err == nil:
		return channels.Receipt{ProviderID: id, Code: "200"}, nil
	case !errors.As(err, &r):
		return channels.Receipt{}, unanswered(err)
	case r.Status == http.StatusUnprocessableEntity:
		return channels.Receipt{}, channels.Refused("unreachable", r).With("422", "unreachable")
	case r.Status == http.StatusForbidden: // LINE has not approved the account for notices; its other messages are not concerned
		return channels.Receipt{}, channels.Refused("notice", r).With("403", "notice")
	}
	return channels.Receipt{}, r.verdict()
}
