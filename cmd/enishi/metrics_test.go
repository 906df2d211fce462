package main

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"enishi/segments/audiences"
)

// TestAudienceMetrics: what was done at audiences is told as Prometheus reads it, of two workspaces side by side.
func TestAudienceMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	for name, stats := range map[string]audiences.Stats{"main": {Runs: 3, Seconds: 1.5, Calls: map[string]int{"ok": 5, "rate": 1}, People: map[string]int{"vip": 100, "new": 7}, Problems: map[string]audiences.Class{"new": audiences.Auth}}, "second": {}} {
		registry.MustRegister(audienceMetrics{func() audiences.Stats { return stats }, prometheus.Labels{"workspace": name}})
	}
	want := `# HELP enishi_audience_calls_total Calls to advertising platforms, by the class of their problem.
# TYPE enishi_audience_calls_total counter
enishi_audience_calls_total{class="ok",workspace="main"} 5
enishi_audience_calls_total{class="rate",workspace="main"} 1
# HELP enishi_audience_people People in the list of an audience.
# TYPE enishi_audience_people gauge
enishi_audience_people{audience="new",workspace="main"} 7
enishi_audience_people{audience="vip",workspace="main"} 100
# HELP enishi_audience_problem 1 while an audience has a problem.
# TYPE enishi_audience_problem gauge
enishi_audience_problem{audience="new",workspace="main"} 1
enishi_audience_problem{audience="vip",workspace="main"} 0
# HELP enishi_audience_runs_total Runs of audiences that ended.
# TYPE enishi_audience_runs_total counter
enishi_audience_runs_total{workspace="main"} 3
enishi_audience_runs_total{workspace="second"} 0
# HELP enishi_audience_seconds_total Seconds worked at audiences, waits for platforms included.
# TYPE enishi_audience_seconds_total counter
enishi_audience_seconds_total{workspace="main"} 1.5
enishi_audience_seconds_total{workspace="second"} 0
`
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
