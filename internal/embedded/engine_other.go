//go:build !(linux && amd64)

package embedded

import (
	"context"
	"net/http"
	"runtime"

	"enishi"
)

// Engine exists on Linux x86-64 only; elsewhere Enishi works with a ClickHouse server.
type Engine struct{}

func unsupported() error {
	return enishi.Errorf(enishi.Unavailable,
		"the embedded engine runs on Linux x86-64 only, not on %s/%s; give the address of a server by --clickhouse",
		runtime.GOOS, runtime.GOARCH)
}

// FindLibrary fails: there is no checked library for this platform.
func FindLibrary(string) (string, error) { return "", unsupported() }

// OpenEngine fails: there is no checked library for this platform.
func OpenEngine(EngineConfig) (*Engine, error) { return nil, unsupported() }

// RoundTrip fails.
func (*Engine) RoundTrip(*http.Request) (*http.Response, error) { return nil, unsupported() }

// Handler refuses every request.
func (*Engine) Handler(string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, unsupported().Error(), http.StatusNotImplemented)
	})
}

// Detached fails.
func (*Engine) Detached(context.Context) (int, error) { return 0, unsupported() }

// Close does nothing.
func (*Engine) Close() error { return nil }
