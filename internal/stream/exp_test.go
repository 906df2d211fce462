package stream

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestExp(t *testing.T) {
	dir := os.Getenv("EXPDIR")
	if dir == "" {
		t.Skip()
	}
	t0 := time.Now()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites(), kfake.BrokerConfigs(map[string]string{"log.segment.bytes": "16777216"}))
	if err != nil {
		t.Fatal(err)
	}
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	fmt.Println("open", time.Since(t0), "sys MB", ms.Sys>>20, "heap", ms.HeapAlloc>>20)
	ctx := context.Background()
	cl, err := Open(ctx, Config{Brokers: c.ListenAddrs(), Topics: []TopicSpec{{Name: "events"}}})
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("EXPFILL") != "" {
		val := make([]byte, 650)
		for i := range val {
			val[i] = byte(i * 7)
		}
		for range 500 {
			recs := make([]Record, 1000)
			for i := range recs {
				recs[i] = Record{Topic: "events", Partition: -1, Key: []byte(fmt.Sprint(i)), Value: val}
			}
			if err := cl.Append(ctx, recs); err != nil {
				t.Fatal(err)
			}
		}
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for _, batch := range []int{100, 1000, 5000} {
		n := 200000 / batch
		if batch == 100 {
			n = 500
		}
		val := make([]byte, 650)
		recs := make([]Record, batch)
		keys := make([][]byte, batch)
		for i := range keys {
			keys[i] = []byte(fmt.Sprintf("profile-%06d", i*7919))
		}
		t0, c0 := time.Now(), cpu()
		for range n {
			for i := range recs {
				recs[i] = Record{Topic: "events", Partition: -1, Key: keys[i], Value: val}
			}
			if err := cl.Append(ctx, recs); err != nil {
				t.Fatal(err)
			}
		}
		d, u := time.Since(t0), cpu()-c0
		fmt.Printf("append batch %d: %.0f/s, %.2f us cpu/rec\n", batch, float64(n*batch)/d.Seconds(), float64(u.Microseconds())/float64(n*batch))
	}
	t0, c0 := time.Now(), cpu()
	ends, _ := cl.Ends(ctx, "events")
	var total int64
	for _, e := range ends {
		total += e
	}
	got, batches := int64(0), 0
	cctx, cancel := context.WithCancel(ctx)
	err = cl.Consume(cctx, Consumer{Group: fmt.Sprint(time.Now().UnixNano()), Topics: []string{"events"},
		Gained: func(context.Context, *Generation, []Partition) (map[Partition]int64, error) {
			t0, c0 = time.Now(), cpu()
			return nil, nil
		},
		Batch: func(ctx context.Context, g *Generation, recs []Record) error {
			got += int64(len(recs))
			batches++
			if got == total {
				cancel()
			}
			return nil
		}})
	d, u := time.Since(t0), cpu()-c0
	fmt.Printf("consume: %d recs in %d batches %.0f/s, %.2f us cpu/rec err %v\n", got, batches, float64(got)/d.Seconds(), float64(u.Microseconds())/float64(got), err)
	cl.Close()
	c.Close()
}
