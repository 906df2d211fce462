package ads

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CriteoLimits are what the Marketing Solutions API documents: developers.criteo.com/marketing-solutions, .../criteo-apis/docs/rate-limits.
type CriteoLimits struct {
	Identifiers  int // of a call
	PerMinute    int // calls of an application
	Page         int // lists of a page
	TokenSeconds int // an access token lives
	BodyBytes    int
}

// CriteoDocumented are the documented limits.
func CriteoDocumented() CriteoLimits {
	return CriteoLimits{Identifiers: 50_000, PerMinute: 250, Page: 100, TokenSeconds: 900, BodyBytes: 16 << 20}
}

// Criteo simulates the contact lists of one advertiser at api.criteo.com, and its token endpoint.
type Criteo struct {
	base
	Directory
	Account    string
	ID, Secret string // of the application
	Limits     CriteoLimits

	lists   map[string]*criteoList
	tokens  map[string]time.Time
	revoked bool
	seq     int64
}

type criteoList struct {
	id, name, description string
	told                  map[string]bool // identifiers
	members               map[string]bool // users
}

// NewCriteo makes an advertiser without lists.
func NewCriteo(account, id, secret string, now func() time.Time) *Criteo {
	return &Criteo{base: base{now: now}, Account: account, ID: id, Secret: secret, Limits: CriteoDocumented(), lists: map[string]*criteoList{}, tokens: map[string]time.Time{}}
}

// Revoke takes the application's secret back, with its tokens, or gives it again.
func (c *Criteo) Revoke(revoked bool) {
	c.mu.Lock()
	c.revoked, c.tokens = revoked, map[string]time.Time{}
	c.mu.Unlock()
}

// Forget ends all access tokens, as Criteo does after their time.
func (c *Criteo) Forget() { c.mu.Lock(); c.tokens = map[string]time.Time{}; c.mu.Unlock() }

// Drop deletes a list as somebody in the account would.
func (c *Criteo) Drop(id string) { c.mu.Lock(); delete(c.lists, id); c.mu.Unlock() }

// Members are the users in a list; ok is false when there is none.
func (c *Criteo) Members(id string) (users []string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lists[id]
	if l == nil {
		return nil, false
	}
	return slices.Sorted(maps.Keys(l.members)), true
}

// Lists are the ids of the lists, by name.
func (c *Criteo) Lists() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]string{}
	for id, l := range c.lists {
		out[l.name] = id
	}
	return out
}

func criteoFault(kind, code, instance, title string) map[string]string {
	return map[string]string{"traceId": "56ed4096-f96a-4944-8881-05468efe0ec9", "type": kind, "code": code, "instance": instance, "title": title, "detail": title}
}

func criteoError(status int, kind, code, title string) *answer {
	return &answer{status: status, body: map[string]any{"errors": []any{criteoFault(kind, code, "", title)}, "warnings": []any{}}}
}

func criteoAnswer(data any, faults ...map[string]string) *answer {
	if faults == nil {
		faults = []map[string]string{}
	}
	return &answer{status: http.StatusOK, body: map[string]any{"data": data, "errors": faults, "warnings": []any{}}}
}

