package ads

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// GoogleLimits are what the Data Manager API documents.
type GoogleLimits struct {
	Members     int // of a request: developers.google.com/data-manager/api/limits
	Identifiers int // of a member: .../reference/rest/v1/UserData
	PerMinute   int // requests of a project
	MaxDays     int // a member stays: 540
	BodyBytes   int
}

// GoogleDocumented are the documented limits. PerMinute is the default quota of a new project; the reference names none for a method.
func GoogleDocumented() GoogleLimits {
	return GoogleLimits{Members: 10_000, Identifiers: 10, PerMinute: 300, MaxDays: 540, BodyBytes: 64 << 20}
}

// Google simulates datamanager.googleapis.com and the token endpoint of service accounts (POST /token).
type Google struct {
	base
	Directory
	Account string // the advertiser's id
	Limits  GoogleLimits
	Delay   time.Duration // how long a request is worked at
	Terms   bool          // the account has accepted the terms of Customer Match

	lists   map[string]*googleList
	work    []*googleRequest // in order
	byID    map[string]*googleRequest
	tokens  map[string]time.Time
	revoked bool
	seq     int64
}

type googleList struct {
	id, name, code string
	days           int
	members        map[string]time.Time // until when
}

type googleRequest struct {
	id, list  string
	remove    bool
	members   [][]string
	due       time.Time
	processed bool
	bad       int
}

// NewGoogle makes an account that nobody is listed at.
func NewGoogle(account string, now func() time.Time) *Google {
	return &Google{base: base{now: now}, Account: account, Limits: GoogleDocumented(), Terms: true, lists: map[string]*googleList{}, byID: map[string]*googleRequest{}, tokens: map[string]time.Time{}}
}

// Revoke takes the access of the service account back, or gives it again.
func (g *Google) Revoke(revoked bool) {
	g.mu.Lock()
	g.revoked, g.tokens = revoked, map[string]time.Time{}
	g.mu.Unlock()
}

// Drop deletes a list as somebody in the account would.
func (g *Google) Drop(id string) { g.mu.Lock(); delete(g.lists, id); g.mu.Unlock() }

// Members are the users in a list now; ok is false when there is none.
func (g *Google) Members(id string) (users []string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.process()
	l := g.lists[id]
	if l == nil {
		return nil, false
	}
	for u, until := range l.members {
		if until.After(g.now()) {
			users = append(users, u)
		}
	}
	return users, true
}

// Lists are the ids of the lists, by display name.
func (g *Google) Lists() map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]string{}
	for id, l := range g.lists {
		out[l.name] = id
	}
	return out
}

// process carries out what is due, in order; mu is held.
func (g *Google) process() {
	rest := g.work[:0]
	for _, r := range g.work {
		if r.due.After(g.now()) {
			rest = append(rest, r)
			continue
		}
		r.processed = true
		l := g.lists[r.list]
		if l == nil {
			r.bad, r.members = len(r.members), nil
			continue
		}
		for _, ids := range r.members {
			for _, id := range ids {
				if u, ok := g.find(id); ok {
					if r.remove {
						delete(l.members, u)
					} else {
						l.members[u] = g.now().AddDate(0, 0, l.days)
					}
				}
			}
		}
	}
	g.work = rest
}

func googleError(status int, code, format string, args ...any) *answer {
	return &answer{status: status, body: map[string]any{"error": map[string]any{"code": status, "status": code, "message": fmt.Sprintf(format, args...)}}}
}

// googleField is a violation of a field, as google.rpc.BadRequest tells it.
func googleField(field, reason, format string, args ...any) *answer {
	text := fmt.Sprintf(format, args...)
	return &answer{status: http.StatusBadRequest, body: map[string]any{"error": map[string]any{"code": 400, "status": "INVALID_ARGUMENT", "message": "There was a problem with the request.",
		"details": []any{map[string]any{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []any{map[string]any{"field": field, "reason": reason, "description": text}}}}}}}
}

var googleLists = regexp.MustCompile(`^/v1/accountTypes/GOOGLE_ADS/accounts/([^/]+)/userLists(?:/([^/]+))?$`)

