package audiences

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/ingest"
	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
	"enishi/segments/audiences/match"
)

// engine is the one engine of this test binary; nil with the reason when its library is not there.
var (
	engine   *embedded.Engine
	noEngine error
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "audiences")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if _, noEngine = embedded.FindLibrary(""); noEngine == nil {
		if engine, noEngine = embedded.OpenEngine(embedded.EngineConfig{Dir: dir}); noEngine == nil {
			defer engine.Close()
		}
	}
	return m.Run()
}

func openTables(t testing.TB, name string) *Tables {
	t.Helper()
	var missing *enishi.Error
	if errors.As(noEngine, &missing) {
		t.Skip("no engine: ", noEngine)
	}
	if noEngine != nil {
		t.Fatal(noEngine)
	}
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{Transport: engine, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &Tables{DB: db}
}

// fold writes somebody as the fold would.
func (s *shopTables) fold(c *candidate, member bool) {
	s.t.Helper()
	s.version++
	var gone uint8
	if !c.Found {
		gone = 1
	}
	id := []enishi.ID{c.Profile}
	consents := map[string]string{"email.marketing": "in"}
	if c.Consent != "" {
		consents["ads.marketing"] = c.Consent
	}
	hold := c.HoldUntil
	if hold.IsZero() {
		hold = time.UnixMilli(0)
	}
	must(s.t, s.DB.Insert(s.ctx, "people", []string{"profile_id", "version", "is_deleted", "consents", "hold_until", "ltv", "customer_id", "currency", "family_name", "given_name", "traits"}, 1, id, []uint64{s.version}, []uint8{gone},
		[]map[string]string{consents}, []time.Time{hold}, []int64{int64(c.Value)}, []string{c.Person.Customer}, []string{s.currency}, []string{c.Person.Family}, []string{c.Person.Given},
		[]map[string]string{{"postal_code": c.Person.Zip, "country": c.Person.Country, "city": "千代田区"}}))
	out := uint8(1)
	if member && c.Found {
		out = 0
	}
	must(s.t, s.DB.Insert(s.ctx, "memberships", []string{"profile_id", "segment", "version", "is_deleted"}, 1, id, []string{"vip"}, []uint64{s.version}, []uint8{out}))
	put := func(kind, scope, value string, gone uint8) {
		must(s.t, s.DB.Insert(s.ctx, "identifiers", []string{"profile_id", "subject", "version", "is_deleted", "kind", "scope", "value"}, 1, id, []enishi.ID{enishi.NewID(kind, value)}, []uint64{s.version}, []uint8{gone},
			[]string{kind}, []string{scope}, []string{value}))
	}
	for _, v := range s.had[c.Profile] {
		put("email", "", v, 1)
	}
	s.had[c.Profile] = c.Person.Emails
	s.version++
	for _, v := range c.Person.Emails {
		put("email", "", v, 0)
	}
	for _, v := range c.Person.Phones {
		put("phone", "", v, 0)
	}
	if c.Person.LINE != "" {
		put("line", "main", c.Person.LINE, 0)
		put("line", "another", "U"+c.Person.LINE[1:len(c.Person.LINE)-1]+"0", 0)
	}
}

type shopTables struct {
	*Tables
	t        *testing.T
	ctx      context.Context
	version  uint64
	currency string
	had      map[enishi.ID][]string
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTables goes the way of people through the real tables: they join, withdraw, change their address, are held and erased, and the list is who is wanted; the
// ledger, the runs and the disclosures are there afterwards.
func TestTables(t *testing.T) {
	s := &shopTables{Tables: openTables(t, "audience_tables"), t: t, ctx: t.Context(), had: map[enishi.ID][]string{}}
	p, def := newPlatform(Facts{Platform: match.GoogleAds, Batch: 4, Removal: true, Later: true}), definition(t)
	rules, _ := match.For(match.GoogleAds)
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	people := make([]*candidate, 30)
	for i := range people {
		people[i] = &candidate{Profile: person(i), Found: true, Consent: "in", Value: enishi.Amount(i) * 10000, Person: match.Person{Emails: []string{mail(i)}, Phones: []string{phone(i)}}}
		for _, k := range rules.Keys(&people[i].Person, match.Kinds()) {
			p.users[k] = fmt.Sprint("user", i)
		}
		s.fold(people[i], i < 20)
	}
	p.users[rules.Keys(&match.Person{Emails: []string{"new@example.jp"}}, match.Kinds())[0]] = "user3"
	size, stale := 20, false
	syncer := New(Config{Tables: s.Tables, Destinations: map[string]*Destination{"ads": {Name: "ads", Recipient: "Ads Inc.", Country: "US", Basis: ByConsent, Consent: "ads.marketing", Provider: "main", Platform: p}},
		Segment: func(context.Context, string) (Segment, error) {
			return Segment{Size: size, Stale: stale, Found: true}, nil
		}, Now: func() time.Time { now = now.Add(time.Millisecond); return now }})
	var st *Standing
	sync := func() {
		t.Helper()
		began := now
		for i := 0; ; i++ {
			var err error
			st, err = syncer.Sync(s.ctx, "vip", def)
			must(t, err)
			if st.Problem != nil || i == 20 {
				t.Fatalf("round %d: %+v", i, st)
			}
			if st.EndedAt.After(began) {
				return
			}
		}
	}
	check := func(what string, want ...int) {
		t.Helper()
		sync()
		expected, got := map[string]bool{}, map[string]bool{}
		for _, i := range want {
			expected[fmt.Sprint("user", i)] = true
		}
		for u := range p.lists[st.Remote].members {
			got[u] = true
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", what, diff)
		}
		if st.Matched != len(want) || st.InList != len(want) {
			t.Fatalf("%s: %d matched and %d in the list, want %d", what, st.Matched, st.InList, len(want))
		}
	}
	all := func(from, to int, but ...int) (out []int) {
		for i := from; i < to; i++ {
			if !slices.Contains(but, i) {
				out = append(out, i)
			}
		}
		return out
	}
	check("at first", all(0, 20)...)
	people[0].Consent, people[1].Consent = "out", ""
	people[2].HoldUntil = now.Add(time.Hour)
	people[3].Person.Emails = []string{"new@example.jp"}
	people[4].Found = false
	for i := range 5 {
		s.fold(people[i], true)
	}
	s.fold(people[5], false)
	s.fold(people[25], true)
	f, err := syncer.Dry(s.ctx, "vip", def)
	must(t, err)
	if f.Add != 1 || f.Remove != 5 || f.Refresh != 1 || f.LeftOut[LeftOptedOut] != 1 || f.Calls != 4 || len(f.Some) != 10 {
		t.Errorf("the forecast: %+v", f)
	}
	check("after a day", append(all(3, 20, 4, 5), 25)...)
	if want := map[string]int{LeftOptedOut: 1, LeftNoConsent: 1, LeftHold: 1}; !maps.Equal(want, st.LeftOut) {
		t.Errorf("left out: %v, want %v", st.LeftOut, want)
	}
	stale = true // the segment says nothing now, permissions do
	s.fold(people[26], true)
	s.fold(people[6], false)
	people[7].Consent = "out"
	s.fold(people[7], true)
	check("while the segment is stale", append(all(3, 20, 4, 5, 7), 25)...)
	stale = false
	check("and after it", append(all(3, 20, 4, 5, 6, 7), 25, 26)...)

	open, err := s.OpenBatches(s.ctx, "vip")
	must(t, err)
	batches, err := s.Batches(s.ctx, "audience = 'vip' ORDER BY at")
	must(t, err)
	if len(open) != 0 || len(batches) < 10 || batches[0].State != BatchDone || batches[0].People != 4 || batches[0].Keys != 8 {
		t.Errorf("open %v, first of %d: %+v", open, len(batches), batches[0])
	}
	var people0 uint64
	must(t, s.DB.QueryRow(s.ctx, "SELECT count() FROM disclosures FINAL WHERE profile_id = {id:String} AND recipient = 'Ads Inc.' AND country = 'US' AND basis = 'consent' AND length(keys) = 2 AND op IN ('add', 'remove')",
		ch.Named("id", string(people[0].Profile[:]))).Scan(&people0))
	if people0 != 2 {
		t.Errorf("somebody who was told and taken out has %d disclosures", people0)
	}
	kept, err := s.Standing(s.ctx, "vip")
	must(t, err)
	if diff := cmp.Diff(st, kept); diff != "" {
		t.Errorf("the standing is kept otherwise (-told +kept)\n%s", diff)
	}
	must(t, syncer.Delete(s.ctx, "vip", def))
	if len(p.lists) != 0 {
		t.Errorf("a list is left: %v", p.lists)
	}
	if left, err := s.Entries(s.ctx, "vip", 0, 0, 255); err != nil || len(left) != 0 {
		t.Errorf("the ledger keeps %d: %v", len(left), err)
	}
}

// TestNamesAndValues: names leave with the postal code of the person's own data and match nobody without one; what somebody spent in another currency than the list's is worth nothing.
func TestNamesAndValues(t *testing.T) {
	s := &shopTables{Tables: openTables(t, "audience_names"), t: t, ctx: t.Context(), had: map[enishi.ID][]string{}}
	p, def := newPlatform(Facts{Platform: match.GoogleAds, Batch: 10, Removal: true, Values: true}), definition(t)
	def.Keys, def.Use = []match.Kind{match.Name}, Value
	people := []*candidate{
		{Profile: person(0), Found: true, Consent: "in", Value: 50000, Person: match.Person{Family: "佐藤", Given: "花子", Zip: "〒１００-００１３"}},
		{Profile: person(1), Found: true, Consent: "in", Value: 70000, Person: match.Person{Family: "高橋", Given: "太郎", Zip: "150-0001", Country: "日本"}},
		{Profile: person(2), Found: true, Consent: "in", Value: 90000, Person: match.Person{Family: "鈴木", Given: "一郎"}}, // no postal code
	}
	for i, c := range people {
		s.currency = []string{"JPY", "USD", "JPY"}[i]
		s.fold(c, true)
	}
	syncer := New(Config{Tables: s.Tables, Destinations: map[string]*Destination{"ads": {Name: "ads", Recipient: "Ads Inc.", Country: "US", Basis: ByConsent, Consent: "ads.marketing", Platform: p}},
		Segment:  func(context.Context, string) (Segment, error) { return Segment{Size: 3, Found: true}, nil },
		Currency: func(context.Context) (string, error) { return "JPY", nil }})
	st, err := syncer.Sync(s.ctx, "vip", def)
	must(t, err)
	if st.Problem != nil || st.InList != 2 || st.LeftOut[LeftNoKeys] != 1 || p.specs[0].Currency != "JPY" {
		t.Fatalf("%+v %+v", st, p.specs)
	}
	rules, _ := match.For(match.GoogleAds)
	entries, err := s.Entries(s.ctx, "vip", 0, 0, 255)
	must(t, err)
	for _, e := range entries {
		i := slices.IndexFunc(people, func(c *candidate) bool { return c.Profile == e.Profile })
		if want := rules.Keys(&people[i].Person, def.Keys); len(want) != 1 || !slices.Equal(e.Keys, want) || e.Value != []enishi.Amount{50000, 0}[i] {
			t.Errorf("person %d is told as %+v, want %v", i, e, want)
		}
	}
}

// TestNumbersAsWritten: the fold keeps numbers as customers wrote them; they leave in the form that platforms compare, and what is no number does not.
func TestNumbersAsWritten(t *testing.T) {
	s := &shopTables{Tables: openTables(t, "audience_numbers"), t: t, ctx: t.Context(), had: map[enishi.ID][]string{}}
	s.Number = func(raw string) (string, error) { return ingest.Normalise(enishi.Phone, raw) }
	s.fold(&candidate{Profile: person(0), Found: true, Consent: "in", Person: match.Person{Phones: []string{"０９０-２３００-０８３８", "03(3581)4111", "内線 12"}}}, true)
	got, err := s.People(s.ctx, &query{Segment: "vip", Consent: "ads.marketing"}, []enishi.ID{person(0)})
	must(t, err)
	slices.Sort(got[0].Person.Phones)
	if want := []string{"+81335814111", "+819023000838"}; !slices.Equal(got[0].Person.Phones, want) {
		t.Errorf("numbers %v, want %v", got[0].Person.Phones, want)
	}
}

// TestForgetKeepsNothing: of who was taken out the ledger keeps no identifier: the row that outlives the others when parts are merged has none.
func TestForgetKeepsNothing(t *testing.T) {
	tables := openTables(t, "forget")
	ctx, now := t.Context(), time.Now().UTC().Truncate(time.Millisecond)
	list := []Entry{{Profile: enishi.NewID("hana"), Keys: []match.Key{{Kind: match.Email, Value: match.Hash("hana@example.jp")}}, Value: 1200, State: Leaving, Reason: "left", Batch: enishi.NewID("b"), At: now}}
	if err := tables.PutEntries(ctx, "vip", 1, list); err != nil {
		t.Fatal(err)
	}
	if got, err := tables.Entries(ctx, "vip", 1, 0, 255); err != nil || !cmp.Equal(got, list) {
		t.Fatal(got, err)
	}
	if err := tables.Forget(ctx, "vip", 1, list); err != nil {
		t.Fatal(err)
	}
	if got, err := tables.Entries(ctx, "vip", 1, 0, 255); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	var keys, value, batches uint64
	if err := tables.DB.QueryRow(ctx, "SELECT toUInt64(sum(length(keys))), toUInt64(sum(value)), countIf(batch != toFixedString('', 16)) FROM (SELECT * FROM audience_members ORDER BY version DESC LIMIT 1)").Scan(&keys, &value, &batches); err != nil {
		t.Fatal(err)
	}
	if keys != 0 || value != 0 || batches != 0 {
		t.Errorf("the ledger still has %d identifiers, a value of %d and %d calls", keys, value, batches)
	}
}
