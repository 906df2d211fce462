package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"enishi/internal/sim/ads"
	linesim "enishi/internal/sim/line"
)

// adShopper is somebody as the test knows them: what the platforms are to have follows from it alone.
type adShopper struct {
	name     string // of the platforms' user; the number is of the identifiers
	n        int
	ads      string // in, out; empty: never asked
	lineOut  bool
	buyer    bool
	held     bool
	erased   bool
	phone    string
	with     *adShopper // one person with them
	unusable bool       // Meta does not take their row
}

func (x *adShopper) email() string { return x.name + "@shop.example" }
func (x *adShopper) user() string  { return fmt.Sprintf("U%032x", x.n) }

// friend tells whether they have a LINE user id.
func (x *adShopper) friend() bool { return x.n%2 == 0 }

// member tells whether a platform is to have them.
func (x *adShopper) member(platform string) bool {
	y := x
	if x.with != nil && x.with.buyer {
		y = x.with
	}
	ok := y.buyer && !x.held && !x.erased
	if platform == "line" {
		return ok && x.friend() && !x.lineOut
	}
	return ok && x.ads == "in" && !(platform == "meta" && x.unusable)
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// toldPlatforms are the simulators, outside of the process that is killed, and all that they were told.
type toldPlatforms struct {
	google *ads.Google
	meta   *ads.Meta
	line   *linesim.Server

	mu     sync.Mutex
	heard  map[[2]string]bool // platform and identifier
	spoil  []string           // hashes that arrive damaged at Meta
	hold   map[string]bool    // platforms whose next call about members is not answered
	held   map[string]bool
	letGo  chan struct{}
	people map[string]*adShopper // by identifier that ever was theirs
}

var toldIdentifier = regexp.MustCompile(`\b([0-9a-f]{64}|U[0-9a-f]{32})\b`)

// listens passes calls on to a simulator and keeps the identifiers in them. A call that is held is carried out by Google before, and not by the others.
func (p *toldPlatforms) listens(platform, about string, sim http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		members := strings.Contains(r.URL.Path, about) && len(toldIdentifier.Find(body)) > 0
		p.mu.Lock()
		holds := members && p.hold[platform]
		if holds {
			p.hold[platform] = false
		}
		if members && (!holds || platform == "google") {
			for _, id := range toldIdentifier.FindAll(body, -1) {
				p.heard[[2]string{platform, string(id)}] = true
			}
		}
		if platform == "meta" {
			for _, hash := range p.spoil {
				body = bytes.ReplaceAll(body, []byte(hash), []byte("damaged"))
			}
		}
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		if holds {
			if platform == "google" {
				sim.ServeHTTP(httptest.NewRecorder(), r)
			}
			p.mu.Lock()
			p.held[platform] = true
			p.mu.Unlock()
			<-p.letGo
			panic(http.ErrAbortHandler)
		}
		sim.ServeHTTP(w, r)
	})
}

// knows gives a platform's directories the identifiers of somebody.
func (p *toldPlatforms) knows(x *adShopper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.google.Add(x.name, "email:"+sha(x.email()), "phone:"+sha(x.phone))
	p.meta.Add(x.name, "email:"+sha(x.email()), "phone:"+sha(strings.TrimPrefix(x.phone, "+")))
	for _, id := range []string{sha(x.email()), sha(x.phone), sha(strings.TrimPrefix(x.phone, "+")), x.user()} {
		p.people[id] = x
	}
}

