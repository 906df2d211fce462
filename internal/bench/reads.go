package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"enishi"
	"enishi/internal/mix"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/profiles"
)

// The stage reads gives each person so many orders, with the events of the standard mix around each, and so many messages.
const (
	readOrders   = 4
	readMessages = 4
	readSlice    = 500 // reads of a slice
	readCold     = 100 // reads of which each finds every cache empty
)

// readHasher is that of every product of this program.
var readHasher = enishi.NewHasher([]byte("0123456789abcdef0123456789abcdef"))

func customerOf(i int) enishi.Identifier {
	return enishi.Identifier{Kind: enishi.Customer, Value: fmt.Sprintf("C%07d", i)}
}

func addressOf(i int) enishi.Identifier {
	return enishi.Identifier{Kind: enishi.Email, Value: fmt.Sprintf("c%07d@mail.example", i)}
}

// runReads stores people and reads single ones through the API: by id, and by an identifier as a shop's server does. A is the one
// SELECT by key that the page of a person cannot do without.
func runReads(ctx context.Context, b *bench) (err error) {
	begun := time.Now()
	if err := storePeople(ctx, b.dir, b.stored); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	b.printf("  %d people of %d events each made in %s\n", b.stored, readOrders*mix.Events, time.Since(begun).Round(time.Second))
	w, err := openWorld(ctx, b.dir) // as after a restart
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	p, err := openProduct(ctx, w, "shop", nil, int64(b.cacheMB)<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	server, err := p.serve()
	if err != nil {
		return err
	}
	defer server.Close()
	ends, err := p.stream.Ends(ctx, enishi.TopicIdentities)
	if err != nil {
		return err
	}
	return while(ctx, p.run, func() error {
		if err := eventually(ctx, "the start", 5*time.Minute, func() (bool, error) {
			return p.runner.Ready() && !p.folder.Busy() && p.ingester.Graph().Next() >= ends[0], nil
		}); err != nil {
			return err
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
		r := &reader{p, server, rand.New(rand.NewPCG(1, 2)), b.stored}
		if err := r.cold(ctx, b); err != nil {
			return err
		}
		for _, x := range r.ways() {
			if err := r.warm(ctx, b, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// storePeople writes states, ledger rows and markers as the fold and the sender do, and the links of the identifiers.
func storePeople(ctx context.Context, dir string, n int) (err error) {
	w, err := openWorld(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	defs, err := mix.Definitions()
	if err != nil {
		return err
	}
	p, err := openProduct(ctx, w, "shop", defs, 8<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	now := time.Now().UTC().Truncate(time.Millisecond)
	const chunk = 25_000
	partitions := p.stream.Partitions(enishi.TopicEvents)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for from := 0; from < n; from += chunk {
		g.Go(func() error { return storeChunk(gctx, p, from, min(n, from+chunk), partitions, now) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// What the sender has left of the messages of everybody; a part of them still waits.
	if err := p.db.Exec(ctx, fmt.Sprintf(`INSERT INTO deliveries (partition, send_id, round, version, state, attempt, destination, channel, purpose, journey, template, profile_id, decided_at, updated_at, reported, message)
SELECT cityHash64(number) %% %d, MD5(concat('send', toString(number))), 1, 3, if(number %% 10000 = 0, 'decided', 'sent'), 1, 'mail', 'email', 'marketing', 'winback', 'winback', MD5(toString(intDiv(number, %d))), now64(3) - toIntervalMinute(number %% 500000), now64(3) - toIntervalMinute(number %% 500000), 1, '' FROM numbers(%d)`,
		partitions, readMessages, n*readMessages)); err != nil {
		return fmt.Errorf("fill the ledger: %w", err)
	}
	var markers []pipeline.Marker
	for i := range partitions {
		markers = append(markers, pipeline.Marker{Partition: i, Clock: now, Definitions: p.defs.Next(), Identities: int64(n)})
	}
	if err := p.store.Save(ctx, &pipeline.Rows{Markers: markers}); err != nil {
		return err
	}
	return w.settle(ctx)
}

func storeChunk(ctx context.Context, p *product, from, to, partitions int, now time.Time) error {
	var rows pipeline.Rows
	var links []stream.Record
	for i := from; i < to; i++ {
		id, address := readHasher.Hash(customerOf(i)), readHasher.Hash(addressOf(i))
		rows.States = append(rows.States, pipeline.State{Partition: id.Partition(partitions), ID: id, Version: pipeline.Version(0, 1), Bytes: livedState(i, id, address, now)})
		link := enishi.Link{Op: "link", A: id, AKind: enishi.Customer, B: address, BKind: enishi.Email, Source: "shop", At: now}
		links = append(links, stream.Record{Topic: enishi.TopicIdentities, Time: now, Value: enishi.EncodeLink(nil, &link)})
	}
	if err := p.store.Save(ctx, &rows); err != nil {
		return err
	}
	return p.stream.Append(ctx, links)
}

// livedState is the state of a customer after a year of orders.
func livedState(i int, id, address enishi.ID, now time.Time) string {
	p := profiles.New(id)
	for order := range readOrders {
		begun := now.AddDate(-1, 0, (i*7+order*89)%350)
		for n := range mix.Events {
			e := mix.Event(i*readOrders+order, n, begun.Add(time.Duration(n)*13*time.Hour))
			e.ID, e.Subject, e.Links = enishi.NewID("lived", strconv.Itoa(i), strconv.Itoa(order*mix.Events+n)), id, []enishi.ID{id, address}
			e.Person.CustomerID, e.Person.Email = customerOf(i).Value, addressOf(i).Value
			p.Apply(&e, e.At)
		}
	}
	return string(p.Encode(nil))
}

// reader reads single people.
type reader struct {
	*product
	server *httptest.Server
	rand   *rand.Rand
	people int
}

// way is how somebody is asked for.
type way struct {
	name, unit string
	path       func(i int) string
}

func (r *reader) ways() [2]way {
	return [2]way{
		{"page of a person", "page", func(i int) string { return "/people/" + readHasher.Hash(customerOf(i)).String() }},
		{"look-up by an address", "look-up", func(i int) string { return "/people/lookup?kind=email&value=" + addressOf(i).Value }},
	}
}

// get asks for one person and wants that one.
func (r *reader) get(ctx context.Context, path string, i int) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL+"/api/v1"+path, nil)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	res, err := r.server.Client().Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	took := time.Since(begun)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(text), customerOf(i).Value)) {
		err = fmt.Errorf("%s: %s: %.300s", path, res.Status, text)
	}
	return took, err
}

// bare reads and decodes one state.
func (r *reader) bare(ctx context.Context, i int) error {
	id := readHasher.Hash(customerOf(i))
	var state string
	if err := r.db.QueryRow(ctx, fmt.Sprintf("SELECT state FROM profiles WHERE partition = %d AND profile_id = toFixedString(unhex('%s'), 16) ORDER BY version DESC LIMIT 1 SETTINGS max_threads = 1",
		id.Partition(r.stream.Partitions(enishi.TopicEvents)), id)).Scan(&state); err != nil {
		return err
	}
	_, err := profiles.Decode(id, state)
	return err
}

// warm reads people all over the table, one after another, for as many rounds as are asked for.
func (r *reader) warm(ctx context.Context, b *bench, x way) error {
	var took []time.Duration
	one := func(read func(i int) error) (slice, error) {
		for range readSlice {
			if err := read(r.rand.IntN(r.people)); err != nil {
				return slice{}, err
			}
		}
		return slice{ops: readSlice}, nil
	}
	as, bs, err := b.alternate(nil, func(int) (slice, error) {
		return one(func(i int) error { return r.bare(ctx, i) })
	}, func(int) (slice, error) {
		return one(func(i int) error {
			t, err := r.get(ctx, x.path(i), i)
			took = append(took, t)
			return err
		})
	})
	if err != nil {
		return err
	}
	b.compare(x.name, x.unit, as, bs, 2)
	b.quantiles(x.name, took, 10)
	return nil
}

// cold reads each time after every cache of the engine and of the system was emptied of the tables.
func (r *reader) cold(ctx context.Context, b *bench) error {
	for _, x := range r.ways() {
		var took []time.Duration
		for range readCold {
			if err := r.forget(ctx); err != nil {
				return err
			}
			i := r.rand.IntN(r.people)
			t, err := r.get(ctx, x.path(i), i)
			if err != nil {
				return err
			}
			took = append(took, t)
		}
		b.quantiles(x.name+", cold", took, 50)
	}
	return nil
}

// forget empties the caches of the engine, and the system's of the engine's files.
func (r *reader) forget(ctx context.Context) error {
	for _, cache := range []string{"MARK", "UNCOMPRESSED", "INDEX MARK", "INDEX UNCOMPRESSED", "QUERY"} {
		if err := r.db.Exec(ctx, "SYSTEM DROP "+cache+" CACHE"); err != nil {
			return fmt.Errorf("empty a cache: %w", err)
		}
	}
	return filepath.WalkDir(filepath.Join(r.w.dir, "engine"), func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // a merge was done with it
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// quantiles prints how long single operations took and judges the 99th percentile, in milliseconds.
func (b *bench) quantiles(name string, took []time.Duration, limit float64) {
	slices.Sort(took)
	b.printf("  %-28s p50 %s, p99 %s, max %s of %d\n", name, round(quantile(took, 0.5)), round(quantile(took, 0.99)), round(quantile(took, 1)), len(took))
	b.goal(name+", p99", float64(quantile(took, 0.99).Microseconds())/1000, "ms", limit)
}