// ServeHTTP answers one call.
func (c *Criteo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // version, marketing-solutions, audience-segments, what or id, contact-list
	last := parts[len(parts)-1]
	c.serve(w, r, r.Method+" "+last, int64(c.Limits.BodyBytes), func(body []byte) *answer {
		if r.URL.Path == "/oauth2/token" {
			return c.token(body)
		}
		over := c.over("all", c.Limits.PerMinute, time.Minute)
		c.mu.Lock()
		defer c.mu.Unlock()
		until := c.tokens[bearer(r)]
		switch {
		case !until.After(c.now()):
			return criteoError(http.StatusUnauthorized, "access-control", "authorization-token-invalid", "The authorization header is invalid")
		case over:
			a := criteoError(http.StatusTooManyRequests, "quota", "rate-limit-exceeded", "Too many calls")
			a.header = map[string]string{"x-ratelimit-limit": strconv.Itoa(c.Limits.PerMinute), "x-ratelimit-remaining": "0", "x-ratelimit-reset": strconv.FormatInt(c.now().Add(time.Minute).Unix(), 10)}
			return a
		case len(body) > c.Limits.BodyBytes:
			return &answer{status: http.StatusRequestEntityTooLarge}
		case len(parts) < 4 || len(parts) > 5 || parts[1] != "marketing-solutions" || parts[2] != "audience-segments":
			return &answer{status: http.StatusNotFound}
		}
		switch r.Method + " " + last {
		case "POST search":
			return c.search(r, body)
		case "POST create":
			return c.create(body)
		case "POST delete":
			return c.remove(body)
		}
		l := c.lists[parts[3]]
		if l == nil {
			return criteoError(http.StatusNotFound, "validation", "segment-not-found", "Segment "+parts[3]+" is not found")
		}
		switch r.Method + " " + last {
		case "PATCH contact-list":
			return c.amend(l, body)
		case "GET contact-list":
			return criteoAnswer(map[string]any{"id": l.id, "type": "ContactListStatistics", "attributes": map[string]any{"numberOfIdentifiers": len(l.told), "numberOfMatches": len(l.members)}})
		}
		return &answer{status: http.StatusMethodNotAllowed}
	})
}

// token is the grant of client credentials (RFC 6749, 4.4).
func (c *Criteo) token(body []byte) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	form, err := parseForm(body)
	if err != nil || form.Get("grant_type") != "client_credentials" {
		return &answer{status: http.StatusBadRequest, body: map[string]string{"error": "unsupported_grant_type"}}
	}
	if form.Get("client_id") != c.ID || form.Get("client_secret") != c.Secret || c.revoked {
		return &answer{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_client", "error_description": "Invalid credentials"}}
	}
	token := rand.Text()
	c.tokens[token] = c.now().Add(time.Duration(c.Limits.TokenSeconds) * time.Second)
	return &answer{status: http.StatusOK, body: map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": c.Limits.TokenSeconds}}
}

type criteoSegment struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Attributes struct {
		Name        string    `json:"name"`
		Description string    `json:"description"`
		Advertiser  string    `json:"advertiserId"`
		ContactList *struct{} `json:"contactList"`
	} `json:"attributes"`
}

