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
	"io"
	"maps"
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
	members func(id string) ([]string, bool) // who is in a list, by their identifiers: kind:value
	drop    func(id string)                  // somebody deletes the list there
	revoke  func()                           // the token is taken back
	rate    func()                           // one call more, and the limit is reached
	fail    func(ads.Fault)                  // of the next call
	heal    func()                           // no call fails any more
	person  func(n int) (m audiences.Member) // has one identifier
	cut     int                              // the answer of so manieth call is cut, what it asked for is done; 0: none
}

// platforms are all that keep lists. A receiver of webhooks keeps none that could be asked for, and files are written whole: they have tests of their own.
var platforms = map[string]func(t *testing.T, s *shop){
	match.GoogleAds: func(t *testing.T, s *shop) {
		sim := ads.NewGoogle("1234567890", s.clock)
		sim.Delay = time.Minute
		platform, err := google.New(google.Config{Base: base, Account: "123-456-7890", Key: googleKey(t), Client: s.client(sim)})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerMinute = 1 }
	},
	match.MetaAds: func(t *testing.T, s *shop) {
		sim := ads.NewMeta("1", "token", s.clock)
		platform, err := meta.New(meta.Config{Base: base, Client: s.client(sim), Account: "1", Token: "token"})
		s.set(t, platform, err, sim, func(id string) ([]string, bool) {
			users, ok := sim.Members(id)
			return slices.Sorted(maps.Keys(users)), ok
		})
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerHour = 1 }
	},
	match.TikTok: func(t *testing.T, s *shop) {
		sim := ads.NewTikTok("1", "token", s.clock)
		platform, err := tiktok.New(tiktok.Config{Base: base, Client: s.client(sim), Account: "1", Token: "token", Now: s.clock})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerMinute = 1 }
	},
	match.X: func(t *testing.T, s *shop) {
		keys := ads.XKeys{Consumer: "a", ConsumerSecret: "b", Token: "c", TokenSecret: "d"}
		sim := ads.NewX("1", keys, s.clock)
		platform, err := x.New(x.Config{Base: base, Client: s.client(sim), Account: "1", ConsumerKey: "a", ConsumerSecret: "b", Token: "c", TokenSecret: "d", Now: s.clock})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.Reads = 1 }
	},
	match.Criteo: func(t *testing.T, s *shop) {
		sim := ads.NewCriteo("1", "a", "b", s.clock)
		platform, err := criteo.New(criteo.Config{Base: base, Client: s.client(sim), Account: "1", ID: "a", Secret: "b", Now: s.clock})
		s.set(t, platform, err, sim, sim.Members)
		s.drop, s.revoke, s.rate = sim.Drop, func() { sim.Revoke(true) }, func() { sim.Limits.PerMinute = 1 }
	},
	match.LINEOA: func(t *testing.T, s *shop) {
		sim := linesim.New(linesim.Config{ChannelToken: "token", Now: s.clock})
		channel, err := line.New(line.Config{Token: "token", BaseURL: base, Client: s.client(sim)})
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
		s.members = func(id string) ([]string, bool) {
			users, ok := sim.AudienceUsers(number(id))
			for i := range users {
				users[i] = string(match.LINE) + ":" + users[i]
			}
			return users, ok
		}
		s.drop = func(id string) { sim.DropAudience(number(id)) }
		s.revoke = func() { sim.Inject(linesim.Fault{Status: 401, Times: -1, Message: "Authentication failed"}) }
		s.rate = func() {
			sim.Inject(linesim.Fault{Status: 429, Times: -1, Message: "The API rate limit has been exceeded."})
		}
		s.heal = sim.ClearFaults
		s.fail = func(f ads.Fault) {
			if f.Status == http.StatusOK { // LINE says by its status alone whether a call was carried out
				f = ads.Fault{Reset: true, After: true}
			}
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
	Everybody(kind string)
	Fail(ads.Fault)
	Heal()
}, members func(string) ([]string, bool)) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	sim.Everybody("")
	s.Platform, s.fail, s.heal, s.members = p, sim.Fail, sim.Heal, members
	s.person = func(n int) audiences.Member {
		return audiences.Member{Keys: []match.Key{{Kind: match.Email, Value: match.Hash(fmt.Sprint(n))}}}
	}
}

// wire carries calls to a simulator in this process.
type wire struct {
	shop *shop
	to   http.Handler
}

// RoundTrip hands a call over as a server would get it; a handler that aborts has cut the connection.
func (w wire) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if x := recover(); x != nil {
			if x != http.ErrAbortHandler {
				panic(x)
			}
			answer, err = nil, io.ErrUnexpectedEOF
		}
	}()
	in := r.Clone(r.Context())
	in.RequestURI, in.Host, in.RemoteAddr = r.URL.RequestURI(), r.URL.Host, "192.0.2.1:1234"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := httptest.NewRecorder()
	w.to.ServeHTTP(out, in)
	if w.shop.cut > 0 {
		if w.shop.cut--; w.shop.cut == 0 {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return out.Result(), nil
}

// base is the address of a platform.
const base = "http://platform.test"

func (s *shop) client(to http.Handler) *http.Client { return &http.Client{Transport: wire{s, to}} }

var googlePrivate = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func googleKey(t *testing.T) []byte {
	private, err := googlePrivate()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{"client_email": "a@b.example", "private_key_id": "1", "token_uri": base + "/token",
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
	if got, ok := s.members(id); len(got) != want || !ok {
		t.Errorf("%d in the list (there: %t), want %d", len(got), ok, want)
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
