package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// readyz gives what /readyz answers.
func (s *server) readyz() (status int, text string, err error) {
	answer, err := http.Get(s.base + "/readyz")
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(b), err
}

// says waits until /readyz answers with a status and names these troubles and no others, and the alerts are the same.
func (s *server) says(status int, kinds ...string) {
	s.t.Helper()
	eventually(s.t, 30*time.Second, fmt.Sprintf("readyz says %d %v", status, kinds), func() error {
		got, text, err := s.readyz()
		if err != nil {
			return err
		}
		var named []string
		for _, line := range lines(text)[1:] {
			kind, _, _ := strings.Cut(line, ":")
			named = append(named, kind)
		}
		if got != status || !slices.Equal(named, kinds) {
			return fmt.Errorf("it says %d %q", got, text)
		}
		alerts, err := s.alerts()
		if err != nil {
			return err
		}
		for _, kind := range []string{"disk_full", "log_away", "tables_away"} {
			a, shown := alerts[kind]
			if shown != slices.Contains(kinds, kind) {
				return fmt.Errorf("alert %s is shown: %v", kind, shown)
			}
			if shown && (a.Text == "" || !strings.ContainsFunc(a.TextJA, func(r rune) bool { return r >= 'ぁ' && r <= 'ん' })) {
				return fmt.Errorf("alert %s says %q and %q", kind, a.Text, a.TextJA)
			}
		}
		return nil
	})
}

type shownAlert struct {
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	TextJA string `json:"text_ja"`
}

// alerts are those shown in the console's bar, by kind.
func (s *server) alerts() (map[string]shownAlert, error) {
	var list struct{ Items []shownAlert }
	if err := s.call("GET", "/alerts", nil, &list); err != nil {
		return nil, err
	}
	out := map[string]shownAlert{}
	for _, a := range list.Items {
		out[a.Kind] = a
	}
	return out, nil
}

// refused posts an event that cannot be acknowledged now, and gives the answer's detail in both languages.
func (s *server) refused(key string, event map[string]any) (en, ja string) {
	s.t.Helper()
	_, err := s.post(key, []map[string]any{event})
	if err == nil {
		s.t.Fatal("an event was acknowledged that cannot have been stored")
	}
	_, body, _ := strings.Cut(err.Error(), ": ")
	var p struct {
		Status   int
		Detail   string
		DetailJA string `json:"detail_ja"`
	}
	if jerr := json.Unmarshal([]byte(body), &p); jerr != nil || p.Status != http.StatusServiceUnavailable {
		s.t.Fatalf("the collector answers %v", err)
	}
	return p.Detail, p.DetailJA
}

// views are events without a consequence, of a few people; a part is one phase of a test.
func views(part, n int) (out []map[string]any) {
	now := time.Now().UTC()
	for i := range n {
		out = append(out, map[string]any{"~type": "product.viewed", "type": "track", "event": "Product Viewed", "messageId": fmt.Sprintf("v-%d-%d", part, i),
			"userId": fmt.Sprintf("u%05d", i%10), "timestamp": now.Format(time.RFC3339Nano), "properties": map[string]any{"product_id": "p-1", "price": "100"}})
	}
	return out
}

// signUps start the journey hello for people from on.
func signUps(from, n int) (out []map[string]any) {
	for p := range n {
		user := fmt.Sprintf("u%05d", from+p)
		out = append(out, map[string]any{"~type": "user.signed_up", "type": "track", "event": "Signed Up", "messageId": "s-" + user, "userId": user, "timestamp": time.Now().UTC().Format(time.RFC3339Nano)})
	}
	return out
}

