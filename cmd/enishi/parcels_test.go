package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const deliveredJourney = `kind: journey
name: delivered
body: {title: {ja: 到着後, en: Delivered}, purpose: transactional, consent: not_refused, state: live, entry: {event: shipment.delivered, reentry: always}, start: stay, nodes: {stay: {type: wait, for: 30d, next: end}, end: {type: exit}}}
`

// TestParcelsOfACarrier: a carrier's file names an order and no person. The journey of a delivery begins for who ordered; a row whose order
// nobody has is named, and comes once the order is there.
func TestParcelsOfACarrier(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	dir := t.TempDir()
	s := start(t, nil, "--data", t.TempDir())
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s.enishi("apply", write("definitions.yaml", ordersMapping+"---\n"+deliveredJourney))
	now := time.Now().In(time.FixedZone("JST", 9*60*60))
	const head = "注文番号,注文日,メール,合計,メルマガ\n"
	order := func(id, email string) string {
		return fmt.Sprintf("%s,%s,%s,1200,希望しない\n", id, now.AddDate(0, 0, -3).Format("2006/1/2 15:04"), email)
	}
	s.enishi("import", write("orders.csv", head+order("A1", "hanako@x.test")+order("A2", "taro@x.test")), "--mapping", "shop-orders", "--quiet")
	s.settled(60 * time.Second)
	parcel := func(id string, n int) string {
		return fmt.Sprintf("%s,%011d%d,ヤマト運輸,配達完了,%s\n", id, n, n%7, now.Add(-time.Hour).Format("2006/1/2 15:04"))
	}
	file := write("parcels.csv", "注文番号,お問い合わせ番号,配送会社,配送状況,日時\n"+parcel("A1", 12345678001)+parcel("A3", 12345678003))
	out := s.enishi("import", file, "--preset", "parcel-states", "--live", "--quiet")
	if !strings.Contains(out, "shipment.delivered\t1") || !strings.Contains(out, "1 rejected") || !strings.Contains(out, "line 3: 注文番号: ") {
		t.Fatal(out)
	}
	running := func(want int) {
		t.Helper()
		eventually(t, 60*time.Second, "the journey of a delivery", func() error {
			var runs struct{ Items []any }
			if err := s.call("GET", "/journeys/delivered/people", nil, &runs); err != nil {
				return err
			}
			if len(runs.Items) != want {
				return errors.New(fmt.Sprint(len(runs.Items), " runs"))
			}
			return nil
		})
	}
	running(1)
	s.enishi("import", write("later.csv", head+order("A3", "jiro@x.test")), "--mapping", "shop-orders", "--quiet")
	s.settled(60 * time.Second)
	s.enishi("import", file, "--preset", "parcel-states", "--live", "--quiet")
	running(2)

	// Orders of Shopify have ids of their own; the parcel has the number that people see.
	numbered := func(id, number, email string) string {
		return fmt.Sprintf(`{"type":"order.placed","occurred_at":%q,"person":{"email":%q},"order":{"order_id":%q,"order_number":%q,"total":"1200"}}`+"\n", now.AddDate(0, 0, -2).Format(time.RFC3339), email, id, number)
	}
	s.enishi("import", write("numbered.ndjson", numbered("5001", "#1001", "saburo@x.test")+numbered("5002", "#1002", "shiro@x.test")+numbered("6002", "1002", "goro@x.test")+numbered("A9", "#A1", "rokuro@x.test")), "--quiet")
	s.settled(60 * time.Second)
	out = s.enishi("import", write("numbers.csv", "注文番号,お問い合わせ番号,配送会社,配送状況,日時\n"+parcel("1001", 12345678011)+parcel("1002", 12345678012)+parcel("#1001", 12345678013)+parcel("A1", 12345678014)), "--preset", "parcel-states", "--live", "--quiet")
	if !strings.Contains(out, "shipment.delivered\t3") || !strings.Contains(out, "1 rejected") || !strings.Contains(out, "line 3: 注文番号: ") {
		t.Fatal(out)
	}
	running(5) // A1 is the id of hanako's order, whatever the number of another's
	var found struct{ Items []struct{ ID string } }
	if err := s.call("GET", "/people?q=saburo@x.test", nil, &found); err != nil || len(found.Items) != 1 {
		t.Fatal(found, err)
	}
	eventually(t, 30*time.Second, "the parcels of the order", func() error {
		var p struct {
			Orders []struct {
				OrderID   string `json:"order_id"`
				Shipments []any
			}
		}
		if err := s.call("GET", "/people/"+found.Items[0].ID, nil, &p); err != nil {
			return err
		}
		if len(p.Orders) != 1 || p.Orders[0].OrderID != "5001" || len(p.Orders[0].Shipments) != 2 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
}
