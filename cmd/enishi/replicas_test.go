package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	linesim "enishi/internal/sim/line"
)

// shop is a first replica with its servers' addresses, its own LINE and the definitions of the tests.
type shop struct {
	*server
	dir, kafka, engine string
	line               *linesim.Server
	toLINE             *proxy
	write              string // key
	tables             tables
	people             int
}

// openShop starts the first replica on dir, whose keys may stand there already.
func openShop(t *testing.T, dir string, people int, env ...string) *shop {
	t.Helper()
	needEngine(t)
	x := &shop{dir: dir, kafka: freePort(t), engine: freePort(t), people: people,
		line: linesim.New(linesim.Config{ChannelSecret: "secret", ChannelToken: "token", Keep: 100_000})}
	for p := range people {
		if err := x.line.Befriend(lineUser(p), "友だち"); err != nil {
			t.Fatal(err)
		}
	}
	provider := httptest.NewServer(x.line)
	t.Cleanup(provider.Close)
	x.toLINE = newProxy(t, freePort(t), provider.Listener.Addr().String())
	x.server = start(t, append(x.env(), env...), "--data", dir, "--kafka-listen", x.kafka, "--clickhouse-listen", x.engine)
	x.write = x.enishi("key", "create", "--write", "load")
	x.tables = tablesOf(t, x.engine, filepath.Join(dir, "keys"))
	publish(x.server)
	return x
}

func (x *shop) env() []string {
	return []string{"ENISHI_LINE__ENDPOINT=http://" + x.toLINE.listen, "ENISHI_LINE__TOKEN=token", "ENISHI_LINE__SECRET=secret"}
}

// second starts a second replica on the first one's servers, or on what stands before them.
func (x *shop) second(t *testing.T, kafka, engine string) *server {
	t.Helper()
	return start(t, x.env(), "--data", t.TempDir(), "--kafka", kafka, "--clickhouse", "http://"+engine, "--keys", filepath.Join(x.dir, "keys"))
}

func lineUser(p int) string { return fmt.Sprintf("U%032x", p) }

// publish saves a segment that only the merged history fulfils, and journeys by LINE: on an event, on an order, on the
// segment.
func publish(s *server) {
	s.t.Helper()
	s.allHours()
	s.put("segment", "keen", map[string]any{"title": title("keen"), "expression": `product_views >= 4 && orders_count >= 1 && any(views, .product_id == "p-last")`})
	for name, entry := range map[string]map[string]any{
		"hello": {"events": []string{"user.signed_up"}, "reentry": "never"},
		"order": {"events": []string{"order.placed"}, "key": "order_id", "reentry": "always"},
		"keen":  {"segment": "keen", "reentry": "never"},
	} {
		s.put("template", name, map[string]any{"name": name, "channel": "line", "purpose": "marketing", "title": title(name),
			"variants": map[string]any{"ja": map[string]any{"messages": []map[string]any{{"type": "text", "text": "to " + name}}}}})
		s.putJourney(name, entry)
	}
}

func title(s string) map[string]string { return map[string]string{"ja": s, "en": s} }

// allHours lets messages leave whatever the time of day is while the test runs.
func (s *server) allHours() {
	s.t.Helper()
	s.put("setting", "journeys", map[string]any{"timezone": "Asia/Tokyo", "quiet_hours": map[string]any{"off": true}})
}

// put saves a definition. The fold goes by it a moment later: [server.settled] and [server.quiet] wait for that too.
func (s *server) put(kind, name string, body any) {
	s.t.Helper()
	var written struct{ Position string }
	if err := s.call("PUT", definitionPath(kind, name), map[string]any{"body": body, "expect": -1}, &written); err != nil {
		s.t.Fatal(err)
	}
	s.wrote = written.Position
}

// putJourney makes a journey live that sends the template of its name.
func (s *server) putJourney(name string, entry map[string]any) {
	s.t.Helper()
	s.put("journey", name, map[string]any{"title": title(name), "purpose": "marketing", "consent": "opt_in", "state": "live", "cap": map[string]string{"default": "none"},
		"entry": entry, "start": "say", "nodes": map[string]any{"say": map[string]any{"type": "message", "template": name, "next": "end"}, "end": map[string]any{"type": "exit"}}})
}

