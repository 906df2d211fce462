package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"
	"net/http"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func client(t testing.TB, rt http.RoundTripper, db string) driver.Conn {
	c, err := clickhouse.Open(&clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded:0"}, MaxOpenConns: 64, MaxIdleConns: 64,
		Auth: clickhouse.Auth{Database: db},
		TransportFunc: func(*http.Transport) (http.RoundTripper, error) { return rt, nil }})
	if err != nil { t.Fatal(err) }
	return c
}

func TestScratch(t *testing.T) {
	start := time.Now()
	e, err := OpenEngine(EngineConfig{Dir: t.TempDir()})
	if err != nil { t.Fatal(err) }
	t.Log("open", time.Since(start))
	ctx := t.Context()
	c := client(t, e, "default")
	must := func(err error) { t.Helper(); if err != nil { t.Fatal(err) } }
	must(c.Exec(ctx, "CREATE DATABASE w1"))
	w := client(t, e, "w1")
	must(w.Exec(ctx, "CREATE TABLE t (id UInt64, name String, at DateTime64(3)) ENGINE = ReplacingMergeTree ORDER BY id"))
	for range 3 {
	start = time.Now()
	for range 200 {
		var x uint8
		must(w.QueryRow(ctx, "SELECT 1").Scan(&x))
	}
	t.Log("select 1", time.Since(start)/200)
	}
	start = time.Now()
	for i := range 100 {
		var x uint8
		must([]driver.Conn{w,c}[i%2].QueryRow(ctx, "SELECT 1").Scan(&x))
	}
	t.Log("select 1 alternate db", time.Since(start)/100)
	for _, n := range []int{1000, 20000} {
		start = time.Now()
		const rounds = 20
		for range rounds {
			b, err := w.PrepareBatch(ctx, "INSERT INTO t (id, name)")
			must(err)
			for i := range n { must(b.Append(uint64(i), "縁\n'")) }
			must(b.Send())
		}
		t.Log("insert", n, time.Since(start)/rounds)
	}
	b, err := w.PrepareBatch(ctx, "INSERT INTO t (id, name) SETTINGS max_insert_threads=1")
	must(err)
	must(b.Append(uint64(7), "縁\n'"))
	must(b.Send())
	must(w.Exec(ctx, "INSERT INTO t (id,name) VALUES (1,'a\nb\n'),\n(2, '縁')"))
	var s string
	must(w.QueryRow(ctx, "SELECT {a:String}", clickhouse.Named("a", "x\n'\\\x00\t縁{b:Int8}")).Scan(&s))
	t.Logf("%q", s)
	must(c.Exec(ctx, "SET max_threads=1"))
	fmt.Println(c.Exec(ctx, "SELECT * FROM nowhere"))
	start = time.Now()
	c2, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	fmt.Println(c.Exec(c2, "SELECT count() FROM numbers(1e12) WHERE NOT ignore(sipHash64(number))"), time.Since(start))
	cancel()
	c2, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
	rows, err := c.Query(c2, "SELECT number, toString(number) FROM numbers(1e9)")
	must(err)
	n := 0
	for rows.Next() { n++ }
	fmt.Println("stream", n, rows.Err(), time.Since(start))
	cancel()
	rows, err = c.Query(ctx, "SELECT number, throwIf(number > 5000000) FROM numbers(1e9)")
	must(err)
	n = 0
	for rows.Next() { n++ }
	fmt.Println("stream err", n, rows.Err())
	d, err := e.Detached(ctx)
	fmt.Println(d, err)
	time.Sleep(time.Second)
	fmt.Println("slots", len(e.slots), len(e.streams), len(e.open))
	e.trim.last = time.Time{}; e.trim.floor = 0
	start = time.Now(); e.trim.purge(e); t.Log("purge", time.Since(start))
	start = time.Now(); e.trim.purge(e); t.Log("purge", time.Since(start))
	start = time.Now(); resident(); t.Log("resident", time.Since(start), resident()>>20)
	start = time.Now(); x, err := e.connect(); must(err); t.Log("connect", time.Since(start))
	e.lib.closeConn(x.conn)
	start = time.Now()
	fmt.Println(e.Close(), time.Since(start))
}
