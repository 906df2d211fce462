package ads

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TikTokLimits are what the Marketing API documents: business-api.tiktok.com/portal/docs.
type TikTokLimits struct {
	Rows      int // of a mapping; the reference names none: what connectors in use send
	Name      int // characters of a name: a longer one is cut three before, and dots put at its end
	Lists     int // custom audiences of an advertiser
	Page      int // lists of a page
	PerMinute int // calls of an app at the basic level
	IdleDays  int // a list that does not change expires
	BodyBytes int
}

// TikTokDocumented are the documented limits.
func TikTokDocumented() TikTokLimits {
	return TikTokLimits{Rows: 1000, Name: 70, Lists: 400, Page: 100, PerMinute: 600, IdleDays: 365, BodyBytes: 1 << 20}
}

// TikTok simulates the custom audiences of one advertiser at business-api.tiktok.com.
type TikTok struct {
	base
	Directory
	Account string
	Token   string
	Limits  TikTokLimits
	Delay   time.Duration // how long the size of a list is not known after a change: 24 to 48 hours there

	lists   map[string]*tiktokList
	revoked bool
	seq     int64
}

type tiktokList struct {
	id, name string
	members  map[string]bool
	counted  int       // size as it was told last
	due      time.Time // when it is counted anew
	expires  time.Time
}

// NewTikTok makes an advertiser without lists.
func NewTikTok(account, token string, now func() time.Time) *TikTok {
	return &TikTok{base: base{now: now}, Account: account, Token: token, Limits: TikTokDocumented(), lists: map[string]*tiktokList{}}
}

// Revoke takes the token back, or gives it again.
func (t *TikTok) Revoke(revoked bool) { t.mu.Lock(); t.revoked = revoked; t.mu.Unlock() }

// Drop deletes a list as somebody in the account would.
func (t *TikTok) Drop(id string) { t.mu.Lock(); delete(t.lists, id); t.mu.Unlock() }

// Members are the users in a list; ok is false when there is none.
func (t *TikTok) Members(id string) (users []string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lists[id]
	if l == nil {
		return nil, false
	}
	return slices.Sorted(maps.Keys(l.members)), true
}

// Lists are the ids of the lists, by name.
func (t *TikTok) Lists() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]string{}
	for id, l := range t.lists {
		out[l.name] = id
	}
	return out
}

// answer is TikTok's form of all answers: status 200, and what became of the call in the body.
func (t *TikTok) answer(code int, message string, data any) *answer {
	if data == nil {
		data = struct{}{}
	}
	t.seq++
	return &answer{status: http.StatusOK, body: map[string]any{"code": code, "message": message, "request_id": "2026040100000" + strconv.FormatInt(t.seq, 10), "data": data}}
}

// ServeHTTP answers one call.
func (t *TikTok) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.Trim(r.URL.Path, "/"), "/", 3) // open_api, version, what
	endpoint := r.Method + " " + parts[len(parts)-1]
	t.serve(w, r, endpoint, int64(t.Limits.BodyBytes), func(body []byte) *answer {
		over := t.over("all", t.Limits.PerMinute, time.Minute)
		t.mu.Lock()
		defer t.mu.Unlock()
		token := r.Header.Get("Access-Token")
		switch {
		case token == "":
			return t.answer(40104, "Access token is null", nil)
		case token != t.Token || t.revoked:
			return t.answer(40105, "Access token is incorrect or has been revoked.", nil)
		case over:
			return t.answer(40100, "Too many requests. Please retry in some time.", nil)
		case len(body) > t.Limits.BodyBytes:
			return &answer{status: http.StatusRequestEntityTooLarge}
		}
		q := r.URL.Query()
		if r.Method == http.MethodGet && q.Get("advertiser_id") != t.Account {
			return t.answer(40001, "No permission to operate advertiser "+q.Get("advertiser_id"), nil)
		}
		switch endpoint {
		case "GET dmp/custom_audience/list":
			return t.all(q.Get("page"), q.Get("page_size"))
		case "GET dmp/custom_audience/get":
			var ids []string
			if json.Unmarshal([]byte(q.Get("custom_audience_ids")), &ids) != nil || len(ids) == 0 || len(ids) > t.Limits.Page {
				return t.answer(40002, "custom_audience_ids: Invalid list", nil)
			}
			out := []any{}
			for _, id := range ids {
				if l := t.lists[id]; l != nil {
					out = append(out, map[string]any{"audience_details": t.show(l), "audience_history": []any{}})
				}
			}
			return t.answer(0, "OK", map[string]any{"list": out})
		case "POST segment/audience":
			return t.segment(body)
		case "POST segment/mapping":
			return t.mapping(body)
		}
		return &answer{status: http.StatusNotFound, body: "404 page not found"}
	})
}

func (t *TikTok) show(l *tiktokList) map[string]any {
	if !l.due.IsZero() && !l.due.After(t.now()) {
		l.counted, l.due = len(l.members), time.Time{}
	}
	valid := l.due.IsZero() && l.counted > 0 && l.expires.After(t.now())
	return map[string]any{"audience_id": l.id, "name": l.name, "audience_type": "Partner", "cover_num": l.counted, "is_valid": valid, "is_creator": true, "shared": false,
		"expired_time": l.expires.UTC().Format(time.DateTime), "is_expiring": l.expires.Sub(t.now()) < 60*24*time.Hour}
}

