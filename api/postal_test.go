package api

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	sjis "golang.org/x/text/encoding/japanese"

	"enishi"
	"enishi/channels"
	"enishi/channels/dm/postal"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
)

// postWorld is a workspace with a post office whose clock the test holds.
type postWorld struct {
	*world
	office *postal.Office
	in     *postal.Channel
	mu     sync.Mutex
	at     time.Time
	dir    string
}

func (p *postWorld) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *postWorld) set(at time.Time) {
	p.mu.Lock()
	p.at = at
	p.mu.Unlock()
}

const postSetting = `{"accounts": {"default": {"schedule": {"every": "day", "at": "18:00"}, "hold_hours": 2, "cost": {"print": "15"}, "landing": "https://shop.example/winback", "delivery": {"kind": "download", "pdf": %v, "recipient": "見本印刷"},
	"sender": {"name": "縁コスメ", "postal_code": "150-0001", "address": "東京都渋谷区神宮前1-1-1"}, "seeds": [{"name": "自社 確認", "postal_code": "1500001", "prefecture": "東京都", "city": "渋谷区", "address1": "神宮前1-1-1"}]}}}`

func newPostWorld(t *testing.T, pdf bool) *postWorld {
	p := &postWorld{at: time.Now().UTC().Truncate(time.Millisecond), dir: t.TempDir()}
	p.world = newWorld(t, func(c *Config) {
		people := PostalPeople{Store: &pipeline.Store{DB: c.DB, Now: time.Now}, Partitions: testPartitions, Resolve: func(id enishi.ID) enishi.ID { return c.Ingester.Graph().Resolve(id) }, Now: p.now}
		client := c.Stream
		var err error
		c.Postal, err = postal.New(postal.Config{DB: c.DB, Stream: client, Definitions: c.Definitions, People: people.Load, Append: func(ctx context.Context, events []enishi.Event) error {
			recs := make([]stream.Record, len(events))
			for i := range events {
				recs[i] = pipeline.EventRecord(&events[i], testPartitions, time.Now().UTC())
			}
			return client.Append(ctx, recs)
		}, Key: []byte("pieces of the tests, 32 bytes..."), Base: "http://cdp.example", Dir: p.dir, ByHand: true, Now: p.now, Log: c.Log})
		if err != nil {
			t.Fatal(err)
		}
	})
	p.office = p.cfg.Postal
	p.in = postal.NewChannel(p.office.Pieces, p.office.Settings, func() *time.Location { return time.UTC }, p.now)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go p.in.Run(ctx)
	p.write("PUT", "/settings/postal", map[string]any{"body": rawJSON(fmt.Sprintf(postSetting, pdf)), "expect": 0})
	return p
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

const postCard = `{"size": "hagaki", "headline": "お久しぶりです", "text": "またのご来店をお待ちしております。", "coupon": {"title": "10%OFF"}, "letter": false}`

// customer is an event that makes somebody known with an address.
func customer(id, family, address1, zip string, at time.Time) enishi.Event {
	return enishi.Event{Type: "person.identified", At: at, Person: &enishi.Person{CustomerID: id, Traits: map[string]enishi.Value{"family_name": enishi.TextValue(family), "given_name": enishi.TextValue("花子"), "postal_code": enishi.TextValue(zip),
		"prefecture": enishi.TextValue("東京都"), "city": enishi.TextValue("渋谷区"), "address1": enishi.TextValue(address1)}}}
}

// send hands a piece over as the sender does.
func (p *postWorld) send(id string, decided time.Time) enishi.ID {
	p.t.Helper()
	profile, err := enishi.ParseID(p.id(enishi.Customer, id))
	if err != nil {
		p.t.Fatal(err)
	}
	m := &enishi.Message{SendID: enishi.NewID("send", id, decided.String()), Round: 1, Profile: profile, Subject: p.cfg.Hasher.Hash(enishi.Identifier{Kind: enishi.Customer, Value: id}), Destination: "postal:default", Channel: "postal", Account: "default",
		Purpose: "marketing", Journey: "winback", Node: "card", Template: "card", Language: "ja", DecidedAt: decided}
	r := &channels.Rendered{SendID: m.SendID, Round: 1, Profile: profile, Account: "default", Purpose: m.Purpose, Language: "ja", Journey: m.Journey, Template: m.Template, Content: []byte(postCard), Decided: m}
	got, err := p.in.Send(p.t.Context(), r)
	if err != nil || got.Code != "collected" {
		p.t.Fatalf("%+v %v", got, err)
	}
	return m.SendID
}

func (p *postWorld) keep() {
	p.t.Helper()
	if err := p.office.Keep(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *postWorld) move(batch, move string, status int) {
	p.t.Helper()
	p.call("POST", "/postal/batches/"+batch+"/move", map[string]any{"move": move, "reason": "test"}).want(status)
}

func (p *postWorld) batch(name string) postalBatchPage {
	p.t.Helper()
	return into[postalBatchPage](p.call("GET", "/postal/batches/"+name, nil))
}

func reasonsOf(b postalBatchPage) map[string]int {
	out := map[string]int{}
	for _, r := range b.Tally.Reasons {
		out[r.Reason] = r.Count
	}
	return out
}

// TestPostalWhole: a batch from its pieces to its response.
func TestPostalWhole(t *testing.T) {
	t.Parallel()
	p := newPostWorld(t, true)
	start := p.at.Add(-time.Hour)
	const n = 300
	events := make([]enishi.Event, 0, n+10)
	name := func(i int) string { return fmt.Sprintf("P%04d", i) }
	for i := range n {
		events = append(events, customer(name(i), fmt.Sprintf("家%d", i), fmt.Sprintf("神宮前%d-%d-%d", i%6+1, i/6+1, i%9+1), "150-0001", start))
	}
	events[1] = customer(name(1), "半分", "", "150-0001", start)             // half an address
	events[2] = customer(name(2), "外字", "神宮前2-2-2 𠮷ビル", "150-0001", start) // not in CP932
	events[3] = customer(name(3), "番地", "神宮前3-3-3", "15-1", start)         // postal code of another form
	events[5] = customer(name(5), "家4", "神宮前5-1-5", "150-0001", start)     // the household of 4
	events[4] = customer(name(4), "家4", "神宮前５丁目１番５号", "1500001", start)
	p.play(events)
	var g errgroup.Group
	for i := range n {
		g.Go(func() error { p.send(name(i), p.at); return nil })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	p.send(name(0), p.at) // the same send again is the same piece
	all := into[list[PostalBatchRow]](p.call("GET", "/postal/batches", nil))
	if len(all.Items) != 1 || all.Items[0].State != "collecting" || all.Items[0].Tally.Pieces != n {
		t.Fatalf("%+v", all.Items)
	}
	name0 := all.Items[0].ID
	p.move(name0, "approve", 409)
	p.keep()
	if b := p.batch(name0); b.State != "collecting" {
		t.Fatalf("cut off before its time: %s", b.State)
	}
	p.set(all.Items[0].Cutoff.Add(time.Minute))
	p.keep()
	b := p.batch(name0)
	why := reasonsOf(b)
	if b.State != "in_review" || why["household"] != 1 || why["address:number.missing"]+why["no_address"] != 1 || why["address:zip.form"] != 1 || why["address:encoding.cp932"] != 1 || b.Tally.Ready != n-4+1 || b.Tally.Seeds != 1 {
		t.Fatalf("%s %+v %v %+v", b.State, b.Tally, why, b.Problem)
	}
	if b.Product != "hagaki" || b.Tally.PerPiece.Amount != 100*enishi.Unit { // 85 postage, 15 print
		t.Errorf("product %s at %s", b.Product, b.Tally.PerPiece.Amount)
	}
	// A rejected address is mended and prepared again.
	rejected := into[listOf1](p.call("GET", "/postal/batches/"+name0+"/pieces?reason=address:zip.form", nil))
	if len(rejected.Items) != 1 || len(rejected.Items[0].Problems) == 0 || rejected.Items[0].Problems[0].Fix.JA == "" {
		t.Fatalf("%+v", rejected.Items)
	}
	w := p.write("POST", "/people/"+rejected.Items[0].Profile+"/addresses", map[string]any{"postal_code": "150-0001"})
	p.call("GET", "/people/"+rejected.Items[0].Profile+"/addresses?after="+w.Position, nil).want(200)
	p.move(name0, "prepare", 200)
	p.keep()
	if b = p.batch(name0); b.Tally.Ready != n-3+1 {
		t.Fatalf("after mending: %+v %v", b.Tally, reasonsOf(b))
	}
	proof := into[postalProof](p.call("GET", "/postal/batches/"+name0+"/pieces/"+rejected.Items[0].SendID.String()+"/proof", nil))
	if len(proof.Faces) != 2 || !strings.Contains(proof.Faces[0].SVG, "<svg") {
		t.Errorf("%d faces, %v", len(proof.Faces), proof.Problems)
	}
	p.move(name0, "approve", 200)
	p.move(name0, "export", 409) // held
	// After the approval: some buy, some refuse, one moves, one is erased.
	var after []enishi.Event
	for i := 10; i < 15; i++ {
		o := order(name(i), "AFTER"+name(i), time.Now().UTC())
		o.Person = &enishi.Person{CustomerID: name(i)}
		after = append(after, o)
	}
	for i := 20; i < 23; i++ {
		after = append(after, enishi.Event{Type: "consent.changed", At: time.Now().UTC(), Person: &enishi.Person{CustomerID: name(i)}, Consent: []enishi.ConsentChange{{Channel: "postal", Purpose: "marketing", State: "out", Method: "phone"}}})
	}
	after = append(after, customer(name(30), "家30", "神宮前6-99-99", "150-0001", time.Now().UTC()))
	p.play(after)
	erased := p.id(enishi.Customer, name(31))
	w = p.write("POST", "/people/"+erased+"/erase", map[string]any{"confirm": "家31 花子", "reason": "asked"})
	p.call("GET", "/people/"+erased+"/timeline?after="+w.Position, nil)
	p.set(p.at.Add(3 * time.Hour))
	p.move(name0, "export", 200)
	// A crash at every point of the export leaves the files whole or absent, and the next run ends it.
	for _, point := range []string{"judge", "judged", "print", "writing", "printed", "telling"} {
		p.office.Fault = func(at string) error {
			if at == point {
				return errKilled
			}
			return nil
		}
		if err := p.office.Keep(t.Context()); !errors.Is(err, errKilled) {
			t.Fatalf("at %s: %v", point, err)
		}
		p.office.Fault = nil
		if b = p.batch(name0); point != "telling" && (b.State != "exporting" || len(b.Files) > 0 || partFiles(t, p.dir) > 0) {
			t.Fatalf("killed at %s: %s, %d files, %d parts", point, b.State, len(b.Files), partFiles(t, p.dir))
		}
		p.set(p.at.Add(time.Hour))
	}
	p.keep()
	b = p.batch(name0)
	why = reasonsOf(b)
	if b.State != "exported" || why["bought"] != 5 || why["opted_out"] != 3 || why["moved"] != 1 || why["erased"] != 1 || b.Tally.Ready != n-3+1-10 {
		t.Fatalf("%s %+v %v", b.State, b.Tally, why)
	}
	rows := p.csv(b)
	if len(rows) != b.Tally.Ready+1 || rows[0][2] != "郵便番号" || rows[1][2] != "150-0001" || len(rows[1][11]) == 0 {
		t.Fatalf("%d rows, %v %v", len(rows), rows[0], rows[1])
	}
	if !strings.HasPrefix(p.call("GET", "/postal/batches/"+name0+"/files/"+name0+"-001.pdf", nil).want(200).text, "%PDF-") {
		t.Error("the PDF is none")
	}
	// Exported again: the same bytes, and nobody is told twice.
	sent := func() int64 {
		n, err := p.api.count(t.Context(), "SELECT count() FROM events FINAL WHERE type = 'message.sent' AND message_channel = 'postal'")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, func() bool { return sent() == int64(b.Tally.Ready-1) })
	first := b.Files
	p.move(name0, "export", 200)
	p.keep()
	if b = p.batch(name0); b.State != "exported" || b.Repeats != 1 || b.Files[0].SHA256 != first[0].SHA256 || b.Files[1].SHA256 != first[1].SHA256 || sent() != int64(b.Tally.Ready-1) {
		t.Fatalf("%s %+v, %d sent", b.State, b.Files, sent())
	}
	if x := into[list[postalProvisionRow]](p.call("GET", "/postal/provisions?batch="+name0, nil)); len(x.Items) != 2 || x.Items[0].Recipient != "見本印刷" {
		t.Errorf("%+v", x.Items)
	}
	p.returnsAndResponse(name0, rows)
}

type listOf1 = list[postalPieceRow]

var errKilled = errors.New("killed")

// partFiles counts files that are not whole.
func partFiles(t *testing.T, dir string) (n int) {
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), ".tmp") {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// csv reads the file of a batch as a print house does.
func (p *postWorld) csv(b postalBatchPage) [][]string {
	p.t.Helper()
	raw := p.call("GET", "/postal/batches/"+b.ID+"/files/"+b.ID+".csv", nil).want(200).text
	text, err := japaneseText(raw)
	if err != nil {
		p.t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		p.t.Fatal(err)
	}
	return rows
}

func japaneseText(raw string) (string, error) { return sjis.ShiftJIS.NewDecoder().String(raw) }

// returnsAndResponse: ten pieces come back and nothing is sent there again; a code that is redeemed is a response.
func (p *postWorld) returnsAndResponse(name string, rows [][]string) {
	t := p.t
	codeOf := 0
	for i, head := range rows[0] {
		if head == "ピースコード" {
			codeOf = i
		}
	}
	var codes []string
	for _, r := range rows[1:] {
		codes = append(codes, r[codeOf])
	}
	pieces := map[string]postalPieceRow{}
	for _, x := range into[listOf1](p.call("GET", "/postal/batches/"+name+"/pieces?state=exported&limit=500", nil)).Items {
		pieces[x.Code] = x
	}
	var back []string
	for _, c := range codes {
		if !pieces[c].Seed && len(back) < 10 {
			back = append(back, c)
		}
	}
	lines := strings.ToLower(strings.Join(back, "\n")) + "\nABCD-EFGH-JKLM\n" + back[0] + "\n"
	r := into[postalReturnsPage](p.call("POST", "/postal/returns", map[string]any{"lines": lines}))
	if r.Taken != 10 || r.Known != 1 || r.Foreign != 1 {
		t.Fatalf("%+v", r)
	}
	if again := into[postalReturnsPage](p.call("POST", "/postal/returns", map[string]any{"lines": back[3] + ",受取拒絶"})); again.Known != 1 {
		t.Errorf("%+v", again)
	}
	suppressed := func(c string) bool {
		b := into[postalBookPage](p.call("GET", "/people/"+pieces[c].Profile+"/addresses", nil))
		return len(b.Addresses) == 1 && b.Addresses[0].Returned == "unknown_address" && !b.Addresses[0].Used && b.Suppressed.JA != ""
	}
	for _, c := range back {
		eventually(t, func() bool { return suppressed(c) })
	}
	// The QR code of a piece, and of somebody else's.
	server := p.office.Handler()
	get := func(path string) int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "Mozilla/5.0 (iPhone)")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, req)
		return w.Code
	}
	good := codes[len(codes)-1]
	if pieces[good].Seed {
		good = codes[len(codes)-2]
	}
	if got := []int{get("/d/" + strings.ReplaceAll(good, "-", "")), get("/d/ABCDEFGHJKLM"), get("/d/x")}; got[0] != 302 || got[1] != 404 || got[2] != 404 {
		t.Errorf("pages answer %v", got)
	}
	// Redeemed at a till of the store, by a code that is read out.
	who := into[personPage](p.call("GET", "/people/"+pieces[good].Profile, nil))
	o := order(who.Identifiers[0].Value, "TILL1", p.at.Add(time.Minute))
	o.Order.Coupon, o.Historical = good, false
	p.put(withProfile(t, o, pieces[good].Profile))
	var x postalResponsePage
	eventually(t, func() bool {
		x = into[postalResponsePage](p.call("GET", "/postal/batches/"+name+"/response", nil))
		return x.Direct.Orders == 1 && x.Scanned == 1
	})
	if x.Coupons != 1 || x.Returned != 10 || x.CostPerResponse == nil || x.Cost.Amount == 0 || x.CostPerResponse.Amount != x.Cost.Amount || x.Direct.Revenue.Amount == 0 {
		t.Errorf("%+v", x)
	}
}

func withProfile(t testing.TB, e enishi.Event, profile string) enishi.Event {
	id, err := enishi.ParseID(profile)
	if err != nil {
		t.Fatal(err)
	}
	e.Profile, e.Subject, e.Person, e.ID = id, id, nil, enishi.NewID("test", e.Order.OrderID)
	return e
}
