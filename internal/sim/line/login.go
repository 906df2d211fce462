package line

import (
	"net/http"
	"net/url"
	"time"
)

// idToken is what LINE Login told an app of a user.
type idToken struct {
	user, channel string
	at            time.Time
}

// IDToken signs a user in at a channel of LINE Login, as liff.getIDToken() gives it to a page. The user need not be a
// friend. Tokens here are opaque; who gets one must ask the verify endpoint, as the product does.
func (s *Server) IDToken(userID, channel string) (string, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.meet(userID)
	if err != nil {
		return "", err
	}
	token := s.token(48)
	s.logins[token] = idToken{u.id, channel, now}
	return token, nil
}

// verify answers POST /oauth2/v2.1/verify: 400 for a token that is unknown, too old, or made for another channel.
func (s *Server) verify(c *call) *answer {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || form.Get("id_token") == "" || form.Get("client_id") == "" {
		return invalidLogin("id_token and client_id are required.")
	}
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.logins[form.Get("id_token")]
	expires := t.at.Add(s.limits.IDTokenFor)
	switch {
	case !known:
		return invalidLogin("Invalid IdToken.")
	case t.channel != form.Get("client_id"):
		return invalidLogin("Invalid IdToken Audience.")
	case now.After(expires):
		return invalidLogin("IdToken expired.")
	}
	return ok(map[string]any{"iss": "https://access.line.me", "sub": t.user, "aud": t.channel, "exp": expires.Unix(), "iat": t.at.Unix(),
		"amr": []string{"linesso"}, "name": s.users[t.user].name})
}

// invalidLogin is a refusal in OAuth's form.
func invalidLogin(why string) *answer {
	a := ok(map[string]string{"error": "invalid_request", "error_description": why})
	a.status = http.StatusBadRequest
	return a
}
