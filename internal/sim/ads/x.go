package ads

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// XLimits are what the Ads API documents: docs.x.com/x-ads-api/audiences/reference and .../fundamentals/rate-limiting.
type XLimits struct {
	Operations int // of a call
	BodyBytes  int
	Audience   int // calls about users a minute
	Writes     int // other calls that change something a minute
	Reads      int // in 15 minutes
	Page       int // lists of a page
	Minimum    int // users that a list needs to be used
	Months     int // that a member stays
}

// XDocumented are the documented limits.
func XDocumented() XLimits {
	return XLimits{Operations: 2500, BodyBytes: 5_000_000, Audience: 1500, Writes: 450, Reads: 2000, Page: 1000, Minimum: 100, Months: 13}
}

// X simulates the custom audiences of one account at ads-api.x.com. Whoever calls it signs by OAuth 1.0a.
type X struct {
	base
	Directory
	Account string
	Keys    XKeys
	Limits  XLimits
	Delay   time.Duration // how long the size of a list is not known after a change: some hours there

	lists   map[string]*xList
	revoked bool
	short   bool
	seq     int64
	nonces  map[string]bool
}

// XKeys are of the app and of a user of the account.
type XKeys struct{ Consumer, ConsumerSecret, Token, TokenSecret string }

type xList struct {
	id, name, description string
	members               map[string]time.Time // until when
	due                   time.Time            // when it is counted
}

// NewX makes an account without lists.
func NewX(account string, keys XKeys, now func() time.Time) *X {
	return &X{base: base{now: now}, Account: account, Keys: keys, Limits: XDocumented(), lists: map[string]*xList{}, nonces: map[string]bool{}}
}

// Revoke takes the user's token back, or gives it again.
func (x *X) Revoke(revoked bool) { x.mu.Lock(); x.revoked = revoked; x.mu.Unlock() }

// Short lets calls about users be carried out for the first user alone, as a success: the answer's counts tell it.
func (x *X) Short(short bool) { x.mu.Lock(); x.short = short; x.mu.Unlock() }

// Drop deletes a list as somebody in the account would.
func (x *X) Drop(id string) { x.mu.Lock(); delete(x.lists, id); x.mu.Unlock() }

// Members are the users in a list; ok is false when there is none.
func (x *X) Members(id string) (users []string, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.lists[id]
	if l == nil {
		return nil, false
	}
	for u, until := range l.members {
		if until.After(x.now()) {
			users = append(users, u)
		}
	}
	slices.Sort(users)
	return users, true
}

// Lists are the ids of the lists, by name.
func (x *X) Lists() map[string]string {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[string]string{}
	for id, l := range x.lists {
		out[l.name] = id
	}
	return out
}

func xError(status int, code, parameter, message string) *answer {
	e := map[string]string{"code": code, "message": message}
	if parameter != "" {
		e["parameter"] = parameter
	}
	return &answer{status: status, body: map[string]any{"errors": []any{e}, "request": map[string]any{"params": map[string]any{}}}}
}

// ServeHTTP answers one call.
func (x *X) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // version, accounts, account, custom_audiences, id, users
	endpoint := r.Method + " list"
	switch len(parts) {
	case 4:
		endpoint = r.Method + " lists"
	case 6:
		endpoint = r.Method + " users"
	}
	x.serve(w, r, endpoint, int64(x.Limits.BodyBytes), func(body []byte) *answer {
		x.mu.Lock()
		ok := x.signed(r) && !x.revoked
		x.mu.Unlock()
		if !ok {
			return xError(http.StatusUnauthorized, "UNAUTHORIZED_ACCESS", "", "This request is not properly authenticated")
		}
		kind, most, window := "reads", x.Limits.Reads, 15*time.Minute
		if endpoint == "POST users" {
			kind, most, window = "audience", x.Limits.Audience, time.Minute
		} else if r.Method != http.MethodGet {
			kind, most, window = "writes", x.Limits.Writes, time.Minute
		}
		if x.over(kind, most, window) {
			a := xError(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "", "Too many requests")
			a.header = map[string]string{"x-rate-limit-limit": strconv.Itoa(most), "x-rate-limit-remaining": "0", "x-rate-limit-reset": strconv.FormatInt(x.now().Add(window).Unix(), 10)}
			return a
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		switch {
		case len(parts) < 4 || len(parts) > 6 || parts[1] != "accounts" || parts[3] != "custom_audiences" || len(parts) == 6 && parts[5] != "users":
			return xError(http.StatusNotFound, "ROUTE_NOT_FOUND", "", "The requested resource could not be found")
		case parts[2] != x.Account:
			return xError(http.StatusForbidden, "ACCOUNT_NOT_FOUND", "account_id", "User does not have access to the account")
		case endpoint == "GET lists":
			return x.all(r)
		case endpoint == "POST lists":
			return x.create(r)
		}
		l := x.lists[parts[min(4, len(parts)-1)]]
		if l == nil {
			return xError(http.StatusNotFound, "NOT_FOUND", "custom_audience_id", "Custom Audience was not found")
		}
		switch endpoint {
		case "GET list":
			return &answer{status: 200, body: map[string]any{"data": x.show(l)}}
		case "DELETE list":
			delete(x.lists, l.id)
			out := x.show(l)
			out["deleted"] = true
			return &answer{status: 200, body: map[string]any{"data": out}}
		case "POST users":
			return x.users(l, r, body)
		}
		return xError(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "", "The method is not allowed")
	})
}

