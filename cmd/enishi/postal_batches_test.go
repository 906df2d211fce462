package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// postOffice is what of the API the commands of post ask, with one batch.
func postOffice(t *testing.T, file string) (*httptest.Server, *atomic.Value, *atomic.Value) {
	t.Helper()
	sum := sha256.Sum256([]byte("\"1\",\"佐藤\"\r\n"))
	var state, body atomic.Value
	state.Store("approved")
	body.Store("")
	mux := http.NewServeMux()
	batch := func() string {
		return fmt.Sprintf(`{"id":"default-sale-20261122","state":%q,"state_label":{"ja":"承認済み","en":"Approved"},"cutoff":"2026-11-22T00:00:00Z","problem":{"ja":"","en":""},"tally":{"pieces":10,"ready":8,"rejected":1,"left_out":1},
			"files":[{"name":"sale.csv","sha256":%q,"pieces":8,"size":12}]}`, state.Load(), hex.EncodeToString(sum[:]))
	}
	mux.HandleFunc("GET /api/v1/postal/batches", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"items":[%s]}`, batch()) })
	mux.HandleFunc("GET /api/v1/postal/batches/{id}", func(w http.ResponseWriter, r *http.Request) {
		if state.Load() == "exporting" {
			defer state.Store("exported")
		}
		io.WriteString(w, batch())
	})
	mux.HandleFunc("POST /api/v1/postal/batches/{id}/move", func(w http.ResponseWriter, r *http.Request) {
		if state.Load() == "in_review" {
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"title":"Conflict","detail":"it cannot be exported now","detail_ja":"書き出せません"}`)
			return
		}
		state.Store("exporting")
		io.WriteString(w, `{}`)
	})
	mux.HandleFunc("GET /api/v1/postal/batches/{id}/files/{name}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, file) })
	keep := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body.Store(string(b))
		io.WriteString(w, `{"taken":1,"known":0,"unknown":1,"foreign":0,"erased":0,"lines":[{"line":2,"text":"x","state":"unknown","state_label":{"ja":"不明","en":"Unknown"}}],"label":{"ja":"町域","en":"Towns"},"places":3}`)
	}
	mux.HandleFunc("POST /api/v1/postal/returns", keep)
	mux.HandleFunc("PUT /api/v1/postal/zip-table", keep)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, &state, &body
}

func TestPostalCommands(t *testing.T) {
	t.Parallel()
	s, state, body := postOffice(t, "\"1\",\"佐藤\"\r\n")
	if code, out, errs := runIn("C", "postal", "batches", "--addr", s.URL); code != 0 || !strings.Contains(out, "default-sale-20261122  Approved  2026-11-22T00:00Z  10  8  1  1") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	dir := filepath.Join(t.TempDir(), "out")
	for range 2 { // the second time they are made again
		code, out, errs := runIn("C", "postal", "export", "default-sale-20261122", "--out", dir, "--addr", s.URL)
		if code != 0 || !strings.HasSuffix(out, "  "+filepath.Join(dir, "sale.csv")+"\n") || state.Load() != "exported" {
			t.Fatalf("exit %d: %s%s", code, out, errs)
		}
		info, err := os.Stat(filepath.Join(dir, "sale.csv"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
	}
	codes := filepath.Join(t.TempDir(), "codes.csv")
	if err := os.WriteFile(codes, []byte("\xef\xbb\xbfABCD-EFGH-JKLM,\r\nx"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runIn("C", "postal", "returns", codes, "--addr", s.URL)
	var sent struct{ Lines string }
	if err := json.Unmarshal([]byte(body.Load().(string)), &sent); err != nil || code != 0 || sent.Lines != "ABCD-EFGH-JKLM,\r\nx" || out != "2\tx\tUnknown\ntaken 1, known already 0, unknown 1, of others 0, erased 0\n" {
		t.Errorf("exit %d: %s%s, sent %q %v", code, out, errs, sent.Lines, err)
	}
	if code, out, errs := runIn("ja_JP.UTF-8", "postal", "zip-table", codes, "--addr", s.URL); code != 0 || out != "町域\t3\n" {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestPostalExportKeepsNoPart(t *testing.T) {
	t.Parallel()
	s, state, _ := postOffice(t, "\"1\",\"佐")
	dir := t.TempDir()
	code, out, errs := runIn("C", "postal", "export", "b", "--out", dir, "--addr", s.URL)
	left, err := os.ReadDir(dir)
	if code != 1 || !strings.Contains(errs, "the server recorded") || err != nil || len(left) > 0 {
		t.Errorf("exit %d: %s%s, %v left", code, out, errs, left)
	}
	state.Store("in_review")
	if code, _, errs := runIn("ja_JP.UTF-8", "postal", "export", "b", "--out", dir, "--addr", s.URL); code != 1 || !strings.Contains(errs, "書き出せません") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
