package main

import (
	"bytes"
	"context"
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
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"time"

	"enishi/internal/clickhouse"
	"enishi/internal/embedded"
	"enishi/internal/sim/ads"
	"enishi/segments/audiences"
	"enishi/segments/audiences/google"
	"enishi/segments/audiences/meta"
)

const adSlice = 50_000 // people of a slice

// adFill stores n people with an address and a number each, and so many more who come later. The n are the segment "all", a quarter of them "quarter", the first "slice".
func adFill(ctx context.Context, db *clickhouse.DB, n, more int) error {
	insert := func(table, columns, rows, where string) error {
		err := db.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM (SELECT sipHash128(number) AS id, number FROM numbers(%d)) WHERE %s", table, columns, rows, n+more, where))
		if err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
		return nil
	}
	in := func(segment, where string) error {
		return insert("memberships", "profile_id, segment, version, is_deleted", "id, '"+segment+"', 1, 0", where)
	}
	return errors.Join(
		insert("people", "profile_id, version, is_deleted, consents, ltv, currency", "id, 1, 0, map('ads.marketing', 'in'), number, 'JPY'", "1"),
		insert("identifiers", "profile_id, subject, version, is_deleted, kind, scope, value", "id, sipHash128('m', number), 1, 0, 'email', '', concat('hanako.sato', toString(number), '@mail.example.jp')", "1"),
		insert("identifiers", "profile_id, subject, version, is_deleted, kind, scope, value", "id, sipHash128('p', number), 1, 0, 'phone', '', concat('+8190', leftPad(toString(number), 8, '0'))", "1"),
		in("all", fmt.Sprintf("number < %d", n)), in("quarter", fmt.Sprintf("number < %d", n/4)), in("slice", fmt.Sprintf("number < %d", adSlice)))
}

// adProcess is the platforms, in a process of their own: neither their work nor their memory is the product's.
type adProcess struct {
	URL string
	Key []byte
}