// TestAudiences keeps lists at Google, Meta and LINE equal to a segment while people join, leave, refuse, are held, turn out to be one
// and not to be, and are erased; while the process is killed in the middle of uploads, a token is revoked, a list deleted and a call taken in part. After each phase the platforms'
// users are the members who may be told, and whatever they ever heard is on the record of whose it is.
func TestAudiences(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a real process")
	}
	t.Parallel()
	const people = 150
	p := &toldPlatforms{google: ads.NewGoogle("1234567890", time.Now), meta: ads.NewMeta("1234567890", "token", time.Now), line: linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token"}),
		heard: map[[2]string]bool{}, hold: map[string]bool{"google": true, "line": true}, held: map[string]bool{}, letGo: make(chan struct{}), people: map[string]*adShopper{}}
	p.google.Delay = 200 * time.Millisecond
	serve := func(platform, about string, sim http.Handler) string {
		server := httptest.NewServer(p.listens(platform, about, sim))
		t.Cleanup(server.Close)
		return server.URL
	}
	release := sync.OnceFunc(func() { close(p.letGo) })
	google, meta, line := serve("google", "/v1/audienceMembers:", p.google), serve("meta", "/users", p.meta), serve("line", "/audienceGroup/upload", p.line)
	t.Cleanup(release) // before the servers are closed
	dir, engine := t.TempDir(), freePort(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "shop@shop.example", "private_key_id": "1", "token_uri": google + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))})
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(t.TempDir(), "google.json")
	if err := os.WriteFile(keyFile, account, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, []string{"ENISHI_LINE__ENDPOINT=" + line, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret",
		"ENISHI_ADS__GOOGLE__PLATFORM=google", "ENISHI_ADS__GOOGLE__ACCOUNT=123-456-7890", "ENISHI_ADS__GOOGLE__KEY=" + keyFile, "ENISHI_ADS__GOOGLE__ENDPOINT=" + google,
		"ENISHI_ADS__META__PLATFORM=meta", "ENISHI_ADS__META__ACCOUNT=act_1234567890", "ENISHI_ADS__META__TOKEN=token", "ENISHI_ADS__META__ENDPOINT=" + meta,
		"ENISHI_ADS__LINE__PLATFORM=line"}, "--data", dir, "--clickhouse-listen", engine)
	key := s.enishi("key", "create", "--write", "load")
	x := tablesOf(t, engine, filepath.Join(dir, "keys"))
	a := &audienceTest{t: t, s: s, p: p, key: key, x: x, owners: map[string]map[*adShopper]bool{}}

	s.put("segment", "buyers", map[string]any{"title": title("購入者"), "expression": "count(orders, .valid) >= 1"})
	for n := range people + 20 {
		who := &adShopper{name: fmt.Sprintf("s%03d", n), n: n, buyer: n < people, ads: "in", phone: fmt.Sprintf("+8190%08d", n)}
		if n%10 == 3 && n < 100 {
			who.ads = "out"
		} else if n%10 == 7 && n < 100 {
			who.ads = ""
		}
		a.people = append(a.people, who)
		p.knows(who)
		a.register(who)
	}
	a.send()
	a.know()

	for _, platform := range []string{"meta", "google", "line"} {
		a.save(platform)
	}
	a.equal("the first upload", "meta")
	eventually(t, 30*time.Second, "uploads hang", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.held) < 2 {
			return fmt.Errorf("%v", p.held)
		}
		return nil
	})
	s.kill()
	release()
	eventually(t, 10*time.Second, "Google has worked at the call", func() error {
		if google, line := len(a.have("google")), len(a.have("line")); google == 0 || line > 0 {
			return fmt.Errorf("the kill came at another moment: %d at Google, %d at LINE", google, line)
		}
		return nil
	})
	s.launch()
	s.waitReady()

	// What hung is settled when nothing of the killed process can be on its way any more; meanwhile people come and go.
	for n, who := range a.people {
		switch {
		case n >= people && n < people+5:
			a.buys(who)
		case n < 3:
			who.buyer = false
			a.add("order.cancelled", who, map[string]any{"order": map[string]any{"order_id": "o-" + who.name}})
		case n >= 4 && n < 7:
			who.ads = "out"
			a.add("consent.changed", who, map[string]any{"consent": []map[string]string{{"channel": "ads", "purpose": "marketing", "state": "out", "method": "form:account"}}})
		case n == 8 || n == 10:
			who.lineOut = true
			a.add("consent.changed", who, map[string]any{"consent": []map[string]string{{"channel": "line", "purpose": "marketing", "state": "out", "method": "form:account"}}})
		}
	}
	a.send()
	a.know()
	for _, n := range []int{12, 14} {
		a.people[n].held = true
		s.enishi("hold", a.people[n].email(), "--reason", "苦情")
	}
	gone := a.people[20]
	goneID := a.id(gone)
	if err := s.call("POST", "/people/"+goneID+"/erase", map[string]any{"confirm": a.display(goneID), "reason": "asked"}, nil); err != nil {
		t.Fatal(err)
	}
	gone.erased = true
	one, two := a.people[22], a.people[people+9] // who bought nothing: belongs to the list as long as they are one
	if err := s.call("POST", "/people/join", map[string]any{"a": a.id(one), "b": a.id(two), "reason": "ご本人より"}, nil); err != nil {
		t.Fatal(err)
	}
	one.with, two.with = two, one
	s.settled(30 * time.Second)
	a.know()
	a.equal("comings and goings", "meta")

	p.meta.Revoke(true)
	a.sync("meta")
	eventually(t, 20*time.Second, "a revoked token is shown", func() error {
		if row := a.row("meta"); row.Problem == nil || row.Problem.Class != "auth" || a.alerts() != 1 {
			return fmt.Errorf("%+v, %d alerts", row, a.alerts())
		}
		return nil
	})
	p.meta.Revoke(false)
	a.buys(a.people[people+6])
	a.send()
	a.equal("the token is back", "meta")
	eventually(t, 20*time.Second, "the alert is closed", func() error {
		if n := a.alerts(); n != 0 {
			return fmt.Errorf("%d are open", n)
		}
		return nil
	})

	for _, id := range p.meta.Lists() {
		p.meta.Drop(id)
	}
	a.equal("a deleted list", "meta")

	half := a.people[people+7]
	p.mu.Lock()
	p.spoil = []string{sha(half.email()), sha(strings.TrimPrefix(half.phone, "+"))}
	p.mu.Unlock()
	half.unusable = true
	a.buys(half)
	a.buys(a.people[people+8])
	a.send()
	a.equal("a call taken in part", "meta")
	eventually(t, 10*time.Second, "who was not taken is counted", func() error {
		people, accepted, rejected := 0, 0, 0 // of one call, or of two when a run came between them
		calls := a.row("meta").Calls
		for _, c := range calls[:min(2, len(calls))] {
			if people < 2 {
				people, accepted, rejected = people+c.People, accepted+c.Accepted, rejected+c.Rejected
			}
		}
		if people != 2 || rejected != 1 || accepted != 1 {
			return fmt.Errorf("%+v", calls)
		}
		return nil
	})
	p.mu.Lock()
	p.spoil = nil
	p.mu.Unlock()
	half.unusable, half.phone = false, "+819099999999"
	p.knows(half)
	a.add("person.identified", half, nil)
	a.send()
	a.equal("other identifiers", "meta")

	a.equal("after the kill", "google", "line")

	// They are two people after all; who was held is no longer.
	a.part(one)
	one.with, two.with = nil, nil
	for _, n := range []int{12, 14} {
		a.people[n].held = false
		s.enishi("hold", a.people[n].email(), "--release")
	}
	s.settled(30 * time.Second)
	a.know()
	a.equal("two people", "meta", "google", "line")
	if os.Getenv("ENISHI_FULL") != "" {
		a.kills(3)
	}
	a.recorded()

	if out := s.enishi("audience", "list"); !strings.Contains(out, "buyers_google") || !strings.Contains(out, "buyers_line") {
		t.Error(out)
	}
	eventually(t, 20*time.Second, "the command says how it stands", func() error {
		if out := s.enishi("audience", "show", "buyers_meta"); !strings.Contains(out, "state     done, in step") || !strings.Contains(out, "auth 190/460") {
			return errors.New(out)
		}
		if out := s.enishi("audience", "sync", "buyers_line", "--dry-run"); !strings.Contains(out, "add         0") || !strings.Contains(out, "left out") {
			return errors.New(out)
		}
		return nil
	})
	for _, who := range []string{a.people[21].email(), goneID} { // also who was erased
		if out := s.enishi("audience", "disclosures", who); !strings.Contains(out, "Google LLC") || !strings.Contains(out, "Meta Platforms, Inc.") || !strings.Contains(out, "email phone") {
			t.Error(out)
		}
	}
	for _, platform := range []string{"meta", "google", "line"} {
		if err := s.call("DELETE", "/audiences/buyers_"+platform, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 30*time.Second, "the lists are gone", func() error {
		for _, platform := range []string{"meta", "google", "line"} {
			if n := len(a.lists(platform)); n > 0 {
				return fmt.Errorf("%s has %d", platform, n)
			}
		}
		return nil
	})
}
