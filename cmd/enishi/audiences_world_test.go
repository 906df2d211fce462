package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// audienceTest is the shop of TestAudiences.
type audienceTest struct {
	t       *testing.T
	s       *server
	p       *toldPlatforms
	key     string
	x       tables
	people  []*adShopper
	waiting []map[string]any
	sent    int
	owners  map[string]map[*adShopper]bool // who a person of an id ever was
}

func (a *audienceTest) add(typ string, who *adShopper, more map[string]any) {
	a.sent++
	person := map[string]any{"customer_id": "c-" + who.name, "email": who.email(), "phone": strings.Replace(who.phone, "+81", "0", 1)} // as people write it
	if who.friend() {
		person["line_user_id"] = who.user()
	}
	e := map[string]any{"type": typ, "id": fmt.Sprint("e", a.sent), "occurred_at": time.Now().UTC().Format(time.RFC3339Nano), "person": person, "channel": "web"}
	maps.Copy(e, more)
	a.waiting = append(a.waiting, e)
}

func (a *audienceTest) register(who *adShopper) {
	more := map[string]any{}
	if who.ads != "" {
		more["consent"] = []map[string]string{{"channel": "ads", "purpose": "marketing", "state": who.ads, "method": "form:signup"}}
	}
	a.add("user.signed_up", who, more)
	if who.buyer {
		a.buys(who)
	}
}

func (a *audienceTest) buys(who *adShopper) {
	who.buyer = true
	a.add("order.placed", who, map[string]any{"order": map[string]any{"order_id": "o-" + who.name, "currency": "JPY", "total": "1000", "lines": []map[string]any{{"product_id": "p1", "price": "1000", "quantity": 1}}}})
}

// send gives the events to the shop, and waits until they are folded.
func (a *audienceTest) send() {
	a.t.Helper()
	if n, err := a.s.post(a.key, a.waiting); err != nil || n != len(a.waiting) {
		a.t.Fatal(n, err)
	}
	a.waiting = nil
	a.s.settled(30 * time.Second)
}

// know notes whose the ids of people are. Two who are one person are each other's owners.
func (a *audienceTest) know() {
	a.t.Helper()
	byMail := map[string]*adShopper{}
	for _, who := range a.people {
		byMail[who.email()] = who
	}
	eventually(a.t, 20*time.Second, "people are in the tables", func() error {
		rows := a.x.rows("SELECT lower(hex(profile_id)), email FROM people FINAL WHERE is_deleted = 0")
		for _, row := range rows {
			id, email, _ := strings.Cut(row, "\t")
			who := byMail[email]
			if who == nil {
				return fmt.Errorf("who is %s?", row)
			}
			if a.owners[id] == nil {
				a.owners[id] = map[*adShopper]bool{}
			}
			a.owners[id][who] = true
			if who.with != nil {
				a.owners[id][who.with] = true
			}
		}
		if len(rows) < len(a.people)-2 {
			return fmt.Errorf("%d of %d", len(rows), len(a.people))
		}
		return nil
	})
}

func (a *audienceTest) id(who *adShopper) string {
	a.t.Helper()
	var found struct{ ID string }
	if err := a.s.call("GET", "/people/lookup?kind=email&value="+url.QueryEscape(who.email()), nil, &found); err != nil {
		a.t.Fatal(err)
	}
	return found.ID
}

func (a *audienceTest) display(id string) string {
	var page struct{ Header struct{ Name string } }
	if err := a.s.call("GET", "/people/"+id, nil, &page); err != nil {
		a.t.Fatal(err)
	}
	if page.Header.Name == "" {
		return id
	}
	return page.Header.Name
}

// part takes the operator's link of somebody back.
func (a *audienceTest) part(who *adShopper) {
	a.t.Helper()
	var links struct {
		Items []struct {
			LinkOffset int64 `json:"link_offset"`
			CanUndo    bool  `json:"can_undo"`
			Reason     string
		}
	}
	if err := a.s.call("GET", "/people/"+a.id(who)+"/merges", nil, &links); err != nil {
		a.t.Fatal(err)
	}
	for _, l := range links.Items {
		if l.CanUndo && l.Reason == "ご本人より" {
			if err := a.s.call("POST", "/people/unmerge", map[string]any{"link_offset": l.LinkOffset, "reason": "別の方"}, nil); err != nil {
				a.t.Fatal(err)
			}
			return
		}
	}
	a.t.Fatalf("no link to take back: %+v", links)
}

func (a *audienceTest) save(platform string) {
	a.t.Helper()
	body := map[string]any{"title": "購入者 " + platform, "segment": "buyers", "destination": platform, "expect": 0}
	if err := a.s.call("PUT", "/audiences/buyers_"+platform, body, nil); err != nil {
		a.t.Fatal(err)
	}
}

func (a *audienceTest) sync(platform string) {
	a.t.Helper()
	if err := a.s.call("POST", "/audiences/buyers_"+platform+"/sync", nil, nil); err != nil {
		a.t.Fatal(err)
	}
}

// audienceShown is what the test reads of an audience.
type audienceShown struct {
	State, Remote  string
	InList, Wanted int
	Problem        *struct{ Class, Code string }
	LastAt         time.Time `json:"last_at"`
	Calls          []struct {
		Op, State                  string
		People, Accepted, Rejected int
	}
}