// ServeHTTP answers one call.
func (g *Google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint := strings.TrimPrefix(r.URL.Path, "/v1/")
	lists := googleLists.FindStringSubmatch(r.URL.Path)
	if lists != nil {
		endpoint = "userLists " + r.Method
	}
	g.serve(w, r, endpoint, int64(g.Limits.BodyBytes), func(body []byte) *answer {
		if r.URL.Path == "/token" {
			return g.token(r, body)
		}
		g.mu.Lock()
		until, known := g.tokens[bearer(r)]
		g.mu.Unlock()
		if !known || !until.After(g.now()) {
			return googleError(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
		}
		if g.over("all", g.Limits.PerMinute, time.Minute) {
			a := googleError(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'.")
			a.header = map[string]string{"Retry-After": "60"}
			return a
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.process()
		switch {
		case lists != nil:
			return g.userLists(r, lists[1], lists[2], body)
		case r.URL.Path == "/v1/audienceMembers:ingest" && r.Method == http.MethodPost:
			return g.change(body, false)
		case r.URL.Path == "/v1/audienceMembers:remove" && r.Method == http.MethodPost:
			return g.change(body, true)
		case r.URL.Path == "/v1/requestStatus:retrieve" && r.Method == http.MethodGet:
			return g.status(r.URL.Query().Get("requestId"))
		}
		return googleError(http.StatusNotFound, "NOT_FOUND", "Method not found.")
	})
}

// token is RFC 7523: an assertion that the service account signed becomes an access token of an hour. The signature is not looked at, the scope is.
func (g *Google) token(r *http.Request, body []byte) *answer {
	refuse := func(code, text string) *answer {
		return &answer{status: http.StatusBadRequest, body: map[string]string{"error": code, "error_description": text}}
	}
	form, err := parseForm(body)
	if err != nil || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return refuse("unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type"))
	}
	parts := strings.Split(form.Get("assertion"), ".")
	var claims struct {
		Scope string `json:"scope"`
		Iss   string `json:"iss"`
	}
	if len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(raw, &claims) // what is missing is refused below
		}
	}
	if claims.Iss == "" || !strings.Contains(claims.Scope, "https://www.googleapis.com/auth/datamanager") {
		return refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.revoked {
		return refuse("invalid_grant", "Invalid grant: account not found")
	}
	token := rand.Text()
	g.tokens[token] = g.now().Add(time.Hour)
	return &answer{status: http.StatusOK, body: map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3599}}
}

func (g *Google) show(l *googleList) map[string]any {
	n := 0
	for _, until := range l.members {
		if until.After(g.now()) {
			n++
		}
	}
	name := "accountTypes/GOOGLE_ADS/accounts/" + g.Account + "/userLists/" + l.id
	return map[string]any{"name": name, "id": l.id, "displayName": l.name, "integrationCode": l.code, "membershipStatus": "OPEN", "membershipDuration": strconv.Itoa(l.days*86400) + "s", "readOnly": false,
		"sizeInfo": map[string]string{"displayNetworkMembersCount": strconv.Itoa(n), "searchNetworkMembersCount": strconv.Itoa(n)}, "ingestedUserListInfo": map[string]any{"uploadKeyTypes": []string{"CONTACT_ID"}}}
}

var googleFilter = regexp.MustCompile(`^integration_code = "([^"]*)"$`)

