package journeys

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"enishi"
	"enishi/profiles"
)

// TestKept: what a run keeps is read back as it was, and text that cannot be read costs only that.
func TestKept(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 5_000_000, time.UTC)
	k := kept{Key: "o1", Event: keptEvent{ID: enishi.EventID("x"), Type: "custom.booked", At: at}, Keys: []keyed{{"cart_id", "c1"}, {"store_id", "ginza"}},
		Fields:  []keptField{{"event.order.total", valueOf(12.5)}, {"event.order.automatic", valueOf(true)}, {"event.channel", valueOf("店舗")}, {"event.properties.x", valueOf(nil)}},
		Product: &enishi.Product{ProductID: "p", Price: 3300 * enishi.Unit}, Properties: map[string]enishi.Value{"size": enishi.TextValue("M")},
		Loops: []passed{{"w", 2, at}}, Due: []dueAt{{"m", at}}, Held: true, Resend: &resend{enishi.EventID("s"), enishi.EventID("r"), 1, "line"}}
	r := &profiles.Run{Key: k.Key}
	k.write(r)
	var got kept
	got.read(r)
	if diff := cmp.Diff(k, got); diff != "" {
		t.Error(diff)
	}
	if got.keyValue("order_id", "order_id") != "o1" || got.keyValue("store_id", "order_id") != "ginza" || got.keyValue("review_id", "order_id") != "" {
		t.Error("keys", got.Keys)
	}
	if got.field("event.order.total") != 12.5 || got.field("event.order.automatic") != true || got.field("event.channel") != "店舗" || got.field("event.properties.x") != nil {
		t.Error("fields", got.Fields)
	}
	r.Variables = r.Variables[:len(r.Variables)/2]
	if got.read(r); !cmp.Equal(got, kept{Key: "o1"}) {
		t.Errorf("of a cut text: %+v", got)
	}
}

// TestKeptIsCopied: an event shares the memory of a whole batch of the log, and a run that kept a part of it would keep all.
func TestKeptIsCopied(t *testing.T) {
	w := newWorld(t)
	w.now = start
	w.publish("delivery_notice")
	w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
	parcel := strings.Clone("parcel 1")
	w.event("p", &enishi.Event{Type: "shipment.shipped", Shipment: &enishi.Shipment{OrderID: "o1", ShipmentID: parcel, Of: 1}})
	runs := w.people[w.names["p"]].Runs
	if len(runs) == 0 || runs[0].Key == "" {
		t.Fatalf("no run with a key: %+v", runs)
	}
	for _, r := range runs {
		if unsafe.StringData(r.Key) == unsafe.StringData(parcel) {
			t.Errorf("the run %s keeps the event's memory", r.Key)
		}
	}
}
