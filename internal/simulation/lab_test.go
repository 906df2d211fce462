package simulation

import (
	"testing"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
)

const plain = `{"title":{"ja":"x","en":"x"},"purpose":"transactional","consent":"not_refused","entry":{"event":"order.placed","reentry":"always"},"start":"out","nodes":{"out":{"type":"exit"}}}`

func request(name string) *Request {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	return &Request{Journey: enishi.Definition{Kind: "journey", Name: name, Body: []byte(plain)}, From: at, To: at.AddDate(0, 1, 0), Sample: 100, Days: 7}
}

// TestQueue: one at a time; what is cancelled makes room at once, whether or not it has begun; what is old or too much goes.
func TestQueue(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	l, err := New(Config{DB: &clickhouse.DB{}, Now: func() time.Time { return now }}) // nothing is run here
	if err != nil {
		t.Fatal(err)
	}
	var last Simulation
	for i := range 2 * maxKept {
		s, err := l.Start(request("a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Start(request("b")); enishi.ErrorCode(err) != enishi.Conflict {
			t.Fatalf("a second one: %v", err)
		}
		if i == 0 {
			if k := l.next(); k == nil || k.ID != s.ID || l.next() != nil {
				t.Fatal("what was started is not the next")
			}
		}
		if _, _, _, err := l.People("a", s.ID, ofSent, false, enishi.ID{}, 10); enishi.ErrorCode(err) != enishi.Conflict {
			t.Errorf("people of one that runs: %v", err)
		}
		if err := l.Cancel("a", s.ID); err != nil {
			t.Fatal(err)
		}
		if last, err = l.Get("a", s.ID); err != nil || last.State != Cancelled || !last.EndedAt.Equal(now) {
			t.Fatalf("%+v %v", last, err)
		}
	}
	if l.next() != nil {
		t.Error("what was cancelled is run")
	}
	if n := len(l.List("a")); n != maxKept {
		t.Errorf("%d are kept", n)
	}
	if _, err := l.Get("b", last.ID); enishi.ErrorCode(err) != enishi.NotFound {
		t.Errorf("under another journey: %v", err)
	}
	now = now.Add(keptFor + time.Second)
	if _, err := l.Get("a", last.ID); enishi.ErrorCode(err) != enishi.NotFound || len(l.List("a")) != 0 {
		t.Errorf("a day later: %v", err)
	}
}

// TestSampled: a sample has about its share of people, and a larger one all of a smaller one.
func TestSampled(t *testing.T) {
	n := map[float64]int{}
	for i := range 20_000 {
		id := enishi.NewID("person", string(rune(i)))
		for _, percent := range []float64{1, 10, 50, 100} {
			if sampled(id, percent) {
				n[percent]++
			} else if percent == 100 {
				t.Fatal("not everybody is among all")
			}
		}
		if sampled(id, 10) && !sampled(id, 50) {
			t.Fatal("in the smaller sample and not in the larger")
		}
	}
	if n[1] < 150 || n[1] > 250 || n[10] < 1800 || n[10] > 2200 || n[50] < 9700 || n[50] > 10_300 {
		t.Errorf("samples of %v", n)
	}
}
