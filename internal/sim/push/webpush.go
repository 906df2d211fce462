package push

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var topicPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// web answers POST to a push resource (RFC 8030 5).
func (s *Server) web(r *http.Request) answer {
	refuse := func(status int, text string) answer {
		body, _ := json.Marshal(map[string]any{"code": status, "message": text})
		return answer{status: status, header: map[string]string{"Content-Type": "application/json"}, body: body}
	}
	s.mu.Lock()
	d := s.devices[r.URL.Path]
	s.mu.Unlock()
	switch {
	case d == nil || d.kind != "web":
		return refuse(http.StatusNotFound, "no such subscription")
	case r.Method != http.MethodPost:
		return refuse(http.StatusMethodNotAllowed, "use POST")
	}
	now := s.cfg.Now()
	if status, text := s.vapid(r, d, now); status != 0 {
		return refuse(status, text)
	}
	if d.state == "gone" {
		return refuse(http.StatusGone, "the subscription has expired or was revoked")
	}
	seconds, err := strconv.Atoi(r.Header.Get("TTL"))
	if err != nil || seconds < 0 || time.Duration(seconds)*time.Second > s.cfg.Limits.TTL {
		return refuse(http.StatusBadRequest, "TTL is required: a number of seconds up to 28 days")
	}
	urgency := r.Header.Get("Urgency")
	if urgency != "" && !slices.Contains([]string{"very-low", "low", "normal", "high"}, urgency) {
		return refuse(http.StatusBadRequest, "the urgency is not one of RFC 8030")
	}
	topic := r.Header.Get("Topic")
	if topic != "" && !topicPattern.MatchString(topic) {
		return refuse(http.StatusBadRequest, "a topic has at most 32 characters of base64url")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(s.cfg.Limits.Body)+1))
	if err != nil {
		return refuse(http.StatusBadRequest, "the body cannot be read")
	}
	if len(body) > s.cfg.Limits.Body {
		return refuse(http.StatusRequestEntityTooLarge, "the message is too large")
	}
	if r.Header.Get("Content-Encoding") != "aes128gcm" {
		return refuse(http.StatusBadRequest, "the content encoding is not aes128gcm")
	}
	s.mu.Lock()
	admitted := d.minute.admit(now, s.cfg.Limits.ServiceRate, time.Minute)
	s.mu.Unlock()
	if !admitted {
		a := refuse(http.StatusTooManyRequests, "too many messages for this subscription")
		a.header["Retry-After"] = "60"
		return a
	}
	// A push service cannot read the message. What the browser cannot read it drops; here that is an error, so that it is seen.
	plain, err := open(d.key, d.auth, body)
	if err != nil {
		return refuse(http.StatusBadRequest, "the browser cannot read the message: "+err.Error())
	}
	x := Shown{Device: r.URL.Path, Kind: "web", Payload: plain, Topic: topic, Urgency: urgency, At: now}
	s.mu.Lock()
	show := s.give(d, x, time.Duration(seconds)*time.Second)
	s.next++
	id := s.next
	s.mu.Unlock()
	if show {
		s.show(x)
	}
	return answer{status: http.StatusCreated, header: map[string]string{"Location": "/message/" + strconv.Itoa(id), "TTL": strconv.Itoa(seconds)}}
}

// vapid checks the application server's token (RFC 8292).
func (s *Server) vapid(r *http.Request, d *device, now time.Time) (status int, text string) {
	scheme, params, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "vapid") {
		return http.StatusUnauthorized, "VAPID authorization is required"
	}
	var token, key string
	for _, p := range strings.Split(params, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	if d.server != "" && key != d.server {
		return http.StatusForbidden, "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscription"
	}
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(point) != 65 || point[0] != 4 {
		return http.StatusForbidden, "k is no public key"
	}
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(point[1:33]), Y: new(big.Int).SetBytes(point[33:])}
	var claims struct {
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Sub string `json:"sub"`
	}
	text, sig, err := readJWT(token, "ES256", &claims)
	if err != nil || len(sig) != 64 {
		return http.StatusForbidden, "t is no token by ES256"
	}
	sum := sha256.Sum256([]byte(text))
	if _, err := public.ECDH(); err != nil || !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return http.StatusForbidden, "the signature is wrong"
	}
	exp := time.Unix(claims.Exp, 0)
	switch {
	case claims.Aud != "http://"+r.Host && claims.Aud != "https://"+r.Host:
		return http.StatusForbidden, "aud is not the origin of this push service"
	case !exp.After(now):
		return http.StatusForbidden, "the token has expired"
	case exp.Sub(now) > s.cfg.Limits.VAPID:
		return http.StatusForbidden, "the token is valid for more than 24 hours"
	case !strings.HasPrefix(claims.Sub, "mailto:") && !strings.HasPrefix(claims.Sub, "https:"):
		return http.StatusForbidden, "sub is neither mailto: nor https:"
	}
	return 0, ""
}

// readJWT reads a token without checking its signature.
func readJWT(token, alg string, claims any) (text string, sig []byte, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", nil, errors.New("a token has three parts")
	}
	var head struct{ Alg string }
	for i, into := range []any{&head, claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			return "", nil, err
		}
	}
	if head.Alg != alg {
		return "", nil, errors.New("alg is not " + alg)
	}
	sig, err = base64.RawURLEncoding.DecodeString(parts[2])
	return parts[0] + "." + parts[1], sig, err
}

// open decrypts a message as a browser does: RFC 8291 3.4, written from the RFC's formulas and not from what sends.
func open(key *ecdh.PrivateKey, auth, body []byte) ([]byte, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, errors.New("the header is too short")
	}
	salt, rs, point, sealed := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:21+int(body[20])], body[21+int(body[20]):]
	sender, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, errors.New("the key id " + hex.EncodeToString(point) + " is no key")
	}
	if len(sealed) > int(rs) {
		return nil, errors.New("there is more than one record")
	}
	secret, err := key.ECDH(sender)
	if err != nil {
		return nil, err
	}
	mac := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	one := []byte{1}
	prkKey := mac(auth, secret)
	ikm := mac(prkKey, []byte("WebPush: info\x00"), key.PublicKey().Bytes(), point, one)
	prk := mac(salt, ikm)
	cek := mac(prk, []byte("Content-Encoding: aes128gcm\x00"), one)[:16]
	nonce := mac(prk, []byte("Content-Encoding: nonce\x00"), one)[:12]
	block, err := aes.NewCipher(cek)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	plain = []byte(strings.TrimRight(string(plain), "\x00")) // padding
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errors.New("the last record has no delimiter 2")
	}
	return plain[:len(plain)-1], nil
}
