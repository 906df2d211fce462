package shopify

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// operation is a bulk operation.
type operation struct {
	id, status, resource string
	since, doneAt        time.Time
	looks                int
	lines                []string
}

var (
	pathOf  = regexp.MustCompile(`^/admin/api/([0-9]{4}-[0-9]{2})/graphql\.json$`)
	sinceOf = regexp.MustCompile(`updated_at:>='([^']+)'`)
)

// tokenLasts is how long a token of the client credentials grant holds.
const tokenLasts = 86399 * time.Second

// cost of every query here.
const cost = 10.0

// ServeHTTP answers the Admin API and the downloads of results.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/admin/oauth/access_token" {
		s.token(w, r)
		return
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/results/"); ok {
		s.result(w, id)
		return
	}
	version := pathOf.FindStringSubmatch(r.URL.Path)
	if version == nil {
		http.NotFound(w, r)
		return
	}
	if until, ok := s.tokens[r.Header.Get("X-Shopify-Access-Token")]; !ok || s.cfg.Now().After(until) {
		s.calls["refused"]++
		http.Error(w, `{"errors":"[API] Invalid API key or access token"}`, http.StatusUnauthorized)
		return
	}
	var q struct {
		Query     string            `json:"query"`
		Variables map[string]string `json:"variables"`
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	if !s.spend() {
		s.calls["throttled"]++
		s.answer(w, "null", `"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],`)
		return
	}
	s.calls["queries"]++
	switch {
	case strings.Contains(q.Query, "bulkOperationRunQuery"):
		s.run(w, q.Query, q.Variables["query"], version[1])
	case strings.Contains(q.Query, "webhookSubscriptionCreate"):
		s.subscribe(w, q.Variables["topic"], q.Variables["uri"])
	case strings.Contains(q.Query, "webhookSubscriptions("):
		s.listSubscriptions(w, q.Variables["after"])
	case strings.Contains(q.Query, "BulkOperation"):
		s.look(w, q.Variables["id"], r.Host)
	case strings.Contains(q.Query, "order(id"):
		data := `{"order":null}`
		for _, o := range s.orders {
			if gid("Order", o.ID) == q.Variables["id"] {
				data = `{"order":{"email":null,"phone":null,"customer":` + customerNode(s.customers[o.Customer]) + `}}`
			}
		}
		s.answer(w, data, "")
	default:
		s.answer(w, "null", `"errors":[{"message":"the simulator does not know this query","extensions":{"code":"undefinedField"}}],`)
	}
}

// spend takes from the bucket what a query costs.
func (s *Shop) spend() bool {
	now := s.cfg.Now()
	s.bucket = min(s.cfg.Limits.Bucket, s.bucket+now.Sub(s.filled).Seconds()*s.cfg.Limits.Restore)
	s.filled = now
	if s.bucket < cost {
		return false
	}
	s.bucket -= cost
	return true
}

