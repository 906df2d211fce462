package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enishi/internal/sim/ads"
)

// toldReceiver keeps lists by signed calls, as docs/audiences.md tells a receiver to.
type toldReceiver struct {
	key string

	mu    sync.Mutex
	lists map[string]map[string][]string // addresses by member
	wrong []string
}

func (r *toldReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var c struct {
		Type, List string
		Members    []struct {
			Member string
			Email  []string
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || json.Unmarshal(body, &c) != nil || !signed(req.Header, body, []string{r.key}) {
		r.wrong = append(r.wrong, string(body))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	list := r.lists[c.List]
	switch {
	case c.Type == "audience.created":
		r.lists[c.List] = map[string][]string{}
	case c.Type == "audience.deleted":
		delete(r.lists, c.List)
	case list == nil:
		w.WriteHeader(http.StatusGone)
	default:
		for _, m := range c.Members {
			if list[m.Member] = m.Email; c.Type == "audience.removed" {
				delete(list, m.Member)
			}
		}
	}
}

func (r *toldReceiver) addresses() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.lists {
		for _, addresses := range list {
			out = append(out, addresses...)
		}
	}
	slices.Sort(out)
	return out
}

// TestAudienceFiles: a file of a table, the files for LINE Ads, a receiver of signed calls and lists of Yahoo!, outside of the process, have who may be told, also after somebody refuses while
// the process is killed.
func TestAudienceFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a real process")
	}
	t.Parallel()
	const people = 130
	yahoo := ads.NewYahoo("1234", "1234", "app", "secret", "refresh", time.Now)
	yahoo.Everybody("")
	receiver := &toldReceiver{key: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", lists: map[string]map[string][]string{}}
	platform, system := httptest.NewServer(yahoo), httptest.NewServer(receiver)
	t.Cleanup(platform.Close)
	t.Cleanup(system.Close)
	depot := t.TempDir()
	s := start(t, []string{"ENISHI_PLACES__DEPOT__DIR=" + depot, "ENISHI_WEBHOOK__KEYS=" + receiver.key, "ENISHI_WEBHOOK__INSIDE=" + strings.TrimPrefix(system.URL, "http://"),
		"ENISHI_ADS__AGENCY__PLATFORM=file", "ENISHI_ADS__AGENCY__PLACE=depot", "ENISHI_ADS__AGENCY__FOLDER=agency", "ENISHI_ADS__AGENCY__RECIPIENT=株式会社代理店", "ENISHI_ADS__AGENCY__COUNTRY=jp",
		"ENISHI_ADS__LINE_ADS__PLATFORM=line_ads", "ENISHI_ADS__LINE_ADS__PLACE=depot", "ENISHI_ADS__LINE_ADS__FOLDER=line",
		"ENISHI_ADS__CDP__PLATFORM=webhook", "ENISHI_ADS__CDP__ENDPOINT=" + system.URL + "/hook", "ENISHI_ADS__CDP__RECIPIENT=株式会社基盤", "ENISHI_ADS__CDP__COUNTRY=JP",
		"ENISHI_ADS__YAHOO__PLATFORM=yahoo", "ENISHI_ADS__YAHOO__ACCOUNT=1234", "ENISHI_ADS__YAHOO__CLIENT_ID=app", "ENISHI_ADS__YAHOO__CLIENT_SECRET=secret", "ENISHI_ADS__YAHOO__TOKEN=refresh", "ENISHI_ADS__YAHOO__ENDPOINT=" + platform.URL},
		"--data", t.TempDir())
	key := s.enishi("key", "create", "--write", "load")
	s.put("segment", "buyers", map[string]any{"title": title("購入者"), "expression": "count(orders, .valid) >= 1"})
	sent := 0
	event := func(typ string, n int, more map[string]any) map[string]any {
		sent++
		more["type"], more["id"], more["occurred_at"], more["channel"] = typ, fmt.Sprint("e", sent), time.Now().UTC().Format(time.RFC3339Nano), "web"
		more["person"] = map[string]any{"customer_id": fmt.Sprint("c", n), "email": fmt.Sprintf("s%d@shop.example", n)}
		return more
	}
	consent := func(state string) []map[string]string {
		return []map[string]string{{"channel": "ads", "purpose": "marketing", "state": state, "method": "form:signup"}}
	}
	var events []map[string]any
	in := map[int]bool{}
	for n := range people {
		state := "in"
		if n%10 == 3 {
			state = "out"
		}
		in[n] = state == "in"
		events = append(events, event("user.signed_up", n, map[string]any{"consent": consent(state)}),
			event("order.placed", n, map[string]any{"order": map[string]any{"order_id": fmt.Sprint("o", n), "currency": "JPY", "total": "1000", "lines": []map[string]any{{"product_id": "p1", "price": "1000", "quantity": 1}}}}))
	}
	if n, err := s.post(key, events); err != nil || n != len(events) {
		t.Fatal(n, err)
	}
	s.settled(30 * time.Second)
	platforms := []string{"agency", "line_ads", "cdp", "yahoo"}
	for _, name := range platforms {
		s.put("audience", name+"_buyers", map[string]any{"title": "購入者 " + name, "segment": "buyers", "destination": name, "every": "24h"})
	}
	have := map[string]func() ([]string, error){
		"agency": func() (out []string, err error) {
			f, err := os.Open(filepath.Join(depot, "agency", "agency_buyers.csv"))
			if err != nil {
				return nil, err
			}
			defer f.Close()
			rows, err := csv.NewReader(f).ReadAll()
			if err != nil || len(rows) == 0 || rows[0][1] != "email" {
				return nil, fmt.Errorf("%v: %v", rows, err)
			}
			for _, row := range rows[1:] {
				out = append(out, row[1])
			}
			return out, nil
		},
		"line_ads": func() ([]string, error) {
			b, err := os.ReadFile(filepath.Join(depot, "line", "line_ads_buyers", "email.csv"))
			return strings.Fields(string(b)), err
		},
		"cdp": func() ([]string, error) { return receiver.addresses(), nil },
		"yahoo": func() (out []string, err error) {
			lists := yahoo.Lists()
			for _, id := range lists {
				users, _ := yahoo.Members(id)
				for _, u := range users {
					out = append(out, strings.TrimPrefix(u, "email:"))
				}
			}
			if len(lists) != 1 {
				return out, fmt.Errorf("%d lists", len(lists))
			}
			return out, nil
		},
	}
	equal := func(phase string) {
		t.Helper()
		var want []string
		for n, yes := range in {
			if yes {
				want = append(want, sha(fmt.Sprintf("s%d@shop.example", n)))
			}
		}
		slices.Sort(want)
		for _, name := range platforms {
			eventually(t, time.Minute, phase+": "+name, func() error {
				// Yahoo! works at an upload for some time: it is asked again at once, not after a minute.
				if name == "yahoo" {
					_ = s.call("POST", "/audiences/yahoo_buyers/sync", nil, nil)
				}
				got, err := have[name]()
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					return fmt.Errorf("%v (-want +got)\n%s", err, diff)
				}
				return nil
			})
		}
	}
	equal("at first")

	// Five refuse, and the process is killed while that is carried out.
	events = nil
	for n := 20; n < 70; n += 10 {
		in[n] = false
		events = append(events, event("consent.changed", n, map[string]any{"consent": consent("out")}))
	}
	if n, err := s.post(key, events); err != nil || n != len(events) {
		t.Fatal(n, err)
	}
	s.settled(30 * time.Second)
	if os.Getenv("ENISHI_FULL") != "" { // what is in flight then is waited for
		for _, name := range platforms {
			if err := s.call("POST", "/audiences/"+name+"_buyers/sync", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.kill()
	s.launch()
	s.waitReady()
	for _, name := range platforms {
		if err := s.call("POST", "/audiences/"+name+"_buyers/sync", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	equal("after five refused")

	// Somebody has to upload the files for LINE Ads by hand, and is told so; nobody else has.
	eventually(t, 30*time.Second, "an alert says that files are to be uploaded", func() error {
		var list struct{ Items []shownAlert }
		if err := s.call("GET", "/alerts", nil, &list); err != nil {
			return err
		}
		n := 0
		for _, a := range list.Items {
			if a.Kind == "audience" && strings.Contains(a.Text, "line/line_ads_buyers/") && strings.Contains(a.TextJA, "アップロード") {
				n++
			} else if a.Kind == "audience" {
				return fmt.Errorf("%s", a.Text)
			}
		}
		if n != 1 {
			return fmt.Errorf("%d alerts", n)
		}
		return nil
	})
	// Who was told to whom stands on the person's record; a file that is written without somebody tells nothing of them.
	var found struct{ ID string }
	if err := s.call("GET", "/people/lookup?kind=email&value=s20@shop.example", nil, &found); err != nil {
		t.Fatal(err)
	}
	var records struct {
		Items []struct{ Audience, Recipient, Country, Op string }
	}
	if err := s.call("GET", "/people/"+found.ID+"/disclosures", nil, &records); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records.Items {
		got = append(got, strings.Join([]string{r.Audience, r.Recipient, r.Country, r.Op}, " "))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"agency_buyers 株式会社代理店 JP add", "cdp_buyers 株式会社基盤 JP add", "cdp_buyers 株式会社基盤 JP remove", "line_ads_buyers LINEヤフー株式会社 JP add", "yahoo_buyers LINEヤフー株式会社 JP add"}, slices.Compact(got)); diff != "" {
		t.Errorf("disclosures (-want +got)\n%s", diff)
	}
	if receiver.wrong != nil {
		t.Errorf("not signed, or not to be read: %v", receiver.wrong)
	}

	for _, name := range platforms {
		if err := s.call("DELETE", "/audiences/"+name+"_buyers", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, time.Minute, "files and lists are gone", func() error {
		var left []string
		err := filepath.WalkDir(depot, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				left = append(left, path)
			}
			return err
		})
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		if len(left)+len(receiver.lists)+len(yahoo.Lists()) > 0 {
			return errors.Join(err, fmt.Errorf("%v, %d lists of the receiver, %d of Yahoo!", left, len(receiver.lists), len(yahoo.Lists())))
		}
		return err
	})
}