// servePlatforms is that process; it ends when its input does.
func servePlatforms(in io.Reader, out io.Writer) error {
	g, m := ads.NewGoogle("1234567890", time.Now), ads.NewMeta("1234567890", "token", time.Now)
	g.Everybody("")
	m.Everybody("")
	g.Limits.PerMinute = 0 // the product's own pace is measured
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/google/", http.StripPrefix("/google", g))
	mux.Handle("/meta/", http.StripPrefix("/meta", m))
	mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err == nil {
			fmt.Fprint(w, n)
		}
	})
	go func() { _ = http.Serve(l, mux) }() // until the process ends
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	p := adProcess{URL: "http://" + l.Addr().String()}
	p.Key, err = json.Marshal(map[string]string{"type": "service_account", "client_email": "bench@example.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": p.URL + "/google/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))})
	if err := errors.Join(err, json.NewEncoder(out).Encode(p)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// openPlatforms starts the process; stop ends it.
func openPlatforms(ctx context.Context) (p adProcess, stop func() error, err error) {
	program, err := os.Executable()
	if err != nil {
		return p, nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-platforms")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return p, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return p, nil, err
	}
	if err := cmd.Start(); err != nil {
		return p, nil, err
	}
	stop = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	if err := json.NewDecoder(out).Decode(&p); err != nil {
		return p, nil, errors.Join(fmt.Errorf("the platforms' process: %w", err), stop())
	}
	return p, stop, nil
}

// adBench keeps audiences at both platforms.
type adBench struct {
	*bench
	db     *clickhouse.DB
	url    string
	syncer *audiences.Syncer
	sizes  map[string]int
	calls  map[string]int // of the last run, by account
}

// runAudiences measures the first sync of a segment to the simulators of Google and Meta, and a day's difference.
func runAudiences(ctx context.Context, b *bench) (err error) {
	p, stop, err := openPlatforms(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	engine, err := embedded.OpenEngine(embedded.EngineConfig{Dir: filepath.Join(b.dir, "engine"), MaxMemory: engineMemory})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	a := &adBench{bench: b, url: p.URL, sizes: map[string]int{"all": b.stored, "quarter": b.stored / 4, "slice": adSlice}}
	if a.db, err = clickhouse.Open(ctx, clickhouse.Config{Transport: engine, Database: "bench_audiences"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.db.Close()) }()
	begun, daily := time.Now(), max(1, b.stored/200) // so many go in a day, and so many come
	if err := adFill(ctx, a.db, b.stored, daily); err != nil {
		return err
	}
	b.printf("  %d people made in %s\n", b.stored+daily, time.Since(begun).Round(time.Second))
	client := &http.Client{Timeout: audiences.CallTimeout}
	g, err := google.New(google.Config{Base: p.URL + "/google", Account: "1234567890", Key: p.Key, Client: client})
	if err != nil {
		return err
	}
	m, err := meta.New(meta.Config{Base: p.URL + "/meta", Account: "1234567890", Token: "token", Client: client})
	if err != nil {
		return err
	}
	to := func(name string, p audiences.Platform) *audiences.Destination {
		return &audiences.Destination{Name: name, Recipient: "Platform, Inc.", Country: "US", Basis: audiences.ByConsent, Consent: "ads.marketing", Platform: p}
	}
	a.syncer = audiences.New(audiences.Config{Tables: &audiences.Tables{DB: a.db}, Destinations: map[string]*audiences.Destination{"google": to("google", g), "meta": to("meta", m)},
		Segment: func(_ context.Context, name string) (audiences.Segment, error) {
			return audiences.Segment{Size: a.sizes[name], Found: true}, nil
		}})
	for _, account := range []string{"google", "meta"} {
		as, bs, err := b.alternate(nil, func(int) (slice, error) { return a.bare(ctx, adSlice) }, func(round int) (slice, error) {
			return a.sync(ctx, fmt.Sprintf("slice_%s_%d", account, round), "slice", account, adSlice)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", account, err)
		}
		b.compare("first sync to "+account, "person", as, bs, 30) // the twin reads nobody from tables and keeps no ledger: three rows of each person
	}
	for _, account := range []string{"google", "meta"} {
		if err := a.large(ctx, account); err != nil {
			return fmt.Errorf("%s: %w", account, err)
		}
	}
	return a.day(ctx, daily)
}

// bare hashes an address and a number of each, writes them as JSON in the shape of Google's and posts them, 10,000 at a time: no list is read, none is kept.
func (a *adBench) bare(ctx context.Context, n int) (slice, error) {
	type id struct {
		Email string `json:"emailAddress,omitempty"`
		Phone string `json:"phoneNumber,omitempty"`
	}
	type member struct {
		UserData struct {
			UserIdentifiers []id `json:"userIdentifiers"`
		} `json:"userData"`
	}
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(strings.ToLower(s)))
		return hex.EncodeToString(sum[:])
	}
	const batch = 10_000
	for from := 0; from < n; from += batch {
		list := make([]member, min(batch, n-from))
		for i := range list {
			list[i].UserData.UserIdentifiers = []id{{Email: hash(fmt.Sprintf("hanako.sato%d@mail.example.jp", from+i))}, {Phone: hash(fmt.Sprintf("+8190%08d", from+i))}}
		}
		body, err := json.Marshal(map[string]any{"audienceMembers": list})
		if err != nil {
			return slice{}, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/sink", bytes.NewReader(body))
		if err != nil {
			return slice{}, err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return slice{}, err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || string(text) != fmt.Sprint(len(body)) {
			return slice{}, fmt.Errorf("the sink has %q of %d bytes: %w", text, len(body), err)
		}
	}
	return slice{ops: n}, nil
}

// sync keeps an audience once, and checks that the platform has want people, whose two identifiers count each.
func (a *adBench) sync(ctx context.Context, name, segment, account string, want int) (slice, error) {
	def, err := audiences.Parse(fmt.Appendf(nil, `{"title": %q, "segment": %q, "destination": %q}`, name, segment, account))
	if err != nil {
		return slice{}, err
	}
	st, err := a.syncer.Sync(ctx, name, def)
	switch {
	case err != nil:
		return slice{}, err
	case st.Problem != nil:
		return slice{}, st.Problem
	case st.EndedAt.Before(st.BeganAt) || st.InList != want || st.Matched != 2*want:
		return slice{}, fmt.Errorf("%s: %d people in the list and %d identifiers at the platform, want %d", name, st.InList, st.Matched, want)
	}
	a.calls = map[string]int{account: st.Calls}
	return slice{ops: want}, nil
}

// large syncs a quarter and then all, with the memory that each takes.
func (a *adBench) large(ctx context.Context, account string) error {
	var heaps []float64
	for _, segment := range []string{"quarter", "all"} {
		n := a.sizes[segment]
		peak := watchHeap()
		s, err := measured(func() (slice, error) { return a.sync(ctx, segment+"_"+account, segment, account, n) })
		heaps = append(heaps, peak())
		if err != nil {
			return err
		}
		a.printf("  %-28s %d people in %.1f s: %.0f people/s, %.1f CPU us/person, %d calls, heap %.0f MiB, resident %.0f MiB\n", "first sync to "+account, n, s.wall.Seconds(), s.rate(), s.perOp(), a.calls[account],
			heaps[len(heaps)-1], float64(procNumber("/proc/self/status", "VmRSS:"))/1024)
	}
	a.goal("heap of all over a quarter", heaps[1]/heaps[0], "x", 1.5)
	return nil
}

// day lets a half per cent leave and a half come, and syncs both accounts.
func (a *adBench) day(ctx context.Context, n int) error {
	err := a.db.Exec(ctx, fmt.Sprintf(`INSERT INTO memberships (profile_id, segment, version, is_deleted) SELECT sipHash128(number), 'all', 2, number < %[1]d FROM numbers(%[2]d)
		WHERE number < %[1]d OR number >= %[3]d`, n, a.stored+n, a.stored))
	if err != nil {
		return fmt.Errorf("a day passes: %w", err)
	}
	for _, account := range []string{"google", "meta"} {
		peak := watchHeap()
		s, err := measured(func() (slice, error) { return a.sync(ctx, "all_"+account, "all", account, a.stored) })
		heap := peak()
		if err != nil {
			return err
		}
		a.printf("  %-28s %d of %d changed: %.1f s, %.1f CPU s, %d calls, heap %.0f MiB\n", "a day at "+account, 2*n, a.stored, s.wall.Seconds(), s.cpu.Seconds(), a.calls[account], heap)
		a.goal("a day at "+account, s.cpu.Seconds()*1e6/float64(a.stored), "CPU s for a million", 30)
	}
	return nil
}

// watchHeap samples the live and dead objects of the heap; the function that it gives ends that and tells the most, in MiB.
func watchHeap() func() float64 {
	stop, done := make(chan struct{}), make(chan float64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		most := uint64(0)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				done <- float64(most) / (1 << 20)
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(stop); return <-done }
}
