package demo

import (
	"embed"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"enishi"
)

//go:embed shop
var files embed.FS

// Storefront serves the page /demo/shop. It posts to the collector as any shop's page does; only befriending the LINE
// account and the parcel's way are played here.
type Storefront struct {
	WriteKey string
	Follow   func(userID, name string)                                // befriends the simulated LINE account
	Ordered  func(orderID string, person enishi.Person, at time.Time) // plays what a warehouse would send
	Now      func() time.Time
}

// Handler answers everything under /demo/shop.
func (s *Storefront) Handler() http.Handler {
	mux := http.NewServeMux()
	root, err := fs.Sub(files, "shop")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	page := func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, root, "index.html") }
	mux.HandleFunc("GET /demo/shop", page)
	mux.HandleFunc("GET /demo/shop/{$}", page)
	mux.Handle("GET /demo/shop/", http.StripPrefix("/demo/shop/", http.FileServerFS(root)))
	mux.HandleFunc("GET /demo/shop/config.json", s.config)
	mux.HandleFunc("POST /demo/shop/follow", s.follow)
	mux.HandleFunc("POST /demo/shop/ordered", s.ordered)
	return mux
}

func (s *Storefront) config(w http.ResponseWriter, r *http.Request) {
	type product struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Category string `json:"category"`
		Line     string `json:"line"`
		Price    int    `json:"price"`
		Text     string `json:"text"`
		Colour   string `json:"colour"`
	}
	answer := struct {
		WriteKey string    `json:"write_key"`
		Products []product `json:"products"`
	}{WriteKey: s.WriteKey}
	for _, p := range Products {
		answer.Products = append(answer.Products, product(p))
	}
	writeJSON(w, answer)
}

func (s *Storefront) follow(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Name   string `json:"name"`
		UserID string `json:"user_id"`
	}
	if !readJSON(w, r, &ask) {
		return
	}
	id := "U" + enishi.NewID("demo-line", ask.UserID).String()
	s.Follow(id, ask.Name)
	writeJSON(w, map[string]string{"line_user_id": id})
}

func (s *Storefront) ordered(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		OrderID     string `json:"order_id"`
		UserID      string `json:"user_id"`
		AnonymousID string `json:"anonymous_id"`
	}
	if !readJSON(w, r, &ask) {
		return
	}
	if !strings.HasPrefix(ask.OrderID, "DEMO-") || len(ask.OrderID) > 40 {
		http.Error(w, "not an order of the demo shop", http.StatusBadRequest)
		return
	}
	s.Ordered(ask.OrderID, enishi.Person{CustomerID: ask.UserID, AnonymousID: ask.AnonymousID}, s.Now())
	w.WriteHeader(http.StatusNoContent)
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		http.Error(w, "the body is not the JSON that this page sends", http.StatusBadRequest)
	}
	return err == nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nothing to tell
}
