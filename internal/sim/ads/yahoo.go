package ads

import (
	"bytes"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// YahooLimits are what the display ads API and its help document: github.com/yahoojp-marketing/ads-display-api-documents (v19), ads-help.yahoo-net.jp (顧客データのインポート).
type YahooLimits struct {
	FileBytes    int // of an upload
	LeastRows    int // of an upload
	Page         int // lists of a page
	Days         int // that customer data may stay
	NameRunes    int // of a list; the reference of other names has this, of lists it says none
	TokenSeconds int // an access token lives
	PerMinute    int // calls of an account; not documented, chosen
}

// YahooDocumented are the documented limits.
func YahooDocumented() YahooLimits {
	return YahooLimits{FileBytes: 1 << 30, LeastRows: 100, Page: 1000, Days: 180, NameRunes: 100, TokenSeconds: 3600, PerMinute: 600}
}

// Yahoo simulates the audience lists of one account at ads-display.yahooapis.jp, and the token endpoint of biz-oauth.yahoo.co.jp.
type Yahoo struct {
	base
	Directory
	Account, Login      string // ids of the account and of the one that the person belongs to
	ID, Secret, Refresh string // of the application, and the person's token
	Test                bool   // a test account, which takes no files
	Limits              YahooLimits

	lists   map[string]*yahooList
	tokens  map[string]time.Time
	jobs    map[string]*yahooJob
	revoked bool
	fail    int
	seq     int64
}

type yahooList struct {
	id, name, description string
	days                  int
	used                  bool // by an ad group
	members               map[string]time.Time
}

type yahooJob struct {
	id, list, status string
	file             []byte
	asked            bool
}

// NewYahoo makes an account without lists.
func NewYahoo(account, login, id, secret, refresh string, now func() time.Time) *Yahoo {
	return &Yahoo{base: base{now: now}, Account: account, Login: login, ID: id, Secret: secret, Refresh: refresh, Limits: YahooDocumented(), lists: map[string]*yahooList{}, tokens: map[string]time.Time{}, jobs: map[string]*yahooJob{}}
}

// Revoke takes the refresh token back, with its access tokens, or gives it again.
func (y *Yahoo) Revoke(revoked bool) {
	y.mu.Lock()
	y.revoked, y.tokens = revoked, map[string]time.Time{}
	y.mu.Unlock()
}

// Forget ends all access tokens, as Yahoo! does after their time.
func (y *Yahoo) Forget() { y.mu.Lock(); y.tokens = map[string]time.Time{}; y.mu.Unlock() }

// Drop deletes a list as somebody in the account would.
func (y *Yahoo) Drop(id string) { y.mu.Lock(); delete(y.lists, id); y.mu.Unlock() }

// Use sets a list to an ad group, or takes it from there.
func (y *Yahoo) Use(id string, used bool) { y.mu.Lock(); y.lists[id].used = used; y.mu.Unlock() }

// FailUploads lets coming uploads fail.
func (y *Yahoo) FailUploads(n int) { y.mu.Lock(); y.fail = n; y.mu.Unlock() }

// Members are the users in a list; ok is false when there is none.
func (y *Yahoo) Members(id string) (users []string, ok bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	l := y.lists[id]
	if l == nil {
		return nil, false
	}
	return y.in(l), true
}

func (y *Yahoo) in(l *yahooList) (users []string) {
	for u, at := range l.members {
		if y.now().Sub(at) < time.Duration(l.days)*24*time.Hour {
			users = append(users, u)
		}
	}
	slices.Sort(users)
	return users
}

// Lists are the ids of the lists, by name.
func (y *Yahoo) Lists() map[string]string {
	y.mu.Lock()
	defer y.mu.Unlock()
	out := map[string]string{}
	for id, l := range y.lists {
		out[l.name] = id
	}
	return out
}

func yahooFault(code, message string) []map[string]any {
	return []map[string]any{{"code": code, "message": message, "details": nil}}
}

func yahooError(status int, code, message string) *answer {
	return &answer{status: status, body: map[string]any{"rid": "1", "errors": yahooFault(code, message), "rval": nil}}
}

func yahooAnswer(values []any, total int) *answer {
	return &answer{status: http.StatusOK, body: map[string]any{"rid": "1", "errors": nil, "rval": map[string]any{"totalNumEntries": total, "values": values}}}
}

// refusedOne is an answer of status 200 whose object was not taken.
func refusedOne(code, message string) *answer {
	return yahooAnswer([]any{map[string]any{"operationSucceeded": false, "errors": yahooFault(code, message)}}, 1)
}

// ServeHTTP answers one call.
func (y *Yahoo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint := path.Base(r.URL.Path)
	y.serve(w, r, endpoint, int64(y.Limits.FileBytes)+(1<<20), func(body []byte) *answer {
		if r.URL.Path == "/oauth/v1/token" {
			return y.token(body)
		}
		over := y.over("all", y.Limits.PerMinute, time.Minute)
		y.mu.Lock()
		defer y.mu.Unlock()
		switch {
		case !y.tokens[bearer(r)].After(y.now()):
			return yahooError(http.StatusUnauthorized, "0111", "Invalid access token.")
		case over:
			return &answer{status: http.StatusTooManyRequests, body: yahooError(0, "0018", "Too many requests.").body, header: map[string]string{"Retry-After": "60"}}
		case r.Header.Get("x-z-base-account-id") != y.Login:
			return yahooError(http.StatusBadRequest, "0114", "Invalid scope.")
		case !strings.Contains(r.URL.Path, "/AudienceListService/") || r.Method != http.MethodPost:
			return &answer{status: http.StatusNotFound}
		case endpoint == "uploadUserList":
			return y.uploaded(r, body)
		}
		var in struct {
			AccountID      int64    `json:"accountId"`
			StartIndex     int      `json:"startIndex"`
			NumberResults  *int     `json:"numberResults"`
			AudienceLists  []int64  `json:"audienceListIds"`
			AudienceListID int64    `json:"audienceListId"`
			UploadJobIDs   []string `json:"uploadJobIds"`
			Operand        []struct {
				ID          int64  `json:"audienceListId"`
				Name        string `json:"audienceListName"`
				Description string `json:"description"`
				Content     struct {
					Type     string `json:"audienceListType"`
					Customer struct {
						Days int `json:"dataDuration"`
					} `json:"customerDataAudienceList"`
				} `json:"audienceListContent"`
			} `json:"operand"`
		}
		if err := json.Unmarshal(body, &in); err != nil || strconv.FormatInt(in.AccountID, 10) != y.Account {
			return yahooError(http.StatusOK, "V0001", "Invalid value.")
		}
		switch endpoint {
		case "get":
			if in.NumberResults != nil && (*in.NumberResults < 1 || *in.NumberResults > y.Limits.Page) {
				return yahooError(http.StatusOK, "V0001", "Invalid value.")
			}
			return y.get(in.StartIndex, in.NumberResults, in.AudienceLists)
		case "add":
			if len(in.Operand) != 1 {
				return yahooError(http.StatusOK, "L0002", "Over list size.")
			}
			o := &in.Operand[0]
			switch {
			case o.Name == "" || o.Content.Type != "CUSTOMER_DATA":
				return refusedOne("R0001", "Require.")
			case o.Content.Customer.Days < 1 || o.Content.Customer.Days > y.Limits.Days || utf8.RuneCountInString(o.Name) > y.Limits.NameRunes:
				return refusedOne("V0001", "Invalid value.")
			}
			for _, l := range y.lists {
				if l.name == o.Name {
					return refusedOne("D0001", "Duplicate.")
				}
			}
			y.seq++
			l := &yahooList{id: strconv.FormatInt(7_000_000+y.seq, 10), name: o.Name, description: o.Description, days: o.Content.Customer.Days, members: map[string]time.Time{}}
			y.lists[l.id] = l
			return yahooAnswer([]any{y.show(l)}, 1)
		case "remove":
			if len(in.Operand) != 1 {
				return yahooError(http.StatusOK, "L0002", "Over list size.")
			}
			l := y.lists[strconv.FormatInt(in.Operand[0].ID, 10)]
			if l == nil {
				return refusedOne("110005", "Not a valid id.")
			}
			if l.used {
				return refusedOne("211008", "Cannot remove a audience list set to AdGroup.")
			}
			delete(y.lists, l.id)
			return yahooAnswer([]any{y.show(l)}, 1)
		case "getUploadUserListStatus":
			var out []any
			for _, id := range in.UploadJobIDs {
				if j := y.jobs[id]; j != nil && j.list == strconv.FormatInt(in.AudienceListID, 10) {
					y.work(j)
					out = append(out, map[string]any{"operationSucceeded": true, "errors": nil, "uploadUserListJob": map[string]any{"uploadJobId": j.id, "audienceListId": in.AudienceListID, "jobStatus": j.status}})
				}
			}
			return yahooAnswer(out, len(out))
		}
		return &answer{status: http.StatusNotFound}
	})
}

func (y *Yahoo) token(body []byte) *answer {
	form, err := parseForm(body)
	if err != nil || form.Get("grant_type") != "refresh_token" || form.Get("client_id") != y.ID || form.Get("client_secret") != y.Secret {
		return &answer{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_client"}}
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.revoked || form.Get("refresh_token") != y.Refresh {
		return &answer{status: http.StatusBadRequest, body: map[string]string{"error": "invalid_grant"}}
	}
	token := rand.Text()
	y.tokens[token] = y.now().Add(time.Duration(y.Limits.TokenSeconds) * time.Second)
	return &answer{status: http.StatusOK, body: map[string]any{"access_token": token, "token_type": "bearer", "expires_in": y.Limits.TokenSeconds}}
}

func (y *Yahoo) show(l *yahooList) map[string]any {
	id, _ := strconv.ParseInt(l.id, 10, 64)
	return map[string]any{"operationSucceeded": true, "errors": nil, "audienceList": map[string]any{"audienceListId": id, "audienceListName": l.name, "description": l.description, "reach": len(y.in(l)),
		"audienceListContent": map[string]any{"audienceListType": "CUSTOMER_DATA", "customerDataAudienceList": map[string]any{"dataDuration": l.days}}}}
}

func (y *Yahoo) get(start int, number *int, ids []int64) *answer {
	var all []string
	for id := range y.lists {
		n, _ := strconv.ParseInt(id, 10, 64)
		if len(ids) == 0 || slices.Contains(ids, n) {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	most := y.Limits.Page
	if number != nil {
		most = *number
	}
	out := []any{}
	for i := max(0, start-1); i < min(len(all), max(0, start-1)+most); i++ {
		out = append(out, y.show(y.lists[all[i]]))
	}
	return yahooAnswer(out, len(all))
}

// uploaded takes a file; what is in it is looked at later.
func (y *Yahoo) uploaded(r *http.Request, body []byte) *answer {
	q := r.URL.Query()
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	l := y.lists[q.Get("audienceListId")]
	switch {
	case y.Test:
		return yahooError(http.StatusOK, "0200", "The action is unavailable for test account.")
	case r.ContentLength < 0: // chunks are not supported: ads-developers.yahoo.co.jp (AudienceListService of the scripts)
		return &answer{status: http.StatusLengthRequired}
	case q.Get("accountId") != y.Account || !slices.Contains([]string{"IDFA", "AAID", "MAIL_ADDRESS_AND_PHONE_NUMBER"}, q.Get("uploadType")) || q.Get("compressType") != "NONE":
		return yahooError(http.StatusOK, "V0001", "Invalid value.")
	case l == nil:
		return yahooError(http.StatusOK, "110005", "Not a valid id.")
	case err != nil || params["boundary"] == "":
		return yahooError(http.StatusOK, "F0001", "Invalid format.")
	}
	part, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextPart()
	if err != nil || part.FormName() != "file" {
		return yahooError(http.StatusOK, "R0001", "Require.")
	}
	file, err := io.ReadAll(part)
	if err != nil {
		return yahooError(http.StatusOK, "F0001", "Invalid format.")
	}
	y.seq++
	j := &yahooJob{id: strconv.FormatInt(y.seq, 10), list: l.id, status: "RECEIVING", file: file}
	if y.fail > 0 {
		y.fail--
		j.file = nil
	}
	y.jobs[j.id] = j
	return yahooAnswer([]any{map[string]any{"operationSucceeded": true, "errors": nil, "uploadUserListJob": map[string]any{"uploadJobId": j.id, "jobStatus": j.status}}}, 1)
}

// work carries an upload out when it is asked for the second time.
func (y *Yahoo) work(j *yahooJob) {
	if j.status != "RECEIVING" || !j.asked {
		j.asked = true
		return
	}
	l := y.lists[j.list]
	if j.file == nil || l == nil {
		j.status = "FAILED"
		return
	}
	j.status = "INVALID_FILE"
	if len(j.file) > y.Limits.FileBytes || !utf8.Valid(j.file) || bytes.HasPrefix(j.file, []byte("\ufeff")) {
		return
	}
	all, err := csv.NewReader(bytes.NewReader(j.file)).ReadAll()
	if err != nil || len(all) == 0 || len(all)-1 < y.Limits.LeastRows {
		return
	}
	kinds := make([]string, len(all[0]))
	for i, heading := range all[0] {
		kind, ok := map[string]string{"Email": "email", "Phone": "phone"}[heading]
		if !ok {
			return
		}
		kinds[i] = kind
	}
	for _, row := range all[1:] {
		for _, v := range row {
			if v != "" && !hashed(v) {
				return
			}
		}
	}
	for _, row := range all[1:] {
		for i, v := range row {
			if u, ok := y.find(kinds[i] + ":" + v); ok && v != "" {
				l.members[u] = y.now()
			}
		}
	}
	j.status, j.file = "RECEIVED", nil
}