func (t *TikTok) all(number, size string) *answer {
	n, err := strconv.Atoi(number)
	per, err2 := strconv.Atoi(size)
	if err != nil || err2 != nil || n < 1 || per < 1 || per > t.Limits.Page {
		return t.answer(40002, "page_size: Invalid value, must be between 1 and "+strconv.Itoa(t.Limits.Page), nil)
	}
	var ids []string
	for id := range t.lists {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := []any{}
	for i := (n - 1) * per; i < min(n*per, len(ids)); i++ {
		out = append(out, t.show(t.lists[ids[i]]))
	}
	return t.answer(0, "OK", map[string]any{"list": out, "page_info": map[string]int{"page": n, "page_size": per, "total_number": len(ids), "total_page": (len(ids) + per - 1) / per}})
}

func (t *TikTok) touch(l *tiktokList) {
	l.due, l.expires = t.now().Add(t.Delay), t.now().AddDate(0, 0, t.Limits.IdleDays)
}

// segment makes or deletes a list.
func (t *TikTok) segment(body []byte) *answer {
	var in struct {
		Advertiser string `json:"advertiser_id"`
		Action     string `json:"action"`
		Name       string `json:"custom_audience_name"`
		Delete     string `json:"delete_audience_id"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return t.answer(40002, "The body is no JSON.", nil)
	}
	switch {
	case in.Advertiser != t.Account:
		return t.answer(40001, "No permission to operate advertiser "+in.Advertiser, nil)
	case in.Action == "delete":
		if t.lists[in.Delete] == nil {
			return t.answer(40002, "delete_audience_id: audience does not exist", nil)
		}
		delete(t.lists, in.Delete)
		return t.answer(0, "OK", map[string]string{"audience_id": in.Delete})
	case in.Action != "create" && in.Action != "":
		return t.answer(40002, "action: Not a valid choice", nil)
	case in.Name == "":
		return t.answer(40002, "custom_audience_name: Missing data for required field", nil)
	case len(t.lists) >= t.Limits.Lists:
		return t.answer(40002, "The number of audiences has reached the upper limit.", nil)
	}
	if name := []rune(in.Name); len(name) > t.Limits.Name {
		in.Name = string(name[:t.Limits.Name-3]) + "..."
	}
	t.seq++
	l := &tiktokList{id: strconv.FormatInt(7_100_000_000_000_000_000+t.seq, 10), name: in.Name, members: map[string]bool{}}
	t.touch(l)
	t.lists[l.id] = l
	return t.answer(0, "OK", map[string]string{"audience_id": l.id})
}

var tiktokSchema = map[string]string{"EMAIL_SHA256": "email", "PHONE_SHA256": "phone", "IDFA_SHA256": "idfa", "AAID_SHA256": "aaid"}

// mapping adds or takes out. A call with anything wrong is refused whole: the reference does not say, and so nothing relies on parts of it.
func (t *TikTok) mapping(body []byte) *answer {
	var in struct {
		Advertisers []string `json:"advertiser_ids"`
		Action      string   `json:"action"`
		Schema      []string `json:"id_schema"`
		Data        [][]struct {
			ID        string   `json:"id"`
			Audiences []string `json:"audience_ids"`
		} `json:"batch_data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return t.answer(40002, "The body is no JSON.", nil)
	}
	switch {
	case !slices.Equal(in.Advertisers, []string{t.Account}):
		return t.answer(40001, "No permission to operate the advertisers", nil)
	case in.Action != "add" && in.Action != "delete":
		return t.answer(40002, "action: Not a valid choice", nil)
	case len(in.Data) == 0 || len(in.Data) > t.Limits.Rows:
		return t.answer(40002, "batch_data: Invalid length", nil)
	case len(in.Schema) == 0:
		return t.answer(40002, "id_schema: Missing data for required field", nil)
	}
	for i, s := range in.Schema {
		if tiktokSchema[s] == "" || slices.Index(in.Schema, s) != i {
			return t.answer(40002, "id_schema: Not a valid choice, or given twice", nil)
		}
	}
	for i, row := range in.Data {
		filled := 0
		if len(row) != len(in.Schema) {
			return t.answer(40002, "batch_data."+strconv.Itoa(i)+": does not have the length of id_schema", nil)
		}
		for _, c := range row {
			if c.ID == "" {
				continue
			}
			filled++
			if !hashed(c.ID) || len(c.Audiences) == 0 {
				return t.answer(40002, "batch_data."+strconv.Itoa(i)+": is not hashed or has no audience_ids", nil)
			}
			for _, id := range c.Audiences {
				if l := t.lists[id]; l == nil || !l.expires.After(t.now()) {
					return t.answer(40002, "batch_data."+strconv.Itoa(i)+": audience_ids: audience does not exist", nil)
				}
			}
		}
		if filled == 0 {
			return t.answer(40002, "batch_data."+strconv.Itoa(i)+": is empty", nil)
		}
	}
	for _, row := range in.Data {
		for j, c := range row {
			u, known := t.find(tiktokSchema[in.Schema[j]] + ":" + c.ID)
			for _, id := range c.Audiences {
				l := t.lists[id]
				t.touch(l)
				switch {
				case !known:
				case in.Action == "add":
					l.members[u] = true
				default:
					delete(l.members, u)
				}
			}
		}
	}
	return t.answer(0, "OK", nil)
}
