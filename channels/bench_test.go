package channels_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

// cpu is the processor time of the whole process so far: rates swing with the neighbours of a machine, this does not.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// shopVariables are what a journey gives to a message about an order.
func shopVariables(n int) string {
	lines := make([]string, 6)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"product_id":"P%d","name":"モイスチャー化粧水 しっとり %d","variant":"200ml","quantity":1,"price":"¥%d,480","price_value":"%d480"}`, i, n, i+1, i+1)
	}
	return fmt.Sprintf(`{"language":"ja","customer":{"family_name":"佐藤","given_name":"花子","full_name":"佐藤 花子","salutation":"佐藤 花子 様","member_rank":"gold","points":%d},
		"order":{"order_id":"A-%d","placed_at":"2026年11月21日(土)","total":"¥12,345","items":6,"lines":[%s]},"links":{"review":"https://shop.example/r?o=A-%d"}}`, n, n, strings.Join(lines, ","), n)
}

// BenchmarkMail is the way of a personalised mail of about 11.5 KB from the topic messages to the result on the topic
// events, broker, engine and inbox included.
func BenchmarkMail(b *testing.B) {
	p := newPlant(b, "bench_mail", 10)
	ms := make([]*enishi.Message, b.N)
	for i := range ms {
		ms[i] = message(fmt.Sprintf("email:main:g%d", i%8), "marketing", fmt.Sprintf("p%d@example.jp", i))
		ms[i].Template, ms[i].Variables = "mail11k", shopVariables(i)
	}
	for at := 0; at < len(ms); at += 1000 {
		p.put(b, ms[at:min(at+1000, len(ms))]...)
	}
	before, start := cpu(b), time.Now()
	b.ResetTimer()
	stop := p.run(b, p.client)
	await(b, "all end", func() bool { return p.ended() >= b.N })
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/mail")
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "mails/s")
	stop()
	if got := p.mail.Count(); got != uint64(b.N) {
		b.Errorf("%d mails of %d", got, b.N)
	}
	b.ReportMetric(float64(len(p.mail.Mails()[0].Raw)), "B/mail")
	b.ReportMetric(float64(p.inserts.Load())*1000/float64(b.N), "inserts/1000")
	b.ReportMetric(float64(p.inserted.Load())/float64(b.N), "rows/mail")
}

// BenchmarkRender fills that mail in.
func BenchmarkRender(b *testing.B) {
	r := renderer(b)
	m := message("email:main", "marketing", "p@example.jp")
	m.Template, m.Variables = "mail11k", shopVariables(1)
	for b.Loop() {
		if _, err := r.Render(context.Background(), m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPush is a LINE message over HTTP to the simulator.
func BenchmarkPush(b *testing.B) {
	sim := linesim.New(linesim.Config{Keep: 10})
	api := httptest.NewServer(sim)
	defer api.Close()
	c, err := line.New(line.Config{Token: "t", BaseURL: api.URL})
	if err != nil {
		b.Fatal(err)
	}
	to := sim.UserID("x")
	_, _ = sim.Follow(to, "")
	n := 0
	for b.Loop() {
		n++
		m := &channels.Rendered{To: to, Key: enishi.NewID("k", fmt.Sprint(n)), Messages: []byte(`[{"type":"text","text":"こんにちは"}]`)}
		if _, err := c.Send(context.Background(), m); err != nil && !strings.Contains(err.Error(), "rate") {
			b.Fatal(err)
		}
	}
}