func (s *Shop) answer(w http.ResponseWriter, data, errors string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"data":%s,%s"extensions":{"cost":{"requestedQueryCost":%g,"throttleStatus":{"maximumAvailable":%g,"currentlyAvailable":%g,"restoreRate":%g}}}}`,
		data, errors, cost, s.cfg.Limits.Bucket, s.bucket, s.cfg.Limits.Restore)
}

func (s *Shop) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != s.cfg.ClientID || r.FormValue("client_secret") != s.cfg.Secret {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusBadRequest)
		return
	}
	s.calls["tokens"]++
	token := fmt.Sprintf("shpat_%d", s.calls["tokens"])
	s.tokens[token] = s.cfg.Now().Add(tokenLasts)
	fmt.Fprintf(w, `{"access_token":%q,"scope":"read_orders","expires_in":86399}`, token)
}

// Revoke takes all tokens back.
func (s *Shop) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Deny takes the scope of a resource (customers) from the app.
func (s *Shop) Deny(resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = resource
}

// BreakOff lets the next download end after some lines, once.
func (s *Shop) BreakOff(lines int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = lines
}

func (s *Shop) run(w http.ResponseWriter, mutation, query, version string) {
	running, atOnce := 0, 1
	if version >= "2026-01" {
		atOnce = 5
	}
	for _, o := range s.operations {
		if o.status == "CREATED" || o.status == "RUNNING" {
			running++
		}
	}
	refuse := func(message string) {
		s.answer(w, fmt.Sprintf(`{"bulkOperationRunQuery":{"bulkOperation":null,"userErrors":[{"field":null,"message":%q}]}}`, message), "")
	}
	if running >= atOnce {
		refuse("A bulk query operation for this app and shop is already in progress")
		return
	}
	o := &operation{id: gid("BulkOperation", len(s.operations)+1), status: "CREATED"}
	for _, resource := range []string{"orders", "customers", "products"} {
		if strings.HasPrefix(strings.TrimPrefix(query, "{"), resource) {
			o.resource = resource
		}
	}
	if o.resource == "" || !strings.Contains(query, "edges") || !strings.Contains(mutation, "groupObjects: true") {
		refuse("Bulk queries must contain at least one connection.")
		return
	}
	if m := sinceOf.FindStringSubmatch(query); m != nil {
		o.since, _ = time.Parse(time.RFC3339, m[1]) // the pattern of a client that is tested
	}
	s.operations[o.id] = o
	s.answer(w, fmt.Sprintf(`{"bulkOperationRunQuery":{"bulkOperation":{"id":%q,"status":"CREATED"},"userErrors":[]}}`, o.id), "")
}

// look tells how far an operation is; it is done after some looks.
func (s *Shop) look(w http.ResponseWriter, id, host string) {
	o := s.operations[id]
	if o == nil {
		s.answer(w, `{"node":null}`, "")
		return
	}
	if o.looks++; o.status == "CREATED" || o.status == "RUNNING" {
		o.status = "RUNNING"
		if o.looks >= s.cfg.RunFor {
			o.status, o.doneAt, o.lines = "COMPLETED", s.cfg.Now(), s.lines(o)
		}
		if o.resource == s.denied {
			o.status, o.lines = "FAILED", nil
		}
	}
	if o.status == "COMPLETED" && s.cfg.Now().Sub(o.doneAt) > s.cfg.Limits.ResultLasts {
		o.status = "EXPIRED"
	}
	address, failure := "null", "null"
	if o.status == "FAILED" {
		failure = `"ACCESS_DENIED"`
	}
	if o.status == "COMPLETED" && len(o.lines) > 0 {
		address = fmt.Sprintf("%q", "http://"+host+"/results/"+o.id[strings.LastIndexByte(o.id, '/')+1:])
	}
	s.answer(w, fmt.Sprintf(`{"node":{"id":%q,"status":%q,"errorCode":%s,"objectCount":"%d","url":%s}}`, o.id, o.status, failure, len(o.lines), address), "")
}

func (s *Shop) lines(o *operation) []string {
	var out []string
	switch o.resource {
	case "customers":
		for _, id := range slices.Sorted(maps.Keys(s.customers)) {
			if c := s.customers[id]; !c.UpdatedAt.Before(o.since) {
				out = append(out, customerNode(c))
			}
		}
	case "orders":
		for _, id := range slices.Sorted(maps.Keys(s.orders)) {
			if x := s.orders[id]; !x.UpdatedAt.Before(o.since) {
				out = append(out, s.orderNodes(x)...)
			}
		}
	case "products":
		for _, id := range slices.Sorted(maps.Keys(s.products)) {
			if o.since.Year() >= 2026 { // none has changed since the year began
				break
			}
			out = append(out, fmt.Sprintf(`{"id":%q,"title":%q,"vendor":"縁","productType":"","handle":"p","status":"ACTIVE","updatedAt":"2026-01-01T00:00:00Z","featuredMedia":null}`, gid("Product", id), s.products[id]),
				fmt.Sprintf(`{"id":%q,"sku":"","price":"1000","inventoryQuantity":5,"inventoryPolicy":"DENY","inventoryItem":{"tracked":true},"__parentId":%q}`, gid("ProductVariant", id*10), gid("Product", id)))
		}
	}
	return out
}

func (s *Shop) result(w http.ResponseWriter, id string) {
	o := s.operations["gid://shopify/BulkOperation/"+id]
	if o == nil || s.cfg.Now().Sub(o.doneAt) > s.cfg.Limits.ResultLasts {
		http.Error(w, "<Error><Code>ExpiredToken</Code></Error>", http.StatusForbidden)
		return
	}
	s.calls["results"]++
	lines := o.lines
	if s.cut > 0 && s.cut < len(lines) {
		lines = lines[:s.cut]
		s.cut = 0
		w.Header().Set("Content-Length", "1000000000") // and then the connection ends
	}
	for _, l := range lines {
		if _, err := w.Write([]byte(l + "\n")); err != nil {
			return
		}
	}
}
