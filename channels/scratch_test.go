package channels_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
)

func BenchmarkLedger(b *testing.B) {
	for _, n := range []int{50, 250, 1000} {
		for _, size := range []int{0, 2000} {
			b.Run(fmt.Sprintf("%d rows of %d", n, size), func(b *testing.B) {
				l := channels.NewLedger(channels.OpenDB(b, fmt.Sprintf("bl%d_%d_%d", n, size, b.N)))
				rows := make([]channels.Row, n)
				before := cpu(b)
				k := 0
				for b.Loop() {
					for i := range rows {
						k++
						rows[i] = channels.Row{SendID: enishi.NewID("s", fmt.Sprint(k)), Round: 1, State: "intent", Destination: "email:main:gmail", Channel: "email", Purpose: "marketing", Journey: "welcome", Template: "hello",
							Profile: enishi.NewID("p", fmt.Sprint(k)), DecidedAt: time.Now(), UpdatedAt: time.Now(), Message: shopVariables(k)[:min(size, 1100)]}
					}
					if err := l.Insert(context.Background(), rows); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*n), "cpu-us/row")
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/insert")
			})
		}
	}
}
