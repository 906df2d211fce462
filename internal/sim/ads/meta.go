package ads

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MetaLimits are what the Marketing API documents.
type MetaLimits struct {
	Rows      int // of a call: developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
	PerHour   int // calls of an account about its lists; the reference gives a formula whose least value this is
	BodyBytes int
}

// MetaDocumented are the documented limits.
func MetaDocumented() MetaLimits {
	return MetaLimits{Rows: 10_000, PerHour: 190_000, BodyBytes: 32 << 20}
}

// Meta simulates the custom audiences of one advertising account at graph.facebook.com.
type Meta struct {
	base
	Directory
	Account string // without act_
	Token   string
	Secret  string // of the app, which demands that calls prove it; empty: it does not
	Terms   bool   // the account has accepted the terms of custom audiences
	Limits  MetaLimits

	lists   map[string]*metaList
	revoked bool
	hidden  bool // the account is not assigned to the token
	seq     int64
}

type metaList struct {
	id, name, description string
	values                bool
	members               map[string]string // user and value
	flagged               bool
}

// NewMeta makes an account without lists.
func NewMeta(account, token string, now func() time.Time) *Meta {
	return &Meta{base: base{now: now}, Account: account, Token: token, Terms: true, Limits: MetaDocumented(), lists: map[string]*metaList{}}
}

// Revoke takes the token back, or gives it again.
func (m *Meta) Revoke(revoked bool) { m.mu.Lock(); m.revoked = revoked; m.mu.Unlock() }

// Unassign hides the advertising account from the token, as Meta answers then.
func (m *Meta) Unassign(hidden bool) { m.mu.Lock(); m.hidden = hidden; m.mu.Unlock() }

// Drop deletes a list as somebody in the account would.
func (m *Meta) Drop(id string) { m.mu.Lock(); delete(m.lists, id); m.mu.Unlock() }

// Flag marks a list as one that may tell of health or money: it takes nobody any more (operation_status 471).
func (m *Meta) Flag(id string) { m.mu.Lock(); m.lists[id].flagged = true; m.mu.Unlock() }

// Members are the users in a list with their values; ok is false when there is none.
func (m *Meta) Members(id string) (users map[string]string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lists[id]
	if l == nil {
		return nil, false
	}
	users = make(map[string]string, len(l.members))
	for u, v := range l.members {
		users[u] = v
	}
	return users, true
}

// Lists are the ids of the lists, by name.
func (m *Meta) Lists() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]string{}
	for id, l := range m.lists {
		out[l.name] = id
	}
	return out
}

func metaError(status, code, subcode int, format string, args ...any) *answer {
	return &answer{status: status, body: map[string]any{"error": map[string]any{"message": fmt.Sprintf(format, args...), "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A0000000000"}}}
}

var metaVersion = regexp.MustCompile(`^/v\d+\.\d+/`)

