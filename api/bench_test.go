package api

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"enishi"
)

// crowd fills the tables with n people, two orders each, as the fold would: for times of reads, not for their truth.
func (w *world) crowd(b *testing.B, n int) {
	b.Helper()
	for _, q := range []string{
		fmt.Sprintf(`INSERT INTO people (profile_id, version, family_name, given_name, family_name_kana, given_name_kana, search, email, phone, customer_id, prefecture, orders_count, ltv, currency, first_seen_at, last_seen_at, last_order_at, has_email, has_line, line_friend, has_phone, consents, traits)
SELECT MD5(toString(number)), 1, '佐藤', concat('花子', toString(number)), 'サトウ', 'ハナコ', concat('佐藤花子', toString(number), ' サトウハナコ', toString(number)), concat('p', toString(number), '@mail.example'), concat('090-', leftPad(toString(intDiv(number, 10000)), 4, '0'), '-', leftPad(toString(number %% 10000), 4, '0')),
concat('C', toString(number)), if(number %% 3 = 0, '東京都', '大阪府'), number %% 7, (number %% 7) * 50000000, 'JPY', now64(3) - toIntervalDay(number %% 700), now64(3) - toIntervalMinute(number %% 200000), now64(3) - toIntervalDay(number %% 400), 1, number %% 2, number %% 2, 1,
map('email.marketing', if(number %% 3 = 0, 'in', 'out'), 'line.marketing', 'in'), map('postal_code', '104-0061', 'gender', 'female') FROM numbers(%d)`, n),
		fmt.Sprintf(`INSERT INTO orders (profile_id, order_id, version, status, placed_at, currency, total, revenue, valid, sequence) SELECT MD5(toString(intDiv(number, 2))), concat('EN', toString(number)), 1, 'delivered', now64(3) - toIntervalDay(number %% 500), 'JPY', 30000000 + number %% 90000000, 30000000, 1, 1 + number %% 2 FROM numbers(%d)`, 2*n),
	} {
		if err := w.cfg.DB.Exec(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// cpu is what the process has taken of the processors so far, the engine in it included: what a busy machine cannot blur.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReads gives the 95th percentile of what a marketer waits for, on 200,000 people with 400,000 orders.
func BenchmarkReads(b *testing.B) {
	w := newWorld(b, func(*Config) {})
	w.play([]enishi.Event{order("C-one", "EN-one", time.Now().UTC())})
	w.crowd(b, 200_000)
	f := func(name, method, path string, body any) {
		b.Run(name, func(b *testing.B) {
			v := *w
			v.t = b
			var took []time.Duration
			before := cpu(b)
			for b.Loop() {
				start := time.Now()
				v.call(method, path, body).want(200)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(len(took)), "cpu-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
	preview := func(name, expression string) {
		f("preview/"+name, "POST", "/segments/preview", map[string]any{"expression": expression})
	}
	preview("scalar", `orders_count >= 2 && last_order_at < ago("90d") && consent.email`)
	preview("orders", `count(orders, .total >= 5000 && .placed_at > ago("90d")) >= 1`)
	preview("none", `none(orders, .status == "cancelled") && traits.gender == "female"`)
	search := func(name, q string) { f("search/"+name, "GET", "/people?q="+url.QueryEscape(q), nil) }
	search("kana", "ｻﾄｳ")
	search("phone", "09000010001")
	search("order", "EN123456")
	search("prefix", "p1999")
	f("people", "GET", "/people", nil)
	f("home", "GET", "/home", nil)
	f("status", "GET", "/status", nil)
	f("person", "GET", "/people/"+w.id(enishi.Customer, "C-one"), nil)
}
