package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/japanese"

	"enishi/api"
)

// winback is the way of a thousand postcards through the whole program, on the virtual clock.
type winback struct {
	*server
	t      *testing.T
	engine string
	tokens map[string]string // by role
	clock  time.Time
	batch  string
	out    string
	n      int // events
}

// cards is a batch as its page shows it.
type cards struct {
	State string
	Tally struct {
		Pieces, Ready, Rejected int
		LeftOut                 int `json:"left_out"`
		Reasons                 []struct {
			Reason string
			Count  int
		}
		Cost struct{ Amount string }
	}
	Files []struct {
		Name, Kind, SHA256 string
		Pieces             int
	}
	Problem    title2
	Returned   int
	ApprovedBy string `json:"approved_by"`
}

type title2 struct{ JA, EN string }

func (c *cards) reasons() map[string]int {
	out := map[string]int{}
	for _, r := range c.Tally.Reasons {
		out[r.Reason] = r.Count
	}
	return out
}

const (
	postcardPeople = 1000
	zipCodes       = `13113,"150  ","1500001","トウキョウト","シブヤク","ジングウマエ","東京都","渋谷区","神宮前",0,0,1,0,0,0
13112,"154  ","1540004","トウキョウト","セタガヤク","タイシドウ","東京都","世田谷区","太子堂",0,0,1,0,0,0
`
)

// The odd ones among the thousand, by number.
const (
	halfAddress = iota // the town, without a number
	prefectureOnly
	withEmoji
	abroad
	zipOfAnother
	household1
	household2
	refusedBefore
	firstBuyer                      // buys after the approval
	firstRefuser = firstBuyer + 5   // refuses after it
	goesAway     = firstRefuser + 3 // is erased after it
	moves        = goesAway + 1     // moves after it
	ordinary     = moves + 1        // the first one with nothing special
)

func (w *winback) as(role string) *client { return &client{Addr: w.base, Token: w.tokens[role]} }

func (w *winback) get(path string, out any) {
	w.t.Helper()
	if err := w.as("admin").call(w.t.Context(), "GET", path, nil, out); err != nil {
		w.t.Fatal(err)
	}
}

