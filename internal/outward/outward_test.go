package outward

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestHostile: no address of the own network, however it is written, is connected to.
func TestHostile(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer inside.Close()
	u, err := url.Parse(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := New(nil)
	for _, to := range strings.Fields(`http://127.0.0.1:PORT/ http://localhost:PORT/ http://[::1]:PORT/ http://[::ffff:127.0.0.1]:PORT/ http://0.0.0.0:PORT/ http://127.1:PORT/ http://2130706433:PORT/
		http://0x7f.1:PORT/ http://127.0.0.1/ http://127.255.255.254/ http://[::]/ http://10.0.0.1/ http://172.16.0.1/ http://192.168.1.1/ http://169.254.169.254/latest/meta-data/
		http://[fe80::1]/ http://[fe80::1%25lo]/ http://[fd00::1]/ http://100.64.0.1/ http://198.18.0.1/ http://192.0.2.1/ http://203.0.113.1/ http://224.0.0.1/ http://255.255.255.255/ http://240.0.0.1/
		http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/ http://[2001:db8::1]/ http://[::127.0.0.1]/ https://1.1.1.1:22/ https://1.1.1.1:8443/ http://user:pw@1.1.1.1/
		file:///etc/passwd gopher://127.0.0.1:PORT/ ftp://127.0.0.1/ javascript:alert(1) //127.0.0.1/ /relative http:// http:///x`) {
		status, err := c.Status(t.Context(), strings.ReplaceAll(to, "PORT", u.Port()))
		if err == nil {
			t.Errorf("%s answers %d", to, status)
			continue
		}
		// What is no name of a host anywhere (127.1, 2130706433) may fail before anything is dialled.
		if !errors.Is(err, ErrForbidden) && !strings.Contains(err.Error(), "lookup") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d questions arrived", n)
	}
	for _, ok := range []string{"1.1.1.1:443", "[2606:4700:4700::1111]:443", "8.8.8.8:80"} {
		if !Public(netip.MustParseAddrPort(ok)) {
			t.Errorf("%s is refused", ok)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	var asked, leaked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	defer inside.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	mux.HandleFunc("/gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside.URL, http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	c := New(func(to netip.AddrPort) bool { return "http://"+to.String() == s.URL })
	for path, want := range map[string]int{"/good": 200, "/gone": 410, "/get": 200, "/moved": 200, "/nothing": 404, "/loop": 0, "/inside": 0, "/file": 0} {
		got, err := c.Status(t.Context(), s.URL+path)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: %d %v, want %d", path, got, err, want)
		}
	}
	if asked.Load() == 0 || leaked.Load() != 0 {
		t.Errorf("%d good questions, %d behind a redirect", asked.Load(), leaked.Load())
	}
}