// meeting are the events by which everybody becomes known, with consent; they come first.
func meeting(people int, now time.Time) (out []map[string]any) {
	at := now.Format(time.RFC3339Nano)
	for p := range people {
		user := fmt.Sprintf("u%05d", p)
		out = append(out,
			map[string]any{"~type": "person.identified", "type": "identify", "messageId": "i-" + user, "userId": user, "timestamp": at,
				"traits": map[string]any{"email": user + "@load.example", "line_user_id": lineUser(p), "consent": map[string]any{"line": "in", "email": "in"}}},
			map[string]any{"~type": "line.followed", "type": "line.followed", "id": "f-" + user, "occurred_at": at, "person": map[string]any{"line_user_id": lineUser(p)}})
	}
	return out
}

// merging are events of two browsers of everybody, which turn out to be theirs in the middle: two merges each.
func merging(people int, now time.Time, random *rand.Rand) (out []map[string]any) {
	at := func() string {
		return now.Add(-time.Duration(random.IntN(3600_000)) * time.Millisecond).Format(time.RFC3339Nano)
	}
	for p := range people {
		user := fmt.Sprintf("u%05d", p)
		add := func(typ string, e map[string]any) {
			e["~type"], e["messageId"], e["timestamp"] = typ, fmt.Sprintf("m-%s-%d", user, len(out)), at()
			out = append(out, e)
		}
		for browser := range 2 {
			anonymous := fmt.Sprintf("b%d-%s", browser, user)
			for k := range 2 {
				product := fmt.Sprintf("p-%d", k)
				if browser == 1 && k == 1 {
					product = "p-last"
				}
				add("product.viewed", map[string]any{"type": "track", "event": "Product Viewed", "anonymousId": anonymous, "properties": map[string]any{"product_id": product, "price": "100"}})
			}
			add("page.viewed", map[string]any{"type": "page", "anonymousId": anonymous, "userId": user, "properties": map[string]any{"path": "/mine"}})
		}
		add("user.signed_up", map[string]any{"type": "track", "event": "Signed Up", "userId": user})
		add("order.placed", map[string]any{"type": "track", "event": "Order Completed", "userId": user, "properties": map[string]any{"order_id": "o-" + user, "total": fmt.Sprint(1000 + p), "currency": "JPY",
			"products": []map[string]any{{"product_id": "p-1", "price": "1000", "quantity": 1}}}})
	}
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// load sends events in batches, each to the next server until it is acknowledged there.
type load struct {
	key   string
	to    []*server
	acked atomic.Int64
	sent  acknowledged
}

// send returns when all is acknowledged, or with what can never be.
func (l *load) send(events []map[string]any) error {
	const size = 50
	work := make(chan int)
	errs := make(chan error, len(l.to))
	var wg sync.WaitGroup
	for _, s := range l.to {
		wg.Go(func() {
			for i := range work {
				for begun := time.Now(); ; {
					// A batch whose acknowledgement was lost is sent again: the ids make the repeat harmless.
					n, err := s.post(l.key, events[i:min(i+size, len(events))])
					if err == nil {
						l.acked.Add(int64(n))
						break
					}
					if strings.Contains(err.Error(), "rejected") || time.Since(begun) > 2*time.Minute {
						errs <- err
						for range work { // let the others be
						}
						return
					}
					<-time.After(50 * time.Millisecond) // the server is away, or full
				}
			}
		})
	}
	for i := 0; i < len(events); i += size {
		work <- i
	}
	close(work)
	wg.Wait()
	l.sent.add(events)
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// reaches waits until so many events are acknowledged.
func (l *load) reaches(t *testing.T, n int64) {
	t.Helper()
	eventually(t, 2*time.Minute, "the load goes on", func() error {
		if have := l.acked.Load(); have < n {
			return fmt.Errorf("%d of %d events", have, n)
		}
		return nil
	})
}

// owned is how many partitions of events a replica folds.
func (s *server) owned() (n int, err error) {
	answer, err := http.Get(s.base + "/metrics")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), "\nenishi_partitions_owned{workspace=\"\"} ")
	if !ok {
		return 0, fmt.Errorf("no enishi_partitions_owned in %d bytes", len(text))
	}
	_, err = fmt.Sscan(rest, &n)
	return n, err
}