// TestServersAwayAndBack cuts a second replica off its tables and off the log, and kills the first one, which has both. It
// says so, takes what it can, comes back by itself; nothing is lost or counted twice and LINE gets no message twice.
func TestServersAwayAndBack(t *testing.T) {
	if testing.Short() {
		t.Skip("kills real processes")
	}
	t.Parallel() // it waits more than it works
	const people = 80
	a := openShop(t, t.TempDir(), people)
	tablesProxy, logProxy := newProxy(t, freePort(t), a.engine), newKafkaProxy(t, a.kafka)
	b := a.second(t, logProxy.listen, tablesProxy.listen)
	both := map[*server]int{a.server: 4, b: 4}
	shares(t, "both replicas fold", 20*time.Second, both)
	toA, toB := &load{key: a.write, to: []*server{a.server}, sent: acknowledged{}}, &load{key: a.write, to: []*server{b}, sent: acknowledged{}}
	send := func(l *load, events ...[]map[string]any) {
		t.Helper()
		if err := l.send(slices.Concat(events...)); err != nil {
			t.Fatal(err)
		}
	}
	send(toB, meeting(people, time.Now().UTC()))
	a.quiet(time.Minute, a.tables)
	b.says(200)

	// Without its tables a replica takes events and stands still.
	tablesProxy.cut()
	send(toB, views(1, 200), signUps(0, 20))
	b.says(200, "tables_away")
	a.says(200)
	send(toB, views(2, 200), signUps(20, 20))
	tablesProxy.mend()
	b.says(200)
	a.quiet(time.Minute, a.tables)
	shares(t, "both replicas fold, the tables being back", 20*time.Second, both)

	// Without the log it takes none; the other one folds alone meanwhile.
	send(toB, views(3, 200), signUps(40, 10))
	logProxy.cut()
	b.says(503, "log_away")
	en, ja := b.refused(a.write, views(99, 1)[0])
	if !strings.Contains(en, "The event log (Kafka) does not answer") || !strings.Contains(ja, "イベントログ") {
		t.Errorf("the refusal says %q and %q", en, ja)
	}
	shares(t, "the first replica folds alone", 20*time.Second, map[*server]int{a.server: 8})
	send(toA, views(4, 200), signUps(50, 10))
	a.quiet(time.Minute, a.tables)
	logProxy.mend()
	b.says(200)
	shares(t, "both replicas fold, the log being back", 20*time.Second, both)

	// The first replica is broker and engine: without it nothing goes.
	send(toB, views(5, 200), signUps(60, 10))
	a.kill()
	b.says(503, "log_away", "tables_away")
	a.launch()
	a.waitReady()
	b.says(200)
	shares(t, "both replicas fold, the first being back", 30*time.Second, both)
	send(toB, views(6, 200), signUps(70, 10))
	a.quiet(time.Minute, a.tables)
	a.says(200)

	for id, typ := range toB.sent {
		toA.sent[id] = typ
	}
	// What was refused may have been stored all the same; then it counts once.
	rows := slices.DeleteFunc(a.tables.outsideEvents(), func(row string) bool {
		refused := acknowledged{}
		refused.add(views(99, 1))
		return len(refused.check([]string{row})) == 0
	})
	complain(t, "events", toA.sent.check(rows))
	complain(t, "LINE", checkLINE(a.line.Sent(), a.tables.decidedLINE()))
	if n := len(a.tables.decidedLINE()); n != people {
		t.Errorf("%d messages were decided, want %d", n, people)
	}
	if got := a.tables.rows("SELECT sum(product_views) FROM people FINAL"); !slices.Contains([]string{"1200", "1201"}, got[0]) {
		t.Errorf("people have %s product views, want 1200, or 1201 with the one that was refused", got[0])
	}
}

// smallDisk mounts a file system of its own, which a test can fill.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		t.Skipf("a small disk cannot be mounted here (it needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill takes all the space there is, and what becomes free; the func gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 20, 4 << 10} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { // parts that were merged are deleted later
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				for err = nil; err == nil; {
					_, err = f.Write(make([]byte, 4<<10))
				}
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(done); <-ended })
	t.Cleanup(stop)
	return func() {
		t.Helper()
		stop()
		if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull fills the disk under the data folder twice, the second time with a kill before there is space again. The
// collector refuses and says why, an alert tells it, and all that was acknowledged is there once.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	t.Parallel() // it waits more than it works
	needEngine(t)
	const people = 40
	disk := smallDisk(t, "256m")
	dir := filepath.Join(disk, "data")
	x := openShop(t, dir, people)
	l := &load{key: x.write, to: []*server{x.server}, sent: acknowledged{}}
	if err := l.send(meeting(people, time.Now().UTC())); err != nil {
		t.Fatal(err)
	}
	x.quiet(time.Minute, x.tables)
	x.says(200)
	for round, kill := range []bool{false, true} {
		sent := make(chan error, 1)
		events := slices.Concat(views(round, 2000), signUps(round*people/2, people/2))
		before := l.acked.Load()
		go func() { sent <- l.send(events) }()
		l.reaches(t, before+500)
		free := fill(t, disk)
		x.says(503, "disk_full")
		en, ja := x.refused(x.write, map[string]any{"type": "track", "event": "Signed Up", "messageId": fmt.Sprint("refused-", round), "userId": "nobody"})
		if !strings.Contains(en, "disk of the data folder is full") || !strings.Contains(ja, "空きがありません") {
			t.Errorf("the refusal says %q and %q", en, ja)
		}
		if kill {
			x.kill()
		}
		free()
		if kill {
			x.launch()
			x.waitReady()
		}
		x.says(200)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		x.quiet(2*time.Minute, x.tables)
	}
	rows := x.tables.outsideEvents()
	rows = slices.DeleteFunc(rows, func(row string) bool { // refused, and stored all the same
		refused := acknowledged{}
		refused.add([]map[string]any{{"messageId": "refused-0", "~type": "user.signed_up"}, {"messageId": "refused-1", "~type": "user.signed_up"}})
		return len(refused.check([]string{row})) == 1
	})
	complain(t, "events", l.sent.check(rows))
	complain(t, "LINE", checkLINE(x.line.Sent(), x.tables.decidedLINE()))
	if n := len(x.tables.decidedLINE()); n != people {
		t.Errorf("%d messages were decided, want %d", n, people)
	}
	if got := x.tables.rows("SELECT sum(product_views) FROM people FINAL"); got[0] != "4000" {
		t.Errorf("people have %s product views, want 4000", got[0])
	}
	eventually(t, time.Minute, "no alert is left", func() error {
		alerts, err := x.alerts()
		if err == nil && len(alerts) > 0 {
			err = fmt.Errorf("%v", alerts)
		}
		return err
	})
}
