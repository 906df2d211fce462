package audiences_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/channels/line"
	"enishi/internal/sim/ads"
	linesim "enishi/internal/sim/line"
	"enishi/segments/audiences"
	"enishi/segments/audiences/criteo"
	"enishi/segments/audiences/google"
	adline "enishi/segments/audiences/line"
	"enishi/segments/audiences/match"
	"enishi/segments/audiences/meta"
	"enishi/segments/audiences/tiktok"
	"enishi/segments/audiences/x"
)

// shop is a platform with a simulator behind it, in which everybody is a user.
type shop struct {
	audiences.Platform
	now     time.Time
	members func(id string) (int, bool)      // how many users are in a list
	drop    func(id string)                  // somebody deletes the list there
	revoke  func()                           // the token is taken back
	rate    func()                           // one call more, and the limit is reached
	fail    func(ads.Fault)                  // of the next call
	person  func(n int) (m audiences.Member) // has one identifier
	cut     int                              // the answer of so manieth call is cut, what it asked for is done; 0: none
}

// platforms are all that keep lists. A receiver of webhooks keeps none that could be asked for, and files are written whole: they have tests of their own.
var platforms = map[string]func(t *testing.T, s *shop){
	match.GoogleAds: func(t *testing.T, s *shop) {
		sim := ads.NewGoogle("1234567890", s.clock)
		url := s.serve(t, sim)
		sim.Delay = time.Minute
		platform, err := google.New(google.Config{Base: url, Account: "123-456-7890", Key: googleKey(t, url)})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerMinute = 1 }
	},
	match.MetaAds: func(t *testing.T, s *shop) {
		sim := ads.NewMeta("1", "token", s.clock)
		platform, err := meta.New(meta.Config{Base: s.serve(t, sim), Account: "1", Token: "token"})
		s.set(t, platform, err, sim, func(id string) ([]string, bool) {
			users, ok := sim.Members(id)
			return make([]string, len(users)), ok
		})
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerHour = 1 }
	},
	match.TikTok: func(t *testing.T, s *shop) {
		sim := ads.NewTikTok("1", "token", s.clock)
		platform, err := tiktok.New(tiktok.Config{Base: s.serve(t, sim), Account: "1", Token: "token", Now: s.clock})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerMinute = 1 }
	},
	match.X: func(t *testing.T, s *shop) {
		keys := ads.XKeys{Consumer: "a", ConsumerSecret: "b", Token: "c", TokenSecret: "d"}
		sim := ads.NewX("1", keys, s.clock)
		platform, err := x.New(x.Config{Base: s.serve(t, sim), Account: "1", ConsumerKey: "a", ConsumerSecret: "b", Token: "c", TokenSecret: "d", Now: s.clock})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.Reads = 1 }
	},
	match.Criteo: func(t *testing.T, s *shop) {
		sim := ads.NewCriteo("1", "a", "b", s.clock)
		platform, err := criteo.New(criteo.Config{Base: s.serve(t, sim), Account: "1", ID: "a", Secret: "b", Now: s.clock})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerMinute = 1 }
	},
	match.LINEOA: func(t *testing.T, s *shop) {
		sim := linesim.New(linesim.Config{ChannelToken: "token", Now: s.clock})
		channel, err := line.New(line.Config{Token: "token", BaseURL: s.serve(t, sim)})
		if err != nil {
			t.Fatal(err)
		}
		number := func(id string) int64 {
			n, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		s.Platform = adline.New(channel)
		s.members = func(id string) (int, bool) {
			users, ok := sim.AudienceUsers(number(id))
			return len(users), ok
		}
		s.drop = func(id string) { sim.DropAudience(number(id)) }
		s.revoke = func() { sim.Inject(linesim.Fault{Status: 401, Times: -1, Message: "Authentication failed"}) }
		s.rate = func() {
			sim.Inject(linesim.Fault{Status: 429, Times: -1, Message: "The API rate limit has been exceeded."})
		}
		s.fail = func(f ads.Fault) {
			header := http.Header{}
			for k, v := range f.Header {
				header.Set(k, v)
			}
			sim.Inject(linesim.Fault{Status: f.Status, Reset: f.Reset, After: f.After, Header: header})
		}
		s.person = func(n int) audiences.Member {
			return audiences.Member{Keys: []match.Key{{Kind: match.LINE, Value: sim.UserID(fmt.Sprint(n))}}}
		}
	},
}

func (s *shop) clock() time.Time { return s.now }

func (s *shop) set(t *testing.T, p audiences.Platform, err error, sim interface {
	Everybody()
	Fail(ads.Fault)
}, members func(string) ([]string, bool)) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	sim.Everybody()
	s.Platform, s.fail = p, sim.Fail
	s.members = func(id string) (int, bool) {
		users, ok := members(id)
		return len(users), ok
	}
	s.person = func(n int) audiences.Member {
		return audiences.Member{Keys: []match.Key{{Kind: match.Email, Value: match.Hash(fmt.Sprint(n))}}}
	}
}

