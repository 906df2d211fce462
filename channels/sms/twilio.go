package sms

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"enishi/channels"
)

func (c *Channel) twilioRequest(ctx context.Context, m *channels.Rendered, to, text string) (*http.Request, error) {
	form := url.Values{"To": {to}, "Body": {text}}
	if strings.HasPrefix(c.cfg.From, "MG") && len(c.cfg.From) == 34 {
		form.Set("MessagingServiceSid", c.cfg.From)
	} else {
		form.Set("From", c.cfg.From)
	}
	if c.cfg.Callback != "" {
		if back := c.cfg.Callback + "/status?m=" + url.QueryEscape(m.Bounce); len(back) <= twilioMaxURL {
			form.Set("StatusCallback", back)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.BaseURL+"/2010-04-01/Accounts/"+c.cfg.User+"/Messages.json", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(c.cfg.User, c.cfg.Token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

// Codes of Twilio (twilio.com/docs/api/errors) and what follows from them. Those of 30003 and on come in receipts.
const (
	twilioBadNumber     = 21211 // invalid 'To'
	twilioCannotRoute   = 21612 // the number cannot be reached from this sender
	twilioRegionOff     = 21408 // permission for the region is not enabled
	twilioUnsubscribed  = 21610
	twilioNotMobile     = 21614
	twilioTooLong       = 21617
	twilioTooMany       = 20429
	twilioQueueFull     = 21611
	twilioUnreachable   = 30003 // the phone is off or out of reach
	twilioBlocked       = 30004
	twilioUnknownNumber = 30005
	twilioLandline      = 30006
	twilioFiltered      = 30007
	twilioUnknownError  = 30008
)

func (c *Channel) twilioAnswer(res *http.Response, body []byte) (channels.Receipt, error) {
	var a struct {
		SID     string `json:"sid"`
		Status  string `json:"status"`
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &a) // what is not understood is judged by the status
	if res.StatusCode/100 == 2 {
		return channels.Receipt{ProviderID: a.SID, Code: strconv.Itoa(res.StatusCode)}, nil
	}
	code := strings.TrimSpace(fmt.Sprintf("%d %s", res.StatusCode, number(a.Code)))
	err := errors.New(strings.TrimSpace("Twilio refuses it: " + twilioText(a.Code, a.Message)))
	switch a.Code {
	case twilioBadNumber, twilioNotMobile:
		return channels.Receipt{}, channels.Permanent(err).With(code, hard)
	case twilioUnsubscribed:
		return channels.Receipt{}, channels.Refused("suppressed", err).With(code, "suppressed")
	case twilioRegionOff, twilioCannotRoute:
		return channels.Receipt{}, channels.Permanent(err).With(code, "policy")
	case twilioTooLong:
		return channels.Receipt{}, channels.Permanent(err).With(code, "content")
	case twilioTooMany, twilioQueueFull:
		return channels.Receipt{}, channels.Busy(err, c.pause(res.Header.Get("Retry-After"))).With(code, "")
	}
	return channels.Receipt{}, c.common(res, code, err)
}

// twilioText is Twilio's own text without the number that it may name.
func twilioText(code int, message string) string {
	switch code {
	case twilioBadNumber:
		return "the number is not valid"
	case twilioUnsubscribed:
		return "the person answered STOP"
	case twilioNotMobile:
		return "the number is not a mobile one"
	case twilioRegionOff:
		return "the account may not send to this country: allow it in the console (Geo permissions)"
	case twilioCannotRoute:
		return "the sender cannot reach this number"
	}
	if i := strings.IndexByte(message, '+'); i >= 0 {
		return "see the code"
	}
	return message
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// TwilioSignature is X-Twilio-Signature of a call: the address and the sorted parameters by HMAC-SHA1
// (twilio.com/docs/usage/webhooks/webhooks-security).
func TwilioSignature(token, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range form[name] {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