func (c *Criteo) search(r *http.Request, body []byte) *answer {
	var in struct {
		Data struct {
			Attributes struct {
				Advertisers []string `json:"advertiserIds"`
				Types       []string `json:"audienceSegmentTypes"`
			} `json:"attributes"`
		} `json:"data"`
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	offset, err2 := strconv.Atoi(r.URL.Query().Get("offset"))
	if json.Unmarshal(body, &in) != nil || err != nil || err2 != nil || limit < 1 || limit > c.Limits.Page || offset < 0 {
		return criteoError(http.StatusBadRequest, "validation", "invalid-page", "limit has to be from 1 to "+strconv.Itoa(c.Limits.Page))
	}
	if !slices.Equal(in.Data.Attributes.Advertisers, []string{c.Account}) {
		return criteoError(http.StatusForbidden, "authorization", "advertiser-not-allowed", "The application has no consent of the advertiser")
	}
	var ids []string
	for id := range c.lists {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := []any{}
	for i := offset; i < min(offset+limit, len(ids)); i++ {
		l := c.lists[ids[i]]
		out = append(out, map[string]any{"id": l.id, "type": "AudienceSegment", "attributes": map[string]any{"name": l.name, "description": l.description, "type": "ContactList", "advertiserId": c.Account}})
	}
	a := criteoAnswer(out)
	a.body.(map[string]any)["meta"] = map[string]int{"totalItems": len(ids), "limit": limit, "offset": offset}
	return a
}

// create makes those that can be made; for the others there are errors, with status 200.
func (c *Criteo) create(body []byte) *answer {
	var in struct {
		Data []criteoSegment `json:"data"`
	}
	if json.Unmarshal(body, &in) != nil || len(in.Data) == 0 {
		return criteoError(http.StatusBadRequest, "validation", "invalid-body", "The body cannot be read")
	}
	out := []any{}
	var faults []map[string]string
	for i := range in.Data {
		a := &in.Data[i].Attributes
		used := a.Name == ""
		for _, l := range c.lists {
			used = used || l.name == a.Name
		}
		place := "@data/" + strconv.Itoa(i)
		switch {
		case a.Advertiser != c.Account:
			faults = append(faults, criteoFault("authorization", "advertiser-not-allowed", place, "The application has no consent of the advertiser"))
		case a.ContactList == nil:
			faults = append(faults, criteoFault("validation", "segment-must-have-a-type", place, "One kind of segment is needed"))
		case used:
			faults = append(faults, criteoFault("validation", "name-must-be-unique", place, "Segment name must be unique"))
		default:
			c.seq++
			l := &criteoList{id: strconv.FormatInt(300_000+c.seq, 10), name: a.Name, description: a.Description, told: map[string]bool{}, members: map[string]bool{}}
			c.lists[l.id] = l
			out = append(out, map[string]string{"id": l.id, "type": "AudienceSegment"})
		}
	}
	return criteoAnswer(out, faults...)
}

func (c *Criteo) remove(body []byte) *answer {
	var in struct {
		Data []criteoSegment `json:"data"`
	}
	if json.Unmarshal(body, &in) != nil || len(in.Data) == 0 {
		return criteoError(http.StatusBadRequest, "validation", "invalid-body", "The body cannot be read")
	}
	out := []any{}
	var faults []map[string]string
	for i, s := range in.Data {
		if c.lists[s.ID] == nil {
			faults = append(faults, criteoFault("validation", "segment-not-found", "@data/"+strconv.Itoa(i), "Segment is not found"))
			continue
		}
		delete(c.lists, s.ID)
		out = append(out, map[string]string{"id": s.ID, "type": "AudienceSegment"})
	}
	return criteoAnswer(out, faults...)
}

// amend adds or takes out. Identifiers that cannot be read are counted and the others taken.
func (c *Criteo) amend(l *criteoList, body []byte) *answer {
	var in struct {
		Data struct {
			Type       string `json:"type"`
			Attributes struct {
				Operation   string   `json:"operation"`
				Type        string   `json:"identifierType"`
				Identifiers []string `json:"identifiers"`
			} `json:"attributes"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &in) != nil {
		return criteoError(http.StatusBadRequest, "validation", "invalid-body", "The body cannot be read")
	}
	a := in.Data.Attributes
	switch {
	case in.Data.Type != "ContactlistAmendment" || a.Operation != "add" && a.Operation != "remove" || a.Type != "email":
		return criteoError(http.StatusBadRequest, "validation", "invalid-value", "type, operation or identifierType has a value that is not known")
	case len(a.Identifiers) == 0 || len(a.Identifiers) > c.Limits.Identifiers:
		return criteoError(http.StatusBadRequest, "validation", "too-many-identifiers", "A call has 1 to "+strconv.Itoa(c.Limits.Identifiers)+" identifiers")
	}
	bad := []string{}
	for _, id := range a.Identifiers {
		if !hashed(id) { // plain addresses and MD5 would be taken too; nothing here is to send them
			bad = append(bad, id)
			continue
		}
		u, known := c.find("email:" + id)
		if a.Operation == "add" {
			l.told[id] = true
			if known {
				l.members[u] = true
			}
		} else {
			delete(l.told, id)
			delete(l.members, u)
		}
	}
	return criteoAnswer(map[string]any{"type": "ContactlistAmendment", "attributes": map[string]any{"contactListId": l.id, "operation": a.Operation, "requestDate": c.now().UTC().Format(time.RFC3339),
		"identifierType": a.Type, "nbValidIdentifiers": len(a.Identifiers) - len(bad), "nbInvalidIdentifiers": len(bad), "sampleInvalidIdentifiers": bad[:min(len(bad), 10)]}})
}