func (g *Google) userLists(r *http.Request, account, id string, body []byte) *answer {
	if account != g.Account {
		return googleError(http.StatusForbidden, "PERMISSION_DENIED", "The caller does not have permission.")
	}
	switch {
	case r.Method == http.MethodPost && id == "":
		var in struct {
			DisplayName, Description, IntegrationCode, MembershipDuration string
			IngestedUserListInfo                                          struct {
				UploadKeyTypes []string
				ContactIdInfo  struct{ DataSourceType string }
			}
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return googleError(400, "INVALID_ARGUMENT", "Invalid JSON payload received. %v", err)
		}
		seconds, err := strconv.Atoi(strings.TrimSuffix(in.MembershipDuration, "s"))
		days := seconds / 86400
		switch {
		case in.DisplayName == "":
			return googleField("user_list.display_name", "REQUIRED_FIELD_MISSING", "The required field was not present.")
		case err != nil || seconds%86400 != 0 || days < 1 || days > g.Limits.MaxDays:
			return googleField("user_list.membership_duration", "INVALID_MEMBERSHIP_DURATION", "A duration is a multiple of 24 hours and at most %d days.", g.Limits.MaxDays)
		case len(in.IngestedUserListInfo.UploadKeyTypes) != 1 || in.IngestedUserListInfo.UploadKeyTypes[0] != "CONTACT_ID":
			return googleField("user_list.ingested_user_list_info.upload_key_types", "INVALID_UPLOAD_KEY_TYPES", "This account may make lists of contact ids.")
		}
		for _, l := range g.lists {
			if l.name == in.DisplayName {
				return googleField("user_list.display_name", "USER_LIST_NAME_ALREADY_USED", "The name is already being used by another user list.")
			}
		}
		g.seq++
		l := &googleList{id: strconv.FormatInt(7_000_000_000+g.seq, 10), name: in.DisplayName, code: in.IntegrationCode, days: days, members: map[string]time.Time{}}
		g.lists[l.id] = l
		return &answer{status: 200, body: g.show(l)}
	case r.Method == http.MethodGet && id == "":
		out := []any{}
		f := googleFilter.FindStringSubmatch(r.URL.Query().Get("filter"))
		if r.URL.Query().Get("filter") != "" && f == nil {
			return googleField("filter", "INVALID_FILTER", "The filter cannot be read.")
		}
		for _, l := range g.lists {
			if f == nil || l.code == f[1] {
				out = append(out, g.show(l))
			}
		}
		return &answer{status: 200, body: map[string]any{"userLists": out}}
	}
	l := g.lists[id]
	if l == nil {
		return googleError(http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.")
	}
	switch r.Method {
	case http.MethodGet:
		return &answer{status: 200, body: g.show(l)}
	case http.MethodDelete:
		delete(g.lists, id)
		return &answer{status: 200, body: map[string]any{}}
	}
	return googleError(http.StatusNotFound, "NOT_FOUND", "Method not found.")
}

// googleMember is one of audienceMembers.
type googleMember struct {
	UserData struct {
		UserIdentifiers []struct {
			EmailAddress, PhoneNumber string
			Address                   *struct{ GivenName, FamilyName, RegionCode, PostalCode string }
		}
	}
}

// identifiers are the member's as the directory has them; field names the first that is wrong.
func (m *googleMember) identifiers() (ids []string, field, reason string) {
	for i, u := range m.UserData.UserIdentifiers {
		at := fmt.Sprintf("user_data.user_identifiers[%d]", i)
		switch {
		case u.EmailAddress != "":
			if !hashed(u.EmailAddress) {
				return nil, at + ".email_address", "INVALID_SHA256_FORMAT"
			}
			ids = append(ids, "email:"+u.EmailAddress)
		case u.PhoneNumber != "":
			if !hashed(u.PhoneNumber) {
				return nil, at + ".phone_number", "INVALID_SHA256_FORMAT"
			}
			ids = append(ids, "phone:"+u.PhoneNumber)
		case u.Address != nil:
			a := u.Address
			switch {
			case !hashed(a.GivenName):
				return nil, at + ".address.given_name", "INVALID_SHA256_FORMAT"
			case !hashed(a.FamilyName):
				return nil, at + ".address.family_name", "INVALID_SHA256_FORMAT"
			case len(a.RegionCode) != 2 || strings.ToUpper(a.RegionCode) != a.RegionCode:
				return nil, at + ".address.region_code", "INVALID_COUNTRY_CODE"
			case a.PostalCode == "":
				return nil, at + ".address.postal_code", "REQUIRED_FIELD_MISSING"
			}
			ids = append(ids, "name:"+strings.Join([]string{a.GivenName, a.FamilyName, a.RegionCode, a.PostalCode}, "|"))
		default:
			return nil, at, "REQUIRED_FIELD_MISSING"
		}
	}
	if len(ids) == 0 {
		return nil, "user_data.user_identifiers", "REQUIRED_FIELD_MISSING"
	}
	return ids, "", ""
}

// change takes members; one that is wrong fails the request as a whole: .../devguides/concepts/understand-errors.
func (g *Google) change(body []byte, remove bool) *answer {
	if len(body) > g.Limits.BodyBytes {
		return googleError(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit.")
	}
	var in struct {
		Destinations []struct {
			OperatingAccount     struct{ AccountType, AccountId string }
			ProductDestinationId string
		}
		AudienceMembers []googleMember
		Consent         struct{ AdUserData, AdPersonalization string }
		Encoding        string
		ValidateOnly    bool
		TermsOfService  struct{ CustomerMatchTermsOfServiceStatus string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return googleError(400, "INVALID_ARGUMENT", "Invalid JSON payload received. %v", err)
	}
	switch {
	case len(in.Destinations) != 1:
		return googleField("destinations", "REQUIRED_FIELD_MISSING", "One destination is expected here.")
	case in.Destinations[0].OperatingAccount.AccountType != "GOOGLE_ADS" || in.Destinations[0].OperatingAccount.AccountId != g.Account:
		return googleError(http.StatusForbidden, "PERMISSION_DENIED", "The caller does not have permission.")
	case len(in.AudienceMembers) == 0:
		return googleField("audience_members", "REQUIRED_FIELD_MISSING", "The required field was not present.")
	case len(in.AudienceMembers) > g.Limits.Members:
		return googleField("audience_members", "TOO_MANY_MEMBERS", "At most %d members of a request.", g.Limits.Members)
	case in.Encoding != "HEX":
		return googleField("encoding", "REQUIRED_FIELD_MISSING", "The encoding of the hashes is needed.")
	case !remove && in.TermsOfService.CustomerMatchTermsOfServiceStatus != "ACCEPTED", !remove && !g.Terms:
		return googleField("terms_of_service.customer_match_terms_of_service_status", "TERMS_AND_CONDITIONS_NOT_SIGNED", "Customer Match terms of service have not been accepted.")
	}
	list := in.Destinations[0].ProductDestinationId
	if g.lists[list] == nil {
		return googleField("destinations[0].product_destination_id", "INVALID_DESTINATION", "The user list does not exist.")
	}
	req := &googleRequest{list: list, remove: remove, due: g.now().Add(g.Delay)}
	for i := range in.AudienceMembers {
		m := &in.AudienceMembers[i]
		if len(m.UserData.UserIdentifiers) > g.Limits.Identifiers {
			return googleField(fmt.Sprintf("audience_members[%d].user_data.user_identifiers", i), "TOO_MANY_USER_IDENTIFIERS", "At most %d identifiers of a member.", g.Limits.Identifiers)
		}
		ids, field, reason := m.identifiers()
		if field != "" {
			return googleField(fmt.Sprintf("audience_members[%d].%s", i, field), reason, "The value is not what the API takes.")
		}
		req.members = append(req.members, ids)
	}
	req.id = rand.Text()
	if !in.ValidateOnly {
		// Without consent to the use of user data nothing is taken into the list: .../concepts/consent
		if !remove && (in.Consent.AdUserData != "CONSENT_GRANTED" || in.Consent.AdPersonalization != "CONSENT_GRANTED") {
			req.bad, req.members = len(req.members), nil
		}
		g.work, g.byID[req.id] = append(g.work, req), req
	}
	return &answer{status: 200, body: map[string]string{"requestId": req.id}}
}

func (g *Google) status(id string) *answer {
	r := g.byID[id]
	if r == nil {
		return googleError(http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.")
	}
	n := strconv.Itoa(len(r.members) + r.bad)
	out := map[string]any{"destination": map[string]any{"productDestinationId": r.list}, "requestStatus": "PROCESSING"}
	key := "audienceMembersIngestionStatus"
	if r.remove {
		key = "audienceMembersRemovalStatus"
	}
	if r.processed {
		out["requestStatus"] = "SUCCESS"
		data := "userDataIngestionStatus"
		if r.remove {
			data = "userDataRemovalStatus"
		}
		out[key] = map[string]any{data: map[string]any{"recordCount": n, "userIdentifierCount": n}}
		if r.bad > 0 {
			out["requestStatus"] = "PARTIAL_SUCCESS"
			reason := "PROCESSING_ERROR_REASON_NOT_ALLOWED_BY_CONSENT"
			if g.lists[r.list] == nil {
				reason = "PROCESSING_ERROR_REASON_DESTINATION_NOT_FOUND"
			}
			if r.bad == len(r.members)+r.bad {
				out["requestStatus"] = "FAILED"
			}
			out["errorInfo"] = map[string]any{"errorCounts": []any{map[string]any{"recordCount": strconv.Itoa(r.bad), "reason": reason}}}
		}
	}
	return &answer{status: 200, body: map[string]any{"requestStatusPerDestination": []any{out}}}
}
