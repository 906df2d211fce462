// Package outward asks addresses that people wrote, without letting them reach into the network that the program runs in.
package outward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// ErrForbidden is an address that is not asked: not http or https, another port than 80 and 443, or not on the public internet.
var ErrForbidden = errors.New("the address is not one of the public internet")

// Limits of one question, redirects included.
const (
	wholeTime = 5 * time.Second
	redirects = 5
	agent     = "Enishi-link-check/1 (+preview)"
)

// reserved are networks that are not the public internet beyond what netip tells: this network, shared addresses of carriers
// (RFC 6598), protocol assignments, documentation, benchmarks, 6to4 and Teredo (they wrap any IPv4), NAT64, class E.
var reserved = [...]netip.Prefix{prefix("0.0.0.0/8"), prefix("100.64.0.0/10"), prefix("192.0.0.0/24"), prefix("192.0.2.0/24"), prefix("192.88.99.0/24"),
	prefix("198.18.0.0/15"), prefix("198.51.100.0/24"), prefix("203.0.113.0/24"), prefix("240.0.0.0/4"), prefix("64:ff9b::/96"), prefix("64:ff9b:1::/48"),
	prefix("100::/64"), prefix("2001::/23"), prefix("2001:db8::/32"), prefix("2002::/16"), prefix("::/96")}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// Public tells whether a port of an address is on the public internet, and one of the web.
func Public(to netip.AddrPort) bool {
	ip := to.Addr().Unmap()
	if to.Port() != 80 && to.Port() != 443 || ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// Client asks. Use [New].
type Client struct {
	may  func(netip.AddrPort) bool
	http *http.Client
}

// New makes a client that connects only where may says; nil: [Public]. What is judged is the address that is dialled, after
// its name was resolved: a name that resolves to something else the second time gains nothing.
func New(may func(netip.AddrPort) bool) *Client {
	if may == nil {
		may = Public
	}
	c := &Client{may: may}
	transport := Transport(wholeTime, func(to netip.AddrPort) bool { return c.may(to) })
	transport.DisableKeepAlives = true
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// Transport connects only where may says, and uses no proxy.
func Transport(timeout time.Duration, may func(netip.AddrPort) bool) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout, Control: func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" || !may(to) {
			return ErrForbidden
		}
		return nil
	}}
	return &http.Transport{DialContext: dialer.DialContext, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second}
}

// Status asks an address by HEAD, and by GET where that is not answered well, and gives the status that the last redirect
// ends with. It reads no body, keeps no cookies and uses no proxy.
func (c *Client) Status(ctx context.Context, address string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	status, err := c.follow(ctx, http.MethodHead, address)
	if err == nil && status >= 400 || err != nil && ctx.Err() == nil && !errors.Is(err, ErrForbidden) {
		return c.follow(ctx, http.MethodGet, address) // there are servers that know no HEAD
	}
	return status, err
}

func (c *Client) follow(ctx context.Context, method, address string) (int, error) {
	for range redirects + 1 {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
			return 0, ErrForbidden
		}
		req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return 0, ErrForbidden
		}
		req.Header.Set("User-Agent", agent)
		answer, err := c.http.Do(req)
		if err != nil {
			return 0, fmt.Errorf("ask %s: %w", u.Hostname(), err)
		}
		answer.Body.Close()
		next, err := answer.Location()
		if answer.StatusCode < 300 || answer.StatusCode > 399 || err != nil {
			return answer.StatusCode, nil
		}
		address = next.String()
	}
	return 0, errors.New("too many redirects")
}