// play plays records and lets the clock follow them.
func (w *winback) play(recs ...api.ImportRecord) {
	w.t.Helper()
	for _, r := range recs {
		if r.Time.After(w.clock) {
			w.clock = r.Time
		}
	}
	for _, part := range [][]api.ImportRecord{append([]api.ImportRecord{}, recs...), {}} {
		if err := w.as("admin").call(w.t.Context(), "POST", "/import/records", api.ImportRequest{Records: part, Clock: w.clock}, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

func customerID(i int) string { return fmt.Sprintf("PC%04d", i) }

func (w *winback) event(at time.Time, topic, typ string, i int, more map[string]any) api.ImportRecord {
	w.t.Helper()
	w.n++
	person := map[string]any{"customer_id": customerID(i)}
	e := map[string]any{"type": typ, "id": fmt.Sprint("pc-", w.n), "occurred_at": at, "person": person}
	for k, v := range more {
		if k == "traits" {
			person["traits"] = v
			continue
		}
		e[k] = v
	}
	value, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	return api.ImportRecord{Topic: topic, Key: customerID(i), Value: string(value), Time: at}
}

func (w *winback) order(at time.Time, i int, id string) api.ImportRecord {
	return w.event(at, "orders", "order.placed", i, map[string]any{"order": map[string]any{"order_id": id, "total": "5000", "lines": []any{map[string]any{"product_id": "P1", "price": "5000"}}}})
}

// livesAt is where number i lives.
func livesAt(i int) map[string]any {
	a := map[string]any{"family_name": fmt.Sprintf("縁野%d", i), "given_name": "花子", "postal_code": "154-0004", "prefecture": "東京都", "city": "世田谷区", "address1": fmt.Sprintf("太子堂%d-%d-%d", i%5+1, i/5+1, i%9+1)}
	switch i {
	case halfAddress:
		a["address1"] = "太子堂"
	case prefectureOnly:
		a["city"], a["address1"] = "", ""
	case withEmoji:
		a["address2"] = "さくら🌸ハイツ101"
	case abroad:
		a["country"], a["prefecture"], a["city"], a["address1"], a["postal_code"] = "US", "NY", "New York", "350 5th Ave", "10118"
	case zipOfAnother:
		a["postal_code"] = "150-0001"
	case household1, household2:
		a["family_name"], a["address1"] = "縁野", "太子堂1-99-9"
	}
	if i == household2 {
		a["given_name"], a["address1"] = "太郎", "太子堂１丁目９９番９号"
	}
	return a
}

func (w *winback) now(what string, limit time.Duration, right func(*cards) bool) *cards {
	w.t.Helper()
	c := &cards{}
	eventually(w.t, limit, what, func() error {
		*c = cards{}
		if err := w.as("admin").call(context.Background(), "GET", "/postal/batches/"+w.batch, nil, c); err != nil {
			return err
		}
		if !right(c) {
			return fmt.Errorf("%s %+v %+v", c.State, c.Tally, c.Problem)
		}
		return nil
	})
	return c
}

func (w *winback) move(role, move string) error {
	return w.as(role).call(w.t.Context(), "POST", "/postal/batches/"+w.batch+"/move", map[string]any{"move": move, "reason": "test"}, nil)
}

// id is the profile of number i.
func (w *winback) id(i int) string {
	w.t.Helper()
	var found struct{ Items []struct{ ID string } }
	w.get("/people?q="+customerID(i), &found)
	if len(found.Items) != 1 {
		w.t.Fatalf("%d people are %s", len(found.Items), customerID(i))
	}
	return found.Items[0].ID
}

// TestPostcards takes a thousand people who have not bought for 90 days through the ready-made win-back by post: pieces, cut-off,
// approval by another person, what happens before the export, files, returns and a code that is redeemed in a store.
func TestPostcards(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process and prints a thousand postcards")
	}
	t.Parallel()
	w := openWinback(t)
	w.collect()
	w.approve()
	w.lastMinute()
	if os.Getenv("ENISHI_FULL") != "" {
		w.killed()
	}
	w.export()
	pieces := w.files()
	w.comeBack(pieces)
	w.redeem(pieces)
}

func openWinback(t *testing.T) *winback {
	engine := freePort(t)
	dir := t.TempDir()
	w := &winback{t: t, engine: engine, tokens: map[string]string{}, out: filepath.Join(t.TempDir(), "print"), clock: time.Date(2025, 3, 3, 3, 0, 0, 0, time.UTC)}
	w.server = start(t, nil, "--data", dir, "--clickhouse-listen", engine)
	definitions, err := galleryDefinitions([]string{"winback_post"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	account := map[string]any{"schedule": map[string]any{"every": "manual"}, "cost": map[string]string{"print": "25"}, "delivery": map[string]any{"pdf": true, "recipient": "見本印刷"}, "landing": "https://shop.example/winback",
		"sender": map[string]string{"name": "縁コスメ", "postal_code": "104-0061", "address": "東京都中央区銀座1-2-3", "office": "京橋局"}}
	definitions = append(definitions, definitionFile{Kind: "setting", Name: "brand", Body: map[string]any{"name": "店", "address": "東京都千代田区丸の内1-1-1", "contact": "03-0000-0000"}},
		definitionFile{Kind: "setting", Name: "postal", Body: map[string]any{"accounts": map[string]any{"default": account}}})
	for i := range definitions {
		w.put(definitions[i].Kind, definitions[i].Name, definitions[i].Body)
	}
	w.settled(30 * time.Second)
	zip := filepath.Join(t.TempDir(), "utf_ken_all.csv")
	if err := os.WriteFile(zip, []byte(zipCodes), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.enishi("postal", "zip-table", zip); !strings.HasSuffix(got, "\t2") {
		t.Fatalf("the table of postal codes: %q", got)
	}
	w.tokens["admin"] = w.enishi("key", "create", "--role", "admin", "boss")
	for _, role := range []string{"editor", "approver"} {
		w.tokens[role] = w.enishi("key", "create", "--role", role, role, "--token", w.tokens["admin"])
	}
	if err := w.as("admin").call(t.Context(), "POST", "/import/begin", map[string]any{"name": "postcards", "replay": true}, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// collect lets a thousand people order and 91 days pass.
func (w *winback) collect() {
	t := w.t
	var recs []api.ImportRecord
	for i := range postcardPeople {
		recs = append(recs, w.event(w.clock, "web", "person.identified", i, map[string]any{"traits": livesAt(i)}))
	}
	recs = append(recs, w.event(w.clock, "web", "consent.changed", refusedBefore, map[string]any{"consent": []any{map[string]any{"channel": "postal", "purpose": "marketing", "state": "out", "method": "phone"}}}))
	for i := range postcardPeople {
		recs = append(recs, w.order(w.clock.Add(time.Minute), i, "O"+customerID(i)))
	}
	w.play(recs...)
	w.play(w.event(w.clock.AddDate(0, 0, 91), "web", "page.viewed", ordinary, map[string]any{"web": map[string]any{"url": "https://shop.example/"}}))
	var list struct {
		Items []struct {
			ID, State string
			Tally     struct{ Pieces int }
		}
	}
	// Who refused, and who has no address at all, gets no piece in the first place.
	eventually(t, time.Minute, "the pieces gather", func() error {
		w.get("/postal/batches", &list)
		if len(list.Items) != 1 || list.Items[0].State != "collecting" || list.Items[0].Tally.Pieces != postcardPeople-2 {
			return fmt.Errorf("%+v", list.Items)
		}
		return nil
	})
	w.batch = list.Items[0].ID
	// Who asks for the first time how the addresses stand learns it of everybody.
	var quality struct{ People, Usable int }
	if w.get("/postal/quality", &quality); quality.People != postcardPeople || quality.Usable != postcardPeople-5 {
		t.Errorf("addresses: %+v", quality)
	}
}

// approve cuts the batch off and has somebody else let it go.
func (w *winback) approve() {
	t := w.t
	if err := w.move("editor", "close"); err != nil {
		t.Fatal(err)
	}
	c := w.now("the addresses are checked", time.Minute, func(c *cards) bool { return c.State == "in_review" })
	want := map[string]int{"address:number.missing": 1, "address:emoji": 1, "address:foreign": 1, "address:zip.disagrees": 1, "household": 1}
	if got := c.reasons(); !maps.Equal(got, want) || c.Tally.Ready != postcardPeople-2-5 {
		t.Fatalf("%v, want %v; %+v", got, want, c.Tally)
	}
	if err := w.move("editor", "approve"); err == nil || !strings.Contains(err.Error(), "approver") {
		t.Errorf("an editor approves: %v", err)
	}
	if err := w.move("approver", "approve"); err != nil {
		t.Fatal(err)
	}
	if c = w.now("it is approved", time.Minute, func(c *cards) bool { return c.State == "approved" }); c.ApprovedBy != "approver" {
		t.Errorf("approved by %q", c.ApprovedBy)
	}
}

// lastMinute is what happens between the approval and the export.
func (w *winback) lastMinute() {
	t := w.t
	at := w.clock.Add(time.Hour)
	var recs []api.ImportRecord
	for i := firstBuyer; i < firstRefuser; i++ {
		recs = append(recs, w.order(at, i, "L"+customerID(i)))
	}
	for i := firstRefuser; i < goesAway; i++ {
		recs = append(recs, w.event(at, "web", "consent.changed", i, map[string]any{"consent": []any{map[string]any{"channel": "postal", "purpose": "marketing", "state": "out", "method": "form"}}}))
	}
	there := livesAt(moves)
	there["address1"] = "太子堂5-77-7"
	recs = append(recs, w.event(at, "web", "person.identified", moves, map[string]any{"traits": there}))
	w.play(recs...)
	if err := w.as("admin").call(t.Context(), "POST", "/people/"+w.id(goesAway)+"/erase", map[string]any{"confirm": fmt.Sprintf("縁野%d 花子", goesAway), "reason": "asked"}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the person is erased", func() error {
		var found struct{ Items []struct{ ID string } }
		w.get("/people?q="+customerID(goesAway), &found)
		if len(found.Items) > 0 {
			return fmt.Errorf("%+v", found)
		}
		return nil
	})
}

// last is how many pieces are printed.
const last = postcardPeople - 2 - 5 - 5 - 3 - 1 - 1

// export makes the files and fetches them as a print house's clerk does.
func (w *winback) export() {
	w.t.Helper()
	w.enishi("postal", "export", w.batch, "--out", w.out, "--token", w.tokens["approver"])
	c := w.now("it is exported", time.Minute, func(c *cards) bool { return c.State == "exported" })
	want := map[string]int{"address:number.missing": 1, "address:emoji": 1, "address:foreign": 1, "address:zip.disagrees": 1, "household": 1, "opted_out": 3, "erased": 1, "moved": 1}
	got := c.reasons()
	buyers := got["bought"] + got["goal"]
	delete(got, "bought")
	delete(got, "goal")
	if !maps.Equal(got, want) || buyers != 5 || c.Tally.Ready != last || len(c.Files) != 3 {
		w.t.Fatalf("%v and %d who bought, want %v; %+v, %d files", got, buyers, want, c.Tally, len(c.Files))
	}
	for _, f := range c.Files {
		b, err := os.ReadFile(filepath.Join(w.out, f.Name))
		sum := sha256.Sum256(b)
		if err != nil || hex.EncodeToString(sum[:]) != f.SHA256 || f.Pieces != last {
			w.t.Errorf("%s: %d pieces, %v", f.Name, f.Pieces, err)
		}
	}
	w.sentOnce()
}

// sentOnce: each piece of the files was told of once.
func (w *winback) sentOnce() {
	w.t.Helper()
	x := tablesOf(w.t, w.engine, filepath.Join(w.args[len(w.args)-3], "keys"))
	eventually(w.t, time.Minute, "the pieces are told of", func() error {
		if n := strings.Join(x.rows("SELECT count(), uniqExact(send_id) FROM events FINAL WHERE type = 'message.sent' AND message_channel = 'postal'"), " "); n != fmt.Sprintf("%d\t%d", last, last) {
			return fmt.Errorf("told of and pieces: %s", n)
		}
		return nil
	})
}

// comeBack takes ten pieces in that came back: ten addresses get no post any more.
func (w *winback) comeBack(pieces []printed) {
	t := w.t
	var codes []string
	for _, p := range pieces[10:20] {
		codes = append(codes, strings.ToLower(p["ピースコード"])+",あて所に尋ねあたりません")
	}
	file := filepath.Join(t.TempDir(), "returns.csv")
	text, err := japanese.ShiftJIS.NewEncoder().String(strings.Join(append(codes, codes[0]), "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.enishi("postal", "returns", file, "--token", w.tokens["editor"]); !strings.HasSuffix(got, "taken 10, known already 1, unknown 0, of others 0, erased 0") && !strings.Contains(got, "登録 10、登録済み 1、") {
		t.Fatalf("%s", got)
	}
	x := tablesOf(t, w.engine, filepath.Join(w.args[len(w.args)-3], "keys"))
	w.now("the returns are shown", 30*time.Second, func(c *cards) bool { return c.Returned == 10 })
	// The next message by post is not decided for them.
	campaign := map[string]any{"title": title("again"), "state": "live", "purpose": "marketing", "consent": "opt_in", "cap": map[string]string{"default": "none"}, "entry": map[string]any{"event": "custom.again", "reentry": "always"}, "start": "card",
		"nodes": map[string]any{"card": map[string]any{"type": "message", "channels": []string{"postal"}, "templates": map[string]string{"postal": "winback_postal"}, "next": "end"}, "end": map[string]any{"type": "exit"}}}
	if err := w.as("admin").put(t.Context(), &definitionFile{Kind: "journey", Name: "again", Body: campaign}); err != nil {
		t.Fatal(err)
	}
	var again []api.ImportRecord
	byName := map[string]int{}
	for i := range postcardPeople {
		a := livesAt(i)
		byName[fmt.Sprint(a["family_name"], " ", a["given_name"])] = i
	}
	for _, p := range pieces[10:21] { // one more, whose piece arrived
		again = append(again, w.event(w.clock.Add(time.Hour), "web", "custom.again", byName[p["氏名"]], nil))
	}
	w.play(again...)
	eventually(t, 30*time.Second, "they are decided", func() error {
		got := x.rows("SELECT sent, reason, count() FROM decisions FINAL WHERE journey = 'again' GROUP BY ALL ORDER BY sent")
		if len(got) != 2 || !strings.HasSuffix(got[0], "\t10") || !strings.Contains(got[0], "suppress") && !strings.Contains(got[0], "returned") || got[1] != "1\tsent\t1" {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

// redeem uses a code in a store.
func (w *winback) redeem(pieces []printed) {
	t := w.t
	at := w.clock.Add(time.Hour)
	code := pieces[30]["ピースコード"]
	// A till that says the code and nobody's name.
	w.play(w.event(at, "orders", "coupon.redeemed", ordinary+100, map[string]any{"coupon": map[string]any{"code": code}, "person": map[string]any{"anonymous_id": "till-7"}}))
	var r struct {
		Pieces, Coupons, Returned int
		Responses                 int
		Cost                      struct{ Amount string }
		CostPerResponse           *struct{ Amount string } `json:"cost_per_response"`
	}
	eventually(t, 30*time.Second, "the code is a response", func() error {
		w.get("/postal/batches/"+w.batch+"/response", &r)
		if r.Pieces != last || r.Returned != 10 || r.Coupons != 1 || r.Responses != 1 || r.CostPerResponse == nil || r.CostPerResponse.Amount != r.Cost.Amount {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	t.Logf("%d pieces at %s yen", r.Pieces, r.Cost.Amount)
}

// killed ends the process while the batch is exported, at several moments.
func (w *winback) killed() {
	if err := w.move("approver", "export"); err != nil {
		w.t.Fatal(err)
	}
	var first []string
	for i, wait := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond, 1800 * time.Millisecond, 3 * time.Second} {
		time.Sleep(wait)
		w.kill()
		w.launch()
		w.waitReady()
		var c cards
		w.get("/postal/batches/"+w.batch, &c)
		switch {
		case c.State == "exporting" && len(c.Files) == 0:
		case c.State == "exported" && len(c.Files) == 3:
			var sums []string
			for _, f := range c.Files {
				sums = append(sums, f.SHA256)
			}
			if first != nil && !slices.Equal(first, sums) {
				w.t.Errorf("other files after kill %d: %v, %v", i, first, sums)
			}
			first = sums
		default:
			w.t.Fatalf("killed %s after: %s with %d files", wait, c.State, len(c.Files))
		}
		w.t.Logf("killed after %s: %s", wait, c.State)
	}
}
