package line

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"enishi"
	"enishi/channels"
)

// Notices sends LINE's notification messages (通知メッセージ) of an account: to a phone number, whether its owner is a friend or
// not, for order and shipping notices only, in Japan, after LINE has approved the account and the texts. It is a
// [channels.Channel] whose addresses are phone numbers in E.164.
//
// LINE has no retry key here: what was not answered is not repeated. Taken is not delivered: only the delivery webhook says so,
// by the tag that was sent along ([NoticeTag]).
type Notices struct{ *Channel }

// PhoneHash is how LINE takes a phone number: the lower-case SHA-256 of its E.164 form.
func PhoneHash(e164 string) string {
	sum := sha256.Sum256([]byte(e164))
	return hex.EncodeToString(sum[:])
}

// NoticeTag is what LINE sends back when a notice was delivered: send and person, 64 of the 100 characters that it may have.
func NoticeTag(send, profile enishi.ID) string { return send.String() + profile.String() }

// ParseNoticeTag reads a tag; false when it is none of ours.
func ParseNoticeTag(tag string) (send, profile enishi.ID, ok bool) {
	if len(tag) != 64 {
		return send, profile, false
	}
	send, err := enishi.ParseID(tag[:32])
	if err != nil {
		return send, profile, false
	}
	profile, err = enishi.ParseID(tag[32:])
	return send, profile, err == nil
}

// Send sends one notice. A number that no user of LINE has registered, or who does not want notices, is refused as suppressed:
// the person's next channel is taken.
func (n Notices) Send(ctx context.Context, m *channels.Rendered) (channels.Receipt, error) {
	if m.Purpose != "transactional" {
		return channels.Receipt{}, channels.Permanent(errors.New("a notification message is for order and shipping notices only")).With("", "policy")
	}
	if !strings.HasPrefix(m.To, "+") {
		return channels.Receipt{}, channels.Permanent(errors.New("the phone number is not in E.164")).With("", "address")
	}
	var messages json.RawMessage = m.Messages
	header := http.Header{"X-Line-Delivery-Tag": {NoticeTag(m.SendID, m.Profile)}}
	id, err := n.request(ctx, call{method: http.MethodPost, path: "/bot/pnp/push", header: header, body: map[string]any{"to": PhoneHash(m.To), "messages": messages}}, nil)
	var r *Refusal
	switch {
	case err == nil:
		return channels.Receipt{ProviderID: id, Code: "200"}, nil
	case !errors.As(err, &r):
		return channels.Receipt{}, channels.Unknown(err)
	case r.Status == http.StatusUnprocessableEntity:
		return channels.Receipt{}, channels.Refused("suppressed", r).With("422", "suppressed")
	}
	return channels.Receipt{}, r.verdict()
}