func (a *audienceTest) row(platform string) (x audienceShown) {
	a.t.Helper()
	if err := a.s.call("GET", "/audiences/buyers_"+platform, nil, &x); err != nil {
		a.t.Fatal(err)
	}
	return x
}

// alerts counts the open ones about audiences.
func (a *audienceTest) alerts() (n int) {
	a.t.Helper()
	var list struct {
		Items []struct {
			Kind     string
			ClosedAt time.Time `json:"closed_at"`
		}
	}
	if err := a.s.call("GET", "/alerts", nil, &list); err != nil {
		a.t.Fatal(err)
	}
	for _, x := range list.Items {
		if x.Kind == "audience" && x.ClosedAt.IsZero() {
			n++
		}
	}
	return n
}

// lists are the ids of a platform's lists.
func (a *audienceTest) lists(platform string) (ids []string) {
	switch platform {
	case "google":
		return slices.Collect(maps.Values(a.p.google.Lists()))
	case "meta":
		return slices.Collect(maps.Values(a.p.meta.Lists()))
	}
	for _, id := range a.p.line.AudienceIDs() {
		ids = append(ids, strconv.FormatInt(id, 10))
	}
	return ids
}

// have are the users whom a platform has in its lists.
func (a *audienceTest) have(platform string) []string {
	var out []string
	for _, id := range a.lists(platform) {
		switch platform {
		case "google":
			users, _ := a.p.google.Members(id)
			out = append(out, users...)
		case "meta":
			users, _ := a.p.meta.Members(id)
			out = slices.AppendSeq(out, maps.Keys(users))
		case "line":
			n, _ := strconv.ParseInt(id, 10, 64)
			users, _ := a.p.line.AudienceUsers(n)
			out = append(out, users...)
		}
	}
	slices.Sort(out)
	return out
}

func (a *audienceTest) want(platform string) []string {
	var out []string
	for _, who := range a.people {
		switch {
		case !who.member(platform):
		case platform == "line":
			out = append(out, who.user())
		default:
			out = append(out, who.name)
		}
	}
	slices.Sort(out)
	return out
}

// equal waits until the platforms have exactly who is to be there, in one list each, and the audience says that it is in step.
func (a *audienceTest) equal(phase string, platforms ...string) {
	a.t.Helper()
	asked, began := map[string]time.Time{}, time.Now()
	defer func() { a.t.Logf("%s: %s", phase, time.Since(began).Round(time.Second)) }()
	eventually(a.t, 100*time.Second, phase, func() error {
		for _, platform := range platforms {
			have, want, row := a.have(platform), a.want(platform), a.row(platform)
			if !slices.Equal(have, want) || row.State != "done" || len(a.lists(platform)) != 1 {
				if time.Since(asked[platform]) > 3*time.Second {
					asked[platform] = time.Now()
					a.sync(platform)
				}
				return fmt.Errorf("%s has %d users, want %d, in %d lists (too many: %v; missing: %v); %+v", platform, len(have), len(want), len(a.lists(platform)), without(have, want), without(want, have), row)
			}
		}
		return nil
	})
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { _, ok := slices.BinarySearch(b, s); return ok })
}

// kills ends the process n times at random moments of uploads, while people come and go. What is open then is settled after [audiences.Takeover].
func (a *audienceTest) kills(n int) {
	a.t.Helper()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(3, seed))
	a.t.Logf("kills of seed %d", seed)
	for range n {
		for _, who := range a.people[100:140] {
			if state := "in"; random.IntN(3) == 0 {
				if who.ads == "in" {
					state = "out"
				}
				who.ads = state
				a.add("consent.changed", who, map[string]any{"consent": []map[string]string{{"channel": "ads", "purpose": "marketing", "state": state, "method": "form:account"}}})
			}
		}
		a.send()
		for _, platform := range []string{"meta", "google", "line"} {
			a.sync(platform)
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
		a.s.kill()
		a.s.launch()
		a.s.waitReady()
		a.equal("a kill at any moment", "meta", "google", "line")
	}
}

// recorded finds a record of whatever the platforms ever heard, of the person whose it is, and no record of somebody else's.
func (a *audienceTest) recorded() {
	a.t.Helper()
	found := map[[2]string]bool{}
	for _, row := range a.x.rows("SELECT lower(hex(profile_id)), toString(platform), toString(recipient), toString(country), toString(basis), arrayStringConcat(keys, ' ') FROM disclosures FINAL") {
		f := strings.Split(row, "\t")
		if f[2] == "" || len(f[3]) != 2 || f[4] == "" {
			a.t.Errorf("a record without recipient, country or ground: %v", f)
		}
		for _, k := range strings.Fields(f[5]) {
			_, value, _ := strings.Cut(k, ":")
			if who := a.p.people[value]; who == nil || !a.owners[f[0]][who] {
				a.t.Errorf("%s is on the record of %s, whose it is not", value, f[0])
			}
			found[[2]string{f[1], value}] = true
		}
	}
	for told := range a.p.heard {
		if !found[told] {
			a.t.Errorf("%s heard %s, and no record says so", told[0], told[1])
		}
	}
	if len(a.p.heard) < 400 {
		a.t.Errorf("the platforms heard %d identifiers only", len(a.p.heard))
	}
	a.t.Logf("%d identifiers left, %d are on record", len(a.p.heard), len(found))
}
