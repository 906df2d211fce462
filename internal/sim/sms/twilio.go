package sms

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	e164Pattern  = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	alphaPattern = regexp.MustCompile(`^[A-Za-z0-9 ]*[A-Za-z][A-Za-z0-9 ]*$`)
	servicePat   = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
)

// twilio answers POST /2010-04-01/Accounts/{sid}/Messages.json.
func (s *Server) twilio(r *http.Request, body []byte) answer {
	refuse := func(status, code int, message string) answer {
		return answer{status: status, body: map[string]any{"code": code, "message": message, "status": status, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code)}}
	}
	sid, token, ok := r.BasicAuth()
	if !ok || sid != s.cfg.SID || subtle.ConstantTimeCompare([]byte(token), []byte(s.cfg.Token)) != 1 {
		return refuse(http.StatusUnauthorized, 20003, "Authenticate")
	}
	if r.Method != http.MethodPost || r.URL.Path != "/2010-04-01/Accounts/"+s.cfg.SID+"/Messages.json" {
		return refuse(http.StatusNotFound, 20404, "The requested resource "+r.URL.Path+" was not found")
	}
	if !s.admit() {
		a := refuse(http.StatusTooManyRequests, 20429, "Too Many Requests")
		a.header = map[string]string{"Retry-After": "1"}
		return a
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return refuse(http.StatusBadRequest, 21601, "the body is no form")
	}
	to, from, text := form.Get("To"), form.Get("From"), form.Get("Body")
	service := form.Get("MessagingServiceSid")
	switch {
	case to == "":
		return refuse(http.StatusBadRequest, 21604, "A 'To' phone number is required.")
	case !e164Pattern.MatchString(to):
		return refuse(http.StatusBadRequest, 21211, "The 'To' number "+to+" is not a valid phone number.")
	case from == "" && service == "":
		return refuse(http.StatusBadRequest, 21603, "A 'From' phone number is required.")
	case service != "" && !servicePat.MatchString(service), from != "" && !e164Pattern.MatchString(from) && (!alphaPattern.MatchString(from) || len(from) > s.cfg.Limits.LongCode):
		return refuse(http.StatusBadRequest, 21212, "The 'From' number "+from+" is not a valid phone number, shortcode, or alphanumeric sender ID.")
	case text == "":
		return refuse(http.StatusBadRequest, 21602, "Message body is required.")
	case utf8.RuneCountInString(text) > s.cfg.Limits.TwilioBody:
		return refuse(http.StatusBadRequest, 21617, "The concatenated message body exceeds the 1600 character limit.")
	}
	if back := form.Get("StatusCallback"); back != "" {
		if u, err := url.ParseRequestURI(back); err != nil || u.Host == "" || len(back) > 4000 {
			return refuse(http.StatusBadRequest, 21609, "The 'StatusCallback' URL "+back+" is not a valid URL.")
		}
	}
	switch s.State(to) {
	case Landline:
		return refuse(http.StatusBadRequest, 21614, "'To' number is not a valid mobile number: "+to)
	case Stopped:
		return refuse(http.StatusBadRequest, 21610, "Attempt to send to unsubscribed recipient")
	case Region:
		return refuse(http.StatusBadRequest, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: "+to+".")
	}
	if from == "" {
		from = service
	}
	x := Sent{ID: identifier("SM"), Shape: "twilio", To: to, From: from, Text: text, Reference: form.Get("StatusCallback"), At: s.cfg.Now(), Status: "queued"}
	s.take(x)
	return answer{status: http.StatusCreated, body: map[string]any{"sid": x.ID, "account_sid": s.cfg.SID, "to": to, "from": from, "body": text, "status": "queued", "error_code": nil, "direction": "outbound-api"}}
}

// twilioReceipt is the status callback of a message.
func (s *Server) twilioReceipt(x Sent) (string, http.Header, []byte) {
	status, code := "delivered", ""
	switch carrierRefuses(s.State(x.To), x.From) {
	case Off:
		status, code = "undelivered", "30003"
	case Dead:
		status, code = "undelivered", "30005"
	case Landline:
		status, code = "undelivered", "30006"
	case Filtered:
		status, code = "undelivered", "30007"
	}
	s.status(x.ID, status)
	form := url.Values{"MessageSid": {x.ID}, "SmsSid": {x.ID}, "AccountSid": {s.cfg.SID}, "MessageStatus": {status}, "SmsStatus": {status}, "To": {x.To}, "From": {x.From}, "ApiVersion": {"2010-04-01"}}
	if code != "" {
		form.Set("ErrorCode", code)
	}
	return x.Reference, s.signed(x.Reference, form), []byte(form.Encode())
}

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}
