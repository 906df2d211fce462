package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
	"enishi/profiles"
)

// personRow is a person in a list.
type personRow struct {
	ID          enishi.ID       `json:"id"`
	Name        string          `json:"name"`
	Kana        string          `json:"kana"`
	Identifiers []kindValue     `json:"identifiers"`
	Prefecture  string          `json:"prefecture"`
	OrdersCount int64           `json:"orders_count"`
	LTV         enishi.Amount   `json:"ltv"`
	Currency    string          `json:"currency"`
	LastSeenAt  time.Time       `json:"last_seen_at"`
	LastOrderAt time.Time       `json:"last_order_at"`
	Reach       map[string]bool `json:"reach"`
}

type kindValue struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type peopleInput struct {
	Q       string `query:"q" maxLength:"200" doc:"An identifier of any kind, a name, its kana, or an order number."`
	Segment string `query:"segment" maxLength:"64"`
	Where   string `query:"where" maxLength:"4000" doc:"An expression as segments have it, judged now."`

	Broadcast string `query:"broadcast" maxLength:"64" doc:"With left_out or by: the people behind a number of its sheet, or of its result."`
	LeftOut   string `query:"left_out" maxLength:"64" doc:"Of broadcast: who is left out for this reason."`
	By        string `query:"by" maxLength:"64" doc:"Of broadcast: whom it reaches by this channel."`

	Received  string `query:"received" maxLength:"16" doc:"With month: who got so many advertisements by a channel, as email:3; 0 is who may get them and got none, 10 is 10 or more."`
	Both      string `query:"both" maxLength:"200" doc:"With month: who got messages of each of these journeys, their names with commas between."`
	Month     string `query:"month" maxLength:"7" doc:"Of received and both, as 2026-11; this month unless said."`
	Unreached int    `query:"unreached" minimum:"0" maximum:"730" doc:"Who may get advertising by mail or LINE and got none for so many days."`

	Sort   string `query:"sort" enum:",last_seen,last_order,ltv,orders" doc:"Highest or newest first; last_seen unless said."`
	Cursor string `query:"cursor" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// sortColumns give the whole number by which a list is ordered.
var sortColumns = map[string]string{
	"": "toUnixTimestamp64Milli(last_seen_at)", "last_seen": "toUnixTimestamp64Milli(last_seen_at)",
	"last_order": "toUnixTimestamp64Milli(last_order_at)", "ltv": "ltv", "orders": "orders_count",
}

func (a *API) listPeople(ctx context.Context, in *peopleInput) (out *listOutput[personRow], err error) {
	if strings.TrimSpace(in.Where) == "" {
		return a.findPeople(ctx, in)
	}
	err = a.bounded(ctx, func(ctx context.Context) error {
		out, err = a.findPeople(ctx, in)
		return err
	})
	return out, err
}

func (a *API) findPeople(ctx context.Context, in *peopleInput) (*listOutput[personRow], error) {
	where, args := []string{"1"}, []any(nil)
	if in.Segment != "" {
		where, args = append(where, "profile_id IN (SELECT profile_id FROM memberships FINAL WHERE segment = {segment:String})"), append(args, named("segment", in.Segment))
	}
	if in.Broadcast != "" {
		cond, more, err := a.broadcastPeople(in)
		if err != nil {
			return nil, err
		}
		where, args = append(where, cond), append(args, more...)
	}
	if in.Received != "" || in.Both != "" || in.Unreached > 0 {
		cond, more, err := a.contactPeople(in)
		if err != nil {
			return nil, err
		}
		where, args = append(where, cond), append(args, more...)
	}
	if strings.TrimSpace(in.Where) != "" {
		s, at, err := a.target(&SegmentTarget{Expression: in.Where})
		if err != nil {
			return nil, err
		}
		query, more := s.SQL(at)
		where, args = append(where, "profile_id IN ("+query+")"), append(args, more...)
	}
	if q := strings.TrimSpace(in.Q); q != "" {
		exact, err := a.findExact(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(exact) > 0 {
			where = append(where, "profile_id IN "+idList(exact))
		} else {
			cond, more := likeNames(q)
			where, args = append(where, cond), append(args, more...)
		}
	}
	filter := strings.Join(where, " AND ")
	out := listOf([]personRow{})
	ids, next, err := a.page(ctx, filter, args, sortColumns[in.Sort], in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	total := int64(len(ids))
	if in.Cursor != "" || next != "" {
		if total, err = a.count(ctx, "SELECT count() FROM people FINAL WHERE "+filter, args...); err != nil {
			return nil, err
		}
	}
	out.Body.Total, out.Body.Next = &total, next
	if out.Body.Items, err = a.personRows(ctx, ids); err != nil {
		return nil, err
	}
	out.Body.CompleteThrough, err = a.through(ctx)
	return out, err
}

// page finds the ids of one page in order, and where the next one begins. The cursor is the last row's sort value and id.
func (a *API) page(ctx context.Context, filter string, args []any, sort, cursor string, limit int) ([]enishi.ID, string, error) {
	if cursor != "" {
		value, hex, _ := strings.Cut(cursor, ".")
		n, err := strconv.ParseInt(value, 10, 64)
		id, err2 := enishi.ParseID(hex)
		if err != nil || err2 != nil {
			return nil, "", enishi.FieldError("query.cursor", "is not one that a page answered", "前のページの next を指定してください。")
		}
		filter += fmt.Sprintf(" AND (%s, profile_id) < (toInt64(%d), %s)", sort, n, idLiteral(id))
	}
	var ids []enishi.ID
	var keys []int64
	err := a.each(ctx, fmt.Sprintf("SELECT profile_id, toInt64(%s) AS k FROM people FINAL WHERE %s ORDER BY k DESC, profile_id DESC LIMIT %d", sort, filter, limit+1), args, func(rows driver.Rows) error {
		var id string
		var k int64
		if err := rows.Scan(&id, &k); err != nil {
			return err
		}
		ids, keys = append(ids, idOf(id)), append(keys, k)
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("list people: %w", err)
	}
	next := ""
	if len(ids) > limit {
		ids = ids[:limit]
		next = strconv.FormatInt(keys[limit-1], 10) + "." + ids[limit-1].String()
	}
	return ids, next, nil
}

// findExact finds who has an identifier or an order of this text.
func (a *API) findExact(ctx context.Context, q string) ([]enishi.ID, error) {
	graph := a.cfg.Ingester.Graph()
	ids := a.subjectsNamed(q)
	for i := range ids {
		ids[i] = graph.Resolve(ids[i])
	}
	query, args := "SELECT profile_id FROM people FINAL WHERE profile_id IN "+idList(ids), []any(nil)
	if strings.ContainsAny(q, "0123456789") && !strings.ContainsAny(q, " @") {
		query += " UNION DISTINCT SELECT profile_id FROM orders FINAL PREWHERE order_id = {q:String}" // a part of the sorting key
		args = append(args, named("q", q))
	}
	var found []enishi.ID
	err := a.each(ctx, query, args, func(rows driver.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		found = append(found, idOf(id))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find an identifier: %w", err)
	}
	return found, nil
}

// subjectsNamed are the subjects of every kind that a text can be an identifier of.
func (a *API) subjectsNamed(text string) (ids []enishi.ID) {
	for _, k := range enishi.Kinds() {
		value, err := ingest.Normalise(k, text)
		if err != nil || value == "" {
			continue // it cannot be an identifier of this kind
		}
		x := enishi.Identifier{Kind: k, Value: value, Raw: text}
		if k == enishi.LINEUser {
			x.Scope = a.cfg.LINEProvider
		}
		ids = append(ids, a.cfg.Hasher.Hash(x))
	}
	return ids
}

// likeNames is the condition for names that contain a text, and for the beginnings of addresses and numbers.
func likeNames(q string) (cond string, args []any) {
	folded := profiles.FoldName(q)
	cond, args = "position(search, {name:String}) > 0", []any{named("name", folded)}
	if folded == "" {
		return "0", nil
	}
	ascii := strings.IndexFunc(q, func(r rune) bool { return r > 127 }) < 0
	if !ascii || len(q) < 3 {
		return cond, args
	}
	args = append(args, named("start", strings.ToLower(q)))
	cond = "(" + cond + " OR startsWith(lower(email), {start:String}) OR startsWith(lower(customer_id), {start:String})"
	if digits := strings.Map(onlyDigits, q); len(digits) >= 3 && strings.Trim(q, "0123456789-+() ") == "" {
		cond += " OR startsWith(replaceAll(phone, '-', ''), {digits:String})"
		args = append(args, named("digits", digits))
	}
	return cond + ")", args
}

func onlyDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// personRows reads people in the order of ids; who is not there is left out.
func (a *API) personRows(ctx context.Context, ids []enishi.ID) ([]personRow, error) {
	found := map[enishi.ID]personRow{}
	if len(ids) > 0 {
		query := "SELECT profile_id, family_name, given_name, family_name_kana, given_name_kana, email, phone, customer_id, prefecture, orders_count, ltv, currency, last_seen_at, last_order_at, [" +
			strings.Join(reachList(), ", ") + "] FROM people FINAL WHERE profile_id IN " + idList(ids)
		err := a.each(ctx, query, []any{millis("now", a.now())}, func(rows driver.Rows) error {
			p, err := scanPerson(rows)
			found[p.ID] = p
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
	}
	out := make([]personRow, 0, len(ids))
	for _, id := range ids {
		if p, ok := found[id]; ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func scanPerson(rows driver.Rows) (personRow, error) {
	var p personRow
	var id, family, given, familyKana, givenKana, email, phone, customer string
	var ltv int64
	var reach []uint8
	err := rows.Scan(&id, &family, &given, &familyKana, &givenKana, &email, &phone, &customer, &p.Prefecture, &p.OrdersCount, &ltv, &p.Currency, &p.LastSeenAt, &p.LastOrderAt, &reach)
	if err != nil {
		return p, err
	}
	p.ID, p.LTV, p.LastSeenAt, p.LastOrderAt = idOf(id), enishi.Amount(ltv), known(p.LastSeenAt), known(p.LastOrderAt)
	p.Name, p.Kana = fullName(family, given), fullName(familyKana, givenKana)
	p.Identifiers, p.Reach = []kindValue{}, map[string]bool{}
	for _, x := range [...]kindValue{{"email", email}, {"phone", phone}, {"customer", customer}} {
		if x.Value != "" {
			p.Identifiers = append(p.Identifiers, x)
		}
	}
	for i, ch := range reachChannels {
		p.Reach[ch] = i < len(reach) && reach[i] == 1
	}
	return p, nil
}

// fullName is 姓 名.
func fullName(family, given string) string { return strings.TrimSpace(family + " " + given) }

// names reads display names; who has none, or is not there, is absent.
func (a *API) names(ctx context.Context, ids []enishi.ID) (map[enishi.ID]string, error) {
	out := map[enishi.ID]string{}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, enishi.ID.Compare)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return out, nil
	}
	err := a.each(ctx, "SELECT profile_id, family_name, given_name FROM people FINAL WHERE profile_id IN "+idList(ids), nil, func(rows driver.Rows) error {
		var id, family, given string
		if err := rows.Scan(&id, &family, &given); err != nil {
			return err
		}
		if name := fullName(family, given); name != "" {
			out[idOf(id)] = name
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