// metaProof is what developers.facebook.com/docs/graph-api/guides/secure-requests describes.
func metaProof(token, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// ServeHTTP answers one call.
func (m *Meta) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if v := metaVersion.FindString(path); v != "" {
		path = path[len(v)-1:]
	}
	id, what, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	endpoint := r.Method + " " + what
	if what == "" {
		endpoint = r.Method + " list"
	}
	m.serve(w, r, endpoint, int64(m.Limits.BodyBytes), func(body []byte) *answer {
		m.mu.Lock()
		revoked := m.revoked
		m.mu.Unlock()
		if bearer(r) != m.Token || revoked {
			return metaError(http.StatusBadRequest, 190, 460, "Error validating access token: The session has been invalidated.")
		}
		if m.Secret != "" {
			if given := r.URL.Query().Get("appsecret_proof"); given == "" {
				return metaError(http.StatusBadRequest, 100, 0, "API calls from the server require an appsecret_proof argument")
			} else if given != metaProof(m.Token, m.Secret) {
				return metaError(http.StatusBadRequest, 100, 0, "Invalid appsecret_proof provided in the API argument")
			}
		}
		if m.over("all", m.Limits.PerHour, time.Hour) {
			a := metaError(http.StatusBadRequest, 80003, 2446079, "There have been too many calls to this ad-account. Wait a bit and try again.")
			a.header = map[string]string{"X-Business-Use-Case-Usage": fmt.Sprintf(`{"%s":[{"type":"custom_audience","call_count":100,"estimated_time_to_regain_access":5}]}`, m.Account)}
			return a
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if id == "act_"+m.Account && !m.hidden && what == "customaudiences" {
			return m.all(r, body)
		}
		l := m.lists[id]
		if l == nil || m.hidden {
			return metaError(http.StatusBadRequest, 100, 33, "Unsupported request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation.", id)
		}
		switch {
		case what == "users" && (r.Method == http.MethodPost || r.Method == http.MethodDelete):
			return m.users(l, body, r.Method == http.MethodDelete)
		case what == "" && r.Method == http.MethodDelete:
			delete(m.lists, id)
			return &answer{status: 200, body: map[string]bool{"success": true}}
		case what == "" && r.Method == http.MethodGet:
			return &answer{status: 200, body: m.show(l)}
		}
		return metaError(http.StatusBadRequest, 2500, 0, "Unknown path components: /%s", what)
	})
}

func (m *Meta) show(l *metaList) map[string]any {
	op := map[string]any{"code": 200, "description": "Normal"}
	if l.flagged {
		op = map[string]any{"code": 471, "description": "We've flagged this custom audience because it may violate our terms."}
	}
	n := len(l.members)
	if n < 1000 { // a range is told: developers.facebook.com/docs/marketing-api/reference/custom-audience
		n = 1000
	}
	return map[string]any{"id": l.id, "name": l.name, "description": l.description, "approximate_count_lower_bound": len(l.members), "approximate_count_upper_bound": n, "operation_status": op}
}

func (m *Meta) all(r *http.Request, body []byte) *answer {
	if r.Method == http.MethodGet {
		out := []any{}
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		ids := make([]string, 0, len(m.lists))
		for id := range m.lists {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		const page = 25
		for i := after; i < min(after+page, len(ids)); i++ {
			out = append(out, m.show(m.lists[ids[i]]))
		}
		paging := map[string]any{"cursors": map[string]string{"after": strconv.Itoa(after + len(out))}}
		if after+page < len(ids) {
			paging["next"] = "more"
		}
		return &answer{status: 200, body: map[string]any{"data": out, "paging": paging}}
	}
	var in struct {
		Name, Description, Subtype string
		IsValueBased               bool   `json:"is_value_based"`
		Source                     string `json:"customer_file_source"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return metaError(400, 100, 0, "(#100) The body cannot be read.")
	}
	switch {
	case !m.Terms:
		return metaError(400, 200, 1870090, "To create or edit an audience with a customer list, accept the Custom Audience terms.")
	case in.Name == "" || in.Subtype != "CUSTOM":
		return metaError(400, 100, 0, "(#100) name and subtype are required.")
	case !slices.Contains([]string{"USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED"}, in.Source):
		return metaError(400, 100, 1713098, "(#100) The customer_file_source parameter is required.")
	}
	m.seq++
	l := &metaList{id: strconv.FormatInt(23_850_000_000_000_000+m.seq, 10), name: in.Name, description: in.Description, values: in.IsValueBased, members: map[string]string{}}
	m.lists[l.id] = l
	return &answer{status: 200, body: map[string]string{"id": l.id}}
}

var metaSchema = []string{"EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "COUNTRY", "MADID", "LOOKALIKE_VALUE"}

// users adds or takes out rows. A row that cannot be read is counted and the others are taken.
func (m *Meta) users(l *metaList, body []byte, remove bool) *answer {
	var in struct {
		Payload struct {
			Schema []string
			Data   [][]any
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return metaError(400, 100, 0, "(#100) The payload cannot be read.")
	}
	switch {
	case !m.Terms:
		return metaError(400, 200, 1870090, "To create or edit an audience with a customer list, accept the Custom Audience terms.")
	case l.flagged && !remove:
		return metaError(400, 2654, 1713231, "This audience has been flagged and cannot be edited.")
	case len(in.Payload.Data) == 0 || len(in.Payload.Data) > m.Limits.Rows:
		return metaError(400, 2650, 0, "(#2650) A call has 1 to %d rows.", m.Limits.Rows)
	}
	for _, s := range in.Payload.Schema {
		if !slices.Contains(metaSchema, s) {
			return metaError(400, 100, 0, "(#100) Param payload[schema] must be one of %v.", metaSchema)
		}
	}
	bad := 0
	for _, row := range in.Payload.Data {
		ids, value, ok := metaRow(in.Payload.Schema, row)
		if !ok {
			bad++
			continue
		}
		for _, id := range ids {
			if u, ok := m.find(id); ok {
				if remove {
					delete(l.members, u)
				} else {
					l.members[u] = value
				}
			}
		}
	}
	return &answer{status: 200, body: map[string]any{"audience_id": l.id, "session_id": "1", "num_received": len(in.Payload.Data), "num_invalid_entries": bad, "invalid_entry_samples": map[string]any{}}}
}

// metaRow are the identifiers of a row; names count with a postal code alone.
func metaRow(schema []string, row []any) (ids []string, value string, ok bool) {
	if len(row) != len(schema) {
		return nil, "", false
	}
	f := map[string]string{}
	for i, s := range schema {
		text := fmt.Sprint(row[i])
		if s != "EXTERN_ID" && s != "MADID" && s != "LOOKALIKE_VALUE" && text != "" && !hashed(text) {
			return nil, "", false
		}
		f[s] = text
	}
	if f["EMAIL"] != "" {
		ids = append(ids, "email:"+f["EMAIL"])
	}
	if f["PHONE"] != "" {
		ids = append(ids, "phone:"+f["PHONE"])
	}
	if f["EXTERN_ID"] != "" {
		ids = append(ids, "customer:"+f["EXTERN_ID"])
	}
	if f["LN"] != "" && f["FN"] != "" && f["ZIP"] != "" {
		ids = append(ids, "name:"+strings.Join([]string{f["LN"], f["FN"], f["ZIP"]}, "|"))
	}
	return ids, f["LOOKALIKE_VALUE"], len(ids) > 0
}