func (x *X) show(l *xList) map[string]any {
	reasons, size := []string{}, any(nil)
	n := 0
	for _, until := range l.members {
		if until.After(x.now()) {
			n++
		}
	}
	if l.due.After(x.now()) {
		reasons = append(reasons, "PROCESSING")
	} else {
		size = n
	}
	if n < x.Limits.Minimum {
		reasons = append(reasons, "TOO_SMALL")
	}
	return map[string]any{"id": l.id, "name": l.name, "description": l.description, "audience_type": "CRM", "audience_size": size, "targetable": len(reasons) == 0, "reasons_not_targetable": reasons,
		"permission_level": "READ_WRITE", "owner_account_id": x.Account, "deleted": false}
}

func (x *X) all(r *http.Request) *answer {
	q := r.URL.Query()
	count, err := strconv.Atoi(q.Get("count"))
	if q.Get("count") == "" {
		count, err = 200, nil
	}
	if err != nil || count < 1 || count > x.Limits.Page {
		return xError(http.StatusBadRequest, "INVALID_PARAMETER", "count", "Expected a number from 1 to "+strconv.Itoa(x.Limits.Page)+" for count")
	}
	var ids []string
	for id := range x.lists {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	from, _ := slices.BinarySearch(ids, q.Get("cursor"))
	out, next := []any{}, any(nil)
	for _, id := range ids[from:] {
		if len(out) == count {
			next = id
			break
		}
		out = append(out, x.show(x.lists[id]))
	}
	return &answer{status: 200, body: map[string]any{"data": out, "next_cursor": next}}
}

func (x *X) create(r *http.Request) *answer {
	q := r.URL.Query()
	name := q.Get("name")
	if name == "" || len([]rune(name)) > 255 {
		return xError(http.StatusBadRequest, "MISSING_PARAMETER", "name", "\"name\" is a required parameter")
	}
	for _, l := range x.lists {
		if l.name == name {
			return xError(http.StatusBadRequest, "INVALID_PARAMETER", "name", "Expected a unique name, the name is in use")
		}
	}
	x.seq++
	l := &xList{id: strconv.FormatInt(100_000+x.seq, 36), name: name, description: q.Get("description"), members: map[string]time.Time{}, due: x.now().Add(x.Delay)}
	x.lists[l.id] = l
	return &answer{status: http.StatusCreated, body: map[string]any{"data": x.show(l)}}
}

type xUser struct {
	Email   []string `json:"email"`
	Phone   []string `json:"phone_number"`
	Partner []string `json:"partner_user_id"`
}

func (u *xUser) identifiers() (ids []string, wrong string) {
	for _, v := range u.Email {
		if !hashed(v) {
			return nil, "email"
		}
		ids = append(ids, "email:"+v)
	}
	for _, v := range u.Phone {
		if !hashed(v) {
			return nil, "phone_number"
		}
		ids = append(ids, "phone:"+v)
	}
	for _, v := range u.Partner {
		ids = append(ids, "customer:"+v)
	}
	if len(ids) == 0 {
		return nil, "users"
	}
	return ids, ""
}

// users carries all operations out, or none when one is wrong.
func (x *X) users(l *xList, r *http.Request, body []byte) *answer {
	var in []struct {
		Type   string `json:"operation_type"`
		Params struct {
			Users     []xUser    `json:"users"`
			Effective *time.Time `json:"effective_at"`
			Expires   *time.Time `json:"expires_at"`
		} `json:"params"`
	}
	switch {
	case r.Header.Get("Content-Type") != "application/json":
		return xError(http.StatusBadRequest, "INVALID_PARAMETER", "Content-Type", "Expected application/json")
	case len(body) > x.Limits.BodyBytes:
		return xError(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "", "The body is larger than "+strconv.Itoa(x.Limits.BodyBytes)+" bytes")
	case json.Unmarshal(body, &in) != nil:
		return xError(http.StatusBadRequest, "INVALID_PARAMETER", "", "The body is no JSON")
	case len(in) == 0 || len(in) > x.Limits.Operations:
		return xError(http.StatusBadRequest, "REQUEST_TOO_COMPLEX", "", "Expected 1 to "+strconv.Itoa(x.Limits.Operations)+" operations")
	}
	wrong, total := false, 0
	errors := make([][]any, len(in))
	found := make([][][]string, len(in))
	for i, o := range in {
		errors[i] = []any{}
		field := ""
		if o.Type != "Update" && o.Type != "Delete" {
			field = "operation_type"
		} else if len(o.Params.Users) == 0 {
			field = "users"
		}
		for j := range o.Params.Users {
			ids, bad := o.Params.Users[j].identifiers()
			if bad != "" {
				field = bad
			}
			found[i], total = append(found[i], ids), total+1
		}
		if field != "" {
			wrong = true
			errors[i] = []any{map[string]string{"code": "INVALID_PARAMETER", "parameter": field, "message": "Expected another value for " + field}}
		}
	}
	if wrong {
		return &answer{status: http.StatusBadRequest, body: map[string]any{"errors": []any{}, "operation_errors": errors, "request": map[string]any{}}}
	}
	done := 0
	for i, o := range in {
		until := x.now().AddDate(0, x.Limits.Months, 0)
		if e := o.Params.Expires; e != nil && e.Before(until) {
			until = *e
		}
		for _, ids := range found[i] {
			if x.short && done == 1 {
				break
			}
			done++
			for _, id := range ids {
				if u, known := x.find(id); known {
					if o.Type == "Delete" {
						delete(l.members, u)
					} else {
						l.members[u] = until
					}
				}
			}
		}
	}
	l.due = x.now().Add(x.Delay)
	return &answer{status: 200, body: map[string]any{"data": map[string]int{"success_count": done, "total_count": total}, "request": map[string]any{"params": map[string]string{"account_id": x.Account, "custom_audience_id": l.id}}}}
}
