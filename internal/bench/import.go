package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/transform"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/files"
	"enishi/ingest/imports"
	"enishi/ingest/mapping"
	"enishi/ingest/presets"
	"enishi/internal/stream"
)

// The stage import takes so many rows a slice, two to an order or a receipt.
const (
	importRows  = 20_000
	importBatch = 1000 // records of the twin's appends, as of the importer's
)

// runImport takes files in as the console does, from the received file to the log: lines of a till in CP932 and orders of a shop
// system in UTF-8, by their presets. A reads the same file with encoding/csv and appends each row as JSON,
// to one partition as a file's rows go.
func runImport(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	client, db, err := w.open(ctx, "import")
	if err != nil {
		return err
	}
	defer func() {
		client.Close()
		err = errors.Join(err, db.Close())
	}()
	zone := time.FixedZone("JST", 9*60*60)
	im, err := imports.New(imports.Config{Dir: filepath.Join(b.dir, "imports"), Append: client.Append, Parser: ingest.NewParser(ingest.ParserConfig{}), Log: w.log,
		Zone: func() *time.Location { return zone }, Mapping: func(string) (mapping.Mapping, bool) { return mapping.Mapping{}, false }})
	if err != nil {
		return err
	}
	return while(ctx, im.Run, func() error {
		for _, x := range []struct {
			name, preset, topic string
			row                 func(i int) map[string]string
		}{{"lines of a till, CP932", "smaregi-receipts", enishi.TopicStore, tillRow}, {"lines of orders, UTF-8", "shopify-orders", enishi.TopicOrders, shopRow}} {
			p, ok := presets.Find(x.preset)
			if !ok {
				return fmt.Errorf("there is no preset %s", x.preset)
			}
			name := filepath.Join(b.dir, x.preset+".csv")
			if err := writeSheet(name, p.Headers, p.Encoding, x.row); err != nil {
				return err
			}
			round := 0
			as, bs, err := b.alternate(nil, func(int) (slice, error) {
				return w.countedLog("import", func() (slice, error) {
					return slice{ops: importRows}, bareImport(ctx, client, name, p.Encoding, x.topic)
				})
			}, func(int) (slice, error) {
				round++
				return w.countedLog("import", func() (slice, error) {
					return slice{ops: importRows}, takeFile(ctx, im, name, imports.Plan{Preset: x.preset, Source: "bench" + strconv.Itoa(round)})
				})
			})
			if err != nil {
				return fmt.Errorf("%s: %w", x.preset, err)
			}
			b.compare(x.name, "row", as, bs, importLimit)
			b.least(x.name+", rate", median(each(bs, (*slice).rate)), "rows/s", importLeast)
		}
		return nil
	})
}

// importLimit and importLeast are the gates: every cell is an expression over the row, and every event is checked as the collector
// checks it. A million rows a minute is more than a till's daily file has.
const (
	importLimit = 3
	importLeast = 15_000
)

