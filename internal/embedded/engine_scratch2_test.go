package embedded

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"math/rand/v2"
	"encoding/binary"
	"time"
)

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestMerge(t *testing.T) {
	for _, kv := range strings.Fields(os.Getenv("MS")) {
		k, v, _ := strings.Cut(kv, "=")
		merges = append(merges, setting{k, v})
	}
	for _, kv := range strings.Fields(os.Getenv("SS")) {
		k, v, _ := strings.Cut(kv, "=")
		for i := range server { if server[i].name == k { server[i].value = v } }
	}
	e, err := OpenEngine(EngineConfig{Dir: t.TempDir()})
	if err != nil { t.Fatal(err) }
	ctx := t.Context()
	w := client(t, e, "default")
	must := func(err error) { t.Helper(); if err != nil { t.Fatal(err) } }
	must(w.Exec(ctx, "CREATE TABLE s (p UInt16, id FixedString(16), v UInt64, blob String) ENGINE = ReplacingMergeTree(v) ORDER BY (p, id)"))
	must(w.Exec(ctx, "CREATE TABLE ev (subject FixedString(16), at DateTime64(3), id FixedString(16), typ LowCardinality(String), app DateTime64(3), part UInt16, off Int64, props String, a String, b Float64) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (subject, at, id)"))
	rng := rand.New(rand.NewPCG(1, 2))
	id := func(n uint64) string { b := make([]byte, 16); binary.BigEndian.PutUint64(b, n*0x9E3779B97F4A7C15); return string(b) }
	blob := func(n int) string { b := make([]byte, n); for i := range b { if i%2==0 {b[i] = byte(rng.Uint32())} }; return string(b) }
	big := blob(1<<20)
	ins := time.Duration(0)
	c0 := cpu(); start := time.Now()
	total := 0
	var clientCPU time.Duration
	for round := range 60 {
		n := 20000
		b, err := w.PrepareBatch(ctx, "INSERT INTO ev"); must(err)
		t0 := time.Now()
		typs := []string{"page viewed", "order placed", "cart"}
		for i := range n {
			o := rng.IntN(1<<19)
			must(b.Append(id(uint64(rng.IntN(200000))), int64(1700000000000+round*1000+i), id(uint64(round*n+i)+1<<40), typs[i%3], int64(1700000000000), uint16(i%8), int64(i), big[o:o+200], "shoes", 1.5))
		}
		clientCPU += time.Since(t0)
		t0 = time.Now()
		must(b.Send()); ins += time.Since(t0)
		b, err = w.PrepareBatch(ctx, "INSERT INTO s"); must(err)
		t0 = time.Now()
		for i := range n/4 {
			o := rng.IntN(1<<19)
			must(b.Append(uint16(i%8), id(uint64(rng.IntN(200000))), uint64(round), big[o:o+640]))
		}
		clientCPU += time.Since(t0)
		t0 = time.Now()
		must(b.Send()); ins += time.Since(t0)
		total += n
		if d := time.Duration(round)*200*time.Millisecond - time.Since(start); d > 0 { time.Sleep(d) }
	}
	cIns := cpu() - c0
	// quiesce
	quiet := 0
	for quiet < 6 {
		time.Sleep(time.Second)
		out, err := e.text(context.Background(), "SELECT count() FROM system.merges")
		must(err)
		if strings.TrimSpace(out) == "0" { quiet++ } else { quiet = 0 }
	}
	out, _ := e.text(ctx, "SELECT table, countIf(active), count(), sum(bytes_on_disk) FROM system.parts WHERE database='default' GROUP BY table")
	t.Logf("MS=%q SS=%q insert wall %v; cpu at end of insert %v, all %v, client ~%v, per row %v (without client %v) parts %q", os.Getenv("MS"), os.Getenv("SS"), ins, cIns, cpu()-c0, clientCPU, (cpu()-c0)/time.Duration(total), (cpu()-c0-clientCPU)/time.Duration(total), out)
	e.Close()
}
