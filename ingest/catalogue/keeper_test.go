package catalogue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
	"enishi/ingest"
	"enishi/internal/stream"
)

// shop is the world of a Keeper in memory: the topic, the tables, and what was appended.
type shop struct {
	log     []stream.Record
	next    int // of the committed records
	rows    map[string]Row
	changes map[enishi.ID]Announced
	letters int
	whom    map[string][]enishi.ID // by product
	told    map[enishi.ID]enishi.Event
	now     time.Time
	fail    string // the step at which the next batch dies
	keeper  *Keeper
}

var errDead = errors.New("the process died")

func newShop() *shop {
	s := &shop{rows: map[string]Row{}, changes: map[enishi.ID]Announced{}, whom: map[string][]enishi.ID{}, told: map[enishi.ID]enishi.Event{}, now: time.Date(2026, 2, 2, 1, 0, 0, 0, time.UTC)}
	s.keeper = New(Config{Partitions: 8, Now: func() time.Time { return s.now }, CatchUp: func(context.Context) error { return s.die("catch up") },
		Settings: func() Settings { set, _ := ParseSettings(nil); return set },
		SaveDead: func(_ context.Context, letters []ingest.DeadLetter) error { s.letters += len(letters); return nil },
		Append: func(_ context.Context, recs []stream.Record) error {
			for i := range recs {
				var e enishi.Event
				if err := enishi.DecodeEvent(&e, recs[i].Value); err != nil {
					return err
				}
				if _, ok := s.told[e.ID]; !ok { // the fold knows an id
					s.told[e.ID] = e
				}
			}
			return s.die("append")
		},
		Tables: Tables{
			Load: func(_ context.Context, ids []string) ([]Row, error) {
				var out []Row
				for _, id := range ids {
					if r, ok := s.rows[id]; ok {
						out = append(out, r)
					}
				}
				return out, nil
			},
			Due: func(_ context.Context, now time.Time) ([]Row, error) {
				var out []Row
				for _, id := range slices.Sorted(maps.Keys(s.rows)) {
					if r := s.rows[id]; !r.DueAt.IsZero() && !r.DueAt.After(now) {
						out = append(out, r)
					}
				}
				return out, nil
			},
			Waiting: func(_ context.Context, q Question, each func(Whom)) error {
				for _, id := range q.Products {
					for _, p := range s.whom[id] {
						each(Whom{p, id})
					}
				}
				return s.die("look")
			},
			Save: func(_ context.Context, rows []Row, _ []History, changes []Announced) error {
				if err := s.die("save"); err != nil {
					return err
				}
				for _, r := range rows {
					s.rows[r.Product.ProductID] = r
				}
				for _, c := range changes {
					s.changes[c.ID] = c
				}
				return s.die("saved")
			},
		}})
	s.keeper.owner = true
	return s
}

func (s *shop) die(at string) error {
	if s.fail == at {
		s.fail = ""
		return errDead
	}
	return nil
}

// say puts a record on the topic.
func (s *shop) say(format string, args ...any) {
	s.log = append(s.log, stream.Record{Topic: enishi.TopicCatalogue, Offset: int64(len(s.log)), Time: s.now, Value: []byte(fmt.Sprintf(format, args...))})
}

// read hands over up to n records that are not committed; those of a batch that died come again.
func (s *shop) read(n int) {
	end := min(s.next+n, len(s.log))
	s.keeper.ready = time.Time{}
	if err := s.keeper.Batch(context.Background(), s.log[s.next:end]); err == nil {
		s.next = end
	}
}

func (s *shop) kinds() map[string]int {
	out := map[string]int{}
	for _, c := range s.changes {
		out[c.Kind]++
	}
	return out
}

func (s *shop) expect(t *testing.T, back, dropped, low int) {
	t.Helper()
	if k := s.kinds(); k[BackInStock] != back || k[PriceDropped] != dropped || k[LowStock] != low {
		t.Errorf("announced %v, want %d back, %d dropped, %d low", k, back, dropped, low)
	}
}

