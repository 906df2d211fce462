package main

import (
	"net/http"
	"testing"
)

func TestClientIP(t *testing.T) {
	t.Parallel()
	trusted, err := trustedProxies([]string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	f := func(remote, want string, forwarded ...string) {
		t.Helper()
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": forwarded}}
		if got := clientIP(r, trusted); got != want {
			t.Errorf("%s by %q is %s, want %s", remote, forwarded, got, want)
		}
	}
	f("203.0.113.9:5", "203.0.113.9")
	f("203.0.113.9:5", "203.0.113.9", "198.51.100.1") // no proxy of ours: whoever sends may write what they like
	f("10.1.2.3:5", "198.51.100.1", "198.51.100.1")
	f("10.1.2.3:5", "198.51.100.1", "1.2.3.4, 198.51.100.1") // the left part is the client's own
	f("10.1.2.3:5", "198.51.100.1", "1.2.3.4, 198.51.100.1, 192.0.2.7")
	f("10.1.2.3:5", "198.51.100.1", "1.2.3.4", "198.51.100.1,192.0.2.7")
	f("[2001:db8::1]:5", "2400:cb00::1", "2400:cb00::1")
	f("[::ffff:10.1.2.3]:5", "198.51.100.1", "198.51.100.1")
	f("10.1.2.3:5", "10.1.2.3", "unknown")
	f("10.1.2.3:5", "10.9.9.9", "10.9.9.9")
	f("10.1.2.3:5", "10.1.2.3")
	if _, err := trustedProxies([]string{"proxy.internal"}); err == nil {
		t.Error("a name is no address")
	}
	cfg := DefaultConfig()
	if cfg.TrustedProxies = []string{"10.0.0.0/99"}; cfg.Check() == nil {
		t.Error("a network that is none is not refused")
	}
}
