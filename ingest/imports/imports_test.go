package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/files"
	"enishi/ingest/mapping"
	"enishi/internal/stream"
)

var (
	tokyo = time.FixedZone("JST", 9*60*60)
	noon  = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
)

var orders = mapping.Mapping{Format: mapping.CSV, Rules: []mapping.Rule{{Event: "order.placed", Group: `row["注文番号"]`, Fields: map[string]string{
	"occurred_at": `row["注文日"]`, "person.email": `row["メール"]`, "order.order_id": `row["注文番号"]`, "order.total": `row["合計"]`,
	"order.lines[].product_id": `row["商品"]`, "order.lines[].price": `row["単価"]`}}}}

// shop is an importer whose log is a slice.
type shop struct {
	*Importer
	recs  []stream.Record
	fails func(n int) error // of an append, given what is on the log
}

func newShop(t *testing.T, dir string) *shop {
	t.Helper()
	s := &shop{}
	var err error
	s.Importer, err = New(Config{Dir: dir, Parser: ingest.NewParser(ingest.ParserConfig{}), Zone: func() *time.Location { return tokyo }, Now: func() time.Time { return noon },
		Log:     slog.New(slog.DiscardHandler),
		Mapping: func(name string) (mapping.Mapping, bool) { return orders, name == "orders" },
		Append: func(_ context.Context, recs []stream.Record) error {
			if s.fails != nil {
				if err := s.fails(len(s.recs)); err != nil {
					return err
				}
			}
			s.recs = append(s.recs, recs...)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) upload(t *testing.T, content []byte) enishi.ID {
	t.Helper()
	j, err := s.Begin("orders.csv", int64(len(content)), "花子")
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(content); at += 5000 {
		for range 2 { // a part that comes again is no matter
			if j, err = s.Part(j.ID, int64(at), content[at:min(at+5000, len(content))]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if j.State != Ready || j.Hash == "" {
		t.Fatalf("%+v", j)
	}
	return j.ID
}

// drain works until nothing waits.
func (s *shop) drain(ctx context.Context) {
	for len(s.queue) > 0 {
		id := s.queue[0]
		s.queue = s.queue[1:]
		s.work(ctx, id)
	}
}

func (s *shop) run(t *testing.T, id enishi.ID, plan Plan, check bool) Job {
	t.Helper()
	if _, err := s.Start(id, plan, check); err != nil {
		t.Fatal(err)
	}
	s.drain(t.Context())
	j, err := s.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// sheet is a file of n orders, each but the last of the second kind in one row; bad tells which do not fit.
func sheet(n int, bad func(i int) bool) []byte {
	var b strings.Builder
	b.WriteString("注文番号,注文日,メール,合計,商品,単価,備考\r\n")
	for i := range n {
		total := "¥1,200"
		if bad(i) {
			total = "要確認"
		}
		fmt.Fprintf(&b, "A%05d,%s,p%d@x.test,\"%s\",P1,1200,東京\r\n", i, noon.Add(-time.Duration(i)*time.Hour).In(tokyo).Format("2006/1/2 15:04"), i%100, total)
	}
	return files.Encode(nil, b.String(), files.CP932)
}

// TestBadRows: 3 bad rows of 10,000 are named and 9,997 come in; the file to mend, mended, brings those three alone.
func TestBadRows(t *testing.T) {
	t.Parallel()
	s := newShop(t, t.TempDir())
	bad := func(i int) bool { return i == 7 || i == 5000 || i == 9999 }
	id := s.upload(t, sheet(10_000, bad))
	if j := s.run(t, id, Plan{Mapping: "orders"}, true); j.State != Checked || j.Counts.Events != 9997 || len(s.recs) != 0 {
		t.Fatalf("check: %+v, %d records", j, len(s.recs))
	}
	j := s.run(t, id, Plan{Mapping: "orders"}, false)
	if j.State != Done || j.Counts.Rows != 10_000 || j.Counts.Events != 9997 || j.Counts.Rejected != 3 || j.Counts.People != 100 || j.Counts.Types["order.placed"] != 9997 || len(s.recs) != 9997 {
		t.Fatalf("%+v, %d records", j, len(s.recs))
	}
	if len(j.Problems) != 3 || j.Problems[0].Line != 9 || j.Problems[1].Line != 5002 || j.Problems[2].Line != 10_001 {
		t.Fatalf("%+v", j.Problems)
	}
	if p := j.Problems[0]; p.Field != "order.total" || p.Columns[0] != "合計" || p.Value != "要確認" || !strings.Contains(p.ReasonJA, "¥1,234") {
		t.Errorf("%+v", p)
	}
	for _, r := range s.recs {
		if string(r.Key) != string(s.recs[0].Key) || !bytes.Contains(r.Value, []byte(`"historical":true`)) {
			t.Fatalf("%s %s", r.Key, r.Value)
		}
	}
	r, _, err := s.Rejects(id)
	if err != nil {
		t.Fatal(err)
	}
	mend, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(mend, []byte("\r\n")); n != 4 || !bytes.HasPrefix(mend, files.Encode(nil, "注文番号,", files.CP932)) || !bytes.Contains(mend, []byte(",5002,")) {
		t.Fatalf("%d lines: %q", n, mend)
	}
	was := len(s.recs)
	id = s.upload(t, bytes.ReplaceAll(mend, files.Encode(nil, "要確認", files.CP932), []byte("1200")))
	if j := s.run(t, id, Plan{Mapping: "orders"}, false); j.State != Done || j.Counts.Events != 3 || len(s.recs) != was+3 {
		t.Errorf("mended: %+v", j)
	}
}

// TestSameFile: a file twice, and one that was cut off by a crash or the end of the process, give the same marks.
func TestSameFile(t *testing.T) {
	t.Parallel()
	dir, none := t.TempDir(), func(int) bool { return false }
	content := sheet(5000, none)
	s := newShop(t, dir)
	id := s.upload(t, content)
	s.run(t, id, Plan{Mapping: "orders"}, false)
	whole := s.recs
	if len(whole) != 5000 {
		t.Fatal(len(whole))
	}
	s.recs = nil
	s.run(t, s.upload(t, content), Plan{Mapping: "orders"}, false)
	for i := range whole {
		if !bytes.Equal(whole[i].Value, s.recs[i].Value) {
			t.Fatalf("%s\n%s", whole[i].Value, s.recs[i].Value)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	s.recs = nil
	s.fails = func(n int) error {
		if n >= 2000 {
			stop() // the process ends
			return ctx.Err()
		}
		return nil
	}
	id = s.upload(t, content)
	if _, err := s.Start(id, Plan{Mapping: "orders"}, false); err != nil {
		t.Fatal(err)
	}
	s.drain(ctx)
	again := newShop(t, dir)
	again.drain(t.Context())
	if j, _ := again.Get(id); j.State != Done || j.Counts.Events != 5000 {
		t.Fatalf("%+v", j)
	}
	seen := map[string]bool{}
	for _, r := range append(s.recs, again.recs...) {
		seen[string(r.Value)] = true
	}
	for i := range whole {
		if !seen[string(whole[i].Value)] {
			t.Fatalf("event %d is lost", i)
		}
	}
	if len(seen) != len(whole) {
		t.Errorf("%d different events", len(seen))
	}
}

// A corrected mapping is another mark: what it says counts.
func TestCorrectedMapping(t *testing.T) {
	t.Parallel()
	s := newShop(t, t.TempDir())
	id := s.upload(t, sheet(1, func(int) bool { return false }))
	s.run(t, id, Plan{Mapping: "orders"}, false)
	draft := orders
	draft.Rules = []mapping.Rule{{Event: "order.placed", Fields: map[string]string{"order.order_id": `row["注文番号"]`, "person.email": `row["メール"]`, "person.traits.city": `row["備考"]`}}}
	s.run(t, id, Plan{Draft: &draft, Live: true, Source: "pos"}, false)
	mark := func(i int) (out struct {
		Import struct {
			File string
			Row  int
		}
		Historical bool
		Source     string
	}) {
		if err := json.Unmarshal(s.recs[i].Value, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	a, b := mark(0), mark(1)
	if a.Import.File == b.Import.File || a.Import.Row != 1 || !a.Historical || b.Historical || b.Source != "pos" {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestEventsAsTheyAre(t *testing.T) {
	t.Parallel()
	s := newShop(t, t.TempDir())
	id := s.upload(t, []byte(`{"type":"Order Completed","person":{"email":"a@x.test"},"occurred_at":"2026-01-01T00:00:00Z","order":{"order_id":"1"}}
[1]
{"type":"page.viewed","person":{"anonymous_id":"a"},"occurred_at":"2020-01-01T00:00:00Z"}
{"type":"order.placed","order":{"order_id":"1"}}
`))
	j := s.run(t, id, Plan{}, false)
	if j.Counts.Events != 2 || j.Counts.Rejected != 2 || len(s.recs) != 2 || s.recs[0].Topic != enishi.TopicOrders || s.recs[1].Topic != enishi.TopicWeb {
		t.Errorf("%+v, %d records", j, len(s.recs))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t, t.TempDir())
	id := s.upload(t, sheet(10, func(int) bool { return false }))
	if _, err := s.Start(id, Plan{Mapping: "nowhere"}, false); enishi.ErrorCode(err) != enishi.Invalid {
		t.Error(err)
	}
	if j := s.run(t, id, Plan{Preset: "klaviyo-profiles"}, false); j.State != Failed || !strings.Contains(j.FailureJA, "列") {
		t.Errorf("%+v", j)
	}
	if _, err := s.Part(id, 999_999, []byte("x")); enishi.ErrorCode(err) != enishi.Conflict {
		t.Error(err)
	}
	if _, err := s.Begin("x", MaxFile+1, ""); enishi.ErrorCode(err) != enishi.Invalid {
		t.Error(err)
	}
	preview, err := s.Preview(id, &Plan{Mapping: "orders"}, files.Options{}, 3)
	if err != nil || preview.Err != nil || len(preview.Rows) != 3 || len(preview.Events) != 3 {
		t.Errorf("%+v %v", preview, err)
	}
	if err := s.Delete(id); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(id); enishi.ErrorCode(err) != enishi.NotFound {
		t.Error(err)
	}
}

// TestParcelsOfOrders: a carrier's rows name an order and no person: they are its buyer's, in the file's order with all others, also when
// the batch ends between them. A row whose order nobody has is named, and comes when the order is there.
func TestParcelsOfOrders(t *testing.T) {
	t.Parallel()
	const many = 2 * batch
	s := newShop(t, t.TempDir())
	known := map[string]enishi.Person{}
	asked := 0
	s.cfg.Buyers = func(_ context.Context, orders []string) (map[string]Buyer, error) {
		asked++
		out := map[string]Buyer{}
		for _, id := range orders {
			if p, ok := known[id]; ok {
				out[id] = Buyer{p, "id of " + id}
			}
		}
		return out, nil
	}
	var b strings.Builder
	b.WriteString("注文番号,お問い合わせ番号,配送会社,配送状況,日時,購入者メールアドレス\n")
	for i := range many {
		email := ""
		if i%2 == 0 {
			email = fmt.Sprintf("own%d@x.test", i)
		} else if i != 7 {
			known[fmt.Sprint("A", i)] = enishi.Person{CustomerID: fmt.Sprint("c", i)}
		}
		n := 12345678000 + i
		fmt.Fprintf(&b, "A%d,%011d%d,ヤマト運輸,配達完了,2026/11/21 10:00,%s\n", i, n, n%7, email)
	}
	id := s.upload(t, []byte(b.String()))
	j := s.run(t, id, Plan{Preset: "parcel-states"}, false)
	if j.State != Done || j.Counts.Events != many-1 || j.Counts.Rejected != 1 || len(j.Problems) != 1 || j.Problems[0].Line != 9 || j.Problems[0].Value != "A7" || j.Problems[0].Columns[0] != "注文番号" || asked != 2 {
		t.Fatalf("%+v, %d problems, asked %d times", j.Counts, len(j.Problems), asked)
	}
	row := 0
	for i, r := range s.recs {
		var e struct {
			Person   enishi.Person
			Shipment enishi.Shipment
			Import   struct{ Row int }
		}
		if err := json.Unmarshal(r.Value, &e); err != nil || e.Import.Row <= row {
			t.Fatalf("%d: %v, row %d after %d", i, err, e.Import.Row, row)
		}
		row = e.Import.Row
		if n := row - 1; n%2 == 1 && (e.Person.CustomerID != fmt.Sprint("c", n) || e.Shipment.OrderID != fmt.Sprint("id of A", n) || e.Shipment.Tracking == "") || n%2 == 0 && e.Person.Email != fmt.Sprintf("own%d@x.test", n) {
			t.Fatalf("%+v", e)
		}
	}
	known["A7"] = enishi.Person{CustomerID: "late"}
	r, _, err := s.Rejects(id)
	if err != nil {
		t.Fatal(err)
	}
	mend, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	was := len(s.recs)
	if j := s.run(t, s.upload(t, mend), Plan{Preset: "parcel-states"}, false); j.Counts.Events != 1 || !bytes.Contains(s.recs[was].Value, []byte(`"late"`)) {
		t.Errorf("the order is there: %+v", j)
	}
}

// TestProducts: a file of the catalogue becomes records of its topic. The check says what would change, the same file again is the same rows,
// which a product knows, and a row that does not fit is named.
func TestProducts(t *testing.T) {
	t.Parallel()
	s := newShop(t, t.TempDir())
	known := map[string]*ingest.Product{}
	know := func(r *stream.Record) {
		t.Helper()
		had := known[string(r.Key)]
		var body []byte
		if had != nil {
			body, _ = json.Marshal(had)
		}
		p, _, refusal := ingest.ParseProduct(r.Value, body)
		if refusal != nil {
			t.Fatal(refusal)
		}
		if had == nil || !p.StaleAfter(had) {
			known[p.ProductID] = p
		}
	}
	s.cfg.Product = func(id string) (*ingest.Product, bool) { p, ok := known[id]; return p, ok }
	stock := mapping.Mapping{Format: mapping.CSV, Rules: []mapping.Rule{{Event: mapping.Update, Fields: map[string]string{
		"product_id": `row["商品コード"]`, "name": `row["商品名"] ?? ""`, "price": `row["価格"]`, "stores": `{(row["店舗"]): row["在庫数"]}`, "url": `row["URL"] ?? ""`}}}}
	s.cfg.Mapping = func(string) (mapping.Mapping, bool) { return stock, true }
	take := func(text string, want Counts, rejected int) Job {
		t.Helper()
		id := s.upload(t, []byte(text))
		for _, check := range []bool{true, false} {
			s.recs = nil
			j := s.run(t, id, Plan{Mapping: "stock"}, check)
			c := j.Counts
			if c.Events != want.Events || c.Created != want.Created || c.Cheaper != want.Cheaper || c.Back != want.Back || c.Rejected != int64(rejected) || c.People != 0 || !c.From.IsZero() || c.Types[mapping.Update] != want.Events {
				t.Fatalf("check %v: %+v %+v", check, c, j.Problems)
			}
			if check && len(s.recs) != 0 || !check && int64(len(s.recs)) != want.Events {
				t.Fatalf("%d records", len(s.recs))
			}
		}
		for i := range s.recs {
			if r := &s.recs[i]; r.Topic != enishi.TopicCatalogue || r.Partition != 0 || bytes.Contains(r.Value, []byte("historical")) {
				t.Fatalf("%+v %s", r, r.Value)
			}
			know(&s.recs[i])
		}
		j, _ := s.Get(id)
		return j
	}
	first := "商品コード\t商品名\t価格\t店舗\t在庫数\tURL\nP1\t化粧水\t3300\tginza\t0\t\nP1\t化粧水\t3300\tumeda\t0\t\nP2\tクリーム\t1000\tginza\t5\thttps://shop.test/2\nP3\t\t1\tginza\t多数\t\nP4\t\t1\tginza\t1\tshop.test\n\t\t1\tginza\t1\t\n"
	j := take(first, Counts{Events: 3, Created: 3}, 3)
	if p := j.Problems; p[0].Line != 5 || p[0].Columns[1] != "店舗" || p[1].Line != 6 || p[1].Columns[0] != "URL" || p[1].ReasonJA == "" || p[2].Line != 7 || p[2].Field != "product_id" {
		t.Errorf("%+v", p)
	}
	take("商品コード,価格,店舗,在庫数\nP1,2800,umeda,2\nP2,,ginza,5\n", Counts{Events: 2, Cheaper: 1, Back: 1}, 0)
	if p := known["P1"]; p.Name != "化粧水" || *p.Stock != 2 || len(p.Stores) != 2 || p.Price.String() != "2800" || known["P2"].Price != 0 || known["P2"].URL == "" {
		t.Errorf("%+v", p)
	}
	know(&stream.Record{Key: []byte("P1"), Value: []byte(`{"type":"update","product_id":"P1","price":"2500"}`)})
	take("商品コード,価格,店舗,在庫数\nP1,2800,umeda,2\nP2,,ginza,5\n", Counts{Events: 2}, 0)
	if p := known["P1"]; p.Price.String() != "2500" {
		t.Errorf("the same file again changed %+v", p)
	}

	id := s.upload(t, []byte(`{"product_id":"P9","name":"皿","price":"900"}
{"type":"update","product_id":"P9","stores":{"ginza":4}}
{"type":"product","name":"?"}
{"type":"page.viewed","person":{"anonymous_id":"a"},"occurred_at":"2020-01-01T00:00:00Z"}
`))
	s.recs = nil
	if j := s.run(t, id, Plan{}, false); j.Counts.Events != 3 || j.Counts.Rejected != 1 || j.Counts.Types[mapping.Product] != 1 || j.Counts.Types[mapping.Update] != 1 || s.recs[0].Topic != enishi.TopicCatalogue || s.recs[2].Topic != enishi.TopicWeb {
		t.Errorf("%+v %+v", j.Counts, j.Problems)
	}
}
