package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"enishi"
	"enishi/internal/definitions"
)

// Kinds of keys: an admin token uses this API as its role says, a write key sends events to the collector and reads nothing.
const (
	keyAdmin = "admin"
	keyWrite = "write"
)

// Key is the body of a definition of kind key. The secret itself is nowhere: it has 256 random bits, so a plain hash of it
// cannot be turned back.
type Key struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`           // admin, write
	Role      role      `json:"role,omitempty"` // of admin
	Prefix    string    `json:"prefix"`         // the first characters, to recognise it by
	Hash      string    `json:"hash"`           // SHA-256 of the token, hexadecimal
	CreatedAt time.Time `json:"created_at"`

	id string // the definition's name
}

// NewKey makes a secret and the definition that stands for it; kind is "admin" or "write", role that of an admin token.
// The definition's Actor, Role, Reason and RequestID are the caller's to fill in.
func NewKey(name, kind, roleName string, now time.Time) (token string, d enishi.Definition, err error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", d, fmt.Errorf("make a token: %w", err)
	}
	prefix := "eni_"
	if kind == keyWrite {
		prefix = "wk_"
	}
	token = prefix + base64.RawURLEncoding.EncodeToString(secret)
	d, err = KeyFor(token, name, kind, roleName, now)
	return token, d, err
}

// KeyFor is the definition of a token that exists, such as the demo shop's write key.
func KeyFor(token, name, kind, roleName string, now time.Time) (enishi.Definition, error) {
	k := Key{Name: strings.TrimSpace(name), Kind: kind, Role: role(roleName), CreatedAt: now.UTC().Truncate(time.Millisecond)}
	switch {
	case k.Name == "":
		return enishi.Definition{}, enishi.FieldError("name", "a key needs a name", "名前を付けてください。")
	case kind == keyWrite:
		k.Role = ""
	case kind != keyAdmin:
		return enishi.Definition{}, enishi.FieldError("kind", "is admin or write", "admin（管理用トークン）か write（送信キー）にしてください。")
	case k.Role.rank() < viewer.rank():
		return enishi.Definition{}, enishi.FieldError("role", "is viewer, editor, approver or admin", "viewer、editor、approver、admin のどれかにしてください。")
	}
	sum := sha256.Sum256([]byte(token))
	k.Hash = hex.EncodeToString(sum[:])
	k.Prefix = token[:min(len(token), 8)]
	body, err := json.Marshal(k)
	if err != nil {
		return enishi.Definition{}, fmt.Errorf("encode key: %w", err)
	}
	return enishi.Definition{Kind: "key", Name: k.Hash[:16], Body: body, At: k.CreatedAt}, nil
}

// keyRing is the current keys, read again when the topic definitions has moved on.
type keyRing struct {
	log *definitions.Log

	mu   sync.Mutex
	next int64 // of the log when last read
	keys map[[32]byte]Key
}

func (r *keyRing) current() map[[32]byte]Key {
	next := r.log.Next()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys != nil && next == r.next {
		return r.keys
	}
	keys := map[[32]byte]Key{}
	for _, d := range r.log.List("key") {
		var k Key
		sum, err := []byte(nil), json.Unmarshal(d.Body, &k)
		if err == nil {
			sum, err = hex.DecodeString(k.Hash)
		}
		if err != nil || len(sum) != sha256.Size {
			continue
		}
		k.id = d.Name
		keys[[32]byte(sum)] = k
	}
	r.next, r.keys = next, keys
	return keys
}

// find looks a token up by its hash. What a map's timing could tell is about the hash, which nobody can steer; the
// comparison itself takes the same time for every token.
func (r *keyRing) find(token string) (Key, bool) {
	sum := sha256.Sum256([]byte(token))
	k, ok := r.current()[sum]
	if !ok {
		return Key{}, false
	}
	stored, err := hex.DecodeString(k.Hash)
	return k, err == nil && subtle.ConstantTimeCompare(stored, sum[:]) == 1
}

func (r *keyRing) byID(id string) (Key, bool) {
	for _, k := range r.current() {
		if k.id == id {
			return k, true
		}
	}
	return Key{}, false
}

func (r *keyRing) anyAdmin() bool {
	for _, k := range r.current() {
		if k.Kind == keyAdmin {
			return true
		}
	}
	return false
}

// WriteKey gives the source that a write key stands for: what the collector asks.
func (a *API) WriteKey(key string) (source string, ok bool) {
	k, ok := a.keys.find(key)
	return k.Name, ok && k.Kind == keyWrite
}

// keyRow is a key without its secret.
type keyRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind" enum:"admin,write"`
	Role      role      `json:"role,omitempty"`
	Prefix    string    `json:"prefix"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
}

func (a *API) listKeys(ctx context.Context, _ *struct{}) (*listOutput[keyRow], error) {
	out := listOf([]keyRow{})
	for _, d := range a.cfg.Definitions.List("key") {
		var k Key
		if json.Unmarshal(d.Body, &k) == nil {
			out.Body.Items = append(out.Body.Items, keyRow{ID: d.Name, Name: k.Name, Kind: k.Kind, Role: k.Role, Prefix: k.Prefix, CreatedAt: k.CreatedAt, CreatedBy: d.Actor})
		}
	}
	return out, nil
}

type newKeyInput struct {
	Body struct {
		Name   string `json:"name" minLength:"1" maxLength:"100"`
		Kind   string `json:"kind" enum:"admin,write"`
		Role   string `json:"role,omitempty" enum:",viewer,editor,approver,admin" doc:"Of an admin token."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type newKeyOutput struct {
	Body struct {
		Written
		ID    string `json:"id"`
		Token string `json:"token" doc:"Shown here and never again."`
	}
}

func (a *API) createKey(ctx context.Context, in *newKeyInput) (*newKeyOutput, error) {
	token, d, err := NewKey(in.Body.Name, in.Body.Kind, in.Body.Role, a.cfg.Now())
	if err != nil {
		return nil, err
	}
	d.Reason = in.Body.Reason
	w, err := a.save(ctx, d)
	if err != nil {
		return nil, err
	}
	out := &newKeyOutput{}
	out.Body.Written, out.Body.ID, out.Body.Token = w, d.Name, token
	return out, nil
}

type keyInput struct {
	ID     string `path:"id" maxLength:"64"`
	Reason string `query:"reason" maxLength:"500"`
}

func (a *API) deleteKey(ctx context.Context, in *keyInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current("key", in.ID); !ok {
		return nil, notFound("key", "キー")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: "key", Name: in.ID, Expect: -1, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}
