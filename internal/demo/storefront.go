package demo

import (
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"enishi"
)

//go:embed shop
var files embed.FS

// Storefront serves the page /demo/shop. It uses the browser SDK as any shop's page does; only befriending the LINE
// account, what a customer does on Instagram and Messenger, and the parcel's way are played here.
type Storefront struct {
	WriteKey string
	Follow   func(userID, name string)                                // befriends the simulated LINE account
	Chat     func(c Chat) error                                       // acts towards the simulated social account; nil: there is none
	Ordered  func(orderID string, person enishi.Person, at time.Time) // plays what a warehouse would send
	Now      func() time.Time
}

// Chat is what a visitor does on a social platform.
type Chat struct {
	Platform string // instagram, messenger
	User     string // page-scoped id
	Name     string
	Customer string // customer id of a visitor who signed up
	Text     string // what they write; empty: they mention the shop in a story, on Instagram
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
	mux.HandleFunc("POST /demo/shop/chat", s.chat)
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
		Chat     bool      `json:"chat"`
		Products []product `json:"products"`
	}{WriteKey: s.WriteKey, Chat: s.Chat != nil}
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

// Most characters of what a visitor types.
const (
	chatName = 40
	chatText = 500
)

func (s *Storefront) chat(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Platform  string `json:"platform"`
		Name      string `json:"name"`
		Text      string `json:"text"`
		Mention   bool   `json:"mention"`
		VisitorID string `json:"visitor_id"`
		UserID    string `json:"user_id"`
	}
	if !readJSON(w, r, &ask) {
		return
	}
	ask.Name, ask.Text = strings.TrimSpace(ask.Name), strings.TrimSpace(ask.Text)
	var wrong string
	switch {
	case s.Chat == nil:
		wrong = "Instagram と Messenger のシミュレーターは動いていません。"
	case ask.Platform != "instagram" && ask.Platform != "messenger", ask.VisitorID == "", ask.UserID != "" && !strings.HasPrefix(ask.UserID, "W-"): // members of this page alone
		wrong = "このページから送ってください。"
	case ask.Name == "" || utf8.RuneCountInString(ask.Name) > chatName:
		wrong = "名前を 40 文字までで書いてください。"
	case ask.Mention && ask.Platform != "instagram":
		wrong = "ストーリーズのメンションは Instagram だけです。"
	case !ask.Mention && (ask.Text == "" || utf8.RuneCountInString(ask.Text) > chatText):
		wrong = "メッセージを 500 文字までで書いてください。"
	}
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	c := Chat{Platform: ask.Platform, User: socialID(ask.Platform, ask.VisitorID), Name: ask.Name, Customer: ask.UserID, Text: ask.Text}
	if ask.Mention {
		c.Text = ""
	}
	if err := s.Chat(c); err != nil {
		http.Error(w, "届きませんでした。少し待ってから、もう一度お試しください。", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, map[string]string{"social_id": c.User})
}

// socialID is the page-scoped id of a visitor's browser: digits, as the platforms have them.
func socialID(platform, visitor string) string {
	id := enishi.NewID("demo-social", platform, visitor)
	return fmt.Sprintf("9%015d", binary.BigEndian.Uint64(id[:8])%1e15)
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
