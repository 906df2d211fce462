package push

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/internal/outward"
)

// MaxWebPayload is how many bytes of text one web push holds: a push service takes bodies of at least 4,096 bytes (RFC 8030
// 7.2), less the header of aes128gcm with its key (86), the tag (16) and the delimiter (1).
const MaxWebPayload = 4096 - 86 - 16 - 1

// recordSize is that of the only record.
const recordSize = 4096

// VAPID is the key by which push services know the shop (RFC 8292). A browser's subscription is for one key: with another
// one nobody can be reached who subscribed before.
type VAPID struct {
	key     *ecdsa.PrivateKey
	public  string
	subject string

	mu     sync.Mutex
	tokens map[string]vapidToken // by origin of the push service
}

type vapidToken struct {
	text  string
	until time.Time
}

// A token may be valid for at most 24 hours (RFC 8292 2); ours is for 12 and is used for 11.
const (
	vapidFor  = 12 * time.Hour
	vapidUsed = 11 * time.Hour
)

// NewVAPID reads the private key, 32 bytes in base64url as web-push's tools write it. subject is how the push service reaches
// whoever is in charge: mailto: or https:.
func NewVAPID(key, subject string) (*VAPID, error) {
	d, err := decode64(key)
	if err != nil || len(d) != 32 {
		return nil, enishi.FieldError("vapid_key", "is a private key of P-256: 32 bytes in base64url", "P-256 の秘密鍵（32 バイト）を base64url で指定してください")
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return nil, enishi.FieldError("vapid_key", "is no private key of P-256", "P-256 の秘密鍵ではありません")
	}
	if !strings.HasPrefix(subject, "mailto:") && !strings.HasPrefix(subject, "https://") {
		return nil, enishi.FieldError("subject", "is how push services reach you: mailto:push@shop.example or an https address", "プッシュ配信元への連絡先を mailto:push@shop.example か https の URL で指定してください")
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("vapid key: %w", err)
	}
	return &VAPID{key: private, subject: subject, public: base64.RawURLEncoding.EncodeToString(point), tokens: map[string]vapidToken{}}, nil
}

// DeriveVAPID makes a key from a secret: the same secret gives the same key.
func DeriveVAPID(secret []byte) string {
	for n := byte(0); ; n++ { // one in 2^32 is no key
		sum := sha256.Sum256(append(append([]byte("vapid"), n), secret...))
		if _, err := ecdh.P256().NewPrivateKey(sum[:]); err == nil {
			return base64.RawURLEncoding.EncodeToString(sum[:])
		}
	}
}

// PublicKey is the applicationServerKey that browsers subscribe with: 65 bytes in base64url.
func (v *VAPID) PublicKey() string { return v.public }

// authorization is the header for a push service.
func (v *VAPID) authorization(rand io.Reader, endpoint *url.URL, now time.Time) (string, error) {
	origin := endpoint.Scheme + "://" + endpoint.Host
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tokens[origin]
	if !now.Before(t.until) || t.until.Sub(now) > vapidUsed {
		text, err := signed(rand, v.key, map[string]any{"aud": origin, "exp": now.Add(vapidFor).Unix(), "sub": v.subject})
		if err != nil {
			return "", err
		}
		if len(v.tokens) > 1000 { // endpoints are what browsers told
			clear(v.tokens)
		}
		t = vapidToken{text, now.Add(vapidUsed)}
		v.tokens[origin] = t
	}
	return "vapid t=" + t.text + ", k=" + v.public, nil
}