// shares waits until the replicas fold so many partitions each; -1 is some.
func shares(t *testing.T, what string, limit time.Duration, want map[*server]int) {
	t.Helper()
	eventually(t, limit, what, func() error {
		for s, n := range want {
			have, err := s.owned()
			if err != nil {
				return err
			}
			if n == -1 && have == 0 || n >= 0 && have != n {
				return fmt.Errorf("%s folds %d partitions, want %d", s.base, have, n)
			}
		}
		return nil
	})
}

// TestTwoReplicas folds events of people with many merges by two processes on one log and one engine. The second is killed in
// the middle and comes back. What is there at the end equals what a single process makes of the same events.
func TestTwoReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	t.Parallel()
	people, kills := 500, 1
	if full() {
		people, kills = 4000, 4
	}
	now := time.Now().UTC()
	met, events := meeting(people, now), merging(people, now, rand.New(rand.NewPCG(2, uint64(people))))
	dirs := [2]string{t.TempDir(), t.TempDir()} // with the same keys: then profiles and sends have the same ids
	if _, err := OpenKeys(filepath.Join(dirs[0], "keys"), true); err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(filepath.Join(dirs[0], "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dirs[1], "keys"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	var got, want holding
	t.Run("folds", func(t *testing.T) {
		t.Run("two", func(t *testing.T) {
			t.Parallel()
			got = foldByTwo(t, dirs[0], people, kills, met, events)
		})
		t.Run("single", func(t *testing.T) {
			t.Parallel()
			x := openShop(t, dirs[1], people)
			want = x.fold(t, &load{key: x.write, to: []*server{x.server}}, met, events, nil)
		})
	})
	if t.Failed() {
		return
	}
	complain(t, "two replicas against one", differ(got, want))
	if n := len(want["sends"]); n != 3*people {
		t.Errorf("%d sends, want %d: the journeys did not all run", n, 3*people)
	}
	if n := len(want["merged"]); n < 2*people {
		t.Errorf("%d profiles were merged away, want at least %d", n, 2*people)
	}
	t.Logf("%d events, %d kills, %d profiles merged away, %d sends", len(met)+len(events), kills, len(want["merged"]), len(want["sends"]))
}

// foldByTwo folds by two processes; the second is killed and started again, while partitions move there and back.
func foldByTwo(t *testing.T, dir string, people, kills int, met, events []map[string]any) holding {
	a := openShop(t, dir, people)
	b := a.second(t, a.kafka, a.engine)
	shares(t, "both replicas fold", 20*time.Second, map[*server]int{a.server: 4, b: 4})
	l := &load{key: a.write, to: []*server{a.server, b}}
	return a.fold(t, l, met, events, func() {
		for i := range kills {
			l.reaches(t, int64(len(events))*int64(i+1)/int64(kills+2))
			b.kill()
			shares(t, "the first replica folds alone", 20*time.Second, map[*server]int{a.server: 8})
			b.launch()
			b.waitReady()
			shares(t, "both replicas fold again", 20*time.Second, map[*server]int{a.server: 4, b: 4})
		}
	})
}

// fold sends the events, does what the test does meanwhile, checks what came of it, and reads what is held.
func (x *shop) fold(t *testing.T, l *load, met, events []map[string]any, meanwhile func()) holding {
	t.Helper()
	l.sent = acknowledged{}
	if err := l.send(met); err != nil {
		t.Fatal(err)
	}
	x.quiet(2*time.Minute, x.tables)
	l.acked.Store(0)
	sent := make(chan error, 1)
	go func() { sent <- l.send(events) }()
	if meanwhile != nil {
		meanwhile()
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	x.quiet(5*time.Minute, x.tables)
	complain(t, "events", l.sent.check(x.tables.outsideEvents()))
	complain(t, "LINE", checkLINE(x.line.Sent(), x.tables.decidedLINE()))
	return x.tables.holding()
}