// writeSheet writes importRows rows.
func writeSheet(name string, headers []string, encoding string, row func(i int) map[string]string) error {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(headers); err != nil {
		return err
	}
	cells := make([]string, len(headers))
	for i := range importRows {
		values := row(i)
		for k, h := range headers {
			cells[k] = values[h]
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	if encoding == "" {
		encoding = files.UTF8
	}
	return os.WriteFile(name, files.Encode(nil, b.String(), encoding), 0o600)
}

// tillRow is a line of a receipt of two.
func tillRow(i int) map[string]string {
	receipt := strconv.Itoa(i / 2)
	return map[string]string{"取引ID": receipt, "取引日時": "2026/10/12 13:00:00", "取引区分": "1", "取消区分": "0", "小計": "3300", "合計": "3300", "店舗ID": "1", "店舗名": "銀座店", "端末ID": "2",
		"会員コード": fmt.Sprintf("M%06d", i/6), "端末取引ID": receipt, "端末取引日時": "2026/10/12 12:59:58", "締め日": "2026/10/12", "販売員ID": "S7", "取引明細ID": strconv.Itoa(i%2 + 1),
		"取引明細区分": "1", "商品ID": "8000001", "商品コード": "4901234567894", "商品名": "今治産ハンカチ（大判）", "商品単価": "1100", "販売単価": "1100", "数量": "2", "値引き後計": "2200", "部門名": "雑貨", "税率": "10"}
}

// shopRow is a line of an order of two.
func shopRow(i int) map[string]string {
	order := strconv.Itoa(5550000000 + i/2)
	return map[string]string{"Name": "#" + strconv.Itoa(i/2), "Email": fmt.Sprintf("c%06d@mail.example", i/6), "Financial Status": "paid", "Fulfillment Status": "fulfilled", "Accepts Marketing": "yes",
		"Currency": "JPY", "Subtotal": "4500", "Shipping": "600", "Taxes": "463", "Total": "5100", "Discount Code": "FALL500", "Discount Amount": "500", "Created at": "2026-09-03 10:14:00 +0900",
		"Lineitem quantity": "1", "Lineitem name": "モイスチャークリーム 50g", "Lineitem price": "2500", "Lineitem sku": "LOTION-" + strconv.Itoa(i%2), "Billing Name": "山田 花子", "Billing Address1": "新港1-1",
		"Billing City": "横浜市中区", "Billing Zip": "'231-0001", "Billing Province": "JP-14", "Billing Phone": "'09012345678", "Shipping Name": "山田 花子", "Shipping Address1": "新港1-1",
		"Shipping City": "横浜市中区", "Shipping Zip": "'231-0001", "Shipping Province": "JP-14", "Shipping Country": "JP", "Payment Method": "Shopify Payments", "Refunded Amount": "0", "Id": order,
		"Tax 1 Name": "CT 10%", "Tax 1 Value": "463"}
}

// takeFile hands a file over in parts and waits until all of it is on the log.
func takeFile(ctx context.Context, im *imports.Importer, name string, plan imports.Plan) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	j, err := im.Begin(filepath.Base(name), int64(len(content)), "bench")
	if err != nil {
		return err
	}
	for at := 0; at < len(content); at += imports.MaxPart {
		if _, err := im.Part(j.ID, int64(at), content[at:min(at+imports.MaxPart, len(content))]); err != nil {
			return err
		}
	}
	if _, err := im.Start(j.ID, plan, false); err != nil {
		return err
	}
	if err := eventually(ctx, "the import", 5*time.Minute, func() (bool, error) {
		j, err = im.Get(j.ID)
		return j.State != imports.Running, err
	}); err != nil {
		return err
	}
	if j.State != imports.Done || j.Counts.Rows != importRows || j.Counts.Rejected != 0 || j.Counts.Events < importRows/2 {
		return fmt.Errorf("the import is %s: %d rows, %d rejected, %d events: %s %v", j.State, j.Counts.Rows, j.Counts.Rejected, j.Counts.Events, j.Failure, j.Problems)
	}
	return im.Delete(j.ID)
}

// bareImport appends the filled cells of each row as JSON.
func bareImport(ctx context.Context, client *stream.Client, name, encoding, topic string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var text io.Reader = f
	if encoding == files.CP932 {
		text = transform.NewReader(f, japanese.ShiftJIS.NewDecoder())
	}
	r := csv.NewReader(text)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return err
	}
	header = append([]string(nil), header...)
	var recs []stream.Record
	n := 0
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		n++
		row := map[string]string{}
		for i, cell := range cells {
			if cell != "" {
				row[header[i]] = cell
			}
		}
		value, err := json.Marshal(row)
		if err != nil {
			return err
		}
		recs = append(recs, stream.Record{Topic: topic, Partition: -1, Key: []byte("import:bench"), Value: value})
		if len(recs) == importBatch {
			if err := client.Append(ctx, recs); err != nil {
				return err
			}
			recs = recs[:0]
		}
	}
	if n != importRows {
		return fmt.Errorf("%d rows were read, not %d", n, importRows)
	}
	return client.Append(ctx, recs)
}