// TestChanges: what is new is no change; what changes to and fro is announced once in a window, and what is still so at its end then; small drops
// count only when they add up.
func TestChanges(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.whom["P1"] = []enishi.ID{enishi.NewID("a"), enishi.NewID("b")}
	tell := func(price int, stock int) {
		s.say(`{"product_id":"P1","name":"化粧水","price":"%d","stock":%d}`, price, stock)
		s.read(100)
	}
	tell(3000, 0)
	s.expect(t, 0, 0, 0)
	tell(3000, 20)
	s.expect(t, 1, 0, 0)
	for range 5 {
		s.now = s.now.Add(time.Hour)
		tell(3000, 0)
		tell(3000, 20)
	}
	s.expect(t, 1, 0, 0)
	if err := s.keeper.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 1, 0, 0) // the window is open
	s.now = s.now.Add(20 * time.Hour)
	if err := s.keeper.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(t, 2, 0, 0) // who asked since the first time hears of it now
	tell(2900, 20)
	tell(2860, 20)
	s.expect(t, 2, 0, 0)
	tell(2850, 20)
	s.expect(t, 2, 1, 0) // 5 % in all
	tell(2850, 5)
	tell(2850, 4)
	tell(2850, 6)
	tell(2850, 1)
	s.expect(t, 2, 1, 1)
	s.now = s.now.Add(48 * time.Hour)
	tell(2000, 0) // nobody wants to hear of the price of what is sold out
	s.expect(t, 2, 1, 1)
	s.say(`{"product_id":"P2","price":"10"}`)
	s.say(`{"product_id":"P3","price":-10}`)
	s.read(10)
	if len(s.rows) != 2 || s.letters != 1 {
		t.Errorf("%d rows, %d letters", len(s.rows), s.letters)
	}
	if len(s.told) != 2*4 {
		t.Errorf("%d events for 2 people and 4 changes", len(s.told))
	}
	for _, e := range s.told {
		if e.Web.Product.ProductID != "P1" || e.Web.Product.Name != "化粧水" || e.Type == PriceDropped && (e.Properties["old_price"].Number != 3000 || e.Properties["price"].Number != 2850) {
			t.Errorf("an event says %+v %v", e.Web.Product, e.Properties)
		}
	}
}

// TestKilled: a Keeper that dies anywhere in its batches, which are cut differently each time, tells everybody what one tells that never does.
func TestKilled(t *testing.T) {
	t.Parallel()
	steps := []string{"", "", "catch up", "look", "append", "save", "saved"}
	rapid.Check(t, func(t *rapid.T) {
		calm, killed := newShop(), newShop()
		calm.whom["P1"], calm.whom["P2"] = []enishi.ID{enishi.NewID("a")}, []enishi.ID{enishi.NewID("a"), enishi.NewID("b")}
		killed.whom = calm.whom
		for range rapid.IntRange(5, 25).Draw(t, "days") {
			calm.now = calm.now.Add(30 * time.Hour)
			killed.now = calm.now
			product := rapid.SampledFrom([]string{"P1", "P2"}).Draw(t, "product")
			price, stock := rapid.IntRange(1, 4).Draw(t, "price")*1000, rapid.IntRange(0, 2).Draw(t, "stock")*5
			for _, s := range []*shop{calm, killed} {
				s.say(`{"product_id":%q,"price":"%d","stock":%d}`, product, price, stock)
			}
			calm.read(100)
			for killed.next < len(killed.log) {
				killed.fail = rapid.SampledFrom(steps).Draw(t, "fail")
				killed.read(rapid.IntRange(1, 3).Draw(t, "batch"))
				killed.now = killed.now.Add(time.Second)
			}
			killed.fail = ""
		}
		if want, have := counts(calm.told), counts(killed.told); !maps.Equal(want, have) {
			t.Fatalf("told %v, undisturbed %v", have, want)
		}
	})
}

// counts is how often each person was told of a kind of change of a product.
func counts(events map[enishi.ID]enishi.Event) map[string]int {
	out := map[string]int{}
	for _, e := range events {
		out[e.Type+" "+e.Web.Product.ProductID+" "+e.Subject.String()]++
	}
	return out
}

func TestSettings(t *testing.T) {
	t.Parallel()
	if s, err := ParseSettings([]byte(`{"price_drop":10}`)); err != nil || s.PriceDrop != 10 || s.LowStock != 5 || s.Window != 24 || s.ViewedDays != 14 {
		t.Errorf("%+v %v", s, err)
	}
	for _, body := range []string{`{"price":1}`, `{"window":0}`, `{"low_stock":-1}`, `{"price_drop":100}`, `{"viewed_days":"x"}`} {
		if _, err := ParseSettings([]byte(body)); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
}