// encrypt writes a payload for a subscription: RFC 8291 with the encoding aes128gcm of RFC 8188, in one record.
func encrypt(random io.Reader, s *Subscription, plain []byte) ([]byte, error) {
	if len(plain) > MaxWebPayload {
		return nil, fmt.Errorf("the payload has %d bytes, %d fit", len(plain), MaxWebPayload)
	}
	salt, scalar := make([]byte, 16), make([]byte, 32)
	if _, err := io.ReadFull(random, salt); err != nil {
		return nil, err
	}
	var own *ecdh.PrivateKey
	for own == nil {
		if _, err := io.ReadFull(random, scalar); err != nil {
			return nil, err
		}
		own, _ = ecdh.P256().NewPrivateKey(scalar) // all but one in 2^32 are keys
	}
	theirs, auth, err := s.keys()
	if err != nil {
		return nil, err
	}
	shared, err := own.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	ikm, err := hkdf.Key(sha256.New, shared, auth, "WebPush: info\x00"+string(theirs.Bytes())+string(own.PublicKey().Bytes()), 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32(salt, recordSize)
	point := own.PublicKey().Bytes()
	out = append(append(out, byte(len(point))), point...)
	return gcm.Seal(out, nonce, append(bytes.Clone(plain), 2), nil), nil // 2: the last record
}

// web sends to one browser.
func (c *Channel) web(ctx context.Context, s *Subscription, body []byte, x *outgoing) (channels.Receipt, error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil || !c.mayAsk(u) {
		return channels.Receipt{}, channels.Permanent(errors.New("the push service of the subscription is not on the public internet")).With("", hard)
	}
	sealed, err := encrypt(c.cfg.Rand, s, body)
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", "content")
	}
	now := c.cfg.Now()
	auth, err := c.cfg.VAPID.authorization(c.cfg.Rand, u, now)
	if err != nil {
		return channels.Receipt{}, channels.Down(err).With("", "account")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, bytes.NewReader(sealed))
	if err != nil {
		return channels.Receipt{}, channels.Permanent(err).With("", hard)
	}
	h := req.Header
	h.Set("Authorization", auth)
	h.Set("Content-Encoding", "aes128gcm")
	h.Set("Content-Type", "application/octet-stream")
	h.Set("TTL", strconv.Itoa(int(x.ttl/time.Second)))
	h.Set("Urgency", x.urgency)
	h.Set("Topic", x.topic) // what waits for a device that is off is replaced by a repeat
	client := c.public
	if c.inside(u) {
		client = c.own
	}
	res, err := client.Do(req)
	if err != nil {
		return channels.Receipt{}, unanswered(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	code := strconv.Itoa(res.StatusCode)
	switch s := res.StatusCode; {
	case s/100 == 2:
		return channels.Receipt{ProviderID: res.Header.Get("Location"), Code: code}, nil
	case s == http.StatusNotFound || s == http.StatusGone:
		return channels.Receipt{}, channels.Permanent(errors.New("the subscription is gone: the browser or the person ended it")).With(code, hard)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		// Services word it differently; what they mean is a subscription that was made with another key, or a key that is no good.
		if low := strings.ToLower(string(text)); strings.Contains(low, "mismatch") || strings.Contains(low, "do not correspond") {
			return channels.Receipt{}, channels.Permanent(errors.New("the subscription was made with another VAPID key than push.vapid_key")).With(code, "account")
		}
		return channels.Receipt{}, channels.Down(fmt.Errorf("the push service %s refuses the VAPID key or the clock of this machine", u.Host)).With(code, "account")
	case s == http.StatusTooManyRequests || s >= 500:
		// One browser's service: the others go on.
		return channels.Receipt{}, channels.RetryAfter(fmt.Errorf("the push service answered %s", code), c.pause(res.Header.Get("Retry-After"))).With(code, "")
	case s == http.StatusRequestEntityTooLarge:
		return channels.Receipt{}, channels.Permanent(errors.New("the push service takes no message of this size")).With(code, "content")
	}
	return channels.Receipt{}, channels.Permanent(fmt.Errorf("the push service answered %s", code)).With(code, "content")
}

// mayAsk tells whether a message may go to a push service: what a browser told is not believed as to where that is.
func (c *Channel) mayAsk(u *url.URL) bool {
	return c.inside(u) || u.Scheme == "https" && (u.Port() == "" || u.Port() == "443")
}

// inside tells whether the configuration names the address.
func (c *Channel) inside(u *url.URL) bool {
	for _, x := range c.cfg.Inside {
		if strings.EqualFold(x, u.Host) {
			return true
		}
	}
	return false
}

// unanswered is what no answer means: for certain nothing was taken only while nothing could be said.
func unanswered(err error) *channels.SendError {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address, which is personal
	}
	var op *net.OpError
	switch {
	case errors.Is(err, outward.ErrForbidden):
		return channels.Permanent(outward.ErrForbidden).With("", hard)
	case errors.As(err, &op) && op.Op == "dial":
		return channels.RetryAfter(fmt.Errorf("the push service cannot be reached: %w", op.Err), 0)
	}
	return channels.Unknown(fmt.Errorf("no answer from the push service: %w", err))
}
