package stream

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"
)

const (
	benchBatch = 1000
	benchValue = 650
	benchParts = 8
)

// bench runs on the embedded broker in this process, then on one in another process: the second shows the client's CPU
// alone.
func bench(b *testing.B, f func(b *testing.B, c *Client)) {
	topics := []TopicSpec{{Name: "t", Partitions: benchParts}}
	b.Run("with broker", func(b *testing.B) { f(b, testClient(b, topics...)) })
	b.Run("client", func(b *testing.B) {
		broker := startBroker(b, b.TempDir(), "127.0.0.1:0")
		f(b, openClient(b, Config{Brokers: []string{broker.addr}, Topics: topics}))
	})
}

func benchRecords(n int) []Record {
	recs := make([]Record, n)
	value := make([]byte, benchValue)
	for i := range recs {
		recs[i] = Record{Topic: "t", Partition: -1, Key: fmt.Appendf(nil, "profile-%08d", i*7919), Value: value}
	}
	return recs
}

// measure reports records per second and CPU per record of this process.
func measure(b *testing.B, records int, f func()) {
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ResetTimer()
	wall, used := time.Now(), cpu()
	f()
	used = cpu() - used
	b.ReportMetric(float64(records)/time.Since(wall).Seconds(), "records/s")
	b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(records), "cpu-us/record")
}

// BenchmarkAppend appends batches of 1,000 records of 650 B over 8 partitions; an operation is a batch.
func BenchmarkAppend(b *testing.B) {
	bench(b, func(b *testing.B, c *Client) {
		recs := benchRecords(benchBatch)
		b.ReportAllocs()
		measure(b, b.N*benchBatch, func() {
			for range b.N {
				for i := range recs {
					recs[i].Partition = -1
				}
				mustAppend(b, c, recs)
			}
		})
	})
}

// BenchmarkConsume reads them back as one member; an operation is 1,000 records.
func BenchmarkConsume(b *testing.B) {
	bench(b, func(b *testing.B, c *Client) {
		for range b.N {
			mustAppend(b, c, benchRecords(benchBatch))
		}
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		joined, begin, seen, batches := make(chan struct{}), make(chan struct{}), 0, 0
		done := make(chan error, 1)
		go func() {
			done <- c.Consume(ctx, Consumer{Group: "g", Topics: []string{"t"},
				Gained: func(context.Context, *Generation, []Partition) (map[Partition]int64, error) {
					close(joined)
					<-begin
					return nil, nil
				},
				Batch: func(_ context.Context, _ *Generation, recs []Record) error {
					batches++
					if seen += len(recs); seen >= b.N*benchBatch {
						cancel()
					}
					return nil
				}})
		}()
		<-joined
		b.ReportAllocs()
		measure(b, b.N*benchBatch, func() {
			close(begin)
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(seen)/float64(batches), "records/batch")
	})
}