func (s *shop) serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cut > 0 {
			if s.cut--; s.cut == 0 {
				h.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

var googlePrivate = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func googleKey(t *testing.T, url string) []byte {
	private, err := googlePrivate()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{"client_email": "a@b.example", "private_key_id": "1", "token_uri": url + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var theirs = &audiences.Spec{Audience: "vip", Title: strings.Repeat("優良顧客", 20), Use: audiences.Include}

func (s *shop) create(t *testing.T) string {
	t.Helper()
	id, err := s.Create(t.Context(), theirs)
	if err != nil || id == "" {
		t.Fatalf("create: %q, %v", id, err)
	}
	s.now = s.now.Add(time.Hour) // what was called before no longer counts against limits
	return id
}

func (s *shop) people(from, to int) []audiences.Member {
	var out []audiences.Member
	for n := from; n < to; n++ {
		out = append(out, s.person(n))
	}
	return out
}

type change func(context.Context, string, *audiences.Spec, []audiences.Member) (audiences.Answer, error)

// tell makes a call and waits for its end.
func (s *shop) tell(ctx context.Context, do change, id string, members []audiences.Member) (audiences.Answer, error) {
	a, err := do(ctx, id, theirs, members)
	for i := 0; err == nil && a.Open; i++ {
		if i == 10 {
			return a, errors.New("the call does not end")
		}
		s.now = s.now.Add(time.Minute)
		call := a.Call
		a, err = s.Result(ctx, id, call)
	}
	return a, err
}

func (s *shop) has(t *testing.T, id string, want int) {
	t.Helper()
	if n, ok := s.members(id); n != want || !ok {
		t.Errorf("%d in the list (there: %t), want %d", n, ok, want)
	}
}

// is fails unless an error is of a class and says in both languages what is wrong.
func is(t *testing.T, err error, want audiences.Class) {
	t.Helper()
	var p *audiences.Problem
	switch {
	case err == nil:
		t.Errorf("there is no error, want %s", want)
	case !errors.As(err, &p):
		t.Errorf("no Problem: %v", err)
	case p.Class != want || p.Msg == "" || p.MsgJA == "" || want == audiences.Rate && p.After <= 0:
		t.Errorf("%+v, want %s", p, want)
	}
}

// TestConformance is what the core relies on, of each platform against its simulator: [audiences.Platform] says it in words.
func TestConformance(t *testing.T) {
	for name, c := range map[string]func(*testing.T, *shop){
		"the list is found again by its mark": func(t *testing.T, s *shop) {
			id := s.create(t)
			if again := s.create(t); again != id {
				t.Errorf("another list: %s, %s", id, again)
			}
			next := *theirs
			next.Generation++
			if id2, err := s.Create(t.Context(), &next); err != nil || id2 == id {
				t.Errorf("the next list is the same: %v", err)
			}
		},
		"so is one whose answer was cut": func(t *testing.T, s *shop) { // whichever call of Create it was
			ids := map[string]bool{}
			for i := 1; ; i++ {
				s.cut = i
				id, err := s.Create(t.Context(), theirs)
				if s.cut > 0 { // Create has fewer calls
					break
				}
				if err == nil { // the client repeats some calls by itself
					ids[id] = true
				} else {
					isRetry(t, err)
				}
				ids[s.create(t)] = true
				if len(ids) != 1 {
					t.Fatalf("lists %v, the answer of call %d was cut", ids, i)
				}
				for id := range ids { // and once more from the beginning
					s.drop(id)
				}
				clear(ids)
			}
		},
		"added twice is once": func(t *testing.T, s *shop) {
			id := s.create(t)
			for range 2 {
				if a, err := s.tell(t.Context(), s.Add, id, s.people(0, 3)); err != nil || a.Refused != 0 || len(a.Rejected) != 0 {
					t.Fatalf("%+v, %v", a, err)
				}
				s.has(t, id, 3)
			}
		},
		"a call whose answer was cut is repeated": func(t *testing.T, s *shop) {
			id := s.create(t)
			s.fail(ads.Fault{Reset: true, After: true})
			_, err := s.Add(t.Context(), id, theirs, s.people(0, 3))
			isRetry(t, err)
			if _, err := s.tell(t.Context(), s.Add, id, s.people(0, 3)); err != nil {
				t.Fatal(err)
			}
			s.has(t, id, 3)
		},
		"whoever is not there is taken out without an error": func(t *testing.T, s *shop) {
			id := s.create(t)
			if !s.Facts().Removal {
				_, err := s.Remove(t.Context(), id, theirs, s.people(0, 1))
				is(t, err, audiences.Refused)
				return
			}
			if _, err := s.tell(t.Context(), s.Add, id, s.people(0, 3)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if a, err := s.tell(t.Context(), s.Remove, id, s.people(2, 5)); err != nil || a.Refused != 0 || len(a.Rejected) != 0 {
					t.Fatalf("%+v, %v", a, err)
				}
				s.has(t, id, 2)
			}
		},
		"a full call is taken": func(t *testing.T, s *shop) {
			id, n := s.create(t), s.Facts().Batch
			all := s.people(0, n)
			if a, err := s.tell(t.Context(), s.Add, id, all); err != nil || a.Refused != 0 || len(a.Rejected) != 0 {
				t.Fatalf("%+v, %v", a, err)
			}
			s.has(t, id, n)
			if s.Facts().Removal {
				if a, err := s.tell(t.Context(), s.Remove, id, all); err != nil || a.Refused != 0 {
					t.Fatalf("%+v, %v", a, err)
				}
				s.has(t, id, 0)
			}
		},
		"deleted twice is once": func(t *testing.T, s *shop) {
			id := s.create(t)
			for range 2 {
				if err := s.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := s.members(id); ok {
				t.Error("it is still there")
			}
		},
		"a list that somebody deleted is gone": func(t *testing.T, s *shop) {
			id := s.create(t)
			s.drop(id)
			_, err := s.tell(t.Context(), s.Add, id, s.people(0, 1))
			is(t, err, audiences.Gone)
			_, err = s.Look(t.Context(), id)
			is(t, err, audiences.Gone)
			if again := s.create(t); again == id {
				t.Error("it was found all the same")
			}
		},
		"a revoked token": func(t *testing.T, s *shop) {
			id := s.create(t)
			s.revoke()
			_, err := s.Create(t.Context(), theirs)
			is(t, err, audiences.Auth)
			_, err = s.Add(t.Context(), id, theirs, s.people(0, 1))
			is(t, err, audiences.Auth)
			_, err = s.Look(t.Context(), id)
			is(t, err, audiences.Auth)
			is(t, s.Delete(t.Context(), id), audiences.Auth)
		},
		"a fault of the platform": func(t *testing.T, s *shop) {
			id := s.create(t)
			for _, status := range []int{500, 502, 503, 504} {
				s.fail(ads.Fault{Status: status})
				_, err := s.Add(t.Context(), id, theirs, s.people(0, 1))
				is(t, err, audiences.Retry)
				s.fail(ads.Fault{Status: status})
				_, err = s.Look(t.Context(), id)
				is(t, err, audiences.Retry)
			}
		},
		"no answer in time": func(t *testing.T, s *shop) {
			id := s.create(t)
			ctx, cancel := context.WithTimeout(t.Context(), 0)
			defer cancel()
			_, err := s.Add(ctx, id, theirs, s.people(0, 1))
			isRetry(t, err)
		},
		"too many calls": func(t *testing.T, s *shop) {
			id := s.create(t)
			s.rate()
			_, _ = s.Look(t.Context(), id)
			_, err := s.Look(t.Context(), id)
			is(t, err, audiences.Rate)
		},
		"too many calls for a gateway": func(t *testing.T, s *shop) {
			id := s.create(t)
			s.fail(ads.Fault{Status: 429, Header: map[string]string{"Retry-After": "7"}})
			_, err := s.Add(t.Context(), id, theirs, s.people(0, 1))
			is(t, err, audiences.Rate)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for platform, open := range platforms {
				t.Run(platform, func(t *testing.T) {
					s := &shop{now: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
					open(t, s)
					if s.Facts().Platform != platform {
						t.Fatalf("it says that it is %s", s.Facts().Platform)
					}
					c(t, s)
				})
			}
		})
	}
}

// isRetry: an error that no platform has made a Problem counts as Retry.
func isRetry(t *testing.T, err error) {
	t.Helper()
	var p *audiences.Problem
	if err == nil || errors.As(err, &p) && p.Class != audiences.Retry {
		t.Errorf("%v, want %s", err, audiences.Retry)
	}
}

// TestFacts: what platforms say of themselves is what the core and the documentation can rely on.
func TestFacts(t *testing.T) {
	var names []string
	for platform, open := range platforms {
		names = append(names, platform)
		s := &shop{}
		open(t, s)
		f := s.Facts()
		rules, ok := match.For(platform)
		if !ok || len(rules.Kinds()) == 0 || f.Batch <= 0 || f.Calls <= 0 || f.Minimum <= 0 || f.Expires < 0 || f.Later && f.Ask <= 0 {
			t.Errorf("%s: %+v", platform, f)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{match.Criteo, match.GoogleAds, match.LINEOA, match.MetaAds, match.TikTok, match.X}, names); diff != "" {
		t.Error(diff)
	}
}
